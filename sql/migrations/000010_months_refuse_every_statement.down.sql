-- Why:   undoes 000010_months_refuse_every_statement: a month's statement trigger is for TRUNCATE
--        only, a change of its rows is refused by the log's row trigger.
-- Locks: ACCESS EXCLUSIVE on each month, all of them to the end: appends and readers wait. A month
--        that is being made is waited for first.
-- Takes: milliseconds once the locks are held; a few more a month of log.

-- As in 000004_positions_months.
CREATE OR REPLACE FUNCTION positions.ensure_month(at timestamptz)
    RETURNS text
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET timezone = 'UTC'
    SET datestyle = 'ISO, YMD'
AS $function$
DECLARE
    -- Any fixed number will do; this one is only used here.
    month_lock CONSTANT bigint := 7088416218532261;
    starts_at  timestamptz;
    ends_at    timestamptz;
    suffix     text;
    month      text;
    is_new     boolean := false;
BEGIN
    IF at IS NULL
    OR at < timestamptz '1970-01-01 00:00:00+00'
    OR at >= timestamptz '9999-12-01 00:00:00+00' THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('no month of the log can hold %s', coalesce(at::text, 'null'));
    END IF;

    starts_at := date_trunc('month', at, 'UTC');
    ends_at   := starts_at + interval '1 month';
    suffix    := to_char(starts_at, '"y"YYYY"m"MM');
    month     := format('positions.events_%s', suffix);

    IF to_regclass(month) IS NULL THEN
        -- One maker at a time. Who waited here may find the month made, which only CREATE can
        -- tell: to_regclass answers from a cache that waiting does not refresh, and a query from
        -- the caller's snapshot.
        PERFORM pg_advisory_xact_lock(month_lock);

        BEGIN
            -- Without INCLUDING INDEXES, which would name the keys after the table and its
            -- columns. The check of the bounds is what spares ATTACH the scan.
            EXECUTE format(
                'CREATE TABLE %1$s ('
                '    LIKE positions.events INCLUDING ALL EXCLUDING INDEXES,'
                '    CONSTRAINT recorded_at_is_in_the_month'
                '        CHECK (recorded_at >= %3$L::timestamptz'
                '           AND recorded_at < %4$L::timestamptz),'
                '    CONSTRAINT event_has_one_place_%2$s'
                '        PRIMARY KEY (book_id, log_position, recorded_at),'
                '    CONSTRAINT log_position_is_taken_once_%2$s'
                '        UNIQUE (book_id, log_position),'
                '    CONSTRAINT version_is_taken_once_%2$s'
                '        UNIQUE (book_id, position_id, version)'
                ')',
                month, suffix, starts_at, ends_at);
            is_new := true;
        EXCEPTION
            WHEN duplicate_table THEN
                is_new := false;
        END;
    END IF;

    IF is_new THEN
        EXECUTE format(
            'CREATE INDEX events_by_position_and_type_%2$s'
            '    ON %1$s (book_id, position_id, event_type)',
            month, suffix);
        EXECUTE format(
            'CREATE TRIGGER month_refuses_truncate'
            '    BEFORE TRUNCATE ON %1$s'
            '    FOR EACH STATEMENT'
            '    EXECUTE FUNCTION positions.refuse_change()',
            month);
        EXECUTE format(
            'ALTER TABLE %1$s'
            '    ENABLE ALWAYS TRIGGER month_refuses_truncate',
            month);
        EXECUTE format(
            'REVOKE UPDATE, DELETE, TRUNCATE'
            '    ON %1$s'
            '    FROM PUBLIC, CURRENT_USER',
            month);
        EXECUTE format(
            'COMMENT ON TABLE %1$s IS %2$L',
            month,
            format('The events recorded in %s, UTC. Append only.', to_char(starts_at, 'YYYY-MM')));
        EXECUTE format(
            'ALTER TABLE positions.events'
            '    ATTACH PARTITION %1$s'
            '    FOR VALUES FROM (%2$L) TO (%3$L)',
            month, starts_at, ends_at);
    ELSIF pg_partition_root(to_regclass(month)) IS DISTINCT FROM 'positions.events'::regclass THEN
        RAISE EXCEPTION USING
            ERRCODE = 'NX002',
            MESSAGE = format('%s is no month of positions.events', month),
            HINT    = 'Somebody detached it. Attach it again, or rename what took its name.';
    END IF;

    RETURN month;
END
$function$;

DO $block$
DECLARE
    month regclass;
BEGIN
    -- ensure_month's lock: a month that is not committed yet is not to be missed.
    PERFORM pg_catalog.pg_advisory_xact_lock(7088416218532261);

    FOR month IN
        SELECT i.inhrelid::regclass
          FROM pg_catalog.pg_inherits AS i
         WHERE i.inhparent = 'positions.events'::regclass
         ORDER BY i.inhrelid
    LOOP
        EXECUTE format('DROP TRIGGER IF EXISTS month_refuses_change ON %s', month);
        EXECUTE format('CREATE OR REPLACE TRIGGER month_refuses_truncate '
                       'BEFORE TRUNCATE ON %s '
                       'FOR EACH STATEMENT '
                       'EXECUTE FUNCTION positions.refuse_change()', month);
        EXECUTE format('ALTER TABLE %s '
                       'ENABLE ALWAYS TRIGGER month_refuses_truncate', month);
    END LOOP;
END
$block$;
