-- Why:   undoes 000019_funding. The rates go: copy them out first.
-- Locks: ACCESS EXCLUSIVE on what is dropped.
-- Takes: milliseconds for each partition.

DROP FUNCTION IF EXISTS funding.find_gaps(timestamptz, timestamptz);

DROP FUNCTION IF EXISTS funding.settlement_calendar(timestamptz, timestamptz, text, text);

DROP FUNCTION IF EXISTS funding.take_snapshot(timestamptz);

DROP FUNCTION IF EXISTS funding.resolve_discrepancy(bigint, text);

DROP FUNCTION IF EXISTS funding.find_discrepancies(timestamptz, timestamptz);

DROP FUNCTION IF EXISTS funding.ingest_rates(
    text, text[], text[], timestamptz[], numeric[], int[], timestamptz[], numeric[], timestamptz,
    bigint);

DROP FUNCTION IF EXISTS funding.compare_sources(text[], text[], timestamptz[]);

DROP FUNCTION IF EXISTS funding.plan_for(int);

DROP FUNCTION IF EXISTS funding.make_room(regclass, text, timestamptz[]);

DROP VIEW IF EXISTS funding.open_discrepancies;

DROP VIEW IF EXISTS funding.latest_snapshot;

DROP VIEW IF EXISTS funding.snapshot_history;

DROP VIEW IF EXISTS funding.current_rates;

DROP VIEW IF EXISTS funding.rate_history;

DO $do$
BEGIN
    IF to_regclass('funding.rates') IS NOT NULL THEN
        PERFORM maintenance.unpartition('funding.rates');
    END IF;
    IF to_regclass('funding.rate_revisions') IS NOT NULL THEN
        PERFORM maintenance.unpartition('funding.rate_revisions');
    END IF;
    IF to_regclass('funding.snapshots') IS NOT NULL THEN
        PERFORM maintenance.unpartition('funding.snapshots');
    END IF;
END
$do$;

DROP TABLE IF EXISTS funding.discrepancies;

DROP TABLE IF EXISTS funding.snapshots;

DROP TABLE IF EXISTS funding.rate_revisions;

DROP TABLE IF EXISTS funding.rates;

DROP TABLE IF EXISTS funding.series;

DROP TABLE IF EXISTS funding.symbols;
