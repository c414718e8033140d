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

    /// A book of so many requests, and the worker of its live generation, which has them all.
    private func filled(_ requests: Int, seed: UInt64) async throws -> (Appender, Worker) {
        var book = RandomBook(seed: seed)
        let appender = sandbox.appender()
        let live = try Worker(sandbox)
        for _ in 0..<requests { _ = try await appender.outcome(of: book.next().events) }
        try live.advance()
        return (appender, live)
    }

    @Test(arguments: [7, 100_000])
    func `what is rebuilt is what the log's worker has written`(range: Int) async throws {
        let seed = seed()
        let (appender, live) = try await filled(300, seed: seed)
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
        let (appender, live) = try await filled(300, seed: seed)
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

    @Test func `who emptied a slot before does not touch it when it is used again`() async throws {
        let (appender, live) = try await filled(50, seed: seed())
        let id = live.projector.lease.book
        let desk = desk()
        let slot = try await desk.rebuild(id, options) { _ in }.slot
        // A retire that stands still behind its first step.
        let epoch = try live.connection.query(
            GenerationSQL.retire, [.int4(id.rawValue), .int2(slot)], deadline: ample
        ).onlyRow()[0].int64()
        let former = Lease(book: id, slot: slot, epoch: epoch)
        #expect(try await desk.retire(id, slot: slot, actor: "test").rows > 0)
        let refused = { @Sendable () async -> Bool in
            do {
                _ = try await desk.empty(former)
                return false
            } catch GenerationError.changedSince {
                return true
            } catch {
                return false
            }
        }
        #expect(await refused())
        #expect(try await desk.rebuild(id, options) { _ in }.slot == slot)
        #expect(await refused())
        try expectEqual(1, slot, live.connection, "after a retire that came too late")
        await desk.shutdown()
        await appender.shutdown()
    }

    /// Rebuilds while the live generation goes on, and stops when it is to catch up.
    private func stopCatchingUp(
        _ desk: GenerationDesk, _ live: Worker, _ appender: Appender, seed: UInt64
    ) async throws -> Generation {
        let book = Mutex(RandomBook(seed: seed))
        let append = { @Sendable in
            for _ in 0..<100 {
                _ = try await appender.outcome(of: book.withLock { $0.next().events })
            }
        }
        try await append()
        try live.advance()
        let id = live.projector.lease.book
        let stopping = { @Sendable [sandbox] (state: RebuildState) async throws in
            guard state.phase == .building else { throw Stopped() }
            guard state.events == 0 else { return }
            try await append()
            try Worker(sandbox).advance()
        }
        await #expect(throws: Stopped.self) {
            _ = try await desk.rebuild(id, options, progress: stopping)
        }
        let left = try await desk.list(id).generations[1]
        try #require(left.isBehind && left.rebuiltEvents == left.logPosition.rawValue)
        return left
    }

    @Test func `a rebuild that was stopped while it caught up goes on there`() async throws {
        let seed = seed()
        let appender = sandbox.appender()
        let live = try Worker(sandbox)
        let id = live.projector.lease.book
        let first = desk()
        let left = try await stopCatchingUp(first, live, appender, seed: seed)
        await first.shutdown()
        let second = GenerationDesk(sandbox.info, identity: ProcessIdentity(start: "another"))
        let state = try await second.rebuild(id, options) { state in
            #expect(state.phase != .building && state.resumed)
        }
        #expect(state.slot == left.slot)
        #expect(state.logPosition > left.logPosition)
        #expect(state.positions > 0 && state.events == left.rebuiltEvents)
        try expectEqual(1, left.slot, live.connection, "seed \(seed)")
        #expect(try await !second.list(id).generations[1].isBehind)
        let another = try await second.rebuild(id, options) { _ in }
        #expect(another.slot != left.slot && !another.resumed)
        await second.shutdown()
        await appender.shutdown()
    }

    @Test func `it is taken over from the ledger that follows it, and given back`() async throws {
        let appender = sandbox.appender()
        let live = try Worker(sandbox)
        let id = live.projector.lease.book
        let first = desk()
        let left = try await stopCatchingUp(first, live, appender, seed: seed())
        // This process lives, and follows the generation.
        let follower = ProcessIdentity(start: "ledger").acting(as: "slot-2")
        let claim = try live.session.claim(id, slot: 2, owner: follower, isForced: false)
        guard case .claimed(let lease, _) = claim else { throw Stopped() }
        let second = GenerationDesk(sandbox.info, identity: ProcessIdentity(start: "another"))
        #expect(try await second.rebuild(id, options) { _ in }.slot == left.slot)
        #expect(try !live.session.heartbeat(lease))
        let again = try live.session.claim(id, slot: 2, owner: follower, isForced: false)
        guard case .claimed = again else { throw Stopped() }
        try expectEqual(1, left.slot, live.connection, "taken over")
        await second.shutdown()
        await first.shutdown()
        await appender.shutdown()
    }

    @Test func `who brings it up as its follower ends its rebuild`() async throws {
        let appender = sandbox.appender()
        let live = try Worker(sandbox)
        let id = live.projector.lease.book
        let desk = desk()
        _ = try await stopCatchingUp(desk, live, appender, seed: seed())
        let service = ProjectionService(
            sandbox.info, identity: ProcessIdentity(start: "ledger"), log: LogSignal(),
            projected: LogSignal())
        let work = Task { await service.run() }
        while try await desk.list(id).generations[1].isBehind { await Task.yield() }
        let list = try await desk.list(id)
        #expect(list.generations[1].logPosition == list.generations[0].logPosition)
        work.cancel()
        await work.value
        #expect(try await !desk.rebuild(id, options) { _ in }.resumed)
        await desk.shutdown()
        await appender.shutdown()
    }

    @Test func `one that was compared meanwhile is ready, another rebuild begins anew`()
        async throws
    {
        let appender = sandbox.appender()
        let live = try Worker(sandbox)
        let id = live.projector.lease.book
        let desk = desk()
        let left = try await stopCatchingUp(desk, live, appender, seed: seed())
        _ = try await desk.compare(id, tables: [], slot: nil) { _ in }
        #expect(try await !desk.list(id).generations[1].isBehind)
        #expect(try await desk.rebuild(id, options) { _ in }.slot != left.slot)
        await desk.shutdown()
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
        let (appender, live) = try await filled(50, seed: seed)
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
        let (appender, live) = try await filled(20, seed: seed())
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
