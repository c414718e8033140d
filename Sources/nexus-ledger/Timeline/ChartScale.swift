import Glibc
import LedgerCore

/// Where values stand on an axis, and the round numbers beside it.
struct ChartScale {
    struct Tick {
        var place: Double
        var label: String
    }

    /// From the first tick to the last, in the figure's own unit.
    let range: ClosedRange<Double>
    let ticks: [Tick]

    /// About so many ticks.
    private static let ticksWanted = 6.0

    /// For amounts: zero is always on it.
    init(values: [Double]) {
        let low = min(values.min() ?? 0, 0)
        let high = max(values.max() ?? 0, 0)
        let (digit, exponent) = ChartScale.step((high - low) / ChartScale.ticksWanted)
        let step = Double(digit) * pow(10, Double(exponent))
        var first = Int((low / step).rounded(.down))
        var last = Int((high / step).rounded(.up))
        if first == last { (first, last) = (first - 1, last + 1) }
        range = Double(first) * step...Double(last) * step
        ticks = (first...last).map { count in
            Tick(
                place: Double(count) * step,
                label: ChartScale.decimal(count * digit, exponent: exponent))
        }
    }

    /// For instants, in µs.
    init(from first: Int64, to last: Int64) {
        let end = max(last, first + Timestamp.secondInMicroseconds)
        range = Double(first)...Double(end)
        let wanted = Double(end - first) / ChartScale.ticksWanted
        let step =
            ChartScale.timeSteps.first {
                Double($0 * Timestamp.secondInMicroseconds) >= wanted
            } ?? ChartScale.timeSteps[ChartScale.timeSteps.count - 1]
        let us = step * Timestamp.secondInMicroseconds
        var ticks: [Tick] = []
        var at = first - first % us
        if at < first { at += us }
        while at <= end, ticks.count < ChartScale.ticksMax {
            ticks.append(Tick(place: Double(at), label: ChartScale.label(at, step)))
            at += us
        }
        self.ticks = ticks
    }

    /// Beyond the longest step the first ones are shown only.
    private static let ticksMax = 12
    /// In seconds, from one second to ten years.
    private static let timeSteps: [Int64] = [
        1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400,
        172_800, 604_800, 1_209_600, 2_592_000, 7_776_000, 15_552_000, 31_536_000, 157_680_000,
        315_360_000,
    ]
    private static let minute: Int64 = 60
    private static let day: Int64 = 86_400

    /// "2026-01-05", "01-05 08:00" or "08:00:05"
    private static func label(_ us: Int64, _ step: Int64) -> String {
        let text = Timestamp(microseconds: us).description
        if step >= day { return String(text.prefix(10)) }
        if step >= minute {
            return String(text.dropFirst(5).prefix(11)).replacing("T", with: " ")
        }
        return String(text.dropFirst(11).prefix(8))
    }

    /// 1, 2 or 5 times a power of ten, not below `wanted`.
    private static func step(_ wanted: Double) -> (digit: Int, exponent: Int) {
        guard wanted > 0 else { return (1, 0) }
        let exponent = Int(floor(log10(wanted)))
        let share = wanted / pow(10, Double(exponent))
        for digit in [1, 2, 5] where share <= Double(digit) { return (digit, exponent) }
        return (1, exponent + 1)
    }

    /// digits · 10^exponent, exactly.
    static func decimal(_ digits: Int, exponent: Int) -> String {
        guard digits != 0 else { return "0" }
        let sign = digits < 0 ? "-" : ""
        var text = String(digits.magnitude)
        guard exponent < 0 else { return sign + text + String(repeating: "0", count: exponent) }
        let places = -exponent
        if text.count <= places {
            text = String(repeating: "0", count: places - text.count + 1) + text
        }
        var fraction = text.suffix(places)
        while fraction.last == "0" { fraction.removeLast() }
        let whole = text.dropLast(places)
        return sign + whole + (fraction.isEmpty ? "" : "." + fraction)
    }

    /// From 0 (the first tick) to 1.
    func share(of value: Double) -> Double {
        (value - range.lowerBound) / (range.upperBound - range.lowerBound)
    }
}
