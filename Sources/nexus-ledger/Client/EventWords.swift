import LedgerCore
import LedgerRPC

/// What an event says, in a few words for people.
enum EventWords {
    /// For a type or a form that this build does not know, the payload's own text.
    static func words(_ event: Nexus_Ledger_V1_RecordedEvent) -> String {
        guard let payload = event.parsedPayload else {
            return String(decoding: event.payloadBytes.prefix(200), as: UTF8.self)
        }
        return words(payload)
    }

    static func words(_ payload: EventPayload) -> String {
        switch payload {
        case .opened(let opened): words(opened)
        case .fill(let fill): words(fill)
        case .funding(let funding): words(funding)
        case .fee(let fee): words(fee)
        case .feeValued(let valuation):
            "fee of \(short(valuation.target)) valued at \(Figures.text(valuation.rate)) "
                + "(\(valuation.source))"
        case .mark(let mark): words(mark)
        case .adjustment(let adjustment): words(adjustment)
        case .closeRequested(let reason): "close requested: \(reason)"
        case .closed(let reason): "closed: \(reason.rawValue)"
        case .cancelled(let reason): "cancelled: \(reason)"
        case .voided(let void): "voids \(short(void.target)): \(void.reason)"
        }
    }

    /// The first 8 digits of an id: enough to find it in the same table.
    static func short(_ id: UUID) -> String { String(id.description.prefix(8)) }

    private static func words(_ opened: PositionOpened) -> String {
        let legs = opened.legs.map { leg in
            "\(leg.side.rawValue) \(Figures.text(leg.targetQty)) \(leg.venue)"
        }
        return "\(opened.strategy) \(opened.asset): " + legs.joined(separator: ", ")
    }

    private static func words(_ fill: Fill) -> String {
        var words =
            "\(fill.side.rawValue) \(Figures.text(fill.qty)) @ \(Figures.text(fill.px)) "
            + "fee \(Figures.text(fill.fee)) \(fill.feeAsset)"
        if let cause = fill.cause, cause != .trade { words += ", \(cause.rawValue)" }
        if fill.intent == .rebalance { words += ", rebalance" }
        if fill.part != 0 { words += ", part \(fill.part)" }
        if let replaces = fill.replaces { words += ", replaces \(short(replaces))" }
        return words
    }

    private static func words(_ funding: Funding) -> String {
        let verb = funding.amount.isNegative ? "paid" : "received"
        var words = "\(verb) \(Figures.text(funding.amount.magnitude)) \(funding.asset)"
        if let rate = funding.rate { words += " at \(Figures.text(rate))" }
        // Month to minute: the year is that of the event.
        words +=
            " for "
            + Figures.instant(us: funding.fundingTime.microseconds).dropFirst(5).dropLast(3)
        if funding.part != 0 { words += ", part \(funding.part)" }
        if let replaces = funding.replaces { words += ", replaces \(short(replaces))" }
        return words
    }

    private static func words(_ fee: Fee) -> String {
        let verb = fee.amount.isNegative ? "rebate" : "fee"
        let amount = "\(Figures.text(fee.amount.magnitude)) \(fee.asset)"
        let trade = fee.tradeID.map { " of trade \($0)" } ?? ""
        return "\(fee.category.rawValue) \(verb) \(amount)\(trade)"
    }

    private static func words(_ mark: Mark) -> String {
        var words = "mark \(Figures.text(mark.px))"
        if let ratio = mark.marginRatio { words += ", margin ratio \(Figures.text(ratio))" }
        if let price = mark.liquidationPx { words += ", liquidation at \(Figures.text(price))" }
        return words
    }

    private static func words(_ adjustment: Adjustment) -> String {
        let changes = [
            ("qty", adjustment.qtyDelta), ("cost", adjustment.costDelta),
            ("cash", adjustment.cashDelta),
        ].compactMap { name, delta in
            delta.map { "\(name) \($0.isNegative ? "" : "+")\(Figures.text($0))" }
        }
        let what = changes.isEmpty ? "nothing" : changes.joined(separator: ", ")
        return "\(adjustment.category): \(what) (\(adjustment.reason))"
    }
}
