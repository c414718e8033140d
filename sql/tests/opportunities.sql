-- An opportunity moves on to a next state only; what was detected stays; executions are linked.
BEGIN;

CREATE EXTENSION IF NOT EXISTS pgtap;

SELECT no_plan();

INSERT INTO config.exchanges (exchange, name)
VALUES ('op-test-a', 'A'), ('op-test-b', 'B');

CREATE FUNCTION pg_temp.detect(symbol text)
    RETURNS uuid
    LANGUAGE sql
AS $function$
    SELECT opportunities.detect(
               'funding', 'BTC', 'op-test-a', symbol, 'op-test-b', symbol, 71.5,
               '{"funding": 80, "liquidity": 60}', 0.0007,
               detected_at => '2026-03-01 00:00:00+00');
$function$;

-- The whole life cycle, each pair of states.
CREATE TEMPORARY TABLE paths AS
SELECT s.status, s.path
  FROM (VALUES ('detected', '{}'::text[]), ('qualified', '{qualified}'),
               ('executing', '{qualified,executing}'),
               ('executed', '{qualified,executing,executed}'), ('expired', '{expired}'),
               ('rejected', '{rejected}'), ('failed', '{qualified,executing,failed}'))
       AS s (status, path);

CREATE FUNCTION pg_temp.attempt(from_status text, to_status text)
    RETURNS text
    LANGUAGE plpgsql
AS $function$
DECLARE
    id   uuid := pg_temp.detect(format('%s-%s', from_status, to_status));
    cure text;
BEGIN
    PERFORM opportunities.advance(id, p.status)
       FROM paths AS s
      CROSS JOIN LATERAL unnest(s.path) WITH ORDINALITY AS p (status, place)
      WHERE s.status = from_status
      ORDER BY p.place;
    UPDATE opportunities.detected
       SET status = to_status
     WHERE opportunity_id = id;
    RETURN 'allowed';
EXCEPTION
    WHEN check_violation THEN
        GET STACKED DIAGNOSTICS cure = PG_EXCEPTION_HINT;
        RETURN cure;
END
$function$;

SELECT is(pg_temp.attempt(f.status, t.status),
          CASE
              WHEN a.allowed IS NULL
                  THEN f.status || ' is a last state: it stays. Allowed next: none.'
              WHEN t.status = ANY (a.allowed) THEN 'allowed'
              ELSE format('Allowed next: %s.', array_to_string(a.allowed, ', '))
          END,
          format('from %s to %s', f.status, t.status))
  FROM paths AS f
 CROSS JOIN paths AS t
  LEFT JOIN (VALUES ('detected', '{qualified,expired,rejected}'::text[]),
                    ('qualified', '{executing,expired,rejected}'),
                    ('executing', '{executed,expired,rejected,failed}')) AS a (status, allowed)
    ON a.status = f.status
 WHERE f.status <> t.status;

SELECT throws_ok(
    $$INSERT INTO opportunities.detected
             (strategy, asset, long_exchange, long_symbol, short_exchange, short_symbol, score,
              components, spread, status)
      VALUES ('funding', 'BTC', 'op-test-a', 'I', 'op-test-b', 'I', 1, '{}', 0, 'executed')$$,
    '23514', NULL, 'an opportunity begins as detected');

SELECT pg_temp.detect('ONE') AS one \gset
SELECT is(pg_temp.detect('ONE'), :'one', 'told again it is the same');
SELECT throws_ok(
    format('UPDATE opportunities.detected SET score = 99 WHERE opportunity_id = %L', :'one'),
    '23514', format('opportunity %s is detected: score cannot change', :'one'),
    'what was detected stays');
SELECT ok(opportunities.advance(:'one', 'qualified', 'spread holds'), 'it moves on');
SELECT ok(NOT opportunities.advance(:'one', 'qualified'), 'once');
SELECT throws_ok(format('SELECT opportunities.advance(%L, ''executed'')', :'one'), '23514',
                 format('opportunity %s cannot become executed: it is qualified', :'one'),
                 'no state is left out');
SELECT throws_ok(format('SELECT opportunities.advance(%L, ''sold'')', :'one'), '23514', NULL,
                 'an unknown state is none of the next');
SELECT throws_ok(format('SELECT opportunities.advance(%L, ''expired'')', gen_random_uuid()),
                 'P0002', NULL, 'an unknown opportunity is refused');

-- Executions.
SELECT opportunities.start_execution(:'one', 100, 101) AS failing \gset
SELECT ok(opportunities.end_execution(:'failing', NULL, NULL, NULL, NULL, error => 'no fill'),
          'an attempt fails');
