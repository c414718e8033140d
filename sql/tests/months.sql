-- Months of the log: idempotent, bounded in UTC, complete in all parts; a time finds its place.
BEGIN;

CREATE EXTENSION IF NOT EXISTS pgtap;

SELECT no_plan();

SELECT is(positions.ensure_month('2150-03-31 23:59:59.999999+00'), 'positions.events_y2150m03',
          'the last microsecond of a month belongs to it');

SELECT is(positions.ensure_month('2150-04-01 00:00:00+00'), 'positions.events_y2150m04',
          'midnight belongs to the month it starts');

CREATE TEMPORARY TABLE months AS
SELECT c.oid, c.relname, c.relfilenode
  FROM pg_class AS c
 WHERE c.relname LIKE 'events%';

SELECT is(positions.ensure_month('2150-03-01 00:00:00+00'), 'positions.events_y2150m03',
          'a month that stands is answered with its name');

SELECT results_eq(
    $$SELECT c.oid, c.relname, c.relfilenode
        FROM pg_class AS c
       WHERE c.relname LIKE 'events%'
       ORDER BY c.oid$$,
    $$SELECT m.oid, m.relname, m.relfilenode
        FROM months AS m
       ORDER BY m.oid$$,
    'asking again makes nothing');

-- At +14 and with day before month in its dates, this session is as far from UTC as it gets.
SET LOCAL timezone = 'Pacific/Kiritimati';
SET LOCAL datestyle = 'SQL, DMY';
SET LOCAL search_path = pg_temp, public;

SELECT is(positions.ensure_month('2150-05-31 23:59:59+00'), 'positions.events_y2150m05',
          'the month is UTC''s, though it is June already where the session is');

SET LOCAL timezone = 'Asia/Kathmandu';

SELECT positions.ensure_month('2150-06-15 00:00:00+00');

RESET search_path;
SET LOCAL timezone = 'UTC';
SET LOCAL datestyle = 'ISO, YMD';

SELECT is(pg_get_expr(c.relpartbound, c.oid),
          format('FOR VALUES FROM (''%s'') TO (''%s'')', b.starts_at, b.ends_at),
          format('%s is bounded in UTC', c.relname))
  FROM (VALUES ('positions.events_y2150m03'::regclass,
                timestamptz '2150-03-01 00:00:00+00', timestamptz '2150-04-01 00:00:00+00'),
               ('positions.events_y2150m05',
                '2150-05-01 00:00:00+00', '2150-06-01 00:00:00+00'),
               ('positions.events_y2150m06',
                '2150-06-01 00:00:00+00', '2150-07-01 00:00:00+00'))
    AS b (month, starts_at, ends_at)
  JOIN pg_class AS c
    ON c.oid = b.month;

SELECT is(positions.ensure_month('2150-12-31 23:59:59+00'), 'positions.events_y2150m12',
          'December ends with the year');

SELECT is((SELECT array_agg(m) FROM positions.ensure_months(2) AS m),
          (SELECT array_agg(to_char(date_trunc('month', clock_timestamp(), 'UTC')
                                    + make_interval(months => n),
                                    '"positions.events_y"YYYY"m"MM') ORDER BY n)
             FROM generate_series(0, 2) AS n),
          'ensure_months makes this month and as many as asked after it');

SELECT throws_ok('SELECT positions.ensure_month(NULL)', '22023', NULL, 'no month for no time');
SELECT throws_ok($$SELECT positions.ensure_month('infinity')$$, '22023', NULL,
                 'no month for infinity');
SELECT throws_ok($$SELECT positions.ensure_month('0044-03-15 BC')$$, '22023', NULL,
                 'no month before our era, whose name a month of ours would take');
SELECT throws_ok('SELECT positions.ensure_months(-1)', '22023', NULL,
                 'months ahead are not negative');
SELECT throws_ok('SELECT positions.ensure_months(121)', '22023', NULL, 'months ahead have a limit');

SELECT is(count(*), 0::bigint, 'there is no DEFAULT partition')
  FROM pg_partitioned_table AS p
 WHERE p.partrelid = 'positions.events'::regclass
   AND p.partdefid <> 0;

