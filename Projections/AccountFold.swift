import LedgerCore

/// The account of one position: what all its events come to (accounting.md §§3–5).
///
/// `fold` makes it from a whole stream; `evolve` takes one more event when that gives the same
/// result, and says so when it would not. Both are pure: no clock, no I/O.
public struct PositionAccount: Hashable, Sendable {
    /// The stream that was folded.
    public let positionID: UUID
    /// Its frozen terms, as position_opened gave them (accounting.md §2).
    public let opened: PositionOpened
    /// effective_at of position_opened.
    public let openedAt: Timestamp
    /// One account a leg, in the order of the terms.
    public internal(set) var legs: [LegAccount]
    /// The states of the position and of its legs, folded from the same events (§3).
    public internal(set) var lifecycle: PositionLifecycle
    /// The last event by version, live or not.
    public internal(set) var version: StreamVersion
    /// Place and time of that event in the log.
    var changed: Stamp
    /// Reason of the last live position_closed by (effective_at, version).
    var closeReason: CloseReason?
    /// effective_at of the last live position_cancelled, and its reason.
    var cancelledAt: Timestamp?
    var cancelReason: String?
    /// The flags LIQUIDATED and ADL (§3).
    var isLiquidated = false
    var isDeleveraged = false
    /// A booked event was voided, or anything but a mark came after CLOSED; it stays.
    public internal(set) var isRestated = false
    /// Events that came after the position was CLOSED.
    public internal(set) var revision: Int64 = 0
    /// The greatest Σ open_cost of the legs; nil without a common settle asset, or beyond range.
    public internal(set) var peakNotional: Fixed?

    var everClosed = false
    var lastCloseVersion = StreamVersion.none
    /// The latest effective_at folded, marks aside: an earlier event needs a fold afresh.
    var foldedThrough: Timestamp
    /// Targets of voids and valuations that have not come yet.
    var awaited: Set<UUID> = []

    init(_ event: Event, _ opened: PositionOpened) {
        positionID = event.positionID
        self.opened = opened
        openedAt = event.effectiveAt
        legs = opened.legs.map(LegAccount.init)
        lifecycle = PositionLifecycle(legCount: opened.legs.count)
        version = event.version
        changed = Stamp(event)
        foldedThrough = Timestamp(microseconds: Int64.min)
        peakNotional = opened.settle == nil ? nil : .zero
        for index in legs.indices { legs[index].changed = Stamp(event) }
    }

    /// Where the position stands (accounting.md §3).
    public var state: PositionState { lifecycle.state }

    /// Index of a leg by its name.
    public func leg(named name: String) -> Int? {
        opened.legs.firstIndex { $0.leg.isExactly(name) }
    }
}

/// What later events say of earlier ones: which are dead, and at which rate fees are valued.
struct Hindsight {
    /// By target: the void's place.
    var voids: [UUID: Stamp] = [:]
    /// By target: the last live valuation by (effective_at, version).
    var valuations: [UUID: (rate: Fixed, at: Timestamp, version: StreamVersion, stamp: Stamp)] = [:]

    static let none = Hindsight()

    init() {}

    init(_ events: [Event]) {
        for event in events {
            guard case .voided(let void) = event.payload else { continue }
            voids[void.target] = Stamp(event)
        }
        for event in events {
            guard case .feeValued(let valuation) = event.payload, voids[event.eventID] == nil
            else { continue }
            if let known = valuations[valuation.target],
                (event.effectiveAt, event.version) < (known.at, known.version)
            {
                continue
            }
            valuations[valuation.target] = (
                valuation.rate, event.effectiveAt, event.version, Stamp(event)
            )
        }
        // A void of a void or of position_opened is no event's business (accounting.md §2).
        for event in events where voids[event.eventID] != nil {
            switch event.payload {
            case .voided, .opened: voids[event.eventID] = nil
            default: continue
            }
        }
    }
}

/// Makes a position's account of its events: the fold of accounting.md §§3–5.
public enum AccountFold {
    /// The version of this logic; a change of any figure that it makes raises it.
    public static let logicVersion: Int32 = 1

    /// Folds a whole stream, given in the order of its versions.
    public static func fold(_ events: [Event]) throws(FoldError) -> PositionAccount {
        guard let first = events.first, case .opened(let opened) = first.payload else {
            throw .notOpened
        }
        var account = PositionAccount(first, opened)
        let hindsight = needsHindsight(events) ? Hindsight(events) : .none
        account.noteTradePrices(events, hindsight)
        if isInOrder(events) {
            for event in events.dropFirst() { try account.book(event, hindsight) }
        } else {
            for event in events.dropFirst().sorted(by: Event.folds(_:before:)) {
                try account.book(event, hindsight)
            }
        }
        account.noteArrivals(events, hindsight)
        try account.checkInvariants()
        return account
    }

    private static func needsHindsight(_ events: [Event]) -> Bool {
        events.contains { $0.type == .eventVoided || $0.type == .feeValued }
    }

    private static func isInOrder(_ events: [Event]) -> Bool {
        var last = Timestamp(microseconds: Int64.min)
        for event in events.dropFirst() {
            guard event.effectiveAt >= last else { return false }
            last = event.effectiveAt
        }
        return true
    }
}

