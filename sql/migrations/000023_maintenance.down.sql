-- Why:   undoes 000023_maintenance: no job is run any more. Partitions stay.
-- Locks: ACCESS EXCLUSIVE on what is dropped.
-- Takes: milliseconds.

DO $do$
BEGIN
    IF EXISTS (SELECT FROM pg_catalog.pg_extension AS e WHERE e.extname = 'pg_cron') THEN
        PERFORM cron.unschedule(c.jobid)
           FROM cron.job AS c
          WHERE c.jobname LIKE 'nexus %';
    END IF;
END
$do$;

DROP EXTENSION IF EXISTS pg_cron;

DROP FUNCTION IF EXISTS maintenance.schedule_jobs();

DROP FUNCTION IF EXISTS maintenance.check_jobs();

DROP FUNCTION IF EXISTS maintenance.run_job(text, text);

DROP FUNCTION IF EXISTS maintenance.due_jobs(timestamptz);

DROP FUNCTION IF EXISTS maintenance.purge();

DROP FUNCTION IF EXISTS maintenance.analyze();

DROP FUNCTION IF EXISTS maintenance.apply_retention();

DROP FUNCTION IF EXISTS maintenance.make_partitions();

DROP TABLE IF EXISTS maintenance.runs;

DROP TABLE IF EXISTS maintenance.jobs;
