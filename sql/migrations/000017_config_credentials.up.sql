-- Why:   credentials of exchanges, encrypted with pgcrypto under a key that comes from the
--        environment of a service and is kept nowhere here. Its id is, so that a wrong key is told
--        from a damaged row, and a rotation goes on where it was interrupted.
-- Locks: ACCESS EXCLUSIVE on config.exchanges for a new column, which stops its readers for that
--        moment.
-- Takes: milliseconds.
--
-- Key and secret come as parameters of CALL: a procedure's call is never planned, so no plan can
-- show them, and pg_stat_statements and pg_stat_activity show $1. The server would still log
-- parameters with a slow or a logged statement, and pgaudit with what it audits: the settings below
-- and in 000014 forbid it for this database (a superuser's to make; without them our client refuses
-- to send a secret).

DO $do$
BEGIN
    EXECUTE format('ALTER DATABASE %I SET log_parameter_max_length = 0', current_database());
    EXECUTE format('ALTER DATABASE %I SET log_parameter_max_length_on_error = 0',
                   current_database());
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE NOTICE 'as a superuser: ALTER DATABASE % SET log_parameter_max_length = 0 and '
                     'log_parameter_max_length_on_error = 0',
            current_database();
END
$do$;

CREATE TABLE IF NOT EXISTS config.exchange_credentials (
    stored_at timestamptz NOT NULL
        DEFAULT clock_timestamp(),
    version   int         NOT NULL,
    exchange  text        NOT NULL,
    stored_by text        NOT NULL,
    key_id    text        NOT NULL,
    cipher    bytea       NOT NULL,
    CONSTRAINT credential_has_one_version
        PRIMARY KEY (exchange, version),
    CONSTRAINT credential_belongs_to_an_exchange
        FOREIGN KEY (exchange) REFERENCES config.exchanges (exchange),
    CONSTRAINT version_is_positive
        CHECK (version >= 1),
    CONSTRAINT stored_by_is_1_to_128_characters
        CHECK (length(stored_by) BETWEEN 1 AND 128),
    CONSTRAINT key_id_is_16_digits
        CHECK (key_id ~ '^[0-9a-f]{16}$'),
    CONSTRAINT cipher_is_not_empty
        CHECK (octet_length(cipher) BETWEEN 32 AND 65536)
);

COMMENT ON TABLE config.exchange_credentials IS
    'A row is a version of an exchange''s credential, encrypted. Older ones stay, so that a change '
    'can be rolled back.';
COMMENT ON COLUMN config.exchange_credentials.stored_at IS
    'When it was stored, by the clock of the database.';
COMMENT ON COLUMN config.exchange_credentials.version IS
    'Number of the version: 1, 2, 3 … for each exchange.';
COMMENT ON COLUMN config.exchange_credentials.exchange IS
    'The exchange.';
COMMENT ON COLUMN config.exchange_credentials.stored_by IS
    'Who stored it, see audit.actor().';
COMMENT ON COLUMN config.exchange_credentials.key_id IS
    'Which key it is encrypted under, see config.key_id().';
COMMENT ON COLUMN config.exchange_credentials.cipher IS
    'Secret. OpenPGP, AES-256, of {"exchange", "version", "secret"}.';

CREATE INDEX IF NOT EXISTS exchange_credentials_by_key
    ON config.exchange_credentials USING hash (key_id);
COMMENT ON INDEX config.exchange_credentials_by_key IS
    'What a rotation has still to do: equality only.';

ALTER TABLE config.exchanges
    ADD COLUMN IF NOT EXISTS credential_version int;

COMMENT ON COLUMN config.exchanges.credential_version IS
    'The version of config.exchange_credentials that is in use; null for none.';

DO $do$
BEGIN
    IF NOT EXISTS (SELECT
                     FROM pg_catalog.pg_constraint AS k
                    WHERE k.conrelid = 'config.exchanges'::regclass
                      AND k.conname = 'credential_is_stored') THEN
        ALTER TABLE config.exchanges
            ADD CONSTRAINT credential_is_stored
            FOREIGN KEY (exchange, credential_version)
            REFERENCES config.exchange_credentials (exchange, version);
    END IF;
END
$do$;

CREATE OR REPLACE FUNCTION config.key_id(key text)
    RETURNS text
    LANGUAGE plpgsql
    IMMUTABLE
    SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    IF key IS NULL OR octet_length(key) < 32 OR octet_length(key) > 1024 THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('the key has %s octets', coalesce(octet_length(key), 0)),
            HINT    = 'Take a random one of 32 to 1024 octets: openssl rand -base64 48.';
    END IF;
    RETURN left(encode(sha256(convert_to('nexus key ' || key, 'UTF8')), 'hex'), 16);
