/// How much of the machine a rebuild takes: all of it, or, while events are appended, all but one
/// core, and short transactions. An append passes through some threads and waits for the log to be
/// flushed: behind a rebuild that keeps every core and flushes megabytes at once, each step waits.
/// Until two looks have shown that none come, they are taken to come.
struct RebuildPace: Sendable {
    private let cores: Int
    private var head: Int64?
    /// Whether events came between the last two looks.
    private(set) var isBesideAppends = true

    /// Events of a range beside appends.
    private static let shortRangeEvents = 25_000

    init(cores: Int) {
        self.cores = max(1, cores)
    }

    /// Takes how many events the logs of all books hold by now.
    mutating func look(_ head: Int64) {
        if let before = self.head { isBesideAppends = head > before }
        self.head = head
    }

    /// Whether a range is read and another one written while one is folded.
    var overlaps: Bool { !isBesideAppends || cores > 3 }

    /// Tasks that fold at the same time.
    var folders: Int {
        guard isBesideAppends else { return cores }
        return max(1, overlaps ? cores - 3 : cores - 1)
    }

    /// Events that a range has at most.
    var rangeEventsMax: Int { isBesideAppends ? Self.shortRangeEvents : .max }
}
