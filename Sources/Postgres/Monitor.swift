import Glibc

/// A mutex with one condition, on the monotonic clock.
///
/// The state that it guards stays with its owner, who reads and writes it between `lock` and
/// `unlock`; `wait` gives the mutex up meanwhile, so nothing read before it still holds after.
final class Monitor: @unchecked Sendable {
    // Unchecked: the two pointers never change, and pthread functions are made to be shared.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init() {
        var attributes = pthread_condattr_t()
        Self.check(pthread_condattr_init(&attributes))
        Self.check(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC))
        Self.check(pthread_mutex_init(mutex, nil))
        Self.check(pthread_cond_init(condition, &attributes))
        Self.check(pthread_condattr_destroy(&attributes))
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    func lock() {
        Self.check(pthread_mutex_lock(mutex))
    }

    func unlock() {
        Self.check(pthread_mutex_unlock(mutex))
    }

    func signal() {
        Self.check(pthread_cond_signal(condition))
    }

    func broadcast() {
        Self.check(pthread_cond_broadcast(condition))
    }

    /// Waits for a signal; may return without one. `false` when the deadline has passed.
    func wait(until deadline: Deadline) -> Bool {
        guard let remaining = deadline.remaining else {
            Self.check(pthread_cond_wait(condition, mutex))
            return true
        }
        var moment = timespec()
        clock_gettime(CLOCK_MONOTONIC, &moment)
        let (seconds, attoseconds) = remaining.components
        let nanoseconds = moment.tv_nsec + Int(attoseconds / 1_000_000_000)
        // A century is as good as for ever, and does not overflow.
        moment.tv_sec += Int(min(seconds, 3_000_000_000)) + nanoseconds / 1_000_000_000
        moment.tv_nsec = nanoseconds % 1_000_000_000
        let code = pthread_cond_timedwait(condition, mutex, &moment)
        if code == ETIMEDOUT { return false }
        Self.check(code)
        return true
    }

    private static func check(_ code: Int32) {
        precondition(code == 0, "pthread call failed with errno \(code)")
    }
}

/// Starts a detached thread, named for debuggers with at most 15 bytes. `false` when the system
/// has none left.
func startThread(named name: String, _ body: @escaping @Sendable () -> Void) -> Bool {
    let start = Unmanaged.passRetained(ThreadStart(name: name, body: body))
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    var thread = pthread_t()
    let code = pthread_create(
        &thread, &attributes,
        { context in
            if let context {
                let start = Unmanaged<ThreadStart>.fromOpaque(context).takeRetainedValue()
                nameThread(start.name)
                start.body()
            }
            return nil
        }, start.toOpaque())
    if code != 0 { start.release() }
    return code == 0
}

/// Names the calling thread; Glibc's module hides pthread_setname_np.
private func nameThread(_ name: String) {
    let file = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
    guard file >= 0 else { return }
    var bytes = Array(name.utf8)
    _ = write(file, &bytes, bytes.count)
    close(file)
}

private final class ThreadStart: Sendable {
    let name: String
    let body: @Sendable () -> Void

    init(name: String, body: @escaping @Sendable () -> Void) {
        self.name = name
        self.body = body
    }
}
