import LedgerCore
import LedgerRPC

/// Rows until they are printed: columns line up within one page.
struct TimelineTable {
    /// Rows of a page: a position rarely has more, and longer ones are not kept in memory whole.
    private static let rowsMax = 5_000
    /// Of a leaf hash, enough to find it in another report.
    private static let hashDigits = 12

    private var table = TimelineTable.emptyTable
    private var count = 0
    private var foldError: (version: Int64, reason: String)?
    private var checks = TimelineChecks()

    private static var emptyTable: Table {
        Table([
            .count("V", spare: 1), .count("LOG", spare: 13), .text("EFFECTIVE (UTC)"),
            .text("RECORDED (UTC)", spare: 9), .text("TYPE", spare: 8),
            .text("SOURCE", spare: 14), .text("ACTOR", spare: 15), .text("LEG"), .text("WHAT"),
            .figure("QTY", spare: 2), .figure("OPEN COST", spare: 7),
            .figure("AVG ENTRY", spare: 12), .figure("REALISED", spare: 6),
            .figure("FEES", spare: 5), .figure("FUNDING", spare: 4), .figure("NET", spare: 3),
            .figure("POSITION NET"), .text("STATE", spare: 11), .text("HASH", spare: 16),
            .text("CHECK", spare: 10),
        ])
    }

    mutating func add(_ entry: Nexus_Ledger_V1_TimelineEntry) throws {
        let event = entry.event
        var words = EventWords.words(event)
        if entry.isVoided { words += " [voided by \(entry.voidedBy.prefix(8))]" }
        if entry.wasBuffered { words += " [\(entry.bufferedWords)]" }
        if !entry.foldError.isEmpty {
            if foldError == nil { foldError = (event.version, entry.foldError) }
            words += " [not folded]"
        }
        let attributes: [Style.Attribute] = entry.isVoided ? [.struck, .dim] : []
        let running = entry.running
        let check = entry.checkWords
        table.add([
            Table.Cell(String(event.version)), Table.Cell(String(event.logPosition)),
            Table.Cell(Figures.instant(us: event.effectiveAtUs, precise: true), attributes),
            Table.Cell(Figures.instant(us: event.recordedAtUs)),
            Table.Cell(event.type, attributes), Table.Cell(event.source),
            Table.Cell(event.actor), Table.Cell(running.leg), Table.Cell(words, attributes),
            cell(running.qty, running), cell(running.openCost, running),
            cell(running.avgEntryPx, running), cell(running.realizedPrice, running),
            cell(running.feeValue, running), cell(running.funding, running),
            cell(running.net, running), Figures.result(running.positionNet),
            Table.Cell(running.state),
            Table.Cell(String(event.leafHashText.prefix(TimelineTable.hashDigits))),
            Table.Cell(check, check.hasPrefix("FAILS") ? [.red] : []),
        ])
        checks.add(entry)
        count += 1
        if table.count == TimelineTable.rowsMax {
            try Output.standard.table(table)
            table = TimelineTable.emptyTable
        }
    }

    /// A figure of the leg; nothing where the event concerns none.
    private func cell(_ value: String, _ running: Nexus_Ledger_V1_RunningTotals) -> Table.Cell {
        running.leg.isEmpty && value.isEmpty ? "" : Table.Cell(Figures.text(value))
    }

    func finish() throws {
        let output = Output.standard
        if table.count > 0 { try output.table(table) }
        if let foldError {
            try output.line(
                Style.standard.red(
                    "the fold stopped before version \(foldError.version): "
                        + foldError.reason.printable))
        }
        for failure in checks.failures {
            try output.line(Style.standard.red("FAILS: \(failure.text)".printable))
        }
        if checks.unnamed > 0 {
            try output.line(Style.standard.red("and \(checks.unnamed) more"))
        }
        try output.line(checks.holds ? checks.summary : Style.standard.red(checks.summary))
        try output.line(
            Style.standard.dim("\(Figures.count(count, "event")) (\(Figures.note))"))
    }
}
