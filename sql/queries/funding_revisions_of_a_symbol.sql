-- Query: How a symbol's rates were corrected.
-- Index: funding.rate_revisions_by_symbol
-- Buffers: at most 30
-- Example: $1 = 'x7', $2 = 'S7-PERP', $3 = now() - interval '5 days'
SELECT v.funding_time, v.source, v.rate, v.received_at
  FROM funding.rate_revisions AS v
 WHERE v.exchange = $1
   AND v.symbol = $2
   AND v.funding_time >= $3
 ORDER BY v.funding_time, v.source, v.recorded_at;
