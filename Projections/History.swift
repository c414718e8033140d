import LedgerCore

/// positions.history: a row for each position that is CLOSED or CANCELLED (§8).
public enum History {
    /// The table: at most one row for a position. Totals are in its settle asset, and null where
    /// it has several or a part is not valued.
    public static let table = AccountTable(
        name: "positions.history", keyColumns: [],
        columns: [
            "position_id", "version", "strategy", "asset", "state", "flags", "settle",
            "opened_at", "closed_at", "hold_seconds", "close_reason", "revision", "leg_count",
            "price_pnl_by_leg", "price_pnl", "funding", "fees", "fees_by_category",
            "adjustments", "net", "peak_notional", "return_on_peak_notional", "fills",
            "maker_fills", "maker_share", "arrival_slippage_by_leg", "legging_delay_us",
            "signalled_spread_bps", "captured_spread_bps", "stale_reason", "opportunity_id",
            "mode", "tags", "log_position", "changed_at",
        ],
        rows: rows)

    @Sendable
    static func rows(
        _ account: PositionAccount, _ stale: String?
    ) throws(FixedError) -> [Row] {
        guard account.state.isOver, let closedAt = closedAt(account) else { return [] }
        let net = try account.net()
        let quality = Quality(account)
        let cells: [Cell] = [
            .uuid(account.positionID), .int8(account.version.rawValue),
            .text(account.opened.strategy), .text(account.opened.asset),
            .text(account.state.rawValue), .flags(try account.flags()),
            .optional(account.opened.settle), .timestamp(account.openedAt),
            .timestamp(closedAt), .optional(holdSeconds(account, closedAt)),
            .text(reason(account)), .int8(account.revision), .int4(Int32(account.legs.count)),
            .object(account.legs.map { ($0.terms.leg, $0.realizedPrice) }),
            .optional(try account.total(\.realizedPrice)),
            .optional(try account.total(\.fundingValue)),
            .optional(try account.total(\.feeValue)), feesByCategory(account),
            .optional(try account.total(\.adjustments)), .optional(net),
            .optional(account.peakNotional), .optional(returnOnPeak(account, net)),
            .int8(quality.fills), .int8(quality.makerFills), .optional(quality.makerShare),
            .object(account.legs.map { ($0.terms.leg, $0.fills > 0 ? $0.slippage : nil) }),
            .optional(quality.leggingDelay), .optional(account.opened.signal?.expectedSpreadBps),
            .optional(quality.capturedSpreadBps), .optional(stale),
            .optional(account.opened.opportunityID), .optional(account.opened.mode),
            .optional(account.opened.tags), .int8(account.changed.logPosition.rawValue),
            .timestamp(account.changed.recordedAt),
        ]
        return [Row(key: [], cells: cells)]
    }

    /// When it ended: effective_at of the live position_closed or position_cancelled.
    public static func closedAt(_ account: PositionAccount) -> Timestamp? {
        account.state == .closed ? account.lifecycle.closedAt : account.cancelledAt
    }

    static func reason(_ account: PositionAccount) -> String {
        (account.state == .closed ? account.closeReason?.rawValue : account.cancelReason) ?? ""
    }

    /// Seconds from position_opened to the end; nil where the venue's stamps run backwards.
    static func holdSeconds(_ account: PositionAccount, _ closedAt: Timestamp) -> Fixed? {
        let microseconds = closedAt.microseconds - account.openedAt.microseconds
        guard microseconds >= 0 else { return nil }
        return try? Fixed(scaled: Int128(microseconds) * 1_000_000_000_000)
    }

    static func returnOnPeak(_ account: PositionAccount, _ net: Fixed?) -> Fixed? {
        guard let net, let peak = account.peakNotional, !peak.isZero else { return nil }
        return try? net.divided(by: peak)
    }

    /// Σ of the legs; null where the legs settle in several assets or one is not valued.
    static func feesByCategory(_ account: PositionAccount) -> Cell {
        let isKnown =
            account.opened.settle != nil && account.legs.allSatisfy { $0.unvaluedFees == 0 }
        var entries: [(name: String, amount: Fixed?)] = []
        for category in FeeCategory.allCases {
            let sums = account.legs.compactMap { $0.feesByCategory[category] }
            guard !sums.isEmpty else { continue }
            var total = ExactSum()
            for sum in sums { total.add(sum) }
            entries.append((category.rawValue, isKnown ? try? total.value() : nil))
        }
        return .object(entries)
    }

    /// How well the position was executed.
    struct Quality {
        var fills: Int64
        var makerFills: Int64
        /// makerFills ÷ fills; nil without fills.
        var makerShare: Fixed?
        /// µs from the first fill of the first leg to the first fill of the last; nil unless each
        /// of two or more legs has one.
        var leggingDelay: Int64?
        /// (short − long average entry) ÷ long average entry × 10⁴; nil for others than one
        /// long and one short leg.
        var capturedSpreadBps: Fixed?

        init(_ account: PositionAccount) {
            fills = account.legs.reduce(0) { $0 + $1.fills }
            makerFills = account.legs.reduce(0) { $0 + $1.makerFills }
            if fills > 0, let all = try? Fixed(fills), let maker = try? Fixed(makerFills) {
                makerShare = try? maker.divided(by: all)
            }
            let firsts = account.legs.compactMap(\.firstFillAt)
            if firsts.count == account.legs.count, firsts.count >= 2, let first = firsts.min(),
                let last = firsts.max()
            {
                leggingDelay = last.microseconds - first.microseconds
            }
            guard account.legs.count == 2,
                let short = account.legs.first(where: { $0.terms.side == .short }),
                let long = account.legs.first(where: { $0.terms.side == .long }),
                let shortPx = short.avgEntryPxOverall, let longPx = long.avgEntryPxOverall,
                let basis = try? shortPx.subtracting(longPx), let bps = try? Fixed(10_000)
            else { return }
            capturedSpreadBps = try? basis.multiplied(by: bps, dividedBy: longPx)
        }
    }
}
