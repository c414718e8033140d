import LedgerCore
import Projections

/// Decides what an append takes and refuses (accounting.md §§2–3): the same code for the log and
/// for `fold`. Requests are decided one after the other, each on what the earlier ones left; a
/// refused one leaves nothing.
public struct Admission<History: StreamHistory> {
    public var history: History
    /// Positions as the admitted requests have left them.
    public private(set) var streams: [UUID: StreamState] = [:]
    /// Events admitted and not yet in the history, by id.
    private var admitted: [UUID: Event] = [:]
    /// The same by position.
    private var tails: [UUID: [Event]] = [:]
    private var nextPosition: LogPosition
    private var undo = Undo()

    /// What a refused request takes back.
    private struct Undo {
        var streams: [(UUID, StreamState?)] = []
        var ids: [UUID] = []
    }

    /// `head` is the last position of the log.
    public init(history: History, head: LogPosition) {
        self.history = history
        nextPosition = head.advanced(by: 1)
    }

    /// An id that was derived ahead, and the terms that it was derived from.
    public struct DerivedID: Sendable {
        public let id: UUID
        private let terms: LegTerms?

        /// nil for events that bring their own ids, or whose terms are not known.
        public init?(_ payload: EventPayload, terms: LegTerms?) {
            guard let id = EventIdentity.derivedID(of: payload, terms: terms) else { return nil }
            self.id = id
            self.terms = terms
        }

        /// Whether the position's own terms give the same id.
        func holds(for own: LegTerms?) -> Bool {
            guard let terms, let own else { return self.terms == nil && own == nil }
            return terms.venue.isExactly(own.venue) && terms.account.isExactly(own.account)
                && terms.instrument.isExactly(own.instrument)
                && terms.fundingInterval == own.fundingInterval
        }
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
        undo = Undo()
        let before = nextPosition
        do {
            return .success(try decide(request, derivedIDs, recordedAt: recordedAt))
        } catch let refusal as Refusal {
            for (id, state) in undo.streams.reversed() { streams[id] = state }
            for id in undo.ids {
                if let event = admitted.removeValue(forKey: id) {
                    tails[event.positionID]?.removeLast()
                }
            }
            nextPosition = before
            return .failure(refusal)
        }
    }

    private mutating func decide(
        _ request: [NewEvent], _ derivedIDs: [DerivedID?], recordedAt: Timestamp
    ) throws -> [Outcome] {
        var outcomes: [Outcome] = []
        outcomes.reserveCapacity(request.count)
        var known = 0
        var expectsVersion = false
        var conflict: Refusal?
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
            if let first = try self.event(id) {
                if let member = EventIdentity.difference(event, from: first) {
                    throw Refusal.contentConflict(
                        index: index, eventID: id, member: member, known: first)
                }
                if !undo.ids.contains(id) { known += 1 }
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
        var terms: LegTerms?
        if let name = event.payload.leg {
            guard let state else { throw noPosition(event, at: index) }
            guard let leg = state.leg(name) else { throw unknownLeg(name, state, at: index) }
            terms = state.opened.legs[leg]
        }
        let known = hint.flatMap { $0.holds(for: terms) ? $0.id : nil }
        guard let derived = known ?? EventIdentity.derivedID(of: event.payload, terms: terms)
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
        if let state = streams[position] { return state }
        return try history.state(of: position)
    }

    private mutating func event(_ id: UUID) throws -> Event? {
        if let event = admitted[id] { return event }
        return try history.event(id)
    }

    private mutating func events(of position: UUID) throws -> [Event] {
        try history.events(of: position) + (tails[position] ?? [])
    }

    /// The events admitted to a position so far, by version.
    public func tail(of position: UUID) -> [Event] {
        tails[position] ?? []
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
        undo.streams.append((event.positionID, streams[event.positionID]))
        undo.ids.append(event.eventID)
        streams[event.positionID] = state
        admitted[event.eventID] = event
        tails[event.positionID, default: []].append(event)
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
        for (position, state) in streams where state.lifecycle.needsRefold {
            var exact = state
            exact.lifecycle = try refolded(position, state, besides: nil)
            streams[position] = exact
        }
    }
}

// MARK: The rules of §§2–4 that need the position

extension Admission {
    private mutating func check(_ event: Event, at index: Int, state: StreamState) throws {
        func refuse(_ reason: String) -> Refusal { .precondition(index: index, reason: reason) }
        let lifecycle = state.lifecycle
        switch event.payload {
        case .fill(let fill):
            if lifecycle.state == .closed, let closedAt = lifecycle.closedAt,
                event.effectiveAt > closedAt
            {
                throw refuse(
                    "position \(event.positionID) is CLOSED since \(closedAt): a fill after that "
                        + "needs a new position")
            }
            try checkReplacement(fill.replaces, of: event, at: index)
        case .funding(let funding): try checkReplacement(funding.replaces, of: event, at: index)
        case .feeValued(let valuation):
            try checkValuation(valuation, of: event, at: index, state: state)
        case .adjustment: try checkAdjustment(event, at: index)
        case .closed:
            guard lifecycle.isFlat else {
                let open = zip(state.opened.legs, lifecycle.legs).filter { !$1.qty.isZero }
                    .map { "\($0.leg) has \($1.qty)" }
                throw refuse(
                    "position_closed needs every leg flat: " + open.joined(separator: ", "))
            }
        case .cancelled:
            guard lifecycle.liveFills == 0 else {
                throw refuse(
                    "position_cancelled needs no live fill: \(lifecycle.liveFills) stand; "
                        + "close the position instead")
            }
        case .voided(let void): try checkVoid(void, of: event, at: index)
        case .opened, .fee, .mark, .closeRequested: return
        }
    }

