import LedgerCore
import Postgres
import Testing

@testable import EventStore
@testable import ProjectionEngine

/// A projector that a test drives, batch by batch.
final class Worker {
    let connection: Connection
    private let identity: ProcessIdentity
    let session: PostgresProjectionSession
    private(set) var projector: BookProjector
    private let book: BookName

    /// Claims the live generation of a book, which it makes if need be. Workers of one name are
    /// one process.
    init(_ sandbox: Sandbox, book: BookName = .main, name: String = "a") throws {
        connection = try sandbox.open()
        session = PostgresProjectionSession(connection, deadline: ample)
        identity = ProcessIdentity(start: name)
        self.book = book
        try connection.query(
            StoreSQL.ensureBook, [.text(book.description), .int4(1)], deadline: ample)
        projector = try Worker.claim(book, identity, connection, session)
    }

    private static func claim(
        _ book: BookName, _ identity: ProcessIdentity, _ connection: Connection,
        _ session: PostgresProjectionSession
    ) throws -> BookProjector {
        guard let id = try LogReader(connection, deadline: ample).book(book) else {
            throw Surprise("there is no book")
        }
        let claim = try session.claim(
            id, slot: nil, owner: identity, isForced: false)
        guard case .claimed(let lease, let checkpoint) = claim else { throw Surprise("\(claim)") }
        return BookProjector(lease, checkpoint: checkpoint)
    }

    /// As after a stop of the process: nothing is remembered, and what was begun is undone.
    func restart() throws {
        connection.rollBackIfOpen(deadline: ample)
        projector = try Worker.claim(book, identity, connection, session)
    }

    /// Carries the log on to `head`, or to its end.
    func advance(to head: LogPosition? = nil) throws {
        let end =
            try head ?? LogReader(connection, deadline: ample).head(projector.lease.book).position
        while projector.checkpoint < end {
            guard try projector.advance(to: end, in: session) else {
                throw Surprise("the generation was lost")
            }
        }
    }

    /// The rows as they stand.
    func standing() throws -> Tables {
        try Tables.standing(connection, book: projector.lease.book)
    }

    /// Records an issue for each row that is not what the log up to the checkpoint comes to.
    func expectFolded(
        _ comment: String = "", sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let folded = try Tables.folded(
            connection, book: projector.lease.book, through: projector.checkpoint)
        for difference in try standing().differences(from: folded) {
            Issue.record("\(comment) \(difference)", sourceLocation: sourceLocation)
        }
    }
}
