-- Query: What of an account is set aside, for whom, the oldest first.
-- Index: capital.allocations_by_account
-- Buffers: at most 1020
-- Example: $1 = (SELECT c.account_id FROM capital.accounts AS c WHERE c.name = 'n1'), $2 =
--   'active'
SELECT l.allocation_id, l.strategy, l.position_id, l.amount, l.requested_at
  FROM capital.allocations AS l
 WHERE l.account_id = $1
   AND l.status = $2
 ORDER BY l.requested_at
 LIMIT 1000;
