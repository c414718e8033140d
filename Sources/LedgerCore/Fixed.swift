/// A result outside ±10²⁰, or a division by zero. Nothing wraps and nothing saturates
/// (accounting.md §1); the caller refuses the event or quarantines the position.
public enum FixedError: Error, Equatable, Sendable {
    /// |result| ≥ 10²⁰.
    case outOfRange
    case divisionByZero
}

/// An exact decimal: a 128-bit count of 10⁻¹⁸, |value| < 10²⁰ (accounting.md §1).
///
/// Sums are exact; a product or quotient is rounded half-even once, to the place that is named.
@frozen
public struct Fixed: Hashable, Sendable {
    /// The value × 10¹⁸; |scaled| < 10³⁸.
    public let scaled: Int128

    /// Decimal places kept.
    public static let scale = 18
    /// 10³⁸: the first scaled magnitude that is refused.
    @usableFromInline static let limit: Int128 = 100_000_000_000_000_000_000_000_000_000_000_000_000
    /// 10¹⁸: scaled one.
    @usableFromInline static let unit: Int128 = 1_000_000_000_000_000_000

    /// The value 0.
    public static let zero = Fixed(unchecked: 0)
    /// The value 1.
    public static let one = Fixed(unchecked: unit)

    @inlinable
    init(unchecked scaled: Int128) {
        self.scaled = scaled
    }

    /// From a count of 10⁻¹⁸; throws beyond the range.
    @inlinable
    public init(scaled: Int128) throws(FixedError) {
        guard scaled < Fixed.limit, scaled > -Fixed.limit else { throw .outOfRange }
        self.scaled = scaled
    }

    /// A whole number.
    @inlinable
    public init(_ whole: Int64) throws(FixedError) {
        try self.init(scaled: Int128(whole) * Fixed.unit)
    }

    /// Whether the value is 0.
    @inlinable public var isZero: Bool { scaled == 0 }
    /// Whether the value is below 0.
    @inlinable public var isNegative: Bool { scaled < 0 }
    /// Whether the value is above 0.
    @inlinable public var isPositive: Bool { scaled > 0 }
    /// −1, 0 or 1.
    @inlinable public var signum: Int { scaled == 0 ? 0 : (scaled < 0 ? -1 : 1) }
    /// The value without its sign; exact.
    @inlinable public var magnitude: Fixed { scaled < 0 ? Fixed(unchecked: -scaled) : self }
    /// The value with the other sign; exact, as the range is symmetric.
    @inlinable public var negated: Fixed { Fixed(unchecked: -scaled) }

    /// The value with the sign of `side` (±1); 0 gives 0.
    @inlinable
    public func signed(_ side: Int) -> Fixed {
        side < 0 ? negated : (side == 0 ? .zero : self)
    }

    /// self + other, exact.
    /// - Throws: `outOfRange` for |sum| ≥ 10²⁰.
    @inlinable
    public func adding(_ other: Fixed) throws(FixedError) -> Fixed {
        let (sum, overflow) = scaled.addingReportingOverflow(other.scaled)
        if overflow { throw .outOfRange }
        return try Fixed(scaled: sum)
    }

    /// self − other, exact.
    /// - Throws: `outOfRange` for |difference| ≥ 10²⁰.
    @inlinable
    public func subtracting(_ other: Fixed) throws(FixedError) -> Fixed {
        try adding(other.negated)
    }

    /// The exact sum of all terms; only the result has to be in range, whatever the order.
    public static func sum(_ terms: Fixed...) throws(FixedError) -> Fixed {
        var sum = ExactSum()
        for term in terms { sum.add(term) }
        return try sum.value()
    }

    /// self × other, half-even to 18 places.
    public func multiplied(by other: Fixed) throws(FixedError) -> Fixed {
        try Fixed.ratio(
            self, other, nil, over: UInt128(Fixed.unit), 1, unit: 1)
    }

    /// self × second × third, rounded once, half-even to 18 places.
    public func multiplied(by second: Fixed, _ third: Fixed) throws(FixedError) -> Fixed {
        if second.scaled == Fixed.unit { return try multiplied(by: third) }
        return try Fixed.ratio(
            self, second, third.scaled, over: UInt128(Fixed.unit), UInt128(Fixed.unit), unit: 1)
    }

