import EventStore
import LedgerCore
import Postgres
import Testing

@testable import ProjectionEngine

/// Exactly once, whatever stops.
@Suite struct RestartTests {
    let sandbox: Sandbox

    init() async throws {
        sandbox = try await Sandbox()
    }

    /// One projecting process.
    private struct Process {
        let service: ProjectionService
        let projected = LogSignal()
        let task: Task<Void, Never>

        init(_ info: ConnectionInfo, log: LogSignal, name: String) {
            let service = ProjectionService(
                info, identity: ProcessIdentity(start: name), log: log, projected: projected)
            self.service = service
            task = Task { await service.run() }
        }

        /// Returns when the tables have reached a position.
        func reaches(_ position: LogPosition) async {
            while projected.head(of: .main) < position {
                await projected.wait(.main, beyond: position.advanced(by: -1))
            }
        }

        func stop() async {
            task.cancel()
            await task.value
        }
    }

    @Test func `a service that is stopped at random points projects each event once`()
        async throws
    {
        let seed = seed()
        var book = RandomBook(seed: seed)
        let log = LogSignal()
        let appender = sandbox.appender(signal: log)
        var process = Process(sandbox.info, log: log, name: "0")
        for step in 0..<300 {
            let (events, decision) = book.next()
            #expect(try await appender.outcome(of: events) == decision, "seed \(seed)")
            guard book.random.chance(4) else { continue }
            if book.random.chance(70) {
                let head = log.head(of: .main).rawValue
                await process.reaches(
                    LogPosition(rawValue: Int64.random(in: 0...head, using: &book.random)))
            }
            await process.stop()
            process = Process(sandbox.info, log: log, name: "\(step + 1)")
        }
        await process.reaches(log.head(of: .main))
        await process.stop()
        let worker = try Worker(sandbox)
        #expect(worker.projector.checkpoint == log.head(of: .main))
        try worker.expectFolded("seed \(seed)")
        await appender.shutdown()
    }

    @Test func `sessions that are killed while projecting lose nothing and double nothing`()
        async throws
    {
        let seed = seed()
        var book = RandomBook(seed: seed)
        let log = LogSignal()
        let appender = sandbox.appender(signal: log)
        let process = Process(sandbox.info, log: log, name: "a")
        let connection = try sandbox.open()
        for _ in 0..<200 {
            _ = try await appender.outcome(of: book.next().events)
            guard book.random.chance(3) else { continue }
            try connection.query(
                """
                SELECT pg_terminate_backend(pid)
                FROM pg_stat_activity
                WHERE datname = current_database()
                  AND pid <> pg_backend_pid()
                """, deadline: ample)
        }
        await process.reaches(log.head(of: .main))
        await process.stop()
        try Worker(sandbox).expectFolded("seed \(seed)")
        await appender.shutdown()
    }

    @Test func `of two services one works, and the other takes over when it stops`()
        async throws
    {
        var desk = Desk()
        let log = LogSignal()
        let appender = sandbox.appender(signal: log)
        let first = Process(sandbox.info, log: log, name: "1")
        _ = try await appender.append([try desk.open()])
        await first.reaches(LogPosition(rawValue: 1))
        let second = Process(sandbox.info, log: LogSignal(), name: "2")
        _ = try await appender.append([try desk.open()])
        await first.reaches(LogPosition(rawValue: 2))
        await second.reaches(LogPosition(rawValue: 2))
        await first.stop()
        _ = try await appender.append([try desk.open()])
        await second.reaches(LogPosition(rawValue: 3))
        await second.stop()
        try Worker(sandbox).expectFolded()
        await appender.shutdown()
    }

    @Test func `a batch over more positions than are remembered counts each of them once`()
        async throws
    {
        var desk = Desk()
        let appender = sandbox.appender()
        let worker = try Worker(sandbox)
        let count = 2 * AccountCache.halfMax + 400
        var opens: [NewEvent] = []
        for _ in 0..<count { opens.append(try desk.open()) }
        for (trade, restarts) in [("", false), ("a", true), ("b", false)] {
            if restarts { try worker.restart() }
            for first in stride(from: 0, to: count, by: 200) {
                let some = opens[first..<min(first + 200, count)]
                _ = try await appender.append(
                    trade.isEmpty
                        ? Array(some)
                        : some.map { try desk.fill($0.positionID, trade, .buy, 1, 10) })
            }
            try worker.advance()
            try worker.expectFolded("after \(trade)")
        }
        await appender.shutdown()
    }
}
