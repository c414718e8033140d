-- Why:   Of a position that came of an opportunity the link could be lost: the opportunity expired
--        while its execution ran, and the end of that was refused. Several executions of one could
--        run at once, and what had ended could be rewritten. expires_at had no effect. Another
--        opportunity under a known key was dropped silently.
-- Locks: SHARE on opportunities.executions while the index is made and SHARE ROW EXCLUSIVE for the
--        trigger: who begins or ends an execution waits, readers go on.
-- Takes: about a second for each million executions.

DO $do$
DECLARE
    several text;
BEGIN
    SELECT string_agg(format('%s (%s)', r.opportunity_id, r.executions), '; ')
      INTO several
      FROM (SELECT e.opportunity_id,
                   string_agg(e.execution_id::text, ', ' ORDER BY e.attempt) AS executions
              FROM opportunities.executions AS e
             WHERE e.status = 'running'
             GROUP BY e.opportunity_id, e.detected_at
            HAVING count(*) > 1
             ORDER BY e.opportunity_id
             LIMIT 20) AS r;
    IF several IS NOT NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'unique_violation',
            MESSAGE = 'several executions of one opportunity are running: ' || several,
            HINT    = 'End all but one of each with opportunities.end_execution, those that came '
                      'to nothing with an error, then migrate again. At most 20 are named.';
    END IF;
END
$do$;

-- A migration is one transaction, which CONCURRENTLY refuses, as does a partitioned table.
-- squawk-ignore require-concurrent-index-creation
CREATE UNIQUE INDEX IF NOT EXISTS executions_that_run
    ON opportunities.executions (opportunity_id, detected_at)
    WHERE status = 'running';
COMMENT ON INDEX opportunities.executions_that_run IS
    'Of an opportunity one execution runs at a time; the one that does.';

CREATE OR REPLACE FUNCTION opportunities.guard()
    RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    changed text;
    running uuid;
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
    -- What it may yet come to would have nowhere to be written.
    IF new.status <> old.status
    AND opportunities.next_states(new.status) = '{}' THEN
        SELECT e.execution_id
          INTO running
          FROM opportunities.executions AS e
         WHERE e.opportunity_id = old.opportunity_id
           AND e.detected_at = old.detected_at
           AND e.status = 'running'
         ORDER BY e.attempt
         LIMIT 1;
        IF found THEN
            RAISE EXCEPTION USING
                ERRCODE = 'check_violation',
                CONSTRAINT = 'opportunity_ends_after_its_executions',
                MESSAGE = format('opportunity %s cannot become %s: its execution %s is running',
                                 old.opportunity_id, new.status, running),
                HINT    = 'End the execution first, with its position or an error: '
                          'opportunities.end_execution.';
        END IF;
    END IF;
    IF new.status <> old.status
    AND new.status IN ('qualified', 'executing')
    AND new.expires_at <= clock_timestamp() THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            CONSTRAINT = 'opportunity_is_not_over',
            MESSAGE = format('opportunity %s cannot become %s: its expires_at %s is over',
                             old.opportunity_id, new.status, new.expires_at),
            HINT    = 'opportunities.advance to expired, and detect another one if it goes on.';
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
    'Trigger: an opportunity begins as detected, moves on to a next state only, goes on only '
    'before its expires_at, ends only when none of its executions is running, and what was '
    'detected stays. Raises 23514 naming the states that are allowed next, the execution or the '
    'time.';

CREATE OR REPLACE FUNCTION opportunities.guard_execution()
    RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    opportunity opportunities.detected;
    running     uuid;
    changed     text;
