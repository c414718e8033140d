-- Query: The greatest wins of a strategy in an asset, of one generation.
-- Index: positions.history_closed_by_net
-- Buffers: at most 20
-- Example: $1 = 1, $2 = (SELECT book_id FROM positions.books WHERE name = 'main'), $3 = 's4', $4 =
--   'A2', $5 = 'USDT'
SELECT h.net
  FROM positions.history_rows AS h
 WHERE h.slot = $1
   AND h.book_id = $2
   AND h.strategy = $3
   AND h.asset = $4
   AND h.settle = $5
   AND h.state = 'CLOSED'
   AND h.net IS NOT NULL
 ORDER BY h.net DESC
 LIMIT 10;
