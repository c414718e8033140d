import LedgerTesting
import Testing

@testable import LedgerCore

/// The states of accounting.md §3, as a function of the folded set.
struct PositionLifecycleTests {
    /// The life cycle of a story, its voided events left out.
    private func lifecycle(_ story: PositionStory) -> PositionLifecycle {
        let stream = story.stream
        var dead: Set<UUID> = []
        for case .voided(let void) in stream.map(\.payload) { dead.insert(void.target) }
        return PositionLifecycle.fold(stream, terms: story.opened) { dead.contains($0) }
    }

    private func state(_ tell: (inout PositionStory) -> Void) -> PositionState {
        var story = PositionStory([.some("a", target: "2"), .some("b", .linear, .short)])
        tell(&story)
        return lifecycle(story).state
    }

    @Test func `a position without a live fill is PENDING, or CANCELLED`() {
        #expect(state { _ in } == .pending)
        #expect(state { $0.funding("a", "1") } == .pending)
        #expect(state { $0.add(.closeRequested(reason: "x")) } == .pending)
        #expect(state { $0.close() } == .pending)
        #expect(state { $0.add(.cancelled(reason: "x")) } == .cancelled)
        #expect(
            state {
                let fill = $0.fill("a", .buy, "1", px: "100")
                $0.void(fill)
            } == .pending)
        #expect(
            state {
                $0.add(.cancelled(reason: "x"))
                let fill = $0.fill("a", .buy, "1", px: "100")
                $0.void(fill)
            } == .cancelled)
    }

    @Test func `a fill makes it OPENING, also after CANCELLED`() {
        #expect(state { $0.fill("a", .buy, "1", px: "100") } == .opening)
        #expect(
            state {
                $0.add(.cancelled(reason: "x"))
                $0.fill("a", .buy, "1", px: "100")
            } == .opening)
        #expect(
            state {
                $0.fill("a", .buy, "2", px: "100")
                $0.fill("b", .sell, "0.999", px: "100")
            } == .opening)
    }

    @Test func `it is OPEN once every leg had reached its target at one moment`() {
        #expect(
            state {
                $0.fill("a", .buy, "2", px: "100")
                $0.fill("b", .sell, "1", px: "100")
            } == .open)
        // A rebalance takes a leg below its target: it stays OPEN.
        #expect(
            state {
                $0.fill("a", .buy, "2", px: "100")
                $0.fill("b", .sell, "1", px: "100")
                $0.fill("a", .sell, "1", px: "100", intent: .rebalance)
            } == .open)
        // Each had reached it, but not at one moment.
        #expect(
            state {
                $0.fill("a", .buy, "2", px: "100")
                $0.fill("a", .sell, "1", px: "100", intent: .rebalance)
                $0.fill("b", .sell, "1", px: "100")
            } == .opening)
        // On the wrong side a quantity reaches nothing.
        #expect(
            state {
                $0.fill("a", .sell, "2", px: "100")
                $0.fill("b", .buy, "1", px: "100")
            } == .opening)
    }

    @Test func `fees taken in base count towards the target`() {
        var story = PositionStory([.some("a", .spot, target: "1")])
        story.fill("a", .buy, "1", px: "100", fee: "0.001", in: "BTC")
        #expect(lifecycle(story).state == .open)
        #expect(lifecycle(story).legs[0].qty == .of("0.999"))
        var rebate = PositionStory([.some("a", .spot, target: "1")])
        rebate.fill("a", .buy, "0.999", px: "100", fee: "-0.0005", in: "BTC")
        #expect(lifecycle(rebate).state == .opening)
        rebate.fee("a", "-0.0005", in: "BTC")
        #expect(lifecycle(rebate).state == .open)
    }

    @Test func `it is CLOSING once it shall close, or a fill other than a rebalance reduced it`() {
        #expect(
            state {
                $0.fill("a", .buy, "1", px: "100")
                $0.add(.closeRequested(reason: "x"))
            } == .closing)
        #expect(
            state {
                $0.fill("a", .buy, "1", px: "100")
                $0.close()
            } == .closing)
        #expect(
            state {
                $0.fill("a", .buy, "1", px: "100")
                $0.fill("a", .sell, "0.5", px: "100")
            } == .closing)
        #expect(
            state {
                $0.fill("a", .buy, "1", px: "100")
                $0.fill("a", .sell, "0.5", px: "100", intent: .open)
            } == .closing)
        #expect(
            state {
                $0.fill("a", .buy, "1", px: "100")
                let reduction = $0.fill("a", .sell, "0.5", px: "100")
                $0.void(reduction)
            } == .opening)
    }

    @Test func `it is CLOSED with a live position_closed and every leg flat`() {
        let told: (inout PositionStory) -> Void = {
            $0.fill("a", .buy, "1", px: "100")
            $0.fill("a", .sell, "1", px: "100")
        }
        #expect(state(told) == .closing)
        #expect(
            state {
                told(&$0)
                $0.close()
            } == .closed)
        #expect(
            state {
                told(&$0)
                let close = $0.close()
                $0.void(close)
            } == .closing)
        // A correction opens it again.
        #expect(
            state {
                told(&$0)
                $0.close()
                $0.fill("a", .buy, "0.1", px: "100", at: PositionStory.start.plus(seconds: 1))
            } == .closing)
    }

    @Test func `a leg goes from PLANNED over BUILDING, FILLED and REDUCING to FLAT`() {
        var story = PositionStory([.some("a", target: "2")])
        var states: [LegState] = [lifecycle(story).state(ofLeg: 0)]
        for (side, qty) in [(TradeSide.buy, "1"), (.buy, "1"), (.sell, "1"), (.sell, "1")] {
            story.fill("a", side, qty, px: "100")
            states.append(lifecycle(story).state(ofLeg: 0))
        }
        #expect(states == [.planned, .building, .filled, .reducing, .flat])
    }

    @Test func `only CLOSED and CANCELLED positions are over`() {
        #expect(PositionState.allCases.filter(\.isOver) == [.closed, .cancelled])
    }

    @Test(arguments: seeds)
    func `the order of arrival changes no state`(seed: UInt64) {
        for number in 0..<20 {
            let (opened, stream) = RandomStreams.stream(seed: seed &+ UInt64(number))
            let dead = Set(
                stream.compactMap { event -> UUID? in
                    guard case .voided(let void) = event.payload else { return nil }
                    return void.target
                })
            var random = SeededRandom(seed: seed)
            let first = PositionLifecycle.fold(stream, terms: opened) { dead.contains($0) }
            for _ in 0..<4 {
                let order = random.shuffled(stream).placed()
                let other = PositionLifecycle.fold(order, terms: opened) { dead.contains($0) }
                #expect(other == first, "seed \(seed), stream \(number)")
            }
        }
    }

    @Test(arguments: seeds)
    func `what was taken event by event is what the fold gives, once it needs no refold`(
        seed: UInt64
    ) {
        var exact = 0
        for number in 0..<20 {
            let (opened, stream) = RandomStreams.stream(seed: seed &+ UInt64(number))
            var taken = PositionLifecycle(legCount: opened.legs.count)
            for (index, event) in stream.enumerated() where event.type != .eventVoided {
                let leg = event.payload.leg.flatMap { name in
                    opened.legs.firstIndex { $0.leg.isExactly(name) }
                }
                taken.admit(event, leg: leg, terms: opened)
                let prefix = stream[...index].filter { $0.type != .eventVoided }
                let folded = PositionLifecycle.fold(prefix, terms: opened) { _ in false }
                let note: Comment = "seed \(seed), stream \(number), event \(index)"
                // The sums are right at once, whatever the order.
                #expect(taken.legs.map(\.qty) == folded.legs.map(\.qty), note)
                #expect(taken.liveFills == folded.liveFills, note)
                #expect(taken.closedAt == folded.closedAt, note)
                guard !taken.needsRefold else { continue }
                #expect(taken == folded, note)
                exact += 1
            }
        }
        #expect(exact > 100)
    }
}
