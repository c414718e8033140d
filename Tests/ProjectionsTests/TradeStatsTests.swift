import LedgerCore
import LedgerTesting
import Projections
import Testing

/// analytics.trade_stats: how closed positions went (accounting.md §8).
struct TradeStatsTests {
    private static let columns = [
        "closed_positions", "unvalued", "wins", "win_rate", "mean_net", "median_net",
        "profit_factor", "mean_hold_seconds", "best", "worst",
    ]

    private func cells(_ change: (inout TradeStats.Sums) -> Void) -> [String: Cell] {
        var sums = TradeStats.Sums()
        change(&sums)
        let cells = TradeStats.cells(sums)
        #expect(cells.count == TradeStatsTests.columns.count)
        return Dictionary(uniqueKeysWithValues: zip(TradeStatsTests.columns, cells))
    }

    /// Four closed positions: nets 6, −2, 1 and 4.
    private func four(_ sums: inout TradeStats.Sums) {
        sums.closed = 4
        sums.wins = 3
        sums.net = .of("9")
        sums.grossProfit = .of("11")
        sums.grossLoss = .of("2")
        sums.best = .of("6")
        sums.worst = .of("-2")
        sums.middle = [.of("1"), .of("4")]
        sums.holdSeconds = .of("10")
        sums.held = 4
    }

    @Test func `rates and means are of the closed positions`() {
        let cells = cells(four)
        #expect(cells["closed_positions"] == .int8(4))
        #expect(cells["wins"] == .int8(3))
        #expect(cells["win_rate"] == .decimal(.of("0.75")))
        #expect(cells["mean_net"] == .decimal(.of("2.25")))
        #expect(cells["profit_factor"] == .decimal(.of("5.5")))
        #expect(cells["mean_hold_seconds"] == .decimal(.of("2.5")))
        #expect(cells["best"] == .decimal(.of("6")))
        #expect(cells["worst"] == .decimal(.of("-2")))
    }

    @Test func `the median is the middle one, or half the sum of the two`() {
        #expect(cells(four)["median_net"] == .decimal(.of("2.5")))
        #expect(
            cells {
                four(&$0)
                $0.middle = [.of("-3")]
            }["median_net"] == .decimal(.of("-3")))
        // Half-even at the 18th place.
        #expect(
            cells {
                four(&$0)
                $0.middle = [.of("0.000000000000000001"), .of("0.000000000000000002")]
            }["median_net"] == .decimal(.of("0.000000000000000002")))
        #expect(
            cells {
                four(&$0)
                $0.middle = []
            }["median_net"] == .null)
    }

    @Test func `while a net is not known, what depends on one is null`() {
        let cells = cells {
            four(&$0)
            $0.unvalued = 1
        }
        for column in ["win_rate", "mean_net", "median_net", "profit_factor", "best", "worst"] {
            #expect(cells[column] == .null, "\(column)")
        }
        #expect(cells["closed_positions"] == .int8(4))
        #expect(cells["mean_hold_seconds"] == .decimal(.of("2.5")))
    }

    @Test func `without a loss there is no profit factor, and without a position no figure`() {
        #expect(
            cells {
                four(&$0)
                $0.grossLoss = .zero
            }["profit_factor"] == .null)
        let none = cells { _ in }
        #expect(none["closed_positions"] == .int8(0))
        #expect(none.values.filter { $0 == .null }.count == 7)
    }

    @Test func `a position counts once it is CLOSED, under its settle asset`() throws {
        var story = PositionStory([.some("a"), .some("b", .linear, .short)])
        #expect(TradeStats.key(nil) == nil)
        #expect(TradeStats.key(try AccountFold.fold(story.stream)) == nil)
        story.fill("a", .buy, "1", px: "100")
        story.fill("a", .sell, "1", px: "100")
        #expect(TradeStats.key(try AccountFold.fold(story.stream)) == nil)
        story.close()
        let key = try #require(TradeStats.key(try AccountFold.fold(story.stream)))
        #expect([key.strategy.text, key.asset.text, key.settle.text] == ["carry", "BTC", "USDT"])
    }

    @Test func `a position that settles in several assets counts apart, a cancelled one never`()
        throws
    {
        var mixed = PositionStory([.some("a"), .some("b", .inverse, .short)])
        mixed.fill("a", .buy, "1", px: "100")
        mixed.fill("a", .sell, "1", px: "100")
        mixed.close()
        #expect(TradeStats.key(try AccountFold.fold(mixed.stream))?.settle.text == "")
        var cancelled = PositionStory()
        cancelled.add(.cancelled(reason: "no fill"))
        #expect(TradeStats.key(try AccountFold.fold(cancelled.stream)) == nil)
    }
}
