-- Two sessions race for what an account has left: exactly one wins, whatever the order and whoever
-- commits. Real sessions, so what they commit is taken away at the end.
BEGIN;

CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS dblink;

SELECT no_plan();

CREATE FUNCTION pg_temp.connect(name text)
    RETURNS int
    LANGUAGE plpgsql
AS $function$
BEGIN
    PERFORM public.dblink_connect(name,
           format('host=%s port=%s dbname=%L user=%L',
                  split_part(current_setting('unix_socket_directories'), ',', 1),
                  current_setting('port'), current_database(), current_user));
    -- Says what a statement of the service came to: its answer, or SQLSTATE and constraint.
    PERFORM public.dblink_exec(name, $remote$
        CREATE FUNCTION pg_temp.try(statement text)
            RETURNS text
            LANGUAGE plpgsql
        AS $try$
        DECLARE
            said  text;
            place text;
        BEGIN
            SET LOCAL ROLE nexus_capital;
            EXECUTE statement INTO said;
            RESET ROLE;
            RETURN coalesce(said, 'done');
        EXCEPTION
            WHEN OTHERS THEN
                GET STACKED DIAGNOSTICS place = CONSTRAINT_NAME;
                RETURN trim(sqlstate || ' ' || place);
        END
        $try$$remote$);
    RETURN (SELECT pid FROM public.dblink(name, 'SELECT pg_backend_pid()') AS r (pid int));
END
$function$;

SELECT pg_temp.connect('maker') AS maker, pg_temp.connect('one') AS one,
       pg_temp.connect('two') AS two \gset

-- Without the triggers of config, whose log would keep it for ever.
SELECT dblink_exec('maker', 'SET session_replication_role = replica');
SELECT dblink_exec('maker', $$
    INSERT INTO config.exchanges (exchange, name)
    VALUES ('capital-race-a', 'A test'), ('capital-race-b', 'A test')$$);
SELECT dblink_exec('maker', $$
    INSERT INTO capital.accounts (exchange, asset, balance)
    VALUES ('capital-race-a', 'USDT', 100), ('capital-race-b', 'USDT', 100)$$);

-- The first session does its work and keeps its transaction open, the second comes to wait for it,
-- the first one ends. What both came to, and whether the second had to wait.
CREATE FUNCTION pg_temp.race(first text, second text, its_work text, others_work text,
                             its_end text DEFAULT 'COMMIT',
                             isolation text DEFAULT 'READ COMMITTED')
    RETURNS text
    LANGUAGE plpgsql
AS $function$
DECLARE
    first_said  text;
    second_said text;
    second_pid  int;
    has_waited  boolean := false;
BEGIN
    PERFORM public.dblink_exec('maker', $$
        DELETE FROM capital.allocations
         WHERE account_id IN (SELECT a.account_id FROM capital.accounts AS a
                               WHERE a.exchange LIKE 'capital-race-_')$$);
    PERFORM public.dblink_exec('maker', $$
        UPDATE capital.accounts SET balance = 100 WHERE exchange LIKE 'capital-race-_'$$);

    second_pid := (SELECT pid FROM public.dblink(second, 'SELECT pg_backend_pid()') AS r (pid int));
    PERFORM public.dblink_exec(first, 'BEGIN ISOLATION LEVEL ' || isolation);
    PERFORM public.dblink_exec(second, 'BEGIN ISOLATION LEVEL ' || isolation);
    -- Its snapshot, where the isolation keeps one, is of before.
    PERFORM n FROM public.dblink(second, 'SELECT count(*) FROM capital.accounts') AS r (n bigint);
    first_said := (SELECT said FROM public.dblink(first, format('SELECT pg_temp.try(%L)', its_work))
                                 AS r (said text));
    PERFORM public.dblink_send_query(second, format('SELECT pg_temp.try(%L)', others_work));
    -- The signal is that it waits, or is done; ten seconds are the limit.
    FOR _ IN 1 .. 1000 LOOP
        has_waited := EXISTS (SELECT
                                FROM pg_catalog.pg_locks AS l
                               WHERE l.pid = second_pid
                                 AND NOT l.granted);
        EXIT WHEN has_waited OR public.dblink_is_busy(second) = 0;
        PERFORM pg_sleep(0.01);
    END LOOP;
    PERFORM public.dblink_exec(first, its_end);
    SELECT said INTO second_said FROM public.dblink_get_result(second) AS r (said text);
    PERFORM FROM public.dblink_get_result(second) AS r (said text);
    PERFORM public.dblink_exec(second, 'COMMIT');
    RETURN format('%s%s, %s', first_said, CASE WHEN has_waited THEN ' waits' ELSE '' END,
                  second_said);
