-- Query: How often a source differed from others in a period.
-- Index: funding.discrepancies_by_source_a, funding.discrepancies_by_source_b
-- Buffers: at most 30
-- Example: $1 = 'exchange_api', $2 = now() - interval '5 days'
SELECT count(*) AS discrepancies, max(d.magnitude) AS worst
  FROM funding.discrepancies AS d
 WHERE (d.source_a = $1 AND d.opened_at >= $2)
    OR (d.source_b = $1 AND d.opened_at >= $2);
