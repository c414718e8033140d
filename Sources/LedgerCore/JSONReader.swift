/// Reads JSON (RFC 8259) from bytes in one pass, without building a tree: the caller asks for
/// what it expects. Fast on canonical bytes, correct on any: escapes, white space, bad UTF-8.
///
/// Errors carry no path; the caller that knows the member adds it with `InvalidField.within`.
public struct JSONReader: ~Copyable {
    private let base: UnsafePointer<UInt8>
    private let end: Int
    /// Where the next byte is read.
    public private(set) var offset = 0
    private var depth = 0
    /// The octets of the last token that had escapes; the token points into it.
    private var resolved: UnsafeMutableBufferPointer<UInt8>?

    /// Nesting beyond this is refused.
    static let depthMax = 32

    /// The bytes must outlive the reader.
    public init(_ bytes: UnsafeBufferPointer<UInt8>) {
        base = bytes.baseAddress ?? UnsafePointer(bitPattern: 1).unsafelyUnwrapped
        end = bytes.count
    }

    deinit {
        resolved?.deallocate()
    }

    /// The bytes of a string, its escapes resolved, or of any other token; to be used before the
    /// next one is read.
    public struct Token {
        let bytes: UnsafeBufferPointer<UInt8>

        /// Whether the bytes are those of `name`, octet by octet.
        @inline(__always)
        public static func == (token: Token, name: StaticString) -> Bool {
            guard token.bytes.count == name.utf8CodeUnitCount else { return false }
            let other = name.utf8Start
            for index in 0..<token.bytes.count where token.bytes[index] != other[index] {
                return false
            }
            return true
        }

        /// The bytes as text; bad UTF-8 becomes U+FFFD.
        public var text: String { String(decoding: bytes, as: UTF8.self) }
    }

    @inline(__always)
    private mutating func skipSpace() {
        while offset < end {
            let byte = base[offset]
            guard byte == 0x20 || (byte <= 0x0D && (byte == 0x0A || byte == 0x0D || byte == 0x09))
            else { return }
            offset += 1
        }
    }

    @inline(__always)
    private var peek: UInt8 { offset < end ? base[offset] : 0 }

    private func malformed(_ expected: String) -> InvalidField {
        let rest = UnsafeBufferPointer(
            start: base + min(offset, end), count: min(24, end - min(offset, end)))
        return InvalidField(
            "", offset >= end ? "" : String(decoding: rest, as: UTF8.self),
            "malformed JSON at byte \(offset): expected \(expected)")
    }

    /// What kind of value comes next.
    public enum Kind: Sendable {
        case object, array, string, number, bool, null, nothing
    }

    /// Looks at the next value without consuming it.
    public mutating func kind() -> Kind {
        skipSpace()
        switch peek {
        case UInt8(ascii: "{"): return .object
        case UInt8(ascii: "["): return .array
        case UInt8(ascii: "\""): return .string
        case UInt8(ascii: "t"), UInt8(ascii: "f"): return .bool
        case UInt8(ascii: "n"): return .null
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
        default: return .nothing
        }
    }

    /// Enters an object; then `nextKey` until it is nil.
    public mutating func beginObject() throws(InvalidField) {
        skipSpace()
        guard peek == UInt8(ascii: "{") else { throw malformed("an object") }
        try enter()
    }

    /// Enters an array; then `nextElement` until it is false.
    public mutating func beginArray() throws(InvalidField) {
        skipSpace()
        guard peek == UInt8(ascii: "[") else { throw malformed("an array") }
        try enter()
    }

    private mutating func enter() throws(InvalidField) {
        offset += 1
        depth += 1
        guard depth <= JSONReader.depthMax else { throw malformed("less nesting") }
    }

    /// The next member's name, or nil at the object's end. `first` is false after the first member.
    public mutating func nextKey(first: inout Bool) throws(InvalidField) -> Token? {
        skipSpace()
        if peek == UInt8(ascii: "}") {
            offset += 1
            depth -= 1
            return nil
        }
        if !first {
            guard peek == UInt8(ascii: ",") else { throw malformed("\",\" or \"}\"") }
            offset += 1
            skipSpace()
        }
        first = false
        let name = try token()
        skipSpace()
        guard peek == UInt8(ascii: ":") else { throw malformed("\":\"") }
        offset += 1
        return name
    }

