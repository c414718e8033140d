import ArgumentParser
import GRPCCore
import LedgerRPC

/// Why a command ends without success: what it exits with, and what it says on standard error
/// after "error: ", which ends with what to do next.
struct Failure: Error {
    /// Exit codes other than 0. Wrong usage is 64, and is ArgumentParser's.
    enum Kind: Int32, Sendable {
        /// It could not be done, or the ledger is not available.
        case failed = 1
        /// The ledger, or a check before it, refused the input.
        case refused = 2
        /// What was asked for is not there.
        case notFound = 5
    }

    var kind: Kind
    var message: String

    init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    /// The part of a command's help that says what it exits with.
    static let help = """
        EXIT CODES
          0   done
          1   failed, or the ledger is not available
          2   refused: the input or the state of a position forbids it
          5   there is no such position
          64  wrong usage
        """
}

extension Failure {
    /// What any error of a call means here.
    init(_ error: any Error) {
        switch error {
        case let failure as Failure: self = failure
        case let error as RPCError: self.init(error)
        case let error as SocketError:
            self.init(.failed, error.description)
        case is CancellationError: self.init(.failed, "interrupted")
        default: self.init(.failed, "\(error)")
        }
    }

    private init(_ error: RPCError) {
        let words = Failure.words(error)
        // What names a command already says what to do.
        let hint = words.contains("`nexus-ledger ") ? "" : Failure.hint(for: error.code)
        self.init(Failure.kind(of: error.code), hint.isEmpty ? words : "\(words); \(hint)")
    }

    /// What the ledger, or the connection to it, said.
    static func words(_ error: RPCError) -> String {
        guard !error.message.isEmpty else { return "the ledger answered \(error.code)" }
        return error.message.hasSuffix(".") ? String(error.message.dropLast()) : error.message
    }

    /// Whether a status says that the caller's input was refused.
    static func kind(of code: RPCError.Code) -> Kind {
        switch code {
        case .invalidArgument, .alreadyExists, .failedPrecondition, .aborted: .refused
        case .notFound: .notFound
        default: .failed
        }
    }

    /// What to do about a status whose message does not say it.
    static func hint(for code: RPCError.Code) -> String {
        switch code {
        case .unavailable: "see `nexus-ledger status`, and try again"
        case .deadlineExceeded: "there was no answer in time, see `nexus-ledger status`"
        case .resourceExhausted: "the ledger is at a limit, try again later"
        case .permissionDenied: "ask who runs the ledger for the role"
        case .notFound: "`nexus-ledger positions --all` lists what there is"
        case .unimplemented: "the ledger is older than this command, start the new one"
        case .internalError, .unknown, .dataLoss: "see the ledger's log"
        default: ""
        }
    }
}

/// A command that talks: errors go to standard error, exit codes are those of `Failure`.
protocol LedgerCommand: AsyncParsableCommand {
    /// Does it, and writes to `Output.standard`.
    func perform() async throws
}
