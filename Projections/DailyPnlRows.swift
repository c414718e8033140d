import LedgerCore

/// Rows of daily P&L of accounts that are folded on the way, by a choice of their keys: what the
/// view analytics.daily_pnl and its sums show, of any moment.
public struct DailyPnlRows: Sendable {
    /// Which keys are kept apart; the settle asset always is.
    public struct Grouping: Hashable, Sendable {
        /// A row for each UTC day.
        public var day = true
        /// A row for each strategy.
        public var strategy = true
        /// A row for each asset.
        public var asset = true
        /// A row for each venue.
        public var venue = true

        /// All are kept apart, but for what `change` says.
        public init(_ change: (inout Grouping) -> Void = { _ in }) {
            change(&self)
        }
    }

    /// What days count; nil for all.
    public struct Filter: Sendable {
        /// The first day.
        public var from: Day?
        /// The last day.
        public var to: Day?
        /// Strategy of the position.
        public var strategy: ExactText?
        /// Asset of the position.
        public var asset: ExactText?
        /// Venue of the leg.
        public var venue: ExactText?

        /// Everything, but for what `change` says.
        public init(_ change: (inout Filter) -> Void = { _ in }) {
            change(&self)
        }

        func takes(_ key: DailyPnl.Key) -> Bool {
            func isTaken(_ wanted: ExactText?, _ text: ExactText) -> Bool {
                wanted.map { $0 == text } ?? true
            }
            return (from.map { key.day >= $0 } ?? true) && (to.map { key.day <= $0 } ?? true)
                && isTaken(strategy, key.strategy) && isTaken(asset, key.asset)
                && isTaken(venue, key.venue)
        }
    }

    /// What identifies a row; nil for a key that is not kept apart.
    public struct Key: Hashable, Comparable, Sendable {
        /// The UTC day.
        public var day: Day?
        /// Strategy of the positions.
        public var strategy: ExactText?
        /// Asset of the positions.
        public var asset: ExactText?
        /// Venue of the legs.
        public var venue: ExactText?
        /// The unit of the row's money.
        public var settle: ExactText

        /// Takes the members as they are.
        public init(
            day: Day?, strategy: ExactText?, asset: ExactText?, venue: ExactText?,
            settle: ExactText
        ) {
            self.day = day
            self.strategy = strategy
            self.asset = asset
            self.venue = venue
            self.settle = settle
        }

        init(_ key: DailyPnl.Key, _ grouping: Grouping) {
            self.init(
                day: grouping.day ? key.day : nil,
                strategy: grouping.strategy ? key.strategy : nil,
                asset: grouping.asset ? key.asset : nil, venue: grouping.venue ? key.venue : nil,
                settle: key.settle)
        }

        /// By day, strategy, asset, venue and settle asset; texts by their octets.
        public static func < (left: Key, right: Key) -> Bool {
            if left.day != right.day { return (left.day?.number ?? 0) < (right.day?.number ?? 0) }
            let none = ExactText("")
            for (one, two) in [
                (left.strategy ?? none, right.strategy ?? none),
                (left.asset ?? none, right.asset ?? none),
                (left.venue ?? none, right.venue ?? none),
            ] where one != two {
                return one < two
            }
            return left.settle < right.settle
        }
    }

    private let grouping: Grouping
    private let filter: Filter
    private var sums: [Key: DaySums] = [:]

    /// No rows yet.
    public init(by grouping: Grouping = Grouping(), of filter: Filter = Filter()) {
        self.grouping = grouping
        self.filter = filter
    }

    /// Adds the days of a position; each position is added once.
    public mutating func add(_ account: PositionAccount) {
        var touched: Set<Key> = []
        // The deltas count a position once a venue; here it counts once a row.
        for delta in DailyPnl.deltas(from: nil, to: account)
        where delta.legDays != 0 && filter.takes(delta.key) {
            let key = Key(delta.key, grouping)
            sums[key, default: DaySums()].add(delta)
            touched.insert(key)
        }
        for key in touched { sums[key]?.positions += 1 }
    }

    /// The rows, by key.
    public var rows: [(key: Key, sums: DaySums)] {
        sums.map { ($0.key, $0.value) }.sorted { $0.key < $1.key }
    }
}
