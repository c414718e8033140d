-- Query: The funding of a strategy in an asset in a month, by position.
-- Index: analytics.funding_collected_by_month
-- Buffers: at most 110
-- Example: $1 = 'main', $2 = date_trunc('month', now() - interval '1 month')::date, $3 = 's4', $4
--   = 'A2'
SELECT f.position_id, f.leg, f.venue, f.settle, f.net, f.variance
  FROM analytics.funding_collected AS f
 WHERE f.book = $1
   AND f.month = $2
   AND f.strategy = $3
   AND f.asset = $4
 ORDER BY f.net;
