import LedgerTesting
import Testing

@testable import LedgerCore

/// Lines of events: what is taken, and that it comes back as it went (accounting.md §2).
struct EventLineTests {
    @Test(arguments: Samples.payloads)
    func `a line of every type is read back from its canonical text`(payload: EventPayload) throws {
        let line = try Samples.line(payload)
        let bytes = line.canonicalBytes
        let again = try Samples.parse(bytes)
        #expect(again == line)
        #expect(again.canonicalBytes == bytes)
        #expect(again.event.payload.canonicalBytes == payload.canonicalBytes)
        // Canonical by the writer of trees as well, which sorts by itself.
        #expect(try JSONValue(parsing: bytes).canonicalBytes == bytes)
    }

    @Test func `there is a sample of every type`() {
        #expect(Set(Samples.payloads.map(\.type)) == Set(EventType.allCases))
        for type in EventType.allCases { #expect(EventType(rawValue: type.rawValue) == type) }
    }

    @Test(arguments: Samples.payloads)
    func `the optional members may all be missing or null`(payload: EventPayload) throws {
        var members = try Samples.members(payload)
        let optional: Set<String> = [
            "causation_id", "correlation_id", "expected_version", "book", "schema_version",
        ]
        for name in optional { members[name] = .null }
        guard case .object(var inner)? = members["payload"] else { return }
        for name in inner.keys where !required(payload.type).contains(name) { inner[name] = .null }
        members["payload"] = .object(inner)
        let nulls = try Samples.parse(JSONValue.object(members).canonicalBytes)
        for name in optional { members[name] = nil }
        inner = inner.filter { $0.value != .null }
        members["payload"] = .object(inner)
        let absent = try Samples.parse(JSONValue.object(members).canonicalBytes)
        #expect(nulls == absent)
        #expect(absent.book == .main)
        #expect(absent.event.expectedVersion == .any)
        #expect(absent.event.schemaVersion == 1)
        #expect(try Samples.parse(absent.canonicalBytes) == absent)
    }

    @Test(arguments: Samples.payloads)
    func `a required member that is missing or null is named`(payload: EventPayload) throws {
        let whole = try Samples.members(payload)
        for name in ["position_id", "type", "effective_at", "source", "payload"] {
            var members = whole
            members[name] = nil
            #expect(Samples.refusal(members)?.field == name)
            members[name] = .null
            #expect(Samples.refusal(members)?.field == name, "null")
        }
        guard case .object(let inner)? = whole["payload"] else { return }
        for name in required(payload.type) {
            for absent in [nil, JSONValue.null] {
                var (members, payload) = (whole, inner)
                payload[name] = absent
                members["payload"] = .object(payload)
                let refusal = Samples.refusal(members)
                #expect(refusal?.field == "payload.\(name)")
                #expect(refusal?.cure == "is required")
            }
        }
    }

    @Test func `a required term of a leg that is missing is named with its leg`() throws {
        let whole = try Samples.members(.opened(Samples.opened))
        let terms = [
            "leg", "venue", "account", "instrument", "kind", "side", "target_qty", "multiplier",
            "base", "quote", "settle", "qty_scale", "price_scale", "settle_scale",
        ]
        for name in terms {
            guard case .object(var inner)? = whole["payload"],
                case .array(var legs)? = inner["legs"],
                case .object(var second) = legs[1]
            else { return }
            #expect(second[name] != nil, "\(name)")
            second[name] = nil
            legs[1] = .object(second)
            inner["legs"] = .array(legs)
            var members = whole
            members["payload"] = .object(inner)
            #expect(Samples.refusal(members)?.field == "payload.legs[1].\(name)")
        }
    }

    /// accounting.md §2, the table's second column.
    private func required(_ type: EventType) -> [String] {
        switch type {
        case .positionOpened: ["strategy", "asset", "legs"]
        case .legFillRecorded:
            ["leg", "trade_id", "side", "qty", "px", "fee", "fee_asset", "liquidity"]
        case .fundingRecorded: ["leg", "funding_time", "amount", "asset"]
        case .feeRecorded: ["leg", "amount", "asset", "category"]
        case .feeValued: ["target_event_id", "rate", "source"]
        case .markRecorded: ["leg", "px"]
        case .adjustmentRecorded: ["leg", "category", "reason"]
        case .closeRequested, .positionClosed, .positionCancelled: ["reason"]
        case .eventVoided: ["target_event_id", "reason"]
        }
    }

    @Test(arguments: Samples.payloads)
    func `members may come in any order, with white space`(payload: EventPayload) throws {
        let members = try Samples.members(payload)
        var random = SeededRandom(seed: 7)
        for _ in 0..<10 {
            let order = random.shuffled(members.keys.sorted())
            let text = order.map { name in
                let value = String(
                    decoding: members[name]?.canonicalBytes ?? [], as: UTF8.self)
                return " \"\(name)\" :\t\(value)\r"
            }
            let bytes = Array((" {" + text.joined(separator: ",") + "} ").utf8)
            #expect(try Samples.parse(bytes) == Samples.line(payload), "order \(order)")
        }
    }

    @Test func `an expected version is a number, a word or null`() throws {
        var members = try Samples.members(.closed(.stop))
        let cases: [(JSONValue?, ExpectedVersion)] = [
            (nil, .any), (.null, .any), (.string("any"), .any), (.string("no_stream"), .noStream),
            (.number("0"), .noStream), (.number("7"), .exact(StreamVersion(rawValue: 7))),
            (.number("9223372036854775807"), .exact(StreamVersion(rawValue: .max))),
        ]
        for (value, expected) in cases {
            members["expected_version"] = value
            let line = try Samples.parse(JSONValue.object(members).canonicalBytes)
            #expect(line.event.expectedVersion == expected)
            #expect(try Samples.parse(line.canonicalBytes) == line)
        }
        for wrong in [JSONValue.number("-1"), .number("1.5"), .string("7"), .bool(true)] {
            members["expected_version"] = wrong
            #expect(Samples.refusal(members)?.field == "expected_version", "\(wrong)")
        }
    }

    @Test func `the payload's own form does not depend on how it was written`() throws {
        let text =
            #"{"px":"100.2500","leg":"a","qty":"0.50","side":"buy","trade_id":"tA","#
            + #""fee":"0","fee_asset":"USDT","liquidity":"taker","part":0,"order_id":null}"#
        let canonical =
            #"{"fee":"0","fee_asset":"USDT","leg":"a","liquidity":"taker","#
            + #""px":"100.25","qty":"0.5","side":"buy","trade_id":"tA"}"#
        let payload = try Array(text.utf8).withUnsafeBufferPointer {
            try EventPayload(.legFillRecorded, parsing: $0)
        }
        #expect(String(decoding: payload.canonicalBytes, as: UTF8.self) == canonical)
        let other =
            #"{"px":"100.25","leg":"a","qty":"0.5","side":"buy","trade_id":"\u0074\u0041","#
            + #""fee":"0.0","fee_asset":"USDT","liquidity":"taker"}"#
        let same = try Array(other.utf8).withUnsafeBufferPointer {
            try EventPayload(.legFillRecorded, parsing: $0)
        }
        #expect(same == payload)
    }

    @Test func `the default book is the caller's`() throws {
        var members = try Samples.members(.closed(.stop))
        members["book"] = nil
        let bytes = JSONValue.object(members).canonicalBytes
        let desk = BookName("desk") ?? .main
        let line = try bytes.withUnsafeBufferPointer {
            try EventLine(parsing: $0, defaultBook: desk)
        }
        #expect(line.book == desk)
    }
}
