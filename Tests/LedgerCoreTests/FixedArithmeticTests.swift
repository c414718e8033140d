import LedgerTesting
import Testing

@testable import LedgerCore

/// `Fixed` against numbers of any size (accounting.md §1): the same value, or both out of range.
struct FixedArithmeticTests {
    /// 10³⁸, the first scaled magnitude that is refused.
    private let limit = Whole.power(38)
    private let unit = Whole.power(18)

    /// Runs `work`; nil if it says that the result is out of range.
    private func inRange(_ work: () throws -> Fixed) throws -> Whole? {
        do { return Whole(try work().scaled) } catch FixedError.outOfRange { return nil }
    }

    private func limited(_ value: Whole) -> Whole? {
        Whole.compare(value.digits, limit.digits) < 0 ? value : nil
    }

    @Test(arguments: seeds)
    func `sums and differences are exact or refused`(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        for round in 0..<400 {
            let (a, b) = (random.fixed(), random.fixed())
            let (left, right) = (Whole(a.scaled), Whole(b.scaled))
            let note: Comment = "seed \(seed), round \(round): \(a), \(b)"
            #expect(try inRange { try a.adding(b) } == limited(left + right), note)
            #expect(try inRange { try a.subtracting(b) } == limited(left - right), note)
            #expect((a < b) == (left - right).isNegative, note)
            #expect(Whole(a.negated.scaled) == left.negated, note)
            #expect(Whole(a.magnitude.scaled) == left.magnitude, note)
        }
    }

    @Test(arguments: seeds)
    func `a sum of many terms is refused only for its result`(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        for round in 0..<400 {
            let terms = (0..<4).map { _ in random.fixed() }
            let exact = terms.reduce(Whole([])) { $0 + Whole($1.scaled) }
            let sum = try inRange { try Fixed.sum(terms[0], terms[1], terms[2], terms[3]) }
            #expect(sum == limited(exact), "seed \(seed), round \(round): \(terms)")
        }
        let most = Fixed(unchecked: Fixed.limit - 1)
        #expect(try Fixed.sum(most, most, most.negated, most.negated, .one) == .one)
        #expect(throws: FixedError.outOfRange) { try Fixed.sum(most, most, most, most.negated) }
    }

