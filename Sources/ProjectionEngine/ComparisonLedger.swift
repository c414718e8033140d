import Crypto
import LedgerCore

/// The differences of a comparison while it is made: each can be taken back and put anew, as its
/// position is compared again.
final class ComparisonLedger {
    /// Where a row stands among all: its table, then its key.
    struct Place: Hashable, Comparable {
        var table: Int
        var key: [String]

        static func < (left: Place, right: Place) -> Bool {
            if left.table != right.table { return left.table < right.table }
            return left.key.lexicographicallyPrecedes(right.key) {
                $0.utf8.lexicographicallyPrecedes($1.utf8)
            }
        }
    }

    struct Entry {
        var text: DifferenceSpool.Place
        var hash: [UInt8]
        /// The greatest change of money in the row; nil without one.
        var size: Fixed?
    }

    let tables: [ProjectedTable]
    private let spool: DifferenceSpool
    private(set) var entries: [Place: Entry] = [:]
    private var ofPosition: [UUID: [Place]] = [:]
    private var totals: [TableTotals]
    /// By table, of its column net.
    private var net: [String: NetTotals] = [:]
    /// Rows that a position has in the tables, of each generation.
    private var rows: [UUID: [(before: Int32, after: Int32)]] = [:]

    struct TableTotals {
        var before: Int64 = 0
        var after: Int64 = 0
        var changed: Int64 = 0
        var onlyBefore: Int64 = 0
        var onlyAfter: Int64 = 0
        var columns: [String: (rows: Int64, unknown: Int64, change: [String: ExactSum])] = [:]
    }

    private struct NetTotals {
        var change: [String: ExactSum] = [:]
        /// Rows of which it is not known how much their net changes.
        var unknown: Int64 = 0
    }

    /// The tables whose net says what a position comes to, the finest first: a leg has one settle
    /// asset, a position may have two and no net then. The first of them that is compared counts.
    static let netTables = [
        ["positions.legs"], ["positions.active", "positions.history"],
        ["analytics.position_days"], ["analytics.daily_pnl"],
    ]

    init(_ tables: [ProjectedTable], spoolBytesMax: Int = DifferenceSpool.memoryBytesMax) {
        self.tables = tables
        spool = DifferenceSpool(memoryBytesMax: spoolBytesMax)
        totals = tables.map { _ in TableTotals() }
    }

    var positionsCompared: Int64 { Int64(rows.count) }
    var rowsCompared: Int64 { totals.reduce(0) { $0 + max($1.before, $1.after) } }

    /// Counts the rows that a position has in a table.
    func count(_ position: UUID?, _ table: Int, before: Int, after: Int) {
        totals[table].before += Int64(before)
        totals[table].after += Int64(after)
        guard let position else { return }
        var counts = rows[position] ?? tables.map { _ in (0, 0) }
        counts[table].before += Int32(before)
        counts[table].after += Int32(after)
        rows[position] = counts
    }

    func add(_ difference: RowDifference, _ table: Int) throws {
        let place = Place(table: table, key: difference.key.map(\.value))
        let text = try spool.append(difference.json)
        entries[place] = Entry(text: text, hash: difference.hash, size: difference.size)
        if let position = difference.position { ofPosition[position, default: []].append(place) }
        book(difference, table, sign: 1)
    }

    /// Takes back what is known of a position, which is compared again.
    func forget(_ position: UUID) throws {
        for place in ofPosition.removeValue(forKey: position) ?? [] {
            guard let entry = entries.removeValue(forKey: place) else { continue }
            book(try difference(entry, place.table), place.table, sign: -1)
        }
        for (table, counts) in (rows.removeValue(forKey: position) ?? []).enumerated() {
            totals[table].before -= Int64(counts.before)
            totals[table].after -= Int64(counts.after)
        }
    }

    func difference(_ entry: Entry, _ table: Int) throws -> RowDifference {
        try RowDifference(json: spool.read(entry.text), of: tables[table])
    }

    private func book(_ difference: RowDifference, _ table: Int, sign: Int64) {
        switch difference.kind {
        case .changed: totals[table].changed += sign
        case .onlyBefore: totals[table].onlyBefore += sign
        case .onlyAfter: totals[table].onlyAfter += sign
        }
        let name = tables[table].name
        for column in difference.columns {
            var known = totals[table].columns[column.name] ?? (0, 0, [:])
            known.rows += sign
            let isUnknown = tables[table].isUnknown(column, difference.kind)
            if isUnknown { known.unknown += sign }
            if let settle = difference.settle,
                let change = tables[table].change(column, difference.kind)
            {
                known.change[settle, default: ExactSum()].add(change.signed(Int(sign)))
            }
            totals[table].columns[column.name] = known
        }
        bookNet(difference, tables[table], sign)
    }

    private func bookNet(_ difference: RowDifference, _ table: ProjectedTable, _ sign: Int64) {
        let parts = difference.columns.compactMap { column in
            Self.partOfNet(table.name, column.name).map { (column, $0) }
        }
        // In two settle assets there is no net that could be told.
        let hasNone = difference.settle == nil && table.columns.contains("net")
        let isUnknown =
            hasNone || parts.contains { table.isUnknown($0.0, difference.kind) }
            || difference.columns.contains { column in
                Self.unvalued.contains(column.name)
                    && (difference.kind == .changed || (column.before ?? column.after) != "0")
            }
        if isUnknown { return net[table.name, default: NetTotals()].unknown += sign }
        guard let settle = difference.settle else { return }
        for (column, part) in parts {
            guard let change = table.change(column, difference.kind) else { continue }
            net[table.name, default: NetTotals()].change[settle, default: ExactSum()]
                .add(change.signed(part * Int(sign)))
        }
    }

