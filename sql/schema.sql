SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

CREATE SCHEMA analytics;

COMMENT ON SCHEMA analytics IS 'Performance figures folded from positions.events; all of them can be rebuilt from the log.';

CREATE SCHEMA positions;

COMMENT ON SCHEMA positions IS 'The event log of positions, its guards, and the projections folded from it.';

CREATE FUNCTION positions.ensure_book(name text, logic_version integer DEFAULT 1) RETURNS integer
    LANGUAGE plpgsql STRICT
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    found_id int;
BEGIN
    SELECT b.book_id
      INTO found_id
      FROM positions.books AS b
      JOIN positions.log_head AS h
        ON h.book_id = b.book_id
      JOIN positions.live_slot AS l
        ON l.book_id = b.book_id
     WHERE b.name = ensure_book.name;

    IF found_id IS NOT NULL THEN
        RETURN found_id;
    END IF;

    INSERT INTO positions.books AS b (name)
    VALUES (ensure_book.name)
        ON CONFLICT ON CONSTRAINT book_name_is_unique
        DO NOTHING;

    SELECT b.book_id
      INTO STRICT found_id
      FROM positions.books AS b
     WHERE b.name = ensure_book.name;

    INSERT INTO positions.log_head (book_id)
    VALUES (found_id)
        ON CONFLICT ON CONSTRAINT book_has_one_head
        DO NOTHING;

    INSERT INTO positions.live_slot (book_id, slot, logic_version)
    VALUES (found_id, 1, ensure_book.logic_version)
        ON CONFLICT ON CONSTRAINT book_has_one_live_slot
        DO NOTHING;

    RETURN found_id;
END
$$;

COMMENT ON FUNCTION positions.ensure_book(name text, logic_version integer) IS 'Makes the book, its head of the log and its live slot (slot 1, of the given version of the logic) if they do not stand yet; returns book_id. Raises 23514 book_name_is_plain for a name that is not 1 to 64 characters of [a-z0-9_.-].';

CREATE FUNCTION positions.ensure_month(at timestamp with time zone) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET "TimeZone" TO 'UTC'
    SET "DateStyle" TO 'ISO, YMD'
    AS $_$
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
            'CREATE TRIGGER month_refuses_change'
            '    BEFORE UPDATE OR DELETE OR TRUNCATE ON %1$s'
            '    FOR EACH STATEMENT'
            '    EXECUTE FUNCTION positions.refuse_change()',
            month);
        EXECUTE format(
            'ALTER TABLE %1$s'
            '    ENABLE ALWAYS TRIGGER month_refuses_change',
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
$_$;

COMMENT ON FUNCTION positions.ensure_month(at timestamp with time zone) IS 'Makes the month of the log, in UTC, that holds the given time, if it does not stand yet; returns its name, positions.events_yYYYYmMM. Raises 22023 for a time before 1970 or after 9999-11, NX002 when its name is taken by a table that is no month of the log.';

CREATE FUNCTION positions.ensure_months(ahead integer DEFAULT 1) RETURNS SETOF text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET "TimeZone" TO 'UTC'
    AS $$
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
$$;

COMMENT ON FUNCTION positions.ensure_months(ahead integer) IS 'Makes this month of the log and as many after it as asked, 0 to 120; returns their names, first month first. Raises 22023 beyond these limits.';

CREATE FUNCTION positions.log_position_at(book_id integer, at timestamp with time zone) RETURNS bigint
    LANGUAGE plpgsql STABLE STRICT
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET "TimeZone" TO 'UTC'
    SET plan_cache_mode TO 'force_custom_plan'
    AS $$
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
$$;

COMMENT ON FUNCTION positions.log_position_at(book_id integer, at timestamp with time zone) IS 'The last log position of the book recorded at or before the given time, 0 before its first event. Final only for a caller that holds the book''s log_head FOR SHARE, or a time past. Raises P0002 when the log has a gap.';

CREATE FUNCTION positions.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    RAISE EXCEPTION USING
        ERRCODE = 'NX001',
        MESSAGE = format('%I.%I is append only: %s is refused',
                         TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP),
        HINT    = 'Append an event_voided or an adjustment_recorded event instead.',
        SCHEMA  = TG_TABLE_SCHEMA,
        TABLE   = TG_TABLE_NAME;
END
$$;

COMMENT ON FUNCTION positions.refuse_change() IS 'Trigger function of the append-only tables: raises SQLSTATE NX001, whatever the change.';

SET default_tablespace = '';

CREATE TABLE analytics.daily_pnl_rows (
    changed_at timestamp with time zone NOT NULL,
    unvalued_fees bigint NOT NULL,
    unvalued_funding bigint NOT NULL,
    fills bigint NOT NULL,
    positions bigint NOT NULL,
    leg_days bigint NOT NULL,
    log_position bigint NOT NULL,
    day date NOT NULL,
    book_id integer NOT NULL,
    slot smallint NOT NULL,
    price_pnl numeric NOT NULL,
    fees_known numeric NOT NULL,
    funding_known numeric NOT NULL,
    adjustments numeric NOT NULL,
    volume numeric NOT NULL,
    strategy text NOT NULL,
    asset text NOT NULL,
    venue text NOT NULL,
    settle text NOT NULL,
    CONSTRAINT fills_are_not_negative CHECK ((fills >= 0)),
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT row_has_a_position_and_a_leg_day CHECK (((leg_days >= positions) AND (positions >= 1))),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3]))),
    CONSTRAINT unvalued_fees_are_some_of_the_leg_days CHECK (((unvalued_fees >= 0) AND (unvalued_fees <= leg_days))),
    CONSTRAINT unvalued_funding_is_some_of_the_leg_days CHECK (((unvalued_funding >= 0) AND (unvalued_funding <= leg_days))),
    CONSTRAINT volume_is_not_negative CHECK ((volume >= (0)::numeric))
)
PARTITION BY LIST (slot);

COMMENT ON TABLE analytics.daily_pnl_rows IS 'Sums of position_days by day, strategy, asset, venue and settle, of every generation, exact beyond the range of one figure; read analytics.daily_pnl.';

COMMENT ON COLUMN analytics.daily_pnl_rows.changed_at IS 'recorded_at of the last event that changed this row.';

COMMENT ON COLUMN analytics.daily_pnl_rows.unvalued_fees IS 'Number of position-leg-days summed here whose fees are not valued.';

COMMENT ON COLUMN analytics.daily_pnl_rows.unvalued_funding IS 'Number of position-leg-days summed here whose funding is not valued.';

COMMENT ON COLUMN analytics.daily_pnl_rows.fills IS 'Number of live fills of the day.';

COMMENT ON COLUMN analytics.daily_pnl_rows.positions IS 'Number of positions that have a part in the day.';

COMMENT ON COLUMN analytics.daily_pnl_rows.leg_days IS 'Number of position-leg-days summed here; the row goes when it is 0.';

COMMENT ON COLUMN analytics.daily_pnl_rows.log_position IS 'Log position of the last event that changed this row.';

COMMENT ON COLUMN analytics.daily_pnl_rows.day IS 'The UTC day.';

COMMENT ON COLUMN analytics.daily_pnl_rows.book_id IS 'The book, see positions.books.';

COMMENT ON COLUMN analytics.daily_pnl_rows.slot IS 'The slot of the generation this row belongs to: 1, 2 or 3.';

COMMENT ON COLUMN analytics.daily_pnl_rows.price_pnl IS 'P&L from prices booked on the day, in settle.';

COMMENT ON COLUMN analytics.daily_pnl_rows.fees_known IS 'Fees of the day as far as they are valued, + cost, in settle.';

COMMENT ON COLUMN analytics.daily_pnl_rows.funding_known IS 'Funding of the day as far as it is valued, + received, in settle.';

COMMENT ON COLUMN analytics.daily_pnl_rows.adjustments IS 'Cash adjustments of the day, in settle.';

COMMENT ON COLUMN analytics.daily_pnl_rows.volume IS 'Traded volume of the day, in quote; of inverse legs the sum of qty times multiplier.';

COMMENT ON COLUMN analytics.daily_pnl_rows.strategy IS 'Strategy of the position, as position_opened gave it.';

COMMENT ON COLUMN analytics.daily_pnl_rows.asset IS 'Asset that the position trades, as position_opened gave it.';

COMMENT ON COLUMN analytics.daily_pnl_rows.venue IS 'The exchange of the leg.';

COMMENT ON COLUMN analytics.daily_pnl_rows.settle IS 'Settle asset of the legs, the unit of the money columns.';

SET default_table_access_method = heap;

CREATE TABLE positions.books (
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    book_id integer NOT NULL,
    name text NOT NULL,
    CONSTRAINT book_name_is_plain CHECK (((name COLLATE "C") ~ '^[a-z0-9_.-]{1,64}$'::text))
);

COMMENT ON TABLE positions.books IS 'A row is a book: the unit of order. Made by positions.ensure_book, never removed.';

COMMENT ON COLUMN positions.books.created_at IS 'When the book was made, by the clock of the database.';

COMMENT ON COLUMN positions.books.book_id IS 'Number of the book in this database; leads every key, so that books can be spread.';

COMMENT ON COLUMN positions.books.name IS 'What callers call the book, 1 to 64 characters of [a-z0-9_.-]; part of every leaf hash.';

CREATE TABLE positions.live_slot (
    promoted_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    book_id integer NOT NULL,
    logic_version integer NOT NULL,
    slot smallint NOT NULL,
    CONSTRAINT logic_version_is_positive CHECK ((logic_version >= 1)),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3])))
);

COMMENT ON TABLE positions.live_slot IS 'Which generation readers of a book see. Every view of a projection joins it.';

COMMENT ON COLUMN positions.live_slot.promoted_at IS 'When this generation became the live one, by the clock of the database.';

COMMENT ON COLUMN positions.live_slot.book_id IS 'The book, see positions.books.';

COMMENT ON COLUMN positions.live_slot.logic_version IS 'Version of the folds that write this generation, from 1.';

COMMENT ON COLUMN positions.live_slot.slot IS 'The slot that is live: 1, 2 or 3.';

CREATE VIEW analytics.daily_pnl AS
 SELECT b.name AS book,
    r.book_id,
    r.day,
    r.strategy,
    r.asset,
    r.venue,
    r.settle,
    (
        CASE
            WHEN (abs(r.price_pnl) < '100000000000000000000'::numeric) THEN r.price_pnl
            ELSE NULL::numeric
        END)::numeric(38,18) AS price_pnl,
    (
        CASE
            WHEN ((r.unvalued_fees = 0) AND (abs(r.fees_known) < '100000000000000000000'::numeric)) THEN r.fees_known
            ELSE NULL::numeric
        END)::numeric(38,18) AS fees,
    (
        CASE
            WHEN ((r.unvalued_funding = 0) AND (abs(r.funding_known) < '100000000000000000000'::numeric)) THEN r.funding_known
            ELSE NULL::numeric
        END)::numeric(38,18) AS funding,
    (
        CASE
            WHEN ((r.unvalued_fees = 0) AND (r.unvalued_funding = 0) AND (abs(s.net) < '100000000000000000000'::numeric)) THEN s.net
            ELSE NULL::numeric
        END)::numeric(38,18) AS net,
    (
        CASE
            WHEN (abs(r.fees_known) < '100000000000000000000'::numeric) THEN r.fees_known
            ELSE NULL::numeric
        END)::numeric(38,18) AS fees_known,
    (
        CASE
            WHEN (abs(r.funding_known) < '100000000000000000000'::numeric) THEN r.funding_known
            ELSE NULL::numeric
        END)::numeric(38,18) AS funding_known,
    r.unvalued_fees,
    r.unvalued_funding,
    (
        CASE
            WHEN (abs(r.adjustments) < '100000000000000000000'::numeric) THEN r.adjustments
            ELSE NULL::numeric
        END)::numeric(38,18) AS adjustments,
    r.fills,
    (
        CASE
            WHEN (abs(r.volume) < '100000000000000000000'::numeric) THEN r.volume
            ELSE NULL::numeric
        END)::numeric(38,18) AS volume,
    r.positions,
    r.leg_days,
    r.log_position,
    r.changed_at
   FROM (((analytics.daily_pnl_rows r
     CROSS JOIN LATERAL ( SELECT (((r.price_pnl - r.fees_known) + r.funding_known) + r.adjustments) AS net) s)
     JOIN positions.live_slot l ON (((l.book_id = r.book_id) AND (l.slot = r.slot))))
     JOIN positions.books b ON ((b.book_id = r.book_id)));

COMMENT ON VIEW analytics.daily_pnl IS 'A row is a UTC day of a strategy in an asset on a venue, in one settle asset. A figure whose magnitude is 10^20 or more is null.';

COMMENT ON COLUMN analytics.daily_pnl.book IS 'Name of the book, see positions.books.';

COMMENT ON COLUMN analytics.daily_pnl.book_id IS 'The book, see positions.books.';

COMMENT ON COLUMN analytics.daily_pnl.day IS 'The UTC day.';

COMMENT ON COLUMN analytics.daily_pnl.strategy IS 'Strategy of the position, as position_opened gave it.';

COMMENT ON COLUMN analytics.daily_pnl.asset IS 'Asset that the position trades, as position_opened gave it.';

COMMENT ON COLUMN analytics.daily_pnl.venue IS 'The exchange of the leg.';

COMMENT ON COLUMN analytics.daily_pnl.settle IS 'Settle asset of the legs, the unit of the money columns.';

COMMENT ON COLUMN analytics.daily_pnl.price_pnl IS 'P&L from prices booked on the day, in settle; null from 10^20 on.';

COMMENT ON COLUMN analytics.daily_pnl.fees IS 'Fees of the day, + cost, in settle; null while one is not valued, and from 10^20 on.';

COMMENT ON COLUMN analytics.daily_pnl.funding IS 'Funding of the day, + received, in settle; null while one is not valued, and from 10^20 on.';

COMMENT ON COLUMN analytics.daily_pnl.net IS 'price_pnl - fees + funding + adjustments, in settle; null while a fee or funding is not valued, and from 10^20 on, whatever its parts are.';

COMMENT ON COLUMN analytics.daily_pnl.fees_known IS 'Fees of the day as far as they are valued, + cost, in settle; null from 10^20 on.';

COMMENT ON COLUMN analytics.daily_pnl.funding_known IS 'Funding of the day as far as it is valued, + received, in settle; null from 10^20 on.';

COMMENT ON COLUMN analytics.daily_pnl.unvalued_fees IS 'Number of position-leg-days summed here whose fees are not valued.';

COMMENT ON COLUMN analytics.daily_pnl.unvalued_funding IS 'Number of position-leg-days summed here whose funding is not valued.';

COMMENT ON COLUMN analytics.daily_pnl.adjustments IS 'Cash adjustments of the day, in settle; null from 10^20 on.';

COMMENT ON COLUMN analytics.daily_pnl.fills IS 'Number of live fills of the day.';

COMMENT ON COLUMN analytics.daily_pnl.volume IS 'Traded volume of the day, in quote; of inverse legs the sum of qty times multiplier; null from 10^20 on.';

COMMENT ON COLUMN analytics.daily_pnl.positions IS 'Number of positions that have a part in the day.';

COMMENT ON COLUMN analytics.daily_pnl.leg_days IS 'Number of position-leg-days summed here; the row goes when it is 0.';

COMMENT ON COLUMN analytics.daily_pnl.log_position IS 'Log position of the last event that changed this row.';

COMMENT ON COLUMN analytics.daily_pnl.changed_at IS 'recorded_at of the last event that changed this row.';

CREATE TABLE analytics.daily_pnl_rows_1 (
    changed_at timestamp with time zone NOT NULL,
    unvalued_fees bigint NOT NULL,
    unvalued_funding bigint NOT NULL,
    fills bigint NOT NULL,
    positions bigint NOT NULL,
    leg_days bigint NOT NULL,
    log_position bigint NOT NULL,
    day date NOT NULL,
    book_id integer NOT NULL,
    slot smallint NOT NULL,
    price_pnl numeric NOT NULL,
    fees_known numeric NOT NULL,
    funding_known numeric NOT NULL,
    adjustments numeric NOT NULL,
    volume numeric NOT NULL,
    strategy text NOT NULL,
    asset text NOT NULL,
    venue text NOT NULL,
    settle text NOT NULL,
    CONSTRAINT fills_are_not_negative CHECK ((fills >= 0)),
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT row_has_a_position_and_a_leg_day CHECK (((leg_days >= positions) AND (positions >= 1))),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3]))),
    CONSTRAINT unvalued_fees_are_some_of_the_leg_days CHECK (((unvalued_fees >= 0) AND (unvalued_fees <= leg_days))),
    CONSTRAINT unvalued_funding_is_some_of_the_leg_days CHECK (((unvalued_funding >= 0) AND (unvalued_funding <= leg_days))),
    CONSTRAINT volume_is_not_negative CHECK ((volume >= (0)::numeric))
)
WITH (fillfactor='80');

COMMENT ON TABLE analytics.daily_pnl_rows_1 IS 'Slot 1 of analytics.daily_pnl_rows.';

CREATE TABLE analytics.daily_pnl_rows_2 (
    changed_at timestamp with time zone NOT NULL,
    unvalued_fees bigint NOT NULL,
    unvalued_funding bigint NOT NULL,
    fills bigint NOT NULL,
    positions bigint NOT NULL,
    leg_days bigint NOT NULL,
    log_position bigint NOT NULL,
    day date NOT NULL,
    book_id integer NOT NULL,
    slot smallint NOT NULL,
    price_pnl numeric NOT NULL,
    fees_known numeric NOT NULL,
    funding_known numeric NOT NULL,
    adjustments numeric NOT NULL,
    volume numeric NOT NULL,
    strategy text NOT NULL,
    asset text NOT NULL,
    venue text NOT NULL,
    settle text NOT NULL,
    CONSTRAINT fills_are_not_negative CHECK ((fills >= 0)),
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT row_has_a_position_and_a_leg_day CHECK (((leg_days >= positions) AND (positions >= 1))),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3]))),
    CONSTRAINT unvalued_fees_are_some_of_the_leg_days CHECK (((unvalued_fees >= 0) AND (unvalued_fees <= leg_days))),
    CONSTRAINT unvalued_funding_is_some_of_the_leg_days CHECK (((unvalued_funding >= 0) AND (unvalued_funding <= leg_days))),
    CONSTRAINT volume_is_not_negative CHECK ((volume >= (0)::numeric))
)
WITH (fillfactor='80');

COMMENT ON TABLE analytics.daily_pnl_rows_2 IS 'Slot 2 of analytics.daily_pnl_rows.';

CREATE TABLE analytics.daily_pnl_rows_3 (
    changed_at timestamp with time zone NOT NULL,
    unvalued_fees bigint NOT NULL,
    unvalued_funding bigint NOT NULL,
    fills bigint NOT NULL,
    positions bigint NOT NULL,
    leg_days bigint NOT NULL,
    log_position bigint NOT NULL,
    day date NOT NULL,
    book_id integer NOT NULL,
    slot smallint NOT NULL,
    price_pnl numeric NOT NULL,
    fees_known numeric NOT NULL,
    funding_known numeric NOT NULL,
    adjustments numeric NOT NULL,
    volume numeric NOT NULL,
    strategy text NOT NULL,
    asset text NOT NULL,
    venue text NOT NULL,
    settle text NOT NULL,
    CONSTRAINT fills_are_not_negative CHECK ((fills >= 0)),
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT row_has_a_position_and_a_leg_day CHECK (((leg_days >= positions) AND (positions >= 1))),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3]))),
    CONSTRAINT unvalued_fees_are_some_of_the_leg_days CHECK (((unvalued_fees >= 0) AND (unvalued_fees <= leg_days))),
    CONSTRAINT unvalued_funding_is_some_of_the_leg_days CHECK (((unvalued_funding >= 0) AND (unvalued_funding <= leg_days))),
    CONSTRAINT volume_is_not_negative CHECK ((volume >= (0)::numeric))
)
WITH (fillfactor='80');

COMMENT ON TABLE analytics.daily_pnl_rows_3 IS 'Slot 3 of analytics.daily_pnl_rows.';

