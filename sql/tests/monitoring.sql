-- What the views of monitoring show, to whom, and that sums by month hide nothing.
BEGIN;

CREATE EXTENSION IF NOT EXISTS pgtap;

SELECT no_plan();

-- Every view can be read by those who are woken, and by nobody else.
SELECT is_empty(
    $$SELECT c.relname, r.role
        FROM pg_class AS c
       CROSS JOIN unnest(ARRAY['nexus_analyst', 'nexus_auditor', 'nexus_maintainer',
                               'pg_monitor']) AS r (role)
       WHERE c.relnamespace = 'monitoring'::regnamespace
         AND c.relkind = 'v'
         AND NOT (has_table_privilege(r.role, c.oid, 'SELECT')
              AND has_schema_privilege(r.role, 'monitoring', 'USAGE'))$$,
    'the analyst, the auditor, the maintainer and pg_monitor may read every view');

SELECT is_empty(
    $$SELECT c.relname, r.role
        FROM pg_class AS c
       CROSS JOIN unnest(ARRAY['public', 'nexus_reader', 'nexus_positions', 'nexus_risk'])
               AS r (role)
       WHERE c.relnamespace = 'monitoring'::regnamespace
         AND c.relkind = 'v'
         AND has_table_privilege(r.role, c.oid, 'SELECT')$$,
    'services may not');

SELECT is_empty(
    $$SELECT c.relname, a.attname
        FROM pg_class AS c
        JOIN pg_attribute AS a
          ON a.attrelid = c.oid
       WHERE c.relnamespace = 'monitoring'::regnamespace
         AND a.attnum > 0
         AND col_description(c.oid, a.attnum) IS NULL$$,
    'every column has a comment');

CREATE FUNCTION pg_temp.read_all(role name)
    RETURNS SETOF text
    LANGUAGE plpgsql
AS $function$
DECLARE
    view_name text;
    ignored   bigint;
BEGIN
    FOR view_name IN
        SELECT c.relname
          FROM pg_class AS c
         WHERE c.relnamespace = 'monitoring'::regnamespace
           AND c.relkind = 'v'
         ORDER BY 1
    LOOP
        EXECUTE format('SET LOCAL ROLE %I', role);
        BEGIN
            EXECUTE format('SELECT count(v) FROM monitoring.%I AS v', view_name) INTO ignored;
        EXCEPTION
            WHEN OTHERS THEN
                RETURN NEXT format('%s: %s', view_name, sqlerrm);
        END;
        RESET ROLE;
    END LOOP;
END
$function$;

SELECT is_empty(format('SELECT pg_temp.read_all(%L)', r.role),
                format('%s reads every view without an error', r.role))
  FROM unnest(ARRAY['nexus_analyst', 'nexus_auditor', 'nexus_maintainer', 'pg_monitor',
                    'nexus_owner']) AS r (role);

-- pg_stat_statements.
SELECT CASE
           WHEN current_setting('pg_stat_statements.max', true) IS NULL
             OR NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_stat_statements') THEN
               is((SELECT count(*)::int FROM monitoring.slow_queries), 0,
                  'without pg_stat_statements there are no slow queries, and no error')
           ELSE
               ok((SELECT count(*) > 0 FROM monitoring.slow_queries),
                  'statements of this database are listed')
       END;

-- Missing and unused indexes.
CREATE TABLE risk.mon_parents (id int PRIMARY KEY);
CREATE TABLE risk.mon_children (
    id int PRIMARY KEY,
    one int REFERENCES risk.mon_parents (id),
    two int REFERENCES risk.mon_parents (id),
    three int REFERENCES risk.mon_parents (id),
    done boolean
);
CREATE INDEX mon_children_by_two ON risk.mon_children (two, id);
CREATE INDEX mon_children_by_three ON risk.mon_children (three) WHERE NOT done;

SELECT results_eq(
    $$SELECT m.reason, m.columns
        FROM monitoring.missing_indexes AS m
       WHERE m.table_name = 'risk.mon_children'
       ORDER BY m.columns$$,
    $$VALUES ('foreign_key', 'one'), ('foreign_key', 'three')$$,
    'foreign keys without an index that leads with them are missing, a partial one is none');

SELECT ok(
    EXISTS (SELECT
              FROM monitoring.unused_indexes AS u
             WHERE u.index_name = 'risk.mon_children_by_two'
               AND u.table_name = 'risk.mon_children'),
    'an index that nobody used is listed');