extension PositionAccount {
    /// Takes the next event of the stream. False if the stream has to be folded afresh: the event
    /// is earlier than one already folded, changes what earlier ones meant, or is not the next.
    public mutating func evolve(_ event: Event) throws(FoldError) -> Bool {
        guard event.version == version.next else { return false }
        switch event.payload {
        case .opened, .voided, .feeValued: return false
        case .fill(let fill):
            guard let leg = self.leg(named: fill.leg),
                !legs[leg].pricesAwaited.contains(ExactText(fill.tradeID)),
                legs[leg].tradePrices[ExactText(fill.tradeID)] == nil
            else {
                return false
            }
        case .mark: break
        case .funding, .fee, .adjustment, .closeRequested, .closed, .cancelled: break
        }
        let isMark = event.type == .markRecorded
        guard isMark || event.effectiveAt >= foldedThrough, !awaited.contains(event.eventID) else {
            return false
        }
        let wasClosed = everClosed
        try book(event, .none)
        version = event.version
        changed = Stamp(event)
        if wasClosed {
            revision += 1
            if !isMark { isRestated = true }
        }
        if state == .closed { everClosed = true }
        try checkInvariants()
        return true
    }

    /// Books one event in the order of folding.
    mutating func book(_ event: Event, _ hindsight: Hindsight) throws(FoldError) {
        let leg = event.payload.leg.flatMap { self.leg(named: $0) }
        if let name = event.payload.leg, leg == nil {
            throw .unknownLeg(eventID: event.eventID, leg: name)
        }
        if event.type != .markRecorded, event.type != .positionOpened {
            foldedThrough = max(foldedThrough, event.effectiveAt)
        }
        var stamp = Stamp(event)
        if let void = hindsight.voids[event.eventID] {
            stamp.raise(to: void)
            if let leg { legs[leg].pass(event, stamp) }
            return
        }
        let valuation = hindsight.valuations[event.eventID]
        if let valuation { stamp.raise(to: valuation.stamp) }
        let refused: String?
        do throws(FixedError) {
            refused = try bookLive(event, leg: leg, valuation: valuation?.rate, stamp: stamp)
            try lifecycle.apply(
                event.payload, effectiveAt: event.effectiveAt, leg: leg, terms: opened)
        } catch {
            throw FoldError.outOfRange(eventID: event.eventID)
        }
        if let refused {
            throw FoldError.adjustmentRefused(eventID: event.eventID, reason: refused)
        }
    }

    private mutating func bookLive(
        _ event: Event, leg: Int?, valuation: Fixed?, stamp: Stamp
    ) throws(FixedError) -> String? {
        let at = event.effectiveAt
        switch event.payload {
        case .fill(let fill):
            guard let leg else { return nil }
            try legs[leg].apply(
                fill, at: at, valuation: valuation, refPx: opened.signal?.refPx[fill.leg],
                stamp: stamp)
            if fill.cause == .liquidation { isLiquidated = true }
            if fill.cause == .adl { isDeleveraged = true }
            notePeak()
        case .funding(let funding):
            guard let leg else { return nil }
            try legs[leg].apply(funding, at: at, valuation: valuation, stamp: stamp)
        case .fee(let fee):
            guard let leg else { return nil }
            try legs[leg].apply(fee, at: at, valuation: valuation, stamp: stamp)
        case .adjustment(let adjustment):
            guard let leg else { return nil }
            if let refused = try legs[leg].apply(adjustment, at: at, stamp: stamp) {
                return refused
            }
            notePeak()
        case .mark(let mark):
            guard let leg else { return nil }
            legs[leg].apply(mark, of: event)
            legs[leg].changed.raise(to: stamp)
        case .closed(let reason):
            if reason == .liquidation { isLiquidated = true }
            if reason == .adl { isDeleveraged = true }
            if (at, event.version) >= (lifecycle.closedAt ?? at, lastCloseVersion) {
                closeReason = reason
                lastCloseVersion = event.version
            }
        case .cancelled(let reason):
            cancelledAt = at
            cancelReason = reason
        case .closeRequested, .opened, .voided, .feeValued: break
        }
        return nil
    }

    private mutating func notePeak() {
        guard let peak = peakNotional else { return }
        var sum = Fixed.zero
        for index in legs.indices {
            guard let next = try? sum.adding(legs[index].openCost) else {
                peakNotional = nil
                return
            }
            sum = next
        }
        if sum > peak { peakNotional = sum }
    }

    /// A fee that is charged later may name a trade that is folded after it.
    mutating func noteTradePrices(_ events: [Event], _ hindsight: Hindsight) {
        guard legs.contains(where: { $0.terms.kind == .spot }) else { return }
        // Of a trade in parts the earliest counts, whatever came first.
        var earliest: [Int: [ExactText: (at: Timestamp, part: Int64)]] = [:]
        for event in events where hindsight.voids[event.eventID] == nil {
            guard case .fill(let fill) = event.payload, let leg = self.leg(named: fill.leg),
                legs[leg].terms.kind == .spot
            else { continue }
            let trade = ExactText(fill.tradeID)
            let place = (at: event.effectiveAt, part: fill.part)
            if let known = earliest[leg]?[trade], known <= place { continue }
            earliest[leg, default: [:]][trade] = place
            legs[leg].tradePrices[trade] = fill.px
        }
    }

    func checkInvariants() throws(FoldError) {
        for index in legs.indices where !legs[index].holdsInvariant {
            throw .invariantBroken(leg: legs[index].terms.leg)
        }
    }
}

extension LegAccount {
    /// An event that does not count (any more) still changed what stands here.
    mutating func pass(_ event: Event, _ stamp: Stamp) {
        changed.raise(to: stamp)
        if event.type != .markRecorded { bookedThrough.raise(to: stamp) }
    }
}
