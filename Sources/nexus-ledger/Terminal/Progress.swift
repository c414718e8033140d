import Glibc
import Synchronization

/// Standard error: messages, and one line that says how far a long operation is.
final class Progress: Sendable {
    static let standard = Progress(descriptor: STDERR_FILENO)

    /// An operation that is over sooner shows nothing.
    private static let quiet = Duration.seconds(2)
    /// The shortest time between two states.
    private static let interval = Duration.milliseconds(200)
    /// How often somebody who waits sees that.
    private static let beat = Duration.seconds(1)

    private struct State {
        var shownAt: ContinuousClock.Instant?
        /// Characters of the line that is shown; 0 if none is.
        var width = 0
        /// What is waited for; nil if nothing is.
        var waitingFor: String?
    }

    private let descriptor: Int32
    private let isTerminal: Bool
    private let startedAt = ContinuousClock.now
    private let state = Mutex(State())

    init(descriptor: Int32) {
        self.descriptor = descriptor
        isTerminal = isatty(descriptor) == 1
    }

    /// Writes a message of one line.
    func message(_ text: String) {
        state.withLock { state in
            clear(&state)
            put(text.printable + "\n")
        }
    }

    /// Shows how far the operation is, on a terminal only, once it has taken 2 s.
    func show(_ text: @autoclosure () -> String) {
        guard isTerminal else { return }
        let now = ContinuousClock.now
        guard now - startedAt > Progress.quiet else { return }
        state.withLock { state in
            if let shownAt = state.shownAt, now - shownAt < Progress.interval { return }
            show(text(), at: now, &state)
        }
    }

    /// Does `body`, of which nothing is heard before it is over; on a terminal it is said every
    /// second that it goes on, and for how long. Without a `text` nothing is said.
    func during<Value>(
        _ text: String?, isolation: isolated (any Actor)? = #isolation,
        _ body: () async throws -> Value
    ) async rethrows -> Value {
        guard isTerminal, let text else { return try await body() }
        let began = ContinuousClock.now
        state.withLock { $0.waitingFor = text }
        let beats = Task {
            while (try? await Task.sleep(for: Self.beat)) != nil { beat(since: began) }
        }
        defer {
            beats.cancel()
            state.withLock { state in
                state.waitingFor = nil
                clear(&state)
            }
        }
        return try await body()
    }

    private func beat(since began: ContinuousClock.Instant) {
        let now = ContinuousClock.now
        guard now - began > Progress.quiet else { return }
        state.withLock { state in
            // What the operation itself says comes first.
            guard let text = state.waitingFor else { return }
            if state.width > 0, let shownAt = state.shownAt, now - shownAt < Self.beat { return }
            let seconds = Double((now - began).components.seconds)
            show("\(text), \(Figures.duration(seconds: seconds))", at: now, &state)
        }
    }

    private func show(_ text: String, at now: ContinuousClock.Instant, _ state: inout State) {
        clear(&state)
        let line = text.printable
        put(line)
        state.shownAt = now
        state.width = line.count
    }

    /// Takes the line away.
    func clear() {
        state.withLock { clear(&$0) }
    }

    /// Takes the line away and does `body`, which writes to the same terminal; the line does not
    /// come back before it is done.
    func hidden<Value: Sendable>(during body: () -> Value) -> Value {
        state.withLock { state in
            clear(&state)
            return body()
        }
    }

    /// Without an escape sequence, which a dumb terminal would print.
    private func clear(_ state: inout State) {
        guard state.width > 0 else { return }
        put("\r" + String(repeating: " ", count: state.width) + "\r")
        state.width = 0
    }

    private func put(_ text: String) {
        // Where standard error fails there is nobody left to tell.
        _ = writeAll(Array(text.utf8), to: descriptor)
    }
}
