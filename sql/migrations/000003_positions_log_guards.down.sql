-- Why:   undoes 000003_positions_log_guards: the log can be changed again, so only on the way
--        to dropping it.
-- Locks: ACCESS EXCLUSIVE on the three tables and each month, which stops appends and readers.
-- Takes: milliseconds once the locks are held; a few more a month of log.

DO $block$
DECLARE
    month regclass;
BEGIN
    FOR month IN
        SELECT i.inhrelid::regclass
          FROM pg_catalog.pg_inherits AS i
         WHERE i.inhparent = to_regclass('positions.events')
         ORDER BY i.inhrelid
    LOOP
        EXECUTE format('DROP TRIGGER IF EXISTS month_refuses_truncate ON %s', month);
        EXECUTE format('GRANT UPDATE, DELETE, TRUNCATE ON %s TO CURRENT_USER', month);
    END LOOP;

    IF to_regclass('positions.events') IS NOT NULL THEN
        GRANT UPDATE, DELETE, TRUNCATE
            ON positions.events, positions.event_keys, positions.deliveries
            TO CURRENT_USER;
    END IF;
END
$block$;

DROP TRIGGER IF EXISTS deliveries_refuse_row_change ON positions.deliveries;

DROP TRIGGER IF EXISTS deliveries_refuse_change ON positions.deliveries;

DROP TRIGGER IF EXISTS event_keys_refuse_row_change ON positions.event_keys;

DROP TRIGGER IF EXISTS event_keys_refuse_change ON positions.event_keys;

DROP TRIGGER IF EXISTS events_refuse_row_change ON positions.events;

DROP TRIGGER IF EXISTS events_refuse_change ON positions.events;

DROP FUNCTION IF EXISTS positions.refuse_change();
