-- Why:   what a position is worth now and what it came to, for readers who must not fold.
-- Locks: ACCESS EXCLUSIVE on new tables and views only.
-- Takes: milliseconds.
--
-- Each table is X_rows, LIST partitioned by slot, and the view X shows the rows of each book's
-- live slot. Keys and indexes lead with (slot, book_id): a generation is written, compared and
-- read by itself. Money is exact, numeric(38,18), and what is not known is null, never zero.
-- No foreign keys: the worker writes rows and checkpoint in one transaction, the checkpoint has
-- one, and a slot is emptied by TRUNCATE. Columns are stored wide first; the views put them in
-- the order of their meaning. The slots themselves are made by 000008_projection_slots.

-- Small: it holds what is open now. Its rows change with every event of an open position, and
-- no figure is indexed, so those updates are heap-only. The indexed columns hardly change.
CREATE TABLE IF NOT EXISTS positions.active_rows (
    opened_at                    timestamptz    NOT NULL,
    oldest_mark_at               timestamptz,
    changed_at                   timestamptz    NOT NULL,
    version                      bigint         NOT NULL,
    revision                     bigint         NOT NULL,
    log_position                 bigint         NOT NULL,
    position_id                  uuid           NOT NULL,
    book_id                      int            NOT NULL,
    leg_count                    int            NOT NULL,
    slot                         smallint       NOT NULL,
    base_delta                   numeric(38,18),
    realized                     numeric(38,18),
    fees                         numeric(38,18),
    funding                      numeric(38,18),
    adjustments                  numeric(38,18),
    net                          numeric(38,18),
    entry_basis                  numeric(38,18),
    worst_margin_ratio           numeric(38,18),
    nearest_liquidation_distance numeric(38,18),
    unrealized                   numeric(38,18),
    strategy                     text           NOT NULL,
    asset                        text           NOT NULL,
    state                        text           NOT NULL,
    settle                       text,
    stale_reason                 text,
    opportunity_id               text,
    mode                         text,
    flags                        text[]         NOT NULL,
    tags                         json,
    CONSTRAINT open_position_has_one_row
        PRIMARY KEY (slot, book_id, position_id),
    CONSTRAINT slot_is_one_of_three
        CHECK (slot IN (1, 2, 3)),
    CONSTRAINT log_position_is_positive
        CHECK (log_position >= 1),
    CONSTRAINT version_is_positive
        CHECK (version >= 1),
    CONSTRAINT state_is_open
        CHECK (state IN ('PENDING', 'OPENING', 'OPEN', 'CLOSING')),
    CONSTRAINT flags_are_known
        CHECK (flags <@ ARRAY[
            'UNHEDGED',
            'LIQUIDATED',
            'ADL',
            'PROVISIONAL',
            'OVERSHOT',
            'REOPENED_BY_CORRECTION',
            'RESTATED'
        ]),
    CONSTRAINT position_has_a_leg
        CHECK (leg_count >= 1),
    CONSTRAINT revision_is_not_negative
        CHECK (revision >= 0),
    CONSTRAINT net_is_the_sum_of_its_parts
        CHECK (net = realized - fees + funding + adjustments)
)
PARTITION BY LIST (slot);

COMMENT ON TABLE positions.active_rows IS
    'Positions that are neither CLOSED nor CANCELLED, of every generation; read positions.active.';
COMMENT ON COLUMN positions.active_rows.opened_at IS
    'effective_at of position_opened.';
COMMENT ON COLUMN positions.active_rows.oldest_mark_at IS
    'effective_at of the oldest of the legs'' last marks; null without marks.';
COMMENT ON COLUMN positions.active_rows.changed_at IS
    'recorded_at of the last event that changed this row.';
COMMENT ON COLUMN positions.active_rows.version IS
    'Version of the last event of the position that is folded in.';
COMMENT ON COLUMN positions.active_rows.revision IS
    'How many late facts came after the position was closed; 0 before.';
COMMENT ON COLUMN positions.active_rows.log_position IS
    'Log position of the last event that changed this row.';
COMMENT ON COLUMN positions.active_rows.position_id IS
    'The position.';
COMMENT ON COLUMN positions.active_rows.book_id IS
    'The book, see positions.books.';
COMMENT ON COLUMN positions.active_rows.leg_count IS
    'Number of legs, from 1.';
COMMENT ON COLUMN positions.active_rows.slot IS
    'The slot of the generation this row belongs to: 1, 2 or 3.';
COMMENT ON COLUMN positions.active_rows.base_delta IS
    'Sum of the legs'' base quantities, + long, - short, in the base asset; 0 is hedged.';
COMMENT ON COLUMN positions.active_rows.realized IS
    'Sum of the legs'' realized_price, in settle; null when they settle in several assets.';
COMMENT ON COLUMN positions.active_rows.fees IS
    'Sum of the legs'' fees, + cost, in settle; null while one is not valued.';
COMMENT ON COLUMN positions.active_rows.funding IS
    'Sum of the legs'' funding, + received, in settle; null while one is not valued.';
COMMENT ON COLUMN positions.active_rows.adjustments IS
    'Sum of the legs'' cash adjustments, in settle; null with several settle assets.';
COMMENT ON COLUMN positions.active_rows.net IS
    'realized - fees + funding + adjustments, in settle; null when one of them is.';
COMMENT ON COLUMN positions.active_rows.entry_basis IS
    'Short minus long average entry, in quote; null but for one long and one short leg.';
