-- Query: The latest rate of a symbol by one source.
-- Index: funding.rate_has_one_place
-- Buffers: at most 20
-- Example: $1 = 'exchange_api', $2 = 'x7', $3 = 'S77-PERP',
--     $4 = date_trunc('day', now(), 'UTC') - interval '1 hour'
SELECT r.funding_time, r.rate, r.interval_hours, r.next_funding_time
  FROM funding.rates AS r
 WHERE r.source = $1
   AND r.exchange = $2
   AND r.symbol = $3
   AND r.funding_time <= $4
   AND r.funding_time > $4 - interval '2 days'
 ORDER BY r.funding_time DESC
 LIMIT 1;
