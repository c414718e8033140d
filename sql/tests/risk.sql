-- Risk by hand: exposure, value at risk and drawdown are what a person computes from the same rows;
-- breaches and alerts begin and end with what the snapshots find.
BEGIN;

\ir lib/assertions.sql

SELECT no_plan();

SELECT positions.ensure_book('risk-test') AS book \gset
INSERT INTO positions.projection_checkpoints (book_id, slot, log_position, logic_version, owner)
SELECT l.book_id, l.slot, 7, l.logic_version, 'test'
  FROM positions.live_slot AS l
 WHERE l.book_id = :book;
UPDATE positions.log_head SET log_position = 7, recorded_at = now() WHERE book_id = :book;
UPDATE config.risk_limits SET enabled = false;
-- Twenty seconds of one day.
SELECT f.at AS first, (f.at AT TIME ZONE 'UTC')::date AS day
  FROM (SELECT now() - interval '9 minutes' AS at
        UNION ALL
        SELECT now() - interval '10 minutes') AS f
 ORDER BY date_trunc('day', f.at, 'UTC')
              = date_trunc('day', f.at + interval '20 seconds', 'UTC') DESC,
          f.at DESC
 LIMIT 1 \gset

-- What somebody is told to do about an error, or null when there is none.
CREATE FUNCTION pg_temp.hint(statement text)
    RETURNS text
    LANGUAGE plpgsql
AS $function$
DECLARE
    cure text;
BEGIN
    EXECUTE statement;
    RETURN NULL;
EXCEPTION
    WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS cure = PG_EXCEPTION_HINT;
        RETURN format('%s: %s', sqlstate, cure);
END
$function$;

-- 1. Exposure.

INSERT INTO positions.active_rows
       (slot, book_id, position_id, version, strategy, asset, state, flags, opened_at, leg_count,
        revision, log_position, changed_at)
SELECT 1, :book, p.id::uuid, 1, p.strategy, p.asset, p.state, '{}', now(), 2, 0, 7, now()
  FROM (VALUES ('00000000-0000-0000-0000-0000000000a1', 'basis', 'BTC', 'OPEN'),
               ('00000000-0000-0000-0000-0000000000a2', 'carry', 'ETH', 'OPEN'),
               ('00000000-0000-0000-0000-0000000000a3', 'carry', 'ETH', 'PENDING'))
       AS p (id, strategy, asset, state);

INSERT INTO positions.legs_rows
       (slot, book_id, position_id, leg, leg_index, venue, account, instrument, kind, side, base,
        quote, settle, multiplier, target_qty, qty_scale, price_scale, settle_scale, state, flags,
        qty, peak_qty, open_cost, avg_entry_px, realized_price, fees, funding, adjustments,
        mark_px, mark_at, unrealized, log_position, changed_at)
SELECT 1, :book, l.id::uuid, l.leg, l.place, l.venue, 'main', l.instrument, l.kind,
       CASE WHEN l.qty < 0 THEN 'short' ELSE 'long' END, l.base, l.quote, l.settle, l.multiplier,
       1000, 8, 8, 8, 'FILLED', '{}', l.qty, abs(l.qty), 0, l.entry, 0, '{}', '{}', 0, l.mark,
       CASE WHEN l.mark IS NOT NULL THEN now() END, l.unrealized, 7, now()
  FROM (VALUES
    -- 2 BTC at 50 000: + 100 000 usd.
    ('00000000-0000-0000-0000-0000000000a1', 'a', 0, 'binance', 'BTCUSDT', 'spot', 'BTC', 'USDT',
     'USDT', 1, 2, 49000, 50000::numeric, 2000::numeric),
    -- 200 contracts of 0.01 BTC, sold, at 50 010: - 100 020 usd.
    ('00000000-0000-0000-0000-0000000000a1', 'b', 1, 'bybit', 'BTC-PERP', 'linear', 'BTC', 'USDT',
     'USDT', 0.01, -200, 49260, 50010, -1500),
    -- 300 contracts of 10 usd, sold: - 3 000 usd whatever the price; 0.1 ETH at 2 000: + 200 usd.
    ('00000000-0000-0000-0000-0000000000a2', 'a', 0, 'deribit', 'ETH-PERP', 'inverse', 'ETH',
     'USD', 'ETH', 10, -300, 2150, 2000, 0.1),
    -- Never marked: 1.5 ETH at the average entry of 1 990: + 2 985 usd.
    ('00000000-0000-0000-0000-0000000000a2', 'b', 1, 'okx', 'ETHUSDT', 'linear', 'ETH', 'USDT',
     'USDT', 1, 1.5, 1990, NULL, NULL),
    -- Priced in BTC: counted, and in no sum.
    ('00000000-0000-0000-0000-0000000000a2', 'c', 2, 'okx', 'ETHBTC', 'spot', 'ETH', 'BTC', 'BTC',
     1, 1, 0.04, 0.041, 0.001),
    -- Flat, so no exposure.
    ('00000000-0000-0000-0000-0000000000a3', 'a', 0, 'gate', 'ETHUSDT', 'linear', 'ETH', 'USDT',
     'USDT', 1, 0, NULL, NULL, NULL)
  ) AS l (id, leg, place, venue, instrument, kind, base, quote, settle, multiplier, qty, entry,
          mark, unrealized);

