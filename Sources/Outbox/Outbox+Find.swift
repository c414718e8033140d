import GRDB
import LedgerCore

import struct Foundation.Data

extension Outbox {
    /// Where events are stored, by their keys; keys that no request holds are left out. No SQL
    /// for keys that are neither in the youngest 131,072 entries nor let pass by a filter.
    ///
    /// - Throws: `.damaged` and `.io`.
    public func find(
        _ book: BookName, _ keys: [[UInt8]]
    ) throws(OutboxError) -> [[UInt8]: Location] {
        let prints = Fingerprint(book)
        let search = search(keys.map { prints.of(key: $0) }, from: 0)
        guard search.mayHit else { return [:] }
        return try reading { db in
            var found: [[UInt8]: Location] = [:]
            for (number, key) in keys.enumerated() where found[key] == nil {
                for place in try search.places(number, in: db).reversed() {
                    guard try holds(place, key, book, in: db) else { continue }
                    found[key] = Location(
                        sequence: OutboxSequence(rawValue: place.sequence), index: place.index,
                        state: try state(place.sequence, in: db) ?? .waiting)
                    break
                }
            }
            return found
        }
    }

    private func holds(
        _ place: Place, _ key: [UInt8], _ book: BookName, in db: Database
    ) throws -> Bool {
        guard let row = try db.first(OutboxSQL.requestHead, [place.sequence]) else { return false }
        guard let head = try RequestRow(row, lines: false), head.isHeadIntact,
            let keys = head.keyList
        else { throw Flaw.request(place.sequence) }
        return head.book == book.description && place.index < keys.count
            && keys[place.index] == key
    }

    /// The state of a request that has an outcome.
    func state(_ sequence: Int64, in db: Database) throws -> State? {
        try outcome(sequence, in: db)?.state
    }

    /// The outcome of a request that has one.
    func outcome(_ sequence: Int64, in db: Database) throws -> OutcomeRow? {
        guard let row = try db.first(OutboxSQL.outcomeOf, [sequence]) else { return nil }
        guard let outcome = try OutcomeRow(row, from: 0), outcome.isIntact else {
            throw Flaw("the outcome of request \(sequence) is damaged", sequence: sequence)
        }
        return outcome
    }

    /// The positions of `positions` that a waiting or parked request touches: what comes for
    /// them now has to queue behind it. No SQL while nothing waits or is parked, nor for
    /// positions whose youngest request was not settled yet.
    ///
    /// Two positions share a fingerprint once in 2⁶⁴: then one may be named too many.
    ///
    /// - Throws: `.damaged` and `.io`.
    public func touched(
        _ book: BookName, _ positions: [UUID]
    ) throws(OutboxError) -> Set<UUID> {
        let totals = memory.withLock { $0.totals }
        guard !totals.isIdle else { return [] }
        let prints = Fingerprint(book)
        var touched: Set<UUID> = []
        var open: [UUID] = []
        memory.withLock { memory in
            for position in positions {
                let last = memory.tail.last(prints.of(position: position))
                if let last, last.sequence > memory.totals.settledMax {
                    touched.insert(position)
                } else {
                    open.append(position)
                }
            }
        }
        let search = search(open.map { prints.of(position: $0) }, from: totals.frontier)
        guard !open.isEmpty, search.mayHit || totals.heldRequests > 0 else { return touched }
        let rest = try reading { db in
            try open.enumerated().filter { number, position in
                try isHeld(position, book, in: db)
                    || search.places(number, in: db).contains {
                        try db.number(OutboxSQL.stateOf, [$0.sequence]) == nil
                    }
            }.map(\.element)
        }
        return touched.union(rest)
    }

    /// Whether a request touches a position that is parked or waits again.
    private func isHeld(
        _ position: UUID, _ book: BookName, in db: Database
    ) throws -> Bool {
        try db.number(OutboxSQL.isHeld, [Data(position.octets), book.description]) != nil
    }
}

/// Fingerprints on their way through the index: hits of the tail, and the runs whose filters let
/// them pass.
struct IndexSearch {
    fileprivate var prints: [Int64]
    fileprivate var from: Int64
    fileprivate var tail: [[Place]]
    fileprivate var runs: [[IndexRun]]

    /// Whether anything is left to read.
    var mayHit: Bool {
        tail.contains { !$0.isEmpty } || runs.contains { !$0.isEmpty }
    }

    /// All places of a fingerprint, the newest first.
    func places(_ number: Int, in db: Database) throws -> [Place] {
        var places = tail[number]
        for run in runs[number] {
            places += try run.places(prints[number], from: from, in: db)
        }
        return places
    }
}

extension Outbox {
    /// Looks fingerprints up in memory, in requests from `sequence` on.
    func search(_ prints: [Int64], from sequence: Int64) -> IndexSearch {
        let (tail, runs) = memory.withLock { memory in
            (prints.map { memory.tail.places($0, from: sequence) }, memory.runs)
        }
        let young = runs.filter { $0.last >= sequence }.reversed()
        return IndexSearch(
            prints: prints, from: sequence, tail: tail,
            runs: prints.map { print in young.filter { $0.filter.mayContain(print) } })
    }
}
