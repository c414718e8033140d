import Glibc

/// SIGINT, SIGTERM and SIGHUP, waited for on a thread of their own. The second one ends the
/// process at once.
final class StopSignals: Sendable {
    private let stream: AsyncStream<Int32>

    /// Blocks the signals for this thread and all that it makes.
    init() {
        var set = sigset_t()
        sigemptyset(&set)
        for number in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&set, number) }
        pthread_sigmask(SIG_BLOCK, &set, nil)
        let (stream, continuation) = AsyncStream.makeStream(of: Int32.self)
        self.stream = stream
        let waiter = Waiter(continuation)
        var thread = pthread_t()
        let context = Unmanaged.passRetained(waiter).toOpaque()
        pthread_create(&thread, nil, { context in
            guard let context else { return nil }
            Unmanaged<Waiter>.fromOpaque(context).takeRetainedValue().run()
            return nil
        }, context)
        pthread_detach(thread)
    }

    /// Returns at the first signal, or when its task is cancelled.
    func first() async {
        for await _ in stream { return }
    }

    private final class Waiter: Sendable {
        private let continuation: AsyncStream<Int32>.Continuation

        init(_ continuation: AsyncStream<Int32>.Continuation) {
            self.continuation = continuation
        }

        func run() {
            var set = sigset_t()
            sigemptyset(&set)
            for number in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&set, number) }
            var count = 0
            while true {
                var number: Int32 = 0
                guard sigwait(&set, &number) == 0 else { continue }
                count += 1
                if count > 1 { _exit(128 + number) }
                continuation.yield(number)
            }
        }
    }
}