    /// Columns of daily_pnl: where one of them differs, what is known of a day's fees or funding is
    /// of other events before than after; of a row that only one has, where it is not 0.
    private static let unvalued: Set<String> = ["unvalued_fees", "unvalued_funding"]

    /// With which sign a column makes up the net of its table: daily_pnl has no column for it.
    private static func partOfNet(_ table: String, _ column: String) -> Int? {
        guard table == "analytics.daily_pnl" else { return column == "net" ? 1 : nil }
        return ["price_pnl": 1, "fees_known": -1, "funding_known": 1, "adjustments": 1][column]
    }

    /// Of the tables that say it best.
    private var netTotals: NetTotals {
        let names = tables.map(\.name)
        let best = Self.netTables.first { !Set($0).isDisjoint(with: names) } ?? []
        var totals = NetTotals()
        for name in best {
            guard let some = net[name] else { continue }
            totals.unknown += some.unknown
            for (settle, sum) in some.change { totals.change[settle, default: ExactSum()].add(sum) }
        }
        return totals
    }

    // MARK: The result

    func result(at position: LogPosition, live: Int16, other: Int16) -> ComparisonResult {
        let net = netTotals
        let sorted = entries.keys.sorted()
        var hasher = SHA256()
        for place in sorted { hasher.update(data: entries[place]?.hash ?? []) }
        return ComparisonResult(
            logPosition: position, live: live, other: other,
            tables: zip(tables, totals).map { table, totals in
                ComparisonResult.Table(
                    name: table.name, rowsBefore: totals.before, rowsAfter: totals.after,
                    changed: totals.changed, onlyBefore: totals.onlyBefore,
                    onlyAfter: totals.onlyAfter,
                    columns: table.columns.compactMap { name in
                        guard let column = totals.columns[name], column.rows > 0 else {
                            return nil
                        }
                        return ComparisonResult.Column(
                            name: name, rows: column.rows, unknown: column.unknown,
                            change: Self.values(column.change))
                    })
            },
            positionsCompared: positionsCompared, positionsChanged: Int64(ofPosition.count),
            rowsCompared: rowsCompared, netChange: Self.values(net.change),
            netUnknown: net.unknown,
            digest: hasher.finalize().map { byte in
                let digits = String(byte, radix: 16)
                return digits.count == 1 ? "0" + digits : digits
            }.joined(), ledger: self)
    }

    /// Sums that are zero or beyond the range of a figure are left out.
    private static func values(_ sums: [String: ExactSum]) -> [String: Fixed] {
        sums.compactMapValues { sum in
            guard let value = try? sum.value(), !value.isZero else { return nil }
            return value
        }
    }
}

extension RowDifference {
    /// SHA-256 of the difference's lines: for each column the canonical JSON of [table, key,
    /// column, before, after].
    fileprivate var hash: [UInt8] {
        var hasher = SHA256()
        for line in lines { hasher.update(data: line + [0x0A]) }
        return Array(hasher.finalize())
    }

    /// For each column the canonical JSON of [table, key, column, before, after].
    var lines: [[UInt8]] {
        columns.map { column in
            var json = CanonicalJSON()
            json.beginArray()
            json.string(table)
            json.beginArray()
            for part in key { json.string(part.value) }
            json.endArray()
            json.string(column.name)
            json.optional(column.before)
            json.optional(column.after)
            json.endArray()
            return json.bytes
        }
    }

    /// As the spool keeps it.
    fileprivate var json: [UInt8] {
        var json = CanonicalJSON()
        json.beginArray()
        json.string(kind.rawValue)
        json.optional(settle)
        json.beginArray()
        for part in key { json.string(part.value) }
        json.endArray()
        for column in columns {
            json.string(column.name)
            json.optional(column.before)
            json.optional(column.after)
        }
        json.endArray()
        return json.bytes
    }

    fileprivate init(json bytes: [UInt8], of table: ProjectedTable) throws {
        guard case .array(let parts) = try JSONValue(parsing: bytes), parts.count >= 3,
            case .string(let kind) = parts[0], let known = Kind(rawValue: kind),
            case .array(let key) = parts[2]
        else { throw GenerationError.precondition("a kept difference cannot be read") }
        var columns: [Column] = []
        for index in stride(from: 3, to: parts.count - 2, by: 3) {
            columns.append(
                Column(
                    name: parts[index].text ?? "", before: parts[index + 1].text,
                    after: parts[index + 2].text))
        }
        self.init(
            table: table.name,
            key: zip(table.keyColumns, key).map { KeyPart(column: $0, value: $1.text ?? "") },
            kind: known, columns: columns, settle: parts[1].text,
            position: table.isByPosition ? key.first?.text.flatMap { UUID($0) } : nil)
    }
}

extension CanonicalJSON {
    /// A text, or null.
    mutating func optional(_ value: String?) {
        if let value { string(value) } else { null() }
    }
}
