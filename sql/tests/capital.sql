-- What is allocated is within what there is, whoever writes; transfers move money and lose none.
BEGIN;

\ir lib/assertions.sql

SELECT no_plan();

SELECT count(config.set('exchanges/' || x.name, '{"name": "A test"}')) AS changes
  FROM (VALUES ('capital-test-a'), ('capital-test-b')) AS x (name) \gset

CREATE FUNCTION pg_temp.hint(statement text)
    RETURNS text
    LANGUAGE plpgsql
AS $function$
DECLARE
    cure text;
BEGIN
    EXECUTE statement;
    RETURN NULL;
EXCEPTION
    WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS cure = PG_EXCEPTION_HINT;
        RETURN format('%s: %s', sqlstate, cure);
END
$function$;

CREATE FUNCTION pg_temp.id(n int)
    RETURNS uuid
    LANGUAGE sql
AS $function$
    SELECT format('00000000-0000-0000-0000-%s', lpad(n::text, 12, '0'))::uuid
$function$;

-- balance, allocated, free of the accounts, such as 100-60=40.
CREATE FUNCTION pg_temp.balance(exchange text, asset text DEFAULT 'USDT')
    RETURNS text
    LANGUAGE sql
AS $function$
    SELECT format('%s-%s=%s', trim_scale(b.balance), trim_scale(b.allocated), trim_scale(b.free))
      FROM capital.balances AS b
     WHERE b.exchange = balance.exchange
       AND b.asset = balance.asset
       AND b.name = 'main'
$function$;

-- 1. Balances.

SELECT isnt(capital.set_balance('capital-test-a', 'main', 'USDT', 100, now() - interval '1 hour'),
            NULL, 'a balance makes its account');
SELECT capital.set_balance('capital-test-b', 'main', 'USDT', 50, now() - interval '1 hour')
    AS b \gset
SELECT capital.set_balance('capital-test-a', 'main', 'BTC', 1, now() - interval '1 hour')
    AS coins \gset
SELECT a.account_id AS a
  FROM capital.accounts AS a
 WHERE a.exchange = 'capital-test-a'
   AND a.asset = 'USDT' \gset
SELECT is(capital.set_balance('capital-test-a', 'main', 'USDT', 7, now() - interval '2 hours'),
          NULL, 'a balance of before is not taken');
SELECT is(capital.set_balance('capital-test-a', 'main', 'USDT', 120, now() - interval '30 min'),
          :a, 'a later one is');
SELECT is(pg_temp.balance('capital-test-a'), '120-0=120', 'and shown');
SELECT is(capital.set_balance('capital-test-a', 'main', 'BTC', 1.0000000000000000019, now()),
          :coins, 'what is beyond 18 places');
SELECT is(pg_temp.balance('capital-test-a', 'BTC'), '1.000000000000000001-0=1.000000000000000001',
          'is cut, never rounded up');

SELECT is(pg_temp.hint(format('SELECT capital.set_balance(%L, ''main'', ''USDT'', %s, %s)',
                              x, n, t)), hint, format('refused: %s %s as of %s', x, n, t))
  FROM (VALUES
    ('capital-test-a', '-1', 'now()', '22023: Give 0 or more, below 10^20.'),
    ('capital-test-a', '''NaN''', 'now()', '22023: Give 0 or more, below 10^20.'),
    ('capital-test-a', '1e20', 'now()', '22023: Give 0 or more, below 10^20.'),
    ('capital-test-a', '100', '''infinity''', '22023: Give the time at which the exchange said so; '
     'no later one would be taken until then.'),
    ('no-such', '1', 'now()', '23503: config.set(''exchanges/NAME'', …) makes it.')
  ) AS w (x, n, t, hint);

-- 2. Allocations.

CREATE FUNCTION pg_temp.allocate(n int, amount text, more text DEFAULT '')
    RETURNS text
    LANGUAGE sql
