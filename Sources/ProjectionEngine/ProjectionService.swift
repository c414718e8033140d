import EventStore
import LedgerCore
import Postgres
import Synchronization

/// Runs one worker a book: it wakes on this process's appends, on notifications of others, and
/// by polling, and carries the log into the tables.
public final class ProjectionService: Sendable {
    /// What a book's worker is doing.
    public enum WorkerState: Hashable, Sendable {
        case running
        /// Another process works on the book.
        case following(owner: String)
        /// The tables were folded by another version of the logic and stand still.
        case otherLogic(version: Int32)
        case paused
        /// The last attempt failed; it is tried again.
        case failed(String)
    }

    private struct State {
        var workers: [BookName: WorkerState] = [:]
        var isPaused = false
        var isStopping = false
    }

    private let state = Mutex(State())
    private let info: ConnectionInfo
    private let identity: ProcessIdentity
    /// Raised when the log grows.
    private let log: LogSignal
    /// Raised when the tables have reached a position.
    private let projected: LogSignal

    /// Between two looks at the books, without a notification.
    static let pollInterval = Duration.milliseconds(500)
    /// Connections that the workers of all books share: a book takes one for one transaction.
    static let connectionsMax = 4
    /// Books that may wait for one of them; a further one tries again.
    static let booksMax = 4_096

    /// Opens nothing before `run`. Others raise `log` when the log grows; it raises both signals,
    /// `projected` once the tables have reached a position.
    public init(
        _ info: ConnectionInfo, identity: ProcessIdentity, log: LogSignal, projected: LogSignal
    ) {
        self.info = info
        self.identity = identity
        self.log = log
        self.projected = projected
    }

    /// What each book's worker is doing.
    public var workers: [BookName: WorkerState] { state.withLock { $0.workers } }

    /// Stops or resumes projecting; appends go on. For measurements.
    public func setPaused(_ isPaused: Bool) {
        state.withLock { $0.isPaused = isPaused }
        log.tick()
    }

    /// Runs until cancelled.
    public func run() async {
        let connections = Pool(
            info.preparing(true),
            limits: Pool.Limits(
                connectionsMax: Self.connectionsMax, waitingMax: Self.booksMax),
            name: "pg-projector",
            onOpen: { try $0.execute("SET plan_cache_mode = force_custom_plan", deadline: $1) })
        let store = PostgresProjections(connections)
        await withDiscardingTaskGroup { group in
            group.addTask { await self.notify() }
            group.addTask { await self.listen() }
            let watcher = DedicatedConnection(info, name: "pg-books")
            var known: Set<BookName> = []
            while !Task.isCancelled {
                let books = try? await watcher.run(deadline: .after(.seconds(5))) { connection in
                    try BookOverview.read(connection, deadline: .after(.seconds(5)))
                }
                for book in books ?? [] {
                    log.raise(book.name, to: book.head)
                    if let checkpoint = book.checkpoint {
                        projected.raise(book.name, to: checkpoint)
                    }
                    if known.insert(book.name).inserted {
                        group.addTask {
                            await self.work(on: book.name, book.id, store)
                        }
                    }
                }
                log.tick()
                projected.tick()
                try? await Task.sleep(for: Self.pollInterval)
            }
            state.withLock { $0.isStopping = true }
            await watcher.shutdown()
        }
        await connections.shutdown()
    }

    private func work(on book: BookName, _ id: BookID, _ store: PostgresProjections) async {
        await ProjectionWorker(
            on: book, id, store,
            .init(
                identity: identity, log: log, projected: projected,
                scheduler: SystemScheduler(),
                isPaused: { self.state.withLock(\.isPaused) },
                isStopping: { self.state.withLock(\.isStopping) },
                note: { worker in self.state.withLock { $0.workers[book] = worker } })
        ).run()
    }

    // MARK: Other processes

    /// Tells other processes of our appends: at most one notification in 20 ms.
    private func notify() async {
        let connection = DedicatedConnection(info, name: "pg-notify")
        let sender = identity.description
        while !Task.isCancelled {
            await log.waitForAny()
            guard !Task.isCancelled else { break }
            try? await connection.run(deadline: .after(.seconds(2))) { connection in
                try connection.query(
                    ProjectionSQL.notify, [.text(sender)], deadline: .after(.seconds(2)))
                return
            }
            try? await Task.sleep(for: .milliseconds(20))
        }
        await connection.shutdown()
    }

    /// Hears of the appends of other processes, and then looks at the heads.
    private func listen() async {
        let connection = DedicatedConnection(
            info, name: "pg-listen",
            onOpen: { try $0.listen("nexus_ledger", deadline: $1) })
        let sender = identity.description
        while !Task.isCancelled {
            let heads = try? await connection.run(deadline: .after(.seconds(5))) { connection in
                let heard = try connection.waitForNotifications(deadline: .after(.seconds(1)))
                guard heard.contains(where: { $0.payload != sender }) else {
                    return [BookOverview]()
                }
                return try BookOverview.read(connection, deadline: .after(.seconds(2)))
            }
            guard let heads else {
                try? await Task.sleep(for: .milliseconds(500))
                continue
            }
            for book in heads {
                log.raise(book.name, to: book.head)
                if let checkpoint = book.checkpoint { projected.raise(book.name, to: checkpoint) }
            }
        }
        await connection.shutdown()
    }
}
