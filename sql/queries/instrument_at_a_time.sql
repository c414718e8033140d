-- Query: The terms of an instrument at a time.
-- Index: data_collector.instrument_is_unique_in_time
-- Buffers: at most 20
-- Example: $1 = 'x7', $2 = 'S77-PERP', $3 = now()
SELECT i.instrument_id, i.valid_from, i.contract_size, i.tick_size, i.funding_interval_hours
  FROM data_collector.instruments AS i
 WHERE i.exchange = $1
   AND i.symbol = $2
   AND i.valid_from <= $3
 ORDER BY i.valid_from DESC
 LIMIT 1;
