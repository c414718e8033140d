import EventStore
import Glibc
import LedgerCore
import Postgres
import Projections

/// Rebuilding a generation, and following the live one.
extension GenerationDesk {
    /// Builds a generation in a free slot, or goes on with one that this build's folds have begun,
    /// until it stands where the live one stands; says on the way how far it is. Cancelled, it
    /// keeps what it has.
    /// - Throws: `GenerationError`: no free slot, or somebody else rebuilds the book.
    public func rebuild(
        _ book: BookID, _ options: RebuildOptions,
        progress: @escaping @Sendable (RebuildState) async throws -> Void
    ) async throws -> RebuildState {
        guard rebuilding.withLock({ $0.insert(book).inserted }) else {
            throw GenerationError.precondition(
                "book \(book.rawValue) is being rebuilt by this process: wait for it")
        }
        defer { rebuilding.withLock { _ = $0.remove(book) } }
        let beginning = try await begin(book)
        do {
            let state = try await rebuild(book, beginning, options, progress)
            await release(beginning.lease)
            return state
        } catch {
            await release(beginning.lease)
            throw error
        }
    }

    private func rebuild(
        _ book: BookID, _ beginning: Beginning, _ options: RebuildOptions,
        _ progress: @escaping @Sendable (RebuildState) async throws -> Void
    ) async throws -> RebuildState {
        // Whatever a crash has left there.
        if let work = beginning.work, work.through == nil { _ = try await empty(work.lease) }
        var state = RebuildState(
            slot: beginning.lease.slot, logicVersion: AccountFold.logicVersion,
            eventsTotal: beginning.target.rawValue, logPosition: beginning.target,
            head: beginning.target)
        state.events = beginning.events
        if let through = beginning.through {
            state.positions = try await run { connection, deadline in
                try connection.query(
                    GenerationSQL.positionsThrough, [.int4(book.rawValue), .uuid(through)],
                    deadline: deadline
                ).onlyRow()[0].int64()
            }
        }
        state.resumed = beginning.isResumed
        if beginning.work == nil { state.phase = .catchingUp }
        state.memoryPeakBytes = Self.memoryPeak()
        try await progress(state)
        if let work = beginning.work { try await build(work, options, &state, progress) }
        try await catchUp(book, &state, progress)
        return state
    }

    /// Where a rebuild begins.
    private struct Beginning: Sendable {
        var lease: Lease
        /// What is to be built; nil if only catching up is left.
        var work: Rebuild.Claim?
        /// The log position that it is built to.
        var target: LogPosition
        /// Positions up to this one are there; nil before the first.
        var through: UUID?
        /// Events that are there.
        var events: Int64
        var isResumed: Bool

        init(_ work: Rebuild.Claim, isResumed: Bool) {
            lease = work.lease
            self.work = work
            target = work.target
            through = work.through
            events = work.events
            self.isResumed = isResumed
        }

        /// Goes on with one that has all ranges.
        init(behind taken: Rebuild.Claim) {
            lease = taken.lease
            target = taken.target
            through = UUID(high: .max, low: .max)
            events = taken.target.rawValue
            isResumed = true
        }
    }

    private func build(
        _ work: Rebuild.Claim, _ options: RebuildOptions, _ state: inout RebuildState,
        _ progress: @escaping @Sendable (RebuildState) async throws -> Void
    ) async throws {
        let start = ContinuousClock.now
        var done: Int64 = 0
        let rebuild = Rebuild(work, pool, options, rangeEventsMax: rangeEventsMax)
        try await rebuild.run { events, positions in
            done += events
            state.events += events
            state.positions += positions
            let elapsed = Double((ContinuousClock.now - start) / .microseconds(1)) / 1e6
            state.eventsPerSecond = Double(done) / max(elapsed, 1e-3)
            let left = max(0, state.eventsTotal - state.events)
            state.secondsLeft = Double(left) / max(state.eventsPerSecond, 1)
            state.memoryPeakBytes = Self.memoryPeak()
            try await progress(state)
        }
        let lease = work.lease
        let actor = options.actor
        try await run(Rebuild.rangeDeadline) { connection, deadline in
            try RangeWriter(lease, connection, deadline).finish(work, actor: actor)
            for table in ProjectedTable.all where table.relation != table.name {
                // Who may not analyse leaves that to autovacuum.
                try? connection.execute(
                    "ANALYZE \(table.relation)_\(lease.slot)", deadline: deadline)
            }
        }
    }

