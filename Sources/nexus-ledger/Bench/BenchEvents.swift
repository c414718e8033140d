import LedgerCore
import LedgerRPC

/// Events for measurements: two-leg positions, each opened and then filled and funded in turns.
/// The same arguments give the same events.
struct BenchEvents {
    /// Events of one position, its opening included.
    static let eventsOfPosition = 100

    private let book: BookName
    private var position: UInt64
    private static let start: Int64 = 1_767_225_600_000_000  // 2026-01-01

    /// `first` numbers the positions, so that two runs on one book do not meet.
    init(book: BookName, first: UInt64) {
        self.book = book
        position = first
    }

    /// A request of whole positions: `count` must be a multiple of `eventsOfPosition`.
    mutating func request(events count: Int) throws -> Nexus_Ledger_V1_AppendRequest {
        var request = Nexus_Ledger_V1_AppendRequest()
        request.book = book.description
        for _ in 0..<(count / Self.eventsOfPosition) {
            request.events += try nextPosition().map { Nexus_Ledger_V1_NewEvent($0) }
        }
        return request
    }

    /// The events of the next position.
    mutating func nextPosition() throws -> [NewEvent] {
        position += 1
        let id = UUID(high: 0xBE5C_0000_0000_7000 | position >> 48, low: 1 << 63 | position)
        var events = [try opening(id)]
        for index in 1..<Self.eventsOfPosition {
            events.append(try index % 3 == 2 ? funding(id, index) : fill(id, index))
        }
        return events
    }

    private func time(_ index: Int) -> Timestamp {
        Timestamp(
            microseconds: Self.start + Int64(position % 2_000) * 60_000_000
                + Int64(index) * 3_600_000_000)
    }

    private func opening(_ id: UUID) throws -> NewEvent {
        let legs = try ["long", "short"].enumerated().map { index, name in
            LegTerms(
                leg: name, venue: index == 0 ? "binance" : "okx", account: "desk-1",
                instrument: "BTC-PERP-\(position)", kind: .linear,
                side: index == 0 ? .long : .short, targetQty: try Fixed(parsing: "50"),
                multiplier: .one, base: "BTC", quote: "USDT", settle: "USDT", qtyScale: 8,
                priceScale: 2, settleScale: 8, fundingInterval: 28_800)
        }
        return try NewEvent(
            positionID: id,
            payload: .opened(PositionOpened(strategy: "bench", asset: "BTC", legs: legs)),
            effectiveAt: time(0), source: .venueREST,
            eventID: UUID(high: id.high, low: id.low | 1 << 62))
    }

    private func fill(_ id: UUID, _ index: Int) throws -> NewEvent {
        let isLong = index % 2 == 0
        let px = try Fixed(scaled: (50_000_00 + Int128(index * 37 % 900)) * 10_000_000_000_000_000)
        return try NewEvent(
            positionID: id,
            payload: .fill(
                Fill(
                    leg: isLong ? "long" : "short", tradeID: "\(900_000_000 + index)",
                    side: isLong ? .buy : .sell, qty: try Fixed(parsing: "0.125"), px: px,
                    fee: try Fixed(parsing: "2.51"), feeAsset: "USDT",
                    liquidity: index % 4 == 0 ? .maker : .taker)),
            effectiveAt: time(index), source: .venueWS)
    }

    private func funding(_ id: UUID, _ index: Int) throws -> NewEvent {
        try NewEvent(
            positionID: id,
            payload: .funding(
                Funding(
                    leg: index % 2 == 0 ? "long" : "short",
                    fundingTime: time(index * 8).floored(toSeconds: 28_800),
                    amount: try Fixed(parsing: "1.2345"), asset: "USDT",
                    rate: try Fixed(parsing: "0.0001"), markPx: try Fixed(parsing: "50000.5"))),
            effectiveAt: time(index), source: .venueREST)
    }
}
