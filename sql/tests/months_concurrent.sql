-- Two sessions that want the same month: the second waits and finds it made; readers and writers
-- of the log never wait. Real sessions, so what they commit is taken away at the end.
BEGIN;

CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS dblink;

SELECT no_plan();

CREATE FUNCTION pg_temp.connect(name text)
    RETURNS text
    LANGUAGE sql
AS $function$
    SELECT dblink_connect(name,
           format('host=%s port=%s dbname=%L user=%L',
                  split_part(current_setting('unix_socket_directories'), ',', 1),
                  current_setting('port'), current_database(), current_user));
$function$;

SELECT pg_temp.connect('maker'), pg_temp.connect('second'), pg_temp.connect('reader');

-- A month that stands already, a reader of the log in its transaction, and an append in it.
SELECT month
  FROM dblink('maker', $$SELECT positions.ensure_month('2160-01-01')$$) AS r (month text);
SELECT dblink_exec('reader', 'BEGIN');
SELECT is(n, 0::bigint, 'a reader holds its lock on the log')
  FROM dblink('reader', $$SELECT count(*) FROM positions.events WHERE recorded_at >= '2160-01-01'$$)
    AS r (n bigint);
SELECT dblink_exec('reader', $$
    INSERT INTO positions.events
           (book_id, log_position, position_id, version, event_id, event_type, schema_version,
            effective_at, recorded_at, source, payload, leaf_hash)
    VALUES (2147483647, 1, gen_random_uuid(), 1, gen_random_uuid(), 'close_requested', 1,
            '2160-01-01', '2160-01-01', 'venue_ws', '{}', decode(repeat('00', 32), 'hex'))$$);

SELECT dblink_exec('maker', 'BEGIN');
SELECT dblink_exec('maker', $$SET LOCAL lock_timeout = '2s'$$);
SELECT is(month, 'positions.events_y2160m02', 'ATTACH waits for no reader and no append')
  FROM dblink('maker', $$SELECT positions.ensure_month('2160-02-10')$$) AS r (month text);

-- The harder case: its snapshot is older than the month, and stays so.
SELECT dblink_exec('second', 'BEGIN ISOLATION LEVEL REPEATABLE READ');
SELECT is(n, 1::bigint, 'the second session has its snapshot')
  FROM dblink('second', $$SELECT count(*) FROM pg_namespace WHERE nspname = 'positions'$$)
    AS r (n bigint);

SELECT ok(dblink_send_query('second', $$SELECT positions.ensure_month('2160-02-20')$$) = 1,
          'a second session asks for the month that the first has not committed');

-- The signal is the second session's place in the queue of the lock; ten seconds are the limit.
DO $block$
BEGIN
    FOR _ IN 1 .. 1000 LOOP
        EXIT WHEN EXISTS (SELECT
                            FROM pg_locks AS l
                           WHERE l.locktype = 'advisory'
                             AND NOT l.granted);
        PERFORM pg_sleep(0.01);
    END LOOP;
END
$block$;

SELECT is(dblink_is_busy('second'), 1, 'it waits for the first');

SELECT is(n, 1::bigint, 'a read of the log goes on meanwhile')
  FROM dblink('reader', $$SELECT count(*) FROM positions.events WHERE recorded_at >= '2160-01-01'$$)
    AS r (n bigint);

SELECT dblink_exec('maker', 'COMMIT');

SELECT is(month, 'positions.events_y2160m02', 'and then answers with the same month')
  FROM dblink_get_result('second') AS r (month text);

SELECT is(count(*), 2::bigint, 'the month was made once')
  FROM pg_inherits AS i
 WHERE i.inhparent = 'positions.events'::regclass
   AND i.inhrelid::regclass::text LIKE '%events_y2160m%';

SELECT dblink_exec('reader', 'ROLLBACK');
SELECT dblink_disconnect('reader'), dblink_disconnect('second');

-- The two makers of a book: the second waits, and gets the first one's number.
SELECT pg_temp.connect('second');
SELECT dblink_exec('maker', 'BEGIN');
SELECT book AS made
  FROM dblink('maker', $$SELECT positions.ensure_book('months-concurrent-test')$$) AS r (book int)
\gset
SELECT dblink_send_query('second', $$SELECT positions.ensure_book('months-concurrent-test')$$);

DO $block$
BEGIN
    FOR _ IN 1 .. 1000 LOOP
        EXIT WHEN EXISTS (SELECT
                            FROM pg_locks AS l
                           WHERE l.locktype = 'transactionid'
                             AND NOT l.granted);
        PERFORM pg_sleep(0.01);
    END LOOP;
END
$block$;

SELECT is(dblink_is_busy('second'), 1, 'a second maker of a book waits for the first');
SELECT dblink_exec('maker', 'COMMIT');
SELECT is(book, :made, 'and then answers with the same book')
  FROM dblink_get_result('second') AS r (book int);

SELECT dblink_exec('maker', $$DROP TABLE positions.events_y2160m01, positions.events_y2160m02$$);
SELECT dblink_exec('maker', format('DELETE FROM positions.live_slot WHERE book_id = %s', :made));
SELECT dblink_exec('maker', format('DELETE FROM positions.log_head WHERE book_id = %s', :made));
SELECT dblink_exec('maker', format('DELETE FROM positions.books WHERE book_id = %s', :made));
SELECT dblink_disconnect('maker'), dblink_disconnect('second');

SELECT * FROM finish();

ROLLBACK;
