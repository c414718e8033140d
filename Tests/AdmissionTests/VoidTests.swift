import Admission
import LedgerCore
import LedgerTesting
import Projections
import Testing

/// event_voided and `replaces` (accounting.md §2).
struct VoidTests {
    @Test(arguments: [false, true])
    func `a void takes its target back`(commits: Bool) throws {
        var story = PositionStory()
        story.fill("a", .buy, "1", px: "100")
        let reduction = story.fill("a", .sell, "1", px: "100")
        story.close()
        var desk = try Desk(story, commits: commits)
        #expect(try desk.state(of: story) == .closed)
        try desk.take([story.make(.void(reduction))])
        #expect(try desk.state(of: story) == .closing)
        let found = try desk.state(story.positionID)
        let state = try #require(found)
        #expect(state.lifecycle.legs[0].qty == .of("1"))
        #expect(state.lifecycle.liveFills == 1)
    }

    @Test(arguments: [false, true])
    func `a void may come before its target, which then never counts`(commits: Bool) throws {
        var story = PositionStory()
        let fill = story.make(.buy("1", trade: "x"))
        var desk = try Desk(story, commits: commits)
        try desk.take([story.make(.void(story.id(of: fill)))])
        #expect(desk.state(story.positionID)?.pendingVoids == [story.id(of: fill)])
        #expect(try desk.take([fill]).first?.isNew == true)
        #expect(desk.state(story.positionID)?.pendingVoids == [])
        #expect(try desk.state(of: story) == .pending)
        // Also in one request.
        let other = story.make(.buy("1", trade: "y"))
        try desk.take([story.make(.void(story.id(of: other))), other])
        #expect(try desk.state(of: story) == .pending)
    }

    @Test func `what was voided before it came is not held against the rules of the position`()
        throws
    {
        var story = PositionStory()
        story.fill("a", .buy, "1", px: "100")
        var desk = try Desk(story)
        let close = story.make(.closed(.stop))
        #expect(try desk.refuse([close]).kind == "precondition")
        try desk.take([story.make(.void(story.id(of: close))), close])
        #expect(try desk.state(of: story) == .open)
    }

    @Test func `the same void again is known, whatever its reason`() throws {
        var story = PositionStory()
        let fill = story.fill("a", .buy, "1", px: "100")
        var desk = try Desk(story)
        try desk.take([story.make(.void(fill))])
        let again = story.make(.voided(EventVoid(target: fill, reason: "another")))
        #expect(try desk.take([again]).first?.isNew == false)
    }

    @Test(arguments: [false, true])
    func `a void, a position_opened or an event of another position cannot be voided`(
        commits: Bool
    ) throws {
        var story = PositionStory()
        let fill = story.fill("a", .buy, "1", px: "100")
        let void = story.void(fill)
        var other = PositionStory(number: 2)
        let elsewhere = other.mark("a", "1")
        var desk = try Desk(story, commits: commits)
        for event in other.sent { try desk.take([event]) }
        let opened = try #require(story.sent[0].eventID)
        for target in [void, opened, elsewhere] {
            #expect(try desk.refuse([story.make(.void(target))]).kind == "precondition")
        }
    }

    @Test func `a void needs its position, and its actor`() throws {
        var story = PositionStory()
        let void = story.make(.void(UUID(high: 1, low: 1)))
        var desk = Desk()
        #expect(try desk.refuse([void]).kind == "precondition")
    }

    @Test func `a position holds at most 1,000 voids whose targets never came`() throws {
        var story = PositionStory()
        var desk = try Desk(story)
        let voids = (1...StreamState.pendingVoidsMax).map {
            story.make(.void(UUID(high: 1, low: UInt64($0))))
        }
        try desk.take(voids)
        #expect(desk.state(story.positionID)?.pendingVoids.count == StreamState.pendingVoidsMax)
        let more = story.make(.void(UUID(high: 2, low: 1)))
        #expect(try desk.refuse([more]).kind == "precondition")
        // One that is known stays known, and one whose target is there needs no place.
        #expect(try desk.take([voids[0]]).first?.isNew == false)
        let fill = story.make(.buy("1", trade: "x"))
        try desk.take([fill])
        try desk.take([story.make(.void(story.id(of: fill)))])
    }

