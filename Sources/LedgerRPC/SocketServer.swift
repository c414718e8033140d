import Glibc
import Synchronization

/// A Unix socket that listens, and the lock that keeps a second ledger off its path.
///
/// The transport would unlink whatever socket it finds, so the socket is made here:
/// ```
/// lock PATH.lock ─▶ remove a stale socket ─▶ bind (0660), listen ─▶ … ─▶ unlink ─▶ unlock
/// ```
/// The lock file stays: removing it would let two processes lock two files of one name. The kernel
/// releases the lock of a killed process, so its socket is known to be stale.
public final class SocketServer: Sendable {
    /// Bytes of the longest path that fits into `sockaddr_un` with its closing NUL.
    public static let pathBytesMax = 107

    /// Owner and group read and write, which for a socket means: connect.
    public static let mode: mode_t = 0o660

    /// The path of the socket, as it was given.
    public let path: String

    /// Connections that the kernel keeps until they are accepted.
    public let backlogMax: Int32

    private struct Held {
        var listening: CInt?
        var lock: CInt?
    }

    private let held: Mutex<Held>
    private let identity: FileIdentity

    /// Takes the lock of `path`, removes a stale socket there, binds and listens. Clients can
    /// connect from the moment it returns; they wait until somebody accepts.
    public init(path: String, backlogMax: Int32 = 1_024) throws(SocketError) {
        try Self.check(path)
        _ = try Self.socketStands(at: path)
        let lock = try Self.acquireLock(of: path)
        do throws(SocketError) {
            try Self.removeStaleSocket(at: path)
            let (listening, identity) = try Self.bind(path, backlogMax: backlogMax)
            self.identity = identity
            held = Mutex(Held(listening: listening, lock: lock))
        } catch {
            _ = Glibc.close(lock)
            throw error
        }
        self.path = path
        self.backlogMax = backlogMax
    }

    deinit {
        close()
    }

    /// The listening descriptor, or nil after `relinquish()` or `close()`.
    public var descriptor: CInt? {
        held.withLock { $0.listening }
    }

    /// Says that somebody else owns the descriptor from now on, and will close it.
    /// Calls listen(2) once more: SwiftNIO sets a backlog of its own on what it is handed.
    public func relinquish() {
        held.withLock { held in
            guard let listening = held.listening else { return }
            _ = Glibc.listen(listening, backlogMax)
            held.listening = nil
        }
    }

    /// Stops listening (unless the descriptor was relinquished), unlinks the path if the file there
    /// is still ours, and releases the lock. The second call does nothing.
    public func close() {
        held.withLock { held in
            guard let lock = held.lock else { return }
            if FileIdentity(of: path) == identity { _ = unlink(path) }
            if let listening = held.listening { _ = Glibc.close(listening) }
            held.listening = nil
            _ = ftruncate(lock, 0)
            _ = Glibc.close(lock)
            held.lock = nil
        }
    }

    // MARK: The path

    /// Refuses a path that no socket can have.
    static func check(_ path: String) throws(SocketError) {
        let bytes = path.utf8.count
        guard bytes > 0, !path.utf8.contains(0) else { throw .pathInvalid(path: path) }
        guard bytes <= pathBytesMax else {
            throw .pathTooLong(path: path, bytes: bytes, bytesMax: pathBytesMax)
        }
    }

    /// Whether a socket stands at `path`; throws when something else does. Does not follow a
    /// symbolic link, since unlinking would hit the link.
    private static func socketStands(at path: String) throws(SocketError) -> Bool {
        var info = stat()
        guard lstat(path, &info) == 0 else {
            if errno == ENOENT { return false }
            throw .system(operation: "look at", path: path, errno: errno)
        }
        guard info.st_mode & S_IFMT == S_IFSOCK else { throw .notASocket(path: path) }
        return true
    }

    // MARK: The lock

