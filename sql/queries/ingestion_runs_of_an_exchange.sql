-- Query: The latest runs of an exchange.
-- Index: data_collector.ingestion_runs_by_exchange
-- Buffers: at most 40
-- Example: $1 = 'x7', $2 = now() - interval '2 days'
SELECT r.run_id, r.source, r.started_at, r.status, r.rows_taken
  FROM data_collector.ingestion_runs AS r
 WHERE r.exchange = $1
   AND r.started_at >= $2
 ORDER BY r.started_at DESC
 LIMIT 20;
