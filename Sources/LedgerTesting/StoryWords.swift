import LedgerCore

extension Fixed {
    /// A decimal that the test knows to be one.
    public static func of(_ text: String) -> Fixed {
        guard let value = Fixed(text) else { preconditionFailure("\(text) is no decimal") }
        return value
    }
}

extension Timestamp {
    /// An instant that the test knows to be one: "2026-01-02T03:04:05Z".
    public static func of(_ text: String) -> Timestamp {
        guard let time = Timestamp(text) else { preconditionFailure("\(text) is no time") }
        return time
    }

    /// So many seconds later; earlier if negative.
    public func plus(seconds: Int) -> Timestamp {
        Timestamp(microseconds: microseconds + Int64(seconds) * Timestamp.secondInMicroseconds)
    }
}

extension LegTerms {
    /// Terms of a leg on BTC, against USDT; an inverse one settles in BTC.
    public static func some(
        _ leg: String = "a", _ kind: InstrumentKind = .linear, _ side: LegSide = .long,
        target: String = "1", multiplier: String = "1", venue: String = "v1",
        settle: String? = nil, qtyScale: Int = 8, settleScale: Int = 8, interval: Int64? = nil
    ) -> LegTerms {
        let settleAsset = settle ?? (kind == .inverse ? "BTC" : "USDT")
        return LegTerms(
            leg: leg, venue: venue, account: "acc", instrument: "BTC-\(leg)", kind: kind,
            side: side, targetQty: .of(target), multiplier: .of(multiplier), base: "BTC",
            quote: kind == .inverse ? "USD" : "USDT", settle: settleAsset, qtyScale: qtyScale,
            priceScale: 2, settleScale: settleScale, fundingInterval: interval)
    }
}

extension [Event] {
    /// The same events as if they had come in this order: versions, places and times of
    /// recording are counted anew.
    public func placed() -> [Event] {
        enumerated().map { index, event in
            var placed = event
            placed.version = StreamVersion(rawValue: Int64(index) + 1)
            placed.logPosition = LogPosition(rawValue: Int64(index) + 1)
            placed.recordedAt = PositionStory.start.plus(seconds: 1_000_000 + index)
            return placed
        }
    }
}
