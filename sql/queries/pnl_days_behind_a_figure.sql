-- Query: The positions behind a figure of a day.
-- Index: analytics.position_days_by_asset
-- Buffers: at most 60
-- Example: $1 = 'main', $2 = current_date - 6, $3 = 's4', $4 = 'A2'
SELECT p.position_id, p.leg, p.venue, p.settle, p.net
  FROM analytics.position_days AS p
 WHERE p.book = $1
   AND p.day = $2
   AND p.strategy = $3
   AND p.asset = $4
 ORDER BY p.net;
