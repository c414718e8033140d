-- Query: What a source has to bring still.
-- Index: data_collector.ingestion_gaps_that_are_open
-- Buffers: at most 420
-- Example: $1 = 'exchange_api'
SELECT g.exchange, g.symbol, g.dataset, g.expected_from, g.expected_to
  FROM data_collector.ingestion_gaps AS g
 WHERE g.source = $1
   AND g.filled_at IS NULL
 ORDER BY g.exchange, g.symbol, g.dataset, g.expected_from
 LIMIT 100;
