import LedgerCore

/// What was written of the positions that changed last. Bounded: two halves, of which the older
/// is dropped whole.
struct AccountCache {
    private var young: [UUID: Written] = [:]
    private var old: [UUID: Written] = [:]

    /// Positions in one half; an account takes about 10 KB.
    static let halfMax = 1_500

    subscript(position: UUID) -> Written? { young[position] ?? old[position] }

    mutating func insert(_ written: Written, for position: UUID) {
        if young.count >= AccountCache.halfMax, young[position] == nil {
            old = young
            young = [:]
        }
        young[position] = written
    }

    mutating func removeAll() {
        young = [:]
        old = [:]
    }
}
