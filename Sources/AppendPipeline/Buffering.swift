import Admission
import EventStore
import LedgerCore
import Outbox

/// Decides the requests of one batch that go to the outbox, each on what the earlier ones left.
struct Buffering {
    let diversion: Diversion
    let book: BookName
    let reason: String
    private var submissions: [Submission] = []
    /// Events of the batch, by their keys: which request, and which of its events.
    private var pending: [[UInt8]: (request: Int, index: Int)] = [:]

    init(diversion: Diversion, book: BookName, reason: String) {
        self.diversion = diversion
        self.book = book
        self.reason = reason
    }

    mutating func decide(_ submission: Submission) -> Diversion.Decision {
        let number = submissions.count
        submissions.append(submission)
        let events = submission.events
        let keys = events.map { OutboxKey.of($0) }
        let buffered: [[UInt8]: Outbox.Location]
        do throws(OutboxError) {
            buffered = try diversion.queue.find(book, keys)
            if !buffered.isEmpty, let answer = try answer(events, keys, buffered) {
                return .answer(answer)
            }
        } catch {
            return .answer(.failure(AppendError(buffering: error, reason: reason)))
        }
        let committed = diversion.memory.withLock { $0.commits(of: submission, in: book) }
        if let places = Self.places(committed) { return .answer(.success(.committed(places))) }
        var isNew = keys.indices.map { buffered[keys[$0]] == nil && committed[$0] == nil }
        for (index, key) in keys.enumerated() where isNew[index] {
            guard let place = pending[key] else { continue }
            let first = submissions[place.request].events[place.index]
            if let conflict = Self.conflict(events[index], at: index, with: first) {
                return .answer(.failure(.refused(conflict)))
            }
            isNew[index] = false
        }
        if let first = keys.compactMap({ pending[$0]?.request }).max(), !isNew.contains(true),
            buffered.isEmpty, committed.allSatisfy({ $0 == nil })
        {
            return .repeats(first)
        }
        let bases: [UUID: StreamVersion]
        switch admit(events, isNew, isSettled: !committed.contains { $0?.isDifferent ?? false }) {
        case .failure(let refusal): return .answer(.failure(.refused(refusal)))
        case .success(let known): bases = known
        }
        for (index, key) in keys.enumerated() where pending[key] == nil {
            pending[key] = (number, index)
        }
        return .draft(
            diversion.draft(submission, keys: keys, bases: bases, of: book, reason: reason))
    }

    /// Decides on what is known of the positions, and remembers what the request makes of it.
    /// `isSettled`: that an event is known says what online would be answered.
    private func admit(
        _ events: [NewEvent], _ isNew: [Bool], isSettled: Bool
    ) -> Result<[UUID: StreamVersion], Refusal> {
        let known = isNew.count { !$0 }
        let expects = events.contains { $0.expectedVersion != .any }
        // Idempotency comes before the version: what is known is answered by the drain.
        guard known < events.count else { return .success([:]) }
        let strangers = strangers(among: events)
        return diversion.memory.withLock { memory in
            let isWhole = memory.isWhole(events, in: book)
            if known > 0, expects {
                guard isSettled, isWhole else {
                    memory.books.forget(book, events.map(\.positionID))
                    return .success([:])
                }
                return .failure(.partlyKnown(known: known, of: events.count))
            }
            switch memory.books.admit(events, isNew: isNew, strangers: strangers, in: book) {
            case .success(let accepted):
                memory.books.take(accepted, in: book)
                return .success(accepted.bases)
            case .failure(let refusal):
                guard !memory.isCertain(refusal, of: events, in: book) else {
                    return .failure(refusal)
                }
                // It may repeat what was committed before this process knew: the drain decides.
                memory.books.forget(book, events.map(\.positionID))
                return .success([:])
            }
        }
    }

