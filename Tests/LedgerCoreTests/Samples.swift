import LedgerCore
import LedgerTesting

/// One payload of each type, with every member, and the lines that they stand in.
enum Samples {
    static let id = UUID(high: 0x0123_4567_89AB_7DEF, low: 0x8123_4567_89AB_CDEF)
    static let fee = Fee(
        leg: "a", amount: .of("-0.5"), asset: "BNB", category: .borrow, tradeID: "t1",
        feeRate: .of("600"))

    static let opened = PositionOpened(
        strategy: "carry", asset: "BTC",
        legs: [.some("a", interval: 28_800), .some("b", .inverse, .short, venue: "v2")],
        mode: "paper", reportCurrency: "USD", opportunityID: "o-1",
        signal: EntrySignal(
            decidedAt: .of("2026-01-01T00:00:00.5Z"), refPx: ["b": .of("2"), "a": .of("1.5")],
            expectedSpreadBps: .of("-12.5")),
        tags: .map(["desk": "eu", "a": "\"quoted\""]))

    static let payloads: [EventPayload] = [
        .opened(opened),
        .fill(
            Fill(
                leg: "a", tradeID: "t1", side: .sell, qty: .of("0.5"), px: .of("100.25"),
                fee: .of("-0.1"), feeAsset: "USDT", liquidity: .maker, part: 3, orderID: "o",
                intent: .rebalance, cause: .settlement, venueValue: .of("0"),
                venueClosedPnl: .of("-1"), refPx: .of("100"), feeRate: .of("0"), replaces: id)),
        .funding(
            Funding(
                leg: "a", fundingTime: .of("2026-01-01T16:00:00Z"), amount: .of("-3"),
                asset: "USDT", part: 1, rate: .of("-0.0001"), markPx: .of("100"),
                qty: .of("-2"), interval: 3_600, venueTxnID: "x", replaces: id)),
        .fee(fee),
        .feeValued(FeeValuation(target: id, rate: .of("600.5"), source: "kline")),
        .mark(
            Mark(
                leg: "a", px: .of("1"), indexPx: .of("2"), marginRatio: .of("-0.1"),
                liquidationPx: .of("0"))),
        .adjustment(
            Adjustment(
                leg: "a", category: "transfer", reason: "moved\n\"by hand\"", qtyDelta: .of("1"),
                costDelta: .of("-2"), cashDelta: .of("0"))),
        .closeRequested(reason: "spread is gone"),
        .closed(.fundingFlip),
        .cancelled(reason: "no fill"),
        .voided(EventVoid(target: id, reason: "busted")),
    ]

    /// A line of the payload's type with every member of an event.
    static func line(_ payload: EventPayload) throws -> EventLine {
        EventLine(
            book: BookName("desk-1") ?? .main,
            event: try NewEvent(
                positionID: UUID(high: 1, low: 2), payload: payload,
                effectiveAt: .of("2026-01-02T03:04:05.678Z"), source: .statement,
                actor: "ops \"night\"", eventID: id, causationID: UUID(high: 3, low: 4),
                correlationID: UUID(high: 5, low: 6),
                expectedVersion: .exact(StreamVersion(rawValue: 41))))
    }

    static func parse(_ bytes: [UInt8], upcasters: Upcasters = .standard) throws -> EventLine {
        try bytes.withUnsafeBufferPointer { try EventLine(parsing: $0, upcasters: upcasters) }
    }

    /// The line as a tree, to be changed and written again.
    static func members(_ payload: EventPayload) throws -> [String: JSONValue] {
        let value = try JSONValue(parsing: try line(payload).canonicalBytes)
        guard case .object(let members) = value else { return [:] }
        return members
    }

    /// What the parser says of the line with these members; nil if it takes it.
    static func refusal(_ members: [String: JSONValue]) -> InvalidField? {
        refusal(JSONValue.object(members).canonicalBytes)
    }

    static func refusal(_ bytes: [UInt8]) -> InvalidField? {
        do {
            _ = try parse(bytes)
            return nil
        } catch { return error as? InvalidField }
    }
}
