// How fills, funding and fees are read from JSON and written in canonical form; the rest is in
// Payloads+SmallJSON.swift, LegTerms+JSON.swift and PositionOpened+JSON.swift. The members are
// those of the table in accounting.md §2; they are written in the order of RFC 8785.

extension Fill {
    init(_ reader: inout JSONReader) throws(InvalidField) {
        var leg: String?
        var tradeID: String?
        var side: TradeSide?
        var qty: Fixed?
        var px: Fixed?
        var fee: Fixed?
        var feeAsset: String?
        var liquidity: Liquidity?
        var part: Int64?
        var orderID: String?
        var intent: FillIntent?
        var cause: FillCause?
        var venueValue: Fixed?
        var venueClosedPnl: Fixed?
        var refPx: Fixed?
        var feeRate: Fixed?
        var replaces: UUID?
        var first = true
        try reader.beginObject()
        while let key = try reader.nextKey(first: &first) {
            if key == "leg" {
                try keep(&leg, "leg", try reader.text("leg"))
            } else if key == "trade_id" {
                try keep(&tradeID, "trade_id", try reader.text("trade_id"))
            } else if key == "side" {
                try keep(&side, "side", try reader.choice("side", TradeSide.self))
            } else if key == "qty" {
                try keep(&qty, "qty", try reader.decimal("qty", .positive))
            } else if key == "px" {
                try keep(&px, "px", try reader.decimal("px", .positive))
            } else if key == "fee" {
                try keep(&fee, "fee", try reader.decimal("fee"))
            } else if key == "fee_asset" {
                try keep(&feeAsset, "fee_asset", try reader.text("fee_asset"))
            } else if key == "liquidity" {
                try keep(&liquidity, "liquidity", try reader.choice("liquidity", Liquidity.self))
            } else if key == "part" {
                try keep(&part, "part", try reader.integer("part", in: 0...Int64(Int32.max)))
            } else if key == "order_id" {
                try keep(&orderID, "order_id", try reader.text("order_id"))
            } else if key == "intent" {
                try keep(&intent, "intent", try reader.choice("intent", FillIntent.self))
            } else if key == "cause" {
                try keep(&cause, "cause", try reader.choice("cause", FillCause.self))
            } else if key == "venue_value" {
                try keep(
                    &venueValue, "venue_value",
                    try reader.decimal("venue_value", .notNegative))
            } else if key == "venue_closed_pnl" {
                try keep(
                    &venueClosedPnl, "venue_closed_pnl",
                    try reader.decimal("venue_closed_pnl"))
            } else if key == "ref_px" {
                try keep(&refPx, "ref_px", try reader.decimal("ref_px", .positive))
            } else if key == "fee_rate" {
                try keep(&feeRate, "fee_rate", try reader.decimal("fee_rate", .notNegative))
            } else if key == "replaces" {
                try keep(&replaces, "replaces", try reader.uuid("replaces"))
            } else {
                throw unknown(key, allowed: Fill.members)
            }
        }
        self.init(
            leg: try require(leg, "leg"),
            tradeID: try require(tradeID, "trade_id"),
            side: try require(side, "side"),
            qty: try require(qty, "qty"),
            px: try require(px, "px"),
            fee: try require(fee, "fee"),
            feeAsset: try require(feeAsset, "fee_asset"),
            liquidity: try require(liquidity, "liquidity"),
            part: part ?? 0,
            orderID: orderID,
            intent: intent,
            cause: cause,
            venueValue: venueValue,
            venueClosedPnl: venueClosedPnl,
            refPx: refPx,
            feeRate: feeRate,
            replaces: replaces)
    }

    static let members =
        "leg, trade_id, side, qty, px, fee, fee_asset, liquidity, part, order_id, "
        + "intent, cause, venue_value, venue_closed_pnl, ref_px, fee_rate, replaces"

    func write(to json: inout CanonicalJSON) {
        json.beginObject()
        if let cause {
            json.key("cause")
            json.string(cause.rawValue)
        }
        json.key("fee")
        json.decimal(fee)
        json.key("fee_asset")
        json.string(feeAsset)
        if let feeRate {
            json.key("fee_rate")
            json.decimal(feeRate)
        }
        if let intent {
            json.key("intent")
            json.string(intent.rawValue)
        }
        json.key("leg")
        json.string(leg)
        json.key("liquidity")
        json.string(liquidity.rawValue)
        if let orderID {
            json.key("order_id")
            json.string(orderID)
        }
        if part != 0 {
            json.key("part")
            json.integer(part)
        }
        json.key("px")
        json.decimal(px)
        json.key("qty")
        json.decimal(qty)
        if let refPx {
            json.key("ref_px")
            json.decimal(refPx)
        }
        if let replaces {
            json.key("replaces")
            json.uuid(replaces)
        }
        json.key("side")
        json.string(side.rawValue)
        json.key("trade_id")
        json.string(tradeID)
        if let venueClosedPnl {
            json.key("venue_closed_pnl")
            json.decimal(venueClosedPnl)
        }
        if let venueValue {
            json.key("venue_value")
            json.decimal(venueValue)
        }
        json.endObject()
    }
}