    /// self × factor ÷ divisor, rounded once, half-even to `places` (0…18).
    public func multiplied(
        by factor: Fixed, dividedBy divisor: Fixed, places: Int = Fixed.scale
    ) throws(FixedError) -> Fixed {
        guard !divisor.isZero else { throw .divisionByZero }
        let numerator = divisor.isNegative ? negated : self
        if places == Fixed.scale {
            return try Fixed.ratio(
                numerator, factor, nil, over: divisor.scaled.magnitude, 1, unit: 1)
        }
        let unit = powerOfTen(Fixed.scale - places)
        return try Fixed.ratio(
            numerator, factor, nil, over: unit, divisor.scaled.magnitude, unit: unit)
    }

    /// self × second × third × fourth, rounded once, half-even to 18 places.
    public func multiplied(
        by second: Fixed, _ third: Fixed, _ fourth: Fixed
    ) throws(FixedError) -> Fixed {
        let square = UInt128(Fixed.unit) * UInt128(Fixed.unit)
        return try Fixed.ratio(
            self, second, third.scaled, fourth.scaled, over: square, UInt128(Fixed.unit), unit: 1)
    }

    /// self × second × third ÷ divisor, rounded once, half-even to 18 places.
    public func multiplied(
        by second: Fixed, _ third: Fixed, dividedBy divisor: Fixed
    ) throws(FixedError) -> Fixed {
        guard !divisor.isZero else { throw .divisionByZero }
        return try Fixed.ratio(
            divisor.isNegative ? negated : self, second, third.scaled,
            over: divisor.scaled.magnitude, UInt128(Fixed.unit), unit: 1)
    }

    /// self ÷ (first × second), rounded once, half-even to 18 places.
    public func divided(by first: Fixed, _ second: Fixed) throws(FixedError) -> Fixed {
        guard !first.isZero, !second.isZero else { throw .divisionByZero }
        let flips = first.isNegative != second.isNegative
        return try Fixed.ratio(
            flips ? negated : self, .one, Fixed.unit,
            over: first.scaled.magnitude, second.scaled.magnitude, unit: 1)
    }

    /// self ÷ other, half-even to 18 places.
    public func divided(by other: Fixed) throws(FixedError) -> Fixed {
        try multiplied(by: .one, dividedBy: other)
    }

    /// a·b·c·d ÷ (first·second), rounded half-even to a whole number, times `unit`.
    /// The numerator has 512 bits, so nothing is lost before the one rounding.
    private static func ratio(
        _ a: Fixed, _ b: Fixed, _ c: Int128?, _ d: Int128? = nil,
        over first: UInt128, _ second: UInt128, unit: UInt128
    ) throws(FixedError) -> Fixed {
        var negative = a.isNegative != b.isNegative
        var numerator = Wide(a.scaled.magnitude.multipliedFullWidth(by: b.scaled.magnitude))
        if let c {
            if c < 0 { negative.toggle() }
            numerator.multiply(by: c.magnitude)
        }
        if let d {
            if d < 0 { negative.toggle() }
            numerator.multiply(by: d.magnitude)
        }
        let quotient = numerator.divided(by: first, second)
        guard let quotient else { throw .outOfRange }
        let (scaled, overflow) = quotient.multipliedReportingOverflow(by: unit)
        guard !overflow, scaled < limit.magnitude else { throw .outOfRange }
        return Fixed(unchecked: negative ? -Int128(scaled) : Int128(scaled))
    }
}

extension Fixed: Comparable {
    /// By value; exact.
    @inlinable
    public static func < (left: Fixed, right: Fixed) -> Bool { left.scaled < right.scaled }
}

/// 10 to the power of 0…38.
@usableFromInline
func powerOfTen(_ exponent: Int) -> UInt128 {
    powersOfTen[exponent]
}

private let powersOfTen: [UInt128] = {
    var powers: [UInt128] = [1]
    for _ in 0..<38 { powers.append(powers[powers.count - 1] * 10) }
    return powers
}()

