/// A universally unique identifier (RFC 9562), kept as two words; written in lower case.
@frozen
public struct UUID: Hashable, Sendable {
    /// Octets 0–7, big-endian.
    public let high: UInt64
    /// Octets 8–15, big-endian.
    public let low: UInt64

    /// From its two words; every pattern is taken, whatever its version.
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Its 16 octets, in their order.
    public var octets: [UInt8] {
        withUnsafeBytes(of: high.bigEndian, Array.init)
            + withUnsafeBytes(of: low.bigEndian, Array.init)
    }

    /// From 16 octets, in their order; nil for another count.
    public init?(octets: some Collection<UInt8>) {
        guard octets.count == 16 else { return nil }
        func word(_ octets: some Sequence<UInt8>) -> UInt64 {
            octets.reduce(0) { $0 << 8 | UInt64($1) }
        }
        self.init(high: word(octets.prefix(8)), low: word(octets.dropFirst(8)))
    }
}

extension UUID: Comparable, CustomStringConvertible, LosslessStringConvertible {
    /// By octets, as PostgreSQL orders uuid.
    public static func < (left: UUID, right: UUID) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }

    /// Parses the 36-character form, either case.
    public init?(parsing bytes: UnsafeBufferPointer<UInt8>) {
        guard bytes.count == 36 else { return nil }
        var words: (UInt64, UInt64) = (0, 0)
        var digits = 0
        for index in 0..<36 {
            let byte = bytes[index]
            if index == 8 || index == 13 || index == 18 || index == 23 {
                guard byte == UInt8(ascii: "-") else { return nil }
                continue
            }
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte &- UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte &- UInt8(ascii: "a") &+ 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte &- UInt8(ascii: "A") &+ 10
            default: return nil
            }
            if digits < 16 {
                words.0 = words.0 << 4 | UInt64(digit)
            } else {
                words.1 = words.1 << 4 | UInt64(digit)
            }
            digits += 1
        }
        self.init(high: words.0, low: words.1)
    }

    /// Parses the 36-character form, either case; nil if it is malformed.
    public init?(_ description: String) {
        var copy = description
        guard let id = copy.withUTF8({ UUID(parsing: $0) }) else { return nil }
        self = id
    }

    /// The 36-character form in lower case.
    public var description: String {
        String(unsafeUninitializedCapacity: 36) { buffer in
            write(into: buffer)
            return 36
        }
    }

    /// Appends the 36-character form.
    public func write(to output: inout [UInt8]) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 36) { buffer in
            write(into: buffer)
            output.append(contentsOf: buffer)
        }
    }

    private func write(into buffer: UnsafeMutableBufferPointer<UInt8>) {
        var index = 0
        for nibble in 0..<32 {
            if nibble == 8 || nibble == 12 || nibble == 16 || nibble == 20 {
                buffer[index] = UInt8(ascii: "-")
                index += 1
            }
            let word = nibble < 16 ? high : low
            let digit = UInt8(truncatingIfNeeded: word >> UInt64(60 - 4 * (nibble & 15))) & 15
            buffer[index] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
            index += 1
        }
    }
}

/// Place of an event in its book's log: 1, 2, 3 … without gaps, in commit order.
/// `.origin` (0) means "before the first event".
@frozen
public struct LogPosition: RawRepresentable, Hashable, Comparable, Sendable {
    /// The count from 1; 0 before the first event.
    public let rawValue: Int64

    /// Takes any number; nothing is checked.
    @inlinable
    public init(rawValue: Int64) {
        self.rawValue = rawValue
    }

    /// 0: before the first event of the log.
    public static let origin = LogPosition(rawValue: 0)

    /// Whether `left` was committed first.
    @inlinable
    public static func < (left: LogPosition, right: LogPosition) -> Bool {
        left.rawValue < right.rawValue
    }

    /// The place `count` events later.
    @inlinable
    public func advanced(by count: Int) -> LogPosition {
        LogPosition(rawValue: rawValue + Int64(count))
    }
}

extension LogPosition: CustomStringConvertible {
    /// The number in decimal digits.
    public var description: String { String(rawValue) }
}

/// Number of an event within its position: 1, 2, 3 … without gaps. 0 is a position not there yet.
@frozen
public struct StreamVersion: RawRepresentable, Hashable, Comparable, Sendable {
    /// The count from 1; 0 for a position not there yet.
    public let rawValue: Int64

    /// Takes any number; nothing is checked.
    @inlinable
    public init(rawValue: Int64) {
        self.rawValue = rawValue
    }

    /// 0: the position does not exist yet.
    public static let none = StreamVersion(rawValue: 0)

    /// Whether `left` came first in its position.
    @inlinable
    public static func < (left: StreamVersion, right: StreamVersion) -> Bool {
        left.rawValue < right.rawValue
    }

    /// The version of the event that follows.
    @inlinable public var next: StreamVersion { StreamVersion(rawValue: rawValue + 1) }
}

extension StreamVersion: CustomStringConvertible {
    /// The number in decimal digits.
    public var description: String { String(rawValue) }
}

/// The name of a book, the unit of order: 1–64 of a–z, 0–9, "_", "." and "-".
public struct BookName: Hashable, Sendable, CustomStringConvertible {
    /// The name itself.
    public let description: String

    /// The book of callers who name none.
    public static let main = BookName(unchecked: "main")

    private init(unchecked name: String) {
        description = name
    }

    /// nil unless `name` has 1–64 characters of a–z, 0–9, "_", "." and "-".
    public init?(_ name: String) {
        guard (1...64).contains(name.utf8.count) else { return nil }
        for byte in name.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"):
                continue
            default: return nil
            }
        }
        description = name
    }
}
