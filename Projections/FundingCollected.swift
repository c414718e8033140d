import LedgerCore

/// analytics.funding_collected: a row for each leg and month with a payment or a settlement
/// that was due (§8).
public enum FundingCollected {
    public static let table = AccountTable(
        name: "analytics.funding_collected", keyColumns: ["leg", "month"],
        columns: [
            "position_id", "leg", "month", "strategy", "asset", "venue", "settle", "payments",
            "received", "paid", "net", "expected", "variance", "missing_settlements",
            "log_position", "changed_at",
        ],
        rows: rows)

    @Sendable
    static func rows(
        _ account: PositionAccount, _ stale: String?
    ) throws(FixedError) -> [Row] {
        var rows: [Row] = []
        for leg in account.legs {
            for month in leg.fundingMonths {
                let net =
                    month.unvalued == 0
                    ? try month.receivedKnown.subtracting(month.paidKnown) : nil
                let variance = net.flatMap { net in
                    month.expected.flatMap { try? net.subtracting($0) }
                }
                let missing: Int64? =
                    leg.terms.fundingInterval == nil ? nil : max(0, month.due - month.payments)
                let cells: [Cell] = [
                    .uuid(account.positionID), .text(leg.terms.leg), .date(month.month),
                    .text(account.opened.strategy), .text(account.opened.asset),
                    .text(leg.terms.venue), .text(leg.terms.settle), .int8(month.payments),
                    .decimal(month.receivedKnown), .decimal(month.paidKnown), .optional(net),
                    .optional(month.expected), .optional(variance), .optional(missing),
                    .int8(month.changed.logPosition.rawValue),
                    .timestamp(month.changed.recordedAt),
                ]
                rows.append(Row(key: [.text(leg.terms.leg), .date(month.month)], cells: cells))
            }
        }
        return rows
    }
}
