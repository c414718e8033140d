import LedgerCore

/// A history that admits everything to memory and keeps nothing besides: for `fold` and tests.
/// The `Admission` that it belongs to holds all events itself.
public struct EmptyHistory: StreamHistory {
    /// Has no state.
    public init() {}
    /// Always nil: no position existed before.
    public mutating func state(of position: UUID) -> StreamState? { nil }
    /// Always nil: no event existed before.
    public mutating func event(_ id: UUID) -> Event? { nil }
    /// Always empty: no event existed before.
    public mutating func events(of position: UUID) -> [Event] { [] }
}
