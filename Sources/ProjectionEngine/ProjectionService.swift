import EventStore
import LedgerCore
import Postgres
import Synchronization

/// Runs one worker a generation: it wakes on this process's appends, on notifications of others,
/// and by polling, and carries the log into the tables.
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
            var posts = Posts()
            while !Task.isCancelled {
                let seen = try? await watcher.run(deadline: .after(.seconds(5))) { connection in
                    (
                        books: try BookOverview.read(connection, deadline: .after(.seconds(5))),
                        followers: try Follower.read(connection, deadline: .after(.seconds(5)))
                    )
                }
                if let seen { await man(&posts, seen.books, seen.followers, store) }
                for book in seen?.books ?? [] {
                    log.raise(book.name, to: book.head)
                    if let checkpoint = book.checkpoint {
                        projected.raise(book.name, to: checkpoint)
                    }
                }
                log.tick()
                projected.tick()
                try? await Task.sleep(for: Self.pollInterval)
            }
            state.withLock { $0.isStopping = true }
            await posts.endAll()
            await watcher.shutdown()
        }
        await connections.shutdown()
    }

    /// Sees to it that each generation which follows its log has one worker.
    private func man(
        _ posts: inout Posts, _ books: [BookOverview], _ followers: [Follower],
        _ store: PostgresProjections
    ) async {
        let names = Dictionary(books.map { ($0.id, $0.name) }) { first, _ in first }
        var wanted = Set(
            books.map { Post(book: $0.name, id: $0.id, slot: $0.slot, isLive: true) })
        for follower in followers where follower.isOurs {
            guard let name = names[follower.book] else { continue }
            wanted.insert(
                Post(book: name, id: follower.book, slot: follower.slot, isLive: false))
        }
        let ended = await posts.end(allBut: wanted)
        for book in books where ended.contains(where: { $0.book == book.name && $0.isLive }) {
            // Another generation is live, which may be behind.
            projected.reset(book.name, to: book.checkpoint ?? .origin)
        }
        for post in wanted where posts[post] == nil {
            posts[post] = Task { await self.work(on: post, store) }
        }
    }

    private func work(on post: Post, _ store: PostgresProjections) async {
        await ProjectionWorker(
            on: post.book, post.id, slot: post.isLive ? nil : post.slot, store,
            .init(
                identity: post.isLive ? identity : identity.acting(as: "slot-\(post.slot)"),
                log: log, projected: projected, scheduler: SystemScheduler(),
                isPaused: { self.state.withLock(\.isPaused) },
                isStopping: { self.state.withLock(\.isStopping) },
                note: { worker in
                    if post.isLive { self.state.withLock { $0.workers[post.book] = worker } }
                })
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
