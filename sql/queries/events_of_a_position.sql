-- Query: What has come to a position's stream after a version, in order.
-- Index: positions.version_is_taken_once
-- Buffers: at most 30
-- Example: $1 = (SELECT book_id FROM positions.books WHERE name = 'main'), $2 = md5('1234')::uuid,
--   $3 = 45
SELECT e.version, e.event_type, e.payload
  FROM positions.streams AS s
  JOIN positions.events AS e
    ON e.book_id = s.book_id
   AND e.position_id = s.position_id
   AND e.recorded_at BETWEEN s.first_recorded_at AND s.last_recorded_at
 WHERE s.book_id = $1
   AND s.position_id = $2
   AND e.version > $3
 ORDER BY e.version;
