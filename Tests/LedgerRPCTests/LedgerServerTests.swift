import GRPCCore
import Glibc
import Testing

@testable import LedgerRPC

/// A service whose two calls do what a test says. (It borrows the messages of the health service.)
private struct Scripted: Grpc_Health_V1_Health.SimpleServiceProtocol {
    var onCheck: @Sendable () async throws -> Void = {}
    var onWatch: @Sendable (RPCWriter<Grpc_Health_V1_HealthCheckResponse>) async throws -> Void = {
        _ in
    }

    func check(
        request: Grpc_Health_V1_HealthCheckRequest, context: ServerContext
    ) async throws -> Grpc_Health_V1_HealthCheckResponse {
        try await onCheck()
        return .init()
    }

    func watch(
        request: Grpc_Health_V1_HealthCheckRequest,
        response: RPCWriter<Grpc_Health_V1_HealthCheckResponse>,
        context: ServerContext
    ) async throws {
        try await onWatch(response)
    }
}

@Suite(.timeLimit(.minutes(1))) struct LedgerServerTests {
    let directory: TemporaryDirectory
    let path: String

    init() throws {
        directory = try TemporaryDirectory()
        path = directory.file("s")
    }

    private func limits(gracefulShutdownMax: Duration) -> LedgerServer.Limits {
        var limits = LedgerServer.Limits()
        limits.gracefulShutdownMax = gracefulShutdownMax
        return limits
    }

    private func me(_ credentials: PeerCredentials?) -> Bool {
        credentials == PeerCredentials(pid: getpid(), uid: geteuid(), gid: getegid())
    }

    // MARK: Credentials

    @Test func `a handler knows the process that calls, also while it streams`() async throws {
        let seen = Recorded<PeerCredentials?>()
        let service = Scripted(
            onCheck: { seen.append(.current) },
            onWatch: { writer in
                seen.append(.current)
                try await writer.write(.init())
            })
        try await withServer(LedgerServer(socketPath: path, services: [service])) {
            try await withLedgerConnection(socket: path) { client in
                let health = Grpc_Health_V1_Health.Client(wrapping: client)
                try await health.watch(.init()) { response in
                    for try await _ in response.messages {}
                }
            }
        }
        // The first is the call that withLedgerConnection makes.
        #expect(seen.values.count == 2)
        #expect(seen.values.allSatisfy(me))
        #expect(PeerCredentials.current == nil)
    }

    @Test func `forged credentials are overwritten`() async throws {
        let seen = Recorded<PeerCredentials?>()
        let service = Scripted(onCheck: { seen.append(.current) })
        try await withServer(LedgerServer(socketPath: path, services: [service])) {
            try await withLedgerConnection(socket: path) { client in
                var metadata = Metadata()
                metadata.addString("1:0:0", forKey: "x-peer-cred")
                metadata.addString("2:0:0", forKey: "X-Peer-Cred")
                let health = Grpc_Health_V1_Health.Client(wrapping: client)
                _ = try await health.check(.init(), metadata: metadata)
            }
        }
        #expect(seen.values.count == 2)
        #expect(seen.values.allSatisfy(me))
    }

    @Test(arguments: ["", "1:2", "1:2:3:4", "1:2:-3", "a:b:c", "1:2:3 "])
    func `malformed credentials are no credentials`(_ value: String) {
        #expect(PeerCredentials(headerValue: value) == nil)
    }

    @Test func `credentials survive their header`() {
        let credentials = PeerCredentials(pid: 7, uid: .max, gid: 0)
        #expect(PeerCredentials(headerValue: credentials.headerValue) == credentials)
    }

    // MARK: Shutdown

    @Test func `the socket is gone when run returns, and can be served again`() async throws {
        for _ in 0..<2 {
            let server = LedgerServer(socketPath: path, services: [Scripted()])
            try await withServer(server) {
                try await withLedgerConnection(socket: path) { _ in }
            }
            var info = stat()
            #expect(lstat(path, &info) != 0)
        }
    }

    @Test func `a second server is refused and the first one goes on`() async throws {
        try await withServer(LedgerServer(socketPath: path, services: [Scripted()])) {
            let second = LedgerServer(socketPath: path, services: [Scripted()])
            await #expect(throws: SocketError.inUse(path: path, pid: getpid())) {
                try await second.run()
            }
            try await withLedgerConnection(socket: path) { _ in }
        }
    }

    @Test func `a call under way finishes during a graceful shutdown`() async throws {
        let entered = Signal()
        let release = Signal()
        let service = Scripted(onWatch: { writer in
            entered.fire()
            await release.wait()
            try await writer.write(.init())
        })
        let server = LedgerServer(
            socketPath: path, limits: limits(gracefulShutdownMax: .seconds(3_600)),
            services: [service])
        try await withServer(server) {
            try await withLedgerConnection(socket: path) { client in
                let health = Grpc_Health_V1_Health.Client(wrapping: client)
                async let answers = health.watch(.init()) { response in
                    try await response.messages.reduce(into: 0) { count, _ in count += 1 }
                }
                await entered.wait()
                server.beginGracefulShutdown()
                release.fire()
                let count = try await answers
                #expect(count == 1)
            }
        }
    }

    @Test func `an open stream holds up the shutdown no longer than the limit`() async throws {
        let entered = Signal()
        let service = Scripted(onWatch: { _ in
            entered.fire()
            // Heeds the cancellation of its task, and not that of its call.
            await Signal().wait()
        })
        let server = LedgerServer(
            socketPath: path, limits: limits(gracefulShutdownMax: .milliseconds(20)),
            services: [service])
        try await withServer(server) {
            try await withLedgerConnection(socket: path) { client in
                let health = Grpc_Health_V1_Health.Client(wrapping: client)
                let error = await #expect(throws: RPCError.self) {
                    async let call: Void = health.watch(.init()) { response in
                        for try await _ in response.messages {}
                    }
                    await entered.wait()
                    server.beginGracefulShutdown()
                    try await call
                }
                #expect(error?.code == .unavailable)
            }
        }
    }

    @Test func `a client that neither reads nor writes holds it up no longer`() async throws {
        let server = LedgerServer(
            socketPath: path, limits: limits(gracefulShutdownMax: .milliseconds(20)),
            services: [Scripted()])
        let silent = try await withServer(server) { try RawSocket.connected(to: path) }
        var byte: UInt8 = 0
        // What the server sent before it closed the connection, then the end.
        while recv(silent.descriptor, &byte, 1, 0) > 0 {}
        withExtendedLifetime(silent) {}
    }

    @Test func `a client that does not take its answer holds it up no longer`() async throws {
        let entered = Signal()
        let service = Scripted(onCheck: { entered.fire() })
        let server = LedgerServer(
            socketPath: path, limits: limits(gracefulShutdownMax: .milliseconds(50)),
            services: [service])
        let connection = try await withServer(server) {
            let connection = try RawSocket.connected(to: path)
            // The window is 0, so the handler ends and its answer waits: nothing to cancel.
            try connection.send(HTTP2.preface + HTTP2.settings(window: 0))
            try connection.send(HTTP2.call(path: "/grpc.health.v1.Health/Check"))
            await entered.wait()
            return connection
        }
        withExtendedLifetime(connection) {}
    }

    @Test func `cancelling run closes the connections at once`() async throws {
        let entered = Signal()
        let ready = Signal()
        let service = Scripted(onWatch: { _ in
            entered.fire()
            await Signal().wait()
        })
        let server = LedgerServer(
            socketPath: path, limits: limits(gracefulShutdownMax: .seconds(3_600)),
            services: [service])
        let running = Task { try await server.run { ready.fire() } }
        await ready.wait()
        await #expect(throws: RPCError.self) {
            try await withLedgerConnection(socket: path) { client in
                let health = Grpc_Health_V1_Health.Client(wrapping: client)
                async let call: Void = health.watch(.init()) { response in
                    for try await _ in response.messages {}
                }
                await entered.wait()
                running.cancel()
                try await call
            }
        }
        try await running.value
        await #expect(throws: SocketError.notServing(path: path)) {
            try await withLedgerConnection(socket: path) { _ in }
        }
    }

    @Test func `a shutdown that was begun before run serves nothing`() async throws {
        let server = LedgerServer(socketPath: path, services: [])
        server.beginGracefulShutdown()
        try await server.run { Issue.record("it was ready") }
        var info = stat()
        #expect(lstat(path + ".lock", &info) != 0)
    }

    @Test func `a shutdown at any moment of the start ends run`() async throws {
        for _ in 0..<200 {
            let server = LedgerServer(socketPath: path, services: [Scripted()])
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await server.run() }
                group.addTask { server.beginGracefulShutdown() }
                try await group.waitForAll()
            }
        }
    }

    @Test func `a cancellation at any moment of the start ends run`() async throws {
        for _ in 0..<200 {
            let server = LedgerServer(socketPath: path, services: [Scripted()])
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await server.run() }
                await Task.yield()
                group.cancelAll()
                try await group.waitForAll()
            }
        }
    }
}