END
$function$;

CREATE FUNCTION pg_temp.ask(n int, amount numeric, exchange text DEFAULT 'capital-race-a')
    RETURNS text
    LANGUAGE sql
AS $function$
    SELECT format('SELECT left(capital.allocate(''%s0000000-0000-0000-0000-000000000000'', %L, '
                  '''main'', ''USDT'', %s, ''race'')::text, 1)', n, exchange, amount)
$function$;
CREATE FUNCTION pg_temp.insert(n int, amount numeric)
    RETURNS text
    LANGUAGE sql
AS $function$
    SELECT format('INSERT INTO capital.allocations (allocation_id, account_id, amount, strategy) '
                  'SELECT ''%s0000000-0000-0000-0000-000000000000'', a.account_id, %s, ''race'' '
                  'FROM capital.accounts AS a WHERE a.exchange = ''capital-race-a'' '
                  'RETURNING left(allocation_id::text, 1)', n, amount)
$function$;
CREATE FUNCTION pg_temp.balance(amount numeric)
    RETURNS text
    LANGUAGE sql
AS $function$
    SELECT format('UPDATE capital.accounts SET balance = %s WHERE exchange = ''capital-race-a'' '
                  'RETURNING ''balance''', amount)
$function$;
-- balance-allocated, and the allocations that stand.
CREATE FUNCTION pg_temp.stand()
    RETURNS text
    LANGUAGE sql
    VOLATILE
AS $function$
    SELECT format('%s-%s %s', trim_scale(a.balance), trim_scale(a.allocated),
                  (SELECT string_agg(left(k.allocation_id::text, 1), ',' ORDER BY k.allocation_id)
                     FROM capital.allocations AS k
                    WHERE k.account_id = a.account_id
                      AND k.status <> 'released'))
      FROM capital.accounts AS a
     WHERE a.exchange = 'capital-race-a'
$function$;

-- 100 are there, 60 are asked for twice.
SELECT is(pg_temp.race('one', 'two', pg_temp.ask(1, 60), pg_temp.ask(2, 60)),
          '1 waits, 23514 allocated_is_within_the_balance', 'the first one wins, the second waits');
SELECT is(pg_temp.stand(), '100-60 1', 'and one allocation stands');
SELECT is(pg_temp.race('two', 'one', pg_temp.ask(2, 60), pg_temp.ask(1, 60)),
          '2 waits, 23514 allocated_is_within_the_balance', 'the other order');
SELECT is(pg_temp.stand(), '100-60 2', 'is the other one''s');
SELECT is(pg_temp.race('one', 'two', pg_temp.ask(1, 60), pg_temp.ask(2, 60), 'ROLLBACK'),
          '1 waits, 2', 'the second wins where the first takes it back');
SELECT is(pg_temp.stand(), '100-60 2', 'and alone');
SELECT is(pg_temp.race('one', 'two', pg_temp.ask(1, 60), pg_temp.ask(2, 40)), '1 waits, 2',
          'both win where there is enough');
SELECT is(pg_temp.stand(), '100-100 1,2', 'to the last');

-- By statements of their own, which lock nothing first.
SELECT is(pg_temp.race('one', 'two', pg_temp.insert(1, 60), pg_temp.insert(2, 60)),
          '1 waits, 23514 allocated_is_within_the_balance', 'so it is for an INSERT by hand');
SELECT is(pg_temp.stand(), '100-60 1', 'one row stands');
SELECT is(pg_temp.race('two', 'one', pg_temp.insert(2, 60), pg_temp.insert(1, 60), 'ROLLBACK'),
          '2 waits, 1', 'also where the first takes it back');
