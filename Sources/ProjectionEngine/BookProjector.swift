import EventStore
import LedgerCore
import Postgres
import Projections

/// Keeps one generation of one book up with its log. Used by one call at a time, on whatever
/// connection that call has.
final class BookProjector {
    let book: BookName
    let bookID: BookID
    private let owner: String
    private let slot: Int16
    private(set) var epoch: Int64 = 0
    private(set) var checkpoint = LogPosition.origin
    /// When the event at the checkpoint was recorded; nil until one was read.
    private var recordedAt: Timestamp?
    private let writer: GenerationWriter
    private var cache = AccountCache()

    /// Events of one transaction.
    static let batchEventsMax = 4_000
    /// An owner without a sign of life for this long may be replaced.
    static let leaseMilliseconds: Int32 = 30_000

    /// What came of trying to own a generation.
    enum Claim {
        case claimed(BookProjector)
        /// Another process works on it.
        case ownedElsewhere(owner: String, LogPosition)
        /// The live generation was folded by another version of the logic.
        case otherLogic(version: Int32, LogPosition)
    }

    private init(
        book: BookName, bookID: BookID, slot: Int16, owner: String, epoch: Int64,
        checkpoint: LogPosition, connection: Connection, deadline: Deadline
    ) throws {
        self.book = book
        self.bookID = bookID
        self.owner = owner
        self.slot = slot
        self.epoch = epoch
        self.checkpoint = checkpoint
        writer = try GenerationWriter(
            book: bookID, slot: slot, connection: connection, deadline: deadline)
    }

    /// Takes the live generation over, if nobody else works on it.
    static func claim(
        _ book: BookName, _ id: BookID, owner: ProcessIdentity, connection: Connection,
        deadline: Deadline
    ) throws -> Claim {
        let live = try connection.query(
            ProjectionSQL.liveSlot, [.int4(id.rawValue)], deadline: deadline
        ).onlyRow()
        let slot = try live[0].int16()
        let scope: [Parameter] = [.int4(id.rawValue), .int2(slot)]
        // Before the checkpoint is made: it is made with this build's logic.
        let liveLogic = try live[1].int32()
        guard liveLogic == AccountFold.logicVersion else {
            return .otherLogic(version: liveLogic, .origin)
        }
        try connection.query(
            ProjectionSQL.makeCheckpoint, scope + [.int4(AccountFold.logicVersion)],
            deadline: deadline)
        let row = try connection.query(
            ProjectionSQL.owner, scope + [.int4(leaseMilliseconds)], deadline: deadline
        ).onlyRow()
        let current = try row[0].string()
        let position = LogPosition(rawValue: try row[2].int64())
        let logic = try row[3].int32()
        guard logic == AccountFold.logicVersion else {
            return .otherLogic(version: logic, position)
        }
        let isFree =
            try current.isEmpty || current == owner.description || row[4].bool()
            || ProcessIdentity.isDead(current, seenFrom: owner)
        guard isFree else { return .ownedElsewhere(owner: current, position) }
        let claimed = try connection.query(
            ProjectionSQL.claim,
            scope + [.int8(try row[1].int64()), .text(owner.description)], deadline: deadline)
        guard let taken = claimed.rows.first else {
            return .ownedElsewhere(owner: current, position)
        }
        return .claimed(
            try BookProjector(
                book: book, bookID: id, slot: slot, owner: owner.description,
                epoch: try taken[0].int64(),
                checkpoint: LogPosition(rawValue: try taken[1].int64()),
                connection: connection, deadline: deadline))
    }

