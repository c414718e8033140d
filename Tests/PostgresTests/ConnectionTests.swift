import Glibc
import Testing

@testable import Postgres

@Suite(.timeLimit(.minutes(2))) struct ConnectionTests {
    let sandbox: Sandbox

    init() async throws {
        sandbox = try await Sandbox()
    }

    @Test func `an open connection knows its server`() throws {
        let connection = try sandbox.open()
        #expect(connection.serverVersion >= 150_000)
        #expect(connection.backendPID > 0)
        #expect(connection.parameterStatus("client_encoding") == "UTF8")
        #expect(connection.parameterStatus("no_such") == nil)
        #expect(connection.transactionStatus == .idle)
        #expect(connection.isUsable)
        #expect(connection.checkLiveness())
    }

    @Test func `a missing server is unreachable`() throws {
        let info = try ConnectionInfo("host=/nonexistent")
        let error = #expect(throws: PostgresError.self) {
            try Connection.open(info, deadline: ample)
        }
        guard case .unreachable? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func `a server that does not answer costs the deadline and no more`() throws {
        let server = try SilentServer()
        let info = try ConnectionInfo("host=\(server.directory) user=u dbname=d password=geheim")
        let start = ContinuousClock.now
        let error = #expect(throws: PostgresError.self) {
            try Connection.open(info, deadline: .after(.milliseconds(100)))
        }
        let elapsed = start.duration(to: .now)
        #expect(elapsed >= .milliseconds(100))
        #expect(elapsed < .seconds(20))
        guard case .timedOut(let what)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(!what.contains("geheim"))
    }

    @Test func `a stopped server process times a query out, and the connection is closed`() throws {
        let connection = try sandbox.open()
        let pid = connection.backendPID
        try #require(kill(pid, SIGSTOP) == 0)
        defer { kill(pid, SIGCONT) }
        #expect(throws: PostgresError.timedOut("SELECT 1")) {
            try connection.query("SELECT 1", deadline: .after(.milliseconds(100)))
        }
        #expect(!connection.isUsable)
        #expect(connection.transactionStatus == .unknown)
        #expect(throws: PostgresError.unreachable("the connection is closed")) {
            try connection.query("SELECT 1", deadline: ample)
        }
    }

    @Test func `a statement that timed out is cancelled and gives its locks back`() throws {
        let connection = try sandbox.open()
        let other = try sandbox.open()
        #expect(throws: PostgresError.self) {
            try connection.execute(
                "SELECT pg_advisory_xact_lock(7); SELECT pg_sleep(3600)",
                deadline: .after(.milliseconds(200)))
        }
        try other.query("SELECT pg_advisory_lock(7)", deadline: ample)
    }

    @Test func `a server error names code, constraint and table, and is survived`() throws {
        let connection = try sandbox.open()
        try connection.execute(
            "CREATE TABLE t (a int CONSTRAINT a_is_positive CHECK (a > 0))", deadline: ample)
        let error = #expect(throws: PostgresError.self) {
            try connection.query("INSERT INTO t VALUES ($1)", [.int4(-1)], deadline: ample)
        }
        let server = try #require(error?.serverError)
        #expect(server.sqlstate == .checkViolation)
        #expect(server.constraint == "a_is_positive")
        #expect(server.table == "t")
        #expect(server.schema == "public")
        #expect(connection.isUsable)
        #expect(try connection.number("SELECT 1::bigint") == 1)
    }

    @Test func `a session that the server ends says so once and is closed`() throws {
        let connection = try sandbox.open()
        try sandbox.open().terminate(connection.backendPID)
        let error = #expect(throws: PostgresError.self) {
            try connection.query("SELECT 1", deadline: ample)
        }
        #expect(error?.sqlstate == .adminShutdown)
        #expect(!connection.isUsable)
    }

    @Test func `an idle session that the server has ended is found without waiting`() throws {
        let connection = try sandbox.open()
        try sandbox.open().terminate(connection.backendPID)
        #expect(!connection.checkLiveness())
        #expect(!connection.isUsable)
    }

    @Test func `another thread can cancel, and the connection stays usable`() async throws {
        let connection = try sandbox.open()
        let handle = connection.cancelHandle
        let pid = connection.backendPID
        let canceller = Task.detached { [info = sandbox.info] in
            let watcher = try Connection.open(info, deadline: ample)
            // A request that comes before the statement would cancel nothing.
            while try watcher.number(
                """
                SELECT count(*) FROM pg_stat_activity
                WHERE pid = \(pid) AND wait_event = 'PgSleep'
                """) == 0
            {}
            try handle.cancel(deadline: ample)
        }
        let error = #expect(throws: PostgresError.self) {
            try connection.query("SELECT pg_sleep(3600)", deadline: ample)
        }
        try await canceller.value
        #expect(error?.sqlstate == .queryCancelled)
        #expect(connection.isUsable)
    }

    @Test func `several statements in one text are one transaction`() throws {
        let connection = try sandbox.open()
        #expect(throws: PostgresError.self) {
            try connection.execute("CREATE TABLE t (); SELECT 1/0", deadline: ample)
        }
        #expect(try connection.number("SELECT count(*) FROM pg_class WHERE relname = 't'") == 0)
    }

    @Test func `a transaction commits, and rolls back when its body throws`() throws {
        struct Stop: Error {}
        let connection = try sandbox.open()
        try connection.execute("CREATE TABLE t (a int)", deadline: ample)
        let insert = "INSERT INTO t VALUES (1)"
        try connection.transaction(deadline: ample) { try $0.query(insert, deadline: ample) }
        #expect(throws: Stop.self) {
            try connection.transaction(deadline: ample) { session in
                try session.query(insert, deadline: ample)
                throw Stop()
            }
        }
        #expect(connection.transactionStatus == .idle)
        #expect(try connection.number("SELECT count(*) FROM t") == 1)
    }

    @Test func `a transaction whose body hides an error does not pass for committed`() throws {
        let connection = try sandbox.open()
        let error = #expect(throws: PostgresError.self) {
            try connection.transaction(deadline: ample) { session in
                _ = try? session.query("SELECT 1/0", deadline: ample)
            }
        }
        guard case .protocolViolation? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func `notices reach their handler`() throws {
        let connection = try sandbox.open()
        var notices: [String] = []
        connection.onNotice = { notices.append($0) }
        try connection.execute(
            "DO $$ BEGIN RAISE NOTICE 'seven %', 7; END $$", deadline: ample)
        #expect(notices == ["NOTICE:  seven 7"])
    }

    @Test func `an identifier is quoted whatever it holds`() throws {
        let connection = try sandbox.open()
        let name = Connection.quoted(identifier: "a\"b C")
        try connection.execute("CREATE TABLE \(name) ()", deadline: ample)
        #expect(
            try connection.number(
                "SELECT count(*) FROM pg_class WHERE relname = 'a\"b C'") == 1)
    }
}
