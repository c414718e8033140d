import LedgerCore
import Postgres

/// The events of many positions as they came from the database, packed in one piece of memory and
/// decoded when they are folded: a third of what decoded events take, and nothing to release one
/// by one.
public struct EventArena: Sendable {
    private struct Place: Sendable {
        var version: Int64
        var offset: Int
        var count: Int32
    }

    private var bytes: [UInt8] = []
    private var places: [UUID: [Place]] = [:]
    /// In the order in which they were met.
    public private(set) var positions: [UUID] = []
    /// How many events it holds.
    public private(set) var count = 0

    /// Fields of a row: the columns of `StoreSQL.columns`.
    private static let fieldCount = 9
    /// What an event takes beside its bytes.
    private static let overheadBytes = 32
    /// Of an event, the bytes of its columns, in most books.
    private static let usualBytes = 400

    /// Holds so many events of the usual size, or so many bytes, before it has to grow.
    init(events: Int, bytesMax: Int) {
        let usual = events.multipliedReportingOverflow(by: Self.usualBytes)
        bytes.reserveCapacity(max(0, min(usual.overflow ? bytesMax : usual.partialValue, bytesMax)))
    }

    /// Memory that it takes, about.
    public var byteCount: Int { bytes.count + count * Self.overheadBytes }

    mutating func append(_ row: inout CopyRow) throws {
        let fields = row.rest
        let position = try row.next().id()
        let version = try row.next().int64()
        let place = Place(version: version, offset: bytes.count, count: Int32(fields.count))
        bytes.append(contentsOf: fields)
        if places[position]?.append(place) == nil {
            places[position] = [place]
            positions.append(position)
        }
        count += 1
    }

    /// The events of one position, by version.
    public func stream(_ position: UUID) throws -> ReadableStream {
        var stream = ReadableStream()
        var places = places[position] ?? []
        // They come in the order of the log, as a rule.
        let isInOrder = zip(places, places.dropFirst()).allSatisfy { $0.version < $1.version }
        if !isInOrder { places.sort { $0.version < $1.version } }
        try bytes.withUnsafeBytes { all in
            for place in places {
                let end = place.offset + Int(place.count)
                var row = CopyRow(
                    keeping: UnsafeRawBufferPointer(rebasing: all[place.offset..<end]),
                    fieldCount: Self.fieldCount)
                stream.append(try RowDecoder.entry(RowDecoder.Fields(&row)))
            }
        }
        return stream
    }
}

/// Positions whose ids follow each other, and where their events are.
public struct PositionRange: Hashable, Sendable {
    /// The last position before it; nil at the beginning.
    public var after: UUID?
    /// The last one that it holds.
    public var through: UUID
    /// How many it holds.
    public var positions: Int64
    /// How many events these have by now.
    public var events: Int64
    /// When the first of them was recorded.
    public var since: Timestamp
    /// When the last of them was recorded.
    public var until: Timestamp
}

extension LogReader {
    /// The next positions after `after`, in the order of their ids: as many as have `eventsMax`
    /// events together, at least one and at most `positionsMax`. nil after the last one.
    public func range(
        _ book: BookID, after: UUID?, eventsMax: Int, positionsMax: Int
    ) throws -> PositionRange? {
        let result = try connection.query(
            StoreSQL.positionRange,
            [
                .int4(book.rawValue), after.map { .uuid($0) } ?? .null(.uuid),
                .int8(Int64(eventsMax)), .int8(Int64(positionsMax)),
            ], deadline: deadline)
        guard let row = result.rows.first, !row[0].isNull else { return nil }
        return PositionRange(
            after: after, through: try row[0].id(), positions: try row[1].int64(),
            events: try row[2].int64(), since: try row[3].timestamp(), until: try row[4].timestamp()
        )
    }

    /// The events of a range of positions up to a log position, whole.
    /// - Throws: nothing of its own when `bytesMax` is passed: the answer is nil then.
    public func arena(
        _ book: BookID, _ range: PositionRange, through: LogPosition, bytesMax: Int
    ) throws -> EventArena? {
        var arena = EventArena(events: Int(range.events), bytesMax: bytesMax)
        do {
            try connection.copyRows(
                StoreSQL.copyOfRange(book, range, through: through), deadline: deadline
            ) { row in
                try arena.append(&row)
                if arena.byteCount > bytesMax, range.positions > 1 { throw ArenaIsFull() }
            }
        } catch is ArenaIsFull {
            return nil
        }
        return arena
    }
}

private struct ArenaIsFull: Error {}
