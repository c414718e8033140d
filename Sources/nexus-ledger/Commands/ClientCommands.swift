import ArgumentParser

/// The commands that call a ledger, and `seed`, which makes what they append.
enum ClientCommands {
    static let all: [any ParsableCommand.Type] = [
        AppendCommand.self, ImportCommand.self, PositionsCommand.self, ShowCommand.self,
        TimelineCommand.self, PnlCommand.self, RestatementsCommand.self, TailCommand.self,
        StatusCommand.self,
        ReplayCommand.self, CompareCommand.self, PromoteCommand.self, RevertCommand.self,
        RetireCommand.self, GenerationsCommand.self, OutboxCommand.self, ConfigCommand.self,
        MaintainCommand.self,
        SeedCommand.self,
    ]
}
