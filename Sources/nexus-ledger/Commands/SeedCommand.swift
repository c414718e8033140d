import ArgumentParser
import LedgerCore
import LedgerService

/// `seed`: a sample book as JSON lines.
struct SeedCommand: LedgerCommand {
    static let configuration = CommandConfiguration(
        commandName: "seed",
        abstract: "Print a sample book as JSON lines for `append`, or fill a whole database.",
        discussion: """
            Without --scale it needs no ledger, and the same arguments give the same bytes.
            Two-leg positions on several venues over ten days: opens in several fills,
            hourly and 8-hourly funding, partial and full closes, a liquidation, a late
            fee, a trade that is voided and replaced.

            With --scale it fills every table of an empty, migrated database with rows that
            fit together: exchanges, users, rates of two sources that disagree at times,
            opportunities that became positions, capital, alerts. A scale is 12 positions
            and what belongs to them. It refuses a database that is in use.

            EXAMPLES
              nexus-ledger seed --seed 1 | nexus-ledger append -
              nexus-ledger seed --seed 2 --positions 100 > book.jsonl
              nexus-ledger seed --seed 1 | nexus-ledger fold -
              nexus-ledger seed --scale 10 --seed 1 --database postgresql:///nexus_test

            \(Failure.help)
            """)

    @Option(help: ArgumentHelp("Decides all that is random.", valueName: "number"))
    var seed: UInt64

    @Option(help: ArgumentHelp("How many positions, up to 100,000.", valueName: "count"))
    var positions = 12

    @Option(
        help: ArgumentHelp(
            "When the first one opens.",
            discussion: "Default: 2026-01-05T00:00:00Z; with --scale the day 12 days ago.",
            valueName: "time"),
        transform: SeedCommand.time)
    var start: Timestamp?

    @Option(
        help: ArgumentHelp(
            "Fill the database that is named, so many times 12 positions, up to 1,000.",
            valueName: "count"))
    var scale: Int?

    @Option(
        help: ArgumentHelp(
            "The database to fill: a libpq string or URI.",
            discussion: "Default: NEXUS_DATABASE.", valueName: "conninfo"))
    var database: String?

    @Option(
        help: ArgumentHelp(
            "The private PostgreSQL of a ledger, which has to run, to fill.",
            discussion: "Default: NEXUS_EMBEDDED.", valueName: "dir"))
    var embedded: String?

    @OptionGroup var bookOption: BookOption

    func validate() throws {
        guard database == nil || embedded == nil else {
            throw ValidationError("--database and --embedded exclude each other")
        }
        guard scale != nil || (database == nil && embedded == nil) else {
            throw ValidationError("a database is filled with --scale: say how much")
        }
        if let scale, !(1...DatabaseSeed.scaleMax).contains(scale) {
            throw ValidationError(
                "--scale is \(scale): it must be 1 to \(DatabaseSeed.scaleMax)")
        }
        guard (0...SampleBook.positionsMax).contains(positions) else {
            throw ValidationError(
                "--positions is \(positions): it must be 0 to \(SampleBook.positionsMax)")
        }
    }

    private static func time(_ text: String) throws -> Timestamp {
        guard let time = Timestamp(text), time <= SampleBook.startMax else {
            throw ValidationError(
                "a time is written 2026-01-05T00:00:00Z, and here is at most "
                    + "\(SampleBook.startMax)")
        }
        return time
    }

    func perform() async throws {
        if let scale { return try await fill(scale) }
        let book = SampleBook(
            seed: seed, positions: positions, start: start ?? SampleBook.startDefault,
            book: bookOption.named ?? .main)
        let output = Output.standard
        var count = 0
        for line in book.lines() {
            try output.line(line.canonicalBytes)
            count += 1
            // On a terminal the lines tell it themselves.
            if !output.isTerminal { Progress.standard.show("\(count) lines written") }
        }
    }

    private func fill(_ scale: Int) async throws {
        let conninfo: String
        if let database {
            conninfo = database
        } else if let directory = embedded ?? Environment.value("NEXUS_EMBEDDED") {
            conninfo = try EmbeddedCluster(directory: directory).attach()
        } else if let database = Environment.value("NEXUS_DATABASE") {
            conninfo = database
        } else {
            throw ValidationError(
                "no database is named: give --database CONNINFO or --embedded DIR, or set "
                    + "NEXUS_DATABASE or NEXUS_EMBEDDED")
        }
        let day = start ?? SystemClock.now().daysBefore(12)
        let began = ContinuousClock.now
        try await DatabaseSeed(
            conninfo: conninfo, scale: scale, seed: seed, start: day.floored(toSeconds: 86_400)
        ).run()
        let seconds = Int(((ContinuousClock.now - began) / .seconds(1)).rounded())
        try Output.standard.line("the database is filled at scale \(scale), in \(seconds) s")
    }
}

extension Timestamp {
    fileprivate func daysBefore(_ days: Int64) -> Timestamp {
        Timestamp(microseconds: microseconds - days * 86_400_000_000)
    }
}