    /// Projects the next range up to `head`, of at most `eventsMax` events. False if it lost its
    /// generation to another owner. `isStopping` ends a long fold.
    func advance(
        to head: LogPosition, eventsMax: Int = BookProjector.batchEventsMax,
        connection: Connection, deadline: Deadline,
        isStopping: @escaping () -> Bool = { false }
    ) throws -> Bool {
        let through = min(head, checkpoint.advanced(by: eventsMax))
        guard through > checkpoint else { return true }
        let reader = LogReader(connection, deadline: deadline)
        let until = try reader.head(bookID).recordedAt
        let entries = try reader.entries(
            bookID, after: checkpoint, through: through, since: recordedAt, until: until)
        guard entries.count == Int(through.rawValue - checkpoint.rawValue) else {
            throw StoreError.inconsistent(
                "the log has \(entries.count) events in (\(checkpoint), \(through)]")
        }
        let changes = try fold(entries, through: through, reader, connection, deadline) {
            if isStopping() { throw CancellationError() }
            if deadline.hasPassed {
                throw PostgresError.timedOut("folding \(entries.count) events")
            }
        }
        do {
            guard try write(changes, through: through, connection, deadline) else { return false }
        } catch let error as PostgresError where error.isRefusedRow {
            // A row that the tables refuse: quarantine the position, not the projection.
            connection.rollBackIfOpen(deadline: deadline)
            let culprits = try isolate(changes, connection, deadline)
            guard !culprits.isEmpty else { throw error }
            let kept = try changes.map { change -> BatchFold.Change in
                guard let reason = culprits[change.position] else { return change }
                var held = change
                held.after = change.before
                held.after.stale = Stale(reason: reason, eventID: nil, logPosition: change.first)
                held.rows = try AccountTables.changes(from: held.before, to: held.after)
                return held
            }
            guard try write(kept, through: through, connection, deadline) else { return false }
        }
        recordedAt = entries.last?.recordedAt
        return true
    }

    private func fold(
        _ entries: [LogEntry], through: LogPosition, _ reader: LogReader,
        _ connection: Connection, _ deadline: Deadline, check: @escaping () throws -> Void
    ) throws -> [BatchFold.Change] {
        var unknown: Set<UUID> = []
        for entry in entries
        where entry.version != StreamVersion.none.next && cache[entry.positionID] == nil {
            unknown.insert(entry.positionID)
        }
        for entry in entries where entry.version == StreamVersion.none.next {
            unknown.remove(entry.positionID)
        }
        let read = try written(Array(unknown), reader, connection, deadline)
        let batch = BatchFold(
            stream: { position in
                try reader.streams(self.bookID, [position], through: through)[position]
                    ?? ReadableStream()
            }, check: check)
        return try batch.fold(entries) { position in
            read[position] ?? self.cache[position] ?? Written(account: nil, stale: nil)
        }
    }

    /// What stands in the tables of positions that are not cached: the fold of their events, or
    /// of the prefix that a quarantine has left.
    private func written(
        _ positions: [UUID], _ reader: LogReader, _ connection: Connection, _ deadline: Deadline
    ) throws -> [UUID: Written] {
        guard !positions.isEmpty else { return [:] }
        var held: [UUID: (stale: Stale, version: Int)] = [:]
        let quarantine = try connection.query(
            ProjectionSQL.writtenVersions,
            [.int2(slot), .int4(bookID.rawValue), .uuids(positions)], deadline: deadline)
        for row in quarantine.rows {
            let stale = Stale(
                reason: try row[1].string(), eventID: try row[2].ifPresent?.id(),
                logPosition: LogPosition(rawValue: try row[4].int64()))
            held[try row[0].id()] = (stale, Int(try row[3].int64()))
        }
        var written: [UUID: Written] = [:]
        for (position, stream) in try reader.streams(bookID, positions, through: checkpoint) {
            let prefix = stream.events.prefix(held[position]?.version ?? stream.count)
            guard prefix.count == held[position]?.version ?? stream.count else {
                throw StoreError.inconsistent(
                    "position \(position) is written, but event "
                        + "\(stream.flaw?.logPosition ?? .origin) of it cannot be read by this "
                        + "build")
            }
            do throws(FoldError) {
                written[position] = Written(
                    account: prefix.isEmpty ? nil : try AccountFold.fold(Array(prefix)),
                    stale: held[position]?.stale)
            } catch {
                throw StoreError.inconsistent(
                    "position \(position) is written but cannot be folded: \(error)")
            }
        }
        return written
    }

