-- Why:   undoes 000011_outbox_discards. THE TOMBSTONES GO WITH IT, and who discarded what and why:
--        an event that was discarded is taken when it is sent again. Copy the rows out first
--        (sql/docs/README.md, "Rolling back").
-- Locks: ACCESS EXCLUSIVE on the table, which stops whoever asks for a discarded event.
-- Takes: milliseconds once the lock is held.

DROP TABLE IF EXISTS positions.outbox_discards;
