/// The statements by which generations are rebuilt, promoted and emptied. A test prepares each.
public enum GenerationSQL {
    /// Every slot in use, the live one first, whether a worker was there or not.
    static let list = """
        SELECT s.slot::smallint, coalesce(c.logic_version, l.logic_version),
               coalesce(c.logic_fingerprint, ''), coalesce(c.log_position, 0), c.rebuilding_to,
               coalesce(c.rebuilt_events, 0), coalesce(c.owner, ''), c.built_at, l.promoted_at,
               s.slot = l.slot, s.slot IS NOT DISTINCT FROM l.former_slot::int,
               c.retired_at IS NOT NULL
        FROM positions.live_slot AS l
        CROSS JOIN generate_series(1, 3) AS s (slot)
        LEFT JOIN positions.projection_checkpoints AS c
          ON c.book_id = l.book_id
         AND c.slot = s.slot
        WHERE l.book_id = $1
          AND (c.slot IS NOT NULL OR s.slot = l.slot)
        ORDER BY s.slot = l.slot DESC, s.slot
        """

    static let steps = """
        SELECT taken_at, step, actor, from_slot, to_slot, log_position, digest, totals
        FROM positions.generation_steps
        WHERE book_id = $1
        ORDER BY step_id DESC
        LIMIT $2
        """

    /// One at a time changes which slots of a book are in use.
    static let lockLiveSlot = """
        SELECT slot, logic_version
        FROM positions.live_slot
        WHERE book_id = $1
        FOR UPDATE
        """

    /// Limits of a step, in milliseconds: readers of live_slot are never kept waiting by it, and
    /// the worker of the live generation not for long.
    static let limits = """
        SELECT set_config('lock_timeout', '1000', true),
               set_config('idle_in_transaction_session_timeout', '60000', true)
        """

    /// Takes a free slot for a rebuild up to $5.
    /// Epochs of a slot that is used again are never those of before: a lease of its former use
    /// stays without effect.
    static let begin = """
        INSERT INTO positions.projection_checkpoints (
            book_id, slot, logic_version, logic_fingerprint, rebuilding_to, epoch, owner)
        VALUES ($1, $2, $3, $4, $5, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, $6)
        ON CONFLICT ON CONSTRAINT generation_has_one_checkpoint DO NOTHING
        RETURNING epoch
        """

    /// Takes a rebuild over that is not over: fences whoever had it, or follows with it.
    static let resume = """
        UPDATE positions.projection_checkpoints
        SET epoch = epoch + 1,
            owner = $3,
            updated_at = clock_timestamp()
        WHERE book_id = $1
          AND slot = $2
          AND rebuilding_to IS NOT DISTINCT FROM $4
          AND retired_at IS NULL
        RETURNING epoch, rebuilt_through, rebuilt_events, log_position
        """

    /// Whether nothing has been written of a rebuild for a minute.
    static let isIdle = """
        SELECT updated_at < clock_timestamp() - interval '1 minute'
        FROM positions.projection_checkpoints
        WHERE book_id = $1
          AND slot = $2
        """

    /// How many positions there are up to one.
    static let positionsThrough = """
        SELECT count(*)
        FROM positions.streams
        WHERE book_id = $1
          AND position_id <= $2
        """

    /// A range of positions is rebuilt, exactly once and by one owner.
    static let rebuilt = """
        UPDATE positions.projection_checkpoints
        SET rebuilt_through = $5,
            rebuilt_events = rebuilt_events + $6,
            updated_at = clock_timestamp(),
            progressed_at = clock_timestamp()
        WHERE book_id = $1
          AND slot = $2
          AND epoch = $3
          AND rebuilt_through IS NOT DISTINCT FROM $4
          AND rebuilding_to IS NOT NULL
        """

    /// How many events the logs of all books hold.
    static let heads = "SELECT coalesce(sum(log_position), 0)::bigint FROM positions.log_head"

    /// All ranges are there: from now on the slot follows the log. The rebuild is over when it has
    /// caught up: until then `rebuilt_events` says that it is under way.
    static let finish = """
        UPDATE positions.projection_checkpoints
        SET log_position = rebuilding_to,
            rebuilding_to = NULL,
            rebuilt_through = NULL,
            built_at = clock_timestamp(),
            updated_at = clock_timestamp(),
            progressed_at = clock_timestamp()
        WHERE book_id = $1
          AND slot = $2
          AND epoch = $3
          AND rebuilding_to IS NOT NULL
        """

    /// The generation stood where the live one stood: its rebuild is over.
    static let caughtUp = """
        UPDATE positions.projection_checkpoints
        SET rebuilt_events = 0
        WHERE book_id = $1
          AND slot = $2
          AND epoch = $3
          AND rebuilding_to IS NULL
          AND rebuilt_events > 0
        """

    /// The keys of trade_stats that a rebuilt slot has.
    static let closedKeys = """
        SELECT DISTINCT strategy, asset, coalesce(settle, '')
        FROM positions.history_rows
        WHERE slot = $1
          AND book_id = $2
          AND state = 'CLOSED'
        """

    static let quarantined = """
        SELECT count(*)
        FROM positions.quarantine
        WHERE slot = $1
          AND book_id = $2
        """

    static let record = """
        INSERT INTO positions.generation_steps (
            book_id, step, actor, from_slot, to_slot, from_logic, to_logic, log_position, digest,
            totals)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        """

    /// Readers see another generation: one row's update. $5 can be gone back to.
    static let promote = """
        UPDATE positions.live_slot
        SET slot = $3,
            logic_version = $4,
            former_slot = $5,
            promoted_at = clock_timestamp()
        WHERE book_id = $1
          AND slot = $2
        """

