import LedgerCore
import Projections

/// Folded accounts as messages, by way of the rows that the tables would have: a figure reads the
/// same at any moment and from the tables. Null is the empty string.
enum AccountMapping {
    private static let active = NamedColumns(ActivePositions.table)
    private static let history = NamedColumns(History.table)
    private static let legs = NamedColumns(Legs.table)

    /// The position and its legs; `stale` says why the account does not follow the log.
    static func position(
        _ account: PositionAccount, stale: String?
    ) throws -> Nexus_Ledger_V1_Position {
        var message: Nexus_Ledger_V1_Position
        if let row = try active.rows(account, stale).first {
            message = position(row)
            message.baseDelta = row.text("base_delta")
            message.realized = row.text("realized")
            message.unrealized = row.text("unrealized")
            message.entryBasis = row.text("entry_basis")
        } else if let row = try history.rows(account, stale).first {
            message = position(row)
            message.closedAtUs = row.integer("closed_at")
            message.closeReason = row.text("close_reason")
            message.realized = row.text("price_pnl")
        } else {
            throw RPCStatus.error(
                .internalError, "position \(account.positionID) has no row in any table")
        }
        message.legs = try legs.rows(account, stale).map(leg)
        return message
    }

    /// What positions.active and positions.history have in common.
    private static func position(_ row: NamedRow) -> Nexus_Ledger_V1_Position {
        var message = Nexus_Ledger_V1_Position()
        message.positionID = row.text("position_id")
        message.strategy = row.text("strategy")
        message.asset = row.text("asset")
        message.state = row.text("state")
        message.flags = row.texts("flags")
        message.version = row.integer("version")
        message.logPosition = row.integer("log_position")
        message.openedAtUs = row.integer("opened_at")
        message.settle = row.text("settle")
        message.fees = row.text("fees")
        message.funding = row.text("funding")
        message.adjustments = row.text("adjustments")
        message.net = row.text("net")
        message.staleReason = row.text("stale_reason")
        message.revision = row.integer("revision")
        return message
    }

    private static func leg(_ row: NamedRow) -> Nexus_Ledger_V1_Leg {
        var message = Nexus_Ledger_V1_Leg()
        message.leg = row.text("leg")
        message.venue = row.text("venue")
        message.account = row.text("account")
        message.instrument = row.text("instrument")
        message.kind = row.text("kind")
        message.side = row.text("side")
        message.state = row.text("state")
        message.flags = row.texts("flags")
        message.base = row.text("base")
        message.quote = row.text("quote")
        message.settle = row.text("settle")
        message.multiplier = row.text("multiplier")
        message.targetQty = row.text("target_qty")
        message.qty = row.text("qty")
        message.peakQty = row.text("peak_qty")
        message.openCost = row.text("open_cost")
        message.avgEntryPx = row.text("avg_entry_px")
        message.avgExitPx = row.text("avg_exit_px")
        message.realizedPrice = row.text("realized_price")
        message.fees = row.amounts("fees")
        message.feeValue = row.text("fee_value")
        message.funding = row.amounts("funding")
        message.fundingValue = row.text("funding_value")
        message.adjustments = row.text("adjustments")
        message.net = row.text("net")
        message.markPx = row.text("mark_px")
        message.markAtUs = row.integer("mark_at")
        message.unrealized = row.text("unrealized")
        return message
    }

    /// A row of daily P&L; keys that are not kept apart are empty.
    static func dailyPnl(
        _ key: DailyPnlRows.Key, _ sums: DaySums
    ) -> Nexus_Ledger_V1_DailyPnl {
        var message = Nexus_Ledger_V1_DailyPnl()
        message.day = key.day?.description ?? ""
        message.strategy = key.strategy?.text ?? ""
        message.asset = key.asset?.text ?? ""
        message.venue = key.venue?.text ?? ""
        message.settle = key.settle.text
        message.pricePnl = sums.pricePnl?.description ?? ""
        message.fees = sums.fees?.description ?? ""
        message.funding = sums.funding?.description ?? ""
        message.adjustments = sums.adjustments?.description ?? ""
        message.net = sums.net?.description ?? ""
        message.fills = sums.fills
        message.volume = sums.volume?.description ?? ""
        message.positions = sums.positions
        return message
    }
}

/// A table of accounts whose cells are found by the names of their columns.
private struct NamedColumns: Sendable {
    let table: AccountTable
    let places: [String: Int]

    init(_ table: AccountTable) {
        self.table = table
        places = Dictionary(
            uniqueKeysWithValues: table.columns.enumerated().map { ($0.element, $0.offset) })
    }

    func rows(_ account: PositionAccount, _ stale: String?) throws -> [NamedRow] {
        try table.rows(account, stale).map { NamedRow(columns: self, cells: $0.cells) }
    }
}

private struct NamedRow {
    let columns: NamedColumns
    let cells: [Cell]

    private func cell(_ column: String) -> Cell {
        guard let place = columns.places[column] else {
            preconditionFailure("\(columns.table.name) has no column \(column)")
        }
        return cells[place]
    }

    /// A text, decimal or id; empty for null.
    func text(_ column: String) -> String {
        switch cell(column) {
        case .text(let text): text
        case .decimal(let value): value.description
        case .uuid(let id): id.description
        case .null: ""
        case .int2, .int4, .int8, .texts, .timestamp, .date, .json:
            preconditionFailure("\(column) of \(columns.table.name) is no text")
        }
    }

    /// A count, or the microseconds of a time; 0 for null.
    func integer(_ column: String) -> Int64 {
        switch cell(column) {
        case .int2(let value): Int64(value)
        case .int4(let value): Int64(value)
        case .int8(let value): value
        case .timestamp(let time): time.microseconds
        case .null: 0
        case .decimal, .text, .texts, .uuid, .date, .json:
            preconditionFailure("\(column) of \(columns.table.name) is no number")
        }
    }

    func texts(_ column: String) -> [String] {
        guard case .texts(let texts) = cell(column) else { return [] }
        return texts
    }

    func amounts(_ column: String) -> [String: String] {
        guard case .json(let bytes) = cell(column),
            case .object(let members)? = try? JSONValue(parsing: bytes)
        else { return [:] }
        return members.compactMapValues(\.text)
    }
}