COMMENT ON COLUMN positions.active_rows.worst_margin_ratio IS
    'The legs'' worst margin ratio at their last marks, 1 = 100 %; null without.';
COMMENT ON COLUMN positions.active_rows.nearest_liquidation_distance IS
    'Least distance of a leg''s mark to its liquidation price, 1 = 100 % of the mark; null '
    'without.';
COMMENT ON COLUMN positions.active_rows.unrealized IS
    'Sum of the legs'' unrealised P&L at their last marks, in settle; null without marks.';
COMMENT ON COLUMN positions.active_rows.strategy IS
    'Strategy of the position, as position_opened gave it.';
COMMENT ON COLUMN positions.active_rows.asset IS
    'Asset that the position trades, as position_opened gave it.';
COMMENT ON COLUMN positions.active_rows.state IS
    'PENDING, OPENING, OPEN or CLOSING.';
COMMENT ON COLUMN positions.active_rows.settle IS
    'Settle asset, the unit of the money columns; null when the legs settle in several.';
COMMENT ON COLUMN positions.active_rows.stale_reason IS
    'Why the row stopped following the log (quarantine); null while it follows.';
COMMENT ON COLUMN positions.active_rows.opportunity_id IS
    'The opportunity it came from, as given; null when not given.';
COMMENT ON COLUMN positions.active_rows.mode IS
    'Mode of trading, as given; null when not given.';
COMMENT ON COLUMN positions.active_rows.flags IS
    'Flags that hold now, such as UNHEDGED or PROVISIONAL; empty when none does.';
COMMENT ON COLUMN positions.active_rows.tags IS
    'Tags, as given; null when none were given.';

CREATE INDEX IF NOT EXISTS active_by_strategy_and_asset
    ON positions.active_rows (slot, book_id, strategy, asset);

COMMENT ON INDEX positions.active_by_strategy_and_asset IS
    'The open positions of a strategy, or of a strategy in an asset.';

CREATE INDEX IF NOT EXISTS active_by_state
    ON positions.active_rows (slot, book_id, state, opened_at);

COMMENT ON INDEX positions.active_by_state IS
    'The open positions in a state, oldest first.';

CREATE INDEX IF NOT EXISTS active_by_opening
    ON positions.active_rows (slot, book_id, opened_at, position_id);

COMMENT ON INDEX positions.active_by_opening IS
    'All open positions in pages, oldest first; position_id breaks ties.';

CREATE OR REPLACE VIEW positions.active AS
SELECT b.name AS book,
       r.book_id,
       r.position_id,
       r.version,
       r.strategy,
       r.asset,
       r.state,
       r.flags,
       r.settle,
       r.opened_at,
       r.leg_count,
       r.base_delta,
       r.realized,
       r.fees,
       r.funding,
       r.adjustments,
       r.net,
       r.entry_basis,
       r.worst_margin_ratio,
       r.nearest_liquidation_distance,
       r.unrealized,
       r.oldest_mark_at,
       now() - r.oldest_mark_at AS mark_age,
       r.revision,
       r.stale_reason,
       r.opportunity_id,
       r.mode,
       r.tags,
       r.log_position,
       r.changed_at
  FROM positions.active_rows AS r
  JOIN positions.live_slot AS l
    ON l.book_id = r.book_id
   AND l.slot = r.slot
  JOIN positions.books AS b
    ON b.book_id = r.book_id;

COMMENT ON VIEW positions.active IS
    'A row is a position that is neither CLOSED nor CANCELLED, as the live generation of its '
    'book has it.';
COMMENT ON COLUMN positions.active.book IS
    'Name of the book, see positions.books.';
COMMENT ON COLUMN positions.active.book_id IS
    'The book, see positions.books.';
COMMENT ON COLUMN positions.active.position_id IS
    'The position.';
COMMENT ON COLUMN positions.active.version IS
    'Version of the last event of the position that is folded in.';
COMMENT ON COLUMN positions.active.strategy IS
    'Strategy of the position, as position_opened gave it.';
COMMENT ON COLUMN positions.active.asset IS
    'Asset that the position trades, as position_opened gave it.';
COMMENT ON COLUMN positions.active.state IS
    'PENDING, OPENING, OPEN or CLOSING.';
COMMENT ON COLUMN positions.active.flags IS
    'Flags that hold now, such as UNHEDGED or PROVISIONAL; empty when none does.';
COMMENT ON COLUMN positions.active.settle IS
    'Settle asset, the unit of the money columns; null when the legs settle in several.';
COMMENT ON COLUMN positions.active.opened_at IS
    'effective_at of position_opened.';
COMMENT ON COLUMN positions.active.leg_count IS
    'Number of legs, from 1.';
COMMENT ON COLUMN positions.active.base_delta IS
    'Sum of the legs'' base quantities, + long, - short, in the base asset; 0 is hedged.';
COMMENT ON COLUMN positions.active.realized IS
    'Sum of the legs'' realized_price, in settle; null when they settle in several assets.';
COMMENT ON COLUMN positions.active.fees IS
    'Sum of the legs'' fees, + cost, in settle; null while one is not valued.';
COMMENT ON COLUMN positions.active.funding IS
    'Sum of the legs'' funding, + received, in settle; null while one is not valued.';
COMMENT ON COLUMN positions.active.adjustments IS
    'Sum of the legs'' cash adjustments, in settle; null with several settle assets.';
