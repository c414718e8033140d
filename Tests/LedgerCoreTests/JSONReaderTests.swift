import Testing

@testable import LedgerCore

/// RFC 8259, strictly: what is not JSON is refused, with its place.
struct JSONReaderTests {
    private func parsed(_ bytes: [UInt8]) -> JSONValue? { try? JSONValue(parsing: bytes) }
    private func parsed(_ text: String) -> JSONValue? { parsed(Array(text.utf8)) }

    @Test(
        arguments: [
            ("null", JSONValue.null), ("true", .bool(true)), (" false ", .bool(false)),
            ("0", .number("0")), ("-0", .number("-0")), ("12.50", .number("12.50")),
            ("1e5", .number("1e5")), ("-1.5E+07", .number("-1.5E+07")), ("\"\"", .string("")),
            ("[]", .array([])), ("{}", .object([:])),
            ("\t[ 1 ,\r\n2 ]", .array([.number("1"), .number("2")])),
            ("{\"a\" : {\"b\":[null]} }", .object(["a": .object(["b": .array([.null])])])),
        ])
    func `JSON is read to its value`(text: String, value: JSONValue) {
        #expect(parsed(text) == value)
    }

    @Test(
        arguments: [
            "", " ", "nul", "nulll", "True", "01", "-", "-a", "+1", ".5", "1.", "1.e5", "1e", "1e+",
            "0x1", "1 2", "NaN", "Infinity", "'a'", "\"a", "\"a\"b", "[", "]", "[1", "[1,", "[1,]",
            "[,1]", "[1 2]", "[1;2]", "{", "}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,}",
            "{\"a\":1 \"b\":2}", "{a:1}", "{1:1}", "{\"a\" 1}", "[1}", "{\"a\":1]", "1,", "[]]",
            "{}{}", "null null", "// x\n1", "[1,,2]", "\u{FEFF}1", "[\u{A0}1]", "\"\t\"", "\"\n\"",
            "\"\u{0}\"", "{\"a\u{1}\":1}",
        ])
    func `what is not JSON is refused`(text: String) {
        #expect(parsed(text) == nil)
    }

    @Test func `each escape is resolved`() {
        let text = #""\"\\\/\b\f\n\r\t\u0041\u00e9\u20AC\ud83d\ude00\u0000""#
        #expect(parsed(text) == .string("\"\\/\u{8}\u{C}\n\r\tAé€😀\u{0}"))
    }

