-- Why:   undoes 000021_risk: snapshots, alerts and breaches go.
-- Locks: ACCESS EXCLUSIVE on what is dropped.
-- Takes: milliseconds.

DROP VIEW IF EXISTS risk.latest_snapshot;

DROP VIEW IF EXISTS risk.standing_alerts;

DROP FUNCTION IF EXISTS risk.take_snapshot(text, timestamptz);

DROP FUNCTION IF EXISTS risk.historical_var(text, date, int, numeric);

DROP VIEW IF EXISTS risk.exposures;

DROP FUNCTION IF EXISTS risk.is_usd(text);

DROP FUNCTION IF EXISTS risk.release_held_alerts();

DROP FUNCTION IF EXISTS risk.acknowledge_alert(bigint, text);

DROP FUNCTION IF EXISTS risk.resolve_alert(text, text);

DROP FUNCTION IF EXISTS risk.raise_alert(text, text, text, text, jsonb);
DROP FUNCTION IF EXISTS risk.is_told(text);

DROP TABLE IF EXISTS risk.limit_breaches;

DROP TABLE IF EXISTS risk.alerts;

DO $do$
BEGIN
    IF to_regclass('risk.snapshots') IS NOT NULL THEN
        PERFORM maintenance.unpartition('risk.snapshots');
    END IF;
END
$do$;

DROP TABLE IF EXISTS risk.snapshots;
