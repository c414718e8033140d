import LedgerCore
import LedgerTesting
import Projections
import Testing

/// The leg fold rule by rule, with figures worked out by hand (accounting.md §4).
struct LegFoldTests {
    private func leg(
        _ terms: LegTerms = .some(), _ tell: (inout PositionStory) -> Void
    ) throws -> LegAccount {
        var story = PositionStory([terms])
        tell(&story)
        return try AccountFold.fold(story.stream).legs[0]
    }

    @Test func `a reduction releases its share of the cost`() throws {
        let leg = try leg {
            $0.fill("a", .buy, "1", px: "100")
            $0.fill("a", .buy, "2", px: "103")
            $0.fill("a", .sell, "1.5", px: "110")
        }
        #expect(leg.qty.description == "1.5")
        #expect(leg.openCost.description == "153")
        #expect(leg.realizedPrice.description == "12")
        #expect(try leg.avgEntryPx()?.description == "102")
        #expect(leg.avgExitPx?.description == "110")
        #expect(leg.peakQty.description == "3")
        #expect(try leg.unrealized(at: .of("104")).description == "3")
    }

    @Test func `thirds are rounded once, and a flat leg has all of it back`() throws {
        let leg = try leg {
            $0.fill("a", .buy, "3", px: "100.000000000000000001")
            $0.fill("a", .sell, "1", px: "100")
            $0.fill("a", .sell, "1", px: "100")
            $0.fill("a", .sell, "1", px: "100")
        }
        #expect(leg.openCost.isZero)
        #expect(leg.realizedPrice.description == "-0.000000000000000003")
    }

    @Test func `an inverse leg is worth more as the price falls`() throws {
        let leg = try leg(.some("a", .inverse, .short, multiplier: "100")) {
            $0.fill("a", .sell, "40", px: "40000", in: "BTC")
            $0.fill("a", .buy, "10", px: "20000", in: "BTC")
        }
        // 4000/40000 = 0.1, 1000/20000 = 0.05; released 0.025: short at 40000, out at 20000.
        #expect(leg.openCost.description == "0.075")
        #expect(leg.realizedPrice.description == "0.025")
        #expect(try leg.avgEntryPx()?.description == "40000")
        // 30 contracts: 3000/30000 = 0.1 is due for 0.075.
        #expect(try leg.unrealized(at: .of("30000")).description == "0.025")
        #expect(try leg.base().description == "-0.075")
    }

    @Test func `an inverse fill has the venue's own value, if it is given`() throws {
        let own = try leg(.some("a", .inverse)) {
            $0.fill("a", .buy, "1", px: "3", in: "BTC") { $0.venueValue = .of("0.33") }
        }
        #expect(own.openCost.description == "0.33")
        let computed = try leg(.some("a", .inverse)) { $0.fill("a", .buy, "1", px: "3", in: "BTC") }
        #expect(computed.openCost.description == "0.33333333")
        let linear = try leg { $0.fill("a", .buy, "1", px: "3") { $0.venueValue = .of("9") } }
        #expect(linear.openCost.description == "3")
    }

    @Test func `a fill beyond zero closes first and opens the other way with the rest`() throws {
        let leg = try leg {
            $0.fill("a", .sell, "3", px: "10")
            $0.fill("a", .buy, "7", px: "9", fee: "0.7")
        }
        #expect(leg.overshot)
        #expect(leg.flags == [.overshot])
        #expect(leg.qty.description == "4")
        #expect(leg.openCost.description == "36")
        #expect(leg.realizedPrice.description == "3")
        #expect(leg.feeValue?.description == "0.7")
    }

    @Test func `a fee in a third asset has a value only with a rate`() throws {
        let without = try leg { $0.fill("a", .buy, "1", px: "100", fee: "0.02", in: "BNB") }
        #expect(without.feeValue == nil)
        #expect(try without.net() == nil)
        #expect(without.flags == [.provisional])
        #expect(without.days[0].fees == nil)
        #expect(without.fees["BNB"]?.description == "0.02")
        let with = try leg {
            $0.fill("a", .buy, "1", px: "100", fee: "0.02", in: "BNB") { $0.feeRate = .of("600") }
        }
        #expect(with.feeValue?.description == "12")
        #expect(with.flags == [])
        let none = try leg { $0.fill("a", .buy, "1", px: "100", fee: "0", in: "BNB") }
        #expect(none.feeValue == .zero)
        #expect(none.flags == [])
    }

