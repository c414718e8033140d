-- Query: The snapshots in which a venue was in use.
-- Index: risk.snapshots_by_venue
-- Buffers: at most 220
-- Example: $1 = 'rare', $2 = now() - interval '1 year'
SELECT s.taken_at, s.book, s.by_venue -> $1 AS exposure
  FROM risk.snapshots AS s
 WHERE s.by_venue ? $1
   AND s.taken_at >= $2
 ORDER BY s.taken_at DESC
 LIMIT 50;
