/// Raises a payload of one type from schema version `from` to `from + 1`, when it is read.
/// The log is never rewritten: an event keeps the form and the hash that it was stored with.
public struct Upcaster: Sendable {
    /// The type whose payloads it raises.
    public var type: EventType
    /// The schema version that it takes; it returns `from` + 1.
    public var from: Int32
    /// Turns a payload of version `from` into one of `from` + 1; throws what it cannot read.
    public var raise: @Sendable (JSONValue) throws(InvalidField) -> JSONValue

    /// One step for one type; several steps are chained by `Upcasters`.
    public init(
        type: EventType, from: Int32,
        raise: @escaping @Sendable (JSONValue) throws(InvalidField) -> JSONValue
    ) {
        self.type = type
        self.from = from
        self.raise = raise
    }
}

/// The upcasters of a vocabulary. Every type is at version 1 today, so `standard` has none; a
/// changed payload gets version n + 1 here and one upcaster from n.
public struct Upcasters: Sendable {
    /// The version that events of this build are written with.
    public static let currentVersion: Int32 = 1

    private let steps: [Upcaster]
    private let current: @Sendable (EventType) -> Int32

    /// Those of this build: none, as every type is at version 1.
    public static let standard = Upcasters([])

    /// The current version of a type is one above its last upcaster's `from`.
    public init(_ steps: [Upcaster]) {
        self.steps = steps
        current = { type in
            steps.filter { $0.type == type }.map { $0.from + 1 }.max()
                ?? Upcasters.currentVersion
        }
    }

    /// The version that payloads of `type` are raised to.
    public func currentVersion(of type: EventType) -> Int32 { current(type) }

    /// Reads a payload of any known schema version.
    /// - Throws: `InvalidField` for an unknown version or member.
    public func payload(
        _ type: EventType, version: Int32, parsing bytes: UnsafeBufferPointer<UInt8>
    ) throws(InvalidField) -> EventPayload {
        let target = steps.isEmpty ? Upcasters.currentVersion : current(type)
        if version == target { return try EventPayload(type, parsing: bytes) }
        guard version >= 1, version < target else {
            throw InvalidField(
                "schema_version", String(version),
                "\(type.rawValue) has the versions 1 to \(target); use a newer ledger for others")
        }
        var value = try JSONValue(parsing: bytes)
        for from in version..<target {
            guard let step = steps.first(where: { $0.type == type && $0.from == from }) else {
                throw InvalidField("schema_version", String(version), "has no upcaster")
            }
            value = try step.raise(value)
        }
        var json = CanonicalJSON()
        value.write(to: &json)
        let raised = json.bytes
        let result = raised.withUnsafeBufferPointer {
            buffer -> Result<EventPayload, InvalidField> in
            do throws(InvalidField) {
                return .success(try EventPayload(type, parsing: buffer))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }
}
