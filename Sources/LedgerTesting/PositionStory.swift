import LedgerCore

/// One position, told event by event: what tests of folds and of admission feed on. Each event
/// happens a minute after the one before it, unless a time is given. Decimals are texts.
public struct PositionStory: Sendable {
    /// Made from the story's number.
    public let positionID: UUID
    /// What its position_opened says.
    public let opened: PositionOpened
    /// As a caller sends them; the ids of fills, funding and voids are left to be derived.
    public private(set) var sent: [NewEvent] = []
    /// When the next event happens.
    public var now: Timestamp
    /// Apart from the position's, so that two stories may name the same trades.
    private var nextID: UInt64 = 1

    /// 2026-01-01T00:00:00Z.
    public static let start = Timestamp(microseconds: 1_767_225_600_000_000)

    /// Begins with its position_opened.
    public init(
        _ legs: [LegTerms] = [.some()], number: UInt64 = 1, strategy: String = "carry",
        asset: String = "BTC", signal: EntrySignal? = nil
    ) {
        positionID = UUID(high: 0x0190_0000_0000_7000, low: 0x8000_0000_0000_0000 | number)
        opened = PositionOpened(strategy: strategy, asset: asset, legs: legs, signal: signal)
        now = PositionStory.start
        add(.opened(opened))
    }

    /// Adds an event of any type and returns the id that it has.
    @discardableResult
    public mutating func add(
        _ payload: EventPayload, at time: Timestamp? = nil, expecting: ExpectedVersion = .any
    ) -> UUID {
        let event = make(payload, at: time ?? now, expecting: expecting)
        sent.append(event)
        now = Timestamp(microseconds: max(now, event.effectiveAt).microseconds + 60_000_000)
        return id(of: event)
    }

    /// An event of the position that is not added to the story.
    public mutating func make(
        _ payload: EventPayload, at time: Timestamp? = nil, expecting: ExpectedVersion = .any
    ) -> NewEvent {
        var ownID: UUID?
        if !payload.type.derivesID {
            ownID = UUID(high: positionID.low, low: 0x8000_0000_0000_0000 | nextID)
            nextID += 1
        }
        do throws(InvalidField) {
            return try NewEvent(
                positionID: positionID, payload: payload, effectiveAt: time ?? now,
                source: .venueREST, actor: "tests", eventID: ownID, expectedVersion: expecting)
        } catch {
            preconditionFailure("the story has an event that is refused: \(error)")
        }
    }

    /// The id that the ledger gives the event.
    public func id(of event: NewEvent) -> UUID {
        let terms = event.payload.leg.flatMap { name in
            opened.legs.first { $0.leg.isExactly(name) }
        }
        guard let id = EventIdentity.derivedID(of: event.payload, terms: terms) ?? event.eventID
        else { preconditionFailure("the event has no id: \(event)") }
        return id
    }

    /// The events in the order in which they were added, each in its place.
    public var stream: [Event] {
        sent.map { event in
            Event(
                eventID: id(of: event), positionID: positionID, version: .none,
                logPosition: .origin, effectiveAt: event.effectiveAt, recordedAt: .latest,
                payload: event.payload)
        }.placed()
    }
}

extension PositionStory {
    /// A fill with a trade id of its own.
    @discardableResult
    public mutating func fill(
        _ leg: String = "a", _ side: TradeSide, _ qty: String, px: String, fee: String = "0",
        in feeAsset: String = "USDT", at time: Timestamp? = nil, intent: FillIntent? = nil,
        trade: String? = nil, change: (inout Fill) -> Void = { _ in }
    ) -> UUID {
        var fill = Fill(
            leg: leg, tradeID: trade ?? "t\(sent.count + 1)", side: side, qty: .of(qty),
            px: .of(px), fee: .of(fee), feeAsset: feeAsset, liquidity: .taker, intent: intent)
        change(&fill)
        return add(.fill(fill), at: time)
    }

    /// A payment, + received; settled `now` unless a time is given.
    @discardableResult
    public mutating func funding(
        _ leg: String = "a", _ amount: String, in asset: String = "USDT",
        of time: Timestamp? = nil, at effectiveAt: Timestamp? = nil,
        change: (inout Funding) -> Void = { _ in }
    ) -> UUID {
        var funding = Funding(
            leg: leg, fundingTime: time ?? now, amount: .of(amount), asset: asset)
        change(&funding)
        return add(.funding(funding), at: effectiveAt)
    }

    /// A fee apart from a trade's own, + cost.
    @discardableResult
    public mutating func fee(
        _ leg: String = "a", _ amount: String, in asset: String = "USDT",
        category: FeeCategory = .trading, trade: String? = nil, rate: String? = nil,
        at time: Timestamp? = nil
    ) -> UUID {
        add(
            .fee(
                Fee(
                    leg: leg, amount: .of(amount), asset: asset, category: category,
                    tradeID: trade, feeRate: rate.map { .of($0) })),
            at: time)
    }

    /// Values a fee or a payment: `rate` is settle units a unit of its asset.
    @discardableResult
    public mutating func value(
        _ target: UUID, at rate: String, effective time: Timestamp? = nil
    ) -> UUID {
        add(
            .feeValued(FeeValuation(target: target, rate: .of(rate), source: "kline")), at: time)
    }

    /// A mark price, in quote units.
    @discardableResult
    public mutating func mark(
        _ leg: String = "a", _ px: String, at time: Timestamp? = nil,
        change: (inout Mark) -> Void = { _ in }
    ) -> UUID {
        var mark = Mark(leg: leg, px: .of(px))
        change(&mark)
        return add(.mark(mark), at: time)
    }

    /// A correction by hand; what is nil is left out.
    @discardableResult
    public mutating func adjust(
        _ leg: String = "a", qty: String? = nil, cost: String? = nil, cash: String? = nil,
        at time: Timestamp? = nil
    ) -> UUID {
        add(
            .adjustment(
                Adjustment(
                    leg: leg, category: "transfer", reason: "tests",
                    qtyDelta: qty.map { .of($0) }, costDelta: cost.map { .of($0) },
                    cashDelta: cash.map { .of($0) })),
            at: time)
    }

    /// Adds position_closed, whether or not the legs are flat.
    @discardableResult
    public mutating func close(
        _ reason: CloseReason = .takeProfit, at time: Timestamp? = nil
    ) -> UUID {
        add(.closed(reason), at: time)
    }

    /// Withdraws `target`; returns the id of the void.
    @discardableResult
    public mutating func void(_ target: UUID, at time: Timestamp? = nil) -> UUID {
        add(.voided(EventVoid(target: target, reason: "tests")), at: time)
    }
}
