-- Why:   undoes 000017_config_credentials: all credentials go, and have to be stored anew.
-- Locks: ACCESS EXCLUSIVE on config.exchanges and what is dropped.
-- Takes: milliseconds.

DROP VIEW IF EXISTS config.credentials;

DROP PROCEDURE IF EXISTS config.rotate_credentials(text, text, int, int);

DROP PROCEDURE IF EXISTS config.open_credential(bigint, text, text);

DROP FUNCTION IF EXISTS config.request_credential(text, text);

DROP PROCEDURE IF EXISTS config.store_credential(text, text, text, text, int);

DROP FUNCTION IF EXISTS config.decrypt(text, int, text, bytea, text);

DROP FUNCTION IF EXISTS config.encrypt(text, int, text, text);

DROP FUNCTION IF EXISTS config.key_id(text);

ALTER TABLE IF EXISTS config.exchanges
    DROP CONSTRAINT IF EXISTS credential_is_stored,
    DROP COLUMN IF EXISTS credential_version;

DROP TABLE IF EXISTS config.exchange_credentials;

DO $do$
BEGIN
    EXECUTE format('ALTER DATABASE %I RESET log_parameter_max_length', current_database());
    EXECUTE format('ALTER DATABASE %I RESET log_parameter_max_length_on_error',
                   current_database());
EXCEPTION
    WHEN insufficient_privilege THEN NULL;
END
$do$;
