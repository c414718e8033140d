-- Why:   undoes 000002_positions_log. THE LOG GOES WITH IT, every month of it: take a backup
--        first (sql/docs/README.md, "Rolling back").
-- Locks: ACCESS EXCLUSIVE on all tables of the log, which stops every append and reader.
-- Takes: milliseconds once the locks are held; unlinking the files takes up to a second a GB.

DROP TABLE IF EXISTS positions.deliveries;

DROP TABLE IF EXISTS positions.streams;

DROP TABLE IF EXISTS positions.event_keys;

DROP TABLE IF EXISTS positions.events;

DROP TABLE IF EXISTS positions.log_head;

DROP TABLE IF EXISTS positions.books;
