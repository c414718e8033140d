-- Query: Which opportunity a position came of.
-- Index: opportunities.executions_by_position
-- Buffers: at most 20
-- Example: $1 = md5(md5('o99010')::uuid::text)::uuid
SELECT e.execution_id, e.opportunity_id, e.attempt, e.long_slippage, e.short_slippage
  FROM opportunities.executions AS e
 WHERE e.position_id = $1;