END
$function$;

COMMENT ON FUNCTION config.key_id(text) IS
    'The id of a key: 16 hexadecimal digits of a hash, which tell keys apart and not what they '
    'are. Raises 22023 for a key of less than 32 or more than 1024 octets.';

CREATE OR REPLACE FUNCTION config.encrypt(
        exchange text, version int, secret text, key text)
    RETURNS bytea
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    RETURN public.pgp_sym_encrypt(
        jsonb_build_object('exchange', exchange, 'version', version, 'secret', secret)::text,
        key, 'cipher-algo=aes256, compress-algo=0');
END
$function$;

COMMENT ON FUNCTION config.encrypt(text, int, text, text) IS
    'Encrypts a secret together with what it belongs to.';

CREATE OR REPLACE FUNCTION config.decrypt(
        exchange text, version int, key_id text, cipher bytea, key text)
    RETURNS text
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    plain jsonb;
BEGIN
    IF key_id <> config.key_id(key) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_password',
            MESSAGE = format('the credential of %s, version %s, is under the key %s, and this is '
                             'the key %s', exchange, version, key_id, config.key_id(key)),
            HINT    = 'Give the key of that id, or rotate the keys.';
    END IF;
    BEGIN
        plain := public.pgp_sym_decrypt(cipher, key)::jsonb;
    EXCEPTION
        -- What is wrong with it is not said: it might be shown.
        WHEN OTHERS THEN
            plain := NULL;
    END;
    IF plain IS NULL
    OR plain ->> 'exchange' IS DISTINCT FROM exchange
    OR (plain ->> 'version')::int IS DISTINCT FROM version THEN
        RAISE EXCEPTION USING
            ERRCODE = 'data_corrupted',
            MESSAGE = format('the credential of %s, version %s, is damaged or not its own',
                             exchange, version),
            HINT    = 'Store it again.';
    END IF;
    RETURN plain ->> 'secret';
END
$function$;

COMMENT ON FUNCTION config.decrypt(text, int, text, bytea, text) IS
    'Decrypts a credential. Raises 28P01 for another key, naming both ids, XX001 for one that is '
    'damaged or was moved from another row.';

CREATE OR REPLACE PROCEDURE config.store_credential(
        exchange text, secret text, key text, reason text, INOUT version int)
    LANGUAGE plpgsql
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $procedure$
#variable_conflict use_variable
BEGIN
    IF secret IS NULL OR octet_length(secret) NOT BETWEEN 1 AND 16384 THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('the credential of %s has %s octets', exchange,
                             coalesce(octet_length(secret), 0)),
            HINT    = 'Give 1 to 16384 octets.';
    END IF;
    PERFORM pg_advisory_xact_lock(7088416218532263);
    PERFORM FROM config.exchanges AS e WHERE e.exchange = exchange;
    IF NOT found THEN
        RAISE EXCEPTION USING
            ERRCODE = 'no_data_found',
            MESSAGE = format('there is no exchange %s', coalesce(quote_literal(exchange), 'null')),
            HINT    = 'Set exchanges/NAME first.';
    END IF;
    SELECT coalesce(max(c.version), 0) + 1
      INTO version
      FROM config.exchange_credentials AS c
     WHERE c.exchange = exchange;
    DECLARE
        sealed bytea := config.encrypt(exchange, version, secret, key);
        id     text  := config.key_id(key);
    BEGIN
        INSERT INTO config.exchange_credentials (exchange, version, stored_by, key_id, cipher)
        VALUES (exchange, version, audit.actor(), id, sealed);
    END;
    PERFORM set_config('nexus.reason', coalesce(reason, ''), true);
    PERFORM set_config('nexus.rolls_back', '', true);
    UPDATE config.exchanges AS e
       SET credential_version = version
     WHERE e.exchange = exchange;
    PERFORM set_config('nexus.reason', '', true);
    PERFORM audit.record('credential_stored', exchange,
                         jsonb_build_object('version', version, 'key_id', config.key_id(key)));
END
$procedure$;

COMMENT ON PROCEDURE config.store_credential(text, text, text, text, int) IS
    'Encrypts a credential under a key and puts it in use: a change of exchanges/NAME. Answers '
    'its version. Raises P0002 for an unknown exchange, 22023 for a bad secret or key.';

