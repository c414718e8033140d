-- Query: Runs that failed lately, the newest first.
-- Index: data_collector.ingestion_runs_by_status
-- Buffers: at most 110
-- Example: $1 = 'failed', $2 = now() - interval '30 days'
SELECT r.run_id, r.source, r.exchange, r.started_at, r.error
  FROM data_collector.ingestion_runs AS r
 WHERE r.status = $1
   AND r.status <> 'succeeded'
   AND r.started_at >= $2
 ORDER BY r.started_at DESC
 LIMIT 50;
