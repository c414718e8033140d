-- Why:   how much is at risk: snapshots of exposure and VaR, breaches of limits, alerts. A breach
--        names its limit, and its alert; both are opened and closed by the snapshots.
-- Locks: ACCESS EXCLUSIVE on the new tables only, which nobody reads yet.
-- Takes: milliseconds, 100 ms for the months that are made ahead.
--
-- US dollars and stable coins of them count at par: one unit of USD, USDT, USDC … is one usd.
-- What is priced in anything else is counted and left out of the sums, never silently.

CREATE TABLE IF NOT EXISTS risk.snapshots (
    snapshot_id    bigint         NOT NULL
        GENERATED ALWAYS AS IDENTITY,
    taken_at       timestamptz    NOT NULL,
    log_position   bigint         NOT NULL,
    gross_exposure numeric(38,18) NOT NULL,
    net_exposure   numeric(38,18) NOT NULL,
    unrealized     numeric(38,18) NOT NULL,
    drawdown       numeric(38,18),
    var            numeric(38,18),
    var_confidence numeric(38,18) NOT NULL,
    var_window     int            NOT NULL,
    var_days       int            NOT NULL,
    positions      int            NOT NULL,
    unmarked_legs  int            NOT NULL,
    unpriced_legs  int            NOT NULL,
    unvalued_legs  int            NOT NULL
        DEFAULT 0,
    book           text           NOT NULL,
    var_method     text           NOT NULL
        DEFAULT 'historical',
    var_missing    text,
    by_venue       jsonb          NOT NULL,
    by_asset       jsonb          NOT NULL,
    CONSTRAINT snapshot_has_one_place
        PRIMARY KEY (book, taken_at),
    CONSTRAINT gross_exposure_is_not_negative
        CHECK (gross_exposure >= 0
           AND gross_exposure <> 'NaN'),
    CONSTRAINT net_exposure_is_at_most_gross
        CHECK (abs(net_exposure) <= gross_exposure
           AND net_exposure <> 'NaN'),
    CONSTRAINT drawdown_is_not_negative
        CHECK (drawdown >= 0
           AND drawdown <> 'NaN'),
    CONSTRAINT var_is_not_negative
        CHECK (var >= 0
           AND var <> 'NaN'),
    CONSTRAINT var_is_there_or_says_why_not
        CHECK ((var IS NULL) = (var_missing IS NOT NULL)),
    CONSTRAINT var_method_is_known
        CHECK (var_method IN ('historical')),
    CONSTRAINT counts_are_not_negative
        CHECK (var_days >= 0
           AND positions >= 0
           AND unmarked_legs >= 0
           AND unpriced_legs >= 0
           AND unvalued_legs >= 0),
    CONSTRAINT breakdowns_are_objects
        CHECK (jsonb_typeof(by_venue) = 'object'
           AND jsonb_typeof(by_asset) = 'object')
)
PARTITION BY RANGE (taken_at);

COMMENT ON TABLE risk.snapshots IS
    'A row is the risk of a book at a moment, see risk.take_snapshot; by month of taken_at, UTC.';
COMMENT ON COLUMN risk.snapshots.snapshot_id IS
    'Number of the snapshot, ascending.';
COMMENT ON COLUMN risk.snapshots.taken_at IS
    'When.';
COMMENT ON COLUMN risk.snapshots.log_position IS
    'Log position of the book at which the positions stood.';
COMMENT ON COLUMN risk.snapshots.gross_exposure IS
    'Sum of the legs'' notionals without sign, in usd.';
COMMENT ON COLUMN risk.snapshots.net_exposure IS
    'Sum of the legs'' notionals, + long, - short, in usd.';
COMMENT ON COLUMN risk.snapshots.unrealized IS
    'Sum of the legs'' unrealised P&L at their last marks, in usd; without unvalued_legs.';
COMMENT ON COLUMN risk.snapshots.drawdown IS
    'How far the sum of the days'' P&L is below its peak in the window, in usd; null when a day '
    'is not valued.';
COMMENT ON COLUMN risk.snapshots.var IS
    'Value at risk of one day, a loss as a positive number, in usd; null if it cannot be told.';
COMMENT ON COLUMN risk.snapshots.var_confidence IS
    'Confidence of the value at risk, 0.5 to 0.9999.';
COMMENT ON COLUMN risk.snapshots.var_window IS
    'Days that it looks back at most.';
COMMENT ON COLUMN risk.snapshots.var_days IS
    'Days that it could look at: those of the window from the book''s first day with P&L on.';
COMMENT ON COLUMN risk.snapshots.positions IS
    'Number of open positions.';
COMMENT ON COLUMN risk.snapshots.unmarked_legs IS
    'Legs without a mark price, which are valued at their average entry price.';
COMMENT ON COLUMN risk.snapshots.unpriced_legs IS
    'Legs that are priced in something else than usd, or not at all; they are in no sum.';
COMMENT ON COLUMN risk.snapshots.unvalued_legs IS
    'Legs that are not in unrealized: without a mark, or of a settle asset without a price here.';
COMMENT ON COLUMN risk.snapshots.book IS
    'Name of the book.';
COMMENT ON COLUMN risk.snapshots.var_method IS
    'historical: the loss that was exceeded on so many days.';
COMMENT ON COLUMN risk.snapshots.var_missing IS
    'Why there is no value at risk; null if there is one.';
COMMENT ON COLUMN risk.snapshots.by_venue IS
    'Exposure by venue, {venue: {"gross", "net"}}, in usd.';
COMMENT ON COLUMN risk.snapshots.by_asset IS
    'Exposure by asset of the positions, {asset: {"gross", "net"}}, in usd.';

CREATE INDEX IF NOT EXISTS snapshots_by_time
    ON risk.snapshots USING brin (taken_at);
COMMENT ON INDEX risk.snapshots_by_time IS
    'All books'' snapshots of a period.';

