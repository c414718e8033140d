import LedgerCore

/// What one event does to a leg, told by the rules of accounting.md §4. It makes the moves of
/// the fold one by one on a copy of the leg, and notes what each one comes to.
struct LegArithmetic {
    /// A part of a change: "2 · 1 · 101" and what it comes to; nil where that is not known.
    private struct Term {
        var text: String
        var change: Fixed?
    }

    private var leg: LegAccount
    private let valuedAt: LogPosition?
    private var qty: [Term] = []
    private var cost: [Term] = []
    private var realized: [Term] = []
    private var fees: [Term] = []
    private var funding: [Term] = []
    private var adjustments: [Term] = []
    /// Before the words of a fee that is traded.
    private var label = ""

    /// Begins with the leg before the event; `valuedAt` is where the log has the valuation that
    /// gives the event's rate.
    init(_ leg: LegAccount, valuedAt: LogPosition? = nil) {
        self.leg = leg
        self.valuedAt = valuedAt
    }

    /// The words for one figure.
    mutating func tell(
        _ payload: EventPayload, rate: Fixed?, _ figure: Timeline.Figure, of after: LegAccount
    ) throws(FixedError) -> String {
        switch payload {
        case .fill(let fill): try tell(fill, rate)
        case .fee(let fee): try tell(fee, rate)
        case .funding(let payment):
            try value(payment.amount, payment.asset, rate, noun: "booked", in: \.funding)
        case .adjustment(let adjustment): try tell(adjustment)
        case .opened, .feeValued, .mark, .closeRequested, .closed, .cancelled, .voided: break
        }
        switch figure {
        case .qty: return try LegArithmetic.sum(qty)
        case .openCost: return try LegArithmetic.sum(cost)
        case .realizedPrice: return try LegArithmetic.sum(realized)
        case .feeValue: return try LegArithmetic.sum(fees)
        case .funding: return try LegArithmetic.sum(funding)
        case .adjustments: return try LegArithmetic.sum(adjustments)
        case .net: return try net()
        case .avgEntryPx: return try LegArithmetic.average(after)
        }
    }

    // MARK: Events

    private mutating func tell(_ fill: Fill, _ rate: Fixed?) throws(FixedError) {
        let value = try leg.value(of: fill)
        let terms = leg.terms
        let words =
            terms.kind != .inverse
            ? "\(fill.qty) · \(terms.multiplier) · \(fill.px)"
            : fill.venueValue == nil
                ? "\(fill.qty) · \(terms.multiplier) / \(fill.px)" : "the venue's \(value)"
        try trade(fill.side.sign, fill.qty, value, words)
        if terms.isBaseFee(fill.feeAsset) {
            try baseFee(fill.fee, px: fill.px)
        } else {
            try self.value(
                fill.fee, fill.feeAsset, rate ?? fill.feeRate, noun: "fee", in: \.fees)
        }
    }

    private mutating func tell(_ fee: Fee, _ rate: Fixed?) throws(FixedError) {
        guard leg.terms.isBaseFee(fee.asset) else {
            let noun = "\(fee.category.rawValue) fee"
            try value(fee.amount, fee.asset, rate ?? fee.feeRate, noun: noun, in: \.fees)
            return
        }
        let tradePx = fee.tradeID.flatMap { leg.tradePrices[ExactText($0)] }
        try baseFee(fee.amount, px: tradePx ?? rate ?? fee.feeRate)
    }

    private mutating func tell(_ adjustment: Adjustment) throws(FixedError) {
        let before = leg.qty.signum
        if let delta = adjustment.qtyDelta { qty.append(Term(text: "qty_delta", change: delta)) }
        if let delta = adjustment.costDelta { cost.append(Term(text: "cost_delta", change: delta)) }
        if let delta = adjustment.cashDelta {
            adjustments.append(Term(text: "cash_delta", change: delta))
        }
        let left = try leg.openCost.adding(adjustment.costDelta ?? .zero)
        let qtyAfter = try leg.qty.adding(adjustment.qtyDelta ?? .zero)
        guard qtyAfter.isZero, !left.isZero else { return }
        cost.append(Term(text: "left at quantity 0, realised", change: left.negated))
        let gain = left.signed(-before * leg.orientation)
        realized.append(Term(text: "cost \(left) left at quantity 0", change: gain))
    }

