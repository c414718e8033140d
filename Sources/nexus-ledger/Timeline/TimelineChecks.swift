import LedgerRPC

/// What was checked along a timeline, and what does not hold.
struct TimelineChecks: Sendable {
    /// One rule that is broken after an event.
    struct Failure: Sendable {
        var eventID: String
        var version: Int64
        var rule: String
        var detail: String

        /// For one line.
        var text: String { "version \(version): \(rule) (\(detail))" }
    }

    /// Failures that are named; all are counted.
    static let namedMax = 20

    private(set) var count = 0
    private(set) var failed = 0
    /// The first ones.
    private(set) var failures: [Failure] = []

    mutating func add(_ entry: Nexus_Ledger_V1_TimelineEntry) {
        count += entry.invariants.count
        for invariant in entry.invariants where !invariant.holds {
            failed += 1
            guard failures.count < TimelineChecks.namedMax else { continue }
            failures.append(
                Failure(
                    eventID: entry.event.eventID, version: entry.event.version,
                    rule: invariant.rule, detail: invariant.detail))
        }
    }

    var holds: Bool { failed == 0 && count > 0 }

    /// "412 checks, all hold"
    var summary: String {
        guard count > 0 else { return "no checks: the ledger is older than this command" }
        let words = Figures.count(count, "check")
        if failed == 0 { return count == 1 ? "1 check, it holds" : "\(words), all hold" }
        return "\(words), \(failed) \(failed == 1 ? "fails" : "fail")"
    }

    /// Failures beyond those that are named.
    var unnamed: Int { failed - failures.count }
}

extension Nexus_Ledger_V1_TimelineEntry {
    var isVoided: Bool { !voidedBy.isEmpty }

    /// "ok", or the first rule that is broken.
    var checkWords: String {
        guard !invariants.isEmpty else { return Figures.null }
        guard let broken = invariants.first(where: { !$0.holds }) else { return "ok" }
        return "FAILS: \(broken.rule)"
    }

    /// Whether it waited in an outbox before it was committed.
    var wasBuffered: Bool { outboxSequence > 0 }

    /// "buffered 2026-01-05 08:00:00 on host as 17"; empty if it was not.
    var bufferedWords: String {
        guard wasBuffered else { return "" }
        let at = Figures.instant(us: bufferedAtUs, precise: true)
        return "buffered \(at) on \(host) as \(outboxSequence)"
    }
}
