import Crypto

/// The ids of venue facts, and when two events are the same (accounting.md §2, Identity).
public enum EventIdentity {
    /// The namespace of derived ids.
    public static let namespace = UUID(high: 0x1cae_af2a_b721_50f8, low: 0x915c_39b2_3b32_6d71)

    /// Seconds to which a funding time is floored where neither the event nor its leg says.
    public static let fundingIntervalDefault: Int64 = 3_600

    /// The id that the event must have, or nil where callers bring their own.
    /// `terms` are those of the payload's leg.
    public static func derivedID(of payload: EventPayload, terms: LegTerms?) -> UUID? {
        switch payload {
        case .fill(let fill):
            guard let terms else { return nil }
            var json = CanonicalJSON(reserving: 160)
            begin("fill", terms, &json)
            json.string(fill.tradeID)
            json.string(fill.side.rawValue)
            json.integer(fill.part)
            return finish(&json, replaces: fill.replaces)
        case .funding(let funding):
            guard let terms else { return nil }
            var json = CanonicalJSON(reserving: 160)
            begin("funding", terms, &json)
            json.timestamp(fundingTime(of: funding, terms: terms))
            json.integer(funding.part)
            return finish(&json, replaces: funding.replaces)
        case .voided(let void):
            var json = CanonicalJSON(reserving: 64)
            json.beginArray()
            json.string("void")
            json.uuid(void.target)
            return finish(&json, replaces: nil)
        case .opened, .fee, .feeValued, .mark, .adjustment, .closeRequested, .closed, .cancelled:
            return nil
        }
    }

    private static func begin(_ kind: String, _ terms: LegTerms, _ json: inout CanonicalJSON) {
        json.beginArray()
        json.string(kind)
        json.string(terms.venue)
        json.string(terms.account)
        json.string(terms.instrument)
    }

    private static func finish(_ json: inout CanonicalJSON, replaces: UUID?) -> UUID {
        if let replaces { json.uuid(replaces) }
        json.endArray()
        return version5(json.bytes)
    }

    /// The settlement that a payment belongs to: floored to the event's own interval, else the
    /// leg's, else the hour, because stamps come late, never early.
    public static func fundingTime(of funding: Funding, terms: LegTerms) -> Timestamp {
        let interval = funding.interval ?? terms.fundingInterval ?? fundingIntervalDefault
        return funding.fundingTime.floored(toSeconds: interval)
    }

    /// UUIDv5 (RFC 9562 §5.5) in `namespace`.
    public static func version5(_ name: [UInt8]) -> UUID {
        var hash = Insecure.SHA1()
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 16) { buffer in
            for index in 0..<8 {
                let shift = UInt64(56 - 8 * index)
                buffer[index] = UInt8(truncatingIfNeeded: namespace.high >> shift)
                buffer[index + 8] = UInt8(truncatingIfNeeded: namespace.low >> shift)
            }
            hash.update(bufferPointer: UnsafeRawBufferPointer(buffer))
        }
        name.withUnsafeBytes { hash.update(bufferPointer: $0) }
        let (high, low) = hash.finalize().withUnsafeBytes { digest in
            (
                UInt64(bigEndian: digest.loadUnaligned(as: UInt64.self)),
                UInt64(bigEndian: digest.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            )
        }
        return UUID(
            high: high & ~0xF000 | 0x5000,
            low: low & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000)
    }

    /// Whether a repeat of a known id says the same; nil if it does, else the member that differs.
    /// Other members of a repeat are ignored: two feeds of one venue differ in them.
    public static func difference(
        _ repeated: NewEvent, from known: Event
    ) -> String? {
        func first(_ pairs: (String, Bool)...) -> String? { pairs.first { !$0.1 }?.0 }
        switch (repeated.payload, known.payload) {
        case (.fill(let new), .fill(let old)):
            return first(
                ("position_id", repeated.positionID == known.positionID),
                ("side", new.side == old.side), ("qty", new.qty == old.qty),
                ("px", new.px == old.px), ("fee", new.fee == old.fee),
                ("fee_asset", new.feeAsset.isExactly(old.feeAsset)))
        case (.funding(let new), .funding(let old)):
            return first(
                ("position_id", repeated.positionID == known.positionID),
                ("amount", new.amount == old.amount), ("asset", new.asset.isExactly(old.asset)))
        case (.voided, .voided):
            // The target is in the id. From another position it is no repeat: refused below.
            return first(("position_id", repeated.positionID == known.positionID))
        default:
            return first(
                ("type", repeated.type == known.type),
                ("position_id", repeated.positionID == known.positionID),
                ("effective_at", repeated.effectiveAt == known.effectiveAt),
                ("payload", repeated.payload == known.payload))
        }
    }
}
