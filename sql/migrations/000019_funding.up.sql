-- Why:   funding rates of all sources: every statement once, revised never silently; snapshots of
--        what was known at a time; where sources disagree; when each symbol settles.
-- Locks: ACCESS EXCLUSIVE on the new tables only, which nobody reads yet.
-- Takes: 200 ms, for the days and months that are made ahead.
--
-- The rule of revisions. A statement is what a source says of one settlement: rate, interval, next
-- settlement, mark price. The same again is a duplicate and changes nothing. Another one is a
-- revision: that with the latest received_at is in force (rates), every other is kept
-- (rate_revisions). A retry gives the received_at of its first attempt; what came before is then
-- known to be so.
--
-- A settlement is known by its second: exchanges stamp some milliseconds late, and sources would
-- never meet. interval_hours looks back: the hours that the rate is for.
--
-- rates.run_id has no foreign key: runs are partitioned by another time and have a retention of
-- their own. ingest_rates looks at it once a call. Discrepancies and snapshots outlive rates.

CREATE TABLE IF NOT EXISTS funding.symbols (
    first_funding_time timestamptz NOT NULL,
    last_funding_time  timestamptz NOT NULL,
    created_at         timestamptz NOT NULL
        DEFAULT clock_timestamp(),
    exchange           text        NOT NULL,
    symbol             text        NOT NULL,
    CONSTRAINT symbol_is_unique_on_its_exchange
        PRIMARY KEY (exchange, symbol),
    CONSTRAINT symbol_belongs_to_an_exchange
        FOREIGN KEY (exchange) REFERENCES config.exchanges (exchange),
    CONSTRAINT symbol_is_1_to_64_characters_without_space
        CHECK (length(symbol) BETWEEN 1 AND 64
           AND symbol !~ '[[:space:][:cntrl:]]'),
    CONSTRAINT first_settlement_is_not_after_the_last
        CHECK (first_funding_time <= last_funding_time)
)
WITH (fillfactor = 70);

COMMENT ON TABLE funding.symbols IS
    'A row is a symbol of an exchange of which rates are known. Its lock makes those who bring '
    'rates of it wait for one another, so that no disagreement is missed.';
COMMENT ON COLUMN funding.symbols.first_funding_time IS
    'The first settlement of which a rate has come, or an earlier time.';
COMMENT ON COLUMN funding.symbols.last_funding_time IS
    'The last settlement of which a rate has come.';
COMMENT ON COLUMN funding.symbols.created_at IS
    'When the row was made, by the clock of the database.';
COMMENT ON COLUMN funding.symbols.exchange IS
    'The exchange, see config.exchanges.';
COMMENT ON COLUMN funding.symbols.symbol IS
    'What the exchange calls the instrument, 1 to 64 characters without space.';

CREATE TABLE IF NOT EXISTS funding.series (
    created_at timestamptz NOT NULL
        DEFAULT clock_timestamp(),
    source     text        NOT NULL,
    exchange   text        NOT NULL,
    symbol     text        NOT NULL,
    CONSTRAINT series_is_unique
        PRIMARY KEY (source, exchange, symbol),
    CONSTRAINT series_belongs_to_a_source
        FOREIGN KEY (source) REFERENCES data_collector.sources (source),
    CONSTRAINT series_belongs_to_a_symbol
        FOREIGN KEY (exchange, symbol) REFERENCES funding.symbols (exchange, symbol)
);

COMMENT ON TABLE funding.series IS
    'A row is a symbol that a source has told rates of. Rates refer to it, so that each is looked '
    'up once for its source, exchange and symbol.';
COMMENT ON COLUMN funding.series.created_at IS
    'When the row was made, by the clock of the database.';
COMMENT ON COLUMN funding.series.source IS
    'The source, see data_collector.sources.';
COMMENT ON COLUMN funding.series.exchange IS
    'The exchange, see funding.symbols.';
COMMENT ON COLUMN funding.series.symbol IS
    'What the exchange calls the instrument, see funding.symbols.';

CREATE INDEX IF NOT EXISTS series_by_symbol
    ON funding.series (exchange, symbol);
COMMENT ON INDEX funding.series_by_symbol IS
    'Which sources tell of a symbol; the foreign key.';

CREATE TABLE IF NOT EXISTS funding.rates (
    funding_time      timestamptz    NOT NULL,
    next_funding_time timestamptz,
    received_at       timestamptz    NOT NULL
        DEFAULT clock_timestamp(),
    run_id            bigint,
    rate              numeric(38,18) NOT NULL,
    mark_price        numeric(38,18),
    interval_hours    int            NOT NULL,
    revision          int            NOT NULL
        DEFAULT 1,
    source            text           NOT NULL,
    exchange          text           NOT NULL,
    symbol            text           NOT NULL,
    CONSTRAINT rate_has_one_place
        PRIMARY KEY (source, exchange, symbol, funding_time),
    CONSTRAINT rate_belongs_to_a_series
        FOREIGN KEY (source, exchange, symbol)
        REFERENCES funding.series (source, exchange, symbol),
    CONSTRAINT rate_is_a_fraction
        CHECK (rate BETWEEN -1 AND 1),
    CONSTRAINT mark_price_is_positive
        CHECK (mark_price > 0
           AND mark_price <> 'NaN'),
    CONSTRAINT interval_is_1_to_24_hours
        CHECK (interval_hours BETWEEN 1 AND 24),
    CONSTRAINT settlement_is_of_a_whole_second
        CHECK (isfinite(funding_time)
           AND extract(microseconds FROM funding_time) % 1000000 = 0),
    CONSTRAINT next_settlement_is_later
        CHECK (next_funding_time > funding_time
           AND isfinite(next_funding_time)),
    CONSTRAINT revision_is_positive
        CHECK (revision >= 1)
)
PARTITION BY RANGE (funding_time);

COMMENT ON TABLE funding.rates IS
    'A row is what a source says of one settlement of a symbol: the statement that is in force. '
    'By day of funding_time, UTC. Only funding.ingest_rates revises it.';
COMMENT ON COLUMN funding.rates.funding_time IS
    'When the rate is settled, to the second.';
COMMENT ON COLUMN funding.rates.next_funding_time IS
    'When the next settlement is, as the source says, to the second; null if it does not.';
COMMENT ON COLUMN funding.rates.received_at IS
    'When NEXUS received the statement.';
COMMENT ON COLUMN funding.rates.rate IS
    'What a long position pays to a short one, as a fraction of its notional per interval (0.0001 '
    'is 0.01 %); negative if the short one pays. -1 to 1.';
COMMENT ON COLUMN funding.rates.mark_price IS
    'Price that the notional is taken at, in the quote asset; null if the source does not say.';
COMMENT ON COLUMN funding.rates.run_id IS
    'The run that brought it, see data_collector.ingestion_runs; null without one.';
COMMENT ON COLUMN funding.rates.interval_hours IS
    'Hours that the rate is for: since the settlement before. 1 to 24.';
COMMENT ON COLUMN funding.rates.source IS
    'Who says it, see data_collector.sources.';
COMMENT ON COLUMN funding.rates.exchange IS
    'The exchange, see funding.symbols.';
COMMENT ON COLUMN funding.rates.symbol IS
    'What the exchange calls the instrument, see funding.symbols.';
COMMENT ON COLUMN funding.rates.revision IS
    'Which statement it is, from 1; those before are in funding.rate_revisions.';

CREATE INDEX IF NOT EXISTS rates_by_symbol
    ON funding.rates (exchange, symbol, funding_time);
COMMENT ON INDEX funding.rates_by_symbol IS
    'A symbol''s rates of all sources in a period or at a settlement.';

CREATE INDEX IF NOT EXISTS rates_by_receipt
    ON funding.rates USING brin (received_at)
    WITH (pages_per_range = 32);
COMMENT ON INDEX funding.rates_by_receipt IS
    'What came in a period: rows stand in the order in which they came.';

CREATE INDEX IF NOT EXISTS rates_that_were_revised
    ON funding.rates (received_at)
    WHERE revision > 1;
COMMENT ON INDEX funding.rates_that_were_revised IS
    'Which rates were corrected lately: few among all.';

CREATE TABLE IF NOT EXISTS funding.rate_revisions (
    funding_time      timestamptz    NOT NULL,
    next_funding_time timestamptz,
    received_at       timestamptz    NOT NULL,
    recorded_at       timestamptz    NOT NULL
        DEFAULT clock_timestamp(),
    run_id            bigint,
    rate              numeric(38,18) NOT NULL,
    mark_price        numeric(38,18),
    interval_hours    int            NOT NULL,
    source            text           NOT NULL,
    exchange          text           NOT NULL,
    symbol            text           NOT NULL,
    CONSTRAINT revision_has_one_place
        PRIMARY KEY (source, exchange, symbol, funding_time, recorded_at),
    CONSTRAINT revision_belongs_to_a_series
        FOREIGN KEY (source, exchange, symbol)
        REFERENCES funding.series (source, exchange, symbol),
    CONSTRAINT rate_is_a_fraction
        CHECK (rate BETWEEN -1 AND 1),
    CONSTRAINT mark_price_is_positive
        CHECK (mark_price > 0
           AND mark_price <> 'NaN'),
    CONSTRAINT interval_is_1_to_24_hours
        CHECK (interval_hours BETWEEN 1 AND 24),
    CONSTRAINT settlement_is_of_a_whole_second
        CHECK (isfinite(funding_time)
           AND extract(microseconds FROM funding_time) % 1000000 = 0),
    CONSTRAINT next_settlement_is_later
        CHECK (next_funding_time > funding_time
           AND isfinite(next_funding_time))
)
PARTITION BY RANGE (funding_time);

COMMENT ON TABLE funding.rate_revisions IS
    'A row is a statement of a source that another one, received later, has put out of force. '
    'Append only; by month of funding_time, UTC.';
COMMENT ON COLUMN funding.rate_revisions.funding_time IS
    'When the rate is settled, to the second.';
COMMENT ON COLUMN funding.rate_revisions.next_funding_time IS
    'When the next settlement is, as the source says, to the second; null if it does not.';
COMMENT ON COLUMN funding.rate_revisions.received_at IS
    'When NEXUS received the statement.';
COMMENT ON COLUMN funding.rate_revisions.rate IS
    'What a long position pays to a short one, as a fraction of its notional per interval (0.0001 '
    'is 0.01 %); negative if the short one pays. -1 to 1.';
