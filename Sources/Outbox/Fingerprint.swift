import LedgerCore

/// 64-bit names of keys and positions in the index. Two things may share one, so that each hit is
/// compared with what is stored. The function is part of the file's format: it must not change
/// within a schema version.
struct Fingerprint {
    private let keySeed: UInt64
    private let positionSeed: UInt64

    init(_ book: BookName) {
        self.init(book.description)
    }

    init(_ book: String) {
        let name = Array(book.utf8)
        keySeed = Fingerprint.absorb(name, 0x9E37_79B9_7F4A_7C15)
        positionSeed = Fingerprint.absorb(name, 0xD1B5_4A32_D192_ED03)
    }

    func of(key: [UInt8]) -> Int64 {
        Int64(bitPattern: Fingerprint.absorb(key, keySeed))
    }

    func of(position: UUID) -> Int64 {
        let once = Fingerprint.mix(positionSeed ^ position.high)
        return Int64(bitPattern: Fingerprint.mix(once ^ position.low))
    }

    private static func absorb(_ bytes: [UInt8], _ seed: UInt64) -> UInt64 {
        bytes.withUnsafeBytes { raw in
            var state = mix(seed ^ UInt64(raw.count))
            var index = 0
            while index + 8 <= raw.count {
                let word = raw.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                state = mix(state ^ UInt64(littleEndian: word))
                index += 8
            }
            var rest: UInt64 = 0
            while index < raw.count {
                rest = rest << 8 | UInt64(raw[index])
                index += 1
            }
            return mix(state ^ rest)
        }
    }

    /// Each bit of the input moves about half of the output (SplitMix64's last steps).
    static func mix(_ value: UInt64) -> UInt64 {
        var mixed = value &+ 0x9E37_79B9_7F4A_7C15
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// What an index entry points at: an event (of a key) or a request (of a position).
struct Place: Hashable, Comparable {
    /// The sequence in the high 44 bits, the event's index in the low 20: order is arrival.
    let rawValue: Int64

    init(rawValue: Int64) {
        self.rawValue = rawValue
    }

    init(sequence: Int64, index: Int) {
        rawValue = sequence << 20 | Int64(index)
    }

    var sequence: Int64 { rawValue >> 20 }
    var index: Int { Int(rawValue & 0xF_FFFF) }

    static func < (left: Place, right: Place) -> Bool { left.rawValue < right.rawValue }
}

/// One line of the index.
struct IndexEntry: Comparable {
    var fingerprint: Int64
    var place: Place

    static func < (left: IndexEntry, right: IndexEntry) -> Bool {
        (left.fingerprint, left.place) < (right.fingerprint, right.place)
    }
}
