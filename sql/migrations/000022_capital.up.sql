-- Why:   whose money is where: accounts at exchanges, what of them is allocated to strategies and
--        positions, and transfers between them. What is allocated never exceeds an account,
--        whoever writes and however many at once: the sum is kept in the account's row, whose lock
--        orders the writers and whose CHECK has the last word.
-- Locks: ACCESS EXCLUSIVE on the new tables only, which nobody reads yet.
-- Takes: milliseconds.

CREATE TABLE IF NOT EXISTS capital.accounts (
    balance    numeric(38,18) NOT NULL
        DEFAULT 0,
    allocated  numeric(38,18) NOT NULL
        DEFAULT 0,
    created_at timestamptz    NOT NULL
        DEFAULT clock_timestamp(),
    balance_at timestamptz    NOT NULL
        DEFAULT clock_timestamp(),
    account_id int            NOT NULL
        GENERATED ALWAYS AS IDENTITY,
    enabled    boolean        NOT NULL
        DEFAULT true,
    exchange   text           NOT NULL,
    name       text           NOT NULL
        DEFAULT 'main',
    asset      text           NOT NULL,
    CONSTRAINT account_has_one_number
        PRIMARY KEY (account_id),
    CONSTRAINT account_is_unique
        UNIQUE (exchange, name, asset),
    CONSTRAINT account_belongs_to_an_exchange
        FOREIGN KEY (exchange) REFERENCES config.exchanges (exchange),
    CONSTRAINT name_has_1_to_64_characters
        CHECK (length(name) BETWEEN 1 AND 64),
    CONSTRAINT asset_is_in_capitals
        CHECK (asset COLLATE "C" ~ '^[A-Z0-9]{1,16}$'),
    -- NaN is above every number: it would be a balance without a limit.
    CONSTRAINT balance_is_not_negative
        CHECK (balance >= 0
           AND balance <> 'NaN'),
    CONSTRAINT allocated_is_not_negative
        CHECK (allocated >= 0
           AND allocated <> 'NaN'),
    CONSTRAINT allocated_is_within_the_balance
        CHECK (allocated <= balance)
);

COMMENT ON TABLE capital.accounts IS
    'A row is one asset in one account at an exchange.';
COMMENT ON COLUMN capital.accounts.balance IS
    'What the account holds, in the asset, >= 0.';
COMMENT ON COLUMN capital.accounts.allocated IS
    'What of it is allocated or reserved for a transfer, in the asset; kept by triggers alone.';
COMMENT ON COLUMN capital.accounts.created_at IS
    'When the row was made, by the clock of the database.';
COMMENT ON COLUMN capital.accounts.balance_at IS
    'When the balance was so: as of when it was set, or when a transfer moved it.';
COMMENT ON COLUMN capital.accounts.account_id IS
    'Number of the account.';
COMMENT ON COLUMN capital.accounts.enabled IS
    'Whether anything may be allocated from it.';
COMMENT ON COLUMN capital.accounts.exchange IS
    'The exchange.';
COMMENT ON COLUMN capital.accounts.name IS
    'What the exchange calls the account, or main.';
COMMENT ON COLUMN capital.accounts.asset IS
    'The asset, in capitals.';

CREATE TABLE IF NOT EXISTS capital.allocations (
    allocation_id uuid           NOT NULL,
    position_id   uuid,
    amount        numeric(38,18) NOT NULL,
    requested_at  timestamptz    NOT NULL
        DEFAULT clock_timestamp(),
    activated_at  timestamptz,
    released_at   timestamptz,
    account_id    int            NOT NULL,
    status        text           NOT NULL
        DEFAULT 'requested',
    strategy      text           NOT NULL,
    requested_by  text           NOT NULL
        DEFAULT audit.actor(),
    CONSTRAINT allocation_is_made_once
        PRIMARY KEY (allocation_id),
    CONSTRAINT allocation_is_of_an_account
        FOREIGN KEY (account_id) REFERENCES capital.accounts (account_id),
    CONSTRAINT amount_is_positive
        CHECK (amount > 0
           AND amount <> 'NaN'),
    CONSTRAINT status_is_known
        CHECK (status IN ('requested', 'active', 'released')),
    CONSTRAINT activation_has_a_position
        CHECK (status <> 'active'
            OR (position_id IS NOT NULL
            AND activated_at IS NOT NULL)),
    CONSTRAINT release_has_a_time
        CHECK ((status = 'released') = (released_at IS NOT NULL)),
    CONSTRAINT allocation_has_its_times_in_order
        CHECK (activated_at >= requested_at
           AND released_at >= requested_at
           AND released_at >= activated_at),
    CONSTRAINT strategy_has_1_to_64_characters
        CHECK (length(strategy) BETWEEN 1 AND 64)
);

COMMENT ON TABLE capital.allocations IS
    'A row is a part of an account that is set aside for a strategy, and then for a position.';
