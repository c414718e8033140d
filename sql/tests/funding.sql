-- Rates are taken once, revised never silently; sources that disagree are seen in both orders;
-- a snapshot sees what was known and due; the calendar follows intervals as they change.
BEGIN;

CREATE EXTENSION IF NOT EXISTS pgtap;

SELECT no_plan();

INSERT INTO config.exchanges (exchange, name)
VALUES ('fu-test-a', 'A'), ('fu-test-b', 'B');
DELETE FROM config.system_settings
 WHERE key IN ('funding.discrepancy_threshold', 'funding.snapshot_age_max');

-- One rate of A's BTC, at an hour of 2026-03-01.
CREATE FUNCTION pg_temp.tell(source text, hour int, rate numeric, hours int DEFAULT 8,
                             received_at timestamptz DEFAULT clock_timestamp(),
                             symbol text DEFAULT 'BTC')
    RETURNS text
    LANGUAGE sql
AS $function$
    SELECT format('%s %s %s %s %s', i.taken, i.duplicate, i.revised, i.opened, i.resolved)
      FROM funding.ingest_rates(
               source, ARRAY['fu-test-a'], ARRAY[symbol],
               ARRAY[timestamptz '2026-03-01 00:00:00+00' + make_interval(hours => hour)],
               ARRAY[rate], ARRAY[hours], received_at => received_at) AS i;
$function$;

-- Taken, duplicate, revised; opened, resolved.
SELECT is(pg_temp.tell('exchange_api', 0, 0.0001, 8, '2026-03-01 00:00:05+00'), '1 0 0 0 0',
          'a rate is taken');
SELECT is(pg_temp.tell('exchange_api', 0, 0.0001), '0 1 0 0 0', 'the same again is a duplicate');
SELECT results_eq(
    $$SELECT rate, received_at, revision FROM funding.rates WHERE exchange = 'fu-test-a'$$,
    $$VALUES (0.0001::numeric(38,18), timestamptz '2026-03-01 00:00:05+00', 1)$$,
    'which changes nothing');
SELECT is(pg_temp.tell('exchange_api', 0, 0.0002, 8, '2026-03-01 00:10:00+00'), '0 0 1 0 0',
          'another value is a revision');
SELECT is(pg_temp.tell('exchange_api', 0, 0.0002, 8, '2026-03-01 00:10:00+00'), '0 1 0 0 0',
          'told again it is a duplicate');
SELECT is(pg_temp.tell('exchange_api', 0, 0.0001, 8, '2026-03-01 00:00:05+00'), '0 1 0 0 0',
          'a retry of what came before is known, and not put in force again');
SELECT is(pg_temp.tell('exchange_api', 0, 0.00015, 8, '2026-03-01 00:05:00+00'), '0 0 1 0 0',
          'what was received before what is in force is kept');
SELECT is(pg_temp.tell('exchange_api', 0, 0.00015, 8, '2026-03-01 00:05:00+00'), '0 1 0 0 0',
          'once');
SELECT results_eq(
    $$SELECT rate, revision FROM funding.rates WHERE exchange = 'fu-test-a'$$,
    $$VALUES (0.0002::numeric(38,18), 2)$$,
    'the statement received last is in force');
SELECT results_eq(
    $$SELECT rate, received_at
        FROM funding.rate_revisions
       WHERE exchange = 'fu-test-a'
       ORDER BY received_at$$,
    $$VALUES (0.0001::numeric(38,18), timestamptz '2026-03-01 00:00:05+00'),
             (0.00015, '2026-03-01 00:05:00+00')$$,
    'and no other is lost');
SELECT throws_ok(statement, 'NX001', NULL, 'refused: ' || statement)
  FROM (VALUES ('UPDATE funding.rate_revisions SET rate = 0'),
               ('DELETE FROM funding.rate_revisions'),
               ('TRUNCATE funding.rate_revisions')) AS s (statement);

-- A settlement is known by its minute; what a call tells twice is told once.
SELECT results_eq(
    $$SELECT taken, duplicate
        FROM funding.ingest_rates(
                 'exchange_api', ARRAY['fu-test-b', 'fu-test-b'], ARRAY['ETH', 'ETH'],
                 ARRAY['2026-03-01 08:00:00.048+00', '2026-03-01 08:00:00+00']::timestamptz[],
                 ARRAY[0.0003, 0.0003], ARRAY[8, 8])$$,
    'SELECT 1, 1', 'some milliseconds make no other settlement');
