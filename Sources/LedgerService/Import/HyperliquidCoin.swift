import LedgerCore

/// Makes positions of one coin's fills.
///
/// flat ──fill──▶ held ──fill──▶ … ──flat──▶ closed; beyond flat: part 0 closes, part 1 opens
///
/// **A history that begins in the middle.** The first `startPosition` is often not 0, because the
/// exchange gives out the latest fills only. Leaving out all fills until the coin is flat would
/// lose real ones, and for a position that is never flat all of them. Bringing the position in at
/// no cost or at some price would make up P&L. But the venue says what the position had cost: its
/// `closedPnl` of the first fill that reduces is side·(px − entry)·sz, so the cost just before is
/// (v − side·closedPnl)·|q|/sz, and the values of the increases before that are taken off. The
/// position is opened with an `adjustment_recorded` of category "opening_balance" at this cost, and
/// the first reduction realises what the venue says, to the last digit. Where no fill reduces, or
/// the cost would not be above 0, nothing tells the cost: those fills are left out until the coin
/// is flat, with the reason.
///
/// **A gap in the history.** Where a fill starts from another position than the one that the fills
/// before have left, fills are missing. The position ends there: what is left leaves at cost by an
/// adjustment of category "history_gap", it is closed, and the next fill begins as above. What the
/// missing fills have realised is in no position, and the report says so. The new position has an
/// id of its own, so a later import of the whole history is refused as a conflict on the fills that
/// are known under the other position, rather than booked twice.
struct HyperliquidCoin {
    let coin: String
    let account: String
    let strategy: String
    private(set) var drafts: [HyperliquidDraft] = []
    private(set) var leftOut: [LeftOut] = []
    private(set) var notes: [String] = []
    /// What the venue's last record leaves; nil without one.
    private(set) var venueQty: Fixed?
    /// The position that is open.
    private var open: HyperliquidDraft?
    private var lastShare: HyperliquidDraft.Share?

    struct LeftOut {
        var place: HyperliquidImport.Place
        var what: String
        var reason: String
    }

    init(_ coin: String, account: String, strategy: String) {
        self.coin = coin
        self.account = account
        self.strategy = strategy
    }

    /// Takes all fills of the coin. Where they cannot be put together (a figure out of range), all
    /// are left out.
    mutating func take(_ fills: [HyperliquidFill]) {
        do {
            try takeRuns(of: fills)
        } catch {
            drafts = []
            leftOut = []
            for fill in fills { leave(fill, because: HyperliquidCheck.text(error)) }
        }
        open = nil
    }

    private mutating func takeRuns(of fills: [HyperliquidFill]) throws {
        var previous: HyperliquidChain.Run?
        for run in try HyperliquidChain.runs(of: fills) {
            if let previous { try note(gapBetween: previous, and: run) }
            try take(run)
            previous = run
        }
        if let open { drafts.append(open) }
        venueQty = previous?.end
    }

    /// Adds a payment to the position that it was made on, or leaves it out.
    mutating func take(_ payment: HyperliquidFunding) {
        do {
            switch payment.owner(among: drafts) {
            case .draft(let index): try drafts[index].take(payment)
            case .none(let reason): leave(payment, because: reason)
            }
        } catch {
            leave(payment, because: HyperliquidCheck.text(error))
        }
    }

    /// The positions, each tried on the ledger's own admission and fold.
    mutating func finish() -> [HyperliquidImport.Position] {
        var positions: [HyperliquidImport.Position] = []
        for draft in drafts {
            do {
                positions.append(try HyperliquidCheck.position(of: draft, coin: coin))
            } catch {
                for place in draft.places {
                    leftOut.append(
                        LeftOut(
                            place: place, what: "a record of position \(draft.id)",
                            reason: HyperliquidCheck.text(error)))
                }
            }
        }
        return positions
    }

    private mutating func note(
        gapBetween previous: HyperliquidChain.Run, and next: HyperliquidChain.Run
    ) throws {
        guard let last = previous.steps.last?.fill, let first = next.steps.first?.fill else {
            return
        }
        var note =
            "fills of \(coin) are missing between \(last.time), which leaves "
            + "\(previous.end), and \(first.time), which starts from \(first.start): what they "
            + "realised is in no position."
        if var draft = open, let share = lastShare {
            let account = try HyperliquidCheck.account(of: draft.stream)
            try draft.abandon(cost: account.legs[0].openCost, after: share)
            drafts.append(draft)
            open = nil
            note += " Position \(draft.id) ends there; what it held leaves at cost."
        }
        notes.append(note)
    }

    // MARK: One run

    private mutating func take(_ run: HyperliquidChain.Run) throws {
        var steps = run.steps[...]
        if !run.start.isZero, let first = steps.first {
            let why = try adopt(run, first)
            while let why, let step = steps.first, open == nil {
                steps.removeFirst()
                leave(step.fill, because: why)
                if step.after.isZero { break }
                guard step.after.signum == -step.before.signum, !isSpot else { continue }
                try flip(step)
            }
        }
        for step in steps { try take(step) }
    }

    private var isSpot: Bool { coin.contains("/") || coin.hasPrefix("@") }

