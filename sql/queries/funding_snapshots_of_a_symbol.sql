-- Query: A symbol through time, as snapshots knew it.
-- Index: funding.snapshots_by_symbol
-- Buffers: at most 70
-- Example: $1 = 'x7', $2 = 'S77-PERP', $3 = now() - interval '1 day'
SELECT s.snapshot_at, s.rate, s.rate_8h, s.source, s.sources_disagree
  FROM funding.snapshots AS s
 WHERE s.exchange = $1
   AND s.symbol = $2
   AND s.snapshot_at >= $3
 ORDER BY s.snapshot_at;
