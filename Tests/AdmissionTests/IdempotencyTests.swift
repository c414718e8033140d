import Admission
import LedgerCore
import LedgerTesting
import Testing

/// The same id again is the same event, or a conflict (accounting.md §2, Identity).
struct IdempotencyTests {
    @Test(arguments: [false, true])
    func `a repeat gives the first result and books nothing`(commits: Bool) throws {
        var story = PositionStory()
        story.fill("a", .buy, "1", px: "100")
        story.funding("a", "1")
        story.mark("a", "101")
        let fee = story.fee("a", "1")
        story.void(fee)
        var desk = try Desk(story, commits: commits)
        let before = desk.view()
        for (index, event) in story.sent.enumerated() {
            let taken = try desk.take([event])
            let outcome = try #require(taken.first)
            #expect(!outcome.isNew)
            #expect(outcome.event.version == StreamVersion(rawValue: Int64(index) + 1))
            #expect(outcome.event.logPosition == LogPosition(rawValue: Int64(index) + 1))
        }
        #expect(desk.view() == before)
        // All of them in one request as well.
        #expect(try desk.take(story.sent).allSatisfy { !$0.isNew })
        #expect(desk.view() == before)
    }

    @Test func `an event that stands twice in a request is booked once`() throws {
        var story = PositionStory()
        let fill = story.make(.buy("1", trade: "x"))
        var desk = try Desk(story)
        let outcomes = try desk.take([fill, fill, fill])
        #expect(outcomes.map(\.isNew) == [true, false, false])
        #expect(Set(outcomes.map(\.event.logPosition)).count == 1)
        #expect(desk.admission.head == LogPosition(rawValue: 2))
        #expect(try desk.state(of: story) == .open)
    }

    @Test(arguments: [false, true])
    func `a known id with other content is a conflict that names the member and the first event`(
        commits: Bool
    ) throws {
        var story = PositionStory()
        let first = story.make(.buy("1", trade: "x"))
        let other = story.make(.buy("1", trade: "x", px: "101"))
        var desk = try Desk(story, commits: commits)
        let taken = try desk.take([first])
        let known = try #require(taken.first).event
        #expect(
            try desk.refuse([other])
                == .contentConflict(index: 0, eventID: known.eventID, member: "px", known: known))
    }

    @Test func `a conflict within one request is refused as a whole`() throws {
        var story = PositionStory()
        let first = story.make(.buy("1", trade: "x"))
        let other = story.make(.buy("2", trade: "x"))
        var desk = try Desk(story)
        let refusal = try desk.refuse([first, other])
        #expect(refusal.kind == "contentConflict")
        #expect(refusal.index == 1)
    }

    @Test func `an own id is known whatever position and type bring it`() throws {
        var (one, two) = (PositionStory(number: 1), PositionStory(number: 2))
        let mark = one.make(.mark(Mark(leg: "a", px: .of("1"))))
        var desk = try Desk(one)
        try desk.take([two.sent[0]])
        try desk.take([mark])
        let elsewhere = two.make(.mark(Mark(leg: "a", px: .of("1")))).with {
            $0.eventID = mark.eventID
        }
        #expect(try desk.refuse([elsewhere]).kind == "contentConflict")
        let fee = one.make(.closeRequested(reason: "x")).with { $0.eventID = mark.eventID }
        let refusal = try desk.refuse([fee])
        guard case .contentConflict(_, _, let member, _) = refusal else {
            Issue.record("\(refusal)")
            return
        }
        #expect(member == "type")
    }

    @Test func `one venue's fact belongs to one position only`() throws {
        // Two positions with the same leg on the same account: the same trade has the same id.
        var (one, two) = (PositionStory(number: 1), PositionStory(number: 2))
        var desk = try Desk(one)
        try desk.take([two.sent[0]])
        try desk.take([one.make(.buy("1", trade: "x"))])
        let refusal = try desk.refuse([two.make(.buy("1", trade: "x"))])
        guard case .contentConflict(0, _, "position_id", let known) = refusal else {
            Issue.record("\(refusal)")
            return
        }
        #expect(known.positionID == one.positionID)
        // Its share of the trade has a part of its own.
        let share = two.make(.buy("1", trade: "x")).with {
            guard case .fill(var fill) = $0.payload else { return }
            fill.part = 1
            $0.payload = .fill(fill)
        }
        #expect(try desk.take([share]).first?.isNew == true)
    }

    @Test func `a given id that is not the derived one is refused`() throws {
        var story = PositionStory()
        let fill = story.make(.buy("1", trade: "x"))
        let right = story.id(of: fill)
        var desk = try Desk(story)
        let wrong = fill.with { $0.eventID = UUID(high: 1, low: 1) }
        let refusal = try desk.refuse([wrong])
        #expect(refusal.field == "event_id")
        #expect(refusal.description.contains(right.description))
        #expect(try desk.take([fill.with { $0.eventID = right }]).first?.isNew == true)
        #expect(try desk.take([fill]).first?.isNew == false)
    }

    @Test func `an event without an id that is not derived is refused`() throws {
        var story = PositionStory()
        let fee = story.make(.mark(Mark(leg: "a", px: .of("1")))).with { $0.eventID = nil }
        var desk = try Desk(story)
        #expect(try desk.refuse([fee]).field == "event_id")
    }

    @Test func `a void does not free its target's key`() throws {
        var story = PositionStory()
        let fill = story.make(.buy("1", trade: "x"))
        var desk = try Desk(story)
        try desk.take([fill])
        try desk.take([story.make(.void(story.id(of: fill)))])
        #expect(try desk.take([fill]).first?.isNew == false)
        #expect(try desk.state(of: story) == .pending)
        let other = story.make(.buy("2", trade: "x"))
        #expect(try desk.refuse([other]).kind == "contentConflict")
    }
}
