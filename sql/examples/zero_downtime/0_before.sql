-- The table as it stands before the change: a symbol such as BTC/USDT in one column. For the test;
-- in production it is there.

CREATE SCHEMA IF NOT EXISTS example;

CREATE TABLE IF NOT EXISTS example.rates (
    rate_id    bigint         NOT NULL
        GENERATED ALWAYS AS IDENTITY,
    funding_at timestamptz    NOT NULL,
    rate       numeric(38,18) NOT NULL,
    exchange   text           NOT NULL,
    symbol     text           NOT NULL,
    CONSTRAINT rate_has_one_id
        PRIMARY KEY (rate_id),
    CONSTRAINT rate_has_one_place
        UNIQUE (exchange, symbol, funding_at),
    CONSTRAINT symbol_has_base_and_quote
        CHECK (symbol COLLATE "C" ~ '^[A-Z0-9]+/[A-Z0-9]+$')
);
