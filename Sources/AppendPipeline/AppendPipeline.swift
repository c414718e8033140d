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

    /// A book's queue and log, kept while the book is used. The log is used by one batch at a
    /// time: the cycle sees to it.
    struct Lane {
        var cycle: CommitCycle<Pending>
        let log: any BookLog
        /// The number of the last request, over all lanes.
        var lastUse: UInt64 = 0
    }

    struct State {
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

    let state = Mutex(State())
    private let arrivals = Atomic<UInt64>(0)
    private let store: any LogStore
    let signal: LogSignal
    let diversion: Diversion?
    let scheduler: any Scheduler
    let onOutage: @Sendable (String?) -> Void
    /// The bounds that it was made with.
    public let limits: AppendLimits

    /// Without a `diversion` requests are answered with `AppendError.unavailable` while the log
    /// cannot be reached. `onOutage` is told once when it cannot take appends, and (nil) when it
    /// can again.
    public init(
        _ store: any LogStore, signal: LogSignal, limits: AppendLimits = AppendLimits(),
        diversion: Diversion? = nil, scheduler: any Scheduler = SystemScheduler(),
        onOutage: @escaping @Sendable (String?) -> Void = { _ in }
    ) {
        self.store = store
        self.signal = signal
        self.limits = limits
        self.diversion = diversion
        self.scheduler = scheduler
        self.onOutage = onOutage
    }

    func deadline(after duration: Duration) -> Deadline {
        .at(scheduler.now.advanced(by: duration))
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
            deadline: deadline(after: limits.deadline), completion: completion)
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
            if state.lanes[book] == nil {
                guard state.makeRoom(booksMax: limits.booksMax) else {
                    return .failed(
                        .overloaded("the ledger's books_max (\(limits.booksMax)) is reached"))
                }
                state.lanes[book] = Lane(
                    cycle: CommitCycle(limits: limits), log: store.book(book))
            }
            state.uses += 1
            state.lanes[book]?.lastUse = state.uses
            switch state.lanes[book]?.cycle.received(pending) {
            case .write(let batch): return .write(batch)
            case .refuse(let limit):
                return .failed(.overloaded("the ledger's \(limit) is reached"))
            case .some(.none), nil: return .queued
            }
        }
    }

    /// Carries the outbox into PostgreSQL until cancelled; returns at once without an outbox.
    public func drain() async {
        guard let diversion else { return }
        await Drain(
            diversion, store: store, signal: signal, limits: limits,
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