CREATE TABLE analytics.funding_collected_rows (
    changed_at timestamp with time zone NOT NULL,
    payments bigint NOT NULL,
    missing_settlements bigint,
    log_position bigint NOT NULL,
    position_id uuid NOT NULL,
    month date NOT NULL,
    book_id integer NOT NULL,
    slot smallint NOT NULL,
    received numeric(38,18) NOT NULL,
    paid numeric(38,18) NOT NULL,
    net numeric(38,18),
    expected numeric(38,18),
    variance numeric(38,18),
    leg text NOT NULL,
    strategy text NOT NULL,
    asset text NOT NULL,
    venue text NOT NULL,
    settle text NOT NULL,
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT missing_settlements_are_not_negative CHECK ((missing_settlements >= 0)),
    CONSTRAINT month_is_a_first_day CHECK ((EXTRACT(day FROM month) = (1)::numeric)),
    CONSTRAINT net_is_received_less_paid CHECK ((net = (received - paid))),
    CONSTRAINT paid_is_not_negative CHECK ((paid >= (0)::numeric)),
    CONSTRAINT payments_are_not_negative CHECK ((payments >= 0)),
    CONSTRAINT received_is_not_negative CHECK ((received >= (0)::numeric)),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3])))
)
PARTITION BY LIST (slot);

COMMENT ON TABLE analytics.funding_collected_rows IS 'Funding of each leg in each UTC month, of every generation; read analytics.funding_collected.';

COMMENT ON COLUMN analytics.funding_collected_rows.changed_at IS 'recorded_at of the last event that changed this row.';

COMMENT ON COLUMN analytics.funding_collected_rows.payments IS 'Number of live funding payments of the month.';

COMMENT ON COLUMN analytics.funding_collected_rows.missing_settlements IS 'Settlements due by funding_interval_s without a payment; null without an interval.';

COMMENT ON COLUMN analytics.funding_collected_rows.log_position IS 'Log position of the last event that changed this row.';

COMMENT ON COLUMN analytics.funding_collected_rows.position_id IS 'The position.';

COMMENT ON COLUMN analytics.funding_collected_rows.month IS 'The UTC month, as its first day.';

COMMENT ON COLUMN analytics.funding_collected_rows.book_id IS 'The book, see positions.books.';

COMMENT ON COLUMN analytics.funding_collected_rows.slot IS 'The slot of the generation this row belongs to: 1, 2 or 3.';

COMMENT ON COLUMN analytics.funding_collected_rows.received IS 'Sum of what was received, >= 0, in settle, as far as it is valued.';

COMMENT ON COLUMN analytics.funding_collected_rows.paid IS 'Sum of what was paid, >= 0, in settle, as far as it is valued.';

COMMENT ON COLUMN analytics.funding_collected_rows.net IS 'received - paid, in settle; null while a payment is not valued.';

COMMENT ON COLUMN analytics.funding_collected_rows.expected IS 'Funding by quantity, mark and rate of the payments, in settle; null when one lacks them.';

COMMENT ON COLUMN analytics.funding_collected_rows.variance IS 'Booked minus expected, in settle; null when either is.';

COMMENT ON COLUMN analytics.funding_collected_rows.leg IS 'Name of the leg in its position.';

COMMENT ON COLUMN analytics.funding_collected_rows.strategy IS 'Strategy of the position, as position_opened gave it.';

COMMENT ON COLUMN analytics.funding_collected_rows.asset IS 'Asset that the position trades, as position_opened gave it.';

COMMENT ON COLUMN analytics.funding_collected_rows.venue IS 'The exchange of the leg.';

COMMENT ON COLUMN analytics.funding_collected_rows.settle IS 'Settle asset of the leg, the unit of the money columns.';

CREATE VIEW analytics.funding_collected AS
 SELECT b.name AS book,
    r.book_id,
    r.position_id,
    r.leg,
    r.month,
    r.strategy,
    r.asset,
    r.venue,
    r.settle,
    r.payments,
    r.received,
    r.paid,
    r.net,
    r.expected,
    r.variance,
    r.missing_settlements,
    r.log_position,
    r.changed_at
   FROM ((analytics.funding_collected_rows r
     JOIN positions.live_slot l ON (((l.book_id = r.book_id) AND (l.slot = r.slot))))
     JOIN positions.books b ON ((b.book_id = r.book_id)));

COMMENT ON VIEW analytics.funding_collected IS 'A row is a UTC month in which a leg had funding, as the live generation of its book has it.';

COMMENT ON COLUMN analytics.funding_collected.book IS 'Name of the book, see positions.books.';

COMMENT ON COLUMN analytics.funding_collected.book_id IS 'The book, see positions.books.';

COMMENT ON COLUMN analytics.funding_collected.position_id IS 'The position.';

COMMENT ON COLUMN analytics.funding_collected.leg IS 'Name of the leg in its position.';

COMMENT ON COLUMN analytics.funding_collected.month IS 'The UTC month, as its first day.';

COMMENT ON COLUMN analytics.funding_collected.strategy IS 'Strategy of the position, as position_opened gave it.';

COMMENT ON COLUMN analytics.funding_collected.asset IS 'Asset that the position trades, as position_opened gave it.';

COMMENT ON COLUMN analytics.funding_collected.venue IS 'The exchange of the leg.';

COMMENT ON COLUMN analytics.funding_collected.settle IS 'Settle asset of the leg, the unit of the money columns.';

COMMENT ON COLUMN analytics.funding_collected.payments IS 'Number of live funding payments of the month.';

COMMENT ON COLUMN analytics.funding_collected.received IS 'Sum of what was received, >= 0, in settle, as far as it is valued.';

COMMENT ON COLUMN analytics.funding_collected.paid IS 'Sum of what was paid, >= 0, in settle, as far as it is valued.';

COMMENT ON COLUMN analytics.funding_collected.net IS 'received - paid, in settle; null while a payment is not valued.';

COMMENT ON COLUMN analytics.funding_collected.expected IS 'Funding by quantity, mark and rate of the payments, in settle; null when one lacks them.';

COMMENT ON COLUMN analytics.funding_collected.variance IS 'Booked minus expected, in settle; null when either is.';

COMMENT ON COLUMN analytics.funding_collected.missing_settlements IS 'Settlements due by funding_interval_s without a payment; null without an interval.';

COMMENT ON COLUMN analytics.funding_collected.log_position IS 'Log position of the last event that changed this row.';

COMMENT ON COLUMN analytics.funding_collected.changed_at IS 'recorded_at of the last event that changed this row.';

CREATE TABLE analytics.funding_collected_rows_1 (
    changed_at timestamp with time zone NOT NULL,
    payments bigint NOT NULL,
    missing_settlements bigint,
    log_position bigint NOT NULL,
    position_id uuid NOT NULL,
    month date NOT NULL,
    book_id integer NOT NULL,
    slot smallint NOT NULL,
    received numeric(38,18) NOT NULL,
    paid numeric(38,18) NOT NULL,
    net numeric(38,18),
    expected numeric(38,18),
    variance numeric(38,18),
    leg text NOT NULL,
    strategy text NOT NULL,
    asset text NOT NULL,
    venue text NOT NULL,
    settle text NOT NULL,
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT missing_settlements_are_not_negative CHECK ((missing_settlements >= 0)),
    CONSTRAINT month_is_a_first_day CHECK ((EXTRACT(day FROM month) = (1)::numeric)),
    CONSTRAINT net_is_received_less_paid CHECK ((net = (received - paid))),
    CONSTRAINT paid_is_not_negative CHECK ((paid >= (0)::numeric)),
    CONSTRAINT payments_are_not_negative CHECK ((payments >= 0)),
    CONSTRAINT received_is_not_negative CHECK ((received >= (0)::numeric)),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3])))
)
WITH (fillfactor='80');

COMMENT ON TABLE analytics.funding_collected_rows_1 IS 'Slot 1 of analytics.funding_collected_rows.';

CREATE TABLE analytics.funding_collected_rows_2 (
    changed_at timestamp with time zone NOT NULL,
    payments bigint NOT NULL,
    missing_settlements bigint,
    log_position bigint NOT NULL,
    position_id uuid NOT NULL,
    month date NOT NULL,
    book_id integer NOT NULL,
    slot smallint NOT NULL,
    received numeric(38,18) NOT NULL,
    paid numeric(38,18) NOT NULL,
    net numeric(38,18),
    expected numeric(38,18),
    variance numeric(38,18),
    leg text NOT NULL,
    strategy text NOT NULL,
    asset text NOT NULL,
    venue text NOT NULL,
    settle text NOT NULL,
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT missing_settlements_are_not_negative CHECK ((missing_settlements >= 0)),
    CONSTRAINT month_is_a_first_day CHECK ((EXTRACT(day FROM month) = (1)::numeric)),
    CONSTRAINT net_is_received_less_paid CHECK ((net = (received - paid))),
    CONSTRAINT paid_is_not_negative CHECK ((paid >= (0)::numeric)),
    CONSTRAINT payments_are_not_negative CHECK ((payments >= 0)),
    CONSTRAINT received_is_not_negative CHECK ((received >= (0)::numeric)),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3])))
)
WITH (fillfactor='80');

COMMENT ON TABLE analytics.funding_collected_rows_2 IS 'Slot 2 of analytics.funding_collected_rows.';

CREATE TABLE analytics.funding_collected_rows_3 (
    changed_at timestamp with time zone NOT NULL,
    payments bigint NOT NULL,
    missing_settlements bigint,
    log_position bigint NOT NULL,
    position_id uuid NOT NULL,
    month date NOT NULL,
    book_id integer NOT NULL,
    slot smallint NOT NULL,
    received numeric(38,18) NOT NULL,
    paid numeric(38,18) NOT NULL,
    net numeric(38,18),
    expected numeric(38,18),
    variance numeric(38,18),
    leg text NOT NULL,
    strategy text NOT NULL,
    asset text NOT NULL,
    venue text NOT NULL,
    settle text NOT NULL,
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT missing_settlements_are_not_negative CHECK ((missing_settlements >= 0)),
    CONSTRAINT month_is_a_first_day CHECK ((EXTRACT(day FROM month) = (1)::numeric)),
    CONSTRAINT net_is_received_less_paid CHECK ((net = (received - paid))),
    CONSTRAINT paid_is_not_negative CHECK ((paid >= (0)::numeric)),
    CONSTRAINT payments_are_not_negative CHECK ((payments >= 0)),
    CONSTRAINT received_is_not_negative CHECK ((received >= (0)::numeric)),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3])))
)
WITH (fillfactor='80');

COMMENT ON TABLE analytics.funding_collected_rows_3 IS 'Slot 3 of analytics.funding_collected_rows.';

CREATE VIEW analytics.funding_totals AS
 SELECT f.book,
    f.book_id,
    f.position_id,
    f.strategy,
    f.asset,
        CASE
            WHEN (min(f.settle) = max(f.settle)) THEN min(f.settle)
            ELSE NULL::text
        END AS settle,
    min(f.month) AS first_month,
    max(f.month) AS last_month,
    (sum(f.payments))::bigint AS payments,
    (
        CASE
            WHEN ((min(f.settle) = max(f.settle)) AND (count(f.received) = count(*))) THEN sum(f.received)
            ELSE NULL::numeric
        END)::numeric(38,18) AS received,
    (
        CASE
            WHEN ((min(f.settle) = max(f.settle)) AND (count(f.paid) = count(*))) THEN sum(f.paid)
            ELSE NULL::numeric
        END)::numeric(38,18) AS paid,
    (
        CASE
            WHEN ((min(f.settle) = max(f.settle)) AND (count(f.net) = count(*))) THEN sum(f.net)
            ELSE NULL::numeric
        END)::numeric(38,18) AS net,
    (
        CASE
            WHEN ((min(f.settle) = max(f.settle)) AND (count(f.expected) = count(*))) THEN sum(f.expected)
            ELSE NULL::numeric
        END)::numeric(38,18) AS expected,
    (
        CASE
            WHEN ((min(f.settle) = max(f.settle)) AND (count(f.variance) = count(*))) THEN sum(f.variance)
            ELSE NULL::numeric
        END)::numeric(38,18) AS variance,
        CASE
            WHEN (count(f.missing_settlements) = count(*)) THEN (sum(f.missing_settlements))::bigint
            ELSE NULL::bigint
        END AS missing_settlements,
    max(f.log_position) AS log_position,
    max(f.changed_at) AS changed_at
   FROM analytics.funding_collected f
  GROUP BY f.book, f.book_id, f.position_id, f.strategy, f.asset;

COMMENT ON VIEW analytics.funding_totals IS 'A row is a position with funding: its totals over legs and months.';

COMMENT ON COLUMN analytics.funding_totals.book IS 'Name of the book, see positions.books.';

COMMENT ON COLUMN analytics.funding_totals.book_id IS 'The book, see positions.books.';

COMMENT ON COLUMN analytics.funding_totals.position_id IS 'The position.';

COMMENT ON COLUMN analytics.funding_totals.strategy IS 'Strategy of the position, as position_opened gave it.';

COMMENT ON COLUMN analytics.funding_totals.asset IS 'Asset that the position trades, as position_opened gave it.';

COMMENT ON COLUMN analytics.funding_totals.settle IS 'Settle asset, the unit of the money columns; null when the legs settle in several.';

COMMENT ON COLUMN analytics.funding_totals.first_month IS 'First UTC month with funding, as its first day.';

COMMENT ON COLUMN analytics.funding_totals.last_month IS 'Last UTC month with funding, as its first day.';

COMMENT ON COLUMN analytics.funding_totals.payments IS 'Number of live funding payments.';

COMMENT ON COLUMN analytics.funding_totals.received IS 'Sum of what was received, >= 0, in settle, as far as it is valued; null with several settle assets.';

COMMENT ON COLUMN analytics.funding_totals.paid IS 'Sum of what was paid, >= 0, in settle, as far as it is valued; null with several settle assets.';

COMMENT ON COLUMN analytics.funding_totals.net IS 'received - paid, in settle; null while a payment is not valued, or with several settle assets.';

COMMENT ON COLUMN analytics.funding_totals.expected IS 'Funding by quantity, mark and rate, in settle; null when a payment lacks them, or with several settle assets.';

COMMENT ON COLUMN analytics.funding_totals.variance IS 'Booked minus expected, in settle; null when either is.';

COMMENT ON COLUMN analytics.funding_totals.missing_settlements IS 'Settlements due without a payment; null when a leg has no funding interval.';

COMMENT ON COLUMN analytics.funding_totals.log_position IS 'Log position of the last event that changed a row summed here.';

COMMENT ON COLUMN analytics.funding_totals.changed_at IS 'recorded_at of the last event that changed a row summed here.';

CREATE TABLE analytics.position_days_rows (
    changed_at timestamp with time zone NOT NULL,
    fills bigint NOT NULL,
    log_position bigint NOT NULL,
    position_id uuid NOT NULL,
    day date NOT NULL,
    book_id integer NOT NULL,
    slot smallint NOT NULL,
    price_pnl numeric(38,18) NOT NULL,
    fees numeric(38,18),
    funding numeric(38,18),
    adjustments numeric(38,18) NOT NULL,
    net numeric(38,18),
    volume numeric(38,18) NOT NULL,
    leg text NOT NULL,
    strategy text NOT NULL,
    asset text NOT NULL,
    venue text NOT NULL,
    settle text NOT NULL,
    CONSTRAINT fills_are_not_negative CHECK ((fills >= 0)),
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT net_is_the_sum_of_its_parts CHECK ((net = (((price_pnl - fees) + funding) + adjustments))),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3]))),
    CONSTRAINT volume_is_not_negative CHECK ((volume >= (0)::numeric))
)
PARTITION BY LIST (slot);

COMMENT ON TABLE analytics.position_days_rows IS 'What each leg earned on each UTC day, of every generation; the base of analytics.daily_pnl.';

COMMENT ON COLUMN analytics.position_days_rows.changed_at IS 'recorded_at of the last event that changed this row.';

COMMENT ON COLUMN analytics.position_days_rows.fills IS 'Number of live fills of the day.';

COMMENT ON COLUMN analytics.position_days_rows.log_position IS 'Log position of the last event that changed this row.';

COMMENT ON COLUMN analytics.position_days_rows.position_id IS 'The position.';

COMMENT ON COLUMN analytics.position_days_rows.day IS 'The UTC day.';

COMMENT ON COLUMN analytics.position_days_rows.book_id IS 'The book, see positions.books.';

COMMENT ON COLUMN analytics.position_days_rows.slot IS 'The slot of the generation this row belongs to: 1, 2 or 3.';

COMMENT ON COLUMN analytics.position_days_rows.price_pnl IS 'P&L from prices booked on the day, in settle.';

COMMENT ON COLUMN analytics.position_days_rows.fees IS 'Fees of the day, + cost, in settle; null while one is not valued.';

COMMENT ON COLUMN analytics.position_days_rows.funding IS 'Funding of the day, + received, in settle; null while one is not valued.';

COMMENT ON COLUMN analytics.position_days_rows.adjustments IS 'Cash adjustments of the day, in settle.';

COMMENT ON COLUMN analytics.position_days_rows.net IS 'price_pnl - fees + funding + adjustments, in settle; null when one of them is.';

COMMENT ON COLUMN analytics.position_days_rows.volume IS 'Traded volume of the day, in quote; of an inverse leg the sum of qty times multiplier.';

COMMENT ON COLUMN analytics.position_days_rows.leg IS 'Name of the leg in its position.';

COMMENT ON COLUMN analytics.position_days_rows.strategy IS 'Strategy of the position, as position_opened gave it.';

COMMENT ON COLUMN analytics.position_days_rows.asset IS 'Asset that the position trades, as position_opened gave it.';

COMMENT ON COLUMN analytics.position_days_rows.venue IS 'The exchange of the leg.';

COMMENT ON COLUMN analytics.position_days_rows.settle IS 'Settle asset of the leg, the unit of the money columns.';

CREATE VIEW analytics.position_days AS
 SELECT b.name AS book,
    r.book_id,
    r.position_id,
    r.leg,
    r.day,
    r.strategy,
    r.asset,
    r.venue,
    r.settle,
    r.price_pnl,
    r.fees,
    r.funding,
    r.adjustments,
    r.net,
    r.fills,
    r.volume,
    r.log_position,
    r.changed_at
   FROM ((analytics.position_days_rows r
     JOIN positions.live_slot l ON (((l.book_id = r.book_id) AND (l.slot = r.slot))))
     JOIN positions.books b ON ((b.book_id = r.book_id)));

COMMENT ON VIEW analytics.position_days IS 'A row is a UTC day on which a leg had a live fill, fee, funding or adjustment.';

COMMENT ON COLUMN analytics.position_days.book IS 'Name of the book, see positions.books.';

COMMENT ON COLUMN analytics.position_days.book_id IS 'The book, see positions.books.';

COMMENT ON COLUMN analytics.position_days.position_id IS 'The position.';

COMMENT ON COLUMN analytics.position_days.leg IS 'Name of the leg in its position.';

COMMENT ON COLUMN analytics.position_days.day IS 'The UTC day.';

COMMENT ON COLUMN analytics.position_days.strategy IS 'Strategy of the position, as position_opened gave it.';

COMMENT ON COLUMN analytics.position_days.asset IS 'Asset that the position trades, as position_opened gave it.';

COMMENT ON COLUMN analytics.position_days.venue IS 'The exchange of the leg.';

COMMENT ON COLUMN analytics.position_days.settle IS 'Settle asset of the leg, the unit of the money columns.';

COMMENT ON COLUMN analytics.position_days.price_pnl IS 'P&L from prices booked on the day, in settle.';

COMMENT ON COLUMN analytics.position_days.fees IS 'Fees of the day, + cost, in settle; null while one is not valued.';

COMMENT ON COLUMN analytics.position_days.funding IS 'Funding of the day, + received, in settle; null while one is not valued.';

COMMENT ON COLUMN analytics.position_days.adjustments IS 'Cash adjustments of the day, in settle.';

COMMENT ON COLUMN analytics.position_days.net IS 'price_pnl - fees + funding + adjustments, in settle; null when one of them is.';

