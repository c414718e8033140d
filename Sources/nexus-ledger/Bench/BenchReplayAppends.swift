import LedgerCore
import LedgerRPC
import Synchronization

/// One caller who appends one event a call.
final class BenchReplayAppends: Sendable {
    private let book: BookName
    private let source: Mutex<BenchEvents>

    private static let first: UInt64 = 900_000_000

    init(book: BookName) {
        self.book = book
        source = Mutex(BenchEvents(book: book, first: Self.first))
    }

    /// Of so many calls, in seconds.
    func latencies(_ process: BenchProcess, count: Int) async throws -> [Double] {
        try await BenchLoad.connected(to: process.socket) { load in
            var durations: [Double] = []
            while durations.count < count {
                let requests = try self.requests()
                durations += try await BenchLoad.latencies(
                    min(requests.count, count - durations.count)
                ) { _ = try await load.calls.append(requests[$0]) }
            }
            return durations
        }
    }

    /// Of the calls that were over before the flag was raised, in seconds.
    func latencies(
        _ process: BenchProcess, until isOver: BenchReplayFlag
    ) async throws -> [Double] {
        try await BenchLoad.connected(to: process.socket) { load in
            var durations: [Double] = []
            while true {
                for request in try self.requests() {
                    let start = ContinuousClock.now
                    _ = try await load.calls.append(request)
                    let duration = BenchReport.seconds(ContinuousClock.now - start)
                    if isOver.isRaised { return durations }
                    durations.append(duration)
                }
            }
        }
    }

    private func requests() throws -> [Nexus_Ledger_V1_AppendRequest] {
        try source.withLock { try $0.nextPosition() }.map { event in
            var request = Nexus_Ledger_V1_AppendRequest()
            request.book = book.description
            request.events = [Nexus_Ledger_V1_NewEvent(event)]
            return request
        }
    }
}
