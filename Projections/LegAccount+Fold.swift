import LedgerCore

/// Why a position cannot be folded: its rows stay at the longest prefix that folds.
public enum FoldError: Error, Equatable, Sendable {
    /// A figure left ±10²⁰ at this event.
    case outOfRange(eventID: UUID)
    /// A total of the position, over its legs or days, is beyond ±10²⁰ after this event.
    case totalOutOfRange(eventID: UUID)
    /// An adjustment changed the side, made the cost negative or left cost on a flat leg.
    case adjustmentRefused(eventID: UUID, reason: String)
    /// The stream does not begin with position_opened.
    case notOpened
    /// An event names a leg that position_opened does not have.
    case unknownLeg(eventID: UUID, leg: String)
    /// realized_price ≠ cash + sign·open_cost: a defect of the fold itself.
    case invariantBroken(leg: String)
}

extension FoldError: CustomStringConvertible {
    /// For stale reasons, quarantine lists and standard error; names the event or the leg.
    public var description: String {
        switch self {
        case .outOfRange(let id):
            "event \(id) takes a figure out of range (|x| must stay below 10^20)"
        case .totalOutOfRange(let id):
            "event \(id) takes a total of the position out of range (|x| must stay below 10^20)"
        case .adjustmentRefused(let id, let reason): "adjustment \(id) cannot be folded: \(reason)"
        case .notOpened: "the position has no position_opened"
        case .unknownLeg(let id, let leg): "event \(id) names the unknown leg \"\(leg)\""
        case .invariantBroken(let leg):
            "leg \"\(leg)\": realized_price differs from cash and open cost"
        }
    }
}

/// The leg fold: accounting.md §4.
extension LegAccount {
    /// A trade of the leg's own instrument for `value`: increase, reduction, or both.
    /// Returns the realised price P&L.
    mutating func trade(
        _ side: Int, qty traded: Fixed, value: Fixed
    ) throws(FixedError) -> Fixed {
        guard !traded.isZero else { return .zero }
        cash = try cash.subtracting(value.signed(side * orientation))
        guard qty.signum == -side else {
            try increase(side, traded, value)
            return .zero
        }
        let held = qty.magnitude
        guard traded > held else { return try reduce(traded, of: held, value: value) }
        // Beyond zero: the closing part first, the remainder opens the other way.
        overshot = true
        let places = terms.kind == .inverse ? terms.settleScale : Fixed.scale
        // A venue's value may be finer than its settle scale: the closing part is at most all.
        let closing = min(
            try value.multiplied(by: held, dividedBy: traded, places: places), value)
        let realized = try reduce(held, of: held, value: closing)
        try increase(side, try traded.subtracting(held), try value.subtracting(closing))
        return realized
    }

    private mutating func increase(
        _ side: Int, _ traded: Fixed, _ value: Fixed
    ) throws(FixedError) {
        qty = try qty.adding(traded.signed(side))
        openCost = try openCost.adding(value)
        if qty.magnitude > peakQty { peakQty = qty.magnitude }
    }

    /// Takes c ≤ |qty| out and returns what it realised.
    private mutating func reduce(
        _ reduced: Fixed, of held: Fixed, value: Fixed
    ) throws(FixedError) -> Fixed {
        let side = qty.signum
        let released = try cost(of: reduced, held: held)
        let realized = try value.subtracting(released).signed(side * orientation)
        realizedPrice = try realizedPrice.adding(realized)
        openCost = try openCost.subtracting(released)
        qty = try qty.subtracting(reduced.signed(side))
        return realized
    }

    /// The share of open_cost that leaves with `reduced` of `held`.
    private func cost(of reduced: Fixed, held: Fixed) throws(FixedError) -> Fixed {
        reduced == held
            ? openCost : try openCost.multiplied(by: reduced, dividedBy: held)
    }

    /// Value of a fill: linear and spot half-even(qty·m·px, 18); inverse the venue's value if
    /// given, else half-even(qty·m/px, settle_scale).
    func value(of fill: Fill) throws(FixedError) -> Fixed {
        guard terms.kind == .inverse else {
            return try fill.qty.multiplied(by: terms.multiplier, fill.px)
        }
        if let venueValue = fill.venueValue { return venueValue }
        return try fill.qty.multiplied(
            by: terms.multiplier, dividedBy: fill.px, places: terms.settleScale)
    }

