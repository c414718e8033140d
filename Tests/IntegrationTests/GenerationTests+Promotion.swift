import LedgerCore
import Postgres
import Testing

@testable import EventStore
@testable import ProjectionEngine

/// Promoting, beside those who write and read.
extension GenerationTests {
    @Test func `who wrote the live generation does not write it after a promotion`() async throws {
        let seed = seed()
        try await filled(seed)
        _ = try await promote(try await compare().digest)
        var source = RandomBook(seed: seed &+ 3)
        let appender = sandbox.appender()
        for _ in 0..<20 { _ = try await appender.outcome(of: source.next().events) }
        let head = try LogReader(live.connection, deadline: ample).head(book).position
        #expect(head > live.projector.checkpoint)
        #expect(try !live.projector.advance(to: head, in: live.session))
        await appender.shutdown()
        await desk.shutdown()
    }

    @Test(arguments: [
        "retired_at = clock_timestamp()", "rebuilding_to = log_position",
        "log_position = log_position - 1",
    ])
    func `what was emptied or moved since it was looked at is not promoted`(
        change: String
    ) async throws {
        try await filled(seed())
        let generations = try await desk.list(book).generations
        try live.connection.execute(
            "UPDATE positions.projection_checkpoints SET \(change) WHERE slot = 2",
            deadline: ample)
        #expect(throws: GenerationError.self) {
            try live.connection.transaction(deadline: ample) { connection in
                try GenerationDesk.makeLive(
                    generations[1], insteadOf: generations[0], book, step: "promoted",
                    canGoBack: true, actor: "test", at: generations[1].logPosition, digest: nil,
                    totals: nil, connection, ample)
            }
        }
        let row = try live.connection.number("SELECT slot::bigint FROM positions.live_slot")
        #expect(row == 1)
        #expect(try await desk.list(book).steps.map(\.step) == ["rebuilt"])
        await desk.shutdown()
    }

    @Test func `a ledger of the same logic keeps a rebuilt generation up`() async throws {
        let seed = seed()
        try await filled(seed)
        try live.session.release(live.projector.lease)
        let (log, projected) = (LogSignal(), LogSignal())
        let service = ProjectionService(
            sandbox.info, identity: ProcessIdentity(start: "service"), log: log,
            projected: projected)
        let running = Task { await service.run() }
        let appender = sandbox.appender(signal: log)
        var source = RandomBook(seed: seed &+ 4)
        for _ in 0..<20 { _ = try await appender.outcome(of: source.next().events) }
        let head = try LogReader(live.connection, deadline: ample).head(book).position
        while projected.head(of: .main) < head {
            await projected.wait(.main, beyond: projected.head(of: .main))
        }
        // Looked at with each tick of the service, which has polled then.
        var other = LogPosition.origin
        while other < head {
            await projected.wait(.main, beyond: head)
            other = try await desk.list(book).generations[1].logPosition
        }
        #expect(other == head)
        running.cancel()
        await running.value
        #expect(try await compare().isEqual)
        await appender.shutdown()
        await desk.shutdown()
    }

    @Test func `a promotion wants the comparison that was looked at`() async throws {
        try await filled(seed())
        await #expect(throws: GenerationError.self) {
            _ = try await promote(String(repeating: "0", count: 64))
        }
        let result = try await compare()
        try live.connection.execute(
            "UPDATE positions.legs_rows SET peak_qty = peak_qty + 1 WHERE slot = 1", deadline: ample
        )
        do {
            _ = try await promote(result.digest)
            Issue.record("another comparison was promoted")
        } catch GenerationError.changedSince(let what) {
            #expect(what.contains("peak_qty"))
        }
        #expect(try await desk.list(book).generations[0].slot == 1)
        // In one table nothing differs, but a promotion changes them all.
        let others = try await compare(["positions.history"])
        #expect(others.digest == Self.nothing)
        do {
            _ = try await promote(others.digest)
            Issue.record("differences were promoted that nobody has looked at")
        } catch GenerationError.changedSince(let what) {
            #expect(what.contains("peak_qty"))
        }
        let all = try await compare()
        // The same differences, looked at in their table alone, are known by the same digest.
        #expect(try await compare(["positions.legs"]).digest == all.digest)
        #expect(try await promote(all.digest).live.slot == 2)
        let totals = try await desk.list(book).steps[0].totals
        #expect(totals == all.totalsJSON)
        await desk.shutdown()
    }

    @Test func `a slot that is emptied while it is compared is told, not compared as empty`()
        async throws
    {
        try await filled(seed())
        for change in ["retired_at = now()", "built_at = now()", "rebuilding_to = 1"] {
            let comparison = GenerationComparison(
                book: book, live: 1, other: 2, tables: ProjectedTable.all)
            do {
                _ = try comparison.run(
                    on: live.connection, catchUp: { _, _ in },
                    progress: { _ in
                        let other = try Connection.open(sandbox.info, deadline: ample)
                        try other.execute(
                            "UPDATE positions.projection_checkpoints SET \(change) WHERE slot = 2",
                            deadline: ample)
                        other.close()
                    }, finish: { _, result in result })
                Issue.record("compared, though \(change)")
            } catch GenerationError.changedSince(let why) {
                #expect(why.contains("slot 2 was emptied"))
            }
            try live.connection.execute(
                """
                UPDATE positions.projection_checkpoints
                SET retired_at = NULL, rebuilding_to = NULL
                WHERE slot = 2
                """, deadline: ample)
        }
        await desk.shutdown()
    }

    @Test func `a slot that a living process rebuilds is not emptied`() async throws {
        try await filled(seed())
        let owner = ProcessIdentity(start: "desk")
        try live.connection.execute(
            """
            UPDATE positions.projection_checkpoints
            SET rebuilding_to = 1, owner = '\(owner)'
            WHERE slot = 2
            """, deadline: ample)
        do {
            _ = try await desk.retire(book, slot: 2, actor: "ada")
            Issue.record("emptied under a rebuild")
        } catch GenerationError.precondition(let why) {
            #expect(why.contains("is being rebuilt by \(owner)"))
        }
        try live.connection.execute(
            "UPDATE positions.projection_checkpoints SET owner = '' WHERE slot = 2",
            deadline: ample)
        #expect(try await desk.retire(book, slot: 2, actor: "ada").slot == 2)
        await desk.shutdown()
    }

    @Test func `differences that newer events bring can be allowed`() async throws {
        let seed = seed()
        try await filled(seed)
        let result = try await compare()
        // A position that comes now differs, as if by a fold: its rows are changed.
        var desk = Desk()
        let appender = sandbox.appender()
        let open = try desk.open()
        _ = try await appender.append([
            open, try desk.fill(open.positionID, "t", .buy, 1, 10),
        ])
        try live.advance()
        try live.connection.query(
            "UPDATE positions.legs_rows SET peak_qty = 9 WHERE slot = 1 AND position_id = $1",
            [.uuid(open.positionID)], deadline: ample)
        await #expect(throws: GenerationError.self) { _ = try await promote(result.digest) }
        #expect(try await promote(result.digest, allowsNewer: true).live.slot == 2)
        await appender.shutdown()
        await self.desk.shutdown()
    }

    @Test(arguments: [false, true])
    func `a sum that no newer event explains is not allowed with them`(
        isNewer: Bool
    ) async throws {
        try await filled(seed())
        let result = try await compare()
        let appender = sandbox.appender()
        if isNewer {
            // Of another strategy than any sum that is there.
            var desk = Desk()
            _ = try await appender.append([try desk.open(strategy: "another")])
            try live.advance()
        }
        let changed = try live.connection.query(
            """
            UPDATE analytics.daily_pnl_rows
            SET fills = fills + 1000
            WHERE slot = 2
              AND ctid = (SELECT ctid FROM analytics.daily_pnl_rows WHERE slot = 2 LIMIT 1)
            """, deadline: ample
        ).affectedRows
        try #require(changed == 1)
        await #expect(throws: GenerationError.self) {
            _ = try await promote(result.digest, allowsNewer: true)
        }
        #expect(try await desk.list(book).generations[0].slot == 1)
        await appender.shutdown()
        await desk.shutdown()
    }

    @Test func `who follows with a generation lets go of it when it is live`() async throws {
        try await filled(seed())
        let (book, sandbox) = (book, sandbox)
        let other = GenerationDesk(
            sandbox.info, identity: ProcessIdentity(start: "follower"), rangeEventsMax: 200)
        let result = try await compare()
        let following = Task { try await other.follow(book, slot: 2) }
        _ = try await promote(result.digest)
        // Ends by itself.
        try await following.value
        let owner = try live.connection.query(
            "SELECT owner FROM positions.projection_checkpoints WHERE slot = 2", deadline: ample
        ).onlyRow()[0].string()
        #expect(owner == "")
        await other.shutdown()
        await desk.shutdown()
    }

    @Test func `sums over many positions cannot be sampled`() async throws {
        try await filled(seed())
        await #expect(throws: GenerationError.self) {
            _ = try await desk.sample(book, tables: ["analytics.daily_pnl"], count: 5)
        }
        let some = try await desk.sample(book, tables: ["positions.legs"], count: 5)
        #expect(some.rowsCompared > 0)
        await desk.shutdown()
    }

    @Test func `readers see one generation in every isolation level, and no error`() async throws {
        try await filled(seed())
        try live.connection.execute(
            "UPDATE positions.legs_rows SET peak_qty = 1000 WHERE slot = 1", deadline: ample)
        try live.connection.execute(
            "UPDATE analytics.position_days_rows SET fills = fills + 1000 WHERE slot = 1",
            deadline: ample
        )
        let reading = Task { [sandbox] in
            let connection = try sandbox.open()
            var seen: Set<Bool> = []
            while !Task.isCancelled {
                for level in ["REPEATABLE READ", "SERIALIZABLE"] {
                    let isOld = try connection.transaction(
                        "ISOLATION LEVEL \(level) READ ONLY", deadline: ample
                    ) { connection -> Bool in
                        let legs = try connection.number(
                            "SELECT count(*) FROM positions.legs WHERE peak_qty = 1000")
                        let days = try connection.number(
                            "SELECT count(*) FROM analytics.position_days WHERE fills >= 1000")
                        #expect((legs > 0) == (days > 0))
                        return legs > 0
                    }
                    seen.insert(isOld)
                }
                await Task.yield()
            }
            return seen
        }
        let result = try await compare()
        for _ in 0..<5 {
            _ = try await promote(result.digest)
            _ = try await desk.revert(book, actor: "test", allowsStale: false)
        }
        reading.cancel()
        #expect(try await reading.value.contains(true))
        await desk.shutdown()
    }

    @Test func `the former generation follows, and is told to be behind where it does not`()
        async throws
    {
        let seed = seed()
        try await filled(seed)
        let result = try await compare()
        _ = try await promote(result.digest)
        // As if another logic had folded it.
        try live.connection.execute(
            "UPDATE positions.projection_checkpoints SET logic_version = 7 WHERE slot = 1",
            deadline: ample)
        var source = RandomBook(seed: seed &+ 2)
        let appender = sandbox.appender()
        for _ in 0..<20 { _ = try await appender.outcome(of: source.next().events) }
        try Worker(sandbox).advance()
        do {
            _ = try await desk.revert(book, actor: "test", allowsStale: false)
            Issue.record("it went back to what is behind")
        } catch GenerationError.precondition(let why) {
            #expect(why.contains("events behind"))
        }
        let reversion = try await desk.revert(book, actor: "test", allowsStale: true)
        #expect(reversion.live.slot == 1)
        #expect(reversion.lagEvents > 0)
        await appender.shutdown()
        await desk.shutdown()
    }
}
