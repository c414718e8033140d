import LedgerCore
import Testing

@testable import Outbox

@Suite struct PurgeTests {
    let folder: Folder

    init() throws {
        folder = try Folder()
    }

    @Test func `drained requests go after their time, others stay`() throws {
        let outbox = try folder.open(keepFor: .seconds(100))
        try outbox.append((1...6).map { draft($0, positions: [$0]) })
        try outbox.drain([1], at: 10)
        try outbox.drain([2], at: 50)
        try outbox.settle([
            .parked(3, reason: "r", behind: nil), .parked(4, reason: "r", behind: nil),
        ])
        try outbox.discard(4, actor: "ann", reason: "wrong", at: instant(0))
        #expect(try outbox.purge(instant(109)).deleted.requests == 0)
        #expect(try outbox.purge(instant(110)).deleted == Outbox.Tally(requests: 1, events: 1))
        #expect(try outbox.request(1) == nil)
        #expect(try outbox.find(.main, [key(1)]).isEmpty)
        for sequence in 2...6 {
            #expect(try outbox.request(OutboxSequence(rawValue: Int64(sequence))) != nil)
        }
        #expect(try outbox.purge(instant(110), keepFor: .zero).deleted.requests == 1)
        #expect(try outbox.counts().drained == Outbox.Tally())
        #expect(try outbox.waitingSequences() == [5, 6])
    }

    @Test func `a sequence is not used again, though all were purged`() throws {
        var outbox = try folder.open(keepFor: .zero)
        try outbox.appendEach(1...5)
        try outbox.drain([1, 2, 3, 4, 5])
        #expect(try outbox.purge(instant(1)).deleted.requests == 5)
        try outbox.close()
        outbox = try folder.open()
        #expect(try outbox.append([draft(6)]) == [6])
        #expect(try outbox.waitingSequences() == [6])
        #expect(try outbox.counts().waiting == Outbox.Tally(requests: 1, events: 1))
    }

    @Test func `keys of a position with a waiting or parked request stay`() throws {
        let outbox = try folder.open(keepFor: .zero)
        try outbox.append([
            draft(1, positions: [1, 2]), draft(2, positions: [3]), draft(3, positions: [4]),
            draft(4, positions: [2]), draft(5, positions: [3]),
        ])
        try outbox.drain([1, 2, 3])
        try outbox.settle([.parked(4, reason: "r", behind: nil)])
        #expect(try outbox.purge(instant(9)).deleted.requests == 1)
        #expect(try outbox.earlier(.main, position(2), before: 4).map(\.keys) == [[key(1)]])
        #expect(try outbox.earlier(.main, position(3), before: 5).map(\.keys) == [[key(2)]])
        try outbox.discard(4, actor: "ann", reason: "wrong", at: instant(9))
        try outbox.drain([5])
        #expect(try outbox.purge(instant(9)).deleted.requests == 3)
    }

    @Test func `the file becomes shorter, and appends go on meanwhile`() async throws {
        let outbox = try folder.open(keepFor: .zero)
        for first in stride(from: 1, through: 2_901, by: 100) {
            try outbox.appendEach(first...first + 99, positions: 20, lineBytes: 1_000)
        }
        try outbox.drain((1...3_000).map { OutboxSequence(rawValue: $0) })
        let before = try outbox.counts().fileBytes
        async let appended: Void = {
            for number in 1...20 { try outbox.append([draft(10_000 + number, positions: [99])]) }
        }()
        let report = try outbox.purge(instant(5))
        try await appended
        #expect(report.deleted.requests == 3_000)
        #expect(report.bytesFreed > 2_500_000)
        #expect(try outbox.counts().fileBytes < before / 4)
        #expect(try outbox.waitingSequences().count == 20)
        try outbox.close()
        let again = try folder.open()
        #expect(try again.waitingSequences().count == 20)
    }
}
