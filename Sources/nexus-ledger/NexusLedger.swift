import ArgumentParser
import LedgerService

/// The one executable.
@main
struct NexusLedger: AsyncParsableCommand {
    static let _errorPrefix = "error: "

    static let configuration = CommandConfiguration(
        commandName: "nexus-ledger",
        abstract: "An event-sourced position ledger for funding-rate arbitrage.",
        discussion: """
            One log of events a book is the truth; positions, P&L and statistics are
            derived from it. `serve` runs the ledger, the other commands talk to it over
            its socket.

            EXAMPLES
              nexus-ledger serve --embedded ./ledger --socket ./ledger.sock
              nexus-ledger seed --seed 1 | nexus-ledger append - --socket ./ledger.sock
              nexus-ledger positions --socket ./ledger.sock
            """,
        version: LedgerService.version,
        subcommands: [ServeCommand.self, MigrateCommand.self, FoldCommand.self, BenchCommand.self]
            + ClientCommands.all)
}
