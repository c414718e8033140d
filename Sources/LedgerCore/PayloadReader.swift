/// Longest texts that are taken, in UTF-8 bytes.
public enum TextLimit {
    /// Names and ids of venues, legs, trades.
    public static let nameBytesMax = 128
    /// Reasons and other free text.
    public static let reasonBytesMax = 2_000
    /// Legs of one position.
    public static let legsMax = 32
    /// Entries of `tags`.
    public static let tagsMax = 64
}

/// What a decimal member has to satisfy.
enum Sign {
    case any, positive, notNegative
}

extension JSONReader {
    /// A decimal string, or nil for null.
    mutating func decimal(_ name: StaticString, _ sign: Sign = .any) throws(InvalidField) -> Fixed?
    {
        switch kind() {
        case .string: break
        case .null:
            _ = try null()
            return nil
        case .number:
            throw InvalidField(
                "\(name)", try numberToken().text,
                "decimals are strings, never JSON numbers: put it in quotes")
        default: throw InvalidField("\(name)", "", "must be a decimal string such as \"0.1\"")
        }
        let token = try named(name) { (reader) throws(InvalidField) in try reader.token() }
        let value: Fixed
        do throws(Fixed.TextError) { value = try Fixed(parsing: token.bytes) } catch {
            throw InvalidField("\(name)", token.text, error.cure)
        }
        switch sign {
        case .any: break
        case .positive:
            guard value.isPositive else {
                throw InvalidField("\(name)", token.text, "must be greater than 0")
            }
        case .notNegative:
            guard !value.isNegative else {
                throw InvalidField("\(name)", token.text, "must not be negative")
            }
        }
        return value
    }

    /// A text of 1 to `max` bytes, or nil for null.
    mutating func text(
        _ name: StaticString, max: Int = TextLimit.nameBytesMax
    ) throws(InvalidField) -> String? {
        if try null() { return nil }
        guard kind() == .string else { throw InvalidField("\(name)", "", "must be a string") }
        let text = try named(name) { (reader) throws(InvalidField) in try reader.string() }
        try checkText(text, "\(name)", max: max)
        return text
    }

    mutating func uuid(_ name: StaticString) throws(InvalidField) -> UUID? {
        if try null() { return nil }
        guard kind() == .string else { throw InvalidField("\(name)", "", "must be a UUID string") }
        let token = try named(name) { (reader) throws(InvalidField) in try reader.token() }
        guard let id = UUID(parsing: token.bytes) else {
            throw InvalidField("\(name)", token.text, "must be a UUID in its 36-character form")
        }
        return id
    }

    mutating func timestamp(_ name: StaticString) throws(InvalidField) -> Timestamp? {
        if try null() { return nil }
        guard kind() == .string else {
            throw InvalidField("\(name)", "", "must be an RFC 3339 string")
        }
        let token = try named(name) { (reader) throws(InvalidField) in try reader.token() }
        guard let time = Timestamp(parsing: token.bytes) else {
            throw InvalidField(
                "\(name)", token.text,
                "must be RFC 3339 with at most six fraction digits, "
                    + "for example 2026-01-02T03:04:05.678Z")
        }
        return time
    }

    mutating func integer(
        _ name: StaticString, in range: ClosedRange<Int64>
    ) throws(InvalidField) -> Int64? {
        if try null() { return nil }
        guard kind() == .number else { throw InvalidField("\(name)", "", "must be a JSON integer") }
        let token = try named(name) { (reader) throws(InvalidField) in try reader.numberToken() }
        guard let value = Int64(token.text), range.contains(value), token.text != "-0" else {
            throw InvalidField(
                "\(name)", token.text,
                "must be an integer from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    mutating func choice<Choice: Word>(
        _ name: StaticString, _ type: Choice.Type = Choice.self
    ) throws(InvalidField) -> Choice? {
        if try null() { return nil }
        guard kind() == .string else {
            throw InvalidField("\(name)", "", "must be one of: " + Choice.options)
        }
        let token = try named(name) { (reader) throws(InvalidField) in try reader.token() }
        guard let value = Choice.words[token.bytes] else {
            throw InvalidField("\(name)", token.text, "must be one of: " + Choice.options)
        }
        return value
    }

    /// Runs `read` and puts `name` before the path of its error.
    private mutating func named<Value>(
        _ name: StaticString,
        _ read: (inout JSONReader) throws(InvalidField) -> Value
    ) throws(InvalidField) -> Value {
        do throws(InvalidField) { return try read(&self) } catch {
            throw error.within("\(name)")
        }
    }
}

/// Refuses a text that is empty or overlong, or that PostgreSQL cannot keep.
func checkText(
    _ text: String, _ name: @autoclosure () -> String, max: Int
) throws(InvalidField) {
    guard !text.isEmpty else { throw InvalidField(name(), "\"\"", "must not be empty") }
    guard text.utf8.count <= max else {
        throw InvalidField(name(), text, "must have at most \(max) bytes")
    }
    guard text.withOctets({ !$0.contains(0) }) else {
        throw InvalidField(
            name(), "", "must not have a NUL character: PostgreSQL keeps none")
    }
}

/// Keeps a member's value; a second one is refused.
@inline(__always)
func keep<Value>(
    _ slot: inout Value?, _ name: StaticString, _ value: Value?
) throws(InvalidField) {
    guard slot == nil else { throw InvalidField("\(name)", "", "named twice") }
    slot = value
}

@inline(__always)
func require<Value>(_ value: Value?, _ name: StaticString) throws(InvalidField) -> Value {
    guard let value else { throw InvalidField("\(name)", "", "is required") }
    return value
}

func unknown(_ key: JSONReader.Token, allowed: String) -> InvalidField {
    InvalidField(key.text, "", "unknown member; known are: " + allowed)
}
