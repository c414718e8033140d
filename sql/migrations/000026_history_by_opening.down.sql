-- Why:   Takes 000026_history_by_opening back.
-- Locks: ACCESS EXCLUSIVE on positions.history_rows and its slots for a moment.
-- Takes: A moment.

DROP INDEX IF EXISTS positions.history_by_opening;
