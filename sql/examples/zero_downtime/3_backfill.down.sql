-- Why:   undoes 3_backfill. What it has filled stays, and how far it came.
-- Locks: none that others wait for.
-- Takes: milliseconds.

DROP PROCEDURE IF EXISTS example.backfill_symbols(int, interval);