    @Test func `an escape in a name is resolved, and in a word`() throws {
        #expect(parsed(#"{"\u0061\n":1}"#) == .object(["a\n": .number("1")]))
        let plain =
            Array(
                #"{"leg":"a","trade_id":"7","side":"buy","qty":"1","px":"2","fee":"0","#
                    .utf8) + Array(#""fee_asset":"USD","liquidity":"maker"}"#.utf8)
        let text = String(decoding: plain, as: UTF8.self)
            .replacing("side", with: #"s\u0069de"#).replacing("buy", with: #"\u0062uy"#)
            .replacing(#""1""#, with: #""\u0031""#)
        func payload(_ bytes: [UInt8]) throws -> EventPayload {
            try bytes.withUnsafeBufferPointer { try EventPayload(.legFillRecorded, parsing: $0) }
        }
        #expect(try payload(Array(text.utf8)) == payload(plain))
    }

    @Test(
        arguments: [
            #""\ud800""#, #""\udc00""#, #""\ud800\ud800""#, #""\ud83dx""#, #""\ud83d\n""#,
            #""\ud83d\u0041""#, #""\ud83d\u""#, #""\ud83d\ude0""#, #""x\ud83d""#,
            #""\ude00\ud83d""#,
        ])
    func `a lone surrogate is refused`(text: String) {
        #expect(parsed(text) == nil)
    }

    @Test(
        arguments: [
            #""\x""#, #""\u""#, #""\u12""#, #""\u12g4""#, #""\U0041""#, #""\""#, #""\u00 1""#,
            #""\a""#, #""\0""#,
        ])
    func `an unknown escape is refused`(text: String) {
        #expect(parsed(text) == nil)
    }

    /// Lone and missing continuations, overlong forms, surrogates, beyond U+10FFFF.
    private static let badUTF8: [[UInt8]] = [
        [0x80], [0xBF, 0x41], [0xC3], [0xC3, 0x41], [0xE2, 0x82], [0xE2, 0x82, 0x41],
        [0xF0, 0x9F, 0x98], [0xC0, 0x80], [0xC1, 0xBF], [0xE0, 0x80, 0x80],
        [0xF0, 0x80, 0x80, 0x80],
        [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF], [0xF4, 0x90, 0x80, 0x80], [0xF8, 0x88, 0x80, 0x80],
        [0xFE], [0xFF],
    ]

    @Test(arguments: badUTF8)
    func `bad UTF-8 in a string is refused`(octets: [UInt8]) {
        let quote = UInt8(ascii: "\"")
        #expect(parsed([quote] + octets + [quote]) == nil)
        // Beside an escape, where the string takes another way.
        #expect(parsed([quote] + octets + Array(#"\n""#.utf8)) == nil)
        #expect(parsed(octets) == nil)
    }

    @Test(arguments: badUTF8)
    func `bad UTF-8 in a member's name is refused`(octets: [UInt8]) {
        #expect(parsed(Array("{\"".utf8) + octets + Array("\":1}".utf8)) == nil)
    }

    @Test func `a member that is named twice is refused and named`() {
        #expect(throws: InvalidField("a", "", "named twice")) {
            try JSONValue(parsing: Array(#"{"a":1,"b":2,"a":1}"#.utf8))
        }
        #expect(parsed(#"{"a":{"a":{"a":1}}}"#) != nil)
    }

    @Test func `nesting is taken to its limit and no further`() {
        func nested(_ depth: Int, _ open: String, _ close: String) -> String {
            String(repeating: open, count: depth) + "1" + String(repeating: close, count: depth)
        }
        #expect(parsed(nested(JSONReader.depthMax, "[", "]")) != nil)
        #expect(parsed(nested(JSONReader.depthMax + 1, "[", "]")) == nil)
        #expect(parsed(nested(JSONReader.depthMax, "{\"a\":", "}")) != nil)
        #expect(parsed(nested(JSONReader.depthMax + 1, "{\"a\":", "}")) == nil)
        // Unclosed, and far beyond any stack.
        #expect(parsed(String(repeating: "[", count: 1_000_000)) == nil)
        // Depth is given back: siblings may be many.
        let many = "[" + Array(repeating: "[[]]", count: 100).joined(separator: ",") + "]"
        #expect(parsed(many) != nil)
    }

    @Test func `an error says at which byte the text is wrong`() {
        #expect(throws: InvalidField("", "x]", "malformed JSON at byte 3: expected \",\" or \"]\""))
        {
            try JSONValue(parsing: Array("[1 x]".utf8))
        }
        #expect(throws: InvalidField("", "]", "malformed JSON at byte 2: expected the end")) {
            try JSONValue(parsing: Array("[]]".utf8))
        }
    }

    @Test func `a null member is as good as none`() throws {
        let value = try JSONValue(parsing: Array(#"{"a":null,"b":"x","c":7,"d":[]}"#.utf8))
        #expect(value["a"] == nil)
        #expect(value["z"] == nil)
        #expect(value["b"]?.text == "x")
        #expect(value["c"]?.text == "7")
        #expect(value["d"]?.text == nil)
        #expect(value["b"]?["a"] == nil)
    }

    @Test func `a value is passed over whole`() throws {
        let text = Array(#"[ {"a":[1,"]"]} , 2]"#.utf8)
        let skipped = try text.withUnsafeBufferPointer { buffer throws -> String in
            var reader = JSONReader(buffer)
            var first = true
            try reader.beginArray()
            #expect(try reader.nextElement(first: &first))
            let bytes = try reader.skip()
            #expect(try reader.nextElement(first: &first))
            #expect(try reader.numberToken().text == "2")
            #expect(try reader.nextElement(first: &first) == false)
            try reader.finish()
            return String(decoding: bytes, as: UTF8.self)
        }
        #expect(skipped == #"{"a":[1,"]"]}"#)
    }
}
