-- Why:   undoes 000020_opportunities: opportunities and executions go; positions stay.
-- Locks: ACCESS EXCLUSIVE on what is dropped.
-- Takes: milliseconds for each partition.

DROP FUNCTION IF EXISTS opportunities.end_execution(
    uuid, uuid, numeric, numeric, numeric, timestamptz, text);

DROP FUNCTION IF EXISTS opportunities.start_execution(uuid, numeric, numeric, uuid);

DROP FUNCTION IF EXISTS opportunities.advance(uuid, text, text);

DROP FUNCTION IF EXISTS opportunities.detect(
    text, text, text, text, text, text, numeric, jsonb, numeric, numeric, timestamptz,
    timestamptz, timestamptz);

DROP VIEW IF EXISTS opportunities.orphans;

DROP VIEW IF EXISTS opportunities.execution_quality;

DROP VIEW IF EXISTS opportunities.known;

DO $do$
BEGIN
    IF to_regclass('opportunities.executions') IS NOT NULL THEN
        PERFORM maintenance.unpartition('opportunities.executions');
    END IF;
    IF to_regclass('opportunities.detected') IS NOT NULL THEN
        PERFORM maintenance.unpartition('opportunities.detected');
    END IF;
END
$do$;

DROP TABLE IF EXISTS opportunities.executions;

DROP TABLE IF EXISTS opportunities.detected;

DROP FUNCTION IF EXISTS opportunities.guard();

DROP FUNCTION IF EXISTS opportunities.next_states(text);
