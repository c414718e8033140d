-- Why:   what has to be done again and again: partitions made ahead, old ones detached, snapshots,
--        statistics. One list of jobs; pg_cron runs them where it is, `nexus-ledger maintain`
--        where it is not. A job that failed or did not run is an alert.
-- Locks: ACCESS EXCLUSIVE on the new tables only, which nobody reads yet. Jobs wait for a lock for
--        5 s at most.
-- Takes: milliseconds, 100 ms to make pg_cron.

CREATE TABLE IF NOT EXISTS maintenance.jobs (
    every          interval    NOT NULL,
    added_at       timestamptz NOT NULL
        DEFAULT clock_timestamp(),
    enabled        boolean     NOT NULL
        DEFAULT true,
    only_in_window boolean     NOT NULL
        DEFAULT false,
    job            text        NOT NULL,
    schedule       text        NOT NULL,
    command        text        NOT NULL,
    description    text        NOT NULL,
    CONSTRAINT job_is_unique
        PRIMARY KEY (job),
    CONSTRAINT job_is_plain
        CHECK (job COLLATE "C" ~ '^[a-z][a-z0-9_]{0,47}$'),
    CONSTRAINT every_is_a_minute_or_more
        CHECK (every >= interval '1 minute'),
    CONSTRAINT schedule_has_five_fields
        CHECK (schedule ~ '^[^ ]+( [^ ]+){4}$')
);

COMMENT ON TABLE maintenance.jobs IS
    'A row is a job: what is done again and again.';
COMMENT ON COLUMN maintenance.jobs.every IS
    'How often it has to be done; a job that was not done for twice as long is missed.';
COMMENT ON COLUMN maintenance.jobs.added_at IS
    'When the job was added: one that was never done is missed from twice `every` after that.';
COMMENT ON COLUMN maintenance.jobs.enabled IS
    'Whether it is done.';
COMMENT ON COLUMN maintenance.jobs.only_in_window IS
    'Whether it waits for a maintenance window; not for longer than seven times `every`.';
COMMENT ON COLUMN maintenance.jobs.job IS
    'Name of the job, 1 to 48 characters of [a-z0-9_].';
COMMENT ON COLUMN maintenance.jobs.schedule IS
    'When pg_cron does it: minute, hour, day, month, weekday, in UTC.';
COMMENT ON COLUMN maintenance.jobs.command IS
    'The SQL that does it, with the rights of nexus_owner, who alone may change it.';
COMMENT ON COLUMN maintenance.jobs.description IS
    'What it does.';

CREATE TABLE IF NOT EXISTS maintenance.runs (
    run_id     bigint      NOT NULL
        GENERATED ALWAYS AS IDENTITY,
    started_at timestamptz NOT NULL,
    ended_at   timestamptz NOT NULL,
    job        text        NOT NULL,
    outcome    text        NOT NULL,
    trigger    text        NOT NULL,
    actor      text        NOT NULL,
    error      text,
    CONSTRAINT run_has_one_number
        PRIMARY KEY (run_id),
    CONSTRAINT run_belongs_to_a_job
        FOREIGN KEY (job) REFERENCES maintenance.jobs (job),
    CONSTRAINT run_ends_after_its_start
        CHECK (ended_at >= started_at),
    CONSTRAINT outcome_is_known
        CHECK (outcome IN ('done', 'failed')),
    CONSTRAINT error_is_there_if_it_failed
        CHECK ((outcome = 'failed') = (error IS NOT NULL)),
    CONSTRAINT trigger_is_known
        CHECK (trigger IN ('pg_cron', 'maintain', 'manual'))
);

COMMENT ON TABLE maintenance.runs IS
    'A row is a run of a job; those older than 90 days are removed.';
COMMENT ON COLUMN maintenance.runs.run_id IS
    'Number of the run, ascending.';
COMMENT ON COLUMN maintenance.runs.started_at IS
    'When it began.';
COMMENT ON COLUMN maintenance.runs.ended_at IS
    'When it ended.';
COMMENT ON COLUMN maintenance.runs.job IS
    'The job.';
COMMENT ON COLUMN maintenance.runs.outcome IS
    'done or failed.';
COMMENT ON COLUMN maintenance.runs.trigger IS
    'What ran it: pg_cron, maintain (the command) or manual.';
COMMENT ON COLUMN maintenance.runs.actor IS
    'Who ran it, see audit.actor().';
COMMENT ON COLUMN maintenance.runs.error IS
    'Why it failed; null if it did not.';

CREATE INDEX IF NOT EXISTS runs_by_job
    ON maintenance.runs (job, started_at);
COMMENT ON INDEX maintenance.runs_by_job IS
    'The last run of a job; the foreign key.';