CREATE FUNCTION pg_temp.stamp(source text, stamp timestamptz, rate numeric,
                              next_time timestamptz DEFAULT NULL, symbol text DEFAULT 'STAMP')
    RETURNS text
    LANGUAGE sql
AS $function$
    SELECT format('%s %s %s %s', i.taken, i.duplicate, i.revised, i.opened)
      FROM funding.ingest_rates(source, ARRAY['fu-test-b'], ARRAY[symbol], ARRAY[stamp],
                                ARRAY[rate], ARRAY[8], ARRAY[next_time]) AS i;
$function$;
SELECT is(pg_temp.stamp('exchange_api', '2026-03-01 06:00:00.007+00', 0.0001), '1 0 0 0',
          'an exchange stamps a little late');
SELECT is(pg_temp.stamp('arbitragescanner', '2026-03-01 05:59:59.997+00', 0.0009), '1 0 0 1',
          'another source a little early: it is the same settlement, of which they disagree');
SELECT is(pg_temp.stamp('arbitragescanner', '2026-03-01 06:00:01.1+00', 0.0009), '0 1 0 0',
          'and later by a second it is told again');
SELECT is(pg_temp.stamp('exchange_api', '2026-03-01 13:59:30+00', 0.0001,
                        '2026-03-01 21:59:59.9+00'), '1 0 0 0', 'half a minute is near enough');
SELECT results_eq(
    $$SELECT DISTINCT funding_time, next_funding_time
        FROM funding.rates
       WHERE symbol = 'STAMP'
       ORDER BY funding_time$$,
    $$VALUES (timestamptz '2026-03-01 06:00:00+00', NULL::timestamptz),
             ('2026-03-01 14:00:00+00', '2026-03-01 22:00:00+00')$$,
    'the nearest minute counts, of the next settlement too');
SELECT throws_ok(
    $$SELECT pg_temp.stamp('exchange_api', '2026-03-01 22:00:01+00', 0.0001,
                           '2026-03-01 22:00:20+00')$$,
    '22023', NULL, 'the next settlement is not in the same minute');
SELECT results_eq(
    $$SELECT taken + duplicate + revised
        FROM funding.ingest_rates('exchange_api', '{}', '{}', '{}', '{}')$$,
    'SELECT 0', 'no rates are no error');

-- Each element is looked at; the error names element, field, value and cure; nothing is changed.
CREATE FUNCTION pg_temp.fault(exchange text, symbol text, funding_time timestamptz, rate numeric,
                              hours int, next_time timestamptz DEFAULT NULL,
                              price numeric DEFAULT NULL)
    RETURNS text
    LANGUAGE plpgsql
AS $function$
DECLARE
    cure text;
BEGIN
    PERFORM funding.ingest_rates(
        'exchange_api', ARRAY['fu-test-b', exchange], ARRAY['SOL', symbol],
        ARRAY['2026-03-01 00:00:00+00', funding_time], ARRAY[0.0001, rate], ARRAY[8, hours],
        ARRAY[NULL, next_time], ARRAY[NULL, price]);
    RETURN 'taken';
EXCEPTION
    WHEN invalid_parameter_value THEN
        GET STACKED DIAGNOSTICS cure = PG_EXCEPTION_HINT;
        RETURN sqlerrm || ' ' || cure;
END
$function$;

