import Testing

@testable import Postgres

@Suite(.timeLimit(.minutes(2))) struct PoolTests {
    struct Stop: Error {}
    let sandbox: Sandbox

    init() async throws {
        sandbox = try await Sandbox()
    }

    private func pool(_ connectionsMax: Int, waitingMax: Int = 100) -> Pool {
        Pool(
            sandbox.info,
            limits: Pool.Limits(connectionsMax: connectionsMax, waitingMax: waitingMax))
    }

    /// Keeps one connection of the pool busy until `release` is signalled.
    private func occupy(_ pool: Pool, until release: WakeUp) async -> Task<Void, any Error> {
        let (started, signal) = AsyncStream<Void>.makeStream()
        let task = Task {
            try await pool.run(deadline: ample) { connection in
                signal.finish()
                _ = try connection.waitForNotifications(deadline: ample, wakeUp: release)
            }
        }
        for await _ in started {}
        return task
    }

    private func untilWaiting(_ count: Int, _ pool: Pool) async {
        while pool.usage.waiting < count { await Task.yield() }
    }

    @Test func `many callers share few connections`() async throws {
        let pool = pool(2)
        let pids = try await withThrowingTaskGroup(of: Int32.self) { group in
            for _ in 0..<50 {
                group.addTask {
                    try await pool.run(deadline: ample) { connection in
                        try connection.query("SELECT 1", deadline: ample)
                        return connection.backendPID
                    }
                }
            }
            return try await group.reduce(into: Set<Int32>()) { $0.insert($1) }
        }
        #expect((1...2).contains(pids.count))
        #expect(pool.usage.openedTotal == pids.count)
        #expect(pool.usage.busy == 0 && pool.usage.waiting == 0)
        await pool.shutdown()
        #expect(pool.usage.open == 0)
    }

    @Test func `what the body throws reaches the caller, the connection stays`() async throws {
        let pool = pool(1)
        await #expect(throws: Stop.self) {
            try await pool.run(deadline: ample) { _ in throw Stop() }
        }
        let error = await #expect(throws: PostgresError.self) {
            try await pool.run(deadline: ample) { connection -> Void in
                try connection.query("SELECT 1/0", deadline: ample)
            }
        }
        #expect(error?.sqlstate == SQLState(rawValue: "22012"))
        #expect(pool.usage.openedTotal == 1 && pool.usage.open == 1)
    }

    @Test func `a full queue refuses, naming its limit`() async throws {
        let pool = pool(1, waitingMax: 1)
        let release = try WakeUp()
        let busy = await occupy(pool, until: release)
        let waiting = Task { try await pool.run(deadline: ample) { $0.backendPID } }
        await untilWaiting(1, pool)
        await #expect(throws: PostgresError.exhausted(limit: 1)) {
            try await pool.run(deadline: ample) { $0.backendPID }
        }
        #expect(pool.usage.refusedTotal == 1)
        release.signal()
        try await busy.value
        #expect(try await waiting.value > 0)
    }

    @Test func `who waits is answered at his own deadline`() async throws {
        let pool = pool(1)
        let release = try WakeUp()
        let busy = await occupy(pool, until: release)
        for pause in [Duration.milliseconds(50), .milliseconds(10), .zero] {
            await #expect(throws: PostgresError.timedOut("waiting for a connection")) {
                try await pool.run(deadline: .after(pause)) { $0.backendPID }
            }
        }
        release.signal()
        try await busy.value
        #expect(pool.usage.discardedTotal == 0)
    }

    @Test func `a task cancelled while it waits leaves at once`() async throws {
        let pool = pool(1)
        let release = try WakeUp()
        let busy = await occupy(pool, until: release)
        let waiting = Task { try await pool.run(deadline: .distant) { $0.backendPID } }
        await untilWaiting(1, pool)
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        #expect(pool.usage.waiting == 0)
        release.signal()
        try await busy.value
        #expect(try await pool.run(deadline: ample) { $0.backendPID } > 0)
    }

    @Test func `a task that is already cancelled never gets a connection`() async throws {
        let pool = pool(1)
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await pool.run(deadline: ample) { $0.backendPID }
        }
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(pool.usage.openedTotal == 0)
    }

    @Test func `a connection that timed out or was lost is replaced`() async throws {
        let pool = pool(1)
        let first = try await pool.run(deadline: ample) { $0.backendPID }
        await #expect(throws: PostgresError.self) {
            try await pool.run(deadline: ample) { connection -> Void in
                try connection.query("SELECT pg_sleep(3600)", deadline: .after(.milliseconds(20)))
            }
        }
        let second = try await pool.run(deadline: ample) { $0.backendPID }
        #expect(first != second)
        await #expect(throws: PostgresError.self) {
            try await pool.run(deadline: ample) { connection -> Void in
                try connection.query(
                    "SELECT pg_terminate_backend(pg_backend_pid())", deadline: ample)
            }
        }
        #expect(try await pool.run(deadline: ample) { $0.backendPID } != second)
        #expect(pool.usage.discardedTotal == 2 && pool.usage.open == 1)
    }

    @Test func `a connection that died while idle is replaced unnoticed`() async throws {
        let pool = pool(1)
        let first = try await pool.run(deadline: ample) { $0.backendPID }
        try sandbox.open().terminate(first)
        let second = try await pool.run(deadline: ample) { connection in
            try connection.query("SELECT 1", deadline: ample)
            return connection.backendPID
        }
        #expect(first != second)
    }

    @Test func `a transaction left open is rolled back`() async throws {
        let pool = pool(1)
        try await pool.run(deadline: ample) { connection in
            try connection.execute("BEGIN; CREATE TABLE t ()", deadline: ample)
        }
        let (status, count) = try await pool.run(deadline: ample) { connection in
            (
                connection.transactionStatus,
                try connection.number("SELECT count(*) FROM pg_class WHERE relname = 't'")
            )
        }
        #expect(status == .idle)
        #expect(count == 0)
        #expect(pool.usage.openedTotal == 1)
    }

    @Test func `an unreachable server is told to every caller, and tried again`() async throws {
        let pool = Pool(try ConnectionInfo("host=/nonexistent"))
        for _ in 0..<2 {
            await #expect(throws: PostgresError.self) {
                try await pool.run(deadline: ample) { $0.backendPID }
            }
        }
        #expect(pool.usage.open == 0 && pool.usage.busy == 0)
    }

    @Test func `each new connection is prepared before its first use`() async throws {
        let dedicated = DedicatedConnection(sandbox.info) { connection, deadline in
            try connection.execute("SET application_name = 'prepared'", deadline: deadline)
        }
        for _ in 0..<2 {
            let name = try await dedicated.run(deadline: ample) { connection in
                try connection.query("SHOW application_name", deadline: ample)[0, 0].string()
            }
            #expect(name == "prepared")
        }
        #expect(dedicated.usage.openedTotal == 1)
        let refusing = DedicatedConnection(sandbox.info) { _, _ in throw Stop() }
        await #expect(throws: Stop.self) { try await refusing.run(deadline: ample) { _ in } }
        #expect(refusing.usage.open == 0)
    }

    @Test func `a shutdown lets the running finish and refuses all others`() async throws {
        let pool = pool(1)
        let release = try WakeUp()
        let busy = await occupy(pool, until: release)
        let waiting = Task { try await pool.run(deadline: ample) { $0.backendPID } }
        await untilWaiting(1, pool)
        let shutdown = Task { await pool.shutdown() }
        await #expect(throws: PostgresError.shutDown) { try await waiting.value }
        await #expect(throws: PostgresError.shutDown) {
            try await pool.run(deadline: ample) { $0.backendPID }
        }
        release.signal()
        try await busy.value
        await shutdown.value
        #expect(pool.usage.open == 0)
    }
}
