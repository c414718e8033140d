-- Query: A book's positions that ended in a period.
-- Index: positions.history_by_close
-- Buffers: at most 30
-- Example: $1 = 'main', $2 = now() - interval '3 hours', $3 = now() - interval '2 hours'
SELECT h.position_id, h.strategy, h.asset, h.closed_at, h.settle, h.net
  FROM positions.history AS h
 WHERE h.book = $1
   AND h.closed_at >= $2
   AND h.closed_at < $3
 ORDER BY h.closed_at, h.position_id;
