-- Steps taken with generations are recorded once and for ever; a slot cannot be its own former one.
BEGIN;

CREATE EXTENSION IF NOT EXISTS pgtap;

SELECT no_plan();

SELECT positions.ensure_book('steps-test') AS book \gset

-- A step with one expression changed, as an INSERT.
CREATE FUNCTION pg_temp.step(book int, actor text, step text, from_slot int, to_slot int,
                             digest text)
    RETURNS text
    LANGUAGE sql
AS $function$
    SELECT format('INSERT INTO positions.generation_steps '
                  '       (book_id, actor, step, from_slot, to_slot, log_position, digest) '
                  'VALUES (%L, %L, %L, %L, %L, 7, %L)',
                  book, actor, step, from_slot, to_slot, digest);
$function$;

SELECT lives_ok(pg_temp.step(:book, 'ada', 'promoted', 1, 2, repeat('0a', 32)),
                'a step is recorded');
SELECT lives_ok(pg_temp.step(:book, 'ada', 'rebuilt', NULL, 2, NULL),
                'a rebuild comes from no slot');

SELECT throws_ok(w.statement, w.state, NULL, w.why)
  FROM (VALUES
    (pg_temp.step(:book, '', 'promoted', 1, 2, NULL), '23514', 'somebody does it'),
    (pg_temp.step(:book, repeat('a', 129), 'promoted', 1, 2, NULL), '23514',
     'an actor has 128 octets at most'),
    (pg_temp.step(:book, 'ada', 'renamed', 1, 2, NULL), '23514', 'a step is one of four'),
    (pg_temp.step(:book, 'ada', 'promoted', 1, 4, NULL), '23514', 'a slot is one of three'),
    (pg_temp.step(:book, 'ada', 'retired', NULL, NULL, NULL), '23514', 'a step has a slot'),
    (pg_temp.step(:book, 'ada', 'promoted', 1, 2, 'abc'), '23514', 'a digest is a SHA-256'),
    (pg_temp.step(-1, 'ada', 'promoted', 1, 2, NULL), '23503', 'a step belongs to a book')
  ) AS w (statement, state, why);

SELECT throws_ok(statement, 'NX001', NULL, 'refused: ' || statement)
  FROM (VALUES ('UPDATE positions.generation_steps SET actor = ''eve'''),
               ('DELETE FROM positions.generation_steps'),
               ('TRUNCATE positions.generation_steps')) AS s (statement);

SELECT results_eq(
    format('SELECT step, actor FROM positions.generation_steps WHERE book_id = %s ORDER BY step_id',
           :book),
    $$VALUES ('promoted', 'ada'), ('rebuilt', 'ada')$$,
    'and stay as they are');

SELECT throws_ok(
    format('UPDATE positions.live_slot SET former_slot = slot WHERE book_id = %s', :book),
    '23514', NULL, 'a slot is not its own former one');

SELECT lives_ok(
    format('UPDATE positions.live_slot SET slot = 2, former_slot = slot WHERE book_id = %s', :book),
    'a promotion is one row''s update');

SELECT results_eq(
    format('SELECT slot, former_slot FROM positions.live_slot WHERE book_id = %s', :book),
    'SELECT 2::smallint, 1::smallint',
    'and remembers what was live');

SELECT * FROM finish();

ROLLBACK;