    /// Opens the position that the run begins with; nil, or why that cannot be.
    private mutating func adopt(
        _ run: HyperliquidChain.Run, _ first: HyperliquidChain.Step
    ) throws(InvalidField) -> String? {
        let what = "the history begins with an open position of \(run.start) \(coin)"
        guard let market = HyperliquidMarket(opening: first.fill) else {
            return what + ", and nothing tells which token \(coin) is"
        }
        guard let found = run.costAtStart() else {
            return what + ", and no fill tells what it had cost: import earlier fills with these"
        }
        let share = whole(first)
        var draft = try HyperliquidDraft(
            opening: share, holding: run.start, market: market, account: account,
            strategy: strategy)
        try draft.adopt(
            run.start, cost: found.cost, before: share,
            because: what + "; its cost follows from the venue's closed P&L of trade "
                + found.tradeID)
        notes.append(
            "\(what): position \(draft.id) takes it over at a cost of \(found.cost) "
                + "\(market.settle), which follows from the venue's closed P&L.")
        open = draft
        return nil
    }

    /// All of a fill.
    private func whole(_ step: HyperliquidChain.Step) -> HyperliquidDraft.Share {
        let fill = step.fill
        return HyperliquidDraft.Share(
            fill: fill, qty: fill.qty, fee: fill.fee, closedPnl: fill.closedPnl,
            before: step.before, after: step.after)
    }

    private mutating func leave(_ fill: HyperliquidFill, because reason: String) {
        leftOut.append(
            LeftOut(
                place: fill.place, what: "fill \(fill.tradeID) of \(coin)", reason: reason))
    }

    private mutating func leave(_ payment: HyperliquidFunding, because reason: String) {
        leftOut.append(
            LeftOut(
                place: payment.place, what: "funding of \(coin) at \(payment.time)",
                reason: reason))
    }

    private mutating func take(_ step: HyperliquidChain.Step) throws {
        guard step.before.signum == -step.after.signum, !step.before.isZero, !isSpot else {
            return try take(whole(step), step)
        }
        guard let shares = split(step) else {
            return leave(step.fill, because: "a share of it is out of range")
        }
        try take(shares.closing, step)
        try take(shares.opening, step)
    }

    /// Only the part that opens: the position before it was left out.
    private mutating func flip(_ step: HyperliquidChain.Step) throws {
        guard let shares = split(step) else { return }
        try take(shares.opening, step)
        let index = leftOut.endIndex - 1
        leftOut[index].reason = "its part 0, which closes: " + leftOut[index].reason
    }

    /// Both parts of a flip. The fee is shared by quantity, half-even to 18 places, the rest to the
    /// part that opens; the closed P&L belongs to the part that closes.
    private func split(
        _ step: HyperliquidChain.Step
    ) -> (closing: HyperliquidDraft.Share, opening: HyperliquidDraft.Share)? {
        let fill = step.fill
        var closing = whole(step)
        closing.qty = step.before.magnitude
        closing.after = .zero
        var opening = whole(step)
        opening.part = 1
        opening.qty = step.after.magnitude
        opening.before = .zero
        opening.closedPnl = nil
        guard let fee = try? fill.fee.multiplied(by: closing.qty, dividedBy: fill.qty),
            let rest = try? fill.fee.subtracting(fee)
        else { return nil }
        closing.fee = fee
        opening.fee = rest
        return (closing, opening)
    }

    private mutating func take(
        _ share: HyperliquidDraft.Share, _ step: HyperliquidChain.Step
    ) throws {
        if open == nil {
            guard let market = HyperliquidMarket(opening: share.fill) else {
                return leave(step.fill, because: "nothing tells which token \(coin) is")
            }
            open = try HyperliquidDraft(
                opening: share, holding: share.after, market: market, account: account,
                strategy: strategy)
        }
        try open?.take(share)
        lastShare = share
        guard let draft = open, draft.closing != nil else { return }
        drafts.append(draft)
        open = nil
    }
}

extension HyperliquidChain.Run {
    /// What the position at the start had cost, and the trade that tells it.
    func costAtStart() -> (cost: Fixed, tradeID: String)? {
        var built = Fixed.zero
        for (index, step) in steps.enumerated() {
            let fill = step.fill
            let side = fill.start.signum
            guard side != 0, fill.baseFee.isZero else { return nil }
            guard fill.side.sign == -side else {
                guard let value = try? fill.qty.multiplied(by: fill.px),
                    let sum = try? built.adding(value)
                else { return nil }
                built = sum
                continue
            }
            // The venue's entry price was before the other side of a trade with oneself.
            if step.isCounterpart, index > 0 {
                let other = steps[index - 1].fill
                guard let value = try? other.qty.multiplied(by: other.px),
                    let sum = try? built.subtracting(value)
                else { return nil }
                built = sum
            }
            return fill.costBefore(side: side).flatMap { cost in
                guard let start = try? cost.subtracting(built), start.isPositive else { return nil }
                return (start, fill.tradeID)
            }
        }
        return nil
    }
}

extension HyperliquidFill {
    /// Cost of the whole position that a reducing fill meets, from closedPnl = side·(v − released).
    fileprivate func costBefore(side: Int) -> Fixed? {
        let held = start.magnitude
        let closed = min(qty, held)
        guard let closedPnl, let value = try? closed.multiplied(by: px),
            let released = try? value.subtracting(closedPnl.signed(side))
        else { return nil }
        return try? released.multiplied(by: held, dividedBy: closed)
    }
}