SELECT results_eq(
    $$SELECT e.venue, e.leg, trim_scale(e.notional), trim_scale(e.unrealized_usd), e.is_unmarked
        FROM risk.exposures AS e
       WHERE e.book = 'risk-test'
       ORDER BY e.position_id, e.leg$$,
    $$VALUES ('binance', 'a', 100000::numeric, 2000::numeric, false),
             ('bybit', 'b', -100020, -1500, false),
             ('deribit', 'a', -3000, 200, false),
             ('okx', 'b', 2985, NULL, true),
             ('okx', 'c', NULL, NULL, false)$$,
    'a leg is worth quantity times multiplier times price, an inverse one its contracts');

-- 2. Value at risk of 25 days: 14 times + 10 and once nothing, - 120.5, 4 times + 10, - 300, + 10,
-- - 40, twice + 10. In order: - 300, - 120.5, - 40, 0, and 21 times + 10.

INSERT INTO analytics.daily_pnl_rows
       (slot, book_id, day, strategy, asset, venue, settle, price_pnl, fees_known, funding_known,
        adjustments, unvalued_fees, unvalued_funding, fills, volume, positions, leg_days,
        log_position, changed_at)
SELECT 1, :book, :'day'::date - d.ago, 'basis', 'BTC', d.venue, 'USDT', d.price_pnl, d.fees,
       d.funding, d.adjustments, 0, 0, 1, 1, 1, 1, 7, now()
  FROM (SELECT n, 'binance', 10, 0, 0, 0
          FROM generate_series(1, 25) AS n
         WHERE n NOT IN (3, 5, 10, 20)
         UNION ALL
        VALUES (3, 'binance', -40, 0, 0, 0),
               -- - 250 - 30 + 10 - 1 and - 29, which is - 300.
               (5, 'binance', -250, 30, 10, -1), (5, 'bybit', -29, 0, 0, 0),
               (10, 'binance', -120.5, 0, 0, 0),
               -- Today is not over.
               (0, 'binance', -9999, 0, 0, 0))
       AS d (ago, venue, price_pnl, fees, funding, adjustments);

SELECT results_eq(
    format($$SELECT c.confidence, trim_scale(h.var), trim_scale(h.drawdown), h.days, h.missing
               FROM (VALUES (0.99), (0.96), (0.95), (0.9), (0.85), (0.5)) AS c (confidence)
              CROSS JOIN LATERAL risk.historical_var('risk-test', %L, 250, c.confidence) AS h
              ORDER BY c.confidence DESC$$, :'day'),
    -- The first for k = ceil(0.25), exactly the first for k = 1, the second for k = ceil(1.25), the
    -- third for k = ceil(2.5), the fourth for k = ceil(3.75), a gain for k = ceil(12.5). The days
    -- rose to 140 and stand at - 250.5.
    $$VALUES (0.99, 300::numeric, 390.5::numeric, 25, NULL::text), (0.96, 300, 390.5, 25, NULL),
             (0.95, 120.5, 390.5, 25, NULL), (0.9, 40, 390.5, 25, NULL),
             (0.85, 0, 390.5, 25, NULL), (0.5, 0, 390.5, 25, NULL)$$,
    'the value at risk is the loss of the k-th worst day, k = ceil((1 - confidence) n)');

