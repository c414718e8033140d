-- Readers see the live slot of each book and nothing else, and what is not known is null.
BEGIN;

CREATE EXTENSION IF NOT EXISTS pgtap;

SELECT no_plan();

SELECT positions.ensure_book('slot-test') AS book \gset
SELECT positions.ensure_book('slot-test-2', 7) AS other \gset

SELECT is(positions.ensure_book('slot-test'), :book,
          'a book that stands is answered with its number');

SELECT results_eq(
    format('SELECT slot, logic_version FROM positions.live_slot WHERE book_id = %s', :other),
    'SELECT 1::smallint, 7',
    'a new book lives in slot 1, of the version of the logic that made it');

SELECT results_eq(
    format('SELECT log_position, recorded_at FROM positions.log_head WHERE book_id = %s', :book),
    'SELECT 0::bigint, NULL::timestamptz',
    'a new book stands before its first event');

SELECT throws_ok(format('SELECT positions.ensure_book(%L)', n.name), '23514', NULL,
                 format('%L is no name of a book', n.name))
  FROM (VALUES (''), ('Main'), ('a b'), ('é'), (repeat('a', 65)), (E'main\n')) AS n (name);

SELECT is(positions.ensure_book(NULL), NULL, 'no name, no book');

-- One row in each slot of each projection; the leg, the strategy or the position tells the slot.
INSERT INTO positions.active_rows
       (slot, book_id, position_id, version, strategy, asset, state, flags, opened_at, leg_count,
        oldest_mark_at, revision, log_position, changed_at)
SELECT s, :book, md5('p')::uuid, 1, format('slot %s', s), 'BTC', 'OPEN', '{UNHEDGED}', now(), 2,
       now() - interval '90 s', 0, 1, now()
  FROM generate_series(1, 3) AS s;

INSERT INTO positions.legs_rows
       (slot, book_id, position_id, leg, leg_index, venue, account, instrument, kind, side, base,
        quote, settle, multiplier, target_qty, qty_scale, price_scale, settle_scale, state, flags,
        qty, peak_qty, open_cost, realized_price, fees, funding, adjustments, log_position,
        changed_at)
SELECT s, :book, md5('p')::uuid, format('slot %s', s), 0, 'v', 'a', 'i', 'linear', 'long', 'BTC',
       'USDT', 'USDT', 1, 1, 3, 1, 2, 'PLANNED', '{}', 0, 0, 0, 0, '{}', '{}', 0, 1, now()
  FROM generate_series(1, 3) AS s;

INSERT INTO positions.history_rows
       (slot, book_id, position_id, version, strategy, asset, state, flags, opened_at, closed_at,
        close_reason, revision, leg_count, price_pnl_by_leg, fees_by_category, fills, maker_fills,
        arrival_slippage_by_leg, log_position, changed_at)
SELECT s, :book, md5('p')::uuid, 1, format('slot %s', s), 'BTC', 'CLOSED', '{}', now(), now(),
       'stop', 0, 2, '{}', '{}', 0, 0, '{}', 1, now()
  FROM generate_series(1, 3) AS s;

INSERT INTO analytics.position_days_rows
       (slot, book_id, position_id, leg, day, strategy, asset, venue, settle, price_pnl,
        adjustments, fills, volume, log_position, changed_at)
SELECT s, :book, md5('p')::uuid, 'a', '2150-01-01', format('slot %s', s), 'BTC', 'v', 'USDT', 1,
       0, 1, 1, 1, now()
  FROM generate_series(1, 3) AS s;

INSERT INTO analytics.daily_pnl_rows
       (slot, book_id, day, strategy, asset, venue, settle, price_pnl, fees_known, funding_known,
        unvalued_fees, unvalued_funding, adjustments, fills, volume, positions, leg_days,
        log_position, changed_at)
SELECT s, :book, '2150-01-01', format('slot %s', s), 'BTC', 'v', 'USDT', 10, 3, 2,
       0, 0, 0.5, 1, 1, 1, 2, 1, now()
  FROM generate_series(1, 3) AS s;

INSERT INTO analytics.trade_stats_rows
       (slot, book_id, strategy, asset, settle, closed_positions, unvalued, wins, log_position,
        changed_at)
SELECT s, :book, format('slot %s', s), 'BTC', 'USDT', 1, 1, 0, 1, now()
  FROM generate_series(1, 3) AS s;

INSERT INTO analytics.funding_collected_rows
       (slot, book_id, position_id, leg, month, strategy, asset, venue, settle, payments, received,
        paid, net, expected, variance, missing_settlements, log_position, changed_at)
SELECT s, :book, md5('p')::uuid, l.leg, l.month, format('slot %s', s), 'BTC', 'v', l.settle, 2, 3,
       1, l.net, 2, 0, 0, 1, now()
  FROM generate_series(1, 3) AS s
 CROSS JOIN (VALUES ('a', date '2150-01-01', 'USDT', 2), ('a', '2150-02-01', 'USDT', 2))
    AS l (leg, month, settle, net);

-- Another book, of which slot 1 is live, stays as it is whatever is promoted.
INSERT INTO analytics.trade_stats_rows
       (slot, book_id, strategy, asset, settle, closed_positions, unvalued, wins, log_position,
        changed_at)
SELECT s, :other, format('slot %s', s), 'BTC', 'USDT', 1, 1, 0, 1, now()
  FROM generate_series(1, 3) AS s;

CREATE TEMPORARY VIEW seen AS
SELECT 'active' AS projection, book, strategy AS seen FROM positions.active
 UNION ALL
