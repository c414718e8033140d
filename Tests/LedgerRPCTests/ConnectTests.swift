import GRPCCore
import Glibc
import Testing

@testable import LedgerRPC

@Suite(.timeLimit(.minutes(1))) struct ConnectTests {
    let directory: TemporaryDirectory
    let path: String

    init() throws {
        directory = try TemporaryDirectory()
        path = directory.file("s")
    }

    /// What connecting to `path` fails with.
    private func refusal(_ path: String, timeout: Duration = .seconds(30)) async -> SocketError? {
        await #expect(throws: SocketError.self) {
            try await withLedgerConnection(socket: path, timeout: timeout) { _ in }
        }
    }

    @Test func `without a socket the caller is told how to start a ledger`() async {
        let error = await refusal(path)
        #expect(error == .notServing(path: path))
        #expect(
            error?.description
                == "no ledger is serving at \(path): start `nexus-ledger serve`")
        #expect(await refusal(directory.file("missing/s")) != nil)
    }

    @Test func `a socket that nobody listens on is told from one that is missing`() async throws {
        _ = try RawSocket.serving(path)
        #expect(await refusal(path) == .refused(path: path))
    }

    @Test func `what is not a socket is named as such`() async {
        close(open(path, O_CREAT | O_WRONLY, 0o600))
        #expect(await refusal(path) == .notASocket(path: path))
    }

    @Test func `a path that is too long is refused before connecting`() async {
        let tooLong = "/" + String(repeating: "a", count: 107)
        #expect(
            await refusal(tooLong) == .pathTooLong(path: tooLong, bytes: 108, bytesMax: 107))
    }

    @Test func `somebody who does not answer is given up after the timeout`() async throws {
        let silent = try RawSocket.serving(path)
        let timeout = Duration.milliseconds(50)
        #expect(
            await refusal(path, timeout: timeout) == .unresponsive(path: path, after: timeout))
        withExtendedLifetime(silent) {}
    }

    @Test func `somebody who hangs up is reported`() async throws {
        let listening = try RawSocket.serving(path)
        async let error = refusal(path)
        _ = try listening.accepted()
        #expect(await error == .closed(path: path))
    }

    @Test func `a server without a health service is a server`() async throws {
        let value = try await withServer(LedgerServer(socketPath: path, services: [])) {
            try await withLedgerConnection(socket: path) { _ in 7 }
        }
        #expect(value == 7)
    }

    @Test func `what the body throws comes out as it is`() async throws {
        try await withServer(LedgerServer(socketPath: path, services: [])) {
            _ = await #expect(throws: Failure.self) {
                try await withLedgerConnection(socket: path) { _ in throw Failure("mine") }
            }
        }
    }

    @Test(arguments: [
        (ENOENT, SocketError.notServing(path: "p")), (ENOTDIR, .notServing(path: "p")),
        (ECONNREFUSED, .refused(path: "p")), (EACCES, .permissionDenied(path: "p")),
        (EAGAIN, .busy(path: "p")),
        (EMFILE, .system(operation: "connect to", path: "p", errno: EMFILE)),
    ])
    func `each errno of connect has its error`(code: Int32, error: SocketError) {
        #expect(SocketError(connectingTo: "p", errno: code) == error)
    }
}

@Suite struct RPCStatusTests {
    @Test func `an error carries its code, message and details`() {
        let error = RPCStatus.error(.aborted, "too late", details: ["actual-version": "7"])
        #expect(error.code == .aborted)
        #expect(error.message == "too late")
        #expect(Array(error.metadata[stringValues: "actual-version"]) == ["7"])
        #expect(RPCStatus.detail("actual-version", of: error) == "7")
        #expect(RPCStatus.detail("other", of: error) == nil)
    }

    @Test(arguments: ["a\r\nb: c", "Größe", "100%", "%41", "", " \u{0}\u{7F}"])
    func `any text survives as a detail and is sent as printable ASCII`(_ text: String) throws {
        let error = RPCStatus.error(.invalidArgument, text, details: ["value": text])
        let sent = try #require(Array(error.metadata[stringValues: "value"]).first)
        #expect(sent.utf8.allSatisfy { (0x20..<0x7F).contains($0) })
        #expect(RPCStatus.detail("value", of: error) == text)
    }

    @Test func `what is too long is cut between characters`() throws {
        let text = String(repeating: "ä", count: 2_000)
        let error = RPCStatus.error(.invalidArgument, text, details: ["value": text])
        #expect(error.message.utf8.count == RPCStatus.messageBytesMax - 1)
        #expect(error.message.hasSuffix("ä…"))
        let detail = try #require(RPCStatus.detail("value", of: error))
        #expect(detail.utf8.count == RPCStatus.detailBytesMax - 1)
        #expect(detail.hasSuffix("ä…"))
    }
}
