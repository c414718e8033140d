import LedgerTesting
import Testing

@testable import LedgerCore

/// How payloads of older schema versions are read.
struct UpcasterTests {
    /// In version 1 of this vocabulary a mark's price was named `price`.
    private let upcasters = Upcasters([
        Upcaster(type: .markRecorded, from: 1) { value throws(InvalidField) in
            guard case .object(var members) = value else {
                throw InvalidField("payload", "", "must be a JSON object")
            }
            members["px"] = members.removeValue(forKey: "price")
            return .object(members)
        }
    ])

    private func line(
        _ payload: String, type: String = "mark_recorded", version: String?, first: Bool = true
    ) -> [UInt8] {
        let word = version.map { "\"schema_version\":\($0)," } ?? ""
        let rest =
            #""position_id":"00000000-0000-0001-0000-000000000002","#
            + #""effective_at":"2026-01-01T00:00:00Z","source":"venue_ws","#
            + #""event_id":"00000000-0000-0001-0000-000000000003","type":"\#(type)","#
        let body = "\"payload\":" + payload
        let text = first ? word + rest + body : rest + body + "," + word.dropLast()
        return Array(("{" + text + "}").utf8)
    }

    private func parse(_ bytes: [UInt8]) throws -> EventLine {
        try Samples.parse(bytes, upcasters: upcasters)
    }

    private func refusal(_ bytes: [UInt8], _ upcasters: Upcasters) -> String? {
        do {
            _ = try Samples.parse(bytes, upcasters: upcasters)
            return nil
        } catch { return (error as? InvalidField)?.field }
    }

    private let old = #"{"price":"100.50","leg":"a"}"#
    private let new = #"{"leg":"a","px":"100.5"}"#

    @Test(arguments: [true, false])
    func `a payload of version 1 is raised to version 2 when it is read`(first: Bool) throws {
        let event = try parse(line(old, version: "1", first: first)).event
        #expect(event.payload == .mark(Mark(leg: "a", px: .of("100.5"))))
        // It keeps the version and the octets with which it came, in canonical form.
        #expect(event.schemaVersion == 1)
        #expect(
            String(decoding: event.payloadBytes, as: UTF8.self)
                == #"{"leg":"a","price":"100.50"}"#)
    }

    @Test(arguments: ["2", nil])
    func `a payload of the current version is read as it is`(version: String?) throws {
        let event = try parse(line(new, version: version)).event
        #expect(event.payload == .mark(Mark(leg: "a", px: .of("100.5"))))
        #expect(event.schemaVersion == 2)
        #expect(event.originalBytes == nil)
        #expect(refusal(line(old, version: version), upcasters) == "payload.price")
    }

    @Test func `an unknown version is refused`() {
        for version in ["3", "4", "2147483647"] {
            #expect(refusal(line(new, version: version), upcasters) == "schema_version")
            #expect(
                refusal(line(new, version: version, first: false), upcasters) == "schema_version")
        }
        for version in ["0", "-1", "2147483648", "\"1\"", "1.0"] {
            #expect(refusal(line(new, version: version), upcasters) == "schema_version")
        }
        #expect(refusal(line(new, version: "2"), .standard) == "schema_version")
        #expect(refusal(line(new, version: "1"), .standard) == nil)
    }

    @Test func `other types stay at their version`() throws {
        #expect(upcasters.currentVersion(of: .markRecorded) == 2)
        #expect(upcasters.currentVersion(of: .closeRequested) == 1)
        let close = line(#"{"reason":"x"}"#, type: "close_requested", version: nil)
        #expect(try parse(close).event.schemaVersion == 1)
        let raised = line(#"{"reason":"x"}"#, type: "close_requested", version: "2")
        #expect(refusal(raised, upcasters) == "schema_version")
    }

    @Test func `what an upcaster refuses is refused`() {
        #expect(refusal(line("[]", version: "1"), upcasters) == "payload")
        #expect(refusal(line(#"{"leg":"a"}"#, version: "1"), upcasters) == "payload.px")
    }

    @Test func `versions are raised step by step`() throws {
        let steps = Upcasters([
            Upcaster(type: .closeRequested, from: 2) { value throws(InvalidField) in
                .object(["reason": .string((value["why"]?.text ?? "") + "!")])
            },
            Upcaster(type: .closeRequested, from: 1) { value throws(InvalidField) in
                .object(["why": value["because"] ?? .null])
            },
        ])
        let first = line(#"{"because":"x"}"#, type: "close_requested", version: "1")
        #expect(
            try Samples.parse(first, upcasters: steps).event.payload
                == .closeRequested(reason: "x!"))
        let second = line(#"{"why":"y"}"#, type: "close_requested", version: "2")
        #expect(
            try Samples.parse(second, upcasters: steps).event.payload
                == .closeRequested(reason: "y!"))
        let gap = Upcasters([Upcaster(type: .closeRequested, from: 2) { $0 }])
        #expect(refusal(first, gap) == "schema_version")
    }

    @Test(arguments: ["1", "2"])
    func `a line of any known version is read back from its canonical text`(
        version: String
    ) throws {
        let read = try parse(line(version == "1" ? old : new, version: version))
        #expect(try parse(read.canonicalBytes) == read)
    }
}
