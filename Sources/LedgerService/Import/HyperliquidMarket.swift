import LedgerCore

/// What the exchange trades under one name, as far as a fill tells.
///
/// Source: Hyperliquid's documentation, "Asset IDs" and "Info endpoint": perpetuals go by their
/// coin, those of a deployer's exchange as "dex:coin"; spot pairs as "BASE/QUOTE" or "@index". A
/// spot buy pays its fee in the token that it buys, so the buy that opens a position names the base
/// of an "@index" pair. Contracts are one unit of the coin, linear, and settle in USDC, which
/// "@index" pairs are taken to be quoted in; those of a deployer's exchange settle in the token
/// that their fees are charged in.
struct HyperliquidMarket: Hashable, Sendable {
    static let venue = "hyperliquid"
    /// The collateral of the exchange's own perpetuals.
    static let collateral = "USDC"

    var kind: InstrumentKind
    var base: String
    var quote: String
    var settle: String

    /// The market of the fill that opens a position; nil if nothing tells the base token.
    init?(opening fill: HyperliquidFill) {
        let coin = fill.coin
        if let slash = coin.firstIndex(of: "/") {
            kind = .spot
            base = String(coin[..<slash])
            quote = String(coin[coin.index(after: slash)...])
            settle = quote
            guard !base.isEmpty, !quote.isEmpty else { return nil }
        } else if coin.hasPrefix("@") {
            guard fill.side == .buy, let token = fill.feeToken,
                token != HyperliquidMarket.collateral
            else { return nil }
            kind = .spot
            base = token
            quote = HyperliquidMarket.collateral
            settle = quote
        } else {
            kind = .linear
            base = coin
            settle =
                coin.contains(":")
                ? fill.feeToken ?? HyperliquidMarket.collateral : HyperliquidMarket.collateral
            quote = settle
        }
    }

    /// The name of a position's only leg.
    var leg: String { kind == .spot ? "spot" : "perp" }

    /// The leg's frozen terms. They must be the same in every run over the same history, so they
    /// come from the opening fill and from constants alone.
    ///
    /// `targetQty` is what the position opened with: how far it will grow is known only afterwards,
    /// and a longer file would give another answer. Scales are the finest that the exchange
    /// writes: the sizes' decimals of a coin are not in its fills. Funding is paid hourly
    /// (since 2023-06-08; before, every eight hours).
    func terms(account: String, coin: String, side: LegSide, targetQty: Fixed) -> LegTerms {
        LegTerms(
            leg: leg, venue: HyperliquidMarket.venue, account: account, instrument: coin,
            kind: kind, side: side, targetQty: targetQty, multiplier: .one, base: base,
            quote: quote, settle: settle, qtyScale: 8, priceScale: 8, settleScale: 6,
            fundingInterval: kind == .spot ? nil : 3_600)
    }
}
