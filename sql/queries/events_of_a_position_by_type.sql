-- Query: A position's events of one type, in the months that it lived.
-- Index: positions.events_by_position_and_type, positions.position_has_one_stream
-- Buffers: at most 30
-- Example: $1 = (SELECT book_id FROM positions.books WHERE name = 'main'), $2 = md5('1234')::uuid,
--   $3 = 'funding_recorded'
SELECT e.version, e.effective_at, e.payload
  FROM positions.streams AS s
  JOIN positions.events AS e
    ON e.book_id = s.book_id
   AND e.position_id = s.position_id
   AND e.recorded_at BETWEEN s.first_recorded_at AND s.last_recorded_at
 WHERE s.book_id = $1
   AND s.position_id = $2
   AND e.event_type = $3
 ORDER BY e.version;
