import GRPCCore
import Glibc
import Synchronization

@testable import LedgerRPC

/// A directory of its own under /tmp, removed with what is in it.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/ledger-rpc-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Failure("mkdtemp: \(errno)") }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        guard let directory = opendir(path) else { return }
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { _ = remove("\(path)/\(name)") }
        }
        closedir(directory)
        rmdir(path)
    }

    /// The path of a file in it.
    func file(_ name: String) -> String { "\(path)/\(name)" }
}

/// What went wrong with the test itself.
struct Failure: Error {
    var reason: String
    init(_ reason: String) { self.reason = reason }
}

/// A Unix socket made without the code under test.
final class RawSocket: Sendable {
    let descriptor: CInt

    private init(_ descriptor: CInt) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// A socket that is bound to `path`, and listens unless told otherwise.
    static func serving(_ path: String, listens: Bool = true) throws -> RawSocket {
        let raw = try made()
        guard try raw.call(path, { Glibc.bind(raw.descriptor, $0, $1) }) == 0,
            !listens || Glibc.listen(raw.descriptor, 16) == 0
        else { throw Failure("bind or listen: \(errno)") }
        return raw
    }

    /// A connection to `path`. Throws instead of waiting when too many wait already.
    static func connected(to path: String) throws -> RawSocket {
        let raw = try made()
        _ = fcntl(raw.descriptor, F_SETFL, O_NONBLOCK)
        guard try raw.call(path, { Glibc.connect(raw.descriptor, $0, $1) }) == 0 else {
            throw Failure("connect: \(errno)")
        }
        _ = fcntl(raw.descriptor, F_SETFL, 0)
        return raw
    }

    /// Waits for a connection.
    func accepted() throws -> RawSocket {
        let connection = accept(descriptor, nil, nil)
        guard connection >= 0 else { throw Failure("accept: \(errno)") }
        return RawSocket(connection)
    }

    /// Sends all of `bytes`.
    func send(_ bytes: [UInt8]) throws {
        guard Glibc.send(descriptor, bytes, bytes.count, 0) == bytes.count else {
            throw Failure("send: \(errno)")
        }
    }

    private static func made() throws -> RawSocket {
        let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw Failure("socket: \(errno)") }
        return RawSocket(descriptor)
    }

    private func call(
        _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> CInt
    ) throws -> CInt {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}

/// The bytes of a client that speaks just enough HTTP/2.
enum HTTP2 {
    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    /// The settings of a client that takes `window` bytes of a stream.
    static func settings(window: UInt8) -> [UInt8] {
        frame(type: 4, flags: 0, stream: 0, [0, 4, 0, 0, 0, window])
    }

    /// A call with an empty message on stream 1.
    static func call(path: String) -> [UInt8] {
        let fields = [
            (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "localhost"),
            ("te", "trailers"), ("content-type", "application/grpc"),
        ]
        // Literals without indexing and without Huffman coding.
        let headers = fields.flatMap { name, value in
            [0, UInt8(name.utf8.count)] + name.utf8 + [UInt8(value.utf8.count)] + value.utf8
        }
        return frame(type: 1, flags: 4, stream: 1, headers)
            + frame(type: 0, flags: 1, stream: 1, [0, 0, 0, 0, 0])
    }

    private static func frame(
        type: UInt8, flags: UInt8, stream: UInt8, _ body: [UInt8]
    ) -> [UInt8] {
        [0, UInt8(body.count >> 8), UInt8(body.count & 255), type, flags, 0, 0, 0, stream] + body
    }
}

/// Something that happens once and can be waited for.
struct Signal: Sendable {
    private let pipe = AsyncStream.makeStream(of: Never.self)

    func fire() { pipe.continuation.finish() }

    /// Returns when it has fired, or when the task is cancelled. One waiter.
    func wait() async { for await _ in pipe.stream {} }
}

/// Values that come in from elsewhere.
final class Recorded<Value: Sendable>: Sendable {
    private let storage = Mutex<[Value]>([])

    func append(_ value: Value) { storage.withLock { $0.append(value) } }

    var values: [Value] { storage.withLock { $0 } }
}

/// Runs a server on `path` while `body` runs, then shuts it down gracefully and waits for its end.
func withServer<Value: Sendable>(
    _ server: LedgerServer, _ body: @Sendable () async throws -> Value
) async throws -> Value {
    let ready = Signal()
    return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
            defer { ready.fire() }
            try await server.run { ready.fire() }
        }
        await ready.wait()
        let value = try await body()
        server.beginGracefulShutdown()
        try await group.waitForAll()
        return value
    }
}
