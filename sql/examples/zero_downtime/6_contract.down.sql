-- Why:   undoes 6_contract: symbol comes back, made from base and quote, which have it all.
-- Locks: ACCESS EXCLUSIVE on example.rates, for as long as it takes: the column is filled here in
--        one go. Of a large table, go forward instead: expand, dual write, backfill, contract.
-- Takes: some 10 s a million rows. Run 2_dual_write.up.sql and 3_backfill.up.sql next, which made
--        what was dropped.

ALTER TABLE example.rates
    ADD COLUMN IF NOT EXISTS symbol text;

UPDATE example.rates AS r
   SET symbol = r.base || '/' || r.quote
 WHERE r.symbol IS NULL;

ALTER TABLE example.rates
    ALTER COLUMN symbol SET NOT NULL,
    DROP CONSTRAINT IF EXISTS rate_has_one_place_by_parts,
    DROP CONSTRAINT IF EXISTS rate_has_one_place,
    DROP CONSTRAINT IF EXISTS symbol_has_base_and_quote,
    DROP CONSTRAINT IF EXISTS base_and_quote_are_given,
    ADD CONSTRAINT rate_has_one_place
        UNIQUE (exchange, symbol, funding_at),
    ADD CONSTRAINT symbol_has_base_and_quote
        CHECK (symbol COLLATE "C" ~ '^[A-Z0-9]+/[A-Z0-9]+$'),
    ADD CONSTRAINT base_and_quote_are_given
        CHECK (base IS NOT NULL
           AND quote IS NOT NULL);

CREATE UNIQUE INDEX IF NOT EXISTS rate_has_one_place_by_parts
    ON example.rates (exchange, base, quote, funding_at);
