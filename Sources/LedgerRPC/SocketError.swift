import Glibc

/// What can go wrong with the ledger's Unix socket, before any call is made on it. Each case says
/// what whoever meets it does next; `description` is the sentence for people.
public enum SocketError: Error, Equatable, Sendable {
    /// The path is empty or has a NUL in it. Give another path.
    case pathInvalid(path: String)
    /// The path does not fit into a socket's address. Give a shorter one.
    case pathTooLong(path: String, bytes: Int, bytesMax: Int)
    /// Another ledger holds the path; `pid` is nil where it could not be found out. Stop that one
    /// or use another path.
    case inUse(path: String, pid: Int32?)
    /// Something that is not a socket stands at the path; it was left as it is. Move it away.
    case notASocket(path: String)
    /// Nothing stands at the path. Start a ledger.
    case notServing(path: String)
    /// A socket file stands at the path, but nobody listens: its ledger stops or was killed.
    /// Start a ledger.
    case refused(path: String)
    /// The file's mode, or a directory on the way to it, keeps the caller out. Join the group.
    case permissionDenied(path: String)
    /// The ledger's queue of connections is full. Try again later.
    case busy(path: String)
    /// Somebody listens and did not answer in time. Look at that process.
    case unresponsive(path: String, after: Duration)
    /// The connection was closed before a first answer: the ledger stops, or it is something else.
    case closed(path: String)
    /// A system call failed with `errno`.
    case system(operation: String, path: String, errno: Int32)
}

extension SocketError: CustomStringConvertible {
    /// The error as a sentence for people, with the cure where there is one.
    public var description: String {
        switch self {
        case .pathInvalid(let path):
            "not a path for a socket: \"\(path)\""
        case .pathTooLong(let path, let bytes, let bytesMax):
            "the socket path \(path) has \(bytes) bytes, at most \(bytesMax) are possible"
        case .inUse(let path, let pid):
            "another ledger serves \(path)" + (pid.map { " (pid \($0))" } ?? "")
        case .notASocket(let path):
            "\(path) exists and is not a socket; it was left as it is"
        case .notServing(let path):
            "no ledger is serving at \(path): start `nexus-ledger serve`"
        case .refused(let path):
            "no ledger is serving at \(path) (connection refused, the file is left over): "
                + "start `nexus-ledger serve`"
        case .permissionDenied(let path):
            "permission denied at \(path): only its owner and its group may connect"
        case .busy(let path):
            "the ledger at \(path) has too many connections waiting; try again later"
        case .unresponsive(let path, let duration):
            "the ledger at \(path) did not answer within \(duration)"
        case .closed(let path):
            "the ledger at \(path) closed the connection: it is stopping, or it is not a ledger"
        case .system(let operation, let path, let code):
            "cannot \(operation) \(path): \(Self.text(of: code))"
        }
    }

    /// The system's words for `code`, from strerror_r: unlike strerror it is safe between threads.
    private static func text(of code: Int32) -> String {
        var bytes = [CChar](repeating: 0, count: 256)
        guard strerror_r(code, &bytes, bytes.count) == 0 else { return "errno \(code)" }
        let text = bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return String(decoding: text, as: UTF8.self)
    }
}

extension SocketError {
    /// What an errno of connect(2) to `path` means.
    init(connectingTo path: String, errno code: Int32) {
        switch code {
        case ENOENT, ENOTDIR: self = .notServing(path: path)
        case ECONNREFUSED:
            var info = stat()
            // Linux refuses a connection to any file that is no listening socket.
            let isSocket = stat(path, &info) != 0 || info.st_mode & S_IFMT == S_IFSOCK
            self = isSocket ? .refused(path: path) : .notASocket(path: path)
        case EACCES, EPERM: self = .permissionDenied(path: path)
        case EAGAIN: self = .busy(path: path)
        default: self = .system(operation: "connect to", path: path, errno: code)
        }
    }
}
