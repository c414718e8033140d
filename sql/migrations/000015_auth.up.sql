-- Why:   who may use NEXUS: users, their roles, service accounts and sessions. A password or a
--        token never comes here: services hash it and bring the hash, which only nexus_auth reads.
-- Locks: ACCESS EXCLUSIVE on the new tables only, which nobody reads yet.
-- Takes: milliseconds.

CREATE TABLE IF NOT EXISTS auth.users (
    user_id       uuid        NOT NULL
        DEFAULT gen_random_uuid(),
    created_at    timestamptz NOT NULL
        DEFAULT clock_timestamp(),
    changed_at    timestamptz NOT NULL
        DEFAULT clock_timestamp(),
    name          text        NOT NULL,
    email         text,
    status        text        NOT NULL
        DEFAULT 'active',
    password_hash text,
    CONSTRAINT user_id_is_unique
        PRIMARY KEY (user_id),
    CONSTRAINT user_name_is_unique
        UNIQUE (name),
    CONSTRAINT user_name_is_plain
        CHECK (name COLLATE "C" ~ '^[a-z0-9][a-z0-9_.-]{0,63}$'),
    CONSTRAINT email_has_an_at
        CHECK (length(email) <= 254
           AND email ~ '^[^@[:space:]]+@[^@[:space:]]+$'),
    CONSTRAINT status_is_known
        CHECK (status IN ('active', 'locked', 'left')),
    -- bcrypt of cost 10 to 31, or argon2id, in their usual text forms.
    CONSTRAINT password_is_a_slow_hash
        CHECK (password_hash COLLATE "C" ~ '^\$2[aby]\$(1[0-9]|2[0-9]|3[01])\$[./A-Za-z0-9]{53}$'
            OR password_hash COLLATE "C" ~ '^\$argon2id\$v=19\$m=[0-9]+,t=[0-9]+,p=[0-9]+\$')
);

COMMENT ON TABLE auth.users IS
    'A row is a person who may use NEXUS, or could once: never removed.';
COMMENT ON COLUMN auth.users.user_id IS
    'Identity of the user.';
COMMENT ON COLUMN auth.users.created_at IS
    'When the row was made, by the clock of the database.';
COMMENT ON COLUMN auth.users.changed_at IS
    'When the row was changed last, by the clock of the database.';
COMMENT ON COLUMN auth.users.name IS
    'What the user signs in as, 1 to 64 characters of [a-z0-9_.-]; the actor of what they do.';
COMMENT ON COLUMN auth.users.email IS
    'Where the user is reached; null if unknown.';
COMMENT ON COLUMN auth.users.status IS
    'active, locked (may not sign in for now) or left.';
COMMENT ON COLUMN auth.users.password_hash IS
    'Secret. bcrypt (cost 10 or more) or argon2id of the password, in its text form; null if the '
    'user signs in elsewhere.';

CREATE TABLE IF NOT EXISTS auth.roles (
    created_at  timestamptz NOT NULL
        DEFAULT clock_timestamp(),
    role        text        NOT NULL,
    description text        NOT NULL,
    CONSTRAINT role_is_unique
        PRIMARY KEY (role),
    CONSTRAINT role_is_plain
        CHECK (role COLLATE "C" ~ '^[a-z][a-z0-9_]{0,63}$')
);

COMMENT ON TABLE auth.roles IS
    'A row is a role of the application, which users and service accounts have.';
COMMENT ON COLUMN auth.roles.created_at IS
    'When the row was made, by the clock of the database.';
COMMENT ON COLUMN auth.roles.role IS
    'Name of the role, 1 to 64 characters of [a-z0-9_].';
COMMENT ON COLUMN auth.roles.description IS
    'What who has it may do.';

