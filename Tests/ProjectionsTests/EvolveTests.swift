import LedgerCore
import LedgerTesting
import Projections
import Testing

/// When an account can be kept event by event, and when it has to be folded afresh.
struct EvolveTests {
    /// Whether the last event of the story is taken by `evolve`, which then must give the fold.
    private func isKept(_ story: PositionStory, _ note: Comment) throws -> Bool {
        let stream = story.stream
        var account = try AccountFold.fold(stream.dropLast())
        guard try account.evolve(stream[stream.count - 1]) else { return false }
        try expectSame(account, AccountFold.fold(stream), note)
        return true
    }

    @Test func `what comes in order is kept`() throws {
        var story = PositionStory()
        story.fill("a", .buy, "1", px: "100")
        #expect(try isKept(story, "a fill"))
        story.funding("a", "1")
        #expect(try isKept(story, "funding"))
        story.fee("a", "1")
        #expect(try isKept(story, "a fee"))
        story.mark("a", "101")
        #expect(try isKept(story, "a mark"))
        story.adjust("a", cash: "1")
        #expect(try isKept(story, "an adjustment"))
        story.add(.closeRequested(reason: "x"))
        #expect(try isKept(story, "close_requested"))
        story.fill("a", .sell, "1", px: "100")
        story.close()
        #expect(try isKept(story, "position_closed"))
    }

    @Test func `what is late, voids or values is folded afresh`() throws {
        var story = PositionStory()
        let fill = story.fill("a", .buy, "1", px: "100", fee: "1", in: "BNB")
        story.fill("a", .sell, "0.5", px: "100", at: PositionStory.start.plus(seconds: 30))
        #expect(try !isKept(story, "a late fill"))
        story.value(fill, at: "600")
        #expect(try !isKept(story, "a valuation"))
        story.void(fill)
        #expect(try !isKept(story, "a void"))
    }

    @Test func `a late mark is kept, and an older one says nothing`() throws {
        var story = PositionStory()
        story.fill("a", .buy, "1", px: "100", at: PositionStory.start.plus(seconds: 600))
        story.mark("a", "101", at: PositionStory.start.plus(seconds: 500))
        #expect(try isKept(story, "a mark before the fill"))
        story.mark("a", "99", at: PositionStory.start.plus(seconds: 400))
        #expect(try isKept(story, "an older mark"))
        #expect(try AccountFold.fold(story.stream).legs[0].mark?.px.description == "101")
    }

    @Test func `an event that was voided before it came is folded afresh`() throws {
        var story = PositionStory()
        var other = PositionStory()
        let target = other.fill("a", .buy, "1", px: "100", trade: "x")
        story.void(target)
        story.fill("a", .buy, "1", px: "100", trade: "x")
        #expect(try !isKept(story, "the target"))
        #expect(try AccountFold.fold(story.stream).legs[0].qty.isZero)
    }

    @Test func `a trade whose fee in base came first gives the fee its price`() throws {
        // The fee has a rate of its own, so that nothing waits for the trade.
        var story = PositionStory([.some("a", .spot)])
        story.fill("a", .buy, "1", px: "100", trade: "t1")
        story.fee("a", "0.01", in: "BTC", trade: "t2", rate: "50")
        story.fill("a", .buy, "1", px: "200", trade: "t2")
        let fee = try AccountFold.fold(story.stream).legs[0].feeValue
        #expect(fee?.description == "2")
        _ = try isKept(story, "the trade that the fee names")
    }

    @Test func `a leg whose fee in base has no price yet takes no fill without a fold`() throws {
        var story = PositionStory([.some("a", .spot)])
        story.fill("a", .buy, "1", px: "100", trade: "t1")
        story.fee("a", "0.01", in: "BTC", trade: "t2")
        #expect(try AccountFold.fold(story.stream).legs[0].feeValue == nil)
        story.fill("a", .buy, "1", px: "200", trade: "t2")
        #expect(try !isKept(story, "the trade"))
        #expect(try AccountFold.fold(story.stream).legs[0].feeValue?.description == "2")
    }

    @Test func `a stream begins with position_opened, and its legs are known`() throws {
        var story = PositionStory()
        let fill = story.fill("a", .buy, "1", px: "100")
        #expect(throws: FoldError.notOpened) { try AccountFold.fold([]) }
        #expect(throws: FoldError.notOpened) { try AccountFold.fold([story.stream[1]]) }
        let other = PositionStory([.some("b")]).stream[0]
        #expect(throws: FoldError.unknownLeg(eventID: fill, leg: "a")) {
            try AccountFold.fold([other, story.stream[1]])
        }
    }

    // MARK: What depends on the order of arrival

    @Test func `each event after CLOSED raises the revision, and all but marks restate`() throws {
        var story = PositionStory()
        story.fill("a", .buy, "1", px: "100")
        story.fill("a", .sell, "1", px: "101")
        story.close()
        var account = try AccountFold.fold(story.stream)
        #expect(account.state == .closed)
        #expect(account.revision == 0)
        story.mark("a", "100")
        #expect(try isKept(story, "a mark"))
        account = try AccountFold.fold(story.stream)
        #expect(account.revision == 1)
        #expect(!account.isRestated)
        story.funding("a", "0.5")
        #expect(try isKept(story, "late funding"))
        account = try AccountFold.fold(story.stream)
        #expect(account.revision == 2)
        #expect(try account.flags() == [.restated])
    }

    @Test func `a void restates only if its target was booked`() throws {
        var story = PositionStory()
        let fill = story.fill("a", .buy, "1", px: "100")
        story.void(fill)
        #expect(try AccountFold.fold(story.stream).isRestated)
        let stream = story.stream
        let early = [stream[0], stream[2], stream[1]].placed()
        #expect(try !AccountFold.fold(early).isRestated)
    }

    @Test func `a late fill reopens a closed position, and says so`() throws {
        var story = PositionStory()
        story.fill("a", .buy, "1", px: "100")
        story.fill("a", .sell, "1", px: "101")
        story.close()
        story.fill("a", .buy, "0.5", px: "100", at: PositionStory.start.plus(seconds: 30))
        let account = try AccountFold.fold(story.stream)
        #expect(account.state == .closing)
        #expect(Set(try account.flags()) == [.reopenedByCorrection, .restated])
        #expect(account.revision == 1)
    }
}
