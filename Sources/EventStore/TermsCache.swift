import Admission
import LedgerCore

/// Frozen terms by position, for positions that have no state in the cache. Bounded.
final class TermsCache {
    private var terms: [UUID: FrozenTerms] = [:]
    private static let positionsMax = 10_000

    subscript(position: UUID) -> FrozenTerms? { terms[position] }

    func removeAll() {
        terms = [:]
    }

    func insert(_ opened: FrozenTerms, for position: UUID) {
        if terms.count >= TermsCache.positionsMax { terms.removeAll(keepingCapacity: true) }
        terms[position] = opened
    }
}