    private mutating func checkVoid(_ void: EventVoid, of event: Event, at index: Int) throws {
        guard let target = try self.event(void.target) else { return }
        guard target.positionID == event.positionID else {
            throw Refusal.precondition(
                index: index,
                reason: "event \(void.target) belongs to position \(target.positionID); a void "
                    + "belongs to the position of its target")
        }
        guard target.type != .eventVoided, target.type != .positionOpened else {
            throw Refusal.precondition(
                index: index, reason: "a \(target.type.rawValue) cannot be voided")
        }
    }

    private mutating func checkValuation(
        _ valuation: FeeValuation, of event: Event, at index: Int, state: StreamState
    ) throws {
        guard let target = try self.event(valuation.target) else { return }
        func refuse(_ reason: String) -> Refusal {
            .precondition(index: index, reason: "event \(valuation.target) " + reason)
        }
        guard target.positionID == event.positionID else {
            throw refuse("belongs to position \(target.positionID)")
        }
        let asset: String
        switch target.payload {
        case .fill(let fill): asset = fill.feeAsset
        case .fee(let fee): asset = fee.asset
        case .funding(let funding): asset = funding.asset
        default: throw refuse("is a \(target.type.rawValue), which has no fee to value")
        }
        let leg = target.payload.leg.flatMap { state.leg($0) }
        if let leg, state.opened.legs[leg].settle.isExactly(asset) {
            throw refuse("is in the settle asset \(asset) already")
        }
    }

    private mutating func checkReplacement(
        _ replaces: UUID?, of event: Event, at index: Int
    ) throws {
        guard let replaces else { return }
        func refuse(_ cure: String) -> Refusal {
            .invalid(
                index: index, InvalidField("payload.replaces", replaces.description, cure))
        }
        let void = EventPayload.voided(EventVoid(target: replaces, reason: ""))
        guard let voidID = EventIdentity.derivedID(of: void, terms: nil),
            let known = try self.event(voidID), known.positionID == event.positionID
        else {
            throw refuse("must be the id of a voided event of this position: void it first")
        }
        if let target = try self.event(replaces), target.type != event.type {
            throw refuse("is a \(target.type.rawValue), not a \(event.type.rawValue)")
        }
        if let other = try events(of: event.positionID).first(where: {
            $0.payload.replaces == replaces
        }) {
            throw refuse("is replaced already, by event \(other.eventID)")
        }
    }

    /// An adjustment is tried on the account: what the fold would refuse is not taken.
    private mutating func checkAdjustment(_ event: Event, at index: Int) throws {
        let stream = try events(of: event.positionID) + [event]
        do throws(FoldError) {
            _ = try AccountFold.fold(stream)
        } catch {
            guard case .adjustmentRefused(event.eventID, let reason) = error else { return }
            throw Refusal.precondition(
                index: index, reason: "adjustment refused: " + reason)
        }
    }
}
