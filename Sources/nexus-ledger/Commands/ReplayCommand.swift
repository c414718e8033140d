import ArgumentParser
import GRPCCore
import LedgerCore
import LedgerRPC
import Synchronization

/// `replay`: builds a generation beside the live one.
struct ReplayCommand: LedgerCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Rebuild the projections of a book from its log, beside the live ones.",
        discussion: """
            Fills a free slot while appends and the live projections go on, and ends when
            the new generation stands where the live one stands; readers see nothing of it
            before it is promoted. Beside appends it leaves them a core, and takes longer.
            With --database or --embedded this build's folds do it, also beside a ledger
            of another build; else the ledger at the socket does it, by its own. A ledger
            whose folds are the same keeps the new generation up with the log; so does
            --follow.

            Stopped by Ctrl-C or by a crash, it goes on where it was with the same command.
            Once it catches up the generation is built, and `compare` brings it to where
            the live one is too. When it is ready another replay fills another slot.

            EXAMPLES
              nexus-ledger replay
              nexus-ledger replay --database postgresql:///ledger --book main
              nexus-ledger replay --embedded ./ledger --memory 512M --max-rate 50000
              nexus-ledger replay --json | jq -c '[.phase, .events]'

            \(Failure.help)
            """)

    @Option(
        help: ArgumentHelp(
            "Memory that it may take, such as 256M or 1G; less means more passes.",
            valueName: "bytes"), transform: ReplayCommand.bytes)
    var memory: Int64 = 256 << 20

    @Option(help: ArgumentHelp("Events a second at most.", valueName: "count"))
    var maxRate: Int64?

    @Flag(help: "Keep following the live generation until interrupted.")
    var follow = false

    @OptionGroup var actor: ActorOption
    @OptionGroup var options: GenerationOptions

    private static let memoryMin: Int64 = 32 << 20

    static func bytes(_ text: String) throws -> Int64 {
        let units: [Character: Int64] = ["K": 1 << 10, "M": 1 << 20, "G": 1 << 30]
        let unit = text.last.flatMap { units[Character($0.uppercased())] }
        let digits = unit == nil ? text[...] : text.dropLast()
        guard let count = Int64(digits), count > 0 else {
            throw ValidationError("'\(text)' is no size: use bytes, or 256M, 1G")
        }
        let (bytes, overflow) = count.multipliedReportingOverflow(by: unit ?? 1)
        guard !overflow, bytes >= memoryMin else {
            throw ValidationError("--memory is \(text): it must be 32M or more")
        }
        return bytes
    }

    func validate() throws {
        if let maxRate, maxRate < 1 {
            throw ValidationError("--max-rate is \(maxRate): it must be 1 or more")
        }
    }

    func perform() async throws {
        let signals = StopSignals()
        let start = ContinuousClock.now
        let reporter = ReplayReporter(json: options.common.json)
        var request = Nexus_Ledger_V1_RebuildRequest()
        request.book = options.common.book.description
        request.actor = actor.name
        request.memoryBytesMax = memory
        request.rateMax = maxRate ?? 0
        let (wanted, options, follow) = (request, options, follow)
        // The first of both ends the other: the work, or a signal.
        let isDone = try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                await signals.first()
                return false
            }
            group.addTask {
                try await options.way { way in
                    try await way.rebuild(wanted) { try reporter.take($0) }
                    try reporter.ready(after: ContinuousClock.now - start)
                    if follow { try await ReplayCommand.follow(way, reporter.slot) }
                }
                return true
            }
            let first = try await group.next() ?? false
            group.cancelAll()
            return first
        }
        guard isDone || reporter.isReady else {
            throw Failure(.failed, "interrupted; the same command goes on where it stopped")
        }
    }

    private static func follow(_ way: GenerationWay, _ slot: Int32) async throws {
        guard case .database(let office, let common) = way else {
            Progress.standard.message("the ledger keeps slot \(slot) up with the log")
            return
        }
        Progress.standard.message("following the live generation until interrupted")
        try await office.follow(book: common.book.description, slot: slot)
        guard !Task.isCancelled else { return }
        Progress.standard.message("slot \(slot) is live now: its ledger goes on with it")
    }
}

