import LedgerTesting
import Testing

@testable import LedgerCore

/// Lines that are refused, each with the member that is wrong (accounting.md §§1–2).
struct EventLineRefusalTests {
    @Test(arguments: Samples.payloads)
    func `an unknown member is refused and named`(payload: EventPayload) throws {
        var members = try Samples.members(payload)
        members["colour"] = .string("red")
        #expect(Samples.refusal(members)?.field == "colour")
        members["colour"] = nil
        guard case .object(var inner)? = members["payload"] else { return }
        inner["colour"] = .null
        members["payload"] = .object(inner)
        #expect(Samples.refusal(members)?.field == "payload.colour")
    }

    @Test(arguments: Samples.payloads)
    func `a member of another type of value is refused and named`(payload: EventPayload) throws {
        let whole = try Samples.members(payload)
        let wrongs: [JSONValue] = [
            .bool(true), .array([.string("a")]), .object(["x": .string("y")]), .number("1.5"),
        ]
        for name in whole.keys {
            for wrong in wrongs {
                var members = whole
                members[name] = wrong
                let field = try #require(Samples.refusal(members)?.field, "\(name): \(wrong)")
                #expect(field == name || field.hasPrefix("payload"), "\(name): \(wrong)")
            }
        }
        guard case .object(let inner)? = whole["payload"] else { return }
        for name in inner.keys {
            for wrong in wrongs where !isTaken(wrong, name) {
                var (members, payload) = (whole, inner)
                payload[name] = wrong
                members["payload"] = .object(payload)
                let field = try #require(Samples.refusal(members)?.field, "\(name): \(wrong)")
                #expect(field.hasPrefix("payload.\(name)"), "\(name): \(wrong) gives \(field)")
            }
        }
    }

    /// Labels are a list of words or words by name.
    private func isTaken(_ value: JSONValue, _ name: String) -> Bool {
        guard name == "tags" else { return false }
        switch value {
        case .array, .object: return true
        default: return false
        }
    }