COMMENT ON COLUMN analytics.position_days.fills IS 'Number of live fills of the day.';

COMMENT ON COLUMN analytics.position_days.volume IS 'Traded volume of the day, in quote; of an inverse leg the sum of qty times multiplier.';

COMMENT ON COLUMN analytics.position_days.log_position IS 'Log position of the last event that changed this row.';

COMMENT ON COLUMN analytics.position_days.changed_at IS 'recorded_at of the last event that changed this row.';

CREATE TABLE analytics.position_days_rows_1 (
    changed_at timestamp with time zone NOT NULL,
    fills bigint NOT NULL,
    log_position bigint NOT NULL,
    position_id uuid NOT NULL,
    day date NOT NULL,
    book_id integer NOT NULL,
    slot smallint NOT NULL,
    price_pnl numeric(38,18) NOT NULL,
    fees numeric(38,18),
    funding numeric(38,18),
    adjustments numeric(38,18) NOT NULL,
    net numeric(38,18),
    volume numeric(38,18) NOT NULL,
    leg text NOT NULL,
    strategy text NOT NULL,
    asset text NOT NULL,
    venue text NOT NULL,
    settle text NOT NULL,
    CONSTRAINT fills_are_not_negative CHECK ((fills >= 0)),
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT net_is_the_sum_of_its_parts CHECK ((net = (((price_pnl - fees) + funding) + adjustments))),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3]))),
    CONSTRAINT volume_is_not_negative CHECK ((volume >= (0)::numeric))
)
WITH (fillfactor='80');

COMMENT ON TABLE analytics.position_days_rows_1 IS 'Slot 1 of analytics.position_days_rows.';

CREATE TABLE analytics.position_days_rows_2 (
    changed_at timestamp with time zone NOT NULL,
    fills bigint NOT NULL,
    log_position bigint NOT NULL,
    position_id uuid NOT NULL,
    day date NOT NULL,
    book_id integer NOT NULL,
    slot smallint NOT NULL,
    price_pnl numeric(38,18) NOT NULL,
    fees numeric(38,18),
    funding numeric(38,18),
    adjustments numeric(38,18) NOT NULL,
    net numeric(38,18),
    volume numeric(38,18) NOT NULL,
    leg text NOT NULL,
    strategy text NOT NULL,
    asset text NOT NULL,
    venue text NOT NULL,
    settle text NOT NULL,
    CONSTRAINT fills_are_not_negative CHECK ((fills >= 0)),
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT net_is_the_sum_of_its_parts CHECK ((net = (((price_pnl - fees) + funding) + adjustments))),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3]))),
    CONSTRAINT volume_is_not_negative CHECK ((volume >= (0)::numeric))
)
WITH (fillfactor='80');

COMMENT ON TABLE analytics.position_days_rows_2 IS 'Slot 2 of analytics.position_days_rows.';

CREATE TABLE analytics.position_days_rows_3 (
    changed_at timestamp with time zone NOT NULL,
    fills bigint NOT NULL,
    log_position bigint NOT NULL,
    position_id uuid NOT NULL,
    day date NOT NULL,
    book_id integer NOT NULL,
    slot smallint NOT NULL,
    price_pnl numeric(38,18) NOT NULL,
    fees numeric(38,18),
    funding numeric(38,18),
    adjustments numeric(38,18) NOT NULL,
    net numeric(38,18),
    volume numeric(38,18) NOT NULL,
    leg text NOT NULL,
    strategy text NOT NULL,
    asset text NOT NULL,
    venue text NOT NULL,
    settle text NOT NULL,
    CONSTRAINT fills_are_not_negative CHECK ((fills >= 0)),
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT net_is_the_sum_of_its_parts CHECK ((net = (((price_pnl - fees) + funding) + adjustments))),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3]))),
    CONSTRAINT volume_is_not_negative CHECK ((volume >= (0)::numeric))
)
WITH (fillfactor='80');

COMMENT ON TABLE analytics.position_days_rows_3 IS 'Slot 3 of analytics.position_days_rows.';

CREATE TABLE analytics.trade_stats_rows (
    changed_at timestamp with time zone NOT NULL,
    closed_positions bigint NOT NULL,
    unvalued bigint NOT NULL,
    wins bigint NOT NULL,
    log_position bigint NOT NULL,
    book_id integer NOT NULL,
    slot smallint NOT NULL,
    win_rate numeric(38,18),
    mean_net numeric(38,18),
    median_net numeric(38,18),
    profit_factor numeric(38,18),
    mean_hold_seconds numeric(38,18),
    best numeric(38,18),
    worst numeric(38,18),
    strategy text NOT NULL,
    asset text NOT NULL,
    settle text NOT NULL,
    CONSTRAINT hold_time_is_not_negative CHECK ((mean_hold_seconds >= (0)::numeric)),
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT money_has_one_settle_asset CHECK (((settle <> ''::text) OR (num_nonnulls(mean_net, median_net, profit_factor, best, worst) = 0))),
    CONSTRAINT profit_factor_is_not_negative CHECK ((profit_factor >= (0)::numeric)),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3]))),
    CONSTRAINT win_rate_is_a_share CHECK (((win_rate >= (0)::numeric) AND (win_rate <= (1)::numeric))),
    CONSTRAINT wins_are_some_of_the_valued CHECK (((closed_positions >= 0) AND (unvalued >= 0) AND (wins >= 0) AND ((wins + unvalued) <= closed_positions))),
    CONSTRAINT worst_is_not_above_best CHECK ((worst <= best))
)
PARTITION BY LIST (slot);

COMMENT ON TABLE analytics.trade_stats_rows IS 'Results of the closed positions by strategy, asset and settle, of every generation; read analytics.trade_stats.';

COMMENT ON COLUMN analytics.trade_stats_rows.changed_at IS 'recorded_at of the last event that changed this row.';

COMMENT ON COLUMN analytics.trade_stats_rows.closed_positions IS 'Number of positions that are CLOSED; cancelled ones do not count.';

COMMENT ON COLUMN analytics.trade_stats_rows.unvalued IS 'Number of those whose net is null.';

COMMENT ON COLUMN analytics.trade_stats_rows.wins IS 'Number of those with net > 0.';

COMMENT ON COLUMN analytics.trade_stats_rows.log_position IS 'Log position of the last event that changed this row.';

COMMENT ON COLUMN analytics.trade_stats_rows.book_id IS 'The book, see positions.books.';

COMMENT ON COLUMN analytics.trade_stats_rows.slot IS 'The slot of the generation this row belongs to: 1, 2 or 3.';

COMMENT ON COLUMN analytics.trade_stats_rows.win_rate IS 'Wins over the positions with a net, 1 = 100 %; null without.';

COMMENT ON COLUMN analytics.trade_stats_rows.mean_net IS 'Mean net a position, in settle; null without.';

COMMENT ON COLUMN analytics.trade_stats_rows.median_net IS 'Median net a position, in settle; null without.';

COMMENT ON COLUMN analytics.trade_stats_rows.profit_factor IS 'Sum of the gains over the sum of the losses, without sign; null without losses.';

COMMENT ON COLUMN analytics.trade_stats_rows.mean_hold_seconds IS 'Mean time held, in seconds; null without.';

COMMENT ON COLUMN analytics.trade_stats_rows.best IS 'Greatest net of a position, in settle; null without.';

COMMENT ON COLUMN analytics.trade_stats_rows.worst IS 'Least net of a position, in settle; null without.';

COMMENT ON COLUMN analytics.trade_stats_rows.strategy IS 'Strategy of the position, as position_opened gave it.';

COMMENT ON COLUMN analytics.trade_stats_rows.asset IS 'Asset that the position trades, as position_opened gave it.';

COMMENT ON COLUMN analytics.trade_stats_rows.settle IS 'Settle asset, the unit of the money columns; empty when a position''s legs settle in several.';

CREATE VIEW analytics.trade_stats AS
 SELECT b.name AS book,
    r.book_id,
    r.strategy,
    r.asset,
    r.settle,
    r.closed_positions,
    r.unvalued,
    r.wins,
    r.win_rate,
    r.mean_net,
    r.median_net,
    r.profit_factor,
    r.mean_hold_seconds,
    r.best,
    r.worst,
    r.log_position,
    r.changed_at
   FROM ((analytics.trade_stats_rows r
     JOIN positions.live_slot l ON (((l.book_id = r.book_id) AND (l.slot = r.slot))))
     JOIN positions.books b ON ((b.book_id = r.book_id)));

COMMENT ON VIEW analytics.trade_stats IS 'A row is a strategy in an asset, in one settle asset: the results of its closed positions.';

COMMENT ON COLUMN analytics.trade_stats.book IS 'Name of the book, see positions.books.';

COMMENT ON COLUMN analytics.trade_stats.book_id IS 'The book, see positions.books.';

COMMENT ON COLUMN analytics.trade_stats.strategy IS 'Strategy of the position, as position_opened gave it.';

COMMENT ON COLUMN analytics.trade_stats.asset IS 'Asset that the position trades, as position_opened gave it.';

COMMENT ON COLUMN analytics.trade_stats.settle IS 'Settle asset, the unit of the money columns; empty when a position''s legs settle in several.';

COMMENT ON COLUMN analytics.trade_stats.closed_positions IS 'Number of positions that are CLOSED; cancelled ones do not count.';

COMMENT ON COLUMN analytics.trade_stats.unvalued IS 'Number of those whose net is null.';

COMMENT ON COLUMN analytics.trade_stats.wins IS 'Number of those with net > 0.';

COMMENT ON COLUMN analytics.trade_stats.win_rate IS 'Wins over the positions with a net, 1 = 100 %; null without.';

COMMENT ON COLUMN analytics.trade_stats.mean_net IS 'Mean net a position, in settle; null without.';

COMMENT ON COLUMN analytics.trade_stats.median_net IS 'Median net a position, in settle; null without.';

COMMENT ON COLUMN analytics.trade_stats.profit_factor IS 'Sum of the gains over the sum of the losses, without sign; null without losses.';

COMMENT ON COLUMN analytics.trade_stats.mean_hold_seconds IS 'Mean time held, in seconds; null without.';

COMMENT ON COLUMN analytics.trade_stats.best IS 'Greatest net of a position, in settle; null without.';

COMMENT ON COLUMN analytics.trade_stats.worst IS 'Least net of a position, in settle; null without.';

COMMENT ON COLUMN analytics.trade_stats.log_position IS 'Log position of the last event that changed this row.';

COMMENT ON COLUMN analytics.trade_stats.changed_at IS 'recorded_at of the last event that changed this row.';

CREATE TABLE analytics.trade_stats_rows_1 (
    changed_at timestamp with time zone NOT NULL,
    closed_positions bigint NOT NULL,
    unvalued bigint NOT NULL,
    wins bigint NOT NULL,
    log_position bigint NOT NULL,
    book_id integer NOT NULL,
    slot smallint NOT NULL,
    win_rate numeric(38,18),
    mean_net numeric(38,18),
    median_net numeric(38,18),
    profit_factor numeric(38,18),
    mean_hold_seconds numeric(38,18),
    best numeric(38,18),
    worst numeric(38,18),
    strategy text NOT NULL,
    asset text NOT NULL,
    settle text NOT NULL,
    CONSTRAINT hold_time_is_not_negative CHECK ((mean_hold_seconds >= (0)::numeric)),
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT money_has_one_settle_asset CHECK (((settle <> ''::text) OR (num_nonnulls(mean_net, median_net, profit_factor, best, worst) = 0))),
    CONSTRAINT profit_factor_is_not_negative CHECK ((profit_factor >= (0)::numeric)),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3]))),
    CONSTRAINT win_rate_is_a_share CHECK (((win_rate >= (0)::numeric) AND (win_rate <= (1)::numeric))),
    CONSTRAINT wins_are_some_of_the_valued CHECK (((closed_positions >= 0) AND (unvalued >= 0) AND (wins >= 0) AND ((wins + unvalued) <= closed_positions))),
    CONSTRAINT worst_is_not_above_best CHECK ((worst <= best))
)
WITH (fillfactor='80');

COMMENT ON TABLE analytics.trade_stats_rows_1 IS 'Slot 1 of analytics.trade_stats_rows.';

CREATE TABLE analytics.trade_stats_rows_2 (
    changed_at timestamp with time zone NOT NULL,
    closed_positions bigint NOT NULL,
    unvalued bigint NOT NULL,
    wins bigint NOT NULL,
    log_position bigint NOT NULL,
    book_id integer NOT NULL,
    slot smallint NOT NULL,
    win_rate numeric(38,18),
    mean_net numeric(38,18),
    median_net numeric(38,18),
    profit_factor numeric(38,18),
    mean_hold_seconds numeric(38,18),
    best numeric(38,18),
    worst numeric(38,18),
    strategy text NOT NULL,
    asset text NOT NULL,
    settle text NOT NULL,
    CONSTRAINT hold_time_is_not_negative CHECK ((mean_hold_seconds >= (0)::numeric)),
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT money_has_one_settle_asset CHECK (((settle <> ''::text) OR (num_nonnulls(mean_net, median_net, profit_factor, best, worst) = 0))),
    CONSTRAINT profit_factor_is_not_negative CHECK ((profit_factor >= (0)::numeric)),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3]))),
    CONSTRAINT win_rate_is_a_share CHECK (((win_rate >= (0)::numeric) AND (win_rate <= (1)::numeric))),
    CONSTRAINT wins_are_some_of_the_valued CHECK (((closed_positions >= 0) AND (unvalued >= 0) AND (wins >= 0) AND ((wins + unvalued) <= closed_positions))),
    CONSTRAINT worst_is_not_above_best CHECK ((worst <= best))
)
WITH (fillfactor='80');

COMMENT ON TABLE analytics.trade_stats_rows_2 IS 'Slot 2 of analytics.trade_stats_rows.';

CREATE TABLE analytics.trade_stats_rows_3 (
    changed_at timestamp with time zone NOT NULL,
    closed_positions bigint NOT NULL,
    unvalued bigint NOT NULL,
    wins bigint NOT NULL,
    log_position bigint NOT NULL,
    book_id integer NOT NULL,
    slot smallint NOT NULL,
    win_rate numeric(38,18),
    mean_net numeric(38,18),
    median_net numeric(38,18),
    profit_factor numeric(38,18),
    mean_hold_seconds numeric(38,18),
    best numeric(38,18),
    worst numeric(38,18),
    strategy text NOT NULL,
    asset text NOT NULL,
    settle text NOT NULL,
    CONSTRAINT hold_time_is_not_negative CHECK ((mean_hold_seconds >= (0)::numeric)),
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT money_has_one_settle_asset CHECK (((settle <> ''::text) OR (num_nonnulls(mean_net, median_net, profit_factor, best, worst) = 0))),
    CONSTRAINT profit_factor_is_not_negative CHECK ((profit_factor >= (0)::numeric)),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3]))),
    CONSTRAINT win_rate_is_a_share CHECK (((win_rate >= (0)::numeric) AND (win_rate <= (1)::numeric))),
    CONSTRAINT wins_are_some_of_the_valued CHECK (((closed_positions >= 0) AND (unvalued >= 0) AND (wins >= 0) AND ((wins + unvalued) <= closed_positions))),
    CONSTRAINT worst_is_not_above_best CHECK ((worst <= best))
)
WITH (fillfactor='80');

COMMENT ON TABLE analytics.trade_stats_rows_3 IS 'Slot 3 of analytics.trade_stats_rows.';

CREATE TABLE positions.active_rows (
    opened_at timestamp with time zone NOT NULL,
    oldest_mark_at timestamp with time zone,
    changed_at timestamp with time zone NOT NULL,
    version bigint NOT NULL,
    revision bigint NOT NULL,
    log_position bigint NOT NULL,
    position_id uuid NOT NULL,
    book_id integer NOT NULL,
    leg_count integer NOT NULL,
    slot smallint NOT NULL,
    base_delta numeric(38,18),
    realized numeric(38,18),
    fees numeric(38,18),
    funding numeric(38,18),
    adjustments numeric(38,18),
    net numeric(38,18),
    entry_basis numeric(38,18),
    worst_margin_ratio numeric(38,18),
    nearest_liquidation_distance numeric(38,18),
    unrealized numeric(38,18),
    strategy text NOT NULL,
    asset text NOT NULL,
    state text NOT NULL,
    settle text,
    stale_reason text,
    opportunity_id text,
    mode text,
    flags text[] NOT NULL,
    tags json,
    CONSTRAINT flags_are_known CHECK ((flags <@ ARRAY['UNHEDGED'::text, 'LIQUIDATED'::text, 'ADL'::text, 'PROVISIONAL'::text, 'OVERSHOT'::text, 'REOPENED_BY_CORRECTION'::text, 'RESTATED'::text])),
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT net_is_the_sum_of_its_parts CHECK ((net = (((realized - fees) + funding) + adjustments))),
    CONSTRAINT position_has_a_leg CHECK ((leg_count >= 1)),
    CONSTRAINT revision_is_not_negative CHECK ((revision >= 0)),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3]))),
    CONSTRAINT state_is_open CHECK ((state = ANY (ARRAY['PENDING'::text, 'OPENING'::text, 'OPEN'::text, 'CLOSING'::text]))),
    CONSTRAINT version_is_positive CHECK ((version >= 1))
)
PARTITION BY LIST (slot);

COMMENT ON TABLE positions.active_rows IS 'Positions that are neither CLOSED nor CANCELLED, of every generation; read positions.active.';

COMMENT ON COLUMN positions.active_rows.opened_at IS 'effective_at of position_opened.';

COMMENT ON COLUMN positions.active_rows.oldest_mark_at IS 'effective_at of the oldest of the legs'' last marks; null without marks.';

COMMENT ON COLUMN positions.active_rows.changed_at IS 'recorded_at of the last event that changed this row.';

COMMENT ON COLUMN positions.active_rows.version IS 'Version of the last event of the position that is folded in.';

COMMENT ON COLUMN positions.active_rows.revision IS 'How many late facts came after the position was closed; 0 before.';

COMMENT ON COLUMN positions.active_rows.log_position IS 'Log position of the last event that changed this row.';

COMMENT ON COLUMN positions.active_rows.position_id IS 'The position.';

COMMENT ON COLUMN positions.active_rows.book_id IS 'The book, see positions.books.';

COMMENT ON COLUMN positions.active_rows.leg_count IS 'Number of legs, from 1.';

COMMENT ON COLUMN positions.active_rows.slot IS 'The slot of the generation this row belongs to: 1, 2 or 3.';

COMMENT ON COLUMN positions.active_rows.base_delta IS 'Sum of the legs'' base quantities, + long, - short, in the base asset; 0 is hedged.';

COMMENT ON COLUMN positions.active_rows.realized IS 'Sum of the legs'' realized_price, in settle; null when they settle in several assets.';

COMMENT ON COLUMN positions.active_rows.fees IS 'Sum of the legs'' fees, + cost, in settle; null while one is not valued.';

COMMENT ON COLUMN positions.active_rows.funding IS 'Sum of the legs'' funding, + received, in settle; null while one is not valued.';

COMMENT ON COLUMN positions.active_rows.adjustments IS 'Sum of the legs'' cash adjustments, in settle; null with several settle assets.';

COMMENT ON COLUMN positions.active_rows.net IS 'realized - fees + funding + adjustments, in settle; null when one of them is.';

COMMENT ON COLUMN positions.active_rows.entry_basis IS 'Short minus long average entry, in quote; null but for one long and one short leg.';

COMMENT ON COLUMN positions.active_rows.worst_margin_ratio IS 'The legs'' worst margin ratio at their last marks, 1 = 100 %; null without.';

COMMENT ON COLUMN positions.active_rows.nearest_liquidation_distance IS 'Least distance of a leg''s mark to its liquidation price, 1 = 100 % of the mark; null without.';

COMMENT ON COLUMN positions.active_rows.unrealized IS 'Sum of the legs'' unrealised P&L at their last marks, in settle; null without marks.';

COMMENT ON COLUMN positions.active_rows.strategy IS 'Strategy of the position, as position_opened gave it.';

