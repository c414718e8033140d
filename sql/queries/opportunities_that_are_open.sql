-- Query: What can still become a position of an asset, the newest first.
-- Index: opportunities.detected_that_are_open
-- Buffers: at most 20
-- Example: $1 = 'A7', $2 = now() - interval '10 days'
SELECT o.opportunity_id, o.detected_at, o.status, o.strategy, o.score, o.spread
  FROM opportunities.detected AS o
 WHERE o.asset = $1
   AND o.status IN ('detected', 'qualified', 'executing')
   AND o.detected_at >= $2
 ORDER BY o.detected_at DESC
 LIMIT 50;
