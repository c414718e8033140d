import Admission
import Postgres

/// Why a request was not appended; nothing of it was. Each case says what the caller does next.
public enum AppendError: Error, Sendable {
    /// The ledger's rules refuse it: mend the request, or look at the position.
    case refused(Refusal)
    /// A limit is reached: back off and send it again.
    case overloaded(String)
    /// PostgreSQL does not answer: send it again later; the ids make that safe.
    case unavailable(String)
    /// The service stops: send it again to its successor.
    case shuttingDown
    /// PostgreSQL refuses these rows: a defect of the ledger; do not send them again.
    case failed(String)
}

extension AppendError {
    /// PostgreSQL does not take it now, and nothing else does.
    static func away(_ reason: String) -> AppendError {
        .unavailable(reason + "; send it again later, events that are known by then are skipped")
    }
}

extension PostgresError {
    /// Whether PostgreSQL as a whole cannot take appends now (architecture.md, "The outbox").
    public var isOutage: Bool {
        switch self {
        case .unreachable, .timedOut, .exhausted: return true
        case .protocolViolation, .decoding, .invalidConnectionInfo, .shutDown: return false
        case .server(let error):
            let state = error.sqlstate
            switch state.errorClass {
            case "08", "28", "53", "58": return true
            default: break
            }
            switch state.rawValue {
            case "57P01", "57P02", "57P03", "57P04", "57P05", "57014", "55P03", "25006", "25P03",
                "3D000", "42P01", "42501", "NX002":
                // NX002: a month of the log is detached (positions.ensure_month).
                return true
            case "23514": return error.constraint == nil
            default: return false
            }
        }
    }

    /// What a caller is told: no statement, no settings of the connection.
    var callerText: String {
        switch self {
        case .timedOut: "the database did not answer in time"
        case .unreachable: "the database is unreachable"
        case .exhausted: "the database is too busy"
        case .server(let error):
            "the database cannot take it now: \(error.message) (\(error.sqlstate))"
        case .protocolViolation, .decoding, .invalidConnectionInfo, .shutDown: description
        }
    }

    /// Whether the same transaction may succeed at once.
    var isTransient: Bool { sqlstate?.isRetryable ?? false }
}
