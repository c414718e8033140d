import LedgerCore
import LedgerRPC

/// A timeline as comma-separated values (RFC 4180): a header, then a record for each event, exact.
enum TimelineCSV {
    /// The columns, by the names that they have with --json.
    static let header = CSV.record([
        "version", "log_position", "effective_at", "recorded_at", "type", "event_id", "source",
        "actor", "causation_id", "correlation_id", "schema_version", "leg", "qty", "open_cost",
        "avg_entry_px", "realized_price", "fee_value", "funding", "adjustments", "net",
        "position_net", "state", "voided_by", "voids", "buffered_at", "host", "outbox_sequence",
        "peer_uid", "leaf_hash", "checks", "checks_failed", "fold_error", "payload",
    ])

    static func record(_ entry: Nexus_Ledger_V1_TimelineEntry) -> String {
        let (event, running) = (entry.event, entry.running)
        let failed = entry.invariants.filter { !$0.holds }.map { "\($0.rule): \($0.detail)" }
        return CSV.record([
            String(event.version), String(event.logPosition), instant(event.effectiveAtUs),
            instant(event.recordedAtUs), event.type, event.eventID, event.source, event.actor,
            event.causationID, event.correlationID, String(event.schemaVersion), running.leg,
            running.qty, running.openCost, running.avgEntryPx, running.realizedPrice,
            running.feeValue, running.funding, running.adjustments, running.net,
            running.positionNet, running.state, entry.voidedBy, entry.voids,
            entry.wasBuffered ? instant(entry.bufferedAtUs) : "", entry.host,
            entry.wasBuffered ? String(entry.outboxSequence) : "",
            event.hasPeerUid ? String(event.peerUid) : "", event.leafHashText,
            String(entry.invariants.count), failed.joined(separator: "; "), entry.foldError,
            String(decoding: event.payloadBytes, as: UTF8.self),
        ])
    }

    private static func instant(_ microseconds: Int64) -> String {
        Timestamp(microseconds: microseconds).description
    }
}
