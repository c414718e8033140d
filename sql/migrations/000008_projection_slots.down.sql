-- Why:   undoes 000008_projection_slots. A replay folds the rows from the log again.
-- Locks: ACCESS EXCLUSIVE on the X_rows tables, which stops their readers and the worker.
-- Takes: milliseconds once the locks are held; unlinking the files takes up to a second a GB.

DO $block$
DECLARE
    parent text;
BEGIN
    FOREACH parent IN ARRAY ARRAY[
        'analytics.funding_collected_rows',
        'analytics.trade_stats_rows',
        'analytics.daily_pnl_rows',
        'analytics.position_days_rows',
        'positions.history_rows',
        'positions.legs_rows',
        'positions.active_rows'
    ] LOOP
        FOR slot IN REVERSE 3 .. 1 LOOP
            EXECUTE format('DROP TABLE IF EXISTS %s_%s', parent, slot);
        END LOOP;
    END LOOP;
END
$block$;
