import Testing

@testable import Postgres

@Suite(.timeLimit(.minutes(2))) struct MigratorTests {
    let sandbox: Sandbox
    let connection: Connection

    init() async throws {
        sandbox = try await Sandbox()
        connection = try sandbox.open()
    }

    private static let three = [
        Migration(version: 1, name: "a", up: "CREATE TABLE a ();", down: "DROP TABLE a;"),
        Migration(
            version: 2, name: "b", up: "CREATE TABLE b (); CREATE TABLE b2 ();",
            down: "DROP TABLE b, b2;"),
        Migration(version: 3, name: "c", up: " \n", down: ""),
    ]

    private func migrator(_ migrations: [Migration] = three) throws -> Migrator {
        var migrator = try Migrator(connection, migrations)
        migrator.lockWaitMax = .milliseconds(50)
        return migrator
    }

    /// The rows of golang-migrate's table, as it would read them.
    private func rows() throws -> [String] {
        try connection.query(
            "SELECT version || ' ' || dirty FROM public.schema_migrations", deadline: ample
        ).rows.map { try $0[0].string() }
    }

    private func tables() throws -> [String] {
        try connection.query(
            """
            SELECT relname FROM pg_class
            WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname
            """, deadline: ample
        ).rows.map { try $0[0].string() }
    }

    @Test func `up applies what is pending, in order, and once`() throws {
        let migrator = try migrator(Self.three.reversed())
        #expect(try migrator.up(to: 1).map(\.version) == [1])
        #expect(try rows() == ["1 false"])
        #expect(try migrator.up().map(\.version) == [2, 3])
        #expect(try migrator.up().isEmpty)
        #expect(try rows() == ["3 false"])
        #expect(try tables() == ["a", "b", "b2", "schema_migrations"])
    }

    @Test func `the table has the form of golang-migrate's`() throws {
        try migrator().up()
        let columns = try connection.query(
            """
            SELECT column_name || ' ' || data_type || ' ' || is_nullable
            FROM information_schema.columns WHERE table_name = 'schema_migrations'
            ORDER BY ordinal_position
            """, deadline: ample)
        #expect(
            try columns.rows.map { try $0[0].string() } == [
                "version bigint NO", "dirty boolean NO",
            ])
        #expect(
            try connection.number(
                "SELECT count(*) FROM pg_constraint WHERE contype = 'p' AND conkey = '{1}'"
                    + " AND conrelid = 'public.schema_migrations'::regclass") == 1)
    }

    @Test func `the table and its columns say what they are`() throws {
        try migrator().up()
        #expect(
            try connection.number(
                "SELECT count(*) FROM pg_description WHERE objoid ="
                    + " 'public.schema_migrations'::regclass AND objsubid IN (0, 1, 2)") == 3)
    }

    @Test func `down takes back the last ones, and before the first there is no row`() throws {
        let migrator = try migrator()
        try migrator.up()
        #expect(try migrator.down(steps: 2).map(\.version) == [3, 2])
        #expect(try rows() == ["1 false"])
        #expect(try migrator.down().map(\.version) == [1])
        #expect(try rows().isEmpty)
        #expect(try tables() == ["schema_migrations"])
        #expect(try migrator.down().isEmpty)
        #expect(try migrator.up().count == 3)
    }

    @Test func `a database that golang-migrate left is carried on`() throws {
        try connection.execute(
            """
            CREATE TABLE "public"."schema_migrations"
            (version bigint not null primary key, dirty boolean not null);
            INSERT INTO public.schema_migrations VALUES (1, false); CREATE TABLE a ()
            """, deadline: ample)
        #expect(try migrator().up().map(\.version) == [2, 3])
    }

    @Test func `a failed step leaves the database dirty and its line known`() throws {
        let broken = Migration(
            version: 2, name: "b", up: "CREATE TABLE b ();\n\nSELEKT 1;", down: nil)
        let migrator = try migrator([Self.three[0], broken])
        let error = #expect(throws: MigrationError.self) { try migrator.up() }
        guard case .stepFailed(2, .up, line: 3, let cause)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(cause.sqlstate == .syntaxError)
        #expect(try rows() == ["2 true"])
        #expect(try tables() == ["a", "schema_migrations"])
        #expect(throws: MigrationError.dirty(version: 2)) { try migrator.up() }
        #expect(throws: MigrationError.dirty(version: 2)) { try migrator.down() }
        let status = try migrator.status()
        #expect(status.isDirty && status.pending.isEmpty)
        #expect(status.entries.map(\.state) == [.applied, .dirty])
        #expect(error?.description.hasSuffix("force 1`") == true)
        try migrator.force(1)
        #expect(try rows() == ["1 false"])
        #expect(try self.migrator().up().map(\.version) == [2, 3])
    }

    @Test func `a failed way down from the first leaves golang-migrate's mark`() throws {
        let stuck = Migration(version: 1, name: "a", up: "CREATE TABLE a ()", down: "SELECT 1/0")
        let migrator = try migrator([stuck])
        try migrator.up()
        #expect(throws: MigrationError.self) { try migrator.down() }
        #expect(try rows() == ["-1 true"])
        #expect(throws: MigrationError.dirty(version: nil)) { try migrator.up() }
        let status = try migrator.status()
        #expect(status.version == nil && status.isDirty)
        #expect(status.entries.map(\.state) == [.pending])
        #expect(try tables() == ["a", "schema_migrations"], "the step was rolled back")
        try migrator.force(1)
        #expect(try rows() == ["1 false"])
        try migrator.force(nil)
        #expect(try rows().isEmpty)
    }

    @Test func `a failed way down is dirty below the version that the schema still has`() throws {
        let stuck = Migration(version: 2, name: "b", up: "CREATE TABLE b ()", down: "SELECT 1/0")
        let migrator = try migrator([Self.three[0], stuck])
        try migrator.up()
        let error = #expect(throws: MigrationError.self) { try migrator.down() }
        #expect(error?.description.hasSuffix("force 2`") == true)
        #expect(try rows() == ["1 true"])
        #expect(try migrator.status().entries.map(\.state) == [.dirty, .pending])
        #expect(try tables() == ["a", "b", "schema_migrations"])
        try migrator.force(2)
        #expect(try migrator.up().isEmpty)
    }

    @Test(arguments: [
        (MigrationError.dirty(version: 9), ["the schema is at version 8", "`down` at version 10"]),
        (.dirty(version: 1), ["`up` the schema is before the first", "`down` at version 2"]),
        (.dirty(version: nil), ["at the first version still"]),
        (.transactionLeftOpen(version: 1, .up), ["look", "`migrate force -- -1`"]),
        (.stepFailed(version: 3, .up, line: nil, .unreachable("lost")), ["look", "force 2`"]),
        (.stepFailed(version: 3, .down, line: nil, .unreachable("lost")), ["look", "force 3`"]),
    ])
    func `what failed is told with the version to force, never the dirty one`(
        error: MigrationError, words: [String]
    ) {
        for part in words { #expect(error.description.contains(part), "\(error)") }
    }

    @Test func `what cannot be taken back is refused before anything is`() throws {
        let migrations = [
            Migration(version: 1, name: "a", up: "CREATE TABLE a ()", down: nil),
            Migration(version: 2, name: "b", up: "CREATE TABLE b ()", down: "DROP TABLE b"),
        ]
        let migrator = try migrator(migrations)
        try migrator.up()
        #expect(throws: MigrationError.irreversible(version: 1)) { try migrator.down() }
        #expect(try rows() == ["2 false"])
        #expect(try migrator.down(steps: 1).map(\.version) == [2])
    }

    @Test func `numbers that repeat or leave one out are refused`() throws {
        let (one, two, three) = (Self.three[0], Self.three[1], Self.three[2])
        #expect(throws: MigrationError.duplicateVersion(1)) { try migrator([one, two, one]) }
        #expect(throws: MigrationError.missingVersion(2)) { try migrator([three, one]) }
    }

    @Test func `a version from elsewhere and a target that is not ahead are refused`() throws {
        try migrator().up()
        let older = try migrator(Array(Self.three.prefix(2)))
        #expect(throws: MigrationError.unknownVersion(3)) { try older.up() }
        #expect(throws: MigrationError.unknownVersion(3)) { try older.down() }
        #expect(throws: MigrationError.unknownVersion(9)) { try migrator().force(9) }
        #expect(throws: MigrationError.missingVersion(9)) { try migrator().up(to: 9) }
        #expect(throws: MigrationError.targetBelowCurrent(target: 1, current: 3)) {
            try migrator().up(to: 1)
        }
    }

    @Test func `a file that leaves a transaction open is told, and rolled back`() throws {
        let open = Migration(version: 1, name: "a", up: "BEGIN; CREATE TABLE a ()", down: nil)
        #expect(throws: MigrationError.transactionLeftOpen(version: 1, .up)) {
            try migrator([open]).up()
        }
        #expect(connection.transactionStatus == .idle)
        #expect(try tables() == ["schema_migrations"])
        #expect(try rows() == ["1 true"])
    }

    @Test func `status changes nothing`() throws {
        let status = try migrator().status()
        #expect(status.version == nil && !status.isDirty)
        #expect(status.pending.map(\.name) == ["a", "b", "c"])
        #expect(try tables().isEmpty)
        try migrator().up(to: 2)
        #expect(try migrator().status().pending.map(\.version) == [3])
    }

    @Test func `progress tells each step as it begins and ends`() throws {
        var told: [String] = []
        try migrator().up(to: 2) { progress in
            switch progress {
            case .waitingForLock: told.append("wait")
            case .started(let migration, let direction):
                told.append("\(migration.name) \(direction.rawValue)")
            case .finished(let migration, _, _): told.append("\(migration.name) done")
            }
        }
        #expect(told == ["a up", "a done", "b up", "b done"])
    }

    /// Computed once by golang-migrate's GenerateAdvisoryLockId formula in another language.
    @Test func `the locks' keys are golang-migrate's, for programs and for the command line`() {
        let lock = MigrationLock(schema: "public", table: "schema_migrations", database: "ledger")
        #expect(lock.keys == [3_970_455_413, 3_721_426_033])
    }

    @Test(arguments: ["", "/"])
    func `golang-migrate at work keeps this one out, and the locks are given back`(
        prefix: String
    ) throws {
        let other = try sandbox.open()
        let key = MigrationLock.key(
            schema: "public", table: "schema_migrations",
            database: prefix + sandbox.database.name)
        try other.query("SELECT pg_advisory_lock($1)", [.int8(key)], deadline: ample)
        var waits = 0
        #expect(throws: MigrationError.locked) {
            try migrator().up { progress in
                if case .waitingForLock = progress { waits += 1 }
            }
        }
        #expect(waits == 1)
        try other.query("SELECT pg_advisory_unlock($1)", [.int8(key)], deadline: ample)
        #expect(try migrator().up().count == 3)
        let held =
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
            + " AND pid = \(connection.backendPID)"
        #expect(try other.number(held) == 0)
    }
}
