import GRPCCore
import NIOCore
import Testing

@testable import LedgerRPC

/// A service with one call, which answers with the bytes that it gets.
private struct Echo: RegistrableRPCService {
    private struct Raw: MessageSerializer, MessageDeserializer {
        func serialize<Bytes: GRPCContiguousBytes>(_ message: [UInt8]) -> Bytes { Bytes(message) }

        func deserialize<Bytes: GRPCContiguousBytes>(_ bytes: Bytes) -> [UInt8] {
            bytes.withUnsafeBytes { Array($0) }
        }
    }

    private static let method = MethodDescriptor(
        fullyQualifiedService: "test.Echo", method: "Echo")

    func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
        router.registerHandler(
            forMethod: Self.method, deserializer: Raw(), serializer: Raw()
        ) { request, _ in
            let message = try await ServerRequest(stream: request).message
            return StreamingServerResponse(single: ServerResponse(message: message))
        }
    }

    static func call(_ message: [UInt8], with client: LedgerClient) async throws -> [UInt8] {
        try await client.unary(
            request: ClientRequest(message: message), descriptor: method, serializer: Raw(),
            deserializer: Raw(), options: .defaults
        ) { try $0.message }
    }
}

@Suite(.timeLimit(.minutes(1))) struct MessageLimitTests {
    let directory: TemporaryDirectory
    let path: String

    init() throws {
        directory = try TemporaryDirectory()
        path = directory.file("s")
    }

    @Test func `a message of 16 MiB goes both ways and a larger one is refused`() async throws {
        try await withServer(LedgerServer(socketPath: path, services: [Echo()])) {
            try await withLedgerConnection(socket: path) { client in
                let largest = [UInt8](repeating: 7, count: 16 << 20)
                let echoed = try await Echo.call(largest, with: client)
                #expect(echoed == largest)
                for _ in 0..<3 {
                    let error = await #expect(throws: RPCError.self) {
                        try await Echo.call(largest + [7], with: client)
                    }
                    #expect(error?.code == .resourceExhausted)
                    #expect(error?.message.contains("16777217") == true)
                }
                // The connection is as good as before.
                let again = try await Echo.call(largest, with: client)
                #expect(again == largest)
            }
        }
    }
}

@Suite struct MessageFramingTests {
    private func message(_ length: Int) -> [UInt8] {
        [0] + (0..<4).reversed().map { UInt8(truncatingIfNeeded: length >> ($0 * 8)) }
            + [UInt8](repeating: 255, count: length)
    }

    @Test(arguments: 1...12)
    func `a message that is too long is found however the bytes arrive`(_ chunk: Int) {
        let lengths = [0, 3, 100, 0, 0, 1, 100]
        let bytes = lengths.flatMap(message) + message(101).prefix(5)
        var framing = MessageFraming()
        for start in stride(from: 0, to: bytes.count, by: chunk) {
            let end = min(start + chunk, bytes.count)
            let found = framing.read(ByteBufferView(bytes[start..<end]), lengthMax: 100)
            #expect(found == (end == bytes.count ? 101 : nil))
        }
    }
}
