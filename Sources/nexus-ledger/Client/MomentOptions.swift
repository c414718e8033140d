import ArgumentParser
import GRPCCore
import LedgerCore
import LedgerRPC

/// The two clocks: what the ledger knew, and what had happened.
struct MomentOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "As the ledger knew after this log position.", valueName: "position"),
        transform: MomentOptions.position)
    var at: Int64?

    @Option(
        help: ArgumentHelp(
            "As the ledger knew at this time.",
            discussion: "RFC 3339, such as 2026-01-05T12:00:00Z; a day is its 00:00:00Z.",
            valueName: "time"),
        transform: MomentOptions.time)
    var asOf: Timestamp?

    @Option(
        help: ArgumentHelp(
            "As it was at this time, as known now, or at --at or --as-of.", valueName: "time"),
        transform: MomentOptions.time)
    var effective: Timestamp?

    /// The longest wait for the answer to a question for which the ledger folds its log: longer
    /// than the ledger takes before it gives up.
    private static let answerMax = Duration.seconds(630)

    func validate() throws {
        guard at == nil || asOf == nil else {
            throw ValidationError("give --at or --as-of, not both")
        }
    }

    /// Refuses to wait for tables that are not read.
    func refuse(_ freshness: FreshnessOption) throws {
        guard message == nil || freshness.atLeast == nil else {
            throw ValidationError(
                "--at-least waits for the tables, and with --at, --as-of or --effective the log "
                    + "is read: leave it out")
        }
    }

    private static func position(_ text: String) throws -> Int64 {
        guard let position = Int64(text), position >= 0 else {
            throw ValidationError("a log position is 0 or a number from 1 on")
        }
        return position
    }

    static func time(_ text: String) throws -> Timestamp {
        if let day = Day(text), day.start.isInRange { return day.start }
        guard let time = Timestamp(text) else {
            throw ValidationError(
                "a time is written 2026-01-05T12:00:00Z, or 2026-01-05 for its beginning")
        }
        return time
    }

    /// What a request says; nil for now, which comes from the tables.
    var message: Nexus_Ledger_V1_Moment? {
        guard at != nil || asOf != nil || effective != nil else { return nil }
        var moment = Nexus_Ledger_V1_Moment()
        if let at { moment.at = at }
        if let asOf { moment.asOfUs = asOf.microseconds }
        if let effective { moment.effectiveUs = effective.microseconds }
        return moment
    }

    /// What the ledger is doing while it is waited for.
    var reading: String { message == nil ? "reading" : "folding the log" }

    /// The options of a call that is asked with it.
    var answering: CallOptions {
        var options = Ledger.answering
        if message != nil { options.timeout = MomentOptions.answerMax }
        return options
    }

    /// The moment for the pages after the first: what was known stays the same from page to page.
    func fixed(at asOf: Int64) -> Nexus_Ledger_V1_Moment? {
        guard var moment = message else { return nil }
        moment.at = asOf
        return moment
    }

    /// What stands below a table: "as of 1234", or the moment in words.
    func words(asOf: Int64) -> String {
        guard message != nil else { return "as of \(asOf)" }
        var words = "as known at log position \(asOf)"
        if let time = self.asOf { words += " (the log at \(time))" }
        if let effective { words = "as it was at \(effective), \(words)" }
        return words
    }
}
