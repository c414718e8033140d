/// The statements of the projection worker, but for those that `TableWriter` makes from the
/// tables' own columns. A test prepares each against the migrated schema.
public enum ProjectionSQL {
    /// The types of a table's columns.
    static let columnTypes = """
        SELECT attname::text, atttypid::int8
        FROM pg_catalog.pg_attribute
        WHERE attrelid = $1::regclass
          AND attnum > 0
          AND NOT attisdropped
        """

    static let liveSlot = "SELECT slot, logic_version FROM positions.live_slot WHERE book_id = $1"

    /// The owner of a generation's worker, as far as it shows signs of life.
    static let owner = """
        SELECT owner, epoch, log_position, logic_version,
               clock_timestamp() - updated_at > $3 * interval '1 millisecond', logic_fingerprint,
               rebuilding_to IS NULL AND retired_at IS NULL
        FROM positions.projection_checkpoints
        WHERE book_id = $1
          AND slot = $2
        """

    /// A stopped worker frees its checkpoint.
    static let limits = """
        SELECT set_config('lock_timeout', '2000', true),
               set_config('idle_in_transaction_session_timeout', '3000', true)
        """

    /// Every book with its head, and the checkpoint of its live generation.
    static let books = """
        SELECT b.book_id, b.name, h.log_position, h.recorded_at, l.slot, l.logic_version,
               c.log_position, c.epoch, c.owner, c.logic_version,
               extract(epoch FROM clock_timestamp() - c.progressed_at)::float8,
               (SELECT count(*)
                FROM positions.quarantine AS q
                WHERE q.book_id = b.book_id
                  AND q.slot = l.slot)
        FROM positions.books AS b
        JOIN positions.log_head AS h
          ON h.book_id = b.book_id
        JOIN positions.live_slot AS l
          ON l.book_id = b.book_id
        LEFT JOIN positions.projection_checkpoints AS c
          ON c.book_id = b.book_id
         AND c.slot = l.slot
        ORDER BY b.book_id
        """

    static let quarantineList = """
        SELECT q.position_id, q.log_position, q.reason
        FROM positions.quarantine AS q
        JOIN positions.live_slot AS l
          ON l.book_id = q.book_id
         AND l.slot = q.slot
        WHERE q.book_id = $1
        ORDER BY q.log_position
        LIMIT $2
        """

    /// $1 is the sender, so that it does not listen to itself.
    static let notify = "SELECT pg_notify('nexus_ledger', $1)"

    static let makeCheckpoint = """
        INSERT INTO positions.projection_checkpoints (book_id, slot, logic_version, owner)
        VALUES ($1, $2, $3, '')
        ON CONFLICT ON CONSTRAINT generation_has_one_checkpoint DO NOTHING
        """

    /// Takes the worker over: raises the epoch, which fences the former owner.
    static let claim = """
        UPDATE positions.projection_checkpoints
        SET epoch = epoch + 1,
            owner = $4,
            logic_fingerprint = $5,
            updated_at = clock_timestamp()
        WHERE book_id = $1
          AND slot = $2
          AND epoch = $3
          AND rebuilding_to IS NULL
          AND retired_at IS NULL
        RETURNING epoch, log_position
        """

    /// Compare-and-set on position and epoch: exactly once, by one owner.
    static let advance = """
        UPDATE positions.projection_checkpoints
        SET log_position = $5,
            updated_at = clock_timestamp(),
            progressed_at = clock_timestamp()
        WHERE book_id = $1
          AND slot = $2
          AND epoch = $3
          AND log_position = $4
        """

    static let heartbeat = """
        UPDATE positions.projection_checkpoints
        SET updated_at = clock_timestamp()
        WHERE book_id = $1
          AND slot = $2
          AND epoch = $3
        """

    static let release = """
        UPDATE positions.projection_checkpoints
        SET owner = ''
        WHERE book_id = $1
          AND slot = $2
          AND epoch = $3
        """

    static let quarantine = """
        INSERT INTO positions.quarantine (
            slot, book_id, position_id, log_position, event_id, reason)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT ON CONSTRAINT position_is_quarantined_once DO UPDATE
        SET log_position = excluded.log_position,
            event_id = excluded.event_id,
            reason = excluded.reason
        """

