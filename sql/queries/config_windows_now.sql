-- Query: The maintenance windows that a moment is in.
-- Index: config.maintenance_windows_by_end
-- Buffers: at most 20
-- Example: $1 = now()
SELECT w.window_name, w.ends_at, w.hold_alerts, w.run_jobs
  FROM config.maintenance_windows AS w
 WHERE w.ends_at > $1
   AND w.starts_at <= $1
 ORDER BY w.ends_at;
