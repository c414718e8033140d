-- Query: Transfers that were asked for and not sent yet, the oldest first.
-- Index: capital.transfers_under_way
-- Buffers: at most 210
-- Example: $1 = 'requested'
SELECT t.transfer_id, t.from_account, t.to_account, t.amount, t.requested_at
  FROM capital.transfers AS t
 WHERE t.status = $1
   AND t.status IN ('requested', 'sent')
 ORDER BY t.requested_at
 LIMIT 100;
