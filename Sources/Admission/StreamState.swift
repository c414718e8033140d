import LedgerCore

/// The terms of a position, which never change: kept once however often its state is copied.
public final class FrozenTerms: Sendable {
    /// What the position was opened with.
    public let opened: PositionOpened

    /// Keeps them.
    public init(_ opened: PositionOpened) {
        self.opened = opened
    }

    func leg(_ name: String) -> Int? {
        for index in opened.legs.indices where opened.legs[index].leg.isExactly(name) {
            return index
        }
        return nil
    }

    /// Whether a leg gives the same derived ids as one of another position. No leg is copied.
    func leg(_ leg: Int, identifiesLike other: FrozenTerms, _ otherLeg: Int) -> Bool {
        self === other && leg == otherLeg
            || opened.legs[leg].venue.isExactly(other.opened.legs[otherLeg].venue)
                && opened.legs[leg].account.isExactly(other.opened.legs[otherLeg].account)
                && opened.legs[leg].instrument.isExactly(other.opened.legs[otherLeg].instrument)
                && opened.legs[leg].fundingInterval == other.opened.legs[otherLeg].fundingInterval
    }
}

/// What deciding about a position's next event needs to know of it.
public struct StreamState: Sendable {
    /// Its frozen terms, shared by all states of the position.
    public let terms: FrozenTerms
    /// Its frozen terms.
    public var opened: PositionOpened { terms.opened }
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
        terms = FrozenTerms(opened)
        self.version = version
        self.lifecycle = lifecycle
        self.pendingVoids = pendingVoids
    }

    func leg(_ name: String) -> Int? { terms.leg(name) }
}

extension StreamState: Hashable {
    /// Whether both have the same terms and have come to the same.
    public static func == (left: StreamState, right: StreamState) -> Bool {
        left.version == right.version && left.lifecycle == right.lifecycle
            && left.pendingVoids == right.pendingVoids
            && (left.terms === right.terms || left.opened == right.opened)
    }

    /// In agreement with `==`.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(version)
        hasher.combine(lifecycle)
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
    /// Whether the ids of the request's own events are taken for new ones without asking; the
    /// store finds out in the end.
    var assumesNew: Bool { get }
}

extension StreamHistory {
    /// Ids are asked for.
    public var assumesNew: Bool { false }
}
