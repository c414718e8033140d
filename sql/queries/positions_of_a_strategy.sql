-- Query: A strategy's open positions in an asset, for its limits.
-- Index: positions.active_by_strategy_and_asset
-- Buffers: at most 520
-- Example: $1 = 'main', $2 = 's3', $3 = 'A3'
SELECT a.position_id, a.state, a.opened_at, a.base_delta, a.net
  FROM positions.active AS a
 WHERE a.book = $1
   AND a.strategy = $2
   AND a.asset = $3
 ORDER BY a.opened_at
 LIMIT 100;
