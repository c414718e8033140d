-- Query: Whether a change was taken back, and by which.
-- Index: config.change_log_by_rollback
-- Buffers: at most 20
-- Example: $1 = (SELECT l.rolls_back FROM config.change_log AS l WHERE l.rolls_back IS NOT NULL
--   LIMIT 1)
SELECT l.change_id, l.changed_at, l.actor
  FROM config.change_log AS l
 WHERE l.rolls_back = $1;
