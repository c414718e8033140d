import Admission
import LedgerCore
import Projections

/// Tries a position's events on the ledger's own admission and fold before they are sent.
enum HyperliquidCheck {
    /// The account that the events come to.
    /// - Throws: `InvalidField`, `Refusal` or `FoldError`: the ledger would not take them.
    static func account(of events: [NewEvent]) throws -> PositionAccount {
        var ledger = MemoryLedger()
        for event in events {
            try checkPayload(of: event)
            _ = try ledger.append(event)
        }
        return try AccountFold.fold(events.first.map { ledger.events(of: $0.positionID) } ?? [])
    }

    /// Reads the payload as the ledger will read it: texts of others may be too long.
    private static func checkPayload(of event: NewEvent) throws {
        try event.payloadBytes.withUnsafeBufferPointer { bytes in
            _ = try EventPayload(event.type, parsing: bytes)
        }
    }

    static func position(
        of draft: HyperliquidDraft, coin: String
    ) throws -> HyperliquidImport.Position {
        let events = draft.stream
        let account = try account(of: events)
        let leg = account.legs[0]
        return HyperliquidImport.Position(
            id: draft.id, coin: coin, events: events, places: Set(draft.places),
            openedAt: draft.openedAt, isClosed: account.state == .closed, qty: leg.qty,
            fills: draft.fills, payments: draft.payments, settle: leg.terms.settle,
            venueClosedPnl: draft.venueClosedPnl, realizedPrice: leg.realizedPrice,
            fees: leg.fees, funding: leg.fundingKnown)
    }

    /// What a person reads of an error.
    static func text(_ error: any Error) -> String {
        switch error {
        case let error as InvalidField: error.description
        case let error as Refusal: error.description
        case let error as FoldError: error.description
        case is FixedError: "a figure is out of range (|x| must stay below 10^20)"
        default: "\(error)"
        }
    }
}
