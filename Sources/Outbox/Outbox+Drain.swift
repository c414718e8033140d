import GRDB
import LedgerCore

extension Outbox {
    /// Requests to be drained, in the order of their sequences, from behind `after`: as many as
    /// fit into both limits, but at least one if any waits. `limitBytes` counts the lines.
    ///
    /// - Throws: `.damaged` where a request is not what was written, or is missing; and `.io`.
    public func waiting(
        after: OutboxSequence = .origin, limitEvents: Int, limitBytes: Int
    ) throws(OutboxError) -> [Request] {
        let totals = memory.withLock { $0.totals }
        guard totals.waiting.requests > 0 else { return [] }
        return try reading { db in
            var batch = Batch(eventsMax: limitEvents, bytesMax: limitBytes)
            if totals.againRequests > 0 {
                let again = try db.rows(
                    OutboxSQL.openBetween,
                    [State.waiting.rawValue, after.rawValue, totals.frontier])
                while let row = try again.next() {
                    guard batch.hasRoom(row[1]), batch.take(try Request(row)) else {
                        return batch.requests
                    }
                }
            }
            var expected = max(after.rawValue + 1, totals.frontier)
            let rows = try db.rows(OutboxSQL.requestsAfter, [expected - 1])
            while let row = try rows.next() {
                let sequence: Int64 = row[0]
                // What a purge took meanwhile lies before the frontier of now.
                guard sequence == expected || sequence <= memory.withLock({ $0.totals.frontier })
                else { throw Flaw.missing(expected) }
                expected = sequence + 1
                let state: Int64? = row[RequestRow.headColumns + 2]
                guard state ?? 0 == State.waiting.rawValue else { continue }
                guard batch.hasRoom(row[1]), batch.take(try Request(row)) else {
                    return batch.requests
                }
            }
            guard expected > totals.lastSequence else { throw Flaw.missing(expected) }
            return batch.requests
        }
    }

    /// Fills up to two limits.
    private struct Batch {
        let eventsMax: Int
        let bytesMax: Int
        private var events = 0
        private var bytes = 0
        private(set) var requests: [Request] = []

        init(eventsMax: Int, bytesMax: Int) {
            self.eventsMax = eventsMax
            self.bytesMax = bytesMax
        }

        /// Whether a request of so many events may fit; the first one always does.
        func hasRoom(_ more: Int) -> Bool {
            requests.isEmpty || (events + more <= eventsMax && bytes < bytesMax)
        }

        /// False, without taking it, where it goes beyond a limit and is not the first.
        mutating func take(_ request: Request) -> Bool {
            events += request.draft.lines.count
            bytes += request.draft.byteCount
            guard requests.isEmpty || (events <= eventsMax && bytes <= bytesMax) else {
                return false
            }
            requests.append(request)
            return true
        }
    }

    /// Everything that is known of a request; nil if there is none, or it was purged.
    ///
    /// - Throws: `.damaged` where it is not what was written; and `.io`.
    public func request(_ sequence: OutboxSequence) throws(OutboxError) -> Request? {
        try reading { db in
            try db.first(OutboxSQL.request, [sequence.rawValue]).map { try Request($0) }
        }
    }

    /// Parked requests in the order of their sequences, from behind `after`.
    ///
    /// - Throws: `.damaged` and `.io`.
    public func parked(
        after: OutboxSequence = .origin, limit: Int
    ) throws(OutboxError) -> [Request] {
        try reading { db in
            var requests: [Request] = []
            let rows = try db.rows(
                OutboxSQL.openBetween, [State.parked.rawValue, after.rawValue, Int64.max])
            while requests.count < limit, let row = try rows.next() {
                requests.append(try Request(row))
            }
            return requests
        }
    }

    /// Keeps what became of requests that waited, all in one durable commit, or none.
    ///
    /// A request can only be parked behind one that is parked, before or by an earlier element of
    /// `outcomes`: nobody could resolve it otherwise.
    ///
    /// - Throws: `.unknown`, `.notWaiting` and `.notParked`, which name the request that cannot be
    ///   settled or waited behind; `.full` and `.io`. Limits of size do not hold here: a drain must
    ///   go on in a full outbox.
    public func settle(_ outcomes: [Settlement]) throws(OutboxError) {
        guard !outcomes.isEmpty else { return }
        try writing { db, totals in
            var known = try eventCounts(outcomes.map { $0.sequence.rawValue }.sorted(), in: db)
            for outcome in outcomes {
                let sequence = outcome.sequence.rawValue
                guard let (events, state) = known[sequence] else {
                    throw OutboxError.unknown(outcome.sequence)
                }
                guard state ?? .waiting == .waiting else {
                    throw OutboxError.notWaiting(outcome.sequence, state: state ?? .waiting)
                }
                if case .parked(_, _, let behind?) = outcome {
                    try checkParked(behind, before: outcome.sequence, in: db)
                }
                let row = OutcomeRow(outcome)
                known[sequence] = (events, row.state)
                if state != nil {
                    totals.againRequests -= 1
                    try release(outcome.sequence, from: .waiting, in: db)
                }
                try db.run(OutboxSQL.putOutcome, row.arguments)
                if row.state == .parked { try hold(outcome.sequence, as: .parked, in: db) }
                totals.add(1, events, to: row.state)
                totals.settledMax = max(totals.settledMax, sequence)
            }
            try totals.moveFrontier(db)
        }
    }

    private func checkParked(
        _ behind: OutboxSequence, before sequence: OutboxSequence, in db: Database
    ) throws {
        precondition(behind < sequence, "a request waits behind an earlier one")
        let state = try state(behind.rawValue, in: db) ?? .waiting
        guard state == .parked else { throw OutboxError.notParked(behind, state: state) }
    }

    /// Events and outcome of requests, read in runs of neighbours.
    private func eventCounts(
        _ sequences: [Int64], in db: Database
    ) throws -> [Int64: (events: Int64, state: State?)] {
        var known: [Int64: (events: Int64, state: State?)] = [:]
        var index = 0
        while index < sequences.count {
            var end = index
            while end + 1 < sequences.count, sequences[end + 1] - sequences[end] <= 16 { end += 1 }
            let rows = try db.rows(
                OutboxSQL.eventsBetween, [sequences[index], sequences[end]])
            while let row = try rows.next() {
                let state: Int64? = row[2]
                known[row[0]] = (row[1], state.flatMap { State(rawValue: $0) })
            }
            index = end + 1
        }
        return known
    }
}

extension OutcomeRow {
    fileprivate init(_ settlement: Outbox.Settlement) {
        switch settlement {
        case .drained(let sequence, let places, let at):
            self.init(
                sequence: sequence.rawValue, state: .drained, at: at.microseconds, places: places)
        case .parked(let sequence, let reason, let behind):
            self.init(
                sequence: sequence.rawValue, state: .parked, behind: behind?.rawValue,
                parkedReason: reason)
        }
    }
}
