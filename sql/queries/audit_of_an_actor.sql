-- Query: What somebody did in a period, the newest first.
-- Index: audit.actions_by_actor
-- Buffers: at most 70
-- Example: $1 = 'user77', $2 = now() - interval '30 days', $3 = now()
SELECT a.acted_at, a.action, a.subject, a.outcome
  FROM audit.actions AS a
 WHERE a.actor = $1
   AND a.acted_at >= $2
   AND a.acted_at < $3
 ORDER BY a.acted_at DESC
 LIMIT 100;