CREATE INDEX IF NOT EXISTS runs_that_failed
    ON maintenance.runs (started_at)
    WHERE outcome = 'failed';
COMMENT ON INDEX maintenance.runs_that_failed IS
    'The latest failures.';

-- What the jobs do.

CREATE OR REPLACE FUNCTION maintenance.make_partitions()
    RETURNS int
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET timezone = 'UTC'
    SET datestyle = 'ISO, YMD'
    SET intervalstyle = 'postgres'
AS $function$
DECLARE
    k     record;
    now_at CONSTANT timestamptz := clock_timestamp();
    ahead int;
    made  int := 0;
BEGIN
    FOR k IN
        SELECT c.parent_table, c.partition_interval::interval AS every
          FROM partman.part_config AS c
         WHERE to_regclass(c.parent_table) IS NOT NULL
         ORDER BY c.parent_table
    LOOP
        ahead := config.setting(CASE WHEN k.every >= interval '1 year' THEN 'partitions.ahead_years'
                                     WHEN k.every >= interval '1 month' THEN
                                          'partitions.ahead_months'
                                     ELSE 'partitions.ahead_days'
                                END)::int;
        UPDATE partman.part_config AS c
           SET premake = ahead
         WHERE c.parent_table = k.parent_table
           AND c.premake <> ahead;
        made := made + maintenance.ensure_partitions(k.parent_table, now_at,
                                                     now_at + ahead * k.every);
    END LOOP;
    RETURN made + (SELECT count(*)
                     FROM positions.ensure_months(
                              config.setting('partitions.ahead_months')::int));
END
$function$;

COMMENT ON FUNCTION maintenance.make_partitions() IS
    'Makes the partitions of every table that is partitioned by time, and the months of the log, '
    'from now on as far ahead as the settings partitions.ahead_* say; returns how many were made '
    'or, of the log, stand.';

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

CREATE OR REPLACE FUNCTION maintenance.analyze()
    RETURNS int
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    parent   regclass;
    analyzed int := 0;
BEGIN
    FOR parent IN
        SELECT c.oid::regclass
          FROM pg_class AS c
         WHERE c.relkind = 'p'
           AND NOT c.relispartition
           AND c.relowner = 'nexus_owner'::regrole
         ORDER BY c.oid
    LOOP
        EXECUTE format('ANALYZE %s', parent);
        analyzed := analyzed + 1;
    END LOOP;
    RETURN analyzed;
END
$function$;

COMMENT ON FUNCTION maintenance.analyze() IS
    'Gathers the statistics of partitioned tables as wholes, which autovacuum leaves out; returns '
    'how many.';

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

-- How they are run.

CREATE OR REPLACE FUNCTION maintenance.due_jobs(at timestamptz DEFAULT clock_timestamp())
    RETURNS TABLE (job text, last_run_at timestamptz, last_done_at timestamptz, is_missed boolean)
    LANGUAGE sql
    STABLE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $function$
    SELECT j.job, r.last_run_at, r.last_done_at,
           coalesce(r.last_done_at, j.added_at) < at - 2 * j.every
      FROM maintenance.jobs AS j
     CROSS JOIN LATERAL (
           SELECT max(r.started_at), max(r.started_at) FILTER (WHERE r.outcome = 'done')
             FROM maintenance.runs AS r
            WHERE r.job = j.job
           ) AS r (last_run_at, last_done_at)
     WHERE j.enabled
       AND coalesce(r.last_run_at <= at - j.every, true)
       AND (NOT j.only_in_window
         OR config.jobs_may_run(at)
         OR coalesce(r.last_done_at, j.added_at) < at - 7 * j.every)
     ORDER BY j.every, j.job
$function$;

COMMENT ON FUNCTION maintenance.due_jobs(timestamptz) IS
    'The jobs that are to be run at a moment, the most frequent first, when each ran and was done '
    'last, and whether it was missed: not done for twice its time, since it was added if never.';

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

CREATE OR REPLACE FUNCTION maintenance.check_jobs()
    RETURNS int
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET timezone = 'UTC'
AS $function$
DECLARE
    d      record;
    missed int := 0;
BEGIN
    FOR d IN
        SELECT f.job, f.last_done_at
          FROM maintenance.due_jobs() AS f
         WHERE f.is_missed
    LOOP
        PERFORM risk.raise_alert('warning', 'job_missed', d.job,
                                 format('the job %s was done last at %s', d.job,
                                        coalesce(d.last_done_at::text, 'no time at all')));
        missed := missed + 1;
    END LOOP;
    RETURN missed;
END
$function$;

