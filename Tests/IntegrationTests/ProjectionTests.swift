import LedgerCore
import Postgres
import Testing

@testable import ProjectionEngine

/// The tables against the log.
@Suite struct ProjectionTests {
    let sandbox: Sandbox

    init() async throws {
        sandbox = try await Sandbox()
    }

    @Test(arguments: 0..<6)
    func `after a random book the tables are the fold of the log`(round: Int) async throws {
        let seed = seed() &+ UInt64(round)
        var book = RandomBook(seed: seed)
        let appender = sandbox.appender()
        let worker = try Worker(sandbox)
        for step in 0..<400 {
            let (events, decision) = book.next()
            #expect(try await appender.outcome(of: events) == decision, "seed \(seed)")
            if book.random.chance(15) { try worker.advance() }
            if book.random.chance(5) { try worker.restart() }
            guard step % 100 == 99 else { continue }
            try worker.advance()
            try worker.expectFolded("seed \(seed), step \(step)")
        }
        await appender.shutdown()
    }

    @Test func `the cuts between batches leave no trace in any row`() async throws {
        let seed = seed()
        var book = RandomBook(seed: seed)
        let appender = sandbox.appender()
        let live = try Worker(sandbox)
        for _ in 0..<300 {
            _ = try await appender.outcome(of: book.next().events)
            if book.random.chance(30) { try live.advance() }
        }
        try live.advance()
        try expectRebuilt(live, "seed \(seed)")
        await appender.shutdown()
    }

    @Test func `a day whose last event is voided is as of the event before it`() async throws {
        var desk = Desk()
        let appender = sandbox.appender()
        let live = try Worker(sandbox)
        let open = try desk.open()
        _ = try await appender.append([open, try desk.fill(open.positionID, "a", .buy, 1, 10)])
        try live.advance()
        let last = try await appender.append([try desk.fill(open.positionID, "b", .buy, 1, 10)])
        try live.advance()
        _ = try await appender.append([try desk.void(open.positionID, last[0].eventID)])
        try live.advance()
        try expectRebuilt(live)
        await appender.shutdown()
    }

    /// Records an issue for each row that another generation, folded from the log at once, has not.
    private func expectRebuilt(_ live: Worker, _ comment: String = "") throws {
        try live.connection.execute("UPDATE positions.live_slot SET slot = 2", deadline: ample)
        let rebuilt = try Worker(sandbox)
        try rebuilt.advance()
        #expect(rebuilt.projector.checkpoint == live.projector.checkpoint)
        for table in ProjectionTests.tables {
            let rows = try [1, 2].map { try dump(table, slot: $0, live.connection) }
            #expect(rows[0].subtracting(rows[1]) == [], "live only, \(table), \(comment)")
            #expect(rows[1].subtracting(rows[0]) == [], "rebuilt only, \(table), \(comment)")
        }
    }

    private static let tables = [
        "positions.active_rows", "positions.legs_rows", "positions.history_rows",
        "analytics.position_days_rows", "analytics.daily_pnl_rows",
        "analytics.trade_stats_rows", "analytics.funding_collected_rows",
    ]

    private func dump(
        _ table: String, slot: Int16, _ connection: Connection
    ) throws -> Set<String> {
        let result = try connection.query(
            "SELECT (to_jsonb(r) - 'slot')::text FROM \(table) AS r WHERE slot = $1",
            [.int2(slot)], deadline: ample)
        return try Set(result.rows.map { try $0[0].string() })
    }

    @Test func `all tables of a book stand at the checkpoint, in every snapshot`() async throws {
        var desk = Desk()
        let appender = sandbox.appender()
        let worker = try Worker(sandbox)
        let watcher = Task { [sandbox] in
            let connection = try sandbox.open()
            var looks = 0
            while !Task.isCancelled {
                let row = try connection.query(
                    """
                    SELECT c.log_position,
                           (SELECT coalesce(max(log_position), 0) FROM positions.active),
                           (SELECT coalesce(max(log_position), 0) FROM positions.legs),
                           (SELECT coalesce(sum(fills), 0)::bigint FROM analytics.position_days),
                           (SELECT coalesce(sum(fills), 0)::bigint FROM analytics.daily_pnl)
                    FROM positions.projection_checkpoints AS c
                    """, deadline: ample
                ).onlyRow()
                let numbers = try (0..<5).map { try row[$0].int64() }
                #expect(numbers[1] == numbers[0] && numbers[2] == numbers[0], "\(numbers)")
                #expect(numbers[3] == numbers[0] / 2 && numbers[4] == numbers[0] / 2)
                looks += 1
                await Task.yield()
            }
            return looks
        }
        for _ in 0..<200 {
            let open = try desk.open()
            _ = try await appender.append([
                open, try desk.fill(open.positionID, "t", .buy, 1, 10),
            ])
            try worker.advance()
        }
        watcher.cancel()
        #expect(try await watcher.value > 0)
        await appender.shutdown()
    }
}
