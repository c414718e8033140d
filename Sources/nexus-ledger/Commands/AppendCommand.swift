import ArgumentParser
import GRPCCore
import LedgerCore

/// `append FILE|-`: appends JSON lines of events.
struct AppendCommand: LedgerCommand {
    static let configuration = CommandConfiguration(
        commandName: "append",
        abstract: "Append events from JSON lines.",
        discussion: """
            Each line is one event and, by default, one request, which is atomic. An
            event that the ledger knows already is skipped, so that the same input can
            be appended again after whatever went wrong. A line without "book" goes to
            --book; one that names another book than --book is refused.

            At the first line that is malformed or refused it stops sending and tells
            the line; up to 63 requests behind it are on their way by then, and are told
            too. With --keep-going it goes on to the end of the input.

            A LINE (wrapped here)
              {"position_id":"019b8cb3-…","type":"mark_recorded","source":"venue_ws",
              "effective_at":"2026-01-05T08:00:00Z","event_id":"019b8cb4-…",
              "payload":{"leg":"long","px":"91250.5"}}

            EXAMPLES
              nexus-ledger append events.jsonl
              nexus-ledger append --batch 500 events.jsonl
              nexus-ledger append --atomic flip.jsonl
              nexus-ledger seed --seed 1 | nexus-ledger append --json -

            \(Failure.help)
            """)

    @Argument(help: ArgumentHelp("JSON lines; - is standard input.", valueName: "file"))
    var file: String

    @Option(
        help: ArgumentHelp(
            "Lines of one book that go into one request, which is taken or refused whole.",
            valueName: "count"))
    var batch = 1

    @Flag(help: "The whole input is one request, of at most 10,000 lines.")
    var atomic = false

    @Flag(help: "Go on after a line that is malformed or refused.")
    var keepGoing = false

    @OptionGroup var common: CommonOptions

    func validate() throws {
        guard (1...RequestBatcher.eventsMax).contains(batch) else {
            throw ValidationError(
                "--batch is \(batch): it must be 1 to \(RequestBatcher.eventsMax)")
        }
        guard !(atomic && (keepGoing || batch != 1)) else {
            throw ValidationError("--atomic goes with neither --batch nor --keep-going")
        }
    }

    func perform() async throws {
        let report = AppendReport(json: common.json)
        let session = AppendSession(
            AppendSession.Settings(
                input: try LineReader.open(file), inputName: file, book: common.book,
                namedBook: common.bookOption.book, batchMax: batch, isAtomic: atomic,
                keepsGoing: keepGoing, report: report))
        do {
            try await Ledger.connected(common) { try await session.run($0) }
        } catch let error as RPCError {
            try report.summarize(session.tally)
            throw interrupted(session.tally, error)
        } catch is Output.Closed {
            throw Failure(
                .failed,
                "standard output was closed, so this stopped; run it again, known events are "
                    + "skipped")
        }
        let tally = session.tally
        try report.summarize(tally)
        try check(tally)
    }

    /// The stream has ended with an error.
    private func interrupted(_ tally: AppendTally, _ error: RPCError) -> Failure {
        var failure = Failure(Failure.kind(of: error.code), Failure.words(error))
        if let first = tally.unanswered.first, let last = tally.unanswered.last {
            let lines = first == last ? "line \(first) is" : "lines \(first)–\(last) are"
            failure.message += "; whether \(lines) appended is not known"
        }
        failure.message += "; run the same command again, known events are skipped"
        return failure
    }

    private func check(_ tally: AppendTally) throws(Failure) {
        if let first = tally.unanswered.first {
            throw Failure(
                .failed,
                "the ledger ended the stream and left line \(first) and what follows unanswered; "
                    + "run the same command again, known events are skipped")
        }
        if let failed = tally.firstFailed {
            throw Failure(
                .failed, "stopped at line \(failed.line); \(Failure.hint(for: failed.status))")
        }
        guard let line = tally.firstRefused else { return }
        if atomic { throw Failure(.refused, "nothing was appended: mend it and run it again") }
        let lines = Figures.count(tally.refused, "line")
        throw Failure(
            .refused,
            keepGoing
                ? "\(lines) refused: mend them and run it again, known events are skipped"
                : "stopped at line \(line): mend it and run it again, known events are skipped")
    }
}
