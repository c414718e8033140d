-- Why:   undoes 000031_operations. The view of all that was done goes; its tables stay. Refused
--        passwords are shown in errors again.
-- Locks: ACCESS EXCLUSIVE on auth.users, auth.service_accounts and auth.sessions for the triggers
--        that go, and on the two views, for a moment.
-- Takes: milliseconds.

DROP VIEW IF EXISTS audit.trail;

COMMENT ON CONSTRAINT session_token_is_a_sha256 ON auth.sessions IS NULL;
COMMENT ON CONSTRAINT token_is_a_sha256 ON auth.service_accounts IS NULL;
COMMENT ON CONSTRAINT password_is_a_slow_hash ON auth.users IS NULL;

DROP TRIGGER IF EXISTS sessions_keep_their_truths ON auth.sessions;
DROP TRIGGER IF EXISTS service_accounts_keep_their_truths ON auth.service_accounts;
DROP TRIGGER IF EXISTS users_keep_their_truths ON auth.users;

CREATE OR REPLACE VIEW monitoring.partition_health AS
WITH parents AS (
    SELECT c.oid, n.nspname, c.relname, a.attname,
           coalesce(k.partition_interval::interval, interval '1 month') AS every
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
       SELECT nullif(concat_ws('; ',
                  CASE WHEN b.holds_now IS NOT TRUE THEN
                      'no partition holds the present: SELECT maintenance.make_partitions()'
                  END,
                  CASE WHEN b.holds_now
                        AND b.newest_to < now() + greatest(p.every, interval '2 days') THEN
                      'the last partition ends too soon: SELECT maintenance.make_partitions()'
                  END,
                  CASE WHEN b.gaps_ahead > 0 THEN
                      format('no partition from %s on: SELECT maintenance.make_partitions()',
                             b.gap_from)
                  END,
                  CASE WHEN d.has_default THEN
                      'a DEFAULT partition hides what has no partition: move its rows, drop it'
                  END), '') AS problem
       ) AS f
 ORDER BY 1;

CREATE OR REPLACE FUNCTION config.jobs_may_run(at timestamptz DEFAULT now())
    RETURNS boolean
    LANGUAGE sql
    STABLE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $function$
    SELECT EXISTS (SELECT
                     FROM config.maintenance_windows AS w
                    WHERE w.run_jobs
                      AND at >= w.starts_at
                      AND at < w.ends_at)
$function$;

COMMENT ON FUNCTION config.jobs_may_run(timestamptz) IS
    'Whether jobs that wait for a maintenance window may run at a moment.';

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
            RETURN NEXT;
        END LOOP;
    END IF;
END
$function$;

COMMENT ON FUNCTION maintenance.apply_retention() IS
    'Detaches the partitions that ended longer ago than retention.<table> says; they stay as '
    'tables without their foreign keys, and are dropped only while retention.drop_detached is set. '
    'Returns which, and what was done: detached, dropped, or kept because others refer to it.';

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
BEGIN
    DELETE FROM auth.sessions AS s
     WHERE s.expires_at < clock_timestamp() - interval '90 days';
    GET DIAGNOSTICS purged = ROW_COUNT;
    DELETE FROM maintenance.runs AS r
     WHERE r.started_at < clock_timestamp() - interval '90 days';
    GET DIAGNOSTICS removed = ROW_COUNT;
    RETURN purged + removed;
END
$function$;

COMMENT ON FUNCTION maintenance.purge() IS
    'Removes sessions that ended, and runs of jobs that began, 90 days ago; returns how many.';

DELETE FROM config.system_settings AS s
 WHERE s.key IN ('retention.auth.sessions', 'retention.maintenance.runs');
DELETE FROM config.definitions AS d
 WHERE d.section = 'system_settings'
   AND d.key IN ('retention.auth.sessions', 'retention.maintenance.runs');

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
        -- Cancelled is not failed: who cancelled it knows.
        WHEN query_canceled OR admin_shutdown THEN
            RAISE;
        WHEN OTHERS THEN
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
    'job_failed), running (somewhere else at this moment; nothing was done) or waiting (for a '
    'maintenance window). Raises P0002 for an unknown job.';

COMMENT ON COLUMN monitoring.partition_health.gaps_ahead IS
    'Of these, those that reach beyond now: facts will be refused.';
COMMENT ON COLUMN monitoring.partition_health.is_ok IS
    'Whether nothing has to be done: the present and the next interval (2 days at least) are '
    'held, without gap or DEFAULT.';
COMMENT ON VIEW monitoring.job_failures IS
    'Runs of jobs that failed, the latest first, as long as runs are kept (90 days).';
COMMENT ON TABLE maintenance.runs IS
    'A row is a run of a job; those older than 90 days are removed.';
COMMENT ON TABLE auth.sessions IS
    'A row is a session of a user or a service account; ended ones are removed after 90 days.';
COMMENT ON COLUMN config.maintenance_windows.scope IS
    'The service or exchange that is maintained; * for all. Only those of * hold alerts.';
COMMENT ON COLUMN config.maintenance_windows.run_jobs IS
    'Whether jobs that wait for a window may run in it.';
