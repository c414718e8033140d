-- Why:   a month of the log has to stand before an event falls into it, and there is no DEFAULT
--        partition that would hide a missing one. The service calls ensure_months at start and
--        hourly, and ensure_month when an append misses its month.
-- Locks: the migration takes none that others wait for. A call that makes a month takes SHARE
--        UPDATE EXCLUSIVE on positions.events: no reader and no append waits, ANALYZE and VACUUM
--        of the parent do. A call that finds the month takes no lock at all.
-- Takes: milliseconds; a call that makes a month 10 to 30 ms.

-- SECURITY DEFINER, so that a role which may only append can have its month made by the owner.
-- The settings make it safe and its result the same for every caller: no object of the caller's
-- is found by name, and times are written and read in UTC and ISO.
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

COMMENT ON FUNCTION positions.ensure_month(timestamptz) IS
    'Makes the month of the log, in UTC, that holds the given time, if it does not stand yet; '
    'returns its name, positions.events_yYYYYmMM. Raises 22023 for a time before 1970 or after '
    '9999-11, NX002 when its name is taken by a table that is no month of the log.';

REVOKE ALL
    ON FUNCTION positions.ensure_month(timestamptz)
    FROM PUBLIC;

CREATE OR REPLACE FUNCTION positions.ensure_months(ahead int DEFAULT 1)
    RETURNS SETOF text
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET timezone = 'UTC'
AS $function$
DECLARE
    starts_at CONSTANT timestamptz := date_trunc('month', clock_timestamp(), 'UTC');
BEGIN
    IF ahead IS NULL
    OR ahead NOT BETWEEN 0 AND 120 THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('months ahead: 0 to 120, not %s', coalesce(ahead::text, 'null'));
    END IF;

    FOR offset_months IN 0 .. ahead LOOP
        RETURN NEXT positions.ensure_month(starts_at + make_interval(months => offset_months));
    END LOOP;
END
$function$;

COMMENT ON FUNCTION positions.ensure_months(int) IS
    'Makes this month of the log and as many after it as asked, 0 to 120; returns their names, '
    'first month first. Raises 22023 beyond these limits.';

REVOKE ALL
    ON FUNCTION positions.ensure_months(int)
    FROM PUBLIC;

-- Along the log of a book recorded_at never falls and positions have no gaps, so the place of a
-- time is found by bisection: some twenty look-ups in one month's key instead of an index more.
-- Custom plans, because a generic one locks every month.
CREATE OR REPLACE FUNCTION positions.log_position_at(book_id int, at timestamptz)
    RETURNS bigint
    LANGUAGE plpgsql
    STABLE
    STRICT
    SET search_path = pg_catalog, pg_temp
    SET timezone = 'UTC'
    SET plan_cache_mode = force_custom_plan
AS $function$
DECLARE
    starts_at timestamptz;
    ends_at   timestamptz;
    low       bigint;
    high      bigint;
    middle    bigint;
    seen_at   timestamptz;
BEGIN
    IF at = '-infinity' THEN
        RETURN 0;
    END IF;

    IF at = 'infinity' THEN
        RETURN (SELECT coalesce(max(e.log_position), 0)
                  FROM positions.events AS e
                 WHERE e.book_id = log_position_at.book_id);
    END IF;

    starts_at := date_trunc('month', at, 'UTC');
    ends_at   := starts_at + interval '1 month';

    SELECT coalesce(max(e.log_position), 0)
      INTO low
      FROM positions.events AS e
     WHERE e.book_id = log_position_at.book_id
       AND e.recorded_at < starts_at;

    SELECT coalesce(max(e.log_position), low)
      INTO high
      FROM positions.events AS e
     WHERE e.book_id = log_position_at.book_id
       AND e.recorded_at >= starts_at
       AND e.recorded_at < ends_at;

    -- The answer stays within low ... high: low was recorded by then, high + 1 was not.
    WHILE low < high LOOP
        middle := low + (high - low + 1) / 2;

        SELECT e.recorded_at
          INTO STRICT seen_at
          FROM positions.events AS e
         WHERE e.book_id = log_position_at.book_id
           AND e.log_position = middle
           AND e.recorded_at >= starts_at
           AND e.recorded_at < ends_at;

        IF seen_at <= at THEN
            low := middle;
        ELSE
            high := middle - 1;
        END IF;
    END LOOP;

    RETURN low;
END
$function$;

COMMENT ON FUNCTION positions.log_position_at(int, timestamptz) IS
    'The last log position of the book recorded at or before the given time, 0 before its first '
    'event. Final only for a caller that holds the book''s log_head FOR SHARE, or a time past. '
    'Raises P0002 when the log has a gap.';
