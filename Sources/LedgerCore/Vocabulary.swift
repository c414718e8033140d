/// The types of event (accounting.md §2).
public enum EventType: String, CaseIterable, Hashable, Sendable {
    case positionOpened = "position_opened"
    case legFillRecorded = "leg_fill_recorded"
    case fundingRecorded = "funding_recorded"
    case feeRecorded = "fee_recorded"
    case feeValued = "fee_valued"
    case markRecorded = "mark_recorded"
    case adjustmentRecorded = "adjustment_recorded"
    case closeRequested = "close_requested"
    case positionClosed = "position_closed"
    case positionCancelled = "position_cancelled"
    case eventVoided = "event_voided"

    /// Whether the ledger derives the event's id from a venue's fact (accounting.md §2, Identity).
    public var derivesID: Bool {
        self == .legFillRecorded || self == .fundingRecorded || self == .eventVoided
    }
}

/// Where the ledger's knowledge of an event comes from (accounting.md §2).
public enum EventSource: String, CaseIterable, Hashable, Sendable {
    case venueWS = "venue_ws"
    case venueREST = "venue_rest"
    case statement
    case reconciliation
    case manual
    case migration
}

/// How an instrument's value depends on its price (accounting.md §4).
public enum InstrumentKind: String, CaseIterable, Hashable, Sendable {
    case linear, inverse, spot
}

/// Direction of a leg.
public enum LegSide: String, CaseIterable, Hashable, Sendable {
    case long, short

    /// +1 for long, −1 for short.
    public var sign: Int { self == .long ? 1 : -1 }
}

/// Direction of a trade.
public enum TradeSide: String, CaseIterable, Hashable, Sendable {
    case buy, sell

    /// +1 for a buy, −1 for a sell.
    @inlinable public var sign: Int { self == .buy ? 1 : -1 }
}

/// Which side of the venue's book the fill took (accounting.md §2).
public enum Liquidity: String, CaseIterable, Hashable, Sendable {
    case maker, taker, unknown
}

/// What a fill was meant to do.
public enum FillIntent: String, CaseIterable, Hashable, Sendable {
    case open, close, rebalance
}

/// What brought a fill about.
public enum FillCause: String, CaseIterable, Hashable, Sendable {
    case trade, liquidation, adl, settlement
}

/// What a fee was charged for (accounting.md §2, fee_recorded).
public enum FeeCategory: String, CaseIterable, Hashable, Sendable {
    case trading, liquidation, borrow, withdrawal, transfer, other
}

/// Why a position was closed; liquidation and adl raise the flag of that name (accounting.md §3).
public enum CloseReason: String, CaseIterable, Hashable, Sendable {
    case takeProfit = "take_profit"
    case stop
    case fundingFlip = "funding_flip"
    case liquidation
    case adl
    case manual
    case failed
}
