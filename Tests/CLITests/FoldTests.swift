import Foundation
import Testing

/// `fold`: exit codes, and what is said of which line.
@Suite struct FoldTests {
    let scratch: Scratch

    init() throws {
        scratch = try Scratch()
    }

    static func opened(_ position: String) -> String {
        #"{"position_id":"\#(position)","type":"position_opened","#
            + #""effective_at":"2026-01-02T00:00:00Z","source":"venue_rest","#
            + #""event_id":"0\#(position.dropFirst())","payload":{"strategy":"s","asset":"BTC","#
            + #""legs":[{"leg":"l","venue":"v","account":"\#(position)","instrument":"i","#
            + #""kind":"linear","side":"long","target_qty":"1","multiplier":"1","base":"BTC","#
            + #""quote":"USD","settle":"USD","qty_scale":3,"price_scale":2,"settle_scale":8}]}}"#
    }

    static func fill(_ position: String, _ trade: String, px: String = "100") -> String {
        #"{"position_id":"\#(position)","type":"leg_fill_recorded","#
            + #""effective_at":"2026-01-02T00:00:01Z","source":"venue_rest","payload":{"leg":"l","#
            + #""trade_id":"\#(trade)","side":"buy","qty":"1","px":"\#(px)","fee":"0","#
            + #""fee_asset":"USD","liquidity":"maker"}}"#
    }

    static let one = "1b8c0000-0000-7000-8000-000000000001"
    static let two = "1b8c0000-0000-7000-8000-000000000002"
    static let huge = "60000000000000000000"

    private func fold(_ lines: [String]) async throws -> Scratch.Outcome {
        try await scratch.run(["fold", "-"], input: lines.joined(separator: "\n"))
    }

    private func accounts(_ outcome: Scratch.Outcome) throws -> [[String: Any]] {
        let value = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8))
        return try #require(value as? [[String: Any]])
    }

    @Test func `lines that fold are printed as accounts, with exit 0`() async throws {
        let outcome = try await fold([
            Self.opened(Self.one), Self.fill(Self.one, "a"), "", Self.fill(Self.one, "a"),
        ])
        #expect(outcome.status == 0)
        #expect(outcome.errors == "")
        let accounts = try accounts(outcome)
        #expect(accounts.map { $0["position_id"] as? String } == [Self.one])
        #expect(accounts[0]["state"] as? String == "OPEN")
    }

    @Test func `nothing folds to nothing`() async throws {
        let outcome = try await fold([])
        #expect(outcome.status == 0)
        #expect(outcome.output == "[]\n")
    }

    @Test func `a line that append would refuse is named by its number, with exit 3`()
        async throws
    {
        let outcome = try await fold([
            Self.opened(Self.one), "", "no json", Self.fill(Self.one, "a"),
            Self.fill(Self.two, "a"), Self.fill(Self.one, "a", px: "7"),
        ])
        #expect(outcome.status == 3)
        let named = outcome.errors.split(separator: "\n").map { $0.prefix { $0 != ":" } }
        #expect(named == ["line 3", "line 5", "line 6"])
        #expect(try accounts(outcome).count == 1)
    }

    @Test func `a line of more than 1 MiB is named by its number and the others are folded`()
        async throws
    {
        let long = String(repeating: "x", count: 3 << 20)
        for end in [Self.fill(Self.one, "a"), Self.fill(Self.one, "a") + "\n" + long] {
            let outcome = try await fold([Self.opened(Self.one), "", long, end])
            #expect(outcome.status == 3)
            let named = outcome.errors.split(separator: "\n")
            #expect(named.first == "line 3: has more than 1048576 bytes")
            #expect(named.count == (end.hasSuffix(long) ? 2 : 1))
            #expect(try accounts(outcome).map { $0["state"] as? String } == ["OPEN"])
        }
    }

    @Test func `a position that cannot be folded is printed with its error, with exit 4`()
        async throws
    {
        let outcome = try await fold([
            Self.opened(Self.one), Self.opened(Self.two), Self.fill(Self.two, "a"),
            Self.fill(Self.one, "a", px: Self.huge), Self.fill(Self.one, "b", px: Self.huge),
        ])
        #expect(outcome.status == 4)
        let accounts = try accounts(outcome)
        #expect(accounts.count == 2)
        #expect(Set(accounts[0].keys) == ["position_id", "error"])
        #expect(accounts[1]["state"] as? String == "OPEN")
    }

    @Test func `a refused line outweighs a position that cannot be folded`() async throws {
        let outcome = try await fold([
            Self.opened(Self.one), Self.fill(Self.one, "a", px: Self.huge),
            Self.fill(Self.one, "b", px: Self.huge), "{}",
        ])
        #expect(outcome.status == 3)
    }

    @Test func `a file and standard input are the same`() async throws {
        let text = Self.opened(Self.one) + "\n" + Self.fill(Self.one, "a") + "\n"
        let path = try scratch.file("events.jsonl", text)
        let file = try await scratch.run(["fold", path])
        #expect(file.status == 0)
        #expect(file.output == (try await scratch.run(["fold", "-"], input: text)).output)
    }

    @Test func `a file that is not there is named, with exit 1`() async throws {
        let outcome = try await scratch.run(["fold", "nowhere.jsonl"])
        #expect(outcome.status == 1)
        #expect(outcome.output == "")
        #expect(outcome.errors.contains("nowhere.jsonl"))
    }

    @Test func `the sample book folds`() async throws {
        let book = try await scratch.run(["seed", "--seed", "7"])
        #expect(book.status == 0)
        let outcome = try await scratch.run(["fold", "-"], input: book.output)
        #expect(outcome.status == 0)
        #expect(try !accounts(outcome).isEmpty)
    }
}
