-- Query: Slippage of the executions of a period.
-- Index: opportunities.executions_by_start
-- Buffers: at most 30
-- Example: $1 = 'filled', $2 = now() - interval '3 days', $3 = now() - interval '2 days'
SELECT count(*) AS executions, avg(e.long_slippage) AS long_slippage,
       avg(e.short_slippage) AS short_slippage
  FROM opportunities.executions AS e
 WHERE e.status = $1
   AND e.started_at >= $2
   AND e.started_at < $3
   AND e.detected_at >= $2 - interval '1 day'
   AND e.detected_at < $3;
