import EventStore
import LedgerCore
import Outbox

/// What tells an event from all others without knowing the terms of its leg, for the outbox: ids
/// where they are given, and the members of a venue's fact where the id would be derived
/// (architecture.md, "The outbox").
enum OutboxKey {
    static func of(_ event: NewEvent) -> [UInt8] {
        key(event.payload, event.positionID, event.eventID)
    }

    static func of(_ event: Event) -> [UInt8] {
        key(event.payload, event.positionID, event.eventID)
    }

    private static func key(_ payload: EventPayload, _ position: UUID, _ id: UUID?) -> [UInt8] {
        switch payload {
        case .fill(let fill):
            return fact("fill", position, fill.leg, replaces: fill.replaces) { json in
                json.string(fill.tradeID)
                json.string(fill.side.rawValue)
                json.integer(fill.part)
            }
        case .funding(let funding):
            return fact("funding", position, funding.leg, replaces: funding.replaces) { json in
                json.timestamp(funding.fundingTime)
                json.integer(funding.part)
            }
        case .opened, .fee, .feeValued, .mark, .adjustment, .closeRequested, .closed, .cancelled,
            .voided:
            let known = id ?? EventIdentity.derivedID(of: payload, terms: nil)
            return [0] + (known ?? position).octets
        }
    }

    private static func fact(
        _ kind: String, _ position: UUID, _ leg: String, replaces: UUID?,
        _ members: (inout CanonicalJSON) -> Void
    ) -> [UInt8] {
        var json = CanonicalJSON(reserving: 160)
        json.beginArray()
        json.string(kind)
        json.uuid(position)
        json.string(leg)
        members(&json)
        if let replaces { json.uuid(replaces) }
        json.endArray()
        return [1] + Array(LeafHash.digest(of: json.bytes))
    }
}

/// Places of a request's events, as the outbox keeps them for those who ask again.
enum PlacesCodec {
    private static let octetsPerPlace = 41

    static func encode(_ places: [Place]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(places.count * octetsPerPlace)
        for place in places {
            bytes += place.eventID.octets
            for number in [
                place.logPosition.rawValue, place.version.rawValue, place.recordedAt.microseconds,
            ] {
                withUnsafeBytes(of: number.bigEndian) { bytes += $0 }
            }
            bytes.append(place.isDuplicate ? 1 : 0)
        }
        return bytes
    }

    /// nil if they are not what `encode` writes.
    static func decode(_ bytes: [UInt8]) -> [Place]? {
        guard bytes.count % octetsPerPlace == 0 else { return nil }
        return stride(from: 0, to: bytes.count, by: octetsPerPlace).map { start in
            func number(_ offset: Int) -> UInt64 {
                bytes[(start + offset)..<(start + offset + 8)].reduce(0) { $0 << 8 | UInt64($1) }
            }
            return Place(
                eventID: UUID(high: number(0), low: number(8)),
                logPosition: LogPosition(rawValue: Int64(bitPattern: number(16))),
                version: StreamVersion(rawValue: Int64(bitPattern: number(24))),
                recordedAt: Timestamp(microseconds: Int64(bitPattern: number(32))),
                isDuplicate: bytes[start + 40] == 1)
        }
    }
}
