import LedgerCore
import LedgerRPC

// What the commands write with --json: the members of the messages by their names in ledger.proto,
// decimals as strings, instants in RFC 3339, and null where a message has its empty value.

extension JSONValue {
    /// A text; null if it is empty.
    static func text(_ text: String) -> JSONValue { text.isEmpty ? .null : .string(text) }

    static func integer(_ value: some BinaryInteger) -> JSONValue { .number(String(value)) }

    /// A number that may be missing.
    static func integer(_ value: some BinaryInteger, if isKnown: Bool) -> JSONValue {
        isKnown ? .integer(value) : .null
    }

    static func texts(_ texts: [String]) -> JSONValue { .array(texts.map { .string($0) }) }

    /// An instant; null for 0.
    static func instant(us microseconds: Int64) -> JSONValue {
        guard microseconds != 0 else { return .null }
        return .string(Timestamp(microseconds: microseconds).description)
    }

    static func amounts(_ amounts: [String: String]) -> JSONValue {
        .object(amounts.mapValues { .text($0) })
    }

    /// Seconds as a decimal string: JSON numbers are for integers only.
    static func seconds(_ seconds: Double) -> JSONValue {
        let milliseconds = Int128((max(seconds, 0) * 1000).rounded())
        let scaled = try? Fixed(scaled: milliseconds * 1_000_000_000_000_000)
        return scaled.map { .string($0.description) } ?? .null
    }
}

extension Nexus_Ledger_V1_Leg {
    var json: JSONValue {
        .object([
            "leg": .string(leg), "venue": .string(venue), "account": .string(account),
            "instrument": .string(instrument), "kind": .string(kind), "side": .string(side),
            "state": .string(state), "flags": .texts(flags), "base": .string(base),
            "quote": .string(quote), "settle": .string(settle), "multiplier": .text(multiplier),
            "target_qty": .text(targetQty), "qty": .text(qty), "peak_qty": .text(peakQty),
            "open_cost": .text(openCost), "avg_entry_px": .text(avgEntryPx),
            "avg_exit_px": .text(avgExitPx), "realized_price": .text(realizedPrice),
            "fees": .amounts(fees), "fee_value": .text(feeValue), "funding": .amounts(funding),
            "funding_value": .text(fundingValue), "adjustments": .text(adjustments),
            "net": .text(net), "mark_px": .text(markPx), "mark_at": .instant(us: markAtUs),
            "unrealized": .text(unrealized),
        ])
    }
}

extension Nexus_Ledger_V1_Position {
    var json: JSONValue {
        .object([
            "position_id": .string(positionID), "strategy": .string(strategy),
            "asset": .string(asset), "state": .string(state), "flags": .texts(flags),
            "version": .integer(version), "log_position": .integer(logPosition),
            "opened_at": .instant(us: openedAtUs), "closed_at": .instant(us: closedAtUs),
            "close_reason": .text(closeReason), "settle": .text(settle),
            "base_delta": .text(baseDelta), "realized": .text(realized), "fees": .text(fees),
            "funding": .text(funding), "adjustments": .text(adjustments), "net": .text(net),
            "unrealized": .text(unrealized), "entry_basis": .text(entryBasis),
            "stale_reason": .text(staleReason), "revision": .integer(revision),
            "legs": .array(legs.map(\.json)),
            "buffered_events": .integer(bufferedEvents, if: hasBufferedEvents),
        ])
    }
}

extension Nexus_Ledger_V1_DailyPnl {
    /// Without the keys that were not asked for.
    var json: JSONValue {
        var members: [String: JSONValue] = [
            "settle": .string(settle), "price_pnl": .text(pricePnl), "fees": .text(fees),
            "funding": .text(funding), "adjustments": .text(adjustments), "net": .text(net),
            "fills": .integer(fills), "volume": .text(volume), "positions": .integer(positions),
        ]
        for (name, key) in [
            ("day", day), ("strategy", strategy), ("asset", asset), ("venue", venue),
        ] where !key.isEmpty {
            members[name] = .string(key)
        }
        return .object(members)
    }
}

