-- Why:   undoes 000005_positions_generations: which slot is live and how far each has come is
--        lost, and replays make it anew.
-- Locks: ACCESS EXCLUSIVE on the three tables and, for their foreign keys, on positions.books.
-- Takes: milliseconds once the locks are held.

DROP FUNCTION IF EXISTS positions.ensure_book(text, int);

DROP TABLE IF EXISTS positions.quarantine;

DROP TABLE IF EXISTS positions.projection_checkpoints;

DROP TABLE IF EXISTS positions.live_slot;