SELECT throws_ok(
    $$INSERT INTO positions.events
             (book_id, log_position, position_id, version, event_id, event_type, schema_version,
              effective_at, recorded_at, source, payload, leaf_hash)
      VALUES (1, 1, gen_random_uuid(), 1, gen_random_uuid(), 'close_requested', 1,
              '2150-07-01', '2150-07-01', 'venue_ws', '{}', decode(repeat('00', 32), 'hex'))$$,
    '23514', NULL, 'an event whose month does not stand is refused');

SELECT indexes_are('positions', 'events_y2150m03',
    ARRAY['event_has_one_place_y2150m03', 'log_position_is_taken_once_y2150m03',
          'version_is_taken_once_y2150m03', 'events_by_position_and_type_y2150m03'],
    'a month has its four indexes, and ATTACH made no fifth');

SELECT is(count(*), 0::bigint, 'every index of the log has its part in the month')
  FROM pg_index AS p
 WHERE p.indrelid = 'positions.events'::regclass
   AND NOT EXISTS (SELECT
                     FROM pg_inherits AS i
                     JOIN pg_index AS m
                       ON m.indexrelid = i.inhrelid
                    WHERE i.inhparent = p.indexrelid
                      AND m.indrelid = 'positions.events_y2150m03'::regclass);

SELECT ok(p.prosecdef
      AND 'search_path=pg_catalog, pg_temp' = ANY (p.proconfig)
      AND NOT has_function_privilege('public', p.oid, 'EXECUTE'),
          format('%s runs as its owner, with a search_path of its own, for whom it is granted',
                 p.proname))
  FROM pg_proc AS p
 WHERE p.oid IN ('positions.ensure_month'::regproc, 'positions.ensure_months'::regproc);

ALTER TABLE positions.events
    DETACH PARTITION positions.events_y2150m12;

SELECT throws_ok($$SELECT positions.ensure_month('2150-12-01 00:00:00+00')$$, 'NX002', NULL,
                 'a month that somebody detached is reported, not made again');

-- Two events a minute for an hour from 23:30 on, across the end of March.
SELECT positions.ensure_book('months-test') AS book \gset

INSERT INTO positions.events
       (book_id, log_position, position_id, version, event_id, event_type, schema_version,
        effective_at, recorded_at, source, payload, leaf_hash)
SELECT :book, n, md5('p')::uuid, n, gen_random_uuid(), 'close_requested', 1,
       t.recorded_at, t.recorded_at, 'venue_ws', '{}', decode(repeat('00', 32), 'hex')
  FROM generate_series(1, 120) AS n
 CROSS JOIN LATERAL (
       SELECT timestamptz '2150-03-31 23:30:00+00' + make_interval(mins => (n - 1) / 2)
      ) AS t (recorded_at);

SELECT is(positions.log_position_at(:book, q.at), q.log_position, q.fact)
  FROM (VALUES
       (timestamptz '-infinity',         0::bigint, 'nothing was known ever ago'),
       ('2149-01-01 00:00:00+00',        0, 'nothing was known in an earlier year'),
       ('2150-03-31 23:29:59.999999+00', 0, 'nothing was known a microsecond before'),
       ('2150-03-31 23:30:00+00',        2, 'all events of an instant are known at it'),
       ('2150-03-31 23:59:59+00',       60, 'the month''s end is known at its end'),
       ('2150-04-01 00:00:00+00',       62, 'the next month goes on where it ended'),
       ('2150-04-01 00:29:00+00',      120, 'the last event is known at its time'),
       ('2150-05-09 00:00:00+00',      120, 'an empty month adds nothing'),
       ('2151-01-01 00:00:00+00',      120, 'a month that is not there adds nothing'),
       ('infinity',                    120, 'everything is known in the end')
      ) AS q (at, log_position, fact);

SELECT is(count(*), 0::bigint, 'every time finds the place that a scan of the log finds')
  FROM generate_series(timestamptz '2150-03-31 23:29:00+00', '2150-04-01 00:31:00+00', '20 s')
    AS t (at)
 WHERE positions.log_position_at(:book, t.at) <>
       (SELECT coalesce(max(e.log_position), 0)
          FROM positions.events AS e
         WHERE e.book_id = :book
           AND e.recorded_at <= t.at);

SELECT * FROM finish();

ROLLBACK;
