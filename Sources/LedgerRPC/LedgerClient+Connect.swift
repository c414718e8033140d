import GRPCCore
import GRPCNIOTransportHTTP2Posix
import NIOCore
import NIOPosix

/// A client of the ledger over one connection. It does not reconnect: once the connection is gone,
/// calls fail with UNAVAILABLE.
public typealias LedgerClient = GRPCClient<HTTP2ClientTransport.WrappedChannel>

/// Bytes of the largest message that a `LedgerClient` takes, unless a call's options say otherwise.
public let ledgerClientMessageBytesMax = 16 << 20

/// Connects to the ledger at `path`, calls `body` with a client, and closes the connection.
///
/// The ledger must be there: nothing is retried, and nobody listening is told at once. A first
/// call, to the health service, finds out whether somebody answers; its answer does not matter.
///
/// - Parameters:
///   - path: The Unix socket's path.
///   - timeout: The longest wait for the connection and for a first answer. It does not bound the
///     calls of `body`.
///   - isolation: The actor on which `body` runs.
///   - body: Makes calls. Its streams end before it returns.
/// - Returns: What `body` returns.
/// - Throws: `SocketError` when there is no connection, else what `body` throws.
public func withLedgerConnection<Value: Sendable>(
    socket path: String,
    timeout: Duration = .seconds(2),
    isolation: isolated (any Actor)? = #isolation,
    _ body: (LedgerClient) async throws -> Value
) async throws -> Value {
    let deadline = ContinuousClock.now + timeout
    let transport = try await connect(to: path, timeout: timeout)
    return try await withGRPCClient(transport: transport, isolation: isolation) { client in
        try await awaitAnswer(from: client, at: path, until: deadline, timeout: timeout)
        return try await body(client)
    }
}

private func connect(
    to path: String, timeout: Duration
) async throws -> HTTP2ClientTransport.WrappedChannel {
    try SocketServer.check(path)
    do {
        return try await .wrapping(
            config: .defaults { config in
                // What gRPC's other libraries send over unix: sockets. The default would be the
                // path, and servers that take an authority for a host name refuse its slashes.
                config.http2.authority = "localhost"
            },
            serviceConfig: ServiceConfig(methodConfig: [
                MethodConfig(
                    names: [MethodConfig.Name(service: "")],
                    maxRequestMessageBytes: ledgerClientMessageBytesMax,
                    maxResponseMessageBytes: ledgerClientMessageBytesMax)
            ])
        ) { configure in
            try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                .connectTimeout(TimeAmount(timeout))
                .connect(unixDomainSocketPath: path, channelInitializer: configure)
        }
    } catch let error as IOError {
        throw SocketError(connectingTo: path, errno: error.errnoCode)
    } catch ChannelError.connectTimeout {
        throw SocketError.unresponsive(path: path, after: timeout)
    }
}

/// Returns when the other end has answered a call, with whatever status.
private func awaitAnswer(
    from client: LedgerClient,
    at path: String,
    until deadline: ContinuousClock.Instant,
    timeout: Duration
) async throws {
    var options = CallOptions.defaults
    options.timeout = max(deadline - ContinuousClock.now, .milliseconds(1))
    do {
        let health = Grpc_Health_V1_Health.Client(wrapping: client)
        _ = try await health.check(.init(), options: options)
    } catch let error as RPCError {
        try Task.checkCancellation()
        switch error.code {
        case .deadlineExceeded: throw SocketError.unresponsive(path: path, after: timeout)
        case .unavailable: throw SocketError.closed(path: path)
        default: break
        }
    } catch is RuntimeError {
        // The connection was gone before the call began.
        try Task.checkCancellation()
        throw SocketError.closed(path: path)
    }
}
