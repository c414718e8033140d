import LedgerCore

/// An id that was derived ahead, and the terms that it was derived from.
public struct DerivedID: Sendable {
    /// The derived event_id (accounting.md §2, Identity).
    public let id: UUID
    private let terms: FrozenTerms?
    private let leg: Int

    /// nil for events that bring their own ids, or whose leg is not known.
    public init?(_ payload: EventPayload, terms: FrozenTerms?) {
        let leg = payload.leg.flatMap { terms?.leg($0) }
        let id = EventIdentity.derivedID(
            of: payload, terms: leg.flatMap { terms?.opened.legs[$0] })
        guard let id else { return nil }
        self.id = id
        self.terms = leg == nil ? nil : terms
        self.leg = leg ?? 0
    }

    /// Whether the position's own leg, or none, gives the same id.
    func holds(for own: FrozenTerms?, _ ownLeg: Int?) -> Bool {
        guard let terms, let own, let ownLeg else { return self.terms == nil && ownLeg == nil }
        return own.leg(ownLeg, identifiesLike: terms, leg)
    }
}

/// Decides what an append takes and refuses (accounting.md §§2–3): the same code for the log and
/// for `fold`. Requests are decided one after the other, each on what the earlier ones left; a
/// refused one leaves nothing.
public struct Admission<History: StreamHistory> {
    /// What the store knows besides the requests admitted here.
    public var history: History
    /// The positions that admitted requests have touched, in the order in which they came.
    private var touched: [Touched] = []
    /// Where a position stands in `touched`.
    private var places: [UUID: Int] = [:]
    /// Where an event that was admitted and is not yet in the history stands, by id.
    private var admitted: [UUID: Spot] = [:]
    private var nextPosition: LogPosition
    private var undo = Undo()

    /// A position as the admitted requests have left it.
    private struct Touched {
        let position: UUID
        /// nil again where the only request that opened it was refused.
        var state: StreamState?
        /// Its events admitted so far, by version.
        var tail: [Event] = []
    }

    /// An admitted event's place in `touched`.
    private struct Spot {
        var place: Int
        var index: Int
    }

    /// What a refused request takes back.
    private struct Undo {
        var states: [(place: Int, state: StreamState?)] = []
        var ids: [UUID] = []

        mutating func clear() {
            states.removeAll(keepingCapacity: true)
            ids.removeAll(keepingCapacity: true)
        }
    }

    /// `head` is the last position of the log.
    public init(history: History, head: LogPosition) {
        self.history = history
        nextPosition = head.advanced(by: 1)
    }

    /// The positions that admitted requests have changed, and how they are left.
    public var streams: [UUID: StreamState] {
        var streams: [UUID: StreamState] = [:]
        for entry in touched where !entry.tail.isEmpty { streams[entry.position] = entry.state }
        return streams
    }

    /// One event of an admitted request.
    public enum Outcome: Sendable {
        /// To be appended, in its place.
        case new(Event)
        /// Known already; its first place.
        case known(Event)
    }

    /// The last position handed out.
    public var head: LogPosition { nextPosition.advanced(by: -1) }

    /// Decides a request. `recordedAt` is the time of the batch. `derivedIDs` may hold ids that
    /// were derived before, from the same frozen terms.
    public mutating func admit(
        _ request: [NewEvent], derivedIDs: [DerivedID?] = [], recordedAt: Timestamp
    ) throws -> Result<[Outcome], Refusal> {
        undo.clear()
        let before = nextPosition
        do {
            return .success(try decide(request, derivedIDs, recordedAt: recordedAt))
        } catch let refusal as Refusal {
            for (place, state) in undo.states.reversed() { touched[place].state = state }
            for id in undo.ids {
                guard let spot = admitted.removeValue(forKey: id) else { continue }
                touched[spot.place].tail.removeLast()
            }
            nextPosition = before
            return .failure(refusal)
        }
    }

    /// Decides a request of one event. Nothing is taken back: all checks come before it is kept.
    mutating func admit(_ event: NewEvent, recordedAt: Timestamp) throws -> Outcome {
        undo.clear()
        let state = try state(of: event.positionID)
        let id = try identify(event, at: 0, state: state, derived: nil)
        if let first = try known(id, event, at: 0) { return .known(first) }
        if let conflict = versionConflict(event, at: 0, state: state) { throw conflict }
        return .new(try admit(event, id: id, at: 0, state: state, recordedAt: recordedAt))
    }