    /// Brings the generation to where the live one is, which may move on meanwhile.
    private func catchUp(
        _ book: BookID, _ state: inout RebuildState,
        _ progress: @escaping @Sendable (RebuildState) async throws -> Void
    ) async throws {
        state.phase = .catchingUp
        state.secondsLeft = nil
        let follower = Following(CatchUp(info, book, slot: state.slot, owner: identity))
        while true {
            try Task.checkCancellation()
            state.head = try await liveCheckpoint(book)
            state.memoryPeakBytes = Self.memoryPeak()
            if state.logPosition >= state.head { break }
            try await progress(state)
            let through = min(state.head, state.logPosition.advanced(by: Self.catchUpEventsMax))
            try await follower.reach(through, pool)
            state.logPosition = through
        }
        // Where nothing was to be caught up with, it is owned from here on.
        try await follower.reach(state.logPosition, pool)
        try await follower.endRebuild(pool)
        try await follower.release(pool)
        let slot = state.slot
        state.quarantined = try await run { connection, deadline in
            try connection.query(
                GenerationSQL.quarantined, [.int2(slot), .int4(book.rawValue)],
                deadline: deadline
            ).onlyRow()[0].int64()
        }
        state.phase = .ready
        state.secondsLeft = 0
        try await progress(state)
    }

    /// Events after which a generation that catches up says how far it is.
    private static let catchUpEventsMax = 4_000

    /// Follows the live generation with the one in `slot` until cancelled, or until that one is
    /// live itself: its ledger goes on with it then.
    public func follow(_ book: BookID, slot: Int16) async throws {
        let follower = Following(CatchUp(info, book, slot: slot, owner: identity))
        while !Task.isCancelled {
            let live = try await run { connection, deadline in
                try Self.generations(book, connection, deadline)[0]
            }
            if live.slot == slot { break }
            try await follower.reach(live.logPosition, pool)
            try? await Task.sleep(for: Self.followInterval)
        }
        try await follower.release(pool)
    }

    func liveCheckpoint(_ book: BookID) async throws -> LogPosition {
        try await run { connection, deadline in
            try Self.generations(book, connection, deadline)[0].logPosition
        }
    }

    /// A CatchUp, used by one call at a time on the threads of a pool.
    private final class Following: @unchecked Sendable {
        private let work: CatchUp

        init(_ work: CatchUp) {
            self.work = work
        }

        func reach(_ position: LogPosition, _ pool: Pool) async throws {
            let deadline = Deadline.after(Rebuild.rangeDeadline)
            try await withTaskCancellationHandler {
                try await pool.run(deadline: deadline) { _ in
                    try self.work.reach(position, deadline)
                }
            } onCancel: {
                work.wanted.end()
            }
        }

        func endRebuild(_ pool: Pool) async throws {
            let deadline = Deadline.after(.seconds(5))
            try await pool.run(deadline: deadline) { _ in try self.work.endRebuild(deadline) }
        }

        func release(_ pool: Pool) async throws {
            try await pool.run(deadline: .after(.seconds(5))) { _ in try self.work.release() }
        }
    }

    // MARK: Beginning

    private func begin(_ book: BookID) async throws -> Beginning {
        let owner = identity
        return try await run { connection, deadline in
            try connection.transaction(deadline: deadline) { connection in
                try connection.query(GenerationSQL.limits, deadline: deadline)
                try connection.query(
                    GenerationSQL.lockLiveSlot, [.int4(book.rawValue)], deadline: deadline)
                let generations = try Self.generations(book, connection, deadline)
                if let behind = generations.first(where: { $0.isBehind && $0.isOurs }),
                    let taken = try Self.goOn(
                        with: behind, live: generations[0], book, owner, connection, deadline)
                {
                    return Beginning(behind: taken)
                }
                if let unfinished = generations.first(where: { $0.state == .building }) {
                    return Beginning(
                        try Self.resume(unfinished, book, owner, connection, deadline),
                        isResumed: true)
                }
                return Beginning(
                    try Self.start(generations, book, owner, connection, deadline),
                    isResumed: false)
            }
        }
    }

    /// Takes a generation over that has still to catch up, from the ledger that follows it too;
    /// nil if the live one is behind it, as after going back.
    private static func goOn(
        with behind: Generation, live: Generation, _ book: BookID, _ owner: ProcessIdentity,
        _ connection: Connection, _ deadline: Deadline
    ) throws -> Rebuild.Claim? {
        guard behind.logPosition <= live.logPosition else { return nil }
        if behind.owner.hasSuffix("#\(GenerationDesk.role)"), behind.owner != owner.description {
            try refuseBuilding(behind, book, owner, connection, deadline)
        }
        return try take(behind, book, owner, connection, deadline)
    }

