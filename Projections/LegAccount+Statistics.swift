import LedgerCore

/// Figures that only tables show. None of them can fail a fold: beyond the range they are nil.
extension LegAccount {
    func volume(of fill: Fill, after sum: Fixed?) -> Fixed? {
        guard let sum else { return nil }
        let traded =
            terms.kind == .inverse
            ? try? fill.qty.multiplied(by: terms.multiplier)
            : try? fill.qty.multiplied(by: terms.multiplier, fill.px)
        return traded.flatMap { try? sum.adding($0) }
    }

    /// Entries, exits, maker share and slippage of a fill that was just booked.
    mutating func note(
        _ fill: Fill, value: Fixed, heldBefore: Fixed, refPx: Fixed?, at effectiveAt: Timestamp
    ) {
        fills += 1
        if fill.liquidity == .maker { makerFills += 1 }
        if firstFillAt == nil { firstFillAt = effectiveAt }
        let isExit = heldBefore.signum == -fill.side.sign
        if isExit {
            exits.add(fill.qty, value)
        } else {
            entries.add(fill.qty, value)
        }
        guard let reference = fill.refPx ?? (isExit ? nil : refPx) else {
            if !isExit { slippageSum = nil }
            return
        }
        guard let worse = try? fill.px.subtracting(reference).signed(fill.side.sign),
            let cost = try? worse.multiplied(by: fill.qty, terms.multiplier)
        else {
            slippageSum = nil
            return
        }
        slippageSum?.add(cost)
    }

    /// Average price of all exits; nil without one.
    public var avgExitPx: Fixed? { averagePx(of: exits) }
    /// Average price of all entries, also after they were closed; nil without one.
    public var avgEntryPxOverall: Fixed? { averagePx(of: entries) }

    private func averagePx(of executions: Executions) -> Fixed? {
        guard let qty = executions.qty, let value = executions.value,
            !qty.isZero, !value.isZero
        else { return nil }
        return try? LegAccount.price(of: value, qty: qty, terms: terms)
    }

    /// Longest gap between two events of an open leg whose missing settlements are counted: a
    /// longer one is a wrong stamp, which must not make a row for each month of a millennium.
    static let gapMax: Int64 = 3_660 * Timestamp.dayInMicroseconds

    /// Counts the settlements of (settlementsThrough, through] during which the leg was open;
    /// none after a gap of more than ten years.
    mutating func countSettlements(through: Timestamp) {
        guard let interval = terms.fundingInterval else { return }
        guard let since = settlementsThrough else {
            settlementsThrough = through
            return
        }
        guard through > since else { return }
        settlementsThrough = through
        guard !qty.isZero, through.microseconds - since.microseconds <= LegAccount.gapMax else {
            return
        }
        let step = interval * Timestamp.secondInMicroseconds
        var next = since.floored(toSeconds: interval).microseconds + step
        while next <= through.microseconds {
            let month = Timestamp(microseconds: next).day.monthStart
            let date = month.civil
            let following =
                Day(
                    year: date.month == 12 ? date.year + 1 : date.year,
                    month: date.month == 12 ? 1 : date.month + 1, day: 1)?.start
                .microseconds ?? Int64.max
            let last = min(through.microseconds, following - 1)
            let count = (last - next) / step + 1
            let index = monthIndex(month)
            fundingMonths[index].due += count
            fundingMonths[index].changed.raise(to: bookedThrough)
            next += count * step
        }
    }

    /// Expected = −qty·m·mark·rate (inverse −qty·m/mark·rate), rounded once. A venue that tells
    /// the quantity without its sign means that of the leg.
    mutating func noteExpected(_ event: Funding, month: Int) {
        let held = event.qty ?? qty
        let own = qty.isZero ? terms.side.sign : qty.signum
        let side = held.isNegative ? -1 : own * held.signum
        guard let rate = event.rate, let mark = event.markPx,
            let due = try? due(held.magnitude, at: mark, rate)
        else {
            fundingMonths[month].expectedSum = nil
            return
        }
        fundingMonths[month].expectedSum?.add(due.signed(-side))
    }

    private func due(
        _ held: Fixed, at mark: Fixed, _ rate: Fixed
    ) throws(FixedError) -> Fixed {
        terms.kind == .inverse
            ? try held.multiplied(by: terms.multiplier, rate, dividedBy: mark)
            : try held.multiplied(by: terms.multiplier, mark, rate)
    }

    mutating func monthIndex(_ month: Day) -> Int {
        var index = fundingMonths.count
        while index > 0, fundingMonths[index - 1].month > month { index -= 1 }
        if index > 0, fundingMonths[index - 1].month == month { return index - 1 }
        fundingMonths.insert(FundingMonth(month: month), at: index)
        return index
    }
}

extension LegAccount.Executions {
    mutating func add(_ more: Fixed, _ cost: Fixed) {
        qty = qty.flatMap { try? $0.adding(more) }
        value = value.flatMap { try? $0.adding(cost) }
    }
}
