/// The terms of one leg, frozen by `position_opened` (accounting.md §2).
public struct LegTerms: Hashable, Sendable {
    /// Its name within the position.
    public var leg: String
    /// The venue, 1–128 bytes as all names here.
    public var venue: String
    /// The account at the venue.
    public var account: String
    /// The venue's name of the instrument.
    public var instrument: String
    /// How its value depends on its price; decides the formulas of §4.
    public var kind: InstrumentKind
    /// The direction in which it is to be built.
    public var side: LegSide
    /// In contracts; > 0.
    public var targetQty: Fixed
    /// Base (inverse: quote) units a contract; > 0.
    public var multiplier: Fixed
    /// The asset that is traded.
    public var base: String
    /// The asset that the price is in.
    public var quote: String
    /// The asset that P&L is counted in.
    public var settle: String
    /// Decimal places, 0…18.
    public var qtyScale: Int
    /// Decimal places of the price, 0…18.
    public var priceScale: Int
    /// Decimal places of the settle asset, 0…18; an inverse fill's value is rounded to them (§4).
    public var settleScale: Int
    /// Seconds between two funding settlements, where they are regular.
    public var fundingInterval: Int64?

    /// Takes the members as they are; ranges are checked where JSON is read.
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
    /// When it decided.
    public var decidedAt: Timestamp?
    /// Reference price by leg.
    public var refPx: [String: Fixed]
    /// The spread that it expected, in basis points.
    public var expectedSpreadBps: Fixed?

    /// Takes the members as they are; `refPx` is empty where no price was seen.
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

/// The first event of a position: its strategy and its frozen terms (accounting.md §2).
public struct PositionOpened: Hashable, Sendable {
    /// The strategy's name; part of the key of daily attribution (§5).
    public var strategy: String
    /// The asset that the position is about; part of the same key.
    public var asset: String
    /// 1…32 legs with distinct names.
    public var legs: [LegTerms]
    /// The caller's word for how it trades; no fold depends on it.
    public var mode: String?
    /// The currency that its owner reports in; no fold converts to it.
    public var reportCurrency: String?
    /// The caller's id of the opportunity that was taken.
    public var opportunityID: String?
    /// What the strategy saw; the measure of slippage and of the captured spread (§8).
    public var signal: EntrySignal?
    /// The caller's labels, at most 64.
    public var tags: Tags?

    /// Takes the members as they are; ranges are checked where JSON is read.
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

/// A trade of one leg that the venue confirmed: leg_fill_recorded (accounting.md §2).
public struct Fill: Hashable, Sendable {
    /// The name of its leg.
    public var leg: String
    /// The venue's id of the trade; part of the event's derived id.
    public var tradeID: String
    /// Whether we bought or sold.
    public var side: TradeSide
    /// In contracts; > 0.
    public var qty: Fixed
    /// > 0.
    public var px: Fixed
    /// + when it costs us.
    public var fee: Fixed
    /// The asset of the fee: settle, base of a spot leg, or a third one (§4).
    public var feeAsset: String
    /// Whether it made or took.
    public var liquidity: Liquidity
    /// Which share of a venue record that several positions share; 0…2³¹−1.
    public var part: Int64 = 0
    /// The venue's id of the order.
    public var orderID: String?
    /// What it was meant to do; a reduction counts as closing unless it is `rebalance` (§3).
    public var intent: FillIntent?
    /// What brought it about; liquidation and adl raise flags (§3).
    public var cause: FillCause?
    /// The venue's own value of an inverse fill, in the settle asset; ≥ 0.
    public var venueValue: Fixed?
    /// The P&L that the venue says this fill closed; no fold reads it.
    public var venueClosedPnl: Fixed?
    /// The price at the decision, > 0; slippage is measured against it (§8).
    public var refPx: Fixed?
    /// Settle units a unit of the fee asset.
    public var feeRate: Fixed?
    /// The voided event that it corrects; part of the derived id.
    public var replaces: UUID?

