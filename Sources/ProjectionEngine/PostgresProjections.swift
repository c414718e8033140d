import EventStore
import LedgerCore
import Postgres
import Projections
import Synchronization

/// The log and the generations in PostgreSQL.
final class PostgresProjections: ProjectionStore {
    private let pool: Pool
    /// How the account tables are written, as their columns were when a generation was claimed.
    private let tables = Mutex<[TableWriter]?>(nil)

    init(_ pool: Pool) {
        self.pool = pool
    }

    func reach<Value: Sendable>(
        deadline: Deadline, _ body: @escaping @Sendable (any ProjectionSession) throws -> Value
    ) async throws -> Value {
        try await pool.run(deadline: deadline) { connection in
            let session = PostgresProjectionSession(
                connection, deadline: deadline, tables: self.tables.withLock { $0 })
            let value = try body(session)
            self.tables.withLock { $0 = session.tables }
            return value
        }
    }
}

/// One connection's use.
final class PostgresProjectionSession: ProjectionSession {
    private let connection: Connection
    private let deadline: Deadline
    /// Read when a generation is claimed.
    private(set) var tables: [TableWriter]?

    /// An owner without a sign of life for this long may be replaced.
    static let leaseMilliseconds: Int32 = 30_000

    init(_ connection: Connection, deadline: Deadline, tables: [TableWriter]? = nil) {
        self.connection = connection
        self.deadline = deadline
        self.tables = tables
    }

    private var reader: LogReader { LogReader(connection, deadline: deadline) }

    func claim(
        _ book: BookID, slot wanted: Int16?, owner: ProcessIdentity, isForced: Bool
    ) throws -> Claim {
        let live = try connection.query(
            ProjectionSQL.liveSlot, [.int4(book.rawValue)], deadline: deadline
        ).onlyRow()
        let slot = try wanted ?? live[0].int16()
        let scope: [Parameter] = [.int4(book.rawValue), .int2(slot)]
        if try slot == live[0].int16() {
            // Before the checkpoint is made: it is made with this build's logic.
            let liveLogic = try live[1].int32()
            guard liveLogic == AccountFold.logicVersion else {
                return .otherLogic(version: liveLogic)
            }
            try connection.query(
                ProjectionSQL.makeCheckpoint, scope + [.int4(AccountFold.logicVersion)],
                deadline: deadline)
        }
        guard
            let row = try connection.query(
                ProjectionSQL.owner, scope + [.int4(Self.leaseMilliseconds)], deadline: deadline
            ).rows.first, try row[6].bool()
        else { return .absent }
        let current = try row[0].string()
        let logic = try row[3].int32()
        guard LogicMark.own.matches(logic, try row[5].string()) else {
            return .otherLogic(version: logic)
        }
        let isFree =
            try isForced || current.isEmpty || current == owner.description || row[4].bool()
            || ProcessIdentity.isDead(current, seenFrom: owner)
        guard isFree else { return .ownedElsewhere(owner: current) }
        let claimed = try connection.query(
            ProjectionSQL.claim,
            scope + [
                .int8(try row[1].int64()), .text(owner.description),
                .text(LogicMark.own.fingerprint),
            ], deadline: deadline)
        guard let taken = claimed.rows.first else { return .ownedElsewhere(owner: current) }
        try readTables()
        return .claimed(
            Lease(book: book, slot: slot, epoch: try taken[0].int64()),
            checkpoint: LogPosition(rawValue: try taken[1].int64()))
    }

    /// Looks how the tables are to be written.
    private func readTables() throws {
        tables = try AccountTables.all.map {
            try TableWriter($0, connection, deadline: deadline)
        }
    }

    func entries(
        _ book: BookID, after: LogPosition, through: LogPosition, since: Timestamp?
    ) throws -> [LogEntry] {
        try reader.entries(
            book, after: after, through: through, since: since,
            until: try reader.head(book).recordedAt)
    }

    func streams(
        _ book: BookID, _ positions: [UUID], through: LogPosition
    ) throws -> [UUID: ReadableStream] {
        try reader.streams(book, positions, through: through)
    }

