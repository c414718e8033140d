import Admission
import LedgerCore
import LedgerTesting
import Testing

/// A request is taken as a whole or leaves nothing: neither streams, head nor ids.
struct AtomicityTests {
    /// Events that are all taken, and what is refused after them, by position.
    private func good(_ story: inout PositionStory) -> [NewEvent] {
        let fill = story.make(.buy("1", trade: "good"))
        return [
            fill, story.make(.buy("1", trade: "good2")),
            story.make(
                .funding(Funding(leg: "a", fundingTime: story.now, amount: .one, asset: "USDT"))),
            story.make(.void(story.id(of: fill))),
            story.make(.void(UUID(high: 7, low: 7))),
            story.make(.closeRequested(reason: "x")),
            story.make(.mark(Mark(leg: "a", px: .of("1")))),
        ]
    }

    private func bad(_ story: inout PositionStory, _ known: NewEvent) -> [(String, NewEvent)] {
        [
            ("precondition", story.make(.closed(.stop))),
            ("precondition", story.make(.opened(story.opened))),
            ("invalid", story.make(.mark(Mark(leg: "z", px: .of("1"))))),
            (
                "versionConflict",
                story.make(.closeRequested(reason: "y")).expecting(
                    .exact(StreamVersion(rawValue: 99)))
            ),
            ("contentConflict", known.with { $0.payload = .buy("9", trade: "known") }),
            (
                "invalid",
                story.make(.buy("1", trade: "w")).with { $0.eventID = UUID(high: 1, low: 1) }
            ),
        ]
    }

    @Test(arguments: [false, true])
    func `a refused event anywhere in a request leaves nothing of it`(commits: Bool) throws {
        var story = PositionStory()
        let known = story.make(.buy("1", trade: "known"))
        var desk = try Desk(story, commits: commits)
        try desk.take([known])
        let good = good(&story)
        for (kind, event) in bad(&story, known) {
            for place in 0...good.count {
                var request = good
                request.insert(event, at: place)
                let refusal = try desk.refuse(request)
                #expect(refusal.kind == kind, "at \(place)")
                #expect(refusal.index == place, "\(kind)")
            }
        }
        // Nothing of all that is known: the same events are new now.
        #expect(try desk.take(good).allSatisfy { $0.isNew })
        #expect(desk.admission.head == LogPosition(rawValue: Int64(2 + good.count)))
    }

    @Test func `a new position of a refused request does not exist`() throws {
        let story = PositionStory()
        var (one, two) = (PositionStory(number: 2), PositionStory(number: 3))
        var desk = try Desk(story)
        let request = [
            one.sent[0], one.make(.buy("1", trade: "x")), two.sent[0],
            two.make(.mark(Mark(leg: "z", px: .one))),
        ]
        #expect(try desk.refuse(request).index == 3)
        #expect(desk.state(one.positionID) == nil)
        #expect(desk.admission.tail(of: one.positionID) == [])
        #expect(try desk.take(Array(request.prefix(3))).allSatisfy { $0.isNew })
    }

    @Test func `requests before and after a refused one stand`() throws {
        var story = PositionStory()
        var desk = try Desk(story)
        let first = story.make(.buy("1", trade: "x"))
        try desk.take([first])
        _ = try desk.refuse([story.make(.sell("1", trade: "y")), story.make(.opened(story.opened))])
        try desk.take([story.make(.buy("1", trade: "z"))])
        #expect(desk.admission.tail(of: story.positionID).map(\.version.rawValue) == [1, 2, 3])
        #expect(desk.state(story.positionID)?.lifecycle.legs[0].qty == .of("2"))
    }

    @Test(arguments: (1...30).map { UInt64($0) })
    func `requests of a random stream, refused or not, leave what the taken ones make`(
        seed: UInt64
    ) throws {
        let (opened, stream) = RandomStreams.stream(seed: seed)
        var random = SeededRandom(seed: seed)
        var (batch, committed, plain) = (Desk(), Desk(commits: true), Desk())
        var rest = try stream.map { event in
            try NewEvent(
                positionID: event.positionID, payload: event.payload,
                effectiveAt: event.effectiveAt, source: .venueREST, actor: "tests",
                eventID: event.type.derivesID ? nil : event.eventID)
        }[...]
        var position = PositionStory([.some("z")])
        var taken = 0
        while !rest.isEmpty {
            var request = Array(rest.prefix(random.within(1...4)))
            rest = rest.dropFirst(request.count)
            if random.chance(30) {
                // A mark of a leg that no stream has.
                let stray = position.make(.mark(Mark(leg: "nowhere", px: .one))).with {
                    $0.positionID = stream[0].positionID
                }
                request.insert(stray, at: random.within(0...request.count))
                _ = try batch.refuse(request)
                request.removeAll { $0.eventID == stray.eventID }
            }
            let isTaken = (try batch.admission(request)) != nil
            let isCommitted = (try committed.admission(request)) != nil
            #expect(isCommitted == isTaken, "seed \(seed)")
            guard isTaken else { continue }
            taken += 1
            for event in request { try plain.take([event]) }
        }
        try batch.settle()
        try committed.settle()
        try plain.settle()
        #expect(batch.view() == plain.view(), "seed \(seed)")
        #expect(committed.view().streams == plain.view().streams, "seed \(seed)")
        #expect(committed.view().head == plain.view().head, "seed \(seed)")
        guard taken > 0 else { return }
        #expect(batch.state(stream[0].positionID)?.opened == opened, "seed \(seed)")
    }
}

extension Desk {
    /// The outcomes; nil if the request is refused.
    fileprivate mutating func admission(
        _ request: [NewEvent]
    ) throws -> [Admission<CommittedHistory>.Outcome]? {
        var copy = self
        guard case .success = try copy.admit(request) else { return nil }
        return try take(request)
    }
}
