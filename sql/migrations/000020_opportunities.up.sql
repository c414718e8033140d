-- Why:   opportunities that were detected, with their score and what became of them; executions
--        link an opportunity to the position that came of it.
-- Locks: ACCESS EXCLUSIVE on the new tables only, which nobody reads yet.
-- Takes: 200 ms, for the months that are made ahead.
--
-- detected → qualified | expired | rejected
-- qualified → executing | expired | rejected
-- executing → executed | expired | rejected | failed
-- executed, expired, rejected, failed: for ever
--
-- Executions are partitioned by the detection of their opportunity, so that both age together and
-- the foreign key needs no key beside that of the partition. Retention detaches a month of
-- executions, drops its foreign keys, and then detaches the month of opportunities.

CREATE TABLE IF NOT EXISTS opportunities.detected (
    opportunity_id    uuid           NOT NULL
        DEFAULT gen_random_uuid(),
    detected_at       timestamptz    NOT NULL
        DEFAULT clock_timestamp(),
    status_changed_at timestamptz    NOT NULL
        DEFAULT clock_timestamp(),
    expires_at        timestamptz,
    snapshot_at       timestamptz,
    score             numeric(38,18) NOT NULL,
    spread            numeric(38,18) NOT NULL,
    notional_max      numeric(38,18),
    status            text           NOT NULL
        DEFAULT 'detected',
    status_reason     text,
    strategy          text           NOT NULL,
    asset             text           NOT NULL,
    long_exchange     text           NOT NULL,
    long_symbol       text           NOT NULL,
    short_exchange    text           NOT NULL,
    short_symbol      text           NOT NULL,
    components        jsonb          NOT NULL,
    CONSTRAINT opportunity_has_one_place
        PRIMARY KEY (opportunity_id, detected_at),
    CONSTRAINT opportunity_is_detected_once
        UNIQUE (long_exchange, long_symbol, short_exchange, short_symbol, strategy, detected_at),
    CONSTRAINT long_leg_belongs_to_an_exchange
        FOREIGN KEY (long_exchange) REFERENCES config.exchanges (exchange),
    CONSTRAINT short_leg_belongs_to_an_exchange
        FOREIGN KEY (short_exchange) REFERENCES config.exchanges (exchange),
    CONSTRAINT legs_are_two
        CHECK ((long_exchange, long_symbol) <> (short_exchange, short_symbol)),
    CONSTRAINT symbols_have_1_to_64_characters_without_space
        CHECK (length(long_symbol) BETWEEN 1 AND 64
           AND length(short_symbol) BETWEEN 1 AND 64
           AND long_symbol || short_symbol !~ '[[:space:][:cntrl:]]'),
    CONSTRAINT asset_is_plain
        CHECK (asset COLLATE "C" ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$'),
    CONSTRAINT strategy_is_plain
        CHECK (strategy COLLATE "C" ~ '^[a-z0-9][a-z0-9_.-]{0,63}$'),
    CONSTRAINT score_is_0_to_100
        CHECK (score BETWEEN 0 AND 100),
    CONSTRAINT components_are_an_object
        CHECK (jsonb_typeof(components) = 'object'),
    CONSTRAINT spread_is_a_fraction
        CHECK (spread BETWEEN -2 AND 2),
    CONSTRAINT notional_max_is_positive
        CHECK (notional_max > 0
           AND notional_max <> 'NaN'),
    CONSTRAINT status_is_known
        CHECK (status IN ('detected', 'qualified', 'executing', 'executed', 'expired', 'rejected',
                          'failed')),
    CONSTRAINT status_reason_has_1_to_256_characters
        CHECK (length(status_reason) BETWEEN 1 AND 256),
    CONSTRAINT expiry_is_after_detection
        CHECK (expires_at > detected_at),
    CONSTRAINT snapshot_is_not_after_detection
        CHECK (snapshot_at <= detected_at)
)
PARTITION BY RANGE (detected_at);

COMMENT ON TABLE opportunities.detected IS
    'A row is an opportunity: to be long of one instrument and short of another. By month of '
    'detected_at, UTC. What was detected stays; its status moves on, see opportunities.guard.';
COMMENT ON COLUMN opportunities.detected.opportunity_id IS
    'Identity of the opportunity.';
COMMENT ON COLUMN opportunities.detected.detected_at IS
    'When it was detected.';
COMMENT ON COLUMN opportunities.detected.status_changed_at IS
    'When its status changed last, by the clock of the database.';
COMMENT ON COLUMN opportunities.detected.expires_at IS
    'When it ends by itself, mostly the next settlement; null if that is not known.';
COMMENT ON COLUMN opportunities.detected.snapshot_at IS
    'The snapshot that it was found in, see funding.snapshots; null if in none.';
COMMENT ON COLUMN opportunities.detected.score IS
    'UOS score, in points, 0 to 100.';
COMMENT ON COLUMN opportunities.detected.spread IS
    'Rate of the short leg less that of the long one, fraction per 8 hours, -2 to 2.';
COMMENT ON COLUMN opportunities.detected.notional_max IS
    'Greatest notional of one leg that the books bear, in USD; null if that is not known.';
COMMENT ON COLUMN opportunities.detected.status IS
    'detected, qualified, executing, executed, expired, rejected or failed.';
COMMENT ON COLUMN opportunities.detected.status_reason IS
    'Why it has its status, 1 to 256 characters; null if that needs no word.';
COMMENT ON COLUMN opportunities.detected.strategy IS
    'The strategy, see config.strategy_parameters.';
COMMENT ON COLUMN opportunities.detected.asset IS
    'The asset that both legs are of.';
COMMENT ON COLUMN opportunities.detected.long_exchange IS
    'Exchange of the long leg, see config.exchanges.';
COMMENT ON COLUMN opportunities.detected.long_symbol IS
    'What that exchange calls its instrument.';
COMMENT ON COLUMN opportunities.detected.short_exchange IS
    'Exchange of the short leg, see config.exchanges.';
COMMENT ON COLUMN opportunities.detected.short_symbol IS
    'What that exchange calls its instrument.';
COMMENT ON COLUMN opportunities.detected.components IS
    'What the score is made of, an object: {funding, liquidity, stability, risk, …} in points.';

CREATE INDEX IF NOT EXISTS detected_by_status
    ON opportunities.detected (status, detected_at);
COMMENT ON INDEX opportunities.detected_by_status IS
    'The latest opportunities of a status.';

CREATE INDEX IF NOT EXISTS detected_that_are_open
    ON opportunities.detected (asset, detected_at)
    WHERE status IN ('detected', 'qualified', 'executing');
COMMENT ON INDEX opportunities.detected_that_are_open IS
    'What can still become a position, of an asset or all: few among all.';

CREATE INDEX IF NOT EXISTS detected_by_short_exchange
    ON opportunities.detected (short_exchange, detected_at);
COMMENT ON INDEX opportunities.detected_by_short_exchange IS
    'Opportunities with their short leg at an exchange; the foreign key.';

CREATE INDEX IF NOT EXISTS detected_by_components
    ON opportunities.detected USING gin (components jsonb_path_ops);
COMMENT ON INDEX opportunities.detected_by_components IS
    'Opportunities whose score contains something (components @> …).';

-- Before anything refers to it: the DEFAULT partition that pg_partman makes can be dropped now.
SELECT maintenance.adopt('opportunities');
SELECT maintenance.partition('opportunities.detected', interval '1 month', 3);

CREATE TABLE IF NOT EXISTS opportunities.executions (
    execution_id         uuid           NOT NULL
        DEFAULT gen_random_uuid(),
    opportunity_id       uuid           NOT NULL,
    position_id          uuid,
    detected_at          timestamptz    NOT NULL,
    started_at           timestamptz    NOT NULL
        DEFAULT clock_timestamp(),
    first_fill_at        timestamptz,
    ended_at             timestamptz,
    quantity             numeric(38,18),
    long_price_expected  numeric(38,18) NOT NULL,
    long_price_actual    numeric(38,18),
    short_price_expected numeric(38,18) NOT NULL,
    short_price_actual   numeric(38,18),
    long_slippage        numeric(38,18)
        GENERATED ALWAYS AS (round((long_price_actual - long_price_expected)
                                   / long_price_expected, 18)) STORED,
    short_slippage       numeric(38,18)
        GENERATED ALWAYS AS (round((short_price_expected - short_price_actual)
                                   / short_price_expected, 18)) STORED,
    attempt              int            NOT NULL
        DEFAULT 1,
    status               text           NOT NULL
        DEFAULT 'running',
    error                text,
    CONSTRAINT execution_has_one_place
        PRIMARY KEY (execution_id, detected_at),
    CONSTRAINT execution_is_one_attempt
        UNIQUE (opportunity_id, detected_at, attempt),
    CONSTRAINT execution_belongs_to_an_opportunity
        FOREIGN KEY (opportunity_id, detected_at)
        REFERENCES opportunities.detected (opportunity_id, detected_at),
    CONSTRAINT attempt_is_positive
        CHECK (attempt >= 1),
    CONSTRAINT status_is_known
        CHECK (status IN ('running', 'filled', 'failed')),
    CONSTRAINT execution_has_an_end_unless_it_runs
        CHECK ((status = 'running') = (ended_at IS NULL)),
    CONSTRAINT execution_is_filled_with_a_position_and_prices
        CHECK (status <> 'filled'
            OR num_nulls(position_id, quantity, long_price_actual, short_price_actual) = 0),
    CONSTRAINT execution_has_an_error_if_it_failed
        CHECK ((status = 'failed') = (error IS NOT NULL)),
    CONSTRAINT error_has_1_to_1024_characters
        CHECK (length(error) BETWEEN 1 AND 1024),
    CONSTRAINT execution_was_started_after_detection
        CHECK (started_at >= detected_at),
    CONSTRAINT times_are_in_order
        CHECK (first_fill_at >= started_at
           AND ended_at >= started_at),
    CONSTRAINT quantity_is_positive
        CHECK (quantity > 0
           AND quantity <> 'NaN'),
    CONSTRAINT prices_are_positive
        CHECK (long_price_expected > 0
           AND long_price_expected <> 'NaN'
           AND short_price_expected > 0
           AND short_price_expected <> 'NaN'
           AND long_price_actual > 0
           AND long_price_actual <> 'NaN'
           AND short_price_actual > 0
           AND short_price_actual <> 'NaN')
)
PARTITION BY RANGE (detected_at);

COMMENT ON TABLE opportunities.executions IS
    'A row is an attempt to make a position of an opportunity. By month of detected_at, UTC.';
COMMENT ON COLUMN opportunities.executions.execution_id IS
    'Identity of the execution.';
COMMENT ON COLUMN opportunities.executions.opportunity_id IS
    'The opportunity, see opportunities.detected.';
COMMENT ON COLUMN opportunities.executions.position_id IS
    'The position, see positions.streams; null until there is one. Without a foreign key: the '
    'events of a position may wait in an outbox. See opportunities.orphans.';
COMMENT ON COLUMN opportunities.executions.detected_at IS
    'When the opportunity was detected.';
COMMENT ON COLUMN opportunities.executions.started_at IS
    'When the first order was sent.';
COMMENT ON COLUMN opportunities.executions.first_fill_at IS
    'When the first order was filled, in part or whole; null before.';
COMMENT ON COLUMN opportunities.executions.ended_at IS
    'When both legs stood, or it was given up; null while it runs.';
COMMENT ON COLUMN opportunities.executions.quantity IS
    'Quantity of one leg, in units of the asset; null before it is known.';
COMMENT ON COLUMN opportunities.executions.long_price_expected IS
    'Price of the long leg when it was decided, in its quote asset.';
COMMENT ON COLUMN opportunities.executions.long_price_actual IS
    'Average price of the long leg''s fills, in its quote asset; null before they are known.';
COMMENT ON COLUMN opportunities.executions.short_price_expected IS
    'Price of the short leg when it was decided, in its quote asset.';
COMMENT ON COLUMN opportunities.executions.short_price_actual IS
    'Average price of the short leg''s fills, in its quote asset; null before they are known.';
COMMENT ON COLUMN opportunities.executions.long_slippage IS
    'What the long leg cost more than expected, fraction of the expected price; negative if less.';
COMMENT ON COLUMN opportunities.executions.short_slippage IS
    'What the short leg brought less than expected, fraction of the expected price; negative if '
    'more.';
COMMENT ON COLUMN opportunities.executions.attempt IS
    'Which attempt of the opportunity it is, from 1.';
COMMENT ON COLUMN opportunities.executions.status IS
    'running, filled or failed.';
COMMENT ON COLUMN opportunities.executions.error IS
    'What went wrong, 1 to 1024 characters, without secrets; null unless it failed.';

CREATE INDEX IF NOT EXISTS executions_by_position
    ON opportunities.executions USING hash (position_id);
COMMENT ON INDEX opportunities.executions_by_position IS
    'Which opportunity a position came of: equality only.';

CREATE INDEX IF NOT EXISTS executions_by_start
    ON opportunities.executions (status, started_at);
COMMENT ON INDEX opportunities.executions_by_start IS
    'Executions of a period for the analysis of slippage; those that run.';

CREATE OR REPLACE FUNCTION opportunities.next_states(status text)
    RETURNS text[]
    LANGUAGE sql
    IMMUTABLE
    SET search_path = pg_catalog, pg_temp
AS $function$
    SELECT CASE status
               WHEN 'detected' THEN ARRAY['qualified', 'expired', 'rejected']
               WHEN 'qualified' THEN ARRAY['executing', 'expired', 'rejected']
               WHEN 'executing' THEN ARRAY['executed', 'expired', 'rejected', 'failed']
               ELSE ARRAY[]::text[]
           END
$function$;

COMMENT ON FUNCTION opportunities.next_states(text) IS
    'The states that may follow one; none after the last ones.';

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

CREATE OR REPLACE TRIGGER detected_is_guarded
    BEFORE INSERT OR UPDATE
    ON opportunities.detected
    FOR EACH ROW
    EXECUTE FUNCTION opportunities.guard();
COMMENT ON TRIGGER detected_is_guarded ON opportunities.detected IS
    'Keeps the life cycle of opportunities.';

SELECT maintenance.adopt('opportunities');
SELECT maintenance.partition('opportunities.executions', interval '1 month', 3);

CREATE OR REPLACE VIEW opportunities.known AS
SELECT d.opportunity_id, d.detected_at, d.strategy, d.asset, d.long_exchange, d.long_symbol,
       d.short_exchange, d.short_symbol, d.score, d.components, d.spread, d.notional_max,
       d.status, d.status_reason, d.status_changed_at, d.expires_at, d.snapshot_at
  FROM opportunities.detected AS d;

COMMENT ON VIEW opportunities.known IS
    'All opportunities, for every service.';
COMMENT ON COLUMN opportunities.known.opportunity_id IS
    'Identity of the opportunity.';
COMMENT ON COLUMN opportunities.known.detected_at IS
    'When it was detected.';
COMMENT ON COLUMN opportunities.known.strategy IS
    'The strategy.';
COMMENT ON COLUMN opportunities.known.asset IS
    'The asset that both legs are of.';
COMMENT ON COLUMN opportunities.known.long_exchange IS
    'Exchange of the long leg.';
COMMENT ON COLUMN opportunities.known.long_symbol IS
    'What that exchange calls its instrument.';
COMMENT ON COLUMN opportunities.known.short_exchange IS
    'Exchange of the short leg.';
COMMENT ON COLUMN opportunities.known.short_symbol IS
    'What that exchange calls its instrument.';
COMMENT ON COLUMN opportunities.known.score IS
    'UOS score, in points, 0 to 100.';
COMMENT ON COLUMN opportunities.known.components IS
    'What the score is made of, in points.';
COMMENT ON COLUMN opportunities.known.spread IS
    'Rate of the short leg less that of the long one, fraction per 8 hours.';
COMMENT ON COLUMN opportunities.known.notional_max IS
    'Greatest notional of one leg, in USD; null if that is not known.';
COMMENT ON COLUMN opportunities.known.status IS
    'State of its life.';
COMMENT ON COLUMN opportunities.known.status_reason IS
    'Why it has its status; null if that needs no word.';
COMMENT ON COLUMN opportunities.known.status_changed_at IS
    'When its status changed last.';
COMMENT ON COLUMN opportunities.known.expires_at IS
    'When it ends by itself; null if that is not known.';
COMMENT ON COLUMN opportunities.known.snapshot_at IS
    'The snapshot that it was found in; null if in none.';

CREATE OR REPLACE VIEW opportunities.execution_quality AS
SELECT e.execution_id, e.opportunity_id, e.position_id, e.attempt, e.status, d.strategy, d.asset,
       d.long_exchange, d.short_exchange, e.detected_at, e.started_at, e.first_fill_at, e.ended_at,
       e.quantity, e.long_price_expected, e.long_price_actual, e.short_price_expected,
       e.short_price_actual, e.long_slippage, e.short_slippage, e.error
  FROM opportunities.executions AS e
  JOIN opportunities.detected AS d
    ON d.opportunity_id = e.opportunity_id
   AND d.detected_at = e.detected_at;

COMMENT ON VIEW opportunities.execution_quality IS
    'Executions with what they were of, for every service.';
COMMENT ON COLUMN opportunities.execution_quality.execution_id IS
    'Identity of the execution.';
COMMENT ON COLUMN opportunities.execution_quality.opportunity_id IS
    'The opportunity.';
COMMENT ON COLUMN opportunities.execution_quality.position_id IS
    'The position; null until there is one.';
COMMENT ON COLUMN opportunities.execution_quality.attempt IS
    'Which attempt of the opportunity it is.';
COMMENT ON COLUMN opportunities.execution_quality.status IS
    'running, filled or failed.';
COMMENT ON COLUMN opportunities.execution_quality.strategy IS
    'The strategy.';
COMMENT ON COLUMN opportunities.execution_quality.asset IS
    'The asset that both legs are of.';
COMMENT ON COLUMN opportunities.execution_quality.long_exchange IS
    'Exchange of the long leg.';
COMMENT ON COLUMN opportunities.execution_quality.short_exchange IS
    'Exchange of the short leg.';
COMMENT ON COLUMN opportunities.execution_quality.detected_at IS
    'When the opportunity was detected.';
COMMENT ON COLUMN opportunities.execution_quality.started_at IS
    'When the first order was sent.';
COMMENT ON COLUMN opportunities.execution_quality.first_fill_at IS
    'When the first order was filled; null before.';
COMMENT ON COLUMN opportunities.execution_quality.ended_at IS
    'When it ended; null while it runs.';
COMMENT ON COLUMN opportunities.execution_quality.quantity IS
    'Quantity of one leg, in units of the asset.';
COMMENT ON COLUMN opportunities.execution_quality.long_price_expected IS
    'Price of the long leg when it was decided, in its quote asset.';
COMMENT ON COLUMN opportunities.execution_quality.long_price_actual IS
    'Average price of the long leg''s fills, in its quote asset.';
COMMENT ON COLUMN opportunities.execution_quality.short_price_expected IS
    'Price of the short leg when it was decided, in its quote asset.';
COMMENT ON COLUMN opportunities.execution_quality.short_price_actual IS
    'Average price of the short leg''s fills, in its quote asset.';
COMMENT ON COLUMN opportunities.execution_quality.long_slippage IS
    'What the long leg cost more than expected, fraction of the expected price.';
COMMENT ON COLUMN opportunities.execution_quality.short_slippage IS
    'What the short leg brought less than expected, fraction of the expected price.';
COMMENT ON COLUMN opportunities.execution_quality.error IS
    'What went wrong; null unless it failed.';

CREATE OR REPLACE VIEW opportunities.orphans AS
SELECT e.position_id, e.execution_id, e.opportunity_id, e.detected_at, e.started_at, e.status
  FROM opportunities.executions AS e
 WHERE e.position_id IS NOT NULL
   AND NOT EXISTS (SELECT
                     FROM positions.books AS b
                     JOIN positions.streams AS s
                       ON s.book_id = b.book_id
                    WHERE s.position_id = e.position_id);

COMMENT ON VIEW opportunities.orphans IS
    'Executions whose position the ledger does not know: its events wait in an outbox, or were '
    'never sent. For every service.';
COMMENT ON COLUMN opportunities.orphans.position_id IS
    'The position that is not in positions.streams.';
COMMENT ON COLUMN opportunities.orphans.execution_id IS
    'The execution.';
COMMENT ON COLUMN opportunities.orphans.opportunity_id IS
    'The opportunity.';
COMMENT ON COLUMN opportunities.orphans.detected_at IS
    'When the opportunity was detected.';
COMMENT ON COLUMN opportunities.orphans.started_at IS
    'When the first order was sent.';
COMMENT ON COLUMN opportunities.orphans.status IS
    'running, filled or failed.';

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

CREATE OR REPLACE FUNCTION opportunities.advance(
        opportunity_id uuid, status text, reason text DEFAULT NULL)
    RETURNS boolean
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    was text;
BEGIN
    SELECT d.status
      INTO was
      FROM opportunities.detected AS d
     WHERE d.opportunity_id = advance.opportunity_id
       FOR NO KEY UPDATE;
    IF NOT found THEN
        RAISE EXCEPTION USING
            ERRCODE = 'no_data_found',
            MESSAGE = format('opportunity_id %s does not exist',
                             coalesce(opportunity_id::text, 'null')),
            HINT    = 'SELECT opportunity_id FROM opportunities.known lists those that do.';
    END IF;
    IF was = status THEN
        RETURN false;
    END IF;
    UPDATE opportunities.detected AS d
       SET status = advance.status,
           status_reason = advance.reason
     WHERE d.opportunity_id = advance.opportunity_id;
    RETURN true;
END
$function$;

COMMENT ON FUNCTION opportunities.advance(uuid, text, text) IS
    'Moves an opportunity on to a next state; false if it is in it. Raises P0002 for an unknown '
    'one, 23514 for a state that is not allowed next, with those that are in the hint.';

CREATE OR REPLACE FUNCTION opportunities.start_execution(
        opportunity_id uuid, long_price_expected numeric, short_price_expected numeric,
        position_id uuid DEFAULT NULL)
    RETURNS uuid
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    detected timestamptz;
    id       uuid;
BEGIN
    PERFORM opportunities.advance(opportunity_id, 'executing');
    SELECT d.detected_at
      INTO detected
      FROM opportunities.detected AS d
     WHERE d.opportunity_id = start_execution.opportunity_id;
    PERFORM maintenance.ensure_partitions('opportunities.executions', detected, detected);
    INSERT INTO opportunities.executions AS e
           (opportunity_id, detected_at, position_id, long_price_expected, short_price_expected,
            started_at, attempt)
    SELECT start_execution.opportunity_id, detected, start_execution.position_id,
           start_execution.long_price_expected, start_execution.short_price_expected,
           greatest(clock_timestamp(), detected), coalesce(max(f.attempt), 0) + 1
      FROM opportunities.executions AS f
     WHERE f.opportunity_id = start_execution.opportunity_id
       AND f.detected_at = detected
    RETURNING e.execution_id
      INTO id;
    RETURN id;
END
$function$;

COMMENT ON FUNCTION opportunities.start_execution(uuid, numeric, numeric, uuid) IS
    'Begins an attempt to execute a qualified opportunity, or another of one that is executing; '
    'returns its id. Expected prices are in the quote assets of the legs. Raises as '
    'opportunities.advance does, and 23514 naming what a column does not take.';

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

REVOKE ALL
    ON ALL FUNCTIONS IN SCHEMA opportunities
    FROM PUBLIC;

SELECT maintenance.adopt('opportunities');

GRANT SELECT, INSERT, UPDATE
    ON opportunities.detected, opportunities.executions
    TO nexus_opportunities;
GRANT SELECT
    ON opportunities.detected, opportunities.executions
    TO nexus_analyst, nexus_auditor;
GRANT SELECT
    ON opportunities.known, opportunities.execution_quality, opportunities.orphans
    TO nexus_reader;
GRANT EXECUTE
    ON FUNCTION opportunities.next_states(text)
    TO nexus_reader;
GRANT EXECUTE
    ON FUNCTION opportunities.detect(
                    text, text, text, text, text, text, numeric, jsonb, numeric, numeric,
                    timestamptz, timestamptz, timestamptz)
    TO nexus_opportunities;
GRANT EXECUTE
    ON FUNCTION opportunities.advance(uuid, text, text),
                opportunities.start_execution(uuid, numeric, numeric, uuid),
                opportunities.end_execution(
                    uuid, uuid, numeric, numeric, numeric, timestamptz, text)
    TO nexus_opportunities, nexus_positions;