SELECT opportunities.start_execution(:'one', 100, 101, md5('op-test')::uuid) AS execution \gset
SELECT results_eq('SELECT execution_id, position_id FROM opportunities.orphans',
                  format('SELECT %L::uuid, md5(''op-test'')::uuid', :'execution'),
                  'a position that the ledger does not know is an orphan');
SELECT ok(opportunities.end_execution(:'execution', NULL, 2.5, 100.1, 100.9), 'another is filled');
SELECT ok(NOT opportunities.end_execution(:'execution', NULL, 2.5, 100.1, 100.9), 'once');
SELECT results_eq(
    format('SELECT attempt, status, long_slippage, short_slippage, strategy '
           '  FROM opportunities.execution_quality WHERE opportunity_id = %L ORDER BY attempt',
           :'one'),
    $$VALUES (1, 'failed', NULL::numeric(38,18), NULL::numeric(38,18), 'funding'),
             (2, 'filled', 0.001, 0.000990099009900990, 'funding')$$,
    'slippage is what it cost more than expected');
SELECT results_eq(
    format('SELECT status FROM opportunities.known WHERE opportunity_id = %L', :'one'),
    $$VALUES ('executed')$$, 'and the opportunity is executed');
SELECT throws_ok(format('SELECT opportunities.start_execution(%L, 1, 1)', :'one'), '23514', NULL,
                 'for ever');
SELECT throws_ok(
    format('UPDATE opportunities.detected SET status_reason = ''x'' WHERE opportunity_id = %L',
           :'one'), '23514', NULL, 'a last state stays as it is');

INSERT INTO positions.streams
       (first_recorded_at, last_recorded_at, version, position_id, book_id, state, progress)
VALUES (now(), now(), 1, md5('op-test')::uuid, positions.ensure_book('op-test'), 'OPEN', '{}');
SELECT is_empty('SELECT FROM opportunities.orphans', 'a position that came is no orphan');

SELECT throws_ok(
    $$INSERT INTO opportunities.executions
             (opportunity_id, detected_at, long_price_expected, short_price_expected)
      VALUES (gen_random_uuid(), '2026-03-01 00:00:00+00', 1, 1)$$,
    '23503', NULL, 'an execution belongs to an opportunity');

SELECT throws_ok(
    format($$SELECT opportunities.detect('funding', 'BTC', %L, %L, 'op-test-b', 'X', %L, %L, %L)$$,
           v.exchange, v.symbol, v.score, v.components, v.spread), v.state, NULL, v.why)
  FROM (VALUES
    ('op-test-x', 'X', 1, '{}', 0, '23503', 'a leg belongs to an exchange'),
    ('op-test-b', 'X', 1, '{}', 0, '23514', 'legs are two'),
    ('op-test-a', 'X', 101, '{}', 0, '23514', 'a score is 100 at most'),
    ('op-test-a', 'X', 'NaN'::numeric, '{}', 0, '23514', 'a score is a number'),
    ('op-test-a', 'X', 1, '[]', 0, '23514', 'components are an object'),
    ('op-test-a', 'X', 1, '{}', 3, '23514', 'a spread is a fraction'),
    ('op-test-a', 'X X', 1, '{}', 0, '23514', 'a symbol has no space')
  ) AS v (exchange, symbol, score, components, spread, state, why);

SELECT isnt_empty(
    $$SELECT FROM opportunities.detected WHERE components @> '{"funding": 80}'$$,
    'opportunities are found by their components');

-- Told again with other content it is another one.
SELECT throws_ok(
    format($$SELECT opportunities.detect(%s, detected_at => '2026-03-01 00:00:00+00')$$, v.content),
    '23505', format('opportunity %s is known with other content: %s', :'one', v.differs),
    'told again with another ' || v.why)
  FROM (VALUES
    ($$'funding', 'BTC', 'op-test-a', 'ONE', 'op-test-b', 'ONE', 99,
       '{"funding": 80, "liquidity": 60}', 0.9$$,
     'score is 71.5, not 99, spread is 0.0007, not 0.9', 'score and spread'),
    ($$'funding', 'ETH', 'op-test-a', 'ONE', 'op-test-b', 'ONE', 71.5, '{"funding": 80}', 0.0007$$,
     'asset is BTC, not ETH, components is {"funding": 80, "liquidity": 60}, not {"funding": 80}',
     'asset and components'),
    ($$'funding', 'BTC', 'op-test-a', 'ONE', 'op-test-b', 'ONE', 71.5,
       '{"funding": 80, "liquidity": 60}', 0.0007, 5000$$,
     'notional_max is null, not 5000', 'limit')
  ) AS v (content, differs, why);
