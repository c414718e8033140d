import LedgerCore

/// positions.active: a row for each position that is neither CLOSED nor CANCELLED (§8).
public enum ActivePositions {
    /// The table: at most one row for a position. Totals are in its settle asset, and null where
    /// it has several or a part is not valued.
    public static let table = AccountTable(
        name: "positions.active", keyColumns: [],
        columns: [
            "position_id", "version", "strategy", "asset", "state", "flags", "settle",
            "opened_at", "leg_count", "base_delta", "realized", "fees", "funding", "adjustments",
            "net", "entry_basis", "worst_margin_ratio", "nearest_liquidation_distance",
            "unrealized", "oldest_mark_at", "revision", "stale_reason", "opportunity_id", "mode",
            "tags", "log_position", "changed_at",
        ],
        rows: rows)

    @Sendable
    static func rows(
        _ account: PositionAccount, _ stale: String?
    ) throws(FixedError) -> [Row] {
        guard !account.state.isOver else { return [] }
        let health = Health(account)
        let cells: [Cell] = [
            .uuid(account.positionID), .int8(account.version.rawValue),
            .text(account.opened.strategy), .text(account.opened.asset),
            .text(account.state.rawValue), .flags(try account.flags()),
            .optional(account.opened.settle), .timestamp(account.openedAt),
            .int4(Int32(account.legs.count)), .optional(try? account.baseDelta()),
            .optional(try account.total(\.realizedPrice)),
            .optional(try account.total(\.feeValue)),
            .optional(try account.total(\.fundingValue)),
            .optional(try account.total(\.adjustments)), .optional(try account.net()),
            .optional(entryBasis(account)), .optional(health.worstMarginRatio),
            .optional(health.nearestLiquidation), .optional(health.unrealized),
            .optional(health.oldestMark), .int8(account.revision), .optional(stale),
            .optional(account.opened.opportunityID), .optional(account.opened.mode),
            .optional(account.opened.tags), .int8(account.changed.logPosition.rawValue),
            .timestamp(account.changed.recordedAt),
        ]
        return [Row(key: [], cells: cells)]
    }

    /// Σ short avg − Σ long avg of one long and one short leg; nil for others, or without cost.
    static func entryBasis(_ account: PositionAccount) -> Fixed? {
        guard account.legs.count == 2,
            let short = account.legs.first(where: { $0.terms.side == .short }),
            let long = account.legs.first(where: { $0.terms.side == .long }),
            let shortPx = try? short.avgEntryPx(), let longPx = try? long.avgEntryPx()
        else { return nil }
        return try? shortPx.subtracting(longPx)
    }

    /// Figures from the legs' last marks; nil without marks.
    struct Health {
        /// The highest: the nearer to 1, the nearer to liquidation.
        var worstMarginRatio: Fixed?
        /// The least |mark − liquidation_px| ÷ mark.
        var nearestLiquidation: Fixed?
        /// Σ of the open legs; nil unless each of them has a mark, and beyond the range.
        var unrealized: Fixed?
        var oldestMark: Timestamp?

        init(_ account: PositionAccount) {
            let marks = account.legs.compactMap(\.mark)
            worstMarginRatio = marks.compactMap(\.marginRatio).max()
            oldestMark = marks.map(\.at).min()
            nearestLiquidation =
                marks.compactMap { mark in
                    guard let liquidation = mark.liquidationPx,
                        let distance = try? mark.px.subtracting(liquidation).magnitude
                    else { return nil }
                    return try? distance.divided(by: mark.px)
                }.min()
            guard !marks.isEmpty, account.opened.settle != nil else { return }
            var sum = ExactSum()
            for leg in account.legs where !leg.qty.isZero {
                guard let mark = leg.mark, let value = try? leg.unrealized(at: mark.px)
                else { return }
                sum.add(value)
            }
            unrealized = try? sum.value()
        }
    }
}

extension PositionAccount {
    func total(_ figure: (LegAccount) -> Fixed) throws(FixedError) -> Fixed? {
        try total { Optional(figure($0)) }
    }
}
