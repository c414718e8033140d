-- Why:   undoes 000028_settlements: the functions are as before, and no job looks for gaps. What
--        was found and resolved stays, and so do settlements that were rounded to the minute.
-- Locks: SHARE UPDATE EXCLUSIVE on funding.rates and rate_revisions, ROW EXCLUSIVE on
--        maintenance.jobs and runs; no reader and no writer waits.
-- Takes: milliseconds.

DO $do$
BEGIN
    BEGIN
        IF EXISTS (SELECT FROM pg_catalog.pg_extension AS e WHERE e.extname = 'pg_cron') THEN
            PERFORM cron.unschedule(c.jobid)
               FROM cron.job AS c
              WHERE c.jobname = 'nexus funding_gaps';
        END IF;
    EXCEPTION
        WHEN insufficient_privilege THEN
            RAISE NOTICE 'as nexus_maintainer: SELECT cron.unschedule(%)',
                         quote_literal('nexus funding_gaps');
    END;
    DELETE FROM maintenance.runs AS r
     WHERE r.job = 'funding_gaps';
    DELETE FROM maintenance.jobs AS j
     WHERE j.job = 'funding_gaps';
END
$do$;

COMMENT ON COLUMN funding.rates.funding_time IS
    'When the rate is settled, to the second.';
COMMENT ON COLUMN funding.rates.next_funding_time IS
    'When the next settlement is, as the source says, to the second; null if it does not.';
COMMENT ON COLUMN funding.rate_revisions.funding_time IS
    'When the rate is settled, to the second.';
COMMENT ON COLUMN funding.rate_revisions.next_funding_time IS
    'When the next settlement is, as the source says, to the second; null if it does not.';

CREATE OR REPLACE FUNCTION funding.settlement_calendar(
        from_at timestamptz, to_at timestamptz, of_exchange text DEFAULT NULL,
        of_symbol text DEFAULT NULL)
    RETURNS TABLE (exchange text, symbol text, settles_at timestamptz, interval_hours int,
                   basis text)
    LANGUAGE plpgsql
    STABLE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET jit = off
    SET plan_cache_mode = force_custom_plan
