import CLibPQ
import Glibc

/// One session with PostgreSQL, for one thread at a time.
///
/// Synchronous, and never longer than its deadlines: the socket is non-blocking and every wait is
/// poll(2), so that a stopped server costs a deadline and not a thread. After `.unreachable`,
/// `.timedOut` and `.protocolViolation` it is closed; open another one.
public final class Connection {
    /// libpq's connection; `nil` when closed.
    private(set) var handle: OpaquePointer?
    /// What it was opened with.
    public let info: ConnectionInfo
    /// Cancels what this connection does, from any thread.
    public let cancelHandle: CancelHandle
    /// Takes what the server says beside results (RAISE NOTICE, warnings), one line each;
    /// called on the connection's thread. Ignored when `nil`.
    public var onNotice: ((String) -> Void)?

    /// What it is doing, for the message of a time-out.
    var activity = "opening a connection"
    let parameters = ParameterPack()
    var prepared = PreparedStatements()

    private init(_ handle: OpaquePointer, _ info: ConnectionInfo, _ cancelHandle: CancelHandle) {
        self.handle = handle
        self.info = info
        self.cancelHandle = cancelHandle
        let context = Unmanaged.passUnretained(self).toOpaque()
        PQsetNoticeProcessor(
            handle,
            { context, text in
                guard let context, let text else { return }
                let connection = Unmanaged<Connection>.fromOpaque(context).takeUnretainedValue()
                connection.onNotice?(connection.info.sanitised(String(cString: text)))
            }, context)
    }

    deinit {
        if let handle { PQfinish(handle) }
    }

    /// Connects and logs in. Throws `.unreachable` with libpq's reason, `.timedOut`.
    public static func open(
        _ info: ConnectionInfo, deadline: Deadline
    ) throws(PostgresError) -> Connection {
        guard let handle = info.withKeywords({ PQconnectStartParams($0, $1, 0) }) else {
            throw .unreachable("out of memory")
        }
        // Before there is a notice processor of ours, libpq would print to standard error.
        PQsetNoticeProcessor(handle, { _, _ in }, nil)
        do throws(PostgresError) {
            try finishOpening(handle, info, deadline)
            guard PQsetnonblocking(handle, 1) == 0,
                let cancelHandle = CancelHandle(connection: handle)
            else { throw .unreachable("out of memory") }
            return Connection(handle, info, cancelHandle)
        } catch {
            PQfinish(handle)
            throw error
        }
    }

    private static func finishOpening(
        _ handle: OpaquePointer, _ info: ConnectionInfo, _ deadline: Deadline
    ) throws(PostgresError) {
        func failure() -> PostgresError {
            .unreachable(info.sanitised(String(cString: PQerrorMessage(handle))))
        }
        guard PQstatus(handle) != CONNECTION_BAD else { throw failure() }
        var progress = PGRES_POLLING_WRITING
        while progress != PGRES_POLLING_OK {
            let isReading = progress == PGRES_POLLING_READING
            // The socket changes from one host to the next: ask for it every time.
            let events = waitForSocket(
                PQsocket(handle), isReading ? Int16(POLLIN) : Int16(POLLOUT), deadline)
            switch events {
            case .ready: break
            case .timedOut: throw .timedOut("connecting to \(info)")
            case .failed(let code): throw .unreachable("poll: errno \(code)")
            }
            progress = PQconnectPoll(handle)
            guard progress != PGRES_POLLING_FAILED else { throw failure() }
        }
    }

    /// Ends the session. Does nothing when it is closed already.
    public func close() {
        guard let handle else { return }
        self.handle = nil
        prepared.forgetAll()
        PQfinish(handle)
    }

    /// Whether it can be used: open, and not known to be lost.
    public var isUsable: Bool {
        guard let handle else { return false }
        return PQstatus(handle) == CONNECTION_OK
    }

    /// Looks, without waiting, whether the server has closed this idle connection, and closes it
    /// here too then. One system call. Not within COPY.
    public func checkLiveness() -> Bool {
        while let handle, isUsable {
            let outcome = waitForSocket(PQsocket(handle), Int16(POLLIN), .after(.zero))
            guard case .ready = outcome else { return true }
            guard PQconsumeInput(handle) == 1 else { break }
            _ = PQisBusy(handle)  // takes notices and notifications out of the input
        }
        close()
        return false
    }

    /// Where the session stands with respect to transactions.
    public var transactionStatus: TransactionStatus {
        guard let handle else { return .unknown }
        switch PQtransactionStatus(handle) {
        case PQTRANS_IDLE: return .idle
        case PQTRANS_ACTIVE: return .active
        case PQTRANS_INTRANS: return .inTransaction
        case PQTRANS_INERROR: return .inFailedTransaction
        default: return .unknown
        }
    }

    /// The server's version, 150018 for 15.18; 0 when closed.
    public var serverVersion: Int {
        handle.map { Int(PQserverVersion($0)) } ?? 0
    }

    /// Process id of the server process of this session (of PgBouncer's, behind one); 0 when
    /// closed.
    public var backendPID: Int32 {
        handle.map { PQbackendPID($0) } ?? 0
    }

    /// A setting that the server reports by itself, such as "TimeZone" or "in_hot_standby".
    public func parameterStatus(_ name: String) -> String? {
        guard let handle, let value = PQparameterStatus(handle, name) else { return nil }
        return String(cString: value)
    }

    /// `name` as an identifier of SQL: in double quotes, quotes in it doubled.
    public static func quoted(identifier name: String) -> String {
        "\"" + name.replacing("\"", with: "\"\"") + "\""
    }
}

@available(*, unavailable)
extension Connection: Sendable {}

/// Where a session stands with respect to transactions.
public enum TransactionStatus: Hashable, Sendable {
    /// None is open.
    case idle
    /// A statement is under way.
    case active
    /// Within a transaction.
    case inTransaction
    /// Within a transaction that a statement has failed; only ROLLBACK helps.
    case inFailedTransaction
    /// The connection is closed or lost.
    case unknown
}
