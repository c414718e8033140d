-- The configuration: what values are refused, and that any change and any moment can be taken back,
-- also those that facts refer to by now.
BEGIN;

CREATE EXTENSION IF NOT EXISTS pgtap;

SET LOCAL search_path = public, pg_catalog;
SET LOCAL timezone = 'UTC';

SELECT plan(66);

-- All that an error says.
CREATE FUNCTION pg_temp.said(statement text)
    RETURNS text
    LANGUAGE plpgsql
AS $function$
DECLARE
    message text;
    detail  text;
    hint    text;
BEGIN
    EXECUTE statement;
    RETURN 'nothing';
EXCEPTION
    WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS message = MESSAGE_TEXT,
                                detail  = PG_EXCEPTION_DETAIL,
                                hint    = PG_EXCEPTION_HINT;
        RETURN concat_ws('|', sqlstate, message, nullif(detail, ''), nullif(hint, ''));
END
$function$;

-- Values.
SELECT throws_ok(
    format('SELECT config.set(%L, %L)', path, value), state, NULL,
    format('%s is not taken for %s', value, path))
  FROM (VALUES
    ('risk_limits/portfolio_var/*', '{"hard": "NaN"}', '22023'),
    ('risk_limits/portfolio_var/*', '{"hard": "Infinity"}', '22023'),
    ('risk_limits/portfolio_var/*', '{"hard": 5, "warning": "NaN"}', '22023'),
    ('exchanges/t', '{"name": "T", "requests_per_second": "NaN"}', '22023'),
    ('exchanges/t', '{"name": "T", "connection": {"deep": {"Api-Key": "x"}}}', '22023'),
    ('exchanges/t', '{"name": "T", "connection": {"privateKey": "x"}}', '22023'),
    ('exchanges/t', '{"name": "T", "rate_limits": {"secret": "x"}}', '22023'),
    ('exchanges/t', '{"name": "T", "rate_limits": {"orders": 0}}', '22023'),
    ('exchanges/t', '{"name": "T", "credential_version": 7}', '22023'),
    ('system_settings/risk.var_confidence', '"NaN"', '22023'))
       AS v (path, value, state);

-- Time spans have a least and a greatest, and null only where it means something.
SELECT is(pg_temp.said(format('SELECT config.set(%L, %L)', 'system_settings/' || key, value)),
          format('22023|system_settings/%s: %s %s|Give a time span from %s', key, value, wrong,
                 range),
          format('%s is not taken for %s', value, key))
  FROM (VALUES
    ('funding.snapshot_age_max', 'null', 'is no time span',
     '1 sec to 100 years, such as "30 days".'),
    ('funding.snapshot_age_max', '"0"', 'is below 1 sec', '1 sec to 100 years, such as "30 days".'),
    ('retention.funding.rates', '"100000 years"', 'is above 100 years',
     '1 day to 100 years, such as "30 days". Null is taken too: How long rates are kept; '
     'null for ever.'),
    ('retention.funding.rates', '"1 second"', 'is below 1 day',
     '1 day to 100 years, such as "30 days". Null is taken too: How long rates are kept; '
     'null for ever.'),
    ('retention.funding.rates', '"soon"', 'is no time span',
     '1 day to 100 years, such as "30 days". Null is taken too: How long rates are kept; '
     'null for ever.'),
    ('retention.maintenance.runs', '"7 days"', 'is below 8 days',
     '8 days to 100 years, such as "30 days". Null is taken too: How long runs of jobs are kept; '
     'null for ever.')) AS v (key, value, wrong, range);
SELECT isnt(config.set('system_settings/' || key, value::jsonb), NULL,
            format('%s is taken for %s', value, key))
  FROM (VALUES ('retention.funding.rates', '"100 years"'), ('retention.funding.rates', '"1 day"'),
               ('retention.funding.rates', 'null'), ('funding.snapshot_age_max', '"1 second"'))
       AS v (key, value);
SELECT lives_ok($$SELECT maintenance.apply_retention()$$, 'null keeps for ever');
SELECT is_empty(
    $$SELECT d.key FROM config.definitions AS d
       WHERE d.kind = 'interval' AND num_nulls(d.shortest, d.longest) > 0$$,
    'every time span has a least and a greatest');
SELECT is_empty(
    $$SELECT d.key FROM config.definitions AS d
       WHERE d.kind = 'interval'
         AND d.takes_null <> (d.description ~ 'null')$$,
    'where null is taken, the description says what it means');
