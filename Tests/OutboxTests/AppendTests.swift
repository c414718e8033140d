import LedgerCore
import Testing

@testable import Outbox

@Suite struct AppendTests {
    let folder: Folder

    init() throws {
        folder = try Folder()
    }

    @Test func `sequences rise from 1 without a gap, over calls and starts`() throws {
        var outbox = try folder.open()
        #expect(try outbox.append([]) == [])
        #expect(try outbox.append([draft(1)]) == [1])
        #expect(try outbox.append([draft(2), draft(3), draft(4)]) == [2, 3, 4])
        try outbox.close()
        outbox = try folder.open()
        #expect(try outbox.append([draft(5)]) == [5])
    }

    @Test func `everything of a draft comes back`() throws {
        let outbox = try folder.open()
        var given = draft(1, events: 3, positions: [1, 2], book: try #require(BookName("desk")))
        given.bases = [position(2): StreamVersion(rawValue: 0)]
        given.peerUID = UInt32.max
        given.lines[1] = Array("ä€\u{0}\n".utf8)
        given.keys[2] = [UInt8](repeating: 9, count: 255)
        given.reason = "57P01: \"terminating\""
        let sequence = try outbox.append([given])[0]
        let request = try #require(try outbox.request(sequence))
        #expect(request.draft == given)
        #expect(request.state == .waiting)
        #expect(request.parking == nil && request.places == nil && request.resolution == nil)
        var other = given
        other.peerUID = nil
        #expect(try outbox.request(outbox.append([other])[0])?.draft == other)
        #expect(try outbox.request(3) == nil)
    }

    @Test func `a request of megabytes comes back whole`() throws {
        let outbox = try folder.open()
        let given = draft(1, events: 5_000, positions: Array(1...300), lineBytes: 700)
        try outbox.append([given])
        #expect(try outbox.request(1)?.draft == given)
        #expect(try outbox.find(.main, [key(5_000)])[key(5_000)]?.index == 4_999)
    }

    @Test func `what append returned survives a crash`() throws {
        let outbox = try folder.open()
        for number in 1...20 { try outbox.append([draft(number)]) }
        let copy = try folder.crashed()
        let again = try copy.open()
        #expect(try again.waitingSequences() == (1...20).map { OutboxSequence(rawValue: $0) })
        #expect(try again.append([draft(21)]) == [21])
    }

    @Test func `beyond bytesMax nothing is stored, and the limit is named`() throws {
        let outbox = try folder.open(bytesMax: 400_000)
        var stored = 0
        let error = try failure {
            while true {
                try outbox.append([draft(stored + 1, events: 10)])
                stored += 1
            }
        }
        guard case .full(.bytesMax(let needed, let max)) = error else {
            Issue.record("\(error)")
            return
        }
        #expect(needed > 400_000 && max == 400_000)
        #expect(stored > 10)
        #expect(try outbox.counts().waiting.requests == Int64(stored))
        #expect(try outbox.find(.main, [key(stored * 10 + 1)]).isEmpty)
        try outbox.drain([1])
        #expect(try outbox.request(1)?.state == .drained)
    }

    @Test func `below the floor of free disk nothing is stored`() throws {
        let outbox = try folder.open(diskFreeMin: 1_000, diskFree: { _ in 999 })
        let error = try failure { try outbox.append([draft(1)]) }
        #expect(error == .full(.diskFreeMin(free: 999, min: 1_000)))
        #expect(error.description.contains("disk_free_min"))
        #expect(try outbox.counts().diskFree == 999)
        #expect(try outbox.counts().waiting.requests == 0)
    }

    @Test func `a file system that does not tell its free space has no floor`() throws {
        let outbox = try folder.open(diskFreeMin: 1_000, diskFree: { _ in nil })
        #expect(try outbox.append([draft(1)]) == [1])
    }

    @Test func `a full device maps to full, and the next append has the same sequence`() throws {
        let outbox = try folder.open()
        try outbox.append([draft(1)])
        try outbox.writer.writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA max_page_count = 1")
        }
        let error = try failure { try outbox.append([draft(2, events: 500)]) }
        guard case .full(.device) = error else {
            Issue.record("\(error)")
            return
        }
        try outbox.writer.writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA max_page_count = 1000000")
        }
        #expect(try outbox.counts().waiting == Outbox.Tally(requests: 1, events: 1))
        #expect(try outbox.append([draft(2), draft(3)]) == [2, 3])
    }

    @Test func `threads that append at once get each sequence once`() async throws {
        let outbox = try folder.open()
        let sequences = try await withThrowingTaskGroup(of: [OutboxSequence].self) { group in
            for task in 0..<8 {
                group.addTask {
                    try (0..<25).flatMap { number in
                        try outbox.append([draft(task * 1_000 + number, positions: [task])])
                    }
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(sequences.map(\.rawValue).sorted() == Array(1...200))
        #expect(try outbox.counts().waiting.requests == 200)
    }
}
