-- Query: A service account's sessions.
-- Index: auth.sessions_by_account
-- Buffers: at most 420
-- Example: $1 = 'account50'
SELECT s.session_id, s.opened_at, s.expires_at, s.revoked_at
  FROM auth.sessions AS s
 WHERE s.account = $1
 ORDER BY s.opened_at DESC
 LIMIT 100;
