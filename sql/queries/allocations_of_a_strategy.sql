-- Query: What a strategy has set aside now.
-- Index: capital.allocations_that_stand
-- Buffers: at most 70
-- Example: $1 = 's7'
SELECT l.account_id, l.status, l.amount, l.requested_at
  FROM capital.allocations AS l
 WHERE l.strategy = $1
   AND l.status <> 'released'
 ORDER BY l.requested_at
 LIMIT 1000;
