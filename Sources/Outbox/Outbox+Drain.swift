import GRDB
import LedgerCore

import struct Foundation.Data

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
            try fill(&batch, after: after, totals, in: db)
            return batch.requests
        }
    }

    /// What a drain takes up next: requests of one book.
    public struct Round: Hashable, Sendable {
        /// In the order of their sequences.
        public var requests: [Request]
        /// Of each of their positions that has to wait, the parked request that it waits behind.
        public var blockers: [UUID: OutboxSequence]

        /// Takes them as they are.
        public init(requests: [Request] = [], blockers: [UUID: OutboxSequence] = [:]) {
            self.requests = requests
            self.blockers = blockers
        }
    }

    /// Those of `waiting` that are of the first one's book, and what blocks them: all of one
    /// snapshot, so that what an operator resolves meanwhile is seen whole or not at all; then
    /// settling them fails, and the next round sees it.
    ///
    /// - Throws: as `waiting`.
    public func next(limitEvents: Int, limitBytes: Int) throws(OutboxError) -> Round {
        let totals = memory.withLock { $0.totals }
        guard totals.waiting.requests > 0 else { return Round() }
        return try reading { db in
            var batch = Batch(eventsMax: limitEvents, bytesMax: limitBytes)
            try fill(&batch, after: .origin, totals, in: db)
            guard let book = batch.requests.first?.draft.book else { return Round() }
            var round = Round(requests: batch.requests.filter { $0.draft.book == book })
            for position in Set(round.requests.flatMap(\.draft.positions)) {
                round.blockers[position] = try blocker(of: position, book, in: db)
            }
            return round
        }
    }

    /// The first parked request that touches a position and lets nothing overtake it.
    private func blocker(
        of position: UUID, _ book: BookName, in db: Database
    ) throws -> OutboxSequence? {
        let parked = try db.numbers(
            OutboxSQL.heldSequences, [Data(position.octets), book.description, 1, 1])
        for sequence in parked.sorted() {
            let parking = try outcome(sequence, in: db).map { outcome in
                Parking(reason: outcome.parkedReason ?? "", behind: nil)
            }
            if parking?.isContradiction != true { return OutboxSequence(rawValue: sequence) }
        }
        return nil
    }

    private func fill(
        _ batch: inout Batch, after: OutboxSequence, _ totals: Totals, in db: Database
    ) throws {
        if totals.againRequests > 0 {
            let again = try db.rows(
                OutboxSQL.openBetween,
                [State.waiting.rawValue, after.rawValue, totals.frontier])
            while let row = try again.next() {
                guard batch.hasRoom(row[1]), batch.take(try Request(row)) else { return }
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
            guard batch.hasRoom(row[1]), batch.take(try Request(row)) else { return }
        }
        guard expected > totals.lastSequence else { throw Flaw.missing(expected) }
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