SELECT matches(pg_temp.fault(v.exchange, v.symbol, v.at, v.rate, v.hours, v.next_time, v.price),
               v.pattern, v.why)
  FROM (VALUES
    ('fu-test-x', 'S', timestamptz '2026-03-01 00:00:00+00', 0.1, 8, NULL::timestamptz,
     NULL::numeric,
     '^element 2 .*: exchange ''fu-test-x'' .*config\.set', 'an unknown exchange is refused'),
    ('fu-test-b', 'S S', '2026-03-01 00:00:00+00', 0.1, 8, NULL, NULL,
     '^element 2 .*: symbol ''S S'' ', 'a symbol with a space is refused'),
    ('fu-test-b', NULL, '2026-03-01 00:00:00+00', 0.1, 8, NULL, NULL,
     '^element 2 .*: symbol NULL ', 'no symbol is refused'),
    ('fu-test-b', 'S', '1970-01-21 00:00:00+00', 0.1, 8, NULL, NULL,
     '^element 2 .*: funding_time 1970.*milliseconds', 'a time in the wrong unit is refused'),
    ('fu-test-b', 'S', 'infinity', 0.1, 8, NULL, NULL,
     '^element 2 .*: funding_time infinity ', 'no end of time is a settlement'),
    ('fu-test-b', 'S', '2026-03-01 00:00:00+00', 1.5, 8, NULL, NULL,
     '^element 2 .*: rate 1\.5 .*0\.01 % is 0\.0001', 'a rate in the wrong unit is refused'),
    ('fu-test-b', 'S', '2026-03-01 00:00:00+00', 'NaN', 8, NULL, NULL,
     '^element 2 .*: rate NaN ', 'what is no number is refused'),
    ('fu-test-b', 'S', '2026-03-01 00:00:00+00', 0.0000000000000000001, 8, NULL, NULL,
     '^element 2 .*: rate .*Round it', 'what would be rounded is refused'),
    ('fu-test-b', 'S', '2026-03-01 00:00:00+00', NULL, 8, NULL, NULL,
     '^element 2 .*: rate null ', 'no rate is refused'),
    ('fu-test-b', 'S', '2026-03-01 00:00:00+00', 0.1, NULL, NULL, NULL,
     '^element 2 .*: interval_hours null .*set_instrument', 'an interval is said or known'),
    ('fu-test-b', 'S', '2026-03-01 00:00:00+00', 0.1, 480, NULL, NULL,
     '^element 2 .*: interval_hours 480 ', 'minutes are no hours'),
    ('fu-test-b', 'S', '2026-03-01 00:00:00+00', 0.1, 8, '2026-02-28 00:00:00+00', NULL,
     '^element 2 .*: next_funding_time 2026', 'the next settlement is later'),
    ('fu-test-b', 'S', '2026-03-01 00:00:00+00', 0.1, 8, NULL, -1,
     '^element 2 .*: mark_price -1 ', 'a price is positive')
  ) AS v (exchange, symbol, at, rate, hours, next_time, price, pattern, why);
SELECT matches(pg_temp.fault('fu-test-b', 'SOL', '2026-03-01 00:00:00+00', 0.2, 8),
               '^elements 1 and 2 .*rate 0\.0001 and 0\.2', 'a call does not contradict itself');
SELECT is_empty($$SELECT FROM funding.symbols WHERE symbol IN ('SOL', 'S')$$,
                'and nothing of such a call is taken');
SELECT throws_ok(
    $$SELECT funding.ingest_rates('nobody', '{a}', '{b}', '{2026-03-01}', '{0}', '{8}')$$,
    '22023', NULL, 'an unknown source is refused');
SELECT throws_ok(
    $$SELECT funding.ingest_rates('exchange_api', '{a,b}', '{b}', '{2026-03-01}', '{0}', '{8}')$$,
    '2202E', 'exchanges has 2 elements and funding_times has 1', 'arrays have one length');
SELECT throws_ok(
    $$SELECT funding.ingest_rates('exchange_api', '{a}', '{b}', '{2026-03-01}', NULL)$$,
    '2202E', NULL, 'rates are there');
SELECT throws_ok(
    $$SELECT funding.ingest_rates('exchange_api', '{a}', '{b}', '{2026-03-01}', '{0}', '{8}',
                                  received_at => clock_timestamp() + interval '1 day')$$,
    '22023', NULL, 'nothing was received tomorrow');

-- Runs and the instrument's interval.
SELECT data_collector.set_instrument('fu-test-b', 'INT', 'INT', 'USDT', 'USDT', 1, 1, 8,
                                     '2026-02-01 00:00:00+00');
SELECT data_collector.set_instrument('fu-test-b', 'INT', 'INT', 'USDT', 'USDT', 1, 1, 4,
                                     '2026-03-01 10:00:00+00');
SELECT data_collector.start_run('exchange_api') AS run \gset
SELECT results_eq(
    format($$SELECT taken FROM funding.ingest_rates(
                        'exchange_api', ARRAY['fu-test-b', 'fu-test-b'], ARRAY['INT', 'INT'],
                        ARRAY['2026-03-01 08:00:00+00', '2026-03-01 12:00:00+00']::timestamptz[],
                        ARRAY[0.0001, 0.0001], run_id => %s)$$, :run),
    'SELECT 2', 'an interval that is not said is that of the instrument');
SELECT results_eq(
    $$SELECT interval_hours FROM funding.rates WHERE symbol = 'INT' ORDER BY funding_time$$,
    'VALUES (8), (4)', 'as it was then');
SELECT results_eq(
    format('SELECT rows_offered, rows_taken FROM data_collector.runs WHERE run_id = %s', :run),
    'SELECT 2::bigint, 2::bigint', 'and the run is told');