/// Says how far a rebuild is, to people or to programs.
private final class ReplayReporter: Sendable {
    private struct State {
        var last = Nexus_Ledger_V1_RebuildProgress()
        var writtenAt: ContinuousClock.Instant?
        var isReady = false
        var isResumedSaid = false
    }

    private let json: Bool
    private let state = Mutex(State())
    /// Between two lines of JSON.
    private static let interval = Duration.milliseconds(200)
    private static let barWidth = 20

    init(json: Bool) {
        self.json = json
    }

    var slot: Int32 { state.withLock { $0.last.slot } }
    var isReady: Bool { state.withLock { $0.isReady } }

    func take(_ progress: Nexus_Ledger_V1_RebuildProgress) throws {
        let (isDue, saysResumed) = state.withLock { state in
            let isFirst = state.last.phase.isEmpty || state.last.phase != progress.phase
            state.last = progress
            let now = ContinuousClock.now
            let isDue = isFirst || state.writtenAt.map { now - $0 > Self.interval } ?? true
            if isDue { state.writtenAt = now }
            let saysResumed = progress.resumed && !state.isResumedSaid
            if saysResumed { state.isResumedSaid = true }
            return (isDue, saysResumed)
        }
        if json {
            if isDue, progress.phase != "ready" { try write(progress) }
            return
        }
        if saysResumed {
            Progress.standard.message(
                "goes on with slot \(progress.slot): \(progress.events) of "
                    + "\(progress.eventsTotal) events are there")
        }
        Progress.standard.show(Self.bar(progress))
    }

    private static func bar(_ progress: Nexus_Ledger_V1_RebuildProgress) -> String {
        let total = max(progress.eventsTotal, 1)
        let share = min(1, Double(progress.events) / Double(total))
        let full = Int(share * Double(barWidth))
        let bar =
            String(repeating: "#", count: full)
            + String(repeating: "-", count: barWidth - full)
        guard progress.phase == "building" else {
            return "[\(bar)] \(progress.phase): at \(progress.logPosition) of \(progress.head)"
        }
        let left =
            progress.secondsLeft < 0
            ? "" : " · \(Figures.duration(seconds: progress.secondsLeft)) left"
        return "[\(bar)] \(Int(share * 100)) % · \(progress.events) of \(progress.eventsTotal) "
            + "events · \(Int(progress.eventsPerSecond))/s\(left) · slot \(progress.slot)"
    }

    private func write(_ progress: Nexus_Ledger_V1_RebuildProgress) throws {
        try Output.standard.line(progress.json.canonicalBytes)
        try Output.standard.flush()
    }

    func ready(after duration: Duration) throws {
        let progress = state.withLock { state in
            state.isReady = true
            return state.last
        }
        if json { return try write(progress) }
        Progress.standard.clear()
        let seconds = Double(duration / .milliseconds(1)) / 1_000
        let output = Output.standard
        try output.line(
            Style.standard.bold("slot \(progress.slot) is ready") + " at log position "
                + "\(progress.logPosition) (logic version \(progress.logicVersion)): "
                + "\(Figures.count(progress.events, "event")) and "
                + "\(Figures.count(progress.positions, "position")) in "
                + Figures.duration(seconds: seconds)
                + (progress.resumed ? " since it went on" : "") + ", peak memory "
                + Figures.bytes(progress.memoryPeakBytes))
        if progress.quarantined > 0 {
            try output.line(
                Style.standard.painted(
                    "\(Figures.count(progress.quarantined, "position")) cannot be folded to the "
                        + "end: `nexus-ledger status` lists them once it is live", [.yellow]))
        }
        try output.line("next: nexus-ledger compare")
        try output.flush()
    }
}
