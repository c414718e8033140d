import ArgumentParser
import Foundation
import GRPCCore
import LedgerCore
import LedgerRPC
import LedgerService
import Postgres

/// `bench`: the ledger against PostgreSQL and SQLite by themselves, in ratios.
struct BenchCommand: LedgerCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure the ledger against PostgreSQL by itself, on this machine, in one run.",
        discussion: """
            Runs a ledger and a private PostgreSQL of its own. Both sides of each ratio are
            measured in turns, the medians of three rounds count.

            The part replay runs only where it is named: it appends, rebuilds and compares
            --replay-events events.

            The part outbox runs only where it is named: it takes minutes and some
            gigabytes. It kills its PostgreSQL and starts it again, and measures the
            outbox against SQLite by itself, and the drain against appends.

            EXAMPLES
              nexus-ledger bench
              nexus-ledger bench fold
              nexus-ledger bench growth --growth 10000000
              nexus-ledger bench replay --replay-events 1000000
              nexus-ledger bench outbox
              nexus-ledger bench outbox --events 10000 --outbox-events 100000 --json

            \(Failure.help)
            """)

    enum Part: String, CaseIterable, ExpressibleByArgument {
        case append, stream, read, fold, growth, outbox, replay
    }

    @Argument(help: "One part only. Without, all but outbox and replay.")
    var part: Part?

    @Option(help: ArgumentHelp("Where the private cluster goes.", valueName: "dir"))
    var directory: String?

    @Option(help: ArgumentHelp("Events of each round of appends.", valueName: "count"))
    var events = 100_000

    @Option(
        help: ArgumentHelp(
            "Events stored at the end of the part growth (0 leaves it out).", valueName: "count"))
    var growth = 0

    @Option(
        help: ArgumentHelp(
            "Events in the outbox that a ledger starts with, in the part outbox.",
            valueName: "count"))
    var outboxEvents = 5_000_000

    @Option(
        help: ArgumentHelp("Events that are rebuilt in the part replay.", valueName: "count"))
    var replayEvents = 10_000_000

    @Option(
        help: ArgumentHelp(
            "Positions that they belong to.", discussion: "Default: one for every 100 events.",
            valueName: "count"))
    var replayPositions: Int?

    /// The positions that are asked for.
    private var positionsOfReplay: Int {
        replayPositions ?? replayEvents / BenchEvents.eventsOfPosition
    }

    @Flag(help: "Write JSON for programs.")
    var json = false

    func validate() throws {
        for (name, count) in [("--events", events), ("--outbox-events", outboxEvents)] {
            guard count >= BenchOutboxStart.requestEvents else {
                throw ValidationError(
                    "\(name) is \(count): it must be \(BenchOutboxStart.requestEvents) or more")
            }
        }
        let flaw = BenchReplayBook.flaw(events: replayEvents, positions: positionsOfReplay)
        if let flaw { throw ValidationError(flaw) }
        guard part != .growth || growth > 0 else {
            throw ValidationError("say with --growth COUNT how many events are to be stored")
        }
    }

    func perform() async throws {
        var report = BenchReport()
        func wants(_ one: Part) -> Bool {
            part == nil ? one != .outbox && one != .replay : part == one
        }
        if wants(.fold) { try BenchFold(events: 200_000).run(&report) }
        if part != .fold {
            let path = directory ?? "/tmp/nexus-ledger-bench-\(getpid())"
            defer { if directory == nil { Self.remove(path) } }
            let suite = BenchSuite(directory: path, events: events)
            if wants(.append) { try await suite.append(&report) }
            if wants(.stream) { try await suite.stream(&report) }
            if wants(.read) { try await suite.read(&report) }
            if wants(.growth), growth > 0 { try await suite.growth(to: growth, &report) }
            if wants(.replay) {
                let book = BenchReplayBook(events: replayEvents, positions: positionsOfReplay)
                try await BenchReplay(directory: path, book: book).run(&report)
            }
            if wants(.outbox) {
                try await BenchOutbox(directory: path, events: events, stored: outboxEvents)
                    .run(&report)
            }
        }
        try report.write(json: json)
    }

    /// Removes the cluster, and the ledger's log beside it.
    private static func remove(_ directory: String) {
        for path in [directory, directory + ".log"] {
            try? FileManager.default.removeItem(atPath: path)
        }
    }
}
