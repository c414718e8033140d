import Glibc
import Postgres

/// The words for an `errno`, for example "Permission denied".
func describeErrno(_ code: Int32) -> String {
    var buffer = [CChar](repeating: 0, count: 128)
    guard strerror_r(code, &buffer, buffer.count) == 0 else { return "errno \(code)" }
    return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
}

/// A `flock` on a file of its own. It ends with the process at the latest, however that dies; a
/// child holds it too only where ``ChildProcess/holding`` says so.
final class FileLock: Sendable {
    enum Mode: Int32 {
        /// Many at a time.
        case shared = 1
        /// One alone.
        case exclusive = 2
    }

    private let path: String
    let descriptor: Int32

    /// Opens the file, or makes it with mode 0600. Nothing is locked yet.
    init(path: String) throws(EmbeddedClusterError) {
        self.path = path
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else {
            throw .system(call: "open", path: path, errno: errno)
        }
    }

    deinit {
        close(descriptor)
    }

    /// Takes the lock if nobody is in the way. A lock held before in another mode is given up,
    /// also when the answer is false.
    func tryLock(_ mode: Mode) throws(EmbeddedClusterError) -> Bool {
        while flock(descriptor, mode.rawValue | LOCK_NB) != 0 {
            let code = errno
            if code == EWOULDBLOCK { return false }
            if code != EINTR { throw .system(call: "flock", path: path, errno: code) }
        }
        return true
    }

    /// Gives the lock up. Call it in a `defer`: else the last mention of the lock may end it.
    func unlock() {
        _ = flock(descriptor, LOCK_UN)
    }

    /// Takes the lock, asking every 20 ms (a blocking `flock` knows no deadline).
    func lock(
        _ mode: Mode, deadline: Deadline
    ) async throws(EmbeddedClusterError) {
        while try !tryLock(mode) {
            try await pause(.milliseconds(20), deadline: deadline, step: "waiting for \(path)")
        }
    }
}

/// One turn of a bounded wait: throws when the deadline has passed or the task was cancelled.
func pause(
    _ duration: Duration, deadline: Deadline, step: String
) async throws(EmbeddedClusterError) {
    guard !deadline.hasPassed else { throw .deadlinePassed(step: step) }
    do {
        try await Task.sleep(for: duration)
    } catch {
        throw .cancelled(step: step)
    }
}
