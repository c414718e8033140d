import LedgerCore

/// analytics.daily_pnl: Σ of the position days by (day, strategy, asset, venue, settle asset)
/// (§5). It is kept as a sum: what an account adds is its new days minus its old ones.
public enum DailyPnl {
    public struct Key: Hashable, Sendable {
        public var day: Day
        public var strategy: ExactText
        public var asset: ExactText
        public var venue: ExactText
        public var settle: ExactText
    }

    /// What is added to a row; all of it may be negative.
    public struct Delta: Hashable, Sendable {
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
        /// The last event behind the change.
        public var changed = Stamp.none

        var isEmpty: Bool {
            var copy = self
            copy.changed = .none
            return copy == Delta()
        }
    }

    /// Adds what `account` contributes, `sign` times (+1 or −1).
    /// - Throws: a sum that leaves the range.
    public static func add(
        _ account: PositionAccount?, sign: Int, changed: Stamp, to deltas: inout [Key: Delta]
    ) throws(FixedError) {
        guard let account else { return }
        var keys: Set<Key> = []
        for leg in account.legs {
            for day in leg.days {
                let key = Key(
                    day: day.day, strategy: ExactText(account.opened.strategy),
                    asset: ExactText(account.opened.asset), venue: ExactText(leg.terms.venue),
                    settle: ExactText(leg.terms.settle))
                var delta = deltas[key] ?? Delta()
                try delta.add(day, sign: sign)
                if keys.insert(key).inserted { delta.positions += Int64(sign) }
                delta.changed.raise(to: changed)
                deltas[key] = delta
            }
        }
    }

    /// Drops the keys to which nothing is added.
    public static func compact(_ deltas: [Key: Delta]) -> [Key: Delta] {
        deltas.filter { !$0.value.isEmpty }
    }
}

extension DailyPnl.Delta {
    fileprivate mutating func add(_ day: LegDay, sign: Int) throws(FixedError) {
        pricePnl = try pricePnl.adding(day.pricePnl.signed(sign))
        feesKnown = try feesKnown.adding(day.feesKnown.signed(sign))
        fundingKnown = try fundingKnown.adding(day.fundingKnown.signed(sign))
        adjustments = try adjustments.adding(day.adjustments.signed(sign))
        volume = try volume.adding((day.volume ?? .zero).signed(sign))
        unvaluedFees += day.unvaluedFees > 0 ? Int64(sign) : 0
        unvaluedFunding += day.unvaluedFunding > 0 ? Int64(sign) : 0
        fills += Int64(sign) * day.fills
        legDays += Int64(sign)
    }
}
