import Admission
import EventStore
import LedgerCore
import Outbox
import Postgres
import Synchronization

/// Takes appends from many callers and commits them in groups, one group a book at a time.
public final class AppendPipeline: Sendable {
    /// What became of a request that was taken.
    public enum Answer: Sendable {
        case committed([Place])
        /// It is durable in the outbox, and gets its places once PostgreSQL takes it.
        case buffered(sequence: Int64, reason: String)
    }

    /// Counters since the start.
    public struct Statistics: Sendable {
        /// Events that were appended; repeats of known ones are not counted.
        public var events: Int64 = 0
        /// Requests that were decided, the refused ones among them.
        public var requests: Int64 = 0
        /// Requests that were buffered in the outbox.
        public var buffered: Int64 = 0
        /// Requests that the ledger's rules refused.
        public var refused: Int64 = 0
        /// Transactions that appended something.
        public var commits: Int64 = 0
        /// Requests that wait now, of all books; the batches being written are not counted.
        public var queuedRequests = 0
        /// Events of these requests.
        public var queuedEvents = 0
        /// Books whose batch is being written.
        public var writing = 0
        /// The last outage; nil since the last commit.
        public var outage: String?
    }

    struct Pending: CommitItem {
        /// In the order of arrival, over all lanes.
        let number: UInt64
        let submission: Submission
        let deadline: Deadline
        let completion: Completion
        var eventCount: Int { submission.events.count }
        var byteCount: Int { submission.byteCount }
    }

    /// A book's queue and writer, kept while the book is used. The writer is used by one batch at
    /// a time: the cycle sees to it.
    private final class Lane: @unchecked Sendable {
        var cycle: CommitCycle<Pending>
        let writer: BookWriter
        /// The number of the last request, over all lanes.
        var lastUse: UInt64 = 0

        init(_ book: BookName, limits: AppendLimits) {
            cycle = CommitCycle(limits: limits)
            writer = BookWriter(book: book)
        }
    }

    private struct State {
        var lanes: [BookName: Lane] = [:]
        var isShuttingDown = false
        var statistics = Statistics()
        var idleWaiters: [CheckedContinuation<Void, Never>] = []
        var uses: UInt64 = 0
        /// Batches that are committed and being answered.
        var answering = 0

        /// Whether all that was taken is answered.
        var isIdle: Bool { answering == 0 && lanes.values.allSatisfy(\.cycle.isIdle) }

        mutating func resumeIfIdle() {
            guard !idleWaiters.isEmpty, isIdle else { return }
            for waiter in idleWaiters { waiter.resume() }
            idleWaiters = []
        }

        /// Whether another lane may be made; gives up the idle one that was used least recently.
        mutating func makeRoom(booksMax: Int) -> Bool {
            guard lanes.count >= booksMax else { return true }
            let idle = lanes.filter(\.value.cycle.isIdle)
            guard let oldest = idle.min(by: { $0.value.lastUse < $1.value.lastUse })?.key else {
                return false
            }
            lanes[oldest] = nil
            return true
        }
    }

    private let state = Mutex(State())
    private let arrivals = Atomic<UInt64>(0)
    private let pool: Pool
    private let signal: LogSignal
    private let diversion: Diversion?
    private let onOutage: @Sendable (String?) -> Void
    /// The bounds that it was made with.
    public let limits: AppendLimits

    /// `pool` is used for appends only; one connection writes one book at a time. Without a
    /// `diversion` requests are answered with `AppendError.unavailable` while PostgreSQL is away.
    /// `onOutage` is told once when PostgreSQL cannot take appends, and (nil) when it can again.
    public init(
        pool: Pool, signal: LogSignal, limits: AppendLimits = AppendLimits(),
        diversion: Diversion? = nil, onOutage: @escaping @Sendable (String?) -> Void = { _ in }
    ) {
        self.pool = pool
        self.signal = signal
        self.limits = limits
        self.diversion = diversion
        self.onOutage = onOutage
    }

    /// Called once for each request.
    public typealias Completion = @Sendable (Result<Answer, AppendError>) -> Void

