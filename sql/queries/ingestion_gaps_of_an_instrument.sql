-- Query: What is missing of an instrument in a period.
-- Index: data_collector.ingestion_gaps_by_exchange
-- Buffers: at most 50
-- Example: $1 = 'x7', $2 = 'S77-PERP', $3 = now() - interval '1 year'
SELECT g.source, g.expected_from, g.expected_to, g.filled_at
  FROM data_collector.ingestion_gaps AS g
 WHERE g.exchange = $1
   AND g.symbol = $2
   AND g.expected_from >= $3
 ORDER BY g.expected_from;
