import LedgerCore

/// The events of one position while its fills are read.
///
/// Every id that the ledger does not derive is a UUIDv5 over what began or ended the position, so
/// that the same history gives the same events in every run.
struct HyperliquidDraft: Sendable {
    let id: UUID
    let market: HyperliquidMarket
    let terms: LegTerms
    private(set) var events: [NewEvent] = []
    private(set) var closing: NewEvent?
    /// The records that are in it.
    private(set) var places: [HyperliquidImport.Place] = []
    private(set) var fills = 0
    private(set) var payments = 0
    /// The position after each fill.
    private(set) var held: [(time: Timestamp, qty: Fixed)] = []
    private(set) var venueClosedPnl: Fixed = .zero

    let openedAt: Timestamp
    var qty: Fixed { held.last?.qty ?? adopted }
    private(set) var adopted: Fixed = .zero

    /// Who the ledger names for the adjustments that the import makes.
    static let actor = "import hyperliquid"

    /// A share of a venue's fill.
    struct Share {
        var fill: HyperliquidFill
        var part: Int64 = 0
        var qty: Fixed
        var fee: Fixed
        var closedPnl: Fixed?
        var before: Fixed
        var after: Fixed
    }

    /// A position that starts with `share`, or one that is there already and that `share` meets.
    /// - Parameter qty: What it holds after the first fill, or held before it; signed.
    init(
        opening share: Share, holding qty: Fixed, market: HyperliquidMarket, account: String,
        strategy: String
    ) throws(InvalidField) {
        let fill = share.fill
        self.market = market
        openedAt = fill.time
        terms = market.terms(
            account: account, coin: fill.coin, side: qty.isNegative ? .short : .long,
            targetQty: qty.magnitude)
        id = HyperliquidDraft.id("hyperliquid-position", account, share)
        let opened = PositionOpened(strategy: strategy, asset: market.base, legs: [terms])
        events.append(
            try NewEvent(
                positionID: id, payload: .opened(opened), effectiveAt: fill.time,
                source: .venueREST,
                eventID: HyperliquidDraft.id("hyperliquid-position_opened", account, share)))
    }

    /// UUIDv5 over [kind, account, coin, trade, side, part].
    private static func id(_ kind: String, _ account: String, _ share: Share) -> UUID {
        var json = CanonicalJSON(reserving: 192)
        json.beginArray()
        json.string(kind)
        json.string(account)
        json.string(share.fill.coin)
        json.string(share.fill.tradeID)
        json.string(share.fill.side.rawValue)
        json.integer(share.part)
        json.endArray()
        return EventIdentity.version5(json.bytes)
    }

    /// Brings in what the position held before the history begins.
    mutating func adopt(
        _ qty: Fixed, cost: Fixed, before share: Share, because reason: String
    ) throws(InvalidField) {
        adopted = qty
        try adjust(
            "opening_balance", qty: qty, cost: cost, at: share,
            named: "hyperliquid-opening_balance", because: reason)
    }

    private mutating func adjust(
        _ category: String, qty: Fixed, cost: Fixed, at share: Share, named kind: String,
        because reason: String
    ) throws(InvalidField) {
        let adjustment = Adjustment(
            leg: terms.leg, category: category, reason: reason, qtyDelta: qty,
            costDelta: cost.isZero ? nil : cost)
        events.append(
            try NewEvent(
                positionID: id, payload: .adjustment(adjustment), effectiveAt: share.fill.time,
                source: .reconciliation, actor: HyperliquidDraft.actor,
                eventID: HyperliquidDraft.id(kind, terms.account, share)))
    }

    /// - Throws: `InvalidField`, or `FixedError` for a sum out of range.
    mutating func take(_ share: Share) throws {
        let record = share.fill
        let fill = Fill(
            leg: terms.leg, tradeID: record.tradeID, side: record.side, qty: share.qty,
            px: record.px, fee: share.fee, feeAsset: record.feeToken ?? terms.settle,
            liquidity: record.crossed.map { $0 ? .taker : .maker } ?? .unknown, part: share.part,
            orderID: record.orderID,
            intent: share.before.signum == -record.side.sign ? .close : .open,
            cause: record.cause, venueClosedPnl: share.closedPnl)
        events.append(
            try NewEvent(
                positionID: id, payload: .fill(fill), effectiveAt: record.time,
                source: .venueREST))
        places.append(record.place)
        fills += 1
        held.append((record.time, share.after))
        if let pnl = share.closedPnl { venueClosedPnl = try venueClosedPnl.adding(pnl) }
        if share.after.isZero { closing = try closed(by: share) }
    }

    private func closed(by share: Share) throws(InvalidField) -> NewEvent {
        let reason: CloseReason =
            switch share.fill.cause {
            case .liquidation: .liquidation
            case .adl: .adl
            case .trade, .settlement: .manual
            }
        return try NewEvent(
            positionID: id, payload: .closed(reason), effectiveAt: share.fill.time,
            source: .venueREST,
            eventID: HyperliquidDraft.id("hyperliquid-position_closed", terms.account, share))
    }

    /// Takes out what is left, at cost, where the history goes on with another quantity.
    mutating func abandon(cost: Fixed, after share: Share) throws(InvalidField) {
        let left = qty
        try adjust(
            "history_gap", qty: left.negated, cost: cost.negated, at: share,
            named: "hyperliquid-history_gap",
            because: "fills are missing after trade \(share.fill.tradeID): the \(left) "
                + "\(market.base) left leave at cost, because what became of them is not known")
        held.append((share.fill.time, .zero))
        closing = try closed(by: share)
    }

    /// Puts a funding payment before the first fill that is later.
    mutating func take(_ payment: HyperliquidFunding) throws(InvalidField) {
        let event = try payment.event(of: self)
        let index =
            events.firstIndex {
                $0.type == .legFillRecorded && $0.effectiveAt >= event.effectiveAt
            } ?? events.endIndex
        events.insert(event, at: index)
        places.append(payment.place)
        payments += 1
    }

    /// The whole stream, in the order of appending. The close comes last: a payment that is stamped
    /// a moment after it belongs to the position all the same.
    var stream: [NewEvent] { events + (closing.map { [$0] } ?? []) }

    func hasEnded(before time: Timestamp) -> Bool {
        guard closing != nil, let last = held.last else { return false }
        return last.time < time
    }

    /// What the position held at `time`: before the fills of that very moment, or after them.
    func qty(at time: Timestamp, inclusive: Bool) -> Fixed {
        guard inclusive ? openedAt <= time : openedAt < time else { return .zero }
        let last = held.last { inclusive ? $0.time <= time : $0.time < time }
        return last?.qty ?? adopted
    }
}