COMMENT ON COLUMN positions.active.net IS
    'realized - fees + funding + adjustments, in settle; null when one of them is.';
COMMENT ON COLUMN positions.active.entry_basis IS
    'Short minus long average entry, in quote; null but for one long and one short leg.';
COMMENT ON COLUMN positions.active.worst_margin_ratio IS
    'The legs'' worst margin ratio at their last marks, 1 = 100 %; null without.';
COMMENT ON COLUMN positions.active.nearest_liquidation_distance IS
    'Least distance of a leg''s mark to its liquidation price, 1 = 100 % of the mark; null '
    'without.';
COMMENT ON COLUMN positions.active.unrealized IS
    'Sum of the legs'' unrealised P&L at their last marks, in settle; null without marks.';
COMMENT ON COLUMN positions.active.oldest_mark_at IS
    'effective_at of the oldest of the legs'' last marks; null without marks.';
COMMENT ON COLUMN positions.active.mark_age IS
    'Age of oldest_mark_at at the start of the reader''s transaction; null without marks.';
COMMENT ON COLUMN positions.active.revision IS
    'How many late facts came after the position was closed; 0 before.';
COMMENT ON COLUMN positions.active.stale_reason IS
    'Why the row stopped following the log (quarantine); null while it follows.';
COMMENT ON COLUMN positions.active.opportunity_id IS
    'The opportunity it came from, as given; null when not given.';
COMMENT ON COLUMN positions.active.mode IS
    'Mode of trading, as given; null when not given.';
COMMENT ON COLUMN positions.active.tags IS
    'Tags, as given; null when none were given.';
COMMENT ON COLUMN positions.active.log_position IS
    'Log position of the last event that changed this row.';
COMMENT ON COLUMN positions.active.changed_at IS
    'recorded_at of the last event that changed this row.';

-- It grows with the history; the partial index holds the legs that still carry a quantity.
CREATE TABLE IF NOT EXISTS positions.legs_rows (
    mark_at            timestamptz,
    changed_at         timestamptz    NOT NULL,
    log_position       bigint         NOT NULL,
    position_id        uuid           NOT NULL,
    book_id            int            NOT NULL,
    leg_index          int            NOT NULL,
    qty_scale          int            NOT NULL,
    price_scale        int            NOT NULL,
    settle_scale       int            NOT NULL,
    funding_interval_s int,
    slot               smallint       NOT NULL,
    multiplier         numeric(38,18) NOT NULL,
    target_qty         numeric(38,18) NOT NULL,
    qty                numeric(38,18) NOT NULL,
    peak_qty           numeric(38,18) NOT NULL,
    open_cost          numeric(38,18) NOT NULL,
    avg_entry_px       numeric(38,18),
    avg_exit_px        numeric(38,18),
    realized_price     numeric(38,18) NOT NULL,
    fee_value          numeric(38,18),
    funding_value      numeric(38,18),
    adjustments        numeric(38,18) NOT NULL,
    net                numeric(38,18),
    mark_px            numeric(38,18),
    unrealized         numeric(38,18),
    margin_ratio       numeric(38,18),
    liquidation_px     numeric(38,18),
    leg                text           NOT NULL,
    venue              text           NOT NULL,
    account            text           NOT NULL,
    instrument         text           NOT NULL,
    kind               text           NOT NULL,
    side               text           NOT NULL,
    base               text           NOT NULL,
    quote              text           NOT NULL,
    settle             text           NOT NULL,
    state              text           NOT NULL,
    flags              text[]         NOT NULL,
    fees               json           NOT NULL,
    funding            json           NOT NULL,
    CONSTRAINT leg_has_one_row
        PRIMARY KEY (slot, book_id, position_id, leg),
    CONSTRAINT slot_is_one_of_three
        CHECK (slot IN (1, 2, 3)),
    CONSTRAINT log_position_is_positive
        CHECK (log_position >= 1),
    CONSTRAINT leg_index_is_not_negative
        CHECK (leg_index >= 0),
    CONSTRAINT kind_is_known
        CHECK (kind IN ('linear', 'inverse', 'spot')),
    CONSTRAINT side_is_known
        CHECK (side IN ('long', 'short')),
    CONSTRAINT multiplier_is_positive
        CHECK (multiplier > 0),
    CONSTRAINT target_is_positive
        CHECK (target_qty > 0),
    CONSTRAINT qty_scale_is_within_18_places
        CHECK (qty_scale BETWEEN 0 AND 18),
    CONSTRAINT price_scale_is_within_18_places
        CHECK (price_scale BETWEEN 0 AND 18),
    CONSTRAINT settle_scale_is_within_18_places
        CHECK (settle_scale BETWEEN 0 AND 18),
    CONSTRAINT funding_interval_is_positive
        CHECK (funding_interval_s > 0),
    CONSTRAINT state_is_known
        CHECK (state IN ('PLANNED', 'BUILDING', 'FILLED', 'REDUCING', 'FLAT')),
    CONSTRAINT flags_are_known
        CHECK (flags <@ ARRAY[
            'UNHEDGED',
            'LIQUIDATED',
            'ADL',
            'PROVISIONAL',
            'OVERSHOT',
            'REOPENED_BY_CORRECTION',
            'RESTATED'
        ]),
    CONSTRAINT peak_is_not_below_quantity
        CHECK (peak_qty >= abs(qty)),
    CONSTRAINT open_cost_is_not_negative
        CHECK (open_cost >= 0),
    CONSTRAINT flat_leg_has_no_cost
        CHECK (qty <> 0
            OR open_cost = 0),
    CONSTRAINT fees_are_an_object
        CHECK (json_typeof(fees) = 'object'),
    CONSTRAINT funding_is_an_object
        CHECK (json_typeof(funding) = 'object'),
    CONSTRAINT mark_has_price_and_time
        CHECK ((mark_px IS NULL) = (mark_at IS NULL)),
    CONSTRAINT net_is_the_sum_of_its_parts
        CHECK (net = realized_price - fee_value + funding_value + adjustments)
)
PARTITION BY LIST (slot);

