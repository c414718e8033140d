-- Query: Who asked for something, by what the request contains.
-- Index: audit.actions_by_request
-- Buffers: at most 70
-- Example: $1 = '{"path": "p/100"}'::jsonb, $2 = now() - interval '1 year'
SELECT a.acted_at, a.actor, a.action, a.outcome
  FROM audit.actions AS a
 WHERE a.request @> $1
   AND a.acted_at >= $2
 ORDER BY a.acted_at DESC
 LIMIT 100;
