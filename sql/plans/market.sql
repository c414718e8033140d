-- :rows funding rates of two sources, hourly, of five hundred symbols; what was revised, how they
-- differ, snapshots, and the runs that brought them. :rows / 10 opportunities, and what came of
-- them.

INSERT INTO data_collector.instruments
       (valid_from, valid_to, contract_size, tick_size, funding_interval_hours, exchange, symbol,
        base, quote, settle)
SELECT now() - interval '1 year' * v.age, CASE WHEN v.age > 1 THEN now() - interval '1 year' END,
       1, 0.1, 8, format('x%s', n % 10), format('S%s-PERP', n), format('B%s', n / 10), 'USDT',
       'USDT'
  FROM generate_series(1, 6000) AS n
 CROSS JOIN (VALUES (1), (2)) AS v (age);

SELECT maintenance.ensure_partitions('data_collector.ingestion_runs', now() - interval '8 months',
                                     now());
INSERT INTO data_collector.ingestion_runs
       (started_at, ended_at, source, exchange, dataset, status, error, rows_offered, rows_taken)
SELECT t.at, CASE WHEN n % 1000 > 0 THEN t.at + interval '10 s' END,
       CASE n % 2 WHEN 0 THEN 'exchange_api' ELSE 'arbitragescanner' END, format('x%s', n % 10),
       'funding_rates',
       CASE WHEN n % 1000 = 0 THEN 'running' WHEN n % 1000 = 1 THEN 'failed' ELSE 'succeeded' END,
       CASE WHEN n % 1000 = 1 THEN 'timeout' END, 10, 10
  FROM generate_series(1, :rows / 10) AS n
 CROSS JOIN LATERAL (SELECT now() - interval '2 minutes' * (:rows / 10 - n)) AS t (at);

INSERT INTO data_collector.ingestion_gaps
       (expected_from, expected_to, filled_at, found_at, source, exchange, symbol)
SELECT now() - interval '1 hour' * n, now() - interval '1 hour' * n,
       CASE WHEN n % 100 > 0 THEN now() END, now() - interval '1 minute',
       CASE n % 2 WHEN 0 THEN 'exchange_api' ELSE 'arbitragescanner' END, format('x%s', n % 10),
       format('S%s-PERP', n % 500)
  FROM generate_series(1, :rows / 50) AS n;

INSERT INTO funding.symbols (exchange, symbol, first_funding_time, last_funding_time)
SELECT format('x%s', n % 10), format('S%s-PERP', n), now() - interval '1 year', now()
  FROM generate_series(1, 500) AS n;
INSERT INTO funding.series (source, exchange, symbol)
SELECT s.source, y.exchange, y.symbol
  FROM funding.symbols AS y
 CROSS JOIN (VALUES ('exchange_api'), ('arbitragescanner')) AS s (source);

SELECT maintenance.ensure_partitions('funding.rates', now() - interval '45 days', now());
SELECT maintenance.ensure_partitions('funding.rate_revisions', now() - interval '45 days', now());
SELECT maintenance.ensure_partitions('funding.snapshots', now() - interval '45 days', now());
INSERT INTO funding.rates
       (funding_time, received_at, rate, mark_price, interval_hours, revision, source, exchange,
        symbol)
SELECT t.at, t.at + interval '3 s', (n % 100 - 50) * 0.00001, 100, 1,
       CASE WHEN n % 100 = h % 100 AND h % 10 = 0 THEN 2 ELSE 1 END, s.source,
       format('x%s', n % 10), format('S%s-PERP', n)
  FROM generate_series(:rows / 1000 - 1, 0, -1) AS h
 CROSS JOIN LATERAL (SELECT date_trunc('hour', now(), 'UTC') - interval '1 hour' * h) AS t (at)
 CROSS JOIN generate_series(1, 500) AS n
 CROSS JOIN (VALUES ('exchange_api'), ('arbitragescanner')) AS s (source)
 -- As they come: BRIN lives on that.
 ORDER BY h DESC;

INSERT INTO funding.rate_revisions
       (funding_time, received_at, rate, interval_hours, source, exchange, symbol)
