import LedgerCore
import Postgres

/// Turns rows of the log into events.
enum RowDecoder {
    /// Reads the columns of `StoreSQL.columns`; an event that this build cannot read is told
    /// apart instead of ending the read.
    static func entry(_ row: QueryResult.Row) throws -> LogEntry {
        do {
            return .event(try event(row).event)
        } catch StoreError.unreadable(let position, let field) {
            return .unreadable(
                UnreadableEvent(
                    eventID: try row[2].id(), positionID: try row[0].id(),
                    version: StreamVersion(rawValue: try row[1].int64()), logPosition: position,
                    recordedAt: Timestamp(microseconds: try row[7].timestamptz()),
                    reason: field.description))
        }
    }

    /// Reads the columns of `StoreSQL.columns`.
    static func event(_ row: QueryResult.Row) throws -> (event: Event, schemaVersion: Int32) {
        let position = LogPosition(rawValue: try row[3].int64())
        let name = try row[4].string()
        guard let type = EventType(rawValue: name) else {
            throw StoreError.unreadable(
                position, InvalidField("event_type", name, "is not known to this build"))
        }
        let schemaVersion = try row[5].int32()
        let outcome = try row[8].withBytes { bytes -> Result<EventPayload, InvalidField> in
            do throws(InvalidField) {
                return .success(
                    try Upcasters.standard.payload(
                        type, version: schemaVersion, parsing: bytes.bindMemory(to: UInt8.self)))
            } catch {
                return .failure(error)
            }
        }
        let payload: EventPayload
        switch outcome {
        case .success(let value): payload = value
        case .failure(let error): throw StoreError.unreadable(position, error)
        }
        let event = Event(
            eventID: try row[2].id(), positionID: try row[0].id(),
            version: StreamVersion(rawValue: try row[1].int64()), logPosition: position,
            effectiveAt: Timestamp(microseconds: try row[6].timestamptz()),
            recordedAt: Timestamp(microseconds: try row[7].timestamptz()), payload: payload)
        return (event, schemaVersion)
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