COMMENT ON COLUMN positions.active_rows.asset IS 'Asset that the position trades, as position_opened gave it.';

COMMENT ON COLUMN positions.active_rows.state IS 'PENDING, OPENING, OPEN or CLOSING.';

COMMENT ON COLUMN positions.active_rows.settle IS 'Settle asset, the unit of the money columns; null when the legs settle in several.';

COMMENT ON COLUMN positions.active_rows.stale_reason IS 'Why the row stopped following the log (quarantine); null while it follows.';

COMMENT ON COLUMN positions.active_rows.opportunity_id IS 'The opportunity it came from, as given; null when not given.';

COMMENT ON COLUMN positions.active_rows.mode IS 'Mode of trading, as given; null when not given.';

COMMENT ON COLUMN positions.active_rows.flags IS 'Flags that hold now, such as UNHEDGED or PROVISIONAL; empty when none does.';

COMMENT ON COLUMN positions.active_rows.tags IS 'Tags, as given; null when none were given.';

CREATE VIEW positions.active AS
 SELECT b.name AS book,
    r.book_id,
    r.position_id,
    r.version,
    r.strategy,
    r.asset,
    r.state,
    r.flags,
    r.settle,
    r.opened_at,
    r.leg_count,
    r.base_delta,
    r.realized,
    r.fees,
    r.funding,
    r.adjustments,
    r.net,
    r.entry_basis,
    r.worst_margin_ratio,
    r.nearest_liquidation_distance,
    r.unrealized,
    r.oldest_mark_at,
    (now() - r.oldest_mark_at) AS mark_age,
    r.revision,
    r.stale_reason,
    r.opportunity_id,
    r.mode,
    r.tags,
    r.log_position,
    r.changed_at
   FROM ((positions.active_rows r
     JOIN positions.live_slot l ON (((l.book_id = r.book_id) AND (l.slot = r.slot))))
     JOIN positions.books b ON ((b.book_id = r.book_id)));

COMMENT ON VIEW positions.active IS 'A row is a position that is neither CLOSED nor CANCELLED, as the live generation of its book has it.';

COMMENT ON COLUMN positions.active.book IS 'Name of the book, see positions.books.';

COMMENT ON COLUMN positions.active.book_id IS 'The book, see positions.books.';

COMMENT ON COLUMN positions.active.position_id IS 'The position.';

COMMENT ON COLUMN positions.active.version IS 'Version of the last event of the position that is folded in.';

COMMENT ON COLUMN positions.active.strategy IS 'Strategy of the position, as position_opened gave it.';

COMMENT ON COLUMN positions.active.asset IS 'Asset that the position trades, as position_opened gave it.';

COMMENT ON COLUMN positions.active.state IS 'PENDING, OPENING, OPEN or CLOSING.';

COMMENT ON COLUMN positions.active.flags IS 'Flags that hold now, such as UNHEDGED or PROVISIONAL; empty when none does.';

COMMENT ON COLUMN positions.active.settle IS 'Settle asset, the unit of the money columns; null when the legs settle in several.';

COMMENT ON COLUMN positions.active.opened_at IS 'effective_at of position_opened.';

COMMENT ON COLUMN positions.active.leg_count IS 'Number of legs, from 1.';

COMMENT ON COLUMN positions.active.base_delta IS 'Sum of the legs'' base quantities, + long, - short, in the base asset; 0 is hedged.';

COMMENT ON COLUMN positions.active.realized IS 'Sum of the legs'' realized_price, in settle; null when they settle in several assets.';

COMMENT ON COLUMN positions.active.fees IS 'Sum of the legs'' fees, + cost, in settle; null while one is not valued.';

COMMENT ON COLUMN positions.active.funding IS 'Sum of the legs'' funding, + received, in settle; null while one is not valued.';

COMMENT ON COLUMN positions.active.adjustments IS 'Sum of the legs'' cash adjustments, in settle; null with several settle assets.';

COMMENT ON COLUMN positions.active.net IS 'realized - fees + funding + adjustments, in settle; null when one of them is.';

COMMENT ON COLUMN positions.active.entry_basis IS 'Short minus long average entry, in quote; null but for one long and one short leg.';

COMMENT ON COLUMN positions.active.worst_margin_ratio IS 'The legs'' worst margin ratio at their last marks, 1 = 100 %; null without.';

COMMENT ON COLUMN positions.active.nearest_liquidation_distance IS 'Least distance of a leg''s mark to its liquidation price, 1 = 100 % of the mark; null without.';

COMMENT ON COLUMN positions.active.unrealized IS 'Sum of the legs'' unrealised P&L at their last marks, in settle; null without marks.';

COMMENT ON COLUMN positions.active.oldest_mark_at IS 'effective_at of the oldest of the legs'' last marks; null without marks.';

COMMENT ON COLUMN positions.active.mark_age IS 'Age of oldest_mark_at at the start of the reader''s transaction; null without marks.';

COMMENT ON COLUMN positions.active.revision IS 'How many late facts came after the position was closed; 0 before.';

COMMENT ON COLUMN positions.active.stale_reason IS 'Why the row stopped following the log (quarantine); null while it follows.';

COMMENT ON COLUMN positions.active.opportunity_id IS 'The opportunity it came from, as given; null when not given.';

COMMENT ON COLUMN positions.active.mode IS 'Mode of trading, as given; null when not given.';

COMMENT ON COLUMN positions.active.tags IS 'Tags, as given; null when none were given.';

COMMENT ON COLUMN positions.active.log_position IS 'Log position of the last event that changed this row.';

COMMENT ON COLUMN positions.active.changed_at IS 'recorded_at of the last event that changed this row.';

CREATE TABLE positions.active_rows_1 (
    opened_at timestamp with time zone NOT NULL,
    oldest_mark_at timestamp with time zone,
    changed_at timestamp with time zone NOT NULL,
    version bigint NOT NULL,
    revision bigint NOT NULL,
    log_position bigint NOT NULL,
    position_id uuid NOT NULL,
    book_id integer NOT NULL,
    leg_count integer NOT NULL,
    slot smallint NOT NULL,
    base_delta numeric(38,18),
    realized numeric(38,18),
    fees numeric(38,18),
    funding numeric(38,18),
    adjustments numeric(38,18),
    net numeric(38,18),
    entry_basis numeric(38,18),
    worst_margin_ratio numeric(38,18),
    nearest_liquidation_distance numeric(38,18),
    unrealized numeric(38,18),
    strategy text NOT NULL,
    asset text NOT NULL,
    state text NOT NULL,
    settle text,
    stale_reason text,
    opportunity_id text,
    mode text,
    flags text[] NOT NULL,
    tags json,
    CONSTRAINT flags_are_known CHECK ((flags <@ ARRAY['UNHEDGED'::text, 'LIQUIDATED'::text, 'ADL'::text, 'PROVISIONAL'::text, 'OVERSHOT'::text, 'REOPENED_BY_CORRECTION'::text, 'RESTATED'::text])),
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT net_is_the_sum_of_its_parts CHECK ((net = (((realized - fees) + funding) + adjustments))),
    CONSTRAINT position_has_a_leg CHECK ((leg_count >= 1)),
    CONSTRAINT revision_is_not_negative CHECK ((revision >= 0)),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3]))),
    CONSTRAINT state_is_open CHECK ((state = ANY (ARRAY['PENDING'::text, 'OPENING'::text, 'OPEN'::text, 'CLOSING'::text]))),
    CONSTRAINT version_is_positive CHECK ((version >= 1))
)
WITH (fillfactor='80');

COMMENT ON TABLE positions.active_rows_1 IS 'Slot 1 of positions.active_rows.';

CREATE TABLE positions.active_rows_2 (
    opened_at timestamp with time zone NOT NULL,
    oldest_mark_at timestamp with time zone,
    changed_at timestamp with time zone NOT NULL,
    version bigint NOT NULL,
    revision bigint NOT NULL,
    log_position bigint NOT NULL,
    position_id uuid NOT NULL,
    book_id integer NOT NULL,
    leg_count integer NOT NULL,
    slot smallint NOT NULL,
    base_delta numeric(38,18),
    realized numeric(38,18),
    fees numeric(38,18),
    funding numeric(38,18),
    adjustments numeric(38,18),
    net numeric(38,18),
    entry_basis numeric(38,18),
    worst_margin_ratio numeric(38,18),
    nearest_liquidation_distance numeric(38,18),
    unrealized numeric(38,18),
    strategy text NOT NULL,
    asset text NOT NULL,
    state text NOT NULL,
    settle text,
    stale_reason text,
    opportunity_id text,
    mode text,
    flags text[] NOT NULL,
    tags json,
    CONSTRAINT flags_are_known CHECK ((flags <@ ARRAY['UNHEDGED'::text, 'LIQUIDATED'::text, 'ADL'::text, 'PROVISIONAL'::text, 'OVERSHOT'::text, 'REOPENED_BY_CORRECTION'::text, 'RESTATED'::text])),
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT net_is_the_sum_of_its_parts CHECK ((net = (((realized - fees) + funding) + adjustments))),
    CONSTRAINT position_has_a_leg CHECK ((leg_count >= 1)),
    CONSTRAINT revision_is_not_negative CHECK ((revision >= 0)),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3]))),
    CONSTRAINT state_is_open CHECK ((state = ANY (ARRAY['PENDING'::text, 'OPENING'::text, 'OPEN'::text, 'CLOSING'::text]))),
    CONSTRAINT version_is_positive CHECK ((version >= 1))
)
WITH (fillfactor='80');

COMMENT ON TABLE positions.active_rows_2 IS 'Slot 2 of positions.active_rows.';

CREATE TABLE positions.active_rows_3 (
    opened_at timestamp with time zone NOT NULL,
    oldest_mark_at timestamp with time zone,
    changed_at timestamp with time zone NOT NULL,
    version bigint NOT NULL,
    revision bigint NOT NULL,
    log_position bigint NOT NULL,
    position_id uuid NOT NULL,
    book_id integer NOT NULL,
    leg_count integer NOT NULL,
    slot smallint NOT NULL,
    base_delta numeric(38,18),
    realized numeric(38,18),
    fees numeric(38,18),
    funding numeric(38,18),
    adjustments numeric(38,18),
    net numeric(38,18),
    entry_basis numeric(38,18),
    worst_margin_ratio numeric(38,18),
    nearest_liquidation_distance numeric(38,18),
    unrealized numeric(38,18),
    strategy text NOT NULL,
    asset text NOT NULL,
    state text NOT NULL,
    settle text,
    stale_reason text,
    opportunity_id text,
    mode text,
    flags text[] NOT NULL,
    tags json,
    CONSTRAINT flags_are_known CHECK ((flags <@ ARRAY['UNHEDGED'::text, 'LIQUIDATED'::text, 'ADL'::text, 'PROVISIONAL'::text, 'OVERSHOT'::text, 'REOPENED_BY_CORRECTION'::text, 'RESTATED'::text])),
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT net_is_the_sum_of_its_parts CHECK ((net = (((realized - fees) + funding) + adjustments))),
    CONSTRAINT position_has_a_leg CHECK ((leg_count >= 1)),
    CONSTRAINT revision_is_not_negative CHECK ((revision >= 0)),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3]))),
    CONSTRAINT state_is_open CHECK ((state = ANY (ARRAY['PENDING'::text, 'OPENING'::text, 'OPEN'::text, 'CLOSING'::text]))),
    CONSTRAINT version_is_positive CHECK ((version >= 1))
)
WITH (fillfactor='80');

COMMENT ON TABLE positions.active_rows_3 IS 'Slot 3 of positions.active_rows.';

ALTER TABLE positions.books ALTER COLUMN book_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME positions.books_book_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE positions.deliveries (
    buffered_at timestamp with time zone,
    log_position bigint NOT NULL,
    last_position bigint NOT NULL,
    peer_uid bigint,
    outbox_sequence bigint,
    book_id integer NOT NULL,
    host text NOT NULL,
    CONSTRAINT buffered_request_has_time_and_sequence CHECK (((buffered_at IS NULL) = (outbox_sequence IS NULL))),
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT outbox_sequence_is_positive CHECK ((outbox_sequence >= 1)),
    CONSTRAINT peer_uid_is_a_user_id CHECK (((peer_uid >= 0) AND (peer_uid <= '4294967295'::bigint))),
    CONSTRAINT run_ends_at_or_after_its_start CHECK ((last_position >= log_position))
);

COMMENT ON TABLE positions.deliveries IS 'How events came in: a row is one contiguous run of one request. Append only.';

COMMENT ON COLUMN positions.deliveries.buffered_at IS 'When the outbox took the request; null when it went straight to PostgreSQL.';

COMMENT ON COLUMN positions.deliveries.log_position IS 'Log position of the first event of the run.';

COMMENT ON COLUMN positions.deliveries.last_position IS 'Log position of the last event of the run, inclusive.';

COMMENT ON COLUMN positions.deliveries.peer_uid IS 'User id of the process that sent it, as the socket told; null when there was no socket.';

COMMENT ON COLUMN positions.deliveries.outbox_sequence IS 'Its number in the outbox of that host, from 1; null when it was never buffered.';

COMMENT ON COLUMN positions.deliveries.book_id IS 'The book, see positions.books.';

COMMENT ON COLUMN positions.deliveries.host IS 'Name of the machine whose service appended it.';

CREATE TABLE positions.event_keys (
    recorded_at timestamp with time zone NOT NULL,
    log_position bigint NOT NULL,
    event_id uuid NOT NULL,
    book_id integer NOT NULL,
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1))
);

COMMENT ON TABLE positions.event_keys IS 'Which event ids a book knows and where they stand; never expires. Append only.';

COMMENT ON COLUMN positions.event_keys.recorded_at IS 'recorded_at of the event, so that a look-up goes to its month alone.';

COMMENT ON COLUMN positions.event_keys.log_position IS 'Log position of the event in its book.';

COMMENT ON COLUMN positions.event_keys.event_id IS 'Identity of the event; derived for fills, funding and voids, else the caller''s.';

COMMENT ON COLUMN positions.event_keys.book_id IS 'The book, see positions.books.';

CREATE TABLE positions.events (
    effective_at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    log_position bigint NOT NULL,
    version bigint NOT NULL,
    position_id uuid NOT NULL,
    event_id uuid NOT NULL,
    causation_id uuid,
    correlation_id uuid,
    book_id integer NOT NULL,
    schema_version integer NOT NULL,
    leaf_hash bytea NOT NULL,
    event_type text NOT NULL,
    source text NOT NULL,
    actor text,
    payload json NOT NULL,
    CONSTRAINT actor_is_named_where_a_person_decides CHECK (((actor IS NOT NULL) OR ((source <> 'manual'::text) AND (event_type <> ALL (ARRAY['event_voided'::text, 'adjustment_recorded'::text]))))),
    CONSTRAINT event_type_is_known CHECK ((event_type = ANY (ARRAY['position_opened'::text, 'leg_fill_recorded'::text, 'funding_recorded'::text, 'fee_recorded'::text, 'fee_valued'::text, 'mark_recorded'::text, 'adjustment_recorded'::text, 'close_requested'::text, 'position_closed'::text, 'position_cancelled'::text, 'event_voided'::text]))),
    CONSTRAINT leaf_hash_is_32_octets CHECK ((octet_length(leaf_hash) = 32)),
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT payload_is_an_object CHECK ((json_typeof(payload) = 'object'::text)),
    CONSTRAINT schema_version_is_positive CHECK ((schema_version >= 1)),
    CONSTRAINT source_is_known CHECK ((source = ANY (ARRAY['venue_ws'::text, 'venue_rest'::text, 'statement'::text, 'reconciliation'::text, 'manual'::text, 'migration'::text]))),
    CONSTRAINT times_are_finite CHECK ((isfinite(effective_at) AND isfinite(recorded_at))),
    CONSTRAINT version_is_positive CHECK ((version >= 1))
)
PARTITION BY RANGE (recorded_at);

COMMENT ON TABLE positions.events IS 'The log: a row is an event, kept for ever as it was hashed. Append only, see refuse_change.';

COMMENT ON COLUMN positions.events.effective_at IS 'When it happened at the venue, in microseconds; decides the UTC day it belongs to.';

COMMENT ON COLUMN positions.events.recorded_at IS 'When the ledger committed it; never falls along the log of a book; decides its month.';

COMMENT ON COLUMN positions.events.log_position IS 'Place in the log of the book: 1, 2, 3 … without gaps, in commit order.';

COMMENT ON COLUMN positions.events.version IS 'Place in the stream of the position: 1, 2, 3 … without gaps.';

COMMENT ON COLUMN positions.events.position_id IS 'The position, whose events are one stream.';

COMMENT ON COLUMN positions.events.event_id IS 'Identity of the event, unique in its book for ever (positions.event_keys).';

COMMENT ON COLUMN positions.events.causation_id IS 'The event or command that caused this one, as the caller gave it; null when not given.';

COMMENT ON COLUMN positions.events.correlation_id IS 'The conversation that this event is part of, as the caller gave it; null when not given.';

COMMENT ON COLUMN positions.events.book_id IS 'The book, see positions.books.';

COMMENT ON COLUMN positions.events.schema_version IS 'Version of the payload''s form for this event type, from 1.';

COMMENT ON COLUMN positions.events.leaf_hash IS 'SHA-256 over the event and its place, 32 octets; see the architecture for the bytes hashed.';

COMMENT ON COLUMN positions.events.event_type IS 'What happened: one of the eleven types of the accounting rules.';

COMMENT ON COLUMN positions.events.source IS 'Where the fact came from: a venue''s feed or API, a statement, a person, a migration …';

COMMENT ON COLUMN positions.events.actor IS 'Who decided it; required for source manual, for voids and for adjustments.';

COMMENT ON COLUMN positions.events.payload IS 'Canonical JSON (RFC 8785, decimals as strings) exactly as hashed; hence json, not jsonb.';

CREATE TABLE positions.history_rows (
    opened_at timestamp with time zone NOT NULL,
    closed_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    version bigint NOT NULL,
    revision bigint NOT NULL,
    fills bigint NOT NULL,
    maker_fills bigint NOT NULL,
    legging_delay_us bigint,
    log_position bigint NOT NULL,
    position_id uuid NOT NULL,
    book_id integer NOT NULL,
    leg_count integer NOT NULL,
    slot smallint NOT NULL,
    hold_seconds numeric(38,18),
    price_pnl numeric(38,18),
    funding numeric(38,18),
    fees numeric(38,18),
    adjustments numeric(38,18),
    net numeric(38,18),
    peak_notional numeric(38,18),
    return_on_peak_notional numeric(38,18),
    maker_share numeric(38,18),
    signalled_spread_bps numeric(38,18),
    captured_spread_bps numeric(38,18),
    strategy text NOT NULL,
    asset text NOT NULL,
    state text NOT NULL,
    settle text,
    close_reason text NOT NULL,
    stale_reason text,
    opportunity_id text,
    mode text,
    flags text[] NOT NULL,
    price_pnl_by_leg json NOT NULL,
    fees_by_category json NOT NULL,
    arrival_slippage_by_leg json NOT NULL,
    tags json,
    CONSTRAINT arrival_slippage_is_an_object CHECK ((json_typeof(arrival_slippage_by_leg) = 'object'::text)),
    CONSTRAINT close_reason_is_known_when_closed CHECK (((state <> 'CLOSED'::text) OR (close_reason = ANY (ARRAY['take_profit'::text, 'stop'::text, 'funding_flip'::text, 'liquidation'::text, 'adl'::text, 'manual'::text, 'failed'::text])))),
    CONSTRAINT fees_by_category_is_an_object CHECK ((json_typeof(fees_by_category) = 'object'::text)),
    CONSTRAINT flags_are_known CHECK ((flags <@ ARRAY['UNHEDGED'::text, 'LIQUIDATED'::text, 'ADL'::text, 'PROVISIONAL'::text, 'OVERSHOT'::text, 'REOPENED_BY_CORRECTION'::text, 'RESTATED'::text])),
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT maker_fills_are_some_of_the_fills CHECK (((maker_fills >= 0) AND (maker_fills <= fills))),
    CONSTRAINT maker_share_is_a_share CHECK (((maker_share >= (0)::numeric) AND (maker_share <= (1)::numeric))),
    CONSTRAINT net_is_the_sum_of_its_parts CHECK ((net = (((price_pnl - fees) + funding) + adjustments))),
    CONSTRAINT position_has_a_leg CHECK ((leg_count >= 1)),
    CONSTRAINT price_pnl_by_leg_is_an_object CHECK ((json_typeof(price_pnl_by_leg) = 'object'::text)),
    CONSTRAINT revision_is_not_negative CHECK ((revision >= 0)),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3]))),
    CONSTRAINT state_is_ended CHECK ((state = ANY (ARRAY['CLOSED'::text, 'CANCELLED'::text]))),
    CONSTRAINT version_is_positive CHECK ((version >= 1))
)
PARTITION BY LIST (slot);

