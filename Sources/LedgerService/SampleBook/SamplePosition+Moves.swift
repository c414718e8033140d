import LedgerCore

// What the stories are made of.

extension SamplePosition {
    /// position_opened, with targets worth 12,000 to 60,000 USD a leg.
    mutating func open() {
        let price = market.price(of: asset, at: now)
        let worth = SampleNumber(random.within(12...60) * 1_000)
        setTargets(worth, price)
        var references: [String: Fixed] = [:]
        for leg in legs.indices { references[legs[leg].terms.leg] = self.price(leg).fixed }
        let decidedAt = Timestamp(microseconds: now.microseconds - random.within(80...400) * 1_000)
        let signal = EntrySignal(
            decidedAt: decidedAt, refPx: references,
            expectedSpreadBps: SampleNumber(random.within(40...320), places: 1).fixed)
        book(
            .opened(
                PositionOpened(
                    strategy: story == .cashAndCarry || story == .coinMargined
                        ? "cash-and-carry" : "funding-arb",
                    asset: SampleAsset.all[asset].name, legs: legs.map(\.terms), mode: "sample",
                    reportCurrency: "USD", opportunityID: "opp-\(index + 1)", signal: signal)),
            delay: 5_000)
    }

    /// The same amount of the asset on both legs, in lots that both venues trade.
    private mutating func setTargets(_ worth: SampleNumber, _ price: SampleNumber) {
        let linear = legs.filter { !$0.isInverse && $0.terms.kind != .spot }
        let lots = linear.map { $0.lot * $0.multiplier }
        var base = worth / price
        if let coarsest = lots.max() { base = base.floored(to: coarsest) }
        for index in legs.indices {
            let leg = legs[index]
            let target: SampleNumber
            switch leg.terms.kind {
            case .linear: target = base / leg.multiplier
            case .inverse: target = (worth / leg.multiplier).floored(to: leg.lot)
            case .spot:
                // The fee comes out of what is bought.
                let withFee = base / (SampleNumber.one - leg.venue.feeRate(.taker, leg.contract))
                target = withFee.floored(to: leg.lot) + leg.lot
            }
            legs[index].terms.targetQty = target.fixed
        }
    }

    /// Fills both legs in turn; the second one up to `share` of its target.
    mutating func build(share: SampleNumber = .one) {
        let parts = legs.indices.map { leg in
            let target = SampleNumber(legs[leg].terms.targetQty)
            let qty = leg == 0 ? target : (target * share).floored(to: legs[leg].lot)
            return split(qty, of: leg)
        }
        for turn in 0..<(parts.map(\.count).max() ?? 0) {
            for leg in legs.indices where turn < parts[leg].count {
                pause()
                let side: TradeSide = legs[leg].terms.side == .long ? .buy : .sell
                let fill = fill(leg, side, parts[leg][turn], intent: .open)
                trade(leg, fill)
            }
        }
    }

    /// Closes a share of both legs.
    mutating func reduce(_ share: SampleNumber) {
        for leg in legs.indices {
            let qty = (legs[leg].held.magnitude * share).floored(to: legs[leg].lot)
            for part in split(qty, of: leg) { unwind(leg, part) }
        }
    }

    /// Asks for the close, closes both legs and the position.
    mutating func close(_ reason: CloseReason, request: String) {
        book(.closeRequested(reason: request), delay: 5_000)
        for leg in legs.indices { flatten(leg) }
        pause()
        book(.closed(reason), delay: 300_000)
    }

    private mutating func flatten(_ leg: Int) {
        for part in split(legs[leg].held.magnitude, of: leg) { unwind(leg, part) }
    }

    private mutating func unwind(_ leg: Int, _ qty: SampleNumber) {
        pause()
        let side: TradeSide = legs[leg].held < .zero ? .buy : .sell
        let fill = fill(leg, side, qty, intent: .close)
        trade(leg, fill)
    }

    /// Some seconds between two trades.
    private mutating func pause() {
        now = Timestamp(microseconds: now.microseconds + random.within(900...14_000) * 1_000)
    }

