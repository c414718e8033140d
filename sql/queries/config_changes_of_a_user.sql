-- Query: What a user changed.
-- Index: config.change_log_by_user
-- Buffers: at most 100
-- Example: $1 = md5('u70')::uuid
SELECT l.change_id, l.changed_at, l.path
  FROM config.change_log AS l
 WHERE l.user_id = $1
 ORDER BY l.change_id DESC
 LIMIT 100;
