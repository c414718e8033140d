import LedgerCore
import LedgerTesting
import Projections
import Testing

/// Figures of positions.active, positions.history and analytics.funding_collected, worked out by
/// hand (accounting.md §8).
struct HistoryTests {
    private func cells(
        _ table: AccountTable, _ story: PositionStory, row: Int = 0
    ) throws -> [String: Cell] {
        let rows = try table.rows(try AccountFold.fold(story.stream), nil)
        try #require(rows.count > row)
        return Dictionary(uniqueKeysWithValues: zip(table.columns, rows[row].cells))
    }

    /// Long 2 at 30000, short 2000 · 0.001 at 30150, and out at 31000 and 31040.
    private func arbitrage() -> PositionStory {
        var story = PositionStory(
            [
                .some("a", .spot, .long, target: "2"),
                .some("b", .linear, .short, target: "2000", multiplier: "0.001", venue: "v2"),
            ],
            signal: EntrySignal(
                refPx: ["a": .of("29990"), "b": .of("30160")], expectedSpreadBps: .of("55")))
        story.fill("a", .buy, "2", px: "30000", fee: "60") { $0.liquidity = .maker }
        story.fill("b", .sell, "2000", px: "30150", fee: "30")
        story.funding("b", "6")
        return story
    }

    @Test func `an open position has its entry basis and its health`() throws {
        var story = arbitrage()
        story.mark("a", "30500") {
            $0.marginRatio = .of("0.2")
            $0.liquidationPx = .of("15250")
        }
        story.mark("b", "30600") {
            $0.marginRatio = .of("0.4")
            $0.liquidationPx = .of("38250")
        }
        let cells = try cells(ActivePositions.table, story)
        #expect(cells["state"] == .text("OPEN"))
        #expect(cells["leg_count"] == .int4(2))
        #expect(cells["entry_basis"] == .decimal(.of("150")))
        #expect(cells["base_delta"] == .decimal(.of("0")))
        #expect(cells["worst_margin_ratio"] == .decimal(.of("0.4")))
        // |30600 − 38250| / 30600 = 0.25 is less than 0.5.
        #expect(cells["nearest_liquidation_distance"] == .decimal(.of("0.25")))
        // 2 · 500 − 2 · 450.
        #expect(cells["unrealized"] == .decimal(.of("100")))
        #expect(cells["net"] == .decimal(.of("-84")))
        #expect(cells["oldest_mark_at"] == .timestamp(PositionStory.start.plus(seconds: 240)))
    }