AS $function$
BEGIN
    IF from_at IS NULL
    OR to_at IS NULL
    OR NOT isfinite(from_at)
    OR NOT isfinite(to_at)
    OR from_at > to_at
    OR to_at - from_at > interval '400 days' THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('from_at %s to to_at %s is no period of at most 400 days',
                             coalesce(from_at::text, 'null'), coalesce(to_at::text, 'null')),
            HINT    = 'Give two times, the earlier one first, in several calls if need be.';
    END IF;
    RETURN QUERY
    WITH instruments AS MATERIALIZED (
        SELECT i.exchange, i.symbol, i.valid_from, i.valid_to, i.funding_interval_hours AS hours
          FROM data_collector.instruments AS i
         WHERE (of_exchange IS NULL
             OR i.exchange = of_exchange)
           AND (of_symbol IS NULL
             OR i.symbol = of_symbol)
    ),
    wanted AS MATERIALIZED (
        SELECT y.exchange, y.symbol
          FROM funding.symbols AS y
         WHERE (of_exchange IS NULL
             OR y.exchange = of_exchange)
           AND (of_symbol IS NULL
             OR y.symbol = of_symbol)
         UNION
        SELECT i.exchange, i.symbol
          FROM instruments AS i
    ),
    -- What has been settled, from the last before the period to the first after it.
    observed AS MATERIALIZED (
        SELECT w.exchange, w.symbol, o.funding_time, o.hours, o.next_funding_time
          FROM wanted AS w
         CROSS JOIN LATERAL (
               SELECT DISTINCT ON (r.funding_time)
                      r.funding_time, r.interval_hours AS hours, r.next_funding_time
                 FROM funding.rates AS r
                 JOIN data_collector.sources AS s
                   ON s.source = r.source
                WHERE r.exchange = w.exchange
                  AND r.symbol = w.symbol
                  AND r.funding_time >= from_at
                  AND r.funding_time < to_at + interval '24 hours'
                ORDER BY r.funding_time, s.priority
               ) AS o
         UNION ALL
        SELECT w.exchange, w.symbol, o.funding_time, o.interval_hours, o.next_funding_time
          FROM wanted AS w
         CROSS JOIN LATERAL (
               SELECT r.funding_time, r.interval_hours, r.next_funding_time
                 FROM funding.rates AS r
                 JOIN data_collector.sources AS s
                   ON s.source = r.source
                WHERE r.exchange = w.exchange
                  AND r.symbol = w.symbol
                  AND r.funding_time < from_at
                  AND r.funding_time >= from_at - interval '31 days'
                ORDER BY r.funding_time DESC, s.priority
                LIMIT 1
               ) AS o
    ),
    chain AS MATERIALIZED (
        SELECT o.*,
               lag(o.funding_time) OVER following AS before,
               lead(o.funding_time) OVER following AS after
          FROM observed AS o
        WINDOW following AS (PARTITION BY o.exchange, o.symbol ORDER BY o.funding_time)
    ),
    -- Times in which settlements were, or will be, that nobody has told: (starts, ends].
    spans AS (
        -- After the last one, by its own interval or by what the source says of the next one …
        SELECT c.exchange, c.symbol, c.funding_time AS starts, n.hours,
               to_timestamp(extract(epoch FROM coalesce(c.next_funding_time, c.funding_time))
                            % (n.hours * 3600)) AS phase
          FROM chain AS c
         CROSS JOIN LATERAL (
               SELECT CASE
                          WHEN extract(epoch FROM c.next_funding_time - c.funding_time)
                               % 3600 = 0
                           AND c.next_funding_time <= c.funding_time + interval '24 hours'
                              THEN (extract(epoch FROM c.next_funding_time - c.funding_time)
                                    / 3600)::int
                          ELSE c.hours
                      END AS hours
               ) AS n
         WHERE c.after IS NULL
         UNION ALL
        -- … until the instrument says something newer; without any, by the instrument alone.
        SELECT i.exchange, i.symbol,
               greatest(i.valid_from,
                        CASE WHEN f.funding_time IS NULL
                             THEN from_at - interval '1 microsecond'
                        END),
               i.hours,
               to_timestamp(coalesce(extract(epoch FROM l.funding_time) % (l.hours * 3600), 0))
          FROM instruments AS i
          LEFT JOIN chain AS l
            ON l.exchange = i.exchange
           AND l.symbol = i.symbol
           AND l.after IS NULL
          LEFT JOIN chain AS f
            ON f.exchange = i.exchange
           AND f.symbol = i.symbol
           AND f.before IS NULL
         WHERE i.valid_from > l.funding_time
            OR l.funding_time IS NULL
    ),
    ends AS (
        SELECT s.*,
               least(lead(s.starts) OVER (PARTITION BY s.exchange, s.symbol ORDER BY s.starts),
                     (SELECT i.valid_to
                        FROM instruments AS i
                       WHERE i.exchange = s.exchange
                         AND i.symbol = s.symbol
                         AND i.valid_from <= greatest(s.starts, from_at)
                         AND i.valid_to > s.starts
                         AND NOT EXISTS (SELECT
                                           FROM instruments AS n
                                          WHERE n.exchange = i.exchange
                                            AND n.symbol = i.symbol
                                            AND n.valid_from = i.valid_to)
                       ORDER BY i.valid_from DESC
                       LIMIT 1)) AS ends
          FROM spans AS s
    ),
    untold AS (
        SELECT e.exchange, e.symbol, g.at, e.hours
          FROM ends AS e
         CROSS JOIN LATERAL (
               SELECT to_timestamp(
                          extract(epoch FROM e.phase)
                          + e.hours * 3600
                          * (floor((extract(epoch FROM greatest(e.starts, from_at
                                                                  - interval '1 microsecond'))
                                    - extract(epoch FROM e.phase)) / (e.hours * 3600)) + 1))
                          AS first_at
               ) AS b
         CROSS JOIN LATERAL generate_series(
                        b.first_at,
                        least(e.ends, to_at - interval '1 microsecond'),
                        make_interval(hours => e.hours)) AS g (at)
         UNION ALL
        -- Between two that were told, back from the later one by the hours that it is for.
        SELECT c.exchange, c.symbol, g.at, c.hours
          FROM chain AS c
         CROSS JOIN LATERAL generate_series(
                        c.funding_time - make_interval(hours => c.hours),
                        c.before + interval '1 minute',
                        make_interval(hours => -c.hours)) AS g (at)
         WHERE c.before IS NOT NULL
         UNION ALL
        -- Before the first that was told, by the instrument of that time.
        SELECT c.exchange, c.symbol, g.at, i.hours
          FROM chain AS c
          JOIN instruments AS i
            ON i.exchange = c.exchange
           AND i.symbol = c.symbol
           AND i.valid_from < c.funding_time
           AND coalesce(i.valid_to, 'infinity') > from_at
         CROSS JOIN LATERAL generate_series(
                        c.funding_time - make_interval(
                            hours => i.hours
                                * greatest(1, ceil(extract(epoch FROM c.funding_time
                                                                      - least(i.valid_to,
                                                                              c.funding_time))
                                                   / (i.hours * 3600)))::int),
                        greatest(i.valid_from + interval '1 microsecond', from_at),
                        make_interval(hours => -i.hours)) AS g (at)
         WHERE c.before IS NULL
    )
    SELECT o.exchange, o.symbol, o.funding_time, o.hours,
           CASE WHEN o.funding_time <= now() THEN 'observed' ELSE 'announced' END
      FROM observed AS o
     WHERE o.funding_time >= from_at
       AND o.funding_time < to_at
     UNION ALL
    SELECT u.exchange, u.symbol, u.at, u.hours,
           CASE WHEN u.at <= now() THEN 'missed' ELSE 'expected' END
      FROM untold AS u
     WHERE u.at >= from_at
       AND u.at < to_at
     ORDER BY 3, 1, 2;