SELECT results_eq(
    format($$SELECT w.days, trim_scale(h.var), trim_scale(h.drawdown), h.days, h.missing
               FROM (VALUES (25), (20), (19), (4)) AS w (days)
              CROSS JOIN LATERAL risk.historical_var('risk-test', %L, w.days, 0.95) AS h
              ORDER BY w.days DESC$$, :'day'),
    -- Of 20 days the first one is that without a row: the book began before it.
    $$VALUES (25, 120.5::numeric, 390.5::numeric, 25, NULL::text),
             (20, 300, 390.5, 20, NULL),
             (19, NULL, 390.5, 19, '19 of at least 20 days'),
             (4, NULL, 20, 4, '4 of at least 20 days')$$,
    'days before the window do not count, those in it do even without P&L');

SELECT results_eq(
    format($$SELECT h.var, h.drawdown, h.days, h.missing
               FROM risk.historical_var('no-such-book', %L, 250, 0.99) AS h$$, :'day'),
    $$VALUES (NULL::numeric, 0::numeric, 0, '0 of at least 20 days')$$,
    'without a day there is no value at risk');

SELECT is(pg_temp.hint(format('SELECT risk.historical_var(''risk-test'', %L, %s, %s)', d, w, c)),
          '22023: Give a day, a window of at least 1 day and a confidence of 0.5 to 0.9999.',
          format('refused: window %s, confidence %s', w, c))
  FROM (VALUES (:'day', 0, 0.99), (:'day', 250, 1), (:'day', 250, 0.49), (NULL, 250, 0.99))
       AS v (d, w, c);

-- 3. A snapshot, with limits that are exceeded, just reached and far.

SELECT config.set('system_settings/risk.var_confidence', '0.95') AS change \gset
SELECT config.set('system_settings/risk.var_window_days', '250') AS change \gset
SELECT count(config.set(l.path, l.entry::jsonb)) AS changes
  FROM (VALUES
    ('risk_limits/venue_exposure/bybit', '{"warning": 90000, "hard": 100000, "enabled": true}'),
    ('risk_limits/venue_exposure/*', '{"hard": 100000, "enabled": true}'),
    ('risk_limits/asset_concentration/*',
     '{"warning": 0.5, "hard": 0.98, "unit": "fraction", "enabled": true}'),
    ('risk_limits/portfolio_exposure/*', '{"hard": 206005, "enabled": true}'),
    ('risk_limits/position_size/carry', '{"hard": 2999, "enabled": true}'),
    ('risk_limits/position_size/*', '{"hard": 100020, "enabled": true}'),
    ('risk_limits/portfolio_drawdown/*', '{"hard": 390, "enabled": true}'),
    ('risk_limits/portfolio_var/*', '{"hard": 120.5, "enabled": true}')) AS l (path, entry) \gset

CREATE TEMPORARY VIEW breaches AS
SELECT l.kind, b.subject, b.level, trim_scale(b.limit_value) AS limit_value,
       round(b.measured, 4) AS measured, b.opened_at, b.closed_at, a.severity, a.repeats,
       a.resolved_at IS NULL AS is_alert_standing, b.alert_id, b.breach_id
  FROM risk.limit_breaches AS b
  JOIN config.risk_limits AS l
    ON l.limit_id = b.limit_id
  JOIN risk.alerts AS a
    ON a.alert_id = b.alert_id
 WHERE b.book = 'risk-test';

CREATE TEMPORARY TABLE moments AS
SELECT n, :'first'::timestamptz + make_interval(secs => n) AS at
  FROM generate_series(1, 20) AS n;

