import ArgumentParser
import GRPCCore
import Glibc
import LedgerCore
import LedgerRPC

/// `timeline ID`: every event of a position with what it came to.
struct TimelineCommand: LedgerCommand {
    static let configuration = CommandConfiguration(
        commandName: "timeline",
        abstract: "Show every event of a position with running totals.",
        discussion: """
            The totals after an event are those of its leg; then comes the position's
            net. An event that was voided is struck through and counts for nothing; the
            void that did it is named. Of an event that was buffered while PostgreSQL
            was away, it says when and on which host, and as which request of that
            outbox; RECORDED is when it was committed. CHECK says whether all that must
            hold after the event does: the fold's invariants, the order of the log and
            the event's hash. On a narrow terminal columns are left out.

            --explain shows for one figure which events make it, and the arithmetic:
            realized_price, fee_value, funding, adjustments, net, qty, open_cost or
            avg_entry_px, with "LEG." before it of one leg only.

            With --json each event is a line with all members; --csv has a header and
            exact values (RFC 4180). --html writes one page that needs nothing else,
            with a chart of the running P&L.

            EXAMPLES
              nexus-ledger timeline 019b8b1f-0c00-7a10-8000-3f1e5ac0b2d4
              nexus-ledger timeline 019b8b1f-0c00-7a10-8000-3f1e5ac0b2d4 | less -S
              nexus-ledger timeline 019b8b1f-0c00-7a10-8000-3f1e5ac0b2d4 --explain net
              nexus-ledger timeline 019b8b1f-0c00-7a10-8000-3f1e5ac0b2d4 --json
              nexus-ledger timeline 019b8b1f-0c00-7a10-8000-3f1e5ac0b2d4 --html audit.html

            \(Failure.help)
            """)

    /// What is written.
    private enum Form {
        case table, explained, json, csv, explainedCSV
        case html(path: String)
    }

    @OptionGroup var position: PositionArgument
    @Option(
        help: ArgumentHelp(
            "Show which events make this figure, and how.", valueName: "[leg.]figure"))
    var explain: String?
    @Flag(help: "Write comma-separated values: a header, then a record for each event.")
    var csv = false
    @Option(
        help: ArgumentHelp(
            "Write one page of HTML to this file; - for standard output.", valueName: "file"))
    var html: String?
    @OptionGroup var moment: MomentOptions
    @OptionGroup var common: CommonOptions

    func validate() throws {
        guard [common.json, csv, html != nil].count(where: { $0 }) <= 1 else {
            throw ValidationError("use one of --json, --csv and --html")
        }
        guard html != "" else { throw ValidationError("--html needs a file, or -") }
    }

    private var form: Form {
        if let html { return .html(path: html) }
        if common.json { return .json }
        if csv { return explain == nil ? .csv : .explainedCSV }
        return explain == nil ? .table : .explained
    }

    func perform() async throws {
        let (id, form, message) = (position.id, form, moment.message)
        let report = try await Ledger.connected(common, saying: "reading") { ledger in
            var request = Nexus_Ledger_V1_GetTimelineRequest()
            request.book = ledger.book.description
            request.positionID = id.description
            request.explain = explain ?? ""
            if let message { request.moment = message }
            let asked = request
            return try await ledger.calls.getTimeline(asked) { response in
                var report = Report(form, asked)
                for try await message in response.messages {
                    report.asOf = message.asOf
                    for entry in message.entries { try report.add(entry) }
                }
                return report
            }
        }
        try report.finish(id, common.book)
    }

    /// What has come so far; written as it comes where nothing has to wait.
    private struct Report: Sendable {
        let form: Form
        let request: Nexus_Ledger_V1_GetTimelineRequest
        var asOf: Int64 = 0
        private var count = 0
        private var checks = TimelineChecks()
        private var table = TimelineTable()
        private var explanation: TimelineExplanation?
        private var entries: [Nexus_Ledger_V1_TimelineEntry] = []

        init(_ form: Form, _ request: Nexus_Ledger_V1_GetTimelineRequest) {
            self.form = form
            self.request = request
            if !request.explain.isEmpty { explanation = TimelineExplanation(request.explain) }
        }

        mutating func add(_ entry: Nexus_Ledger_V1_TimelineEntry) throws {
            let output = Output.standard
            checks.add(entry)
            switch form {
            case .table: try table.add(entry)
            case .explained: explanation?.add(entry)
            case .json: try output.line(entry.canonicalBytes)
            case .csv:
                if count == 0 { try output.write(TimelineCSV.header) }
                try output.write(TimelineCSV.record(entry))
            case .explainedCSV:
                if count == 0 { try output.write(TimelineExplanation.header) }
                for change in entry.changes {
                    try output.write(TimelineExplanation.csv(entry.event, change))
                }
            case .html:
                guard count < TimelinePage.eventsMax else {
                    throw Failure(
                        .failed,
                        "a page has at most \(TimelinePage.eventsMax) events: use --csv or --json")
                }
                explanation?.add(entry)
                entries.append(entry)
            }
            count += 1
        }

        func finish(_ id: UUID, _ book: BookName) throws {
            guard count > 0 else {
                throw Failure(
                    .notFound,
                    "position \(id) has no events: `nexus-ledger positions --all` lists what "
                        + "there is")
            }
            switch form {
            case .json, .csv, .explainedCSV: break
            case .table:
                try table.finish()
                try tellMoment()
            case .explained:
                try explanation?.write(to: .standard)
                try tellMoment()
            case .html(let path):
                let page = TimelinePage(
                    position: id, book: book, entries: entries, asOf: asOf,
                    moment: TimelineCommand.words(request), explanation: explanation)
                try TimelineCommand.write(page.html, to: path)
            }
            guard checks.failed == 0 else {
                throw Failure(
                    .failed,
                    "\(checks.summary): what is stored is not what was appended, or not what it "
                        + "folds to")
            }
        }

        private func tellMoment() throws {
            let words = TimelineCommand.words(request)
            if !words.isEmpty { try Output.standard.line(Style.standard.dim(words)) }
        }
    }

    /// The moment that was asked for; empty without one.
    private static func words(_ request: Nexus_Ledger_V1_GetTimelineRequest) -> String {
        guard request.hasMoment else { return "" }
        var words: [String] = []
        switch request.moment.known {
        case .at(let position)?: words.append("as known at log position \(position)")
        case .asOfUs(let us)?: words.append("as known at \(Figures.instant(us: us, precise: true))")
        case nil: break
        }
        if request.moment.hasEffectiveUs {
            let at = Figures.instant(us: request.moment.effectiveUs, precise: true)
            words.append("as it was at \(at)")
        }
        return words.joined(separator: ", ")
    }

    private static func write(_ bytes: [UInt8], to path: String) throws {
        if path == "-" {
            return try Output.standard.write(String(decoding: bytes, as: UTF8.self))
        }
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw Failure(.failed, "cannot write \(path): \(systemText(of: errno))")
        }
        defer { close(descriptor) }
        let failure = writeAll(bytes, to: descriptor)
        guard failure == 0 else {
            throw Failure(.failed, "cannot write \(path): \(systemText(of: failure))")
        }
    }
}
