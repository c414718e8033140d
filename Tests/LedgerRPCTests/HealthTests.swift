import GRPCCore
import GRPCNIOTransportHTTP2Posix
import Testing

@testable import LedgerRPC

private typealias Status = HealthState.Status
private typealias HealthClient = Grpc_Health_V1_Health.Client<HTTP2ClientTransport.WrappedChannel>

@Suite struct HealthStateTests {
    @Test func `everything is NOT_SERVING until it is set`() {
        let state = HealthState(services: ["a"])
        #expect(state.status() == .notServing)
        #expect(state.status(of: "a") == .notServing)
        #expect(state.status(of: "b") == nil)
        state.set(.serving, for: "a")
        #expect(state.status(of: "a") == .serving)
        #expect(state.status() == .notServing)
    }

    @Test func `a watch begins with the status of now and gets each other one`() async throws {
        let state = HealthState(services: ["a", "b"])
        let watch = try state.watch("a")
        state.set(.serving, for: "a")
        state.set(.serving, for: "a")
        state.set(.serving, for: "b")
        state.set(.notServing, for: "a")
        state.endWatch(watch.id)
        #expect(await all(watch.statuses) == [.notServing, .serving, .notServing])
    }

    @Test func `a watch of an unknown service gets its status when it has one`() async throws {
        let state = HealthState()
        let watch = try state.watch("late")
        state.set(.serving, for: "late")
        state.endWatch(watch.id)
        #expect(await all(watch.statuses) == [.serviceUnknown, .serving])
    }

    @Test func `a shutdown says NOT_SERVING for good and ends the watches`() async throws {
        let state = HealthState(services: ["a"])
        state.setAll(.serving)
        let watch = try state.watch("a")
        state.shutDown()
        state.set(.serving, for: "a")
        state.setAll(.serving)
        #expect(state.status() == .notServing)
        #expect(state.status(of: "a") == .notServing)
        #expect(await all(watch.statuses) == [.serving, .notServing])
        #expect(await all(try state.watch("a").statuses) == [.notServing])
    }

    @Test func `a slow watch loses old changes and never the newest`() async throws {
        let state = HealthState()
        let watch = try state.watch("")
        for _ in 0..<100 {
            state.set(.serving)
            state.set(.notServing)
        }
        state.set(.serving)
        state.endWatch(watch.id)
        let statuses = await all(watch.statuses)
        #expect(statuses.count == HealthState.changesMax)
        #expect(statuses.last == .serving)
    }

    @Test func `a watch beyond the limit is refused until another one ends`() throws {
        let state = HealthState()
        let watches = try (0..<HealthState.watchesMax).map { _ in try state.watch("") }
        #expect(throws: RPCError.self) { try state.watch("") }
        state.endWatch(watches[0].id)
        _ = try state.watch("")
    }

    private func all(_ statuses: AsyncStream<Status>) async -> [Status] {
        await statuses.reduce(into: []) { $0.append($1) }
    }
}

@Suite(.timeLimit(.minutes(1))) struct HealthServiceTests {
    let directory: TemporaryDirectory
    let state = HealthState(services: ["a"])
    let server: LedgerServer

    init() throws {
        directory = try TemporaryDirectory()
        var limits = LedgerServer.Limits()
        // A shutdown that waits for it runs into the tests' time limit.
        limits.gracefulShutdownMax = .seconds(3_600)
        server = LedgerServer(
            socketPath: directory.file("s"), limits: limits, services: [], health: state)
    }

    private func request(_ service: String) -> Grpc_Health_V1_HealthCheckRequest {
        .with { $0.service = service }
    }

    /// Calls `body` with a client of the running server.
    private func withClient(
        _ body: @Sendable (HealthClient) async throws -> Void
    ) async throws {
        try await withServer(server) {
            try await withLedgerConnection(socket: server.socketPath) { client in
                try await body(HealthClient(wrapping: client))
            }
        }
    }

    @Test func `check answers the status, NOT_FOUND for an unknown service`() async throws {
        try await withClient { health in
            let before = try await health.check(request("a")).status
            #expect(before == .notServing)
            state.setAll(.serving)
            let after = try await health.check(request("a")).status
            #expect(after == .serving)
            let overall = try await health.check(request("")).status
            #expect(overall == .serving)
            let error = await #expect(throws: RPCError.self) {
                try await health.check(request("b"))
            }
            #expect(error?.code == .notFound)
        }
    }

    @Test func `watch sends the status at once and then each change`() async throws {
        try await withClient { health in
            try await health.watch(request("b")) { response in
                var statuses = response.messages.map(\.status).makeAsyncIterator()
                let first = try await statuses.next()
                #expect(first == .serviceUnknown)
                state.set(.serving, for: "b")
                let second = try await statuses.next()
                #expect(second == .serving)
                state.set(.notServing, for: "b")
                let third = try await statuses.next()
                #expect(third == .notServing)
            }
        }
    }

    @Test func `a graceful shutdown ends a watch with NOT_SERVING and UNAVAILABLE`() async throws {
        state.setAll(.serving)
        try await withClient { health in
            try await health.watch(request("")) { response in
                var statuses = response.messages.map(\.status).makeAsyncIterator()
                let first = try await statuses.next()
                #expect(first == .serving)
                server.beginGracefulShutdown()
                let second = try await statuses.next()
                #expect(second == .notServing)
                do {
                    let third = try await statuses.next()
                    Issue.record("no error but \(String(describing: third))")
                } catch {
                    #expect((error as? RPCError)?.code == .unavailable)
                }
            }
        }
    }

    @Test func `a watch ends with its call although the state is not shut down`() async throws {
        let server = LedgerServer(
            socketPath: directory.file("t"), limits: server.limits,
            services: [HealthService(state: state)])
        try await withServer(server) {
            try await withLedgerConnection(socket: server.socketPath) { client in
                try await HealthClient(wrapping: client).watch(request("")) { response in
                    server.beginGracefulShutdown()
                    do {
                        for try await _ in response.messages {}
                    } catch {
                        #expect((error as? RPCError)?.code == .unavailable)
                    }
                }
            }
        }
        #expect(state.status() == .notServing)
        state.set(.serving)
        #expect(state.status() == .serving)
    }
}