COMMENT ON TABLE positions.legs_rows IS
    'Legs of all positions, closed ones too, of every generation; read positions.legs.';
COMMENT ON COLUMN positions.legs_rows.mark_at IS
    'effective_at of the last mark; null before the first mark.';
COMMENT ON COLUMN positions.legs_rows.changed_at IS
    'recorded_at of the last event that changed this row.';
COMMENT ON COLUMN positions.legs_rows.log_position IS
    'Log position of the last event that changed this row.';
COMMENT ON COLUMN positions.legs_rows.position_id IS
    'The position.';
COMMENT ON COLUMN positions.legs_rows.book_id IS
    'The book, see positions.books.';
COMMENT ON COLUMN positions.legs_rows.leg_index IS
    'Place of the leg in position_opened, from 0.';
COMMENT ON COLUMN positions.legs_rows.qty_scale IS
    'Decimal places of a quantity at the venue.';
COMMENT ON COLUMN positions.legs_rows.price_scale IS
    'Decimal places of a price at the venue.';
COMMENT ON COLUMN positions.legs_rows.settle_scale IS
    'Decimal places of an amount in settle; inverse fills are rounded to it.';
COMMENT ON COLUMN positions.legs_rows.funding_interval_s IS
    'Time between two settlements of funding, in seconds; null when not given.';
COMMENT ON COLUMN positions.legs_rows.slot IS
    'The slot of the generation this row belongs to: 1, 2 or 3.';
COMMENT ON COLUMN positions.legs_rows.multiplier IS
    'Base units a contract (inverse: quote units a contract), > 0.';
COMMENT ON COLUMN positions.legs_rows.target_qty IS
    'Quantity to reach, in contracts (spot: base units), > 0.';
COMMENT ON COLUMN positions.legs_rows.qty IS
    'Quantity held, + long, - short, in contracts (spot: base units).';
COMMENT ON COLUMN positions.legs_rows.peak_qty IS
    'Greatest quantity ever held, without sign, in the unit of qty.';
COMMENT ON COLUMN positions.legs_rows.open_cost IS
    'What the held quantity cost, >= 0, in settle; 0 when flat.';
COMMENT ON COLUMN positions.legs_rows.avg_entry_px IS
    'Average entry price, in quote, for display only; null when flat.';
COMMENT ON COLUMN positions.legs_rows.avg_exit_px IS
    'Average price of the quantity that left, in quote, for display only; null before.';
COMMENT ON COLUMN positions.legs_rows.realized_price IS
    'Realised P&L from prices alone, in settle.';
COMMENT ON COLUMN positions.legs_rows.fee_value IS
    'All fees valued in settle, + cost; null while one is not valued.';
COMMENT ON COLUMN positions.legs_rows.funding_value IS
    'All funding valued in settle, + received; null while one is not valued.';
COMMENT ON COLUMN positions.legs_rows.adjustments IS
    'Sum of the cash adjustments, in settle.';
COMMENT ON COLUMN positions.legs_rows.net IS
    'realized_price - fee_value + funding_value + adjustments, in settle; null when one is.';
COMMENT ON COLUMN positions.legs_rows.mark_px IS
    'Last mark price, in quote; null before the first mark.';
COMMENT ON COLUMN positions.legs_rows.unrealized IS
    'Unrealised P&L at the last mark, in settle; null without a mark.';
COMMENT ON COLUMN positions.legs_rows.margin_ratio IS
    'Margin ratio at the last mark, 1 = 100 %; null when not told.';
COMMENT ON COLUMN positions.legs_rows.liquidation_px IS
    'Liquidation price at the last mark, in quote; null when not told.';
COMMENT ON COLUMN positions.legs_rows.leg IS
    'Name of the leg in its position.';
COMMENT ON COLUMN positions.legs_rows.venue IS
    'The exchange.';
COMMENT ON COLUMN positions.legs_rows.account IS
    'Account at the venue.';
COMMENT ON COLUMN positions.legs_rows.instrument IS
    'Instrument, as the venue calls it.';
COMMENT ON COLUMN positions.legs_rows.kind IS
    'linear, inverse or spot; decides how a fill is valued.';
COMMENT ON COLUMN positions.legs_rows.side IS
    'long or short: the side it is to take.';
COMMENT ON COLUMN positions.legs_rows.base IS
    'Base asset of the instrument.';
COMMENT ON COLUMN positions.legs_rows.quote IS
    'Quote asset, the unit of its prices.';
COMMENT ON COLUMN positions.legs_rows.settle IS
    'Settle asset, the unit of its money columns.';
COMMENT ON COLUMN positions.legs_rows.state IS
    'PLANNED, BUILDING, FILLED, REDUCING or FLAT.';
