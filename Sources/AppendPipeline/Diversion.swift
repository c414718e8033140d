import Admission
import Dispatch
import EventStore
import LedgerCore
import Outbox
import Synchronization

/// The way of requests around PostgreSQL: decides which of them go to the outbox, answers those
/// that are known there, and buffers the rest (architecture.md, "The outbox").
public final class Diversion: Sendable {
    /// Where requests are kept.
    public let outbox: Outbox
    private let host: String
    private let clock: @Sendable () -> Timestamp
    private let books = Mutex(OfflineBooks())
    private let down = Mutex<String?>(nil)
    /// Waits for the disk, so none of the threads that serve callers is held.
    private let queue = DispatchQueue(label: "outbox", attributes: .concurrent)
    /// Raised when something was buffered or is to be drained again.
    let wake = Wake()

    /// `clock` tells when a request was buffered.
    public init(
        outbox: Outbox, host: String, clock: @escaping @Sendable () -> Timestamp
    ) {
        self.outbox = outbox
        self.host = host
        self.clock = clock
    }

    /// Why PostgreSQL is known not to take appends; nil while it is thought to.
    public var reason: String? { down.withLock { $0 } }

    /// The drain looks at once: with nothing to drain it is up again, and tried.
    func markDown(_ reason: String) {
        down.withLock { $0 = reason }
        wake.raise()
    }

    func markUp() { down.withLock { $0 = nil } }

    /// Runs what waits for the disk.
    func blocking<Value: Sendable>(
        _ body: @escaping @Sendable () -> Value
    ) async -> Value {
        await withCheckedContinuation { continuation in
            queue.async { continuation.resume(returning: body()) }
        }
    }

    // MARK: Which way

