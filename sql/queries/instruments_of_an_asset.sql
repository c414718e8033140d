-- Query: Where an asset can be traded now.
-- Index: data_collector.instruments_by_base
-- Buffers: at most 20
-- Example: $1 = 'B77'
SELECT i.exchange, i.symbol, i.quote, i.contract_size, i.funding_interval_hours
  FROM data_collector.instruments AS i
 WHERE i.base = $1
   AND i.valid_to IS NULL
 ORDER BY i.exchange, i.symbol;