COMMENT ON TABLE positions.history_rows IS 'Positions that are CLOSED or CANCELLED, of every generation; read positions.history.';

COMMENT ON COLUMN positions.history_rows.opened_at IS 'effective_at of position_opened.';

COMMENT ON COLUMN positions.history_rows.closed_at IS 'effective_at of position_closed or position_cancelled.';

COMMENT ON COLUMN positions.history_rows.changed_at IS 'recorded_at of the last event that changed this row.';

COMMENT ON COLUMN positions.history_rows.version IS 'Version of the last event of the position that is folded in.';

COMMENT ON COLUMN positions.history_rows.revision IS 'How many late facts came after the close; 0 when none did.';

COMMENT ON COLUMN positions.history_rows.fills IS 'Number of live fills.';

COMMENT ON COLUMN positions.history_rows.maker_fills IS 'Number of live fills with liquidity maker.';

COMMENT ON COLUMN positions.history_rows.legging_delay_us IS 'First fill of the first leg to first fill of the last, in microseconds; null without.';

COMMENT ON COLUMN positions.history_rows.log_position IS 'Log position of the last event that changed this row.';

COMMENT ON COLUMN positions.history_rows.position_id IS 'The position.';

COMMENT ON COLUMN positions.history_rows.book_id IS 'The book, see positions.books.';

COMMENT ON COLUMN positions.history_rows.leg_count IS 'Number of legs, from 1.';

COMMENT ON COLUMN positions.history_rows.slot IS 'The slot of the generation this row belongs to: 1, 2 or 3.';

COMMENT ON COLUMN positions.history_rows.hold_seconds IS 'Time held, in seconds with microseconds; null when nothing was held.';

COMMENT ON COLUMN positions.history_rows.price_pnl IS 'Sum of the legs'' P&L from prices, in settle; null with several settle assets.';

COMMENT ON COLUMN positions.history_rows.funding IS 'Sum of the legs'' funding, + received, in settle; null while one is not valued.';

COMMENT ON COLUMN positions.history_rows.fees IS 'Sum of the legs'' fees, + cost, in settle; null while one is not valued.';

COMMENT ON COLUMN positions.history_rows.adjustments IS 'Sum of the legs'' cash adjustments, in settle; null with several settle assets.';

COMMENT ON COLUMN positions.history_rows.net IS 'price_pnl - fees + funding + adjustments, in settle; null when one of them is.';

COMMENT ON COLUMN positions.history_rows.peak_notional IS 'Greatest notional ever held, in settle; null with several settle assets.';

COMMENT ON COLUMN positions.history_rows.return_on_peak_notional IS 'net over peak_notional, 1 = 100 %; null when either is, or it is 0.';

COMMENT ON COLUMN positions.history_rows.maker_share IS 'maker_fills over the fills whose liquidity is known, 1 = 100 %; null without.';

COMMENT ON COLUMN positions.history_rows.signalled_spread_bps IS 'Spread that the signal expected, in basis points; null without a signal.';

COMMENT ON COLUMN positions.history_rows.captured_spread_bps IS 'Spread that the entry fills captured, in basis points; null when it has none.';

COMMENT ON COLUMN positions.history_rows.strategy IS 'Strategy of the position, as position_opened gave it.';

COMMENT ON COLUMN positions.history_rows.asset IS 'Asset that the position trades, as position_opened gave it.';

COMMENT ON COLUMN positions.history_rows.state IS 'CLOSED or CANCELLED.';

COMMENT ON COLUMN positions.history_rows.settle IS 'Settle asset, the unit of the money columns; null when the legs settle in several.';

COMMENT ON COLUMN positions.history_rows.close_reason IS 'Reason of position_closed, or the free text of position_cancelled.';

COMMENT ON COLUMN positions.history_rows.stale_reason IS 'Why the row stopped following the log (quarantine); null while it follows.';

COMMENT ON COLUMN positions.history_rows.opportunity_id IS 'The opportunity it came from, as given; null when not given.';

COMMENT ON COLUMN positions.history_rows.mode IS 'Mode of trading, as given; null when not given.';

COMMENT ON COLUMN positions.history_rows.flags IS 'Flags that hold now, such as LIQUIDATED or RESTATED; empty when none does.';

COMMENT ON COLUMN positions.history_rows.price_pnl_by_leg IS 'P&L from prices by leg, {"LEG": "decimal"}, each in the settle asset of its leg.';

COMMENT ON COLUMN positions.history_rows.fees_by_category IS 'Fees by category, {"CATEGORY": "decimal" or null}, + cost, in settle.';

COMMENT ON COLUMN positions.history_rows.arrival_slippage_by_leg IS 'Cost against the price at decision by leg, {"LEG": "decimal" or null}, + is worse, in quote.';

COMMENT ON COLUMN positions.history_rows.tags IS 'Tags, as given; null when none were given.';

CREATE VIEW positions.history AS
 SELECT b.name AS book,
    r.book_id,
    r.position_id,
    r.version,
    r.strategy,
    r.asset,
    r.state,
    r.flags,
    r.settle,
    r.opened_at,
    r.closed_at,
    r.hold_seconds,
    r.close_reason,
    r.revision,
    r.leg_count,
    r.price_pnl_by_leg,
    r.price_pnl,
    r.funding,
    r.fees,
    r.fees_by_category,
    r.adjustments,
    r.net,
    r.peak_notional,
    r.return_on_peak_notional,
    r.fills,
    r.maker_fills,
    r.maker_share,
    r.arrival_slippage_by_leg,
    r.legging_delay_us,
    r.signalled_spread_bps,
    r.captured_spread_bps,
    r.stale_reason,
    r.opportunity_id,
    r.mode,
    r.tags,
    r.log_position,
    r.changed_at
   FROM ((positions.history_rows r
     JOIN positions.live_slot l ON (((l.book_id = r.book_id) AND (l.slot = r.slot))))
     JOIN positions.books b ON ((b.book_id = r.book_id)));

COMMENT ON VIEW positions.history IS 'A row is a position that is CLOSED or CANCELLED, as the live generation of its book has it.';

COMMENT ON COLUMN positions.history.book IS 'Name of the book, see positions.books.';

COMMENT ON COLUMN positions.history.book_id IS 'The book, see positions.books.';

COMMENT ON COLUMN positions.history.position_id IS 'The position.';

COMMENT ON COLUMN positions.history.version IS 'Version of the last event of the position that is folded in.';

COMMENT ON COLUMN positions.history.strategy IS 'Strategy of the position, as position_opened gave it.';

COMMENT ON COLUMN positions.history.asset IS 'Asset that the position trades, as position_opened gave it.';

COMMENT ON COLUMN positions.history.state IS 'CLOSED or CANCELLED.';

COMMENT ON COLUMN positions.history.flags IS 'Flags that hold now, such as LIQUIDATED or RESTATED; empty when none does.';

COMMENT ON COLUMN positions.history.settle IS 'Settle asset, the unit of the money columns; null when the legs settle in several.';

COMMENT ON COLUMN positions.history.opened_at IS 'effective_at of position_opened.';

COMMENT ON COLUMN positions.history.closed_at IS 'effective_at of position_closed or position_cancelled.';

COMMENT ON COLUMN positions.history.hold_seconds IS 'Time held, in seconds with microseconds; null when nothing was held.';

COMMENT ON COLUMN positions.history.close_reason IS 'Reason of position_closed, or the free text of position_cancelled.';

COMMENT ON COLUMN positions.history.revision IS 'How many late facts came after the close; 0 when none did.';

COMMENT ON COLUMN positions.history.leg_count IS 'Number of legs, from 1.';

COMMENT ON COLUMN positions.history.price_pnl_by_leg IS 'P&L from prices by leg, {"LEG": "decimal"}, each in the settle asset of its leg.';

COMMENT ON COLUMN positions.history.price_pnl IS 'Sum of the legs'' P&L from prices, in settle; null with several settle assets.';

COMMENT ON COLUMN positions.history.funding IS 'Sum of the legs'' funding, + received, in settle; null while one is not valued.';

COMMENT ON COLUMN positions.history.fees IS 'Sum of the legs'' fees, + cost, in settle; null while one is not valued.';

COMMENT ON COLUMN positions.history.fees_by_category IS 'Fees by category, {"CATEGORY": "decimal" or null}, + cost, in settle.';

COMMENT ON COLUMN positions.history.adjustments IS 'Sum of the legs'' cash adjustments, in settle; null with several settle assets.';

COMMENT ON COLUMN positions.history.net IS 'price_pnl - fees + funding + adjustments, in settle; null when one of them is.';

COMMENT ON COLUMN positions.history.peak_notional IS 'Greatest notional ever held, in settle; null with several settle assets.';

COMMENT ON COLUMN positions.history.return_on_peak_notional IS 'net over peak_notional, 1 = 100 %; null when either is, or it is 0.';

COMMENT ON COLUMN positions.history.fills IS 'Number of live fills.';

COMMENT ON COLUMN positions.history.maker_fills IS 'Number of live fills with liquidity maker.';

COMMENT ON COLUMN positions.history.maker_share IS 'maker_fills over the fills whose liquidity is known, 1 = 100 %; null without.';

COMMENT ON COLUMN positions.history.arrival_slippage_by_leg IS 'Cost against the price at decision by leg, {"LEG": "decimal" or null}, + is worse, in quote.';

COMMENT ON COLUMN positions.history.legging_delay_us IS 'First fill of the first leg to first fill of the last, in microseconds; null without.';

COMMENT ON COLUMN positions.history.signalled_spread_bps IS 'Spread that the signal expected, in basis points; null without a signal.';

COMMENT ON COLUMN positions.history.captured_spread_bps IS 'Spread that the entry fills captured, in basis points; null when it has none.';

COMMENT ON COLUMN positions.history.stale_reason IS 'Why the row stopped following the log (quarantine); null while it follows.';

COMMENT ON COLUMN positions.history.opportunity_id IS 'The opportunity it came from, as given; null when not given.';

COMMENT ON COLUMN positions.history.mode IS 'Mode of trading, as given; null when not given.';

COMMENT ON COLUMN positions.history.tags IS 'Tags, as given; null when none were given.';

COMMENT ON COLUMN positions.history.log_position IS 'Log position of the last event that changed this row.';

COMMENT ON COLUMN positions.history.changed_at IS 'recorded_at of the last event that changed this row.';

CREATE TABLE positions.history_rows_1 (
    opened_at timestamp with time zone NOT NULL,
    closed_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    version bigint NOT NULL,
    revision bigint NOT NULL,
    fills bigint NOT NULL,
    maker_fills bigint NOT NULL,
    legging_delay_us bigint,
    log_position bigint NOT NULL,
    position_id uuid NOT NULL,
    book_id integer NOT NULL,
    leg_count integer NOT NULL,
    slot smallint NOT NULL,
    hold_seconds numeric(38,18),
    price_pnl numeric(38,18),
    funding numeric(38,18),
    fees numeric(38,18),
    adjustments numeric(38,18),
    net numeric(38,18),
    peak_notional numeric(38,18),
    return_on_peak_notional numeric(38,18),
    maker_share numeric(38,18),
    signalled_spread_bps numeric(38,18),
    captured_spread_bps numeric(38,18),
    strategy text NOT NULL,
    asset text NOT NULL,
    state text NOT NULL,
    settle text,
    close_reason text NOT NULL,
    stale_reason text,
    opportunity_id text,
    mode text,
    flags text[] NOT NULL,
    price_pnl_by_leg json NOT NULL,
    fees_by_category json NOT NULL,
    arrival_slippage_by_leg json NOT NULL,
    tags json,
    CONSTRAINT arrival_slippage_is_an_object CHECK ((json_typeof(arrival_slippage_by_leg) = 'object'::text)),
    CONSTRAINT close_reason_is_known_when_closed CHECK (((state <> 'CLOSED'::text) OR (close_reason = ANY (ARRAY['take_profit'::text, 'stop'::text, 'funding_flip'::text, 'liquidation'::text, 'adl'::text, 'manual'::text, 'failed'::text])))),
    CONSTRAINT fees_by_category_is_an_object CHECK ((json_typeof(fees_by_category) = 'object'::text)),
    CONSTRAINT flags_are_known CHECK ((flags <@ ARRAY['UNHEDGED'::text, 'LIQUIDATED'::text, 'ADL'::text, 'PROVISIONAL'::text, 'OVERSHOT'::text, 'REOPENED_BY_CORRECTION'::text, 'RESTATED'::text])),
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT maker_fills_are_some_of_the_fills CHECK (((maker_fills >= 0) AND (maker_fills <= fills))),
    CONSTRAINT maker_share_is_a_share CHECK (((maker_share >= (0)::numeric) AND (maker_share <= (1)::numeric))),
    CONSTRAINT net_is_the_sum_of_its_parts CHECK ((net = (((price_pnl - fees) + funding) + adjustments))),
    CONSTRAINT position_has_a_leg CHECK ((leg_count >= 1)),
    CONSTRAINT price_pnl_by_leg_is_an_object CHECK ((json_typeof(price_pnl_by_leg) = 'object'::text)),
    CONSTRAINT revision_is_not_negative CHECK ((revision >= 0)),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3]))),
    CONSTRAINT state_is_ended CHECK ((state = ANY (ARRAY['CLOSED'::text, 'CANCELLED'::text]))),
    CONSTRAINT version_is_positive CHECK ((version >= 1))
)
WITH (fillfactor='80');

COMMENT ON TABLE positions.history_rows_1 IS 'Slot 1 of positions.history_rows.';

CREATE TABLE positions.history_rows_2 (
    opened_at timestamp with time zone NOT NULL,
    closed_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    version bigint NOT NULL,
    revision bigint NOT NULL,
    fills bigint NOT NULL,
    maker_fills bigint NOT NULL,
    legging_delay_us bigint,
    log_position bigint NOT NULL,
    position_id uuid NOT NULL,
    book_id integer NOT NULL,
    leg_count integer NOT NULL,
    slot smallint NOT NULL,
    hold_seconds numeric(38,18),
    price_pnl numeric(38,18),
    funding numeric(38,18),
    fees numeric(38,18),
    adjustments numeric(38,18),
    net numeric(38,18),
    peak_notional numeric(38,18),
    return_on_peak_notional numeric(38,18),
    maker_share numeric(38,18),
    signalled_spread_bps numeric(38,18),
    captured_spread_bps numeric(38,18),
    strategy text NOT NULL,
    asset text NOT NULL,
    state text NOT NULL,
    settle text,
    close_reason text NOT NULL,
    stale_reason text,
    opportunity_id text,
    mode text,
    flags text[] NOT NULL,
    price_pnl_by_leg json NOT NULL,
    fees_by_category json NOT NULL,
    arrival_slippage_by_leg json NOT NULL,
    tags json,
    CONSTRAINT arrival_slippage_is_an_object CHECK ((json_typeof(arrival_slippage_by_leg) = 'object'::text)),
    CONSTRAINT close_reason_is_known_when_closed CHECK (((state <> 'CLOSED'::text) OR (close_reason = ANY (ARRAY['take_profit'::text, 'stop'::text, 'funding_flip'::text, 'liquidation'::text, 'adl'::text, 'manual'::text, 'failed'::text])))),
    CONSTRAINT fees_by_category_is_an_object CHECK ((json_typeof(fees_by_category) = 'object'::text)),
    CONSTRAINT flags_are_known CHECK ((flags <@ ARRAY['UNHEDGED'::text, 'LIQUIDATED'::text, 'ADL'::text, 'PROVISIONAL'::text, 'OVERSHOT'::text, 'REOPENED_BY_CORRECTION'::text, 'RESTATED'::text])),
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT maker_fills_are_some_of_the_fills CHECK (((maker_fills >= 0) AND (maker_fills <= fills))),
    CONSTRAINT maker_share_is_a_share CHECK (((maker_share >= (0)::numeric) AND (maker_share <= (1)::numeric))),
    CONSTRAINT net_is_the_sum_of_its_parts CHECK ((net = (((price_pnl - fees) + funding) + adjustments))),
    CONSTRAINT position_has_a_leg CHECK ((leg_count >= 1)),
    CONSTRAINT price_pnl_by_leg_is_an_object CHECK ((json_typeof(price_pnl_by_leg) = 'object'::text)),
    CONSTRAINT revision_is_not_negative CHECK ((revision >= 0)),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3]))),
    CONSTRAINT state_is_ended CHECK ((state = ANY (ARRAY['CLOSED'::text, 'CANCELLED'::text]))),
    CONSTRAINT version_is_positive CHECK ((version >= 1))
)
WITH (fillfactor='80');

COMMENT ON TABLE positions.history_rows_2 IS 'Slot 2 of positions.history_rows.';

CREATE TABLE positions.history_rows_3 (
    opened_at timestamp with time zone NOT NULL,
    closed_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    version bigint NOT NULL,
    revision bigint NOT NULL,
    fills bigint NOT NULL,
    maker_fills bigint NOT NULL,
    legging_delay_us bigint,
    log_position bigint NOT NULL,
    position_id uuid NOT NULL,
    book_id integer NOT NULL,
    leg_count integer NOT NULL,
    slot smallint NOT NULL,
    hold_seconds numeric(38,18),
    price_pnl numeric(38,18),
    funding numeric(38,18),
    fees numeric(38,18),
    adjustments numeric(38,18),
    net numeric(38,18),
    peak_notional numeric(38,18),
    return_on_peak_notional numeric(38,18),
    maker_share numeric(38,18),
    signalled_spread_bps numeric(38,18),
    captured_spread_bps numeric(38,18),
    strategy text NOT NULL,
    asset text NOT NULL,
    state text NOT NULL,
    settle text,
    close_reason text NOT NULL,
    stale_reason text,
    opportunity_id text,
    mode text,
    flags text[] NOT NULL,
    price_pnl_by_leg json NOT NULL,
    fees_by_category json NOT NULL,
    arrival_slippage_by_leg json NOT NULL,
    tags json,
    CONSTRAINT arrival_slippage_is_an_object CHECK ((json_typeof(arrival_slippage_by_leg) = 'object'::text)),
    CONSTRAINT close_reason_is_known_when_closed CHECK (((state <> 'CLOSED'::text) OR (close_reason = ANY (ARRAY['take_profit'::text, 'stop'::text, 'funding_flip'::text, 'liquidation'::text, 'adl'::text, 'manual'::text, 'failed'::text])))),
    CONSTRAINT fees_by_category_is_an_object CHECK ((json_typeof(fees_by_category) = 'object'::text)),
    CONSTRAINT flags_are_known CHECK ((flags <@ ARRAY['UNHEDGED'::text, 'LIQUIDATED'::text, 'ADL'::text, 'PROVISIONAL'::text, 'OVERSHOT'::text, 'REOPENED_BY_CORRECTION'::text, 'RESTATED'::text])),
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT maker_fills_are_some_of_the_fills CHECK (((maker_fills >= 0) AND (maker_fills <= fills))),
    CONSTRAINT maker_share_is_a_share CHECK (((maker_share >= (0)::numeric) AND (maker_share <= (1)::numeric))),
    CONSTRAINT net_is_the_sum_of_its_parts CHECK ((net = (((price_pnl - fees) + funding) + adjustments))),
    CONSTRAINT position_has_a_leg CHECK ((leg_count >= 1)),
    CONSTRAINT price_pnl_by_leg_is_an_object CHECK ((json_typeof(price_pnl_by_leg) = 'object'::text)),
    CONSTRAINT revision_is_not_negative CHECK ((revision >= 0)),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3]))),
    CONSTRAINT state_is_ended CHECK ((state = ANY (ARRAY['CLOSED'::text, 'CANCELLED'::text]))),
    CONSTRAINT version_is_positive CHECK ((version >= 1))
)
WITH (fillfactor='80');

