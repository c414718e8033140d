-- Query: What a strategy earned in a period, by day; a day that is not valued stays null.
-- Index: analytics.key_has_one_row_a_day
-- Buffers: at most 330
-- Example: $1 = 'main', $2 = current_date - 7, $3 = current_date - 5, $4 = 's4'
SELECT d.day, d.asset, d.venue, d.settle, d.net, d.unvalued_fees + d.unvalued_funding AS unvalued
  FROM analytics.daily_pnl AS d
 WHERE d.book = $1
   AND d.day >= $2
   AND d.day < $3
   AND d.strategy = $4
 ORDER BY d.day, d.asset, d.venue, d.settle;
