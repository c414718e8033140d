import Admission
import LedgerCore
import Testing

@testable import LedgerService

/// Histories that begin in the middle, have gaps, or come in another order.
@Suite struct HyperliquidHistoryTests {
    /// Fills of a short that was there before: 30 at 10.00 on average.
    let middle = [
        FillRecord(side: "A", sz: "10", px: "11", start: "-30", at: 0, tid: 1),
        FillRecord(
            side: "B", sz: "20", px: "10", start: "-40", at: 1_000, tid: 2, closedPnl: "5"),
        FillRecord(
            side: "B", sz: "20", px: "9", start: "-20", at: 2_000, tid: 3, closedPnl: "25"),
    ]

    @Test func `a history that begins in the middle takes the position over at the venue's cost`()
        throws
    {
        let conversion = try HyperliquidImport.of(middle)
        let position = try #require(conversion.positions.first)
        #expect(conversion.positions.count == 1)
        let adopted = try #require(position.adjustments.first)
        #expect(adopted.category == "opening_balance")
        #expect(adopted.qtyDelta == "-30")
        #expect(adopted.costDelta == "300")
        let account = try position.account()
        #expect(account.state == .closed)
        #expect(account.legs[0].realizedPrice == "30")
        #expect(conversion.report.coins.map(\.difference) == [.zero])
        #expect(conversion.report.notes.count == 1)
        #expect(conversion.report.fillsTaken == 3)
    }

    @Test func `a flip tells the cost as well as a reduction does`() throws {
        let flip = FillRecord(
            side: "B", sz: "50", px: "9", start: "-30", at: 0, tid: 9, closedPnl: "30")
        let positions = try HyperliquidImport.of([flip]).positions
        #expect(positions.map(\.qty) == [.zero, "20"])
        #expect(positions[0].adjustments.map(\.costDelta) == ["300"])
        #expect(positions[0].realizedPrice == "30")
    }

    @Test func `fills are left out until flat where nothing tells the cost`() throws {
        let unknown = middle.map { record in record.with { $0.closedPnl = nil } }
        let next = FillRecord(side: "B", sz: "1", px: "9", start: "0", at: 3_000, tid: 4)
        let conversion = try HyperliquidImport.of(unknown + [next])
        #expect(conversion.positions.map(\.qty) == ["1"])
        #expect(conversion.report.leftOut.map(\.place.index) == [0, 1, 2])
        let reason = conversion.report.leftOut[0].reason
        #expect(reason.hasPrefix("the history begins with an open position of -30 BTC"))
    }

    @Test func `of a flip whose first part is left out, the second is taken`() throws {
        let flip = FillRecord(
            side: "B", sz: "50", px: "9", start: "-30", at: 0, tid: 9, closedPnl: nil, fee: "0.5")
        let conversion = try HyperliquidImport.of([flip])
        #expect(conversion.positions.map(\.qty) == ["20"])
        #expect(conversion.positions[0].fillPayloads.map(\.part) == [1])
        #expect(conversion.positions[0].fillPayloads.map(\.fee) == ["0.2"])
        #expect(conversion.report.leftOut[0].reason.hasPrefix("its part 0, which closes: "))
    }

    @Test func `increases alone do not tell what was there before`() throws {
        let conversion = try HyperliquidImport.of([middle[0]])
        #expect(conversion.positions.isEmpty)
        #expect(conversion.report.leftOut.count == 1)
    }

