-- Query: The history of a limit.
-- Index: risk.limit_breaches_by_limit
-- Buffers: at most 120
-- Example: $1 = (SELECT l.limit_id FROM config.risk_limits AS l WHERE l.scope = 'v7')
SELECT b.breach_id, b.subject, b.opened_at, b.closed_at, b.worst, b.limit_value
  FROM risk.limit_breaches AS b
 WHERE b.limit_id = $1
 ORDER BY b.opened_at DESC
 LIMIT 50;
