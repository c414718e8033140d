-- Why:   a generation is all projection tables of one book, folded by one version of the logic,
--        in one of three slots. Which slot readers see is one row a book, so that promotion is
--        one update, and readers see the old generation or the new one, never a mix.
-- Locks: SHARE ROW EXCLUSIVE on positions.books, for the foreign keys; a book cannot be made
--        meanwhile. The new tables are read by nobody yet.
-- Takes: milliseconds.

CREATE TABLE IF NOT EXISTS positions.live_slot (
    promoted_at   timestamptz NOT NULL
        DEFAULT clock_timestamp(),
    book_id       int         NOT NULL,
    logic_version int         NOT NULL,
    slot          smallint    NOT NULL,
    CONSTRAINT book_has_one_live_slot
        PRIMARY KEY (book_id),
    CONSTRAINT live_slot_belongs_to_a_book
        FOREIGN KEY (book_id) REFERENCES positions.books (book_id),
    CONSTRAINT slot_is_one_of_three
        CHECK (slot IN (1, 2, 3)),
    CONSTRAINT logic_version_is_positive
        CHECK (logic_version >= 1)
);

COMMENT ON TABLE positions.live_slot IS
    'Which generation readers of a book see. Every view of a projection joins it.';
COMMENT ON COLUMN positions.live_slot.promoted_at IS
    'When this generation became the live one, by the clock of the database.';
COMMENT ON COLUMN positions.live_slot.book_id IS
    'The book, see positions.books.';
COMMENT ON COLUMN positions.live_slot.logic_version IS
    'Version of the folds that write this generation, from 1.';
COMMENT ON COLUMN positions.live_slot.slot IS
    'The slot that is live: 1, 2 or 3.';

-- Updated with every batch of the worker; the low fillfactor keeps the updates heap-only.
CREATE TABLE IF NOT EXISTS positions.projection_checkpoints (
    log_position  bigint      NOT NULL
        DEFAULT 0,
    epoch         bigint      NOT NULL
        DEFAULT 0,
    updated_at    timestamptz NOT NULL
        DEFAULT clock_timestamp(),
    progressed_at timestamptz NOT NULL
        DEFAULT clock_timestamp(),
    book_id       int         NOT NULL,
    logic_version int         NOT NULL,
    slot          smallint    NOT NULL,
    owner         text        NOT NULL,
    CONSTRAINT generation_has_one_checkpoint
        PRIMARY KEY (book_id, slot),
    CONSTRAINT checkpoint_belongs_to_a_book
        FOREIGN KEY (book_id) REFERENCES positions.books (book_id),
    CONSTRAINT slot_is_one_of_three
        CHECK (slot IN (1, 2, 3)),
    CONSTRAINT log_position_is_not_negative
        CHECK (log_position >= 0),
    CONSTRAINT epoch_is_not_negative
        CHECK (epoch >= 0),
    CONSTRAINT logic_version_is_positive
        CHECK (logic_version >= 1)
)
WITH (fillfactor = 10);

COMMENT ON TABLE positions.projection_checkpoints IS
    'How far a generation has folded the log; written in one transaction with its rows.';
COMMENT ON COLUMN positions.projection_checkpoints.log_position IS
    'Every event up to this log position is in the rows of the slot; 0 before the first.';
COMMENT ON COLUMN positions.projection_checkpoints.epoch IS
    'Fencing number: a new owner raises it, and a writer with an older one writes nothing.';
COMMENT ON COLUMN positions.projection_checkpoints.updated_at IS
    'When the row was last written, by the clock of the database.';
COMMENT ON COLUMN positions.projection_checkpoints.progressed_at IS
    'When log_position last rose, by the clock of the database.';
COMMENT ON COLUMN positions.projection_checkpoints.book_id IS
    'The book, see positions.books.';
COMMENT ON COLUMN positions.projection_checkpoints.logic_version IS
    'Version of the folds that write the slot; a worker writes only its own version.';
COMMENT ON COLUMN positions.projection_checkpoints.slot IS
    'The slot of the generation: 1, 2 or 3.';
