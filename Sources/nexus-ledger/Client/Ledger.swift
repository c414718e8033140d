import GRPCCore
import GRPCNIOTransportHTTP2Posix
import LedgerCore
import LedgerRPC

/// The calls of a ledger, over one connection.
struct Ledger: Sendable {
    /// The longest wait for the answer to one question. A read that waits for the projections
    /// (`at_least`) is answered within it or not at all.
    static let answerMax = Duration.seconds(30)

    let calls: Nexus_Ledger_V1_Ledger.Client<HTTP2ClientTransport.WrappedChannel>
    let operations: Nexus_Ledger_V1_Operations.Client<HTTP2ClientTransport.WrappedChannel>
    let outbox: Nexus_Ledger_V1_Outbox.Client<HTTP2ClientTransport.WrappedChannel>
    let projections: Nexus_Ledger_V1_Projections.Client<HTTP2ClientTransport.WrappedChannel>
    let config: Nexus_Ledger_V1_Config.Client<HTTP2ClientTransport.WrappedChannel>
    /// The book that the command is about.
    let book: BookName

    /// Connects as the options say, and calls `body`; somebody at a terminal who waits for it is
    /// told what goes on, in the words of `saying`.
    static func connected<Value: Sendable>(
        _ options: CommonOptions, saying: String? = nil,
        isolation: isolated (any Actor)? = #isolation,
        _ body: (Ledger) async throws -> Value
    ) async throws -> Value {
        try await Progress.standard.during(saying) {
            try await connect(options, body)
        }
    }

    private static func connect<Value: Sendable>(
        _ options: CommonOptions,
        isolation: isolated (any Actor)? = #isolation,
        _ body: (Ledger) async throws -> Value
    ) async throws -> Value {
        do {
            return try await withLedgerConnection(socket: options.socketPath) { client in
                try await body(
                    Ledger(
                        calls: Nexus_Ledger_V1_Ledger.Client(wrapping: client),
                        operations: Nexus_Ledger_V1_Operations.Client(wrapping: client),
                        outbox: Nexus_Ledger_V1_Outbox.Client(wrapping: client),
                        projections: Nexus_Ledger_V1_Projections.Client(wrapping: client),
                        config: Nexus_Ledger_V1_Config.Client(wrapping: client),
                        book: options.book))
            }
        } catch let error as SocketError where !options.isSocketNamed {
            let cure = ", or name its socket with --socket or NEXUS_SOCKET"
            throw Failure(.failed, error.description + cure)
        }
    }

    /// The options of a call that has one answer.
    static var answering: CallOptions {
        var options = CallOptions.defaults
        options.timeout = answerMax
        return options
    }

    /// The log position that `moment` stands for; 0 for none.
    func position(of moment: FreshnessOption.Moment?) async throws -> Int64 {
        switch moment {
        case nil: 0
        case .position(let position): position
        case .head: try await head()
        }
    }

    /// The last log position of the book; 0 if it has no events yet.
    func head() async throws -> Int64 {
        var request = Nexus_Ledger_V1_GetStatusRequest()
        request.book = book.description
        let status = try await operations.getStatus(request, options: Ledger.answering)
        guard status.database == "up" else {
            throw Failure(
                .failed, "the ledger's database does not answer; see `nexus-ledger status`")
        }
        return status.books.first { $0.book == book.description }?.head ?? 0
    }

    /// Reads once the projections have reached `position`. The ledger waits for them some seconds
    /// and then answers UNAVAILABLE; this asks again while the ledger is there, for `answerMax`.
    func reading<Value: Sendable>(
        atLeast position: Int64,
        isolation: isolated (any Actor)? = #isolation,
        _ read: () async throws -> Value
    ) async throws -> Value {
        let end = ContinuousClock.now + Ledger.answerMax
        while true {
            do {
                return try await read()
            } catch let error as RPCError where error.code == .unavailable && position > 0 {
                // Throws where the ledger or its database has gone.
                _ = try await head()
                guard ContinuousClock.now < end else {
                    throw Failure(.failed, Failure.words(error))
                }
                Progress.standard.show("waiting for log position \(position)")
            }
        }
    }
}
