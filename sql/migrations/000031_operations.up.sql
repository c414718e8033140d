-- Why:   what runs the database by itself, and who sees it. A job that was cancelled was neither a
--        failed run nor an alert; monitoring named a cure for a gap that did not cure; sessions and
--        runs were kept for a time that no setting knew; a window of one exchange let jobs run for
--        all; a password that was refused was shown in the error; and what was done stood in nine
--        tables, with no view of them all.
-- Locks: SHARE ROW EXCLUSIVE on auth.users, auth.service_accounts and auth.sessions, ACCESS
--        EXCLUSIVE on monitoring.partition_health, for a moment.
-- Takes: milliseconds.

-- Jobs.

CREATE OR REPLACE FUNCTION maintenance.run_job(
        job text, trigger text DEFAULT 'manual', OUT outcome text, OUT error text)
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET timezone = 'UTC'
    SET lock_timeout = '5s'
AS $function$
#variable_conflict use_variable
DECLARE
    j       maintenance.jobs;
    started CONSTANT timestamptz := clock_timestamp();
BEGIN
    SELECT k.* INTO j FROM maintenance.jobs AS k WHERE k.job = job;
    IF NOT found THEN
        RAISE EXCEPTION USING
            ERRCODE = 'no_data_found',
            MESSAGE = format('there is no job %s', coalesce(quote_literal(job), 'null')),
            HINT    = 'Jobs are ' || (SELECT string_agg(k.job, ', ' ORDER BY k.job)
                                        FROM maintenance.jobs AS k) || '.';
    END IF;
    -- Two at once would do the same twice.
    IF NOT pg_try_advisory_xact_lock(hashtextextended('nexus job ' || job, 0)) THEN
        outcome := 'running';
        RETURN;
    END IF;
    IF trigger = 'pg_cron'
    AND j.only_in_window
    AND NOT EXISTS (SELECT FROM maintenance.due_jobs(started) AS d WHERE d.job = job) THEN
        outcome := 'waiting';
        RETURN;
    END IF;

    outcome := 'done';
    BEGIN
        EXECUTE j.command;
    EXCEPTION
        -- The session ends: nothing can be written any more.
        WHEN admin_shutdown THEN
            RAISE;
        -- OTHERS does not hold the last two. A statement_timeout cancels, and nobody watches it.
        WHEN OTHERS OR query_canceled OR assert_failure THEN
            outcome := 'failed';
            error := format('%s: %s', sqlstate, sqlerrm);
    END;
    INSERT INTO maintenance.runs (started_at, ended_at, job, outcome, trigger, actor, error)
    VALUES (started, clock_timestamp(), job, outcome, trigger, audit.actor(), error);
    IF outcome = 'failed' THEN
        PERFORM risk.raise_alert('warning', 'job_failed', job,
                                 format('the job %s failed: %s', job, error));
    ELSE
        PERFORM risk.resolve_alert('job_failed', job);
        PERFORM risk.resolve_alert('job_missed', job);
    END IF;
END
$function$;

COMMENT ON FUNCTION maintenance.run_job(text, text) IS
    'Runs a job and notes what came of it: done, failed (rolled back, with the error, and an alert '
    'job_failed; a job that was cancelled, by a time limit or by somebody, has failed), running '
    '(somewhere else at this moment; nothing was done) or waiting (for a maintenance window). '
    'Raises P0002 for an unknown job.';

SELECT config.define_interval('system_settings', k.key, k.value::jsonb, k.description,
                              k.shortest::interval, interval '100 years', true)
  FROM (VALUES
    ('retention.auth.sessions', '"90 days"',
     'How long sessions that ended are kept; null for ever.', '1 day'),
    -- Jobs are watched by their runs, and failures of 7 days are counted.
    ('retention.maintenance.runs', '"90 days"', 'How long runs of jobs are kept; null for ever.',
     '8 days')
  ) AS k (key, value, description, shortest);