BEGIN
    IF tg_op = 'INSERT' THEN
        IF new.status <> 'running' THEN
            RAISE EXCEPTION USING
                ERRCODE = 'check_violation',
                CONSTRAINT = 'execution_is_begun_as_running',
                MESSAGE = format('status %s of execution %s is no beginning', new.status,
                                 new.execution_id),
                HINT    = 'An execution begins as running; then opportunities.end_execution.';
        END IF;
        -- Its state stays until the execution stands beside it. None: the foreign key says so.
        SELECT d.*
          INTO opportunity
          FROM opportunities.detected AS d
         WHERE d.opportunity_id = new.opportunity_id
           AND d.detected_at = new.detected_at
           FOR SHARE;
        IF NOT found THEN
            RETURN new;
        END IF;
        IF opportunity.status <> 'executing' THEN
            RAISE EXCEPTION USING
                ERRCODE = 'check_violation',
                CONSTRAINT = 'execution_is_of_what_is_executing',
                MESSAGE = format('an execution of opportunity %s cannot begin: it is %s',
                                 new.opportunity_id, opportunity.status),
                HINT    = 'Begin it with opportunities.start_execution, of a qualified one.';
        ELSIF opportunity.expires_at <= clock_timestamp() THEN
            RAISE EXCEPTION USING
                ERRCODE = 'check_violation',
                CONSTRAINT = 'opportunity_is_not_over',
                MESSAGE = format('an execution of opportunity %s cannot begin: its expires_at %s '
                                 'is over', new.opportunity_id, opportunity.expires_at),
                HINT    = 'opportunities.advance to expired, and detect another one if it goes on.';
        END IF;
        SELECT e.execution_id
          INTO running
          FROM opportunities.executions AS e
         WHERE e.opportunity_id = new.opportunity_id
           AND e.detected_at = new.detected_at
           AND e.status = 'running'
         LIMIT 1;
        IF found THEN
            RAISE EXCEPTION USING
                ERRCODE = 'object_not_in_prerequisite_state',
                MESSAGE = format('an execution of opportunity %s cannot begin: its execution %s '
                                 'is running', new.opportunity_id, running),
                HINT    = 'End that one first, with its position or an error: '
                          'opportunities.end_execution.';
        END IF;
        RETURN new;
    END IF;

    -- Slippage is computed after this.
    SELECT string_agg(n.key, ', ' ORDER BY n.key)
      INTO changed
      FROM jsonb_each(to_jsonb(new)) AS n
      JOIN jsonb_each(to_jsonb(old)) AS o
        ON o.key = n.key
     WHERE n.value IS DISTINCT FROM o.value
       AND n.key NOT IN ('long_slippage', 'short_slippage')
       AND (n.key NOT IN ('position_id', 'first_fill_at', 'ended_at', 'quantity',
                          'long_price_actual', 'short_price_actual', 'status', 'error')
         OR old.status <> 'running');
    IF changed IS NOT NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            CONSTRAINT = 'what_was_executed_stays',
            MESSAGE = format('execution %s is %s: %s cannot change', old.execution_id, old.status,
                             changed),
            HINT    = CASE old.status
                          WHEN 'running' THEN 'What was begun stays: end it, and begin another one.'
                          ELSE 'What has ended stays as it is: begin another one.'
                      END;
    END IF;
    RETURN new;
END
$function$;

COMMENT ON FUNCTION opportunities.guard_execution() IS
    'Trigger: an execution begins as running, of an opportunity that is executing, whose '
    'expires_at is not over and of which no other runs; it ends once, and then stays as it is. '
    'Raises 23514 naming state, time or columns, 55000 naming the execution that runs.';

CREATE OR REPLACE TRIGGER executions_are_guarded
    BEFORE INSERT OR UPDATE
    ON opportunities.executions
    FOR EACH ROW
    EXECUTE FUNCTION opportunities.guard_execution();
COMMENT ON TRIGGER executions_are_guarded ON opportunities.executions IS
    'Keeps the life cycle of executions.';

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
    id      uuid;
    known   opportunities.detected;
    differs text;
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
        SELECT d.*
          INTO known
          FROM opportunities.detected AS d
         WHERE d.long_exchange = detect.long_exchange
           AND d.long_symbol = detect.long_symbol
           AND d.short_exchange = detect.short_exchange
           AND d.short_symbol = detect.short_symbol
           AND d.strategy = detect.strategy
           AND d.detected_at = detect.detected_at;
        -- Not expires_at, which may have been moved since.
        SELECT string_agg(format('%s is %s, not %s', f.field,
                                 left(coalesce(f.known, 'null'), 200),
                                 left(coalesce(f.told, 'null'), 200)), ', ' ORDER BY f.field)
          INTO differs
          FROM (VALUES ('asset', known.asset, asset, known.asset = asset),
                       ('score', trim_scale(known.score)::text, trim_scale(score)::text,
                        known.score = score::numeric(38,18)),
                       ('components', known.components::text, components::text,
                        known.components = components),
                       ('spread', trim_scale(known.spread)::text, trim_scale(spread)::text,
                        known.spread = spread::numeric(38,18)),
                       ('notional_max', trim_scale(known.notional_max)::text,
                        trim_scale(notional_max)::text,
                        known.notional_max IS NOT DISTINCT FROM notional_max::numeric(38,18)),
                       ('snapshot_at', known.snapshot_at::text, snapshot_at::text,
                        known.snapshot_at IS NOT DISTINCT FROM snapshot_at))
               AS f (field, known, told, is_same)
         WHERE f.is_same IS NOT TRUE;
        IF differs IS NOT NULL THEN
            RAISE EXCEPTION USING
                ERRCODE = 'unique_violation',
                CONSTRAINT = 'opportunity_is_detected_once',
                MESSAGE = format('opportunity %s is known with other content: %s',
                                 known.opportunity_id, differs),
                HINT    = 'What was detected stays: give another opportunity its own detected_at.';
        END IF;
        id := known.opportunity_id;
    END IF;
    RETURN id;
