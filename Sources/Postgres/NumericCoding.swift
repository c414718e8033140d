/// PostgreSQL's binary numeric: base-10000 digits, each at 10000^weight, 10000^(weight-1), …
///
/// Here a numeric is an `Int128` that counts units of 10^-18, so at most 18 decimals and a
/// magnitude below about 1.7 × 10^20. No rounding happens in either direction.
enum NumericCoding {
    private static let scale: UInt128 = 1_000_000_000_000_000_000
    private static let positive: UInt16 = 0x0000
    private static let negative: UInt16 = 0x4000
    /// Groups of an encoded value: exponents 5 … 0, then -1 … -5.
    private static let groupCount = 11
    private static let weightMax = 5

    /// Appends length and value, with a display scale of 18.
    static func putField(_ value: Int128, into writer: inout ByteWriter) {
        withUnsafeTemporaryAllocation(of: UInt16.self, capacity: groupCount) { groups in
            split(value.magnitude, into: groups)
            let first = groups.firstIndex { $0 != 0 } ?? 0
            let last = groups.lastIndex { $0 != 0 } ?? -1
            let digitCount = last - first + 1
            let weight = digitCount == 0 ? 0 : weightMax - first
            writer.reserve(12 + 2 * digitCount)
            writer.put(Int32(8 + 2 * digitCount))
            writer.put(Int16(digitCount))
            writer.put(Int16(weight))
            writer.put(value < 0 ? negative : positive)
            writer.put(UInt16(18))
            for index in first..<(first + digitCount) { writer.put(groups[index]) }
        }
    }

    private static func split(
        _ magnitude: UInt128, into groups: UnsafeMutableBufferPointer<UInt16>
    ) {
        groups.initialize(repeating: 0)
        var whole: UInt64
        var fraction: UInt64
        var highest: UInt64 = 0
        if let small = UInt64(exactly: magnitude) {
            (whole, fraction) = small.quotientAndRemainder(dividingBy: UInt64(scale))
        } else {
            let parts = magnitude.quotientAndRemainder(dividingBy: scale)
            fraction = UInt64(parts.remainder)
            // Up to 21 digits: the upper five or fewer are taken apart first.
            let halves = parts.quotient.quotientAndRemainder(dividingBy: 10_000_000_000_000_000)
            highest = UInt64(halves.quotient)
            whole = UInt64(halves.remainder)
        }
        for index in stride(from: weightMax, through: 0, by: -1) where whole > 0 {
            groups[index] = UInt16(whole % 10_000)
            whole /= 10_000
        }
        for index in [1, 0] where highest > 0 {
            groups[index] = UInt16(highest % 10_000)
            highest /= 10_000
        }
        groups[10] = UInt16(fraction % 100) * 100
        fraction /= 100
        for index in stride(from: 9, through: 6, by: -1) {
            groups[index] = UInt16(fraction % 10_000)
            fraction /= 10_000
        }
    }

    /// Why a binary numeric is not one of ours.
    enum Failure: String, Error {
        case malformed = "is a malformed numeric"
        case notFinite = "is NaN or infinite"
        case tooFine = "has more than 18 decimals"
        case overflow = "is beyond 128 bits with 18 decimals"
    }

    /// Decodes the field's bytes, without the length.
    static func decode(_ bytes: UnsafeRawBufferPointer) throws(Failure) -> Int128 {
        guard bytes.count >= 8 else { throw .malformed }
        func word(_ offset: Int) -> UInt16 {
            UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
        }
        let digitCount = Int(Int16(bitPattern: word(0)))
        let weight = Int(Int16(bitPattern: word(2)))
        let sign = word(4)
        guard sign == positive || sign == negative else { throw .notFinite }
        guard digitCount >= 0, bytes.count == 8 + 2 * digitCount else { throw .malformed }
        var whole: UInt128 = 0
        var fraction: UInt64 = 0
        for index in 0..<digitCount {
            let digit = word(8 + 2 * index)
            guard digit < 10_000 else { throw .malformed }
            let exponent = weight - index
            if exponent >= 0 {
                whole = try shifted(whole, adding: digit)
            } else if exponent >= -4 {
                fraction += UInt64(digit) * fractionUnits[-exponent]
            } else if exponent == -5 {
                guard digit % 100 == 0 else { throw .tooFine }
                fraction += UInt64(digit / 100)
            } else if digit != 0 {
                throw .tooFine
            }
        }
        // Trailing zero digits are left out on the wire: make up for the whole ones.
        if weight >= digitCount, whole != 0 {
            for _ in digitCount...weight { whole = try shifted(whole, adding: 0) }
        }
        return try compose(whole, fraction, isNegative: sign == negative)
    }

    /// What digit 1 at 10000^-1 … 10000^-4 is worth, in units of 10^-18.
    private static let fractionUnits: [UInt64] = [
        0, 100_000_000_000_000, 10_000_000_000, 1_000_000, 100,
    ]

    private static func shifted(
        _ whole: UInt128, adding digit: UInt16
    ) throws(Failure) -> UInt128 {
        // 10^21 exceeds every whole part that fits, and is far from overflowing here.
        guard whole < 1_000_000_000_000_000_000_000 else { throw .overflow }
        return whole * 10_000 + UInt128(digit)
    }

    private static func compose(
        _ whole: UInt128, _ fraction: UInt64, isNegative: Bool
    ) throws(Failure) -> Int128 {
        let (product, overflow) = whole.multipliedReportingOverflow(by: scale)
        let (sum, carry) = product.addingReportingOverflow(UInt128(fraction))
        guard !overflow, !carry else { throw .overflow }
        if let value = Int128(exactly: sum) { return isNegative ? -value : value }
        guard isNegative, sum == Int128.min.magnitude else { throw .overflow }
        return Int128.min
    }
}
