-- Why:   no release reads or writes symbol any more: it goes, and with it what kept both forms.
-- Locks: ACCESS EXCLUSIVE on example.rates for a moment, with lock_timeout.
-- Takes: milliseconds: a column is dropped in the catalogue, the key is the index that stands.

DO $do$
BEGIN
    IF NOT EXISTS (SELECT
                     FROM pg_catalog.pg_constraint AS k
                    WHERE k.conrelid = 'example.rates'::regclass
                      AND k.conname = 'rate_has_one_place_by_parts') THEN
        ALTER TABLE example.rates
            ADD CONSTRAINT rate_has_one_place_by_parts
            UNIQUE USING INDEX rate_has_one_place_by_parts;
    END IF;
END
$do$;

DROP TRIGGER IF EXISTS rates_have_both_forms ON example.rates;

-- No client calls the trigger's function.
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS example.write_both_forms();

-- Only who migrated called the backfill, and it has finished.
-- squawk-ignore ban-drop-function
DROP PROCEDURE IF EXISTS example.backfill_symbols(int, interval);

-- The last release that knows symbol is gone; its key and its check go with it. What the check on
-- base and quote says, NOT NULL says since 4_validate.
ALTER TABLE example.rates
    -- squawk-ignore ban-drop-column
    DROP COLUMN IF EXISTS symbol,
    -- squawk-ignore ban-drop-constraint
    DROP CONSTRAINT IF EXISTS base_and_quote_are_given;
