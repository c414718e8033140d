import LedgerTesting
import Testing

@testable import LedgerCore

/// UUIDs, books and places in the log.
struct IdentifierTests {
    @Test(arguments: seeds)
    func `an id is written in lower case and read in either`(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for round in 0..<500 {
            let id = UUID(high: random.next(), low: random.next())
            let text = id.description
            let note: Comment = "seed \(seed), round \(round): \(id.high), \(id.low)"
            #expect(text.utf8.count == 36, note)
            #expect(text == text.lowercased(), note)
            #expect(UUID(text) == id, note)
            #expect(UUID(text.uppercased()) == id, note)
            var bytes: [UInt8] = []
            id.write(to: &bytes)
            #expect(bytes == Array(text.utf8), note)
            let other = UUID(high: id.high, low: random.next())
            #expect((id < other) == (text < other.description), note)
        }
    }

    @Test func `the octets stand in the order in which they are written`() {
        let id = UUID(high: 0x0011_2233_4455_6677, low: 0x8899_AABB_CCDD_EEFF)
        #expect(id.description == "00112233-4455-6677-8899-aabbccddeeff")
    }

    @Test(
        arguments: [
            "", "3d802e6a196d5702923e14f875ff508f", "3d802e6a-196d-5702-923e-14f875ff508",
            "3d802e6a-196d-5702-923e-14f875ff508fa", "{3d802e6a-196d-5702-923e-14f875ff508f}",
            "3d802e6a-196d-5702-923e_14f875ff508f", "3d802e6g-196d-5702-923e-14f875ff508f",
            "3d802e6a-196d-5702-923e-14f875ff50 f", "-3d802e6a196d-5702-923e-14f875ff508f",
        ])
    func `a text of another form is no id`(text: String) {
        #expect(UUID(text) == nil)
    }

    // From Python: uuid.uuid5(uuid.UUID("1caeaf2a-b721-50f8-915c-39b23b326d71"), name).
    @Test(
        arguments: [
            ("", "1202ea94-208f-5d34-87db-965bf523cd5d"),
            (String(repeating: "a", count: 200), "3164da05-25d9-59f4-b090-d0626eea3c9d"),
            (
                #"["void","3d802e6a-196d-5702-923e-14f875ff508f"]"#,
                "62576324-5505-5bff-9583-30cb80449489"
            ),
        ])
    func `an id of version 5 is the one that other libraries make`(name: String, id: String) {
        #expect(EventIdentity.version5(Array(name.utf8)).description == id)
    }

    @Test(
        arguments: ["main", "a", "0", "desk_1.eu-west", String(repeating: "x", count: 64)])
    func `a book has a name of 1 to 64 plain characters`(name: String) {
        #expect(BookName(name)?.description == name)
    }

    @Test(
        arguments: ["", "Main", "a b", "a/b", "é", "a\u{0}", String(repeating: "x", count: 65)])
    func `a book of another name is refused`(name: String) {
        #expect(BookName(name) == nil)
    }

    @Test func `places and versions count from one`() {
        #expect(LogPosition.origin.advanced(by: 1) == LogPosition(rawValue: 1))
        #expect(LogPosition(rawValue: 7).advanced(by: -7) == .origin)
        #expect(StreamVersion.none.next == StreamVersion(rawValue: 1))
        #expect(StreamVersion.none < StreamVersion.none.next)
        #expect(LogPosition(rawValue: 12).description == "12")
        #expect(StreamVersion(rawValue: 3).description == "3")
    }

    @Test func `names that look alike are not the same name`() {
        // "é" in one code point and in two.
        let (one, two) = ("\u{E9}", "e\u{301}")
        #expect(one == two)
        #expect(!one.isExactly(two))
        #expect(ExactText(one) != ExactText(two))
        #expect(Set([ExactText(one), ExactText(two), ExactText(one)]).count == 2)
        #expect(ExactText("B") < ExactText("a"))
    }

    @Test func `amounts are kept by asset, and added exactly`() throws {
        var amounts = Amounts()
        try amounts.add(.of("0.1"), "USDT")
        try amounts.add(.of("-2"), "BNB")
        try amounts.add(.of("0.2"), "USDT")
        #expect(amounts["USDT"] == .of("0.3"))
        #expect(amounts["BNB"] == .of("-2"))
        #expect(amounts["BTC"] == nil)
        var json = CanonicalJSON()
        amounts.write(to: &json)
        #expect(json.text == #"{"BNB":"-2","USDT":"0.3"}"#)
        #expect(throws: FixedError.outOfRange) {
            try amounts.add(.of("99999999999999999999.9"), "USDT")
        }
    }
}
