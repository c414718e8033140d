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
    public let day: Day
    public let venue: String
    public let settle: String
    public internal(set) var pricePnl: Fixed = .zero
    public internal(set) var fees: Fixed? = .zero
    public internal(set) var funding: Fixed? = .zero
    public internal(set) var adjustments: Fixed = .zero
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
        var sum = Fixed.zero
        for leg in legs { sum = try sum.adding(try leg.base()) }
        return sum
    }

    /// Σ of a figure over the legs; nil if they settle in several assets or one has none.
    public func total(_ figure: (LegAccount) -> Fixed?) throws(FixedError) -> Fixed? {
        guard opened.settle != nil else { return nil }
        var sum = Fixed.zero
        for leg in legs {
            guard let value = figure(leg) else { return nil }
            sum = try sum.adding(value)
        }
        return sum
    }

    /// The position's net in its settle asset; nil if the legs have several, or a part of one is
    /// not valued.
    public func net() throws(FixedError) -> Fixed? {
        guard opened.settle != nil else { return nil }
        var sum = Fixed.zero
        for leg in legs {
            guard let net = try leg.net() else { return nil }
            sum = try sum.adding(net)
        }
        return sum
    }

    /// Days of all legs, summed by venue and settle asset, in the order day, venue, settle.
    public func days() throws(FixedError) -> [PositionDay] {
        var days: [PositionDay] = []
        for leg in legs {
            for own in leg.days {
                let index = days.firstIndex {
                    $0.day == own.day && $0.venue.isExactly(leg.terms.venue)
                        && $0.settle.isExactly(leg.terms.settle)
                }
                var day =
                    index.map { days[$0] }
                    ?? PositionDay(
                        day: own.day, venue: leg.terms.venue, settle: leg.terms.settle)
                day.pricePnl = try day.pricePnl.adding(own.pricePnl)
                day.fees = try sum(day.fees, own.fees)
                day.funding = try sum(day.funding, own.funding)
                day.adjustments = try day.adjustments.adding(own.adjustments)
                if let index { days[index] = day } else { days.append(day) }
            }
        }
        for index in days.indices {
            guard let fees = days[index].fees, let funding = days[index].funding else { continue }
            days[index].net = try Fixed.sum(
                days[index].pricePnl, fees.negated, funding, days[index].adjustments)
        }
        return days.sorted {
            ($0.day, ExactText($0.venue), ExactText($0.settle))
                < ($1.day, ExactText($1.venue), ExactText($1.settle))
        }
    }

    private func sum(_ left: Fixed?, _ right: Fixed?) throws(FixedError) -> Fixed? {
        guard let left, let right else { return nil }
        return try left.adding(right)
    }
}
