-- Why:   undoes 000004_positions_months. Months that were made stay: they are the log's.
-- Locks: none that another session waits for.
-- Takes: milliseconds.

DROP FUNCTION IF EXISTS positions.log_position_at(int, timestamptz);

DROP FUNCTION IF EXISTS positions.ensure_months(int);

DROP FUNCTION IF EXISTS positions.ensure_month(timestamptz);