COMMENT ON COLUMN positions.legs_rows.flags IS
    'Flags of the leg, such as OVERSHOT; empty when none holds.';
COMMENT ON COLUMN positions.legs_rows.fees IS
    'Fees by asset, {"ASSET": "decimal"}, + cost, each in its own asset.';
COMMENT ON COLUMN positions.legs_rows.funding IS
    'Funding by asset, {"ASSET": "decimal"}, + received, each in its own asset.';

CREATE INDEX IF NOT EXISTS legs_held_by_venue
    ON positions.legs_rows (slot, book_id, venue, instrument)
    WHERE qty <> 0;

COMMENT ON INDEX positions.legs_held_by_venue IS
    'What is held at a venue, for exposure and for reconciling; flat legs are left out.';

CREATE OR REPLACE VIEW positions.legs AS
SELECT b.name AS book,
       r.book_id,
       r.position_id,
       r.leg,
       r.leg_index,
       r.venue,
       r.account,
       r.instrument,
       r.kind,
       r.side,
       r.base,
       r.quote,
       r.settle,
       r.multiplier,
       r.target_qty,
       r.qty_scale,
       r.price_scale,
       r.settle_scale,
       r.funding_interval_s,
       r.state,
       r.flags,
       r.qty,
       r.peak_qty,
       r.open_cost,
       r.avg_entry_px,
       r.avg_exit_px,
       r.realized_price,
       r.fees,
       r.fee_value,
       r.funding,
       r.funding_value,
       r.adjustments,
       r.net,
       r.mark_px,
       r.mark_at,
       r.unrealized,
       r.margin_ratio,
       r.liquidation_px,
       r.log_position,
       r.changed_at
  FROM positions.legs_rows AS r
  JOIN positions.live_slot AS l
    ON l.book_id = r.book_id
   AND l.slot = r.slot
  JOIN positions.books AS b
    ON b.book_id = r.book_id;

COMMENT ON VIEW positions.legs IS
    'A row is a leg of any position, closed ones too, as the live generation of its book has it.';
COMMENT ON COLUMN positions.legs.book IS
    'Name of the book, see positions.books.';
COMMENT ON COLUMN positions.legs.book_id IS
    'The book, see positions.books.';
COMMENT ON COLUMN positions.legs.position_id IS
    'The position.';
COMMENT ON COLUMN positions.legs.leg IS
    'Name of the leg in its position.';
COMMENT ON COLUMN positions.legs.leg_index IS
    'Place of the leg in position_opened, from 0.';
COMMENT ON COLUMN positions.legs.venue IS
    'The exchange.';
COMMENT ON COLUMN positions.legs.account IS
    'Account at the venue.';
COMMENT ON COLUMN positions.legs.instrument IS
    'Instrument, as the venue calls it.';
COMMENT ON COLUMN positions.legs.kind IS
    'linear, inverse or spot; decides how a fill is valued.';
COMMENT ON COLUMN positions.legs.side IS
    'long or short: the side it is to take.';
COMMENT ON COLUMN positions.legs.base IS
    'Base asset of the instrument.';
COMMENT ON COLUMN positions.legs.quote IS
    'Quote asset, the unit of its prices.';
COMMENT ON COLUMN positions.legs.settle IS
    'Settle asset, the unit of its money columns.';
COMMENT ON COLUMN positions.legs.multiplier IS
    'Base units a contract (inverse: quote units a contract), > 0.';
COMMENT ON COLUMN positions.legs.target_qty IS
    'Quantity to reach, in contracts (spot: base units), > 0.';
COMMENT ON COLUMN positions.legs.qty_scale IS
    'Decimal places of a quantity at the venue.';
COMMENT ON COLUMN positions.legs.price_scale IS
    'Decimal places of a price at the venue.';
COMMENT ON COLUMN positions.legs.settle_scale IS
    'Decimal places of an amount in settle; inverse fills are rounded to it.';
COMMENT ON COLUMN positions.legs.funding_interval_s IS
    'Time between two settlements of funding, in seconds; null when not given.';
COMMENT ON COLUMN positions.legs.state IS
    'PLANNED, BUILDING, FILLED, REDUCING or FLAT.';
COMMENT ON COLUMN positions.legs.flags IS
    'Flags of the leg, such as OVERSHOT; empty when none holds.';
COMMENT ON COLUMN positions.legs.qty IS
    'Quantity held, + long, - short, in contracts (spot: base units).';
COMMENT ON COLUMN positions.legs.peak_qty IS
    'Greatest quantity ever held, without sign, in the unit of qty.';
COMMENT ON COLUMN positions.legs.open_cost IS
    'What the held quantity cost, >= 0, in settle; 0 when flat.';
COMMENT ON COLUMN positions.legs.avg_entry_px IS
    'Average entry price, in quote, for display only; null when flat.';
COMMENT ON COLUMN positions.legs.avg_exit_px IS
    'Average price of the quantity that left, in quote, for display only; null before.';
COMMENT ON COLUMN positions.legs.realized_price IS
    'Realised P&L from prices alone, in settle.';
COMMENT ON COLUMN positions.legs.fees IS
    'Fees by asset, {"ASSET": "decimal"}, + cost, each in its own asset.';
COMMENT ON COLUMN positions.legs.fee_value IS
    'All fees valued in settle, + cost; null while one is not valued.';
COMMENT ON COLUMN positions.legs.funding IS
    'Funding by asset, {"ASSET": "decimal"}, + received, each in its own asset.';
