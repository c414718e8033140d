-- Why:   after the backfill every row has base and quote, and the database says so. Services may
--        read them from here on.
-- Locks: SHARE UPDATE EXCLUSIVE on example.rates while the check reads all rows: nobody waits but
--        VACUUM and other changes. Then ACCESS EXCLUSIVE for a moment: SET NOT NULL believes the
--        check and reads nothing. The two are one transaction here; of a large table, validate in
--        a migration of its own.
-- Takes: as long as it takes to read the table once, some 0.2 s a million rows.
--
-- Fails with 23514 while a row is not backfilled yet: CALL example.backfill_symbols() first.

ALTER TABLE example.rates
    VALIDATE CONSTRAINT base_and_quote_are_given;

ALTER TABLE example.rates
    ALTER COLUMN base SET NOT NULL,
    ALTER COLUMN quote SET NOT NULL;

COMMENT ON COLUMN example.rates.base IS
    'What is traded, such as BTC.';
COMMENT ON COLUMN example.rates.quote IS
    'What it is priced in, such as USDT.';
