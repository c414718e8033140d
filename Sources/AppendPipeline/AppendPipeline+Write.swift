import Admission
import EventStore
import LedgerCore
import Outbox
import Postgres

/// What becomes of a batch: it is committed, or buffered, and answered.
extension AppendPipeline {
    func start(_ batch: [Pending], _ book: BookName) {
        if diversion?.reason != nil {
            scheduler.perform { self.buffer(batch, book) }
        } else {
            scheduler.start { await self.write(batch, book) }
        }
    }

    /// Writes a batch, then the ones that have gathered meanwhile.
    private func write(_ batch: [Pending], _ book: BookName) async {
        var batch = batch
        while true {
            await commit(batch, book)
            guard let next = next(of: book) else { return }
            batch = next
        }
    }

    /// The same while PostgreSQL is known to be away: on one thread, which is all that it takes.
    private func buffer(_ batch: [Pending], _ book: BookName) {
        var batch = batch
        while true {
            guard let diversion, let reason = diversion.reason else { return start(batch, book) }
            let answers = diversion.divertNow(batch.map(\.submission), of: book, reason: reason)
            answer(batch, answers)
            guard let next = next(of: book) else { return }
            batch = next
        }
    }

    private func next(of book: BookName) -> [Pending]? {
        state.withLock { state in
            if case .write(let items) = state.lanes[book]?.cycle.stored() { return items }
            // A name that was mistyped keeps no queue.
            if state.lanes[book]?.log.isKnown == false { state.lanes[book] = nil }
            state.resumeIfIdle()
            return nil
        }
    }

    private func commit(_ batch: [Pending], _ book: BookName) async {
        guard let log = state.withLock({ $0.lanes[book]?.log }) else { return }
        guard let diversion else {
            await write(batch, book, log, divertsAt: .distant)
            return
        }
        if let reason = diversion.reason {
            await divert(batch, book, reason)
            return
        }
        let held: Set<Int>
        do throws(OutboxError) {
            held = try await diversion.held(batch.map(\.submission), of: book)
        } catch {
            answer(batch, .failure(AppendError(buffering: error, reason: "the outbox is broken")))
            return
        }
        let direct = batch.indices.filter { !held.contains($0) }.map { batch[$0] }
        let left = await write(
            direct, book, log, divertsAt: deadline(after: limits.divertAfter))
        guard let left else {
            await divert(
                held.sorted().map { batch[$0] }, book, "an earlier event of its position waits")
            return
        }
        // In their order: what was to be diverted anyway may come before or behind.
        let open = Set(left.undone.map(\.number))
        await divert(
            batch.indices.filter { held.contains($0) || open.contains(batch[$0].number) }
                .map { batch[$0] }, book, left.reason)
        if left.isOutage { diversion.markDown(left.reason) }
    }

    /// What a batch has left that goes to the outbox.
    private struct Left {
        /// In their order.
        var undone: [Pending]
        var reason: String
        /// Whether the log as a whole takes nothing now; else only these are at fault.
        var isOutage: Bool
    }

    /// Buffers requests and answers them.
    private func divert(_ batch: [Pending], _ book: BookName, _ reason: String) async {
        guard let diversion, !batch.isEmpty else { return }
        answer(batch, await diversion.divert(batch.map(\.submission), of: book, reason: reason))
    }

    /// Answers requests that went to the outbox.
    private func answer(_ batch: [Pending], _ answers: [Diversion.Answer]) {
        var buffered: Int64 = 0
        var refused: Int64 = 0
        for answer in answers {
            switch answer {
            case .success(.buffered): buffered += 1
            case .failure(.refused): refused += 1
            default: break
            }
        }
        state.withLock { state in
            state.statistics.buffered += buffered
            state.statistics.refused += refused
        }
        for (item, answer) in zip(batch, answers) { item.completion(answer) }
    }

