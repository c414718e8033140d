-- Query: Whether a breach of a limit stands for a subject.
-- Index: risk.one_breach_stands_for_a_limit
-- Buffers: at most 20
-- Example: $1 = (SELECT b.limit_id FROM risk.limit_breaches AS b WHERE b.subject = 'subject 400'
--   AND b.closed_at IS NULL), $2 = 'main', $3 = 'subject 400'
SELECT b.breach_id, b.opened_at, b.level, b.worst
  FROM risk.limit_breaches AS b
 WHERE b.limit_id = $1
   AND b.book = $2
   AND b.subject = $3
   AND b.closed_at IS NULL;
