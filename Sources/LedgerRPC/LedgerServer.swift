import GRPCCore
import GRPCNIOTransportHTTP2Posix
import NIOCore
import Synchronization

/// The gRPC server of the ledger, on a Unix socket.
///
/// ```
/// idle ──run──▶ starting ──▶ serving ──beginGracefulShutdown──▶ stopping ──▶ stopped
///                                                                  ▲
///                             calls ended, or gracefulShutdownMax ─┘ connections closed
/// ```
/// A graceful shutdown takes no new connections and calls, marks the health NOT_SERVING and lets
/// the calls under way finish. Handlers learn of it, and of a client that is gone, by
/// `withRPCCancellationHandler` or `context.cancellation`: gRPC does not cancel their tasks. After
/// `Limits.gracefulShutdownMax` the connections are closed and the tasks are cancelled.
public final class LedgerServer: Sendable {
    /// Bounds of a server.
    public struct Limits: Sendable {
        /// Bytes of the largest request message; a larger one ends its call: RESOURCE_EXHAUSTED.
        public var messageBytesMax = 16 << 20
        /// Calls at one time on one connection; further ones wait in their client.
        public var concurrentStreamsMax = 128
        /// Bytes of a call, and of a connection, that a client may send ahead of the reader.
        public var windowBytesMax = 1 << 20
        /// Connections that wait to be accepted; further ones are refused by the kernel.
        public var backlogMax: Int32 = 1_024
        /// How long calls under way may take after `beginGracefulShutdown()`.
        public var gracefulShutdownMax = Duration.seconds(5)

        /// Makes the default limits.
        public init() {}
    }

    private typealias Transport = HTTP2ServerTransport.Posix

    private enum Phase {
        case idle
        case starting
        case serving(GRPCServer<Transport>)
        case stopping
        case stopped
    }

    /// The path of the socket.
    public let socketPath: String

    /// The bounds that it was made with.
    public let limits: Limits

    private let services: [any RegistrableRPCService]
    private let interceptors: [any ServerInterceptor]
    private let health: HealthState?
    private let phase = Mutex(Phase.idle)
    private let stopSignal = AsyncStream.makeStream(of: Never.self)

    /// Makes a server; nothing is opened before `run`.
    ///
    /// - Parameters:
    ///   - socketPath: At most 107 bytes; its directory exists and is trusted.
    ///   - limits: Bounds.
    ///   - services: What it serves, the health service aside.
    ///   - health: Served as grpc.health.v1.Health, and shut down when the server is.
    ///   - interceptors: Run in their order, behind `PeerCredentialsInterceptor`.
    public init(
        socketPath: String,
        limits: Limits = Limits(),
        services: [any RegistrableRPCService],
        health: HealthState? = nil,
        interceptors: [any ServerInterceptor] = []
    ) {
        self.socketPath = socketPath
        self.limits = limits
        self.services = services + (health.map { [HealthService(state: $0)] } ?? [])
        self.health = health
        self.interceptors = [PeerCredentialsInterceptor()] + interceptors
    }

