import LedgerCore
import LedgerRPC

/// The log that is rebuilt: positions whose events are spread over a window of it, as in a book
/// that has many positions open at once.
struct BenchReplayBook: Sendable {
    let positions: Int
    let eventsOfPosition: Int

    /// So that a tenth of the positions is one at least.
    static let positionsMin = 10
    static let eventsMin = 1_000
    /// Positions that are open at once.
    private static let window = 1_000
    private static let requestEvents = 500
    private static let unanswered = 16
    /// Numbers of positions that no other part uses.
    private static let first: UInt64 = 300_000_000

    /// Why so many events cannot be had of so many positions; nil if they can.
    static func flaw(events: Int, positions: Int) -> String? {
        guard events >= eventsMin else {
            return "--replay-events is \(events): it must be \(eventsMin) or more"
        }
        guard positions >= positionsMin else {
            return "--replay-positions is \(positions): it must be \(positionsMin) or more"
        }
        guard (2...BenchEvents.eventsOfPosition).contains(events / positions) else {
            return "\(events) events of \(positions) positions: a position has from 2 to "
                + "\(BenchEvents.eventsOfPosition)"
        }
        return nil
    }

    /// Rounded down so that each position has as many events, and a tenth of them is a whole
    /// number.
    init(events: Int, positions: Int) {
        self.positions = positions / 10 * 10
        eventsOfPosition = events / positions
    }

    var events: Int { positions * eventsOfPosition }
    /// Positions of the first stage.
    var tenth: Int { positions / 10 }

    /// Appends the events of these positions.
    func load(_ process: BenchProcess, positions wanted: Range<Int>) async throws {
        var source = BenchEvents(book: .main, first: Self.first + UInt64(wanted.lowerBound))
        let total = wanted.count * eventsOfPosition
        let step = max(total / 10, 1)
        var done = 0
        for start in stride(from: wanted.lowerBound, to: wanted.upperBound, by: Self.window) {
            let count = min(Self.window, wanted.upperBound - start)
            let requests = try interleaved(count, of: &source)
            // A disk that stalls for seconds under a long load sends a part of it into the outbox.
            try await BenchLoad.connected(to: process.socket) { load in
                _ = try await load.stream(
                    requests, unanswered: Self.unanswered, buffers: nil)
                try await load.awaitOutbox { $0.waiting.requests == 0 }
            }
            let before = done
            done += count * eventsOfPosition
            guard done / step > before / step || done == total else { continue }
            Progress.standard.message("replay: \(done) of \(total) events appended")
        }
    }

    /// Requests with the events of the next positions, one of each in turns.
    private func interleaved(
        _ count: Int, of source: inout BenchEvents
    ) throws -> [Nexus_Ledger_V1_AppendRequest] {
        let open = try (0..<count).map { _ in try source.nextPosition() }
        var requests: [Nexus_Ledger_V1_AppendRequest] = []
        var request = Nexus_Ledger_V1_AppendRequest()
        for index in 0..<eventsOfPosition {
            for events in open {
                request.events.append(Nexus_Ledger_V1_NewEvent(events[index]))
                guard request.events.count == Self.requestEvents else { continue }
                requests.append(request)
                request = Nexus_Ledger_V1_AppendRequest()
            }
        }
        if !request.events.isEmpty { requests.append(request) }
        return requests
    }
}
