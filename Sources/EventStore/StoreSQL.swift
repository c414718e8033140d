/// Every statement that the event store runs. A test prepares each against the migrated schema.
///
/// What is looked up for a list of keys is a LATERAL subquery with OFFSET 0: one probe of the
/// unique index for each key, whatever the planner knows. Before the first ANALYZE of a table it
/// believes that `book_id = $1` leaves a handful of rows, and `key = ANY ($2)` read the whole
/// book's index in each append.
public enum StoreSQL {
    static let ensureBook = "SELECT positions.ensure_book($1, $2)"

    static let bookID = "SELECT book_id FROM positions.books WHERE name = $1"

    static let books = "SELECT book_id, name FROM positions.books ORDER BY book_id"

    static let ensureMonths = "SELECT count(*) FROM positions.ensure_months($1)"

    static let ensureMonth = "SELECT positions.ensure_month($1)"

    private static let flush = Sabotage.current == .ackBeforeCommit ? "off" : "on"

    /// Limits of an append transaction, in milliseconds: a stopped process frees the book.
    static let limits = """
        SELECT set_config('lock_timeout', $1, true),
               set_config('idle_in_transaction_session_timeout', $2, true),
               set_config('synchronous_commit', '\(flush)', true),
               set_config('plan_cache_mode', 'force_custom_plan', true)
        """

    /// Serialises the appends of a book.
    static let lockHead = """
        SELECT log_position, recorded_at
        FROM positions.log_head
        WHERE book_id = $1
        FOR UPDATE
        """

    /// Ends the transactions of stopped ledger processes that hold a book: theirs is the same role
    /// and name, they have begun long ago, and PostgreSQL waits for them. Its own limit for idle
    /// transactions does not count while a pipeline or a COPY is half sent.
    static let endStopped = """
        SELECT pg_terminate_backend(a.pid)
        FROM pg_catalog.pg_stat_activity AS a
        WHERE a.datname = current_database()
          AND a.usename = current_user
          AND a.application_name = current_setting('application_name')
          AND a.pid <> pg_backend_pid()
          AND a.wait_event_type = 'Client'
          AND a.state <> 'idle'
          AND a.xact_start < clock_timestamp() - $1::int * interval '1 millisecond'
          AND a.state_change < clock_timestamp() - $1::int * interval '1 millisecond'
          AND EXISTS (
              SELECT 1
              FROM pg_catalog.pg_locks AS l
              WHERE l.pid = a.pid
                AND l.granted
                AND l.relation = 'positions.log_head'::regclass)
        """

    /// For a session of appends: one plan a statement, and probes of keys only.
    static let planOnce = """
        SELECT set_config('plan_cache_mode', 'force_generic_plan', false),
               set_config('enable_seqscan', 'off', false),
               set_config('enable_bitmapscan', 'off', false)
        """

    /// The clock, read after the lock.
    static let clock = "SELECT clock_timestamp()"

    static let head = """
        SELECT log_position, recorded_at
        FROM positions.log_head
        WHERE book_id = $1
        """

    static let knownKeys = """
        SELECT i.event_id, k.log_position, k.recorded_at
        FROM unnest($2::uuid[]) AS i (event_id)
        CROSS JOIN LATERAL (
            SELECT log_position, recorded_at
            FROM positions.event_keys
            WHERE book_id = $1
              AND event_id = i.event_id
            OFFSET 0
        ) AS k
        """

    static let streams = """
        SELECT i.position_id, s.version, s.first_recorded_at, s.progress
        FROM unnest($2::uuid[]) AS i (position_id)
        CROSS JOIN LATERAL (
            SELECT version, first_recorded_at, progress
            FROM positions.streams
            WHERE book_id = $1
              AND position_id = i.position_id
            OFFSET 0
        ) AS s
        """

    /// When positions began: where their openings are.
    static let beginnings = """
        SELECT i.position_id, s.first_recorded_at
        FROM unnest($2::uuid[]) AS i (position_id)
        CROSS JOIN LATERAL (
            SELECT first_recorded_at
            FROM positions.streams
            WHERE book_id = $1
              AND position_id = i.position_id
            OFFSET 0
        ) AS s
        """

    /// The events that opened positions, their frozen terms; $3 and $4 bound their times.
    static let openings = """
        SELECT i.position_id, e.schema_version, e.log_position, e.payload
        FROM unnest($2::uuid[]) AS i (position_id)
        CROSS JOIN LATERAL (
            SELECT schema_version, log_position, payload
            FROM positions.events
            WHERE book_id = $1
              AND position_id = i.position_id
              AND version = 1
              AND recorded_at >= $3
              AND recorded_at <= $4
            OFFSET 0
        ) AS e
        """

