/// A blocked Bloom filter (Putze, Sanders, Singler, "Cache-, Hash- and Space-Efficient Bloom
/// Filters", 2007): 16 bits and one cache line a fingerprint; about 1 in 500 others is let pass.
struct IndexFilter: Sendable, Equatable {
    private static let bitsPerEntry = 16
    private static let wordsPerBlock = 8
    private static let bitsSet = 8

    private var words: [UInt64]

    /// An empty one for so many fingerprints.
    init(entries: Int) {
        let blocks = max(1, (entries * IndexFilter.bitsPerEntry + 511) / 512)
        words = [UInt64](repeating: 0, count: blocks * IndexFilter.wordsPerBlock)
    }

    /// From its stored form; nil if that is no whole number of blocks.
    init?(octets: [UInt8]) {
        guard !octets.isEmpty, octets.count % 64 == 0 else { return nil }
        words = octets.withUnsafeBytes { raw in
            (0..<raw.count / 8).map { number in
                UInt64(
                    littleEndian: raw.loadUnaligned(fromByteOffset: number * 8, as: UInt64.self))
            }
        }
    }

    /// Its stored form: little-endian words.
    var octets: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(words.count * 8)
        for word in words {
            withUnsafeBytes(of: word.littleEndian) { bytes.append(contentsOf: $0) }
        }
        return bytes
    }

    mutating func insert(_ fingerprint: Int64) {
        let (block, bits) = place(fingerprint)
        for number in 0..<IndexFilter.bitsSet {
            let bit = Int(truncatingIfNeeded: bits >> UInt64(7 * number)) & 63
            words[block + number] |= 1 << UInt64(bit)
        }
    }

    /// False: it was never inserted. True: it probably was.
    func mayContain(_ fingerprint: Int64) -> Bool {
        let (block, bits) = place(fingerprint)
        return words.withUnsafeBufferPointer { words in
            for number in 0..<IndexFilter.bitsSet {
                let bit = Int(truncatingIfNeeded: bits >> UInt64(7 * number)) & 63
                guard words[block + number] & 1 << UInt64(bit) != 0 else { return false }
            }
            return true
        }
    }

    /// The first word of the block, and the bits to draw one a word from.
    private func place(_ fingerprint: Int64) -> (block: Int, bits: UInt64) {
        let hash = UInt64(bitPattern: fingerprint)
        let blocks = UInt64(words.count / IndexFilter.wordsPerBlock)
        let block = Int(hash.multipliedFullWidth(by: blocks).high)
        return (block * IndexFilter.wordsPerBlock, Fingerprint.mix(hash))
    }
}