extension Nexus_Ledger_V1_RunningTotals {
    var json: JSONValue {
        .object([
            "leg": .text(leg), "qty": .text(qty), "open_cost": .text(openCost),
            "avg_entry_px": .text(avgEntryPx), "realized_price": .text(realizedPrice),
            "fee_value": .text(feeValue), "funding": .text(funding),
            "adjustments": .text(adjustments), "net": .text(net),
            "position_net": .text(positionNet), "state": .text(state),
        ])
    }
}

extension Nexus_Ledger_V1_RecordedEvent {
    /// Appends the event; its payload is copied as the ledger holds it.
    func write(to json: inout CanonicalJSON) {
        json.beginObject()
        json.optional("actor", actor)
        json.key("book")
        json.string(book)
        json.optional("causation_id", causationID)
        json.optional("correlation_id", correlationID)
        json.key("effective_at")
        json.timestamp(Timestamp(microseconds: effectiveAtUs))
        json.key("event_id")
        json.string(eventID)
        json.key("leaf_hash")
        json.string(leafHashText)
        json.key("log_position")
        json.integer(logPosition)
        json.key("payload")
        json.raw(payloadBytes)
        json.key("peer_uid")
        if hasPeerUid { json.integer(Int64(peerUid)) } else { json.null() }
        json.key("position_id")
        json.string(positionID)
        json.key("recorded_at")
        json.timestamp(Timestamp(microseconds: recordedAtUs))
        json.key("schema_version")
        json.integer(Int64(schemaVersion))
        json.key("source")
        json.string(source)
        json.key("type")
        json.string(type)
        json.key("version")
        json.integer(version)
        json.endObject()
    }

    var canonicalBytes: [UInt8] {
        var json = CanonicalJSON(reserving: 1_024)
        write(to: &json)
        return json.bytes
    }

    /// The event as a JSON line of `append` and `fold`: without its book and its place there.
    var eventLineBytes: [UInt8] {
        var json = CanonicalJSON(reserving: 1_024)
        json.beginObject()
        json.present("actor", actor)
        json.present("causation_id", causationID)
        json.present("correlation_id", correlationID)
        json.key("effective_at")
        json.timestamp(Timestamp(microseconds: effectiveAtUs))
        json.present("event_id", eventID)
        json.key("payload")
        json.raw(payloadBytes)
        json.present("position_id", positionID)
        json.key("schema_version")
        json.integer(Int64(schemaVersion))
        json.present("source", source)
        json.present("type", type)
        json.endObject()
        return json.bytes
    }
}

extension Nexus_Ledger_V1_TimelineEntry {
    var canonicalBytes: [UInt8] {
        var json = CanonicalJSON(reserving: 1_536)
        json.beginObject()
        json.key("buffered_at")
        JSONValue.instant(us: bufferedAtUs).write(to: &json)
        json.key("changes")
        JSONValue.array(changes.map(\.json)).write(to: &json)
        json.key("event")
        event.write(to: &json)
        json.optional("fold_error", foldError)
        json.optional("host", host)
        json.key("invariants")
        JSONValue.array(invariants.map(\.json)).write(to: &json)
        json.key("outbox_sequence")
        if outboxSequence == 0 { json.null() } else { json.integer(outboxSequence) }
        json.key("running")
        running.json.write(to: &json)
        json.optional("voided_by", voidedBy)
        json.optional("voids", voids)
        json.endObject()
        return json.bytes
    }
}

extension Nexus_Ledger_V1_Invariant {
    var json: JSONValue {
        .object(["detail": .string(detail), "holds": .bool(holds), "rule": .string(rule)])
    }
}

extension Nexus_Ledger_V1_FigureChange {
    var json: JSONValue {
        .object([
            "after": .text(after), "arithmetic": .text(arithmetic), "before": .text(before),
            "figure": .string(figure), "leg": .string(leg),
        ])
    }
}

extension CanonicalJSON {
    /// A member that is left out where the text is empty.
    fileprivate mutating func present(_ name: StaticString, _ text: String) {
        guard !text.isEmpty else { return }
        key(name)
        string(text)
    }

    /// A member that is null where the text is empty.
    fileprivate mutating func optional(_ name: StaticString, _ text: String) {
        key(name)
        if text.isEmpty { null() } else { string(text) }
    }
}
