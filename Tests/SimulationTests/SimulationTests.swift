import Dispatch
import Glibc
import LedgerTesting
import Synchronization
import Testing

/// The pipeline, the drain and the projection workers on schedules that seeds draw, with failures
/// at every step: see `World.reach`, `SimulatedQueue` and `Simulation`.
@Suite struct SimulationTests {
    /// One schedule alone: NEXUS_SIMULATION_SEED=7 ops/test --filter SimulationTests
    private static let only = environment("NEXUS_SIMULATION_SEED").flatMap { UInt64($0) }
    /// How many schedules are run.
    private static let schedules =
        environment("NEXUS_SIMULATION_SCHEDULES").flatMap { UInt64($0) } ?? 12_000
    private static let failuresMax = 3

    @Test func `what was acknowledged is kept, once and in order, on every schedule`() {
        let seeds = Self.only.map { [$0] } ?? Array(1...max(1, Self.schedules))
        let lanes = min(seeds.count, 2)
        let failures = Mutex<[String]>([])
        // Each schedule is a thread's own; what is found is recorded by the test's.
        DispatchQueue.concurrentPerform(iterations: lanes) { lane in
            for seed in seeds where Int(seed) % lanes == lane % lanes {
                let simulation = Simulation(seed: seed)
                let violations = simulation.run()
                guard !violations.isEmpty else { continue }
                let shown = Self.only == nil ? 40 : Int.max
                let report = """
                    seed \(seed): \(violations.joined(separator: "; "))
                    NEXUS_SIMULATION_SEED=\(seed) ops/test --filter SimulationTests
                    \(simulation.world.trace.suffix(shown).joined(separator: "\n"))
                    """
                let count = failures.withLock { failures in
                    failures.append(report)
                    return failures.count
                }
                guard count < Self.failuresMax else { break }
            }
        }
        for failure in failures.withLock({ $0 }) { Issue.record(Comment(rawValue: failure)) }
    }

    @Test(arguments: [1, 2, 3, 50, 777])
    func `a seed is one schedule`(seed: UInt64) {
        let (first, second) = (Simulation(seed: seed), Simulation(seed: seed))
        _ = first.run()
        _ = second.run()
        #expect(first.world.trace == second.world.trace)
        #expect(first.world.trace.count > 10)
        #expect(first.world.scheduler.steps == second.world.scheduler.steps)
    }

    @Test(arguments: Defect.allCases)
    func `a defect is found`(defect: Defect) {
        let isFound = (1...2_000).contains { seed in
            !Simulation(seed: UInt64(seed), defect: defect).run().isEmpty
        }
        #expect(isFound)
    }

    private static func environment(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }
}
