import LedgerCore
import Postgres

/// Reads a book's log over one connection. Answers are complete: whoever has seen position N has
/// seen everything below.
public struct LogReader {
    let connection: Connection
    let deadline: Deadline

    /// Borrows the connection, on its thread; every query has to end by `deadline`.
    public init(_ connection: Connection, deadline: Deadline) {
        self.connection = connection
        self.deadline = deadline
    }

    /// The number of a book; nil if nothing was ever appended to it.
    public func book(_ name: BookName) throws -> BookID? {
        let result = try connection.query(
            StoreSQL.bookID, [.text(name.description)], deadline: deadline)
        return try result.rows.first.map { BookID(rawValue: try $0[0].int32()) }
    }

    /// All books by number.
    public func books() throws -> [(id: BookID, name: BookName)] {
        try connection.query(StoreSQL.books, deadline: deadline).rows.map { row in
            let text = try row[1].string()
            guard let name = BookName(text) else {
                throw StoreError.inconsistent("a book is called \"\(text)\"")
            }
            return (BookID(rawValue: try row[0].int32()), name)
        }
    }

    /// The last position of the log and its time; the origin while it is empty.
    public func head(_ book: BookID) throws -> (position: LogPosition, recordedAt: Timestamp?) {
        let rows = try connection.query(
            StoreSQL.head, [.int4(book.rawValue)], deadline: deadline
        ).rows
        guard let row = rows.first else { return (.origin, nil) }
        return (
            LogPosition(rawValue: try row[0].int64()), try row[1].ifPresent?.timestamp()
        )
    }

    /// The events of (after, through], by position, those included that cannot be read. `since`
    /// and `until` bound their times, so that other months are not looked at.
    public func entries(
        _ book: BookID, after: LogPosition, through: LogPosition, since: Timestamp?,
        until: Timestamp?
    ) throws -> [LogEntry] {
        try query(StoreSQL.range, range(book, after, through, since, until), RowDecoder.entry)
    }

    /// The events of (after, through], by position.
    public func events(
        _ book: BookID, after: LogPosition, through: LogPosition
    ) throws -> [Event] {
        try query(StoreSQL.range, range(book, after, through, nil, nil)) {
            try RowDecoder.event($0).event
        }
    }

    /// The same with everything that an auditor asks for; `since` and `until` as for `entries`.
    public func recordedEvents(
        _ book: BookID, after: LogPosition, through: LogPosition, since: Timestamp? = nil,
        until: Timestamp? = nil
    ) throws -> [RecordedEvent] {
        try query(
            StoreSQL.rangeForAudit, range(book, after, through, since, until),
            RowDecoder.recorded)
    }

    /// A position's events by version, up to a log position; `marks` says whether marks are in.
    public func stream(
        _ book: BookID, _ position: UUID, through: LogPosition = .init(rawValue: .max),
        marks: Bool = true
    ) throws -> [Event] {
        guard let span = try span(book, position) else { return [] }
        return try query(
            marks ? StoreSQL.stream : StoreSQL.streamWithoutMarks,
            stream(book, position, span, through)
        ) { try RowDecoder.event($0).event }
    }

    /// A position's version; none if it does not exist.
    public func version(_ book: BookID, _ position: UUID) throws -> StreamVersion {
        let rows = try connection.query(
            StoreSQL.streamSpan, [.int4(book.rawValue), .uuid(position)], deadline: deadline
        ).rows
        return StreamVersion(rawValue: try rows.first?[2].int64() ?? 0)
    }

    /// A position's events above a version, at most 10,000.
    public func stream(
        _ book: BookID, _ position: UUID, above version: StreamVersion
    ) throws -> [Event] {
        try query(
            StoreSQL.streamAbove,
            [.int4(book.rawValue), .uuid(position), .int8(version.rawValue)]
        ) { try RowDecoder.event($0).event }
    }

    /// A position's events with everything that an auditor asks for.
    public func recordedStream(_ book: BookID, _ position: UUID) throws -> [RecordedEvent] {
        guard let span = try span(book, position) else { return [] }
        return try query(
            StoreSQL.streamForAudit,
            stream(book, position, span, LogPosition(rawValue: .max)), RowDecoder.recorded)
    }

    /// uid of the process that appended each of `events`; missing where unknown.
    public func peers(
        _ book: BookID, of events: [RecordedEvent]
    ) throws -> [LogPosition: UInt32] {
        var peers: [LogPosition: UInt32] = [:]
        peers.reserveCapacity(events.count)
        for row in try deliveries(book, events).rows {
            guard let uid = try row[1].ifPresent?.int64() else { continue }
            peers[LogPosition(rawValue: try row[0].int64())] = UInt32(truncatingIfNeeded: uid)
        }
        return peers
    }

    /// How each of `events` came in: from whom, on which host, and through its outbox or not.
    public func origins(
        _ book: BookID, of events: [RecordedEvent]
    ) throws -> [LogPosition: Origin] {
        var origins: [LogPosition: Origin] = [:]
        origins.reserveCapacity(events.count)
        for row in try deliveries(book, events).rows {
            var origin = Origin(
                peerUID: try row[1].ifPresent.map { UInt32(truncatingIfNeeded: try $0.int64()) },
                host: try row[2].string())
            if let at = try row[3].ifPresent?.timestamp(),
                let sequence = try row[4].ifPresent?.int64()
            {
                origin.buffered = Origin.Buffered(at: at, sequence: sequence)
            }
            origins[LogPosition(rawValue: try row[0].int64())] = origin
        }
        return origins
    }

    private func deliveries(_ book: BookID, _ events: [RecordedEvent]) throws -> QueryResult {
        var positions = ArrayBuilder(of: .int8, capacity: events.count)
        for event in events { positions.append.int8(event.event.logPosition.rawValue) }
        return try connection.query(
            StoreSQL.deliveries, [.int4(book.rawValue), positions.take()], deadline: deadline)
    }

    private typealias Span = (first: Timestamp, last: Timestamp)

    private func span(_ book: BookID, _ position: UUID) throws -> Span? {
        let rows = try connection.query(
            StoreSQL.streamSpan, [.int4(book.rawValue), .uuid(position)], deadline: deadline
        ).rows
        return try rows.first.map { (try $0[0].timestamp(), try $0[1].timestamp()) }
    }

    private func range(
        _ book: BookID, _ after: LogPosition, _ through: LogPosition, _ since: Timestamp?,
        _ until: Timestamp?
    ) -> [Parameter] {
        [
            .int4(book.rawValue), .int8(after.rawValue), .int8(through.rawValue),
            .timestamptz(microseconds: since?.microseconds ?? 0),
            .timestamptz(microseconds: (until ?? Timestamp.latest).microseconds),
        ]
    }

    private func stream(
        _ book: BookID, _ position: UUID, _ span: Span, _ through: LogPosition
    ) -> [Parameter] {
        [
            .int4(book.rawValue), .uuid(position), .timestamp(span.first), .timestamp(span.last),
            .int8(through.rawValue),
        ]
    }

    private func query<Value>(
        _ sql: String, _ parameters: [Parameter], _ decode: (QueryResult.Row) throws -> Value
    ) throws -> [Value] {
        let result = try connection.query(sql, parameters, deadline: deadline)
        var values: [Value] = []
        values.reserveCapacity(result.rowCount)
        for row in result.rows { values.append(try decode(row)) }
        return values
    }
}
