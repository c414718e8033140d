-- Why:   undoes 000022_capital: accounts, allocations and transfers go.
-- Locks: ACCESS EXCLUSIVE on what is dropped.
-- Takes: milliseconds.

DROP VIEW IF EXISTS capital.orphans;

DROP VIEW IF EXISTS capital.balances;

DROP FUNCTION IF EXISTS capital.advance_transfer(uuid, text, numeric, text, text);

DROP FUNCTION IF EXISTS capital.request_transfer(
    uuid, text, text, text, text, text, numeric, text);

DROP FUNCTION IF EXISTS capital.release(uuid);

DROP FUNCTION IF EXISTS capital.activate(uuid, uuid);

DROP FUNCTION IF EXISTS capital.allocate(uuid, text, text, text, numeric, text, uuid);

DROP FUNCTION IF EXISTS capital.set_balance(text, text, text, numeric, timestamptz);

DROP FUNCTION IF EXISTS capital.check_amount(numeric);

DROP FUNCTION IF EXISTS capital.account_of(text, text, text);

DROP TABLE IF EXISTS capital.transfers;

DROP TABLE IF EXISTS capital.allocations;

DROP FUNCTION IF EXISTS capital.keep_transfer();

DROP FUNCTION IF EXISTS capital.guard_transfer();

DROP FUNCTION IF EXISTS capital.keep_allocated();

DROP FUNCTION IF EXISTS capital.guard_allocation();

DROP TABLE IF EXISTS capital.accounts;
