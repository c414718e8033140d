/// An instant in UTC: microseconds since 1970-01-01T00:00:00Z, years 1970 to 9999.
@frozen
public struct Timestamp: Hashable, Comparable, Sendable {
    /// Since 1970-01-01T00:00:00Z; negative before.
    public let microseconds: Int64

    /// Takes any count; `isInRange` tells whether the ledger takes the instant.
    @inlinable
    public init(microseconds: Int64) {
        self.microseconds = microseconds
    }

    /// Whether `left` is earlier.
    @inlinable
    public static func < (left: Timestamp, right: Timestamp) -> Bool {
        left.microseconds < right.microseconds
    }

    /// The last instant that is taken: 9999-12-31T23:59:59.999999Z.
    public static let latest = Timestamp(microseconds: 253_402_300_799_999_999)
    /// Microseconds in a second.
    public static let secondInMicroseconds: Int64 = 1_000_000
    /// Microseconds in a UTC day; leap seconds are not counted.
    public static let dayInMicroseconds: Int64 = 86_400_000_000

    /// Whether it lies in the years 1970 to 9999.
    public var isInRange: Bool { microseconds >= 0 && self <= .latest }

    /// The UTC day that it belongs to; 00:00:00 belongs to the day that it starts.
    @inlinable public var day: Day {
        Day(
            number: Int32(
                truncatingIfNeeded: microseconds >= 0
                    ? microseconds / 86_400_000_000
                    : (microseconds - 86_399_999_999) / 86_400_000_000))
    }

    /// The last multiple of `seconds` since the epoch that is not later (accounting.md §2).
    public func floored(toSeconds seconds: Int64) -> Timestamp {
        let step = seconds * Timestamp.secondInMicroseconds
        let rest = microseconds % step
        return Timestamp(microseconds: microseconds - (rest < 0 ? rest + step : rest))
    }
}

/// A UTC day, counted from 1970-01-01 = 0.
@frozen
public struct Day: Hashable, Comparable, Sendable {
    /// Days since 1970-01-01; negative before.
    public let number: Int32

    /// Takes any count; nothing is checked.
    @inlinable
    public init(number: Int32) {
        self.number = number
    }

    /// Whether `left` is earlier.
    @inlinable
    public static func < (left: Day, right: Day) -> Bool { left.number < right.number }

    /// Year, month 1–12 and day 1–31 of the proleptic Gregorian calendar
    /// (days-to-civil, H. Hinnant, "chrono-Compatible Low-Level Date Algorithms").
    public var civil: (year: Int, month: Int, day: Int) {
        let shifted = Int(number) + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthIndex = (5 * dayOfYear + 2) / 153
        let month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * monthIndex + 2) / 5 + 1)
    }

    /// From a calendar date; nil if there is no such day.
    public init?(year: Int, month: Int, day: Int) {
        guard (1...12).contains(month), (1...31).contains(day), (0...9999).contains(year) else {
            return nil
        }
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        self.init(number: Int32(era * 146_097 + dayOfEra - 719_468))
        guard civil == (year, month, day) else { return nil }
    }

    /// The first day of its month.
    public var monthStart: Day { Day(number: number - Int32(civil.day - 1)) }

    /// 00:00:00 of the day.
    public var start: Timestamp {
        Timestamp(microseconds: Int64(number) * Timestamp.dayInMicroseconds)
    }
}

extension Day: CustomStringConvertible {
    /// "2026-01-31".
    public var description: String {
        let date = civil
        return pad(date.year, 4) + "-" + pad(date.month, 2) + "-" + pad(date.day, 2)
    }

    /// From "2026-01-31".
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == 10, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"),
            let year = decimalNumber(bytes[0..<4]), let month = decimalNumber(bytes[5..<7]),
            let day = decimalNumber(bytes[8..<10])
        else { return nil }
        self.init(year: year, month: month, day: day)
    }
}

extension Timestamp: CustomStringConvertible {
    /// RFC 3339 in UTC with as many of six fraction digits as are needed:
    /// "2026-01-02T03:04:05.678Z".
    public var description: String {
        var output: [UInt8] = []
        write(to: &output)
        return String(decoding: output, as: UTF8.self)
    }