    static let insertEvents = """
        INSERT INTO positions.events (
            book_id, log_position, position_id, version, event_id, event_type, schema_version,
            effective_at, recorded_at, source, actor, causation_id, correlation_id, payload,
            leaf_hash)
        SELECT $1, n.log_position, n.position_id, n.version, n.event_id, n.event_type,
               n.schema_version, n.effective_at, $2, n.source, n.actor, n.causation_id,
               n.correlation_id, n.payload, n.leaf_hash
        FROM unnest($3::bigint[], $4::uuid[], $5::bigint[], $6::uuid[], $7::text[], $8::int[],
                    $9::timestamptz[], $10::text[], $11::text[], $12::uuid[], $13::uuid[],
                    $14::json[], $15::bytea[])
             AS n (log_position, position_id, version, event_id, event_type, schema_version,
                   effective_at, source, actor, causation_id, correlation_id, payload, leaf_hash)
        """

    static let copyEvents = """
        COPY positions.events (
            book_id, log_position, position_id, version, event_id, event_type, schema_version,
            effective_at, recorded_at, source, actor, causation_id, correlation_id, payload,
            leaf_hash)
        FROM STDIN (FORMAT binary)
        """

    static let copyKeys = """
        COPY positions.event_keys (book_id, event_id, log_position, recorded_at)
        FROM STDIN (FORMAT binary)
        """

    static let insertKeys = """
        INSERT INTO positions.event_keys (book_id, event_id, log_position, recorded_at)
        SELECT $1, n.event_id, n.log_position, $2
        FROM unnest($3::uuid[], $4::bigint[]) AS n (event_id, log_position)
        \(Sabotage.current == .skipIDCheck ? "ON CONFLICT DO NOTHING" : "")
        """

    static let saveStreams = """
        INSERT INTO positions.streams (
            book_id, position_id, version, state, progress, first_recorded_at, last_recorded_at)
        SELECT $1, n.position_id, n.version, n.state, n.progress, $2, $2
        FROM unnest($3::uuid[], $4::bigint[], $5::text[], $6::json[])
             AS n (position_id, version, state, progress)
        ON CONFLICT (book_id, position_id) DO UPDATE
        SET version = excluded.version,
            state = excluded.state,
            progress = excluded.progress,
            last_recorded_at = excluded.last_recorded_at
        """

    static let insertDeliveries = """
        INSERT INTO positions.deliveries (
            book_id, log_position, last_position, peer_uid, host, buffered_at, outbox_sequence)
        SELECT $1, n.log_position, n.last_position, n.peer_uid, n.host, n.buffered_at,
               n.outbox_sequence
        FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::timestamptz[],
                    $7::bigint[])
             AS n (log_position, last_position, peer_uid, host, buffered_at, outbox_sequence)
        """

    /// Whether the book has a tombstone at all.
    static let discardedAny = """
        SELECT EXISTS (SELECT FROM positions.outbox_discards WHERE book_id = $1)
        """

    /// Tombstones among ids.
    static let discarded = """
        SELECT d.event_id, d.actor, d.reason
        FROM unnest($2::uuid[]) AS i (event_id)
        CROSS JOIN LATERAL (
            SELECT x.event_id, x.actor, x.reason
            FROM positions.outbox_discards AS x
            WHERE x.book_id = $1
              AND x.event_id = i.event_id
            OFFSET 0
        ) AS d
        """

    /// Tombstones of the events that the log does not hold. The book's head is locked before.
    static let discard = """
        INSERT INTO positions.outbox_discards (
            book_id, event_id, position_id, event, buffered_at, outbox_sequence, host, actor,
            reason)
        SELECT $1, n.event_id, n.position_id, n.event, $5, $6, $7, $8, $9
        FROM unnest($2::uuid[], $3::uuid[], $4::json[]) AS n (event_id, position_id, event)
        WHERE NOT EXISTS (
            SELECT 1
            FROM positions.event_keys AS k
            WHERE k.book_id = $1
              AND k.event_id = n.event_id)
        ON CONFLICT ON CONSTRAINT event_is_discarded_once DO NOTHING
        """

    static let moveHead = """
        UPDATE positions.log_head
        SET log_position = $2,
            recorded_at = $3
        WHERE book_id = $1
          AND log_position = $4
        """

    static let columns = """
        position_id, version, event_id, log_position, event_type, schema_version, effective_at,
        recorded_at, payload
        """

