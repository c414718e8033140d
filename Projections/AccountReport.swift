import LedgerCore

/// The account as `fold` prints it (accounting.md §7).
public struct AccountReport {
    private let account: PositionAccount

    /// Takes the account of a whole stream.
    public init(_ account: PositionAccount) {
        self.account = account
    }

    /// Appends the account's JSON object.
    /// - Throws: a total that leaves the range; the fold of the position has then failed.
    public func write(to json: inout CanonicalJSON) throws(FixedError) {
        json.beginObject()
        json.key("position_id")
        json.uuid(account.positionID)
        json.key("state")
        json.string(account.state.rawValue)
        json.key("flags")
        write(try account.flags(), to: &json)
        json.key("legs")
        json.beginArray()
        for leg in account.legs { try write(leg, to: &json) }
        json.endArray()
        json.key("days")
        json.beginArray()
        for day in try account.days() { try write(day, to: &json) }
        json.endArray()
        json.endObject()
    }

    private func write(_ flags: [PositionFlag], to json: inout CanonicalJSON) {
        json.beginArray()
        for flag in flags { json.string(flag.rawValue) }
        json.endArray()
    }

    private func write(_ leg: LegAccount, to json: inout CanonicalJSON) throws(FixedError) {
        json.beginObject()
        json.key("leg")
        json.string(leg.terms.leg)
        json.key("flags")
        write(leg.flags, to: &json)
        json.key("qty")
        json.decimal(leg.qty)
        json.key("open_cost")
        json.decimal(leg.openCost)
        json.key("avg_entry_px")
        json.optional(try leg.avgEntryPx())
        json.key("realized_price")
        json.decimal(leg.realizedPrice)
        json.key("fees")
        leg.fees.write(to: &json)
        json.key("fee_value")
        json.optional(leg.feeValue)
        json.key("funding")
        leg.funding.write(to: &json)
        json.key("adjustments")
        json.decimal(leg.adjustments)
        json.key("net")
        json.optional(try leg.net())
        json.endObject()
    }

    private func write(_ day: PositionDay, to json: inout CanonicalJSON) throws(FixedError) {
        json.beginObject()
        json.key("day")
        json.string(day.day.description)
        json.key("venue")
        json.string(day.venue)
        json.key("settle")
        json.string(day.settle)
        json.key("price_pnl")
        json.decimal(day.pricePnl)
        json.key("fees")
        json.optional(day.fees)
        json.key("funding")
        json.optional(day.funding)
        json.key("adjustments")
        json.decimal(day.adjustments)
        json.key("net")
        json.optional(day.net)
        json.endObject()
    }
}

extension CanonicalJSON {
    /// A decimal, or null.
    public mutating func optional(_ value: Fixed?) {
        if let value { decimal(value) } else { null() }
    }
}
