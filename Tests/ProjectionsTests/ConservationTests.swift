import LedgerCore
import LedgerTesting
import Projections
import Testing

/// What happens to the money if the events are mirrored, scaled or split (accounting.md §6).
struct ConservationTests {
    /// Money in the settle asset only: what is taken in base is sold, whatever the side.
    private let plain = RandomStreams.Shape {
        $0.foreignFees = false
        $0.voids = false
    }
    /// Nothing of it is rounded.
    private let exact = RandomStreams.Shape {
        $0.events = 20
        $0.isExact = true
        $0.foreignFees = false
        $0.voids = false
        $0.late = false
    }

    /// One unit of the place to which the leg's values are rounded, for each of `count` roundings.
    private func tolerance(_ leg: LegAccount, _ count: Int) throws -> Fixed {
        try Fixed(scaled: Int128(count) * (leg.terms.kind == .inverse ? 10_000_000_000 : 1))
    }

    private func isNear(_ left: Fixed, _ right: Fixed, _ tolerance: Fixed) throws -> Bool {
        try left.subtracting(right).magnitude <= tolerance
    }

    // MARK: Mirrored

    private func mirrored(_ payload: EventPayload) -> EventPayload {
        switch payload {
        case .opened(var opened):
            for index in opened.legs.indices {
                opened.legs[index].side = opened.legs[index].side == .long ? .short : .long
            }
            return .opened(opened)
        case .fill(var fill):
            fill.side = fill.side == .buy ? .sell : .buy
            return .fill(fill)
        case .funding(var funding):
            funding.amount = funding.amount.negated
            return .funding(funding)
        case .adjustment(var adjustment):
            adjustment.qtyDelta = adjustment.qtyDelta?.negated
            return .adjustment(adjustment)
        default: return payload
        }
    }

    @Test(arguments: seeds)
    func `mirrored events give mirrored price P&L and funding`(seed: UInt64) throws {
        let stream = RandomStreams.stream(seed: seed, shape: plain).events
        let folded = Folded(stream)
        let other = Folded(stream.mapPayloads(mirrored))
        guard let first = folded.account, let second = other.account else {
            #expect(folded == other, "seed \(seed)")
            return
        }
        #expect(first.state == second.state, "seed \(seed)")
        for (leg, mirror) in zip(first.legs, second.legs) {
            let note: Comment = "seed \(seed), leg \(leg.terms.leg)"
            #expect(mirror.realizedPrice == leg.realizedPrice.negated, note)
            #expect(mirror.fundingKnown == leg.fundingKnown.negated, note)
            #expect(mirror.qty == leg.qty.negated, note)
            #expect(mirror.openCost == leg.openCost, note)
            #expect(mirror.cash == leg.cash.negated, note)
            #expect(mirror.feeValueKnown == leg.feeValueKnown, note)
            #expect(mirror.slippage == leg.slippage?.negated || leg.slippage == nil, note)
            let price = Fixed.of("103.7")
            #expect(try mirror.unrealized(at: price) == leg.unrealized(at: price).negated, note)
            #expect(mirror.days.map(\.day) == leg.days.map(\.day), note)
            #expect(mirror.days.map(\.pricePnl) == leg.days.map(\.pricePnl.negated), note)
        }
    }

    // MARK: Scaled

    private func scaled(_ payload: EventPayload, by k: Fixed) throws -> EventPayload {
        func times(_ value: Fixed?) throws -> Fixed? { try value?.multiplied(by: k) }
        switch payload {
        case .opened(var opened):
            for index in opened.legs.indices {
                opened.legs[index].targetQty = try opened.legs[index].targetQty.multiplied(by: k)
            }
            return .opened(opened)
        case .fill(var fill):
            fill.qty = try fill.qty.multiplied(by: k)
            fill.fee = try fill.fee.multiplied(by: k)
            return .fill(fill)
        case .funding(var funding):
            funding.amount = try funding.amount.multiplied(by: k)
            return .funding(funding)
        case .fee(var fee):
            fee.amount = try fee.amount.multiplied(by: k)
            return .fee(fee)
        case .adjustment(var adjustment):
            adjustment.qtyDelta = try times(adjustment.qtyDelta)
            adjustment.costDelta = try times(adjustment.costDelta)
            adjustment.cashDelta = try times(adjustment.cashDelta)
            return .adjustment(adjustment)
        default: return payload
        }
    }

    /// Every figure of money and quantity of a leg.
    private func money(_ leg: LegAccount) throws -> [Fixed] {
        [
            leg.qty, leg.openCost, leg.realizedPrice, leg.cash, leg.feeValueKnown,
            leg.fundingKnown, leg.adjustments, leg.peakQty, try leg.unrealized(at: .of("12500")),
        ] + leg.days.flatMap { [$0.pricePnl, $0.feesKnown, $0.fundingKnown, $0.adjustments] }
    }

