import EventStore
import Glibc
import LedgerCore
import Postgres
import Projections
import Synchronization

/// Everything that is done with the generations of a book besides following the log: rebuilding,
/// comparing, promoting, going back, emptying; by this build's folds.
public final class GenerationDesk: Sendable {
    let info: ConnectionInfo
    let pool: Pool
    let identity: ProcessIdentity
    /// Books that are being rebuilt by this process.
    let rebuilding = Mutex<Set<BookID>>([])

    /// Connections of a rebuild, and of what is asked meanwhile.
    static let connectionsMax = 6
    /// Steps that may wait for one.
    static let waitingMax = 64
    /// Steps of the audit that are answered.
    static let stepsMax = 20
    /// For one statement of no great size.
    static let shortDeadline = Duration.seconds(20)
    /// Between two looks at the live generation that is followed.
    static let followInterval = Duration.milliseconds(200)
    /// What an owner's name ends with that is a desk: one that rebuilds, or brings up to compare.
    static let role = "desk"
    /// Rows that are deleted in one transaction.
    static let deletedMax: Int64 = 20_000
    /// Who empties a slot does not keep readers waiting longer for its lock.
    private static let truncateWait = "50ms"

    let rangeEventsMax: Int

    /// Connects nowhere yet. `identity` is that of the process.
    public convenience init(_ info: ConnectionInfo, identity: ProcessIdentity) {
        self.init(info, identity: identity, rangeEventsMax: Rebuild.rangeEventsMax)
    }

    /// Rebuilds in smaller ranges.
    init(_ info: ConnectionInfo, identity: ProcessIdentity, rangeEventsMax: Int) {
        self.info = info
        self.rangeEventsMax = rangeEventsMax
        self.identity = identity.acting(as: Self.role)
        pool = Pool(
            info.preparing(true),
            limits: .init(connectionsMax: Self.connectionsMax, waitingMax: Self.waitingMax),
            name: "pg-generations",
            onOpen: { try $0.execute("SET plan_cache_mode = force_custom_plan", deadline: $1) })
    }

    /// Lets what runs finish, and closes all connections.
    public func shutdown() async {
        await pool.shutdown()
    }

    func run<Value: Sendable>(
        _ duration: Duration = GenerationDesk.shortDeadline,
        _ body: @escaping @Sendable (Connection, Deadline) throws -> Value
    ) async throws -> Value {
        let deadline = Deadline.after(duration)
        return try await pool.run(deadline: deadline) { try body($0, deadline) }
    }

    /// The same for what takes long: the body asks the `Wanted` whether its caller has given up.
    func runLong<Value: Sendable>(
        _ duration: Duration,
        _ body: @escaping @Sendable (Connection, Deadline, Wanted) throws -> Value
    ) async throws -> Value {
        let wanted = Wanted()
        return try await withTaskCancellationHandler {
            try await run(duration) { try body($0, $1, wanted) }
        } onCancel: {
            wanted.end()
        }
    }

    /// The generations of a book, the live one first; the last position of its log; and the last
    /// steps that were taken, newest first.
    /// - Throws: `GenerationError.notFound` if there is no such book.
    public func list(
        _ book: BookID
    ) async throws -> (generations: [Generation], head: LogPosition, steps: [GenerationStep]) {
        try await run { connection, deadline in
            (
                generations: try Self.generations(book, connection, deadline),
                head: try LogReader(connection, deadline: deadline).head(book).position,
                steps: try Generations.steps(
                    book, limit: Self.stepsMax, connection, deadline: deadline)
            )
        }
    }

    static func generations(
        _ book: BookID, _ connection: Connection, _ deadline: Deadline
    ) throws -> [Generation] {
        let generations = try Generations.list(book, connection, deadline: deadline)
        guard !generations.isEmpty else {
            throw GenerationError.notFound("there is no book \(book.rawValue)")
        }
        return generations
    }

    /// The generation of `slot`, or the only one that can be meant: the newest that is ready, else
    /// the former one.
    static func other(
        _ slot: Int16?, of generations: [Generation]
    ) throws -> Generation {
        let others = generations.filter { $0.state != .live }
        if let slot {
            guard let named = others.first(where: { $0.slot == slot }) else {
                throw generations.first?.slot == slot
                    ? GenerationError.precondition("slot \(slot) is the live one")
                    : GenerationError.notFound(
                        "slot \(slot) is empty: `nexus-ledger replay` fills a free one")
            }
            return named
        }
        let ready = others.filter { $0.state == .ready }
        if let newest = ready.max(by: { Self.age($0) < Self.age($1) }) {
            return newest
        }
        if let former = others.first(where: { $0.state == .former }) { return former }
        guard let unfinished = others.first else {
            throw GenerationError.notFound(
                "there is no other generation: `nexus-ledger replay` builds one")
        }
        throw GenerationError.precondition(
            "the generation in slot \(unfinished.slot) is not ready (\(unfinished.state.rawValue)):"
                + " `nexus-ledger replay` goes on with a rebuild")
    }

    private static func age(_ generation: Generation) -> (Int64, Int16) {
        (generation.builtAt?.microseconds ?? 0, generation.slot)
    }

    // MARK: Emptying

