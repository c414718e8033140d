import ArgumentParser
import Glibc
import LedgerCore

/// The options of every command that calls a ledger.
struct CommonOptions: ParsableArguments {
    /// Looked for where no socket is named.
    private static let socketNearby = "./.nexus/ledger.sock"
    /// The socket of a ledger that runs as a service, or as root.
    private static let socketOfService = "/var/lib/nexus-ledger/ledger.sock"

    @Option(
        help: ArgumentHelp(
            "The ledger's Unix socket.",
            discussion: "Default: NEXUS_SOCKET, else ./.nexus/ledger.sock if it is there, else "
                + "/var/lib/nexus-ledger/ledger.sock.",
            valueName: "path"))
    var socket: String?

    @OptionGroup var bookOption: BookOption

    @Flag(help: "Write JSON for programs: exact, with all members.")
    var json = false

    /// The socket to connect to.
    var socketPath: String {
        if let named = socket ?? Environment.value("NEXUS_SOCKET") { return named }
        let isNearby = access(CommonOptions.socketNearby, F_OK) == 0
        return isNearby ? CommonOptions.socketNearby : CommonOptions.socketOfService
    }

    /// Whether somebody named the socket.
    var isSocketNamed: Bool { socket != nil || Environment.value("NEXUS_SOCKET") != nil }

    /// The book, "main" unless one is named.
    var book: BookName { bookOption.named ?? .main }
}

/// The book that a command is about.
struct BookOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The book.", discussion: "Default: NEXUS_BOOK, else main.", valueName: "name"),
        transform: BookOption.parse)
    var book: BookName?

    /// The book, if one is named here or by NEXUS_BOOK.
    var named: BookName? {
        book ?? Environment.value("NEXUS_BOOK").flatMap { BookName($0) }
    }

    /// Refuses what NEXUS_BOOK names wrongly.
    func validate() throws {
        guard book == nil, let name = Environment.value("NEXUS_BOOK") else { return }
        _ = try BookOption.parse(name)
    }

    private static func parse(_ text: String) throws -> BookName {
        guard let name = BookName(text) else {
            throw ValidationError(
                "'\(text)' names no book: use 1 to 64 of a–z, 0–9, \"_\", \".\" and \"-\"")
        }
        return name
    }
}

/// Reading one's own writes.
struct FreshnessOption: ParsableArguments {
    /// What the projections must have reached before they are read.
    enum Moment: Equatable {
        case position(Int64)
        case head
    }

    @Option(
        help: ArgumentHelp(
            "Wait until the tables have reached this log position.",
            discussion: "A number, or \"head\": all that is in the log by now.",
            valueName: "position"),
        transform: FreshnessOption.parse)
    var atLeast: Moment?

    private static func parse(_ text: String) throws -> Moment {
        if text == "head" { return .head }
        guard let position = Int64(text), position >= 0 else {
            throw ValidationError("use a log position or \"head\"")
        }
        return .position(position)
    }
}
