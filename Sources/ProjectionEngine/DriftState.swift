import LedgerCore

/// What the drift audit has found out about one book since the start.
public struct DriftState: Hashable, Sendable {
    /// Positions that were folded afresh and compared with their live rows.
    public internal(set) var checked: Int64 = 0
    /// Positions whose rows differ from the fold of the log, as they were found; those found equal
    /// later are taken off. At most `DriftAudit.driftedMax`.
    public internal(set) var drifted: [UUID] = []
    /// Days of daily_pnl and keys of trade_stats that were added up afresh.
    public internal(set) var sumsChecked: Int64 = 0
    /// Those that are not the sum of their positions: by place, the rows and columns that differ.
    /// At most `DriftAudit.driftedMax` places.
    public internal(set) var driftedSums: [String: [String]] = [:]
    /// When the last check was done, by the clock of the database.
    public internal(set) var lastCheckedAt: Timestamp?
    /// Why the last check could not be done; nil if it was.
    public internal(set) var error: String?

    /// Nothing was checked yet.
    public init() {}
}
