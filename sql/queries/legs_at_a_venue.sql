-- Query: What a book holds of an instrument at a venue, to reconcile it.
-- Index: positions.legs_held_by_venue
-- Buffers: at most 270
-- Example: $1 = 'main', $2 = 'v7', $3 = 'A7'
SELECT l.position_id, l.leg, l.side, l.qty, l.avg_entry_px, l.mark_px
  FROM positions.legs AS l
 WHERE l.book = $1
   AND l.venue = $2
   AND l.instrument = $3
   AND l.qty <> 0
 ORDER BY l.position_id, l.leg
 LIMIT 1000;
