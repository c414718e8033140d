import LedgerCore
import LedgerRPC
import LedgerService
import Outbox

/// How a ledger starts on an outbox that holds very many events, beside one that holds none.
struct BenchOutboxStart {
    let directory: String
    /// That the outbox holds.
    let events: Int

    private static let rounds = 3
    /// Events of a request.
    static let requestEvents = 500
    /// Requests of a commit.
    private static let commitRequests = 8
    /// Nobody listens there, which is known at once: nothing drains.
    private static let nowhere = "host=/nonexistent/nexus-ledger-bench user=nobody dbname=none"
    /// Octets that the full outbox may take more than the empty one.
    private static let memoryMore: Int64 = 64 << 20
    /// Requests of one event each that are buffered after a start.
    private static let appended = 200

    private var empty: String { directory + "/empty.sqlite" }
    private var full: String { directory + "/full.sqlite" }

    /// `source` makes the events.
    func run(_ source: inout BenchEvents, _ report: inout BenchReport) async throws {
        defer { for path in [empty, full] { BenchOutboxPeer.remove(path) } }
        for path in [empty, full] { BenchOutboxPeer.remove(path) }
        let before = try await serve(empty, &source)
        try fill(&source)
        let after = try await serve(full, &source)
        report.add(
            .init(
                name: "serve, start with \(events) events in the outbox",
                ours: "\(BenchReport.number(after.seconds)) s", peer: "3 s",
                peerName: "the bound", ratio: after.seconds / 3, bound: .atMost(1)))
        let memoryMax = before.memory + Self.memoryMore
        report.add(
            .init(
                name: "serve, peak memory with \(events) events in the outbox",
                ours: "\(after.memory >> 20) MB", peer: "\(memoryMax >> 20) MB",
                peerName: "with none, and 64 MB more",
                ratio: Double(after.memory) / Double(memoryMax), bound: .atMost(1)))
    }

    /// Starts a ledger on an outbox some times, and buffers something.
    /// - Returns: the longest start, and the most memory.
    private func serve(
        _ path: String, _ source: inout BenchEvents
    ) async throws -> (seconds: Double, memory: Int64) {
        var seconds = 0.0
        var memory: Int64 = 0
        for _ in 0..<Self.rounds {
            let load = try BenchOutboxLoad(followUps: Self.appended, from: &source)
            let process = try BenchProcess(
                directory: directory, pausesProjections: true, outbox: path,
                database: Self.nowhere)
            defer { process.stop() }
            _ = try await BenchLoad.connected(to: process.socket) { ledger in
                _ = try await ledger.stream([load.openings], unanswered: 1, buffers: true)
                return try await ledger.unary(load.requests, callers: 1, buffers: true)
            }
            // Meanwhile the drain tries PostgreSQL with the oldest requests in its hands.
            try await Task.sleep(for: .seconds(2))
            seconds = max(seconds, BenchReport.seconds(process.startDuration))
            memory = max(memory, process.peakMemory)
        }
        return (seconds, memory)
    }

    /// Makes the full outbox without a ledger, which would take long.
    private func fill(_ source: inout BenchEvents) throws {
        let outbox = try Outbox.open(Outbox.Configuration(path: full))
        var count = 0
        while count < events {
            var drafts: [Outbox.Draft] = []
            while drafts.count < Self.commitRequests, count < events {
                drafts.append(try draft(&source))
                count += Self.requestEvents
            }
            try outbox.append(drafts)
            Progress.standard.show("\(count) of \(events) events are in the outbox")
        }
        try outbox.close()
    }

    /// A request of whole positions, as a ledger would buffer it.
    private func draft(_ source: inout BenchEvents) throws -> Outbox.Draft {
        var lines: [[UInt8]] = []
        var positions: [UUID] = []
        while lines.count < Self.requestEvents {
            let events = try source.nextPosition()
            positions.append(events[0].positionID)
            for event in events {
                lines.append(EventLine(book: .main, event: event).canonicalBytes)
            }
        }
        // As long as the key of a venue's fact, which nearly all of them are.
        let keys: [[UInt8]] = lines.map { line in [1] + Array(LeafHash.digest(of: line)) }
        return Outbox.Draft(
            book: .main, lines: lines, keys: keys, positions: positions,
            bufferedAt: SystemClock.now(), reason: "the database is unreachable")
    }
}
