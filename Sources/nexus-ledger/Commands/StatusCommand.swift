import ArgumentParser
import Glibc
import LedgerCore
import LedgerRPC

/// `status`: what an operator asks first.
struct StatusCommand: LedgerCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show how the ledger is: head, projections, queue, outbox, database.",
        discussion: """
            All books unless --book or NEXUS_BOOK names one. What needs attention is
            marked with "!"; the exit code is 0 whenever the ledger answers, so that
            scripts decide by --json.

            EXAMPLES
              nexus-ledger status
              nexus-ledger status --json | jq '.books[] | {book, head, quarantined}'

            \(Failure.help)
            """)

    @OptionGroup var common: CommonOptions

    func perform() async throws {
        let status = try await Ledger.connected(common, saying: "asking the ledger") { ledger in
            var request = Nexus_Ledger_V1_GetStatusRequest()
            request.book = common.bookOption.named?.description ?? ""
            return try await ledger.operations.getStatus(request, options: Ledger.answering)
        }
        let output = Output.standard
        if common.json { return try output.line(status.json.canonicalBytes) }
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let nowUs = Int64(now.tv_sec) * 1_000_000 + Int64(now.tv_nsec) / 1_000
        try output.write(StatusReport(style: .standard, nowUs: nowUs).head(status))
        for book in status.books {
            try output.line()
            try output.write(StatusReport(style: .standard, nowUs: nowUs).head(book))
            if !book.projections.isEmpty {
                try output.table(StatusReport.projections(book.projections))
            }
            if StatusReport.showsGenerations(book) {
                try output.table(StatusReport.generations(book.generations))
            }
            if !book.quarantine.isEmpty {
                try output.table(StatusReport.quarantine(book.quarantine))
            }
        }
    }
}

/// How a status reads.
struct StatusReport {
    let style: Style
    let nowUs: Int64

    func head(_ status: Nexus_Ledger_V1_GetStatusResponse) -> String {
        let up = Figures.duration(seconds: Double(nowUs - status.startedAtUs) / 1e6)
        let resident = Figures.bytes(status.memoryResidentBytes)
        var lines = [
            row("ledger", "version \(status.version), up \(up), \(resident) resident"),
            database(status), outbox(status),
            row(
                "queue",
                Figures.count(status.queueRequests, "request")
                    + ", \(status.queueEvents) of \(status.queueEventsMax) events",
                isAlarming: status.queueEventsMax > 0
                    && status.queueEvents >= status.queueEventsMax),
            row(
                "since start",
                Figures.count(status.appendedEvents, "event") + " in "
                    + Figures.count(status.appendedRequests, "request") + " and "
                    + Figures.count(status.commits, "commit") + "; "
                    + Figures.count(status.refusedRequests, "request") + " refused"),
        ]
        for alert in status.alerts { lines.append(row("alert", alert, isAlarming: true)) }
        if status.books.isEmpty, status.database == "up" { lines.append(row("books", "none")) }
        return lines.joined(separator: "\n") + "\n"
    }

    func head(_ book: Nexus_Ledger_V1_BookStatus) -> String {
        let last = "last event \(Figures.instant(us: book.headRecordedAtUs)) UTC"
        var text =
            style.bold("book \(book.book.printable)") + "  head \(book.head)"
            + (book.head > 0 ? ", \(last)" : "") + "\n"
        if book.quarantined > 0 {
            let count = Figures.count(book.quarantined, "position")
            let words = "! \(count) in quarantine: they stand at their last event that folds"
            text += style.painted(words, [.red]) + "\n"
        }
        if book.hasDrift { text += drift(book.drift) + "\n" }
        return text
    }