SELECT data_collector.end_run(:run);
SELECT throws_ok(
    format($$SELECT funding.ingest_rates('exchange_api', '{fu-test-b}', '{INT}', '{2026-03-01}',
                                         '{0}', '{8}', run_id => %s)$$, :run),
    '22023', NULL, 'a run that has ended brings no rates');

-- Discrepancies, in both orders of arrival.
SELECT is(pg_temp.tell('exchange_api', 8, 0.0001), '1 0 0 0 0', 'one source has told');
SELECT is(pg_temp.tell('arbitragescanner', 8, 0.00021), '1 0 0 1 0',
          'the other differs by more than the threshold');
SELECT is(pg_temp.tell('arbitragescanner', 16, 0.0001), '1 0 0 0 0', 'the other has told first');
SELECT is(pg_temp.tell('exchange_api', 16, 0.00021), '1 0 0 1 0', 'and the one differs');
SELECT is(pg_temp.tell('exchange_api', 24, 0.0001), '1 0 0 0 0', 'one source has told');
SELECT is(pg_temp.tell('arbitragescanner', 24, 0.0002), '1 0 0 0 0',
          'a difference of just the threshold is none');
SELECT results_eq(
    $$SELECT source_a, rate_a, source_b, rate_b, magnitude, threshold
        FROM funding.open_discrepancies
       WHERE exchange = 'fu-test-a'
         AND funding_time = '2026-03-01 08:00:00+00'$$,
    $$VALUES ('arbitragescanner', 0.00021::numeric(38,18), 'exchange_api',
              0.0001::numeric(38,18), 0.00011::numeric(38,18), 0.0001::numeric(38,18))$$,
    'with sources in the order of their names, magnitude and the threshold of then');
SELECT is(pg_temp.tell('arbitragescanner', 8, 0.00031), '0 0 1 0 0', 'it grows');
SELECT results_eq(
    $$SELECT magnitude FROM funding.open_discrepancies
       WHERE exchange = 'fu-test-a'
         AND funding_time = '2026-03-01 08:00:00+00'$$,
    'SELECT 0.00021::numeric(38,18)', 'and stays one');
SELECT is(pg_temp.tell('arbitragescanner', 8, 0.0001), '0 0 1 0 1', 'the sources agree again');
SELECT results_eq(
    $$SELECT status, resolution, resolved_by, episode FROM funding.discrepancies
       WHERE exchange = 'fu-test-a'
         AND funding_time = '2026-03-01 08:00:00+00'$$,
    $$SELECT 'resolved', 'agreed', audit.actor(), 1$$, 'which resolves it');
SELECT is(pg_temp.tell('arbitragescanner', 8, 0.0009), '0 0 1 1 0', 'they differ anew');
SELECT results_eq(
    $$SELECT episode, status FROM funding.discrepancies
       WHERE exchange = 'fu-test-a'
         AND funding_time = '2026-03-01 08:00:00+00'
       ORDER BY episode$$,
    $$VALUES (1, 'resolved'), (2, 'open')$$, 'which is another episode');

SELECT discrepancy_id AS discrepancy
  FROM funding.open_discrepancies
 WHERE exchange = 'fu-test-a'
   AND funding_time = '2026-03-01 16:00:00+00' \gset
SELECT throws_ok(format('SELECT funding.resolve_discrepancy(%s, '' '')', :discrepancy), '22023',
                 NULL, 'what is resolved by hand is given a reason');
SELECT throws_ok('SELECT funding.resolve_discrepancy(-1, ''why'')', 'P0002', NULL,
                 'an unknown discrepancy is refused');
SET LOCAL nexus.actor = 'ada';
SELECT ok(funding.resolve_discrepancy(:discrepancy, 'the aggregator was late'),
          'it is resolved by hand');
SELECT ok(NOT funding.resolve_discrepancy(:discrepancy, 'again'), 'once');
RESET nexus.actor;
SELECT results_eq(
    format('SELECT status, resolution, resolved_by, note FROM funding.discrepancies '
           ' WHERE discrepancy_id = %s', :discrepancy),
    $$VALUES ('resolved', 'by_hand', 'ada', 'the aggregator was late')$$, 'with who and why');
SELECT isnt_empty(
    format('SELECT FROM audit.actions WHERE actor = ''ada'' AND subject = %L',
           'funding.discrepancies/' || :discrepancy), 'and is in the audit');
SELECT results_eq(
    $$SELECT *
        FROM funding.find_discrepancies('2026-03-01 16:00:00+00', '2026-03-01 17:00:00+00')$$,
    'SELECT 0, 0', 'it stays resolved while both rates stay');
