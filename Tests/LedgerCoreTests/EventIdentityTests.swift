import LedgerTesting
import Testing

@testable import LedgerCore

/// The ids of venue facts, and when two events are the same (accounting.md §2, Identity).
struct EventIdentityTests {
    private func derived(
        _ payload: EventPayload, _ terms: LegTerms = .some()
    ) -> String? {
        EventIdentity.derivedID(of: payload, terms: terms)?.description
    }

    private func fill(_ change: (inout Fill) -> Void = { _ in }) -> Fill {
        var fill = Fill(
            leg: "a", tradeID: "t4", side: .buy, qty: .of("1"), px: .of("200"), fee: .of("0.2"),
            feeAsset: "USDT", liquidity: .taker)
        change(&fill)
        return fill
    }

    private func funding(_ time: String, _ change: (inout Funding) -> Void = { _ in }) -> Funding {
        var funding = Funding(
            leg: "a", fundingTime: .of(time), amount: .of("1"), asset: "USDT")
        change(&funding)
        return funding
    }

    @Test func `the fill of the shared vector has the id that its void names`() {
        // vectors/events.json, void_in_the_middle: t4 is voided by this id.
        var terms = LegTerms.some()
        terms.instrument = "void_in_the_middle-p-a"
        #expect(derived(.fill(fill()), terms) == "3d802e6a-196d-5702-923e-14f875ff508f")
    }

