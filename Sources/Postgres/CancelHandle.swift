import CLibPQ
import Glibc

/// Asks the server to cancel what a connection is doing; usable from any thread.
///
/// libpq's PQcancel connects and waits without a time-out, so that a stopped server would hold
/// its caller: it runs on a thread of its own, and only the wait for it is bounded.
public final class CancelHandle: @unchecked Sendable {
    // Unchecked: PGcancel is never changed after PQgetCancel, and PQcancel may be called from
    // any thread (libpq manual, "Canceling Queries in Progress").
    private let cancel: OpaquePointer

    /// How many requests of this process may be stuck at stopped servers at the same time; a
    /// further one is not sent.
    public static let stuckRequestsMax = 16

    private static let underWay = Monitor()
    nonisolated(unsafe) private static var underWayCount = 0

    init?(connection: OpaquePointer) {
        guard let cancel = PQgetCancel(connection) else { return nil }
        self.cancel = cancel
    }

    deinit {
        PQfreeCancel(cancel)
    }

    /// Sends the request and waits until the server took it. Whether it came in time shows in the
    /// cancelled statement: `.server` with 57014, or its ordinary answer.
    ///
    /// Throws `.timedOut` when the server does not take it in time, `.unreachable` when it cannot
    /// be reached, `.exhausted` when `stuckRequestsMax` requests are under way already. Blocks the
    /// calling thread until then.
    public func cancel(deadline: Deadline) throws(PostgresError) {
        let request = try start()
        request.done.lock()
        defer { request.done.unlock() }
        while request.outcome == nil {
            guard request.done.wait(until: deadline) else {
                throw .timedOut("asking the server to cancel")
            }
        }
        if let message = request.outcome?.failure { throw .unreachable(message) }
    }

    /// Sends the request and waits for nothing; for a connection that is closed right after.
    func cancelInBackground() {
        _ = try? start()
    }

    private final class Request: @unchecked Sendable {
        // Unchecked: `outcome` is read and written under `done`.
        struct Outcome {
            let failure: String?
        }
        let done = Monitor()
        var outcome: Outcome?
    }

    private func start() throws(PostgresError) -> Request {
        try Self.countUp()
        let request = Request()
        let isStarted = startThread(named: "pg-cancel") {
            let failure = self.send()
            request.done.lock()
            request.outcome = Request.Outcome(failure: failure)
            request.done.broadcast()
            request.done.unlock()
            Self.countDown()
        }
        guard isStarted else {
            Self.countDown()
            throw .unreachable("no thread for the cancel request")
        }
        return request
    }

    /// PQcancel's complaint, or `nil`.
    private func send() -> String? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
            buffer.initialize(repeating: 0)
            guard let base = buffer.baseAddress, PQcancel(cancel, base, 256) != 1 else {
                return nil
            }
            return String(cString: base)
        }
    }

    private static func countUp() throws(PostgresError) {
        underWay.lock()
        defer { underWay.unlock() }
        guard underWayCount < stuckRequestsMax else { throw .exhausted(limit: stuckRequestsMax) }
        underWayCount += 1
    }

    private static func countDown() {
        underWay.lock()
        underWayCount -= 1
        underWay.unlock()
    }
}
