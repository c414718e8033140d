/// The statements of the reads that come from the projections. A test prepares each.
public enum ReadSQL {
    /// The live generation's rows of a table: named by its slot, so that its indexes serve.
    private static func live(_ table: String) -> String {
        """
        FROM positions.\(table)
        WHERE slot = (SELECT slot FROM positions.live_slot WHERE book_id = $1)
          AND book_id = $1
        """
    }

    private static let open = """
        SELECT position_id, strategy, asset, state, flags, version, log_position, opened_at,
               NULL::timestamptz AS closed_at, ''::text AS close_reason, settle, base_delta,
               realized, fees, funding, adjustments, net, unrealized, entry_basis,
               coalesce(stale_reason, '') AS stale_reason, revision
        \(live("active_rows"))
        """

    private static let ended = """
        SELECT position_id, strategy, asset, state, flags, version, log_position, opened_at,
               closed_at, close_reason, settle, NULL::numeric AS base_delta,
               price_pnl AS realized, fees, funding, adjustments, net,
               NULL::numeric AS unrealized, NULL::numeric AS entry_basis,
               coalesce(stale_reason, '') AS stale_reason, revision
        \(live("history_rows"))
        """

    static let position = """
        \(open)
          AND position_id = $2
        UNION ALL
        \(ended)
          AND position_id = $2
        """

    /// Newest first: of a strategy, the parameter `first`, and an asset, after the last row of the
    /// page before, two parameters, and how many.
    private static func page(_ first: Int) -> String {
        """
        AND ($\(first) = '' OR strategy = $\(first))
          AND ($\(first + 1) = '' OR asset = $\(first + 1))
          AND (opened_at, position_id)
              < (coalesce($\(first + 2), 'infinity'::timestamptz),
                 coalesce($\(first + 3), 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid))
        ORDER BY opened_at DESC, position_id DESC
        LIMIT $\(first + 4)
        """
    }

    /// $2 active, $3 ended, $4 strategy, $5 asset, $6 and $7 the last row of the page before.
    static let positions = """
        SELECT *
        FROM (
            (\(open)
              AND $2
              \(page(4)))
            UNION ALL
            (\(ended)
              AND $3
              \(page(4)))
        ) AS p
        ORDER BY opened_at DESC, position_id DESC
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

    // MARK: At a moment

    /// Stops appends for as long as the transaction lasts, so that no event is on its way. A
    /// process that is stopped meanwhile loses its transaction.
    static let lockHead = """
        SELECT log_position, set_config('idle_in_transaction_session_timeout', '1000', true)
        FROM positions.log_head
        WHERE book_id = $1
        FOR SHARE
        """

    /// The place of a time, and what time it is. Final while the head is locked.
    static let placeOfTime = """
        SELECT clock_timestamp() AS now, positions.log_position_at($1, $2) AS log_position
        """

    static let clock = "SELECT clock_timestamp() AS now"

    static let recordedAt = """
        SELECT recorded_at
        FROM positions.events
        WHERE book_id = $1
          AND log_position = $2
        """

    /// Positions of the log that the tables do not have yet: a statement sees both as of one
    /// moment. $2 up to which log position.
    private static let unprojected = """
        SELECT e.position_id, e.effective_at AS opened_at, e.payload ->> 'strategy' AS strategy,
               e.payload ->> 'asset' AS asset
        FROM positions.events AS e
        WHERE e.book_id = $1
          AND e.event_type = 'position_opened'
          AND e.log_position <= $2
          AND e.log_position > coalesce((
              \(asOf)), 0)
        """

    private static let candidates = """
        SELECT position_id, opened_at, strategy, asset
        FROM positions.active
        WHERE book_id = $1
        UNION ALL
        SELECT position_id, opened_at, strategy, asset
        FROM positions.history
        WHERE book_id = $1
        UNION ALL
        \(unprojected)
        """

    /// Positions newest first, with the length of their streams: $3 strategy, $4 asset, $5 and $6
    /// the last one that was seen.
    static let candidatesByOpening = """
        SELECT p.position_id, p.opened_at, s.version, s.first_recorded_at
        FROM (
            (SELECT position_id, opened_at
            \(live("active_rows"))
              \(page(3)))
            UNION ALL
            (SELECT position_id, opened_at
            \(live("history_rows"))
              \(page(3)))
            UNION ALL
            (SELECT position_id, opened_at
            FROM (
                \(unprojected)
            ) AS u
            WHERE true
              \(page(3)))
            ORDER BY opened_at DESC, position_id DESC
            LIMIT $7
        ) AS p
        JOIN positions.streams AS s
          ON s.book_id = $1
         AND s.position_id = p.position_id
        ORDER BY p.opened_at DESC, p.position_id DESC
        """

    /// Positions that had begun by $5, by id after $6, with the length of their streams.
    static let begun = """
        SELECT s.position_id, s.version
        FROM positions.streams AS s
        WHERE s.book_id = $1
          AND s.first_recorded_at <= $5
          AND ($6::uuid IS NULL OR s.position_id > $6)
          AND (($3 = '' AND $4 = '') OR s.position_id IN (
              SELECT c.position_id
              FROM (
                  \(candidates)
              ) AS c
              WHERE ($3 = '' OR c.strategy = $3)
                AND ($4 = '' OR c.asset = $4)))
        ORDER BY s.position_id
        LIMIT $7
        """

    /// Events by place and time, without their payloads, and who delivered them.
    static let eventsAt = """
        SELECT e.log_position, e.position_id, e.version, e.event_id, e.event_type,
               e.schema_version, e.effective_at, e.recorded_at, e.source, e.actor,
               e.causation_id, e.correlation_id, e.leaf_hash, d.peer_uid
        FROM unnest($2::bigint[], $3::timestamptz[]) AS i (log_position, recorded_at)
        CROSS JOIN LATERAL (
            SELECT log_position, position_id, version, event_id, event_type, schema_version,
                   effective_at, recorded_at, source, actor, causation_id, correlation_id,
                   leaf_hash
            FROM positions.events
            WHERE book_id = $1
              AND log_position = i.log_position
              AND recorded_at = i.recorded_at
            OFFSET 0
        ) AS e
        LEFT JOIN LATERAL (
            SELECT last_position, peer_uid
            FROM positions.deliveries
            WHERE book_id = $1
              AND log_position <= i.log_position
            ORDER BY log_position DESC
            LIMIT 1
        ) AS d
          ON d.last_position >= i.log_position
        """

    /// For the test that prepares them all.
    public static let all: [String] = [
        position, positions, legs, asOf, quarantineReason, dailyPnl, groupedPnl, lockHead,
        placeOfTime, clock, recordedAt, candidatesByOpening, begun, eventsAt,
    ]
}
