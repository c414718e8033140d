import LedgerCore
import LedgerRPC

/// A timeline as one HTML page that needs nothing else: no script, no font, no picture, no style
/// from another place, and a policy in its head that forbids the browser to fetch any.
struct TimelinePage {
    /// Events of a page; a longer timeline is for --json and --csv.
    static let eventsMax = 50_000
    /// Up to so many events, each one's checks are listed with their numbers; beyond, what fails.
    static let detailedEventsMax = 2_000

    let position: UUID
    let book: BookName
    /// In the order of folding.
    let entries: [Nexus_Ledger_V1_TimelineEntry]
    /// Up to which log position events count.
    let asOf: Int64
    /// The moment that was asked for, in words; empty for all that is known.
    let moment: String
    let explanation: TimelineExplanation?
    /// Versions by event, for links.
    let versions: [String: Int64]
    private let checks: TimelineChecks

    init(
        position: UUID, book: BookName, entries: [Nexus_Ledger_V1_TimelineEntry], asOf: Int64,
        moment: String, explanation: TimelineExplanation?
    ) {
        self.position = position
        self.book = book
        self.entries = entries
        self.asOf = asOf
        self.moment = moment
        self.explanation = explanation
        versions = Dictionary(
            entries.map { ($0.event.eventID, $0.event.version) }, uniquingKeysWith: { $1 })
        checks = entries.reduce(into: TimelineChecks()) { $0.add($1) }
    }

