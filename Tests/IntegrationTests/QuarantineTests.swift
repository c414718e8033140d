import LedgerCore
import Postgres
import Projections
import Testing

@testable import EventStore
@testable import ProjectionEngine

/// A position that cannot be folded stands still; the others go on.
@Suite struct QuarantineTests {
    let sandbox: Sandbox
    let appender: Appender

    init() async throws {
        sandbox = try await Sandbox()
        appender = sandbox.appender()
    }

    /// Two buys of this are beyond the range.
    private let huge = Fixed.of("60000000000000000000")

    private func reasons(_ worker: Worker) throws -> [String] {
        try worker.connection.query(
            "SELECT stale_reason FROM positions.active WHERE stale_reason IS NOT NULL",
            deadline: ample
        ).rows.map { try $0[0].string() }
    }

    @Test(arguments: [false, true])
    func `an overflow stops its position only, until its cause is voided`(restarts: Bool)
        async throws
    {
        var desk = Desk()
        let worker = try Worker(sandbox)
        let (bad, good) = (try desk.open(), try desk.open(strategy: "other"))
        let id = bad.positionID
        let places = try await appender.append([
            bad, good, try desk.fill(id, "a", .buy, 1, huge),
            try desk.fill(good.positionID, "a", .buy, 1, 5),
            try desk.fill(id, "b", .buy, 1, huge, at: 1),
            try desk.fill(id, "c", .buy, 1, 7, at: 2),
            try desk.fill(good.positionID, "b", .buy, 1, 5),
        ])
        try worker.advance()
        #expect(worker.projector.checkpoint == LogPosition(rawValue: 7))
        try worker.expectFolded()
        #expect(try reasons(worker).count == 1)
        let legs = try worker.connection.query(
            "SELECT position_id, qty FROM positions.legs", deadline: ample)
        for row in legs.rows {
            let qty: Fixed = try row[0].id() == id ? 1 : 2
            #expect(try Fixed(scaled: row[1].numeric()) == qty)
        }
        let listed = try BookOverview.quarantine(
            worker.projector.lease.book, limit: 9, worker.connection, deadline: ample)
        #expect(listed.map(\.position) == [id])
        if restarts { try worker.restart() }

        _ = try await appender.append([
            try desk.fill(id, "d", .sell, 1, 8, at: 3),
            try desk.fill(good.positionID, "c", .buy, 1, 5),
        ])
        try worker.advance()
        try worker.expectFolded()
        #expect(try reasons(worker).count == 1)
        if restarts { try worker.restart() }

        _ = try await appender.append([try desk.void(id, places[4].eventID)])
        try worker.advance()
        #expect(try reasons(worker) == [])
        #expect(try worker.standing().quarantine == [:])
        try worker.expectFolded()
    }

    @Test func `a position whose opening days overflow is quarantined by its totals too`()
        async throws
    {
        // Each leg is within the range, their sum is not.
        var desk = Desk()
        let worker = try Worker(sandbox)
        let open = try desk.open(legs: ["long", "second"])
        let id = open.positionID
        _ = try await appender.append([
            open, try desk.fill(id, "a", .buy, 1, 1), try desk.fill(id, "b", .sell, 1, huge),
            try desk.fill(id, "a2", .buy, 1, 1, leg: "second", at: 86_400),
            try desk.fill(id, "b2", .sell, 1, huge, leg: "second", at: 86_400),
        ])
        try worker.advance()
        #expect(try worker.standing().quarantine.count == 1)
        try worker.expectFolded()
    }

    @Test func `a sum of days beyond the range does not stop the book`() async throws {
        var desk = Desk()
        let worker = try Worker(sandbox)
        for _ in 0..<2 {
            let open = try desk.open()
            _ = try await appender.append([
                open, try desk.fill(open.positionID, "a", .buy, 1, huge),
            ])
        }
        try worker.advance()
        #expect(worker.projector.checkpoint == LogPosition(rawValue: 4))
        let shown = try worker.connection.query(
            "SELECT volume FROM analytics.daily_pnl", deadline: ample
        ).onlyRow()[0]
        #expect(shown.isNull, "it is beyond numeric(38,18)")
    }

