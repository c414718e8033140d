import LedgerCore
import Testing

@testable import Outbox

@Suite struct DrainTests {
    let folder: Folder
    let outbox: Outbox

    init() throws {
        folder = try Folder()
        outbox = try folder.open()
    }

    @Test func `waiting requests come in order, up to both limits`() throws {
        try outbox.append((1...6).map { draft($0 * 10, events: 3, lineBytes: 100) })
        func batch(_ after: OutboxSequence, _ events: Int, _ bytes: Int) throws
            -> [OutboxSequence]
        {
            try outbox.waiting(after: after, limitEvents: events, limitBytes: bytes)
                .map(\.sequence)
        }
        #expect(try batch(0, 7, .max) == [1, 2])
        #expect(try batch(2, 9, .max) == [3, 4, 5])
        #expect(try batch(0, .max, 700) == [1, 2])
        #expect(try batch(0, 1, 1) == [1])
        #expect(try batch(5, .max, .max) == [6])
        #expect(try batch(6, .max, .max) == [])
        #expect(try batch(900, .max, .max) == [])
    }

    @Test func `a drained request keeps its places`() throws {
        try outbox.append([draft(1), draft(2)])
        try outbox.settle([
            .drained(2, places: [], at: instant(8)),
            .drained(1, places: [1, 2, 3], at: instant(9)),
        ])
        let first = try #require(try outbox.request(1))
        #expect(first.state == .drained)
        #expect(first.places == [1, 2, 3] && first.drainedAt == instant(9))
        #expect(try outbox.request(2)?.places == [])
        #expect(try outbox.waitingSequences().isEmpty)
        #expect(try outbox.append([draft(3)]) == [3])
        #expect(try outbox.waitingSequences() == [3])
    }

    @Test func `a parked request keeps its reason and whom it waits behind`() throws {
        try outbox.append((1...3).map { draft($0) })
        try outbox.settle([
            .parked(1, reason: "position is closed", behind: nil),
            .parked(3, reason: "behind 1", behind: 1),
        ])
        #expect(try outbox.waitingSequences() == [2])
        let parked = try outbox.parked(limit: 10)
        #expect(parked.map(\.sequence) == [1, 3])
        #expect(parked[0].parking == Outbox.Parking(reason: "position is closed", behind: nil))
        #expect(parked[1].parking == Outbox.Parking(reason: "behind 1", behind: 1))
        #expect(try outbox.parked(after: 1, limit: 10).map(\.sequence) == [3])
        #expect(try outbox.parked(limit: 1).map(\.sequence) == [1])
    }

    @Test func `a settlement is whole or not at all`() throws {
        try outbox.append([draft(1), draft(2)])
        try outbox.drain([1])
        #expect(
            try failure { try outbox.drain([2, 1]) } == .notWaiting(1, state: .drained))
        #expect(try failure { try outbox.drain([2, 9]) } == .unknown(9))
        #expect(try failure { try outbox.drain([2, 2]) } == .notWaiting(2, state: .drained))
        #expect(
            try failure {
                try outbox.settle([.parked(2, reason: "r", behind: 1)])
            } == .notParked(1, state: .drained))
        #expect(try outbox.waitingSequences() == [2])
        #expect(try outbox.counts().drained.requests == 1)
    }

    @Test func `counts add up after every step, and after a start`() throws {
        func check(_ outbox: Outbox, _ expected: [Int64], events: [Int64]) throws {
            let counts = try outbox.counts()
            let tallies = [counts.waiting, counts.parked, counts.drained, counts.discarded]
            #expect(tallies.map(\.requests) == expected)
            #expect(tallies.map(\.events) == events)
        }
        try check(outbox, [0, 0, 0, 0], events: [0, 0, 0, 0])
        #expect(try outbox.counts().oldestWaiting == nil)
        try outbox.append((1...5).map { draft($0 * 10, events: $0, at: Int64($0)) })
        try check(outbox, [5, 0, 0, 0], events: [15, 0, 0, 0])
        #expect(try outbox.counts().oldestWaiting == instant(1))
        try outbox.drain([1])
        try outbox.settle([.parked(2, reason: "r", behind: nil)])
        try check(outbox, [3, 1, 1, 0], events: [12, 2, 1, 0])
        #expect(try outbox.counts().oldestWaiting == instant(3))
        try outbox.retry(2)
        try check(outbox, [4, 0, 1, 0], events: [14, 0, 1, 0])
        #expect(try outbox.counts().oldestWaiting == instant(2))
        try outbox.settle([.parked(2, reason: "r", behind: nil)])
        try outbox.discard(2, actor: "ann", reason: "wrong", at: instant(9))
        try check(outbox, [3, 0, 1, 1], events: [12, 0, 1, 2])
        try outbox.append([draft(100)])
        let copy = try folder.crashed()
        try check(copy.open(), [4, 0, 1, 1], events: [13, 0, 1, 2])
        let counts = try outbox.counts()
        #expect(counts.fileBytes > 4_096 && counts.bytesMax == 8 << 30)
        #expect(counts.diskFree ?? 0 > 0)
    }

    @Test func `a round is of one book and tells what blocks its positions`() throws {
        let other = try #require(BookName("other"))
        var foreign = draft(40)
        foreign.book = other
        try outbox.append([
            draft(10), draft(20, positions: [1, 2]), draft(30, positions: [3]), foreign,
            draft(50, positions: [2]), draft(60, positions: [4]),
        ])
        try outbox.settle([
            .parked(1, reason: "refused", behind: nil), .parked(2, reason: "behind 1", behind: 1),
            .parked(3, reason: Outbox.Parking.contradiction + "r", behind: nil),
        ])
        let round = try outbox.next(limitEvents: 10, limitBytes: .max)
        #expect(round.requests.map(\.draft.book) == [other])
        #expect(round.blockers.isEmpty)
        try outbox.drain([4])
        try outbox.append([draft(70, positions: [1]), draft(80, positions: [3])])
        let next = try outbox.next(limitEvents: 10, limitBytes: .max)
        #expect(next.requests.map(\.sequence) == [5, 6, 7, 8])
        #expect(next.blockers == [position(1): 1, position(2): 2])
        try outbox.retry(1)
        let again = try outbox.next(limitEvents: 10, limitBytes: .max)
        #expect(again.requests.map(\.sequence) == [1, 2, 5, 6, 7, 8])
        #expect(again.blockers.isEmpty)
        // What was read before a retry cannot be settled any more: the next round sees it.
        #expect(throws: OutboxError.notParked(1, state: .waiting)) {
            try outbox.settle([.parked(7, reason: "behind 1", behind: 1)])
        }
    }

    @Test func `many settle, and what is left waits in order`() throws {
        for first in stride(from: 1, through: 991, by: 10) {
            try outbox.appendEach(first...first + 9, positions: 50)
        }
        let odd = stride(from: 1, through: 999, by: 2).map { OutboxSequence(rawValue: $0) }
        try outbox.drain(odd)
        let even = try outbox.waitingSequences()
        #expect(even.map(\.rawValue) == stride(from: 2, through: 1_000, by: 2).map { Int64($0) })
        try outbox.drain(even.reversed())
        #expect(try outbox.waitingSequences().isEmpty)
        #expect(outbox.memory.withLock { $0.totals.frontier } == 1_001)
    }
}
