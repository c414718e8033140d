-- Why:   what was earned by day, by strategy and by funding payment, for reports.
-- Locks: ACCESS EXCLUSIVE on new tables and views only.
-- Takes: milliseconds.
--
-- Each table is X_rows, LIST partitioned by slot, and the view X shows the rows of each book's
-- live slot. Keys and indexes lead with (slot, book_id): a generation is written, compared and
-- read by itself. Money is exact, numeric(38,18), and what is not known is null, never zero.
-- No foreign keys: the worker writes rows and checkpoint in one transaction, the checkpoint has
-- one, and a slot is emptied by TRUNCATE. Columns are stored wide first; the views put them in
-- the order of their meaning. The slots themselves are made by 000008_projection_slots.

-- daily_pnl is kept as the sum of these rows, so that a restatement is new minus old.
CREATE TABLE IF NOT EXISTS analytics.position_days_rows (
    changed_at   timestamptz    NOT NULL,
    fills        bigint         NOT NULL,
    log_position bigint         NOT NULL,
    position_id  uuid           NOT NULL,
    day          date           NOT NULL,
    book_id      int            NOT NULL,
    slot         smallint       NOT NULL,
    price_pnl    numeric(38,18) NOT NULL,
    fees         numeric(38,18),
    funding      numeric(38,18),
    adjustments  numeric(38,18) NOT NULL,
    net          numeric(38,18),
    volume       numeric(38,18) NOT NULL,
    leg          text           NOT NULL,
    strategy     text           NOT NULL,
    asset        text           NOT NULL,
    venue        text           NOT NULL,
    settle       text           NOT NULL,
    CONSTRAINT leg_has_one_row_a_day
        PRIMARY KEY (slot, book_id, position_id, leg, day),
    CONSTRAINT slot_is_one_of_three
        CHECK (slot IN (1, 2, 3)),
    CONSTRAINT log_position_is_positive
        CHECK (log_position >= 1),
    CONSTRAINT fills_are_not_negative
        CHECK (fills >= 0),
    CONSTRAINT volume_is_not_negative
        CHECK (volume >= 0),
    CONSTRAINT net_is_the_sum_of_its_parts
        CHECK (net = price_pnl - fees + funding + adjustments)
)
PARTITION BY LIST (slot);

COMMENT ON TABLE analytics.position_days_rows IS
    'What each leg earned on each UTC day, of every generation; the base of analytics.daily_pnl.';
COMMENT ON COLUMN analytics.position_days_rows.changed_at IS
    'recorded_at of the last event that changed this row.';
COMMENT ON COLUMN analytics.position_days_rows.fills IS
    'Number of live fills of the day.';
COMMENT ON COLUMN analytics.position_days_rows.log_position IS
    'Log position of the last event that changed this row.';
COMMENT ON COLUMN analytics.position_days_rows.position_id IS
    'The position.';
COMMENT ON COLUMN analytics.position_days_rows.day IS
    'The UTC day.';
COMMENT ON COLUMN analytics.position_days_rows.book_id IS
    'The book, see positions.books.';
COMMENT ON COLUMN analytics.position_days_rows.slot IS
    'The slot of the generation this row belongs to: 1, 2 or 3.';
COMMENT ON COLUMN analytics.position_days_rows.price_pnl IS
    'P&L from prices booked on the day, in settle.';
COMMENT ON COLUMN analytics.position_days_rows.fees IS
    'Fees of the day, + cost, in settle; null while one is not valued.';
COMMENT ON COLUMN analytics.position_days_rows.funding IS
    'Funding of the day, + received, in settle; null while one is not valued.';
COMMENT ON COLUMN analytics.position_days_rows.adjustments IS
    'Cash adjustments of the day, in settle.';
COMMENT ON COLUMN analytics.position_days_rows.net IS
    'price_pnl - fees + funding + adjustments, in settle; null when one of them is.';
COMMENT ON COLUMN analytics.position_days_rows.volume IS
    'Traded volume of the day, in quote; of an inverse leg the sum of qty times multiplier.';
COMMENT ON COLUMN analytics.position_days_rows.leg IS
    'Name of the leg in its position.';
COMMENT ON COLUMN analytics.position_days_rows.strategy IS
    'Strategy of the position, as position_opened gave it.';
