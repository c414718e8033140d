import LedgerCore
import Postgres
import Testing

@testable import ProjectionEngine
@testable import Projections

/// Late and voided facts restate the days that they belong to.
@Suite struct RestatementTests {
    let sandbox: Sandbox
    let appender: Appender

    /// Seconds of a day.
    private let day: Int64 = 86_400

    init() async throws {
        sandbox = try await Sandbox()
        appender = sandbox.appender()
    }

    /// price_pnl, fees and net by day, as the view has them.
    private func days(_ worker: Worker) throws -> [String] {
        try worker.connection.query(
            """
            SELECT to_char(day, 'DD') || ': ' || trim_scale(price_pnl) || ' - '
                   || trim_scale(fees) || ' = ' || trim_scale(net) || ', ' || fills
            FROM analytics.daily_pnl
            ORDER BY day
            """, deadline: ample
        ).rows.map { try $0[0].string() }
    }

    @Test func `a late fill restates its day and every later day that released cost`()
        async throws
    {
        var desk = Desk()
        let worker = try Worker(sandbox)
        let open = try desk.open()
        let id = open.positionID
        _ = try await appender.append([
            open, try desk.fill(id, "a", .buy, 2, 100, fee: 1),
            try desk.fill(id, "b", .sell, 1, 110, fee: 1, at: 2 * day),
            try desk.fill(id, "c", .sell, 1, 120, fee: 1, at: 3 * day),
        ])
        try worker.advance()
        #expect(
            try days(worker) == ["28: 0 - 1 = -1, 1", "30: 10 - 1 = 9, 1", "31: 20 - 1 = 19, 1"])

