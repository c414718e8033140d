import GRDB

/// Stored octets that are not what was written; becomes `OutboxError.damaged`, which names the
/// file.
struct Flaw: Error {
    var what: String
    var sequence: Int64?

    init(_ what: String, sequence: Int64? = nil) {
        self.what = what
        self.sequence = sequence
    }

    /// A request whose checksum is wrong.
    static func request(_ sequence: Int64) -> Flaw {
        Flaw("request \(sequence) is not what was written", sequence: sequence)
    }

    /// A request that has to be there.
    static func missing(_ sequence: Int64) -> Flaw {
        Flaw("request \(sequence) is missing", sequence: sequence)
    }
}

extension OutboxError {
    /// The error for whatever came out of SQLite, GRDB or this module.
    init(_ error: any Error, path: String) {
        switch error {
        case let error as OutboxError: self = error
        case let flaw as Flaw:
            self = .damaged(
                Damage(
                    path: path, what: flaw.what,
                    sequence: flaw.sequence.map { OutboxSequence(rawValue: $0) }))
        case let error as DatabaseError:
            let words = "\(error.extendedResultCode): \(error.message ?? "")"
            switch error.resultCode {
            case .SQLITE_CORRUPT, .SQLITE_NOTADB:
                self = .damaged(Damage(path: path, what: words))
            case .SQLITE_FULL: self = .full(.device(words))
            default: self = .io("\(path): \(words)")
            }
        default: self = .io("\(path): \(error)")
        }
    }
}
