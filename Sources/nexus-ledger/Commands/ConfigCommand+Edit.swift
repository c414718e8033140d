import ArgumentParser
import ConfigStore
import Glibc
import LedgerCore
import LedgerRPC

extension ConfigCommand {
    /// `config set`.
    struct Set: LedgerCommand {
        static let configuration = CommandConfiguration(
            abstract: "Set an entry, or one column of it.",
            discussion: """
                \(ConfigArguments.paths)

                A value is JSON; what is no JSON is a text. An object sets the columns that
                it names. exchanges/NAME/credential is read from standard input, is
                encrypted under the key in NEXUS_CREDENTIAL_KEY (32 octets or more), and
                goes to a database named with --database or --embedded, never elsewhere.

                EXAMPLES
                  nexus-ledger config set flags.trading_enabled true
                  nexus-ledger config set exchanges/okx '{"name":"OKX","enabled":true}'
                  nexus-ledger config set risk_limits/venue_exposure/okx \\
                      '{"hard":500000,"warning":400000}' --reason "new venue"
                  nexus-ledger config set exchanges/okx/credential < okx.json
                  nexus-ledger config set \
                      strategy_parameters/basis/exit.spread_below -- -0.0001

                \(Failure.help)
                """)

        @Argument(help: "The path.")
        var path: String

        @Argument(help: "The value; behind -- if it is negative; not for a credential.")
        var value: String?

        @Flag(help: "Say what would change, and change nothing.")
        var dryRun = false

        @OptionGroup var reason: ReasonOption
        @OptionGroup var actor: ActorOption
        @OptionGroup var options: GenerationOptions

        /// The exchange whose credential the path names.
        private var exchange: String? {
            let words = path.split(separator: "/", omittingEmptySubsequences: false)
            guard words.count == 3, words[0] == "exchanges", words[2] == "credential" else {
                return nil
            }
            return String(words[1])
        }

        func validate() throws {
            if exchange != nil {
                guard value == nil else {
                    throw ValidationError(
                        "a credential is read from standard input: the command line is seen by "
                            + "everybody on this machine")
                }
                guard !dryRun else { throw ValidationError("--dry-run: not for a credential") }
            } else if value == nil {
                throw ValidationError(
                    "give the value after the path, a negative one behind --: "
                        + "config set \(path) -- -0.5")
            }
        }

        func perform() async throws {
            if let exchange { return try await store(exchange) }
            var request = Nexus_Ledger_V1_ApplyConfigRequest()
            var edit = Nexus_Ledger_V1_ConfigEdit()
            edit.path = ConfigArguments.path(path)
            edit.value = ConfigArguments.value(value ?? "")
            request.edits = [edit]
            request.reason = reason.reason
            request.actor = actor.name
            request.dryRun = dryRun
            let changes = try await options.configWay { [request] in
                try await $0.apply(request)
            }
            try ConfigReport.write(changes, json: options.common.json, isDry: dryRun)
        }

        private func store(_ exchange: String) async throws {
            let key = try CredentialKey.current()
            if isatty(STDIN_FILENO) == 1 {
                Progress.standard.message("the credential of \(exchange), then Ctrl-D:")
            }
            var bytes = try InputFile.read("-", bytesMax: 16_384)
            while let last = bytes.last, last == 10 || last == 13 { bytes.removeLast() }
            guard let secret = String(validating: bytes, as: UTF8.self), !secret.isEmpty else {
                throw Failure(.refused, "standard input holds no credential: give UTF-8 text")
            }
            let reason = ConfigReason(actor: actor.name, text: reason.reason)
            let version = try await options.secretWay { store in
                try await store.store(secret, for: exchange, key: key, reason)
            }
            if options.common.json {
                let document = JSONValue.object([
                    "exchange": .string(exchange), "version": .integer(version),
                ])
                return try Output.standard.line(document.canonicalBytes)
            }
            try Output.standard.line("version \(version) of \(exchange)'s credential is in use")
        }
    }