-- The service itself does it, with its own rights.
GRANT SELECT ON pg_temp.moments TO nexus_risk;
SET LOCAL ROLE nexus_risk;
SELECT risk.take_snapshot('risk-test', m.at) AS snapshot FROM moments AS m WHERE m.n = 1 \gset
RESET ROLE;

SELECT results_eq(
    format($$SELECT s.log_position, trim_scale(s.gross_exposure), trim_scale(s.net_exposure),
                    trim_scale(s.unrealized), trim_scale(s.drawdown), trim_scale(s.var),
                    trim_scale(s.var_confidence), s.var_window, s.var_days, s.var_method,
                    s.positions, s.unmarked_legs, s.unpriced_legs, s.unvalued_legs
               FROM risk.snapshots AS s
              WHERE s.snapshot_id = %s$$, :snapshot),
    $$VALUES (7::bigint, 206005::numeric, -35::numeric, 700::numeric, 390.5::numeric,
              120.5::numeric, 0.95::numeric, 250, 25, 'historical', 3, 1, 1, 2)$$,
    'a snapshot has the sums of what is priced, and counts what is not');

SELECT is(s.by_venue, '{"binance": {"gross": 100000, "net": 100000},
                        "bybit": {"gross": 100020, "net": -100020},
                        "deribit": {"gross": 3000, "net": -3000},
                        "okx": {"gross": 2985, "net": 2985}}'::jsonb, 'exposure by venue')
  FROM risk.snapshots AS s
 WHERE s.snapshot_id = :snapshot;
SELECT is(s.by_asset, '{"BTC": {"gross": 200020, "net": -20},
                        "ETH": {"gross": 5985, "net": -15}}'::jsonb, 'exposure by asset')
  FROM risk.snapshots AS s
 WHERE s.snapshot_id = :snapshot;

SELECT results_eq(
    $$SELECT b.kind, b.subject, b.level, b.limit_value, b.measured, b.severity, b.repeats,
             b.is_alert_standing, b.opened_at = m.at, b.closed_at
        FROM breaches AS b
        JOIN moments AS m
          ON m.n = 1
       ORDER BY b.kind COLLATE "C", b.subject$$,
    -- 200 020 / 206 005 is 0.97094…; what is equal to its limit is no breach.
    $$VALUES ('asset_concentration', 'BTC', 'warning', 0.5::numeric, 0.9709::numeric, 'warning', 0,
              true, true, NULL::timestamptz),
             ('portfolio_drawdown', 'portfolio', 'hard', 390, 390.5, 'critical', 0, true, true,
              NULL),
             ('position_size', '00000000-0000-0000-0000-0000000000a2', 'hard', 2999, 3000,
              'critical', 0, true, true, NULL),
             ('venue_exposure', 'bybit', 'hard', 100000, 100020, 'critical', 0, true, true, NULL)$$,
    'what exceeds a limit is a breach with an alert');

SELECT is(a.subject || ': ' || a.message,
          'venue_exposure bybit in risk-test: venue_exposure of bybit is 100020 usd, over the hard '
          'limit of 100000', 'an alert says what, how much and how much at most')
  FROM risk.alerts AS a
  JOIN breaches AS b
    ON b.alert_id = a.alert_id
 WHERE b.kind = 'venue_exposure';

SELECT is(risk.take_snapshot('risk-test', m.at), :snapshot::bigint,
          'the same moment is one snapshot')
  FROM moments AS m
 WHERE m.n = 1;
SELECT is(sum(b.repeats), 0::bigint, 'and raises nothing again')
  FROM breaches AS b;

SELECT throws_ok(w.statement, w.state, NULL, w.why)
  FROM (VALUES
    ($$SELECT risk.take_snapshot('risk-test', NULL)$$, '22023', 'a snapshot has a time'),
    ($$SELECT risk.take_snapshot('risk-test', clock_timestamp() - interval '11 minutes')$$, '22023',
     'the positions of long ago are not known'),
    ($$SELECT risk.take_snapshot('risk-test', clock_timestamp() + interval '2 minutes')$$, '22023',
     'nor those to come'),
    ($$SELECT risk.take_snapshot('no-such-book')$$, 'P0002', 'a snapshot is of a book'),
    ($$SELECT risk.take_snapshot(NULL)$$, 'P0002', 'and no book is none')
  ) AS w (statement, state, why);

