-- Why:   undoes 1_expand. What was backfilled goes, the symbol has it all.
-- Locks: ACCESS EXCLUSIVE on example.rates for a moment.
-- Takes: milliseconds.

DROP TABLE IF EXISTS example.backfills;

ALTER TABLE IF EXISTS example.rates
    DROP COLUMN IF EXISTS base,
    DROP COLUMN IF EXISTS quote;
