extension PositionOpened {
    init(_ reader: inout JSONReader) throws(InvalidField) {
        var strategy: String?
        var asset: String?
        var legs: [LegTerms]?
        var mode: String?
        var reportCurrency: String?
        var opportunityID: String?
        var signal: EntrySignal?
        var tags: Tags?
        var first = true
        try reader.beginObject()
        while let key = try reader.nextKey(first: &first) {
            if key == "strategy" {
                try keep(&strategy, "strategy", try reader.text("strategy"))
            } else if key == "asset" {
                try keep(&asset, "asset", try reader.text("asset"))
            } else if key == "legs" {
                try keep(&legs, "legs", try PositionOpened.legs(&reader))
            } else if key == "mode" {
                try keep(&mode, "mode", try reader.text("mode"))
            } else if key == "report_currency" {
                try keep(&reportCurrency, "report_currency", try reader.text("report_currency"))
            } else if key == "opportunity_id" {
                try keep(&opportunityID, "opportunity_id", try reader.text("opportunity_id"))
            } else if key == "signal" {
                try keep(&signal, "signal", try EntrySignal.read(&reader))
            } else if key == "tags" {
                try keep(&tags, "tags", try Tags.read(&reader))
            } else {
                throw unknown(key, allowed: PositionOpened.members)
            }
        }
        self.init(
            strategy: try require(strategy, "strategy"), asset: try require(asset, "asset"),
            legs: try require(legs, "legs"), mode: mode, reportCurrency: reportCurrency,
            opportunityID: opportunityID, signal: signal, tags: tags)
        for name in (signal?.refPx.keys).map(Array.init) ?? []
        where !self.legs.contains(where: { $0.leg.isExactly(name) }) {
            throw InvalidField("signal.ref_px", name, "must name a leg of `legs`")
        }
    }

    static let members =
        "strategy, asset, legs, mode, report_currency, opportunity_id, signal, tags"

    private static func legs(_ reader: inout JSONReader) throws(InvalidField) -> [LegTerms]? {
        if try reader.null() { return nil }
        guard reader.kind() == .array else {
            throw InvalidField("legs", "", "must be an array of at least one leg")
        }
        var legs: [LegTerms] = []
        var first = true
        try reader.beginArray()
        while try reader.nextElement(first: &first) {
            let path = "legs[\(legs.count)]"
            guard legs.count < TextLimit.legsMax else {
                throw InvalidField("legs", "", "must have at most \(TextLimit.legsMax) legs")
            }
            let terms: LegTerms
            do throws(InvalidField) { terms = try LegTerms(&reader) } catch {
                throw error.within(path)
            }
            guard !legs.contains(where: { $0.leg.isExactly(terms.leg) }) else {
                throw InvalidField(path + ".leg", terms.leg, "names of legs must be distinct")
            }
            legs.append(terms)
        }
        guard !legs.isEmpty else { throw InvalidField("legs", "[]", "needs at least one leg") }
        return legs
    }

    func write(to json: inout CanonicalJSON) {
        json.beginObject()
        json.key("asset")
        json.string(asset)
        json.key("legs")
        json.beginArray()
        for leg in legs { leg.write(to: &json) }
        json.endArray()
        if let mode {
            json.key("mode")
            json.string(mode)
        }
        if let opportunityID {
            json.key("opportunity_id")
            json.string(opportunityID)
        }
        if let reportCurrency {
            json.key("report_currency")
            json.string(reportCurrency)
        }
        if let signal {
            json.key("signal")
            signal.write(to: &json)
        }
        json.key("strategy")
        json.string(strategy)
        if let tags {
            json.key("tags")
            tags.write(to: &json)
        }
        json.endObject()
    }
}

extension EntrySignal {
    static func read(_ reader: inout JSONReader) throws(InvalidField) -> EntrySignal? {
        if try reader.null() { return nil }
        do throws(InvalidField) { return try EntrySignal(&reader) } catch {
            throw error.within("signal")
        }
    }