SELECT 'legs', book, leg FROM positions.legs
 UNION ALL
SELECT 'history', book, strategy FROM positions.history
 UNION ALL
SELECT 'position_days', book, strategy FROM analytics.position_days
 UNION ALL
SELECT 'daily_pnl', book, strategy FROM analytics.daily_pnl
 UNION ALL
SELECT 'trade_stats', book, strategy FROM analytics.trade_stats
 UNION ALL
SELECT 'funding_collected', book, strategy
  FROM analytics.funding_collected
 WHERE month = '2150-01-01'
 UNION ALL
SELECT 'funding_totals', book, strategy FROM analytics.funding_totals;

CREATE FUNCTION pg_temp.all_see(slot int)
    RETURNS SETOF text
    LANGUAGE sql
AS $function$
    SELECT results_eq(
        $$SELECT projection, seen FROM seen WHERE book = 'slot-test' ORDER BY projection$$,
        format($$SELECT p, 'slot %s'
                   FROM unnest(ARRAY['active', 'daily_pnl', 'funding_collected', 'funding_totals',
                                     'history', 'legs', 'position_days', 'trade_stats']) AS p
                  ORDER BY p$$, slot),
        format('readers of every projection see slot %s, once', slot));
$function$;

SELECT pg_temp.all_see(1);

UPDATE positions.live_slot
   SET slot = 3,
       logic_version = 2
 WHERE book_id = :book;

SELECT pg_temp.all_see(3);

UPDATE positions.live_slot
   SET slot = 2
 WHERE book_id = :book;

SELECT pg_temp.all_see(2);

SELECT results_eq(
    $$SELECT projection, seen FROM seen WHERE book = 'slot-test-2'$$,
    $$VALUES ('trade_stats', 'slot 1')$$,
    'a promotion in one book moves no other');

SELECT throws_ok(format('UPDATE positions.live_slot SET slot = 4 WHERE book_id = %s', :book),
                 '23514', NULL, 'there is no fourth slot');

SELECT hasnt_column(v.schema, v.name, 'slot',
                    format('%s.%s does not show the slot', v.schema, v.name))
  FROM (VALUES ('positions', 'active'), ('positions', 'legs'), ('positions', 'history'),
               ('analytics', 'position_days'), ('analytics', 'daily_pnl'),
               ('analytics', 'trade_stats'), ('analytics', 'funding_collected'))
    AS v (schema, name);

SELECT is_empty(
    $$SELECT c.table_schema, c.table_name, c.column_name
        FROM information_schema.columns AS c
       WHERE c.table_schema IN ('positions', 'analytics')
         AND c.table_name LIKE '%\_rows'
         AND c.column_name <> 'slot'
         AND NOT EXISTS (SELECT
                           FROM information_schema.columns AS v
                          WHERE v.table_schema = c.table_schema
                            AND v.table_name = left(c.table_name, -5)
                            AND v.column_name = c.column_name)$$,
    'a view shows every column of its rows but the slot');

SELECT is(a.mark_age, interval '90 s', 'the age of a mark is taken when it is read')
  FROM positions.active AS a
 WHERE a.book = 'slot-test';

-- Null while something is not valued.
SELECT results_eq(
    $$SELECT fees, funding, net FROM analytics.daily_pnl WHERE book = 'slot-test'$$,
    $$VALUES (3::numeric, 2::numeric, 9.5::numeric)$$,
    'a day''s net is price - fees + funding + adjustments');

UPDATE analytics.daily_pnl_rows SET unvalued_fees = 1 WHERE book_id = :book;

SELECT results_eq(
    $$SELECT fees, funding, net, fees_known FROM analytics.daily_pnl WHERE book = 'slot-test'$$,
    $$VALUES (NULL::numeric, 2::numeric, NULL::numeric, 3::numeric)$$,
    'an unvalued fee makes the day''s fees and net null');

UPDATE analytics.daily_pnl_rows SET unvalued_fees = 0, unvalued_funding = 2 WHERE book_id = :book;

SELECT results_eq(
    $$SELECT fees, funding, net FROM analytics.daily_pnl WHERE book = 'slot-test'$$,
    $$VALUES (3::numeric, NULL::numeric, NULL::numeric)$$,
    'unvalued funding makes the day''s funding and net null');

SELECT results_eq(
    $$SELECT settle, first_month, last_month, payments, received, paid, net, expected, variance,
             missing_settlements
        FROM analytics.funding_totals
       WHERE book = 'slot-test'$$,
    $$VALUES ('USDT', date '2150-01-01', date '2150-02-01', 4::bigint, 6::numeric, 2::numeric,
              4::numeric, 4::numeric, 0::numeric, 0::bigint)$$,
    'a position''s funding is the sum of its legs and months');

UPDATE analytics.funding_collected_rows
   SET net = NULL
 WHERE book_id = :book
   AND month = '2150-02-01';

SELECT results_eq(
    $$SELECT received, net FROM analytics.funding_totals WHERE book = 'slot-test'$$,
    $$VALUES (6::numeric, NULL::numeric)$$,
    'a month that is not valued makes the total null');

UPDATE analytics.funding_collected_rows
   SET settle = 'USDC',
       net = 2
 WHERE book_id = :book
   AND month = '2150-02-01';

SELECT results_eq(
    $$SELECT settle, payments, received, paid, net FROM analytics.funding_totals
       WHERE book = 'slot-test'$$,
    $$VALUES (NULL::text, 4::bigint, NULL::numeric, NULL::numeric, NULL::numeric)$$,
    'legs that settle in several assets have no total');

SELECT * FROM finish();

ROLLBACK;
