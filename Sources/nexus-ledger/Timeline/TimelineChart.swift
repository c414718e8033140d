import LedgerCore

/// The running P&L in one asset as an inline SVG: a step line for each series over effective time.
struct TimelineChart {
    private static let width = 960.0
    private static let height = 340.0
    private static let (top, right, bottom) = (14.0, 18.0, 46.0)
    /// Between the last point and the edge, so that its value can be seen.
    private static let rest = 12.0
    /// Of a label's digit.
    private static let digitWidth = 6.6
    /// Series with a colour of their own; further ones repeat them.
    private static let colours = 6
    /// Points that can be pointed at, a series.
    private static let hitsMax = 400
    /// Up to so many, points are drawn as dots.
    private static let dotsMax = 80

    /// A point in the picture.
    private struct Spot {
        var x: Double
        var y: Double?
        var index: Int
    }

    /// Of its elements.
    private let id: String
    private let series: [TimelineSeries]
    private let values: ChartScale
    private let times: ChartScale
    private let left: Double

    /// A chart for each asset, as amounts of two have no scale in common; none where there is
    /// nothing to draw.
    static func all(of series: [TimelineSeries]) -> [TimelineChart] {
        var units: [String] = []
        for line in series where !units.contains(where: { $0.isExactly(line.unit) }) {
            units.append(line.unit)
        }
        return units.enumerated().compactMap { index, unit in
            TimelineChart(
                series.filter { $0.unit.isExactly(unit) },
                id: index == 0 ? "chart" : "chart-\(index + 1)")
        }
    }

    private init?(_ series: [TimelineSeries], id: String) {
        let points = series.flatMap(\.points)
        guard let first = points.map(\.us).min(), let last = points.map(\.us).max() else {
            return nil
        }
        self.id = id
        self.series = series
        times = ChartScale(from: first, to: last)
        values = ChartScale(values: points.compactMap { $0.value.map(TimelineChart.double) })
        let digits = values.ticks.map(\.label.count).max() ?? 1
        left = Double(digits) * TimelineChart.digitWidth + 34
    }

    /// For drawing only.
    private static func double(_ value: Fixed) -> Double { Double(value.description) ?? 0 }

    private func x(_ us: Double) -> Double {
        let inner = TimelineChart.width - left - TimelineChart.right - TimelineChart.rest
        return left + times.share(of: us) * inner
    }

    private func y(_ value: Double) -> Double {
        let inner = TimelineChart.height - TimelineChart.top - TimelineChart.bottom
        return TimelineChart.top + (1 - values.share(of: value)) * inner
    }

    // MARK: Writing

    func write(to page: inout Markup) {
        let box = "0 0 \(Int(TimelineChart.width)) \(Int(TimelineChart.height))"
        page.element("figure") { page in
            page.element(
                "svg",
                [
                    ("id", id), ("class", "chart"), ("viewBox", box), ("role", "img"),
                    ("aria-labelledby", "\(id)-title \(id)-desc"),
                ]
            ) { page in
                page.element("title", [("id", "\(id)-title")], text: "Running P&L")
                page.element("desc", [("id", "\(id)-desc")], text: description)
                writeAxes(to: &page)
                for (index, line) in series.enumerated() {
                    page.open(
                        "path",
                        [("class", "line \(colour(index))"), ("d", path(spots(of: line)))])
                    page.raw("</path>")
                }
                for (index, line) in series.enumerated() where line.isPointedAt {
                    writeHits(line, index, to: &page)
                }
            }
            writeLegend(to: &page)
        }
    }

    private func colour(_ index: Int) -> String { "s\(index % TimelineChart.colours)" }

    /// What the picture shows, for whoever does not see it.
    private var description: String {
        let lines = series.map { line in
            let known = line.points.compactMap(\.value)
            let last = line.points.last?.value.map { "ends at \($0) \(line.unit)" }
            guard let low = known.min(), let high = known.max() else {
                return "\(line.name) is not known"
            }
            return "\(line.name) \(last ?? "is not known at the end"), least \(low), most \(high)"
        }
        return "After each event, over the time at the venue (UTC): "
            + lines.joined(separator: "; ")
    }