CREATE INDEX IF NOT EXISTS snapshots_by_venue
    ON risk.snapshots USING gin (by_venue);
COMMENT ON INDEX risk.snapshots_by_venue IS
    'When a venue was in use (by_venue ? …).';

CREATE TABLE IF NOT EXISTS risk.alerts (
    alert_id        bigint      NOT NULL
        GENERATED ALWAYS AS IDENTITY,
    raised_at       timestamptz NOT NULL
        DEFAULT clock_timestamp(),
    last_raised_at  timestamptz NOT NULL
        DEFAULT clock_timestamp(),
    acknowledged_at timestamptz,
    resolved_at     timestamptz,
    told_at         timestamptz,
    repeats         int         NOT NULL
        DEFAULT 0,
    is_held         boolean     NOT NULL
        DEFAULT false,
    severity        text        NOT NULL,
    type            text        NOT NULL,
    subject         text        NOT NULL,
    message         text        NOT NULL,
    raised_by       text        NOT NULL,
    acknowledged_by text,
    note            text,
    detail          jsonb,
    CONSTRAINT alert_has_one_number
        PRIMARY KEY (alert_id),
    CONSTRAINT severity_is_known
        CHECK (severity IN ('info', 'warning', 'critical')),
    CONSTRAINT type_is_a_plain_word
        CHECK (type COLLATE "C" ~ '^[a-z][a-z0-9_]{0,63}$'),
    CONSTRAINT subject_has_1_to_256_characters
        CHECK (length(subject) BETWEEN 1 AND 256),
    CONSTRAINT message_has_1_to_2048_characters
        CHECK (length(message) BETWEEN 1 AND 2048),
    CONSTRAINT acknowledgement_has_a_name
        CHECK ((acknowledged_at IS NULL) = (acknowledged_by IS NULL)),
    CONSTRAINT repeats_are_not_negative
        CHECK (repeats >= 0),
    CONSTRAINT times_are_in_order
        CHECK (last_raised_at >= raised_at
           AND acknowledged_at >= raised_at
           AND resolved_at >= raised_at),
    CONSTRAINT note_has_at_most_2048_characters
        CHECK (length(note) <= 2048),
    CONSTRAINT detail_is_an_object
        CHECK (jsonb_typeof(detail) = 'object')
);

COMMENT ON TABLE risk.alerts IS
    'A row is an alert: raised once, counted while it stands, acknowledged by a person, resolved '
    'when its cause has gone. Never removed.';
COMMENT ON COLUMN risk.alerts.alert_id IS
    'Number of the alert, ascending.';
COMMENT ON COLUMN risk.alerts.raised_at IS
    'When it was raised first.';
COMMENT ON COLUMN risk.alerts.last_raised_at IS
    'When it was raised last.';
COMMENT ON COLUMN risk.alerts.acknowledged_at IS
    'When somebody took it up; null before.';
COMMENT ON COLUMN risk.alerts.resolved_at IS
    'When its cause had gone; null while it stands.';
COMMENT ON COLUMN risk.alerts.told_at IS
    'When those who LISTEN to nexus_alerts were told of it last; null if never.';
COMMENT ON COLUMN risk.alerts.repeats IS
    'How often it was raised again while it stood.';
COMMENT ON COLUMN risk.alerts.is_held IS
    'Whether it, or that it has become worse, is told only once a maintenance window has ended.';
COMMENT ON COLUMN risk.alerts.severity IS
    'info, warning or critical; the worst of all times it was raised.';
COMMENT ON COLUMN risk.alerts.type IS
    'What kind of alert, such as limit_breached or job_failed.';
COMMENT ON COLUMN risk.alerts.subject IS
    'What it is about, such as a venue or a job.';
COMMENT ON COLUMN risk.alerts.message IS
    'What happened, for a person; of the last time.';
COMMENT ON COLUMN risk.alerts.raised_by IS
    'Who raised it, see audit.actor().';
COMMENT ON COLUMN risk.alerts.acknowledged_by IS
    'Who took it up; null before.';
COMMENT ON COLUMN risk.alerts.note IS
    'What who took it up said; null if nothing.';
COMMENT ON COLUMN risk.alerts.detail IS
    'Figures for programs, of the last time; null if there are none.';

CREATE UNIQUE INDEX IF NOT EXISTS one_alert_stands_for_a_subject
    ON risk.alerts (type, subject)
    WHERE resolved_at IS NULL;
COMMENT ON INDEX risk.one_alert_stands_for_a_subject IS
    'Truth: one alert stands for a type and subject. Raising and resolving find it.';

CREATE INDEX IF NOT EXISTS alerts_not_acknowledged
    ON risk.alerts (severity, raised_at)
    WHERE acknowledged_at IS NULL AND resolved_at IS NULL;
COMMENT ON INDEX risk.alerts_not_acknowledged IS
    'What nobody has taken up yet, the oldest of a severity first.';

CREATE INDEX IF NOT EXISTS alerts_by_time
    ON risk.alerts (raised_at);
COMMENT ON INDEX risk.alerts_by_time IS
    'The alerts of a period.';

CREATE TABLE IF NOT EXISTS risk.limit_breaches (
    breach_id   bigint         NOT NULL
        GENERATED ALWAYS AS IDENTITY,
    alert_id    bigint,
    opened_at   timestamptz    NOT NULL,
    closed_at   timestamptz,
    limit_value numeric(38,18) NOT NULL,
    measured    numeric(38,18) NOT NULL,
    worst       numeric(38,18) NOT NULL,
    limit_id    int            NOT NULL,
    book        text           NOT NULL,
    subject     text           NOT NULL,
    level       text           NOT NULL,
    response    text,
    CONSTRAINT breach_has_one_number
        PRIMARY KEY (breach_id),
    CONSTRAINT breach_is_of_a_limit
        FOREIGN KEY (limit_id) REFERENCES config.risk_limits (limit_id),
    CONSTRAINT breach_has_an_alert
        FOREIGN KEY (alert_id) REFERENCES risk.alerts (alert_id),
    CONSTRAINT level_is_known
        CHECK (level IN ('warning', 'hard')),
    CONSTRAINT breach_ends_after_it_began
        CHECK (closed_at >= opened_at),
    CONSTRAINT measured_is_over_the_limit_while_open
        CHECK (closed_at IS NOT NULL
            OR measured > limit_value),
    CONSTRAINT worst_is_at_least_what_is_measured
        CHECK (worst >= measured
           AND worst <> 'NaN'),
    CONSTRAINT subject_of_a_breach_has_1_to_256_characters
        CHECK (length(subject) BETWEEN 1 AND 256),
    CONSTRAINT response_has_at_most_2048_characters
        CHECK (length(response) <= 2048)
);

