import Admission
import EventStore
import LedgerCore
import Outbox
import Postgres

/// Carries the outbox into PostgreSQL, in the order in which requests were buffered, through the
/// same append transaction as all others. It can be stopped at any instruction: what is committed
/// and not yet settled is sent again, and answered with its first places.
final class Drain: Sendable {
    private let diversion: Diversion
    private let store: any LogStore
    private let signal: LogSignal
    private let limits: AppendLimits
    private let note: @Sendable (_ outage: String?) -> Void

    /// Between two probes of a database that was away.
    static let backoffMin = Duration.milliseconds(50)
    static let backoffMax = Duration.milliseconds(400)
    /// For the transaction of a batch, and more for each of its events.
    static let deadline = Duration.seconds(5)
    static let deadlinePerEvent = Duration.milliseconds(2)
    /// Rounds that wait for a log that is not as it should be, until what needs it is parked.
    static let brokenMax = 20
    /// Events of the first batch after an outage.
    static let probeEvents = 64
    /// Books whose writers are kept.
    static let writersMax = 64

    init(
        _ diversion: Diversion, store: any LogStore, signal: LogSignal, limits: AppendLimits,
        note: @escaping @Sendable (_ outage: String?) -> Void
    ) {
        self.diversion = diversion
        self.store = store
        self.signal = signal
        self.limits = limits
        self.note = note
    }

    private var scheduler: any Scheduler { diversion.scheduler }

    /// What came of a round.
    private enum Result {
        /// Something was settled: there may be more.
        case progress
        /// Nothing waits.
        case idle
        /// PostgreSQL does not take it now.
        case outage(String, wasSlow: Bool)
        /// Something else is wrong, with the outbox for example: requests of other positions may go
        /// to PostgreSQL directly.
        case stuck(String)
        /// The log is not as it should be: somebody may be mending it.
        case broken(String)
    }

    /// The books that were drained last.
    private struct Books {
        private var logs: [BookName: any BookLog] = [:]

        mutating func log(of book: BookName, _ store: any LogStore) -> any BookLog {
            if let known = logs[book] { return known }
            if logs.count >= Drain.writersMax { logs = [:] }
            let log = store.book(book)
            logs[book] = log
            return log
        }
    }

    /// Runs until cancelled.
    func run() async {
        var books = Books()
        var backoff = Self.backoffMin
        var eventsMax = limits.batchEventsMax
        var patience = Self.brokenMax
        while !Task.isCancelled {
            let done = await round(&books, eventsMax: eventsMax, parksBroken: patience == 0)
            // What was cancelled is no outage.
            guard !Task.isCancelled else { return }
            switch done {
            case .progress:
                patience = Self.brokenMax
                backoff = Self.backoffMin
                eventsMax = min(eventsMax * 4, limits.batchEventsMax)
            case .idle:
                backoff = Self.backoffMin
                await diversion.wake.wait(atMost: .seconds(60))
            case .outage(let reason, let wasSlow):
                diversion.markDown(reason)
                note(reason)
                // A probe is small, and what took too long is tried in smaller pieces.
                eventsMax = wasSlow ? max(1, eventsMax / 4) : min(eventsMax, Self.probeEvents)
                await pause(&backoff)
            case .stuck(let reason):
                note("the outbox is not drained: \(reason)")
                await pause(&backoff)
            case .broken(let reason):
                note("the outbox is not drained: \(reason)")
                patience = max(0, patience - 1)
                await pause(&backoff)
            }
        }
    }

    private func pause(_ backoff: inout Duration) async {
        // Jitter keeps many ledgers from probing at the same time.
        try? await scheduler.sleep(for: backoff * scheduler.random(in: 0.5...1.5))
        backoff = min(backoff * 2, Self.backoffMax)
    }

    private func round(
        _ books: inout Books, eventsMax: Int, parksBroken: Bool
    ) async -> Result {
        // Before anything is read from the outbox, which costs its callers more than a probe.
        let before = await probe()
        guard case .idle = before else { return before }
        let round: Outbox.Round
        let bytesMax = limits.batchBytesMax
        do throws(OutboxError) {
            round = try await diversion.onDisk { queue throws(OutboxError) in
                try queue.next(limitEvents: eventsMax, limitBytes: bytesMax)
            }
        } catch {
            return .stuck("\(error)")
        }
        guard let book = round.requests.first?.draft.book else {
            if diversion.reason != nil {
                note(nil)
                diversion.markUp()
            }
            return .idle
        }
        let log = books.log(of: book, store)
        do {
            let requests = round.requests
            let diversion = diversion
            var rest = await scheduler.blocking {
                DrainItem.prepared(requests, origin: diversion.origin)
            }[...]
            while !rest.isEmpty {
                // What was parked now blocks: the next round sees it.
                let isParked = try await drain(
                    &rest, round.blockers, book, log, parksBroken: parksBroken)
                guard !isParked else { break }
            }
            return .progress
        } catch {
            log.invalidate()
            if error is StoreError { return .broken("\(error)") }
            guard let error = error as? PostgresError, error.isOutage else {
                return .stuck("\(error)")
            }
            return .outage(error.callerText, wasSlow: error.isSlow)
        }
    }

    /// Whether PostgreSQL can be reached again, where it was away.
    private func probe() async -> Result {
        guard diversion.reason != nil else { return .idle }
        do {
            let deadline = Deadline.at(scheduler.now.advanced(by: Self.deadline))
            try await store.book(.main).reach(deadline: deadline) { _ in }
            return .idle
        } catch let error as PostgresError {
            return .outage(error.callerText, wasSlow: false)
        } catch {
            return .stuck("\(error)")
        }
    }

