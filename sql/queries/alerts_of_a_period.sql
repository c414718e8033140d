-- Query: The alerts of a period, the newest first.
-- Index: risk.alerts_by_time
-- Buffers: at most 30
-- Example: $1 = now() - interval '2 hours', $2 = now()
SELECT a.raised_at, a.severity, a.type, a.subject
  FROM risk.alerts AS a
 WHERE a.raised_at >= $1
   AND a.raised_at < $2
 ORDER BY a.raised_at DESC
 LIMIT 200;
