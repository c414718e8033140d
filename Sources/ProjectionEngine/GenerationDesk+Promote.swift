import EventStore
import LedgerCore
import Postgres
import Projections
import Synchronization

/// What a promotion did.
public struct Promotion: Sendable {
    /// What readers see from now on.
    public var live: Generation
    /// What they saw before.
    public var former: Generation
    /// Where both stood.
    public var logPosition: LogPosition
    /// How often both were tried to be had at one log position.
    public var attempts: Int
    /// Of the comparison that was made at that moment.
    public var digest: String
}

/// What going back did.
public struct Reversion: Sendable {
    /// What readers see from now on.
    public var live: Generation
    /// What they saw before.
    public var former: Generation
    /// Events that the live generation lacks which the one before had.
    public var lagEvents: Int64
}

/// Comparing, promoting and going back.
extension GenerationDesk {
    /// The longest comparison.
    private static let compareDeadline = Duration.seconds(3_600)
    /// Attempts to have both generations at one log position.
    private static let attemptsMax = 10

    /// Compares the live generation with another one at a log position that both have reached;
    /// what was found is kept, so that it can be promoted.
    /// - Parameters:
    ///   - tables: As their views are called; empty for all.
    ///   - slot: Of the other one; nil for the only one that can be meant.
    /// - Throws: `GenerationError`.
    public func compare(
        _ book: BookID, tables: [String], slot: Int16?,
        progress: @escaping @Sendable (Int64) async throws -> Void
    ) async throws -> ComparisonResult {
        let chosen = try Self.chosen(tables)
        return try await comparing(book, slot, chosen, progress) { connection, result, _, _ in
            try Self.keep(result, chosen, book, connection)
            return result
        }.value
    }

    /// Positions of a sample that are folded at once.
    private static let sampleStep = 100

    /// Folds positions at random afresh and compares them with their live rows, as a preview of a
    /// rebuild. What it finds cannot be promoted.
    /// - Throws: `GenerationError`.
    public func sample(
        _ book: BookID, tables: [String], count: Int
    ) async throws -> ComparisonResult {
        let chosen = try Self.chosen(tables).filter(\.isByPosition)
        if let sums = tables.first(where: { name in !chosen.contains { $0.name == name } }) {
            throw GenerationError.precondition(
                "\(sums) sums over many positions, which a sample does not have: leave it out, or "
                    + "rebuild with `nexus-ledger replay` and compare all")
        }
        return try await runLong(Self.compareDeadline) { connection, deadline, wanted in
            let live = try Self.generations(book, connection, deadline)[0]
            let audit = PositionAudit(book: book, slot: live.slot, tables: chosen)
            let positions = try audit.pick(count, on: connection, deadline: deadline)
            var found = PositionAudit.Found(logPosition: live.logPosition)
            for start in stride(from: 0, to: positions.count, by: Self.sampleStep) {
                try wanted.check()
                let some = positions[start..<min(start + Self.sampleStep, positions.count)]
                let checked = try audit.check(Array(some), on: connection, deadline: deadline)
                found.differences += checked.differences
                found.rows += checked.rows
                found.logPosition = checked.logPosition
                for (table, counts) in checked.counts {
                    let known = found.counts[table] ?? (0, 0)
                    found.counts[table] = (
                        known.before + counts.before, known.after + counts.after
                    )
                }
            }
            return try ComparisonResult(
                sample: found, live: live.slot, positions: Int64(positions.count),
                tables: chosen)
        }
    }

    /// The tables of these names; all if there is none.
    static func chosen(_ names: [String]) throws -> [ProjectedTable] {
        guard !names.isEmpty else { return ProjectedTable.all }
        let known = ProjectedTable.all.map(\.name)
        if let wrong = names.first(where: { !known.contains($0) }) {
            throw GenerationError.notFound(
                "there is no projection \"\(wrong)\": give `nexus-ledger compare` one of "
                    + known.joined(separator: ", "))
        }
        return ProjectedTable.all.filter { names.contains($0.name) }
    }

    /// Compares, and calls `finish` while both generations stand still at one log position, in
    /// the transaction that is committed then. Tried again where they could not be had there.
    private func comparing<Value: Sendable>(
        _ book: BookID, _ slot: Int16?, _ tables: [ProjectedTable],
        _ progress: @escaping @Sendable (Int64) async throws -> Void,
        finish:
            @escaping @Sendable (Connection, ComparisonResult, Generation, Generation) throws
            -> Value
    ) async throws -> (value: Value, attempts: Int) {
        var attempts = 1
        while true {
            do {
                let value = try await attempt(book, slot, tables, progress, finish)
                return (value, attempts)
            } catch GenerationError.busy(let reason) {
                attempts += 1
                guard attempts <= Self.attemptsMax else { throw GenerationError.busy(reason) }
            }
        }
    }