COMMENT ON COLUMN analytics.position_days_rows.asset IS
    'Asset that the position trades, as position_opened gave it.';
COMMENT ON COLUMN analytics.position_days_rows.venue IS
    'The exchange of the leg.';
COMMENT ON COLUMN analytics.position_days_rows.settle IS
    'Settle asset of the leg, the unit of the money columns.';

CREATE INDEX IF NOT EXISTS position_days_by_day
    ON analytics.position_days_rows (slot, book_id, day, strategy, asset, venue, settle);

COMMENT ON INDEX analytics.position_days_by_day IS
    'The legs behind a figure of daily_pnl; the same columns as its key.';

CREATE OR REPLACE VIEW analytics.position_days AS
SELECT b.name AS book,
       r.book_id,
       r.position_id,
       r.leg,
       r.day,
       r.strategy,
       r.asset,
       r.venue,
       r.settle,
       r.price_pnl,
       r.fees,
       r.funding,
       r.adjustments,
       r.net,
       r.fills,
       r.volume,
       r.log_position,
       r.changed_at
  FROM analytics.position_days_rows AS r
  JOIN positions.live_slot AS l
    ON l.book_id = r.book_id
   AND l.slot = r.slot
  JOIN positions.books AS b
    ON b.book_id = r.book_id;

COMMENT ON VIEW analytics.position_days IS
    'A row is a UTC day on which a leg had a live fill, fee, funding or adjustment.';
COMMENT ON COLUMN analytics.position_days.book IS
    'Name of the book, see positions.books.';
COMMENT ON COLUMN analytics.position_days.book_id IS
    'The book, see positions.books.';
COMMENT ON COLUMN analytics.position_days.position_id IS
    'The position.';
COMMENT ON COLUMN analytics.position_days.leg IS
    'Name of the leg in its position.';
COMMENT ON COLUMN analytics.position_days.day IS
    'The UTC day.';
COMMENT ON COLUMN analytics.position_days.strategy IS
    'Strategy of the position, as position_opened gave it.';
COMMENT ON COLUMN analytics.position_days.asset IS
    'Asset that the position trades, as position_opened gave it.';
COMMENT ON COLUMN analytics.position_days.venue IS
    'The exchange of the leg.';
COMMENT ON COLUMN analytics.position_days.settle IS
    'Settle asset of the leg, the unit of the money columns.';
COMMENT ON COLUMN analytics.position_days.price_pnl IS
    'P&L from prices booked on the day, in settle.';
COMMENT ON COLUMN analytics.position_days.fees IS
    'Fees of the day, + cost, in settle; null while one is not valued.';
COMMENT ON COLUMN analytics.position_days.funding IS
    'Funding of the day, + received, in settle; null while one is not valued.';
COMMENT ON COLUMN analytics.position_days.adjustments IS
    'Cash adjustments of the day, in settle.';
COMMENT ON COLUMN analytics.position_days.net IS
    'price_pnl - fees + funding + adjustments, in settle; null when one of them is.';
COMMENT ON COLUMN analytics.position_days.fills IS
    'Number of live fills of the day.';
COMMENT ON COLUMN analytics.position_days.volume IS
    'Traded volume of the day, in quote; of an inverse leg the sum of qty times multiplier.';
COMMENT ON COLUMN analytics.position_days.log_position IS
    'Log position of the last event that changed this row.';
COMMENT ON COLUMN analytics.position_days.changed_at IS
    'recorded_at of the last event that changed this row.';

