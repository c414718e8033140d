/// The threads and the queue behind `Pool` and `DedicatedConnection`.
final class PoolCore: @unchecked Sendable {
    // Unchecked: every `var` is read and written between `monitor.lock()` and `unlock()`.
    private let info: ConnectionInfo
    private let limits: Pool.Limits
    private let name: String
    private let onOpen: (@Sendable (Connection, Deadline) throws -> Void)?
    private let monitor = Monitor()
    /// Wakes the timekeeper, who answers those that waited too long; shares no state with
    /// `monitor`'s waiters, so that a signal for a worker never goes to it.
    private let timekeeping = Monitor()

    private var queue: [PoolJob] = []
    private var idleCount = 0
    private var threadCount = 0
    private var isShutDown = false
    private var counts = PoolUsage()
    private var shutdownWaiters: [CheckedContinuation<Void, Never>] = []
    /// Guarded by `timekeeping`.
    private var timekeeper = Timekeeper.absent

    private enum Timekeeper {
        case absent
        case asleep
        case due
    }

    /// What cleaning a connection up after a body may take at most.
    private static let cleanUpMax = Duration.seconds(1)

    init(
        _ info: ConnectionInfo, _ limits: Pool.Limits, _ name: String,
        _ onOpen: (@Sendable (Connection, Deadline) throws -> Void)?
    ) {
        precondition(limits.connectionsMax > 0 && limits.waitingMax >= 0)
        self.info = info
        self.limits = limits
        self.name = name
        self.onOpen = onOpen
    }