COMMENT ON COLUMN capital.allocations.allocation_id IS
    'Identity, given by who asks: the same request again is the same allocation.';
COMMENT ON COLUMN capital.allocations.position_id IS
    'The position; null before it is known, then it stays. Without a foreign key: a buffered '
    'position is not there yet, see capital.orphans.';
COMMENT ON COLUMN capital.allocations.amount IS
    'How much, in the account''s asset, > 0.';
COMMENT ON COLUMN capital.allocations.requested_at IS
    'When it was asked for and set aside.';
COMMENT ON COLUMN capital.allocations.activated_at IS
    'When its position took it up; null before.';
COMMENT ON COLUMN capital.allocations.released_at IS
    'When it was given back; null before.';
COMMENT ON COLUMN capital.allocations.account_id IS
    'The account.';
COMMENT ON COLUMN capital.allocations.status IS
    'requested, active or released. The first two are set aside.';
COMMENT ON COLUMN capital.allocations.strategy IS
    'The strategy that it is for.';
COMMENT ON COLUMN capital.allocations.requested_by IS
    'Who asked, see audit.actor().';

CREATE INDEX IF NOT EXISTS allocations_by_account
    ON capital.allocations (account_id, status, requested_at);
COMMENT ON INDEX capital.allocations_by_account IS
    'What of an account is set aside for whom, the oldest first; the foreign key.';

CREATE INDEX IF NOT EXISTS allocations_by_position
    ON capital.allocations USING hash (position_id);
COMMENT ON INDEX capital.allocations_by_position IS
    'A position''s capital: equality only.';

CREATE INDEX IF NOT EXISTS allocations_that_stand
    ON capital.allocations (strategy, requested_at)
    WHERE status <> 'released';
COMMENT ON INDEX capital.allocations_that_stand IS
    'What a strategy has set aside now; released ones are most and left out.';

CREATE TABLE IF NOT EXISTS capital.transfers (
    transfer_id  uuid           NOT NULL,
    amount       numeric(38,18) NOT NULL,
    fee          numeric(38,18) NOT NULL
        DEFAULT 0,
    requested_at timestamptz    NOT NULL
        DEFAULT clock_timestamp(),
    sent_at      timestamptz,
    ended_at     timestamptz,
    from_account int            NOT NULL,
    to_account   int            NOT NULL,
    status       text           NOT NULL
        DEFAULT 'requested',
    requested_by text           NOT NULL
        DEFAULT audit.actor(),
    reference    text,
    reason       text,
    CONSTRAINT transfer_is_made_once
        PRIMARY KEY (transfer_id),
    CONSTRAINT transfer_is_from_an_account
        FOREIGN KEY (from_account) REFERENCES capital.accounts (account_id),
    CONSTRAINT transfer_is_to_an_account
        FOREIGN KEY (to_account) REFERENCES capital.accounts (account_id),
    CONSTRAINT accounts_are_two
        CHECK (from_account <> to_account),
    CONSTRAINT transferred_amount_is_positive
        CHECK (amount > 0
           AND amount <> 'NaN'),
    CONSTRAINT fee_is_a_part_of_the_amount
        CHECK (fee >= 0
           AND fee < amount),
    CONSTRAINT transfer_status_is_known
        CHECK (status IN ('requested', 'sent', 'received', 'failed', 'cancelled')),
    CONSTRAINT sending_has_a_time
        CHECK (CASE WHEN status IN ('sent', 'received') THEN sent_at IS NOT NULL
                    WHEN status IN ('requested', 'cancelled') THEN sent_at IS NULL
                    ELSE true
               END),
    CONSTRAINT end_has_a_time
        CHECK ((status IN ('received', 'failed', 'cancelled')) = (ended_at IS NOT NULL)),
    CONSTRAINT transfer_has_its_times_in_order
        CHECK (sent_at >= requested_at
           AND ended_at >= requested_at
           AND ended_at >= sent_at),
    CONSTRAINT reference_has_at_most_256_characters
        CHECK (length(reference) <= 256),
    CONSTRAINT reason_has_at_most_1024_characters
        CHECK (length(reason) <= 1024)
);

COMMENT ON TABLE capital.transfers IS
    'A row is a transfer of an asset between two accounts.';
COMMENT ON COLUMN capital.transfers.transfer_id IS
    'Identity, given by who asks: the same request again is the same transfer.';
COMMENT ON COLUMN capital.transfers.amount IS
    'What leaves the first account, in the asset, > 0.';
COMMENT ON COLUMN capital.transfers.fee IS
    'What of it does not arrive, in the asset, >= 0, less than the amount.';
COMMENT ON COLUMN capital.transfers.requested_at IS
    'When it was asked for; from then on the amount is reserved.';
COMMENT ON COLUMN capital.transfers.sent_at IS
    'When it left the first account; null before.';
