import LedgerTesting

@testable import LedgerCore

extension SeededRandom {
    /// A decimal of any size: from 10⁻¹⁸ to just below 10²⁰, of either sign, round or not.
    mutating func fixed() -> Fixed {
        let digits = within(0...38)
        var scaled: Int128 = 0
        for _ in 0..<digits { scaled = scaled * 10 + Int128(below(10)) }
        if chance(20) {
            let zeros = within(0...30)
            for _ in 0..<zeros { scaled /= 10 }
            for _ in 0..<zeros where scaled.magnitude < Fixed.limit.magnitude / 10 { scaled *= 10 }
        }
        if chance(5) { scaled = Fixed.limit - 1 - Int128(below(3)) }
        return Fixed(unchecked: chance(50) ? scaled : -scaled)
    }

    /// A decimal of at most `digits` digits, so that products of a few stay in range.
    mutating func fixed(digits: Int) -> Fixed {
        var scaled: Int128 = 0
        for _ in 0..<within(1...digits) { scaled = scaled * 10 + Int128(below(10)) }
        return Fixed(unchecked: chance(50) ? scaled : -scaled)
    }
}

/// Seeds of the tests that draw; a failing test prints its own.
let seeds: [UInt64] = [1, 2, 3, 0x5EED, 20_260_101, 0xFFFF_FFFF_FFFF_FFFF]