    /// "drift audit: 1,234 positions checked, 0 differ, last 12:03:04 UTC"
    private func drift(_ audit: Nexus_Ledger_V1_DriftAudit) -> String {
        guard audit.positionsPerMinute > 0 else { return "drift audit: off" }
        var words = "drift audit: no position checked yet"
        if audit.positionsChecked > 0 {
            let last = Figures.instant(us: audit.lastCheckedUs)
            words =
                "drift audit: \(StatusReport.grouped(audit.positionsChecked)) "
                + (audit.positionsChecked == 1 ? "position" : "positions")
                + " checked, \(audit.positionsDrifted) "
                + (audit.positionsDrifted == 1 ? "differs" : "differ") + ", last "
                + (last.hasPrefix(today) ? String(last.dropFirst(today.count)) : last) + " UTC"
        }
        if audit.sumsDrifted > 0 {
            words +=
                "; \(Figures.count(audit.sumsDrifted, "sum")) of \(audit.sumsChecked) "
                + (audit.sumsDrifted == 1 ? "is" : "are") + " not that of the positions"
        }
        if !audit.error.isEmpty { words += "; not checked: \(audit.error)" }
        let isAlarming =
            audit.positionsDrifted > 0 || audit.sumsDrifted > 0 || !audit.error.isEmpty
        return style.painted(
            (isAlarming ? "! " : "") + words.printable, isAlarming ? [.red] : [])
    }

    /// "1,234"
    static func grouped(_ count: Int64) -> String {
        var text = ""
        for (index, digit) in String(count).reversed().enumerated() {
            if index > 0, index.isMultiple(of: 3) { text.append(",") }
            text.append(digit)
        }
        return String(text.reversed())
    }

    /// "2026-01-05 "
    private var today: String { Figures.instant(us: nowUs).prefix { $0 != " " } + " " }

    /// Of one generation that runs the projections tell all.
    static func showsGenerations(_ book: Nexus_Ledger_V1_BookStatus) -> Bool {
        book.generations.count > 1 || book.projections.contains { $0.state == "stopped" }
    }

    static func generations(_ generations: [Nexus_Ledger_V1_Generation]) -> Table {
        var table = Table([
            .text("GENERATION"), .text("STATE"), .count("LOGIC"), .text("FINGERPRINT", spare: 2),
            .count("POSITION"), .count("BEHIND"), .text("WRITTEN BY", spare: 1),
        ])
        for generation in generations {
            table.add([
                Table.Cell("slot \(generation.slot)"), Table.Cell(generation.state),
                Table.Cell(String(generation.logicVersion)),
                Table.Cell(
                    generation.logicFingerprint.isEmpty
                        ? Figures.null : generation.logicFingerprint),
                Table.Cell(String(generation.logPosition)),
                Table.Cell(String(generation.lagEvents)),
                Table.Cell(generation.owner.isEmpty ? Figures.null : generation.owner),
            ])
        }
        return table
    }

    private func database(_ status: Nexus_Ledger_V1_GetStatusResponse) -> String {
        let isUp = status.database == "up"
        var words = status.database
        if !status.databaseVersion.isEmpty { words += ", PostgreSQL \(status.databaseVersion)" }
        if status.schemaVersion > 0 { words += ", schema \(status.schemaVersion)" }
        if !status.databaseError.isEmpty { words += ": \(status.databaseError)" }
        return row("database", words, isAlarming: !isUp)
    }

    private func outbox(_ status: Nexus_Ledger_V1_GetStatusResponse) -> String {
        guard status.hasOutbox else { return row("outbox", "none, or it cannot be read") }
        let outbox = status.outbox
        var words = "nothing waits"
        if outbox.waitingRequests > 0 {
            let waited = Figures.duration(seconds: Double(nowUs - outbox.oldestWaitingUs) / 1e6)
            words =
                Figures.count(outbox.waitingEvents, "event") + " in "
                + Figures.count(outbox.waitingRequests, "request") + " waiting, for up to \(waited)"
        }
        if outbox.parkedRequests > 0 {
            words += "; \(Figures.count(outbox.parkedRequests, "request")) parked"
        }
        if !outbox.outage.isEmpty { words += "; \(outbox.outage)" }
        return row(
            "outbox", words,
            isAlarming: outbox.parkedRequests > 0 || !outbox.outage.isEmpty)
    }

    private func row(_ name: String, _ words: String, isAlarming: Bool = false) -> String {
        let title = name + String(repeating: " ", count: max(1, 13 - name.count))
        let text = (isAlarming ? "! " : "") + words.printable
        return style.bold(title) + style.painted(text, isAlarming ? [.red] : [])
    }

