import LedgerCore
import Postgres
import Synchronization
import Testing

@testable import EventStore
@testable import ProjectionEngine

/// Positions folded afresh against the rows that stand, one after the other.
@Suite struct DriftAuditTests {
    let sandbox: Sandbox

    init() async throws {
        sandbox = try await Sandbox()
    }

    /// A random book whose log is in the tables, which all have a row.
    private func project(_ random: inout RandomBook) async throws -> Worker {
        let appender = sandbox.appender()
        let worker = try Worker(sandbox)
        for step in 1...2_000 {
            _ = try await appender.outcome(of: random.next().events)
            guard step >= 200, step.isMultiple(of: 50) else { continue }
            try worker.advance()
            let empty = try Self.changes.filter { change in
                try worker.connection.number("SELECT count(*) FROM \(change.table)_rows_1") == 0
            }
            if empty.isEmpty { break }
        }
        await appender.shutdown()
        return worker
    }

    private func positions(_ worker: Worker) throws -> Set<UUID> {
        let result = try worker.connection.query(
            "SELECT position_id FROM positions.streams WHERE book_id = $1",
            [.int4(worker.projector.lease.book.rawValue)], deadline: ample)
        return try Set(result.rows.map { try $0[0].id() })
    }

    private func audit(_ worker: Worker) -> PositionAudit {
        PositionAudit(
            book: worker.projector.lease.book, slot: worker.projector.lease.slot,
            tables: ProjectedTable.all)
    }

    private func differences(_ worker: Worker) throws -> [RowDifference] {
        let checked = try audit(worker).check(
            Array(try positions(worker)), on: worker.connection, deadline: ample)
        #expect(checked.logPosition == worker.projector.checkpoint)
        return checked.differences
    }

    @Test func `every statement of the audit prepares`() throws {
        let connection = try sandbox.open()
        for sql in AuditSQL.all {
            try connection.execute("PREPARE tried AS \(sql)", deadline: ample)
            try connection.execute("DEALLOCATE tried", deadline: ample)
        }
    }

    // MARK: The check

    @Test(arguments: 0..<4)
    func `after a random book no row differs, and every row was compared`(
        round: Int
    ) async throws {
        let seed = seed() &+ UInt64(round)
        var random = RandomBook(seed: seed)
        let worker = try await project(&random)
        let checked = try audit(worker).check(
            Array(try positions(worker)), on: worker.connection, deadline: ample)
        #expect(checked.differences == [], "seed \(seed)")
        var rows = try worker.connection.number(
            "SELECT count(*) FROM positions.quarantine WHERE slot = 1")
        for change in Self.changes {
            rows += try worker.connection.number("SELECT count(*) FROM \(change.table)_rows_1")
        }
        #expect(checked.rows == rows, "seed \(seed)")
    }

    @Test func `events that the tables have not come to do not count`() async throws {
        let seed = seed()
        var random = RandomBook(seed: seed)
        let worker = try await project(&random)
        let appender = sandbox.appender()
        for _ in 0..<60 { _ = try await appender.outcome(of: random.next().events) }
        #expect(try differences(worker) == [], "seed \(seed)")
        await appender.shutdown()
    }

    /// A column of each account table to which 1 can be added without breaking a constraint.
    struct Change: Sendable, CustomTestStringConvertible {
        var table: String
        var column: String
        var testDescription: String { "\(table).\(column)" }

        /// Adds to the column in one row of the slot; says whose row it was.
        func make(_ connection: Connection, adding step: Int = 1) throws -> UUID {
            try connection.query(
                """
                UPDATE \(table)_rows_1
                SET \(column) = \(column) + \(step)
                WHERE ctid = (
                    SELECT ctid
                    FROM \(table)_rows_1
                    ORDER BY position_id, log_position, ctid
                    LIMIT 1)
                RETURNING position_id
                """, deadline: ample
            ).onlyRow()[0].id()
        }
    }

    static let changes = [
        Change(table: "positions.active", column: "version"),
        Change(table: "positions.legs", column: "peak_qty"),
        Change(table: "positions.history", column: "fills"),
        Change(table: "analytics.position_days", column: "volume"),
        Change(table: "analytics.funding_collected", column: "payments"),
    ]

