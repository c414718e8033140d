import EventStore
import LedgerCore
import Postgres

@testable import AppendPipeline
@testable import ProjectionEngine

/// A ledger: a file that stays, and one process after the other on it.
final class SimulatedLedger: @unchecked Sendable {
    let name: String
    let world: World
    let file = SimulatedFile()
    private var lives = 0
    /// nil between two processes.
    private(set) var process: Process?

    struct Process: Sendable {
        let life: Life
        let pipeline: AppendPipeline
    }

    init(_ name: String, in world: World) {
        self.name = name
        self.world = world
    }

    /// Starts a process: the pipeline, the drain, and a worker for each book that it hears of.
    func start() {
        lives += 1
        let world = world
        let life = Life("\(name)\(lives)", in: world)
        let log = LogSignal()
        let projected = LogSignal()
        let diversion = Diversion(
            SimulatedQueue(file: file, life: life), host: name, clock: { world.clock },
            scheduler: life)
        let pipeline = AppendPipeline(
            SimulatedLog(world: world, life: life), signal: log, diversion: diversion,
            scheduler: life)
        world.note("\(life.name) starts")
        life.start { await pipeline.drain() }
        life.start { await Self.watch(world, life, log, projected) }
        process = Process(life: life, pipeline: pipeline)
    }

    /// Hears of books and of what others append, as `ProjectionService` does, and lets one worker
    /// a book run.
    private static func watch(
        _ world: World, _ life: Life, _ log: LogSignal, _ projected: LogSignal
    ) async {
        let identity = ProcessIdentity(start: life.name)
        var known: Set<BookName> = []
        while !Task.isCancelled {
            let heads = try? await world.reach(
                life, "a look at the heads", deadline: .at(life.now + .seconds(5))
            ) {
                world.books.sorted { $0.key.description < $1.key.description }.map {
                    ($0.key, $0.value.id, $0.value.head, world.generations[$0.key]?.checkpoint)
                }
            }
            for (name, id, head, checkpoint) in heads ?? [] {
                log.raise(name, to: head)
                if let checkpoint { projected.raise(name, to: checkpoint) }
                guard known.insert(name).inserted else { continue }
                let worker = ProjectionWorker(
                    on: name, id, SimulatedProjections(name: name, world: world, life: life),
                    .init(
                        identity: identity, log: log, projected: projected, scheduler: life,
                        isPaused: { false }, isStopping: { life.isKilled },
                        note: { state in
                            if case .failed(let reason) = state {
                                world.note("\(life.name): the worker of \(name): \(reason)")
                            }
                        }))
                life.start { await worker.run() }
            }
            log.tick()
            projected.tick()
            try? await life.sleep(for: .milliseconds(500))
        }
    }

    /// kill -9.
    func kill() {
        guard let process else { return }
        world.note("\(process.life.name) is killed")
        process.life.kill()
        self.process = nil
    }
}
