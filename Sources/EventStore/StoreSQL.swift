/// Every statement that the event store runs. A test prepares each against the migrated schema.
public enum StoreSQL {
    static let ensureBook = "SELECT positions.ensure_book($1, $2)"

    static let bookID = "SELECT book_id FROM positions.books WHERE name = $1"

    static let books = "SELECT book_id, name FROM positions.books ORDER BY book_id"

    static let ensureMonths = "SELECT count(*) FROM positions.ensure_months($1)"

    static let ensureMonth = "SELECT positions.ensure_month($1)"

    /// Limits of an append transaction, in milliseconds: a stopped process frees the book.
    static let limits = """
        SELECT set_config('lock_timeout', $1, true),
               set_config('idle_in_transaction_session_timeout', $2, true),
               set_config('synchronous_commit', 'on', true),
               set_config('plan_cache_mode', 'force_custom_plan', true)
        """

    /// Serialises the appends of a book.
    static let lockHead = """
        SELECT log_position, recorded_at
        FROM positions.log_head
        WHERE book_id = $1
        FOR UPDATE
        """

    /// The clock, read after the lock.
    static let clock = "SELECT clock_timestamp()"

    static let head = """
        SELECT log_position, recorded_at
        FROM positions.log_head
        WHERE book_id = $1
        """

    static let knownKeys = """
        SELECT event_id, log_position, recorded_at
        FROM positions.event_keys
        WHERE book_id = $1
          AND event_id = ANY ($2)
        """

    static let streams = """
        SELECT position_id, version, first_recorded_at, progress
        FROM positions.streams
        WHERE book_id = $1
          AND position_id = ANY ($2)
        """

    /// The events that opened positions: their frozen terms.
    static let openings = """
        SELECT e.position_id, e.schema_version, e.log_position, e.payload
        FROM positions.streams AS s
        JOIN positions.events AS e
          ON e.book_id = s.book_id
         AND e.position_id = s.position_id
         AND e.version = 1
         AND e.recorded_at = s.first_recorded_at
        WHERE s.book_id = $1
          AND s.position_id = ANY ($2)
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
        INSERT INTO positions.deliveries (book_id, log_position, last_position, peer_uid, host)
        SELECT $1, n.log_position, n.last_position, n.peer_uid, n.host
        FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::text[])
             AS n (log_position, last_position, peer_uid, host)
        """

    static let moveHead = """
        UPDATE positions.log_head
        SET log_position = $2,
            recorded_at = $3
        WHERE book_id = $1
          AND log_position = $4
        """

    private static let columns = """
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
        ORDER BY log_position
        """

    static let rangeForAudit = """
        SELECT \(columns), \(auditColumns)
        FROM positions.events
        WHERE book_id = $1
          AND log_position > $2
          AND log_position <= $3
        ORDER BY log_position
        """

    static let stream = """
        SELECT \(columns)
        FROM positions.events
        WHERE book_id = $1
          AND position_id = $2
          AND recorded_at >= $3
          AND recorded_at <= $4
          AND log_position <= $5
        ORDER BY version
        """

    static let streamWithoutMarks = """
        SELECT \(columns)
        FROM positions.events
        WHERE book_id = $1
          AND position_id = $2
          AND recorded_at >= $3
          AND recorded_at <= $4
          AND log_position <= $5
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
          AND log_position <= $5
        ORDER BY version
        """

    /// LATERAL, so that each position reads its own months only.
    static let streamsOfPositions = """
        SELECT e.position_id, e.version, e.event_id, e.log_position, e.event_type,
               e.schema_version, e.effective_at, e.recorded_at, e.payload
        FROM positions.streams AS s
        CROSS JOIN LATERAL (
            SELECT \(columns)
            FROM positions.events
            WHERE book_id = $1
              AND position_id = s.position_id
              AND recorded_at >= s.first_recorded_at
              AND recorded_at <= s.last_recorded_at
              AND log_position <= $3
            ORDER BY version
        ) AS e
        WHERE s.book_id = $1
          AND s.position_id = ANY ($2)
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
        SELECT \(columns)
        FROM positions.events
        WHERE book_id = $1
          AND log_position = ANY ($2)
          AND recorded_at >= $3
          AND recorded_at <= $4
        """

    static let deliveries = """
        SELECT log_position, last_position, peer_uid
        FROM positions.deliveries
        WHERE book_id = $1
          AND last_position >= $2
          AND log_position <= $3
        ORDER BY log_position
        """

    /// For the test that prepares them all.
    public static let all: [String] = [
        ensureBook, bookID, books, ensureMonths, ensureMonth, limits, lockHead, clock, head,
        knownKeys, streams, openings, insertEvents, insertKeys, saveStreams, insertDeliveries,
        moveHead, range, rangeForAudit, stream, streamWithoutMarks, streamForAudit, streamSpan,
        streamsOfPositions,
        oneEvent, knownEvents, deliveries,
    ]
}
