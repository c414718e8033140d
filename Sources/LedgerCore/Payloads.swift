/// The terms of one leg, frozen by `position_opened` (accounting.md §2).
public struct LegTerms: Hashable, Sendable {
    /// Its name within the position.
    public var leg: String
    public var venue: String
    public var account: String
    public var instrument: String
    public var kind: InstrumentKind
    public var side: LegSide
    /// In contracts; > 0.
    public var targetQty: Fixed
    /// Base (inverse: quote) units a contract; > 0.
    public var multiplier: Fixed
    public var base: String
    public var quote: String
    public var settle: String
    /// Decimal places, 0…18.
    public var qtyScale: Int
    public var priceScale: Int
    public var settleScale: Int
    /// Seconds between two funding settlements, where they are regular.
    public var fundingInterval: Int64?

    public init(
        leg: String, venue: String, account: String, instrument: String, kind: InstrumentKind,
        side: LegSide, targetQty: Fixed, multiplier: Fixed, base: String, quote: String,
        settle: String, qtyScale: Int, priceScale: Int, settleScale: Int,
        fundingInterval: Int64? = nil
    ) {
        self.leg = leg
        self.venue = venue
        self.account = account
        self.instrument = instrument
        self.kind = kind
        self.side = side
        self.targetQty = targetQty
        self.multiplier = multiplier
        self.base = base
        self.quote = quote
        self.settle = settle
        self.qtyScale = qtyScale
        self.priceScale = priceScale
        self.settleScale = settleScale
        self.fundingInterval = fundingInterval
    }
}

/// What the strategy saw when it decided to open.
public struct EntrySignal: Hashable, Sendable {
    public var decidedAt: Timestamp?
    /// Reference price by leg.
    public var refPx: [String: Fixed]
    public var expectedSpreadBps: Fixed?

    public init(
        decidedAt: Timestamp? = nil, refPx: [String: Fixed], expectedSpreadBps: Fixed? = nil
    ) {
        self.decidedAt = decidedAt
        self.refPx = refPx
        self.expectedSpreadBps = expectedSpreadBps
    }
}

/// Labels that a caller keeps with a position: a list of words or words by name.
public enum Tags: Hashable, Sendable {
    case list([String])
    case map([String: String])
}

public struct PositionOpened: Hashable, Sendable {
    public var strategy: String
    public var asset: String
    public var legs: [LegTerms]
    public var mode: String?
    public var reportCurrency: String?
    public var opportunityID: String?
    public var signal: EntrySignal?
    public var tags: Tags?

    public init(
        strategy: String, asset: String, legs: [LegTerms], mode: String? = nil,
        reportCurrency: String? = nil, opportunityID: String? = nil, signal: EntrySignal? = nil,
        tags: Tags? = nil
    ) {
        self.strategy = strategy
        self.asset = asset
        self.legs = legs
        self.mode = mode
        self.reportCurrency = reportCurrency
        self.opportunityID = opportunityID
        self.signal = signal
        self.tags = tags
    }

    /// The legs' common settle asset; nil if they have several, and then totals do not exist (§5).
    public var settle: String? {
        guard let first = legs.first?.settle, legs.allSatisfy({ $0.settle.isExactly(first) }) else {
            return nil
        }
        return first
    }
}

public struct Fill: Hashable, Sendable {
    public var leg: String
    public var tradeID: String
    public var side: TradeSide
    /// In contracts; > 0.
    public var qty: Fixed
    /// > 0.
    public var px: Fixed
    /// + when it costs us.
    public var fee: Fixed
    public var feeAsset: String
    public var liquidity: Liquidity
    public var part: Int64 = 0
    public var orderID: String?
    public var intent: FillIntent?
    public var cause: FillCause?
    /// The venue's own value of an inverse fill, in the settle asset; ≥ 0.
    public var venueValue: Fixed?
    public var venueClosedPnl: Fixed?
    public var refPx: Fixed?
    /// Settle units a unit of the fee asset.
    public var feeRate: Fixed?
    public var replaces: UUID?

    public init(
        leg: String, tradeID: String, side: TradeSide, qty: Fixed, px: Fixed, fee: Fixed,
        feeAsset: String, liquidity: Liquidity, part: Int64 = 0, orderID: String? = nil,
        intent: FillIntent? = nil, cause: FillCause? = nil, venueValue: Fixed? = nil,
        venueClosedPnl: Fixed? = nil, refPx: Fixed? = nil, feeRate: Fixed? = nil,
        replaces: UUID? = nil
    ) {
        self.leg = leg
        self.tradeID = tradeID
        self.side = side
        self.qty = qty
        self.px = px
        self.fee = fee
        self.feeAsset = feeAsset
        self.liquidity = liquidity
        self.part = part
        self.orderID = orderID
        self.intent = intent
        self.cause = cause
        self.venueValue = venueValue
        self.venueClosedPnl = venueClosedPnl
        self.refPx = refPx
        self.feeRate = feeRate
        self.replaces = replaces
    }
}

