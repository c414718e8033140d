-- Query: The breach that raised an alert.
-- Index: risk.limit_breaches_by_alert
-- Buffers: at most 20
-- Example: $1 = (SELECT max(a.alert_id) FROM risk.alerts AS a)
SELECT b.breach_id, b.limit_id, b.measured, b.limit_value, b.level
  FROM risk.limit_breaches AS b
 WHERE b.alert_id = $1;