-- Decryption takes two transactions, so that its audit record cannot be rolled back with it.
CREATE OR REPLACE FUNCTION config.request_credential(exchange text, purpose text)
    RETURNS bigint
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $function$
#variable_conflict use_variable
DECLARE
    in_use int;
BEGIN
    IF purpose IS NULL OR length(purpose) NOT BETWEEN 1 AND 256 THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('purpose: %s', coalesce(quote_literal(left(purpose, 256)), 'null')),
            HINT    = 'Say in 1 to 256 characters what the credential is needed for.';
    END IF;
    SELECT e.credential_version
      INTO in_use
      FROM config.exchanges AS e
     WHERE e.exchange = exchange;
    IF in_use IS NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'no_data_found',
            MESSAGE = format('%s has no credential', coalesce(quote_literal(exchange), 'null')),
            HINT    = 'An administrator stores it: nexus-ledger config set '
                      'exchanges/NAME/credential.';
    END IF;
    RETURN audit.record('credential_decrypted', exchange,
                        jsonb_build_object('version', in_use, 'purpose', purpose,
                                           'backend', pg_backend_pid()));
END
$function$;

COMMENT ON FUNCTION config.request_credential(text, text) IS
    'Writes into the audit that an exchange''s credential is decrypted, and for what; returns the '
    'number to open it with, once this transaction has committed. Raises P0002 if it has none.';

CREATE OR REPLACE PROCEDURE config.open_credential(
        request bigint, key text, INOUT secret text)
    LANGUAGE plpgsql
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $procedure$
DECLARE
    asked  audit.actions;
    c      config.exchange_credentials;
    status text;
    opened bigint;
    -- What this session opened last, which a rollback does not undo: an advisory lock of its own.
    place  CONSTANT int := 708841621;
    number CONSTANT int := open_credential.request % 2147483647;
BEGIN
    -- xmin has no epoch: that of now, or the one before.
    SELECT a.actor, a.db_role, a.action, a.subject, a.request,
           pg_xact_status((x.now - (x.now - a.xmin::text::bigint) % 4294967296)::text::xid8)
      INTO asked.actor, asked.db_role, asked.action, asked.subject, asked.request, status
      FROM audit.actions AS a
     CROSS JOIN (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint) AS x (now)
     WHERE a.action_id = open_credential.request
       AND a.acted_at > clock_timestamp() - interval '1 minute';
    IF NOT found
    OR status <> 'committed'
    OR asked.action <> 'credential_decrypted'
    OR asked.db_role <> audit.login()
    OR (asked.request ->> 'backend')::int <> pg_backend_pid() THEN
        RAISE EXCEPTION USING
            ERRCODE = 'insufficient_privilege',
            MESSAGE = format('request %s opens no credential', coalesce(request::text, 'null')),
            HINT    = 'SELECT config.request_credential(exchange, purpose), commit, and open it '
                      'within a minute on the same connection.';
    END IF;
    SELECT l.objid::bigint
      INTO opened
      FROM pg_locks AS l
     WHERE l.locktype = 'advisory'
       AND l.classid::bigint = place
       AND l.objsubid = 2
       AND l.pid = pg_backend_pid()
       AND l.granted;
    IF number <= opened THEN
        RAISE EXCEPTION USING
            ERRCODE = 'insufficient_privilege',
            MESSAGE = format('request %s, or a later one, was opened already', request),
            HINT    = 'Each opening is requested, so that each is in the audit: SELECT '
                      'config.request_credential(exchange, purpose).';
    END IF;
    SELECT k.*
      INTO c
      FROM config.exchange_credentials AS k
     WHERE k.exchange = asked.subject
       AND k.version = (asked.request ->> 'version')::int;
    RAISE LOG 'credential of % (version %) is decrypted for %, request %',
        c.exchange, c.version, asked.actor, request;
    secret := config.decrypt(c.exchange, c.version, c.key_id, c.cipher, key);
    IF opened IS NOT NULL THEN
        PERFORM pg_advisory_unlock(place, opened::int);
    END IF;
    PERFORM pg_advisory_lock(place, number);
END
$procedure$;

COMMENT ON PROCEDURE config.open_credential(bigint, text, text) IS
    'Answers the credential that was requested by config.request_credential in a transaction that '
    'has committed, by the same role on the same connection, at most a minute ago, and that was '
    'not opened yet. Raises 42501 otherwise, 28P01 for another key, which leaves it unopened.';

