import Admission
import EventStore
import LedgerCore
import Outbox
import Synchronization

/// The way of requests around PostgreSQL: decides which of them go to the outbox, answers those
/// that are known there, and buffers the rest (architecture.md, "The outbox").
public final class Diversion: Sendable {
    /// Where requests are kept.
    let queue: any RequestQueue
    private let host: String
    private let clock: @Sendable () -> Timestamp
    let scheduler: any Scheduler
    let memory = Mutex(Memory())
    private let down = Mutex<String?>(nil)
    /// Raised when something was buffered or is to be drained again.
    let wake: Wake

    /// What this process remembers of the log.
    struct Memory {
        var books = OfflineBooks()
        var commits = RecentCommits()

        /// Remembers the events of a commit.
        mutating func note(
            _ submissions: [Submission], _ committed: BookWriter.Committed, in book: BookName
        ) {
            for (submission, outcome) in zip(submissions, committed.outcomes) {
                guard case .committed(let places) = outcome else { continue }
                commits.insert(submission, places, in: book)
                for (event, place) in zip(submission.events, places) where place.isDuplicate {
                    books.exists(book, event.positionID, place.version)
                }
            }
        }
    }

    /// `clock` tells when a request was buffered.
    public init(
        _ queue: any RequestQueue, host: String, clock: @escaping @Sendable () -> Timestamp,
        scheduler: any Scheduler = SystemScheduler()
    ) {
        self.queue = queue
        self.host = host
        self.clock = clock
        self.scheduler = scheduler
        wake = Wake(scheduler)
    }

    /// Why PostgreSQL is known not to take appends; nil while it is thought to.
    public var reason: String? { down.withLock { $0 } }

    /// The drain looks at once, and until it is up again.
    func markDown(_ reason: String) {
        down.withLock { $0 = reason }
        wake.raise()
    }

    func markUp() { down.withLock { $0 = nil } }

