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

    /// Keeps the events of a discarded request, all or none, but those that are in the log; what
    /// has a tombstone keeps it. Appends of the book wait meanwhile, so that no event gets into
    /// the log and a tombstone too. The book is made if there is none.
    /// - Returns: how many of the events have a tombstone now.
    public func write(
        _ discards: [Discard], in book: BookName, from origin: Origin.Buffered, host: String,
        actor: String, reason: String
    ) throws -> Int {
        var ids = ArrayBuilder(of: .uuid)
        var positions = ArrayBuilder(of: .uuid)
        var lines = ArrayBuilder(of: .json)
        for discard in discards {
            ids.append.uuid(high: discard.eventID.high, low: discard.eventID.low)
            positions.append.uuid(high: discard.positionID.high, low: discard.positionID.low)
            lines.append.json(utf8: discard.line)
        }
        let rows: [Parameter] = [ids.take(), positions.take(), lines.take()]
        do {
            try connection.execute("BEGIN", deadline: deadline)
            let made = try connection.query(
                StoreSQL.ensureBook, [.text(book.description), .int4(AccountFold.logicVersion)],
                deadline: deadline)
            let id = Parameter.int4(try made.onlyRow()[0].int32())
            try connection.query(StoreSQL.lockHead, [id], deadline: deadline)
            try connection.query(
                StoreSQL.discard,
                [id] + rows + [
                    .timestamp(origin.at), .int8(origin.sequence), .text(host), .text(actor),
                    .text(reason),
                ], deadline: deadline)
            let kept = try connection.query(
                StoreSQL.discarded, [id, .uuids(discards.map(\.eventID))], deadline: deadline)
            try connection.execute("COMMIT", deadline: deadline)
            return kept.rowCount
        } catch {
            connection.rollBackIfOpen(deadline: deadline)
            throw error
        }
    }
}
