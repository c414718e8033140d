import CLibPQ
import Glibc

extension Connection {
    /// libpq's connection; throws `.unreachable` when closed.
    func open() throws(PostgresError) -> OpaquePointer {
        guard let handle else { throw .unreachable("the connection is closed") }
        return handle
    }

    /// Closes the connection, since the server's next answer could not be told from this one's,
    /// and gives the error back, to be thrown.
    func abandoned(_ error: PostgresError) -> PostgresError {
        if case .timedOut = error { abandonStatement() } else { close() }
        return error
    }

    /// Closes the connection while a statement runs. That would hold its locks until it is done:
    /// so its end is asked for, and not waited for. The session was ours alone, so that no later
    /// statement can be hit.
    func abandonStatement() {
        cancelHandle.cancelInBackground()
        close()
    }

    /// The error for a call of libpq that failed: `.unreachable` when the connection is gone,
    /// else a defect.
    func failedCall(_ handle: OpaquePointer) -> PostgresError {
        let message = info.sanitised(String(cString: PQerrorMessage(handle)))
        let isLost = PQstatus(handle) == CONNECTION_BAD
        return abandoned(isLost ? .unreachable(message) : .protocolViolation(message))
    }

    /// Waits for `events`, and takes in what came.
    func waitAndConsume(
        _ handle: OpaquePointer, _ events: Int32, _ deadline: Deadline
    ) throws(PostgresError) {
        switch waitForSocket(PQsocket(handle), Int16(events), deadline) {
        case .ready(let happened):
            guard happened & Int16(POLLIN | POLLHUP | POLLERR) != 0 else { return }
            guard PQconsumeInput(handle) == 1 else { throw failedCall(handle) }
        case .timedOut:
            throw abandoned(.timedOut(String(activity.prefix(200))))
        case .failed(let code):
            throw abandoned(.unreachable("poll: errno \(code)"))
        }
    }

    /// Sends all that libpq holds back. Reads meanwhile: a server that cannot get rid of its
    /// answers stops reading.
    func flush(_ handle: OpaquePointer, _ deadline: Deadline) throws(PostgresError) {
        while true {
            switch PQflush(handle) {
            case 0: return
            case 1: try waitAndConsume(handle, POLLIN | POLLOUT, deadline)
            default: throw failedCall(handle)
            }
        }
    }

    /// The next result, or `nil` where libpq has no more for this statement. The caller clears it.
    func awaitResult(
        _ handle: OpaquePointer, _ deadline: Deadline
    ) throws(PostgresError) -> OpaquePointer? {
        while PQisBusy(handle) != 0 {
            let unsent = PQflush(handle)
            guard unsent >= 0 else { throw failedCall(handle) }
            try waitAndConsume(handle, unsent == 0 ? POLLIN : POLLIN | POLLOUT, deadline)
        }
        return PQgetResult(handle)
    }

    /// The error of a failed result: the server's own, or libpq's when the connection broke.
    func error(of result: OpaquePointer, _ handle: OpaquePointer) -> PostgresError {
        if let error = ServerError(result: result) { return .server(error) }
        return failedCall(handle)
    }

    /// Reads all results of one statement: the last one, or the first error.
    func awaitLastResult(
        _ handle: OpaquePointer, _ deadline: Deadline
    ) throws(PostgresError) -> QueryResult? {
        var last: QueryResult?
        var failure: PostgresError?
        while let result = try awaitNext(handle, deadline, after: failure) {
            switch PQresultStatus(result) {
            case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY:
                last = QueryResult(result)
            case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH:
                PQclear(result)
                throw abandoned(.protocolViolation("COPY where a query was expected"))
            default:
                if failure == nil { failure = error(of: result, handle) }
                PQclear(result)
                if self.handle == nil { throw failure ?? .unreachable("connection lost") }
            }
        }
        if let failure { throw failure }
        return last
    }

    /// As `awaitResult`; but when the server has said why and then goes away, its word counts.
    private func awaitNext(
        _ handle: OpaquePointer, _ deadline: Deadline, after failure: PostgresError?
    ) throws(PostgresError) -> OpaquePointer? {
        do throws(PostgresError) {
            return try awaitResult(handle, deadline)
        } catch {
            throw failure ?? error
        }
    }
}
