import FoundationEssentials
import LedgerCore
import LedgerRPC

extension Nexus_Ledger_V1_NewEvent {
    /// The message that appends an event.
    init(_ event: NewEvent) {
        self.init()
        positionID = event.positionID.description
        type = event.type.rawValue
        effectiveAtUs = event.effectiveAt.microseconds
        source = event.source.rawValue
        actor = event.actor ?? ""
        eventID = event.eventID?.description ?? ""
        causationID = event.causationID?.description ?? ""
        correlationID = event.correlationID?.description ?? ""
        schemaVersion = UInt32(event.schemaVersion)
        payload = Data(event.payloadBytes)
        switch event.expectedVersion {
        case .any: break
        case .noStream: expectedVersion = 0
        case .exact(let version): expectedVersion = version.rawValue
        }
    }
}

extension Nexus_Ledger_V1_RecordedEvent {
    /// The payload's canonical JSON.
    var payloadBytes: [UInt8] { [UInt8](payload) }

    /// The leaf hash in lower-case hexadecimal.
    var leafHashText: String {
        leafHash.reduce(into: "") { text, byte in
            text += (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
    }

    /// The payload, where this build knows its type and its form.
    var parsedPayload: EventPayload? {
        guard let type = EventType(rawValue: type) else { return nil }
        return payloadBytes.withUnsafeBufferPointer { bytes in
            try? Upcasters.standard.payload(
                type, version: Int32(clamping: schemaVersion), parsing: bytes)
        }
    }
}

extension Nexus_Ledger_V1_ShowRequestResponse {
    /// The JSON lines, each without its line feed.
    var lineBytes: [[UInt8]] { lines.map { [UInt8]($0) } }
}
