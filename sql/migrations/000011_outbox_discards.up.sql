-- Why:   an operator may discard what an outbox parked. The outbox's file stays on its host and
--        may be lost; that the event was refused for good, by whom and why, may not: who asks for
--        its id again is told so, for ever. A row is that tombstone and the record of the audit.
-- Locks: ACCESS EXCLUSIVE on the new table only, which nobody reads yet.
-- Takes: milliseconds, whatever the size of the database.
--
-- No foreign key, as none leaves the tables of the log (000002_positions_log): book_id was read
-- from positions.books, whose rows are never removed.
--
-- No index but the key: an append asks it for its ids. Rows are made by hand, and so few that
-- whoever audits them reads them all.

CREATE TABLE IF NOT EXISTS positions.outbox_discards (
    discarded_at    timestamptz NOT NULL
        DEFAULT clock_timestamp(),
    buffered_at     timestamptz NOT NULL,
    outbox_sequence bigint      NOT NULL,
    position_id     uuid        NOT NULL,
    event_id        uuid        NOT NULL,
    book_id         int         NOT NULL,
    host            text        NOT NULL,
    actor           text        NOT NULL,
    reason          text        NOT NULL,
    event           json        NOT NULL,
    CONSTRAINT event_is_discarded_once
        PRIMARY KEY (book_id, event_id),
    CONSTRAINT outbox_sequence_is_positive
        CHECK (outbox_sequence >= 1),
    CONSTRAINT times_are_finite
        CHECK (isfinite(discarded_at)
           AND isfinite(buffered_at)),
    CONSTRAINT host_is_not_empty
        CHECK (host <> ''),
    CONSTRAINT actor_is_1_to_128_octets
        CHECK (octet_length(actor) BETWEEN 1 AND 128),
    CONSTRAINT reason_is_1_to_2000_octets
        CHECK (octet_length(reason) BETWEEN 1 AND 2000),
    CONSTRAINT event_is_an_object
        CHECK (json_typeof(event) = 'object')
);

COMMENT ON TABLE positions.outbox_discards IS
    'A row is an event that an operator discarded from an outbox; never expires. Append only.';
COMMENT ON COLUMN positions.outbox_discards.discarded_at IS
    'When it was discarded, by the clock of the database.';
COMMENT ON COLUMN positions.outbox_discards.buffered_at IS
    'When the outbox took its request, by the clock of that host.';
COMMENT ON COLUMN positions.outbox_discards.outbox_sequence IS
    'Number of its request in the outbox of that host, from 1; a request is discarded whole.';
COMMENT ON COLUMN positions.outbox_discards.position_id IS
    'The position that it was meant for.';
COMMENT ON COLUMN positions.outbox_discards.event_id IS
    'Identity of the event, as positions.event_keys would have it; refused from now on.';
COMMENT ON COLUMN positions.outbox_discards.book_id IS
    'The book, see positions.books.';
COMMENT ON COLUMN positions.outbox_discards.host IS
    'Name of the machine whose outbox held it.';
COMMENT ON COLUMN positions.outbox_discards.actor IS
    'Who discarded it, 1 to 128 octets.';
COMMENT ON COLUMN positions.outbox_discards.reason IS
    'Why, in the words of who discarded it, 1 to 2,000 octets.';
COMMENT ON COLUMN positions.outbox_discards.event IS
    'The event''s line exactly as it was buffered; hence json, not jsonb.';

-- As 000003_positions_log_guards guards the tables of the log.
CREATE OR REPLACE TRIGGER outbox_discards_refuse_change
    BEFORE UPDATE OR DELETE OR TRUNCATE
    ON positions.outbox_discards
    FOR EACH STATEMENT
    EXECUTE FUNCTION positions.refuse_change();

CREATE OR REPLACE TRIGGER outbox_discards_refuse_row_change
    BEFORE UPDATE OR DELETE
    ON positions.outbox_discards
    FOR EACH ROW
    EXECUTE FUNCTION positions.refuse_change();

ALTER TABLE positions.outbox_discards
    ENABLE ALWAYS TRIGGER outbox_discards_refuse_change;

ALTER TABLE positions.outbox_discards
    ENABLE ALWAYS TRIGGER outbox_discards_refuse_row_change;

COMMENT ON TRIGGER outbox_discards_refuse_change ON positions.outbox_discards IS
    'Refuses a statement that would change discards, even one that matches no row.';
COMMENT ON TRIGGER outbox_discards_refuse_row_change ON positions.outbox_discards IS
    'Refuses a change of a row, also by logical replication.';

REVOKE UPDATE, DELETE, TRUNCATE
    ON positions.outbox_discards
    FROM PUBLIC, CURRENT_USER;
