-- Why:   compliance and debugging: what users and services did, and what was said to the outside.
--        Append only, by year; low volume, so a year is one partition.
-- Locks: ACCESS EXCLUSIVE on the new tables only, which nobody reads yet.
-- Takes: 100 ms, for the years that are made ahead.

-- DDL and changes of roles go into the server's log where pgaudit is loaded; where it is not, the
-- settings wait for it. Never parameters: they may be secrets. A server that audits more already is
-- not made to audit less.
DO $do$
BEGIN
    IF coalesce(current_setting('pgaudit.log', true), '') !~* '\m(all|ddl.*role|role.*ddl)\M' THEN
        EXECUTE format('ALTER DATABASE %I SET pgaudit.log = %L', current_database(), 'ddl, role');
    END IF;
    EXECUTE format('ALTER DATABASE %I SET pgaudit.log_parameter = %L', current_database(), 'off');
    -- A migration is one statement of many commands: its text once, not with each of them.
    EXECUTE format('ALTER DATABASE %I SET pgaudit.log_statement_once = %L', current_database(),
                   'on');
    IF current_setting('shared_preload_libraries') ~ 'pgaudit'
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_extension AS e WHERE e.extname = 'pgaudit') THEN
        CREATE EXTENSION pgaudit
            WITH SCHEMA public;
        COMMENT ON EXTENSION pgaudit IS
            'Writes DDL and roles into the server''s log; made by 000014_audit.';
    END IF;
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE NOTICE 'as a superuser: CREATE EXTENSION pgaudit, and ALTER DATABASE % SET '
                     'pgaudit.log = ''ddl, role'' and pgaudit.log_parameter = off',
            current_database();
END
$do$;

CREATE OR REPLACE FUNCTION audit.refuse_change()
    RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    RAISE EXCEPTION USING
        ERRCODE = 'NX001',
        MESSAGE = format('%s of %s.%s is refused: it is append only', lower(tg_op),
                         tg_table_schema, tg_table_name),
        HINT    = 'Write another row that says what is so now.';
END
$function$;

COMMENT ON FUNCTION audit.refuse_change() IS
    'Trigger: refuses every change of what is append only, with SQLSTATE NX001.';

CREATE OR REPLACE FUNCTION audit.login()
    RETURNS text
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, pg_temp
AS $function$
    -- In a function of its owner, current_user is the owner; SET ROLE is seen in the setting.
    SELECT coalesce(nullif(current_setting('role', true), 'none'), session_user::text)
$function$;

COMMENT ON FUNCTION audit.login() IS
    'The role that acts: that of SET ROLE, else the one that logged in, also inside a function '
    'that runs with its owner''s rights.';

CREATE OR REPLACE FUNCTION audit.actor()
    RETURNS text
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, pg_temp
AS $function$
    SELECT coalesce(nullif(left(current_setting('nexus.actor', true), 128), ''), audit.login())
$function$;

COMMENT ON FUNCTION audit.actor() IS
    'Who acts: the setting nexus.actor where the service says for whom (at most 128 characters), '
    'else audit.login().';

CREATE TABLE IF NOT EXISTS audit.actions (
    action_id bigint      NOT NULL
        GENERATED ALWAYS AS IDENTITY,
    acted_at  timestamptz NOT NULL
        DEFAULT clock_timestamp(),
    actor     text        NOT NULL,
    db_role   text        NOT NULL,
    action    text        NOT NULL,
    subject   text        NOT NULL,
    outcome   text        NOT NULL,
    request   jsonb,
    detail    jsonb,
    CONSTRAINT action_has_one_place
        PRIMARY KEY (action_id, acted_at),
    CONSTRAINT actor_is_1_to_128_characters
        CHECK (length(actor) BETWEEN 1 AND 128),
    CONSTRAINT action_is_a_plain_word
        CHECK (action COLLATE "C" ~ '^[a-z][a-z0-9_.]{0,63}$'),
    CONSTRAINT subject_is_1_to_256_characters
        CHECK (length(subject) BETWEEN 1 AND 256),
    CONSTRAINT outcome_is_known
        CHECK (outcome IN ('done', 'refused', 'failed')),
    CONSTRAINT request_is_an_object
        CHECK (jsonb_typeof(request) = 'object'),
    CONSTRAINT detail_is_an_object
        CHECK (jsonb_typeof(detail) = 'object')
)
PARTITION BY RANGE (acted_at);

COMMENT ON TABLE audit.actions IS
    'A row is an action of a user or a service. Append only; by year of acted_at, UTC.';
COMMENT ON COLUMN audit.actions.action_id IS
    'Number of the action, ascending; not without gaps.';
COMMENT ON COLUMN audit.actions.acted_at IS
    'When, by the clock of the database.';
COMMENT ON COLUMN audit.actions.actor IS
    'Who, 1 to 128 characters, see audit.actor().';
COMMENT ON COLUMN audit.actions.db_role IS
    'The role of the database that did it, see audit.login().';
COMMENT ON COLUMN audit.actions.action IS
    'What was done, a word such as credential_decrypted.';
