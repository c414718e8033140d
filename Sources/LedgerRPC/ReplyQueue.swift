import Synchronization

/// Puts answers that become ready in any order back into the order of their requests, and bounds
/// how many requests of one stream are unanswered.
final class ReplyQueue<Reply: Sendable>: Sendable {
    private struct State {
        var next: Int = 0
        var taken: Int = 0
        var ready: [Int: Reply] = [:]
        var isFinished = false
        var isClosed = false
        var reader: CheckedContinuation<Void, Never>?
        var writer: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())
    private let unansweredMax: Int

    init(unansweredMax: Int) {
        self.unansweredMax = unansweredMax
    }

    /// Takes a place for the next request; waits while too many are unanswered. nil once the
    /// queue is closed. For one task.
    func reserve() async -> Int? {
        while true {
            let (place, isClosed) = state.withLock { state -> (Int?, Bool) in
                guard !state.isClosed else { return (nil, true) }
                guard state.taken - state.next < unansweredMax else { return (nil, false) }
                state.taken += 1
                return (state.taken - 1, false)
            }
            if place != nil || isClosed { return place }
            await withCheckedContinuation { continuation in
                let isDone = state.withLock { state -> Bool in
                    if state.isClosed || state.taken - state.next < unansweredMax { return true }
                    state.writer = continuation
                    return false
                }
                if isDone { continuation.resume() }
            }
        }
    }

    /// The answer of a place.
    func complete(_ place: Int, _ reply: Reply) {
        let reader = state.withLock { state -> CheckedContinuation<Void, Never>? in
            state.ready[place] = reply
            guard state.ready[state.next] != nil else { return nil }
            defer { state.reader = nil }
            return state.reader
        }
        reader?.resume()
    }

    /// No request follows.
    func finish() {
        let reader = state.withLock { state in
            state.isFinished = true
            defer { state.reader = nil }
            return state.reader
        }
        reader?.resume()
    }

    /// Nobody takes answers any more: the client is gone. Whoever waits goes on.
    func close() {
        let waiting = state.withLock { state in
            state.isClosed = true
            defer { (state.writer, state.reader) = (nil, nil) }
            return [state.writer, state.reader]
        }
        for continuation in waiting { continuation?.resume() }
    }

    /// The answers that are next in order, at least one; nil after the last. For one task.
    func replies() async -> [Reply]? {
        while true {
            let (batch, isEnd, writer) = state.withLock { state in
                var batch: [Reply] = []
                while let reply = state.ready.removeValue(forKey: state.next) {
                    batch.append(reply)
                    state.next += 1
                }
                let isEnd = state.isClosed || (state.isFinished && state.next == state.taken)
                let writer = batch.isEmpty ? nil : state.writer
                if !batch.isEmpty { state.writer = nil }
                return (batch, isEnd, writer)
            }
            writer?.resume()
            if !batch.isEmpty { return batch }
            if isEnd { return nil }
            await withCheckedContinuation { continuation in
                let isDone = state.withLock { state -> Bool in
                    let isReady =
                        state.isClosed || state.ready[state.next] != nil
                        || (state.isFinished && state.next == state.taken)
                    if !isReady { state.reader = continuation }
                    return isReady
                }
                if isDone { continuation.resume() }
            }
        }
    }
}
