import Crypto
import EventStore
import LedgerCore
import Postgres
import Projections

/// The rows that one position has in the account tables, as texts (`Cell.text`).
struct PositionRows: Hashable, Sendable {
    /// By table; rows in the order of their keys, columns in the order of the table.
    private(set) var tables: [String: [[String?]]] = [:]

    private static let accounts = ProjectedTable.all.filter { table in
        AccountTables.all.contains { $0.name == table.name }
    }

    /// What an account is mapped to; no rows without one.
    init(_ account: PositionAccount?, stale: String?) {
        for (table, mapped) in zip(Self.accounts, AccountTables.all) {
            let rows = account.flatMap { try? mapped.rows($0, stale) } ?? []
            put(rows.map { $0.cells.map(\.text) }, table)
        }
    }

    /// What stands in a slot.
    init(
        of position: UUID, _ book: BookID, slot: Int16, _ connection: Connection,
        deadline: Deadline
    ) throws {
        for table in Self.accounts {
            let compared = try ComparedTable(table, connection, deadline: deadline)
            var rows: [[String?]] = []
            try connection.copyRows(
                ComparisonSQL.copy(
                    compared, book: book.rawValue, slot: slot, .of([position])),
                deadline: deadline
            ) { row in rows.append(compared.inOrder(try compared.texts(row.rest))) }
            put(rows, table)
        }
    }

    private mutating func put(_ rows: [[String?]], _ table: ProjectedTable) {
        tables[table.name] = rows.sorted { left, right in
            Self.key(left, table).lexicographicallyPrecedes(Self.key(right, table)) {
                $0.utf8.lexicographicallyPrecedes($1.utf8)
            }
        }
    }

    private static func key(_ row: [String?], _ table: ProjectedTable) -> [String] {
        table.keyColumns.map { name in
            table.columns.firstIndex(of: name).flatMap { row[$0] } ?? ""
        }
    }

    /// A JSON object, table → rows → columns; empty tables are left out.
    var json: [UInt8] {
        var json = CanonicalJSON()
        json.beginObject()
        for table in Self.accounts.sorted(by: { JSONValue.precedes($0.name, $1.name) }) {
            let rows = tables[table.name] ?? []
            guard !rows.isEmpty else { continue }
            json.key(table.name)
            json.beginArray()
            for row in rows {
                json.beginObject()
                let named = zip(table.columns, row).sorted { JSONValue.precedes($0.0, $1.0) }
                for (column, value) in named {
                    json.key(column)
                    json.optional(value)
                }
                json.endObject()
            }
            json.endArray()
        }
        json.endObject()
        return json.bytes
    }

    /// SHA-256 of `json`: the same in every build that makes the same rows.
    var digest: [UInt8] { Array(SHA256.hash(data: json)) }

    /// A row's columns by name, of one leg and day where the table has them.
    func rows(_ name: String) -> [[String: String]] {
        guard let table = Self.accounts.first(where: { $0.name == name }) else { return [] }
        return (tables[name] ?? []).map { row in
            var named: [String: String] = [:]
            for (column, value) in zip(table.columns, row) { named[column] = value }
            return named
        }
    }

    /// In what these rows, of the live generation, and other ones differ.
    func differences(to other: PositionRows) -> [RowDifference] {
        var differences: [RowDifference] = []
        for table in Self.accounts {
            var after: [[String]: [String?]] = [:]
            for row in other.tables[table.name] ?? [] { after[Self.key(row, table)] = row }
            for row in tables[table.name] ?? [] {
                let key = Self.key(row, table)
                if let difference = table.difference(row, after.removeValue(forKey: key)) {
                    differences.append(difference)
                }
            }
            for row in (other.tables[table.name] ?? []) where after[Self.key(row, table)] != nil {
                if let difference = table.difference(nil, row) { differences.append(difference) }
            }
        }
        return differences
    }
}

extension ProjectedTable {
    /// What differs between two rows of one key, in the order of `columns`, or of a row that only
    /// one has; nil if nothing does.
    func difference(_ before: [String?]?, _ after: [String?]?) -> RowDifference? {
        guard let known = after ?? before else { return nil }
        var changed: [RowDifference.Column] = []
        for (index, name) in columns.enumerated() {
            let (old, new) = (before.flatMap { $0[index] }, after.flatMap { $0[index] })
            // The key of a row that only one has says nothing more.
            let isKey = before == nil || after == nil ? keyColumns.contains(name) : false
            if old == new || isKey { continue }
            changed.append(RowDifference.Column(name: name, before: old, after: new))
        }
        guard !changed.isEmpty || before == nil || after == nil else { return nil }
        func value(_ column: String) -> String? {
            columns.firstIndex(of: column).flatMap { known[$0] }
        }
        return RowDifference(
            table: name,
            key: keyColumns.map { RowDifference.KeyPart(column: $0, value: value($0) ?? "") },
            kind: before == nil ? .onlyAfter : after == nil ? .onlyBefore : .changed,
            columns: changed, settle: value("settle"),
            position: isByPosition ? value("position_id").flatMap { UUID($0) } : nil)
    }
}