    /// Drains the first of `rest`, as many as fit into one transaction. True if one was parked.
    private func drain(
        _ rest: inout ArraySlice<DrainItem>, _ known: [UUID: OutboxSequence],
        _ book: BookName, _ log: any BookLog, parksBroken: Bool
    ) async throws -> Bool {
        var batch: [DrainItem] = []
        var positions: Set<UUID> = []
        var parkings: [Outbox.Settlement] = []
        var blockers = known
        while let item = rest.first {
            let request = item.request
            let own = request.draft.positions
            // A later one that is parked already, of other positions too, lets it pass.
            let parked = own.lazy.compactMap { blockers[$0] }
            if let first = parked.first(where: { $0 < request.sequence }) {
                parkings.append(.behind(first, request.sequence))
                for position in own where blockers[position] == nil {
                    blockers[position] = request.sequence
                }
                rest.removeFirst()
                continue
            }
            guard item.isReadable else {
                parkings.append(
                    .parked(
                        request.sequence,
                        reason: "an event of it cannot be read by this build", behind: nil))
                for position in own { blockers[position] = request.sequence }
                rest.removeFirst()
                continue
            }
            // What it expects is known once the earlier ones are committed.
            if item.expects, own.contains(where: positions.contains) { break }
            batch.append(item)
            positions.formUnion(own)
            rest.removeFirst()
        }
        try await settle(parkings)
        guard !batch.isEmpty else { return !parkings.isEmpty }
        let isParked = try await write(batch, book, log, parksBroken: parksBroken)
        return isParked || !parkings.isEmpty
    }

    /// Appends a batch and settles it. True if one of its requests was parked or left.
    private func write(
        _ batch: [DrainItem], _ book: BookName, _ log: any BookLog, parksBroken: Bool
    ) async throws -> Bool {
        let events = batch.reduce(0) { $0 + $1.submission.events.count }
        let allowed = Self.deadline + Self.deadlinePerEvent * events
        let deadline = Deadline.at(scheduler.now.advanced(by: allowed))
        let queue = diversion.queue
        do {
            let (items, committed) = try await log.reach(deadline: deadline) { session in
                let items = try batch.map { try $0.rebased(book, queue, session) }
                return (items, try session.append(items.map(\.submission), keepsOrder: true))
            }
            note(nil)
            diversion.markUp()
            signal.raise(book, to: committed.head, isOwn: committed.appended > 0)
            let settlements = Self.settlements(of: items, committed)
            try await settle(settlements)
            await diversion.noteDrained(items.map(\.submission), committed, in: book)
            return settlements.contains(where: \.isParked)
        } catch let error as PostgresError
            where error.isOutage || error.isTransient || error.isShutDown
        {
            throw error
        } catch let error as OutboxError {
            throw error
        } catch let error as CancellationError {
            throw error
        } catch let error as StoreError where !parksBroken {
            throw error
        } catch {
            // PostgreSQL refuses the rows of one of them: each alone, and that one is parked.
            log.invalidate()
            guard let only = batch.first, batch.count == 1 else {
                for item in batch {
                    let isParked = try await write([item], book, log, parksBroken: parksBroken)
                    guard !isParked else { return true }
                }
                return false
            }
            try await settle([
                .parked(
                    only.request.sequence, reason: "PostgreSQL refuses it: \(error)", behind: nil)
            ])
            return true
        }
    }

    private static func settlements(
        of items: [DrainItem], _ committed: BookWriter.Committed
    ) -> [Outbox.Settlement] {
        zip(items, committed.outcomes).map { item, outcome in
            let sequence = item.request.sequence
            switch outcome {
            case .committed(let places):
                return .drained(
                    sequence, places: PlacesCodec.encode(places), at: committed.recordedAt)
            case .refused where Sabotage.current == .dropParked,
                .blocked where Sabotage.current == .dropParked:
                return .drained(sequence, places: [], at: committed.recordedAt)
            case .refused(let refusal):
                let words =
                    refusal.isContradiction ? Outbox.Parking.contradiction : ""
                return .parked(
                    sequence, reason: words + item.asAsked(refusal).description, behind: nil)
            case .blocked(let index):
                return .behind(items[index].request.sequence, sequence)
            }
        }
    }

    private func settle(_ outcomes: [Outbox.Settlement]) async throws(OutboxError) {
        guard !outcomes.isEmpty else { return }
        try await diversion.onDisk { queue throws(OutboxError) in try queue.settle(outcomes) }
    }
}

extension PostgresError {
    fileprivate var isShutDown: Bool {
        if case .shutDown = self { return true }
        return false
    }

    /// Whether it took too long.
    fileprivate var isSlow: Bool {
        if case .timedOut = self { return true }
        return false
    }
}

extension Refusal {
    fileprivate var isContradiction: Bool {
        if case .contentConflict = self { return true }
        return false
    }
}

extension Outbox.Settlement {
    fileprivate var isParked: Bool {
        if case .parked = self { return true }
        return false
    }

    fileprivate static func behind(
        _ first: OutboxSequence, _ sequence: OutboxSequence
    ) -> Outbox.Settlement {
        .parked(sequence, reason: "behind request \(first), which is parked", behind: first)
    }
}