    private init(_ reader: inout JSONReader) throws(InvalidField) {
        var decidedAt: Timestamp?
        var refPx: [String: Fixed]?
        var spread: Fixed?
        var first = true
        try reader.beginObject()
        while let key = try reader.nextKey(first: &first) {
            if key == "decided_at" {
                try keep(&decidedAt, "decided_at", try reader.timestamp("decided_at"))
            } else if key == "ref_px" {
                try keep(&refPx, "ref_px", try EntrySignal.prices(&reader))
            } else if key == "expected_spread_bps" {
                try keep(&spread, "expected_spread_bps", try reader.decimal("expected_spread_bps"))
            } else {
                throw unknown(key, allowed: "decided_at, ref_px, expected_spread_bps")
            }
        }
        self.init(decidedAt: decidedAt, refPx: refPx ?? [:], expectedSpreadBps: spread)
    }

    private static func prices(
        _ reader: inout JSONReader
    ) throws(InvalidField) -> [String: Fixed]? {
        if try reader.null() { return nil }
        guard reader.kind() == .object else {
            throw InvalidField("ref_px", "", "must be an object of prices by leg")
        }
        var prices: [String: Fixed] = [:]
        var first = true
        try reader.beginObject()
        while let key = try reader.nextKey(first: &first) {
            guard let name = String(validating: key.bytes, as: UTF8.self) else {
                throw InvalidField("ref_px", key.text, "a name in it is not UTF-8")
            }
            guard let price = try reader.decimal("ref_px", .positive) else { continue }
            guard prices.updateValue(price, forKey: name) == nil else {
                throw InvalidField("ref_px", name, "named twice")
            }
        }
        return prices
    }

    func write(to json: inout CanonicalJSON) {
        json.beginObject()
        if let decidedAt {
            json.key("decided_at")
            json.timestamp(decidedAt)
        }
        if let expectedSpreadBps {
            json.key("expected_spread_bps")
            json.decimal(expectedSpreadBps)
        }
        if !refPx.isEmpty {
            json.key("ref_px")
            json.beginObject()
            for leg in refPx.keys.sorted(by: JSONValue.precedes) {
                guard let price = refPx[leg] else { continue }
                json.key(leg)
                json.decimal(price)
            }
            json.endObject()
        }
        json.endObject()
    }
}

extension Tags {
    static func read(_ reader: inout JSONReader) throws(InvalidField) -> Tags? {
        if try reader.null() { return nil }
        let value: JSONValue
        do throws(InvalidField) { value = try JSONValue(&reader) } catch {
            throw error.within("tags")
        }
        let wrong = InvalidField(
            "tags", "",
            "must be an array of strings or an object of strings, at most \(TextLimit.tagsMax)")
        switch value {
        case .array(let elements):
            guard elements.count <= TextLimit.tagsMax else { throw wrong }
            var words: [String] = []
            for case .string(let word) in elements {
                try checkText(word, "tags", max: TextLimit.nameBytesMax)
                words.append(word)
            }
            guard words.count == elements.count else { throw wrong }
            return .list(words)
        case .object(let members):
            guard members.count <= TextLimit.tagsMax else { throw wrong }
            var words: [String: String] = [:]
            for (name, member) in members where member != .null {
                guard case .string(let word) = member else { throw wrong }
                try checkText(name, "tags", max: TextLimit.nameBytesMax)
                try checkText(word, "tags." + name, max: TextLimit.nameBytesMax)
                words[name] = word
            }
            return .map(words)
        default: throw wrong
        }
    }

    /// The canonical JSON of the labels.
    public func write(to json: inout CanonicalJSON) {
        switch self {
        case .list(let words): JSONValue.array(words.map { .string($0) }).write(to: &json)
        case .map(let words): JSONValue.object(words.mapValues { .string($0) }).write(to: &json)
        }
    }
}
