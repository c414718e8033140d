import LedgerCore

/// A history that admits everything to memory and keeps nothing besides: for `fold` and tests.
/// The `Admission` that it belongs to holds all events itself.
public struct EmptyHistory: StreamHistory {
    public init() {}
    public mutating func state(of position: UUID) -> StreamState? { nil }
    public mutating func event(_ id: UUID) -> Event? { nil }
    public mutating func events(of position: UUID) -> [Event] { [] }
}
