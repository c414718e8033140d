import EventStore
import Synchronization

/// A signal for one waiter: raised any number of times, it wakes once.
final class Wake: Sendable {
    private struct State {
        var isRaised = false
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())
    private let scheduler: any Scheduler

    init(_ scheduler: any Scheduler) {
        self.scheduler = scheduler
    }

    func raise() { resume(isRaised: true) }

    private func resume(isRaised: Bool) {
        let waiter = state.withLock { state in
            defer { state.waiter = nil }
            if isRaised, state.waiter == nil { state.isRaised = true }
            return state.waiter
        }
        waiter?.resume()
    }

    /// Returns at the next signal, after `limit`, or when the task is cancelled.
    func wait(atMost limit: Duration) async {
        let timer = scheduler.start {
            do { try await self.scheduler.sleep(for: limit) } catch { return }
            self.resume(isRaised: false)
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDone = state.withLock { state in
                    if state.isRaised || Task.isCancelled {
                        state.isRaised = false
                        return true
                    }
                    state.waiter = continuation
                    return false
                }
                if isDone { continuation.resume() }
            }
        } onCancel: {
            self.resume(isRaised: false)
        }
        timer.cancel()
    }
}
