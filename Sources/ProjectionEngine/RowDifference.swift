import LedgerCore
import Projections

/// A row in which two generations of a book differ, or a generation and the fold of the log.
public struct RowDifference: Hashable, Sendable {
    /// Which of the two has the row.
    public enum Kind: String, Hashable, Sendable {
        case changed
        /// Only the live generation.
        case onlyBefore = "only before"
        /// Only the other one.
        case onlyAfter = "only after"
    }

    /// A part of the row's key.
    public struct KeyPart: Hashable, Sendable {
        /// Name of the column.
        public var column: String
        /// As `Cell.text`.
        public var value: String
    }

    /// A column whose values differ; of a row that only one has, each that is not null, but for
    /// the key.
    public struct Column: Hashable, Sendable {
        /// Name of the column.
        public var name: String
        /// As `Cell.text`; nil where null, or where the live generation has no such row.
        public var before: String?
        /// The same of the other one.
        public var after: String?
    }

    /// As its view is called.
    public var table: String
    /// In the order of `ProjectedTable.keyColumns`.
    public var key: [KeyPart]
    /// Which of the two has it.
    public var kind: Kind
    /// In the order of `ProjectedTable.columns`.
    public var columns: [Column]
    /// The unit of the row's money; nil where it has none.
    public var settle: String?
    /// The position that the row belongs to; nil for sums over many.
    public var position: UUID?
}

extension Cell {
    /// The value as comparisons, JSON and CSV show it: exact, one text a value. Decimals in the
    /// normal form of accounting.md §1, times in RFC 3339 with microseconds, lists and objects as
    /// JSON. nil for null.
    public var text: String? {
        switch self {
        case .null: return nil
        case .int2(let value): return String(value)
        case .int4(let value): return String(value)
        case .int8(let value): return String(value)
        case .decimal(let value): return value.description
        case .text(let value): return value
        case .uuid(let value): return value.description
        case .timestamp(let value): return value.description
        case .date(let value): return value.description
        case .json(let bytes): return String(decoding: bytes, as: UTF8.self)
        case .texts(let values):
            var json = CanonicalJSON()
            json.beginArray()
            for value in values { json.string(value) }
            json.endArray()
            return json.text
        }
    }
}

extension ProjectedTable {
    /// after − before of a money column, null as 0: how far it moves, for sorting. nil for others,
    /// and beyond the range.
    func distance(_ column: RowDifference.Column) -> Fixed? {
        guard moneyColumns.contains(column.name) else { return nil }
        let before = column.before.map { Fixed($0) } ?? Fixed.zero
        let after = column.after.map { Fixed($0) } ?? Fixed.zero
        guard let before, let after else { return nil }
        return try? after.subtracting(before)
    }

    /// after − before of a money column; a row that is not there counts as 0. nil for others,
    /// beyond the range, and where one of both is not known: absent is not zero (accounting.md §1).
    func change(_ column: RowDifference.Column, _ kind: RowDifference.Kind) -> Fixed? {
        isUnknown(column, kind) ? nil : distance(column)
    }

    /// Whether a money column of a row that both have is not known in one of them.
    func isUnknown(_ column: RowDifference.Column, _ kind: RowDifference.Kind) -> Bool {
        kind == .changed && moneyColumns.contains(column.name)
            && (column.before == nil || column.after == nil)
    }
}

extension RowDifference {
    /// The greatest change of money in the row, without its sign; nil where no money changes.
    public var size: Fixed? {
        guard let table = ProjectedTable.all.first(where: { $0.name == table }) else { return nil }
        return columns.compactMap { table.distance($0)?.magnitude }.max()
    }
}