    private func write(
        _ changes: [BatchFold.Change], through: LogPosition, _ connection: Connection,
        _ deadline: Deadline
    ) throws -> Bool {
        // Put together before the transaction begins: it may not idle for long.
        var pipeline = Pipeline()
        writer.add(changes, to: &pipeline)
        // The compare-and-set first, and nothing behind it in the same round trip: a fenced owner
        // must not write a row.
        let claimed = try connection.pipeline(deadline: deadline) { pipeline in
            pipeline.add("BEGIN")
            pipeline.add(ProjectionSQL.limits)
            pipeline.add(
                ProjectionSQL.advance,
                [
                    .int4(bookID.rawValue), .int2(slot), .int8(epoch),
                    .int8(checkpoint.rawValue), .int8(through.rawValue),
                ])
        }
        guard claimed[2].affectedRows == 1 else {
            connection.rollBackIfOpen(deadline: deadline)
            cache.removeAll()
            return false
        }
        try connection.run(pipeline, deadline: deadline)
        try writer.writeTradeStats(
            closedKeys(changes), connection: connection, deadline: deadline)
        try connection.execute("COMMIT", deadline: deadline)
        checkpoint = through
        for change in changes { cache.insert(change.after, for: change.position) }
        return true
    }

    /// Keys of trade_stats whose closed positions changed.
    private func closedKeys(_ changes: [BatchFold.Change]) -> Set<TradeStats.Key> {
        var keys: Set<TradeStats.Key> = []
        for change in changes {
            let before = TradeStats.key(change.before.account)
            let after = TradeStats.key(change.after.account)
            guard before != nil || after != nil else { continue }
            if let before { keys.insert(before) }
            if let after { keys.insert(after) }
        }
        return keys
    }

    /// Tries each position alone; returns those that the tables refuse, with the reason.
    private func isolate(
        _ changes: [BatchFold.Change], _ connection: Connection, _ deadline: Deadline
    ) throws -> [UUID: String] {
        var culprits: [UUID: String] = [:]
        try connection.execute("BEGIN", deadline: deadline)
        try connection.query(ProjectionSQL.limits, deadline: deadline)
        for change in changes {
            culprits[change.position] = try refusal(of: change, connection, deadline)
        }
        try connection.execute("ROLLBACK", deadline: deadline)
        return culprits
    }

    /// Writes a position within the open transaction: why the tables refuse it; nil if they do not.
    private func refusal(
        of change: BatchFold.Change, _ connection: Connection, _ deadline: Deadline
    ) throws -> String? {
        var pipeline = Pipeline()
        writer.add([change], to: &pipeline)
        try connection.execute("SAVEPOINT one", deadline: deadline)
        do {
            try connection.run(pipeline, deadline: deadline)
            return nil
        } catch {
            guard error.isRefusedRow else { throw error }
            try connection.execute("ROLLBACK TO SAVEPOINT one", deadline: deadline)
            return "its rows are refused: \(error.description)"
        }
    }

    /// Shows a sign of life. False if the generation has another owner.
    func heartbeat(_ connection: Connection, _ deadline: Deadline) throws -> Bool {
        try connection.query(ProjectionSQL.heartbeat, scope, deadline: deadline).affectedRows == 1
    }

    /// Lets others take over at once.
    func release(_ connection: Connection, _ deadline: Deadline) throws {
        try connection.query(ProjectionSQL.release, scope, deadline: deadline)
    }

    private var scope: [Parameter] {
        [.int4(bookID.rawValue), .int2(slot), .int8(epoch)]
    }
}

extension PostgresError {
    /// Whether a table refused a row: for its values or by a constraint.
    fileprivate var isRefusedRow: Bool {
        sqlstate?.isDataClass == true || serverError?.constraint != nil
    }
}
