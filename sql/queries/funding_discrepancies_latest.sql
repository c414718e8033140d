-- Query: The latest discrepancies of a status.
-- Index: funding.discrepancies_by_status
-- Buffers: at most 20
-- Example: $1 = 'resolved'
SELECT d.discrepancy_id, d.opened_at, d.exchange, d.symbol, d.magnitude
  FROM funding.discrepancies AS d
 WHERE d.status = $1
 ORDER BY d.opened_at DESC
 LIMIT 50;