    static let endQuarantine = """
        DELETE FROM positions.quarantine
        WHERE slot = $1
          AND book_id = $2
          AND position_id = ANY ($3)
        """

    /// One probe of the key for each row that is merged, whatever the planner knows of the table:
    /// the rows that come are few, the table is long.
    static let probesOnly = """
        SELECT set_config('enable_hashjoin', 'off', true),
               set_config('enable_mergejoin', 'off', true)
        """

    /// Ends `probesOnly`.
    static let anyJoin = """
        SELECT set_config('enable_hashjoin', 'on', true),
               set_config('enable_mergejoin', 'on', true)
        """

    /// Adds terms to the days' sums, exact whatever their size; a row goes with its last leg day.
    /// The source finds the places: as long as a table was never analysed, a join would read it
    /// whole for each row. One slot is one partition, so a place is one row.
    static let mergeDays = """
        MERGE INTO analytics.daily_pnl_rows AS d
        USING (
          SELECT g.*, p.place
          FROM (
            SELECT u.day, u.strategy, u.asset, u.venue, u.settle, sum(u.price_pnl) AS price_pnl,
                   sum(u.fees_known) AS fees_known, sum(u.funding_known) AS funding_known,
                   sum(u.adjustments) AS adjustments, sum(u.volume) AS volume,
                   sum(u.unvalued_fees)::bigint AS unvalued_fees,
                   sum(u.unvalued_funding)::bigint AS unvalued_funding,
                   sum(u.fills)::bigint AS fills, sum(u.positions)::bigint AS positions,
                   sum(u.leg_days)::bigint AS leg_days, max(u.log_position) AS log_position,
                   max(u.changed_at) AS changed_at
            FROM unnest($3::date[], $4::text[], $5::text[], $6::text[], $7::text[],
                        $8::numeric[], $9::numeric[], $10::numeric[], $11::numeric[],
                        $12::numeric[], $13::bigint[], $14::bigint[], $15::bigint[],
                        $16::bigint[], $17::bigint[], $18::bigint[], $19::timestamptz[])
                 AS u (day, strategy, asset, venue, settle, price_pnl, fees_known, funding_known,
                       adjustments, volume, unvalued_fees, unvalued_funding, fills, positions,
                       leg_days, log_position, changed_at)
            GROUP BY u.day, u.strategy, u.asset, u.venue, u.settle
          ) AS g
          LEFT JOIN LATERAL (
            SELECT x.ctid AS place
            FROM analytics.daily_pnl_rows AS x
            WHERE x.slot = $1
              AND x.book_id = $2
              AND x.day = g.day
              AND x.strategy = g.strategy
              AND x.asset = g.asset
              AND x.venue = g.venue
              AND x.settle = g.settle
            OFFSET 0
          ) AS p ON true
        ) AS n
           ON d.slot = $1
          AND d.ctid = n.place
        WHEN MATCHED AND d.leg_days + n.leg_days = 0 THEN
            DELETE
        WHEN MATCHED THEN
            UPDATE SET price_pnl = d.price_pnl + n.price_pnl,
                       fees_known = d.fees_known + n.fees_known,
                       funding_known = d.funding_known + n.funding_known,
                       adjustments = d.adjustments + n.adjustments,
                       volume = d.volume + n.volume,
                       unvalued_fees = d.unvalued_fees + n.unvalued_fees,
                       unvalued_funding = d.unvalued_funding + n.unvalued_funding,
                       fills = d.fills + n.fills,
                       positions = d.positions + n.positions,
                       leg_days = d.leg_days + n.leg_days,
                       log_position = greatest(d.log_position, n.log_position),
                       changed_at = greatest(d.changed_at, n.changed_at)
        WHEN NOT MATCHED AND n.leg_days > 0 THEN
            INSERT (
                slot, book_id, day, strategy, asset, venue, settle, price_pnl, fees_known,
                funding_known, adjustments, volume, unvalued_fees, unvalued_funding, fills,
                positions, leg_days, log_position, changed_at)
            VALUES (
                $1, $2, n.day, n.strategy, n.asset, n.venue, n.settle, n.price_pnl,
                n.fees_known, n.funding_known, n.adjustments, n.volume, n.unvalued_fees,
                n.unvalued_funding, n.fills, n.positions, n.leg_days, n.log_position,
                n.changed_at)
        """