END
$function$;

COMMENT ON FUNCTION opportunities.detect(
    text, text, text, text, text, text, numeric, jsonb, numeric, numeric, timestamptz,
    timestamptz, timestamptz) IS
    'Writes down an opportunity; returns its id, that of the first if the same comes again. '
    'expires_at is taken from the first: it may have been moved since. Raises 23505 if legs, '
    'strategy and detected_at are known with other content, naming what differs, 23503 for an '
    'unknown exchange, 23514 naming what a column does not take.';

COMMENT ON FUNCTION opportunities.advance(uuid, text, text) IS
    'Moves an opportunity on to a next state; false if it is in it. Raises P0002 for an unknown '
    'one, 23514 for a state that is not allowed next, with those that are in the hint, for a last '
    'state while an execution is running, which is named, and for qualified or executing when '
    'expires_at is over.';

COMMENT ON FUNCTION opportunities.start_execution(uuid, numeric, numeric, uuid) IS
    'Begins an attempt to execute a qualified opportunity, or another of one that is executing; '
    'returns its id. Expected prices are in the quote assets of the legs. Raises as '
    'opportunities.advance does, 55000 naming the execution that is running, and 23514 when '
    'expires_at is over, and naming what a column does not take.';

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
    -- An opportunity that had ended while its execution ran, as was possible once, stays as it is:
    -- which position came of it counts more.
    IF error IS NULL THEN
        PERFORM opportunities.advance(d.opportunity_id, 'executed')
           FROM opportunities.detected AS d
          WHERE d.opportunity_id = opportunity
            AND opportunities.next_states(d.status) <> '{}';
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

CREATE OR REPLACE FUNCTION opportunities.expire_overdue()
    RETURNS int
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    expired_max CONSTANT int := 10000;
    expired     int;
BEGIN
    -- Whoever is moving one on at this moment has it.
    UPDATE opportunities.detected AS d
       SET status = 'expired',
           status_reason = 'expires_at is over'
      FROM (SELECT o.opportunity_id, o.detected_at
              FROM opportunities.detected AS o
             WHERE o.status IN ('detected', 'qualified')
               AND o.expires_at <= clock_timestamp()
               AND NOT EXISTS (SELECT
                                 FROM opportunities.executions AS e
                                WHERE e.opportunity_id = o.opportunity_id
                                  AND e.detected_at = o.detected_at
                                  AND e.status = 'running')
             ORDER BY o.expires_at
             LIMIT expired_max
               FOR NO KEY UPDATE SKIP LOCKED) AS f
     WHERE d.opportunity_id = f.opportunity_id
       AND d.detected_at = f.detected_at;
    GET DIAGNOSTICS expired = ROW_COUNT;
    RETURN expired;
END
$function$;

COMMENT ON FUNCTION opportunities.expire_overdue() IS
    'Sets opportunities whose expires_at is over and that are not executing to expired, at most '
    '10000, the oldest first; returns how many.';

INSERT INTO maintenance.jobs (job, every, schedule, command, description)
VALUES ('opportunity_expiry', '5 minutes', '*/5 * * * *', 'SELECT opportunities.expire_overdue()',
        'Sets opportunities that are over and not executing to expired.')
    ON CONFLICT (job) DO NOTHING;

REVOKE ALL
    ON FUNCTION opportunities.guard_execution(), opportunities.expire_overdue()
    FROM PUBLIC;

SELECT maintenance.adopt('opportunities');

GRANT EXECUTE
    ON FUNCTION opportunities.expire_overdue()
    TO nexus_opportunities;

DO $do$
BEGIN
    PERFORM maintenance.schedule_jobs();
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE NOTICE 'as nexus_maintainer: SELECT maintenance.schedule_jobs()';
END
$do$;
