import LedgerCore
import Postgres
import Synchronization
import Testing

@testable import EventStore
@testable import ProjectionEngine

/// Rebuilding a generation beside the live one.
@Suite struct RebuildTests {
    let sandbox: Sandbox

    init() async throws {
        sandbox = try await Sandbox()
    }

    private struct Stopped: Error {}

    private func desk(rangeEventsMax: Int = 40) -> GenerationDesk {
        GenerationDesk(
            sandbox.info, identity: ProcessIdentity(start: "rebuild"),
            rangeEventsMax: rangeEventsMax)
    }

    private let options = RebuildOptions(actor: "test")

    /// Rows of all tables of a slot, as text.
    private func rows(_ slot: Int16, _ connection: Connection) throws -> [String: Set<String>] {
        var rows: [String: Set<String>] = [:]
        for table in ProjectedTable.all {
            let result = try connection.query(
                """
                SELECT (to_jsonb(r) - 'slot' - 'since')::text
                FROM \(table.relation) AS r
                WHERE slot = $1
                """, [.int2(slot)], deadline: ample)
            rows[table.name] = Set(try result.rows.map { try $0[0].string() })
        }
        return rows
    }

    private func expectEqual(
        _ one: Int16, _ other: Int16, _ connection: Connection, _ comment: String
    ) throws {
        let (first, second) = (try rows(one, connection), try rows(other, connection))
        for table in ProjectedTable.all {
            let (mine, theirs) = (first[table.name] ?? [], second[table.name] ?? [])
            #expect(mine.subtracting(theirs) == [], "\(table.name), slot \(one), \(comment)")
            #expect(theirs.subtracting(mine) == [], "\(table.name), slot \(other), \(comment)")
        }
    }

    @Test(arguments: [7, 100_000])
    func `what is rebuilt is what the log's worker has written`(range: Int) async throws {
        let seed = seed()
        var book = RandomBook(seed: seed)
        let appender = sandbox.appender()
        let live = try Worker(sandbox)
        for _ in 0..<300 { _ = try await appender.outcome(of: book.next().events) }
        try live.advance()
        let desk = desk(rangeEventsMax: range)
        let state = try await desk.rebuild(live.projector.lease.book, options) { _ in }
        #expect(state.phase == .ready)
        #expect(state.slot == 2)
        #expect(state.events == live.projector.checkpoint.rawValue)
        #expect(state.logPosition == live.projector.checkpoint)
        try expectEqual(1, 2, live.connection, "seed \(seed)")
        let list = try await desk.list(live.projector.lease.book)
        #expect(list.generations.map(\.slot) == [1, 2])
        #expect(list.generations.map(\.state) == [.live, .ready])
        #expect(list.steps.map(\.step) == ["rebuilt"])
        await desk.shutdown()
        await appender.shutdown()
    }

    @Test func `a rebuild that was stopped goes on behind its last range`() async throws {
        let seed = seed()
        var book = RandomBook(seed: seed)
        let appender = sandbox.appender()
        let live = try Worker(sandbox)
        for _ in 0..<300 { _ = try await appender.outcome(of: book.next().events) }
        try live.advance()
        let id = live.projector.lease.book
        let first = desk()
        await #expect(throws: Stopped.self) {
            _ = try await first.rebuild(id, options) { state in
                if state.events > 0 { throw Stopped() }
            }
        }
        let left = try await first.list(id).generations[1]
        #expect(left.state == .building)
        #expect(left.rebuiltEvents > 0)
        await first.shutdown()
        // Another process, which sees that the first is gone.
        let second = GenerationDesk(
            sandbox.info, identity: ProcessIdentity(start: "another"), rangeEventsMax: 40)
        let state = try await second.rebuild(id, options) { _ in }
        #expect(state.resumed)
        #expect(state.events == live.projector.checkpoint.rawValue)
        try expectEqual(1, 2, live.connection, "seed \(seed)")
        await second.shutdown()
        await appender.shutdown()
    }

    @Test func `what is appended meanwhile is caught up with`() async throws {
        let seed = seed()
        let book = Mutex(RandomBook(seed: seed))
        let appender = sandbox.appender()
        let live = try Worker(sandbox)
        for _ in 0..<200 {
            _ = try await appender.outcome(of: book.withLock { $0.next().events })
        }
        try live.advance()
        let id = live.projector.lease.book
        let desk = desk()
        let state = try await desk.rebuild(id, options) { [sandbox] state in
            guard state.phase == .building else { return }
            for _ in 0..<5 {
                _ = try await appender.outcome(of: book.withLock { $0.next().events })
            }
            try Worker(sandbox).advance()
        }
        let checkpoint = try live.connection.number(
            "SELECT log_position FROM positions.projection_checkpoints WHERE slot = 1")
        #expect(state.logPosition.rawValue == checkpoint)
        #expect(state.logPosition > live.projector.checkpoint)
        try expectEqual(1, 2, live.connection, "seed \(seed)")
        await desk.shutdown()
        await appender.shutdown()
    }

    @Test func `an emptied slot is free again, and the live one cannot be emptied`() async throws {
        let seed = seed()
        var book = RandomBook(seed: seed)
        let appender = sandbox.appender()
        let live = try Worker(sandbox)
        for _ in 0..<50 { _ = try await appender.outcome(of: book.next().events) }
        try live.advance()
        let id = live.projector.lease.book
        let desk = desk()
        for slot: Int16 in [2, 3] {
            #expect(try await desk.rebuild(id, options) { _ in }.slot == slot)
        }
        await #expect(throws: GenerationError.self) {
            _ = try await desk.rebuild(id, options) { _ in }
        }
        await #expect(throws: GenerationError.self) {
            _ = try await desk.retire(id, slot: 1, actor: "test")
        }
        await #expect(throws: GenerationError.self) {
            _ = try await desk.retire(id, slot: nil, actor: "test")
        }
        let retired = try await desk.retire(id, slot: 2, actor: "test")
        #expect(retired.slot == 2)
        #expect(retired.rows > 0)
        #expect(try rows(2, live.connection).values.allSatisfy(\.isEmpty))
        #expect(try await desk.list(id).generations.map(\.slot) == [1, 3])
        #expect(try await desk.rebuild(id, options) { _ in }.slot == 2)
        try expectEqual(2, 3, live.connection, "seed \(seed)")
        await desk.shutdown()
        await appender.shutdown()
    }

    @Test func `a generation of another logic is not written`() async throws {
        var book = RandomBook(seed: seed())
        let appender = sandbox.appender()
        let live = try Worker(sandbox)
        for _ in 0..<20 { _ = try await appender.outcome(of: book.next().events) }
        try live.advance()
        let id = live.projector.lease.book
        try live.connection.execute(
            "UPDATE positions.projection_checkpoints SET logic_fingerprint = 'another'",
            deadline: ample)
        let claim = try live.session.claim(
            id, slot: nil, owner: ProcessIdentity(start: "b"), isForced: true)
        guard case .otherLogic(version: 1) = claim else {
            Issue.record("\(claim)")
            return
        }
        await appender.shutdown()
    }
}