    // The ids are Python's uuid.uuid5 of the arrays of accounting.md §2, written by hand.
    @Test func `a fill's id is that of its venue, account, instrument, trade, side and part`() {
        #expect(derived(.fill(fill())) == "951e6f65-4776-5411-9be2-5cbb29f21f4d")
        #expect(derived(.fill(fill { $0.part = 2 })) == "fc2bbf05-d6fb-5db2-9ea9-c9b28b53058a")
        #expect(derived(.fill(fill { $0.side = .sell })) == "79e2abfd-72a8-5cad-93f2-b9f2b298473f")
        let voided = UUID("3d802e6a-196d-5702-923e-14f875ff508f")
        #expect(
            derived(.fill(fill { $0.replaces = voided })) == "b660527c-d834-521a-a26d-eee82e9b30aa")
    }

    @Test func `names with escapes and other alphabets are written as RFC 8785 says`() {
        var terms = LegTerms.some()
        terms.venue = "v\"1"
        let named = fill { $0.tradeID = "é\n" }
        #expect(derived(.fill(named), terms) == "b9f21a25-21d1-5583-b65a-163e8260d655")
    }

    @Test func `nothing else moves a fill's id`() {
        let other = fill {
            $0.qty = .of("7")
            $0.px = .of("8")
            $0.fee = .of("9")
            $0.feeAsset = "BNB"
            $0.liquidity = .maker
            $0.orderID = "o"
            $0.intent = .close
            $0.cause = .adl
            $0.refPx = .of("1")
        }
        #expect(derived(.fill(other)) == derived(.fill(fill())))
        var terms = LegTerms.some()
        terms.leg = "b"
        terms.multiplier = .of("0.001")
        #expect(derived(.fill(fill()), terms) == derived(.fill(fill())))
    }

    @Test func `each part of a fill's key moves its id`() {
        var ids: Set<String?> = [derived(.fill(fill()))]
        let venue = LegTerms.some(venue: "v2")
        var (account, instrument) = (LegTerms.some(), LegTerms.some())
        account.account = "acc2"
        instrument.instrument = "BTC-b"
        for terms in [venue, account, instrument] { ids.insert(derived(.fill(fill()), terms)) }
        for change in [
            { $0.tradeID = "t5" }, { $0.side = .sell }, { $0.part = 1 },
            { $0.replaces = UUID(high: 1, low: 1) },
        ] as [(inout Fill) -> Void] {
            ids.insert(derived(.fill(fill(change))))
        }
        #expect(ids.count == 8)
        #expect(!ids.contains(nil))
    }

    @Test func `a funding id has the settlement to the second`() {
        let id = "7db21f1d-566f-505e-b1e4-8ecb9da781af"
        #expect(derived(.funding(funding("2026-01-01T16:00:00Z"))) == id)
        // Stamps come late: floored to the hour where nothing else is said.
        #expect(derived(.funding(funding("2026-01-01T16:00:04.2Z"))) == id)
        #expect(derived(.funding(funding("2026-01-01T16:59:59.999999Z"))) == id)
        #expect(derived(.funding(funding("2026-01-01T17:00:00Z"))) != id)
        #expect(derived(.funding(funding("2026-01-01T16:00:00Z") { $0.part = 1 })) != id)
        let replaced = funding("2026-01-01T16:00:00Z") { $0.replaces = UUID(high: 1, low: 1) }
        #expect(derived(.funding(replaced)) != id)
        let other = funding("2026-01-01T16:00:00Z") { $0.amount = .of("2") }
        #expect(derived(.funding(other)) == id)
    }

    @Test func `a funding time is floored to the event's interval, else to the leg's, else to 1 h`()
    {
        func time(_ interval: Int64?, leg: Int64?) -> String {
            EventIdentity.fundingTime(
                of: funding("2026-01-01T23:59:59Z") { $0.interval = interval },
                terms: .some(interval: leg)
            ).description
        }
        #expect(time(nil, leg: nil) == "2026-01-01T23:00:00Z")
        #expect(time(nil, leg: 28_800) == "2026-01-01T16:00:00Z")
        #expect(time(14_400, leg: 28_800) == "2026-01-01T20:00:00Z")
        #expect(time(60, leg: nil) == "2026-01-01T23:59:00Z")
    }

    @Test func `a void's id is that of its target alone`() {
        let target = UUID("3d802e6a-196d-5702-923e-14f875ff508f") ?? UUID(high: 0, low: 0)
        let void = EventPayload.voided(EventVoid(target: target, reason: "x"))
        #expect(
            EventIdentity.derivedID(of: void, terms: nil)?.description
                == "62576324-5505-5bff-9583-30cb80449489")
        #expect(derived(.voided(EventVoid(target: target, reason: "y"))) == derived(void))
    }

    @Test func `only fills, funding and voids have derived ids`() {
        let deriving = EventType.allCases.filter(\.derivesID)
        #expect(deriving == [.legFillRecorded, .fundingRecorded, .eventVoided])
        for payload in Samples.payloads {
            #expect((derived(payload) != nil) == payload.type.derivesID, "\(payload.type)")
        }
        #expect(EventIdentity.derivedID(of: .fill(fill()), terms: nil) == nil)
    }

    // MARK: Repeats

    private func difference(_ first: EventPayload, _ second: EventPayload) -> String? {
        var (known, repeated) = (PositionStory(), PositionStory())
        known.add(first)
        return EventIdentity.difference(repeated.make(second), from: known.stream[1])
    }

    @Test func `a fill is repeated if side, qty, px, fee and fee asset are equal`() {
        #expect(difference(.fill(fill()), .fill(fill())) == nil)
        let feeds = fill {
            $0.liquidity = .maker
            $0.orderID = "o"
            $0.intent = .open
            $0.venueValue = .of("5")
            $0.feeRate = .of("2")
        }
        #expect(difference(.fill(fill()), .fill(feeds)) == nil)
        let changes: [(String, (inout Fill) -> Void)] = [
            ("side", { $0.side = .sell }), ("qty", { $0.qty = .of("2") }),
            ("px", { $0.px = .of("2") }), ("fee", { $0.fee = .of("-0.2") }),
            ("fee_asset", { $0.feeAsset = "usdt" }),
        ]
        for (member, change) in changes {
            #expect(difference(.fill(fill()), .fill(fill(change))) == member)
        }
    }

    @Test func `funding is repeated if amount and asset are equal`() {
        let known = funding("2026-01-01T16:00:00Z")
        let late = funding("2026-01-01T16:00:09Z") { $0.rate = .of("0.0001") }
        #expect(difference(.funding(known), .funding(late)) == nil)
        let more = funding("2026-01-01T16:00:00Z") { $0.amount = .of("1.000000000000000001") }
        #expect(difference(.funding(known), .funding(more)) == "amount")
        let other = funding("2026-01-01T16:00:00Z") { $0.asset = "USDC" }
        #expect(difference(.funding(known), .funding(other)) == "asset")
    }

    @Test func `a void is repeated whatever its reason`() {
        let target = UUID(high: 1, low: 1)
        let first = EventPayload.voided(EventVoid(target: target, reason: "x"))
        #expect(difference(first, .voided(EventVoid(target: target, reason: "y"))) == nil)
    }

    @Test func `another event is repeated if its time and its whole payload are equal`() {
        let mark = EventPayload.mark(Mark(leg: "a", px: .of("1")))
        #expect(difference(mark, mark) == nil)
        let other = EventPayload.mark(Mark(leg: "a", px: .of("1"), indexPx: .of("1")))
        #expect(difference(mark, other) == "payload")
        #expect(difference(mark, .fee(Samples.fee)) == "type")
        #expect(difference(.fill(fill()), .funding(funding("2026-01-01T16:00:00Z"))) == "type")
        var (known, repeated) = (PositionStory(), PositionStory())
        known.add(mark)
        let later = repeated.make(mark, at: repeated.now.plus(seconds: 1))
        #expect(EventIdentity.difference(later, from: known.stream[1]) == "effective_at")
    }

    @Test func `an event of another position is no repeat`() {
        for payload in Samples.payloads {
            var (known, repeated) = (PositionStory(number: 1), PositionStory(number: 2))
            known.add(payload)
            #expect(
                EventIdentity.difference(repeated.make(payload), from: known.stream[1])
                    == "position_id", "\(payload.type)")
        }
    }
}
