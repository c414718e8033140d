import AppendPipeline
import EventStore
import LedgerCore
import LedgerService
import Outbox
import Postgres

/// The append pipeline and its outbox in this process, while PostgreSQL is away: what buffering
/// costs without the way to the ledger.
final class BenchOutboxPipeline: Sendable {
    private let pipeline: AppendPipeline
    private let pool: Pool
    private let outbox: Outbox
    private let drain: Task<Void, Never>

    /// Opens an outbox and waits until PostgreSQL is known as away: none is at `directory`.
    init(directory: String, outbox path: String, _ load: BenchOutboxLoad) async throws {
        outbox = try Outbox.open(Outbox.Configuration(path: path))
        pool = Pool(
            try ConnectionInfo("host=\(directory)/nothing user=nobody dbname=nothing"),
            limits: .init(connectionsMax: 2), name: "bench")
        let pipeline = AppendPipeline(
            PostgresLog(pool), signal: LogSignal(),
            diversion: Diversion(outbox, host: "bench", clock: { SystemClock.now() }))
        self.pipeline = pipeline
        drain = Task { await pipeline.drain() }
        _ = try await store([load.openingEvents], callers: 1)
    }

    /// Ends what it has begun.
    func close() async throws {
        await pipeline.shutdown()
        drain.cancel()
        await drain.value
        await pool.shutdown()
        try outbox.close()
    }

    /// Appends requests from `callers` at once; each has to be buffered. Returns the duration.
    func store(_ requests: [[NewEvent]], callers: Int) async throws -> Duration {
        let start = ContinuousClock.now
        let pipeline = pipeline
        try await withThrowingTaskGroup(of: Void.self) { group in
            for caller in 0..<callers {
                group.addTask {
                    for index in stride(from: caller, to: requests.count, by: callers) {
                        let answer = try await pipeline.append(
                            Submission(
                                requests[index], origin: Origin(peerUID: nil, host: "bench")),
                            to: .main)
                        guard case .buffered = answer else {
                            throw BenchLoad.unexpected(isBuffered: false)
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        return ContinuousClock.now - start
    }
}
