-- Why:   undoes 000029_executions: executions and expires_at are not guarded any more. What became
--        of opportunities and executions stays.
-- Locks: ACCESS EXCLUSIVE on opportunities.executions for a moment.
-- Takes: milliseconds.

DO $do$
BEGIN
    BEGIN
        IF EXISTS (SELECT FROM pg_catalog.pg_extension AS e WHERE e.extname = 'pg_cron') THEN
            PERFORM cron.unschedule(c.jobid)
               FROM cron.job AS c
              WHERE c.jobname = 'nexus opportunity_expiry';
        END IF;
    EXCEPTION
        WHEN insufficient_privilege THEN
            RAISE NOTICE 'as nexus_maintainer: SELECT cron.unschedule(%)',
                         quote_literal('nexus opportunity_expiry');
    END;
    DELETE FROM maintenance.runs AS r
     WHERE r.job = 'opportunity_expiry';
    DELETE FROM maintenance.jobs AS j
     WHERE j.job = 'opportunity_expiry';
END
$do$;

DROP FUNCTION IF EXISTS opportunities.expire_overdue();

DROP TRIGGER IF EXISTS executions_are_guarded ON opportunities.executions;

DROP FUNCTION IF EXISTS opportunities.guard_execution();

CREATE OR REPLACE FUNCTION opportunities.end_execution(
        execution_id uuid, position_id uuid, quantity numeric, long_price_actual numeric,
        short_price_actual numeric, first_fill_at timestamptz DEFAULT NULL,
        error text DEFAULT NULL)
    RETURNS boolean
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    opportunity uuid;
    was         text;
BEGIN
    SELECT e.opportunity_id, e.status
      INTO opportunity, was
      FROM opportunities.executions AS e
     WHERE e.execution_id = end_execution.execution_id
       FOR NO KEY UPDATE;
    IF NOT found THEN
        RAISE EXCEPTION USING
            ERRCODE = 'no_data_found',
            MESSAGE = format('execution_id %s does not exist',
                             coalesce(execution_id::text, 'null')),
            HINT    = 'Begin one with opportunities.start_execution.';
    END IF;
    IF was <> 'running' THEN
        RETURN false;
    END IF;
    UPDATE opportunities.executions AS e
       SET position_id = coalesce(end_execution.position_id, e.position_id),
           quantity = end_execution.quantity,
           long_price_actual = end_execution.long_price_actual,
           short_price_actual = end_execution.short_price_actual,
           first_fill_at = end_execution.first_fill_at,
           ended_at = greatest(clock_timestamp(), e.started_at),
           status = CASE WHEN end_execution.error IS NULL THEN 'filled' ELSE 'failed' END,
           error = left(end_execution.error, 1024)
     WHERE e.execution_id = end_execution.execution_id;
    IF error IS NULL THEN
        PERFORM opportunities.advance(opportunity, 'executed');
    END IF;
    RETURN true;
END
$function$;

COMMENT ON FUNCTION opportunities.end_execution(
    uuid, uuid, numeric, numeric, numeric, timestamptz, text) IS
    'Ends an execution with its position, quantity (units of the asset) and average prices (quote '
    'assets), and its opportunity as executed; with an error the execution has failed, and the '
    'opportunity waits for another attempt or opportunities.advance. False if it had ended. Raises '
    'P0002 for an unknown one, 23514 naming what a column does not take.';

COMMENT ON FUNCTION opportunities.start_execution(uuid, numeric, numeric, uuid) IS
    'Begins an attempt to execute a qualified opportunity, or another of one that is executing; '
    'returns its id. Expected prices are in the quote assets of the legs. Raises as '
    'opportunities.advance does, and 23514 naming what a column does not take.';

COMMENT ON FUNCTION opportunities.advance(uuid, text, text) IS
    'Moves an opportunity on to a next state; false if it is in it. Raises P0002 for an unknown '
    'one, 23514 for a state that is not allowed next, with those that are in the hint.';