COMMENT ON COLUMN funding.rate_revisions.mark_price IS
    'Price that the notional is taken at, in the quote asset; null if the source does not say.';
COMMENT ON COLUMN funding.rate_revisions.run_id IS
    'The run that brought it, see data_collector.ingestion_runs; null without one.';
COMMENT ON COLUMN funding.rate_revisions.interval_hours IS
    'Hours that the rate is for: since the settlement before. 1 to 24.';
COMMENT ON COLUMN funding.rate_revisions.source IS
    'Who says it, see data_collector.sources.';
COMMENT ON COLUMN funding.rate_revisions.exchange IS
    'The exchange, see funding.symbols.';
COMMENT ON COLUMN funding.rate_revisions.symbol IS
    'What the exchange calls the instrument, see funding.symbols.';
COMMENT ON COLUMN funding.rate_revisions.recorded_at IS
    'When the row was written, by the clock of the database.';

CREATE INDEX IF NOT EXISTS rate_revisions_by_symbol
    ON funding.rate_revisions (exchange, symbol, funding_time);
COMMENT ON INDEX funding.rate_revisions_by_symbol IS
    'How a symbol''s rates were corrected, by all sources.';

CREATE OR REPLACE TRIGGER rate_revisions_refuse_change
    BEFORE UPDATE OR DELETE OR TRUNCATE
    ON funding.rate_revisions
    FOR EACH STATEMENT
    EXECUTE FUNCTION audit.refuse_change();
COMMENT ON TRIGGER rate_revisions_refuse_change ON funding.rate_revisions IS
    'Refuses a statement that would change or remove revisions.';
CREATE OR REPLACE TRIGGER rate_revisions_refuse_row_change
    BEFORE UPDATE OR DELETE
    ON funding.rate_revisions
    FOR EACH ROW
    EXECUTE FUNCTION audit.refuse_change();
COMMENT ON TRIGGER rate_revisions_refuse_row_change ON funding.rate_revisions IS
    'Refuses a change of a row, also in a partition by its own name.';

CREATE TABLE IF NOT EXISTS funding.snapshots (
    snapshot_at       timestamptz    NOT NULL,
    funding_time      timestamptz    NOT NULL,
    next_funding_time timestamptz    NOT NULL,
    received_at       timestamptz    NOT NULL,
    created_at        timestamptz    NOT NULL
        DEFAULT clock_timestamp(),
    rate              numeric(38,18) NOT NULL,
    rate_8h           numeric(38,18) NOT NULL,
    rate_year         numeric(38,18) NOT NULL,
    rate_min          numeric(38,18) NOT NULL,
    rate_max          numeric(38,18) NOT NULL,
    mark_price        numeric(38,18),
    interval_hours    int            NOT NULL,
    source_count      int            NOT NULL,
    sources_disagree  boolean        NOT NULL,
    exchange          text           NOT NULL,
    symbol            text           NOT NULL,
    source            text           NOT NULL,
    CONSTRAINT snapshot_has_one_row_a_symbol
        PRIMARY KEY (snapshot_at, exchange, symbol),
    CONSTRAINT snapshot_belongs_to_a_symbol
        FOREIGN KEY (exchange, symbol) REFERENCES funding.symbols (exchange, symbol),
    CONSTRAINT snapshot_is_of_what_was_known_and_due
        CHECK (funding_time <= snapshot_at
           AND received_at <= snapshot_at),
    CONSTRAINT rate_is_within_those_of_all_sources
        CHECK (rate BETWEEN rate_min AND rate_max
           AND rate_min BETWEEN -1 AND 1
           AND rate_max BETWEEN -1 AND 1),
    CONSTRAINT interval_is_1_to_24_hours
        CHECK (interval_hours BETWEEN 1 AND 24),
    CONSTRAINT source_count_is_positive
        CHECK (source_count >= 1),
    CONSTRAINT mark_price_is_positive
        CHECK (mark_price > 0
           AND mark_price <> 'NaN')
)
PARTITION BY RANGE (snapshot_at);

COMMENT ON TABLE funding.snapshots IS
    'A row is a symbol in a snapshot: the last settled rate as it was known at a time, one of all '
    'sources. By month of snapshot_at, UTC. See funding.take_snapshot.';
COMMENT ON COLUMN funding.snapshots.snapshot_at IS
    'The time that is looked at.';
COMMENT ON COLUMN funding.snapshots.funding_time IS
    'When the rate was settled, not after snapshot_at.';
COMMENT ON COLUMN funding.snapshots.next_funding_time IS
    'When the next settlement is: as the source said, else one interval later.';
COMMENT ON COLUMN funding.snapshots.received_at IS
    'When NEXUS received the rate, not after snapshot_at.';
COMMENT ON COLUMN funding.snapshots.created_at IS
    'When the row was made, by the clock of the database.';
COMMENT ON COLUMN funding.snapshots.rate IS
    'The rate of the source that counts first, fraction per interval.';
COMMENT ON COLUMN funding.snapshots.rate_8h IS
    'The rate, fraction per 8 hours.';
COMMENT ON COLUMN funding.snapshots.rate_year IS
    'The rate, fraction per year of 8760 hours, without compounding.';
COMMENT ON COLUMN funding.snapshots.rate_min IS
    'Least rate of all sources of that settlement, fraction per interval.';
COMMENT ON COLUMN funding.snapshots.rate_max IS
    'Greatest rate of all sources of that settlement, fraction per interval.';
COMMENT ON COLUMN funding.snapshots.mark_price IS
    'Mark price of the first source that says one, in the quote asset; null if none does.';
COMMENT ON COLUMN funding.snapshots.interval_hours IS
    'Hours that the rate is for.';
COMMENT ON COLUMN funding.snapshots.source_count IS
    'How many sources had told that settlement.';
COMMENT ON COLUMN funding.snapshots.sources_disagree IS
    'Whether their rates differ by more than funding.discrepancy_threshold.';
COMMENT ON COLUMN funding.snapshots.exchange IS
    'The exchange, see funding.symbols.';
COMMENT ON COLUMN funding.snapshots.symbol IS
    'What the exchange calls the instrument, see funding.symbols.';
COMMENT ON COLUMN funding.snapshots.source IS
    'The source of the rate, see data_collector.sources. Without a foreign key: a copy.';

CREATE INDEX IF NOT EXISTS snapshots_by_symbol
    ON funding.snapshots (exchange, symbol, snapshot_at);
COMMENT ON INDEX funding.snapshots_by_symbol IS
    'One symbol through time; the foreign key.';

CREATE TABLE IF NOT EXISTS funding.discrepancies (
    discrepancy_id bigint         NOT NULL
        GENERATED ALWAYS AS IDENTITY,
    funding_time   timestamptz    NOT NULL,
    opened_at      timestamptz    NOT NULL
        DEFAULT clock_timestamp(),
    seen_at        timestamptz    NOT NULL
        DEFAULT clock_timestamp(),
    resolved_at    timestamptz,
    rate_a         numeric(38,18) NOT NULL,
    rate_b         numeric(38,18) NOT NULL,
    magnitude      numeric(38,18) NOT NULL,
    threshold      numeric(38,18) NOT NULL,
    episode        int            NOT NULL
        DEFAULT 1,
    exchange       text           NOT NULL,
    symbol         text           NOT NULL,
    source_a       text           NOT NULL,
    source_b       text           NOT NULL,
    status         text           NOT NULL
        DEFAULT 'open',
    resolution     text,
    resolved_by    text,
    note           text,
    CONSTRAINT discrepancy_has_one_number
        PRIMARY KEY (discrepancy_id),
    CONSTRAINT discrepancy_is_unique_in_its_episode
        UNIQUE (exchange, symbol, funding_time, source_a, source_b, episode),
    CONSTRAINT discrepancy_belongs_to_a_symbol
        FOREIGN KEY (exchange, symbol) REFERENCES funding.symbols (exchange, symbol),
    CONSTRAINT discrepancy_belongs_to_source_a
        FOREIGN KEY (source_a) REFERENCES data_collector.sources (source),
    CONSTRAINT discrepancy_belongs_to_source_b
        FOREIGN KEY (source_b) REFERENCES data_collector.sources (source),
    CONSTRAINT sources_are_two_in_order
        CHECK (source_a COLLATE "C" < source_b COLLATE "C"),
    CONSTRAINT magnitude_is_the_difference
        CHECK (magnitude = abs(rate_a - rate_b)
           AND magnitude <> 'NaN'),
    CONSTRAINT magnitude_was_above_the_threshold
        CHECK (threshold >= 0
           AND threshold <> 'NaN'
           AND (status = 'resolved'
             OR magnitude > threshold)),
    CONSTRAINT episode_is_positive
        CHECK (episode >= 1),
    CONSTRAINT status_is_known
        CHECK (status IN ('open', 'resolved')),
    CONSTRAINT resolution_is_known
        CHECK (resolution IN ('agreed', 'by_hand')),
    CONSTRAINT discrepancy_has_a_resolution_when_it_is_resolved
        CHECK ((status = 'resolved') = (resolved_at IS NOT NULL)
           AND (status = 'resolved') = (resolution IS NOT NULL)
           AND (status = 'resolved') = (resolved_by IS NOT NULL)),
    CONSTRAINT discrepancy_is_resolved_after_it_was_opened
        CHECK (resolved_at >= opened_at),
    CONSTRAINT resolver_is_1_to_128_characters
        CHECK (length(resolved_by) BETWEEN 1 AND 128),
    CONSTRAINT note_is_there_for_what_is_resolved_by_hand
        CHECK (length(note) BETWEEN 1 AND 1024
           AND (resolution IS DISTINCT FROM 'by_hand'
             OR note IS NOT NULL))
);

COMMENT ON TABLE funding.discrepancies IS
    'A row is a settlement of which two sources say rates that differ by more than the threshold. '
    'Open until they agree or somebody resolves it; another episode if they differ anew.';
COMMENT ON COLUMN funding.discrepancies.discrepancy_id IS
    'Number of the discrepancy.';
COMMENT ON COLUMN funding.discrepancies.funding_time IS
    'The settlement.';
COMMENT ON COLUMN funding.discrepancies.opened_at IS
    'When it was found, by the clock of the database.';
COMMENT ON COLUMN funding.discrepancies.seen_at IS
    'When rates or magnitude were written last, by the clock of the database.';
COMMENT ON COLUMN funding.discrepancies.resolved_at IS
    'When it was resolved, by the clock of the database; null while it is open.';
COMMENT ON COLUMN funding.discrepancies.rate_a IS
    'Rate of source_a as it was looked at last, fraction per interval.';
