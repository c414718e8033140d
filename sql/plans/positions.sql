-- A log of :rows / 4 events, a hundred positions at a time, and what is folded of it: open and
-- ended positions, their days, months and sums. One large book, and small ones beside it.

SELECT positions.ensure_month(m.at)
  FROM generate_series(date_trunc('month', now(), 'UTC') - interval '5 months', now(),
                       interval '1 month') AS m (at);
SELECT positions.ensure_book('main') AS book \gset
SELECT positions.ensure_book(format('small%s', n)) AS book_of FROM generate_series(1, 5) AS n;

-- Fifty events each.
INSERT INTO positions.events
       (book_id, log_position, position_id, version, event_id, event_type, schema_version,
        effective_at, recorded_at, source, payload, leaf_hash)
SELECT :book, n, md5((n / 5000 * 100 + n % 100)::text)::uuid, n % 5000 / 100 + 1,
       md5('e' || n)::uuid,
       CASE n % 5000 / 100 % 10 WHEN 1 THEN 'funding_recorded' WHEN 2 THEN 'leg_fill_recorded'
                                ELSE 'mark_recorded' END, 1,
       t.recorded_at, t.recorded_at, 'venue_ws', '{"leg":"PERP","price":"100.5"}',
       decode(repeat('00', 32), 'hex')
  FROM generate_series(1, :rows / 4) AS n
 CROSS JOIN LATERAL (
       SELECT now() - interval '140 days' * (1 - n::float8 / (:rows / 4))) AS t (recorded_at);

INSERT INTO positions.event_keys (book_id, event_id, log_position, recorded_at)
SELECT e.book_id, e.event_id, e.log_position, e.recorded_at
  FROM positions.events AS e
 WHERE e.log_position > :rows / 8;

INSERT INTO positions.streams
       (book_id, position_id, version, first_recorded_at, last_recorded_at, state, progress)
SELECT e.book_id, e.position_id, max(e.version), min(e.recorded_at), max(e.recorded_at), 'OPEN',
       '{}'
  FROM positions.events AS e
 GROUP BY e.book_id, e.position_id;

INSERT INTO positions.active_rows
       (slot, book_id, position_id, version, strategy, asset, state, flags, settle, opened_at,
        revision, leg_count, log_position, changed_at)
SELECT s.slot, :book, md5('a' || n)::uuid, 1, format('s%s', n % 20), format('A%s', n % 50),
       CASE WHEN n % 100 = 0 THEN 'OPENING' WHEN n % 100 = 1 THEN 'CLOSING' ELSE 'OPEN' END,
       CASE WHEN n % 50 = 0 THEN ARRAY['UNHEDGED'] ELSE ARRAY[]::text[] END, 'USDT',
       now() - interval '1 minute' * n, 0, 2, n, now()
  FROM generate_series(1, :rows / 40) AS n
 CROSS JOIN unnest(ARRAY[1, 2]) AS s (slot);

INSERT INTO positions.legs_rows
       (slot, book_id, position_id, leg, leg_index, qty_scale, price_scale, settle_scale,
        multiplier, target_qty, qty, peak_qty, open_cost, realized_price, adjustments, venue,
        account, instrument, kind, side, base, quote, settle, state, flags, fees, funding,
        log_position, changed_at)
SELECT s.slot, :book, md5('a' || n)::uuid, l.leg, l.leg_index, 6, 2, 6, 1, 10, l.qty, 10,
       abs(l.qty) * 100, 0, 0, format('v%s', n % 40), 'main', format('A%s', n % 50), l.kind,
       l.side, format('A%s', n % 50), 'USDT', 'USDT', 'FILLED', '{}', '{}', '{}', n, now()
  FROM generate_series(1, :rows / 40) AS n
 CROSS JOIN unnest(ARRAY[1, 2]) AS s (slot)
 CROSS JOIN (VALUES ('PERP', 0, -10, 'linear', 'short'), ('SPOT', 1, 0, 'spot', 'long'))
         AS l (leg, leg_index, qty, kind, side);

INSERT INTO positions.history_rows
       (slot, book_id, position_id, version, strategy, asset, state, flags, settle, opened_at,
        closed_at, close_reason, revision, leg_count, price_pnl_by_leg, fees_by_category, fills,
        maker_fills, arrival_slippage_by_leg, net, log_position, changed_at)
SELECT s.slot, :book, md5('h' || n)::uuid, 1, format('s%s', n % 20), format('A%s', n % 50 / 10),
       'CLOSED', '{}', 'USDT', t.closed_at - interval '1 day', t.closed_at, 'stop', 0, 2, '{}',
       '{}', 0, 0, '{}', n % 1000, n, t.closed_at
  FROM generate_series(1, :rows / 10) AS n
 CROSS JOIN unnest(ARRAY[1, 2]) AS s (slot)
 CROSS JOIN LATERAL (SELECT now() - interval '1 minute' * n) AS t (closed_at);

INSERT INTO positions.quarantine (since, log_position, position_id, book_id, slot, reason)
SELECT now(), n, md5('a' || n)::uuid, CASE WHEN n % 100 = 0 THEN :book ELSE :book + 1 END, 1, 'seed'
  FROM generate_series(1, :rows / 100) AS n;

INSERT INTO analytics.position_days_rows
       (slot, book_id, position_id, leg, day, strategy, asset, venue, settle, price_pnl,
        adjustments, fills, volume, log_position, changed_at)
SELECT s.slot, :book, md5('h' || n)::uuid, 'PERP', (now() - interval '1 minute' * n)::date,
       format('s%s', n % 20), format('A%s', n / 7 % 50), format('v%s', n % 40), 'USDT', n % 100,
       0, 1, 10, n, now()
  FROM generate_series(1, :rows / 10) AS n
 CROSS JOIN unnest(ARRAY[1, 2]) AS s (slot);

INSERT INTO analytics.daily_pnl_rows
       (slot, book_id, day, strategy, asset, venue, settle, price_pnl, fees_known, funding_known,
        unvalued_fees, unvalued_funding, adjustments, fills, volume, positions, leg_days,
        log_position, changed_at)
SELECT p.slot, p.book_id, p.day, p.strategy, p.asset, p.venue, p.settle, sum(p.price_pnl), 0, 0, 0,
       0, 0, sum(p.fills), sum(p.volume), count(*), count(*), max(p.log_position), now()
  FROM analytics.position_days_rows AS p
 GROUP BY p.slot, p.book_id, p.day, p.strategy, p.asset, p.venue, p.settle;

INSERT INTO analytics.funding_collected_rows
       (slot, book_id, position_id, leg, month, strategy, asset, venue, settle, payments, received,
        paid, net, log_position, changed_at)
SELECT s.slot, :book, md5('h' || n)::uuid, 'PERP',
       date_trunc('month', now() - interval '10 minutes' * n)::date, format('s%s', n % 20),
       format('A%s', n % 50 / 10), format('v%s', n % 40), 'USDT', 1, 2, 1, 1, n, now()
  FROM generate_series(1, :rows / 40) AS n
 CROSS JOIN unnest(ARRAY[1, 2]) AS s (slot);

UPDATE positions.log_head SET log_position = :rows / 4, recorded_at = now() WHERE book_id = :book;

VACUUM (ANALYZE) positions.events, positions.event_keys, positions.streams, positions.active_rows,
                 positions.legs_rows, positions.history_rows, positions.quarantine,
                 analytics.position_days_rows, analytics.daily_pnl_rows,
                 analytics.funding_collected_rows;
SELECT * FROM maintenance.refresh_views();
VACUUM (ANALYZE) analytics.monthly_pnl, analytics.venue_month_funding;
