-- Why:   a symbol is to be two columns, base and quote. Here they are added; nobody reads or writes
--        them yet, and every service runs on.
-- Locks: ACCESS EXCLUSIVE on example.rates for the moment of the change. It queues behind whoever
--        reads, and all others behind it: so with lock_timeout, and again when it passed.
-- Takes: milliseconds: the columns are null, no row is rewritten.

ALTER TABLE example.rates
    ADD COLUMN IF NOT EXISTS base text,
    ADD COLUMN IF NOT EXISTS quote text;

COMMENT ON COLUMN example.rates.base IS
    'What is traded, such as BTC; null until it is backfilled.';
COMMENT ON COLUMN example.rates.quote IS
    'What it is priced in, such as USDT; null until it is backfilled.';

-- How far a backfill has come, so that it goes on after a crash, and who looks sees it.
CREATE TABLE IF NOT EXISTS example.backfills (
    started_at  timestamptz NOT NULL
        DEFAULT clock_timestamp(),
    changed_at  timestamptz NOT NULL
        DEFAULT clock_timestamp(),
    finished_at timestamptz,
    last_id     bigint      NOT NULL
        DEFAULT 0,
    rows_filled bigint      NOT NULL
        DEFAULT 0,
    batches     bigint      NOT NULL
        DEFAULT 0,
    backfill    text        NOT NULL,
    CONSTRAINT backfill_has_one_name
        PRIMARY KEY (backfill)
);

COMMENT ON TABLE example.backfills IS
    'A row is a backfill, under way or finished.';
COMMENT ON COLUMN example.backfills.started_at IS
    'When it began first.';
COMMENT ON COLUMN example.backfills.changed_at IS
    'When its last batch was committed.';
COMMENT ON COLUMN example.backfills.finished_at IS
    'When it had done all; null before.';
COMMENT ON COLUMN example.backfills.last_id IS
    'Rows up to this id are done.';
COMMENT ON COLUMN example.backfills.rows_filled IS
    'How many rows it filled; others had been filled by a writer.';
COMMENT ON COLUMN example.backfills.batches IS
    'How many batches it has committed.';
COMMENT ON COLUMN example.backfills.backfill IS
    'Name of the backfill.';
