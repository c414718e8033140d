import EventStore
import LedgerCore
import Projections

/// Folds streams as they were at a moment.
struct MomentFold: Sendable {
    let view: Viewpoint

    /// What a position comes to; without an account where nothing of it can be folded.
    struct Outcome {
        var account: PositionAccount?
        /// Why the account does not follow the events; nil if it does.
        var stale: String?
    }

    /// nil for a position that had not begun. Where the stream has an event that cannot be read,
    /// the account stands before it, as in the tables.
    func fold(
        _ stream: ReadableStream, check: () throws -> Void = {}
    ) rethrows -> Outcome? {
        let flaw = stream.flaw.map { "event \($0.eventID) cannot be read: \($0.reason)" }
        let events = view.select(stream.events)
        guard !events.isEmpty else {
            // An opening that cannot be read says neither what nor when.
            return stream.events.isEmpty && flaw != nil ? Outcome(stale: flaw) : nil
        }
        let (account, error) = try AccountFold.foldPrefix(events, check: check)
        return Outcome(account: account, stale: flaw ?? error?.description)
    }
}

/// A position whose stream may be read.
struct StreamToRead: Sendable {
    var position: UUID
    /// Events that it has by now.
    var events: Int64
    /// effective_at of position_opened, where that is asked for.
    var openedAt = Timestamp(microseconds: 0)
    /// recorded_at of its first event, where that is asked for.
    var begunAt = Timestamp(microseconds: 0)

    /// Events of one batch, unless one position has more.
    private static let batchEventsMax: Int64 = 20_000
    /// Positions of one batch.
    private static let batchMax = 500

    /// How many of `streams` are read at once; at least one.
    static func batchCount(_ streams: ArraySlice<StreamToRead>) -> Int {
        var events: Int64 = 0
        var count = 0
        for stream in streams.prefix(batchMax) {
            events += stream.events
            if count > 0, events > batchEventsMax { break }
            count += 1
        }
        return count
    }
}
