import LedgerCore

/// A fixed sample of positions in which the rules of accounting.md §§3–5 make figures, each in a
/// way that shows when it is broken: what `AccountFold.logicFingerprint` is made of. A rule that
/// is new gets an event here; the fingerprint is another one then, as is the logic.
struct LogicProbe {
    /// Whole streams, each in the order of its versions.
    static let streams: [[Event]] = [
        basis, carry, liquidated, corrected, cancelled, revived, refused, overshot, target,
    ].map(\.events)

    private(set) var events: [Event] = []
    private let number: UInt64

    /// 2026-01-30T00:00:00Z: days, a month and an even day of the epoch begin nearby.
    private static let start: Int64 = 1_769_731_200
    private static let minute = 60 * Timestamp.secondInMicroseconds
    /// Minutes of a day.
    static let day: Int64 = 1_440
    /// Two days: a settlement that is floored to them moves to another day.
    static let twoDays: Int64 = 172_800

    init(_ number: UInt64, _ opened: PositionOpened) {
        self.number = number
        add(0, .opened(opened))
    }

    /// A malformed one is zero, which the figures show.
    static func decimal(_ text: String) -> Fixed { Fixed(text) ?? .zero }

    // MARK: Building

    static func time(_ minutes: Int64, seconds: Int64 = 0) -> Timestamp {
        Timestamp(
            microseconds: (start + seconds) * Timestamp.secondInMicroseconds + minutes * minute)
    }

    /// Where the events end: 0 is the next one, 1 the one after it.
    func coming(_ places: Int) -> UUID {
        UUID(high: 0x0190_0000_0000_7000 | number << 16, low: UInt64(events.count + places + 1))
    }

    /// An event that happens so many minutes after the start.
    @discardableResult
    mutating func add(_ minutes: Int64, _ payload: EventPayload) -> UUID {
        let id = coming(0)
        let version = Int64(events.count) + 1
        let place = Int64(number) * 1_000 + version
        events.append(
            Event(
                eventID: id, positionID: UUID(high: 0x0190_0000_0000_7000, low: number),
                version: StreamVersion(rawValue: version),
                logPosition: LogPosition(rawValue: place),
                effectiveAt: LogicProbe.time(minutes),
                recordedAt: LogicProbe.time(10 * LogicProbe.day, seconds: place),
                payload: payload))
        return id
    }

    @discardableResult
    mutating func fill(
        _ minutes: Int64, _ leg: String, _ side: TradeSide, _ qty: String, _ px: String,
        fee: String = "0", in asset: String = "USDT", trade: String? = nil,
        change: (inout Fill) -> Void = { _ in }
    ) -> UUID {
        var fill = Fill(
            leg: leg, tradeID: trade ?? "t\(events.count)", side: side,
            qty: LogicProbe.decimal(qty), px: LogicProbe.decimal(px),
            fee: LogicProbe.decimal(fee), feeAsset: asset, liquidity: .taker)
        change(&fill)
        return add(minutes, .fill(fill))
    }

    /// A payment of the settlement `minutes` after the start, stamped so many seconds late.
    @discardableResult
    mutating func funding(
        _ minutes: Int64, _ leg: String, _ amount: String, in asset: String = "USDT",
        late: Int64 = 0, rate: String? = nil, mark: String? = nil,
        change: (inout Funding) -> Void = { _ in }
    ) -> UUID {
        var funding = Funding(
            leg: leg, fundingTime: LogicProbe.time(minutes, seconds: late),
            amount: LogicProbe.decimal(amount), asset: asset,
            rate: rate.map(LogicProbe.decimal), markPx: mark.map(LogicProbe.decimal))
        change(&funding)
        return add(minutes, .funding(funding))
    }

    @discardableResult
    mutating func fee(
        _ minutes: Int64, _ leg: String, _ amount: String, in asset: String = "USDT",
        _ category: FeeCategory = .trading, trade: String? = nil, rate: String? = nil
    ) -> UUID {
        add(
            minutes,
            .fee(
                Fee(
                    leg: leg, amount: LogicProbe.decimal(amount), asset: asset,
                    category: category, tradeID: trade, feeRate: rate.map(LogicProbe.decimal))))
    }

    @discardableResult
    mutating func value(_ minutes: Int64, _ target: UUID, _ rate: String) -> UUID {
        add(
            minutes,
            .feeValued(
                FeeValuation(target: target, rate: LogicProbe.decimal(rate), source: "probe")))
    }

    @discardableResult
    mutating func mark(
        _ minutes: Int64, _ leg: String, _ px: String, margin: String? = nil,
        liquidation: String? = nil
    ) -> UUID {
        add(
            minutes,
            .mark(
                Mark(
                    leg: leg, px: LogicProbe.decimal(px),
                    marginRatio: margin.map(LogicProbe.decimal),
                    liquidationPx: liquidation.map(LogicProbe.decimal))))
    }

    @discardableResult
    mutating func adjust(
        _ minutes: Int64, _ leg: String, qty: String? = nil, cost: String? = nil,
        cash: String? = nil
    ) -> UUID {
        add(
            minutes,
            .adjustment(
                Adjustment(
                    leg: leg, category: "probe", reason: "probe",
                    qtyDelta: qty.map(LogicProbe.decimal), costDelta: cost.map(LogicProbe.decimal),
                    cashDelta: cash.map(LogicProbe.decimal))))
    }

    @discardableResult
    mutating func void(_ minutes: Int64, _ target: UUID) -> UUID {
        add(minutes, .voided(EventVoid(target: target, reason: "probe")))
    }

    static func leg(
        _ name: String, _ kind: InstrumentKind, _ side: LegSide, _ target: String,
        venue: String = "alpha", base: String = "BTC", quote: String = "USDT",
        settle: String = "USDT", multiplier: String = "1", settleScale: Int = 8,
        interval: Int64? = nil
    ) -> LegTerms {
        LegTerms(
            leg: name, venue: venue, account: "probe", instrument: "\(kind.rawValue)-\(name)",
            kind: kind, side: side, targetQty: decimal(target), multiplier: decimal(multiplier),
            base: base, quote: quote, settle: settle, qtyScale: 3, priceScale: 2,
            settleScale: settleScale, fundingInterval: interval)
    }
}
