import EventStore
import LedgerCore
import Postgres
import Synchronization

/// Carries one book's log into one of its generations: claims it, advances, shows signs of life,
/// and lets it go when there is nothing to do. The live one follows the log, another one the live
/// one: it never gets ahead of that, so that both can be had at one log position.
final class ProjectionWorker: Sendable {
    /// What it is told and tells, besides the store.
    struct Surroundings: Sendable {
        let identity: ProcessIdentity
        /// Raised when the log grows.
        let log: LogSignal
        /// Raised when the tables have reached a position.
        let projected: LogSignal
        let scheduler: any Scheduler
        let isPaused: @Sendable () -> Bool
        let isStopping: @Sendable () -> Bool
        let note: @Sendable (ProjectionService.WorkerState) -> Void
    }

    private let book: BookName
    private let id: BookID
    /// nil for the live one.
    private let slot: Int16?
    private let store: any ProjectionStore
    private let around: Surroundings
    /// A projector is used by one call at a time: this worker's task sees to it.
    private let held = Held()

    private final class Held: @unchecked Sendable {
        var projector: BookProjector?
        /// The checkpoint that was seen last.
        var reached: LogPosition?
        /// Whether it is kept that the generation has caught up with the live one.
        var hasCaughtUp = false
    }

    /// Between two signs of life of an idle worker.
    static let heartbeatInterval = Duration.seconds(3)
    /// For each transaction; well below the lease of an owner.
    static let deadline = Duration.seconds(20)
    /// For what writes nothing but the checkpoint.
    static let shortDeadline = Duration.seconds(5)
    /// A worker that has nothing to do for so long lets its generation go.
    static let idleMax = Duration.seconds(10)
    /// After a failure.
    static let retryAfter = Duration.milliseconds(500)

    /// A worker on `slot`, or on whichever generation is live.
    init(
        on book: BookName, _ id: BookID, slot: Int16? = nil, _ store: any ProjectionStore,
        _ around: Surroundings
    ) {
        self.book = book
        self.id = id
        self.slot = slot
        self.store = store
        self.around = around
    }

    private var scheduler: any Scheduler { around.scheduler }

    /// What it follows.
    private var source: LogSignal { slot == nil ? around.log : around.projected }

    /// Tells those who wait for the tables how far they are.
    private func reached(_ checkpoint: LogPosition) {
        if slot == nil { around.projected.raise(book, to: checkpoint) }
        held.reached = checkpoint
    }

    private func deadline(after duration: Duration) -> Deadline {
        .at(scheduler.now.advanced(by: duration))
    }

    /// Runs until cancelled.
    func run() async {
        var lastSign = scheduler.now
        var lastProgress = scheduler.now
        var batchMax = BookProjector.batchEventsMax
        while !Task.isCancelled {
            guard !around.isPaused() else {
                around.note(.paused)
                await source.wait(book, beyond: LogPosition(rawValue: .max))
                continue
            }
            let reached = slot == nil ? around.projected.head(of: book) : held.reached
            if held.projector == nil, let reached, source.head(of: book) <= reached {
                // Nothing to do: no generation is claimed for it.
                around.note(.running)
                await source.wait(book, beyond: reached)
                continue
            }
            do {
                if held.projector == nil {
                    (lastSign, lastProgress) = (scheduler.now, scheduler.now)
                }
                guard let checkpoint = try await own() else {
                    try await scheduler.sleep(for: .seconds(1))
                    continue
                }
                around.note(.running)
                let head = source.head(of: book)
                if head <= checkpoint { try await endRebuild() }
                if head > checkpoint {
                    try await advance(to: head, &batchMax)
                    (lastSign, lastProgress) = (scheduler.now, scheduler.now)
                } else if scheduler.now - lastProgress > Self.idleMax {
                    await release()
                } else {
                    if scheduler.now - lastSign > Self.heartbeatInterval {
                        try await showSign()
                        lastSign = scheduler.now
                    }
                    await source.wait(book, beyond: checkpoint)
                }
            } catch is CancellationError {
                break
            } catch {
                // Whatever was begun was rolled back; what is written is read anew. A range that
                // took too long is tried in smaller pieces.
                held.projector = nil
                if case PostgresError.timedOut = error { batchMax = max(batchMax / 4, 1) }
                around.note(.failed("\(error)"))
                try? await scheduler.sleep(for: Self.retryAfter)
            }
        }
        if held.projector != nil {
            await scheduler.start { await self.release() }.value
        }
    }

    private func advance(to head: LogPosition, _ batchMax: inout Int) async throws {
        let deadline = deadline(after: Self.deadline)
        let (around, held, eventsMax) = (around, held, batchMax)
        let isOurs = try await store.reach(deadline: deadline) { session in
            try held.projector?.advance(to: head, eventsMax: eventsMax, in: session) {
                if around.isStopping() { throw CancellationError() }
                if deadline.hasPassed(at: around.scheduler.now) {
                    throw PostgresError.timedOut("folding events")
                }
            } ?? false
        }
        if isOurs, let checkpoint = held.projector?.checkpoint {
            reached(checkpoint)
            if checkpoint >= head { try await endRebuild() }
            batchMax = min(batchMax * 2, BookProjector.batchEventsMax)
        } else {
            held.projector = nil
        }
    }

    /// The generation stands where the live one stood just now: once is enough.
    private func endRebuild() async throws {
        guard slot != nil, !held.hasCaughtUp, let lease = held.projector?.lease else { return }
        try await store.reach(deadline: deadline(after: Self.shortDeadline)) { session in
            try session.endRebuild(lease)
        }
        held.hasCaughtUp = true
    }

    private func showSign() async throws {
        let held = held
        let isOurs = try await store.reach(deadline: deadline(after: Self.shortDeadline)) {
            session in
            guard let lease = held.projector?.lease else { return false }
            return try session.heartbeat(lease)
        }
        if !isOurs { held.projector = nil }
    }

    private func release() async {
        let held = held
        try? await store.reach(deadline: deadline(after: .seconds(2))) { session in
            if let lease = held.projector?.lease { try session.release(lease) }
        }
        held.projector = nil
    }

    /// The checkpoint of the generation that we own, claiming it if need be; nil if we cannot.
    private func own() async throws -> LogPosition? {
        if let projector = held.projector { return projector.checkpoint }
        let (id, slot, identity) = (id, slot, around.identity)
        let claim = try await store.reach(deadline: deadline(after: Self.shortDeadline)) {
            try $0.claim(id, slot: slot, owner: identity, isForced: false)
        }
        switch claim {
        case .claimed(let lease, let checkpoint):
            held.projector = BookProjector(lease, checkpoint: checkpoint)
            held.hasCaughtUp = false
            around.note(.running)
            reached(checkpoint)
            return checkpoint
        case .ownedElsewhere(let owner): around.note(.following(owner: owner))
        case .otherLogic(let version): around.note(.otherLogic(version: version))
        case .absent: around.note(.running)
        }
        return nil
    }
}