-- The key leads with the day, so a range of days is one range of the key and needs no index
-- of its own. What is not valued yet is counted, not summed: the view shows null until it is.
CREATE TABLE IF NOT EXISTS analytics.daily_pnl_rows (
    changed_at       timestamptz    NOT NULL,
    unvalued_fees    bigint         NOT NULL,
    unvalued_funding bigint         NOT NULL,
    fills            bigint         NOT NULL,
    positions        bigint         NOT NULL,
    leg_days         bigint         NOT NULL,
    log_position     bigint         NOT NULL,
    day              date           NOT NULL,
    book_id          int            NOT NULL,
    slot             smallint       NOT NULL,
    price_pnl        numeric(38,18) NOT NULL,
    fees_known       numeric(38,18) NOT NULL,
    funding_known    numeric(38,18) NOT NULL,
    adjustments      numeric(38,18) NOT NULL,
    volume           numeric(38,18) NOT NULL,
    strategy         text           NOT NULL,
    asset            text           NOT NULL,
    venue            text           NOT NULL,
    settle           text           NOT NULL,
    CONSTRAINT key_has_one_row_a_day
        PRIMARY KEY (slot, book_id, day, strategy, asset, venue, settle),
    CONSTRAINT slot_is_one_of_three
        CHECK (slot IN (1, 2, 3)),
    CONSTRAINT log_position_is_positive
        CHECK (log_position >= 1),
    CONSTRAINT fills_are_not_negative
        CHECK (fills >= 0),
    CONSTRAINT volume_is_not_negative
        CHECK (volume >= 0),
    CONSTRAINT row_has_a_position_and_a_leg_day
        CHECK (leg_days >= positions
           AND positions >= 1),
    CONSTRAINT net_is_within_the_range
        CHECK (abs(price_pnl - fees_known + funding_known + adjustments) < 100000000000000000000),
    CONSTRAINT unvalued_fees_are_some_of_the_leg_days
        CHECK (unvalued_fees BETWEEN 0 AND leg_days),
    CONSTRAINT unvalued_funding_is_some_of_the_leg_days
        CHECK (unvalued_funding BETWEEN 0 AND leg_days)
)
PARTITION BY LIST (slot);

COMMENT ON TABLE analytics.daily_pnl_rows IS
    'Sums of position_days by day, strategy, asset, venue and settle, of every generation; '
    'read analytics.daily_pnl.';
COMMENT ON COLUMN analytics.daily_pnl_rows.changed_at IS
    'recorded_at of the last event that changed this row.';
COMMENT ON COLUMN analytics.daily_pnl_rows.unvalued_fees IS
    'Number of position-leg-days summed here whose fees are not valued.';
COMMENT ON COLUMN analytics.daily_pnl_rows.unvalued_funding IS
    'Number of position-leg-days summed here whose funding is not valued.';
COMMENT ON COLUMN analytics.daily_pnl_rows.fills IS
    'Number of live fills of the day.';
COMMENT ON COLUMN analytics.daily_pnl_rows.positions IS
    'Number of positions that have a part in the day.';
COMMENT ON COLUMN analytics.daily_pnl_rows.leg_days IS
    'Number of position-leg-days summed here; the row goes when it is 0.';
COMMENT ON COLUMN analytics.daily_pnl_rows.log_position IS
    'Log position of the last event that changed this row.';
COMMENT ON COLUMN analytics.daily_pnl_rows.day IS
    'The UTC day.';
COMMENT ON COLUMN analytics.daily_pnl_rows.book_id IS
    'The book, see positions.books.';
COMMENT ON COLUMN analytics.daily_pnl_rows.slot IS
    'The slot of the generation this row belongs to: 1, 2 or 3.';
COMMENT ON COLUMN analytics.daily_pnl_rows.price_pnl IS
    'P&L from prices booked on the day, in settle.';
COMMENT ON COLUMN analytics.daily_pnl_rows.fees_known IS
    'Fees of the day as far as they are valued, + cost, in settle.';
COMMENT ON COLUMN analytics.daily_pnl_rows.funding_known IS
    'Funding of the day as far as it is valued, + received, in settle.';
COMMENT ON COLUMN analytics.daily_pnl_rows.adjustments IS
    'Cash adjustments of the day, in settle.';
COMMENT ON COLUMN analytics.daily_pnl_rows.volume IS
    'Traded volume of the day, in quote; of inverse legs the sum of qty times multiplier.';
COMMENT ON COLUMN analytics.daily_pnl_rows.strategy IS
    'Strategy of the position, as position_opened gave it.';
COMMENT ON COLUMN analytics.daily_pnl_rows.asset IS
    'Asset that the position trades, as position_opened gave it.';
COMMENT ON COLUMN analytics.daily_pnl_rows.venue IS
    'The exchange of the leg.';
COMMENT ON COLUMN analytics.daily_pnl_rows.settle IS
    'Settle asset of the legs, the unit of the money columns.';

