import Admission
import EventStore
import LedgerCore
import LedgerTesting
import Postgres

@testable import ProjectionEngine

/// Why a process does nothing any more: it was killed.
struct Killed: Error {}

/// What PostgreSQL is like for a while.
enum Weather: CaseIterable {
    case fair, unreachable, hung, readOnly, full, tableAway, passwordRefused, slow

    /// What it answers.
    var error: PostgresError? {
        switch self {
        case .fair, .slow, .hung: nil
        case .unreachable: .unreachable("no server")
        case .readOnly: Self.server(.readOnlyTransaction)
        case .full: Self.server(SQLState(rawValue: "53100"))
        case .tableAway: Self.server(.undefinedTable)
        case .passwordRefused: Self.server(SQLState(rawValue: "28P01"))
        }
    }

    static func server(_ state: SQLState?) -> PostgresError {
        guard let state else { return .unreachable("no code") }
        return .server(ServerError(sqlstate: state, message: "simulated"))
    }
}

/// What a simulation can do wrong, to show that it is found.
enum Defect: CaseIterable {
    case answersBeforeCommit, forgetsIDs, dropsParked, overtakes
}

/// The database that all ledgers of a simulation share, the way to it, and the time.
final class World: @unchecked Sendable {
    let scheduler: SimulatedScheduler
    var weather = Weather.fair
    /// Single calls fail too, in so many of a hundred.
    var mishapPercent = 4
    let defect: Defect?
    var books: [BookName: SimulatedBook] = [:]
    var generations: [BookName: SimulatedGeneration] = [:]
    /// What happened, for who looks for the cause of a failure.
    private(set) var trace: [String] = []

    init(seed: UInt64, defect: Defect? = nil) {
        scheduler = SimulatedScheduler(seed: seed)
        self.defect = defect
    }

    /// The clock of the database and of all hosts: from the simulation's own time.
    var clock: Timestamp {
        let (seconds, attoseconds) = scheduler.elapsed.components
        return Timestamp(
            microseconds: PositionStory.start.microseconds + seconds * 1_000_000
                + attoseconds / 1_000_000_000_000)
    }

    func note(_ text: @autoclosure () -> String) {
        let milliseconds = Int(scheduler.elapsed / .milliseconds(1))
        trace.append("\(milliseconds) ms: \(text())")
    }

    func chance(_ percent: Int) -> Bool { scheduler.chance.chance(percent) }

    func milliseconds(_ range: ClosedRange<Int>) -> Duration {
        .milliseconds(scheduler.chance.within(range))
    }

    // MARK: The way to the database

    /// One use of the database by a process: everything that `body` changes is committed at once,
    /// or nothing. It can fail before, behind, and in doubt; a commit can come long after the
    /// caller has given up.
    func reach<Value: Sendable>(
        _ life: Life, _ what: String, deadline: Deadline, _ body: () throws -> Value
    ) async throws -> Value {
        try await life.pause(milliseconds(0...3))
        try await endure(life, what, deadline)
        let (booksBefore, generationsBefore) = (books, generations)
        let value: Value
        do {
            value = try body()
        } catch {
            (books, generations) = (booksBefore, generationsBefore)
            throw error
        }
        let isMishap = weather == .hung || chance(mishapPercent)
        guard isMishap else {
            note("\(life.name): \(what) is done")
            try await life.pause(milliseconds(0...2))
            return value
        }
        // The answer is lost. The transaction is committed, or not, or stands for a while.
        switch scheduler.chance.below(4) {
        case 0:
            (books, generations) = (booksBefore, generationsBefore)
            note("\(life.name): \(what) fails before its commit")
            if defect == .answersBeforeCommit { return value }
        case 1:
            note("\(life.name): \(what) is done, its answer is lost")
        default:
            // Nobody else gets at the rows that it has locked.
            let after = (books, generations)
            (books, generations) = (booksBefore, generationsBefore)
            let commits = chance(50)
            note("\(life.name): \(what) stands, and \(commits ? "commits" : "aborts") later")
            stand(after, commits: commits, for: milliseconds(50...7_000))
        }
        if chance(50) {
            try await life.pause(milliseconds(0...3))
            throw PostgresError.unreachable("the connection was lost")
        }
        try await life.pause(until: deadline)
        throw PostgresError.timedOut(what)
    }

    /// Whether a transaction holds the locks of all books.
    private var isLocked = false

    private func stand(
        _ after: ([BookName: SimulatedBook], [BookName: SimulatedGeneration]), commits: Bool,
        for duration: Duration
    ) {
        isLocked = true
        scheduler.start { [self] in
            try? await scheduler.sleep(for: duration)
            if commits { (books, generations) = after }
            isLocked = false
            note("what stood has \(commits ? "committed" : "been aborted")")
        }
    }

    /// Waits as the weather and others' locks make it wait, or fails.
    private func endure(_ life: Life, _ what: String, _ deadline: Deadline) async throws {
        var waited = Duration.zero
        while true {
            guard !life.isKilled else { throw Killed() }
            if deadline.hasPassed(at: scheduler.now) { throw PostgresError.timedOut(what) }
            if let error = weather.error { throw error }
            if weather == .hung {
                try await life.pause(milliseconds(50...500))
                continue
            }
            if weather == .slow, waited == .zero {
                waited = milliseconds(20...1_200)
                try await life.pause(waited)
                continue
            }
            guard isLocked else { break }
            guard waited < .milliseconds(800) else {
                throw Weather.server(.lockNotAvailable)
            }
            let moment = milliseconds(20...200)
            waited += moment
            try await life.pause(moment)
        }
        if chance(1) { throw Weather.server(.serializationFailure) }
    }
}

/// A process from its start to its end.
final class Life: Scheduler, @unchecked Sendable {
    let name: String
    let world: World
    private(set) var isKilled = false
    private var tasks: [Task<Void, Never>] = []

    init(_ name: String, in world: World) {
        self.name = name
        self.world = world
    }

    /// kill -9: none of its tasks changes anything any more; they find out and end.
    func kill() {
        isKilled = true
        for task in tasks { task.cancel() }
    }

    /// Passes time, unless the process is killed meanwhile. Now and then it is stopped for longer.
    func pause(_ duration: Duration) async throws {
        guard !isKilled else { throw Killed() }
        let isStopped = world.chance(1) && world.mishapPercent > 0
        try? await world.scheduler.sleep(
            for: isStopped ? duration + world.milliseconds(500...6_000) : duration)
        guard !isKilled else { throw Killed() }
    }

    func pause(until deadline: Deadline) async throws {
        while !deadline.hasPassed(at: now) { try await pause(.milliseconds(100)) }
    }

    var now: ContinuousClock.Instant { world.scheduler.now }

    func sleep(for duration: Duration) async throws {
        guard !isKilled else { throw CancellationError() }
        try await world.scheduler.sleep(for: duration)
    }

    @discardableResult
    func start(_ body: @escaping @Sendable () async -> Void) -> Task<Void, Never> {
        let task = world.scheduler.start(body)
        if isKilled { task.cancel() } else { tasks.append(task) }
        return task
    }

    func blocking<Value: Sendable>(
        _ body: @escaping @Sendable () -> Value
    ) async -> Value {
        await world.scheduler.blocking(body)
    }

    func perform(_ body: @escaping @Sendable () -> Void) {
        world.scheduler.perform(body)
    }

    func random(in range: ClosedRange<Double>) -> Double {
        world.scheduler.random(in: range)
    }
}