AS $function$
    SELECT format('SELECT capital.allocate(%L, ''capital-test-a'', ''main'', ''USDT'', %s, '
                  '''s''%s)', pg_temp.id(n), amount, more)
$function$;

SELECT lives_ok(pg_temp.allocate(1, '70'), 'a part is set aside');
SELECT lives_ok(pg_temp.allocate(1, '70'), 'the same request again is the same allocation');
SELECT is(pg_temp.balance('capital-test-a'), '120-70=50', 'and counts once');
SELECT is(pg_temp.hint(w.statement), w.hint, w.hint || ' ' || w.statement)
  FROM (VALUES
    (pg_temp.allocate(1, '71'), '23505: Give another request another id.'),
    (pg_temp.allocate(1, '70', format(', %L', pg_temp.id(99))),
     '23505: Give another request another id.'),
    (pg_temp.allocate(2, '50.000000000000000001'),
     '23514: Ask for less, or release other allocations.'),
    (pg_temp.allocate(2, '0'),
     '22023: Give more than 0, below 10^20, of at most 18 decimal places.'),
    (pg_temp.allocate(2, '''NaN'''),
     '22023: Give more than 0, below 10^20, of at most 18 decimal places.'),
    (pg_temp.allocate(2, '1.0000000000000000001'),
     '22023: Give more than 0, below 10^20, of at most 18 decimal places.'),
    ('SELECT capital.allocate(NULL, ''capital-test-a'', ''main'', ''USDT'', 1, ''s'')',
     '22023: Draw an id, and give the same one when you ask again.'),
    ('SELECT capital.allocate(gen_random_uuid(), ''capital-test-a'', ''main'', ''USDT'', 1, NULL)',
     '22023: Give 1 to 64 characters.'),
    ('SELECT capital.allocate(gen_random_uuid(), ''capital-test-a'', ''main'', ''DOGE'', 1, ''s'')',
     'P0002: capital.set_balance makes it.')
  ) AS w (statement, hint);

SELECT lives_ok(pg_temp.allocate(2, '50'), 'the last of it is set aside');
SELECT is(pg_temp.balance('capital-test-a'), '120-120=0', 'nothing is left');

SELECT is(pg_temp.hint(format('SELECT capital.set_balance(''capital-test-a'', ''main'', ''USDT'', '
                              '119.9, now() - interval ''1 min'')')),
          '23514: Release allocations first.', 'a balance does not fall below what is allocated');

-- An account that is not enabled.
UPDATE capital.accounts SET enabled = false WHERE account_id = :coins;
SELECT is(pg_temp.hint('SELECT capital.allocate(gen_random_uuid(), ''capital-test-a'', ''main'', '
                       '''BTC'', 0.1, ''s'')'), '55000: Take another one.',
          'nothing is allocated from an account that is not enabled');
UPDATE capital.accounts SET enabled = true WHERE account_id = :coins;

SELECT lives_ok(format('SELECT capital.activate(%L, %L)', pg_temp.id(1), pg_temp.id(91)),
                'a position takes an allocation up');
SELECT lives_ok(format('SELECT capital.activate(%L, %L)', pg_temp.id(1), pg_temp.id(91)),
                'once more changes nothing');
SELECT lives_ok(pg_temp.allocate(1, '70'), 'the request that it came from is still known');
SELECT lives_ok(pg_temp.allocate(1, '70', format(', %L', pg_temp.id(91))),
                'with its position too');
SELECT is(left(pg_temp.hint(format('SELECT capital.activate(%L, %L)', pg_temp.id(1), p)), 5),
          'P0002', 'it is for no other position')
  FROM (VALUES (pg_temp.id(92)), (NULL)) AS w (p);

SELECT results_eq(
    format('SELECT o.allocation_id, o.status FROM capital.orphans AS o WHERE o.position_id = %L',
           pg_temp.id(91)),
    format($$VALUES (%L::uuid, 'active')$$, pg_temp.id(1)),
    'a position that the ledger does not know is an orphan');
SELECT positions.ensure_book('capital-test') AS book \gset
INSERT INTO positions.streams
       (book_id, position_id, version, state, progress, first_recorded_at, last_recorded_at)
VALUES (:book, pg_temp.id(91), 1, 'PENDING', '{}', now(), now());
SELECT is_empty(format('SELECT * FROM capital.orphans AS o WHERE o.position_id = %L',
                       pg_temp.id(91)),
                'and none once its first event has come');

SELECT is(capital.release(pg_temp.id(1)), true, 'it is given back');
SELECT is(capital.release(pg_temp.id(1)), false, 'once');
SELECT is(pg_temp.balance('capital-test-a'), '120-50=70', 'and there again');
SELECT is(left(pg_temp.hint(format('SELECT capital.release(%L)', pg_temp.id(77))), 5), 'P0002',
          'an unknown one is not');
