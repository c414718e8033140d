import Admission
import LedgerCore
import LedgerTesting
import Projections
import Testing

/// Corrections by hand are refused as the fold would refuse them (accounting.md §4).
struct AdjustmentRuleTests {
    private func adjustment(
        _ story: inout PositionStory, qty: String? = nil, cost: String? = nil, cash: String? = nil
    ) -> NewEvent {
        story.make(
            .adjustment(
                Adjustment(
                    leg: "a", category: "c", reason: "r", qtyDelta: qty.map { .of($0) },
                    costDelta: cost.map { .of($0) }, cashDelta: cash.map { .of($0) })))
    }

    @Test(arguments: [false, true])
    func `a change of side, a cost below 0 and a cost on a flat leg are refused`(
        commits: Bool
    ) throws {
        var story = PositionStory()
        var desk = try Desk(story, commits: commits)
        #expect(
            try desk.refuse([adjustment(&story, cost: "1")])
                == .precondition(index: 0, reason: "adjustment refused: a flat leg has no cost"))
        try desk.take([story.make(.buy("2", trade: "x"))])
        #expect(
            try desk.refuse([adjustment(&story, qty: "-2.5")]).description
                == "adjustment refused: it changes the leg's side")
        #expect(
            try desk.refuse([adjustment(&story, cost: "-200.01")]).description
                == "adjustment refused: it makes the open cost negative")
        try desk.take([adjustment(&story, qty: "-2", cost: "-200", cash: "-1")])
        #expect(desk.state(story.positionID)?.lifecycle.isFlat == true)
    }

    @Test func `it is tried on what the same request has brought before it`() throws {
        var story = PositionStory()
        var desk = try Desk(story)
        let fill = story.make(.buy("1", trade: "x"))
        let cost = adjustment(&story, cost: "1")
        #expect(try desk.refuse([cost, fill]).index == 0)
        try desk.take([fill, cost])
    }

    @Test func `a quantity that it moves counts for position_closed`() throws {
        var story = PositionStory()
        story.fill("a", .buy, "1", px: "100")
        var desk = try Desk(story)
        try desk.take([adjustment(&story, qty: "-1"), story.make(.closed(.manual))])
        #expect(try desk.state(of: story) == .closed)
    }

    @Test func `a late one is tried where it belongs`() throws {
        var story = PositionStory()
        story.fill("a", .buy, "1", px: "100", at: PositionStory.start.plus(seconds: 600))
        var desk = try Desk(story)
        let before = story.make(
            .adjustment(Adjustment(leg: "a", category: "c", reason: "r", costDelta: .one)),
            at: PositionStory.start.plus(seconds: 300))
        #expect(try desk.refuse([before]).kind == "precondition")
        let after = story.make(
            .adjustment(Adjustment(leg: "a", category: "c", reason: "r", costDelta: .one)),
            at: PositionStory.start.plus(seconds: 900))
        #expect(try desk.take([after]).first?.isNew == true)
    }

    @Test func `one that makes a later one impossible is taken, and the fold says so`() throws {
        var story = PositionStory()
        story.fill("a", .buy, "1", px: "100", at: PositionStory.start.plus(seconds: 60))
        story.adjust("a", qty: "-1", at: PositionStory.start.plus(seconds: 600))
        var desk = try Desk(story)
        let late = story.make(
            .adjustment(
                Adjustment(leg: "a", category: "c", reason: "r", qtyDelta: .of("-0.5"))),
            at: PositionStory.start.plus(seconds: 300))
        #expect(try desk.take([late]).first?.isNew == true)
    }
}
