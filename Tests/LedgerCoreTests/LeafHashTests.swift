import LedgerTesting
import Testing

@testable import LedgerCore

/// The hash of a recorded event, against values that other code has made.
struct LeafHashTests {
    /// The golden values are of this Python, where `m` is a member: its length in 4 octets,
    /// big-endian, and its octets:
    ///
    ///     m = lambda x: struct.pack(">I", len(x)) + x
    ///     sha256(b"\x00nexus.event.v1" + m(book) + m(pack(">q", log_position))
    ///         + m(position_id.bytes) + m(pack(">q", version)) + m(event_id.bytes) + m(type)
    ///         + m(pack(">i", schema_version)) + m(pack(">q", effective_at_us))
    ///         + m(pack(">q", recorded_at_us)) + m(source) + m(actor or b"")
    ///         + m(causation_id.bytes or b"") + m(correlation_id.bytes or b"")
    ///         + m(sha256(payload)))
    private static let plain = "2bf3b391138b84b104fc79502d05271b459238049f49eb73309eebdbed7ebea2"
    private static let whole = "c6b86c0f11d4aedb1e7cc521de593afef3cd5b9fbe43176ee24be03a9fe3f563"
    private static let payloadDigest =
        "3d56cac3ee3a6c2e63a63e52717aba38bdba829e8edaa395689305d2606b7fc8"
    private static let payload =
        Array(
            #"{"fee":"0.1","fee_asset":"USDT","leg":"a","liquidity":"taker","px":"100","qty":"1","#
                .utf8) + Array(#""side":"buy","trade_id":"t2"}"#.utf8)

    private func input(_ change: (inout NewEvent) -> Void = { _ in }) throws -> LeafHash.Input {
        var story = PositionStory()
        var event = story.make(
            .fill(
                Fill(
                    leg: "a", tradeID: "t2", side: .buy, qty: .of("1"), px: .of("100"),
                    fee: .of("0.1"), feeAsset: "USDT", liquidity: .taker)),
            at: .of("2026-01-01T10:00:00Z"))
        event.positionID = try #require(UUID("0190b4a2-7c00-7000-8000-000000000001"))
        event.source = .venueWS
        event.actor = nil
        change(&event)
        #expect(event.payloadBytes == LeafHashTests.payload)
        return LeafHash.Input(
            book: .main, logPosition: LogPosition(rawValue: 42),
            version: StreamVersion(rawValue: 2),
            eventID: try #require(UUID("951e6f65-4776-5411-9be2-5cbb29f21f4d")),
            recordedAt: .of("2026-01-01T10:00:01.5Z"), event: event,
            payloadDigest: LeafHash.digest(of: event.payloadBytes))
    }

    private func hex(_ octets: some Sequence<UInt8>) -> String {
        octets.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }

    @Test func `a payload's digest is its SHA-256`() {
        #expect(hex(LeafHash.digest(of: LeafHashTests.payload)) == LeafHashTests.payloadDigest)
        #expect(
            hex(LeafHash.digest(of: []))
                == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    }

    @Test func `an event's hash is the one that an auditor recomputes`() throws {
        #expect(hex(LeafHash.compute(try input())) == LeafHashTests.plain)
    }

    @Test func `a hash covers the book, the actor and the ids of cause and correlation`() throws {
        var whole = try input {
            $0.actor = "öps"
            $0.source = .manual
            $0.schemaVersion = 2
            $0.causationID = UUID("0190b4a2-7c00-7000-8000-000000000003")
            $0.correlationID = UUID("0190b4a2-7c00-7000-8000-000000000004")
        }
        whole.book = try #require(BookName("desk-1"))
        #expect(hex(LeafHash.compute(whole)) == LeafHashTests.whole)
    }

    @Test func `each member moves the hash`() throws {
        let plain = try input()
        let changes: [(inout LeafHash.Input) -> Void] = [
            { $0.book = BookName("other") ?? .main },
            { $0.logPosition = LogPosition(rawValue: 43) },
            { $0.positionID = UUID(high: 1, low: 1) },
            { $0.version = StreamVersion(rawValue: 3) },
            { $0.eventID = UUID(high: 1, low: 1) },
            { $0.type = .feeRecorded },
            { $0.schemaVersion = 2 },
            { $0.effectiveAt = Timestamp(microseconds: $0.effectiveAt.microseconds + 1) },
            { $0.recordedAt = Timestamp(microseconds: $0.recordedAt.microseconds + 1) },
            { $0.source = .venueREST },
            { $0.actor = "a" },
            { $0.causationID = UUID(high: 1, low: 1) },
            { $0.correlationID = UUID(high: 1, low: 1) },
            { $0.payloadDigest = LeafHash.digest(of: [0]) },
        ]
        var hashes: Set<[UInt8]> = [LeafHash.compute(plain)]
        for change in changes {
            var changed = plain
            change(&changed)
            hashes.insert(LeafHash.compute(changed))
        }
        #expect(hashes.count == changes.count + 1)
    }

    @Test func `octets do not slide from one member to the next`() throws {
        var (first, second) = (try input(), try input())
        first.actor = "ab"
        second.actor = "a"
        #expect(LeafHash.compute(first) != LeafHash.compute(second))
        (first, second) = (try input(), try input())
        first.causationID = UUID(high: 1, low: 1)
        second.correlationID = UUID(high: 1, low: 1)
        #expect(LeafHash.compute(first) != LeafHash.compute(second))
    }

    @Test func `hashes are appended one after the other, whatever the scratch held`() throws {
        var output: [UInt8] = [7]
        var scratch: [UInt8] = [1, 2, 3]
        LeafHash.append(try input(), to: &output, scratch: &scratch)
        LeafHash.append(try input(), to: &output, scratch: &scratch)
        let hash = LeafHash.compute(try input())
        #expect(output == [7] + hash + hash)
    }
}