SELECT ok(
    NOT EXISTS (SELECT
                  FROM monitoring.unused_indexes AS u
                 WHERE u.index_name ~ '_pkey$|has_one_place'),
    'keys are not');

-- Bloat: nine of ten rows are removed and not vacuumed.
CREATE TABLE risk.mon_bloat (id int PRIMARY KEY, note text NOT NULL);
SELECT maintenance.adopt('risk') AS adopted \gset
INSERT INTO risk.mon_bloat SELECT n, repeat('x', 100) FROM generate_series(1, 20000) AS n;
ANALYZE risk.mon_bloat;
SELECT ok(b.bloat_fraction < 0.15,
          format('a new %s has hardly any bloat: %s', b.kind, round(b.bloat_fraction, 3)))
  FROM monitoring.bloat AS b
 WHERE b.table_name = 'risk.mon_bloat'
 ORDER BY b.kind;
DELETE FROM risk.mon_bloat WHERE id % 10 > 0;
ANALYZE risk.mon_bloat;
SELECT ok(b.bloat_fraction > 0.8,
          format('and is bloated when nine of ten rows are removed: %s',
                 round(b.bloat_fraction, 3)))
  FROM monitoring.bloat AS b
 WHERE b.object_name = 'risk.mon_bloat';

-- Partitions.
SELECT maintenance.make_partitions() AS made \gset

SELECT is_empty(
    $$SELECT h.table_name, h.problem FROM monitoring.partition_health AS h WHERE NOT h.is_ok$$,
    'after maintenance.make_partitions() nothing is wrong');

SELECT ok(
    EXISTS (SELECT FROM monitoring.partition_health AS h WHERE h.table_name = 'positions.events'),
    'the log is watched as well');

SELECT is(
    (SELECT count(*) FROM monitoring.partition_health),
    (SELECT count(*)
       FROM pg_partitioned_table AS p
      WHERE p.partstrat = 'r'),
    'every table that is partitioned by time is');

-- A partition that was made for facts of long after now leaves a gap, which is no fault; one within
-- what is made ahead is, and its cure cures.
SELECT isnt(maintenance.ensure_partitions(
                'funding.rates', now() + interval '500 days', now() + interval '501 days'), 0,
            'partitions of long after now are made');
SELECT results_eq(
    $$SELECT h.gaps_ahead > 0, h.problem
        FROM monitoring.partition_health AS h
       WHERE h.table_name = 'funding.rates'$$,
    $$VALUES (true, NULL::text)$$,
    'the gap before them is counted and no problem');
SELECT config.set('system_settings/partitions.ahead_days', '30') AS change \gset
SELECT matches(h.problem, '^no partition from \S+ \S+ on: SELECT maintenance.make_partitions\(\)$',
               'it is one where partitions are to be made ahead')
  FROM monitoring.partition_health AS h
 WHERE h.table_name = 'funding.rates';
SELECT maintenance.make_partitions() AS made \gset
SELECT is(h.problem, NULL, 'which that cures')
  FROM monitoring.partition_health AS h
 WHERE h.table_name = 'funding.rates';
SELECT config.set('system_settings/partitions.ahead_days', '1') AS change \gset
SELECT format('ALTER TABLE funding.rates DETACH PARTITION %s', i.inhrelid::regclass)
  FROM pg_inherits AS i
  JOIN pg_class AS c
    ON c.oid = i.inhrelid
 CROSS JOIN LATERAL regexp_match(pg_get_expr(c.relpartbound, c.oid), 'FROM \(''([^'']+)''\)')
       AS b (bound)
 WHERE i.inhparent = 'funding.rates'::regclass
   AND b.bound[1]::timestamptz > now() + interval '1 day'
\gexec
SELECT is(h.problem, NULL, 'one day ahead will do where no more is made')
  FROM monitoring.partition_health AS h
 WHERE h.table_name = 'funding.rates';

CREATE TABLE risk.mon_parts (at timestamptz NOT NULL) PARTITION BY RANGE (at);
SELECT matches(h.problem, 'no partition holds the present: SELECT maintenance.partition',
               'a table without partitions is wrong')
  FROM monitoring.partition_health AS h
 WHERE h.table_name = 'risk.mon_parts';

