import LedgerCore

/// Two markets of one coin whose funding differs. The second one may be spot.
struct ArbitragePair: Hashable, Sendable {
    var strategy: String
    var asset: String
    var first: FundingQuote.Market
    var second: FundingQuote.Market

    static let venues = ["binance", "bybit", "okx"]

    /// Every pair that is traded: linear perpetuals of two venues, inverse ones of two venues,
    /// perpetuals against spot, and inverse against linear at one venue, which has no common
    /// settle asset.
    static let all: [ArbitragePair] = ["BTC", "ETH"].flatMap { asset -> [ArbitragePair] in
        func pair(_ strategy: String, _ first: (String, String), _ second: (String, String)) -> Self
        {
            ArbitragePair(
                strategy: strategy, asset: asset,
                first: FundingQuote.Market(venue: first.0, pair: asset + first.1),
                second: FundingQuote.Market(venue: second.0, pair: asset + second.1))
        }
        var pairs: [ArbitragePair] = []
        for (index, venue) in venues.enumerated() {
            for other in venues[(index + 1)...] {
                pairs.append(pair("cross_venue", (venue, "USDT"), (other, "USDT")))
                pairs.append(pair("cross_venue_inverse", (venue, "USDCM"), (other, "USDCM")))
            }
            pairs.append(pair("cash_and_carry", (venue, "USDT"), (venue, "/USDT")))
            pairs.append(pair("cash_and_carry_inverse", (venue, "USDCM"), (venue, "/USDT")))
            pairs.append(pair("margin_basis", (venue, "USDCM"), (venue, "USDT")))
        }
        return pairs
    }

    /// Each pair trades on an account of its own at both venues: a venue pays an account its
    /// funding of an instrument once, whatever positions share it.
    var account: String { "\(strategy).\(first.venue).\(second.venue)" }

    /// The quantity of every linear and spot leg, in the coin.
    var size: Fixed { FundingArbitrage.decimal(asset == "BTC" ? "0.5" : "8") }
}

extension FundingQuote.Market {
    var isSpot: Bool { pair.contains("/") }
    var isInverse: Bool { pair.hasSuffix("USDCM") }
    var kind: InstrumentKind { isSpot ? .spot : (isInverse ? .inverse : .linear) }

    /// Contracts as the venues list them: BTCUSD_PERP of Binance and BTC-USD-SWAP of OKX are 100
    /// USD (ETH: 10), Bybit's inverse ones 1 USD; OKX's linear ones 0.01 BTC or 0.1 ETH.
    func multiplier(_ asset: String) -> Fixed {
        let isBTC = asset == "BTC"
        switch (kind, venue) {
        case (.inverse, "bybit"), (.spot, _): return .one
        case (.inverse, _): return FundingArbitrage.decimal(isBTC ? "100" : "10")
        case (.linear, "okx"): return FundingArbitrage.decimal(isBTC ? "0.01" : "0.1")
        case (.linear, _): return .one
        }
    }

    /// Decimal places of a quantity, in contracts.
    var qtyScale: Int { isSpot ? 8 : (isInverse || venue == "okx" ? 0 : 3) }

    /// The taker's fee, as a share of the value.
    var feeRate: Fixed {
        FundingArbitrage.decimal(isSpot ? "0.001" : (venue == "bybit" ? "0.00055" : "0.0005"))
    }

    func terms(
        _ leg: String, of pair: ArbitragePair, side: LegSide, targetQty: Fixed
    ) -> LegTerms {
        let dollar = isInverse ? "USD" : "USDT"
        return LegTerms(
            leg: leg, venue: venue, account: pair.account, instrument: self.pair, kind: kind,
            side: side, targetQty: targetQty, multiplier: multiplier(pair.asset),
            base: pair.asset, quote: dollar, settle: isInverse ? pair.asset : dollar,
            qtyScale: qtyScale, priceScale: 2, settleScale: 8,
            fundingInterval: isSpot ? nil : FundingQuote.interval)
    }
}
