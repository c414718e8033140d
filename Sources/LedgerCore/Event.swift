/// What a caller knows of a position's version just before its event.
public enum ExpectedVersion: Hashable, Sendable {
    /// Whatever it is.
    case any
    /// The position must not exist yet.
    case noStream
    case exact(StreamVersion)
}

/// An event as a caller sends it: validated member by member, not yet placed in a log.
public struct NewEvent: Hashable, Sendable {
    /// The stream that it belongs to; one stream is one position.
    public var positionID: UUID
    /// What happened, with the members of its type.
    public var payload: EventPayload
    /// The version of the payload's form as it was sent and is stored.
    public var schemaVersion: Int32
    /// When it happened at the venue, µs in UTC, 1970 to 9999; decides the day.
    public var effectiveAt: Timestamp
    /// Where the knowledge of it comes from.
    public var source: EventSource
    /// Who did it, 1–128 bytes; required for source manual, event_voided and adjustment_recorded.
    public var actor: String?
    /// nil: to be derived (fills, funding and voids only).
    public var eventID: UUID?
    /// The event that led to this one, if the caller says.
    public var causationID: UUID?
    /// What groups it with other events, if the caller says.
    public var correlationID: UUID?
    /// What the position's version must be just before this event.
    public var expectedVersion: ExpectedVersion
    /// The canonical bytes as sent, where they differ from the payload's own form because an
    /// upcaster has raised it; nil otherwise.
    public var originalBytes: [UInt8]?

    /// Checks what can be checked without the position: accounting.md §2.
    /// - Throws: `InvalidField` for a missing actor or id, or a time out of range.
    public init(
        positionID: UUID, payload: EventPayload, effectiveAt: Timestamp, source: EventSource,
        actor: String? = nil, eventID: UUID? = nil, causationID: UUID? = nil,
        correlationID: UUID? = nil, expectedVersion: ExpectedVersion = .any,
        schemaVersion: Int32? = nil, originalBytes: [UInt8]? = nil
    ) throws(InvalidField) {
        self.positionID = positionID
        self.payload = payload
        self.schemaVersion = schemaVersion ?? Upcasters.currentVersion
        self.effectiveAt = effectiveAt
        self.source = source
        self.actor = actor
        self.eventID = eventID
        self.causationID = causationID
        self.correlationID = correlationID
        self.expectedVersion = expectedVersion
        self.originalBytes = originalBytes
        let type = payload.type
        guard effectiveAt.isInRange else {
            throw InvalidField(
                "effective_at", "\(effectiveAt.microseconds) µs", "must lie in 1970 to 9999")
        }
        if let actor {
            try checkText(actor, "actor", max: TextLimit.nameBytesMax)
        } else if source == .manual || type == .eventVoided || type == .adjustmentRecorded {
            throw InvalidField(
                "actor", "",
                "is required for source manual, event_voided and adjustment_recorded")
        }
        if eventID == nil, !type.derivesID {
            throw InvalidField(
                "event_id", "",
                "is required for \(type.rawValue): bring a UUID (v7 preferred); only the ids of "
                    + "fills, funding and voids are derived")
        }
    }

    /// The type of its payload.
    public var type: EventType { payload.type }

    /// The payload's canonical bytes, as they are stored and hashed.
    public var payloadBytes: [UInt8] { originalBytes ?? payload.canonicalBytes }
}

/// An event in its place: what the log holds and every fold takes.
public struct Event: Hashable, Sendable {
    /// Unique in its book for ever (accounting.md §2).
    public var eventID: UUID
    /// The stream that it belongs to; one stream is one position.
    public var positionID: UUID
    /// Its number within the position, from 1.
    public var version: StreamVersion
    /// Its place in the log of its book, from 1.
    public var logPosition: LogPosition
    /// When it happened at the venue; decides the day.
    public var effectiveAt: Timestamp
    /// When the ledger committed it; decides "as known at".
    public var recordedAt: Timestamp
    /// What happened, raised to the current schema version.
    public var payload: EventPayload

    /// Takes the members as they are; what may stand was decided at append.
    public init(
        eventID: UUID, positionID: UUID, version: StreamVersion, logPosition: LogPosition,
        effectiveAt: Timestamp, recordedAt: Timestamp, payload: EventPayload
    ) {
        self.eventID = eventID
        self.positionID = positionID
        self.version = version
        self.logPosition = logPosition
        self.effectiveAt = effectiveAt
        self.recordedAt = recordedAt
        self.payload = payload
    }

    /// The type of its payload.
    public var type: EventType { payload.type }

    /// The order of folding: by (effective_at, version) (accounting.md §4).
    public static func folds(_ left: Event, before right: Event) -> Bool {
        (left.effectiveAt, left.version) < (right.effectiveAt, right.version)
    }
}
