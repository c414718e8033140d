import Synchronization

/// Says from one thread to others that something is over.
final class BenchReplayFlag: Sendable {
    private let state = Mutex(false)

    var isRaised: Bool { state.withLock { $0 } }

    func raise() { state.withLock { $0 = true } }
}
