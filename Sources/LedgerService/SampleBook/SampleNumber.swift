import LedgerCore

/// An exact decimal with operators, for the sample book only: its numbers stay far within the range
/// of `Fixed`, so that an overflow is a mistake in the sample and stops the process.
struct SampleNumber: Comparable {
    let fixed: Fixed

    static let zero = SampleNumber(.zero)
    static let one = SampleNumber(.one)

    init(_ fixed: Fixed) {
        self.fixed = fixed
    }

    /// count · 10^−places
    init(_ count: Int64, places: Int = 0) {
        var unit: Int128 = 1
        for _ in places..<Fixed.scale { unit *= 10 }
        self.init { () throws(FixedError) in try Fixed(scaled: Int128(count) * unit) }
    }

    private init(_ compute: () throws(FixedError) -> Fixed) {
        do throws(FixedError) { fixed = try compute() } catch {
            preconditionFailure("a number of the sample book: \(error)")
        }
    }

    /// Half-even to `places`.
    func rounded(_ places: Int) -> SampleNumber {
        SampleNumber { () throws(FixedError) in
            try fixed.multiplied(by: .one, dividedBy: .one, places: places)
        }
    }

    /// The largest multiple of `step` that is not above.
    func floored(to step: SampleNumber) -> SampleNumber {
        let rest = fixed.scaled % step.fixed.scaled
        return SampleNumber { () throws(FixedError) in
            try Fixed(scaled: fixed.scaled - (rest < 0 ? rest + step.fixed.scaled : rest))
        }
    }

    var isZero: Bool { fixed.isZero }
    var magnitude: SampleNumber { SampleNumber(fixed.magnitude) }

    static func < (left: SampleNumber, right: SampleNumber) -> Bool { left.fixed < right.fixed }

    static prefix func - (number: SampleNumber) -> SampleNumber {
        SampleNumber(number.fixed.negated)
    }

    static func + (left: SampleNumber, right: SampleNumber) -> SampleNumber {
        SampleNumber { () throws(FixedError) in try left.fixed.adding(right.fixed) }
    }

    static func - (left: SampleNumber, right: SampleNumber) -> SampleNumber {
        SampleNumber { () throws(FixedError) in try left.fixed.subtracting(right.fixed) }
    }

    static func * (left: SampleNumber, right: SampleNumber) -> SampleNumber {
        SampleNumber { () throws(FixedError) in try left.fixed.multiplied(by: right.fixed) }
    }

    static func / (left: SampleNumber, right: SampleNumber) -> SampleNumber {
        SampleNumber { () throws(FixedError) in try left.fixed.divided(by: right.fixed) }
    }
}