SELECT format('CREATE TABLE risk.mon_parts_p%s PARTITION OF risk.mon_parts'
              ' FOR VALUES FROM (%L) TO (%L)',
              to_char(m.at, 'YYYY_MM'), m.at, m.at + interval '1 month')
  FROM unnest(ARRAY[-9, 0, 1, 3]) AS o (months)
 CROSS JOIN LATERAL (
       SELECT date_trunc('month', now(), 'UTC') + make_interval(months => o.months)) AS m (at)
\gexec
SELECT results_eq(
    $$SELECT h.partitions, h.gaps, h.gaps_ahead, h.detached, h.has_default, h.is_ok
        FROM monitoring.partition_health AS h
       WHERE h.table_name = 'risk.mon_parts'$$,
    $$VALUES (4::bigint, 2::bigint, 1::bigint, 0::bigint, false, false)$$,
    'a gap ahead is wrong, one in the past is only counted');
SELECT format('CREATE TABLE risk.mon_parts_p%s PARTITION OF risk.mon_parts'
              ' FOR VALUES FROM (%L) TO (%L)',
              to_char(m.at, 'YYYY_MM'), m.at, m.at + interval '1 month')
  FROM (SELECT date_trunc('month', now(), 'UTC') + interval '2 months') AS m (at)
\gexec
SELECT format('ALTER TABLE risk.mon_parts DETACH PARTITION risk.mon_parts_p%s',
              to_char(date_trunc('month', now(), 'UTC') - interval '9 months', 'YYYY_MM'))
\gexec
SELECT results_eq(
    $$SELECT h.partitions, h.gaps, h.detached, h.is_ok, h.ahead > interval '80 days'
        FROM monitoring.partition_health AS h
       WHERE h.table_name = 'risk.mon_parts'$$,
    $$VALUES (4::bigint, 0::bigint, 1::bigint, true, true)$$,
    'four months without a gap are well, and the one that was detached is found');
CREATE TABLE risk.mon_parts_rest PARTITION OF risk.mon_parts DEFAULT;
SELECT results_eq(
    $$SELECT h.has_default, h.is_ok, h.problem ~ 'DEFAULT'
        FROM monitoring.partition_health AS h
       WHERE h.table_name = 'risk.mon_parts'$$,
    $$VALUES (true, false, true)$$,
    'a DEFAULT partition is wrong');

-- Jobs.
INSERT INTO maintenance.jobs (job, every, schedule, command, description)
VALUES ('mon_bad', '1 hour', '0 * * * *', 'SELECT 1 / 0', 'fails'),
       ('mon_good', '1 hour', '0 * * * *', 'SELECT 1', 'is done');
SELECT is((maintenance.run_job('mon_bad')).outcome, 'failed', 'a job fails');
SELECT is((maintenance.run_job('mon_good')).outcome, 'done', 'another is done');
SELECT results_eq(
    $$SELECT f.job, f.error ~ '22012', f.done_since IS NULL
        FROM monitoring.job_failures AS f
       WHERE f.job LIKE 'mon\_%'$$,
    $$VALUES ('mon_bad', true, true)$$,
    'the failure is listed with its error');
SELECT results_eq(
    $$SELECT h.job, h.is_failing, h.is_missed, h.failures
        FROM monitoring.job_health AS h
       WHERE h.job LIKE 'mon\_%'
       ORDER BY 1$$,
    $$VALUES ('mon_bad', true, true, 1::bigint), ('mon_good', false, false, 0::bigint)$$,
    'and the job fails until it is done');
INSERT INTO maintenance.jobs (added_at, job, every, schedule, command, description)
VALUES (now() - interval '3 hours', 'mon_never', '1 hour', '0 * * * *', 'SELECT 1', 'never ran'),
       (now() - interval '1 hour', 'mon_new', '1 hour', '0 * * * *', 'SELECT 1', 'is new');
SELECT ok(maintenance.check_jobs() >= 1, 'jobs that were not done are looked for');
SELECT results_eq(
    $$SELECT a.subject, a.message FROM risk.alerts AS a
       WHERE a.type = 'job_missed' AND a.subject IN ('mon_never', 'mon_new')
         AND a.resolved_at IS NULL$$,
    $$VALUES ('mon_never', 'the job mon_never was done last at no time at all')$$,
    'one that never ran is missed, one that is new is not');
