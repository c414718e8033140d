import LedgerCore
import Postgres
import Testing

@testable import EventStore
@testable import ProjectionEngine

/// Sums over many positions, added up afresh.
@Suite struct SumsAuditTests {
    let sandbox: Sandbox
    let worker: Worker
    let seed: UInt64

    init() async throws {
        sandbox = try await Sandbox()
        worker = try Worker(sandbox)
        seed = IntegrationTests.seed("sums")
        var random = RandomBook(seed: seed)
        let appender = sandbox.appender()
        for _ in 0..<300 { _ = try await appender.outcome(of: random.next().events) }
        // Closed for certain, with a day of its own.
        var trades = Desk(seed: 99)
        let open = try trades.open()
        let id = open.positionID
        _ = try await appender.append([
            open, try trades.fill(id, "g1", .buy, 1, 10), try trades.fill(id, "g2", .sell, 1, 12),
            try trades.event(id, .closed(.takeProfit)),
        ])
        await appender.shutdown()
        try worker.advance()
    }

    private var audit: SumsAudit {
        SumsAudit(book: worker.projector.lease.book, slot: worker.projector.lease.slot)
    }

    private func days() throws -> [Day] {
        try worker.connection.query(
            """
            SELECT DISTINCT day FROM analytics.daily_pnl_rows_1
            UNION
            SELECT DISTINCT day FROM analytics.position_days_rows_1
            """, deadline: ample
        ).rows.map { Day(number: try $0[0].date()) }
    }

    private func differences() throws -> [String] {
        try days().flatMap {
            try audit.checkDay($0, on: worker.connection, deadline: ample).differences
        }
    }

    @Test func `after a random book every day and every key is the sum of its positions`() throws {
        #expect(try days().count > 1, "seed \(seed)")
        #expect(try differences() == [], "seed \(seed)")
        for _ in 0..<50 {
            let found = try audit.checkStatistics(on: worker.connection, deadline: ample)
            #expect(found.place?.hasPrefix("analytics.trade_stats ") == true)
            #expect(found.differences == [], "seed \(seed)")
        }
    }

    @Test(arguments: [
        "price_pnl", "adjustments", "volume", "fills", "leg_days", "log_position",
    ])
    func `a column of a day that is changed by hand is named`(column: String) throws {
        try worker.connection.execute(
            """
            UPDATE analytics.daily_pnl_rows_1
            SET \(column) = \(column) + 1
            WHERE ctid = (SELECT ctid FROM analytics.daily_pnl_rows_1 ORDER BY day LIMIT 1)
            """, deadline: ample)
        let found = try differences()
        try #require(found.count == 1, "seed \(seed): \(found)")
        #expect(found[0].hasPrefix("analytics.daily_pnl 20"))
        #expect(found[0].contains(": \(column) is "))
    }

    @Test func `a row of a day that is missing, and one too many, are named`() throws {
        try worker.connection.execute(
            """
            UPDATE analytics.daily_pnl_rows_1
            SET strategy = 'ghost'
            WHERE ctid = (SELECT ctid FROM analytics.daily_pnl_rows_1 ORDER BY day LIMIT 1)
            """, deadline: ample)
        let found = try differences()
        #expect(found.count == 2, "seed \(seed): \(found)")
        #expect(found.contains { $0.hasSuffix("the row is missing") })
        let extra = try #require(found.first { $0.contains("ghost") })
        #expect(extra.hasSuffix("the row should not be there"))
    }

    @Test(arguments: ["mean_net", "mean_hold_seconds", "log_position"])
    func `a column of the statistics that is changed by hand is named`(column: String) throws {
        try worker.connection.execute(
            """
            UPDATE analytics.trade_stats_rows_1
            SET \(column) = coalesce(\(column), 0) + 1
            """, deadline: ample)
        let found = try audit.checkStatistics(on: worker.connection, deadline: ample)
        try #require(found.differences.count == 1, "seed \(seed): \(found)")
        #expect(found.differences[0].contains(": \(column) is "))
    }

    @Test func `an empty book has nothing to add up`() throws {
        let empty = SumsAudit(book: worker.projector.lease.book, slot: 2)
        #expect(try empty.checkDay(on: worker.connection, deadline: ample).place == nil)
        #expect(try empty.checkStatistics(on: worker.connection, deadline: ample).place == nil)
    }

    @Test func `the audit keeps what differs until it is mended`() async throws {
        let audit = DriftAudit(sandbox.info, positionsPerMinute: 60) { _ in }
        func until(_ isDone: (DriftState) -> Bool) async -> Bool {
            for _ in 0..<5_000 {
                _ = await audit.step(1)
                if isDone(audit.state(of: .main)) { return true }
            }
            return false
        }
        #expect(await until { $0.sumsChecked >= 3 })
        #expect(audit.state(of: .main).driftedSums.isEmpty)
        try worker.connection.execute(
            "UPDATE analytics.daily_pnl_rows_1 SET volume = volume + 1", deadline: ample)
        #expect(await until { !$0.driftedSums.isEmpty }, "seed \(seed)")
        try worker.connection.execute(
            "UPDATE analytics.daily_pnl_rows_1 SET volume = volume - 1", deadline: ample)
        #expect(await until(\.driftedSums.isEmpty), "seed \(seed)")
        #expect(audit.state(of: .main).error == nil)
    }
}
