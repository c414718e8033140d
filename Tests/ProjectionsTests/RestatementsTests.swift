import LedgerCore
import LedgerTesting
import Projections
import Testing

/// What later knowledge changed of days that were over (accounting.md §5).
struct RestatementsTests {
    /// A log of several positions; most events are recorded when they happen, some days later.
    private struct Book {
        /// By log position, from 1.
        var log: [(stream: Int, event: Event)] = []

        init(seed: UInt64, positions: Int, shape: RandomStreams.Shape, isFlawed: Bool = false) {
            var random = SeededRandom(seed: seed &* 31)
            var rests = (0..<positions).map { number in
                let seed = seed &* 100 &+ UInt64(number)
                let stream = RandomStreams.stream(seed: seed, shape: shape).events
                return (isFlawed ? Book.flawed(stream, &random) : stream)[...]
            }
            var clock = PositionStory.start
            while rests.contains(where: { !$0.isEmpty }) {
                let stream = random.below(positions)
                guard var event = rests[stream].popFirst() else { continue }
                clock = max(clock, event.effectiveAt).plus(seconds: random.within(0...900))
                event.recordedAt = clock
                event.logPosition = LogPosition(rawValue: Int64(log.count) + 1)
                log.append((stream, event))
            }
        }

        /// With an event somewhere that cannot be folded, until it is voided later on.
        private static func flawed(
            _ stream: [Event], _ random: inout SeededRandom
        ) -> [Event] {
            let place = random.within(1...stream.count - 1)
            var (flaw, void) = (stream[place], stream[place])
            flaw.eventID = UUID(high: 7, low: UInt64(place))
            flaw.payload = .adjustment(
                Adjustment(
                    leg: "a", category: "transfer", reason: "tests", qtyDelta: nil,
                    costDelta: .of("-1000000000"), cashDelta: nil))
            void.eventID = UUID(high: 8, low: UInt64(place))
            void.payload = .voided(EventVoid(target: flaw.eventID, reason: "tests"))
            var flawed = stream
            flawed.insert(flaw, at: place)
            flawed.insert(void, at: random.within(place + 1...flawed.count))
            return flawed.placed()
        }

        /// The events of each position up to a log position.
        func streams(through length: Int) -> [[Event]] {
            var streams: [Int: [Event]] = [:]
            for (stream, event) in log[..<length] { streams[stream, default: []].append(event) }
            return streams.keys.sorted().map { streams[$0] ?? [] }
        }

        /// `pnl daily --at length --by day,venue`, as each position's longest prefix has it.
        func rows(at length: Int) throws -> [DailyPnlRows.Key: DaySums] {
            var rows = DailyPnlRows(
                by: .init {
                    $0.strategy = false
                    $0.asset = false
                })
            for events in streams(through: length) {
                if let account = try AccountFold.foldPrefix(events).account { rows.add(account) }
            }
            return Dictionary(uniqueKeysWithValues: rows.rows.map { ($0.key, $0.sums) })
        }

        func links(
            _ filter: DailyPnlRows.Filter = .init()
        ) throws -> [RestatementChain.Link] {
            var chain = RestatementChain(of: filter)
            for events in streams(through: log.count) {
                let (changes, account) = try Restatements.changes(of: events)
                chain.add(account, changes)
            }
            return chain.links()
        }
    }

    private static func key(_ day: BookDay) -> DailyPnlRows.Key {
        DailyPnlRows.Key(
            day: day.day, strategy: nil, asset: nil, venue: day.venue, settle: day.settle)
    }

    /// Of the last one, streams are flawed.
    private static let shapes: [RandomStreams.Shape] = [
        .init { $0.events = 20 },
        .init {
            $0.events = 20
            $0.kinds = [.spot]
        },
        .init {
            $0.events = 15
            $0.late = false
        },
        .init { $0.events = 15 },
    ]

    @Test(arguments: seeds)
    func `before and after are the book just before and just after the event, and none is missed`(
        seed: UInt64
    ) throws {
        for (number, shape) in Self.shapes.enumerated() {
            let isFlawed = number == Self.shapes.count - 1
            let book = Book(seed: seed, positions: 3, shape: shape, isFlawed: isFlawed)
            var links: [Int64: [DailyPnlRows.Key: RestatementChain.Link]] = [:]
            for link in try book.links() {
                let place = link.event.logPosition.rawValue
                #expect(links[place]?[Self.key(link.day)] == nil, "seed \(seed): a day twice")
                links[place, default: [:]][Self.key(link.day)] = link
            }
            var before: [DailyPnlRows.Key: DaySums] = [:]
            for length in 1...book.log.count {
                let after = try book.rows(at: length)
                let over = book.log[length - 1].event.recordedAt.day
                let note: Comment = "seed \(seed), shape \(number), log position \(length)"
                let found = links[Int64(length)] ?? [:]
                for key in Set(before.keys).union(after.keys) {
                    let sums = (before[key] ?? DaySums(), after[key] ?? DaySums())
                    let isOver = key.day.map { $0 < over } ?? false
                    guard isOver, !sums.0.readsAs(sums.1) else {
                        #expect(found[key] == nil, note)
                        continue
                    }
                    #expect(found[key]?.before == sums.0, note)
                    #expect(found[key]?.after == sums.1, note)
                }
                before = after
            }
        }
    }

