-- Query: The alert that stands for a type and subject.
-- Index: risk.one_alert_stands_for_a_subject
-- Buffers: at most 20
-- Example: $1 = 'limit_breached', $2 = 'subject 400'
SELECT a.alert_id, a.severity, a.raised_at, a.repeats
  FROM risk.alerts AS a
 WHERE a.type = $1
   AND a.subject = $2
   AND a.resolved_at IS NULL;
