import LedgerCore

/// What becomes of a position. They take turns in this order.
enum SampleStory: CaseIterable {
    /// Hourly against 8-hourly funding; closed with a profit.
    case takeProfit
    /// Two partial closes; the rest stays.
    case partlyClosed
    /// The short leg is liquidated, the long one sold after it.
    case liquidated
    /// Two inverse legs: the total is in the asset.
    case inverse
    /// Closed; a fee comes a day later.
    case lateFee
    /// A trade was reported wrongly: voided and replaced.
    case corrected
    /// Spot with fees in the base asset against a perpetual.
    case cashAndCarry
    /// Hourly funding turns; closed.
    case fundingFlip
    /// Given up before the first fill.
    case cancelled
    /// Fees in BNB: one with its rate, one valued a day later.
    case thirdAsset
    /// Spot against an inverse perpetual: two settle assets, so no total.
    case coinMargined
    /// The second leg is not filled yet when the ten days end.
    case opening

    /// Hours after the book's start.
    var opensAfterHours: Int64 {
        switch self {
        case .takeProfit: 2
        case .partlyClosed: 9
        case .liquidated: 20
        case .inverse: 30
        case .lateFee: 37
        case .corrected: 50
        case .cashAndCarry: 61
        case .fundingFlip: 75
        case .cancelled: 90
        case .thirdAsset: 101
        case .coinMargined: 120
        case .opening: 232
        }
    }

    /// The place in `SampleAsset.all`; others follow round by round where any asset will do.
    func asset(ofRound round: Int) -> Int {
        let count = SampleAsset.all.count
        return switch self {
        case .takeProfit: round % count
        case .partlyClosed: (1 + round) % count
        case .liquidated: (2 + round) % count
        case .inverse: round % 2
        case .lateFee: (3 + round) % count
        case .corrected: (4 + round) % count
        case .cashAndCarry: (1 + round) % count
        case .fundingFlip: (2 + round) % count
        case .cancelled: (5 + round) % count
        case .thirdAsset: (6 + round) % count
        case .coinMargined: round % 2
        case .opening: round % count
        }
    }

    /// Of the long and of the short leg: funding is usually lower on the first.
    var venues: [(venue: SampleVenue, contract: SampleVenue.Contract)] {
        let tether = SampleVenue.Contract.linear(settle: "USDT")
        let dollarCoin = SampleVenue.Contract.linear(settle: "USDC")
        return switch self {
        case .takeProfit: [(.binance, dollarCoin), (.hyperliquid, dollarCoin)]
        case .fundingFlip: [(.bybit, dollarCoin), (.hyperliquid, dollarCoin)]
        case .partlyClosed, .liquidated: [(.okx, tether), (.bybit, tether)]
        case .lateFee, .cancelled, .thirdAsset: [(.binance, tether), (.bybit, tether)]
        case .corrected, .opening: [(.binance, tether), (.okx, tether)]
        case .inverse: [(.okx, .inverse), (.bybit, .inverse)]
        case .cashAndCarry: [(.binance, .spot), (.bybit, tether)]
        case .coinMargined: [(.binance, .spot), (.okx, .inverse)]
        }
    }
}

extension SamplePosition {
    /// The end of the book's ten days.
    private var end: Timestamp {
        Timestamp(microseconds: start.microseconds + 240 * SampleMarket.hour)
    }

    /// Makes all its events.
    mutating func play() {
        open()
        switch story {
        case .takeProfit:
            build()
            advance(hours: 60)
            close(.takeProfit, request: "basis and funding earned")
        case .partlyClosed:
            build()
            advance(hours: 50)
            reduce(SampleNumber(4, places: 1))
            advance(hours: 40)
            reduce(SampleNumber(5, places: 1))
            advance(to: end)
        case .liquidated:
            build()
            advance(hours: 70)
            bookMark(1, marginRatio: 910)
            advance(minutes: 1)
            liquidate()
        case .inverse, .cashAndCarry, .coinMargined:
            build()
            advance(to: end)
        case .lateFee:
            build()
            advance(hours: 80)
            close(.takeProfit, request: "target reached")
            bookLateFee()
        case .corrected:
            build()
            correctFirstFill()
            advance(to: end)
        case .fundingFlip:
            build()
            advance(hours: 66)
            close(.fundingFlip, request: "funding of the short leg below the long one's")
        case .cancelled:
            advance(minutes: 9)
            book(.cancelled(reason: "basis gone before the first fill"), delay: 20_000)
        case .thirdAsset:
            buildWithFeesInBNB()
            advance(hours: 60)
            close(.stop, request: "basis beyond the stop")
        case .opening:
            build(share: SampleNumber(35, places: 2))
        }
    }
}
