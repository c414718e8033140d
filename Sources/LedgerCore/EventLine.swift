/// One JSON line of a file of events (architecture.md, "Command line"):
/// {"book", "position_id", "type", "effective_at", "source", "actor", "event_id",
/// "expected_version", "causation_id", "correlation_id", "schema_version", "payload"}.
public struct EventLine: Hashable, Sendable {
    /// The book that it belongs to; `main` where the line names none.
    public var book: BookName
    /// The event of the line, not yet placed in a log.
    public var event: NewEvent

    /// A line from its two parts, with no check of its own.
    public init(book: BookName, event: NewEvent) {
        self.book = book
        self.event = event
    }

    static let members =
        "book, position_id, type, effective_at, source, actor, event_id, expected_version, "
        + "causation_id, correlation_id, schema_version, payload"

    /// Reads one line. Errors name the member, the value and the cure.
    public init(
        parsing bytes: UnsafeBufferPointer<UInt8>, upcasters: Upcasters = .standard,
        defaultBook: BookName = .main
    ) throws(InvalidField) {
        var reader = JSONReader(bytes)
        guard reader.kind() == .object else {
            throw InvalidField("", "", "a line must be one JSON object")
        }
        var book: BookName?
        var positionID: UUID?
        var type: EventType?
        var effectiveAt: Timestamp?
        var source: EventSource?
        var actor: String?
        var eventID: UUID?
        var causationID: UUID?
        var correlationID: UUID?
        var schemaVersion: Int64?
        var expected: ExpectedVersion?
        var payload: EventPayload?
        var deferred: UnsafeBufferPointer<UInt8>?
        var first = true
        try reader.beginObject()
        while let key = try reader.nextKey(first: &first) {
            if key == "position_id" {
                try keep(&positionID, "position_id", try reader.uuid("position_id"))
            } else if key == "type" {
                try keep(&type, "type", try reader.choice("type", EventType.self))
            } else if key == "payload" {
                guard payload == nil, deferred == nil else {
                    throw InvalidField("payload", "", "named twice")
                }
                if let type, schemaVersion == nil || schemaVersion == 1, reader.kind() == .object,
                    upcasters.currentVersion(of: type) == 1
                {
                    payload = try EventPayload(type, &reader)
                } else {
                    deferred = try reader.skip()
                }
            } else if key == "effective_at" {
                try keep(&effectiveAt, "effective_at", try reader.timestamp("effective_at"))
            } else if key == "source" {
                try keep(&source, "source", try reader.choice("source", EventSource.self))
            } else if key == "actor" {
                try keep(&actor, "actor", try reader.text("actor"))
            } else if key == "event_id" {
                try keep(&eventID, "event_id", try reader.uuid("event_id"))
            } else if key == "book" {
                try keep(&book, "book", try EventLine.book(&reader))
            } else if key == "expected_version" {
                try keep(&expected, "expected_version", try EventLine.expected(&reader))
            } else if key == "causation_id" {
                try keep(&causationID, "causation_id", try reader.uuid("causation_id"))
            } else if key == "correlation_id" {
                try keep(&correlationID, "correlation_id", try reader.uuid("correlation_id"))
            } else if key == "schema_version" {
                try keep(
                    &schemaVersion, "schema_version",
                    try reader.integer("schema_version", in: 1...Int64(Int32.max)))
            } else {
                throw unknown(key, allowed: EventLine.members)
            }
        }
        try reader.finish()
        let kind = try require(type, "type")
        let version = schemaVersion.map { Int32($0) }
        var original: [UInt8]?
        if let deferred {
            let current = upcasters.currentVersion(of: kind)
            payload = try upcasters.payload(kind, version: version ?? current, parsing: deferred)
            if let version, version != current {
                original = try JSONValue(parsing: deferred).canonicalBytes
            }
        } else if let version, version != upcasters.currentVersion(of: kind) {
            throw InvalidField("schema_version", String(version), "is not known")
        }
        self.book = book ?? defaultBook
        event = try NewEvent(
            positionID: try require(positionID, "position_id"),
            payload: try require(payload, "payload"),
            effectiveAt: try require(effectiveAt, "effective_at"),
            source: try require(source, "source"), actor: actor, eventID: eventID,
            causationID: causationID, correlationID: correlationID,
            expectedVersion: expected ?? .any,
            schemaVersion: version ?? upcasters.currentVersion(of: kind), originalBytes: original)
    }

    private static func book(_ reader: inout JSONReader) throws(InvalidField) -> BookName? {
        guard let text = try reader.text("book") else { return nil }
        guard let name = BookName(text) else {
            throw InvalidField("book", text, "must be 1 to 64 of a–z, 0–9, \"_\", \".\" and \"-\"")
        }
        return name
    }

    private static func expected(
        _ reader: inout JSONReader
    ) throws(InvalidField) -> ExpectedVersion? {
        if reader.kind() == .number {
            let version = try reader.integer("expected_version", in: 0...Int64.max)
            return version.map {
                $0 == 0 ? .noStream : .exact(StreamVersion(rawValue: $0))
            }
        }
        guard let word = try reader.text("expected_version") else { return nil }
        switch word {
        case "any": return .any
        case "no_stream": return .noStream
        default:
            throw InvalidField(
                "expected_version", word, "must be an integer, \"no_stream\", \"any\" or null")
        }
    }

    /// The line's canonical text, without the line feed.
    public var canonicalBytes: [UInt8] { canonicalBytes(payload: event.payloadBytes) }

    /// The same, where the event's `payloadBytes` are at hand.
    public func canonicalBytes(payload: [UInt8]) -> [UInt8] {
        var json = CanonicalJSON(reserving: 512)
        json.beginObject()
        if let actor = event.actor {
            json.key("actor")
            json.string(actor)
        }
        json.key("book")
        json.string(book.description)
        if let id = event.causationID {
            json.key("causation_id")
            json.uuid(id)
        }
        if let id = event.correlationID {
            json.key("correlation_id")
            json.uuid(id)
        }
        json.key("effective_at")
        json.timestamp(event.effectiveAt)
        if let id = event.eventID {
            json.key("event_id")
            json.uuid(id)
        }
        switch event.expectedVersion {
        case .any: break
        case .noStream:
            json.key("expected_version")
            json.string("no_stream")
        case .exact(let version):
            json.key("expected_version")
            json.integer(version.rawValue)
        }
        json.key("payload")
        json.raw(payload)
        json.key("position_id")
        json.uuid(event.positionID)
        if event.schemaVersion != Upcasters.currentVersion || event.originalBytes != nil {
            json.key("schema_version")
            json.integer(Int64(event.schemaVersion))
        }
        json.key("source")
        json.string(event.source.rawValue)
        json.key("type")
        json.string(event.type.rawValue)
        json.endObject()
        return json.bytes
    }
}

extension JSONValue {
    /// The canonical bytes (RFC 8785).
    public var canonicalBytes: [UInt8] {
        var json = CanonicalJSON()
        write(to: &json)
        return json.bytes
    }
}
