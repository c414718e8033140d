-- What has to be so in any state of the database, for tests of all kinds, of seeds and of restores:
--
--     \ir lib/assertions.sql
--     SELECT pg_temp.assert_state();               -- all of them
--     SELECT pg_temp.assert_state('capital: %');   -- those whose name is like that
--
-- Each is one assertion of pgTAP: a query that answers the rows for which it is not so. One whose
-- tables a migration has not made yet is skipped. A new one is a row more below.

CREATE EXTENSION IF NOT EXISTS pgtap;

-- A member of a leaf's hash: its length in 4 octets, and its octets.
CREATE FUNCTION pg_temp.hashed(octets bytea)
    RETURNS bytea
    LANGUAGE sql
    IMMUTABLE
AS $function$
    SELECT int4send(coalesce(octet_length(octets), 0)) || coalesce(octets, '')
$function$;

CREATE FUNCTION pg_temp.hashed(words text)
    RETURNS bytea
    LANGUAGE sql
    IMMUTABLE
AS $function$
    SELECT pg_temp.hashed(convert_to(words, 'UTF8'))
$function$;

CREATE FUNCTION pg_temp.hashed(number bigint)
    RETURNS bytea
    LANGUAGE sql
    IMMUTABLE
AS $function$
    SELECT pg_temp.hashed(int8send(number))
$function$;

-- What LeafHash.swift computes, from the row alone: an auditor's second opinion.
CREATE FUNCTION pg_temp.leaf_hash(book text, e positions.events)
    RETURNS bytea
    LANGUAGE sql
    STABLE
AS $function$
    SELECT sha256(
        '\x00'::bytea || convert_to('nexus.event.v1', 'UTF8')
        || pg_temp.hashed(book)
        || pg_temp.hashed(e.log_position)
        || pg_temp.hashed(uuid_send(e.position_id))
        || pg_temp.hashed(e.version)
        || pg_temp.hashed(uuid_send(e.event_id))
        || pg_temp.hashed(e.event_type)
        || pg_temp.hashed(int4send(e.schema_version))
        || pg_temp.hashed((extract(epoch FROM e.effective_at) * 1000000)::bigint)
        || pg_temp.hashed((extract(epoch FROM e.recorded_at) * 1000000)::bigint)
        || pg_temp.hashed(e.source)
        || pg_temp.hashed(e.actor)
        || pg_temp.hashed(uuid_send(e.causation_id))
        || pg_temp.hashed(uuid_send(e.correlation_id))
        || pg_temp.hashed(sha256(convert_to(e.payload::text, 'UTF8'))))
$function$;

CREATE TEMPORARY TABLE state_assertions (
    assertion text   PRIMARY KEY,
    tables    text[] NOT NULL,
    query     text   NOT NULL
);

INSERT INTO state_assertions (assertion, tables, query)
VALUES
('positions: the log has no gaps and ends at its head', ARRAY['positions.events'],
 $$SELECT h.book_id, h.log_position, count(e.log_position), max(e.log_position)
     FROM positions.log_head AS h
     LEFT JOIN positions.events AS e
       ON e.book_id = h.book_id
    GROUP BY h.book_id, h.log_position
   HAVING count(e.log_position) <> h.log_position
       OR coalesce(max(e.log_position), 0) <> h.log_position$$),
('positions: no event was recorded before the one ahead of it', ARRAY['positions.events'],
 $$SELECT t.book_id, t.log_position
     FROM (SELECT e.book_id, e.log_position, e.recorded_at,
                  lag(e.recorded_at) OVER (PARTITION BY e.book_id ORDER BY e.log_position) AS before
             FROM positions.events AS e) AS t
    WHERE t.recorded_at < t.before$$),
('positions: every event has its key, every key its event', ARRAY['positions.event_keys'],
 $$SELECT coalesce(e.book_id, k.book_id), coalesce(e.event_id, k.event_id)
     FROM positions.events AS e
     FULL JOIN positions.event_keys AS k
       ON k.book_id = e.book_id
      AND k.event_id = e.event_id
      AND k.log_position = e.log_position
      AND k.recorded_at = e.recorded_at
    WHERE e.event_id IS NULL
       OR k.event_id IS NULL$$),