END
$function$;

COMMENT ON FUNCTION funding.settlement_calendar(timestamptz, timestamptz, text, text) IS
    'When symbols settle from a time on and before another (at most 400 days), of one exchange '
    'and symbol or of all: exchange, symbol, time, hours that the settlement is for, and basis: '
    'observed (a rate has come), announced (a rate has come before its time), missed (it is past '
    'and no rate has come) or expected. Intervals are the real ones: those of the rates; between '
    'two rates, that of the later one; after the last, what the source says of the next '
    'settlement, else the last interval, until data_collector.instruments says something newer; '
    'without rates, that of the instrument, from midnight UTC. Raises 22023 for another period.';

CREATE OR REPLACE FUNCTION funding.find_discrepancies(
        from_at timestamptz, to_at timestamptz, OUT opened int, OUT resolved int)
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET jit = off
    SET plan_cache_mode = force_custom_plan
AS $function$
DECLARE
    found_of     text[];
    found_symbol text[];
    found_time   timestamptz[];
BEGIN
    IF from_at IS NULL
    OR to_at IS NULL
    OR from_at > to_at THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('from_at %s is not before to_at %s', coalesce(from_at::text, 'null'),
                             coalesce(to_at::text, 'null')),
            HINT    = 'Give two times, the earlier one first.';
    END IF;
    SELECT array_agg(k.exchange), array_agg(k.symbol), array_agg(k.funding_time)
      INTO found_of, found_symbol, found_time
      FROM (SELECT r.exchange, r.symbol, r.funding_time
              FROM funding.rates AS r
             WHERE r.funding_time >= from_at
               AND r.funding_time < to_at
             GROUP BY r.exchange, r.symbol, r.funding_time
            HAVING count(*) > 1) AS k;
    SELECT c.opened, c.resolved
      INTO opened, resolved
      FROM funding.compare_sources(found_of, found_symbol, found_time) AS c;
END
$function$;

COMMENT ON FUNCTION funding.find_discrepancies(timestamptz, timestamptz) IS
    'Compares the sources on every settlement from a time on and before another, by the threshold '
    'of now; returns how many discrepancies it opened and resolved. Raises 22023 for times in the '
    'wrong order.';

