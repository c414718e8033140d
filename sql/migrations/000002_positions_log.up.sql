-- Why:   the log is the truth of the ledger, and everything else is derived from it. A book is
--        the unit of order: its events stand at log positions 1, 2, 3 … without gaps, handed
--        out under the row lock of positions.log_head, never by a sequence.
-- Locks: ACCESS EXCLUSIVE on the new tables only, which nobody reads yet.
-- Takes: milliseconds, whatever the size of the database.
--
-- No foreign key leaves events, event_keys, streams or deliveries, and no trigger fires on
-- INSERT. The append transaction has locked the book's row in log_head before it writes any of
-- them, so the book exists by construction; a foreign key would look it up again, and write a
-- key-share lock into its row, for every event.

CREATE TABLE IF NOT EXISTS positions.books (
    created_at timestamptz NOT NULL
        DEFAULT clock_timestamp(),
    book_id    int         NOT NULL
        GENERATED ALWAYS AS IDENTITY,
    name       text        NOT NULL,
    CONSTRAINT book_id_is_unique
        PRIMARY KEY (book_id),
    CONSTRAINT book_name_is_unique
        UNIQUE (name),
    CONSTRAINT book_name_is_plain
        CHECK (name COLLATE "C" ~ '^[a-z0-9_.-]{1,64}$')
);

COMMENT ON TABLE positions.books IS
    'A row is a book: the unit of order. Made by positions.ensure_book, never removed.';
COMMENT ON COLUMN positions.books.created_at IS
    'When the book was made, by the clock of the database.';
COMMENT ON COLUMN positions.books.book_id IS
    'Number of the book in this database; leads every key, so that books can be spread.';
COMMENT ON COLUMN positions.books.name IS
    'What callers call the book, 1 to 64 characters of [a-z0-9_.-]; part of every leaf hash.';

-- One row a book, updated by every append. The low fillfactor leaves room on the page for many
-- versions of the row, so that each update is heap-only and the primary key never grows.
CREATE TABLE IF NOT EXISTS positions.log_head (
    recorded_at  timestamptz,
    log_position bigint NOT NULL
        DEFAULT 0,
    book_id      int    NOT NULL,
    CONSTRAINT book_has_one_head
        PRIMARY KEY (book_id),
    CONSTRAINT head_belongs_to_a_book
        FOREIGN KEY (book_id) REFERENCES positions.books (book_id),
    CONSTRAINT log_position_is_not_negative
        CHECK (log_position >= 0),
    CONSTRAINT head_has_a_time_once_it_has_an_event
        CHECK ((log_position = 0) = (recorded_at IS NULL))
)
WITH (fillfactor = 10);

COMMENT ON TABLE positions.log_head IS
    'Where each book''s log ends. An append locks the row first and updates it last.';
COMMENT ON COLUMN positions.log_head.recorded_at IS
    'recorded_at of the last event of the book; null until the first one.';
COMMENT ON COLUMN positions.log_head.log_position IS
    'Log position of the last event of the book; 0 means before the first.';
COMMENT ON COLUMN positions.log_head.book_id IS
    'The book, see positions.books.';

-- The primary key has to contain the partition key. What it cannot say, that a log position is
-- taken once and a version is taken once, each month says for itself (positions.ensure_month);
-- across months the lock of log_head and the guards say it.
--
-- Indexes: positions.ensure_month makes these on each month, named with the month's suffix.
--   (book_id, log_position, recorded_at)   key; reads by range of positions; the bisection of
--                                          positions.log_position_at is index-only on it.
--   (book_id, log_position)                a log position is taken once in the month.
--   (book_id, position_id, version)        a version is taken once; reads one stream in order.
--   (book_id, position_id, event_type)     below: one position's events of a type.
-- None on recorded_at, neither B-tree nor BRIN: it is the partition key, so a filter on it
-- prunes to its months, and within a month it rises with log_position, so that a time is found
-- by bisecting the key. None on event_type alone: a feed by type reads the log in its order.
-- None on payload: the log is read by place or by position, never by content.
CREATE TABLE IF NOT EXISTS positions.events (
    effective_at   timestamptz NOT NULL,
    recorded_at    timestamptz NOT NULL,
    log_position   bigint      NOT NULL,
    version        bigint      NOT NULL,
    position_id    uuid        NOT NULL,
    event_id       uuid        NOT NULL,
    causation_id   uuid,
    correlation_id uuid,
    book_id        int         NOT NULL,
    schema_version int         NOT NULL,
    leaf_hash      bytea       NOT NULL,
    event_type     text        NOT NULL,
    source         text        NOT NULL,
    actor          text,
    payload        json        NOT NULL,
    CONSTRAINT event_has_one_place
        PRIMARY KEY (book_id, log_position, recorded_at),
    CONSTRAINT log_position_is_positive
        CHECK (log_position >= 1),
    CONSTRAINT version_is_positive
        CHECK (version >= 1),
    CONSTRAINT schema_version_is_positive
        CHECK (schema_version >= 1),
    CONSTRAINT times_are_finite
        CHECK (isfinite(effective_at)
           AND isfinite(recorded_at)),
    CONSTRAINT event_type_is_known
        CHECK (event_type IN (
            'position_opened',
            'leg_fill_recorded',
            'funding_recorded',
            'fee_recorded',
            'fee_valued',
            'mark_recorded',
            'adjustment_recorded',
            'close_requested',
            'position_closed',
            'position_cancelled',
            'event_voided'
        )),
    CONSTRAINT source_is_known
        CHECK (source IN (
            'venue_ws',
            'venue_rest',
            'statement',
            'reconciliation',
            'manual',
            'migration'
        )),
    CONSTRAINT actor_is_named_where_a_person_decides
        CHECK (actor IS NOT NULL
            OR (source <> 'manual'
            AND event_type NOT IN ('event_voided', 'adjustment_recorded'))),
    CONSTRAINT leaf_hash_is_32_octets
        CHECK (octet_length(leaf_hash) = 32),
    CONSTRAINT payload_is_an_object
        CHECK (json_typeof(payload) = 'object')
)
PARTITION BY RANGE (recorded_at);

