-- Why:   what is collected, from where and when: sources, the instruments of exchanges as they
--        were at any time, each run of a collector, and the gaps that runs have left.
-- Locks: ACCESS EXCLUSIVE on the new tables only, which nobody reads yet.
-- Takes: 100 ms, for the months of runs that are made ahead.
--
-- btree_gist lets one constraint say that an instrument is one thing at a time. It is a trusted
-- extension: whoever may create in the database can make it.

CREATE EXTENSION IF NOT EXISTS btree_gist
    WITH SCHEMA public;

CREATE TABLE IF NOT EXISTS data_collector.sources (
    created_at  timestamptz NOT NULL
        DEFAULT clock_timestamp(),
    priority    int         NOT NULL,
    enabled     boolean     NOT NULL
        DEFAULT true,
    source      text        NOT NULL,
    kind        text        NOT NULL,
    description text        NOT NULL,
    CONSTRAINT source_is_unique
        PRIMARY KEY (source),
    CONSTRAINT priority_is_unique
        UNIQUE (priority),
    CONSTRAINT source_is_plain
        CHECK (source COLLATE "C" ~ '^[a-z][a-z0-9_]{0,63}$'),
    CONSTRAINT priority_is_positive
        CHECK (priority >= 1),
    CONSTRAINT kind_is_known
        CHECK (kind IN ('exchange', 'aggregator')),
    CONSTRAINT description_has_1_to_256_characters
        CHECK (length(description) BETWEEN 1 AND 256)
);

COMMENT ON TABLE data_collector.sources IS
    'A row is a source of market data. Never removed: facts refer to it.';
COMMENT ON COLUMN data_collector.sources.created_at IS
    'When the row was made, by the clock of the database.';
COMMENT ON COLUMN data_collector.sources.priority IS
    'Whose word counts where sources disagree: 1 before 2 before 3.';
COMMENT ON COLUMN data_collector.sources.enabled IS
    'Whether it is collected from; what it has said stays.';
COMMENT ON COLUMN data_collector.sources.source IS
    'What NEXUS calls the source, 1 to 64 characters of [a-z0-9_].';
COMMENT ON COLUMN data_collector.sources.kind IS
    'exchange (the exchanges'' own interfaces) or aggregator (somebody who repeats them).';
COMMENT ON COLUMN data_collector.sources.description IS
    'What it is, 1 to 256 characters.';

INSERT INTO data_collector.sources (source, kind, priority, description)
VALUES ('exchange_api', 'exchange', 1, 'The interfaces of the exchanges themselves'),
       ('arbitragescanner', 'aggregator', 2, 'ArbitrageScanner, rates of many exchanges')
    ON CONFLICT DO NOTHING;

