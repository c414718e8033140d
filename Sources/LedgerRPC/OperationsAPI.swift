import AppendPipeline
import EventStore
import GRPCCore
import LedgerCore
import Outbox
import Postgres
import ProjectionEngine
import Projections

/// The service `nexus.ledger.v1.Operations`: what an operator asks first.
public struct OperationsAPI: Nexus_Ledger_V1_Operations.SimpleServiceProtocol {
    private let pipeline: AppendPipeline
    private let projections: ProjectionService
    private let readers: Pool
    private let desk: OutboxDesk?
    private let drift: DriftAudit?
    private let version: String
    private let startedAt: Timestamp
    private let memoryResident: @Sendable () -> Int64
    private let clock: @Sendable () -> Timestamp

    /// Clocks that differ by more seconds are an alert: this host's, the database's, and that of
    /// the log, which never runs backwards.
    static let clockSkewMax: Int64 = 60
    /// A request that waits longer in the outbox is an alert.
    static let waitingAlertAfter: Int64 = 300 * Timestamp.secondInMicroseconds
    /// Quarantined and drifted positions of a book that are named.
    static let positionsMax = 20
    /// An outbox that is fuller, in percent of its limit, is an alert.
    static let fullAlertPercent: Int64 = 80

    /// `memoryResident` reads the process's resident bytes, `clock` this host's clock; `desk` is
    /// nil without an outbox, `drift` where positions are not audited.
    public init(
        pipeline: AppendPipeline, projections: ProjectionService, readers: Pool,
        desk: OutboxDesk?, drift: DriftAudit?, version: String, startedAt: Timestamp,
        memoryResident: @escaping @Sendable () -> Int64, clock: @escaping @Sendable () -> Timestamp
    ) {
        self.pipeline = pipeline
        self.projections = projections
        self.readers = readers
        self.desk = desk
        self.drift = drift
        self.version = version
        self.startedAt = startedAt
        self.memoryResident = memoryResident
        self.clock = clock
    }

    /// Queue, books, projections and alerts. A database that does not answer is part of the
    /// answer, not an error.
    public func getStatus(
        request: Nexus_Ledger_V1_GetStatusRequest, context: ServerContext
    ) async throws -> Nexus_Ledger_V1_GetStatusResponse {
        if !request.book.isEmpty { _ = try LedgerAPI.book(request.book) }
        let statistics = pipeline.statistics
        var response = Nexus_Ledger_V1_GetStatusResponse()
        response.version = version
        response.startedAtUs = startedAt.microseconds
        response.queueRequests = Int64(statistics.queuedRequests)
        response.queueEvents = Int64(statistics.queuedEvents)
        response.queueEventsMax = Int64(pipeline.limits.queueEventsMax)
        response.appendedEvents = statistics.events
        response.appendedRequests = statistics.requests
        response.refusedRequests = statistics.refused
        response.commits = statistics.commits
        response.memoryResidentBytes = memoryResident()
        var isDown = false
        do {
            try await addDatabase(request.book, to: &response)
            response.database = "up"
        } catch {
            isDown = true
            response.database = "down"
            response.databaseError = "\(error)"
            response.alerts.append("the database does not answer")
        }
        if let outage = statistics.outage,
            statistics.queuedRequests + statistics.writing > 0 || isDown
        {
            response.alerts.append(
                desk == nil ? "appends fail: \(outage)" : "appends are buffered: \(outage)")
        }
        await addOutbox(to: &response)
        return response
    }

    /// An outbox that cannot be read is part of the answer too.
    private func addOutbox(to response: inout Nexus_Ledger_V1_GetStatusResponse) async {
        guard let desk else { return }
        do throws(OutboxError) {
            let counts = try await desk.run { outbox throws(OutboxError) in try outbox.counts() }
            response.outbox.waitingRequests = counts.waiting.requests
            response.outbox.waitingEvents = counts.waiting.events
            response.outbox.parkedRequests = counts.parked.requests
            response.outbox.oldestWaitingUs = counts.oldestWaiting?.microseconds ?? 0
            response.outbox.outage = desk.outage ?? ""
            response.alerts += Self.alerts(counts, now: clock())
        } catch {
            response.alerts.append("the outbox cannot be read: \(error)")
        }
    }

