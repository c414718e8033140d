/// A bounded number of connections, each on a thread of its own, for asynchronous callers.
///
/// libpq waits in poll(2): on Swift's own threads that would stall the whole program. A thread
/// and its connection are made when first needed, a broken connection is replaced at its next use.
public final class Pool: Sendable {
    private let core: PoolCore

    /// What a pool may use.
    public struct Limits: Hashable, Sendable {
        /// Connections, and threads, at most; at least 1.
        public var connectionsMax: Int
        /// Callers that may wait for a connection; a further one gets `.exhausted`.
        public var waitingMax: Int

        /// Limits with these values.
        public init(connectionsMax: Int = 4, waitingMax: Int = 256) {
            self.connectionsMax = connectionsMax
            self.waitingMax = waitingMax
        }
    }

    /// A pool that connects nowhere yet. `onOpen` is called with each new connection before its
    /// first use, for SET or LISTEN, within the deadline of that use; what it throws is the
    /// answer of that use.
    public init(
        _ info: ConnectionInfo, limits: Limits = Limits(), name: String = "pg-pool",
        onOpen: (@Sendable (Connection, Deadline) throws -> Void)? = nil
    ) {
        core = PoolCore(info, limits, name, onOpen)
    }

    deinit {
        core.beginShutdown()
    }

    /// Runs `body` on a thread with a connection, opening one when necessary, and returns or
    /// throws what it does.
    ///
    /// The deadline covers waiting and opening; `body` passes it on to the connection itself.
    /// Connections are given back clean: an open transaction is rolled back. Own errors:
    /// `.exhausted`, `.shutDown`, `.timedOut` when none was free in time, and those of
    /// `Connection.open`. A task cancelled while it waits gets `CancellationError` at once; once
    /// `body` runs it is let finish.
    public func run<T: Sendable>(
        deadline: Deadline, _ body: @escaping @Sendable (Connection) throws -> T
    ) async throws -> T {
        try await core.run(deadline: deadline, body)
    }

    /// Refuses new callers and those that wait, lets what runs finish, and closes all
    /// connections. Returns when they are closed.
    public func shutdown() async {
        await core.shutdown()
    }

    /// How much of the pool is in use now.
    public var usage: PoolUsage { core.usage }
}

/// A connection with a thread of its own: a pool of one, whose callers come in order. For the
/// append writer and the projection worker, which must not wait behind others.
public final class DedicatedConnection: Sendable {
    private let core: PoolCore

    /// Connects nowhere yet; `onOpen` as with `Pool`.
    public init(
        _ info: ConnectionInfo, waitingMax: Int = 64, name: String = "pg-dedicated",
        onOpen: (@Sendable (Connection, Deadline) throws -> Void)? = nil
    ) {
        let limits = Pool.Limits(connectionsMax: 1, waitingMax: waitingMax)
        core = PoolCore(info, limits, name, onOpen)
    }

    deinit {
        core.beginShutdown()
    }

    /// As `Pool.run`; callers are served in the order in which they came.
    public func run<T: Sendable>(
        deadline: Deadline, _ body: @escaping @Sendable (Connection) throws -> T
    ) async throws -> T {
        try await core.run(deadline: deadline, body)
    }

    /// As `Pool.shutdown`.
    public func shutdown() async {
        await core.shutdown()
    }

    /// How much of it is in use now.
    public var usage: PoolUsage { core.usage }
}

/// How much of a pool is in use at one moment, and what it has done since its start.
public struct PoolUsage: Hashable, Sendable {
    /// Connections that are open.
    public var open = 0
    /// Connections that run a body.
    public var busy = 0
    /// Callers that wait.
    public var waiting = 0
    /// Connections opened since the start.
    public var openedTotal = 0
    /// Connections that were given up because they were broken or timed out.
    public var discardedTotal = 0
    /// Callers refused with `.exhausted`.
    public var refusedTotal = 0
}
