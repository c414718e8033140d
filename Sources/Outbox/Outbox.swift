import Dispatch
import GRDB
import Synchronization

/// The durable queue of requests that PostgreSQL could not take: one SQLite file, one process,
/// any number of threads. It stores and finds; what is admitted, drained or parked is decided by
/// the append pipeline.
///
/// ```swift
/// let outbox = try Outbox.open(Outbox.Configuration(path: "/var/lib/nexus/outbox.sqlite"))
/// let sequences = try outbox.append([draft])           // durable when it returns
/// for request in try outbox.waiting(limitEvents: 512, limitBytes: 1 << 20) { … }
/// try outbox.settle([.drained(sequences[0], places: places, at: now)])
/// ```
///
/// Every function blocks its thread, for a flush of the disk at most, unless it says otherwise.
public final class Outbox: Sendable {
    /// Where the file is, and its limits.
    public struct Configuration: Sendable {
        /// The SQLite file; "-wal", "-shm" and ".lock" are made beside it.
        public var path: String
        /// Limit of the file and its write-ahead log, in octets; appends beyond it are refused.
        public var bytesMax: Int64
        /// Appends are refused while the file system has fewer free octets.
        public var diskFreeMin: Int64
        /// How long `purge` leaves drained requests, for those who ask again.
        public var drainedKeepFor: Duration
        /// Free octets of the file system that a path lies on; nil where it does not tell.
        public var diskFree: @Sendable (_ path: String) -> Int64?

        /// Limits that suit a machine of its own; `diskFree` asks the operating system.
        public init(
            path: String, bytesMax: Int64 = 8 << 30, diskFreeMin: Int64 = 512 << 20,
            drainedKeepFor: Duration = .seconds(7 * 86_400),
            diskFree: (@Sendable (_ path: String) -> Int64?)? = nil
        ) {
            self.path = path
            self.bytesMax = bytesMax
            self.diskFreeMin = diskFreeMin
            self.drainedKeepFor = drainedKeepFor
            self.diskFree = diskFree ?? { OutboxFile.diskFree($0) }
        }
    }

    /// What is known without asking SQLite. Changed by the writer alone, after its commit.
    struct Memory {
        var totals: Totals
        var tail: IndexTail
        var runs: [IndexRun]
        var isClosed = false
    }

    /// How it was opened.
    public let configuration: Configuration
    let file: OutboxFile
    let writer: DatabaseQueue
    let readers: DatabasePool
    let memory: Mutex<Memory>
    private let lock: OutboxLock
    private let reads = DispatchGroup()

    /// Opens the outbox, or makes it. What start checks is said at ``OutboxCheck``.
    ///
    /// - Throws: `.locked`, `.damaged`, `.newer`, `.foreign`, `.io`, or `.full` when there is no
    ///   room for a new file. Nothing that exists is changed then.
    public static func open(_ configuration: Configuration) throws(OutboxError) -> Outbox {
        try Outbox(configuration)
    }

    private init(_ configuration: Configuration) throws(OutboxError) {
        let file = OutboxFile(path: configuration.path)
        self.configuration = configuration
        self.file = file
        lock = try OutboxLock(file)
        do {
            if try OutboxCheck.isNew(file) {
                try Outbox.create(file)
            } else {
                try OutboxCheck.files(file)
                try file.restrict()
            }
            // The check only reads: SQLite would write to a file whose free list is broken.
            let checked = try DatabaseQueue(path: file.path, configuration: .outbox(readonly: true))
            memory = Mutex(try checked.read { try OutboxCheck.contents($0, file) })
            writer = try Outbox.openWriter(file)
            readers = try DatabasePool(path: file.path, configuration: .outbox(readonly: true))
            try checked.close()
            try file.restrict()
        } catch {
            throw OutboxCheck.explain(OutboxError(error, path: file.path), file)
        }
    }

    private static func create(_ file: OutboxFile) throws {
        try file.makeDraft()
        let queue = try DatabaseQueue(path: file.draft)
        try queue.writeWithoutTransaction { db in
            try db.execute(sql: OutboxSQL.layout)
            try db.inTransaction(.exclusive) {
                for statement in OutboxSQL.schema { try db.execute(sql: statement) }
                try db.execute(sql: OutboxSQL.identity)
                try Totals().store(db)
                return .commit
            }
            try db.execute(sql: OutboxSQL.useWAL)
        }
        try queue.close()
        try file.promoteDraft()
    }