    /// Whether another element follows in the array.
    public mutating func nextElement(first: inout Bool) throws(InvalidField) -> Bool {
        skipSpace()
        if peek == UInt8(ascii: "]") {
            offset += 1
            depth -= 1
            return false
        }
        if !first {
            guard peek == UInt8(ascii: ",") else { throw malformed("\",\" or \"]\"") }
            offset += 1
        }
        first = false
        return true
    }

    /// Whether a null follows; consumes it if so.
    public mutating func null() throws(InvalidField) -> Bool {
        skipSpace()
        guard peek == UInt8(ascii: "n") else { return false }
        try literal("null")
        return true
    }

    /// Reads `true` or `false`.
    /// - Throws: `InvalidField` for anything else.
    public mutating func bool() throws(InvalidField) -> Bool {
        skipSpace()
        if peek == UInt8(ascii: "t") {
            try literal("true")
            return true
        }
        guard peek == UInt8(ascii: "f") else { throw malformed("true or false") }
        try literal("false")
        return false
    }

    private mutating func literal(_ word: StaticString) throws(InvalidField) {
        guard end - offset >= word.utf8CodeUnitCount else { throw malformed("a value") }
        for index in 0..<word.utf8CodeUnitCount
        where base[offset + index] != word.utf8Start[index] {
            throw malformed("a value")
        }
        offset += word.utf8CodeUnitCount
    }

    /// A number's own text: `-?int[.frac][e±exp]`.
    public mutating func numberToken() throws(InvalidField) -> Token {
        skipSpace()
        let start = offset
        if peek == UInt8(ascii: "-") { offset += 1 }
        let digits = offset
        while offset < end, decimalDigit(base[offset]) != nil { offset += 1 }
        guard offset > digits, offset == digits + 1 || base[digits] != UInt8(ascii: "0") else {
            throw malformed("a number")
        }
        if peek == UInt8(ascii: ".") {
            offset += 1
            let fraction = offset
            while offset < end, decimalDigit(base[offset]) != nil { offset += 1 }
            guard offset > fraction else { throw malformed("a digit") }
        }
        if peek | 0x20 == UInt8(ascii: "e") {
            offset += 1
            if peek == UInt8(ascii: "+") || peek == UInt8(ascii: "-") { offset += 1 }
            let exponent = offset
            while offset < end, decimalDigit(base[offset]) != nil { offset += 1 }
            guard offset > exponent else { throw malformed("a digit") }
        }
        return Token(bytes: UnsafeBufferPointer(start: base + start, count: offset - start))
    }

    /// A string's bytes, without a copy where it has no escapes. Bad UTF-8 passes unless there
    /// are some: whoever keeps the bytes as text checks them.
    public mutating func token() throws(InvalidField) -> Token {
        skipSpace()
        guard peek == UInt8(ascii: "\"") else { throw malformed("a string") }
        let start = offset + 1
        var index = start
        while index < end {
            let byte = base[index]
            if byte == UInt8(ascii: "\"") {
                offset = index + 1
                let bytes = UnsafeBufferPointer(start: base + start, count: index - start)
                return Token(bytes: bytes)
            }
            if byte == UInt8(ascii: "\\") { return try resolvedToken() }
            guard byte >= 0x20 else {
                offset = index
                throw malformed("no control characters in a string")
            }
            index += 1
        }
        offset = end
        throw malformed("the end of a string")
    }

