-- The indexes serve the queries that they were made for, also through the views.
BEGIN;

CREATE EXTENSION IF NOT EXISTS pgtap;

SELECT no_plan();

SELECT positions.ensure_month('2150-01-15 00:00:00+00');
SELECT positions.ensure_book('plans-test') AS book \gset

INSERT INTO positions.history_rows
       (slot, book_id, position_id, version, strategy, asset, state, flags, settle, opened_at,
        closed_at, close_reason, revision, leg_count, price_pnl_by_leg, fees_by_category, fills,
        maker_fills, arrival_slippage_by_leg, net, log_position, changed_at)
SELECT 1, :book, md5(n::text)::uuid, 1, format('s%s', n % 4), 'BTC', 'CLOSED', '{}', 'USDT',
       t.closed_at, t.closed_at, 'stop', 0, 2, '{}', '{}', 0, 0, '{}', n, n, t.closed_at
  FROM generate_series(1, 5000) AS n
 CROSS JOIN LATERAL (SELECT timestamptz '2150-01-01' + make_interval(mins => n)) AS t (closed_at);

INSERT INTO positions.events
       (book_id, log_position, position_id, version, event_id, event_type, schema_version,
        effective_at, recorded_at, source, payload, leaf_hash)
SELECT :book, n, md5((n % 10)::text)::uuid, n, gen_random_uuid(),
       CASE WHEN n % 50 < 10 THEN 'funding_recorded' ELSE 'mark_recorded' END, 1,
       t.recorded_at, t.recorded_at, 'venue_ws', '{}', decode(repeat('00', 32), 'hex')
  FROM generate_series(1, 5000) AS n
 CROSS JOIN LATERAL (SELECT timestamptz '2150-01-01' + make_interval(secs => n)) AS t (recorded_at);

ANALYZE positions.history_rows;
ANALYZE positions.events;

-- The lines of the plan that name an index or scan a table, which is all that is asked here.
CREATE FUNCTION pg_temp.scans(statement text)
    RETURNS text
    LANGUAGE plpgsql
AS $function$
DECLARE
    line  text;
    lines text := '';
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || statement LOOP
        IF line ~ 'Scan|Index|Sort' THEN
            lines := lines || trim(line) || E'\n';
        END IF;
    END LOOP;
    RETURN lines;
END
$function$;

SELECT matches(pg_temp.scans(format($$
    SELECT h.net
      FROM positions.history_rows AS h
     WHERE h.slot = 1
       AND h.book_id = %s
       AND h.strategy = 's1'
       AND h.asset = 'BTC'
       AND h.settle = 'USDT'
       AND h.state = 'CLOSED'
       AND h.net IS NOT NULL
     ORDER BY h.net
    OFFSET 600
     LIMIT 2$$, :book)),
    '^Limit|Index Only Scan using history_closed_by_net_1[^\n]*\n',
    'a median is found by an index-only scan');

SELECT doesnt_match(pg_temp.scans(format($$
    SELECT h.net
      FROM positions.history_rows AS h
     WHERE h.slot = 1
       AND h.book_id = %s
       AND h.strategy = 's1'
       AND h.asset = 'BTC'
       AND h.settle = 'USDT'
       AND h.state = 'CLOSED'
       AND h.net IS NOT NULL
     ORDER BY h.net
    OFFSET 600
     LIMIT 2$$, :book)),
    'Seq Scan|Sort|_[23]',
    'and by it alone: no sort, no other slot');

SELECT matches(pg_temp.scans($$
    SELECT h.position_id, h.closed_at, h.net
      FROM positions.history AS h
     WHERE h.book = 'plans-test'
       AND h.closed_at >= '2150-01-02 00:00:00+00'
       AND h.closed_at < '2150-01-02 01:00:00+00'
     ORDER BY h.closed_at, h.position_id$$),
    'history_by_close_1',
    'a period of the history is one range of an index, through the view');

SELECT matches(pg_temp.scans(format($$
    SELECT e.payload
      FROM positions.events AS e
     WHERE e.book_id = %s
       AND e.position_id = '%s'
       AND e.event_type = 'funding_recorded'
       AND e.recorded_at >= '2150-01-01 00:00:00+00'
       AND e.recorded_at < '2150-02-01 00:00:00+00'$$, :book, md5('3')::uuid)),
    'events_by_position_and_type_y2150m01',
    'one position''s funding is read by position and type');

SELECT matches(pg_temp.scans(format($$
    SELECT e.event_type, e.payload
      FROM positions.events AS e
     WHERE e.book_id = %s
       AND e.log_position > 2000
       AND e.log_position <= 2500
       AND e.recorded_at >= '2150-01-01 00:00:00+00'
       AND e.recorded_at < '2150-02-01 00:00:00+00'
     ORDER BY e.log_position$$, :book)),
    '(event_has_one_place|log_position_is_taken_once)_y2150m01',
    'a range of the log is read by place');

SELECT doesnt_match(pg_temp.scans($$
    SELECT e.log_position
      FROM positions.events AS e
     WHERE e.recorded_at >= '2150-01-01 00:00:00+00'
       AND e.recorded_at < '2150-02-01 00:00:00+00'$$),
    'events_y(?!2150m01)',
    'a filter on recorded_at reads its months only');

SELECT * FROM finish();

ROLLBACK;
