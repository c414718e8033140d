-- Query: The latest runs of jobs that failed.
-- Index: maintenance.runs_that_failed
-- Buffers: at most 110
-- Example: $1 = now() - interval '30 days'
SELECT r.started_at, r.job, r.error
  FROM maintenance.runs AS r
 WHERE r.outcome = 'failed'
   AND r.started_at >= $1
 ORDER BY r.started_at DESC
 LIMIT 50;