COMMENT ON COLUMN capital.transfers.ended_at IS
    'When it was received, failed or was cancelled; null before.';
COMMENT ON COLUMN capital.transfers.from_account IS
    'The account that it leaves.';
COMMENT ON COLUMN capital.transfers.to_account IS
    'The account that it reaches, of the same asset.';
COMMENT ON COLUMN capital.transfers.status IS
    'requested, sent, received, failed (given back in full) or cancelled (before it was sent).';
COMMENT ON COLUMN capital.transfers.requested_by IS
    'Who asked, see audit.actor().';
COMMENT ON COLUMN capital.transfers.reference IS
    'What the exchange calls it; null if unknown.';
COMMENT ON COLUMN capital.transfers.reason IS
    'Why it was made, failed or was cancelled; null if nobody said.';

CREATE INDEX IF NOT EXISTS transfers_from_account
    ON capital.transfers (from_account, requested_at);
COMMENT ON INDEX capital.transfers_from_account IS
    'What left an account; the foreign key.';

CREATE INDEX IF NOT EXISTS transfers_to_account
    ON capital.transfers (to_account, requested_at);
COMMENT ON INDEX capital.transfers_to_account IS
    'What reached an account; the foreign key.';

CREATE INDEX IF NOT EXISTS transfers_under_way
    ON capital.transfers (status, requested_at)
    WHERE status IN ('requested', 'sent');
COMMENT ON INDEX capital.transfers_under_way IS
    'Transfers that have not ended, the oldest first.';

-- Order is held BEFORE a row is changed, so that its error comes ahead of those of the CHECKs; sums
-- are kept AFTER, when the row is sure to be written.
CREATE OR REPLACE FUNCTION capital.guard_allocation()
    RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    IF (old.allocation_id, old.account_id, old.amount, old.strategy, old.requested_at)
       IS DISTINCT FROM
       (new.allocation_id, new.account_id, new.amount, new.strategy, new.requested_at)
    OR old.position_id <> new.position_id
    OR (old.position_id IS NOT NULL AND new.position_id IS NULL) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = format('allocation %s: its account, amount, strategy and position stay',
                             old.allocation_id),
            HINT    = 'Release it and allocate anew.';
    ELSIF old.status <> new.status
      AND (old.status, new.status) NOT IN (('requested', 'active'), ('requested', 'released'),
                                           ('active', 'released')) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = format('allocation %s is %s and cannot become %s', old.allocation_id,
                             old.status, new.status),
            HINT    = 'requested becomes active or released, active becomes released.';
    END IF;
    RETURN new;
END
$function$;

COMMENT ON FUNCTION capital.guard_allocation() IS
    'Trigger: refuses other changes of status than requested to active or released and active to '
    'released, and any change of account, amount, strategy and of a position once it is known. '
    'Raises 55000.';

CREATE OR REPLACE TRIGGER allocations_are_guarded
    BEFORE UPDATE
    ON capital.allocations
    FOR EACH ROW
    EXECUTE FUNCTION capital.guard_allocation();
COMMENT ON TRIGGER allocations_are_guarded ON capital.allocations IS
    'Keeps the order of states, and what an allocation is of.';
ALTER TABLE capital.allocations
    ENABLE ALWAYS TRIGGER allocations_are_guarded;

CREATE OR REPLACE FUNCTION capital.keep_allocated()
    RETURNS trigger
    LANGUAGE plpgsql
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    before_it  numeric := 0;
    after_it   numeric := 0;
    is_enabled boolean;
BEGIN
    IF tg_op <> 'INSERT' AND old.status <> 'released' THEN
        before_it := old.amount;
    END IF;
    IF tg_op <> 'DELETE' AND new.status <> 'released' THEN
        after_it := new.amount;
    END IF;
    IF tg_op = 'INSERT' AND new.status = 'released' THEN
        RAISE EXCEPTION USING
            ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = format('allocation %s cannot begin as released', new.allocation_id),
            HINT    = 'It begins as requested.';
    END IF;
    IF before_it <> after_it THEN
        -- Waits for whoever changes the account, then sees what they left.
        UPDATE capital.accounts AS a
           SET allocated = a.allocated + after_it - before_it
         WHERE a.account_id = coalesce(new.account_id, old.account_id)
        RETURNING a.enabled
          INTO is_enabled;
        IF tg_op = 'INSERT' AND NOT is_enabled THEN
            RAISE EXCEPTION USING
                ERRCODE = 'object_not_in_prerequisite_state',
                MESSAGE = format('allocation %s: the account %s is not enabled',
                                 new.allocation_id, new.account_id),
                HINT    = 'Take another one.';
        END IF;
    END IF;
    RETURN NULL;
END
$function$;

COMMENT ON FUNCTION capital.keep_allocated() IS
    'Trigger: keeps accounts.allocated, whose CHECK then refuses with 23514 what exceeds the '
    'balance. Raises 55000 for one that begins as released or of an account that is not enabled.';