    func run<T: Sendable>(
        deadline: Deadline, _ body: @escaping @Sendable (Connection) throws -> T
    ) async throws -> T {
        let job = PoolJob(deadline: deadline)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                job.arm(continuation, body)
                enqueue(job)
            }
        } onCancel: {
            withdraw(job)
        }
    }

    var usage: PoolUsage {
        monitor.lock()
        defer { monitor.unlock() }
        var usage = counts
        usage.waiting = max(0, queue.count - idleCount)
        return usage
    }

    func shutdown() async {
        beginShutdown()
        await withCheckedContinuation { continuation in
            monitor.lock()
            let isOver = threadCount == 0
            if !isOver { shutdownWaiters.append(continuation) }
            monitor.unlock()
            if isOver { continuation.resume() }
        }
    }

    func beginShutdown() {
        monitor.lock()
        isShutDown = true
        let refused = queue
        queue.removeAll()
        monitor.broadcast()
        monitor.unlock()
        wakeTimekeeper()
        for job in refused { job.fail(PostgresError.shutDown) }
    }

    private func enqueue(_ job: PoolJob) {
        monitor.lock()
        if let refusal = refusal(of: job) {
            monitor.unlock()
            job.fail(refusal)
            return
        }
        queue.append(job)
        var mustWait = false
        if queue.count <= idleCount {
            monitor.signal()
        } else if threadCount < limits.connectionsMax, startWorker() {
            threadCount += 1
        } else {
            mustWait = true
        }
        let isHopeless = threadCount == 0
        if isHopeless { queue.removeLast() }
        monitor.unlock()
        if isHopeless {
            job.fail(PostgresError.unreachable("no thread for a connection"))
        } else if mustWait {
            wakeTimekeeper()
        }
    }

    /// Why the job is not let in, or `nil`. Under the monitor.
    private func refusal(of job: PoolJob) -> (any Error)? {
        if job.isWithdrawn { return CancellationError() }
        if isShutDown { return PostgresError.shutDown }
        let free = idleCount + limits.connectionsMax - threadCount
        guard queue.count >= limits.waitingMax + free else { return nil }
        counts.refusedTotal += 1
        return PostgresError.exhausted(limit: limits.waitingMax)
    }

    private func withdraw(_ job: PoolJob) {
        monitor.lock()
        job.isWithdrawn = true
        let place = queue.firstIndex { $0 === job }
        if let place { queue.remove(at: place) }
        monitor.unlock()
        if place != nil { job.fail(CancellationError()) }
    }

    // MARK: Workers

    private func startWorker() -> Bool {
        startThread(named: name) { self.work() }
    }

    private func work() {
        var connection: Connection?
        while let job = nextJob() {
            let answer = perform(job, &connection)
            answer()
        }
        connection?.close()
        workerEnded(hadConnection: connection != nil)
    }

    /// Waits for a job; `nil` when the pool is shut down.
    private func nextJob() -> PoolJob? {
        monitor.lock()
        defer { monitor.unlock() }
        while queue.isEmpty, !isShutDown {
            idleCount += 1
            _ = monitor.wait(until: .distant)
            idleCount -= 1
        }
        guard !isShutDown else { return nil }
        counts.busy += 1
        return queue.removeFirst()
    }

    private func perform(_ job: PoolJob, _ connection: inout Connection?) -> () -> Void {
        let answer: () -> Void
        if job.deadline.hasPassed {
            answer = { job.fail(PostgresError.timedOut("waiting for a connection")) }
        } else {
            do {
                let ready = try readyConnection(&connection, job.deadline)
                answer = job.perform(ready)
                ready.onNotice = nil
                ready.rollBackIfOpen(deadline: .after(Self.cleanUpMax))
            } catch {
                answer = { job.fail(error) }
            }
        }
        let isBroken = connection.map { !$0.isUsable } ?? false
        if isBroken { connection = nil }
        monitor.lock()
        counts.busy -= 1
        if isBroken { noteDiscarded() }
        monitor.unlock()
        return answer
    }

    private func readyConnection(
        _ connection: inout Connection?, _ deadline: Deadline
    ) throws -> Connection {
        if let open = connection {
            if open.checkLiveness() { return open }
            connection = nil
            monitor.lock()
            noteDiscarded()
            monitor.unlock()
        }
        let fresh = try Connection.open(info, deadline: deadline)
        do {
            try onOpen?(fresh, deadline)
        } catch {
            fresh.close()
            throw error
        }
        connection = fresh
        monitor.lock()
        counts.open += 1
        counts.openedTotal += 1
        monitor.unlock()
        return fresh
    }

    private func noteDiscarded() {
        counts.open -= 1
        counts.discardedTotal += 1
    }

    private func workerEnded(hadConnection: Bool) {
        monitor.lock()
        threadCount -= 1
        if hadConnection { counts.open -= 1 }
        var waiters: [CheckedContinuation<Void, Never>] = []
        if threadCount == 0 { swap(&waiters, &shutdownWaiters) }
        monitor.unlock()
        for waiter in waiters { waiter.resume() }
    }

    // MARK: Timekeeper

    /// Callers that wait behind long-running ones are answered at their own deadline: by a thread
    /// that is started with the first one that has to wait.
    private func wakeTimekeeper() {
        timekeeping.lock()
        defer { timekeeping.unlock() }
        switch timekeeper {
        case .absent:
            monitor.lock()
            let isNeeded = !isShutDown
            monitor.unlock()
            if isNeeded, startThread(named: "pg-timekeeper", { self.keepTime() }) {
                timekeeper = .due
            }
        case .asleep, .due:
            timekeeper = .due
            timekeeping.signal()
        }
    }

    private func keepTime() {
        while let next = expireOverdue() {
            timekeeping.lock()
            while timekeeper != .due {
                guard timekeeping.wait(until: next) else { break }
            }
            timekeeper = .asleep
            timekeeping.unlock()
        }
        timekeeping.lock()
        timekeeper = .absent
        timekeeping.unlock()
    }

    /// Answers those whose deadline has passed; the next deadline, or `nil` at shutdown.
    private func expireOverdue() -> Deadline? {
        monitor.lock()
        var overdue: [PoolJob] = []
        var next = Deadline.distant
        queue.removeAll { job in
            if job.deadline.hasPassed {
                overdue.append(job)
                return true
            }
            next = Deadline.earlier(next, job.deadline)
            return false
        }
        let isOver = isShutDown
        monitor.unlock()
        for job in overdue {
            job.fail(PostgresError.timedOut("waiting for a connection"))
        }
        return isOver ? nil : next
    }
}