-- Where 000009 has been, the columns have other types, and the view is there.
DO $do$
BEGIN
    IF to_regclass('analytics.daily_pnl') IS NULL THEN
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
    END IF;
END
$do$;

COMMENT ON VIEW analytics.daily_pnl IS
    'A row is a UTC day of a strategy in an asset on a venue, in one settle asset.';
COMMENT ON COLUMN analytics.daily_pnl.book IS
    'Name of the book, see positions.books.';
COMMENT ON COLUMN analytics.daily_pnl.book_id IS
    'The book, see positions.books.';
COMMENT ON COLUMN analytics.daily_pnl.day IS
    'The UTC day.';
COMMENT ON COLUMN analytics.daily_pnl.strategy IS
    'Strategy of the position, as position_opened gave it.';
COMMENT ON COLUMN analytics.daily_pnl.asset IS
    'Asset that the position trades, as position_opened gave it.';
COMMENT ON COLUMN analytics.daily_pnl.venue IS
    'The exchange of the leg.';
COMMENT ON COLUMN analytics.daily_pnl.settle IS
    'Settle asset of the legs, the unit of the money columns.';
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
COMMENT ON COLUMN analytics.daily_pnl.unvalued_fees IS
    'Number of position-leg-days summed here whose fees are not valued.';
COMMENT ON COLUMN analytics.daily_pnl.unvalued_funding IS
    'Number of position-leg-days summed here whose funding is not valued.';
COMMENT ON COLUMN analytics.daily_pnl.adjustments IS
    'Cash adjustments of the day, in settle.';
COMMENT ON COLUMN analytics.daily_pnl.fills IS
    'Number of live fills of the day.';
COMMENT ON COLUMN analytics.daily_pnl.volume IS
    'Traded volume of the day, in quote; of inverse legs the sum of qty times multiplier.';
COMMENT ON COLUMN analytics.daily_pnl.positions IS
    'Number of positions that have a part in the day.';
COMMENT ON COLUMN analytics.daily_pnl.leg_days IS
    'Number of position-leg-days summed here; the row goes when it is 0.';
COMMENT ON COLUMN analytics.daily_pnl.log_position IS
    'Log position of the last event that changed this row.';
COMMENT ON COLUMN analytics.daily_pnl.changed_at IS
    'recorded_at of the last event that changed this row.';

-- A few hundred rows: the key serves every query.
CREATE TABLE IF NOT EXISTS analytics.trade_stats_rows (
    changed_at        timestamptz    NOT NULL,
    closed_positions  bigint         NOT NULL,
    unvalued          bigint         NOT NULL,
    wins              bigint         NOT NULL,
    log_position      bigint         NOT NULL,
    book_id           int            NOT NULL,
    slot              smallint       NOT NULL,
    win_rate          numeric(38,18),
    mean_net          numeric(38,18),
    median_net        numeric(38,18),
    profit_factor     numeric(38,18),
    mean_hold_seconds numeric(38,18),
    best              numeric(38,18),
    worst             numeric(38,18),
    strategy          text           NOT NULL,
    asset             text           NOT NULL,
    settle            text           NOT NULL,
    CONSTRAINT strategy_and_asset_have_one_row
        PRIMARY KEY (slot, book_id, strategy, asset, settle),
    CONSTRAINT slot_is_one_of_three
        CHECK (slot IN (1, 2, 3)),
    CONSTRAINT log_position_is_positive
        CHECK (log_position >= 1),
    CONSTRAINT wins_are_some_of_the_valued
        CHECK (closed_positions >= 0
           AND unvalued >= 0
           AND wins >= 0
           AND wins + unvalued <= closed_positions),
    CONSTRAINT win_rate_is_a_share
        CHECK (win_rate BETWEEN 0 AND 1),
    CONSTRAINT profit_factor_is_not_negative
        CHECK (profit_factor >= 0),
    CONSTRAINT hold_time_is_not_negative
        CHECK (mean_hold_seconds >= 0),
    CONSTRAINT worst_is_not_above_best
        CHECK (worst <= best),
    CONSTRAINT money_has_one_settle_asset
        CHECK (settle <> ''
            OR num_nonnulls(mean_net, median_net, profit_factor, best, worst) = 0)
)
PARTITION BY LIST (slot);