    /// Empties a slot that is not live: the named one, or the only one.
    /// - Throws: `GenerationError`.
    public func retire(
        _ book: BookID, slot: Int16?, actor: String
    ) async throws -> (slot: Int16, rows: Int64) {
        let (generation, lease) = try await run { connection, deadline in
            try connection.transaction(deadline: deadline) { connection in
                try connection.query(GenerationSQL.limits, deadline: deadline)
                try connection.query(
                    GenerationSQL.lockLiveSlot, [.int4(book.rawValue)], deadline: deadline)
                let generations = try Self.generations(book, connection, deadline)
                let others = generations.filter { $0.state != .live }
                if slot == nil, others.count > 1 {
                    let names = others.map { "\($0.slot) (\($0.state.rawValue))" }
                    throw GenerationError.precondition(
                        "slots \(names.joined(separator: " and ")) are not live: say which with "
                            + "--slot")
                }
                let chosen =
                    try others.count == 1 && slot == nil
                    ? others[0] : Self.other(slot, of: generations)
                if chosen.state == .building {
                    try Self.refuseBuilding(chosen, book, self.identity, connection, deadline)
                }
                let scope: [Parameter] = [.int4(book.rawValue), .int2(chosen.slot)]
                try connection.query(GenerationSQL.forgetFormer, scope, deadline: deadline)
                return (chosen, try Self.fence(chosen.slot, book, connection, deadline))
            }
        }
        let rows = try await empty(lease)
        try await run { connection, deadline in
            try connection.transaction(deadline: deadline) { connection in
                try Self.hold(lease, connection, deadline)
                try connection.query(
                    GenerationSQL.dropCheckpoint,
                    [.int4(book.rawValue), .int2(generation.slot)], deadline: deadline)
                try StepRecord(
                    step: "retired", actor: actor,
                    from: (generation.slot, generation.logicVersion), to: nil,
                    logPosition: generation.logPosition
                ).insert(book, connection, deadline: deadline)
            }
        }
        return (generation.slot, rows)
    }

    /// Takes all rows of a book out of a slot that nobody reads or writes; answers how many.
    /// - Throws: `GenerationError.changedSince` when the slot is somebody else's by now.
    func empty(_ lease: Lease) async throws -> Int64 {
        var rows: Int64 = 0
        for table in ProjectedTable.all {
            if table.relation != table.name, let count = try await truncate(table, lease) {
                rows += count
                continue
            }
            var deleted: Int64
            repeat {
                deleted = try await run { connection, deadline in
                    try connection.transaction(deadline: deadline) { connection in
                        try Self.hold(lease, connection, deadline)
                        return Int64(
                            try connection.query(
                                GenerationSQL.deleteSome(table.relation),
                                [
                                    .int2(lease.slot), .int4(lease.book.rawValue),
                                    .int8(Self.deletedMax),
                                ], deadline: deadline
                            ).affectedRows)
                    }
                }
                rows += deleted
            } while deleted > 0
        }
        return rows
    }

    /// Keeps everybody else from a slot that is to be emptied.
    private static func fence(
        _ slot: Int16, _ book: BookID, _ connection: Connection, _ deadline: Deadline
    ) throws -> Lease {
        do {
            let fenced = try connection.query(
                GenerationSQL.retire, [.int4(book.rawValue), .int2(slot)], deadline: deadline)
            guard let row = fenced.rows.first else {
                throw GenerationError.notFound(
                    "slot \(slot) is empty: `nexus-ledger replay` fills a free one")
            }
            return Lease(book: book, slot: slot, epoch: try row[0].int64())
        } catch let error as PostgresError where error.sqlstate == .lockNotAvailable {
            throw GenerationError.busy("somebody works on slot \(slot) just now: try again")
        }
    }

    /// Holds a slot for the rest of a transaction, and shows that it is worked on: who retires it
    /// too, or takes its rebuild over, waits, and ends the lease.
    private static func hold(
        _ lease: Lease, _ connection: Connection, _ deadline: Deadline
    ) throws {
        let session = PostgresProjectionSession(connection, deadline: deadline)
        guard try session.heartbeat(lease) else {
            throw GenerationError.changedSince(
                "slot \(lease.slot) is emptied or rebuilt by somebody else meanwhile: see "
                    + "`nexus-ledger generations`")
        }
    }

    /// Truncates the table's slot if nobody can miss it: at once, or not at all. Answers how many
    /// rows it had.
    private func truncate(_ table: ProjectedTable, _ lease: Lease) async throws -> Int64? {
        try await run { connection, deadline -> Int64? in
            let relation = "\(table.relation)_\(lease.slot)"
            let isAllowed = try connection.query(
                GenerationSQL.mayTruncate, [.int4(lease.book.rawValue), .int2(lease.slot)],
                deadline: deadline
            ).onlyRow()[0].bool()
            guard isAllowed else { return nil }
            do {
                return try connection.transaction(deadline: deadline) { connection in
                    let count = try connection.query(
                        "SELECT count(*) FROM \(relation)", deadline: deadline
                    ).onlyRow()[0].int64()
                    guard count > Self.deletedMax else { throw TooFew() }
                    try Self.hold(lease, connection, deadline)
                    try connection.execute(
                        "SET LOCAL lock_timeout = '\(Self.truncateWait)'", deadline: deadline)
                    try connection.execute("TRUNCATE \(relation)", deadline: deadline)
                    return count
                }
            } catch is TooFew {
                return nil
            } catch let error as PostgresError where error.serverError != nil {
                return nil
            }
        }
    }

    /// So few rows are deleted as fast.
    private struct TooFew: Error {}
}