COMMENT ON COLUMN positions.legs.funding_value IS
    'All funding valued in settle, + received; null while one is not valued.';
COMMENT ON COLUMN positions.legs.adjustments IS
    'Sum of the cash adjustments, in settle.';
COMMENT ON COLUMN positions.legs.net IS
    'realized_price - fee_value + funding_value + adjustments, in settle; null when one is.';
COMMENT ON COLUMN positions.legs.mark_px IS
    'Last mark price, in quote; null before the first mark.';
COMMENT ON COLUMN positions.legs.mark_at IS
    'effective_at of the last mark; null before the first mark.';
COMMENT ON COLUMN positions.legs.unrealized IS
    'Unrealised P&L at the last mark, in settle; null without a mark.';
COMMENT ON COLUMN positions.legs.margin_ratio IS
    'Margin ratio at the last mark, 1 = 100 %; null when not told.';
COMMENT ON COLUMN positions.legs.liquidation_px IS
    'Liquidation price at the last mark, in quote; null when not told.';
COMMENT ON COLUMN positions.legs.log_position IS
    'Log position of the last event that changed this row.';
COMMENT ON COLUMN positions.legs.changed_at IS
    'recorded_at of the last event that changed this row.';

-- Written once a position, and again only by late facts.
CREATE TABLE IF NOT EXISTS positions.history_rows (
    opened_at               timestamptz    NOT NULL,
    closed_at               timestamptz    NOT NULL,
    changed_at              timestamptz    NOT NULL,
    version                 bigint         NOT NULL,
    revision                bigint         NOT NULL,
    fills                   bigint         NOT NULL,
    maker_fills             bigint         NOT NULL,
    legging_delay_us        bigint,
    log_position            bigint         NOT NULL,
    position_id             uuid           NOT NULL,
    book_id                 int            NOT NULL,
    leg_count               int            NOT NULL,
    slot                    smallint       NOT NULL,
    hold_seconds            numeric(38,18),
    price_pnl               numeric(38,18),
    funding                 numeric(38,18),
    fees                    numeric(38,18),
    adjustments             numeric(38,18),
    net                     numeric(38,18),
    peak_notional           numeric(38,18),
    return_on_peak_notional numeric(38,18),
    maker_share             numeric(38,18),
    signalled_spread_bps    numeric(38,18),
    captured_spread_bps     numeric(38,18),
    strategy                text           NOT NULL,
    asset                   text           NOT NULL,
    state                   text           NOT NULL,
    settle                  text,
    close_reason            text           NOT NULL,
    stale_reason            text,
    opportunity_id          text,
    mode                    text,
    flags                   text[]         NOT NULL,
    price_pnl_by_leg        json           NOT NULL,
    fees_by_category        json           NOT NULL,
    arrival_slippage_by_leg json           NOT NULL,
    tags                    json,
    CONSTRAINT ended_position_has_one_row
        PRIMARY KEY (slot, book_id, position_id),
    CONSTRAINT slot_is_one_of_three
        CHECK (slot IN (1, 2, 3)),
    CONSTRAINT log_position_is_positive
        CHECK (log_position >= 1),
    CONSTRAINT version_is_positive
        CHECK (version >= 1),
    CONSTRAINT state_is_ended
        CHECK (state IN ('CLOSED', 'CANCELLED')),
    CONSTRAINT flags_are_known
        CHECK (flags <@ ARRAY[
            'UNHEDGED',
            'LIQUIDATED',
            'ADL',
            'PROVISIONAL',
            'OVERSHOT',
            'REOPENED_BY_CORRECTION',
            'RESTATED'
        ]),
    CONSTRAINT close_reason_is_known_when_closed
        CHECK (state <> 'CLOSED'
            OR close_reason IN (
                'take_profit',
                'stop',
                'funding_flip',
                'liquidation',
                'adl',
                'manual',
                'failed'
            )),
    CONSTRAINT revision_is_not_negative
        CHECK (revision >= 0),
    CONSTRAINT position_has_a_leg
        CHECK (leg_count >= 1),
    CONSTRAINT price_pnl_by_leg_is_an_object
        CHECK (json_typeof(price_pnl_by_leg) = 'object'),
    CONSTRAINT fees_by_category_is_an_object
        CHECK (json_typeof(fees_by_category) = 'object'),
    CONSTRAINT arrival_slippage_is_an_object
        CHECK (json_typeof(arrival_slippage_by_leg) = 'object'),
    CONSTRAINT maker_fills_are_some_of_the_fills
        CHECK (maker_fills BETWEEN 0 AND fills),
    CONSTRAINT maker_share_is_a_share
        CHECK (maker_share BETWEEN 0 AND 1),
    CONSTRAINT net_is_the_sum_of_its_parts
        CHECK (net = price_pnl - fees + funding + adjustments)
)
PARTITION BY LIST (slot);

COMMENT ON TABLE positions.history_rows IS
    'Positions that are CLOSED or CANCELLED, of every generation; read positions.history.';
COMMENT ON COLUMN positions.history_rows.opened_at IS
    'effective_at of position_opened.';
COMMENT ON COLUMN positions.history_rows.closed_at IS
    'effective_at of position_closed or position_cancelled.';
COMMENT ON COLUMN positions.history_rows.changed_at IS
    'recorded_at of the last event that changed this row.';
COMMENT ON COLUMN positions.history_rows.version IS
    'Version of the last event of the position that is folded in.';