    /// The first place of an event whose id is known.
    /// - Throws: a content conflict where it is known with other content.
    private mutating func known(_ id: UUID, _ event: NewEvent, at index: Int) throws -> Event? {
        guard admitted[id] != nil || !history.assumesNew, let first = try self.event(id) else {
            return nil
        }
        if let member = EventIdentity.difference(event, from: first) {
            throw Refusal.contentConflict(
                index: index, eventID: id, member: member, known: first)
        }
        return first
    }

    private mutating func decide(
        _ request: [NewEvent], _ derivedIDs: [DerivedID?], recordedAt: Timestamp
    ) throws -> [Outcome] {
        var outcomes: [Outcome] = []
        outcomes.reserveCapacity(request.count)
        var known = 0
        var expectsVersion = false
        var conflict: Refusal?
        let before = nextPosition
        for (index, event) in request.enumerated() {
            let state = try state(of: event.positionID)
            if event.expectedVersion != .any { expectsVersion = true }
            let id: UUID
            do {
                let derived = index < derivedIDs.count ? derivedIDs[index] : nil
                id = try identify(event, at: index, state: state, derived: derived)
            } catch let refusal as Refusal {
                if conflict != nil { continue }
                throw refusal
            }
            if let first = try self.known(id, event, at: index) {
                if first.logPosition < before { known += 1 }
                outcomes.append(.known(first))
                continue
            }
            // Known events are looked for to the end: idempotency comes before the version.
            if conflict == nil { conflict = versionConflict(event, at: index, state: state) }
            if conflict != nil { continue }
            let new = try admit(event, id: id, at: index, state: state, recordedAt: recordedAt)
            outcomes.append(.new(new))
        }
        if expectsVersion, known > 0, known < request.count {
            throw Refusal.partlyKnown(known: known, of: request.count)
        }
        if let conflict { throw conflict }
        return outcomes
    }

    private func versionConflict(
        _ event: NewEvent, at index: Int, state: StreamState?
    ) -> Refusal? {
        let actual = state?.version ?? .none
        switch event.expectedVersion {
        case .any: return nil
        case .noStream where actual == .none: return nil
        case .exact(let version) where actual == version: return nil
        case .noStream, .exact:
            return .versionConflict(
                index: index, positionID: event.positionID, expected: event.expectedVersion,
                actual: actual)
        }
    }

    /// The event's id: derived, or its own.
    private func identify(
        _ event: NewEvent, at index: Int, state: StreamState?, derived hint: DerivedID?
    ) throws -> UUID {
        guard event.type.derivesID else {
            guard let id = event.eventID else {
                throw Refusal.invalid(index: index, InvalidField("event_id", "", "is required"))
            }
            return id
        }
        var leg: Int?
        if let name = event.payload.leg {
            guard let state else { throw noPosition(event, at: index) }
            guard let known = state.leg(name) else { throw unknownLeg(name, state, at: index) }
            leg = known
        }
        let known = hint.flatMap { $0.holds(for: state?.terms, leg) ? $0.id : nil }
        guard
            let derived = known
                ?? EventIdentity.derivedID(
                    of: event.payload, terms: leg.flatMap { state?.terms.opened.legs[$0] })
        else {
            throw Refusal.invalid(index: index, InvalidField("event_id", "", "is required"))
        }
        if let given = event.eventID, given != derived {
            throw Refusal.invalid(
                index: index,
                InvalidField(
                    "event_id", given.description,
                    "the id of this \(event.type.rawValue) is \(derived); leave it out, it is "
                        + "derived from the venue's fact"))
        }
        return derived
    }

    private func noPosition(_ event: NewEvent, at index: Int) -> Refusal {
        .precondition(
            index: index,
            reason: "position \(event.positionID) does not exist: append its position_opened first")
    }

    private func unknownLeg(_ name: String, _ state: StreamState, at index: Int) -> Refusal {
        .invalid(
            index: index,
            InvalidField(
                "payload.leg", name,
                "the position's legs are: "
                    + state.opened.legs.map(\.leg).joined(separator: ", ")))
    }

    // MARK: What is known