SELECT r.funding_time, r.received_at - interval '1 s', r.rate, 1, r.source, r.exchange, r.symbol
  FROM funding.rates AS r
 WHERE r.revision > 1
    OR r.symbol = 'S7-PERP';

INSERT INTO funding.snapshots
       (snapshot_at, funding_time, next_funding_time, received_at, rate, rate_8h, rate_year,
        rate_min, rate_max, mark_price, interval_hours, source_count, sources_disagree, exchange,
        symbol, source)
SELECT r.funding_time + interval '5 minutes', r.funding_time, r.funding_time + interval '1 hour',
       r.received_at, r.rate, r.rate * 8, r.rate * 8760, r.rate, r.rate, r.mark_price, 1, 2, false,
       r.exchange, r.symbol, r.source
  FROM funding.rates AS r
 WHERE r.source = 'exchange_api'
   AND r.funding_time >= now() - interval '1 hour' * (:rows / 8000);

INSERT INTO funding.discrepancies
       (funding_time, opened_at, seen_at, resolved_at, rate_a, rate_b, magnitude, threshold,
        exchange, symbol, source_a, source_b, status, resolution, resolved_by)
SELECT date_trunc('hour', now(), 'UTC') - interval '1 hour' * n, now() - interval '1 hour' * n,
       now(),
       CASE WHEN n % 100 > 0 THEN now() END, 0.001, 0.002, 0.001, 0.0001, format('x%s', n % 10),
       format('S%s-PERP', n % 500),
       CASE n % 3 WHEN 0 THEN 'arbitragescanner' ELSE 'exchange_api' END,
       CASE n % 3 WHEN 0 THEN 'exchange_api' ELSE 'third' END,
       CASE WHEN n % 100 > 0 THEN 'resolved' ELSE 'open' END,
       CASE WHEN n % 100 > 0 THEN 'agreed' END, CASE WHEN n % 100 > 0 THEN 'seed' END
  FROM generate_series(1, :rows / 50) AS n;

SELECT maintenance.ensure_partitions('opportunities.detected', now() - interval '4 months',
                                     now());
SELECT maintenance.ensure_partitions('opportunities.executions', now() - interval '4 months',
                                     now());
INSERT INTO opportunities.detected
       (opportunity_id, detected_at, expires_at, score, spread, status, strategy, asset,
        long_exchange, long_symbol, short_exchange, short_symbol, components)
SELECT md5('o' || n)::uuid, t.at, t.at + interval '1 hour', n % 100, 0.001,
       CASE WHEN n % 200 = 0 THEN 'qualified' WHEN n % 10 = 0 THEN 'executed' ELSE 'expired' END,
       format('s%s', n % 20), format('A%s', n / 200 % 50), format('x%s', n % 10),
       format('S%s-PERP', n % 500), format('x%s', (n + 1) % 10), format('S%s-PERP', n % 500),
       CASE WHEN n % 1000 = 0 THEN '{"veto": "liquidity", "funding": 40}'
            ELSE '{"funding": 40, "liquidity": 20}' END::jsonb
  FROM generate_series(1, :rows / 10) AS n
 CROSS JOIN LATERAL (SELECT now() - interval '100 s' * (:rows / 10 - n)) AS t (at);
INSERT INTO opportunities.executions
       (execution_id, opportunity_id, position_id, detected_at, started_at, first_fill_at, ended_at,
        quantity, long_price_expected, long_price_actual, short_price_expected, short_price_actual,
        status)
SELECT o.opportunity_id, o.opportunity_id, md5(o.opportunity_id::text)::uuid, o.detected_at,
       o.detected_at, o.detected_at, o.detected_at, 1, 100, 100.1, 100, 99.9, 'filled'
  FROM opportunities.detected AS o
 WHERE o.status = 'executed';

VACUUM (ANALYZE) data_collector.instruments, data_collector.ingestion_runs,
                 data_collector.ingestion_gaps, funding.symbols, funding.series,
                 funding.rates, funding.rate_revisions, funding.snapshots, funding.discrepancies,
                 opportunities.detected, opportunities.executions;
