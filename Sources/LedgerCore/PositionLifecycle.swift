/// Where a position stands in its life (accounting.md §3).
public enum PositionState: String, CaseIterable, Hashable, Sendable {
    case pending = "PENDING"
    case opening = "OPENING"
    case open = "OPEN"
    case closing = "CLOSING"
    case closed = "CLOSED"
    case cancelled = "CANCELLED"

    /// CLOSED and CANCELLED positions stand in positions.history, all others in positions.active.
    public var isOver: Bool { self == .closed || self == .cancelled }
}

/// Where a leg stands, derived and never stored as truth (accounting.md §3).
public enum LegState: String, CaseIterable, Hashable, Sendable {
    case planned = "PLANNED"
    case building = "BUILDING"
    case filled = "FILLED"
    case reducing = "REDUCING"
    case flat = "FLAT"
}

/// The life cycle of a position: a function of its live events in the order of folding
/// (accounting.md §3). It holds quantities only, so that an append can decide without the costs.
public struct PositionLifecycle: Hashable, Sendable {
    /// What the life cycle knows of one leg.
    public struct Leg: Hashable, Sendable {
        /// Signed, in contracts.
        public var qty: Fixed = .zero
        /// Fees taken in the base asset of a spot leg; rebates take none.
        public var baseFees: Fixed = .zero
        /// A fill of it was folded. A void's `retract` leaves it set until the fold afresh.
        public var hasFill = false
        /// Its target was reached at some moment.
        public var reached = false
        /// A fill other than a rebalance reduced it.
        public var reduced = false
    }

    /// In the order of the position's terms.
    public internal(set) var legs: [Leg]
    /// Fills that are not voided.
    public internal(set) var liveFills: Int64 = 0
    /// At some moment every leg had reached its target.
    public internal(set) var targetsReached = false
    /// A close_requested is live.
    public internal(set) var closeRequested = false
    /// effective_at of the last live position_closed.
    public internal(set) var closedAt: Timestamp?
    /// A position_cancelled is live.
    public internal(set) var cancelled = false
    /// The latest effective_at of an event whose order matters here.
    public internal(set) var orderedThrough = Timestamp(microseconds: Int64.min)

    /// The sums are right, but an event came late or was voided, so that the marks that depend on
    /// the order (targets reached, legs reduced) wait for `refolded`.
    public internal(set) var needsRefold = false

    /// A position without events but its first; `legCount` legs, all flat.
    public init(legCount: Int) {
        legs = Array(repeating: Leg(), count: legCount)
    }

    /// Folds the live events of a stream, given by version. `isDead` tells which are voided.
    /// A quantity beyond the range leaves `needsRefold` set; the projections say why.
    public static func fold(
        _ events: [Event], terms: PositionOpened, isDead: (UUID) -> Bool
    ) -> PositionLifecycle {
        var lifecycle = PositionLifecycle(legCount: terms.legs.count)
        for event in events.sorted(by: Event.folds(_:before:)) where !isDead(event.eventID) {
            let leg = event.payload.leg.flatMap { name in
                terms.legs.firstIndex { $0.leg.isExactly(name) }
            }
            do throws(FixedError) {
                try lifecycle.apply(
                    event.payload, effectiveAt: event.effectiveAt, leg: leg, terms: terms)
            } catch {
                lifecycle.needsRefold = true
            }
        }
        return lifecycle
    }

    /// Takes a live event that may be earlier than others, or whose sums leave the range.
    public mutating func admit(_ event: Event, leg: Int?, terms: PositionOpened) {
        if PositionLifecycle.orders(event.payload), event.effectiveAt < orderedThrough {
            needsRefold = true
        }
        do throws(FixedError) {
            try apply(event.payload, effectiveAt: event.effectiveAt, leg: leg, terms: terms)
        } catch {
            needsRefold = true
        }
    }

