import GRDB
import LedgerCore

import struct Foundation.Data

extension Outbox {
    /// A parked request waits again, and so do all that are parked behind it, also through
    /// others: in their old order, as it is the order of sequences.
    ///
    /// - Returns: those that wait again, ascending, `sequence` first.
    /// - Throws: `.unknown`, `.notParked`, `.parkedBehind`, which names the one to resolve.
    @discardableResult
    public func retry(_ sequence: OutboxSequence) throws(OutboxError) -> [OutboxSequence] {
        try writing { db, totals in
            _ = try parkedRoot(sequence, in: db)
            let freed = try [sequence] + behind(sequence, in: db)
            try free(freed, &totals, in: db)
            return freed
        }
    }

    /// The same as `retry`, with other lines for the request: those of the same events with what
    /// they expect now. Keys, positions and sequence stay.
    ///
    /// - Parameters:
    ///   - lines: canonical `EventLine` bytes, one for each event of the request, in its order.
    ///   - bases: the versions that are known now; nil leaves those that were known then.
    /// - Returns: those that wait again, ascending, `sequence` first.
    /// - Throws: as `retry`, and `.linesMismatch`.
    @discardableResult
    public func rebase(
        _ sequence: OutboxSequence, lines: [[UInt8]], bases: [UUID: StreamVersion]? = nil
    ) throws(OutboxError) -> [OutboxSequence] {
        try writing { db, totals in
            let request = try parkedRoot(sequence, in: db)
            guard lines.count == request.draft.lines.count else {
                throw OutboxError.linesMismatch(
                    sequence, stored: request.draft.lines.count, given: lines.count)
            }
            precondition(lines.allSatisfy { !$0.isEmpty }, "a line is not empty")
            try replace(lines, bases ?? request.draft.bases, of: request, in: db)
            let freed = try [sequence] + behind(sequence, in: db)
            try free(freed, &totals, in: db)
            return freed
        }
    }

    /// A request that `retry`, `rebase` and `discard` take: one that is parked for itself.
    ///
    /// - Throws: as `retry`.
    public func resolvable(_ sequence: OutboxSequence) throws(OutboxError) -> Request {
        try reading { db in try parkedRoot(sequence, in: db) }
    }

    /// Gives a parked request up for ever; it is kept, and its keys are still found. All that
    /// are parked behind it wait again.
    ///
    /// - Returns: those that wait again, ascending.
    /// - Throws: as `retry`.
    @discardableResult
    public func discard(
        _ sequence: OutboxSequence, actor: String, reason: String, at: Timestamp
    ) throws(OutboxError) -> [OutboxSequence] {
        try writing { db, totals in
            let request = try parkedRoot(sequence, in: db)
            let freed = try behind(sequence, in: db)
            try release(sequence, from: .parked, in: db)
            let outcome = OutcomeRow(
                sequence: sequence.rawValue, state: .discarded, at: at.microseconds,
                parkedReason: request.parking?.reason, actor: actor, resolution: reason)
            try db.run(OutboxSQL.putOutcome, outcome.arguments)
            let events = Int64(request.draft.lines.count)
            totals.add(-1, -events, to: .parked)
            totals.add(1, events, to: .discarded)
            try free(freed, &totals, in: db)
            return freed
        }
    }

    /// A request that is parked for itself.
    private func parkedRoot(_ sequence: OutboxSequence, in db: Database) throws -> Request {
        guard let row = try db.first(OutboxSQL.request, [sequence.rawValue]) else {
            throw OutboxError.unknown(sequence)
        }
        let request = try Request(row)
        guard request.state == .parked else {
            throw OutboxError.notParked(sequence, state: request.state)
        }
        if let behind = request.parking?.behind {
            throw OutboxError.parkedBehind(sequence, root: try root(behind, in: db))
        }
        return request
    }

    /// The request at the end of a chain of blocked ones. It ends, as each waits behind an
    /// earlier one.
    private func root(_ sequence: OutboxSequence, in db: Database) throws -> OutboxSequence {
        var root = sequence
        while let row = try db.first(OutboxSQL.outcomeOf, [root.rawValue]),
            let outcome = try OutcomeRow(row, from: 0), let behind = outcome.behind,
            behind < root.rawValue
        {
            root = OutboxSequence(rawValue: behind)
        }
        return root
    }

    private func behind(_ sequence: OutboxSequence, in db: Database) throws -> [OutboxSequence] {
        try db.numbers(OutboxSQL.behind, [sequence.rawValue]).map { OutboxSequence(rawValue: $0) }
    }

    /// Parked requests wait again.
    private func free(
        _ sequences: [OutboxSequence], _ totals: inout Totals, in db: Database
    ) throws {
        for sequence in sequences {
            let head = try head(sequence, in: db)
            try release(head, from: .parked, in: db)
            try db.run(
                OutboxSQL.putOutcome,
                OutcomeRow(sequence: sequence.rawValue, state: .waiting).arguments)
            try hold(head, as: .waiting, in: db)
            totals.add(-1, -head.events, to: .parked)
            totals.againRequests += 1
        }
    }

    private func replace(
        _ lines: [[UInt8]], _ bases: [UUID: StreamVersion], of request: Request, in db: Database
    ) throws {
        var row = try head(request.sequence, in: db)
        row.positions = RequestRow.encode(request.draft.positions, bases)
        row.setLines(lines)
        try db.run(
            OutboxSQL.updateLines,
            [
                Data(row.positions), row.linesChecksum, row.headChecksum, Data(row.lines ?? []),
                row.sequence,
            ])
    }

    // MARK: - Held positions

    private func head(_ sequence: OutboxSequence, in db: Database) throws -> RequestRow {
        guard let row = try db.first(OutboxSQL.requestHead, [sequence.rawValue]),
            let head = try RequestRow(row, lines: false), head.isHeadIntact
        else { throw Flaw.request(sequence.rawValue) }
        return head
    }

    /// Enters the positions of a request that is parked, or waits again, into `held`.
    func hold(_ sequence: OutboxSequence, as state: State, in db: Database) throws {
        try hold(try head(sequence, in: db), as: state, in: db)
    }

    private func hold(_ head: RequestRow, as state: State, in db: Database) throws {
        try eachHeld(head, state) { try db.run(OutboxSQL.insertHeld, $0) }
    }

    /// Takes them out.
    func release(_ sequence: OutboxSequence, from state: State, in db: Database) throws {
        try release(try head(sequence, in: db), from: state, in: db)
    }

    private func release(_ head: RequestRow, from state: State, in db: Database) throws {
        try eachHeld(head, state) { try db.run(OutboxSQL.deleteHeld, $0) }
    }

    private func eachHeld(
        _ head: RequestRow, _ state: State, _ body: (StatementArguments) throws -> Void
    ) throws {
        guard let positions = head.touched?.positions, let book = BookName(head.book) else {
            throw Flaw.request(head.sequence)
        }
        let sequence = OutboxSequence(rawValue: head.sequence)
        for position in positions {
            try body(OutboxCheck.held(position, book, state, sequence))
        }
    }
}
