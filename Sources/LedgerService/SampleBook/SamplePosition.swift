import LedgerCore

/// Makes the events of one position. It has a clock: `advance` moves it and books the funding and
/// the marks of the time that passes; every other method happens now.
struct SamplePosition {
    /// An event and when the ledger would receive it.
    struct Arrival {
        let at: Timestamp
        let event: NewEvent
    }

    struct Leg {
        let venue: SampleVenue
        let contract: SampleVenue.Contract
        var terms: LegTerms
        /// In contracts, signed, after fees that were taken from it.
        var held = SampleNumber.zero
        /// How far its prices are from the index, in 10⁻⁶.
        let basis: Int64
        var tradeID: Int64
        let orderID: String

        /// The smallest change of its quantity, in contracts.
        var lot: SampleNumber { SampleNumber(1, places: terms.qtyScale) }
        var multiplier: SampleNumber { SampleNumber(terms.multiplier) }
        var isInverse: Bool { terms.kind == .inverse }

        /// The value of a quantity at a price, in the settle asset.
        func value(_ qty: SampleNumber, at px: SampleNumber) -> SampleNumber {
            isInverse ? qty * multiplier / px : qty * multiplier * px
        }
    }

    static let minute = 60 * Timestamp.secondInMicroseconds

    let index: Int
    let start: Timestamp
    let id: UUID
    let story: SampleStory
    let asset: Int
    let market: SampleMarket
    var random: SplitMix64
    var now: Timestamp
    var legs: [Leg] = []
    private(set) var arrivals: [Arrival] = []

    init(seed: UInt64, index: Int, start: Timestamp, market: SampleMarket) {
        let stories = SampleStory.allCases
        let story = stories[index % stories.count]
        var random = SplitMix64(seed: seed, part: UInt64(index))
        let jitter = random.within(0...4) * SampleMarket.hour + random.within(5...50) * Self.minute
        let opensAt = start.microseconds + story.opensAfterHours * SampleMarket.hour + jitter
        self.index = index
        self.start = start
        self.story = story
        self.market = market
        asset = story.asset(ofRound: index / stories.count)
        now = Timestamp(microseconds: opensAt + random.within(0...999) * 1_000)
        id = Self.version7(at: now, &random)
        let account = "arb-\(seed)-\(index + 1)"
        for (side, (venue, contract)) in zip(LegSide.allCases, story.venues) {
            legs.append(
                Leg(
                    venue: venue, contract: contract,
                    terms: venue.terms(SampleAsset.all[asset], contract, side, account: account),
                    basis: random.around(400),
                    tradeID: random.within(100_000_000_000...899_999_999_999),
                    orderID: String(random.within(1_000_000_000...9_999_999_999))))
        }
        self.random = random
    }

    /// A UUID of version 7 (RFC 9562 §5.7) whose random bits are the sample's.
    private static func version7(at time: Timestamp, _ random: inout SplitMix64) -> UUID {
        let milliseconds = UInt64(time.microseconds / 1_000)
        return UUID(
            high: milliseconds << 16 | 0x7000 | random.next() >> 52,
            low: random.next() >> 2 | 0x8000_0000_0000_0000)
    }

    // MARK: Events

    /// Books what happened at `effectiveAt`, or now, and is known to the ledger `delay` µs later.
    mutating func book(
        _ payload: EventPayload, effectiveAt: Timestamp? = nil, source: EventSource = .venueWS,
        actor: String? = nil, delay: Int64 = 150_000
    ) {
        let arrival = Timestamp(microseconds: now.microseconds + delay)
        let eventID = payload.type.derivesID ? nil : Self.version7(at: arrival, &random)
        do throws(InvalidField) {
            let event = try NewEvent(
                positionID: id, payload: payload, effectiveAt: effectiveAt ?? now, source: source,
                actor: actor, eventID: eventID)
            arrivals.append(Arrival(at: arrival, event: event))
        } catch {
            preconditionFailure("an event of the sample book: \(error)")
        }
    }

    /// The id that the ledger will derive for an event of a leg.
    func derivedID(_ payload: EventPayload, _ leg: Int) -> UUID {
        guard let id = EventIdentity.derivedID(of: payload, terms: legs[leg].terms) else {
            preconditionFailure("the id of a \(payload.type.rawValue) is not derived")
        }
        return id
    }

    // MARK: Time

