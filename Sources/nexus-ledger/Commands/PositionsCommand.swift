import ArgumentParser
import LedgerCore
import LedgerRPC

/// `positions`: a table of positions, newest first.
struct PositionsCommand: LedgerCommand {
    static let configuration = CommandConfiguration(
        commandName: "positions",
        abstract: "List positions, newest first.",
        discussion: """
            Open positions; --closed for those that are CLOSED or CANCELLED, --all for
            both. Totals are in the position's settle asset, and are not there where its
            legs have several. BUFFERED, where there are any, counts events that wait in
            the outbox for PostgreSQL: the other figures do not know of them.

            With --at, --as-of or --effective the positions are folded from the log as
            they were at that moment; which were open is decided by it too.

            EXAMPLES
              nexus-ledger positions
              nexus-ledger positions --closed --asset BTC --limit 20
              nexus-ledger positions --all --json | jq '.positions[].position_id'
              nexus-ledger positions --effective 2026-01-05T12:00:00Z

            \(Failure.help)
            """)

    /// Positions of one page.
    private static let pageSizeMax = 1_000
    private static let limitMax = 100_000

    @Flag(help: "Those that are CLOSED or CANCELLED.")
    var closed = false

    @Flag(help: "Open and closed ones.")
    var all = false

    @Option(help: ArgumentHelp("Only those of a strategy.", valueName: "name"))
    var strategy: String?

    @Option(help: ArgumentHelp("Only those of an asset.", valueName: "name"))
    var asset: String?

    @Option(help: ArgumentHelp("At most this many, up to 100,000.", valueName: "count"))
    var limit = 100

    @OptionGroup var moment: MomentOptions
    @OptionGroup var freshness: FreshnessOption
    @OptionGroup var common: CommonOptions

    func validate() throws {
        guard !(closed && all) else { throw ValidationError("give --closed or --all, not both") }
        guard (1...PositionsCommand.limitMax).contains(limit) else {
            throw ValidationError("--limit is \(limit): it must be 1 to 100000")
        }
        try moment.refuse(freshness)
    }

    func perform() async throws {
        let page = try await Ledger.connected(common, saying: moment.reading) {
            try await read($0)
        }
        let output = Output.standard
        if common.json {
            let document = JSONValue.object([
                "as_of": .integer(page.asOf), "more": .bool(page.hasMore),
                "positions": .array(page.positions.map(\.json)),
            ])
            return try output.line(document.canonicalBytes)
        }
        guard !page.positions.isEmpty else {
            let kind = all ? "" : (closed ? "closed " : "open ")
            let when = moment.message == nil ? "" : ", \(moment.words(asOf: page.asOf))"
            return try output.line("no \(kind)positions in book \(common.book)\(when)")
        }
        try output.table(table(page.positions))
        let count = Figures.count(page.positions.count, "position")
        let more = page.hasMore ? "; there are more: --limit" : ""
        let when = moment.words(asOf: page.asOf)
        try output.line(Style.standard.dim("\(count) \(when)\(more) (\(Figures.note))"))
    }

    private struct Page {
        var positions: [Nexus_Ledger_V1_Position] = []
        var asOf: Int64 = 0
        var hasMore = false
    }

    private func read(_ ledger: Ledger) async throws -> Page {
        var request = Nexus_Ledger_V1_ListPositionsRequest()
        request.book = ledger.book.description
        request.filter = all ? .all : (closed ? .closed : .open)
        request.strategy = strategy ?? ""
        request.asset = asset ?? ""
        request.atLeast = try await ledger.position(of: freshness.atLeast)
        if let message = moment.message { request.moment = message }
        var page = Page()
        repeat {
            let rest = limit - page.positions.count
            request.pageSize = Int32(min(rest, PositionsCommand.pageSizeMax))
            let answer = try await ledger.reading(atLeast: request.atLeast) {
                try await ledger.calls.listPositions(request, options: moment.answering)
            }
            if request.pageToken.isEmpty { page.asOf = answer.asOf }
            page.positions += answer.positions.prefix(rest)
            page.hasMore = !answer.nextPageToken.isEmpty
            request.pageToken = answer.nextPageToken
            if let fixed = moment.fixed(at: page.asOf) { request.moment = fixed }
            Progress.standard.show("\(page.positions.count) positions read")
        } while page.hasMore && page.positions.count < limit
        return page
    }

    private func table(_ positions: [Nexus_Ledger_V1_Position]) -> Table {
        var columns: [Table.Column] = [
            .text("POSITION"), .text("STRATEGY", spare: 5), .text("ASSET"), .text("STATE"),
            .text("OPENED", spare: 6),
        ]
        let showsBuffered = positions.contains { $0.bufferedEvents > 0 }
        let showsClose = all || closed
        if showsClose { columns.append(.text("CLOSED", spare: 4)) }
        columns += [
            .text("LEGS", spare: 7), .figure("BASE DELTA", spare: 10),
            .figure("REALISED", spare: 9), .figure("FEES", spare: 8),
            .figure("FUNDING", spare: 8), .figure("NET"), .figure("UNREALISED", spare: 3),
            .text("SETTLE", spare: 1), .text("FLAGS", spare: 2),
        ]
        if showsBuffered { columns.append(.count("BUFFERED")) }
        var table = Table(columns)
        for position in positions {
            var cells: [Table.Cell] = [
                Table.Cell(position.positionID), Table.Cell(position.strategy),
                Table.Cell(position.asset), Table.Cell(position.state),
                Table.Cell(Figures.instant(us: position.openedAtUs)),
            ]
            if showsClose { cells.append(Table.Cell(Figures.instant(us: position.closedAtUs))) }
            cells += [
                Table.Cell(PositionWords.venues(position)),
                Table.Cell(Figures.text(position.baseDelta)), Figures.result(position.realized),
                Table.Cell(Figures.text(position.fees)), Figures.result(position.funding),
                Figures.result(position.net), Figures.result(position.unrealized),
                Table.Cell(position.settle.isEmpty ? Figures.null : position.settle),
                PositionWords.flags(position),
            ]
            if showsBuffered {
                cells.append(Table.Cell(PositionWords.buffered(position, countMax: 100)))
            }
            table.add(cells)
        }
        return table
    }
}

/// How a position's members read in tables.
enum PositionWords {
    /// "+binance −okx": the venue of each leg with its side.
    static func venues(_ position: Nexus_Ledger_V1_Position) -> String {
        guard !position.legs.isEmpty else { return Figures.null }
        return position.legs.map { ($0.side == "short" ? "-" : "+") + $0.venue }
            .joined(separator: " ")
    }

    /// Events that are in the outbox and not in the figures; "+" where there may be more, as the
    /// ledger counts up to `countMax`.
    static func buffered(_ position: Nexus_Ledger_V1_Position, countMax: Int64) -> String {
        "\(position.bufferedEvents)" + (position.bufferedEvents >= countMax ? "+" : "")
    }

    /// The flags, and STALE where the rows stand still.
    static func flags(_ position: Nexus_Ledger_V1_Position) -> Table.Cell {
        let flags = position.flags + (position.staleReason.isEmpty ? [] : ["STALE"])
        return Table.Cell(flags.joined(separator: " "), [.yellow])
    }
}
