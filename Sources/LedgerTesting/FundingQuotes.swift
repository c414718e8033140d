import LedgerCore

/// What one market did in eight hours: a row of `funding_arbitrage/all_exchanges.csv`.
///
/// Source: the file of the same name in the folder `shared`: candles of eight hours and funding
/// rates of three venues, 2023-01 to 2024-07. Its times are those of London: rows of summer are at
/// 01:00, 09:00 and 17:00. The venues settle at 00:00, 08:00 and 16:00 UTC, which the floor gives.
struct FundingQuote: Hashable, Sendable {
    /// A market as the file names it.
    struct Market: Hashable, Sendable {
        var venue: String
        /// "BTC/USDT" is spot, "BTCUSDT" a linear and "BTCUSDCM" an inverse perpetual.
        var pair: String
    }

    var market: Market
    /// Begin of the eight hours, and the settlement that `rate` belongs to.
    var time: Timestamp
    /// The price at `time`.
    var open: Fixed
    /// The price eight hours later.
    var close: Fixed
    /// nil for spot.
    var rate: Fixed?

    /// Seconds from one row to the next.
    static let interval: Int64 = 28_800

    static let header =
        "time,exchange,crypto,pair,contract,open,high,low,close,volume,funding rate"

    /// - Throws: `Problem` that says what is wrong with the line.
    init(line: String) throws(Problem) {
        let cells = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        guard cells.count == 11 else {
            throw Problem(line: line, reason: "has \(cells.count) cells, not 11")
        }
        guard let time = Timestamp(cells[0] + "Z") else {
            throw Problem(line: line, reason: "has no time")
        }
        market = Market(venue: cells[1], pair: cells[3])
        self.time = time.floored(toSeconds: FundingQuote.interval)
        do throws(Fixed.TextError) {
            open = try Fixed(foreign: cells[5])
            close = try Fixed(foreign: cells[8])
            rate = cells[10].isEmpty ? nil : try Fixed(foreign: cells[10])
        } catch {
            throw Problem(line: line, reason: error.cure)
        }
    }

    /// A line that is not what the file should have.
    struct Problem: Error, Equatable, CustomStringConvertible {
        var line: String
        var reason: String
        var description: String { "\"\(line)\" \(reason)" }
    }
}