CREATE OR REPLACE FUNCTION opportunities.detect(
        strategy text, asset text, long_exchange text, long_symbol text, short_exchange text,
        short_symbol text, score numeric, components jsonb, spread numeric,
        notional_max numeric DEFAULT NULL, expires_at timestamptz DEFAULT NULL,
        snapshot_at timestamptz DEFAULT NULL, detected_at timestamptz DEFAULT clock_timestamp())
    RETURNS uuid
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    id uuid;
BEGIN
    PERFORM maintenance.ensure_partitions('opportunities.detected', detected_at, detected_at);
    INSERT INTO opportunities.detected AS d
           (strategy, asset, long_exchange, long_symbol, short_exchange, short_symbol, score,
            components, spread, notional_max, expires_at, snapshot_at, detected_at)
    VALUES (detect.strategy, detect.asset, detect.long_exchange, detect.long_symbol,
            detect.short_exchange, detect.short_symbol, detect.score, detect.components,
            detect.spread, detect.notional_max, detect.expires_at, detect.snapshot_at,
            detect.detected_at)
        ON CONFLICT DO NOTHING
    RETURNING d.opportunity_id
      INTO id;
    IF id IS NULL THEN
        SELECT d.opportunity_id
          INTO id
          FROM opportunities.detected AS d
         WHERE d.long_exchange = detect.long_exchange
           AND d.long_symbol = detect.long_symbol
           AND d.short_exchange = detect.short_exchange
           AND d.short_symbol = detect.short_symbol
           AND d.strategy = detect.strategy
           AND d.detected_at = detect.detected_at;
    END IF;
    RETURN id;
END
$function$;

COMMENT ON FUNCTION opportunities.detect(
    text, text, text, text, text, text, numeric, jsonb, numeric, numeric, timestamptz,
    timestamptz, timestamptz) IS
    'Writes down an opportunity; returns its id, that of the first if it comes again. Raises 23503 '
    'for an unknown exchange, 23514 naming what a column does not take.';

CREATE OR REPLACE FUNCTION opportunities.guard()
    RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    changed text;
BEGIN
    IF tg_op = 'INSERT' THEN
        IF new.status <> 'detected' THEN
            RAISE EXCEPTION USING
                ERRCODE = 'check_violation',
                CONSTRAINT = 'life_is_begun_as_detected',
                MESSAGE = format('status %s of opportunity %s is no beginning', new.status,
                                 new.opportunity_id),
                HINT    = 'An opportunity begins as detected; then opportunities.advance.';
        END IF;
        RETURN new;
    END IF;

    IF new.status <> old.status
    AND NOT new.status = ANY (opportunities.next_states(old.status)) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            CONSTRAINT = 'status_is_a_next_one',
            MESSAGE = format('opportunity %s cannot become %s: it is %s', old.opportunity_id,
                             new.status, old.status),
            HINT    = CASE
                          WHEN opportunities.next_states(old.status) = '{}'
                              THEN format('%s is a last state: it stays. Allowed next: none.',
                                          old.status)
                          ELSE format('Allowed next: %s.',
                                      array_to_string(opportunities.next_states(old.status), ', '))
                      END;
    END IF;
    SELECT string_agg(n.key, ', ' ORDER BY n.key)
      INTO changed
      FROM jsonb_each(to_jsonb(new)) AS n
      JOIN jsonb_each(to_jsonb(old)) AS o
        ON o.key = n.key
     WHERE n.value IS DISTINCT FROM o.value
       AND (n.key NOT IN ('status', 'status_reason', 'status_changed_at', 'expires_at')
         OR opportunities.next_states(old.status) = '{}');
    IF changed IS NOT NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            CONSTRAINT = 'what_was_detected_stays',
            MESSAGE = format('opportunity %s is %s: %s cannot change', old.opportunity_id,
                             old.status, changed),
            HINT    = CASE
                          WHEN opportunities.next_states(old.status) = '{}'
                              THEN 'A last state stays as it is.'
                          ELSE 'What was detected stays: write another opportunity.'
                      END;
    END IF;
    IF new.status <> old.status
    AND new.status_changed_at = old.status_changed_at THEN
        new.status_changed_at := greatest(clock_timestamp(), old.status_changed_at);
    END IF;
    RETURN new;
END
$function$;

COMMENT ON FUNCTION opportunities.guard() IS
    'Trigger: an opportunity begins as detected, moves on to a next state only, and what was '
    'detected stays. Raises 23514 naming the states that are allowed next.';

-- An index of a partitioned table goes with those of its parts, never CONCURRENTLY.
-- squawk-ignore require-concurrent-index-deletion
DROP INDEX IF EXISTS opportunities.executions_that_run;