    private static func resume(
        _ unfinished: Generation, _ book: BookID, _ owner: ProcessIdentity,
        _ connection: Connection, _ deadline: Deadline
    ) throws -> Rebuild.Claim {
        let slot = unfinished.slot
        guard unfinished.isOurs else {
            throw GenerationError.precondition(
                "slot \(slot) holds an unfinished rebuild by \(unfinished.logic): finish it with "
                    + "the build that began it, or empty it with `nexus-ledger retire --slot "
                    + "\(slot)`")
        }
        if unfinished.owner != owner.description {
            try refuseBuilding(unfinished, book, owner, connection, deadline)
        }
        return try take(unfinished, book, owner, connection, deadline)
    }

    private static func take(
        _ generation: Generation, _ book: BookID, _ owner: ProcessIdentity,
        _ connection: Connection, _ deadline: Deadline
    ) throws -> Rebuild.Claim {
        let target = generation.rebuildingTo
        let row = try connection.query(
            GenerationSQL.resume,
            [
                .int4(book.rawValue), .int2(generation.slot), .text(owner.description),
                target.map { .int8($0.rawValue) } ?? .null(.int8),
            ], deadline: deadline
        ).onlyRow()
        return Rebuild.Claim(
            lease: Lease(book: book, slot: generation.slot, epoch: try row[0].int64()),
            target: try target ?? LogPosition(rawValue: row[3].int64()),
            through: try row[1].ifPresent?.id(), events: try row[2].int64())
    }

    /// Of a process on another host it is only known when it last wrote something.
    /// - Throws: `GenerationError.precondition` if a process that is alive builds the generation.
    static func refuseBuilding(
        _ unfinished: Generation, _ book: BookID, _ owner: ProcessIdentity,
        _ connection: Connection, _ deadline: Deadline
    ) throws {
        let isIdle = try connection.query(
            GenerationSQL.isIdle, [.int4(book.rawValue), .int2(unfinished.slot)],
            deadline: deadline
        ).onlyRow()[0].bool()
        let isFree =
            unfinished.owner.isEmpty || ProcessIdentity.isDead(unfinished.owner, seenFrom: owner)
            || (isIdle && !unfinished.owner.hasPrefix(owner.host + "/"))
        guard !isFree else { return }
        throw GenerationError.precondition(
            "slot \(unfinished.slot) is being rebuilt by \(unfinished.owner): wait for it, or end "
                + "that process (one on another host counts as gone after a minute without a word)")
    }

    private static func start(
        _ generations: [Generation], _ book: BookID, _ owner: ProcessIdentity,
        _ connection: Connection, _ deadline: Deadline
    ) throws -> Rebuild.Claim {
        let used = Set(generations.map(\.slot))
        guard let slot = (1...3).map(Int16.init).first(where: { !used.contains($0) }) else {
            let others = generations.filter { $0.state != .live }
            let names = others.map { "\($0.slot) (\($0.state.rawValue))" }
            throw GenerationError.precondition(
                "no slot is free: empty \(names.joined(separator: " or ")) with `nexus-ledger "
                    + "retire --slot N`")
        }
        let target = generations[0].logPosition
        let begun = try connection.query(
            GenerationSQL.begin,
            [
                .int4(book.rawValue), .int2(slot), .int4(LogicMark.own.version),
                .text(LogicMark.own.fingerprint), .int8(target.rawValue),
                .text(owner.description),
            ], deadline: deadline)
        guard let row = begun.rows.first else {
            throw GenerationError.busy("slot \(slot) was taken meanwhile: try again")
        }
        return Rebuild.Claim(
            lease: Lease(book: book, slot: slot, epoch: try row[0].int64()), target: target,
            through: nil, events: 0)
    }

    private func release(_ lease: Lease) async {
        try? await Task { [pool] in
            try await pool.run(deadline: .after(.seconds(5))) { connection in
                try PostgresProjectionSession(connection, deadline: .after(.seconds(5)))
                    .release(lease)
            }
        }.value
    }

    /// The most resident bytes that this process ever had (VmHWM); 0 where it is not told. Not
    /// getrusage, which begins with the peak of the process that started this one.
    private static func memoryPeak() -> Int64 {
        guard let file = fopen("/proc/self/status", "r") else { return 0 }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        while fgets(&line, Int32(line.count), file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self)
            guard text.hasPrefix("VmHWM:") else { continue }
            return (Int64(text.filter(\.isNumber)) ?? 0) * 1_024
        }
        return 0
    }
}