    /// The page's octets, UTF-8.
    var html: [UInt8] {
        var page = Markup()
        page.raw("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
        page.open(
            "meta",
            [
                ("http-equiv", "Content-Security-Policy"),
                ("content", "default-src 'none'; style-src 'unsafe-inline'"),
            ])
        page.raw("\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
        page.raw("<meta name=\"referrer\" content=\"no-referrer\">\n")
        page.element("title", text: "Timeline of position \(position)")
        page.raw("\n<style>\n")
        page.raw(TimelinePage.style)
        page.raw("</style>\n</head>\n<body>\n")
        writeHead(to: &page)
        page.raw("\n<main>\n")
        writeChecks(to: &page)
        writeChart(to: &page)
        writeLegs(to: &page)
        if let explanation { write(explanation, to: &page) }
        writeEvents(to: &page)
        page.raw("\n</main>\n")
        page.element("footer") { page in
            page.element(
                "p",
                text:
                    "All times are UTC and all figures exact. The totals after an event are those "
                    + "of its leg. An event that was voided is struck through and counts for "
                    + "nothing. \(Figures.null) is not known or none.")
        }
        page.raw("\n</body>\n</html>\n")
        return page.bytes
    }

    private func writeHead(to page: inout Markup) {
        page.element("header") { page in
            page.element("h1", text: "Timeline of a position")
            page.element("p", [("class", "id")], text: position.description)
            page.element("dl") { page in
                func add(_ name: String, _ value: String) {
                    page.element("div") { page in
                        page.element("dt", text: name)
                        page.element("dd", [("dir", "auto")], text: value)
                    }
                }
                if case .opened(let opened)? = entries.first?.event.parsedPayload {
                    add("strategy", opened.strategy)
                    add("asset", opened.asset)
                    add("settles in", opened.settle ?? "several assets")
                }
                add("state", state)
                add("book", book.description)
                add("events", String(entries.count))
                add("as of log position", String(asOf))
                if !moment.isEmpty { add("moment", moment) }
            }
        }
    }

    private var state: String {
        entries.last { !$0.running.state.isEmpty }?.running.state ?? Figures.null
    }

    // MARK: Checks

    private func writeChecks(to page: inout Markup) {
        let isGood = checks.holds
        page.element("section", [("id", "checks"), ("class", isGood ? "good" : "bad")]) { page in
            page.element("p", [("class", "verdict")]) { page in
                page.element("span", [("aria-hidden", "true")], text: isGood ? "✓ " : "✗ ")
                page.text(checks.summary)
            }
            for entry in entries where !entry.foldError.isEmpty {
                page.element("p") { page in
                    page.text("The fold stopped before ")
                    link(to: entry.event.eventID, in: &page)
                    page.text(": \(entry.foldError)")
                }
                break
            }
            guard !checks.failures.isEmpty else { return }
            page.element("ul") { page in
                for failure in checks.failures {
                    page.element("li") { page in
                        link(to: failure.eventID, in: &page)
                        page.text(": \(failure.rule) (\(failure.detail))")
                    }
                }
                if checks.unnamed > 0 {
                    page.element("li", text: "and \(checks.unnamed) more")
                }
            }
        }
    }

    private func writeChart(to page: inout Markup) {
        page.element("section") { page in
            page.element("h2", text: "Running P&L")
            let charts = TimelineChart.all(of: TimelineSeries.all(of: entries))
            for chart in charts { chart.write(to: &page) }
            if charts.isEmpty {
                page.element("p", text: "There is nothing to draw: no event could be folded.")
            }
        }
    }

    // MARK: Tables

    /// A table with a caption and a head, in a box that scrolls by itself.
    func table(
        _ id: String, _ caption: String, _ heads: [(title: String, isFigure: Bool)],
        to page: inout Markup, _ rows: (inout Markup) -> Void
    ) {
        page.element("div", [("class", "scroll"), ("tabindex", "0")]) { page in
            page.element("table", [("id", id)]) { page in
                page.element("caption", text: caption)
                page.element("thead") { page in
                    page.element("tr") { page in
                        for head in heads {
                            let name = head.isFigure ? "n" : "w"
                            page.element(
                                "th", [("scope", "col"), ("class", name)], text: head.title)
                        }
                    }
                }
                page.raw("\n")
                page.element("tbody", [], rows)
            }
        }
    }

    private func writeLegs(to page: inout Markup) {
        var (order, last): ([String], [String: Nexus_Ledger_V1_RunningTotals]) = ([], [:])
        for entry in entries where !entry.running.leg.isEmpty {
            if last[entry.running.leg] == nil { order.append(entry.running.leg) }
            last[entry.running.leg] = entry.running
        }
        guard !order.isEmpty else { return }
        let figures = [
            "quantity", "open cost", "average entry", "realised", "fees", "funding",
            "adjustments", "net",
        ]
        page.element("section") { page in
            page.element("h2", text: "Where the legs stand")
            table(
                "legs", "Totals after the last event of each leg",
                [("leg", false)] + figures.map { ($0, true) }, to: &page
            ) { page in
                for name in order {
                    guard let running = last[name] else { continue }
                    page.element("tr") { page in
                        page.element("th", [("scope", "row"), ("dir", "auto")], text: name)
                        for value in [
                            running.qty, running.openCost, running.avgEntryPx,
                            running.realizedPrice, running.feeValue, running.funding,
                            running.adjustments, running.net,
                        ] {
                            figure(value, to: &page)
                        }
                    }
                }
            }
        }
    }

    private func write(_ explanation: TimelineExplanation, to page: inout Markup) {
        page.element("section", [("id", "explanation")]) { page in
            page.element("h2", text: "What makes \(explanation.question)")
            table(
                "explained", "Each event that changed it, and the arithmetic",
                [
                    ("event", false), ("leg", false), ("before", true), ("change", true),
                    ("after", true), ("arithmetic", false),
                ], to: &page
            ) { page in
                for part in explanation.parts {
                    page.element("tr") { page in
                        page.element("th", [("scope", "row")]) { page in
                            link(to: part.event.eventID, in: &page)
                            page.text(" \(part.event.type)")
                        }
                        page.element("td", [("dir", "auto")], text: part.change.leg)
                        figure(part.change.before, to: &page)
                        figure(part.difference, to: &page)
                        figure(part.change.after, to: &page)
                        page.element("td", text: part.change.arithmetic)
                    }
                }
            }
            for line in explanation.conclusions {
                page.element("p", [("class", "conclusion")], text: line)
            }
        }
    }

    /// An exact figure; a loss has a colour besides its sign.
    func figure(_ value: String, to page: inout Markup) {
        let isLoss = value.hasPrefix("-")
        page.element(
            "td", [("class", isLoss ? "n loss" : "n")],
            text: value.isEmpty ? Figures.null : value)
    }

    /// The event's version, as a link where it is on this page.
    func link(to event: String, in page: inout Markup) {
        guard let version = versions[event] else {
            return page.element("code", text: String(event.prefix(8)))
        }
        page.element(
            "a", [("href", "#\(TimelinePage.anchor(event))")], text: "version \(version)")
    }

    /// The id of an event's row.
    static func anchor(_ event: String) -> String { "e-\(event)" }
}
