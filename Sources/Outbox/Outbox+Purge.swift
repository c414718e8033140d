import GRDB
import LedgerCore

extension Outbox {
    /// How many requests stand where, and how much room is left. Cheap: nothing is scanned.
    ///
    /// - Throws: `.damaged` and `.io`.
    public func counts() throws(OutboxError) -> Counts {
        let totals = memory.withLock { $0.totals }
        let oldest: Timestamp? =
            totals.waiting.requests == 0
            ? nil
            : try reading { db in
                var first = totals.frontier
                if totals.againRequests > 0, let again = try db.number(OutboxSQL.firstAgain) {
                    first = min(first, again)
                }
                guard let row = try db.first(OutboxSQL.requestHead, [first]) else { return nil }
                return Timestamp(microseconds: row[3])
            }
        return Counts(
            waiting: totals.waiting, parked: totals.parked, drained: totals.drained,
            discarded: totals.discarded, oldestWaiting: oldest, fileBytes: file.byteCount,
            bytesMax: configuration.bytesMax, diskFree: configuration.diskFree(file.path),
            diskFreeMin: configuration.diskFreeMin)
    }

    /// What a purge did.
    public struct PurgeReport: Hashable, Sendable {
        /// What was deleted.
        public var deleted = Tally()
        /// By how many octets file and log became shorter; negative if they grew meanwhile.
        public var bytesFreed: Int64 = 0
    }

    /// Deletes requests that were drained longer than `drainedKeepFor` ago, gives their pages
    /// back to the file system, and empties the log. It works in steps of 256 requests or 1,000
    /// pages, each a commit of its own, between which appends go on.
    ///
    /// It leaves what waits, is parked or was discarded; the drained requests of a position that
    /// has one waiting or parked, which the drain may ask for (`earlier`); and those behind the
    /// first request that waits for the first time.
    ///
    /// - Parameter keepFor: keeps them for another time than `drainedKeepFor`, such as none when
    ///   the outbox is full.
    /// - Throws: `.damaged`, `.full` and `.io`; the steps before are done.
    @discardableResult
    public func purge(
        _ now: Timestamp, keepFor: Duration? = nil
    ) throws(OutboxError) -> PurgeReport {
        let before = file.byteCount
        var report = PurgeReport()
        let (seconds, attoseconds) = (keepFor ?? configuration.drainedKeepFor).components
        let kept = seconds.multipliedReportingOverflow(by: Timestamp.secondInMicroseconds)
        let until = now.microseconds.subtractingReportingOverflow(
            kept.overflow ? .max : kept.partialValue + attoseconds / 1_000_000_000_000)
        var step = PurgeStep(until: until.overflow ? .min : until.partialValue)
        while !step.isLast {
            let deleted = try purge(&step)
            report.deleted.requests += deleted.requests
            report.deleted.events += deleted.events
        }
        try dropRuns()
        try giveBack()
        report.bytesFreed = before - file.byteCount
        return report
    }

    /// Where a purge goes on.
    private struct PurgeStep {
        static let requestsMax = 256
        let until: Int64
        var at = Int64.min
        var sequence = Int64.min
        var isLast = false
    }

    private func purge(_ step: inout PurgeStep) throws(OutboxError) -> Tally {
        let candidates = try reading { db in
            try Row.fetchAll(
                db.cachedStatement(sql: OutboxSQL.drainedUntil),
                arguments: [step.until, step.at, step.sequence, PurgeStep.requestsMax]
            ).map { row in (at: row[0] as Int64, sequence: row[1] as Int64) }
        }
        step.isLast = candidates.count < PurgeStep.requestsMax
        guard let last = candidates.last else { return Tally() }
        step.at = last.at
        step.sequence = last.sequence
        let frontier = memory.withLock { $0.totals.frontier }
        let old = candidates.map(\.sequence).filter { $0 < frontier }
        let deletable = try withoutHeld(old)
        guard !deletable.isEmpty else { return Tally() }
        return try writing { db, totals in
            var deleted = Tally()
            for (sequence, events) in deletable {
                try db.run(OutboxSQL.deleteRequest, [sequence])
                try db.run(OutboxSQL.deleteOutcome, [sequence])
                deleted.requests += 1
                deleted.events += events
            }
            totals.add(-deleted.requests, -deleted.events, to: .drained)
            totals.purged.requests += deleted.requests
            totals.purged.events += deleted.events
            return deleted
        }
    }

    /// Drained requests whose positions nothing holds, with their events. An append for one of
    /// the positions that comes after this look does not need their keys: it was admitted when
    /// they were in PostgreSQL for long.
    private func withoutHeld(
        _ sequences: [Int64]
    ) throws(OutboxError) -> [(sequence: Int64, events: Int64)] {
        let heads = try reading { db in
            try sequences.map { sequence in
                guard let row = try db.first(OutboxSQL.requestHead, [sequence]),
                    let head = try RequestRow(row, lines: false), head.isHeadIntact,
                    let touched = head.touched, let book = BookName(head.book)
                else { throw Flaw.request(sequence) }
                return (sequence, head.events, book, touched.positions)
            }
        }
        var free: [(sequence: Int64, events: Int64)] = []
        for (sequence, events, book, positions) in heads {
            if try touched(book, positions).isEmpty { free.append((sequence, events)) }
        }
        return free
    }

    /// Deletes the runs of the index whose requests are all gone.
    private func dropRuns() throws(OutboxError) {
        for run in memory.withLock({ $0.runs }) {
            let isUsed = try reading { db in
                try db.number(OutboxSQL.anyRequestBetween, [run.first, run.last]) != nil
            }
            guard !isUsed else { continue }
            try writing { db, _ in
                try db.run(OutboxSQL.deletePages, [run.run])
                try db.run(OutboxSQL.deleteRun, [run.run])
            }
            memory.withLock { memory in memory.runs.removeAll { $0.run == run.run } }
        }
    }

    /// Shortens the file by the pages that are free, then the log.
    func giveBack() throws(OutboxError) {
        do {
            var free = Int64.max
            while true {
                let left = try onWriter { db in
                    let rows = try Row.fetchCursor(db, sql: OutboxSQL.vacuumStep)
                    while try rows.next() != nil {}
                    return try Int64.fetchOne(db, sql: OutboxSQL.freePages) ?? 0
                }
                guard left > 0, left < free else { break }
                free = left
            }
            _ = try onWriter { try $0.checkpoint(.truncate) }
        } catch DatabaseError.SQLITE_BUSY {
            // Somebody reads an old snapshot: the next checkpoint shortens the log.
        } catch {
            throw OutboxError(error, path: file.path)
        }
    }
}
