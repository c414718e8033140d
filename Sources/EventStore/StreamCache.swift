import Admission
import LedgerCore

/// The positions that were written last, as their last commit left them. Bounded: two halves, of
/// which the older is dropped whole.
struct StreamCache {
    private var young: [UUID: StreamState] = [:]
    private var old: [UUID: StreamState] = [:]
    private let half: Int

    /// Positions kept by default, about 1 KB each.
    static let positionsMax = 8_000

    init(positionsMax: Int = StreamCache.positionsMax) {
        half = max(1, positionsMax / 2)
    }

    subscript(position: UUID) -> StreamState? {
        young[position] ?? old[position]
    }

    mutating func insert(_ state: StreamState, for position: UUID) {
        if young.count >= half, young[position] == nil {
            old = young
            young = [:]
        }
        young[position] = state
    }

    mutating func removeAll() {
        young = [:]
        old = [:]
    }
}
