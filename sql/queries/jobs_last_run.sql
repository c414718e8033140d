-- Query: The last run of a job.
-- Index: maintenance.runs_by_job
-- Buffers: at most 20
-- Example: $1 = 'views'
SELECT r.started_at, r.ended_at, r.outcome, r.error
  FROM maintenance.runs AS r
 WHERE r.job = $1
 ORDER BY r.started_at DESC
 LIMIT 1;