COMMENT ON TABLE analytics.trade_stats_rows IS
    'Results of the closed positions by strategy, asset and settle, of every generation; read '
    'analytics.trade_stats.';
COMMENT ON COLUMN analytics.trade_stats_rows.changed_at IS
    'recorded_at of the last event that changed this row.';
COMMENT ON COLUMN analytics.trade_stats_rows.closed_positions IS
    'Number of positions that are CLOSED; cancelled ones do not count.';
COMMENT ON COLUMN analytics.trade_stats_rows.unvalued IS
    'Number of those whose net is null.';
COMMENT ON COLUMN analytics.trade_stats_rows.wins IS
    'Number of those with net > 0.';
COMMENT ON COLUMN analytics.trade_stats_rows.log_position IS
    'Log position of the last event that changed this row.';
COMMENT ON COLUMN analytics.trade_stats_rows.book_id IS
    'The book, see positions.books.';
COMMENT ON COLUMN analytics.trade_stats_rows.slot IS
    'The slot of the generation this row belongs to: 1, 2 or 3.';
COMMENT ON COLUMN analytics.trade_stats_rows.win_rate IS
    'Wins over the positions with a net, 1 = 100 %; null without.';
COMMENT ON COLUMN analytics.trade_stats_rows.mean_net IS
    'Mean net a position, in settle; null without.';
COMMENT ON COLUMN analytics.trade_stats_rows.median_net IS
    'Median net a position, in settle; null without.';
COMMENT ON COLUMN analytics.trade_stats_rows.profit_factor IS
    'Sum of the gains over the sum of the losses, without sign; null without losses.';
COMMENT ON COLUMN analytics.trade_stats_rows.mean_hold_seconds IS
    'Mean time held, in seconds; null without.';
COMMENT ON COLUMN analytics.trade_stats_rows.best IS
    'Greatest net of a position, in settle; null without.';
COMMENT ON COLUMN analytics.trade_stats_rows.worst IS
    'Least net of a position, in settle; null without.';
COMMENT ON COLUMN analytics.trade_stats_rows.strategy IS
    'Strategy of the position, as position_opened gave it.';
COMMENT ON COLUMN analytics.trade_stats_rows.asset IS
    'Asset that the position trades, as position_opened gave it.';
COMMENT ON COLUMN analytics.trade_stats_rows.settle IS
    'Settle asset, the unit of the money columns; empty when a position''s legs settle in several.';

CREATE OR REPLACE VIEW analytics.trade_stats AS
SELECT b.name AS book,
       r.book_id,
       r.strategy,
       r.asset,
       r.settle,
       r.closed_positions,
       r.unvalued,
       r.wins,
       r.win_rate,
       r.mean_net,
       r.median_net,
       r.profit_factor,
       r.mean_hold_seconds,
       r.best,
       r.worst,
       r.log_position,
       r.changed_at
  FROM analytics.trade_stats_rows AS r
  JOIN positions.live_slot AS l
    ON l.book_id = r.book_id
   AND l.slot = r.slot
  JOIN positions.books AS b
    ON b.book_id = r.book_id;

COMMENT ON VIEW analytics.trade_stats IS
    'A row is a strategy in an asset, in one settle asset: the results of its closed positions.';
COMMENT ON COLUMN analytics.trade_stats.book IS
    'Name of the book, see positions.books.';
COMMENT ON COLUMN analytics.trade_stats.book_id IS
    'The book, see positions.books.';
COMMENT ON COLUMN analytics.trade_stats.strategy IS
    'Strategy of the position, as position_opened gave it.';
COMMENT ON COLUMN analytics.trade_stats.asset IS
    'Asset that the position trades, as position_opened gave it.';
COMMENT ON COLUMN analytics.trade_stats.settle IS
    'Settle asset, the unit of the money columns; empty when a position''s legs settle in several.';
COMMENT ON COLUMN analytics.trade_stats.closed_positions IS
    'Number of positions that are CLOSED; cancelled ones do not count.';
COMMENT ON COLUMN analytics.trade_stats.unvalued IS
    'Number of those whose net is null.';
