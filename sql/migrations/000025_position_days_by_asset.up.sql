-- Why:   A row of position_days costs half of what a rebuild writes, and half of that was the index
--        by day with all seven columns of a figure: four texts to compare at each step down. The
--        day and the asset find the legs behind a figure as well.
-- Locks: SHARE on the three slots of analytics.position_days_rows while the index is made:
--        projections wait, appends and readers go on. ACCESS EXCLUSIVE for a moment, for the index
--        that goes.
-- Takes: About two seconds for each million rows; a moment where the three indexes were made before
--        by CREATE INDEX CONCURRENTLY, under the same names.

DO $do$
DECLARE
    half_made text;
BEGIN
    -- One whose making was interrupted is made anew.
    FOR half_made IN
        SELECT i.indexrelid::regclass::text
          FROM pg_catalog.pg_index AS i
         WHERE i.indexrelid IN (to_regclass('analytics.position_days_by_asset_1'),
                                to_regclass('analytics.position_days_by_asset_2'),
                                to_regclass('analytics.position_days_by_asset_3'))
           AND NOT i.indisvalid
    LOOP
        EXECUTE format('DROP INDEX %s', half_made);
    END LOOP;
END
$do$;

-- A migration is one transaction, which CONCURRENTLY refuses: see Locks.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX IF NOT EXISTS position_days_by_asset_1
    ON analytics.position_days_rows_1 (book_id, day, asset);
-- Not CONCURRENTLY, as above: one transaction.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX IF NOT EXISTS position_days_by_asset_2
    ON analytics.position_days_rows_2 (book_id, day, asset);
-- Not CONCURRENTLY, as above: one transaction.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX IF NOT EXISTS position_days_by_asset_3
    ON analytics.position_days_rows_3 (book_id, day, asset);
-- Takes the three as its parts.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX IF NOT EXISTS position_days_by_asset
    ON analytics.position_days_rows (book_id, day, asset);

COMMENT ON INDEX analytics.position_days_by_asset IS
    'The legs behind a figure of daily_pnl.';

-- An index of a partitioned table goes with those of its parts, never CONCURRENTLY.
-- squawk-ignore require-concurrent-index-deletion
DROP INDEX IF EXISTS analytics.position_days_by_day;
