import LedgerCore

/// The figures of a row of daily P&L, summed exactly over position days (accounting.md §5). What
/// is not valued yet is counted, and the figures that need it are nil while there is any.
public struct DaySums: Hashable, Sendable {
    private var priceSum = ExactSum()
    private var feeSum = ExactSum()
    private var fundingSum = ExactSum()
    private var adjustmentSum = ExactSum()
    private var netSum = ExactSum()
    private var volumeSum = ExactSum()
    private var unvaluedFees: Int64 = 0
    private var unvaluedFunding: Int64 = 0
    /// Live fills.
    public private(set) var fills: Int64 = 0
    /// Positions that have a part in it.
    public internal(set) var positions: Int64 = 0
    /// Leg days that are summed; without one there is no row.
    public private(set) var legDays: Int64 = 0

    /// The sums of nothing: all figures are 0.
    public init() {}

    /// Adds a term, or takes it away with `sign` −1.
    public mutating func add(_ delta: DailyPnl.Delta, sign: Int = 1) {
        priceSum.add(delta.pricePnl.signed(sign))
        feeSum.add(delta.feesKnown.signed(sign))
        fundingSum.add(delta.fundingKnown.signed(sign))
        adjustmentSum.add(delta.adjustments.signed(sign))
        volumeSum.add(delta.volume.signed(sign))
        for part in [
            delta.pricePnl, delta.feesKnown.negated, delta.fundingKnown, delta.adjustments,
        ] {
            netSum.add(part.signed(sign))
        }
        unvaluedFees += Int64(sign) * delta.unvaluedFees
        unvaluedFunding += Int64(sign) * delta.unvaluedFunding
        fills += Int64(sign) * delta.fills
        positions += Int64(sign) * delta.positions
        legDays += Int64(sign) * delta.legDays
    }

    /// Realised price P&L, in the settle asset as all money here; nil beyond the range, as all
    /// figures are.
    public var pricePnl: Fixed? { try? priceSum.value() }
    /// + cost; nil while one is not valued.
    public var fees: Fixed? { unvaluedFees == 0 ? try? feeSum.value() : nil }
    /// + received; nil while one is not valued.
    public var funding: Fixed? { unvaluedFunding == 0 ? try? fundingSum.value() : nil }
    /// Σ cash_delta.
    public var adjustments: Fixed? { try? adjustmentSum.value() }
    /// price_pnl − fees + funding + adjustments; nil while a part is not valued.
    public var net: Fixed? {
        unvaluedFees == 0 && unvaluedFunding == 0 ? try? netSum.value() : nil
    }
    /// Σ qty·m·px in quote; inverse Σ qty·m.
    public var volume: Fixed? { try? volumeSum.value() }

    /// Whether both read the same, whatever is behind figures that are not known.
    public func readsAs(_ other: DaySums) -> Bool {
        pricePnl == other.pricePnl && fees == other.fees && funding == other.funding
            && adjustments == other.adjustments && net == other.net && volume == other.volume
            && fills == other.fills && positions == other.positions
            && (legDays == 0) == (other.legDays == 0)
    }
}