public struct Funding: Hashable, Sendable {
    public var leg: String
    /// The scheduled instant, as the venue stamped it.
    public var fundingTime: Timestamp
    /// + received, − paid.
    public var amount: Fixed
    public var asset: String
    public var part: Int64 = 0
    public var rate: Fixed?
    public var markPx: Fixed?
    public var qty: Fixed?
    public var interval: Int64?
    public var venueTxnID: String?
    public var replaces: UUID?

    public init(
        leg: String, fundingTime: Timestamp, amount: Fixed, asset: String, part: Int64 = 0,
        rate: Fixed? = nil, markPx: Fixed? = nil, qty: Fixed? = nil, interval: Int64? = nil,
        venueTxnID: String? = nil, replaces: UUID? = nil
    ) {
        self.leg = leg
        self.fundingTime = fundingTime
        self.amount = amount
        self.asset = asset
        self.part = part
        self.rate = rate
        self.markPx = markPx
        self.qty = qty
        self.interval = interval
        self.venueTxnID = venueTxnID
        self.replaces = replaces
    }
}

public struct Fee: Hashable, Sendable {
    public var leg: String
    /// + cost, − rebate.
    public var amount: Fixed
    public var asset: String
    public var category: FeeCategory
    /// The trade that it adds to.
    public var tradeID: String?
    public var feeRate: Fixed?

    public init(
        leg: String, amount: Fixed, asset: String, category: FeeCategory, tradeID: String? = nil,
        feeRate: Fixed? = nil
    ) {
        self.leg = leg
        self.amount = amount
        self.asset = asset
        self.category = category
        self.tradeID = tradeID
        self.feeRate = feeRate
    }
}

public struct FeeValuation: Hashable, Sendable {
    public var target: UUID
    /// Settle units a unit of the asset; ≥ 0.
    public var rate: Fixed
    public var source: String

    public init(
        target: UUID, rate: Fixed, source: String
    ) {
        self.target = target
        self.rate = rate
        self.source = source
    }
}

public struct Mark: Hashable, Sendable {
    public var leg: String
    public var px: Fixed
    public var indexPx: Fixed?
    public var marginRatio: Fixed?
    public var liquidationPx: Fixed?

    public init(
        leg: String, px: Fixed, indexPx: Fixed? = nil, marginRatio: Fixed? = nil,
        liquidationPx: Fixed? = nil
    ) {
        self.leg = leg
        self.px = px
        self.indexPx = indexPx
        self.marginRatio = marginRatio
        self.liquidationPx = liquidationPx
    }
}

public struct Adjustment: Hashable, Sendable {
    public var leg: String
    public var category: String
    public var reason: String
    public var qtyDelta: Fixed?
    public var costDelta: Fixed?
    public var cashDelta: Fixed?

    public init(
        leg: String, category: String, reason: String, qtyDelta: Fixed? = nil,
        costDelta: Fixed? = nil, cashDelta: Fixed? = nil
    ) {
        self.leg = leg
        self.category = category
        self.reason = reason
        self.qtyDelta = qtyDelta
        self.costDelta = costDelta
        self.cashDelta = cashDelta
    }
}

public struct EventVoid: Hashable, Sendable {
    public var target: UUID
    public var reason: String

    public init(
        target: UUID, reason: String
    ) {
        self.target = target
        self.reason = reason
    }
}

/// What happened, by type (accounting.md §2).
public indirect enum EventPayload: Hashable, Sendable {
    case opened(PositionOpened)
    case fill(Fill)
    case funding(Funding)
    case fee(Fee)
    case feeValued(FeeValuation)
    case mark(Mark)
    case adjustment(Adjustment)
    case closeRequested(reason: String)
    case closed(CloseReason)
    case cancelled(reason: String)
    case voided(EventVoid)

    public var type: EventType {
        switch self {
        case .opened: .positionOpened
        case .fill: .legFillRecorded
        case .funding: .fundingRecorded
        case .fee: .feeRecorded
        case .feeValued: .feeValued
        case .mark: .markRecorded
        case .adjustment: .adjustmentRecorded
        case .closeRequested: .closeRequested
        case .closed: .positionClosed
        case .cancelled: .positionCancelled
        case .voided: .eventVoided
        }
    }

    /// The leg that it concerns, for the types that name one.
    public var leg: String? {
        switch self {
        case .fill(let fill): fill.leg
        case .funding(let funding): funding.leg
        case .fee(let fee): fee.leg
        case .mark(let mark): mark.leg
        case .adjustment(let adjustment): adjustment.leg
        case .opened, .feeValued, .closeRequested, .closed, .cancelled, .voided: nil
        }
    }

    /// The event that a venue's corrected fact stands in for.
    public var replaces: UUID? {
        switch self {
        case .fill(let fill): fill.replaces
        case .funding(let funding): funding.replaces
        default: nil
        }
    }
}
