-- Why:   a generation is rebuilt beside the live one, compared, promoted and gone back to. What a
--        rebuild has done is kept in its checkpoint, so that it goes on after a crash; each step
--        leaves a row for the audit; the comparison that was looked at is kept, so that promotion
--        can say what changed since.
-- Locks: ACCESS EXCLUSIVE on positions.projection_checkpoints and positions.live_slot for new
--        columns, which stops readers of the projections and the workers for that moment. The
--        new tables are read by nobody yet.
-- Takes: milliseconds: the columns have constant defaults, no row is rewritten.

ALTER TABLE positions.projection_checkpoints
    ADD COLUMN IF NOT EXISTS built_at timestamptz,
    ADD COLUMN IF NOT EXISTS retired_at timestamptz,
    ADD COLUMN IF NOT EXISTS rebuilding_to bigint
        CONSTRAINT rebuild_ends_at_a_position
        CHECK (rebuilding_to >= 0),
    ADD COLUMN IF NOT EXISTS rebuilt_events bigint NOT NULL
        DEFAULT 0
        CONSTRAINT rebuilt_events_are_not_negative
        CHECK (rebuilt_events >= 0),
    ADD COLUMN IF NOT EXISTS rebuilt_through uuid,
    ADD COLUMN IF NOT EXISTS logic_fingerprint text NOT NULL
        DEFAULT '';

COMMENT ON COLUMN positions.projection_checkpoints.built_at IS
    'When a rebuild of the slot ended, by the clock of the database; null if the log filled it.';
COMMENT ON COLUMN positions.projection_checkpoints.retired_at IS
    'When somebody began to empty the slot, by the clock of the database; null unless that is so.';
COMMENT ON COLUMN positions.projection_checkpoints.rebuilding_to IS
    'The log position that the slot is being rebuilt to; null when it is not being rebuilt.';
COMMENT ON COLUMN positions.projection_checkpoints.rebuilt_events IS
    'Events that the rebuild under way has folded; 0 before and after.';
COMMENT ON COLUMN positions.projection_checkpoints.rebuilt_through IS
    'Positions up to this id are rebuilt, in the order of ids; null before the first.';
COMMENT ON COLUMN positions.projection_checkpoints.logic_fingerprint IS
    'What the folds make of a sample, in hexadecimal: tells logics of one version apart; empty '
    'until a worker has been there.';

ALTER TABLE positions.live_slot
    ADD COLUMN IF NOT EXISTS former_slot smallint
        CONSTRAINT former_slot_is_another
        CHECK (former_slot IN (1, 2, 3) AND former_slot <> slot);

COMMENT ON COLUMN positions.live_slot.former_slot IS
    'The slot that was live before; null if none was, or if it was retired.';

CREATE TABLE IF NOT EXISTS positions.generation_steps (
    step_id      bigint      NOT NULL
        GENERATED ALWAYS AS IDENTITY,
    taken_at     timestamptz NOT NULL
        DEFAULT clock_timestamp(),
    log_position bigint      NOT NULL,
    book_id      int         NOT NULL,
    from_logic   int,
    to_logic     int,
    from_slot    smallint,
    to_slot      smallint,
    step         text        NOT NULL,
    actor        text        NOT NULL,
    digest       text,
    totals       json,
    CONSTRAINT step_has_one_number
        PRIMARY KEY (book_id, step_id),
    CONSTRAINT step_belongs_to_a_book
        FOREIGN KEY (book_id) REFERENCES positions.books (book_id),
    CONSTRAINT step_is_known
        CHECK (step IN ('rebuilt', 'promoted', 'reverted', 'retired')),
    CONSTRAINT slots_are_of_three
        CHECK (from_slot IN (1, 2, 3) AND to_slot IN (1, 2, 3)),
    CONSTRAINT step_has_a_slot
        CHECK (num_nonnulls(from_slot, to_slot) > 0),
    CONSTRAINT log_position_is_not_negative
        CHECK (log_position >= 0),
    CONSTRAINT actor_is_1_to_128_octets
        CHECK (octet_length(actor) BETWEEN 1 AND 128),
    CONSTRAINT digest_is_a_sha256
        CHECK (digest ~ '^[0-9a-f]{64}$'),
    CONSTRAINT totals_are_an_object
        CHECK (json_typeof(totals) = 'object')
);

COMMENT ON TABLE positions.generation_steps IS
    'A row is a step taken with a generation of the projections: the audit record. Append only.';
COMMENT ON COLUMN positions.generation_steps.step_id IS
    'Number of the step, ascending.';
COMMENT ON COLUMN positions.generation_steps.taken_at IS
    'When, by the clock of the database.';
COMMENT ON COLUMN positions.generation_steps.log_position IS
    'Log position at which the generation stood.';
