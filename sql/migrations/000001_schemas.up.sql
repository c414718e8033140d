-- Why:   a service owns its schema: `positions` holds the log and what is folded from it,
--        `analytics` the figures that reports read.
-- Locks: none that another session waits for; two rows of pg_namespace.
-- Takes: milliseconds, whatever the size of the database.

CREATE SCHEMA IF NOT EXISTS positions;

CREATE SCHEMA IF NOT EXISTS analytics;

COMMENT ON SCHEMA positions IS
    'The event log of positions, its guards, and the projections folded from it.';

COMMENT ON SCHEMA analytics IS
    'Performance figures folded from positions.events; all of them can be rebuilt from the log.';
