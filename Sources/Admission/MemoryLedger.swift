import LedgerCore
import Projections

/// A whole ledger in memory: what `fold` runs, with the same admission and the same fold as the
/// service (accounting.md §7).
public struct MemoryLedger {
    private var admission = Admission(history: EmptyHistory(), head: .origin)
    /// An empty ledger.
    public init() {}

    /// Decides one line's event. True if it begins a position.
    public mutating func append(_ event: NewEvent) throws(Refusal) -> Bool {
        let outcome: Admission<EmptyHistory>.Outcome
        do {
            outcome = try admission.admit(event, recordedAt: event.effectiveAt)
        } catch let refusal as Refusal {
            throw refusal
        } catch {
            preconditionFailure("a history in memory does not fail: \(error)")
        }
        guard case .new(let placed) = outcome else { return false }
        return placed.version == StreamVersion.none.next
    }

    /// The position's events by version.
    public func events(of position: UUID) -> [Event] {
        admission.tail(of: position)
    }
}