COMMENT ON COLUMN positions.history_rows.revision IS
    'How many late facts came after the close; 0 when none did.';
COMMENT ON COLUMN positions.history_rows.fills IS
    'Number of live fills.';
COMMENT ON COLUMN positions.history_rows.maker_fills IS
    'Number of live fills with liquidity maker.';
COMMENT ON COLUMN positions.history_rows.legging_delay_us IS
    'First fill of the first leg to first fill of the last, in microseconds; null without.';
COMMENT ON COLUMN positions.history_rows.log_position IS
    'Log position of the last event that changed this row.';
COMMENT ON COLUMN positions.history_rows.position_id IS
    'The position.';
COMMENT ON COLUMN positions.history_rows.book_id IS
    'The book, see positions.books.';
COMMENT ON COLUMN positions.history_rows.leg_count IS
    'Number of legs, from 1.';
COMMENT ON COLUMN positions.history_rows.slot IS
    'The slot of the generation this row belongs to: 1, 2 or 3.';
COMMENT ON COLUMN positions.history_rows.hold_seconds IS
    'Time held, in seconds with microseconds; null when nothing was held.';
COMMENT ON COLUMN positions.history_rows.price_pnl IS
    'Sum of the legs'' P&L from prices, in settle; null with several settle assets.';
COMMENT ON COLUMN positions.history_rows.funding IS
    'Sum of the legs'' funding, + received, in settle; null while one is not valued.';
COMMENT ON COLUMN positions.history_rows.fees IS
    'Sum of the legs'' fees, + cost, in settle; null while one is not valued.';
COMMENT ON COLUMN positions.history_rows.adjustments IS
    'Sum of the legs'' cash adjustments, in settle; null with several settle assets.';
COMMENT ON COLUMN positions.history_rows.net IS
    'price_pnl - fees + funding + adjustments, in settle; null when one of them is.';
COMMENT ON COLUMN positions.history_rows.peak_notional IS
    'Greatest notional ever held, in settle; null with several settle assets.';
COMMENT ON COLUMN positions.history_rows.return_on_peak_notional IS
    'net over peak_notional, 1 = 100 %; null when either is, or it is 0.';
COMMENT ON COLUMN positions.history_rows.maker_share IS
    'maker_fills over the fills whose liquidity is known, 1 = 100 %; null without.';
COMMENT ON COLUMN positions.history_rows.signalled_spread_bps IS
    'Spread that the signal expected, in basis points; null without a signal.';
COMMENT ON COLUMN positions.history_rows.captured_spread_bps IS
    'Spread that the entry fills captured, in basis points; null when it has none.';
COMMENT ON COLUMN positions.history_rows.strategy IS
    'Strategy of the position, as position_opened gave it.';
COMMENT ON COLUMN positions.history_rows.asset IS
    'Asset that the position trades, as position_opened gave it.';
COMMENT ON COLUMN positions.history_rows.state IS
    'CLOSED or CANCELLED.';
COMMENT ON COLUMN positions.history_rows.settle IS
    'Settle asset, the unit of the money columns; null when the legs settle in several.';
COMMENT ON COLUMN positions.history_rows.close_reason IS
    'Reason of position_closed, or the free text of position_cancelled.';
COMMENT ON COLUMN positions.history_rows.stale_reason IS
    'Why the row stopped following the log (quarantine); null while it follows.';
COMMENT ON COLUMN positions.history_rows.opportunity_id IS
    'The opportunity it came from, as given; null when not given.';
COMMENT ON COLUMN positions.history_rows.mode IS
    'Mode of trading, as given; null when not given.';
COMMENT ON COLUMN positions.history_rows.flags IS
    'Flags that hold now, such as LIQUIDATED or RESTATED; empty when none does.';
COMMENT ON COLUMN positions.history_rows.price_pnl_by_leg IS
    'P&L from prices by leg, {"LEG": "decimal"}, each in the settle asset of its leg.';
COMMENT ON COLUMN positions.history_rows.fees_by_category IS
    'Fees by category, {"CATEGORY": "decimal" or null}, + cost, in settle.';
COMMENT ON COLUMN positions.history_rows.arrival_slippage_by_leg IS
    'Cost against the price at decision by leg, {"LEG": "decimal" or null}, + is worse, in quote.';
COMMENT ON COLUMN positions.history_rows.tags IS
    'Tags, as given; null when none were given.';

CREATE INDEX IF NOT EXISTS history_closed_by_net
    ON positions.history_rows (slot, book_id, strategy, asset, settle, net)
    WHERE state = 'CLOSED';

COMMENT ON INDEX positions.history_closed_by_net IS
    'The closed positions of a strategy in an asset in the order of net: the median by OFFSET, '
    'best and worst at the ends, by index-only scans.';

CREATE INDEX IF NOT EXISTS history_by_close
    ON positions.history_rows (slot, book_id, closed_at, position_id);

COMMENT ON INDEX positions.history_by_close IS
    'All ended positions in pages, and those of a period; position_id breaks ties.';

