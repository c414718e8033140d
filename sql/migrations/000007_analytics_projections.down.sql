-- Why:   undoes 000007_analytics_projections. A replay folds the rows from the log again.
-- Locks: ACCESS EXCLUSIVE on the tables and views, which stops their readers and the worker.
-- Takes: milliseconds once the locks are held.

DROP VIEW IF EXISTS analytics.funding_totals;

DROP VIEW IF EXISTS analytics.funding_collected;

DROP TABLE IF EXISTS analytics.funding_collected_rows;

DROP VIEW IF EXISTS analytics.trade_stats;

DROP TABLE IF EXISTS analytics.trade_stats_rows;

DROP VIEW IF EXISTS analytics.daily_pnl;

DROP TABLE IF EXISTS analytics.daily_pnl_rows;

DROP VIEW IF EXISTS analytics.position_days;

DROP TABLE IF EXISTS analytics.position_days_rows;
