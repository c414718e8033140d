-- Why:   the natural key of the new form, before the old one goes. CONCURRENTLY, so that writers go
--        on; hence alone in its file, which then is no transaction.
-- Locks: SHARE UPDATE EXCLUSIVE on example.rates: no reader and no writer waits.
-- Takes: as long as it takes to read the table twice, and to wait for transactions that are open.
--
-- If it fails, an index that is not valid stays, which IF NOT EXISTS would take for good: down, up.
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS rate_has_one_place_by_parts
    ON example.rates (exchange, base, quote, funding_at);