    private static func alerts(_ counts: Outbox.Counts, now: Timestamp) -> [String] {
        var alerts: [String] = []
        let parked = counts.parked.requests
        if parked > 0 {
            let words = parked == 1 ? "1 request is parked" : "\(parked) requests are parked"
            alerts.append("\(words): see `nexus-ledger outbox parked`")
        }
        let percent = Int64(Double(counts.fileBytes) / Double(max(counts.bytesMax, 1)) * 100)
        if percent >= fullAlertPercent {
            alerts.append(
                "the outbox is \(percent) % full, \(counts.fileBytes) of \(counts.bytesMax) bytes: "
                    + "beyond them appends are refused")
        }
        if let free = counts.diskFree, free < counts.diskFreeMin {
            alerts.append(
                "the outbox's disk has \(free) bytes free, and it takes no more below "
                    + "\(counts.diskFreeMin): make room")
        }
        if let oldest = counts.oldestWaiting {
            let waited = now.microseconds - oldest.microseconds
            if waited > waitingAlertAfter {
                let minutes = waited / (60 * Timestamp.secondInMicroseconds)
                alerts.append(
                    "a request has waited in the outbox for \(minutes) min: "
                        + "see `nexus-ledger outbox status`")
            }
        }
        return alerts
    }

    private func addDatabase(
        _ book: String, to response: inout Nexus_Ledger_V1_GetStatusResponse
    ) async throws {
        let workers = projections.workers
        let found = try await readers.run(deadline: .after(.seconds(3))) { connection in
            let deadline = Deadline.after(.seconds(3))
            let schema = try connection.query(
                "SELECT version FROM public.schema_migrations", deadline: deadline)
            let clock = try connection.query("SELECT clock_timestamp()", deadline: deadline)
                .onlyRow()[0].timestamp()
            var quarantine: [BookID: [(position: UUID, at: LogPosition, reason: String)]] = [:]
            var generations: [BookID: [Generation]] = [:]
            let books = try BookOverview.read(connection, deadline: deadline)
            for overview in books where book.isEmpty || overview.name.description == book {
                generations[overview.id] = try Generations.list(
                    overview.id, connection, deadline: deadline)
                guard overview.quarantined > 0 else { continue }
                quarantine[overview.id] = try BookOverview.quarantine(
                    overview.id, limit: Self.positionsMax, connection, deadline: deadline)
            }
            return (
                version: connection.serverVersion,
                schema: try schema.rows.first.map { try $0[0].int64() } ?? 0, books: books,
                quarantine: quarantine, generations: generations, clock: clock
            )
        }
        let here = clock()
        response.alerts += Self.skew("this host's clock", here, "the database's", found.clock)
        response.databaseVersion = "\(found.version / 10_000).\(found.version % 10_000)"
        response.schemaVersion = found.schema
        for overview in found.books where book.isEmpty || overview.name.description == book {
            let generations = found.generations[overview.id] ?? []
            let live = generations.first { $0.state == .live }
            var status = Self.status(
                overview, workers[overview.name], live, found.quarantine[overview.id] ?? [])
            status.generations = generations.map {
                GenerationMapping.message($0, live: overview.checkpoint ?? .origin)
            }
            if let drift {
                let state = drift.state(of: overview.name)
                status.drift = Self.message(state, positionsPerMinute: drift.positionsPerMinute)
                response.alerts += Self.alerts(overview.name, state)
            }
            response.books.append(status)
            if let last = overview.headRecordedAt, last > found.clock {
                response.alerts += Self.skew(
                    "the last event of book \(overview.name)", last, "the database's clock",
                    found.clock)
            }
            if overview.quarantined > 0 {
                response.alerts.append(
                    "book \(overview.name): \(overview.quarantined) "
                        + (overview.quarantined == 1 ? "position is" : "positions are")
                        + " quarantined")
            }
            for projection in status.projections where projection.state == "failed" {
                response.alerts.append(
                    "book \(overview.name): \(projection.name) failed: \(projection.error)")
                break
            }
            if Self.isOtherLogic(workers[overview.name], live) {
                response.alerts.append(
                    "book \(overview.name): \(Self.standsStill(live, overview)): run "
                        + "`nexus-ledger replay`, then `compare` and `promote`")
            }
        }
    }

    private static func alerts(_ book: BookName, _ state: DriftState) -> [String] {
        let cure = "rebuild with `nexus-ledger replay`, then `compare` and `promote`"
        let sums = state.driftedSums.values.joined().min().map { first in
            "book \(book): a sum is not that of its positions: \(first); \(cure)"
        }
        guard let first = state.drifted.first else { return sums.map { [$0] } ?? [] }
        let count = state.drifted.count
        let differ = count == 1 ? "differs" : "differ"
        let checked = state.checked == 1 ? "1 position" : "\(state.checked) positions"
        return [
            "book \(book): \(count) of \(checked) checked \(differ) from the fold of the log: "
                + "\(first)\(count > 1 ? ", …" : ""); \(cure)"
        ] + (sums.map { [$0] } ?? [])
    }

