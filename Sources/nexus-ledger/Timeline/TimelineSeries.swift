import LedgerCore
import LedgerRPC

/// One line of the chart: a figure after each event that changed it.
struct TimelineSeries: Sendable {
    struct Point: Sendable {
        /// effective_at, µs; never before the point before it.
        var us: Int64
        /// nil while it is not known.
        var value: Fixed?
        /// What happened, for whoever points at it.
        var label: String
    }

    var name: String
    /// The asset that it is in.
    var unit: String
    /// Whether its points tell what they are.
    var isPointedAt: Bool
    var points: [Point] = []

    /// The position's net, realised P&L, funding and fees where its legs settle in one asset; else
    /// the net of each leg. None where the fold has nothing.
    static func all(of entries: [Nexus_Ledger_V1_TimelineEntry]) -> [TimelineSeries] {
        guard case .opened(let opened)? = entries.first?.event.parsedPayload else { return [] }
        var sums = LegSums(opened)
        var series = sums.series
        for (index, entry) in entries.enumerated() {
            guard entry.foldError.isEmpty, !entry.running.state.isEmpty else { break }
            sums.take(entry.running)
            var us = entry.event.effectiveAtUs
            // position_opened is folded first, whatever its time.
            if index == 0, entries.count > 1 { us = min(us, entries[1].event.effectiveAtUs) }
            let label =
                "\(Figures.instant(us: us, precise: true)) UTC, version \(entry.event.version), "
                + entry.event.type
            let isLast = index == entries.count - 1
            for (place, value) in sums.values.enumerated() {
                let known = series[place].points.last
                // What does not change needs no point of its own.
                if let known, known.value == value, !isLast { continue }
                series[place].points.append(Point(us: us, value: value, label: label))
            }
        }
        return series.filter { $0.isPointedAt || $0.points.contains { $0.value != .zero } }
    }
}

/// The last totals of each leg.
private struct LegSums {
    private struct Totals {
        var (realized, fees, funding): (Fixed?, Fixed?, Fixed?) = (.zero, .zero, .zero)
        var (adjustments, net): (Fixed?, Fixed?) = (.zero, .zero)
    }

    private let settle: String?
    private let legs: [LegTerms]
    private var totals: [Totals]
    private var positionNet: Fixed?

    init(_ opened: PositionOpened) {
        settle = opened.settle
        legs = opened.legs
        totals = Array(repeating: Totals(), count: opened.legs.count)
    }

    mutating func take(_ running: Nexus_Ledger_V1_RunningTotals) {
        positionNet = Fixed(running.positionNet)
        guard let index = legs.firstIndex(where: { $0.leg.isExactly(running.leg) }) else { return }
        totals[index] = Totals(
            realized: Fixed(running.realizedPrice), fees: Fixed(running.feeValue),
            funding: Fixed(running.funding), adjustments: Fixed(running.adjustments),
            net: Fixed(running.net))
    }

    /// Without points.
    var series: [TimelineSeries] {
        guard let settle else {
            return legs.map {
                TimelineSeries(name: "net of \($0.leg)", unit: $0.settle, isPointedAt: true)
            }
        }
        return [
            TimelineSeries(name: "net of the position", unit: settle, isPointedAt: true),
            TimelineSeries(name: "realised", unit: settle, isPointedAt: false),
            TimelineSeries(name: "funding", unit: settle, isPointedAt: false),
            TimelineSeries(name: "fees, taken off", unit: settle, isPointedAt: false),
            TimelineSeries(name: "adjustments", unit: settle, isPointedAt: false),
        ]
    }

    /// One for each of `series`.
    var values: [Fixed?] {
        guard settle != nil else { return totals.map(\.net) }
        return [
            positionNet, sum(\.realized), sum(\.funding), sum(\.fees)?.negated, sum(\.adjustments),
        ]
    }

    private func sum(_ figure: KeyPath<Totals, Fixed?>) -> Fixed? {
        var sum = ExactSum()
        for leg in totals {
            guard let value = leg[keyPath: figure] else { return nil }
            sum.add(value)
        }
        return try? sum.value()
    }
}
