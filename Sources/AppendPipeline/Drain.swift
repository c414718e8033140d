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
    private let pool: Pool
    private let signal: LogSignal
    private let limits: AppendLimits
    private let note: @Sendable (_ outage: String?) -> Void

    /// Between two probes of a database that was away.
    static let backoffMin = Duration.milliseconds(50)
    static let backoffMax = Duration.seconds(1)
    /// For the transaction of a batch.
    static let deadline = Duration.seconds(5)
    /// Books whose writers are kept.
    static let writersMax = 64

    init(
        _ diversion: Diversion, pool: Pool, signal: LogSignal, limits: AppendLimits,
        note: @escaping @Sendable (_ outage: String?) -> Void
    ) {
        self.diversion = diversion
        self.pool = pool
        self.signal = signal
        self.limits = limits
        self.note = note
    }

    /// What came of a round.
    private enum Round {
        /// Something was settled: there may be more.
        case progress
        /// Nothing waits.
        case idle
        /// PostgreSQL does not take it now.
        case outage(String)
        /// Something else is wrong, with the outbox for example: requests of other positions may go
        /// to PostgreSQL directly.
        case stuck(String)
    }

    /// A writer is used by one round at a time.
    private final class Writer: @unchecked Sendable {
        let writer: BookWriter

        init(_ book: BookName) {
            writer = BookWriter(book: book)
        }
    }

    /// The writers of the books that were drained last.
    private struct Writers {
        private var writers: [BookName: Writer] = [:]

        subscript(book: BookName) -> Writer {
            mutating get {
                if let known = writers[book] { return known }
                if writers.count >= Drain.writersMax { writers = [:] }
                let writer = Writer(book)
                writers[book] = writer
                return writer
            }
        }
    }

    /// Runs until cancelled.
    func run() async {
        var writers = Writers()
        var backoff = Self.backoffMin
        while !Task.isCancelled {
            switch await round(&writers) {
            case .progress: backoff = Self.backoffMin
            case .idle:
                diversion.markUp()
                await diversion.wake.wait(atMost: .seconds(60))
            case .outage(let reason):
                diversion.markDown(reason)
                note(reason)
                await pause(&backoff)
            case .stuck(let reason):
                note("the outbox is not drained: \(reason)")
                await pause(&backoff)
            }
        }
    }

    private func pause(_ backoff: inout Duration) async {
        // Jitter keeps many ledgers from probing at the same time.
        try? await Task.sleep(for: backoff * Double.random(in: 0.5...1.5))
        backoff = min(backoff * 2, Self.backoffMax)
    }

    private func round(_ writers: inout Writers) async -> Round {
        let waiting = await diversion.blocking { [diversion, limits] in
            Result { () throws(OutboxError) in
                try diversion.outbox.waiting(
                    limitEvents: limits.batchEventsMax, limitBytes: limits.batchBytesMax)
            }
        }
        let requests: [Outbox.Request]
        switch waiting {
        case .success(let found): requests = found
        case .failure(let error): return .stuck("\(error)")
        }
        guard let book = requests.first?.draft.book else { return .idle }
        let writer = writers[book]
        do {
            try await drain(requests.filter { $0.draft.book == book }, book, writer)
            return .progress
        } catch {
            writer.writer.invalidate()
            guard let error = error as? PostgresError, error.isOutage else {
                return .stuck("\(error)")
            }
            return .outage(error.callerText)
        }
    }

    /// A request with all that its transaction needs.
    private struct Item: Sendable {
        let request: Outbox.Request
        let submission: Submission
        /// Whether versions are expected of positions.
        let expects: Bool
    }

    private func drain(
        _ requests: [Outbox.Request], _ book: BookName, _ writer: Writer
    ) async throws {
        let blockers = try await blockers(of: requests, book)
        var rest = requests[...]
        while !rest.isEmpty {
            // What was parked now blocks: the next round sees it.
            guard try await !drain(&rest, blockers, book, writer) else { return }
        }
    }

    /// Drains the first of `rest`, as many as fit into one transaction. True if one was parked.
    private func drain(
        _ rest: inout ArraySlice<Outbox.Request>, _ known: [UUID: OutboxSequence],
        _ book: BookName, _ writer: Writer
    ) async throws -> Bool {
        var batch: [Item] = []
        var positions: Set<UUID> = []
        var parkings: [Outbox.Settlement] = []
        var blockers = known
        while let request = rest.first {
            let own = request.draft.positions
            if let first = own.lazy.compactMap({ blockers[$0] }).first {
                parkings.append(.behind(first, request.sequence))
                for position in own where blockers[position] == nil {
                    blockers[position] = request.sequence
                }
                rest.removeFirst()
                continue
            }
            guard let events = request.events() else {
                parkings.append(
                    .parked(
                        request.sequence,
                        reason: "an event of it cannot be read by this build", behind: nil))
                for position in own { blockers[position] = request.sequence }
                rest.removeFirst()
                continue
            }
            let expects = events.contains { $0.expectedVersion != .any }
            // What it expects is known once the earlier ones are committed.
            if expects, own.contains(where: positions.contains) { break }
            batch.append(
                Item(
                    request: request,
                    submission: Submission(events, origin: diversion.origin(of: request)),
                    expects: expects))
            positions.formUnion(own)
            rest.removeFirst()
        }
        try await settle(parkings)
        guard !batch.isEmpty else { return !parkings.isEmpty }
        return try await write(batch, book, writer) || !parkings.isEmpty
    }

    /// The parked request that each position waits behind. One that only contradicts what is known
    /// blocks nothing.
    private func blockers(
        of requests: [Outbox.Request], _ book: BookName
    ) async throws -> [UUID: OutboxSequence] {
        guard diversion.outbox.hasParked else { return [:] }
        let positions = Set(requests.flatMap(\.draft.positions))
        let found = await diversion.blocking { [diversion] in
            Result { () throws(OutboxError) -> [UUID: OutboxSequence] in
                var blockers: [UUID: OutboxSequence] = [:]
                for position in try diversion.outbox.blocked(book, Array(positions)) {
                    var after = OutboxSequence.origin
                    while blockers[position] == nil {
                        let page = try diversion.outbox.requests(
                            of: book, position, [.parked], after: after, limit: 64)
                        guard let last = page.last else { break }
                        blockers[position] = page.first { !$0.contradicts }?.sequence
                        after = last.sequence
                    }
                }
                return blockers
            }
        }
        return try found.get()
    }

    /// Appends a batch and settles it. True if one of its requests was parked or left.
    private func write(
        _ batch: [Item], _ book: BookName, _ writer: Writer
    ) async throws -> Bool {
        let deadline = Deadline.after(Self.deadline)
        let diversion = diversion
        do {
            let (items, refused, committed) = try await pool.run(deadline: deadline) { connection in
                var items: [Item] = []
                var refused: [(Item, Refusal)] = []
                for item in batch {
                    switch try Self.rebased(item, book, diversion, connection, deadline) {
                    case .success(let ready): items.append(ready)
                    case .failure(let refusal): refused.append((item, refusal))
                    }
                    // Those behind a refused one are looked at when it is parked.
                    if !refused.isEmpty { break }
                }
                guard !items.isEmpty else {
                    return (items, refused, BookWriter.Committed?.none)
                }
                let committed = try writer.writer.append(
                    items.map(\.submission), keepsOrder: true, connection: connection,
                    deadline: deadline)
                return (items, refused, .some(committed))
            }
            note(nil)
            diversion.markUp()
            var settlements: [Outbox.Settlement] = []
            if let committed {
                settlements += Self.settlements(of: items, committed, at: committed.recordedAt)
                signal.raise(book, to: committed.head, isOwn: committed.appended > 0)
            }
            for (item, refusal) in refused {
                settlements.append(
                    .parked(item.request.sequence, reason: refusal.description, behind: nil))
            }
            try await settle(settlements)
            await diversion.learn(
                book, items.map(\.request.draft.positions), committed?.streams ?? [:])
            return settlements.contains(where: \.isParked) || settlements.count < batch.count
        } catch let error as PostgresError
            where error.isOutage || error.isTransient || error.isShutDown
        {
            throw error
        } catch let error as OutboxError {
            throw error
        } catch let error as CancellationError {
            throw error
        } catch {
            // PostgreSQL refuses the rows of one of them: each alone, and that one is parked.
            writer.writer.invalidate()
            guard let only = batch.first, batch.count == 1 else {
                for item in batch {
                    let isBlocked = try await !blockers(of: [item.request], book).isEmpty
                    guard !isBlocked else { return true }
                    _ = try await write([item], book, writer)
                }
                return true
            }
            try await settle([
                .parked(
                    only.request.sequence, reason: "PostgreSQL refuses it: \(error)", behind: nil)
            ])
            return true
        }
    }

    private static func settlements(
        of items: [Item], _ committed: BookWriter.Committed, at: Timestamp
    ) -> [Outbox.Settlement] {
        zip(items, committed.outcomes).map { item, outcome in
            let sequence = item.request.sequence
            switch outcome {
            case .committed(let places):
                return .drained(sequence, places: PlacesCodec.encode(places), at: at)
            case .refused(.contentConflict(let index, let id, let member, let known)):
                let refusal = Refusal.contentConflict(
                    index: index, eventID: id, member: member, known: known)
                return .parked(
                    sequence, reason: Outbox.Request.contradiction + refusal.description,
                    behind: nil)
            case .refused(let refusal):
                return .parked(sequence, reason: refusal.description, behind: nil)
            case .blocked(let index):
                return .behind(items[index].request.sequence, sequence)
            }
        }
    }

    private func settle(_ outcomes: [Outbox.Settlement]) async throws {
        guard !outcomes.isEmpty else { return }
        let result = await diversion.blocking { [diversion] in
            Result { () throws(OutboxError) in try diversion.outbox.settle(outcomes) }
        }
        try result.get()
    }

    // MARK: What was expected

    /// A request that expects versions, with what that means now. A version that was expected
    /// offline holds when every event of the position above the version that was known then is one
    /// of this outbox's own earlier ones (architecture.md, "The outbox").
    private static func rebased(
        _ item: Item, _ book: BookName, _ diversion: Diversion, _ connection: Connection,
        _ deadline: Deadline
    ) throws -> Result<Item, Refusal> {
        guard item.expects else { return .success(item) }
        let reader = LogReader(connection, deadline: deadline)
        guard let id = try reader.book(book) else { return .success(item) }
        var events = item.submission.events
        for (position, base) in item.request.draft.bases {
            let own = events.indices.filter { events[$0].positionID == position }
            guard let first = own.first(where: { events[$0].expectedVersion != .any }) else {
                continue
            }
            let actual = try reader.version(id, position)
            let above = try reader.stream(id, position, above: base)
            let keys = try diversion.outbox.ownKeys(
                book, position, before: item.request.sequence)
            let mine = Set(item.request.draft.keys)
            if above.contains(where: { mine.contains(OutboxKey.of($0)) }) {
                // It was committed already, and is answered with its first places.
                continue
            }
            guard actual >= base, above.allSatisfy({ keys.contains(OutboxKey.of($0)) }) else {
                return .failure(
                    .versionConflict(
                        index: first, positionID: position,
                        expected: events[first].expectedVersion, actual: actual))
            }
            guard case .exact(let expected) = events[first].expectedVersion else { continue }
            let before = own.prefix { $0 < first }.count
            let shift = actual.rawValue - (expected.rawValue - Int64(before))
            guard shift != 0 else { continue }
            for index in own {
                guard case .exact(let version) = events[index].expectedVersion else { continue }
                events[index].expectedVersion = .exact(
                    StreamVersion(rawValue: version.rawValue + shift))
            }
        }
        return .success(
            Item(
                request: item.request,
                submission: Submission(events, origin: item.submission.origin),
                expects: item.expects))
    }
}

extension PostgresError {
    fileprivate var isShutDown: Bool {
        if case .shutDown = self { return true }
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

extension Outbox.Request {
    /// How the reason of a request begins that contradicts what is known, and blocks nothing.
    fileprivate static let contradiction = "contradiction: "

    fileprivate var contradicts: Bool {
        parking?.reason.hasPrefix(Self.contradiction) ?? false
    }
}