SELECT is(pg_temp.tell('exchange_api', 16, 0.0005), '0 0 1 1 0', 'and opens when one changes');

-- The threshold is that of the configuration.
INSERT INTO config.system_settings (key, value)
VALUES ('funding.discrepancy_threshold', '0.00005');
SELECT results_eq(
    $$SELECT *
        FROM funding.find_discrepancies('2026-03-02 00:00:00+00', '2026-03-02 01:00:00+00')$$,
    'SELECT 1, 0', 'under a lower threshold more is found');
UPDATE config.system_settings
   SET value = '0.01'
 WHERE key = 'funding.discrepancy_threshold';
SELECT results_eq(
    $$SELECT *
        FROM funding.find_discrepancies('2026-03-01 00:00:00+00', '2026-03-03 00:00:00+00')$$,
    'SELECT 0, 4', 'under a higher one it is resolved, and so is what is open from another day');
SELECT is_empty($$SELECT FROM funding.open_discrepancies WHERE exchange ~ '^fu-test'$$,
                'nothing within the threshold stays open');
SELECT throws_ok(
    $$SELECT funding.find_discrepancies('2026-03-02', '2026-03-01')$$, '22023', NULL,
    'times are in their order');
INSERT INTO funding.discrepancies
       (funding_time, rate_a, rate_b, magnitude, threshold, exchange, symbol, source_a, source_b)
SELECT timestamptz '2025-01-01 00:00:00+00' + n * interval '1 hour', 0, n * 0.004, n * 0.004, 0.001,
       'fu-test-a', 'BTC', 'arbitragescanner', 'exchange_api'
  FROM generate_series(1, 3) AS n;
SELECT results_eq(
    $$SELECT *
        FROM funding.find_discrepancies(clock_timestamp() - interval '1 day', clock_timestamp())$$,
    'SELECT 0, 2', 'where the rates are not kept any more, what was seen of them counts');
SELECT results_eq(
    $$SELECT magnitude, threshold, status, resolution
        FROM funding.discrepancies
       WHERE funding_time < '2026-01-01 00:00:00+00'
       ORDER BY magnitude$$,
    $$VALUES (0.004::numeric(38,18), 0.01::numeric(38,18), 'resolved', 'agreed'),
             (0.008, 0.01, 'resolved', 'agreed'), (0.012, 0.001, 'open', NULL)$$,
    'and what is above the threshold stays open');
SELECT is(pg_temp.tell('exchange_api', 240, 0.0001), '1 0 0 0 0', 'one source has told');
SELECT is(pg_temp.tell('arbitragescanner', 240, 0.02), '1 0 0 1 0', 'the other differs by much');
UPDATE config.system_settings
   SET value = '0.05'
 WHERE key = 'funding.discrepancy_threshold';
SELECT is((maintenance.run_job('funding_discrepancies')).outcome, 'done', 'the job of every hour');
SELECT is_empty($$SELECT FROM funding.open_discrepancies WHERE exchange ~ '^fu-test'$$,
                'looks at what is open from any time');
DELETE FROM config.system_settings
 WHERE key = 'funding.discrepancy_threshold';

-- Snapshots: known and due.
SELECT is(pg_temp.tell('exchange_api', 48, 0.0001, 8, '2026-03-03 00:00:10+00'), '1 0 0 0 0',
          'settled at midnight');
SELECT is(pg_temp.tell('exchange_api', 48, 0.0004, 8, '2026-03-03 02:00:00+00'), '0 0 1 0 0',
          'revised at two');
SELECT is(pg_temp.tell('exchange_api', 56, 0.0007, 8, '2026-03-03 01:00:00+00'), '1 0 0 0 0',
          'announced for eight');
SELECT is(pg_temp.tell('arbitragescanner', 48, 0.0006, 8, '2026-03-03 03:00:00+00'), '1 0 0 1 0',
          'told by another source at three');
-- Not in SQL, which plans all statements before the first has made the partition.
CREATE FUNCTION pg_temp.seen(at timestamptz)
    RETURNS text
    LANGUAGE plpgsql
AS $function$
BEGIN
    PERFORM funding.take_snapshot(at);
    RETURN (SELECT string_agg(format('%s of %s at %s', trim_scale(s.rate), s.source_count,
                                     to_char(s.funding_time AT TIME ZONE 'UTC', 'HH24')), '; ')
              FROM funding.snapshots AS s
             WHERE s.snapshot_at = at
               AND s.exchange = 'fu-test-a');
END
$function$;
SELECT is(pg_temp.seen('2026-03-03 01:30:00+00'), '0.0001 of 1 at 00',
          'what was revised, announced or told later is not seen');
