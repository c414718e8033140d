-- Query: The latest changes of an entry.
-- Index: config.change_log_by_path
-- Buffers: at most 120
-- Example: $1 = 'system_settings/k77'
SELECT l.change_id, l.changed_at, l.actor, l.reason, l.previous, l.current
  FROM config.change_log AS l
 WHERE l.path = $1
 ORDER BY l.change_id DESC
 LIMIT 50;
