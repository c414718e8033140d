-- Query: Alerts that nobody has taken up, of a severity, the oldest first.
-- Index: risk.alerts_not_acknowledged
-- Buffers: at most 110
-- Example: $1 = 'critical'
SELECT a.alert_id, a.raised_at, a.type, a.subject, a.message
  FROM risk.alerts AS a
 WHERE a.severity = $1
   AND a.acknowledged_at IS NULL
   AND a.resolved_at IS NULL
 ORDER BY a.raised_at
 LIMIT 100;
