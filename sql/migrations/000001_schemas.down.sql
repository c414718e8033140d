-- Why:   undoes 000001_schemas. Refused (2BP01) while anything else still lives in a schema:
--        what others put there is theirs to remove.
-- Locks: none that another session waits for.
-- Takes: milliseconds.

DROP SCHEMA IF EXISTS analytics;

DROP SCHEMA IF EXISTS positions;
