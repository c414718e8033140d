import EventStore
import Glibc
import LedgerCore
import Postgres
import Projections

/// Fills a slot from the log, range by range of positions: what one range brings is written with
/// the note that it is there, in one transaction, so that a rebuild can be ended at any moment and
/// goes on behind the last range.
///
/// While a range is folded, the next one is read and the one before is written. Every read is a
/// statement of its own: no snapshot is held, and appends go on.
final class Rebuild: Sendable {
    /// What was begun, by this run or an earlier one.
    struct Claim: Sendable {
        let lease: Lease
        let target: LogPosition
        /// Positions up to this one are there.
        let through: UUID?
        /// Events that are there.
        let events: Int64
    }

    private let pool: Pool
    private let claim: Claim
    private let options: RebuildOptions

    /// For one range, read or written.
    static let rangeDeadline = Duration.seconds(300)
    /// Events of a range, whatever the memory: transactions stay short.
    static let rangeEventsMax = 400_000
    /// Events of the first range; each further one is twice as large, up to that.
    static let firstRangeEvents = 10_000
    /// Positions of a range: what is read of `positions.streams` at once.
    static let rangePositionsMax = 50_000
    /// Positions folded before other tasks get their turn.
    private static let turnPositions = 16
    /// What an event takes in memory before its range is known, about.
    private static let eventBytes = 400
    /// Of the memory, what the events of one range may take: two are there at one time, and the
    /// rows of two.
    private static let arenaShare = 4

    /// `rangeEventsMax` may be lower than the standard one, for tests.
    init(
        _ claim: Claim, _ pool: Pool, _ options: RebuildOptions,
        rangeEventsMax: Int = Rebuild.rangeEventsMax
    ) {
        self.pool = pool
        self.claim = claim
        self.options = options
        self.rangeEventsMax = rangeEventsMax
    }

    private let rangeEventsMax: Int

    private var arenaBytesMax: Int {
        max(options.memoryBytesMax, RebuildOptions.memoryBytesMin) / Self.arenaShare
    }

    private var eventsMax: Int {
        let events = min(arenaBytesMax / Self.eventBytes, rangeEventsMax)
        return max(1, min(events, options.rateMax ?? events))
    }

    /// Positions that were read, and how many events they have.
    private struct Read: Sendable {
        let range: PositionRange
        let arena: EventArena
    }