SELECT is(opportunities.detect('funding', 'BTC', 'op-test-a', 'ONE', 'op-test-b', 'ONE', 71.50,
                               '{"liquidity": 60, "funding": 80.0}', 0.00070,
                               expires_at => '2027-01-01 00:00:00+00',
                               detected_at => '2026-03-01 00:00:00+00'),
          :'one', 'equal numbers are the same, and expires_at may have been moved');

-- One execution runs at a time, and an opportunity does not end before it.
SELECT pg_temp.detect('RUN') AS run \gset
SELECT throws_ok(
    format($$INSERT INTO opportunities.executions
                    (opportunity_id, detected_at, long_price_expected, short_price_expected)
             VALUES (%L, '2026-03-01 00:00:00+00', 1, 1)$$, :'run'),
    '23514', format('an execution of opportunity %s cannot begin: it is detected', :'run'),
    'what is only detected is not executed');
SELECT ok(opportunities.advance(:'run', 'qualified'), 'qualified it is');
SELECT opportunities.start_execution(:'run', 100, 101) AS running \gset
SELECT throws_ok(
    format('SELECT opportunities.start_execution(%L, 100, 101)', :'run'), '55000',
    format('an execution of opportunity %s cannot begin: its execution %s is running', :'run',
           :'running'), 'a second one waits for the end of the first');
SELECT throws_ok(
    format(s.statement, :'run', e.status), '23514',
    format('opportunity %s cannot become %s: its execution %s is running', :'run', e.status,
           :'running'), format('%s by %s', e.status, s.way))
  FROM (VALUES ('advance', 'SELECT opportunities.advance(%L, %L)'),
               ('a direct change', 'UPDATE opportunities.detected AS d SET status = %2$L'
                                   ' WHERE d.opportunity_id = %1$L')) AS s (way, statement)
 CROSS JOIN (VALUES ('expired'), ('rejected'), ('failed'), ('executed')) AS e (status);
SELECT throws_ok(
    format('UPDATE opportunities.executions SET long_price_expected = 1, attempt = 7 '
           ' WHERE execution_id = %L', :'running'), '23514',
    format('execution %s is running: attempt, long_price_expected cannot change', :'running'),
    'what was begun stays');
SELECT lives_ok(
    format('UPDATE opportunities.executions SET first_fill_at = started_at, quantity = 1 '
           ' WHERE execution_id = %L', :'running'), 'what comes of it is written while it runs');
SELECT ok(opportunities.end_execution(:'running', md5('op-run')::uuid, 1, 100, 101),
          'its position is written down');
SELECT results_eq(
    format('SELECT status FROM opportunities.known WHERE opportunity_id = %L', :'run'),
    $$VALUES ('executed')$$, 'and the opportunity is executed');
SELECT throws_ok(
    format('UPDATE opportunities.executions SET %s WHERE execution_id = %L', v.change, :'running'),
    '23514', format('execution %s is filled: %s cannot change', :'running', v.columns),
    'what has ended stays: ' || v.columns)
  FROM (VALUES ('status = ''running'', ended_at = NULL', 'ended_at, status'),
               ('position_id = md5(''other'')::uuid', 'position_id'),
               ('quantity = 2, long_price_actual = 99', 'long_price_actual, quantity'),
               ('started_at = detected_at', 'started_at')) AS v (change, columns);
SELECT lives_ok(
    format('UPDATE opportunities.executions SET quantity = 1.0 WHERE execution_id = %L',
           :'running'), 'what changes nothing is no change');
SELECT throws_ok(
    format($$INSERT INTO opportunities.executions
                    (opportunity_id, detected_at, long_price_expected, short_price_expected,
                     status, ended_at, error)
             VALUES (%L, '2026-03-01 00:00:00+00', 1, 1, 'failed', clock_timestamp(), 'x')$$,
           :'run'),
    '23514', NULL, 'an execution begins as running');

-- One that had expired while its execution ran, as was possible once.
SELECT pg_temp.detect('LATE') AS late \gset
SELECT ok(opportunities.advance(:'late', 'qualified'), 'another is qualified');
SELECT opportunities.start_execution(:'late', 100, 101) AS late_execution \gset
SET LOCAL session_replication_role = replica;
UPDATE opportunities.detected SET status = 'expired' WHERE opportunity_id = :'late';
RESET session_replication_role;
SELECT ok(opportunities.end_execution(:'late_execution', md5('op-late')::uuid, 1, 100, 101),
          'the position of one that had expired is written down');
SELECT results_eq(
    format('SELECT e.status, e.position_id, d.status FROM opportunities.executions AS e '
           '  JOIN opportunities.detected AS d USING (opportunity_id, detected_at) '
           ' WHERE d.opportunity_id = %L', :'late'),
    $$VALUES ('filled', md5('op-late')::uuid, 'expired')$$, 'and the last state stays');

