import Admission
import AppendPipeline
import EventStore
import GRPCCore
import LedgerCore

/// Between messages and the ledger's own types. Errors name the member as the caller sent it.
enum EventMapping {
    /// Events of one request.
    static let eventsMax = 10_000
    /// Bytes of one payload.
    static let payloadBytesMax = 64 << 10

    static func book(_ name: String) throws(InvalidField) -> BookName {
        if name.isEmpty { return .main }
        guard let book = BookName(name) else {
            throw InvalidField("book", name, "must be 1 to 64 of a–z, 0–9, \"_\", \".\" and \"-\"")
        }
        return book
    }

    static func events(
        _ request: Nexus_Ledger_V1_AppendRequest
    ) throws(InvalidField) -> [NewEvent] {
        guard !request.events.isEmpty else {
            throw InvalidField("events", "[]", "needs at least one event")
        }
        guard request.events.count <= eventsMax else {
            throw InvalidField(
                "events", "\(request.events.count) events", "at most \(eventsMax) in one request")
        }
        var events: [NewEvent] = []
        events.reserveCapacity(request.events.count)
        for message in request.events {
            do throws(InvalidField) {
                events.append(try event(message))
            } catch {
                throw error.within("events[\(events.count)]")
            }
        }
        return events
    }

    static func event(_ message: Nexus_Ledger_V1_NewEvent) throws(InvalidField) -> NewEvent {
        let type: EventType = try choice("type", message.type)
        let source: EventSource = try choice("source", message.source)
        guard message.payload.count <= payloadBytesMax else {
            throw InvalidField(
                "payload", "\(message.payload.count) bytes", "at most \(payloadBytesMax) bytes")
        }
        let current = Upcasters.standard.currentVersion(of: type)
        let version = message.schemaVersion == 0 ? current : Int32(clamping: message.schemaVersion)
        let parsed = message.payload.withUnsafeBytes { bytes in
            parse(type, version, bytes.bindMemory(to: UInt8.self), current: current)
        }
        let (payload, original) = try parsed.get()
        return try NewEvent(
            positionID: try required("position_id", message.positionID), payload: payload,
            effectiveAt: Timestamp(microseconds: message.effectiveAtUs), source: source,
            actor: message.actor.isEmpty ? nil : message.actor,
            eventID: try id("event_id", message.eventID),
            causationID: try id("causation_id", message.causationID),
            correlationID: try id("correlation_id", message.correlationID),
            expectedVersion: try expected(message), schemaVersion: version,
            originalBytes: original)
    }

    private static func parse(
        _ type: EventType, _ version: Int32, _ bytes: UnsafeBufferPointer<UInt8>, current: Int32
    ) -> Result<(EventPayload, [UInt8]?), InvalidField> {
        do throws(InvalidField) {
            let payload = try Upcasters.standard.payload(type, version: version, parsing: bytes)
            guard version != current else { return .success((payload, nil)) }
            return .success((payload, try JSONValue(parsing: bytes).canonicalBytes))
        } catch {
            return .failure(error)
        }
    }

    private static func expected(
        _ message: Nexus_Ledger_V1_NewEvent
    ) throws(InvalidField) -> ExpectedVersion {
        guard message.hasExpectedVersion else { return .any }
        guard message.expectedVersion >= 0 else {
            throw InvalidField(
                "expected_version", String(message.expectedVersion),
                "must be 0 for a position that must not exist yet, or its version; leave it out "
                    + "for any")
        }
        return message.expectedVersion == 0
            ? .noStream : .exact(StreamVersion(rawValue: message.expectedVersion))
    }

    private static func choice<Choice: Word>(
        _ name: String, _ text: String
    ) throws(InvalidField) -> Choice {
        guard let value = Choice.words[text] else {
            throw InvalidField(
                name, text.isEmpty ? "\"\"" : text, "must be one of: " + Choice.options)
        }
        return value
    }

    private static func id(_ name: String, _ text: String) throws(InvalidField) -> UUID? {
        if text.isEmpty { return nil }
        guard let id = UUID(text) else {
            throw InvalidField(name, text, "must be a UUID in its 36-character form")
        }
        return id
    }

    static func required(_ name: String, _ text: String) throws(InvalidField) -> UUID {
        guard let id = try id(name, text) else { throw InvalidField(name, "", "is required") }
        return id
    }

    static func committed(_ places: [Place]) -> Nexus_Ledger_V1_Committed {
        var message = Nexus_Ledger_V1_Committed()
        message.places = places.map { place in
            var item = Nexus_Ledger_V1_Place()
            item.eventID = place.eventID.description
            item.logPosition = place.logPosition.rawValue
            item.version = place.version.rawValue
            item.recordedAtUs = place.recordedAt.microseconds
            item.duplicate = place.isDuplicate
            return item
        }
        return message
    }

    static func recorded(
        _ event: RecordedEvent, book: BookName, peerUID: UInt32?
    ) -> Nexus_Ledger_V1_RecordedEvent {
        var message = Nexus_Ledger_V1_RecordedEvent()
        message.book = book.description
        message.logPosition = event.event.logPosition.rawValue
        message.positionID = event.event.positionID.description
        message.version = event.event.version.rawValue
        message.eventID = event.event.eventID.description
        message.type = event.event.type.rawValue
        message.schemaVersion = UInt32(event.schemaVersion)
        message.effectiveAtUs = event.event.effectiveAt.microseconds
        message.recordedAtUs = event.event.recordedAt.microseconds
        message.source = event.source.rawValue
        message.actor = event.actor ?? ""
        message.causationID = event.causationID?.description ?? ""
        message.correlationID = event.correlationID?.description ?? ""
        message.payload.append(contentsOf: event.payloadBytes)
        message.leafHash.append(contentsOf: event.leafHash)
        if let peerUID { message.peerUid = peerUID }
        return message
    }
}
