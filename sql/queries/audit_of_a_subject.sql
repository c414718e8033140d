-- Query: What was done to something, the newest first.
-- Index: audit.actions_by_subject
-- Buffers: at most 90
-- Example: $1 = 'subject77', $2 = now() - interval '90 days'
SELECT a.acted_at, a.actor, a.action, a.outcome
  FROM audit.actions AS a
 WHERE a.subject = $1
   AND a.acted_at >= $2
 ORDER BY a.acted_at DESC
 LIMIT 100;
