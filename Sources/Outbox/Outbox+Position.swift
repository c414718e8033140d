import GRDB
import LedgerCore

import struct Foundation.Data

extension Outbox {
    /// The requests that touch a position and stand in one of `states`, ascending, from behind
    /// `after`. Those that wait or are parked are found by the index without reading the others.
    ///
    /// - Throws: `.damaged` and `.io`.
    public func requests(
        of book: BookName, _ position: UUID, _ states: Set<State> = [.waiting, .parked],
        after: OutboxSequence = .origin, limit: Int = .max
    ) throws(OutboxError) -> [Request] {
        let totals = memory.withLock { $0.totals }
        let areOpen = states.isSubset(of: [.waiting, .parked])
        guard !areOpen || !totals.isIdle else { return [] }
        let from = max(areOpen ? totals.frontier : 0, after.rawValue + 1)
        let search = search([Fingerprint(book).of(position: position)], from: from)
        guard search.mayHit || (areOpen && totals.heldRequests > 0) else { return [] }
        return try reading { db in
            var sequences = Set(try search.places(0, in: db).map(\.sequence))
            if areOpen {
                sequences.formUnion(
                    try db.numbers(
                        OutboxSQL.heldSequences,
                        [Data(position.octets), book.description, 0, 1]))
            }
            var requests: [Request] = []
            for sequence in sequences.sorted() where sequence > after.rawValue {
                guard requests.count < limit else { break }
                guard let row = try db.first(OutboxSQL.request, [sequence]) else { continue }
                let request = try Request(row)
                guard states.contains(request.state), request.touches(position, of: book) else {
                    continue
                }
                requests.append(request)
            }
            return requests
        }
    }

    /// What is known, without its lines, of a request that touches a position.
    public struct Earlier: Hashable, Sendable {
        /// Its place in the outbox.
        public var sequence: OutboxSequence
        /// Where it stands.
        public var state: State
        /// The keys of all its events, those of other positions among them.
        public var keys: [[UInt8]]
        /// Where its events lie in the log, as `settle` was told; only when drained.
        public var places: [UInt8]?
        /// When it was drained or discarded.
        public var settledAt: Timestamp?
    }

    /// The requests of this outbox that touch a position, from behind `after` to before
    /// `sequence`, ascending.
    ///
    /// - Throws: `.damaged` and `.io`.
    public func earlier(
        _ book: BookName, _ position: UUID, after: OutboxSequence = .origin,
        before sequence: OutboxSequence
    ) throws(OutboxError) -> [Earlier] {
        let search = search(
            [Fingerprint(book).of(position: position)], from: after.rawValue + 1)
        guard search.mayHit else { return [] }
        return try reading { db in
            let sequences = Set(try search.places(0, in: db).map(\.sequence))
            var earlier: [Earlier] = []
            for found in sequences.sorted() where found < sequence.rawValue {
                guard let row = try db.first(OutboxSQL.requestHead, [found]) else { continue }
                guard let head = try RequestRow(row, lines: false), head.isHeadIntact,
                    let keys = head.keyList, let touched = head.touched
                else { throw Flaw.request(found) }
                guard head.book == book.description, touched.positions.contains(position) else {
                    continue
                }
                let outcome = try outcome(found, in: db)
                earlier.append(
                    Earlier(
                        sequence: OutboxSequence(rawValue: found),
                        state: outcome?.state ?? .waiting, keys: keys, places: outcome?.places,
                        settledAt: outcome?.at.map { Timestamp(microseconds: $0) }))
            }
            return earlier
        }
    }
}

extension Outbox.Request {
    fileprivate func touches(_ position: UUID, of book: BookName) -> Bool {
        draft.book == book && draft.positions.contains(position)
    }
}
