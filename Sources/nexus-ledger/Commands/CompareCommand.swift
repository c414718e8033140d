import ArgumentParser
import GRPCCore
import LedgerCore
import LedgerRPC
import Synchronization

/// `compare`: what a rebuilt generation would change.
struct CompareCommand: LedgerCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Compare the live projections with a rebuilt generation.",
        discussion: """
            Both are compared at one log position while everything goes on: BEFORE is what
            readers see, AFTER what they would see. Rows are sorted by the change of money
            in them. The digest at the end covers all differences; `promote` wants it, to
            be sure that what is promoted is what was looked at. Names of tables limit the
            comparison to them.

            --sample folds some positions afresh instead, as a preview without a rebuild.
            --explain names the first event after which both disagree about a position. It
            asks the ledger at the socket, which may have the logic of the live rows.

            EXAMPLES
              nexus-ledger compare
              nexus-ledger compare positions.history --rows 20
              nexus-ledger compare --csv > differences.csv
              nexus-ledger compare --sample 200 --database postgresql:///ledger
              nexus-ledger compare --explain 019b8b1f-0c00-7a10-8000-3f1e5ac0b2d4

            \(Failure.help)
            """)

    @Argument(help: "Tables, such as positions.history; all if none is named.")
    var tables: [String] = []

    @Option(help: ArgumentHelp("Rows to show, up to 100,000.", valueName: "count"))
    var rows: Int32?

    @Option(
        help: ArgumentHelp(
            "Fold so many positions afresh and compare them with the live rows.",
            valueName: "count"))
    var sample: Int32?

    @Option(
        help: ArgumentHelp("Explain one position.", valueName: "id"),
        transform: PositionArgument.parse)
    var explain: UUID?

    @Option(help: ArgumentHelp("The slot to compare with.", valueName: "slot"))
    var slot: Int32?

    @Flag(help: "Write the rows that differ as CSV.")
    var csv = false

    @OptionGroup var options: GenerationOptions

    private static let rowsShown: Int32 = 100
    private static let rowsMax: Int32 = 100_000

    func validate() throws {
        if let rows, !(0...CompareCommand.rowsMax).contains(rows) {
            throw ValidationError("--rows is \(rows): it must be 0 to 100000")
        }
        if let sample, !(1...CompareCommand.rowsMax).contains(sample) {
            throw ValidationError("--sample is \(sample): it must be 1 to 100000")
        }
        try SlotOption.check(slot)
        guard sample == nil || slot == nil else {
            throw ValidationError(
                "--sample compares with the log, not with a slot: leave --slot out")
        }
        guard !(csv && options.common.json) else {
            throw ValidationError("--csv and --json exclude each other")
        }
        guard explain == nil || (sample == nil && !csv && tables.isEmpty) else {
            throw ValidationError("--explain takes no tables, --sample or --csv")
        }
    }

    func perform() async throws {
        if let explain { return try await perform(explaining: explain) }
        var request = Nexus_Ledger_V1_CompareRequest()
        request.tables = tables
        request.slot = slot ?? 0
        request.sample = sample ?? 0
        let isWhole = csv || options.common.json
        request.rowsMax = max(1, rows ?? (isWhole ? Self.rowsMax : Self.rowsShown))
        request.book = options.common.book.description
        let found = Found()
        try await options.way(saying: "comparing") { [request] way in
            try await way.compare(request) { item in
                switch item.item {
                case .progress(let count): Progress.standard.show("\(count) rows compared")
                case .difference(let row): found.state.withLock { $0.rows.append(row) }
                case .summary(let summary): found.state.withLock { $0.summary = summary }
                case nil: break
                }
            }
        }
        let (all, summary) = found.state.withLock { ($0.rows, $0.summary) }
        let shown = rows.map { Array(all.prefix(Int($0))) } ?? all
        guard let summary else { throw Failure(.failed, "the comparison has no summary") }
        if options.common.json {
            return try Output.standard.line(summary.json(shown).canonicalBytes)
        }
        if csv {
            try ComparisonCSV.write(shown)
            let differing = summary.tables.reduce(0) {
                $0 + $1.changed + $1.onlyBefore + $1.onlyAfter
            }
            let left = differing - Int64(shown.count)
            if left > 0 {
                Progress.standard.message(
                    "\(Figures.count(left, "row")) more than these differ, see --rows")
            }
            return
        }
        try ComparisonReport(summary: summary, rows: shown).write()
    }

    private final class Found: Sendable {
        struct State {
            var rows: [Nexus_Ledger_V1_RowDifference] = []
            var summary: Nexus_Ledger_V1_ComparisonSummary?
        }

        let state = Mutex(State())
    }

    private func perform(explaining position: UUID) async throws {
        var request = Nexus_Ledger_V1_ExplainRequest()
        request.book = options.common.book.description
        request.positionID = position.description
        request.slot = slot ?? 0
        let answer = try await options.way(saying: "folding position \(position)") { [request] in
            try await $0.explain(request)
        }
        if options.common.json {
            return try Output.standard.line(answer.json.canonicalBytes)
        }
        try ExplanationReport(answer: answer, position: position).write()
    }
}
