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
    var eventID: UUID?
}

/// Folds a range of the log: from what is written to what is to be written. Pure but for the
/// streams, which it asks for when an event needs a fold afresh.
struct BatchFold {
    /// A position before and after the range.
    struct Change {
        var position: UUID
        var before: Written
        var after: Written
        /// The last event of the range.
        var through: Stamp
    }

    /// All events of a position up to the end of the range.
    var stream: (UUID) throws -> [Event]

    func fold(
        _ events: [Event], written: (UUID) throws -> Written
    ) throws -> [Change] {
        var order: [UUID] = []
        var groups: [UUID: [Event]] = [:]
        for event in events {
            if groups[event.positionID] == nil { order.append(event.positionID) }
            groups[event.positionID, default: []].append(event)
        }
        return try order.map { position in
            let group = groups[position] ?? []
            let before = try written(position)
            let after = try fold(group, onto: before, of: position)
            let last = group.last.map { Stamp($0) } ?? .none
            return Change(position: position, before: before, after: after, through: last)
        }
    }

    private func fold(
        _ events: [Event], onto before: Written, of position: UUID
    ) throws -> Written {
        if before.stale == nil, let account = try evolved(before.account, events) {
            return Written(account: account, stale: nil)
        }
        let (account, error) = AccountFold.foldMapped(try stream(position))
        return Written(
            account: account,
            stale: error.map { Stale(reason: $0.description, eventID: $0.eventID) })
    }

    /// nil if the stream has to be folded afresh.
    private func evolved(
        _ account: PositionAccount?, _ events: [Event]
    ) throws -> PositionAccount? {
        guard var next = account else {
            guard events.first?.version == StreamVersion.none.next else { return nil }
            guard let folded = try? AccountFold.fold(events),
                folded.canBeMapped
            else { return nil }
            return folded
        }
        for event in events {
            guard (try? next.evolve(event)) ?? false else { return nil }
        }
        return next.canBeMapped ? next : nil
    }
}

extension PositionAccount {
    /// Whether all tables can be made from it: a total may leave the range although no figure of
    /// a leg does.
    var canBeMapped: Bool {
        for table in AccountTables.all where (try? table.rows(self, nil)) == nil { return false }
        return true
    }
}

extension AccountFold {
    /// The longest prefix that folds and can be mapped to rows.
    static func foldMapped(
        _ events: [Event]
    ) -> (account: PositionAccount?, error: FoldError?) {
        let (account, error) = foldPrefix(events)
        guard let account, !account.canBeMapped else { return (account, error) }
        var length = Int(account.version.rawValue) - 1
        while length > 0 {
            if let shorter = try? fold(Array(events[..<length])), shorter.canBeMapped {
                return (shorter, .outOfRange(eventID: events[length].eventID))
            }
            length -= 1
        }
        return (nil, error ?? .outOfRange(eventID: events[0].eventID))
    }
}

extension FoldError {
    /// The event at which the fold stops, where there is one.
    public var eventID: UUID? {
        switch self {
        case .outOfRange(let id), .adjustmentRefused(let id, _), .unknownLeg(let id, _): id
        case .notOpened, .invariantBroken: nil
        }
    }
}