    /// A fill with its fee, on its day.
    mutating func apply(
        _ fill: Fill, at effectiveAt: Timestamp, valuation: Fixed?, refPx: Fixed?, stamp: Stamp
    ) throws(FixedError) {
        countSettlements(through: effectiveAt)
        let index = dayIndex(effectiveAt.day, stamp)
        let heldBefore = qty
        let value = try value(of: fill)
        var realized = try trade(fill.side.sign, qty: fill.qty, value: value)
        note(fill, value: value, heldBefore: heldBefore, refPx: refPx, at: effectiveAt)
        if terms.kind == .spot, tradePrices[ExactText(fill.tradeID)] == nil {
            tradePrices[ExactText(fill.tradeID)] = fill.px
        }
        if terms.isBaseFee(fill.feeAsset) {
            realized = try realized.adding(
                try baseFee(fill.fee, px: fill.px, day: index, category: feeCategory(of: fill)))
        } else {
            try fee(
                fill.fee, asset: fill.feeAsset, rate: valuation ?? fill.feeRate, day: index,
                category: feeCategory(of: fill))
        }
        days[index].pricePnl = try days[index].pricePnl.adding(realized)
        days[index].fills += 1
        days[index].volume = volume(of: fill, after: days[index].volume)
    }

    private func feeCategory(of fill: Fill) -> FeeCategory {
        fill.cause == .liquidation || fill.cause == .adl ? .liquidation : .trading
    }

    /// A fee in the settle asset or a third one.
    private mutating func fee(
        _ amount: Fixed, asset: String, rate: Fixed?, day: Int, category: FeeCategory
    ) throws(FixedError) {
        try fees.add(amount, asset)
        let isSettled = asset.isExactly(terms.settle)
        guard isSettled || amount.isZero || rate != nil else {
            unvaluedFees += 1
            days[day].unvaluedFees += 1
            return
        }
        let value =
            isSettled || amount.isZero ? amount : try amount.multiplied(by: rate ?? .zero)
        try bookFee(value, day: day, category: category)
    }

    private mutating func bookFee(
        _ value: Fixed, day: Int, category: FeeCategory
    ) throws(FixedError) {
        feeValueKnown = try feeValueKnown.adding(value)
        days[day].feesKnown = try days[day].feesKnown.adding(value)
        feesByCategory[category, default: ExactSum()].add(value)
    }

    /// A fee taken from a spot leg's own quantity: |fee| is sold (a rebate: bought) at `px` as a
    /// trade of its own. Without a price it leaves at cost and its value is not known.
    private mutating func baseFee(
        _ amount: Fixed, px: Fixed?, day: Int, category: FeeCategory
    ) throws(FixedError) -> Fixed {
        try fees.add(amount, terms.base)
        guard !amount.isZero else { return .zero }
        let side = amount.isPositive ? -1 : 1
        let taken = amount.magnitude
        guard let px else {
            unpricedBaseFees += 1
            unvaluedFees += 1
            days[day].unvaluedFees += 1
            return try leaveAtCost(side, taken)
        }
        let value = try taken.multiplied(by: px)
        let realized = try trade(side, qty: taken, value: value)
        try bookFee(value.signed(amount.signum), day: day, category: category)
        return realized
    }

    /// Takes a quantity out, or puts it in, at the average cost of what is held; beyond zero the
    /// rest opens the other way at that cost. Nothing is realised.
    private mutating func leaveAtCost(
        _ side: Int, _ taken: Fixed
    ) throws(FixedError) -> Fixed {
        let held = qty.magnitude
        guard qty.signum == -side else { return try trade(side, qty: taken, value: .zero) }
        guard taken > held else {
            return try trade(side, qty: taken, value: try cost(of: taken, held: held))
        }
        let rest = try taken.subtracting(held)
        let restValue = try openCost.multiplied(by: rest, dividedBy: held)
        overshot = true
        let realized = try trade(side, qty: held, value: openCost)
        return try realized.adding(try trade(side, qty: rest, value: restValue))
    }

    /// A fee that was charged apart from a trade, on its own day.
    mutating func apply(
        _ event: Fee, at effectiveAt: Timestamp, valuation: Fixed?, stamp: Stamp
    ) throws(FixedError) {
        let index = dayIndex(effectiveAt.day, stamp)
        if terms.isBaseFee(event.asset) {
            let trade = event.tradeID.map { ExactText($0) }
            let tradePx = trade.flatMap { tradePrices[$0] }
            if let trade, tradePx == nil { pricesAwaited.insert(trade) }
            let px = tradePx ?? valuation ?? event.feeRate
            let realized = try baseFee(
                event.amount, px: px, day: index, category: event.category)
            days[index].pricePnl = try days[index].pricePnl.adding(realized)
        } else {
            try fee(
                event.amount, asset: event.asset, rate: valuation ?? event.feeRate, day: index,
                category: event.category)
        }
    }