CREATE OR REPLACE FUNCTION funding.ingest_rates(
        source text, exchanges text[], symbols text[], funding_times timestamptz[],
        rates numeric[], interval_hours int[] DEFAULT NULL,
        next_funding_times timestamptz[] DEFAULT NULL, mark_prices numeric[] DEFAULT NULL,
        received_at timestamptz DEFAULT clock_timestamp(), run_id bigint DEFAULT NULL,
        OUT taken int, OUT duplicate int, OUT revised int, OUT opened int, OUT resolved int)
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET jit = off
    SET enable_nestloop = on
    SET enable_hashjoin = on
    SET enable_mergejoin = on
AS $function$
DECLARE
    elements_max CONSTANT int := 500000;
    offered      CONSTANT int := cardinality(funding_times);
    -- Planned anew each time, unlike the look-ups of the foreign keys that they set off.
    -- $1 source, $2 to $8 what is offered, $9 received_at, $10 run_id, $11 to $12 the period.
    insert_new   CONSTANT text := $sql$
        WITH new_rates AS (
            INSERT INTO funding.rates AS r
                   (source, exchange, symbol, funding_time, rate, interval_hours, next_funding_time,
                    mark_price, received_at, run_id)
            SELECT $1, e.exchange, e.symbol, e.funding_time, e.rate, e.hours,
                   e.next_funding_time, e.mark_price, $9, $10
              FROM unnest($2, $3, $4, $5, $6, $7, $8)
                   AS e (exchange, symbol, funding_time, rate, hours, next_funding_time, mark_price)
             ORDER BY e.funding_time, e.exchange, e.symbol
                ON CONFLICT DO NOTHING
            RETURNING r.exchange, r.symbol, r.funding_time
        )
        SELECT (SELECT count(*) FROM new_rates), array_agg(n.exchange), array_agg(n.symbol),
               array_agg(n.funding_time)
          FROM new_rates AS n
         WHERE EXISTS (SELECT
                         FROM funding.rates AS r
                        WHERE r.exchange = n.exchange
                          AND r.symbol = n.symbol
                          AND r.funding_time = n.funding_time
                          AND r.source <> $1
                          AND r.funding_time BETWEEN $11 AND $12)
    $sql$;
    find_revised CONSTANT text := $sql$
        SELECT array_agg(r.funding_time)
           FROM unnest($2, $3, $4, $5, $6, $7, $8)
                AS e (exchange, symbol, funding_time, rate, hours, next_funding_time, mark_price)
           JOIN funding.rates AS r
             ON r.source = $1
            AND r.exchange = e.exchange
            AND r.symbol = e.symbol
            AND r.funding_time = e.funding_time
          WHERE r.funding_time BETWEEN $11 AND $12
            AND (r.rate, r.interval_hours, r.next_funding_time, r.mark_price)
                IS DISTINCT FROM (e.rate, e.hours, e.next_funding_time, e.mark_price)
    $sql$;
    revise       CONSTANT text := $sql$
        WITH said AS MATERIALIZED (
            SELECT DISTINCT
                   r.exchange, r.symbol, r.funding_time, e.rate, e.hours, e.next_funding_time,
                   e.mark_price, r.rate AS former_rate, r.interval_hours AS former_hours,
                   r.next_funding_time AS former_next, r.mark_price AS former_price,
                   r.received_at AS former_received_at, r.run_id AS former_run_id,
                   r.received_at <= $9 AS is_newer
              FROM unnest($2, $3, $4, $5, $6, $7, $8)
                   AS e (exchange, symbol, funding_time, rate, hours, next_funding_time,
                         mark_price)
              JOIN funding.rates AS r
                ON r.source = $1
               AND r.exchange = e.exchange
               AND r.symbol = e.symbol
               AND r.funding_time = e.funding_time
             WHERE r.funding_time BETWEEN $11 AND $12
               AND (r.rate, r.interval_hours, r.next_funding_time, r.mark_price)
                   IS DISTINCT FROM (e.rate, e.hours, e.next_funding_time, e.mark_price)
        ),
        out_of_force AS (
            INSERT INTO funding.rate_revisions
                   (source, exchange, symbol, funding_time, rate, interval_hours,
                    next_funding_time, mark_price, received_at, run_id)
            SELECT $1, s.exchange, s.symbol, s.funding_time, s.former_rate,
                   s.former_hours, s.former_next, s.former_price, s.former_received_at,
                   s.former_run_id
              FROM said AS s
             WHERE s.is_newer
             UNION ALL
            -- Received before what is in force, but brought after it.
            SELECT $1, s.exchange, s.symbol, s.funding_time, s.rate, s.hours,
                   s.next_funding_time, s.mark_price, $9,
                   $10
              FROM said AS s
             WHERE NOT s.is_newer
               AND NOT EXISTS (SELECT
                                 FROM funding.rate_revisions AS v
                                WHERE v.source = $1
                                  AND v.exchange = s.exchange
                                  AND v.symbol = s.symbol
                                  AND v.funding_time = s.funding_time
                                  AND v.received_at = $9
                                  AND (v.rate, v.interval_hours, v.next_funding_time,
                                       v.mark_price)
                                      IS NOT DISTINCT FROM
                                      (s.rate, s.hours, s.next_funding_time, s.mark_price))
            RETURNING 1
        ),
        in_force AS (
            UPDATE funding.rates AS r
               SET rate = s.rate,
                   interval_hours = s.hours,
                   next_funding_time = s.next_funding_time,
                   mark_price = s.mark_price,
                   received_at = $9,
                   run_id = $10,
                   revision = r.revision + 1
              FROM said AS s
             WHERE s.is_newer
               AND r.source = $1
               AND r.exchange = s.exchange
               AND r.symbol = s.symbol
               AND r.funding_time = s.funding_time
               AND r.funding_time BETWEEN $11 AND $12
            RETURNING r.exchange, r.symbol, r.funding_time
        )
        SELECT (SELECT count(*) FROM out_of_force), array_agg(f.exchange),
               array_agg(f.symbol), array_agg(f.funding_time)
          FROM in_force AS f
    $sql$;
    given        record;
    bad          record;
    known        text[] := ARRAY(SELECT x.exchange FROM config.exchanges AS x);
    first_time   timestamptz;
    last_time    timestamptz;
    seconds      timestamptz[];
    next_seconds timestamptz[];
    days         timestamptz[];
    times_said   timestamptz[];
    of_exchanges text[];
    of_symbols   text[];
    hours        int[] := interval_hours;
    found_of     text[];
    found_symbol text[];
    found_time   timestamptz[];
    again_of     text[];
    again_symbol text[];
    again_time   timestamptz[];
