/// A whole number of any size as decimal digits, with the arithmetic of school: slow, plain and
/// written apart from `Fixed`, so that the two agree only where both are right.
struct Whole: Equatable, CustomStringConvertible {
    var isNegative: Bool
    /// From the lowest; no zeros at the top, empty for 0.
    var digits: [Int]

    init(_ digits: [Int], isNegative: Bool = false) {
        self.digits = digits
        while self.digits.last == 0 { self.digits.removeLast() }
        self.isNegative = isNegative && !self.digits.isEmpty
    }

    /// From the decimal text of an integer.
    init(_ text: String) {
        let unsigned = text.drop { $0 == "-" }
        self.init(
            unsigned.reversed().map { $0.wholeNumberValue ?? 0 }, isNegative: text.hasPrefix("-"))
    }

    init(_ value: Int128) { self.init(value.description) }

    static func power(_ exponent: Int) -> Whole {
        Whole(Array(repeating: 0, count: exponent) + [1])
    }

    var isZero: Bool { digits.isEmpty }
    var magnitude: Whole { Whole(digits) }
    var negated: Whole { Whole(digits, isNegative: !isNegative) }

    var description: String {
        digits.isEmpty ? "0" : (isNegative ? "-" : "") + digits.reversed().map(String.init).joined()
    }

    /// −1, 0 or 1 as |left| is below, equal to or above |right|.
    static func compare(_ left: [Int], _ right: [Int]) -> Int {
        if left.count != right.count { return left.count < right.count ? -1 : 1 }
        for index in left.indices.reversed() where left[index] != right[index] {
            return left[index] < right[index] ? -1 : 1
        }
        return 0
    }

    private static func add(_ left: [Int], _ right: [Int]) -> [Int] {
        var sum: [Int] = []
        var carry = 0
        for index in 0..<max(left.count, right.count) + 1 {
            carry += index < left.count ? left[index] : 0
            carry += index < right.count ? right[index] : 0
            sum.append(carry % 10)
            carry /= 10
        }
        return sum
    }

    /// left − right for left ≥ right.
    private static func subtract(_ left: [Int], _ right: [Int]) -> [Int] {
        var rest = left
        for index in left.indices {
            rest[index] -= index < right.count ? right[index] : 0
            if rest[index] < 0 {
                rest[index] += 10
                rest[index + 1] -= 1
            }
        }
        return rest
    }

    static func + (left: Whole, right: Whole) -> Whole {
        if left.isNegative == right.isNegative {
            return Whole(add(left.digits, right.digits), isNegative: left.isNegative)
        }
        return compare(left.digits, right.digits) >= 0
            ? Whole(subtract(left.digits, right.digits), isNegative: left.isNegative)
            : Whole(subtract(right.digits, left.digits), isNegative: right.isNegative)
    }

    static func - (left: Whole, right: Whole) -> Whole { left + right.negated }

    static func * (left: Whole, right: Whole) -> Whole {
        var product = [Int](repeating: 0, count: left.digits.count + right.digits.count + 1)
        for (low, a) in left.digits.enumerated() {
            for (high, b) in right.digits.enumerated() { product[low + high] += a * b }
        }
        for index in product.indices.dropLast() {
            product[index + 1] += product[index] / 10
            product[index] %= 10
        }
        return Whole(product, isNegative: left.isNegative != right.isNegative)
    }

    /// |self| ÷ |divisor|, rounded down, and what remains: digit by digit.
    func quotientAndRest(by divisor: Whole) -> (quotient: Whole, rest: Whole) {
        var quotient: [Int] = []
        var rest = Whole([])
        for digit in digits.reversed() {
            rest = Whole([digit] + rest.digits)
            var count = 0
            while Whole.compare(rest.digits, divisor.digits) >= 0 {
                rest = Whole(Whole.subtract(rest.digits, divisor.digits))
                count += 1
            }
            quotient.insert(count, at: 0)
        }
        return (Whole(quotient), rest)
    }

    /// self ÷ divisor, to the nearest whole number, a half to the even one.
    func rounded(dividingBy divisor: Whole) -> Whole {
        let (quotient, rest) = quotientAndRest(by: divisor)
        let twice = Whole.compare((rest + rest).digits, divisor.digits)
        let isOdd = (quotient.digits.first ?? 0) % 2 == 1
        let up = twice > 0 || (twice == 0 && isOdd)
        let magnitude = up ? quotient + Whole([1]) : quotient
        return Whole(magnitude.digits, isNegative: isNegative != divisor.isNegative)
    }
}