SELECT is(pg_temp.seen('2026-03-03 02:30:00+00'), '0.0004 of 1 at 00', 'the revision is');
SELECT is(pg_temp.seen('2026-03-03 07:59:59+00'), '0.0004 of 2 at 00',
          'the other source is, the announcement is not due yet');
SELECT is(pg_temp.seen('2026-03-03 08:00:00+00'), '0.0007 of 1 at 08', 'now it is');
SELECT is(pg_temp.seen('2026-03-03 16:10:00+00'), '0.0007 of 1 at 08',
          'the next settlement is late by what the setting allows');
SELECT is(pg_temp.seen('2026-03-03 16:10:01+00'), NULL, 'later than that it is stale');
SELECT results_eq(
    $$SELECT rate, rate_min, rate_max, rate_8h, rate_year, source, sources_disagree,
             next_funding_time
        FROM funding.snapshots
       WHERE snapshot_at = '2026-03-03 07:59:59+00'
         AND exchange = 'fu-test-a'$$,
    $$VALUES (0.0004::numeric(38,18), 0.0004::numeric(38,18), 0.0006::numeric(38,18),
              0.0004::numeric(38,18), 0.438::numeric(38,18), 'exchange_api', true,
              timestamptz '2026-03-03 08:00:00+00')$$,
    'a snapshot is of the source that counts first, and says what the others say');
SELECT is(pg_temp.tell('exchange_api', 48, 0.0005, 8, '2026-03-03 01:00:00+00'), '0 0 1 0 0',
          'a statement comes that had been received before');
SELECT is(pg_temp.seen('2026-03-03 01:30:00+00'), '0.0001 of 1 at 00',
          'a snapshot is never taken twice');
SELECT throws_ok($$SELECT funding.take_snapshot(clock_timestamp() + interval '1 hour')$$, '22023',
                 NULL, 'nobody knows tomorrow');

-- The calendar: 8 hours until the morning of a day, then 4.
SELECT pg_temp.tell('exchange_api', h.hour, 0.0001, h.hours, symbol => 'CAL')
  FROM (VALUES (72, 8), (80, 8), (84, 4), (88, 4), (96, 4)) AS h (hour, hours);
CREATE FUNCTION pg_temp.calendar(from_hour int, to_hour int, of_symbol text)
    RETURNS text
    LANGUAGE sql
AS $function$
    SELECT string_agg(
               format('%s/%s%s',
                      extract(epoch FROM c.settles_at - timestamptz '2026-03-01 00:00:00+00')::int
                      / 3600, c.interval_hours, left(c.basis, 1)), ' ' ORDER BY c.settles_at)
      FROM funding.settlement_calendar(
               timestamptz '2026-03-01 00:00:00+00' + make_interval(hours => from_hour),
               timestamptz '2026-03-01 00:00:00+00' + make_interval(hours => to_hour),
               NULL, of_symbol) AS c;
$function$;
SELECT is(pg_temp.calendar(72, 109, 'CAL'),
          '72/8o 80/8o 84/4o 88/4o 92/4m 96/4o 100/4m 104/4m 108/4m',
          'intervals are as they were: what is missing between is seen, the last one goes on');
SELECT is(pg_temp.calendar(80, 84, 'CAL'), '80/8o', 'a period ends before its end');
SELECT data_collector.set_instrument('fu-test-a', 'CAL', 'CAL', 'USDT', 'USDT', 1, 1, 8,
                                     '2026-03-05 06:00:00+00');
SELECT is(pg_temp.calendar(96, 121, 'CAL'), '96/4o 100/4m 104/8m 112/8m 120/8m',
          'an instrument that says something newer is followed');
SELECT data_collector.end_instrument('fu-test-a', 'CAL', '2026-03-05 12:00:00+00');
SELECT is(pg_temp.calendar(96, 121, 'CAL'), '96/4o 100/4m 104/8m', 'until it is taken off');
SELECT data_collector.set_instrument('fu-test-a', 'NEW', 'NEW', 'USDT', 'USDT', 1, 1, 8,
                                     '2026-03-01 00:00:00+00');
SELECT data_collector.set_instrument('fu-test-a', 'NEW', 'NEW', 'USDT', 'USDT', 1, 1, 4,
                                     '2026-03-01 10:00:00+00');
SELECT is(pg_temp.calendar(1, 25, 'NEW'), '8/8m 12/4m 16/4m 20/4m 24/4m',
          'without rates the instrument is followed, from midnight UTC');
