-- Why:   Takes 000025_position_days_by_asset back.
-- Locks: SHARE on the three slots of analytics.position_days_rows while the index is made:
--        projections wait, appends and readers go on. ACCESS EXCLUSIVE for a moment, for the index
--        that goes.
-- Takes: About five seconds for each million rows.

CREATE INDEX IF NOT EXISTS position_days_by_day_1
    ON analytics.position_days_rows_1 (slot, book_id, day, strategy, asset, venue, settle);
CREATE INDEX IF NOT EXISTS position_days_by_day_2
    ON analytics.position_days_rows_2 (slot, book_id, day, strategy, asset, venue, settle);
CREATE INDEX IF NOT EXISTS position_days_by_day_3
    ON analytics.position_days_rows_3 (slot, book_id, day, strategy, asset, venue, settle);
CREATE INDEX IF NOT EXISTS position_days_by_day
    ON analytics.position_days_rows (slot, book_id, day, strategy, asset, venue, settle);

COMMENT ON INDEX analytics.position_days_by_day IS
    'The legs behind a figure of daily_pnl; the same columns as its key.';

DROP INDEX IF EXISTS analytics.position_days_by_asset;
