import Glibc
import Postgres
import Synchronization

/// The private PostgreSQL cluster of `--embedded DIR`.
///
/// ```
/// absent ──initdb──▶ stopped ──pg_ctl start──▶ running ──last user stops──▶ stopped
///                                    ▲            │ kill -9 of every user
///                                    └─ adopted ◀─┘ (running, no user)
/// ```
///
/// **Who stops it.** Every process that called ``start(deadline:progress:)`` holds a shared lock
/// on DIR/users.lock until ``stop(deadline:)`` or its death. A stopping process that then gets
/// this lock alone was the last and stops the cluster; any other leaves it running. So two
/// ledgers may serve from one cluster in any order, and one left behind by `kill -9` is adopted
/// by the next start, which then stops it. ``attach()`` holds nothing: short commands are
/// guests, whose connections end with the last server.
public struct EmbeddedCluster: Sendable {
    /// What ``stop(deadline:)`` did.
    public enum StopOutcome: Equatable, Sendable {
        /// This process was the last user; the cluster is shut down.
        case stopped
        /// Another process serves from the cluster, or this one had not started it.
        case leftRunning
    }

    /// The database that holds the ledger.
    public static let databaseName = "ledger"

    private let layout: ClusterLayout
    private let use = Use()

    /// Names the cluster; nothing is touched yet.
    ///
    /// - Parameter directory: absolute, or relative to the working directory; made at first start.
    public init(directory: String) {
        layout = ClusterLayout(directory: directory)
    }

    /// The directory as an absolute path.
    public var directory: String { layout.directory }

    /// Makes the cluster if it is new, starts it unless it runs already, makes the database
    /// `ledger` if it is missing, and counts this process among the users until
    /// ``stop(deadline:)``.
    ///
    /// - Parameters:
    ///   - deadline: when to give up; a first start takes some seconds, another below one.
    ///   - progress: told, a line each, what takes time: making, starting, adopting.
    /// - Returns: a libpq connection string for the database `ledger`.
    public func start(
        deadline: Deadline,
        progress: @Sendable (String) -> Void = { _ in }
    ) async throws(EmbeddedClusterError) -> String {
        try layout.checkPath()
        let account = try ClusterAccount.forCluster(dataDirectory: layout.data)
        try layout.makeDirectory()
        try await checkSearchable(account: account, deadline: deadline)
        let setup = try FileLock(path: layout.setupLock)
        defer { setup.unlock() }
        try await setup.lock(.exclusive, deadline: deadline)
        let runner = try await ClusterRunner(layout: layout, account: account, deadline: deadline)
        for folder in [layout.run, layout.log] {
            try layout.makePrivate(folder, account: account)
        }
        if layout.majorOfData() == nil {
            progress("making a PostgreSQL \(runner.programs.major) cluster in \(directory)")
            try await runner.make(holding: setup)
        }
        try layout.writeSettings()
        let users = try FileLock(path: layout.usersLock)
        try await users.lock(.shared, deadline: deadline)
        do {
            try await runner.bringUp(progress: progress)
            try await runner.makeDatabase(Self.databaseName)
        } catch {
            if (try? users.tryLock(.exclusive)) == true { try? await runner.stop() }
            users.unlock()
            throw error
        }
        use.users.withLock { $0 = users }
        return layout.conninfo(database: Self.databaseName)
    }

    /// Ends this process's use, and shuts the cluster down (mode fast: open transactions are
    /// rolled back, what is committed stays) when no other process uses it. Call it after the
    /// last connection has done its work; calling it again does nothing.
    public func stop(
        deadline: Deadline
    ) async throws(EmbeddedClusterError) -> StopOutcome {
        guard use.users.withLock({ $0 != nil }) else { return .leftRunning }
        let setup = try FileLock(path: layout.setupLock)
        defer { setup.unlock() }
        try await setup.lock(.exclusive, deadline: deadline)
        guard let users = use.users.withLock({ $0.take() }) else { return .leftRunning }
        defer { users.unlock() }
        guard try users.tryLock(.exclusive) else { return .leftRunning }
        let account = try ClusterAccount.forCluster(dataDirectory: layout.data)
        let runner = try await ClusterRunner(layout: layout, account: account, deadline: deadline)
        try await runner.stop()
        return .stopped
    }

    /// The connection string of a cluster that another process has started.
    ///
    /// - Throws: ``EmbeddedClusterError/notRunning(directory:)`` when nothing listens.
    public func attach() throws(EmbeddedClusterError) -> String {
        try layout.checkPath()
        switch connectError(to: layout.socket) {
        case 0: return layout.conninfo(database: Self.databaseName)
        case EACCES, EPERM:
            throw .system(call: "connect", path: layout.socket, errno: EACCES)
        default: throw .notRunning(directory: directory)
        }
    }

    /// Names the first directory that keeps the cluster's user from its data.
    private func checkSearchable(
        account: ClusterAccount?, deadline: Deadline
    ) async throws(EmbeddedClusterError) {
        guard let account else { return }
        var path = ""
        for part in directory.split(separator: "/") {
            path += "/\(part)"
            let test = ChildProcess(arguments: account.command(["test", "-x", path]))
            guard try await test.run(deadline: deadline).status == 0 else {
                throw .notSearchable(path: path, user: account.name)
            }
        }
    }
}

/// The lock that makes this process a user of the cluster; nil before start and after stop.
private final class Use: Sendable {
    let users = Mutex<FileLock?>(nil)
}

/// 0 if somebody listens on the Unix socket, else the `errno` of the attempt to connect.
private func connectError(to path: String) -> Int32 {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
    guard descriptor >= 0 else { return errno }
    defer { close(descriptor) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { buffer in
        buffer.copyBytes(from: path.utf8.prefix(buffer.count - 1))
    }
    let size = socklen_t(MemoryLayout<sockaddr_un>.size)
    let result = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(descriptor, $0, size)
        }
    }
    return result == 0 ? 0 : errno
}
