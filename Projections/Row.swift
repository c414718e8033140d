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

/// The rows of one table that bring a position from one account to another.
public struct RowChanges: Sendable {
    /// Rows that are new or differ.
    public internal(set) var written: [Row] = []
    /// Keys of rows that go.
    public internal(set) var dropped: [[Cell]] = []

    /// Compares few rows, each with each.
    init(from old: [Row], to new: [Row]) {
        for row in new where !old.contains(row) { written.append(row) }
        for row in old where !new.contains(where: { $0.key == row.key }) {
            dropped.append(row.key)
        }
    }

    /// Nothing changes.
    init() {}
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
    /// The same as comparing all rows, for tables with a row for each day or month: what did not
    /// change is not rendered. nil for tables of few rows.
    var partChanges: PartChanges?

    typealias PartChanges =
        @Sendable (_ old: PositionAccount?, _ new: PositionAccount?) throws(FixedError)
        -> RowChanges

    /// The rows that bring a position from one account to another; nil stands for no rows.
    /// - Throws: `outOfRange` where a figure of the new account fits no column.
    public func changes(
        from old: PositionAccount?, _ staleBefore: String?,
        to new: PositionAccount?, _ staleAfter: String?
    ) throws(FixedError) -> RowChanges {
        if let partChanges { return try partChanges(old, new) }
        var before: [Row] = []
        if let old { before = try rows(old, staleBefore) }
        var after: [Row] = []
        if let new { after = try rows(new, staleAfter) }
        return RowChanges(from: before, to: after)
    }
}

/// A part of a leg's account that has a row of its own: a day or a month.
protocol LegPart: Equatable {
    /// What the parts of a leg are ordered by, ascending and unique.
    var place: Day { get }
}

extension LegDay: LegPart {
    var place: Day { day }
}

extension FundingMonth: LegPart {
    var place: Day { month }
}

extension RowChanges {
    /// Compares the parts of two accounts of one position, which are in order, in one pass.
    init<Part: LegPart>(
        from old: PositionAccount?, to new: PositionAccount?,
        _ parts: (LegAccount) -> [Part],
        _ row: (PositionAccount, LegAccount, Part) throws(FixedError) -> Row
    ) throws(FixedError) {
        let legCount = max(old?.legs.count ?? 0, new?.legs.count ?? 0)
        for index in 0..<legCount {
            let before = old.map { parts($0.legs[index]) } ?? []
            let after = new.map { parts($0.legs[index]) } ?? []
            var place = 0
            for part in after {
                while place < before.count, before[place].place < part.place {
                    try drop(old, index, before[place], row)
                    place += 1
                }
                if place < before.count, before[place].place == part.place {
                    place += 1
                    if before[place - 1] == part { continue }
                }
                if let new { written.append(try row(new, new.legs[index], part)) }
            }
            for part in before[place...] { try drop(old, index, part, row) }
        }
    }

    private mutating func drop<Part: LegPart>(
        _ account: PositionAccount?, _ leg: Int, _ part: Part,
        _ row: (PositionAccount, LegAccount, Part) throws(FixedError) -> Row
    ) throws(FixedError) {
        guard let account else { return }
        dropped.append(try row(account, account.legs[leg], part).key)
    }
}

/// All tables that hold rows of accounts, in the order in which they are written.
public enum AccountTables {
    /// daily_pnl and trade_stats are not among them: their rows are sums over many accounts.
    public static let all: [AccountTable] = [
        ActivePositions.table, Legs.table, History.table, PositionDays.table,
        FundingCollected.table,
    ]
}
