-- Query: The latest calls that failed.
-- Index: audit.api_calls_that_failed
-- Buffers: at most 120
-- Example: $1 = now() - interval '30 days'
SELECT c.called_at, c.service, c.exchange, c.endpoint, c.status, c.error
  FROM audit.api_calls AS c
 WHERE (c.error IS NOT NULL OR c.status >= 400)
   AND c.called_at >= $1
 ORDER BY c.called_at DESC
 LIMIT 50;