    /// Serves until a graceful shutdown has ended, or until its task is cancelled, which closes the
    /// connections at once. Returns without serving when the shutdown was begun before. Runs once.
    ///
    /// The socket is unlinked before it returns. It waits for the handlers: one that heeds neither
    /// its call's cancellation nor its task's holds it up.
    ///
    /// - Parameter onReady: Called once, when clients can connect.
    /// - Throws: `SocketError` when the path cannot be had, `RuntimeError` when serving fails.
    public func run(onReady: @escaping @Sendable () async -> Void = {}) async throws {
        guard begin() else { return }
        defer {
            phase.withLock { $0 = .stopped }
            health?.shutDown()
        }
        let socket = try SocketServer(path: socketPath, backlogMax: limits.backlogMax)
        defer { socket.close() }
        guard let descriptor = socket.descriptor else { return }

        let connections = ConnectionRegistry()
        let transport = Transport(
            listeningSocketDescriptor: Int(descriptor),
            transportSecurity: .plaintext,
            config: configuration { channel in
                socket.relinquish()
                return channel.eventLoop.makeSucceededVoidFuture()
            } onAccept: { channel in
                connections.add(channel)
                return channel.eventLoop.makeSucceededVoidFuture()
            })
        let server = GRPCServer(
            transport: transport, services: services, interceptors: interceptors)

        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                do {
                    try await server.serve()
                } catch {
                    // When it was to stop, the error says that it did.
                    guard self.isStopping || Task.isCancelled else { throw error }
                }
                return true
            }
            group.addTask {
                // Fails when it ended before it listened.
                guard (try? await transport.listeningAddress) != nil else { return false }
                if self.serve(with: server) { await onReady() }
                return false
            }
            group.addTask {
                await self.waitForDeadline()
                connections.closeAll()
                return true
            }
            for try await isEnd in group where isEnd { group.cancelAll() }
        }
    }

    /// Begins a graceful shutdown, from any thread; further calls do nothing. `run` returns when it
    /// has ended, after at most `Limits.gracefulShutdownMax` and what handlers need to give up.
    public func beginGracefulShutdown() {
        let server = phase.withLock { phase -> GRPCServer<Transport>? in
            switch phase {
            case .serving(let server):
                phase = .stopping
                return server
            case .idle:
                phase = .stopped
            case .starting:
                phase = .stopping
            case .stopping, .stopped:
                break
            }
            return nil
        }
        // First, so that watches still send NOT_SERVING.
        health?.shutDown()
        stopSignal.continuation.finish()
        server?.beginGracefulShutdown()
    }

    // MARK: Phases

    private var isStopping: Bool {
        phase.withLock { phase in
            if case .stopping = phase { true } else { false }
        }
    }

    /// Whether `run` may go on.
    private func begin() -> Bool {
        phase.withLock { phase in
            switch phase {
            case .idle:
                phase = .starting
                return true
            case .stopped:
                return false
            case .starting, .serving, .stopping:
                preconditionFailure("a LedgerServer runs once")
            }
        }
    }

    /// Takes note that `server` listens, and passes on a shutdown that was begun before: SwiftNIO
    /// does not take one earlier. Returns whether none was.
    private func serve(with server: GRPCServer<Transport>) -> Bool {
        let isServing = phase.withLock { phase in
            guard case .starting = phase else { return false }
            phase = .serving(server)
            return true
        }
        if !isServing { server.beginGracefulShutdown() }
        return isServing
    }

    /// Returns `gracefulShutdownMax` after the shutdown was begun, or as soon as it is cancelled.
    private func waitForDeadline() async {
        for await _ in stopSignal.stream {}
        // Throws only when cancelled, and then the deadline is now.
        try? await Task.sleep(for: limits.gracefulShutdownMax)
    }

    private func configuration(
        onBind: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>,
        onAccept: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
    ) -> Transport.Config {
        .defaults { config in
            config.rpc.maxRequestPayloadSize = limits.messageBytesMax
            config.http2.maxConcurrentStreams = limits.concurrentStreamsMax
            config.http2.targetWindowSize = limits.windowBytesMax
            // Coalescing waits for more to send; without it a single caller's latency is half.
            config.connection.flushCoalescing = nil
            config.channelDebuggingCallbacks.onBindTCPListener = onBind
            config.channelDebuggingCallbacks.onAcceptTCPConnection = onAccept
            config.channelDebuggingCallbacks.onAcceptHTTP2Stream = { [limits] stream in
                PeerCredentials.stamp(stream).flatMapThrowing {
                    let handler = MessageLimitHandler(bytesMax: limits.messageBytesMax)
                    try stream.pipeline.syncOperations.addHandler(handler, position: .first)
                }
            }
        }
    }
}
