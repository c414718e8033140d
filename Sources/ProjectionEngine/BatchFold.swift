import EventStore
import LedgerCore
import Projections

/// What is written of one position: its account at the checkpoint, and why it does not follow.
struct Written: Sendable {
    var account: PositionAccount?
    /// nil while the account is the fold of all its events.
    var stale: Stale?
}

/// Why a position's rows stand still.
struct Stale: Hashable, Sendable {
    var reason: String
    /// The first event that cannot be folded, where one is to blame.
    var eventID: UUID?
    /// Its place; else that of the first event that the rows do not count.
    var logPosition: LogPosition
}

/// Folds a range of the log: from what is written to what is to be written. Pure but for the
/// streams, which it asks for when an event needs a fold afresh.
struct BatchFold {
    /// A position before and after the range.
    struct Change {
        var position: UUID
        var before: Written
        var after: Written
        /// Its first event of the range.
        var first: LogPosition
        /// What its rows become, in the order of `AccountTables.all`.
        var rows: [RowChanges]
    }

    /// All events of a position up to the end of the range.
    var stream: (UUID) throws -> ReadableStream
    /// Throws where the fold has to stop: it takes too long, or the service ends.
    var check: () throws -> Void = {}

    func fold(
        _ entries: [LogEntry], written: (UUID) throws -> Written
    ) throws -> [Change] {
        var order: [UUID] = []
        var groups: [UUID: ReadableStream] = [:]
        var ends: [UUID: StreamVersion] = [:]
        for entry in entries {
            if groups[entry.positionID] == nil { order.append(entry.positionID) }
            groups[entry.positionID, default: ReadableStream()].append(entry)
            ends[entry.positionID] = entry.version
        }
        var changes: [Change] = []
        changes.reserveCapacity(order.count)
        for position in order {
            try check()
            let group = groups[position, default: ReadableStream()]
            changes.append(
                try change(
                    group, onto: try written(position), of: position,
                    through: ends[position, default: .none]))
        }
        return changes
    }

    private func change(
        _ group: ReadableStream, onto before: Written, of position: UUID,
        through end: StreamVersion
    ) throws -> Change {
        if before.stale == nil, group.flaw == nil,
            let account = evolved(before.account, group.events)
        {
            let after = Written(account: account, stale: nil)
            if let rows = try? AccountTables.changes(from: before, to: after) {
                return Change(
                    position: position, before: before, after: after, first: group.first,
                    rows: rows)
            }
        }
        let stream = try stream(position)
        guard stream.count == Int(end.rawValue) else {
            throw StoreError.inconsistent(
                "position \(position) has \(stream.count) events, not \(end)")
        }
        // Every length up to the end of the last range was tried then.
        let tried = stream.count - group.count
        let after = try longest(stream, known: before, tried: tried)
        return Change(
            position: position, before: before, after: after, first: group.first,
            rows: try AccountTables.changes(from: before, to: after))
    }

    /// The longest prefix that folds: `known` is what stands of the first `tried` events.
    func longest(
        _ stream: ReadableStream, known: Written, tried: Int
    ) throws -> Written {
        let events = stream.events
        let (account, error) = try AccountFold.foldPrefix(events, beyond: tried, check: check)
        var stale = known.stale
        if let flaw = stream.flaw {
            stale = Stale(
                reason: "event \(flaw.eventID) cannot be read: \(flaw.reason)",
                eventID: flaw.eventID, logPosition: flaw.logPosition)
        } else if let error {
            let culprit = error.eventID.flatMap { id in events.first { $0.eventID == id } }
            stale = Stale(
                reason: error.description, eventID: error.eventID,
                logPosition: culprit?.logPosition ?? events.last?.logPosition ?? .origin)
        } else if account != nil {
            stale = nil
        }
        return Written(account: account ?? known.account, stale: stale)
    }

    /// nil if the stream has to be folded afresh.
    private func evolved(_ account: PositionAccount?, _ events: [Event]) -> PositionAccount? {
        guard var next = account else {
            guard events.first?.version == StreamVersion.none.next else { return nil }
            return try? AccountFold.fold(events)
        }
        for event in events {
            guard (try? next.evolve(event)) ?? false else { return nil }
        }
        return next
    }
}

extension AccountTables {
    /// What the rows of all tables become.
    static func changes(
        from before: Written, to after: Written
    ) throws(FixedError) -> [RowChanges] {
        var changes: [RowChanges] = []
        for table in all {
            changes.append(
                try table.changes(
                    from: before.account, before.stale?.reason, to: after.account,
                    after.stale?.reason))
        }
        return changes
    }
}