    @Test func `every account table is changed by hand here`() {
        let tables = ProjectedTable.all.filter(\.isByPosition).map(\.name)
        #expect(Set(Self.changes.map(\.table)).union(["positions.quarantine"]) == Set(tables))
    }

    @Test(arguments: changes)
    func `a row that is changed by hand is named, by key and column`(
        change: Change
    ) async throws {
        let seed = seed()
        var random = RandomBook(seed: seed)
        let worker = try await project(&random)
        let position = try change.make(worker.connection)
        let found = try differences(worker)
        try #require(found.count == 1, "seed \(seed): \(found)")
        let difference = found[0]
        #expect(difference.table == change.table)
        #expect(difference.kind == .changed)
        #expect(difference.position == position)
        let table = try #require(ProjectedTable.all.first { $0.name == change.table })
        #expect(difference.key.map(\.column) == table.keyColumns)
        #expect(difference.key.first?.value == position.description)
        #expect(difference.columns.map(\.name) == [change.column])
        let before = try #require(difference.columns[0].before.flatMap { Fixed($0) })
        let after = try #require(difference.columns[0].after.flatMap { Fixed($0) })
        #expect(try before.subtracting(after) == 1)
    }

    @Test func `a row that is missing, and one that should not be there, are named`() async throws {
        let seed = seed()
        var random = RandomBook(seed: seed)
        let worker = try await project(&random)
        let moved = try worker.connection.query(
            """
            UPDATE positions.legs_rows_1
            SET leg = 'ghost'
            WHERE ctid = (
                SELECT ctid
                FROM positions.legs_rows_1
                ORDER BY position_id
                LIMIT 1)
            RETURNING position_id
            """, deadline: ample
        ).onlyRow()[0].id()
        let found = try differences(worker)
        try #require(found.count == 2, "seed \(seed): \(found)")
        #expect(found.allSatisfy { $0.table == "positions.legs" && $0.position == moved })
        let extra = try #require(found.first { $0.kind == .onlyBefore })
        let missing = try #require(found.first { $0.kind == .onlyAfter })
        #expect(extra.key.last?.value == "ghost")
        #expect(extra.columns.allSatisfy { $0.before != nil && $0.after == nil })
        #expect(missing.columns.allSatisfy { $0.before == nil && $0.after != nil })
        #expect(extra.columns.count == missing.columns.count)
        #expect(missing.settle == missing.columns.first { $0.name == "settle" }?.after)
    }

    @Test func `a position that lost all its rows is found`() async throws {
        let seed = seed()
        var random = RandomBook(seed: seed)
        let worker = try await project(&random)
        let lost = try #require(try positions(worker).min())
        for change in Self.changes {
            try worker.connection.execute(
                "DELETE FROM \(change.table)_rows_1 WHERE position_id = '\(lost)'",
                deadline: ample)
        }
        let found = try differences(worker)
        #expect(!found.isEmpty, "seed \(seed)")
        #expect(found.allSatisfy { $0.position == lost && $0.kind == .onlyAfter })
    }

    @Test func `a generation that nobody has begun has nothing to compare`() throws {
        let worker = try Worker(sandbox)
        let empty = PositionAudit(
            book: worker.projector.lease.book, slot: 2, tables: ProjectedTable.all)
        let checked = try empty.check(
            [UUID(high: 1, low: 1)], on: worker.connection, deadline: ample)
        #expect(checked.logPosition == .origin)
        #expect(checked.differences == [])
    }

    // MARK: Quarantine

    private let huge = Fixed.of("60000000000000000000")

    @Test func `a position in quarantine differs only where its rows or its reason do`()
        async throws
    {
        var desk = Desk()
        let appender = sandbox.appender()
        let worker = try Worker(sandbox)
        let open = try desk.open()
        let id = open.positionID
        _ = try await appender.append([
            open, try desk.fill(id, "a", .buy, 1, huge),
            try desk.fill(id, "b", .buy, 1, huge, at: 1), try desk.fill(id, "c", .buy, 1, 7, at: 2),
        ])
        try worker.advance()
        #expect(try worker.standing().quarantine.count == 1)
        #expect(try differences(worker) == [])
        try worker.connection.execute(
            "UPDATE positions.quarantine SET reason = 'another'", deadline: ample)
        let found = try differences(worker)
        #expect(found.map(\.table) == ["positions.quarantine"])
        #expect(found.first?.columns.map(\.name) == ["reason"])
        #expect(found.first?.columns.first?.before == "another")
        await appender.shutdown()
    }

