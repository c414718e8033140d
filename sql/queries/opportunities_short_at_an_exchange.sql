-- Query: The latest opportunities with their short leg at an exchange.
-- Index: opportunities.detected_by_short_exchange
-- Buffers: at most 50
-- Example: $1 = 'x7', $2 = now() - interval '7 days'
SELECT o.opportunity_id, o.detected_at, o.short_symbol, o.long_exchange, o.score
  FROM opportunities.detected AS o
 WHERE o.short_exchange = $1
   AND o.detected_at >= $2
 ORDER BY o.detected_at DESC
 LIMIT 50;