COMMENT ON TABLE positions.events IS
    'The log: a row is an event, kept for ever as it was hashed. Append only, see refuse_change.';
COMMENT ON COLUMN positions.events.effective_at IS
    'When it happened at the venue, in microseconds; decides the UTC day it belongs to.';
COMMENT ON COLUMN positions.events.recorded_at IS
    'When the ledger committed it; never falls along the log of a book; decides its month.';
COMMENT ON COLUMN positions.events.log_position IS
    'Place in the log of the book: 1, 2, 3 … without gaps, in commit order.';
COMMENT ON COLUMN positions.events.version IS
    'Place in the stream of the position: 1, 2, 3 … without gaps.';
COMMENT ON COLUMN positions.events.position_id IS
    'The position, whose events are one stream.';
COMMENT ON COLUMN positions.events.event_id IS
    'Identity of the event, unique in its book for ever (positions.event_keys).';
COMMENT ON COLUMN positions.events.causation_id IS
    'The event or command that caused this one, as the caller gave it; null when not given.';
COMMENT ON COLUMN positions.events.correlation_id IS
    'The conversation that this event is part of, as the caller gave it; null when not given.';
COMMENT ON COLUMN positions.events.book_id IS
    'The book, see positions.books.';
COMMENT ON COLUMN positions.events.schema_version IS
    'Version of the payload''s form for this event type, from 1.';
COMMENT ON COLUMN positions.events.leaf_hash IS
    'SHA-256 over the event and its place, 32 octets; see the architecture for the bytes hashed.';
COMMENT ON COLUMN positions.events.event_type IS
    'What happened: one of the eleven types of the accounting rules.';
COMMENT ON COLUMN positions.events.source IS
    'Where the fact came from: a venue''s feed or API, a statement, a person, a migration …';
COMMENT ON COLUMN positions.events.actor IS
    'Who decided it; required for source manual, for voids and for adjustments.';
COMMENT ON COLUMN positions.events.payload IS
    'Canonical JSON (RFC 8785, decimals as strings) exactly as hashed; hence json, not jsonb.';

-- The fills, or the funding, of one position without reading its marks. It is the one index of
-- the log that no key needs; measured cost in sql/docs/README.md.
CREATE INDEX IF NOT EXISTS events_by_position_and_type
    ON positions.events (book_id, position_id, event_type);

COMMENT ON INDEX positions.events_by_position_and_type IS
    'One position''s events of one type, such as its fills or its funding payments.';

-- Unpartitioned, because an id is unique in its book for ever and not in a month only. Narrow,
-- because a wide key table costs about 30 % more WAL than the events alone.
CREATE TABLE IF NOT EXISTS positions.event_keys (
    recorded_at  timestamptz NOT NULL,
    log_position bigint      NOT NULL,
    event_id     uuid        NOT NULL,
    book_id      int         NOT NULL,
    CONSTRAINT event_id_is_unique_in_its_book
        PRIMARY KEY (book_id, event_id),
    CONSTRAINT log_position_is_positive
        CHECK (log_position >= 1)
);

COMMENT ON TABLE positions.event_keys IS
    'Which event ids a book knows and where they stand; never expires. Append only.';
