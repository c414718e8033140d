import LedgerCore

/// Makes events of simple positions: linear legs in USD, no fees.
struct Desk {
    var random: Seeded
    private var account = 0

    /// 2026-03-28T12:00:00Z
    static let noon: Int64 = 1_774_699_200

    init(seed: UInt64 = 1) {
        random = Seeded(seed)
    }

    /// A moment so many seconds after noon.
    static func time(_ seconds: Int64) -> Timestamp {
        Timestamp(microseconds: (noon + seconds) * 1_000_000)
    }

    static func leg(_ name: String = "long", account: String) -> LegTerms {
        LegTerms(
            leg: name, venue: "venue", account: account, instrument: "BTC-PERP", kind: .linear,
            side: name == "short" ? .short : .long, targetQty: .one, multiplier: .one,
            base: "BTC", quote: "USD", settle: "USD", qtyScale: 3, priceScale: 2, settleScale: 8)
    }

    /// position_opened of a new position with an account of its own.
    mutating func open(
        strategy: String = "basis", legs: [String] = ["long"], at seconds: Int64 = 0,
        expecting: ExpectedVersion = .any, id: UUID? = nil
    ) throws -> NewEvent {
        account += 1
        let terms = legs.map { Desk.leg($0, account: "a\(account)-\(random.next())") }
        return try NewEvent(
            positionID: id ?? random.id(),
            payload: .opened(PositionOpened(strategy: strategy, asset: "BTC", legs: terms)),
            effectiveAt: Desk.time(seconds), source: .venueREST, eventID: random.id(),
            expectedVersion: expecting)
    }

    func fill(
        _ position: UUID, _ trade: String, _ side: TradeSide, _ qty: Fixed, _ px: Fixed,
        leg: String = "long", fee: Fixed = .zero, at seconds: Int64 = 0,
        expecting: ExpectedVersion = .any, replaces: UUID? = nil
    ) throws -> NewEvent {
        try NewEvent(
            positionID: position,
            payload: .fill(
                Fill(
                    leg: leg, tradeID: trade, side: side, qty: qty, px: px, fee: fee,
                    feeAsset: "USD", liquidity: .maker, replaces: replaces)),
            effectiveAt: Desk.time(seconds), source: .venueREST, expectedVersion: expecting)
    }

    mutating func event(
        _ position: UUID, _ payload: EventPayload, at seconds: Int64 = 0,
        expecting: ExpectedVersion = .any
    ) throws -> NewEvent {
        try NewEvent(
            positionID: position, payload: payload, effectiveAt: Desk.time(seconds),
            source: .statement, actor: "tester",
            eventID: payload.type.derivesID ? nil : random.id(), expectedVersion: expecting)
    }

    mutating func void(_ position: UUID, _ target: UUID) throws -> NewEvent {
        try event(position, .voided(EventVoid(target: target, reason: "test")), at: 9)
    }
}

extension Fixed: ExpressibleByIntegerLiteral {
    /// For tests: `12`.
    public init(integerLiteral value: Int64) {
        guard let fixed = try? Fixed(value) else { preconditionFailure("\(value)") }
        self = fixed
    }

    /// For tests: `.of("0.001")`.
    static func of(_ text: String) -> Fixed {
        guard let fixed = Fixed(text) else { preconditionFailure(text) }
        return fixed
    }
}