COMMENT ON COLUMN positions.generation_steps.book_id IS
    'The book, see positions.books.';
COMMENT ON COLUMN positions.generation_steps.from_logic IS
    'Version of the logic that folded the slot which was live, or which was emptied.';
COMMENT ON COLUMN positions.generation_steps.to_logic IS
    'Version of the logic that folded the slot which is live from then on, or was built.';
COMMENT ON COLUMN positions.generation_steps.from_slot IS
    'The slot that was live, or that was emptied; null when one was built.';
COMMENT ON COLUMN positions.generation_steps.to_slot IS
    'The slot that is live from then on, or that was built; null when one was emptied.';
COMMENT ON COLUMN positions.generation_steps.step IS
    'rebuilt, promoted, reverted or retired.';
COMMENT ON COLUMN positions.generation_steps.actor IS
    'Who did it, 1 to 128 octets.';
COMMENT ON COLUMN positions.generation_steps.digest IS
    'Digest of the comparison that it was done on; null without one.';
COMMENT ON COLUMN positions.generation_steps.totals IS
    'Totals of that comparison; null without one.';

CREATE OR REPLACE TRIGGER generation_steps_refuse_change
    BEFORE UPDATE OR DELETE OR TRUNCATE
    ON positions.generation_steps
    FOR EACH STATEMENT
    EXECUTE FUNCTION positions.refuse_change();

CREATE OR REPLACE TRIGGER generation_steps_refuse_row_change
    BEFORE UPDATE OR DELETE
    ON positions.generation_steps
    FOR EACH ROW
    EXECUTE FUNCTION positions.refuse_change();

ALTER TABLE positions.generation_steps
    ENABLE ALWAYS TRIGGER generation_steps_refuse_change;

ALTER TABLE positions.generation_steps
    ENABLE ALWAYS TRIGGER generation_steps_refuse_row_change;

COMMENT ON TRIGGER generation_steps_refuse_change ON positions.generation_steps IS
    'Refuses a statement that would change steps, even one that matches no row.';
COMMENT ON TRIGGER generation_steps_refuse_row_change ON positions.generation_steps IS
    'Refuses a change of a row, also by logical replication.';

REVOKE UPDATE, DELETE, TRUNCATE
    ON positions.generation_steps
    FROM PUBLIC, CURRENT_USER;

-- What somebody looked at: kept for as long as it may be promoted, the newest 20 a book.
CREATE TABLE IF NOT EXISTS positions.comparisons (
    compared_at  timestamptz NOT NULL
        DEFAULT clock_timestamp(),
    log_position bigint      NOT NULL,
    book_id      int         NOT NULL,
    from_slot    smallint    NOT NULL,
    to_slot      smallint    NOT NULL,
    digest       text        NOT NULL,
    tables       text[]      NOT NULL,
    totals       json        NOT NULL,
    differences  json,
    CONSTRAINT comparison_has_one_digest
        PRIMARY KEY (book_id, digest, from_slot, to_slot),
    CONSTRAINT comparison_belongs_to_a_book
        FOREIGN KEY (book_id) REFERENCES positions.books (book_id),
    CONSTRAINT slots_are_of_three
        CHECK (from_slot IN (1, 2, 3) AND to_slot IN (1, 2, 3)),
    CONSTRAINT log_position_is_not_negative
        CHECK (log_position >= 0),
    CONSTRAINT digest_is_a_sha256
        CHECK (digest ~ '^[0-9a-f]{64}$'),
    CONSTRAINT totals_are_an_object
        CHECK (json_typeof(totals) = 'object'),
    CONSTRAINT differences_are_an_array
        CHECK (json_typeof(differences) = 'array')
);

COMMENT ON TABLE positions.comparisons IS
    'A row is a comparison of two generations of a book, the newest 20 of each book.';
COMMENT ON COLUMN positions.comparisons.compared_at IS
    'When it was made last, by the clock of the database.';
COMMENT ON COLUMN positions.comparisons.log_position IS
    'Log position at which both generations were compared.';
COMMENT ON COLUMN positions.comparisons.book_id IS
    'The book, see positions.books.';
COMMENT ON COLUMN positions.comparisons.from_slot IS
    'The slot that was live.';
COMMENT ON COLUMN positions.comparisons.to_slot IS
    'The slot that it was compared with.';
COMMENT ON COLUMN positions.comparisons.digest IS
    'SHA-256 of the sorted differences, in hexadecimal.';
COMMENT ON COLUMN positions.comparisons.tables IS
    'The tables that were compared, as their views are called.';
COMMENT ON COLUMN positions.comparisons.totals IS
    'What differs, in sums: {table: {changed, only_before, only_after, columns}}.';
COMMENT ON COLUMN positions.comparisons.differences IS
    'The differences, [[table, key, column, before, after], …]; null if there are too many.';