    func held(
        _ lease: Lease, _ positions: [UUID]
    ) throws -> [UUID: (stale: Stale, version: Int)] {
        var held: [UUID: (stale: Stale, version: Int)] = [:]
        let quarantine = try connection.query(
            ProjectionSQL.writtenVersions,
            [.int2(lease.slot), .int4(lease.book.rawValue), .uuids(positions)],
            deadline: deadline)
        for row in quarantine.rows {
            let stale = Stale(
                reason: try row[1].string(), eventID: try row[2].ifPresent?.id(),
                logPosition: LogPosition(rawValue: try row[4].int64()))
            held[try row[0].id()] = (stale, Int(try row[3].int64()))
        }
        return held
    }

    func write(
        _ changes: [BatchFold.Change], _ lease: Lease, from: LogPosition, through: LogPosition
    ) throws -> WriteOutcome {
        guard let tables else { throw StoreError.inconsistent("no generation was claimed") }
        let writer = GenerationWriter(book: lease.book, slot: lease.slot, tables: tables)
        do {
            return try write(changes, lease, from: from, through: through, writer)
        } catch let error as PostgresError where error.isRefusedRow {
            connection.rollBackIfOpen(deadline: deadline)
            let culprits = try isolate(changes, writer)
            guard !culprits.isEmpty else { throw error }
            return .refused(culprits)
        }
    }

    private func write(
        _ changes: [BatchFold.Change], _ lease: Lease, from: LogPosition, through: LogPosition,
        _ writer: GenerationWriter
    ) throws -> WriteOutcome {
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
                scope(lease) + [.int8(from.rawValue), .int8(through.rawValue)])
        }
        guard claimed[2].affectedRows == 1 else {
            connection.rollBackIfOpen(deadline: deadline)
            return .lost
        }
        try connection.run(pipeline, deadline: deadline)
        try writer.writeTradeStats(
            TradeStats.keys(of: changes), connection: connection, deadline: deadline)
        try connection.execute("COMMIT", deadline: deadline)
        return .written
    }

    /// Tries each position alone; returns those that the tables refuse, with the reason.
    private func isolate(
        _ changes: [BatchFold.Change], _ writer: GenerationWriter
    ) throws -> [UUID: String] {
        var culprits: [UUID: String] = [:]
        try connection.execute("BEGIN", deadline: deadline)
        try connection.query(ProjectionSQL.limits, deadline: deadline)
        for change in changes { culprits[change.position] = try refusal(of: change, writer) }
        try connection.execute("ROLLBACK", deadline: deadline)
        return culprits
    }

    /// Writes a position within the open transaction: why the tables refuse it; nil if they do not.
    private func refusal(
        of change: BatchFold.Change, _ writer: GenerationWriter
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

    func endRebuild(_ lease: Lease) throws {
        try connection.query(GenerationSQL.caughtUp, scope(lease), deadline: deadline)
    }

    func heartbeat(_ lease: Lease) throws -> Bool {
        try connection.query(ProjectionSQL.heartbeat, scope(lease), deadline: deadline)
            .affectedRows == 1
    }

    func release(_ lease: Lease) throws {
        try connection.query(ProjectionSQL.release, scope(lease), deadline: deadline)
    }

    private func scope(_ lease: Lease) -> [Parameter] {
        [.int4(lease.book.rawValue), .int2(lease.slot), .int8(lease.epoch)]
    }
}

extension TradeStats {
    /// The keys whose closed positions changed.
    fileprivate static func keys(of changes: [BatchFold.Change]) -> Set<Key> {
        var keys: Set<Key> = []
        for change in changes {
            if let before = key(change.before.account) { keys.insert(before) }
            if let after = key(change.after.account) { keys.insert(after) }
        }
        return keys
    }
}

extension PostgresError {
    /// Whether a table refused a row: for its values or by a constraint.
    var isRefusedRow: Bool {
        sqlstate?.isDataClass == true || serverError?.constraint != nil
    }
}
