-- Query: A book's risk as it was at a time.
-- Index: risk.snapshot_has_one_place
-- Buffers: at most 20
-- Example: $1 = 'b3', $2 = now() - interval '40 days'
SELECT s.taken_at, s.gross_exposure, s.net_exposure, s.var, s.var_missing
  FROM risk.snapshots AS s
 WHERE s.book = $1
   AND s.taken_at <= $2
   AND s.taken_at > $2 - interval '1 day'
 ORDER BY s.taken_at DESC
 LIMIT 1;