SELECT funding.ingest_rates('exchange_api', ARRAY['fu-test-a'], ARRAY['NXT'],
                            ARRAY[timestamptz '2026-03-01 08:00:00+00'], ARRAY[0.0001], ARRAY[8],
                            ARRAY[timestamptz '2026-03-01 12:00:00+00']);
SELECT is(pg_temp.calendar(0, 21, 'NXT'), '8/8o 12/4m 16/4m 20/4m',
          'what a source says of the next settlement is followed');
SELECT pg_temp.tell('exchange_api', h.hour, 0.0001, 8, symbol => 'ODD')
  FROM (VALUES (4), (12)) AS h (hour);
SELECT is(pg_temp.calendar(0, 29, 'ODD'), '4/8o 12/8o 20/8m 28/8m',
          'settlements that are not at midnight stay so');

-- Terms that begin at a settlement, as exchanges announce them.
CREATE FUNCTION pg_temp.terms(symbol text, hour numeric, hours int)
    RETURNS bigint
    LANGUAGE sql
AS $function$
    SELECT data_collector.set_instrument(
               'fu-test-a', symbol, 'BTC', 'USDT', 'USDT', 1, 1, hours,
               timestamptz '2026-03-01 00:00:00+00' + make_interval(secs => 3600 * hour));
$function$;
SELECT pg_temp.terms('CUT', -240, 8);
SELECT pg_temp.tell('exchange_api', h.hour, 0.0001, 8, symbol => 'CUT')
  FROM (VALUES (16), (24)) AS h (hour);
SELECT pg_temp.terms('CUT', 24, 4);
SELECT is(pg_temp.calendar(24, 49, 'CUT'), '24/8o 28/4m 32/4m 36/4m 40/4m 44/4m 48/4m',
          'terms from the last settlement on are of those after it');
SELECT pg_temp.terms('SET', -240, 8);
SELECT pg_temp.tell('exchange_api', 8, 0.0001, 8, symbol => 'SET');
SELECT pg_temp.terms('SET', 16, 4);
SELECT is(pg_temp.calendar(8, 25, 'SET'), '8/8o 16/8m 20/4m 24/4m',
          'so are those from an expected settlement on');
SELECT pg_temp.tell('exchange_api', 16, 0.0001, 8, symbol => 'SET');
SELECT is(pg_temp.calendar(8, 25, 'SET'), '8/8o 16/8o 20/4m 24/4m',
          'and the same when its rate has come');
SELECT pg_temp.terms('SEC', -240, 8);
SELECT pg_temp.tell('exchange_api', 8, 0.0001, 8, symbol => 'SEC');
SELECT pg_temp.terms('SEC', 8 + 1 / 3600.0, 4);
SELECT is(pg_temp.calendar(8, 21, 'SEC'), '8/8o 12/4m 16/4m 20/4m', 'a second later likewise');
SELECT pg_temp.terms('SAY', -240, 8);
SELECT pg_temp.terms('SAY', 8, 4);
SELECT funding.ingest_rates('exchange_api', ARRAY['fu-test-a'], ARRAY['SAY'],
                            ARRAY[timestamptz '2026-03-01 08:00:00+00'], ARRAY[0.0001], ARRAY[8],
                            ARRAY[timestamptz '2026-03-01 10:00:00+00']);
SELECT is(pg_temp.calendar(8, 15, 'SAY'), '8/8o 10/2m 12/2m 14/2m',
          'but what the source has said since of the next settlement counts more');
SELECT pg_temp.terms('OLD', -240, 8);
SELECT pg_temp.tell('exchange_api', 8, 0.0001, 8, '2026-03-01 08:00:05+00', symbol => 'OLD');
SELECT funding.ingest_rates('exchange_api', ARRAY['fu-test-a'], ARRAY['OLD'],
                            ARRAY[timestamptz '2026-03-01 08:00:00+00'], ARRAY[0.0001], ARRAY[8],
                            ARRAY[timestamptz '2026-03-01 10:00:00+00'],
                            received_at => '2026-03-01 08:00:06+00');
SELECT pg_temp.terms('OLD', 8, 4);
SELECT is(pg_temp.calendar(8, 17, 'OLD'), '8/8o 12/4m 16/4m',
          'and what it had said before does not');
