import EventStore
import LedgerCore
import Postgres

/// A book's head and the state of its live generation, read in one statement.
public struct BookOverview: Sendable {
    /// Its number in this database.
    public var id: BookID
    /// What callers call it.
    public var name: BookName
    /// The last position of its log; the origin while that is empty.
    public var head: LogPosition
    /// When that event was committed; nil while the log is empty.
    public var headRecordedAt: Timestamp?
    /// The slot of the live generation, 1 to 3.
    var slot: Int16
    /// nil before a worker has been there.
    public var checkpoint: LogPosition?
    /// Fencing number: each new owner raises it; 0 before the first.
    public var epoch: Int64
    /// Who works on it; empty if nobody does.
    public var owner: String
    /// The `AccountFold.logicVersion` that folded the tables.
    public var logicVersion: Int32
    /// Seconds since the last progress; meaningful while behind.
    public var idleSeconds: Double
    /// Positions whose rows stand still.
    public var quarantined: Int64

    /// All books.
    public static func read(
        _ connection: Connection, deadline: Deadline
    ) throws -> [BookOverview] {
        let result = try connection.query(ProjectionSQL.books, deadline: deadline)
        return try result.rows.compactMap { row in
            guard let name = BookName(try row[1].string()) else { return nil }
            return BookOverview(
                id: BookID(rawValue: try row[0].int32()), name: name,
                head: LogPosition(rawValue: try row[2].int64()),
                headRecordedAt: try row[3].ifPresent?.timestamp(), slot: try row[4].int16(),
                checkpoint: try row[6].ifPresent.map { LogPosition(rawValue: try $0.int64()) },
                epoch: try row[7].ifPresent?.int64() ?? 0,
                owner: try row[8].ifPresent?.string() ?? "",
                logicVersion: try row[9].ifPresent?.int32() ?? row[5].int32(),
                idleSeconds: try row[10].ifPresent?.double() ?? 0,
                quarantined: try row[11].int64())
        }
    }

    /// Quarantined positions of a book, oldest first.
    public static func quarantine(
        _ book: BookID, limit: Int, _ connection: Connection, deadline: Deadline
    ) throws -> [(position: UUID, at: LogPosition, reason: String)] {
        try connection.query(
            ProjectionSQL.quarantineList, [.int4(book.rawValue), .int8(Int64(limit))],
            deadline: deadline
        ).rows.map {
            (
                try $0[0].id(), LogPosition(rawValue: try $0[1].int64()), try $0[2].string()
            )
        }
    }
}