CREATE OR REPLACE VIEW positions.history AS
SELECT b.name AS book,
       r.book_id,
       r.position_id,
       r.version,
       r.strategy,
       r.asset,
       r.state,
       r.flags,
       r.settle,
       r.opened_at,
       r.closed_at,
       r.hold_seconds,
       r.close_reason,
       r.revision,
       r.leg_count,
       r.price_pnl_by_leg,
       r.price_pnl,
       r.funding,
       r.fees,
       r.fees_by_category,
       r.adjustments,
       r.net,
       r.peak_notional,
       r.return_on_peak_notional,
       r.fills,
       r.maker_fills,
       r.maker_share,
       r.arrival_slippage_by_leg,
       r.legging_delay_us,
       r.signalled_spread_bps,
       r.captured_spread_bps,
       r.stale_reason,
       r.opportunity_id,
       r.mode,
       r.tags,
       r.log_position,
       r.changed_at
  FROM positions.history_rows AS r
  JOIN positions.live_slot AS l
    ON l.book_id = r.book_id
   AND l.slot = r.slot
  JOIN positions.books AS b
    ON b.book_id = r.book_id;

COMMENT ON VIEW positions.history IS
    'A row is a position that is CLOSED or CANCELLED, as the live generation of its book has it.';
COMMENT ON COLUMN positions.history.book IS
    'Name of the book, see positions.books.';
COMMENT ON COLUMN positions.history.book_id IS
    'The book, see positions.books.';
COMMENT ON COLUMN positions.history.position_id IS
    'The position.';
COMMENT ON COLUMN positions.history.version IS
    'Version of the last event of the position that is folded in.';
COMMENT ON COLUMN positions.history.strategy IS
    'Strategy of the position, as position_opened gave it.';
COMMENT ON COLUMN positions.history.asset IS
    'Asset that the position trades, as position_opened gave it.';
COMMENT ON COLUMN positions.history.state IS
    'CLOSED or CANCELLED.';
COMMENT ON COLUMN positions.history.flags IS
    'Flags that hold now, such as LIQUIDATED or RESTATED; empty when none does.';
COMMENT ON COLUMN positions.history.settle IS
    'Settle asset, the unit of the money columns; null when the legs settle in several.';
COMMENT ON COLUMN positions.history.opened_at IS
    'effective_at of position_opened.';
COMMENT ON COLUMN positions.history.closed_at IS
    'effective_at of position_closed or position_cancelled.';
COMMENT ON COLUMN positions.history.hold_seconds IS
    'Time held, in seconds with microseconds; null when nothing was held.';
COMMENT ON COLUMN positions.history.close_reason IS
    'Reason of position_closed, or the free text of position_cancelled.';
COMMENT ON COLUMN positions.history.revision IS
    'How many late facts came after the close; 0 when none did.';
COMMENT ON COLUMN positions.history.leg_count IS
    'Number of legs, from 1.';
COMMENT ON COLUMN positions.history.price_pnl_by_leg IS
    'P&L from prices by leg, {"LEG": "decimal"}, each in the settle asset of its leg.';
COMMENT ON COLUMN positions.history.price_pnl IS
    'Sum of the legs'' P&L from prices, in settle; null with several settle assets.';
COMMENT ON COLUMN positions.history.funding IS
    'Sum of the legs'' funding, + received, in settle; null while one is not valued.';
COMMENT ON COLUMN positions.history.fees IS
    'Sum of the legs'' fees, + cost, in settle; null while one is not valued.';
COMMENT ON COLUMN positions.history.fees_by_category IS
    'Fees by category, {"CATEGORY": "decimal" or null}, + cost, in settle.';
COMMENT ON COLUMN positions.history.adjustments IS
    'Sum of the legs'' cash adjustments, in settle; null with several settle assets.';
COMMENT ON COLUMN positions.history.net IS
    'price_pnl - fees + funding + adjustments, in settle; null when one of them is.';
COMMENT ON COLUMN positions.history.peak_notional IS
    'Greatest notional ever held, in settle; null with several settle assets.';
COMMENT ON COLUMN positions.history.return_on_peak_notional IS
    'net over peak_notional, 1 = 100 %; null when either is, or it is 0.';
COMMENT ON COLUMN positions.history.fills IS
    'Number of live fills.';
COMMENT ON COLUMN positions.history.maker_fills IS
    'Number of live fills with liquidity maker.';
COMMENT ON COLUMN positions.history.maker_share IS
    'maker_fills over the fills whose liquidity is known, 1 = 100 %; null without.';
COMMENT ON COLUMN positions.history.arrival_slippage_by_leg IS
    'Cost against the price at decision by leg, {"LEG": "decimal" or null}, + is worse, in quote.';
COMMENT ON COLUMN positions.history.legging_delay_us IS
    'First fill of the first leg to first fill of the last, in microseconds; null without.';
COMMENT ON COLUMN positions.history.signalled_spread_bps IS
    'Spread that the signal expected, in basis points; null without a signal.';
COMMENT ON COLUMN positions.history.captured_spread_bps IS
    'Spread that the entry fills captured, in basis points; null when it has none.';
COMMENT ON COLUMN positions.history.stale_reason IS
    'Why the row stopped following the log (quarantine); null while it follows.';
COMMENT ON COLUMN positions.history.opportunity_id IS
    'The opportunity it came from, as given; null when not given.';
COMMENT ON COLUMN positions.history.mode IS
    'Mode of trading, as given; null when not given.';
COMMENT ON COLUMN positions.history.tags IS
    'Tags, as given; null when none were given.';
COMMENT ON COLUMN positions.history.log_position IS
    'Log position of the last event that changed this row.';
COMMENT ON COLUMN positions.history.changed_at IS
    'recorded_at of the last event that changed this row.';
