-- Query: Opportunities whose score contains something.
-- Index: opportunities.detected_by_components
-- Buffers: at most 130
-- Example: $1 = '{"veto": "liquidity"}'::jsonb, $2 = now() - interval '20 days'
SELECT o.opportunity_id, o.detected_at, o.asset, o.score, o.components
  FROM opportunities.detected AS o
 WHERE o.components @> $1
   AND o.detected_at >= $2
 ORDER BY o.detected_at DESC
 LIMIT 50;
