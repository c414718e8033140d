/// A JSON value as a tree: for upcasters and for formats that are not ours.
public indirect enum JSONValue: Hashable, Sendable {
    case null
    case bool(Bool)
    /// A number's own text; it is never turned into a binary floating-point value.
    case number(String)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    /// Parses one value; a member named twice is refused.
    public init(parsing bytes: UnsafeBufferPointer<UInt8>) throws(InvalidField) {
        var reader = JSONReader(bytes)
        self = try JSONValue(&reader)
        try reader.finish()
    }

    /// The same from an array.
    public init(parsing bytes: [UInt8]) throws(InvalidField) {
        let result = bytes.withUnsafeBufferPointer { buffer -> Result<JSONValue, InvalidField> in
            do throws(InvalidField) { return .success(try JSONValue(parsing: buffer)) } catch {
                return .failure(error)
            }
        }
        self = try result.get()
    }

    /// Reads the next value of `reader`.
    public init(_ reader: inout JSONReader) throws(InvalidField) {
        switch reader.kind() {
        case .object:
            var members: [String: JSONValue] = [:]
            var first = true
            try reader.beginObject()
            while let key = try reader.nextKey(first: &first) {
                guard let name = String(validating: key.bytes, as: UTF8.self) else {
                    throw InvalidField("", key.text, "names of members must be UTF-8")
                }
                guard members.updateValue(try JSONValue(&reader), forKey: name) == nil else {
                    throw InvalidField(name, "", "named twice")
                }
            }
            self = .object(members)
        case .array:
            var elements: [JSONValue] = []
            var first = true
            try reader.beginArray()
            while try reader.nextElement(first: &first) {
                elements.append(try JSONValue(&reader))
            }
            self = .array(elements)
        case .string: self = .string(try reader.string())
        case .number: self = .number(try reader.numberToken().text)
        case .bool: self = .bool(try reader.bool())
        case .null, .nothing:
            guard try reader.null() else { throw InvalidField("", "", "malformed JSON") }
            self = .null
        }
    }

    /// A member of an object; nil if it is absent or null, or if this is no object.
    public subscript(name: String) -> JSONValue? {
        guard case .object(let members) = self, let member = members[name], member != .null else {
            return nil
        }
        return member
    }

    /// A string's text or a number's own text.
    public var text: String? {
        switch self {
        case .string(let text), .number(let text): text
        default: nil
        }
    }

    /// The canonical bytes (RFC 8785). Numbers keep their own text, so they must be integers.
    public func write(to json: inout CanonicalJSON) {
        switch self {
        case .null: json.null()
        case .bool(let value): json.bool(value)
        case .number(let text): json.raw(Array(text.utf8))
        case .string(let text): json.string(text)
        case .array(let elements):
            json.beginArray()
            for element in elements { element.write(to: &json) }
            json.endArray()
        case .object(let members):
            json.beginObject()
            for name in members.keys.sorted(by: JSONValue.precedes) {
                json.key(name)
                members[name]?.write(to: &json)
            }
            json.endObject()
        }
    }

    /// RFC 8785 §3.2.3: member names are ordered by their UTF-16 code units.
    public static func precedes(_ left: String, _ right: String) -> Bool {
        left.utf16.lexicographicallyPrecedes(right.utf16)
    }
}