COMMENT ON COLUMN funding.discrepancies.rate_b IS
    'Rate of source_b as it was looked at last, fraction per interval.';
COMMENT ON COLUMN funding.discrepancies.magnitude IS
    'By how much they differ, fraction per interval, not negative.';
COMMENT ON COLUMN funding.discrepancies.threshold IS
    'funding.discrepancy_threshold at that time, fraction per interval.';
COMMENT ON COLUMN funding.discrepancies.episode IS
    'How often the two have begun to differ on that settlement, from 1.';
COMMENT ON COLUMN funding.discrepancies.exchange IS
    'The exchange, see funding.symbols.';
COMMENT ON COLUMN funding.discrepancies.symbol IS
    'What the exchange calls the instrument, see funding.symbols.';
COMMENT ON COLUMN funding.discrepancies.source_a IS
    'The source whose name is first, see data_collector.sources.';
COMMENT ON COLUMN funding.discrepancies.source_b IS
    'The other source.';
COMMENT ON COLUMN funding.discrepancies.status IS
    'open or resolved.';
COMMENT ON COLUMN funding.discrepancies.resolution IS
    'agreed (the sources agree again) or by_hand (stands while both rates stay); null while open.';
COMMENT ON COLUMN funding.discrepancies.resolved_by IS
    'Who resolved it, see audit.actor(): whoever brought the rate that agrees, or the person.';
COMMENT ON COLUMN funding.discrepancies.note IS
    'Why, 1 to 1024 characters; null unless it was resolved by hand.';

CREATE UNIQUE INDEX IF NOT EXISTS discrepancies_that_are_open
    ON funding.discrepancies (exchange, symbol, funding_time, source_a, source_b)
    WHERE status = 'open';
COMMENT ON INDEX funding.discrepancies_that_are_open IS
    'What is not resolved: few among all. Two sources have one open at a settlement.';

CREATE INDEX IF NOT EXISTS discrepancies_by_status
    ON funding.discrepancies (status, opened_at);
COMMENT ON INDEX funding.discrepancies_by_status IS
    'The latest discrepancies that are open or resolved.';

CREATE INDEX IF NOT EXISTS discrepancies_by_source_a
    ON funding.discrepancies (source_a, opened_at);
COMMENT ON INDEX funding.discrepancies_by_source_a IS
    'How often a source differed in a period, with the next index; the foreign key.';

CREATE INDEX IF NOT EXISTS discrepancies_by_source_b
    ON funding.discrepancies (source_b, opened_at);
COMMENT ON INDEX funding.discrepancies_by_source_b IS
    'How often a source differed in a period, with the index before; the foreign key.';

SELECT maintenance.adopt('funding');
SELECT maintenance.partition('funding.rates', interval '1 day', 7);
SELECT maintenance.partition('funding.rate_revisions', interval '1 month', 3);
SELECT maintenance.partition('funding.snapshots', interval '1 month', 3);

CREATE OR REPLACE VIEW funding.rate_history AS
SELECT r.source, r.exchange, r.symbol, r.funding_time, r.rate, r.interval_hours,
       r.next_funding_time, r.mark_price, r.received_at, r.revision
  FROM funding.rates AS r;

COMMENT ON VIEW funding.rate_history IS
    'Rates of all sources, as they are in force, for every service.';
COMMENT ON COLUMN funding.rate_history.source IS
    'Who says it.';
COMMENT ON COLUMN funding.rate_history.exchange IS
    'The exchange.';
COMMENT ON COLUMN funding.rate_history.symbol IS
    'What the exchange calls the instrument.';
COMMENT ON COLUMN funding.rate_history.funding_time IS
    'When the rate is settled.';
COMMENT ON COLUMN funding.rate_history.rate IS
    'What a long position pays to a short one, fraction of notional per interval.';
COMMENT ON COLUMN funding.rate_history.interval_hours IS
    'Hours that the rate is for: since the settlement before.';
COMMENT ON COLUMN funding.rate_history.next_funding_time IS
    'When the next settlement is; null if the source does not say.';
COMMENT ON COLUMN funding.rate_history.mark_price IS
    'Price that the notional is taken at, in the quote asset; null if not said.';
COMMENT ON COLUMN funding.rate_history.received_at IS
    'When NEXUS received it.';
COMMENT ON COLUMN funding.rate_history.revision IS
    'Which statement of the source it is, from 1.';

CREATE OR REPLACE VIEW funding.current_rates AS
SELECT y.source, y.exchange, y.symbol, r.funding_time, r.rate, r.interval_hours,
       r.next_funding_time, r.mark_price, r.received_at
  FROM funding.series AS y
 CROSS JOIN LATERAL (
       SELECT c.funding_time, c.rate, c.interval_hours, c.next_funding_time, c.mark_price,
              c.received_at
         FROM funding.rates AS c
        WHERE c.source = y.source
          AND c.exchange = y.exchange
          AND c.symbol = y.symbol
          AND c.funding_time <= now()
          AND c.funding_time > now() - interval '48 hours'
        ORDER BY c.funding_time DESC
        LIMIT 1
       ) AS r;

COMMENT ON VIEW funding.current_rates IS
    'The last settled rate of each symbol by each source, of the last 48 hours, for every service.';
COMMENT ON COLUMN funding.current_rates.source IS
    'Who says it.';
COMMENT ON COLUMN funding.current_rates.exchange IS
    'The exchange.';
COMMENT ON COLUMN funding.current_rates.symbol IS
    'What the exchange calls the instrument.';
COMMENT ON COLUMN funding.current_rates.funding_time IS
    'When the rate is settled.';
COMMENT ON COLUMN funding.current_rates.rate IS
    'What a long position pays to a short one, fraction of notional per interval.';
COMMENT ON COLUMN funding.current_rates.interval_hours IS
    'Hours that the rate is for: since the settlement before.';
COMMENT ON COLUMN funding.current_rates.next_funding_time IS
    'When the next settlement is; null if the source does not say.';
COMMENT ON COLUMN funding.current_rates.mark_price IS
    'Price that the notional is taken at, in the quote asset; null if not said.';
COMMENT ON COLUMN funding.current_rates.received_at IS
    'When NEXUS received it.';

CREATE OR REPLACE VIEW funding.snapshot_history AS
SELECT s.snapshot_at, s.exchange, s.symbol, s.source, s.funding_time, s.next_funding_time, s.rate,
       s.rate_8h, s.rate_year, s.rate_min, s.rate_max, s.mark_price, s.interval_hours,
       s.source_count, s.sources_disagree, s.received_at
  FROM funding.snapshots AS s;

COMMENT ON VIEW funding.snapshot_history IS
    'All snapshots, for every service.';
COMMENT ON COLUMN funding.snapshot_history.snapshot_at IS
    'The time that is looked at.';
COMMENT ON COLUMN funding.snapshot_history.exchange IS
    'The exchange.';
COMMENT ON COLUMN funding.snapshot_history.symbol IS
    'What the exchange calls the instrument.';
COMMENT ON COLUMN funding.snapshot_history.source IS
    'The source of the rate.';
COMMENT ON COLUMN funding.snapshot_history.funding_time IS
    'When the rate was settled.';
COMMENT ON COLUMN funding.snapshot_history.next_funding_time IS
    'When the next settlement is.';
COMMENT ON COLUMN funding.snapshot_history.rate IS
    'The rate, fraction per interval.';
COMMENT ON COLUMN funding.snapshot_history.rate_8h IS
    'The rate, fraction per 8 hours.';
COMMENT ON COLUMN funding.snapshot_history.rate_year IS
    'The rate, fraction per year of 8760 hours.';
COMMENT ON COLUMN funding.snapshot_history.rate_min IS
    'Least rate of all sources, fraction per interval.';
COMMENT ON COLUMN funding.snapshot_history.rate_max IS
    'Greatest rate of all sources, fraction per interval.';
COMMENT ON COLUMN funding.snapshot_history.mark_price IS
    'Mark price in the quote asset; null if no source said one.';
COMMENT ON COLUMN funding.snapshot_history.interval_hours IS
    'Hours that the rate is for.';
COMMENT ON COLUMN funding.snapshot_history.source_count IS
    'How many sources had told it.';
COMMENT ON COLUMN funding.snapshot_history.sources_disagree IS
    'Whether they differ by more than the threshold.';
COMMENT ON COLUMN funding.snapshot_history.received_at IS
    'When NEXUS received the rate.';

CREATE OR REPLACE VIEW funding.latest_snapshot AS
SELECT s.snapshot_at, s.exchange, s.symbol, s.source, s.funding_time, s.next_funding_time, s.rate,
       s.rate_8h, s.rate_year, s.rate_min, s.rate_max, s.mark_price, s.interval_hours,
       s.source_count, s.sources_disagree, s.received_at
  FROM funding.snapshots AS s
 WHERE s.snapshot_at = (SELECT max(n.snapshot_at) FROM funding.snapshots AS n);

COMMENT ON VIEW funding.latest_snapshot IS
    'The newest snapshot, for every service.';
COMMENT ON COLUMN funding.latest_snapshot.snapshot_at IS
    'The time that is looked at.';
COMMENT ON COLUMN funding.latest_snapshot.exchange IS
    'The exchange.';
COMMENT ON COLUMN funding.latest_snapshot.symbol IS
    'What the exchange calls the instrument.';
COMMENT ON COLUMN funding.latest_snapshot.source IS
    'The source of the rate.';
COMMENT ON COLUMN funding.latest_snapshot.funding_time IS
    'When the rate was settled.';
COMMENT ON COLUMN funding.latest_snapshot.next_funding_time IS
    'When the next settlement is.';
COMMENT ON COLUMN funding.latest_snapshot.rate IS
    'The rate, fraction per interval.';
COMMENT ON COLUMN funding.latest_snapshot.rate_8h IS
    'The rate, fraction per 8 hours.';
COMMENT ON COLUMN funding.latest_snapshot.rate_year IS
    'The rate, fraction per year of 8760 hours.';
COMMENT ON COLUMN funding.latest_snapshot.rate_min IS
    'Least rate of all sources, fraction per interval.';
COMMENT ON COLUMN funding.latest_snapshot.rate_max IS
    'Greatest rate of all sources, fraction per interval.';
COMMENT ON COLUMN funding.latest_snapshot.mark_price IS
    'Mark price in the quote asset; null if no source said one.';
COMMENT ON COLUMN funding.latest_snapshot.interval_hours IS
    'Hours that the rate is for.';