    // MARK: replaces

    private func corrected(_ id: UUID, px: String = "99", trade: String = "x") -> EventPayload {
        guard case .fill(var fill) = EventPayload.buy("1", trade: trade, px: px) else {
            return .buy("1", trade: trade)
        }
        fill.replaces = id
        return .fill(fill)
    }

    @Test(arguments: [false, true])
    func `a corrected version replaces a voided event, once`(commits: Bool) throws {
        var story = PositionStory()
        let fill = story.make(.buy("1", trade: "x"))
        let id = story.id(of: fill)
        var desk = try Desk(story, commits: commits)
        try desk.take([fill])
        #expect(try desk.refuse([story.make(corrected(id))]).field == "payload.replaces")
        // The void may stand earlier in the same request, but not later.
        let void = story.make(.void(id))
        #expect(try desk.refuse([story.make(corrected(id)), void]).field == "payload.replaces")
        let replacement = story.make(corrected(id))
        let outcomes = try desk.take([void, replacement])
        #expect(outcomes.allSatisfy { $0.isNew })
        #expect(try desk.state(of: story) == .open)
        #expect(try desk.take([replacement]).first?.isNew == false)
        // Another trade's record cannot replace it as well.
        let second = story.make(corrected(id, trade: "y"))
        #expect(try desk.refuse([second]).field == "payload.replaces")
        // The replacement can be voided and replaced in its turn.
        let newID = story.id(of: replacement)
        try desk.take([story.make(.void(newID)), story.make(corrected(newID, px: "98"))])
        #expect(desk.state(story.positionID)?.lifecycle.liveFills == 1)
    }

    @Test func `a replacement with other content is a conflict, and none without a void`() throws {
        var story = PositionStory()
        let fill = story.make(.buy("1", trade: "x"))
        let id = story.id(of: fill)
        var desk = try Desk(story)
        try desk.take([fill])
        try desk.take([story.make(.void(id)), story.make(corrected(id))])
        #expect(try desk.refuse([story.make(corrected(id, px: "97"))]).kind == "contentConflict")
        let unknown = UUID(high: 1, low: 1)
        #expect(try desk.refuse([story.make(corrected(unknown))]).field == "payload.replaces")
    }

    @Test func `a replacement is of the same position and of the same type`() throws {
        var (one, two) = (PositionStory(number: 1), PositionStory(number: 2))
        let fill = one.make(.buy("1", trade: "x"))
        let id = one.id(of: fill)
        var desk = try Desk(one)
        try desk.take([two.sent[0]])
        try desk.take([fill, one.make(.void(id))])
        #expect(try desk.refuse([two.make(corrected(id))]).field == "payload.replaces")
        let funding = Funding(
            leg: "a", fundingTime: one.now, amount: .of("1"), asset: "USDT", replaces: id)
        #expect(try desk.refuse([one.make(.funding(funding))]).field == "payload.replaces")
    }

    @Test func `funding is replaced as a fill is`() throws {
        var story = PositionStory()
        let time = story.now
        func payment(_ amount: String, _ replaces: UUID?) -> EventPayload {
            .funding(
                Funding(
                    leg: "a", fundingTime: time, amount: .of(amount), asset: "USDT",
                    replaces: replaces))
        }
        let first = story.make(payment("1", nil))
        let id = story.id(of: first)
        var desk = try Desk(story)
        try desk.take([first, story.make(.void(id)), story.make(payment("2", id))])
        let events = desk.admission.tail(of: story.positionID)
        let account = try AccountFold.fold(events)
        #expect(account.legs[0].fundingValue == .of("2"))
    }
}
