import ArgumentParser
import GRPCCore
import LedgerCore
import LedgerRPC

/// `restatements`: what later knowledge changed of days that were over.
struct RestatementsCommand: LedgerCommand {
    static let configuration = CommandConfiguration(
        commandName: "restatements",
        abstract: "List what later knowledge changed of days that were over.",
        discussion: """
            A row for each event that was recorded after a UTC day was over and changed a
            figure of that day, at each venue and in each settle asset, in the order of
            the log. NET is that of the book's day at the venue just before and just after
            the event: what `pnl daily --by day,venue` says with --at LOG POSITION - 1 and
            with --at LOG POSITION. The book is folded for it, which takes a while for a
            large one. With --json each is a line, with all figures.

            EXAMPLES
              nexus-ledger restatements --from 2026-01-05 --to 2026-01-11
              nexus-ledger restatements --from 2026-01-05 --to 2026-01-05 --venue okx
              nexus-ledger restatements --json | jq .event.event_id

            \(Failure.help)
            """)

    @Option(
        help: ArgumentHelp("The first day that was changed.", valueName: "day"),
        transform: PnlDailyCommand.day)
    var from: Day?

    @Option(
        help: ArgumentHelp("The last day that was changed.", valueName: "day"),
        transform: PnlDailyCommand.day)
    var to: Day?

    @Option(help: ArgumentHelp("Only a venue.", valueName: "name"))
    var venue: String?

    @OptionGroup var common: CommonOptions

    func validate() throws {
        if let from, let to, to < from {
            throw ValidationError("--to \(to) is before --from \(from)")
        }
    }

    func perform() async throws {
        let json = common.json
        try await Ledger.connected(common, saying: "folding the log") { ledger in
            var request = Nexus_Ledger_V1_ListRestatementsRequest()
            request.book = ledger.book.description
            request.fromDay = from?.description ?? ""
            request.toDay = to?.description ?? ""
            request.venue = venue ?? ""
            try await ledger.calls.listRestatements(request) { response in
                var page = RestatementsPage()
                for try await message in response.messages {
                    page.asOf = message.asOf
                    for restatement in message.restatements {
                        if json {
                            try Output.standard.line(restatement.json.canonicalBytes)
                        } else {
                            try page.add(restatement)
                        }
                    }
                }
                if !json { try page.finish(ledger.book) }
            }
        }
    }
}

/// Rows until they are printed: columns line up within one page.
private struct RestatementsPage {
    private static let rowsMax = 5_000

    /// Up to which log position it is known.
    var asOf: Int64 = 0
    private var table = RestatementsPage.emptyTable
    private var count = 0

    private static var emptyTable: Table {
        Table([
            .text("DAY"), .text("VENUE"), .text("SETTLE", spare: 1),
            .text("RECORDED (UTC)", spare: 4), .count("LOG POSITION"), .text("TYPE", spare: 2),
            .text("POSITION", spare: 3), .figure("NET BEFORE"), .figure("NET AFTER"),
            .figure("CHANGE"),
        ])
    }

    mutating func add(_ restatement: Nexus_Ledger_V1_Restatement) throws {
        let event = restatement.event
        table.add([
            Table.Cell(restatement.day), Table.Cell(restatement.venue),
            Table.Cell(restatement.settle),
            Table.Cell(Figures.instant(us: event.recordedAtUs)),
            Table.Cell(String(event.logPosition)), Table.Cell(event.type),
            Table.Cell(event.positionID), Figures.result(restatement.before.net),
            Figures.result(restatement.after.net), Figures.result(restatement.netChange),
        ])
        count += 1
        if table.count == RestatementsPage.rowsMax {
            try Output.standard.table(table)
            table = RestatementsPage.emptyTable
        }
    }

    func finish(_ book: BookName) throws {
        let output = Output.standard
        guard count > 0 else {
            return try output.line(
                "nothing was restated in book \(book), as known at log position \(asOf)")
        }
        if table.count > 0 { try output.table(table) }
        try output.line(
            Style.standard.dim(
                "\(Figures.count(count, "restatement")), as known at log position \(asOf) "
                    + "(\(Figures.note))"))
    }
}

extension Nexus_Ledger_V1_Restatement {
    /// net after − net before; empty where one of them is not known.
    fileprivate var netChange: String {
        guard let before = Fixed(before.net), let after = Fixed(after.net) else { return "" }
        return (try? after.subtracting(before))?.description ?? ""
    }

    fileprivate var json: JSONValue {
        .object([
            "day": .string(day), "venue": .string(venue), "settle": .string(settle),
            "before": before.json, "after": after.json, "net_change": .text(netChange),
            "event": event.restatingJSON,
        ])
    }
}

extension Nexus_Ledger_V1_RecordedEvent {
    /// The event without its payload, which restatements do not carry.
    fileprivate var restatingJSON: JSONValue {
        .object([
            "actor": .text(actor), "book": .string(book), "causation_id": .text(causationID),
            "correlation_id": .text(correlationID),
            "effective_at": .instant(us: effectiveAtUs), "event_id": .string(eventID),
            "leaf_hash": .string(leafHashText), "log_position": .integer(logPosition),
            "peer_uid": .integer(peerUid, if: hasPeerUid), "position_id": .string(positionID),
            "recorded_at": .instant(us: recordedAtUs), "schema_version": .integer(schemaVersion),
            "source": .string(source), "type": .string(type), "version": .integer(version),
        ])
    }
}