COMMENT ON COLUMN funding.latest_snapshot.source_count IS
    'How many sources had told it.';
COMMENT ON COLUMN funding.latest_snapshot.sources_disagree IS
    'Whether they differ by more than the threshold.';
COMMENT ON COLUMN funding.latest_snapshot.received_at IS
    'When NEXUS received the rate.';

CREATE OR REPLACE VIEW funding.open_discrepancies AS
SELECT d.discrepancy_id, d.exchange, d.symbol, d.funding_time, d.source_a, d.rate_a, d.source_b,
       d.rate_b, d.magnitude, d.threshold, d.opened_at, d.seen_at
  FROM funding.discrepancies AS d
 WHERE d.status = 'open';

COMMENT ON VIEW funding.open_discrepancies IS
    'Where sources disagree, for every service.';
COMMENT ON COLUMN funding.open_discrepancies.discrepancy_id IS
    'Number of the discrepancy.';
COMMENT ON COLUMN funding.open_discrepancies.exchange IS
    'The exchange.';
COMMENT ON COLUMN funding.open_discrepancies.symbol IS
    'What the exchange calls the instrument.';
COMMENT ON COLUMN funding.open_discrepancies.funding_time IS
    'The settlement.';
COMMENT ON COLUMN funding.open_discrepancies.source_a IS
    'The source whose name is first.';
COMMENT ON COLUMN funding.open_discrepancies.rate_a IS
    'Its rate, fraction per interval.';
COMMENT ON COLUMN funding.open_discrepancies.source_b IS
    'The other source.';
COMMENT ON COLUMN funding.open_discrepancies.rate_b IS
    'Its rate, fraction per interval.';
COMMENT ON COLUMN funding.open_discrepancies.magnitude IS
    'By how much they differ, fraction per interval.';
COMMENT ON COLUMN funding.open_discrepancies.threshold IS
    'The threshold at that time, fraction per interval.';
COMMENT ON COLUMN funding.open_discrepancies.opened_at IS
    'When it was found.';
COMMENT ON COLUMN funding.open_discrepancies.seen_at IS
    'When it was looked at last.';

CREATE OR REPLACE FUNCTION funding.make_room(parent regclass, unit text, times timestamptz[])
    RETURNS int
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    every  CONSTANT interval := ('1 ' || unit)::interval;
    island record;
    made   int := 0;
BEGIN
    -- One time far away from the others must not make all partitions between.
    FOR island IN
        SELECT min(d.at) AS from_at, max(d.at) AS to_at
          FROM (SELECT t.at, count(*) FILTER (WHERE t.is_first) OVER (ORDER BY t.at) AS number
                  FROM (SELECT u.at,
                               coalesce(u.at AT TIME ZONE 'UTC'
                                   > lag(u.at) OVER (ORDER BY u.at) AT TIME ZONE 'UTC' + every,
                                        true) AS is_first
                          FROM (SELECT DISTINCT date_trunc(unit, n.at, 'UTC') AS at
                                  FROM unnest(times) AS n (at)) AS u) AS t) AS d
         GROUP BY d.number
         ORDER BY min(d.at)
    LOOP
        made := made + maintenance.ensure_partitions(parent, island.from_at, island.to_at);
    END LOOP;
    RETURN made;
END
$function$;

COMMENT ON FUNCTION funding.make_room(regclass, text, timestamptz[]) IS
    'Makes the partitions of a unit (day, month) that hold the times, where they do not stand; '
    'returns how many it made.';

CREATE OR REPLACE FUNCTION funding.plan_for(elements int)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    -- The day that is written has no statistics yet: the planner takes it for empty, and would
    -- look through it once for each element.
    PERFORM set_config('enable_nestloop', (elements <= 1000)::text, true),
            set_config('enable_hashjoin', (elements > 1000)::text, true),
            set_config('enable_mergejoin', 'false', true);
END
$function$;

COMMENT ON FUNCTION funding.plan_for(int) IS
    'Has the planner look up each of few elements by the index, and join many at once. For '
    'functions that set enable_nestloop, enable_hashjoin and enable_mergejoin back.';

CREATE OR REPLACE FUNCTION funding.compare_sources(
        exchanges text[], symbols text[], times timestamptz[],
        OUT opened int, OUT resolved int)
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET jit = off
    SET enable_nestloop = on
    SET enable_hashjoin = on
    SET enable_mergejoin = on
