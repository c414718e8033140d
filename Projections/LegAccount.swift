import LedgerCore

/// What is known of one leg after a fold: accounting.md §4, and the figures that the tables of §8
/// are mapped from.
public struct LegAccount: Hashable, Sendable {
    /// Its frozen terms (accounting.md §2).
    public let terms: LegTerms

    // §4, the state of the fold
    /// Signed, in contracts.
    public internal(set) var qty: Fixed = .zero
    /// ≥ 0, in settle units.
    public internal(set) var openCost: Fixed = .zero
    /// What reductions realised, in the settle asset; fees and funding are apart.
    public internal(set) var realizedPrice: Fixed = .zero
    /// Σ(−s·v); inverse: mirrored.
    public internal(set) var cash: Fixed = .zero
    /// By asset, as charged.
    public internal(set) var fees = Amounts()
    /// The valued part of the fees, in the settle asset.
    public internal(set) var feeValueKnown: Fixed = .zero
    /// Fees that have no value in the settle asset yet.
    public internal(set) var unvaluedFees = 0
    /// By asset, as paid.
    public internal(set) var funding = Amounts()
    /// The valued part of the funding, in the settle asset; + received.
    public internal(set) var fundingKnown: Fixed = .zero
    /// Payments that have no value in the settle asset yet.
    public internal(set) var unvaluedFunding = 0
    /// Σ cash_delta, in the settle asset.
    public internal(set) var adjustments: Fixed = .zero
    /// A fill or a base fee went beyond zero.
    public internal(set) var overshot = false
    /// A base fee without a price left at cost.
    public internal(set) var unpricedBaseFees = 0

    // for the tables
    /// The greatest |qty| so far, in contracts.
    public internal(set) var peakQty: Fixed = .zero
    /// Fills that opened or added.
    var entries = Executions()
    /// Fills that reduced; one that overshot stands here whole.
    var exits = Executions()
    /// Live fills.
    public internal(set) var fills: Int64 = 0
    /// Live fills that the venue says were made.
    var makerFills: Int64 = 0
    /// effective_at of the first live fill.
    var firstFillAt: Timestamp?
    /// Σ side·(px − ref_px)·qty·m; nil once an entry had no reference price.
    public var slippage: Fixed? { try? slippageSum?.value() }
    var slippageSum: ExactSum? = ExactSum()
    /// The valued part of the fees, in the settle asset.
    var feesByCategory: [FeeCategory: ExactSum] = [:]
    /// nil without a live mark.
    public internal(set) var mark: LastMark?
    /// By day, ascending.
    public internal(set) var days: [LegDay] = []
    /// By month, ascending.
    public internal(set) var fundingMonths: [FundingMonth] = []
    /// Settlements were counted up to here.
    var settlementsThrough: Timestamp?
    /// Prices of the trades of a spot leg, for fees that are charged later.
    var tradePrices: [ExactText: Fixed] = [:]
    /// Trades that a fee in base names and that have not come yet.
    var pricesAwaited: Set<ExactText> = []

    /// The last event of the leg that is booked, and of any kind.
    var bookedThrough = Stamp.none
    var changed = Stamp.none

    init(_ terms: LegTerms) {
        self.terms = terms
    }

    /// Quantity and value of the fills that built the leg up, or took it down.
    struct Executions: Hashable, Sendable {
        /// In contracts; nil beyond the range.
        var qty: Fixed? = .zero
        /// In settle units; nil beyond the range.
        var value: Fixed? = .zero
    }

    /// The newest mark by (effective_at, version).
    public struct LastMark: Hashable, Sendable {
        /// In quote units; > 0.
        public var px: Fixed
        /// As the venue told it; 1 = 100 %.
        public var marginRatio: Fixed?
        /// As the venue told it, in quote units; ≥ 0.
        public var liquidationPx: Fixed?
        /// effective_at of the mark.
        public var at: Timestamp
        var version: StreamVersion
    }

    /// Fees in the settle asset; nil while one is not valued.
    public var feeValue: Fixed? { unvaluedFees == 0 ? feeValueKnown : nil }
    /// Funding in the settle asset; nil while one is not valued.
    public var fundingValue: Fixed? { unvaluedFunding == 0 ? fundingKnown : nil }
    /// The flag PROVISIONAL (accounting.md §3).
    var isProvisional: Bool {
        unvaluedFees > 0 || unvaluedFunding > 0 || unpricedBaseFees > 0
    }

    /// realized_price − fee_value + funding + adjustments; nil while a part is not valued.
    public func net() throws(FixedError) -> Fixed? {
        guard let feeValue, let fundingValue else { return nil }
        return try Fixed.sum(realizedPrice, feeValue.negated, fundingValue, adjustments)
    }

    /// Whether something of the day is booked; the days are in order.
    func hasDay(_ day: Day) -> Bool {
        var (low, high) = (0, days.count)
        while low < high {
            let middle = (low + high) / 2
            if days[middle].day < day { low = middle + 1 } else { high = middle }
        }
        return low < days.count && days[low].day == day
    }

