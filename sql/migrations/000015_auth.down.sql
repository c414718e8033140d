-- Why:   undoes 000015_auth: users, rights, accounts and sessions go.
-- Locks: ACCESS EXCLUSIVE on what is dropped.
-- Takes: milliseconds.

DROP TABLE IF EXISTS auth.sessions;

DROP TABLE IF EXISTS auth.service_accounts;

DROP TABLE IF EXISTS auth.user_roles;

DROP TABLE IF EXISTS auth.roles;

DROP TABLE IF EXISTS auth.users;

DROP FUNCTION IF EXISTS auth.record_change();