SELECT is(pg_temp.race('one', 'two', pg_temp.insert(1, 60), pg_temp.ask(2, 60)),
          '1 waits, 23514 allocated_is_within_the_balance', 'the function waits for it');
SELECT is(pg_temp.race('one', 'two', pg_temp.ask(1, 60), pg_temp.insert(2, 60)),
          '1 waits, 23514 allocated_is_within_the_balance', 'and it for the function');
SELECT is(pg_temp.race('one', 'two', pg_temp.ask(1, 60), pg_temp.ask(2, 60), 'COMMIT',
                       'REPEATABLE READ'),
          '1 waits, 40001', 'a snapshot of before is refused, to be tried again');
SELECT is(pg_temp.race('one', 'two', pg_temp.insert(1, 60), pg_temp.insert(2, 60), 'COMMIT',
                       'SERIALIZABLE'),
          '1 waits, 40001', 'however it asks');
SELECT is(pg_temp.stand(), '100-60 1', 'one stands');

-- The account changes meanwhile.
SELECT is(pg_temp.race('one', 'two', pg_temp.balance(50), pg_temp.ask(2, 60)),
          'balance waits, 23514 allocated_is_within_the_balance',
          'an allocation sees a balance that falls meanwhile');
SELECT is(pg_temp.race('one', 'two', pg_temp.balance(50), pg_temp.insert(2, 60)),
          'balance waits, 23514 allocated_is_within_the_balance', 'by hand too');
SELECT is(pg_temp.race('one', 'two', pg_temp.ask(1, 60), pg_temp.balance(50)),
          '1 waits, 23514 allocated_is_within_the_balance',
          'a balance does not fall below an allocation that comes meanwhile');
SELECT is(pg_temp.race('one', 'two', pg_temp.insert(1, 60), pg_temp.balance(50)),
          '1 waits, 23514 allocated_is_within_the_balance', 'by hand neither');
SELECT is(pg_temp.race('one', 'two', pg_temp.balance(200), pg_temp.ask(2, 150)),
          'balance waits, 2', 'one that rises meanwhile is there to be allocated');
SELECT is(pg_temp.stand(), '200-150 2', 'and was');
SELECT is(pg_temp.race('one', 'two', pg_temp.ask(1, 60),
              'SELECT ''set '' || capital.set_balance(''capital-race-a'', ''main'', ''USDT'', 50, '
              'clock_timestamp())'),
          '1 waits, 23514 allocated_is_within_the_balance', 'what the exchange says waits too');

-- The same request twice.
SELECT is(pg_temp.race('one', 'two', pg_temp.ask(1, 60), pg_temp.ask(1, 60)), '1 waits, 1',
          'the same request from two sessions is one allocation');
SELECT is(pg_temp.stand(), '100-60 1', 'and counts once');
SELECT is(pg_temp.race('one', 'two', pg_temp.ask(1, 60), pg_temp.ask(1, 60, 'capital-race-b')),
          '1 waits, 23505 allocation_is_made_once', 'an id is not taken for two accounts');
SELECT is(pg_temp.race('one', 'two', pg_temp.ask(1, 60), pg_temp.ask(1, 60, 'capital-race-b'),
                       'ROLLBACK'),
          '1 waits, 1', 'but for the second where the first takes it back');
SELECT is(pg_temp.stand(), '100-0 ', 'nothing of the first is left');

-- Given back twice: the allocation is made in the race's own first transaction.
SELECT is(pg_temp.race('one', 'two', pg_temp.ask(1, 60),
              'SELECT capital.release(''20000000-0000-0000-0000-000000000000'')'),
          '1, P0002', 'what is not there is not given back');
SELECT dblink_exec('one', 'BEGIN');
SELECT is(said, 'true', 'one gives it back')
  FROM dblink('one', $$SELECT capital.release('10000000-0000-0000-0000-000000000000')::text$$)
    AS r (said text);
