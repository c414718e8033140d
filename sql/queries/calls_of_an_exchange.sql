-- Query: Response times and failures of an exchange in a period.
-- Index: audit.api_calls_by_exchange
-- Buffers: at most 40
-- Example: $1 = 'x7', $2 = now() - interval '3 days', $3 = now()
SELECT c.endpoint, count(*) AS calls, count(c.error) AS failures, max(c.duration_ms) AS slowest_ms
  FROM audit.api_calls AS c
 WHERE c.exchange = $1
   AND c.called_at >= $2
   AND c.called_at < $3
 GROUP BY c.endpoint
 ORDER BY c.endpoint;
