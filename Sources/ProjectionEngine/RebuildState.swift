import LedgerCore

/// How a rebuild is to be done.
public struct RebuildOptions: Hashable, Sendable {
    /// Who asks for it, for the audit record; 1 to 128 octets.
    public var actor: String
    /// Bytes that it may take beside what the process has anyway.
    public var memoryBytesMax: Int
    /// Events a second; nil: as fast as it goes.
    public var rateMax: Int?

    /// The least memory that a rebuild can do with.
    public static let memoryBytesMin = 32 << 20

    /// Takes them as they are; less memory than `memoryBytesMin` counts as that.
    public init(actor: String, memoryBytesMax: Int = 256 << 20, rateMax: Int? = nil) {
        self.actor = actor
        self.memoryBytesMax = memoryBytesMax
        self.rateMax = rateMax
    }
}

/// How far a rebuild is.
public struct RebuildState: Hashable, Sendable {
    /// What it does now.
    public enum Phase: String, Hashable, Sendable {
        case building
        case catchingUp = "catching up"
        /// It stands where the live generation stands.
        case ready
    }

    /// What it does now.
    public var phase = Phase.building
    /// The slot that it fills.
    public var slot: Int16
    /// `AccountFold.logicVersion` of this build.
    public var logicVersion: Int32
    /// Events folded, those of an earlier run that was resumed included.
    public var events: Int64 = 0
    /// Events up to the log position that is built to.
    public var eventsTotal: Int64
    /// Positions folded by this run.
    public var positions: Int64 = 0
    /// Of this run so far.
    public var eventsPerSecond = 0.0
    /// nil while it cannot be told.
    public var secondsLeft: Double?
    /// The log position that is built to, or has been caught up with.
    public var logPosition: LogPosition
    /// Where the live generation stands.
    public var head: LogPosition
    /// It goes on with what an earlier run has left.
    public var resumed = false
    /// Positions that stand still in the new generation.
    public var quarantined: Int64 = 0
    /// The most memory that the process has had.
    public var memoryPeakBytes: Int64 = 0
}
