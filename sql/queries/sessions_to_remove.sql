-- Query: Sessions that ended before a time, which are removed.
-- Index: auth.sessions_by_end
-- Buffers: at most 40
-- Example: $1 = now() - interval '60 days'
SELECT s.session_id
  FROM auth.sessions AS s
 WHERE s.expires_at < $1
 ORDER BY s.expires_at
 LIMIT 500;
