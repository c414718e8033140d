-- Query: How many actions of each kind there were in a period.
-- Index: audit.actions_by_time
-- Buffers: at most 280
-- Example: $1 = now() - interval '8 days', $2 = now() - interval '7 days'
SELECT a.action, a.outcome, count(*) AS actions
  FROM audit.actions AS a
 WHERE a.acted_at >= $1
   AND a.acted_at < $2
 GROUP BY a.action, a.outcome
 ORDER BY a.action, a.outcome;