    /// Takes a voided fill, fee or adjustment back. False for the types that need a fold afresh.
    public mutating func retract(_ event: Event, leg: Int?, terms: PositionOpened) -> Bool {
        switch event.payload {
        case .funding, .mark, .feeValued: return true
        case .opened, .voided, .closeRequested, .closed, .cancelled: return false
        case .fill(let fill):
            guard let leg else { return false }
            var moved = fill.qty.signed(-fill.side.sign)
            if terms.legs[leg].isBaseFee(fill.feeAsset) {
                guard let sum = try? moved.adding(fill.fee),
                    let taken = try? legs[leg].baseFees.subtracting(max(fill.fee, .zero))
                else { return false }
                moved = sum
                legs[leg].baseFees = taken
            }
            liveFills -= 1
            return move(leg, by: moved)
        case .fee(let fee):
            guard let leg, terms.legs[leg].isBaseFee(fee.asset) else { return true }
            guard let taken = try? legs[leg].baseFees.subtracting(max(fee.amount, .zero)) else {
                return false
            }
            legs[leg].baseFees = taken
            return move(leg, by: fee.amount)
        case .adjustment(let adjustment):
            guard let leg else { return false }
            return move(leg, by: adjustment.qtyDelta?.negated ?? .zero)
        }
    }

    private mutating func move(_ leg: Int, by delta: Fixed) -> Bool {
        needsRefold = true
        guard let qty = try? legs[leg].qty.adding(delta) else { return false }
        legs[leg].qty = qty
        return true
    }

    /// Whether every leg is flat.
    public var isFlat: Bool { legs.allSatisfy(\.qty.isZero) }

    /// The first rule of accounting.md §3 that holds.
    public var state: PositionState {
        if liveFills == 0 { return cancelled ? .cancelled : .pending }
        if closedAt != nil, isFlat { return .closed }
        if closeRequested || closedAt != nil || legs.contains(where: \.reduced) { return .closing }
        return targetsReached ? .open : .opening
    }

    /// The state of the leg at `index` of the position's terms (accounting.md §3).
    public func state(ofLeg index: Int) -> LegState {
        let leg = legs[index]
        if !leg.hasFill { return .planned }
        if leg.qty.isZero { return .flat }
        if leg.reduced { return .reducing }
        return leg.reached ? .filled : .building
    }

    /// Whether the order of such an event among the others can change a state.
    public static func orders(_ payload: EventPayload) -> Bool {
        switch payload {
        case .fill, .fee, .adjustment: true
        case .opened, .funding, .feeValued, .mark, .closeRequested, .closed, .cancelled, .voided:
            false
        }
    }

    /// Takes the next live event in the order of folding. `leg` is the index of its leg.
    public mutating func apply(
        _ payload: EventPayload, effectiveAt: Timestamp, leg: Int?, terms: PositionOpened
    ) throws(FixedError) {
        if PositionLifecycle.orders(payload), effectiveAt > orderedThrough {
            orderedThrough = effectiveAt
        }
        switch payload {
        case .fill(let fill):
            guard let leg else { return }
            try apply(fill, leg: leg, terms: terms)
        case .fee(let fee):
            guard let leg, terms.legs[leg].isBaseFee(fee.asset) else { return }
            legs[leg].baseFees = try legs[leg].baseFees.adding(max(fee.amount, .zero))
            legs[leg].qty = try legs[leg].qty.subtracting(fee.amount)
        case .adjustment(let adjustment):
            guard let leg, let delta = adjustment.qtyDelta else { return }
            legs[leg].qty = try legs[leg].qty.adding(delta)
        case .closeRequested: closeRequested = true
        case .closed: closedAt = max(closedAt ?? effectiveAt, effectiveAt)
        case .cancelled: cancelled = true
        case .opened, .funding, .feeValued, .mark, .voided: return
        }
        noteTargets(terms)
    }