COMMENT ON TABLE risk.limit_breaches IS
    'A row is a breach of one value of a limit, from the snapshot that found it to the one that '
    'did not. One that gets from warning to hard or back, or whose limit is set anew, ends there '
    'and goes on as another row with the same alert.';
COMMENT ON COLUMN risk.limit_breaches.breach_id IS
    'Number of the breach, ascending.';
COMMENT ON COLUMN risk.limit_breaches.alert_id IS
    'The alert that it raised.';
COMMENT ON COLUMN risk.limit_breaches.opened_at IS
    'taken_at of the snapshot that found it.';
COMMENT ON COLUMN risk.limit_breaches.closed_at IS
    'taken_at of the snapshot that did not find it any more; null while it stands. A snapshot '
    'that cannot tell the figure leaves it standing.';
COMMENT ON COLUMN risk.limit_breaches.limit_value IS
    'The limit of its level at that time, in the limit''s unit.';
COMMENT ON COLUMN risk.limit_breaches.measured IS
    'What was measured last, in the limit''s unit.';
COMMENT ON COLUMN risk.limit_breaches.worst IS
    'The most that was measured, in the limit''s unit.';
COMMENT ON COLUMN risk.limit_breaches.limit_id IS
    'The limit.';
COMMENT ON COLUMN risk.limit_breaches.book IS
    'Name of the book.';
COMMENT ON COLUMN risk.limit_breaches.subject IS
    'What exceeds it: a position, a venue, an asset, or portfolio.';
COMMENT ON COLUMN risk.limit_breaches.level IS
    'warning or hard: which value of the limit was exceeded.';
COMMENT ON COLUMN risk.limit_breaches.response IS
    'What was done about it; null if nobody said.';

CREATE UNIQUE INDEX IF NOT EXISTS one_breach_stands_for_a_limit
    ON risk.limit_breaches (limit_id, book, subject)
    WHERE closed_at IS NULL;
COMMENT ON INDEX risk.one_breach_stands_for_a_limit IS
    'Truth: one breach of a limit stands for a subject. Each snapshot finds it.';

CREATE INDEX IF NOT EXISTS limit_breaches_by_limit
    ON risk.limit_breaches (limit_id, opened_at);
COMMENT ON INDEX risk.limit_breaches_by_limit IS
    'The history of a limit; the foreign key.';

CREATE INDEX IF NOT EXISTS limit_breaches_by_alert
    ON risk.limit_breaches (alert_id);
COMMENT ON INDEX risk.limit_breaches_by_alert IS
    'The breach behind an alert; the foreign key.';