    private mutating func state(of position: UUID) throws -> StreamState? {
        if let place = places[position], let state = touched[place].state { return state }
        return try history.state(of: position)
    }

    mutating func event(_ id: UUID) throws -> Event? {
        if let spot = admitted[id] { return touched[spot.place].tail[spot.index] }
        return try history.event(id)
    }

    mutating func events(of position: UUID) throws -> [Event] {
        try history.events(of: position) + tail(of: position)
    }

    /// The events admitted to a position so far, by version.
    public func tail(of position: UUID) -> [Event] {
        places[position].map { touched[$0].tail } ?? []
    }

    // MARK: Taking an event

    private mutating func admit(
        _ event: NewEvent, id: UUID, at index: Int, state: StreamState?, recordedAt: Timestamp
    ) throws -> Event {
        var placed = Event(
            eventID: id, positionID: event.positionID, version: (state?.version ?? .none).next,
            logPosition: nextPosition, effectiveAt: event.effectiveAt, recordedAt: recordedAt,
            payload: event.payload)
        guard var next = state else {
            guard case .opened(let opened) = event.payload else {
                throw noPosition(event, at: index)
            }
            placed.version = StreamVersion.none.next
            let fresh = StreamState(
                opened: opened, version: placed.version,
                lifecycle: PositionLifecycle(legCount: opened.legs.count), pendingVoids: [])
            keep(placed, fresh)
            return placed
        }
        if case .opened = event.payload {
            throw Refusal.precondition(
                index: index,
                reason: "position \(event.positionID) exists already, at version \(next.version); "
                    + "a new position needs a new id")
        }
        let leg = event.payload.leg.flatMap { next.leg($0) }
        if let name = event.payload.leg, leg == nil { throw unknownLeg(name, next, at: index) }
        let isDead = next.pendingVoids.remove(id) != nil && event.type != .eventVoided
        if !isDead { try check(placed, at: index, state: next) }
        next.version = placed.version
        if case .voided(let void) = event.payload {
            try retract(void.target, from: &next, position: event.positionID, at: index)
        } else if !isDead {
            next.lifecycle.admit(placed, leg: leg, terms: next.opened)
        }
        keep(placed, next)
        return placed
    }

    private mutating func keep(_ event: Event, _ state: StreamState) {
        let place: Int
        if let known = places[event.positionID] {
            place = known
        } else {
            place = touched.count
            touched.append(Touched(position: event.positionID))
            places[event.positionID] = place
        }
        undo.states.append((place, touched[place].state))
        undo.ids.append(event.eventID)
        touched[place].state = state
        admitted[event.eventID] = Spot(place: place, index: touched[place].tail.count)
        touched[place].tail.append(event)
        nextPosition = nextPosition.advanced(by: 1)
    }

    private mutating func retract(
        _ target: UUID, from state: inout StreamState, position: UUID, at index: Int
    ) throws {
        guard let event = try event(target) else {
            guard state.pendingVoids.count < StreamState.pendingVoidsMax else {
                throw Refusal.precondition(
                    index: index,
                    reason: "position \(position) has \(StreamState.pendingVoidsMax) voids whose "
                        + "targets never came; that is the limit")
            }
            state.pendingVoids.insert(target)
            return
        }
        let leg = event.payload.leg.flatMap { state.leg($0) }
        guard !state.lifecycle.retract(event, leg: leg, terms: state.opened) else { return }
        state.lifecycle = try refolded(position, state, besides: target)
    }

    /// The life cycle folded afresh from the whole stream.
    private mutating func refolded(
        _ position: UUID, _ state: StreamState, besides target: UUID?
    ) throws -> PositionLifecycle {
        let events = try events(of: position)
        var dead: Set<UUID> = []
        for case .voided(let void) in events.map(\.payload) { dead.insert(void.target) }
        if let target { dead.insert(target) }
        return PositionLifecycle.fold(events, terms: state.opened) { dead.contains($0) }
    }

    /// Makes the states exact that late and voided events have left approximate.
    public mutating func settle() throws {
        for place in touched.indices {
            guard let state = touched[place].state, !touched[place].tail.isEmpty,
                state.lifecycle.needsRefold
            else { continue }
            let position = touched[place].position
            let exact = try refolded(position, state, besides: nil)
            touched[place].state?.lifecycle = exact
        }
    }
}
