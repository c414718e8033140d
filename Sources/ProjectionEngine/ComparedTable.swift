import Glibc
import LedgerCore
import Postgres
import Projections

/// How the rows of a table are read for a comparison: raw, and decoded where they differ.
struct ComparedTable {
    let table: ProjectedTable
    /// The columns as they are read: the key first.
    let order: [String]
    /// What rows are ordered by.
    let sorting: [String]
    private let types: [PostgresType]
    /// Where each column of `ProjectedTable.columns` stands in `order`.
    private let places: [Int]

    init(_ table: ProjectedTable, _ connection: Connection, deadline: Deadline) throws {
        self.table = table
        let keys = table.keyColumns
        let order = keys + table.columns.filter { !keys.contains($0) }
        let result = try connection.query(
            ProjectionSQL.columnTypes, [.text(table.relation)], deadline: deadline)
        var known: [String: PostgresType] = [:]
        for row in result.rows {
            known[try row[0].string()] = PostgresType(
                rawValue: UInt32(truncatingIfNeeded: try row[1].int64()))
        }
        let types = order.map { known[$0] ?? .text }
        self.order = order
        self.types = types
        sorting = keys.enumerated().map { index, key in
            types[index] == .text ? "\(key) COLLATE \"C\"" : key
        }
        places = table.columns.map { order.firstIndex(of: $0) ?? 0 }
    }

    var keyCount: Int { table.keyColumns.count }

    /// The texts of a row's columns, in the order in which they were read; nil for null.
    func texts(_ fields: UnsafeRawBufferPointer) throws -> [String?] {
        var row = CopyRow(keeping: fields, fieldCount: order.count)
        return try types.map { type in try Cell(try row.next(), type).text }
    }

    /// The same in the order of `ProjectedTable.columns`.
    func inOrder(_ texts: [String?]) -> [String?] { places.map { texts[$0] } }

    /// What differs between two rows of one key, or of a row that only one has; nil if nothing.
    func difference(_ before: [String?]?, _ after: [String?]?) -> RowDifference? {
        table.difference(before.map(inOrder), after.map(inOrder))
    }
}

extension Cell {
    /// A field of a COPY row as a cell of its column's type.
    init(_ field: Field, _ type: PostgresType) throws {
        guard !field.isNull else {
            self = .null
            return
        }
        switch type {
        case .int2: self = .int2(try field.int16())
        case .int4: self = .int4(try field.int32())
        case .int8: self = .int8(try field.int64())
        case .numeric: self = try Self.decimal(field)
        case .uuid: self = .uuid(try field.id())
        case .timestamptz: self = .timestamp(try field.timestamp())
        case .date: self = .date(Day(number: try field.date()))
        case .json: self = .json(try field.bytes())
        case .text: self = .text(try field.string())
        default: self = .texts(try field.textArray())
        }
    }

    /// Sums of days may be beyond the range of a figure: then all that is told of them is that.
    private static func decimal(_ field: Field) throws -> Cell {
        guard let scaled = try? field.numeric(), let value = try? Fixed(scaled: scaled) else {
            return .text(
                "beyond 10^20 (\(try field.bytes().map { String($0, radix: 16) }.joined()))")
        }
        return .decimal(value)
    }
}

/// Rows as they came, one behind the other.
struct RawRows {
    private(set) var bytes: [UInt8] = []
    private(set) var places: [(offset: Int, count: Int)] = []

    mutating func append(_ fields: UnsafeRawBufferPointer) {
        places.append((bytes.count, fields.count))
        bytes.append(contentsOf: fields)
    }

    var count: Int { places.count }

    /// The position of a row, its first field: 4 bytes of length, 16 of the id.
    func position(_ index: Int) -> UUID {
        bytes.withUnsafeBytes { all in
            let at = places[index].offset + 4
            return UUID(
                high: UInt64(bigEndian: all.loadUnaligned(fromByteOffset: at, as: UInt64.self)),
                low: UInt64(bigEndian: all.loadUnaligned(fromByteOffset: at + 8, as: UInt64.self)))
        }
    }

    /// Forgets the rows from `index` on.
    mutating func cut(at index: Int) {
        guard index < places.count else { return }
        bytes.removeLast(bytes.count - places[index].offset)
        places.removeLast(places.count - index)
    }

    func withRow<Value>(
        _ index: Int, _ body: (UnsafeRawBufferPointer) throws -> Value
    ) rethrows -> Value {
        try bytes.withUnsafeBytes { all in
            let place = places[index]
            return try body(
                UnsafeRawBufferPointer(rebasing: all[place.offset..<place.offset + place.count]))
        }
    }

    /// Whether two runs of rows are the same, byte by byte.
    static func areEqual(
        _ one: RawRows, _ first: Range<Int>, _ other: RawRows, _ second: Range<Int>
    ) -> Bool {
        guard first.count == second.count else { return false }
        guard let from = first.first, let to = first.last, let start = second.first,
            let end = second.last
        else { return true }
        let mine = one.places[from].offset..<one.places[to].offset + one.places[to].count
        let theirs =
            other.places[start].offset..<other.places[end].offset + other.places[end].count
        guard mine.count == theirs.count else { return false }
        return one.bytes.withUnsafeBytes { first in
            other.bytes.withUnsafeBytes { second in
                guard let left = first.baseAddress, let right = second.baseAddress else {
                    return mine.isEmpty
                }
                return memcmp(left + mine.lowerBound, right + theirs.lowerBound, mine.count) == 0
            }
        }
    }
}
