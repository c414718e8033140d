-- :rows / 5 snapshots of ten books, one in five minutes; alerts and breaches; accounts with their
-- allocations and transfers.

SELECT maintenance.ensure_partitions('risk.snapshots', now() - interval '1 year', now());
INSERT INTO risk.snapshots
       (taken_at, log_position, gross_exposure, net_exposure, unrealized, var_confidence,
        var_window, var_days, positions, unmarked_legs, unpriced_legs, book, var_missing, by_venue,
        by_asset)
SELECT now() - interval '5 minutes' * n, n, 1000, 10, 1, 0.99, 250, 0,
       2, 0, 0, format('b%s', b), 'no days',
       CASE WHEN n % 2000 = 0 THEN '{"rare": {"gross": 1, "net": 1}}'
            ELSE '{"v1": {"gross": 1000, "net": 10}}' END::jsonb, '{}'
  FROM generate_series(:rows / 50, 1, -1) AS n
 CROSS JOIN generate_series(0, 9) AS b
 -- As they come: BRIN lives on that.
 ORDER BY n DESC;

INSERT INTO risk.alerts
       (raised_at, last_raised_at, acknowledged_at, acknowledged_by, resolved_at, severity, type,
        subject, message, raised_by)
SELECT t.at, t.at, CASE WHEN n % 3 = 0 THEN t.at END, CASE WHEN n % 3 = 0 THEN 'somebody' END,
       CASE WHEN n % 200 > 0 THEN t.at END, CASE n % 7 WHEN 0 THEN 'critical' ELSE 'warning' END,
       'limit_breached', format('subject %s', n), 'seed', 'seed'
  FROM generate_series(1, :rows / 10) AS n
 CROSS JOIN LATERAL (SELECT now() - interval '1 minute' * (:rows / 10 - n)) AS t (at);

INSERT INTO config.risk_limits (kind, scope, hard)
SELECT 'venue_exposure', format('v%s', n), 1000 FROM generate_series(1, 200) AS n;
INSERT INTO risk.limit_breaches
       (alert_id, opened_at, closed_at, limit_value, measured, worst, limit_id, book, subject,
        level)
SELECT a.alert_id, a.raised_at, a.resolved_at, 1000, 1001, 1001,
       (SELECT min(l.limit_id) FROM config.risk_limits AS l WHERE l.scope = 'v1')
       + a.alert_id % 200, 'main', a.subject, 'hard'
  FROM risk.alerts AS a;

-- They begin as requested, and keep the sums of accounts; here they are put down as they ended.
ALTER TABLE capital.allocations DISABLE TRIGGER USER;
ALTER TABLE capital.transfers DISABLE TRIGGER USER;
INSERT INTO capital.accounts (exchange, name, asset, balance)
SELECT format('x%s', n % 10), format('n%s', n), 'USDT', 1e12 FROM generate_series(1, 200) AS n;
INSERT INTO capital.allocations
       (allocation_id, position_id, amount, requested_at, activated_at, released_at, account_id,
        status, strategy, requested_by)
SELECT md5('l' || n)::uuid, md5('h' || n)::uuid, 1, t.at, t.at,
       CASE WHEN n % 200 > 0 THEN t.at END, a.first + n % 200,
       CASE WHEN n % 200 > 0 THEN 'released' ELSE 'active' END, format('s%s', n / 200 % 20), 'seed'
  FROM generate_series(1, :rows / 10) AS n
 CROSS JOIN LATERAL (SELECT now() - interval '1 minute' * n) AS t (at)
 CROSS JOIN (SELECT min(c.account_id) AS first FROM capital.accounts AS c) AS a;
INSERT INTO capital.transfers
       (transfer_id, amount, requested_at, sent_at, ended_at, from_account, to_account, status,
        requested_by)
SELECT md5('t' || n)::uuid, 1, t.at, CASE WHEN n % 500 > 0 THEN t.at END,
       CASE WHEN n % 500 > 0 THEN t.at END, a.first + n % 200, a.first + (n + 1) % 200,
       CASE WHEN n % 500 > 0 THEN 'received' ELSE 'requested' END, 'seed'
  FROM generate_series(1, :rows / 20) AS n
 CROSS JOIN LATERAL (SELECT now() - interval '1 minute' * n) AS t (at)
 CROSS JOIN (SELECT min(c.account_id) AS first FROM capital.accounts AS c) AS a;
ALTER TABLE capital.allocations ENABLE ALWAYS TRIGGER allocations_are_guarded;
ALTER TABLE capital.allocations ENABLE ALWAYS TRIGGER allocations_are_kept;
ALTER TABLE capital.transfers ENABLE ALWAYS TRIGGER transfers_are_guarded;
ALTER TABLE capital.transfers ENABLE ALWAYS TRIGGER transfers_are_kept;

VACUUM (ANALYZE) risk.snapshots, risk.alerts, risk.limit_breaches, config.risk_limits,
                 capital.accounts, capital.allocations, capital.transfers;