    @Test func `a position whose rows the tables refuse differs in nothing`() async throws {
        var desk = Desk()
        let appender = sandbox.appender()
        let worker = try Worker(sandbox)
        let open = try desk.open()
        _ = try await appender.append([open, try desk.fill(open.positionID, "a", .buy, 3, 10)])
        try worker.advance()
        try worker.connection.execute(
            "ALTER TABLE positions.legs_rows ADD CONSTRAINT never_seven CHECK (qty <> 7)",
            deadline: ample)
        _ = try await appender.append([try desk.fill(open.positionID, "b", .buy, 4, 10)])
        try worker.advance()
        #expect(try worker.standing().quarantine.count == 1)
        #expect(try differences(worker) == [])
        try worker.connection.execute(
            "UPDATE positions.legs_rows SET peak_qty = 9", deadline: ample)
        #expect(try differences(worker).flatMap(\.columns).map(\.name) == ["peak_qty"])
        await appender.shutdown()
    }

    // MARK: Picking

    @Test func `different positions of the book are picked, all of them if there are few`()
        async throws
    {
        var random = RandomBook(seed: seed())
        let worker = try await project(&random)
        let (audit, all) = (audit(worker), try positions(worker))
        let some = try audit.pick(3, on: worker.connection, deadline: ample)
        #expect(some.count == 3 && Set(some).count == 3 && all.isSuperset(of: some))
        // In many blocks with few rows, too, where the same one is drawn again and again.
        try worker.connection.execute(
            """
            ALTER TABLE positions.streams SET (fillfactor = 10);
            UPDATE positions.streams SET version = version;
            UPDATE positions.streams SET version = version;
            UPDATE positions.streams SET version = version;
            """, deadline: ample)
        for count in [2, 3, all.count - 1] {
            let drawn = try audit.pick(count, on: worker.connection, deadline: ample)
            #expect(Set(drawn).count == count && all.isSuperset(of: drawn))
        }
        let every = try audit.pick(1_000, on: worker.connection, deadline: ample)
        #expect(every.count == all.count && Set(every) == all)
        #expect(try audit.pick(0, on: worker.connection, deadline: ample) == [])
        var seen: Set<UUID> = []
        for _ in 0..<1_000 where seen != all {
            seen.formUnion(try audit.pick(1, on: worker.connection, deadline: ample))
        }
        #expect(seen == all, "each has a chance")
    }

    @Test func `nothing is picked from an empty book`() throws {
        let worker = try Worker(sandbox)
        #expect(try audit(worker).pick(5, on: worker.connection, deadline: ample) == [])
    }

    @Test func `a few positions are found in a table that is full of another book's`() throws {
        let (large, small) = (
            try Worker(sandbox), try Worker(sandbox, book: try #require(BookName("small")))
        )
        func fill(_ worker: Worker, _ count: Int64) throws {
            try worker.connection.query(
                """
                INSERT INTO positions.streams (
                    first_recorded_at, last_recorded_at, version, position_id, book_id, state,
                    progress)
                SELECT now(), now(), 1, gen_random_uuid(), $1, 'PENDING', '{}'
                FROM generate_series(1, $2)
                """, [.int4(worker.projector.lease.book.rawValue), .int8(count)], deadline: ample)
        }
        try fill(large, 3_000)
        try fill(small, 5)
        #expect(try large.connection.number(AuditSQL.blocks) > 8)
        let (many, few) = (try positions(large), try positions(small))
        for count in [1, 4, 20] {
            let picked = try audit(large).pick(count, on: large.connection, deadline: ample)
            #expect(picked.count == count && many.isSuperset(of: picked))
            let found = try audit(small).pick(count, on: small.connection, deadline: ample)
            #expect(!found.isEmpty && found.count <= count && few.isSuperset(of: found))
            #expect(Set(found).count == found.count)
        }
    }
}
