-- Query: The latest opportunities of a status.
-- Index: opportunities.detected_by_status
-- Buffers: at most 50
-- Example: $1 = 'executed', $2 = now() - interval '7 days'
SELECT o.opportunity_id, o.detected_at, o.strategy, o.asset, o.score, o.spread
  FROM opportunities.detected AS o
 WHERE o.status = $1
   AND o.detected_at >= $2
 ORDER BY o.detected_at DESC
 LIMIT 50;
