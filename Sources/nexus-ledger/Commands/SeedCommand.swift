import ArgumentParser
import LedgerCore
import LedgerService

/// `seed`: a sample book as JSON lines.
struct SeedCommand: LedgerCommand {
    static let configuration = CommandConfiguration(
        commandName: "seed",
        abstract: "Print a sample book of funding arbitrage as JSON lines for `append`.",
        discussion: """
            Needs no ledger. The same arguments give the same bytes. Two-leg positions
            on several venues over ten days: opens in several fills, hourly and
            8-hourly funding, partial and full closes, a liquidation, a late fee, a
            trade that is voided and replaced.

            EXAMPLES
              nexus-ledger seed --seed 1 | nexus-ledger append -
              nexus-ledger seed --seed 2 --positions 100 > book.jsonl
              nexus-ledger seed --seed 1 | nexus-ledger fold -

            \(Failure.help)
            """)

    @Option(help: ArgumentHelp("Decides all that is random.", valueName: "number"))
    var seed: UInt64

    @Option(help: ArgumentHelp("How many positions, up to 100,000.", valueName: "count"))
    var positions = 12

    @Option(
        help: ArgumentHelp(
            "When the first one opens.",
            discussion: "Default: 2026-01-05T00:00:00Z.", valueName: "time"),
        transform: SeedCommand.time)
    var start = SampleBook.startDefault

    @OptionGroup var bookOption: BookOption

    func validate() throws {
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
        let book = SampleBook(
            seed: seed, positions: positions, start: start, book: bookOption.named ?? .main)
        let output = Output.standard
        var count = 0
        for line in book.lines() {
            try output.line(line.canonicalBytes)
            count += 1
            // On a terminal the lines tell it themselves.
            if !output.isTerminal { Progress.standard.show("\(count) lines written") }
        }
    }
}
