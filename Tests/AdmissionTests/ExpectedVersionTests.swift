import Admission
import LedgerCore
import LedgerTesting
import Testing

/// What a caller knows of a position's version, and what is known already.
struct ExpectedVersionTests {
    private func exact(_ version: Int64) -> ExpectedVersion {
        .exact(StreamVersion(rawValue: version))
    }

    @Test(arguments: [false, true])
    func `an event is taken at the version that its caller expects`(commits: Bool) throws {
        var story = PositionStory()
        var desk = Desk(commits: commits)
        try desk.take([story.sent[0].expecting(.noStream)])
        try desk.take([story.make(.buy("1", trade: "x")).expecting(exact(1))])
        // Within one request versions go on.
        try desk.take([
            story.make(.buy("1", trade: "y")).expecting(exact(2)),
            story.make(.buy("1", trade: "z")).expecting(exact(3)),
        ])
        try desk.take([story.make(.buy("1", trade: "w")).expecting(.any)])
        #expect(desk.state(story.positionID)?.version == StreamVersion(rawValue: 5))
    }

    @Test(arguments: [false, true])
    func `another version is a conflict that says both`(commits: Bool) throws {
        var story = PositionStory()
        var desk = try Desk(story, commits: commits)
        for expected in [.noStream, exact(2), exact(7)] as [ExpectedVersion] {
            let event = story.make(.buy("1", trade: "x")).expecting(expected)
            #expect(
                try desk.refuse([event])
                    == .versionConflict(
                        index: 0, positionID: story.positionID, expected: expected,
                        actual: StreamVersion(rawValue: 1)))
        }
        let unknown = PositionStory(number: 2)
        #expect(
            try desk.refuse([unknown.sent[0].expecting(exact(3))])
                == .versionConflict(
                    index: 0, positionID: unknown.positionID, expected: exact(3), actual: .none))
        #expect(
            try desk.refuse([
                story.make(.buy("1", trade: "x")).expecting(exact(1)),
                story.make(.buy("1", trade: "y")).expecting(exact(1)),
            ]).index == 1)
    }

    @Test(arguments: [false, true])
    func `a known event is known whatever version it expects`(commits: Bool) throws {
        var story = PositionStory()
        var desk = Desk(commits: commits)
        let opened = story.sent[0].expecting(.noStream)
        let fill = story.make(.buy("1", trade: "x")).expecting(exact(1))
        try desk.take([opened])
        try desk.take([fill])
        try desk.take([story.make(.buy("1", trade: "y"))])
        #expect(try desk.take([opened]).first?.isNew == false)
        #expect(try desk.take([fill]).first?.isNew == false)
        #expect(try desk.take([opened, fill]).allSatisfy { !$0.isNew })
        #expect(try desk.take([fill.expecting(exact(99))]).first?.isNew == false)
    }

    @Test(arguments: [false, true])
    func `a request that expects a version is known as a whole or not at all`(
        commits: Bool
    ) throws {
        var story = PositionStory()
        var desk = try Desk(story, commits: commits)
        let first = story.make(.buy("1", trade: "x"))
        let second = story.make(.buy("1", trade: "y"))
        try desk.take([first])
        #expect(
            try desk.refuse([first, second.expecting(exact(2))]) == .partlyKnown(known: 1, of: 2))
        #expect(
            try desk.refuse([first.expecting(exact(1)), second]) == .partlyKnown(known: 1, of: 2))
        // Also if the version has moved on meanwhile, and wherever the known one stands.
        #expect(
            try desk.refuse([second.expecting(exact(1)), first]) == .partlyKnown(known: 1, of: 2))
        // Without a version the rest is taken.
        #expect(try desk.take([first, second]).map(\.isNew) == [false, true])
    }

    @Test func `an event that stands twice in a request does not make it partly known`() throws {
        var story = PositionStory()
        var desk = try Desk(story)
        let fill = story.make(.buy("1", trade: "x")).expecting(exact(1))
        #expect(try desk.take([fill, fill]).map(\.isNew) == [true, false])
    }

    @Test func `a content conflict is said before a version conflict`() throws {
        var story = PositionStory()
        var desk = try Desk(story)
        try desk.take([story.make(.buy("1", trade: "x"))])
        let refusal = try desk.refuse([
            story.make(.buy("1", trade: "y")).expecting(exact(9)),
            story.make(.buy("2", trade: "x")),
        ])
        #expect(refusal.kind == "contentConflict")
        #expect(refusal.index == 1)
    }

    @Test func `a version conflict is said before what the position would refuse`() throws {
        var story = PositionStory()
        var desk = try Desk(story)
        try desk.take([story.make(.buy("1", trade: "x"))])
        let close = story.make(.closed(.stop)).expecting(exact(9))
        #expect(try desk.refuse([close]).kind == "versionConflict")
        #expect(try desk.refuse([close.expecting(.any)]).kind == "precondition")
    }

    @Test func `each position has versions of its own, and the log has one order`() throws {
        let (one, two) = (PositionStory(number: 1), PositionStory(number: 2))
        var (first, second) = (one, two)
        var desk = Desk()
        let outcomes = try desk.take([
            one.sent[0].expecting(.noStream), two.sent[0].expecting(.noStream),
            first.make(.buy("1", trade: "x")).expecting(exact(1)),
            second.make(.mark(Mark(leg: "a", px: .of("1")))).expecting(exact(1)),
            first.make(.mark(Mark(leg: "a", px: .of("1")))).expecting(exact(2)),
        ])
        #expect(outcomes.map(\.event.version.rawValue) == [1, 1, 2, 2, 3])
        #expect(outcomes.map(\.event.logPosition.rawValue) == [1, 2, 3, 4, 5])
        #expect(outcomes.allSatisfy { $0.event.recordedAt == .latest })
    }
}