COMMENT ON COLUMN positions.event_keys.recorded_at IS
    'recorded_at of the event, so that a look-up goes to its month alone.';
COMMENT ON COLUMN positions.event_keys.log_position IS
    'Log position of the event in its book.';
COMMENT ON COLUMN positions.event_keys.event_id IS
    'Identity of the event; derived for fills, funding and voids, else the caller''s.';
COMMENT ON COLUMN positions.event_keys.book_id IS
    'The book, see positions.books.';

-- A row changes with every append to its position, and nothing that changes is indexed: all
-- updates are heap-only, and the fillfactor leaves them room. So there is no index on state;
-- who looks for positions in a state asks positions.active or positions.history.
CREATE TABLE IF NOT EXISTS positions.streams (
    first_recorded_at timestamptz NOT NULL,
    last_recorded_at  timestamptz NOT NULL,
    version           bigint      NOT NULL,
    position_id       uuid        NOT NULL,
    book_id           int         NOT NULL,
    state             text        NOT NULL,
    progress          json        NOT NULL,
    CONSTRAINT position_has_one_stream
        PRIMARY KEY (book_id, position_id),
    CONSTRAINT version_is_positive
        CHECK (version >= 1),
    CONSTRAINT first_event_is_not_after_the_last
        CHECK (first_recorded_at <= last_recorded_at),
    CONSTRAINT state_is_known
        CHECK (state IN ('PENDING', 'OPENING', 'OPEN', 'CLOSING', 'CLOSED', 'CANCELLED'))
)
WITH (fillfactor = 70);

COMMENT ON TABLE positions.streams IS
    'A row is a position as the next append needs it, kept in the transaction of the append.';
COMMENT ON COLUMN positions.streams.first_recorded_at IS
    'recorded_at of its first event: the stream is read from this month on.';
COMMENT ON COLUMN positions.streams.last_recorded_at IS
    'recorded_at of its last event: the stream is read up to this month.';
COMMENT ON COLUMN positions.streams.version IS
    'Version of its last event; what expected_version is compared with.';
COMMENT ON COLUMN positions.streams.position_id IS
    'The position.';
COMMENT ON COLUMN positions.streams.book_id IS
    'The book, see positions.books.';
COMMENT ON COLUMN positions.streams.state IS
    'State of the life cycle after its last event: PENDING, OPENING, OPEN, CLOSING, CLOSED …';
COMMENT ON COLUMN positions.streams.progress IS
    'What the next append needs to know: each leg''s quantity, flags of the life cycle. The '
    'service''s own form, opaque to SQL; refolded after a void or a late event.';

-- One row a contiguous run of one request, so that a request of 500 events adds one row.
CREATE TABLE IF NOT EXISTS positions.deliveries (
    buffered_at     timestamptz,
    log_position    bigint NOT NULL,
    last_position   bigint NOT NULL,
    peer_uid        bigint,
    outbox_sequence bigint,
    book_id         int    NOT NULL,
    host            text   NOT NULL,
    CONSTRAINT run_of_events_is_delivered_once
        PRIMARY KEY (book_id, log_position),
    CONSTRAINT log_position_is_positive
        CHECK (log_position >= 1),
    CONSTRAINT run_ends_at_or_after_its_start
        CHECK (last_position >= log_position),
    CONSTRAINT peer_uid_is_a_user_id
        CHECK (peer_uid BETWEEN 0 AND 4294967295),
    CONSTRAINT buffered_request_has_time_and_sequence
        CHECK ((buffered_at IS NULL) = (outbox_sequence IS NULL)),
    CONSTRAINT outbox_sequence_is_positive
        CHECK (outbox_sequence >= 1)
);

COMMENT ON TABLE positions.deliveries IS
    'How events came in: a row is one contiguous run of one request. Append only.';
COMMENT ON COLUMN positions.deliveries.buffered_at IS
    'When the outbox took the request; null when it went straight to PostgreSQL.';
COMMENT ON COLUMN positions.deliveries.log_position IS
    'Log position of the first event of the run.';
COMMENT ON COLUMN positions.deliveries.last_position IS
    'Log position of the last event of the run, inclusive.';
COMMENT ON COLUMN positions.deliveries.peer_uid IS
    'User id of the process that sent it, as the socket told; null when there was no socket.';
COMMENT ON COLUMN positions.deliveries.outbox_sequence IS
    'Its number in the outbox of that host, from 1; null when it was never buffered.';
COMMENT ON COLUMN positions.deliveries.book_id IS
    'The book, see positions.books.';
COMMENT ON COLUMN positions.deliveries.host IS
    'Name of the machine whose service appended it.';
