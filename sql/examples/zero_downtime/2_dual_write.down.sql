-- Why:   undoes 2_dual_write. Releases that write base and quote have to be gone before.
-- Locks: ACCESS EXCLUSIVE on example.rates for a moment.
-- Takes: milliseconds.

ALTER TABLE IF EXISTS example.rates
    DROP CONSTRAINT IF EXISTS base_and_quote_are_given;

DROP TRIGGER IF EXISTS rates_have_both_forms ON example.rates;

DROP FUNCTION IF EXISTS example.write_both_forms();
