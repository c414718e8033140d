import LedgerCore

/// analytics.daily_pnl: Σ of the position days by (day, strategy, asset, venue, settle asset)
/// (§5). It is kept as a sum: what an account adds is its new days minus its old ones. The terms
/// are summed by the database, because a sum of figures may leave the range that its result keeps.
public enum DailyPnl {
    /// What identifies a row within its book.
    public struct Key: Hashable, Sendable {
        /// The UTC day.
        public var day: Day
        /// The position's strategy.
        public var strategy: ExactText
        /// The asset that the position is about.
        public var asset: ExactText
        /// Venue of the leg.
        public var venue: ExactText
        /// Settle asset of the leg: the unit of the row's money.
        public var settle: ExactText
    }

    /// One term of a row's sum; all of it may be negative.
    public struct Delta: Hashable, Sendable {
        /// The row that it is added to.
        public var key: Key
        /// Realised price P&L, in the settle asset as all money here.
        public var pricePnl = Fixed.zero
        /// The fees as far as they are valued, + cost.
        public var feesKnown = Fixed.zero
        /// The funding as far as it is valued, + received.
        public var fundingKnown = Fixed.zero
        /// Σ cash_delta.
        public var adjustments = Fixed.zero
        /// Σ qty·m·px in quote; inverse Σ qty·m.
        public var volume = Fixed.zero
        /// Leg days with a fee that is not valued; while the row has one, its fees are null.
        public var unvaluedFees: Int64 = 0
        /// Leg days with funding that is not valued; while the row has one, its funding is null.
        public var unvaluedFunding: Int64 = 0
        /// Live fills.
        public var fills: Int64 = 0
        /// Positions that come to the row (+1) or leave it (−1).
        public var positions: Int64 = 0
        /// Leg days that are summed; the row goes when it has none.
        public var legDays: Int64 = 0
        /// A leg's day is gone, or an earlier event than before is its last: so it may be with the
        /// row's last event.
        public var lowersStamp = false
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
    /// give nothing, and are only compared.
    public static func deltas(
        from old: PositionAccount?, to new: PositionAccount?
    ) -> [Delta] {
        var deltas: [Delta] = []
        /// Keys of days that a leg gained or lost.
        var touched: Set<Key> = []
        let legCount = max(old?.legs.count ?? 0, new?.legs.count ?? 0)
        for index in 0..<legCount {
            let before = old?.legs[index].days ?? []
            let after = new?.legs[index].days ?? []
            var place = 0
            var keyBefore = old.map { key($0, leg: index) }
            var keyAfter = new.map { key($0, leg: index) }
            func removed(_ day: LegDay) {
                keyBefore?.day = day.day
                guard let key = keyBefore else { return }
                var delta = Delta(day, sign: -1, key: key)
                delta.lowersStamp = true
                deltas.append(delta)
                touched.insert(key)
            }
            for day in after {
                while place < before.count, before[place].day < day.day {
                    removed(before[place])
                    place += 1
                }
                let known = place < before.count && before[place].day == day.day
                if known {
                    place += 1
                    if before[place - 1] == day { continue }
                }
                keyAfter?.day = day.day
                guard let key = keyAfter else { continue }
                if known {
                    var delta = Delta(before[place - 1], sign: -1, key: key)
                    delta.lowersStamp =
                        day.changed.logPosition < before[place - 1].changed.logPosition
                    deltas.append(delta)
                } else {
                    touched.insert(key)
                }
                deltas.append(Delta(day, sign: 1, key: key))
            }
            for day in before[place...] { removed(day) }
        }
        for key in touched {
            let isCounted = counts(old, key)
            guard counts(new, key) != isCounted else { continue }
            var delta = Delta(key)
            delta.positions = isCounted ? -1 : 1
            deltas.append(delta)
        }
        return deltas
    }

    /// Whether the position has a day of this key, on whichever leg.
    private static func counts(_ account: PositionAccount?, _ key: Key) -> Bool {
        guard let account else { return false }
        return account.legs.contains { leg in
            leg.terms.venue.isExactly(key.venue.text)
                && leg.terms.settle.isExactly(key.settle.text)
                && leg.hasDay(key.day)
        }
    }

    /// The key of a leg's days, the day still to be named.
    private static func key(_ account: PositionAccount, leg index: Int) -> Key {
        let terms = account.opened.legs[index]
        return Key(
            day: account.openedAt.day, strategy: ExactText(account.opened.strategy),
            asset: ExactText(account.opened.asset), venue: ExactText(terms.venue),
            settle: ExactText(terms.settle))
    }
}