    @Test func `a gap ends the position at cost and begins another`() throws {
        let before = FillRecord(side: "B", sz: "5", px: "10", start: "0", at: 0, tid: 1)
        let after = FillRecord(
            side: "A", sz: "3", px: "12", start: "3", at: 1_000, tid: 2, closedPnl: "6")
        let conversion = try HyperliquidImport.of([before, after])
        try #require(conversion.positions.count == 2)
        let ended = conversion.positions[0]
        #expect(ended.adjustments.map(\.category) == ["history_gap"])
        #expect(ended.isClosed)
        #expect(ended.realizedPrice == .zero)
        let begun = conversion.positions[1]
        #expect(begun.adjustments.map(\.category) == ["opening_balance"])
        #expect(begun.realizedPrice == "6")
        #expect(
            conversion.report.notes[0].hasPrefix(
                "fills of BTC are missing between 2024-01-01T00:00:00Z, which leaves 5, and "
                    + "2024-01-01T00:00:01Z, which starts from 3"))
    }

    @Test func `a gap to flat ends the position too`() throws {
        let before = FillRecord(side: "B", sz: "5", px: "10", start: "0", at: 0, tid: 1)
        let after = FillRecord(side: "A", sz: "3", px: "12", start: "0", at: 1_000, tid: 2)
        let positions = try HyperliquidImport.of([before, after]).positions
        #expect(positions.map(\.qty) == [.zero, "-3"])
        #expect(positions[0].isClosed)
    }

    @Test(arguments: 0..<24)
    func `the order of the file does not matter`(_ seed: Int) throws {
        // Four fills of one millisecond: 0 → 3 → 1 → −2 → 0.
        let records = [
            FillRecord(side: "B", sz: "3", px: "10", start: "0", at: 0, tid: 1),
            FillRecord(side: "A", sz: "2", px: "11", start: "3", at: 0, tid: 2, closedPnl: "2"),
            FillRecord(side: "A", sz: "3", px: "12", start: "1", at: 0, tid: 3, closedPnl: "2"),
            FillRecord(side: "B", sz: "2", px: "11", start: "-2", at: 0, tid: 4, closedPnl: "2"),
        ]
        var shuffled: [FillRecord] = []
        var rest = records
        var choice = seed
        while !rest.isEmpty {
            shuffled.append(rest.remove(at: choice % rest.count))
            choice /= rest.count + 1
        }
        let expected = try HyperliquidImport.of(records)
        let found = try HyperliquidImport.of(shuffled)
        #expect(found.lines == expected.lines)
        #expect(found.positions.map(\.realizedPrice) == ["4", "2"])
        #expect(found.report.notes.isEmpty)
    }

    @Test func `a position that returns within one millisecond is one walk through all fills`()
        throws
    {
        // From 5: up to 7, back to 5, down to 4. The last one stands first in the file.
        let records = [
            FillRecord(side: "B", sz: "5", px: "10", start: "0", at: 0, tid: 1),
            FillRecord(side: "A", sz: "1", px: "10", start: "5", at: 1, tid: 4),
            FillRecord(side: "A", sz: "2", px: "10", start: "7", at: 1, tid: 3),
            FillRecord(side: "B", sz: "2", px: "10", start: "5", at: 1, tid: 2),
        ]
        let conversion = try HyperliquidImport.of(records)
        #expect(conversion.report.notes.isEmpty)
        #expect(conversion.positions.map(\.qty) == ["4"])
        #expect(conversion.positions[0].fillPayloads.map(\.tradeID) == ["1", "2", "3", "4"])
    }

    @Test func `a trade with oneself leaves the position as it was`() throws {
        let long = FillRecord(side: "B", sz: "5", px: "10", start: "0", at: 0, tid: 1)
        let bought = FillRecord(side: "B", sz: "2", px: "12", start: "5", at: 1_000, tid: 2)
        let sold = bought.with {
            $0.side = "A"
            $0.crossed = false
            $0.closedPnl = "4"
        }
        for records in [[long, bought, sold], [long, sold, bought]] {
            let conversion = try HyperliquidImport.of(records)
            #expect(conversion.positions.map(\.qty) == ["5"])
            #expect(conversion.report.notes.isEmpty)
            // The reducing side first: it realises what the venue says.
            #expect(conversion.report.coins.map(\.difference) == [.zero])
        }
    }

    @Test func `a trade with oneself of the whole position does not close it`() throws {
        let long = FillRecord(side: "B", sz: "5", px: "10", start: "0", at: 0, tid: 1)
        let bought = FillRecord(side: "B", sz: "5", px: "12", start: "5", at: 1_000, tid: 2)
        let sold = bought.with { $0.side = "A" }
        #expect(try HyperliquidImport.of([long, sold, bought]).positions.map(\.qty) == ["5"])
    }

    @Test func `a longer history gives the same events and new ones`() throws {
        let records =
            middle + [
                FillRecord(side: "B", sz: "4", px: "9", start: "0", at: 3_000, tid: 4),
                FillRecord(
                    side: "A", sz: "6", px: "9", start: "4", at: 4_000, tid: 5, closedPnl: "0"),
                FillRecord(side: "A", sz: "1", px: "9", start: "-2", at: 5_000, tid: 6),
            ]
        var ledger = MemoryLedger()
        var total = 0
        for length in 1...records.count {
            total += try ledger.take(try HyperliquidImport.of(Array(records[..<length])).events)
        }
        let whole = try HyperliquidImport.of(records).events
        #expect(total == whole.count)
        #expect(try ledger.take(whole) == 0)
        #expect(try ledger.take(try HyperliquidImport.of(records.reversed()).events) == 0)
    }

    @Test func `files that overlap are one history`() throws {
        let first = HyperliquidImport.File.of(middle[..<2].map(\.json), named: "a.json")
        let second = HyperliquidImport.File.of(middle[1...].map(\.json), named: "b.json")
        let conversion = try HyperliquidImport().convert(fills: [second, first])
        #expect(conversion.lines == (try HyperliquidImport.of(middle).lines))
        #expect(conversion.report.repeats == 1)
    }

    @Test func `a history that begins later than the first one is refused, not booked twice`()
        throws
    {
        let start = FillRecord(side: "A", sz: "30", px: "10", start: "0", at: -1_000, tid: 99)
        var ledger = MemoryLedger()
        try ledger.take(try HyperliquidImport.of([start] + middle).events)
        let later = try HyperliquidImport.of(middle).events
        #expect(throws: Refusal.self) { try ledger.take(later) }
    }

    @Test(arguments: 0..<20)
    func `realised P&L is the venue's, where the venue averages its entry price`(
        _ seed: UInt64
    ) throws {
        var venue = AverageCostVenue(seed: seed)
        let conversion = try HyperliquidImport.of(try venue.fills(count: 60))
        #expect(conversion.report.fillsTaken == 60)
        let difference = try #require(conversion.report.coins.first?.difference)
        // The venue's figures are cut to 18 places, each once.
        #expect(difference.magnitude <= "0.00000000000000006")
    }
}