    /// What `columns` leaves out and an auditor asks for.
    private static let auditColumns = """
        source, actor, causation_id, correlation_id, leaf_hash
        """

    static let range = """
        SELECT \(columns)
        FROM positions.events
        WHERE book_id = $1
          AND log_position > $2
          AND log_position <= $3
          AND recorded_at >= $4
          AND recorded_at <= $5
        ORDER BY log_position
        """

    static let rangeForAudit = """
        SELECT \(columns), \(auditColumns)
        FROM positions.events
        WHERE book_id = $1
          AND log_position > $2
          AND log_position <= $3
          AND recorded_at >= $4
          AND recorded_at <= $5
        ORDER BY log_position
        """

    // One stream is found by its position. `+ 0` keeps the planner from finding it by its place:
    // with statistics from before the stream it reads the whole index for one row.
    static let stream = """
        SELECT \(columns)
        FROM positions.events
        WHERE book_id = $1
          AND position_id = $2
          AND recorded_at >= $3
          AND recorded_at <= $4
          AND log_position + 0 <= $5
        ORDER BY version
        """

    static let streamWithoutMarks = """
        SELECT \(columns)
        FROM positions.events
        WHERE book_id = $1
          AND position_id = $2
          AND recorded_at >= $3
          AND recorded_at <= $4
          AND log_position + 0 <= $5
          AND event_type <> 'mark_recorded'
        ORDER BY version
        """

    static let streamForAudit = """
        SELECT \(columns), \(auditColumns)
        FROM positions.events
        WHERE book_id = $1
          AND position_id = $2
          AND recorded_at >= $3
          AND recorded_at <= $4
          AND log_position + 0 <= $5
        ORDER BY version
        """

    /// The newest events of a stream; those of today are at the end of one index.
    static let streamAbove = """
        SELECT \(columns)
        FROM positions.events
        WHERE book_id = $1
          AND position_id = $2
          AND version > $3
        ORDER BY version
        LIMIT 10000
        """

    /// Each position reads its own months only.
    static let streamsOfPositions = """
        SELECT e.*
        FROM unnest($2::uuid[]) AS i (position_id)
        CROSS JOIN LATERAL (
            SELECT first_recorded_at, last_recorded_at
            FROM positions.streams
            WHERE book_id = $1
              AND position_id = i.position_id
            OFFSET 0
        ) AS s
        CROSS JOIN LATERAL (
            SELECT \(columns)
            FROM positions.events
            WHERE book_id = $1
              AND position_id = i.position_id
              AND recorded_at >= s.first_recorded_at
              AND recorded_at <= s.last_recorded_at
              AND log_position + 0 <= $3
            ORDER BY version
        ) AS e
        """

    static let streamSpan = """
        SELECT first_recorded_at, last_recorded_at, version
        FROM positions.streams
        WHERE book_id = $1
          AND position_id = $2
        """

    static let oneEvent = """
        SELECT \(columns)
        FROM positions.events
        WHERE book_id = $1
          AND log_position = $2
          AND recorded_at = $3
        """

    static let knownEvents = """
        SELECT e.*
        FROM unnest($2::bigint[]) AS i (log_position)
        CROSS JOIN LATERAL (
            SELECT \(columns)
            FROM positions.events
            WHERE book_id = $1
              AND log_position = i.log_position
              AND recorded_at >= $3
              AND recorded_at <= $4
            OFFSET 0
        ) AS e
        """

    /// The deliveries that brought the events of $2: a run covers its first to its last position.
    static let deliveries = """
        SELECT p.log_position, d.peer_uid, d.host, d.buffered_at, d.outbox_sequence
        FROM unnest($2::bigint[]) AS p (log_position)
        CROSS JOIN LATERAL (
            SELECT last_position, peer_uid, host, buffered_at, outbox_sequence
            FROM positions.deliveries
            WHERE book_id = $1
              AND log_position <= p.log_position
            ORDER BY log_position DESC
            LIMIT 1
        ) AS d
        WHERE d.last_position >= p.log_position
        """

    /// For the test that prepares them all.
    public static let all: [String] = [
        ensureBook, bookID, books, ensureMonths, ensureMonth, limits, lockHead, endStopped,
        planOnce,
        clock,
        head,
        knownKeys, streams, beginnings, openings, insertEvents, insertKeys, saveStreams,
        insertDeliveries, discardedAny, discarded, discard,
        moveHead, range, rangeForAudit, stream, streamAbove, streamWithoutMarks, streamForAudit,
        streamSpan,
        streamsOfPositions,
        oneEvent, knownEvents, deliveries, positionRange,
    ]
}
