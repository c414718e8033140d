import LedgerCore

/// A day of a book at a venue, in one settle asset: what a restatement is about.
public struct BookDay: Hashable, Sendable {
    /// The UTC day.
    public var day: Day
    /// Venue of the legs.
    public var venue: ExactText
    /// Settle asset of the legs.
    public var settle: ExactText

    init(_ key: DailyPnl.Key) {
        day = key.day
        venue = key.venue
        settle = key.settle
    }
}

/// What later knowledge changed: events that were recorded after a UTC day was over and changed a
/// figure of that day. A late fill changes the day on which it happened and each later one on
/// which its leg released cost, and so does a void.
public enum Restatements {
    /// What one event changed of days that were over when it was recorded.
    public struct Change: Sendable {
        /// Where and when the event was recorded.
        public var event: Stamp
        /// By day: the terms that bring the sums before it to those after it.
        public var days: [BookDay: [DailyPnl.Delta]]
    }

    /// The changes that the events of one position made, in the order of the log, and its account
    /// after all of them. Each change is between what readers saw before and after the event: the
    /// fold of the longest prefix that folds. `check` is called before each fold and may end it.
    ///
    /// - Parameter events: A whole stream up to some place in the log, by version.
    public static func changes(
        of events: [Event], check: () throws -> Void = {}
    ) rethrows -> (changes: [Change], account: PositionAccount?) {
        let opened = events.first.flatMap { first -> PositionOpened? in
            if case .opened(let opened) = first.payload { opened } else { nil }
        }
        guard let opened, mayRestate(events, opened) else {
            return ([], try AccountFold.foldPrefix(events, check: check).account)
        }
        var walk = Walk(events: events, opened: opened)
        for index in events.indices { try walk.step(index, check) }
        try walk.verify(events.count, check)
        return (walk.changes, walk.shown)
    }

    /// Whether an event of the stream can have changed a day that was over. Most streams came in
    /// time, and are folded once.
    private static func mayRestate(_ events: [Event], _ opened: PositionOpened) -> Bool {
        events.contains { event in
            if case .fee(let fee) = event.payload, fee.tradeID != nil { return true }
            return event.isLate(opened)
        }
    }
}

extension Event {
    /// Whether the UTC day on which it counts was over when it was recorded, or it says something
    /// of another event.
    fileprivate func isLate(_ opened: PositionOpened) -> Bool {
        switch payload {
        case .voided, .feeValued: return true
        case .fill, .fee, .adjustment: return effectiveAt.day < recordedAt.day
        case .funding(let funding):
            guard let terms = opened.legs.first(where: { $0.leg.isExactly(funding.leg) }) else {
                return true
            }
            return EventIdentity.fundingTime(of: funding, terms: terms).day < recordedAt.day
        case .opened, .mark, .closeRequested, .closed, .cancelled: return false
        }
    }
}

/// Goes along a stream in the order of the log.
private struct Walk {
    let events: [Event]
    let opened: PositionOpened
    private(set) var changes: [Restatements.Change] = []
    /// What readers saw after the events so far.
    private(set) var shown: PositionAccount?
    /// `shown` is the fold of all events so far; else it stands at a shorter prefix, and the next
    /// event may be the one that lets it go on.
    private var isWhole = true
    /// Whether tables could be made of `shown` was not asked yet: it is costly, and matters only
    /// where a day that is over may change.
    private var isVerified = true

    init(events: [Event], opened: PositionOpened) {
        self.events = events
        self.opened = opened
    }

    mutating func step(_ index: Int, _ check: () throws -> Void) rethrows {
        let event = events[index]
        let isNewDay = index > 0 && events[index - 1].recordedAt.day < event.recordedAt.day
        if isNewDay { try verify(index, check) }
        var mayChange = event.isLate(opened)
        if mayChange { try verify(index, check) }
        var next = isWhole ? shown : nil
        // Where the event throws, the prefix that ends with it does not fold. Where the last one
        // did not, any event may be the one that lets it go on.
        let isTaken = (try? next?.evolve(event)) ?? false
        if !isTaken { next = nil }
        if next == nil { mayChange = true }
        guard mayChange else {
            shown = next
            isVerified = false
            return
        }
        try verify(index, check)
        let before = shown
        if next?.canBeMapped != true {
            next = try AccountFold.foldPrefix(
                Array(events[...index]), beyond: index, check: check
            ).account
        }
        isWhole = next != nil
        shown = next ?? before
        note(event, from: before, to: shown)
    }

    /// Makes sure that `shown` is what readers saw after the first `count` events.
    mutating func verify(_ count: Int, _ check: () throws -> Void) rethrows {
        guard !isVerified else { return }
        isVerified = true
        guard shown?.canBeMapped != true else { return }
        let (account, error) = try AccountFold.foldPrefix(Array(events[..<count]), check: check)
        shown = account
        isWhole = error == nil
    }

    private mutating func note(
        _ event: Event, from before: PositionAccount?, to after: PositionAccount?
    ) {
        var days: [BookDay: [DailyPnl.Delta]] = [:]
        for delta in DailyPnl.deltas(from: before, to: after)
        where delta.key.day < event.recordedAt.day {
            days[BookDay(delta.key), default: []].append(delta)
        }
        days = days.filter { $0.value.reduce(into: DaySums()) { $0.add($1) } != DaySums() }
        if !days.isEmpty {
            changes.append(Restatements.Change(event: Stamp(event), days: days))
        }
    }
}
