import Glibc
import Synchronization

/// Standard error: messages, and one line that says how far a long operation is.
final class Progress: Sendable {
    static let standard = Progress(descriptor: STDERR_FILENO)

    /// An operation that is over sooner shows nothing.
    private static let quiet = Duration.seconds(2)
    /// The shortest time between two states.
    private static let interval = Duration.milliseconds(200)

    private struct State {
        var shownAt: ContinuousClock.Instant?
        var isShown = false
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
            clear(&state)
            put(text().printable)
            state = State(shownAt: now, isShown: true)
        }
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

    private func clear(_ state: inout State) {
        guard state.isShown else { return }
        put("\r\u{1B}[K")
        state.isShown = false
    }

    private func put(_ text: String) {
        // Where standard error fails there is nobody left to tell.
        _ = writeAll(Array(text.utf8), to: descriptor)
    }
}
