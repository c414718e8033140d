-- Query: A book's positions in a state, the oldest first.
-- Index: positions.active_by_state
-- Buffers: at most 530
-- Example: $1 = 'main', $2 = 'OPENING'
SELECT a.position_id, a.strategy, a.asset, a.opened_at, a.flags
  FROM positions.active AS a
 WHERE a.book = $1
   AND a.state = $2
 ORDER BY a.opened_at
 LIMIT 100;
