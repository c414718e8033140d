// How the frozen terms of a leg are read and written; see Payloads+JSON.swift.

extension LegTerms {
    init(_ reader: inout JSONReader) throws(InvalidField) {
        var leg: String?
        var venue: String?
        var account: String?
        var instrument: String?
        var kind: InstrumentKind?
        var side: LegSide?
        var targetQty: Fixed?
        var multiplier: Fixed?
        var base: String?
        var quote: String?
        var settle: String?
        var qtyScale: Int64?
        var priceScale: Int64?
        var settleScale: Int64?
        var fundingInterval: Int64?
        var first = true
        try reader.beginObject()
        while let key = try reader.nextKey(first: &first) {
            if key == "leg" {
                try keep(&leg, "leg", try reader.text("leg"))
            } else if key == "venue" {
                try keep(&venue, "venue", try reader.text("venue"))
            } else if key == "account" {
                try keep(&account, "account", try reader.text("account"))
            } else if key == "instrument" {
                try keep(&instrument, "instrument", try reader.text("instrument"))
            } else if key == "kind" {
                try keep(&kind, "kind", try reader.choice("kind", InstrumentKind.self))
            } else if key == "side" {
                try keep(&side, "side", try reader.choice("side", LegSide.self))
            } else if key == "target_qty" {
                try keep(&targetQty, "target_qty", try reader.decimal("target_qty", .positive))
            } else if key == "multiplier" {
                try keep(&multiplier, "multiplier", try reader.decimal("multiplier", .positive))
            } else if key == "base" {
                try keep(&base, "base", try reader.text("base"))
            } else if key == "quote" {
                try keep(&quote, "quote", try reader.text("quote"))
            } else if key == "settle" {
                try keep(&settle, "settle", try reader.text("settle"))
            } else if key == "qty_scale" {
                try keep(&qtyScale, "qty_scale", try reader.integer("qty_scale", in: 0...18))
            } else if key == "price_scale" {
                try keep(&priceScale, "price_scale", try reader.integer("price_scale", in: 0...18))
            } else if key == "settle_scale" {
                try keep(
                    &settleScale, "settle_scale",
                    try reader.integer("settle_scale", in: 0...18))
            } else if key == "funding_interval_s" {
                try keep(
                    &fundingInterval, "funding_interval_s",
                    try reader.integer("funding_interval_s", in: 1...31_536_000))
            } else {
                throw unknown(key, allowed: LegTerms.members)
            }
        }
        self.init(
            leg: try require(leg, "leg"),
            venue: try require(venue, "venue"),
            account: try require(account, "account"),
            instrument: try require(instrument, "instrument"),
            kind: try require(kind, "kind"),
            side: try require(side, "side"),
            targetQty: try require(targetQty, "target_qty"),
            multiplier: try require(multiplier, "multiplier"),
            base: try require(base, "base"),
            quote: try require(quote, "quote"),
            settle: try require(settle, "settle"),
            qtyScale: Int(try require(qtyScale, "qty_scale")),
            priceScale: Int(try require(priceScale, "price_scale")),
            settleScale: Int(try require(settleScale, "settle_scale")),
            fundingInterval: fundingInterval)
    }

    static let members =
        "leg, venue, account, instrument, kind, side, target_qty, multiplier, base, "
        + "quote, settle, qty_scale, price_scale, settle_scale, funding_interval_s"

    func write(to json: inout CanonicalJSON) {
        json.beginObject()
        json.key("account")
        json.string(account)
        json.key("base")
        json.string(base)
        if let fundingInterval {
            json.key("funding_interval_s")
            json.integer(fundingInterval)
        }
        json.key("instrument")
        json.string(instrument)
        json.key("kind")
        json.string(kind.rawValue)
        json.key("leg")
        json.string(leg)
        json.key("multiplier")
        json.decimal(multiplier)
        json.key("price_scale")
        json.integer(Int64(priceScale))
        json.key("qty_scale")
        json.integer(Int64(qtyScale))
        json.key("quote")
        json.string(quote)
        json.key("settle")
        json.string(settle)
        json.key("settle_scale")
        json.integer(Int64(settleScale))
        json.key("side")
        json.string(side.rawValue)
        json.key("target_qty")
        json.decimal(targetQty)
        json.key("venue")
        json.string(venue)
        json.endObject()
    }
}
