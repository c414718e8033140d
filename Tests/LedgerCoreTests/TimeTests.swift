import LedgerTesting
import Testing

@testable import LedgerCore

/// Instants and days (accounting.md: all times are UTC).
struct TimeTests {
    /// The calendar by counting: year for year, month for month.
    private func civil(_ number: Int) -> (Int, Int, Int) {
        var (year, month, rest) = (1970, 1, number)
        func isLeap(_ year: Int) -> Bool {
            year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        }
        while rest >= (isLeap(year) ? 366 : 365) {
            rest -= isLeap(year) ? 366 : 365
            year += 1
        }
        let lengths = [31, isLeap(year) ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        while rest >= lengths[month - 1] {
            rest -= lengths[month - 1]
            month += 1
        }
        return (year, month, rest + 1)
    }

    @Test func `each day of 180 years has its date, and each date its day`() throws {
        for number in 0..<180 * 366 {
            let date = civil(number)
            let day = Day(number: Int32(number))
            guard day.civil == date, Day(year: date.0, month: date.1, day: date.2) == day else {
                Issue.record("day \(number) is \(date), not \(day.civil)")
                return
            }
        }
    }

    @Test(arguments: seeds)
    func `an instant is written and read back`(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        for round in 0..<300 {
            var microseconds = Int64(random.next() % UInt64(Timestamp.latest.microseconds + 1))
            if random.chance(30) { microseconds -= microseconds % 1_000_000 }
            if random.chance(30) { microseconds -= microseconds % 1_000 }
            let time = Timestamp(microseconds: microseconds)
            let note: Comment = "seed \(seed), round \(round): \(microseconds) µs"
            #expect(Timestamp(time.description) == time, note)
            #expect(time.isInRange, note)
            let (year, month, day) = civil(Int(microseconds / Timestamp.dayInMicroseconds))
            #expect(time.day == Day(year: year, month: month, day: day), note)
            #expect(Day(time.day.description) == time.day, note)
            #expect(time.day.start <= time && time < Day(number: time.day.number + 1).start, note)
            #expect(time.day.monthStart.civil == (year, month, 1), note)
        }
    }

    @Test(
        arguments: [
            ("1970-01-01T00:00:00Z", Int64(0)), ("2026-01-01T00:00:00Z", 1_767_225_600_000_000),
            ("2000-02-29T12:34:56.789Z", 951_827_696_789_000),
            ("2026-01-02T03:04:05.000001Z", 1_767_323_045_000_001),
            ("2026-01-01T00:00:00.1Z", 1_767_225_600_100_000),
            ("9999-12-31T23:59:59.999999Z", 253_402_300_799_999_999),
        ])
    func `an instant has the number that every clock gives it`(text: String, number: Int64) {
        #expect(Timestamp(text)?.microseconds == number)
        #expect(Timestamp(microseconds: number).description == text)
    }

    @Test(
        arguments: [
            ("2026-01-01T01:00:00+01:00", "2026-01-01T00:00:00Z"),
            ("2025-12-31T19:00:00-05:00", "2026-01-01T00:00:00Z"),
            ("2026-01-01T05:45:00.5+05:45", "2026-01-01T00:00:00.5Z"),
            ("2026-01-01T00:00:00-00:00", "2026-01-01T00:00:00Z"),
            ("2026-01-01 00:00:00Z", "2026-01-01T00:00:00Z"),
            ("2026-01-01T00:00:00.100000000000Z", "2026-01-01T00:00:00.1Z"),
            ("1969-12-31T23:30:00-00:30", "1970-01-01T00:00:00Z"),
        ])
    func `an offset is turned into UTC`(text: String, utc: String) {
        #expect(Timestamp(text)?.description == utc)
    }

    @Test(
        arguments: [
            "", "2026-01-01", "2026-01-01T00:00:00", "2026-01-01T00:00Z", "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z", "2026-02-29T00:00:00Z",
            "2100-02-29T00:00:00Z", "2026-04-31T00:00:00Z", "2026-01-01T24:00:00Z",
            "2026-01-01T00:60:00Z", "2026-01-01T00:00:60Z", "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00.1234567Z", "2026-01-01T00:00:00.0000001Z",
            "2026-01-01T00:00:00+0100", "2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00+01:60",
            "2026-01-01T00:00:00+01:0", "2026-01-01T00:00:00Zx", "2026-01-01T00:00:00 Z",
            "+026-01-01T00:00:00Z", "2026-1-01T00:00:00Z", "1970-01-01T00:00:00+00:01",
            "1969-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999-00:01",
            "2026-01-01T00:00:00.", "2026-01-01T00:00:00.1", "2026-01-01T00:00:00,5Z",
        ])
    func `a text that is no instant of 1970 to 9999 is refused`(text: String) {
        #expect(Timestamp(text) == nil)
    }

    @Test(arguments: [(1900, false), (2000, true), (2023, false), (2024, true), (2100, false)])
    func `a leap day is there in leap years only`(year: Int, isLeap: Bool) {
        #expect((Day(year: year, month: 2, day: 29) != nil) == isLeap)
        #expect(Day(year: year, month: 2, day: 28) != nil)
        #expect(Day(year: year, month: 2, day: 30) == nil)
    }

    @Test(
        arguments: [
            "", "2026-1-1", "2026/01/01", "2026-02-30", "2026-13-01", "2026-01-01T", "abcd-ef-gh",
        ])
    func `a text that is no date is refused`(text: String) {
        #expect(Day(text) == nil)
    }

    @Test func `midnight belongs to the day that it starts`() {
        let midnight = Timestamp.of("2026-01-02T00:00:00Z")
        #expect(midnight.day.description == "2026-01-02")
        #expect(Timestamp(microseconds: midnight.microseconds - 1).day.description == "2026-01-01")
        #expect(Timestamp(microseconds: -1).day.number == -1)
        #expect(Timestamp(microseconds: -86_400_000_000).day.number == -1)
        #expect(Timestamp(microseconds: -86_400_000_001).day.number == -2)
    }

    @Test(arguments: seeds)
    func `the floor is the last multiple that is not later`(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for round in 0..<300 {
            let time = Timestamp(microseconds: Int64(random.next() >> 14) - (1 << 48))
            let seconds = Int64(random.one(of: [1, 60, 3_600, 14_400, 28_800, 86_400, 31_536_000]))
            let floor = time.floored(toSeconds: seconds)
            let note: Comment = "seed \(seed), round \(round): \(time.microseconds) to \(seconds) s"
            #expect(floor.microseconds % (seconds * 1_000_000) == 0, note)
            #expect(floor <= time, note)
            #expect(time.microseconds - floor.microseconds < seconds * 1_000_000, note)
        }
    }

    @Test func `an instant outside of 1970 to 9999 is out of range`() {
        #expect(!Timestamp(microseconds: -1).isInRange)
        #expect(Timestamp(microseconds: 0).isInRange)
        #expect(Timestamp.latest.isInRange)
        #expect(!Timestamp(microseconds: Timestamp.latest.microseconds + 1).isInRange)
    }
}