CREATE OR REPLACE FUNCTION maintenance.purge()
    RETURNS int
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    removed int;
    purged  int;
    -- Null keeps for ever, since nothing is before it.
    keep_sessions CONSTANT interval :=
        (config.setting('retention.auth.sessions') #>> '{}')::interval;
    keep_runs     CONSTANT interval :=
        (config.setting('retention.maintenance.runs') #>> '{}')::interval;
BEGIN
    DELETE FROM auth.sessions AS s
     WHERE s.expires_at < clock_timestamp() - keep_sessions;
    GET DIAGNOSTICS purged = ROW_COUNT;
    DELETE FROM maintenance.runs AS r
     WHERE r.started_at < clock_timestamp() - keep_runs;
    GET DIAGNOSTICS removed = ROW_COUNT;
    RETURN purged + removed;
END
$function$;

COMMENT ON FUNCTION maintenance.purge() IS
    'Removes sessions that ended longer ago than retention.auth.sessions says, and runs of jobs '
    'that began longer ago than retention.maintenance.runs says; returns how many.';

COMMENT ON TABLE auth.sessions IS
    'A row is a session of a user or a service account; ended ones are removed after '
    'retention.auth.sessions.';
COMMENT ON TABLE maintenance.runs IS
    'A row is a run of a job; those older than retention.maintenance.runs are removed.';
COMMENT ON VIEW monitoring.job_failures IS
    'Runs of jobs that failed, the latest first, as long as runs are kept '
    '(retention.maintenance.runs).';

-- What retention takes away is in the audit: nothing else keeps it.
CREATE OR REPLACE FUNCTION maintenance.apply_retention()
    RETURNS TABLE (partition text, what text)
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET timezone = 'UTC'
    SET datestyle = 'ISO, YMD'
AS $function$
DECLARE
    k    record;
    old  record;
    keep interval;
    reference name;
    drops CONSTANT boolean := coalesce(config.setting('retention.drop_detached')::boolean, false);
BEGIN
    FOR k IN
        SELECT c.parent_table
          FROM partman.part_config AS c
          JOIN config.definitions AS d
            ON d.section = 'system_settings'
           AND d.key = 'retention.' || c.parent_table
         WHERE to_regclass(c.parent_table) IS NOT NULL
         -- Facts that others refer to go after them.
         ORDER BY EXISTS (SELECT
                            FROM pg_constraint AS f
                           WHERE f.confrelid = to_regclass(c.parent_table)
                             AND f.contype = 'f'),
                  c.parent_table
    LOOP
        keep := (config.setting('retention.' || k.parent_table) #>> '{}')::interval;
        CONTINUE WHEN keep IS NULL;
        FOR old IN
            SELECT c.oid, format('%I.%I', n.nspname, c.relname) AS name
              FROM pg_inherits AS i
              JOIN pg_class AS c
                ON c.oid = i.inhrelid
              JOIN pg_namespace AS n
                ON n.oid = c.relnamespace
             CROSS JOIN LATERAL regexp_match(pg_get_expr(c.relpartbound, c.oid),
                                             'TO \(''([^'']+)''\)') AS b (bound)
             WHERE i.inhparent = to_regclass(k.parent_table)
               AND b.bound[1]::timestamptz <= clock_timestamp() - keep
             ORDER BY b.bound[1]::timestamptz
        LOOP
            partition := old.name;
            BEGIN
                EXECUTE format('ALTER TABLE %s DETACH PARTITION %s', k.parent_table, old.name);
            EXCEPTION
                WHEN foreign_key_violation THEN
                    what := 'kept: others refer to it';
                    RETURN NEXT;
                    CONTINUE;
            END;
            -- What it refers to may go after it.
            FOR reference IN
                SELECT f.conname
                  FROM pg_constraint AS f
                 WHERE f.conrelid = old.oid
                   AND f.contype = 'f'
                   AND f.conparentid = 0
            LOOP
                EXECUTE format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS %I', old.name, reference);
            END LOOP;
            EXECUTE format('COMMENT ON TABLE %s IS %L', old.name,
                           format('Detached from %s by retention of %s at %s.', k.parent_table,
                                  keep, date_trunc('second', clock_timestamp())));
            what := 'detached';
            PERFORM audit.record('partition_detached', old.name,
                                 jsonb_build_object('table', k.parent_table,
                                                    'retention', keep::text));
            RETURN NEXT;
        END LOOP;
    END LOOP;
    IF drops THEN
        FOR old IN
            SELECT format('%I.%I', n.nspname, c.relname) AS name
              FROM pg_class AS c
              JOIN pg_namespace AS n
                ON n.oid = c.relnamespace
             WHERE c.relkind = 'r'
               AND NOT c.relispartition
               AND c.relowner = 'nexus_owner'::regrole
               AND obj_description(c.oid, 'pg_class') LIKE 'Detached from % by retention of %'
             ORDER BY 1
        LOOP
            EXECUTE format('DROP TABLE %s', old.name);
            partition := old.name;
            what := 'dropped';
            PERFORM audit.record('partition_dropped', old.name);
            RETURN NEXT;
        END LOOP;
    END IF;
END
$function$;

COMMENT ON FUNCTION maintenance.apply_retention() IS
    'Detaches the partitions that ended longer ago than retention.<table> says; they stay as '
    'tables without their foreign keys, and are dropped only while retention.drop_detached is set. '
    'Returns which, and what was done: detached, dropped, or kept because others refer to it; the '
    'first two are written into audit.actions.';

CREATE OR REPLACE FUNCTION config.jobs_may_run(at timestamptz DEFAULT now())
    RETURNS boolean
    LANGUAGE sql
    STABLE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $function$
    SELECT EXISTS (SELECT
                     FROM config.maintenance_windows AS w
                    WHERE w.scope = '*'
                      AND w.run_jobs
                      AND at >= w.starts_at
                      AND at < w.ends_at)
$function$;

COMMENT ON FUNCTION config.jobs_may_run(timestamptz) IS
    'Whether jobs that wait for a maintenance window may run at a moment: a window of scope * with '
    'run_jobs is open then. Jobs are of no service and no exchange.';

COMMENT ON COLUMN config.maintenance_windows.scope IS
    'The service or exchange that is maintained; * for all. Only those of * hold alerts and let '
    'jobs run.';
COMMENT ON COLUMN config.maintenance_windows.run_jobs IS
    'Whether jobs that wait for a window may run in it, if its scope is *.';

-- Partitions: a gap is wrong where partitions are made ahead, not beyond.

CREATE OR REPLACE VIEW monitoring.partition_health AS
WITH settings AS (
    SELECT d.key, coalesce(s.value, d.default_value)::int AS ahead
      FROM config.definitions AS d
      LEFT JOIN config.system_settings AS s
        ON s.key = d.key
     WHERE d.section = 'system_settings'
       AND d.key LIKE 'partitions.ahead\_%'
),
parents AS (
    SELECT c.oid, n.nspname, c.relname, a.attname, e.every,
           k.parent_table IS NOT NULL
        OR (n.nspname = 'positions' AND c.relname = 'events') AS is_kept,
           -- As maintenance.make_partitions, from the start of the present interval on.
           (SELECT (date_trunc(CASE WHEN e.every >= interval '1 year' THEN 'year'
                                    WHEN e.every >= interval '1 month' THEN 'month'
                                    ELSE 'day'
                               END, now() AT TIME ZONE 'UTC') + s.ahead * e.every)
                   AT TIME ZONE 'UTC'
              FROM settings AS s
             WHERE s.key = CASE WHEN e.every >= interval '1 year' THEN 'partitions.ahead_years'
                                WHEN e.every >= interval '1 month' THEN 'partitions.ahead_months'
                                ELSE 'partitions.ahead_days'
                           END) AS made_to
      FROM pg_catalog.pg_partitioned_table AS p
      JOIN pg_catalog.pg_class AS c
        ON c.oid = p.partrelid
      JOIN pg_catalog.pg_namespace AS n
        ON n.oid = c.relnamespace
      JOIN pg_catalog.pg_attribute AS a
        ON a.attrelid = c.oid
       AND a.attnum = p.partattrs[0]
       AND a.atttypid IN ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype)
      LEFT JOIN partman.part_config AS k
        ON k.parent_table = format('%s.%s', n.nspname, c.relname)
     CROSS JOIN LATERAL (
           SELECT coalesce(k.partition_interval::interval, interval '1 month')) AS e (every)
     WHERE p.partstrat = 'r'
       AND NOT c.relispartition
),
parts AS (
    SELECT p.oid AS parent_id, c.oid,
           pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT' AS is_default,
           CASE WHEN pg_get_expr(c.relpartbound, c.oid) ~ 'FROM \(MINVALUE\)' THEN '-infinity'
                ELSE b.bounds[1]::timestamptz
           END AS from_at,
           CASE WHEN pg_get_expr(c.relpartbound, c.oid) ~ 'TO \(MAXVALUE\)' THEN 'infinity'
                ELSE t.bounds[1]::timestamptz
           END AS to_at
      FROM parents AS p
      JOIN pg_catalog.pg_inherits AS i
        ON i.inhparent = p.oid
      JOIN pg_catalog.pg_class AS c
        ON c.oid = i.inhrelid
      LEFT JOIN LATERAL regexp_match(pg_get_expr(c.relpartbound, c.oid),
                                     'FROM \(''([^'']+)''\)') AS b (bounds)
        ON true
      LEFT JOIN LATERAL regexp_match(pg_get_expr(c.relpartbound, c.oid),
                                     'TO \(''([^'']+)''\)') AS t (bounds)
        ON true
),
neighbours AS (
    SELECT r.parent_id, r.from_at, r.to_at,
           lead(r.from_at) OVER (PARTITION BY r.parent_id ORDER BY r.from_at) AS next_from
      FROM parts AS r
     WHERE NOT r.is_default
),
bounds AS (
    SELECT b.parent_id, count(*) AS partitions, min(b.from_at) AS oldest_from,
           max(b.to_at) AS newest_to,
           count(*) FILTER (WHERE b.next_from > b.to_at) AS gaps,
           count(*) FILTER (WHERE b.next_from > b.to_at AND b.next_from > now()) AS gaps_ahead,
           min(b.to_at) FILTER (WHERE b.next_from > b.to_at AND b.next_from > now()) AS gap_from,
           coalesce(bool_or(b.from_at <= now() AND b.to_at > now()), false) AS holds_now
      FROM neighbours AS b
     GROUP BY b.parent_id
),
leftovers AS (
    -- Named or commented as a partition, and none any more.
    SELECT p.oid AS parent_id, count(*) AS detached,
           sum(pg_total_relation_size(c.oid))::bigint AS detached_bytes
      FROM parents AS p
      JOIN pg_catalog.pg_namespace AS n
        ON n.nspname = p.nspname
      JOIN pg_catalog.pg_class AS c
        ON c.relnamespace = n.oid
       AND c.relkind = 'r'
       AND NOT c.relispartition
     WHERE (starts_with(c.relname, p.relname)
        AND substr(c.relname, length(p.relname) + 1) ~ '^(_p\d{4}|_y\d{4}m\d{2}$)')
        OR starts_with(obj_description(c.oid, 'pg_class'),
                       format('Detached from %s.%s ', p.nspname, p.relname))
     GROUP BY p.oid
)
SELECT format('%s.%s', p.nspname, p.relname) AS table_name,
       p.attname::text AS by_column,
       p.every,
       coalesce(b.partitions, 0) AS partitions,
       b.oldest_from,
       b.newest_to,
       CASE WHEN isfinite(b.newest_to) THEN b.newest_to - now() END AS ahead,
       coalesce(b.gaps, 0) AS gaps,
       coalesce(b.gaps_ahead, 0) AS gaps_ahead,
       coalesce(l.detached, 0) AS detached,
       coalesce(l.detached_bytes, 0) AS detached_bytes,
       d.has_default,
       f.problem IS NULL AS is_ok,
       f.problem
  FROM parents AS p
  LEFT JOIN bounds AS b
    ON b.parent_id = p.oid
  LEFT JOIN leftovers AS l
    ON l.parent_id = p.oid
 CROSS JOIN LATERAL (
       SELECT EXISTS (SELECT
                        FROM parts AS r
                       WHERE r.parent_id = p.oid
                         AND r.is_default) AS has_default
       ) AS d
 CROSS JOIN LATERAL (
       SELECT CASE WHEN p.is_kept THEN 'SELECT maintenance.make_partitions()'
                   ELSE format('SELECT maintenance.partition(''%s.%s'', ''%s'', 3), which keeps it',
                               p.nspname, p.relname, p.every)
              END COLLATE "default" AS cure
       ) AS c
 CROSS JOIN LATERAL (
       SELECT nullif(concat_ws('; ',
                  CASE WHEN b.holds_now IS NOT TRUE THEN
                      'no partition holds the present: ' || c.cure
                  END,
                  CASE WHEN b.holds_now
                        AND b.newest_to < least(now() + greatest(p.every, interval '2 days'),
                                                p.made_to) THEN
                      'the last partition ends too soon: ' || c.cure
                  END,
                  -- What is made ahead has no gap; what stands beyond it was made for its facts.
                  CASE WHEN b.gap_from < p.made_to THEN
                      format('no partition from %s on: %s', b.gap_from, c.cure)
                  END,
                  CASE WHEN d.has_default THEN
                      'a DEFAULT partition hides what has no partition: move its rows, drop it'
                  END), '') AS problem
       ) AS f
 ORDER BY 1;

COMMENT ON COLUMN monitoring.partition_health.gaps_ahead IS
    'Of these, those that reach beyond now. One that begins beyond what is made ahead '
    '(partitions.ahead_*) is no fault: partitions there were made for facts of that time.';
COMMENT ON COLUMN monitoring.partition_health.is_ok IS
    'Whether nothing has to be done: the present and the next interval (2 days at least, and no '
    'more than is made ahead) are held, without DEFAULT and without a gap in what is made ahead.';

-- Secrets: what is refused is not shown. Times that every request moves are left out.

CREATE OR REPLACE TRIGGER users_keep_their_truths
    BEFORE INSERT OR UPDATE
    ON auth.users
    FOR EACH ROW
    EXECUTE FUNCTION maintenance.keep_truths();
COMMENT ON TRIGGER users_keep_their_truths ON auth.users IS
    'Refuses what a constraint would, without the row in the error: it holds a password or its '
    'hash.';
CREATE OR REPLACE TRIGGER service_accounts_keep_their_truths
    BEFORE INSERT OR UPDATE
    ON auth.service_accounts
    FOR EACH ROW
    EXECUTE FUNCTION maintenance.keep_truths();
COMMENT ON TRIGGER service_accounts_keep_their_truths ON auth.service_accounts IS
    'Refuses what a constraint would, without the row in the error: it holds a token or its hash.';
CREATE OR REPLACE TRIGGER sessions_keep_their_truths
    BEFORE INSERT OR UPDATE
        OF session_id, user_id, opened_at, expires_at, account, client, token_hash
    ON auth.sessions
    FOR EACH ROW
    EXECUTE FUNCTION maintenance.keep_truths();
COMMENT ON TRIGGER sessions_keep_their_truths ON auth.sessions IS
    'Refuses what a constraint would, without the row in the error: it holds a token or its hash.';

COMMENT ON CONSTRAINT password_is_a_slow_hash ON auth.users IS
    'Hash the password in the service and bring the hash as a parameter: bcrypt of cost 10 to 31, '
    'or argon2id, in its text form.';
COMMENT ON CONSTRAINT token_is_a_sha256 ON auth.service_accounts IS
    'Bring the SHA-256 of the token, 32 octets, as a parameter; never the token.';
COMMENT ON CONSTRAINT session_token_is_a_sha256 ON auth.sessions IS
    'Bring the SHA-256 of the token, 32 octets, as a parameter; never the token.';

-- All that was done, in one view.

CREATE OR REPLACE VIEW audit.trail AS
SELECT a.acted_at AS at, a.actor, a.action, a.subject AS target,
       jsonb_build_object('outcome', a.outcome, 'db_role', a.db_role, 'request', a.request,
                          'detail', a.detail) AS detail,
       'audit.actions' AS source_table
  FROM audit.actions AS a
 UNION ALL
SELECT l.changed_at, l.actor,
       CASE WHEN l.rolls_back IS NOT NULL THEN 'config_rolled_back'
            WHEN l.current IS NULL THEN 'config_unset'
            ELSE 'config_set'
       END,
       l.path,
       jsonb_build_object('change_id', l.change_id, 'db_role', l.db_role, 'reason', l.reason,
                          'rolls_back', l.rolls_back, 'previous', l.previous,
                          'current', l.current),
       'config.change_log'
  FROM config.change_log AS l
 UNION ALL
SELECT g.taken_at, g.actor, 'generation_' || g.step, b.name,
       jsonb_build_object('step_id', g.step_id, 'log_position', g.log_position,
                          'from_slot', g.from_slot, 'to_slot', g.to_slot,
                          'from_logic', g.from_logic, 'to_logic', g.to_logic, 'digest', g.digest,
                          'totals', g.totals),
       'positions.generation_steps'
  FROM positions.generation_steps AS g
  JOIN positions.books AS b
    ON b.book_id = g.book_id
 UNION ALL
SELECT d.discarded_at, d.actor, 'event_discarded', d.event_id::text,
       jsonb_build_object('book', b.name, 'position_id', d.position_id, 'host', d.host,
                          'outbox_sequence', d.outbox_sequence, 'buffered_at', d.buffered_at,
                          'reason', d.reason),
       'positions.outbox_discards'
  FROM positions.outbox_discards AS d
  JOIN positions.books AS b
    ON b.book_id = d.book_id
 UNION ALL
SELECT r.started_at, r.actor, 'job_' || r.outcome, r.job,
       jsonb_build_object('run_id', r.run_id, 'trigger', r.trigger, 'ended_at', r.ended_at,
                          'error', r.error),
       'maintenance.runs'
  FROM maintenance.runs AS r
 UNION ALL
SELECT s.at, s.actor, s.action, x.allocation_id::text,
       jsonb_build_object('exchange', c.exchange, 'account', c.name, 'asset', c.asset,
                          'amount', trim_scale(x.amount)::text, 'strategy', x.strategy,
                          'position_id', x.position_id),
       'capital.allocations'
  FROM capital.allocations AS x
  JOIN capital.accounts AS c
    ON c.account_id = x.account_id
 CROSS JOIN LATERAL (
       VALUES (x.requested_at, x.requested_by, 'allocation_requested'),
              (x.activated_at, NULL, 'allocation_activated'),
              (x.released_at, NULL, 'allocation_released')) AS s (at, actor, action)
 WHERE s.at IS NOT NULL
 UNION ALL
SELECT s.at, s.actor, s.action, t.transfer_id::text,
       jsonb_build_object('from_exchange', f.exchange, 'from_account', f.name,
                          'to_exchange', o.exchange, 'to_account', o.name, 'asset', f.asset,
                          'amount', trim_scale(t.amount)::text, 'fee', trim_scale(t.fee)::text,
                          'reference', t.reference, 'reason', t.reason),
       'capital.transfers'
  FROM capital.transfers AS t
  JOIN capital.accounts AS f
    ON f.account_id = t.from_account
  JOIN capital.accounts AS o
    ON o.account_id = t.to_account
 CROSS JOIN LATERAL (
       VALUES (t.requested_at, t.requested_by, 'transfer_requested'),
              (t.sent_at, NULL, 'transfer_sent'),
              (t.ended_at, NULL, 'transfer_' || t.status)) AS s (at, actor, action)
 WHERE s.at IS NOT NULL
 UNION ALL
SELECT a.acknowledged_at, a.acknowledged_by, 'alert_acknowledged', a.subject,
       jsonb_build_object('alert_id', a.alert_id, 'type', a.type, 'severity', a.severity,
                          'note', a.note),
       'risk.alerts'
  FROM risk.alerts AS a
 WHERE a.acknowledged_at IS NOT NULL;

COMMENT ON VIEW audit.trail IS
    'All that users and the system did, from the tables that each keep a part of it; without '
    'secrets, and in no order: ORDER BY at DESC. The log of the ledger (positions.events) and the '
    'calls to the outside (audit.api_calls) are not in it.';
COMMENT ON COLUMN audit.trail.at IS
    'When it was done, by the clock of the database; of a job, when it began.';
COMMENT ON COLUMN audit.trail.actor IS
    'Who, see audit.actor(); null for a step of an allocation or a transfer whose actor nobody '
    'writes down.';
COMMENT ON COLUMN audit.trail.action IS
    'What was done, a word such as credential_decrypted, config_set, generation_promoted, '
    'job_failed, partition_dropped or transfer_received.';
COMMENT ON COLUMN audit.trail.target IS
    'What it was done to: a subject, a path of config, a book, a job, the id of an event, an '
    'allocation or a transfer.';
COMMENT ON COLUMN audit.trail.detail IS
    'What else the table says of it, an object; amounts are decimal texts, in the asset.';
COMMENT ON COLUMN audit.trail.source_table IS
    'The table that the row is from.';

SELECT maintenance.adopt('maintenance');
SELECT maintenance.adopt('monitoring');
SELECT maintenance.adopt('auth');
SELECT maintenance.adopt('config');
SELECT maintenance.adopt('audit');

GRANT SELECT
    ON audit.trail
    TO nexus_reader;
