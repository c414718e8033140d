import Testing

@testable import Postgres

@Suite(.timeLimit(.minutes(2))) struct PipelineTests {
    let sandbox: Sandbox

    init() async throws {
        sandbox = try await Sandbox()
    }

    private func openWithTable(preparing: Bool) throws -> Connection {
        let connection = try sandbox.open(preparing: preparing)
        try connection.execute(
            """
            CREATE TABLE t (
              id bigint PRIMARY KEY, v text CONSTRAINT v_once UNIQUE DEFERRABLE INITIALLY DEFERRED)
            """, deadline: ample)
        return connection
    }

    @Test(arguments: [false, true])
    func `each statement has its result, in order`(preparing: Bool) throws {
        let connection = try sandbox.open(preparing: preparing)
        for round in Int64(0)..<3 {
            let results = try connection.pipeline(deadline: ample) { pipeline in
                for number in Int64(0)..<50 {
                    pipeline.add("SELECT $1 + 1", [.int8(number * round)])
                }
            }
            let expected = (Int64(0)..<50).map { $0 * round + 1 }
            #expect(try results.map { try $0[0, 0].int64() } == expected)
        }
    }

    @Test(arguments: [false, true])
    func `the first error undoes all and leaves the connection usable`(preparing: Bool) throws {
        let connection = try openWithTable(preparing: preparing)
        let error = #expect(throws: PostgresError.self) {
            try connection.pipeline(deadline: ample) { pipeline in
                pipeline.add("INSERT INTO t VALUES (1, 'a')")
                pipeline.add("SELECT 1 / $1", [.int4(0)])
                pipeline.add("INSERT INTO t VALUES (2, 'b')")
                pipeline.add("SELECT nonsense")
            }
        }
        #expect(error?.sqlstate == SQLState(rawValue: "22012"))
        #expect(connection.transactionStatus == .idle)
        #expect(try connection.number("SELECT count(*) FROM t") == 0)
    }

    @Test(arguments: [false, true])
    func `synchronisation points part transactions`(preparing: Bool) throws {
        let connection = try openWithTable(preparing: preparing)
        var pipeline = Pipeline()
        pipeline.add("INSERT INTO t VALUES (1, 'a')")
        pipeline.synchronise()
        pipeline.add("INSERT INTO t VALUES (2, 'b')")
        pipeline.add("SELECT 1/0")
        pipeline.add("INSERT INTO t VALUES (3, 'c')")
        pipeline.synchronise()
        pipeline.add("SELEKT 1")
        pipeline.synchronise()
        pipeline.add("INSERT INTO t VALUES (4, 'd')")
        let outcomes = try connection.outcomes(of: pipeline, deadline: ample)
        let codes = outcomes.map { outcome in
            switch outcome {
            case .result: "ok"
            case .failed(let error): error.sqlstate.rawValue
            case .skipped: "skipped"
            }
        }
        #expect(codes == ["ok", "ok", "22012", "skipped", "42601", "ok"])
        let kept = try connection.query("SELECT id FROM t ORDER BY id", deadline: ample)
        #expect(try kept.rows.map { try $0[0].int64() } == [1, 4])
    }

    @Test(arguments: [false, true])
    func `an error at COMMIT is told of the last statement`(preparing: Bool) throws {
        let connection = try openWithTable(preparing: preparing)
        let error = #expect(throws: PostgresError.self) {
            try connection.pipeline(deadline: ample) { pipeline in
                pipeline.add("INSERT INTO t VALUES (1, 'same')")
                pipeline.add("INSERT INTO t VALUES (2, 'same')")
            }
        }
        #expect(error?.serverError?.constraint == "v_once")
        #expect(try connection.number("SELECT count(*) FROM t") == 0)
    }

    @Test func `an error within BEGIN leaves the transaction to be rolled back`() throws {
        let connection = try openWithTable(preparing: false)
        #expect(throws: PostgresError.self) {
            try connection.pipeline(deadline: ample) { pipeline in
                pipeline.add("BEGIN")
                pipeline.add("SELECT 1/0")
                pipeline.add("COMMIT")
            }
        }
        #expect(connection.transactionStatus == .inFailedTransaction)
        connection.rollBackIfOpen(deadline: ample)
        #expect(connection.transactionStatus == .idle)
        #expect(connection.isUsable)
    }

    @Test func `large parameters and large answers do not block each other`() throws {
        let connection = try sandbox.open()
        let text = String(repeating: "x", count: 200_000)
        let results = try connection.pipeline(deadline: ample) { pipeline in
            for _ in 0..<40 { pipeline.add("SELECT $1 || 'y'", [.text(text)]) }
        }
        #expect(try results.allSatisfy { try $0[0, 0].string().utf8.count == 200_001 })
    }

    @Test func `a pipeline that outlasts its deadline closes the connection`() throws {
        let connection = try sandbox.open()
        #expect(throws: PostgresError.timedOut("SELECT pg_sleep(3600)")) {
            try connection.pipeline(deadline: .after(.milliseconds(100))) { pipeline in
                pipeline.add("SELECT 1")
                pipeline.add("SELECT pg_sleep(3600)")
            }
        }
        #expect(!connection.isUsable)
    }

    @Test func `a statement is prepared once, and not at all when not asked for`() throws {
        let prepared = "SELECT count(*) FROM pg_prepared_statements"
        let preparing = try sandbox.open(preparing: true)
        for _ in 0..<3 { try preparing.query("SELECT 1", deadline: ample) }
        // The counting statement is the second one.
        #expect(try preparing.number(prepared) == 2)
        let plain = try sandbox.open()
        for _ in 0..<3 { try plain.query("SELECT 1", deadline: ample) }
        #expect(try plain.number(prepared) == 0)
    }

    @Test func `a prepared statement survives other parameter types and a changed table`() throws {
        let connection = try sandbox.open(preparing: true)
        try connection.execute("CREATE TABLE t (a int)", deadline: ample)
        #expect(try connection.query("SELECT $1", [.int8(1)], deadline: ample)[0, 0].int64() == 1)
        #expect(try connection.query("SELECT $1", [.bool(true)], deadline: ample)[0, 0].bool())
        #expect(try connection.query("SELECT * FROM t", deadline: ample).columnCount == 1)
        try connection.execute("ALTER TABLE t ADD b int", deadline: ample)
        let error = #expect(throws: PostgresError.self) {
            try connection.query("SELECT * FROM t", deadline: ample)
        }
        #expect(error?.sqlstate == .featureNotSupported)
        #expect(try connection.query("SELECT * FROM t", deadline: ample).columnCount == 2)
    }
}
