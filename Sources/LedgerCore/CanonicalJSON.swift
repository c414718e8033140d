/// Writes JSON in the canonical form of RFC 8785: members sorted by the caller, no white space,
/// the shortest escapes. Numbers are integers only; decimals are strings (accounting.md §1).
public struct CanonicalJSON {
    /// What is written so far, UTF-8.
    public private(set) var bytes: [UInt8]
    private var needsComma = false

    /// An empty text with room for `capacity` bytes; it grows beyond them.
    public init(reserving capacity: Int = 256) {
        bytes = []
        bytes.reserveCapacity(capacity)
    }

    /// Begins an object; `endObject` ends it.
    public mutating func beginObject() {
        separate()
        bytes.append(UInt8(ascii: "{"))
        needsComma = false
    }

    /// Ends the object that is open.
    public mutating func endObject() {
        bytes.append(UInt8(ascii: "}"))
        needsComma = true
    }

    /// Begins an array; `endArray` ends it.
    public mutating func beginArray() {
        separate()
        bytes.append(UInt8(ascii: "["))
        needsComma = false
    }

    /// Ends the array that is open.
    public mutating func endArray() {
        bytes.append(UInt8(ascii: "]"))
        needsComma = true
    }

    /// A member's name; its value follows.
    public mutating func key(_ name: StaticString) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        bytes.append(
            contentsOf: UnsafeBufferPointer(
                start: name.utf8Start, count: name.utf8CodeUnitCount))
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    /// A member's name that is not known at compile time.
    public mutating func key(_ name: String) {
        string(name)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    /// A string value with the shortest escapes of RFC 8785 §3.2.2.2.
    public mutating func string(_ text: String) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        var copy = text
        copy.withUTF8 { escape($0) }
        bytes.append(UInt8(ascii: "\""))
        needsComma = true
    }

    /// A decimal as a string in its normal form (accounting.md §1).
    public mutating func decimal(_ value: Fixed) {
        quoted { value.write(to: &$0) }
    }

    /// A UUID as a string of 36 characters in lower case.
    public mutating func uuid(_ value: UUID) {
        quoted { value.write(to: &$0) }
    }

    /// An instant as an RFC 3339 string in UTC, with no more fraction digits than it needs.
    public mutating func timestamp(_ value: Timestamp) {
        quoted { value.write(to: &$0) }
    }

    /// A JSON number without fraction or exponent.
    public mutating func integer(_ value: Int64) {
        separate()
        writeInteger(value, to: &bytes)
        needsComma = true
    }

    /// `true` or `false`.
    public mutating func bool(_ value: Bool) {
        separate()
        bytes.append(contentsOf: (value ? "true" : "false").utf8)
        needsComma = true
    }

    /// `null`.
    public mutating func null() {
        separate()
        bytes.append(contentsOf: "null".utf8)
        needsComma = true
    }

    /// Appends a value that is canonical JSON already.
    public mutating func raw(_ json: [UInt8]) {
        separate()
        bytes.append(contentsOf: json)
        needsComma = true
    }

    /// A place to which `rewind` goes back.
    public struct Mark {
        fileprivate var count: Int
        fileprivate var needsComma: Bool
    }

    /// The place reached, for `rewind`.
    public var mark: Mark { Mark(count: bytes.count, needsComma: needsComma) }

    /// Drops what was written since `mark`.
    public mutating func rewind(to mark: Mark) {
        bytes.removeLast(bytes.count - mark.count)
        needsComma = mark.needsComma
    }

    /// The finished text.
    public var text: String { String(decoding: bytes, as: UTF8.self) }

    private mutating func quoted(_ write: (inout [UInt8]) -> Void) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        write(&bytes)
        bytes.append(UInt8(ascii: "\""))
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
    }

    private mutating func escape(_ text: UnsafeBufferPointer<UInt8>) {
        var start = 0
        for index in 0..<text.count {
            let byte = text[index]
            guard byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") else {
                continue
            }
            bytes.append(contentsOf: UnsafeBufferPointer(rebasing: text[start..<index]))
            start = index + 1
            bytes.append(UInt8(ascii: "\\"))
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(byte)
            case 0x08: bytes.append(UInt8(ascii: "b"))
            case 0x09: bytes.append(UInt8(ascii: "t"))
            case 0x0A: bytes.append(UInt8(ascii: "n"))
            case 0x0C: bytes.append(UInt8(ascii: "f"))
            case 0x0D: bytes.append(UInt8(ascii: "r"))
            default:
                bytes.append(contentsOf: "u00".utf8)
                bytes.append(hexDigit(byte >> 4))
                bytes.append(hexDigit(byte & 15))
            }
        }
        bytes.append(contentsOf: UnsafeBufferPointer(rebasing: text[start...]))
    }
}

func hexDigit(_ nibble: UInt8) -> UInt8 {
    nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10
}

func writeInteger(_ value: Int64, to output: inout [UInt8]) {
    if value < 0 { output.append(UInt8(ascii: "-")) }
    var digits: (UInt64, Int) = (value.magnitude, 0)
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { buffer in
        repeat {
            buffer[19 - digits.1] = UInt8(ascii: "0") + UInt8(digits.0 % 10)
            digits.0 /= 10
            digits.1 += 1
        } while digits.0 > 0
        output.append(contentsOf: buffer[(20 - digits.1)...])
    }
}
