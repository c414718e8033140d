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
            The migrations are built into the executable (sql/migrations). Table, dirty
            rule and advisory lock are golang-migrate's: either tool carries on where
            the other stopped.

            EXAMPLES
              nexus-ledger migrate status --database postgresql:///ledger
              nexus-ledger migrate up --embedded ./ledger
              nexus-ledger migrate down 1 --database postgresql:///ledger
              nexus-ledger migrate down --all --drop-log --embedded ./scratch
            """,
        subcommands: [Up.self, Down.self, Status.self, Force.self])

    /// Applies all pending migrations, telling `progress` a line each.
    static func up(_ conninfo: String, progress: @escaping @Sendable (String) -> Void) async throws
    {
        _ = try await run(conninfo) { migrator in
            try migrator.up { tell($0, progress) }
        }
    }

    /// Runs `body` with a migrator, on a thread of its own.
    fileprivate static func run<Value: Sendable>(
        _ conninfo: String, _ body: @escaping @Sendable (Migrator) throws -> Value
    ) async throws -> Value {
        try await run(conninfo) { migrator, _ in try body(migrator) }
    }

    fileprivate static func run<Value: Sendable>(
        _ conninfo: String, _ body: @escaping @Sendable (Migrator, Connection) throws -> Value
    ) async throws -> Value {
        let info = try ConnectionInfo(
            conninfo, overrides: ["application_name": "nexus-ledger migrate"])
        let connection = DedicatedConnection(info, name: "pg-migrate")
        do {
            // The bound of connecting: a migration takes as long as it needs.
            let value = try await connection.run(deadline: .after(.seconds(10))) { connection in
                // A lock that is not had in time fails the step instead of stopping every reader.
                try connection.execute("SET lock_timeout = '10s'", deadline: .after(.seconds(5)))
                return try body(try Migrator(connection, Schema.migrations), connection)
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
            abstract: "Apply what is pending, up to a version or all of it.",
            discussion: """
                EXAMPLES
                  nexus-ledger migrate up --database postgresql:///ledger
                  nexus-ledger migrate up --to 4 --embedded ./ledger
                """)

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
            abstract: "Take back the last N migrations, or all. Tables go with what they hold.",
            discussion: """
                EXAMPLES
                  nexus-ledger migrate down 1 --database postgresql:///ledger
                  nexus-ledger migrate down --all --drop-log --embedded ./scratch
                """)

        @OptionGroup var database: DatabaseOptions

        @Argument(help: "How many.")
        var count: Int?

        @Flag(help: "All of them.")
        var all = false

        @Flag(help: "Drop the log too, for ever, although it holds events.")
        var dropLog = false

        func validate() throws {
            guard (count == nil) == all else {
                throw ValidationError("say how many migrations to take back, or --all")
            }
            guard count ?? 1 >= 1 else {
                throw ValidationError("the number of migrations must be at least 1")
            }
        }

        func perform() async throws {
            let (steps, dropsLog) = (count, dropLog)
            let undone = try await MigrateCommand.run(try database.conninfo()) {
                (migrator, connection) in
                if !dropsLog { try Down.spareLog(steps, migrator, connection) }
                return try migrator.down(steps: steps) {
                    tell($0) { Progress.standard.message($0) }
                }
            }
            try Output.standard.line("took back \(undone.count) migrations")
        }

        /// Refuses to take the log back while it holds events.
        private static func spareLog(
            _ steps: Int?, _ migrator: Migrator, _ connection: Connection
        ) throws {
            let applied = try migrator.status().entries.filter(\.isApplied)
            let undone = applied.suffix(steps ?? applied.count)
            guard undone.contains(where: { $0.name == "positions_log" }) else { return }
            let stored = try connection.query(
                "SELECT coalesce(sum(log_position), 0)::bigint FROM positions.log_head",
                deadline: .after(.seconds(10))
            ).onlyRow()[0].int64()
            guard stored == 0 else {
                throw Failure(
                    .refused,
                    "the log holds \(stored) events, and taking its migration back drops them for "
                        + "ever: make a backup, then add --drop-log")
            }
        }
    }

    /// `migrate status`.
    struct Status: LedgerCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show which migrations are applied.",
            discussion: """
                EXAMPLES
                  nexus-ledger migrate status --database postgresql:///ledger
                  nexus-ledger migrate status --json --embedded ./ledger
                """)

        @OptionGroup var database: DatabaseOptions

        @Flag(help: "Write JSON for programs.")
        var json = false

        func perform() async throws {
            let status = try await MigrateCommand.run(try database.conninfo()) {
                try $0.status()
            }
            guard json else {
                for entry in status.entries {
                    let word = entry.state.rawValue
                    let spare = String(repeating: " ", count: max(0, 7 - word.count))
                    try Output.standard.line("\(word)\(spare)  \(entry.version)  \(entry.name)")
                }
                if status.isDirty {
                    let error = MigrationError.dirty(version: status.version)
                    try Output.standard.line("dirty: \(error)")
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
            abstract: "Declare, after a failed migration, the version that the schema has.",
            discussion: """
                A migration that fails is rolled back, so the schema is where it was before: after
                a failed `up` to version 8 at 7, after a failed `down` to 8 at 9. Force that one:
                to force 8 would skip a migration.

                EXAMPLES
                  nexus-ledger migrate force 8 --database postgresql:///ledger
                  nexus-ledger migrate force --embedded ./ledger -- -1
                """)

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
