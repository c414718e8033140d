import AppendPipeline
import EventStore
import GRPCCore
import LedgerCore
import Postgres
import Synchronization

/// The service `nexus.ledger.v1.Ledger`.
public struct LedgerAPI: Nexus_Ledger_V1_Ledger.SimpleServiceProtocol {
    let pipeline: AppendPipeline
    let readers: Pool
    let log: LogSignal
    let projected: LogSignal
    let host: String
    let desk: OutboxDesk?
    private let books = Books()

    /// Requests of one AppendStream that may be unanswered; further ones wait in the client.
    static let unansweredMax = 1_024
    /// The longest wait for `at_least`.
    static let atLeastWaitMax = Duration.seconds(5)
    /// For one query of a read.
    static let queryDeadline = Duration.seconds(10)

    /// `readers` is used for reads only; `desk` is nil without an outbox.
    public init(
        pipeline: AppendPipeline, readers: Pool, log: LogSignal, projected: LogSignal,
        host: String, desk: OutboxDesk?
    ) {
        self.pipeline = pipeline
        self.readers = readers
        self.log = log
        self.projected = projected
        self.host = host
        self.desk = desk
    }

    // MARK: Appending

    private func submission(
        _ request: Nexus_Ledger_V1_AppendRequest
    ) throws(InvalidField) -> (Submission, BookName) {
        let book = try EventMapping.book(request.book)
        let events = try EventMapping.events(request)
        let origin = Origin(peerUID: PeerCredentials.current?.uid, host: host)
        return (Submission(events, origin: origin), book)
    }

    /// Appends the events of one request, all or none, and answers when they are durable.
    /// - Throws: `RPCError` with the status that `ErrorMapping` gives the refusal.
    public func append(
        request: Nexus_Ledger_V1_AppendRequest, context: ServerContext
    ) async throws -> Nexus_Ledger_V1_AppendResponse {
        let answer: AppendPipeline.Answer
        do {
            let (submission, book) = try submission(request)
            answer = try await pipeline.append(submission, to: book)
        } catch let error as InvalidField {
            throw ErrorMapping.status(error)
        } catch let error as AppendError {
            throw ErrorMapping.status(error)
        }
        var response = Nexus_Ledger_V1_AppendResponse()
        switch answer {
        case .committed(let places): response.committed = EventMapping.committed(places)
        case .buffered(let sequence, let reason):
            response.buffered.outboxSequence = sequence
            response.buffered.reason = reason
        }
        return response
    }

    /// Appends request by request; answers in their order, a refused one with its status, which
    /// does not end the stream. Beyond `unansweredMax` no request is read.
    public func appendStream(
        request: RPCAsyncSequence<Nexus_Ledger_V1_AppendRequest, any Error>,
        response: RPCWriter<Nexus_Ledger_V1_AppendStreamResponse>, context: ServerContext
    ) async throws {
        let replies = ReplyQueue<Nexus_Ledger_V1_AppendStreamResponse>(
            unansweredMax: Self.unansweredMax)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                // Where an answer cannot be written any more nobody waits for room for the next.
                defer { replies.close() }
                while let batch = await replies.replies() {
                    try await response.write(contentsOf: batch)
                }
            }
            defer {
                replies.finish()
                group.cancelAll()
            }
            for try await message in request {
                guard let place = await replies.reserve() else { break }
                do throws(InvalidField) {
                    let (submission, book) = try submission(message)
                    pipeline.submit(submission, to: book) { result in
                        replies.complete(place, Self.reply(result))
                    }
                } catch {
                    replies.complete(place, Self.refusal(ErrorMapping.status(error)))
                }
            }
            replies.finish()
            try await group.waitForAll()
        }
    }

    private static func reply(
        _ result: Result<AppendPipeline.Answer, AppendError>
    ) -> Nexus_Ledger_V1_AppendStreamResponse {
        var reply = Nexus_Ledger_V1_AppendStreamResponse()
        switch result {
        case .success(.committed(let places)): reply.committed = EventMapping.committed(places)
        case .success(.buffered(let sequence, let reason)):
            reply.buffered.outboxSequence = sequence
            reply.buffered.reason = reason
        case .failure(let error): return refusal(ErrorMapping.status(error))
        }
        return reply
    }

    private static func refusal(_ error: RPCError) -> Nexus_Ledger_V1_AppendStreamResponse {
        var reply = Nexus_Ledger_V1_AppendStreamResponse()
        reply.refused.code = Int32(error.code.rawValue)
        reply.refused.message = error.message
        return reply
    }

    // MARK: Reading

    /// Runs one read on a connection of the pool.
    func read<Value: Sendable>(
        _ body: @escaping @Sendable (Connection, Deadline) throws -> Value
    ) async throws -> Value {
        let deadline = Deadline.after(Self.queryDeadline)
        do {
            return try await readers.run(deadline: deadline) { try body($0, deadline) }
        } catch {
            throw ErrorMapping.status(reading: error)
        }
    }

    /// The book's number; nil if nothing was appended to it yet. A number never changes, so it is
    /// read once.
    func bookID(_ book: BookName) async throws -> BookID? {
        if let id = books.known.withLock({ $0[book] }) { return id }
        let id = try await read { try LogReader($0, deadline: $1).book(book) }
        if let id { books.known.withLock { $0[book] = id } }
        return id
    }

    /// The numbers of the books that exist; there are as many as the database has.
    final class Books: Sendable {
        let known = Mutex<[BookName: BookID]>([:])
    }

    /// Waits until the projections have reached `position`.
    func awaitProjections(_ book: BookName, _ position: Int64) async throws {
        guard position >= 0 else {
            throw ErrorMapping.status(
                InvalidField(
                    "at_least", String(position), "must be a log position, or 0 not to wait"))
        }
        guard position > 0 else { return }
        let wanted = LogPosition(rawValue: position)
        let end = ContinuousClock.now + Self.atLeastWaitMax
        while projected.head(of: book) < wanted {
            try Task.checkCancellation()
            guard ContinuousClock.now < end else {
                throw RPCStatus.error(
                    .unavailable,
                    "at_least is \(position), and the projections of \(book) are at "
                        + "\(projected.head(of: book)); ask again, or see `nexus-ledger status`")
            }
            await projected.wait(book, beyond: LogPosition(rawValue: position - 1))
        }
    }

    static func book(_ name: String) throws -> BookName {
        do throws(InvalidField) { return try EventMapping.book(name) } catch {
            throw ErrorMapping.status(error)
        }
    }

    /// A name that rows are chosen by; empty for all.
    static func filter(_ name: String, _ text: String) throws -> String {
        guard text.utf8.count <= TextLimit.nameBytesMax, !text.utf8.contains(0) else {
            throw ErrorMapping.status(
                InvalidField(
                    name, text.replacing("\0", with: "\\0"),
                    "must be a name of at most \(TextLimit.nameBytesMax) bytes, without NUL"))
        }
        return text
    }

    static func id(_ name: String, _ text: String) throws -> UUID {
        do throws(InvalidField) { return try EventMapping.required(name, text) } catch {
            throw ErrorMapping.status(error)
        }
    }
}
