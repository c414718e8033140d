import LedgerCore

/// The youngest part of the index, in memory: entries of the requests behind the last run. They
/// are not written anywhere, as the requests themselves hold them; start reads them back.
struct IndexTail {
    /// A tail of this size becomes a run: 131,072 entries take about 5 MiB.
    static let entriesMax = 1 << 17

    private(set) var entries: [IndexEntry] = []
    /// For each entry, the one before with the same fingerprint; its own number where there is
    /// none.
    private var earlier: [Int32] = []
    private var newest: [Int64: Int32] = [:]

    var isFull: Bool { entries.count >= IndexTail.entriesMax }

    mutating func add(_ fingerprint: Int64, _ place: Place) {
        let number = Int32(entries.count)
        let before = newest.updateValue(number, forKey: fingerprint)
        entries.append(IndexEntry(fingerprint: fingerprint, place: place))
        earlier.append(before ?? number)
    }

    /// Adds the keys and the positions of a request.
    mutating func add(
        _ prints: Fingerprint, sequence: Int64, keys: [[UInt8]], positions: [UUID]
    ) {
        for (index, key) in keys.enumerated() {
            add(prints.of(key: key), Place(sequence: sequence, index: index))
        }
        for position in positions {
            add(prints.of(position: position), Place(sequence: sequence, index: 0))
        }
    }

    /// The newest place of a fingerprint.
    func last(_ fingerprint: Int64) -> Place? {
        newest[fingerprint].map { entries[Int($0)].place }
    }

    /// The places of a fingerprint in requests from `sequence` on, the newest first.
    func places(_ fingerprint: Int64, from sequence: Int64 = 0) -> [Place] {
        guard var number = newest[fingerprint] else { return [] }
        var places: [Place] = []
        while true {
            let place = entries[Int(number)].place
            guard place.sequence >= sequence else { return places }
            places.append(place)
            let before = earlier[Int(number)]
            guard before != number else { return places }
            number = before
        }
    }

    /// Forgets all: they are in a run now.
    mutating func clear() {
        self = IndexTail()
    }
}
