extension Fixed: CustomStringConvertible, LosslessStringConvertible {
    /// Why a text is no decimal of accounting.md §1.
    public enum TextError: Error, Equatable, Sendable {
        /// Not `-?digits[.digits]`, or "-0", or a leading zero.
        case malformed
        /// A digit other than 0 in the 19th place or beyond.
        case tooPrecise
        /// |value| ≥ 10²⁰.
        case outOfRange

        /// What a caller does about it.
        public var cure: String {
            switch self {
            case .malformed:
                "write a decimal string such as \"0.1\" (no exponent, no \"+\", no \"-0\")"
            case .tooPrecise: "use at most 18 decimal places"
            case .outOfRange: "values must be smaller than 10^20 in magnitude"
            }
        }
    }

    /// Parses `-?digits[.digits]`. Trailing zeros are taken; no exponent, no "+", no "-0".
    public init(parsing bytes: UnsafeBufferPointer<UInt8>) throws(TextError) {
        var index = 0
        let count = bytes.count
        let negative = count > 0 && bytes[0] == UInt8(ascii: "-")
        if negative { index = 1 }
        let start = index
        var value: UInt128 = 0
        // Up to 19 digits are gathered in 64 bits first: 128-bit steps are several times slower.
        var chunk: UInt64 = 0
        while index < count, let digit = decimalDigit(bytes[index]) {
            if index - start < 18 {
                chunk = chunk &* 10 &+ digit
            } else {
                if index - start == 18 { value = UInt128(chunk) }
                guard index - start < 20 else { throw .outOfRange }
                value = value * 10 + UInt128(digit)
            }
            index += 1
        }
        let digits = index - start
        if digits <= 18 { value = UInt128(chunk) }
        guard digits > 0, digits == 1 || bytes[start] != UInt8(ascii: "0") else {
            throw .malformed
        }
        var fraction: UInt64 = 0
        var places = 0
        if index < count {
            guard bytes[index] == UInt8(ascii: "."), index + 1 < count else { throw .malformed }
            index += 1
            while index < count {
                guard let digit = decimalDigit(bytes[index]) else { throw .malformed }
                if places < Fixed.scale {
                    fraction = fraction &* 10 &+ digit
                    places += 1
                } else if digit != 0 {
                    try Fixed.checkDigits(bytes, from: index)
                    throw .tooPrecise
                }
                index += 1
            }
        }
        let scaled =
            value * UInt128(Fixed.unit)
            + UInt128(fraction) * powerOfTen(Fixed.scale - places)
        guard scaled < Fixed.limit.magnitude else { throw .outOfRange }
        guard !(negative && scaled == 0) else { throw .malformed }
        self.init(unchecked: negative ? -Int128(scaled) : Int128(scaled))
    }

    private static func checkDigits(
        _ bytes: UnsafeBufferPointer<UInt8>, from start: Int
    ) throws(TextError) {
        for index in start..<bytes.count where decimalDigit(bytes[index]) == nil {
            throw .malformed
        }
    }

    /// The same from a string.
    public init(parsing text: String) throws(TextError) {
        var copy = text
        let result = copy.withUTF8 { bytes -> Result<Fixed, TextError> in
            do throws(TextError) { return .success(try Fixed(parsing: bytes)) } catch {
                return .failure(error)
            }
        }
        self = try result.get()
    }

    /// The same as `init(parsing:)`, but nil where that throws.
    public init?(_ description: String) {
        guard let value = try? Fixed(parsing: description) else { return nil }
        self = value
    }

    /// The normal form: no exponent, no trailing zeros, no "-0".
    public var description: String {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 48) { buffer in
            let start = format(into: buffer)
            return String(decoding: buffer[start...], as: UTF8.self)
        }
    }

    /// Appends the normal form.
    public func write(to output: inout [UInt8]) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 48) { buffer in
            let start = format(into: buffer)
            output.append(contentsOf: buffer[start...])
        }
    }

    /// Fills the buffer from its end and returns where the text starts.
    private func format(into buffer: UnsafeMutableBufferPointer<UInt8>) -> Int {
        let (whole, rest) = scaled.magnitude.quotientAndRemainder(
            dividingBy: UInt128(Fixed.unit))
        var end = buffer.count
        var fraction = UInt64(rest)
        if fraction != 0 {
            var places = Fixed.scale
            while fraction % 10 == 0 {
                fraction /= 10
                places -= 1
            }
            for _ in 0..<places {
                end -= 1
                buffer[end] = UInt8(ascii: "0") + UInt8(fraction % 10)
                fraction /= 10
            }
            end -= 1
            buffer[end] = UInt8(ascii: ".")
        }
        // whole < 10²⁰ needs 67 bits: the low ten digits and the rest fit 64 each.
        let (top, low) = whole.quotientAndRemainder(dividingBy: 10_000_000_000)
        var digits = UInt64(low)
        let upper = UInt64(top)
        for place in 0..<20 {
            if place == 10 { digits = upper }
            if place < 10, upper == 0, digits == 0, place > 0 { break }
            if place >= 10, digits == 0 { break }
            end -= 1
            buffer[end] = UInt8(ascii: "0") + UInt8(digits % 10)
            digits /= 10
        }
        if isNegative {
            end -= 1
            buffer[end] = UInt8(ascii: "-")
        }
        return end
    }
}

@inline(__always)
func decimalDigit(_ byte: UInt8) -> UInt64? {
    let digit = byte &- UInt8(ascii: "0")
    return digit < 10 ? UInt64(digit) : nil
}