    /// The text of the member of a fill, by a JSON text, and what is refused.
    @Test(
        arguments: [
            ("qty", "1"), ("qty", "\"0\""), ("qty", "\"-1\""), ("qty", "\"1e3\""), ("qty", "\"\""),
            ("qty", "\"0.0000000000000000001\""), ("qty", "\"100000000000000000000\""),
            ("px", "\"0\""), ("px", "\"-1\""), ("px", "\"+1\""), ("px", "\"01\""),
            ("fee", "0.1"), ("fee", "\"-0\""), ("fee", "\"0,1\""),
            ("venue_value", "\"-0.1\""), ("ref_px", "\"0\""), ("fee_rate", "\"-1\""),
            ("part", "-1"), ("part", "\"0\""), ("part", "1.0"), ("part", "2147483648"),
            ("part", "-0"), ("part", "1e0"), ("side", "\"Buy\""), ("side", "\"\""),
            ("liquidity", "\"both\""), ("intent", "\"hedge\""), ("cause", "\"luck\""),
            ("replaces", "\"x\""), ("replaces", "7"), ("trade_id", "\"\""), ("trade_id", "7"),
            ("trade_id", "\"a\\u0000b\""), ("leg", "\"\""), ("fee_asset", "\"\""),
        ])
    func `a fill's member that is wrong is refused and named`(name: String, json: String) throws {
        guard case .object(var inner)? = try Samples.members(Samples.payloads[1])["payload"] else {
            return
        }
        inner[name] = .number(json)
        let bytes = JSONValue.object(inner).canonicalBytes
        let error = #expect(throws: InvalidField.self) {
            _ = try bytes.withUnsafeBufferPointer {
                try EventPayload(.legFillRecorded, parsing: $0)
            }
        }
        #expect(error?.field == "payload.\(name)")
        #expect(error?.cure.isEmpty == false)
    }

    @Test func `a text has a limit in octets`() throws {
        var members = try Samples.members(.closeRequested(reason: "x"))
        func reason(_ count: Int, _ text: String) -> InvalidField? {
            members["payload"] = .object(["reason": .string(String(repeating: text, count: count))])
            return Samples.refusal(members)
        }
        #expect(reason(2_000, "x") == nil)
        #expect(reason(1_000, "é") == nil)
        #expect(reason(2_001, "x")?.field == "payload.reason")
        #expect(reason(1_001, "é")?.field == "payload.reason")
        members["payload"] = .object(["reason": .string("x")])
        members["actor"] = .string(String(repeating: "x", count: 128))
        #expect(Samples.refusal(members) == nil)
        members["actor"] = .string(String(repeating: "x", count: 129))
        #expect(Samples.refusal(members)?.field == "actor")
    }

    @Test func `an actor is required for events by hand, voids and adjustments`() throws {
        for payload in Samples.payloads {
            var members = try Samples.members(payload)
            members["actor"] = nil
            let isRequired = [.eventVoided, .adjustmentRecorded].contains(payload.type)
            #expect(
                Samples.refusal(members)?.field == (isRequired ? "actor" : nil), "\(payload.type)")
            members["source"] = .string("manual")
            #expect(Samples.refusal(members)?.field == "actor", "\(payload.type)")
        }
    }

    @Test func `an event brings its own id unless the ledger derives it`() throws {
        for payload in Samples.payloads {
            var members = try Samples.members(payload)
            members["event_id"] = nil
            #expect(
                Samples.refusal(members)?.field == (payload.type.derivesID ? nil : "event_id"),
                "\(payload.type)")
        }
    }

    @Test func `a member of a line that is named twice is refused`() throws {
        let bytes = try Samples.line(.closed(.stop)).canonicalBytes
        let text = String(decoding: bytes, as: UTF8.self)
        for name in try Samples.members(.closed(.stop)).keys.sorted() {
            let start = try #require(text.ranges(of: "\"\(name)\":").first)
            let again = text.dropLast() + "," + text[start.lowerBound...]
            // The rest of the line again: its first member is the one that is named twice.
            let field = Samples.refusal(Array(again.utf8))?.field
            #expect(field == name, "\(name)")
        }
        let inner = text.replacing(
            #"{"reason":"stop"}"#, with: #"{"reason":"stop","reason":"stop"}"#)
        #expect(inner != text)
        #expect(Samples.refusal(Array(inner.utf8))?.field == "payload.reason")
    }

    @Test(arguments: ["", "[]", "null", "7", "\"x\"", "{", "{}x", "{\"type\":}", "position"])
    func `what is no object is refused`(text: String) {
        #expect(Samples.refusal(Array(text.utf8)) != nil)
    }

    @Test func `what stands behind the line's object is refused`() throws {
        let bytes = try Samples.line(.closed(.stop)).canonicalBytes
        #expect(Samples.refusal(bytes + Array(" \t".utf8)) == nil)
        for rest in ["x", "{}", ",", "}", "\u{0}"] {
            #expect(Samples.refusal(bytes + Array(rest.utf8)) != nil, "\(rest)")
        }
    }

    @Test func `legs are one to 32, of distinct names`() throws {
        func refusal(_ legs: [LegTerms]) throws -> InvalidField? {
            let opened = PositionOpened(strategy: "s", asset: "BTC", legs: legs)
            return Samples.refusal(try Samples.line(.opened(opened)).canonicalBytes)
        }
        #expect(try refusal((1...32).map { .some("leg\($0)") }) == nil)
        #expect(try refusal([])?.field == "payload.legs")
        #expect(try refusal((1...33).map { .some("leg\($0)") })?.field == "payload.legs")
        #expect(try refusal([.some("a"), .some("b"), .some("a")])?.field == "payload.legs[2].leg")
        // Names that only look alike are distinct.
        #expect(try refusal([.some("\u{E9}"), .some("e\u{301}")]) == nil)
    }

    @Test func `a signal's price belongs to a leg of the position`() throws {
        var opened = Samples.opened
        opened.signal?.refPx["z"] = .of("1")
        let line = try Samples.line(.opened(opened))
        #expect(Samples.refusal(line.canonicalBytes)?.field == "payload.signal.ref_px")
    }

    @Test func `labels are words, at most 64`() throws {
        func refusal(_ tags: JSONValue) throws -> String? {
            var members = try Samples.members(.opened(Samples.opened))
            guard case .object(var inner)? = members["payload"] else { return nil }
            inner["tags"] = tags
            members["payload"] = .object(inner)
            return Samples.refusal(members)?.field
        }
        let words = (1...64).map { JSONValue.string("w\($0)") }
        #expect(try refusal(.array(words)) == nil)
        #expect(try refusal(.array(words + [.string("x")])) == "payload.tags")
        #expect(try refusal(.array([.number("1")])) == "payload.tags")
        #expect(try refusal(.array([.string("")])) == "payload.tags")
        #expect(try refusal(.object(["a": .number("1")])) == "payload.tags")
        #expect(try refusal(.object(["a": .string("")])) == "payload.tags.a")
        #expect(try refusal(.string("a")) == "payload.tags")
    }
}
