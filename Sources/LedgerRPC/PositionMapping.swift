import EventStore
import LedgerCore
import Postgres

/// Rows of `ReadSQL` as messages. Null is the empty string.
enum PositionMapping {
    static func position(_ row: QueryResult.Row) throws -> Nexus_Ledger_V1_Position {
        var message = Nexus_Ledger_V1_Position()
        message.positionID = try row[0].id().description
        message.strategy = try row[1].string()
        message.asset = try row[2].string()
        message.state = try row[3].string()
        message.flags = try row[4].textArray()
        message.version = try row[5].int64()
        message.logPosition = try row[6].int64()
        message.openedAtUs = try row[7].timestamptz()
        message.closedAtUs = try row[8].ifPresent?.timestamptz() ?? 0
        message.closeReason = try row[9].string()
        message.settle = try row[10].ifPresent?.string() ?? ""
        message.baseDelta = try decimal(row[11])
        message.realized = try decimal(row[12])
        message.fees = try decimal(row[13])
        message.funding = try decimal(row[14])
        message.adjustments = try decimal(row[15])
        message.net = try decimal(row[16])
        message.unrealized = try decimal(row[17])
        message.entryBasis = try decimal(row[18])
        message.staleReason = try row[19].string()
        message.revision = try row[20].int64()
        return message
    }

    static func leg(_ row: QueryResult.Row) throws -> Nexus_Ledger_V1_Leg {
        var message = Nexus_Ledger_V1_Leg()
        message.leg = try row[1].string()
        message.venue = try row[2].string()
        message.account = try row[3].string()
        message.instrument = try row[4].string()
        message.kind = try row[5].string()
        message.side = try row[6].string()
        message.state = try row[7].string()
        message.flags = try row[8].textArray()
        message.base = try row[9].string()
        message.quote = try row[10].string()
        message.settle = try row[11].string()
        message.multiplier = try decimal(row[12])
        message.targetQty = try decimal(row[13])
        message.qty = try decimal(row[14])
        message.peakQty = try decimal(row[15])
        message.openCost = try decimal(row[16])
        message.avgEntryPx = try decimal(row[17])
        message.avgExitPx = try decimal(row[18])
        message.realizedPrice = try decimal(row[19])
        message.fees = try amounts(row[20])
        message.feeValue = try decimal(row[21])
        message.funding = try amounts(row[22])
        message.fundingValue = try decimal(row[23])
        message.adjustments = try decimal(row[24])
        message.net = try decimal(row[25])
        message.markPx = try decimal(row[26])
        message.markAtUs = try row[27].ifPresent?.timestamptz() ?? 0
        message.unrealized = try decimal(row[28])
        return message
    }

    static func dailyPnl(_ row: QueryResult.Row) throws -> Nexus_Ledger_V1_DailyPnl {
        var message = Nexus_Ledger_V1_DailyPnl()
        message.day = try row[0].ifPresent.map { Day(number: try $0.date()).description } ?? ""
        message.strategy = try row[1].ifPresent?.string() ?? ""
        message.asset = try row[2].ifPresent?.string() ?? ""
        message.venue = try row[3].ifPresent?.string() ?? ""
        message.settle = try row[4].string()
        message.pricePnl = try decimal(row[5])
        message.fees = try decimal(row[6])
        message.funding = try decimal(row[7])
        message.adjustments = try decimal(row[8])
        message.net = try decimal(row[9])
        message.fills = try row[10].int64()
        message.volume = try decimal(row[11])
        message.positions = try row[12].int64()
        return message
    }

    private static func decimal(_ field: Field) throws -> String {
        guard let present = field.ifPresent else { return "" }
        return try Fixed(scaled: try present.numeric()).description
    }

    private static func amounts(_ field: Field) throws -> [String: String] {
        guard case .object(let members) = try JSONValue(parsing: try field.bytes()) else {
            return [:]
        }
        return members.compactMapValues(\.text)
    }
}
