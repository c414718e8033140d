import LedgerCore
import Postgres
import Testing

@testable import ProjectionEngine

/// One owner of a generation at a time.
@Suite struct FencingTests {
    let sandbox: Sandbox
    let appender: Appender

    init() async throws {
        sandbox = try await Sandbox()
        appender = sandbox.appender()
    }

    @Test func `an owner that was replaced writes nothing`() async throws {
        var desk = Desk()
        let old = try Worker(sandbox, name: "old")
        _ = try await appender.append([try desk.open()])
        try old.advance()
        let new = try Worker(sandbox, name: "new")
        #expect(new.projector.lease.epoch == old.projector.lease.epoch + 1)
        #expect(new.projector.checkpoint == LogPosition(rawValue: 1))
        _ = try await appender.append([try desk.open()])
        let head = LogPosition(rawValue: 2)
        let went = try old.projector.advance(to: head, in: old.session)
        #expect(!went)
        #expect(try !old.session.heartbeat(old.projector.lease))
        #expect(old.connection.transactionStatus == .idle)
        #expect(try new.standing().accounts["positions.active"]?.count == 1)
        try new.advance()
        #expect(try new.standing().accounts["positions.active"]?.count == 2)
        try new.expectFolded()
    }

    @Test func `an owner that was replaced takes its successor's rows for no fault of the log`()
        async throws
    {
        var desk = Desk()
        let old = try Worker(sandbox, name: "old")
        let open = try desk.open()
        _ = try await appender.append([open])
        try old.advance()
        try old.restart()
        let new = try Worker(sandbox, name: "new")
        try new.connection.execute(
            "ALTER TABLE positions.legs_rows ADD CONSTRAINT never_seven CHECK (qty <> 7)",
            deadline: ample)
        for (trade, qty) in [("a", 3), ("b", 4)] as [(String, Fixed)] {
            _ = try await appender.append(
                [try desk.fill(open.positionID, trade, .buy, qty, 10)])
            try new.advance()
        }
        #expect(try new.standing().quarantine.count == 1)
        #expect(try !old.projector.advance(to: LogPosition(rawValue: 3), in: old.session))
    }

    @Test func `two owners that advance in turn never write an event twice`() async throws {
        let seed = seed()
        var book = RandomBook(seed: seed)
        let workers = [try Worker(sandbox, name: "a"), try Worker(sandbox, name: "b")]
        for step in 0..<200 {
            _ = try await appender.outcome(of: book.next().events)
            guard book.random.chance(30) else { continue }
            let worker = workers[book.random.chance(50) ? 0 : 1]
            do { try worker.advance() } catch is Surprise {
                try worker.restart()
                try worker.advance()
            }
            try worker.expectFolded("seed \(seed), step \(step)")
        }
    }

    @Test func `the release of a former owner does not free its successor's generation`()
        async throws
    {
        let old = try Worker(sandbox, name: "old")
        let new = try Worker(sandbox, name: "new")
        try old.session.release(old.projector.lease)
        let owner = "SELECT count(*) FROM positions.projection_checkpoints WHERE owner <> ''"
        #expect(try new.connection.number(owner) == 1)
        try new.session.release(new.projector.lease)
        #expect(try new.connection.number(owner) == 0)
    }

    @Test func `the owner of another host is replaced only after its lease`() async throws {
        let worker = try Worker(sandbox, name: "a")
        let owner = """
            UPDATE positions.projection_checkpoints
            SET owner = 'elsewhere/1/x',
                updated_at = clock_timestamp() - $1 * interval '1 millisecond'
            """
        let lease = PostgresProjectionSession.leaseMilliseconds
        try worker.connection.query(owner, [.int4(0)], deadline: ample)
        #expect(throws: Surprise.self) { try worker.restart() }
        try worker.connection.query(owner, [.int4(lease + 1)], deadline: ample)
        try worker.restart()
    }

    @Test func `a generation of another logic is left alone`() async throws {
        let worker = try Worker(sandbox, name: "a")
        try worker.connection.execute(
            "UPDATE positions.live_slot SET logic_version = logic_version + 1", deadline: ample)
        #expect(throws: Surprise.self) { try worker.restart() }
    }
}
