import ArgumentParser
import Foundation
import GRPCCore
import LedgerCore
import LedgerRPC
import LedgerService
import Postgres

/// `bench`: the ledger against PostgreSQL by itself, in ratios.
struct BenchCommand: LedgerCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure the ledger against PostgreSQL by itself, on this machine, in one run.",
        discussion: """
            Runs a ledger and a private PostgreSQL of its own. Both sides of each ratio are
            measured in turns, the medians of three rounds count.

            EXAMPLES
              nexus-ledger bench
              nexus-ledger bench --only fold
              nexus-ledger bench --only growth --growth 10000000

            \(Failure.help)
            """)

    enum Part: String, CaseIterable, ExpressibleByArgument {
        case append, stream, read, fold, growth
    }

    @Option(help: "One part only: append, stream, read, fold or growth.")
    var only: Part?

    @Option(help: ArgumentHelp("Where the private cluster goes.", valueName: "dir"))
    var directory: String?

    @Option(help: ArgumentHelp("Events of each round of appends.", valueName: "count"))
    var events = 100_000

    @Option(
        help: ArgumentHelp(
            "Events stored at the end of the part growth (0 leaves it out).", valueName: "count"))
    var growth = 0

    @Flag(help: "Write JSON for programs.")
    var json = false

    func perform() async throws {
        var report = BenchReport()
        func wants(_ part: Part) -> Bool { only == nil || only == part }
        if wants(.fold) { try BenchFold(events: 200_000).run(&report) }
        if wants(.append) || wants(.stream) || wants(.read) || growth > 0 {
            let path = directory ?? "/tmp/nexus-ledger-bench-\(getpid())"
            defer { if directory == nil { try? FileManager.default.removeItem(atPath: path) } }
            let suite = BenchSuite(directory: path, events: events)
            if wants(.append) { try await suite.append(&report) }
            if wants(.stream) { try await suite.stream(&report) }
            if wants(.read) { try await suite.read(&report) }
            if wants(.growth), growth > 0 { try await suite.growth(to: growth, &report) }
        }
        try report.write(json: json)
    }
}
