/// Numbers that are the same on every machine and in every version of Swift (SplitMix64: Steele,
/// Lea, Flood, OOPSLA 2014): a test that fails prints its seed, and the seed brings the failure
/// back.
public struct SeededRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// One seed gives one sequence; every seed is taken.
    public init(seed: UInt64) {
        state = seed
        _ = next()
    }

    /// The next 64 bits, each word as likely as the other.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// 0 ..< count; `count` must be positive.
    public mutating func below(_ count: Int) -> Int {
        precondition(count > 0)
        return Int(next().multipliedFullWidth(by: UInt64(count)).high)
    }

    /// A number of the range, each as likely as the other.
    public mutating func within(_ range: ClosedRange<Int>) -> Int {
        range.lowerBound + below(range.upperBound - range.lowerBound + 1)
    }

    /// True in `percent` of a hundred draws.
    public mutating func chance(_ percent: Int) -> Bool { below(100) < percent }

    /// One element; the collection must not be empty.
    public mutating func one<Element>(of elements: [Element]) -> Element {
        elements[below(elements.count)]
    }

    /// The elements in another order, each order as likely as the other (Fisher and Yates).
    public mutating func shuffled<Element>(_ elements: [Element]) -> [Element] {
        var copy = elements
        for index in stride(from: copy.count - 1, to: 0, by: -1) {
            copy.swapAt(index, below(index + 1))
        }
        return copy
    }
}
