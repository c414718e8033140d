-- Query: A symbol's rates of all sources in a period.
-- Index: funding.rates_by_symbol
-- Buffers: at most 170
-- Example: $1 = 'x7', $2 = 'S77-PERP', $3 = now() - interval '3 days', $4 = now()
SELECT r.funding_time, r.source, r.rate, r.interval_hours, r.mark_price
  FROM funding.rates AS r
 WHERE r.exchange = $1
   AND r.symbol = $2
   AND r.funding_time >= $3
   AND r.funding_time < $4
 ORDER BY r.funding_time, r.source;
