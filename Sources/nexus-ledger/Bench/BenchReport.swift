import LedgerCore

/// Figures of one run: each a ratio of two sides that were measured in turns.
struct BenchReport {
    struct Figure {
        var name: String
        var ours: String
        var peer: String
        var peerName: String
        var ratio: Double
        /// What is asked for: at least, or at most.
        var bound: Bound
    }

    enum Bound {
        case atLeast(Double)
        case atMost(Double)

        func holds(_ ratio: Double) -> Bool {
            switch self {
            case .atLeast(let bound): ratio >= bound
            case .atMost(let bound): ratio <= bound
            }
        }

        var text: String {
            switch self {
            case .atLeast(let bound): "≥ \(BenchReport.number(bound))"
            case .atMost(let bound): "≤ \(BenchReport.number(bound))"
            }
        }
    }

    private(set) var figures: [Figure] = []

    mutating func add(_ figure: Figure) {
        figures.append(figure)
        Progress.standard.message(
            "\(figure.name): \(figure.ours) against \(figure.peer), "
                + "ratio \(Self.number(figure.ratio)) (\(figure.bound.text))")
    }

    func write(json: Bool) throws {
        guard !json else {
            var output = CanonicalJSON()
            output.beginArray()
            for figure in figures {
                output.beginObject()
                output.key("bound")
                output.string(figure.bound.text)
                output.key("holds")
                output.bool(figure.bound.holds(figure.ratio))
                output.key("name")
                output.string(figure.name)
                output.key("ours")
                output.string(figure.ours)
                output.key("peer")
                output.string("\(figure.peer) (\(figure.peerName))")
                output.key("ratio")
                output.string(Self.number(figure.ratio))
                output.endObject()
            }
            output.endArray()
            return try Output.standard.line(output.bytes)
        }
        var table = Table([
            .text("MEASURE"), .text("OURS"), .text("AGAINST"), .text(""), .figure("RATIO"),
            .text("ASKED"), .text(""),
        ])
        for figure in figures {
            table.add([
                Table.Cell(figure.name), Table.Cell(figure.ours), Table.Cell(figure.peer),
                Table.Cell(figure.peerName), Table.Cell(Self.number(figure.ratio)),
                Table.Cell(figure.bound.text),
                Table.Cell(figure.bound.holds(figure.ratio) ? "yes" : "NO"),
            ])
        }
        try Output.standard.table(table)
    }

    /// Two decimals.
    static func number(_ value: Double) -> String {
        let hundredths = Int64((value * 100).rounded())
        let fraction = hundredths.magnitude % 100
        return "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction)"
    }

    static func rate(_ count: Int, _ duration: Duration) -> Double {
        Double(count) / seconds(duration)
    }

    static func seconds(_ duration: Duration) -> Double {
        let parts = duration.components
        return Double(parts.seconds) + Double(parts.attoseconds) / 1e18
    }

    static func median(_ values: [Double]) -> Double {
        values.sorted()[values.count / 2]
    }

    static func perSecond(_ rate: Double, _ unit: String) -> String {
        "\(Int(rate.rounded())) \(unit)/s"
    }

    static func micros(_ seconds: Double) -> String {
        "\(Int((seconds * 1e6).rounded())) µs"
    }
}
