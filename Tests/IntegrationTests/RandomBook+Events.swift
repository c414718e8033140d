import LedgerCore
import Projections

// What happens to positions, at random.
extension RandomBook {
    /// One event; throws where chance made none.
    mutating func event() throws -> NewEvent {
        if holdings.isEmpty || holdings.count < shape.positionsMax && random.chance(12) {
            return try opening()
        }
        let index = Int.random(in: holdings.indices, using: &random)
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<36: return try fill(index)
        case 36..<50: return try funding(index)
        case 50..<57: return try fee(index)
        case 57..<62: return try valuation(index)
        case 62..<70: return try mark(index)
        case 70..<74: return try adjustment(index)
        case 74..<78: return try new(index, .closeRequested(reason: "test"))
        case 78..<84: return try void(index)
        case 84..<87: return try replacement(index)
        case 87..<97: return try ending(index)
        default: return try new(index, .cancelled(reason: "test"))
        }
    }

    private mutating func opening() throws -> NewEvent {
        let count = [1, 2, 2, 2, 3].randomElement(using: &random) ?? 2
        var legs: [LegTerms] = []
        for index in 0..<count { legs.append(terms(index)) }
        let strategy = shape.strategies.randomElement(using: &random) ?? "basis"
        holdings.append(Holding(id: random.id(), legs: legs, strategy: strategy))
        let signal = EntrySignal(refPx: [legs[0].leg: price()], expectedSpreadBps: price())
        let opened = PositionOpened(
            strategy: strategy, asset: "BTC", legs: legs,
            mode: random.chance(50) ? "live" : nil, signal: random.chance(50) ? signal : nil,
            tags: random.chance(50) ? .map(["desk": "t\"e\\st", "é": "ü"]) : nil)
        return try new(holdings.count - 1, .opened(opened))
    }

    private mutating func leg(_ index: Int) throws -> LegTerms {
        guard let leg = holdings[index].legs.randomElement(using: &random) else {
            throw Surprise("no leg")
        }
        return leg
    }

    private mutating func asset(_ leg: LegTerms) -> String {
        switch Int.random(in: 0..<10, using: &random) {
        case 0: "BNB"
        case 1, 2: leg.base
        default: leg.settle
        }
    }

    private mutating func fill(_ index: Int) throws -> NewEvent {
        let leg = try leg(index)
        let opens: TradeSide = leg.side == .long ? .buy : .sell
        let closes: TradeSide = leg.side == .long ? .sell : .buy
        return try fill(index, leg, random.chance(60) ? opens : closes, quantity())
    }

    private mutating func fill(
        _ index: Int, _ leg: LegTerms, _ side: TradeSide, _ qty: Fixed, replaces: UUID? = nil,
        tradeID: String? = nil, at time: Timestamp? = nil
    ) throws -> NewEvent {
        holdings[index].trades += 1
        let asset = asset(leg)
        var fill = Fill(
            leg: leg.leg, tradeID: tradeID ?? "t\(holdings[index].trades)", side: side, qty: qty,
            px: price(), fee: decimal(-2...20, places: 4), feeAsset: asset,
            liquidity: Liquidity.allCases.randomElement(using: &random) ?? .taker)
        fill.part = random.chance(10) ? 1 : 0
        fill.intent = random.chance(50) ? FillIntent.allCases.randomElement(using: &random) : nil
        fill.cause = random.chance(10) ? FillCause.allCases.randomElement(using: &random) : nil
        if leg.kind == .inverse, random.chance(50) {
            fill.venueValue = decimal(1...900_000, places: 8)
        }
        fill.refPx = random.chance(30) ? price() : nil
        fill.feeRate = asset == "BNB" && random.chance(50) ? price() : nil
        fill.replaces = replaces
        return try new(index, .fill(fill), at: time)
    }

    private mutating func funding(_ index: Int) throws -> NewEvent {
        let leg = try leg(index)
        let at = time()
        var funding = Funding(
            leg: leg.leg, fundingTime: at, amount: decimal(-5_000...5_000, places: 4),
            asset: random.chance(10) ? "BNB" : leg.settle)
        funding.rate = random.chance(80) ? decimal(-20...20, places: 5) : nil
        funding.markPx = random.chance(80) ? price() : nil
        funding.interval = random.chance(20) ? 3_600 : nil
        return try new(index, .funding(funding), at: at)
    }

    private mutating func fee(_ index: Int) throws -> NewEvent {
        let leg = try leg(index)
        let trade = Int64.random(in: 0...holdings[index].trades + 2, using: &random)
        let fee = Fee(
            leg: leg.leg, amount: decimal(-20...60, places: 4), asset: asset(leg),
            category: FeeCategory.allCases.randomElement(using: &random) ?? .other,
            tradeID: random.chance(60) ? "t\(trade)" : nil,
            feeRate: random.chance(30) ? price() : nil)
        return try new(index, .fee(fee))
    }

    private mutating func valuation(_ index: Int) throws -> NewEvent {
        let known = holdings[index].targets.randomElement(using: &random)
        let valuation = FeeValuation(target: known ?? random.id(), rate: price(), source: "test")
        return try new(index, .feeValued(valuation))
    }

    private mutating func mark(_ index: Int) throws -> NewEvent {
        let leg = try leg(index)
        var mark = Mark(leg: leg.leg, px: price())
        mark.marginRatio = random.chance(50) ? decimal(1...99, places: 2) : nil
        mark.liquidationPx = random.chance(50) ? price() : nil
        return try new(index, .mark(mark))
    }

    private mutating func adjustment(_ index: Int) throws -> NewEvent {
        let leg = try leg(index)
        var adjustment = Adjustment(leg: leg.leg, category: "statement", reason: "test")
        switch Int.random(in: 0..<3, using: &random) {
        case 0: adjustment.cashDelta = decimal(-500...500, places: 2)
        case 1: adjustment.qtyDelta = decimal(-3...3, places: 3)
        default: adjustment.costDelta = decimal(-30...300, places: 3)
        }
        return try new(index, .adjustment(adjustment))
    }

    private mutating func void(_ index: Int) throws -> NewEvent {
        var target = holdings[index].targets.randomElement(using: &random) ?? random.id()
        if random.chance(25) {
            // Of a trade that comes later.
            let leg = try leg(index)
            let coming = Fill(
                leg: leg.leg, tradeID: "t\(holdings[index].trades + 2)", side: .buy, qty: .one,
                px: .one, fee: .zero, feeAsset: "USD", liquidity: .taker)
            target = EventIdentity.derivedID(of: .fill(coming), terms: leg) ?? target
        }
        return try new(index, .voided(EventVoid(target: target, reason: "test")))
    }

    private mutating func replacement(_ index: Int) throws -> NewEvent {
        guard let old = holdings[index].voided.randomElement(using: &random),
            case .fill(let fill) = old.payload,
            let leg = holdings[index].legs.first(where: { $0.leg == fill.leg })
        else { throw Surprise("nothing to replace") }
        return try self.fill(
            index, leg, fill.side, quantity(), replaces: id(of: old, in: holdings[index]),
            tradeID: fill.tradeID, at: old.effectiveAt)
    }

    /// Brings a leg to zero, or closes the position where all legs are.
    private mutating func ending(_ index: Int) throws -> NewEvent {
        let stream = model.tail(of: holdings[index].id)
        let account = try AccountFold.fold(stream)
        let open = account.legs.filter { !$0.qty.isZero }
        guard let leg = open.first else {
            return try new(index, .closed(.takeProfit))
        }
        holdings[index].trades += 1
        let fill = Fill(
            leg: leg.terms.leg, tradeID: "t\(holdings[index].trades)",
            side: leg.qty.isNegative ? .buy : .sell, qty: leg.qty.magnitude, px: price(),
            fee: decimal(0...9, places: 3), feeAsset: leg.terms.settle, liquidity: .maker)
        return try new(index, .fill(fill))
    }
}