SELECT dblink_send_query('two', $$SELECT capital.release('10000000-0000-0000-0000-000000000000')$$)
    AS sent \gset
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
SELECT is(dblink_is_busy('two'), 1, 'the other one waits');
SELECT dblink_exec('one', 'COMMIT');
SELECT is(said, false, 'and finds it given back') FROM dblink_get_result('two') AS r (said boolean);
SELECT count(*) AS rest FROM dblink_get_result('two') AS r (said boolean) \gset
SELECT is(pg_temp.stand(), '100-0 ', 'it counts once');

-- Transfers in opposite directions at once: neither waits for the other, so no deadlock.
SELECT dblink_exec('one', 'BEGIN'), dblink_exec('two', 'BEGIN');
SELECT dblink_exec('two', $$SET LOCAL lock_timeout = '5s'$$);
SELECT is(said, 'done', 'a transfer from a to b, not committed')
  FROM dblink('one', $$SELECT 'done' FROM capital.request_transfer(gen_random_uuid(),
      'capital-race-a', 'main', 'capital-race-b', 'main', 'USDT', 60)$$) AS r (said text);
SELECT is(said, 'done', 'one from b to a does not wait for it')
  FROM dblink('two', $$SELECT 'done' FROM capital.request_transfer(gen_random_uuid(),
      'capital-race-b', 'main', 'capital-race-a', 'main', 'USDT', 60)$$) AS r (said text);
SELECT dblink_exec('one', 'ROLLBACK'), dblink_exec('two', 'ROLLBACK');

-- Many at once, as they come: eight sessions, each asks for 1 a hundred times in a hundred
-- transactions, by the function and by hand in turns; 500 are there.
SELECT count(pg_temp.connect('s' || n)) AS sessions FROM generate_series(1, 8) AS n \gset
SELECT dblink_exec('maker', $$
    UPDATE capital.accounts SET balance = 500 WHERE exchange = 'capital-race-a'$$);
SELECT count(dblink_send_query('s' || n, $remote$
    DO $block$
    BEGIN
        FOR n IN 1 .. 50 LOOP
            PERFORM pg_temp.try($$SELECT capital.allocate(gen_random_uuid(), 'capital-race-a',
                'main', 'USDT', 1, 'race')$$);
            COMMIT;
            PERFORM pg_temp.try($$
                INSERT INTO capital.allocations (allocation_id, account_id, amount, strategy)
                SELECT gen_random_uuid(), a.account_id, 1, 'race'
                  FROM capital.accounts AS a
                 WHERE a.exchange = 'capital-race-a'
                RETURNING 'done'$$);
            COMMIT;
        END LOOP;
    END
    $block$$remote$)) AS sent FROM generate_series(1, 8) AS n \gset
SELECT count(r.status) AS ended
  FROM generate_series(1, 8) AS n
 CROSS JOIN LATERAL dblink_get_result('s' || n) AS r (status text) \gset
SELECT is(format('%s of %s', count(k.allocation_id), sum(k.amount)::int), '500 of 500',
          'of 800 requests for 1 of 500 exactly 500 win')
  FROM capital.allocations AS k
  JOIN capital.accounts AS a
    ON a.account_id = k.account_id
 WHERE a.exchange = 'capital-race-a'
   AND k.status <> 'released';
SELECT is(split_part(pg_temp.stand(), ' ', 1), '500-500', 'and nothing is left');
SELECT count(dblink_disconnect('s' || n)) AS sessions FROM generate_series(1, 8) AS n \gset

SELECT dblink_exec('maker', $$
    DELETE FROM capital.allocations
     WHERE account_id IN (SELECT a.account_id FROM capital.accounts AS a
                           WHERE a.exchange LIKE 'capital-race-_')$$);
SELECT dblink_exec('maker', $$DELETE FROM capital.accounts WHERE exchange LIKE 'capital-race-_'$$);
SELECT dblink_exec('maker', $$DELETE FROM config.exchanges WHERE exchange LIKE 'capital-race-_'$$);
SELECT dblink_disconnect('maker'), dblink_disconnect('one'), dblink_disconnect('two');

SELECT * FROM finish();

ROLLBACK;
