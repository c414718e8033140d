-- Why:   what is written in the log stays as it was written. UPDATE, DELETE and TRUNCATE are
--        refused on events, event_keys and deliveries, by privilege and by triggers, for the
--        owner and for a superuser too; MERGE and ON CONFLICT DO UPDATE are updates.
-- Locks: SHARE ROW EXCLUSIVE on the three tables and each month: appends wait, readers do not.
-- Takes: milliseconds; a few more a month of log.
--
-- Each trigger closes a way of its own:
--   statement, on the table      says no even where no row matches, and once, not a row at a time;
--   row, inherited by the months a statement that names a month, and logical replication, which
--                                fires row triggers only;
--   TRUNCATE, on each month too  a TRUNCATE that names a month (positions.ensure_month adds it).
-- All are ENABLE ALWAYS: session_replication_role = replica does not silence them. None fires on
-- INSERT. What the owner's DDL can still do (DROP, DETACH, DISABLE TRIGGER), `doctor` detects.

CREATE OR REPLACE FUNCTION positions.refuse_change()
    RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    RAISE EXCEPTION USING
        ERRCODE = 'NX001',
        MESSAGE = format('%I.%I is append only: %s is refused',
                         TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP),
        HINT    = 'Append an event_voided or an adjustment_recorded event instead.',
        SCHEMA  = TG_TABLE_SCHEMA,
        TABLE   = TG_TABLE_NAME;
END
$function$;

COMMENT ON FUNCTION positions.refuse_change() IS
    'Trigger function of the append-only tables: raises SQLSTATE NX001, whatever the change.';

REVOKE ALL
    ON FUNCTION positions.refuse_change()
    FROM PUBLIC;

CREATE OR REPLACE TRIGGER events_refuse_change
    BEFORE UPDATE OR DELETE OR TRUNCATE
    ON positions.events
    FOR EACH STATEMENT
    EXECUTE FUNCTION positions.refuse_change();

CREATE OR REPLACE TRIGGER events_refuse_row_change
    BEFORE UPDATE OR DELETE
    ON positions.events
    FOR EACH ROW
    EXECUTE FUNCTION positions.refuse_change();

ALTER TABLE positions.events
    ENABLE ALWAYS TRIGGER events_refuse_change;

ALTER TABLE positions.events
    ENABLE ALWAYS TRIGGER events_refuse_row_change;

CREATE OR REPLACE TRIGGER event_keys_refuse_change
    BEFORE UPDATE OR DELETE OR TRUNCATE
    ON positions.event_keys
    FOR EACH STATEMENT
    EXECUTE FUNCTION positions.refuse_change();

CREATE OR REPLACE TRIGGER event_keys_refuse_row_change
    BEFORE UPDATE OR DELETE
    ON positions.event_keys
    FOR EACH ROW
    EXECUTE FUNCTION positions.refuse_change();

ALTER TABLE positions.event_keys
    ENABLE ALWAYS TRIGGER event_keys_refuse_change;

ALTER TABLE positions.event_keys
    ENABLE ALWAYS TRIGGER event_keys_refuse_row_change;

CREATE OR REPLACE TRIGGER deliveries_refuse_change
    BEFORE UPDATE OR DELETE OR TRUNCATE
    ON positions.deliveries
    FOR EACH STATEMENT
    EXECUTE FUNCTION positions.refuse_change();

CREATE OR REPLACE TRIGGER deliveries_refuse_row_change
    BEFORE UPDATE OR DELETE
    ON positions.deliveries
    FOR EACH ROW
    EXECUTE FUNCTION positions.refuse_change();

ALTER TABLE positions.deliveries
    ENABLE ALWAYS TRIGGER deliveries_refuse_change;

ALTER TABLE positions.deliveries
    ENABLE ALWAYS TRIGGER deliveries_refuse_row_change;

COMMENT ON TRIGGER events_refuse_change ON positions.events IS
    'Refuses a statement that names the log, even one that matches no row.';
COMMENT ON TRIGGER events_refuse_row_change ON positions.events IS
    'Refuses a change of a row; the months inherit it.';
COMMENT ON TRIGGER event_keys_refuse_change ON positions.event_keys IS
    'Refuses a statement that would change the keys, even one that matches no row.';
COMMENT ON TRIGGER event_keys_refuse_row_change ON positions.event_keys IS
    'Refuses a change of a row, also by logical replication.';
COMMENT ON TRIGGER deliveries_refuse_change ON positions.deliveries IS
    'Refuses a statement that would change deliveries, even one that matches no row.';
COMMENT ON TRIGGER deliveries_refuse_row_change ON positions.deliveries IS
    'Refuses a change of a row, also by logical replication.';

-- CURRENT_USER is the owner, who runs the migrations. A superuser has all privileges whatever
-- is revoked: for it only the triggers stand.
REVOKE UPDATE, DELETE, TRUNCATE
    ON positions.events, positions.event_keys, positions.deliveries
    FROM PUBLIC, CURRENT_USER;

-- Months that stand already, when the guards come back after a down.
DO $block$
DECLARE
    month regclass;
BEGIN
    FOR month IN
        SELECT i.inhrelid::regclass
          FROM pg_catalog.pg_inherits AS i
         WHERE i.inhparent = 'positions.events'::regclass
         ORDER BY i.inhrelid
    LOOP
        EXECUTE format('CREATE OR REPLACE TRIGGER month_refuses_truncate '
                       'BEFORE TRUNCATE ON %s '
                       'FOR EACH STATEMENT '
                       'EXECUTE FUNCTION positions.refuse_change()', month);
        EXECUTE format('ALTER TABLE %s '
                       'ENABLE ALWAYS TRIGGER month_refuses_truncate', month);
        EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE '
                       'ON %s '
                       'FROM PUBLIC, CURRENT_USER', month);
    END LOOP;
END
$block$;
