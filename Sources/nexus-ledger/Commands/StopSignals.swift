import Glibc

/// Where the signal handler writes; set once, before the handlers are.
private nonisolated(unsafe) var signalPipe: Int32 = -1

/// SIGINT, SIGTERM and SIGHUP, handed from their handler through a pipe to a thread of their own:
/// it does not matter which thread the kernel chooses. The second one ends the process at once.
final class StopSignals: Sendable {
    private let stream: AsyncStream<Int32>

    /// Installs the handlers. Make one in a process.
    init() {
        let (stream, continuation) = AsyncStream.makeStream(of: Int32.self)
        self.stream = stream
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        signalPipe = ends[1]
        let reader = Reader(descriptor: ends[0], continuation)
        var thread = pthread_t()
        pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                Unmanaged<Reader>.fromOpaque(context).takeRetainedValue().run()
                return nil
            }, Unmanaged.passRetained(reader).toOpaque())
        pthread_detach(thread)
        for number in [SIGINT, SIGTERM, SIGHUP] where !StopSignals.isForNobody(number) {
            signal(number) { number in
                let saved = errno
                var byte = UInt8(truncatingIfNeeded: number)
                _ = write(signalPipe, &byte, 1)
                errno = saved
            }
        }
    }

    /// Whether it is the end of a terminal that `nohup` has this process outlive.
    private static func isForNobody(_ number: Int32) -> Bool {
        var action = sigaction()
        guard number == SIGHUP, sigaction(number, nil, &action) == 0 else { return false }
        return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 1
    }

    /// Returns at the first signal, or when its task is cancelled.
    func first() async {
        for await _ in stream { return }
    }

    private final class Reader: Sendable {
        private let descriptor: Int32
        private let continuation: AsyncStream<Int32>.Continuation

        init(descriptor: Int32, _ continuation: AsyncStream<Int32>.Continuation) {
            self.descriptor = descriptor
            self.continuation = continuation
        }

        func run() {
            var count = 0
            var byte: UInt8 = 0
            while true {
                let length = read(descriptor, &byte, 1)
                if length == -1, errno == EINTR { continue }
                guard length == 1 else { return }
                count += 1
                if count > 1 { _exit(128 + Int32(byte)) }
                continuation.yield(Int32(byte))
            }
        }
    }
}
