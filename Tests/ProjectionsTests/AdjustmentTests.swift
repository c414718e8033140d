import LedgerCore
import LedgerTesting
import Projections
import Testing

/// Corrections by hand (accounting.md §4, adjustment_recorded).
struct AdjustmentTests {
    private func fold(
        _ terms: LegTerms = .some(), _ tell: (inout PositionStory) -> Void
    ) throws -> LegAccount {
        var story = PositionStory([terms])
        tell(&story)
        return try AccountFold.fold(story.stream).legs[0]
    }

    @Test func `quantity and cost change, and the realised price stays`() throws {
        let leg = try fold {
            $0.fill("a", .buy, "2", px: "100")
            $0.fill("a", .sell, "1", px: "110")
            $0.adjust("a", qty: "0.5", cost: "40", cash: "-3")
        }
        #expect(leg.qty.description == "1.5")
        #expect(leg.openCost.description == "140")
        #expect(leg.realizedPrice.description == "10")
        #expect(leg.adjustments.description == "-3")
        // −200 + 110 − 40.
        #expect(leg.cash.description == "-130")
        #expect(try leg.net()?.description == "7")
        #expect(leg.days[0].adjustments.description == "-3")
    }

    @Test func `the cash of an inverse leg is mirrored`() throws {
        let leg = try fold(.some("a", .inverse)) {
            $0.fill("a", .buy, "100", px: "20000", in: "BTC")
            $0.adjust("a", cost: "0.001")
        }
        #expect(leg.openCost.description == "0.006")
        #expect(leg.cash.description == "0.006")
        #expect(leg.realizedPrice.isZero)
    }

    @Test func `cost left at quantity 0 is realised`() throws {
        let long = try fold {
            $0.fill("a", .buy, "1", px: "100")
            $0.adjust("a", qty: "-1", cost: "-30")
        }
        #expect(long.qty.isZero && long.openCost.isZero)
        #expect(long.realizedPrice.description == "-70")
        #expect(long.days[0].pricePnl.description == "-70")
        let short = try fold {
            $0.fill("a", .sell, "1", px: "100")
            $0.adjust("a", qty: "1")
        }
        #expect(short.realizedPrice.description == "100")
        let inverse = try fold(.some("a", .inverse)) {
            $0.fill("a", .buy, "100", px: "20000", in: "BTC")
            $0.adjust("a", qty: "-100")
        }
        #expect(inverse.realizedPrice.description == "0.005")
    }

    @Test func `a flat leg is opened by a quantity with its cost`() throws {
        let leg = try fold { $0.adjust("a", qty: "-2", cost: "50") }
        #expect(leg.qty.description == "-2")
        #expect(leg.openCost.description == "50")
        #expect(leg.cash.description == "50")
        #expect(try leg.avgEntryPx()?.description == "25")
    }

    @Test(
        arguments: [
            ("-3", "0", "it changes the leg's side"),
            ("-2.000000000000000001", "0", "it changes the leg's side"),
            ("0", "-200.5", "it makes the open cost negative"),
            ("-2", "-201", "it makes the open cost negative"),
        ])
    func `a change of side or a cost below 0 is refused`(
        qty: String, cost: String, reason: String
    ) throws {
        var story = PositionStory()
        story.fill("a", .buy, "2", px: "100")
        let id = story.adjust("a", qty: qty, cost: cost)
        #expect(throws: FoldError.adjustmentRefused(eventID: id, reason: reason)) {
            try AccountFold.fold(story.stream)
        }
        // Voided, it is no more.
        story.void(id)
        #expect(try AccountFold.fold(story.stream).legs[0].qty.description == "2")
    }

    @Test func `a cost on a flat leg is refused`() throws {
        var story = PositionStory()
        let id = story.adjust("a", cost: "1")
        let refused = FoldError.adjustmentRefused(eventID: id, reason: "a flat leg has no cost")
        #expect(throws: refused) { try AccountFold.fold(story.stream) }
        let cash = try fold { $0.adjust("a", cash: "1") }
        #expect(cash.adjustments.description == "1")
    }
}
