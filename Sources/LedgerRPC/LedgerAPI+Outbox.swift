import AppendPipeline
import GRPCCore
import LedgerCore
import Outbox

/// What reads tell of events that PostgreSQL does not have yet.
extension LedgerAPI {
    /// Of one position so many buffered events are counted.
    static let bufferedCountMax: Int64 = 10_000
    /// The same in a page of many positions.
    static let bufferedOfPageMax: Int64 = 100

    /// Events of a position that wait or are parked in the outbox; nil where that is not known.
    func bufferedEvents(_ book: BookName, _ position: UUID) async -> Int64? {
        await bufferedEvents(book, [position], countMax: Self.bufferedCountMax)?[position]
    }

    /// Fills in the figure of each position.
    func addBuffered(
        _ book: BookName, to positions: inout [Nexus_Ledger_V1_Position]
    ) async {
        let ids = positions.compactMap { UUID($0.positionID) }
        guard ids.count == positions.count,
            let counts = await bufferedEvents(book, ids, countMax: Self.bufferedOfPageMax)
        else { return }
        for (index, id) in ids.enumerated() { positions[index].bufferedEvents = counts[id] ?? 0 }
    }

    /// A figure for each of `positions`.
    private func bufferedEvents(
        _ book: BookName, _ positions: [UUID], countMax: Int64
    ) async -> [UUID: Int64]? {
        guard let desk else { return nil }
        var counts: [UUID: Int64] = [:]
        for position in positions { counts[position] = 0 }
        guard !desk.outbox.isIdle else { return counts }
        let none = counts
        // A read is not refused because the outbox cannot be read: status tells that.
        return try? await desk.run { outbox throws(OutboxError) -> [UUID: Int64] in
            var counts = none
            for position in try outbox.touched(book, positions) {
                counts[position] = try outbox.eventCount(book, position, countMax: countMax)
            }
            return counts
        }
    }

    /// An error of a read of a position of which something is buffered, with that.
    static func telling(_ buffered: Int64?, _ error: RPCError) -> RPCError {
        guard let buffered, buffered > 0 else { return error }
        let words =
            buffered == 1
            ? "1 event of it is in this ledger's outbox"
            : "\(buffered) events of it are in this ledger's outbox"
        guard error.code == .notFound || error.code == .unavailable else { return error }
        return RPCStatus.error(
            error.code, "\(error.message); \(words)",
            details: ["buffered_events": String(buffered)])
    }
}

extension Outbox {
    /// Requests that are looked at in one go.
    private static let countedMax = 500

    /// Different events of a position that wait or are parked, counted up to `countMax`.
    fileprivate func eventCount(
        _ book: BookName, _ position: UUID, countMax: Int64
    ) throws(OutboxError) -> Int64 {
        var keys: Set<[UInt8]> = []
        var after = OutboxSequence.origin
        while keys.count < countMax {
            let found = try requests(of: book, position, after: after, limit: Self.countedMax)
            for request in found {
                for (index, key) in request.draft.keys.enumerated()
                where request.concerns(position, at: index) {
                    keys.insert(key)
                }
                after = request.sequence
            }
            guard found.count == Self.countedMax else { break }
        }
        return min(Int64(keys.count), countMax)
    }
}

extension Outbox.Request {
    /// Whether an event of the request is one of `position`, which the request touches.
    fileprivate func concerns(_ position: UUID, at index: Int) -> Bool {
        guard draft.positions.count > 1 else { return true }
        let line = draft.lines[index].withUnsafeBufferPointer { try? EventLine(parsing: $0) }
        // A line that this build cannot read may be of any of them.
        return line.map { $0.event.positionID == position } ?? true
    }
}