INSERT INTO auth.roles (role, description)
VALUES ('viewer', 'Sees positions, figures and configuration.'),
       ('trader', 'As a viewer; opens and closes positions by hand.'),
       ('risk_manager', 'As a viewer; acknowledges alerts, changes limits.'),
       ('operator', 'As a viewer; changes settings, maintenance windows and flags.'),
       ('auditor', 'Sees everything but secrets, the audit too.'),
       ('administrator', 'Manages users, roles, exchanges and their credentials.')
    ON CONFLICT DO NOTHING;

CREATE TABLE IF NOT EXISTS auth.user_roles (
    user_id    uuid        NOT NULL,
    granted_at timestamptz NOT NULL
        DEFAULT clock_timestamp(),
    role       text        NOT NULL,
    granted_by text        NOT NULL,
    CONSTRAINT role_is_granted_once
        PRIMARY KEY (user_id, role),
    CONSTRAINT grant_belongs_to_a_user
        FOREIGN KEY (user_id) REFERENCES auth.users (user_id),
    CONSTRAINT grant_is_of_a_role
        FOREIGN KEY (role) REFERENCES auth.roles (role),
    CONSTRAINT granted_by_is_1_to_128_characters
        CHECK (length(granted_by) BETWEEN 1 AND 128)
);

COMMENT ON TABLE auth.user_roles IS
    'A row is a role that a user has; taking it away removes the row, the audit keeps both.';
COMMENT ON COLUMN auth.user_roles.user_id IS
    'The user.';
COMMENT ON COLUMN auth.user_roles.granted_at IS
    'When, by the clock of the database.';
COMMENT ON COLUMN auth.user_roles.role IS
    'The role.';
COMMENT ON COLUMN auth.user_roles.granted_by IS
    'Who granted it, see audit.actor().';

CREATE INDEX IF NOT EXISTS user_roles_by_role
    ON auth.user_roles (role);
COMMENT ON INDEX auth.user_roles_by_role IS
    'Who has a role; the foreign key to auth.roles.';

CREATE TABLE IF NOT EXISTS auth.service_accounts (
    created_at  timestamptz NOT NULL
        DEFAULT clock_timestamp(),
    changed_at  timestamptz NOT NULL
        DEFAULT clock_timestamp(),
    expires_at  timestamptz,
    account     text        NOT NULL,
    db_role     text        NOT NULL,
    enabled     boolean     NOT NULL
        DEFAULT true,
    description text        NOT NULL,
    token_hash  bytea,
    CONSTRAINT account_is_unique
        PRIMARY KEY (account),
    CONSTRAINT account_is_plain
        CHECK (account COLLATE "C" ~ '^[a-z][a-z0-9_-]{0,63}$'),
    CONSTRAINT db_role_is_one_of_nexus
        CHECK (db_role COLLATE "C" ~ '^nexus_[a-z_]{1,57}$'),
    CONSTRAINT token_hash_is_unique
        UNIQUE (token_hash),
    CONSTRAINT token_is_a_sha256
        CHECK (octet_length(token_hash) = 32)
);

COMMENT ON TABLE auth.service_accounts IS
    'A row is a microservice''s account: which role of the database it logs in as.';
COMMENT ON COLUMN auth.service_accounts.created_at IS
    'When the row was made, by the clock of the database.';
COMMENT ON COLUMN auth.service_accounts.changed_at IS
    'When the row was changed last, by the clock of the database.';
COMMENT ON COLUMN auth.service_accounts.expires_at IS
    'From when on the token is refused; null if never.';
COMMENT ON COLUMN auth.service_accounts.account IS
    'Name of the account, 1 to 64 characters of [a-z0-9_-].';
COMMENT ON COLUMN auth.service_accounts.db_role IS
    'The role of the database that the service logs in as.';
COMMENT ON COLUMN auth.service_accounts.enabled IS
    'Whether the account may be used.';
COMMENT ON COLUMN auth.service_accounts.description IS
    'What the service does.';
COMMENT ON COLUMN auth.service_accounts.token_hash IS
    'Secret. SHA-256 of the token, which is random, at least 128 bits; null if it has none.';