SELECT is(pg_temp.hint(format('SELECT capital.activate(%L, %L)', pg_temp.id(1), pg_temp.id(91))),
          '55000: requested becomes active or released, active becomes released.',
          'what was released is not taken up any more');

-- 3. The last defence: the service itself, with statements of its own.

CREATE FUNCTION pg_temp.as_service(statement text)
    RETURNS text
    LANGUAGE plpgsql
AS $function$
DECLARE
    said text := 'done';
BEGIN
    SET LOCAL ROLE nexus_capital;
    BEGIN
        EXECUTE statement;
    EXCEPTION
        WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS said = CONSTRAINT_NAME;
            said := trim(sqlstate || ' ' || said);
    END;
    RESET ROLE;
    RETURN said;
END
$function$;

SELECT is(pg_temp.as_service(format(w.statement, :a, pg_temp.id(2), :b, :coins)), w.said, w.why)
  FROM (VALUES
    ('INSERT INTO capital.allocations (allocation_id, account_id, amount, strategy) '
     'VALUES (gen_random_uuid(), %1$s, 70.1, ''s'')',
     '23514 allocated_is_within_the_balance', 'an INSERT of more than is left'),
    ('INSERT INTO capital.allocations (allocation_id, account_id, amount, strategy) '
     'SELECT gen_random_uuid(), %1$s, 30, ''s'' FROM generate_series(1, 3)',
     '23514 allocated_is_within_the_balance', 'an INSERT of rows that are too much together'),
    ('INSERT INTO capital.allocations (allocation_id, account_id, amount, strategy) '
     'VALUES (gen_random_uuid(), %1$s, ''NaN'', ''s'')', '23514 amount_is_positive',
     'an amount that is no number'),
    ('INSERT INTO capital.allocations (allocation_id, account_id, amount, strategy, status, '
     'released_at) VALUES (gen_random_uuid(), %1$s, 1000, ''s'', ''released'', ''2150-01-01'')',
     '55000',
     'one that begins as released'),
    ('UPDATE capital.allocations SET amount = 120 WHERE allocation_id = %2$L', '55000',
     'an amount that grows'),
    ('UPDATE capital.allocations SET account_id = %3$s WHERE allocation_id = %2$L', '55000',
     'another account'),
    ('UPDATE capital.allocations SET status = ''requested'', released_at = NULL '
     'WHERE status = ''released''', '55000', 'one that comes back'),
    ('UPDATE capital.allocations SET status = ''active'', activated_at = now() '
     'WHERE allocation_id = %2$L', '23514 activation_has_a_position', 'one without its position'),
    ('UPDATE capital.accounts SET balance = 49.9 WHERE account_id = %1$s',
     '23514 allocated_is_within_the_balance', 'a balance below what is allocated'),
    ('UPDATE capital.accounts SET balance = ''NaN'' WHERE account_id = %1$s',
     '23514 balance_is_not_negative', 'a balance that is no number, and so has no limit'),
    ('UPDATE capital.accounts SET allocated = 0 WHERE account_id = %1$s', '42501',
     'the sum itself'),
    ('DELETE FROM capital.allocations WHERE allocation_id = %2$L', '42501', 'a removal'),
    ('UPDATE capital.accounts SET balance = 130 WHERE account_id = %1$s', 'done',
     'a balance that rises is written'),
    ('INSERT INTO capital.allocations (allocation_id, account_id, amount, strategy) '
     'VALUES (''00000000-0000-0000-0000-000000000003'', %1$s, 80, ''s'')', 'done',
     'and what is left of it is set aside')
  ) AS w (statement, said, why);
SELECT is(pg_temp.balance('capital-test-a'), '130-130=0', 'the sum is kept all the same');
SELECT is(capital.release(pg_temp.id(3)), true, 'and what was written by hand is given back');

-- 4. Transfers.

CREATE FUNCTION pg_temp.request(n int, amount text)
    RETURNS text
    LANGUAGE sql
