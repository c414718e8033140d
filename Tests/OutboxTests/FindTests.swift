import LedgerCore
import Testing

@testable import Outbox

@Suite struct FindTests {
    let folder: Folder
    let outbox: Outbox

    init() throws {
        folder = try Folder()
        outbox = try folder.open()
    }

    @Test func `a key is found with its request, its index and its state`() throws {
        try outbox.append([draft(10, events: 3), draft(20), draft(30)])
        try outbox.settle([
            .drained(1, places: [1], at: instant(1)), .parked(2, reason: "closed", behind: nil),
        ])
        let found = try outbox.find(.main, [key(12), key(20), key(30), key(99)])
        #expect(found.count == 3)
        #expect(found[key(12)] == Outbox.Location(sequence: 1, index: 2, state: .drained))
        #expect(found[key(20)] == Outbox.Location(sequence: 2, index: 0, state: .parked))
        #expect(found[key(30)] == Outbox.Location(sequence: 3, index: 0, state: .waiting))
        #expect(try outbox.find(#require(BookName("other")), [key(20)]).isEmpty)
    }

    @Test func `of two requests with a key the first is named`() throws {
        try outbox.append([draft(1), draft(1)])
        #expect(try outbox.find(.main, [key(1)])[key(1)]?.sequence == 1)
    }

    @Test func `a position is touched while one of its requests waits or is parked`() throws {
        try outbox.append([draft(1, positions: [1, 2]), draft(2, positions: [3])])
        let all = (1...4).map { position($0) }
        let other = try #require(BookName("other"))
        #expect(try outbox.touched(.main, all) == Set([1, 2, 3].map { position($0) }))
        #expect(try outbox.touched(other, all).isEmpty)
        try outbox.settle([.parked(1, reason: "refused", behind: nil)])
        try outbox.drain([2])
        #expect(try outbox.touched(.main, all) == [position(1), position(2)])
        try outbox.retry(1)
        #expect(try outbox.touched(.main, all) == [position(1), position(2)])
        try outbox.drain([1])
        #expect(try outbox.touched(.main, all).isEmpty)
    }

    @Test func `a position drained behind one that waits is no longer touched`() throws {
        try outbox.append([draft(1, positions: [1]), draft(2, positions: [2])])
        try outbox.drain([2])
        #expect(try outbox.touched(.main, [position(1), position(2)]) == [position(1)])
    }

    @Test func `touched asks no SQL while nothing waits or is parked`() throws {
        try outbox.append([draft(1)])
        try outbox.drain([1])
        try outbox.close()
        #expect(try outbox.touched(.main, [position(1)]).isEmpty)
        #expect(try outbox.next(limitEvents: 9, limitBytes: 9) == Outbox.Round())
        #expect(try outbox.find(.main, [key(2)]).isEmpty)
        let error = try failure { _ = try outbox.find(.main, [key(1)]) }
        guard case .io = error else {
            Issue.record("\(error)")
            return
        }
    }

    @Test func `the requests of a position come in order and by state`() throws {
        for number in 1...6 { try outbox.append([draft(number, positions: [number % 2, 7])]) }
        try outbox.drain([1])
        try outbox.settle([
            .parked(2, reason: "r", behind: nil), .parked(3, reason: "r", behind: nil),
        ])
        try outbox.retry(3)
        func sequences(_ number: Int, _ states: Set<Outbox.State>) throws -> [OutboxSequence] {
            try outbox.requests(of: .main, position(number), states).map(\.sequence)
        }
        #expect(try sequences(7, [.waiting, .parked]) == [2, 3, 4, 5, 6])
        #expect(try sequences(1, [.waiting, .parked]) == [3, 5])
        #expect(try sequences(1, [.drained]) == [1])
        #expect(try sequences(7, [.parked]) == [2])
        #expect(try sequences(0, Set(Outbox.State.allCases)) == [2, 4, 6])
        #expect(
            try outbox.requests(of: .main, position(7), after: 3, limit: 2).map(\.sequence)
                == [4, 5])
    }

    @Test func `the earlier requests of a position tell what became of them`() throws {
        try outbox.append([draft(10, events: 2), draft(20, positions: [2]), draft(30), draft(40)])
        try outbox.drain([1])
        let earlier = try outbox.earlier(.main, position(1), before: 4)
        #expect(earlier.map(\.sequence) == [1, 3])
        #expect(earlier.map(\.keys) == [[key(10), key(11)], [key(30)]])
        #expect(earlier.map(\.state) == [.drained, .waiting])
        #expect(earlier[0].places?.isEmpty == false)
        #expect(try outbox.earlier(.main, position(1), before: 1).isEmpty)
        #expect(try outbox.earlier(.main, position(1), after: 1, before: 4).count == 1)
        try outbox.settle([.parked(3, reason: "r", behind: nil)])
        try outbox.discard(3, actor: "ann", reason: "wrong", at: instant(5))
        let later = try outbox.earlier(.main, position(1), before: 4)
        #expect(later.map(\.state) == [.drained, .discarded])
        #expect(later[1].settledAt == instant(5))
    }

    @Test func `what was found is found after a start`() throws {
        try outbox.append([draft(1), draft(2, positions: [2])])
        try outbox.settle([.parked(1, reason: "r", behind: nil)])
        let copy = try folder.crashed()
        let again = try copy.open()
        #expect(try again.find(.main, [key(1)])[key(1)]?.state == .parked)
        #expect(try again.touched(.main, [position(1), position(2)]).count == 2)
        let blockers = try again.next(limitEvents: 9, limitBytes: .max).blockers
        #expect(blockers.isEmpty, "request 2 touches another position")
    }
}
