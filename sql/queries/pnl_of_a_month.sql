-- Query: What a strategy earned in an asset in a month, by venue, from the materialized view.
-- Index: analytics.monthly_pnl_has_one_row
-- Buffers: at most 20
-- Example: $1 = (SELECT book_id FROM positions.books WHERE name = 'main'), $2 =
--   date_trunc('month', now() - interval '1 month')::date, $3 = 's4', $4 = 'A2'
SELECT m.venue, m.settle, m.net, m.unvalued_days
  FROM analytics.monthly_pnl AS m
 WHERE m.book_id = $1
   AND m.month = $2
   AND m.strategy = $3
   AND m.asset = $4
 ORDER BY m.venue, m.settle;