CREATE OR REPLACE TRIGGER allocations_are_kept
    AFTER INSERT OR UPDATE OR DELETE
    ON capital.allocations
    FOR EACH ROW
    EXECUTE FUNCTION capital.keep_allocated();
COMMENT ON TRIGGER allocations_are_kept ON capital.allocations IS
    'Keeps what of the account is allocated.';
ALTER TABLE capital.allocations
    ENABLE ALWAYS TRIGGER allocations_are_kept;

CREATE OR REPLACE FUNCTION capital.guard_transfer()
    RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    IF tg_op = 'DELETE' THEN
        RAISE EXCEPTION USING
            ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = format('transfer %s is not removed', old.transfer_id),
            HINT    = 'Cancel it.';
    ELSIF (old.transfer_id, old.from_account, old.to_account, old.amount, old.requested_at)
          IS DISTINCT FROM
          (new.transfer_id, new.from_account, new.to_account, new.amount, new.requested_at) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = format('transfer %s: its accounts and amount stay', old.transfer_id),
            HINT    = 'Cancel it and request another.';
    ELSIF old.status <> new.status
      AND (old.status, new.status) NOT IN (('requested', 'sent'), ('requested', 'cancelled'),
                                           ('requested', 'failed'), ('sent', 'received'),
                                           ('sent', 'failed')) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = format('transfer %s is %s and cannot become %s', old.transfer_id,
                             old.status, new.status),
            HINT    = 'requested becomes sent, cancelled or failed; sent becomes received or '
                      'failed.';
    ELSIF old.fee <> new.fee
      AND NOT (old.status = 'sent' AND new.status = 'received') THEN
        RAISE EXCEPTION USING
            ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = format('transfer %s: its fee is known when it is received', old.transfer_id),
            HINT    = 'Give the fee with received; what was wrong then is put right by the '
                      'balance of the account.';
    ELSIF (old.sent_at IS NOT NULL AND old.sent_at IS DISTINCT FROM new.sent_at)
       OR (old.ended_at IS NOT NULL AND old.ended_at IS DISTINCT FROM new.ended_at) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = format('transfer %s: its times stay', old.transfer_id),
            HINT    = 'Say in its reason what was otherwise.';
    END IF;
    RETURN new;
END
$function$;

COMMENT ON FUNCTION capital.guard_transfer() IS
    'Trigger: keeps the order of states of a transfer, its accounts, amount and times, and its fee '
    'once it is received; refuses to remove one. Raises 55000.';

CREATE OR REPLACE TRIGGER transfers_are_guarded
    BEFORE UPDATE OR DELETE
    ON capital.transfers
    FOR EACH ROW
    EXECUTE FUNCTION capital.guard_transfer();
COMMENT ON TRIGGER transfers_are_guarded ON capital.transfers IS
    'Keeps the order of states, and what a transfer is of.';
ALTER TABLE capital.transfers
    ENABLE ALWAYS TRIGGER transfers_are_guarded;

CREATE OR REPLACE FUNCTION capital.keep_transfer()
    RETURNS trigger
    LANGUAGE plpgsql
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    account_moved int;
    balance_by    numeric := 0;
    allocated_by  numeric := 0;
BEGIN
    IF tg_op = 'INSERT' THEN
        IF new.status <> 'requested' THEN
            RAISE EXCEPTION USING
                ERRCODE = 'object_not_in_prerequisite_state',
                MESSAGE = format('transfer %s cannot begin as %s', new.transfer_id, new.status),
                HINT    = 'It begins as requested.';
        ELSIF (SELECT f.asset FROM capital.accounts AS f WHERE f.account_id = new.from_account)
           <> (SELECT t.asset FROM capital.accounts AS t WHERE t.account_id = new.to_account) THEN
            RAISE EXCEPTION USING
                ERRCODE = 'invalid_parameter_value',
                MESSAGE = format('transfer %s: its accounts hold different assets',
                                 new.transfer_id),
                HINT    = 'Give two accounts of one asset.';
        END IF;
        account_moved := new.from_account;
        allocated_by := new.amount;
    ELSE
        CASE old.status || ' ' || new.status
            WHEN 'requested sent' THEN
                account_moved := old.from_account;
                allocated_by := - old.amount;
                balance_by := - old.amount;
            WHEN 'requested cancelled', 'requested failed' THEN
                account_moved := old.from_account;
                allocated_by := - old.amount;
            WHEN 'sent received' THEN
                account_moved := old.to_account;
                balance_by := old.amount - new.fee;
            WHEN 'sent failed' THEN
                account_moved := old.from_account;
                balance_by := old.amount;
            ELSE
                RETURN NULL;
        END CASE;
    END IF;
    -- A balance from before the move, which is told late, must not undo it: balance_at rises.
    UPDATE capital.accounts AS a
       SET allocated = a.allocated + allocated_by,
           balance = a.balance + balance_by,
           balance_at = CASE WHEN balance_by = 0 THEN a.balance_at
                             ELSE greatest(a.balance_at, clock_timestamp())
                        END
     WHERE a.account_id = account_moved;
    RETURN NULL;
