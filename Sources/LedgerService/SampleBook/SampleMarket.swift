import LedgerCore

/// What is traded, with the precision that venues give it.
struct SampleAsset {
    let name: String
    /// USD at the start.
    let price: SampleNumber
    /// Decimal places of prices in USD.
    let priceScale: Int
    /// Decimal places of quantities where a contract is one unit.
    let qtyScale: Int
    /// Units of a contract on okx, which counts in hundredths of contracts.
    let okxMultiplier: SampleNumber
    /// USD of an inverse contract on okx; nil where there is none.
    let okxInverseMultiplier: SampleNumber?

    static let all = [
        SampleAsset(
            name: "BTC", price: SampleNumber(91_250), priceScale: 1, qtyScale: 3,
            okxMultiplier: SampleNumber(1, places: 2), okxInverseMultiplier: SampleNumber(100)),
        SampleAsset(
            name: "ETH", price: SampleNumber(3_142), priceScale: 2, qtyScale: 3,
            okxMultiplier: SampleNumber(1, places: 1), okxInverseMultiplier: SampleNumber(10)),
        SampleAsset(
            name: "SOL", price: SampleNumber(1_364, places: 1), priceScale: 2, qtyScale: 2,
            okxMultiplier: SampleNumber(1), okxInverseMultiplier: nil),
        SampleAsset(
            name: "XRP", price: SampleNumber(208, places: 2), priceScale: 4, qtyScale: 1,
            okxMultiplier: SampleNumber(100), okxInverseMultiplier: nil),
        SampleAsset(
            name: "DOGE", price: SampleNumber(1_455, places: 4), priceScale: 5, qtyScale: 0,
            okxMultiplier: SampleNumber(1_000), okxInverseMultiplier: nil),
        SampleAsset(
            name: "LINK", price: SampleNumber(134, places: 1), priceScale: 3, qtyScale: 2,
            okxMultiplier: SampleNumber(1), okxInverseMultiplier: nil),
        SampleAsset(
            name: "AVAX", price: SampleNumber(139, places: 1), priceScale: 3, qtyScale: 1,
            okxMultiplier: SampleNumber(1), okxInverseMultiplier: nil),
    ]
}

/// Prices and funding rates of all assets and venues, hour by hour: a seeded walk.
struct SampleMarket {
    static let hour = 3_600 * Timestamp.secondInMicroseconds

    /// Hours that are walked: the ten days of the book and what comes after them.
    private static let hours = 12 * 24

    private let start: Timestamp
    /// Index prices by asset and hour.
    private let prices: [[SampleNumber]]
    /// Funding rates for 8 hours, in 10⁻⁸, by asset, venue and hour.
    private let rates: [[[Int64]]]

    init(seed: UInt64, start: Timestamp) {
        self.start = start
        var prices: [[SampleNumber]] = []
        var rates: [[[Int64]]] = []
        for (index, asset) in SampleAsset.all.enumerated() {
            var random = SplitMix64(seed: seed, part: UInt64(1 << 40 + index))
            prices.append(SampleMarket.walk(from: asset.price, &random))
            rates.append(SampleVenue.allCases.map { SampleMarket.rates($0, &random) })
        }
        self.prices = prices
        self.rates = rates
    }

    /// Hourly steps of at most 1.4 %, mostly below 0.6 %.
    private static func walk(
        from price: SampleNumber, _ random: inout SplitMix64
    ) -> [SampleNumber] {
        var prices = [price]
        for _ in 0..<hours {
            let step = SampleNumber(1_000_000 + random.around(14_000), places: 6)
            prices.append((prices[prices.count - 1] * step).rounded(9))
        }
        return prices
    }

    /// A walk that returns to the venue's usual rate, and at times below zero.
    private static func rates(_ venue: SampleVenue, _ random: inout SplitMix64) -> [Int64] {
        let usual = venue.usualRate + random.around(4_000)
        var rate = usual
        return (0...hours).map { _ in
            rate += (usual - rate) / 12 + random.around(2_400)
            return rate
        }
    }

    private func hour(of time: Timestamp) -> Int {
        let hour = (time.microseconds - start.microseconds) / SampleMarket.hour
        return min(max(Int(hour), 0), SampleMarket.hours - 1)
    }

    /// The index price at a moment, between those of the hours around it.
    func price(of asset: Int, at time: Timestamp) -> SampleNumber {
        let hour = hour(of: time)
        let inHour = time.microseconds - start.microseconds - Int64(hour) * SampleMarket.hour
        let share = SampleNumber(min(max(inHour, 0) / 1_000_000, 3_600)) / SampleNumber(3_600)
        let (from, to) = (prices[asset][hour], prices[asset][hour + 1])
        return (from + (to - from) * share).rounded(9)
    }

    /// The rate that a settlement at `time` pays for an interval; long pays when it is positive.
    func rate(
        of asset: Int, on venue: SampleVenue, at time: Timestamp, interval: Int64
    ) -> SampleNumber {
        let rate = rates[asset][venue.rawValue][hour(of: time)]
        return SampleNumber(rate * interval / 28_800, places: 8)
    }
}
