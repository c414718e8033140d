import LedgerCore
import LedgerRPC

/// Why two generations disagree about a position, for people.
struct ExplanationReport {
    let answer: Nexus_Ledger_V1_ExplainResponse
    let position: UUID

    private typealias Rows = [String: [String: String]]

    func write() throws {
        let output = Output.standard
        let count = answer.differences.reduce(0) { $0 + $1.columns.count }
        guard count > 0 else {
            return try output.line(
                "position \(position): nothing differs at log position \(answer.logPosition)")
        }
        if answer.hasEvent {
            let event = answer.event
            try output.line(
                Style.standard.bold("the first event after which both disagree: ")
                    + "\(event.type) at log position \(event.logPosition), version "
                    + "\(event.version)")
            try output.line(
                "  \(event.eventID), effective "
                    + Figures.instant(us: event.effectiveAtUs, precise: true)
                    + ", recorded \(Figures.instant(us: event.recordedAtUs, precise: true)), "
                    + "source \(event.source)"
                    + (event.actor.isEmpty ? "" : ", actor \(event.actor.printable)"))
            try output.line("  " + EventWords.words(event).printable)
        }
        try output.line(Style.standard.dim(answer.method.printable))
        if answer.hasEvent {
            try output.line()
            try output.table(accounts)
        }
        try output.line()
        try output.line(
            "what differs now, at log position \(answer.logPosition):")
        try output.table(differences)
    }

    /// Where both differ after the event, and the figures of the legs and days that it moves; JSON
    /// has all.
    private var accounts: Table {
        let sides = [answer.liveBefore, answer.liveAfter, answer.otherBefore, answer.otherAfter]
            .map { Self.rows(Array($0)) }
        var table = Table([
            .text("ROW"), .text("COLUMN"), .figure("LIVE BEFORE"), .figure("LIVE AFTER"),
            .figure("OTHER BEFORE"), .figure("OTHER AFTER"),
        ])
        let keys = Set(sides.flatMap { $0?.keys.map { $0 } ?? [] }).sorted()
        for key in keys {
            let columns = Set(sides.flatMap { $0?[key]?.keys.map { $0 } ?? [] }).sorted()
            for column in columns {
                let values = sides.map { $0?[key]?[column] }
                let isFigure = key.hasPrefix("positions.legs") || key.contains("_days")
                let isMoved =
                    isFigure && values[2] != values[3]
                    && values[3].map { Fixed($0) != nil } ?? true
                let differs = sides[1] != nil && values[1] != values[3]
                guard isMoved || differs else { continue }
                table.add(
                    [Table.Cell(key), Table.Cell(column)]
                        + values.enumerated().map { index, value in
                            guard sides[index] != nil else { return Table.Cell("?") }
                            return Table.Cell(
                                value.map { Fixed($0) == nil ? $0 : Figures.text($0) }
                                    ?? Figures.null)
                        })
            }
        }
        return table
    }

    /// Rows of an account by a name that tells them apart; nil where it is not known.
    private static func rows(_ json: [UInt8]) -> Rows? {
        guard !json.isEmpty, case .object(let tables)? = try? JSONValue(parsing: json) else {
            return nil
        }
        var rows: Rows = [:]
        for (table, list) in tables {
            guard case .array(let items) = list else { continue }
            for case .object(let members) in items {
                let parts = ["leg", "day", "month"].compactMap { members[$0]?.text }
                let name = ([table] + parts).joined(separator: " ")
                rows[name] = members.compactMapValues(\.text)
            }
        }
        return rows
    }

    private var differences: Table {
        var table = Table([
            .text("TABLE"), .text("KEY"), .text("COLUMN"), .figure("LIVE"), .figure("OTHER"),
        ])
        for row in answer.differences {
            let key = row.key.filter { $0.key != "position_id" }.sorted { $0.key < $1.key }
                .map(\.value).joined(separator: " ")
            for column in row.columns {
                func text(_ value: String, _ isThere: Bool) -> String {
                    guard isThere else { return Figures.null }
                    return Fixed(value) == nil ? value : Figures.text(value)
                }
                table.add([
                    Table.Cell(row.table), Table.Cell(key), Table.Cell(column.column),
                    Table.Cell(text(column.before, column.hasBefore)),
                    Table.Cell(text(column.after, column.hasAfter)),
                ])
            }
        }
        return table
    }
}
