-- :rows / 4 actions and as many calls in the audit; the configuration and its changes, users and
-- sessions, runs of jobs.

SELECT maintenance.ensure_partitions('audit.actions', now() - interval '1 year', now());
INSERT INTO audit.actions
       (acted_at, actor, db_role, action, subject, outcome, request)
SELECT now() - interval '100 s' * (:rows / 4 - n), format('user%s', n % 1000), 'nexus_config',
       'config_changed', format('subject%s', n % 2000), 'done',
       CASE WHEN n % 100 = 0 THEN jsonb_build_object('path', format('p/%s', n % 10000)) END
  FROM generate_series(1, :rows / 4) AS n;

SELECT maintenance.ensure_partitions('audit.api_calls', now() - interval '1 year', now());
INSERT INTO audit.api_calls
       (called_at, service, exchange, method, endpoint, status, duration_ms, error)
SELECT now() - interval '100 s' * (:rows / 4 - n), 'data_collector', format('x%s', n % 200), 'GET',
       '/funding', CASE WHEN n % 500 > 0 THEN 200 END, CASE WHEN n % 500 > 0 THEN 20 END,
       CASE WHEN n % 500 = 0 THEN 'timeout' END
  FROM generate_series(1, :rows / 4) AS n;

INSERT INTO auth.users (user_id, name)
SELECT md5('u' || n)::uuid, format('user%s', n) FROM generate_series(1, :rows / 50) AS n;
INSERT INTO auth.roles (role, description)
SELECT format('role%s', n), 'seed' FROM generate_series(1, 2000) AS n;
INSERT INTO auth.user_roles (user_id, role, granted_by)
SELECT md5('u' || n)::uuid, format('role%s', n % 2000 + 1), 'seed'
  FROM generate_series(1, :rows / 50) AS n;
INSERT INTO auth.sessions
       (session_id, user_id, account, opened_at, last_seen_at, expires_at, revoked_at, token_hash)
SELECT md5('s' || n)::uuid, CASE WHEN n % 50 > 0 THEN md5('u' || n % 20000)::uuid END,
       CASE WHEN n % 50 = 0 THEN format('account%s', n % 500) END, t.at, t.at,
       t.at + interval '1 day', CASE WHEN n % 2 = 0 THEN t.at END,
       decode(md5('s' || n) || md5('t' || n), 'hex')
  FROM generate_series(1, :rows / 10) AS n
 CROSS JOIN LATERAL (SELECT now() - interval '1 minute' * (:rows / 10 - n)) AS t (at);

INSERT INTO config.change_log
       (changed_at, actor, db_role, user_id, rolls_back, section, path, previous, current)
SELECT now() - interval '1 minute' * (:rows / 5 - n), format('user%s', n % 100), 'nexus_config',
       CASE WHEN n % 10 = 0 THEN md5('u' || n % 5000)::uuid END,
       CASE WHEN n % 100 = 99 THEN n - 1 END, 'system_settings',
       format('system_settings/k%s', n % 500), to_jsonb(n), to_jsonb(n + 1)
  FROM generate_series(1, :rows / 5) AS n;
INSERT INTO config.strategy_parameters (strategy, key, value)
SELECT format('s%s', n / 20), format('p%s', n % 20), to_jsonb(n % 3000)
  FROM generate_series(1, :rows / 50) AS n;
INSERT INTO config.maintenance_windows (starts_at, ends_at, window_name, reason)
SELECT t.at, t.at + interval '2 hours', format('w%s', n), 'seed'
  FROM generate_series(1, :rows / 50) AS n
 CROSS JOIN LATERAL (SELECT now() + interval '10 days' - interval '1 day' * n) AS t (at);
INSERT INTO config.exchange_credentials (exchange, version, stored_by, key_id, cipher)
SELECT format('x%s', n), 1, 'seed', left(md5((n % 1000)::text), 16), decode(repeat('00', 64), 'hex')
  FROM generate_series(1, :rows / 50) AS n;

INSERT INTO maintenance.runs (started_at, ended_at, job, outcome, trigger, actor, error)
SELECT t.at, t.at, (ARRAY['partitions', 'retention', 'check', 'views'])[n % 4 + 1],
       CASE WHEN n % 500 = 0 THEN 'failed' ELSE 'done' END, 'pg_cron', 'seed',
       CASE WHEN n % 500 = 0 THEN 'no luck' END
  FROM generate_series(1, :rows / 10) AS n
 CROSS JOIN LATERAL (SELECT now() - interval '1 minute' * (:rows / 10 - n)) AS t (at);

VACUUM (ANALYZE) audit.actions, audit.api_calls, auth.users, auth.roles, auth.user_roles,
                 auth.sessions, config.change_log, config.strategy_parameters,
                 config.maintenance_windows, config.exchange_credentials, maintenance.runs;