CREATE OR REPLACE PROCEDURE config.rotate_credentials(
        old_key text, new_key text, batch int, INOUT remaining int)
    LANGUAGE plpgsql
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $procedure$
DECLARE
    c      config.exchange_credentials;
    new_id CONSTANT text := config.key_id(new_key);
    plain  text;
    sealed bytea;
BEGIN
    IF batch IS NULL OR batch NOT BETWEEN 1 AND 1000 THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('batch: %s', coalesce(batch::text, 'null')),
            HINT    = 'Give 1 to 1000 credentials a transaction.';
    END IF;
    PERFORM pg_advisory_xact_lock(7088416218532263);
    FOR c IN
        SELECT k.*
          FROM config.exchange_credentials AS k
         WHERE k.key_id <> new_id
         ORDER BY k.exchange, k.version
         LIMIT batch
    LOOP
        plain := config.decrypt(c.exchange, c.version, c.key_id, c.cipher, old_key);
        sealed := config.encrypt(c.exchange, c.version, plain, new_key);
        UPDATE config.exchange_credentials AS k
           SET cipher = sealed,
               key_id = new_id
         WHERE k.exchange = c.exchange
           AND k.version = c.version;
        PERFORM audit.record('credential_decrypted', c.exchange,
                             jsonb_build_object('version', c.version, 'purpose', 'rotation',
                                                'from_key', c.key_id, 'to_key', new_id));
    END LOOP;
    SELECT count(*)
      INTO remaining
      FROM config.exchange_credentials AS k
     WHERE k.key_id <> new_id;
END
$procedure$;

COMMENT ON PROCEDURE config.rotate_credentials(text, text, int, int) IS
    'Encrypts at most `batch` credentials, older versions too, under a new key, in place; answers '
    'how many are left. Call it until none is: what was done stays done when it is interrupted. '
    'Raises 28P01 when a credential is under neither key.';

CREATE OR REPLACE VIEW config.credentials AS
SELECT c.exchange, c.version, c.version IS NOT DISTINCT FROM e.credential_version AS in_use,
       c.key_id, c.stored_at, c.stored_by
  FROM config.exchange_credentials AS c
  JOIN config.exchanges AS e
    ON e.exchange = c.exchange;

COMMENT ON VIEW config.credentials IS
    'Which credentials there are, without what they are.';
COMMENT ON COLUMN config.credentials.exchange IS
    'The exchange.';
COMMENT ON COLUMN config.credentials.version IS
    'Number of the version.';
COMMENT ON COLUMN config.credentials.in_use IS
    'Whether the exchange uses it.';
COMMENT ON COLUMN config.credentials.key_id IS
    'Which key it is encrypted under.';
COMMENT ON COLUMN config.credentials.stored_at IS
    'When it was stored.';
COMMENT ON COLUMN config.credentials.stored_by IS
    'Who stored it.';

REVOKE ALL
    ON FUNCTION config.key_id(text), config.encrypt(text, int, text, text),
                config.decrypt(text, int, text, bytea, text),
                config.request_credential(text, text)
    FROM PUBLIC;
REVOKE ALL
    ON PROCEDURE config.store_credential(text, text, text, text, int),
                 config.open_credential(bigint, text, text),
                 config.rotate_credentials(text, text, int, int)
    FROM PUBLIC;

SELECT maintenance.adopt('config');

GRANT SELECT (stored_at, version, exchange, stored_by, key_id)
    ON config.exchange_credentials
    TO nexus_reader;
GRANT SELECT
    ON config.credentials
    TO nexus_reader;
GRANT EXECUTE
    ON PROCEDURE config.store_credential(text, text, text, text, int),
                 config.rotate_credentials(text, text, int, int)
    TO nexus_config;
GRANT EXECUTE
    ON FUNCTION config.request_credential(text, text)
    TO nexus_credential_reader;
GRANT EXECUTE
    ON PROCEDURE config.open_credential(bigint, text, text)
    TO nexus_credential_reader;

-- A session that is older than the setting above, or whose server was restored elsewhere, can
-- then forbid it for itself.
DO $do$
BEGIN
    GRANT SET
        ON PARAMETER log_parameter_max_length, log_parameter_max_length_on_error,
                     pgaudit.log_parameter
        TO nexus_config, nexus_credential_reader;
EXCEPTION
    WHEN insufficient_privilege OR internal_error OR unique_violation THEN NULL;
END
$do$;