    @Test func `without marks its health is null`() throws {
        let cells = try cells(ActivePositions.table, arbitrage())
        for column in [
            "worst_margin_ratio", "nearest_liquidation_distance", "unrealized", "oldest_mark_at",
        ] { #expect(cells[column] == .null, "\(column)") }
        var one = arbitrage()
        one.mark("a", "30500")
        #expect(try self.cells(ActivePositions.table, one)["unrealized"] == .null)
    }

    @Test func `a closed position has its P&L, its return and how it was executed`() throws {
        var story = arbitrage()
        story.fill("a", .sell, "2", px: "31000", fee: "62")
        story.fill("b", .buy, "2000", px: "31040", fee: "31")
        story.fee("a", "1", category: .withdrawal)
        story.close(.fundingFlip)
        let cells = try cells(History.table, story)
        #expect(cells["state"] == .text("CLOSED"))
        #expect(cells["close_reason"] == .text("funding_flip"))
        #expect(cells["hold_seconds"] == .decimal(.of("420")))
        #expect(
            cells["price_pnl_by_leg"] == .json(Array(#"{"a":"2000","b":"-1780"}"#.utf8)))
        #expect(cells["price_pnl"] == .decimal(.of("220")))
        #expect(cells["fees"] == .decimal(.of("184")))
        #expect(
            cells["fees_by_category"]
                == .json(Array(#"{"trading":"183","withdrawal":"1"}"#.utf8)))
        #expect(cells["funding"] == .decimal(.of("6")))
        #expect(cells["net"] == .decimal(.of("42")))
        #expect(cells["peak_notional"] == .decimal(.of("120300")))
        #expect(
            cells["return_on_peak_notional"]
                == .decimal(try Fixed.of("42").divided(by: .of("120300"))))
        #expect(cells["fills"] == .int8(4))
        #expect(cells["maker_share"] == .decimal(.of("0.25")))
        // 2 · (30000 − 29990), and −2 · (30150 − 30160).
        #expect(
            cells["arrival_slippage_by_leg"] == .json(Array(#"{"a":"20","b":"20"}"#.utf8)))
        #expect(cells["legging_delay_us"] == .int8(60_000_000))
        #expect(cells["signalled_spread_bps"] == .decimal(.of("55")))
        // (30150 − 30000) / 30000 · 10⁴.
        #expect(cells["captured_spread_bps"] == .decimal(.of("50")))
    }

    @Test func `a cancelled position ends with its reason and without figures of execution`()
        throws
    {
        var story = PositionStory()
        story.add(.cancelled(reason: "no fill"))
        let cells = try cells(History.table, story)
        #expect(cells["state"] == .text("CANCELLED"))
        #expect(cells["close_reason"] == .text("no fill"))
        #expect(cells["closed_at"] == .timestamp(PositionStory.start.plus(seconds: 60)))
        #expect(cells["net"] == .decimal(.zero))
        for column in ["maker_share", "legging_delay_us", "captured_spread_bps"] {
            #expect(cells[column] == .null, "\(column)")
        }
    }

    @Test func `totals of legs that settle in several assets are null`() throws {
        var story = PositionStory([.some("a"), .some("b", .inverse, .short)])
        story.fill("a", .buy, "1", px: "100")
        let cells = try cells(ActivePositions.table, story)
        for column in ["settle", "realized", "fees", "funding", "adjustments", "net"] {
            #expect(cells[column] == .null, "\(column)")
        }
    }

    @Test func `slippage is null once an entry had no reference price`() throws {
        var story = PositionStory()
        story.fill("a", .buy, "1", px: "101") { $0.refPx = .of("100") }
        #expect(try AccountFold.fold(story.stream).legs[0].slippage?.description == "1")
        story.fill("a", .buy, "1", px: "101")
        #expect(try AccountFold.fold(story.stream).legs[0].slippage == nil)
    }

    // MARK: Funding

    @Test func `funding is set against what was due, and settlements that did not come`() throws {
        var story = PositionStory([.some("a", .linear, .short, interval: 28_800)])
        let start = PositionStory.start
        // Open from 00:01 to 24:01 of the next day: 08:00, 16:00 and 00:00 are due.
        story.fill("a", .sell, "2", px: "100", at: start.plus(seconds: 60))
        for (hour, amount) in [(8, "0.02"), (24, "-0.01")] {
            story.funding("a", amount, of: start.plus(seconds: hour * 3_600)) {
                $0.rate = .of("0.0001")
                $0.markPx = .of("100")
            }
            story.now = start.plus(seconds: hour * 3_600 + 60)
        }
        story.fill("a", .buy, "2", px: "100", at: start.plus(seconds: 24 * 3_600 + 120))
        let cells = try cells(FundingCollected.table, story)
        #expect(cells["month"] == .date(start.day))
        #expect(cells["payments"] == .int8(2))
        #expect(cells["received"] == .decimal(.of("0.02")))
        #expect(cells["paid"] == .decimal(.of("0.01")))
        #expect(cells["net"] == .decimal(.of("0.01")))
        // −(−2) · 100 · 0.0001, twice.
        #expect(cells["expected"] == .decimal(.of("0.04")))
        #expect(cells["variance"] == .decimal(.of("-0.03")))
        #expect(cells["missing_settlements"] == .int8(1))
    }

    @Test func `without an interval nothing is missing, and without a rate nothing expected`()
        throws
    {
        var story = PositionStory()
        story.fill("a", .buy, "1", px: "100")
        story.funding("a", "1")
        let cells = try cells(FundingCollected.table, story)
        #expect(cells["missing_settlements"] == .null)
        #expect(cells["expected"] == .null)
        #expect(cells["variance"] == .null)
    }

    @Test func `a month has a row of its own`() throws {
        var story = PositionStory()
        story.funding("a", "1", of: .of("2026-01-31T23:59:59Z"))
        story.funding("a", "2", of: .of("2026-02-01T00:00:00Z"))
        story.funding("a", "4", of: .of("2026-02-28T23:00:00Z"))
        #expect(try cells(FundingCollected.table, story)["net"] == .decimal(.of("1")))
        let february = try cells(FundingCollected.table, story, row: 1)
        #expect(february["month"] == .date(Timestamp.of("2026-02-01T00:00:00Z").day))
        #expect(february["net"] == .decimal(.of("6")))
    }
}
