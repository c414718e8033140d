import LedgerRPC

/// A ledger with an outbox whose PostgreSQL goes away and comes back.
struct BenchOutage: Sendable {
    /// Between two requests of a caller who waits for PostgreSQL.
    private static let askEvery = Duration.milliseconds(5)
    /// Events that are committed before PostgreSQL goes away.
    static let onlineFirst = 100
    /// Events that may be appended until one is buffered.
    static let untilBuffered = 300

    let socket: String
    let server: BenchServer

    /// Connects to the ledger.
    func connected<Value: Sendable>(
        _ body: (BenchLoad) async throws -> Value
    ) async throws -> Value {
        try await BenchLoad.connected(to: socket, body)
    }

    /// Opens the positions of a load, while PostgreSQL is there.
    func open(_ load: BenchOutboxLoad) async throws {
        let openings = load.openings
        _ = try await connected { try await $0.stream([openings], unanswered: 1) }
    }

    // MARK: PostgreSQL goes away

    /// Appends one event after the other and kills PostgreSQL in between.
    /// - Parameter source: makes the events; `onlineFirst` + `untilBuffered` of them.
    /// - Returns: the seconds from then to the first answer that is BUFFERED.
    func begin(_ source: inout BenchEvents) async throws -> Double {
        let load = try BenchOutboxLoad(
            followUps: Self.onlineFirst + Self.untilBuffered, from: &source)
        try await open(load)
        let seconds = try await firstBuffered(load.requests)
        // From here on every request is buffered without trying PostgreSQL first.
        _ = try await awaitStatus { !$0.outage.isEmpty }
        return seconds
    }

    private func firstBuffered(
        _ requests: [Nexus_Ledger_V1_AppendRequest]
    ) async throws -> Double {
        let server = server
        return try await connected { ledger in
            var takenAway: ContinuousClock.Instant?
            for (index, request) in requests.enumerated() {
                if index == Self.onlineFirst { takenAway = try server.takeAway() }
                let answer = try await ledger.calls.append(request)
                guard case .buffered? = answer.outcome else { continue }
                guard let takenAway else { throw BenchLoad.unexpected(isBuffered: true) }
                return BenchReport.seconds(ContinuousClock.now - takenAway)
            }
            throw BenchLoad.unexpected(isBuffered: false)
        }
    }

    // MARK: PostgreSQL comes back

    /// Brings PostgreSQL back.
    /// - Returns: when it took connections again, and when the outbox was empty.
    func end() async throws -> (
        accepted: ContinuousClock.Instant, empty: ContinuousClock.Instant
    ) {
        async let accepted = server.bringBack()
        let empty = try await awaitStatus { $0.waiting.requests == 0 }
        return (accepted: try await accepted, empty: empty)
    }

    /// Brings PostgreSQL back, while a caller goes on appending to positions that have something
    /// buffered.
    /// - Parameter requests: the caller's.
    /// - Returns: the seconds to the first answer that is COMMITTED, from when PostgreSQL took
    ///   connections and what was buffered before was drained, whichever came last.
    func endUnderLoad(_ requests: [Nexus_Ledger_V1_AppendRequest]) async throws -> Double {
        let before = try await status()
        let settled = before.drained.requests + before.waiting.requests
        async let accepted = server.bringBack()
        async let drained = awaitStatus { $0.drained.requests >= settled }
        let committed = try await firstCommitted(requests)
        let start = try await max(accepted, drained)
        _ = try await awaitStatus { $0.waiting.requests == 0 }
        return max(0, BenchReport.seconds(committed - start))
    }

    private func firstCommitted(
        _ requests: [Nexus_Ledger_V1_AppendRequest]
    ) async throws -> ContinuousClock.Instant {
        try await connected { ledger in
            for request in requests {
                let answer = try await ledger.calls.append(request)
                if case .committed? = answer.outcome { return ContinuousClock.now }
                try await Task.sleep(for: Self.askEvery)
            }
            throw BenchLoad.unexpected(isBuffered: true)
        }
    }

    // MARK: The outbox

    /// How the outbox stands.
    func status() async throws -> Nexus_Ledger_V1_GetOutboxStatusResponse {
        try await connected { try await $0.outbox.getOutboxStatus(.init()) }
    }

    private func awaitStatus(
        _ isWanted: @escaping @Sendable (Nexus_Ledger_V1_GetOutboxStatusResponse) -> Bool
    ) async throws -> ContinuousClock.Instant {
        try await connected { try await $0.awaitOutbox(isWanted) }
    }
}
