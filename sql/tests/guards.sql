-- The log refuses every change, whoever asks, by whatever statement, on whatever table of it.
BEGIN;

CREATE EXTENSION IF NOT EXISTS pgtap;

SELECT no_plan();

SELECT positions.ensure_month('2150-01-15 00:00:00+00');

SELECT positions.ensure_book('guards-test') AS book \gset

INSERT INTO positions.events
       (book_id, log_position, position_id, version, event_id, event_type, schema_version,
        effective_at, recorded_at, source, payload, leaf_hash)
VALUES (:book, 1, gen_random_uuid(), 1, gen_random_uuid(), 'close_requested', 1,
        '2150-01-15 00:00:00+00', '2150-01-15 00:00:00+00', 'venue_ws', '{}',
        decode(repeat('00', 32), 'hex'));

INSERT INTO positions.event_keys (book_id, event_id, log_position, recorded_at)
VALUES (:book, gen_random_uuid(), 1, '2150-01-15 00:00:00+00');

INSERT INTO positions.deliveries (book_id, log_position, last_position, host)
VALUES (:book, 1, 1, 'here');

INSERT INTO positions.outbox_discards
       (book_id, event_id, position_id, host, outbox_sequence, buffered_at, actor, reason, event)
VALUES (:book, gen_random_uuid(), gen_random_uuid(), 'here', 1, '2150-01-15 00:00:00+00', 'ann',
        'sent twice', '{}');

-- Every statement that could change a row, once a table: the log, a month of it, a month without
-- events, the keys, the deliveries, the discards.
SELECT positions.ensure_month('2150-02-15 00:00:00+00');

CREATE TEMPORARY TABLE changes AS
SELECT t.name, s.what, format(s.sql, t.name, t.key) AS sql
  FROM (VALUES ('positions.events',          'log_position'),
               ('positions.events_y2150m01', 'log_position'),
               ('positions.events_y2150m02', 'log_position'),
               ('positions.event_keys',      'log_position'),
               ('positions.deliveries',      'last_position'),
               ('positions.outbox_discards', 'outbox_sequence')) AS t (name, key)
 CROSS JOIN (VALUES
       ('UPDATE',               'UPDATE %1$s SET %2$s = %2$s'),
       ('UPDATE of the key',    'UPDATE %1$s SET book_id = book_id + 1'),
       ('DELETE',               'DELETE FROM %1$s'),
       ('TRUNCATE',             'TRUNCATE %1$s'),
       ('TRUNCATE CASCADE',     'TRUNCATE %1$s RESTART IDENTITY CASCADE'),
       ('MERGE to UPDATE',
        'MERGE INTO %1$s AS t USING (SELECT 1) AS s ON true '
        'WHEN MATCHED THEN UPDATE SET %2$s = t.%2$s'),
       ('MERGE to DELETE',
        'MERGE INTO %1$s AS t USING (SELECT 1) AS s ON true '
        'WHEN MATCHED THEN DELETE'),
       ('UPDATE in a WITH',
        'WITH u AS (UPDATE %1$s SET %2$s = %2$s RETURNING 1) SELECT count(*) FROM u')
      ) AS s (what, sql);

INSERT INTO changes
SELECT t.name, 'ON CONFLICT DO UPDATE',
       format('INSERT INTO %1$s SELECT * FROM %1$s '
              'ON CONFLICT ON CONSTRAINT %3$s DO UPDATE SET %2$s = excluded.%2$s',
              t.name, t.key, t.arbiter)
  FROM (VALUES ('positions.events', 'log_position', 'event_has_one_place'),
               ('positions.events_y2150m01', 'log_position', 'event_has_one_place_y2150m01'),
               ('positions.events_y2150m02', 'log_position', 'event_has_one_place_y2150m02'),
               ('positions.event_keys', 'log_position', 'event_id_is_unique_in_its_book'),
               ('positions.deliveries', 'last_position', 'run_of_events_is_delivered_once'),
               ('positions.outbox_discards', 'outbox_sequence', 'event_is_discarded_once'))
    AS t (name, key, arbiter);

INSERT INTO changes
SELECT c.name, c.what || ' of no row', c.sql || ' WHERE false'
  FROM changes AS c
 WHERE c.what IN ('UPDATE', 'DELETE');

SELECT throws_ok(c.sql, 'NX001', NULL, format('a superuser''s %s of %s is refused', c.what, c.name))
  FROM changes AS c
 ORDER BY c.name, c.what;

SET LOCAL session_replication_role = replica;