    @Test(arguments: seeds)
    func `a day and a venue that are asked for are told as among all`(seed: UInt64) throws {
        let book = Book(seed: seed, positions: 3, shape: .init { $0.events = 25 })
        let all = try book.links()
        var random = SeededRandom(seed: seed)
        guard let some = all.randomElement(using: &random) else { return }
        let found = try book.links(
            .init {
                $0.from = some.day.day
                $0.to = some.day.day
                $0.venue = some.day.venue
            })
        let expected = all.filter { $0.day.day == some.day.day && $0.day.venue == some.day.venue }
        #expect(found.map(\.event) == expected.map(\.event), "seed \(seed)")
        #expect(found.map(\.before) == expected.map(\.before), "seed \(seed)")
        #expect(found.map(\.after) == expected.map(\.after), "seed \(seed)")
    }

    @Test func `most random books are restated`() throws {
        let restated = try seeds.filter { seed in
            try !Book(seed: seed, positions: 2, shape: Self.shapes[0]).links().isEmpty
        }
        #expect(restated.count > seeds.count / 2)
    }

    @Test func `a late fill restates its own day and the day on which its cost was released`()
        throws
    {
        let day = Int(Timestamp.dayInMicroseconds / Timestamp.secondInMicroseconds)
        var story = PositionStory()
        story.fill("a", .buy, "1", px: "100")
        story.now = PositionStory.start.plus(seconds: day)
        story.fill("a", .sell, "1", px: "110")
        story.fill("a", .buy, "1", px: "104", at: PositionStory.start.plus(seconds: 3_600))
        var stream = story.stream
        for index in stream.indices {
            let at = index == 3 ? PositionStory.start.plus(seconds: 5 * day) : nil
            stream[index].recordedAt = at ?? stream[index].effectiveAt
        }
        let (changes, account) = try Restatements.changes(of: stream)
        var chain = RestatementChain()
        chain.add(account, changes)
        let links = chain.links()
        #expect(links.map { $0.day.day.description } == ["2026-01-01", "2026-01-02"])
        #expect(links.map(\.before.pricePnl) == [.zero, .of("10")])
        #expect(links.map(\.after.pricePnl) == [.zero, .of("8")])
        #expect(links.map(\.before.fills) == [1, 1])
        #expect(links.map(\.after.fills) == [2, 1])
        #expect(links.allSatisfy { $0.event.logPosition == LogPosition(rawValue: 4) })
    }

    @Test func `what came in time restates nothing, and funding counts on its own day`() throws {
        var story = PositionStory([.some(interval: 3_600)])
        story.fill("a", .buy, "1", px: "100")
        // Settled in the last hour of the day before.
        story.now = PositionStory.start.plus(seconds: 86_400 + 60)
        story.funding("a", "2", of: PositionStory.start.plus(seconds: 23 * 3_600))
        var stream = story.stream
        for index in stream.indices { stream[index].recordedAt = stream[index].effectiveAt }
        #expect(try Restatements.changes(of: Array(stream[..<2])).changes.isEmpty)
        let (changes, account) = try Restatements.changes(of: stream)
        var chain = RestatementChain()
        chain.add(account, changes)
        #expect(chain.links().map(\.before.funding) == [.zero])
        #expect(chain.links().map(\.after.funding) == [.of("2")])
    }

    @Test func `a trade that prices a fee of the day before restates it, though it came in time`()
        throws
    {
        var story = PositionStory([.some("a", .spot)])
        story.fill("a", .buy, "1", px: "100")
        story.fee("a", "0.01", in: "BTC", trade: "t9")
        story.now = PositionStory.start.plus(seconds: 86_400)
        story.fill("a", .buy, "1", px: "200", trade: "t9")
        var stream = story.stream
        for index in stream.indices { stream[index].recordedAt = stream[index].effectiveAt }
        let (changes, account) = try Restatements.changes(of: stream)
        var chain = RestatementChain()
        chain.add(account, changes)
        let links = chain.links()
        #expect(links.map(\.day.day.description) == ["2026-01-01"])
        #expect(links.map(\.before.fees) == [nil])
        #expect(links.map(\.after.fees) == [.of("2")])
        #expect(links.map(\.after.pricePnl) == [.of("1")])
    }

    @Test func `sums beyond the range are not known, and come back`() {
        var story = PositionStory()
        story.adjust("a", cash: "90000000000000000000")
        guard let account = try? AccountFold.fold(story.stream) else {
            Issue.record("the story does not fold")
            return
        }
        var rows = DailyPnlRows()
        rows.add(account)
        #expect(rows.rows.first?.sums.net == .of("90000000000000000000"))
        rows.add(account)
        #expect(rows.rows.first?.sums.net == nil)
        #expect(rows.rows.first?.sums.pricePnl == .zero)
        #expect(rows.rows.first?.sums.positions == 2)
    }
}
