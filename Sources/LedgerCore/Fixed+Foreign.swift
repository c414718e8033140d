extension Fixed {
    /// Parses a decimal as venues and data files write it, exactly: a sign, trailing zeros, an
    /// exponent and "-0.0" are taken ("+1", "48372.0", "-1.609e-05", ".5").
    ///
    /// Our own payloads never have these forms (accounting.md §1); what is read here is written
    /// in the normal form.
    /// - Throws: `malformed`; `tooPrecise` for a digit other than 0 beyond the 18th place;
    ///   `outOfRange` for |value| ≥ 10²⁰.
    public init(foreign text: String) throws(TextError) {
        var number = ForeignNumber()
        for byte in text.utf8 { try number.take(byte) }
        self = try number.value()
    }
}

/// [sign] digits [. digits] [e [sign] digits], byte by byte.
private struct ForeignNumber {
    private enum Part { case sign, whole, fraction, exponentSign, exponent }

    private var part = Part.sign
    private var isNegative = false
    private var hasDigit = false
    /// The digits up to the last one that is not 0.
    private var digits: UInt128 = 0
    /// Zeros after it.
    private var zeros = 0
    private var places = 0
    private var exponent = 0
    private var exponentIsNegative = false
    private var hasExponentDigit = false

    /// Beyond this many digits in a row of zeros, or places, no value fits.
    private static let placesMax = 10_000

    mutating func take(_ byte: UInt8) throws(Fixed.TextError) {
        if let digit = decimalDigit(byte) { return try take(digit: digit) }
        switch (byte, part) {
        case (UInt8(ascii: "-"), .sign), (UInt8(ascii: "+"), .sign):
            isNegative = byte == UInt8(ascii: "-")
            part = .whole
        case (UInt8(ascii: "."), .sign), (UInt8(ascii: "."), .whole): part = .fraction
        case (UInt8(ascii: "e"), .whole), (UInt8(ascii: "e"), .fraction),
            (UInt8(ascii: "E"), .whole), (UInt8(ascii: "E"), .fraction):
            guard hasDigit else { throw .malformed }
            part = .exponentSign
        case (UInt8(ascii: "-"), .exponentSign), (UInt8(ascii: "+"), .exponentSign):
            exponentIsNegative = byte == UInt8(ascii: "-")
            part = .exponent
        default: throw .malformed
        }
    }

    private mutating func take(digit: UInt64) throws(Fixed.TextError) {
        switch part {
        case .sign: part = .whole
        case .whole, .fraction: break
        case .exponentSign, .exponent:
            part = .exponent
            hasExponentDigit = true
            exponent = exponent * 10 + Int(digit)
            guard exponent <= ForeignNumber.placesMax else { throw .outOfRange }
            return
        }
        hasDigit = true
        if part == .fraction { places += 1 }
        guard places <= ForeignNumber.placesMax, zeros <= ForeignNumber.placesMax else {
            throw .tooPrecise
        }
        guard digit != 0 else {
            if digits != 0 { zeros += 1 }
            return
        }
        guard zeros < 38 else { throw .tooPrecise }
        let (shifted, beyond) = digits.multipliedReportingOverflow(by: powerOfTen(zeros + 1))
        let (sum, carry) = shifted.addingReportingOverflow(UInt128(digit))
        guard !beyond, !carry else { throw .tooPrecise }
        digits = sum
        zeros = 0
    }

    func value() throws(Fixed.TextError) -> Fixed {
        guard hasDigit, part != .exponentSign, part != .exponent || hasExponentDigit else {
            throw .malformed
        }
        guard digits != 0 else { return .zero }
        let power = zeros - places + (exponentIsNegative ? -exponent : exponent) + Fixed.scale
        guard power >= 0 else { throw .tooPrecise }
        guard power <= 38 else { throw .outOfRange }
        let (scaled, overflow) = digits.multipliedReportingOverflow(by: powerOfTen(power))
        guard !overflow, scaled < UInt128(Int128.max),
            let value = try? Fixed(scaled: isNegative ? -Int128(scaled) : Int128(scaled))
        else { throw .outOfRange }
        return value
    }
}