    private func attempt<Value: Sendable>(
        _ book: BookID, _ slot: Int16?, _ tables: [ProjectedTable],
        _ progress: @escaping @Sendable (Int64) async throws -> Void,
        _ finish:
            @escaping @Sendable (Connection, ComparisonResult, Generation, Generation) throws
            -> Value
    ) async throws -> Value {
        let (info, identity) = (info, identity)
        let rows = AsyncStream.makeStream(of: Int64.self, bufferingPolicy: .bufferingNewest(1))
        return try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask {
                for await count in rows.stream { try await progress(count) }
                return nil
            }
            group.addTask {
                defer { rows.continuation.finish() }
                return try await self.runLong(Self.compareDeadline) {
                    connection, deadline, wanted in
                    let generations = try Self.generations(book, connection, deadline)
                    let other = try Self.ready(slot, of: generations)
                    let catchUp = CatchUp(
                        info, book, slot: other.slot, owner: identity, wanted: wanted)
                    defer { try? catchUp.release() }
                    return try GenerationComparison(
                        book: book, live: generations[0].slot, other: other.slot,
                        tables: tables
                    ).run(
                        on: connection,
                        catchUp: {
                            try catchUp.reach($0, $1)
                            try catchUp.endRebuild($1)
                        },
                        progress: { count in
                            try wanted.check()
                            rows.continuation.yield(count)
                        },
                        finish: { try finish($0, $1, generations[0], other) })
                }
            }
            var found: Value?
            for try await value in group { found = value ?? found }
            guard let found else { throw CancellationError() }
            return found
        }
    }

    /// The other generation, if it can be compared.
    static func ready(_ slot: Int16?, of generations: [Generation]) throws -> Generation {
        let other = try other(slot, of: generations)
        guard other.state == .ready || other.state == .former else {
            throw GenerationError.precondition(
                "the generation in slot \(other.slot) is not ready (\(other.state.rawValue)): "
                    + "`nexus-ledger replay` goes on with a rebuild")
        }
        return other
    }

    private static func keep(
        _ result: ComparisonResult, _ tables: [ProjectedTable], _ book: BookID,
        _ connection: Connection
    ) throws {
        let deadline = Deadline.after(shortDeadline)
        try connection.query(
            GenerationSQL.keepComparison,
            [
                .int4(book.rawValue), .int2(result.live), .int2(result.other),
                .text(result.digest), .int8(result.logPosition.rawValue),
                .textArray(tables.map(\.name)), .json(utf8: result.totalsJSON),
                .json(utf8: try result.differencesJSON(linesMax: ComparisonResult.linesMax)),
            ], deadline: deadline)
        try connection.query(
            GenerationSQL.forgetComparisons, [.int4(book.rawValue)], deadline: deadline)
    }

    // MARK: Promoting

    /// Makes another generation the live one, if comparing all tables now gives the differences
    /// with the digest `expect`; with `allowsNewer` also if only positions differ otherwise that
    /// events have come for since. Readers see the old one or the new one, and wait for nothing.
    /// - Throws: `GenerationError`; `changedSince` says what changed.
    public func promote(
        _ book: BookID, slot: Int16?, expect: String, actor: String, allowsNewer: Bool
    ) async throws -> Promotion {
        let looked = try await run { connection, deadline in
            let generations = try Self.generations(book, connection, deadline)
            let other = try Self.ready(slot, of: generations)
            return try LookedAt.read(
                expect, book, live: generations[0].slot, other: other.slot, connection, deadline)
        }
        let (promotion, attempts) = try await comparing(
            book, slot, ProjectedTable.all, { _ in }
        ) { connection, result, live, other in
            let deadline = Deadline.after(Self.shortDeadline)
            if result.digest != expect {
                try looked.check(
                    result, book, allowsNewer: allowsNewer, connection, deadline)
            }
            try Self.makeLive(
                other, insteadOf: live, book, step: "promoted", canGoBack: true, actor: actor,
                at: result.logPosition, digest: result.digest, totals: result.totalsJSON,
                connection, deadline)
            let now = try Self.generations(book, connection, deadline)
            return Promotion(
                live: now[0], former: now.first { $0.slot == live.slot } ?? live,
                logPosition: result.logPosition, attempts: 1, digest: result.digest)
        }
        var answer = promotion
        answer.attempts = attempts
        return answer
    }

    /// Readers see `next` from the commit on, and `revert` goes back if it `canGoBack`.
    /// - Throws: `GenerationError.changedSince` where another one is live by now, or `next` does
    ///   not stand at `position` any more: it may have been emptied since it was looked at.
    static func makeLive(
        _ next: Generation, insteadOf live: Generation, _ book: BookID, step: String,
        canGoBack: Bool, actor: String, at position: LogPosition, digest: String?, totals: [UInt8]?,
        _ connection: Connection, _ deadline: Deadline
    ) throws {
        let changed = try connection.query(
            GenerationSQL.promote,
            [
                .int4(book.rawValue), .int2(live.slot), .int2(next.slot),
                .int4(next.logicVersion), canGoBack ? .int2(live.slot) : .null(.int2),
            ], deadline: deadline)
        guard changed.affectedRows == 1 else {
            throw GenerationError.changedSince(
                "slot \(live.slot) is not live any more: somebody else has promoted another "
                    + "generation; see `nexus-ledger status`")
        }
        let stands = try connection.query(
            GenerationSQL.lockReady, [.int4(book.rawValue), .int2(next.slot)], deadline: deadline
        ).rows.first.map { LogPosition(rawValue: try $0[0].int64()) }
        guard stands == position else {
            throw GenerationError.changedSince(
                "slot \(next.slot) does not stand at \(position) any more: somebody has emptied or "
                    + "moved it; see `nexus-ledger status`")
        }
        // The worker of the one would go on with it, ahead of the new live one, until it heard of
        // this; whoever has followed with the other would keep it from the worker of the live one.
        for slot in [live.slot, next.slot] {
            try connection.query(
                GenerationSQL.fence, [.int4(book.rawValue), .int2(slot)], deadline: deadline)
        }
        try StepRecord(
            step: step, actor: actor, from: (live.slot, live.logicVersion),
            to: (next.slot, next.logicVersion), logPosition: position, digest: digest,
            totals: totals
        ).insert(book, connection, deadline: deadline)
    }

    // MARK: Going back

    /// For both generations to be had at one log position, when going back.
    private static let revertDeadline = Duration.seconds(10)

    /// Makes the former generation the live one again. It is brought to where the live one is, if
    /// this build's folds have made it; else it is behind, which has to be allowed. The one that
    /// was live is ready to be promoted again, which takes a comparison: going back twice, as
    /// after a lost answer, does not go forth.
    /// - Throws: `GenerationError`: there is no former one, or it is behind.
    public func revert(
        _ book: BookID, actor: String, allowsStale: Bool
    ) async throws -> Reversion {
        let (info, identity) = (info, identity)
        return try await run(Self.compareDeadline) { connection, _ in
            let deadline = Deadline.after(Self.revertDeadline)
            let generations = try Self.generations(book, connection, deadline)
            let live = generations[0]
            guard let former = generations.first(where: { $0.state == .former }) else {
                throw try Self.nothingToGoBackTo(book, connection, deadline)
            }
            let catchUp = CatchUp(info, book, slot: former.slot, owner: identity)
            defer { try? catchUp.release() }
            if former.isOurs { try? catchUp.reach(live.logPosition, deadline) }
            return try connection.transaction(deadline: deadline) { connection in
                try connection.query(GenerationSQL.limits, deadline: deadline)
                let row = try connection.query(
                    GenerationSQL.lockCheckpoint, [.int4(book.rawValue), .int2(live.slot)],
                    deadline: deadline
                ).rows.first
                let at = LogPosition(rawValue: try row?[0].int64() ?? 0)
                if former.isOurs { try? catchUp.reach(at, deadline) }
                let stands = try connection.query(
                    GenerationSQL.checkpoint, [.int4(book.rawValue), .int2(former.slot)],
                    deadline: deadline
                ).onlyRow()[0].int64()
                let lag = max(0, at.rawValue - stands)
                guard lag == 0 || allowsStale else {
                    throw GenerationError.precondition(
                        "the former generation in slot \(former.slot) is \(lag) events behind: it "
                            + "stands at \(stands), the live one at \(at), and it was folded by "
                            + "\(former.logic); go back all the same with --stale, or let a "
                            + "ledger of that build catch up first")
                }
                var totals = CanonicalJSON()
                totals.beginObject()
                totals.key("lag_events")
                totals.integer(lag)
                totals.endObject()
                try Self.makeLive(
                    former, insteadOf: live, book, step: "reverted", canGoBack: false,
                    actor: actor, at: LogPosition(rawValue: stands), digest: nil,
                    totals: totals.bytes, connection, deadline)
                let now = try Self.generations(book, connection, deadline)
                return Reversion(
                    live: now[0], former: now.first { $0.slot == live.slot } ?? live,
                    lagEvents: lag)
            }
        }
    }

    private static func nothingToGoBackTo(
        _ book: BookID, _ connection: Connection, _ deadline: Deadline
    ) throws -> GenerationError {
        let last = try Generations.steps(book, limit: 1, connection, deadline: deadline).first
        guard let last, last.step == "reverted", let from = last.fromSlot, let to = last.toSlot
        else {
            return .notFound(
                "there is no former generation to go back to: it was retired, or nothing was "
                    + "ever promoted; `nexus-ledger status` lists what there is")
        }
        return .notFound(
            "\(last.actor) went back from slot \(from) to slot \(to) already, at \(last.at): "
                + "to go forth again, `nexus-ledger compare --slot \(from)` and promote it")
    }
}