-- expires_at ends what has not begun.
CREATE FUNCTION pg_temp.detect(symbol text, expires_at timestamptz)
    RETURNS uuid
    LANGUAGE sql
AS $function$
    SELECT opportunities.detect(
               'funding', 'BTC', 'op-test-a', symbol, 'op-test-b', symbol, 71.5, '{}', 0.0007,
               expires_at => expires_at, detected_at => '2026-03-01 00:00:00+00');
$function$;
SELECT pg_temp.detect('OVER', clock_timestamp() - interval '1 second') AS over \gset
SELECT pg_temp.detect('HOLD', clock_timestamp() + interval '1 day') AS hold \gset
SELECT throws_like(format('SELECT opportunities.advance(%L, ''qualified'')', :'over'),
                   format('opportunity %s cannot become qualified: its expires_at %s is over',
                          :'over', '%'), 'what is over is not qualified');
SELECT ok(opportunities.advance(:'hold', 'qualified'), 'what is not is');
SELECT opportunities.start_execution(:'hold', 100, 101) AS held \gset
SELECT ok(opportunities.end_execution(:'held', NULL, NULL, NULL, NULL, error => 'no fill'),
          'and fails');
SELECT pg_temp.detect('SOON', clock_timestamp() + interval '1 day') AS soon \gset
SELECT ok(opportunities.advance(:'soon', 'qualified'), 'one more is qualified');
UPDATE opportunities.detected
   SET expires_at = clock_timestamp() - interval '1 second'
 WHERE opportunity_id IN (:'hold', :'soon');
SELECT throws_like(format('SELECT opportunities.start_execution(%L, 100, 101)', :'hold'),
                   format('an execution of opportunity %s cannot begin: its expires_at %s is over',
                          :'hold', '%'), 'nor is it executed once more');
SELECT throws_like(format('SELECT opportunities.start_execution(%L, 100, 101)', :'soon'),
                   format('opportunity %s cannot become executing: its expires_at %s is over',
                          :'soon', '%'), 'nor executed at all');
SELECT is((maintenance.run_job('opportunity_expiry')).outcome, 'done', 'a job expires them');
SELECT results_eq(
    format('SELECT status, status_reason FROM opportunities.known '
           ' WHERE opportunity_id IN (%L, %L, %L) ORDER BY long_symbol', :'hold', :'over', :'soon'),
    $$VALUES ('executing', NULL), ('expired', 'expires_at is over'),
             ('expired', 'expires_at is over')$$,
    'but for what is executing');
SELECT is(opportunities.expire_overdue(), 0, 'once');

-- Rights.
SET LOCAL ROLE nexus_risk;
SELECT lives_ok('SELECT FROM opportunities.known', 'others read the views');
SELECT lives_ok('SELECT FROM opportunities.orphans', 'also that of orphans');
SELECT throws_ok('SELECT FROM opportunities.detected', '42501', NULL, 'and not the tables');
SELECT throws_ok(format('SELECT opportunities.advance(%L, ''expired'')', :'one'), '42501', NULL,
                 'and move nothing on');
RESET ROLE;
SET LOCAL ROLE nexus_opportunities;
SELECT throws_ok('DELETE FROM opportunities.detected', '42501', NULL, 'nothing is removed');
SELECT lives_ok(
    $$INSERT INTO opportunities.detected
             (strategy, asset, long_exchange, long_symbol, short_exchange, short_symbol, score,
              components, spread)
      VALUES ('funding', 'BTC', 'op-test-a', 'R', 'op-test-b', 'R', 1, '{}', 0)$$,
    'the service writes its tables');
UPDATE opportunities.detected SET status = 'qualified' WHERE long_symbol = 'R';
UPDATE opportunities.detected SET status = 'executing' WHERE long_symbol = 'R';
SELECT lives_ok(
    $$INSERT INTO opportunities.executions
             (opportunity_id, detected_at, started_at, long_price_expected, short_price_expected)
      SELECT d.opportunity_id, d.detected_at, clock_timestamp(), 1, 1
        FROM opportunities.detected AS d
       WHERE d.long_symbol = 'R'$$,
    'and begins executions of what is executing');
SELECT throws_ok($$UPDATE opportunities.detected SET status = 'failed' WHERE long_symbol = 'R'$$,
                 '23514', NULL, 'the guard sees them for it');
SELECT lives_ok('SELECT opportunities.expire_overdue()', 'and expires what is over');
RESET ROLE;

SELECT * FROM finish();

ROLLBACK;
