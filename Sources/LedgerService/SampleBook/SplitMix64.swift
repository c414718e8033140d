/// A generator whose numbers are the same on every machine and in every version of Swift
/// (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", OOPSLA 2014).
struct SplitMix64 {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    /// A generator of its own for a part of the whole: what others draw does not move it.
    init(seed: UInt64, part: UInt64) {
        var mixer = SplitMix64(seed: seed)
        state = mixer.next() ^ (part &* 0xD6E8_FEB8_6659_FD93)
        state = next()
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A number of the range, each as likely as the other.
    mutating func within(_ range: ClosedRange<Int64>) -> Int64 {
        let count = UInt64(range.upperBound - range.lowerBound) + 1
        return range.lowerBound + Int64(next().multipliedFullWidth(by: count).high)
    }

    /// A number near 0 more often than far from it, within ±`spread`.
    mutating func around(_ spread: Int64) -> Int64 {
        var sum: Int64 = 0
        for _ in 0..<4 { sum += within(-spread...spread) }
        return sum / 4
    }
}
