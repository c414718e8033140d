-- Query: Calls by exchange in a period.
-- Index: audit.api_calls_by_time
-- Buffers: at most 300
-- Example: $1 = now() - interval '8 days', $2 = now() - interval '7 days'
SELECT c.exchange, count(*) AS calls, max(c.duration_ms) AS slowest_ms
  FROM audit.api_calls AS c
 WHERE c.called_at >= $1
   AND c.called_at < $2
 GROUP BY c.exchange
 ORDER BY c.exchange;
