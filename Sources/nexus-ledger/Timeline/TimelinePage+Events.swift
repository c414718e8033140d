import LedgerCore
import LedgerRPC

/// The table of all events.
extension TimelinePage {
    private static let heads: [(title: String, isFigure: Bool)] = [
        ("version", true), ("effective", false), ("type", false), ("leg", false),
        ("what", false), ("quantity", true), ("open cost", true), ("average entry", true),
        ("realised", true), ("fees", true), ("funding", true), ("adjustments", true),
        ("net", true), ("position net", true), ("state", false), ("checks", false),
        ("recorded", false), ("log", true), ("source", false), ("actor", false),
        ("caused by", false), ("leaf hash", false),
    ]

    func writeEvents(to page: inout Markup) {
        page.element("section") { page in
            page.element("h2", text: "Events")
            table(
                "events", "Every event in the order of folding, with the totals after it",
                TimelinePage.heads, to: &page
            ) { page in
                for entry in entries { write(entry, to: &page) }
            }
        }
    }

    private func write(_ entry: Nexus_Ledger_V1_TimelineEntry, to page: inout Markup) {
        let (event, running) = (entry.event, entry.running)
        var classes: [String] = []
        if entry.isVoided { classes.append("voided") }
        if entry.wasBuffered { classes.append("buffered") }
        if !entry.foldError.isEmpty { classes.append("unfolded") }
        if entry.invariants.contains(where: { !$0.holds }) { classes.append("failing") }
        var attributes: [Markup.Attribute] = [("id", TimelinePage.anchor(event.eventID))]
        if !classes.isEmpty { attributes.append(("class", classes.joined(separator: " "))) }
        page.element("tr", attributes) { page in
            page.element("th", [("scope", "row"), ("class", "n")], text: String(event.version))
            fact(
                Figures.instant(us: event.effectiveAtUs, precise: true), entry, "time", to: &page)
            fact(event.type, entry, "word", to: &page)
            page.element("td", [("dir", "auto")], text: event.parsedPayload?.leg ?? "")
            page.element("td", [("class", "what")]) { writeWhat(entry, to: &$0) }
            let figures = [
                running.qty, running.openCost, running.avgEntryPx, running.realizedPrice,
                running.feeValue, running.funding, running.adjustments, running.net,
            ]
            for value in figures {
                if running.leg.isEmpty {
                    page.element("td") { _ in }
                } else {
                    figure(value, to: &page)
                }
            }
            figure(running.positionNet, to: &page)
            page.element("td", text: running.state)
            page.element("td") { writeChecks(of: entry, to: &$0) }
            page.element(
                "td", [("class", "time")],
                text: Figures.instant(us: event.recordedAtUs, precise: true))
            page.element("td", [("class", "n")], text: String(event.logPosition))
            page.element("td", text: event.source)
            page.element("td", [("dir", "auto")], text: event.actor)
            page.element("td") { page in
                if !event.causationID.isEmpty { link(to: event.causationID, in: &page) }
            }
            page.element("td") { page in
                page.element("code", [("class", "hash")], text: event.leafHashText)
            }
        }
        page.raw("\n")
    }

    /// A cell that is struck through where the event does not count.
    private func fact(
        _ text: String, _ entry: Nexus_Ledger_V1_TimelineEntry, _ name: String,
        to page: inout Markup
    ) {
        page.element("td", [("class", name)]) { page in
            if entry.isVoided { page.element("s", text: text) } else { page.text(text) }
        }
    }

    private func writeWhat(_ entry: Nexus_Ledger_V1_TimelineEntry, to page: inout Markup) {
        let words = EventWords.words(entry.event)
        page.element(entry.isVoided ? "s" : "span", [("dir", "auto")], text: words)
        if entry.isVoided {
            page.element("span", [("class", "note")]) { page in
                page.text("voided by ")
                link(to: entry.voidedBy, in: &page)
            }
        }
        if !entry.voids.isEmpty {
            page.element("span", [("class", "note")]) { page in
                page.text("voids ")
                link(to: entry.voids, in: &page)
            }
        }
        if entry.wasBuffered {
            page.element("span", [("class", "note")], text: entry.bufferedWords)
        }
        if !entry.foldError.isEmpty {
            page.element("span", [("class", "note")], text: "not folded: \(entry.foldError)")
        }
    }

    private func writeChecks(
        of entry: Nexus_Ledger_V1_TimelineEntry, to page: inout Markup
    ) {
        let broken = entry.invariants.filter { !$0.holds }
        let isDetailed = entries.count <= TimelinePage.detailedEventsMax
        let listed = isDetailed ? entry.invariants : broken
        let count = entry.invariants.count
        let summary = broken.isEmpty ? "\(count) ok" : "\(broken.count) of \(count) FAIL"
        guard !listed.isEmpty else { return page.text(summary) }
        page.element("details", broken.isEmpty ? [] : [("open", "open")]) { page in
            page.element("summary", text: summary)
            page.element("ul") { page in
                for invariant in listed {
                    page.element("li", [("class", invariant.holds ? "holds" : "fails")]) { page in
                        page.text("\(invariant.holds ? "✓" : "✗ FAILS:") \(invariant.rule)")
                        page.element("code", text: invariant.detail)
                    }
                }
            }
        }
    }
}
