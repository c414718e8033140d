-- Secrets come as hashes only, nobody but nexus_auth reads those, and changes are audited.
BEGIN;

CREATE EXTENSION IF NOT EXISTS pgtap;

SELECT no_plan();

SET LOCAL nexus.actor = 'ada';

SELECT throws_ok(
    $$INSERT INTO auth.users (name, password_hash) VALUES ('plain', 'correct horse battery')$$,
    '23514', NULL, 'a password is refused');
SELECT throws_ok(
    $$INSERT INTO auth.users (name, password_hash) VALUES ('fast', md5('correct horse'))$$,
    '23514', NULL, 'a fast hash is refused');
SELECT throws_ok(
    $$INSERT INTO auth.users (name, password_hash) VALUES ('cheap', '$2b$04$' || repeat('a', 53))$$,
    '23514', NULL, 'bcrypt of a low cost is refused');
SELECT lives_ok(
    $$INSERT INTO auth.users (name, password_hash) VALUES ('slow', '$2b$12$' || repeat('a', 53))$$,
    'bcrypt of cost 12 is taken');
SELECT throws_ok(
    $$INSERT INTO auth.sessions (user_id, expires_at, token_hash)
      SELECT u.user_id, clock_timestamp() + interval '1 hour', 'the token itself'::bytea
        FROM auth.users AS u WHERE u.name = 'slow'$$,
    '23514', NULL, 'a token that is no SHA-256 is refused');
SELECT throws_ok(
    $$INSERT INTO auth.sessions (expires_at, token_hash)
      VALUES (clock_timestamp() + interval '1 hour', sha256('x'))$$,
    '23514', NULL, 'a session has a holder');

UPDATE auth.users
   SET password_hash = '$2b$12$' || repeat('b', 53)
 WHERE name = 'slow';

SELECT results_eq(
    $$SELECT a.action, a.actor, a.request -> 'secret_changed'
        FROM audit.actions AS a
       WHERE a.subject = 'slow'
       ORDER BY a.action_id$$,
    $$VALUES ('auth.users.insert', 'ada', 'true'::jsonb),
             ('auth.users.update', 'ada', 'true'::jsonb)$$,
    'who changed a user is in the audit, and whether the secret was changed');
SELECT is_empty(
    $$SELECT a.action_id FROM audit.actions AS a WHERE a::text LIKE '%$2b$12$%'$$,
    'no hash is in the audit');

SET LOCAL ROLE nexus_risk;
SELECT lives_ok($$SELECT u.name, u.status FROM auth.users AS u$$, 'others see who there is');
SELECT throws_ok($$SELECT u.password_hash FROM auth.users AS u$$, '42501', NULL,
                 'others do not see hashes of passwords');
SELECT throws_ok($$SELECT s.token_hash FROM auth.sessions AS s$$, '42501', NULL,
                 'nor of tokens');
RESET ROLE;

SELECT * FROM finish();

ROLLBACK;
