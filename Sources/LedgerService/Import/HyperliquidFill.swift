import LedgerCore

/// One record of the exchange's `userFills`, as the import needs it.
///
/// Source: Hyperliquid's documentation, "Info endpoint", "Retrieve a user's fills": `side` is B (a
/// buy) or A (a sell), `startPosition` the signed position before the fill, `crossed` tells a
/// taker, `fee` is the whole fee including `builderFee` and negative for a rebate, `closedPnl` is
/// before fees. Files of 2023 have neither `tid` nor `feeToken`. Amounts are decimal
/// strings with trailing zeros, also "-0.0"; they are read exactly.
struct HyperliquidFill: Hashable, Sendable {
    var place: HyperliquidImport.Place
    /// "BTC", or "xyz:TSLA" of a deployer's exchange; of spot pairs "PURR/USDC" or "@107".
    var coin: String
    var time: Timestamp
    var side: TradeSide
    var px: Fixed
    var qty: Fixed
    /// The position before the fill, as the venue states it.
    var start: Fixed
    var closedPnl: Fixed?
    var fee: Fixed
    var feeToken: String?
    /// `tid`, or hash/oid/px/sz where the file has none.
    var tradeID: String
    var hasTid: Bool
    var hash: String?
    var orderID: String?
    var crossed: Bool?
    var cause: FillCause

    /// The quantity that the fill moved: a fee in the base token of a spot pair is taken from it.
    func moved() throws(FixedError) -> Fixed {
        try qty.signed(side.sign).subtracting(baseFee)
    }

    /// A fee that a spot buy pays in the token that it buys; else 0.
    var baseFee: Fixed {
        guard let market = HyperliquidMarket(opening: self), market.kind == .spot,
            feeToken == market.base
        else { return .zero }
        return fee
    }

    /// The venue's own key of the fact (accounting.md §2, Identity).
    var key: Key { Key(coin: coin, tradeID: tradeID, side: side) }

    struct Key: Hashable, Sendable {
        var coin: String
        var tradeID: String
        var side: TradeSide
    }

    /// Whether two records of one key say the same.
    func repeats(_ other: HyperliquidFill) -> Bool {
        time == other.time && px == other.px && qty == other.qty && start == other.start
            && fee == other.fee && closedPnl == other.closedPnl
    }

    /// Whether both are the two sides of a trade of the account with itself: the venue states the
    /// same position before both, and it has not moved after both.
    func isOwnCounterpart(of other: HyperliquidFill) -> Bool {
        guard side != other.side, start == other.start, qty == other.qty, px == other.px,
            time == other.time, coin == other.coin
        else { return false }
        return hasTid && other.hasTid
            ? tradeID == other.tradeID
            : hash != nil && hash == other.hash && crossed != other.crossed
    }
}

extension HyperliquidFill {
    /// - Throws: The member that is missing or wrong; the fill is then left out with this reason.
    init(
        _ record: JSONValue, at place: HyperliquidImport.Place, account: String
    ) throws(InvalidField) {
        let member = HyperliquidMember(record)
        self.place = place
        coin = try member.text("coin")
        time = try member.time("time")
        switch try member.text("side") {
        case "B": side = .buy
        case "A": side = .sell
        case let other: throw InvalidField("side", other, "must be B or A")
        }
        px = try member.decimal("px")
        qty = try member.decimal("sz")
        guard px.isPositive else { throw InvalidField("px", px.description, "must be above 0") }
        guard qty.isPositive else { throw InvalidField("sz", qty.description, "must be above 0") }
        start = try member.decimal("startPosition")
        closedPnl = try member.optionalDecimal("closedPnl")
        fee = try member.optionalDecimal("fee") ?? .zero
        feeToken = record["feeToken"]?.text
        hash = record["hash"]?.text
        orderID = record["oid"]?.text
        if case .bool(let value)? = record["crossed"] { crossed = value }
        // The conversion of dust has `tid` 0, which names nothing.
        if let tid = record["tid"]?.text, tid != "0" {
            tradeID = tid
            hasTid = true
        } else {
            let parts = [
                try member.text("hash"), try member.text("oid"), try member.text("px"),
                try member.text("sz"),
            ]
            tradeID = parts.joined(separator: "/")
            hasTid = false
        }
        cause = .trade
        cause = cause(of: record, account: account)
    }

    /// `liquidation` stands in the fills of both sides. The account is the one that was liquidated
    /// where `dir` says so or `liquidatedUser` is its address; where the account is known by
    /// another name, where the fill took its position down as a taker.
    private func cause(of record: JSONValue, account: String) -> FillCause {
        let direction = record["dir"]?.text ?? ""
        if direction == "Auto-Deleveraging" { return .adl }
        if direction == "Settlement" { return .settlement }
        if direction.lowercased().hasPrefix("liquidated") { return .liquidation }
        guard let liquidation = record["liquidation"], case .object = liquidation else {
            return .trade
        }
        if account.hasPrefix("0x"), let user = liquidation["liquidatedUser"]?.text {
            return user.lowercased() == account.lowercased() ? .liquidation : .trade
        }
        return start.signum == -side.sign && crossed != false ? .liquidation : .trade
    }
}

/// Reads members of a foreign record; errors name the member.
struct HyperliquidMember {
    private let record: JSONValue

    init(_ record: JSONValue) {
        self.record = record
    }

    func text(_ name: String) throws(InvalidField) -> String {
        guard let text = record[name]?.text, !text.isEmpty else {
            throw InvalidField(name, "", "is missing")
        }
        return text
    }

    func decimal(_ name: String) throws(InvalidField) -> Fixed {
        guard let value = try optionalDecimal(name) else {
            throw InvalidField(name, "", "is missing")
        }
        return value
    }

    func optionalDecimal(_ name: String) throws(InvalidField) -> Fixed? {
        guard let value = record[name] else { return nil }
        guard let text = value.text else { throw InvalidField(name, "", "must be a decimal") }
        do throws(Fixed.TextError) { return try Fixed(foreign: text) } catch {
            throw InvalidField(name, text, error.cure)
        }
    }

    /// Milliseconds since 1970.
    func time(_ name: String) throws(InvalidField) -> Timestamp {
        let word = try text(name)
        let cure = "must be milliseconds since 1970"
        guard let milliseconds = Int64(word) else { throw InvalidField(name, word, cure) }
        let (microseconds, overflow) = milliseconds.multipliedReportingOverflow(by: 1_000)
        let time = Timestamp(microseconds: microseconds)
        guard !overflow, time.isInRange else { throw InvalidField(name, word, cure) }
        return time
    }
}
