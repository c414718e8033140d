-- A day's sums may leave the range of one figure: the rows keep them exactly, the view shows null.
BEGIN;

CREATE EXTENSION IF NOT EXISTS pgtap;

SELECT no_plan();

SELECT positions.ensure_book('sums-test') AS book \gset

-- The rows of a day whose figures are all within the range; the strategy names what is changed.
CREATE FUNCTION pg_temp.day(book int, strategy text, price_pnl numeric DEFAULT 10,
                            fees numeric DEFAULT 3, funding numeric DEFAULT 2,
                            adjustments numeric DEFAULT 0.5, volume numeric DEFAULT 7,
                            unvalued bigint DEFAULT 0)
    RETURNS void
    LANGUAGE sql
AS $function$
    INSERT INTO analytics.daily_pnl_rows
           (slot, book_id, day, strategy, asset, venue, settle, price_pnl, fees_known,
            funding_known, unvalued_fees, unvalued_funding, adjustments, fills, volume, positions,
            leg_days, log_position, changed_at)
    VALUES (1, book, '2150-01-15', strategy, 'BTC', 'v', 'USDT', price_pnl, fees, funding,
            unvalued, unvalued, adjustments, 1, volume, 1, 1, 1, now());
$function$;

\set limit 100000000000000000000
\set most   99999999999999999999.999999999999999999

SELECT pg_temp.day(:book, 'all');
SELECT pg_temp.day(:book, 'price_pnl', price_pnl => :limit);
SELECT pg_temp.day(:book, 'price_pnl -', price_pnl => -:limit);
SELECT pg_temp.day(:book, 'fees', fees => :limit);
SELECT pg_temp.day(:book, 'fees -', fees => -:limit);
SELECT pg_temp.day(:book, 'funding', funding => :limit);
SELECT pg_temp.day(:book, 'funding -', funding => -:limit);
SELECT pg_temp.day(:book, 'adjustments', adjustments => :limit);
SELECT pg_temp.day(:book, 'adjustments -', adjustments => -:limit);
SELECT pg_temp.day(:book, 'volume', volume => 3 * :limit);
SELECT pg_temp.day(:book, 'net', price_pnl => :most, fees => -:most);
SELECT pg_temp.day(:book, 'parts', price_pnl => 5 * :limit, fees => 4 * :limit,
                   funding => -:limit, adjustments => 1);
SELECT pg_temp.day(:book, 'most', price_pnl => :most, fees => :most, funding => -:most,
                   adjustments => :most, volume => :most);
SELECT pg_temp.day(:book, 'unvalued', price_pnl => :limit, fees => :limit, unvalued => 1);

SELECT results_eq(
    $$SELECT d.strategy, d.price_pnl, d.fees, d.funding, d.adjustments, d.net, d.volume
        FROM analytics.daily_pnl AS d
       WHERE d.book = 'sums-test'
       ORDER BY d.strategy COLLATE "C"$$,
    format($$VALUES ('adjustments', 10::numeric, 3::numeric, 2::numeric, NULL::numeric,
                     NULL::numeric, 7::numeric),
                    ('adjustments -', 10, 3, 2, NULL, -99999999999999999991, 7),
                    ('all', 10, 3, 2, 0.5, 9.5, 7),
                    ('fees', 10, NULL, 2, 0.5, -99999999999999999987.5, 7),
                    ('fees -', 10, NULL, 2, 0.5, NULL, 7),
                    ('funding', 10, 3, NULL, 0.5, NULL, 7),
                    ('funding -', 10, 3, NULL, 0.5, -99999999999999999992.5, 7),
                    ('most', %1$s, %1$s, -%1$s, %1$s, 0, %1$s),
                    ('net', %1$s, -%1$s, 2, 0.5, NULL, 7),
                    ('parts', NULL, NULL, NULL, 1, 1, 7),
                    ('price_pnl', NULL, 3, 2, 0.5, 99999999999999999999.5, 7),
                    ('price_pnl -', NULL, 3, 2, 0.5, NULL, 7),
                    ('unvalued', NULL, NULL, NULL, 0.5, NULL, 7),
                    ('volume', 10, 3, 2, 0.5, 9.5, NULL)$$, :most),
    'a figure of 10^20 or more is null, and only that one; parts out of range may have a net');

SELECT results_eq(
    $$SELECT d.strategy, d.fees_known, d.funding_known
        FROM analytics.daily_pnl AS d
       WHERE d.book = 'sums-test'
         AND d.strategy IN ('all', 'fees', 'funding', 'unvalued')
       ORDER BY d.strategy$$,
    $$VALUES ('all', 3::numeric, 2::numeric),
             ('fees', NULL, 2),
             ('funding', 3, NULL),
             ('unvalued', NULL, 2)$$,
    'what is known of fees and funding has the same range');

SELECT is(r.price_pnl, 5 * :limit::numeric, 'the rows hold a sum beyond the range exactly')
  FROM analytics.daily_pnl_rows AS r
 WHERE r.book_id = :book
   AND r.strategy = 'parts';

-- As the worker adds what one more position brings, and what one takes with it.
UPDATE analytics.daily_pnl_rows
   SET volume = volume + :most,
       price_pnl = price_pnl - 0.000000000000000001
 WHERE book_id = :book
   AND strategy IN ('most', 'price_pnl');

SELECT results_eq(
    $$SELECT d.strategy, d.price_pnl, d.volume
        FROM analytics.daily_pnl AS d
       WHERE d.book = 'sums-test'
         AND d.strategy IN ('most', 'price_pnl')
       ORDER BY d.strategy$$,
    $$VALUES ('most', 99999999999999999999.999999999999999998, NULL::numeric),
             ('price_pnl', 99999999999999999999.999999999999999999, NULL)$$,
    'a sum that leaves the range is no error, and one that comes back is shown again');

SELECT throws_ok(format('SELECT pg_temp.day(%s, %L, volume => -1)', :book, 'less'),
                 '23514', NULL, 'volume is still not negative');

SELECT is_empty(
    $$SELECT a.attname
        FROM pg_attribute AS a
       WHERE a.attrelid = 'analytics.daily_pnl'::regclass
         AND a.atttypid = 'numeric'::regtype
         AND format_type(a.atttypid, a.atttypmod) <> 'numeric(38,18)'$$,
    'every figure of the view has the type of a figure');

SELECT * FROM finish();

ROLLBACK;
