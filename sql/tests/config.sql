-- The configuration: what values are refused, and that any change and any moment can be taken back,
-- also those that facts refer to by now.
BEGIN;

CREATE EXTENSION IF NOT EXISTS pgtap;

SET LOCAL search_path = public, pg_catalog;
SET LOCAL timezone = 'UTC';

SELECT plan(23);

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
