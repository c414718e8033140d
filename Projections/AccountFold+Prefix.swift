import LedgerCore

/// What stands of a position that cannot be folded: its longest prefix that folds and can be
/// mapped to rows.
extension AccountFold {
    /// Looks for it from the end on, at lengths above `tried`, and says why the whole does not
    /// fold; without an account where no such length does.
    ///
    /// Where the fold stops at an event, every shorter prefix stops there too as long as it lacks
    /// only events that the fold would have come to later. Those lengths are passed over, so that
    /// a position that gets marks and fills for weeks after its flaw costs one fold and not one
    /// for each of them. `check` is called before each fold and may end the search.
    public static func foldPrefix(
        _ events: [Event], beyond tried: Int = 0, check: () throws -> Void = {}
    ) rethrows -> (account: PositionAccount?, error: FoldError?) {
        var length = events.count
        var first: FoldError?
        while length > tried {
            try check()
            switch attempt(length == events.count ? events : Array(events[..<length])) {
            case .success(let account): return (account, first)
            case .failure(let error):
                first = first ?? error
                length = lengthToTry(events, below: length, after: error, tried: tried)
            }
        }
        return (nil, first)
    }

    private static func attempt(_ events: [Event]) -> Result<PositionAccount, FoldError> {
        do throws(FoldError) {
            let account = try fold(events)
            guard !account.canBeMapped, let last = events.last else { return .success(account) }
            return .failure(.totalOutOfRange(eventID: last.eventID))
        } catch {
            return .failure(error)
        }
    }

    /// The next shorter length of which the fold may come further.
    private static func lengthToTry(
        _ events: [Event], below length: Int, after error: FoldError, tried: Int
    ) -> Int {
        guard let id = error.culprit, let culprit = events.first(where: { $0.eventID == id }) else {
            return length - 1
        }
        var length = length
        while length > tried {
            length -= 1
            let removed = events[length]
            if removed.eventID == id || Event.folds(removed, before: culprit)
                || changesEarlier(removed, events)
            {
                return length
            }
        }
        return length
    }

    /// Whether an event can change how those folded before it count: a void, a valuation, and a
    /// spot trade, whose price a fee in base takes.
    private static func changesEarlier(_ event: Event, _ events: [Event]) -> Bool {
        switch event.payload {
        case .voided, .feeValued, .opened: return true
        case .fill(let fill):
            guard case .opened(let opened)? = events.first?.payload else { return true }
            return opened.legs.contains { $0.kind == .spot && $0.leg.isExactly(fill.leg) }
        case .funding, .fee, .mark, .adjustment, .closeRequested, .closed, .cancelled:
            return false
        }
    }
}

extension PositionAccount {
    /// Whether all tables can be made from it: a total may leave the range although no figure of
    /// a leg does.
    public var canBeMapped: Bool {
        for table in AccountTables.all where (try? table.rows(self, nil)) == nil { return false }
        return true
    }
}

extension FoldError {
    /// The event at which the fold stops, where there is one.
    public var eventID: UUID? {
        switch self {
        case .outOfRange(let id), .totalOutOfRange(let id), .adjustmentRefused(let id, _),
            .unknownLeg(let id, _):
            id
        case .notOpened, .invariantBroken: nil
        }
    }

    /// The event at which every prefix stops that has it and all before it.
    fileprivate var culprit: UUID? {
        switch self {
        case .outOfRange(let id), .adjustmentRefused(let id, _), .unknownLeg(let id, _): id
        case .notOpened, .invariantBroken, .totalOutOfRange: nil
        }
    }
}
