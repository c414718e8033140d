-- Query: Whether a book knows an event already, and where it stands.
-- Index: positions.event_id_is_unique_in_its_book
-- Buffers: at most 30
-- Example: $1 = (SELECT book_id FROM positions.books WHERE name = 'main'), $2 = ARRAY(SELECT
--   md5('e' || h.log_position)::uuid FROM positions.log_head AS h)
SELECT k.event_id, k.log_position, k.recorded_at
  FROM positions.event_keys AS k
 WHERE k.book_id = $1
   AND k.event_id = ANY ($2);
