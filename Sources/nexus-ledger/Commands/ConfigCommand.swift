import ArgumentParser
import LedgerCore
import LedgerRPC

/// `config`: the configuration that services read at run time.
struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config",
        abstract: "Read and change the configuration in the database.",
        discussion: """
            \(ConfigArguments.paths)

            Values are checked against their definitions. Every change is logged with who,
            when, why and the value before, and can be taken back. With --database or
            --embedded it goes to the database itself, else to the ledger at the socket.

            EXAMPLES
              nexus-ledger config list risk_limits
              nexus-ledger config set mode.operation reduce_only --reason "venue is down"
              nexus-ledger config history mode.operation
              nexus-ledger config rollback --change 12
              nexus-ledger config export > staging.json
            """,
        subcommands: [
            Get.self, Set.self, Unset.self, List.self, History.self, Diff.self, Rollback.self,
            Watch.self, Export.self, Import.self, RotateKey.self,
        ])

    /// `config get`.
    struct Get: LedgerCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print a value: what is set, else its default.",
            discussion: """
                \(ConfigArguments.paths)

                EXAMPLES
                  nexus-ledger config get risk.var_confidence
                  nexus-ledger config get exchanges/binance/enabled
                  nexus-ledger config get strategy_parameters/basis/min_spread --json
                """)

        @Argument(help: "The path.")
        var path: String

        @OptionGroup var options: GenerationOptions

        func perform() async throws {
            var request = Nexus_Ledger_V1_GetConfigRequest()
            request.path = ConfigArguments.path(path)
            let value = try await options.configWay { [request] in
                try await $0.get(request).value
            }
            guard options.common.json else {
                return try Output.standard.line(ConfigReport.words(value).printable)
            }
            let document = JSONValue.object([
                "path": .string(request.path), "value": ConfigReport.parsed(value) ?? .null,
            ])
            try Output.standard.line(document.canonicalBytes)
        }
    }

    /// `config list`.
    struct List: LedgerCommand {
        static let configuration = CommandConfiguration(
            abstract: "List entries, or those of a section or prefix.",
            discussion: """
                EXAMPLES
                  nexus-ledger config list
                  nexus-ledger config list exchanges
                  nexus-ledger config list system_settings/flags --json
                  nexus-ledger config list --set --as-of 2026-01-05T12:00:00Z
                """)

        @Argument(help: "The beginning of the paths.")
        var prefix: String?

        @Flag(help: "Only what is set, without defaults.")
        var set = false

        @Option(
            help: ArgumentHelp("What was set at that time.", valueName: "time"),
            transform: MomentOptions.time)
        var asOf: Timestamp?

        @OptionGroup var options: GenerationOptions

        func perform() async throws {
            let entries = try await options.configWay {
                try await $0.entries(prefix: ConfigArguments.prefix(prefix), asOf: asOf)
            }.filter { !set || !$0.isDefault }
            let output = Output.standard
            guard !options.common.json else {
                for entry in entries { try output.line(List.json(entry).canonicalBytes) }
                return
            }
            var table = Table([
                .text("PATH"), .text("VALUE"), .text("UNIT", spare: 1),
                .text("SET", spare: 2), .text("MEANING", spare: 3),
            ])
            for entry in entries {
                table.add([
                    Table.Cell(entry.path), Table.Cell(ConfigReport.words(entry.value)),
                    Table.Cell(entry.unit),
                    Table.Cell(
                        entry.isDefault
                            ? "default"
                            : entry.changedAtUs == 0 ? "" : Figures.instant(us: entry.changedAtUs)),
                    Table.Cell(entry.description_p),
                ])
            }
            try output.table(table)
        }

        private static func json(_ entry: Nexus_Ledger_V1_ConfigEntry) -> JSONValue {
            .object([
                "path": .string(entry.path), "value": ConfigReport.parsed(entry.value) ?? .null,
                "is_default": .bool(entry.isDefault), "kind": .string(entry.kind),
                "unit": .string(entry.unit), "description": .string(entry.description_p),
            ])
        }
    }

    /// `config history`.
    struct History: LedgerCommand {
        static let configuration = CommandConfiguration(
            abstract: "List changes, the newest first.",
            discussion: """
                EXAMPLES
                  nexus-ledger config history
                  nexus-ledger config history exchanges/binance --limit 5
                  nexus-ledger config history --before 100 --json
                """)

        @Argument(help: "The beginning of the paths.")
        var prefix: String?

        @Option(help: ArgumentHelp("Only changes before this one.", valueName: "change"))
        var before: Int64 = 0

        @Option(help: ArgumentHelp("How many, 1 to 1,000.", valueName: "count"))
        var limit: Int32 = 50

        @OptionGroup var options: GenerationOptions

        func validate() throws {
            guard (1...1_000).contains(limit) else {
                throw ValidationError("--limit is \(limit): it must be 1 to 1,000")
            }
        }

        func perform() async throws {
            var request = Nexus_Ledger_V1_ListConfigChangesRequest()
            request.prefix = ConfigArguments.prefix(prefix)
            request.before = before
            request.limit = limit
            let changes = try await options.configWay { [request] in
                try await $0.changes(request)
            }
            let output = Output.standard
            guard !options.common.json else {
                for change in changes {
                    try output.line(ConfigReport.json(change).canonicalBytes)
                }
                return
            }
            var table = Table([
                .count("CHANGE"), .text("WHEN"), .text("WHO"), .text("PATH"),
                .text("BEFORE → AFTER"), .text("WHY", spare: 1),
            ])
            for change in changes {
                let back = change.rollsBack == 0 ? "" : " (takes back \(change.rollsBack))"
                table.add([
                    Table.Cell(String(change.changeID)),
                    Table.Cell(Figures.instant(us: change.changedAtUs)),
                    Table.Cell(change.actor), Table.Cell(change.path),
                    Table.Cell(ConfigReport.change(change)), Table.Cell(change.reason + back),
                ])
            }
            try output.table(table)
            if changes.count == Int(limit), let last = changes.last {
                try output.line(
                    Style.standard.dim("older ones: --before \(last.changeID)"))
            }
        }
    }

    /// `config watch`.
    struct Watch: LedgerCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print changes as they are committed, until Ctrl-C.",
            discussion: """
                The database tells of them at once; behind a pooler in transaction mode,
                where it cannot, they are looked for as often as config.cache_ttl_s says.

                EXAMPLES
                  nexus-ledger config watch
                  nexus-ledger config watch exchanges --json
                  nexus-ledger config watch --after 12
                """)

        @Argument(help: "The beginning of the paths.")
        var prefix: String?

        @Option(
            help: ArgumentHelp("From the changes after this one on.", valueName: "change"))
        var after: Int64 = -1

        @OptionGroup var options: GenerationOptions

        func perform() async throws {
            var request = Nexus_Ledger_V1_WatchConfigRequest()
            request.prefix = ConfigArguments.prefix(prefix)
            request.after = after
            let json = options.common.json
            try await options.configWay { [request] way in
                try await way.follow(request) { message in
                    if message.changes.isEmpty {
                        Progress.standard.message(
                            "watching after change \(message.through)"
                                + (message.polling ? ", by polling: notices do not come" : ""))
                    }
                    for change in message.changes {
                        if json {
                            try Output.standard.line(ConfigReport.json(change).canonicalBytes)
                        } else {
                            try Output.standard.line(
                                "\(Figures.instant(us: change.changedAtUs))  \(change.changeID)  "
                                    + "\(change.actor)  \(change.path)  "
                                    .printable + ConfigReport.change(change).printable)
                        }
                    }
                    try Output.standard.flush()
                }
            }
        }
    }
}
