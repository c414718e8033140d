extension SeedSQL {
    /// Steps after the ledger's events.
    static let after: [Step] = [
        Step(
            "opportunities.detected",
            """
            SELECT count(opportunities.detect(
                       d.strategy, d.asset, d.long, d.asset || 'USDT', d.short,
                       d.asset || 'USDT', d.score,
                       jsonb_build_object('funding', d.score, 'liquidity', 60 + d.n % 30,
                                          'stability', 50 + d.n % 40, 'risk', 40 + d.n % 50),
                       d.spread, 50000, detected_at => d.at))
              FROM (SELECT n, $3::timestamptz + make_interval(mins => 37 * n) AS at,
                           (ARRAY['funding-arb', 'cash-and-carry'])[1 + n % 2] AS strategy,
                           (ARRAY['BTC', 'ETH', 'SOL', 'XRP', 'DOGE'])[1 + n % 5] AS asset,
                           (ARRAY['binance', 'okx', 'bybit'])[1 + n % 3] AS long,
                           (ARRAY['okx', 'bybit', 'hyperliquid'])[1 + n % 3] AS short,
                           round(40 + 60 * pg_temp.dice('score ' || n, $2::bigint), 2) AS score,
                           round(pg_temp.dice('spread ' || n, $2::bigint) / 500, 8) AS spread
                      FROM generate_series(1, 100 * $1::int) AS n
                     WHERE $3::timestamptz + make_interval(mins => 37 * n) < clock_timestamp())
                   AS d
            """),
        Step(
            "opportunities.detected, their life",
            """
            SELECT count(opportunities.advance(d.opportunity_id, s.status))
              FROM opportunities.detected AS d
             CROSS JOIN LATERAL (
                   SELECT unnest(CASE WHEN d.score >= 70 THEN ARRAY['qualified']
                                      WHEN d.score >= 50 THEN ARRAY['expired']
                                      ELSE ARRAY['rejected']
                                 END)
                   ) AS s (status)
             WHERE d.status = 'detected'
               AND $1::int > 0 AND $2::bigint IS NOT NULL AND $3::timestamptz IS NOT NULL
            """),
        Step(
            "opportunities.executions",
            """
            SELECT count(opportunities.end_execution(
                       e.execution_id, e.position_id, 1, 100.02, 100.97))
              FROM (SELECT s.position_id,
                           opportunities.start_execution(d.opportunity_id, 100, 101,
                                                         s.position_id) AS execution_id
                      FROM (SELECT o.opportunity_id, row_number() OVER (ORDER BY o.detected_at)
                              FROM opportunities.detected AS o
                             WHERE o.status = 'qualified') AS d (opportunity_id, place)
                      JOIN (SELECT t.position_id, row_number() OVER (ORDER BY t.position_id)
                              FROM positions.streams AS t
                              JOIN positions.books AS b
                                ON b.book_id = t.book_id
                               AND b.name = 'main') AS s (position_id, place)
                        ON s.place = d.place) AS e
             WHERE $1::int > 0 AND $2::bigint IS NOT NULL AND $3::timestamptz IS NOT NULL
            """),
        Step(
            "capital.allocations",
            """
            SELECT count(capital.allocate(
                       md5(format('allocation %s %s', $2::bigint, p.position_id))::uuid,
                       p.venue, 'main', 'USDT', 100, p.strategy, p.position_id))
              FROM (SELECT DISTINCT ON (a.position_id) a.position_id, l.venue, a.strategy
                      FROM positions.active AS a
                      JOIN positions.legs AS l
                        ON l.book_id = a.book_id
                       AND l.position_id = a.position_id
                     WHERE a.book = 'main'
                     ORDER BY a.position_id, l.leg_index) AS p
             WHERE $1::int > 0 AND $3::timestamptz IS NOT NULL
            """),
        Step(
            "capital.allocations, their life",
            """
            SELECT count(capital.activate(a.allocation_id, a.position_id)),
                   count(CASE WHEN pg_temp.dice(a.allocation_id::text, $2::bigint) < 0.3
                              THEN capital.release(a.allocation_id)
                         END)
              FROM capital.allocations AS a
             WHERE $1::int > 0 AND $3::timestamptz IS NOT NULL
            """),
        Step(
            "capital.transfers",
            """
            SELECT count(capital.request_transfer(
                       md5(format('transfer %s %s', $2::bigint, n))::uuid,
                       (ARRAY['binance', 'okx', 'bybit'])[1 + n % 3], 'main',
                       (ARRAY['okx', 'bybit', 'binance'])[1 + n % 3], 'main', 'USDT', 1000 + n,
                       'seed'))
              FROM generate_series(1, 10 * $1::int) AS n
             WHERE $3::timestamptz IS NOT NULL
            """),
        Step(
            "capital.transfers, sent",
            """
            SELECT count(capital.advance_transfer(t.transfer_id, 'sent'))
              FROM capital.transfers AS t
             WHERE pg_temp.dice(t.transfer_id::text, $2::bigint) < 0.7
               AND $1::int > 0 AND $3::timestamptz IS NOT NULL
            """),
        Step(
            "capital.transfers, received",
            """
            SELECT count(capital.advance_transfer(t.transfer_id, 'received', 1))
              FROM capital.transfers AS t
             WHERE t.status = 'sent'
               AND pg_temp.dice('received ' || t.transfer_id, $2::bigint) < 0.8
               AND $1::int > 0 AND $3::timestamptz IS NOT NULL
            """),
        Step(
            "audit.*",
            """
            SELECT count(audit.record('position_viewed', u.name,
                                      jsonb_build_object('by', u.name))),
                   count(audit.record_call(
                       'data_collector', (ARRAY['binance', 'okx', 'bybit'])[1 + n % 3], 'GET',
                       '/v1/funding', CASE WHEN n % 20 = 0 THEN 429 ELSE 200 END,
                       20 + (100 * pg_temp.dice('ms ' || n, $2::bigint))::int))
              FROM generate_series(1, 50 * $1::int) AS n
              JOIN auth.users AS u
                ON u.name = 'user_' || (1 + n % (10 * $1::int))
             WHERE $3::timestamptz IS NOT NULL
            """),
        Step(
            "risk.snapshots",
            """
            SELECT risk.take_snapshot(b.name)
              FROM positions.books AS b
             WHERE b.name = 'main'
               AND $1::int > 0 AND $2::bigint IS NOT NULL AND $3::timestamptz IS NOT NULL
            """),
        Step(
            "risk.alerts",
            """
            SELECT risk.raise_alert('info', 'seeded', 'seed', 'this database was seeded'),
                   (SELECT risk.acknowledge_alert(a.alert_id, 'seen')
                      FROM risk.standing_alerts AS a
                     WHERE a.acknowledged_at IS NULL
                     ORDER BY a.alert_id
                     LIMIT 1)
             WHERE $1::int > 0 AND $2::bigint IS NOT NULL AND $3::timestamptz IS NOT NULL
            """),
        Step(
            "maintenance.runs",
            """
            SELECT j.job, r.outcome, r.error
              FROM maintenance.jobs AS j
             CROSS JOIN LATERAL maintenance.run_job(j.job) AS r
             WHERE $1::int > 0 AND $2::bigint IS NOT NULL AND $3::timestamptz IS NOT NULL
            """),
    ]
}