END
$function$;

COMMENT ON FUNCTION capital.keep_transfer() IS
    'Trigger: reserves the amount when a transfer is requested, moves it when it is sent and '
    'received, gives it back when it failed or was cancelled. What is received is the amount less '
    'the fee. Raises 55000 for one that does not begin as requested, 22023 for two assets.';

CREATE OR REPLACE TRIGGER transfers_are_kept
    AFTER INSERT OR UPDATE
    ON capital.transfers
    FOR EACH ROW
    EXECUTE FUNCTION capital.keep_transfer();
COMMENT ON TRIGGER transfers_are_kept ON capital.transfers IS
    'Keeps the balances of both accounts.';
ALTER TABLE capital.transfers
    ENABLE ALWAYS TRIGGER transfers_are_kept;

CREATE OR REPLACE FUNCTION capital.account_of(exchange text, name text, asset text)
    RETURNS capital.accounts
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $function$
#variable_conflict use_variable
DECLARE
    found_one capital.accounts;
BEGIN
    SELECT a.*
      INTO found_one
      FROM capital.accounts AS a
     WHERE a.exchange = exchange
       AND a.name = name
       AND a.asset = asset
       -- Lets foreign keys look at the row: two transfers in opposite directions do not meet.
       FOR NO KEY UPDATE;
    IF NOT found THEN
        RAISE EXCEPTION USING
            ERRCODE = 'no_data_found',
            MESSAGE = format('there is no account %s %s %s', coalesce(exchange, 'null'),
                             coalesce(name, 'null'), coalesce(asset, 'null')),
            HINT    = 'capital.set_balance makes it.';
    END IF;
    RETURN found_one;
END
$function$;

COMMENT ON FUNCTION capital.account_of(text, text, text) IS
    'An account, locked until the transaction ends. Raises P0002 for an unknown one.';

CREATE OR REPLACE FUNCTION capital.set_balance(
        exchange text, name text, asset text, balance numeric, at timestamptz)
    RETURNS int
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $function$
#variable_conflict use_variable
DECLARE
    id int;
BEGIN
    IF (balance >= 0 AND balance < 100000000000000000000) IS NOT TRUE THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('balance: %s', coalesce(balance::text, 'null')),
            HINT    = 'Give 0 or more, below 10^20.';
    ELSIF (at <= clock_timestamp() + interval '1 minute' AND isfinite(at)) IS NOT TRUE THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('at: no balance is known as of %s', coalesce(at::text, 'null')),
            HINT    = 'Give the time at which the exchange said so; no later one would be taken '
                      'until then.';
    END IF;
    INSERT INTO capital.accounts AS a (exchange, name, asset, balance, balance_at)
    VALUES (exchange, name, asset, trunc(balance, 18), at)
        ON CONFLICT ON CONSTRAINT account_is_unique DO UPDATE
       SET balance = excluded.balance,
           balance_at = excluded.balance_at
     WHERE a.balance_at <= excluded.balance_at
    RETURNING a.account_id
      INTO id;
    RETURN id;
EXCEPTION
    WHEN foreign_key_violation THEN
        RAISE EXCEPTION USING
            ERRCODE = 'foreign_key_violation',
            CONSTRAINT = 'account_belongs_to_an_exchange',
            MESSAGE = format('there is no exchange %s', quote_nullable(exchange)),
            HINT    = 'config.set(''exchanges/NAME'', …) makes it.';
    WHEN check_violation THEN
        IF EXISTS (SELECT
                     FROM capital.accounts AS a
                    WHERE a.exchange = exchange
                      AND a.name = name
                      AND a.asset = asset
                      AND a.allocated > trunc(balance, 18)) THEN
            RAISE EXCEPTION USING
                ERRCODE = 'check_violation',
                CONSTRAINT = 'allocated_is_within_the_balance',
                MESSAGE = format('%s %s has %s %s allocated: its balance cannot be %s', exchange,
                                 name, (SELECT trim_scale(a.allocated)
                                          FROM capital.accounts AS a
                                         WHERE a.exchange = exchange
                                           AND a.name = name
                                           AND a.asset = asset), asset, trim_scale(balance)),
                HINT    = 'Release allocations first.';
        END IF;
        RAISE;
END
$function$;

COMMENT ON FUNCTION capital.set_balance(text, text, text, numeric, timestamptz) IS
    'Sets what an account holds as of a time, cut after 18 places, and makes the account if need '
    'be; returns its number, null if a later balance is known. Raises 23514 for a balance below '
    'what is allocated, 23503 for an unknown exchange, 22023 for a balance below 0 or from 10^20 '
    'on, or a time to come.';

