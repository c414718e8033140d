/// The statements of the reads that come from the projections. A test prepares each.
public enum ReadSQL {
    private static let summary = """
        SELECT position_id, strategy, asset, state, flags, version, log_position, opened_at,
               NULL::timestamptz AS closed_at, ''::text AS close_reason, settle, base_delta,
               realized, fees, funding, adjustments, net, unrealized, entry_basis,
               coalesce(stale_reason, '') AS stale_reason, revision
        FROM positions.active
        WHERE book_id = $1
        """

    private static let ended = """
        SELECT position_id, strategy, asset, state, flags, version, log_position, opened_at,
               closed_at, close_reason, settle, NULL::numeric AS base_delta,
               price_pnl AS realized, fees, funding, adjustments, net,
               NULL::numeric AS unrealized, NULL::numeric AS entry_basis,
               coalesce(stale_reason, '') AS stale_reason, revision
        FROM positions.history
        WHERE book_id = $1
        """

    static let position = """
        \(summary)
          AND position_id = $2
        UNION ALL
        \(ended)
          AND position_id = $2
        """

    /// $2 active, $3 ended, $4 strategy, $5 asset, $6 and $7 the last row of the page before.
    static let positions = """
        SELECT *
        FROM (
            \(summary)
              AND $2
            UNION ALL
            \(ended)
              AND $3
        ) AS p
        WHERE ($4 = '' OR p.strategy = $4)
          AND ($5 = '' OR p.asset = $5)
          AND ($6::timestamptz IS NULL OR (p.opened_at, p.position_id) < ($6, $7::uuid))
        ORDER BY p.opened_at DESC, p.position_id DESC
        LIMIT $8
        """

    static let legs = """
        SELECT position_id, leg, venue, account, instrument, kind, side, state, flags, base,
               quote, settle, multiplier, target_qty, qty, peak_qty, open_cost, avg_entry_px,
               avg_exit_px, realized_price, fees, fee_value, funding, funding_value, adjustments,
               net, mark_px, mark_at, unrealized
        FROM positions.legs
        WHERE book_id = $1
          AND position_id = ANY ($2)
        ORDER BY position_id, leg_index
        """

    /// Where the tables stand.
    static let asOf = """
        SELECT c.log_position
        FROM positions.live_slot AS l
        JOIN positions.projection_checkpoints AS c
          ON c.book_id = l.book_id
         AND c.slot = l.slot
        WHERE l.book_id = $1
        """

    static let quarantineReason = """
        SELECT q.reason
        FROM positions.quarantine AS q
        JOIN positions.live_slot AS l
          ON l.book_id = q.book_id
         AND l.slot = q.slot
        WHERE q.book_id = $1
          AND q.position_id = $2
        """

    /// Rows after the key of the page before, $8 to $12, in the order of the key.
    private static let pageOfDays = """
        AND ($8 = ''
               OR (coalesce(d.day, '-infinity'), coalesce(d.strategy, ''), coalesce(d.asset, ''),
                   coalesce(d.venue, ''), d.settle)
                  > (CASE WHEN $8 = '-' THEN '-infinity' ELSE nullif($8, '') END::date, $9, $10,
                     $11, $12))
        ORDER BY d.day, d.strategy, d.asset, d.venue, d.settle
        LIMIT $7
        """

    static let dailyPnl = """
        SELECT d.day, d.strategy, d.asset, d.venue, d.settle, d.price_pnl, d.fees, d.funding,
               d.adjustments, d.net, d.fills, d.volume, d.positions
        FROM analytics.daily_pnl AS d
        WHERE d.book_id = $1
          AND ($2::date IS NULL OR d.day >= $2)
          AND ($3::date IS NULL OR d.day <= $3)
          AND ($4 = '' OR d.strategy = $4)
          AND ($5 = '' OR d.asset = $5)
          AND ($6 = '' OR d.venue = $6)
          \(pageOfDays)
        """

    /// A sum, or null where it is beyond numeric(38,18), as in the view `daily_pnl`.
    private static func inRange(_ sum: String) -> String {
        "CASE WHEN abs(\(sum)) < 100000000000000000000 THEN \(sum) END"
    }

    /// Grouped by a choice of day ($13), strategy ($14), asset ($15) and venue ($16).
    static let groupedPnl = """
        SELECT d.day, d.strategy, d.asset, d.venue, d.settle,
               \(inRange("d.price_pnl")), \(inRange("d.fees")), \(inRange("d.funding")),
               \(inRange("d.adjustments")), \(inRange("d.net")), d.fills, \(inRange("d.volume")),
               d.positions
        FROM (
            SELECT CASE WHEN $13 THEN day END AS day,
                   CASE WHEN $14 THEN strategy END AS strategy,
                   CASE WHEN $15 THEN asset END AS asset,
                   CASE WHEN $16 THEN venue END AS venue,
                   settle,
                   sum(price_pnl) AS price_pnl,
                   CASE WHEN count(*) = count(fees) THEN sum(fees) END AS fees,
                   CASE WHEN count(*) = count(funding) THEN sum(funding) END AS funding,
                   sum(adjustments) AS adjustments,
                   CASE WHEN count(*) = count(net) THEN sum(net) END AS net,
                   sum(fills)::bigint AS fills,
                   sum(volume) AS volume,
                   count(DISTINCT position_id) AS positions
            FROM analytics.position_days
            WHERE book_id = $1
              AND ($2::date IS NULL OR day >= $2)
              AND ($3::date IS NULL OR day <= $3)
              AND ($4 = '' OR strategy = $4)
              AND ($5 = '' OR asset = $5)
              AND ($6 = '' OR venue = $6)
            GROUP BY 1, 2, 3, 4, 5
        ) AS d
        WHERE true
          \(pageOfDays)
        """

    /// For the test that prepares them all.
    public static let all: [String] = [
        position, positions, legs, asOf, quarantineReason, dailyPnl, groupedPnl,
    ]
}
