import Dispatch

/// Time, tasks and chance, as the pipeline, the drain and the projection workers see them: the
/// system's in a service, a seed's in the simulator, which repeats each schedule exactly.
public protocol Scheduler: Sendable {
    /// Never goes back.
    var now: ContinuousClock.Instant { get }
    /// Returns after `duration`, or at once with `CancellationError` when the task is cancelled.
    func sleep(for duration: Duration) async throws
    /// Begins a task of its own.
    @discardableResult
    func start(_ body: @escaping @Sendable () async -> Void) -> Task<Void, Never>
    /// Runs what waits for the disk, so that no thread that serves callers is held.
    func blocking<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value
    /// Begins what waits for the disk, on a thread of its own.
    func perform(_ body: @escaping @Sendable () -> Void)
    /// A number by chance, so that many processes do not act at the same time.
    func random(in range: ClosedRange<Double>) -> Double
}

/// The clock, the threads and the chance of the operating system.
public struct SystemScheduler: Scheduler {
    private let disk = DispatchQueue(label: "disk", attributes: .concurrent)

    /// Starts nothing.
    public init() {}

    /// The monotonic clock, which counts while the machine sleeps.
    public var now: ContinuousClock.Instant { .now }

    /// Sleeps on the monotonic clock.
    public func sleep(for duration: Duration) async throws {
        try await Task.sleep(for: duration)
    }

    /// A task on the threads of all tasks.
    @discardableResult
    public func start(_ body: @escaping @Sendable () async -> Void) -> Task<Void, Never> {
        Task { await body() }
    }

    /// Runs it on a thread for what blocks.
    public func blocking<Value: Sendable>(
        _ body: @escaping @Sendable () -> Value
    ) async -> Value {
        await withCheckedContinuation { continuation in
            disk.async { continuation.resume(returning: body()) }
        }
    }

    /// Runs it on a thread for what blocks.
    public func perform(_ body: @escaping @Sendable () -> Void) {
        disk.async(execute: body)
    }

    /// The system's random numbers.
    public func random(in range: ClosedRange<Double>) -> Double {
        .random(in: range)
    }
}
