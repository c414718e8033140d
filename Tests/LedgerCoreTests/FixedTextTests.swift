import LedgerTesting
import Testing

@testable import LedgerCore

/// Decimals as texts (accounting.md §1).
struct FixedTextTests {
    /// The normal form by way of long numbers: whole part, ".", places without trailing zeros.
    private func normal(_ value: Fixed) -> String {
        let digits = Whole(value.scaled).magnitude.description
        let padded = String(repeating: "0", count: max(0, 19 - digits.count)) + digits
        let whole = padded.dropLast(18)
        let fraction = padded.suffix(18)
        let end = fraction.lastIndex { $0 != "0" }.map { fraction.index(after: $0) }
        let places = fraction[..<(end ?? fraction.startIndex)]
        return (value.isNegative ? "-" : "") + whole + (places.isEmpty ? "" : "." + places)
    }

    private func error(of text: String) -> Fixed.TextError? {
        do throws(Fixed.TextError) {
            _ = try Fixed(parsing: text)
            return nil
        } catch { return error }
    }

    @Test(arguments: seeds)
    func `a value is written in its normal form and read back`(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        for round in 0..<500 {
            let value = random.fixed()
            let text = value.description
            let note: Comment = "seed \(seed), round \(round): \(value.scaled)"
            #expect(text == normal(value), note)
            #expect(try Fixed(parsing: text) == value, note)
            var bytes: [UInt8] = []
            value.write(to: &bytes)
            #expect(bytes == Array(text.utf8), note)
        }
    }

    @Test(arguments: seeds)
    func `a text is read to its exact value`(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        for round in 0..<300 {
            let number: UInt64 = random.next()
            let whole = String(random.chance(50) ? number % 100 : number)
            let fraction = (0..<random.within(0...18)).map { _ in "\(random.below(10))" }.joined()
            let padding = String(repeating: "0", count: 18 - fraction.count)
            let exact = Whole(whole + fraction + padding)
            let text = fraction.isEmpty ? whole : whole + "." + fraction
            let note: Comment = "seed \(seed), round \(round): \(text)"
            #expect(Whole(try Fixed(parsing: text).scaled) == exact, note)
            let isZero = exact.isZero
            #expect(error(of: "-" + text) == (isZero ? .malformed : nil), note)
        }
    }

    @Test(
        arguments: [
            "", "-", "+1", "+0", "-0", "-0.0", "-0.000", "1e5", "1E5", "1.5e-3", "1.", ".5", "-.5",
            "00", "01", "-01", "007.5", "1..2", "1.2.3", " 1", "1 ", "1,5", "1_000", "0x10", "NaN",
            "inf", "−1", "١", "1.٥", "1.2-", "--1", "1\u{0}", "1.0000000000000000000x",
        ])
    func `a text of another form is malformed`(text: String) {
        #expect(error(of: text) == .malformed)
        #expect(Fixed(text) == nil)
    }

    @Test(
        arguments: [
            "0.0000000000000000001", "1.1234567890123456789", "-1.0000000000000000001",
            "99999999999999999999.9999999999999999999", "0.00000000000000000000000001",
        ])
    func `a digit in the 19th place is refused`(text: String) {
        #expect(error(of: text) == .tooPrecise)
    }

    @Test(
        arguments: [
            "100000000000000000000", "-100000000000000000000", "100000000000000000000.5",
            "340282366920938463463374607431768211456", "999999999999999999999",
        ])
    func `a value of 10²⁰ and more is refused`(text: String) {
        #expect(error(of: text) == .outOfRange)
    }

    @Test(
        arguments: [
            ("0", "0"), ("0.0", "0"), ("1.50", "1.5"), ("10", "10"), ("-2.0", "-2"),
            ("0.000000000000000001", "0.000000000000000001"),
            ("1.0000000000000000000000", "1"),
            ("99999999999999999999.999999999999999999", "99999999999999999999.999999999999999999"),
            ("-99999999999999999999", "-99999999999999999999"), ("1000000000", "1000000000"),
            ("10000000000", "10000000000"), ("12345678901234567890", "12345678901234567890"),
        ])
    func `trailing zeros are taken and not written`(text: String, normal: String) throws {
        #expect(try Fixed(parsing: text).description == normal)
    }

    @Test(
        arguments: [
            ("+1", "1"), ("-0.0", "0"), ("1e3", "1000"), ("1.609e-05", "0.00001609"),
            ("-2E+2", "-200"), (".5", "0.5"), ("5.", "5"), ("007", "7"),
            ("1e-18", "0.000000000000000001"),
            ("48372.0", "48372"), ("0e99", "0"), ("10000e-22", "0.000000000000000001"),
            ("99999999999999999999", "99999999999999999999"),
        ])
    func `a foreign form is read exactly`(text: String, normal: String) throws {
        #expect(try Fixed(foreign: text).description == normal)
    }

    @Test(
        arguments: [
            ("1e20", Fixed.TextError.outOfRange), ("1e-19", .tooPrecise), ("1e", .malformed),
            ("", .malformed), ("e5", .malformed), ("1e+", .malformed), ("1.2.3", .malformed),
            ("1-2", .malformed), (" 1", .malformed), ("NaN", .malformed),
            ("0.1234567890123456789", .tooPrecise), ("1e99999999999999999999", .outOfRange),
        ])
    func `a foreign form that has no exact value is refused`(
        text: String, expected: Fixed.TextError
    ) {
        #expect(throws: expected) { try Fixed(foreign: text) }
    }

    @Test func `each refusal says what to write instead`() {
        let cures = [Fixed.TextError.malformed, .tooPrecise, .outOfRange].map(\.cure)
        #expect(Set(cures).count == 3)
        #expect(cures[1].contains("18"))
    }
}
