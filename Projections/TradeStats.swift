import LedgerCore

/// analytics.trade_stats: how the closed positions of a strategy in an asset went (§8), apart for
/// each settle asset, because money in two assets has no sum.
public enum TradeStats {
    /// What identifies a row within its book.
    public struct Key: Hashable, Sendable {
        /// The position's strategy.
        public var strategy: ExactText
        /// The asset that the position is about.
        public var asset: ExactText
        /// Empty where a position's legs settle in several assets.
        public var settle: ExactText

        /// Takes them as they are.
        public init(strategy: ExactText, asset: ExactText, settle: ExactText) {
            self.strategy = strategy
            self.asset = asset
            self.settle = settle
        }
    }

    /// The key under which an account counts; nil unless it is CLOSED.
    public static func key(_ account: PositionAccount?) -> Key? {
        guard let account, account.state == .closed else { return nil }
        return Key(
            strategy: ExactText(account.opened.strategy), asset: ExactText(account.opened.asset),
            settle: ExactText(account.opened.settle ?? ""))
    }

    /// Exact sums over the closed positions of a key.
    public struct Sums: Hashable, Sendable {
        /// Positions that are CLOSED.
        public var closed: Int64 = 0
        /// Positions whose net is not known.
        public var unvalued: Int64 = 0
        /// Positions with a net > 0.
        public var wins: Int64 = 0
        /// Σ of the known nets, in the settle asset as all money here; nil beyond the range.
        public var net: Fixed?
        /// Σ of the nets > 0; nil beyond the range.
        public var grossProfit: Fixed?
        /// ≥ 0.
        public var grossLoss: Fixed?
        /// The greatest known net; nil without one.
        public var best: Fixed?
        /// The least known net; nil without one.
        public var worst: Fixed?
        /// The one or two nets in the middle of the order.
        public var middle: [Fixed] = []
        /// Σ of the hold times, in seconds; nil beyond the range.
        public var holdSeconds: Fixed?
        /// Positions with a hold time.
        public var held: Int64 = 0

        /// No positions; every sum is unknown.
        public init() {}
    }

    /// Columns of a row besides its key, in this order: closed_positions, unvalued, wins,
    /// win_rate, mean_net, median_net, profit_factor, mean_hold_seconds, best, worst. wins
    /// counts the known ones; every other figure that depends on a net is null while one is not
    /// known.
    public static func cells(_ sums: Sums) -> [Cell] {
        let isKnown = sums.unvalued == 0 && sums.closed > 0
        let count = try? Fixed(sums.closed)
        func known(_ value: @autoclosure () -> Fixed?) -> Cell {
            .optional(isKnown ? value() : nil)
        }
        return [
            .int8(sums.closed), .int8(sums.unvalued), .int8(sums.wins),
            known(ratio(try? Fixed(sums.wins), count)), known(ratio(sums.net, count)),
            known(median(sums.middle)), known(ratio(sums.grossProfit, sums.grossLoss)),
            .optional(ratio(sums.holdSeconds, try? Fixed(sums.held))), known(sums.best),
            known(sums.worst),
        ]
    }

    private static func median(_ middle: [Fixed]) -> Fixed? {
        guard let first = middle.first, let last = middle.last else { return nil }
        if middle.count == 1 { return first }
        guard let sum = try? first.adding(last), let two = try? Fixed(2) else { return nil }
        return try? sum.divided(by: two)
    }

    private static func ratio(_ value: Fixed?, _ count: Fixed?) -> Fixed? {
        guard let value, let count, !count.isZero else { return nil }
        return try? value.divided(by: count)
    }
}
