import GRPCCore
import Glibc
import NIOCore
import NIOHPACK
import NIOHTTP2

/// The process at the other end of a Unix socket, as the kernel recorded it when that process
/// connected. A client cannot forge it.
public struct PeerCredentials: Hashable, Sendable {
    /// The process; 0 when it is in another pid namespace. It may have ended since.
    public var pid: Int32
    /// Its effective user when it connected.
    public var uid: UInt32
    /// Its effective group when it connected.
    public var gid: UInt32

    /// Makes credentials of these numbers, for example for a test.
    public init(pid: Int32, uid: UInt32, gid: UInt32) {
        self.pid = pid
        self.uid = uid
        self.gid = gid
    }

    /// Who sent the request that this task handles; nil outside of a call on a Unix socket.
    /// Child tasks inherit it, detached ones do not.
    @TaskLocal public static var current: PeerCredentials?
}

extension PeerCredentials {
    /// The header that carries the credentials from the connection to the interceptor. Whatever a
    /// client sends under this name is dropped.
    static let headerName = "x-peer-cred"

    /// `pid:uid:gid`.
    var headerValue: String {
        "\(pid):\(uid):\(gid)"
    }

    init?(headerValue: String) {
        let parts = headerValue.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 3, let pid = Int32(parts[0]), let uid = UInt32(parts[1]),
            let gid = UInt32(parts[2])
        else { return nil }
        self.init(pid: pid, uid: uid, gid: gid)
    }

    /// Asks the kernel who is at the other end of a connected socket.
    init?(ofPeerOn descriptor: CInt) {
        var credentials = UnixCredentials()
        var size = socklen_t(MemoryLayout<UnixCredentials>.size)
        guard getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0 else {
            return nil
        }
        self.init(credentials)
    }

    private init(_ credentials: UnixCredentials) {
        self.init(pid: credentials.pid, uid: credentials.uid, gid: credentials.gid)
    }

    /// Puts the credentials of the connection's peer into the headers of a new HTTP/2 stream. Runs
    /// before the stream's first frame is read.
    static func stamp(_ stream: any Channel) -> EventLoopFuture<Void> {
        read(from: stream.parent, on: stream.eventLoop).flatMapThrowing { credentials in
            let handler = PeerCredentialsHandler(headerValue: credentials?.headerValue)
            try stream.pipeline.syncOperations.addHandler(handler, position: .first)
        }
    }

    /// The credentials of a connection's peer; nil when it is not a Unix socket or closed already.
    private static func read(
        from connection: (any Channel)?, on eventLoop: any EventLoop
    ) -> EventLoopFuture<PeerCredentials?> {
        guard let options = connection as? any SocketOptionProvider else {
            return eventLoop.makeSucceededFuture(nil)
        }
        let credentials: EventLoopFuture<UnixCredentials> = options.unsafeGetSocketOption(
            level: .socket, name: NIOBSDSocket.Option(rawValue: SO_PEERCRED))
        return
            credentials
            .map { PeerCredentials($0) }
            .flatMapError { _ in eventLoop.makeSucceededFuture(nil) }
            .hop(to: eventLoop)
    }
}

/// `struct ucred` of <sys/socket.h>, which Glibc's module hides.
private struct UnixCredentials: Sendable {
    var pid: Int32 = 0
    var uid: UInt32 = 0
    var gid: UInt32 = 0
}

/// Replaces the credentials' header in what a client sends, or removes it when they are unknown.
private final class PeerCredentialsHandler: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias InboundOut = HTTP2Frame.FramePayload

    private let headerValue: String?

    init(headerValue: String?) {
        self.headerValue = headerValue
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .headers(var frame) = unwrapInboundIn(data) else {
            context.fireChannelRead(data)
            return
        }
        frame.headers.remove(name: PeerCredentials.headerName)
        if let headerValue {
            frame.headers.add(name: PeerCredentials.headerName, value: headerValue)
        }
        context.fireChannelRead(wrapInboundOut(.headers(frame)))
    }
}

/// Gives each call's handler `PeerCredentials.current`, from the header that the connection put
/// there; refuses with PERMISSION_DENIED a call whose sender is not known.
public struct PeerCredentialsInterceptor: ServerInterceptor {
    /// Makes the interceptor. It belongs in front of all others.
    public init() {}

    /// Runs the handler, and later what it streams, with the credentials set.
    public func intercept<Input: Sendable, Output: Sendable>(
        request: StreamingServerRequest<Input>,
        context: ServerContext,
        next:
            @Sendable (
                StreamingServerRequest<Input>, ServerContext
            ) async throws -> StreamingServerResponse<Output>
    ) async throws -> StreamingServerResponse<Output> {
        let values = Array(request.metadata[stringValues: PeerCredentials.headerName])
        guard values.count == 1, let credentials = PeerCredentials(headerValue: values[0]) else {
            throw RPCStatus.error(.permissionDenied, "the sender of the call is not known")
        }
        var request = request
        request.metadata.removeAllValues(forKey: PeerCredentials.headerName)
        let response = try await PeerCredentials.$current.withValue(credentials) {
            [request] in try await next(request, context)
        }
        return StreamingServerResponse(
            accepted: response.accepted.map { contents in
                StreamingServerResponse.Contents(metadata: contents.metadata) { writer in
                    try await PeerCredentials.$current.withValue(credentials) {
                        try await contents.producer(writer)
                    }
                }
            })
    }
}

extension PeerCredentials {
    /// Who asks: the actor that the request names, else the peer's user.
    static func actor(_ named: String) -> String {
        guard named.isEmpty else { return named }
        return current.map { "uid \($0.uid)" } ?? "unknown"
    }
}

extension ServerContext {
    /// Runs `body`, and cancels it when the client is gone, which gRPC does not.
    func whileWanted(_ body: @escaping @Sendable () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                _ = try? await self.cancellation.cancelled
            }
            group.addTask { try await body() }
            _ = try await group.next()
            group.cancelAll()
        }
    }
}