SELECT is_empty(
    $$SELECT d.key FROM config.definitions AS d
       WHERE d.kind = 'interval'
         AND d.default_value IS NULL
         AND NOT d.takes_null$$,
    'a time span without a default takes null');
SELECT throws_ok(
    $$SELECT config.define_interval('system_settings', 'test.span', '"1 day"', 'A test.', '2 days',
                                    '3 days')$$,
    '22023', 'system_settings/test.span: "1 day" is below 2 days',
    'a default has to be between the two');

-- What is not known is not removed already.
SELECT throws_ok(format('SELECT config.unset(%L)', path), 'P0002',
                 entry || ': there is no such entry', path || ' is not known')
  FROM (VALUES ('system_settings/nosuch', 'system_settings/nosuch'),
               ('ui_preferences/ada/nosuch', 'ui_preferences/ada/nosuch'),
               ('exchanges/nosuch', 'exchanges/nosuch'),
               ('exchanges/nosuch/rest_url', 'exchanges/nosuch'),
               ('risk_limits/venue_exposure/nosuch', 'risk_limits/venue_exposure/nosuch'))
       AS v (path, entry);
SELECT is(config.unset('system_settings/risk.book'), NULL, 'what is not set is so already');
SELECT is(config.unset('ui_preferences/ada/theme'), NULL, 'so is a preference of somebody new');
SELECT isnt(config.set('exchanges/gone', '{"name": "G"}'), NULL, 'an exchange is made');
SELECT isnt(config.unset('exchanges/gone'), NULL, 'and removed');
SELECT is(config.unset('exchanges/gone'), NULL, 'once more it is so already');

-- Every refusal has its cure in words.
SELECT is_empty(
    $$SELECT k.conrelid::regclass, k.conname
        FROM pg_constraint AS k
        JOIN config.sections() AS s
          ON to_regclass('config.' || s.section) = k.conrelid
       WHERE k.contype = 'c'
         AND obj_description(k.oid, 'pg_constraint') IS NULL$$,
    'every CHECK of a section says what to give');
SELECT is(pg_temp.said($$SELECT config.set('risk_limits/venue_exposure/*',
                                           '{"hard": 5, "warning": 6}')$$),
          '22023|risk_limits/venue_exposure/*: warning_is_positive_and_below_hard does not hold|'
          'Give a number above 0 and below hard for warning, or null for no warning; change both '
          'at once as an object.',
          'which the error does');
SELECT is(pg_temp.said(format($$SELECT config.set('system_settings/risk.book', '"b"', %L)$$,
                              repeat('x', 1025))),
          '22023|system_settings/risk.book: reason_is_at_most_1024_characters does not hold|'
          'Give a reason of at most 1024 characters.',
          'also of the log of changes');

-- A connection has known members, each of its kind; a refusal never shows what was refused.
SELECT matches(pg_temp.said(format('SELECT config.set(%L, %L)', 'exchanges/t',
                                   jsonb_build_object('name', 'T', 'connection', given))),
               '^22023\|exchanges/t: connection_\w+ does not hold(: \w+ [^|]*)?\|'
               '(?!.*PLANTED).*nexus-ledger config set exchanges/NAME/credential',
               format('%s is refused, with the cure, without the value', given))
  FROM (VALUES ('{"headers": {"X-API": "PLANTED"}}'::jsonb),
               ('{"recv_window_ms": "PLANTED"}'),
               ('{"ws_public_url": "wss://u:PLANTED@x"}'),
               ('{"ws_public_url": "wss://x/?k=PLANTED"}'),
               ('{"testnet": ["PLANTED"]}'),
               ('{"api_key": "PLANTED"}')) AS v (given);
SELECT isnt(config.set('exchanges/known', '{"name": "K", "connection": {"recv_window_ms": 5000,
                       "testnet": true, "ws_public_url": "wss://stream.example/ws"}}'), NULL,
            'members that are known are taken');
SELECT ok(said NOT LIKE '%PLANTED%' AND said LIKE '23514|config.exchanges: %',
          'nor does a write past the functions: ' || said)
  FROM (VALUES
    ($$INSERT INTO config.exchanges (exchange, name, connection)
       VALUES ('d', 'D', '{"api_key": "PLANTED"}')$$),
    ($$INSERT INTO config.exchanges (exchange, name, rest_url)
       VALUES ('d', 'D', 'https://u:PLANTED@x')$$),
    ($$INSERT INTO config.exchanges (exchange, name, rate_limits)
       VALUES ('d', 'D', '{"orders": "PLANTED"}')$$)) AS v (statement)
 CROSS JOIN LATERAL pg_temp.said(statement) AS said;
