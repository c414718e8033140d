import Admission
import LedgerCore
import Testing

@testable import LedgerService

/// What becomes of fills, by hand-made files.
@Suite struct HyperliquidImportTests {
    let buy = FillRecord(side: "B", sz: "2.0", px: "100.0", start: "0.0", at: 0, tid: 1)
    let sell = FillRecord(
        side: "A", sz: "2.0", px: "110.0", start: "2.0", at: 60_000, tid: 2, closedPnl: "20.0",
        fee: "0.05", dir: "Close Long")

    @Test func `a position lasts from flat to flat`() throws {
        let conversion = try HyperliquidImport.of([buy, sell])
        let position = try #require(conversion.positions.first)
        #expect(conversion.positions.count == 1)
        #expect(
            position.events.map(\.type)
                == [.positionOpened, .legFillRecorded, .legFillRecorded, .positionClosed])
        let account = try position.account()
        #expect(account.state == .closed)
        #expect(account.legs[0].realizedPrice == "20")
        #expect(try account.net() == "19.95")
        #expect(position.closeReason == .manual)
        #expect(conversion.report.fillsTaken == 2)
        #expect(conversion.report.leftOut.isEmpty)
        #expect(conversion.report.coins.map(\.difference) == [.zero])
    }

    @Test func `every event is of the venue's REST feed and of the account`() throws {
        let position = try #require(
            try HyperliquidImport.of([buy, sell], account: "0xme").positions.first)
        #expect(position.events.allSatisfy { $0.source == .venueREST })
        let terms = try #require(position.opened?.legs.first)
        #expect(terms.venue == "hyperliquid")
        #expect(terms.account == "0xme")
        #expect(terms.instrument == "BTC")
        #expect(terms.kind == .linear)
        #expect(terms.settle == "USDC")
        #expect(terms.fundingInterval == 3_600)
    }

    @Test func `a position that is not flat stays open`() throws {
        let position = try #require(try HyperliquidImport.of([buy]).positions.first)
        #expect(position.qty == "2")
        #expect(try position.account().state == .open)
    }

    @Test func `a flip closes one position and opens the next, as parts 0 and 1 of one fill`()
        throws
    {
        let flip = sell.with {
            $0.sz = "5.0"
            $0.fee = "0.07"
            $0.dir = "Long > Short"
        }
        let positions = try HyperliquidImport.of([buy, flip]).positions
        try #require(positions.count == 2)
        let closing = try #require(positions[0].fillPayloads.last)
        let opening = try #require(positions[1].fillPayloads.first)
        #expect(closing.part == 0)
        #expect(opening.part == 1)
        #expect(closing.tradeID == opening.tradeID)
        #expect(closing.qty == "2")
        #expect(opening.qty == "3")
        #expect(closing.fee == "0.028")
        #expect(opening.fee == "0.042")
        #expect(closing.venueClosedPnl == "20")
        #expect(opening.venueClosedPnl == nil)
        #expect(try positions[0].account().state == .closed)
        #expect(positions[1].qty == "-3")
        #expect(positions[1].opened?.legs.first?.side == .short)
        #expect(positions[0].id != positions[1].id)
    }

    @Test func `the fee of a flip is shared to the last digit`() throws {
        let flip = sell.with {
            $0.sz = "3.0"
            $0.fee = "0.000001"
        }
        let positions = try HyperliquidImport.of([buy, flip]).positions
        let closing = try #require(positions[0].fillPayloads.last)
        let opening = try #require(positions[1].fillPayloads.first)
        #expect(closing.fee == "0.000000666666666667")
        #expect(try closing.fee.adding(opening.fee) == "0.000001")
    }

    @Test func `a fill without tid is named by hash, oid, px and sz`() throws {
        let fills = try HyperliquidImport.of([buy.with { $0.tid = nil }, sell.with { $0.tid = 0 }])
            .positions
            .flatMap(\.fillPayloads)
        #expect(fills.map(\.tradeID) == ["0xabc/7/100.0/2.0", "0xabc/7/110.0/2.0"])
    }

    @Test func `fills of one order that differ in their start only are all taken`() throws {
        let first = buy.with { $0.tid = nil }
        let second = first.with { $0.start = "2.0" }
        for order in [[first, second, first], [second, first]] {
            let conversion = try HyperliquidImport.of(order)
            #expect(conversion.positions.map(\.qty) == ["4"])
            #expect(
                conversion.positions[0].fillPayloads.map(\.tradeID)
                    == ["0xabc/7/100.0/2.0", "0xabc/7/100.0/2.0/2"])
            #expect(conversion.report.repeats == order.count - 2)
        }
    }

    @Test(arguments: [
        ("-0.0", Fixed.zero), ("48372.0", "48372"), ("1e-05", "0.00001"),
        ("-1.609E-05", "-0.00001609"),
        ("+2", "2"), (".5", "0.5"), ("1200e-2", "12"), ("0.000", Fixed.zero),
        ("12345678901234567890.123456789012345678", "12345678901234567890.123456789012345678"),
    ])
    func `decimals of others are read exactly`(_ text: String, _ value: Fixed) throws {
        #expect(try Fixed(foreign: text) == value)
    }

    @Test(arguments: [
        ("", Fixed.TextError.malformed), ("-", .malformed), ("1e", .malformed),
        ("1.2.3", .malformed),
        ("0x1", .malformed), ("NaN", .malformed), ("1e+", .malformed), ("e5", .malformed),
        ("100000000000000000000", .outOfRange), ("1e20", .outOfRange), ("1e99999999", .outOfRange),
        ("0.0000000000000000001", .tooPrecise), ("1e-19", .tooPrecise),
    ])
    func `decimals that cannot be kept are refused`(
        _ text: String, _ error: Fixed.TextError
    ) throws {
        #expect(throws: error) { try Fixed(foreign: text) }
    }

    @Test func `closed P&L of negative zero is zero`() throws {
        let position = try #require(
            try HyperliquidImport.of([buy.with { $0.closedPnl = "-0.0" }]).positions.first)
        #expect(position.fillPayloads.map(\.venueClosedPnl) == [.zero])
    }

    @Test func `a rebate is a negative fee, and takers are told from makers`() throws {
        let maker = buy.with {
            $0.fee = "-0.02"
            $0.crossed = false
        }
        let fill = try #require(
            try HyperliquidImport.of([maker]).positions.first?.fillPayloads.first)
        #expect(fill.fee == "-0.02")
        #expect(fill.liquidity == .maker)
        #expect(
            try HyperliquidImport.of([buy]).positions.first?.fillPayloads.first?.liquidity == .taker
        )
    }

    @Test(arguments: [
        ("Liquidated Cross Long", "", FillCause.liquidation, CloseReason.liquidation),
        ("Auto-Deleveraging", #", "liquidation": {"liquidatedUser": "0x2"}"#, .adl, .adl),
        ("Settlement", "", .settlement, .manual),
        ("Close Long", #", "liquidation": {"liquidatedUser": "0xME"}"#, .liquidation, .liquidation),
        ("Close Long", #", "liquidation": {"liquidatedUser": "0x2"}"#, .trade, .manual),
        ("Close Long", #", "liquidation": null"#, .trade, .manual),
    ])
    func `the cause of a fill is the position's own`(
        _ dir: String, _ more: String, _ cause: FillCause, _ reason: CloseReason
    ) throws {
        let end = sell.with {
            $0.dir = dir
            $0.more = more
        }
        let position = try #require(
            try HyperliquidImport.of([buy, end], account: "0xme").positions.first)
        #expect(position.fillPayloads.last?.cause == cause)
        #expect(position.closeReason == reason)
    }

    @Test func `a liquidation of an account by name is the taker's, not the counterparty's`() throws
    {
        let more = #", "liquidation": {"liquidatedUser": "0x2", "markPx": "1", "method": "market"}"#
        let taker = sell.with { $0.more = more }
        let maker = taker.with { $0.crossed = false }
        #expect(
            try HyperliquidImport.of([buy, taker]).positions.first?.closeReason == .liquidation)
        #expect(try HyperliquidImport.of([buy, maker]).positions.first?.closeReason == .manual)
    }

    @Test func `a record that is malformed is left out with its place and the reason`() throws {
        let records = [
            buy.json, #"{"coin": "BTC"}"#, "7", buy.with { $0.side = "S" }.json,
            buy.with { $0.sz = "0.0" }.json, buy.with { $0.px = "x" }.json,
        ]
        let conversion = try HyperliquidImport().convert(fills: [HyperliquidImport.File.of(records)]
        )
        #expect(conversion.report.fillsRead == 6)
        #expect(conversion.report.fillsTaken == 1)
        #expect(conversion.report.leftOut.map(\.place.index) == [1, 2, 3, 4, 5])
        #expect(conversion.report.leftOut[2].reason == "side is S: must be B or A")
        #expect(conversion.report.leftOut[3].reason == "sz is 0: must be above 0")
    }

    @Test func `a file that is no array is refused by its name`() throws {
        for text in ["", "{}", "[{]", "7", "\u{0}"] {
            let bad = HyperliquidImport.File(name: "x.json", bytes: Array(text.utf8))
            let error = #expect(throws: InvalidField.self) {
                try HyperliquidImport().convert(fills: [bad])
            }
            #expect(error?.field == "x.json")
        }
    }

    @Test func `what the ledger would not take is left out, not sent`() throws {
        let long = buy.with { $0.coin = String(repeating: "X", count: 129) }
        let huge = buy.with {
            $0.coin = "HUGE"
            $0.tid = 3
            $0.sz = "99999999999999999999"
            $0.px = "99999999999999999999"
        }
        let conversion = try HyperliquidImport.of([long, buy, huge])
        #expect(conversion.positions.map(\.coin) == ["BTC"])
        #expect(conversion.report.leftOut.map(\.place.index) == [0, 2])
    }

    @Test func `the report counts every record once`() throws {
        let records = [buy, sell, buy, sell.with { $0.px = "111.0" }]
        let report = try HyperliquidImport.of(records).report
        #expect(report.fillsRead == 4)
        #expect(report.fillsTaken == 2)
        #expect(report.repeats == 1)
        #expect(report.leftOut.map(\.place.index) == [3])
        #expect(report.leftOut[0].reason.contains("entry 1 of fills.json"))
        #expect(report.json["coins"] != nil)
        #expect(
            report.lines[1]
                == "left out: entry 3 of fills.json, because \(report.leftOut[0].reason)")
    }
}
