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
    /// The book that the command is about.
    let book: BookName

    /// Connects as the options say, and calls `body`.
    static func connected<Value: Sendable>(
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
        case .head: try await status(of: book).first?.head ?? 0
        }
    }

    /// The state of a book; none if it has no events yet.
    func status(of book: BookName) async throws -> [Nexus_Ledger_V1_BookStatus] {
        var request = Nexus_Ledger_V1_GetStatusRequest()
        request.book = book.description
        let status = try await operations.getStatus(request, options: Ledger.answering)
        return status.books.filter { $0.book == book.description }
    }
}