    private mutating func apply(
        _ fill: Fill, leg: Int, terms: PositionOpened
    ) throws(FixedError) {
        let before = legs[leg].qty
        liveFills += 1
        legs[leg].hasFill = true
        if before.signum == -fill.side.sign, fill.intent != .rebalance {
            legs[leg].reduced = true
        }
        legs[leg].qty = try before.adding(fill.qty.signed(fill.side.sign))
        if terms.legs[leg].isBaseFee(fill.feeAsset) {
            legs[leg].baseFees = try legs[leg].baseFees.adding(max(fill.fee, .zero))
            legs[leg].qty = try legs[leg].qty.subtracting(fill.fee)
        }
    }

    private mutating func noteTargets(_ terms: PositionOpened) {
        guard !targetsReached else { return }
        var all = true
        for index in legs.indices {
            let own = terms.legs[index].side == .long ? legs[index].qty : legs[index].qty.negated
            let taken = own.isNegative ? Fixed.zero : own
            let target = terms.legs[index].targetQty
            let (reached, beyond) = taken.scaled.addingReportingOverflow(
                legs[index].baseFees.scaled)
            if beyond || reached >= target.scaled {
                legs[index].reached = true
            } else {
                all = false
            }
        }
        targetsReached = all
    }
}

extension LegTerms {
    /// Whether a fee in `asset` is taken from a spot leg's own quantity (accounting.md §4).
    public func isBaseFee(_ asset: String) -> Bool {
        kind == .spot && asset.isExactly(base) && !asset.isExactly(settle)
    }
}

extension PositionLifecycle {
    /// The canonical JSON kept in positions.streams.progress.
    public var canonicalBytes: [UInt8] {
        var json = CanonicalJSON(reserving: 256)
        json.beginObject()
        if cancelled { json.flag("cancelled") }
        if closeRequested { json.flag("close_requested") }
        if let closedAt {
            json.key("closed_at_us")
            json.integer(closedAt.microseconds)
        }
        json.key("fills")
        json.integer(liveFills)
        json.key("legs")
        json.beginArray()
        for leg in legs {
            json.beginObject()
            if !leg.baseFees.isZero {
                json.key("base_fees")
                json.decimal(leg.baseFees)
            }
            if leg.hasFill { json.flag("has_fill") }
            json.key("qty")
            json.decimal(leg.qty)
            if leg.reached { json.flag("reached") }
            if leg.reduced { json.flag("reduced") }
            json.endObject()
        }
        json.endArray()
        if needsRefold { json.flag("needs_refold") }
        if orderedThrough.microseconds > Int64.min {
            json.key("ordered_through_us")
            json.integer(orderedThrough.microseconds)
        }
        if targetsReached { json.flag("targets_reached") }
        json.endObject()
        return json.bytes
    }

    /// Reads what `canonicalBytes` wrote; nil if it is something else.
    public init?(_ value: JSONValue) {
        guard case .array(let elements)? = value["legs"],
            let fills = value["fills"]?.text.flatMap({ Int64($0) })
        else { return nil }
        self.init(legCount: elements.count)
        for (index, element) in elements.enumerated() {
            guard let qty = element["qty"]?.text.flatMap({ Fixed($0) }) else { return nil }
            legs[index].qty = qty
            legs[index].baseFees = element["base_fees"]?.text.flatMap { Fixed($0) } ?? .zero
            legs[index].hasFill = element["has_fill"] == .bool(true)
            legs[index].reached = element["reached"] == .bool(true)
            legs[index].reduced = element["reduced"] == .bool(true)
        }
        liveFills = fills
        targetsReached = value["targets_reached"] == .bool(true)
        closeRequested = value["close_requested"] == .bool(true)
        needsRefold = value["needs_refold"] == .bool(true)
        cancelled = value["cancelled"] == .bool(true)
        closedAt = value["closed_at_us"]?.text.flatMap { Int64($0) }
            .map { Timestamp(microseconds: $0) }
        orderedThrough = Timestamp(
            microseconds: value["ordered_through_us"]?.text.flatMap { Int64($0) } ?? Int64.min)
    }
}

extension CanonicalJSON {
    fileprivate mutating func flag(_ name: StaticString) {
        key(name)
        bool(true)
    }
}