CREATE OR REPLACE FUNCTION capital.check_amount(amount numeric)
    RETURNS void
    LANGUAGE plpgsql
    IMMUTABLE
    SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    IF (amount > 0 AND amount < 100000000000000000000 AND amount = trunc(amount, 18)) IS NOT TRUE
    THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('amount: %s', coalesce(amount::text, 'null')),
            HINT    = 'Give more than 0, below 10^20, of at most 18 decimal places.';
    END IF;
END
$function$;

COMMENT ON FUNCTION capital.check_amount(numeric) IS
    'Raises 22023 for an amount that is not above 0 and below 10^20, or has more than 18 decimal '
    'places: it would be rounded.';

CREATE OR REPLACE FUNCTION capital.allocate(
        allocation_id uuid, exchange text, name text, asset text, amount numeric, strategy text,
        position_id uuid DEFAULT NULL)
    RETURNS uuid
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $function$
#variable_conflict use_variable
DECLARE
    a     capital.accounts := capital.account_of(exchange, name, asset);
    known capital.allocations;
BEGIN
    IF allocation_id IS NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = 'allocation_id: null',
            HINT    = 'Draw an id, and give the same one when you ask again.';
    ELSIF (length(strategy) BETWEEN 1 AND 64) IS NOT TRUE THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('strategy: %s', quote_nullable(strategy)),
            HINT    = 'Give 1 to 64 characters.';
    END IF;
    PERFORM capital.check_amount(amount);
    -- The account is locked: a second request of the same id waits and finds the first.
    SELECT k.* INTO known FROM capital.allocations AS k WHERE k.allocation_id = allocation_id;
    IF NOT found THEN
        IF NOT a.enabled THEN
            RAISE EXCEPTION USING
                ERRCODE = 'object_not_in_prerequisite_state',
                MESSAGE = format('the account %s %s %s is not enabled', exchange, name, asset),
                HINT    = 'Take another one.';
        ELSIF amount > a.balance - a.allocated THEN
            RAISE EXCEPTION USING
                ERRCODE = 'check_violation',
                CONSTRAINT = 'allocated_is_within_the_balance',
                MESSAGE = format('%s %s has %s %s left, and %s are asked for', exchange, name,
                                 trim_scale(a.balance - a.allocated), asset, trim_scale(amount)),
                HINT    = 'Ask for less, or release other allocations.';
        END IF;
        INSERT INTO capital.allocations AS k
               (allocation_id, account_id, amount, strategy, position_id)
        VALUES (allocation_id, a.account_id, amount, strategy, position_id)
            ON CONFLICT ON CONSTRAINT allocation_is_made_once DO NOTHING
        RETURNING k.*
          INTO known;
    END IF;
    -- None: the id was taken for another account at the same time.
    IF (known.account_id, known.amount, known.strategy)
       IS DISTINCT FROM (a.account_id, amount, strategy)
    OR (position_id IS NOT NULL AND known.position_id IS DISTINCT FROM position_id) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'unique_violation',
            CONSTRAINT = 'allocation_is_made_once',
            MESSAGE = format('allocation %s is known with other content', allocation_id),
            HINT    = 'Give another request another id.';
    END IF;
    RETURN allocation_id;
END
$function$;

COMMENT ON FUNCTION capital.allocate(uuid, text, text, text, numeric, text, uuid) IS
    'Sets a part of an account aside; the same request again is the same allocation, also once it '
    'was released. Raises 23514 when not so much is left, P0002 for an unknown account, 55000 for '
    'one that is not enabled, 23505 for an id that is known with other content, 22023 for an '
    'amount as of capital.check_amount, no id or no strategy.';

CREATE OR REPLACE FUNCTION capital.activate(allocation_id uuid, position_id uuid)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $function$
#variable_conflict use_variable
BEGIN
    UPDATE capital.allocations AS k
       SET status = 'active',
           position_id = position_id,
           activated_at = coalesce(k.activated_at, greatest(clock_timestamp(), k.requested_at))
     WHERE k.allocation_id = allocation_id
       AND coalesce(k.position_id, position_id) = position_id;
    IF NOT found THEN
        RAISE EXCEPTION USING
            ERRCODE = 'no_data_found',
            MESSAGE = format('there is no allocation %s for the position %s',
                             coalesce(allocation_id::text, 'null'),
                             coalesce(position_id::text, 'null')),
            HINT    = 'Allocate first; an allocation is for one position.';
    END IF;
END
$function$;

COMMENT ON FUNCTION capital.activate(uuid, uuid) IS
    'Notes that a position has taken up an allocation; once more changes nothing. Raises P0002 '
    'for an unknown one or one of another position, 55000 for one that was released.';