SELECT is((maintenance.run_job('mon_never')).outcome, 'done', 'it is done at last');
SELECT ok(NOT EXISTS (SELECT
                        FROM risk.alerts AS a
                       WHERE a.type = 'job_missed'
                         AND a.subject = 'mon_never'
                         AND a.resolved_at IS NULL),
          'and its alert is resolved');

-- A job that is cancelled has failed.
INSERT INTO maintenance.jobs (job, every, schedule, command, description)
VALUES ('mon_slow', '1 hour', '0 * * * *', 'SELECT pg_sleep(20)', 'takes too long');
SET LOCAL statement_timeout = '2s';
SELECT is((r.run).outcome || ' ' || (r.run).error,
          'failed 57014: canceling statement due to statement timeout',
          'a job that a time limit cancels has failed')
  FROM (SELECT maintenance.run_job('mon_slow') AS run) AS r;
SET LOCAL statement_timeout = 0;
SELECT results_eq(
    $$SELECT r.outcome, r.error FROM maintenance.runs AS r WHERE r.job = 'mon_slow'$$,
    $$VALUES ('failed', '57014: canceling statement due to statement timeout')$$,
    'its run is noted');
SELECT ok(EXISTS (SELECT
                    FROM risk.alerts AS a
                   WHERE a.type = 'job_failed'
                     AND a.subject = 'mon_slow'
                     AND a.resolved_at IS NULL),
          'and an alert raised');

-- What is purged after which time is a setting.
INSERT INTO auth.sessions (session_id, account, opened_at, last_seen_at, expires_at, token_hash)
SELECT md5('s' || d.days)::uuid, 'risk', t.at, t.at, t.at + interval '1 hour',
       sha256(convert_to(d.days::text, 'UTF8'))
  FROM unnest(ARRAY[5, 89, 91]) AS d (days)
 CROSS JOIN LATERAL (SELECT now() - d.days * interval '1 day') AS t (at);
INSERT INTO maintenance.runs (started_at, ended_at, job, outcome, trigger, actor)
SELECT now() - d.days * interval '1 day', now(), 'mon_good', 'done', 'manual', 'test'
  FROM unnest(ARRAY[9, 91]) AS d (days);
SELECT is(maintenance.purge(), 2, 'after 90 days if nobody says so');
SELECT config.set('system_settings/retention.auth.sessions', '"4 days"'),
       config.set('system_settings/retention.maintenance.runs', '"8 days"') \gset
SELECT is(maintenance.purge(), 3, 'or after what somebody says');
SELECT config.set('system_settings/retention.auth.sessions', 'null'),
       config.set('system_settings/retention.maintenance.runs', 'null') \gset
SELECT is(maintenance.purge(), 0, 'or never');

-- Facts of a time that retention has detached are refused with the cure.
SELECT isnt(config.set('system_settings/retention.risk.snapshots', '"1 day"'), NULL,
            'retention is a day');
SELECT ok(maintenance.ensure_partitions('risk.snapshots', '2020-03-01', '2020-03-01') = 1,
          'a month of long ago is made');
SELECT is((maintenance.run_job('retention')).outcome, 'done', 'retention is done');
SELECT results_eq(
    $$SELECT a.action, a.request
        FROM audit.actions AS a
       WHERE a.subject = 'risk.snapshots_p2020_03'$$,
    $$VALUES ('partition_detached', jsonb '{"table": "risk.snapshots", "retention": "1 day"}')$$,
    'what it detached is in the audit');
SELECT throws_like(
    $$SELECT maintenance.ensure_partitions('risk.snapshots', '2020-03-05', '2020-03-05')$$,
    'risk.snapshots of 2020_03 is no partition any more: retention has detached it',
    'it is not made again');

-- The threshold of slow statements comes from config, by the job.
SELECT isnt(config.set('system_settings/monitoring.slow_statement_ms', '1234'), NULL,
            'the threshold is set');
SELECT is((maintenance.run_job('slow_statements')).outcome, 'done', 'the job is done');
SELECT ok(NOT pg_catalog.pg_has_role('nexus_owner', d.datdba, 'USAGE')
       OR EXISTS (SELECT
                    FROM pg_catalog.pg_db_role_setting AS s
                   WHERE s.setdatabase = d.oid
                     AND s.setconfig @> '{log_min_duration_statement=1234}'),
          'the server knows it, where nexus_owner owns the database')
  FROM pg_catalog.pg_database AS d
 WHERE d.datname = current_database();

