import LedgerCore

/// positions.legs: a row for each leg of any position (§8).
public enum Legs {
    /// The table, keyed by leg. Money is in the leg's settle asset, quantities in contracts.
    public static let table = AccountTable(
        name: "positions.legs", keyColumns: ["leg"],
        columns: [
            "position_id", "leg", "leg_index", "venue", "account", "instrument", "kind", "side",
            "base", "quote", "settle", "multiplier", "target_qty", "qty_scale", "price_scale",
            "settle_scale", "funding_interval_s", "state", "flags", "qty", "peak_qty",
            "open_cost", "avg_entry_px", "avg_exit_px", "realized_price", "fees", "fee_value",
            "funding", "funding_value", "adjustments", "net", "mark_px", "mark_at", "unrealized",
            "margin_ratio", "liquidation_px", "log_position", "changed_at",
        ],
        rows: rows)

    @Sendable
    static func rows(
        _ account: PositionAccount, _ stale: String?
    ) throws(FixedError) -> [Row] {
        var rows: [Row] = []
        for (index, leg) in account.legs.enumerated() {
            let cells = terms(leg.terms, of: account, at: index) + (try figures(leg))
            rows.append(Row(key: [.text(leg.terms.leg)], cells: cells))
        }
        return rows
    }

    private static func terms(
        _ terms: LegTerms, of account: PositionAccount, at index: Int
    ) -> [Cell] {
        [
            .uuid(account.positionID), .text(terms.leg), .int4(Int32(index)),
            .text(terms.venue), .text(terms.account), .text(terms.instrument),
            .text(terms.kind.rawValue), .text(terms.side.rawValue), .text(terms.base),
            .text(terms.quote), .text(terms.settle), .decimal(terms.multiplier),
            .decimal(terms.targetQty), .int4(Int32(terms.qtyScale)),
            .int4(Int32(terms.priceScale)), .int4(Int32(terms.settleScale)),
            terms.fundingInterval.map { .int4(Int32($0)) } ?? .null,
            .text(account.lifecycle.state(ofLeg: index).rawValue),
        ]
    }

    private static func figures(_ leg: LegAccount) throws(FixedError) -> [Cell] {
        let unrealized = leg.mark.flatMap { mark in try? leg.unrealized(at: mark.px) }
        return [
            .flags(leg.flags), .decimal(leg.qty), .decimal(leg.peakQty),
            .decimal(leg.openCost), .optional(try leg.avgEntryPx()), .optional(leg.avgExitPx),
            .decimal(leg.realizedPrice), .amounts(leg.fees), .optional(leg.feeValue),
            .amounts(leg.funding), .optional(leg.fundingValue), .decimal(leg.adjustments),
            .optional(try leg.net()), .optional(leg.mark?.px), .optional(leg.mark?.at),
            .optional(unrealized), .optional(leg.mark?.marginRatio),
            .optional(leg.mark?.liquidationPx), .int8(leg.changed.logPosition.rawValue),
            .timestamp(leg.changed.recordedAt),
        ]
    }
}
