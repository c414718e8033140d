import Admission
import LedgerCore
import LedgerTesting
import Projections
import Testing

/// What an account is does not depend on how it came about (accounting.md §6).
struct RebuildTests {
    @Test(arguments: seeds)
    func `the account kept event by event is the one folded afresh, at every prefix`(
        seed: UInt64
    ) throws {
        var evolved = 0
        for shape in [RandomStreams.Shape(), RandomStreams.Shape { $0.late = false }] {
            let stream = RandomStreams.stream(seed: seed, shape: shape).events
            var account = try AccountFold.fold([stream[0]])
            for length in 2...stream.count {
                let folded = Folded(Array(stream[..<length]))
                let note: Comment = "seed \(seed), \(length) events, \(stream[length - 1].payload)"
                var next = account
                let result: Folded
                do throws(FoldError) {
                    if try next.evolve(stream[length - 1]) {
                        evolved += 1
                        result = .account(next)
                    } else {
                        result = folded
                    }
                } catch { result = .failed(error) }
                guard result == folded else {
                    Issue.record(note)
                    if let other = folded.account { try expectSame(next, other, note) }
                    return
                }
                guard let kept = folded.account else { break }
                account = kept
            }
        }
        #expect(evolved > 0, "seed \(seed): the account was never kept, only folded")
    }

    @Test(arguments: seeds)
    func `any order of arrival gives the same account`(seed: UInt64) throws {
        let stream = RandomStreams.stream(seed: seed).events
        let folded = Folded(stream)
        var random = SeededRandom(seed: seed)
        for attempt in 0..<8 {
            let order = [stream[0]] + random.shuffled(Array(stream.dropFirst()))
            let other = Folded(order.placed())
            let note: Comment = "seed \(seed), order \(attempt)"
            switch (folded, other) {
            case (.account(let first), .account(let second)):
                try expectSame(second, first, note)
            default: #expect(folded == other, note)
            }
        }
    }

    @Test func `most random streams fold, and have all that they can have`() throws {
        var states: Set<PositionState> = []
        var flags: Set<PositionFlag> = []
        var folds = 0
        for seed in UInt64(1)...200 {
            // Short ones too, in which nothing was reduced yet.
            let shape = RandomStreams.Shape { $0.events = seed % 2 == 0 ? 5 : 30 }
            let stream = RandomStreams.stream(seed: seed, shape: shape).events
            guard let account = Folded(stream).account else { continue }
            folds += 1
            states.insert(account.state)
            flags.formUnion(try account.flags())
        }
        #expect(folds > 180)
        #expect(states.isSuperset(of: [.pending, .opening, .open, .closing, .closed]))
        #expect(flags == Set(PositionFlag.allCases))
    }

    @Test(arguments: seeds)
    func `what is repeated changes nothing`(seed: UInt64) throws {
        let (opened, stream) = RandomStreams.stream(seed: seed)
        let sent = try stream.map { try $0.resent() }
        var random = SeededRandom(seed: seed)
        var (once, often) = (MemoryLedger(), MemoryLedger())
        var taken: [NewEvent] = []
        for event in sent {
            let isNew = Result { try once.append(event) }
            #expect(Result { try often.append(event) }.isTaken == isNew.isTaken)
            if isNew.isTaken { taken.append(event) }
            for _ in 0..<random.below(3) {
                let again = random.one(of: taken)
                #expect(try often.append(again) == false, "seed \(seed)")
            }
        }
        let position = stream[0].positionID
        #expect(once.events(of: position).count > opened.legs.count)
        #expect(once.events(of: position) == often.events(of: position), "seed \(seed)")
    }

    @Test(arguments: seeds)
    func `a voided event is as good as one that never came`(seed: UInt64) throws {
        let stream = RandomStreams.stream(seed: seed).events
        let dead = Set(
            stream.compactMap { event -> UUID? in
                guard case .voided(let void) = event.payload else { return nil }
                return void.target
            })
        for event in stream.dropFirst()
        where event.type != .eventVoided && !dead.contains(event.eventID) {
            let without = Folded(stream.filter { $0.eventID != event.eventID }.placed())
            let voided = Folded(try stream.voiding(event))
            let note: Comment = "seed \(seed), \(event.payload)"
            switch (without, voided) {
            case (.account(let first), .account(let second)):
                try expectSame(second, first, note)
                #expect(try second.flags().contains(.restated), note)
            default: #expect(without == voided, note)
            }
        }
    }

    @Test(arguments: seeds)
    func `a void that comes before its target works as well`(seed: UInt64) throws {
        let stream = RandomStreams.stream(seed: seed).events
        let voids = stream.filter { $0.type == .eventVoided }
        let early = [stream[0]] + voids + stream.dropFirst().filter { $0.type != .eventVoided }
        switch (Folded(stream), Folded(early.placed())) {
        case (.account(let late), .account(let first)):
            try expectSame(first, late, "seed \(seed)")
        case (let late, let first): #expect(late == first, "seed \(seed)")
        }
    }

    @Test(arguments: seeds)
    func `a stream that does not fold is kept up to its longest prefix that does`(
        seed: UInt64
    ) throws {
        let stream = RandomStreams.stream(seed: seed).events
        var broken = PositionStory([.some()])
        broken.adjust("a", cost: "1")
        let cut = Int(seed) % (stream.count - 1) + 1
        var event = try #require(broken.stream.last)
        event.effectiveAt = stream.map(\.effectiveAt).max() ?? event.effectiveAt
        event.positionID = stream[0].positionID
        guard case .adjustment(var adjustment) = event.payload else { return }
        adjustment.leg = "nowhere"
        event.payload = .adjustment(adjustment)
        let whole = (stream[..<cut] + [event] + stream[cut...]).placed()
        let (account, error) = try AccountFold.foldPrefix(whole)
        // Where the stream does not fold by itself, that may be said instead.
        #expect(error != nil, "seed \(seed)")
        if Folded(stream).account != nil {
            #expect(error == .unknownLeg(eventID: event.eventID, leg: "nowhere"), "seed \(seed)")
        }
        let expected = (1...cut).reversed().lazy
            .compactMap { Folded(Array(whole[..<$0])).account }.first { $0.canBeMapped }
        #expect(account == expected, "seed \(seed)")
    }
}

extension Event {
    /// The event as a caller sends it.
    fileprivate func resent() throws -> NewEvent {
        try NewEvent(
            positionID: positionID, payload: payload, effectiveAt: effectiveAt,
            source: .venueREST, actor: "tests", eventID: type.derivesID ? nil : eventID)
    }
}

extension Result {
    fileprivate var isTaken: Bool {
        if case .success = self { true } else { false }
    }
}
