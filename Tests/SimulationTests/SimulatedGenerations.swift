import LedgerCore
import Postgres
import Projections

@testable import EventStore
@testable import ProjectionEngine

/// A book's generation as the database holds it.
struct SimulatedGeneration: Sendable {
    var owner: Life?
    var epoch: Int64 = 0
    var signOfLife = ContinuousClock.now
    var checkpoint = LogPosition.origin
    var rows: [UUID: Written] = [:]
}

/// The generations as one process reaches them.
struct SimulatedProjections: ProjectionStore {
    let name: BookName
    let world: World
    let life: Life

    func reach<Value: Sendable>(
        deadline: Deadline, _ body: @escaping @Sendable (any ProjectionSession) throws -> Value
    ) async throws -> Value {
        try await world.reach(life, "a projection of \(name)", deadline: deadline) {
            try body(SimulatedProjection(name: name, world: world, life: life))
        }
    }
}

/// Why the model of the tables does not take what a worker writes.
struct WrongBase: Error {
    let what: String
}

private struct SimulatedProjection: ProjectionSession {
    let name: BookName
    let world: World
    let life: Life

    private static let leaseTime = Duration.seconds(30)

    func claim(
        _ book: BookID, slot: Int16?, owner: ProcessIdentity, isForced: Bool
    ) throws -> Claim {
        var generation = world.generations[name] ?? SimulatedGeneration()
        if let other = generation.owner, other !== life, !other.isKilled,
            world.scheduler.now - generation.signOfLife < Self.leaseTime
        {
            return .ownedElsewhere(owner: other.name)
        }
        generation.owner = life
        generation.epoch += 1
        generation.signOfLife = world.scheduler.now
        world.generations[name] = generation
        return .claimed(
            Lease(book: book, slot: 1, epoch: generation.epoch), checkpoint: generation.checkpoint)
    }

    func entries(
        _ book: BookID, after: LogPosition, through: LogPosition, since: Timestamp?
    ) throws -> [LogEntry] {
        world.books[name]?.events.filter { event in
            event.logPosition > after && event.logPosition <= through
                && since.map { event.recordedAt >= $0 } ?? true
        }.map { .event($0) } ?? []
    }

    func streams(
        _ book: BookID, _ positions: [UUID], through: LogPosition
    ) throws -> [UUID: ReadableStream] {
        var streams: [UUID: ReadableStream] = [:]
        for event in world.books[name]?.events ?? []
        where positions.contains(event.positionID) && event.logPosition <= through {
            streams[event.positionID, default: ReadableStream()].append(.event(event))
        }
        return streams
    }

    func held(
        _ lease: Lease, _ positions: [UUID]
    ) throws -> [UUID: (stale: Stale, version: Int)] {
        var held: [UUID: (stale: Stale, version: Int)] = [:]
        for position in positions {
            guard let row = world.generations[name]?.rows[position], let stale = row.stale else {
                continue
            }
            held[position] = (stale, Int(row.account?.version.rawValue ?? 0))
        }
        return held
    }

    func write(
        _ changes: [BatchFold.Change], _ lease: Lease, from: LogPosition, through: LogPosition
    ) throws -> WriteOutcome {
        guard var generation = world.generations[name], generation.epoch == lease.epoch,
            generation.checkpoint == from
        else { return .lost }
        for change in changes {
            // The tables' rows and sums are changed by the difference: it has to be one of what
            // they hold.
            let row = generation.rows[change.position]
            guard row?.account == change.before.account, row?.stale == change.before.stale else {
                throw WrongBase(what: "position \(change.position) stands otherwise")
            }
            generation.rows[change.position] = change.after
        }
        generation.checkpoint = through
        generation.signOfLife = world.scheduler.now
        world.generations[name] = generation
        return .written
    }

    func endRebuild(_ lease: Lease) {}

    func heartbeat(_ lease: Lease) throws -> Bool {
        guard world.generations[name]?.epoch == lease.epoch else { return false }
        world.generations[name]?.signOfLife = world.scheduler.now
        return true
    }

    func release(_ lease: Lease) throws {
        guard world.generations[name]?.epoch == lease.epoch else { return }
        world.generations[name]?.owner = nil
    }
}