-- Connections.
SELECT ok(c.connections >= 1 AND c.share > 0 AND c.share_of_all <= 1,
          'the connection of this test is counted')
  FROM monitoring.connection_use AS c
 WHERE c.role = session_user
   AND c.database = current_database()
   AND c.state = 'active';

-- The projections' lag.
SELECT positions.ensure_book('monitoring-test') AS book \gset
UPDATE positions.log_head SET log_position = 7, recorded_at = now() WHERE book_id = :book;
SELECT results_eq(
    $$SELECT p.head, p.folded, p.events_behind, p.slot
        FROM monitoring.projection_lag AS p
       WHERE p.book = 'monitoring-test'$$,
    $$VALUES (7::bigint, 0::bigint, 7::bigint, 1::smallint)$$,
    'a book that nobody folds is behind by all its events');
INSERT INTO positions.projection_checkpoints
       (log_position, book_id, logic_version, slot, owner, logic_fingerprint)
VALUES (7, :book, 1, 1, 'test', ''), (3, :book, 1, 2, 'test', '');
SELECT results_eq(
    $$SELECT p.events_behind, p.stands_still_for
        FROM monitoring.projection_lag AS p
       WHERE p.book = 'monitoring-test'$$,
    $$VALUES (0::bigint, interval '0')$$,
    'and not behind when its live slot is folded, whatever other slots are');

-- Sums by month.
INSERT INTO analytics.daily_pnl_rows
       (slot, book_id, day, strategy, asset, venue, settle, price_pnl, fees_known, funding_known,
        unvalued_fees, unvalued_funding, adjustments, fills, volume, positions, leg_days,
        log_position, changed_at)
VALUES (1, :book, '2026-01-30', 's', 'BTC', 'v', 'USDT', 10, 1, 0.5, 0, 0, 0, 2, 100, 1, 1, 1,
        now()),
       (1, :book, '2026-01-31', 's', 'BTC', 'v', 'USDT', 20, 2, 0, 0, 1, 0, 3, 200, 1, 1, 2,
        now()),
       (1, :book, '2026-02-01', 's', 'BTC', 'v', 'USDT', 40, 4, 1, 0, 0, 0, 4, 400, 1, 1, 3,
        now()),
       (1, :book, '2026-02-02', 's', 'BTC', 'v', 'USDT', 1, 0, 0, 0, 0, 0, 1, 10, 1, 1, 4, now()),
       (1, :book, '2026-03-01', 's', 'BTC', 'v', 'USDT', 9e19, 0, 0, 0, 0, 0, 1, 9e19, 1, 1, 5,
        now()),
       (1, :book, '2026-03-02', 's', 'BTC', 'v', 'USDT', 9e19, 0, 0, 0, 0, 0, 1, 9e19, 1, 1, 6,
        now()),
       (2, :book, '2026-02-02', 's', 'BTC', 'v', 'USDT', 999, 0, 0, 0, 0, 0, 1, 10, 1, 1, 4, now());
INSERT INTO analytics.funding_collected_rows
       (slot, book_id, position_id, leg, month, strategy, asset, venue, settle, payments, received,
        paid, net, expected, variance, missing_settlements, log_position, changed_at)
SELECT 1, :book, gen_random_uuid(), 'A', r.month::date, 's', 'BTC', 'v', 'USDT', 2, r.received,
       r.paid, r.net, r.expected, r.variance, r.missing, 4, now()
  FROM (VALUES ('2026-01-01', 3.0, 1.0, 2.0, 2.5, -0.5, 1),
               ('2026-01-01', 4.0, 0.0, 4.0, 4.0, 0.0, 0),
               ('2026-02-01', 5.0, 0.0, NULL, 5.0, NULL, NULL),
               ('2026-02-01', 1.0, 0.0, 1.0, 1.0, 0.0, 2))
       AS r (month, received, paid, net, expected, variance, missing);

SELECT bag_eq(
    $$SELECT v.view_name FROM maintenance.refresh_views() AS v WHERE v.is_concurrent$$,
    $$SELECT format('%s.%s', n.nspname, c.relname)
        FROM pg_class AS c
        JOIN pg_namespace AS n
          ON n.oid = c.relnamespace
       WHERE c.relkind = 'm'$$,
    'every materialized view is refreshed concurrently');

