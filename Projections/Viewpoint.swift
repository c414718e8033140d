import LedgerCore

/// Which events of a stream count: all that are known and have happened, unless it says otherwise.
/// Its two clocks are those of accounting.md §2: `recorded_at`, by its place in the log, decides
/// what was known, `effective_at` what had happened.
public struct Viewpoint: Hashable, Sendable {
    /// What was known: the events up to this log position; nil for all.
    public var through: LogPosition?
    /// What had happened: the events with an effective_at up to this time; nil for all.
    public var effective: Timestamp?

    /// All that is known and has happened.
    public static let now = Viewpoint()

    /// What was known after `through` of what had happened at `effective`.
    public init(through: LogPosition? = nil, effective: Timestamp? = nil) {
        self.through = through
        self.effective = effective
    }

    /// Whether every event counts.
    public var isNow: Bool { through == nil && effective == nil }

    /// The events of a whole stream, by version, that count. Voids and valuations are knowledge:
    /// they count whatever their effective_at (accounting.md §2). A position that had not begun
    /// by then has none.
    public func select(_ events: [Event]) -> [Event] {
        guard !isNow else { return events }
        let known = events.filter { event in through.map { event.logPosition <= $0 } ?? true }
        guard let effective else { return known }
        // Frozen terms are folded first whatever their time, so a fact before them counts too.
        let isThere = known.contains { event in
            event.effectiveAt <= effective && !event.payload.isKnowledge
        }
        guard isThere else { return [] }
        return known.filter { event in
            event.effectiveAt <= effective || event.payload.isKnowledge
                || event.type == .positionOpened
        }
    }
}

extension EventPayload {
    /// Whether it says something of another event and nothing happened by it.
    fileprivate var isKnowledge: Bool {
        switch self {
        case .voided, .feeValued: true
        case .opened, .fill, .funding, .fee, .mark, .adjustment, .closeRequested, .closed,
            .cancelled:
            false
        }
    }
}
