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

-- What is refused is not shown: the server writes it into its log.
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

SELECT ok(said !~ 'correct horse|aaaa|\\x' AND said !~ 'Failing row' AND starts_with(said, begins),
          said)
  FROM (VALUES
    ($$INSERT INTO auth.users (name, password_hash) VALUES ('plain', 'correct horse battery')$$,
     '23514|auth.users: password_is_a_slow_hash does not hold|Hash the password'),
    ($$UPDATE auth.users SET password_hash = 'correct horse battery' WHERE name = 'slow'$$,
     '23514|auth.users: password_is_a_slow_hash does not hold|Hash the password'),
    ($$INSERT INTO auth.users (name, status, password_hash)
       VALUES ('plain', 'gone', '$2b$12$' || repeat('a', 53))$$,
     '23514|auth.users: status_is_known does not hold|'),
    ($$INSERT INTO auth.users (password_hash) VALUES ('$2b$12$' || repeat('a', 53))$$,
     '23502|null value in column "name"'),
    ($$INSERT INTO auth.service_accounts (account, db_role, description, token_hash)
       VALUES ('trial', 'nexus_risk', 'test', 'correct horse')$$,
     '23514|auth.service_accounts: token_is_a_sha256 does not hold|Bring the SHA-256'),
    ($$INSERT INTO auth.sessions (account, expires_at, token_hash)
       VALUES ('risk', clock_timestamp() + interval '1 hour', 'correct horse')$$,
     '23514|auth.sessions: session_token_is_a_sha256 does not hold|Bring the SHA-256'),
    ($$INSERT INTO auth.sessions (account, token_hash) VALUES ('risk', sha256('x'))$$,
     '23502|null value in column "expires_at"')) AS v (statement, begins)
 CROSS JOIN LATERAL pg_temp.said(statement) AS said;

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
