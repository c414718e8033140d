import ArgumentParser
import Glibc
import LedgerCore
import LedgerService

/// `import`: events from venues' own files.
struct ImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Append what a venue's own files say.",
        discussion: """
            EXAMPLES
              nexus-ledger import hyperliquid --fills fills.json --dry-run
              nexus-ledger import hyperliquid --fills fills.json --funding funding.json
            """,
        subcommands: [ImportHyperliquidCommand.self])
}

/// `import hyperliquid`: user fills and user funding.
struct ImportHyperliquidCommand: LedgerCommand {
    static let configuration = CommandConfiguration(
        commandName: "hyperliquid",
        abstract: "Make positions of Hyperliquid's user fills and user funding, and append them.",
        discussion: """
            Reads the answers of the exchange's info endpoint (userFills or
            userFillsByTime, and userFunding) as they were saved. A position lasts from
            flat to flat, one a coin at a time; a flip closes one and opens the next.
            The report says what was taken, what was left out and why, and compares the
            ledger's realised P&L with the venue's.

            A second run appends nothing. The exchange gives out the latest fills only:
            keep the files and name all of them (--fills a.json --fills b.json), repeats
            are passed over. A history that begins later than one that was imported
            before would make other positions of the same fills, and is refused. So is
            a file whose records are of another kind.

            EXAMPLES
              nexus-ledger import hyperliquid --fills fills.json --funding funding.json
              nexus-ledger import hyperliquid --fills fills.json --dry-run
              nexus-ledger import hyperliquid --fills fills.json --account 0x1234…
              nexus-ledger import hyperliquid --fills fills.json --print > book.jsonl

            \(Failure.help)
            """)

    /// Bytes of the largest file; the exchange's largest answers have 2,000 records, below 1 MiB.
    private static let fileBytesMax = 256 << 20

    @Option(
        help: ArgumentHelp(
            "User fills; - is standard input. May be given several times.", valueName: "file"))
    var fills: [String]

    @Option(
        help: ArgumentHelp("User funding. May be given several times.", valueName: "file"))
    var funding: [String] = []

    @Option(
        help: ArgumentHelp(
            "What the ledger calls the account.",
            discussion: "Its address tells its own liquidations from those of others. Every run "
                + "must name the same.",
            valueName: "name"))
    var account = HyperliquidImport.accountDefault

    @Option(
        help: ArgumentHelp(
            "The strategy that the positions are filed under; the same in every run.",
            valueName: "name"))
    var strategy = HyperliquidImport.strategyDefault

    @Flag(help: "Report only; nothing is appended and no ledger is needed.")
    var dryRun = false

    @Flag(
        name: .customLong("print"),
        help: "Print the events as JSON lines for append or fold; nothing is appended.")
    var prints = false

    @OptionGroup var common: CommonOptions

    func validate() throws {
        guard !(prints && common.json) else {
            throw ValidationError("--print writes events, --json the report: give one of them")
        }
        for (name, value) in [("--account", account), ("--strategy", strategy)]
        where value.isEmpty || value.utf8.count > TextLimit.nameBytesMax {
            throw ValidationError(
                "\(name) must have 1 to \(TextLimit.nameBytesMax) bytes")
        }
    }

    func perform() async throws {
        let conversion = try convert()
        if prints {
            for line in conversion.report.lines { Progress.standard.message(line) }
            try check(conversion.report)
            for event in conversion.events {
                try Output.standard.line(EventLine(book: common.book, event: event).canonicalBytes)
            }
            return
        }
        guard !dryRun, conversion.report.refusal == nil else {
            try write(conversion.report, nil)
            return try check(conversion.report)
        }
        var session = ImportSession()
        do {
            session = try await Ledger.connected(common) { ledger in
                var session = session
                try await session.send(conversion.positions, to: ledger)
                return session
            }
        } catch {
            var failure = Failure(error)
            failure.message += "; run the same command again, known events are skipped"
            throw failure
        }
        try write(conversion.report, session)
        for refused in session.refused {
            Progress.standard.message(
                "position \(refused.position.id) of \(refused.position.coin): \(refused.message)")
        }
        guard session.refused.isEmpty else {
            throw Failure(
                .refused,
                "\(Figures.count(session.refused.count, "position")) refused: were these fills "
                    + "imported before as another history, account or strategy? Name all files of "
                    + "the history together")
        }
    }

    /// Refuses files that nothing can be made of.
    private func check(_ report: HyperliquidReport) throws(Failure) {
        if let refusal = report.refusal { throw Failure(.refused, refusal) }
    }

    private func convert() throws -> HyperliquidImport.Conversion {
        let importer = HyperliquidImport(account: account, strategy: strategy)
        let files = (try fills.map(read), try funding.map(read))
        do throws(InvalidField) {
            return try importer.convert(fills: files.0, funding: files.1)
        } catch {
            throw Failure(.refused, error.description)
        }
    }

    private func read(_ path: String) throws(Failure) -> HyperliquidImport.File {
        let descriptor = try LineReader.open(path)
        defer { if descriptor != STDIN_FILENO { close(descriptor) } }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 20)
        while bytes.count <= ImportHyperliquidCommand.fileBytesMax {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                throw Failure(.failed, "cannot read \(path): \(systemText(of: errno))")
            }
            guard count > 0 else {
                let name = path.split(separator: "/").last.map(String.init) ?? path
                return HyperliquidImport.File(name: name, bytes: bytes)
            }
            bytes += chunk[..<count]
        }
        throw Failure(
            .refused,
            "\(path) has more than \(ImportHyperliquidCommand.fileBytesMax >> 20) MiB: split it")
    }

    // MARK: The report

    /// - Parameter session: What was appended; nil if nothing was to be.
    private func write(_ report: HyperliquidReport, _ session: ImportSession?) throws {
        let output = Output.standard
        if common.json {
            guard case .object(var members) = report.json else { return }
            members.merge(session?.json ?? [:]) { _, own in own }
            return try output.line(JSONValue.object(members).canonicalBytes)
        }
        for line in report.lines { try output.line(line.printable) }
        if !report.coins.isEmpty { try output.table(table(report)) }
        try output.line(session?.words ?? (dryRun ? "dry run: " : "") + "nothing was appended")
    }

    private func table(_ report: HyperliquidReport) -> Table {
        var table = Table([
            .text("coin"), .count("positions"), .count("open"), .count("fills"),
            .count("payments", spare: 3), .figure("qty", spare: 2),
            .figure("venue's closed P&L"), .figure("ledger's"), .figure("difference"),
            .figure("funding", spare: 4), .text("fees", spare: 5), .text("settle", spare: 6),
        ])
        for coin in report.coins {
            let fees = coin.fees.entries.map {
                "\(Figures.text($0.amount)) \($0.asset.text)"
            }
            table.add([
                Table.Cell(coin.coin), Table.Cell("\(coin.positions)"), Table.Cell("\(coin.open)"),
                Table.Cell("\(coin.fills)"), Table.Cell("\(coin.payments)"),
                Table.Cell(Figures.text(coin.qty)), Table.Cell(Figures.text(coin.venueClosedPnl)),
                Table.Cell(Figures.text(coin.realizedPrice)),
                Table.Cell(Figures.text(coin.difference)), Table.Cell(Figures.text(coin.funding)),
                Table.Cell(fees.sorted().joined(separator: ", ")), Table.Cell(coin.settle),
            ])
        }
        return table
    }
}