COMMENT ON TABLE positions.history_rows_3 IS 'Slot 3 of positions.history_rows.';

CREATE TABLE positions.legs_rows (
    mark_at timestamp with time zone,
    changed_at timestamp with time zone NOT NULL,
    log_position bigint NOT NULL,
    position_id uuid NOT NULL,
    book_id integer NOT NULL,
    leg_index integer NOT NULL,
    qty_scale integer NOT NULL,
    price_scale integer NOT NULL,
    settle_scale integer NOT NULL,
    funding_interval_s integer,
    slot smallint NOT NULL,
    multiplier numeric(38,18) NOT NULL,
    target_qty numeric(38,18) NOT NULL,
    qty numeric(38,18) NOT NULL,
    peak_qty numeric(38,18) NOT NULL,
    open_cost numeric(38,18) NOT NULL,
    avg_entry_px numeric(38,18),
    avg_exit_px numeric(38,18),
    realized_price numeric(38,18) NOT NULL,
    fee_value numeric(38,18),
    funding_value numeric(38,18),
    adjustments numeric(38,18) NOT NULL,
    net numeric(38,18),
    mark_px numeric(38,18),
    unrealized numeric(38,18),
    margin_ratio numeric(38,18),
    liquidation_px numeric(38,18),
    leg text NOT NULL,
    venue text NOT NULL,
    account text NOT NULL,
    instrument text NOT NULL,
    kind text NOT NULL,
    side text NOT NULL,
    base text NOT NULL,
    quote text NOT NULL,
    settle text NOT NULL,
    state text NOT NULL,
    flags text[] NOT NULL,
    fees json NOT NULL,
    funding json NOT NULL,
    CONSTRAINT fees_are_an_object CHECK ((json_typeof(fees) = 'object'::text)),
    CONSTRAINT flags_are_known CHECK ((flags <@ ARRAY['UNHEDGED'::text, 'LIQUIDATED'::text, 'ADL'::text, 'PROVISIONAL'::text, 'OVERSHOT'::text, 'REOPENED_BY_CORRECTION'::text, 'RESTATED'::text])),
    CONSTRAINT flat_leg_has_no_cost CHECK (((qty <> (0)::numeric) OR (open_cost = (0)::numeric))),
    CONSTRAINT funding_interval_is_positive CHECK ((funding_interval_s > 0)),
    CONSTRAINT funding_is_an_object CHECK ((json_typeof(funding) = 'object'::text)),
    CONSTRAINT kind_is_known CHECK ((kind = ANY (ARRAY['linear'::text, 'inverse'::text, 'spot'::text]))),
    CONSTRAINT leg_index_is_not_negative CHECK ((leg_index >= 0)),
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT mark_has_price_and_time CHECK (((mark_px IS NULL) = (mark_at IS NULL))),
    CONSTRAINT multiplier_is_positive CHECK ((multiplier > (0)::numeric)),
    CONSTRAINT net_is_the_sum_of_its_parts CHECK ((net = (((realized_price - fee_value) + funding_value) + adjustments))),
    CONSTRAINT open_cost_is_not_negative CHECK ((open_cost >= (0)::numeric)),
    CONSTRAINT peak_is_not_below_quantity CHECK ((peak_qty >= abs(qty))),
    CONSTRAINT price_scale_is_within_18_places CHECK (((price_scale >= 0) AND (price_scale <= 18))),
    CONSTRAINT qty_scale_is_within_18_places CHECK (((qty_scale >= 0) AND (qty_scale <= 18))),
    CONSTRAINT settle_scale_is_within_18_places CHECK (((settle_scale >= 0) AND (settle_scale <= 18))),
    CONSTRAINT side_is_known CHECK ((side = ANY (ARRAY['long'::text, 'short'::text]))),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3]))),
    CONSTRAINT state_is_known CHECK ((state = ANY (ARRAY['PLANNED'::text, 'BUILDING'::text, 'FILLED'::text, 'REDUCING'::text, 'FLAT'::text]))),
    CONSTRAINT target_is_positive CHECK ((target_qty > (0)::numeric))
)
PARTITION BY LIST (slot);

COMMENT ON TABLE positions.legs_rows IS 'Legs of all positions, closed ones too, of every generation; read positions.legs.';

COMMENT ON COLUMN positions.legs_rows.mark_at IS 'effective_at of the last mark; null before the first mark.';

COMMENT ON COLUMN positions.legs_rows.changed_at IS 'recorded_at of the last event that changed this row.';

COMMENT ON COLUMN positions.legs_rows.log_position IS 'Log position of the last event that changed this row.';

COMMENT ON COLUMN positions.legs_rows.position_id IS 'The position.';

COMMENT ON COLUMN positions.legs_rows.book_id IS 'The book, see positions.books.';

COMMENT ON COLUMN positions.legs_rows.leg_index IS 'Place of the leg in position_opened, from 0.';

COMMENT ON COLUMN positions.legs_rows.qty_scale IS 'Decimal places of a quantity at the venue.';

COMMENT ON COLUMN positions.legs_rows.price_scale IS 'Decimal places of a price at the venue.';

COMMENT ON COLUMN positions.legs_rows.settle_scale IS 'Decimal places of an amount in settle; inverse fills are rounded to it.';

COMMENT ON COLUMN positions.legs_rows.funding_interval_s IS 'Time between two settlements of funding, in seconds; null when not given.';

COMMENT ON COLUMN positions.legs_rows.slot IS 'The slot of the generation this row belongs to: 1, 2 or 3.';

COMMENT ON COLUMN positions.legs_rows.multiplier IS 'Base units a contract (inverse: quote units a contract), > 0.';

COMMENT ON COLUMN positions.legs_rows.target_qty IS 'Quantity to reach, in contracts (spot: base units), > 0.';

COMMENT ON COLUMN positions.legs_rows.qty IS 'Quantity held, + long, - short, in contracts (spot: base units).';

COMMENT ON COLUMN positions.legs_rows.peak_qty IS 'Greatest quantity ever held, without sign, in the unit of qty.';

COMMENT ON COLUMN positions.legs_rows.open_cost IS 'What the held quantity cost, >= 0, in settle; 0 when flat.';

COMMENT ON COLUMN positions.legs_rows.avg_entry_px IS 'Average entry price, in quote, for display only; null when flat.';

COMMENT ON COLUMN positions.legs_rows.avg_exit_px IS 'Average price of the quantity that left, in quote, for display only; null before.';

COMMENT ON COLUMN positions.legs_rows.realized_price IS 'Realised P&L from prices alone, in settle.';

COMMENT ON COLUMN positions.legs_rows.fee_value IS 'All fees valued in settle, + cost; null while one is not valued.';

COMMENT ON COLUMN positions.legs_rows.funding_value IS 'All funding valued in settle, + received; null while one is not valued.';

COMMENT ON COLUMN positions.legs_rows.adjustments IS 'Sum of the cash adjustments, in settle.';

COMMENT ON COLUMN positions.legs_rows.net IS 'realized_price - fee_value + funding_value + adjustments, in settle; null when one is.';

COMMENT ON COLUMN positions.legs_rows.mark_px IS 'Last mark price, in quote; null before the first mark.';

COMMENT ON COLUMN positions.legs_rows.unrealized IS 'Unrealised P&L at the last mark, in settle; null without a mark.';

COMMENT ON COLUMN positions.legs_rows.margin_ratio IS 'Margin ratio at the last mark, 1 = 100 %; null when not told.';

COMMENT ON COLUMN positions.legs_rows.liquidation_px IS 'Liquidation price at the last mark, in quote; null when not told.';

COMMENT ON COLUMN positions.legs_rows.leg IS 'Name of the leg in its position.';

COMMENT ON COLUMN positions.legs_rows.venue IS 'The exchange.';

COMMENT ON COLUMN positions.legs_rows.account IS 'Account at the venue.';

COMMENT ON COLUMN positions.legs_rows.instrument IS 'Instrument, as the venue calls it.';

COMMENT ON COLUMN positions.legs_rows.kind IS 'linear, inverse or spot; decides how a fill is valued.';

COMMENT ON COLUMN positions.legs_rows.side IS 'long or short: the side it is to take.';

COMMENT ON COLUMN positions.legs_rows.base IS 'Base asset of the instrument.';

COMMENT ON COLUMN positions.legs_rows.quote IS 'Quote asset, the unit of its prices.';

COMMENT ON COLUMN positions.legs_rows.settle IS 'Settle asset, the unit of its money columns.';

COMMENT ON COLUMN positions.legs_rows.state IS 'PLANNED, BUILDING, FILLED, REDUCING or FLAT.';

COMMENT ON COLUMN positions.legs_rows.flags IS 'Flags of the leg, such as OVERSHOT; empty when none holds.';

COMMENT ON COLUMN positions.legs_rows.fees IS 'Fees by asset, {"ASSET": "decimal"}, + cost, each in its own asset.';

COMMENT ON COLUMN positions.legs_rows.funding IS 'Funding by asset, {"ASSET": "decimal"}, + received, each in its own asset.';

CREATE VIEW positions.legs AS
 SELECT b.name AS book,
    r.book_id,
    r.position_id,
    r.leg,
    r.leg_index,
    r.venue,
    r.account,
    r.instrument,
    r.kind,
    r.side,
    r.base,
    r.quote,
    r.settle,
    r.multiplier,
    r.target_qty,
    r.qty_scale,
    r.price_scale,
    r.settle_scale,
    r.funding_interval_s,
    r.state,
    r.flags,
    r.qty,
    r.peak_qty,
    r.open_cost,
    r.avg_entry_px,
    r.avg_exit_px,
    r.realized_price,
    r.fees,
    r.fee_value,
    r.funding,
    r.funding_value,
    r.adjustments,
    r.net,
    r.mark_px,
    r.mark_at,
    r.unrealized,
    r.margin_ratio,
    r.liquidation_px,
    r.log_position,
    r.changed_at
   FROM ((positions.legs_rows r
     JOIN positions.live_slot l ON (((l.book_id = r.book_id) AND (l.slot = r.slot))))
     JOIN positions.books b ON ((b.book_id = r.book_id)));

COMMENT ON VIEW positions.legs IS 'A row is a leg of any position, closed ones too, as the live generation of its book has it.';

COMMENT ON COLUMN positions.legs.book IS 'Name of the book, see positions.books.';

COMMENT ON COLUMN positions.legs.book_id IS 'The book, see positions.books.';

COMMENT ON COLUMN positions.legs.position_id IS 'The position.';

COMMENT ON COLUMN positions.legs.leg IS 'Name of the leg in its position.';

COMMENT ON COLUMN positions.legs.leg_index IS 'Place of the leg in position_opened, from 0.';

COMMENT ON COLUMN positions.legs.venue IS 'The exchange.';

COMMENT ON COLUMN positions.legs.account IS 'Account at the venue.';

COMMENT ON COLUMN positions.legs.instrument IS 'Instrument, as the venue calls it.';

COMMENT ON COLUMN positions.legs.kind IS 'linear, inverse or spot; decides how a fill is valued.';

COMMENT ON COLUMN positions.legs.side IS 'long or short: the side it is to take.';

COMMENT ON COLUMN positions.legs.base IS 'Base asset of the instrument.';

COMMENT ON COLUMN positions.legs.quote IS 'Quote asset, the unit of its prices.';

COMMENT ON COLUMN positions.legs.settle IS 'Settle asset, the unit of its money columns.';

COMMENT ON COLUMN positions.legs.multiplier IS 'Base units a contract (inverse: quote units a contract), > 0.';

COMMENT ON COLUMN positions.legs.target_qty IS 'Quantity to reach, in contracts (spot: base units), > 0.';

COMMENT ON COLUMN positions.legs.qty_scale IS 'Decimal places of a quantity at the venue.';

COMMENT ON COLUMN positions.legs.price_scale IS 'Decimal places of a price at the venue.';

COMMENT ON COLUMN positions.legs.settle_scale IS 'Decimal places of an amount in settle; inverse fills are rounded to it.';

COMMENT ON COLUMN positions.legs.funding_interval_s IS 'Time between two settlements of funding, in seconds; null when not given.';

COMMENT ON COLUMN positions.legs.state IS 'PLANNED, BUILDING, FILLED, REDUCING or FLAT.';

COMMENT ON COLUMN positions.legs.flags IS 'Flags of the leg, such as OVERSHOT; empty when none holds.';

COMMENT ON COLUMN positions.legs.qty IS 'Quantity held, + long, - short, in contracts (spot: base units).';

COMMENT ON COLUMN positions.legs.peak_qty IS 'Greatest quantity ever held, without sign, in the unit of qty.';

COMMENT ON COLUMN positions.legs.open_cost IS 'What the held quantity cost, >= 0, in settle; 0 when flat.';

COMMENT ON COLUMN positions.legs.avg_entry_px IS 'Average entry price, in quote, for display only; null when flat.';

COMMENT ON COLUMN positions.legs.avg_exit_px IS 'Average price of the quantity that left, in quote, for display only; null before.';

COMMENT ON COLUMN positions.legs.realized_price IS 'Realised P&L from prices alone, in settle.';

COMMENT ON COLUMN positions.legs.fees IS 'Fees by asset, {"ASSET": "decimal"}, + cost, each in its own asset.';

COMMENT ON COLUMN positions.legs.fee_value IS 'All fees valued in settle, + cost; null while one is not valued.';

COMMENT ON COLUMN positions.legs.funding IS 'Funding by asset, {"ASSET": "decimal"}, + received, each in its own asset.';

COMMENT ON COLUMN positions.legs.funding_value IS 'All funding valued in settle, + received; null while one is not valued.';

COMMENT ON COLUMN positions.legs.adjustments IS 'Sum of the cash adjustments, in settle.';

COMMENT ON COLUMN positions.legs.net IS 'realized_price - fee_value + funding_value + adjustments, in settle; null when one is.';

COMMENT ON COLUMN positions.legs.mark_px IS 'Last mark price, in quote; null before the first mark.';

COMMENT ON COLUMN positions.legs.mark_at IS 'effective_at of the last mark; null before the first mark.';

COMMENT ON COLUMN positions.legs.unrealized IS 'Unrealised P&L at the last mark, in settle; null without a mark.';

COMMENT ON COLUMN positions.legs.margin_ratio IS 'Margin ratio at the last mark, 1 = 100 %; null when not told.';

COMMENT ON COLUMN positions.legs.liquidation_px IS 'Liquidation price at the last mark, in quote; null when not told.';

COMMENT ON COLUMN positions.legs.log_position IS 'Log position of the last event that changed this row.';

COMMENT ON COLUMN positions.legs.changed_at IS 'recorded_at of the last event that changed this row.';

CREATE TABLE positions.legs_rows_1 (
    mark_at timestamp with time zone,
    changed_at timestamp with time zone NOT NULL,
    log_position bigint NOT NULL,
    position_id uuid NOT NULL,
    book_id integer NOT NULL,
    leg_index integer NOT NULL,
    qty_scale integer NOT NULL,
    price_scale integer NOT NULL,
    settle_scale integer NOT NULL,
    funding_interval_s integer,
    slot smallint NOT NULL,
    multiplier numeric(38,18) NOT NULL,
    target_qty numeric(38,18) NOT NULL,
    qty numeric(38,18) NOT NULL,
    peak_qty numeric(38,18) NOT NULL,
    open_cost numeric(38,18) NOT NULL,
    avg_entry_px numeric(38,18),
    avg_exit_px numeric(38,18),
    realized_price numeric(38,18) NOT NULL,
    fee_value numeric(38,18),
    funding_value numeric(38,18),
    adjustments numeric(38,18) NOT NULL,
    net numeric(38,18),
    mark_px numeric(38,18),
    unrealized numeric(38,18),
    margin_ratio numeric(38,18),
    liquidation_px numeric(38,18),
    leg text NOT NULL,
    venue text NOT NULL,
    account text NOT NULL,
    instrument text NOT NULL,
    kind text NOT NULL,
    side text NOT NULL,
    base text NOT NULL,
    quote text NOT NULL,
    settle text NOT NULL,
    state text NOT NULL,
    flags text[] NOT NULL,
    fees json NOT NULL,
    funding json NOT NULL,
    CONSTRAINT fees_are_an_object CHECK ((json_typeof(fees) = 'object'::text)),
    CONSTRAINT flags_are_known CHECK ((flags <@ ARRAY['UNHEDGED'::text, 'LIQUIDATED'::text, 'ADL'::text, 'PROVISIONAL'::text, 'OVERSHOT'::text, 'REOPENED_BY_CORRECTION'::text, 'RESTATED'::text])),
    CONSTRAINT flat_leg_has_no_cost CHECK (((qty <> (0)::numeric) OR (open_cost = (0)::numeric))),
    CONSTRAINT funding_interval_is_positive CHECK ((funding_interval_s > 0)),
    CONSTRAINT funding_is_an_object CHECK ((json_typeof(funding) = 'object'::text)),
    CONSTRAINT kind_is_known CHECK ((kind = ANY (ARRAY['linear'::text, 'inverse'::text, 'spot'::text]))),
    CONSTRAINT leg_index_is_not_negative CHECK ((leg_index >= 0)),
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT mark_has_price_and_time CHECK (((mark_px IS NULL) = (mark_at IS NULL))),
    CONSTRAINT multiplier_is_positive CHECK ((multiplier > (0)::numeric)),
    CONSTRAINT net_is_the_sum_of_its_parts CHECK ((net = (((realized_price - fee_value) + funding_value) + adjustments))),
    CONSTRAINT open_cost_is_not_negative CHECK ((open_cost >= (0)::numeric)),
    CONSTRAINT peak_is_not_below_quantity CHECK ((peak_qty >= abs(qty))),
    CONSTRAINT price_scale_is_within_18_places CHECK (((price_scale >= 0) AND (price_scale <= 18))),
    CONSTRAINT qty_scale_is_within_18_places CHECK (((qty_scale >= 0) AND (qty_scale <= 18))),
    CONSTRAINT settle_scale_is_within_18_places CHECK (((settle_scale >= 0) AND (settle_scale <= 18))),
    CONSTRAINT side_is_known CHECK ((side = ANY (ARRAY['long'::text, 'short'::text]))),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3]))),
    CONSTRAINT state_is_known CHECK ((state = ANY (ARRAY['PLANNED'::text, 'BUILDING'::text, 'FILLED'::text, 'REDUCING'::text, 'FLAT'::text]))),
    CONSTRAINT target_is_positive CHECK ((target_qty > (0)::numeric))
)
WITH (fillfactor='80');

COMMENT ON TABLE positions.legs_rows_1 IS 'Slot 1 of positions.legs_rows.';

