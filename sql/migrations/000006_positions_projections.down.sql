-- Why:   undoes 000006_positions_projections. A replay folds the rows from the log again.
-- Locks: ACCESS EXCLUSIVE on the tables and views, which stops their readers and the worker.
-- Takes: milliseconds once the locks are held.

DROP VIEW IF EXISTS positions.history;

DROP TABLE IF EXISTS positions.history_rows;

DROP VIEW IF EXISTS positions.legs;

DROP TABLE IF EXISTS positions.legs_rows;

DROP VIEW IF EXISTS positions.active;

DROP TABLE IF EXISTS positions.active_rows;
