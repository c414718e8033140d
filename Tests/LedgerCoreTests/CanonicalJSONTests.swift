import LedgerTesting
import Testing

@testable import LedgerCore

/// RFC 8785: what is stored and hashed has one form.
struct CanonicalJSONTests {
    private func written(_ write: (inout CanonicalJSON) -> Void) -> String {
        var json = CanonicalJSON()
        write(&json)
        return json.text
    }

    private func canonical(_ text: String) throws -> String {
        String(decoding: try JSONValue(parsing: Array(text.utf8)).canonicalBytes, as: UTF8.self)
    }

    @Test func `each control character has its shortest escape`() {
        let named: [UInt32: String] = [8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r"]
        for code in UInt32(0)..<0x20 {
            let text = Unicode.Scalar(code).map(String.init) ?? ""
            let hex = String(code, radix: 16)
            let long = "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            #expect(written { $0.string(text) } == "\"" + (named[code] ?? long) + "\"")
        }
    }

    @Test func `only quotes, backslashes and control characters are escaped`() {
        let text = "\"\\/é€😀\u{7F}\u{2028}<>&'"
        #expect(written { $0.string(text) } == "\"\\\"\\\\/é€😀\u{7F}\u{2028}<>&'\"")
        #expect(written { $0.string("") } == "\"\"")
        #expect(written { $0.string("a\nb\"c") } == #""a\nb\"c""#)
    }

    @Test func `the example of RFC 8785 is written as it says`() throws {
        // §3.2.2 without its floating-point numbers, which no payload has.
        let text = #"""
            { "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
              "literals": [null, true, false] }
            """#
        #expect(
            try canonical(text)
                == #"{"literals":[null,true,false],"string":"€$\u000f\nA'B\"\\\\\"/"}"#)
    }

    @Test func `members are ordered by their UTF-16 units`() throws {
        // §3.2.3: the values name the order that is due. U+1F600 starts with the unit D83D and so
        // stands before U+FB33, which code points would put first.
        let text = #"""
            { "€": "4", "\#u{FB33}": "6", "1": "1", "😀": "5", "\#u{80}": "2", "ö": "3" }
            """#
        #expect(
            try canonical(text)
                == "{\"1\":\"1\",\"\u{80}\":\"2\",\"ö\":\"3\",\"€\":\"4\","
                + "\"😀\":\"5\",\"\u{FB33}\":\"6\"}"
        )
        #expect(JSONValue.precedes("a", "aa"))
        #expect(!JSONValue.precedes("a", "a"))
        #expect(JSONValue.precedes("B", "a"))
    }

    @Test func `values are separated by commas, and nothing else`() {
        let text = written { json in
            json.beginObject()
            json.key("a")
            json.beginArray()
            json.integer(0)
            json.integer(-9_223_372_036_854_775_808)
            json.integer(.max)
            json.bool(true)
            json.null()
            json.beginObject()
            json.endObject()
            json.beginArray()
            json.endArray()
            json.endArray()
            json.key("b" as String)
            json.decimal(.of("-0.10"))
            json.key("c")
            json.timestamp(Timestamp(microseconds: 0))
            json.key("d")
            json.uuid(UUID(high: 1, low: 2))
            json.key("e")
            json.raw(Array("[1]".utf8))
            json.endObject()
        }
        #expect(
            text == #"{"a":[0,-9223372036854775808,9223372036854775807,true,null,{},[]],"#
                + #""b":"-0.1","c":"1970-01-01T00:00:00Z","#
                + #""d":"00000000-0000-0001-0000-000000000002","e":[1]}"#)
    }

    @Test func `what was written since a mark can be dropped`() {
        let text = written { json in
            json.beginArray()
            json.integer(1)
            let mark = json.mark
            json.string("dropped")
            json.rewind(to: mark)
            json.integer(2)
            json.endArray()
        }
        #expect(text == "[1,2]")
    }

    @Test(arguments: seeds)
    func `any value is read back from its canonical form, which stays`(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        for round in 0..<200 {
            let value = random.json(depth: 4)
            let bytes = value.canonicalBytes
            let again = try JSONValue(parsing: bytes)
            let note: Comment = "seed \(seed), round \(round): \(value)"
            #expect(again == value, note)
            #expect(again.canonicalBytes == bytes, note)
        }
    }
}

extension SeededRandom {
    /// A text of any characters, hostile ones more often than not.
    mutating func text() -> String {
        let hostile = "\"\\/\u{0}\u{1}\u{8}\n\r\t\u{1F}\u{7F}é€\u{D7FF}\u{E000}\u{FFFD}\u{FFFF}😀"
        let scalars = Array(hostile.unicodeScalars)
        var text = String.UnicodeScalarView()
        for _ in 0..<below(8) {
            let code = UInt32(below(0x110000))
            text.append(chance(50) ? one(of: scalars) : Unicode.Scalar(code) ?? "x")
        }
        return String(text)
    }

    /// A value of any kind.
    mutating func json(depth: Int) -> JSONValue {
        switch below(depth > 0 ? 6 : 4) {
        case 0: return .null
        case 1: return .bool(chance(50))
        case 2: return .number(String(Int64(bitPattern: next())))
        case 3: return .string(text())
        case 4: return .array((0..<below(4)).map { _ in json(depth: depth - 1) })
        default:
            var members: [String: JSONValue] = [:]
            for _ in 0..<below(4) {
                members[text()] = json(depth: depth - 1)
            }
            return .object(members)
        }
    }
}
