import LedgerCore
import Postgres
import Synchronization
import Testing

@testable import EventStore
@testable import ProjectionEngine

/// The background task that audits live positions.
@Suite struct DriftTaskTests {
    let sandbox: Sandbox
    let appender: Appender

    init() async throws {
        sandbox = try await Sandbox()
        appender = sandbox.appender()
    }

    /// Lines that were noted.
    private final class Notes: Sendable {
        private let lines = Mutex<[String]>([])
        var all: [String] { lines.withLock { $0 } }

        func add(_ line: String) { lines.withLock { $0.append(line) } }
    }

    private func audit(_ notes: Notes = Notes(), positionsPerMinute: Double = 60) -> DriftAudit {
        DriftAudit(sandbox.info, positionsPerMinute: positionsPerMinute) { notes.add($0) }
    }

    /// A book of positions with a fill each, in the tables.
    private func book(_ name: BookName = .main, positions: Int = 4) async throws -> Worker {
        var desk = Desk(seed: name == .main ? 1 : 2)
        let worker = try Worker(sandbox, book: name)
        for _ in 0..<positions {
            let open = try desk.open()
            _ = try await appender.append(
                [open, try desk.fill(open.positionID, "a", .buy, 1, 10)], to: name)
        }
        try worker.advance()
        return worker
    }

    private func addToPeak(_ step: Int, _ worker: Worker) throws -> UUID {
        try DriftAuditTests.Change(table: "positions.legs", column: "peak_qty")
            .make(worker.connection, adding: step)
    }

    @Test func `what drifts is told once, kept, and taken off when it is mended`() async throws {
        let worker = try await book()
        let notes = Notes()
        let audit = audit(notes)
        #expect(audit.state(of: .main) == DriftState())
        #expect(await audit.step(100))
        #expect(audit.state(of: .main).checked == 4)
        #expect(audit.state(of: .main).drifted == [])
        #expect(audit.state(of: .main).lastCheckedAt != nil)
        #expect(notes.all == [])

        let position = try addToPeak(1, worker)
        for _ in 0..<2 { #expect(await audit.step(100)) }
        #expect(audit.state(of: .main).drifted == [position])
        #expect(
            notes.all == [
                "book main: position \(position) differs from the fold of the log: positions.legs "
                    + "long: peak_qty is 2, not 1"
            ])

        try worker.connection.execute(
            "UPDATE positions.legs_rows SET peak_qty = 1", deadline: ample)
        // One that is known to differ is looked at each time.
        #expect(await audit.step(1))
        #expect(audit.state(of: .main).drifted == [])
        #expect(notes.all.count == 2)
        #expect(notes.all.last?.contains("again") == true)
        await appender.shutdown()
    }

    @Test func `the books take turns`() async throws {
        let other = try #require(BookName("other"))
        let empty = try #require(BookName("without-events"))
        _ = try await book()
        _ = try await book(other, positions: 2)
        _ = try Worker(sandbox, book: empty)
        let audit = audit()
        for _ in 0..<4 { #expect(await audit.step(100)) }
        #expect(audit.state(of: .main).checked == 8)
        #expect(audit.state(of: other).checked == 4)
        #expect(audit.state(of: empty) == DriftState())
        await appender.shutdown()
    }

    @Test(arguments: ["logic_fingerprint = 'another'", "logic_version = 9"])
    func `tables that another logic has folded are not audited, and that is said`(
        change: String
    ) async throws {
        let worker = try await book()
        let audit = audit()
        #expect(await audit.step(100))
        try worker.connection.execute(
            "UPDATE positions.projection_checkpoints SET \(change)", deadline: ample)
        #expect(await audit.step(100) == false)
        #expect(audit.state(of: .main).checked == 4)
        #expect(audit.state(of: .main).error?.contains("another logic") == true)
        await appender.shutdown()
    }

    @Test func `a database that does not answer is kept as the reason, and tried again`()
        async throws
    {
        let worker = try await book()
        let audit = audit()
        #expect(await audit.step(100))
        try worker.connection.execute(
            "ALTER TABLE positions.live_slot RENAME TO away", deadline: ample)
        #expect(await audit.step(100) == false)
        #expect(audit.state(of: .main).error != nil)
        #expect(audit.state(of: .main).checked == 4)
        try worker.connection.execute(
            "ALTER TABLE positions.away RENAME TO live_slot", deadline: ample)
        #expect(await audit.step(100))
        #expect(audit.state(of: .main).error == nil)
        await appender.shutdown()
    }

    @Test func `it runs until it is cancelled, and not at all at rate 0`() async throws {
        let worker = try await book()
        await audit(positionsPerMinute: 0).run()
        let position = try addToPeak(1, worker)
        let (lines, continuation) = AsyncStream.makeStream(of: String.self)
        let running = DriftAudit(sandbox.info, positionsPerMinute: 60_000) {
            continuation.yield($0)
        }
        let work = Task { await running.run() }
        var iterator = lines.makeAsyncIterator()
        let told = await iterator.next()
        let line = try #require(told)
        #expect(line.contains("\(position)"))
        work.cancel()
        await work.value
        #expect(running.state(of: .main).drifted == [position])
        await appender.shutdown()
    }
}
