import EventStore
import LedgerTesting

/// Runs tasks one step at a time on one thread, in an order and at times that a seed draws: the
/// same seed is the same schedule. Time stands still while a task runs, and jumps to the next
/// timer when none can.
final class SimulatedScheduler: Scheduler, TaskExecutor, @unchecked Sendable {
    private struct Timer {
        let at: ContinuousClock.Instant
        let continuation: CheckedContinuation<Void, Never>
    }

    private static let begin = ContinuousClock.now

    /// Draws everything; used on the thread of `run` alone, as all else here.
    var chance: SeededRandom
    private(set) var now = SimulatedScheduler.begin
    private var ready: [UnownedJob] = []
    private var timers: [Int: Timer] = [:]
    private var timersMade = 0
    /// Steps that tasks have made.
    private(set) var steps = 0

    init(seed: UInt64) {
        chance = SeededRandom(seed: seed)
    }

    /// Time since the beginning.
    var elapsed: Duration { now - Self.begin }

    func enqueue(_ job: consuming ExecutorJob) {
        ready.append(UnownedJob(job))
    }

    /// Runs until `isDone`. False if nothing can happen any more, or after `stepsMax`.
    func run(stepsMax: Int, until isDone: () -> Bool) -> Bool {
        while !isDone() {
            guard steps < stepsMax else { return false }
            if ready.isEmpty {
                guard let next = timers.min(by: { ($0.value.at, $0.key) < ($1.value.at, $1.key) })
                else { return false }
                now = max(now, next.value.at)
                timers[next.key] = nil
                next.value.continuation.resume()
                continue
            }
            steps += 1
            let job = ready.remove(at: chance.below(ready.count))
            job.runSynchronously(on: asUnownedTaskExecutor())
        }
        return true
    }

    /// Lets others run.
    func step() async {
        await withCheckedContinuation { $0.resume() }
    }

    func sleep(for duration: Duration) async throws {
        let number = timersMade
        timersMade += 1
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                if Task.isCancelled {
                    continuation.resume()
                } else {
                    timers[number] = Timer(
                        at: now.advanced(by: max(.zero, duration)), continuation: continuation)
                }
            }
        } onCancel: {
            timers.removeValue(forKey: number)?.continuation.resume()
        }
        try Task.checkCancellation()
    }

    @discardableResult
    func start(_ body: @escaping @Sendable () async -> Void) -> Task<Void, Never> {
        Task(executorPreference: self) { await body() }
    }

    func blocking<Value: Sendable>(
        _ body: @escaping @Sendable () -> Value
    ) async -> Value {
        await step()
        let value = body()
        await step()
        return value
    }

    func perform(_ body: @escaping @Sendable () -> Void) {
        start {
            await self.step()
            body()
        }
    }

    func random(in range: ClosedRange<Double>) -> Double {
        range.lowerBound
            + (range.upperBound - range.lowerBound) * Double(chance.below(1 << 20))
            / Double(1 << 20)
    }
}
