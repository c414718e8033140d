import LedgerCore

/// analytics.position_days: what each day brought to each leg (§5), the base of daily_pnl.
public enum PositionDays {
    /// The table, keyed by leg and UTC day. Money is in the leg's settle asset. A volume beyond
    /// the range throws `outOfRange`; the position is quarantined then.
    public static let table = AccountTable(
        name: "analytics.position_days", keyColumns: ["leg", "day"],
        columns: [
            "position_id", "leg", "day", "strategy", "asset", "venue", "settle", "price_pnl",
            "fees", "funding", "adjustments", "net", "fills", "volume", "log_position",
            "changed_at",
        ],
        rows: rows,
        partChanges: { (old, new) throws(FixedError) in
            try RowChanges(from: old, to: new, \.days, row)
        })

    @Sendable
    static func rows(
        _ account: PositionAccount, _ stale: String?
    ) throws(FixedError) -> [Row] {
        var rows: [Row] = []
        for leg in account.legs {
            for day in leg.days { rows.append(try row(account, leg, day)) }
        }
        return rows
    }

    static func row(
        _ account: PositionAccount, _ leg: LegAccount, _ day: LegDay
    ) throws(FixedError) -> Row {
        guard let volume = day.volume else { throw .outOfRange }
        let cells: [Cell] = [
            .uuid(account.positionID), .text(leg.terms.leg), .date(day.day),
            .text(account.opened.strategy), .text(account.opened.asset),
            .text(leg.terms.venue), .text(leg.terms.settle), .decimal(day.pricePnl),
            .optional(day.fees), .optional(day.funding), .decimal(day.adjustments),
            .optional(try day.net()), .int8(day.fills), .decimal(volume),
            .int8(day.changed.logPosition.rawValue), .timestamp(day.changed.recordedAt),
        ]
        return Row(key: [.text(leg.terms.leg), .date(day.day)], cells: cells)
    }
}