    /// The requests of a batch that must not go to PostgreSQL directly, by their numbers: they
    /// touch a position that has something buffered, by themselves or through an earlier one.
    func held(
        _ submissions: [Submission], of book: BookName
    ) async throws(OutboxError) -> Set<Int> {
        guard !outbox.isIdle else { return [] }
        let result = await blocking { () -> Result<Set<Int>, OutboxError> in
            do throws(OutboxError) {
                let positions = Set(submissions.flatMap { $0.events.map(\.positionID) })
                var touched = try self.outbox.touched(book, Array(positions))
                var held: Set<Int> = []
                for (number, submission) in submissions.enumerated() {
                    let own = submission.events.lazy.map(\.positionID)
                    guard own.contains(where: touched.contains) else { continue }
                    held.insert(number)
                    touched.formUnion(own)
                }
                return .success(held)
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    // MARK: Buffering

    /// What became of a request here.
    typealias Answer = Result<AppendPipeline.Answer, AppendError>

    private enum Decision {
        case answer(Answer)
        /// It says what an earlier request of the batch, of this number, says.
        case repeats(Int)
        case draft(Outbox.Draft)
    }

    /// Buffers requests in one durable commit, in their order, and answers each.
    func divert(
        _ submissions: [Submission], of book: BookName, reason: String
    ) async -> [Answer] {
        await blocking { self.store(submissions, book, reason) }
    }

    /// Held while requests are decided and stored, and while a drain tells what it has left: what
    /// is known of a position and what is buffered of it change together.
    private let storing = Mutex(())

    private func store(
        _ submissions: [Submission], _ book: BookName, _ reason: String
    ) -> [Answer] {
        storing.withLock { _ in storeAlone(submissions, book, reason) }
    }

    private func storeAlone(
        _ submissions: [Submission], _ book: BookName, _ reason: String
    ) -> [Answer] {
        var decisions: [Decision] = []
        var pending: [[UInt8]: (request: Int, index: Int)] = [:]
        for submission in submissions {
            let decision = decide(
                submission, book, reason, among: submissions, decisions: decisions, &pending)
            decisions.append(decision)
        }
        var drafts: [Outbox.Draft] = []
        for case .draft(let draft) in decisions { drafts.append(draft) }
        var sequences: [OutboxSequence] = []
        do throws(OutboxError) {
            sequences = try outbox.append(drafts)
        } catch {
            books.withLock { books in
                for draft in drafts { books.forget(book, draft.positions) }
            }
            let failure = AppendError(buffering: error, reason: reason)
            return decisions.map { decision in
                if case .answer(let answer) = decision { return answer }
                return .failure(failure)
            }
        }
        if !drafts.isEmpty { wake.raise() }
        var next = 0
        var answers: [Answer] = []
        for decision in decisions {
            switch decision {
            case .answer(let answer): answers.append(answer)
            case .repeats(let number): answers.append(answers[number])
            case .draft:
                answers.append(
                    .success(.buffered(sequence: sequences[next].rawValue, reason: reason)))
                next += 1
            }
        }
        return answers
    }

    private func decide(
        _ submission: Submission, _ book: BookName, _ reason: String,
        among submissions: [Submission], decisions: [Decision],
        _ pending: inout [[UInt8]: (request: Int, index: Int)]
    ) -> Decision {
        let events = submission.events
        let keys = events.map { OutboxKey.of($0) }
        let known: [[UInt8]: Outbox.Location]
        do throws(OutboxError) {
            known = try outbox.find(book, keys)
            if !known.isEmpty, let answer = try answer(events, keys, known, book) {
                return .answer(answer)
            }
        } catch {
            return .answer(.failure(AppendError(buffering: error, reason: reason)))
        }
        var isNew = keys.map { known[$0] == nil }
        for (index, key) in keys.enumerated() where isNew[index] {
            guard let place = pending[key] else { continue }
            let first = submissions[place.request].events[place.index]
            if let conflict = Self.conflict(events[index], at: index, with: first, key) {
                return .answer(.failure(.refused(conflict)))
            }
            isNew[index] = false
        }
        if isNew.allSatisfy({ !$0 }), let first = keys.compactMap({ pending[$0]?.request }).max() {
            return .repeats(first)
        }
        let admitted = books.withLock { books in
            let result = books.admit(events, isNew: isNew, in: book)
            if case .success(let accepted) = result { books.take(accepted, in: book) }
            return result
        }
        switch admitted {
        case .failure(let refusal): return .answer(.failure(.refused(refusal)))
        case .success(let accepted):
            for (index, key) in keys.enumerated() where pending[key] == nil {
                pending[key] = (decisions.count, index)
            }
            var positions: [UUID] = []
            var seen: Set<UUID> = []
            for event in events where seen.insert(event.positionID).inserted {
                positions.append(event.positionID)
            }
            return .draft(
                Outbox.Draft(
                    book: book,
                    lines: events.map { EventLine(book: book, event: $0).canonicalBytes },
                    keys: keys, positions: positions, bases: accepted.bases,
                    peerUID: submission.origin.peerUID, bufferedAt: clock(), reason: reason))
        }
    }

    /// The answer to a request whose events are all in the outbox, or which contradicts one that
    /// is; nil if it has to be buffered.
    private func answer(
        _ events: [NewEvent], _ keys: [[UInt8]], _ known: [[UInt8]: Outbox.Location],
        _ book: BookName
    ) throws(OutboxError) -> Answer? {
        var requests: [OutboxSequence: Outbox.Request] = [:]
        for (index, key) in keys.enumerated() {
            guard let location = known[key] else { continue }
            if requests[location.sequence] == nil {
                requests[location.sequence] = try outbox.request(location.sequence)
            }
            guard let request = requests[location.sequence],
                let first = request.event(location.index)
            else { continue }
            if let conflict = Self.conflict(events[index], at: index, with: first, key) {
                return .failure(.refused(conflict))
            }
            if let resolution = request.resolution {
                return .failure(
                    .refused(
                        .precondition(
                            index: index,
                            reason: "the event was discarded from the outbox by "
                                + "\(resolution.actor): \(resolution.reason)")))
            }
        }
        guard keys.allSatisfy({ known[$0] != nil }) else { return nil }
        let open = requests.values.filter { $0.state == .waiting || $0.state == .parked }
        guard let last = open.max(by: { $0.sequence < $1.sequence }) else {
            return Self.places(keys, known, requests).map { .success(.committed($0)) }
        }
        let reason =
            last.parking.map { "parked: \($0.reason)" } ?? last.draft.reason
        return .success(.buffered(sequence: last.sequence.rawValue, reason: reason))
    }

    private static func places(
        _ keys: [[UInt8]], _ known: [[UInt8]: Outbox.Location],
        _ requests: [OutboxSequence: Outbox.Request]
    ) -> [Place]? {
        var places: [Place] = []
        for key in keys {
            guard let location = known[key], let bytes = requests[location.sequence]?.places,
                let all = PlacesCodec.decode(bytes), location.index < all.count
            else { return nil }
            var place = all[location.index]
            place.isDuplicate = true
            places.append(place)
        }
        return places
    }

    /// The refusal of an event that says something else than what is buffered under its key.
    private static func conflict(
        _ event: NewEvent, at index: Int, with first: NewEvent, _ key: [UInt8]
    ) -> Refusal? {
        let id = first.eventID ?? EventIdentity.derivedID(of: first.payload, terms: nil)
        let known = Event(
            eventID: id ?? first.positionID, positionID: first.positionID, version: .none,
            logPosition: .origin, effectiveAt: first.effectiveAt, recordedAt: first.effectiveAt,
            payload: first.payload)
        return EventIdentity.difference(event, from: known).map { member in
            .contentConflict(index: index, eventID: known.eventID, member: member, known: known)
        }
    }

    // MARK: What PostgreSQL told

    /// A direct commit has left positions so.
    func noteCommitted(_ book: BookName, _ streams: [UUID: StreamState]) {
        books.withLock { $0.committed(book, streams) }
    }

    /// The drain has left positions so. Those that have more buffered stay as they are; of those
    /// that it did not append to, as their events were known, nothing is known any more.
    func learn(
        _ book: BookName, _ drained: [[UUID]], _ streams: [UUID: StreamState]
    ) async {
        let positions = Array(Set(drained.joined()))
        guard !positions.isEmpty else { return }
        await blocking {
            self.storing.withLock { _ in
                let held = (try? self.outbox.touched(book, positions)) ?? Set(positions)
                self.books.withLock { books in
                    let free = positions.filter { !held.contains($0) }
                    books.forget(book, free.filter { streams[$0] == nil })
                    books.committed(book, streams.filter { !held.contains($0.key) })
                }
            }
        }
    }

    /// An operator has resolved a request of these positions.
    func forget(_ book: BookName, _ positions: [UUID]) {
        books.withLock { $0.forget(book, positions) }
        wake.raise()
    }

    /// The origin of a request that was buffered.
    func origin(of request: Outbox.Request) -> Origin {
        Origin(
            peerUID: request.draft.peerUID, host: host,
            buffered: .init(
                at: request.draft.bufferedAt, sequence: request.sequence.rawValue))
    }
}

extension Outbox.Request {
    /// One of its events; nil if the line cannot be read, which a build of another vocabulary may
    /// find.
    func event(_ index: Int) -> NewEvent? {
        draft.lines[index].withUnsafeBufferPointer { try? EventLine(parsing: $0).event }
    }

    /// All of them; nil if one cannot be read.
    func events() -> [NewEvent]? {
        var events: [NewEvent] = []
        for index in draft.lines.indices {
            guard let event = event(index) else { return nil }
            events.append(event)
        }
        return events
    }
}

extension AppendError {
    /// Neither PostgreSQL nor the outbox takes it.
    init(buffering error: OutboxError, reason: String) {
        switch error {
        case .full: self = .overloaded("\(error); \(reason)")
        default: self = .unavailable("\(reason); \(error)")
        }
    }
}

/// A signal for one waiter: raised any number of times, it wakes once.
final class Wake: Sendable {
    private struct State {
        var isRaised = false
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    func raise() { resume(isRaised: true) }

    private func resume(isRaised: Bool) {
        let waiter = state.withLock { state in
            defer { state.waiter = nil }
            if isRaised, state.waiter == nil { state.isRaised = true }
            return state.waiter
        }
        waiter?.resume()
    }

    /// Returns at the next signal, after `limit`, or when the task is cancelled.
    func wait(atMost limit: Duration) async {
        let timer = Task {
            do { try await Task.sleep(for: limit) } catch { return }
            self.resume(isRaised: false)
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDone = state.withLock { state in
                    if state.isRaised || Task.isCancelled {
                        state.isRaised = false
                        return true
                    }
                    state.waiter = continuation
                    return false
                }
                if isDone { continuation.resume() }
            }
        } onCancel: {
            self.resume(isRaised: false)
        }
        timer.cancel()
    }
}