    private mutating func resolvedToken() throws(InvalidField) -> Token {
        let text = try string()
        resolved?.deallocate()
        let buffer = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: text.utf8.count)
        _ = buffer.initialize(from: text.utf8)
        resolved = buffer
        return Token(bytes: UnsafeBufferPointer(buffer))
    }

    /// A string with its escapes resolved; bad UTF-8 and lone surrogates are refused.
    public mutating func string() throws(InvalidField) -> String {
        skipSpace()
        guard peek == UInt8(ascii: "\"") else { throw malformed("a string") }
        let start = offset + 1
        var index = start
        var isPlain = true
        var all: UInt8 = 0
        while index < end, base[index] != UInt8(ascii: "\"") {
            let byte = base[index]
            all |= byte
            if byte == UInt8(ascii: "\\") {
                isPlain = false
                index += 1
            } else if byte < 0x20 {
                offset = index
                throw malformed("no control characters in a string")
            }
            index += 1
        }
        guard index < end else {
            offset = end
            throw malformed("the end of a string")
        }
        offset = index + 1
        let raw = UnsafeBufferPointer(start: base + start, count: index - start)
        if isPlain, all < 0x80 { return String(decoding: raw, as: UTF8.self) }
        if isPlain {
            guard let text = String(validating: raw, as: UTF8.self) else {
                throw InvalidField("", "", "strings must be UTF-8")
            }
            return text
        }
        return try unescape(raw)
    }

    private func unescape(_ raw: UnsafeBufferPointer<UInt8>) throws(InvalidField) -> String {
        let bad = InvalidField("", String(decoding: raw, as: UTF8.self), "malformed escape")
        var units: [UInt8] = []
        units.reserveCapacity(raw.count)
        var index = 0
        func hex(_ start: Int) throws(InvalidField) -> UInt32 {
            guard start + 4 <= raw.count else { throw bad }
            var value: UInt32 = 0
            for place in start..<start + 4 {
                guard let digit = Character(Unicode.Scalar(raw[place])).hexDigitValue else {
                    throw bad
                }
                value = value << 4 | UInt32(digit)
            }
            return value
        }
        while index < raw.count {
            guard raw[index] == UInt8(ascii: "\\") else {
                units.append(raw[index])
                index += 1
                continue
            }
            index += 1
            switch raw[index] {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): units.append(raw[index])
            case UInt8(ascii: "b"): units.append(0x08)
            case UInt8(ascii: "f"): units.append(0x0C)
            case UInt8(ascii: "n"): units.append(0x0A)
            case UInt8(ascii: "r"): units.append(0x0D)
            case UInt8(ascii: "t"): units.append(0x09)
            case UInt8(ascii: "u"):
                var value = try hex(index + 1)
                index += 4
                if (0xD800..<0xDC00).contains(value) {
                    guard index + 2 < raw.count, raw[index + 1] == UInt8(ascii: "\\"),
                        raw[index + 2] == UInt8(ascii: "u")
                    else { throw bad }
                    let trailing = try hex(index + 3)
                    guard (0xDC00..<0xE000).contains(trailing) else { throw bad }
                    value = 0x10000 + (value - 0xD800) << 10 + (trailing - 0xDC00)
                    index += 6
                }
                guard let scalar = Unicode.Scalar(value) else { throw bad }
                units.append(contentsOf: Character(scalar).utf8)
            default: throw bad
            }
            index += 1
        }
        guard let text = String(validating: units, as: UTF8.self) else { throw bad }
        return text
    }

    /// Passes over the next value and returns its bytes. Only brackets and strings are looked at:
    /// whoever reads the bytes later checks the rest.
    public mutating func skip() throws(InvalidField) -> UnsafeBufferPointer<UInt8> {
        skipSpace()
        let start = offset
        var open = 0
        while offset < end {
            switch base[offset] {
            case UInt8(ascii: "{"), UInt8(ascii: "["): open += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                if open == 0 { return try skipped(from: start) }
                open -= 1
                if open == 0 {
                    offset += 1
                    return try skipped(from: start)
                }
            case UInt8(ascii: ","):
                if open == 0 { return try skipped(from: start) }
            case UInt8(ascii: "\""):
                offset += 1
                while offset < end, base[offset] != UInt8(ascii: "\"") {
                    offset += base[offset] == UInt8(ascii: "\\") ? 2 : 1
                }
            default: break
            }
            offset += 1
        }
        offset = min(offset, end)
        return try skipped(from: start)
    }

    private func skipped(from start: Int) throws(InvalidField) -> UnsafeBufferPointer<UInt8> {
        guard offset > start else { throw malformed("a value") }
        return UnsafeBufferPointer(start: base + start, count: offset - start)
    }

    /// Ensures that nothing but white space is left.
    public mutating func finish() throws(InvalidField) {
        skipSpace()
        guard offset == end else { throw malformed("the end") }
    }
}