COMMENT ON COLUMN analytics.trade_stats.wins IS
    'Number of those with net > 0.';
COMMENT ON COLUMN analytics.trade_stats.win_rate IS
    'Wins over the positions with a net, 1 = 100 %; null without.';
COMMENT ON COLUMN analytics.trade_stats.mean_net IS
    'Mean net a position, in settle; null without.';
COMMENT ON COLUMN analytics.trade_stats.median_net IS
    'Median net a position, in settle; null without.';
COMMENT ON COLUMN analytics.trade_stats.profit_factor IS
    'Sum of the gains over the sum of the losses, without sign; null without losses.';
COMMENT ON COLUMN analytics.trade_stats.mean_hold_seconds IS
    'Mean time held, in seconds; null without.';
COMMENT ON COLUMN analytics.trade_stats.best IS
    'Greatest net of a position, in settle; null without.';
COMMENT ON COLUMN analytics.trade_stats.worst IS
    'Least net of a position, in settle; null without.';
COMMENT ON COLUMN analytics.trade_stats.log_position IS
    'Log position of the last event that changed this row.';
COMMENT ON COLUMN analytics.trade_stats.changed_at IS
    'recorded_at of the last event that changed this row.';

-- Its totals a position are a view: a position has few legs and few months.
CREATE TABLE IF NOT EXISTS analytics.funding_collected_rows (
    changed_at          timestamptz    NOT NULL,
    payments            bigint         NOT NULL,
    missing_settlements bigint,
    log_position        bigint         NOT NULL,
    position_id         uuid           NOT NULL,
    month               date           NOT NULL,
    book_id             int            NOT NULL,
    slot                smallint       NOT NULL,
    received            numeric(38,18) NOT NULL,
    paid                numeric(38,18) NOT NULL,
    net                 numeric(38,18),
    expected            numeric(38,18),
    variance            numeric(38,18),
    leg                 text           NOT NULL,
    strategy            text           NOT NULL,
    asset               text           NOT NULL,
    venue               text           NOT NULL,
    settle              text           NOT NULL,
    CONSTRAINT leg_has_one_row_a_month
        PRIMARY KEY (slot, book_id, position_id, leg, month),
    CONSTRAINT slot_is_one_of_three
        CHECK (slot IN (1, 2, 3)),
    CONSTRAINT log_position_is_positive
        CHECK (log_position >= 1),
    CONSTRAINT month_is_a_first_day
        CHECK (extract(day FROM month) = 1),
    CONSTRAINT payments_are_not_negative
        CHECK (payments >= 0),
    CONSTRAINT received_is_not_negative
        CHECK (received >= 0),
    CONSTRAINT paid_is_not_negative
        CHECK (paid >= 0),
    CONSTRAINT net_is_received_less_paid
        CHECK (net = received - paid),
    CONSTRAINT missing_settlements_are_not_negative
        CHECK (missing_settlements >= 0)
)
PARTITION BY LIST (slot);

COMMENT ON TABLE analytics.funding_collected_rows IS
    'Funding of each leg in each UTC month, of every generation; read analytics.funding_collected.';
COMMENT ON COLUMN analytics.funding_collected_rows.changed_at IS
    'recorded_at of the last event that changed this row.';
COMMENT ON COLUMN analytics.funding_collected_rows.payments IS
    'Number of live funding payments of the month.';
COMMENT ON COLUMN analytics.funding_collected_rows.missing_settlements IS
    'Settlements due by funding_interval_s without a payment; null without an interval.';
COMMENT ON COLUMN analytics.funding_collected_rows.log_position IS
    'Log position of the last event that changed this row.';
COMMENT ON COLUMN analytics.funding_collected_rows.position_id IS
    'The position.';
COMMENT ON COLUMN analytics.funding_collected_rows.month IS
    'The UTC month, as its first day.';
COMMENT ON COLUMN analytics.funding_collected_rows.book_id IS
    'The book, see positions.books.';
COMMENT ON COLUMN analytics.funding_collected_rows.slot IS
    'The slot of the generation this row belongs to: 1, 2 or 3.';
COMMENT ON COLUMN analytics.funding_collected_rows.received IS
    'Sum of what was received, >= 0, in settle, as far as it is valued.';
