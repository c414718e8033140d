-- Query: The credentials that a key has encrypted: what a rotation has still to do.
-- Index: config.exchange_credentials_by_key
-- Buffers: at most 50
-- Example: $1 = left(md5('77'), 16)
SELECT c.exchange, c.version
  FROM config.exchange_credentials AS c
 WHERE c.key_id = $1
 LIMIT 100;
