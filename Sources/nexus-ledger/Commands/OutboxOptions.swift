import ArgumentParser
import Outbox

/// Where the outbox is, and how large it may become.
struct OutboxOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The outbox: a file on a local disk, made with mode 0600.",
            discussion: "Default: NEXUS_OUTBOX, else the socket's path with .outbox.sqlite for "
                + ".sock.", valueName: "path"))
    var outbox: String?

    @Flag(help: "Have no outbox: refuse appends while PostgreSQL is away.")
    var noOutbox = false

    @Option(
        help: ArgumentHelp(
            "Limit of the outbox and its write-ahead log; beyond it appends are refused.",
            valueName: "MiB"))
    var outboxSizeMax: Int64 = 8_192

    @Option(
        help: ArgumentHelp(
            "Refuse to buffer while its file system has less free.", valueName: "MiB"))
    var outboxDiskFreeMin: Int64 = 512

    @Option(
        help: ArgumentHelp(
            "How long drained events are kept there, for those who ask again.",
            valueName: "hours"))
    var outboxKeepHours: Int64 = 168

    func validate() throws {
        guard !noOutbox || outbox == nil else {
            throw ValidationError("--outbox and --no-outbox exclude each other")
        }
        for (name, value, range) in [
            ("--outbox-size-max", outboxSizeMax, 1...Self.mebibytesMax),
            ("--outbox-disk-free-min", outboxDiskFreeMin, 0...Self.mebibytesMax),
            ("--outbox-keep-hours", outboxKeepHours, 0...Self.hoursMax),
        ] where !range.contains(value) {
            throw ValidationError(
                "\(name) is \(value): give a number from \(range.lowerBound) to "
                    + "\(range.upperBound)")
        }
    }

    private static let mebibytesMax: Int64 = 1 << 30
    private static let hoursMax: Int64 = 876_000

    /// nil for a ledger without an outbox.
    func configuration(besideSocket socket: String) -> Outbox.Configuration? {
        guard !noOutbox else { return nil }
        let path = outbox ?? Environment.value("NEXUS_OUTBOX") ?? Self.path(beside: socket)
        return Outbox.Configuration(
            path: path, bytesMax: outboxSizeMax << 20, diskFreeMin: outboxDiskFreeMin << 20,
            drainedKeepFor: .seconds(outboxKeepHours * 3_600))
    }

    /// Each ledger of a directory has its own.
    static func path(beside socket: String) -> String {
        (socket.hasSuffix(".sock") ? String(socket.dropLast(5)) : socket) + ".outbox.sqlite"
    }
}