    private static func message(
        _ state: DriftState, positionsPerMinute: Double
    ) -> Nexus_Ledger_V1_DriftAudit {
        var message = Nexus_Ledger_V1_DriftAudit()
        message.positionsChecked = state.checked
        message.positionsDrifted = Int64(state.drifted.count)
        message.drifted = state.drifted.prefix(positionsMax).map(\.description)
        message.lastCheckedUs = state.lastCheckedAt?.microseconds ?? 0
        message.positionsPerMinute = positionsPerMinute
        message.error = state.error ?? ""
        message.sumsChecked = state.sumsChecked
        message.sumsDrifted = Int64(state.driftedSums.count)
        message.driftedSums = Array(state.driftedSums.values.joined().sorted().prefix(positionsMax))
        return message
    }

    private static func skew(
        _ one: String, _ first: Timestamp, _ other: String, _ second: Timestamp
    ) -> [String] {
        let difference = (first.microseconds - second.microseconds) / 1_000_000
        guard abs(difference) > clockSkewMax else { return [] }
        let word = difference > 0 ? "ahead of" : "behind"
        return [
            "\(one) is \(abs(difference)) s \(word) \(other) (\(first), \(second)): set the clocks"
        ]
    }

    private static func status(
        _ overview: BookOverview, _ worker: ProjectionService.WorkerState?,
        _ live: Generation?,
        _ quarantine: [(position: UUID, at: LogPosition, reason: String)]
    ) -> Nexus_Ledger_V1_BookStatus {
        var status = Nexus_Ledger_V1_BookStatus()
        status.book = overview.name.description
        status.head = overview.head.rawValue
        status.headRecordedAtUs = overview.headRecordedAt?.microseconds ?? 0
        status.quarantined = overview.quarantined
        status.quarantine = quarantine.map { entry in
            var item = Nexus_Ledger_V1_QuarantinedPosition()
            item.positionID = entry.position.description
            item.logPosition = entry.at.rawValue
            item.reason = entry.reason
            return item
        }
        let names =
            AccountTables.all.map(\.name) + ["analytics.daily_pnl", "analytics.trade_stats"]
        let checkpoint = overview.checkpoint ?? .origin
        status.projections = names.sorted().map { name in
            var projection = Nexus_Ledger_V1_ProjectionStatus()
            projection.name = name
            projection.logPosition = checkpoint.rawValue
            projection.lagEvents = max(0, overview.head.rawValue - checkpoint.rawValue)
            projection.lagSeconds = projection.lagEvents > 0 ? overview.idleSeconds : 0
            projection.epoch = overview.epoch
            projection.logicVersion = overview.logicVersion
            (projection.state, projection.error) = describe(
                worker, live, overview)
            return projection
        }
        return status
    }

    private static func describe(
        _ worker: ProjectionService.WorkerState?, _ live: Generation?, _ overview: BookOverview
    ) -> (state: String, error: String) {
        guard !isOtherLogic(worker, live) else { return ("stopped", standsStill(live, overview)) }
        return switch worker {
        case .running: ("running", "")
        case .following(let owner): ("running", "by \(owner)")
        case .paused: ("stopped", "paused")
        case .otherLogic: ("stopped", standsStill(live, overview))
        case .failed(let error): ("failed", error)
        case nil: (overview.owner.isEmpty ? "stopped" : "running", overview.owner)
        }
    }

    /// Whether the worker may not write the tables, because other folds have made them. One that
    /// has nothing to do has not tried yet.
    private static func isOtherLogic(
        _ worker: ProjectionService.WorkerState?, _ live: Generation?
    ) -> Bool {
        switch worker {
        case .otherLogic: true
        case .running: live.map { !$0.isOurs } ?? false
        case .following, .paused, .failed, nil: false
        }
    }

    private static func standsStill(_ live: Generation?, _ overview: BookOverview) -> String {
        let logic = live?.logic ?? "logic version \(overview.logicVersion)"
        return "the tables were folded by \(logic), this build has logic version "
            + "\(AccountFold.logicVersion) (fingerprint \(AccountFold.logicFingerprint)): they "
            + "stand still"
    }
}
