-- Query: The greatest exposure of each book in a period.
-- Index: risk.snapshots_by_time
-- Buffers: at most 530
-- Example: $1 = now() - interval '40 days', $2 = now() - interval '39 days'
SELECT s.book, max(s.gross_exposure) AS gross_exposure, max(s.var) AS var
  FROM risk.snapshots AS s
 WHERE s.taken_at >= $1
   AND s.taken_at < $2
 GROUP BY s.book
 ORDER BY s.book;