BEGIN
    taken := 0;
    duplicate := 0;
    revised := 0;
    opened := 0;
    resolved := 0;

    -- The call as a whole.
    IF NOT EXISTS (SELECT
                     FROM data_collector.sources AS s
                    WHERE s.source = ingest_rates.source) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('source %s is unknown', quote_nullable(source)),
            HINT    = 'SELECT source FROM data_collector.known_sources lists those that are '
                      'known; add another to data_collector.sources first.';
    END IF;
    received_at := coalesce(received_at, clock_timestamp());
    IF NOT isfinite(received_at)
    OR received_at > clock_timestamp() + interval '1 minute' THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('received_at %s is no time that has come',
                             received_at),
            HINT    = 'Give the time at which the rates were received, or leave it out.';
    END IF;
    FOR given IN
        SELECT l.field, l.length
          FROM (VALUES ('exchanges', cardinality(exchanges), false),
                       ('symbols', cardinality(symbols), false),
                       ('funding_times', cardinality(funding_times), false),
                       ('rates', cardinality(rates), false),
                       ('interval_hours', cardinality(interval_hours), true),
                       ('next_funding_times', cardinality(next_funding_times), true),
                       ('mark_prices', cardinality(mark_prices), true))
               AS l (field, length, may_be_null)
         WHERE l.length IS DISTINCT FROM offered
            OR l.length IS NULL
         ORDER BY l.may_be_null, l.length NULLS FIRST
    LOOP
        CONTINUE WHEN given.length IS NULL
                  AND offered IS NOT NULL
                  AND given.field IN ('interval_hours', 'next_funding_times', 'mark_prices');
        RAISE EXCEPTION USING
            ERRCODE = 'array_subscript_error',
            MESSAGE = format('%s has %s elements and funding_times has %s', given.field,
                             coalesce(given.length::text, 'no'),
                             coalesce(offered::text, 'no')),
            HINT    = 'Give arrays of one length, an element a rate.';
    END LOOP;
    IF offered > elements_max THEN
        RAISE EXCEPTION USING
            ERRCODE = 'program_limit_exceeded',
            MESSAGE = format('%s rates are more than %s', offered, elements_max),
            HINT    = 'Bring them in several calls.';
    END IF;
    IF run_id IS NOT NULL
    AND NOT EXISTS (SELECT
                      FROM data_collector.ingestion_runs AS r
                     WHERE r.run_id = ingest_rates.run_id
                       AND r.source = ingest_rates.source
                       AND r.status = 'running') THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('run_id %s is no run of %s that is running', run_id, source),
            HINT    = 'Begin one with data_collector.start_run, or leave run_id out.';
    END IF;
    IF offered = 0 THEN
        RETURN;
    END IF;

    PERFORM funding.plan_for(offered);

    -- Intervals that are not said are those of the instrument, just before the settlement.
    IF hours IS NULL
    OR array_position(hours, NULL) IS NOT NULL THEN
        SELECT array_agg(coalesce(e.interval_hours,
                                  (SELECT i.funding_interval_hours
                                     FROM data_collector.instruments AS i
                                    WHERE i.exchange = e.exchange
                                      AND i.symbol = e.symbol
                                      AND i.valid_from <= e.funding_time
                                      AND (i.valid_to >= e.funding_time
                                        OR i.valid_to IS NULL)
                                    ORDER BY i.valid_from
                                    LIMIT 1)) ORDER BY e.place)
          INTO hours
          FROM unnest(exchanges, symbols, funding_times, interval_hours)
               WITH ORDINALITY AS e (exchange, symbol, funding_time, interval_hours, place);
    END IF;

    -- Each element: the first fault of the first one that has any.
    SELECT f.*
      INTO bad
      FROM (SELECT e.*,
                   CASE
                       WHEN e.exchange = ANY (known) IS NOT TRUE THEN 'exchange'
                       WHEN length(e.symbol) BETWEEN 1 AND 64
                        AND e.symbol !~ '[[:space:][:cntrl:]]' THEN
                           CASE
                               WHEN e.funding_time IS NULL
                                 OR NOT isfinite(e.funding_time)
                                 OR e.funding_time < timestamptz '2010-01-01 00:00:00+00'
                                 OR e.funding_time > received_at + interval '31 days'
                                   THEN 'funding_time'
                               WHEN e.rate IS NULL
                                 OR e.rate NOT BETWEEN -1 AND 1
                                 OR scale(trim_scale(e.rate)) > 18 THEN 'rate'
                               WHEN e.hours IS NULL
                                 OR e.hours NOT BETWEEN 1 AND 24 THEN 'interval_hours'
                               WHEN e.next_funding_time < e.funding_time + interval '1 second'
                                 OR e.next_funding_time > e.funding_time + interval '31 days'
                                   THEN 'next_funding_time'
                               WHEN e.mark_price <= 0
                                 OR e.mark_price >= 1e20
                                 OR scale(trim_scale(e.mark_price)) > 18 THEN 'mark_price'
                           END
                       ELSE 'symbol'
                   END AS field
              FROM unnest(exchanges, symbols, funding_times, rates, hours, next_funding_times,
                          mark_prices)
                   WITH ORDINALITY
                   AS e (exchange, symbol, funding_time, rate, hours, next_funding_time,
                         mark_price, place)) AS f
     WHERE f.field IS NOT NULL
     ORDER BY f.place
     LIMIT 1;
    IF found THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format(
                'element %s (%s %s at %s): %s %s %s', bad.place,
                coalesce(bad.exchange, 'null'), coalesce(bad.symbol, 'null'),
                coalesce(bad.funding_time::text, 'null'), bad.field,
                CASE bad.field
                    WHEN 'exchange' THEN quote_nullable(bad.exchange)
                    WHEN 'symbol' THEN quote_nullable(left(bad.symbol, 80))
                    WHEN 'funding_time' THEN coalesce(bad.funding_time::text, 'null')
                    WHEN 'rate' THEN coalesce(bad.rate::text, 'null')
                    WHEN 'interval_hours' THEN coalesce(bad.hours::text, 'null')
                    WHEN 'next_funding_time' THEN bad.next_funding_time::text
                    ELSE bad.mark_price::text
                END,
                CASE bad.field
                    WHEN 'exchange' THEN 'is not in config.exchanges'
                    WHEN 'symbol' THEN 'is not 1 to 64 characters without space'
                    WHEN 'funding_time' THEN 'is not from 2010 to 31 days after received_at'
                    WHEN 'rate' THEN 'is not from -1 to 1 with at most 18 decimals'
                    WHEN 'interval_hours' THEN 'is not 1 to 24'
                    WHEN 'next_funding_time' THEN 'is not within 31 days after funding_time'
                    ELSE 'is not positive, below 10^20, with at most 18 decimals'
                END),
            HINT    =
                CASE bad.field
                    WHEN 'exchange' THEN 'Add the exchange to the configuration first: '
                                         'config.set(''exchanges/…'', …).'
                    WHEN 'symbol' THEN 'Give the symbol as the exchange writes it.'
                    WHEN 'funding_time' THEN 'Give the time of the settlement; a number of '
                                             'milliseconds is to_timestamp(n / 1000.0).'
                    WHEN 'rate' THEN 'Give the rate as a fraction per interval: 0.01 % is '
                                     '0.0001. Round it to 18 decimals.'
                    WHEN 'interval_hours' THEN 'Give the hours since the settlement before, or '
                                               'tell data_collector.set_instrument first.'
                    WHEN 'next_funding_time' THEN 'Give the next settlement, or null.'
                    ELSE 'Give the price in the quote asset, or null.'
                END
                || ' Nothing of the call was taken.';
    END IF;

    -- A settlement is known by its second.
    seconds := ARRAY(SELECT date_trunc('second', u.at)
                       FROM unnest(funding_times) AS u (at));
    next_seconds := ARRAY(SELECT date_trunc('second', u.at)
                            FROM unnest(next_funding_times) AS u (at));
    SELECT min(u.at), max(u.at), array_agg(DISTINCT date_trunc('day', u.at, 'UTC'))
      INTO first_time, last_time, days
      FROM unnest(seconds) AS u (at);
    PERFORM funding.make_room('funding.rates', 'day', days);

    -- Symbols, in the order of their names, so that two callers never wait for one another.
    WITH symbols_now AS MATERIALIZED (
        SELECT e.exchange, e.symbol, min(e.funding_time) AS first_at, max(e.funding_time) AS last_at
          FROM unnest(exchanges, symbols, seconds) AS e (exchange, symbol, funding_time)
         GROUP BY e.exchange, e.symbol
    ),
    written AS (
        INSERT INTO funding.symbols AS y (exchange, symbol, first_funding_time, last_funding_time)
        SELECT n.exchange, n.symbol, n.first_at, n.last_at
          FROM symbols_now AS n
         ORDER BY n.exchange, n.symbol
            ON CONFLICT ON CONSTRAINT symbol_is_unique_on_its_exchange DO UPDATE
           SET first_funding_time = least(y.first_funding_time, excluded.first_funding_time),
               last_funding_time = greatest(y.last_funding_time, excluded.last_funding_time)
         WHERE y.first_funding_time > excluded.first_funding_time
            OR y.last_funding_time < excluded.last_funding_time
    )
    SELECT array_agg(n.exchange), array_agg(n.symbol)
      INTO of_exchanges, of_symbols
      FROM symbols_now AS n;
    PERFORM
       FROM funding.symbols AS y
       JOIN unnest(of_exchanges, of_symbols) AS n (exchange, symbol)
         ON n.exchange = y.exchange
        AND n.symbol = y.symbol
      ORDER BY y.exchange, y.symbol
        FOR NO KEY UPDATE OF y;
    INSERT INTO funding.series (source, exchange, symbol)
    SELECT ingest_rates.source, n.exchange, n.symbol
      FROM unnest(of_exchanges, of_symbols) AS n (exchange, symbol)
        ON CONFLICT DO NOTHING;

    -- What is new, and of it what another source has told already.
    EXECUTE insert_new INTO taken, found_of, found_symbol, found_time
      USING source, exchanges, symbols, seconds, rates, hours, next_seconds, mark_prices,
            received_at, run_id, first_time, last_time;

    -- What was known: the same is a duplicate, another statement a revision.
    IF taken < offered THEN
        -- A call that says two things of one settlement is a mistake of its caller.
        SELECT e.exchange, e.symbol, e.funding_time, min(e.place) AS place, max(e.place) AS other
          INTO bad
          FROM unnest(exchanges, symbols, seconds, rates, hours, next_seconds, mark_prices)
               WITH ORDINALITY
               AS e (exchange, symbol, funding_time, rate, hours, next_funding_time, mark_price,
                     place)
         GROUP BY e.exchange, e.symbol, e.funding_time
        HAVING count(*) > 1
           AND (min(e.rate) <> max(e.rate)
             OR min(e.hours) <> max(e.hours)
             OR min(e.next_funding_time) <> max(e.next_funding_time)
             OR min(e.mark_price) <> max(e.mark_price)
             OR count(e.next_funding_time) NOT IN (0, count(*))
             OR count(e.mark_price) NOT IN (0, count(*)))
         ORDER BY min(e.place)
         LIMIT 1;
        IF found THEN
            RAISE EXCEPTION USING
                ERRCODE = 'invalid_parameter_value',
                MESSAGE = format('elements %s and %s say different things of %s %s at %s: rate '
                                 '%s and %s', bad.place, bad.other, bad.exchange, bad.symbol,
                                 bad.funding_time, rates[bad.place], rates[bad.other]),
                HINT    = 'Give each settlement once. Nothing of the call was taken.';
        END IF;

        EXECUTE find_revised INTO times_said
          USING source, exchanges, symbols, seconds, rates, hours, next_seconds, mark_prices,
                received_at, run_id, first_time, last_time;
        IF times_said IS NOT NULL THEN
            PERFORM funding.make_room('funding.rate_revisions', 'month', times_said);
            EXECUTE revise INTO revised, again_of, again_symbol, again_time
              USING source, exchanges, symbols, seconds, rates, hours, next_seconds, mark_prices,
                    received_at, run_id, first_time, last_time;
        END IF;
    END IF;
    duplicate := offered - taken - revised;

    SELECT c.opened, c.resolved
      INTO opened, resolved
      FROM funding.compare_sources(found_of || again_of, found_symbol || again_symbol,
                                   found_time || again_time) AS c;
    IF run_id IS NOT NULL THEN
        PERFORM data_collector.count_rows(run_id, offered, taken, duplicate, revised);
    END IF;
END
$function$;

COMMENT ON FUNCTION funding.ingest_rates(
    text, text[], text[], timestamptz[], numeric[], int[], timestamptz[], numeric[], timestamptz,
    bigint) IS
    'Takes rates of one source, at most 500000, all or none. Rates are fractions per interval; '
    'interval_hours are the hours since the settlement before, by default those of the '
    'instrument; received_at is by default now: a retry gives that of its first attempt. Returns '
    'how many were taken, how many were duplicates (known so already), how many revised (another '
    'statement of what was known: that received last is in force, the others are in '
    'funding.rate_revisions), and how many discrepancies it opened and resolved. Raises 22023 '
    'naming element, field, value and cure; 2202E for arrays of several lengths; 54000 for too '
    'many.';
