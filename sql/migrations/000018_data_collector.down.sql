-- Why:   undoes 000018_data_collector: sources, instruments, runs and gaps go.
-- Locks: ACCESS EXCLUSIVE on what is dropped.
-- Takes: milliseconds.

DROP FUNCTION IF EXISTS data_collector.fill_gap(bigint);

DROP FUNCTION IF EXISTS data_collector.record_gap(
    text, text, text, timestamptz, timestamptz, text);

DROP FUNCTION IF EXISTS data_collector.end_run(bigint, text);

DROP FUNCTION IF EXISTS data_collector.count_rows(bigint, bigint, bigint, bigint, bigint);

DROP FUNCTION IF EXISTS data_collector.start_run(text, text, text);

DROP FUNCTION IF EXISTS data_collector.end_instrument(text, text, timestamptz);

DROP FUNCTION IF EXISTS data_collector.set_instrument(
    text, text, text, text, text, numeric, numeric, int, timestamptz);

DROP VIEW IF EXISTS data_collector.open_gaps;

DROP VIEW IF EXISTS data_collector.runs;

DROP VIEW IF EXISTS data_collector.instrument_history;

DROP VIEW IF EXISTS data_collector.listed_instruments;

DROP VIEW IF EXISTS data_collector.known_sources;

DO $do$
BEGIN
    IF to_regclass('data_collector.ingestion_runs') IS NOT NULL THEN
        PERFORM maintenance.unpartition('data_collector.ingestion_runs');
    END IF;
END
$do$;

DROP TABLE IF EXISTS data_collector.ingestion_gaps;

DROP TABLE IF EXISTS data_collector.ingestion_runs;

DROP TABLE IF EXISTS data_collector.instruments;

DROP TABLE IF EXISTS data_collector.sources;

-- A migrator did not make it, and leaves it.
DO $do$
BEGIN
    DROP EXTENSION IF EXISTS btree_gist;
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE NOTICE 'as a superuser: DROP EXTENSION btree_gist';
END
$do$;
