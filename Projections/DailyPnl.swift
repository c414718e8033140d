import LedgerCore

/// analytics.daily_pnl: Σ of the position days by (day, strategy, asset, venue, settle asset)
/// (§5). It is kept as a sum: what an account adds is its new days minus its old ones. The terms
/// are summed by the database, because a sum of figures may leave the range that its result keeps.
public enum DailyPnl {
    public struct Key: Hashable, Sendable {
        public var day: Day
        public var strategy: ExactText
        public var asset: ExactText
        public var venue: ExactText
        public var settle: ExactText
    }

    /// One term of a row's sum; all of it may be negative.
    public struct Delta: Hashable, Sendable {
        public var key: Key
        public var pricePnl = Fixed.zero
        public var feesKnown = Fixed.zero
        public var fundingKnown = Fixed.zero
        public var adjustments = Fixed.zero
        public var volume = Fixed.zero
        public var unvaluedFees: Int64 = 0
        public var unvaluedFunding: Int64 = 0
        public var fills: Int64 = 0
        public var positions: Int64 = 0
        public var legDays: Int64 = 0
        /// A leg's day is gone, so that the row's last event may be an earlier one again.
        public var isRemoval = false
        /// The last event of the leg's day; none for one that goes.
        public var changed: Stamp

        init(_ key: Key) {
            self.key = key
            changed = .none
        }

        init(_ day: LegDay, sign: Int, key: Key) {
            self.init(key)
            if sign > 0 { changed = day.changed }
            pricePnl = day.pricePnl.signed(sign)
            feesKnown = day.feesKnown.signed(sign)
            fundingKnown = day.fundingKnown.signed(sign)
            adjustments = day.adjustments.signed(sign)
            volume = (day.volume ?? .zero).signed(sign)
            unvaluedFees = day.unvaluedFees > 0 ? Int64(sign) : 0
            unvaluedFunding = day.unvaluedFunding > 0 ? Int64(sign) : 0
            fills = Int64(sign) * day.fills
            legDays = Int64(sign)
        }
    }

    /// What brings the sums from one state of a position to another; days that stay the same
    /// give nothing.
    public static func deltas(
        from old: PositionAccount?, to new: PositionAccount?
    ) -> [Delta] {
        var deltas: [Delta] = []
        var before: [DayOfLeg: LegDay] = [:]
        var keysBefore: Set<Key> = []
        var keysAfter: Set<Key> = []
        if let old {
            for (index, leg) in old.legs.enumerated() {
                for day in leg.days {
                    before[DayOfLeg(leg: index, day: day.day)] = day
                    keysBefore.insert(key(old, leg, day))
                }
            }
        }
        if let new {
            for (index, leg) in new.legs.enumerated() {
                for day in leg.days {
                    let key = key(new, leg, day)
                    keysAfter.insert(key)
                    let known = before.removeValue(forKey: DayOfLeg(leg: index, day: day.day))
                    guard known != day else { continue }
                    if let known {
                        deltas.append(Delta(known, sign: -1, key: key))
                    }
                    deltas.append(Delta(day, sign: 1, key: key))
                }
            }
        }
        if let old {
            for (place, day) in before {
                let key = key(old, old.legs[place.leg], day)
                var delta = Delta(day, sign: -1, key: key)
                delta.isRemoval = true
                deltas.append(delta)
            }
        }
        for key in keysAfter.subtracting(keysBefore) {
            var delta = Delta(key)
            delta.positions = 1
            deltas.append(delta)
        }
        for key in keysBefore.subtracting(keysAfter) {
            var delta = Delta(key)
            delta.positions = -1
            deltas.append(delta)
        }
        return deltas
    }

    private struct DayOfLeg: Hashable {
        var leg: Int
        var day: Day
    }

    private static func key(_ account: PositionAccount, _ leg: LegAccount, _ day: LegDay) -> Key {
        Key(
            day: day.day, strategy: ExactText(account.opened.strategy),
            asset: ExactText(account.opened.asset), venue: ExactText(leg.terms.venue),
            settle: ExactText(leg.terms.settle))
    }
}