-- 4. Breaches go on, change and end.

-- 200 contracts at 47 500: 95 000 usd.
UPDATE positions.legs_rows SET mark_px = 47500 WHERE book_id = :book AND venue = 'bybit';
SELECT risk.take_snapshot('risk-test', m.at) AS snapshot FROM moments AS m WHERE m.n = 2 \gset

SELECT results_eq(
    $$SELECT b.level, b.limit_value, b.measured, o.n, c.n, b.severity, b.repeats,
             b.is_alert_standing
        FROM breaches AS b
        JOIN moments AS o
          ON o.at = b.opened_at
        LEFT JOIN moments AS c
          ON c.at = b.closed_at
       WHERE b.subject = 'bybit'
       ORDER BY b.breach_id$$,
    $$VALUES ('hard', 100000::numeric, 100020::numeric, 1, 2, 'critical', 1, true),
             ('warning', 90000, 95000, 2, NULL, 'critical', 1, true)$$,
    'from hard to warning the breach is another row, with the same alert');

SELECT is(count(DISTINCT b.alert_id), 1::bigint, 'which is one')
  FROM breaches AS b
 WHERE b.subject = 'bybit';

-- The drawdown cannot be told any more: nobody says that its breach has ended.
UPDATE analytics.daily_pnl_rows SET unvalued_fees = 1
 WHERE book_id = :book AND day = :'day'::date - 5 AND venue = 'bybit';
SELECT risk.take_snapshot('risk-test', m.at) AS snapshot FROM moments AS m WHERE m.n = 3 \gset
SELECT results_eq(
    format($$SELECT s.var, s.drawdown, s.var_missing FROM risk.snapshots AS s
              WHERE s.snapshot_id = %s$$, :snapshot),
    $$VALUES (NULL::numeric, NULL::numeric, 'fees or funding of a day are not valued')$$,
    'a day that is not valued leaves value at risk and drawdown open, and says why');
SELECT results_eq(
    $$SELECT b.measured, b.closed_at, b.is_alert_standing FROM breaches AS b
       WHERE b.kind = 'portfolio_drawdown'$$,
    $$VALUES (390.5, NULL::timestamptz, true)$$,
    'a figure that cannot be told closes no breach');

UPDATE analytics.daily_pnl_rows SET unvalued_fees = 0, price_pnl = 100
 WHERE book_id = :book AND day = :'day'::date - 5 AND venue = 'bybit';
-- Flat at bybit, and the drawdown is 261.5: the breaches have ended.
UPDATE positions.legs_rows SET qty = 0, avg_entry_px = NULL
 WHERE book_id = :book AND venue = 'bybit';
SELECT risk.take_snapshot('risk-test', m.at) AS snapshot FROM moments AS m WHERE m.n = 4 \gset
SELECT results_eq(
    $$SELECT b.kind, b.level, c.n, b.is_alert_standing
        FROM breaches AS b
        LEFT JOIN moments AS c
          ON c.at = b.closed_at
       WHERE b.kind IN ('portfolio_drawdown', 'venue_exposure')
       ORDER BY b.kind COLLATE "C", b.breach_id$$,
    $$VALUES ('portfolio_drawdown', 'hard', 4, false), ('venue_exposure', 'hard', 2, false),
             ('venue_exposure', 'warning', 4, false)$$,
    'what is not exceeded any more is closed, and its alert is resolved');

SELECT is(trim_scale(s.drawdown), 261.5, 'the drawdown is that of the restated days')
  FROM risk.latest_snapshot AS s
 WHERE s.book = 'risk-test';

-- Another asset's P&L.
UPDATE analytics.daily_pnl_rows SET settle = 'BTC'
 WHERE book_id = :book AND day = :'day'::date - 3;
SELECT is(h.missing, 'P&L of a day is in another asset than usd', 'P&L in BTC is not added to USDT')
  FROM risk.historical_var('risk-test', :'day', 250, 0.95) AS h;