CREATE OR REPLACE FUNCTION capital.release(allocation_id uuid)
    RETURNS boolean
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $function$
#variable_conflict use_variable
BEGIN
    UPDATE capital.allocations AS k
       SET status = 'released',
           released_at = greatest(clock_timestamp(), k.requested_at, k.activated_at)
     WHERE k.allocation_id = allocation_id
       AND k.status <> 'released';
    IF found THEN
        RETURN true;
    END IF;
    IF NOT EXISTS (SELECT FROM capital.allocations AS k WHERE k.allocation_id = allocation_id) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'no_data_found',
            MESSAGE = format('there is no allocation %s', coalesce(allocation_id::text, 'null')),
            HINT    = 'SELECT allocation_id FROM capital.allocations WHERE status <> ''released''.';
    END IF;
    RETURN false;
END
$function$;

COMMENT ON FUNCTION capital.release(uuid) IS
    'Gives an allocation back; false if it was already. Raises P0002 for an unknown one.';

CREATE OR REPLACE FUNCTION capital.request_transfer(
        transfer_id uuid, from_exchange text, from_name text, to_exchange text, to_name text,
        asset text, amount numeric, reason text DEFAULT NULL)
    RETURNS uuid
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $function$
#variable_conflict use_variable
DECLARE
    source capital.accounts;
    target capital.accounts;
    known  capital.transfers;
BEGIN
    source := capital.account_of(from_exchange, from_name, asset);
    SELECT t.*
      INTO target
      FROM capital.accounts AS t
     WHERE t.exchange = to_exchange
       AND t.name = to_name
       AND t.asset = asset;
    IF NOT found THEN
        RAISE EXCEPTION USING
            ERRCODE = 'no_data_found',
            MESSAGE = format('there is no account %s %s %s', coalesce(to_exchange, 'null'),
                             coalesce(to_name, 'null'), coalesce(asset, 'null')),
            HINT    = 'capital.set_balance makes it.';
    END IF;
    IF transfer_id IS NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = 'transfer_id: null',
            HINT    = 'Draw an id, and give the same one when you ask again.';
    ELSIF source.account_id = target.account_id THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('%s %s: a transfer to itself', from_exchange, from_name),
            HINT    = 'Give two accounts.';
    END IF;
    PERFORM capital.check_amount(amount);
    SELECT k.* INTO known FROM capital.transfers AS k WHERE k.transfer_id = transfer_id;
    IF NOT found THEN
        IF amount > source.balance - source.allocated THEN
            RAISE EXCEPTION USING
                ERRCODE = 'check_violation',
                CONSTRAINT = 'allocated_is_within_the_balance',
                MESSAGE = format('%s %s has %s %s left, and %s are asked for', from_exchange,
                                 from_name, trim_scale(source.balance - source.allocated), asset,
                                 trim_scale(amount)),
                HINT    = 'Ask for less, or release allocations.';
        END IF;
        INSERT INTO capital.transfers AS k (transfer_id, from_account, to_account, amount, reason)
        VALUES (transfer_id, source.account_id, target.account_id, amount, reason)
            ON CONFLICT ON CONSTRAINT transfer_is_made_once DO NOTHING
        RETURNING k.*
          INTO known;
    END IF;
    -- None: the id was taken for another account at the same time.
    IF (known.from_account, known.to_account, known.amount)
       IS DISTINCT FROM (source.account_id, target.account_id, amount) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'unique_violation',
            CONSTRAINT = 'transfer_is_made_once',
            MESSAGE = format('transfer %s is known with other content', transfer_id),
            HINT    = 'Give another request another id.';
    END IF;
    RETURN transfer_id;
END
$function$;

COMMENT ON FUNCTION capital.request_transfer(
    uuid, text, text, text, text, text, numeric, text) IS
    'Requests a transfer and reserves its amount; the same request again is the same transfer, '
    'whatever its reason. Also from and to an account that is not enabled: that is how it is '
    'emptied. Raises as capital.allocate does, and 22023 for one account twice.';

CREATE OR REPLACE FUNCTION capital.advance_transfer(
        transfer_id uuid, status text, fee numeric DEFAULT NULL, reference text DEFAULT NULL,
        reason text DEFAULT NULL)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $function$
#variable_conflict use_variable
DECLARE
    was capital.transfers;