extension Funding {
    init(_ reader: inout JSONReader) throws(InvalidField) {
        var leg: String?
        var fundingTime: Timestamp?
        var amount: Fixed?
        var asset: String?
        var part: Int64?
        var rate: Fixed?
        var markPx: Fixed?
        var qty: Fixed?
        var interval: Int64?
        var venueTxnID: String?
        var replaces: UUID?
        var first = true
        try reader.beginObject()
        while let key = try reader.nextKey(first: &first) {
            if key == "leg" {
                try keep(&leg, "leg", try reader.text("leg"))
            } else if key == "funding_time" {
                try keep(&fundingTime, "funding_time", try reader.timestamp("funding_time"))
            } else if key == "amount" {
                try keep(&amount, "amount", try reader.decimal("amount"))
            } else if key == "asset" {
                try keep(&asset, "asset", try reader.text("asset"))
            } else if key == "part" {
                try keep(&part, "part", try reader.integer("part", in: 0...Int64(Int32.max)))
            } else if key == "rate" {
                try keep(&rate, "rate", try reader.decimal("rate"))
            } else if key == "mark_px" {
                try keep(&markPx, "mark_px", try reader.decimal("mark_px", .positive))
            } else if key == "qty" {
                try keep(&qty, "qty", try reader.decimal("qty"))
            } else if key == "interval_s" {
                try keep(
                    &interval, "interval_s",
                    try reader.integer("interval_s", in: 1...31_536_000))
            } else if key == "venue_txn_id" {
                try keep(&venueTxnID, "venue_txn_id", try reader.text("venue_txn_id"))
            } else if key == "replaces" {
                try keep(&replaces, "replaces", try reader.uuid("replaces"))
            } else {
                throw unknown(key, allowed: Funding.members)
            }
        }
        self.init(
            leg: try require(leg, "leg"),
            fundingTime: try require(fundingTime, "funding_time"),
            amount: try require(amount, "amount"),
            asset: try require(asset, "asset"),
            part: part ?? 0,
            rate: rate,
            markPx: markPx,
            qty: qty,
            interval: interval,
            venueTxnID: venueTxnID,
            replaces: replaces)
    }

    static let members =
        "leg, funding_time, amount, asset, part, rate, mark_px, qty, interval_s, "
        + "venue_txn_id, replaces"

    func write(to json: inout CanonicalJSON) {
        json.beginObject()
        json.key("amount")
        json.decimal(amount)
        json.key("asset")
        json.string(asset)
        json.key("funding_time")
        json.timestamp(fundingTime)
        if let interval {
            json.key("interval_s")
            json.integer(interval)
        }
        json.key("leg")
        json.string(leg)
        if let markPx {
            json.key("mark_px")
            json.decimal(markPx)
        }
        if part != 0 {
            json.key("part")
            json.integer(part)
        }
        if let qty {
            json.key("qty")
            json.decimal(qty)
        }
        if let rate {
            json.key("rate")
            json.decimal(rate)
        }
        if let replaces {
            json.key("replaces")
            json.uuid(replaces)
        }
        if let venueTxnID {
            json.key("venue_txn_id")
            json.string(venueTxnID)
        }
        json.endObject()
    }
}

extension Fee {
    init(_ reader: inout JSONReader) throws(InvalidField) {
        var leg: String?
        var amount: Fixed?
        var asset: String?
        var category: FeeCategory?
        var tradeID: String?
        var feeRate: Fixed?
        var first = true
        try reader.beginObject()
        while let key = try reader.nextKey(first: &first) {
            if key == "leg" {
                try keep(&leg, "leg", try reader.text("leg"))
            } else if key == "amount" {
                try keep(&amount, "amount", try reader.decimal("amount"))
            } else if key == "asset" {
                try keep(&asset, "asset", try reader.text("asset"))
            } else if key == "category" {
                try keep(&category, "category", try reader.choice("category", FeeCategory.self))
            } else if key == "trade_id" {
                try keep(&tradeID, "trade_id", try reader.text("trade_id"))
            } else if key == "fee_rate" {
                try keep(&feeRate, "fee_rate", try reader.decimal("fee_rate", .notNegative))
            } else {
                throw unknown(key, allowed: Fee.members)
            }
        }
        self.init(
            leg: try require(leg, "leg"),
            amount: try require(amount, "amount"),
            asset: try require(asset, "asset"),
            category: try require(category, "category"),
            tradeID: tradeID,
            feeRate: feeRate)
    }

    static let members =
        "leg, amount, asset, category, trade_id, fee_rate"

    func write(to json: inout CanonicalJSON) {
        json.beginObject()
        json.key("amount")
        json.decimal(amount)
        json.key("asset")
        json.string(asset)
        json.key("category")
        json.string(category.rawValue)
        if let feeRate {
            json.key("fee_rate")
            json.decimal(feeRate)
        }
        json.key("leg")
        json.string(leg)
        if let tradeID {
            json.key("trade_id")
            json.string(tradeID)
        }
        json.endObject()
    }
}
