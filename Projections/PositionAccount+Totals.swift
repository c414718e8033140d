import LedgerCore

/// What is remarkable about a position (accounting.md §3).
public enum PositionFlag: String, CaseIterable, Hashable, Sendable {
    case unhedged = "UNHEDGED"
    case liquidated = "LIQUIDATED"
    case adl = "ADL"
    case provisional = "PROVISIONAL"
    case overshot = "OVERSHOT"
    case reopenedByCorrection = "REOPENED_BY_CORRECTION"
    case restated = "RESTATED"
}

/// What one day brought to a position at one venue, in one settle asset (accounting.md §5).
public struct PositionDay: Hashable, Sendable {
    /// The UTC day.
    public let day: Day
    /// Venue of the legs.
    public let venue: String
    /// Settle asset of the legs: the unit of all amounts here.
    public let settle: String
    /// Realised price P&L; fees and funding are apart.
    public internal(set) var pricePnl: Fixed = .zero
    /// + cost, − rebate; nil while one is not valued.
    public internal(set) var fees: Fixed? = .zero
    /// + received, − paid; nil while one is not valued.
    public internal(set) var funding: Fixed? = .zero
    /// Σ cash_delta.
    public internal(set) var adjustments: Fixed = .zero
    /// price_pnl − fees + funding + adjustments; nil while a part is not valued.
    public internal(set) var net: Fixed?
}

extension LegAccount {
    /// Of the position's flags, those that are about one leg.
    public var flags: [PositionFlag] {
        (isProvisional ? [.provisional] : []) + (overshot ? [.overshot] : [])
    }
}

extension PositionAccount {
    /// All flags that hold, in the order of accounting.md §3.
    public func flags() throws(FixedError) -> [PositionFlag] {
        var flags: [PositionFlag] = []
        if try isUnhedged() { flags.append(.unhedged) }
        if isLiquidated { flags.append(.liquidated) }
        if isDeleveraged { flags.append(.adl) }
        if legs.contains(where: \.isProvisional) { flags.append(.provisional) }
        if legs.contains(where: \.overshot) { flags.append(.overshot) }
        if lifecycle.closedAt != nil, !lifecycle.isFlat { flags.append(.reopenedByCorrection) }
        if isRestated { flags.append(.restated) }
        return flags
    }

    /// Two or more legs and |Σ base| > the coarsest leg's multiplier·10^−qty_scale.
    private func isUnhedged() throws(FixedError) -> Bool {
        guard legs.count >= 2 else { return false }
        var coarsest = Fixed.zero
        for leg in legs {
            var step = leg.terms.multiplier
            if leg.terms.qtyScale > 0 {
                let unit = try Fixed(scaled: decimalUnit(leg.terms.qtyScale))
                step = try step.multiplied(by: unit)
            }
            coarsest = max(coarsest, step)
        }
        return try baseDelta().magnitude > coarsest
    }

    /// 10^−scale as a count of 10⁻¹⁸.
    private func decimalUnit(_ scale: Int) -> Int128 {
        var unit: Int128 = 1
        for _ in scale..<Fixed.scale { unit *= 10 }
        return unit
    }

    /// Σ base of the legs: how far the position is from hedged.
    public func baseDelta() throws(FixedError) -> Fixed {
        var sum = ExactSum()
        for leg in legs { sum.add(try leg.base()) }
        return try sum.value()
    }

    /// Σ of a figure over the legs; nil if they settle in several assets or one has none.
    public func total(_ figure: (LegAccount) -> Fixed?) throws(FixedError) -> Fixed? {
        guard opened.settle != nil else { return nil }
        var sum = ExactSum()
        for leg in legs {
            guard let value = figure(leg) else { return nil }
            sum.add(value)
        }
        return try sum.value()
    }

    /// The position's net in its settle asset; nil if the legs have several, or a part of one is
    /// not valued.
    public func net() throws(FixedError) -> Fixed? {
        guard opened.settle != nil else { return nil }
        var sum = ExactSum()
        for leg in legs {
            guard let feeValue = leg.feeValue, let funding = leg.fundingValue else { return nil }
            sum.add(leg.realizedPrice)
            sum.add(feeValue.negated)
            sum.add(funding)
            sum.add(leg.adjustments)
        }
        return try sum.value()
    }

    /// Days of all legs, summed by venue and settle asset, in the order day, venue, settle.
    public func days() throws(FixedError) -> [PositionDay] {
        var sums: [DaySum] = []
        var places: [DaySum.Key: Int] = [:]
        for leg in legs {
            let (venue, settle) = (ExactText(leg.terms.venue), ExactText(leg.terms.settle))
            for own in leg.days {
                let key = DaySum.Key(day: own.day, venue: venue, settle: settle)
                let place = places[key, default: sums.count]
                if place == sums.count {
                    places[key] = place
                    sums.append(
                        DaySum(day: own.day, venue: leg.terms.venue, settle: leg.terms.settle))
                }
                sums[place].add(own)
            }
        }
        var days: [PositionDay] = []
        for sum in sums { days.append(try sum.total()) }
        return days.sorted {
            ($0.day, ExactText($0.venue), ExactText($0.settle))
                < ($1.day, ExactText($1.venue), ExactText($1.settle))
        }
    }
}

/// The exact sums of one day; only the totals have to be in range.
private struct DaySum {
    struct Key: Hashable {
        var day: Day
        var venue: ExactText
        var settle: ExactText
    }

    let day: Day
    let venue: String
    let settle: String
    var pricePnl = ExactSum()
    /// nil once a part is not valued.
    var fees: ExactSum? = ExactSum()
    var funding: ExactSum? = ExactSum()
    var adjustments = ExactSum()
    var net = ExactSum()

    mutating func add(_ own: LegDay) {
        pricePnl.add(own.pricePnl)
        adjustments.add(own.adjustments)
        net.add(own.pricePnl)
        net.add(own.adjustments)
        if let value = own.fees {
            fees?.add(value)
            net.add(value.negated)
        } else {
            fees = nil
        }
        if let value = own.funding {
            funding?.add(value)
            net.add(value)
        } else {
            funding = nil
        }
    }

    func total() throws(FixedError) -> PositionDay {
        var total = PositionDay(day: day, venue: venue, settle: settle)
        total.pricePnl = try pricePnl.value()
        total.fees = try fees?.value()
        total.funding = try funding?.value()
        total.adjustments = try adjustments.value()
        total.net = fees == nil || funding == nil ? nil : try net.value()
        return total
    }
}
