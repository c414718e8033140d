-- Why:   undoes 5_index.
-- Locks: SHARE UPDATE EXCLUSIVE on example.rates: no reader and no writer waits.
-- Takes: milliseconds, and to wait for transactions that are open.
DROP INDEX CONCURRENTLY IF EXISTS example.rate_has_one_place_by_parts;