    static func projections(_ projections: [Nexus_Ledger_V1_ProjectionStatus]) -> Table {
        var table = Table([
            .text("PROJECTION"), .text("STATE"), .count("POSITION"), .count("BEHIND"),
            .count("LAG"), .count("EPOCH", spare: 2), .count("LOGIC", spare: 1), .text("REMARK"),
        ])
        for projection in projections {
            let isRunning = projection.state == "running"
            table.add([
                Table.Cell(projection.name),
                Table.Cell(
                    isRunning ? projection.state : "! \(projection.state)",
                    [isRunning ? .green : .red]),
                Table.Cell(String(projection.logPosition)),
                Table.Cell(String(projection.lagEvents)),
                Table.Cell(Figures.duration(seconds: projection.lagSeconds)),
                Table.Cell(String(projection.epoch)), Table.Cell(String(projection.logicVersion)),
                Table.Cell(projection.error, isRunning ? [] : [.red]),
            ])
        }
        return table
    }

    static func quarantine(_ positions: [Nexus_Ledger_V1_QuarantinedPosition]) -> Table {
        var table = Table([.text("QUARANTINED"), .count("AT"), .text("REASON")])
        for position in positions {
            table.add([
                Table.Cell(position.positionID), Table.Cell(String(position.logPosition)),
                Table.Cell(position.reason),
            ])
        }
        return table
    }
}

extension Nexus_Ledger_V1_GetStatusResponse {
    var json: JSONValue {
        .object([
            "version": .string(version), "started_at": .instant(us: startedAtUs),
            "books": .array(books.map(\.json)), "queue_requests": .integer(queueRequests),
            "queue_events": .integer(queueEvents), "queue_events_max": .integer(queueEventsMax),
            "database": .string(database), "database_version": .text(databaseVersion),
            "database_error": .text(databaseError), "schema_version": .integer(schemaVersion),
            "appended_events": .integer(appendedEvents),
            "appended_requests": .integer(appendedRequests),
            "refused_requests": .integer(refusedRequests), "commits": .integer(commits),
            "memory_resident_bytes": .integer(memoryResidentBytes), "alerts": .texts(alerts),
            "outbox": outboxJSON,
        ])
    }

    private var outboxJSON: JSONValue { hasOutbox ? outbox.json : .null }
}

extension Nexus_Ledger_V1_OutboxSummary {
    var json: JSONValue {
        .object([
            "waiting_requests": .integer(waitingRequests),
            "waiting_events": .integer(waitingEvents),
            "parked_requests": .integer(parkedRequests),
            "oldest_waiting": .instant(us: oldestWaitingUs), "outage": .text(outage),
        ])
    }
}

extension Nexus_Ledger_V1_BookStatus {
    var json: JSONValue {
        .object([
            "book": .string(book), "head": .integer(head),
            "head_recorded_at": .instant(us: headRecordedAtUs),
            "projections": .array(projections.map(\.json)), "quarantined": .integer(quarantined),
            "quarantine": .array(
                quarantine.map {
                    .object([
                        "position_id": .string($0.positionID),
                        "log_position": .integer($0.logPosition), "reason": .string($0.reason),
                    ])
                }),
            "generations": .array(generations.map(\.json)),
            "drift": hasDrift ? drift.json : .null,
        ])
    }
}

extension Nexus_Ledger_V1_Generation {
    var json: JSONValue {
        .object([
            "slot": .integer(slot), "state": .string(state),
            "logic_version": .integer(logicVersion),
            "logic_fingerprint": .text(logicFingerprint), "log_position": .integer(logPosition),
            "lag_events": .integer(lagEvents), "owner": .text(owner),
            "built_at": .instant(us: builtAtUs), "promoted_at": .instant(us: promotedAtUs),
        ])
    }
}

extension Nexus_Ledger_V1_DriftAudit {
    var json: JSONValue {
        .object([
            "positions_checked": .integer(positionsChecked),
            "positions_drifted": .integer(positionsDrifted), "drifted": .texts(drifted),
            "sums_checked": .integer(sumsChecked), "sums_drifted": .integer(sumsDrifted),
            "drifted_sums": .texts(driftedSums),
            "last_checked": .instant(us: lastCheckedUs),
            "positions_per_minute": .seconds(positionsPerMinute), "error": .text(error),
        ])
    }
}

extension Nexus_Ledger_V1_ProjectionStatus {
    var json: JSONValue {
        .object([
            "name": .string(name), "log_position": .integer(logPosition),
            "lag_events": .integer(lagEvents), "lag_seconds": .seconds(lagSeconds),
            "epoch": .integer(epoch), "logic_version": .integer(logicVersion),
            "state": .string(state), "error": .text(error),
        ])
    }
}
