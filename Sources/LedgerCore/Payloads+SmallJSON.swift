// How the payloads of few members are read and written; see Payloads+JSON.swift.

extension FeeValuation {
    init(_ reader: inout JSONReader) throws(InvalidField) {
        var target: UUID?
        var rate: Fixed?
        var source: String?
        var first = true
        try reader.beginObject()
        while let key = try reader.nextKey(first: &first) {
            if key == "target_event_id" {
                try keep(&target, "target_event_id", try reader.uuid("target_event_id"))
            } else if key == "rate" {
                try keep(&rate, "rate", try reader.decimal("rate", .notNegative))
            } else if key == "source" {
                try keep(&source, "source", try reader.text("source"))
            } else {
                throw unknown(key, allowed: FeeValuation.members)
            }
        }
        self.init(
            target: try require(target, "target_event_id"),
            rate: try require(rate, "rate"),
            source: try require(source, "source"))
    }

    static let members =
        "target_event_id, rate, source"

    func write(to json: inout CanonicalJSON) {
        json.beginObject()
        json.key("rate")
        json.decimal(rate)
        json.key("source")
        json.string(source)
        json.key("target_event_id")
        json.uuid(target)
        json.endObject()
    }
}

extension Mark {
    init(_ reader: inout JSONReader) throws(InvalidField) {
        var leg: String?
        var px: Fixed?
        var indexPx: Fixed?
        var marginRatio: Fixed?
        var liquidationPx: Fixed?
        var first = true
        try reader.beginObject()
        while let key = try reader.nextKey(first: &first) {
            if key == "leg" {
                try keep(&leg, "leg", try reader.text("leg"))
            } else if key == "px" {
                try keep(&px, "px", try reader.decimal("px", .positive))
            } else if key == "index_px" {
                try keep(&indexPx, "index_px", try reader.decimal("index_px", .positive))
            } else if key == "margin_ratio" {
                try keep(&marginRatio, "margin_ratio", try reader.decimal("margin_ratio"))
            } else if key == "liquidation_px" {
                try keep(
                    &liquidationPx, "liquidation_px",
                    try reader.decimal("liquidation_px", .notNegative))
            } else {
                throw unknown(key, allowed: Mark.members)
            }
        }
        self.init(
            leg: try require(leg, "leg"),
            px: try require(px, "px"),
            indexPx: indexPx,
            marginRatio: marginRatio,
            liquidationPx: liquidationPx)
    }

    static let members =
        "leg, px, index_px, margin_ratio, liquidation_px"

    func write(to json: inout CanonicalJSON) {
        json.beginObject()
        if let indexPx {
            json.key("index_px")
            json.decimal(indexPx)
        }
        json.key("leg")
        json.string(leg)
        if let liquidationPx {
            json.key("liquidation_px")
            json.decimal(liquidationPx)
        }
        if let marginRatio {
            json.key("margin_ratio")
            json.decimal(marginRatio)
        }
        json.key("px")
        json.decimal(px)
        json.endObject()
    }
}

extension Adjustment {
    init(_ reader: inout JSONReader) throws(InvalidField) {
        var leg: String?
        var category: String?
        var reason: String?
        var qtyDelta: Fixed?
        var costDelta: Fixed?
        var cashDelta: Fixed?
        var first = true
        try reader.beginObject()
        while let key = try reader.nextKey(first: &first) {
            if key == "leg" {
                try keep(&leg, "leg", try reader.text("leg"))
            } else if key == "category" {
                try keep(&category, "category", try reader.text("category"))
            } else if key == "reason" {
                try keep(
                    &reason, "reason",
                    try reader.text("reason", max: TextLimit.reasonBytesMax))
            } else if key == "qty_delta" {
                try keep(&qtyDelta, "qty_delta", try reader.decimal("qty_delta"))
            } else if key == "cost_delta" {
                try keep(&costDelta, "cost_delta", try reader.decimal("cost_delta"))
            } else if key == "cash_delta" {
                try keep(&cashDelta, "cash_delta", try reader.decimal("cash_delta"))
            } else {
                throw unknown(key, allowed: Adjustment.members)
            }
        }
        self.init(
            leg: try require(leg, "leg"),
            category: try require(category, "category"),
            reason: try require(reason, "reason"),
            qtyDelta: qtyDelta,
            costDelta: costDelta,
            cashDelta: cashDelta)
    }

    static let members =
        "leg, category, reason, qty_delta, cost_delta, cash_delta"

    func write(to json: inout CanonicalJSON) {
        json.beginObject()
        if let cashDelta {
            json.key("cash_delta")
            json.decimal(cashDelta)
        }
        json.key("category")
        json.string(category)
        if let costDelta {
            json.key("cost_delta")
            json.decimal(costDelta)
        }
        json.key("leg")
        json.string(leg)
        if let qtyDelta {
            json.key("qty_delta")
            json.decimal(qtyDelta)
        }
        json.key("reason")
        json.string(reason)
        json.endObject()
    }
}

extension EventVoid {
    init(_ reader: inout JSONReader) throws(InvalidField) {
        var target: UUID?
        var reason: String?
        var first = true
        try reader.beginObject()
        while let key = try reader.nextKey(first: &first) {
            if key == "target_event_id" {
                try keep(&target, "target_event_id", try reader.uuid("target_event_id"))
            } else if key == "reason" {
                try keep(
                    &reason, "reason",
                    try reader.text("reason", max: TextLimit.reasonBytesMax))
            } else {
                throw unknown(key, allowed: EventVoid.members)
            }
        }
        self.init(
            target: try require(target, "target_event_id"),
            reason: try require(reason, "reason"))
    }

    static let members =
        "target_event_id, reason"

    func write(to json: inout CanonicalJSON) {
        json.beginObject()
        json.key("reason")
        json.string(reason)
        json.key("target_event_id")
        json.uuid(target)
        json.endObject()
    }
}