    /// Commits a batch in PostgreSQL and answers its requests. Those that are left when PostgreSQL
    /// does not take them by `divertsAt` come back unanswered, with the reason.
    @discardableResult
    private func write(
        _ batch: [Pending], _ book: BookName, _ log: any BookLog, divertsAt: Deadline
    ) async -> Left? {
        var batch = batch
        var reason = "the ledger was too busy"
        var backoff = Duration.milliseconds(20)
        while true {
            // Each request has a deadline of its own: an old one fails no younger one.
            let now = scheduler.now
            let late = batch.indices { $0.deadline.hasPassed(at: now) }
            if !late.isEmpty {
                answer(Array(batch[late]), .failure(.away(reason)))
                batch.removeSubranges(late)
            }
            guard !batch.isEmpty else { return nil }
            let deadline = batch.map(\.deadline).reduce(divertsAt, Deadline.earlier)
            do {
                let submissions = batch.map(\.submission)
                let committed = try await log.reach(deadline: deadline) { session in
                    try session.append(submissions, keepsOrder: false)
                }
                settle(batch, committed, book)
                return nil
            } catch let error as PostgresError where error.isTransient {
                reason = error.callerText
                try? await scheduler.sleep(for: .milliseconds(scheduler.random(in: 1...10)))
            } catch let error as PostgresError where error.isOutage {
                log.invalidate()
                reason = error.callerText
                note(outage: error.description)
                if divertsAt.hasPassed(at: scheduler.now) {
                    return Left(undone: batch, reason: reason, isOutage: true)
                }
                try? await scheduler.sleep(for: backoff)
                backoff = min(backoff * 2, .milliseconds(250))
            } catch {
                log.invalidate()
                guard batch.count > 1 else {
                    guard diversion == nil || !(error is StoreError) else {
                        return Left(undone: batch, reason: "\(error)", isOutage: false)
                    }
                    answer(batch, .failure(.failed("\(error)")))
                    return nil
                }
                return await writeEach(batch, book, log, divertsAt: divertsAt)
            }
        }
    }

    /// One of a batch is at fault: each on its own, so that no loser fails another. Nothing
    /// overtakes what is left.
    private func writeEach(
        _ batch: [Pending], _ book: BookName, _ log: any BookLog, divertsAt: Deadline
    ) async -> Left? {
        var broken = Left(undone: [], reason: "", isOutage: false)
        var positions: Set<UUID> = []
        for (number, item) in batch.enumerated() {
            let own = item.submission.events.map(\.positionID)
            guard positions.isDisjoint(with: own) else {
                positions.formUnion(own)
                broken.undone.append(item)
                continue
            }
            let left = await write([item], book, log, divertsAt: divertsAt)
            guard let left else { continue }
            broken.undone += left.undone
            broken.reason = left.reason
            positions.formUnion(own)
            if left.isOutage {
                broken.undone += batch[(number + 1)...]
                broken.isOutage = true
                break
            }
        }
        return broken.undone.isEmpty ? nil : broken
    }

    /// Remembers that PostgreSQL cannot take appends, or (nil) that it can again, and tells it
    /// once.
    func note(outage: String?) {
        let isNews = state.withLock { state -> Bool in
            defer { state.statistics.outage = outage }
            return (state.statistics.outage == nil) != (outage == nil)
        }
        if isNews { onOutage(outage) }
    }

    private func settle(_ batch: [Pending], _ committed: BookWriter.Committed, _ book: BookName) {
        var refused: Int64 = 0
        for case .refused in committed.outcomes { refused += 1 }
        state.withLock { state in
            state.statistics.events += Int64(committed.appended)
            state.statistics.requests += Int64(batch.count) - refused
            state.statistics.refused += refused
            state.statistics.commits += committed.appended > 0 ? 1 : 0
        }
        note(outage: nil)
        diversion?.noteCommitted(batch.map(\.submission), committed, in: book)
        signal.raise(book, to: committed.head, isOwn: committed.appended > 0)
        guard committed.appended >= Self.answersApartMin else {
            Self.answer(batch, committed)
            return
        }
        // The next batch need not wait until thousands of events are answered.
        state.withLock { $0.answering += 1 }
        scheduler.start { [self] in
            Self.answer(batch, committed)
            state.withLock { state in
                state.answering -= 1
                state.resumeIfIdle()
            }
        }
    }

    /// From so many events on, a batch is answered while the next one is written.
    private static let answersApartMin = 200

    private static func answer(_ batch: [Pending], _ committed: BookWriter.Committed) {
        for (item, outcome) in zip(batch, committed.outcomes) {
            switch outcome {
            case .committed(let places): item.completion(.success(.committed(places)))
            case .refused(let refusal): item.completion(.failure(.refused(refusal)))
            case .blocked: item.completion(.failure(.failed("the batch keeps no order")))
            }
        }
    }

    private func answer(_ batch: [Pending], _ result: Result<Answer, AppendError>) {
        for item in batch { item.completion(result) }
    }
}
