import LedgerCore
import ProjectionEngine
import Projections

/// Comparisons as messages.
enum ComparisonMapping {
    static func message(_ difference: RowDifference) -> Nexus_Ledger_V1_RowDifference {
        var message = Nexus_Ledger_V1_RowDifference()
        message.table = difference.table
        for part in difference.key { message.key[part.column] = part.value }
        message.kind = difference.kind.rawValue
        message.columns = difference.columns.map { column in
            var item = Nexus_Ledger_V1_ColumnDifference()
            item.column = column.name
            if let before = column.before { item.before = before }
            if let after = column.after { item.after = after }
            return item
        }
        message.size = difference.size?.description ?? ""
        return message
    }

    static func summary(
        _ result: ComparisonResult, _ generations: [Generation]
    ) -> Nexus_Ledger_V1_ComparisonSummary {
        var message = Nexus_Ledger_V1_ComparisonSummary()
        let live = generations.first?.logPosition ?? .origin
        message.logPosition = result.logPosition.rawValue
        if let before = generations.first(where: { $0.slot == result.live }) {
            message.before = GenerationMapping.message(before, live: live)
        }
        if let after = generations.first(where: { $0.slot == result.other }) {
            message.after = GenerationMapping.message(after, live: live)
        } else {
            message.after.logicVersion = LogicName.version
            message.after.logicFingerprint = LogicName.fingerprint
        }
        message.tables = result.tables.map { table in
            var item = Nexus_Ledger_V1_TableSummary()
            item.table = table.name
            item.rowsBefore = table.rowsBefore
            item.rowsAfter = table.rowsAfter
            item.changed = table.changed
            item.onlyBefore = table.onlyBefore
            item.onlyAfter = table.onlyAfter
            item.columns = table.columns.map { column in
                var summary = Nexus_Ledger_V1_ColumnSummary()
                summary.column = column.name
                summary.rows = column.rows
                summary.unknown = column.unknown
                summary.change = column.change.mapValues(\.description)
                return summary
            }
            return item
        }
        message.positionsCompared = result.positionsCompared
        message.positionsChanged = result.positionsChanged
        message.netChange = result.netChange.mapValues(\.description)
        message.netUnknown = result.netUnknown
        message.digest = result.digest
        message.rowsCompared = result.rowsCompared
        return message
    }
}

/// The logic of this build.
enum LogicName {
    static let version = AccountFold.logicVersion
    static let fingerprint = AccountFold.logicFingerprint
}
