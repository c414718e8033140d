import LedgerCore
import Synchronization

/// Tells waiters that a book's log or projections have grown: raised by the appender of this
/// process, by notifications from others, and by polling. `tick` makes every waiter look again.
public final class LogSignal: Sendable {
    private struct Waiter {
        var book: BookName
        var beyond: LogPosition
        var continuation: CheckedContinuation<Void, Never>
    }

    private struct State {
        var heads: [BookName: LogPosition] = [:]
        var waiters: [UInt64: Waiter] = [:]
        var next: UInt64 = 0
        var cancelled: Set<UInt64> = []
        /// Raised by this process since `waitForAny` returned last.
        var isFresh = false
        var anyWaiter: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    /// Has heard of no book yet.
    public init() {}

    /// The highest position that was heard of.
    public func head(of book: BookName) -> LogPosition {
        state.withLock { $0.heads[book] ?? .origin }
    }

    /// The log of `book` reaches at least `position`. `isOwn`: this process has appended, so that
    /// others are to be told (`waitForAny`).
    public func raise(_ book: BookName, to position: LogPosition, isOwn: Bool = false) {
        let woken = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            var woken: [CheckedContinuation<Void, Never>] = []
            if isOwn {
                state.isFresh = true
                if let any = state.anyWaiter {
                    state.anyWaiter = nil
                    woken.append(any)
                }
            }
            guard position > state.heads[book] ?? .origin else { return woken }
            state.heads[book] = position
            for (id, waiter) in state.waiters.sorted(by: { $0.key < $1.key })
            where waiter.book == book && position > waiter.beyond {
                woken.append(waiter.continuation)
                state.waiters[id] = nil
            }
            return woken
        }
        for continuation in woken { continuation.resume() }
    }

    /// What was heard of the book does not hold any more: it is at `position`, which may be lower.
    public func reset(_ book: BookName, to position: LogPosition) {
        state.withLock { $0.heads[book] = position }
        tick()
    }

    /// Wakes everybody to look for themselves.
    public func tick() {
        let woken = state.withLock { state -> [Waiter] in
            // In their order: a schedule of the simulator is the same each time.
            let all = state.waiters.sorted { $0.key < $1.key }.map(\.value)
            state.waiters.removeAll()
            return all
        }
        for waiter in woken { waiter.continuation.resume() }
    }

    /// Waits until the book is known to be beyond `position`, or until a tick or cancellation:
    /// the caller looks again.
    public func wait(_ book: BookName, beyond position: LogPosition) async {
        let id = state.withLock { state in
            state.next += 1
            return state.next
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDone = state.withLock { state -> Bool in
                    if state.cancelled.remove(id) != nil { return true }
                    if let head = state.heads[book], head > position { return true }
                    state.waiters[id] = Waiter(
                        book: book, beyond: position, continuation: continuation)
                    return false
                }
                if isDone { continuation.resume() }
            }
        } onCancel: {
            let waiter = state.withLock { state -> Waiter? in
                let waiter = state.waiters.removeValue(forKey: id)
                if waiter == nil { state.cancelled.insert(id) }
                return waiter
            }
            waiter?.continuation.resume()
        }
        state.withLock { _ = $0.cancelled.remove(id) }
    }

    /// Waits until any book has grown since the last call, or until cancellation. For one task.
    public func waitForAny() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDone = state.withLock { state -> Bool in
                    precondition(state.anyWaiter == nil, "one task waits for any book")
                    if state.isFresh || Task.isCancelled { return true }
                    state.anyWaiter = continuation
                    return false
                }
                if isDone { continuation.resume() }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                state.isFresh = true
                let waiter = state.anyWaiter
                state.anyWaiter = nil
                return waiter
            }
            waiter?.resume()
        }
        state.withLock { $0.isFresh = false }
    }
}