SELECT is(pg_temp.said($$INSERT INTO config.exchange_credentials
                                (exchange, version, stored_by, key_id, cipher)
                         VALUES ('known', 1, 't', repeat('0', 16), 'PLANTED')$$),
          '23514|config.exchange_credentials: cipher_is_not_empty does not hold|It has to be so: '
          'CHECK (((octet_length(cipher) >= 32) AND (octet_length(cipher) <= 65536)))',
          'nor one of a credential');

-- Jobs are of no exchange: its windows let none run, as they hold no alerts.
SELECT isnt(config.set('maintenance_windows/okx', jsonb_build_object(
            'starts_at', '2020-02-01T00:00Z', 'ends_at', '2020-02-02T00:00Z', 'scope', 'okx',
            'reason', 'test')), NULL, 'a window of an exchange is set');
SELECT is(config.jobs_may_run('2020-02-01 12:00Z'), false, 'jobs do not run in it');
SELECT isnt(config.set('maintenance_windows/okx/scope', '"*"'), NULL, 'it becomes one of all');
SELECT is(config.jobs_may_run('2020-02-01 12:00Z'), true, 'then they do');

-- The log has one text for a time, whatever the session's zone is.
SET LOCAL timezone = 'Europe/Berlin';
SELECT config.set('maintenance_windows/zone', '{"starts_at": "2026-01-01T00:00Z",
                  "ends_at": "2026-01-02T00:00Z", "reason": "test"}');
SELECT is(l.current ->> 'starts_at', '2026-01-01T00:00:00+00:00', 'times are logged in UTC')
  FROM config.change_log AS l
 WHERE l.path = 'maintenance_windows/zone';
SET LOCAL timezone = 'UTC';

-- A moment before what facts refer to by now.
CREATE TEMPORARY TABLE moments ON COMMIT DROP AS
SELECT clock_timestamp() AS at;

SELECT isnt(config.set('exchanges/t', '{"name": "T", "enabled": true}'), NULL,
            'an exchange is set');
SELECT isnt(config.set('risk_limits/venue_exposure/t', '{"hard": 5}'), NULL,
            'a limit is set');
SELECT isnt(config.set('maintenance_windows/t', '{"starts_at": "2026-01-01T00:00Z",
            "ends_at": "2026-01-02T00:00Z", "reason": "test"}'), NULL,
            'a window is set');
CALL config.store_credential('t', 'not a secret', repeat('k', 40), NULL, NULL);
INSERT INTO risk.limit_breaches
       (alert_id, opened_at, limit_value, measured, worst, limit_id, book, subject, level)
SELECT risk.raise_alert('info', 'test', 'test', 'test'), now(), 5, 6, 6, l.limit_id, 'main', 't',
       'hard'
  FROM config.risk_limits AS l
 WHERE l.kind = 'venue_exposure'
   AND l.scope = 't';

SELECT throws_ok($$SELECT config.unset('risk_limits/venue_exposure/t')$$, '23503', NULL,
                 'a limit that a breach refers to is not removed');
SELECT set_eq(
    $$SELECT r.path FROM moments AS m CROSS JOIN LATERAL config.rollback_to(m.at) AS r$$,
    ARRAY['exchanges/t', 'risk_limits/venue_exposure/t', 'maintenance_windows/t'],
    'the moment before is restored, entry by entry');
SELECT is(config.get('exchanges/t/enabled'), 'false',
          'an exchange with a credential stays, disabled');
SELECT is(config.get('exchanges/t/credential_version'), 'null', 'and has no credential in use');
SELECT is(config.get('risk_limits/venue_exposure/t/enabled'), 'false',
          'a limit with a breach is disabled');
SELECT is_empty($$SELECT FROM config.maintenance_windows AS w WHERE w.window_name = 't'$$,
                'a window is removed');
SELECT is_empty(
    $$SELECT r.path FROM moments AS m CROSS JOIN LATERAL config.rollback_to(m.at) AS r$$,
    'once more changes nothing');

-- The rollback is itself taken back.
SELECT isnt(config.rollback_change(max(l.change_id)), NULL, 'it is taken back')
  FROM config.change_log AS l
 WHERE l.path = 'exchanges/t';
SELECT is(config.get('exchanges/t/credential_version'), '1', 'the credential is in use again');

SELECT * FROM finish();

ROLLBACK;
