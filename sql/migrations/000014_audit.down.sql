-- Why:   undoes 000014_audit. The audit itself goes: copy it out first.
-- Locks: ACCESS EXCLUSIVE on what is dropped.
-- Takes: milliseconds.

DROP FUNCTION IF EXISTS audit.record_call(text, text, text, text, int, int, text, text, int);

DROP FUNCTION IF EXISTS audit.record(text, text, jsonb, text, jsonb);

DO $do$
BEGIN
    IF to_regclass('audit.api_calls') IS NOT NULL THEN
        PERFORM maintenance.unpartition('audit.api_calls');
    END IF;
    IF to_regclass('audit.actions') IS NOT NULL THEN
        PERFORM maintenance.unpartition('audit.actions');
    END IF;
END
$do$;

DROP TABLE IF EXISTS audit.api_calls;

DROP TABLE IF EXISTS audit.actions;

DROP FUNCTION IF EXISTS audit.actor();

DROP FUNCTION IF EXISTS audit.login();

DROP FUNCTION IF EXISTS audit.refuse_change();

DO $do$
BEGIN
    IF EXISTS (SELECT
                 FROM pg_catalog.pg_extension AS e
                WHERE e.extname = 'pgaudit'
                  AND obj_description(e.oid, 'pg_extension') LIKE '%000014_audit%') THEN
        DROP EXTENSION pgaudit;
    END IF;
    EXECUTE format('ALTER DATABASE %I RESET pgaudit.log', current_database());
    EXECUTE format('ALTER DATABASE %I RESET pgaudit.log_parameter', current_database());
    EXECUTE format('ALTER DATABASE %I RESET pgaudit.log_statement_once', current_database());
EXCEPTION
    WHEN insufficient_privilege THEN NULL;
END
$do$;
