import Synchronization

/// Whether somebody still waits for work that is done on a thread of a pool, where no task is
/// current that could be cancelled.
final class Wanted: Sendable {
    private let over = Mutex(false)

    func end() { over.withLock { $0 = true } }

    /// - Throws: `CancellationError` when nobody waits any more.
    func check() throws {
        if over.withLock({ $0 }) { throw CancellationError() }
    }
}