CREATE TABLE IF NOT EXISTS data_collector.instruments (
    instrument_id          bigint         NOT NULL
        GENERATED ALWAYS AS IDENTITY,
    valid_from             timestamptz    NOT NULL,
    valid_to               timestamptz,
    created_at             timestamptz    NOT NULL
        DEFAULT clock_timestamp(),
    contract_size          numeric(38,18) NOT NULL,
    tick_size              numeric(38,18) NOT NULL,
    funding_interval_hours int            NOT NULL,
    exchange               text           NOT NULL,
    symbol                 text           NOT NULL,
    base                   text           NOT NULL,
    quote                  text           NOT NULL,
    settle                 text           NOT NULL,
    CONSTRAINT instrument_has_one_number
        PRIMARY KEY (instrument_id),
    CONSTRAINT instrument_is_unique_in_time
        UNIQUE (exchange, symbol, valid_from),
    CONSTRAINT instrument_belongs_to_an_exchange
        FOREIGN KEY (exchange) REFERENCES config.exchanges (exchange),
    CONSTRAINT instrument_is_one_thing_at_a_time
        EXCLUDE USING gist (exchange WITH =, symbol WITH =,
                            tstzrange(valid_from, valid_to) WITH &&),
    CONSTRAINT symbol_is_1_to_64_characters_without_space
        CHECK (length(symbol) BETWEEN 1 AND 64
           AND symbol !~ '[[:space:][:cntrl:]]'),
    CONSTRAINT assets_are_plain
        CHECK (base COLLATE "C" ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$'
           AND quote COLLATE "C" ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$'
           AND settle COLLATE "C" ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$'),
    CONSTRAINT contract_size_is_positive
        CHECK (contract_size > 0
           AND contract_size <> 'NaN'),
    CONSTRAINT tick_size_is_positive
        CHECK (tick_size > 0
           AND tick_size <> 'NaN'),
    CONSTRAINT funding_interval_is_1_to_24_hours
        CHECK (funding_interval_hours BETWEEN 1 AND 24),
    CONSTRAINT validity_ends_after_its_start
        CHECK (valid_to > valid_from
           AND isfinite(valid_from)
           AND isfinite(valid_to))
);

COMMENT ON TABLE data_collector.instruments IS
    'A row is a perpetual contract as it was from a time to another; another row when its terms '
    'change, see data_collector.set_instrument.';
COMMENT ON COLUMN data_collector.instruments.instrument_id IS
    'Number of the row.';
COMMENT ON COLUMN data_collector.instruments.valid_from IS
    'From when on these terms hold.';
COMMENT ON COLUMN data_collector.instruments.valid_to IS
    'When they ended, itself no part of it; null while they hold.';
COMMENT ON COLUMN data_collector.instruments.created_at IS
    'When the row was made, by the clock of the database.';
COMMENT ON COLUMN data_collector.instruments.contract_size IS
    'What one contract is, in units of base.';
COMMENT ON COLUMN data_collector.instruments.tick_size IS
    'Least step of the price, in units of quote.';
COMMENT ON COLUMN data_collector.instruments.funding_interval_hours IS
    'Hours from one settlement of funding to the next, 1 to 24.';
COMMENT ON COLUMN data_collector.instruments.exchange IS
    'The exchange, see config.exchanges.';
COMMENT ON COLUMN data_collector.instruments.symbol IS
    'What the exchange calls the instrument, 1 to 64 characters without space.';
COMMENT ON COLUMN data_collector.instruments.base IS
    'The asset that is traded.';
COMMENT ON COLUMN data_collector.instruments.quote IS
    'The asset that prices are in.';
COMMENT ON COLUMN data_collector.instruments.settle IS
    'The asset that profit and funding are paid in.';

CREATE INDEX IF NOT EXISTS instruments_by_base
    ON data_collector.instruments (base, exchange)
    WHERE valid_to IS NULL;
COMMENT ON INDEX data_collector.instruments_by_base IS
    'Where an asset can be traded now; former terms are left out.';

CREATE TABLE IF NOT EXISTS data_collector.ingestion_runs (
    run_id         bigint      NOT NULL
        GENERATED ALWAYS AS IDENTITY,
    started_at     timestamptz NOT NULL
        DEFAULT clock_timestamp(),
    ended_at       timestamptz,
    rows_offered   bigint      NOT NULL
        DEFAULT 0,
    rows_taken     bigint      NOT NULL
        DEFAULT 0,
    rows_duplicate bigint      NOT NULL
        DEFAULT 0,
    rows_revised   bigint      NOT NULL
        DEFAULT 0,
    source         text        NOT NULL,
    exchange       text,
    dataset        text        NOT NULL
        DEFAULT 'funding_rates',
    status         text        NOT NULL
        DEFAULT 'running',
    error          text,
    CONSTRAINT run_has_one_place
        PRIMARY KEY (run_id, started_at),
    CONSTRAINT run_is_unique_in_its_moment
        UNIQUE NULLS NOT DISTINCT (source, exchange, dataset, started_at),
    CONSTRAINT run_belongs_to_a_source
        FOREIGN KEY (source) REFERENCES data_collector.sources (source),
    CONSTRAINT run_belongs_to_an_exchange
        FOREIGN KEY (exchange) REFERENCES config.exchanges (exchange),
    CONSTRAINT dataset_is_known
        CHECK (dataset IN ('funding_rates', 'instruments', 'prices')),
    CONSTRAINT status_is_known
        CHECK (status IN ('running', 'succeeded', 'failed')),
    CONSTRAINT run_has_an_end_unless_it_runs
        CHECK ((status = 'running') = (ended_at IS NULL)),
    CONSTRAINT run_ends_after_its_start
        CHECK (ended_at >= started_at),
    CONSTRAINT run_has_an_error_if_it_failed
        CHECK ((status = 'failed') = (error IS NOT NULL)),
    CONSTRAINT error_has_1_to_1024_characters
        CHECK (length(error) BETWEEN 1 AND 1024),
    CONSTRAINT counts_are_not_negative
        CHECK (rows_taken >= 0
           AND rows_duplicate >= 0
           AND rows_revised >= 0),
    CONSTRAINT counts_are_of_rows_offered
        CHECK (rows_taken + rows_duplicate + rows_revised <= rows_offered)
)
PARTITION BY RANGE (started_at);

COMMENT ON TABLE data_collector.ingestion_runs IS
    'A row is a run of a collector. By month of started_at, UTC.';
COMMENT ON COLUMN data_collector.ingestion_runs.run_id IS
    'Number of the run, ascending; not without gaps.';
COMMENT ON COLUMN data_collector.ingestion_runs.started_at IS
    'When it began, by the clock of the database.';
COMMENT ON COLUMN data_collector.ingestion_runs.ended_at IS
    'When it ended; null while it runs.';
COMMENT ON COLUMN data_collector.ingestion_runs.rows_offered IS
    'Rows that it has brought so far.';
COMMENT ON COLUMN data_collector.ingestion_runs.rows_taken IS
    'Of these, rows that were new.';
COMMENT ON COLUMN data_collector.ingestion_runs.rows_duplicate IS
    'Of these, rows that were known already.';
COMMENT ON COLUMN data_collector.ingestion_runs.rows_revised IS
    'Of these, rows that said something else of what was known already.';
COMMENT ON COLUMN data_collector.ingestion_runs.source IS
    'The source, see data_collector.sources.';
COMMENT ON COLUMN data_collector.ingestion_runs.exchange IS
    'The exchange, see config.exchanges; null for a run over several.';
COMMENT ON COLUMN data_collector.ingestion_runs.dataset IS
    'What is collected: funding_rates, instruments or prices.';
COMMENT ON COLUMN data_collector.ingestion_runs.status IS
    'running, succeeded or failed.';
COMMENT ON COLUMN data_collector.ingestion_runs.error IS
    'What went wrong, 1 to 1024 characters, without secrets; null unless it failed.';

CREATE INDEX IF NOT EXISTS ingestion_runs_by_exchange
    ON data_collector.ingestion_runs (exchange, started_at);
COMMENT ON INDEX data_collector.ingestion_runs_by_exchange IS
    'The latest runs of an exchange; the foreign key.';

CREATE INDEX IF NOT EXISTS ingestion_runs_by_status
    ON data_collector.ingestion_runs (status, started_at)
    WHERE status <> 'succeeded';
COMMENT ON INDEX data_collector.ingestion_runs_by_status IS
    'Runs that have not ended, and those that failed: few among all.';

CREATE TABLE IF NOT EXISTS data_collector.ingestion_gaps (
    gap_id        bigint      NOT NULL
        GENERATED ALWAYS AS IDENTITY,
    expected_from timestamptz NOT NULL,
    expected_to   timestamptz NOT NULL,
    found_at      timestamptz NOT NULL
        DEFAULT clock_timestamp(),
    filled_at     timestamptz,
    source        text        NOT NULL,
    exchange      text        NOT NULL,
    symbol        text        NOT NULL,
    dataset       text        NOT NULL
        DEFAULT 'funding_rates',
    CONSTRAINT gap_has_one_number
        PRIMARY KEY (gap_id),
    CONSTRAINT gap_is_unique
        UNIQUE (source, exchange, symbol, dataset, expected_from, expected_to, found_at),
    CONSTRAINT gap_belongs_to_a_source
        FOREIGN KEY (source) REFERENCES data_collector.sources (source),
    CONSTRAINT gap_belongs_to_an_exchange
        FOREIGN KEY (exchange) REFERENCES config.exchanges (exchange),
    CONSTRAINT symbol_is_1_to_64_characters_without_space
        CHECK (length(symbol) BETWEEN 1 AND 64
           AND symbol !~ '[[:space:][:cntrl:]]'),
    CONSTRAINT dataset_is_known
        CHECK (dataset IN ('funding_rates', 'instruments', 'prices')),
    CONSTRAINT gap_ends_not_before_its_start
        CHECK (expected_to >= expected_from
           AND isfinite(expected_from)
           AND isfinite(expected_to)),
    CONSTRAINT gap_is_filled_after_it_was_found
        CHECK (filled_at >= found_at)
);

COMMENT ON TABLE data_collector.ingestion_gaps IS
    'A row is a time for which facts were expected of a source and have not come.';
COMMENT ON COLUMN data_collector.ingestion_gaps.gap_id IS
    'Number of the gap.';
COMMENT ON COLUMN data_collector.ingestion_gaps.expected_from IS
    'Time of the first fact that is missing.';
COMMENT ON COLUMN data_collector.ingestion_gaps.expected_to IS
    'Time of the last fact that is missing, itself part of the gap.';
COMMENT ON COLUMN data_collector.ingestion_gaps.found_at IS
    'When it was found, by the clock of the database.';
COMMENT ON COLUMN data_collector.ingestion_gaps.filled_at IS
    'When nothing was missing any more, by the clock of the database; null while something is.';
COMMENT ON COLUMN data_collector.ingestion_gaps.source IS
    'The source, see data_collector.sources.';
COMMENT ON COLUMN data_collector.ingestion_gaps.exchange IS
    'The exchange, see config.exchanges.';
COMMENT ON COLUMN data_collector.ingestion_gaps.symbol IS
    'What the exchange calls the instrument.';
COMMENT ON COLUMN data_collector.ingestion_gaps.dataset IS
    'What is missing: funding_rates, instruments or prices.';

CREATE INDEX IF NOT EXISTS ingestion_gaps_by_exchange
    ON data_collector.ingestion_gaps (exchange, symbol, expected_from);
COMMENT ON INDEX data_collector.ingestion_gaps_by_exchange IS
    'What is missing of an instrument in a period; the foreign key.';

CREATE UNIQUE INDEX IF NOT EXISTS ingestion_gaps_that_are_open
    ON data_collector.ingestion_gaps (source, exchange, symbol, dataset, expected_from)
    WHERE filled_at IS NULL;
COMMENT ON INDEX data_collector.ingestion_gaps_that_are_open IS
    'What a collector has to bring still: the few that are not filled. A gap is open once.';

SELECT maintenance.adopt('data_collector');
SELECT maintenance.partition('data_collector.ingestion_runs', interval '1 month', 3);

CREATE OR REPLACE VIEW data_collector.known_sources AS
SELECT s.source, s.kind, s.priority, s.enabled, s.description
  FROM data_collector.sources AS s;

COMMENT ON VIEW data_collector.known_sources IS
    'Sources of market data, for every service.';
COMMENT ON COLUMN data_collector.known_sources.source IS
    'What NEXUS calls the source.';
COMMENT ON COLUMN data_collector.known_sources.kind IS
    'exchange or aggregator.';
COMMENT ON COLUMN data_collector.known_sources.priority IS
    'Whose word counts where sources disagree: 1 before 2 before 3.';
COMMENT ON COLUMN data_collector.known_sources.enabled IS
    'Whether it is collected from.';
COMMENT ON COLUMN data_collector.known_sources.description IS
    'What it is.';

CREATE OR REPLACE VIEW data_collector.listed_instruments AS
SELECT i.exchange, i.symbol, i.base, i.quote, i.settle, i.contract_size, i.tick_size,
       i.funding_interval_hours, i.valid_from
  FROM data_collector.instruments AS i
 WHERE i.valid_to IS NULL;

COMMENT ON VIEW data_collector.listed_instruments IS
    'Instruments with the terms that hold now, for every service.';
COMMENT ON COLUMN data_collector.listed_instruments.exchange IS
    'The exchange.';
COMMENT ON COLUMN data_collector.listed_instruments.symbol IS
    'What the exchange calls the instrument.';
COMMENT ON COLUMN data_collector.listed_instruments.base IS
    'The asset that is traded.';
COMMENT ON COLUMN data_collector.listed_instruments.quote IS
    'The asset that prices are in.';
COMMENT ON COLUMN data_collector.listed_instruments.settle IS
    'The asset that profit and funding are paid in.';
COMMENT ON COLUMN data_collector.listed_instruments.contract_size IS
    'What one contract is, in units of base.';
COMMENT ON COLUMN data_collector.listed_instruments.tick_size IS
    'Least step of the price, in units of quote.';
COMMENT ON COLUMN data_collector.listed_instruments.funding_interval_hours IS
    'Hours from one settlement of funding to the next.';
COMMENT ON COLUMN data_collector.listed_instruments.valid_from IS
    'From when on these terms hold.';

CREATE OR REPLACE VIEW data_collector.instrument_history AS
SELECT i.exchange, i.symbol, i.valid_from, i.valid_to, i.base, i.quote, i.settle,
       i.contract_size, i.tick_size, i.funding_interval_hours
  FROM data_collector.instruments AS i;

COMMENT ON VIEW data_collector.instrument_history IS
    'Instruments with the terms of every time, for every service.';
COMMENT ON COLUMN data_collector.instrument_history.exchange IS
    'The exchange.';
COMMENT ON COLUMN data_collector.instrument_history.symbol IS
    'What the exchange calls the instrument.';
COMMENT ON COLUMN data_collector.instrument_history.valid_from IS
    'From when on these terms held.';
COMMENT ON COLUMN data_collector.instrument_history.valid_to IS
    'When they ended, itself no part of it; null while they hold.';
COMMENT ON COLUMN data_collector.instrument_history.base IS
    'The asset that is traded.';
COMMENT ON COLUMN data_collector.instrument_history.quote IS
    'The asset that prices are in.';
COMMENT ON COLUMN data_collector.instrument_history.settle IS
    'The asset that profit and funding are paid in.';
COMMENT ON COLUMN data_collector.instrument_history.contract_size IS
    'What one contract is, in units of base.';
COMMENT ON COLUMN data_collector.instrument_history.tick_size IS
    'Least step of the price, in units of quote.';
COMMENT ON COLUMN data_collector.instrument_history.funding_interval_hours IS
    'Hours from one settlement of funding to the next.';

CREATE OR REPLACE VIEW data_collector.runs AS
SELECT r.run_id, r.source, r.exchange, r.dataset, r.status, r.started_at, r.ended_at,
       r.rows_offered, r.rows_taken, r.rows_duplicate, r.rows_revised, r.error
  FROM data_collector.ingestion_runs AS r;

COMMENT ON VIEW data_collector.runs IS
    'Runs of collectors, for every service.';
COMMENT ON COLUMN data_collector.runs.run_id IS
    'Number of the run.';
COMMENT ON COLUMN data_collector.runs.source IS
    'The source.';
COMMENT ON COLUMN data_collector.runs.exchange IS
    'The exchange; null for a run over several.';
COMMENT ON COLUMN data_collector.runs.dataset IS
    'What is collected.';
COMMENT ON COLUMN data_collector.runs.status IS
    'running, succeeded or failed.';
COMMENT ON COLUMN data_collector.runs.started_at IS
    'When it began.';
COMMENT ON COLUMN data_collector.runs.ended_at IS
    'When it ended; null while it runs.';
COMMENT ON COLUMN data_collector.runs.rows_offered IS
    'Rows that it has brought so far.';
COMMENT ON COLUMN data_collector.runs.rows_taken IS
    'Of these, rows that were new.';
COMMENT ON COLUMN data_collector.runs.rows_duplicate IS
    'Of these, rows that were known already.';
COMMENT ON COLUMN data_collector.runs.rows_revised IS
    'Of these, rows that said something else of what was known already.';
COMMENT ON COLUMN data_collector.runs.error IS
    'What went wrong; null unless it failed.';

CREATE OR REPLACE VIEW data_collector.open_gaps AS
SELECT g.gap_id, g.source, g.exchange, g.symbol, g.dataset, g.expected_from, g.expected_to,
       g.found_at
  FROM data_collector.ingestion_gaps AS g
 WHERE g.filled_at IS NULL;

COMMENT ON VIEW data_collector.open_gaps IS
    'What is missing still, for every service.';
COMMENT ON COLUMN data_collector.open_gaps.gap_id IS
    'Number of the gap.';
COMMENT ON COLUMN data_collector.open_gaps.source IS
    'The source.';
COMMENT ON COLUMN data_collector.open_gaps.exchange IS
    'The exchange.';
COMMENT ON COLUMN data_collector.open_gaps.symbol IS
    'What the exchange calls the instrument.';
COMMENT ON COLUMN data_collector.open_gaps.dataset IS
    'What is missing.';
COMMENT ON COLUMN data_collector.open_gaps.expected_from IS
    'Time of the first fact that is missing.';
COMMENT ON COLUMN data_collector.open_gaps.expected_to IS
    'Time of the last fact that is missing.';
COMMENT ON COLUMN data_collector.open_gaps.found_at IS
    'When it was found.';

CREATE OR REPLACE FUNCTION data_collector.set_instrument(
        exchange text, symbol text, base text, quote text, settle text, contract_size numeric,
        tick_size numeric, funding_interval_hours int, valid_from timestamptz DEFAULT now())
    RETURNS bigint
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    newest data_collector.instruments;
    id     bigint;
BEGIN
    IF num_nulls(exchange, symbol, valid_from) > 0 THEN
        RAISE EXCEPTION USING
            ERRCODE = 'null_value_not_allowed',
            MESSAGE = 'exchange, symbol or valid_from is null',
            HINT    = 'Name the instrument and the time from which its terms hold.';
    END IF;
    PERFORM pg_advisory_xact_lock(
        hashtextextended(format('data_collector.instruments %s %s', exchange, symbol), 0));
    SELECT i.*
      INTO newest
      FROM data_collector.instruments AS i
     WHERE i.exchange = set_instrument.exchange
       AND i.symbol = set_instrument.symbol
     ORDER BY i.valid_from DESC
     LIMIT 1;
    IF newest.valid_to IS NULL
    AND (newest.base, newest.quote, newest.settle, newest.contract_size, newest.tick_size,
         newest.funding_interval_hours)
        = (set_instrument.base, set_instrument.quote, set_instrument.settle,
           set_instrument.contract_size::numeric(38,18), set_instrument.tick_size::numeric(38,18),
           set_instrument.funding_interval_hours)
    AND valid_from >= newest.valid_from THEN
        RETURN newest.instrument_id;
    END IF;
    IF valid_from <= newest.valid_from
    OR valid_from < newest.valid_to THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('valid_from %s is not after what is known of %s on %s, which holds '
                             'from %s to %s', valid_from, symbol, exchange, newest.valid_from,
                             coalesce(newest.valid_to::text, 'now')),
            HINT    = 'Terms are told in the order of time: give a later valid_from.';
    END IF;
    UPDATE data_collector.instruments AS i
       SET valid_to = set_instrument.valid_from
     WHERE i.instrument_id = newest.instrument_id
       AND i.valid_to IS NULL;
    INSERT INTO data_collector.instruments AS i
           (exchange, symbol, base, quote, settle, contract_size, tick_size,
            funding_interval_hours, valid_from)
    VALUES (set_instrument.exchange, set_instrument.symbol, set_instrument.base,
            set_instrument.quote, set_instrument.settle, set_instrument.contract_size,
            set_instrument.tick_size, set_instrument.funding_interval_hours,
            set_instrument.valid_from)
    RETURNING i.instrument_id
      INTO id;
    RETURN id;
END
$function$;

COMMENT ON FUNCTION data_collector.set_instrument(
    text, text, text, text, text, numeric, numeric, int, timestamptz) IS
    'Says which terms an instrument has from a time on; ends the terms before. Returns the number '
    'of the row, that of the present one if nothing is new. Raises 22023 for a time that is not '
    'after what is known, 23503 for an unknown exchange, 23514 naming what a column does not take.';

CREATE OR REPLACE FUNCTION data_collector.end_instrument(
        exchange text, symbol text, valid_to timestamptz DEFAULT now())
    RETURNS boolean
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    UPDATE data_collector.instruments AS i
       SET valid_to = end_instrument.valid_to
     WHERE i.exchange = end_instrument.exchange
       AND i.symbol = end_instrument.symbol
       AND i.valid_to IS NULL;
    RETURN found;
END
$function$;

COMMENT ON FUNCTION data_collector.end_instrument(text, text, timestamptz) IS
    'Says that an instrument is no longer listed from a time on; false if it was not. Raises 23514 '
    'for a time that is not after the start of its present terms.';

CREATE OR REPLACE FUNCTION data_collector.start_run(
        source text, exchange text DEFAULT NULL, dataset text DEFAULT 'funding_rates')
    RETURNS bigint
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    id bigint;
BEGIN
    PERFORM maintenance.ensure_partitions('data_collector.ingestion_runs', clock_timestamp(),
                                          clock_timestamp());
    INSERT INTO data_collector.ingestion_runs AS r (source, exchange, dataset)
    VALUES (start_run.source, start_run.exchange, start_run.dataset)
    RETURNING r.run_id
      INTO id;
    RETURN id;
END
$function$;

COMMENT ON FUNCTION data_collector.start_run(text, text, text) IS
    'Begins a run of a source, over one exchange or (null) several; returns its number. Raises '
    '23503 for an unknown source or exchange, 23514 for an unknown dataset.';

CREATE OR REPLACE FUNCTION data_collector.count_rows(
        run_id bigint, offered bigint, taken bigint, duplicate bigint, revised bigint)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    UPDATE data_collector.ingestion_runs AS r
       SET rows_offered = r.rows_offered + offered,
           rows_taken = r.rows_taken + taken,
           rows_duplicate = r.rows_duplicate + duplicate,
           rows_revised = r.rows_revised + revised
     WHERE r.run_id = count_rows.run_id
       AND r.status = 'running';
    IF NOT found THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('run_id %s is no run that is running', coalesce(run_id::text, 'null')),
            HINT    = 'Begin one with data_collector.start_run.';
    END IF;
END
$function$;

COMMENT ON FUNCTION data_collector.count_rows(bigint, bigint, bigint, bigint, bigint) IS
    'Adds to the rows of a run that is running. Raises 22023 for another run.';

CREATE OR REPLACE FUNCTION data_collector.end_run(run_id bigint, error text DEFAULT NULL)
    RETURNS boolean
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    status_now text;
BEGIN
    UPDATE data_collector.ingestion_runs AS r
       SET ended_at = greatest(clock_timestamp(), r.started_at),
           status = CASE WHEN end_run.error IS NULL THEN 'succeeded' ELSE 'failed' END,
           error = left(end_run.error, 1024)
     WHERE r.run_id = end_run.run_id
       AND r.status = 'running';
    IF found THEN
        RETURN true;
    END IF;
    SELECT r.status
      INTO status_now
      FROM data_collector.ingestion_runs AS r
     WHERE r.run_id = end_run.run_id;
    IF status_now = (CASE WHEN error IS NULL THEN 'succeeded' ELSE 'failed' END) THEN
        RETURN false;
    END IF;
    RAISE EXCEPTION USING
        ERRCODE = 'invalid_parameter_value',
        MESSAGE = format('run_id %s %s', coalesce(run_id::text, 'null'),
                         CASE WHEN status_now IS NULL THEN 'is no run'
                              ELSE 'has ended already: it has ' || status_now
                         END),
        HINT    = 'Begin another run with data_collector.start_run.';
END
$function$;

COMMENT ON FUNCTION data_collector.end_run(bigint, text) IS
    'Ends a run, as failed where there is an error; false if it had ended so. Raises 22023 for an '
    'unknown run and for one that has ended otherwise.';

CREATE OR REPLACE FUNCTION data_collector.record_gap(
        source text, exchange text, symbol text, expected_from timestamptz,
        expected_to timestamptz, dataset text DEFAULT 'funding_rates')
    RETURNS bigint
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $function$
#variable_conflict use_column
DECLARE
    id bigint;
BEGIN
    SELECT g.gap_id
      INTO id
      FROM data_collector.ingestion_gaps AS g
     WHERE g.source = record_gap.source
       AND g.exchange = record_gap.exchange
       AND g.symbol = record_gap.symbol
       AND g.dataset = record_gap.dataset
       AND g.filled_at IS NULL
       AND g.expected_from <= record_gap.expected_from
       AND g.expected_to >= record_gap.expected_to
     ORDER BY g.gap_id
     LIMIT 1;
    IF found THEN
        RETURN id;
    END IF;
    -- A gap that has grown at its end stays the same gap.
    INSERT INTO data_collector.ingestion_gaps AS g
           (source, exchange, symbol, dataset, expected_from, expected_to)
    VALUES (record_gap.source, record_gap.exchange, record_gap.symbol, record_gap.dataset,
            record_gap.expected_from, record_gap.expected_to)
        ON CONFLICT (source, exchange, symbol, dataset, expected_from) WHERE filled_at IS NULL
        DO UPDATE
       SET expected_to = greatest(g.expected_to, excluded.expected_to)
    RETURNING g.gap_id
      INTO id;
    RETURN id;
END
$function$;

COMMENT ON FUNCTION data_collector.record_gap(
    text, text, text, timestamptz, timestamptz, text) IS
    'Writes down that facts are missing from a time to another, both part of it; returns the '
    'number of the gap, that of an open one that holds it already. Raises 23503 for an unknown '
    'source or exchange.';

CREATE OR REPLACE FUNCTION data_collector.fill_gap(gap_id bigint)
    RETURNS boolean
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    UPDATE data_collector.ingestion_gaps AS g
       SET filled_at = greatest(clock_timestamp(), g.found_at)
     WHERE g.gap_id = fill_gap.gap_id
       AND g.filled_at IS NULL;
    RETURN found;
END
$function$;

COMMENT ON FUNCTION data_collector.fill_gap(bigint) IS
    'Writes down that nothing of a gap is missing any more; false if that was so.';

REVOKE ALL
    ON ALL FUNCTIONS IN SCHEMA data_collector
    FROM PUBLIC;

SELECT maintenance.adopt('data_collector');

GRANT SELECT, INSERT, UPDATE
    ON data_collector.sources, data_collector.instruments, data_collector.ingestion_runs,
       data_collector.ingestion_gaps
    TO nexus_data_collector;
GRANT SELECT
    ON data_collector.sources, data_collector.instruments, data_collector.ingestion_runs,
       data_collector.ingestion_gaps
    TO nexus_analyst, nexus_auditor;
GRANT SELECT
    ON data_collector.known_sources, data_collector.listed_instruments,
       data_collector.instrument_history, data_collector.runs, data_collector.open_gaps
    TO nexus_reader;
GRANT EXECUTE
    ON FUNCTION data_collector.set_instrument(
                    text, text, text, text, text, numeric, numeric, int, timestamptz),
                data_collector.end_instrument(text, text, timestamptz)
    TO nexus_data_collector;
GRANT EXECUTE
    ON FUNCTION data_collector.start_run(text, text, text),
                data_collector.count_rows(bigint, bigint, bigint, bigint, bigint),
                data_collector.end_run(bigint, text),
                data_collector.record_gap(text, text, text, timestamptz, timestamptz, text),
                data_collector.fill_gap(bigint)
    TO nexus_data_collector, nexus_funding;
