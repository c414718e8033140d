import LedgerCore
import Postgres
import Testing

@testable import ProjectionEngine
@testable import Projections

/// analytics.trade_stats against a naive computation.
@Suite struct TradeStatsTests {
    let sandbox: Sandbox
    let appender: Appender

    init() async throws {
        sandbox = try await Sandbox()
        appender = sandbox.appender()
    }

    /// A row of trade_stats by strategy.
    struct Row: Equatable {
        var closed: Int64
        var wins: Int64
        var winRate: Fixed?
        var mean: Fixed?
        var median: Fixed?
        var profitFactor: Fixed?
        var hold: Fixed?
        var best: Fixed?
        var worst: Fixed?
    }

    private func standing(_ worker: Worker) throws -> [String: Row] {
        let result = try worker.connection.query(
            """
            SELECT strategy, closed_positions, wins, win_rate, mean_net, median_net,
                   profit_factor, mean_hold_seconds, best, worst
            FROM analytics.trade_stats
            """, deadline: ample)
        var rows: [String: Row] = [:]
        for row in result.rows {
            func fixed(_ column: Int) throws -> Fixed? {
                try row[column].ifPresent.map { try Fixed(scaled: $0.numeric()) }
            }
            rows[try row[0].string()] = Row(
                closed: try row[1].int64(), wins: try row[2].int64(), winRate: try fixed(3),
                mean: try fixed(4), median: try fixed(5), profitFactor: try fixed(6),
                hold: try fixed(7), best: try fixed(8), worst: try fixed(9))
        }
        return rows
    }

    /// Half-even, in counts of 10⁻¹⁸.
    private func ratio(_ value: Int128, _ count: Int128) throws -> Fixed? {
        guard count != 0 else { return nil }
        let (quotient, rest) = value.quotientAndRemainder(dividingBy: count)
        let twice = 2 * (rest < 0 ? -rest : rest)
        let size = count < 0 ? -count : count
        let isUp = twice > size || twice == size && quotient % 2 != 0
        let step: Int128 = (value < 0) == (count < 0) ? 1 : -1
        return try Fixed(scaled: isUp ? quotient + step : quotient)
    }

    /// From the nets and hold times of closed positions; all are known here.
    private func naive(_ trades: [(net: Fixed, hold: Int64)]) throws -> Row {
        let nets = trades.map(\.net.scaled).sorted()
        let unit = Fixed.one.scaled
        let count = Int128(nets.count)
        let wins = nets.filter { $0 > 0 }
        let losses = nets.filter { $0 < 0 }
        let middle = nets.count / 2
        let other = nets.count.isMultiple(of: 2) ? middle - 1 : middle
        let gained = try Fixed(scaled: wins.reduce(0, +))
        let lost = try Fixed(scaled: -losses.reduce(0, +))
        return Row(
            closed: Int64(nets.count), wins: Int64(wins.count),
            winRate: try ratio(Int128(wins.count) * unit, count),
            mean: try ratio(nets.reduce(0, +), count),
            median: try ratio(nets[middle] + nets[other], 2),
            profitFactor: lost.isZero ? nil : try gained.divided(by: lost),
            hold: try ratio(Int128(trades.reduce(0) { $0 + $1.hold }) * unit, count),
            best: try nets.last.map { try Fixed(scaled: $0) },
            worst: try nets.first.map { try Fixed(scaled: $0) })
    }

    @Test(arguments: 0..<3)
    func `the statistics are those of the closed positions`(round: Int) async throws {
        let seed = seed() &+ UInt64(round)
        var desk = Desk(seed: seed)
        let worker = try Worker(sandbox)
        var trades: [String: [(net: Fixed, hold: Int64)]] = [:]
        for number in 0..<60 {
            let strategy = ["a", "b", "c"][number % 3]
            let hold = Int64.random(in: 1...100_000, using: &desk.random)
            let price = Int64.random(in: 90...110, using: &desk.random)
            let fee = try Fixed(scaled: Int128(Int64.random(in: 0...9_999, using: &desk.random)))
            let open = try desk.open(strategy: strategy)
            let id = open.positionID
            let events = [
                open, try desk.fill(id, "a", .buy, 1, 100),
                try desk.fill(id, "b", .sell, 1, Fixed(price), fee: fee, at: hold),
                try desk.event(id, .closed(.takeProfit), at: hold),
            ]
            let places = try await appender.append(events)
            let net = try Fixed(price).subtracting(100).subtracting(fee)
            if desk.random.chance(20) {
                // It was not closed after all.
                _ = try await appender.append([try desk.void(id, places[3].eventID)])
            } else {
                trades[strategy, default: []].append((net, hold))
            }
            if desk.random.chance(30) { try worker.advance() }
            if desk.random.chance(10) { try worker.restart() }
        }
        try worker.advance()
        #expect(
            try standing(worker) == trades.mapValues { try naive($0) }, "seed \(seed)")
    }

    @Test func `without a loss there is no profit factor`() async throws {
        var desk = Desk()
        let worker = try Worker(sandbox)
        let open = try desk.open()
        let id = open.positionID
        _ = try await appender.append([
            open, try desk.fill(id, "a", .buy, 1, 100), try desk.fill(id, "b", .sell, 1, 101),
            try desk.event(id, .closed(.takeProfit), at: 60),
        ])
        try worker.advance()
        let row = try #require(try standing(worker)["basis"])
        #expect(row.profitFactor == nil)
        #expect(row == (try naive([(1, 60)])))
    }

    @Test func `while a net is not known the figures that need it are null`() async throws {
        var desk = Desk()
        let worker = try Worker(sandbox)
        let open = try desk.open()
        let id = open.positionID
        let fee = Fee(leg: "long", amount: 1, asset: "BNB", category: .other)
        let places = try await appender.append([
            open, try desk.fill(id, "a", .buy, 1, 100), try desk.fill(id, "b", .sell, 1, 101),
            try desk.event(id, .fee(fee)), try desk.event(id, .closed(.takeProfit), at: 60),
        ])
        try worker.advance()
        let unknown = try #require(try standing(worker)["basis"])
        #expect(unknown.closed == 1)
        #expect(unknown.mean == nil)
        #expect(unknown.best == nil)
        let value = FeeValuation(target: places[3].eventID, rate: 2, source: "test")
        _ = try await appender.append([try desk.event(id, .feeValued(value))])
        try worker.advance()
        #expect(try standing(worker)["basis"] == (try naive([(Fixed(-1), 60)])))
        try worker.expectFolded()
    }
}
