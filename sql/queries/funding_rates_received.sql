-- Query: How many rates came in a period, by source.
-- Index: funding.rates_by_receipt
-- Buffers: at most 200
-- Example: $1 = now() - interval '12 hours', $2 = now() - interval '10 hours'
SELECT r.source, count(*) AS rates
  FROM funding.rates AS r
 WHERE r.received_at >= $1
   AND r.received_at < $2
   AND r.funding_time >= $1 - interval '1 day'
   AND r.funding_time < $2 + interval '1 day'
 GROUP BY r.source
 ORDER BY r.source;