    @Test func `the last live valuation by time wins, also over the fill's own rate`() throws {
        let first = try leg {
            let fill = $0.fill("a", .buy, "1", px: "100", fee: "0.02", in: "BNB") {
                $0.feeRate = .of("600")
            }
            $0.value(fill, at: "700", effective: PositionStory.start.plus(seconds: 900))
            $0.value(fill, at: "800", effective: PositionStory.start.plus(seconds: 300))
        }
        #expect(first.feeValue?.description == "14")
        let same = PositionStory.start.plus(seconds: 600)
        let later = try leg {
            let fill = $0.fill("a", .buy, "1", px: "100", fee: "0.02", in: "BNB")
            $0.value(fill, at: "700", effective: same)
            $0.value(fill, at: "800", effective: same)
        }
        #expect(later.feeValue?.description == "16")
        let voided = try leg {
            let fill = $0.fill("a", .buy, "1", px: "100", fee: "0.02", in: "BNB")
            $0.value(fill, at: "700")
            let wrong = $0.value(fill, at: "800")
            $0.void(wrong)
        }
        #expect(voided.feeValue?.description == "14")
    }

    @Test func `a valuation may come before what it values`() throws {
        var story = PositionStory()
        let fill = story.fill("a", .buy, "1", px: "100", fee: "0.02", in: "BNB")
        story.value(fill, at: "600")
        let stream = story.stream
        let early = [stream[0], stream[2], stream[1]].placed()
        #expect(try AccountFold.fold(early).legs[0].feeValue?.description == "12")
    }

    @Test func `a value belongs to the day of its target`() throws {
        let leg = try leg {
            let fill = $0.fill("a", .buy, "1", px: "100", fee: "0.02", in: "BNB")
            $0.value(fill, at: "600", effective: PositionStory.start.plus(seconds: 200_000))
        }
        #expect(leg.days.map(\.day.description) == ["2026-01-01"])
        #expect(leg.days[0].fees?.description == "12")
    }

    @Test func `a fee in base is sold at the fill's price`() throws {
        let leg = try leg(.some("a", .spot)) {
            $0.fill("a", .buy, "1", px: "100", fee: "0.001", in: "BTC")
        }
        // 1 bought for 100, of it 0.001 sold for 0.1 at a cost of 0.1.
        #expect(leg.qty.description == "0.999")
        #expect(leg.openCost.description == "99.9")
        #expect(leg.realizedPrice.isZero)
        #expect(leg.feeValue?.description == "0.1")
        #expect(leg.cash.description == "-99.9")
    }

    @Test func `a rebate in base is bought`() throws {
        let leg = try leg(.some("a", .spot)) {
            $0.fill("a", .buy, "1", px: "100", fee: "-0.001", in: "BTC")
        }
        #expect(leg.qty.description == "1.001")
        #expect(leg.openCost.description == "100.1")
        #expect(leg.feeValue?.description == "-0.1")
    }

    @Test func `a fee in the base that is also the settle asset is a fee like others`() throws {
        let leg = try leg(.some("a", .inverse)) {
            $0.fill("a", .buy, "100", px: "20000", fee: "0.00001", in: "BTC")
        }
        #expect(leg.qty.description == "100")
        #expect(leg.feeValue?.description == "0.00001")
    }

    @Test func `a later fee in base has its trade's price, else a rate, else leaves at cost`()
        throws
    {
        func later(_ trade: String?, rate: String?, valued: String? = nil) throws -> LegAccount {
            try leg(.some("a", .spot)) {
                $0.fill("a", .buy, "1", px: "100", trade: "t1")
                $0.fill("a", .buy, "1", px: "200", trade: "t2")
                let fee = $0.fee("a", "0.01", in: "BTC", trade: trade, rate: rate)
                if let valued { $0.value(fee, at: valued) }
            }
        }
        let byTrade = try later("t2", rate: "50", valued: "70")
        #expect(byTrade.feeValue?.description == "2")
        #expect(byTrade.realizedPrice.description == "0.5")
        #expect(try later(nil, rate: "50").feeValue?.description == "0.5")
        #expect(try later(nil, rate: nil, valued: "70").feeValue?.description == "0.7")
        let atCost = try later(nil, rate: nil)
        #expect(atCost.feeValue == nil)
        #expect(atCost.flags == [.provisional])
        #expect(atCost.qty.description == "1.99")
        #expect(atCost.openCost.description == "298.5")
        #expect(atCost.realizedPrice.isZero)
    }

    @Test func `funding in another asset counts once it is valued`() throws {
        let without = try leg { $0.funding("a", "2", in: "USDC") }
        #expect(without.fundingValue == nil)
        #expect(without.funding["USDC"]?.description == "2")
        #expect(without.flags == [.provisional])
        let with = try leg {
            let payment = $0.funding("a", "2", in: "USDC")
            $0.value(payment, at: "0.999")
        }
        #expect(with.fundingValue?.description == "1.998")
    }

    @Test func `a figure beyond the range stops the fold at its event`() throws {
        var story = PositionStory()
        let fill = story.fill("a", .buy, "99999999999999999999", px: "2")
        #expect(throws: FoldError.outOfRange(eventID: fill)) { try AccountFold.fold(story.stream) }
        let (account, error) = try AccountFold.foldPrefix(story.stream)
        #expect(error == .outOfRange(eventID: fill))
        #expect(account?.version == StreamVersion(rawValue: 1))
    }
}
