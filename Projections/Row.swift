import LedgerCore

/// A value of a projected row, in the type of its column.
public enum Cell: Hashable, Sendable {
    case null
    case int2(Int16)
    case int4(Int32)
    case int8(Int64)
    case decimal(Fixed)
    case text(String)
    case texts([String])
    case uuid(UUID)
    case timestamp(Timestamp)
    case date(Day)
    /// Canonical JSON.
    case json([UInt8])

    static func optional(_ value: Fixed?) -> Cell { value.map { .decimal($0) } ?? .null }
    static func optional(_ value: String?) -> Cell { value.map { .text($0) } ?? .null }
    static func optional(_ value: Timestamp?) -> Cell { value.map { .timestamp($0) } ?? .null }
    static func optional(_ value: Int64?) -> Cell { value.map { .int8($0) } ?? .null }
    static func flags(_ flags: [PositionFlag]) -> Cell { .texts(flags.map(\.rawValue)) }

    static func optional(_ tags: Tags?) -> Cell {
        guard let tags else { return .null }
        var json = CanonicalJSON()
        tags.write(to: &json)
        return .json(json.bytes)
    }

    static func amounts(_ amounts: Amounts) -> Cell {
        var json = CanonicalJSON()
        amounts.write(to: &json)
        return .json(json.bytes)
    }

    /// An object of amounts by name; a nil amount is null.
    static func object(_ entries: [(name: String, amount: Fixed?)]) -> Cell {
        var json = CanonicalJSON()
        json.beginObject()
        for entry in entries.sorted(by: { JSONValue.precedes($0.name, $1.name) }) {
            json.key(entry.name)
            json.optional(entry.amount)
        }
        json.endObject()
        return .json(json.bytes)
    }
}

/// One row of a projected table, without slot and book.
public struct Row: Hashable, Sendable {
    /// What identifies it among the position's rows of its table: the leg, the day; empty where a
    /// position has one row.
    public var key: [Cell]
    /// In the order of the table's columns.
    public var cells: [Cell]
}

/// A table that holds rows of accounts, and how an account is mapped to them.
public struct AccountTable: Sendable {
    /// Schema-qualified, without "_rows".
    public let name: String
    /// Columns of a row's key besides position_id.
    public let keyColumns: [String]
    /// Columns in the order of a row's cells; the first is position_id.
    public let columns: [String]
    /// The account's rows; `stale` says why the account does not follow the log.
    public let rows: @Sendable (PositionAccount, _ stale: String?) throws(FixedError) -> [Row]
}

/// All tables that hold rows of accounts, in the order in which they are written.
public enum AccountTables {
    public static let all: [AccountTable] = [
        ActivePositions.table, Legs.table, History.table, PositionDays.table,
        FundingCollected.table,
    ]
}