COMMENT ON COLUMN analytics.funding_collected_rows.paid IS
    'Sum of what was paid, >= 0, in settle, as far as it is valued.';
COMMENT ON COLUMN analytics.funding_collected_rows.net IS
    'received - paid, in settle; null while a payment is not valued.';
COMMENT ON COLUMN analytics.funding_collected_rows.expected IS
    'Funding by quantity, mark and rate of the payments, in settle; null when one lacks them.';
COMMENT ON COLUMN analytics.funding_collected_rows.variance IS
    'Booked minus expected, in settle; null when either is.';
COMMENT ON COLUMN analytics.funding_collected_rows.leg IS
    'Name of the leg in its position.';
COMMENT ON COLUMN analytics.funding_collected_rows.strategy IS
    'Strategy of the position, as position_opened gave it.';
COMMENT ON COLUMN analytics.funding_collected_rows.asset IS
    'Asset that the position trades, as position_opened gave it.';
COMMENT ON COLUMN analytics.funding_collected_rows.venue IS
    'The exchange of the leg.';
COMMENT ON COLUMN analytics.funding_collected_rows.settle IS
    'Settle asset of the leg, the unit of the money columns.';

CREATE INDEX IF NOT EXISTS funding_collected_by_month
    ON analytics.funding_collected_rows (slot, book_id, month, strategy, asset);

COMMENT ON INDEX analytics.funding_collected_by_month IS
    'The funding of a period, by strategy and asset.';

CREATE OR REPLACE VIEW analytics.funding_collected AS
SELECT b.name AS book,
       r.book_id,
       r.position_id,
       r.leg,
       r.month,
       r.strategy,
       r.asset,
       r.venue,
       r.settle,
       r.payments,
       r.received,
       r.paid,
       r.net,
       r.expected,
       r.variance,
       r.missing_settlements,
       r.log_position,
       r.changed_at
  FROM analytics.funding_collected_rows AS r
  JOIN positions.live_slot AS l
    ON l.book_id = r.book_id
   AND l.slot = r.slot
  JOIN positions.books AS b
    ON b.book_id = r.book_id;

COMMENT ON VIEW analytics.funding_collected IS
    'A row is a UTC month in which a leg had funding, as the live generation of its book has it.';
COMMENT ON COLUMN analytics.funding_collected.book IS
    'Name of the book, see positions.books.';
COMMENT ON COLUMN analytics.funding_collected.book_id IS
    'The book, see positions.books.';
COMMENT ON COLUMN analytics.funding_collected.position_id IS
    'The position.';
COMMENT ON COLUMN analytics.funding_collected.leg IS
    'Name of the leg in its position.';
COMMENT ON COLUMN analytics.funding_collected.month IS
    'The UTC month, as its first day.';
COMMENT ON COLUMN analytics.funding_collected.strategy IS
    'Strategy of the position, as position_opened gave it.';
COMMENT ON COLUMN analytics.funding_collected.asset IS
    'Asset that the position trades, as position_opened gave it.';
COMMENT ON COLUMN analytics.funding_collected.venue IS
    'The exchange of the leg.';
COMMENT ON COLUMN analytics.funding_collected.settle IS
    'Settle asset of the leg, the unit of the money columns.';
COMMENT ON COLUMN analytics.funding_collected.payments IS
    'Number of live funding payments of the month.';
COMMENT ON COLUMN analytics.funding_collected.received IS
    'Sum of what was received, >= 0, in settle, as far as it is valued.';
COMMENT ON COLUMN analytics.funding_collected.paid IS
    'Sum of what was paid, >= 0, in settle, as far as it is valued.';
COMMENT ON COLUMN analytics.funding_collected.net IS
    'received - paid, in settle; null while a payment is not valued.';
COMMENT ON COLUMN analytics.funding_collected.expected IS
    'Funding by quantity, mark and rate of the payments, in settle; null when one lacks them.';
COMMENT ON COLUMN analytics.funding_collected.variance IS
    'Booked minus expected, in settle; null when either is.';
COMMENT ON COLUMN analytics.funding_collected.missing_settlements IS
    'Settlements due by funding_interval_s without a payment; null without an interval.';
COMMENT ON COLUMN analytics.funding_collected.log_position IS
    'Log position of the last event that changed this row.';