    /// Two to four parts in whole lots; what is left over is in the last one.
    private mutating func split(_ qty: SampleNumber, of leg: Int) -> [SampleNumber] {
        var rest = qty
        var parts: [SampleNumber] = []
        let count = random.within(2...4)
        for part in 1..<count {
            let share = SampleNumber(random.within(60...140), places: 2)
            let size = (qty * share / SampleNumber(count)).floored(to: legs[leg].lot)
            guard part < count, !size.isZero, size < rest else { break }
            parts.append(size)
            rest = rest - size
        }
        return rest.isZero ? parts : parts + [rest]
    }

    // MARK: What goes wrong

    /// The venue buys the short leg back, at a bad price and for a fee; the long one is sold.
    mutating func liquidate() {
        let short = 1
        let qty = legs[short].held.magnitude
        var fill = fill(short, .buy, qty, intent: .close)
        fill.px = price(short, noise: 6_500).fixed
        fill.cause = .liquidation
        fill.liquidity = .taker
        fill.orderID = nil
        trade(short, fill)
        let value = legs[short].value(qty, at: SampleNumber(fill.px))
        book(
            .fee(
                Fee(
                    leg: legs[short].terms.leg,
                    amount: (value * SampleNumber(5, places: 3)).rounded(4).fixed,
                    asset: legs[short].terms.settle, category: .liquidation)))
        pause()
        book(.closeRequested(reason: "the short leg was liquidated"), delay: 5_000)
        flatten(0)
        pause()
        book(.closed(.liquidation), delay: 300_000)
    }

    /// The venue's statement of the next day has a fee of the last trade that no feed had.
    mutating func bookLateFee() {
        let tradedAt = now
        let leg = legs.count - 1
        now = Timestamp(microseconds: now.microseconds + 26 * SampleMarket.hour)
        book(
            .fee(
                Fee(
                    leg: legs[leg].terms.leg, amount: SampleNumber(37, places: 2).fixed,
                    asset: legs[leg].terms.settle, category: .trading,
                    tradeID: String(legs[leg].tradeID))),
            effectiveAt: tradedAt, source: .statement)
    }

    /// Three hours later the first trade turns out to have had another price: void and replacement.
    mutating func correctFirstFill() {
        let first = arrivals.first { $0.event.type == .legFillRecorded }
        guard let first, case .fill(var fill) = first.event.payload else { return }
        let target = derivedID(.fill(fill), 0)
        advance(hours: 3)
        book(
            .voided(EventVoid(target: target, reason: "price differs in the venue's statement")),
            source: .reconciliation, actor: "reconciler", delay: 5_000)
        let px = SampleNumber(fill.px)
        let right = (px * SampleNumber(9_993, places: 4)).rounded(legs[0].terms.priceScale)
        fill.fee = (SampleNumber(fill.fee) * right / px).rounded(8).fixed
        fill.px = right.fixed
        fill.replaces = target
        book(
            .fill(fill), effectiveAt: first.event.effectiveAt, source: .reconciliation,
            actor: "reconciler", delay: 6_000)
    }

    /// Opens; two fills of the first leg pay in BNB, the second of them without a rate.
    mutating func buildWithFeesInBNB() {
        let bnb = SampleNumber(8_905, places: 1)
        let target = SampleNumber(legs[0].terms.targetQty)
        let half = (target / SampleNumber(2)).floored(to: legs[0].lot)
        var unvalued: UUID?
        for (qty, hasRate) in [(half, true), (target - half, false)] {
            pause()
            var fill = fill(0, .buy, qty, intent: .open)
            fill.fee = (SampleNumber(fill.fee) / bnb).rounded(8).fixed
            fill.feeAsset = "BNB"
            if hasRate { fill.feeRate = bnb.fixed } else { unvalued = derivedID(.fill(fill), 0) }
            trade(0, fill)
        }
        for part in split(SampleNumber(legs[1].terms.targetQty), of: 1) {
            pause()
            let fill = fill(1, .sell, part, intent: .open)
            trade(1, fill)
        }
        advance(hours: 20)
        guard let unvalued else { return }
        book(
            .feeValued(
                FeeValuation(
                    target: unvalued, rate: SampleNumber(8_887, places: 1).fixed,
                    source: "binance BNBUSDT close")),
            source: .reconciliation)
    }
}
