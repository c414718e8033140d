/// The five-character code by which PostgreSQL names an error (Appendix A of its manual).
///
/// Errors are told apart by this code and by the constraint's name, never by message text, which
/// is translated and reworded.
public struct SQLState: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// Five characters, digits and upper-case letters.
    public let rawValue: String

    /// `nil` unless `rawValue` is five characters, each 0–9 or A–Z.
    public init?(rawValue: String) {
        let isWellFormed =
            rawValue.utf8.count == 5
            && rawValue.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte)
            }
        guard isWellFormed else { return nil }
        self.rawValue = rawValue
    }

    private init(known code: StaticString) {
        rawValue = code.description
    }

    /// The code itself.
    public var description: String { rawValue }

    /// The first two characters: the class of errors.
    public var errorClass: Substring { rawValue.prefix(2) }

    /// Class 08: the connection failed.
    public var isConnectionClass: Bool { errorClass == "08" }
    /// Class 22: a value is malformed or out of range.
    public var isDataClass: Bool { errorClass == "22" }
    /// Class 23: a constraint refuses the row; see `ServerError.constraint`.
    public var isIntegrityClass: Bool { errorClass == "23" }
    /// Class 25: the transaction's state does not allow this, for example on a read-only standby.
    public var isTransactionStateClass: Bool { errorClass == "25" }
    /// Class 28: the role may not connect.
    public var isAuthorizationClass: Bool { errorClass == "28" }
    /// Class 40: the transaction was rolled back and may be run again as it is.
    public var isRollbackClass: Bool { errorClass == "40" }
    /// Class 53: disk, memory or connections ran out.
    public var isResourceClass: Bool { errorClass == "53" }
    /// Class 57: an operator or a time-out intervened.
    public var isInterventionClass: Bool { errorClass == "57" }
    /// Class 58: the server's file system failed.
    public var isSystemClass: Bool { errorClass == "58" }

    /// 40001 or 40P01: running the same transaction again may succeed.
    public var isRetryable: Bool { self == .serializationFailure || self == .deadlockDetected }

    /// 0A000, also "cached plan must not change result type".
    public static let featureNotSupported = SQLState(known: "0A000")
    /// 22003
    public static let numericValueOutOfRange = SQLState(known: "22003")
    /// 22P02
    public static let invalidTextRepresentation = SQLState(known: "22P02")
    /// 23502
    public static let notNullViolation = SQLState(known: "23502")
    /// 23503
    public static let foreignKeyViolation = SQLState(known: "23503")
    /// 23505
    public static let uniqueViolation = SQLState(known: "23505")
    /// 23514; without a constraint's name it means that no partition takes the row.
    public static let checkViolation = SQLState(known: "23514")
    /// 23P01
    public static let exclusionViolation = SQLState(known: "23P01")
    /// 25006
    public static let readOnlyTransaction = SQLState(known: "25006")
    /// 25P02
    public static let inFailedTransaction = SQLState(known: "25P02")
    /// 25P03
    public static let idleInTransactionTimeout = SQLState(known: "25P03")
    /// 26000
    public static let invalidStatementName = SQLState(known: "26000")
    /// 3D000
    public static let invalidCatalogName = SQLState(known: "3D000")
    /// 40001
    public static let serializationFailure = SQLState(known: "40001")
    /// 40P01
    public static let deadlockDetected = SQLState(known: "40P01")
    /// 42501
    public static let insufficientPrivilege = SQLState(known: "42501")
    /// 42601
    public static let syntaxError = SQLState(known: "42601")
    /// 42P01
    public static let undefinedTable = SQLState(known: "42P01")
    /// 53300
    public static let tooManyConnections = SQLState(known: "53300")
    /// 55P03: `lock_timeout` passed, or NOWAIT found the lock taken.
    public static let lockNotAvailable = SQLState(known: "55P03")
    /// 57014: cancelled, also by `statement_timeout`.
    public static let queryCancelled = SQLState(known: "57014")
    /// 57P01
    public static let adminShutdown = SQLState(known: "57P01")
    /// 57P02
    public static let crashShutdown = SQLState(known: "57P02")
    /// 57P03
    public static let cannotConnectNow = SQLState(known: "57P03")
    /// P0001: RAISE EXCEPTION without a code of its own.
    public static let raisedException = SQLState(known: "P0001")
}