CREATE OR REPLACE FUNCTION risk.is_told(severity text)
    RETURNS boolean
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, pg_temp
AS $function$
    SELECT array_position(s.names, is_told.severity)
           >= array_position(s.names, config.setting('alerts.minimum_severity') #>> '{}')
      FROM (SELECT ARRAY['info', 'warning', 'critical']) AS s (names)
$function$;

COMMENT ON FUNCTION risk.is_told(text) IS
    'Whether alerts of a severity are told: from alerts.minimum_severity on.';

CREATE OR REPLACE FUNCTION risk.raise_alert(
        severity text, type text, subject text, message text, detail jsonb DEFAULT NULL)
    RETURNS bigint
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $function$
#variable_conflict use_column
DECLARE
    id        bigint;
    was       text;
    now_it_is text;
    holds     CONSTANT boolean := config.in_maintenance(clock_timestamp());
BEGIN
    IF raise_alert.severity IN ('info', 'warning', 'critical') IS NOT TRUE THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            CONSTRAINT = 'severity_is_known',
            MESSAGE = format('severity: %s', quote_nullable(raise_alert.severity)),
            HINT    = 'Give info, warning or critical.';
    ELSIF (raise_alert.type COLLATE "C" ~ '^[a-z][a-z0-9_]{0,63}$') IS NOT TRUE THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            CONSTRAINT = 'type_is_a_plain_word',
            MESSAGE = format('type: %s', quote_nullable(raise_alert.type)),
            HINT    = 'Give 1 to 64 characters of [a-z0-9_], a letter first, such as job_failed.';
    ELSIF coalesce(raise_alert.subject, '') = '' THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            CONSTRAINT = 'subject_has_1_to_256_characters',
            MESSAGE = format('subject: %s', quote_nullable(raise_alert.subject)),
            HINT    = 'Say what it is about, such as a venue or a job.';
    ELSIF coalesce(raise_alert.message, '') = '' THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            CONSTRAINT = 'message_has_1_to_2048_characters',
            MESSAGE = format('message: %s', quote_nullable(raise_alert.message)),
            HINT    = 'Say what happened, for a person.';
    ELSIF jsonb_typeof(raise_alert.detail) <> 'object' THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            CONSTRAINT = 'detail_is_an_object',
            MESSAGE = format('detail: %s', raise_alert.detail),
            HINT    = 'Give a JSON object, or null.';
    END IF;
    SELECT a.severity
      INTO was
      FROM risk.alerts AS a
     WHERE a.type = raise_alert.type
       AND a.subject = left(raise_alert.subject, 256)
       AND a.resolved_at IS NULL
       FOR UPDATE;
    INSERT INTO risk.alerts AS a (severity, type, subject, message, detail, raised_by)
    VALUES (raise_alert.severity, raise_alert.type, left(raise_alert.subject, 256),
            left(raise_alert.message, 2048), raise_alert.detail, audit.actor())
        ON CONFLICT (type, subject) WHERE resolved_at IS NULL DO UPDATE
       SET repeats = a.repeats + 1,
           last_raised_at = greatest(clock_timestamp(), a.raised_at),
           message = excluded.message,
           detail = excluded.detail,
           severity = CASE WHEN 'critical' IN (a.severity, excluded.severity) THEN 'critical'
                           WHEN 'warning' IN (a.severity, excluded.severity) THEN 'warning'
                           ELSE 'info'
                      END
    RETURNING a.alert_id, a.severity
      INTO id, now_it_is;
    -- New, or worse than it was. (Two sessions that raise it first at once are both told of.)
    IF now_it_is IS DISTINCT FROM was AND risk.is_told(now_it_is) THEN
        UPDATE risk.alerts AS a
           SET is_held = holds,
               told_at = CASE WHEN holds THEN a.told_at
                              ELSE greatest(clock_timestamp(), a.raised_at)
                         END
         WHERE a.alert_id = id;
        IF NOT holds THEN
            PERFORM pg_notify('nexus_alerts', id::text);
        END IF;
    END IF;
    RETURN id;
END
$function$;

COMMENT ON FUNCTION risk.raise_alert(text, text, text, text, jsonb) IS
    'Raises an alert, or counts it if one of its type and subject stands; returns its number. One '
    'that is new or has become worse is told to those who LISTEN to nexus_alerts, after a '
    'maintenance window if one is open, unless it is below alerts.minimum_severity. A subject is '
    'cut after 256 characters, a message after 2048. Raises 23514 with the constraint that a '
    'field would break.';

CREATE OR REPLACE FUNCTION risk.resolve_alert(type text, subject text)
    RETURNS boolean
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $function$
#variable_conflict use_variable
BEGIN
    UPDATE risk.alerts AS a
       SET resolved_at = greatest(clock_timestamp(), a.raised_at),
           is_held = false
     WHERE a.type = type
       AND a.subject = left(subject, 256)
       AND a.resolved_at IS NULL;
    RETURN found;
END
$function$;

COMMENT ON FUNCTION risk.resolve_alert(text, text) IS
    'Notes that an alert''s cause has gone; false if none stands.';

CREATE OR REPLACE FUNCTION risk.acknowledge_alert(alert bigint, note text DEFAULT NULL)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $function$
#variable_conflict use_variable
DECLARE
    by_whom text;
BEGIN
    SELECT a.acknowledged_by
      INTO by_whom
      FROM risk.alerts AS a
     WHERE a.alert_id = alert
       FOR UPDATE;
    IF NOT found THEN
        RAISE EXCEPTION USING
            ERRCODE = 'no_data_found',
            MESSAGE = format('there is no alert %s', coalesce(alert::text, 'null')),
            HINT    = 'SELECT alert_id, message FROM risk.alerts WHERE resolved_at IS NULL.';
    ELSIF by_whom IS NOT NULL THEN
        IF by_whom = audit.actor() THEN
            RETURN;
        END IF;
        RAISE EXCEPTION USING
            ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = format('alert %s was acknowledged by %s already', alert, by_whom),
            HINT    = 'Ask them.';
    END IF;
    UPDATE risk.alerts AS a
       SET acknowledged_at = greatest(clock_timestamp(), a.raised_at),
           acknowledged_by = audit.actor(),
           note = note,
           is_held = false
     WHERE a.alert_id = alert;
    PERFORM audit.record('alert_acknowledged', alert::text,
                         jsonb_strip_nulls(jsonb_build_object('note', note)));
END
$function$;

COMMENT ON FUNCTION risk.acknowledge_alert(bigint, text) IS
    'Notes that audit.actor() takes an alert up. Nothing happens if they have already. Raises '
    'P0002 for an unknown alert, 55000 if somebody else has.';

CREATE OR REPLACE FUNCTION risk.release_held_alerts()
    RETURNS int
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    id       bigint;
    released int := 0;
    repeated CONSTANT timestamptz := clock_timestamp()
        - (config.setting('alerts.repeat_minutes') #>> '{}')::int * interval '1 minute';
BEGIN
    IF config.in_maintenance(clock_timestamp()) THEN
        RETURN 0;
    END IF;
    FOR id IN
        UPDATE risk.alerts AS a
           SET is_held = false,
               told_at = greatest(clock_timestamp(), a.raised_at)
         WHERE a.resolved_at IS NULL
           AND risk.is_told(a.severity)
           AND (a.is_held
             OR a.acknowledged_at IS NULL
            AND coalesce(a.told_at < repeated, true))
        RETURNING a.alert_id
    LOOP
        PERFORM pg_notify('nexus_alerts', id::text);
        released := released + 1;
    END LOOP;
    RETURN released;
END
$function$;

COMMENT ON FUNCTION risk.release_held_alerts() IS
    'Tells of the alerts that a maintenance window held, once none is open, and again of those '
    'that stand, that nobody has acknowledged and that were told last over alerts.repeat_minutes '
    'ago; returns how many. Those that were resolved meanwhile are told to nobody.';

CREATE OR REPLACE FUNCTION risk.is_usd(asset text)
    RETURNS boolean
    LANGUAGE sql
    IMMUTABLE
    SET search_path = pg_catalog, pg_temp
AS $function$
    SELECT upper(asset) IN ('USD', 'USDT', 'USDC', 'FDUSD', 'TUSD', 'BUSD', 'DAI', 'USDE', 'PYUSD')
$function$;

COMMENT ON FUNCTION risk.is_usd(text) IS
    'Whether an asset counts as a US dollar, at par.';

CREATE OR REPLACE VIEW risk.exposures AS
SELECT l.book, l.book_id, l.position_id, l.leg, l.venue, a.asset, a.strategy, l.qty, l.unrealized,
       l.mark_px IS NULL AS is_unmarked,
       CASE WHEN abs(round(n.usd, 18)) < 100000000000000000000 THEN n.usd
       END::numeric(38,18) AS notional,
       CASE WHEN abs(round(u.usd, 18)) < 100000000000000000000 THEN u.usd
       END::numeric(38,18) AS unrealized_usd
  FROM positions.legs AS l
  JOIN positions.active AS a
    ON a.book_id = l.book_id
   AND a.position_id = l.position_id
 CROSS JOIN LATERAL (
       SELECT CASE WHEN NOT risk.is_usd(l.quote) THEN NULL
                   WHEN l.kind = 'inverse' THEN l.qty * l.multiplier
                   ELSE l.qty * l.multiplier * coalesce(l.mark_px, l.avg_entry_px)
              END
       ) AS n (usd)
 CROSS JOIN LATERAL (
       SELECT CASE WHEN risk.is_usd(l.settle) THEN l.unrealized
                   WHEN l.settle = l.base AND risk.is_usd(l.quote) THEN l.unrealized * l.mark_px
              END
       ) AS u (usd)
 WHERE l.qty <> 0;

COMMENT ON VIEW risk.exposures IS
    'A row is a leg that is held, with what it is worth now.';
COMMENT ON COLUMN risk.exposures.book IS
    'Name of the book.';
COMMENT ON COLUMN risk.exposures.book_id IS
    'The book, see positions.books.';
COMMENT ON COLUMN risk.exposures.position_id IS
    'The position.';
COMMENT ON COLUMN risk.exposures.leg IS
    'Name of the leg in its position.';
COMMENT ON COLUMN risk.exposures.venue IS
    'The exchange.';
COMMENT ON COLUMN risk.exposures.asset IS
    'Asset that the position trades.';
COMMENT ON COLUMN risk.exposures.strategy IS
    'Strategy of the position.';
COMMENT ON COLUMN risk.exposures.qty IS
    'Quantity held, + long, - short, in contracts (spot: base units).';
COMMENT ON COLUMN risk.exposures.unrealized IS
    'Unrealised P&L at the last mark, in the leg''s settle asset; null without a mark.';
COMMENT ON COLUMN risk.exposures.is_unmarked IS
    'Whether there is no mark, so that the average entry price stands in.';
COMMENT ON COLUMN risk.exposures.notional IS
    'Linear and spot: quantity times multiplier times price; inverse: quantity times multiplier. '
    '+ long, - short, in usd; null when it is not priced in usd, and from 10^20 on.';
COMMENT ON COLUMN risk.exposures.unrealized_usd IS
    'Unrealised P&L at the last mark, in usd: as it is if it is in usd; times the mark if it is in '
    'the base asset of a leg that is priced in usd (inverse); else null, and without a mark.';

CREATE OR REPLACE FUNCTION risk.historical_var(
        book text, day date, window_days int, confidence numeric,
        OUT var numeric, OUT drawdown numeric, OUT days int, OUT missing text)
    LANGUAGE plpgsql
    STABLE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $function$
#variable_conflict use_variable
DECLARE
    unvalued int;
    foreign_ones int;
BEGIN
    IF day IS NULL
    OR (window_days >= 1) IS NOT TRUE
    OR (confidence BETWEEN 0.5 AND 0.9999) IS NOT TRUE THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('no value at risk for day %s, window_days %s, confidence %s',
                             coalesce(day::text, 'null'), coalesce(window_days::text, 'null'),
                             coalesce(confidence::text, 'null')),
            HINT    = 'Give a day, a window of at least 1 day and a confidence of 0.5 to 0.9999.';
    END IF;
    WITH pnl AS (
        SELECT d.day, sum(d.net) AS net,
               count(*) FILTER (WHERE d.net IS NULL) AS unvalued,
               count(*) FILTER (WHERE NOT risk.is_usd(d.settle)) AS foreign_ones
          FROM analytics.daily_pnl AS d
         WHERE d.book = book
           AND d.day >= day - window_days
           AND d.day < day
         GROUP BY d.day
    ), begin AS (
        SELECT CASE WHEN EXISTS (SELECT
                                   FROM analytics.daily_pnl AS d
                                  WHERE d.book = book
                                    AND d.day < day - window_days) THEN day - window_days
                    ELSE (SELECT min(p.day) FROM pnl AS p)
               END AS day
    ), filled AS (
        -- A day without a row is a day without P&L.
        SELECT g.at::date AS day, coalesce(p.net, 0) AS net
          FROM begin AS b
         CROSS JOIN LATERAL generate_series(b.day::timestamp, (day - 1)::timestamp,
                                            interval '1 day') AS g (at)
          LEFT JOIN pnl AS p
            ON p.day = g.at::date
    ), ranked AS (
        SELECT f.day, f.net,
               row_number() OVER (ORDER BY f.net, f.day) AS place,
               sum(f.net) OVER (ORDER BY f.day) AS total
          FROM filled AS f
    )
    SELECT (SELECT count(*) FROM ranked),
           (SELECT sum(p.unvalued) FROM pnl AS p),
           (SELECT sum(p.foreign_ones) FROM pnl AS p),
           (SELECT greatest(0, - r.net)
              FROM ranked AS r
             WHERE r.place = (SELECT greatest(1, ceil((1 - confidence) * count(*)))
                                FROM ranked)),
           (SELECT greatest(0, max(r.total)) FROM ranked AS r)
           - coalesce((SELECT r.total FROM ranked AS r ORDER BY r.day DESC LIMIT 1), 0)
      INTO days, unvalued, foreign_ones, var, drawdown;
    IF unvalued > 0 OR foreign_ones > 0 THEN
        var := NULL;
        drawdown := NULL;
        missing := CASE WHEN unvalued > 0 THEN 'fees or funding of a day are not valued'
                        ELSE 'P&L of a day is in another asset than usd'
                   END;
    ELSIF days < 20 THEN
        var := NULL;
        missing := format('%s of at least 20 days', days);
    END IF;
END
$function$;

COMMENT ON FUNCTION risk.historical_var(text, date, int, numeric) IS
    'Historical value at risk of one day, in usd. It looks at the window_days days before `day`, '
    'or those of them from the book''s first day with P&L on; `day` itself is not over. A day''s '
    'P&L is the sum of net over analytics.daily_pnl, + gain, 0 for a day without rows. Of n such '
    'days in ascending order the k-th, k = ceil((1 - confidence) n), at least the first, is the '
    'P&L that a share of at most 1 - confidence of the days fell short of; the value at risk is '
    'its loss as a positive number, 0 if it is a gain. Nothing is interpolated or rounded. Null '
    'with the reason for less than 20 days, for days that are not valued or not in usd. The '
    'drawdown is the greatest sum of days from the first on (at least 0) less the sum of all, in '
    'usd; null for days that are not valued or not in usd. Raises 22023 for a window below 1 or a '
    'confidence beyond 0.5 to 0.9999.';

CREATE OR REPLACE FUNCTION risk.take_snapshot(
        book text DEFAULT 'main', at timestamptz DEFAULT clock_timestamp())
    RETURNS bigint
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET timezone = 'UTC'
AS $function$
#variable_conflict use_variable
DECLARE
    id    bigint;
    s     risk.snapshots;
    v     record;
    one   record;
    level text;
    most  numeric;
    alert bigint;
    breach bigint;
    -- The breaches that this snapshot finds.
    standing bigint[] := '{}';
BEGIN
    IF at IS NULL
    OR at > clock_timestamp() + interval '1 minute'
    OR at < clock_timestamp() - interval '10 minutes' THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('at: no snapshot can be taken of %s', coalesce(at::text, 'null')),
            HINT    = 'The positions are those of now: give a time of the last ten minutes.';
    END IF;
    IF NOT EXISTS (SELECT FROM positions.books AS b WHERE b.name = book) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'no_data_found',
            MESSAGE = format('there is no book %s', coalesce(quote_literal(book), 'null')),
            HINT    = 'Books are made by their first append; see positions.books.';
    END IF;
    -- One snapshot of a book at a time: breaches are opened and closed in their order.
    PERFORM pg_advisory_xact_lock(hashtextextended('nexus risk ' || book, 0));
    SELECT k.snapshot_id
      INTO id
      FROM risk.snapshots AS k
     WHERE k.book = book
       AND k.taken_at = at;
    IF found THEN
        RETURN id;
    END IF;
    PERFORM maintenance.ensure_partitions('risk.snapshots', at, at);

    s.var_confidence := (config.setting('risk.var_confidence'))::numeric;
    s.var_window := (config.setting('risk.var_window_days'))::int;
    -- One statement, so that all figures are of one moment and its log position.
    WITH legs AS MATERIALIZED (
        SELECT e.*
          FROM risk.exposures AS e
         WHERE e.book = book
    ), venues AS (
        SELECT e.venue, sum(abs(e.notional)) AS gross, sum(e.notional) AS net
          FROM legs AS e
         WHERE e.notional IS NOT NULL
         GROUP BY e.venue
    ), assets AS (
        SELECT e.asset, sum(abs(e.notional)) AS gross, sum(e.notional) AS net
          FROM legs AS e
         WHERE e.notional IS NOT NULL
         GROUP BY e.asset
    ), greatest_legs AS (
        SELECT e.position_id, min(e.strategy) AS strategy, max(abs(e.notional)) AS usd
          FROM legs AS e
         GROUP BY e.position_id
    )
    SELECT h.var, h.drawdown, h.days AS var_days, h.missing AS var_missing,
           coalesce((SELECT c.log_position
                       FROM positions.books AS b
                       JOIN positions.live_slot AS l
                         ON l.book_id = b.book_id
                       JOIN positions.projection_checkpoints AS c
                         ON c.book_id = l.book_id
                        AND c.slot = l.slot
                      WHERE b.name = book), 0) AS log_position,
           (SELECT count(*) FROM positions.active AS a WHERE a.book = book) AS positions,
           t.gross, t.net, t.unrealized, t.unmarked, t.unpriced, t.unvalued,
           (SELECT coalesce(jsonb_object_agg(
                       g.venue, jsonb_build_object('gross', trim_scale(g.gross),
                                                   'net', trim_scale(g.net))), '{}')
              FROM venues AS g) AS by_venue,
           (SELECT coalesce(jsonb_object_agg(
                       g.asset, jsonb_build_object('gross', trim_scale(g.gross),
                                                   'net', trim_scale(g.net))), '{}')
              FROM assets AS g) AS by_asset,
           (SELECT coalesce(jsonb_agg(jsonb_build_object(
                       'subject', g.position_id, 'scope', g.strategy, 'usd', g.usd)), '[]')
              FROM greatest_legs AS g) AS sizes
      INTO v
      FROM (SELECT coalesce(sum(abs(e.notional)), 0) AS gross,
                   coalesce(sum(e.notional), 0) AS net,
                   coalesce(sum(e.unrealized_usd), 0) AS unrealized,
                   count(*) FILTER (WHERE e.is_unmarked) AS unmarked,
                   count(*) FILTER (WHERE e.notional IS NULL) AS unpriced,
                   count(*) FILTER (WHERE e.unrealized_usd IS NULL) AS unvalued
              FROM legs AS e) AS t
     CROSS JOIN risk.historical_var(book, (at AT TIME ZONE 'UTC')::date, s.var_window,
                                    s.var_confidence) AS h;
    INSERT INTO risk.snapshots AS k
           (taken_at, book, log_position, gross_exposure, net_exposure, unrealized, drawdown, var,
            var_confidence, var_window, var_days, var_missing, positions, unmarked_legs,
            unpriced_legs, unvalued_legs, by_venue, by_asset)
    VALUES (at, book, v.log_position, v.gross, v.net, v.unrealized, v.drawdown, v.var,
            s.var_confidence, s.var_window, v.var_days, v.var_missing, v.positions, v.unmarked,
            v.unpriced, v.unvalued, v.by_venue, v.by_asset)
    RETURNING k.snapshot_id
      INTO id;

    -- What every enabled limit measures now. A scope of its own goes before *.
    FOR one IN
        WITH measured (kind, subject, scope, usd) AS (
            SELECT 'position_size', t.value ->> 'subject', t.value ->> 'scope',
                   (t.value ->> 'usd')::numeric
              FROM jsonb_array_elements(v.sizes) AS t
             UNION ALL
            SELECT 'venue_exposure', t.key, t.key, (t.value ->> 'gross')::numeric
              FROM jsonb_each(v.by_venue) AS t
             UNION ALL
            SELECT 'asset_concentration', t.key, t.key, (t.value ->> 'gross')::numeric
              FROM jsonb_each(v.by_asset) AS t
             UNION ALL
            SELECT 'portfolio_exposure', 'portfolio', '*', v.gross
             UNION ALL
            SELECT 'portfolio_drawdown', 'portfolio', '*', v.drawdown
             UNION ALL
            SELECT 'portfolio_var', 'portfolio', '*', v.var
        )
        SELECT l.limit_id, l.kind, l.unit, l.warning, l.hard, m.subject,
               round(CASE WHEN l.unit = 'usd' THEN m.usd
                          WHEN v.gross > 0 THEN m.usd / v.gross
                          WHEN m.usd = 0 THEN 0
                     END, 18) AS amount
          FROM measured AS m
          JOIN LATERAL (
               SELECT k.*
                 FROM config.risk_limits AS k
                WHERE k.kind = m.kind
                  AND k.scope IN (m.scope, '*')
                  AND k.enabled
                ORDER BY k.scope = '*'
                LIMIT 1
               ) AS l
            ON true
         ORDER BY l.limit_id, m.subject
    LOOP
        IF one.amount IS NULL THEN
            -- Nobody can say that it has ended.
            standing := standing || ARRAY(SELECT b.breach_id
                                            FROM risk.limit_breaches AS b
                                           WHERE b.limit_id = one.limit_id
                                             AND b.book = book
                                             AND b.subject = one.subject
                                             AND b.closed_at IS NULL);
            CONTINUE;
        END IF;
        level := CASE WHEN one.amount > one.hard THEN 'hard'
                      WHEN one.amount > one.warning THEN 'warning'
                 END;
        CONTINUE WHEN level IS NULL;
        most := CASE level WHEN 'hard' THEN one.hard ELSE one.warning END;
        alert := risk.raise_alert(
            CASE level WHEN 'hard' THEN 'critical' ELSE 'warning' END,
            'limit_breached', format('%s %s in %s', one.kind, one.subject, book),
            format('%s of %s is %s %s, over the %s limit of %s', one.kind, one.subject,
                   trim_scale(one.amount), one.unit, level, trim_scale(most)),
            jsonb_build_object('limit_id', one.limit_id, 'measured', trim_scale(one.amount),
                               'limit', trim_scale(most), 'level', level));
        UPDATE risk.limit_breaches AS b
           SET alert_id = alert,
               measured = one.amount,
               worst = greatest(b.worst, one.amount)
         WHERE b.limit_id = one.limit_id
           AND b.book = book
           AND b.subject = one.subject
           AND b.level = level
           AND b.limit_value = most
           AND b.closed_at IS NULL
        RETURNING b.breach_id
          INTO breach;
        IF NOT found THEN
            UPDATE risk.limit_breaches AS b
               SET closed_at = greatest(at, b.opened_at)
             WHERE b.limit_id = one.limit_id
               AND b.book = book
               AND b.subject = one.subject
               AND b.closed_at IS NULL;
            INSERT INTO risk.limit_breaches AS b
                   (alert_id, opened_at, limit_value, measured, worst, limit_id, book, subject,
                    level)
            VALUES (alert, at, most, one.amount, one.amount, one.limit_id, book, one.subject,
                    level)
            RETURNING b.breach_id
              INTO breach;
        END IF;
        standing := standing || breach;
    END LOOP;

    -- Those that this snapshot did not find have ended, and so has an alert that was theirs alone.
    FOR one IN
        UPDATE risk.limit_breaches AS b
           SET closed_at = greatest(at, b.opened_at)
         WHERE b.book = book
           AND b.closed_at IS NULL
           AND b.breach_id <> ALL (standing)
        RETURNING b.alert_id
    LOOP
        UPDATE risk.alerts AS a
           SET resolved_at = greatest(clock_timestamp(), a.raised_at),
               is_held = false
         WHERE a.alert_id = one.alert_id
           AND a.resolved_at IS NULL
           AND NOT EXISTS (SELECT
                             FROM risk.limit_breaches AS b
                            WHERE b.alert_id = a.alert_id
                              AND b.closed_at IS NULL);
    END LOOP;
    RETURN id;
END
$function$;

COMMENT ON FUNCTION risk.take_snapshot(text, timestamptz) IS
    'Takes a snapshot of a book''s risk, as positions.active, positions.legs and '
    'analytics.daily_pnl have it now, under a time of the last ten minutes; returns its number, '
    'that of before if it was taken already. Opens a breach and raises an alert for each limit of '
    'config.risk_limits that is exceeded (equal is not): position_size by a position''s greatest '
    'leg, venue_exposure and asset_concentration by gross exposure, the portfolio''s by gross '
    'exposure, drawdown and value at risk; a fraction is of the gross exposure, rounded to 18 '
    'places. The limit of a scope goes before that of *; one that is not enabled counts as none. '
    'Closes the breaches that have ended and resolves their alerts. A figure that cannot be told '
    'opens and closes nothing. Raises P0002 for an unknown book, 22023 for another time.';

SELECT maintenance.adopt('risk');

SELECT maintenance.partition('risk.snapshots', interval '1 month', 3);

REVOKE ALL
    ON ALL FUNCTIONS IN SCHEMA risk
    FROM PUBLIC;

SELECT maintenance.adopt('risk');

CREATE OR REPLACE VIEW risk.standing_alerts AS
SELECT a.alert_id, a.severity, a.type, a.subject, a.message, a.raised_at, a.last_raised_at,
       a.repeats, a.is_held, a.acknowledged_at, a.acknowledged_by, a.note
  FROM risk.alerts AS a
 WHERE a.resolved_at IS NULL;

COMMENT ON VIEW risk.standing_alerts IS
    'The alerts that stand, for other services.';
COMMENT ON COLUMN risk.standing_alerts.alert_id IS
    'Number of the alert.';
COMMENT ON COLUMN risk.standing_alerts.severity IS
    'info, warning or critical.';
COMMENT ON COLUMN risk.standing_alerts.type IS
    'What kind of alert.';
COMMENT ON COLUMN risk.standing_alerts.subject IS
    'What it is about.';
COMMENT ON COLUMN risk.standing_alerts.message IS
    'What happened.';
COMMENT ON COLUMN risk.standing_alerts.raised_at IS
    'When it was raised first.';
COMMENT ON COLUMN risk.standing_alerts.last_raised_at IS
    'When it was raised last.';
COMMENT ON COLUMN risk.standing_alerts.repeats IS
    'How often it was raised again.';
COMMENT ON COLUMN risk.standing_alerts.is_held IS
    'Whether it waits for the end of a maintenance window.';
COMMENT ON COLUMN risk.standing_alerts.acknowledged_at IS
    'When somebody took it up; null before.';
COMMENT ON COLUMN risk.standing_alerts.acknowledged_by IS
    'Who took it up; null before.';
COMMENT ON COLUMN risk.standing_alerts.note IS
    'What they said.';

CREATE OR REPLACE VIEW risk.latest_snapshot AS
SELECT s.book, s.taken_at, s.gross_exposure, s.net_exposure, s.unrealized, s.drawdown, s.var,
       s.var_missing, s.by_venue, s.by_asset, s.unmarked_legs, s.unpriced_legs, s.unvalued_legs
  FROM positions.books AS b
 CROSS JOIN LATERAL (
       SELECT k.*
         FROM risk.snapshots AS k
        WHERE k.book = b.name
        ORDER BY k.taken_at DESC
        LIMIT 1
       ) AS s;

COMMENT ON VIEW risk.latest_snapshot IS
    'The last snapshot of each book, for other services.';
COMMENT ON COLUMN risk.latest_snapshot.book IS
    'Name of the book.';
COMMENT ON COLUMN risk.latest_snapshot.taken_at IS
    'When.';
COMMENT ON COLUMN risk.latest_snapshot.gross_exposure IS
    'Sum of the legs'' notionals without sign, in usd.';
COMMENT ON COLUMN risk.latest_snapshot.net_exposure IS
    'Sum of the legs'' notionals, + long, - short, in usd.';
COMMENT ON COLUMN risk.latest_snapshot.unrealized IS
    'Unrealised P&L, in usd.';
COMMENT ON COLUMN risk.latest_snapshot.drawdown IS
    'Drawdown, in usd; null if it cannot be told.';
COMMENT ON COLUMN risk.latest_snapshot.var IS
    'Value at risk of one day, in usd; null if it cannot be told.';
COMMENT ON COLUMN risk.latest_snapshot.var_missing IS
    'Why there is no value at risk.';
COMMENT ON COLUMN risk.latest_snapshot.by_venue IS
    'Exposure by venue, {venue: {"gross", "net"}}, in usd.';
COMMENT ON COLUMN risk.latest_snapshot.by_asset IS
    'Exposure by asset, {asset: {"gross", "net"}}, in usd.';
COMMENT ON COLUMN risk.latest_snapshot.unmarked_legs IS
    'Legs without a mark price, which are valued at their average entry price.';
COMMENT ON COLUMN risk.latest_snapshot.unpriced_legs IS
    'Legs that are in no sum, since they are not priced in usd.';
COMMENT ON COLUMN risk.latest_snapshot.unvalued_legs IS
    'Legs that are not in unrealized.';

SELECT maintenance.adopt('risk');

GRANT SELECT
    ON risk.standing_alerts, risk.latest_snapshot, risk.exposures
    TO nexus_reader;
GRANT SELECT
    ON risk.snapshots, risk.alerts, risk.limit_breaches
    TO nexus_risk, nexus_analyst, nexus_auditor;
GRANT UPDATE (response)
    ON risk.limit_breaches
    TO nexus_risk;
GRANT EXECUTE
    ON FUNCTION risk.is_usd(text)
    TO nexus_reader;
GRANT EXECUTE
    ON FUNCTION risk.raise_alert(text, text, text, text, jsonb), risk.resolve_alert(text, text)
    TO nexus_data_collector, nexus_funding, nexus_opportunities, nexus_positions, nexus_risk,
       nexus_capital, nexus_analytics, nexus_config, nexus_audit, nexus_auth, nexus_maintainer;
GRANT EXECUTE
    ON FUNCTION risk.take_snapshot(text, timestamptz), risk.release_held_alerts(),
                risk.historical_var(text, date, int, numeric),
                risk.acknowledge_alert(bigint, text)
    TO nexus_risk;
GRANT EXECUTE
    ON FUNCTION risk.acknowledge_alert(bigint, text)
    TO nexus_config, nexus_maintainer;
