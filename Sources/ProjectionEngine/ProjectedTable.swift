import Projections

/// A table of a generation, as it is compared: the account tables, the sums over many accounts,
/// and the quarantine.
public struct ProjectedTable: Sendable {
    /// Schema-qualified, as its view is called: "positions.history".
    public let name: String
    /// What identifies a row within its book and generation, in the order of the table's key.
    public let keyColumns: [String]
    /// All columns that are compared: every column but the slot, the book and the clock's.
    public let columns: [String]
    /// Columns that hold money in the unit of the column `settle`.
    public let moneyColumns: Set<String>

    /// The table that holds the rows of all generations.
    public var relation: String { name == "positions.quarantine" ? name : name + "_rows" }

    /// Whether a row belongs to one position.
    public var isByPosition: Bool { keyColumns.first == "position_id" }

    private static func account(_ table: AccountTable, money: Set<String>) -> ProjectedTable {
        ProjectedTable(
            name: table.name, keyColumns: ["position_id"] + table.keyColumns,
            columns: table.columns, moneyColumns: money)
    }

    /// In the order in which they are compared and answered.
    public static let all: [ProjectedTable] = [
        account(
            ActivePositions.table,
            money: ["realized", "fees", "funding", "adjustments", "net", "unrealized"]),
        account(
            Legs.table,
            money: [
                "open_cost", "realized_price", "fee_value", "funding_value", "adjustments", "net",
                "unrealized",
            ]),
        account(
            History.table,
            money: ["price_pnl", "funding", "fees", "adjustments", "net", "peak_notional"]),
        account(
            PositionDays.table, money: ["price_pnl", "fees", "funding", "adjustments", "net"]),
        account(
            FundingCollected.table, money: ["received", "paid", "net", "expected", "variance"]),
        ProjectedTable(
            name: "analytics.daily_pnl",
            keyColumns: ["day", "strategy", "asset", "venue", "settle"],
            columns: [
                "day", "strategy", "asset", "venue", "settle", "price_pnl", "fees_known",
                "funding_known", "adjustments", "volume", "unvalued_fees", "unvalued_funding",
                "fills", "positions", "leg_days", "log_position", "changed_at",
            ],
            moneyColumns: ["price_pnl", "fees_known", "funding_known", "adjustments"]),
        ProjectedTable(
            name: "analytics.trade_stats", keyColumns: ["strategy", "asset", "settle"],
            columns: [
                "strategy", "asset", "settle", "closed_positions", "unvalued", "wins", "win_rate",
                "mean_net", "median_net", "profit_factor", "mean_hold_seconds", "best", "worst",
                "log_position", "changed_at",
            ],
            moneyColumns: ["mean_net", "median_net", "best", "worst"]),
        ProjectedTable(
            name: "positions.quarantine", keyColumns: ["position_id"],
            columns: ["position_id", "log_position", "event_id", "reason"], moneyColumns: []),
    ]
}
