-- Query: The next events of a book's log, as the worker folds them.
-- Index: positions.log_position_is_taken_once
-- Buffers: at most 70
-- Example: $1 = (SELECT book_id FROM positions.books WHERE name = 'main'), $2 = 5000, $3 = now() -
--   interval '1 year'
SELECT e.log_position, e.position_id, e.version, e.event_type, e.payload
  FROM positions.events AS e
 WHERE e.book_id = $1
   AND e.log_position > $2
   AND e.log_position <= $2 + 500
   AND e.recorded_at >= $3
 ORDER BY e.log_position;
