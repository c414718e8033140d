import LedgerCore

/// One position of `FundingArbitrage` and the events that it makes.
struct ArbitragePosition: Sendable {
    /// A leg and what it holds, signed, in contracts.
    private struct Leg {
        var market: FundingQuote.Market
        var terms: LegTerms
        var held = Fixed.zero
        var fills = 0
    }

    let id: UUID
    let pair: ArbitragePair
    let number: Int
    /// Whether the first market is sold.
    let sellsFirst: Bool
    private(set) var settlements = 0
    private(set) var isHalfClosed = false
    private(set) var isClosed = false
    /// Of the pair's first and second market.
    private var legs: [Leg]
    /// What both markets trade at, in the same order.
    private var prices: [Fixed]

    init(
        number: Int, pair: ArbitragePair, sellsFirst: Bool, quotes: [FundingQuote]
    ) throws {
        self.number = number
        self.pair = pair
        self.sellsFirst = sellsFirst
        id = ArbitragePosition.id("position", number)
        legs = []
        prices = quotes.map(\.close)
        for (index, quote) in quotes.enumerated() {
            let market = quote.market
            let side: LegSide = (index == 0) == sellsFirst ? .short : .long
            let contracts =
                market.isInverse
                ? try pair.size.multiplied(
                    by: quote.close, dividedBy: market.multiplier(pair.asset), places: 0)
                : try pair.size.divided(by: market.multiplier(pair.asset))
            let terms = market.terms(
                side.rawValue, of: pair, side: side, targetQty: contracts)
            legs.append(Leg(market: market, terms: terms))
        }
    }

    private static func id(_ what: String, _ number: Int) -> UUID {
        var json = CanonicalJSON()
        json.beginArray()
        json.string("funding-arbitrage")
        json.string(what)
        json.integer(Int64(number))
        json.endArray()
        return EventIdentity.version5(json.bytes)
    }

    // MARK: What happens

    /// Opens the position and builds both legs in two fills each.
    mutating func open(spread: Fixed, at end: Timestamp) throws -> [NewEvent] {
        let basisPoints = try spread.multiplied(by: try Fixed(10_000))
        let opened = PositionOpened(
            strategy: pair.strategy, asset: pair.asset, legs: legs.map(\.terms),
            reportCurrency: "USDT", opportunityID: "\(pair.strategy)-\(number)",
            signal: EntrySignal(decidedAt: end, refPx: [:], expectedSpreadBps: basisPoints))
        var events = [
            try own("position_opened", .opened(opened), at: end)
        ]
        for index in legs.indices {
            let total = legs[index].terms.targetQty
            let first = try share(of: total, 3, of: 5, legs[index])
            for (step, qty) in [first, try total.subtracting(first)].enumerated()
            where qty.isPositive {
                events.append(
                    try fill(index, qty, opens: true, at: end.later(1 + 2 * step + index)))
            }
        }
        return events
    }

    /// Funding of both perpetuals at the begin of the row, at its opening price.
    mutating func settle(_ quotes: [FundingQuote]) throws -> [NewEvent] {
        settlements += 1
        var events: [NewEvent] = []
        for (index, quote) in quotes.enumerated() {
            let leg = legs[index]
            guard let rate = quote.rate, !leg.held.isZero else { continue }
            let value =
                leg.terms.kind == .inverse
                ? try leg.held.multiplied(by: leg.terms.multiplier, dividedBy: quote.open)
                : try leg.held.multiplied(by: leg.terms.multiplier, quote.open)
            let amount = try value.multiplied(by: rate, dividedBy: .one, places: 8).negated
            let funding = Funding(
                leg: leg.terms.leg, fundingTime: quote.time, amount: amount,
                asset: leg.terms.settle, rate: rate, markPx: quote.open, qty: leg.held)
            events.append(
                try NewEvent(
                    positionID: id, payload: .funding(funding),
                    effectiveAt: quote.time.later(2 + index), source: .venueREST))
        }
        return events
    }

    /// Closes half of both legs, or the rest.
    mutating func close(_ quotes: [FundingQuote], at end: Timestamp) throws -> [NewEvent] {
        prices = quotes.map(\.close)
        var events: [NewEvent] = []
        if !isHalfClosed {
            events.append(
                try own("close_requested", .closeRequested(reason: "the rates turned"), at: end))
        }
        for index in legs.indices {
            let held = legs[index].held.magnitude
            let half = try share(of: held, 1, of: 2, legs[index])
            let qty = isHalfClosed ? held : half
            guard qty.isPositive else { continue }
            events.append(try fill(index, qty, opens: false, at: end.later(1 + index)))
        }
        if isHalfClosed {
            isClosed = true
            events.append(try own("position_closed", .closed(.fundingFlip), at: end.later(5)))
        }
        isHalfClosed = true
        return events
    }

    // MARK: Events

    /// `part` of `whole` of a quantity, to the leg's scale.
    private func share(
        of qty: Fixed, _ part: Int64, of whole: Int64, _ leg: Leg
    ) throws -> Fixed {
        try qty.multiplied(
            by: try Fixed(part), dividedBy: try Fixed(whole), places: leg.terms.qtyScale)
    }

    private func own(
        _ what: String, _ payload: EventPayload, at time: Timestamp
    ) throws -> NewEvent {
        try NewEvent(
            positionID: id, payload: payload, effectiveAt: time, source: .venueREST,
            eventID: ArbitragePosition.id(what, number))
    }

    /// A taker's fill at the row's closing price. A spot buy pays its fee in the coin.
    private mutating func fill(
        _ index: Int, _ qty: Fixed, opens: Bool, at time: Timestamp
    ) throws -> NewEvent {
        let leg = legs[index]
        let px = prices[index]
        let isLong = leg.terms.side == .long
        let side: TradeSide = isLong == opens ? .buy : .sell
        let paysBase = leg.terms.kind == .spot && side == .buy
        let value =
            leg.terms.kind == .inverse
            ? try qty.multiplied(by: leg.terms.multiplier, dividedBy: px)
            : try qty.multiplied(by: leg.terms.multiplier, px)
        let fee = try (paysBase ? qty : value).multiplied(
            by: leg.market.feeRate, dividedBy: .one, places: 8)
        legs[index].fills += 1
        legs[index].held = try leg.held.adding(qty.signed(side.sign))
        if paysBase { legs[index].held = try legs[index].held.subtracting(fee) }
        let fill = Fill(
            leg: leg.terms.leg, tradeID: "\(number)-\(index)-\(legs[index].fills)", side: side,
            qty: qty, px: px, fee: fee, feeAsset: paysBase ? pair.asset : leg.terms.settle,
            liquidity: .taker, intent: opens ? .open : .close, refPx: px)
        return try NewEvent(
            positionID: id, payload: .fill(fill), effectiveAt: time, source: .venueREST)
    }
}

extension Timestamp {
    fileprivate func later(_ seconds: Int) -> Timestamp {
        Timestamp(microseconds: microseconds + Int64(seconds) * Timestamp.secondInMicroseconds)
    }
}
