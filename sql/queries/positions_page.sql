-- Query: A page of the open positions of a generation, the oldest first, after a place.
-- Index: positions.active_by_opening
-- Buffers: at most 20
-- Example: $1 = 1, $2 = (SELECT book_id FROM positions.books WHERE name = 'main'), $3 = now() -
--   interval '2 days', $4 = '00000000-0000-0000-0000-000000000000'::uuid
SELECT a.position_id, a.strategy, a.asset, a.state, a.opened_at
  FROM positions.active_rows AS a
 WHERE a.slot = $1
   AND a.book_id = $2
   AND (a.opened_at, a.position_id) > ($3, $4)
 ORDER BY a.opened_at, a.position_id
 LIMIT 50;
