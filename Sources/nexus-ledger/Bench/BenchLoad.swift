import GRPCCore
import GRPCNIOTransportHTTP2Posix
import LedgerRPC

/// Loads on a running ledger.
struct BenchLoad: Sendable {
    typealias Calls = Nexus_Ledger_V1_Ledger.Client<HTTP2ClientTransport.WrappedChannel>

    let calls: Calls
    let outbox: Nexus_Ledger_V1_Outbox.Client<HTTP2ClientTransport.WrappedChannel>

    /// Calls of one connection.
    init(_ client: LedgerClient) {
        calls = Calls(wrapping: client)
        outbox = Nexus_Ledger_V1_Outbox.Client(wrapping: client)
    }

    /// Connects to the ledger at a socket.
    static func connected<Value: Sendable>(
        to socket: String, _ body: (BenchLoad) async throws -> Value
    ) async throws -> Value {
        try await withLedgerConnection(socket: socket) { client in
            try await body(BenchLoad(client))
        }
    }

    /// An answer of the other kind than was wanted.
    static func unexpected(isBuffered: Bool) -> Failure {
        Failure(
            .failed,
            isBuffered
                ? "an append was buffered while PostgreSQL was there"
                : "an append was committed while PostgreSQL was away")
    }

    /// Sends requests over one stream with at most `unanswered` open; returns the duration.
    /// `buffers` says whether each is to be answered BUFFERED, else COMMITTED; nil: as it comes.
    func stream(
        _ requests: [Nexus_Ledger_V1_AppendRequest], unanswered: Int, buffers: Bool? = false
    ) async throws -> Duration {
        let (permits, permit) = AsyncStream.makeStream(
            of: Void.self, bufferingPolicy: .bufferingOldest(unanswered))
        for _ in 0..<unanswered { permit.yield() }
        let start = ContinuousClock.now
        try await calls.appendStream { writer in
            var permits = permits.makeAsyncIterator()
            for request in requests {
                _ = await permits.next()
                try await writer.write(request)
            }
        } onResponse: { response in
            for try await answer in response.messages {
                if case .refused(let refusal) = answer.outcome {
                    throw Failure(.failed, "the ledger refused the load: \(refusal.message)")
                }
                var isBuffered = false
                if case .buffered = answer.outcome { isBuffered = true }
                guard isBuffered == buffers ?? isBuffered else {
                    throw BenchLoad.unexpected(isBuffered: isBuffered)
                }
                permit.yield()
            }
        }
        return ContinuousClock.now - start
    }

    /// Sends requests from `callers` at once, one call a request; returns the duration. `buffers`
    /// as for `stream`.
    func unary(
        _ requests: [Nexus_Ledger_V1_AppendRequest], callers: Int, buffers: Bool = false
    ) async throws -> Duration {
        let start = ContinuousClock.now
        let calls = calls
        try await withThrowingTaskGroup(of: Void.self) { group in
            for caller in 0..<callers {
                group.addTask {
                    for index in stride(from: caller, to: requests.count, by: callers) {
                        let answer = try await calls.append(requests[index])
                        var isBuffered = false
                        if case .buffered = answer.outcome { isBuffered = true }
                        guard isBuffered == buffers else {
                            throw BenchLoad.unexpected(isBuffered: isBuffered)
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        return ContinuousClock.now - start
    }

    /// For the outbox to get as far as it should.
    private static let outboxMax = Duration.seconds(900)
    /// How often it is looked at.
    private static let lookEvery = Duration.milliseconds(10)

    /// Looks at the outbox until it is as wanted.
    /// - Returns: when it was.
    @discardableResult
    func awaitOutbox(
        _ isWanted: (Nexus_Ledger_V1_GetOutboxStatusResponse) -> Bool
    ) async throws -> ContinuousClock.Instant {
        let end = ContinuousClock.now + Self.outboxMax
        while ContinuousClock.now < end {
            let status = try await outbox.getOutboxStatus(.init())
            if isWanted(status) { return ContinuousClock.now }
            guard status.parked.requests == 0 else {
                throw Failure(.failed, "requests of the load were parked")
            }
            Progress.standard.show("\(status.waiting.events) events wait in the outbox")
            try await Task.sleep(for: Self.lookEvery)
        }
        throw Failure(.failed, "the outbox did not get as far as it should")
    }

    /// The durations of `body`, called `count` times one after the other, in seconds.
    static func latencies(
        _ count: Int, _ body: (Int) async throws -> Void
    ) async throws -> [Double] {
        var durations: [Double] = []
        for index in 0..<count {
            let start = ContinuousClock.now
            try await body(index)
            durations.append(BenchReport.seconds(ContinuousClock.now - start))
        }
        return durations
    }
}
