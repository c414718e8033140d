import LedgerCore
import LedgerRPC
import ProjectionEngine

/// A comparison for people.
struct ComparisonReport {
    let summary: Nexus_Ledger_V1_ComparisonSummary
    let rows: [Nexus_Ledger_V1_RowDifference]

    private var differing: Int64 {
        summary.tables.reduce(0) { $0 + $1.changed + $1.onlyBefore + $1.onlyAfter }
    }

    func write() throws {
        let output = Output.standard
        try output.line(Style.standard.bold(verdict))
        let after =
            summary.after.slot == 0
            ? "the log, folded afresh (logic version \(summary.after.logicVersion))"
            : "slot \(summary.after.slot) (logic version \(summary.after.logicVersion))"
        try output.line(
            "at log position \(summary.logPosition): before is slot \(summary.before.slot), live "
                + "(logic version \(summary.before.logicVersion)); after is \(after)")
        if differing > 0 {
            try output.line()
            try output.table(tables)
            try output.line()
            try output.table(columns)
            try output.line()
            try output.table(differences)
            if Int64(rows.count) < differing {
                let rest = differing - Int64(rows.count)
                try output.line(Style.standard.dim("\(Figures.count(rest, "more row")): --rows"))
            }
        }
        guard summary.after.slot != 0 else { return }
        try output.line()
        try output.line("digest \(summary.digest)")
        let all = ProjectedTable.all.count
        guard summary.tables.count == all else {
            return try output.line(
                Style.standard.dim(
                    "\(summary.tables.count) of \(all) tables; a promotion changes them all: "
                        + "nexus-ledger compare"))
        }
        let slot = summary.after.slot
        try output.line(
            Style.standard.dim(
                "to make slot \(slot) the live one: nexus-ledger promote --expect "
                    + "\(summary.digest)"))
    }

    /// "14 positions change, net −312.40 USDT".
    private var verdict: String {
        guard differing > 0 else {
            let tables = Figures.count(summary.tables.count, "table")
            return "nothing differs: \(Figures.count(summary.rowsCompared, "row")) of \(tables) "
                + "and \(Figures.count(summary.positionsCompared, "position")) compared"
        }
        let positions = summary.positionsChanged
        let rows =
            "\(Figures.count(differing, "row")) of \(summary.rowsCompared) "
            + (differing == 1 ? "differs" : "differ")
        guard positions > 0 else { return rows + net }
        let verb = positions == 1 ? "changes" : "change"
        return "\(Figures.count(positions, "position")) \(verb)\(net) (\(rows))"
    }

    /// ", net −312.40 USDT"; nothing where no table that has it was compared.
    private var net: String {
        let compared = summary.tables.map(\.table)
        guard ComparisonResult.netTables.contains(where: compared.contains) else { return "" }
        let net = summary.netChange.sorted { $0.key < $1.key }.map { settle, change in
            let text = Figures.text(change)
            return (text.hasPrefix("-") ? text : "+" + text) + " \(settle)"
        }
        let unknown =
            summary.netUnknown == 0
            ? [] : ["not known of \(Figures.count(summary.netUnknown, "row"))"]
        let words = net + unknown
        return words.isEmpty ? ", net the same" : ", net \(words.joined(separator: ", "))".printable
    }

    private var tables: Table {
        var table = Table([
            .text("TABLE"), .count("ROWS BEFORE"), .count("AFTER"), .count("CHANGED"),
            .count("ONLY BEFORE"), .count("ONLY AFTER"),
        ])
        for item in summary.tables {
            table.add([
                Table.Cell(item.table), Table.Cell(String(item.rowsBefore)),
                Table.Cell(String(item.rowsAfter)), Table.Cell(String(item.changed)),
                Table.Cell(String(item.onlyBefore)), Table.Cell(String(item.onlyAfter)),
            ])
        }
        return table
    }

    private var columns: Table {
        var table = Table([
            .text("TABLE"), .text("COLUMN"), .count("ROWS"), .text("CHANGE"),
        ])
        for item in summary.tables {
            for column in item.columns {
                let change = column.change.sorted { $0.key < $1.key }
                    .map { "\(Figures.text($0.value)) \($0.key)" }.joined(separator: ", ")
                table.add([
                    Table.Cell(item.table), Table.Cell(column.column),
                    Table.Cell(String(column.rows)), Table.Cell(change),
                ])
            }
        }
        return table
    }

    private var differences: Table {
        var table = Table([
            .text("TABLE"), .text("KEY"), .text("COLUMN"), .figure("BEFORE"), .figure("AFTER"),
            .figure("CHANGE"),
        ])
        for row in rows {
            let key = row.key.sorted { $0.key < $1.key }.map(\.value).joined(separator: " ")
            for (index, column) in row.columns.enumerated() {
                let isFirst = index == 0
                table.add([
                    Table.Cell(isFirst ? row.table : ""),
                    Table.Cell(isFirst ? key + kind(row) : ""), Table.Cell(column.column),
                    Table.Cell(column.hasBefore ? Self.figure(column.before) : Figures.null),
                    Table.Cell(column.hasAfter ? Self.figure(column.after) : Figures.null),
                    Figures.result(ComparisonCSV.change(column, row.kind)),
                ])
            }
        }
        return table
    }

    private func kind(_ row: Nexus_Ledger_V1_RowDifference) -> String {
        row.kind == "changed" ? "" : " (\(row.kind))"
    }

    private static func figure(_ text: String) -> String {
        Fixed(text) == nil ? text : Figures.text(text)
    }
}

/// The rows of a comparison as CSV (RFC 4180): one line a column. NULL is an empty field, an empty
/// text is `""`.
enum ComparisonCSV {
    static func write(_ rows: [Nexus_Ledger_V1_RowDifference]) throws {
        let output = Output.standard
        try output.write(
            CSV.record(["table", "key", "column", "before", "after", "change", "kind"]))
        for row in rows {
            let key = JSONValue.object(row.key.mapValues { .string($0) }).canonicalBytes
            let keyText = String(decoding: key, as: UTF8.self)
            for column in row.columns {
                let change = change(column, row.kind)
                let fields = [
                    row.table, keyText, column.column, column.hasBefore ? column.before : nil,
                    column.hasAfter ? column.after : nil, change.isEmpty ? nil : change, row.kind,
                ]
                try output.write(CSV.record(nullable: fields))
            }
        }
    }

    /// after − before of two figures; empty for others, and where one is not known. A row that is
    /// not there counts as 0.
    static func change(_ column: Nexus_Ledger_V1_ColumnDifference, _ kind: String) -> String {
        guard kind != RowDifference.Kind.changed.rawValue || (column.hasBefore && column.hasAfter),
            let after = Fixed(column.hasAfter ? column.after : "0"),
            let before = Fixed(column.hasBefore ? column.before : "0"),
            let change = try? after.subtracting(before)
        else { return "" }
        return change.description
    }
}