('positions: a stream has the versions from 1 to its own', ARRAY['positions.streams'],
 $$SELECT coalesce(s.book_id, e.book_id), coalesce(s.position_id, e.position_id)
     FROM positions.streams AS s
     FULL JOIN (SELECT v.book_id, v.position_id, count(*) AS events, min(v.version) AS first,
                       max(v.version) AS last
                  FROM positions.events AS v
                 GROUP BY v.book_id, v.position_id) AS e
       ON e.book_id = s.book_id
      AND e.position_id = s.position_id
    WHERE (e.events, e.first, e.last) IS DISTINCT FROM (s.version, 1::bigint, s.version)$$),
('positions: every event has the hash of what it says', ARRAY['positions.events'],
 $$SELECT b.name, e.log_position
     FROM positions.events AS e
     JOIN positions.books AS b
       ON b.book_id = e.book_id
    WHERE e.leaf_hash <> pg_temp.leaf_hash(b.name, e)$$),
('positions: no checkpoint is ahead of the log', ARRAY['positions.projection_checkpoints'],
 $$SELECT c.book_id, c.slot, c.log_position, h.log_position
     FROM positions.projection_checkpoints AS c
     LEFT JOIN positions.log_head AS h
       ON h.book_id = c.book_id
    WHERE c.log_position > coalesce(h.log_position, 0)$$),
('positions: what is live is of its logic and not being emptied', ARRAY['positions.live_slot'],
 $$SELECT l.book_id, l.slot
     FROM positions.live_slot AS l
     JOIN positions.projection_checkpoints AS c
       ON c.book_id = l.book_id
      AND c.slot = l.slot
    WHERE c.logic_version <> l.logic_version
       OR c.retired_at IS NOT NULL$$),
('positions: every position is active, ended or quarantined once it is folded',
 ARRAY['positions.active_rows', 'positions.history_rows', 'positions.quarantine'],
 $$SELECT s.book_id, s.position_id, s.state
     FROM positions.streams AS s
     JOIN positions.log_head AS h
       ON h.book_id = s.book_id
     JOIN positions.live_slot AS l
       ON l.book_id = s.book_id
     JOIN positions.projection_checkpoints AS c
       ON c.book_id = l.book_id
      AND c.slot = l.slot
      AND c.log_position = h.log_position
    CROSS JOIN LATERAL (
          SELECT (SELECT count(*)
                    FROM positions.active_rows AS a
                   WHERE a.slot = l.slot
                     AND a.book_id = s.book_id
                     AND a.position_id = s.position_id)
               + (SELECT count(*)
                    FROM positions.history_rows AS a
                   WHERE a.slot = l.slot
                     AND a.book_id = s.book_id
                     AND a.position_id = s.position_id) AS rows) AS n
    WHERE n.rows <> 1
      AND NOT EXISTS (SELECT
                        FROM positions.quarantine AS q
                       WHERE q.slot = l.slot
                         AND q.book_id = s.book_id
                         AND q.position_id = s.position_id)$$),
('analytics: a day is the sum of its legs', ARRAY['analytics.daily_pnl_rows'],
 $$SELECT coalesce(d.slot, p.slot), coalesce(d.book_id, p.book_id), coalesce(d.day, p.day)
     FROM (SELECT r.slot, r.book_id, r.day, sum(r.price_pnl) AS price_pnl,
                  sum(r.leg_days) AS leg_days
             FROM analytics.daily_pnl_rows AS r
            GROUP BY r.slot, r.book_id, r.day) AS d
     FULL JOIN (SELECT r.slot, r.book_id, r.day, sum(r.price_pnl) AS price_pnl,
                       count(*) AS leg_days
                  FROM analytics.position_days_rows AS r
                 GROUP BY r.slot, r.book_id, r.day) AS p
       ON p.slot = d.slot
      AND p.book_id = d.book_id
      AND p.day = d.day
    WHERE (d.price_pnl, d.leg_days) IS DISTINCT FROM (p.price_pnl, p.leg_days)$$),
