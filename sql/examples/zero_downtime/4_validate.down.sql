-- Why:   undoes 4_validate. Services that read base and quote have to be gone before.
-- Locks: ACCESS EXCLUSIVE on example.rates for a moment.
-- Takes: milliseconds.

ALTER TABLE IF EXISTS example.rates
    ALTER COLUMN base DROP NOT NULL,
    ALTER COLUMN quote DROP NOT NULL,
    DROP CONSTRAINT IF EXISTS base_and_quote_are_given;

ALTER TABLE IF EXISTS example.rates
    ADD CONSTRAINT base_and_quote_are_given
    CHECK (base IS NOT NULL
       AND quote IS NOT NULL)
    NOT VALID;

COMMENT ON COLUMN example.rates.base IS
    'What is traded, such as BTC; null until it is backfilled.';
COMMENT ON COLUMN example.rates.quote IS
    'What it is priced in, such as USDT; null until it is backfilled.';
