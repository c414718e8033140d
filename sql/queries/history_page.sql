-- Query: A page of the ended positions of a book, the newest first, after a place.
-- Index: positions.history_by_opening
-- Buffers: at most 70
-- Example: $1 = (SELECT book_id FROM positions.books WHERE name = 'main'), $2 = now() -
--   interval '2 days', $3 = '00000000-0000-0000-0000-000000000000'::uuid
SELECT h.position_id, h.strategy, h.asset, h.state, h.opened_at, h.closed_at
  FROM positions.history_rows AS h
 WHERE h.slot = (SELECT l.slot FROM positions.live_slot AS l WHERE l.book_id = $1)
   AND h.book_id = $1
   AND (h.opened_at, h.position_id) < ($2, $3)
 ORDER BY h.opened_at DESC, h.position_id DESC
 LIMIT 50;