('config: what is set is what the last change says', ARRAY['config.change_log'],
 $$SELECT coalesce(e.path, c.path), e.value, c.current
     FROM (SELECT x.path, x.value
             FROM config.entries AS x
            WHERE NOT x.is_default) AS e
     FULL JOIN (SELECT DISTINCT ON (l.path) l.path, l.current
                  FROM config.change_log AS l
                 ORDER BY l.path, l.change_id DESC) AS c
       ON c.path = e.path
    WHERE e.value IS DISTINCT FROM c.current$$),
('config: a change begins where the one before it ended', ARRAY['config.change_log'],
 $$SELECT t.change_id, t.path
     FROM (SELECT l.change_id, l.path, l.previous,
                  lag(l.current) OVER (PARTITION BY l.path ORDER BY l.change_id) AS before
             FROM config.change_log AS l) AS t
    WHERE t.previous IS DISTINCT FROM t.before$$),
('config: times never fall along the changes', ARRAY['config.change_log'],
 $$SELECT t.change_id
     FROM (SELECT l.change_id, l.changed_at,
                  lag(l.changed_at) OVER (ORDER BY l.change_id) AS before
             FROM config.change_log AS l) AS t
    WHERE t.changed_at < t.before$$),
('config: every key that is set is defined', ARRAY['config.definitions'],
 $$SELECT s.section, s.key
     FROM (SELECT 'system_settings' AS section, t.key
             FROM config.system_settings AS t
            UNION ALL
           SELECT 'strategy_parameters', t.key
             FROM config.strategy_parameters AS t
            UNION ALL
           SELECT 'ui_preferences', t.key
             FROM config.ui_preferences AS t) AS s
    WHERE NOT EXISTS (SELECT
                        FROM config.definitions AS d
                       WHERE d.section = s.section
                         AND d.key = s.key)$$),
('risk: no breach is open without an alert that stands', ARRAY['risk.limit_breaches'],
 $$SELECT b.breach_id, b.alert_id
     FROM risk.limit_breaches AS b
     LEFT JOIN risk.alerts AS a
       ON a.alert_id = b.alert_id
    WHERE b.closed_at IS NULL
      AND (a.alert_id IS NULL
        OR a.resolved_at IS NOT NULL)$$),
('risk: a limit has one open breach for a book, a subject and a level',
 ARRAY['risk.limit_breaches'],
 $$SELECT b.limit_id, b.book, b.subject, b.level
     FROM risk.limit_breaches AS b
    WHERE b.closed_at IS NULL
    GROUP BY b.limit_id, b.book, b.subject, b.level
   HAVING count(*) > 1$$),
('risk: a subject has one standing alert of a type', ARRAY['risk.alerts'],
 $$SELECT a.type, a.subject
     FROM risk.alerts AS a
    WHERE a.resolved_at IS NULL
    GROUP BY a.type, a.subject
   HAVING count(*) > 1$$),
('risk: no snapshot is ahead of the log of its book', ARRAY['risk.snapshots'],
 $$SELECT s.snapshot_id
     FROM risk.snapshots AS s
     LEFT JOIN positions.books AS b
       ON b.name = s.book
     LEFT JOIN positions.log_head AS h
       ON h.book_id = b.book_id
    WHERE s.log_position > coalesce(h.log_position, 0)$$),
('capital: no account has more allocated than it holds', ARRAY['capital.accounts'],
 $$SELECT a.account_id, a.allocated, a.balance
     FROM capital.accounts AS a
    WHERE a.allocated > a.balance
       OR a.allocated < 0$$),
('capital: what is allocated is what allocations and transfers hold', ARRAY['capital.accounts'],
 $$SELECT a.account_id, a.allocated, n.held
     FROM capital.accounts AS a
    CROSS JOIN LATERAL (
          SELECT coalesce((SELECT sum(x.amount)
                             FROM capital.allocations AS x
                            WHERE x.account_id = a.account_id
                              AND x.status <> 'released'), 0)
               + coalesce((SELECT sum(t.amount)
                             FROM capital.transfers AS t
                            WHERE t.from_account = a.account_id
                              AND t.status = 'requested'), 0) AS held) AS n
    WHERE a.allocated <> n.held$$),
