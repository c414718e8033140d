import EventStore
import LedgerCore
import Postgres
import Projections

/// Writes what a range of positions comes to, and that it is there, in one transaction.
struct RangeWriter {
    private let lease: Lease
    private let connection: Connection
    private let deadline: Deadline

    init(_ lease: Lease, _ connection: Connection, _ deadline: Deadline) {
        self.lease = lease
        self.connection = connection
        self.deadline = deadline
    }

    private var scope: [Parameter] { [.int4(lease.book.rawValue), .int2(lease.slot)] }

    /// From where to where a range brings the rebuild.
    struct Step: Sendable {
        var from: UUID?
        var through: UUID
        var events: Int64
    }

    /// - Throws: `GenerationError.busy` if somebody else has the rebuild by now; `PostgresError`
    ///   where the tables refuse a row, and then nothing was written.
    func write(_ parts: [FoldedRange], _ step: Step) throws {
        try connection.transaction(deadline: deadline) { connection in
            try take(step)
            var days = DayTerms()
            for part in parts {
                try copy(part)
                for delta in part.days.deltas { days.add(delta) }
            }
            try write(days, stale: parts.flatMap(\.stale))
        }
    }

    /// The same position by position: one whose rows the tables refuse stands still without rows.
    func writeEach(_ arena: EventArena, _ step: Step) throws {
        try connection.transaction(deadline: deadline) { connection in
            try take(step)
            for position in arena.positions {
                let stream = try arena.stream(position)
                var part = FoldedRange(slot: lease.slot, book: lease.book)
                try part.fold(stream, of: position)
                try connection.execute("SAVEPOINT one", deadline: deadline)
                do {
                    try copy(part)
                    try write(part.days, stale: part.stale)
                } catch let error as PostgresError where error.isRefusedRow {
                    try connection.execute("ROLLBACK TO SAVEPOINT one", deadline: deadline)
                    let why = Stale(
                        reason: "its rows are refused: \(error.description)", eventID: nil,
                        logPosition: stream.first)
                    try write(DayTerms(), stale: [(position, why)])
                }
                try connection.execute("RELEASE SAVEPOINT one", deadline: deadline)
            }
        }
    }

    private func take(_ step: Step) throws {
        try connection.query(GenerationSQL.limits, deadline: deadline)
        let claimed = try connection.query(
            GenerationSQL.rebuilt,
            scope + [
                .int8(lease.epoch), step.from.map { .uuid($0) } ?? .null(.uuid),
                .uuid(step.through), .int8(step.events),
            ], deadline: deadline)
        guard claimed.affectedRows == 1 else {
            throw GenerationError.busy("another process goes on with this rebuild")
        }
    }

    private func write(_ days: DayTerms, stale: [(position: UUID, why: Stale)]) throws {
        var pipeline = Pipeline()
        let writer = GenerationWriter(book: lease.book, slot: lease.slot, tables: [])
        writer.add(days.deltas, to: &pipeline)
        for (position, why) in stale { writer.add(why, of: position, to: &pipeline) }
        try connection.run(pipeline, deadline: deadline)
    }

    private func copy(_ part: FoldedRange) throws {
        for (index, table) in AccountTables.all.enumerated() {
            var rows = part.tables[index]
            guard rows.rowCount > 0 else { continue }
            try connection.copyIn(Self.copy(table), deadline: deadline) { out in
                try out.finish(&rows)
            }
        }
    }

    private static func copy(_ table: AccountTable) -> String {
        """
        COPY \(table.name)_rows (slot, book_id, \(table.columns.joined(separator: ", ")))
        FROM STDIN (FORMAT binary)
        """
    }

    /// Computes the statistics of all keys, and lets the slot follow the log from its target on.
    func finish(_ claim: Rebuild.Claim, actor: String) throws {
        try connection.transaction(deadline: deadline) { connection in
            try connection.query(GenerationSQL.limits, deadline: deadline)
            let finished = try connection.query(
                GenerationSQL.finish, scope + [.int8(lease.epoch)], deadline: deadline)
            guard finished.affectedRows == 1 else {
                throw GenerationError.busy("another process goes on with this rebuild")
            }
            let keys = try connection.query(
                GenerationSQL.closedKeys, [.int2(lease.slot), .int4(lease.book.rawValue)],
                deadline: deadline
            ).rows.map { row in
                TradeStats.Key(
                    strategy: ExactText(try row[0].string()), asset: ExactText(try row[1].string()),
                    settle: ExactText(try row[2].string()))
            }
            let writer = GenerationWriter(book: lease.book, slot: lease.slot, tables: [])
            try writer.writeTradeStats(Set(keys), connection: connection, deadline: deadline)
            try StepRecord(
                step: "rebuilt", actor: actor, from: nil,
                to: (lease.slot, AccountFold.logicVersion), logPosition: claim.target
            ).insert(lease.book, connection, deadline: deadline)
        }
    }
}

/// An audit record that is to be written.
struct StepRecord {
    var step: String
    var actor: String
    var from: (slot: Int16, logic: Int32)?
    var to: (slot: Int16, logic: Int32)?
    var logPosition: LogPosition
    var digest: String?
    var totals: [UInt8]?

    func insert(_ book: BookID, _ connection: Connection, deadline: Deadline) throws {
        try connection.query(
            GenerationSQL.record,
            [
                .int4(book.rawValue), .text(step), .text(actor),
                from.map { .int2($0.slot) } ?? .null(.int2),
                to.map { .int2($0.slot) } ?? .null(.int2),
                from.map { .int4($0.logic) } ?? .null(.int4),
                to.map { .int4($0.logic) } ?? .null(.int4), .int8(logPosition.rawValue),
                digest.map { .text($0) } ?? .null(.text),
                totals.map { .json(utf8: $0) } ?? .null(.json),
            ], deadline: deadline)
    }
}
