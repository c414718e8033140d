/// What `seed --scale` writes besides the ledger's own tables, in the order of its foreign keys and
/// by the functions that services use, so that what it makes is consistent.
///
/// $1 is the scale, $2 the seed, $3 the day on which everything begins.
enum SeedSQL {
    struct Step: Sendable {
        let name: String
        let sql: String

        init(_ name: String, _ sql: String) {
            self.name = name
            self.sql = sql
        }
    }

    /// A number from 0 to just below 1, the same for the same label and seed.
    static let dice = """
        CREATE OR REPLACE FUNCTION pg_temp.dice(label text, seed bigint)
            RETURNS numeric
            LANGUAGE sql
            IMMUTABLE
        AS $dice$
            SELECT ((hashtextextended(label, seed) >> 1) & 1048575)::numeric / 1048576
        $dice$;
        SET nexus.actor = 'seed'
        """

    /// Why the database is not to be filled; no row if it may be.
    static let obstacle = """
        SELECT CASE
                   WHEN config.setting('mode.environment') = '"production"' THEN
                       'its mode.environment is production'
                   WHEN EXISTS (SELECT FROM positions.log_head AS h WHERE h.log_position > 0) THEN
                       'its log holds events already'
                   WHEN EXISTS (SELECT FROM config.exchanges) THEN
                       'its configuration has exchanges already'
               END AS why
        """