COMMENT ON COLUMN positions.projection_checkpoints.owner IS
    'Who writes the slot, for people to read: host and process.';

CREATE TABLE IF NOT EXISTS positions.quarantine (
    since        timestamptz NOT NULL
        DEFAULT clock_timestamp(),
    log_position bigint      NOT NULL,
    position_id  uuid        NOT NULL,
    event_id     uuid,
    book_id      int         NOT NULL,
    slot         smallint    NOT NULL,
    reason       text        NOT NULL,
    CONSTRAINT position_is_quarantined_once
        PRIMARY KEY (slot, book_id, position_id),
    CONSTRAINT quarantine_belongs_to_a_book
        FOREIGN KEY (book_id) REFERENCES positions.books (book_id),
    CONSTRAINT slot_is_one_of_three
        CHECK (slot IN (1, 2, 3)),
    CONSTRAINT log_position_is_positive
        CHECK (log_position >= 1)
);

COMMENT ON TABLE positions.quarantine IS
    'Positions whose fold stopped: their rows are the longest prefix that folds, marked stale.';
COMMENT ON COLUMN positions.quarantine.since IS
    'When the position was quarantined, by the clock of the database.';
COMMENT ON COLUMN positions.quarantine.log_position IS
    'Log position of the first event that could not be folded.';
COMMENT ON COLUMN positions.quarantine.position_id IS
    'The position.';
COMMENT ON COLUMN positions.quarantine.event_id IS
    'That event; null when no single event is to blame.';
COMMENT ON COLUMN positions.quarantine.book_id IS
    'The book, see positions.books.';
COMMENT ON COLUMN positions.quarantine.slot IS
    'The slot of the generation: 1, 2 or 3.';
COMMENT ON COLUMN positions.quarantine.reason IS
    'Why it could not be folded, for people to read.';

-- The key of quarantine leads with the slot; the foreign key needs the book first. The table is
-- empty on a good day.
CREATE INDEX IF NOT EXISTS quarantine_by_book
    ON positions.quarantine (book_id, position_id);

COMMENT ON INDEX positions.quarantine_by_book IS
    'The quarantined positions of a book in all its slots; supports the foreign key.';

-- A known book costs one look-up and burns no number. Two callers who make the same book: the
-- second waits at the unique name and then reads the first one's row; at an isolation level
-- above READ COMMITTED it fails with 40001, which callers retry.
CREATE OR REPLACE FUNCTION positions.ensure_book(name text, logic_version int DEFAULT 1)
    RETURNS int
    LANGUAGE plpgsql
    VOLATILE
    STRICT
    SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    found_id int;
BEGIN
    SELECT b.book_id
      INTO found_id
      FROM positions.books AS b
      JOIN positions.log_head AS h
        ON h.book_id = b.book_id
      JOIN positions.live_slot AS l
        ON l.book_id = b.book_id
     WHERE b.name = ensure_book.name;

    IF found_id IS NOT NULL THEN
        RETURN found_id;
    END IF;

    INSERT INTO positions.books AS b (name)
    VALUES (ensure_book.name)
        ON CONFLICT ON CONSTRAINT book_name_is_unique
        DO NOTHING;

    SELECT b.book_id
      INTO STRICT found_id
      FROM positions.books AS b
     WHERE b.name = ensure_book.name;

    INSERT INTO positions.log_head (book_id)
    VALUES (found_id)
        ON CONFLICT ON CONSTRAINT book_has_one_head
        DO NOTHING;

    INSERT INTO positions.live_slot (book_id, slot, logic_version)
    VALUES (found_id, 1, ensure_book.logic_version)
        ON CONFLICT ON CONSTRAINT book_has_one_live_slot
        DO NOTHING;

    RETURN found_id;
END
$function$;

COMMENT ON FUNCTION positions.ensure_book(text, int) IS
    'Makes the book, its head of the log and its live slot (slot 1, of the given version of the '
    'logic) if they do not stand yet; returns book_id. Raises 23514 book_name_is_plain for a '
    'name that is not 1 to 64 characters of [a-z0-9_.-].';

REVOKE ALL
    ON FUNCTION positions.ensure_book(text, int)
    FROM PUBLIC;
