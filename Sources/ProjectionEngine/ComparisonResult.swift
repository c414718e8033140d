import LedgerCore

/// In what two generations of a book differ, or a generation and the fold of the log.
public struct ComparisonResult: @unchecked Sendable {
    /// A column that differs in some rows.
    public struct Column: Hashable, Sendable {
        /// Its name.
        public var name: String
        /// In how many rows it differs.
        public var rows: Int64
        /// Rows of which one generation does not know it: they are in no sum.
        public var unknown: Int64
        /// Of money columns: Σ (after − before) by settle asset; zeros left out.
        public var change: [String: Fixed]
    }

    /// A table that was compared.
    public struct Table: Hashable, Sendable {
        /// As its view is called.
        public var name: String
        /// Rows of the live generation.
        public var rowsBefore: Int64
        /// Rows of the other one.
        public var rowsAfter: Int64
        /// Rows that both have and that differ.
        public var changed: Int64
        /// Rows that only the live one has.
        public var onlyBefore: Int64
        /// Rows that only the other one has.
        public var onlyAfter: Int64
        /// Columns that differ, in the order of the table.
        public var columns: [Column]
    }

    /// At which both were compared.
    public var logPosition: LogPosition
    /// The slot of the live generation.
    public var live: Int16
    /// The slot of the other one; 0: a sample was folded afresh.
    public var other: Int16
    /// All tables that were compared.
    public var tables: [Table]
    /// Positions that have a row in one of the tables.
    public var positionsCompared: Int64
    /// Those of them with a row that differs.
    public var positionsChanged: Int64
    /// Rows of all tables, of whichever generation has more.
    public var rowsCompared: Int64
    /// By settle asset, Σ of the changes of `net` over the legs, or, where they are not compared,
    /// over the finest table that has it; zeros left out.
    public var netChange: [String: Fixed]
    /// The tables that tell a net, as their views are called.
    public static let netTables = ComparisonLedger.netTables.flatMap(\.self)
    /// Rows there of which it is not known how much their net changes.
    public var netUnknown: Int64
    /// SHA-256 of the sorted differences, 64 hexadecimal digits.
    public var digest: String
    // Read by one at a time, when the comparison is made.
    let ledger: ComparisonLedger

    /// Whether nothing differs.
    public var isEqual: Bool {
        tables.allSatisfy { $0.changed + $0.onlyBefore + $0.onlyAfter == 0 }
    }

    /// The rows that differ, at most so many: the greatest change of money first, then those
    /// without, in the order of tables and keys.
    public func rows(max: Int) throws -> [RowDifference] {
        let sorted = ledger.entries.sorted { left, right in
            if left.value.size == right.value.size { return left.key < right.key }
            return (left.value.size?.scaled ?? -1) > (right.value.size?.scaled ?? -1)
        }
        return try sorted.prefix(max).map { try ledger.difference($0.value, $0.key.table) }
    }

    /// The totals, a JSON object: table → what differs.
    public var totalsJSON: [UInt8] {
        var json = CanonicalJSON()
        json.beginObject()
        for table in tables.sorted(by: { JSONValue.precedes($0.name, $1.name) }) {
            json.key(table.name)
            json.beginObject()
            json.key("changed")
            json.integer(table.changed)
            json.key("columns")
            json.beginObject()
            for column in table.columns.sorted(by: { JSONValue.precedes($0.name, $1.name) }) {
                json.key(column.name)
                write(column, to: &json)
            }
            json.endObject()
            json.key("only_after")
            json.integer(table.onlyAfter)
            json.key("only_before")
            json.integer(table.onlyBefore)
            json.key("rows_after")
            json.integer(table.rowsAfter)
            json.key("rows_before")
            json.integer(table.rowsBefore)
            json.endObject()
        }
        json.endObject()
        return json.bytes
    }

    private func write(_ column: Column, to json: inout CanonicalJSON) {
        json.beginObject()
        json.key("change")
        json.beginObject()
        for (settle, sum) in column.change.sorted(by: { JSONValue.precedes($0.key, $1.key) }) {
            json.key(settle)
            json.decimal(sum)
        }
        json.endObject()
        json.key("rows")
        json.integer(column.rows)
        json.key("unknown")
        json.integer(column.unknown)
        json.endObject()
    }

    /// The sorted differences, a JSON array of [table, key, column, before, after]; nil if they
    /// are more than `linesMax`.
    public func differencesJSON(linesMax: Int) throws -> [UInt8]? {
        guard ledger.entries.count <= linesMax else { return nil }
        var bytes: [UInt8] = [UInt8(ascii: "[")]
        var count = 0
        for place in ledger.entries.keys.sorted() {
            guard let entry = ledger.entries[place] else { continue }
            for line in try ledger.difference(entry, place.table).lines {
                count += 1
                guard count <= linesMax else { return nil }
                if count > 1 { bytes.append(UInt8(ascii: ",")) }
                bytes += line
            }
        }
        bytes.append(UInt8(ascii: "]"))
        return bytes
    }

    /// Rows that are told of each kind of change.
    private static let toldMax = 5

    /// In words, what is different between an earlier comparison and this one.
    public static func whatChanged(
        from earlier: (totals: [UInt8], differences: [UInt8]?), to now: ComparisonResult
    ) -> String {
        guard let old = earlier.differences.flatMap({ lines(of: $0) }),
            let json = try? now.differencesJSON(linesMax: linesMax), let new = lines(of: json)
        else {
            let words = now.tables.filter { !$0.columns.isEmpty }.map { table in
                "\(table.name): \(table.changed + table.onlyBefore + table.onlyAfter) rows differ"
            }
            return words.isEmpty ? "nothing differs now" : words.joined(separator: "; ")
        }
        var told: [String] = []
        for (name, lines) in [
            ("more", Set(new).subtracting(old)), ("no longer", Set(old).subtracting(new)),
        ] where !lines.isEmpty {
            let first = lines.sorted().prefix(toldMax).joined(separator: ", ")
            let rest = lines.count > toldMax ? " …" : ""
            told.append("\(lines.count) \(name): \(first)\(rest)")
        }
        return told.isEmpty ? "the same differences" : told.joined(separator: "; ")
    }

    /// Differences that are kept with a comparison, so that a promotion can say what changed since.
    static let linesMax = 50_000

    private static func lines(of json: [UInt8]) -> [String]? {
        guard case .array(let lines)? = try? JSONValue(parsing: json) else { return nil }
        return lines.map { String(decoding: $0.canonicalBytes, as: UTF8.self) }
    }
}

extension ComparisonResult {
    /// What comes of positions that were folded afresh and compared with their live rows.
    init(
        sample found: PositionAudit.Found, live: Int16, positions: Int64,
        tables: [ProjectedTable]
    ) throws {
        let ledger = ComparisonLedger(tables)
        for (index, table) in tables.enumerated() {
            let counts = found.counts[table.name] ?? (0, 0)
            ledger.count(nil, index, before: Int(counts.before), after: Int(counts.after))
        }
        for difference in found.differences {
            guard let index = tables.firstIndex(where: { $0.name == difference.table }) else {
                continue
            }
            try ledger.add(difference, index)
        }
        self = ledger.result(at: found.logPosition, live: live, other: 0)
        rowsCompared = found.rows
        positionsCompared = positions
    }
}