    /// `config unset`.
    struct Unset: LedgerCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove an entry, so that its default holds.",
            discussion: """
                EXAMPLES
                  nexus-ledger config unset mode.operation
                  nexus-ledger config unset risk_limits/venue_exposure/okx --reason "closed"
                """)

        @Argument(help: "The path.")
        var path: String

        @Flag(help: "Say what would change, and change nothing.")
        var dryRun = false

        @OptionGroup var reason: ReasonOption
        @OptionGroup var actor: ActorOption
        @OptionGroup var options: GenerationOptions

        func perform() async throws {
            var request = Nexus_Ledger_V1_ApplyConfigRequest()
            var edit = Nexus_Ledger_V1_ConfigEdit()
            edit.path = ConfigArguments.path(path)
            request.edits = [edit]
            request.reason = reason.reason
            request.actor = actor.name
            request.dryRun = dryRun
            let changes = try await options.configWay { [request] in
                try await $0.apply(request)
            }
            try ConfigReport.write(changes, json: options.common.json, isDry: dryRun)
        }
    }

    /// `config rollback`.
    struct Rollback: LedgerCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take a change back, or all since a moment. Itself a change.",
            discussion: """
                --change makes its entry what it was before, whatever came after. --to makes
                all entries, or those of a prefix, what they were at a moment.

                EXAMPLES
                  nexus-ledger config rollback --change 12
                  nexus-ledger config rollback --to 2026-01-05T12:00:00Z --dry-run
                  nexus-ledger config rollback exchanges --to 2026-01-05T12:00:00Z
                """)

        @Argument(help: "The beginning of the paths, with --to.")
        var prefix: String?

        @Option(help: ArgumentHelp("The change.", valueName: "change"))
        var change: Int64?

        @Option(
            help: ArgumentHelp("The moment.", valueName: "time"), transform: MomentOptions.time)
        var to: Timestamp?

        @Flag(help: "Say what would change, and change nothing.")
        var dryRun = false

        @OptionGroup var reason: ReasonOption
        @OptionGroup var actor: ActorOption
        @OptionGroup var options: GenerationOptions

        func validate() throws {
            guard (change == nil) != (to == nil) else {
                throw ValidationError("give --change or --to")
            }
            guard change == nil || prefix == nil else {
                throw ValidationError("a change has its path already: leave '\(prefix ?? "")' out")
            }
        }

        func perform() async throws {
            var request = Nexus_Ledger_V1_RollbackConfigRequest()
            request.changeID = change ?? 0
            request.momentUs = to?.microseconds ?? 0
            request.prefix = ConfigArguments.prefix(prefix)
            request.reason = reason.reason
            request.actor = actor.name
            request.dryRun = dryRun
            let changes = try await options.configWay { [request] in
                try await $0.rollBack(request)
            }
            try ConfigReport.write(changes, json: options.common.json, isDry: dryRun)
        }
    }

    /// `config rotate-key`.
    struct RotateKey: LedgerCommand {
        static let configuration = CommandConfiguration(
            commandName: "rotate-key",
            abstract: "Encrypt all credentials under another key, in place.",
            discussion: """
                From the key in NEXUS_CREDENTIAL_KEY to the one in NEXUS_CREDENTIAL_KEY_NEW,
                some at a time. Interrupted, it goes on when it is run again; until it has
                ended, both keys are needed. Then give services the new one.

                EXAMPLES
                  nexus-ledger config rotate-key --database postgresql:///nexus

                \(Failure.help)
                """)

        @OptionGroup var actor: ActorOption
        @OptionGroup var options: GenerationOptions

        func perform() async throws {
            let old = try CredentialKey.current()
            let new = try CredentialKey.next()
            guard old != new else {
                throw Failure(
                    .refused, "NEXUS_CREDENTIAL_KEY_NEW is the key of NEXUS_CREDENTIAL_KEY")
            }
            let name = actor.name
            try await options.secretWay { store in
                try await store.rotate(from: old, to: new, actor: name) { left in
                    Progress.standard.show("\(left) credentials left")
                }
            }
            try Output.standard.line("all credentials are under the new key")
        }
    }
}

/// The keys of credentials, which come from the environment and are shown nowhere.
enum CredentialKey {
    static func current() throws -> String { try key("NEXUS_CREDENTIAL_KEY") }
    static func next() throws -> String { try key("NEXUS_CREDENTIAL_KEY_NEW") }

    private static func key(_ name: String) throws -> String {
        guard let key = Environment.value(name) else {
            throw Failure(
                .failed,
                "\(name) is not set: it holds the key that credentials are encrypted under, such "
                    + "as `openssl rand -base64 48` makes")
        }
        guard (32...1_024).contains(key.utf8.count) else {
            throw Failure(
                .refused, "\(name) has \(key.utf8.count) octets: a key has 32 to 1024")
        }
        return key
    }
}