UPDATE analytics.daily_pnl_rows SET settle = 'USDC'
 WHERE book_id = :book AND day = :'day'::date - 3;
SELECT is(trim_scale(h.var), 120.5, 'stable coins are added at par')
  FROM risk.historical_var('risk-test', :'day', 250, 0.95) AS h;

-- A limit of its own takes over from that of *, and one that is not enabled gives it back.
SELECT config.set('risk_limits/venue_exposure/*', '{"hard": 2900}') AS change \gset
SELECT risk.take_snapshot('risk-test', m.at) AS snapshot FROM moments AS m WHERE m.n = 5 \gset
SELECT config.set('risk_limits/venue_exposure/okx', '{"hard": 2500}') AS change \gset
SELECT risk.take_snapshot('risk-test', m.at) AS snapshot FROM moments AS m WHERE m.n = 6 \gset
SELECT config.set('risk_limits/venue_exposure/okx', '{"hard": 2600}') AS change \gset
SELECT risk.take_snapshot('risk-test', m.at) AS snapshot FROM moments AS m WHERE m.n = 7 \gset
SELECT config.set('risk_limits/venue_exposure/okx', '{"enabled": false}') AS change \gset
SELECT risk.take_snapshot('risk-test', m.at) AS snapshot FROM moments AS m WHERE m.n = 8 \gset

SELECT results_eq(
    $$SELECT b.limit_value, o.n, c.n, b.is_alert_standing
        FROM breaches AS b
        JOIN moments AS o
          ON o.at = b.opened_at
        LEFT JOIN moments AS c
          ON c.at = b.closed_at
       WHERE b.subject = 'okx'
       ORDER BY b.breach_id$$,
    $$VALUES (2900::numeric, 5, 6, true), (2500, 6, 7, true), (2600, 7, 8, true),
             (2900, 8, NULL, true)$$,
    'each value of a limit has its own breach, and the alert stands as long as one of them');

SELECT is(pg_temp.hint($$SELECT config.unset('risk_limits/venue_exposure/okx')$$),
          '23503: Disable it instead: set its column enabled to false.',
          'a limit with breaches is not removed');

-- An alert that somebody took back too early is raised anew.
SELECT risk.resolve_alert('limit_breached', 'venue_exposure okx in risk-test') AS was_there \gset
SELECT risk.take_snapshot('risk-test', m.at) AS snapshot FROM moments AS m WHERE m.n = 9 \gset
SELECT ok(:'was_there'::boolean AND b.is_alert_standing, 'an alert stands as long as its breach')
  FROM breaches AS b
 WHERE b.subject = 'okx'
   AND b.closed_at IS NULL;

-- A fraction of nothing cannot be told, and all positions gone end their breaches.
SELECT config.set('risk_limits/portfolio_drawdown/*', '{"hard": 0.5, "unit": "fraction"}')
    AS change \gset
UPDATE positions.legs_rows SET qty = 0 WHERE book_id = :book;
SELECT risk.take_snapshot('risk-test', m.at) AS snapshot FROM moments AS m WHERE m.n = 10 \gset
SELECT is_empty($$SELECT * FROM breaches AS b WHERE b.closed_at IS NULL$$,
                'nothing held, nothing breached');
SELECT results_eq(
    $$SELECT trim_scale(s.gross_exposure), s.by_venue, s.by_asset FROM risk.latest_snapshot AS s
       WHERE s.book = 'risk-test'$$,
    $$VALUES (0::numeric, '{}'::jsonb, '{}'::jsonb)$$,
    'the latest snapshot is that of nothing');

SELECT pg_temp.assert_state('risk: %');

-- 5. Alerts.

SELECT risk.raise_alert('info', 'risk_test', 'x', 'first', '{"n": 1}') AS alert \gset
SELECT is(risk.raise_alert('critical', 'risk_test', 'x', 'second', '{"n": 2}'), :alert::bigint,
          'an alert that stands is counted, not raised twice');
SELECT is(risk.raise_alert('warning', 'risk_test', 'x', 'third'), :alert::bigint, 'again');
SELECT isnt(risk.raise_alert('warning', 'risk_test', 'y', 'first'), :alert::bigint,
            'another subject is another alert');
