import ArgumentParser
import Glibc
import LedgerCore
import LedgerRPC

extension ConfigCommand {
    /// `config export`.
    struct Export: LedgerCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print what is set, for another environment or for version control.",
            discussion: """
                Without defaults, credentials and mode.environment. The same configuration
                gives the same bytes.

                EXAMPLES
                  nexus-ledger config export > staging.json
                  nexus-ledger config export --as-of 2026-01-05T12:00:00Z
                """)

        @Option(
            help: ArgumentHelp("What was set at that time.", valueName: "time"),
            transform: MomentOptions.time)
        var asOf: Timestamp?

        @OptionGroup var options: GenerationOptions

        func perform() async throws {
            let entries = try await options.configWay { try await $0.entries(asOf: asOf) }
            try Output.standard.write(ConfigDocument(entries).text)
        }
    }

    /// `config diff`.
    struct Diff: LedgerCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show how the configuration differs from an export or a moment.",
            discussion: """
                Exits with 1 where it differs. `config import --prune` makes it alike. Columns
                that an entry of the file does not name are not compared.

                EXAMPLES
                  nexus-ledger config diff staging.json
                  nexus-ledger config diff --as-of 2026-01-05T12:00:00Z
                """)

        @Argument(help: "A file of `config export`; - for standard input.")
        var file: String?

        @Option(
            help: ArgumentHelp("Compare with what was set at that time.", valueName: "time"),
            transform: MomentOptions.time)
        var asOf: Timestamp?

        @OptionGroup var options: GenerationOptions

        func validate() throws {
            guard (file == nil) != (asOf == nil) else {
                throw ValidationError("give a file or --as-of")
            }
        }

        func perform() async throws {
            let differences = try await options.configWay { way in
                let here = try ConfigDocument(await way.entries())
                if let asOf {
                    return try ConfigDocument(await way.entries(asOf: asOf))
                        .differences(to: here)
                }
                let bytes = try InputFile.read(file ?? "-", bytesMax: 16 << 20)
                let other = try ConfigDocument(bytes, named: file ?? "-")
                other.tellLeft()
                return here.differences(to: other)
            }
            let output = Output.standard
            if options.common.json {
                for one in differences {
                    let document = JSONValue.object([
                        "path": .string(one.path), "before": one.before ?? .null,
                        "after": one.after ?? .null,
                    ])
                    try output.line(document.canonicalBytes)
                }
            } else if differences.isEmpty {
                try output.line("nothing differs")
            } else {
                for one in differences {
                    try output.line(
                        "\(one.path)  \(ConfigReport.change(one.before, one.after))".printable)
                }
            }
            if !differences.isEmpty { throw ExitCode(1) }
        }
    }

    /// `config import`.
    struct Import: LedgerCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make the configuration what an export says: all of it, or nothing.",
            discussion: """
                Entries that the export does not have stay, unless --prune removes them; one
                that facts refer to is disabled instead, as a rollback does.

                EXAMPLES
                  nexus-ledger config import staging.json --dry-run
                  nexus-ledger config import staging.json --prune --reason "as staging"

                \(Failure.help)
                """)

        @Argument(help: "A file of `config export`; - for standard input.")
        var file: String

        @Flag(help: "Remove what the export does not have.")
        var prune = false

        @Flag(help: "Say what would change, and change nothing.")
        var dryRun = false

        @OptionGroup var reason: ReasonOption
        @OptionGroup var actor: ActorOption
        @OptionGroup var options: GenerationOptions

        func perform() async throws {
            let wanted = try ConfigDocument(
                try InputFile.read(file, bytesMax: 16 << 20), named: file)
            wanted.tellLeft()
            let changes = try await options.configWay { way in
                let here = try ConfigDocument(await way.entries())
                var edits: [Nexus_Ledger_V1_ConfigEdit] = []
                for one in here.differences(to: wanted) {
                    if let after = one.after {
                        edits.append(edit(one.path, after.plainText))
                    } else if prune, let removal = try await removal(one, way) {
                        edits.append(removal)
                    }
                }
                return edits.isEmpty ? [] : try await way.apply(request(edits, isDry: dryRun))
            }
            try ConfigReport.write(changes, json: options.common.json, isDry: dryRun)
        }

        private func edit(_ path: String, _ value: String) -> Nexus_Ledger_V1_ConfigEdit {
            var edit = Nexus_Ledger_V1_ConfigEdit()
            edit.path = path
            edit.value = value
            return edit
        }

        private func request(
            _ edits: [Nexus_Ledger_V1_ConfigEdit], isDry: Bool
        ) -> Nexus_Ledger_V1_ApplyConfigRequest {
            var request = Nexus_Ledger_V1_ApplyConfigRequest()
            request.edits = edits
            request.reason = reason.reason
            request.actor = actor.name
            request.dryRun = isDry
            return request
        }

        /// How an entry goes: by itself, or disabled where it cannot be removed; nil where it is.
        private func removal(
            _ one: ConfigDocument.Difference, _ way: ConfigWay
        ) async throws -> Nexus_Ledger_V1_ConfigEdit? {
            let removed = edit(one.path, "")
            guard case .object(let members)? = one.before, let enabled = members["enabled"] else {
                return removed
            }
            do {
                _ = try await way.apply(request([removed], isDry: true))
                return removed
            } catch {
                guard enabled != .bool(false) else {
                    Progress.standard.message("\(one.path) stays, disabled: facts refer to it")
                    return nil
                }
                return edit("\(one.path)/enabled", "false")
            }
        }
    }
}

extension ConfigDocument {
    /// Says on standard error what is not taken from the document.
    func tellLeft() {
        guard !left.isEmpty else { return }
        Progress.standard.message(
            "\(left.joined(separator: ", ").printable): left as it is here, since each environment "
                + "has its own")
    }
}

/// A file, or standard input, read whole.
enum InputFile {
    /// At most `bytesMax`; a longer one is refused.
    static func read(_ name: String, bytesMax: Int) throws -> [UInt8] {
        let descriptor = try LineReader.open(name)
        defer { if descriptor != 0 { close(descriptor) } }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = buffer.withUnsafeMutableBytes {
                Glibc.read(descriptor, $0.baseAddress, $0.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                throw Failure(.failed, "\(name): \(String(cString: strerror(errno)))")
            }
            if count == 0 { return bytes }
            bytes += buffer[..<count]
            guard bytes.count <= bytesMax else {
                throw Failure(.refused, "\(name) is longer than \(bytesMax) bytes")
            }
        }
    }
}
