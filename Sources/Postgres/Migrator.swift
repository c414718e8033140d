/// Takes a database's schema up and down, by the rules of golang-migrate's postgres driver, so
/// that either tool carries on where the other stopped.
///
/// One row in public.schema_migrations says where the database is. Each step:
///
///     (N-1, clean) ──set──▶ (N, dirty) ──run the file──▶ (N, dirty) ──set──▶ (N, clean)
///                                          └── fails: stays dirty until `force`
///
/// A file is one transaction: one that fails leaves the schema at N-1, and N-1 is to be forced.
/// The way down is the same with N+1 for N-1.
///
/// Needs a session of its own, not one of PgBouncer's in transaction mode.
public struct Migrator {
    private let connection: Connection
    private let migrations: [Migration]
    /// How long to wait for another migrator before `.locked`.
    public var lockWaitMax = Duration.seconds(15)

    private static let schema = "public"
    private static let table = "schema_migrations"
    private static let qualified = "\"public\".\"schema_migrations\""
    /// What golang-migrate writes for "before the first" while it is dirty.
    private static let nilVersion: Int64 = -1
    /// For statements that touch one row.
    private static let bookkeepingMax = Duration.seconds(30)

    /// A migrator for these migrations, in any order. Throws `.duplicateVersion` and
    /// `.missingVersion` when their numbers are not 1, 2, 3 … or another unbroken sequence.
    public init(
        _ connection: Connection, _ migrations: [Migration]
    ) throws(MigrationError) {
        self.connection = connection
        self.migrations = migrations.sorted { $0.version < $1.version }
        for (one, next) in zip(self.migrations, self.migrations.dropFirst()) {
            guard one.version != next.version else { throw .duplicateVersion(one.version) }
            guard one.version + 1 == next.version else { throw .missingVersion(one.version + 1) }
        }
        precondition((self.migrations.first?.version ?? 1) >= 1, "versions start at 1")
    }

    /// Where the database stands; takes no lock and changes nothing. Throws `.database`.
    public func status() throws(MigrationError) -> MigrationStatus {
        let current = try hasTable() ? try readVersion() : Current(version: nil, isDirty: false)
        let entries = migrations.map { migration in
            MigrationStatus.Entry(
                version: migration.version, name: migration.name,
                state: Self.state(of: migration.version, current))
        }
        return MigrationStatus(
            version: current.version, isDirty: current.isDirty, entries: entries)
    }

    /// Applies what is pending up to `target`, to the last one when `nil`; returns what it
    /// applied. `deadline` bounds each wait for the server: `.distant` for steps that may take
    /// hours.
    @discardableResult
    public func up(
        to target: Int64? = nil, deadline: Deadline = .distant,
        progress: (MigrationProgress) -> Void = { _ in }
    ) throws(MigrationError) -> [Migration] {
        try locked(progress) { () throws(MigrationError) in
            let current = try checkedVersion()
            if let target {
                guard migrations.contains(where: { $0.version == target }) else {
                    throw .missingVersion(target)
                }
                if let current, target < current {
                    throw .targetBelowCurrent(target: target, current: current)
                }
            }
            let pending = migrations.filter { migration in
                migration.version > current ?? 0 && migration.version <= target ?? Int64.max
            }
            for migration in pending {
                try step(migration, .up, deadline, progress)
            }
            return pending
        }
    }

    /// Takes back the last `steps` migrations, all when `nil`; returns what it took back, the
    /// latest first. Checks before the first one that all can be taken back.
    @discardableResult
    public func down(
        steps: Int? = nil, deadline: Deadline = .distant,
        progress: (MigrationProgress) -> Void = { _ in }
    ) throws(MigrationError) -> [Migration] {
        precondition(steps ?? 0 >= 0, "a negative number of steps")
        return try locked(progress) { () throws(MigrationError) in
            let current = try checkedVersion()
            let applied = migrations.filter { $0.version <= current ?? 0 }
            let undone = Array(applied.suffix(steps ?? applied.count).reversed())
            for migration in undone where migration.down == nil {
                throw .irreversible(version: migration.version)
            }
            for migration in undone {
                try step(migration, .down, deadline, progress)
            }
            return undone
        }
    }

    /// Declares that the schema is at `version` (`nil`: before the first) and clean; runs
    /// nothing. Throws `.unknownVersion` for one that is not among the migrations.
    public func force(_ version: Int64?) throws(MigrationError) {
        if let version, !migrations.contains(where: { $0.version == version }) {
            throw .unknownVersion(version)
        }
        try locked({ _ in }) { () throws(MigrationError) in
            try write(Current(version: version, isDirty: false))
        }
    }

    // MARK: Steps

