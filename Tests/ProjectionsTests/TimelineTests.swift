import LedgerCore
import LedgerTesting
import Projections
import Testing

/// What a timeline says of each event, and what must hold after it.
struct TimelineTests {
    private func invariants(
        _ stream: [Event]
    ) -> [(version: StreamVersion, found: [Timeline.Invariant])] {
        var all: [(StreamVersion, [Timeline.Invariant])] = []
        Timeline.walk(stream) { step, account in
            let event = stream[step.index]
            let previous = step.index > 0 ? stream[step.index - 1] : nil
            let found = Timeline.invariants(after: event, previous: previous, account: account)
            all.append((event.version, found))
        }
        return all
    }

    @Test(arguments: seeds)
    func `after every event of any stream all that must hold does`(seed: UInt64) {
        for (version, found) in invariants(RandomStreams.stream(seed: seed).events) {
            let broken = found.filter { !$0.holds }
            #expect(broken.isEmpty, "seed \(seed), version \(version): \(broken)")
            #expect(found.allSatisfy { !$0.detail.isEmpty }, "seed \(seed)")
        }
    }

    @Test func `an event of a leg is checked for that leg, another one for all`() throws {
        var story = PositionStory([.some("a"), .some("b", .linear, .short)])
        story.fill("b", .sell, "1", px: "100")
        let all = invariants(story.stream)
        let opened = try #require(all.first).found.map(\.detail)
        #expect(opened.contains { $0.hasPrefix("a: ") })
        #expect(opened.contains { $0.hasPrefix("b: ") })
        let fill = try #require(all.last).found.map(\.detail)
        #expect(!fill.contains { $0.hasPrefix("a: ") })
        #expect(fill.contains("b: 0 = 100 + (-1) · 100"))
    }

    @Test func `the numbers of both sides are told`() throws {
        var story = PositionStory()
        story.fill("a", .buy, "2", px: "105", fee: "0.2")
        story.fill("a", .sell, "1", px: "120", fee: "0.1")
        let found = try #require(invariants(story.stream).last).found
        let details = found.map { "\($0.rule) | \($0.detail)" }
        #expect(
            details == [
                "log position rises with the version | version 3 at 3, version 2 at 2",
                "recorded_at does not fall along versions | "
                    + "\(story.stream[2].recordedAt) after \(story.stream[1].recordedAt)",
                "realized_price = cash + sign·open_cost | a: 15 = (-90) + 1 · 105",
                "open_cost ≥ 0 | a: 105 ≥ 0",
                "flat ⇒ open_cost = 0 and unrealised = 0 | a: not flat, quantity 1",
                "net = realized_price − fee_value + funding + adjustments | "
                    + "a: 14.7 = 15 − 0.3 + 0 + 0",
                "Σ days of the leg = its totals | "
                    + "a: 1 day: price_pnl 15 = 15, fees 0.3 = 0.3, funding 0 = 0, "
                    + "adjustments 0 = 0",
                "Σ legs = net of the position | 14.7 = 14.7",
            ])
    }

    @Test func `a log that runs backwards is found`() throws {
        var story = PositionStory()
        story.fill("a", .buy, "1", px: "100")
        story.fill("a", .buy, "1", px: "101")
        var stream = story.stream
        stream[2].logPosition = LogPosition(rawValue: 1)
        stream[2].recordedAt = PositionStory.start
        let broken = try #require(invariants(stream).last).found.filter { !$0.holds }
        #expect(
            broken.map(\.rule) == [
                "log position rises with the version", "recorded_at does not fall along versions",
            ])
    }

    @Test func `a void and its target name each other`() throws {
        var story = PositionStory()
        let fill = story.fill("a", .buy, "1", px: "100")
        let void = story.void(fill)
        var steps: [Timeline.Step] = []
        Timeline.walk(story.stream) { step, _ in steps.append(step) }
        #expect(steps.map(\.voidedBy) == [nil, void, nil])
        #expect(steps.map(\.voids) == [nil, nil, fill])
    }

    @Test func `the rate that counts stands at the event that it values`() throws {
        var story = PositionStory()
        let fill = story.fill("a", .buy, "1", px: "100", fee: "0.02", in: "BNB")
        story.value(fill, at: "600")
        story.value(fill, at: "700")
        var rates: [Fixed?] = []
        Timeline.walk(story.stream) { step, _ in rates.append(step.rate) }
        #expect(rates == [nil, .of("700"), nil, nil])
    }

    @Test func `where the fold has stopped only the log's order is checked`() throws {
        var story = PositionStory()
        story.fill("a", .buy, "99999999999999999999", px: "2")
        let found = try #require(invariants(story.stream).last).found
        #expect(found.count == 2)
        #expect(found.allSatisfy { $0.holds })
    }
}
