-- Why:   undoes 000024_monitoring. Sums by month are computed again by the next up; what
--        pg_stat_statements has counted is lost if the up file made it.
-- Locks: ACCESS EXCLUSIVE on what is dropped.
-- Takes: milliseconds.

DO $do$
BEGIN
    IF EXISTS (SELECT FROM pg_catalog.pg_extension AS e WHERE e.extname = 'pg_cron') THEN
        PERFORM cron.unschedule(c.jobid)
           FROM cron.job AS c
          WHERE c.jobname IN ('nexus views', 'nexus slow_statements');
    END IF;
    IF to_regclass('maintenance.jobs') IS NOT NULL THEN
        DELETE FROM maintenance.runs AS r
         WHERE r.job IN ('views', 'slow_statements');
        DELETE FROM maintenance.jobs AS j
         WHERE j.job IN ('views', 'slow_statements');
    END IF;
END
$do$;

DROP FUNCTION IF EXISTS maintenance.apply_slow_statement_threshold();

DROP FUNCTION IF EXISTS maintenance.refresh_views();

DROP MATERIALIZED VIEW IF EXISTS analytics.venue_month_funding;

DROP MATERIALIZED VIEW IF EXISTS analytics.monthly_pnl;

DROP VIEW IF EXISTS monitoring.projection_lag;

DROP VIEW IF EXISTS monitoring.job_health;

DROP VIEW IF EXISTS monitoring.job_failures;

DROP VIEW IF EXISTS monitoring.blocked_sessions;

DROP VIEW IF EXISTS monitoring.long_transactions;

DROP VIEW IF EXISTS monitoring.connection_use;

DROP VIEW IF EXISTS monitoring.replica_lag;

DROP VIEW IF EXISTS monitoring.partition_health;

DROP VIEW IF EXISTS monitoring.bloat;

DROP FUNCTION IF EXISTS monitoring.estimate_bloat();

DROP VIEW IF EXISTS monitoring.missing_indexes;

DROP VIEW IF EXISTS monitoring.unused_indexes;

DROP VIEW IF EXISTS monitoring.slow_queries;

DROP FUNCTION IF EXISTS monitoring.statements();

DROP FUNCTION IF EXISTS monitoring.slow_statement_ms();

REVOKE USAGE
    ON SCHEMA monitoring
    FROM pg_monitor;

DO $do$
BEGIN
    IF EXISTS (SELECT
                 FROM pg_catalog.pg_extension AS e
                WHERE e.extname = 'pg_stat_statements'
                  AND obj_description(e.oid, 'pg_extension') LIKE '%000024_monitoring%') THEN
        DROP EXTENSION pg_stat_statements;
    END IF;
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE NOTICE 'as a superuser: DROP EXTENSION pg_stat_statements';
END
$do$;

DO $do$
BEGIN
    EXECUTE format('ALTER DATABASE %I RESET log_min_duration_statement', current_database());
    IF current_setting('is_superuser')::boolean
    AND EXISTS (SELECT
                  FROM pg_catalog.pg_database AS d
                 WHERE d.datname = current_database()
                   AND d.datdba = 'nexus_owner'::regrole) THEN
        EXECUTE format('ALTER DATABASE %I OWNER TO CURRENT_USER', current_database());
        GRANT CREATE
            ON SCHEMA public
            TO pg_database_owner;
    END IF;
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE NOTICE 'as a superuser: ALTER DATABASE … RESET log_min_duration_statement';
END
$do$;
