import LedgerCore

/// One payment of the exchange's `userFunding`.
///
/// Source: Hyperliquid's documentation, "Info endpoint", "Retrieve a user's funding history":
/// {time, hash, delta: {type: "funding", coin, usdc, szi, fundingRate, nSamples}}. `usdc` is + when
/// received, `szi` the signed position at the settlement. Before June 2023 one record was the sum
/// of `nSamples` settlements, and `szi` and `fundingRate` their averages.
struct HyperliquidFunding: Hashable, Sendable {
    var place: HyperliquidImport.Place
    var coin: String
    /// As stamped: at the hour or a moment later.
    var time: Timestamp
    /// + received, − paid.
    var amount: Fixed
    var szi: Fixed
    var rate: Fixed
    var samples: Int
    var hash: String?

    /// - Throws: The member that is missing or wrong; the record is then left out.
    init(_ record: JSONValue, at place: HyperliquidImport.Place) throws(InvalidField) {
        guard let delta = record["delta"] else {
            throw InvalidField("delta", "", "is missing: this is no record of user funding")
        }
        let outer = HyperliquidMember(record)
        let member = HyperliquidMember(delta)
        let type = try member.text("type")
        guard type == "funding" else { throw InvalidField("type", type, "is not funding") }
        self.place = place
        coin = try member.text("coin")
        time = try outer.time("time")
        amount = try member.decimal("usdc")
        szi = try member.decimal("szi")
        rate = try member.decimal("fundingRate")
        samples = delta["nSamples"]?.text.flatMap { Int($0) } ?? 1
        hash = record["hash"]?.text
        // The long side pays when the rate is above 0 (accounting.md §2, Signs).
        guard amount.isZero || amount.signum == -szi.signum * rate.signum else {
            throw InvalidField(
                "usdc", amount.description,
                "has not the sign of −szi·fundingRate (\(szi) at \(rate))")
        }
    }

    /// The settlement that it belongs to.
    var hour: Timestamp { time.floored(toSeconds: EventIdentity.fundingIntervalDefault) }

    func repeats(_ other: HyperliquidFunding) -> Bool {
        amount == other.amount && szi == other.szi && rate == other.rate
    }

    /// Whether the payment was made on a position of `qty`: exactly, or in sign for an average.
    func isOn(_ qty: Fixed) -> Bool {
        samples > 1 ? qty.signum == szi.signum && !qty.isZero : qty == szi && !qty.isZero
    }

    func event(of draft: HyperliquidDraft) throws(InvalidField) -> NewEvent {
        let isRealHash = hash?.contains { $0 != "0" && $0 != "x" } ?? false
        let funding = Funding(
            leg: draft.terms.leg, fundingTime: time, amount: amount, asset: draft.terms.settle,
            rate: rate, qty: szi, venueTxnID: isRealHash ? hash : nil)
        return try NewEvent(
            positionID: draft.id, payload: .funding(funding), effectiveAt: time,
            source: .venueREST)
    }

    enum Owner {
        case draft(Int)
        case none(because: String)
    }

    /// The draft that held the position at the settlement. Fills of that very moment may be before
    /// or after it: what was held tells. `drafts` are those of the coin, one after the other.
    func owner(among drafts: [HyperliquidDraft]) -> Owner {
        guard let first = drafts.first else {
            return .none(because: "no fill of its coin was taken")
        }
        guard hour >= first.openedAt else {
            return .none(because: "it is from before the first fill of its coin that was taken")
        }
        let near = near(hour, in: drafts)
        for inclusive in [false, true] {
            let found = near.first { isOn(drafts[$0].qty(at: hour, inclusive: inclusive)) }
            if let found { return .draft(found) }
        }
        let held = near.map { drafts[$0].qty(at: hour, inclusive: true) }.first { !$0.isZero }
        guard let held else {
            return .none(because: "no position of its coin was open at its hour")
        }
        return .none(
            because: "it was paid on \(szi) \(coin) at \(hour), but the fills come to \(held): "
                + "fills are missing")
    }

    /// The drafts that had begun by `time` and had not ended before.
    private func near(_ time: Timestamp, in drafts: [HyperliquidDraft]) -> Range<Int> {
        var low = 0
        var high = drafts.count
        while low < high {
            let middle = (low + high) / 2
            if drafts[middle].openedAt <= time { low = middle + 1 } else { high = middle }
        }
        var start = low
        while start > 0, !drafts[start - 1].hasEnded(before: time) { start -= 1 }
        return start..<low
    }
}