    /// The last event behind a row, after a leg's day has gone from it, or has an earlier last one.
    static let restampDay = """
        UPDATE analytics.daily_pnl_rows AS d
        SET log_position = p.log_position,
            changed_at = p.changed_at
        FROM (
            SELECT max(log_position) AS log_position, max(changed_at) AS changed_at
            FROM analytics.position_days_rows
            WHERE slot = $1
              AND book_id = $2
              AND day = $3
              AND strategy = $4
              AND asset = $5
              AND venue = $6
              AND settle = $7
        ) AS p
        WHERE d.slot = $1
          AND d.book_id = $2
          AND d.day = $3
          AND d.strategy = $4
          AND d.asset = $5
          AND d.venue = $6
          AND d.settle = $7
          AND p.log_position IS NOT NULL
        """

    /// Exact sums over the closed positions of one key; an empty settle stands for null.
    static let tradeSums = """
        SELECT count(*),
               count(*) FILTER (WHERE net IS NULL),
               count(*) FILTER (WHERE net > 0),
               coalesce(sum(net), 0),
               coalesce(sum(net) FILTER (WHERE net > 0), 0),
               coalesce(-sum(net) FILTER (WHERE net < 0), 0),
               max(net),
               min(net),
               coalesce(sum(hold_seconds), 0),
               count(hold_seconds),
               max(log_position),
               max(changed_at)
        FROM positions.history_rows
        WHERE slot = $1
          AND book_id = $2
          AND strategy = $3
          AND asset = $4
          AND settle IS NOT DISTINCT FROM nullif($5, '')
          AND state = 'CLOSED'
        """

    /// The nets in the middle of the order, for the median.
    static let tradeMiddle = """
        SELECT net
        FROM positions.history_rows
        WHERE slot = $1
          AND book_id = $2
          AND strategy = $3
          AND asset = $4
          AND settle IS NOT DISTINCT FROM nullif($5, '')
          AND state = 'CLOSED'
          AND net IS NOT NULL
        ORDER BY net
        LIMIT $7
        OFFSET $6
        """

    static let dropTradeStats = """
        DELETE FROM analytics.trade_stats_rows
        WHERE slot = $1
          AND book_id = $2
          AND strategy = $3
          AND asset = $4
          AND settle = $5
        """

    static let makeTradeStats = """
        INSERT INTO analytics.trade_stats_rows (
            slot, book_id, strategy, asset, settle, closed_positions, unvalued, wins, win_rate,
            mean_net, median_net, profit_factor, mean_hold_seconds, best, worst, log_position,
            changed_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
        """

    /// Up to which version quarantined positions are written, and why they stand.
    static let writtenVersions = """
        SELECT q.position_id, q.reason, q.event_id, coalesce(a.version, h.version, 0),
               q.log_position
        FROM positions.quarantine AS q
        LEFT JOIN positions.active_rows AS a
          ON a.slot = q.slot
         AND a.book_id = q.book_id
         AND a.position_id = q.position_id
        LEFT JOIN positions.history_rows AS h
          ON h.slot = q.slot
         AND h.book_id = q.book_id
         AND h.position_id = q.position_id
        WHERE q.slot = $1
          AND q.book_id = $2
          AND q.position_id = ANY ($3)
        """

    /// For the test that prepares them all.
    public static let all: [String] = [
        columnTypes, limits, books, quarantineList, notify, liveSlot, owner, makeCheckpoint, claim,
        advance,
        heartbeat, release,
        quarantine, endQuarantine, probesOnly, mergeDays, anyJoin, restampDay, tradeSums,
        tradeMiddle,
        dropTradeStats, makeTradeStats, writtenVersions,
    ]
}
