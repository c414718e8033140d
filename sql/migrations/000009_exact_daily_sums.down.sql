-- Why:   undoes 000009_exact_daily_sums: the sums are numeric(38,18) again. Refused while a sum is
--        beyond that range, with 22003, or with 23514 where only the net is: nothing is cut or
--        left out.
-- Locks: ACCESS EXCLUSIVE on analytics.daily_pnl, its rows and their slots: readers and the worker
--        wait, appends do not.
-- Takes: 4 s a million rows, which are written anew.

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
    ALTER COLUMN price_pnl     TYPE numeric(38,18),
    ALTER COLUMN fees_known    TYPE numeric(38,18),
    ALTER COLUMN funding_known TYPE numeric(38,18),
    ALTER COLUMN adjustments   TYPE numeric(38,18),
    ALTER COLUMN volume        TYPE numeric(38,18);

ALTER TABLE analytics.daily_pnl_rows
    ADD CONSTRAINT net_is_within_the_range
        CHECK (abs(price_pnl - fees_known + funding_known + adjustments) < 100000000000000000000);

CREATE OR REPLACE VIEW analytics.daily_pnl AS
SELECT b.name AS book,
       r.book_id,
       r.day,
       r.strategy,
       r.asset,
       r.venue,
       r.settle,
       r.price_pnl,
       (CASE WHEN r.unvalued_fees = 0
             THEN r.fees_known
       END)::numeric(38,18) AS fees,
       (CASE WHEN r.unvalued_funding = 0
             THEN r.funding_known
       END)::numeric(38,18) AS funding,
       (CASE WHEN r.unvalued_fees = 0
              AND r.unvalued_funding = 0
             THEN r.price_pnl - r.fees_known + r.funding_known + r.adjustments
       END)::numeric(38,18) AS net,
       r.fees_known,
       r.funding_known,
       r.unvalued_fees,
       r.unvalued_funding,
       r.adjustments,
       r.fills,
       r.volume,
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

COMMENT ON TABLE analytics.daily_pnl_rows IS
    'Sums of position_days by day, strategy, asset, venue and settle, of every generation; '
    'read analytics.daily_pnl.';

COMMENT ON VIEW analytics.daily_pnl IS
    'A row is a UTC day of a strategy in an asset on a venue, in one settle asset.';
COMMENT ON COLUMN analytics.daily_pnl.price_pnl IS
    'P&L from prices booked on the day, in settle.';
COMMENT ON COLUMN analytics.daily_pnl.fees IS
    'Fees of the day, + cost, in settle; null while one is not valued.';
COMMENT ON COLUMN analytics.daily_pnl.funding IS
    'Funding of the day, + received, in settle; null while one is not valued.';
COMMENT ON COLUMN analytics.daily_pnl.net IS
    'price_pnl - fees + funding + adjustments, in settle; null when one of them is.';
COMMENT ON COLUMN analytics.daily_pnl.fees_known IS
    'Fees of the day as far as they are valued, + cost, in settle.';
COMMENT ON COLUMN analytics.daily_pnl.funding_known IS
    'Funding of the day as far as it is valued, + received, in settle.';
COMMENT ON COLUMN analytics.daily_pnl.adjustments IS
    'Cash adjustments of the day, in settle.';
COMMENT ON COLUMN analytics.daily_pnl.volume IS
    'Traded volume of the day, in quote; of inverse legs the sum of qty times multiplier.';
