import ArgumentParser
import LedgerCore
import LedgerRPC

/// `pnl`: what was earned.
struct PnlCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pnl",
        abstract: "Show what was earned.",
        discussion: """
            EXAMPLES
              nexus-ledger pnl daily
              nexus-ledger pnl daily --from 2026-01-05 --by day,venue
            """,
        subcommands: [PnlDailyCommand.self])
}

/// `pnl daily`: analytics.daily_pnl, summed as asked for.
struct PnlDailyCommand: LedgerCommand {
    static let configuration = CommandConfiguration(
        commandName: "daily",
        abstract: "Show the profit and loss of each UTC day.",
        discussion: """
            A row for each day, strategy, asset and venue, or for those of them that
            --by names; settle assets are never added up. Fees and net of a day are not
            known until every fee of it is valued.

            With --at, --as-of or --effective the whole book is folded from the log as it
            was at that moment, which takes a while for a large one; --strategy and
            --asset make it less.

            EXAMPLES
              nexus-ledger pnl daily
              nexus-ledger pnl daily --from 2026-01-05 --to 2026-01-11 --by day
              nexus-ledger pnl daily --by venue,asset --strategy carry --json
              nexus-ledger pnl daily --as-of 2026-01-06 --by day,venue

            \(Failure.help)
            """)

    /// The keys that rows can be kept apart by.
    enum Key: String, CaseIterable {
        case day, strategy, asset, venue
    }

    private static let pageSizeMax: Int32 = 10_000
    private static let rowsMax = 1_000_000

    @Option(
        help: ArgumentHelp("The first day, such as 2026-01-31.", valueName: "day"),
        transform: PnlDailyCommand.day)
    var from: Day?

    @Option(
        help: ArgumentHelp("The last day.", valueName: "day"), transform: PnlDailyCommand.day)
    var to: Day?

    @Option(
        help: ArgumentHelp(
            "Keep apart by these of day, strategy, asset and venue; all by default.",
            valueName: "keys"),
        transform: PnlDailyCommand.keys)
    var by: [Key] = Key.allCases

    @Option(help: ArgumentHelp("Only a strategy.", valueName: "name"))
    var strategy: String?

    @Option(help: ArgumentHelp("Only an asset.", valueName: "name"))
    var asset: String?

    @Option(help: ArgumentHelp("Only a venue.", valueName: "name"))
    var venue: String?

    @OptionGroup var moment: MomentOptions
    @OptionGroup var freshness: FreshnessOption
    @OptionGroup var common: CommonOptions

    func validate() throws {
        if let from, let to, to < from {
            throw ValidationError("--to \(to) is before --from \(from)")
        }
        try moment.refuse(freshness)
    }

    static func day(_ text: String) throws -> Day {
        guard let day = Day(text) else {
            throw ValidationError("a day is written 2026-01-31")
        }
        return day
    }

    private static func keys(_ text: String) throws -> [Key] {
        let keys = try text.split(separator: ",").map { name in
            guard let key = Key(rawValue: String(name)) else {
                throw ValidationError("use day, strategy, asset and venue, with commas")
            }
            return key
        }
        guard !keys.isEmpty else {
            throw ValidationError("name one or more of day, strategy, asset and venue")
        }
        return keys
    }

    func perform() async throws {
        let (rows, asOf) = try await Ledger.connected(common, saying: moment.reading) {
            try await read($0)
        }
        let totals = PnlTotals.totals(of: rows)
        let output = Output.standard
        if common.json {
            let document = JSONValue.object([
                "as_of": .integer(asOf), "rows": .array(rows.map(\.json)),
                "totals": .array(totals.map(\.json)),
            ])
            return try output.line(document.canonicalBytes)
        }
        guard !rows.isEmpty else {
            let when = moment.message == nil ? "" : ", \(moment.words(asOf: asOf))"
            return try output.line("nothing was booked in book \(common.book)\(when)")
        }
        try output.table(table(rows, totals))
        try output.line(Style.standard.dim("\(moment.words(asOf: asOf)) (\(Figures.note))"))
    }

    private func read(_ ledger: Ledger) async throws -> ([Nexus_Ledger_V1_DailyPnl], Int64) {
        var request = Nexus_Ledger_V1_GetDailyPnlRequest()
        request.book = ledger.book.description
        request.fromDay = from?.description ?? ""
        request.toDay = to?.description ?? ""
        request.strategy = strategy ?? ""
        request.asset = asset ?? ""
        request.venue = venue ?? ""
        request.by = Key.allCases.filter(by.contains).map(\.rawValue)
        request.pageSize = PnlDailyCommand.pageSizeMax
        request.atLeast = try await ledger.position(of: freshness.atLeast)
        if let message = moment.message { request.moment = message }
        var rows: [Nexus_Ledger_V1_DailyPnl] = []
        var asOf: Int64 = 0
        repeat {
            let answer = try await ledger.reading(atLeast: request.atLeast) {
                try await ledger.calls.getDailyPnl(request, options: moment.answering)
            }
            if request.pageToken.isEmpty { asOf = answer.asOf }
            rows += answer.rows
            request.pageToken = answer.nextPageToken
            if let fixed = moment.fixed(at: asOf) { request.moment = fixed }
            guard rows.count <= PnlDailyCommand.rowsMax else {
                throw Failure(
                    .failed,
                    "more than \(PnlDailyCommand.rowsMax) rows: use --from, --to or --by")
            }
            Progress.standard.show("\(rows.count) rows read")
        } while !request.pageToken.isEmpty
        return (rows, asOf)
    }

    private func table(_ rows: [Nexus_Ledger_V1_DailyPnl], _ totals: [PnlTotals]) -> Table {
        let keys = Key.allCases.filter(by.contains)
        var table = Table(
            keys.map { .text($0.rawValue.uppercased()) } + [
                .text("SETTLE"), .figure("PRICE P&L", spare: 3), .figure("FEES", spare: 5),
                .figure("FUNDING", spare: 4), .figure("ADJUSTMENTS", spare: 6), .figure("NET"),
                .count("FILLS", spare: 8), .figure("VOLUME", spare: 7),
                .count("POSITIONS", spare: 9),
            ])
        for row in rows {
            table.add(
                keys.map { Table.Cell(row.text(of: $0)) } + [
                    Table.Cell(row.settle), Figures.result(row.pricePnl),
                    Table.Cell(Figures.text(row.fees)), Figures.result(row.funding),
                    Figures.result(row.adjustments), Figures.result(row.net),
                    Table.Cell(String(row.fills)), Table.Cell(Figures.text(row.volume)),
                    Table.Cell(String(row.positions)),
                ])
        }
        table.addRule()
        for total in totals {
            table.add(
                keys.indices.map { $0 == 0 ? "total" : "" } + [
                    Table.Cell(total.settle), total.cell(\.pricePnl), total.cell(\.fees),
                    total.cell(\.funding), total.cell(\.adjustments), total.cell(\.net),
                    Table.Cell(String(total.fills)), total.cell(\.volume), "",
                ])
        }
        return table
    }
}

extension Nexus_Ledger_V1_DailyPnl {
    fileprivate func text(of key: PnlDailyCommand.Key) -> String {
        switch key {
        case .day: day
        case .strategy: strategy
        case .asset: asset
        case .venue: venue
        }
    }
}