('capital: a transfer is between accounts of one asset', ARRAY['capital.transfers'],
 $$SELECT t.transfer_id
     FROM capital.transfers AS t
     JOIN capital.accounts AS f
       ON f.account_id = t.from_account
     JOIN capital.accounts AS o
       ON o.account_id = t.to_account
    WHERE f.asset <> o.asset$$),
('auth: a right of a user is in the audit', ARRAY['auth.user_roles', 'audit.actions'],
 $$SELECT r.user_id, r.role
     FROM auth.user_roles AS r
    WHERE NOT EXISTS (SELECT
                        FROM audit.actions AS a
                       WHERE a.action = 'auth.user_roles.insert'
                         AND a.request @> jsonb_build_object(
                                 'current', jsonb_build_object('user_id', r.user_id,
                                                               'role', r.role)))$$),
('partitions: every table by time has one for now', ARRAY['partman.part_config'],
 $$SELECT c.parent_table
     FROM partman.part_config AS c
    WHERE to_regclass(c.parent_table) IS NULL
       OR NOT EXISTS (SELECT
                        FROM pg_inherits AS i
                        JOIN pg_class AS p
                          ON p.oid = i.inhrelid
                       CROSS JOIN LATERAL regexp_match(
                                pg_get_expr(p.relpartbound, p.oid),
                                'FROM \(''([^'']+)''\) TO \(''([^'']+)''\)') AS b (bounds)
                       WHERE i.inhparent = to_regclass(c.parent_table)
                         AND now() >= b.bounds[1]::timestamptz
                         AND now() < b.bounds[2]::timestamptz)$$),
('partitions: no table by time has a default one', ARRAY['partman.part_config'],
 $$SELECT i.inhrelid::regclass
     FROM pg_inherits AS i
     JOIN pg_class AS p
       ON p.oid = i.inhrelid
     JOIN pg_namespace AS n
       ON n.oid = p.relnamespace
    WHERE pg_get_expr(p.relpartbound, p.oid) = 'DEFAULT'
      AND n.nspname NOT LIKE 'pg\_%'$$),
('catalogue: no index is invalid and no constraint unvalidated', ARRAY['positions.events'],
 $$SELECT i.indexrelid::regclass::text
     FROM pg_index AS i
    WHERE NOT i.indisvalid
    UNION ALL
   SELECT k.conname
     FROM pg_constraint AS k
    WHERE NOT k.convalidated$$);

-- One assertion for each whose name is like that, in the order of names.
CREATE FUNCTION pg_temp.assert_state(named text DEFAULT '%')
    RETURNS SETOF text
    LANGUAGE plpgsql
AS $function$
DECLARE
    s record;
BEGIN
    FOR s IN
        SELECT a.assertion, a.query,
               (SELECT string_agg(t.name, ', ')
                  FROM unnest(a.tables) AS t (name)
                 WHERE to_regclass(t.name) IS NULL) AS missing
          FROM pg_temp.state_assertions AS a
         WHERE a.assertion LIKE named
         ORDER BY a.assertion COLLATE "C"
    LOOP
        RETURN NEXT CASE WHEN s.missing IS NULL THEN is_empty(s.query, s.assertion)
                         ELSE skip(format('%s is not made yet', s.missing), 1)
                    END;
    END LOOP;
    IF NOT found THEN
        RETURN NEXT fail(format('there is no assertion like %s', named));
    END IF;
END
$function$;

-- Whether one assertion holds, without being an assertion itself; null if it has to be skipped.
CREATE FUNCTION pg_temp.holds(named text)
    RETURNS boolean
    LANGUAGE plpgsql
AS $function$
DECLARE
    s        record;
    is_empty boolean;
BEGIN
    SELECT a.query, a.tables
      INTO STRICT s
      FROM pg_temp.state_assertions AS a
     WHERE a.assertion LIKE named;
    IF EXISTS (SELECT FROM unnest(s.tables) AS t (name) WHERE to_regclass(t.name) IS NULL) THEN
        RETURN NULL;
    END IF;
    EXECUTE format('SELECT NOT EXISTS (%s)', s.query) INTO is_empty;
    RETURN is_empty;
END
$function$;