    /// A connection that flushes each commit. A GRDB pool would set its writer to
    /// synchronous=NORMAL after all that is configured: so this is a queue, and it is asserted.
    private static func openWriter(_ file: OutboxFile) throws -> DatabaseQueue {
        let writer = try DatabaseQueue(path: file.path, configuration: .outbox(readonly: false))
        let (mode, synchronous) = try writer.writeWithoutTransaction { db in
            try db.execute(sql: OutboxSQL.synchronousFull)
            return (
                try String.fetchOne(db, sql: OutboxSQL.useWAL),
                try Int.fetchOne(db, sql: OutboxSQL.synchronous)
            )
        }
        guard mode == "wal", synchronous == 2 else {
            throw OutboxError.io("\(file.path): the writer is not in WAL mode, synchronous=FULL")
        }
        return writer
    }

    /// Moves the log into the file, closes it and gives up the lock. Waits for reads and the
    /// commit under way; every later call, and every further step of a purge, fails with `.io`.
    /// An outbox that is dropped without it is closed too, without saying whether that worked.
    public func close() throws(OutboxError) {
        memory.withLock { $0.isClosed = true }
        reads.wait()
        do {
            try readers.close()
            try writer.close()
        } catch {
            throw OutboxError(error, path: file.path)
        }
        lock.unlock()
    }

    /// Whether the file lies on a file system that keeps nothing when the machine restarts.
    public var isInMemory: Bool { OutboxFile.isInMemory(file.path) }

    /// Whether nothing waits and nothing is parked: every request may go its own way. Asks no disk.
    public var isIdle: Bool { memory.withLock { $0.totals.isIdle } }

    /// Whether a request is parked. Asks no disk.
    public var hasParked: Bool { memory.withLock { $0.totals.parked.requests > 0 } }

    // MARK: - For the extensions

    /// Reads from one snapshot, beside the writer.
    func reading<Value>(_ body: (Database) throws -> Value) throws(OutboxError) -> Value {
        do {
            try memory.withLock { memory in
                guard !memory.isClosed else { throw closed }
                reads.enter()
            }
            defer { reads.leave() }
            return try readers.read(body)
        } catch {
            throw OutboxError(error, path: file.path)
        }
    }

    /// GRDB hands SQLite no connection after a close, which some of its functions do not survive:
    /// a read is counted before it begins, and a write looks in the writer's turn.
    private var closed: OutboxError { .io("\(file.path) is closed") }

    /// The only way to the writer.
    func onWriter<Value>(_ body: (Database) throws -> Value) throws -> Value {
        try writer.writeWithoutTransaction { db in
            guard !memory.withLock({ $0.isClosed }) else { throw closed }
            return try body(db)
        }
    }

    /// One durable commit. What `body` makes of the totals is stored with it, and known to others
    /// once it is committed.
    func writing<Value>(
        _ body: (Database, inout Totals) throws -> Value
    ) throws(OutboxError) -> Value {
        do {
            return try onWriter { db in
                var totals = memory.withLock { $0.totals }
                var value: Value?
                try db.inTransaction(.immediate) {
                    value = try body(db, &totals)
                    try totals.store(db)
                    return .commit
                }
                memory.withLock { $0.totals = totals }
                guard let value else { throw OutboxError.io("\(file.path): no transaction ran") }
                return value
            }
        } catch {
            throw OutboxError(error, path: file.path)
        }
    }
}

extension GRDB.Configuration {
    /// What writer and readers have in common.
    fileprivate static func outbox(readonly: Bool) -> GRDB.Configuration {
        var configuration = GRDB.Configuration()
        configuration.label = "outbox"
        configuration.readonly = readonly
        configuration.maximumReaderCount = 3
        configuration.foreignKeysEnabled = false
        configuration.busyMode = .timeout(5)
        configuration.prepareDatabase { try $0.execute(sql: OutboxSQL.connection) }
        return configuration
    }
}
