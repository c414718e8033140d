-- Query: The session that a token opens, by the token's hash.
-- Index: auth.session_token_hash_is_unique
-- Buffers: at most 20
-- Example: $1 = decode(md5('s77') || md5('t77'), 'hex')
SELECT s.session_id, s.user_id, s.account, s.expires_at, s.revoked_at
  FROM auth.sessions AS s
 WHERE s.token_hash = $1;
