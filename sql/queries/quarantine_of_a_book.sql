-- Query: A book's positions whose fold stopped, in all its slots.
-- Index: positions.quarantine_by_book
-- Buffers: at most 200
-- Example: $1 = (SELECT book_id FROM positions.books WHERE name = 'main')
SELECT q.position_id, q.slot, q.log_position, q.reason
  FROM positions.quarantine AS q
 WHERE q.book_id = $1
 ORDER BY q.position_id, q.slot
 LIMIT 1000;
