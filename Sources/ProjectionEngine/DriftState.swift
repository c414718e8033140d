import LedgerCore

/// What the drift audit has found out about one book since the start.
public struct DriftState: Hashable, Sendable {
    /// Positions that were folded afresh and compared with their live rows.
    public internal(set) var checked: Int64 = 0
    /// Positions whose rows differ from the fold of the log, as they were found; those found equal
    /// later are taken off. At most `DriftAudit.driftedMax`.
    public internal(set) var drifted: [UUID] = []
    /// When the last check was done, by the clock of the database.
    public internal(set) var lastCheckedAt: Timestamp?
    /// Why the last check could not be done; nil if it was.
    public internal(set) var error: String?

    /// Nothing was checked yet.
    public init() {}
}
