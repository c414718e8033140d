import Admission
import LedgerCore
import LedgerTesting
import Testing

/// What a position's state lets in (accounting.md §§2–3). Every refusal leaves it as it was.
struct StateRuleTests {
    /// Long 1 and flat again, closed at `closedAt`.
    private func closed() -> (story: PositionStory, closedAt: Timestamp) {
        var story = PositionStory()
        story.fill("a", .buy, "1", px: "100")
        story.fill("a", .sell, "1", px: "101")
        let closedAt = story.now
        story.close()
        return (story, closedAt)
    }

    @Test func `a position begins with its position_opened`() throws {
        var story = PositionStory()
        var desk = Desk()
        for payload in [
            .buy("1", trade: "x"), .mark(Mark(leg: "a", px: .of("1"))), .closed(.stop),
            .cancelled(reason: "x"),
        ] as [EventPayload] {
            let refusal = try desk.refuse([story.make(payload)])
            #expect(refusal.kind == "precondition", "\(payload.type)")
            #expect(refusal.index == 0)
        }
        try desk.take([story.sent[0], story.make(.buy("1", trade: "x"))])
    }

    @Test(arguments: [false, true])
    func `a position is opened once`(commits: Bool) throws {
        var story = PositionStory()
        var desk = try Desk(story, commits: commits)
        let again = story.make(.opened(story.opened))
        #expect(try desk.refuse([again]).kind == "precondition")
        #expect(try desk.take([story.sent[0]]).first?.isNew == false)
    }

    @Test func `a leg has to be one of the position's`() throws {
        var story = PositionStory([.some("a"), .some("b")])
        var desk = try Desk(story)
        let payloads: [EventPayload] = [
            .fill(
                Fill(
                    leg: "z", tradeID: "t", side: .buy, qty: .one, px: .one, fee: .zero,
                    feeAsset: "USDT", liquidity: .taker)),
            .funding(Funding(leg: "z", fundingTime: story.now, amount: .one, asset: "USDT")),
            .fee(Fee(leg: "z", amount: .one, asset: "USDT", category: .other)),
            .mark(Mark(leg: "z", px: .one)),
            .adjustment(Adjustment(leg: "z", category: "c", reason: "r")),
        ]
        for payload in payloads {
            let refusal = try desk.refuse([story.make(payload)])
            #expect(refusal.field == "payload.leg", "\(payload.type)")
            #expect(refusal.description.contains("a, b"), "\(payload.type)")
        }
    }

    @Test(arguments: [false, true])
    func `position_closed needs every leg flat`(commits: Bool) throws {
        var story = PositionStory([.some("a"), .some("b", .linear, .short)])
        story.fill("a", .buy, "1", px: "100")
        story.fill("b", .sell, "2", px: "100")
        var desk = try Desk(story, commits: commits)
        let refusal = try desk.refuse([story.make(.closed(.stop))])
        #expect(refusal.kind == "precondition")
        #expect(refusal.description.contains("a has 1"))
        #expect(refusal.description.contains("b has -2"))
        try desk.take([story.make(.sell("1", trade: "out"))])
        #expect(try desk.refuse([story.make(.closed(.stop))]).description.contains("b has -2"))
        var flat = story
        let out = Fill(
            leg: "b", tradeID: "out", side: .buy, qty: .of("2"), px: .of("1"), fee: .zero,
            feeAsset: "USDT", liquidity: .taker)
        try desk.take([flat.make(.fill(out)), flat.make(.closed(.stop))])
        #expect(try desk.state(of: story) == .closed)
    }

    @Test func `position_cancelled needs no live fill`() throws {
        var story = PositionStory()
        let fill = story.fill("a", .buy, "1", px: "100")
        var desk = try Desk(story)
        let cancel = story.make(.cancelled(reason: "x"))
        #expect(try desk.refuse([cancel]).kind == "precondition")
        try desk.take([story.make(.void(fill)), cancel])
        #expect(try desk.state(of: story) == .cancelled)
        // A fill after that is a fact.
        try desk.take([story.make(.buy("1", trade: "late"))])
        #expect(try desk.state(of: story) == .open)
    }

