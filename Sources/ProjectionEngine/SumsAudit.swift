import EventStore
import LedgerCore
import Postgres
import Projections

/// Adds the sums over many positions up afresh, from the rows of the positions that stand in the
/// same generation, and compares: a day of daily_pnl with position_days, a key of trade_stats with
/// history.
struct SumsAudit {
    let book: BookID
    let slot: Int16

    /// What was looked at, and what of it differs.
    struct Found: Sendable {
        /// "analytics.daily_pnl 2026-01-05"; nil where there is nothing to look at.
        var place: String?
        /// "analytics.daily_pnl 2026-01-05 s BTC okx USDT: volume is 5, not 4"
        var differences: [String] = []
    }

    /// Rows that are told of one day.
    private static let rowsMax: Int64 = 100
    private static let snapshot = "ISOLATION LEVEL REPEATABLE READ READ ONLY"

    private var scope: [Parameter] { [.int2(slot), .int4(book.rawValue)] }

    /// Looks at a day that is drawn, or at `day`.
    func checkDay(
        _ day: Day? = nil, on connection: Connection, deadline: Deadline
    ) throws -> Found {
        try connection.transaction(Self.snapshot, deadline: deadline) { connection in
            let ends = try connection.query(SumsSQL.days, scope, deadline: deadline).onlyRow()
            guard let first = try ends[0].ifPresent?.date(),
                let last = try ends[1].ifPresent?.date()
            else { return Found() }
            let chosen = day ?? Day(number: .random(in: first...max(first, last)))
            let rows = try connection.query(
                SumsSQL.day, scope + [.date(days: chosen.number), .int8(Self.rowsMax)],
                deadline: deadline
            ).rows
            let place = "analytics.daily_pnl \(chosen)"
            return Found(
                place: place,
                differences: try rows.map { row in
                    let key = try (0..<4).map { try row[$0].string() }.joined(separator: " ")
                    return Self.words(
                        "\(place) \(key)", SumsSQL.dayColumns, try row[4].ifPresent?.textArray(),
                        try row[5].ifPresent?.textArray())
                })
        }
    }

    /// Looks at a key of trade_stats that is drawn.
    func checkStatistics(on connection: Connection, deadline: Deadline) throws -> Found {
        try connection.transaction(Self.snapshot, deadline: deadline) { connection in
            let count = try connection.query(
                SumsSQL.keyCount, scope, deadline: deadline
            ).onlyRow()[0].int64()
            guard count > 0 else { return Found() }
            let row = try connection.query(
                SumsSQL.key, scope + [.int8(.random(in: 0..<count))], deadline: deadline
            ).onlyRow()
            let names = try (0..<3).map { try row[$0].string() }
            let key = TradeStats.Key(
                strategy: ExactText(names[0]), asset: ExactText(names[1]),
                settle: ExactText(names[2]))
            let writer = GenerationWriter(book: book, slot: slot, tables: [])
            let sums = try writer.tradeStats(of: key, connection: connection, deadline: deadline)
            let standing = try SumsSQL.keyColumns.indices.map {
                try Cell(standing: row[$0 + 3]).text ?? Self.unknown
            }
            let folded = sums.map { sums in
                (sums.cells + [.int8(sums.logPosition)]).map { $0.text ?? Self.unknown }
            }
            let place = "analytics.trade_stats " + names.joined(separator: " ")
            guard folded != standing else { return Found(place: place) }
            return Found(
                place: place,
                differences: [Self.words(place, SumsSQL.keyColumns, standing, folded)])
        }
    }

    private static let unknown = "not known"

    private static func words(
        _ place: String, _ columns: [String], _ before: [String]?, _ after: [String]?
    ) -> String {
        guard let before else { return "\(place): the row is missing" }
        guard let after else { return "\(place): the row should not be there" }
        let words = columns.indices.compactMap { index in
            before[index] == after[index]
                ? nil : "\(columns[index]) is \(before[index]), not \(after[index])"
        }
        return "\(place): \(words.joined(separator: ", "))"
    }
}

/// The statements of the audit of sums. A test prepares each.
public enum SumsSQL {
    /// The first and the last day with a row.
    static let days = """
        SELECT least(min(d.day), (SELECT min(day)
                                  FROM analytics.position_days_rows
                                  WHERE slot = $1
                                    AND book_id = $2)),
               greatest(max(d.day), (SELECT max(day)
                                     FROM analytics.position_days_rows
                                     WHERE slot = $1
                                       AND book_id = $2))
        FROM analytics.daily_pnl_rows AS d
        WHERE d.slot = $1
          AND d.book_id = $2
        """

    static let dayColumns = [
        "price_pnl", "fees_known", "funding_known", "adjustments", "volume", "unvalued_fees",
        "unvalued_funding", "fills", "positions", "leg_days", "log_position",
    ]

    /// Rows of a day that are not the sum of their legs. What is known of fees and funding is only
    /// told where all of it is; of what is not valued, only whether there is any.
    static let day = """
        SELECT strategy, asset, venue, settle, d.cells, p.cells
        FROM (
            SELECT strategy, asset, venue, settle,
                   ARRAY[trim_scale(price_pnl)::text,
                         CASE WHEN unvalued_fees = 0 THEN trim_scale(fees_known)::text
                              ELSE '?' END,
                         CASE WHEN unvalued_funding = 0 THEN trim_scale(funding_known)::text
                              ELSE '?' END,
                         trim_scale(adjustments)::text, trim_scale(volume)::text,
                         (unvalued_fees > 0)::text, (unvalued_funding > 0)::text, fills::text,
                         positions::text, leg_days::text, log_position::text] AS cells
            FROM analytics.daily_pnl_rows
            WHERE slot = $1
              AND book_id = $2
              AND day = $3
        ) AS d
        FULL JOIN (
            SELECT strategy, asset, venue, settle,
                   ARRAY[trim_scale(sum(price_pnl))::text,
                         CASE WHEN count(*) = count(fees) THEN trim_scale(sum(fees))::text
                              ELSE '?' END,
                         CASE WHEN count(*) = count(funding) THEN trim_scale(sum(funding))::text
                              ELSE '?' END,
                         trim_scale(sum(adjustments))::text, trim_scale(sum(volume))::text,
                         (count(*) > count(fees))::text, (count(*) > count(funding))::text,
                         sum(fills)::text, count(DISTINCT position_id)::text, count(*)::text,
                         max(log_position)::text] AS cells
            FROM analytics.position_days_rows
            WHERE slot = $1
              AND book_id = $2
              AND day = $3
            GROUP BY strategy, asset, venue, settle
        ) AS p
        USING (strategy, asset, venue, settle)
        WHERE d.cells IS DISTINCT FROM p.cells
        ORDER BY strategy, asset, venue, settle
        LIMIT $4
        """

    static let keyCount = """
        SELECT count(*)
        FROM analytics.trade_stats_rows
        WHERE slot = $1
          AND book_id = $2
        """

    static let keyColumns = [
        "closed_positions", "unvalued", "wins", "win_rate", "mean_net", "median_net",
        "profit_factor", "mean_hold_seconds", "best", "worst", "log_position",
    ]

    /// A key of trade_stats by its number in their order.
    static let key = """
        SELECT strategy, asset, settle, \(keyColumns.joined(separator: ", "))
        FROM analytics.trade_stats_rows
        WHERE slot = $1
          AND book_id = $2
        ORDER BY strategy, asset, settle
        LIMIT 1
        OFFSET $3
        """

    /// For the test that prepares them all.
    public static let all: [String] = [days, day, keyCount, key]
}
