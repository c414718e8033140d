import LedgerCore
import Postgres

/// Turns rows of the log into events.
enum RowDecoder {
    /// The columns of `StoreSQL.columns`, in their order.
    struct Fields {
        let position: UUID
        let version: StreamVersion
        let id: UUID
        let place: LogPosition
        let type: Field
        let schemaVersion: Int32
        let effectiveAt: Timestamp
        let recordedAt: Timestamp
        let payload: Field

        init(_ row: QueryResult.Row) throws(PostgresError) {
            position = try row[0].id()
            version = StreamVersion(rawValue: try row[1].int64())
            id = try row[2].id()
            place = LogPosition(rawValue: try row[3].int64())
            type = row[4]
            schemaVersion = try row[5].int32()
            effectiveAt = try row[6].timestamp()
            recordedAt = try row[7].timestamp()
            payload = row[8]
        }

        init(_ row: inout CopyRow) throws(PostgresError) {
            position = try row.next().id()
            version = StreamVersion(rawValue: try row.next().int64())
            id = try row.next().id()
            place = LogPosition(rawValue: try row.next().int64())
            type = try row.next()
            schemaVersion = try row.next().int32()
            effectiveAt = try row.next().timestamp()
            recordedAt = try row.next().timestamp()
            payload = try row.next()
        }
    }

    /// Reads an event; one that this build cannot read is told apart instead of ending the read.
    static func entry(_ fields: Fields) throws -> LogEntry {
        do {
            return .event(try event(fields).event)
        } catch StoreError.unreadable(let position, let field) {
            return .unreadable(
                UnreadableEvent(
                    eventID: fields.id, positionID: fields.position, version: fields.version,
                    logPosition: position, recordedAt: fields.recordedAt,
                    reason: field.description))
        }
    }

    static func entry(_ row: QueryResult.Row) throws -> LogEntry { try entry(Fields(row)) }

    static func event(_ row: QueryResult.Row) throws -> (event: Event, schemaVersion: Int32) {
        try event(Fields(row))
    }

    static func event(_ fields: Fields) throws -> (event: Event, schemaVersion: Int32) {
        let known = try fields.type.withBytes { EventType.words[$0.bindMemory(to: UInt8.self)] }
        guard let type = known else {
            throw StoreError.unreadable(
                fields.place,
                InvalidField(
                    "event_type", try fields.type.string(), "is not known to this build"))
        }
        let outcome = try fields.payload.withBytes { bytes -> Result<EventPayload, InvalidField> in
            do throws(InvalidField) {
                return .success(
                    try Upcasters.standard.payload(
                        type, version: fields.schemaVersion,
                        parsing: bytes.bindMemory(to: UInt8.self)))
            } catch {
                return .failure(error)
            }
        }
        let payload: EventPayload
        switch outcome {
        case .success(let value): payload = value
        case .failure(let error): throw StoreError.unreadable(fields.place, error)
        }
        let event = Event(
            eventID: fields.id, positionID: fields.position, version: fields.version,
            logPosition: fields.place, effectiveAt: fields.effectiveAt,
            recordedAt: fields.recordedAt, payload: payload)
        return (event, fields.schemaVersion)
    }

    /// Reads `StoreSQL.columns` and `auditColumns`.
    static func recorded(_ row: QueryResult.Row) throws -> RecordedEvent {
        let (event, schemaVersion) = try event(row)
        let source = try row[9].string()
        guard let known = EventSource(rawValue: source) else {
            throw StoreError.unreadable(
                event.logPosition, InvalidField("source", source, "is not known to this build"))
        }
        return RecordedEvent(
            event: event, schemaVersion: schemaVersion, source: known,
            actor: try row[10].ifPresent?.string(), causationID: try row[11].ifPresent?.id(),
            correlationID: try row[12].ifPresent?.id(), payloadBytes: try row[8].bytes(),
            leafHash: try row[13].bytes())
    }
}

extension Field {
    /// A uuid.
    /// - Throws: `PostgresError.decoding` for null or another type.
    public func id() throws(PostgresError) -> UUID {
        let words = try uuid()
        return UUID(high: words.high, low: words.low)
    }

    /// A timestamptz, exact in microseconds.
    /// - Throws: `PostgresError.decoding` for null, infinity or another type.
    public func timestamp() throws(PostgresError) -> Timestamp {
        Timestamp(microseconds: try timestamptz())
    }
}

extension Parameter {
    /// A uuid.
    public static func uuid(_ id: UUID) -> Parameter {
        .uuid(high: id.high, low: id.low)
    }

    /// A timestamptz, exact in microseconds.
    public static func timestamp(_ time: Timestamp) -> Parameter {
        .timestamptz(microseconds: time.microseconds)
    }

    /// An array of ids.
    public static func uuids(_ ids: some Collection<UUID>) -> Parameter {
        var array = ArrayBuilder(of: .uuid, capacity: ids.count)
        for id in ids { array.append.uuid(high: id.high, low: id.low) }
        return array.take()
    }
}