    private func writeAxes(to page: inout Markup) {
        let (right, floor) = (
            TimelineChart.width - TimelineChart.right,
            TimelineChart.height - TimelineChart.bottom
        )
        for tick in values.ticks {
            let y = y(tick.place)
            page.element(
                "line",
                [
                    ("class", tick.place == 0 ? "grid zero" : "grid"), ("x1", number(left)),
                    ("y1", number(y)), ("x2", number(right)), ("y2", number(y)),
                ]
            ) { _ in }
            page.element(
                "text",
                [("class", "tick end"), ("x", number(left - 7)), ("y", number(y + 4))],
                text: tick.label)
        }
        let half = 34.0
        for tick in times.ticks {
            let x = x(tick.place)
            page.element(
                "line",
                [
                    ("class", "grid"), ("x1", number(x)), ("y1", number(floor)),
                    ("x2", number(x)), ("y2", number(floor + 4)),
                ]
            ) { _ in }
            page.element(
                "text",
                [
                    ("class", "tick middle"),
                    ("x", number(min(max(x, half), TimelineChart.width - half))),
                    ("y", number(floor + 18)),
                ],
                text: tick.label)
        }
        page.element(
            "text",
            [
                ("class", "axis middle"), ("transform", "rotate(-90)"),
                ("x", number(-(TimelineChart.top + floor) / 2)), ("y", "12"),
            ],
            text: series.first?.unit ?? "")
        page.element(
            "text",
            [
                ("class", "axis middle"), ("x", number((left + right) / 2)),
                ("y", number(TimelineChart.height - 8)),
            ],
            text: "effective time (UTC)")
    }

    private func writeHits(_ line: TimelineSeries, _ index: Int, to page: inout Markup) {
        var shown = spots(of: line)
        var width = 1.0
        while shown.count > TimelineChart.hitsMax, width < TimelineChart.width {
            width *= 2
            shown = TimelineChart.thinned(shown, width)
        }
        let isDotted = shown.count <= TimelineChart.dotsMax
        for spot in shown {
            guard let y = spot.y else { continue }
            let point = line.points[spot.index]
            let value = point.value?.description ?? Figures.null
            let place: [Markup.Attribute] = [("cx", number(spot.x)), ("cy", number(y))]
            if isDotted {
                let look: [Markup.Attribute] = [("class", "dot \(colour(index))"), ("r", "2")]
                page.element("circle", look + place) { _ in }
            }
            let look: [Markup.Attribute] = [("class", "hit \(colour(index))"), ("r", "6")]
            page.element("circle", look + place) {
                $0.element("title", text: "\(line.name) \(value) \(line.unit): \(point.label)")
            }
        }
    }

    private func writeLegend(to page: inout Markup) {
        page.element("figcaption") { page in
            page.element("ul", [("class", "legend")]) { page in
                for (index, line) in series.enumerated() {
                    page.element("li") { page in
                        page.element(
                            "svg",
                            [
                                ("class", "swatch"), ("viewBox", "0 0 28 6"),
                                ("aria-hidden", "true"),
                            ]
                        ) {
                            $0.open(
                                "path", [("class", "line \(colour(index))"), ("d", "M0 3H28")])
                            $0.raw("</path>")
                        }
                        let value = line.points.last?.value?.description ?? Figures.null
                        page.text("\(line.name): \(value) \(line.unit)")
                    }
                }
            }
        }
    }

    // MARK: Lines

    private func spots(of line: TimelineSeries) -> [Spot] {
        let all = line.points.enumerated().map { index, point in
            Spot(
                x: x(Double(point.us)), y: point.value.map { y(TimelineChart.double($0)) },
                index: index)
        }
        return TimelineChart.thinned(all, 1)
    }

    /// Of the points in a strip of `width`, those that can be told apart: the first, the last, the
    /// highest, the lowest, and where a value is missing.
    private static func thinned(_ spots: [Spot], _ width: Double) -> [Spot] {
        var kept: [Spot] = []
        var start = 0
        while start < spots.count {
            let strip = (spots[start].x / width).rounded(.down)
            var end = start
            while end < spots.count, (spots[end].x / width).rounded(.down) == strip { end += 1 }
            let indices = start..<end
            if indices.count <= 4 {
                kept += spots[indices]
            } else {
                let known = indices.filter { spots[$0].y != nil }
                var chosen: Set<Int> = [start, end - 1]
                if let low = known.max(by: { (spots[$0].y ?? 0) < (spots[$1].y ?? 0) }) {
                    chosen.insert(low)
                }
                if let high = known.min(by: { (spots[$0].y ?? 0) < (spots[$1].y ?? 0) }) {
                    chosen.insert(high)
                }
                if let missing = indices.first(where: { spots[$0].y == nil }) {
                    chosen.insert(missing)
                }
                kept += chosen.sorted().map { spots[$0] }
            }
            start = end
        }
        return kept
    }

    /// A value holds until the next one; the last one to the right edge.
    private func path(_ spots: [Spot]) -> String {
        var path: [String] = []
        var isDrawing = false
        for spot in spots {
            if isDrawing { path.append("H\(number(spot.x))") }
            if let y = spot.y {
                path.append(isDrawing ? "V\(number(y))" : "M\(number(spot.x)) \(number(y))")
            }
            isDrawing = spot.y != nil
        }
        if isDrawing { path.append("H\(number(TimelineChart.width - TimelineChart.right))") }
        return path.joined()
    }

    /// With one decimal.
    private func number(_ value: Double) -> String {
        "\((value * 10).rounded() / 10)"
    }
}