/// Random fills with the closed P&L of an average entry price.
private struct AverageCostVenue {
    private var state: UInt64
    private var qty = Fixed.zero
    private var cost = Fixed.zero

    init(seed: UInt64) {
        state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 0x1234_5678
    }

    private mutating func random(_ bound: UInt64) -> Int64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return Int64(state % bound)
    }

    mutating func fills(count: Int) throws -> [FillRecord] {
        var records: [FillRecord] = []
        for index in 0..<count {
            let isBuy = random(2) == 0
            let size = try Fixed(1 + random(40)).divided(by: "10")
            let px = try Fixed(900 + random(200)).divided(by: "10")
            let start = qty
            let pnl = try trade(isBuy ? 1 : -1, size, px)
            records.append(
                FillRecord(
                    side: isBuy ? "B" : "A", sz: size.description, px: px.description,
                    start: start.description, at: Int64(index), tid: Int64(index + 1),
                    closedPnl: pnl.description))
        }
        return records
    }

    private mutating func trade(_ side: Int, _ size: Fixed, _ px: Fixed) throws -> Fixed {
        let held = qty.magnitude
        let sign = qty.signum
        guard sign == -side else {
            cost = try cost.adding(try size.multiplied(by: px))
            qty = try qty.adding(size.signed(side))
            return .zero
        }
        let closed = min(size, held)
        let released = closed == held ? cost : try cost.multiplied(by: closed, dividedBy: held)
        let pnl = try closed.multiplied(by: px).subtracting(released).signed(sign)
        let rest = try size.subtracting(closed)
        cost = rest.isZero ? try cost.subtracting(released) : try rest.multiplied(by: px)
        qty = try qty.adding(size.signed(side))
        return pnl
    }
}