    @Test func `an event that cannot be read stops its position only`() async throws {
        var desk = Desk()
        let worker = try Worker(sandbox)
        let (bad, good) = (try desk.open(), try desk.open())
        _ = try await appender.append([
            bad, try desk.fill(bad.positionID, "a", .buy, 1, 5), good,
            try desk.fill(good.positionID, "a", .buy, 1, 5),
        ])
        // What no append writes: a fill without a price.
        try worker.connection.execute(
            """
            BEGIN;
            INSERT INTO positions.events (book_id, log_position, position_id, version, event_id,
                event_type, schema_version, effective_at, recorded_at, source, payload, leaf_hash)
            SELECT book_id, 5, position_id, 3, gen_random_uuid(), event_type, schema_version,
                   effective_at, recorded_at, source, '{"leg":"long"}', leaf_hash
            FROM positions.events
            WHERE log_position = 2;
            UPDATE positions.streams SET version = 3 WHERE position_id = '\(bad.positionID)';
            UPDATE positions.log_head SET log_position = 5;
            COMMIT;
            """, deadline: ample)
        try worker.advance()
        #expect(worker.projector.checkpoint == LogPosition(rawValue: 5))
        #expect(try reasons(worker).count == 1)
        let listed = try BookOverview.quarantine(
            worker.projector.lease.book, limit: 9, worker.connection, deadline: ample)
        #expect(listed.map(\.position) == [bad.positionID])
        let held = try worker.connection.query(
            "SELECT log_position FROM positions.quarantine", deadline: ample
        ).onlyRow()[0].int64()
        #expect(held == 5)
        let qty = try worker.connection.query(
            "SELECT qty FROM positions.legs ORDER BY position_id", deadline: ample)
        #expect(try qty.rows.map { try Fixed(scaled: $0[0].numeric()) } == [1, 1])
    }

    @Test func `a day whose net is beyond the range does not stop the readers of the others`()
        async throws
    {
        var desk = Desk()
        let worker = try Worker(sandbox)
        let (gain, rebate) = (try desk.open(), try desk.open())
        _ = try await appender.append([
            gain, try desk.fill(gain.positionID, "a", .buy, 1, 1),
            try desk.fill(gain.positionID, "b", .sell, 1, huge),
            rebate, try desk.fill(rebate.positionID, "a", .buy, 1, 1, fee: huge.negated),
        ])
        try worker.advance()
        for view in ["daily_pnl", "position_days", "trade_stats", "funding_collected"] {
            try worker.connection.execute("SELECT * FROM analytics.\(view)", deadline: ample)
        }
    }

    @Test func `a figure that turns from one end of the range to the other is restated`()
        async throws
    {
        var desk = Desk()
        let worker = try Worker(sandbox)
        let open = try desk.open()
        let id = open.positionID
        let places = try await appender.append([
            open, try desk.fill(id, "a", .sell, 1, huge), try desk.fill(id, "b", .buy, 1, 1),
        ])
        try worker.advance()
        _ = try await appender.append([
            try desk.void(id, places[1].eventID), try desk.void(id, places[2].eventID),
            try desk.fill(id, "c", .buy, 1, huge), try desk.fill(id, "d", .sell, 1, 1),
        ])
        try worker.advance()
        try worker.expectFolded()
    }

    @Test(arguments: [false, true])
    func `rows that the tables refuse quarantine their position, and a void heals it`(
        restarts: Bool
    ) async throws {
        var desk = Desk()
        let worker = try Worker(sandbox)
        var places: [Place] = []
        var bad: UUID?
        for _ in 0..<2 {
            let open = try desk.open()
            bad = open.positionID
            places = try await appender.append([
                open, try desk.fill(open.positionID, "a", .buy, 1, huge),
            ])
            try worker.advance()
        }
        if restarts { try worker.restart() }
        _ = try await appender.append([
            try desk.void(try #require(bad), places[1].eventID)
        ])
        try worker.advance()
        try worker.expectFolded()
    }
}
