import ArgumentParser
import GRPCCore
import LedgerCore
import LedgerRPC

/// `timeline ID`: every event of a position with what it came to.
struct TimelineCommand: LedgerCommand {
    static let configuration = CommandConfiguration(
        commandName: "timeline",
        abstract: "Show every event of a position with running totals.",
        discussion: """
            The totals after an event are those of its leg; the last column is the
            position's net. An event that was voided is struck through and counts for
            nothing; the void that did it is named. Of an event that was buffered while
            PostgreSQL was away, it says when and on which host, and as which request of
            that outbox; RECORDED is when it was committed. With --json each event is a
            line.

            EXAMPLES
              nexus-ledger timeline 019b8b1f-0c00-7a10-8000-3f1e5ac0b2d4
              nexus-ledger timeline 019b8b1f-0c00-7a10-8000-3f1e5ac0b2d4 | less -S
              nexus-ledger timeline 019b8b1f-0c00-7a10-8000-3f1e5ac0b2d4 --json

            \(Failure.help)
            """)

    @OptionGroup var position: PositionArgument
    @OptionGroup var common: CommonOptions

    func perform() async throws {
        let (id, json) = (position.id, common.json)
        try await Ledger.connected(common) { ledger in
            var request = Nexus_Ledger_V1_GetTimelineRequest()
            request.book = ledger.book.description
            request.positionID = id.description
            try await ledger.calls.getTimeline(request) { response in
                var page = TimelinePage()
                for try await message in response.messages {
                    for entry in message.entries {
                        if json {
                            try Output.standard.line(entry.canonicalBytes)
                        } else {
                            try page.add(entry)
                        }
                    }
                }
                if !json { try page.finish(id) }
            }
        }
    }
}

/// Rows until they are printed: columns line up within one page.
private struct TimelinePage {
    /// Rows of a page: a position rarely has more, and longer ones are not kept in memory whole.
    private static let rowsMax = 5_000

    private var table = TimelinePage.emptyTable
    private var count = 0
    private var foldError: (version: Int64, reason: String)?

    private static var emptyTable: Table {
        Table([
            .count("V", spare: 1), .text("EFFECTIVE (UTC)"), .text("RECORDED (UTC)", spare: 9),
            .text("TYPE", spare: 8), .text("LEG"), .text("WHAT"), .figure("QTY", spare: 2),
            .figure("OPEN COST", spare: 7), .figure("REALISED", spare: 6),
            .figure("FEES", spare: 5), .figure("FUNDING", spare: 4), .figure("NET", spare: 3),
            .figure("POSITION NET"),
        ])
    }

    mutating func add(_ entry: Nexus_Ledger_V1_TimelineEntry) throws {
        let event = entry.event
        let isVoided = !entry.voidedBy.isEmpty
        var words = EventWords.words(event)
        if isVoided { words += " [voided by \(entry.voidedBy.prefix(8))]" }
        if entry.outboxSequence > 0 {
            let at = Figures.instant(us: entry.bufferedAtUs, precise: true)
            words += " [buffered \(at) on \(entry.host) as \(entry.outboxSequence)]"
        }
        if !entry.foldError.isEmpty {
            if foldError == nil { foldError = (event.version, entry.foldError) }
            words += " [not folded]"
        }
        let attributes: [Style.Attribute] = isVoided ? [.struck, .dim] : []
        let running = entry.running
        table.add([
            Table.Cell(String(event.version)),
            Table.Cell(Figures.instant(us: event.effectiveAtUs, precise: true), attributes),
            Table.Cell(Figures.instant(us: event.recordedAtUs)),
            Table.Cell(event.type, attributes), Table.Cell(running.leg),
            Table.Cell(words, attributes), cell(running.qty, running),
            cell(running.openCost, running), cell(running.realizedPrice, running),
            cell(running.feeValue, running), cell(running.funding, running),
            cell(running.net, running), Figures.result(running.positionNet),
        ])
        count += 1
        if table.count == TimelinePage.rowsMax {
            try Output.standard.table(table)
            table = TimelinePage.emptyTable
        }
    }

    /// A figure of the leg; nothing where the event concerns none.
    private func cell(_ value: String, _ running: Nexus_Ledger_V1_RunningTotals) -> Table.Cell {
        running.leg.isEmpty && value.isEmpty ? "" : Table.Cell(Figures.text(value))
    }

    func finish(_ id: UUID) throws {
        let output = Output.standard
        guard count > 0 else {
            throw Failure(
                .notFound,
                "position \(id) has no events: `nexus-ledger positions --all` lists what there is")
        }
        if table.count > 0 { try output.table(table) }
        if let foldError {
            try output.line(
                Style.standard.red(
                    "the fold stopped before version \(foldError.version): "
                        + foldError.reason.printable))
        }
        try output.line(
            Style.standard.dim("\(Figures.count(count, "event")) (\(Figures.note))"))
    }
}
