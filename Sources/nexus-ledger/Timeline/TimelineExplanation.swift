import LedgerCore
import LedgerRPC

/// Which events make one figure, and how.
struct TimelineExplanation: Sendable {
    /// One event's part.
    struct Part: Sendable {
        var event: Nexus_Ledger_V1_RecordedEvent
        var change: Nexus_Ledger_V1_FigureChange

        /// after − before; empty where one is not known.
        var difference: String {
            guard let before = Fixed(change.before), let after = Fixed(change.after),
                let difference = try? after.subtracting(before)
            else { return "" }
            return difference.description
        }
    }

    /// The columns of its CSV.
    static let header = CSV.record([
        "version", "log_position", "effective_at", "type", "event_id", "leg", "figure", "before",
        "change", "after", "arithmetic",
    ])

    /// As it was asked for: "net", "long.net".
    let question: String
    private(set) var parts: [Part] = []
    /// The last known value of each leg that changed, in the order of the first change.
    private(set) var finals: [(leg: String, value: String)] = []
    /// After the last event that was folded; empty where it is not known.
    private(set) var positionNet = ""
    private var foldError = ""

    init(_ question: String) {
        self.question = question
    }

    mutating func add(_ entry: Nexus_Ledger_V1_TimelineEntry) {
        if !entry.foldError.isEmpty { foldError = entry.foldError }
        if !entry.running.state.isEmpty { positionNet = entry.running.positionNet }
        for change in entry.changes {
            parts.append(Part(event: entry.event, change: change))
            if let known = finals.firstIndex(where: { $0.leg.isExactly(change.leg) }) {
                finals[known].value = change.after
            } else {
                finals.append((change.leg, change.after))
            }
        }
    }

    /// The figure's own name.
    var figure: String {
        question.lastIndex(of: ".").map { String(question[question.index(after: $0)...]) }
            ?? question
    }

    /// What it all comes to, a line for each leg.
    var conclusions: [String] {
        var lines = finals.map { leg, value in
            "\(figure) of \(leg): \(value.isEmpty ? "not known, or none" : value)"
        }
        if parts.isEmpty { lines.append("no event changed \(question)") }
        if figure == "net", !question.contains("."), !positionNet.isEmpty {
            lines.append("net of the position: \(positionNet)")
        }
        if !foldError.isEmpty { lines.append("the fold stopped: \(foldError)") }
        return lines
    }

    static func csv(
        _ event: Nexus_Ledger_V1_RecordedEvent, _ change: Nexus_Ledger_V1_FigureChange
    ) -> String {
        CSV.record([
            String(event.version), String(event.logPosition),
            Timestamp(microseconds: event.effectiveAtUs).description, event.type, event.eventID,
            change.leg, change.figure, change.before,
            Part(event: event, change: change).difference, change.after, change.arithmetic,
        ])
    }

    /// Exact, unlike other tables: the figures are to be added up.
    func write(to output: Output) throws {
        var table = Table([
            .text("EVENT"), .text("LEG"), .figure("BEFORE", spare: 2), .figure("CHANGE"),
            .figure("AFTER", spare: 1), .text("ARITHMETIC"),
        ])
        for part in parts {
            let event = part.event
            let at = Figures.instant(us: event.effectiveAtUs, precise: true)
            let difference = part.difference
            table.add([
                Table.Cell("\(event.version) \(event.type) \(at)"), Table.Cell(part.change.leg),
                TimelineExplanation.cell(part.change.before),
                Table.Cell(
                    difference.isEmpty ? Figures.null : difference,
                    difference.hasPrefix("-") ? [.red] : []),
                TimelineExplanation.cell(part.change.after), Table.Cell(part.change.arithmetic),
            ])
        }
        if !parts.isEmpty { try output.table(table) }
        for line in conclusions { try output.line(Style.standard.bold(line.printable)) }
        try output.line(
            Style.standard.dim(
                "\(Figures.count(parts.count, "event")) (exact; products and quotients are "
                    + "rounded half-even to 18 places; \(Figures.null) is not known or none)"))
    }

    private static func cell(_ value: String) -> Table.Cell {
        Table.Cell(value.isEmpty ? Figures.null : value)
    }
}
