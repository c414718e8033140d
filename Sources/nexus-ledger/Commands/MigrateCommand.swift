import ArgumentParser
import LedgerCore
import Postgres
import Schema

/// `migrate`: takes the schema up and down, in golang-migrate's form.
struct MigrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate",
        abstract: "Take the database's schema up or down.",
        discussion: """
            The migrations are built into the executable (sql/migrations). Table, dirty rule and
            advisory lock are golang-migrate's: either tool carries on where the other stopped.

            EXAMPLES
              nexus-ledger migrate status --database postgresql:///ledger
              nexus-ledger migrate up --embedded ./ledger
              nexus-ledger migrate down 1 --database postgresql:///ledger
            """,
        subcommands: [Up.self, Down.self, Status.self, Force.self])

    /// Applies all pending migrations, telling `progress` a line each.
    static func up(_ conninfo: String, progress: @escaping @Sendable (String) -> Void) async throws
    {
        try await run(conninfo) { migrator in
            try migrator.up { tell($0, progress) }
        }
    }

    /// Runs `body` with a migrator, on a thread of its own.
    fileprivate static func run<Value: Sendable>(
        _ conninfo: String, _ body: @escaping @Sendable (Migrator) throws -> Value
    ) async throws -> Value {
        let info = try ConnectionInfo(
            conninfo, overrides: ["application_name": "nexus-ledger migrate"])
        let connection = DedicatedConnection(info, name: "pg-migrate")
        do {
            let value = try await connection.run(deadline: .distant) { connection in
                // A lock that is not had in time fails the step instead of stopping every reader.
                try connection.execute("SET lock_timeout = '10s'", deadline: .after(.seconds(5)))
                return try body(try Migrator(connection, Schema.migrations))
            }
            await connection.shutdown()
            return value
        } catch {
            await connection.shutdown()
            throw error
        }
    }

    fileprivate static func tell(_ event: MigrationProgress, _ tell: (String) -> Void) {
        switch event {
        case .waitingForLock: tell("waiting for another migration to end")
        case .started(let migration, let direction):
            tell("\(direction.rawValue) \(migration.version) \(migration.name)")
        case .finished: return
        }
    }

    /// `migrate up`.
    struct Up: LedgerCommand {
        static let configuration = CommandConfiguration(
            abstract: "Apply what is pending, up to a version or all of it.")

        @OptionGroup var database: DatabaseOptions

        @Option(help: ArgumentHelp("Stop at this version.", valueName: "version"))
        var to: Int64?

        func perform() async throws {
            let target = to
            let applied = try await MigrateCommand.run(try database.conninfo()) { migrator in
                try migrator.up(to: target) { tell($0) { Progress.standard.message($0) } }
            }
            try Output.standard.line(
                applied.isEmpty
                    ? "nothing to do: the schema is at version \(target ?? Schema.version)"
                    : "the schema is at version \(applied.last?.version ?? 0)")
        }
    }

    /// `migrate down`.
    struct Down: LedgerCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take back the last N migrations, or all. Tables go with what they hold.")

        @OptionGroup var database: DatabaseOptions

        @Argument(help: "How many.")
        var count: Int?

        @Flag(help: "All of them: the whole log is dropped.")
        var all = false

        func validate() throws {
            guard (count == nil) == all else {
                throw ValidationError("say how many migrations to take back, or --all")
            }
            guard count ?? 1 >= 1 else {
                throw ValidationError("the number of migrations must be at least 1")
            }
        }

        func perform() async throws {
            let steps = count
            let undone = try await MigrateCommand.run(try database.conninfo()) { migrator in
                try migrator.down(steps: steps) { tell($0) { Progress.standard.message($0) } }
            }
            try Output.standard.line("took back \(undone.count) migrations")
        }
    }

    /// `migrate status`.
    struct Status: LedgerCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show which migrations are applied.")

        @OptionGroup var database: DatabaseOptions

        @Flag(help: "Write JSON for programs.")
        var json = false

        func perform() async throws {
            let status = try await MigrateCommand.run(try database.conninfo()) {
                try $0.status()
            }
            guard json else {
                for entry in status.entries {
                    let word = entry.isApplied ? "applied" : "pending"
                    try Output.standard.line("\(word)  \(entry.version)  \(entry.name)")
                }
                if status.isDirty {
                    try Output.standard.line(
                        "dirty: version \(status.version ?? 0) failed half-way; mend it, then "
                            + "`nexus-ledger migrate force \(status.version ?? 0)`")
                }
                return
            }
            var output = CanonicalJSON()
            output.beginObject()
            output.key("dirty")
            output.bool(status.isDirty)
            output.key("pending")
            output.integer(Int64(status.pending.count))
            output.key("version")
            if let version = status.version { output.integer(version) } else { output.null() }
            output.endObject()
            try Output.standard.line(output.bytes)
        }
    }

    /// `migrate force`.
    struct Force: LedgerCommand {
        static let configuration = CommandConfiguration(
            abstract: "Declare a version clean after its failure was mended by hand.")

        @OptionGroup var database: DatabaseOptions

        @Argument(help: "The version; -1 for before the first.")
        var version: Int64

        func perform() async throws {
            let wanted = version == -1 ? nil : version
            try await MigrateCommand.run(try database.conninfo()) { try $0.force(wanted) }
            try Output.standard.line("the schema is declared to be at version \(version)")
        }
    }
}