    /// +1, or −1 for an inverse leg, whose value falls as the price rises.
    var orientation: Int { terms.kind == .inverse ? -1 : 1 }

    /// For display only: nil when flat or without cost.
    public func avgEntryPx() throws(FixedError) -> Fixed? {
        guard !qty.isZero, !openCost.isZero else { return nil }
        return try LegAccount.price(of: openCost, qty: qty.magnitude, terms: terms)
    }

    /// The price at which `qty` has `value`; for display only.
    static func price(
        of value: Fixed, qty: Fixed, terms: LegTerms
    ) throws(FixedError) -> Fixed {
        terms.kind == .inverse
            ? try qty.multiplied(by: terms.multiplier, dividedBy: value)
            : try value.divided(by: qty, terms.multiplier)
    }

    /// Value of `qty` (≥ 0) at `px`, half-even to 18 places: linear qty·m·px, inverse qty·m/px.
    func value(of qty: Fixed, at px: Fixed) throws(FixedError) -> Fixed {
        terms.kind == .inverse
            ? try qty.multiplied(by: terms.multiplier, dividedBy: px)
            : try qty.multiplied(by: terms.multiplier, px)
    }

    /// Unrealised P&L at a mark: linear sign·(|qty|·m·mark − open_cost), inverse mirrored.
    public func unrealized(at px: Fixed) throws(FixedError) -> Fixed {
        guard !qty.isZero else { return .zero }
        return try value(of: qty.magnitude, at: px).subtracting(openCost)
            .signed(qty.signum * orientation)
    }

    /// qty·m; inverse: sign·open_cost.
    public func base() throws(FixedError) -> Fixed {
        terms.kind == .inverse
            ? openCost.signed(qty.signum) : try qty.multiplied(by: terms.multiplier)
    }
}

/// A place in the log and its time.
public struct Stamp: Hashable, Sendable {
    /// Place in the log of the book.
    public var logPosition: LogPosition
    /// When the ledger committed the event that stands there.
    public var recordedAt: Timestamp

    /// Before the first event: every event's stamp is above it.
    public static let none = Stamp(logPosition: .origin, recordedAt: Timestamp(microseconds: 0))

    init(logPosition: LogPosition, recordedAt: Timestamp) {
        self.logPosition = logPosition
        self.recordedAt = recordedAt
    }

    /// Where and when `event` was recorded.
    public init(_ event: Event) {
        self.init(logPosition: event.logPosition, recordedAt: event.recordedAt)
    }

    /// Takes the later of both by place in the log.
    mutating func raise(to other: Stamp) {
        if other.logPosition > logPosition { self = other }
    }
}

/// What one day brought to one leg (accounting.md §5).
public struct LegDay: Hashable, Sendable {
    /// The UTC day.
    public let day: Day
    /// Realised price P&L, in the settle asset as all money here.
    public internal(set) var pricePnl: Fixed = .zero
    /// The valued part of the day's fees; + cost.
    public internal(set) var feesKnown: Fixed = .zero
    /// Fees of the day that have no value yet.
    public internal(set) var unvaluedFees = 0
    /// The valued part of the day's funding; + received.
    public internal(set) var fundingKnown: Fixed = .zero
    /// Payments of the day that have no value yet.
    public internal(set) var unvaluedFunding = 0
    /// Σ cash_delta.
    public internal(set) var adjustments: Fixed = .zero
    /// Live fills.
    public internal(set) var fills: Int64 = 0
    /// Σ qty·m·px in quote, inverse Σ qty·m; nil beyond the range.
    public internal(set) var volume: Fixed? = .zero
    /// The last event by place in the log that the day's figures depend on.
    var changed = Stamp.none

    /// + cost; nil while one is not valued.
    public var fees: Fixed? { unvaluedFees == 0 ? feesKnown : nil }
    /// + received; nil while one is not valued.
    public var funding: Fixed? { unvaluedFunding == 0 ? fundingKnown : nil }

    /// price_pnl − fees + funding + adjustments; nil while a part is not valued.
    public func net() throws(FixedError) -> Fixed? {
        guard let fees, let funding else { return nil }
        return try Fixed.sum(pricePnl, fees.negated, funding, adjustments)
    }
}

/// The funding payments of one leg in one month (accounting.md §8).
public struct FundingMonth: Hashable, Sendable {
    /// Its first day.
    public let month: Day
    /// Live payments.
    public internal(set) var payments: Int64 = 0
    /// Σ of the valued payments to us, in the settle asset; ≥ 0.
    public internal(set) var received = ExactSum()
    /// Σ of the valued payments by us, in the settle asset; ≥ 0.
    public internal(set) var paid = ExactSum()
    /// Payments that have no value yet; while there is one, the month has no net.
    public internal(set) var unvalued = 0
    /// Σ of what was due; nil once a payment had no rate or mark, and beyond the range.
    public var expected: Fixed? { try? expectedSum?.value() }
    var expectedSum: ExactSum? = ExactSum()
    /// Settlements while the leg was open.
    public internal(set) var due: Int64 = 0
    /// The last event by place in the log that the figures depend on.
    var changed = Stamp.none
}
