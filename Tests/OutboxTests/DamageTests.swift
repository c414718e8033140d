import Glibc
import LedgerCore
import LedgerTesting
import Testing

@testable import Outbox

@Suite struct DamageTests {
    let folder: Folder

    init() throws {
        folder = try Folder()
    }

    /// Where a text lies in some octets.
    private func place(of text: String, in bytes: [UInt8]) throws -> Int {
        let needle = Array(text.utf8)
        let found = (0..<bytes.count - needle.count).first { start in
            bytes[start] == needle[0] && bytes[start..<start + needle.count].elementsEqual(needle)
        }
        return try #require(found)
    }

    @Test func `a flipped bit in a line is found at start, named and counted`() throws {
        let outbox = try folder.open()
        try outbox.appendEach(1...40)
        try outbox.close()
        try folder.edit { bytes in
            if let place = try? place(of: "{\"n\":17,", in: bytes) { bytes[place + 20] ^= 4 }
        }
        let before = try folder.read("outbox.sqlite")
        let damage = try damage { _ = try folder.open() }
        #expect(damage.sequence == 17)
        #expect(damage.readable?.requests == 39)
        #expect(damage.readable?.damaged == [17])
        #expect(damage.readable?.unreadable == 1)
        #expect(damage.description.contains("request 17"))
        #expect(damage.description.contains("39 requests"))
        #expect(damage.description.contains("nexus-ledger outbox salvage"))
        #expect(try folder.read("outbox.sqlite") == before)
    }

    @Test func `a flipped bit is found by request and waiting while the outbox is open`() throws {
        let outbox = try folder.open()
        try outbox.appendEach(1...3)
        try outbox.writer.writeWithoutTransaction { db in
            try db.execute(
                sql: "UPDATE requests SET reason = 'unreachable!' WHERE sequence = 2")
        }
        #expect(try damage { _ = try outbox.request(2) }.sequence == 2)
        #expect(try damage { _ = try outbox.waitingSequences() }.sequence == 2)
        #expect(try outbox.waiting(limitEvents: 1, limitBytes: .max).map(\.sequence) == [1])
        #expect(try outbox.request(3) != nil)
    }

    @Test func `a changed outcome is found`() throws {
        let outbox = try folder.open()
        try outbox.appendEach(1...3)
        try outbox.drain([1])
        try outbox.writer.writeWithoutTransaction { db in
            try db.execute(sql: "UPDATE outcomes SET places = x'0707ff' WHERE sequence = 1")
        }
        #expect(try damage { _ = try outbox.request(1) }.sequence == 1)
        #expect(try damage { _ = try outbox.find(.main, [key(1)]) }.sequence == 1)
    }

    @Test func `a request that vanished is missed`() throws {
        let outbox = try folder.open()
        try outbox.appendEach(1...5)
        try outbox.writer.writeWithoutTransaction { db in
            try db.execute(sql: "DELETE FROM requests WHERE sequence = 3")
        }
        #expect(try damage { _ = try outbox.waitingSequences() }.sequence == 3)
        try outbox.close()
        #expect(try damage { _ = try folder.open() }.what.contains("request 3 is missing"))
    }

    @Test func `a file that was cut anywhere is refused and stays as it is`() throws {
        let outbox = try folder.open()
        try outbox.appendEach(1...200)
        try outbox.close()
        let whole = try folder.read("outbox.sqlite")
        for length in [0, 50, 4_096, whole.count / 2, whole.count - 4_096, whole.count - 1] {
            try folder.write(Array(whole[..<length]), to: "outbox.sqlite")
            let damage = try damage { _ = try folder.open() }
            #expect(damage.what.contains("cut"), "\(length): \(damage)")
            #expect(try folder.read("outbox.sqlite").count == length)
        }
    }

    @Test func `a log without its file is not replaced by a new file`() throws {
        let outbox = try folder.open()
        try outbox.append([draft(1)])
        let copy = try folder.crashed()
        unlink(copy.outbox)
        #expect(try damage { _ = try copy.open() }.what.contains("missing"))
        #expect(copy.names.contains("outbox.sqlite-wal"))
        #expect(!copy.names.contains("outbox.sqlite"))
    }

    @Test func `a bit flipped in any committed frame of the log is found`() throws {
        let outbox = try folder.open()
        for number in 1...10 { try outbox.append([draft(number)]) }
        let frames = (try folder.read("outbox.sqlite-wal").count - 32) / 4_120
        #expect(frames >= 10)
        for frame in 0..<frames {
            let copy = try folder.crashed()
            try copy.edit("outbox.sqlite-wal") { $0[32 + 4_120 * frame + 24 + 2_000] ^= 1 }
            let before = try copy.read("outbox.sqlite-wal")
            _ = try damage { _ = try copy.open() }
            #expect(try copy.read("outbox.sqlite-wal") == before)
        }
    }

    @Test func `a log that was cut or lost is found by the shared memory`() throws {
        let outbox = try folder.open()
        for number in 1...10 { try outbox.append([draft(number)]) }
        let length = try folder.read("outbox.sqlite-wal").count
        for kept in [0, 20, 32, 32 + 4_120, length - 4_120, length - 1] {
            let copy = try folder.crashed()
            try copy.edit("outbox.sqlite-wal") { $0.removeLast(length - kept) }
            _ = try damage { _ = try copy.open() }
        }
        let copy = try folder.crashed()
        unlink(copy.outbox + "-wal")
        _ = try damage { _ = try copy.open() }
    }

    @Test func `without shared memory, a flip before the last commit is found all the same`() throws
    {
        let outbox = try folder.open()
        for number in 1...10 { try outbox.append([draft(number)]) }
        let copy = try folder.crashed()
        unlink(copy.outbox + "-shm")
        try copy.edit("outbox.sqlite-wal") { $0[32 + 4_120 * 3 + 600] ^= 1 }
        #expect(try damage { _ = try copy.open() }.what.contains("frame 4"))
    }

    @Test func `the rest of a commit that was never acknowledged is no damage`() throws {
        let outbox = try folder.open()
        for number in 1...10 { try outbox.append([draft(number)]) }
        let copy = try folder.crashed()
        let frame = Array(try copy.read("outbox.sqlite-wal").suffix(4_120))
        try copy.edit("outbox.sqlite-wal") { $0 += frame[..<3_000] }
        let again = try copy.open()
        #expect(try again.waitingSequences().count == 10)
    }

    @Test(arguments: 0..<60)
    func `a random flip is found, or harms nothing`(_ seed: Int) throws {
        let outbox = try folder.open()
        try outbox.appendEach(1...60, positions: 7, lineBytes: 900)
        try outbox.drain([1, 2, 3])
        try outbox.settle([.parked(4, reason: "r", behind: nil)])
        let expected = try (1...60).map { try outbox.request(OutboxSequence(rawValue: $0)) }
        try outbox.close()
        var random = SeededRandom(seed: UInt64(seed))
        let size = try folder.read("outbox.sqlite").count
        let place = random.below(size)
        try folder.edit { $0[place] ^= 1 << UInt8(random.below(8)) }
        do {
            let again = try folder.open()
            let found = try (1...60).map { try again.request(OutboxSequence(rawValue: $0)) }
            #expect(found == expected, "octet \(place)")
        } catch let error as OutboxError {
            switch error {
            case .damaged, .newer: break
            default: Issue.record("octet \(place): \(error)")
            }
        }
    }
}