SELECT throws_ok(c.sql, 'NX001', NULL,
                 format('%s of %s is refused to a replica''s session', c.what, c.name))
  FROM changes AS c
 ORDER BY c.name, c.what;

SET LOCAL session_replication_role = origin;

-- An owner who is no superuser: refused by privilege, and by the triggers once he has granted
-- himself the privilege again.
CREATE ROLE log_owner;
GRANT USAGE, CREATE ON SCHEMA positions TO log_owner;
ALTER TABLE positions.events OWNER TO log_owner;
ALTER TABLE positions.events_y2150m01 OWNER TO log_owner;
ALTER TABLE positions.events_y2150m02 OWNER TO log_owner;
ALTER TABLE positions.event_keys OWNER TO log_owner;
ALTER TABLE positions.deliveries OWNER TO log_owner;
ALTER TABLE positions.outbox_discards OWNER TO log_owner;

SELECT ok(NOT has_table_privilege('log_owner', t.name, p.privilege),
          format('the owner has no privilege to %s %s', p.privilege, t.name))
  FROM (SELECT DISTINCT c.name
          FROM changes AS c) AS t
 CROSS JOIN (VALUES ('UPDATE'), ('DELETE'), ('TRUNCATE')) AS p (privilege)
 ORDER BY t.name, p.privilege;

SET LOCAL ROLE log_owner;
GRANT ALL
    ON positions.events, positions.events_y2150m01, positions.events_y2150m02,
       positions.event_keys, positions.deliveries, positions.outbox_discards
    TO log_owner;
RESET ROLE;

-- pgTAP keeps its results in tables of the test's own role, so the statements change the role.
CREATE FUNCTION pg_temp.as_owner(statement text)
    RETURNS void
    LANGUAGE plpgsql
AS $function$
BEGIN
    SET LOCAL ROLE log_owner;
    EXECUTE statement;
    RESET ROLE;
END
$function$;

SELECT throws_ok(format('SELECT pg_temp.as_owner(%L)', c.sql), 'NX001', NULL,
                 format('the owner''s %s of %s is refused', c.what, c.name))
  FROM changes AS c
 ORDER BY c.name, c.what;

SELECT is(count(*), 1::bigint, 'the event still stands')
  FROM positions.events AS e
 WHERE e.book_id = :book;

SELECT lives_ok(
    $$INSERT INTO positions.events
      SELECT *
        FROM positions.events
          ON CONFLICT DO NOTHING$$,
    'ON CONFLICT DO NOTHING changes nothing and is no change');

SELECT lives_ok(
    $$INSERT INTO positions.outbox_discards
      SELECT *
        FROM positions.outbox_discards
          ON CONFLICT DO NOTHING$$,
    'nor is it one of the discards');

SELECT is(count(*), 1::bigint, 'the discard still stands')
  FROM positions.outbox_discards AS d
 WHERE d.book_id = :book;

SELECT is(count(*), 0::bigint, 'no guard of the log fires on INSERT')
  FROM pg_trigger AS t
 WHERE t.tgfoid = 'positions.refuse_change'::regproc
   AND t.tgtype & 4 <> 0;

SELECT is(count(*), 0::bigint, 'every guard is ENABLE ALWAYS, those of the months too')
  FROM pg_trigger AS t
 WHERE t.tgfoid = 'positions.refuse_change'::regproc
   AND t.tgenabled <> 'A';

-- tgtype is 1 for a row, 2 before, 8 DELETE, 16 UPDATE, 32 TRUNCATE.
SELECT is_empty(
    $$SELECT g.guarded, g.kinds
        FROM (SELECT r.guarded,
                     (SELECT array_agg(t.tgtype::int ORDER BY t.tgtype)
                        FROM pg_trigger AS t
                       WHERE t.tgrelid = r.guarded
                         AND t.tgfoid = 'positions.refuse_change'::regproc) AS kinds
                FROM (SELECT i.inhrelid::regclass
                        FROM pg_inherits AS i
                       WHERE i.inhparent = 'positions.events'::regclass
                       UNION ALL
                      VALUES ('positions.events'::regclass),
                             ('positions.event_keys'::regclass),
                             ('positions.deliveries'::regclass),
                             ('positions.outbox_discards'::regclass)) AS r (guarded)) AS g
       WHERE g.kinds IS DISTINCT FROM ARRAY[1 + 2 + 8 + 16, 2 + 8 + 16 + 32]$$,
    'the log, each month and the discards have a guard of rows and a guard of every statement');

SELECT * FROM finish();

ROLLBACK;