AS $function$
DECLARE
    threshold_now CONSTANT numeric :=
        (config.setting('funding.discrepancy_threshold') #>> '{}')::numeric;
    -- Planned anew each time, unlike the look-ups of the foreign keys that it sets off.
    compare       CONSTANT text := $sql$
        WITH pairs AS MATERIALIZED (
            SELECT a.exchange, a.symbol, a.funding_time, a.source AS source_a, b.source AS source_b,
                   a.rate AS rate_a, b.rate AS rate_b, abs(a.rate - b.rate) AS magnitude,
                   last.discrepancy_id, coalesce(last.episode, 0) AS episode,
                   coalesce(last.status = 'open', false) AS is_open,
                   coalesce((last.rate_a, last.rate_b) = (a.rate, b.rate), false) AS is_as_it_was,
                   coalesce(last.resolution = 'by_hand', false) AS is_by_hand
              FROM (SELECT DISTINCT u.exchange, u.symbol, u.funding_time
                      FROM unnest($1, $2, $3) AS u (exchange, symbol, funding_time)
                   ) AS k
              JOIN funding.rates AS a
                ON a.exchange = k.exchange
               AND a.symbol = k.symbol
               AND a.funding_time = k.funding_time
               AND a.funding_time BETWEEN $5 AND $6
              JOIN funding.rates AS b
                ON b.exchange = k.exchange
               AND b.symbol = k.symbol
               AND b.funding_time = k.funding_time
               AND b.source COLLATE "C" > a.source COLLATE "C"
               AND b.funding_time BETWEEN $5 AND $6
              LEFT JOIN LATERAL (
                   SELECT d.discrepancy_id, d.episode, d.status, d.rate_a, d.rate_b, d.resolution
                     FROM funding.discrepancies AS d
                    WHERE d.exchange = a.exchange
                      AND d.symbol = a.symbol
                      AND d.funding_time = a.funding_time
                      AND d.source_a = a.source
                      AND d.source_b = b.source
                    ORDER BY d.episode DESC
                    LIMIT 1
                   ) AS last
                ON true
        ),
        found_now AS (
            INSERT INTO funding.discrepancies
                   (exchange, symbol, funding_time, source_a, source_b, rate_a, rate_b, magnitude,
                    threshold, episode)
            SELECT p.exchange, p.symbol, p.funding_time, p.source_a, p.source_b, p.rate_a, p.rate_b,
                   p.magnitude, $4, p.episode + 1
              FROM pairs AS p
             WHERE p.magnitude > $4
               AND NOT p.is_open
               AND NOT (p.is_by_hand
                    AND p.is_as_it_was)
            RETURNING 1
        ),
        still_there AS (
            UPDATE funding.discrepancies AS d
               SET rate_a = p.rate_a,
                   rate_b = p.rate_b,
                   magnitude = p.magnitude,
                   threshold = $4,
                   seen_at = clock_timestamp()
              FROM pairs AS p
             WHERE d.discrepancy_id = p.discrepancy_id
               AND p.is_open
               AND NOT p.is_as_it_was
               AND p.magnitude > $4
        ),
        agreed AS (
            UPDATE funding.discrepancies AS d
               SET rate_a = p.rate_a,
                   rate_b = p.rate_b,
                   magnitude = p.magnitude,
                   threshold = $4,
                   seen_at = clock_timestamp(),
                   status = 'resolved',
                   resolution = 'agreed',
                   resolved_at = greatest(clock_timestamp(), d.opened_at),
                   resolved_by = audit.actor()
              FROM pairs AS p
             WHERE d.discrepancy_id = p.discrepancy_id
               AND p.is_open
               AND p.magnitude <= $4
            RETURNING 1
        )
        SELECT (SELECT count(*) FROM found_now), (SELECT count(*) FROM agreed)
    $sql$;
    first_time    timestamptz;
    last_time     timestamptz;
BEGIN
    opened := 0;
    resolved := 0;
    IF coalesce(cardinality(times), 0) = 0 THEN
        RETURN;
    END IF;
    SELECT min(u.at), max(u.at)
      INTO first_time, last_time
      FROM unnest(times) AS u (at);
    PERFORM funding.plan_for(cardinality(times));
    -- Whoever brings a rate of one of the symbols waits, or has been waited for.
    PERFORM
       FROM funding.symbols AS y
      WHERE (y.exchange, y.symbol) IN (SELECT u.exchange, u.symbol
                                         FROM unnest(exchanges, symbols) AS u (exchange, symbol))
      ORDER BY y.exchange, y.symbol
        FOR NO KEY UPDATE;
    EXECUTE compare INTO opened, resolved
      USING exchanges, symbols, times, threshold_now, first_time, last_time;
END
$function$;

COMMENT ON FUNCTION funding.compare_sources(text[], text[], timestamptz[]) IS
    'Compares what sources say of some settlements: opens a discrepancy where two differ by more '
    'than funding.discrepancy_threshold (fraction per interval), resolves it where they do not any '
    'more. What was resolved by hand stays so while both rates stay.';

CREATE OR REPLACE FUNCTION funding.ingest_rates(
        source text, exchanges text[], symbols text[], funding_times timestamptz[],
        rates numeric[], interval_hours int[] DEFAULT NULL,
        next_funding_times timestamptz[] DEFAULT NULL, mark_prices numeric[] DEFAULT NULL,
        received_at timestamptz DEFAULT clock_timestamp(), run_id bigint DEFAULT NULL,
        OUT taken int, OUT duplicate int, OUT revised int, OUT opened int, OUT resolved int)
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET jit = off
    SET enable_nestloop = on
    SET enable_hashjoin = on
    SET enable_mergejoin = on
AS $function$
DECLARE
    elements_max CONSTANT int := 500000;
    offered      CONSTANT int := cardinality(funding_times);
    -- Planned anew each time, unlike the look-ups of the foreign keys that they set off.
    -- $1 source, $2 to $8 what is offered, $9 received_at, $10 run_id, $11 to $12 the period.
    insert_new   CONSTANT text := $sql$
        WITH new_rates AS (
            INSERT INTO funding.rates AS r
                   (source, exchange, symbol, funding_time, rate, interval_hours, next_funding_time,
                    mark_price, received_at, run_id)
            SELECT $1, e.exchange, e.symbol, e.funding_time, e.rate, e.hours,
                   e.next_funding_time, e.mark_price, $9, $10
              FROM unnest($2, $3, $4, $5, $6, $7, $8)
                   AS e (exchange, symbol, funding_time, rate, hours, next_funding_time, mark_price)
             ORDER BY e.funding_time, e.exchange, e.symbol
                ON CONFLICT DO NOTHING
            RETURNING r.exchange, r.symbol, r.funding_time
        )
        SELECT (SELECT count(*) FROM new_rates), array_agg(n.exchange), array_agg(n.symbol),
               array_agg(n.funding_time)
          FROM new_rates AS n
         WHERE EXISTS (SELECT
                         FROM funding.rates AS r
                        WHERE r.exchange = n.exchange
                          AND r.symbol = n.symbol
                          AND r.funding_time = n.funding_time
                          AND r.source <> $1
                          AND r.funding_time BETWEEN $11 AND $12)
    $sql$;
    find_revised CONSTANT text := $sql$
        SELECT array_agg(r.funding_time)
           FROM unnest($2, $3, $4, $5, $6, $7, $8)
                AS e (exchange, symbol, funding_time, rate, hours, next_funding_time, mark_price)
           JOIN funding.rates AS r
             ON r.source = $1
            AND r.exchange = e.exchange
            AND r.symbol = e.symbol
            AND r.funding_time = e.funding_time
          WHERE r.funding_time BETWEEN $11 AND $12
            AND (r.rate, r.interval_hours, r.next_funding_time, r.mark_price)
                IS DISTINCT FROM (e.rate, e.hours, e.next_funding_time, e.mark_price)
    $sql$;
    revise       CONSTANT text := $sql$
        WITH said AS MATERIALIZED (
            SELECT DISTINCT
                   r.exchange, r.symbol, r.funding_time, e.rate, e.hours, e.next_funding_time,
                   e.mark_price, r.rate AS former_rate, r.interval_hours AS former_hours,
                   r.next_funding_time AS former_next, r.mark_price AS former_price,
                   r.received_at AS former_received_at, r.run_id AS former_run_id,
                   r.received_at <= $9 AS is_newer
              FROM unnest($2, $3, $4, $5, $6, $7, $8)
                   AS e (exchange, symbol, funding_time, rate, hours, next_funding_time,
                         mark_price)
              JOIN funding.rates AS r
                ON r.source = $1
               AND r.exchange = e.exchange
               AND r.symbol = e.symbol
               AND r.funding_time = e.funding_time
             WHERE r.funding_time BETWEEN $11 AND $12
               AND (r.rate, r.interval_hours, r.next_funding_time, r.mark_price)
                   IS DISTINCT FROM (e.rate, e.hours, e.next_funding_time, e.mark_price)
        ),
        out_of_force AS (
            INSERT INTO funding.rate_revisions
                   (source, exchange, symbol, funding_time, rate, interval_hours,
                    next_funding_time, mark_price, received_at, run_id)
            SELECT $1, s.exchange, s.symbol, s.funding_time, s.former_rate,
                   s.former_hours, s.former_next, s.former_price, s.former_received_at,
                   s.former_run_id
              FROM said AS s
             WHERE s.is_newer
             UNION ALL
            -- Received before what is in force, but brought after it.
            SELECT $1, s.exchange, s.symbol, s.funding_time, s.rate, s.hours,
                   s.next_funding_time, s.mark_price, $9,
                   $10
              FROM said AS s
             WHERE NOT s.is_newer
               AND NOT EXISTS (SELECT
                                 FROM funding.rate_revisions AS v
                                WHERE v.source = $1
                                  AND v.exchange = s.exchange
                                  AND v.symbol = s.symbol
                                  AND v.funding_time = s.funding_time
                                  AND v.received_at = $9
                                  AND (v.rate, v.interval_hours, v.next_funding_time,
                                       v.mark_price)
                                      IS NOT DISTINCT FROM
                                      (s.rate, s.hours, s.next_funding_time, s.mark_price))
            RETURNING 1
        ),
        in_force AS (
            UPDATE funding.rates AS r
               SET rate = s.rate,
                   interval_hours = s.hours,
                   next_funding_time = s.next_funding_time,
                   mark_price = s.mark_price,
                   received_at = $9,
                   run_id = $10,
                   revision = r.revision + 1
              FROM said AS s
             WHERE s.is_newer
               AND r.source = $1
               AND r.exchange = s.exchange
               AND r.symbol = s.symbol
               AND r.funding_time = s.funding_time
               AND r.funding_time BETWEEN $11 AND $12
            RETURNING r.exchange, r.symbol, r.funding_time
        )
        SELECT (SELECT count(*) FROM out_of_force), array_agg(f.exchange),
               array_agg(f.symbol), array_agg(f.funding_time)
          FROM in_force AS f
    $sql$;
    given        record;
    bad          record;
    known        text[] := ARRAY(SELECT x.exchange FROM config.exchanges AS x);
    first_time   timestamptz;
    last_time    timestamptz;
    seconds      timestamptz[];
    next_seconds timestamptz[];
    days         timestamptz[];
    times_said   timestamptz[];
    of_exchanges text[];
    of_symbols   text[];
    hours        int[] := interval_hours;
    found_of     text[];
    found_symbol text[];
    found_time   timestamptz[];
    again_of     text[];
    again_symbol text[];
    again_time   timestamptz[];
BEGIN
    taken := 0;
    duplicate := 0;
    revised := 0;
    opened := 0;
    resolved := 0;

    -- The call as a whole.
    IF NOT EXISTS (SELECT
                     FROM data_collector.sources AS s
                    WHERE s.source = ingest_rates.source) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('source %s is unknown', quote_nullable(source)),
            HINT    = 'SELECT source FROM data_collector.known_sources lists those that are '
                      'known; add another to data_collector.sources first.';
    END IF;
    received_at := coalesce(received_at, clock_timestamp());
    IF NOT isfinite(received_at)
    OR received_at > clock_timestamp() + interval '1 minute' THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('received_at %s is no time that has come',
                             received_at),
            HINT    = 'Give the time at which the rates were received, or leave it out.';
    END IF;
    FOR given IN
        SELECT l.field, l.length
          FROM (VALUES ('exchanges', cardinality(exchanges), false),
                       ('symbols', cardinality(symbols), false),
                       ('funding_times', cardinality(funding_times), false),
                       ('rates', cardinality(rates), false),
                       ('interval_hours', cardinality(interval_hours), true),
                       ('next_funding_times', cardinality(next_funding_times), true),
                       ('mark_prices', cardinality(mark_prices), true))
               AS l (field, length, may_be_null)
         WHERE l.length IS DISTINCT FROM offered
            OR l.length IS NULL
         ORDER BY l.may_be_null, l.length NULLS FIRST
    LOOP
        CONTINUE WHEN given.length IS NULL
                  AND offered IS NOT NULL
                  AND given.field IN ('interval_hours', 'next_funding_times', 'mark_prices');
        RAISE EXCEPTION USING
            ERRCODE = 'array_subscript_error',
            MESSAGE = format('%s has %s elements and funding_times has %s', given.field,
                             coalesce(given.length::text, 'no'),
                             coalesce(offered::text, 'no')),
            HINT    = 'Give arrays of one length, an element a rate.';
    END LOOP;
    IF offered > elements_max THEN
        RAISE EXCEPTION USING
            ERRCODE = 'program_limit_exceeded',
            MESSAGE = format('%s rates are more than %s', offered, elements_max),
            HINT    = 'Bring them in several calls.';
    END IF;
    IF run_id IS NOT NULL
    AND NOT EXISTS (SELECT
                      FROM data_collector.ingestion_runs AS r
                     WHERE r.run_id = ingest_rates.run_id
                       AND r.source = ingest_rates.source
                       AND r.status = 'running') THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('run_id %s is no run of %s that is running', run_id, source),
            HINT    = 'Begin one with data_collector.start_run, or leave run_id out.';
    END IF;
    IF offered = 0 THEN
        RETURN;
    END IF;

    PERFORM funding.plan_for(offered);

    -- Intervals that are not said are those of the instrument, just before the settlement.
    IF hours IS NULL
    OR array_position(hours, NULL) IS NOT NULL THEN
        SELECT array_agg(coalesce(e.interval_hours,
                                  (SELECT i.funding_interval_hours
                                     FROM data_collector.instruments AS i
                                    WHERE i.exchange = e.exchange
                                      AND i.symbol = e.symbol
                                      AND i.valid_from <= e.funding_time
                                      AND (i.valid_to >= e.funding_time
                                        OR i.valid_to IS NULL)
                                    ORDER BY i.valid_from
                                    LIMIT 1)) ORDER BY e.place)
          INTO hours
          FROM unnest(exchanges, symbols, funding_times, interval_hours)
               WITH ORDINALITY AS e (exchange, symbol, funding_time, interval_hours, place);
    END IF;

    -- Each element: the first fault of the first one that has any.
    SELECT f.*
      INTO bad
      FROM (SELECT e.*,
                   CASE
                       WHEN e.exchange = ANY (known) IS NOT TRUE THEN 'exchange'
                       WHEN length(e.symbol) BETWEEN 1 AND 64
                        AND e.symbol !~ '[[:space:][:cntrl:]]' THEN
                           CASE
                               WHEN e.funding_time IS NULL
                                 OR NOT isfinite(e.funding_time)
                                 OR e.funding_time < timestamptz '2010-01-01 00:00:00+00'
                                 OR e.funding_time > received_at + interval '31 days'
                                   THEN 'funding_time'
                               WHEN e.rate IS NULL
                                 OR e.rate NOT BETWEEN -1 AND 1
                                 OR scale(trim_scale(e.rate)) > 18 THEN 'rate'
                               WHEN e.hours IS NULL
                                 OR e.hours NOT BETWEEN 1 AND 24 THEN 'interval_hours'
                               WHEN e.next_funding_time < e.funding_time + interval '1 second'
                                 OR e.next_funding_time > e.funding_time + interval '31 days'
                                   THEN 'next_funding_time'
                               WHEN e.mark_price <= 0
                                 OR e.mark_price >= 1e20
                                 OR scale(trim_scale(e.mark_price)) > 18 THEN 'mark_price'
                           END
                       ELSE 'symbol'
                   END AS field
              FROM unnest(exchanges, symbols, funding_times, rates, hours, next_funding_times,
                          mark_prices)
                   WITH ORDINALITY
                   AS e (exchange, symbol, funding_time, rate, hours, next_funding_time,
                         mark_price, place)) AS f
     WHERE f.field IS NOT NULL
     ORDER BY f.place
     LIMIT 1;
    IF found THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format(
                'element %s (%s %s at %s): %s %s %s', bad.place,
                coalesce(bad.exchange, 'null'), coalesce(bad.symbol, 'null'),
                coalesce(bad.funding_time::text, 'null'), bad.field,
                CASE bad.field
                    WHEN 'exchange' THEN quote_nullable(bad.exchange)
                    WHEN 'symbol' THEN quote_nullable(left(bad.symbol, 80))
                    WHEN 'funding_time' THEN coalesce(bad.funding_time::text, 'null')
                    WHEN 'rate' THEN coalesce(bad.rate::text, 'null')
                    WHEN 'interval_hours' THEN coalesce(bad.hours::text, 'null')
                    WHEN 'next_funding_time' THEN bad.next_funding_time::text
                    ELSE bad.mark_price::text
                END,
                CASE bad.field
                    WHEN 'exchange' THEN 'is not in config.exchanges'
                    WHEN 'symbol' THEN 'is not 1 to 64 characters without space'
                    WHEN 'funding_time' THEN 'is not from 2010 to 31 days after received_at'
                    WHEN 'rate' THEN 'is not from -1 to 1 with at most 18 decimals'
                    WHEN 'interval_hours' THEN 'is not 1 to 24'
                    WHEN 'next_funding_time' THEN 'is not within 31 days after funding_time'
                    ELSE 'is not positive, below 10^20, with at most 18 decimals'
                END),
            HINT    =
                CASE bad.field
                    WHEN 'exchange' THEN 'Add the exchange to the configuration first: '
                                         'config.set(''exchanges/…'', …).'
                    WHEN 'symbol' THEN 'Give the symbol as the exchange writes it.'
                    WHEN 'funding_time' THEN 'Give the time of the settlement; a number of '
                                             'milliseconds is to_timestamp(n / 1000.0).'
                    WHEN 'rate' THEN 'Give the rate as a fraction per interval: 0.01 % is '
                                     '0.0001. Round it to 18 decimals.'
                    WHEN 'interval_hours' THEN 'Give the hours since the settlement before, or '
                                               'tell data_collector.set_instrument first.'
                    WHEN 'next_funding_time' THEN 'Give the next settlement, or null.'
                    ELSE 'Give the price in the quote asset, or null.'
                END
                || ' Nothing of the call was taken.';
    END IF;

    -- A settlement is known by its second.
    seconds := ARRAY(SELECT date_trunc('second', u.at)
                       FROM unnest(funding_times) AS u (at));
    next_seconds := ARRAY(SELECT date_trunc('second', u.at)
                            FROM unnest(next_funding_times) AS u (at));
    SELECT min(u.at), max(u.at), array_agg(DISTINCT date_trunc('day', u.at, 'UTC'))
      INTO first_time, last_time, days
      FROM unnest(seconds) AS u (at);
    PERFORM funding.make_room('funding.rates', 'day', days);

    -- Symbols, in the order of their names, so that two callers never wait for one another.
    WITH symbols_now AS MATERIALIZED (
        SELECT e.exchange, e.symbol, min(e.funding_time) AS first_at, max(e.funding_time) AS last_at
          FROM unnest(exchanges, symbols, seconds) AS e (exchange, symbol, funding_time)
         GROUP BY e.exchange, e.symbol
    ),
    written AS (
        INSERT INTO funding.symbols AS y (exchange, symbol, first_funding_time, last_funding_time)
        SELECT n.exchange, n.symbol, n.first_at, n.last_at
          FROM symbols_now AS n
         ORDER BY n.exchange, n.symbol
            ON CONFLICT ON CONSTRAINT symbol_is_unique_on_its_exchange DO UPDATE
           SET first_funding_time = least(y.first_funding_time, excluded.first_funding_time),
               last_funding_time = greatest(y.last_funding_time, excluded.last_funding_time)
         WHERE y.first_funding_time > excluded.first_funding_time
            OR y.last_funding_time < excluded.last_funding_time
    )
    SELECT array_agg(n.exchange), array_agg(n.symbol)
      INTO of_exchanges, of_symbols
      FROM symbols_now AS n;
    PERFORM
       FROM funding.symbols AS y
       JOIN unnest(of_exchanges, of_symbols) AS n (exchange, symbol)
         ON n.exchange = y.exchange
        AND n.symbol = y.symbol
      ORDER BY y.exchange, y.symbol
        FOR NO KEY UPDATE OF y;
    INSERT INTO funding.series (source, exchange, symbol)
    SELECT ingest_rates.source, n.exchange, n.symbol
      FROM unnest(of_exchanges, of_symbols) AS n (exchange, symbol)
        ON CONFLICT DO NOTHING;

    -- What is new, and of it what another source has told already.
    EXECUTE insert_new INTO taken, found_of, found_symbol, found_time
      USING source, exchanges, symbols, seconds, rates, hours, next_seconds, mark_prices,
            received_at, run_id, first_time, last_time;

    -- What was known: the same is a duplicate, another statement a revision.
    IF taken < offered THEN
        -- A call that says two things of one settlement is a mistake of its caller.
        SELECT e.exchange, e.symbol, e.funding_time, min(e.place) AS place, max(e.place) AS other
          INTO bad
          FROM unnest(exchanges, symbols, seconds, rates, hours, next_seconds, mark_prices)
               WITH ORDINALITY
               AS e (exchange, symbol, funding_time, rate, hours, next_funding_time, mark_price,
                     place)
         GROUP BY e.exchange, e.symbol, e.funding_time
        HAVING count(*) > 1
           AND (min(e.rate) <> max(e.rate)
             OR min(e.hours) <> max(e.hours)
             OR min(e.next_funding_time) <> max(e.next_funding_time)
             OR min(e.mark_price) <> max(e.mark_price)
             OR count(e.next_funding_time) NOT IN (0, count(*))
             OR count(e.mark_price) NOT IN (0, count(*)))
         ORDER BY min(e.place)
         LIMIT 1;
        IF found THEN
            RAISE EXCEPTION USING
                ERRCODE = 'invalid_parameter_value',
                MESSAGE = format('elements %s and %s say different things of %s %s at %s: rate '
                                 '%s and %s', bad.place, bad.other, bad.exchange, bad.symbol,
                                 bad.funding_time, rates[bad.place], rates[bad.other]),
                HINT    = 'Give each settlement once. Nothing of the call was taken.';
        END IF;

        EXECUTE find_revised INTO times_said
          USING source, exchanges, symbols, seconds, rates, hours, next_seconds, mark_prices,
                received_at, run_id, first_time, last_time;
        IF times_said IS NOT NULL THEN
            PERFORM funding.make_room('funding.rate_revisions', 'month', times_said);
            EXECUTE revise INTO revised, again_of, again_symbol, again_time
              USING source, exchanges, symbols, seconds, rates, hours, next_seconds, mark_prices,
                    received_at, run_id, first_time, last_time;
        END IF;
    END IF;
    duplicate := offered - taken - revised;

    SELECT c.opened, c.resolved
      INTO opened, resolved
      FROM funding.compare_sources(found_of || again_of, found_symbol || again_symbol,
                                   found_time || again_time) AS c;
    IF run_id IS NOT NULL THEN
        PERFORM data_collector.count_rows(run_id, offered, taken, duplicate, revised);
    END IF;
END
$function$;

COMMENT ON FUNCTION funding.ingest_rates(
    text, text[], text[], timestamptz[], numeric[], int[], timestamptz[], numeric[], timestamptz,
    bigint) IS
    'Takes rates of one source, at most 500000, all or none. Rates are fractions per interval; '
    'interval_hours are the hours since the settlement before, by default those of the '
    'instrument; received_at is by default now: a retry gives that of its first attempt. Returns '
    'how many were taken, how many were duplicates (known so already), how many revised (another '
    'statement of what was known: that received last is in force, the others are in '
    'funding.rate_revisions), and how many discrepancies it opened and resolved. Raises 22023 '
    'naming element, field, value and cure; 2202E for arrays of several lengths; 54000 for too '
    'many.';

CREATE OR REPLACE FUNCTION funding.find_discrepancies(
        from_at timestamptz, to_at timestamptz, OUT opened int, OUT resolved int)
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET jit = off
    SET plan_cache_mode = force_custom_plan
AS $function$
DECLARE
    found_of     text[];
    found_symbol text[];
    found_time   timestamptz[];
BEGIN
    IF from_at IS NULL
    OR to_at IS NULL
    OR from_at > to_at THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('from_at %s is not before to_at %s', coalesce(from_at::text, 'null'),
                             coalesce(to_at::text, 'null')),
            HINT    = 'Give two times, the earlier one first.';
    END IF;
    SELECT array_agg(k.exchange), array_agg(k.symbol), array_agg(k.funding_time)
      INTO found_of, found_symbol, found_time
      FROM (SELECT r.exchange, r.symbol, r.funding_time
              FROM funding.rates AS r
             WHERE r.funding_time >= from_at
               AND r.funding_time < to_at
             GROUP BY r.exchange, r.symbol, r.funding_time
            HAVING count(*) > 1) AS k;
    SELECT c.opened, c.resolved
      INTO opened, resolved
      FROM funding.compare_sources(found_of, found_symbol, found_time) AS c;
END
$function$;

COMMENT ON FUNCTION funding.find_discrepancies(timestamptz, timestamptz) IS
    'Compares the sources on every settlement from a time on and before another, by the threshold '
    'of now; returns how many discrepancies it opened and resolved. Raises 22023 for times in the '
    'wrong order.';

CREATE OR REPLACE FUNCTION funding.resolve_discrepancy(discrepancy_id bigint, note text)
    RETURNS boolean
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    IF length(trim(note)) BETWEEN 1 AND 1024 THEN
        UPDATE funding.discrepancies AS d
           SET status = 'resolved',
               resolution = 'by_hand',
               resolved_at = greatest(clock_timestamp(), d.opened_at),
               resolved_by = audit.actor(),
               note = trim(resolve_discrepancy.note)
         WHERE d.discrepancy_id = resolve_discrepancy.discrepancy_id
           AND d.status = 'open';
        IF found THEN
            PERFORM audit.record('discrepancy_resolved',
                                 format('funding.discrepancies/%s', discrepancy_id),
                                 jsonb_build_object('note', trim(note)), 'done');
            RETURN true;
        END IF;
    ELSE
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('note %s is not 1 to 1024 characters',
                             quote_nullable(left(note, 80))),
            HINT    = 'Say why the discrepancy is resolved.';
    END IF;
    IF EXISTS (SELECT
                 FROM funding.discrepancies AS d
                WHERE d.discrepancy_id = resolve_discrepancy.discrepancy_id) THEN
        RETURN false;
    END IF;
    RAISE EXCEPTION USING
        ERRCODE = 'no_data_found',
        MESSAGE = format('discrepancy_id %s does not exist',
                         coalesce(discrepancy_id::text, 'null')),
        HINT    = 'SELECT discrepancy_id FROM funding.open_discrepancies lists the open ones.';
END
$function$;

COMMENT ON FUNCTION funding.resolve_discrepancy(bigint, text) IS
    'Resolves a discrepancy by hand, with a note that says why; false if it was resolved already. '
    'It stays so while both rates stay. Writes an action. Raises 22023 without a note, P0002 for '
    'an unknown one.';

CREATE OR REPLACE FUNCTION funding.take_snapshot(at timestamptz DEFAULT clock_timestamp())
    RETURNS int
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET jit = off
    SET plan_cache_mode = force_custom_plan
AS $function$
DECLARE
    age_max       CONSTANT interval :=
        (config.setting('funding.snapshot_age_max') #>> '{}')::interval;
    threshold_now CONSTANT numeric :=
        (config.setting('funding.discrepancy_threshold') #>> '{}')::numeric;
    rows_there    int;
BEGIN
    IF at IS NULL
    OR NOT isfinite(at)
    OR at > clock_timestamp() THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('at %s is no time that has come', coalesce(at::text, 'null')),
            HINT    = 'Take a snapshot of now or of a time before.';
    END IF;
    PERFORM pg_advisory_xact_lock(
        hashtextextended(format('funding.snapshots %s', extract(epoch FROM at)), 0));
    SELECT count(*)
      INTO rows_there
      FROM funding.snapshots AS s
     WHERE s.snapshot_at = at;
    IF rows_there > 0 THEN
        RETURN rows_there;
    END IF;
    PERFORM maintenance.ensure_partitions('funding.snapshots', at, at);

    INSERT INTO funding.snapshots
           (snapshot_at, exchange, symbol, source, funding_time, next_funding_time, received_at,
            rate, rate_8h, rate_year, rate_min, rate_max, mark_price, interval_hours,
            source_count, sources_disagree)
    SELECT at, f.exchange, f.symbol,
           (array_agg(f.source ORDER BY f.priority))[1],
           f.funding_time,
           (array_agg(coalesce(f.next_funding_time, f.due_again) ORDER BY f.priority))[1],
           (array_agg(f.received_at ORDER BY f.priority))[1],
           (array_agg(f.rate ORDER BY f.priority))[1],
           (array_agg(f.rate * 8 / f.interval_hours ORDER BY f.priority))[1],
           (array_agg(f.rate * 8760 / f.interval_hours ORDER BY f.priority))[1],
           min(f.rate), max(f.rate),
           (array_agg(f.mark_price ORDER BY f.priority) FILTER (WHERE f.mark_price IS NOT NULL))[1],
           (array_agg(f.interval_hours ORDER BY f.priority))[1],
           count(*), max(f.rate) - min(f.rate) > threshold_now
      FROM (SELECT k.*, s.source, s.priority, y.exchange, y.symbol,
                   k.funding_time + make_interval(hours => k.interval_hours) AS due_again,
                   max(k.funding_time) OVER (PARTITION BY y.exchange, y.symbol) AS newest
              FROM funding.symbols AS y
              JOIN funding.series AS e
                ON e.exchange = y.exchange
               AND e.symbol = y.symbol
              JOIN data_collector.sources AS s
                ON s.source = e.source
             -- The statement in force, or the one that was when it had not been received yet.
             CROSS JOIN LATERAL (
                   SELECT u.*
                     FROM ((SELECT r.funding_time, r.next_funding_time, r.received_at, r.rate,
                                   r.mark_price, r.interval_hours, timestamptz 'infinity' AS until
                              FROM funding.rates AS r
                             WHERE r.source = s.source
                               AND r.exchange = y.exchange
                               AND r.symbol = y.symbol
                               AND r.funding_time <= at
                               AND r.funding_time > at - interval '24 hours' - age_max
                               AND r.received_at <= at
                             ORDER BY r.funding_time DESC
                             LIMIT 1)
                           UNION ALL
                           (SELECT v.funding_time, v.next_funding_time, v.received_at, v.rate,
                                   v.mark_price, v.interval_hours, v.recorded_at
                              FROM funding.rate_revisions AS v
                             WHERE v.source = s.source
                               AND v.exchange = y.exchange
                               AND v.symbol = y.symbol
                               AND v.funding_time <= at
                               AND v.funding_time > at - interval '24 hours' - age_max
                               AND v.received_at <= at
                             ORDER BY v.funding_time DESC, v.received_at DESC, v.recorded_at DESC
                             LIMIT 1)) AS u
                    ORDER BY u.funding_time DESC, u.received_at DESC, u.until DESC
                    LIMIT 1
                   ) AS k
             WHERE y.last_funding_time > at - interval '24 hours' - age_max
               AND y.first_funding_time <= at
               -- Stale once the next settlement is overdue by more than the setting allows.
               AND k.funding_time + make_interval(hours => k.interval_hours) + age_max >= at
           ) AS f
     WHERE f.funding_time = f.newest
     GROUP BY f.exchange, f.symbol, f.funding_time;
    GET DIAGNOSTICS rows_there = ROW_COUNT;
    RETURN rows_there;
END
$function$;

COMMENT ON FUNCTION funding.take_snapshot(timestamptz) IS
    'Writes what was known and due at a time: of each symbol the last settlement, told by the '
    'source of the least priority, with the least and greatest of all sources. Revisions and rates '
    'received later are not seen. A rate is left out once its next settlement is overdue by more '
    'than funding.snapshot_age_max. Returns the rows of the snapshot, also if it was taken before: '
    'it is never taken twice. Raises 22023 for a time that has not come.';

CREATE OR REPLACE FUNCTION funding.settlement_calendar(
        from_at timestamptz, to_at timestamptz, of_exchange text DEFAULT NULL,
        of_symbol text DEFAULT NULL)
    RETURNS TABLE (exchange text, symbol text, settles_at timestamptz, interval_hours int,
                   basis text)
    LANGUAGE plpgsql
    STABLE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET jit = off
    SET plan_cache_mode = force_custom_plan
AS $function$
BEGIN
    IF from_at IS NULL
    OR to_at IS NULL
    OR NOT isfinite(from_at)
    OR NOT isfinite(to_at)
    OR from_at > to_at
    OR to_at - from_at > interval '400 days' THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('from_at %s to to_at %s is no period of at most 400 days',
                             coalesce(from_at::text, 'null'), coalesce(to_at::text, 'null')),
            HINT    = 'Give two times, the earlier one first, in several calls if need be.';
    END IF;
    RETURN QUERY
    WITH instruments AS MATERIALIZED (
        SELECT i.exchange, i.symbol, i.valid_from, i.valid_to, i.funding_interval_hours AS hours
          FROM data_collector.instruments AS i
         WHERE (of_exchange IS NULL
             OR i.exchange = of_exchange)
           AND (of_symbol IS NULL
             OR i.symbol = of_symbol)
    ),
    wanted AS MATERIALIZED (
        SELECT y.exchange, y.symbol
          FROM funding.symbols AS y
         WHERE (of_exchange IS NULL
             OR y.exchange = of_exchange)
           AND (of_symbol IS NULL
             OR y.symbol = of_symbol)
         UNION
        SELECT i.exchange, i.symbol
          FROM instruments AS i
    ),
    -- What has been settled, from the last before the period to the first after it.
    observed AS MATERIALIZED (
        SELECT w.exchange, w.symbol, o.funding_time, o.hours, o.next_funding_time
          FROM wanted AS w
         CROSS JOIN LATERAL (
               SELECT DISTINCT ON (r.funding_time)
                      r.funding_time, r.interval_hours AS hours, r.next_funding_time
                 FROM funding.rates AS r
                 JOIN data_collector.sources AS s
                   ON s.source = r.source
                WHERE r.exchange = w.exchange
                  AND r.symbol = w.symbol
                  AND r.funding_time >= from_at
                  AND r.funding_time < to_at + interval '24 hours'
                ORDER BY r.funding_time, s.priority
               ) AS o
         UNION ALL
        SELECT w.exchange, w.symbol, o.funding_time, o.interval_hours, o.next_funding_time
          FROM wanted AS w
         CROSS JOIN LATERAL (
               SELECT r.funding_time, r.interval_hours, r.next_funding_time
                 FROM funding.rates AS r
                 JOIN data_collector.sources AS s
                   ON s.source = r.source
                WHERE r.exchange = w.exchange
                  AND r.symbol = w.symbol
                  AND r.funding_time < from_at
                  AND r.funding_time >= from_at - interval '31 days'
                ORDER BY r.funding_time DESC, s.priority
                LIMIT 1
               ) AS o
    ),
    chain AS MATERIALIZED (
        SELECT o.*,
               lag(o.funding_time) OVER following AS before,
               lead(o.funding_time) OVER following AS after
          FROM observed AS o
        WINDOW following AS (PARTITION BY o.exchange, o.symbol ORDER BY o.funding_time)
    ),
    -- Times in which settlements were, or will be, that nobody has told: (starts, ends].
    spans AS (
        -- After the last one, by its own interval or by what the source says of the next one …
        SELECT c.exchange, c.symbol, c.funding_time AS starts, n.hours,
               to_timestamp(extract(epoch FROM coalesce(c.next_funding_time, c.funding_time))
                            % (n.hours * 3600)) AS phase
          FROM chain AS c
         CROSS JOIN LATERAL (
               SELECT CASE
                          WHEN extract(epoch FROM c.next_funding_time - c.funding_time)
                               % 3600 = 0
                           AND c.next_funding_time <= c.funding_time + interval '24 hours'
                              THEN (extract(epoch FROM c.next_funding_time - c.funding_time)
                                    / 3600)::int
                          ELSE c.hours
                      END AS hours
               ) AS n
         WHERE c.after IS NULL
         UNION ALL
        -- … until the instrument says something newer; without any, by the instrument alone.
        SELECT i.exchange, i.symbol,
               greatest(i.valid_from,
                        CASE WHEN f.funding_time IS NULL
                             THEN from_at - interval '1 microsecond'
                        END),
               i.hours,
               to_timestamp(coalesce(extract(epoch FROM l.funding_time) % (l.hours * 3600), 0))
          FROM instruments AS i
          LEFT JOIN chain AS l
            ON l.exchange = i.exchange
           AND l.symbol = i.symbol
           AND l.after IS NULL
          LEFT JOIN chain AS f
            ON f.exchange = i.exchange
           AND f.symbol = i.symbol
           AND f.before IS NULL
         WHERE i.valid_from > l.funding_time
            OR l.funding_time IS NULL
    ),
    ends AS (
        SELECT s.*,
               least(lead(s.starts) OVER (PARTITION BY s.exchange, s.symbol ORDER BY s.starts),
                     (SELECT i.valid_to
                        FROM instruments AS i
                       WHERE i.exchange = s.exchange
                         AND i.symbol = s.symbol
                         AND i.valid_from <= greatest(s.starts, from_at)
                         AND i.valid_to > s.starts
                         AND NOT EXISTS (SELECT
                                           FROM instruments AS n
                                          WHERE n.exchange = i.exchange
                                            AND n.symbol = i.symbol
                                            AND n.valid_from = i.valid_to)
                       ORDER BY i.valid_from DESC
                       LIMIT 1)) AS ends
          FROM spans AS s
    ),
    untold AS (
        SELECT e.exchange, e.symbol, g.at, e.hours
          FROM ends AS e
         CROSS JOIN LATERAL (
               SELECT to_timestamp(
                          extract(epoch FROM e.phase)
                          + e.hours * 3600
                          * (floor((extract(epoch FROM greatest(e.starts, from_at
                                                                  - interval '1 microsecond'))
                                    - extract(epoch FROM e.phase)) / (e.hours * 3600)) + 1))
                          AS first_at
               ) AS b
         CROSS JOIN LATERAL generate_series(
                        b.first_at,
                        least(e.ends, to_at - interval '1 microsecond'),
                        make_interval(hours => e.hours)) AS g (at)
         UNION ALL
        -- Between two that were told, back from the later one by the hours that it is for.
        SELECT c.exchange, c.symbol, g.at, c.hours
          FROM chain AS c
         CROSS JOIN LATERAL generate_series(
                        c.funding_time - make_interval(hours => c.hours),
                        c.before + interval '1 minute',
                        make_interval(hours => -c.hours)) AS g (at)
         WHERE c.before IS NOT NULL
         UNION ALL
        -- Before the first that was told, by the instrument of that time.
        SELECT c.exchange, c.symbol, g.at, i.hours
          FROM chain AS c
          JOIN instruments AS i
            ON i.exchange = c.exchange
           AND i.symbol = c.symbol
           AND i.valid_from < c.funding_time
           AND coalesce(i.valid_to, 'infinity') > from_at
         CROSS JOIN LATERAL generate_series(
                        c.funding_time - make_interval(
                            hours => i.hours
                                * greatest(1, ceil(extract(epoch FROM c.funding_time
                                                                      - least(i.valid_to,
                                                                              c.funding_time))
                                                   / (i.hours * 3600)))::int),
                        greatest(i.valid_from + interval '1 microsecond', from_at),
                        make_interval(hours => -i.hours)) AS g (at)
         WHERE c.before IS NULL
    )
    SELECT o.exchange, o.symbol, o.funding_time, o.hours,
           CASE WHEN o.funding_time <= now() THEN 'observed' ELSE 'announced' END
      FROM observed AS o
     WHERE o.funding_time >= from_at
       AND o.funding_time < to_at
     UNION ALL
    SELECT u.exchange, u.symbol, u.at, u.hours,
           CASE WHEN u.at <= now() THEN 'missed' ELSE 'expected' END
      FROM untold AS u
     WHERE u.at >= from_at
       AND u.at < to_at
     ORDER BY 3, 1, 2;
END
$function$;

COMMENT ON FUNCTION funding.settlement_calendar(timestamptz, timestamptz, text, text) IS
    'When symbols settle from a time on and before another (at most 400 days), of one exchange '
    'and symbol or of all: exchange, symbol, time, hours that the settlement is for, and basis: '
    'observed (a rate has come), announced (a rate has come before its time), missed (it is past '
    'and no rate has come) or expected. Intervals are the real ones: those of the rates; between '
    'two rates, that of the later one; after the last, what the source says of the next '
    'settlement, else the last interval, until data_collector.instruments says something newer; '
    'without rates, that of the instrument, from midnight UTC. Raises 22023 for another period.';

CREATE OR REPLACE FUNCTION funding.find_gaps(
        from_at timestamptz, to_at timestamptz, OUT found_count int, OUT filled_count int)
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET jit = off
    SET plan_cache_mode = force_custom_plan
AS $function$
DECLARE
    gap record;
BEGIN
    found_count := 0;
    filled_count := 0;
    IF from_at IS NULL
    OR to_at IS NULL
    OR from_at > to_at THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('from_at %s is not before to_at %s', coalesce(from_at::text, 'null'),
                             coalesce(to_at::text, 'null')),
            HINT    = 'Give two times, the earlier one first.';
    END IF;
    -- An open gap is filled when each settlement that it expects has a rate. It expects those
    -- that the later rate leaves out, so a rate as late as expected_to, without a hole, is enough.
    FOR gap IN
        SELECT g.gap_id
          FROM data_collector.ingestion_gaps AS g
         WHERE g.filled_at IS NULL
           AND g.dataset = 'funding_rates'
           AND g.expected_to >= from_at
           AND g.expected_from < to_at
           AND NOT EXISTS (
               SELECT
                 FROM (SELECT r.funding_time, r.interval_hours,
                              lag(r.funding_time) OVER (ORDER BY r.funding_time) AS before
                         FROM funding.rates AS r
                        WHERE r.source = g.source
                          AND r.exchange = g.exchange
                          AND r.symbol = g.symbol
                          AND r.funding_time >= g.expected_from - interval '24 hours'
                          AND r.funding_time <= g.expected_to + interval '24 hours') AS c
                WHERE c.funding_time >= g.expected_from
                  AND c.before < g.expected_to
                  AND c.funding_time - make_interval(hours => c.interval_hours)
                      >= c.before + interval '1 minute')
           AND EXISTS (
               SELECT
                 FROM funding.rates AS r
                WHERE r.source = g.source
                  AND r.exchange = g.exchange
                  AND r.symbol = g.symbol
                  AND r.funding_time BETWEEN g.expected_from - interval '1 minute'
                                         AND g.expected_to + interval '1 minute')
    LOOP
        IF data_collector.fill_gap(gap.gap_id) THEN
            filled_count := filled_count + 1;
        END IF;
    END LOOP;

    FOR gap IN
        SELECT c.source, c.exchange, c.symbol,
               c.funding_time - make_interval(
                   hours => c.interval_hours
                       * floor(extract(epoch FROM c.funding_time - c.before
                                                  - interval '1 minute')
                               / (c.interval_hours * 3600))::int) AS expected_from,
               c.funding_time - make_interval(hours => c.interval_hours) AS expected_to
          FROM (SELECT r.source, r.exchange, r.symbol, r.funding_time, r.interval_hours,
                       lag(r.funding_time) OVER (PARTITION BY r.source, r.exchange, r.symbol
                                                 ORDER BY r.funding_time) AS before
                  FROM funding.rates AS r
                 WHERE r.funding_time >= from_at - interval '24 hours'
                   AND r.funding_time < to_at) AS c
         WHERE c.funding_time >= from_at
           AND c.funding_time - make_interval(hours => c.interval_hours)
               >= c.before + interval '1 minute'
         ORDER BY c.source, c.exchange, c.symbol, c.funding_time
    LOOP
        IF NOT EXISTS (SELECT
                         FROM data_collector.ingestion_gaps AS g
                        WHERE g.source = gap.source
                          AND g.exchange = gap.exchange
                          AND g.symbol = gap.symbol
                          AND g.dataset = 'funding_rates'
                          AND g.filled_at IS NULL
                          AND g.expected_from <= gap.expected_from
                          AND g.expected_to >= gap.expected_to) THEN
            PERFORM data_collector.record_gap(gap.source, gap.exchange, gap.symbol,
                                              gap.expected_from, gap.expected_to);
            found_count := found_count + 1;
        END IF;
    END LOOP;
END
$function$;

COMMENT ON FUNCTION funding.find_gaps(timestamptz, timestamptz) IS
    'Finds settlements from a time on and before another that a source has left out between two '
    'rates, by the hours that the later one is for, and writes them into '
    'data_collector.ingestion_gaps; marks those as filled whose rates have come. Returns how many '
    'it found and filled. Raises 22023 for times in the wrong order.';

REVOKE ALL
    ON ALL FUNCTIONS IN SCHEMA funding
    FROM PUBLIC;

SELECT maintenance.adopt('funding');

GRANT SELECT
    ON funding.symbols, funding.series, funding.rates, funding.rate_revisions, funding.snapshots,
       funding.discrepancies
    TO nexus_funding, nexus_analyst, nexus_auditor;
GRANT INSERT
    ON funding.symbols, funding.series, funding.rates, funding.rate_revisions, funding.snapshots,
       funding.discrepancies
    TO nexus_funding;
GRANT UPDATE
    ON funding.symbols, funding.discrepancies
    TO nexus_funding;
GRANT SELECT
    ON funding.rate_history, funding.current_rates, funding.snapshot_history,
       funding.latest_snapshot, funding.open_discrepancies
    TO nexus_reader;
GRANT EXECUTE
    ON FUNCTION funding.settlement_calendar(timestamptz, timestamptz, text, text)
    TO nexus_reader;
GRANT EXECUTE
    ON FUNCTION funding.ingest_rates(
                    text, text[], text[], timestamptz[], numeric[], int[], timestamptz[],
                    numeric[], timestamptz, bigint)
    TO nexus_funding, nexus_data_collector;
GRANT EXECUTE
    ON FUNCTION funding.find_discrepancies(timestamptz, timestamptz),
                funding.take_snapshot(timestamptz),
                funding.find_gaps(timestamptz, timestamptz)
    TO nexus_funding, nexus_maintainer;
GRANT EXECUTE
    ON FUNCTION funding.resolve_discrepancy(bigint, text)
    TO nexus_funding;