SELECT results_eq(
    format($$SELECT a.severity, a.repeats, a.message, a.detail, a.is_held,
                    a.last_raised_at > a.raised_at
               FROM risk.alerts AS a WHERE a.alert_id = %s$$, :alert),
    $$VALUES ('critical', 2, 'third', NULL::jsonb, false, true)$$,
    'it keeps its worst severity and its last message');

SELECT is(pg_temp.hint(w.statement), w.hint, w.hint)
  FROM (VALUES
    ($$SELECT risk.raise_alert('bad', 'risk_test', 'x', 'm')$$,
     '23514: Give info, warning or critical.'),
    ($$SELECT risk.raise_alert(NULL, 'risk_test', 'x', 'm')$$,
     '23514: Give info, warning or critical.'),
    ($$SELECT risk.raise_alert('info', 'Risk Test', 'x', 'm')$$,
     '23514: Give 1 to 64 characters of [a-z0-9_], a letter first, such as job_failed.'),
    ($$SELECT risk.raise_alert('info', 'risk_test', '', 'm')$$,
     '23514: Say what it is about, such as a venue or a job.'),
    ($$SELECT risk.raise_alert('info', 'risk_test', 'x', NULL)$$,
     '23514: Say what happened, for a person.'),
    ($$SELECT risk.raise_alert('info', 'risk_test', 'x', 'm', '[]')$$,
     '23514: Give a JSON object, or null.')
  ) AS w (statement, hint);

SET LOCAL nexus.actor = 'ada';
SELECT lives_ok(format('SELECT risk.acknowledge_alert(%s, ''on it'')', :alert),
                'somebody takes it up');
SELECT lives_ok(format('SELECT risk.acknowledge_alert(%s)', :alert), 'once more changes nothing');
SET LOCAL nexus.actor = 'eve';
SELECT is(pg_temp.hint(format('SELECT risk.acknowledge_alert(%s)', :alert)), '55000: Ask them.',
          'somebody else does not');
SELECT is(left(pg_temp.hint('SELECT risk.acknowledge_alert(-1)'), 6), 'P0002:',
          'nor one that is not');
SELECT results_eq(
    format($$SELECT a.acknowledged_by, a.note, a.acknowledged_at IS NOT NULL
               FROM risk.alerts AS a WHERE a.alert_id = %s$$, :alert),
    $$VALUES ('ada', 'on it', true)$$, 'who took it up stays');
SELECT results_eq(
    format($$SELECT a.actor, a.request ->> 'note' FROM audit.actions AS a
              WHERE a.action = 'alert_acknowledged' AND a.subject = '%s'$$, :alert),
    $$VALUES ('ada', 'on it')$$, 'and is in the audit, once');
SET LOCAL nexus.actor = '';

SELECT is(risk.resolve_alert('risk_test', 'x'), true, 'its cause has gone');
SELECT is(risk.resolve_alert('risk_test', 'x'), false, 'and was gone');
SELECT isnt(risk.raise_alert('info', 'risk_test', 'x', 'anew'), :alert::bigint,
            'the next time is another alert');

-- In a maintenance window.
SELECT config.set('maintenance_windows/risk-test', jsonb_build_object(
           'starts_at', now() - interval '2 hours', 'ends_at', now() + interval '1 hour',
           'reason', 'a test')) AS change \gset
SELECT count(risk.raise_alert('warning', 'risk_test', s.subject, 'held')) AS raised
  FROM (VALUES ('held'), ('resolved'), ('seen')) AS s (subject) \gset
-- Told before, and now worse.
SELECT risk.raise_alert('critical', 'risk_test', 'y', 'worse') AS worse \gset
SELECT risk.raise_alert('info', 'risk_test', 'x', 'no worse') AS no_worse \gset
SELECT results_eq(
    $$SELECT a.subject FROM risk.standing_alerts AS a
       WHERE a.type = 'risk_test' AND a.is_held ORDER BY a.subject$$,
    $$VALUES ('held'), ('resolved'), ('seen'), ('y')$$,
    'what is raised in a maintenance window, or becomes worse in it, is held');