COMMENT ON COLUMN audit.actions.subject IS
    'What it was done to, 1 to 256 characters, for example an exchange or a path of config.';
COMMENT ON COLUMN audit.actions.outcome IS
    'done, refused (by a rule) or failed (by an error).';
COMMENT ON COLUMN audit.actions.request IS
    'What was asked for, without secrets; null if there is nothing to say.';
COMMENT ON COLUMN audit.actions.detail IS
    'What came of it, without secrets; null if there is nothing to say.';

CREATE INDEX IF NOT EXISTS actions_by_actor
    ON audit.actions (actor, acted_at);
COMMENT ON INDEX audit.actions_by_actor IS
    'What somebody did in a period.';

CREATE INDEX IF NOT EXISTS actions_by_subject
    ON audit.actions (subject, acted_at);
COMMENT ON INDEX audit.actions_by_subject IS
    'What was done to something, the newest last.';

CREATE INDEX IF NOT EXISTS actions_by_time
    ON audit.actions USING brin (acted_at);
COMMENT ON INDEX audit.actions_by_time IS
    'A period of a year''s actions: they come in the order of time, so a range of blocks is known '
    'by its least and greatest.';

CREATE INDEX IF NOT EXISTS actions_by_request
    ON audit.actions USING gin (request jsonb_path_ops);
COMMENT ON INDEX audit.actions_by_request IS
    'Actions whose request contains something (request @> …).';

