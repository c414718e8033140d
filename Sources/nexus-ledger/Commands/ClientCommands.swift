import ArgumentParser

/// The commands that call a ledger, and `seed`, which makes what they append.
enum ClientCommands {
    static let all: [any ParsableCommand.Type] = [
        AppendCommand.self, ImportCommand.self, PositionsCommand.self, ShowCommand.self,
        TimelineCommand.self, PnlCommand.self, TailCommand.self, StatusCommand.self,
        OutboxCommand.self, SeedCommand.self,
    ]
}
