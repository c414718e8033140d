-- Query: A page of the open positions of a book, the newest first, after a place.
-- Index: positions.active_by_opening
-- Buffers: at most 70
-- Example: $1 = (SELECT book_id FROM positions.books WHERE name = 'main'), $2 = now() -
--   interval '2 days', $3 = '00000000-0000-0000-0000-000000000000'::uuid
SELECT a.position_id, a.strategy, a.asset, a.state, a.opened_at
  FROM positions.active_rows AS a
 WHERE a.slot = (SELECT l.slot FROM positions.live_slot AS l WHERE l.book_id = $1)
   AND a.book_id = $1
   AND (a.opened_at, a.position_id) < ($2, $3)
 ORDER BY a.opened_at DESC, a.position_id DESC
 LIMIT 50;