    /// Appends the RFC 3339 form.
    public func write(to output: inout [UInt8]) {
        let date = day.civil
        let inDay = microseconds - day.start.microseconds
        let second = Int(inDay / Timestamp.secondInMicroseconds)
        writePadded(date.year, 4, to: &output)
        output.append(UInt8(ascii: "-"))
        writePadded(date.month, 2, to: &output)
        output.append(UInt8(ascii: "-"))
        writePadded(date.day, 2, to: &output)
        output.append(UInt8(ascii: "T"))
        writePadded(second / 3600, 2, to: &output)
        output.append(UInt8(ascii: ":"))
        writePadded(second / 60 % 60, 2, to: &output)
        output.append(UInt8(ascii: ":"))
        writePadded(second % 60, 2, to: &output)
        var fraction = Int(inDay % Timestamp.secondInMicroseconds)
        if fraction != 0 {
            var places = 6
            while fraction % 10 == 0 {
                fraction /= 10
                places -= 1
            }
            output.append(UInt8(ascii: "."))
            writePadded(fraction, places, to: &output)
        }
        output.append(UInt8(ascii: "Z"))
    }

    /// From RFC 3339 with "Z" or a numeric offset and at most six fraction digits that are not 0;
    /// nil if malformed or outside the years 1970 to 9999.
    public init?(parsing bytes: UnsafeBufferPointer<UInt8>) {
        func number(_ start: Int, _ length: Int) -> Int? {
            var value = 0
            for index in start..<start + length {
                guard let digit = decimalDigit(bytes[index]) else { return nil }
                value = value * 10 + Int(digit)
            }
            return value
        }
        guard bytes.count >= 20, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"),
            bytes[10] == UInt8(ascii: "T") || bytes[10] == UInt8(ascii: " "),
            bytes[13] == UInt8(ascii: ":"), bytes[16] == UInt8(ascii: ":"),
            let year = number(0, 4), let month = number(5, 2), let dayOfMonth = number(8, 2),
            let hour = number(11, 2), let minute = number(14, 2), let second = number(17, 2),
            let day = Day(year: year, month: month, day: dayOfMonth),
            hour < 24, minute < 60, second < 60
        else { return nil }
        var index = 19
        var fraction: Int64 = 0
        var unit: Int64 = 100_000
        if bytes[index] == UInt8(ascii: ".") {
            index += 1
            let start = index
            while index < bytes.count, let digit = decimalDigit(bytes[index]) {
                guard digit == 0 || unit > 0 else { return nil }
                fraction += Int64(digit) * unit
                unit /= 10
                index += 1
            }
            guard index > start else { return nil }
        }
        var offset = 0
        switch index < bytes.count ? bytes[index] : 0 {
        case UInt8(ascii: "Z"):
            guard index + 1 == bytes.count else { return nil }
        case UInt8(ascii: "+"), UInt8(ascii: "-"):
            guard index + 6 == bytes.count, bytes[index + 3] == UInt8(ascii: ":"),
                let hours = number(index + 1, 2), let minutes = number(index + 4, 2),
                hours < 24, minutes < 60
            else { return nil }
            offset = (hours * 60 + minutes) * (bytes[index] == UInt8(ascii: "-") ? -60 : 60)
        default: return nil
        }
        let seconds = Int64(hour * 3600 + minute * 60 + second - offset)
        self.init(
            microseconds: day.start.microseconds + seconds * Timestamp.secondInMicroseconds
                + fraction)
        guard isInRange else { return nil }
    }

    /// The same as `init(parsing:)` from a string; nil if malformed or out of range.
    public init?(_ text: String) {
        var copy = text
        guard let time = copy.withUTF8({ Timestamp(parsing: $0) }) else { return nil }
        self = time
    }
}

private func decimalNumber(_ bytes: ArraySlice<UInt8>) -> Int? {
    var value = 0
    for byte in bytes {
        guard let digit = decimalDigit(byte) else { return nil }
        value = value * 10 + Int(digit)
    }
    return value
}

private func pad(_ value: Int, _ width: Int) -> String {
    var output: [UInt8] = []
    writePadded(value, width, to: &output)
    return String(decoding: output, as: UTF8.self)
}

private func writePadded(_ value: Int, _ width: Int, to output: inout [UInt8]) {
    var unit = 1
    for _ in 1..<width { unit *= 10 }
    while unit > 0 {
        output.append(UInt8(ascii: "0") + UInt8(value / unit % 10))
        unit /= 10
    }
}
