import ArgumentParser
import Glibc
import LedgerCore
import Outbox

extension OutboxCommand {
    /// `outbox salvage`.
    struct Salvage: LedgerCommand {
        static let configuration = CommandConfiguration(
            abstract: "Extract what can be read of an outbox's file, damaged or not.",
            discussion: """
                It needs no ledger: the one that has the file open must be stopped. It
                changes nothing of the file, trusts the checksum of each request alone, and
                writes the events of all that fit as JSON lines, in the order in which they
                were buffered. Appending them is safe: what PostgreSQL knows already is
                skipped. Requests that were discarded are left out unless --state names
                them. What was found and what is lost goes to standard error.

                EXAMPLES
                  nexus-ledger outbox salvage --file outbox.sqlite --output rescued.jsonl
                  nexus-ledger outbox salvage --file outbox.sqlite | nexus-ledger append -
                  nexus-ledger outbox salvage --file outbox.sqlite --state parked

                EXIT CODES
                  0   everything that was stored could be read
                  1   something could not be read, or the file is in use
                  64  wrong usage
                """)

        @Option(
            help: ArgumentHelp(
                "The outbox's file; its -wal and -shm lie beside it.",
                discussion: "Default: NEXUS_OUTBOX.", valueName: "path"))
        var file: String?

        @Option(
            help: ArgumentHelp(
                "A new file to write to, instead of standard output.", valueName: "file"))
        var output: String?

        @Option(
            help: ArgumentHelp(
                "Only requests that are waiting, parked, drained or discarded; may be repeated.",
                valueName: "state"),
            transform: Salvage.parse)
        var state: [Outbox.State] = []

        func validate() throws {
            _ = try path()
        }

        private func path() throws -> String {
            guard let path = file ?? Environment.value("NEXUS_OUTBOX") else {
                throw ValidationError("no file is named: give --file PATH or set NEXUS_OUTBOX")
            }
            return path
        }

        private static func parse(_ text: String) throws -> Outbox.State {
            guard let state = Outbox.State.allCases.first(where: { word($0) == text }) else {
                let known = Outbox.State.allCases.map(word).joined(separator: ", ")
                throw ValidationError("use one of \(known)")
            }
            return state
        }

        private static func word(_ state: Outbox.State) -> String {
            switch state {
            case .waiting: "waiting"
            case .parked: "parked"
            case .drained: "drained"
            case .discarded: "discarded"
            }
        }

        /// What was found.
        private struct Tally {
            var requests: [Outbox.State: Int] = [:]
            /// Of whose end nothing can be read.
            var unknown = 0
            var writtenRequests = 0
            var writtenEvents = 0
            /// Discarded ones that were left out.
            var leftOut = 0
            /// Why writing ended early.
            var failure: (any Error)?
        }

        func perform() async throws {
            let path = try path()
            let wanted: Set<Outbox.State> =
                state.isEmpty ? [.waiting, .parked, .drained] : Set(state)
            let sink = try makeSink()
            var tally = Tally()
            let report: SalvageReport
            do throws(OutboxError) {
                report = try Outbox.salvage(path) { found in
                    Salvage.take(found, wanted, sink, &tally)
                }
            } catch {
                // Nothing was written: the new file is empty.
                if let output, output != "-" { _ = unlink(output) }
                throw Salvage.failure(error)
            }
            if let failure = tally.failure { throw failure }
            try sink.flush()
            tell(report, tally)
            guard report.unreadable == 0, report.damaged.isEmpty else {
                throw Failure(.failed, Salvage.loss(report))
            }
        }

        private static func take(
            _ found: Outbox.SalvagedRequest, _ wanted: Set<Outbox.State>, _ sink: Output,
            _ tally: inout Tally
        ) {
            let request = found.request
            if found.isStateKnown {
                tally.requests[request.state, default: 0] += 1
            } else {
                tally.unknown += 1
            }
            guard wanted.contains(request.state) else {
                if request.state == .discarded { tally.leftOut += 1 }
                return
            }
            guard tally.failure == nil else { return }
            do {
                for line in request.draft.lines { try sink.line(line) }
            } catch {
                tally.failure = error
                return
            }
            tally.writtenRequests += 1
            tally.writtenEvents += request.draft.lines.count
        }

        /// Standard output, or a file that must not be there yet.
        private func makeSink() throws(Failure) -> Output {
            guard let output, output != "-" else { return .standard }
            let descriptor = Glibc.open(output, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else {
                throw Failure(
                    .failed, "cannot make \(output): \(systemText(of: errno)); name a new file")
            }
            return Output(descriptor: descriptor, name: output)
        }

        private static func failure(_ error: OutboxError) -> Failure {
            switch error {
            case .locked:
                Failure(.failed, "\(error); stop it first, or resolve what is parked through it")
            default: Failure(.failed, "\(error)")
            }
        }

        /// On standard error, as standard output may have the lines.
        private func tell(_ report: SalvageReport, _ tally: Tally) {
            let states = Outbox.State.allCases.map { state in
                "\(tally.requests[state] ?? 0) \(Salvage.word(state))"
            }
            var words = "found \(Figures.count(report.requests, "request")) with "
            words += "\(Figures.count(report.events, "event")): "
            words += states.joined(separator: ", ")
            if tally.unknown > 0 { words += ", \(tally.unknown) waiting, or drained since" }
            Progress.standard.message(words)
            let name = output.map { $0 == "-" ? "standard output" : $0 } ?? "standard output"
            Progress.standard.message(
                "wrote \(Figures.count(tally.writtenEvents, "line")) of "
                    + "\(Figures.count(tally.writtenRequests, "request")) to \(name)")
            if state.isEmpty, tally.leftOut > 0 {
                let count = Figures.count(tally.leftOut, "discarded request")
                Progress.standard.message("left out \(count): --state discarded writes them")
            }
        }

        private static func loss(_ report: SalvageReport) -> String {
            var words =
                report.unreadable.map { "\(Figures.count($0, "request")) cannot be read" }
                ?? "how many requests are lost is not known: the file's totals cannot be read"
            if !report.damaged.isEmpty {
                let names = report.damaged.prefix(10).map(\.description).joined(separator: ", ")
                words += "; something is left of \(names)"
                if report.damaged.count > 10 { words += " …" }
            }
            return words + "; keep the file"
        }
    }
}