AS $function$
    SELECT format('SELECT capital.request_transfer(%L, ''capital-test-a'', ''main'', '
                  '''capital-test-b'', ''main'', ''USDT'', %s)', pg_temp.id(n), amount)
$function$;
CREATE FUNCTION pg_temp.advance(n int, status text, more text DEFAULT '')
    RETURNS text
    LANGUAGE sql
AS $function$
    SELECT format('SELECT capital.advance_transfer(%L, %L%s)', pg_temp.id(n), status, more)
$function$;
CREATE FUNCTION pg_temp.both()
    RETURNS text
    LANGUAGE sql
AS $function$
    SELECT pg_temp.balance('capital-test-a') || ' ' || pg_temp.balance('capital-test-b')
$function$;

SELECT lives_ok(pg_temp.request(11, '30'), 'a transfer is requested');
SELECT lives_ok(pg_temp.request(11, '30'), 'the same request again is the same transfer');
SELECT is(pg_temp.both(), '130-80=50 50-0=50', 'its amount is reserved');
SELECT is(pg_temp.hint(w.statement), w.hint, w.hint)
  FROM (VALUES
    (pg_temp.request(11, '31'), '23505: Give another request another id.'),
    (pg_temp.request(12, '50.1'), '23514: Ask for less, or release allocations.'),
    ('SELECT capital.request_transfer(gen_random_uuid(), ''capital-test-a'', ''main'', '
     '''capital-test-a'', ''main'', ''USDT'', 1)', '22023: Give two accounts.'),
    (pg_temp.advance(11, 'received'),
     '55000: requested becomes sent, cancelled or failed; sent becomes received or failed.'),
    (pg_temp.advance(11, 'lost'), '22023: Give sent, received, failed or cancelled.'),
    (pg_temp.advance(12, 'sent'), 'P0002: Request it first.'),
    (pg_temp.advance(11, 'sent', ', 1'), '55000: Give the fee with received; what was wrong then '
     'is put right by the balance of the account.')
  ) AS w (statement, hint);

SELECT lives_ok(pg_temp.advance(11, 'sent'), 'it is sent');
SELECT is(pg_temp.both(), '100-50=50 50-0=50', 'and left the first account');
SELECT is(capital.set_balance('capital-test-a', 'main', 'USDT', 130, now()), NULL,
          'a balance of before it left, told late, does not bring it back');
SELECT is(pg_temp.hint(w.statement), w.hint, w.hint)
  FROM (VALUES
    (pg_temp.advance(11, 'cancelled'),
     '55000: requested becomes sent, cancelled or failed; sent becomes received or failed.'),
    (pg_temp.advance(11, 'received', ', 30'),
     '23514: Give 0 or more, less than 30, of at most 18 decimal places.'),
    (pg_temp.advance(11, 'received', ', -1'),
     '23514: Give 0 or more, less than 30, of at most 18 decimal places.')
  ) AS w (statement, hint);
SELECT lives_ok(pg_temp.advance(11, 'received', ', 0.5, ''tx-1'''), 'it is received');
SELECT lives_ok(pg_temp.advance(11, 'received', ', 0.5'), 'once');
SELECT is(pg_temp.both(), '100-50=50 79.5-0=79.5',
          'less its fee: 180 were there, 179.5 and 0.5 are');
SELECT is(left(pg_temp.hint(pg_temp.advance(11, w.status, w.more)), 5), '55000',
          format('what was received is not %s%s', w.status, w.more))
  FROM (VALUES ('received', ', 0.6'), ('failed', ''), ('sent', ''), ('cancelled', ''))
       AS w (status, more);

SELECT lives_ok(pg_temp.request(13, '20'), 'another');
SELECT lives_ok(pg_temp.advance(13, 'sent'), 'is sent');
SELECT lives_ok(pg_temp.advance(13, 'failed'), 'and fails');
SELECT is(pg_temp.both(), '100-50=50 79.5-0=79.5', 'and comes back in full');
SELECT lives_ok(pg_temp.request(14, '50'), 'a third');
SELECT is(left(pg_temp.hint(pg_temp.allocate(4, '0.1')), 5), '23514',
          'reserves what cannot be allocated');
SELECT lives_ok(pg_temp.advance(14, 'cancelled'), 'and is cancelled');
SELECT is(pg_temp.both(), '100-50=50 79.5-0=79.5', 'which gives it back');