    /// Positions that are opened and of which the outbox has something, though nothing is known of
    /// them: the opening is a repeat.
    private func strangers(among events: [NewEvent]) -> Set<UUID> {
        let opened = events.lazy.filter { $0.type == .positionOpened }.map(\.positionID)
        return Set(
            opened.filter { position in
                guard diversion.memory.withLock({ $0.books.known(book, position) }) == nil else {
                    return false
                }
                let earlier = try? diversion.queue.earlier(
                    book, position, after: .origin, before: OutboxSequence(rawValue: .max))
                return earlier.map { !$0.isEmpty } ?? true
            })
    }

    /// The places of a request whose events were all committed; nil if they were not.
    private static func places(_ committed: [RecentCommits.Finding?]) -> [Place]? {
        var places: [Place] = []
        for finding in committed {
            guard case .committed(let place) = finding else { return nil }
            places.append(place)
        }
        return places
    }

    /// The answer to a request whose events are all in the outbox, or which contradicts one that
    /// is; nil if it has to be buffered.
    private func answer(
        _ events: [NewEvent], _ keys: [[UInt8]], _ known: [[UInt8]: Outbox.Location]
    ) throws(OutboxError) -> Diversion.Answer? {
        var requests: [OutboxSequence: Outbox.Request] = [:]
        for (index, key) in keys.enumerated() {
            guard let location = known[key] else { continue }
            if requests[location.sequence] == nil {
                requests[location.sequence] = try diversion.queue.request(location.sequence)
            }
            guard let request = requests[location.sequence],
                let first = request.event(location.index)
            else { continue }
            if let conflict = Self.conflict(events[index], at: index, with: first) {
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
        _ event: NewEvent, at index: Int, with first: NewEvent
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
}

extension RecentCommits.Finding {
    fileprivate var isDifferent: Bool {
        if case .different = self { return true }
        return false
    }
}

extension Diversion.Memory {
    /// Whether a refusal holds whatever was committed before. An event that is a repeat is answered
    /// with its place and not refused; so the events that it could repeat have to be known.
    fileprivate func isCertain(
        _ refusal: Refusal, of events: [NewEvent], in book: BookName
    ) -> Bool {
        switch refusal {
        case .invalid, .contentConflict, .partlyKnown: return true
        case .versionConflict(_, let position, let expected, _):
            // Its own repeat would stand at the version that it expected to get.
            let committed = books.known(book, position)?.committed ?? .none
            let own: StreamVersion
            switch expected {
            case .any: return true
            case .noStream: own = StreamVersion.none.next
            case .exact(let version): own = version.next
            }
            return own > committed || commits.holds(book, position, own)
        case .precondition(let index, _):
            return books.known(book, events[index].positionID)?.isWhole ?? true
        }
    }

    /// Whether all committed events of the positions are remembered.
    fileprivate mutating func isWhole(_ events: [NewEvent], in book: BookName) -> Bool {
        var isWhole = true
        for position in Set(events.map(\.positionID)) {
            guard let known = books.known(book, position) else {
                isWhole = false
                continue
            }
            let found =
                known.isWhole ?? commits.holdsAll(book, position, through: known.committed)
            if known.isWhole == nil { books.isWhole(book, position, found) }
            isWhole = isWhole && found
        }
        return isWhole
    }

    /// What is known of each event of a request. Derived ids need the terms of their position:
    /// without them nothing is known.
    fileprivate func commits(
        of submission: Submission, in book: BookName
    ) -> [RecentCommits.Finding?] {
        guard !commits.isEmpty else { return submission.events.map { _ in nil } }
        var opening: [UUID: FrozenTerms] = [:]
        return submission.events.enumerated().map { index, event in
            if case .opened(let opened) = event.payload {
                opening[event.positionID] = FrozenTerms(opened)
            }
            var id = event.eventID
            if event.type.derivesID {
                let terms = opening[event.positionID] ?? books.terms(book, event.positionID)
                id = DerivedID(event.payload, terms: terms)?.id ?? id
            }
            return id.flatMap { commits.find($0, submission, index, in: book) }
        }
    }
}