    @Test(arguments: seeds)
    func `where nothing rounds, k times the quantity makes k times the money`(
        seed: UInt64
    ) throws {
        let stream = RandomStreams.stream(seed: seed, shape: exact).events
        let account = try AccountFold.fold(stream)
        for factor in [Int64(2), 3, 7, 1_000] {
            let k = try Fixed(factor)
            let other = try AccountFold.fold(stream.mapPayloads { try scaled($0, by: k) })
            #expect(other.state == account.state, "seed \(seed)")
            for (leg, large) in zip(account.legs, other.legs) {
                let note: Comment = "seed \(seed), leg \(leg.terms.leg), \(factor) times"
                #expect(
                    try money(large) == money(leg).map { try $0.multiplied(by: k) }, note)
                #expect(try large.avgEntryPx() == leg.avgEntryPx(), note)
            }
        }
    }

    @Test(arguments: seeds)
    func `else k times the quantity makes k times the money within a unit a rounding`(
        seed: UInt64
    ) throws {
        let stream = RandomStreams.stream(seed: seed, shape: plain).events
        guard let account = Folded(stream).account else { return }
        let k = Fixed.of("7")
        let other = try AccountFold.fold(stream.mapPayloads { try scaled($0, by: k) })
        for (leg, large) in zip(account.legs, other.legs) {
            let allowed = try tolerance(leg, 8 * stream.count)
            for (small, big) in zip(try money(leg), try money(large)) {
                let note: Comment = "seed \(seed), leg \(leg.terms.leg): \(small), \(big)"
                #expect(try isNear(big, small.multiplied(by: k), allowed), note)
            }
        }
    }

    // MARK: Split

    private func split(_ event: Event) throws -> [Event] {
        guard case .fill(let fill) = event.payload, fill.qty >= .of("0.02") else { return [event] }
        var (first, second) = (fill, fill)
        first.qty = try fill.qty.multiplied(by: .one, dividedBy: .of("2"), places: 2)
        second.qty = try fill.qty.subtracting(first.qty)
        first.fee = try fill.fee.multiplied(by: .of("0.5"))
        second.fee = try fill.fee.subtracting(first.fee)
        second.part = 1
        var (one, two) = (event, event)
        one.payload = .fill(first)
        two.payload = .fill(second)
        two.eventID = UUID(high: event.eventID.high, low: event.eventID.low ^ 1)
        return [one, two]
    }

    @Test(arguments: seeds)
    func `splitting a fill in two at its price conserves quantity, value and fee`(
        seed: UInt64
    ) throws {
        let stream = RandomStreams.stream(seed: seed, shape: plain).events
        let halves = try stream.flatMap(split).placed()
        #expect(halves.count > stream.count, "seed \(seed): no fill was split")
        guard let account = Folded(stream).account else { return }
        let other = try AccountFold.fold(halves)
        #expect(other.state == account.state, "seed \(seed)")
        for (leg, parts) in zip(account.legs, other.legs) {
            let note: Comment = "seed \(seed), leg \(leg.terms.leg)"
            #expect(parts.qty == leg.qty, note)
            #expect(parts.fees == leg.fees, note)
            #expect(parts.feeValueKnown == leg.feeValueKnown, note)
            #expect(parts.fundingKnown == leg.fundingKnown, note)
            #expect(parts.days.map(\.volume) == leg.days.map(\.volume), note)
            #expect(parts.days.map(\.feesKnown) == leg.days.map(\.feesKnown), note)
            // A linear value has at most seven places: no rounding in what was paid.
            let allowed = try tolerance(leg, 4 * halves.count)
            if leg.terms.kind != .inverse { #expect(parts.cash == leg.cash, note) }
            #expect(try isNear(parts.cash, leg.cash, allowed), note)
            #expect(try isNear(parts.openCost, leg.openCost, allowed), note)
            #expect(try isNear(parts.realizedPrice, leg.realizedPrice, allowed), note)
        }
    }

    // MARK: Basis

    @Test(arguments: seeds)
    func `two flat legs of equal size earn the basis that they entered at less that at exit`(
        seed: UInt64
    ) throws {
        var random = SeededRandom(seed: seed)
        func price() -> String { "\(random.within(20_000...40_000)).\(random.within(10...99))" }
        let kinds: [InstrumentKind] = [.linear, .spot]
        // The short leg counts in thousandths: 1,000 contracts to one of the long.
        var story = PositionStory([
            .some("a", random.one(of: kinds), .long, venue: "v1"),
            .some("b", .linear, .short, multiplier: "0.001", venue: "v2"),
        ])
        let (longIn, shortIn, longOut, shortOut) = (price(), price(), price(), price())
        let count = random.within(1...9_999)
        let qty = Fixed.of("\(count)").description
        let parts = random.within(0...count - 1)
        // The exit may come in two fills at one price: nothing of it is rounded away.
        story.fill("a", .buy, qty, px: longIn)
        story.fill("b", .sell, "\(count * 1_000)", px: shortIn)
        if parts > 0 { story.fill("a", .sell, "\(parts)", px: longOut) }
        story.fill("a", .sell, "\(count - parts)", px: longOut)
        story.fill("b", .buy, "\(count * 1_000)", px: shortOut)
        let account = try AccountFold.fold(story.stream)
        #expect(account.lifecycle.isFlat)
        let basisIn = try Fixed.of(shortIn).subtracting(.of(longIn))
        let basisOut = try Fixed.of(shortOut).subtracting(.of(longOut))
        let expected = try basisIn.subtracting(basisOut).multiplied(by: .of(qty))
        #expect(try account.net() == expected, "seed \(seed)")
    }
}