    /// A fee or a payment in the settle asset, or in another one at its rate.
    private mutating func value(
        _ amount: Fixed, _ asset: String, _ rate: Fixed?, noun: String,
        in terms: WritableKeyPath<LegArithmetic, [Term]>
    ) throws(FixedError) {
        let words = "\(noun) \(amount) \(asset)"
        if asset.isExactly(leg.terms.settle) || (amount.isZero && terms == \LegArithmetic.fees) {
            self[keyPath: terms].append(Term(text: words, change: amount))
        } else if let rate {
            let value = try amount.multiplied(by: rate)
            let source = valuedAt.map { " (valued at log position \($0))" } ?? ""
            self[keyPath: terms].append(Term(text: "\(words) · \(rate)\(source)", change: value))
        } else {
            self[keyPath: terms].append(
                Term(text: "\(words) has no rate: not known", change: nil))
        }
    }

    // MARK: Trades

    private mutating func trade(
        _ side: Int, _ traded: Fixed, _ value: Fixed, _ words: String
    ) throws(FixedError) {
        guard !traded.isZero else { return }
        guard leg.qty.signum == -side else { return try increase(side, traded, value, words) }
        let held = leg.qty.magnitude
        guard traded > held else { return try reduce(side, traded, value, words) }
        let places = leg.terms.kind == .inverse ? leg.terms.settleScale : Fixed.scale
        let closing = min(
            try value.multiplied(by: held, dividedBy: traded, places: places), value)
        try reduce(side, held, closing, "(\(words)) · \(held) / \(traded)")
        let rest = try value.subtracting(closing)
        try increase(side, try traded.subtracting(held), rest, "\(value) − \(closing)")
    }

    private mutating func increase(
        _ side: Int, _ traded: Fixed, _ value: Fixed, _ words: String
    ) throws(FixedError) {
        _ = try leg.trade(side, qty: traded, value: value)
        noteQty(side, traded)
        cost.append(Term(text: "\(label)added \(words)", change: value))
    }

    private mutating func reduce(
        _ side: Int, _ traded: Fixed, _ value: Fixed, _ words: String
    ) throws(FixedError) {
        let old = leg
        let gain = try leg.trade(side, qty: traded, value: value)
        let released = try old.openCost.subtracting(leg.openCost)
        let held = old.qty.magnitude
        let share =
            traded == held
            ? "\(old.openCost)" : "\(old.openCost) · \(traded) / \(held)"
        noteQty(side, traded)
        cost.append(Term(text: "\(label)released −(\(share))", change: released.negated))
        let isGainByPrice = old.qty.signum * leg.orientation > 0
        let difference = isGainByPrice ? "\(value) − \(released)" : "\(released) − \(value)"
        let ofShare = traded == held ? "all of \(released)" : "\(share) = \(released)"
        let text = "\(label)value \(words) = \(value); released \(ofShare); \(difference)"
        realized.append(Term(text: text, change: gain))
    }

    private mutating func noteQty(_ side: Int, _ traded: Fixed) {
        let verb = side > 0 ? "bought" : "sold"
        qty.append(Term(text: "\(label)\(verb) \(traded)", change: traded.signed(side)))
    }

    /// A fee taken from a spot leg's own quantity is a trade of its own.
    private mutating func baseFee(_ amount: Fixed, px: Fixed?) throws(FixedError) {
        guard !amount.isZero else { return }
        let side = amount.isPositive ? -1 : 1
        let taken = amount.magnitude
        let asset = leg.terms.base
        label = "\(amount.isPositive ? "fee" : "rebate") in \(asset): "
        defer { label = "" }
        guard let px else {
            fees.append(Term(text: "fee \(amount) \(asset) has no price: not known", change: nil))
            return try leaveAtCost(side, taken)
        }
        let value = try taken.multiplied(by: px)
        try trade(side, taken, value, "\(taken) · \(px)")
        fees.append(
            Term(text: "fee \(amount) \(asset) · \(px)", change: value.signed(amount.signum)))
    }

