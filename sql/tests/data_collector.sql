-- Instruments are one thing at a time; runs and gaps are counted, ended and filled once.
BEGIN;

CREATE EXTENSION IF NOT EXISTS pgtap;

SELECT no_plan();

INSERT INTO config.exchanges (exchange, name)
VALUES ('dc-test-a', 'A'), ('dc-test-b', 'B');

SELECT set_has(
    'SELECT source, kind, priority FROM data_collector.known_sources',
    $$VALUES ('exchange_api', 'exchange', 1), ('arbitragescanner', 'aggregator', 2)$$,
    'both sources of the specification are known');

-- Instruments.
SELECT data_collector.set_instrument('dc-test-a', 'BTCUSDT', 'BTC', 'USDT', 'USDT', 1, 0.1, 8,
                                     '2026-01-01 00:00:00+00') AS first_row \gset
SELECT is(data_collector.set_instrument('dc-test-a', 'BTCUSDT', 'BTC', 'USDT', 'USDT', 1, 0.1, 8,
                                        '2026-01-05 00:00:00+00'),
          :first_row::bigint, 'the same terms again are the same row');
SELECT isnt(data_collector.set_instrument('dc-test-a', 'BTCUSDT', 'BTC', 'USDT', 'USDT', 1, 0.1,
                                          4, '2026-02-01 10:00:00+00'),
            :first_row::bigint, 'other terms are another row');
SELECT results_eq(
    $$SELECT valid_from, valid_to, funding_interval_hours
        FROM data_collector.instrument_history
       WHERE exchange = 'dc-test-a'
       ORDER BY valid_from$$,
    $$VALUES (timestamptz '2026-01-01 00:00:00+00', timestamptz '2026-02-01 10:00:00+00', 8),
             ('2026-02-01 10:00:00+00', NULL, 4)$$,
    'the terms before end when the others begin');
SELECT results_eq(
    $$SELECT funding_interval_hours FROM data_collector.listed_instruments
       WHERE exchange = 'dc-test-a'$$,
    'SELECT 4', 'and the present ones are listed');
SELECT throws_ok(
    $$SELECT data_collector.set_instrument('dc-test-a', 'BTCUSDT', 'BTC', 'USDT', 'USDT', 1, 0.1,
                                           2, '2026-01-15 00:00:00+00')$$,
    '22023', NULL, 'terms are told in the order of time');
SELECT throws_ok(
    $$INSERT INTO data_collector.instruments
             (exchange, symbol, base, quote, settle, contract_size, tick_size,
              funding_interval_hours, valid_from, valid_to)
      VALUES ('dc-test-a', 'BTCUSDT', 'BTC', 'USDT', 'USDT', 1, 1, 8, '2026-01-10 00:00:00+00',
              '2026-01-11 00:00:00+00')$$,
    '23P01', NULL, 'an instrument is one thing at a time');
SELECT ok(data_collector.end_instrument('dc-test-a', 'BTCUSDT', '2026-03-01 00:00:00+00'),
          'an instrument is taken off');
SELECT ok(NOT data_collector.end_instrument('dc-test-a', 'BTCUSDT', '2026-03-01 00:00:00+00'),
          'once');
SELECT lives_ok(
    $$SELECT data_collector.set_instrument('dc-test-a', 'BTCUSDT', 'BTC', 'USDT', 'USDT', 1, 0.1,
                                           4, '2026-04-01 00:00:00+00')$$,
    'and may be listed again later');

SELECT throws_ok(w.statement, w.state, NULL, w.why)
  FROM (VALUES
    ('dc-test-x', 'S', 'BTC', 1, 8, '23503', 'an instrument belongs to an exchange'),
    ('dc-test-a', 'a b', 'BTC', 1, 8, '23514', 'a symbol has no space'),
    ('dc-test-a', '', 'BTC', 1, 8, '23514', 'a symbol has a character'),
    ('dc-test-a', 'S', 'b c', 1, 8, '23514', 'an asset is plain'),
    ('dc-test-a', 'S', 'BTC', 0, 8, '23514', 'a contract is of something'),
    ('dc-test-a', 'S', 'BTC', 'NaN'::numeric, 8, '23514', 'a contract size is a number'),
    ('dc-test-a', 'S', 'BTC', 1, 25, '23514', 'an interval is a day at most')
  ) AS v (exchange, symbol, base, size, hours, state, why)
 CROSS JOIN LATERAL (
       SELECT format('SELECT data_collector.set_instrument(%L, %L, %L, ''USDT'', ''USDT'', %L, 1, '
                     '%L)', v.exchange, v.symbol, v.base, v.size, v.hours), v.state, v.why
       ) AS w (statement, state, why);