    /// Takes the members as they are; ranges are checked where JSON is read.
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

/// A funding payment of one leg: funding_recorded (accounting.md §2).
public struct Funding: Hashable, Sendable {
    /// The name of its leg.
    public var leg: String
    /// The scheduled instant, as the venue stamped it.
    public var fundingTime: Timestamp
    /// + received, − paid.
    public var amount: Fixed
    /// The asset of the amount; valued only by fee_valued where it is not the settle asset (§4).
    public var asset: String
    /// Which share of a venue record that several positions share; 0…2³¹−1.
    public var part: Int64 = 0
    /// The rate of the interval as a fraction; a long leg pays when it is > 0.
    public var rate: Fixed?
    /// The mark price that the venue used, > 0.
    public var markPx: Fixed?
    /// The quantity that the venue used, in contracts.
    public var qty: Fixed?
    /// Seconds between settlements, 1…31 536 000; `fundingTime` is floored to it.
    public var interval: Int64?
    /// The venue's id of the payment.
    public var venueTxnID: String?
    /// The voided event that it corrects; part of the derived id.
    public var replaces: UUID?

    /// Takes the members as they are; ranges are checked where JSON is read.
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

/// A cost besides those in fills: fee_recorded; its day is its own (accounting.md §2).
public struct Fee: Hashable, Sendable {
    /// The name of its leg.
    public var leg: String
    /// + cost, − rebate.
    public var amount: Fixed
    /// The asset of the amount.
    public var asset: String
    /// What it was charged for.
    public var category: FeeCategory
    /// The trade that it adds to.
    public var tradeID: String?
    /// Settle units a unit of the asset; ≥ 0.
    public var feeRate: Fixed?

    /// Takes the members as they are; ranges are checked where JSON is read.
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

/// The rate of a fee or funding in another asset: fee_valued; the last live one wins (§2).
public struct FeeValuation: Hashable, Sendable {
    /// The fill, fee or funding payment that it values.
    public var target: UUID
    /// Settle units a unit of the asset; ≥ 0.
    public var rate: Fixed
    /// Where the rate comes from, in the caller's words.
    public var source: String

    /// Takes the members as they are; ranges are checked where JSON is read.
    public init(
        target: UUID, rate: Fixed, source: String
    ) {
        self.target = target
        self.rate = rate
        self.source = source
    }
}

/// A leg's mark price at an instant: mark_recorded (accounting.md §2).
public struct Mark: Hashable, Sendable {
    /// The name of its leg.
    public var leg: String
    /// The mark price in quote units; > 0.
    public var px: Fixed
    /// The index price in quote units; > 0.
    public var indexPx: Fixed?
    /// The margin ratio that the venue told; 1 = 100 %.
    public var marginRatio: Fixed?
    /// The liquidation price that the venue told, in quote units; ≥ 0.
    public var liquidationPx: Fixed?

    /// Takes the members as they are; ranges are checked where JSON is read.
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

/// A correction by hand of one leg: adjustment_recorded (accounting.md §4).
public struct Adjustment: Hashable, Sendable {
    /// The name of its leg.
    public var leg: String
    /// The caller's word for the kind of correction.
    public var category: String
    /// Why it was needed, 1–2000 bytes.
    public var reason: String
    /// Added to the signed quantity, in contracts.
    public var qtyDelta: Fixed?
    /// Added to open_cost; the realised price stays.
    public var costDelta: Fixed?
    /// Added to the leg's adjustments, in the settle asset.
    public var cashDelta: Fixed?

    /// Takes the members as they are; what the fold would refuse is refused at append.
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

/// The withdrawal of another event of the same position: event_voided (accounting.md §2).
public struct EventVoid: Hashable, Sendable {
    /// The event that never counts; it may come later than its void.
    public var target: UUID
    /// Why it does not count, 1–2000 bytes.
    public var reason: String

    /// Takes the members as they are; what may be voided is decided at append.
    public init(
        target: UUID, reason: String
    ) {
        self.target = target
        self.reason = reason
    }
}