INSERT INTO auth.service_accounts (account, db_role, description)
VALUES ('data-collector', 'nexus_data_collector', 'Collects data from exchanges.'),
       ('funding', 'nexus_funding', 'Keeps funding rates and compares their sources.'),
       ('opportunities', 'nexus_opportunities', 'Detects opportunities.'),
       ('positions', 'nexus_positions', 'The ledger: appends events, folds positions.'),
       ('risk', 'nexus_risk', 'Measures risk, raises alerts.'),
       ('capital', 'nexus_capital', 'Allocates and transfers capital.'),
       ('analytics', 'nexus_analytics', 'Reports performance.'),
       ('config', 'nexus_config', 'Serves and changes configuration.'),
       ('audit', 'nexus_audit', 'Writes the audit for those without a database.'),
       ('auth', 'nexus_auth', 'Signs users in.')
    ON CONFLICT DO NOTHING;

CREATE TABLE IF NOT EXISTS auth.sessions (
    session_id   uuid        NOT NULL
        DEFAULT gen_random_uuid(),
    user_id      uuid,
    opened_at    timestamptz NOT NULL
        DEFAULT clock_timestamp(),
    last_seen_at timestamptz NOT NULL
        DEFAULT clock_timestamp(),
    expires_at   timestamptz NOT NULL,
    revoked_at   timestamptz,
    account      text,
    client       text,
    token_hash   bytea       NOT NULL,
    CONSTRAINT session_id_is_unique
        PRIMARY KEY (session_id),
    CONSTRAINT session_token_hash_is_unique
        UNIQUE (token_hash),
    CONSTRAINT session_token_is_a_sha256
        CHECK (octet_length(token_hash) = 32),
    CONSTRAINT session_belongs_to_a_user
        FOREIGN KEY (user_id) REFERENCES auth.users (user_id),
    CONSTRAINT session_belongs_to_an_account
        FOREIGN KEY (account) REFERENCES auth.service_accounts (account),
    CONSTRAINT session_has_one_holder
        CHECK (num_nonnulls(user_id, account) = 1),
    CONSTRAINT session_ends_after_it_was_opened
        CHECK (expires_at > opened_at),
    CONSTRAINT session_is_of_at_most_31_days
        CHECK (expires_at <= opened_at + interval '31 days'),
    CONSTRAINT client_is_at_most_256_characters
        CHECK (length(client) <= 256)
);

COMMENT ON TABLE auth.sessions IS
    'A row is a session of a user or a service account; ended ones are removed after 90 days.';
COMMENT ON COLUMN auth.sessions.session_id IS
    'Identity of the session; no secret.';
COMMENT ON COLUMN auth.sessions.user_id IS
    'The user; null for a service account''s.';
COMMENT ON COLUMN auth.sessions.opened_at IS
    'When it was opened, by the clock of the database.';
COMMENT ON COLUMN auth.sessions.last_seen_at IS
    'When it was used last.';
COMMENT ON COLUMN auth.sessions.expires_at IS
    'When it ends by itself, at most 31 days after it was opened.';
COMMENT ON COLUMN auth.sessions.revoked_at IS
    'When it was ended before; null if it was not.';
COMMENT ON COLUMN auth.sessions.account IS
    'The service account; null for a user''s.';
COMMENT ON COLUMN auth.sessions.client IS
    'What the client says it is, at most 256 characters; null if nothing.';
COMMENT ON COLUMN auth.sessions.token_hash IS
    'Secret. SHA-256 of the token, which is random, at least 128 bits.';

CREATE INDEX IF NOT EXISTS sessions_by_user
    ON auth.sessions (user_id, expires_at)
    WHERE user_id IS NOT NULL;
COMMENT ON INDEX auth.sessions_by_user IS
    'A user''s sessions: to list or to revoke them; the foreign key.';