    /// Lets time pass, with its funding and marks.
    mutating func advance(hours: Int64 = 0, minutes: Int64 = 0) {
        advance(
            to: Timestamp(
                microseconds: now.microseconds + hours * SampleMarket.hour
                    + minutes * Self.minute))
    }

    mutating func advance(to time: Timestamp) {
        let hour = SampleMarket.hour
        var next = now.floored(toSeconds: 3_600).microseconds + hour
        while next <= time.microseconds {
            now = Timestamp(microseconds: next)
            for leg in legs.indices where !legs[leg].held.isZero {
                if let interval = legs[leg].terms.fundingInterval,
                    now.floored(toSeconds: interval) == now
                {
                    bookFunding(leg, interval)
                }
                if next / hour % 8 == 4 { bookMark(leg) }
            }
            next += hour
        }
        now = time
    }

    private mutating func bookFunding(_ index: Int, _ interval: Int64) {
        let leg = legs[index]
        let settlement = now
        let px = price(index)
        let rate = market.rate(of: asset, on: leg.venue, at: settlement, interval: interval)
        // Long pays when the rate is positive. Venues stamp a settlement late, never early.
        let amount = -(leg.value(leg.held, at: px) * rate).rounded(leg.terms.settleScale)
        now = Timestamp(microseconds: settlement.microseconds + random.within(0...60) * 1_000)
        book(
            .funding(
                Funding(
                    leg: leg.terms.leg, fundingTime: now, amount: amount.fixed,
                    asset: leg.terms.settle, rate: rate.fixed, markPx: px.fixed,
                    qty: leg.held.fixed, interval: interval)),
            source: .venueREST, delay: 2_000_000)
        now = settlement
    }

    /// The leg's mark; the margin ratio is in 10⁻³, and random where it is not given.
    mutating func bookMark(_ index: Int, marginRatio: Int64? = nil) {
        let leg = legs[index]
        var mark = Mark(leg: leg.terms.leg, px: price(index).fixed)
        mark.indexPx = market.price(of: asset, at: now).rounded(leg.terms.priceScale).fixed
        if leg.terms.kind != .spot {
            mark.marginRatio = SampleNumber(marginRatio ?? random.within(60...240), places: 3).fixed
            let distance = SampleNumber(leg.terms.side == .long ? 72 : 128, places: 2)
            mark.liquidationPx =
                (SampleNumber(mark.px) * distance).rounded(leg.terms.priceScale).fixed
        }
        book(.mark(mark), delay: 300_000)
    }

    // MARK: Trades

    /// The leg's price now, with the noise of a trade where `noise` is given in 10⁻⁶.
    func price(_ leg: Int, noise: Int64 = 0) -> SampleNumber {
        let factor = SampleNumber(1_000_000 + legs[leg].basis + noise, places: 6)
        return (market.price(of: asset, at: now) * factor).rounded(legs[leg].terms.priceScale)
    }

    /// Books a fill and moves the leg.
    mutating func trade(_ leg: Int, _ fill: Fill) {
        let contracts = SampleNumber(fill.qty)
        legs[leg].held = legs[leg].held + (fill.side == .buy ? contracts : -contracts)
        if legs[leg].terms.isBaseFee(fill.feeAsset) {
            legs[leg].held = legs[leg].held - SampleNumber(fill.fee)
        }
        book(.fill(fill))
    }

    /// A fill of the leg's venue, now.
    mutating func fill(
        _ index: Int, _ side: TradeSide, _ qty: SampleNumber, intent: FillIntent
    ) -> Fill {
        legs[index].tradeID += random.within(1...900)
        let leg = legs[index]
        let liquidity: Liquidity = random.within(1...10) <= 6 ? .taker : .maker
        let px = price(index, noise: random.around(220))
        let rate = leg.venue.feeRate(liquidity, leg.contract)
        let takesBase = leg.terms.kind == .spot && side == .buy
        let fee = (takesBase ? qty * rate : leg.value(qty, at: px) * rate).rounded(8)
        return Fill(
            leg: leg.terms.leg, tradeID: String(leg.tradeID), side: side, qty: qty.fixed,
            px: px.fixed, fee: fee.fixed,
            feeAsset: takesBase ? leg.terms.base : leg.terms.settle, liquidity: liquidity,
            orderID: leg.orderID, intent: intent, refPx: price(index).fixed)
    }
}
