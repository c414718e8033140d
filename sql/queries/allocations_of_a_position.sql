-- Query: A position's capital.
-- Index: capital.allocations_by_position
-- Buffers: at most 20
-- Example: $1 = md5('h77')::uuid
SELECT l.allocation_id, l.account_id, l.amount, l.status
  FROM capital.allocations AS l
 WHERE l.position_id = $1;
