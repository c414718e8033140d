-- Query: Rates that were corrected lately, the newest first.
-- Index: funding.rates_that_were_revised
-- Buffers: at most 120
-- Example: $1 = now() - interval '5 days'
SELECT r.received_at, r.source, r.exchange, r.symbol, r.funding_time, r.revision
  FROM funding.rates AS r
 WHERE r.revision > 1
   AND r.received_at >= $1
   AND r.funding_time >= $1 - interval '7 days'
 ORDER BY r.received_at DESC
 LIMIT 50;