SELECT pg_temp.terms('OFF', -240, 8);
SELECT pg_temp.tell('exchange_api', 8, 0.0001, 8, symbol => 'OFF');
SELECT data_collector.end_instrument('fu-test-a', 'OFF', '2026-03-01 08:00:00+00');
SELECT is(pg_temp.calendar(8, 25, 'OFF'), '8/8o', 'taken off at a settlement: none is after it');
SELECT pg_temp.terms('NOR', -240, 8);
SELECT pg_temp.terms('NOR', -120, 4);
SELECT pg_temp.terms('NOR', -60, 6);
SELECT is(pg_temp.calendar(1, 19, 'NOR'), '6/6m 12/6m 18/6m',
          'without rates the terms of the period count, not former ones');
SELECT data_collector.end_instrument('fu-test-a', 'NOR', '2026-02-28 00:00:00+00');
SELECT is(pg_temp.calendar(1, 19, 'NOR'), NULL, 'and none once it was taken off');
SELECT throws_ok($$SELECT funding.settlement_calendar('2026-03-02', '2026-03-01')$$, '22023', NULL,
                 'a period is in the order of time');

-- Gaps of a source.
SELECT results_eq(
    $$SELECT * FROM funding.find_gaps('2026-03-04 00:00:00+00', '2026-03-06 00:00:00+00')$$,
    'SELECT 1, 0', 'what a source has left out is found');
SELECT results_eq(
    $$SELECT expected_from, expected_to FROM data_collector.open_gaps WHERE symbol = 'CAL'$$,
    $$VALUES (timestamptz '2026-03-04 20:00:00+00', timestamptz '2026-03-04 20:00:00+00')$$,
    'and is written down');
SELECT results_eq(
    $$SELECT * FROM funding.find_gaps('2026-03-04 00:00:00+00', '2026-03-06 00:00:00+00')$$,
    'SELECT 0, 0', 'once');
SELECT pg_temp.tell('exchange_api', 92, 0.0001, 4, symbol => 'CAL');
SELECT results_eq(
    $$SELECT * FROM funding.find_gaps('2026-03-04 00:00:00+00', '2026-03-06 00:00:00+00')$$,
    'SELECT 0, 1', 'and is filled when the rate has come');

SELECT funding.ingest_rates(
           'exchange_api', ARRAY['fu-test-a', 'fu-test-a'], ARRAY['GAP', 'GAP'],
           ARRAY[date_trunc('day', now()) - interval '2 days',
                 date_trunc('day', now()) - interval '1 day'],
           ARRAY[0.0001, 0.0001], ARRAY[8, 8]);
SELECT is((maintenance.run_job('funding_gaps')).outcome, 'done', 'a job looks for gaps');
SELECT results_eq(
    $$SELECT expected_from, expected_to FROM data_collector.open_gaps WHERE symbol = 'GAP'$$,
    $$SELECT date_trunc('day', now()) - interval '40 hours',
             date_trunc('day', now()) - interval '32 hours'$$,
    'every hour, by itself');

-- 20,000 at once.
SELECT results_eq(
    $$SELECT taken, duplicate
        FROM (SELECT array_agg('fu-test-b'::text) AS e, array_agg('BULK' || n % 200) AS s,
                     array_agg(timestamptz '2026-03-01 00:00:00+00'
                               + make_interval(hours => n / 200)) AS t,
                     array_agg(n / 1000000.0) AS r
                FROM generate_series(0, 19999) AS n) AS o
       CROSS JOIN LATERAL funding.ingest_rates('exchange_api', o.e, o.s, o.t, o.r,
                                               array_fill(1, ARRAY[20000]))$$,
    'SELECT 20000, 0', 'many rates are taken in one call');

-- Rights.
SET LOCAL ROLE nexus_data_collector;
SELECT lives_ok(
    $$SELECT funding.ingest_rates('exchange_api', ARRAY['fu-test-a'], ARRAY['DC'],
                                  ARRAY[timestamptz '2026-03-01 08:00:00+00'], ARRAY[0.0001],
                                  ARRAY[8])$$,
    'the collector brings rates');
SELECT throws_ok('SELECT FROM funding.rates', '42501', NULL, 'and does not read the table');
SELECT lives_ok('SELECT FROM funding.rate_history', 'but the view');
SELECT throws_ok('SELECT funding.take_snapshot()', '42501', NULL, 'and takes no snapshots');
RESET ROLE;
SET LOCAL ROLE nexus_funding;
SELECT lives_ok('SELECT funding.take_snapshot()', 'the service takes them');
SELECT throws_ok('UPDATE funding.rates SET rate = 0', '42501', NULL, 'and changes no rate');
SELECT throws_ok('DELETE FROM funding.rates', '42501', NULL, 'and removes none');
RESET ROLE;

SELECT * FROM finish();

ROLLBACK;