SELECT is(risk.release_held_alerts(), 0, 'none is released in it');
SELECT risk.resolve_alert('risk_test', 'resolved') AS was_there \gset
SELECT risk.acknowledge_alert(a.alert_id) FROM risk.standing_alerts AS a WHERE a.subject = 'seen';
SELECT config.set('maintenance_windows/risk-test/ends_at', to_jsonb(now() - interval '1 hour'))
    AS change \gset
SELECT is(risk.release_held_alerts(), 2, 'those that still need somebody are released after it');
SELECT is(risk.release_held_alerts(), 0, 'once');

-- Who is told of what, and when again.
SELECT is((SELECT a.told_at FROM risk.standing_alerts AS s JOIN risk.alerts AS a USING (alert_id)
            WHERE s.type = 'risk_test' AND s.subject = 'x'), NULL,
          'below alerts.minimum_severity nobody is told');
SELECT config.set('system_settings/alerts.minimum_severity', '"info"') AS change \gset
SELECT is(risk.release_held_alerts(), 1, 'once it is lower, they are');
SELECT config.set('system_settings/alerts.repeat_minutes', '30') AS change \gset
UPDATE risk.alerts AS a SET raised_at = a.raised_at - interval '1 hour',
       told_at = a.told_at - interval '29 minutes'
 WHERE a.type = 'risk_test' AND a.resolved_at IS NULL;
SELECT is(risk.release_held_alerts(), 0, 'one that was told is not told again at once');
UPDATE risk.alerts AS a SET told_at = a.told_at - interval '2 minutes'
 WHERE a.type = 'risk_test' AND a.resolved_at IS NULL AND a.subject IN ('held', 'seen');
SELECT is(risk.release_held_alerts(), 1,
          'after alerts.repeat_minutes it is, unless somebody has acknowledged it');
SELECT is(risk.release_held_alerts(), 0, 'once');

-- 6. Truths, and who may do what.

SELECT throws_ok(w.statement, w.state, NULL, w.why)
  FROM (VALUES
    ($$INSERT INTO risk.alerts (severity, type, subject, message, raised_by)
       VALUES ('info', 'risk_test', 'x', 'm', 'eve')$$, '23505', 'one alert stands for a subject'),
    ($$UPDATE risk.limit_breaches SET alert_id = -1$$, '23503', 'an alert of a breach is there'),
    ($$UPDATE risk.limit_breaches SET closed_at = NULL, measured = limit_value$$, '23514',
     'a breach that stands is over its limit'),
    ($$UPDATE risk.limit_breaches SET closed_at = opened_at - interval '1 s'$$, '23514',
     'a breach does not end before it began'),
    ($$UPDATE risk.snapshots SET net_exposure = gross_exposure + 1$$, '23514',
     'net is at most gross'),
    ($$UPDATE risk.snapshots SET var = NULL, var_missing = NULL$$, '23514',
     'without a value at risk there is a reason')
  ) AS w (statement, state, why);

SELECT is(has_function_privilege(r.role, f.name, 'EXECUTE'), r.role = ANY (f.roles),
          format('%s: %s', r.role, f.name))
  FROM (VALUES
    ('risk.raise_alert(text, text, text, text, jsonb)',
     ARRAY['nexus_risk', 'nexus_funding', 'nexus_maintainer']),
    ('risk.resolve_alert(text, text)', ARRAY['nexus_risk', 'nexus_funding', 'nexus_maintainer']),
    ('risk.acknowledge_alert(bigint, text)', ARRAY['nexus_risk', 'nexus_maintainer']),
    ('risk.take_snapshot(text, timestamptz)', ARRAY['nexus_risk'])) AS f (name, roles)
 CROSS JOIN (VALUES ('nexus_risk'), ('nexus_funding'), ('nexus_maintainer'), ('nexus_analyst'))
       AS r (role)
 WHERE NOT (r.role = 'nexus_maintainer' AND f.name LIKE 'risk.take_snapshot%');

SELECT * FROM finish();

ROLLBACK;