SELECT is(pg_temp.as_service(format(w.statement, :a, pg_temp.id(11), :b, :coins)), w.said, w.why)
  FROM (VALUES
    ('INSERT INTO capital.transfers (transfer_id, from_account, to_account, amount) '
     'VALUES (gen_random_uuid(), %1$s, %3$s, 50.1)', '23514 allocated_is_within_the_balance',
     'a transfer of more than is left'),
    ('INSERT INTO capital.transfers (transfer_id, from_account, to_account, amount) '
     'VALUES (gen_random_uuid(), %1$s, %4$s, 1)', '22023', 'one to another asset'),
    ('INSERT INTO capital.transfers (transfer_id, from_account, to_account, amount, status, '
     'sent_at) VALUES (gen_random_uuid(), %1$s, %3$s, 1, ''sent'', ''2150-01-01'')', '55000',
     'one that begins as sent'),
    ('UPDATE capital.transfers SET amount = 1 WHERE transfer_id = %2$L', '55000',
     'another amount'),
    ('UPDATE capital.transfers SET fee = 0.1 WHERE transfer_id = %2$L', '55000', 'another fee'),
    ('UPDATE capital.transfers SET ended_at = clock_timestamp() WHERE transfer_id = %2$L', '55000',
     'another time'),
    ('UPDATE capital.transfers SET status = ''failed'' WHERE transfer_id = %2$L', '55000',
     'another end'),
    ('DELETE FROM capital.transfers WHERE transfer_id = %2$L', '42501', 'a removal'),
    ('UPDATE capital.transfers SET reason = ''fees rose'' WHERE transfer_id = %2$L', 'done',
     'a reason is written')
  ) AS w (statement, said, why);
SELECT throws_ok(format('DELETE FROM capital.transfers WHERE transfer_id = %L', pg_temp.id(11)),
                 '55000', NULL, 'nobody removes a transfer');

-- An account that is not enabled is emptied by transfers.
UPDATE capital.accounts SET enabled = false WHERE account_id = :a;
SELECT lives_ok(pg_temp.request(15, '50'), 'an account that is not enabled can be emptied');
SELECT is(pg_temp.as_service(format('INSERT INTO capital.allocations '
          '(allocation_id, account_id, amount, strategy) VALUES (gen_random_uuid(), %s, 1, ''s'')',
          :a)), '23514 allocated_is_within_the_balance', 'which leaves nothing');
SELECT lives_ok(pg_temp.advance(15, 'failed'), 'that it failed');
SELECT is(pg_temp.as_service(format('INSERT INTO capital.allocations '
          '(allocation_id, account_id, amount, strategy) VALUES (gen_random_uuid(), %s, 1, ''s'')',
          :a)), '55000', 'does not enable it');

SELECT pg_temp.assert_state('capital: %');

-- 5. Who may do what.

SELECT is(has_function_privilege(r.role, f.name, 'EXECUTE'), r.role = ANY (f.roles),
          format('%s: %s', r.role, f.name))
  FROM (VALUES
    ('capital.allocate(uuid, text, text, text, numeric, text, uuid)',
     ARRAY['nexus_capital', 'nexus_positions']),
    ('capital.activate(uuid, uuid)', ARRAY['nexus_capital', 'nexus_positions']),
    ('capital.release(uuid)', ARRAY['nexus_capital', 'nexus_positions']),
    ('capital.set_balance(text, text, text, numeric, timestamptz)', ARRAY['nexus_capital']),
    ('capital.request_transfer(uuid, text, text, text, text, text, numeric, text)',
     ARRAY['nexus_capital']),
    ('capital.advance_transfer(uuid, text, numeric, text, text)', ARRAY['nexus_capital']),
    ('capital.account_of(text, text, text)', ARRAY[]::text[])) AS f (name, roles)
 CROSS JOIN (VALUES ('nexus_capital'), ('nexus_positions'), ('nexus_risk'), ('nexus_analyst'))
       AS r (role);
SELECT is(has_table_privilege(r.role, t.name, 'SELECT'), r.role = ANY (t.roles),
          format('%s reads %s', r.role, t.name))
  FROM (VALUES
    ('capital.balances', ARRAY['nexus_capital', 'nexus_positions', 'nexus_risk']),
    ('capital.orphans', ARRAY['nexus_capital', 'nexus_positions', 'nexus_risk']),
    ('capital.allocations', ARRAY['nexus_capital'])) AS t (name, roles)
 CROSS JOIN (VALUES ('nexus_capital'), ('nexus_positions'), ('nexus_risk')) AS r (role);

SELECT * FROM finish();

ROLLBACK;
