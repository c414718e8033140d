import LedgerCore

/// Where it is traded: names, precision, fees and funding times as the venues have them.
enum SampleVenue: Int, CaseIterable {
    case binance, okx, bybit, hyperliquid

    /// What is traded there.
    enum Contract {
        case spot
        /// A perpetual that settles in this stablecoin.
        case linear(settle: String)
        /// A perpetual that settles in the asset.
        case inverse
    }

    var name: String { String(describing: self) }

    /// Seconds between two fundings of a perpetual.
    var fundingInterval: Int64 { self == .hyperliquid ? 3_600 : 28_800 }

    /// The usual funding rate for 8 hours, in 10⁻⁸.
    var usualRate: Int64 {
        switch self {
        case .binance: 5_000
        case .okx: 12_000
        case .bybit: 22_000
        case .hyperliquid: 45_000
        }
    }

    /// The fee of a fill as a share of its value.
    func feeRate(_ liquidity: Liquidity, _ contract: Contract) -> SampleNumber {
        if case .spot = contract { return SampleNumber(1, places: 3) }
        let isMaker = liquidity == .maker
        return switch self {
        case .binance, .okx: SampleNumber(isMaker ? 20 : 50, places: 5)
        case .bybit: SampleNumber(isMaker ? 20 : 55, places: 5)
        case .hyperliquid: SampleNumber(isMaker ? 15 : 45, places: 5)
        }
    }

    private func instrument(_ asset: SampleAsset, _ contract: Contract) -> String {
        switch (self, contract) {
        case (.hyperliquid, _): asset.name
        case (_, .spot): "\(asset.name)/USDT"
        case (.okx, .linear(let settle)): "\(asset.name)-\(settle)-SWAP"
        case (.okx, .inverse): "\(asset.name)-USD-SWAP"
        case (.bybit, .linear("USDC")): "\(asset.name)PERP"
        case (_, .linear(let settle)): "\(asset.name)\(settle)"
        case (_, .inverse): "\(asset.name)USD"
        }
    }

    private func multiplier(_ asset: SampleAsset, _ contract: Contract) -> SampleNumber {
        switch (self, contract) {
        case (.okx, .linear): asset.okxMultiplier
        case (.okx, .inverse): asset.okxInverseMultiplier ?? .one
        default: .one
        }
    }

    private func qtyScale(_ asset: SampleAsset, _ contract: Contract) -> Int {
        switch contract {
        case .spot: 5
        case .linear: self == .okx ? 2 : asset.qtyScale
        case .inverse: 0
        }
    }

    /// The terms of a leg whose target is to be set.
    func terms(
        _ asset: SampleAsset, _ contract: Contract, _ side: LegSide, account: String
    ) -> LegTerms {
        let kind: InstrumentKind
        let (quote, settle): (String, String)
        switch contract {
        case .spot: (kind, quote, settle) = (.spot, "USDT", "USDT")
        case .linear(let coin): (kind, quote, settle) = (.linear, coin, coin)
        case .inverse: (kind, quote, settle) = (.inverse, "USD", asset.name)
        }
        return LegTerms(
            leg: side.rawValue, venue: name, account: account,
            instrument: instrument(asset, contract), kind: kind, side: side, targetQty: .one,
            multiplier: multiplier(asset, contract).fixed, base: asset.name, quote: quote,
            settle: settle, qtyScale: qtyScale(asset, contract), priceScale: asset.priceScale,
            settleScale: 8, fundingInterval: kind == .spot ? nil : fundingInterval)
    }
}