    @Test(arguments: [false, true])
    func `a closed position takes no fill from after its close`(commits: Bool) throws {
        var (story, closedAt) = closed()
        var desk = try Desk(story, commits: commits)
        let after = story.make(.buy("1", trade: "after"), at: closedAt.plus(seconds: 1))
        #expect(try desk.refuse([after]).kind == "precondition")
        // One microsecond is after; the same instant is not.
        let micro = Timestamp(microseconds: closedAt.microseconds + 1)
        #expect(
            try desk.refuse([story.make(.buy("1", trade: "us"), at: micro)]).kind == "precondition")
        try desk.take([story.make(.buy("1", trade: "same"), at: closedAt)])
        #expect(try desk.state(of: story) == .closing)
        // REOPENED_BY_CORRECTION: now also a later one is taken.
        #expect(try desk.take([after]).first?.isNew == true)
    }

    @Test(arguments: [false, true])
    func `a closed position takes late facts of every kind`(commits: Bool) throws {
        var (story, closedAt) = closed()
        let fill = story.id(of: story.sent[1])
        var desk = try Desk(story, commits: commits)
        let after = closedAt.plus(seconds: 60)
        try desk.take([
            story.make(
                .funding(Funding(leg: "a", fundingTime: after, amount: .one, asset: "USDT")),
                at: after),
            story.make(
                .fee(Fee(leg: "a", amount: .one, asset: "BNB", category: .other)), at: after),
            story.make(.mark(Mark(leg: "a", px: .one)), at: after),
            story.make(
                .adjustment(
                    Adjustment(leg: "a", category: "c", reason: "r", cashDelta: .one)), at: after),
            story.make(.closeRequested(reason: "x"), at: after),
        ])
        #expect(try desk.state(of: story) == .closed)
        try desk.take([story.make(.void(fill), at: after)])
        #expect(try desk.state(of: story) == .closing)
    }

    @Test func `the last position_closed counts`() throws {
        var (story, closedAt) = closed()
        var desk = try Desk(story)
        let later = closedAt.plus(seconds: 600)
        try desk.take([story.make(.closed(.manual), at: later)])
        try desk.take([story.make(.closed(.manual), at: closedAt.plus(seconds: 300))])
        let between = story.make(.buy("1", trade: "between"), at: later)
        #expect(try desk.take([between]).first?.isNew == true)
    }

    @Test(arguments: [false, true])
    func `a late fill that changes the order leaves the exact state once it is settled`(
        commits: Bool
    ) throws {
        var story = PositionStory([.some("a", target: "2")])
        story.fill("a", .buy, "1", px: "100", at: PositionStory.start.plus(seconds: 600))
        story.fill("a", .sell, "0.5", px: "100", at: PositionStory.start.plus(seconds: 1_200))
        var desk = try Desk(story, commits: commits)
        #expect(try desk.state(of: story) == .closing)
        // It was bought and sold before: now the sale at 600 s… none reduced a short.
        try desk.take([
            story.make(.buy("1", trade: "late"), at: PositionStory.start.plus(seconds: 900))
        ])
        #expect(try desk.state(of: story) == .closing)
        let found = desk.state(story.positionID)
        let state = try #require(found)
        #expect(!state.lifecycle.needsRefold)
        #expect(state.lifecycle.targetsReached)
        #expect(state.lifecycle.legs[0].qty == .of("1.5"))
    }

    // MARK: fee_valued

    @Test(arguments: [false, true])
    func `a valuation needs a target with a fee, in another asset than the settle asset`(
        commits: Bool
    ) throws {
        var story = PositionStory()
        let foreign = story.fill("a", .buy, "1", px: "100", fee: "1", in: "BNB")
        let settled = story.fill("a", .buy, "1", px: "100", fee: "1", in: "USDT")
        let fee = story.fee("a", "1", in: "BNB")
        let payment = story.funding("a", "1", in: "USDC")
        let mark = story.mark("a", "100")
        let close = story.add(.closeRequested(reason: "x"))
        var other = PositionStory(number: 2)
        let elsewhere = other.fee("a", "1", in: "BNB")
        var desk = try Desk(story, commits: commits)
        for event in other.sent { try desk.take([event]) }
        func valuation(_ target: UUID) -> NewEvent {
            story.make(.feeValued(FeeValuation(target: target, rate: .one, source: "s")))
        }
        let opened = try #require(story.sent[0].eventID)
        for target in [settled, mark, close, elsewhere, opened] {
            #expect(try desk.refuse([valuation(target)]).kind == "precondition")
        }
        for target in [foreign, fee, payment, UUID(high: 9, low: 9)] {
            #expect(try desk.take([valuation(target)]).first?.isNew == true)
        }
    }
}