/// A sum whose terms may leave the range as long as the whole does not: 256 bits are more than
/// any number of terms can fill.
public struct ExactSum: Hashable, Sendable {
    private var low: Int128 = 0
    private var wraps = 0

    /// The sum of no terms.
    public init() {}

    /// Adds a term, exactly.
    @inline(__always)
    public mutating func add(_ term: Fixed) {
        let (sum, overflow) = low.addingReportingOverflow(term.scaled)
        if overflow { wraps += term.scaled < 0 ? -1 : 1 }
        low = sum
    }

    /// Adds all terms of another sum, exactly.
    public mutating func add(_ other: ExactSum) {
        let (sum, overflow) = low.addingReportingOverflow(other.low)
        if overflow { wraps += other.low < 0 ? -1 : 1 }
        low = sum
        wraps += other.wraps
    }

    /// The sum.
    /// - Throws: `outOfRange` for |sum| ≥ 10²⁰.
    public func value() throws(FixedError) -> Fixed {
        guard wraps == 0 else { throw .outOfRange }
        return try Fixed(scaled: low)
    }
}

/// An unsigned number of 512 bits in four limbs.
private struct Wide {
    var top: UInt128 = 0
    var high: UInt128 = 0
    var middle: UInt128
    var low: UInt128

    init(_ product: (high: UInt128, low: UInt128.Magnitude)) {
        middle = product.high
        low = product.low
    }

    /// Exact for a value below 2³⁸⁴, which is all that it is called with.
    mutating func multiply(by factor: UInt128) {
        let first = low.multipliedFullWidth(by: factor)
        let second = middle.multipliedFullWidth(by: factor)
        let (sum, carry) = second.low.addingReportingOverflow(first.high)
        low = first.low
        middle = sum
        let rest = second.high + (carry ? 1 : 0)
        guard high != 0 else {
            high = rest
            return
        }
        let third = high.multipliedFullWidth(by: factor)
        let (upper, over) = third.low.addingReportingOverflow(rest)
        high = upper
        top = third.high + (over ? 1 : 0)
    }

    private mutating func divide(by divisor: UInt128) -> UInt128 {
        var rest: UInt128 = 0
        Wide.divide(&top, &rest, by: divisor)
        Wide.divide(&high, &rest, by: divisor)
        Wide.divide(&middle, &rest, by: divisor)
        Wide.divide(&low, &rest, by: divisor)
        return rest
    }

    /// One limb of a long division: `rest` is what the limbs above have left.
    @inline(__always)
    private static func divide(_ limb: inout UInt128, _ rest: inout UInt128, by divisor: UInt128) {
        if rest == 0 {
            guard limb >= divisor else {
                (limb, rest) = (0, limb)
                return
            }
            (limb, rest) = limb.quotientAndRemainder(dividingBy: divisor)
        } else {
            (limb, rest) = divisor.dividingFullWidth((rest, limb))
        }
    }

    /// self ÷ (first·second), half-even; nil if it has more than 128 bits.
    consuming func divided(by first: UInt128, _ second: UInt128) -> UInt128? {
        let rest = divide(by: first)
        var remainder = (high: UInt128(0), low: rest)
        var divisor = (high: UInt128(0), low: first)
        if second != 1 {
            let outer = divide(by: second)
            remainder = outer.multipliedFullWidth(by: first)
            let (sum, carry) = remainder.low.addingReportingOverflow(rest)
            remainder = (remainder.high + (carry ? 1 : 0), sum)
            divisor = second.multipliedFullWidth(by: first)
        }
        guard top == 0, high == 0, middle == 0 else { return nil }
        // Compare the remainder with divisor − remainder: no doubling, so no overflow.
        let (restLow, borrow) = divisor.low.subtractingReportingOverflow(remainder.low)
        let restHigh = divisor.high - remainder.high - (borrow ? 1 : 0)
        let isAbove = (remainder.high, remainder.low) > (restHigh, restLow)
        let isHalf = (remainder.high, remainder.low) == (restHigh, restLow)
        guard isAbove || (isHalf && low & 1 == 1) else { return low }
        let (up, overflow) = low.addingReportingOverflow(1)
        return overflow ? nil : up
    }
}
