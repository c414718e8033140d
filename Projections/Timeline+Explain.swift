import LedgerCore

extension Timeline {
    /// A figure of a leg that can be explained, by its name in a timeline's totals.
    public enum Figure: String, CaseIterable, Hashable, Sendable {
        case realizedPrice = "realized_price"
        case feeValue = "fee_value"
        case funding
        case adjustments
        case net
        case qty
        case openCost = "open_cost"
        case avgEntryPx = "avg_entry_px"

        /// What the column of the table is called, where that is not the name.
        fileprivate static let headings: [String: Figure] = [
            "realised": .realizedPrice, "realized": .realizedPrice, "fees": .feeValue,
            "avg": .avgEntryPx, "avg_entry": .avgEntryPx, "cost": .openCost,
        ]

        /// Whether parts of it are known where it is not.
        fileprivate var isSum: Bool {
            switch self {
            case .feeValue, .funding, .net: true
            case .realizedPrice, .adjustments, .qty, .openCost, .avgEntryPx: false
            }
        }

        /// All names, for messages.
        public static var options: String {
            allCases.map(\.rawValue).joined(separator: ", ")
        }

        /// The figure as it stands; nil where it is not known or there is none.
        public func value(of leg: LegAccount) -> Fixed? {
            switch self {
            case .realizedPrice: leg.realizedPrice
            case .feeValue: leg.feeValue
            case .funding: leg.fundingValue
            case .adjustments: leg.adjustments
            case .net: (try? leg.net()) ?? nil
            case .qty: leg.qty
            case .openCost: leg.openCost
            case .avgEntryPx: (try? leg.avgEntryPx()) ?? nil
            }
        }
    }

    /// Which figure is to be explained, and of which leg.
    public struct Question: Hashable, Sendable {
        /// nil for all legs.
        public var leg: String?
        /// Of each leg.
        public var figure: Figure

        /// Takes them as they are.
        public init(leg: String? = nil, figure: Figure) {
            self.leg = leg
            self.figure = figure
        }

        /// Reads "net" or "LEG.net"; a leg's name may have dots itself. What the columns of the
        /// table are called is taken too: "fees".
        /// - Throws: `InvalidField` that names the choices.
        public init(parsing text: String) throws(InvalidField) {
            let dot = text.lastIndex(of: ".")
            let name = dot.map { String(text[text.index(after: $0)...]) } ?? text
            guard let figure = Figure(rawValue: name) ?? Figure.headings[name],
                dot != text.startIndex
            else {
                throw InvalidField(
                    "explain", text,
                    "must be one of \(Figure.options), or one of a leg: LEG.\(Figure.net.rawValue)")
            }
            self.figure = figure
            leg = dot.map { String(text[..<$0]) }
        }
    }

    /// What one event did to one figure of a leg.
    public struct FigureChange: Hashable, Sendable {
        /// The leg's name.
        public var leg: String
        /// Which of its figures.
        public var figure: Figure
        /// nil where it was not known, or there was none.
        public var before: Fixed?
        /// nil where it is not known, or there is none.
        public var after: Fixed?
        /// How it comes about, with the numbers: "added 2 · 1 · 101 = 202".
        public var arithmetic: String

        /// after − before; nil where one is not known.
        public var difference: Fixed? {
            guard let before, let after else { return nil }
            return try? after.subtracting(before)
        }
    }

    /// How `event` changed the figure; nil if it did not. A voided event changes nothing, and what
    /// a valuation changes stands at the event that it values. While the figure is not known, its
    /// parts are told all the same.
    public static func change(
        of question: Question, by event: Event, _ step: Step, from before: PositionAccount,
        to after: PositionAccount
    ) -> FigureChange? {
        guard step.voidedBy == nil, let name = event.payload.leg,
            question.leg?.isExactly(name) ?? true, let index = after.leg(named: name)
        else { return nil }
        let (old, new) = (before.legs[index], after.legs[index])
        let figure = question.figure
        let values = (figure.value(of: old), figure.value(of: new))
        guard values.0 != values.1 || (values.0 == nil && figure.isSum) else { return nil }
        var arithmetic = LegArithmetic(old, valuedAt: step.valuedAt)
        // What could be folded can be told; else the figures stand without words.
        let words = (try? arithmetic.tell(event.payload, rate: step.rate, figure, of: new)) ?? ""
        guard values.0 != values.1 || !words.isEmpty else { return nil }
        return FigureChange(
            leg: name, figure: figure, before: values.0, after: values.1, arithmetic: words)
    }
}
