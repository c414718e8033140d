import LedgerCore

extension Timeline {
    /// One thing that must hold after an event, and the numbers that show whether it does.
    public struct Invariant: Hashable, Sendable {
        /// What must hold: "realized_price = cash + sign·open_cost".
        public var rule: String
        /// Whether it does.
        public var holds: Bool
        /// The numbers on both sides.
        public var detail: String

        /// Takes them as they are.
        public init(rule: String, holds: Bool, detail: String) {
            self.rule = rule
            self.holds = holds
            self.detail = detail
        }
    }

    /// What must hold after `event` (accounting.md §§4 and 6): of its place in the log, of the leg
    /// that it concerns (of every leg where it names none), and of the position.
    /// - Parameters:
    ///   - previous: The event before it by version; nil for the first.
    ///   - account: As it is after the event; nil where the fold has stopped.
    public static func invariants(
        after event: Event, previous: Event?, account: PositionAccount?
    ) -> [Invariant] {
        var found: [Invariant] = []
        if let previous {
            found.append(order(of: event, after: previous))
            found.append(clock(of: event, after: previous))
        }
        guard let account else { return found }
        let named = event.payload.leg.flatMap { account.leg(named: $0) }
        for (index, leg) in account.legs.enumerated() where named == nil || named == index {
            found += leg.invariants
        }
        found.append(account.netInvariant)
        return found
    }

    private static func order(of event: Event, after previous: Event) -> Invariant {
        Invariant(
            rule: "log position rises with the version",
            holds: event.version > previous.version && event.logPosition > previous.logPosition,
            detail: "version \(event.version) at \(event.logPosition), "
                + "version \(previous.version) at \(previous.logPosition)")
    }

    private static func clock(of event: Event, after previous: Event) -> Invariant {
        Invariant(
            rule: "recorded_at does not fall along versions",
            holds: event.recordedAt >= previous.recordedAt,
            detail: "\(event.recordedAt) after \(previous.recordedAt)")
    }
}

extension LegAccount {
    /// What must hold of the leg at any moment.
    fileprivate var invariants: [Timeline.Invariant] {
        [cashInvariant, costInvariant, flatInvariant, partsInvariant, daysInvariant]
    }

    private func invariant(_ rule: String, _ holds: Bool, _ detail: String) -> Timeline.Invariant {
        Timeline.Invariant(rule: rule, holds: holds, detail: "\(terms.leg): \(detail)")
    }

    /// `cash` of an inverse leg is kept with the other sign, and so is its cost.
    private var cashInvariant: Timeline.Invariant {
        let sign = qty.signum * orientation
        let held = ExactSum(cash, openCost.signed(sign))
        return invariant(
            "realized_price = cash + sign·open_cost", held == ExactSum(realizedPrice),
            "\(realizedPrice) = \(cash.operand) + \(sign < 0 ? "(\(sign))" : "\(sign)") · "
                + openCost.description)
    }

    private var costInvariant: Timeline.Invariant {
        invariant("open_cost ≥ 0", !openCost.isNegative, "\(openCost) ≥ 0")
    }

    private var flatInvariant: Timeline.Invariant {
        let rule = "flat ⇒ open_cost = 0 and unrealised = 0"
        guard qty.isZero else { return invariant(rule, true, "not flat, quantity \(qty)") }
        let px = mark?.px ?? .one
        let unrealized = try? unrealized(at: px)
        return invariant(
            rule, openCost.isZero && unrealized == .zero,
            "flat, open_cost \(openCost), unrealised \(unrealized.text) at \(px)")
    }

    private var partsInvariant: Timeline.Invariant {
        let rule = "net = realized_price − fee_value + funding + adjustments"
        guard let feeValue, let fundingValue else {
            let isNone = if case .some(.some) = try? net() { false } else { true }
            return invariant(rule, isNone, "not known: a fee or a payment has no value yet")
        }
        let parts = ExactSum(realizedPrice, feeValue.negated, fundingValue, adjustments)
        let net = try? net()
        return invariant(
            rule, net.map { ExactSum($0) == parts } ?? ((try? parts.value()) == nil),
            "\(net.text) = \(realizedPrice) − \(feeValue.operand) + \(fundingValue.operand) + "
                + adjustments.operand)
    }

    /// Of fees and funding the valued parts, so that it is checked while some have no value too.
    private var daysInvariant: Timeline.Invariant {
        var (price, fees, funding, cash) = (ExactSum(), ExactSum(), ExactSum(), ExactSum())
        for day in days {
            price.add(day.pricePnl)
            fees.add(day.feesKnown)
            funding.add(day.fundingKnown)
            cash.add(day.adjustments)
        }
        let pairs = [
            ("price_pnl", price, realizedPrice), ("fees", fees, feeValueKnown),
            ("funding", funding, fundingKnown), ("adjustments", cash, adjustments),
        ]
        let unvalued = days.reduce(0) { $0 + $1.unvaluedFees + $1.unvaluedFunding }
        let words = pairs.map { name, sum, total in "\(name) \((try? sum.value()).text) = \(total)"
        }
        return invariant(
            "Σ days of the leg = its totals",
            pairs.allSatisfy { $0.1 == ExactSum($0.2) }
                && unvalued == unvaluedFees + unvaluedFunding,
            "\(days.count) day\(days.count == 1 ? "" : "s"): " + words.joined(separator: ", "))
    }
}

extension PositionAccount {
    fileprivate var netInvariant: Timeline.Invariant {
        let rule = "Σ legs = net of the position"
        let net = try? net()
        guard opened.settle != nil else {
            return Timeline.Invariant(
                rule: rule, holds: net == nil,
                detail: "\(net.text): the legs settle in several assets")
        }
        var sum = ExactSum()
        var words: [String] = []
        for leg in legs {
            guard let feeValue = leg.feeValue, let funding = leg.fundingValue else {
                return Timeline.Invariant(
                    rule: rule, holds: net == nil,
                    detail: "\(net.text): leg \(leg.terms.leg) has none yet")
            }
            sum.add(
                ExactSum(leg.realizedPrice, feeValue.negated, funding, leg.adjustments))
            words.append((try? leg.net())?.operand ?? "beyond the range")
        }
        return Timeline.Invariant(
            rule: rule, holds: net.map { ExactSum($0) == sum } ?? ((try? sum.value()) == nil),
            detail: "\(net.text) = " + words.joined(separator: " + "))
    }
}

extension ExactSum {
    fileprivate init(_ terms: Fixed...) {
        self.init()
        for term in terms { add(term) }
    }
}

extension Fixed {
    /// As it reads after an operator: a negative one stands in brackets.
    var operand: String { isNegative ? "(\(description))" : description }
}

extension Fixed? {
    fileprivate var text: String { self?.description ?? "none" }
}
