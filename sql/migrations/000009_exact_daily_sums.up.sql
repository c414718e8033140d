-- Why:   a figure of one position is within the range of numeric(38,18), or the position is
--        quarantined; a day's sum over many blameless positions may leave it, and nobody is to
--        blame for that. So the sums are kept exact in numeric without a limit, and the view shows
--        null for a figure that its type cannot hold. It comes back by itself once it is smaller.
-- Locks: ACCESS EXCLUSIVE on analytics.daily_pnl, its rows and their slots: readers and the worker
--        wait, appends do not.
-- Takes: milliseconds, and 0.2 s a million rows.
--
-- To drop a typmod rewrites neither rows nor keys; the CHECK of volume is made anew with its column
-- and read once. A column that a view reads cannot change its type, so the view reads none of them
-- meanwhile. It is replaced, not dropped: grants, comments and views upon it stay. Its columns
-- stay numeric(38,18), fees_known and funding_known too, hence null beyond the range as well: who
-- needs the sum itself reads analytics.daily_pnl_rows.

CREATE OR REPLACE VIEW analytics.daily_pnl AS
SELECT b.name AS book,
       r.book_id,
       r.day,
       r.strategy,
       r.asset,
       r.venue,
       r.settle,
       NULL::numeric(38,18) AS price_pnl,
       NULL::numeric(38,18) AS fees,
       NULL::numeric(38,18) AS funding,
       NULL::numeric(38,18) AS net,
       NULL::numeric(38,18) AS fees_known,
       NULL::numeric(38,18) AS funding_known,
       r.unvalued_fees,
       r.unvalued_funding,
       NULL::numeric(38,18) AS adjustments,
       r.fills,
       NULL::numeric(38,18) AS volume,
       r.positions,
       r.leg_days,
       r.log_position,
       r.changed_at
  FROM analytics.daily_pnl_rows AS r
  JOIN positions.live_slot AS l
    ON l.book_id = r.book_id
   AND l.slot = r.slot
  JOIN positions.books AS b
    ON b.book_id = r.book_id;

ALTER TABLE analytics.daily_pnl_rows
    DROP CONSTRAINT IF EXISTS net_is_within_the_range,
    ALTER COLUMN price_pnl     TYPE numeric,
    ALTER COLUMN fees_known    TYPE numeric,
    ALTER COLUMN funding_known TYPE numeric,
    ALTER COLUMN adjustments   TYPE numeric,
    ALTER COLUMN volume        TYPE numeric;

CREATE OR REPLACE VIEW analytics.daily_pnl AS
SELECT b.name AS book,
       r.book_id,
       r.day,
       r.strategy,
       r.asset,
       r.venue,
       r.settle,
       (CASE WHEN abs(r.price_pnl) < 100000000000000000000
             THEN r.price_pnl
       END)::numeric(38,18) AS price_pnl,
       (CASE WHEN r.unvalued_fees = 0
              AND abs(r.fees_known) < 100000000000000000000
             THEN r.fees_known
       END)::numeric(38,18) AS fees,
       (CASE WHEN r.unvalued_funding = 0
              AND abs(r.funding_known) < 100000000000000000000
             THEN r.funding_known
       END)::numeric(38,18) AS funding,
       (CASE WHEN r.unvalued_fees = 0
              AND r.unvalued_funding = 0
              AND abs(s.net) < 100000000000000000000
             THEN s.net
       END)::numeric(38,18) AS net,
       (CASE WHEN abs(r.fees_known) < 100000000000000000000
             THEN r.fees_known
       END)::numeric(38,18) AS fees_known,
       (CASE WHEN abs(r.funding_known) < 100000000000000000000
             THEN r.funding_known
       END)::numeric(38,18) AS funding_known,
       r.unvalued_fees,
       r.unvalued_funding,
       (CASE WHEN abs(r.adjustments) < 100000000000000000000
             THEN r.adjustments
       END)::numeric(38,18) AS adjustments,
       r.fills,
       (CASE WHEN abs(r.volume) < 100000000000000000000
             THEN r.volume
       END)::numeric(38,18) AS volume,
       r.positions,
       r.leg_days,
       r.log_position,
       r.changed_at
  FROM analytics.daily_pnl_rows AS r
 CROSS JOIN LATERAL (
       SELECT r.price_pnl - r.fees_known + r.funding_known + r.adjustments AS net
      ) AS s
  JOIN positions.live_slot AS l
    ON l.book_id = r.book_id
   AND l.slot = r.slot
  JOIN positions.books AS b
    ON b.book_id = r.book_id;

COMMENT ON TABLE analytics.daily_pnl_rows IS
    'Sums of position_days by day, strategy, asset, venue and settle, of every generation, exact '
    'beyond the range of one figure; read analytics.daily_pnl.';

COMMENT ON VIEW analytics.daily_pnl IS
    'A row is a UTC day of a strategy in an asset on a venue, in one settle asset. A figure whose '
    'magnitude is 10^20 or more is null.';
COMMENT ON COLUMN analytics.daily_pnl.price_pnl IS
    'P&L from prices booked on the day, in settle; null from 10^20 on.';
COMMENT ON COLUMN analytics.daily_pnl.fees IS
    'Fees of the day, + cost, in settle; null while one is not valued, and from 10^20 on.';
COMMENT ON COLUMN analytics.daily_pnl.funding IS
    'Funding of the day, + received, in settle; null while one is not valued, and from 10^20 on.';
COMMENT ON COLUMN analytics.daily_pnl.net IS
    'price_pnl - fees + funding + adjustments, in settle; null while a fee or funding is not '
    'valued, and from 10^20 on, whatever its parts are.';
COMMENT ON COLUMN analytics.daily_pnl.fees_known IS
    'Fees of the day as far as they are valued, + cost, in settle; null from 10^20 on.';
COMMENT ON COLUMN analytics.daily_pnl.funding_known IS
    'Funding of the day as far as it is valued, + received, in settle; null from 10^20 on.';
COMMENT ON COLUMN analytics.daily_pnl.adjustments IS
    'Cash adjustments of the day, in settle; null from 10^20 on.';
COMMENT ON COLUMN analytics.daily_pnl.volume IS
    'Traded volume of the day, in quote; of inverse legs the sum of qty times multiplier; null '
    'from 10^20 on.';
