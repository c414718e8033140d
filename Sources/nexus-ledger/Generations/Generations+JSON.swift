import LedgerCore
import LedgerRPC

// What the commands about generations write with --json.

extension Nexus_Ledger_V1_RebuildProgress {
    var json: JSONValue {
        .object([
            "phase": .string(phase), "slot": .integer(slot),
            "logic_version": .integer(logicVersion), "events": .integer(events),
            "events_total": .integer(eventsTotal), "positions": .integer(positions),
            "events_per_second": .integer(Int64(eventsPerSecond)),
            "seconds_left": secondsLeft < 0 ? .null : .seconds(secondsLeft),
            "log_position": .integer(logPosition), "head": .integer(head),
            "resumed": .bool(resumed), "quarantined": .integer(quarantined),
            "memory_peak_bytes": .integer(memoryPeakBytes),
        ])
    }
}

extension Nexus_Ledger_V1_RowDifference {
    var json: JSONValue {
        .object([
            "table": .string(table), "key": .object(key.mapValues { .string($0) }),
            "kind": .string(kind), "size": .text(size),
            "columns": .array(
                columns.map { column in
                    .object([
                        "column": .string(column.column),
                        "before": column.hasBefore ? .string(column.before) : .null,
                        "after": column.hasAfter ? .string(column.after) : .null,
                        "change": .text(ComparisonCSV.change(column, kind)),
                    ])
                }),
        ])
    }
}

extension Nexus_Ledger_V1_TableSummary {
    var json: JSONValue {
        .object([
            "table": .string(table), "rows_before": .integer(rowsBefore),
            "rows_after": .integer(rowsAfter), "changed": .integer(changed),
            "only_before": .integer(onlyBefore), "only_after": .integer(onlyAfter),
            "columns": .array(
                columns.map { column in
                    .object([
                        "column": .string(column.column), "rows": .integer(column.rows),
                        "change": .amounts(column.change),
                        "unknown": .integer(column.unknown),
                    ])
                }),
        ])
    }
}

extension Nexus_Ledger_V1_ComparisonSummary {
    /// With the rows that differ.
    func json(_ rows: [Nexus_Ledger_V1_RowDifference]) -> JSONValue {
        .object([
            "log_position": .integer(logPosition), "before": before.json,
            "after": after.slot == 0 ? .null : after.json, "digest": .string(digest),
            "positions_compared": .integer(positionsCompared),
            "positions_changed": .integer(positionsChanged),
            "rows_compared": .integer(rowsCompared), "net_change": .amounts(netChange),
            "net_unknown": .integer(netUnknown),
            "tables": .array(tables.map(\.json)), "rows": .array(rows.map(\.json)),
        ])
    }
}

extension Nexus_Ledger_V1_ExplainResponse {
    var json: JSONValue {
        func account(_ bytes: some Collection<UInt8>) -> JSONValue {
            (try? JSONValue(parsing: Array(bytes))) ?? .null
        }
        return .object([
            "event": hasEvent ? account(event.canonicalBytes) : .null, "method": .string(method),
            "log_position": .integer(logPosition), "live_before": account(liveBefore),
            "live_after": account(liveAfter), "other_before": account(otherBefore),
            "other_after": account(otherAfter),
            "differences": .array(differences.map(\.json)),
        ])
    }
}