    /// Rebuilds what is missing, and says after each range that was written how far it is.
    func run(
        progress: (_ events: Int64, _ positions: Int64) async throws -> Void
    ) async throws {
        var pace = RebuildPace(cores: sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        let deadline = Deadline.after(Self.rangeDeadline)
        pace.look(try await pool.run(deadline: deadline) { try Self.heads($0, deadline) })
        // Small ones first: a rebuild that is ended soon keeps something all the same.
        var size = min(eventsMax, Self.firstRangeEvents)
        var reading = read(after: claim.through, size)
        var writing: Writing?
        var previous = claim.through
        let start = ContinuousClock.now
        var done: Int64 = 0
        do {
            while let read = try await reading.value {
                try Task.checkCancellation()
                size = min(eventsMax, pace.rangeEventsMax, size * 2)
                let overlaps = pace.overlaps
                if overlaps { reading = self.read(after: read.range.through, size) }
                let parts = try await fold(read.arena, pace.folders)
                if let writing { pace.look(try await writing.value(progress)) }
                let from = previous
                let written = Writing(read) { try await self.write(parts, read, from: from) }
                writing = written
                previous = read.range.through
                if !overlaps {
                    pace.look(try await written.value(progress))
                    writing = nil
                    reading = self.read(after: read.range.through, size)
                }
                done += Int64(read.arena.count)
                try await throttle(done, since: start)
            }
            _ = try await writing?.value(progress)
        } catch {
            reading.cancel()
            writing?.task.cancel()
            _ = try? await reading.value
            _ = try? await writing?.task.value
            throw error
        }
    }

    /// A range that is being written.
    private struct Writing {
        /// How many events the logs hold when it is over.
        let task: Task<Int64, any Error>
        private let events: Int64
        private let positions: Int64

        init(_ read: Read, _ write: @escaping @Sendable () async throws -> Int64) {
            task = Task { try await write() }
            events = Int64(read.arena.count)
            positions = Int64(read.arena.positions.count)
        }

        /// Waits for it, and says that it is there.
        func value(
            _ progress: (_ events: Int64, _ positions: Int64) async throws -> Void
        ) async throws -> Int64 {
            let head = try await task.value
            try await progress(events, positions)
            return head
        }
    }

    private func throttle(_ events: Int64, since start: ContinuousClock.Instant) async throws {
        guard let rateMax = options.rateMax else { return }
        let due = start + .seconds(Double(events) / Double(max(rateMax, 1)))
        try await Task.sleep(until: due)
    }

    // MARK: Reading

    private func read(after position: UUID?, _ size: Int) -> Task<Read?, any Error> {
        Task {
            var eventsMax = size
            while true {
                switch try await attempt(after: position, eventsMax) {
                case .range(let read): return read
                case .end: return nil
                // Larger events than most: fewer of them at a time.
                case .tooLarge: eventsMax = max(1, eventsMax / 2)
                }
            }
        }
    }

    private enum Attempt: Sendable {
        case range(Read)
        case tooLarge
        case end
    }

    private func attempt(after position: UUID?, _ eventsMax: Int) async throws -> Attempt {
        let (claim, bytesMax) = (claim, arenaBytesMax)
        let deadline = Deadline.after(Self.rangeDeadline)
        return try await pool.run(deadline: deadline) { connection in
            try connection.execute(Self.plansByKey, deadline: deadline)
            defer { try? connection.execute(Self.plansAgain, deadline: deadline) }
            let reader = LogReader(connection, deadline: deadline)
            guard
                let range = try reader.range(
                    claim.lease.book, after: position, eventsMax: eventsMax,
                    positionsMax: Self.rangePositionsMax)
            else { return .end }
            let arena = try reader.arena(
                claim.lease.book, range, through: claim.target, bytesMax: bytesMax)
            return arena.map { .range(Read(range: range, arena: $0)) } ?? .tooLarge
        }
    }

    /// A range is found by its positions: whoever scans the log for it reads all of it each time.
    private static let plansByKey = "SET enable_seqscan = off; SET jit = off"
    private static let plansAgain = "RESET enable_seqscan; RESET jit"

    // MARK: Folding

    private func fold(_ arena: EventArena, _ folders: Int) async throws -> [FoldedRange] {
        let lease = claim.lease
        // In the order of the tables' keys: rows come to the end of their index.
        let positions = arena.positions.sorted { ($0.high, $0.low) < ($1.high, $1.low) }
        let workers = max(1, min(folders, positions.count))
        let share = (positions.count + workers - 1) / workers
        return try await withThrowingTaskGroup(of: (worker: Int, part: FoldedRange).self) { group in
            for worker in 0..<workers {
                let from = min(worker * share, positions.count)
                let to = min(from + share, positions.count)
                group.addTask {
                    var folded = FoldedRange(slot: lease.slot, book: lease.book)
                    for (index, position) in positions[from..<to].enumerated() {
                        if index % Self.turnPositions == 0 {
                            try Task.checkCancellation()
                            await Task.yield()
                        }
                        try folded.fold(try arena.stream(position), of: position)
                    }
                    return (worker, folded)
                }
            }
            var parts: [(worker: Int, part: FoldedRange)] = []
            for try await part in group { parts.append(part) }
            return parts.sorted { $0.worker < $1.worker }.map(\.part)
        }
    }

    // MARK: Writing

    /// - Returns: how many events the logs hold then.
    private func write(
        _ parts: [FoldedRange], _ read: Read, from previous: UUID?
    ) async throws -> Int64 {
        let claim = claim
        let deadline = Deadline.after(Self.rangeDeadline)
        return try await pool.run(deadline: deadline) { connection in
            let writer = RangeWriter(claim.lease, connection, deadline)
            let step = RangeWriter.Step(
                from: previous, through: read.range.through, events: Int64(read.arena.count))
            do {
                try writer.write(parts, step)
            } catch let error as PostgresError where error.isRefusedRow {
                try writer.writeEach(read.arena, step)
            }
            return try Self.heads(connection, deadline)
        }
    }

    private static func heads(
        _ connection: Connection, _ deadline: Deadline
    ) throws -> Int64 {
        try connection.query(GenerationSQL.heads, deadline: deadline).onlyRow()[0].int64()
    }
}
