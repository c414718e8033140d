-- Query: The discrepancies that are open at an exchange's symbol.
-- Index: funding.discrepancies_that_are_open
-- Buffers: at most 100
-- Example: $1 = 'x0', $2 = 'S100-PERP'
SELECT d.discrepancy_id, d.funding_time, d.source_a, d.source_b, d.magnitude
  FROM funding.discrepancies AS d
 WHERE d.exchange = $1
   AND d.symbol = $2
   AND d.status = 'open'
 ORDER BY d.funding_time;
