/// Bad input: which field, what it held, and what to do. Nothing was changed.
public struct InvalidField: Error, Equatable, Sendable, CustomStringConvertible {
    /// The member's path, such as "payload.qty" or "payload.legs[1].side".
    public var field: String
    /// The value as it came, cut to 64 characters.
    public var value: String
    /// What would be right.
    public var cure: String

    /// Cuts `value` to 64 characters; `field` may be empty where the caller adds the path.
    public init(_ field: String, _ value: String, _ cure: String) {
        self.field = field
        self.value = value.count > 64 ? String(value.prefix(64)) + "…" : value
        self.cure = cure
    }

    /// Path, value and cure in one sentence; an empty part is left out.
    public var description: String {
        let what = field.isEmpty ? "" : (value.isEmpty ? "\(field): " : "\(field) is \(value): ")
        return field.isEmpty && !value.isEmpty ? "\(cure), not \(value)" : what + cure
    }

    /// The same with `prefix` before the path.
    public func within(_ prefix: String) -> InvalidField {
        var copy = self
        copy.field = field.isEmpty ? prefix : prefix + "." + field
        return copy
    }
}