CREATE TABLE positions.legs_rows_2 (
    mark_at timestamp with time zone,
    changed_at timestamp with time zone NOT NULL,
    log_position bigint NOT NULL,
    position_id uuid NOT NULL,
    book_id integer NOT NULL,
    leg_index integer NOT NULL,
    qty_scale integer NOT NULL,
    price_scale integer NOT NULL,
    settle_scale integer NOT NULL,
    funding_interval_s integer,
    slot smallint NOT NULL,
    multiplier numeric(38,18) NOT NULL,
    target_qty numeric(38,18) NOT NULL,
    qty numeric(38,18) NOT NULL,
    peak_qty numeric(38,18) NOT NULL,
    open_cost numeric(38,18) NOT NULL,
    avg_entry_px numeric(38,18),
    avg_exit_px numeric(38,18),
    realized_price numeric(38,18) NOT NULL,
    fee_value numeric(38,18),
    funding_value numeric(38,18),
    adjustments numeric(38,18) NOT NULL,
    net numeric(38,18),
    mark_px numeric(38,18),
    unrealized numeric(38,18),
    margin_ratio numeric(38,18),
    liquidation_px numeric(38,18),
    leg text NOT NULL,
    venue text NOT NULL,
    account text NOT NULL,
    instrument text NOT NULL,
    kind text NOT NULL,
    side text NOT NULL,
    base text NOT NULL,
    quote text NOT NULL,
    settle text NOT NULL,
    state text NOT NULL,
    flags text[] NOT NULL,
    fees json NOT NULL,
    funding json NOT NULL,
    CONSTRAINT fees_are_an_object CHECK ((json_typeof(fees) = 'object'::text)),
    CONSTRAINT flags_are_known CHECK ((flags <@ ARRAY['UNHEDGED'::text, 'LIQUIDATED'::text, 'ADL'::text, 'PROVISIONAL'::text, 'OVERSHOT'::text, 'REOPENED_BY_CORRECTION'::text, 'RESTATED'::text])),
    CONSTRAINT flat_leg_has_no_cost CHECK (((qty <> (0)::numeric) OR (open_cost = (0)::numeric))),
    CONSTRAINT funding_interval_is_positive CHECK ((funding_interval_s > 0)),
    CONSTRAINT funding_is_an_object CHECK ((json_typeof(funding) = 'object'::text)),
    CONSTRAINT kind_is_known CHECK ((kind = ANY (ARRAY['linear'::text, 'inverse'::text, 'spot'::text]))),
    CONSTRAINT leg_index_is_not_negative CHECK ((leg_index >= 0)),
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT mark_has_price_and_time CHECK (((mark_px IS NULL) = (mark_at IS NULL))),
    CONSTRAINT multiplier_is_positive CHECK ((multiplier > (0)::numeric)),
    CONSTRAINT net_is_the_sum_of_its_parts CHECK ((net = (((realized_price - fee_value) + funding_value) + adjustments))),
    CONSTRAINT open_cost_is_not_negative CHECK ((open_cost >= (0)::numeric)),
    CONSTRAINT peak_is_not_below_quantity CHECK ((peak_qty >= abs(qty))),
    CONSTRAINT price_scale_is_within_18_places CHECK (((price_scale >= 0) AND (price_scale <= 18))),
    CONSTRAINT qty_scale_is_within_18_places CHECK (((qty_scale >= 0) AND (qty_scale <= 18))),
    CONSTRAINT settle_scale_is_within_18_places CHECK (((settle_scale >= 0) AND (settle_scale <= 18))),
    CONSTRAINT side_is_known CHECK ((side = ANY (ARRAY['long'::text, 'short'::text]))),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3]))),
    CONSTRAINT state_is_known CHECK ((state = ANY (ARRAY['PLANNED'::text, 'BUILDING'::text, 'FILLED'::text, 'REDUCING'::text, 'FLAT'::text]))),
    CONSTRAINT target_is_positive CHECK ((target_qty > (0)::numeric))
)
WITH (fillfactor='80');

COMMENT ON TABLE positions.legs_rows_2 IS 'Slot 2 of positions.legs_rows.';

CREATE TABLE positions.legs_rows_3 (
    mark_at timestamp with time zone,
    changed_at timestamp with time zone NOT NULL,
    log_position bigint NOT NULL,
    position_id uuid NOT NULL,
    book_id integer NOT NULL,
    leg_index integer NOT NULL,
    qty_scale integer NOT NULL,
    price_scale integer NOT NULL,
    settle_scale integer NOT NULL,
    funding_interval_s integer,
    slot smallint NOT NULL,
    multiplier numeric(38,18) NOT NULL,
    target_qty numeric(38,18) NOT NULL,
    qty numeric(38,18) NOT NULL,
    peak_qty numeric(38,18) NOT NULL,
    open_cost numeric(38,18) NOT NULL,
    avg_entry_px numeric(38,18),
    avg_exit_px numeric(38,18),
    realized_price numeric(38,18) NOT NULL,
    fee_value numeric(38,18),
    funding_value numeric(38,18),
    adjustments numeric(38,18) NOT NULL,
    net numeric(38,18),
    mark_px numeric(38,18),
    unrealized numeric(38,18),
    margin_ratio numeric(38,18),
    liquidation_px numeric(38,18),
    leg text NOT NULL,
    venue text NOT NULL,
    account text NOT NULL,
    instrument text NOT NULL,
    kind text NOT NULL,
    side text NOT NULL,
    base text NOT NULL,
    quote text NOT NULL,
    settle text NOT NULL,
    state text NOT NULL,
    flags text[] NOT NULL,
    fees json NOT NULL,
    funding json NOT NULL,
    CONSTRAINT fees_are_an_object CHECK ((json_typeof(fees) = 'object'::text)),
    CONSTRAINT flags_are_known CHECK ((flags <@ ARRAY['UNHEDGED'::text, 'LIQUIDATED'::text, 'ADL'::text, 'PROVISIONAL'::text, 'OVERSHOT'::text, 'REOPENED_BY_CORRECTION'::text, 'RESTATED'::text])),
    CONSTRAINT flat_leg_has_no_cost CHECK (((qty <> (0)::numeric) OR (open_cost = (0)::numeric))),
    CONSTRAINT funding_interval_is_positive CHECK ((funding_interval_s > 0)),
    CONSTRAINT funding_is_an_object CHECK ((json_typeof(funding) = 'object'::text)),
    CONSTRAINT kind_is_known CHECK ((kind = ANY (ARRAY['linear'::text, 'inverse'::text, 'spot'::text]))),
    CONSTRAINT leg_index_is_not_negative CHECK ((leg_index >= 0)),
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT mark_has_price_and_time CHECK (((mark_px IS NULL) = (mark_at IS NULL))),
    CONSTRAINT multiplier_is_positive CHECK ((multiplier > (0)::numeric)),
    CONSTRAINT net_is_the_sum_of_its_parts CHECK ((net = (((realized_price - fee_value) + funding_value) + adjustments))),
    CONSTRAINT open_cost_is_not_negative CHECK ((open_cost >= (0)::numeric)),
    CONSTRAINT peak_is_not_below_quantity CHECK ((peak_qty >= abs(qty))),
    CONSTRAINT price_scale_is_within_18_places CHECK (((price_scale >= 0) AND (price_scale <= 18))),
    CONSTRAINT qty_scale_is_within_18_places CHECK (((qty_scale >= 0) AND (qty_scale <= 18))),
    CONSTRAINT settle_scale_is_within_18_places CHECK (((settle_scale >= 0) AND (settle_scale <= 18))),
    CONSTRAINT side_is_known CHECK ((side = ANY (ARRAY['long'::text, 'short'::text]))),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3]))),
    CONSTRAINT state_is_known CHECK ((state = ANY (ARRAY['PLANNED'::text, 'BUILDING'::text, 'FILLED'::text, 'REDUCING'::text, 'FLAT'::text]))),
    CONSTRAINT target_is_positive CHECK ((target_qty > (0)::numeric))
)
WITH (fillfactor='80');

COMMENT ON TABLE positions.legs_rows_3 IS 'Slot 3 of positions.legs_rows.';

CREATE TABLE positions.log_head (
    recorded_at timestamp with time zone,
    log_position bigint DEFAULT 0 NOT NULL,
    book_id integer NOT NULL,
    CONSTRAINT head_has_a_time_once_it_has_an_event CHECK (((log_position = 0) = (recorded_at IS NULL))),
    CONSTRAINT log_position_is_not_negative CHECK ((log_position >= 0))
)
WITH (fillfactor='10');

COMMENT ON TABLE positions.log_head IS 'Where each book''s log ends. An append locks the row first and updates it last.';

COMMENT ON COLUMN positions.log_head.recorded_at IS 'recorded_at of the last event of the book; null until the first one.';

COMMENT ON COLUMN positions.log_head.log_position IS 'Log position of the last event of the book; 0 means before the first.';

COMMENT ON COLUMN positions.log_head.book_id IS 'The book, see positions.books.';

CREATE TABLE positions.outbox_discards (
    discarded_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    buffered_at timestamp with time zone NOT NULL,
    outbox_sequence bigint NOT NULL,
    position_id uuid NOT NULL,
    event_id uuid NOT NULL,
    book_id integer NOT NULL,
    host text NOT NULL,
    actor text NOT NULL,
    reason text NOT NULL,
    event json NOT NULL,
    CONSTRAINT actor_is_1_to_128_octets CHECK (((octet_length(actor) >= 1) AND (octet_length(actor) <= 128))),
    CONSTRAINT event_is_an_object CHECK ((json_typeof(event) = 'object'::text)),
    CONSTRAINT host_is_not_empty CHECK ((host <> ''::text)),
    CONSTRAINT outbox_sequence_is_positive CHECK ((outbox_sequence >= 1)),
    CONSTRAINT reason_is_1_to_2000_octets CHECK (((octet_length(reason) >= 1) AND (octet_length(reason) <= 2000))),
    CONSTRAINT times_are_finite CHECK ((isfinite(discarded_at) AND isfinite(buffered_at)))
);

COMMENT ON TABLE positions.outbox_discards IS 'A row is an event that an operator discarded from an outbox; never expires. Append only.';

COMMENT ON COLUMN positions.outbox_discards.discarded_at IS 'When it was discarded, by the clock of the database.';

COMMENT ON COLUMN positions.outbox_discards.buffered_at IS 'When the outbox took its request, by the clock of that host.';

COMMENT ON COLUMN positions.outbox_discards.outbox_sequence IS 'Number of its request in the outbox of that host, from 1; a request is discarded whole.';

COMMENT ON COLUMN positions.outbox_discards.position_id IS 'The position that it was meant for.';

COMMENT ON COLUMN positions.outbox_discards.event_id IS 'Identity of the event, as positions.event_keys would have it; refused from now on.';

COMMENT ON COLUMN positions.outbox_discards.book_id IS 'The book, see positions.books.';

COMMENT ON COLUMN positions.outbox_discards.host IS 'Name of the machine whose outbox held it.';

COMMENT ON COLUMN positions.outbox_discards.actor IS 'Who discarded it, 1 to 128 octets.';

COMMENT ON COLUMN positions.outbox_discards.reason IS 'Why, in the words of who discarded it, 1 to 2,000 octets.';

COMMENT ON COLUMN positions.outbox_discards.event IS 'The event''s line exactly as it was buffered; hence json, not jsonb.';

CREATE TABLE positions.projection_checkpoints (
    log_position bigint DEFAULT 0 NOT NULL,
    epoch bigint DEFAULT 0 NOT NULL,
    updated_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    progressed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    book_id integer NOT NULL,
    logic_version integer NOT NULL,
    slot smallint NOT NULL,
    owner text NOT NULL,
    CONSTRAINT epoch_is_not_negative CHECK ((epoch >= 0)),
    CONSTRAINT log_position_is_not_negative CHECK ((log_position >= 0)),
    CONSTRAINT logic_version_is_positive CHECK ((logic_version >= 1)),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3])))
)
WITH (fillfactor='10');

COMMENT ON TABLE positions.projection_checkpoints IS 'How far a generation has folded the log; written in one transaction with its rows.';

COMMENT ON COLUMN positions.projection_checkpoints.log_position IS 'Every event up to this log position is in the rows of the slot; 0 before the first.';

COMMENT ON COLUMN positions.projection_checkpoints.epoch IS 'Fencing number: a new owner raises it, and a writer with an older one writes nothing.';

COMMENT ON COLUMN positions.projection_checkpoints.updated_at IS 'When the row was last written, by the clock of the database.';

COMMENT ON COLUMN positions.projection_checkpoints.progressed_at IS 'When log_position last rose, by the clock of the database.';

COMMENT ON COLUMN positions.projection_checkpoints.book_id IS 'The book, see positions.books.';

COMMENT ON COLUMN positions.projection_checkpoints.logic_version IS 'Version of the folds that write the slot; a worker writes only its own version.';

COMMENT ON COLUMN positions.projection_checkpoints.slot IS 'The slot of the generation: 1, 2 or 3.';

COMMENT ON COLUMN positions.projection_checkpoints.owner IS 'Who writes the slot, for people to read: host and process.';

CREATE TABLE positions.quarantine (
    since timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    log_position bigint NOT NULL,
    position_id uuid NOT NULL,
    event_id uuid,
    book_id integer NOT NULL,
    slot smallint NOT NULL,
    reason text NOT NULL,
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3])))
);

COMMENT ON TABLE positions.quarantine IS 'Positions whose fold stopped: their rows are the longest prefix that folds, marked stale.';

COMMENT ON COLUMN positions.quarantine.since IS 'When the position was quarantined, by the clock of the database.';

COMMENT ON COLUMN positions.quarantine.log_position IS 'Log position of the first event that could not be folded.';

COMMENT ON COLUMN positions.quarantine.position_id IS 'The position.';

COMMENT ON COLUMN positions.quarantine.event_id IS 'That event; null when no single event is to blame.';

COMMENT ON COLUMN positions.quarantine.book_id IS 'The book, see positions.books.';

COMMENT ON COLUMN positions.quarantine.slot IS 'The slot of the generation: 1, 2 or 3.';

COMMENT ON COLUMN positions.quarantine.reason IS 'Why it could not be folded, for people to read.';

CREATE TABLE positions.streams (
    first_recorded_at timestamp with time zone NOT NULL,
    last_recorded_at timestamp with time zone NOT NULL,
    version bigint NOT NULL,
    position_id uuid NOT NULL,
    book_id integer NOT NULL,
    state text NOT NULL,
    progress json NOT NULL,
    CONSTRAINT first_event_is_not_after_the_last CHECK ((first_recorded_at <= last_recorded_at)),
    CONSTRAINT state_is_known CHECK ((state = ANY (ARRAY['PENDING'::text, 'OPENING'::text, 'OPEN'::text, 'CLOSING'::text, 'CLOSED'::text, 'CANCELLED'::text]))),
    CONSTRAINT version_is_positive CHECK ((version >= 1))
)
WITH (fillfactor='70');

COMMENT ON TABLE positions.streams IS 'A row is a position as the next append needs it, kept in the transaction of the append.';

COMMENT ON COLUMN positions.streams.first_recorded_at IS 'recorded_at of its first event: the stream is read from this month on.';

COMMENT ON COLUMN positions.streams.last_recorded_at IS 'recorded_at of its last event: the stream is read up to this month.';

COMMENT ON COLUMN positions.streams.version IS 'Version of its last event; what expected_version is compared with.';

COMMENT ON COLUMN positions.streams.position_id IS 'The position.';

COMMENT ON COLUMN positions.streams.book_id IS 'The book, see positions.books.';

COMMENT ON COLUMN positions.streams.state IS 'State of the life cycle after its last event: PENDING, OPENING, OPEN, CLOSING, CLOSED …';

COMMENT ON COLUMN positions.streams.progress IS 'What the next append needs to know: each leg''s quantity, flags of the life cycle. The service''s own form, opaque to SQL; refolded after a void or a late event.';

ALTER TABLE ONLY analytics.daily_pnl_rows ATTACH PARTITION analytics.daily_pnl_rows_1 FOR VALUES IN ('1');

ALTER TABLE ONLY analytics.daily_pnl_rows ATTACH PARTITION analytics.daily_pnl_rows_2 FOR VALUES IN ('2');

ALTER TABLE ONLY analytics.daily_pnl_rows ATTACH PARTITION analytics.daily_pnl_rows_3 FOR VALUES IN ('3');

ALTER TABLE ONLY analytics.funding_collected_rows ATTACH PARTITION analytics.funding_collected_rows_1 FOR VALUES IN ('1');

ALTER TABLE ONLY analytics.funding_collected_rows ATTACH PARTITION analytics.funding_collected_rows_2 FOR VALUES IN ('2');

ALTER TABLE ONLY analytics.funding_collected_rows ATTACH PARTITION analytics.funding_collected_rows_3 FOR VALUES IN ('3');

ALTER TABLE ONLY analytics.position_days_rows ATTACH PARTITION analytics.position_days_rows_1 FOR VALUES IN ('1');

ALTER TABLE ONLY analytics.position_days_rows ATTACH PARTITION analytics.position_days_rows_2 FOR VALUES IN ('2');

ALTER TABLE ONLY analytics.position_days_rows ATTACH PARTITION analytics.position_days_rows_3 FOR VALUES IN ('3');

ALTER TABLE ONLY analytics.trade_stats_rows ATTACH PARTITION analytics.trade_stats_rows_1 FOR VALUES IN ('1');

ALTER TABLE ONLY analytics.trade_stats_rows ATTACH PARTITION analytics.trade_stats_rows_2 FOR VALUES IN ('2');

ALTER TABLE ONLY analytics.trade_stats_rows ATTACH PARTITION analytics.trade_stats_rows_3 FOR VALUES IN ('3');

ALTER TABLE ONLY positions.active_rows ATTACH PARTITION positions.active_rows_1 FOR VALUES IN ('1');

ALTER TABLE ONLY positions.active_rows ATTACH PARTITION positions.active_rows_2 FOR VALUES IN ('2');

ALTER TABLE ONLY positions.active_rows ATTACH PARTITION positions.active_rows_3 FOR VALUES IN ('3');

ALTER TABLE ONLY positions.history_rows ATTACH PARTITION positions.history_rows_1 FOR VALUES IN ('1');

ALTER TABLE ONLY positions.history_rows ATTACH PARTITION positions.history_rows_2 FOR VALUES IN ('2');

ALTER TABLE ONLY positions.history_rows ATTACH PARTITION positions.history_rows_3 FOR VALUES IN ('3');

ALTER TABLE ONLY positions.legs_rows ATTACH PARTITION positions.legs_rows_1 FOR VALUES IN ('1');

ALTER TABLE ONLY positions.legs_rows ATTACH PARTITION positions.legs_rows_2 FOR VALUES IN ('2');

ALTER TABLE ONLY positions.legs_rows ATTACH PARTITION positions.legs_rows_3 FOR VALUES IN ('3');

ALTER TABLE ONLY analytics.daily_pnl_rows
    ADD CONSTRAINT key_has_one_row_a_day PRIMARY KEY (slot, book_id, day, strategy, asset, venue, settle);

ALTER TABLE ONLY analytics.daily_pnl_rows_1
    ADD CONSTRAINT key_has_one_row_a_day_1 PRIMARY KEY (slot, book_id, day, strategy, asset, venue, settle);

ALTER TABLE ONLY analytics.daily_pnl_rows_2
    ADD CONSTRAINT key_has_one_row_a_day_2 PRIMARY KEY (slot, book_id, day, strategy, asset, venue, settle);

ALTER TABLE ONLY analytics.daily_pnl_rows_3
    ADD CONSTRAINT key_has_one_row_a_day_3 PRIMARY KEY (slot, book_id, day, strategy, asset, venue, settle);

ALTER TABLE ONLY analytics.position_days_rows
    ADD CONSTRAINT leg_has_one_row_a_day PRIMARY KEY (slot, book_id, position_id, leg, day);

ALTER TABLE ONLY analytics.position_days_rows_1
    ADD CONSTRAINT leg_has_one_row_a_day_1 PRIMARY KEY (slot, book_id, position_id, leg, day);

ALTER TABLE ONLY analytics.position_days_rows_2
    ADD CONSTRAINT leg_has_one_row_a_day_2 PRIMARY KEY (slot, book_id, position_id, leg, day);

ALTER TABLE ONLY analytics.position_days_rows_3
    ADD CONSTRAINT leg_has_one_row_a_day_3 PRIMARY KEY (slot, book_id, position_id, leg, day);

ALTER TABLE ONLY analytics.funding_collected_rows
    ADD CONSTRAINT leg_has_one_row_a_month PRIMARY KEY (slot, book_id, position_id, leg, month);

ALTER TABLE ONLY analytics.funding_collected_rows_1
    ADD CONSTRAINT leg_has_one_row_a_month_1 PRIMARY KEY (slot, book_id, position_id, leg, month);

ALTER TABLE ONLY analytics.funding_collected_rows_2
    ADD CONSTRAINT leg_has_one_row_a_month_2 PRIMARY KEY (slot, book_id, position_id, leg, month);