    private mutating func leaveAtCost(_ side: Int, _ taken: Fixed) throws(FixedError) {
        let held = leg.qty.magnitude
        guard leg.qty.signum == -side else { return try trade(side, taken, .zero, "at no cost") }
        let share = "\(leg.openCost) · \(taken) / \(held), its cost"
        guard taken > held else {
            let value =
                taken == held
                ? leg.openCost : try leg.openCost.multiplied(by: taken, dividedBy: held)
            return try trade(side, taken, value, share)
        }
        let rest = try taken.subtracting(held)
        let restValue = try leg.openCost.multiplied(by: rest, dividedBy: held)
        let restShare = "\(leg.openCost) · \(rest) / \(held)"
        try trade(side, held, leg.openCost, "\(leg.openCost), its cost")
        try trade(side, rest, restValue, restShare)
    }

    // MARK: Words

    /// "a = 1", or "a = 1; b = 2; together 1 + 2 = 3".
    private static func sum(_ terms: [Term]) throws(FixedError) -> String {
        if let unknown = terms.first(where: { $0.change == nil }) { return unknown.text }
        let changes = terms.compactMap { term in
            term.change.flatMap { $0.isZero ? nil : (term.text, $0) }
        }
        let words = changes.map { text, change in "\(text) = \(change)" }.joined(separator: "; ")
        guard changes.count > 1 else { return words }
        return words + "; together " + (try written(changes.map(\.1)))
    }

    private static func total(_ terms: [Term]) throws(FixedError) -> Fixed? {
        var sum = ExactSum()
        for term in terms {
            guard let change = term.change else { return nil }
            sum.add(change)
        }
        return try sum.value()
    }

    /// "1 − 2 + 3 = 2"
    private static func written(_ values: [Fixed]) throws(FixedError) -> String {
        var sum = ExactSum()
        var text = ""
        for value in values {
            sum.add(value)
            if text.isEmpty {
                text = value.description
            } else {
                text += " \(value.isNegative ? "−" : "+") \(value.magnitude)"
            }
        }
        return "\(text) = \(try sum.value())"
    }

    private func net() throws(FixedError) -> String {
        var (words, values): ([String], [Fixed]) = ([], [])
        var isTakenOff = false
        for (figure, terms) in [
            (Timeline.Figure.realizedPrice, realized), (.feeValue, fees), (.funding, funding),
            (.adjustments, adjustments),
        ] {
            guard let total = try LegArithmetic.total(terms) else {
                return try LegArithmetic.sum(terms)
            }
            guard !total.isZero else { continue }
            isTakenOff = figure == .feeValue
            words.append("\(figure.rawValue): \(try LegArithmetic.sum(terms))")
            values.append(isTakenOff ? total.negated : total)
        }
        guard !values.isEmpty else { return "" }
        // One part's own words end in the change, but for a fee, which is taken off.
        guard values.count != 1 || isTakenOff else { return words[0] }
        let ending = values.count == 1 ? "taken off" : "net"
        let whole = values.count == 1 ? "= \(values[0])" : try LegArithmetic.written(values)
        return words.joined(separator: "; ") + "; \(ending) \(whole)"
    }

    private static func average(_ leg: LegAccount) throws(FixedError) -> String {
        guard let average = try leg.avgEntryPx() else {
            return leg.qty.isZero ? "flat: there is none" : "no cost: there is none"
        }
        let (cost, held, multiplier) = (leg.openCost, leg.qty.magnitude, leg.terms.multiplier)
        return leg.terms.kind == .inverse
            ? "\(held) · \(multiplier) / \(cost) = \(average)"
            : "\(cost) / (\(held) · \(multiplier)) = \(average)"
    }
}
