import LedgerCore
import Testing

@testable import LedgerService

/// Funding payments and spot fills.
@Suite struct HyperliquidFundingTests {
    private static let hour: Int64 = 3_600_000

    /// Long 2 from 00:30 to 02:30.
    let fills = [
        FillRecord(side: "B", sz: "2", px: "100", start: "0", at: hour / 2, tid: 1),
        FillRecord(
            side: "A", sz: "2", px: "100", start: "2", at: hour / 2 + 2 * hour, tid: 2),
    ]

    private func payment(
        _ usdc: String = "-0.0025", on szi: String = "2.0", hours: Int64, late: Int64 = 57
    ) -> FundingRecord {
        FundingRecord(usdc: usdc, szi: szi, at: hours * Self.hour + late)
    }

    @Test func `a payment belongs to the position that was open at its hour`() throws {
        let conversion = try HyperliquidImport.of(fills, [payment(hours: 1), payment(hours: 2)])
        let position = try #require(conversion.positions.first)
        #expect(
            position.events.map(\.type) == [
                .positionOpened, .legFillRecorded, .fundingRecorded, .fundingRecorded,
                .legFillRecorded, .positionClosed,
            ])
        #expect(position.funding == "-0.005")
        #expect(position.fundingPayloads.allSatisfy { $0.asset == "USDC" && $0.qty == "2" })
        #expect(conversion.report.paymentsTaken == 2)
        #expect(try position.account().legs[0].fundingMonths[0].payments == 2)
    }

    @Test func `a payment stamped after the close of its hour's position does not restate it`()
        throws
    {
        var late = fills
        late[1].at = 3 * Self.hour + 5
        let conversion = try HyperliquidImport.of(late, [payment(hours: 3)])
        let account = try #require(try conversion.positions.first?.account())
        #expect(account.state == .closed)
        #expect(account.isRestated == false)
        #expect(account.legs[0].funding["USDC"] == "-0.0025")
    }

    @Test func `fills at the very hour count before or after, as the payment's size tells`() throws
    {
        var exact = fills
        exact[0].at = Self.hour
        exact[1].at = 2 * Self.hour
        let conversion = try HyperliquidImport.of(exact, [payment(hours: 1), payment(hours: 2)])
        #expect(conversion.report.paymentsTaken == 2)
    }

    @Test(arguments: [
        (0, "-0.0025", "2", "it is from before the first fill of its coin that was taken"),
        (5, "-0.0025", "2", "no position of its coin was open at its hour"),
        (1, "-0.0025", "3", "it was paid on 3 BTC at 2024-01-01T01:00:00Z, but the fills come"),
        (1, "0.0025", "2", "usdc is 0.0025: has not the sign of −szi·fundingRate"),
    ])
    func `a payment that fits no position is left out with the reason`(
        _ hours: Int64, _ usdc: String, _ szi: String, _ reason: String
    ) throws {
        let report = try HyperliquidImport.of(fills, [payment(usdc, on: szi, hours: hours)]).report
        #expect(report.paymentsTaken == 0)
        #expect(report.leftOut.count == 1)
        #expect(report.leftOut[0].reason.hasPrefix(reason))
    }

    @Test func `an average of several settlements is matched by its sign`() throws {
        var record = payment(hours: 1)
        record.szi = "1.33333333"
        record.samples = "3"
        #expect(try HyperliquidImport.of(fills, [record]).report.paymentsTaken == 1)
    }

    @Test func `a payment of another coin, a deposit and a repeat are told apart`() throws {
        var other = payment(hours: 1)
        other.coin = "ETH"
        var deposit = payment(hours: 1)
        deposit.type = "deposit"
        var changed = payment(hours: 1)
        changed.usdc = "-0.0026"
        let records = [payment(hours: 1), other, deposit, payment(hours: 1), changed]
        let report = try HyperliquidImport.of(fills, records).report
        #expect(report.paymentsTaken == 1)
        #expect(report.repeats == 1)
        #expect(report.leftOut.map(\.place.index) == [1, 2, 4])
        #expect(
            report.leftOut[2].reason == "entry 0 of funding.json is another payment of that hour")
    }

    // MARK: Spot

    private static let spotBuy = FillRecord(
        coin: "@107", side: "B", sz: "10", px: "30", start: "0.0", at: 0, tid: 1, fee: "0.007",
        feeToken: "HYPE", dir: "Buy")

    @Test func `a spot buy pays its fee in what it buys`() throws {
        let sell = FillRecord(
            coin: "@107", side: "A", sz: "9.993", px: "31", start: "9.993", at: 1_000, tid: 2,
            closedPnl: "9.993", fee: "0.2", dir: "Sell")
        let conversion = try HyperliquidImport.of([Self.spotBuy, sell])
        let position = try #require(conversion.positions.first)
        let terms = try #require(position.opened?.legs.first)
        #expect(terms.kind == .spot)
        #expect(terms.base == "HYPE")
        #expect(terms.settle == "USDC")
        #expect(terms.fundingInterval == nil)
        let account = try position.account()
        #expect(account.state == .closed)
        #expect(account.legs[0].realizedPrice == "9.993")
        #expect(account.legs[0].feeValue == "0.41")
        #expect(conversion.report.notes.isEmpty)
    }

    @Test func `a spot pair by name needs no fee to tell its base`() throws {
        let sell = FillRecord(
            coin: "PURR/USDC", side: "A", sz: "4", px: "3", start: "10", at: 0, tid: 2,
            closedPnl: "4", fee: "0.2", dir: "Sell")
        let position = try #require(try HyperliquidImport.of([sell]).positions.first)
        #expect(position.opened?.asset == "PURR")
        #expect(position.adjustments.map(\.costDelta) == ["20"])
        #expect(position.realizedPrice == "4")
        #expect(position.qty == "6")
    }

    @Test func `a spot sale whose token nothing names is left out`() throws {
        let sell = Self.spotBuy.with {
            $0.side = "A"
            $0.start = "10"
            $0.feeToken = "USDC"
        }
        let conversion = try HyperliquidImport.of([sell])
        #expect(conversion.positions.isEmpty)
        #expect(
            conversion.report.leftOut[0].reason.hasSuffix("nothing tells which token @107 is"))
    }
}
