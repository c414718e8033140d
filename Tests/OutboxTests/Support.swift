import Glibc
import LedgerCore
import Testing

@testable import Outbox

/// A folder of the test's own, removed with its last reference.
final class Folder: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/nexus-outbox-XXXXXX".utf8CString)
        path = try #require(mkdtemp(&template).map { String(cString: $0) })
    }

    deinit {
        for name in names { unlink(path + "/" + name) }
        rmdir(path)
    }

    /// What lies in it.
    var names: [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { raw in
                String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// Where the outbox is.
    var outbox: String { path + "/outbox.sqlite" }

    func open(
        bytesMax: Int64 = 8 << 30, diskFreeMin: Int64 = 0, keepFor: Duration = .seconds(60),
        diskFree: (@Sendable (String) -> Int64?)? = nil
    ) throws -> Outbox {
        try Outbox.open(
            Outbox.Configuration(
                path: outbox, bytesMax: bytesMax, diskFreeMin: diskFreeMin,
                drainedKeepFor: keepFor, diskFree: diskFree))
    }

    /// What a kill -9 would leave of the outbox: file, log and shared memory as they are now.
    func crashed() throws -> Folder {
        let copy = try Folder()
        for name in names where !name.hasSuffix(".lock") {
            try copy.write(try read(name), to: name)
        }
        return copy
    }

    func read(_ name: String) throws -> [UInt8] {
        let file = try #require(fopen(path + "/" + name, "rb"))
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = fread(&chunk, 1, chunk.count, file)
            guard count > 0 else { return bytes }
            bytes += chunk[..<count]
        }
    }

    func write(_ bytes: [UInt8], to name: String) throws {
        let file = try #require(fopen(path + "/" + name, "wb"))
        defer { fclose(file) }
        try #require(fwrite(bytes, 1, bytes.count, file) == bytes.count)
    }

    /// Changes the octets of a file.
    func edit(_ name: String = "outbox.sqlite", _ change: (inout [UInt8]) -> Void) throws {
        var bytes = try read(name)
        change(&bytes)
        try write(bytes, to: name)
    }

    /// The permission bits of a file.
    func mode(_ name: String) throws -> mode_t {
        var status = stat()
        try #require(stat(path + "/" + name, &status) == 0)
        return status.st_mode & 0o777
    }
}

/// The error that `body` throws; the test fails where it throws none.
func failure(_ body: () throws -> Void) throws -> OutboxError {
    var caught: OutboxError?
    do {
        try body()
    } catch let error as OutboxError {
        caught = error
    }
    return try #require(caught, "an OutboxError was expected")
}

/// The damage that `body` reports.
func damage(_ body: () throws -> Void) throws -> OutboxError.Damage {
    let error = try failure(body)
    guard case .damaged(let damage) = error else {
        Issue.record("damage was expected, not: \(error)")
        throw error
    }
    return damage
}

/// Position number n.
func position(_ number: Int) -> UUID { UUID(high: 0xA11CE, low: UInt64(number)) }

/// The instant n seconds after an epoch of the tests.
func instant(_ seconds: Int64) -> Timestamp {
    Timestamp(microseconds: 1_767_225_600_000_000 + seconds * Timestamp.secondInMicroseconds)
}

func key(_ number: Int) -> [UInt8] {
    (0..<16).map { UInt8(truncatingIfNeeded: number >> (8 * ($0 % 4)) &+ $0) }
}

/// A request of `events` events on some positions; its keys are `key(first)`, `key(first + 1)` ….
func draft(
    _ first: Int, events: Int = 1, positions: [Int] = [1], book: BookName = .main,
    lineBytes: Int = 300, at seconds: Int64 = 0
) -> Outbox.Draft {
    let numbers = first..<first + events
    return Outbox.Draft(
        book: book,
        lines: numbers.map { number in
            Array("{\"n\":\(number),".utf8) + [UInt8](repeating: 0x78, count: lineBytes)
        },
        keys: numbers.map { key($0) }, positions: positions.map { position($0) },
        bases: positions.first.map { [position($0): StreamVersion(rawValue: Int64(first))] } ?? [:],
        peerUID: 1_000, bufferedAt: instant(seconds), reason: "unreachable")
}

extension Outbox {
    /// Appends one request a number: key and position alike.
    @discardableResult
    func appendEach(
        _ numbers: ClosedRange<Int>, positions: Int = 1, lineBytes: Int = 300
    ) throws -> [OutboxSequence] {
        try append(
            numbers.map { draft($0, positions: [$0 % positions], lineBytes: lineBytes) })
    }

    /// The sequences of all that wait.
    func waitingSequences() throws -> [OutboxSequence] {
        try waiting(limitEvents: .max, limitBytes: .max).map(\.sequence)
    }

    func drain(_ sequences: [OutboxSequence], at seconds: Int64 = 0) throws {
        try settle(sequences.map { .drained($0, places: [7, 7], at: instant(seconds)) })
    }
}
