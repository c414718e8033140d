-- A discarded event is recorded whole, once and for ever; what says too little is refused by name.
BEGIN;

CREATE EXTENSION IF NOT EXISTS pgtap;

SELECT no_plan();

SELECT positions.ensure_book('discards-test') AS book \gset

-- Runs the statement; returns the name of the constraint that refused it, null if none did.
CREATE FUNCTION pg_temp.refused_by(statement text)
    RETURNS text
    LANGUAGE plpgsql
AS $function$
DECLARE
    refused_by text;
BEGIN
    EXECUTE statement;
    RETURN NULL;
EXCEPTION
    WHEN integrity_constraint_violation THEN
        GET STACKED DIAGNOSTICS refused_by = CONSTRAINT_NAME;
        IF refused_by = '' THEN
            GET STACKED DIAGNOSTICS refused_by = COLUMN_NAME;
        END IF;
        RETURN refused_by;
END
$function$;

-- A discard with some members changed, as an INSERT. The members are JSON, null included.
CREATE FUNCTION pg_temp.discard(change jsonb)
    RETURNS text
    LANGUAGE sql
AS $function$
    SELECT format('INSERT INTO positions.outbox_discards (%1$s) SELECT %1$s '
                  'FROM json_populate_record(NULL::positions.outbox_discards, %2$L)',
                  string_agg(quote_ident(m.key), ', '),
                  (jsonb_object_agg(m.key, m.value))::text)
      FROM jsonb_each(
             jsonb_build_object(
               'book_id', (SELECT b.book_id
                             FROM positions.books AS b
                            WHERE b.name = 'discards-test'),
               'event_id', '00000000-0000-0000-0000-000000000001',
               'position_id', '00000000-0000-0000-0000-000000000002',
               'host', 'here',
               'outbox_sequence', 1,
               'buffered_at', '2150-01-15T00:00:00Z',
               'actor', 'ann',
               'reason', 'sent twice by hand',
               'event', '{}'::jsonb) || change) AS m;
$function$;

SELECT is(pg_temp.refused_by(pg_temp.discard(c.change)), c.name,
          format('refused: %s', left(c.change::text, 60)))
  FROM (VALUES
    ('{"outbox_sequence": 0}'::jsonb, 'outbox_sequence_is_positive'),
    ('{"outbox_sequence": -1}', 'outbox_sequence_is_positive'),
    ('{"discarded_at": "infinity"}', 'times_are_finite'),
    ('{"discarded_at": "-infinity"}', 'times_are_finite'),
    ('{"buffered_at": "infinity"}', 'times_are_finite'),
    ('{"buffered_at": "-infinity"}', 'times_are_finite'),
    ('{"host": ""}', 'host_is_not_empty'),
    ('{"actor": ""}', 'actor_is_1_to_128_octets'),
    (jsonb_build_object('actor', repeat('a', 129)), 'actor_is_1_to_128_octets'),
    (jsonb_build_object('actor', repeat('ä', 64) || 'a'), 'actor_is_1_to_128_octets'),
    ('{"reason": ""}', 'reason_is_1_to_2000_octets'),
    (jsonb_build_object('reason', repeat('r', 2001)), 'reason_is_1_to_2000_octets'),
    (jsonb_build_object('reason', repeat('ö', 1000) || 'r'), 'reason_is_1_to_2000_octets'),
    ('{"event": []}', 'event_is_an_object'),
    ('{"event": "{}"}', 'event_is_an_object'),
    ('{"discarded_at": null}', 'discarded_at'),
    ('{"buffered_at": null}', 'buffered_at'),
    ('{"outbox_sequence": null}', 'outbox_sequence'),
    ('{"position_id": null}', 'position_id'),
    ('{"event_id": null}', 'event_id'),
    ('{"book_id": null}', 'book_id'),
    ('{"host": null}', 'host'),
    ('{"actor": null}', 'actor'),
    ('{"reason": null}', 'reason'),
    ('{"event": null}', 'event')
  ) AS c (change, name);

