import LedgerCore
import LedgerTesting
import Projections
import Testing

/// The sums of analytics.daily_pnl (accounting.md §5).
struct DailyPnlTests {
    /// What is kept of a key: exact, because a sum on the way may leave the range of a figure.
    private struct Sums: Equatable {
        var money = [Int128](repeating: 0, count: 5)
        var counts = [Int64](repeating: 0, count: 5)

        mutating func add(_ delta: DailyPnl.Delta) {
            let values = [
                delta.pricePnl, delta.feesKnown, delta.fundingKnown, delta.adjustments,
                delta.volume,
            ]
            let numbers = [
                delta.unvaluedFees, delta.unvaluedFunding, delta.fills, delta.positions,
                delta.legDays,
            ]
            for index in values.indices {
                money[index] += values[index].scaled
                counts[index] += numbers[index]
            }
        }
    }

    /// By the words of a key.
    private func sums(_ deltas: [DailyPnl.Delta]) -> [[String]: Sums] {
        var sums: [[String]: Sums] = [:]
        for delta in deltas {
            let key = delta.key
            let words = [key.strategy.text, key.asset.text, key.venue.text, key.settle.text]
            sums[[key.day.description] + words, default: Sums()].add(delta)
        }
        return sums.filter { $0.value != Sums() }
    }

    /// The rows that an account makes, by another way: its own days.
    private func rows(_ account: PositionAccount) -> [[String]: Sums] {
        var rows: [[String]: Sums] = [:]
        for leg in account.legs {
            for day in leg.days {
                let key = [
                    day.day.description, account.opened.strategy, account.opened.asset,
                    leg.terms.venue, leg.terms.settle,
                ]
                var row = rows[key] ?? Sums()
                let values = [
                    day.pricePnl, day.feesKnown, day.fundingKnown, day.adjustments,
                    day.volume ?? .zero,
                ]
                for index in values.indices { row.money[index] += values[index].scaled }
                row.counts[0] += day.unvaluedFees > 0 ? 1 : 0
                row.counts[1] += day.unvaluedFunding > 0 ? 1 : 0
                row.counts[2] += day.fills
                row.counts[3] = 1
                row.counts[4] += 1
                rows[key] = row
            }
        }
        return rows
    }

    @Test(arguments: seeds)
    func `a new position adds its days, and one that goes takes them away`(seed: UInt64) throws {
        guard let account = Folded(RandomStreams.stream(seed: seed).events).account else { return }
        let added = DailyPnl.deltas(from: nil, to: account)
        #expect(sums(added) == rows(account), "seed \(seed)")
        #expect(!added.isEmpty)
        let taken = DailyPnl.deltas(from: account, to: nil)
        #expect(sums(added + taken) == [:], "seed \(seed)")
        #expect(DailyPnl.deltas(from: account, to: account) == [])
        #expect(DailyPnl.deltas(from: nil, to: nil) == [])
    }

    @Test(arguments: seeds)
    func `from one state to the next, the deltas make the old days the new ones`(
        seed: UInt64
    ) throws {
        let stream = RandomStreams.stream(seed: seed).events
        var known: PositionAccount?
        var all: [DailyPnl.Delta] = []
        var random = SeededRandom(seed: seed)
        var length = 1
        while length <= stream.count {
            if let account = Folded(Array(stream[..<length])).account {
                all += DailyPnl.deltas(from: known, to: account)
                known = account
                #expect(sums(all) == rows(account), "seed \(seed), \(length) events")
            }
            length += random.within(1...5)
        }
        #expect(known != nil)
    }

    @Test func `a day counts its position once, however many legs it has there`() throws {
        var story = PositionStory([.some("a"), .some("b", .linear, .short)])
        story.fill("a", .buy, "1", px: "100", fee: "0.1")
        story.fill("b", .sell, "1", px: "101", fee: "0.2")
        let account = try AccountFold.fold(story.stream)
        let row = try #require(
            sums(DailyPnl.deltas(from: nil, to: account)).first)
        #expect(row.key.first == "2026-01-01")
        #expect(row.value.counts == [0, 0, 2, 1, 2])
        #expect(row.value.money[1] == Fixed.of("0.3").scaled)
        #expect(row.value.money[4] == Fixed.of("201").scaled)
    }

    @Test func `two venues, and two settle assets, have rows of their own`() throws {
        var story = PositionStory([
            .some("a"), .some("b", venue: "v2"), .some("c", .inverse, venue: "v2"),
        ])
        for leg in ["a", "b", "c"] { story.fill(leg, .buy, "1", px: "100") }
        let account = try AccountFold.fold(story.stream)
        let keys = sums(DailyPnl.deltas(from: nil, to: account)).keys
        #expect(
            Set(keys.map { $0.suffix(2).joined(separator: " ") })
                == ["v1 USDT", "v2 USDT", "v2 BTC"])
    }
}
