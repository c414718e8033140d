-- Query: One open position.
-- Index: positions.open_position_has_one_row
-- Buffers: at most 30
-- Example: $1 = 'main', $2 = md5('a77')::uuid
SELECT a.position_id, a.strategy, a.asset, a.state, a.flags, a.net
  FROM positions.active AS a
 WHERE a.book = $1
   AND a.position_id = $2;