    /// Appends one request and returns when it is durable.
    public func append(
        _ submission: Submission, to book: BookName
    ) async throws(AppendError) -> Answer {
        let result = await withCheckedContinuation { continuation in
            submit(submission, to: book) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }

    /// Queues one request; requests of one caller are decided in the order of these calls.
    public func submit(
        _ submission: Submission, to book: BookName, completion: @escaping Completion
    ) {
        let pending = Pending(
            number: arrivals.add(1, ordering: .relaxed).newValue, submission: submission,
            deadline: .after(limits.deadline), completion: completion)
        switch enqueue(pending, book) {
        case .queued: break
        case .failed(let error): completion(.failure(error))
        case .write(let batch): start(batch, book)
        }
    }

    private enum Queued {
        case queued
        case write([Pending])
        case failed(AppendError)
    }

    private func enqueue(
        _ pending: Pending, _ book: BookName
    ) -> Queued {
        state.withLock { state in
            guard !state.isShuttingDown else { return .failed(.shuttingDown) }
            let lane: Lane
            if let known = state.lanes[book] {
                lane = known
            } else {
                guard state.makeRoom(booksMax: limits.booksMax) else {
                    return .failed(
                        .overloaded("the ledger's books_max (\(limits.booksMax)) is reached"))
                }
                lane = Lane(book, limits: limits)
                state.lanes[book] = lane
            }
            state.uses += 1
            lane.lastUse = state.uses
            switch lane.cycle.received(pending) {
            case .none: return .queued
            case .write(let batch): return .write(batch)
            case .refuse(let limit):
                return .failed(.overloaded("the ledger's \(limit) is reached"))
            }
        }
    }

    private func start(_ batch: [Pending], _ book: BookName) {
        Task { await write(batch, book) }
    }

    /// Writes a batch, then the ones that have gathered meanwhile.
    private func write(_ batch: [Pending], _ book: BookName) async {
        var batch = batch
        while true {
            await commit(batch, book)
            let next = state.withLock { state -> [Pending]? in
                guard let lane = state.lanes[book] else { return nil }
                if case .write(let items) = lane.cycle.stored() { return items }
                // A name that was mistyped keeps no queue.
                if !lane.writer.knowsBook { state.lanes[book] = nil }
                state.resumeIfIdle()
                return nil
            }
            guard let next else { return }
            batch = next
        }
    }

    private func commit(_ batch: [Pending], _ book: BookName) async {
        guard let lane = state.withLock({ $0.lanes[book] }) else { return }
        guard let diversion else {
            await write(batch, book, lane, divertsAt: .distant)
            return
        }
        if let reason = diversion.reason {
            await divert(batch, book, reason)
            return
        }
        let held: Set<Int>
        do throws(OutboxError) {
            held = try await diversion.held(batch.map(\.submission), of: book)
        } catch {
            answer(batch, .failure(AppendError(buffering: error, reason: "the outbox is broken")))
            return
        }
        let direct = batch.indices.filter { !held.contains($0) }.map { batch[$0] }
        let left = await write(
            direct, book, lane, divertsAt: .after(limits.divertAfter))
        guard let (undone, reason) = left else {
            await divert(
                held.sorted().map { batch[$0] }, book, "an earlier event of its position waits")
            return
        }
        // In their order: what was to be diverted anyway may come before or behind.
        let open = Set(undone.map(\.number))
        await divert(
            batch.indices.filter { held.contains($0) || open.contains(batch[$0].number) }
                .map { batch[$0] }, book, reason)
    }

    /// Buffers requests and answers them.
    private func divert(_ batch: [Pending], _ book: BookName, _ reason: String) async {
        guard let diversion, !batch.isEmpty else { return }
        let answers = await diversion.divert(batch.map(\.submission), of: book, reason: reason)
        var buffered: Int64 = 0
        var refused: Int64 = 0
        for answer in answers {
            switch answer {
            case .success(.buffered): buffered += 1
            case .failure(.refused): refused += 1
            default: break
            }
        }
        state.withLock { state in
            state.statistics.buffered += buffered
            state.statistics.refused += refused
        }
        for (item, answer) in zip(batch, answers) { item.completion(answer) }
    }

    /// Commits a batch in PostgreSQL and answers its requests. Those that are left when PostgreSQL
    /// does not take them by `divertsAt` come back unanswered, with the reason.
    @discardableResult
    private func write(
        _ batch: [Pending], _ book: BookName, _ lane: Lane, divertsAt: Deadline
    ) async -> (left: [Pending], reason: String)? {
        var batch = batch
        var reason = "the ledger was too busy"
        var backoff = Duration.milliseconds(20)
        while true {
            // Each request has a deadline of its own: an old one fails no younger one.
            let late = batch.indices(where: \.deadline.hasPassed)
            if !late.isEmpty {
                answer(Array(batch[late]), .failure(.away(reason)))
                batch.removeSubranges(late)
            }
            guard !batch.isEmpty else { return nil }
            let deadline = batch.map(\.deadline).reduce(divertsAt, Deadline.earlier)
            do {
                let submissions = batch.map(\.submission)
                let committed = try await pool.run(deadline: deadline) { connection in
                    try lane.writer.append(
                        submissions, connection: connection, deadline: deadline)
                }
                settle(batch, committed, book)
                return nil
            } catch let error as PostgresError where error.isTransient {
                reason = error.callerText
                try? await Task.sleep(for: .milliseconds(Int.random(in: 1...10)))
            } catch let error as PostgresError where error.isOutage {
                lane.writer.invalidate()
                reason = error.callerText
                note(outage: error.description)
                if divertsAt.hasPassed {
                    diversion?.markDown(reason)
                    return (batch, reason)
                }
                try? await Task.sleep(for: backoff)
                backoff = min(backoff * 2, .milliseconds(250))
            } catch {
                lane.writer.invalidate()
                guard batch.count > 1 else {
                    answer(batch, .failure(.failed("\(error)")))
                    return nil
                }
                // One of them is at fault: each on its own, so that no loser fails another.
                for (number, item) in batch.enumerated() {
                    if let (left, reason) = await write([item], book, lane, divertsAt: divertsAt) {
                        return (left + batch[(number + 1)...], reason)
                    }
                }
                return nil
            }
        }
    }

    /// Remembers that PostgreSQL cannot take appends, or (nil) that it can again, and tells it
    /// once.
    private func note(outage: String?) {
        let isNews = state.withLock { state -> Bool in
            defer { state.statistics.outage = outage }
            return (state.statistics.outage == nil) != (outage == nil)
        }
        if isNews { onOutage(outage) }
    }

    private func settle(_ batch: [Pending], _ committed: BookWriter.Committed, _ book: BookName) {
        var refused: Int64 = 0
        for case .refused in committed.outcomes { refused += 1 }
        state.withLock { state in
            state.statistics.events += Int64(committed.appended)
            state.statistics.requests += Int64(batch.count) - refused
            state.statistics.refused += refused
            state.statistics.commits += committed.appended > 0 ? 1 : 0
        }
        note(outage: nil)
        diversion?.noteCommitted(book, committed.streams)
        signal.raise(book, to: committed.head, isOwn: committed.appended > 0)
        guard committed.appended >= Self.answersApartMin else {
            Self.answer(batch, committed)
            return
        }
        // The next batch need not wait until thousands of events are answered.
        state.withLock { $0.answering += 1 }
        Task {
            Self.answer(batch, committed)
            state.withLock { state in
                state.answering -= 1
                state.resumeIfIdle()
            }
        }
    }

    /// From so many events on, a batch is answered while the next one is written.
    private static let answersApartMin = 200

    private static func answer(_ batch: [Pending], _ committed: BookWriter.Committed) {
        for (item, outcome) in zip(batch, committed.outcomes) {
            switch outcome {
            case .committed(let places): item.completion(.success(.committed(places)))
            case .refused(let refusal): item.completion(.failure(.refused(refusal)))
            case .blocked: item.completion(.failure(.failed("the batch keeps no order")))
            }
        }
    }

    private func answer(_ batch: [Pending], _ result: Result<Answer, AppendError>) {
        for item in batch { item.completion(result) }
    }

    /// Carries the outbox into PostgreSQL until cancelled; returns at once without an outbox.
    public func drain() async {
        guard let diversion else { return }
        await Drain(
            diversion, pool: pool, signal: signal, limits: limits,
            note: { self.note(outage: $0) }
        ).run()
    }

    /// Counters and the length of the queues.
    public var statistics: Statistics {
        state.withLock { state in
            var statistics = state.statistics
            for lane in state.lanes.values {
                statistics.queuedRequests += lane.cycle.queuedRequests
                statistics.queuedEvents += lane.cycle.queuedEvents
                statistics.writing += lane.cycle.isWriting ? 1 : 0
            }
            return statistics
        }
    }

    /// Refuses new requests and returns when all that were taken are answered.
    public func shutdown() async {
        await withCheckedContinuation { continuation in
            let isIdle = state.withLock { state -> Bool in
                state.isShuttingDown = true
                if state.isIdle { return true }
                state.idleWaiters.append(continuation)
                return false
            }
            if isIdle { continuation.resume() }
        }
    }
}