    /// Steps before the ledger's events.
    static let before: [Step] = [
        Step(
            "config.exchanges",
            """
            SELECT count(config.set(
                       'exchanges/' || e.exchange,
                       jsonb_build_object(
                           'name', e.name, 'kind', e.kind, 'enabled', true,
                           'rest_url', 'https://api.' || e.exchange || '.example',
                           'ws_url', 'wss://stream.' || e.exchange || '.example',
                           'requests_per_second', 10,
                           'rate_limits', jsonb_build_object('orders', 5)),
                       'seed'))
              FROM (VALUES ('binance', 'Binance', 'centralized'), ('okx', 'OKX', 'centralized'),
                           ('bybit', 'Bybit', 'centralized'),
                           ('hyperliquid', 'Hyperliquid', 'decentralized'))
                   AS e (exchange, name, kind)
             WHERE $1::int > 0 AND $2::bigint IS NOT NULL AND $3::timestamptz IS NOT NULL
            """),
        Step(
            "config.*",
            """
            SELECT count(config.set(c.path, c.value::jsonb, 'seed'))
              FROM (VALUES
                ('risk_limits/portfolio_exposure/*', '{"hard": 5000000, "warning": 4000000}'),
                ('risk_limits/portfolio_drawdown/*', '{"hard": 100000, "warning": 50000}'),
                ('risk_limits/portfolio_var/*', '{"hard": 50000}'),
                ('risk_limits/venue_exposure/*', '{"hard": 2000000, "warning": 1500000}'),
                ('risk_limits/venue_exposure/okx', '{"hard": 1000, "warning": 500}'),
                ('risk_limits/asset_concentration/*',
                 '{"hard": 0.9, "warning": 0.5, "unit": "fraction"}'),
                ('risk_limits/position_size/*', '{"hard": 250000, "warning": 100000}'),
                ('strategy_parameters/*/min_spread', '0.0004'),
                ('strategy_parameters/funding-arb/hold.max_hours', '240'),
                ('strategy_parameters/cash-and-carry/exit.stop_loss', '0.01'),
                ('system_settings/flags.opening_enabled', 'true'),
                ('system_settings/alerts.channels', '["log", "chat"]'),
                ('ui_preferences/*/theme', '"dark"'),
                ('ui_preferences/user_1/page_rows', '100')
              ) AS c (path, value)
             WHERE $1::int > 0 AND $2::bigint IS NOT NULL AND $3::timestamptz IS NOT NULL
            """),
        Step(
            "config.maintenance_windows",
            """
            SELECT count(config.set(
                       'maintenance_windows/seed-' || n,
                       jsonb_build_object(
                           'starts_at', $3::timestamptz + make_interval(days => n, hours => 2),
                           'ends_at', $3::timestamptz + make_interval(days => n, hours => 3),
                           'reason', 'upgrade of the exchange'),
                       'seed'))
              FROM generate_series(1, 3) AS n
             WHERE $1::int > 0 AND $2::bigint IS NOT NULL
            """),
        Step(
            "auth.users",
            """
            INSERT INTO auth.users (user_id, name, email, status, password_hash)
            SELECT md5(format('user %s %s', $2::bigint, n))::uuid, 'user_' || n,
                   format('user_%s@nexus.example', n),
                   CASE WHEN n % 10 = 0 THEN 'locked' ELSE 'active' END,
                   -- No password has this hash.
                   '$2b$12$' || repeat('.', 53)
              FROM generate_series(1, 10 * $1::int) AS n
             WHERE $3::timestamptz IS NOT NULL
            """),
        Step(
            "auth.user_roles",
            """
            INSERT INTO auth.user_roles (user_id, role, granted_by)
            SELECT u.user_id, r.role, 'seed'
              FROM auth.users AS u
             CROSS JOIN auth.roles AS r
             WHERE (r.role = 'viewer' OR pg_temp.dice(u.name || r.role, $2::bigint) < 0.2)
               AND $1::int > 0 AND $3::timestamptz IS NOT NULL
            """),
        Step(
            "auth.sessions",
            """
            INSERT INTO auth.sessions (session_id, user_id, expires_at, client, token_hash)
            SELECT md5(format('session %s %s', $2::bigint, u.name))::uuid, u.user_id,
                   clock_timestamp() + interval '8 hours', 'seed',
                   sha256(convert_to(format('%s %s', $2::bigint, u.name), 'UTF8'))
              FROM auth.users AS u
             WHERE u.status = 'active'
               AND $1::int > 0 AND $3::timestamptz IS NOT NULL
            """),
        Step(
            "data_collector.instruments",
            """
            SELECT count(data_collector.set_instrument(
                       e.exchange, a.asset || 'USDT', a.asset, 'USDT', 'USDT', 1, 0.01,
                       CASE e.exchange WHEN 'hyperliquid' THEN 1 ELSE 8 END,
                       $3::timestamptz - interval '30 days'))
              FROM config.exchanges AS e
             CROSS JOIN (SELECT unnest(ARRAY['BTC', 'ETH', 'SOL', 'XRP', 'DOGE'])
                          UNION ALL
                         SELECT 'ALT' || n FROM generate_series(1, 5 * ($1::int - 1)) AS n)
                   AS a (asset)
             WHERE $2::bigint IS NOT NULL
            """),
        Step(
            "funding.rates of exchanges",
            """
            WITH run AS MATERIALIZED (
                SELECT data_collector.start_run('exchange_api') AS run_id
            ), offered AS MATERIALIZED (
                SELECT t.at, i.exchange, i.symbol, i.funding_interval_hours AS hours,
                       round((pg_temp.dice(i.exchange || i.symbol || t.at::date, $2::bigint)
                              - 0.4) / 1000, 8) AS rate
                  FROM generate_series($3::timestamptz,
                                       date_trunc('hour', clock_timestamp()), interval '1 hour')
                       AS t (at)
                  JOIN data_collector.instruments AS i
                    ON i.valid_to IS NULL
                   AND extract(hour FROM t.at AT TIME ZONE 'UTC')::int
                       % i.funding_interval_hours = 0
                 -- What an exchange did not tell is a gap.
                 WHERE pg_temp.dice(format('gap %s %s %s', i.exchange, i.symbol, t.at), $2::bigint)
                       < 0.995
            ), taken AS MATERIALIZED (
                SELECT g.offered, r.taken, r.duplicate, r.revised
                  FROM run
                 CROSS JOIN (
                       SELECT o.at, count(*) AS offered, array_agg(o.exchange) AS exchanges,
                              array_agg(o.symbol) AS symbols, array_agg(o.at) AS times,
                              array_agg(o.rate) AS rates, array_agg(o.hours) AS hours
                         FROM offered AS o
                        GROUP BY o.at
                        ORDER BY o.at
                       ) AS g
                 CROSS JOIN LATERAL funding.ingest_rates(
                       'exchange_api', g.exchanges, g.symbols, g.times, g.rates, g.hours,
                       received_at => least(g.at + interval '20 seconds', clock_timestamp()),
                       run_id => run.run_id) AS r
            )
            SELECT data_collector.end_run(run.run_id), t.taken
              FROM run
             CROSS JOIN (SELECT sum(taken.taken) FROM taken OFFSET 0) AS t (taken)
             WHERE t.taken > 0
               AND $1::int > 0
            """),
        Step(
            "funding.rates of an aggregator",
            """
            WITH offered AS MATERIALIZED (
                SELECT r.funding_time, r.exchange, r.symbol, r.interval_hours,
                       -- Some disagree, which is a discrepancy.
                       CASE WHEN pg_temp.dice(
                                     format('differs %s %s %s', r.exchange, r.symbol,
                                            r.funding_time), $2::bigint) < 0.01
                            THEN r.rate + 0.0005
                            ELSE r.rate
                       END AS rate
                  FROM funding.rate_history AS r
                 WHERE r.source = 'exchange_api'
                   AND r.symbol IN ('BTCUSDT', 'ETHUSDT')
            )
            SELECT sum(r.taken)
              FROM (SELECT o.funding_time, array_agg(o.exchange) AS exchanges,
                           array_agg(o.symbol) AS symbols, array_agg(o.funding_time) AS times,
                           array_agg(o.rate) AS rates, array_agg(o.interval_hours) AS hours
                      FROM offered AS o
                     GROUP BY o.funding_time
                     ORDER BY o.funding_time) AS g
             CROSS JOIN LATERAL funding.ingest_rates(
                   'arbitragescanner', g.exchanges, g.symbols, g.times, g.rates, g.hours,
                   received_at => least(g.funding_time + interval '90 seconds',
                                        clock_timestamp())) AS r
             WHERE $1::int > 0 AND $3::timestamptz IS NOT NULL
            """),
        Step(
            "funding.rate_revisions",
            """
            SELECT sum(r.revised)
              FROM (SELECT h.exchange, h.symbol, h.funding_time, h.rate, h.interval_hours
                      FROM funding.rate_history AS h
                     WHERE h.source = 'exchange_api'
                       AND h.symbol = 'BTCUSDT'
                     ORDER BY h.funding_time, h.exchange
                     LIMIT 4 * $1::int) AS c
             CROSS JOIN LATERAL funding.ingest_rates(
                   'exchange_api', ARRAY[c.exchange], ARRAY[c.symbol], ARRAY[c.funding_time],
                   ARRAY[c.rate + 0.000001], ARRAY[c.interval_hours]) AS r
             WHERE $2::bigint IS NOT NULL AND $3::timestamptz IS NOT NULL
            """),
        Step(
            "funding.discrepancies",
            """
            SELECT count(funding.resolve_discrepancy(d.discrepancy_id, 'the exchange is right'))
              FROM (SELECT o.discrepancy_id
                      FROM funding.open_discrepancies AS o
                     ORDER BY o.discrepancy_id
                     LIMIT $1::int) AS d
             WHERE $2::bigint IS NOT NULL AND $3::timestamptz IS NOT NULL
            """),
        Step(
            "data_collector.ingestion_gaps",
            """
            SELECT f.*
              FROM funding.find_gaps($3::timestamptz, date_trunc('hour', clock_timestamp()))
                   AS f
             WHERE $1::int > 0 AND $2::bigint IS NOT NULL
            """),
        Step(
            "funding.snapshots",
            """
            SELECT sum(funding.take_snapshot(s.at))
              FROM generate_series(
                       date_trunc('hour', clock_timestamp()) - interval '23 hours',
                       date_trunc('hour', clock_timestamp()), interval '1 hour') AS s (at)
             WHERE $1::int > 0 AND $2::bigint IS NOT NULL AND $3::timestamptz IS NOT NULL
            """),
        Step(
            "capital.accounts",
            """
            SELECT count(capital.set_balance(
                       e.exchange, 'main', a.asset,
                       round(1000000 + 1000000 * pg_temp.dice(e.exchange || a.asset, $2::bigint)),
                       $3::timestamptz))
              FROM config.exchanges AS e
             CROSS JOIN unnest(ARRAY['USDT', 'USDC']) AS a (asset)
             WHERE $1::int > 0
            """),
    ]
}
