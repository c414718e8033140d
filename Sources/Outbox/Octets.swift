import GRDB
import LedgerCore

import struct Foundation.Data

/// Reads numbers and octets one after the other; nil beyond the end.
struct OctetReader {
    private let bytes: [UInt8]
    private var index = 0

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    var isAtEnd: Bool { index == bytes.count }

    /// An unsigned number of `count` octets, the highest first.
    mutating func number(_ count: Int) -> UInt64? {
        guard bytes.count - index >= count else { return nil }
        var value: UInt64 = 0
        for octet in bytes[index..<index + count] { value = value << 8 | UInt64(octet) }
        index += count
        return value
    }

    mutating func octets(_ count: Int) -> [UInt8]? {
        guard count >= 0, bytes.count - index >= count else { return nil }
        defer { index += count }
        return Array(bytes[index..<index + count])
    }
}

extension [UInt8] {
    /// Appends the low `count` octets of a number, the highest first.
    mutating func append(_ number: UInt64, octets count: Int) {
        for place in stride(from: 8 * (count - 1), through: 0, by: -8) {
            append(UInt8(truncatingIfNeeded: number >> UInt64(place)))
        }
    }
}

extension Row {
    /// A blob's octets; nil for NULL and for what is no blob.
    func octets(_ column: Int) throws -> [UInt8]? {
        try withUnsafeData(atIndex: column) { data in data.map { [UInt8]($0) } }
    }
}

extension Database {
    /// Runs a statement that stays prepared.
    func run(_ sql: String, _ arguments: StatementArguments = []) throws {
        try cachedStatement(sql: sql).execute(arguments: arguments)
    }

    /// The first row of a statement that stays prepared.
    func first(_ sql: String, _ arguments: StatementArguments = []) throws -> Row? {
        try Row.fetchOne(cachedStatement(sql: sql), arguments: arguments)
    }

    /// Its rows, one at a time; a row is valid until the next one is asked for.
    func rows(_ sql: String, _ arguments: StatementArguments = []) throws -> RowCursor {
        try Row.fetchCursor(cachedStatement(sql: sql), arguments: arguments)
    }

    /// The first column of each row.
    func numbers(_ sql: String, _ arguments: StatementArguments = []) throws -> [Int64] {
        try Int64.fetchAll(cachedStatement(sql: sql), arguments: arguments)
    }

    func number(_ sql: String, _ arguments: StatementArguments = []) throws -> Int64? {
        try Int64.fetchOne(cachedStatement(sql: sql), arguments: arguments)
    }
}
