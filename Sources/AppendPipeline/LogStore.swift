import EventStore
import LedgerCore
import Postgres

/// The log, as the pipeline and the drain reach it: PostgreSQL in a service, a model of it in the
/// simulator.
public protocol LogStore: Sendable {
    /// The way to one book; used for one transaction at a time.
    func book(_ name: BookName) -> any BookLog
}

/// One book of the log, used for one transaction at a time.
public protocol BookLog: Sendable {
    /// Whether the book is known to exist.
    var isKnown: Bool { get }
    /// Forgets what was cached: after an error whose outcome is not known.
    func invalidate()
    /// Reaches the log once, by `deadline`.
    /// - Throws: what `body` throws, and `PostgresError` where the log cannot be reached. After
    ///   `.unreachable` and `.timedOut` the outcome is not known.
    func reach<Value: Sendable>(
        deadline: Deadline, _ body: @escaping @Sendable (any BookSession) throws -> Value
    ) async throws -> Value
}

/// What can be done with a book while it is reached. Confined to the thread that it is given on.
public protocol BookSession {
    /// Appends a batch, as `BookWriter.append`.
    func append(
        _ submissions: [Submission], keepsOrder: Bool
    ) throws -> BookWriter.Committed
    /// The version of a position, and its events above a version, at most 10,000.
    func standing(
        of position: UUID, above version: StreamVersion
    ) throws -> (version: StreamVersion, above: [Event])
}

/// The log in PostgreSQL.
public struct PostgresLog: LogStore {
    private let pool: Pool

    /// `pool` is used for appends only; one connection writes one book at a time.
    public init(_ pool: Pool) {
        self.pool = pool
    }

    /// A writer of its own, with nothing cached.
    public func book(_ name: BookName) -> any BookLog {
        PostgresBook(name, pool)
    }
}

/// A book's writer; those who use it see to it that it is used by one batch at a time.
private final class PostgresBook: BookLog, @unchecked Sendable {
    private let name: BookName
    private let pool: Pool
    private let writer: BookWriter

    init(_ name: BookName, _ pool: Pool) {
        self.name = name
        self.pool = pool
        writer = BookWriter(book: name)
    }

    var isKnown: Bool { writer.knowsBook }

    func invalidate() {
        writer.invalidate()
    }

    func reach<Value: Sendable>(
        deadline: Deadline, _ body: @escaping @Sendable (any BookSession) throws -> Value
    ) async throws -> Value {
        try await pool.run(deadline: deadline) { connection in
            try body(
                PostgresSession(
                    name: self.name, writer: self.writer, connection: connection,
                    deadline: deadline))
        }
    }
}

private struct PostgresSession: BookSession {
    let name: BookName
    let writer: BookWriter
    let connection: Connection
    let deadline: Deadline

    func append(
        _ submissions: [Submission], keepsOrder: Bool
    ) throws -> BookWriter.Committed {
        try writer.append(
            submissions, keepsOrder: keepsOrder, connection: connection, deadline: deadline)
    }

    func standing(
        of position: UUID, above version: StreamVersion
    ) throws -> (version: StreamVersion, above: [Event]) {
        let reader = LogReader(connection, deadline: deadline)
        guard let id = try reader.book(name) else { return (.none, []) }
        return (
            try reader.version(id, position), try reader.stream(id, position, above: version)
        )
    }
}