        let late = try await appender.append([
            try desk.fill(id, "d", .buy, 2, 90, fee: 2, at: day)
        ])
        try worker.advance()
        #expect(
            try days(worker) == [
                "28: 0 - 1 = -1, 1", "29: 0 - 2 = -2, 1", "30: 15 - 1 = 14, 1",
                "31: 25 - 1 = 24, 1",
            ])
        try worker.expectFolded()

        _ = try await appender.append([try desk.void(id, late[0].eventID)])
        try worker.advance()
        #expect(
            try days(worker) == ["28: 0 - 1 = -1, 1", "30: 10 - 1 = 9, 1", "31: 20 - 1 = 19, 1"])
        try worker.expectFolded()
    }

    @Test func `a fee that comes after the close goes to its own day and raises the revision`()
        async throws
    {
        var desk = Desk()
        let worker = try Worker(sandbox)
        let open = try desk.open()
        let id = open.positionID
        _ = try await appender.append([
            open, try desk.fill(id, "a", .buy, 1, 100), try desk.fill(id, "b", .sell, 1, 110),
            try desk.event(id, .closed(.takeProfit), at: 60),
        ])
        try worker.advance()
        let history = "SELECT revision FROM positions.history"
        #expect(try worker.connection.number(history) == 0)
        let fee = Fee(leg: "long", amount: 3, asset: "USD", category: .trading, tradeID: "b")
        _ = try await appender.append([try desk.event(id, .fee(fee), at: day)])
        try worker.advance()
        #expect(try days(worker) == ["28: 10 - 0 = 10, 2", "29: 0 - 3 = -3, 0"])
        #expect(try worker.connection.number(history) == 1)
        try worker.expectFolded()
    }

    @Test func `a close that is voided brings the position back to the open ones`() async throws {
        var desk = Desk()
        let worker = try Worker(sandbox)
        let open = try desk.open()
        let id = open.positionID
        let places = try await appender.append([
            open, try desk.fill(id, "a", .buy, 1, 100), try desk.fill(id, "b", .sell, 1, 110),
            try desk.event(id, .closed(.takeProfit), at: 60),
        ])
        try worker.advance()
        let counts = """
            SELECT 100 * (SELECT count(*) FROM positions.active)
                   + 10 * (SELECT count(*) FROM positions.history)
                   + (SELECT count(*) FROM analytics.trade_stats)
            """
        #expect(try worker.connection.number(counts) == 11)
        _ = try await appender.append([try desk.void(id, places[3].eventID)])
        try worker.advance()
        #expect(try worker.connection.number(counts) == 100)
        try worker.expectFolded()
        _ = try await appender.append([try desk.event(id, .closed(.manual), at: 70)])
        try worker.advance()
        #expect(try worker.connection.number(counts) == 11)
        try worker.expectFolded()
    }

    /// A spot leg, one BTC of trade "t" at `px`, and a base fee of a tenth of it with a rate of 70.
    private func spot(_ desk: inout Desk) throws -> (open: NewEvent, fee: NewEvent) {
        var open = try desk.open()
        guard case .opened(var terms) = open.payload else { throw Surprise("it opens") }
        terms.legs[0].kind = .spot
        open.payload = .opened(terms)
        let fee = Fee(
            leg: "long", amount: .of("0.1"), asset: "BTC", category: .trading, tradeID: "t",
            feeRate: 70)
        return (open, try desk.event(open.positionID, .fee(fee), at: 2))
    }

    @Test func `a base fee takes its trade's price, whichever of them comes first`() async throws {
        var desk = Desk()
        let worker = try Worker(sandbox)
        for tradeFirst in [true, false] {
            let (open, fee) = try spot(&desk)
            let trade = try desk.fill(open.positionID, "t", .buy, 1, 100, at: 3)
            for event in [open] + (tradeFirst ? [trade, fee] : [fee, trade]) {
                _ = try await appender.append([event])
                try worker.advance()
            }
        }
        let values = "SELECT fee_value FROM positions.legs"
        let rows = try worker.connection.query(values, deadline: ample).rows
        #expect(try rows.map { try Fixed(scaled: $0[0].numeric()) } == [10, 10])
        try worker.expectFolded()
    }

    @Test func `a base fee of a trade in parts does not depend on the order of arrival`()
        async throws
    {
        var desk = Desk()
        let worker = try Worker(sandbox)
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let (open, fee) = try spot(&desk)
            var parts = [
                try desk.fill(open.positionID, "t", .buy, 1, 100, at: 3),
                try desk.fill(open.positionID, "t", .buy, 1, 200, at: 4),
            ]
            if case .fill(var fill) = parts[1].payload {
                fill.part = 1
                parts[1].payload = .fill(fill)
            }
            _ = try await appender.append([open])
            for index in order {
                _ = try await appender.append([(parts + [fee])[index]])
                try worker.advance()
            }
        }
        let figures = "SELECT DISTINCT fee_value, realized_price, qty FROM positions.legs"
        #expect(try worker.connection.query(figures, deadline: ample).rowCount == 1)
        try worker.expectFolded()
    }

    @Test func `a day without live events has no row`() async throws {
        var desk = Desk()
        let worker = try Worker(sandbox)
        let open = try desk.open()
        let places = try await appender.append([
            open, try desk.fill(open.positionID, "a", .buy, 1, 100),
        ])
        try worker.advance()
        #expect(try days(worker).count == 1)
        _ = try await appender.append([try desk.void(open.positionID, places[1].eventID)])
        try worker.advance()
        #expect(try days(worker) == [])
        try worker.expectFolded()
    }

    @Test(arguments: 0..<4)
    func `events in any order of arrival end in the same figures`(round: Int) async throws {
        let seed = seed() &+ UInt64(round)
        var desk = Desk(seed: seed)
        let worker = try Worker(sandbox)
        let open = try desk.open()
        let id = open.positionID
        _ = try await appender.append([open])
        var fills: [NewEvent] = []
        for number in 0..<24 {
            fills.append(
                try desk.fill(
                    id, "t\(number)", number.isMultiple(of: 3) ? .sell : .buy,
                    Fixed(Int64.random(in: 1...9, using: &desk.random)),
                    Fixed(Int64.random(in: 90...110, using: &desk.random)), fee: 1,
                    at: Int64(number) * 7 * 3_600))
        }
        let account = try AccountFold.fold(
            ([open] + fills).enumerated().map { index, event in
                Event(
                    eventID: event.eventID ?? desk.random.id(), positionID: id,
                    version: StreamVersion(rawValue: Int64(index + 1)),
                    logPosition: LogPosition(rawValue: Int64(index + 1)),
                    effectiveAt: event.effectiveAt, recordedAt: event.effectiveAt,
                    payload: event.payload)
            })
        for fill in fills.shuffled(using: &desk.random) {
            _ = try await appender.append([fill])
            if desk.random.chance(40) { try worker.advance() }
        }
        try worker.advance()
        try worker.expectFolded("seed \(seed)")
        var expected = Tables()
        try expected.add(account, stale: nil)
        #expect(try worker.standing().daily == expected.daily, "seed \(seed)")
    }
}
