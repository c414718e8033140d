-- Query: What left an account, the newest first.
-- Index: capital.transfers_from_account
-- Buffers: at most 120
-- Example: $1 = (SELECT c.account_id FROM capital.accounts AS c WHERE c.name = 'n7'), $2 = now() -
--   interval '1 year'
SELECT t.transfer_id, t.to_account, t.amount, t.status, t.requested_at
  FROM capital.transfers AS t
 WHERE t.from_account = $1
   AND t.requested_at >= $2
 ORDER BY t.requested_at DESC
 LIMIT 50;