CREATE INDEX IF NOT EXISTS sessions_by_account
    ON auth.sessions (account)
    WHERE account IS NOT NULL;
COMMENT ON INDEX auth.sessions_by_account IS
    'A service account''s sessions; the foreign key.';

CREATE INDEX IF NOT EXISTS sessions_by_end
    ON auth.sessions (expires_at);
COMMENT ON INDEX auth.sessions_by_end IS
    'Sessions that ended long ago, which are removed.';

-- What happened to users, rights and accounts is kept in the audit, without hashes.
CREATE OR REPLACE FUNCTION auth.record_change()
    RETURNS trigger
    LANGUAGE plpgsql
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    secrets CONSTANT text[] := ARRAY['password_hash', 'token_hash'];
    before_it jsonb := CASE WHEN tg_op <> 'INSERT' THEN to_jsonb(old) END;
    after_it  jsonb := CASE WHEN tg_op <> 'DELETE' THEN to_jsonb(new) END;
    one       jsonb := coalesce(after_it, before_it);
BEGIN
    PERFORM audit.record(
        format('auth.%s.%s', tg_table_name, lower(tg_op)),
        coalesce(one ->> 'name', one ->> 'account', one ->> 'user_id', one ->> 'role'),
        jsonb_strip_nulls(jsonb_build_object(
            'previous', before_it - secrets,
            'current', after_it - secrets,
            'secret_changed',
            CASE WHEN (before_it ->> 'password_hash', before_it ->> 'token_hash')
                      IS DISTINCT FROM
                      (after_it ->> 'password_hash', after_it ->> 'token_hash')
                 THEN true
            END)));
    RETURN NULL;
END
$function$;

COMMENT ON FUNCTION auth.record_change() IS
    'Trigger: writes a change of users, rights or accounts into audit.actions, without secrets.';

CREATE OR REPLACE TRIGGER users_are_audited
    AFTER INSERT OR UPDATE OR DELETE
    ON auth.users
    FOR EACH ROW
    EXECUTE FUNCTION auth.record_change();
COMMENT ON TRIGGER users_are_audited ON auth.users IS
    'Who changed which user.';
CREATE OR REPLACE TRIGGER user_roles_are_audited
    AFTER INSERT OR UPDATE OR DELETE
    ON auth.user_roles
    FOR EACH ROW
    EXECUTE FUNCTION auth.record_change();
COMMENT ON TRIGGER user_roles_are_audited ON auth.user_roles IS
    'Who gave or took which right.';
CREATE OR REPLACE TRIGGER service_accounts_are_audited
    AFTER INSERT OR UPDATE OR DELETE
    ON auth.service_accounts
    FOR EACH ROW
    EXECUTE FUNCTION auth.record_change();
COMMENT ON TRIGGER service_accounts_are_audited ON auth.service_accounts IS
    'Who changed which account.';

REVOKE ALL
    ON ALL FUNCTIONS IN SCHEMA auth
    FROM PUBLIC;

SELECT maintenance.adopt('auth');

GRANT SELECT (user_id, created_at, changed_at, name, email, status)
    ON auth.users
    TO nexus_reader;
GRANT SELECT
    ON auth.roles, auth.user_roles
    TO nexus_reader;
GRANT SELECT (created_at, changed_at, expires_at, account, db_role, enabled, description)
    ON auth.service_accounts
    TO nexus_reader;
GRANT SELECT (session_id, user_id, opened_at, last_seen_at, expires_at, revoked_at, account, client)
    ON auth.sessions
    TO nexus_reader;
GRANT SELECT, INSERT, UPDATE
    ON auth.users, auth.roles, auth.service_accounts
    TO nexus_auth;
GRANT SELECT, INSERT, DELETE
    ON auth.user_roles
    TO nexus_auth;
GRANT SELECT, INSERT, UPDATE, DELETE
    ON auth.sessions
    TO nexus_auth;