ALTER TABLE ONLY analytics.funding_collected_rows_3
    ADD CONSTRAINT leg_has_one_row_a_month_3 PRIMARY KEY (slot, book_id, position_id, leg, month);

ALTER TABLE ONLY analytics.trade_stats_rows
    ADD CONSTRAINT strategy_and_asset_have_one_row PRIMARY KEY (slot, book_id, strategy, asset, settle);

ALTER TABLE ONLY analytics.trade_stats_rows_1
    ADD CONSTRAINT strategy_and_asset_have_one_row_1 PRIMARY KEY (slot, book_id, strategy, asset, settle);

ALTER TABLE ONLY analytics.trade_stats_rows_2
    ADD CONSTRAINT strategy_and_asset_have_one_row_2 PRIMARY KEY (slot, book_id, strategy, asset, settle);

ALTER TABLE ONLY analytics.trade_stats_rows_3
    ADD CONSTRAINT strategy_and_asset_have_one_row_3 PRIMARY KEY (slot, book_id, strategy, asset, settle);

ALTER TABLE ONLY positions.log_head
    ADD CONSTRAINT book_has_one_head PRIMARY KEY (book_id);

ALTER TABLE ONLY positions.live_slot
    ADD CONSTRAINT book_has_one_live_slot PRIMARY KEY (book_id);

ALTER TABLE ONLY positions.books
    ADD CONSTRAINT book_id_is_unique PRIMARY KEY (book_id);

ALTER TABLE ONLY positions.books
    ADD CONSTRAINT book_name_is_unique UNIQUE (name);

ALTER TABLE ONLY positions.history_rows
    ADD CONSTRAINT ended_position_has_one_row PRIMARY KEY (slot, book_id, position_id);

ALTER TABLE ONLY positions.history_rows_1
    ADD CONSTRAINT ended_position_has_one_row_1 PRIMARY KEY (slot, book_id, position_id);

ALTER TABLE ONLY positions.history_rows_2
    ADD CONSTRAINT ended_position_has_one_row_2 PRIMARY KEY (slot, book_id, position_id);

ALTER TABLE ONLY positions.history_rows_3
    ADD CONSTRAINT ended_position_has_one_row_3 PRIMARY KEY (slot, book_id, position_id);

ALTER TABLE ONLY positions.events
    ADD CONSTRAINT event_has_one_place PRIMARY KEY (book_id, log_position, recorded_at);

ALTER TABLE ONLY positions.event_keys
    ADD CONSTRAINT event_id_is_unique_in_its_book PRIMARY KEY (book_id, event_id);

ALTER TABLE ONLY positions.outbox_discards
    ADD CONSTRAINT event_is_discarded_once PRIMARY KEY (book_id, event_id);

ALTER TABLE ONLY positions.projection_checkpoints
    ADD CONSTRAINT generation_has_one_checkpoint PRIMARY KEY (book_id, slot);

ALTER TABLE ONLY positions.legs_rows
    ADD CONSTRAINT leg_has_one_row PRIMARY KEY (slot, book_id, position_id, leg);

ALTER TABLE ONLY positions.legs_rows_1
    ADD CONSTRAINT leg_has_one_row_1 PRIMARY KEY (slot, book_id, position_id, leg);

ALTER TABLE ONLY positions.legs_rows_2
    ADD CONSTRAINT leg_has_one_row_2 PRIMARY KEY (slot, book_id, position_id, leg);

ALTER TABLE ONLY positions.legs_rows_3
    ADD CONSTRAINT leg_has_one_row_3 PRIMARY KEY (slot, book_id, position_id, leg);

ALTER TABLE ONLY positions.active_rows
    ADD CONSTRAINT open_position_has_one_row PRIMARY KEY (slot, book_id, position_id);

ALTER TABLE ONLY positions.active_rows_1
    ADD CONSTRAINT open_position_has_one_row_1 PRIMARY KEY (slot, book_id, position_id);

ALTER TABLE ONLY positions.active_rows_2
    ADD CONSTRAINT open_position_has_one_row_2 PRIMARY KEY (slot, book_id, position_id);

ALTER TABLE ONLY positions.active_rows_3
    ADD CONSTRAINT open_position_has_one_row_3 PRIMARY KEY (slot, book_id, position_id);

ALTER TABLE ONLY positions.streams
    ADD CONSTRAINT position_has_one_stream PRIMARY KEY (book_id, position_id);

ALTER TABLE ONLY positions.quarantine
    ADD CONSTRAINT position_is_quarantined_once PRIMARY KEY (slot, book_id, position_id);

ALTER TABLE ONLY positions.deliveries
    ADD CONSTRAINT run_of_events_is_delivered_once PRIMARY KEY (book_id, log_position);

CREATE INDEX funding_collected_by_month ON ONLY analytics.funding_collected_rows USING btree (slot, book_id, month, strategy, asset);

COMMENT ON INDEX analytics.funding_collected_by_month IS 'The funding of a period, by strategy and asset.';

CREATE INDEX funding_collected_by_month_1 ON analytics.funding_collected_rows_1 USING btree (slot, book_id, month, strategy, asset);

CREATE INDEX funding_collected_by_month_2 ON analytics.funding_collected_rows_2 USING btree (slot, book_id, month, strategy, asset);

CREATE INDEX funding_collected_by_month_3 ON analytics.funding_collected_rows_3 USING btree (slot, book_id, month, strategy, asset);

CREATE INDEX position_days_by_day ON ONLY analytics.position_days_rows USING btree (slot, book_id, day, strategy, asset, venue, settle);

COMMENT ON INDEX analytics.position_days_by_day IS 'The legs behind a figure of daily_pnl; the same columns as its key.';

CREATE INDEX position_days_by_day_1 ON analytics.position_days_rows_1 USING btree (slot, book_id, day, strategy, asset, venue, settle);

CREATE INDEX position_days_by_day_2 ON analytics.position_days_rows_2 USING btree (slot, book_id, day, strategy, asset, venue, settle);

CREATE INDEX position_days_by_day_3 ON analytics.position_days_rows_3 USING btree (slot, book_id, day, strategy, asset, venue, settle);

CREATE INDEX active_by_opening ON ONLY positions.active_rows USING btree (slot, book_id, opened_at, position_id);

COMMENT ON INDEX positions.active_by_opening IS 'All open positions in pages, oldest first; position_id breaks ties.';

CREATE INDEX active_by_opening_1 ON positions.active_rows_1 USING btree (slot, book_id, opened_at, position_id);

CREATE INDEX active_by_opening_2 ON positions.active_rows_2 USING btree (slot, book_id, opened_at, position_id);

CREATE INDEX active_by_opening_3 ON positions.active_rows_3 USING btree (slot, book_id, opened_at, position_id);

CREATE INDEX active_by_state ON ONLY positions.active_rows USING btree (slot, book_id, state, opened_at);

COMMENT ON INDEX positions.active_by_state IS 'The open positions in a state, oldest first.';

CREATE INDEX active_by_state_1 ON positions.active_rows_1 USING btree (slot, book_id, state, opened_at);

CREATE INDEX active_by_state_2 ON positions.active_rows_2 USING btree (slot, book_id, state, opened_at);

CREATE INDEX active_by_state_3 ON positions.active_rows_3 USING btree (slot, book_id, state, opened_at);

CREATE INDEX active_by_strategy_and_asset ON ONLY positions.active_rows USING btree (slot, book_id, strategy, asset);

COMMENT ON INDEX positions.active_by_strategy_and_asset IS 'The open positions of a strategy, or of a strategy in an asset.';

CREATE INDEX active_by_strategy_and_asset_1 ON positions.active_rows_1 USING btree (slot, book_id, strategy, asset);

CREATE INDEX active_by_strategy_and_asset_2 ON positions.active_rows_2 USING btree (slot, book_id, strategy, asset);

CREATE INDEX active_by_strategy_and_asset_3 ON positions.active_rows_3 USING btree (slot, book_id, strategy, asset);

CREATE INDEX events_by_position_and_type ON ONLY positions.events USING btree (book_id, position_id, event_type);

COMMENT ON INDEX positions.events_by_position_and_type IS 'One position''s events of one type, such as its fills or its funding payments.';

CREATE INDEX history_by_close ON ONLY positions.history_rows USING btree (slot, book_id, closed_at, position_id);

COMMENT ON INDEX positions.history_by_close IS 'All ended positions in pages, and those of a period; position_id breaks ties.';

CREATE INDEX history_by_close_1 ON positions.history_rows_1 USING btree (slot, book_id, closed_at, position_id);

CREATE INDEX history_by_close_2 ON positions.history_rows_2 USING btree (slot, book_id, closed_at, position_id);

CREATE INDEX history_by_close_3 ON positions.history_rows_3 USING btree (slot, book_id, closed_at, position_id);

CREATE INDEX history_closed_by_net ON ONLY positions.history_rows USING btree (slot, book_id, strategy, asset, settle, net) WHERE (state = 'CLOSED'::text);

COMMENT ON INDEX positions.history_closed_by_net IS 'The closed positions of a strategy in an asset in the order of net: the median by OFFSET, best and worst at the ends, by index-only scans.';

CREATE INDEX history_closed_by_net_1 ON positions.history_rows_1 USING btree (slot, book_id, strategy, asset, settle, net) WHERE (state = 'CLOSED'::text);

CREATE INDEX history_closed_by_net_2 ON positions.history_rows_2 USING btree (slot, book_id, strategy, asset, settle, net) WHERE (state = 'CLOSED'::text);

CREATE INDEX history_closed_by_net_3 ON positions.history_rows_3 USING btree (slot, book_id, strategy, asset, settle, net) WHERE (state = 'CLOSED'::text);

CREATE INDEX legs_held_by_venue ON ONLY positions.legs_rows USING btree (slot, book_id, venue, instrument) WHERE (qty <> (0)::numeric);

COMMENT ON INDEX positions.legs_held_by_venue IS 'What is held at a venue, for exposure and for reconciling; flat legs are left out.';

CREATE INDEX legs_held_by_venue_1 ON positions.legs_rows_1 USING btree (slot, book_id, venue, instrument) WHERE (qty <> (0)::numeric);

CREATE INDEX legs_held_by_venue_2 ON positions.legs_rows_2 USING btree (slot, book_id, venue, instrument) WHERE (qty <> (0)::numeric);

CREATE INDEX legs_held_by_venue_3 ON positions.legs_rows_3 USING btree (slot, book_id, venue, instrument) WHERE (qty <> (0)::numeric);

CREATE INDEX quarantine_by_book ON positions.quarantine USING btree (book_id, position_id);

COMMENT ON INDEX positions.quarantine_by_book IS 'The quarantined positions of a book in all its slots; supports the foreign key.';

ALTER INDEX analytics.funding_collected_by_month ATTACH PARTITION analytics.funding_collected_by_month_1;

ALTER INDEX analytics.funding_collected_by_month ATTACH PARTITION analytics.funding_collected_by_month_2;

ALTER INDEX analytics.funding_collected_by_month ATTACH PARTITION analytics.funding_collected_by_month_3;

ALTER INDEX analytics.key_has_one_row_a_day ATTACH PARTITION analytics.key_has_one_row_a_day_1;

ALTER INDEX analytics.key_has_one_row_a_day ATTACH PARTITION analytics.key_has_one_row_a_day_2;

ALTER INDEX analytics.key_has_one_row_a_day ATTACH PARTITION analytics.key_has_one_row_a_day_3;

ALTER INDEX analytics.leg_has_one_row_a_day ATTACH PARTITION analytics.leg_has_one_row_a_day_1;

ALTER INDEX analytics.leg_has_one_row_a_day ATTACH PARTITION analytics.leg_has_one_row_a_day_2;

ALTER INDEX analytics.leg_has_one_row_a_day ATTACH PARTITION analytics.leg_has_one_row_a_day_3;

ALTER INDEX analytics.leg_has_one_row_a_month ATTACH PARTITION analytics.leg_has_one_row_a_month_1;

ALTER INDEX analytics.leg_has_one_row_a_month ATTACH PARTITION analytics.leg_has_one_row_a_month_2;

ALTER INDEX analytics.leg_has_one_row_a_month ATTACH PARTITION analytics.leg_has_one_row_a_month_3;

ALTER INDEX analytics.position_days_by_day ATTACH PARTITION analytics.position_days_by_day_1;

ALTER INDEX analytics.position_days_by_day ATTACH PARTITION analytics.position_days_by_day_2;

ALTER INDEX analytics.position_days_by_day ATTACH PARTITION analytics.position_days_by_day_3;

ALTER INDEX analytics.strategy_and_asset_have_one_row ATTACH PARTITION analytics.strategy_and_asset_have_one_row_1;

ALTER INDEX analytics.strategy_and_asset_have_one_row ATTACH PARTITION analytics.strategy_and_asset_have_one_row_2;

ALTER INDEX analytics.strategy_and_asset_have_one_row ATTACH PARTITION analytics.strategy_and_asset_have_one_row_3;

ALTER INDEX positions.active_by_opening ATTACH PARTITION positions.active_by_opening_1;

ALTER INDEX positions.active_by_opening ATTACH PARTITION positions.active_by_opening_2;

ALTER INDEX positions.active_by_opening ATTACH PARTITION positions.active_by_opening_3;

ALTER INDEX positions.active_by_state ATTACH PARTITION positions.active_by_state_1;

ALTER INDEX positions.active_by_state ATTACH PARTITION positions.active_by_state_2;

ALTER INDEX positions.active_by_state ATTACH PARTITION positions.active_by_state_3;

ALTER INDEX positions.active_by_strategy_and_asset ATTACH PARTITION positions.active_by_strategy_and_asset_1;

ALTER INDEX positions.active_by_strategy_and_asset ATTACH PARTITION positions.active_by_strategy_and_asset_2;

ALTER INDEX positions.active_by_strategy_and_asset ATTACH PARTITION positions.active_by_strategy_and_asset_3;

ALTER INDEX positions.ended_position_has_one_row ATTACH PARTITION positions.ended_position_has_one_row_1;

ALTER INDEX positions.ended_position_has_one_row ATTACH PARTITION positions.ended_position_has_one_row_2;

ALTER INDEX positions.ended_position_has_one_row ATTACH PARTITION positions.ended_position_has_one_row_3;

ALTER INDEX positions.history_by_close ATTACH PARTITION positions.history_by_close_1;

ALTER INDEX positions.history_by_close ATTACH PARTITION positions.history_by_close_2;

ALTER INDEX positions.history_by_close ATTACH PARTITION positions.history_by_close_3;

ALTER INDEX positions.history_closed_by_net ATTACH PARTITION positions.history_closed_by_net_1;

ALTER INDEX positions.history_closed_by_net ATTACH PARTITION positions.history_closed_by_net_2;

ALTER INDEX positions.history_closed_by_net ATTACH PARTITION positions.history_closed_by_net_3;

ALTER INDEX positions.leg_has_one_row ATTACH PARTITION positions.leg_has_one_row_1;

ALTER INDEX positions.leg_has_one_row ATTACH PARTITION positions.leg_has_one_row_2;

ALTER INDEX positions.leg_has_one_row ATTACH PARTITION positions.leg_has_one_row_3;

ALTER INDEX positions.legs_held_by_venue ATTACH PARTITION positions.legs_held_by_venue_1;

ALTER INDEX positions.legs_held_by_venue ATTACH PARTITION positions.legs_held_by_venue_2;

ALTER INDEX positions.legs_held_by_venue ATTACH PARTITION positions.legs_held_by_venue_3;

ALTER INDEX positions.open_position_has_one_row ATTACH PARTITION positions.open_position_has_one_row_1;

ALTER INDEX positions.open_position_has_one_row ATTACH PARTITION positions.open_position_has_one_row_2;

ALTER INDEX positions.open_position_has_one_row ATTACH PARTITION positions.open_position_has_one_row_3;

CREATE TRIGGER deliveries_refuse_change BEFORE DELETE OR UPDATE OR TRUNCATE ON positions.deliveries FOR EACH STATEMENT EXECUTE FUNCTION positions.refuse_change();

ALTER TABLE positions.deliveries ENABLE ALWAYS TRIGGER deliveries_refuse_change;

COMMENT ON TRIGGER deliveries_refuse_change ON positions.deliveries IS 'Refuses a statement that would change deliveries, even one that matches no row.';

CREATE TRIGGER deliveries_refuse_row_change BEFORE DELETE OR UPDATE ON positions.deliveries FOR EACH ROW EXECUTE FUNCTION positions.refuse_change();

ALTER TABLE positions.deliveries ENABLE ALWAYS TRIGGER deliveries_refuse_row_change;

COMMENT ON TRIGGER deliveries_refuse_row_change ON positions.deliveries IS 'Refuses a change of a row, also by logical replication.';

CREATE TRIGGER event_keys_refuse_change BEFORE DELETE OR UPDATE OR TRUNCATE ON positions.event_keys FOR EACH STATEMENT EXECUTE FUNCTION positions.refuse_change();

ALTER TABLE positions.event_keys ENABLE ALWAYS TRIGGER event_keys_refuse_change;

COMMENT ON TRIGGER event_keys_refuse_change ON positions.event_keys IS 'Refuses a statement that would change the keys, even one that matches no row.';

CREATE TRIGGER event_keys_refuse_row_change BEFORE DELETE OR UPDATE ON positions.event_keys FOR EACH ROW EXECUTE FUNCTION positions.refuse_change();

ALTER TABLE positions.event_keys ENABLE ALWAYS TRIGGER event_keys_refuse_row_change;

COMMENT ON TRIGGER event_keys_refuse_row_change ON positions.event_keys IS 'Refuses a change of a row, also by logical replication.';

CREATE TRIGGER events_refuse_change BEFORE DELETE OR UPDATE OR TRUNCATE ON positions.events FOR EACH STATEMENT EXECUTE FUNCTION positions.refuse_change();

ALTER TABLE positions.events ENABLE ALWAYS TRIGGER events_refuse_change;

COMMENT ON TRIGGER events_refuse_change ON positions.events IS 'Refuses a statement that names the log, even one that matches no row.';

CREATE TRIGGER events_refuse_row_change BEFORE DELETE OR UPDATE ON positions.events FOR EACH ROW EXECUTE FUNCTION positions.refuse_change();

ALTER TABLE positions.events ENABLE ALWAYS TRIGGER events_refuse_row_change;

COMMENT ON TRIGGER events_refuse_row_change ON positions.events IS 'Refuses a change of a row; the months inherit it.';

CREATE TRIGGER outbox_discards_refuse_change BEFORE DELETE OR UPDATE OR TRUNCATE ON positions.outbox_discards FOR EACH STATEMENT EXECUTE FUNCTION positions.refuse_change();

ALTER TABLE positions.outbox_discards ENABLE ALWAYS TRIGGER outbox_discards_refuse_change;

COMMENT ON TRIGGER outbox_discards_refuse_change ON positions.outbox_discards IS 'Refuses a statement that would change discards, even one that matches no row.';

CREATE TRIGGER outbox_discards_refuse_row_change BEFORE DELETE OR UPDATE ON positions.outbox_discards FOR EACH ROW EXECUTE FUNCTION positions.refuse_change();

ALTER TABLE positions.outbox_discards ENABLE ALWAYS TRIGGER outbox_discards_refuse_row_change;

COMMENT ON TRIGGER outbox_discards_refuse_row_change ON positions.outbox_discards IS 'Refuses a change of a row, also by logical replication.';

ALTER TABLE ONLY positions.projection_checkpoints
    ADD CONSTRAINT checkpoint_belongs_to_a_book FOREIGN KEY (book_id) REFERENCES positions.books(book_id);

ALTER TABLE ONLY positions.log_head
    ADD CONSTRAINT head_belongs_to_a_book FOREIGN KEY (book_id) REFERENCES positions.books(book_id);

ALTER TABLE ONLY positions.live_slot
    ADD CONSTRAINT live_slot_belongs_to_a_book FOREIGN KEY (book_id) REFERENCES positions.books(book_id);

ALTER TABLE ONLY positions.quarantine
    ADD CONSTRAINT quarantine_belongs_to_a_book FOREIGN KEY (book_id) REFERENCES positions.books(book_id);
