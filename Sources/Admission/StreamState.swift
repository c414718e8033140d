import LedgerCore

/// What deciding about a position's next event needs to know of it.
public struct StreamState: Hashable, Sendable {
    /// Its frozen terms.
    public let opened: PositionOpened
    /// The version of its last admitted event.
    public internal(set) var version: StreamVersion
    /// Its life cycle as the admitted events have left it (accounting.md §3).
    public internal(set) var lifecycle: PositionLifecycle
    /// Targets of voids that have not come yet; they will never count.
    public internal(set) var pendingVoids: Set<UUID>

    /// Voids before their target that one position may hold.
    public static let pendingVoidsMax = 1_000

    /// A position at `version`; `lifecycle` has one entry for each leg of `opened`.
    public init(
        opened: PositionOpened, version: StreamVersion, lifecycle: PositionLifecycle,
        pendingVoids: Set<UUID>
    ) {
        self.opened = opened
        self.version = version
        self.lifecycle = lifecycle
        self.pendingVoids = pendingVoids
    }

    func leg(_ name: String) -> Int? {
        opened.legs.firstIndex { $0.leg.isExactly(name) }
    }
}

/// What is known already: the store's side of admission. A conformer answers from memory or from
/// a database; errors of the database pass through.
public protocol StreamHistory {
    /// nil if the position does not exist.
    mutating func state(of position: UUID) throws -> StreamState?
    /// An event of this book by its id.
    mutating func event(_ id: UUID) throws -> Event?
    /// The position's events by version, marks left out.
    mutating func events(of position: UUID) throws -> [Event]
}
