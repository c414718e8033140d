import LedgerCore
import Postgres
import Projections

/// The permanent record of events that an operator gave up before they were appended
/// (`positions.outbox_discards`).
public struct Discard: Sendable {
    /// The event's id, given or derived.
    public var eventID: UUID
    /// The position that it would have belonged to.
    public var positionID: UUID
    /// Canonical bytes of its line.
    public var line: [UInt8]

    /// Takes them as they are.
    public init(eventID: UUID, positionID: UUID, line: [UInt8]) {
        self.eventID = eventID
        self.positionID = positionID
        self.line = line
    }
}

/// Writes tombstones. Confined to the thread of its connection.
public struct DiscardWriter {
    private let connection: Connection
    private let deadline: Deadline

    /// `deadline` holds for all its queries together.
    public init(_ connection: Connection, deadline: Deadline) {
        self.connection = connection
        self.deadline = deadline
    }

    /// Keeps the events of a discarded request, all or none; those that have a tombstone keep it.
    /// The book is made if there is none.
    public func write(
        _ discards: [Discard], in book: BookName, from origin: Origin.Buffered, host: String,
        actor: String, reason: String
    ) throws {
        var ids = ArrayBuilder(of: .uuid)
        var positions = ArrayBuilder(of: .uuid)
        var lines = ArrayBuilder(of: .json)
        for discard in discards {
            ids.append.uuid(high: discard.eventID.high, low: discard.eventID.low)
            positions.append.uuid(high: discard.positionID.high, low: discard.positionID.low)
            lines.append.json(utf8: discard.line)
        }
        try connection.query(
            StoreSQL.discard,
            [
                .text(book.description), .int4(AccountFold.logicVersion), ids.take(),
                positions.take(), lines.take(), .timestamp(origin.at), .int8(origin.sequence),
                .text(host), .text(actor), .text(reason),
            ], deadline: deadline)
    }
}