COMMENT ON FUNCTION maintenance.check_jobs() IS
    'Raises an alert job_missed for each job that was not done for twice its time; returns how '
    'many. It is a job itself, and the ledger calls it hourly, in case that no job runs at all.';

INSERT INTO maintenance.jobs (job, every, schedule, command, description)
VALUES ('partitions', '1 hour', '5 * * * *', 'SELECT maintenance.make_partitions()',
        'Makes partitions by time ahead.'),
       ('retention', '1 day', '20 3 * * *', 'SELECT maintenance.apply_retention()',
        'Detaches partitions that are older than retention.* says.'),
       ('statistics', '1 day', '40 3 * * *', 'SELECT maintenance.analyze()',
        'Gathers statistics of partitioned tables.'),
       ('purge', '1 day', '50 3 * * *', 'SELECT maintenance.purge()',
        'Removes old sessions and runs of jobs.'),
       ('funding_snapshot', '5 minutes', '*/5 * * * *',
        'SELECT funding.take_snapshot(date_trunc(''minute'', clock_timestamp()))',
        'Takes a snapshot of all funding rates.'),
       ('funding_discrepancies', '1 hour', '15 * * * *',
        'SELECT funding.find_discrepancies(clock_timestamp() - interval ''1 day'','
        ' clock_timestamp())',
        'Compares the sources of funding rates of the last day.'),
       ('risk_snapshot', '5 minutes', '*/5 * * * *',
        'SELECT risk.take_snapshot(config.setting(''risk.book'') #>> ''{}'')'
        ' WHERE EXISTS (SELECT FROM positions.books)',
        'Takes a snapshot of the risk, opens and closes breaches.'),
       ('alerts', '1 minute', '* * * * *', 'SELECT risk.release_held_alerts()',
        'Tells of alerts that a maintenance window held, and again of those that stand.'),
       ('check', '15 minutes', '*/15 * * * *', 'SELECT maintenance.check_jobs()',
        'Raises an alert for each job that was not done.')
    ON CONFLICT (job) DO NOTHING;

-- pg_cron lives in one database of the cluster.
DO $do$
BEGIN
    IF current_setting('cron.database_name', true) = current_database()
    AND current_setting('shared_preload_libraries') ~ 'pg_cron' THEN
        CREATE EXTENSION IF NOT EXISTS pg_cron;
        GRANT USAGE ON SCHEMA cron TO nexus_maintainer;
    END IF;
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE NOTICE 'as a superuser: CREATE EXTENSION pg_cron';
END
$do$;

CREATE OR REPLACE FUNCTION maintenance.schedule_jobs()
    RETURNS int
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    j         record;
    scheduled int := 0;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_extension AS e WHERE e.extname = 'pg_cron') THEN
        RETURN 0;
    END IF;
    FOR j IN
        SELECT k.job, k.schedule, k.enabled,
               format('SELECT maintenance.run_job(%L, %L)', k.job, 'pg_cron') AS command
          FROM maintenance.jobs AS k
    LOOP
        IF j.enabled THEN
            IF current_setting('is_superuser')::boolean THEN
                PERFORM cron.schedule_in_database('nexus ' || j.job, j.schedule, j.command,
                                                  current_database(), 'nexus_maintainer');
            ELSE
                PERFORM cron.schedule('nexus ' || j.job, j.schedule, j.command);
            END IF;
            scheduled := scheduled + 1;
        ELSE
            PERFORM cron.unschedule(c.jobid)
               FROM cron.job AS c
              WHERE c.jobname = 'nexus ' || j.job;
        END IF;
    END LOOP;
    RETURN scheduled;
END
$function$;

COMMENT ON FUNCTION maintenance.schedule_jobs() IS
    'Tells pg_cron of the jobs, and to forget those that are not enabled; returns how many it '
    'runs, 0 without pg_cron. A superuser schedules them for nexus_maintainer.';

REVOKE ALL
    ON ALL FUNCTIONS IN SCHEMA maintenance
    FROM PUBLIC;

SELECT maintenance.adopt('maintenance');

SELECT maintenance.schedule_jobs();

GRANT SELECT
    ON maintenance.jobs, maintenance.runs
    TO nexus_maintainer, nexus_analyst, nexus_auditor;
GRANT UPDATE (enabled, only_in_window, every, schedule)
    ON maintenance.jobs
    TO nexus_maintainer;
GRANT EXECUTE
    ON FUNCTION maintenance.run_job(text, text), maintenance.due_jobs(timestamptz),
                maintenance.check_jobs(), maintenance.schedule_jobs()
    TO nexus_maintainer;
GRANT EXECUTE
    ON FUNCTION maintenance.due_jobs(timestamptz), maintenance.check_jobs()
    TO nexus_positions;