    /// Ends the lease of whoever writes a generation: from now on it follows the live one.
    static let fence = """
        UPDATE positions.projection_checkpoints
        SET epoch = epoch + 1,
            owner = ''
        WHERE book_id = $1
          AND slot = $2
        """

    /// Locks where a generation stands: its worker waits.
    static let lockCheckpoint = """
        SELECT log_position
        FROM positions.projection_checkpoints
        WHERE book_id = $1
          AND slot = $2
        FOR UPDATE
        """

    /// Locks where a generation stands that can be made live: nobody empties it meanwhile. No row
    /// if it is being rebuilt or emptied.
    static let lockReady = """
        SELECT log_position
        FROM positions.projection_checkpoints
        WHERE book_id = $1
          AND slot = $2
          AND rebuilding_to IS NULL
          AND retired_at IS NULL
        FOR UPDATE
        """

    static let checkpoint = """
        SELECT log_position
        FROM positions.projection_checkpoints
        WHERE book_id = $1
          AND slot = $2
        """

    /// From now on nobody writes the slot or promotes it.
    static let retire = """
        UPDATE positions.projection_checkpoints
        SET retired_at = coalesce(retired_at, clock_timestamp()),
            epoch = epoch + 1,
            owner = ''
        WHERE book_id = $1
          AND slot = $2
        RETURNING epoch
        """

    static let forgetFormer = """
        UPDATE positions.live_slot
        SET former_slot = NULL
        WHERE book_id = $1
          AND former_slot = $2
        """

    static let dropCheckpoint = """
        DELETE FROM positions.projection_checkpoints
        WHERE book_id = $1
          AND slot = $2
        """

    /// Whether a slot can be truncated: no other book has it, and no snapshot is left that saw it
    /// live. Who may not see the sessions of others cannot know.
    static let mayTruncate = """
        SELECT pg_has_role('pg_read_all_stats', 'USAGE')
               AND NOT EXISTS (
                   SELECT 1
                   FROM positions.projection_checkpoints
                   WHERE slot = $2
                     AND book_id <> $1)
               AND NOT EXISTS (
                   SELECT 1
                   FROM positions.live_slot
                   WHERE slot = $2)
               AND NOT EXISTS (
                   SELECT 1
                   FROM pg_catalog.pg_stat_activity AS a
                   WHERE a.datname = current_database()
                     AND a.pid <> pg_backend_pid()
                     AND a.xact_start < coalesce(
                         (SELECT promoted_at FROM positions.live_slot WHERE book_id = $1),
                         clock_timestamp()))
               AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_prepared_xacts)
        """

    /// Deletes some rows of a slot; in steps, so that no transaction is long.
    static func deleteSome(_ relation: String) -> String {
        """
        DELETE FROM \(relation)
        WHERE slot = $1
          AND ctid = ANY (ARRAY(
              SELECT ctid
              FROM \(relation)
              WHERE slot = $1
                AND book_id = $2
              LIMIT $3))
        """
    }

    static let keepComparison = """
        INSERT INTO positions.comparisons (
            book_id, from_slot, to_slot, digest, log_position, tables, totals, differences)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT ON CONSTRAINT comparison_has_one_digest DO UPDATE
        SET compared_at = clock_timestamp(),
            log_position = excluded.log_position,
            tables = excluded.tables,
            totals = excluded.totals,
            differences = excluded.differences
        """

    static let forgetComparisons = """
        DELETE FROM positions.comparisons
        WHERE book_id = $1
          AND compared_at < (
              SELECT min(k.compared_at)
              FROM (
                  SELECT compared_at
                  FROM positions.comparisons
                  WHERE book_id = $1
                  ORDER BY compared_at DESC
                  LIMIT 20
              ) AS k)
        """

    static let comparison = """
        SELECT log_position, totals, differences
        FROM positions.comparisons
        WHERE book_id = $1
          AND from_slot = $2
          AND to_slot = $3
          AND digest = $4
        """

    /// The positions of the events of ($2, $3], with their strategy and asset.
    static let touched = """
        SELECT n.position_id, coalesce(o.payload ->> 'strategy', ''),
               coalesce(o.payload ->> 'asset', '')
        FROM (
            SELECT DISTINCT position_id
            FROM positions.events
            WHERE book_id = $1
              AND log_position > $2
              AND log_position <= $3
        ) AS n
        JOIN positions.events AS o
          ON o.book_id = $1
         AND o.position_id = n.position_id
         AND o.event_type = 'position_opened'
         AND o.version = 1
        """

    /// Generations that follow the live ones, if their logic is the caller's.
    static let followers = """
        SELECT c.book_id, c.slot, c.logic_version, c.logic_fingerprint
        FROM positions.projection_checkpoints AS c
        JOIN positions.live_slot AS l
          ON l.book_id = c.book_id
        WHERE c.slot <> l.slot
          AND c.rebuilding_to IS NULL
          AND c.retired_at IS NULL
        ORDER BY c.book_id, c.slot
        """

    /// For the test that prepares them all.
    public static let all: [String] =
        [
            list, steps, lockLiveSlot, limits, begin, resume, isIdle, positionsThrough, rebuilt,
            heads, finish, caughtUp, closedKeys, quarantined, record, promote, fence,
            lockCheckpoint, lockReady, checkpoint, retire, forgetFormer, dropCheckpoint,
            mayTruncate, keepComparison, forgetComparisons, comparison, touched, followers,
        ] + ProjectedTable.all.map { deleteSome($0.relation) }
}