SELECT is_empty(
    format($$SELECT FROM positions.outbox_discards AS d WHERE d.book_id = %s$$, :book),
    'and none of them was taken');

SELECT is(pg_temp.refused_by(pg_temp.discard('{}')), NULL, 'a discard is taken');

SELECT is(pg_temp.refused_by(pg_temp.discard('{"host": "there", "outbox_sequence": 7}')),
          'event_is_discarded_once', 'an event is discarded once, whichever outbox held it');

SELECT is(pg_temp.refused_by(pg_temp.discard(c.change)), NULL, format('taken: %s', c.what))
  FROM (VALUES
    ('the other events of the same request',
     '{"event_id": "00000000-0000-0000-0000-000000000003"}'::jsonb),
    ('the same id in another book', '{"book_id": 2147483647}'),
    ('an actor and a reason of the greatest length',
     jsonb_build_object('event_id', '00000000-0000-0000-0000-000000000004',
                        'actor', repeat('ä', 64), 'reason', repeat('ö', 1000)))
  ) AS c (what, change);

SELECT ok(d.discarded_at BETWEEN now() AND clock_timestamp(),
          'the database says when it was discarded')
  FROM positions.outbox_discards AS d
 WHERE d.book_id = :book
   AND d.event_id = '00000000-0000-0000-0000-000000000001';

INSERT INTO positions.outbox_discards
       (book_id, event_id, position_id, host, outbox_sequence, buffered_at, actor, reason, event)
VALUES (:book, '00000000-0000-0000-0000-000000000005', '00000000-0000-0000-0000-000000000002',
        'here', 1, '2150-01-15 00:00:00+00', 'ann', 'sent twice by hand',
        '{"b":"0.10",  "a":"\u0000","a":"1"}');

SELECT is(d.event::text, '{"b":"0.10",  "a":"\u0000","a":"1"}', 'its line is kept to the byte')
  FROM positions.outbox_discards AS d
 WHERE d.book_id = :book
   AND d.event_id = '00000000-0000-0000-0000-000000000005';

-- An owner who is no superuser has no privilege to update, and needs none to discard again.
CREATE ROLE discards_owner;
GRANT USAGE, CREATE ON SCHEMA positions TO discards_owner;
ALTER TABLE positions.outbox_discards OWNER TO discards_owner;

-- pgTAP keeps its results in tables of the test's own role, so the statements change the role.
CREATE FUNCTION pg_temp.as_owner(statement text)
    RETURNS void
    LANGUAGE plpgsql
AS $function$
BEGIN
    SET LOCAL ROLE discards_owner;
    EXECUTE statement;
    RESET ROLE;
END
$function$;

SELECT lives_ok(
    format('SELECT pg_temp.as_owner(%L)',
           format($$INSERT INTO positions.outbox_discards
                           (book_id, event_id, position_id, host, outbox_sequence, buffered_at,
                            actor, reason, event)
                    VALUES (%1$s, '00000000-0000-0000-0000-000000000001', gen_random_uuid(),
                            'there', 7, now(), 'bob', 'again', '{}'),
                           (%1$s, '00000000-0000-0000-0000-000000000006', gen_random_uuid(),
                            'there', 7, now(), 'bob', 'again', '{}')
                        ON CONFLICT ON CONSTRAINT event_is_discarded_once DO NOTHING$$, :book)),
    'the owner, who may not update, discards with ON CONFLICT DO NOTHING');

SELECT results_eq(
    format($$SELECT d.actor, d.reason
               FROM positions.outbox_discards AS d
              WHERE d.book_id = %s
                AND d.event_id IN ('00000000-0000-0000-0000-000000000001',
                                   '00000000-0000-0000-0000-000000000006')
              ORDER BY d.event_id$$, :book),
    $$VALUES ('ann', 'sent twice by hand'), ('bob', 'again')$$,
    'the first record of a discard stands, and a new one is added');

SELECT * FROM finish();

ROLLBACK;