BEGIN
    IF status IN ('sent', 'received', 'failed', 'cancelled') IS NOT TRUE THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('status: %s', quote_nullable(status)),
            HINT    = 'Give sent, received, failed or cancelled.';
    END IF;
    SELECT t.* INTO was FROM capital.transfers AS t WHERE t.transfer_id = transfer_id FOR UPDATE;
    IF NOT found THEN
        RAISE EXCEPTION USING
            ERRCODE = 'no_data_found',
            MESSAGE = format('there is no transfer %s', coalesce(transfer_id::text, 'null')),
            HINT    = 'Request it first.';
    ELSIF was.status = status THEN
        IF fee <> was.fee THEN
            RAISE EXCEPTION USING
                ERRCODE = 'object_not_in_prerequisite_state',
                MESSAGE = format('transfer %s is %s already, with a fee of %s', transfer_id,
                                 status, trim_scale(was.fee)),
                HINT    = 'Its fee is that which was given with received.';
        END IF;
        RETURN;
    ELSIF (fee >= 0 AND fee < was.amount AND fee = trunc(fee, 18)) IS FALSE THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            CONSTRAINT = 'fee_is_a_part_of_the_amount',
            MESSAGE = format('fee: %s', fee),
            HINT    = format('Give 0 or more, less than %s, of at most 18 decimal places.',
                             trim_scale(was.amount));
    END IF;
    UPDATE capital.transfers AS t
       SET status = status,
           fee = coalesce(fee, t.fee),
           reference = coalesce(reference, t.reference),
           reason = coalesce(reason, t.reason),
           sent_at = CASE WHEN status = 'sent' THEN greatest(clock_timestamp(), t.requested_at)
                          ELSE t.sent_at
                     END,
           ended_at = CASE WHEN status IN ('received', 'failed', 'cancelled')
                           THEN greatest(clock_timestamp(), t.requested_at, t.sent_at)
                      END
     WHERE t.transfer_id = transfer_id;
END
$function$;

COMMENT ON FUNCTION capital.advance_transfer(uuid, text, numeric, text, text) IS
    'Takes a transfer to its next status, the fee, in its asset, with received; '
    'the same again changes nothing. Raises P0002 for an unknown one, 55000 for a status that '
    'cannot follow or another fee, 23514 for a fee that is no part of the amount, 22023 for an '
    'unknown status.';

CREATE OR REPLACE VIEW capital.balances AS
SELECT a.exchange, a.name, a.asset, a.balance, a.allocated,
       (a.balance - a.allocated)::numeric(38,18) AS free, a.balance_at, a.enabled
  FROM capital.accounts AS a;

COMMENT ON VIEW capital.balances IS
    'What accounts hold and what is left of it, for other services.';
COMMENT ON COLUMN capital.balances.exchange IS
    'The exchange.';
COMMENT ON COLUMN capital.balances.name IS
    'The account.';
COMMENT ON COLUMN capital.balances.asset IS
    'The asset.';
COMMENT ON COLUMN capital.balances.balance IS
    'What it holds, in the asset.';
COMMENT ON COLUMN capital.balances.allocated IS
    'What of it is set aside, in the asset.';
COMMENT ON COLUMN capital.balances.free IS
    'What is left, in the asset.';
COMMENT ON COLUMN capital.balances.balance_at IS
    'When the balance was so.';
COMMENT ON COLUMN capital.balances.enabled IS
    'Whether anything may be allocated from it.';

CREATE OR REPLACE VIEW capital.orphans AS
SELECT k.allocation_id, k.position_id, k.status, k.requested_at
  FROM capital.allocations AS k
 WHERE k.position_id IS NOT NULL
   AND k.status <> 'released'
   AND NOT EXISTS (SELECT
                     FROM positions.streams AS s
                    WHERE s.position_id = k.position_id);

COMMENT ON VIEW capital.orphans IS
    'Allocations that stand for a position which the ledger does not know, or not yet: it may be '
    'buffered in an outbox.';
COMMENT ON COLUMN capital.orphans.allocation_id IS
    'The allocation.';
COMMENT ON COLUMN capital.orphans.position_id IS
    'The position that is not there.';
COMMENT ON COLUMN capital.orphans.status IS
    'requested or active.';
COMMENT ON COLUMN capital.orphans.requested_at IS
    'When it was set aside; one of long ago will find no position.';

REVOKE ALL
    ON ALL FUNCTIONS IN SCHEMA capital
    FROM PUBLIC;

SELECT maintenance.adopt('capital');

GRANT SELECT
    ON capital.balances, capital.orphans
    TO nexus_reader;
GRANT SELECT
    ON capital.accounts, capital.allocations, capital.transfers
    TO nexus_capital, nexus_analyst, nexus_auditor;
GRANT INSERT (exchange, name, asset, balance, balance_at, enabled),
      UPDATE (balance, balance_at, enabled)
    ON capital.accounts
    TO nexus_capital;
GRANT INSERT, UPDATE
    ON capital.allocations, capital.transfers
    TO nexus_capital;
GRANT EXECUTE
    ON FUNCTION capital.allocate(uuid, text, text, text, numeric, text, uuid),
                capital.activate(uuid, uuid), capital.release(uuid)
    TO nexus_capital, nexus_positions;
GRANT EXECUTE
    ON FUNCTION capital.set_balance(text, text, text, numeric, timestamptz),
                capital.request_transfer(uuid, text, text, text, text, text, numeric, text),
                capital.advance_transfer(uuid, text, numeric, text, text)
    TO nexus_capital;
