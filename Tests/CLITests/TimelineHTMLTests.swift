import Foundation
import Testing

/// The page of `timeline --html`: what is in it whatever the position is.
@Suite struct TimelineHTMLTests {
    private static let position = "1b8c0000-0000-7000-8000-0000000000aa"

    private func opened(
        strategy: String = "s", settle: [String] = ["USD"], at time: String = "2026-01-02T00:00:00Z"
    ) -> String {
        let legs = settle.enumerated().map { index, asset in
            #"{"leg":"l\#(index)","venue":"v","account":"a","instrument":"i\#(index)","#
                + #""kind":"linear","side":"long","target_qty":"1","multiplier":"1","base":"BTC","#
                + #""quote":"\#(asset)","settle":"\#(asset)","qty_scale":3,"price_scale":2,"#
                + #""settle_scale":8}"#
        }
        return line(
            "position_opened", at: time, id: 0,
            #"{"strategy":"\#(strategy)","asset":"BTC","legs":[\#(legs.joined(separator: ","))]}"#)
    }

    private func line(_ type: String, at time: String, id: Int?, _ payload: String) -> String {
        let own = id.map {
            #""event_id":"0b8c0000-0000-7000-8000-\#(String(format: "%012d", $0))","#
        }
        return #"{"position_id":"\#(Self.position)","type":"\#(type)","effective_at":"\#(time)","#
            + #""source":"venue_rest",\#(own ?? "")"payload":\#(payload)}"#
    }

    private func fill(
        _ number: Int, side: String = "buy", px: String = "100", feeAsset: String = "USD",
        leg: Int = 0, at time: String? = nil
    ) -> String {
        let minute = String(format: "%02d:%02d", number / 60 % 24, number % 60)
        let day = String(format: "%02d", 3 + number / 1_440)
        return line(
            "leg_fill_recorded", at: time ?? "2026-01-\(day)T\(minute):00Z", id: nil,
            #"{"leg":"l\#(leg)","trade_id":"t\#(number)","side":"\#(side)","qty":"1","#
                + #""px":"\#(px)","fee":"0.1","fee_asset":"\#(feeAsset)","liquidity":"maker"}"#)
    }

    private func page(_ lines: [String]) async throws -> String {
        let ledger = try await Served()
        let appended = try await ledger.run(
            ["append", "--batch", "500", "-"], input: lines.joined(separator: "\n"))
        #expect(appended.status == 0, "\(appended.errors)")
        let outcome = try await ledger.run(["timeline", Self.position, "--html", "-"])
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.output.hasPrefix("<!DOCTYPE html>\n"))
        #expect(outcome.output.hasSuffix("</html>\n"))
        #expect(outcome.output.contains("checks, all hold"))
        #expect(!outcome.output.contains("nan"))
        return outcome.output
    }

    private func count(_ text: String, in page: String) -> Int {
        page.components(separatedBy: text).count - 1
    }

    @Test func `nothing that was stored becomes markup`() async throws {
        let page = try await page([
            opened(strategy: #"<script>alert('x')</script>&\"\u0007"#), fill(1),
        ])
        #expect(!page.contains("<script"))
        #expect(page.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;&quot;\u{FFFD}"))
        for reference in ["src=", "url(", "@import", "<link", "http:", "https:"] {
            #expect(!page.contains(reference), "\(reference)")
        }
    }

    @Test func `one event makes a page with a chart`() async throws {
        let page = try await page([opened()])
        #expect(count("<tr id=\"e-", in: page) == 1)
        #expect(count("class=\"line s0\"", in: page) == 2, "the chart's line and the legend's")
        #expect(page.contains("<path class=\"line s0\" d=\"M"))
    }

    @Test func `a line stops where its figure is not known any more`() async throws {
        let page = try await page([opened(), fill(1), fill(2, feeAsset: "BNB"), fill(3)])
        #expect(page.contains("net of the position: – USD"))
        #expect(page.contains("is not known at the end"))
    }

    @Test func `values that never change are a line too`() async throws {
        let same = "2026-01-03T00:00:00Z"
        let page = try await page([
            opened(at: same), fill(1, at: same), fill(2, side: "sell", at: same),
        ])
        #expect(page.contains("net of the position: -0.2 USD"))
        #expect(page.contains("<path class=\"line s0\" d=\"M"))
    }

    @Test func `legs that settle in several assets have a chart each, with a scale of its own`()
        async throws
    {
        let page = try await page([
            opened(settle: ["USD", "EUR"]), fill(1), fill(2, feeAsset: "EUR", leg: 1),
        ])
        #expect(page.contains("net of l0: -0.1 USD"))
        #expect(page.contains("net of l1: -0.1 EUR"))
        #expect(page.contains(">USD</text>"))
        #expect(page.contains(">EUR</text>"))
        #expect(count("class=\"chart\"", in: page) == 2)
        #expect(count("id=\"chart-2\"", in: page) == 1)
        #expect(count("aria-labelledby=\"chart-2-title chart-2-desc\"", in: page) == 1)
    }

    @Test func `of thousands of events every row is there and the chart has what can be seen`()
        async throws
    {
        let number = 6_000
        let fills = (1...number).map { index in
            fill(index, side: index % 2 == 1 ? "buy" : "sell", px: "\(100 + index % 7)")
        }
        let page = try await page([opened()] + fills)
        #expect(count("<tr id=\"e-", in: page) == number + 1)
        #expect(count("<circle", in: page) < 1_000)
        let path = try #require(

            page.components(separatedBy: "<path class=\"line s0\" d=\"").dropFirst().first)
        let steps = try #require(path.components(separatedBy: "\"").first).split(separator: "V")
        #expect(steps.count > 500)
        #expect(steps.count < number - 1_000)
        #expect(page.contains("<summary>") == false, "what holds is counted only")
    }

    @Test func `a page goes to its file, and only one form is taken`() async throws {
        let ledger = try await Served()
        let appended = try await ledger.run(["append", "-"], input: opened())
        #expect(appended.status == 0, "\(appended.errors)")
        let path = ledger.scratch.path + "/audit.html"
        let written = try await ledger.run(["timeline", Self.position, "--html", path])
        #expect(written.status == 0, "\(written.errors)")
        #expect(written.output == "")
        #expect(try String(contentsOfFile: path, encoding: .utf8).contains("</html>"))
        let both = try await ledger.run(["timeline", Self.position, "--html", path, "--json"])
        #expect(both.status == 64)
        let nowhere = try await ledger.run(["timeline", Self.position, "--html", "/nowhere/x"])
        #expect(nowhere.status == 1)
        #expect(nowhere.errors.contains("cannot write /nowhere/x"))
    }
}
