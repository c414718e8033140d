-- Query: What is held at a venue and what it is worth, as risk.take_snapshot sums it.
-- Index: positions.legs_held_by_venue, positions.open_position_has_one_row
-- Buffers: at most 19000
-- Example: $1 = 'main', $2 = 'v7'
SELECT e.position_id, e.leg, e.asset, e.notional, e.unrealized_usd
  FROM risk.exposures AS e
 WHERE e.book = $1
   AND e.venue = $2;
