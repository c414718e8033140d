-- Query: A user's sessions that are open.
-- Index: auth.sessions_by_user
-- Buffers: at most 20
-- Example: $1 = md5('u19995')::uuid, $2 = now()
SELECT s.session_id, s.opened_at, s.last_seen_at, s.expires_at, s.client
  FROM auth.sessions AS s
 WHERE s.user_id = $1
   AND s.expires_at > $2
   AND s.revoked_at IS NULL
 ORDER BY s.expires_at;