    private static func acquireLock(of path: String) throws(SocketError) -> CInt {
        let lockPath = path + ".lock"
        // Close-on-exec: a child, PostgreSQL for one, would otherwise keep the lock after our end.
        let lock = open(lockPath, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode)
        guard lock >= 0 else {
            throw .system(operation: "open the lock file", path: lockPath, errno: errno)
        }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            let pid = processID(in: lock)
            _ = Glibc.close(lock)
            if code == EWOULDBLOCK { throw .inUse(path: path, pid: pid) }
            throw .system(operation: "lock", path: lockPath, errno: code)
        }
        let text = Array("\(getpid())\n".utf8)
        guard ftruncate(lock, 0) == 0, pwrite(lock, text, text.count, 0) == text.count else {
            let code = errno
            _ = Glibc.close(lock)
            throw .system(operation: "write", path: lockPath, errno: code)
        }
        return lock
    }

    /// The pid that a lock's holder wrote into it; nil when it has not yet, or is not alive.
    private static func processID(in lock: CInt) -> Int32? {
        var bytes = [UInt8](repeating: 0, count: 16)
        let count = pread(lock, &bytes, bytes.count, 0)
        guard count > 0 else { return nil }
        let digits = bytes.prefix(count).prefix { $0 != UInt8(ascii: "\n") }
        guard let pid = Int32(String(decoding: digits, as: UTF8.self)), pid > 0 else { return nil }
        return kill(pid, 0) == 0 || errno == EPERM ? pid : nil
    }

    // MARK: The socket

    /// Unlinks a socket that nobody listens on. The lock is held, so somebody who does listen is
    /// not a ledger of ours, or its lock file was deleted: that one is left alone.
    private static func removeStaleSocket(at path: String) throws(SocketError) {
        guard try socketStands(at: path) else { return }
        let probe = try makeSocket(path)
        defer { _ = Glibc.close(probe) }
        let result = withAddress(of: path) { Glibc.connect(probe, $0, $1) }
        if result == 0 { throw .inUse(path: path, pid: PeerCredentials(ofPeerOn: probe)?.pid) }
        switch errno {
        case EAGAIN: throw .inUse(path: path, pid: nil)
        case ENOENT: return
        case ECONNREFUSED: break
        default: throw .system(operation: "probe the socket", path: path, errno: errno)
        }
        guard unlink(path) == 0 || errno == ENOENT else {
            throw .system(operation: "remove the stale socket", path: path, errno: errno)
        }
    }

    private static func makeSocket(_ path: String) throws(SocketError) -> CInt {
        let kind = CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let descriptor = socket(AF_UNIX, kind, 0)
        guard descriptor >= 0 else {
            throw .system(operation: "make a socket for", path: path, errno: errno)
        }
        return descriptor
    }

    /// A listening socket at `path`, and which file it is.
    private static func bind(
        _ path: String, backlogMax: Int32
    ) throws(SocketError) -> (CInt, FileIdentity) {
        let descriptor = try makeSocket(path)
        var isBound = false
        do throws(SocketError) {
            // Linux gives the file the mode of the unbound socket less the umask, so it is never
            // looser than this one. umask(2) itself is the whole process's: other threads would
            // make their files and directories under it.
            guard fchmod(descriptor, mode) == 0 else {
                throw .system(operation: "set the mode of", path: path, errno: errno)
            }
            guard withAddress(of: path, { Glibc.bind(descriptor, $0, $1) }) == 0 else {
                throw .system(operation: "bind", path: path, errno: errno)
            }
            isBound = true
            guard let identity = FileIdentity(of: path) else {
                throw .system(operation: "look at", path: path, errno: errno)
            }
            guard chmod(path, mode) == 0 else {
                throw .system(operation: "set the mode of", path: path, errno: errno)
            }
            guard Glibc.listen(descriptor, backlogMax) == 0 else {
                throw .system(operation: "listen on", path: path, errno: errno)
            }
            return (descriptor, identity)
        } catch {
            if isBound { _ = unlink(path) }
            _ = Glibc.close(descriptor)
            throw error
        }
    }

    /// Calls `body` with the address of `path`, which has passed `check`.
    private static func withAddress(
        of path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> CInt
    ) -> CInt {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        return withUnsafeBytes(of: &address) { bytes in
            bytes.withMemoryRebound(to: sockaddr.self) { addresses in
                guard let first = addresses.baseAddress else { return -1 }
                return body(first, socklen_t(bytes.count))
            }
        }
    }
}

/// Which file a path names: two paths, or two moments, name the same file when these are equal.
/// The number is not used again while a socket that was bound to it is open.
private struct FileIdentity: Equatable {
    var device: dev_t
    var inode: ino_t

    init?(of path: String) {
        var info = stat()
        guard lstat(path, &info) == 0 else { return nil }
        device = info.st_dev
        inode = info.st_ino
    }
}
