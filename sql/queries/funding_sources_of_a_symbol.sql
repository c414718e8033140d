-- Query: Which sources tell the rates of a symbol.
-- Index: funding.series_by_symbol
-- Buffers: at most 20
-- Example: $1 = 'x7', $2 = 'S77-PERP'
SELECT s.source, s.created_at
  FROM funding.series AS s
 WHERE s.exchange = $1
   AND s.symbol = $2
 ORDER BY s.source;