    @Test(arguments: seeds)
    func `a product is rounded once, half-even at the 18th place`(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        for round in 0..<300 {
            let (a, b) = (random.fixed(), random.fixed())
            let exact = (Whole(a.scaled) * Whole(b.scaled)).rounded(dividingBy: unit)
            #expect(
                try inRange { try a.multiplied(by: b) } == limited(exact),
                "seed \(seed), round \(round): \(a) × \(b)")
        }
    }

    @Test(arguments: seeds)
    func `a product of three is rounded once`(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        for round in 0..<300 {
            let (a, b) = (random.fixed(), random.fixed(digits: 20))
            let c = random.chance(10) ? Fixed.one : random.fixed()
            let (x, y, z) = (Whole(a.scaled), Whole(b.scaled), Whole(c.scaled))
            let exact = (x * y * z).rounded(dividingBy: unit * unit)
            let note: Comment = "seed \(seed), round \(round): \(a) × \(b) × \(c)"
            #expect(try inRange { try a.multiplied(by: b, c) } == limited(exact), note)
            #expect(try inRange { try a.multiplied(by: c, b) } == limited(exact), note)
        }
    }

    @Test(arguments: seeds)
    func `a quotient is rounded once, half-even at every place`(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        for round in 0..<60 {
            let (a, b) = (random.fixed(), random.fixed(digits: 30))
            var divisor = random.fixed()
            if divisor.isZero { divisor = .one }
            let numerator = Whole(a.scaled) * Whole(b.scaled)
            for places in 0...18 {
                let step = Whole.power(18 - places)
                let exact = numerator.rounded(dividingBy: Whole(divisor.scaled) * step) * step
                let quotient = try inRange {
                    try a.multiplied(by: b, dividedBy: divisor, places: places)
                }
                #expect(
                    quotient == limited(exact),
                    "seed \(seed), round \(round): \(a) × \(b) ÷ \(divisor) to \(places)")
            }
        }
    }

    @Test(arguments: seeds)
    func `a quotient by one or two divisors is rounded once`(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        for round in 0..<200 {
            let a = random.fixed()
            let (b, c) = (random.fixed(digits: 24), random.fixed(digits: 24))
            guard !b.isZero, !c.isZero else { continue }
            let note: Comment = "seed \(seed), round \(round): \(a) ÷ \(b) ÷ \(c)"
            let one = (Whole(a.scaled) * unit).rounded(dividingBy: Whole(b.scaled))
            #expect(try inRange { try a.divided(by: b) } == limited(one), note)
            let both = (Whole(a.scaled) * unit * unit)
                .rounded(dividingBy: Whole(b.scaled) * Whole(c.scaled))
            #expect(try inRange { try a.divided(by: b, c) } == limited(both), note)
        }
    }

    @Test(arguments: 0...18)
    func `an exact half goes to the even neighbour at every place`(places: Int) throws {
        // step = 10^−places, and values of 1 to 9 halves of it.
        let step = Fixed(unchecked: Int128(powerOfTen(18 - places)))
        let two = Fixed.of("2")
        for halves in 1...9 {
            let count = try Fixed(Int64(halves))
            let rounded = try count.multiplied(by: step, dividedBy: two, places: places)
            let even = Int64((halves + 1) / 4 * 2)
            let expected = halves % 2 == 0 ? Int64(halves / 2) : even
            #expect(try rounded == Fixed(expected).multiplied(by: step), "\(halves) halves")
            let mirrored = try count.negated.multiplied(by: step, dividedBy: two, places: places)
            #expect(mirrored == rounded.negated, "−\(halves) halves")
        }
    }

    @Test func `a division by zero is refused`() {
        #expect(throws: FixedError.divisionByZero) { try Fixed.one.divided(by: .zero) }
        #expect(throws: FixedError.divisionByZero) { try Fixed.one.divided(by: .one, .zero) }
        #expect(throws: FixedError.divisionByZero) { try Fixed.one.divided(by: .zero, .one) }
        #expect(throws: FixedError.divisionByZero) {
            try Fixed.zero.multiplied(by: .zero, dividedBy: .zero)
        }
    }

    @Test func `a result beyond the range is refused, never wrapped`() throws {
        let most = try Fixed(scaled: Fixed.limit - 1)
        let least = most.negated
        let atom = try Fixed(scaled: 1)
        #expect(throws: FixedError.outOfRange) { try Fixed(scaled: Fixed.limit) }
        #expect(throws: FixedError.outOfRange) { try Fixed(scaled: -Fixed.limit) }
        #expect(throws: FixedError.outOfRange) { try Fixed(scaled: .max) }
        #expect(throws: FixedError.outOfRange) { try Fixed(scaled: .min) }
        #expect(throws: FixedError.outOfRange) { try most.adding(atom) }
        #expect(throws: FixedError.outOfRange) { try least.subtracting(atom) }
        #expect(throws: FixedError.outOfRange) { try most.adding(most) }
        #expect(throws: FixedError.outOfRange) { try most.multiplied(by: most) }
        #expect(throws: FixedError.outOfRange) { try most.multiplied(by: most, most) }
        #expect(throws: FixedError.outOfRange) { try most.divided(by: atom) }
        #expect(throws: FixedError.outOfRange) { try most.divided(by: atom, atom) }
        #expect(throws: FixedError.outOfRange) {
            try most.multiplied(by: most, dividedBy: atom)
        }
        // Rounding up to 10²⁰ is beyond as well.
        #expect(throws: FixedError.outOfRange) {
            try most.multiplied(by: .one, dividedBy: .one, places: 0)
        }
        #expect(try most.multiplied(by: most, dividedBy: most) == most)
        #expect(try most.subtracting(most) == .zero)
    }

    @Test func `a sign is applied to the value`() throws {
        let value = Fixed.of("-2.5")
        #expect(value.signed(1) == value)
        #expect(value.signed(-1) == Fixed.of("2.5"))
        #expect(value.signed(0) == .zero)
        #expect([value.signum, Fixed.zero.signum, Fixed.one.signum] == [-1, 0, 1])
        #expect(try Fixed(Int64.min).description == "-9223372036854775808")
    }
}
