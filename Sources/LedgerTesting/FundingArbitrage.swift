import Glibc
import LedgerCore

/// Turns the real prices and funding rates of `funding_arbitrage/all_exchanges.csv` into two-leg
/// positions: input for tests that is not made up. Pure and deterministic; exact decimals only.
///
/// flat ──rates differ by `entryMin`──▶ open ──they do not any more, or `settlementsMax`──▶
/// half closed ──next row──▶ closed
///
/// A row is eight hours. At its begin perpetuals settle funding at its opening price; at its end
/// the rule decides, and trades at its closing price. Each leg opens in two fills and closes in
/// two, half of it a row later, with a settlement between. All times of a position differ, so that
/// its account does not depend on the order of arrival.
public struct FundingArbitrage: Sendable {
    /// When positions are opened and closed.
    public struct Rule: Sendable {
        /// The least difference of two legs' funding rates, a settlement, to open on.
        public var entryMin: Fixed
        /// Settlements after which a position is closed, whatever the rates.
        public var settlementsMax: Int
        /// Positions to open at all.
        public var positionsMax: Int

        /// - Parameter entryMin: 3 basis points a settlement if nil.
        public init(entryMin: Fixed? = nil, settlementsMax: Int = 21, positionsMax: Int = .max) {
            self.entryMin = entryMin ?? FundingArbitrage.decimal("0.0003")
            self.settlementsMax = settlementsMax
            self.positionsMax = positionsMax
        }
    }

    /// When positions are opened and closed.
    public let rule: Rule
    private var quotes: [FundingQuote.Market: FundingQuote] = [:]
    private var time: Timestamp?
    /// By pair of markets.
    private var open: [ArbitragePair: ArbitragePosition] = [:]
    private var opened = 0

    /// Begins before the first line.
    public init(rule: Rule = Rule()) {
        self.rule = rule
    }

    /// The events of a whole file, in the order of their times; it is read as a stream.
    /// - Throws: what is wrong with the file or a line of it.
    public static func events(ofFile path: String, rule: Rule = Rule()) throws -> [NewEvent] {
        var arbitrage = FundingArbitrage(rule: rule)
        var events: [NewEvent] = []
        try forEachLine(of: path) { line in events += try arbitrage.take(line) }
        return events + (try arbitrage.finish())
    }

    /// Takes the next line, in the order of the file.
    /// - Returns: The events of the eight hours that the line shows to be complete.
    public mutating func take(_ line: String) throws -> [NewEvent] {
        guard line != FundingQuote.header, !line.isEmpty else { return [] }
        let quote = try FundingQuote(line: line)
        let events = time == quote.time ? [] : try finish()
        time = quote.time
        quotes[quote.market] = quote
        return events
    }

    /// The events of the last eight hours. What is open stays open.
    public mutating func finish() throws -> [NewEvent] {
        guard let time else { return [] }
        defer {
            quotes = [:]
            self.time = nil
        }
        let end = Timestamp(
            microseconds: time.microseconds
                + (FundingQuote.interval - 600) * Timestamp.secondInMicroseconds)
        var events: [NewEvent] = []
        for pair in ArbitragePair.all {
            guard let first = quotes[pair.first], let second = quotes[pair.second] else { continue }
            events += try settle(pair, first, second)
            events += try decide(pair, first, second, at: end)
        }
        return events.sorted {
            ($0.effectiveAt, $0.positionID) < ($1.effectiveAt, $1.positionID)
        }
    }

    private mutating func settle(
        _ pair: ArbitragePair, _ first: FundingQuote, _ second: FundingQuote
    ) throws -> [NewEvent] {
        guard var position = open[pair] else { return [] }
        defer { open[pair] = position }
        return try position.settle([first, second])
    }

    private mutating func decide(
        _ pair: ArbitragePair, _ first: FundingQuote, _ second: FundingQuote, at end: Timestamp
    ) throws -> [NewEvent] {
        let spread = try (first.rate ?? .zero).subtracting(second.rate ?? .zero)
        guard var position = open[pair] else {
            guard opened < rule.positionsMax else { return [] }
            // Whoever pays the higher rate is sold; spot cannot be sold short.
            let sellsFirst = spread.isPositive
            let wanted = sellsFirst || pair.second.isSpot ? spread : spread.negated
            guard wanted >= rule.entryMin, !(sellsFirst ? pair.first : pair.second).isSpot else {
                return []
            }
            opened += 1
            var position = try ArbitragePosition(
                number: opened, pair: pair, sellsFirst: sellsFirst, quotes: [first, second])
            let events = try position.open(spread: spread.magnitude, at: end)
            open[pair] = position
            return events
        }
        let earned = position.sellsFirst ? spread : spread.negated
        let isOver = !earned.isPositive || position.settlements >= rule.settlementsMax
        guard position.isHalfClosed || isOver else { return [] }
        let events = try position.close([first, second], at: end)
        open[pair] = position.isClosed ? nil : position
        return events
    }

    /// A literal of this module.
    static func decimal(_ literal: StaticString) -> Fixed {
        guard let value = Fixed("\(literal)") else { preconditionFailure("\(literal) is none") }
        return value
    }

    private static func forEachLine(
        of path: String, _ take: (String) throws -> Void
    ) throws {
        guard let file = fopen(path, "re") else {
            throw FundingQuote.Problem(line: path, reason: "cannot be opened: errno \(errno)")
        }
        defer { fclose(file) }
        var buffer: UnsafeMutablePointer<CChar>?
        var capacity = 0
        defer { free(buffer) }
        while case let count = getline(&buffer, &capacity, file), count > 0 {
            let bytes = UnsafeBufferPointer(start: buffer, count: count)
            let text = String(decoding: bytes.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            try take(text.trimmingSuffix { $0.isNewline })
        }
    }
}

extension String {
    fileprivate func trimmingSuffix(while isTrimmed: (Character) -> Bool) -> String {
        var copy = self
        while let last = copy.last, isTrimmed(last) { copy.removeLast() }
        return copy
    }
}
