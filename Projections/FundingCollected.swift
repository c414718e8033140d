import LedgerCore

/// analytics.funding_collected: a row for each leg and month with a payment or a settlement
/// that was due (§8).
public enum FundingCollected {
    /// The table, keyed by leg and month (its first UTC day). Amounts are in the leg's settle
    /// asset; `received` and `paid` are both ≥ 0 and hold what is valued.
    public static let table = AccountTable(
        name: "analytics.funding_collected", keyColumns: ["leg", "month"],
        columns: [
            "position_id", "leg", "month", "strategy", "asset", "venue", "settle", "payments",
            "received", "paid", "net", "expected", "variance", "missing_settlements",
            "log_position", "changed_at",
        ],
        rows: rows,
        partChanges: { (old, new) throws(FixedError) in
            try RowChanges(from: old, to: new, \.fundingMonths, row)
        })

    @Sendable
    static func rows(
        _ account: PositionAccount, _ stale: String?
    ) throws(FixedError) -> [Row] {
        var rows: [Row] = []
        for leg in account.legs {
            for month in leg.fundingMonths { rows.append(try row(account, leg, month)) }
        }
        return rows
    }

    static func row(
        _ account: PositionAccount, _ leg: LegAccount, _ month: FundingMonth
    ) throws(FixedError) -> Row {
        let received = try month.received.value()
        let paid = try month.paid.value()
        let net = month.unvalued == 0 ? try received.subtracting(paid) : nil
        let variance = net.flatMap { net in
            month.expected.flatMap { try? net.subtracting($0) }
        }
        let missing: Int64? =
            leg.terms.fundingInterval == nil ? nil : max(0, month.due - month.payments)
        let cells: [Cell] = [
            .uuid(account.positionID), .text(leg.terms.leg), .date(month.month),
            .text(account.opened.strategy), .text(account.opened.asset),
            .text(leg.terms.venue), .text(leg.terms.settle), .int8(month.payments),
            .decimal(received), .decimal(paid), .optional(net), .optional(month.expected),
            .optional(variance), .optional(missing),
            .int8(month.changed.logPosition.rawValue), .timestamp(month.changed.recordedAt),
        ]
        return Row(key: [.text(leg.terms.leg), .date(month.month)], cells: cells)
    }
}
