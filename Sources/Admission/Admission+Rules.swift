import LedgerCore
import Projections

// The rules of accounting.md §§2–4 that need the position.

extension Admission {
    mutating func check(_ event: Event, at index: Int, state: StreamState) throws {
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
