import LedgerCore

/// What depends on the order of arrival: RESTATED and `revision` (accounting.md §3). Whether the
/// position was CLOSED after each event needs sums only, so one pass by version is enough.
extension PositionAccount {
    mutating func noteArrivals(_ events: [Event], _ hindsight: Hindsight) {
        var arrivals = Arrivals(legCount: legs.count)
        var booked: Set<UUID> = []
        let hasVoids = !hindsight.voids.isEmpty
        for event in events {
            if arrivals.everClosed {
                revision += 1
                if event.type != .markRecorded { isRestated = true }
            }
            if case .voided(let void) = event.payload, booked.contains(void.target) {
                isRestated = true
            }
            if hasVoids { booked.insert(event.eventID) }
            arrivals.take(event, in: self, hindsight)
            version = event.version
            changed = Stamp(event)
        }
        everClosed = arrivals.everClosed
        for event in events {
            switch event.payload {
            case .voided(let void): awaited.insert(void.target)
            case .feeValued(let valuation): awaited.insert(valuation.target)
            default: continue
            }
        }
        if !awaited.isEmpty {
            for event in events { awaited.remove(event.eventID) }
        }
    }
}

/// Sums in the order of arrival. They wrap, which is exact for a comparison with zero.
private struct Arrivals {
    var qty: [Int128]
    var liveFills = 0
    var liveCloses = 0
    var everClosed = false
    /// What a void takes back, by event.
    var taken: [UUID: (leg: Int?, qty: Int128, fills: Int, closes: Int)] = [:]
    /// Voided before they came.
    var dead: Set<UUID> = []

    init(legCount: Int) {
        qty = Array(repeating: 0, count: legCount)
    }

    mutating func take(_ event: Event, in account: PositionAccount, _ hindsight: Hindsight) {
        if case .voided(let void) = event.payload {
            if let entry = taken.removeValue(forKey: void.target) {
                add(entry, sign: -1)
            } else {
                dead.insert(void.target)
            }
        } else if !dead.contains(event.eventID), let entry = effect(of: event, in: account) {
            add(entry, sign: 1)
            if hindsight.voids[event.eventID] != nil { taken[event.eventID] = entry }
        }
        if liveFills > 0, liveCloses > 0, qty.allSatisfy({ $0 == 0 }) { everClosed = true }
    }

    private mutating func add(
        _ entry: (leg: Int?, qty: Int128, fills: Int, closes: Int), sign: Int
    ) {
        if let leg = entry.leg { qty[leg] = qty[leg] &+ (sign < 0 ? 0 &- entry.qty : entry.qty) }
        liveFills += sign * entry.fills
        liveCloses += sign * entry.closes
    }

    private func effect(
        of event: Event, in account: PositionAccount
    ) -> (leg: Int?, qty: Int128, fills: Int, closes: Int)? {
        let leg = event.payload.leg.flatMap { account.leg(named: $0) }
        switch event.payload {
        case .fill(let fill):
            guard let leg else { return nil }
            var moved = fill.qty.signed(fill.side.sign).scaled
            if account.legs[leg].terms.isBaseFee(fill.feeAsset) { moved &-= fill.fee.scaled }
            return (leg, moved, 1, 0)
        case .fee(let fee):
            guard let leg, account.legs[leg].terms.isBaseFee(fee.asset) else { return nil }
            return (leg, -fee.amount.scaled, 0, 0)
        case .adjustment(let adjustment):
            guard let leg, let delta = adjustment.qtyDelta else { return nil }
            return (leg, delta.scaled, 0, 0)
        case .closed: return (nil, 0, 0, 1)
        default: return nil
        }
    }
}