COMMENT ON COLUMN analytics.funding_collected.changed_at IS
    'recorded_at of the last event that changed this row.';

-- Sums in one unit only: a position whose legs settle in several assets has no total.
CREATE OR REPLACE VIEW analytics.funding_totals AS
SELECT f.book,
       f.book_id,
       f.position_id,
       f.strategy,
       f.asset,
       CASE WHEN min(f.settle) = max(f.settle) THEN min(f.settle) END AS settle,
       min(f.month) AS first_month,
       max(f.month) AS last_month,
       sum(f.payments)::bigint AS payments,
       (CASE WHEN min(f.settle) = max(f.settle)
              AND count(f.received) = count(*)
             THEN sum(f.received)
       END)::numeric(38,18) AS received,
       (CASE WHEN min(f.settle) = max(f.settle)
              AND count(f.paid) = count(*)
             THEN sum(f.paid)
       END)::numeric(38,18) AS paid,
       (CASE WHEN min(f.settle) = max(f.settle)
              AND count(f.net) = count(*)
             THEN sum(f.net)
       END)::numeric(38,18) AS net,
       (CASE WHEN min(f.settle) = max(f.settle)
              AND count(f.expected) = count(*)
             THEN sum(f.expected)
       END)::numeric(38,18) AS expected,
       (CASE WHEN min(f.settle) = max(f.settle)
              AND count(f.variance) = count(*)
             THEN sum(f.variance)
       END)::numeric(38,18) AS variance,
       CASE WHEN count(f.missing_settlements) = count(*)
          THEN sum(f.missing_settlements)::bigint
       END AS missing_settlements,
       max(f.log_position) AS log_position,
       max(f.changed_at) AS changed_at
  FROM analytics.funding_collected AS f
 GROUP BY f.book,
          f.book_id,
          f.position_id,
          f.strategy,
          f.asset;

COMMENT ON VIEW analytics.funding_totals IS
    'A row is a position with funding: its totals over legs and months.';
COMMENT ON COLUMN analytics.funding_totals.book IS
    'Name of the book, see positions.books.';
COMMENT ON COLUMN analytics.funding_totals.book_id IS
    'The book, see positions.books.';
COMMENT ON COLUMN analytics.funding_totals.position_id IS
    'The position.';
COMMENT ON COLUMN analytics.funding_totals.strategy IS
    'Strategy of the position, as position_opened gave it.';
COMMENT ON COLUMN analytics.funding_totals.asset IS
    'Asset that the position trades, as position_opened gave it.';
COMMENT ON COLUMN analytics.funding_totals.settle IS
    'Settle asset, the unit of the money columns; null when the legs settle in several.';
COMMENT ON COLUMN analytics.funding_totals.first_month IS
    'First UTC month with funding, as its first day.';
COMMENT ON COLUMN analytics.funding_totals.last_month IS
    'Last UTC month with funding, as its first day.';
COMMENT ON COLUMN analytics.funding_totals.payments IS
    'Number of live funding payments.';
COMMENT ON COLUMN analytics.funding_totals.received IS
    'Sum of what was received, >= 0, in settle, as far as it is valued; null with several '
    'settle assets.';
COMMENT ON COLUMN analytics.funding_totals.paid IS
    'Sum of what was paid, >= 0, in settle, as far as it is valued; null with several settle '
    'assets.';
COMMENT ON COLUMN analytics.funding_totals.net IS
    'received - paid, in settle; null while a payment is not valued, or with several settle '
    'assets.';
COMMENT ON COLUMN analytics.funding_totals.expected IS
    'Funding by quantity, mark and rate, in settle; null when a payment lacks them, or with '
    'several settle assets.';
COMMENT ON COLUMN analytics.funding_totals.variance IS
    'Booked minus expected, in settle; null when either is.';
COMMENT ON COLUMN analytics.funding_totals.missing_settlements IS
    'Settlements due without a payment; null when a leg has no funding interval.';
COMMENT ON COLUMN analytics.funding_totals.log_position IS
    'Log position of the last event that changed a row summed here.';
COMMENT ON COLUMN analytics.funding_totals.changed_at IS
    'recorded_at of the last event that changed a row summed here.';
