import EventStore
import LedgerCore
import Postgres
import Projections

/// Writes the rows of one account table: statements are made from the table's columns and from
/// the types that the database has for them.
struct TableWriter: Sendable {
    let table: AccountTable
    private let types: [PostgresType]
    private let keyTypes: [PostgresType]
    private let upsertSQL: String
    private let deleteSQL: String

    /// Reads the columns' types.
    init(_ table: AccountTable, _ connection: Connection, deadline: Deadline) throws {
        self.table = table
        let result = try connection.query(
            ProjectionSQL.columnTypes, [.text(table.name + "_rows")], deadline: deadline)
        var known: [String: PostgresType] = [:]
        for row in result.rows {
            known[try row[0].string()] = PostgresType(
                rawValue: UInt32(truncatingIfNeeded: try row[1].int64()))
        }
        func type(_ column: String) throws -> PostgresType {
            guard let type = known[column] else {
                throw StoreError.notMigrated("\(table.name)_rows has no column \(column)")
            }
            return type
        }
        types = try table.columns.map(type)
        keyTypes = try table.keyColumns.map(type)
        upsertSQL = Self.upsert(table, types)
        deleteSQL = Self.delete(table, keyTypes)
    }

    /// What its statements look like, for the test that prepares them.
    var statements: [String] { [upsertSQL, deleteSQL] }

    private static let flagsType = PostgresType(rawValue: 1009)

    private static func upsert(_ table: AccountTable, _ types: [PostgresType]) -> String {
        let names = table.columns.joined(separator: ", ")
        let values = zip(table.columns, types).map { name, type in
            type == flagsType ? "n.\(name)::text[]" : "n.\(name)"
        }.joined(separator: ", ")
        let arrays = types.enumerated().map { index, type in
            "$\(index + 3)::\(type == flagsType ? "text" : "\(type)")[]"
        }.joined(separator: ", ")
        let keys = ["position_id"] + table.keyColumns
        let updates = table.columns.filter { !keys.contains($0) }
            .map { "\($0) = excluded.\($0)" }.joined(separator: ", ")
        return """
            INSERT INTO \(table.name)_rows (slot, book_id, \(names))
            SELECT $1, $2, \(values)
            FROM unnest(\(arrays)) AS n (\(names))
            ON CONFLICT (slot, book_id, \(keys.joined(separator: ", "))) DO UPDATE
            SET \(updates)
            """
    }

    private static func delete(_ table: AccountTable, _ keyTypes: [PostgresType]) -> String {
        let keys = ["position_id"] + table.keyColumns
        let types = [PostgresType.uuid] + keyTypes
        let arrays = types.enumerated().map { "$\($0 + 3)::\($1)[]" }.joined(separator: ", ")
        let matches = keys.map { "AND t.\($0) = n.\($0)" }.joined(separator: "\n  ")
        return """
            DELETE FROM \(table.name)_rows AS t
            USING unnest(\(arrays)) AS n (\(keys.joined(separator: ", ")))
            WHERE t.slot = $1
              AND t.book_id = $2
              \(matches)
            """
    }

    /// Adds the statements that bring the table from its old rows to its new ones.
    func add(
        _ changes: TableChanges, slot: Int16, book: BookID, to pipeline: inout Pipeline
    ) {
        let scope: [Parameter] = [.int2(slot), .int4(book.rawValue)]
        if !changes.dropped.isEmpty {
            var arrays = ([PostgresType.uuid] + keyTypes).map { ArrayBuilder(of: $0) }
            for (position, key) in changes.dropped {
                arrays[0].append.uuid(high: position.high, low: position.low)
                for (index, cell) in key.enumerated() { cell.append(to: &arrays[index + 1]) }
            }
            pipeline.add(deleteSQL, scope + arrays.indices.map { arrays[$0].take() })
        }
        guard !changes.written.isEmpty else { return }
        var arrays = types.map { type in
            ArrayBuilder(of: type == Self.flagsType ? .text : type, capacity: changes.written.count)
        }
        for row in changes.written {
            for (index, cell) in row.cells.enumerated() { cell.append(to: &arrays[index]) }
        }
        pipeline.add(upsertSQL, scope + arrays.indices.map { arrays[$0].take() })
    }
}

/// Rows of one table that a batch changes.
struct TableChanges {
    var written: [Row] = []
    var dropped: [(position: UUID, key: [Cell])] = []

    /// Adds what changes of one position.
    mutating func add(_ position: UUID, _ rows: RowChanges) {
        written += rows.written
        for key in rows.dropped { dropped.append((position, key)) }
    }
}

extension Cell {
    func append(to array: inout ArrayBuilder) {
        guard case .texts(let values) = self else { return append(to: &array.append) }
        // Flags only: none of them needs quotes in an array's text form.
        array.append.text("{" + values.joined(separator: ",") + "}")
    }

    /// As a field of a row, or an element of an array.
    func append(to fields: inout BinaryFields) {
        switch self {
        case .null: fields.null()
        case .int2(let value): fields.int2(value)
        case .int4(let value): fields.int4(value)
        case .int8(let value): fields.int8(value)
        case .decimal(let value): fields.numeric(value.scaled)
        case .text(let value): fields.text(value)
        case .texts(let values): fields.textArray(values)
        case .uuid(let id): fields.uuid(high: id.high, low: id.low)
        case .timestamp(let time): fields.timestamptz(microseconds: time.microseconds)
        case .date(let day): fields.date(days: day.number)
        case .json(let bytes): fields.json(utf8: bytes)
        }
    }
}