SELECT results_eq(
    $$SELECT m.month, m.price_pnl, m.fees, m.funding, m.net, m.net_of_valued_days, m.days,
             m.unvalued_days, m.unvalued_funding, m.fills, m.volume, m.log_position
        FROM analytics.monthly_pnl AS m
       WHERE m.book = 'monitoring-test'
       ORDER BY m.month$$,
    $$VALUES (date '2026-01-01', 30::numeric(38,18), 3::numeric(38,18), NULL::numeric(38,18),
              NULL::numeric(38,18), 9.5::numeric(38,18), 2::bigint, 1::bigint, 1::bigint,
              5::bigint, 300::numeric(38,18), 2::bigint),
             ('2026-02-01', 41, 4, 1, 38, 38, 2, 0, 0, 5, 410, 4),
             ('2026-03-01', NULL, 0, 0, NULL, NULL, 2, 0, 0, 2, NULL, 6)$$,
    'months are sums of the live slot''s days; a day without a value leaves the month without');

SELECT results_eq(
    $$SELECT f.month, f.legs, f.unvalued_legs, f.uncompared_legs, f.legs_without_interval,
             f.payments, f.missing_settlements, f.received, f.paid, f.net, f.expected, f.variance
        FROM analytics.venue_month_funding AS f
       WHERE f.book = 'monitoring-test'
       ORDER BY f.month$$,
    $$VALUES (date '2026-01-01', 2::bigint, 0::bigint, 0::bigint, 0::bigint, 4::bigint, 1::bigint,
              7::numeric(38,18), 1::numeric(38,18), 6::numeric(38,18), 6.5::numeric(38,18),
              (-0.5)::numeric(38,18)),
             ('2026-02-01', 2, 1, 1, 1, 4, 2, 6, 0, NULL, 6, NULL)$$,
    'so are those of funding');

DELETE FROM analytics.daily_pnl_rows WHERE book_id = :book AND day = '2026-01-31';
SELECT is(
    (SELECT m.net FROM analytics.monthly_pnl AS m
      WHERE m.book = 'monitoring-test' AND m.month = '2026-01-01'),
    NULL, 'a month stays as it was');
SELECT count(*) AS refreshed FROM maintenance.refresh_views() \gset
SELECT is(
    (SELECT m.net FROM analytics.monthly_pnl AS m
      WHERE m.book = 'monitoring-test' AND m.month = '2026-01-01'),
    9.5::numeric(38,18), 'until it is refreshed');

SELECT is_empty(
    $$SELECT c.relname
        FROM pg_class AS c
       WHERE c.relkind = 'm'
         AND NOT EXISTS (SELECT
                           FROM pg_index AS i
                          WHERE i.indrelid = c.oid
                            AND i.indisunique
                            AND i.indpred IS NULL
                            AND i.indexprs IS NULL)$$,
    'every materialized view has a unique index');

-- The threshold of what is logged.
SELECT count(*) AS changed
  FROM (SELECT config.set('system_settings/monitoring.slow_statement_ms', '321', 'test')) AS s
\gset
SELECT matches(maintenance.apply_slow_statement_threshold(), 'more than 321 ms are logged, in',
               'a superuser sets the threshold of the setting');
SELECT ok(
    EXISTS (SELECT
              FROM pg_db_role_setting AS s
              JOIN pg_database AS d
                ON d.oid = s.setdatabase
             WHERE d.datname = current_database()
               AND s.setconfig @> ARRAY['log_min_duration_statement=321']),
    'which the database has then');
SELECT matches(maintenance.apply_slow_statement_threshold(), '321 ms are logged already',
               'a second time changes nothing');
SELECT count(*) AS changed
  FROM (SELECT config.set('system_settings/monitoring.slow_statement_ms', '322', 'test')) AS s
\gset
SET LOCAL client_min_messages = warning;
SET LOCAL ROLE nexus_maintainer;
SELECT maintenance.apply_slow_statement_threshold() AS said \gset
RESET ROLE;
SELECT matches(:'said'::text, '^not allowed; as a superuser: ALTER DATABASE .* = ''322''$',
               'who may not is told what a superuser has to run');

SELECT * FROM finish();

ROLLBACK;
