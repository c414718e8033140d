import EventStore
import LedgerCore
import Projections

/// Keeps one generation of one book up with its log: decides what is read, folded and written.
/// Used by one call at a time, on whatever session that call has.
final class BookProjector {
    let lease: Lease
    private(set) var checkpoint: LogPosition
    /// When the event at the checkpoint was recorded; nil until one was read.
    private var recordedAt: Timestamp?
    private var cache = AccountCache()

    /// Events of one transaction.
    static let batchEventsMax = 4_000

    init(_ lease: Lease, checkpoint: LogPosition) {
        self.lease = lease
        self.checkpoint = checkpoint
    }

    /// Projects the next range up to `head`, of at most `eventsMax` events. False if it lost its
    /// generation to another owner. `check` throws where a fold has to stop.
    func advance(
        to head: LogPosition, eventsMax: Int = BookProjector.batchEventsMax,
        in session: any ProjectionSession, check: @escaping () throws -> Void = {}
    ) throws -> Bool {
        let through = min(head, checkpoint.advanced(by: eventsMax))
        guard through > checkpoint else { return true }
        let entries = try session.entries(
            lease.book, after: checkpoint, through: through, since: recordedAt)
        guard entries.count == Int(through.rawValue - checkpoint.rawValue) else {
            throw StoreError.inconsistent(
                "the log has \(entries.count) events in (\(checkpoint), \(through)]")
        }
        var changes: [BatchFold.Change]
        do {
            changes = try fold(entries, through: through, session, check)
        } catch let error as StoreError {
            // Who was replaced reads what its successor has written.
            guard try !session.heartbeat(lease) else { throw error }
            cache.removeAll()
            return false
        }
        var outcome = try session.write(changes, lease, from: checkpoint, through: through)
        if case .refused(let culprits) = outcome {
            // Quarantine the positions, not the projection.
            changes = try changes.map { try culprits[$0.position].map($0.held) ?? $0 }
            outcome = try session.write(changes, lease, from: checkpoint, through: through)
        }
        switch outcome {
        case .written: break
        case .lost:
            cache.removeAll()
            return false
        case .refused(let culprits):
            throw StoreError.inconsistent(
                "the tables refuse rows as they stood: \(culprits.values.sorted())")
        }
        checkpoint = through
        for change in changes { cache.insert(change.after, for: change.position) }
        recordedAt = entries.last?.recordedAt
        return true
    }

    private func fold(
        _ entries: [LogEntry], through: LogPosition, _ session: any ProjectionSession,
        _ check: @escaping () throws -> Void
    ) throws -> [BatchFold.Change] {
        /// What stands of them is read: so many events each.
        var unknown: [UUID: Int] = [:]
        var seen: Set<UUID> = []
        for entry in entries where seen.insert(entry.positionID).inserted {
            guard entry.version != StreamVersion.none.next, cache[entry.positionID] == nil else {
                continue
            }
            unknown[entry.positionID] = Int(entry.version.rawValue) - 1
        }
        let read = try written(unknown, session)
        let batch = BatchFold(
            stream: { position in
                try session.streams(self.lease.book, [position], through: through)[position]
                    ?? ReadableStream()
            }, check: check)
        return try batch.fold(entries) { position in
            read[position] ?? self.cache[position] ?? Written(account: nil, stale: nil)
        }
    }

    /// What stands in the tables of positions that are not cached: the fold of their events, or
    /// of the prefix that a quarantine has left.
    private func written(
        _ counts: [UUID: Int], _ session: any ProjectionSession
    ) throws -> [UUID: Written] {
        guard !counts.isEmpty else { return [:] }
        let positions = Array(counts.keys)
        let held = try session.held(lease, positions)
        var written: [UUID: Written] = [:]
        let streams = try session.streams(lease.book, positions, through: checkpoint)
        for (position, count) in counts {
            let stream = streams[position] ?? ReadableStream()
            guard stream.count == count else {
                throw StoreError.inconsistent(
                    "position \(position) has \(stream.count) events, not \(count)")
            }
            let prefix = stream.events.prefix(held[position]?.version ?? stream.count)
            guard prefix.count == held[position]?.version ?? stream.count else {
                throw StoreError.inconsistent(
                    "position \(position) is written, but event "
                        + "\(stream.flaw?.logPosition ?? .origin) of it cannot be read by this "
                        + "build")
            }
            do throws(FoldError) {
                written[position] = Written(
                    account: prefix.isEmpty ? nil : try AccountFold.fold(Array(prefix)),
                    stale: held[position]?.stale)
            } catch {
                throw StoreError.inconsistent(
                    "position \(position) is written but cannot be folded: \(error)")
            }
        }
        return written
    }
}

extension BatchFold.Change {
    /// The position stands still instead, as the tables refuse its rows.
    fileprivate func held(for reason: String) throws -> BatchFold.Change {
        var held = self
        held.after = before
        held.after.stale = Stale(reason: reason, eventID: nil, logPosition: first)
        held.rows = try AccountTables.changes(from: held.before, to: held.after)
        return held
    }
}
