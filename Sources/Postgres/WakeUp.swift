import Glibc

/// Ends another thread's wait for notifications. Signals before the wait count, and several
/// are as good as one.
public final class WakeUp: Sendable {
    let readEnd: Int32
    private let writeEnd: Int32

    /// Throws `.unreachable` when the process has no file descriptors left.
    public init() throws(PostgresError) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw .unreachable("pipe: errno \(errno)") }
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        (readEnd, writeEnd) = (ends[0], ends[1])
    }

    deinit {
        Glibc.close(readEnd)
        Glibc.close(writeEnd)
    }

    /// Wakes the waiting thread, or the next that waits. From any thread.
    public func signal() {
        var byte: UInt8 = 1
        // A full pipe has signals enough.
        _ = write(writeEnd, &byte, 1)
    }

    func clear() {
        var bytes: UInt64 = 0
        while read(readEnd, &bytes, MemoryLayout<UInt64>.size) > 0 {}
    }
}