CREATE TABLE IF NOT EXISTS audit.api_calls (
    call_id     bigint      NOT NULL
        GENERATED ALWAYS AS IDENTITY,
    called_at   timestamptz NOT NULL
        DEFAULT clock_timestamp(),
    service     text        NOT NULL,
    exchange    text,
    method      text        NOT NULL,
    endpoint    text        NOT NULL,
    status      int,
    duration_ms int,
    attempt     int         NOT NULL
        DEFAULT 1,
    error       text,
    request_id  text,
    CONSTRAINT call_has_one_place
        PRIMARY KEY (call_id, called_at),
    CONSTRAINT service_is_1_to_64_characters
        CHECK (length(service) BETWEEN 1 AND 64),
    CONSTRAINT method_is_known
        CHECK (method IN ('GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'WS')),
    -- A query may carry a signature or a key.
    CONSTRAINT endpoint_is_a_path_without_query
        CHECK (length(endpoint) BETWEEN 1 AND 256
           AND endpoint !~ '[?#[:space:]]'),
    CONSTRAINT status_is_of_http
        CHECK (status BETWEEN 100 AND 599),
    CONSTRAINT duration_is_not_negative
        CHECK (duration_ms >= 0),
    CONSTRAINT attempt_is_positive
        CHECK (attempt >= 1),
    CONSTRAINT error_is_at_most_1024_characters
        CHECK (length(error) <= 1024),
    CONSTRAINT call_has_an_answer_or_an_error
        CHECK (status IS NOT NULL
            OR error IS NOT NULL)
)
PARTITION BY RANGE (called_at);

COMMENT ON TABLE audit.api_calls IS
    'A row is a call to the outside, mostly an exchange. Append only; by year of called_at, UTC.';
COMMENT ON COLUMN audit.api_calls.call_id IS
    'Number of the call, ascending; not without gaps.';
COMMENT ON COLUMN audit.api_calls.called_at IS
    'When it was sent.';
COMMENT ON COLUMN audit.api_calls.service IS
    'The service that called.';
COMMENT ON COLUMN audit.api_calls.exchange IS
    'The exchange, as config.exchanges calls it; null for another site. Without a foreign key: '
    'what was said stays said.';
COMMENT ON COLUMN audit.api_calls.method IS
    'Method of HTTP, or WS for a message of a web socket.';
COMMENT ON COLUMN audit.api_calls.endpoint IS
    'The path, without a query: that may carry keys and signatures.';
COMMENT ON COLUMN audit.api_calls.status IS
    'Status of the answer, as HTTP counts; null when there was none.';
COMMENT ON COLUMN audit.api_calls.duration_ms IS
    'How long the answer took, in milliseconds; null when there was none.';
COMMENT ON COLUMN audit.api_calls.attempt IS
    'Which attempt it was, from 1.';
COMMENT ON COLUMN audit.api_calls.error IS
    'What went wrong, at most 1024 characters, without secrets; null if nothing.';
COMMENT ON COLUMN audit.api_calls.request_id IS
    'What the exchange calls the request; null if it does not say.';

CREATE INDEX IF NOT EXISTS api_calls_by_exchange
    ON audit.api_calls (exchange, called_at);
COMMENT ON INDEX audit.api_calls_by_exchange IS
    'Response times and errors of one exchange in a period.';

CREATE INDEX IF NOT EXISTS api_calls_that_failed
    ON audit.api_calls (called_at)
    WHERE error IS NOT NULL OR status >= 400;
COMMENT ON INDEX audit.api_calls_that_failed IS
    'The latest failures, which are few among all calls.';

CREATE INDEX IF NOT EXISTS api_calls_by_time
    ON audit.api_calls USING brin (called_at);
COMMENT ON INDEX audit.api_calls_by_time IS
    'All calls of a period.';

-- Statement triggers on the parents refuse also what matches no row.
CREATE OR REPLACE TRIGGER actions_refuse_change
    BEFORE UPDATE OR DELETE OR TRUNCATE
    ON audit.actions
    FOR EACH STATEMENT
    EXECUTE FUNCTION audit.refuse_change();
COMMENT ON TRIGGER actions_refuse_change ON audit.actions IS
    'Refuses a statement that would change or remove actions.';
CREATE OR REPLACE TRIGGER actions_refuse_row_change
    BEFORE UPDATE OR DELETE
    ON audit.actions
    FOR EACH ROW
    EXECUTE FUNCTION audit.refuse_change();
COMMENT ON TRIGGER actions_refuse_row_change ON audit.actions IS
    'Refuses a change of a row, also in a partition by its own name.';
CREATE OR REPLACE TRIGGER api_calls_refuse_change
    BEFORE UPDATE OR DELETE OR TRUNCATE
    ON audit.api_calls
    FOR EACH STATEMENT
    EXECUTE FUNCTION audit.refuse_change();
COMMENT ON TRIGGER api_calls_refuse_change ON audit.api_calls IS
    'Refuses a statement that would change or remove calls.';
CREATE OR REPLACE TRIGGER api_calls_refuse_row_change
    BEFORE UPDATE OR DELETE
    ON audit.api_calls
    FOR EACH ROW
    EXECUTE FUNCTION audit.refuse_change();
COMMENT ON TRIGGER api_calls_refuse_row_change ON audit.api_calls IS
    'Refuses a change of a row, also in a partition by its own name.';

SELECT maintenance.adopt('audit');
SELECT maintenance.partition('audit.actions', interval '1 year', 2);
SELECT maintenance.partition('audit.api_calls', interval '1 year', 2);

CREATE OR REPLACE FUNCTION audit.record(
        action text, subject text, request jsonb DEFAULT NULL, outcome text DEFAULT 'done',
        detail jsonb DEFAULT NULL)
    RETURNS bigint
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    id bigint;
BEGIN
    INSERT INTO audit.actions AS a (actor, db_role, action, subject, outcome, request, detail)
    VALUES (audit.actor(), audit.login(), record.action, record.subject, record.outcome,
            record.request, record.detail)
    RETURNING a.action_id
      INTO id;
    RETURN id;
EXCEPTION
    -- The clock has passed the last year that was made ahead.
    WHEN check_violation THEN
        IF maintenance.ensure_partitions('audit.actions', clock_timestamp(), clock_timestamp()) = 0
        THEN
            RAISE;
        END IF;
        RETURN audit.record(action, subject, request, outcome, detail);
END
$function$;

COMMENT ON FUNCTION audit.record(text, text, jsonb, text, jsonb) IS
    'Writes an action of audit.actor() into the audit; returns its number. It stays only if the '
    'transaction commits. Raises 23514 naming what a column does not take.';

CREATE OR REPLACE FUNCTION audit.record_call(
        service text, exchange text, method text, endpoint text, status int, duration_ms int,
        error text DEFAULT NULL, request_id text DEFAULT NULL, attempt int DEFAULT 1)
    RETURNS bigint
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    id bigint;
BEGIN
    INSERT INTO audit.api_calls AS c
           (service, exchange, method, endpoint, status, duration_ms, error, request_id, attempt)
    VALUES (record_call.service, record_call.exchange, record_call.method, record_call.endpoint,
            record_call.status, record_call.duration_ms, record_call.error,
            record_call.request_id, record_call.attempt)
    RETURNING c.call_id
      INTO id;
    RETURN id;
EXCEPTION
    WHEN check_violation THEN
        IF maintenance.ensure_partitions('audit.api_calls', clock_timestamp(), clock_timestamp())
           = 0 THEN
            RAISE;
        END IF;
        RETURN audit.record_call(service, exchange, method, endpoint, status, duration_ms, error,
                                 request_id, attempt);
END
$function$;

COMMENT ON FUNCTION audit.record_call(text, text, text, text, int, int, text, text, int) IS
    'Writes a call to the outside into the audit; returns its number. Raises 23514 naming what a '
    'column does not take, such as an endpoint with a query.';

REVOKE ALL
    ON ALL FUNCTIONS IN SCHEMA audit
    FROM PUBLIC;
GRANT EXECUTE
    ON FUNCTION audit.record(text, text, jsonb, text, jsonb),
                audit.record_call(text, text, text, text, int, int, text, text, int),
                audit.login(), audit.actor()
    TO nexus_reader;

SELECT maintenance.adopt('audit');

REVOKE UPDATE, DELETE, TRUNCATE
    ON audit.actions, audit.api_calls
    FROM PUBLIC, nexus_owner;
GRANT SELECT
    ON audit.actions, audit.api_calls
    TO nexus_reader;
GRANT INSERT
    ON audit.actions, audit.api_calls
    TO nexus_audit;
