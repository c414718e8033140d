import LedgerCore

/// The restated days of a book before and after each event: made from the sums as they are known
/// last, by taking the changes back one by one. All that changed a day after it was over is among
/// them, so nothing else lies between two of them.
public struct RestatementChain: Sendable {
    /// One day of the book that one event changed.
    public struct Link: Sendable {
        /// Where and when the event was recorded.
        public var event: Stamp
        /// What it changed.
        public var day: BookDay
        /// The sums over the book just before the event.
        public var before: DaySums
        /// The sums just after it.
        public var after: DaySums
    }

    private let filter: DailyPnlRows.Filter
    private var sums: [BookDay: DaySums] = [:]
    private var changes: [Restatements.Change] = []
    /// Days that are changed, counted once an event.
    public private(set) var count = 0

    /// The book without positions; only days that `filter` takes are kept.
    public init(of filter: DailyPnlRows.Filter = DailyPnlRows.Filter()) {
        self.filter = filter
    }

    /// Adds a position: its account as it is known last, and the changes that led there.
    public mutating func add(_ account: PositionAccount?, _ changes: [Restatements.Change]) {
        for delta in DailyPnl.deltas(from: nil, to: account) where filter.takes(delta.key) {
            sums[BookDay(delta.key), default: DaySums()].add(delta)
        }
        for var change in changes {
            change.days = change.days.compactMapValues { deltas in
                let taken = deltas.filter { filter.takes($0.key) }
                return taken.isEmpty ? nil : taken
            }
            guard !change.days.isEmpty else { continue }
            count += change.days.count
            self.changes.append(change)
        }
    }

    /// What readers could see change, in the order of the log and of the days.
    public func links() -> [Link] {
        var known = sums
        var links: [Link] = []
        links.reserveCapacity(count)
        for change in changes.sorted(by: { $0.event.logPosition > $1.event.logPosition }) {
            let days = change.days.sorted {
                ($0.key.day, $0.key.venue, $0.key.settle)
                    > ($1.key.day, $1.key.venue, $1.key.settle)
            }
            for (day, deltas) in days {
                let after = known[day] ?? DaySums()
                var before = after
                for delta in deltas { before.add(delta, sign: -1) }
                known[day] = before
                guard !before.readsAs(after) else { continue }
                links.append(Link(event: change.event, day: day, before: before, after: after))
            }
        }
        return links.reversed()
    }
}