    private func step(
        _ migration: Migration, _ direction: MigrationDirection, _ deadline: Deadline,
        _ progress: (MigrationProgress) -> Void
    ) throws(MigrationError) {
        progress(.started(migration, direction))
        let start = ContinuousClock.now
        let target: Int64?
        let sql: String
        switch direction {
        case .up:
            (target, sql) = (migration.version, migration.up)
        case .down:
            target = migrations.last { $0.version < migration.version }?.version
            sql = migration.down ?? ""
        }
        try write(Current(version: target, isDirty: true))
        if sql.contains(where: { !$0.isWhitespace }) {
            do throws(PostgresError) {
                try connection.execute(sql, deadline: deadline)
            } catch {
                connection.rollBackIfOpen(deadline: .after(Self.bookkeepingMax))
                throw .stepFailed(
                    version: migration.version, direction, line: Self.line(of: error, in: sql),
                    error)
            }
        }
        if connection.transactionStatus != .idle {
            connection.rollBackIfOpen(deadline: .after(Self.bookkeepingMax))
            throw .transactionLeftOpen(version: migration.version, direction)
        }
        try write(Current(version: target, isDirty: false))
        progress(.finished(migration, direction, start.duration(to: .now)))
    }

    /// The server counts characters; people look for lines.
    private static func line(of error: PostgresError, in sql: String) -> Int? {
        guard let position = error.serverError?.position, position > 0 else { return nil }
        return 1 + sql.unicodeScalars.prefix(position - 1).count { $0 == "\n" }
    }

    // MARK: The table

    private struct Current {
        let version: Int64?
        let isDirty: Bool
    }

    /// Runs `body` under the lock, with the table there.
    private func locked<R>(
        _ progress: (MigrationProgress) -> Void, _ body: () throws(MigrationError) -> R
    ) throws(MigrationError) -> R {
        let name = try databaseName()
        let lock = MigrationLock(schema: Self.schema, table: Self.table, database: name)
        try lock.acquire(connection, deadline: .after(lockWaitMax)) { progress(.waitingForLock) }
        defer { lock.release(connection, deadline: .after(Self.bookkeepingMax)) }
        if try !hasTable() {
            try wrapped { (deadline) throws(PostgresError) in
                try connection.execute(
                    """
                    CREATE TABLE IF NOT EXISTS \(Self.qualified)
                    (version bigint NOT NULL PRIMARY KEY, dirty boolean NOT NULL);
                    COMMENT ON TABLE \(Self.qualified) IS
                    'Where the schema is, as golang-migrate keeps it: one row, none before the '
                    'first migration.';
                    COMMENT ON COLUMN \(Self.qualified).version IS
                    'Number of the last migration that was applied; when dirty, of the one that a '
                    'step was to reach, -1 before the first.';
                    COMMENT ON COLUMN \(Self.qualified).dirty IS
                    'A step is under way or failed: mend it, then force the version that the '
                    'schema has.'
                    """, deadline: deadline)
            }
        }
        return try body()
    }

    /// The version to go on from; throws `.dirty` and `.unknownVersion`.
    private func checkedVersion() throws(MigrationError) -> Int64? {
        let current = try readVersion()
        guard !current.isDirty else { throw .dirty(version: current.version) }
        guard let version = current.version else { return nil }
        guard migrations.contains(where: { $0.version == version }) else {
            throw .unknownVersion(version)
        }
        return version
    }

    private func readVersion() throws(MigrationError) -> Current {
        try wrapped { (deadline) throws(PostgresError) in
            let result = try connection.query(
                "SELECT version, dirty FROM \(Self.qualified) LIMIT 1", deadline: deadline)
            guard let row = result.rows.first else { return Current(version: nil, isDirty: false) }
            let version = try row[0].int64()
            return Current(version: version < 0 ? nil : version, isDirty: try row[1].bool())
        }
    }

    private static func state(of version: Int64, _ current: Current) -> MigrationStatus.State {
        let reached = current.version ?? 0
        if version == reached && current.isDirty { return .dirty }
        return version <= reached ? .applied : .pending
    }

    /// Replaces the row; no row means "before the first", unless it is dirty.
    private func write(_ current: Current) throws(MigrationError) {
        try wrapped { (deadline) throws(PostgresError) in
            var pipeline = Pipeline()
            pipeline.add("TRUNCATE \(Self.qualified)")
            if current.version != nil || current.isDirty {
                pipeline.add(
                    "INSERT INTO \(Self.qualified) (version, dirty) VALUES ($1, $2)",
                    [.int8(current.version ?? Self.nilVersion), .bool(current.isDirty)])
            }
            try connection.run(pipeline, deadline: deadline)
        }
    }

    /// Asked for first, so that a role that may only read can ask for the status.
    private func hasTable() throws(MigrationError) -> Bool {
        try wrapped { (deadline) throws(PostgresError) in
            try connection.query(
                "SELECT to_regclass($1) IS NOT NULL", [.text(Self.qualified)],
                deadline: deadline
            ).onlyRow()[0].bool()
        }
    }

    private func databaseName() throws(MigrationError) -> String {
        try wrapped { (deadline) throws(PostgresError) in
            try connection.query("SELECT current_database()", deadline: deadline)
                .onlyRow()[0].string()
        }
    }

    private func wrapped<R>(
        _ body: (Deadline) throws(PostgresError) -> R
    ) throws(MigrationError) -> R {
        do throws(PostgresError) {
            return try body(.after(Self.bookkeepingMax))
        } catch {
            throw .database(error)
        }
    }
}