-- Runs.
SELECT data_collector.start_run('exchange_api', 'dc-test-a') AS run \gset
SELECT data_collector.count_rows(:run, 10, 6, 3, 1);
SELECT data_collector.count_rows(:run, 5, 5, 0, 0);
SELECT ok(data_collector.end_run(:run), 'a run ends');
SELECT ok(NOT data_collector.end_run(:run), 'once');
SELECT results_eq(
    format('SELECT status, rows_offered, rows_taken, rows_duplicate, rows_revised '
           '  FROM data_collector.runs WHERE run_id = %s', :run),
    $$VALUES ('succeeded', 15::bigint, 11::bigint, 3::bigint, 1::bigint)$$,
    'with the rows that it brought');
SELECT throws_ok(format('SELECT data_collector.end_run(%s, ''late'')', :run), '22023', NULL,
                 'what succeeded does not fail later');
SELECT throws_ok(format('SELECT data_collector.count_rows(%s, 1, 1, 0, 0)', :run), '22023', NULL,
                 'a run that has ended brings nothing more');
SELECT throws_ok('SELECT data_collector.end_run(-1)', '22023', NULL, 'an unknown run is refused');
SELECT throws_ok($$SELECT data_collector.start_run('nobody')$$, '23503', NULL,
                 'a run belongs to a source');
SELECT data_collector.start_run('arbitragescanner') AS failing \gset
SELECT ok(data_collector.end_run(:failing, 'HTTP 503'), 'a run over several exchanges fails');
SELECT results_eq(
    format('SELECT status, error FROM data_collector.runs WHERE run_id = %s', :failing),
    $$VALUES ('failed', 'HTTP 503')$$,
    'and says why');
SELECT throws_ok(
    format('UPDATE data_collector.ingestion_runs SET rows_taken = 99 WHERE run_id = %s', :run),
    '23514', NULL, 'no more rows are taken than were offered');

-- Gaps.
SELECT data_collector.record_gap('exchange_api', 'dc-test-b', 'X', '2026-01-01 08:00:00+00',
                                 '2026-01-01 16:00:00+00') AS gap \gset
SELECT is(data_collector.record_gap('exchange_api', 'dc-test-b', 'X', '2026-01-01 16:00:00+00',
                                    '2026-01-01 16:00:00+00'),
          :gap::bigint, 'what an open gap holds is no gap of its own');
SELECT is(data_collector.record_gap('exchange_api', 'dc-test-b', 'X', '2026-01-01 08:00:00+00',
                                    '2026-01-02 00:00:00+00'),
          :gap::bigint, 'a gap grows at its end');
SELECT results_eq(
    format('SELECT expected_to FROM data_collector.open_gaps WHERE gap_id = %s', :gap),
    $$VALUES (timestamptz '2026-01-02 00:00:00+00')$$,
    'and says so');
SELECT ok(data_collector.fill_gap(:gap), 'a gap is filled');
SELECT ok(NOT data_collector.fill_gap(:gap), 'once');
SELECT is_empty(
    format('SELECT FROM data_collector.open_gaps WHERE gap_id = %s', :gap),
    'and is open no more');
SELECT isnt(data_collector.record_gap('exchange_api', 'dc-test-b', 'X', '2026-01-01 08:00:00+00',
                                      '2026-01-01 08:00:00+00'),
            :gap::bigint, 'what is missing anew is another gap');

-- Rights.
SET LOCAL ROLE nexus_funding;
SELECT lives_ok('SELECT FROM data_collector.listed_instruments', 'others read the views');
SELECT throws_ok('SELECT FROM data_collector.instruments', '42501', NULL, 'and not the tables');
RESET ROLE;
SET LOCAL ROLE nexus_data_collector;
SELECT lives_ok('SELECT FROM data_collector.instruments', 'the collector reads its tables');
SELECT throws_ok('DELETE FROM data_collector.ingestion_runs', '42501', NULL,
                 'and removes nothing');
RESET ROLE;

SELECT * FROM finish();

ROLLBACK;
