/// Why an operation on PostgreSQL failed. Messages never hold the password.
public enum PostgresError: Error, Hashable, Sendable {
    /// Could not connect, or the connection was lost: it is closed now, and whether an open
    /// transaction was committed is unknown. Open another one.
    case unreachable(String)
    /// The deadline passed while doing this. The connection is closed, since a late answer would
    /// be taken for the next one's; whether the statement took effect is unknown.
    case timedOut(String)
    /// PostgreSQL refused. The connection is usable unless `Connection.isUsable` says otherwise;
    /// inside a transaction, roll back. Decide by `sqlstate` and `constraint`.
    case server(ServerError)
    /// The server or this module's caller departed from the protocol, for example by COPY where
    /// a query was expected. The connection is closed; it is a defect, do not retry.
    case protocolViolation(String)
    /// A value is not of the type that was asked for, is NULL, or is out of range; names the
    /// column. The connection stays usable.
    case decoding(String)
    /// The connection string is malformed; nothing was tried.
    case invalidConnectionInfo(String)
    /// As many callers as `limit` are already waiting for a connection. Back off.
    case exhausted(limit: Int)
    /// The pool was shut down, before or while this call waited.
    case shutDown

    /// The server's error, when it is one.
    public var serverError: ServerError? {
        if case .server(let error) = self { error } else { nil }
    }

    /// The server's code, when it is the server's error.
    public var sqlstate: SQLState? { serverError?.sqlstate }
}

extension PostgresError: CustomStringConvertible {
    /// One line for a log or an operator.
    public var description: String {
        switch self {
        case .unreachable(let message): "PostgreSQL is unreachable: \(message)"
        case .timedOut(let what): "timed out: \(what)"
        case .server(let error): Self.describe(error)
        case .protocolViolation(let message): "protocol violation: \(message)"
        case .decoding(let message): "cannot decode: \(message)"
        case .invalidConnectionInfo(let message): "invalid connection string: \(message)"
        case .exhausted(let limit): "\(limit) callers already wait for a connection"
        case .shutDown: "the pool is shut down"
        }
    }

    private static func describe(_ error: ServerError) -> String {
        var line = "\(error.sqlstate): \(error.message)"
        if let constraint = error.constraint { line += " [\(constraint)]" }
        if let detail = error.detail { line += " (\(detail))" }
        if let hint = error.hint { line += " Hint: \(hint)" }
        return line
    }
}