    /// A funding payment, on the day of its settlement.
    mutating func apply(
        _ event: Funding, at effectiveAt: Timestamp, valuation: Fixed?, stamp: Stamp
    ) throws(FixedError) {
        countSettlements(through: effectiveAt)
        let time = EventIdentity.fundingTime(of: event, terms: terms)
        let index = dayIndex(time.day, stamp)
        let month = monthIndex(time.day.monthStart)
        try funding.add(event.amount, event.asset)
        fundingMonths[month].payments += 1
        fundingMonths[month].changed.raise(to: bookedThrough)
        noteExpected(event, month: month)
        let isSettled = event.asset.isExactly(terms.settle)
        guard isSettled || valuation != nil else {
            unvaluedFunding += 1
            days[index].unvaluedFunding += 1
            fundingMonths[month].unvalued += 1
            return
        }
        let value =
            isSettled ? event.amount : try event.amount.multiplied(by: valuation ?? .zero)
        fundingKnown = try fundingKnown.adding(value)
        days[index].fundingKnown = try days[index].fundingKnown.adding(value)
        if value.isNegative {
            fundingMonths[month].paid.add(value.negated)
        } else {
            fundingMonths[month].received.add(value)
        }
    }

    /// A correction by hand; nil if it was taken, else why it is refused.
    mutating func apply(
        _ event: Adjustment, at effectiveAt: Timestamp, stamp: Stamp
    ) throws(FixedError) -> String? {
        countSettlements(through: effectiveAt)
        let before = qty.signum
        let qtyAfter = try qty.adding(event.qtyDelta ?? .zero)
        let costDelta = event.costDelta ?? .zero
        let costAfter = try openCost.adding(costDelta)
        if before != 0, qtyAfter.signum == -before { return "it changes the leg's side" }
        if costAfter.isNegative { return "it makes the open cost negative" }
        if before == 0, qtyAfter.isZero, !costDelta.isZero { return "a flat leg has no cost" }
        let index = dayIndex(effectiveAt.day, stamp)
        let sign = before != 0 ? before : qtyAfter.signum
        cash = try cash.subtracting(costDelta.signed(sign * orientation))
        qty = qtyAfter
        openCost = costAfter
        if qty.magnitude > peakQty { peakQty = qty.magnitude }
        if qty.isZero, !openCost.isZero {
            let realized = openCost.signed(-before * orientation)
            realizedPrice = try realizedPrice.adding(realized)
            days[index].pricePnl = try days[index].pricePnl.adding(realized)
            openCost = .zero
        }
        let delta = event.cashDelta ?? .zero
        adjustments = try adjustments.adding(delta)
        days[index].adjustments = try days[index].adjustments.adding(delta)
        return nil
    }

    /// A mark counts if it is the newest by (effective_at, version).
    mutating func apply(_ event: Mark, of origin: Event) {
        if let mark, (origin.effectiveAt, origin.version) < (mark.at, mark.version) { return }
        mark = LastMark(
            px: event.px, marginRatio: event.marginRatio, liquidationPx: event.liquidationPx,
            at: origin.effectiveAt, version: origin.version)
    }

    /// linear realized_price = cash + sign·open_cost; inverse: both signs mirrored. `cash` is
    /// kept mirrored for inverse legs already.
    var holdsInvariant: Bool {
        guard let held = try? cash.adding(openCost.signed(qty.signum * orientation)) else {
            return true  // beyond the range of a figure, not of the fold
        }
        return held == realizedPrice && openCost.scaled >= 0 && (!qty.isZero || openCost.isZero)
    }

    /// The row of a day, made if need be; also stamps it.
    private mutating func dayIndex(_ day: Day, _ stamp: Stamp) -> Int {
        bookedThrough.raise(to: stamp)
        changed.raise(to: stamp)
        var index = days.count
        while index > 0, days[index - 1].day > day { index -= 1 }
        if index == 0 || days[index - 1].day != day {
            days.insert(LegDay(day: day), at: index)
        } else {
            index -= 1
        }
        days[index].changed.raise(to: bookedThrough)
        return index
    }
}