    /// Runs a function of the queue, which may wait for the disk.
    func onDisk<Value: Sendable>(
        _ body: @escaping @Sendable (any RequestQueue) throws(OutboxError) -> Value
    ) async throws(OutboxError) -> Value {
        let queue = queue
        let result = await scheduler.blocking { () -> Result<Value, OutboxError> in
            do throws(OutboxError) { return .success(try body(queue)) } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    // MARK: Which way

    /// The requests of a batch that must not go to PostgreSQL directly, by their numbers: they
    /// touch a position that has something buffered, by themselves or through an earlier one.
    func held(
        _ submissions: [Submission], of book: BookName
    ) async throws(OutboxError) -> Set<Int> {
        guard !queue.isIdle else { return [] }
        return try await onDisk { queue throws(OutboxError) in
            let positions = Set(submissions.flatMap { $0.events.map(\.positionID) })
            var touched = try queue.touched(book, Array(positions))
            var held: Set<Int> = []
            for (number, submission) in submissions.enumerated() {
                let own = submission.events.lazy.map(\.positionID)
                guard own.contains(where: touched.contains) else { continue }
                held.insert(number)
                touched.formUnion(own)
            }
            return held
        }
    }

    // MARK: Buffering

    /// What became of a request here.
    typealias Answer = Result<AppendPipeline.Answer, AppendError>

    enum Decision {
        case answer(Answer)
        /// It says what an earlier request of the batch, of this number, says.
        case repeats(Int)
        case draft(Outbox.Draft)
    }

    /// Buffers requests in one durable commit, in their order, and answers each.
    func divert(
        _ submissions: [Submission], of book: BookName, reason: String
    ) async -> [Answer] {
        await scheduler.blocking { self.divertNow(submissions, of: book, reason: reason) }
    }

    /// The same on this thread, which waits for the disk.
    func divertNow(
        _ submissions: [Submission], of book: BookName, reason: String
    ) -> [Answer] {
        storing.withLock { _ in store(submissions, book, reason) }
    }

    /// Held while requests are decided and stored, and while a drain tells what it has left: what
    /// is known of a position and what is buffered of it change together.
    private let storing = Mutex(())

    private func store(
        _ submissions: [Submission], _ book: BookName, _ reason: String
    ) -> [Answer] {
        var batch = Buffering(diversion: self, book: book, reason: reason)
        let decisions = submissions.map { batch.decide($0) }
        var drafts: [Outbox.Draft] = []
        for case .draft(let draft) in decisions { drafts.append(draft) }
        var sequences: [OutboxSequence] = []
        do throws(OutboxError) {
            sequences = try queue.append(drafts)
        } catch {
            memory.withLock { memory in
                for draft in drafts { memory.books.forget(book, draft.positions) }
            }
            let failure = AppendError(buffering: error, reason: reason)
            return decisions.map { decision in
                if case .answer(let answer) = decision { return answer }
                return .failure(failure)
            }
        }
        if !drafts.isEmpty { wake.raise() }
        var next = 0
        var answers: [Answer] = []
        for decision in decisions {
            switch decision {
            case .answer(let answer): answers.append(answer)
            case .repeats(let number): answers.append(answers[number])
            case .draft:
                answers.append(
                    .success(.buffered(sequence: sequences[next].rawValue, reason: reason)))
                next += 1
            }
        }
        return answers
    }

    /// The request as it is buffered now.
    func draft(
        _ submission: Submission, keys: [[UInt8]], bases: [UUID: StreamVersion], of book: BookName,
        reason: String
    ) -> Outbox.Draft {
        var positions: [UUID] = []
        var seen: Set<UUID> = []
        for event in submission.events where seen.insert(event.positionID).inserted {
            positions.append(event.positionID)
        }
        return Outbox.Draft(
            book: book,
            lines: submission.events.indices.map { index in
                EventLine(book: book, event: submission.events[index])
                    .canonicalBytes(payload: submission.payloadBytes(of: index))
            },
            keys: keys, positions: positions, bases: bases, peerUID: submission.origin.peerUID,
            bufferedAt: clock(), reason: reason)
    }

    // MARK: What PostgreSQL told

    /// A direct commit of a batch.
    func noteCommitted(
        _ submissions: [Submission], _ committed: BookWriter.Committed, in book: BookName
    ) {
        memory.withLock { memory in
            memory.books.committed(book, committed.streams)
            memory.note(submissions, committed, in: book)
        }
    }

    /// The drain has committed these. Positions that have more buffered stay as they are; of those
    /// that it did not append to, as their events were known, nothing is known any more.
    func noteDrained(
        _ submissions: [Submission], _ committed: BookWriter.Committed, in book: BookName
    ) async {
        let positions = Array(Set(submissions.flatMap { $0.events.map(\.positionID) }))
        await scheduler.blocking {
            self.storing.withLock { _ in
                let held = (try? self.queue.touched(book, positions)) ?? Set(positions)
                self.memory.withLock { memory in
                    let free = positions.filter { !held.contains($0) }
                    let streams = committed.streams
                    memory.books.forget(book, free.filter { streams[$0] == nil })
                    memory.books.committed(book, streams.filter { !held.contains($0.key) })
                    memory.note(submissions, committed, in: book)
                }
            }
        }
    }

    /// An operator has resolved a request of these positions.
    func forget(_ book: BookName, _ positions: [UUID]) {
        memory.withLock { $0.books.forget(book, positions) }
        wake.raise()
    }

    /// The origin of a request that was buffered.
    func origin(of request: Outbox.Request) -> Origin {
        Origin(
            peerUID: request.draft.peerUID, host: host,
            buffered: .init(
                at: request.draft.bufferedAt, sequence: request.sequence.rawValue))
    }
}

extension Outbox.Request {
    /// One of its events; nil if the line cannot be read, which a build of another vocabulary may
    /// find.
    func event(_ index: Int) -> NewEvent? {
        draft.lines[index].withUnsafeBufferPointer { try? EventLine(parsing: $0).event }
    }

    /// All of them; nil if one cannot be read.
    func events() -> [NewEvent]? {
        var events: [NewEvent] = []
        for index in draft.lines.indices {
            guard let event = event(index) else { return nil }
            events.append(event)
        }
        return events
    }
}

extension AppendError {
    /// Neither PostgreSQL nor the outbox takes it.
    init(buffering error: OutboxError, reason: String) {
        switch error {
        case .full: self = .overloaded("\(error); \(reason)")
        default: self = .unavailable("\(reason); \(error)")
        }
    }
}
