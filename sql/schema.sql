SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

CREATE SCHEMA analytics;

COMMENT ON SCHEMA analytics IS 'Performance figures folded from positions.events; all of them can be rebuilt from the log.';

CREATE SCHEMA audit;

COMMENT ON SCHEMA audit IS 'Who did what, and what was said to the outside. Append only. Readable by all.';

CREATE SCHEMA auth;

COMMENT ON SCHEMA auth IS 'Users, roles, service accounts and sessions; secrets only as hashes. Readable by all.';

CREATE SCHEMA capital;

COMMENT ON SCHEMA capital IS 'Capital: accounts, what of them is allocated, and transfers between them.';

CREATE SCHEMA config;

COMMENT ON SCHEMA config IS 'Configuration that services read at run time, and every change of it. Readable by all.';

CREATE SCHEMA data_collector;

COMMENT ON SCHEMA data_collector IS 'What was collected from where: sources, instruments, ingestion runs and their gaps.';

CREATE SCHEMA funding;

COMMENT ON SCHEMA funding IS 'Funding rates of all sources, snapshots of them, and where sources disagree.';

CREATE SCHEMA maintenance;

COMMENT ON SCHEMA maintenance IS 'Jobs, partitions by time, retention.';

CREATE SCHEMA monitoring;

COMMENT ON SCHEMA monitoring IS 'Views for those who are woken at night.';

CREATE SCHEMA opportunities;

COMMENT ON SCHEMA opportunities IS 'Opportunities that were detected, and what became of them.';

CREATE SCHEMA positions;

COMMENT ON SCHEMA positions IS 'The event log of positions, its guards, and the projections folded from it.';

CREATE SCHEMA risk;

COMMENT ON SCHEMA risk IS 'Risk: snapshots, alerts and breaches of limits.';

CREATE FUNCTION audit.actor() RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT coalesce(nullif(left(current_setting('nexus.actor', true), 128), ''), audit.login())
$$;

COMMENT ON FUNCTION audit.actor() IS 'Who acts: the setting nexus.actor where the service says for whom (at most 128 characters), else audit.login().';

CREATE FUNCTION audit.login() RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    -- In a function of its owner, current_user is the owner; SET ROLE is seen in the setting.
    SELECT coalesce(nullif(current_setting('role', true), 'none'), session_user::text)
$$;

COMMENT ON FUNCTION audit.login() IS 'The role that acts: that of SET ROLE, else the one that logged in, also inside a function that runs with its owner''s rights.';

CREATE FUNCTION audit.record(action text, subject text, request jsonb DEFAULT NULL::jsonb, outcome text DEFAULT 'done'::text, detail jsonb DEFAULT NULL::jsonb) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    id bigint;
BEGIN
    INSERT INTO audit.actions AS a (actor, db_role, action, subject, outcome, request, detail)
    VALUES (audit.actor(), audit.login(), record.action, record.subject, record.outcome,
            record.request, record.detail)
    RETURNING a.action_id
      INTO id;
    RETURN id;
EXCEPTION
    -- The clock has passed the last year that was made ahead.
    WHEN check_violation THEN
        IF maintenance.ensure_partitions('audit.actions', clock_timestamp(), clock_timestamp()) = 0
        THEN
            RAISE;
        END IF;
        RETURN audit.record(action, subject, request, outcome, detail);
END
$$;

COMMENT ON FUNCTION audit.record(action text, subject text, request jsonb, outcome text, detail jsonb) IS 'Writes an action of audit.actor() into the audit; returns its number. It stays only if the transaction commits. Raises 23514 naming what a column does not take.';

CREATE FUNCTION audit.record_call(service text, exchange text, method text, endpoint text, status integer, duration_ms integer, error text DEFAULT NULL::text, request_id text DEFAULT NULL::text, attempt integer DEFAULT 1) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    id bigint;
BEGIN
    INSERT INTO audit.api_calls AS c
           (service, exchange, method, endpoint, status, duration_ms, error, request_id, attempt)
    VALUES (record_call.service, record_call.exchange, record_call.method, record_call.endpoint,
            record_call.status, record_call.duration_ms, record_call.error,
            record_call.request_id, record_call.attempt)
    RETURNING c.call_id
      INTO id;
    RETURN id;
EXCEPTION
    WHEN check_violation THEN
        IF maintenance.ensure_partitions('audit.api_calls', clock_timestamp(), clock_timestamp())
           = 0 THEN
            RAISE;
        END IF;
        RETURN audit.record_call(service, exchange, method, endpoint, status, duration_ms, error,
                                 request_id, attempt);
END
$$;

COMMENT ON FUNCTION audit.record_call(service text, exchange text, method text, endpoint text, status integer, duration_ms integer, error text, request_id text, attempt integer) IS 'Writes a call to the outside into the audit; returns its number. Raises 23514 naming what a column does not take, such as an endpoint with a query.';

CREATE FUNCTION audit.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    RAISE EXCEPTION USING
        ERRCODE = 'NX001',
        MESSAGE = format('%s of %s.%s is refused: it is append only', lower(tg_op),
                         tg_table_schema, tg_table_name),
        HINT    = 'Write another row that says what is so now.';
END
$$;

COMMENT ON FUNCTION audit.refuse_change() IS 'Trigger: refuses every change of what is append only, with SQLSTATE NX001.';

CREATE FUNCTION auth.record_change() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    secrets CONSTANT text[] := ARRAY['password_hash', 'token_hash'];
    before_it jsonb := CASE WHEN tg_op <> 'INSERT' THEN to_jsonb(old) END;
    after_it  jsonb := CASE WHEN tg_op <> 'DELETE' THEN to_jsonb(new) END;
    one       jsonb := coalesce(after_it, before_it);
BEGIN
    PERFORM audit.record(
        format('auth.%s.%s', tg_table_name, lower(tg_op)),
        coalesce(one ->> 'name', one ->> 'account', one ->> 'user_id', one ->> 'role'),
        jsonb_strip_nulls(jsonb_build_object(
            'previous', before_it - secrets,
            'current', after_it - secrets,
            'secret_changed',
            CASE WHEN (before_it ->> 'password_hash', before_it ->> 'token_hash')
                      IS DISTINCT FROM
                      (after_it ->> 'password_hash', after_it ->> 'token_hash')
                 THEN true
            END)));
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION auth.record_change() IS 'Trigger: writes a change of users, rights or accounts into audit.actions, without secrets.';

SET default_tablespace = '';

SET default_table_access_method = heap;

CREATE TABLE capital.accounts (
    balance numeric(38,18) DEFAULT 0 NOT NULL,
    allocated numeric(38,18) DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    balance_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    account_id integer NOT NULL,
    enabled boolean DEFAULT true NOT NULL,
    exchange text NOT NULL,
    name text DEFAULT 'main'::text NOT NULL,
    asset text NOT NULL,
    CONSTRAINT allocated_is_not_negative CHECK (((allocated >= (0)::numeric) AND (allocated <> 'NaN'::numeric))),
    CONSTRAINT allocated_is_within_the_balance CHECK ((allocated <= balance)),
    CONSTRAINT asset_is_in_capitals CHECK (((asset COLLATE "C") ~ '^[A-Z0-9]{1,16}$'::text)),
    CONSTRAINT balance_is_not_negative CHECK (((balance >= (0)::numeric) AND (balance <> 'NaN'::numeric))),
    CONSTRAINT name_has_1_to_64_characters CHECK (((length(name) >= 1) AND (length(name) <= 64)))
);

COMMENT ON TABLE capital.accounts IS 'A row is one asset in one account at an exchange.';

COMMENT ON COLUMN capital.accounts.balance IS 'What the account holds, in the asset, >= 0.';

COMMENT ON COLUMN capital.accounts.allocated IS 'What of it is allocated or reserved for a transfer, in the asset; kept by triggers alone.';

COMMENT ON COLUMN capital.accounts.created_at IS 'When the row was made, by the clock of the database.';

COMMENT ON COLUMN capital.accounts.balance_at IS 'When the balance was so: as of when it was set, or when a transfer moved it.';

COMMENT ON COLUMN capital.accounts.account_id IS 'Number of the account.';

COMMENT ON COLUMN capital.accounts.enabled IS 'Whether anything may be allocated from it.';

COMMENT ON COLUMN capital.accounts.exchange IS 'The exchange.';

COMMENT ON COLUMN capital.accounts.name IS 'What the exchange calls the account, or main.';

COMMENT ON COLUMN capital.accounts.asset IS 'The asset, in capitals.';

CREATE FUNCTION capital.account_of(exchange text, name text, asset text) RETURNS capital.accounts
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
$$;

COMMENT ON FUNCTION capital.account_of(exchange text, name text, asset text) IS 'An account, locked until the transaction ends. Raises P0002 for an unknown one.';

CREATE FUNCTION capital.activate(allocation_id uuid, position_id uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
$$;

COMMENT ON FUNCTION capital.activate(allocation_id uuid, position_id uuid) IS 'Notes that a position has taken up an allocation; once more changes nothing. Raises P0002 for an unknown one or one of another position, 55000 for one that was released.';

CREATE FUNCTION capital.advance_transfer(transfer_id uuid, status text, fee numeric DEFAULT NULL::numeric, reference text DEFAULT NULL::text, reason text DEFAULT NULL::text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
$$;

COMMENT ON FUNCTION capital.advance_transfer(transfer_id uuid, status text, fee numeric, reference text, reason text) IS 'Takes a transfer to its next status, the fee, in its asset, with received; the same again changes nothing. Raises P0002 for an unknown one, 55000 for a status that cannot follow or another fee, 23514 for a fee that is no part of the amount, 22023 for an unknown status.';

CREATE FUNCTION capital.allocate(allocation_id uuid, exchange text, name text, asset text, amount numeric, strategy text, position_id uuid DEFAULT NULL::uuid) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
$$;

COMMENT ON FUNCTION capital.allocate(allocation_id uuid, exchange text, name text, asset text, amount numeric, strategy text, position_id uuid) IS 'Sets a part of an account aside; the same request again is the same allocation, also once it was released. Raises 23514 when not so much is left, P0002 for an unknown account, 55000 for one that is not enabled, 23505 for an id that is known with other content, 22023 for an amount as of capital.check_amount, no id or no strategy.';

CREATE FUNCTION capital.check_amount(amount numeric) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    IF (amount > 0 AND amount < 100000000000000000000 AND amount = trunc(amount, 18)) IS NOT TRUE
    THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('amount: %s', coalesce(amount::text, 'null')),
            HINT    = 'Give more than 0, below 10^20, of at most 18 decimal places.';
    END IF;
END
$$;

COMMENT ON FUNCTION capital.check_amount(amount numeric) IS 'Raises 22023 for an amount that is not above 0 and below 10^20, or has more than 18 decimal places: it would be rounded.';

CREATE FUNCTION capital.guard_allocation() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
$$;

COMMENT ON FUNCTION capital.guard_allocation() IS 'Trigger: refuses other changes of status than requested to active or released and active to released, and any change of account, amount, strategy and of a position once it is known. Raises 55000.';

CREATE FUNCTION capital.guard_transfer() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
$$;

COMMENT ON FUNCTION capital.guard_transfer() IS 'Trigger: keeps the order of states of a transfer, its accounts, amount and times, and its fee once it is received; refuses to remove one. Raises 55000.';

CREATE FUNCTION capital.keep_allocated() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
$$;

COMMENT ON FUNCTION capital.keep_allocated() IS 'Trigger: keeps accounts.allocated, whose CHECK then refuses with 23514 what exceeds the balance. Raises 55000 for one that begins as released or of an account that is not enabled.';

CREATE FUNCTION capital.keep_transfer() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
$$;

COMMENT ON FUNCTION capital.keep_transfer() IS 'Trigger: reserves the amount when a transfer is requested, moves it when it is sent and received, gives it back when it failed or was cancelled. What is received is the amount less the fee. Raises 55000 for one that does not begin as requested, 22023 for two assets.';

CREATE FUNCTION capital.release(allocation_id uuid) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
$$;

COMMENT ON FUNCTION capital.release(allocation_id uuid) IS 'Gives an allocation back; false if it was already. Raises P0002 for an unknown one.';

CREATE FUNCTION capital.request_transfer(transfer_id uuid, from_exchange text, from_name text, to_exchange text, to_name text, asset text, amount numeric, reason text DEFAULT NULL::text) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
$$;

COMMENT ON FUNCTION capital.request_transfer(transfer_id uuid, from_exchange text, from_name text, to_exchange text, to_name text, asset text, amount numeric, reason text) IS 'Requests a transfer and reserves its amount; the same request again is the same transfer, whatever its reason. Also from and to an account that is not enabled: that is how it is emptied. Raises as capital.allocate does, and 22023 for one account twice.';

CREATE FUNCTION capital.set_balance(exchange text, name text, asset text, balance numeric, at timestamp with time zone) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
$$;

COMMENT ON FUNCTION capital.set_balance(exchange text, name text, asset text, balance numeric, at timestamp with time zone) IS 'Sets what an account holds as of a time, cut after 18 places, and makes the account if need be; returns its number, null if a later balance is known. Raises 23514 for a balance below what is allocated, 23503 for an unknown exchange, 22023 for a balance below 0 or from 10^20 on, or a time to come.';

CREATE FUNCTION config.at(moment timestamp with time zone) RETURNS TABLE(path text, value jsonb, change_id bigint)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    IF moment IS NULL OR moment > clock_timestamp() THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('the configuration of %s is not known',
                             coalesce(moment::text, 'null')),
            HINT    = 'Give a moment that has passed.';
    END IF;
    RETURN QUERY
    SELECT c.path, c.current, c.change_id
      FROM (SELECT DISTINCT ON (l.path) l.path, l.current, l.change_id
              FROM config.change_log AS l
             WHERE l.changed_at <= moment
             ORDER BY l.path, l.change_id DESC) AS c
     WHERE c.current IS NOT NULL;
END
$$;

COMMENT ON FUNCTION config.at(moment timestamp with time zone) IS 'What was set at a moment (defaults left out), from the log of changes: path, value and the change that made it. Raises 22023 for a moment that has not passed.';

CREATE FUNCTION config.begin_change(actor text) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7088416218532263);
    PERFORM set_config('nexus.actor', actor, true);
    RETURN (SELECT coalesce(max(l.change_id), 0) FROM config.change_log AS l);
END
$$;

COMMENT ON FUNCTION config.begin_change(actor text) IS 'Waits until this transaction is the only writer and says who it is for; returns the last change before it, so that those after it are its own.';

CREATE FUNCTION config.check_entry() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    entry jsonb := to_jsonb(new);
BEGIN
    IF EXISTS (SELECT
                 FROM config.sections() AS s
                WHERE s.section = tg_table_name
                  AND s.value_column IS NOT NULL) THEN
        PERFORM config.check_value(tg_table_name, config.path_of(tg_table_name, entry),
                                   entry ->> 'key', entry -> 'value');
    END IF;
    IF tg_op = 'UPDATE'
    AND config.path_of(tg_table_name, entry) <> config.path_of(tg_table_name, to_jsonb(old)) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('%s cannot be renamed to %s',
                             config.path_of(tg_table_name, to_jsonb(old)),
                             config.path_of(tg_table_name, entry)),
            HINT    = 'Remove the one and set the other.';
    END IF;
    new.changed_at := clock_timestamp();
    RETURN new;
END
$$;

COMMENT ON FUNCTION config.check_entry() IS 'Trigger: checks a value against its definition, refuses a new key for a row, notes the time.';

CREATE FUNCTION config.check_value(section text, path text, key text, value jsonb) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET "IntervalStyle" TO 'postgres_verbose'
    AS $$
DECLARE
    d      config.definitions;
    near   text;
    number numeric;
    span   interval;
    low    text;
    high   text;
    needed text;
BEGIN
    SELECT f.*
      INTO d
      FROM config.definitions AS f
     WHERE f.section = check_value.section
       AND f.key = check_value.key;
    IF NOT found THEN
        -- The nearest are those that share most of the beginning.
        SELECT string_agg(n.key, ', ')
          INTO near
          FROM (SELECT f.key
                  FROM config.definitions AS f
                 WHERE f.section = check_value.section
                 ORDER BY (SELECT max(l)
                             FROM generate_series(0, length(f.key)) AS l
                            WHERE left(f.key, l) = left(check_value.key, l)) DESC,
                          f.key
                 LIMIT 5) AS n;
        RAISE EXCEPTION USING
            ERRCODE = 'undefined_object',
            MESSAGE = format('%s: %s has no key %s', path, section, quote_literal(key)),
            HINT    = format('Known ones are near it: %s. All: SELECT key FROM config.definitions.',
                             near);
    END IF;

    CASE d.kind
        WHEN 'boolean' THEN
            IF jsonb_typeof(value) <> 'boolean' THEN
                PERFORM config.refuse_value(path, value, 'is no boolean', 'Give true or false.');
            END IF;
        WHEN 'integer', 'number' THEN
            needed := format('Give %s%s%s%s%s.',
                             CASE d.kind WHEN 'integer' THEN 'a whole number' ELSE 'a number' END,
                             ' from ' || trim_scale(d.minimum),
                             ' to ' || trim_scale(d.maximum),
                             ' (' || d.unit || ')',
                             ', for example ' || d.default_value::text);
            IF jsonb_typeof(value) <> 'number' THEN
                PERFORM config.refuse_value(path, value, 'is no number', needed);
            END IF;
            number := value::numeric;
            IF d.kind = 'integer' AND number <> trunc(number) THEN
                PERFORM config.refuse_value(path, value, 'is no whole number', needed);
            ELSIF number < d.minimum THEN
                PERFORM config.refuse_value(
                    path, value, format('is below %s', trim_scale(d.minimum)), needed);
            ELSIF number > d.maximum THEN
                PERFORM config.refuse_value(
                    path, value, format('is above %s', trim_scale(d.maximum)), needed);
            END IF;
        WHEN 'text' THEN
            IF jsonb_typeof(value) <> 'string'
            OR length(value #>> '{}') NOT BETWEEN 1 AND 1024 THEN
                PERFORM config.refuse_value(
                    path, value, 'is no text', 'Give a text of 1 to 1024 characters.');
            END IF;
        WHEN 'interval' THEN
            low  := ltrim(coalesce(d.shortest, interval '1 microsecond')::text, '@ ');
            high := ltrim(coalesce(d.longest, interval '100 years')::text, '@ ');
            needed := format('Give a time span from %s to %s, such as "30 days".%s', low, high,
                             CASE WHEN d.takes_null THEN ' Null is taken too: ' || d.description
                                  ELSE ''
                             END);
            IF jsonb_typeof(value) = 'null' AND d.takes_null THEN
                RETURN;
            END IF;
            IF jsonb_typeof(value) <> 'string' THEN
                PERFORM config.refuse_value(path, value, 'is no time span', needed);
            END IF;
            BEGIN
                span := (value #>> '{}')::interval;
            EXCEPTION
                WHEN invalid_datetime_format OR interval_field_overflow
                  OR datetime_field_overflow THEN
                    PERFORM config.refuse_value(path, value, 'is no time span', needed);
            END;
            IF span < coalesce(d.shortest, interval '1 microsecond') THEN
                PERFORM config.refuse_value(path, value, format('is below %s', low), needed);
            ELSIF span > coalesce(d.longest, interval '100 years') THEN
                PERFORM config.refuse_value(path, value, format('is above %s', high), needed);
            END IF;
        WHEN 'word' THEN
            IF jsonb_typeof(value) <> 'string'
            OR (value #>> '{}') <> ALL (d.allowed) THEN
                PERFORM config.refuse_value(
                    path, value, 'is not allowed',
                    format('Give one of %s.', array_to_string(d.allowed, ', ')));
            END IF;
        WHEN 'words' THEN
            IF jsonb_typeof(value) <> 'array'
            OR EXISTS (SELECT
                         FROM jsonb_array_elements(
                                  CASE jsonb_typeof(value) WHEN 'array' THEN value END) AS e (one)
                        WHERE jsonb_typeof(e.one) <> 'string'
                           OR (e.one #>> '{}') <> ALL (d.allowed)) THEN
                PERFORM config.refuse_value(
                    path, value, 'is not allowed',
                    format('Give an array of words of %s.', array_to_string(d.allowed, ', ')));
            END IF;
        WHEN 'object' THEN
            IF jsonb_typeof(value) <> 'object' THEN
                PERFORM config.refuse_value(path, value, 'is no object', 'Give a JSON object.');
            END IF;
    END CASE;
END
$$;

COMMENT ON FUNCTION config.check_value(section text, path text, key text, value jsonb) IS 'Refuses a value that its definition does not take: 42704 for an unknown key, 22023 for a wrong kind or range, both with a hint that says what would be taken.';

CREATE FUNCTION config.connection_fault(connection jsonb) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
    SELECT CASE WHEN m.kind IS NULL THEN format('it has no member "%s"', left(e.key, 64))
                ELSE format('its member "%s" is no %s', e.key, m.kind)
           END
      FROM jsonb_each(CASE jsonb_typeof(connection) WHEN 'object' THEN connection END) AS e
      LEFT JOIN (VALUES ('connect_timeout_ms', 'time in milliseconds'),
                        ('read_timeout_ms', 'time in milliseconds'),
                        ('recv_window_ms', 'time in milliseconds'),
                        ('ping_interval_ms', 'time in milliseconds'),
                        ('pong_timeout_ms', 'time in milliseconds'),
                        ('reconnect_delay_ms', 'time in milliseconds'),
                        ('reconnect_delay_max_ms', 'time in milliseconds'),
                        ('api_version', 'number'),
                        ('connections_max', 'number'),
                        ('subscriptions_max', 'number'),
                        ('burst_requests_max', 'number'),
                        ('retries_max', 'number'),
                        ('testnet', 'boolean'),
                        ('compression', 'boolean'),
                        ('keep_alive', 'boolean'),
                        ('rest_public_url', 'URL without secrets'),
                        ('rest_private_url', 'URL without secrets'),
                        ('rest_testnet_url', 'URL without secrets'),
                        ('ws_public_url', 'URL without secrets'),
                        ('ws_private_url', 'URL without secrets'),
                        ('ws_testnet_url', 'URL without secrets'))
           AS m (member, kind)
        ON m.member = e.key
     WHERE NOT coalesce(
           CASE m.kind
               WHEN 'time in milliseconds' THEN
                   CASE jsonb_typeof(e.value) WHEN 'number' THEN
                        e.value::numeric BETWEEN 1 AND 86400000 END
               WHEN 'number' THEN
                   CASE jsonb_typeof(e.value) WHEN 'number' THEN
                        e.value::numeric BETWEEN 0 AND 1000000 END
               WHEN 'boolean' THEN jsonb_typeof(e.value) = 'boolean'
               WHEN 'URL without secrets' THEN
                   CASE jsonb_typeof(e.value) WHEN 'string' THEN
                        e.value #>> '{}' ~ '^(https|wss)://[^@?#[:space:]]+$'
                    AND length(e.value #>> '{}') <= 512 END
           END, false)
     ORDER BY e.key
     LIMIT 1
$_$;

COMMENT ON FUNCTION config.connection_fault(connection jsonb) IS 'What is wrong with the connection of an exchange: the first member that is not known or not of its kind, without its value, which may be a secret; null if nothing is.';

CREATE FUNCTION config.decrypt(exchange text, version integer, key_id text, cipher bytea, key text) RETURNS text
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    plain jsonb;
BEGIN
    IF key_id <> config.key_id(key) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_password',
            MESSAGE = format('the credential of %s, version %s, is under the key %s, and this is '
                             'the key %s', exchange, version, key_id, config.key_id(key)),
            HINT    = 'Give the key of that id, or rotate the keys.';
    END IF;
    BEGIN
        plain := public.pgp_sym_decrypt(cipher, key)::jsonb;
    EXCEPTION
        -- What is wrong with it is not said: it might be shown.
        WHEN OTHERS THEN
            plain := NULL;
    END;
    IF plain IS NULL
    OR plain ->> 'exchange' IS DISTINCT FROM exchange
    OR (plain ->> 'version')::int IS DISTINCT FROM version THEN
        RAISE EXCEPTION USING
            ERRCODE = 'data_corrupted',
            MESSAGE = format('the credential of %s, version %s, is damaged or not its own',
                             exchange, version),
            HINT    = 'Store it again.';
    END IF;
    RETURN plain ->> 'secret';
END
$$;

COMMENT ON FUNCTION config.decrypt(exchange text, version integer, key_id text, cipher bytea, key text) IS 'Decrypts a credential. Raises 28P01 for another key, naming both ids, XX001 for one that is damaged or was moved from another row.';

CREATE FUNCTION config.define(section text, key text, kind text, default_value jsonb, description text, unit text DEFAULT NULL::text, minimum numeric DEFAULT NULL::numeric, maximum numeric DEFAULT NULL::numeric, allowed text[] DEFAULT NULL::text[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    INSERT INTO config.definitions AS d
           (section, key, kind, default_value, description, unit, minimum, maximum, allowed)
    VALUES (define.section, define.key, define.kind, nullif(define.default_value, 'null'),
            define.description, define.unit, define.minimum, define.maximum, define.allowed)
        ON CONFLICT ON CONSTRAINT key_is_defined_once DO UPDATE
       SET kind = excluded.kind,
           default_value = excluded.default_value,
           description = excluded.description,
           unit = excluded.unit,
           minimum = excluded.minimum,
           maximum = excluded.maximum,
           allowed = excluded.allowed;
    IF nullif(default_value, 'null') IS NOT NULL THEN
        PERFORM config.check_value(section, format('%s/%s', section, key), key, default_value);
    END IF;
END
$$;

COMMENT ON FUNCTION config.define(section text, key text, kind text, default_value jsonb, description text, unit text, minimum numeric, maximum numeric, allowed text[]) IS 'Defines a key, or defines it anew; its default has to be of its kind and range. For migrations.';

CREATE FUNCTION config.define_interval(section text, key text, default_value jsonb, description text, shortest interval, longest interval, takes_null boolean DEFAULT false) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM config.define(section, key, 'interval', NULL, description);
    UPDATE config.definitions AS d
       SET shortest = define_interval.shortest,
           longest = define_interval.longest,
           takes_null = define_interval.takes_null
     WHERE d.section = define_interval.section
       AND d.key = define_interval.key;
    -- Again, since a default is checked against what it may be.
    PERFORM config.define(section, key, 'interval', default_value, description);
END
$$;

COMMENT ON FUNCTION config.define_interval(section text, key text, default_value jsonb, description text, shortest interval, longest interval, takes_null boolean) IS 'Defines a key that is a time span, or defines it anew: its default has to be between the shortest and the longest. Null is a value only if takes_null; then the description has to say what it means. For migrations.';

CREATE FUNCTION config.encrypt(exchange text, version integer, secret text, key text) RETURNS bytea
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    RETURN public.pgp_sym_encrypt(
        jsonb_build_object('exchange', exchange, 'version', version, 'secret', secret)::text,
        key, 'cipher-algo=aes256, compress-algo=0');
END
$$;

COMMENT ON FUNCTION config.encrypt(exchange text, version integer, secret text, key text) IS 'Encrypts a secret together with what it belongs to.';

CREATE FUNCTION config.entry_value(section text, entry jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT CASE
               WHEN s.value_column IS NOT NULL THEN entry -> s.value_column
               WHEN entry IS NOT NULL THEN (
                   -- A money column's eighteen decimals say nothing here.
                   SELECT jsonb_object_agg(
                              e.key,
                              CASE jsonb_typeof(e.value)
                                  WHEN 'number' THEN to_jsonb(trim_scale(e.value::numeric))
                                  ELSE e.value
                              END)
                     FROM jsonb_each(entry - s.key_columns
                                     - ARRAY['created_at', 'changed_at', 'limit_id']) AS e)
           END
      FROM config.sections() AS s
     WHERE s.section = entry_value.section
$$;

COMMENT ON FUNCTION config.entry_value(section text, entry jsonb) IS 'What a row of a section is worth as an entry: its value, or an object of its columns without key and times; null for a null row.';

CREATE FUNCTION config.get(path text) RETURNS jsonb
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET "TimeZone" TO 'UTC'
    AS $$
DECLARE
    p     record := config.split_path(path);
    entry text;
    value jsonb;
BEGIN
    entry := CASE WHEN p.column_name IS NULL OR p.column_name = 'value' THEN path
                  ELSE left(path, - length(p.column_name) - 1)
             END;
    IF p.section = 'strategy_parameters' THEN
        RETURN coalesce(config.parameter(p.keys ->> 'strategy', p.keys ->> 'key'), 'null');
    ELSIF p.section = 'system_settings' THEN
        RETURN coalesce(config.setting(p.keys ->> 'key'), 'null');
    ELSIF p.section = 'ui_preferences' THEN
        SELECT coalesce(s.value, a.value, d.default_value)
          INTO value
          FROM config.definitions AS d
          LEFT JOIN config.ui_preferences AS s
            ON s.user_name = p.keys ->> 'user_name'
           AND s.key = d.key
          LEFT JOIN config.ui_preferences AS a
            ON a.user_name = '*'
           AND a.key = d.key
         WHERE d.section = 'ui_preferences'
           AND d.key = p.keys ->> 'key';
        IF NOT found THEN
            PERFORM config.check_value(p.section, path, p.keys ->> 'key', 'null');
        END IF;
        RETURN coalesce(value, 'null');
    END IF;
    SELECT e.value
      INTO value
      FROM config.entries AS e
     WHERE e.section = p.section
       AND e.path = entry;
    IF NOT found THEN
        RAISE EXCEPTION USING
            ERRCODE = 'no_data_found',
            MESSAGE = format('%s: there is no such entry', entry),
            HINT    = format('SELECT path FROM config.entries WHERE section = %L lists those '
                             'that are.', p.section);
    END IF;
    IF p.column_name IS NULL THEN
        RETURN value;
    ELSIF NOT value ? p.column_name THEN
        RAISE EXCEPTION USING
            ERRCODE = 'undefined_column',
            MESSAGE = format('%s: %s has no column %s', path, p.section,
                             quote_literal(p.column_name)),
            HINT    = format('Columns are %s.', (SELECT string_agg(k.name, ', ')
                                                   FROM jsonb_object_keys(value) AS k (name)));
    END IF;
    RETURN value -> p.column_name;
END
$$;

COMMENT ON FUNCTION config.get(path text) IS 'An entry, or one column of it: a strategy''s or a user''s value, else that of *, else the default. Raises P0002 for an entry that is not there, 42704 or 42703 for an unknown key or column.';

CREATE FUNCTION config.in_maintenance(at timestamp with time zone DEFAULT now()) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT EXISTS (SELECT
                     FROM config.maintenance_windows AS w
                    WHERE w.scope = '*'
                      AND w.hold_alerts
                      AND at >= w.starts_at
                      AND at < w.ends_at)
$$;

COMMENT ON FUNCTION config.in_maintenance(at timestamp with time zone) IS 'Whether alerts are held at a moment: a window of scope * with hold_alerts is open then.';

CREATE FUNCTION config.jobs_may_run(at timestamp with time zone DEFAULT now()) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT EXISTS (SELECT
                     FROM config.maintenance_windows AS w
                    WHERE w.scope = '*'
                      AND w.run_jobs
                      AND at >= w.starts_at
                      AND at < w.ends_at)
$$;

COMMENT ON FUNCTION config.jobs_may_run(at timestamp with time zone) IS 'Whether jobs that wait for a maintenance window may run at a moment: a window of scope * with run_jobs is open then. Jobs are of no service and no exchange.';

CREATE FUNCTION config.key_id(key text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    IF key IS NULL OR octet_length(key) < 32 OR octet_length(key) > 1024 THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('the key has %s octets', coalesce(octet_length(key), 0)),
            HINT    = 'Take a random one of 32 to 1024 octets: openssl rand -base64 48.';
    END IF;
    RETURN left(encode(sha256(convert_to('nexus key ' || key, 'UTF8')), 'hex'), 16);
END
$$;

COMMENT ON FUNCTION config.key_id(key text) IS 'The id of a key: 16 hexadecimal digits of a hash, which tell keys apart and not what they are. Raises 22023 for a key of less than 32 or more than 1024 octets.';

CREATE FUNCTION config.lock_writers() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    -- Any fixed number will do; this one is only used here.
    PERFORM pg_advisory_xact_lock(7088416218532263);
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION config.lock_writers() IS 'Trigger: one writer of the configuration at a time, until its transaction ends.';

CREATE FUNCTION config.log_change() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET "TimeZone" TO 'UTC'
    AS $$
DECLARE
    before_it jsonb := CASE WHEN tg_op <> 'INSERT' THEN to_jsonb(old) END;
    after_it  jsonb := CASE WHEN tg_op <> 'DELETE' THEN to_jsonb(new) END;
    entry     text  := config.path_of(tg_table_name, coalesce(after_it, before_it));
BEGIN
    before_it := config.entry_value(tg_table_name, before_it);
    after_it  := config.entry_value(tg_table_name, after_it);
    IF before_it IS NOT DISTINCT FROM after_it THEN
        RETURN NULL;
    END IF;
    INSERT INTO config.change_log
           (changed_at, actor, db_role, user_id, section, path, reason, rolls_back, previous,
            current)
    SELECT greatest(clock_timestamp(),
                    (SELECT l.changed_at
                       FROM config.change_log AS l
                      ORDER BY l.change_id DESC
                      LIMIT 1)),
           audit.actor(), audit.login(),
           (SELECT u.user_id
              FROM auth.users AS u
             WHERE u.name = audit.actor()),
           tg_table_name, entry,
           nullif(current_setting('nexus.reason', true), ''),
           nullif(current_setting('nexus.rolls_back', true), '')::bigint,
           before_it, after_it;
    PERFORM pg_notify('nexus_config', entry);
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION config.log_change() IS 'Trigger: writes a change into config.change_log, by audit.actor() and with the settings nexus.reason and nexus.rolls_back, and tells those who LISTEN to nexus_config its path.';

CREATE PROCEDURE config.open_credential(IN request bigint, IN key text, INOUT secret text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    asked  audit.actions;
    c      config.exchange_credentials;
    status text;
    opened bigint;
    -- What this session opened last, which a rollback does not undo: an advisory lock of its own.
    place  CONSTANT int := 708841621;
    number CONSTANT int := open_credential.request % 2147483647;
BEGIN
    -- xmin has no epoch: that of now, or the one before.
    SELECT a.actor, a.db_role, a.action, a.subject, a.request,
           pg_xact_status((x.now - (x.now - a.xmin::text::bigint) % 4294967296)::text::xid8)
      INTO asked.actor, asked.db_role, asked.action, asked.subject, asked.request, status
      FROM audit.actions AS a
     CROSS JOIN (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint) AS x (now)
     WHERE a.action_id = open_credential.request
       AND a.acted_at > clock_timestamp() - interval '1 minute';
    IF NOT found
    OR status <> 'committed'
    OR asked.action <> 'credential_decrypted'
    OR asked.db_role <> audit.login()
    OR (asked.request ->> 'backend')::int <> pg_backend_pid() THEN
        RAISE EXCEPTION USING
            ERRCODE = 'insufficient_privilege',
            MESSAGE = format('request %s opens no credential', coalesce(request::text, 'null')),
            HINT    = 'SELECT config.request_credential(exchange, purpose), commit, and open it '
                      'within a minute on the same connection.';
    END IF;
    SELECT l.objid::bigint
      INTO opened
      FROM pg_locks AS l
     WHERE l.locktype = 'advisory'
       AND l.classid::bigint = place
       AND l.objsubid = 2
       AND l.pid = pg_backend_pid()
       AND l.granted;
    IF number <= opened THEN
        RAISE EXCEPTION USING
            ERRCODE = 'insufficient_privilege',
            MESSAGE = format('request %s, or a later one, was opened already', request),
            HINT    = 'Each opening is requested, so that each is in the audit: SELECT '
                      'config.request_credential(exchange, purpose).';
    END IF;
    SELECT k.*
      INTO c
      FROM config.exchange_credentials AS k
     WHERE k.exchange = asked.subject
       AND k.version = (asked.request ->> 'version')::int;
    RAISE LOG 'credential of % (version %) is decrypted for %, request %',
        c.exchange, c.version, asked.actor, request;
    secret := config.decrypt(c.exchange, c.version, c.key_id, c.cipher, key);
    IF opened IS NOT NULL THEN
        PERFORM pg_advisory_unlock(place, opened::int);
    END IF;
    PERFORM pg_advisory_lock(place, number);
END
$$;

COMMENT ON PROCEDURE config.open_credential(IN request bigint, IN key text, INOUT secret text) IS 'Answers the credential that was requested by config.request_credential in a transaction that has committed, by the same role on the same connection, at most a minute ago, and that was not opened yet. Raises 42501 otherwise, 28P01 for another key, which leaves it unopened.';

CREATE FUNCTION config.parameter(strategy text, key text) RETURNS jsonb
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    value jsonb;
BEGIN
    SELECT coalesce(s.value, a.value, d.default_value)
      INTO value
      FROM config.definitions AS d
      LEFT JOIN config.strategy_parameters AS s
        ON s.strategy = parameter.strategy
       AND s.key = d.key
      LEFT JOIN config.strategy_parameters AS a
        ON a.strategy = '*'
       AND a.key = d.key
     WHERE d.section = 'strategy_parameters'
       AND d.key = parameter.key;
    IF NOT found THEN
        RAISE EXCEPTION USING
            ERRCODE = 'undefined_object',
            MESSAGE = format('there is no parameter %s', quote_nullable(key)),
            HINT    = 'SELECT key FROM config.definitions lists those that are.';
    END IF;
    RETURN nullif(value, 'null');
END
$$;

COMMENT ON FUNCTION config.parameter(strategy text, key text) IS 'A strategy''s parameter, else that of *, else its default. Raises 42704 for an unknown one.';

CREATE FUNCTION config.path_of(section text, entry jsonb) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT s.section || '/' || string_agg(entry ->> k.key_column, '/' ORDER BY k.place)
      FROM config.sections() AS s
     CROSS JOIN LATERAL unnest(s.key_columns) WITH ORDINALITY AS k (key_column, place)
     WHERE s.section = path_of.section
     GROUP BY s.section
$$;

COMMENT ON FUNCTION config.path_of(section text, entry jsonb) IS 'The path of a row of a section.';

CREATE FUNCTION config.refuse_value(path text, value jsonb, why text, cure text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    RAISE EXCEPTION USING
        ERRCODE = 'invalid_parameter_value',
        MESSAGE = format('%s: %s %s', path, coalesce(left(value::text, 200), 'null'), why),
        HINT    = cure;
END
$$;

COMMENT ON FUNCTION config.refuse_value(path text, value jsonb, why text, cure text) IS 'Raises 22023 with path and value, what is wrong with it, and how to mend it.';

CREATE FUNCTION config.request_credential(exchange text, purpose text) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
DECLARE
    in_use int;
BEGIN
    IF purpose IS NULL OR length(purpose) NOT BETWEEN 1 AND 256 THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('purpose: %s', coalesce(quote_literal(left(purpose, 256)), 'null')),
            HINT    = 'Say in 1 to 256 characters what the credential is needed for.';
    END IF;
    SELECT e.credential_version
      INTO in_use
      FROM config.exchanges AS e
     WHERE e.exchange = exchange;
    IF in_use IS NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'no_data_found',
            MESSAGE = format('%s has no credential', coalesce(quote_literal(exchange), 'null')),
            HINT    = 'An administrator stores it: nexus-ledger config set '
                      'exchanges/NAME/credential.';
    END IF;
    RETURN audit.record('credential_decrypted', exchange,
                        jsonb_build_object('version', in_use, 'purpose', purpose,
                                           'backend', pg_backend_pid()));
END
$$;

COMMENT ON FUNCTION config.request_credential(exchange text, purpose text) IS 'Writes into the audit that an exchange''s credential is decrypted, and for what; returns the number to open it with, once this transaction has committed. Raises P0002 if it has none.';

CREATE FUNCTION config.restore(path text, value jsonb, reason text, rolls_back bigint) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    p      record := config.split_path(path);
    change bigint;
BEGIN
    PERFORM set_config('nexus.reason', coalesce(reason, ''), true);
    PERFORM set_config('nexus.rolls_back', coalesce(rolls_back::text, ''), true);
    BEGIN
        change := config.write(
            path,
            CASE WHEN value IS NULL THEN NULL
                 WHEN p.column_name IS NULL THEN value
                 ELSE jsonb_build_object(p.column_name, value)
            END,
            true);
    EXCEPTION
        -- Facts refer to what was not there yet: it stays for them, and has no effect.
        WHEN foreign_key_violation THEN
            change := config.write(
                path,
                CASE p.section
                    WHEN 'exchanges' THEN jsonb '{"enabled": false, "credential_version": null}'
                    ELSE '{"enabled": false}'
                END,
                false);
    END;
    PERFORM set_config('nexus.reason', '', true);
    PERFORM set_config('nexus.rolls_back', '', true);
    RETURN change;
END
$$;

COMMENT ON FUNCTION config.restore(path text, value jsonb, reason text, rolls_back bigint) IS 'Makes an entry what it was, whole; null removes it, or disables it (an exchange: without a credential) where facts refer to it, which would lose what they refer to. For the two rollbacks.';

CREATE FUNCTION config.rollback_change(change bigint, reason text DEFAULT NULL::text) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    undone config.change_log;
BEGIN
    SELECT l.* INTO undone FROM config.change_log AS l WHERE l.change_id = change;
    IF NOT found THEN
        RAISE EXCEPTION USING
            ERRCODE = 'no_data_found',
            MESSAGE = format('there is no change %s', coalesce(change::text, 'null')),
            HINT    = 'SELECT change_id, path FROM config.change_log lists them.';
    END IF;
    RETURN config.restore(undone.path, undone.previous,
                          coalesce(reason, format('takes back change %s', change)), change);
END
$$;

COMMENT ON FUNCTION config.rollback_change(change bigint, reason text) IS 'Makes an entry what it was before a change, whatever came after; itself a change. Returns its number, null if the entry is so already. An entry that was not there and that facts refer to by now is disabled instead of removed. Raises P0002 for an unknown change.';

CREATE FUNCTION config.rollback_to(moment timestamp with time zone, reason text DEFAULT NULL::text, prefix text DEFAULT ''::text) RETURNS TABLE(path text, change_id bigint)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    one record;
BEGIN
    PERFORM pg_advisory_xact_lock(7088416218532263);
    FOR one IN
        SELECT coalesce(a.path, b.path) AS path, a.value AS value
          FROM config.at(moment) AS a
          FULL JOIN config.at(clock_timestamp()) AS b
            ON b.path = a.path
         WHERE a.value IS DISTINCT FROM b.value
           AND starts_with(coalesce(a.path, b.path), prefix)
         ORDER BY 1
    LOOP
        path := one.path;
        change_id := config.restore(
            one.path, one.value, coalesce(reason, format('back to %s', moment)), NULL);
        -- None: it was disabled before, since facts refer to it.
        IF change_id IS NOT NULL THEN
            RETURN NEXT;
        END IF;
    END LOOP;
END
$$;

COMMENT ON FUNCTION config.rollback_to(moment timestamp with time zone, reason text, prefix text) IS 'Makes the configuration, or the entries whose path begins with a prefix, what it was at a moment; each entry that differs is a change. All or nothing. An entry that was not there and that facts refer to by now is disabled instead of removed. Raises 22023 for a moment that has not passed.';

CREATE PROCEDURE config.rotate_credentials(IN old_key text, IN new_key text, IN batch integer, INOUT remaining integer)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    c      config.exchange_credentials;
    new_id CONSTANT text := config.key_id(new_key);
    plain  text;
    sealed bytea;
BEGIN
    IF batch IS NULL OR batch NOT BETWEEN 1 AND 1000 THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('batch: %s', coalesce(batch::text, 'null')),
            HINT    = 'Give 1 to 1000 credentials a transaction.';
    END IF;
    PERFORM pg_advisory_xact_lock(7088416218532263);
    FOR c IN
        SELECT k.*
          FROM config.exchange_credentials AS k
         WHERE k.key_id <> new_id
         ORDER BY k.exchange, k.version
         LIMIT batch
    LOOP
        plain := config.decrypt(c.exchange, c.version, c.key_id, c.cipher, old_key);
        sealed := config.encrypt(c.exchange, c.version, plain, new_key);
        UPDATE config.exchange_credentials AS k
           SET cipher = sealed,
               key_id = new_id
         WHERE k.exchange = c.exchange
           AND k.version = c.version;
        PERFORM audit.record('credential_decrypted', c.exchange,
                             jsonb_build_object('version', c.version, 'purpose', 'rotation',
                                                'from_key', c.key_id, 'to_key', new_id));
    END LOOP;
    SELECT count(*)
      INTO remaining
      FROM config.exchange_credentials AS k
     WHERE k.key_id <> new_id;
END
$$;

COMMENT ON PROCEDURE config.rotate_credentials(IN old_key text, IN new_key text, IN batch integer, INOUT remaining integer) IS 'Encrypts at most `batch` credentials, older versions too, under a new key, in place; answers how many are left. Call it until none is: what was done stays done when it is interrupted. Raises 28P01 when a credential is under neither key.';

CREATE FUNCTION config.sections() RETURNS TABLE(section text, key_columns text[], value_column text)
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    VALUES ('exchanges', ARRAY['exchange'], NULL),
           ('risk_limits', ARRAY['kind', 'scope'], NULL),
           ('maintenance_windows', ARRAY['window_name'], NULL),
           ('system_settings', ARRAY['key'], 'value'),
           ('strategy_parameters', ARRAY['strategy', 'key'], 'value'),
           ('ui_preferences', ARRAY['user_name', 'key'], 'value')
$$;

COMMENT ON FUNCTION config.sections() IS 'The sections of paths, which are tables of config: their key columns, and the column of the value where an entry has only one.';

CREATE FUNCTION config.set(path text, value jsonb, reason text DEFAULT NULL::text) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
DECLARE
    p      record := config.split_path(path);
    change bigint;
BEGIN
    IF value IS NULL THEN
        PERFORM config.refuse_value(path, value, 'is no JSON value',
                                    'Give a value, or remove it with config.unset.');
    END IF;
    PERFORM set_config('nexus.reason', coalesce(reason, ''), true);
    PERFORM set_config('nexus.rolls_back', '', true);
    change := config.write(
        regexp_replace(path, '^((?:[^/]*/){' || (SELECT count(*) FROM jsonb_object_keys(p.keys))
                             || '}[^/]*)/.*$', '\1'),
        CASE WHEN p.column_name IS NULL THEN value
             ELSE jsonb_build_object(p.column_name, value)
        END,
        false);
    PERFORM set_config('nexus.reason', '', true);
    RETURN change;
END
$_$;

COMMENT ON FUNCTION config.set(path text, value jsonb, reason text) IS 'Sets an entry, some columns of it (an object) or one (its path), for a reason. Returns the number of the change, null if it was so already. Raises 42704 for an unknown section or key, 42703 for an unknown column, 22023 for a value that is not taken; the hint says what is.';

CREATE FUNCTION config.setting(key text) RETURNS jsonb
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    value jsonb;
BEGIN
    SELECT coalesce(s.value, d.default_value)
      INTO value
      FROM config.definitions AS d
      LEFT JOIN config.system_settings AS s
        ON s.key = d.key
     WHERE d.section = 'system_settings'
       AND d.key = setting.key;
    IF NOT found THEN
        RAISE EXCEPTION USING
            ERRCODE = 'undefined_object',
            MESSAGE = format('there is no setting %s', quote_nullable(key)),
            HINT    = 'SELECT key FROM config.definitions lists those that are.';
    END IF;
    RETURN nullif(value, 'null');
END
$$;

COMMENT ON FUNCTION config.setting(key text) IS 'A setting''s value, or its default; null where it is null. Raises 42704 for an unknown one.';

CREATE FUNCTION config.split_path(path text, OUT section text, OUT keys jsonb, OUT column_name text) RETURNS record
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    words   text[] := string_to_array(path, '/');
    columns text[];
    single  text;
    n       int;
BEGIN
    SELECT s.section, s.key_columns, s.value_column
      INTO section, columns, single
      FROM config.sections() AS s
     WHERE s.section = words[1];
    n := cardinality(columns);
    IF section IS NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'undefined_object',
            MESSAGE = format('%s: there is no section %s', coalesce(path, 'null'),
                             coalesce(quote_literal(words[1]), 'null')),
            HINT    = 'Sections are ' || (SELECT string_agg(s.section, ', ' ORDER BY s.section)
                                            FROM config.sections() AS s) || '.';
    END IF;
    IF (cardinality(words) NOT BETWEEN n + 1
                               AND n + (CASE WHEN single IS NULL THEN 2 ELSE 1 END)
    OR '' = ANY (words)) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('%s: is no path of an entry', path),
            HINT    = format('Give %s/%s%s.', section, array_to_string(columns, '/'),
                             CASE WHEN single IS NULL THEN ' or that and /column' ELSE '' END);
    END IF;
    SELECT jsonb_object_agg(k.key_column, words[k.place + 1])
      INTO keys
      FROM unnest(columns) WITH ORDINALITY AS k (key_column, place);
    column_name := coalesce(single, words[n + 2]);
END
$$;

COMMENT ON FUNCTION config.split_path(path text, OUT section text, OUT keys jsonb, OUT column_name text) IS 'The parts of a path: section, the key''s columns as an object, and the column that it names (null for a whole entry). Raises 42704 for an unknown section, 22023 for another form.';

CREATE PROCEDURE config.store_credential(IN exchange text, IN secret text, IN key text, IN reason text, INOUT version integer)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
BEGIN
    IF secret IS NULL OR octet_length(secret) NOT BETWEEN 1 AND 16384 THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('the credential of %s has %s octets', exchange,
                             coalesce(octet_length(secret), 0)),
            HINT    = 'Give 1 to 16384 octets.';
    END IF;
    PERFORM pg_advisory_xact_lock(7088416218532263);
    PERFORM FROM config.exchanges AS e WHERE e.exchange = exchange;
    IF NOT found THEN
        RAISE EXCEPTION USING
            ERRCODE = 'no_data_found',
            MESSAGE = format('there is no exchange %s', coalesce(quote_literal(exchange), 'null')),
            HINT    = 'Set exchanges/NAME first.';
    END IF;
    SELECT coalesce(max(c.version), 0) + 1
      INTO version
      FROM config.exchange_credentials AS c
     WHERE c.exchange = exchange;
    DECLARE
        sealed bytea := config.encrypt(exchange, version, secret, key);
        id     text  := config.key_id(key);
    BEGIN
        INSERT INTO config.exchange_credentials (exchange, version, stored_by, key_id, cipher)
        VALUES (exchange, version, audit.actor(), id, sealed);
    END;
    PERFORM set_config('nexus.reason', coalesce(reason, ''), true);
    PERFORM set_config('nexus.rolls_back', '', true);
    UPDATE config.exchanges AS e
       SET credential_version = version
     WHERE e.exchange = exchange;
    PERFORM set_config('nexus.reason', '', true);
    PERFORM audit.record('credential_stored', exchange,
                         jsonb_build_object('version', version, 'key_id', config.key_id(key)));
END
$$;

COMMENT ON PROCEDURE config.store_credential(IN exchange text, IN secret text, IN key text, IN reason text, INOUT version integer) IS 'Encrypts a credential under a key and puts it in use: a change of exchanges/NAME. Answers its version. Raises P0002 for an unknown exchange, 22023 for a bad secret or key.';

CREATE FUNCTION config.unset(path text, reason text DEFAULT NULL::text) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    change    bigint;
    p         record := config.split_path(path);
    entry     text;
    is_single boolean;
    is_there  boolean;
BEGIN
    -- As in config.lock_writers: before anything is read.
    PERFORM pg_advisory_xact_lock(7088416218532263);
    entry := p.section || '/' || (SELECT string_agg(p.keys ->> k.key_column, '/' ORDER BY k.place)
                                    FROM config.sections() AS s
                                   CROSS JOIN LATERAL unnest(s.key_columns) WITH ORDINALITY
                                         AS k (key_column, place)
                                   WHERE s.section = p.section);
    SELECT s.value_column IS NOT NULL
      INTO is_single
      FROM config.sections() AS s
     WHERE s.section = p.section;
    -- What is removed already is known by the log of changes, what is not set by its definition.
    is_there := EXISTS (SELECT FROM config.change_log AS l WHERE l.path = entry)
             OR EXISTS (SELECT
                          FROM config.entries AS e
                         WHERE e.section = p.section
                           AND e.path = entry);
    IF NOT is_there AND is_single THEN
        is_there := EXISTS (SELECT
                              FROM config.definitions AS d
                             WHERE d.section = p.section
                               AND d.key = p.keys ->> 'key');
    END IF;
    IF NOT is_there THEN
        RAISE EXCEPTION USING
            ERRCODE = 'no_data_found',
            MESSAGE = format('%s: there is no such entry', entry),
            HINT    = CASE WHEN is_single THEN
                               format('SELECT key FROM config.definitions WHERE section = %L lists '
                                      'those that may be.', p.section)
                           ELSE
                               format('SELECT path FROM config.entries WHERE section = %L lists '
                                      'those that are.', p.section)
                      END;
    END IF;
    IF p.column_name IS NOT NULL AND p.column_name <> 'value' THEN
        RETURN config.set(path, 'null', reason);
    END IF;
    PERFORM set_config('nexus.reason', coalesce(reason, ''), true);
    PERFORM set_config('nexus.rolls_back', '', true);
    change := config.write(path, NULL, true);
    PERFORM set_config('nexus.reason', '', true);
    RETURN change;
END
$$;

COMMENT ON FUNCTION config.unset(path text, reason text) IS 'Removes an entry, so that its default holds, or sets one column of it to null. Returns the number of the change, null if it is not set or was removed already. Raises P0002 for an entry that is not known, else as config.set does, and 23503 for an entry that facts refer to.';

CREATE FUNCTION config.write(path text, entry jsonb, is_whole boolean) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
DECLARE
    p          record;
    columns    text[];
    unknown    text;
    key_clause text;
    is_there   boolean;
    last_one   bigint;
    this_one   bigint;
    what       text;
    taken      text;
    its_table  text;
    its_schema text;
    fault      text;
BEGIN
    -- As in config.lock_writers: before anything is read.
    PERFORM pg_advisory_xact_lock(7088416218532263);
    p := config.split_path(path);
    SELECT string_agg(format('t.%I = $1 ->> %L', k.key_column, k.key_column), ' AND ')
      INTO key_clause
      FROM jsonb_object_keys(p.keys) AS k (key_column);
    EXECUTE format('SELECT EXISTS (SELECT FROM config.%I AS t WHERE %s)', p.section, key_clause)
       INTO is_there
      USING p.keys;
    SELECT coalesce(max(l.change_id), 0) INTO last_one FROM config.change_log AS l;

    IF entry IS NULL THEN
        EXECUTE format('DELETE FROM config.%I AS t WHERE %s', p.section, key_clause)
          USING p.keys;
    ELSE
        IF jsonb_typeof(entry) <> 'object' THEN
            PERFORM config.refuse_value(path, entry, 'is no object',
                                        'Give an object of columns, or the path of one column.');
        END IF;
        SELECT array_agg(a.attname::text ORDER BY a.attnum)
          INTO columns
          FROM pg_attribute AS a
         WHERE a.attrelid = format('config.%I', p.section)::regclass
           AND a.attnum > 0
           AND NOT a.attisdropped
           AND NOT p.keys ? a.attname
           AND a.attname NOT IN ('created_at', 'changed_at', 'limit_id');
        SELECT k.name
          INTO unknown
          FROM jsonb_object_keys(entry) AS k (name)
         WHERE k.name <> ALL (columns)
         LIMIT 1;
        IF found THEN
            RAISE EXCEPTION USING
                ERRCODE = 'undefined_column',
                MESSAGE = format('%s: %s has no column %s', path, p.section,
                                 quote_literal(unknown)),
                HINT    = format('Columns are %s.', array_to_string(columns, ', '));
        END IF;
        IF entry = '{}' AND NOT is_whole THEN
            RETURN NULL;
        END IF;
        IF is_there THEN
            -- What a whole entry leaves out becomes null, which a column may refuse.
            -- A value may be null in JSON, which a record of SQL would take for none.
            SELECT string_agg(format(CASE c.name WHEN 'value' THEN '%1$I = $2 -> %1$L'
                                                 ELSE '%1$I = r.%1$I'
                                     END, c.name), ', ')
              INTO what
              FROM unnest(columns) AS c (name)
             WHERE is_whole
                OR entry ? c.name;
            EXECUTE format(
                'UPDATE config.%1$I AS t SET %2$s'
                '  FROM jsonb_populate_record(NULL::config.%1$I, $2) AS r'
                ' WHERE %3$s', p.section, what, key_clause)
              USING p.keys, entry;
        ELSE
            SELECT string_agg(quote_ident(c.name), ', '),
                   string_agg(CASE c.name WHEN 'value' THEN '$1 -> ''value'''
                                          ELSE quote_ident(c.name)
                              END, ', ')
              INTO what, taken
              FROM jsonb_object_keys(p.keys || entry) AS c (name);
            EXECUTE format(
                'INSERT INTO config.%1$I (%2$s)'
                ' SELECT %3$s FROM jsonb_populate_record(NULL::config.%1$I, $1)', p.section, what,
                taken)
              USING p.keys || entry;
        END IF;
    END IF;

    SELECT max(l.change_id)
      INTO this_one
      FROM config.change_log AS l
     WHERE l.change_id > last_one;
    RETURN this_one;
EXCEPTION
    WHEN invalid_text_representation OR numeric_value_out_of_range OR invalid_datetime_format
      OR datetime_field_overflow OR datatype_mismatch THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('%s: %s', path, sqlerrm),
            HINT    = format('The types of its columns: \d config.%s.', split_part(path, '/', 1));
    WHEN not_null_violation THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('%s: a value is missing: %s', path, sqlerrm),
            HINT    = 'Give the whole entry as an object with that column too.';
    WHEN check_violation THEN
        GET STACKED DIAGNOSTICS what       = CONSTRAINT_NAME,
                                its_table  = TABLE_NAME,
                                its_schema = SCHEMA_NAME;
        IF what = '' THEN
            RAISE;
        END IF;
        IF what = 'connection_is_of_known_members' THEN
            fault := config.connection_fault(entry -> 'connection');
        END IF;
        -- The cure is the comment of the constraint.
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('%s: %s does not hold', path, what) || coalesce(': ' || fault, ''),
            HINT    = coalesce((SELECT coalesce(obj_description(k.oid, 'pg_constraint'),
                                                format('It has to be so: %s',
                                                       pg_get_constraintdef(k.oid)))
                                  FROM pg_constraint AS k
                                 WHERE k.conname = what
                                   AND k.conrelid = to_regclass(format('%I.%I', its_schema,
                                                                       its_table))),
                               'See the constraints of the table.');
    WHEN foreign_key_violation THEN
        IF entry IS NOT NULL THEN
            RAISE EXCEPTION USING
                ERRCODE = 'invalid_parameter_value',
                MESSAGE = format('%s: what it refers to is not there: %s', path, sqlerrm),
                HINT    = 'config.credentials lists the versions of an exchange''s credential.';
        END IF;
        RAISE EXCEPTION USING
            ERRCODE = 'foreign_key_violation',
            MESSAGE = format('%s is in use and cannot be removed: %s', path, sqlerrm),
            HINT    = 'Disable it instead: set its column enabled to false.';
END
$_$;

COMMENT ON FUNCTION config.write(path text, entry jsonb, is_whole boolean) IS 'Writes an entry: an object of columns, all of them if whole; null removes it. Returns the number of the change, null if nothing changed. For config.set and its like.';

CREATE FUNCTION data_collector.count_rows(run_id bigint, offered bigint, taken bigint, duplicate bigint, revised bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
$$;

COMMENT ON FUNCTION data_collector.count_rows(run_id bigint, offered bigint, taken bigint, duplicate bigint, revised bigint) IS 'Adds to the rows of a run that is running. Raises 22023 for another run.';

CREATE FUNCTION data_collector.end_instrument(exchange text, symbol text, valid_to timestamp with time zone DEFAULT now()) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    UPDATE data_collector.instruments AS i
       SET valid_to = end_instrument.valid_to
     WHERE i.exchange = end_instrument.exchange
       AND i.symbol = end_instrument.symbol
       AND i.valid_to IS NULL;
    RETURN found;
END
$$;

COMMENT ON FUNCTION data_collector.end_instrument(exchange text, symbol text, valid_to timestamp with time zone) IS 'Says that an instrument is no longer listed from a time on; false if it was not. Raises 23514 for a time that is not after the start of its present terms.';

CREATE FUNCTION data_collector.end_run(run_id bigint, error text DEFAULT NULL::text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
$$;

COMMENT ON FUNCTION data_collector.end_run(run_id bigint, error text) IS 'Ends a run, as failed where there is an error; false if it had ended so. Raises 22023 for an unknown run and for one that has ended otherwise.';

CREATE FUNCTION data_collector.fill_gap(gap_id bigint) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    UPDATE data_collector.ingestion_gaps AS g
       SET filled_at = greatest(clock_timestamp(), g.found_at)
     WHERE g.gap_id = fill_gap.gap_id
       AND g.filled_at IS NULL;
    RETURN found;
END
$$;

COMMENT ON FUNCTION data_collector.fill_gap(gap_id bigint) IS 'Writes down that nothing of a gap is missing any more; false if that was so.';

CREATE FUNCTION data_collector.record_gap(source text, exchange text, symbol text, expected_from timestamp with time zone, expected_to timestamp with time zone, dataset text DEFAULT 'funding_rates'::text) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
$$;

COMMENT ON FUNCTION data_collector.record_gap(source text, exchange text, symbol text, expected_from timestamp with time zone, expected_to timestamp with time zone, dataset text) IS 'Writes down that facts are missing from a time to another, both part of it; returns the number of the gap, that of an open one that holds it already. Raises 23503 for an unknown source or exchange.';

CREATE FUNCTION data_collector.set_instrument(exchange text, symbol text, base text, quote text, settle text, contract_size numeric, tick_size numeric, funding_interval_hours integer, valid_from timestamp with time zone DEFAULT now()) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
$$;

COMMENT ON FUNCTION data_collector.set_instrument(exchange text, symbol text, base text, quote text, settle text, contract_size numeric, tick_size numeric, funding_interval_hours integer, valid_from timestamp with time zone) IS 'Says which terms an instrument has from a time on; ends the terms before. Returns the number of the row, that of the present one if nothing is new. Raises 22023 for a time that is not after what is known, 23503 for an unknown exchange, 23514 naming what a column does not take.';

CREATE FUNCTION data_collector.start_run(source text, exchange text DEFAULT NULL::text, dataset text DEFAULT 'funding_rates'::text) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
$$;

COMMENT ON FUNCTION data_collector.start_run(source text, exchange text, dataset text) IS 'Begins a run of a source, over one exchange or (null) several; returns its number. Raises 23503 for an unknown source or exchange, 23514 for an unknown dataset.';

CREATE FUNCTION funding.compare_sources(exchanges text[], symbols text[], times timestamp with time zone[], OUT opened integer, OUT resolved integer) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET jit TO 'off'
    SET enable_nestloop TO 'on'
    SET enable_hashjoin TO 'on'
    SET enable_mergejoin TO 'on'
    AS $_$
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
$_$;

COMMENT ON FUNCTION funding.compare_sources(exchanges text[], symbols text[], times timestamp with time zone[], OUT opened integer, OUT resolved integer) IS 'Compares what sources say of some settlements: opens a discrepancy where two differ by more than funding.discrepancy_threshold (fraction per interval), resolves it where they do not any more. What was resolved by hand stays so while both rates stay.';

CREATE FUNCTION funding.find_discrepancies(from_at timestamp with time zone, to_at timestamp with time zone, OUT opened integer, OUT resolved integer) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET jit TO 'off'
    SET plan_cache_mode TO 'force_custom_plan'
    AS $$
DECLARE
    again_max     CONSTANT int := 10000;
    threshold_now CONSTANT numeric :=
        (config.setting('funding.discrepancy_threshold') #>> '{}')::numeric;
    found_of      text[];
    found_symbol  text[];
    found_time    timestamptz[];
    removed       int;
    part          record;
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
    -- All at once in the order of their names, as whoever brings rates locks them.
    PERFORM
       FROM funding.symbols AS y
      WHERE (y.exchange, y.symbol) IN (SELECT u.exchange, u.symbol
                                         FROM unnest(found_of, found_symbol)
                                              AS u (exchange, symbol)
                                        UNION
                                       SELECT d.exchange, d.symbol
                                         FROM funding.discrepancies AS d
                                        WHERE d.status = 'open')
      ORDER BY y.exchange, y.symbol
        FOR NO KEY UPDATE;
    SELECT c.opened, c.resolved
      INTO opened, resolved
      FROM funding.compare_sources(found_of, found_symbol, found_time) AS c;

    -- What is open from other times: the threshold may have been raised. Least first, so that
    -- those that can be resolved are never behind the others; few a call, which the index finds.
    FOR part IN
        SELECT array_agg(o.exchange) AS exchanges, array_agg(o.symbol) AS symbols,
               array_agg(o.funding_time) AS times
          FROM (SELECT d.exchange, d.symbol, d.funding_time,
                       row_number() OVER (ORDER BY d.magnitude, d.discrepancy_id) AS place
                  FROM funding.discrepancies AS d
                 WHERE d.status = 'open'
                   AND (d.funding_time < from_at
                     OR d.funding_time >= to_at)
                 ORDER BY d.magnitude, d.discrepancy_id
                 LIMIT again_max) AS o
         GROUP BY (o.place - 1) / 1000
         ORDER BY min(o.place)
    LOOP
        SELECT find_discrepancies.opened + c.opened, find_discrepancies.resolved + c.resolved
          INTO opened, resolved
          FROM funding.compare_sources(part.exchanges, part.symbols, part.times) AS c;
    END LOOP;
    -- Those whose rates retention has removed, by what was seen of them last.
    UPDATE funding.discrepancies AS d
       SET threshold = threshold_now,
           seen_at = clock_timestamp(),
           status = 'resolved',
           resolution = 'agreed',
           resolved_at = greatest(clock_timestamp(), d.opened_at),
           resolved_by = audit.actor()
     WHERE d.discrepancy_id IN (SELECT o.discrepancy_id
                                  FROM funding.discrepancies AS o
                                 WHERE o.status = 'open'
                                   AND o.magnitude <= threshold_now
                                   AND (SELECT count(*)
                                          FROM funding.rates AS r
                                         WHERE r.exchange = o.exchange
                                           AND r.symbol = o.symbol
                                           AND r.funding_time = o.funding_time
                                           AND r.source IN (o.source_a, o.source_b)) < 2
                                 ORDER BY o.magnitude, o.discrepancy_id
                                 LIMIT again_max)
       AND d.status = 'open';
    GET DIAGNOSTICS removed = ROW_COUNT;
    resolved := resolved + removed;
END
$$;

COMMENT ON FUNCTION funding.find_discrepancies(from_at timestamp with time zone, to_at timestamp with time zone, OUT opened integer, OUT resolved integer) IS 'Compares the sources on every settlement from a time on and before another, and on those of other times whose discrepancy is open, at most 10000, those that differ least first, by the threshold of now; where rates are not kept any more, what was seen of them last counts. Returns how many discrepancies it opened and resolved. Raises 22023 for times in the wrong order.';

CREATE FUNCTION funding.find_gaps(from_at timestamp with time zone, to_at timestamp with time zone, OUT found_count integer, OUT filled_count integer) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET jit TO 'off'
    SET plan_cache_mode TO 'force_custom_plan'
    AS $$
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
$$;

COMMENT ON FUNCTION funding.find_gaps(from_at timestamp with time zone, to_at timestamp with time zone, OUT found_count integer, OUT filled_count integer) IS 'Finds settlements from a time on and before another that a source has left out between two rates, by the hours that the later one is for, and writes them into data_collector.ingestion_gaps; marks those as filled whose rates have come. Returns how many it found and filled. Raises 22023 for times in the wrong order.';

CREATE FUNCTION funding.ingest_rates(source text, exchanges text[], symbols text[], funding_times timestamp with time zone[], rates numeric[], interval_hours integer[] DEFAULT NULL::integer[], next_funding_times timestamp with time zone[] DEFAULT NULL::timestamp with time zone[], mark_prices numeric[] DEFAULT NULL::numeric[], received_at timestamp with time zone DEFAULT clock_timestamp(), run_id bigint DEFAULT NULL::bigint, OUT taken integer, OUT duplicate integer, OUT revised integer, OUT opened integer, OUT resolved integer) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET jit TO 'off'
    SET enable_nestloop TO 'on'
    SET enable_hashjoin TO 'on'
    SET enable_mergejoin TO 'on'
    AS $_$
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
    minutes      timestamptz[];
    next_minutes timestamptz[];
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

    -- A settlement is known by its minute, the nearest one. What is far away is refused below.
    minutes := ARRAY(SELECT CASE WHEN u.at < ingest_rates.received_at + interval '100 days'
                                 THEN date_trunc('minute', u.at + interval '30 seconds')
                                 ELSE u.at
                            END
                       FROM unnest(funding_times) AS u (at));
    next_minutes := ARRAY(SELECT CASE WHEN u.at < ingest_rates.received_at + interval '100 days'
                                      THEN date_trunc('minute', u.at + interval '30 seconds')
                                      ELSE u.at
                                 END
                            FROM unnest(next_funding_times) AS u (at));

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
          FROM unnest(exchanges, symbols, minutes, interval_hours)
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
                               WHEN e.next_minute <= e.minute
                                 OR e.next_funding_time > e.funding_time + interval '31 days'
                                   THEN 'next_funding_time'
                               WHEN e.mark_price <= 0
                                 OR e.mark_price >= 1e20
                                 OR scale(trim_scale(e.mark_price)) > 18 THEN 'mark_price'
                           END
                       ELSE 'symbol'
                   END AS field
              FROM unnest(exchanges, symbols, funding_times, rates, hours, next_funding_times,
                          mark_prices, minutes, next_minutes)
                   WITH ORDINALITY
                   AS e (exchange, symbol, funding_time, rate, hours, next_funding_time,
                         mark_price, minute, next_minute, place)) AS f
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

    SELECT min(u.at), max(u.at), array_agg(DISTINCT date_trunc('day', u.at, 'UTC'))
      INTO first_time, last_time, days
      FROM unnest(minutes) AS u (at);
    PERFORM funding.make_room('funding.rates', 'day', days);

    -- Symbols, in the order of their names, so that two callers never wait for one another.
    WITH symbols_now AS MATERIALIZED (
        SELECT e.exchange, e.symbol, min(e.funding_time) AS first_at, max(e.funding_time) AS last_at
          FROM unnest(exchanges, symbols, minutes) AS e (exchange, symbol, funding_time)
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
      USING source, exchanges, symbols, minutes, rates, hours, next_minutes, mark_prices,
            received_at, run_id, first_time, last_time;

    -- What was known: the same is a duplicate, another statement a revision.
    IF taken < offered THEN
        -- A call that says two things of one settlement is a mistake of its caller.
        SELECT e.exchange, e.symbol, e.funding_time, min(e.place) AS place, max(e.place) AS other
          INTO bad
          FROM unnest(exchanges, symbols, minutes, rates, hours, next_minutes, mark_prices)
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
          USING source, exchanges, symbols, minutes, rates, hours, next_minutes, mark_prices,
                received_at, run_id, first_time, last_time;
        IF times_said IS NOT NULL THEN
            PERFORM funding.make_room('funding.rate_revisions', 'month', times_said);
            EXECUTE revise INTO revised, again_of, again_symbol, again_time
              USING source, exchanges, symbols, minutes, rates, hours, next_minutes, mark_prices,
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
$_$;

COMMENT ON FUNCTION funding.ingest_rates(source text, exchanges text[], symbols text[], funding_times timestamp with time zone[], rates numeric[], interval_hours integer[], next_funding_times timestamp with time zone[], mark_prices numeric[], received_at timestamp with time zone, run_id bigint, OUT taken integer, OUT duplicate integer, OUT revised integer, OUT opened integer, OUT resolved integer) IS 'Takes rates of one source, at most 500000, all or none. Rates are fractions per interval; interval_hours are the hours since the settlement before, by default those of the instrument. A settlement is known by the minute nearest to its funding_time, since sources stamp it some seconds early or late; the stamp itself is not kept. received_at is by default now: a retry gives that of its first attempt. Returns how many were taken, how many were duplicates (known so already), how many revised (another statement of what was known: that received last is in force, the others are in funding.rate_revisions), and how many discrepancies it opened and resolved. Raises 22023 naming element, field, value and cure; 2202E for arrays of several lengths; 54000 for too many.';

CREATE FUNCTION funding.make_room(parent regclass, unit text, times timestamp with time zone[]) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
$$;

COMMENT ON FUNCTION funding.make_room(parent regclass, unit text, times timestamp with time zone[]) IS 'Makes the partitions of a unit (day, month) that hold the times, where they do not stand; returns how many it made.';

CREATE FUNCTION funding.plan_for(elements integer) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    -- The day that is written has no statistics yet: the planner takes it for empty, and would
    -- look through it once for each element.
    PERFORM set_config('enable_nestloop', (elements <= 1000)::text, true),
            set_config('enable_hashjoin', (elements > 1000)::text, true),
            set_config('enable_mergejoin', 'false', true);
END
$$;

COMMENT ON FUNCTION funding.plan_for(elements integer) IS 'Has the planner look up each of few elements by the index, and join many at once. For functions that set enable_nestloop, enable_hashjoin and enable_mergejoin back.';

CREATE FUNCTION funding.resolve_discrepancy(discrepancy_id bigint, note text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
$$;

COMMENT ON FUNCTION funding.resolve_discrepancy(discrepancy_id bigint, note text) IS 'Resolves a discrepancy by hand, with a note that says why; false if it was resolved already. It stays so while both rates stay. Writes an action. Raises 22023 without a note, P0002 for an unknown one.';

CREATE FUNCTION funding.settlement_calendar(from_at timestamp with time zone, to_at timestamp with time zone, of_exchange text DEFAULT NULL::text, of_symbol text DEFAULT NULL::text) RETURNS TABLE(exchange text, symbol text, settles_at timestamp with time zone, interval_hours integer, basis text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET jit TO 'off'
    SET plan_cache_mode TO 'force_custom_plan'
    AS $$
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
        SELECT i.exchange, i.symbol, i.valid_from, i.valid_to, i.created_at,
               i.funding_interval_hours AS hours
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
        SELECT w.exchange, w.symbol, o.funding_time, o.hours, o.next_funding_time,
               o.received_at
          FROM wanted AS w
         CROSS JOIN LATERAL (
               SELECT DISTINCT ON (r.funding_time)
                      r.funding_time, r.interval_hours AS hours, r.next_funding_time,
                      r.received_at
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
        SELECT w.exchange, w.symbol, o.funding_time, o.interval_hours, o.next_funding_time,
               o.received_at
          FROM wanted AS w
         CROSS JOIN LATERAL (
               SELECT r.funding_time, r.interval_hours, r.next_funding_time, r.received_at
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
               lead(o.funding_time) OVER following AS after,
               first_value(o.funding_time) OVER following AS first_at
          FROM observed AS o
        WINDOW following AS (PARTITION BY o.exchange, o.symbol ORDER BY o.funding_time)
    ),
    -- The terms of each instrument in their order, and among them the last rate. Windows, not
    -- joins: those would look through all symbols for each one where statistics are old.
    lines AS MATERIALIZED (
        SELECT u.*,
               min(u.first_at) OVER all_lines AS told_from,
               max(u.at) FILTER (WHERE u.is_rate) OVER all_lines AS told_to,
               max(u.hours) FILTER (WHERE u.is_rate) OVER all_lines AS told_hours,
               max(u.next_funding_time) OVER all_lines AS told_next,
               max(u.known_at) FILTER (WHERE u.is_rate) OVER all_lines AS told_at,
               lag(u.taken_off_at) OVER (PARTITION BY u.exchange, u.symbol
                                         ORDER BY u.at, u.is_rate) AS taken_off_before
          FROM (SELECT i.exchange, i.symbol, false AS is_rate, i.valid_from AS at, i.valid_to,
                       i.hours, i.created_at AS known_at, NULL::timestamptz AS next_funding_time,
                       NULL::timestamptz AS first_at,
                       -- No other terms follow at once.
                       CASE WHEN lead(i.valid_from) OVER (PARTITION BY i.exchange, i.symbol
                                                          ORDER BY i.valid_from)
                                 IS DISTINCT FROM i.valid_to
                            THEN i.valid_to
                       END AS taken_off_at
                  FROM instruments AS i
                 UNION ALL
                SELECT c.exchange, c.symbol, true, c.funding_time, NULL, c.hours, c.received_at,
                       c.next_funding_time, c.first_at, NULL
                  FROM chain AS c
                 WHERE c.after IS NULL) AS u
        WINDOW all_lines AS (PARTITION BY u.exchange, u.symbol)
    ),
    -- Times in which settlements were, or will be, that nobody has told: (starts, ends].
    spans AS (
        -- After the last one, by its own interval or by what the source says of the next one …
        SELECT l.exchange, l.symbol, l.at AS starts, 0 AS place, n.hours,
               to_timestamp(extract(epoch FROM coalesce(l.next_funding_time, l.at))
                            % (n.hours * 3600)) AS phase,
               CASE WHEN l.taken_off_before >= l.at THEN l.taken_off_before END AS taken_off_at
          FROM lines AS l
         CROSS JOIN LATERAL (
               SELECT CASE
                          WHEN extract(epoch FROM l.next_funding_time - l.at) % 3600 = 0
                           AND l.next_funding_time <= l.at + interval '24 hours'
                              THEN (extract(epoch FROM l.next_funding_time - l.at) / 3600)::int
                          ELSE l.hours
                      END AS hours
               ) AS n
         WHERE l.is_rate
         UNION ALL
        -- … until the instrument says something newer; without any, by the instrument alone. An
        -- interval looks back: terms from a settlement on are of those after it, unless the source
        -- has said since which one is next.
        SELECT l.exchange, l.symbol,
               greatest(l.at,
                        CASE WHEN l.told_to IS NULL
                             THEN from_at - interval '1 microsecond'
                        END),
               1, l.hours,
               to_timestamp(coalesce(extract(epoch FROM l.told_to) % (l.told_hours * 3600), 0)),
               l.taken_off_at
          FROM lines AS l
         WHERE NOT l.is_rate
           AND CASE
                   WHEN l.told_to IS NULL THEN coalesce(l.valid_to >= from_at, true)
                   WHEN l.at = l.told_to THEN l.told_next IS NULL
                                           OR l.told_at <= l.known_at
                   ELSE l.at > l.told_to
               END
    ),
    ends AS (
        SELECT s.exchange, s.symbol, s.starts, s.hours, s.phase,
               least(lead(s.starts) OVER (PARTITION BY s.exchange, s.symbol
                                          ORDER BY s.starts, s.place), s.taken_off_at) AS ends
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
        SELECT l.exchange, l.symbol, g.at, l.hours
          FROM lines AS l
         CROSS JOIN LATERAL generate_series(
                        l.told_from - make_interval(
                            hours => l.hours
                                * greatest(1, ceil(extract(epoch FROM l.told_from
                                                                      - least(l.valid_to,
                                                                              l.told_from))
                                                   / (l.hours * 3600)))::int),
                        greatest(l.at + interval '1 microsecond', from_at),
                        make_interval(hours => -l.hours)) AS g (at)
         WHERE NOT l.is_rate
           AND l.at < l.told_from
           AND coalesce(l.valid_to, 'infinity') > from_at
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
$$;

COMMENT ON FUNCTION funding.settlement_calendar(from_at timestamp with time zone, to_at timestamp with time zone, of_exchange text, of_symbol text) IS 'When symbols settle from a time on and before another (at most 400 days), of one exchange and symbol or of all: exchange, symbol, time, hours that the settlement is for, and basis: observed (a rate has come), announced (a rate has come before its time), missed (it is past and no rate has come) or expected. Intervals are the real ones: those of the rates; between two rates, that of the later one; after the last, what the source says of the next settlement, else the last interval, until data_collector.instruments says something newer, for which terms from that settlement on count unless the source named the next one after they were told; without rates, that of the instrument, from midnight UTC. None after an instrument was taken off. Raises 22023 for another period.';

CREATE FUNCTION funding.take_snapshot(at timestamp with time zone DEFAULT clock_timestamp()) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET jit TO 'off'
    SET plan_cache_mode TO 'force_custom_plan'
    AS $$
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
$$;

COMMENT ON FUNCTION funding.take_snapshot(at timestamp with time zone) IS 'Writes what was known and due at a time: of each symbol the last settlement, told by the source of the least priority, with the least and greatest of all sources. Revisions and rates received later are not seen. A rate is left out once its next settlement is overdue by more than funding.snapshot_age_max. Returns the rows of the snapshot, also if it was taken before: it is never taken twice. Raises 22023 for a time that has not come.';

CREATE FUNCTION maintenance.adopt(schema name) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    command text;
    adopted int := 0;
BEGIN
    FOR command IN
        SELECT format('ALTER %s %I.%I OWNER TO nexus_owner',
                      CASE c.relkind
                          WHEN 'v' THEN 'VIEW'
                          WHEN 'm' THEN 'MATERIALIZED VIEW'
                          WHEN 'S' THEN 'SEQUENCE'
                          ELSE 'TABLE'
                      END, schema, c.relname)
          FROM pg_class AS c
         WHERE c.relnamespace = schema::text::regnamespace
           AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
           AND c.relowner <> 'nexus_owner'::regrole
           AND NOT EXISTS (SELECT
                             FROM pg_depend AS d
                            WHERE d.classid = 'pg_class'::regclass
                              AND d.objid = c.oid
                              AND d.deptype IN ('e', 'i', 'a')
                              AND (d.deptype = 'e' OR c.relkind = 'S'))
         UNION ALL
        SELECT format('ALTER ROUTINE %s OWNER TO nexus_owner', p.oid::regprocedure)
          FROM pg_proc AS p
         WHERE p.pronamespace = schema::text::regnamespace
           AND p.proowner <> 'nexus_owner'::regrole
         UNION ALL
        SELECT format('ALTER SCHEMA %I OWNER TO nexus_owner', schema)
          FROM pg_namespace AS n
         WHERE n.nspname = schema
           AND n.nspowner <> 'nexus_owner'::regrole
    LOOP
        EXECUTE command;
        adopted := adopted + 1;
    END LOOP;
    RETURN adopted;
END
$$;

COMMENT ON FUNCTION maintenance.adopt(schema name) IS 'Makes nexus_owner the owner of a schema and of the tables, views, sequences and routines in it; returns how many it was not yet. The last statement of every migration.';

CREATE FUNCTION maintenance."analyze"() RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    parent   regclass;
    analyzed int := 0;
BEGIN
    FOR parent IN
        SELECT c.oid::regclass
          FROM pg_class AS c
         WHERE c.relkind = 'p'
           AND NOT c.relispartition
           AND c.relowner = 'nexus_owner'::regrole
         ORDER BY c.oid
    LOOP
        EXECUTE format('ANALYZE %s', parent);
        analyzed := analyzed + 1;
    END LOOP;
    RETURN analyzed;
END
$$;

COMMENT ON FUNCTION maintenance."analyze"() IS 'Gathers the statistics of partitioned tables as wholes, which autovacuum leaves out; returns how many.';

CREATE FUNCTION maintenance.apply_retention() RETURNS TABLE(partition text, what text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET "TimeZone" TO 'UTC'
    SET "DateStyle" TO 'ISO, YMD'
    AS $$
DECLARE
    k    record;
    old  record;
    keep interval;
    reference name;
    drops CONSTANT boolean := coalesce(config.setting('retention.drop_detached')::boolean, false);
BEGIN
    FOR k IN
        SELECT c.parent_table
          FROM partman.part_config AS c
          JOIN config.definitions AS d
            ON d.section = 'system_settings'
           AND d.key = 'retention.' || c.parent_table
         WHERE to_regclass(c.parent_table) IS NOT NULL
         -- Facts that others refer to go after them.
         ORDER BY EXISTS (SELECT
                            FROM pg_constraint AS f
                           WHERE f.confrelid = to_regclass(c.parent_table)
                             AND f.contype = 'f'),
                  c.parent_table
    LOOP
        keep := (config.setting('retention.' || k.parent_table) #>> '{}')::interval;
        CONTINUE WHEN keep IS NULL;
        FOR old IN
            SELECT c.oid, format('%I.%I', n.nspname, c.relname) AS name
              FROM pg_inherits AS i
              JOIN pg_class AS c
                ON c.oid = i.inhrelid
              JOIN pg_namespace AS n
                ON n.oid = c.relnamespace
             CROSS JOIN LATERAL regexp_match(pg_get_expr(c.relpartbound, c.oid),
                                             'TO \(''([^'']+)''\)') AS b (bound)
             WHERE i.inhparent = to_regclass(k.parent_table)
               AND b.bound[1]::timestamptz <= clock_timestamp() - keep
             ORDER BY b.bound[1]::timestamptz
        LOOP
            partition := old.name;
            BEGIN
                EXECUTE format('ALTER TABLE %s DETACH PARTITION %s', k.parent_table, old.name);
            EXCEPTION
                WHEN foreign_key_violation THEN
                    what := 'kept: others refer to it';
                    RETURN NEXT;
                    CONTINUE;
            END;
            -- What it refers to may go after it.
            FOR reference IN
                SELECT f.conname
                  FROM pg_constraint AS f
                 WHERE f.conrelid = old.oid
                   AND f.contype = 'f'
                   AND f.conparentid = 0
            LOOP
                EXECUTE format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS %I', old.name, reference);
            END LOOP;
            EXECUTE format('COMMENT ON TABLE %s IS %L', old.name,
                           format('Detached from %s by retention of %s at %s.', k.parent_table,
                                  keep, date_trunc('second', clock_timestamp())));
            what := 'detached';
            PERFORM audit.record('partition_detached', old.name,
                                 jsonb_build_object('table', k.parent_table,
                                                    'retention', keep::text));
            RETURN NEXT;
        END LOOP;
    END LOOP;
    IF drops THEN
        FOR old IN
            SELECT format('%I.%I', n.nspname, c.relname) AS name
              FROM pg_class AS c
              JOIN pg_namespace AS n
                ON n.oid = c.relnamespace
             WHERE c.relkind = 'r'
               AND NOT c.relispartition
               AND c.relowner = 'nexus_owner'::regrole
               AND obj_description(c.oid, 'pg_class') LIKE 'Detached from % by retention of %'
             ORDER BY 1
        LOOP
            EXECUTE format('DROP TABLE %s', old.name);
            partition := old.name;
            what := 'dropped';
            PERFORM audit.record('partition_dropped', old.name);
            RETURN NEXT;
        END LOOP;
    END IF;
END
$$;

COMMENT ON FUNCTION maintenance.apply_retention() IS 'Detaches the partitions that ended longer ago than retention.<table> says; they stay as tables without their foreign keys, and are dropped only while retention.drop_detached is set. Returns which, and what was done: detached, dropped, or kept because others refer to it; the first two are written into audit.actions.';

CREATE FUNCTION maintenance.apply_slow_statement_threshold() RETURNS text
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    slow_ms CONSTANT int  := monitoring.slow_statement_ms();
    command CONSTANT text := format('ALTER DATABASE %I SET log_min_duration_statement = %L',
                                    current_database(), slow_ms);
BEGIN
    IF EXISTS (SELECT
                 FROM pg_db_role_setting AS s
                 JOIN pg_database AS d
                   ON d.oid = s.setdatabase
                WHERE d.datname = current_database()
                  AND s.setrole = 0
                  AND s.setconfig @> ARRAY[format('log_min_duration_statement=%s', slow_ms)]) THEN
        RETURN format('statements of more than %s ms are logged already', slow_ms);
    END IF;
    EXECUTE command;
    RETURN format('statements of more than %s ms are logged, in sessions that begin now', slow_ms);
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE NOTICE 'as a superuser: %', command;
        RETURN format('not allowed; as a superuser: %s', command);
END
$$;

COMMENT ON FUNCTION maintenance.apply_slow_statement_threshold() IS 'Has the server log the statements of this database that take longer than the setting monitoring.slow_statement_ms, in sessions that begin afterwards. Returns what was done; where that takes rights that the caller lacks, what a superuser has to run. The job may do it where nexus_owner owns the database and may SET the parameter log_min_duration_statement, which the migration sees to where a superuser runs it and a superuser owned the database.';

CREATE FUNCTION maintenance.check_jobs() RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET "TimeZone" TO 'UTC'
    AS $$
DECLARE
    d      record;
    missed int := 0;
BEGIN
    FOR d IN
        SELECT f.job, f.last_done_at
          FROM maintenance.due_jobs() AS f
         WHERE f.is_missed
    LOOP
        PERFORM risk.raise_alert('warning', 'job_missed', d.job,
                                 format('the job %s was done last at %s', d.job,
                                        coalesce(d.last_done_at::text, 'no time at all')));
        missed := missed + 1;
    END LOOP;
    RETURN missed;
END
$$;

COMMENT ON FUNCTION maintenance.check_jobs() IS 'Raises an alert job_missed for each job that was not done for twice its time; returns how many. It is a job itself, and the ledger calls it hourly, in case that no job runs at all.';

CREATE FUNCTION maintenance.due_jobs(at timestamp with time zone DEFAULT clock_timestamp()) RETURNS TABLE(job text, last_run_at timestamp with time zone, last_done_at timestamp with time zone, is_missed boolean)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT j.job, r.last_run_at, r.last_done_at,
           coalesce(r.last_done_at, j.added_at) < at - 2 * j.every
      FROM maintenance.jobs AS j
     CROSS JOIN LATERAL (
           SELECT max(r.started_at), max(r.started_at) FILTER (WHERE r.outcome = 'done')
             FROM maintenance.runs AS r
            WHERE r.job = j.job
           ) AS r (last_run_at, last_done_at)
     WHERE j.enabled
       AND coalesce(r.last_run_at <= at - j.every, true)
       AND (NOT j.only_in_window
         OR config.jobs_may_run(at)
         OR coalesce(r.last_done_at, j.added_at) < at - 7 * j.every)
     ORDER BY j.every, j.job
$$;

COMMENT ON FUNCTION maintenance.due_jobs(at timestamp with time zone) IS 'The jobs that are to be run at a moment, the most frequent first, when each ran and was done last, and whether it was missed: not done for twice its time, since it was added if never.';

CREATE FUNCTION maintenance.ensure_partitions(parent regclass, from_at timestamp with time zone, to_at timestamp with time zone) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET "TimeZone" TO 'UTC'
    SET "DateStyle" TO 'ISO, YMD'
    SET "IntervalStyle" TO 'postgres'
    AS $_$
DECLARE
    -- Any fixed number will do; this one is only used here.
    partition_lock CONSTANT bigint := 7088416218532262;
    parent_name text;
    every       interval;
    suffix      text;
    unit        text;
    at          timestamptz;
    missing     timestamptz[];
    -- Read from the catalogue, which waiting for the lock refreshes under READ COMMITTED.
    find_missing CONSTANT text :=
        'SELECT array_agg(t.at ORDER BY t.at)'
        '  FROM generate_series(date_trunc($1, $2, ''UTC''), $3, $4) AS t (at)'
        ' WHERE NOT EXISTS ('
        '       SELECT'
        '         FROM pg_inherits AS i'
        '         JOIN pg_class AS c'
        '           ON c.oid = i.inhrelid'
        '        CROSS JOIN LATERAL regexp_match('
        '                 pg_get_expr(c.relpartbound, c.oid),'
        '                 ''FROM \(''''([^'''']+)''''\) TO \(''''([^'''']+)''''\)'') AS b (bounds)'
        '        WHERE i.inhparent = $5'
        '          AND t.at >= b.bounds[1]::timestamptz'
        '          AND t.at < b.bounds[2]::timestamptz)';
BEGIN
    SELECT k.parent_table, k.partition_interval::interval, k.datetime_string
      INTO parent_name, every, suffix
      FROM partman.part_config AS k
     WHERE to_regclass(k.parent_table) = parent;
    IF NOT found THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('%s is not kept by maintenance.partition', parent),
            HINT    = 'SELECT parent_table FROM partman.part_config lists those that are.';
    END IF;
    IF from_at IS NULL
    OR to_at IS NULL
    OR from_at > to_at
    OR from_at < timestamptz '1970-01-01 00:00:00+00'
    OR to_at >= timestamptz '2200-01-01 00:00:00+00' THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('no partition of %s can hold the times from %s to %s', parent,
                             coalesce(from_at::text, 'null'), coalesce(to_at::text, 'null')),
            HINT    = 'Give times from 1970 to 2199, the earlier one first.';
    END IF;
    unit := CASE WHEN every >= interval '1 year' THEN 'year'
                 WHEN every >= interval '1 month' THEN 'month'
                 ELSE 'day'
            END;
    IF (to_at - from_at) > every * 4000 THEN
        RAISE EXCEPTION USING
            ERRCODE = 'program_limit_exceeded',
            MESSAGE = format('from %s to %s are more than 4000 partitions of %s', from_at, to_at,
                             parent),
            HINT    = 'Bring the facts in parts of a shorter time.';
    END IF;

    EXECUTE find_missing INTO missing USING unit, from_at, to_at, every, parent;
    IF missing IS NULL THEN
        RETURN 0;
    END IF;
    -- One maker at a time.
    PERFORM pg_advisory_xact_lock(partition_lock);
    EXECUTE find_missing INTO missing USING unit, from_at, to_at, every, parent;
    IF missing IS NULL THEN
        RETURN 0;
    END IF;
    -- As partman.create_partition_time names them; it is not called, see maintenance.partition.
    FOREACH at IN ARRAY missing LOOP
        IF to_regclass(format('%s_p%s', parent_name, to_char(at, suffix))) IS NOT NULL THEN
            RAISE EXCEPTION USING
                ERRCODE = 'object_not_in_prerequisite_state',
                MESSAGE = format('%s of %s is no partition any more: retention has detached it',
                                 parent_name, to_char(at, suffix)),
                HINT    = format('Leave out facts that are so old; or raise the setting '
                                 'retention.%1$s and ALTER TABLE %1$s ATTACH PARTITION %1$s_p%2$s '
                                 'FOR VALUES FROM (%3$L) TO (%4$L).',
                                 parent_name, to_char(at, suffix), at, at + every);
        END IF;
        EXECUTE format('CREATE TABLE %1$s_p%2$s PARTITION OF %1$s FOR VALUES FROM (%3$L) TO (%4$L)',
                       parent_name, to_char(at, suffix), at, at + every);
    END LOOP;
    RETURN cardinality(missing);
END
$_$;

COMMENT ON FUNCTION maintenance.ensure_partitions(parent regclass, from_at timestamp with time zone, to_at timestamp with time zone) IS 'Makes the partitions of a table that hold the times of a range, where they do not stand; returns how many it made. Raises 22023 for a table that is not kept by maintenance.partition or times beyond 1970 to 2199, 54000 for more than 4000 partitions, 55000 for one that retention has detached.';

CREATE FUNCTION maintenance.keep_truths() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
DECLARE
    cases    text;
    missing text;
    broken   text;
BEGIN
    SELECT coalesce(string_agg(format('WHEN %I IS NULL THEN %L', a.attname, a.attname), ' '
                               ORDER BY a.attnum), 'WHEN false THEN NULL')
      INTO cases
      FROM pg_attribute AS a
     WHERE a.attrelid = tg_relid
       AND a.attnum > 0
       AND a.attnotnull
       AND a.attgenerated = ''
       AND NOT a.attisdropped;
    EXECUTE format('SELECT CASE %s END FROM (SELECT ($1).*) AS t', cases)
       INTO missing
      USING new;
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'not_null_violation',
            MESSAGE = format('null value in column "%s" of relation "%s" violates not-null '
                             'constraint', missing, tg_table_name),
            HINT    = 'Give a value for that column.',
            SCHEMA  = tg_table_schema,
            TABLE   = tg_table_name,
            COLUMN  = missing;
    END IF;
    SELECT coalesce(string_agg(format('WHEN NOT (%s) THEN %L',
                                      pg_get_expr(k.conbin, k.conrelid), k.conname),
                               ' ' ORDER BY k.conname), 'WHEN false THEN NULL')
      INTO cases
      FROM pg_constraint AS k
     WHERE k.conrelid = tg_relid
       AND k.contype = 'c';
    EXECUTE format('SELECT CASE %s END FROM (SELECT ($1).*) AS t', cases)
       INTO broken
      USING new;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION USING
            ERRCODE    = 'check_violation',
            MESSAGE    = format('%s.%s: %s does not hold', tg_table_schema, tg_table_name, broken),
            HINT       = (SELECT coalesce(obj_description(k.oid, 'pg_constraint'),
                                          'It has to be so: ' || pg_get_constraintdef(k.oid))
                            FROM pg_constraint AS k
                           WHERE k.conrelid = tg_relid
                             AND k.conname = broken),
            SCHEMA     = tg_table_schema,
            TABLE      = tg_table_name,
            CONSTRAINT = broken;
    END IF;
    RETURN new;
END
$_$;

COMMENT ON FUNCTION maintenance.keep_truths() IS 'Trigger: refuses a row that breaks a NOT NULL or a CHECK of its table, with the same SQLSTATE and the name of the constraint, and its comment as the cure; but without the row, which the server would show and write into its log, and which may hold a secret.';

CREATE FUNCTION maintenance.make_partitions() RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET "TimeZone" TO 'UTC'
    SET "DateStyle" TO 'ISO, YMD'
    SET "IntervalStyle" TO 'postgres'
    AS $$
DECLARE
    k     record;
    now_at CONSTANT timestamptz := clock_timestamp();
    ahead int;
    made  int := 0;
BEGIN
    FOR k IN
        SELECT c.parent_table, c.partition_interval::interval AS every
          FROM partman.part_config AS c
         WHERE to_regclass(c.parent_table) IS NOT NULL
         ORDER BY c.parent_table
    LOOP
        ahead := config.setting(CASE WHEN k.every >= interval '1 year' THEN 'partitions.ahead_years'
                                     WHEN k.every >= interval '1 month' THEN
                                          'partitions.ahead_months'
                                     ELSE 'partitions.ahead_days'
                                END)::int;
        UPDATE partman.part_config AS c
           SET premake = ahead
         WHERE c.parent_table = k.parent_table
           AND c.premake <> ahead;
        made := made + maintenance.ensure_partitions(k.parent_table, now_at,
                                                     now_at + ahead * k.every);
    END LOOP;
    RETURN made + (SELECT count(*)
                     FROM positions.ensure_months(
                              config.setting('partitions.ahead_months')::int));
END
$$;

COMMENT ON FUNCTION maintenance.make_partitions() IS 'Makes the partitions of every table that is partitioned by time, and the months of the log, from now on as far ahead as the settings partitions.ahead_* say; returns how many were made or, of the log, stand.';

CREATE FUNCTION maintenance.partition(parent regclass, every interval, ahead integer) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET "TimeZone" TO 'UTC'
    SET "DateStyle" TO 'ISO, YMD'
    SET "IntervalStyle" TO 'postgres'
    AS $$
DECLARE
    parent_name text;
    control     name;
BEGIN
    SELECT format('%s.%s', n.nspname, c.relname), a.attname
      INTO parent_name, control
      FROM pg_class AS c
      JOIN pg_namespace AS n
        ON n.oid = c.relnamespace
      JOIN pg_partitioned_table AS p
        ON p.partrelid = c.oid
      JOIN pg_attribute AS a
        ON a.attrelid = c.oid
       AND a.attnum = p.partattrs[0]
     WHERE c.oid = parent
       AND p.partstrat = 'r';
    IF NOT found THEN
        RAISE EXCEPTION USING
            ERRCODE = 'wrong_object_type',
            MESSAGE = format('%s is not partitioned by range', parent),
            HINT    = 'Make it with PARTITION BY RANGE of one timestamptz column.';
    END IF;
    IF EXISTS (SELECT FROM partman.part_config AS k WHERE k.parent_table = parent_name) THEN
        UPDATE partman.part_config AS k
           SET premake = ahead
         WHERE k.parent_table = parent_name;
        RETURN false;
    END IF;

    -- What partman.create_parent writes, without its DEFAULT partition and its template. Called
    -- here it would leave its own search_path to the session: it sets it without LOCAL.
    INSERT INTO partman.part_config
           (parent_table, control, partition_type, partition_interval, datetime_string, premake,
            infinite_time_partitions, retention_keep_table, retention_keep_index, jobmon)
    VALUES (parent_name, control,
            -- What its fourth major version calls native, the fifth calls range.
            (SELECT CASE WHEN e.extversion LIKE '4.%' THEN 'native' ELSE 'range' END
               FROM pg_extension AS e
              WHERE e.extname = 'pg_partman'),
            every::text,
            CASE WHEN every >= interval '1 year' THEN 'YYYY'
                 WHEN every >= interval '1 month' THEN 'YYYY_MM'
                 ELSE 'YYYY_MM_DD'
            END,
            ahead, true, true, true, false);
    PERFORM maintenance.ensure_partitions(parent, now() - every, now() + ahead * every);
    RETURN true;
END
$$;

COMMENT ON FUNCTION maintenance.partition(parent regclass, every interval, ahead integer) IS 'Hands a table that is partitioned by range of one time to pg_partman: partitions of `every`, `ahead` of them made ahead, bounds in UTC, no DEFAULT. False if it was handed over before; then only `ahead` is set. nexus_owner has to own the table: maintenance.adopt first. Raises 42809 for another kind of table.';

CREATE FUNCTION maintenance.purge() RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    removed int;
    purged  int;
    -- Null keeps for ever, since nothing is before it.
    keep_sessions CONSTANT interval :=
        (config.setting('retention.auth.sessions') #>> '{}')::interval;
    keep_runs     CONSTANT interval :=
        (config.setting('retention.maintenance.runs') #>> '{}')::interval;
BEGIN
    DELETE FROM auth.sessions AS s
     WHERE s.expires_at < clock_timestamp() - keep_sessions;
    GET DIAGNOSTICS purged = ROW_COUNT;
    DELETE FROM maintenance.runs AS r
     WHERE r.started_at < clock_timestamp() - keep_runs;
    GET DIAGNOSTICS removed = ROW_COUNT;
    RETURN purged + removed;
END
$$;

COMMENT ON FUNCTION maintenance.purge() IS 'Removes sessions that ended longer ago than retention.auth.sessions says, and runs of jobs that began longer ago than retention.maintenance.runs says; returns how many.';

CREATE FUNCTION maintenance.refresh_views() RETURNS TABLE(view_name text, is_concurrent boolean, took interval)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET "TimeZone" TO 'UTC'
    AS $$
DECLARE
    v        record;
    begun_at timestamptz;
BEGIN
    FOR v IN
        SELECT format('%I.%I', n.nspname, c.relname) AS name,
               c.relispopulated
           AND EXISTS (SELECT
                         FROM pg_index AS i
                        WHERE i.indrelid = c.oid
                          AND i.indisunique
                          AND i.indisvalid
                          AND i.indpred IS NULL
                          AND i.indexprs IS NULL) AS lets_read
          FROM pg_class AS c
          JOIN pg_namespace AS n
            ON n.oid = c.relnamespace
         WHERE c.relkind = 'm'
           AND c.relowner = 'nexus_owner'::regrole
         ORDER BY 1
    LOOP
        begun_at := clock_timestamp();
        EXECUTE format('REFRESH MATERIALIZED VIEW %s %s',
                       CASE WHEN v.lets_read THEN 'CONCURRENTLY' ELSE '' END, v.name);
        view_name := v.name;
        is_concurrent := v.lets_read;
        took := clock_timestamp() - begun_at;
        RETURN NEXT;
    END LOOP;
END
$$;

COMMENT ON FUNCTION maintenance.refresh_views() IS 'Refreshes the materialized views of nexus_owner, CONCURRENTLY: readers go on and see the former rows until the transaction commits. One that was never filled (after a restore) is refreshed without. Returns which, whether concurrently, and how long it took.';

CREATE FUNCTION maintenance.run_job(job text, trigger text DEFAULT 'manual'::text, OUT outcome text, OUT error text) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET "TimeZone" TO 'UTC'
    SET lock_timeout TO '5s'
    AS $$
#variable_conflict use_variable
DECLARE
    j       maintenance.jobs;
    started CONSTANT timestamptz := clock_timestamp();
BEGIN
    SELECT k.* INTO j FROM maintenance.jobs AS k WHERE k.job = job;
    IF NOT found THEN
        RAISE EXCEPTION USING
            ERRCODE = 'no_data_found',
            MESSAGE = format('there is no job %s', coalesce(quote_literal(job), 'null')),
            HINT    = 'Jobs are ' || (SELECT string_agg(k.job, ', ' ORDER BY k.job)
                                        FROM maintenance.jobs AS k) || '.';
    END IF;
    -- Two at once would do the same twice.
    IF NOT pg_try_advisory_xact_lock(hashtextextended('nexus job ' || job, 0)) THEN
        outcome := 'running';
        RETURN;
    END IF;
    IF trigger = 'pg_cron'
    AND j.only_in_window
    AND NOT EXISTS (SELECT FROM maintenance.due_jobs(started) AS d WHERE d.job = job) THEN
        outcome := 'waiting';
        RETURN;
    END IF;

    outcome := 'done';
    BEGIN
        EXECUTE j.command;
    EXCEPTION
        -- The session ends: nothing can be written any more.
        WHEN admin_shutdown THEN
            RAISE;
        -- OTHERS does not hold the last two. A statement_timeout cancels, and nobody watches it.
        WHEN OTHERS OR query_canceled OR assert_failure THEN
            outcome := 'failed';
            error := format('%s: %s', sqlstate, sqlerrm);
    END;
    INSERT INTO maintenance.runs (started_at, ended_at, job, outcome, trigger, actor, error)
    VALUES (started, clock_timestamp(), job, outcome, trigger, audit.actor(), error);
    IF outcome = 'failed' THEN
        PERFORM risk.raise_alert('warning', 'job_failed', job,
                                 format('the job %s failed: %s', job, error));
    ELSE
        PERFORM risk.resolve_alert('job_failed', job);
        PERFORM risk.resolve_alert('job_missed', job);
    END IF;
END
$$;

COMMENT ON FUNCTION maintenance.run_job(job text, trigger text, OUT outcome text, OUT error text) IS 'Runs a job and notes what came of it: done, failed (rolled back, with the error, and an alert job_failed; a job that was cancelled, by a time limit or by somebody, has failed), running (somewhere else at this moment; nothing was done) or waiting (for a maintenance window). Raises P0002 for an unknown job.';

CREATE FUNCTION maintenance.schedule_jobs() RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    j         record;
    scheduled int := 0;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_extension AS e WHERE e.extname = 'pg_cron') THEN
        RETURN 0;
    END IF;
    FOR j IN
        SELECT k.job, k.schedule, k.enabled,
               format('SELECT maintenance.run_job(%L, %L)', k.job, 'pg_cron') AS command
          FROM maintenance.jobs AS k
    LOOP
        IF j.enabled THEN
            IF current_setting('is_superuser')::boolean THEN
                PERFORM cron.schedule_in_database('nexus ' || j.job, j.schedule, j.command,
                                                  current_database(), 'nexus_maintainer');
            ELSE
                PERFORM cron.schedule('nexus ' || j.job, j.schedule, j.command);
            END IF;
            scheduled := scheduled + 1;
        ELSE
            PERFORM cron.unschedule(c.jobid)
               FROM cron.job AS c
              WHERE c.jobname = 'nexus ' || j.job;
        END IF;
    END LOOP;
    RETURN scheduled;
END
$$;

COMMENT ON FUNCTION maintenance.schedule_jobs() IS 'Tells pg_cron of the jobs, and to forget those that are not enabled; returns how many it runs, 0 without pg_cron. A superuser schedules them for nexus_maintainer.';

CREATE FUNCTION maintenance.unpartition(parent regclass) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    parent_name text;
    template    text;
BEGIN
    SELECT format('%s.%s', n.nspname, c.relname)
      INTO parent_name
      FROM pg_class AS c
      JOIN pg_namespace AS n
        ON n.oid = c.relnamespace
     WHERE c.oid = parent;
    DELETE FROM partman.part_config AS k
     WHERE k.parent_table = parent_name
    RETURNING k.template_table
      INTO template;
    IF to_regclass(template) IS NOT NULL THEN
        EXECUTE format('DROP TABLE %s', template::regclass);
    END IF;
END
$$;

COMMENT ON FUNCTION maintenance.unpartition(parent regclass) IS 'Takes a table back from pg_partman; its partitions stay. For down migrations.';

CREATE FUNCTION monitoring.estimate_bloat() RETURNS TABLE(kind text, object_name text, table_name text, row_count bigint, size_bytes bigint, expected_bytes bigint, dead_rows bigint, vacuumed_at timestamp with time zone, analyzed_at timestamp with time zone)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    WITH widths AS (
        SELECT s.schemaname, s.tablename, s.attname, s.avg_width * (1 - s.null_frac) AS width,
               s.null_frac
          FROM pg_stats AS s
         WHERE NOT s.inherited
    ),
    tables AS (
        SELECT c.oid, n.nspname, c.relname, c.reltuples, c.relpages,
               coalesce((SELECT o.option_value::int
                           FROM pg_options_to_table(c.reloptions) AS o
                          WHERE o.option_name = 'fillfactor'), 100) AS fill,
               -- Line pointer, header with the bitmap of nulls, data; each in steps of 8 bytes.
               (SELECT CASE WHEN count(w.width) = count(*) THEN
                            4 + 8 * ceil((23 + CASE WHEN bool_or(w.null_frac > 0)
                                                    THEN ceil(count(*) / 8.0)
                                                    ELSE 0
                                               END) / 8.0)
                              + 8 * ceil(sum(w.width) / 8)
                       END
                  FROM pg_attribute AS a
                  LEFT JOIN widths AS w
                    ON w.schemaname = n.nspname
                   AND w.tablename = c.relname
                   AND w.attname = a.attname
                 WHERE a.attrelid = c.oid
                   AND a.attnum > 0
                   AND NOT a.attisdropped) AS row_bytes
          FROM pg_class AS c
          JOIN pg_namespace AS n
            ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'm')
           AND c.relpages > 0
           AND c.relpersistence <> 't'
           AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'partman', 'cron')
    ),
    indexes AS (
        SELECT c.oid, i.indrelid, t.nspname, c.relname, c.reltuples, c.relpages,
               coalesce((SELECT o.option_value::int
                           FROM pg_options_to_table(c.reloptions) AS o
                          WHERE o.option_name = 'fillfactor'), 90) AS fill,
               (SELECT CASE WHEN count(w.width) = count(*) THEN
                            4 + 8 * ceil((8 + CASE WHEN bool_or(w.null_frac > 0) THEN 4 ELSE 0 END)
                                         / 8.0)
                              + 8 * ceil(sum(w.width) / 8)
                       END
                  FROM pg_attribute AS a
                  LEFT JOIN pg_attribute AS ta
                    ON ta.attrelid = i.indrelid
                   AND ta.attnum = i.indkey[a.attnum - 1]
                   AND ta.attnum > 0
                  LEFT JOIN widths AS w
                    ON w.schemaname = t.nspname
                   AND w.tablename = CASE WHEN ta.attnum IS NULL THEN c.relname ELSE t.relname END
                   AND w.attname = coalesce(ta.attname, a.attname)
                 WHERE a.attrelid = c.oid
                   AND a.attnum > 0) AS entry_bytes
          FROM tables AS t
          JOIN pg_index AS i
            ON i.indrelid = t.oid
          JOIN pg_class AS c
            ON c.oid = i.indexrelid
          JOIN pg_am AS m
            ON m.oid = c.relam
           AND m.amname = 'btree'
         WHERE c.relpages > 1
    ),
    block AS (
        SELECT current_setting('block_size')::int AS bytes
    )
    SELECT 'table',
           format('%s.%s', t.nspname, t.relname),
           format('%s.%s', t.nspname, t.relname),
           greatest(t.reltuples, 0)::bigint,
           t.relpages::bigint * b.bytes,
           CASE WHEN t.reltuples >= 0 AND t.row_bytes > 0 THEN
               (ceil(t.reltuples
                     / greatest(floor((b.bytes - 24) * t.fill / 100.0 / t.row_bytes), 1))
                * b.bytes)::bigint
           END,
           coalesce(s.n_dead_tup, 0),
           greatest(s.last_vacuum, s.last_autovacuum),
           greatest(s.last_analyze, s.last_autoanalyze)
      FROM tables AS t
     CROSS JOIN block AS b
      LEFT JOIN pg_stat_all_tables AS s
        ON s.relid = t.oid
     UNION ALL
    SELECT 'index',
           format('%s.%s', x.nspname, x.relname),
           x.indrelid::regclass::text,
           greatest(x.reltuples, 0)::bigint,
           x.relpages::bigint * b.bytes,
           CASE WHEN x.reltuples >= 0 AND x.entry_bytes > 0 THEN
               ((1 + ceil(x.reltuples
                          / greatest(floor((b.bytes - 40) * x.fill / 100.0 / x.entry_bytes), 1)))
                * b.bytes)::bigint
           END,
           NULL,
           greatest(s.last_vacuum, s.last_autovacuum),
           greatest(s.last_analyze, s.last_autoanalyze)
      FROM indexes AS x
     CROSS JOIN block AS b
      LEFT JOIN pg_stat_all_tables AS s
        ON s.relid = x.indrelid
$$;

COMMENT ON FUNCTION monitoring.estimate_bloat() IS 'How large tables and B-trees are and how large they would be if written anew, by rows and mean widths as the last ANALYZE found them. Runs as its owner, who may see widths of all columns; gives no values.';

CREATE FUNCTION monitoring.slow_statement_ms() RETURNS integer
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT config.setting('monitoring.slow_statement_ms')::int
$$;

COMMENT ON FUNCTION monitoring.slow_statement_ms() IS 'From how many milliseconds on a statement is slow: the setting monitoring.slow_statement_ms.';

CREATE FUNCTION monitoring.statements() RETURNS TABLE(query_id bigint, role_id oid, calls bigint, total_ms double precision, mean_ms double precision, max_ms double precision, stddev_ms double precision, row_count bigint, blocks_hit bigint, blocks_read bigint, temp_blocks bigint, wal_bytes numeric, query text)
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    source text;
BEGIN
    -- The setting exists where the library is preloaded, and only there.
    SELECT format('%I.pg_stat_statements', n.nspname)
      INTO source
      FROM pg_extension AS e
      JOIN pg_namespace AS n
        ON n.oid = e.extnamespace
     WHERE e.extname = 'pg_stat_statements'
       AND current_setting('pg_stat_statements.max', true) IS NOT NULL;
    IF source IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY EXECUTE
        'SELECT s.queryid, s.userid, s.calls, s.total_exec_time, s.mean_exec_time,'
        '       s.max_exec_time, s.stddev_exec_time, s.rows, s.shared_blks_hit,'
        '       s.shared_blks_read, s.temp_blks_written, s.wal_bytes, s.query'
        '  FROM ' || source || ' AS s'
        ' WHERE s.dbid = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())'
        '   AND s.toplevel';
EXCEPTION
    -- Loaded by hand in this session only; or the caller may not read it.
    WHEN object_not_in_prerequisite_state OR insufficient_privilege THEN
        RETURN;
END
$$;

COMMENT ON FUNCTION monitoring.statements() IS 'The statements of this database that pg_stat_statements counts. No rows where it says nothing: the extension is not made (CREATE EXTENSION pg_stat_statements), or the library is not in shared_preload_libraries (which takes a restart). Raises nothing.';

CREATE FUNCTION opportunities.advance(opportunity_id uuid, status text, reason text DEFAULT NULL::text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    was text;
BEGIN
    SELECT d.status
      INTO was
      FROM opportunities.detected AS d
     WHERE d.opportunity_id = advance.opportunity_id
       FOR NO KEY UPDATE;
    IF NOT found THEN
        RAISE EXCEPTION USING
            ERRCODE = 'no_data_found',
            MESSAGE = format('opportunity_id %s does not exist',
                             coalesce(opportunity_id::text, 'null')),
            HINT    = 'SELECT opportunity_id FROM opportunities.known lists those that do.';
    END IF;
    IF was = status THEN
        RETURN false;
    END IF;
    UPDATE opportunities.detected AS d
       SET status = advance.status,
           status_reason = advance.reason
     WHERE d.opportunity_id = advance.opportunity_id;
    RETURN true;
END
$$;

COMMENT ON FUNCTION opportunities.advance(opportunity_id uuid, status text, reason text) IS 'Moves an opportunity on to a next state; false if it is in it. Raises P0002 for an unknown one, 23514 for a state that is not allowed next, with those that are in the hint, for a last state while an execution is running, which is named, and for qualified or executing when expires_at is over.';

CREATE FUNCTION opportunities.detect(strategy text, asset text, long_exchange text, long_symbol text, short_exchange text, short_symbol text, score numeric, components jsonb, spread numeric, notional_max numeric DEFAULT NULL::numeric, expires_at timestamp with time zone DEFAULT NULL::timestamp with time zone, snapshot_at timestamp with time zone DEFAULT NULL::timestamp with time zone, detected_at timestamp with time zone DEFAULT clock_timestamp()) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    id      uuid;
    known   opportunities.detected;
    differs text;
BEGIN
    PERFORM maintenance.ensure_partitions('opportunities.detected', detected_at, detected_at);
    INSERT INTO opportunities.detected AS d
           (strategy, asset, long_exchange, long_symbol, short_exchange, short_symbol, score,
            components, spread, notional_max, expires_at, snapshot_at, detected_at)
    VALUES (detect.strategy, detect.asset, detect.long_exchange, detect.long_symbol,
            detect.short_exchange, detect.short_symbol, detect.score, detect.components,
            detect.spread, detect.notional_max, detect.expires_at, detect.snapshot_at,
            detect.detected_at)
        ON CONFLICT DO NOTHING
    RETURNING d.opportunity_id
      INTO id;
    IF id IS NULL THEN
        SELECT d.*
          INTO known
          FROM opportunities.detected AS d
         WHERE d.long_exchange = detect.long_exchange
           AND d.long_symbol = detect.long_symbol
           AND d.short_exchange = detect.short_exchange
           AND d.short_symbol = detect.short_symbol
           AND d.strategy = detect.strategy
           AND d.detected_at = detect.detected_at;
        -- Not expires_at, which may have been moved since.
        SELECT string_agg(format('%s is %s, not %s', f.field,
                                 left(coalesce(f.known, 'null'), 200),
                                 left(coalesce(f.told, 'null'), 200)), ', ' ORDER BY f.field)
          INTO differs
          FROM (VALUES ('asset', known.asset, asset, known.asset = asset),
                       ('score', trim_scale(known.score)::text, trim_scale(score)::text,
                        known.score = score::numeric(38,18)),
                       ('components', known.components::text, components::text,
                        known.components = components),
                       ('spread', trim_scale(known.spread)::text, trim_scale(spread)::text,
                        known.spread = spread::numeric(38,18)),
                       ('notional_max', trim_scale(known.notional_max)::text,
                        trim_scale(notional_max)::text,
                        known.notional_max IS NOT DISTINCT FROM notional_max::numeric(38,18)),
                       ('snapshot_at', known.snapshot_at::text, snapshot_at::text,
                        known.snapshot_at IS NOT DISTINCT FROM snapshot_at))
               AS f (field, known, told, is_same)
         WHERE f.is_same IS NOT TRUE;
        IF differs IS NOT NULL THEN
            RAISE EXCEPTION USING
                ERRCODE = 'unique_violation',
                CONSTRAINT = 'opportunity_is_detected_once',
                MESSAGE = format('opportunity %s is known with other content: %s',
                                 known.opportunity_id, differs),
                HINT    = 'What was detected stays: give another opportunity its own detected_at.';
        END IF;
        id := known.opportunity_id;
    END IF;
    RETURN id;
END
$$;

COMMENT ON FUNCTION opportunities.detect(strategy text, asset text, long_exchange text, long_symbol text, short_exchange text, short_symbol text, score numeric, components jsonb, spread numeric, notional_max numeric, expires_at timestamp with time zone, snapshot_at timestamp with time zone, detected_at timestamp with time zone) IS 'Writes down an opportunity; returns its id, that of the first if the same comes again. expires_at is taken from the first: it may have been moved since. Raises 23505 if legs, strategy and detected_at are known with other content, naming what differs, 23503 for an unknown exchange, 23514 naming what a column does not take.';

CREATE FUNCTION opportunities.end_execution(execution_id uuid, position_id uuid, quantity numeric, long_price_actual numeric, short_price_actual numeric, first_fill_at timestamp with time zone DEFAULT NULL::timestamp with time zone, error text DEFAULT NULL::text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    opportunity uuid;
    was         text;
BEGIN
    SELECT e.opportunity_id, e.status
      INTO opportunity, was
      FROM opportunities.executions AS e
     WHERE e.execution_id = end_execution.execution_id
       FOR NO KEY UPDATE;
    IF NOT found THEN
        RAISE EXCEPTION USING
            ERRCODE = 'no_data_found',
            MESSAGE = format('execution_id %s does not exist',
                             coalesce(execution_id::text, 'null')),
            HINT    = 'Begin one with opportunities.start_execution.';
    END IF;
    IF was <> 'running' THEN
        RETURN false;
    END IF;
    UPDATE opportunities.executions AS e
       SET position_id = coalesce(end_execution.position_id, e.position_id),
           quantity = end_execution.quantity,
           long_price_actual = end_execution.long_price_actual,
           short_price_actual = end_execution.short_price_actual,
           first_fill_at = end_execution.first_fill_at,
           ended_at = greatest(clock_timestamp(), e.started_at),
           status = CASE WHEN end_execution.error IS NULL THEN 'filled' ELSE 'failed' END,
           error = left(end_execution.error, 1024)
     WHERE e.execution_id = end_execution.execution_id;
    -- An opportunity that had ended while its execution ran, as was possible once, stays as it is:
    -- which position came of it counts more.
    IF error IS NULL THEN
        PERFORM opportunities.advance(d.opportunity_id, 'executed')
           FROM opportunities.detected AS d
          WHERE d.opportunity_id = opportunity
            AND opportunities.next_states(d.status) <> '{}';
    END IF;
    RETURN true;
END
$$;

COMMENT ON FUNCTION opportunities.end_execution(execution_id uuid, position_id uuid, quantity numeric, long_price_actual numeric, short_price_actual numeric, first_fill_at timestamp with time zone, error text) IS 'Ends an execution with its position, quantity (units of the asset) and average prices (quote assets), and its opportunity as executed; with an error the execution has failed, and the opportunity waits for another attempt or opportunities.advance. False if it had ended. Raises P0002 for an unknown one, 23514 naming what a column does not take.';

CREATE FUNCTION opportunities.expire_overdue() RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    expired_max CONSTANT int := 10000;
    expired     int;
BEGIN
    -- Whoever is moving one on at this moment has it.
    UPDATE opportunities.detected AS d
       SET status = 'expired',
           status_reason = 'expires_at is over'
      FROM (SELECT o.opportunity_id, o.detected_at
              FROM opportunities.detected AS o
             WHERE o.status IN ('detected', 'qualified')
               AND o.expires_at <= clock_timestamp()
               AND NOT EXISTS (SELECT
                                 FROM opportunities.executions AS e
                                WHERE e.opportunity_id = o.opportunity_id
                                  AND e.detected_at = o.detected_at
                                  AND e.status = 'running')
             ORDER BY o.expires_at
             LIMIT expired_max
               FOR NO KEY UPDATE SKIP LOCKED) AS f
     WHERE d.opportunity_id = f.opportunity_id
       AND d.detected_at = f.detected_at;
    GET DIAGNOSTICS expired = ROW_COUNT;
    RETURN expired;
END
$$;

COMMENT ON FUNCTION opportunities.expire_overdue() IS 'Sets opportunities whose expires_at is over and that are not executing to expired, at most 10000, the oldest first; returns how many.';

CREATE FUNCTION opportunities.guard() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    changed text;
    running uuid;
BEGIN
    IF tg_op = 'INSERT' THEN
        IF new.status <> 'detected' THEN
            RAISE EXCEPTION USING
                ERRCODE = 'check_violation',
                CONSTRAINT = 'life_is_begun_as_detected',
                MESSAGE = format('status %s of opportunity %s is no beginning', new.status,
                                 new.opportunity_id),
                HINT    = 'An opportunity begins as detected; then opportunities.advance.';
        END IF;
        RETURN new;
    END IF;

    IF new.status <> old.status
    AND NOT new.status = ANY (opportunities.next_states(old.status)) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            CONSTRAINT = 'status_is_a_next_one',
            MESSAGE = format('opportunity %s cannot become %s: it is %s', old.opportunity_id,
                             new.status, old.status),
            HINT    = CASE
                          WHEN opportunities.next_states(old.status) = '{}'
                              THEN format('%s is a last state: it stays. Allowed next: none.',
                                          old.status)
                          ELSE format('Allowed next: %s.',
                                      array_to_string(opportunities.next_states(old.status), ', '))
                      END;
    END IF;
    -- What it may yet come to would have nowhere to be written.
    IF new.status <> old.status
    AND opportunities.next_states(new.status) = '{}' THEN
        SELECT e.execution_id
          INTO running
          FROM opportunities.executions AS e
         WHERE e.opportunity_id = old.opportunity_id
           AND e.detected_at = old.detected_at
           AND e.status = 'running'
         ORDER BY e.attempt
         LIMIT 1;
        IF found THEN
            RAISE EXCEPTION USING
                ERRCODE = 'check_violation',
                CONSTRAINT = 'opportunity_ends_after_its_executions',
                MESSAGE = format('opportunity %s cannot become %s: its execution %s is running',
                                 old.opportunity_id, new.status, running),
                HINT    = 'End the execution first, with its position or an error: '
                          'opportunities.end_execution.';
        END IF;
    END IF;
    IF new.status <> old.status
    AND new.status IN ('qualified', 'executing')
    AND new.expires_at <= clock_timestamp() THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            CONSTRAINT = 'opportunity_is_not_over',
            MESSAGE = format('opportunity %s cannot become %s: its expires_at %s is over',
                             old.opportunity_id, new.status, new.expires_at),
            HINT    = 'opportunities.advance to expired, and detect another one if it goes on.';
    END IF;
    SELECT string_agg(n.key, ', ' ORDER BY n.key)
      INTO changed
      FROM jsonb_each(to_jsonb(new)) AS n
      JOIN jsonb_each(to_jsonb(old)) AS o
        ON o.key = n.key
     WHERE n.value IS DISTINCT FROM o.value
       AND (n.key NOT IN ('status', 'status_reason', 'status_changed_at', 'expires_at')
         OR opportunities.next_states(old.status) = '{}');
    IF changed IS NOT NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            CONSTRAINT = 'what_was_detected_stays',
            MESSAGE = format('opportunity %s is %s: %s cannot change', old.opportunity_id,
                             old.status, changed),
            HINT    = CASE
                          WHEN opportunities.next_states(old.status) = '{}'
                              THEN 'A last state stays as it is.'
                          ELSE 'What was detected stays: write another opportunity.'
                      END;
    END IF;
    IF new.status <> old.status
    AND new.status_changed_at = old.status_changed_at THEN
        new.status_changed_at := greatest(clock_timestamp(), old.status_changed_at);
    END IF;
    RETURN new;
END
$$;

COMMENT ON FUNCTION opportunities.guard() IS 'Trigger: an opportunity begins as detected, moves on to a next state only, goes on only before its expires_at, ends only when none of its executions is running, and what was detected stays. Raises 23514 naming the states that are allowed next, the execution or the time.';

CREATE FUNCTION opportunities.guard_execution() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    opportunity opportunities.detected;
    running     uuid;
    changed     text;
BEGIN
    IF tg_op = 'INSERT' THEN
        IF new.status <> 'running' THEN
            RAISE EXCEPTION USING
                ERRCODE = 'check_violation',
                CONSTRAINT = 'execution_is_begun_as_running',
                MESSAGE = format('status %s of execution %s is no beginning', new.status,
                                 new.execution_id),
                HINT    = 'An execution begins as running; then opportunities.end_execution.';
        END IF;
        -- Its state stays until the execution stands beside it. None: the foreign key says so.
        SELECT d.*
          INTO opportunity
          FROM opportunities.detected AS d
         WHERE d.opportunity_id = new.opportunity_id
           AND d.detected_at = new.detected_at
           FOR SHARE;
        IF NOT found THEN
            RETURN new;
        END IF;
        IF opportunity.status <> 'executing' THEN
            RAISE EXCEPTION USING
                ERRCODE = 'check_violation',
                CONSTRAINT = 'execution_is_of_what_is_executing',
                MESSAGE = format('an execution of opportunity %s cannot begin: it is %s',
                                 new.opportunity_id, opportunity.status),
                HINT    = 'Begin it with opportunities.start_execution, of a qualified one.';
        ELSIF opportunity.expires_at <= clock_timestamp() THEN
            RAISE EXCEPTION USING
                ERRCODE = 'check_violation',
                CONSTRAINT = 'opportunity_is_not_over',
                MESSAGE = format('an execution of opportunity %s cannot begin: its expires_at %s '
                                 'is over', new.opportunity_id, opportunity.expires_at),
                HINT    = 'opportunities.advance to expired, and detect another one if it goes on.';
        END IF;
        SELECT e.execution_id
          INTO running
          FROM opportunities.executions AS e
         WHERE e.opportunity_id = new.opportunity_id
           AND e.detected_at = new.detected_at
           AND e.status = 'running'
         LIMIT 1;
        IF found THEN
            RAISE EXCEPTION USING
                ERRCODE = 'object_not_in_prerequisite_state',
                MESSAGE = format('an execution of opportunity %s cannot begin: its execution %s '
                                 'is running', new.opportunity_id, running),
                HINT    = 'End that one first, with its position or an error: '
                          'opportunities.end_execution.';
        END IF;
        RETURN new;
    END IF;

    -- Slippage is computed after this.
    SELECT string_agg(n.key, ', ' ORDER BY n.key)
      INTO changed
      FROM jsonb_each(to_jsonb(new)) AS n
      JOIN jsonb_each(to_jsonb(old)) AS o
        ON o.key = n.key
     WHERE n.value IS DISTINCT FROM o.value
       AND n.key NOT IN ('long_slippage', 'short_slippage')
       AND (n.key NOT IN ('position_id', 'first_fill_at', 'ended_at', 'quantity',
                          'long_price_actual', 'short_price_actual', 'status', 'error')
         OR old.status <> 'running');
    IF changed IS NOT NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            CONSTRAINT = 'what_was_executed_stays',
            MESSAGE = format('execution %s is %s: %s cannot change', old.execution_id, old.status,
                             changed),
            HINT    = CASE old.status
                          WHEN 'running' THEN 'What was begun stays: end it, and begin another one.'
                          ELSE 'What has ended stays as it is: begin another one.'
                      END;
    END IF;
    RETURN new;
END
$$;

COMMENT ON FUNCTION opportunities.guard_execution() IS 'Trigger: an execution begins as running, of an opportunity that is executing, whose expires_at is not over and of which no other runs; it ends once, and then stays as it is. Raises 23514 naming state, time or columns, 55000 naming the execution that runs.';

CREATE FUNCTION opportunities.next_states(status text) RETURNS text[]
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT CASE status
               WHEN 'detected' THEN ARRAY['qualified', 'expired', 'rejected']
               WHEN 'qualified' THEN ARRAY['executing', 'expired', 'rejected']
               WHEN 'executing' THEN ARRAY['executed', 'expired', 'rejected', 'failed']
               ELSE ARRAY[]::text[]
           END
$$;

COMMENT ON FUNCTION opportunities.next_states(status text) IS 'The states that may follow one; none after the last ones.';

CREATE FUNCTION opportunities.start_execution(opportunity_id uuid, long_price_expected numeric, short_price_expected numeric, position_id uuid DEFAULT NULL::uuid) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    detected timestamptz;
    id       uuid;
BEGIN
    PERFORM opportunities.advance(opportunity_id, 'executing');
    SELECT d.detected_at
      INTO detected
      FROM opportunities.detected AS d
     WHERE d.opportunity_id = start_execution.opportunity_id;
    PERFORM maintenance.ensure_partitions('opportunities.executions', detected, detected);
    INSERT INTO opportunities.executions AS e
           (opportunity_id, detected_at, position_id, long_price_expected, short_price_expected,
            started_at, attempt)
    SELECT start_execution.opportunity_id, detected, start_execution.position_id,
           start_execution.long_price_expected, start_execution.short_price_expected,
           greatest(clock_timestamp(), detected), coalesce(max(f.attempt), 0) + 1
      FROM opportunities.executions AS f
     WHERE f.opportunity_id = start_execution.opportunity_id
       AND f.detected_at = detected
    RETURNING e.execution_id
      INTO id;
    RETURN id;
END
$$;

COMMENT ON FUNCTION opportunities.start_execution(opportunity_id uuid, long_price_expected numeric, short_price_expected numeric, position_id uuid) IS 'Begins an attempt to execute a qualified opportunity, or another of one that is executing; returns its id. Expected prices are in the quote assets of the legs. Raises as opportunities.advance does, 55000 naming the execution that is running, and 23514 when expires_at is over, and naming what a column does not take.';

CREATE FUNCTION positions.ensure_book(name text, logic_version integer DEFAULT 1) RETURNS integer
    LANGUAGE plpgsql STRICT
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    found_id int;
BEGIN
    SELECT b.book_id
      INTO found_id
      FROM positions.books AS b
      JOIN positions.log_head AS h
        ON h.book_id = b.book_id
      JOIN positions.live_slot AS l
        ON l.book_id = b.book_id
     WHERE b.name = ensure_book.name;

    IF found_id IS NOT NULL THEN
        RETURN found_id;
    END IF;

    INSERT INTO positions.books AS b (name)
    VALUES (ensure_book.name)
        ON CONFLICT ON CONSTRAINT book_name_is_unique
        DO NOTHING;

    SELECT b.book_id
      INTO STRICT found_id
      FROM positions.books AS b
     WHERE b.name = ensure_book.name;

    INSERT INTO positions.log_head (book_id)
    VALUES (found_id)
        ON CONFLICT ON CONSTRAINT book_has_one_head
        DO NOTHING;

    INSERT INTO positions.live_slot (book_id, slot, logic_version)
    VALUES (found_id, 1, ensure_book.logic_version)
        ON CONFLICT ON CONSTRAINT book_has_one_live_slot
        DO NOTHING;

    RETURN found_id;
END
$$;

COMMENT ON FUNCTION positions.ensure_book(name text, logic_version integer) IS 'Makes the book, its head of the log and its live slot (slot 1, of the given version of the logic) if they do not stand yet; returns book_id. Raises 23514 book_name_is_plain for a name that is not 1 to 64 characters of [a-z0-9_.-].';

CREATE FUNCTION positions.ensure_month(at timestamp with time zone) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET "TimeZone" TO 'UTC'
    SET "DateStyle" TO 'ISO, YMD'
    AS $_$
DECLARE
    -- Any fixed number will do; this one is only used here.
    month_lock CONSTANT bigint := 7088416218532261;
    starts_at  timestamptz;
    ends_at    timestamptz;
    suffix     text;
    month      text;
    is_new     boolean := false;
BEGIN
    IF at IS NULL
    OR at < timestamptz '1970-01-01 00:00:00+00'
    OR at >= timestamptz '9999-12-01 00:00:00+00' THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('no month of the log can hold %s', coalesce(at::text, 'null'));
    END IF;

    starts_at := date_trunc('month', at, 'UTC');
    ends_at   := starts_at + interval '1 month';
    suffix    := to_char(starts_at, '"y"YYYY"m"MM');
    month     := format('positions.events_%s', suffix);

    IF to_regclass(month) IS NULL THEN
        -- One maker at a time. Who waited here may find the month made, which only CREATE can
        -- tell: to_regclass answers from a cache that waiting does not refresh, and a query from
        -- the caller's snapshot.
        PERFORM pg_advisory_xact_lock(month_lock);

        BEGIN
            -- Without INCLUDING INDEXES, which would name the keys after the table and its
            -- columns. The check of the bounds is what spares ATTACH the scan.
            EXECUTE format(
                'CREATE TABLE %1$s ('
                '    LIKE positions.events INCLUDING ALL EXCLUDING INDEXES,'
                '    CONSTRAINT recorded_at_is_in_the_month'
                '        CHECK (recorded_at >= %3$L::timestamptz'
                '           AND recorded_at < %4$L::timestamptz),'
                '    CONSTRAINT event_has_one_place_%2$s'
                '        PRIMARY KEY (book_id, log_position, recorded_at),'
                '    CONSTRAINT log_position_is_taken_once_%2$s'
                '        UNIQUE (book_id, log_position),'
                '    CONSTRAINT version_is_taken_once_%2$s'
                '        UNIQUE (book_id, position_id, version)'
                ')',
                month, suffix, starts_at, ends_at);
            is_new := true;
        EXCEPTION
            WHEN duplicate_table THEN
                is_new := false;
        END;
    END IF;

    IF is_new THEN
        EXECUTE format(
            'CREATE INDEX events_by_position_and_type_%2$s'
            '    ON %1$s (book_id, position_id, event_type)',
            month, suffix);
        EXECUTE format(
            'CREATE TRIGGER month_refuses_change'
            '    BEFORE UPDATE OR DELETE OR TRUNCATE ON %1$s'
            '    FOR EACH STATEMENT'
            '    EXECUTE FUNCTION positions.refuse_change()',
            month);
        EXECUTE format(
            'ALTER TABLE %1$s'
            '    ENABLE ALWAYS TRIGGER month_refuses_change',
            month);
        EXECUTE format(
            'REVOKE UPDATE, DELETE, TRUNCATE'
            '    ON %1$s'
            '    FROM PUBLIC, CURRENT_USER',
            month);
        EXECUTE format(
            'COMMENT ON TABLE %1$s IS %2$L',
            month,
            format('The events recorded in %s, UTC. Append only.', to_char(starts_at, 'YYYY-MM')));
        EXECUTE format(
            'ALTER TABLE positions.events'
            '    ATTACH PARTITION %1$s'
            '    FOR VALUES FROM (%2$L) TO (%3$L)',
            month, starts_at, ends_at);
    ELSIF pg_partition_root(to_regclass(month)) IS DISTINCT FROM 'positions.events'::regclass THEN
        RAISE EXCEPTION USING
            ERRCODE = 'NX002',
            MESSAGE = format('%s is no month of positions.events', month),
            HINT    = 'Somebody detached it. Attach it again, or rename what took its name.';
    END IF;

    RETURN month;
END
$_$;

COMMENT ON FUNCTION positions.ensure_month(at timestamp with time zone) IS 'Makes the month of the log, in UTC, that holds the given time, if it does not stand yet; returns its name, positions.events_yYYYYmMM. Raises 22023 for a time before 1970 or after 9999-11, NX002 when its name is taken by a table that is no month of the log.';

CREATE FUNCTION positions.ensure_months(ahead integer DEFAULT 1) RETURNS SETOF text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET "TimeZone" TO 'UTC'
    AS $$
DECLARE
    starts_at CONSTANT timestamptz := date_trunc('month', clock_timestamp(), 'UTC');
BEGIN
    IF ahead IS NULL
    OR ahead NOT BETWEEN 0 AND 120 THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('months ahead: 0 to 120, not %s', coalesce(ahead::text, 'null'));
    END IF;

    FOR offset_months IN 0 .. ahead LOOP
        RETURN NEXT positions.ensure_month(starts_at + make_interval(months => offset_months));
    END LOOP;
END
$$;

COMMENT ON FUNCTION positions.ensure_months(ahead integer) IS 'Makes this month of the log and as many after it as asked, 0 to 120; returns their names, first month first. Raises 22023 beyond these limits.';

CREATE FUNCTION positions.log_position_at(book_id integer, at timestamp with time zone) RETURNS bigint
    LANGUAGE plpgsql STABLE STRICT
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET "TimeZone" TO 'UTC'
    SET plan_cache_mode TO 'force_custom_plan'
    AS $$
DECLARE
    starts_at timestamptz;
    ends_at   timestamptz;
    low       bigint;
    high      bigint;
    middle    bigint;
    seen_at   timestamptz;
BEGIN
    IF at = '-infinity' THEN
        RETURN 0;
    END IF;

    IF at = 'infinity' THEN
        RETURN (SELECT coalesce(max(e.log_position), 0)
                  FROM positions.events AS e
                 WHERE e.book_id = log_position_at.book_id);
    END IF;

    starts_at := date_trunc('month', at, 'UTC');
    ends_at   := starts_at + interval '1 month';

    SELECT coalesce(max(e.log_position), 0)
      INTO low
      FROM positions.events AS e
     WHERE e.book_id = log_position_at.book_id
       AND e.recorded_at < starts_at;

    SELECT coalesce(max(e.log_position), low)
      INTO high
      FROM positions.events AS e
     WHERE e.book_id = log_position_at.book_id
       AND e.recorded_at >= starts_at
       AND e.recorded_at < ends_at;

    -- The answer stays within low ... high: low was recorded by then, high + 1 was not.
    WHILE low < high LOOP
        middle := low + (high - low + 1) / 2;

        SELECT e.recorded_at
          INTO STRICT seen_at
          FROM positions.events AS e
         WHERE e.book_id = log_position_at.book_id
           AND e.log_position = middle
           AND e.recorded_at >= starts_at
           AND e.recorded_at < ends_at;

        IF seen_at <= at THEN
            low := middle;
        ELSE
            high := middle - 1;
        END IF;
    END LOOP;

    RETURN low;
END
$$;

COMMENT ON FUNCTION positions.log_position_at(book_id integer, at timestamp with time zone) IS 'The last log position of the book recorded at or before the given time, 0 before its first event. Final only for a caller that holds the book''s log_head FOR SHARE, or a time past. Raises P0002 when the log has a gap.';

CREATE FUNCTION positions.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    RAISE EXCEPTION USING
        ERRCODE = 'NX001',
        MESSAGE = format('%I.%I is append only: %s is refused',
                         TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP),
        HINT    = 'Append an event_voided or an adjustment_recorded event instead.',
        SCHEMA  = TG_TABLE_SCHEMA,
        TABLE   = TG_TABLE_NAME;
END
$$;

COMMENT ON FUNCTION positions.refuse_change() IS 'Trigger function of the append-only tables: raises SQLSTATE NX001, whatever the change.';

CREATE FUNCTION risk.acknowledge_alert(alert bigint, note text DEFAULT NULL::text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
DECLARE
    by_whom text;
BEGIN
    SELECT a.acknowledged_by
      INTO by_whom
      FROM risk.alerts AS a
     WHERE a.alert_id = alert
       FOR UPDATE;
    IF NOT found THEN
        RAISE EXCEPTION USING
            ERRCODE = 'no_data_found',
            MESSAGE = format('there is no alert %s', coalesce(alert::text, 'null')),
            HINT    = 'SELECT alert_id, message FROM risk.alerts WHERE resolved_at IS NULL.';
    ELSIF by_whom IS NOT NULL THEN
        IF by_whom = audit.actor() THEN
            RETURN;
        END IF;
        RAISE EXCEPTION USING
            ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = format('alert %s was acknowledged by %s already', alert, by_whom),
            HINT    = 'Ask them.';
    END IF;
    UPDATE risk.alerts AS a
       SET acknowledged_at = greatest(clock_timestamp(), a.raised_at),
           acknowledged_by = audit.actor(),
           note = note,
           is_held = false
     WHERE a.alert_id = alert;
    PERFORM audit.record('alert_acknowledged', alert::text,
                         jsonb_strip_nulls(jsonb_build_object('note', note)));
END
$$;

COMMENT ON FUNCTION risk.acknowledge_alert(alert bigint, note text) IS 'Notes that audit.actor() takes an alert up. Nothing happens if they have already. Raises P0002 for an unknown alert, 55000 if somebody else has.';

CREATE FUNCTION risk.historical_var(book text, day date, window_days integer, confidence numeric, OUT var numeric, OUT drawdown numeric, OUT days integer, OUT missing text) RETURNS record
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
DECLARE
    unvalued int;
    foreign_ones int;
BEGIN
    IF day IS NULL
    OR (window_days >= 1) IS NOT TRUE
    OR (confidence BETWEEN 0.5 AND 0.9999) IS NOT TRUE THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('no value at risk for day %s, window_days %s, confidence %s',
                             coalesce(day::text, 'null'), coalesce(window_days::text, 'null'),
                             coalesce(confidence::text, 'null')),
            HINT    = 'Give a day, a window of at least 1 day and a confidence of 0.5 to 0.9999.';
    END IF;
    WITH pnl AS (
        SELECT d.day, sum(d.net) AS net,
               count(*) FILTER (WHERE d.net IS NULL) AS unvalued,
               count(*) FILTER (WHERE NOT risk.is_usd(d.settle)) AS foreign_ones
          FROM analytics.daily_pnl AS d
         WHERE d.book = book
           AND d.day >= day - window_days
           AND d.day < day
         GROUP BY d.day
    ), begin AS (
        SELECT CASE WHEN EXISTS (SELECT
                                   FROM analytics.daily_pnl AS d
                                  WHERE d.book = book
                                    AND d.day < day - window_days) THEN day - window_days
                    ELSE (SELECT min(p.day) FROM pnl AS p)
               END AS day
    ), filled AS (
        -- A day without a row is a day without P&L.
        SELECT g.at::date AS day, coalesce(p.net, 0) AS net
          FROM begin AS b
         CROSS JOIN LATERAL generate_series(b.day::timestamp, (day - 1)::timestamp,
                                            interval '1 day') AS g (at)
          LEFT JOIN pnl AS p
            ON p.day = g.at::date
    ), ranked AS (
        SELECT f.day, f.net,
               row_number() OVER (ORDER BY f.net, f.day) AS place,
               sum(f.net) OVER (ORDER BY f.day) AS total
          FROM filled AS f
    )
    SELECT (SELECT count(*) FROM ranked),
           (SELECT sum(p.unvalued) FROM pnl AS p),
           (SELECT sum(p.foreign_ones) FROM pnl AS p),
           (SELECT greatest(0, - r.net)
              FROM ranked AS r
             WHERE r.place = (SELECT greatest(1, ceil((1 - confidence) * count(*)))
                                FROM ranked)),
           (SELECT greatest(0, max(r.total)) FROM ranked AS r)
           - coalesce((SELECT r.total FROM ranked AS r ORDER BY r.day DESC LIMIT 1), 0)
      INTO days, unvalued, foreign_ones, var, drawdown;
    IF unvalued > 0 OR foreign_ones > 0 THEN
        var := NULL;
        drawdown := NULL;
        missing := CASE WHEN unvalued > 0 THEN 'fees or funding of a day are not valued'
                        ELSE 'P&L of a day is in another asset than usd'
                   END;
    ELSIF days < 20 THEN
        var := NULL;
        missing := format('%s of at least 20 days', days);
    END IF;
END
$$;

COMMENT ON FUNCTION risk.historical_var(book text, day date, window_days integer, confidence numeric, OUT var numeric, OUT drawdown numeric, OUT days integer, OUT missing text) IS 'Historical value at risk of one day, in usd. It looks at the window_days days before `day`, or those of them from the book''s first day with P&L on; `day` itself is not over. A day''s P&L is the sum of net over analytics.daily_pnl, + gain, 0 for a day without rows. Of n such days in ascending order the k-th, k = ceil((1 - confidence) n), at least the first, is the P&L that a share of at most 1 - confidence of the days fell short of; the value at risk is its loss as a positive number, 0 if it is a gain. Nothing is interpolated or rounded. Null with the reason for less than 20 days, for days that are not valued or not in usd. The drawdown is the greatest sum of days from the first on (at least 0) less the sum of all, in usd; null for days that are not valued or not in usd. Raises 22023 for a window below 1 or a confidence beyond 0.5 to 0.9999.';

CREATE FUNCTION risk.is_told(severity text) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT array_position(s.names, is_told.severity)
           >= array_position(s.names, config.setting('alerts.minimum_severity') #>> '{}')
      FROM (SELECT ARRAY['info', 'warning', 'critical']) AS s (names)
$$;

COMMENT ON FUNCTION risk.is_told(severity text) IS 'Whether alerts of a severity are told: from alerts.minimum_severity on.';

CREATE FUNCTION risk.is_usd(asset text) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT upper(asset) IN ('USD', 'USDT', 'USDC', 'FDUSD', 'TUSD', 'BUSD', 'DAI', 'USDE', 'PYUSD')
$$;

COMMENT ON FUNCTION risk.is_usd(asset text) IS 'Whether an asset counts as a US dollar, at par.';

CREATE FUNCTION risk.raise_alert(severity text, type text, subject text, message text, detail jsonb DEFAULT NULL::jsonb) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
#variable_conflict use_column
DECLARE
    id        bigint;
    was       text;
    now_it_is text;
    holds     CONSTANT boolean := config.in_maintenance(clock_timestamp());
BEGIN
    IF raise_alert.severity IN ('info', 'warning', 'critical') IS NOT TRUE THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            CONSTRAINT = 'severity_is_known',
            MESSAGE = format('severity: %s', quote_nullable(raise_alert.severity)),
            HINT    = 'Give info, warning or critical.';
    ELSIF (raise_alert.type COLLATE "C" ~ '^[a-z][a-z0-9_]{0,63}$') IS NOT TRUE THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            CONSTRAINT = 'type_is_a_plain_word',
            MESSAGE = format('type: %s', quote_nullable(raise_alert.type)),
            HINT    = 'Give 1 to 64 characters of [a-z0-9_], a letter first, such as job_failed.';
    ELSIF coalesce(raise_alert.subject, '') = '' THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            CONSTRAINT = 'subject_has_1_to_256_characters',
            MESSAGE = format('subject: %s', quote_nullable(raise_alert.subject)),
            HINT    = 'Say what it is about, such as a venue or a job.';
    ELSIF coalesce(raise_alert.message, '') = '' THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            CONSTRAINT = 'message_has_1_to_2048_characters',
            MESSAGE = format('message: %s', quote_nullable(raise_alert.message)),
            HINT    = 'Say what happened, for a person.';
    ELSIF jsonb_typeof(raise_alert.detail) <> 'object' THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            CONSTRAINT = 'detail_is_an_object',
            MESSAGE = format('detail: %s', raise_alert.detail),
            HINT    = 'Give a JSON object, or null.';
    END IF;
    SELECT a.severity
      INTO was
      FROM risk.alerts AS a
     WHERE a.type = raise_alert.type
       AND a.subject = left(raise_alert.subject, 256)
       AND a.resolved_at IS NULL
       FOR UPDATE;
    INSERT INTO risk.alerts AS a (severity, type, subject, message, detail, raised_by)
    VALUES (raise_alert.severity, raise_alert.type, left(raise_alert.subject, 256),
            left(raise_alert.message, 2048), raise_alert.detail, audit.actor())
        ON CONFLICT (type, subject) WHERE resolved_at IS NULL DO UPDATE
       SET repeats = a.repeats + 1,
           last_raised_at = greatest(clock_timestamp(), a.raised_at),
           message = excluded.message,
           detail = excluded.detail,
           severity = CASE WHEN 'critical' IN (a.severity, excluded.severity) THEN 'critical'
                           WHEN 'warning' IN (a.severity, excluded.severity) THEN 'warning'
                           ELSE 'info'
                      END
    RETURNING a.alert_id, a.severity
      INTO id, now_it_is;
    -- New, or worse than it was. (Two sessions that raise it first at once are both told of.)
    IF now_it_is IS DISTINCT FROM was AND risk.is_told(now_it_is) THEN
        UPDATE risk.alerts AS a
           SET is_held = holds,
               told_at = CASE WHEN holds THEN a.told_at
                              ELSE greatest(clock_timestamp(), a.raised_at)
                         END
         WHERE a.alert_id = id;
        IF NOT holds THEN
            PERFORM pg_notify('nexus_alerts', id::text);
        END IF;
    END IF;
    RETURN id;
END
$_$;

COMMENT ON FUNCTION risk.raise_alert(severity text, type text, subject text, message text, detail jsonb) IS 'Raises an alert, or counts it if one of its type and subject stands; returns its number. One that is new or has become worse is told to those who LISTEN to nexus_alerts, after a maintenance window if one is open, unless it is below alerts.minimum_severity. A subject is cut after 256 characters, a message after 2048. Raises 23514 with the constraint that a field would break.';

CREATE FUNCTION risk.release_held_alerts() RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    id       bigint;
    released int := 0;
    repeated CONSTANT timestamptz := clock_timestamp()
        - (config.setting('alerts.repeat_minutes') #>> '{}')::int * interval '1 minute';
BEGIN
    IF config.in_maintenance(clock_timestamp()) THEN
        RETURN 0;
    END IF;
    FOR id IN
        UPDATE risk.alerts AS a
           SET is_held = false,
               told_at = greatest(clock_timestamp(), a.raised_at)
         WHERE a.resolved_at IS NULL
           AND risk.is_told(a.severity)
           AND (a.is_held
             OR a.acknowledged_at IS NULL
            AND coalesce(a.told_at < repeated, true))
        RETURNING a.alert_id
    LOOP
        PERFORM pg_notify('nexus_alerts', id::text);
        released := released + 1;
    END LOOP;
    RETURN released;
END
$$;

COMMENT ON FUNCTION risk.release_held_alerts() IS 'Tells of the alerts that a maintenance window held, once none is open, and again of those that stand, that nobody has acknowledged and that were told last over alerts.repeat_minutes ago; returns how many. Those that were resolved meanwhile are told to nobody.';

CREATE FUNCTION risk.resolve_alert(type text, subject text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
BEGIN
    UPDATE risk.alerts AS a
       SET resolved_at = greatest(clock_timestamp(), a.raised_at),
           is_held = false
     WHERE a.type = type
       AND a.subject = left(subject, 256)
       AND a.resolved_at IS NULL;
    RETURN found;
END
$$;

COMMENT ON FUNCTION risk.resolve_alert(type text, subject text) IS 'Notes that an alert''s cause has gone; false if none stands.';

CREATE FUNCTION risk.take_snapshot(book text DEFAULT 'main'::text, at timestamp with time zone DEFAULT clock_timestamp()) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET "TimeZone" TO 'UTC'
    AS $$
#variable_conflict use_variable
DECLARE
    id    bigint;
    s     risk.snapshots;
    v     record;
    one   record;
    level text;
    most  numeric;
    alert bigint;
    breach bigint;
    -- The breaches that this snapshot finds.
    standing bigint[] := '{}';
BEGIN
    IF at IS NULL
    OR at > clock_timestamp() + interval '1 minute'
    OR at < clock_timestamp() - interval '10 minutes' THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('at: no snapshot can be taken of %s', coalesce(at::text, 'null')),
            HINT    = 'The positions are those of now: give a time of the last ten minutes.';
    END IF;
    IF NOT EXISTS (SELECT FROM positions.books AS b WHERE b.name = book) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'no_data_found',
            MESSAGE = format('there is no book %s', coalesce(quote_literal(book), 'null')),
            HINT    = 'Books are made by their first append; see positions.books.';
    END IF;
    -- One snapshot of a book at a time: breaches are opened and closed in their order.
    PERFORM pg_advisory_xact_lock(hashtextextended('nexus risk ' || book, 0));
    SELECT k.snapshot_id
      INTO id
      FROM risk.snapshots AS k
     WHERE k.book = book
       AND k.taken_at = at;
    IF found THEN
        RETURN id;
    END IF;
    PERFORM maintenance.ensure_partitions('risk.snapshots', at, at);

    s.var_confidence := (config.setting('risk.var_confidence'))::numeric;
    s.var_window := (config.setting('risk.var_window_days'))::int;
    -- One statement, so that all figures are of one moment and its log position.
    WITH legs AS MATERIALIZED (
        SELECT e.*
          FROM risk.exposures AS e
         WHERE e.book = book
    ), venues AS (
        SELECT e.venue, sum(abs(e.notional)) AS gross, sum(e.notional) AS net
          FROM legs AS e
         WHERE e.notional IS NOT NULL
         GROUP BY e.venue
    ), assets AS (
        SELECT e.asset, sum(abs(e.notional)) AS gross, sum(e.notional) AS net
          FROM legs AS e
         WHERE e.notional IS NOT NULL
         GROUP BY e.asset
    ), greatest_legs AS (
        SELECT e.position_id, min(e.strategy) AS strategy, max(abs(e.notional)) AS usd
          FROM legs AS e
         GROUP BY e.position_id
    )
    SELECT h.var, h.drawdown, h.days AS var_days, h.missing AS var_missing,
           coalesce((SELECT c.log_position
                       FROM positions.books AS b
                       JOIN positions.live_slot AS l
                         ON l.book_id = b.book_id
                       JOIN positions.projection_checkpoints AS c
                         ON c.book_id = l.book_id
                        AND c.slot = l.slot
                      WHERE b.name = book), 0) AS log_position,
           (SELECT count(*) FROM positions.active AS a WHERE a.book = book) AS positions,
           t.gross, t.net, t.unrealized, t.unmarked, t.unpriced, t.unvalued,
           (SELECT coalesce(jsonb_object_agg(
                       g.venue, jsonb_build_object('gross', trim_scale(g.gross),
                                                   'net', trim_scale(g.net))), '{}')
              FROM venues AS g) AS by_venue,
           (SELECT coalesce(jsonb_object_agg(
                       g.asset, jsonb_build_object('gross', trim_scale(g.gross),
                                                   'net', trim_scale(g.net))), '{}')
              FROM assets AS g) AS by_asset,
           (SELECT coalesce(jsonb_agg(jsonb_build_object(
                       'subject', g.position_id, 'scope', g.strategy, 'usd', g.usd)), '[]')
              FROM greatest_legs AS g) AS sizes
      INTO v
      FROM (SELECT coalesce(sum(abs(e.notional)), 0) AS gross,
                   coalesce(sum(e.notional), 0) AS net,
                   coalesce(sum(e.unrealized_usd), 0) AS unrealized,
                   count(*) FILTER (WHERE e.is_unmarked) AS unmarked,
                   count(*) FILTER (WHERE e.notional IS NULL) AS unpriced,
                   count(*) FILTER (WHERE e.unrealized_usd IS NULL) AS unvalued
              FROM legs AS e) AS t
     CROSS JOIN risk.historical_var(book, (at AT TIME ZONE 'UTC')::date, s.var_window,
                                    s.var_confidence) AS h;
    INSERT INTO risk.snapshots AS k
           (taken_at, book, log_position, gross_exposure, net_exposure, unrealized, drawdown, var,
            var_confidence, var_window, var_days, var_missing, positions, unmarked_legs,
            unpriced_legs, unvalued_legs, by_venue, by_asset)
    VALUES (at, book, v.log_position, v.gross, v.net, v.unrealized, v.drawdown, v.var,
            s.var_confidence, s.var_window, v.var_days, v.var_missing, v.positions, v.unmarked,
            v.unpriced, v.unvalued, v.by_venue, v.by_asset)
    RETURNING k.snapshot_id
      INTO id;

    -- What every enabled limit measures now. A scope of its own goes before *.
    FOR one IN
        WITH measured (kind, subject, scope, usd) AS (
            SELECT 'position_size', t.value ->> 'subject', t.value ->> 'scope',
                   (t.value ->> 'usd')::numeric
              FROM jsonb_array_elements(v.sizes) AS t
             UNION ALL
            SELECT 'venue_exposure', t.key, t.key, (t.value ->> 'gross')::numeric
              FROM jsonb_each(v.by_venue) AS t
             UNION ALL
            SELECT 'asset_concentration', t.key, t.key, (t.value ->> 'gross')::numeric
              FROM jsonb_each(v.by_asset) AS t
             UNION ALL
            SELECT 'portfolio_exposure', 'portfolio', '*', v.gross
             UNION ALL
            SELECT 'portfolio_drawdown', 'portfolio', '*', v.drawdown
             UNION ALL
            SELECT 'portfolio_var', 'portfolio', '*', v.var
        )
        SELECT l.limit_id, l.kind, l.unit, l.warning, l.hard, m.subject,
               round(CASE WHEN l.unit = 'usd' THEN m.usd
                          WHEN v.gross > 0 THEN m.usd / v.gross
                          WHEN m.usd = 0 THEN 0
                     END, 18) AS amount
          FROM measured AS m
          JOIN LATERAL (
               SELECT k.*
                 FROM config.risk_limits AS k
                WHERE k.kind = m.kind
                  AND k.scope IN (m.scope, '*')
                  AND k.enabled
                ORDER BY k.scope = '*'
                LIMIT 1
               ) AS l
            ON true
         ORDER BY l.limit_id, m.subject
    LOOP
        IF one.amount IS NULL THEN
            -- Nobody can say that it has ended.
            standing := standing || ARRAY(SELECT b.breach_id
                                            FROM risk.limit_breaches AS b
                                           WHERE b.limit_id = one.limit_id
                                             AND b.book = book
                                             AND b.subject = one.subject
                                             AND b.closed_at IS NULL);
            CONTINUE;
        END IF;
        level := CASE WHEN one.amount > one.hard THEN 'hard'
                      WHEN one.amount > one.warning THEN 'warning'
                 END;
        CONTINUE WHEN level IS NULL;
        most := CASE level WHEN 'hard' THEN one.hard ELSE one.warning END;
        alert := risk.raise_alert(
            CASE level WHEN 'hard' THEN 'critical' ELSE 'warning' END,
            'limit_breached', format('%s %s in %s', one.kind, one.subject, book),
            format('%s of %s is %s %s, over the %s limit of %s', one.kind, one.subject,
                   trim_scale(one.amount), one.unit, level, trim_scale(most)),
            jsonb_build_object('limit_id', one.limit_id, 'measured', trim_scale(one.amount),
                               'limit', trim_scale(most), 'level', level));
        UPDATE risk.limit_breaches AS b
           SET alert_id = alert,
               measured = one.amount,
               worst = greatest(b.worst, one.amount)
         WHERE b.limit_id = one.limit_id
           AND b.book = book
           AND b.subject = one.subject
           AND b.level = level
           AND b.limit_value = most
           AND b.closed_at IS NULL
        RETURNING b.breach_id
          INTO breach;
        IF NOT found THEN
            UPDATE risk.limit_breaches AS b
               SET closed_at = greatest(at, b.opened_at)
             WHERE b.limit_id = one.limit_id
               AND b.book = book
               AND b.subject = one.subject
               AND b.closed_at IS NULL;
            INSERT INTO risk.limit_breaches AS b
                   (alert_id, opened_at, limit_value, measured, worst, limit_id, book, subject,
                    level)
            VALUES (alert, at, most, one.amount, one.amount, one.limit_id, book, one.subject,
                    level)
            RETURNING b.breach_id
              INTO breach;
        END IF;
        standing := standing || breach;
    END LOOP;

    -- Those that this snapshot did not find have ended, and so has an alert that was theirs alone.
    FOR one IN
        UPDATE risk.limit_breaches AS b
           SET closed_at = greatest(at, b.opened_at)
         WHERE b.book = book
           AND b.closed_at IS NULL
           AND b.breach_id <> ALL (standing)
        RETURNING b.alert_id
    LOOP
        UPDATE risk.alerts AS a
           SET resolved_at = greatest(clock_timestamp(), a.raised_at),
               is_held = false
         WHERE a.alert_id = one.alert_id
           AND a.resolved_at IS NULL
           AND NOT EXISTS (SELECT
                             FROM risk.limit_breaches AS b
                            WHERE b.alert_id = a.alert_id
                              AND b.closed_at IS NULL);
    END LOOP;
    RETURN id;
END
$$;

COMMENT ON FUNCTION risk.take_snapshot(book text, at timestamp with time zone) IS 'Takes a snapshot of a book''s risk, as positions.active, positions.legs and analytics.daily_pnl have it now, under a time of the last ten minutes; returns its number, that of before if it was taken already. Opens a breach and raises an alert for each limit of config.risk_limits that is exceeded (equal is not): position_size by a position''s greatest leg, venue_exposure and asset_concentration by gross exposure, the portfolio''s by gross exposure, drawdown and value at risk; a fraction is of the gross exposure, rounded to 18 places. The limit of a scope goes before that of *; one that is not enabled counts as none. Closes the breaches that have ended and resolves their alerts. A figure that cannot be told opens and closes nothing. Raises P0002 for an unknown book, 22023 for another time.';

CREATE TABLE analytics.daily_pnl_rows (
    changed_at timestamp with time zone NOT NULL,
    unvalued_fees bigint NOT NULL,
    unvalued_funding bigint NOT NULL,
    fills bigint NOT NULL,
    positions bigint NOT NULL,
    leg_days bigint NOT NULL,
    log_position bigint NOT NULL,
    day date NOT NULL,
    book_id integer NOT NULL,
    slot smallint NOT NULL,
    price_pnl numeric NOT NULL,
    fees_known numeric NOT NULL,
    funding_known numeric NOT NULL,
    adjustments numeric NOT NULL,
    volume numeric NOT NULL,
    strategy text NOT NULL,
    asset text NOT NULL,
    venue text NOT NULL,
    settle text NOT NULL,
    CONSTRAINT fills_are_not_negative CHECK ((fills >= 0)),
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT row_has_a_position_and_a_leg_day CHECK (((leg_days >= positions) AND (positions >= 1))),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3]))),
    CONSTRAINT unvalued_fees_are_some_of_the_leg_days CHECK (((unvalued_fees >= 0) AND (unvalued_fees <= leg_days))),
    CONSTRAINT unvalued_funding_is_some_of_the_leg_days CHECK (((unvalued_funding >= 0) AND (unvalued_funding <= leg_days))),
    CONSTRAINT volume_is_not_negative CHECK ((volume >= (0)::numeric))
)
PARTITION BY LIST (slot);

COMMENT ON TABLE analytics.daily_pnl_rows IS 'Sums of position_days by day, strategy, asset, venue and settle, of every generation, exact beyond the range of one figure; read analytics.daily_pnl.';

COMMENT ON COLUMN analytics.daily_pnl_rows.changed_at IS 'recorded_at of the last event that changed this row.';

COMMENT ON COLUMN analytics.daily_pnl_rows.unvalued_fees IS 'Number of position-leg-days summed here whose fees are not valued.';

COMMENT ON COLUMN analytics.daily_pnl_rows.unvalued_funding IS 'Number of position-leg-days summed here whose funding is not valued.';

COMMENT ON COLUMN analytics.daily_pnl_rows.fills IS 'Number of live fills of the day.';

COMMENT ON COLUMN analytics.daily_pnl_rows.positions IS 'Number of positions that have a part in the day.';

COMMENT ON COLUMN analytics.daily_pnl_rows.leg_days IS 'Number of position-leg-days summed here; the row goes when it is 0.';

COMMENT ON COLUMN analytics.daily_pnl_rows.log_position IS 'Log position of the last event that changed this row.';

COMMENT ON COLUMN analytics.daily_pnl_rows.day IS 'The UTC day.';

COMMENT ON COLUMN analytics.daily_pnl_rows.book_id IS 'The book, see positions.books.';

COMMENT ON COLUMN analytics.daily_pnl_rows.slot IS 'The slot of the generation this row belongs to: 1, 2 or 3.';

COMMENT ON COLUMN analytics.daily_pnl_rows.price_pnl IS 'P&L from prices booked on the day, in settle.';

COMMENT ON COLUMN analytics.daily_pnl_rows.fees_known IS 'Fees of the day as far as they are valued, + cost, in settle.';

COMMENT ON COLUMN analytics.daily_pnl_rows.funding_known IS 'Funding of the day as far as it is valued, + received, in settle.';

COMMENT ON COLUMN analytics.daily_pnl_rows.adjustments IS 'Cash adjustments of the day, in settle.';

COMMENT ON COLUMN analytics.daily_pnl_rows.volume IS 'Traded volume of the day, in quote; of inverse legs the sum of qty times multiplier.';

COMMENT ON COLUMN analytics.daily_pnl_rows.strategy IS 'Strategy of the position, as position_opened gave it.';

COMMENT ON COLUMN analytics.daily_pnl_rows.asset IS 'Asset that the position trades, as position_opened gave it.';

COMMENT ON COLUMN analytics.daily_pnl_rows.venue IS 'The exchange of the leg.';

COMMENT ON COLUMN analytics.daily_pnl_rows.settle IS 'Settle asset of the legs, the unit of the money columns.';

CREATE TABLE positions.books (
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    book_id integer NOT NULL,
    name text NOT NULL,
    CONSTRAINT book_name_is_plain CHECK (((name COLLATE "C") ~ '^[a-z0-9_.-]{1,64}$'::text))
);

COMMENT ON TABLE positions.books IS 'A row is a book: the unit of order. Made by positions.ensure_book, never removed.';

COMMENT ON COLUMN positions.books.created_at IS 'When the book was made, by the clock of the database.';

COMMENT ON COLUMN positions.books.book_id IS 'Number of the book in this database; leads every key, so that books can be spread.';

COMMENT ON COLUMN positions.books.name IS 'What callers call the book, 1 to 64 characters of [a-z0-9_.-]; part of every leaf hash.';

CREATE TABLE positions.live_slot (
    promoted_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    book_id integer NOT NULL,
    logic_version integer NOT NULL,
    slot smallint NOT NULL,
    former_slot smallint,
    CONSTRAINT former_slot_is_another CHECK (((former_slot = ANY (ARRAY[1, 2, 3])) AND (former_slot <> slot))),
    CONSTRAINT logic_version_is_positive CHECK ((logic_version >= 1)),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3])))
);

COMMENT ON TABLE positions.live_slot IS 'Which generation readers of a book see. Every view of a projection joins it.';

COMMENT ON COLUMN positions.live_slot.promoted_at IS 'When this generation became the live one, by the clock of the database.';

COMMENT ON COLUMN positions.live_slot.book_id IS 'The book, see positions.books.';

COMMENT ON COLUMN positions.live_slot.logic_version IS 'Version of the folds that write this generation, from 1.';

COMMENT ON COLUMN positions.live_slot.slot IS 'The slot that is live: 1, 2 or 3.';

COMMENT ON COLUMN positions.live_slot.former_slot IS 'The slot that was live before; null if none was, or if it was retired.';

CREATE VIEW analytics.daily_pnl AS
 SELECT b.name AS book,
    r.book_id,
    r.day,
    r.strategy,
    r.asset,
    r.venue,
    r.settle,
    (
        CASE
            WHEN (abs(r.price_pnl) < '100000000000000000000'::numeric) THEN r.price_pnl
            ELSE NULL::numeric
        END)::numeric(38,18) AS price_pnl,
    (
        CASE
            WHEN ((r.unvalued_fees = 0) AND (abs(r.fees_known) < '100000000000000000000'::numeric)) THEN r.fees_known
            ELSE NULL::numeric
        END)::numeric(38,18) AS fees,
    (
        CASE
            WHEN ((r.unvalued_funding = 0) AND (abs(r.funding_known) < '100000000000000000000'::numeric)) THEN r.funding_known
            ELSE NULL::numeric
        END)::numeric(38,18) AS funding,
    (
        CASE
            WHEN ((r.unvalued_fees = 0) AND (r.unvalued_funding = 0) AND (abs(s.net) < '100000000000000000000'::numeric)) THEN s.net
            ELSE NULL::numeric
        END)::numeric(38,18) AS net,
    (
        CASE
            WHEN (abs(r.fees_known) < '100000000000000000000'::numeric) THEN r.fees_known
            ELSE NULL::numeric
        END)::numeric(38,18) AS fees_known,
    (
        CASE
            WHEN (abs(r.funding_known) < '100000000000000000000'::numeric) THEN r.funding_known
            ELSE NULL::numeric
        END)::numeric(38,18) AS funding_known,
    r.unvalued_fees,
    r.unvalued_funding,
    (
        CASE
            WHEN (abs(r.adjustments) < '100000000000000000000'::numeric) THEN r.adjustments
            ELSE NULL::numeric
        END)::numeric(38,18) AS adjustments,
    r.fills,
    (
        CASE
            WHEN (abs(r.volume) < '100000000000000000000'::numeric) THEN r.volume
            ELSE NULL::numeric
        END)::numeric(38,18) AS volume,
    r.positions,
    r.leg_days,
    r.log_position,
    r.changed_at
   FROM (((analytics.daily_pnl_rows r
     CROSS JOIN LATERAL ( SELECT (((r.price_pnl - r.fees_known) + r.funding_known) + r.adjustments) AS net) s)
     JOIN positions.live_slot l ON (((l.book_id = r.book_id) AND (l.slot = r.slot))))
     JOIN positions.books b ON ((b.book_id = r.book_id)));

COMMENT ON VIEW analytics.daily_pnl IS 'A row is a UTC day of a strategy in an asset on a venue, in one settle asset. A figure whose magnitude is 10^20 or more is null.';

COMMENT ON COLUMN analytics.daily_pnl.book IS 'Name of the book, see positions.books.';

COMMENT ON COLUMN analytics.daily_pnl.book_id IS 'The book, see positions.books.';

COMMENT ON COLUMN analytics.daily_pnl.day IS 'The UTC day.';

COMMENT ON COLUMN analytics.daily_pnl.strategy IS 'Strategy of the position, as position_opened gave it.';

COMMENT ON COLUMN analytics.daily_pnl.asset IS 'Asset that the position trades, as position_opened gave it.';

COMMENT ON COLUMN analytics.daily_pnl.venue IS 'The exchange of the leg.';

COMMENT ON COLUMN analytics.daily_pnl.settle IS 'Settle asset of the legs, the unit of the money columns.';

COMMENT ON COLUMN analytics.daily_pnl.price_pnl IS 'P&L from prices booked on the day, in settle; null from 10^20 on.';

COMMENT ON COLUMN analytics.daily_pnl.fees IS 'Fees of the day, + cost, in settle; null while one is not valued, and from 10^20 on.';

COMMENT ON COLUMN analytics.daily_pnl.funding IS 'Funding of the day, + received, in settle; null while one is not valued, and from 10^20 on.';

COMMENT ON COLUMN analytics.daily_pnl.net IS 'price_pnl - fees + funding + adjustments, in settle; null while a fee or funding is not valued, and from 10^20 on, whatever its parts are.';

COMMENT ON COLUMN analytics.daily_pnl.fees_known IS 'Fees of the day as far as they are valued, + cost, in settle; null from 10^20 on.';

COMMENT ON COLUMN analytics.daily_pnl.funding_known IS 'Funding of the day as far as it is valued, + received, in settle; null from 10^20 on.';

COMMENT ON COLUMN analytics.daily_pnl.unvalued_fees IS 'Number of position-leg-days summed here whose fees are not valued.';

COMMENT ON COLUMN analytics.daily_pnl.unvalued_funding IS 'Number of position-leg-days summed here whose funding is not valued.';

COMMENT ON COLUMN analytics.daily_pnl.adjustments IS 'Cash adjustments of the day, in settle; null from 10^20 on.';

COMMENT ON COLUMN analytics.daily_pnl.fills IS 'Number of live fills of the day.';

COMMENT ON COLUMN analytics.daily_pnl.volume IS 'Traded volume of the day, in quote; of inverse legs the sum of qty times multiplier; null from 10^20 on.';

COMMENT ON COLUMN analytics.daily_pnl.positions IS 'Number of positions that have a part in the day.';

COMMENT ON COLUMN analytics.daily_pnl.leg_days IS 'Number of position-leg-days summed here; the row goes when it is 0.';

COMMENT ON COLUMN analytics.daily_pnl.log_position IS 'Log position of the last event that changed this row.';

COMMENT ON COLUMN analytics.daily_pnl.changed_at IS 'recorded_at of the last event that changed this row.';

CREATE TABLE analytics.daily_pnl_rows_1 (
    changed_at timestamp with time zone NOT NULL,
    unvalued_fees bigint NOT NULL,
    unvalued_funding bigint NOT NULL,
    fills bigint NOT NULL,
    positions bigint NOT NULL,
    leg_days bigint NOT NULL,
    log_position bigint NOT NULL,
    day date NOT NULL,
    book_id integer NOT NULL,
    slot smallint NOT NULL,
    price_pnl numeric NOT NULL,
    fees_known numeric NOT NULL,
    funding_known numeric NOT NULL,
    adjustments numeric NOT NULL,
    volume numeric NOT NULL,
    strategy text NOT NULL,
    asset text NOT NULL,
    venue text NOT NULL,
    settle text NOT NULL,
    CONSTRAINT fills_are_not_negative CHECK ((fills >= 0)),
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT row_has_a_position_and_a_leg_day CHECK (((leg_days >= positions) AND (positions >= 1))),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3]))),
    CONSTRAINT unvalued_fees_are_some_of_the_leg_days CHECK (((unvalued_fees >= 0) AND (unvalued_fees <= leg_days))),
    CONSTRAINT unvalued_funding_is_some_of_the_leg_days CHECK (((unvalued_funding >= 0) AND (unvalued_funding <= leg_days))),
    CONSTRAINT volume_is_not_negative CHECK ((volume >= (0)::numeric))
)
WITH (fillfactor='80');

COMMENT ON TABLE analytics.daily_pnl_rows_1 IS 'Slot 1 of analytics.daily_pnl_rows.';

CREATE TABLE analytics.daily_pnl_rows_2 (
    changed_at timestamp with time zone NOT NULL,
    unvalued_fees bigint NOT NULL,
    unvalued_funding bigint NOT NULL,
    fills bigint NOT NULL,
    positions bigint NOT NULL,
    leg_days bigint NOT NULL,
    log_position bigint NOT NULL,
    day date NOT NULL,
    book_id integer NOT NULL,
    slot smallint NOT NULL,
    price_pnl numeric NOT NULL,
    fees_known numeric NOT NULL,
    funding_known numeric NOT NULL,
    adjustments numeric NOT NULL,
    volume numeric NOT NULL,
    strategy text NOT NULL,
    asset text NOT NULL,
    venue text NOT NULL,
    settle text NOT NULL,
    CONSTRAINT fills_are_not_negative CHECK ((fills >= 0)),
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT row_has_a_position_and_a_leg_day CHECK (((leg_days >= positions) AND (positions >= 1))),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3]))),
    CONSTRAINT unvalued_fees_are_some_of_the_leg_days CHECK (((unvalued_fees >= 0) AND (unvalued_fees <= leg_days))),
    CONSTRAINT unvalued_funding_is_some_of_the_leg_days CHECK (((unvalued_funding >= 0) AND (unvalued_funding <= leg_days))),
    CONSTRAINT volume_is_not_negative CHECK ((volume >= (0)::numeric))
)
WITH (fillfactor='80');

COMMENT ON TABLE analytics.daily_pnl_rows_2 IS 'Slot 2 of analytics.daily_pnl_rows.';

CREATE TABLE analytics.daily_pnl_rows_3 (
    changed_at timestamp with time zone NOT NULL,
    unvalued_fees bigint NOT NULL,
    unvalued_funding bigint NOT NULL,
    fills bigint NOT NULL,
    positions bigint NOT NULL,
    leg_days bigint NOT NULL,
    log_position bigint NOT NULL,
    day date NOT NULL,
    book_id integer NOT NULL,
    slot smallint NOT NULL,
    price_pnl numeric NOT NULL,
    fees_known numeric NOT NULL,
    funding_known numeric NOT NULL,
    adjustments numeric NOT NULL,
    volume numeric NOT NULL,
    strategy text NOT NULL,
    asset text NOT NULL,
    venue text NOT NULL,
    settle text NOT NULL,
    CONSTRAINT fills_are_not_negative CHECK ((fills >= 0)),
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT row_has_a_position_and_a_leg_day CHECK (((leg_days >= positions) AND (positions >= 1))),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3]))),
    CONSTRAINT unvalued_fees_are_some_of_the_leg_days CHECK (((unvalued_fees >= 0) AND (unvalued_fees <= leg_days))),
    CONSTRAINT unvalued_funding_is_some_of_the_leg_days CHECK (((unvalued_funding >= 0) AND (unvalued_funding <= leg_days))),
    CONSTRAINT volume_is_not_negative CHECK ((volume >= (0)::numeric))
)
WITH (fillfactor='80');

COMMENT ON TABLE analytics.daily_pnl_rows_3 IS 'Slot 3 of analytics.daily_pnl_rows.';

CREATE TABLE analytics.funding_collected_rows (
    changed_at timestamp with time zone NOT NULL,
    payments bigint NOT NULL,
    missing_settlements bigint,
    log_position bigint NOT NULL,
    position_id uuid NOT NULL,
    month date NOT NULL,
    book_id integer NOT NULL,
    slot smallint NOT NULL,
    received numeric(38,18) NOT NULL,
    paid numeric(38,18) NOT NULL,
    net numeric(38,18),
    expected numeric(38,18),
    variance numeric(38,18),
    leg text NOT NULL,
    strategy text NOT NULL,
    asset text NOT NULL,
    venue text NOT NULL,
    settle text NOT NULL,
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT missing_settlements_are_not_negative CHECK ((missing_settlements >= 0)),
    CONSTRAINT month_is_a_first_day CHECK ((EXTRACT(day FROM month) = (1)::numeric)),
    CONSTRAINT net_is_received_less_paid CHECK ((net = (received - paid))),
    CONSTRAINT paid_is_not_negative CHECK ((paid >= (0)::numeric)),
    CONSTRAINT payments_are_not_negative CHECK ((payments >= 0)),
    CONSTRAINT received_is_not_negative CHECK ((received >= (0)::numeric)),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3])))
)
PARTITION BY LIST (slot);

COMMENT ON TABLE analytics.funding_collected_rows IS 'Funding of each leg in each UTC month, of every generation; read analytics.funding_collected.';

COMMENT ON COLUMN analytics.funding_collected_rows.changed_at IS 'recorded_at of the last event that changed this row.';

COMMENT ON COLUMN analytics.funding_collected_rows.payments IS 'Number of live funding payments of the month.';

COMMENT ON COLUMN analytics.funding_collected_rows.missing_settlements IS 'Settlements due by funding_interval_s without a payment; null without an interval.';

COMMENT ON COLUMN analytics.funding_collected_rows.log_position IS 'Log position of the last event that changed this row.';

COMMENT ON COLUMN analytics.funding_collected_rows.position_id IS 'The position.';

COMMENT ON COLUMN analytics.funding_collected_rows.month IS 'The UTC month, as its first day.';

COMMENT ON COLUMN analytics.funding_collected_rows.book_id IS 'The book, see positions.books.';

COMMENT ON COLUMN analytics.funding_collected_rows.slot IS 'The slot of the generation this row belongs to: 1, 2 or 3.';

COMMENT ON COLUMN analytics.funding_collected_rows.received IS 'Sum of what was received, >= 0, in settle, as far as it is valued.';

COMMENT ON COLUMN analytics.funding_collected_rows.paid IS 'Sum of what was paid, >= 0, in settle, as far as it is valued.';

COMMENT ON COLUMN analytics.funding_collected_rows.net IS 'received - paid, in settle; null while a payment is not valued.';

COMMENT ON COLUMN analytics.funding_collected_rows.expected IS 'Funding by quantity, mark and rate of the payments, in settle; null when one lacks them.';

COMMENT ON COLUMN analytics.funding_collected_rows.variance IS 'Booked minus expected, in settle; null when either is.';

COMMENT ON COLUMN analytics.funding_collected_rows.leg IS 'Name of the leg in its position.';

COMMENT ON COLUMN analytics.funding_collected_rows.strategy IS 'Strategy of the position, as position_opened gave it.';

COMMENT ON COLUMN analytics.funding_collected_rows.asset IS 'Asset that the position trades, as position_opened gave it.';

COMMENT ON COLUMN analytics.funding_collected_rows.venue IS 'The exchange of the leg.';

COMMENT ON COLUMN analytics.funding_collected_rows.settle IS 'Settle asset of the leg, the unit of the money columns.';

CREATE VIEW analytics.funding_collected AS
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
   FROM ((analytics.funding_collected_rows r
     JOIN positions.live_slot l ON (((l.book_id = r.book_id) AND (l.slot = r.slot))))
     JOIN positions.books b ON ((b.book_id = r.book_id)));

COMMENT ON VIEW analytics.funding_collected IS 'A row is a UTC month in which a leg had funding, as the live generation of its book has it.';

COMMENT ON COLUMN analytics.funding_collected.book IS 'Name of the book, see positions.books.';

COMMENT ON COLUMN analytics.funding_collected.book_id IS 'The book, see positions.books.';

COMMENT ON COLUMN analytics.funding_collected.position_id IS 'The position.';

COMMENT ON COLUMN analytics.funding_collected.leg IS 'Name of the leg in its position.';

COMMENT ON COLUMN analytics.funding_collected.month IS 'The UTC month, as its first day.';

COMMENT ON COLUMN analytics.funding_collected.strategy IS 'Strategy of the position, as position_opened gave it.';

COMMENT ON COLUMN analytics.funding_collected.asset IS 'Asset that the position trades, as position_opened gave it.';

COMMENT ON COLUMN analytics.funding_collected.venue IS 'The exchange of the leg.';

COMMENT ON COLUMN analytics.funding_collected.settle IS 'Settle asset of the leg, the unit of the money columns.';

COMMENT ON COLUMN analytics.funding_collected.payments IS 'Number of live funding payments of the month.';

COMMENT ON COLUMN analytics.funding_collected.received IS 'Sum of what was received, >= 0, in settle, as far as it is valued.';

COMMENT ON COLUMN analytics.funding_collected.paid IS 'Sum of what was paid, >= 0, in settle, as far as it is valued.';

COMMENT ON COLUMN analytics.funding_collected.net IS 'received - paid, in settle; null while a payment is not valued.';

COMMENT ON COLUMN analytics.funding_collected.expected IS 'Funding by quantity, mark and rate of the payments, in settle; null when one lacks them.';

COMMENT ON COLUMN analytics.funding_collected.variance IS 'Booked minus expected, in settle; null when either is.';

COMMENT ON COLUMN analytics.funding_collected.missing_settlements IS 'Settlements due by funding_interval_s without a payment; null without an interval.';

COMMENT ON COLUMN analytics.funding_collected.log_position IS 'Log position of the last event that changed this row.';

COMMENT ON COLUMN analytics.funding_collected.changed_at IS 'recorded_at of the last event that changed this row.';

CREATE TABLE analytics.funding_collected_rows_1 (
    changed_at timestamp with time zone NOT NULL,
    payments bigint NOT NULL,
    missing_settlements bigint,
    log_position bigint NOT NULL,
    position_id uuid NOT NULL,
    month date NOT NULL,
    book_id integer NOT NULL,
    slot smallint NOT NULL,
    received numeric(38,18) NOT NULL,
    paid numeric(38,18) NOT NULL,
    net numeric(38,18),
    expected numeric(38,18),
    variance numeric(38,18),
    leg text NOT NULL,
    strategy text NOT NULL,
    asset text NOT NULL,
    venue text NOT NULL,
    settle text NOT NULL,
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT missing_settlements_are_not_negative CHECK ((missing_settlements >= 0)),
    CONSTRAINT month_is_a_first_day CHECK ((EXTRACT(day FROM month) = (1)::numeric)),
    CONSTRAINT net_is_received_less_paid CHECK ((net = (received - paid))),
    CONSTRAINT paid_is_not_negative CHECK ((paid >= (0)::numeric)),
    CONSTRAINT payments_are_not_negative CHECK ((payments >= 0)),
    CONSTRAINT received_is_not_negative CHECK ((received >= (0)::numeric)),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3])))
)
WITH (fillfactor='80');

COMMENT ON TABLE analytics.funding_collected_rows_1 IS 'Slot 1 of analytics.funding_collected_rows.';

CREATE TABLE analytics.funding_collected_rows_2 (
    changed_at timestamp with time zone NOT NULL,
    payments bigint NOT NULL,
    missing_settlements bigint,
    log_position bigint NOT NULL,
    position_id uuid NOT NULL,
    month date NOT NULL,
    book_id integer NOT NULL,
    slot smallint NOT NULL,
    received numeric(38,18) NOT NULL,
    paid numeric(38,18) NOT NULL,
    net numeric(38,18),
    expected numeric(38,18),
    variance numeric(38,18),
    leg text NOT NULL,
    strategy text NOT NULL,
    asset text NOT NULL,
    venue text NOT NULL,
    settle text NOT NULL,
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT missing_settlements_are_not_negative CHECK ((missing_settlements >= 0)),
    CONSTRAINT month_is_a_first_day CHECK ((EXTRACT(day FROM month) = (1)::numeric)),
    CONSTRAINT net_is_received_less_paid CHECK ((net = (received - paid))),
    CONSTRAINT paid_is_not_negative CHECK ((paid >= (0)::numeric)),
    CONSTRAINT payments_are_not_negative CHECK ((payments >= 0)),
    CONSTRAINT received_is_not_negative CHECK ((received >= (0)::numeric)),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3])))
)
WITH (fillfactor='80');

COMMENT ON TABLE analytics.funding_collected_rows_2 IS 'Slot 2 of analytics.funding_collected_rows.';

CREATE TABLE analytics.funding_collected_rows_3 (
    changed_at timestamp with time zone NOT NULL,
    payments bigint NOT NULL,
    missing_settlements bigint,
    log_position bigint NOT NULL,
    position_id uuid NOT NULL,
    month date NOT NULL,
    book_id integer NOT NULL,
    slot smallint NOT NULL,
    received numeric(38,18) NOT NULL,
    paid numeric(38,18) NOT NULL,
    net numeric(38,18),
    expected numeric(38,18),
    variance numeric(38,18),
    leg text NOT NULL,
    strategy text NOT NULL,
    asset text NOT NULL,
    venue text NOT NULL,
    settle text NOT NULL,
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT missing_settlements_are_not_negative CHECK ((missing_settlements >= 0)),
    CONSTRAINT month_is_a_first_day CHECK ((EXTRACT(day FROM month) = (1)::numeric)),
    CONSTRAINT net_is_received_less_paid CHECK ((net = (received - paid))),
    CONSTRAINT paid_is_not_negative CHECK ((paid >= (0)::numeric)),
    CONSTRAINT payments_are_not_negative CHECK ((payments >= 0)),
    CONSTRAINT received_is_not_negative CHECK ((received >= (0)::numeric)),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3])))
)
WITH (fillfactor='80');

COMMENT ON TABLE analytics.funding_collected_rows_3 IS 'Slot 3 of analytics.funding_collected_rows.';

CREATE VIEW analytics.funding_totals AS
 SELECT f.book,
    f.book_id,
    f.position_id,
    f.strategy,
    f.asset,
        CASE
            WHEN (min(f.settle) = max(f.settle)) THEN min(f.settle)
            ELSE NULL::text
        END AS settle,
    min(f.month) AS first_month,
    max(f.month) AS last_month,
    (sum(f.payments))::bigint AS payments,
    (
        CASE
            WHEN ((min(f.settle) = max(f.settle)) AND (count(f.received) = count(*))) THEN sum(f.received)
            ELSE NULL::numeric
        END)::numeric(38,18) AS received,
    (
        CASE
            WHEN ((min(f.settle) = max(f.settle)) AND (count(f.paid) = count(*))) THEN sum(f.paid)
            ELSE NULL::numeric
        END)::numeric(38,18) AS paid,
    (
        CASE
            WHEN ((min(f.settle) = max(f.settle)) AND (count(f.net) = count(*))) THEN sum(f.net)
            ELSE NULL::numeric
        END)::numeric(38,18) AS net,
    (
        CASE
            WHEN ((min(f.settle) = max(f.settle)) AND (count(f.expected) = count(*))) THEN sum(f.expected)
            ELSE NULL::numeric
        END)::numeric(38,18) AS expected,
    (
        CASE
            WHEN ((min(f.settle) = max(f.settle)) AND (count(f.variance) = count(*))) THEN sum(f.variance)
            ELSE NULL::numeric
        END)::numeric(38,18) AS variance,
        CASE
            WHEN (count(f.missing_settlements) = count(*)) THEN (sum(f.missing_settlements))::bigint
            ELSE NULL::bigint
        END AS missing_settlements,
    max(f.log_position) AS log_position,
    max(f.changed_at) AS changed_at
   FROM analytics.funding_collected f
  GROUP BY f.book, f.book_id, f.position_id, f.strategy, f.asset;

COMMENT ON VIEW analytics.funding_totals IS 'A row is a position with funding: its totals over legs and months.';

COMMENT ON COLUMN analytics.funding_totals.book IS 'Name of the book, see positions.books.';

COMMENT ON COLUMN analytics.funding_totals.book_id IS 'The book, see positions.books.';

COMMENT ON COLUMN analytics.funding_totals.position_id IS 'The position.';

COMMENT ON COLUMN analytics.funding_totals.strategy IS 'Strategy of the position, as position_opened gave it.';

COMMENT ON COLUMN analytics.funding_totals.asset IS 'Asset that the position trades, as position_opened gave it.';

COMMENT ON COLUMN analytics.funding_totals.settle IS 'Settle asset, the unit of the money columns; null when the legs settle in several.';

COMMENT ON COLUMN analytics.funding_totals.first_month IS 'First UTC month with funding, as its first day.';

COMMENT ON COLUMN analytics.funding_totals.last_month IS 'Last UTC month with funding, as its first day.';

COMMENT ON COLUMN analytics.funding_totals.payments IS 'Number of live funding payments.';

COMMENT ON COLUMN analytics.funding_totals.received IS 'Sum of what was received, >= 0, in settle, as far as it is valued; null with several settle assets.';

COMMENT ON COLUMN analytics.funding_totals.paid IS 'Sum of what was paid, >= 0, in settle, as far as it is valued; null with several settle assets.';

COMMENT ON COLUMN analytics.funding_totals.net IS 'received - paid, in settle; null while a payment is not valued, or with several settle assets.';

COMMENT ON COLUMN analytics.funding_totals.expected IS 'Funding by quantity, mark and rate, in settle; null when a payment lacks them, or with several settle assets.';

COMMENT ON COLUMN analytics.funding_totals.variance IS 'Booked minus expected, in settle; null when either is.';

COMMENT ON COLUMN analytics.funding_totals.missing_settlements IS 'Settlements due without a payment; null when a leg has no funding interval.';

COMMENT ON COLUMN analytics.funding_totals.log_position IS 'Log position of the last event that changed a row summed here.';

COMMENT ON COLUMN analytics.funding_totals.changed_at IS 'recorded_at of the last event that changed a row summed here.';

CREATE MATERIALIZED VIEW analytics.monthly_pnl AS
 SELECT d.book,
    d.book_id,
    (date_trunc('month'::text, (d.day)::timestamp without time zone))::date AS month,
    d.strategy,
    d.asset,
    d.venue,
    d.settle,
    (
        CASE
            WHEN ((count(d.price_pnl) = count(*)) AND (abs(sum(d.price_pnl)) < '100000000000000000000'::numeric)) THEN sum(d.price_pnl)
            ELSE NULL::numeric
        END)::numeric(38,18) AS price_pnl,
    (
        CASE
            WHEN ((count(d.fees) = count(*)) AND (abs(sum(d.fees)) < '100000000000000000000'::numeric)) THEN sum(d.fees)
            ELSE NULL::numeric
        END)::numeric(38,18) AS fees,
    (
        CASE
            WHEN ((count(d.funding) = count(*)) AND (abs(sum(d.funding)) < '100000000000000000000'::numeric)) THEN sum(d.funding)
            ELSE NULL::numeric
        END)::numeric(38,18) AS funding,
    (
        CASE
            WHEN ((count(d.adjustments) = count(*)) AND (abs(sum(d.adjustments)) < '100000000000000000000'::numeric)) THEN sum(d.adjustments)
            ELSE NULL::numeric
        END)::numeric(38,18) AS adjustments,
    (
        CASE
            WHEN ((count(d.net) = count(*)) AND (abs(sum(d.net)) < '100000000000000000000'::numeric)) THEN sum(d.net)
            ELSE NULL::numeric
        END)::numeric(38,18) AS net,
    (
        CASE
            WHEN (abs(sum(d.net)) < '100000000000000000000'::numeric) THEN sum(d.net)
            ELSE NULL::numeric
        END)::numeric(38,18) AS net_of_valued_days,
    count(*) AS days,
    (count(*) - count(d.net)) AS unvalued_days,
    (sum(d.unvalued_fees))::bigint AS unvalued_fees,
    (sum(d.unvalued_funding))::bigint AS unvalued_funding,
    (sum(d.fills))::bigint AS fills,
    (
        CASE
            WHEN ((count(d.volume) = count(*)) AND (sum(d.volume) < '100000000000000000000'::numeric)) THEN sum(d.volume)
            ELSE NULL::numeric
        END)::numeric(38,18) AS volume,
    max(d.log_position) AS log_position,
    max(d.changed_at) AS changed_at
   FROM analytics.daily_pnl d
  GROUP BY d.book, d.book_id, ((date_trunc('month'::text, (d.day)::timestamp without time zone))::date), d.strategy, d.asset, d.venue, d.settle
  WITH NO DATA;

COMMENT ON MATERIALIZED VIEW analytics.monthly_pnl IS 'What was earned by month: sums of analytics.daily_pnl as it was at the last maintenance.refresh_views(). A month with a day that is not valued has no net.';

COMMENT ON COLUMN analytics.monthly_pnl.book IS 'Name of the book, see positions.books.';

COMMENT ON COLUMN analytics.monthly_pnl.book_id IS 'The book, see positions.books.';

COMMENT ON COLUMN analytics.monthly_pnl.month IS 'The UTC month, as its first day.';

COMMENT ON COLUMN analytics.monthly_pnl.strategy IS 'Strategy of the positions.';

COMMENT ON COLUMN analytics.monthly_pnl.asset IS 'Asset that the positions trade.';

COMMENT ON COLUMN analytics.monthly_pnl.venue IS 'The exchange of the legs.';

COMMENT ON COLUMN analytics.monthly_pnl.settle IS 'Settle asset of the legs, the unit of the money columns.';

COMMENT ON COLUMN analytics.monthly_pnl.price_pnl IS 'P&L from prices, in settle; null from 10^20 on, of the month or one of its days.';

COMMENT ON COLUMN analytics.monthly_pnl.fees IS 'Fees, + cost, in settle; null while a day''s are not valued, and from 10^20 on.';

COMMENT ON COLUMN analytics.monthly_pnl.funding IS 'Funding, + received, in settle; null while a day''s is not valued, and from 10^20 on.';

COMMENT ON COLUMN analytics.monthly_pnl.adjustments IS 'Cash adjustments, in settle; null from 10^20 on.';

COMMENT ON COLUMN analytics.monthly_pnl.net IS 'price_pnl - fees + funding + adjustments, in settle; null while a day is not valued.';

COMMENT ON COLUMN analytics.monthly_pnl.net_of_valued_days IS 'Sum of net over the days that are valued, in settle; null if none is. No figure for the month while unvalued_days is above 0.';

COMMENT ON COLUMN analytics.monthly_pnl.days IS 'Number of days that have a row.';

COMMENT ON COLUMN analytics.monthly_pnl.unvalued_days IS 'Of these, days without net.';

COMMENT ON COLUMN analytics.monthly_pnl.unvalued_fees IS 'Number of position-leg-days whose fees are not valued.';

COMMENT ON COLUMN analytics.monthly_pnl.unvalued_funding IS 'Number of position-leg-days whose funding is not valued.';

COMMENT ON COLUMN analytics.monthly_pnl.fills IS 'Number of live fills.';

COMMENT ON COLUMN analytics.monthly_pnl.volume IS 'Traded volume, in quote; of inverse legs the sum of qty times multiplier; null from 10^20 on.';

COMMENT ON COLUMN analytics.monthly_pnl.log_position IS 'Log position of the last event that changed one of the days.';

COMMENT ON COLUMN analytics.monthly_pnl.changed_at IS 'recorded_at of that event.';

CREATE TABLE analytics.position_days_rows (
    changed_at timestamp with time zone NOT NULL,
    fills bigint NOT NULL,
    log_position bigint NOT NULL,
    position_id uuid NOT NULL,
    day date NOT NULL,
    book_id integer NOT NULL,
    slot smallint NOT NULL,
    price_pnl numeric(38,18) NOT NULL,
    fees numeric(38,18),
    funding numeric(38,18),
    adjustments numeric(38,18) NOT NULL,
    net numeric(38,18),
    volume numeric(38,18) NOT NULL,
    leg text NOT NULL,
    strategy text NOT NULL,
    asset text NOT NULL,
    venue text NOT NULL,
    settle text NOT NULL,
    CONSTRAINT fills_are_not_negative CHECK ((fills >= 0)),
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT net_is_the_sum_of_its_parts CHECK ((net = (((price_pnl - fees) + funding) + adjustments))),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3]))),
    CONSTRAINT volume_is_not_negative CHECK ((volume >= (0)::numeric))
)
PARTITION BY LIST (slot);

COMMENT ON TABLE analytics.position_days_rows IS 'What each leg earned on each UTC day, of every generation; the base of analytics.daily_pnl.';

COMMENT ON COLUMN analytics.position_days_rows.changed_at IS 'recorded_at of the last event that changed this row.';

COMMENT ON COLUMN analytics.position_days_rows.fills IS 'Number of live fills of the day.';

COMMENT ON COLUMN analytics.position_days_rows.log_position IS 'Log position of the last event that changed this row.';

COMMENT ON COLUMN analytics.position_days_rows.position_id IS 'The position.';

COMMENT ON COLUMN analytics.position_days_rows.day IS 'The UTC day.';

COMMENT ON COLUMN analytics.position_days_rows.book_id IS 'The book, see positions.books.';

COMMENT ON COLUMN analytics.position_days_rows.slot IS 'The slot of the generation this row belongs to: 1, 2 or 3.';

COMMENT ON COLUMN analytics.position_days_rows.price_pnl IS 'P&L from prices booked on the day, in settle.';

COMMENT ON COLUMN analytics.position_days_rows.fees IS 'Fees of the day, + cost, in settle; null while one is not valued.';

COMMENT ON COLUMN analytics.position_days_rows.funding IS 'Funding of the day, + received, in settle; null while one is not valued.';

COMMENT ON COLUMN analytics.position_days_rows.adjustments IS 'Cash adjustments of the day, in settle.';

COMMENT ON COLUMN analytics.position_days_rows.net IS 'price_pnl - fees + funding + adjustments, in settle; null when one of them is.';

COMMENT ON COLUMN analytics.position_days_rows.volume IS 'Traded volume of the day, in quote; of an inverse leg the sum of qty times multiplier.';

COMMENT ON COLUMN analytics.position_days_rows.leg IS 'Name of the leg in its position.';

COMMENT ON COLUMN analytics.position_days_rows.strategy IS 'Strategy of the position, as position_opened gave it.';

COMMENT ON COLUMN analytics.position_days_rows.asset IS 'Asset that the position trades, as position_opened gave it.';

COMMENT ON COLUMN analytics.position_days_rows.venue IS 'The exchange of the leg.';

COMMENT ON COLUMN analytics.position_days_rows.settle IS 'Settle asset of the leg, the unit of the money columns.';

CREATE VIEW analytics.position_days AS
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
   FROM ((analytics.position_days_rows r
     JOIN positions.live_slot l ON (((l.book_id = r.book_id) AND (l.slot = r.slot))))
     JOIN positions.books b ON ((b.book_id = r.book_id)));

COMMENT ON VIEW analytics.position_days IS 'A row is a UTC day on which a leg had a live fill, fee, funding or adjustment.';

COMMENT ON COLUMN analytics.position_days.book IS 'Name of the book, see positions.books.';

COMMENT ON COLUMN analytics.position_days.book_id IS 'The book, see positions.books.';

COMMENT ON COLUMN analytics.position_days.position_id IS 'The position.';

COMMENT ON COLUMN analytics.position_days.leg IS 'Name of the leg in its position.';

COMMENT ON COLUMN analytics.position_days.day IS 'The UTC day.';

COMMENT ON COLUMN analytics.position_days.strategy IS 'Strategy of the position, as position_opened gave it.';

COMMENT ON COLUMN analytics.position_days.asset IS 'Asset that the position trades, as position_opened gave it.';

COMMENT ON COLUMN analytics.position_days.venue IS 'The exchange of the leg.';

COMMENT ON COLUMN analytics.position_days.settle IS 'Settle asset of the leg, the unit of the money columns.';

COMMENT ON COLUMN analytics.position_days.price_pnl IS 'P&L from prices booked on the day, in settle.';

COMMENT ON COLUMN analytics.position_days.fees IS 'Fees of the day, + cost, in settle; null while one is not valued.';

COMMENT ON COLUMN analytics.position_days.funding IS 'Funding of the day, + received, in settle; null while one is not valued.';

COMMENT ON COLUMN analytics.position_days.adjustments IS 'Cash adjustments of the day, in settle.';

COMMENT ON COLUMN analytics.position_days.net IS 'price_pnl - fees + funding + adjustments, in settle; null when one of them is.';

COMMENT ON COLUMN analytics.position_days.fills IS 'Number of live fills of the day.';

COMMENT ON COLUMN analytics.position_days.volume IS 'Traded volume of the day, in quote; of an inverse leg the sum of qty times multiplier.';

COMMENT ON COLUMN analytics.position_days.log_position IS 'Log position of the last event that changed this row.';

COMMENT ON COLUMN analytics.position_days.changed_at IS 'recorded_at of the last event that changed this row.';

CREATE TABLE analytics.position_days_rows_1 (
    changed_at timestamp with time zone NOT NULL,
    fills bigint NOT NULL,
    log_position bigint NOT NULL,
    position_id uuid NOT NULL,
    day date NOT NULL,
    book_id integer NOT NULL,
    slot smallint NOT NULL,
    price_pnl numeric(38,18) NOT NULL,
    fees numeric(38,18),
    funding numeric(38,18),
    adjustments numeric(38,18) NOT NULL,
    net numeric(38,18),
    volume numeric(38,18) NOT NULL,
    leg text NOT NULL,
    strategy text NOT NULL,
    asset text NOT NULL,
    venue text NOT NULL,
    settle text NOT NULL,
    CONSTRAINT fills_are_not_negative CHECK ((fills >= 0)),
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT net_is_the_sum_of_its_parts CHECK ((net = (((price_pnl - fees) + funding) + adjustments))),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3]))),
    CONSTRAINT volume_is_not_negative CHECK ((volume >= (0)::numeric))
)
WITH (fillfactor='80');

COMMENT ON TABLE analytics.position_days_rows_1 IS 'Slot 1 of analytics.position_days_rows.';

CREATE TABLE analytics.position_days_rows_2 (
    changed_at timestamp with time zone NOT NULL,
    fills bigint NOT NULL,
    log_position bigint NOT NULL,
    position_id uuid NOT NULL,
    day date NOT NULL,
    book_id integer NOT NULL,
    slot smallint NOT NULL,
    price_pnl numeric(38,18) NOT NULL,
    fees numeric(38,18),
    funding numeric(38,18),
    adjustments numeric(38,18) NOT NULL,
    net numeric(38,18),
    volume numeric(38,18) NOT NULL,
    leg text NOT NULL,
    strategy text NOT NULL,
    asset text NOT NULL,
    venue text NOT NULL,
    settle text NOT NULL,
    CONSTRAINT fills_are_not_negative CHECK ((fills >= 0)),
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT net_is_the_sum_of_its_parts CHECK ((net = (((price_pnl - fees) + funding) + adjustments))),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3]))),
    CONSTRAINT volume_is_not_negative CHECK ((volume >= (0)::numeric))
)
WITH (fillfactor='80');

COMMENT ON TABLE analytics.position_days_rows_2 IS 'Slot 2 of analytics.position_days_rows.';

CREATE TABLE analytics.position_days_rows_3 (
    changed_at timestamp with time zone NOT NULL,
    fills bigint NOT NULL,
    log_position bigint NOT NULL,
    position_id uuid NOT NULL,
    day date NOT NULL,
    book_id integer NOT NULL,
    slot smallint NOT NULL,
    price_pnl numeric(38,18) NOT NULL,
    fees numeric(38,18),
    funding numeric(38,18),
    adjustments numeric(38,18) NOT NULL,
    net numeric(38,18),
    volume numeric(38,18) NOT NULL,
    leg text NOT NULL,
    strategy text NOT NULL,
    asset text NOT NULL,
    venue text NOT NULL,
    settle text NOT NULL,
    CONSTRAINT fills_are_not_negative CHECK ((fills >= 0)),
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT net_is_the_sum_of_its_parts CHECK ((net = (((price_pnl - fees) + funding) + adjustments))),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3]))),
    CONSTRAINT volume_is_not_negative CHECK ((volume >= (0)::numeric))
)
WITH (fillfactor='80');

COMMENT ON TABLE analytics.position_days_rows_3 IS 'Slot 3 of analytics.position_days_rows.';

CREATE TABLE analytics.trade_stats_rows (
    changed_at timestamp with time zone NOT NULL,
    closed_positions bigint NOT NULL,
    unvalued bigint NOT NULL,
    wins bigint NOT NULL,
    log_position bigint NOT NULL,
    book_id integer NOT NULL,
    slot smallint NOT NULL,
    win_rate numeric(38,18),
    mean_net numeric(38,18),
    median_net numeric(38,18),
    profit_factor numeric(38,18),
    mean_hold_seconds numeric(38,18),
    best numeric(38,18),
    worst numeric(38,18),
    strategy text NOT NULL,
    asset text NOT NULL,
    settle text NOT NULL,
    CONSTRAINT hold_time_is_not_negative CHECK ((mean_hold_seconds >= (0)::numeric)),
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT money_has_one_settle_asset CHECK (((settle <> ''::text) OR (num_nonnulls(mean_net, median_net, profit_factor, best, worst) = 0))),
    CONSTRAINT profit_factor_is_not_negative CHECK ((profit_factor >= (0)::numeric)),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3]))),
    CONSTRAINT win_rate_is_a_share CHECK (((win_rate >= (0)::numeric) AND (win_rate <= (1)::numeric))),
    CONSTRAINT wins_are_some_of_the_valued CHECK (((closed_positions >= 0) AND (unvalued >= 0) AND (wins >= 0) AND ((wins + unvalued) <= closed_positions))),
    CONSTRAINT worst_is_not_above_best CHECK ((worst <= best))
)
PARTITION BY LIST (slot);

COMMENT ON TABLE analytics.trade_stats_rows IS 'Results of the closed positions by strategy, asset and settle, of every generation; read analytics.trade_stats.';

COMMENT ON COLUMN analytics.trade_stats_rows.changed_at IS 'recorded_at of the last event that changed this row.';

COMMENT ON COLUMN analytics.trade_stats_rows.closed_positions IS 'Number of positions that are CLOSED; cancelled ones do not count.';

COMMENT ON COLUMN analytics.trade_stats_rows.unvalued IS 'Number of those whose net is null.';

COMMENT ON COLUMN analytics.trade_stats_rows.wins IS 'Number of those with net > 0.';

COMMENT ON COLUMN analytics.trade_stats_rows.log_position IS 'Log position of the last event that changed this row.';

COMMENT ON COLUMN analytics.trade_stats_rows.book_id IS 'The book, see positions.books.';

COMMENT ON COLUMN analytics.trade_stats_rows.slot IS 'The slot of the generation this row belongs to: 1, 2 or 3.';

COMMENT ON COLUMN analytics.trade_stats_rows.win_rate IS 'Wins over the positions with a net, 1 = 100 %; null without.';

COMMENT ON COLUMN analytics.trade_stats_rows.mean_net IS 'Mean net a position, in settle; null without.';

COMMENT ON COLUMN analytics.trade_stats_rows.median_net IS 'Median net a position, in settle; null without.';

COMMENT ON COLUMN analytics.trade_stats_rows.profit_factor IS 'Sum of the gains over the sum of the losses, without sign; null without losses.';

COMMENT ON COLUMN analytics.trade_stats_rows.mean_hold_seconds IS 'Mean time held, in seconds; null without.';

COMMENT ON COLUMN analytics.trade_stats_rows.best IS 'Greatest net of a position, in settle; null without.';

COMMENT ON COLUMN analytics.trade_stats_rows.worst IS 'Least net of a position, in settle; null without.';

COMMENT ON COLUMN analytics.trade_stats_rows.strategy IS 'Strategy of the position, as position_opened gave it.';

COMMENT ON COLUMN analytics.trade_stats_rows.asset IS 'Asset that the position trades, as position_opened gave it.';

COMMENT ON COLUMN analytics.trade_stats_rows.settle IS 'Settle asset, the unit of the money columns; empty when a position''s legs settle in several.';

CREATE VIEW analytics.trade_stats AS
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
   FROM ((analytics.trade_stats_rows r
     JOIN positions.live_slot l ON (((l.book_id = r.book_id) AND (l.slot = r.slot))))
     JOIN positions.books b ON ((b.book_id = r.book_id)));

COMMENT ON VIEW analytics.trade_stats IS 'A row is a strategy in an asset, in one settle asset: the results of its closed positions.';

COMMENT ON COLUMN analytics.trade_stats.book IS 'Name of the book, see positions.books.';

COMMENT ON COLUMN analytics.trade_stats.book_id IS 'The book, see positions.books.';

COMMENT ON COLUMN analytics.trade_stats.strategy IS 'Strategy of the position, as position_opened gave it.';

COMMENT ON COLUMN analytics.trade_stats.asset IS 'Asset that the position trades, as position_opened gave it.';

COMMENT ON COLUMN analytics.trade_stats.settle IS 'Settle asset, the unit of the money columns; empty when a position''s legs settle in several.';

COMMENT ON COLUMN analytics.trade_stats.closed_positions IS 'Number of positions that are CLOSED; cancelled ones do not count.';

COMMENT ON COLUMN analytics.trade_stats.unvalued IS 'Number of those whose net is null.';

COMMENT ON COLUMN analytics.trade_stats.wins IS 'Number of those with net > 0.';

COMMENT ON COLUMN analytics.trade_stats.win_rate IS 'Wins over the positions with a net, 1 = 100 %; null without.';

COMMENT ON COLUMN analytics.trade_stats.mean_net IS 'Mean net a position, in settle; null without.';

COMMENT ON COLUMN analytics.trade_stats.median_net IS 'Median net a position, in settle; null without.';

COMMENT ON COLUMN analytics.trade_stats.profit_factor IS 'Sum of the gains over the sum of the losses, without sign; null without losses.';

COMMENT ON COLUMN analytics.trade_stats.mean_hold_seconds IS 'Mean time held, in seconds; null without.';

COMMENT ON COLUMN analytics.trade_stats.best IS 'Greatest net of a position, in settle; null without.';

COMMENT ON COLUMN analytics.trade_stats.worst IS 'Least net of a position, in settle; null without.';

COMMENT ON COLUMN analytics.trade_stats.log_position IS 'Log position of the last event that changed this row.';

COMMENT ON COLUMN analytics.trade_stats.changed_at IS 'recorded_at of the last event that changed this row.';

CREATE TABLE analytics.trade_stats_rows_1 (
    changed_at timestamp with time zone NOT NULL,
    closed_positions bigint NOT NULL,
    unvalued bigint NOT NULL,
    wins bigint NOT NULL,
    log_position bigint NOT NULL,
    book_id integer NOT NULL,
    slot smallint NOT NULL,
    win_rate numeric(38,18),
    mean_net numeric(38,18),
    median_net numeric(38,18),
    profit_factor numeric(38,18),
    mean_hold_seconds numeric(38,18),
    best numeric(38,18),
    worst numeric(38,18),
    strategy text NOT NULL,
    asset text NOT NULL,
    settle text NOT NULL,
    CONSTRAINT hold_time_is_not_negative CHECK ((mean_hold_seconds >= (0)::numeric)),
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT money_has_one_settle_asset CHECK (((settle <> ''::text) OR (num_nonnulls(mean_net, median_net, profit_factor, best, worst) = 0))),
    CONSTRAINT profit_factor_is_not_negative CHECK ((profit_factor >= (0)::numeric)),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3]))),
    CONSTRAINT win_rate_is_a_share CHECK (((win_rate >= (0)::numeric) AND (win_rate <= (1)::numeric))),
    CONSTRAINT wins_are_some_of_the_valued CHECK (((closed_positions >= 0) AND (unvalued >= 0) AND (wins >= 0) AND ((wins + unvalued) <= closed_positions))),
    CONSTRAINT worst_is_not_above_best CHECK ((worst <= best))
)
WITH (fillfactor='80');

COMMENT ON TABLE analytics.trade_stats_rows_1 IS 'Slot 1 of analytics.trade_stats_rows.';

CREATE TABLE analytics.trade_stats_rows_2 (
    changed_at timestamp with time zone NOT NULL,
    closed_positions bigint NOT NULL,
    unvalued bigint NOT NULL,
    wins bigint NOT NULL,
    log_position bigint NOT NULL,
    book_id integer NOT NULL,
    slot smallint NOT NULL,
    win_rate numeric(38,18),
    mean_net numeric(38,18),
    median_net numeric(38,18),
    profit_factor numeric(38,18),
    mean_hold_seconds numeric(38,18),
    best numeric(38,18),
    worst numeric(38,18),
    strategy text NOT NULL,
    asset text NOT NULL,
    settle text NOT NULL,
    CONSTRAINT hold_time_is_not_negative CHECK ((mean_hold_seconds >= (0)::numeric)),
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT money_has_one_settle_asset CHECK (((settle <> ''::text) OR (num_nonnulls(mean_net, median_net, profit_factor, best, worst) = 0))),
    CONSTRAINT profit_factor_is_not_negative CHECK ((profit_factor >= (0)::numeric)),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3]))),
    CONSTRAINT win_rate_is_a_share CHECK (((win_rate >= (0)::numeric) AND (win_rate <= (1)::numeric))),
    CONSTRAINT wins_are_some_of_the_valued CHECK (((closed_positions >= 0) AND (unvalued >= 0) AND (wins >= 0) AND ((wins + unvalued) <= closed_positions))),
    CONSTRAINT worst_is_not_above_best CHECK ((worst <= best))
)
WITH (fillfactor='80');

COMMENT ON TABLE analytics.trade_stats_rows_2 IS 'Slot 2 of analytics.trade_stats_rows.';

CREATE TABLE analytics.trade_stats_rows_3 (
    changed_at timestamp with time zone NOT NULL,
    closed_positions bigint NOT NULL,
    unvalued bigint NOT NULL,
    wins bigint NOT NULL,
    log_position bigint NOT NULL,
    book_id integer NOT NULL,
    slot smallint NOT NULL,
    win_rate numeric(38,18),
    mean_net numeric(38,18),
    median_net numeric(38,18),
    profit_factor numeric(38,18),
    mean_hold_seconds numeric(38,18),
    best numeric(38,18),
    worst numeric(38,18),
    strategy text NOT NULL,
    asset text NOT NULL,
    settle text NOT NULL,
    CONSTRAINT hold_time_is_not_negative CHECK ((mean_hold_seconds >= (0)::numeric)),
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT money_has_one_settle_asset CHECK (((settle <> ''::text) OR (num_nonnulls(mean_net, median_net, profit_factor, best, worst) = 0))),
    CONSTRAINT profit_factor_is_not_negative CHECK ((profit_factor >= (0)::numeric)),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3]))),
    CONSTRAINT win_rate_is_a_share CHECK (((win_rate >= (0)::numeric) AND (win_rate <= (1)::numeric))),
    CONSTRAINT wins_are_some_of_the_valued CHECK (((closed_positions >= 0) AND (unvalued >= 0) AND (wins >= 0) AND ((wins + unvalued) <= closed_positions))),
    CONSTRAINT worst_is_not_above_best CHECK ((worst <= best))
)
WITH (fillfactor='80');

COMMENT ON TABLE analytics.trade_stats_rows_3 IS 'Slot 3 of analytics.trade_stats_rows.';

CREATE MATERIALIZED VIEW analytics.venue_month_funding AS
 SELECT f.book,
    f.book_id,
    f.month,
    f.venue,
    f.settle,
    count(*) AS legs,
    (count(*) - count(f.net)) AS unvalued_legs,
    (count(*) - count(f.variance)) AS uncompared_legs,
    (count(*) - count(f.missing_settlements)) AS legs_without_interval,
    (sum(f.payments))::bigint AS payments,
    (sum(f.missing_settlements))::bigint AS missing_settlements,
    (
        CASE
            WHEN (sum(f.received) < '100000000000000000000'::numeric) THEN sum(f.received)
            ELSE NULL::numeric
        END)::numeric(38,18) AS received,
    (
        CASE
            WHEN (sum(f.paid) < '100000000000000000000'::numeric) THEN sum(f.paid)
            ELSE NULL::numeric
        END)::numeric(38,18) AS paid,
    (
        CASE
            WHEN ((count(f.net) = count(*)) AND (abs(sum(f.net)) < '100000000000000000000'::numeric)) THEN sum(f.net)
            ELSE NULL::numeric
        END)::numeric(38,18) AS net,
    (
        CASE
            WHEN ((count(f.expected) = count(*)) AND (abs(sum(f.expected)) < '100000000000000000000'::numeric)) THEN sum(f.expected)
            ELSE NULL::numeric
        END)::numeric(38,18) AS expected,
    (
        CASE
            WHEN ((count(f.variance) = count(*)) AND (abs(sum(f.variance)) < '100000000000000000000'::numeric)) THEN sum(f.variance)
            ELSE NULL::numeric
        END)::numeric(38,18) AS variance,
    max(f.log_position) AS log_position,
    max(f.changed_at) AS changed_at
   FROM analytics.funding_collected f
  GROUP BY f.book, f.book_id, f.month, f.venue, f.settle
  WITH NO DATA;

COMMENT ON MATERIALIZED VIEW analytics.venue_month_funding IS 'Funding by venue and month: sums of analytics.funding_collected as it was at the last maintenance.refresh_views(). What a leg does not tell makes the sum null and is counted.';

COMMENT ON COLUMN analytics.venue_month_funding.book IS 'Name of the book, see positions.books.';

COMMENT ON COLUMN analytics.venue_month_funding.book_id IS 'The book, see positions.books.';

COMMENT ON COLUMN analytics.venue_month_funding.month IS 'The UTC month, as its first day.';

COMMENT ON COLUMN analytics.venue_month_funding.venue IS 'The exchange of the legs.';

COMMENT ON COLUMN analytics.venue_month_funding.settle IS 'Settle asset of the legs, the unit of the money columns.';

COMMENT ON COLUMN analytics.venue_month_funding.legs IS 'Number of legs that had funding in the month.';

COMMENT ON COLUMN analytics.venue_month_funding.unvalued_legs IS 'Of these, legs with a payment that is not valued.';

COMMENT ON COLUMN analytics.venue_month_funding.uncompared_legs IS 'Of these, legs whose payments cannot be compared with what was expected.';

COMMENT ON COLUMN analytics.venue_month_funding.legs_without_interval IS 'Of these, legs of which it is not known how many settlements were due.';

COMMENT ON COLUMN analytics.venue_month_funding.payments IS 'Number of live funding payments.';

COMMENT ON COLUMN analytics.venue_month_funding.missing_settlements IS 'Settlements due without a payment, of the legs with an interval; null if none has one.';

COMMENT ON COLUMN analytics.venue_month_funding.received IS 'Sum of what was received, >= 0, in settle, as far as it is valued; null from 10^20 on.';

COMMENT ON COLUMN analytics.venue_month_funding.paid IS 'Sum of what was paid, >= 0, in settle, as far as it is valued; null from 10^20 on.';

COMMENT ON COLUMN analytics.venue_month_funding.net IS 'received - paid, in settle; null while a payment is not valued, and from 10^20 on.';

COMMENT ON COLUMN analytics.venue_month_funding.expected IS 'Funding by quantity, mark and rate of the payments, in settle; null when one lacks them.';

COMMENT ON COLUMN analytics.venue_month_funding.variance IS 'Booked minus expected, in settle; null when either is of one leg.';

COMMENT ON COLUMN analytics.venue_month_funding.log_position IS 'Log position of the last event that changed one of the legs.';

COMMENT ON COLUMN analytics.venue_month_funding.changed_at IS 'recorded_at of that event.';

CREATE TABLE audit.actions (
    action_id bigint NOT NULL,
    acted_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    actor text NOT NULL,
    db_role text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    outcome text NOT NULL,
    request jsonb,
    detail jsonb,
    CONSTRAINT action_is_a_plain_word CHECK (((action COLLATE "C") ~ '^[a-z][a-z0-9_.]{0,63}$'::text)),
    CONSTRAINT actor_is_1_to_128_characters CHECK (((length(actor) >= 1) AND (length(actor) <= 128))),
    CONSTRAINT detail_is_an_object CHECK ((jsonb_typeof(detail) = 'object'::text)),
    CONSTRAINT outcome_is_known CHECK ((outcome = ANY (ARRAY['done'::text, 'refused'::text, 'failed'::text]))),
    CONSTRAINT request_is_an_object CHECK ((jsonb_typeof(request) = 'object'::text)),
    CONSTRAINT subject_is_1_to_256_characters CHECK (((length(subject) >= 1) AND (length(subject) <= 256)))
)
PARTITION BY RANGE (acted_at);

COMMENT ON TABLE audit.actions IS 'A row is an action of a user or a service. Append only; by year of acted_at, UTC.';

COMMENT ON COLUMN audit.actions.action_id IS 'Number of the action, ascending; not without gaps.';

COMMENT ON COLUMN audit.actions.acted_at IS 'When, by the clock of the database.';

COMMENT ON COLUMN audit.actions.actor IS 'Who, 1 to 128 characters, see audit.actor().';

COMMENT ON COLUMN audit.actions.db_role IS 'The role of the database that did it, see audit.login().';

COMMENT ON COLUMN audit.actions.action IS 'What was done, a word such as credential_decrypted.';

COMMENT ON COLUMN audit.actions.subject IS 'What it was done to, 1 to 256 characters, for example an exchange or a path of config.';

COMMENT ON COLUMN audit.actions.outcome IS 'done, refused (by a rule) or failed (by an error).';

COMMENT ON COLUMN audit.actions.request IS 'What was asked for, without secrets; null if there is nothing to say.';

COMMENT ON COLUMN audit.actions.detail IS 'What came of it, without secrets; null if there is nothing to say.';

ALTER TABLE audit.actions ALTER COLUMN action_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME audit.actions_action_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE audit.api_calls (
    call_id bigint NOT NULL,
    called_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    service text NOT NULL,
    exchange text,
    method text NOT NULL,
    endpoint text NOT NULL,
    status integer,
    duration_ms integer,
    attempt integer DEFAULT 1 NOT NULL,
    error text,
    request_id text,
    CONSTRAINT attempt_is_positive CHECK ((attempt >= 1)),
    CONSTRAINT call_has_an_answer_or_an_error CHECK (((status IS NOT NULL) OR (error IS NOT NULL))),
    CONSTRAINT duration_is_not_negative CHECK ((duration_ms >= 0)),
    CONSTRAINT endpoint_is_a_path_without_query CHECK ((((length(endpoint) >= 1) AND (length(endpoint) <= 256)) AND (endpoint !~ '[?#[:space:]]'::text))),
    CONSTRAINT error_is_at_most_1024_characters CHECK ((length(error) <= 1024)),
    CONSTRAINT method_is_known CHECK ((method = ANY (ARRAY['GET'::text, 'POST'::text, 'PUT'::text, 'PATCH'::text, 'DELETE'::text, 'WS'::text]))),
    CONSTRAINT service_is_1_to_64_characters CHECK (((length(service) >= 1) AND (length(service) <= 64))),
    CONSTRAINT status_is_of_http CHECK (((status >= 100) AND (status <= 599)))
)
PARTITION BY RANGE (called_at);

COMMENT ON TABLE audit.api_calls IS 'A row is a call to the outside, mostly an exchange. Append only; by year of called_at, UTC.';

COMMENT ON COLUMN audit.api_calls.call_id IS 'Number of the call, ascending; not without gaps.';

COMMENT ON COLUMN audit.api_calls.called_at IS 'When it was sent.';

COMMENT ON COLUMN audit.api_calls.service IS 'The service that called.';

COMMENT ON COLUMN audit.api_calls.exchange IS 'The exchange, as config.exchanges calls it; null for another site. Without a foreign key: what was said stays said.';

COMMENT ON COLUMN audit.api_calls.method IS 'Method of HTTP, or WS for a message of a web socket.';

COMMENT ON COLUMN audit.api_calls.endpoint IS 'The path, without a query: that may carry keys and signatures.';

COMMENT ON COLUMN audit.api_calls.status IS 'Status of the answer, as HTTP counts; null when there was none.';

COMMENT ON COLUMN audit.api_calls.duration_ms IS 'How long the answer took, in milliseconds; null when there was none.';

COMMENT ON COLUMN audit.api_calls.attempt IS 'Which attempt it was, from 1.';

COMMENT ON COLUMN audit.api_calls.error IS 'What went wrong, at most 1024 characters, without secrets; null if nothing.';

COMMENT ON COLUMN audit.api_calls.request_id IS 'What the exchange calls the request; null if it does not say.';

ALTER TABLE audit.api_calls ALTER COLUMN call_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME audit.api_calls_call_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE capital.allocations (
    allocation_id uuid NOT NULL,
    position_id uuid,
    amount numeric(38,18) NOT NULL,
    requested_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    activated_at timestamp with time zone,
    released_at timestamp with time zone,
    account_id integer NOT NULL,
    status text DEFAULT 'requested'::text NOT NULL,
    strategy text NOT NULL,
    requested_by text DEFAULT audit.actor() NOT NULL,
    CONSTRAINT activation_has_a_position CHECK (((status <> 'active'::text) OR ((position_id IS NOT NULL) AND (activated_at IS NOT NULL)))),
    CONSTRAINT allocation_has_its_times_in_order CHECK (((activated_at >= requested_at) AND (released_at >= requested_at) AND (released_at >= activated_at))),
    CONSTRAINT amount_is_positive CHECK (((amount > (0)::numeric) AND (amount <> 'NaN'::numeric))),
    CONSTRAINT release_has_a_time CHECK (((status = 'released'::text) = (released_at IS NOT NULL))),
    CONSTRAINT status_is_known CHECK ((status = ANY (ARRAY['requested'::text, 'active'::text, 'released'::text]))),
    CONSTRAINT strategy_has_1_to_64_characters CHECK (((length(strategy) >= 1) AND (length(strategy) <= 64)))
);

COMMENT ON TABLE capital.allocations IS 'A row is a part of an account that is set aside for a strategy, and then for a position.';

COMMENT ON COLUMN capital.allocations.allocation_id IS 'Identity, given by who asks: the same request again is the same allocation.';

COMMENT ON COLUMN capital.allocations.position_id IS 'The position; null before it is known, then it stays. Without a foreign key: a buffered position is not there yet, see capital.orphans.';

COMMENT ON COLUMN capital.allocations.amount IS 'How much, in the account''s asset, > 0.';

COMMENT ON COLUMN capital.allocations.requested_at IS 'When it was asked for and set aside.';

COMMENT ON COLUMN capital.allocations.activated_at IS 'When its position took it up; null before.';

COMMENT ON COLUMN capital.allocations.released_at IS 'When it was given back; null before.';

COMMENT ON COLUMN capital.allocations.account_id IS 'The account.';

COMMENT ON COLUMN capital.allocations.status IS 'requested, active or released. The first two are set aside.';

COMMENT ON COLUMN capital.allocations.strategy IS 'The strategy that it is for.';

COMMENT ON COLUMN capital.allocations.requested_by IS 'Who asked, see audit.actor().';

CREATE TABLE capital.transfers (
    transfer_id uuid NOT NULL,
    amount numeric(38,18) NOT NULL,
    fee numeric(38,18) DEFAULT 0 NOT NULL,
    requested_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    sent_at timestamp with time zone,
    ended_at timestamp with time zone,
    from_account integer NOT NULL,
    to_account integer NOT NULL,
    status text DEFAULT 'requested'::text NOT NULL,
    requested_by text DEFAULT audit.actor() NOT NULL,
    reference text,
    reason text,
    CONSTRAINT accounts_are_two CHECK ((from_account <> to_account)),
    CONSTRAINT end_has_a_time CHECK (((status = ANY (ARRAY['received'::text, 'failed'::text, 'cancelled'::text])) = (ended_at IS NOT NULL))),
    CONSTRAINT fee_is_a_part_of_the_amount CHECK (((fee >= (0)::numeric) AND (fee < amount))),
    CONSTRAINT reason_has_at_most_1024_characters CHECK ((length(reason) <= 1024)),
    CONSTRAINT reference_has_at_most_256_characters CHECK ((length(reference) <= 256)),
    CONSTRAINT sending_has_a_time CHECK (
CASE
    WHEN (status = ANY (ARRAY['sent'::text, 'received'::text])) THEN (sent_at IS NOT NULL)
    WHEN (status = ANY (ARRAY['requested'::text, 'cancelled'::text])) THEN (sent_at IS NULL)
    ELSE true
END),
    CONSTRAINT transfer_has_its_times_in_order CHECK (((sent_at >= requested_at) AND (ended_at >= requested_at) AND (ended_at >= sent_at))),
    CONSTRAINT transfer_status_is_known CHECK ((status = ANY (ARRAY['requested'::text, 'sent'::text, 'received'::text, 'failed'::text, 'cancelled'::text]))),
    CONSTRAINT transferred_amount_is_positive CHECK (((amount > (0)::numeric) AND (amount <> 'NaN'::numeric)))
);

COMMENT ON TABLE capital.transfers IS 'A row is a transfer of an asset between two accounts.';

COMMENT ON COLUMN capital.transfers.transfer_id IS 'Identity, given by who asks: the same request again is the same transfer.';

COMMENT ON COLUMN capital.transfers.amount IS 'What leaves the first account, in the asset, > 0.';

COMMENT ON COLUMN capital.transfers.fee IS 'What of it does not arrive, in the asset, >= 0, less than the amount.';

COMMENT ON COLUMN capital.transfers.requested_at IS 'When it was asked for; from then on the amount is reserved.';

COMMENT ON COLUMN capital.transfers.sent_at IS 'When it left the first account; null before.';

COMMENT ON COLUMN capital.transfers.ended_at IS 'When it was received, failed or was cancelled; null before.';

COMMENT ON COLUMN capital.transfers.from_account IS 'The account that it leaves.';

COMMENT ON COLUMN capital.transfers.to_account IS 'The account that it reaches, of the same asset.';

COMMENT ON COLUMN capital.transfers.status IS 'requested, sent, received, failed (given back in full) or cancelled (before it was sent).';

COMMENT ON COLUMN capital.transfers.requested_by IS 'Who asked, see audit.actor().';

COMMENT ON COLUMN capital.transfers.reference IS 'What the exchange calls it; null if unknown.';

COMMENT ON COLUMN capital.transfers.reason IS 'Why it was made, failed or was cancelled; null if nobody said.';

CREATE TABLE config.change_log (
    change_id bigint NOT NULL,
    rolls_back bigint,
    user_id uuid,
    changed_at timestamp with time zone NOT NULL,
    actor text NOT NULL,
    db_role text NOT NULL,
    section text NOT NULL,
    path text NOT NULL,
    reason text,
    previous jsonb,
    current jsonb,
    CONSTRAINT change_is_one CHECK ((previous IS DISTINCT FROM current)),
    CONSTRAINT reason_is_at_most_1024_characters CHECK ((length(reason) <= 1024)),
    CONSTRAINT rolled_back_change_was_before CHECK ((rolls_back < change_id))
);

COMMENT ON TABLE config.change_log IS 'A row is a change of the configuration, in the order of commits. Append only.';

COMMENT ON COLUMN config.change_log.change_id IS 'Number of the change, ascending in the order of commits; not without gaps.';

COMMENT ON COLUMN config.change_log.rolls_back IS 'The change that this one takes back; null if it is none.';

COMMENT ON COLUMN config.change_log.user_id IS 'The user whose name the actor is; null if it is none.';

COMMENT ON COLUMN config.change_log.changed_at IS 'When, by the clock of the database; never falls along change_id.';

COMMENT ON COLUMN config.change_log.actor IS 'Who, see audit.actor().';

COMMENT ON COLUMN config.change_log.db_role IS 'The role of the database that did it.';

COMMENT ON COLUMN config.change_log.section IS 'The table of config that was changed.';

COMMENT ON COLUMN config.change_log.path IS 'The entry that was changed: section/key…';

COMMENT ON COLUMN config.change_log.reason IS 'Why, at most 1024 characters; null if nobody said.';

COMMENT ON COLUMN config.change_log.previous IS 'The entry before, without secrets; null if there was none.';

COMMENT ON COLUMN config.change_log.current IS 'The entry after, without secrets; null if it was removed.';

COMMENT ON CONSTRAINT reason_is_at_most_1024_characters ON config.change_log IS 'Give a reason of at most 1024 characters.';

CREATE TABLE maintenance.runs (
    run_id bigint NOT NULL,
    started_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone NOT NULL,
    job text NOT NULL,
    outcome text NOT NULL,
    trigger text NOT NULL,
    actor text NOT NULL,
    error text,
    CONSTRAINT error_is_there_if_it_failed CHECK (((outcome = 'failed'::text) = (error IS NOT NULL))),
    CONSTRAINT outcome_is_known CHECK ((outcome = ANY (ARRAY['done'::text, 'failed'::text]))),
    CONSTRAINT run_ends_after_its_start CHECK ((ended_at >= started_at)),
    CONSTRAINT trigger_is_known CHECK ((trigger = ANY (ARRAY['pg_cron'::text, 'maintain'::text, 'manual'::text])))
);

COMMENT ON TABLE maintenance.runs IS 'A row is a run of a job; those older than retention.maintenance.runs are removed.';

COMMENT ON COLUMN maintenance.runs.run_id IS 'Number of the run, ascending.';

COMMENT ON COLUMN maintenance.runs.started_at IS 'When it began.';

COMMENT ON COLUMN maintenance.runs.ended_at IS 'When it ended.';

COMMENT ON COLUMN maintenance.runs.job IS 'The job.';

COMMENT ON COLUMN maintenance.runs.outcome IS 'done or failed.';

COMMENT ON COLUMN maintenance.runs.trigger IS 'What ran it: pg_cron, maintain (the command) or manual.';

COMMENT ON COLUMN maintenance.runs.actor IS 'Who ran it, see audit.actor().';

COMMENT ON COLUMN maintenance.runs.error IS 'Why it failed; null if it did not.';

CREATE TABLE positions.generation_steps (
    step_id bigint NOT NULL,
    taken_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    log_position bigint NOT NULL,
    book_id integer NOT NULL,
    from_logic integer,
    to_logic integer,
    from_slot smallint,
    to_slot smallint,
    step text NOT NULL,
    actor text NOT NULL,
    digest text,
    totals json,
    CONSTRAINT actor_is_1_to_128_octets CHECK (((octet_length(actor) >= 1) AND (octet_length(actor) <= 128))),
    CONSTRAINT digest_is_a_sha256 CHECK ((digest ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT log_position_is_not_negative CHECK ((log_position >= 0)),
    CONSTRAINT slots_are_of_three CHECK (((from_slot = ANY (ARRAY[1, 2, 3])) AND (to_slot = ANY (ARRAY[1, 2, 3])))),
    CONSTRAINT step_has_a_slot CHECK ((num_nonnulls(from_slot, to_slot) > 0)),
    CONSTRAINT step_is_known CHECK ((step = ANY (ARRAY['rebuilt'::text, 'promoted'::text, 'reverted'::text, 'retired'::text]))),
    CONSTRAINT totals_are_an_object CHECK ((json_typeof(totals) = 'object'::text))
);

COMMENT ON TABLE positions.generation_steps IS 'A row is a step taken with a generation of the projections: the audit record. Append only.';

COMMENT ON COLUMN positions.generation_steps.step_id IS 'Number of the step, ascending.';

COMMENT ON COLUMN positions.generation_steps.taken_at IS 'When, by the clock of the database.';

COMMENT ON COLUMN positions.generation_steps.log_position IS 'Log position at which the generation stood.';

COMMENT ON COLUMN positions.generation_steps.book_id IS 'The book, see positions.books.';

COMMENT ON COLUMN positions.generation_steps.from_logic IS 'Version of the logic that folded the slot which was live, or which was emptied.';

COMMENT ON COLUMN positions.generation_steps.to_logic IS 'Version of the logic that folded the slot which is live from then on, or was built.';

COMMENT ON COLUMN positions.generation_steps.from_slot IS 'The slot that was live, or that was emptied; null when one was built.';

COMMENT ON COLUMN positions.generation_steps.to_slot IS 'The slot that is live from then on, or that was built; null when one was emptied.';

COMMENT ON COLUMN positions.generation_steps.step IS 'rebuilt, promoted, reverted or retired.';

COMMENT ON COLUMN positions.generation_steps.actor IS 'Who did it, 1 to 128 octets.';

COMMENT ON COLUMN positions.generation_steps.digest IS 'Digest of the comparison that it was done on; null without one.';

COMMENT ON COLUMN positions.generation_steps.totals IS 'Totals of that comparison; null without one.';

CREATE TABLE positions.outbox_discards (
    discarded_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    buffered_at timestamp with time zone NOT NULL,
    outbox_sequence bigint NOT NULL,
    position_id uuid NOT NULL,
    event_id uuid NOT NULL,
    book_id integer NOT NULL,
    host text NOT NULL,
    actor text NOT NULL,
    reason text NOT NULL,
    event json NOT NULL,
    CONSTRAINT actor_is_1_to_128_octets CHECK (((octet_length(actor) >= 1) AND (octet_length(actor) <= 128))),
    CONSTRAINT event_is_an_object CHECK ((json_typeof(event) = 'object'::text)),
    CONSTRAINT host_is_not_empty CHECK ((host <> ''::text)),
    CONSTRAINT outbox_sequence_is_positive CHECK ((outbox_sequence >= 1)),
    CONSTRAINT reason_is_1_to_2000_octets CHECK (((octet_length(reason) >= 1) AND (octet_length(reason) <= 2000))),
    CONSTRAINT times_are_finite CHECK ((isfinite(discarded_at) AND isfinite(buffered_at)))
);

COMMENT ON TABLE positions.outbox_discards IS 'A row is an event that an operator discarded from an outbox; never expires. Append only.';

COMMENT ON COLUMN positions.outbox_discards.discarded_at IS 'When it was discarded, by the clock of the database.';

COMMENT ON COLUMN positions.outbox_discards.buffered_at IS 'When the outbox took its request, by the clock of that host.';

COMMENT ON COLUMN positions.outbox_discards.outbox_sequence IS 'Number of its request in the outbox of that host, from 1; a request is discarded whole.';

COMMENT ON COLUMN positions.outbox_discards.position_id IS 'The position that it was meant for.';

COMMENT ON COLUMN positions.outbox_discards.event_id IS 'Identity of the event, as positions.event_keys would have it; refused from now on.';

COMMENT ON COLUMN positions.outbox_discards.book_id IS 'The book, see positions.books.';

COMMENT ON COLUMN positions.outbox_discards.host IS 'Name of the machine whose outbox held it.';

COMMENT ON COLUMN positions.outbox_discards.actor IS 'Who discarded it, 1 to 128 octets.';

COMMENT ON COLUMN positions.outbox_discards.reason IS 'Why, in the words of who discarded it, 1 to 2,000 octets.';

COMMENT ON COLUMN positions.outbox_discards.event IS 'The event''s line exactly as it was buffered; hence json, not jsonb.';

CREATE TABLE risk.alerts (
    alert_id bigint NOT NULL,
    raised_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    last_raised_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    acknowledged_at timestamp with time zone,
    resolved_at timestamp with time zone,
    told_at timestamp with time zone,
    repeats integer DEFAULT 0 NOT NULL,
    is_held boolean DEFAULT false NOT NULL,
    severity text NOT NULL,
    type text NOT NULL,
    subject text NOT NULL,
    message text NOT NULL,
    raised_by text NOT NULL,
    acknowledged_by text,
    note text,
    detail jsonb,
    CONSTRAINT acknowledgement_has_a_name CHECK (((acknowledged_at IS NULL) = (acknowledged_by IS NULL))),
    CONSTRAINT detail_is_an_object CHECK ((jsonb_typeof(detail) = 'object'::text)),
    CONSTRAINT message_has_1_to_2048_characters CHECK (((length(message) >= 1) AND (length(message) <= 2048))),
    CONSTRAINT note_has_at_most_2048_characters CHECK ((length(note) <= 2048)),
    CONSTRAINT repeats_are_not_negative CHECK ((repeats >= 0)),
    CONSTRAINT severity_is_known CHECK ((severity = ANY (ARRAY['info'::text, 'warning'::text, 'critical'::text]))),
    CONSTRAINT subject_has_1_to_256_characters CHECK (((length(subject) >= 1) AND (length(subject) <= 256))),
    CONSTRAINT times_are_in_order CHECK (((last_raised_at >= raised_at) AND (acknowledged_at >= raised_at) AND (resolved_at >= raised_at))),
    CONSTRAINT type_is_a_plain_word CHECK (((type COLLATE "C") ~ '^[a-z][a-z0-9_]{0,63}$'::text))
);

COMMENT ON TABLE risk.alerts IS 'A row is an alert: raised once, counted while it stands, acknowledged by a person, resolved when its cause has gone. Never removed.';

COMMENT ON COLUMN risk.alerts.alert_id IS 'Number of the alert, ascending.';

COMMENT ON COLUMN risk.alerts.raised_at IS 'When it was raised first.';

COMMENT ON COLUMN risk.alerts.last_raised_at IS 'When it was raised last.';

COMMENT ON COLUMN risk.alerts.acknowledged_at IS 'When somebody took it up; null before.';

COMMENT ON COLUMN risk.alerts.resolved_at IS 'When its cause had gone; null while it stands.';

COMMENT ON COLUMN risk.alerts.told_at IS 'When those who LISTEN to nexus_alerts were told of it last; null if never.';

COMMENT ON COLUMN risk.alerts.repeats IS 'How often it was raised again while it stood.';

COMMENT ON COLUMN risk.alerts.is_held IS 'Whether it, or that it has become worse, is told only once a maintenance window has ended.';

COMMENT ON COLUMN risk.alerts.severity IS 'info, warning or critical; the worst of all times it was raised.';

COMMENT ON COLUMN risk.alerts.type IS 'What kind of alert, such as limit_breached or job_failed.';

COMMENT ON COLUMN risk.alerts.subject IS 'What it is about, such as a venue or a job.';

COMMENT ON COLUMN risk.alerts.message IS 'What happened, for a person; of the last time.';

COMMENT ON COLUMN risk.alerts.raised_by IS 'Who raised it, see audit.actor().';

COMMENT ON COLUMN risk.alerts.acknowledged_by IS 'Who took it up; null before.';

COMMENT ON COLUMN risk.alerts.note IS 'What who took it up said; null if nothing.';

COMMENT ON COLUMN risk.alerts.detail IS 'Figures for programs, of the last time; null if there are none.';

CREATE VIEW audit.trail AS
 SELECT a.acted_at AS at,
    a.actor,
    a.action,
    a.subject AS target,
    jsonb_build_object('outcome', a.outcome, 'db_role', a.db_role, 'request', a.request, 'detail', a.detail) AS detail,
    'audit.actions'::text AS source_table
   FROM audit.actions a
UNION ALL
 SELECT l.changed_at AS at,
    l.actor,
        CASE
            WHEN (l.rolls_back IS NOT NULL) THEN 'config_rolled_back'::text
            WHEN (l.current IS NULL) THEN 'config_unset'::text
            ELSE 'config_set'::text
        END AS action,
    l.path AS target,
    jsonb_build_object('change_id', l.change_id, 'db_role', l.db_role, 'reason', l.reason, 'rolls_back', l.rolls_back, 'previous', l.previous, 'current', l.current) AS detail,
    'config.change_log'::text AS source_table
   FROM config.change_log l
UNION ALL
 SELECT g.taken_at AS at,
    g.actor,
    ('generation_'::text || g.step) AS action,
    b.name AS target,
    jsonb_build_object('step_id', g.step_id, 'log_position', g.log_position, 'from_slot', g.from_slot, 'to_slot', g.to_slot, 'from_logic', g.from_logic, 'to_logic', g.to_logic, 'digest', g.digest, 'totals', g.totals) AS detail,
    'positions.generation_steps'::text AS source_table
   FROM (positions.generation_steps g
     JOIN positions.books b ON ((b.book_id = g.book_id)))
UNION ALL
 SELECT d.discarded_at AS at,
    d.actor,
    'event_discarded'::text AS action,
    (d.event_id)::text AS target,
    jsonb_build_object('book', b.name, 'position_id', d.position_id, 'host', d.host, 'outbox_sequence', d.outbox_sequence, 'buffered_at', d.buffered_at, 'reason', d.reason) AS detail,
    'positions.outbox_discards'::text AS source_table
   FROM (positions.outbox_discards d
     JOIN positions.books b ON ((b.book_id = d.book_id)))
UNION ALL
 SELECT r.started_at AS at,
    r.actor,
    ('job_'::text || r.outcome) AS action,
    r.job AS target,
    jsonb_build_object('run_id', r.run_id, 'trigger', r.trigger, 'ended_at', r.ended_at, 'error', r.error) AS detail,
    'maintenance.runs'::text AS source_table
   FROM maintenance.runs r
UNION ALL
 SELECT s.at,
    s.actor,
    s.action,
    (x.allocation_id)::text AS target,
    jsonb_build_object('exchange', c.exchange, 'account', c.name, 'asset', c.asset, 'amount', (trim_scale(x.amount))::text, 'strategy', x.strategy, 'position_id', x.position_id) AS detail,
    'capital.allocations'::text AS source_table
   FROM ((capital.allocations x
     JOIN capital.accounts c ON ((c.account_id = x.account_id)))
     CROSS JOIN LATERAL ( VALUES (x.requested_at,x.requested_by,'allocation_requested'::text), (x.activated_at,NULL::text,'allocation_activated'::text), (x.released_at,NULL::text,'allocation_released'::text)) s(at, actor, action))
  WHERE (s.at IS NOT NULL)
UNION ALL
 SELECT s.at,
    s.actor,
    s.action,
    (t.transfer_id)::text AS target,
    jsonb_build_object('from_exchange', f.exchange, 'from_account', f.name, 'to_exchange', o.exchange, 'to_account', o.name, 'asset', f.asset, 'amount', (trim_scale(t.amount))::text, 'fee', (trim_scale(t.fee))::text, 'reference', t.reference, 'reason', t.reason) AS detail,
    'capital.transfers'::text AS source_table
   FROM (((capital.transfers t
     JOIN capital.accounts f ON ((f.account_id = t.from_account)))
     JOIN capital.accounts o ON ((o.account_id = t.to_account)))
     CROSS JOIN LATERAL ( VALUES (t.requested_at,t.requested_by,'transfer_requested'::text), (t.sent_at,NULL::text,'transfer_sent'::text), (t.ended_at,NULL::text,('transfer_'::text || t.status))) s(at, actor, action))
  WHERE (s.at IS NOT NULL)
UNION ALL
 SELECT a.acknowledged_at AS at,
    a.acknowledged_by AS actor,
    'alert_acknowledged'::text AS action,
    a.subject AS target,
    jsonb_build_object('alert_id', a.alert_id, 'type', a.type, 'severity', a.severity, 'note', a.note) AS detail,
    'risk.alerts'::text AS source_table
   FROM risk.alerts a
  WHERE (a.acknowledged_at IS NOT NULL);

COMMENT ON VIEW audit.trail IS 'All that users and the system did, from the tables that each keep a part of it; without secrets, and in no order: ORDER BY at DESC. The log of the ledger (positions.events) and the calls to the outside (audit.api_calls) are not in it.';

COMMENT ON COLUMN audit.trail.at IS 'When it was done, by the clock of the database; of a job, when it began.';

COMMENT ON COLUMN audit.trail.actor IS 'Who, see audit.actor(); null for a step of an allocation or a transfer whose actor nobody writes down.';

COMMENT ON COLUMN audit.trail.action IS 'What was done, a word such as credential_decrypted, config_set, generation_promoted, job_failed, partition_dropped or transfer_received.';

COMMENT ON COLUMN audit.trail.target IS 'What it was done to: a subject, a path of config, a book, a job, the id of an event, an allocation or a transfer.';

COMMENT ON COLUMN audit.trail.detail IS 'What else the table says of it, an object; amounts are decimal texts, in the asset.';

COMMENT ON COLUMN audit.trail.source_table IS 'The table that the row is from.';

CREATE TABLE auth.roles (
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    role text NOT NULL,
    description text NOT NULL,
    CONSTRAINT role_is_plain CHECK (((role COLLATE "C") ~ '^[a-z][a-z0-9_]{0,63}$'::text))
);

COMMENT ON TABLE auth.roles IS 'A row is a role of the application, which users and service accounts have.';

COMMENT ON COLUMN auth.roles.created_at IS 'When the row was made, by the clock of the database.';

COMMENT ON COLUMN auth.roles.role IS 'Name of the role, 1 to 64 characters of [a-z0-9_].';

COMMENT ON COLUMN auth.roles.description IS 'What who has it may do.';

CREATE TABLE auth.service_accounts (
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    changed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    expires_at timestamp with time zone,
    account text NOT NULL,
    db_role text NOT NULL,
    enabled boolean DEFAULT true NOT NULL,
    description text NOT NULL,
    token_hash bytea,
    CONSTRAINT account_is_plain CHECK (((account COLLATE "C") ~ '^[a-z][a-z0-9_-]{0,63}$'::text)),
    CONSTRAINT db_role_is_one_of_nexus CHECK (((db_role COLLATE "C") ~ '^nexus_[a-z_]{1,57}$'::text)),
    CONSTRAINT token_is_a_sha256 CHECK ((octet_length(token_hash) = 32))
);

COMMENT ON TABLE auth.service_accounts IS 'A row is a microservice''s account: which role of the database it logs in as.';

COMMENT ON COLUMN auth.service_accounts.created_at IS 'When the row was made, by the clock of the database.';

COMMENT ON COLUMN auth.service_accounts.changed_at IS 'When the row was changed last, by the clock of the database.';

COMMENT ON COLUMN auth.service_accounts.expires_at IS 'From when on the token is refused; null if never.';

COMMENT ON COLUMN auth.service_accounts.account IS 'Name of the account, 1 to 64 characters of [a-z0-9_-].';

COMMENT ON COLUMN auth.service_accounts.db_role IS 'The role of the database that the service logs in as.';

COMMENT ON COLUMN auth.service_accounts.enabled IS 'Whether the account may be used.';

COMMENT ON COLUMN auth.service_accounts.description IS 'What the service does.';

COMMENT ON COLUMN auth.service_accounts.token_hash IS 'Secret. SHA-256 of the token, which is random, at least 128 bits; null if it has none.';

COMMENT ON CONSTRAINT token_is_a_sha256 ON auth.service_accounts IS 'Bring the SHA-256 of the token, 32 octets, as a parameter; never the token.';

CREATE TABLE auth.sessions (
    session_id uuid DEFAULT gen_random_uuid() NOT NULL,
    user_id uuid,
    opened_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    last_seen_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone,
    account text,
    client text,
    token_hash bytea NOT NULL,
    CONSTRAINT client_is_at_most_256_characters CHECK ((length(client) <= 256)),
    CONSTRAINT session_ends_after_it_was_opened CHECK ((expires_at > opened_at)),
    CONSTRAINT session_has_one_holder CHECK ((num_nonnulls(user_id, account) = 1)),
    CONSTRAINT session_is_of_at_most_31_days CHECK ((expires_at <= (opened_at + '31 days'::interval))),
    CONSTRAINT session_token_is_a_sha256 CHECK ((octet_length(token_hash) = 32))
);

COMMENT ON TABLE auth.sessions IS 'A row is a session of a user or a service account; ended ones are removed after retention.auth.sessions.';

COMMENT ON COLUMN auth.sessions.session_id IS 'Identity of the session; no secret.';

COMMENT ON COLUMN auth.sessions.user_id IS 'The user; null for a service account''s.';

COMMENT ON COLUMN auth.sessions.opened_at IS 'When it was opened, by the clock of the database.';

COMMENT ON COLUMN auth.sessions.last_seen_at IS 'When it was used last.';

COMMENT ON COLUMN auth.sessions.expires_at IS 'When it ends by itself, at most 31 days after it was opened.';

COMMENT ON COLUMN auth.sessions.revoked_at IS 'When it was ended before; null if it was not.';

COMMENT ON COLUMN auth.sessions.account IS 'The service account; null for a user''s.';

COMMENT ON COLUMN auth.sessions.client IS 'What the client says it is, at most 256 characters; null if nothing.';

COMMENT ON COLUMN auth.sessions.token_hash IS 'Secret. SHA-256 of the token, which is random, at least 128 bits.';

COMMENT ON CONSTRAINT session_token_is_a_sha256 ON auth.sessions IS 'Bring the SHA-256 of the token, 32 octets, as a parameter; never the token.';

CREATE TABLE auth.user_roles (
    user_id uuid NOT NULL,
    granted_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    role text NOT NULL,
    granted_by text NOT NULL,
    CONSTRAINT granted_by_is_1_to_128_characters CHECK (((length(granted_by) >= 1) AND (length(granted_by) <= 128)))
);

COMMENT ON TABLE auth.user_roles IS 'A row is a role that a user has; taking it away removes the row, the audit keeps both.';

COMMENT ON COLUMN auth.user_roles.user_id IS 'The user.';

COMMENT ON COLUMN auth.user_roles.granted_at IS 'When, by the clock of the database.';

COMMENT ON COLUMN auth.user_roles.role IS 'The role.';

COMMENT ON COLUMN auth.user_roles.granted_by IS 'Who granted it, see audit.actor().';

CREATE TABLE auth.users (
    user_id uuid DEFAULT gen_random_uuid() NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    changed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    name text NOT NULL,
    email text,
    status text DEFAULT 'active'::text NOT NULL,
    password_hash text,
    CONSTRAINT email_has_an_at CHECK (((length(email) <= 254) AND (email ~ '^[^@[:space:]]+@[^@[:space:]]+$'::text))),
    CONSTRAINT password_is_a_slow_hash CHECK ((((password_hash COLLATE "C") ~ '^\$2[aby]\$(1[0-9]|2[0-9]|3[01])\$[./A-Za-z0-9]{53}$'::text) OR ((password_hash COLLATE "C") ~ '^\$argon2id\$v=19\$m=[0-9]+,t=[0-9]+,p=[0-9]+\$'::text))),
    CONSTRAINT status_is_known CHECK ((status = ANY (ARRAY['active'::text, 'locked'::text, 'left'::text]))),
    CONSTRAINT user_name_is_plain CHECK (((name COLLATE "C") ~ '^[a-z0-9][a-z0-9_.-]{0,63}$'::text))
);

COMMENT ON TABLE auth.users IS 'A row is a person who may use NEXUS, or could once: never removed.';

COMMENT ON COLUMN auth.users.user_id IS 'Identity of the user.';

COMMENT ON COLUMN auth.users.created_at IS 'When the row was made, by the clock of the database.';

COMMENT ON COLUMN auth.users.changed_at IS 'When the row was changed last, by the clock of the database.';

COMMENT ON COLUMN auth.users.name IS 'What the user signs in as, 1 to 64 characters of [a-z0-9_.-]; the actor of what they do.';

COMMENT ON COLUMN auth.users.email IS 'Where the user is reached; null if unknown.';

COMMENT ON COLUMN auth.users.status IS 'active, locked (may not sign in for now) or left.';

COMMENT ON COLUMN auth.users.password_hash IS 'Secret. bcrypt (cost 10 or more) or argon2id of the password, in its text form; null if the user signs in elsewhere.';

COMMENT ON CONSTRAINT password_is_a_slow_hash ON auth.users IS 'Hash the password in the service and bring the hash as a parameter: bcrypt of cost 10 to 31, or argon2id, in its text form.';

ALTER TABLE capital.accounts ALTER COLUMN account_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME capital.accounts_account_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE VIEW capital.balances AS
 SELECT a.exchange,
    a.name,
    a.asset,
    a.balance,
    a.allocated,
    ((a.balance - a.allocated))::numeric(38,18) AS free,
    a.balance_at,
    a.enabled
   FROM capital.accounts a;

COMMENT ON VIEW capital.balances IS 'What accounts hold and what is left of it, for other services.';

COMMENT ON COLUMN capital.balances.exchange IS 'The exchange.';

COMMENT ON COLUMN capital.balances.name IS 'The account.';

COMMENT ON COLUMN capital.balances.asset IS 'The asset.';

COMMENT ON COLUMN capital.balances.balance IS 'What it holds, in the asset.';

COMMENT ON COLUMN capital.balances.allocated IS 'What of it is set aside, in the asset.';

COMMENT ON COLUMN capital.balances.free IS 'What is left, in the asset.';

COMMENT ON COLUMN capital.balances.balance_at IS 'When the balance was so.';

COMMENT ON COLUMN capital.balances.enabled IS 'Whether anything may be allocated from it.';

CREATE TABLE positions.streams (
    first_recorded_at timestamp with time zone NOT NULL,
    last_recorded_at timestamp with time zone NOT NULL,
    version bigint NOT NULL,
    position_id uuid NOT NULL,
    book_id integer NOT NULL,
    state text NOT NULL,
    progress json NOT NULL,
    CONSTRAINT first_event_is_not_after_the_last CHECK ((first_recorded_at <= last_recorded_at)),
    CONSTRAINT state_is_known CHECK ((state = ANY (ARRAY['PENDING'::text, 'OPENING'::text, 'OPEN'::text, 'CLOSING'::text, 'CLOSED'::text, 'CANCELLED'::text]))),
    CONSTRAINT version_is_positive CHECK ((version >= 1))
)
WITH (fillfactor='70');

COMMENT ON TABLE positions.streams IS 'A row is a position as the next append needs it, kept in the transaction of the append.';

COMMENT ON COLUMN positions.streams.first_recorded_at IS 'recorded_at of its first event: the stream is read from this month on.';

COMMENT ON COLUMN positions.streams.last_recorded_at IS 'recorded_at of its last event: the stream is read up to this month.';

COMMENT ON COLUMN positions.streams.version IS 'Version of its last event; what expected_version is compared with.';

COMMENT ON COLUMN positions.streams.position_id IS 'The position.';

COMMENT ON COLUMN positions.streams.book_id IS 'The book, see positions.books.';

COMMENT ON COLUMN positions.streams.state IS 'State of the life cycle after its last event: PENDING, OPENING, OPEN, CLOSING, CLOSED …';

COMMENT ON COLUMN positions.streams.progress IS 'What the next append needs to know: each leg''s quantity, flags of the life cycle. The service''s own form, opaque to SQL; refolded after a void or a late event.';

CREATE VIEW capital.orphans AS
 SELECT k.allocation_id,
    k.position_id,
    k.status,
    k.requested_at
   FROM capital.allocations k
  WHERE ((k.position_id IS NOT NULL) AND (k.status <> 'released'::text) AND (NOT (EXISTS ( SELECT
           FROM positions.streams s
          WHERE (s.position_id = k.position_id)))));

COMMENT ON VIEW capital.orphans IS 'Allocations that stand for a position which the ledger does not know, or not yet: it may be buffered in an outbox.';

COMMENT ON COLUMN capital.orphans.allocation_id IS 'The allocation.';

COMMENT ON COLUMN capital.orphans.position_id IS 'The position that is not there.';

COMMENT ON COLUMN capital.orphans.status IS 'requested or active.';

COMMENT ON COLUMN capital.orphans.requested_at IS 'When it was set aside; one of long ago will find no position.';

ALTER TABLE config.change_log ALTER COLUMN change_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME config.change_log_change_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE config.exchange_credentials (
    stored_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    version integer NOT NULL,
    exchange text NOT NULL,
    stored_by text NOT NULL,
    key_id text NOT NULL,
    cipher bytea NOT NULL,
    CONSTRAINT cipher_is_not_empty CHECK (((octet_length(cipher) >= 32) AND (octet_length(cipher) <= 65536))),
    CONSTRAINT key_id_is_16_digits CHECK ((key_id ~ '^[0-9a-f]{16}$'::text)),
    CONSTRAINT stored_by_is_1_to_128_characters CHECK (((length(stored_by) >= 1) AND (length(stored_by) <= 128))),
    CONSTRAINT version_is_positive CHECK ((version >= 1))
);

COMMENT ON TABLE config.exchange_credentials IS 'A row is a version of an exchange''s credential, encrypted. Older ones stay, so that a change can be rolled back.';

COMMENT ON COLUMN config.exchange_credentials.stored_at IS 'When it was stored, by the clock of the database.';

COMMENT ON COLUMN config.exchange_credentials.version IS 'Number of the version: 1, 2, 3 … for each exchange.';

COMMENT ON COLUMN config.exchange_credentials.exchange IS 'The exchange.';

COMMENT ON COLUMN config.exchange_credentials.stored_by IS 'Who stored it, see audit.actor().';

COMMENT ON COLUMN config.exchange_credentials.key_id IS 'Which key it is encrypted under, see config.key_id().';

COMMENT ON COLUMN config.exchange_credentials.cipher IS 'Secret. OpenPGP, AES-256, of {"exchange", "version", "secret"}.';

CREATE TABLE config.exchanges (
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    changed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    requests_per_second numeric(38,18) DEFAULT 5 NOT NULL,
    timeout_ms integer DEFAULT 10000 NOT NULL,
    enabled boolean DEFAULT false NOT NULL,
    exchange text NOT NULL,
    name text NOT NULL,
    kind text DEFAULT 'centralized'::text NOT NULL,
    rest_url text,
    ws_url text,
    connection jsonb DEFAULT '{}'::jsonb NOT NULL,
    rate_limits jsonb DEFAULT '{}'::jsonb NOT NULL,
    credential_version integer,
    CONSTRAINT connection_has_no_secret CHECK ((((connection)::text !~* '"[^"]*(secret|passw|passphrase|(api|private|sign(ing)?)[ _-]?key|bearer|token|credential|mnemonic)[^"]*"\s*:'::text) AND ((connection)::text !~* '"(pwd|pass|pin|auth|authori[sz]ation|cookie)"\s*:'::text))),
    CONSTRAINT connection_is_an_object CHECK ((jsonb_typeof(connection) = 'object'::text)),
    CONSTRAINT connection_is_of_known_members CHECK ((config.connection_fault(connection) IS NULL)),
    CONSTRAINT exchange_is_plain CHECK (((exchange COLLATE "C") ~ '^[a-z0-9][a-z0-9_.-]{0,63}$'::text)),
    CONSTRAINT kind_is_known CHECK ((kind = ANY (ARRAY['centralized'::text, 'decentralized'::text]))),
    CONSTRAINT name_has_1_to_128_characters CHECK (((length(name) >= 1) AND (length(name) <= 128))),
    CONSTRAINT rate_is_positive CHECK (((requests_per_second > (0)::numeric) AND (requests_per_second <= (10000)::numeric))),
    CONSTRAINT rate_limits_are_an_object CHECK ((jsonb_typeof(rate_limits) = 'object'::text)),
    CONSTRAINT rate_limits_are_positive_numbers CHECK ((NOT (rate_limits @? 'strict $.*?(@.type() != "number" || @ <= 0)'::jsonpath))),
    CONSTRAINT rest_url_is_encrypted_and_without_secrets CHECK ((rest_url ~ '^https://[^@?[:space:]]+$'::text)),
    CONSTRAINT timeout_is_100_ms_to_5_minutes CHECK (((timeout_ms >= 100) AND (timeout_ms <= 300000))),
    CONSTRAINT ws_url_is_encrypted_and_without_secrets CHECK ((ws_url ~ '^wss://[^@?[:space:]]+$'::text))
);

COMMENT ON TABLE config.exchanges IS 'A row is an exchange that NEXUS knows; its credential is encrypted, see config.exchange_credentials. Section exchanges.';

COMMENT ON COLUMN config.exchanges.created_at IS 'When the row was made, by the clock of the database.';

COMMENT ON COLUMN config.exchanges.changed_at IS 'When the row was changed last, by the clock of the database.';

COMMENT ON COLUMN config.exchanges.requests_per_second IS 'Requests that may be sent in a second, over all endpoints; more than 0, at most 10000.';

COMMENT ON COLUMN config.exchanges.timeout_ms IS 'How long an answer is waited for, in milliseconds, 100 to 300000.';

COMMENT ON COLUMN config.exchanges.enabled IS 'Whether NEXUS collects from it and trades on it.';

COMMENT ON COLUMN config.exchanges.exchange IS 'What NEXUS calls the exchange, as venue of a leg; 1 to 64 characters of [a-z0-9_.-].';

COMMENT ON COLUMN config.exchanges.name IS 'What people call the exchange.';

COMMENT ON COLUMN config.exchanges.kind IS 'centralized or decentralized.';

COMMENT ON COLUMN config.exchanges.rest_url IS 'Where its REST interface is, https, without a query; null if it has none.';

COMMENT ON COLUMN config.exchanges.ws_url IS 'Where its web socket is, wss, without a query; null if it has none.';

COMMENT ON COLUMN config.exchanges.connection IS 'Further parameters of the connection, an object of known members: times, numbers, switches and URLs, see the constraint connection_is_of_known_members; no secrets.';

COMMENT ON COLUMN config.exchanges.rate_limits IS 'Limits of single endpoints, an object: {endpoint: requests a second}.';

COMMENT ON COLUMN config.exchanges.credential_version IS 'The version of config.exchange_credentials that is in use; null for none.';

COMMENT ON CONSTRAINT connection_has_no_secret ON config.exchanges IS 'A connection holds no secrets: store them with `nexus-ledger config set exchanges/NAME/credential`, which reads them from standard input and encrypts them.';

COMMENT ON CONSTRAINT connection_is_an_object ON config.exchanges IS 'Give a JSON object, such as {"recv_window_ms": 5000}.';

COMMENT ON CONSTRAINT connection_is_of_known_members ON config.exchanges IS 'Members are connect_timeout_ms, read_timeout_ms, recv_window_ms, ping_interval_ms, pong_timeout_ms, reconnect_delay_ms, reconnect_delay_max_ms (numbers from 1 to 86400000), api_version, connections_max, subscriptions_max, burst_requests_max, retries_max (numbers from 0 to 1000000), testnet, compression, keep_alive (true or false), rest_public_url, rest_private_url, rest_testnet_url, ws_public_url, ws_private_url, ws_testnet_url (https or wss, without user, password and query). Main URLs, timeout_ms, requests_per_second and rate_limits are columns. Secrets are stored with `nexus-ledger config set exchanges/NAME/credential`; another member takes a migration.';

COMMENT ON CONSTRAINT exchange_is_plain ON config.exchanges IS 'Name it in 1 to 64 characters of [a-z0-9_.-], the first a letter or a digit.';

COMMENT ON CONSTRAINT kind_is_known ON config.exchanges IS 'Give centralized or decentralized.';

COMMENT ON CONSTRAINT name_has_1_to_128_characters ON config.exchanges IS 'Give a name of 1 to 128 characters.';

COMMENT ON CONSTRAINT rate_is_positive ON config.exchanges IS 'Give requests_per_second above 0 and at most 10000.';

COMMENT ON CONSTRAINT rate_limits_are_an_object ON config.exchanges IS 'Give a JSON object of requests a second, such as {"orders": 5}.';

COMMENT ON CONSTRAINT rate_limits_are_positive_numbers ON config.exchanges IS 'Give for each endpoint requests a second above 0, such as {"orders": 5}.';

COMMENT ON CONSTRAINT rest_url_is_encrypted_and_without_secrets ON config.exchanges IS 'Give an https URL without user, password and query. Secrets are stored with `nexus-ledger config set exchanges/NAME/credential`.';

COMMENT ON CONSTRAINT timeout_is_100_ms_to_5_minutes ON config.exchanges IS 'Give timeout_ms in milliseconds, from 100 to 300000.';

COMMENT ON CONSTRAINT ws_url_is_encrypted_and_without_secrets ON config.exchanges IS 'Give a wss URL without user, password and query. Secrets are stored with `nexus-ledger config set exchanges/NAME/credential`.';

CREATE VIEW config.credentials AS
 SELECT c.exchange,
    c.version,
    (NOT (c.version IS DISTINCT FROM e.credential_version)) AS in_use,
    c.key_id,
    c.stored_at,
    c.stored_by
   FROM (config.exchange_credentials c
     JOIN config.exchanges e ON ((e.exchange = c.exchange)));

COMMENT ON VIEW config.credentials IS 'Which credentials there are, without what they are.';

COMMENT ON COLUMN config.credentials.exchange IS 'The exchange.';

COMMENT ON COLUMN config.credentials.version IS 'Number of the version.';

COMMENT ON COLUMN config.credentials.in_use IS 'Whether the exchange uses it.';

COMMENT ON COLUMN config.credentials.key_id IS 'Which key it is encrypted under.';

COMMENT ON COLUMN config.credentials.stored_at IS 'When it was stored.';

COMMENT ON COLUMN config.credentials.stored_by IS 'Who stored it.';

CREATE TABLE config.definitions (
    minimum numeric(38,18),
    maximum numeric(38,18),
    section text NOT NULL,
    key text NOT NULL,
    kind text NOT NULL,
    unit text,
    description text NOT NULL,
    allowed text[],
    default_value jsonb,
    shortest interval,
    longest interval,
    takes_null boolean DEFAULT false NOT NULL,
    CONSTRAINT key_is_plain CHECK ((((key COLLATE "C") ~ '^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){0,5}$'::text) AND (length(key) <= 96))),
    CONSTRAINT kind_is_known CHECK ((kind = ANY (ARRAY['boolean'::text, 'integer'::text, 'number'::text, 'text'::text, 'interval'::text, 'word'::text, 'words'::text, 'object'::text]))),
    CONSTRAINT limits_of_spans_are_of_intervals CHECK (((kind = 'interval'::text) OR ((shortest IS NULL) AND (longest IS NULL) AND (NOT takes_null)))),
    CONSTRAINT longest_span_is_not_below_the_shortest CHECK ((longest >= shortest)),
    CONSTRAINT range_is_not_empty CHECK (((minimum <= maximum) AND (minimum <> 'NaN'::numeric) AND (maximum <> 'NaN'::numeric))),
    CONSTRAINT range_is_of_numbers CHECK (((kind = ANY (ARRAY['integer'::text, 'number'::text])) OR ((minimum IS NULL) AND (maximum IS NULL)))),
    CONSTRAINT section_is_known CHECK ((section = ANY (ARRAY['system_settings'::text, 'strategy_parameters'::text, 'ui_preferences'::text]))),
    CONSTRAINT shortest_span_is_positive CHECK ((shortest > '00:00:00'::interval)),
    CONSTRAINT word_has_allowed_ones CHECK (((kind = ANY (ARRAY['word'::text, 'words'::text])) = (allowed IS NOT NULL)))
);

COMMENT ON TABLE config.definitions IS 'A row says what a setting, a parameter or a preference may be; without it the key is refused.';

COMMENT ON COLUMN config.definitions.minimum IS 'Least value of a number, in its unit; null for none.';

COMMENT ON COLUMN config.definitions.maximum IS 'Greatest value of a number, in its unit; null for none.';

COMMENT ON COLUMN config.definitions.section IS 'system_settings, strategy_parameters or ui_preferences.';

COMMENT ON COLUMN config.definitions.key IS 'The key, words of [a-z0-9_] with dots between, at most 96 characters.';

COMMENT ON COLUMN config.definitions.kind IS 'boolean, integer, number, text (1 to 1024 characters), interval (as PostgreSQL writes it), word (one of those allowed), words (an array of them) or object.';

COMMENT ON COLUMN config.definitions.unit IS 'Unit of the value; null if it has none.';

COMMENT ON COLUMN config.definitions.description IS 'What it decides.';

COMMENT ON COLUMN config.definitions.allowed IS 'The words that are allowed; null for other kinds.';

COMMENT ON COLUMN config.definitions.default_value IS 'The value while none is set; null for none.';

COMMENT ON COLUMN config.definitions.shortest IS 'Least value of an interval; null for other kinds, and for 1 microsecond.';

COMMENT ON COLUMN config.definitions.longest IS 'Greatest value of an interval; null for other kinds, and for 100 years.';

COMMENT ON COLUMN config.definitions.takes_null IS 'Whether an interval may be null; its description says what that means.';

CREATE TABLE config.maintenance_windows (
    starts_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    hold_alerts boolean DEFAULT true NOT NULL,
    run_jobs boolean DEFAULT true NOT NULL,
    window_name text NOT NULL,
    scope text DEFAULT '*'::text NOT NULL,
    reason text NOT NULL,
    CONSTRAINT reason_has_1_to_256_characters CHECK (((length(reason) >= 1) AND (length(reason) <= 256))),
    CONSTRAINT scope_is_plain CHECK (((scope COLLATE "C") ~ '^(\*|[a-z0-9][a-z0-9_.-]{0,63})$'::text)),
    CONSTRAINT window_ends_after_its_start CHECK (((ends_at > starts_at) AND isfinite(starts_at) AND isfinite(ends_at))),
    CONSTRAINT window_is_of_at_most_7_days CHECK ((ends_at <= (starts_at + '7 days'::interval))),
    CONSTRAINT window_name_is_plain CHECK (((window_name COLLATE "C") ~ '^[a-z0-9][a-z0-9_.-]{0,63}$'::text))
);

COMMENT ON TABLE config.maintenance_windows IS 'A row is a time in which alerts are held and heavy jobs may run. Section maintenance_windows.';

COMMENT ON COLUMN config.maintenance_windows.starts_at IS 'When it begins.';

COMMENT ON COLUMN config.maintenance_windows.ends_at IS 'When it has ended, at most 7 days later; itself no part of it.';

COMMENT ON COLUMN config.maintenance_windows.changed_at IS 'When the row was changed last, by the clock of the database.';

COMMENT ON COLUMN config.maintenance_windows.hold_alerts IS 'Whether alerts that are raised in it wait for its end.';

COMMENT ON COLUMN config.maintenance_windows.run_jobs IS 'Whether jobs that wait for a window may run in it, if its scope is *.';

COMMENT ON COLUMN config.maintenance_windows.window_name IS 'Name of the window, 1 to 64 characters of [a-z0-9_.-].';

COMMENT ON COLUMN config.maintenance_windows.scope IS 'The service or exchange that is maintained; * for all. Only those of * hold alerts and let jobs run.';

COMMENT ON COLUMN config.maintenance_windows.reason IS 'Why, 1 to 256 characters.';

COMMENT ON CONSTRAINT reason_has_1_to_256_characters ON config.maintenance_windows IS 'Give a reason of 1 to 256 characters.';

COMMENT ON CONSTRAINT scope_is_plain ON config.maintenance_windows IS 'Give a service or an exchange of 1 to 64 characters of [a-z0-9_.-], or * for all.';

COMMENT ON CONSTRAINT window_ends_after_its_start ON config.maintenance_windows IS 'Give an end after the start, both finite; change both at once as an object.';

COMMENT ON CONSTRAINT window_is_of_at_most_7_days ON config.maintenance_windows IS 'Give an end at most 7 days after the start, or make several windows.';

COMMENT ON CONSTRAINT window_name_is_plain ON config.maintenance_windows IS 'Name the window in 1 to 64 characters of [a-z0-9_.-], the first a letter or a digit.';

CREATE TABLE config.risk_limits (
    warning numeric(38,18),
    hard numeric(38,18) NOT NULL,
    changed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    limit_id integer NOT NULL,
    enabled boolean DEFAULT true NOT NULL,
    kind text NOT NULL,
    scope text DEFAULT '*'::text NOT NULL,
    unit text DEFAULT 'usd'::text NOT NULL,
    CONSTRAINT fraction_is_at_most_one CHECK (((unit <> 'fraction'::text) OR (hard <= (1)::numeric))),
    CONSTRAINT hard_limit_is_positive CHECK (((hard > (0)::numeric) AND (hard <> 'NaN'::numeric))),
    CONSTRAINT kind_is_known CHECK ((kind = ANY (ARRAY['position_size'::text, 'venue_exposure'::text, 'asset_concentration'::text, 'portfolio_exposure'::text, 'portfolio_drawdown'::text, 'portfolio_var'::text]))),
    CONSTRAINT portfolio_is_of_no_narrower_scope CHECK (((kind !~~ 'portfolio%'::text) OR (scope = '*'::text))),
    CONSTRAINT scope_has_1_to_64_characters CHECK (((scope COLLATE "C") ~ '^(\*|[A-Za-z0-9][A-Za-z0-9_.:-]{0,63})$'::text)),
    CONSTRAINT unit_is_known CHECK ((unit = ANY (ARRAY['usd'::text, 'fraction'::text]))),
    CONSTRAINT warning_is_positive_and_below_hard CHECK (((warning > (0)::numeric) AND (warning < hard)))
);

COMMENT ON TABLE config.risk_limits IS 'A row is a limit of risk. Section risk_limits.';

COMMENT ON COLUMN config.risk_limits.warning IS 'From where on somebody is warned, in the unit; null for no warning.';

COMMENT ON COLUMN config.risk_limits.hard IS 'What must not be exceeded, in the unit.';

COMMENT ON COLUMN config.risk_limits.changed_at IS 'When the row was changed last, by the clock of the database.';

COMMENT ON COLUMN config.risk_limits.limit_id IS 'Number of the limit, which breaches refer to.';

COMMENT ON COLUMN config.risk_limits.enabled IS 'Whether it is watched.';

COMMENT ON COLUMN config.risk_limits.kind IS 'What is limited: position_size, venue_exposure, asset_concentration, portfolio_exposure, portfolio_drawdown or portfolio_var.';

COMMENT ON COLUMN config.risk_limits.scope IS 'The venue, asset or strategy that it holds for; * for each that has no limit of its own.';

COMMENT ON COLUMN config.risk_limits.unit IS 'usd (US dollars and stable coins at par) or fraction (of the portfolio''s exposure, 0 to 1).';

COMMENT ON CONSTRAINT fraction_is_at_most_one ON config.risk_limits IS 'Give hard as a fraction of at most 1, or usd as unit.';

COMMENT ON CONSTRAINT hard_limit_is_positive ON config.risk_limits IS 'Give a number above 0 for hard.';

COMMENT ON CONSTRAINT kind_is_known ON config.risk_limits IS 'Give position_size, venue_exposure, asset_concentration, portfolio_exposure, portfolio_drawdown or portfolio_var.';

COMMENT ON CONSTRAINT portfolio_is_of_no_narrower_scope ON config.risk_limits IS 'Give * as scope: the portfolio is one.';

COMMENT ON CONSTRAINT scope_has_1_to_64_characters ON config.risk_limits IS 'Give a venue, an asset or a strategy of 1 to 64 characters of [A-Za-z0-9_.:-], or * for each that has no limit of its own.';

COMMENT ON CONSTRAINT unit_is_known ON config.risk_limits IS 'Give usd or fraction.';

COMMENT ON CONSTRAINT warning_is_positive_and_below_hard ON config.risk_limits IS 'Give a number above 0 and below hard for warning, or null for no warning; change both at once as an object.';

CREATE TABLE config.strategy_parameters (
    changed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    strategy text NOT NULL,
    key text NOT NULL,
    value jsonb NOT NULL,
    CONSTRAINT strategy_is_plain CHECK (((strategy COLLATE "C") ~ '^(\*|[a-z0-9][a-z0-9_.-]{0,63})$'::text))
);

COMMENT ON TABLE config.strategy_parameters IS 'A row is a parameter of a strategy: thresholds of spreads, weights of the UOS score, hold times, exit triggers. Section strategy_parameters.';

COMMENT ON COLUMN config.strategy_parameters.changed_at IS 'When the row was changed last, by the clock of the database.';

COMMENT ON COLUMN config.strategy_parameters.strategy IS 'The strategy; * for all that have no value of their own.';

COMMENT ON COLUMN config.strategy_parameters.key IS 'The key, see config.definitions.';

COMMENT ON COLUMN config.strategy_parameters.value IS 'The value, of the kind and range of its definition.';

COMMENT ON CONSTRAINT strategy_is_plain ON config.strategy_parameters IS 'Name the strategy in 1 to 64 characters of [a-z0-9_.-], or * for all.';

CREATE TABLE config.system_settings (
    changed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    key text NOT NULL,
    value jsonb NOT NULL,
    CONSTRAINT key_is_plain CHECK (((key COLLATE "C") ~ '^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){0,5}$'::text))
);

COMMENT ON TABLE config.system_settings IS 'A row is a setting that differs from its default: feature flags (flags.), operational modes (mode.), alerts (alerts.), retention and the rest. Section system_settings.';

COMMENT ON COLUMN config.system_settings.changed_at IS 'When the row was changed last, by the clock of the database.';

COMMENT ON COLUMN config.system_settings.key IS 'The key, see config.definitions.';

COMMENT ON COLUMN config.system_settings.value IS 'The value, of the kind and range of its definition.';

COMMENT ON CONSTRAINT key_is_plain ON config.system_settings IS 'Give a key of words of [a-z0-9_] with dots between, such as risk.var_confidence.';

CREATE TABLE config.ui_preferences (
    changed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    user_name text NOT NULL,
    key text NOT NULL,
    value jsonb NOT NULL,
    CONSTRAINT user_name_is_plain CHECK (((user_name COLLATE "C") ~ '^(\*|[a-z0-9][a-z0-9_.-]{0,63})$'::text))
);

COMMENT ON TABLE config.ui_preferences IS 'A row is a preference of a user for the interface. Section ui_preferences.';

COMMENT ON COLUMN config.ui_preferences.changed_at IS 'When the row was changed last, by the clock of the database.';

COMMENT ON COLUMN config.ui_preferences.user_name IS 'The user, see auth.users.name; * for all that have no value of their own.';

COMMENT ON COLUMN config.ui_preferences.key IS 'The key, see config.definitions.';

COMMENT ON COLUMN config.ui_preferences.value IS 'The value, of the kind and range of its definition.';

COMMENT ON CONSTRAINT user_name_is_plain ON config.ui_preferences IS 'Name the user in 1 to 64 characters of [a-z0-9_.-], or * for all.';

CREATE VIEW config.entries AS
 SELECT ('system_settings/'::text || d.key) AS path,
    'system_settings'::text AS section,
    COALESCE(s.value, d.default_value) AS value,
    (s.key IS NULL) AS is_default,
    d.kind,
    d.unit,
    d.description,
    s.changed_at
   FROM (config.definitions d
     LEFT JOIN config.system_settings s ON ((s.key = d.key)))
  WHERE (d.section = 'system_settings'::text)
UNION ALL
 SELECT format('strategy_parameters/%s/%s'::text, s.strategy, d.key) AS path,
    'strategy_parameters'::text AS section,
    COALESCE(s.value, d.default_value) AS value,
    (s.value IS NULL) AS is_default,
    d.kind,
    d.unit,
    d.description,
    s.changed_at
   FROM (config.definitions d
     CROSS JOIN LATERAL ( SELECT p.strategy,
            p.value,
            p.changed_at
           FROM config.strategy_parameters p
          WHERE (p.key = d.key)
        UNION ALL
         SELECT '*'::text,
            NULL::jsonb,
            NULL::timestamp with time zone
          WHERE (NOT (EXISTS ( SELECT
                   FROM config.strategy_parameters p
                  WHERE ((p.strategy = '*'::text) AND (p.key = d.key)))))) s)
  WHERE (d.section = 'strategy_parameters'::text)
UNION ALL
 SELECT format('ui_preferences/%s/%s'::text, s.user_name, d.key) AS path,
    'ui_preferences'::text AS section,
    COALESCE(s.value, d.default_value) AS value,
    (s.value IS NULL) AS is_default,
    d.kind,
    d.unit,
    d.description,
    s.changed_at
   FROM (config.definitions d
     CROSS JOIN LATERAL ( SELECT p.user_name,
            p.value,
            p.changed_at
           FROM config.ui_preferences p
          WHERE (p.key = d.key)
        UNION ALL
         SELECT '*'::text,
            NULL::jsonb,
            NULL::timestamp with time zone
          WHERE (NOT (EXISTS ( SELECT
                   FROM config.ui_preferences p
                  WHERE ((p.user_name = '*'::text) AND (p.key = d.key)))))) s)
  WHERE (d.section = 'ui_preferences'::text)
UNION ALL
 SELECT ('exchanges/'::text || e.exchange) AS path,
    'exchanges'::text AS section,
    config.entry_value('exchanges'::text, to_jsonb(e.*)) AS value,
    false AS is_default,
    'object'::text AS kind,
    NULL::text AS unit,
    e.name AS description,
    e.changed_at
   FROM config.exchanges e
UNION ALL
 SELECT format('risk_limits/%s/%s'::text, l.kind, l.scope) AS path,
    'risk_limits'::text AS section,
    config.entry_value('risk_limits'::text, to_jsonb(l.*)) AS value,
    false AS is_default,
    'object'::text AS kind,
    l.unit,
    NULL::text AS description,
    l.changed_at
   FROM config.risk_limits l
UNION ALL
 SELECT ('maintenance_windows/'::text || w.window_name) AS path,
    'maintenance_windows'::text AS section,
    config.entry_value('maintenance_windows'::text, to_jsonb(w.*)) AS value,
    false AS is_default,
    'object'::text AS kind,
    NULL::text AS unit,
    w.reason AS description,
    w.changed_at
   FROM config.maintenance_windows w;

COMMENT ON VIEW config.entries IS 'The whole configuration: a row is an entry that is set, or the default of one that is not.';

COMMENT ON COLUMN config.entries.path IS 'section/key…';

COMMENT ON COLUMN config.entries.section IS 'The table of config that holds it.';

COMMENT ON COLUMN config.entries.value IS 'The value, or an object of the entry''s columns; without secrets.';

COMMENT ON COLUMN config.entries.is_default IS 'Whether nobody has set it.';

COMMENT ON COLUMN config.entries.kind IS 'Kind of the value, see config.definitions.kind.';

COMMENT ON COLUMN config.entries.unit IS 'Unit of the value; null if it has none.';

COMMENT ON COLUMN config.entries.description IS 'What it decides.';

COMMENT ON COLUMN config.entries.changed_at IS 'When it was set last; null for a default.';

ALTER TABLE config.risk_limits ALTER COLUMN limit_id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME config.risk_limits_limit_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE data_collector.ingestion_gaps (
    gap_id bigint NOT NULL,
    expected_from timestamp with time zone NOT NULL,
    expected_to timestamp with time zone NOT NULL,
    found_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    filled_at timestamp with time zone,
    source text NOT NULL,
    exchange text NOT NULL,
    symbol text NOT NULL,
    dataset text DEFAULT 'funding_rates'::text NOT NULL,
    CONSTRAINT dataset_is_known CHECK ((dataset = ANY (ARRAY['funding_rates'::text, 'instruments'::text, 'prices'::text]))),
    CONSTRAINT gap_ends_not_before_its_start CHECK (((expected_to >= expected_from) AND isfinite(expected_from) AND isfinite(expected_to))),
    CONSTRAINT gap_is_filled_after_it_was_found CHECK ((filled_at >= found_at)),
    CONSTRAINT symbol_is_1_to_64_characters_without_space CHECK ((((length(symbol) >= 1) AND (length(symbol) <= 64)) AND (symbol !~ '[[:space:][:cntrl:]]'::text)))
);

COMMENT ON TABLE data_collector.ingestion_gaps IS 'A row is a time for which facts were expected of a source and have not come.';

COMMENT ON COLUMN data_collector.ingestion_gaps.gap_id IS 'Number of the gap.';

COMMENT ON COLUMN data_collector.ingestion_gaps.expected_from IS 'Time of the first fact that is missing.';

COMMENT ON COLUMN data_collector.ingestion_gaps.expected_to IS 'Time of the last fact that is missing, itself part of the gap.';

COMMENT ON COLUMN data_collector.ingestion_gaps.found_at IS 'When it was found, by the clock of the database.';

COMMENT ON COLUMN data_collector.ingestion_gaps.filled_at IS 'When nothing was missing any more, by the clock of the database; null while something is.';

COMMENT ON COLUMN data_collector.ingestion_gaps.source IS 'The source, see data_collector.sources.';

COMMENT ON COLUMN data_collector.ingestion_gaps.exchange IS 'The exchange, see config.exchanges.';

COMMENT ON COLUMN data_collector.ingestion_gaps.symbol IS 'What the exchange calls the instrument.';

COMMENT ON COLUMN data_collector.ingestion_gaps.dataset IS 'What is missing: funding_rates, instruments or prices.';

ALTER TABLE data_collector.ingestion_gaps ALTER COLUMN gap_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME data_collector.ingestion_gaps_gap_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE data_collector.ingestion_runs (
    run_id bigint NOT NULL,
    started_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    ended_at timestamp with time zone,
    rows_offered bigint DEFAULT 0 NOT NULL,
    rows_taken bigint DEFAULT 0 NOT NULL,
    rows_duplicate bigint DEFAULT 0 NOT NULL,
    rows_revised bigint DEFAULT 0 NOT NULL,
    source text NOT NULL,
    exchange text,
    dataset text DEFAULT 'funding_rates'::text NOT NULL,
    status text DEFAULT 'running'::text NOT NULL,
    error text,
    CONSTRAINT counts_are_not_negative CHECK (((rows_taken >= 0) AND (rows_duplicate >= 0) AND (rows_revised >= 0))),
    CONSTRAINT counts_are_of_rows_offered CHECK ((((rows_taken + rows_duplicate) + rows_revised) <= rows_offered)),
    CONSTRAINT dataset_is_known CHECK ((dataset = ANY (ARRAY['funding_rates'::text, 'instruments'::text, 'prices'::text]))),
    CONSTRAINT error_has_1_to_1024_characters CHECK (((length(error) >= 1) AND (length(error) <= 1024))),
    CONSTRAINT run_ends_after_its_start CHECK ((ended_at >= started_at)),
    CONSTRAINT run_has_an_end_unless_it_runs CHECK (((status = 'running'::text) = (ended_at IS NULL))),
    CONSTRAINT run_has_an_error_if_it_failed CHECK (((status = 'failed'::text) = (error IS NOT NULL))),
    CONSTRAINT status_is_known CHECK ((status = ANY (ARRAY['running'::text, 'succeeded'::text, 'failed'::text])))
)
PARTITION BY RANGE (started_at);

COMMENT ON TABLE data_collector.ingestion_runs IS 'A row is a run of a collector. By month of started_at, UTC.';

COMMENT ON COLUMN data_collector.ingestion_runs.run_id IS 'Number of the run, ascending; not without gaps.';

COMMENT ON COLUMN data_collector.ingestion_runs.started_at IS 'When it began, by the clock of the database.';

COMMENT ON COLUMN data_collector.ingestion_runs.ended_at IS 'When it ended; null while it runs.';

COMMENT ON COLUMN data_collector.ingestion_runs.rows_offered IS 'Rows that it has brought so far.';

COMMENT ON COLUMN data_collector.ingestion_runs.rows_taken IS 'Of these, rows that were new.';

COMMENT ON COLUMN data_collector.ingestion_runs.rows_duplicate IS 'Of these, rows that were known already.';

COMMENT ON COLUMN data_collector.ingestion_runs.rows_revised IS 'Of these, rows that said something else of what was known already.';

COMMENT ON COLUMN data_collector.ingestion_runs.source IS 'The source, see data_collector.sources.';

COMMENT ON COLUMN data_collector.ingestion_runs.exchange IS 'The exchange, see config.exchanges; null for a run over several.';

COMMENT ON COLUMN data_collector.ingestion_runs.dataset IS 'What is collected: funding_rates, instruments or prices.';

COMMENT ON COLUMN data_collector.ingestion_runs.status IS 'running, succeeded or failed.';

COMMENT ON COLUMN data_collector.ingestion_runs.error IS 'What went wrong, 1 to 1024 characters, without secrets; null unless it failed.';

ALTER TABLE data_collector.ingestion_runs ALTER COLUMN run_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME data_collector.ingestion_runs_run_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE data_collector.instruments (
    instrument_id bigint NOT NULL,
    valid_from timestamp with time zone NOT NULL,
    valid_to timestamp with time zone,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    contract_size numeric(38,18) NOT NULL,
    tick_size numeric(38,18) NOT NULL,
    funding_interval_hours integer NOT NULL,
    exchange text NOT NULL,
    symbol text NOT NULL,
    base text NOT NULL,
    quote text NOT NULL,
    settle text NOT NULL,
    CONSTRAINT assets_are_plain CHECK ((((base COLLATE "C") ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$'::text) AND ((quote COLLATE "C") ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$'::text) AND ((settle COLLATE "C") ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$'::text))),
    CONSTRAINT contract_size_is_positive CHECK (((contract_size > (0)::numeric) AND (contract_size <> 'NaN'::numeric))),
    CONSTRAINT funding_interval_is_1_to_24_hours CHECK (((funding_interval_hours >= 1) AND (funding_interval_hours <= 24))),
    CONSTRAINT symbol_is_1_to_64_characters_without_space CHECK ((((length(symbol) >= 1) AND (length(symbol) <= 64)) AND (symbol !~ '[[:space:][:cntrl:]]'::text))),
    CONSTRAINT tick_size_is_positive CHECK (((tick_size > (0)::numeric) AND (tick_size <> 'NaN'::numeric))),
    CONSTRAINT validity_ends_after_its_start CHECK (((valid_to > valid_from) AND isfinite(valid_from) AND isfinite(valid_to)))
);

COMMENT ON TABLE data_collector.instruments IS 'A row is a perpetual contract as it was from a time to another; another row when its terms change, see data_collector.set_instrument.';

COMMENT ON COLUMN data_collector.instruments.instrument_id IS 'Number of the row.';

COMMENT ON COLUMN data_collector.instruments.valid_from IS 'From when on these terms hold.';

COMMENT ON COLUMN data_collector.instruments.valid_to IS 'When they ended, itself no part of it; null while they hold.';

COMMENT ON COLUMN data_collector.instruments.created_at IS 'When the row was made, by the clock of the database.';

COMMENT ON COLUMN data_collector.instruments.contract_size IS 'What one contract is, in units of base.';

COMMENT ON COLUMN data_collector.instruments.tick_size IS 'Least step of the price, in units of quote.';

COMMENT ON COLUMN data_collector.instruments.funding_interval_hours IS 'Hours from one settlement of funding to the next, 1 to 24.';

COMMENT ON COLUMN data_collector.instruments.exchange IS 'The exchange, see config.exchanges.';

COMMENT ON COLUMN data_collector.instruments.symbol IS 'What the exchange calls the instrument, 1 to 64 characters without space.';

COMMENT ON COLUMN data_collector.instruments.base IS 'The asset that is traded.';

COMMENT ON COLUMN data_collector.instruments.quote IS 'The asset that prices are in.';

COMMENT ON COLUMN data_collector.instruments.settle IS 'The asset that profit and funding are paid in.';

CREATE VIEW data_collector.instrument_history AS
 SELECT i.exchange,
    i.symbol,
    i.valid_from,
    i.valid_to,
    i.base,
    i.quote,
    i.settle,
    i.contract_size,
    i.tick_size,
    i.funding_interval_hours
   FROM data_collector.instruments i;

COMMENT ON VIEW data_collector.instrument_history IS 'Instruments with the terms of every time, for every service.';

COMMENT ON COLUMN data_collector.instrument_history.exchange IS 'The exchange.';

COMMENT ON COLUMN data_collector.instrument_history.symbol IS 'What the exchange calls the instrument.';

COMMENT ON COLUMN data_collector.instrument_history.valid_from IS 'From when on these terms held.';

COMMENT ON COLUMN data_collector.instrument_history.valid_to IS 'When they ended, itself no part of it; null while they hold.';

COMMENT ON COLUMN data_collector.instrument_history.base IS 'The asset that is traded.';

COMMENT ON COLUMN data_collector.instrument_history.quote IS 'The asset that prices are in.';

COMMENT ON COLUMN data_collector.instrument_history.settle IS 'The asset that profit and funding are paid in.';

COMMENT ON COLUMN data_collector.instrument_history.contract_size IS 'What one contract is, in units of base.';

COMMENT ON COLUMN data_collector.instrument_history.tick_size IS 'Least step of the price, in units of quote.';

COMMENT ON COLUMN data_collector.instrument_history.funding_interval_hours IS 'Hours from one settlement of funding to the next.';

ALTER TABLE data_collector.instruments ALTER COLUMN instrument_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME data_collector.instruments_instrument_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE data_collector.sources (
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    priority integer NOT NULL,
    enabled boolean DEFAULT true NOT NULL,
    source text NOT NULL,
    kind text NOT NULL,
    description text NOT NULL,
    CONSTRAINT description_has_1_to_256_characters CHECK (((length(description) >= 1) AND (length(description) <= 256))),
    CONSTRAINT kind_is_known CHECK ((kind = ANY (ARRAY['exchange'::text, 'aggregator'::text]))),
    CONSTRAINT priority_is_positive CHECK ((priority >= 1)),
    CONSTRAINT source_is_plain CHECK (((source COLLATE "C") ~ '^[a-z][a-z0-9_]{0,63}$'::text))
);

COMMENT ON TABLE data_collector.sources IS 'A row is a source of market data. Never removed: facts refer to it.';

COMMENT ON COLUMN data_collector.sources.created_at IS 'When the row was made, by the clock of the database.';

COMMENT ON COLUMN data_collector.sources.priority IS 'Whose word counts where sources disagree: 1 before 2 before 3.';

COMMENT ON COLUMN data_collector.sources.enabled IS 'Whether it is collected from; what it has said stays.';

COMMENT ON COLUMN data_collector.sources.source IS 'What NEXUS calls the source, 1 to 64 characters of [a-z0-9_].';

COMMENT ON COLUMN data_collector.sources.kind IS 'exchange (the exchanges'' own interfaces) or aggregator (somebody who repeats them).';

COMMENT ON COLUMN data_collector.sources.description IS 'What it is, 1 to 256 characters.';

CREATE VIEW data_collector.known_sources AS
 SELECT s.source,
    s.kind,
    s.priority,
    s.enabled,
    s.description
   FROM data_collector.sources s;

COMMENT ON VIEW data_collector.known_sources IS 'Sources of market data, for every service.';

COMMENT ON COLUMN data_collector.known_sources.source IS 'What NEXUS calls the source.';

COMMENT ON COLUMN data_collector.known_sources.kind IS 'exchange or aggregator.';

COMMENT ON COLUMN data_collector.known_sources.priority IS 'Whose word counts where sources disagree: 1 before 2 before 3.';

COMMENT ON COLUMN data_collector.known_sources.enabled IS 'Whether it is collected from.';

COMMENT ON COLUMN data_collector.known_sources.description IS 'What it is.';

CREATE VIEW data_collector.listed_instruments AS
 SELECT i.exchange,
    i.symbol,
    i.base,
    i.quote,
    i.settle,
    i.contract_size,
    i.tick_size,
    i.funding_interval_hours,
    i.valid_from
   FROM data_collector.instruments i
  WHERE (i.valid_to IS NULL);

COMMENT ON VIEW data_collector.listed_instruments IS 'Instruments with the terms that hold now, for every service.';

COMMENT ON COLUMN data_collector.listed_instruments.exchange IS 'The exchange.';

COMMENT ON COLUMN data_collector.listed_instruments.symbol IS 'What the exchange calls the instrument.';

COMMENT ON COLUMN data_collector.listed_instruments.base IS 'The asset that is traded.';

COMMENT ON COLUMN data_collector.listed_instruments.quote IS 'The asset that prices are in.';

COMMENT ON COLUMN data_collector.listed_instruments.settle IS 'The asset that profit and funding are paid in.';

COMMENT ON COLUMN data_collector.listed_instruments.contract_size IS 'What one contract is, in units of base.';

COMMENT ON COLUMN data_collector.listed_instruments.tick_size IS 'Least step of the price, in units of quote.';

COMMENT ON COLUMN data_collector.listed_instruments.funding_interval_hours IS 'Hours from one settlement of funding to the next.';

COMMENT ON COLUMN data_collector.listed_instruments.valid_from IS 'From when on these terms hold.';

CREATE VIEW data_collector.open_gaps AS
 SELECT g.gap_id,
    g.source,
    g.exchange,
    g.symbol,
    g.dataset,
    g.expected_from,
    g.expected_to,
    g.found_at
   FROM data_collector.ingestion_gaps g
  WHERE (g.filled_at IS NULL);

COMMENT ON VIEW data_collector.open_gaps IS 'What is missing still, for every service.';

COMMENT ON COLUMN data_collector.open_gaps.gap_id IS 'Number of the gap.';

COMMENT ON COLUMN data_collector.open_gaps.source IS 'The source.';

COMMENT ON COLUMN data_collector.open_gaps.exchange IS 'The exchange.';

COMMENT ON COLUMN data_collector.open_gaps.symbol IS 'What the exchange calls the instrument.';

COMMENT ON COLUMN data_collector.open_gaps.dataset IS 'What is missing.';

COMMENT ON COLUMN data_collector.open_gaps.expected_from IS 'Time of the first fact that is missing.';

COMMENT ON COLUMN data_collector.open_gaps.expected_to IS 'Time of the last fact that is missing.';

COMMENT ON COLUMN data_collector.open_gaps.found_at IS 'When it was found.';

CREATE VIEW data_collector.runs AS
 SELECT r.run_id,
    r.source,
    r.exchange,
    r.dataset,
    r.status,
    r.started_at,
    r.ended_at,
    r.rows_offered,
    r.rows_taken,
    r.rows_duplicate,
    r.rows_revised,
    r.error
   FROM data_collector.ingestion_runs r;

COMMENT ON VIEW data_collector.runs IS 'Runs of collectors, for every service.';

COMMENT ON COLUMN data_collector.runs.run_id IS 'Number of the run.';

COMMENT ON COLUMN data_collector.runs.source IS 'The source.';

COMMENT ON COLUMN data_collector.runs.exchange IS 'The exchange; null for a run over several.';

COMMENT ON COLUMN data_collector.runs.dataset IS 'What is collected.';

COMMENT ON COLUMN data_collector.runs.status IS 'running, succeeded or failed.';

COMMENT ON COLUMN data_collector.runs.started_at IS 'When it began.';

COMMENT ON COLUMN data_collector.runs.ended_at IS 'When it ended; null while it runs.';

COMMENT ON COLUMN data_collector.runs.rows_offered IS 'Rows that it has brought so far.';

COMMENT ON COLUMN data_collector.runs.rows_taken IS 'Of these, rows that were new.';

COMMENT ON COLUMN data_collector.runs.rows_duplicate IS 'Of these, rows that were known already.';

COMMENT ON COLUMN data_collector.runs.rows_revised IS 'Of these, rows that said something else of what was known already.';

COMMENT ON COLUMN data_collector.runs.error IS 'What went wrong; null unless it failed.';

CREATE TABLE funding.rates (
    funding_time timestamp with time zone NOT NULL,
    next_funding_time timestamp with time zone,
    received_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    run_id bigint,
    rate numeric(38,18) NOT NULL,
    mark_price numeric(38,18),
    interval_hours integer NOT NULL,
    revision integer DEFAULT 1 NOT NULL,
    source text NOT NULL,
    exchange text NOT NULL,
    symbol text NOT NULL,
    CONSTRAINT interval_is_1_to_24_hours CHECK (((interval_hours >= 1) AND (interval_hours <= 24))),
    CONSTRAINT mark_price_is_positive CHECK (((mark_price > (0)::numeric) AND (mark_price <> 'NaN'::numeric))),
    CONSTRAINT next_settlement_is_later CHECK (((next_funding_time > funding_time) AND isfinite(next_funding_time))),
    CONSTRAINT rate_is_a_fraction CHECK (((rate >= ('-1'::integer)::numeric) AND (rate <= (1)::numeric))),
    CONSTRAINT revision_is_positive CHECK ((revision >= 1)),
    CONSTRAINT settlement_is_of_a_whole_second CHECK ((isfinite(funding_time) AND ((EXTRACT(microseconds FROM funding_time) % (1000000)::numeric) = (0)::numeric)))
)
PARTITION BY RANGE (funding_time);

COMMENT ON TABLE funding.rates IS 'A row is what a source says of one settlement of a symbol: the statement that is in force. By day of funding_time, UTC. Only funding.ingest_rates revises it.';

COMMENT ON COLUMN funding.rates.funding_time IS 'When the rate is settled: the minute nearest to the stamp of the source, which is not kept; of rows from before migration 28 its second.';

COMMENT ON COLUMN funding.rates.next_funding_time IS 'When the next settlement is, as the source says, likewise; null if it does not.';

COMMENT ON COLUMN funding.rates.received_at IS 'When NEXUS received the statement.';

COMMENT ON COLUMN funding.rates.run_id IS 'The run that brought it, see data_collector.ingestion_runs; null without one.';

COMMENT ON COLUMN funding.rates.rate IS 'What a long position pays to a short one, as a fraction of its notional per interval (0.0001 is 0.01 %); negative if the short one pays. -1 to 1.';

COMMENT ON COLUMN funding.rates.mark_price IS 'Price that the notional is taken at, in the quote asset; null if the source does not say.';

COMMENT ON COLUMN funding.rates.interval_hours IS 'Hours that the rate is for: since the settlement before. 1 to 24.';

COMMENT ON COLUMN funding.rates.revision IS 'Which statement it is, from 1; those before are in funding.rate_revisions.';

COMMENT ON COLUMN funding.rates.source IS 'Who says it, see data_collector.sources.';

COMMENT ON COLUMN funding.rates.exchange IS 'The exchange, see funding.symbols.';

COMMENT ON COLUMN funding.rates.symbol IS 'What the exchange calls the instrument, see funding.symbols.';

CREATE TABLE funding.series (
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    source text NOT NULL,
    exchange text NOT NULL,
    symbol text NOT NULL
);

COMMENT ON TABLE funding.series IS 'A row is a symbol that a source has told rates of. Rates refer to it, so that each is looked up once for its source, exchange and symbol.';

COMMENT ON COLUMN funding.series.created_at IS 'When the row was made, by the clock of the database.';

COMMENT ON COLUMN funding.series.source IS 'The source, see data_collector.sources.';

COMMENT ON COLUMN funding.series.exchange IS 'The exchange, see funding.symbols.';

COMMENT ON COLUMN funding.series.symbol IS 'What the exchange calls the instrument, see funding.symbols.';

CREATE VIEW funding.current_rates AS
 SELECT y.source,
    y.exchange,
    y.symbol,
    r.funding_time,
    r.rate,
    r.interval_hours,
    r.next_funding_time,
    r.mark_price,
    r.received_at
   FROM (funding.series y
     CROSS JOIN LATERAL ( SELECT c.funding_time,
            c.rate,
            c.interval_hours,
            c.next_funding_time,
            c.mark_price,
            c.received_at
           FROM funding.rates c
          WHERE ((c.source = y.source) AND (c.exchange = y.exchange) AND (c.symbol = y.symbol) AND (c.funding_time <= now()) AND (c.funding_time > (now() - '48:00:00'::interval)))
          ORDER BY c.funding_time DESC
         LIMIT 1) r);

COMMENT ON VIEW funding.current_rates IS 'The last settled rate of each symbol by each source, of the last 48 hours, for every service.';

COMMENT ON COLUMN funding.current_rates.source IS 'Who says it.';

COMMENT ON COLUMN funding.current_rates.exchange IS 'The exchange.';

COMMENT ON COLUMN funding.current_rates.symbol IS 'What the exchange calls the instrument.';

COMMENT ON COLUMN funding.current_rates.funding_time IS 'When the rate is settled.';

COMMENT ON COLUMN funding.current_rates.rate IS 'What a long position pays to a short one, fraction of notional per interval.';

COMMENT ON COLUMN funding.current_rates.interval_hours IS 'Hours that the rate is for: since the settlement before.';

COMMENT ON COLUMN funding.current_rates.next_funding_time IS 'When the next settlement is; null if the source does not say.';

COMMENT ON COLUMN funding.current_rates.mark_price IS 'Price that the notional is taken at, in the quote asset; null if not said.';

COMMENT ON COLUMN funding.current_rates.received_at IS 'When NEXUS received it.';

CREATE TABLE funding.discrepancies (
    discrepancy_id bigint NOT NULL,
    funding_time timestamp with time zone NOT NULL,
    opened_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    seen_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    resolved_at timestamp with time zone,
    rate_a numeric(38,18) NOT NULL,
    rate_b numeric(38,18) NOT NULL,
    magnitude numeric(38,18) NOT NULL,
    threshold numeric(38,18) NOT NULL,
    episode integer DEFAULT 1 NOT NULL,
    exchange text NOT NULL,
    symbol text NOT NULL,
    source_a text NOT NULL,
    source_b text NOT NULL,
    status text DEFAULT 'open'::text NOT NULL,
    resolution text,
    resolved_by text,
    note text,
    CONSTRAINT discrepancy_has_a_resolution_when_it_is_resolved CHECK ((((status = 'resolved'::text) = (resolved_at IS NOT NULL)) AND ((status = 'resolved'::text) = (resolution IS NOT NULL)) AND ((status = 'resolved'::text) = (resolved_by IS NOT NULL)))),
    CONSTRAINT discrepancy_is_resolved_after_it_was_opened CHECK ((resolved_at >= opened_at)),
    CONSTRAINT episode_is_positive CHECK ((episode >= 1)),
    CONSTRAINT magnitude_is_the_difference CHECK (((magnitude = abs((rate_a - rate_b))) AND (magnitude <> 'NaN'::numeric))),
    CONSTRAINT magnitude_was_above_the_threshold CHECK (((threshold >= (0)::numeric) AND (threshold <> 'NaN'::numeric) AND ((status = 'resolved'::text) OR (magnitude > threshold)))),
    CONSTRAINT note_is_there_for_what_is_resolved_by_hand CHECK ((((length(note) >= 1) AND (length(note) <= 1024)) AND ((resolution IS DISTINCT FROM 'by_hand'::text) OR (note IS NOT NULL)))),
    CONSTRAINT resolution_is_known CHECK ((resolution = ANY (ARRAY['agreed'::text, 'by_hand'::text]))),
    CONSTRAINT resolver_is_1_to_128_characters CHECK (((length(resolved_by) >= 1) AND (length(resolved_by) <= 128))),
    CONSTRAINT sources_are_two_in_order CHECK (((source_a COLLATE "C") < (source_b COLLATE "C"))),
    CONSTRAINT status_is_known CHECK ((status = ANY (ARRAY['open'::text, 'resolved'::text])))
);

COMMENT ON TABLE funding.discrepancies IS 'A row is a settlement of which two sources say rates that differ by more than the threshold. Open until they agree or somebody resolves it; another episode if they differ anew.';

COMMENT ON COLUMN funding.discrepancies.discrepancy_id IS 'Number of the discrepancy.';

COMMENT ON COLUMN funding.discrepancies.funding_time IS 'The settlement.';

COMMENT ON COLUMN funding.discrepancies.opened_at IS 'When it was found, by the clock of the database.';

COMMENT ON COLUMN funding.discrepancies.seen_at IS 'When rates or magnitude were written last, by the clock of the database.';

COMMENT ON COLUMN funding.discrepancies.resolved_at IS 'When it was resolved, by the clock of the database; null while it is open.';

COMMENT ON COLUMN funding.discrepancies.rate_a IS 'Rate of source_a as it was looked at last, fraction per interval.';

COMMENT ON COLUMN funding.discrepancies.rate_b IS 'Rate of source_b as it was looked at last, fraction per interval.';

COMMENT ON COLUMN funding.discrepancies.magnitude IS 'By how much they differ, fraction per interval, not negative.';

COMMENT ON COLUMN funding.discrepancies.threshold IS 'funding.discrepancy_threshold at that time, fraction per interval.';

COMMENT ON COLUMN funding.discrepancies.episode IS 'How often the two have begun to differ on that settlement, from 1.';

COMMENT ON COLUMN funding.discrepancies.exchange IS 'The exchange, see funding.symbols.';

COMMENT ON COLUMN funding.discrepancies.symbol IS 'What the exchange calls the instrument, see funding.symbols.';

COMMENT ON COLUMN funding.discrepancies.source_a IS 'The source whose name is first, see data_collector.sources.';

COMMENT ON COLUMN funding.discrepancies.source_b IS 'The other source.';

COMMENT ON COLUMN funding.discrepancies.status IS 'open or resolved.';

COMMENT ON COLUMN funding.discrepancies.resolution IS 'agreed (the sources agree again) or by_hand (stands while both rates stay); null while open.';

COMMENT ON COLUMN funding.discrepancies.resolved_by IS 'Who resolved it, see audit.actor(): whoever brought the rate that agrees, or the person.';

COMMENT ON COLUMN funding.discrepancies.note IS 'Why, 1 to 1024 characters; null unless it was resolved by hand.';

ALTER TABLE funding.discrepancies ALTER COLUMN discrepancy_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME funding.discrepancies_discrepancy_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE funding.snapshots (
    snapshot_at timestamp with time zone NOT NULL,
    funding_time timestamp with time zone NOT NULL,
    next_funding_time timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    rate numeric(38,18) NOT NULL,
    rate_8h numeric(38,18) NOT NULL,
    rate_year numeric(38,18) NOT NULL,
    rate_min numeric(38,18) NOT NULL,
    rate_max numeric(38,18) NOT NULL,
    mark_price numeric(38,18),
    interval_hours integer NOT NULL,
    source_count integer NOT NULL,
    sources_disagree boolean NOT NULL,
    exchange text NOT NULL,
    symbol text NOT NULL,
    source text NOT NULL,
    CONSTRAINT interval_is_1_to_24_hours CHECK (((interval_hours >= 1) AND (interval_hours <= 24))),
    CONSTRAINT mark_price_is_positive CHECK (((mark_price > (0)::numeric) AND (mark_price <> 'NaN'::numeric))),
    CONSTRAINT rate_is_within_those_of_all_sources CHECK ((((rate >= rate_min) AND (rate <= rate_max)) AND ((rate_min >= ('-1'::integer)::numeric) AND (rate_min <= (1)::numeric)) AND ((rate_max >= ('-1'::integer)::numeric) AND (rate_max <= (1)::numeric)))),
    CONSTRAINT snapshot_is_of_what_was_known_and_due CHECK (((funding_time <= snapshot_at) AND (received_at <= snapshot_at))),
    CONSTRAINT source_count_is_positive CHECK ((source_count >= 1))
)
PARTITION BY RANGE (snapshot_at);

COMMENT ON TABLE funding.snapshots IS 'A row is a symbol in a snapshot: the last settled rate as it was known at a time, one of all sources. By month of snapshot_at, UTC. See funding.take_snapshot.';

COMMENT ON COLUMN funding.snapshots.snapshot_at IS 'The time that is looked at.';

COMMENT ON COLUMN funding.snapshots.funding_time IS 'When the rate was settled, not after snapshot_at.';

COMMENT ON COLUMN funding.snapshots.next_funding_time IS 'When the next settlement is: as the source said, else one interval later.';

COMMENT ON COLUMN funding.snapshots.received_at IS 'When NEXUS received the rate, not after snapshot_at.';

COMMENT ON COLUMN funding.snapshots.created_at IS 'When the row was made, by the clock of the database.';

COMMENT ON COLUMN funding.snapshots.rate IS 'The rate of the source that counts first, fraction per interval.';

COMMENT ON COLUMN funding.snapshots.rate_8h IS 'The rate, fraction per 8 hours.';

COMMENT ON COLUMN funding.snapshots.rate_year IS 'The rate, fraction per year of 8760 hours, without compounding.';

COMMENT ON COLUMN funding.snapshots.rate_min IS 'Least rate of all sources of that settlement, fraction per interval.';

COMMENT ON COLUMN funding.snapshots.rate_max IS 'Greatest rate of all sources of that settlement, fraction per interval.';

COMMENT ON COLUMN funding.snapshots.mark_price IS 'Mark price of the first source that says one, in the quote asset; null if none does.';

COMMENT ON COLUMN funding.snapshots.interval_hours IS 'Hours that the rate is for.';

COMMENT ON COLUMN funding.snapshots.source_count IS 'How many sources had told that settlement.';

COMMENT ON COLUMN funding.snapshots.sources_disagree IS 'Whether their rates differ by more than funding.discrepancy_threshold.';

COMMENT ON COLUMN funding.snapshots.exchange IS 'The exchange, see funding.symbols.';

COMMENT ON COLUMN funding.snapshots.symbol IS 'What the exchange calls the instrument, see funding.symbols.';

COMMENT ON COLUMN funding.snapshots.source IS 'The source of the rate, see data_collector.sources. Without a foreign key: a copy.';

CREATE VIEW funding.latest_snapshot AS
 SELECT s.snapshot_at,
    s.exchange,
    s.symbol,
    s.source,
    s.funding_time,
    s.next_funding_time,
    s.rate,
    s.rate_8h,
    s.rate_year,
    s.rate_min,
    s.rate_max,
    s.mark_price,
    s.interval_hours,
    s.source_count,
    s.sources_disagree,
    s.received_at
   FROM funding.snapshots s
  WHERE (s.snapshot_at = ( SELECT max(n.snapshot_at) AS max
           FROM funding.snapshots n));

COMMENT ON VIEW funding.latest_snapshot IS 'The newest snapshot, for every service.';

COMMENT ON COLUMN funding.latest_snapshot.snapshot_at IS 'The time that is looked at.';

COMMENT ON COLUMN funding.latest_snapshot.exchange IS 'The exchange.';

COMMENT ON COLUMN funding.latest_snapshot.symbol IS 'What the exchange calls the instrument.';

COMMENT ON COLUMN funding.latest_snapshot.source IS 'The source of the rate.';

COMMENT ON COLUMN funding.latest_snapshot.funding_time IS 'When the rate was settled.';

COMMENT ON COLUMN funding.latest_snapshot.next_funding_time IS 'When the next settlement is.';

COMMENT ON COLUMN funding.latest_snapshot.rate IS 'The rate, fraction per interval.';

COMMENT ON COLUMN funding.latest_snapshot.rate_8h IS 'The rate, fraction per 8 hours.';

COMMENT ON COLUMN funding.latest_snapshot.rate_year IS 'The rate, fraction per year of 8760 hours.';

COMMENT ON COLUMN funding.latest_snapshot.rate_min IS 'Least rate of all sources, fraction per interval.';

COMMENT ON COLUMN funding.latest_snapshot.rate_max IS 'Greatest rate of all sources, fraction per interval.';

COMMENT ON COLUMN funding.latest_snapshot.mark_price IS 'Mark price in the quote asset; null if no source said one.';

COMMENT ON COLUMN funding.latest_snapshot.interval_hours IS 'Hours that the rate is for.';

COMMENT ON COLUMN funding.latest_snapshot.source_count IS 'How many sources had told it.';

COMMENT ON COLUMN funding.latest_snapshot.sources_disagree IS 'Whether they differ by more than the threshold.';

COMMENT ON COLUMN funding.latest_snapshot.received_at IS 'When NEXUS received the rate.';

CREATE VIEW funding.open_discrepancies AS
 SELECT d.discrepancy_id,
    d.exchange,
    d.symbol,
    d.funding_time,
    d.source_a,
    d.rate_a,
    d.source_b,
    d.rate_b,
    d.magnitude,
    d.threshold,
    d.opened_at,
    d.seen_at
   FROM funding.discrepancies d
  WHERE (d.status = 'open'::text);

COMMENT ON VIEW funding.open_discrepancies IS 'Where sources disagree, for every service.';

COMMENT ON COLUMN funding.open_discrepancies.discrepancy_id IS 'Number of the discrepancy.';

COMMENT ON COLUMN funding.open_discrepancies.exchange IS 'The exchange.';

COMMENT ON COLUMN funding.open_discrepancies.symbol IS 'What the exchange calls the instrument.';

COMMENT ON COLUMN funding.open_discrepancies.funding_time IS 'The settlement.';

COMMENT ON COLUMN funding.open_discrepancies.source_a IS 'The source whose name is first.';

COMMENT ON COLUMN funding.open_discrepancies.rate_a IS 'Its rate, fraction per interval.';

COMMENT ON COLUMN funding.open_discrepancies.source_b IS 'The other source.';

COMMENT ON COLUMN funding.open_discrepancies.rate_b IS 'Its rate, fraction per interval.';

COMMENT ON COLUMN funding.open_discrepancies.magnitude IS 'By how much they differ, fraction per interval.';

COMMENT ON COLUMN funding.open_discrepancies.threshold IS 'The threshold at that time, fraction per interval.';

COMMENT ON COLUMN funding.open_discrepancies.opened_at IS 'When it was found.';

COMMENT ON COLUMN funding.open_discrepancies.seen_at IS 'When it was looked at last.';

CREATE VIEW funding.rate_history AS
 SELECT r.source,
    r.exchange,
    r.symbol,
    r.funding_time,
    r.rate,
    r.interval_hours,
    r.next_funding_time,
    r.mark_price,
    r.received_at,
    r.revision
   FROM funding.rates r;

COMMENT ON VIEW funding.rate_history IS 'Rates of all sources, as they are in force, for every service.';

COMMENT ON COLUMN funding.rate_history.source IS 'Who says it.';

COMMENT ON COLUMN funding.rate_history.exchange IS 'The exchange.';

COMMENT ON COLUMN funding.rate_history.symbol IS 'What the exchange calls the instrument.';

COMMENT ON COLUMN funding.rate_history.funding_time IS 'When the rate is settled.';

COMMENT ON COLUMN funding.rate_history.rate IS 'What a long position pays to a short one, fraction of notional per interval.';

COMMENT ON COLUMN funding.rate_history.interval_hours IS 'Hours that the rate is for: since the settlement before.';

COMMENT ON COLUMN funding.rate_history.next_funding_time IS 'When the next settlement is; null if the source does not say.';

COMMENT ON COLUMN funding.rate_history.mark_price IS 'Price that the notional is taken at, in the quote asset; null if not said.';

COMMENT ON COLUMN funding.rate_history.received_at IS 'When NEXUS received it.';

COMMENT ON COLUMN funding.rate_history.revision IS 'Which statement of the source it is, from 1.';

CREATE TABLE funding.rate_revisions (
    funding_time timestamp with time zone NOT NULL,
    next_funding_time timestamp with time zone,
    received_at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    run_id bigint,
    rate numeric(38,18) NOT NULL,
    mark_price numeric(38,18),
    interval_hours integer NOT NULL,
    source text NOT NULL,
    exchange text NOT NULL,
    symbol text NOT NULL,
    CONSTRAINT interval_is_1_to_24_hours CHECK (((interval_hours >= 1) AND (interval_hours <= 24))),
    CONSTRAINT mark_price_is_positive CHECK (((mark_price > (0)::numeric) AND (mark_price <> 'NaN'::numeric))),
    CONSTRAINT next_settlement_is_later CHECK (((next_funding_time > funding_time) AND isfinite(next_funding_time))),
    CONSTRAINT rate_is_a_fraction CHECK (((rate >= ('-1'::integer)::numeric) AND (rate <= (1)::numeric))),
    CONSTRAINT settlement_is_of_a_whole_second CHECK ((isfinite(funding_time) AND ((EXTRACT(microseconds FROM funding_time) % (1000000)::numeric) = (0)::numeric)))
)
PARTITION BY RANGE (funding_time);

COMMENT ON TABLE funding.rate_revisions IS 'A row is a statement of a source that another one, received later, has put out of force. Append only; by month of funding_time, UTC.';

COMMENT ON COLUMN funding.rate_revisions.funding_time IS 'When the rate is settled, see funding.rates.';

COMMENT ON COLUMN funding.rate_revisions.next_funding_time IS 'When the next settlement is, as the source says, likewise; null if it does not.';

COMMENT ON COLUMN funding.rate_revisions.received_at IS 'When NEXUS received the statement.';

COMMENT ON COLUMN funding.rate_revisions.recorded_at IS 'When the row was written, by the clock of the database.';

COMMENT ON COLUMN funding.rate_revisions.run_id IS 'The run that brought it, see data_collector.ingestion_runs; null without one.';

COMMENT ON COLUMN funding.rate_revisions.rate IS 'What a long position pays to a short one, as a fraction of its notional per interval (0.0001 is 0.01 %); negative if the short one pays. -1 to 1.';

COMMENT ON COLUMN funding.rate_revisions.mark_price IS 'Price that the notional is taken at, in the quote asset; null if the source does not say.';

COMMENT ON COLUMN funding.rate_revisions.interval_hours IS 'Hours that the rate is for: since the settlement before. 1 to 24.';

COMMENT ON COLUMN funding.rate_revisions.source IS 'Who says it, see data_collector.sources.';

COMMENT ON COLUMN funding.rate_revisions.exchange IS 'The exchange, see funding.symbols.';

COMMENT ON COLUMN funding.rate_revisions.symbol IS 'What the exchange calls the instrument, see funding.symbols.';

CREATE VIEW funding.snapshot_history AS
 SELECT s.snapshot_at,
    s.exchange,
    s.symbol,
    s.source,
    s.funding_time,
    s.next_funding_time,
    s.rate,
    s.rate_8h,
    s.rate_year,
    s.rate_min,
    s.rate_max,
    s.mark_price,
    s.interval_hours,
    s.source_count,
    s.sources_disagree,
    s.received_at
   FROM funding.snapshots s;

COMMENT ON VIEW funding.snapshot_history IS 'All snapshots, for every service.';

COMMENT ON COLUMN funding.snapshot_history.snapshot_at IS 'The time that is looked at.';

COMMENT ON COLUMN funding.snapshot_history.exchange IS 'The exchange.';

COMMENT ON COLUMN funding.snapshot_history.symbol IS 'What the exchange calls the instrument.';

COMMENT ON COLUMN funding.snapshot_history.source IS 'The source of the rate.';

COMMENT ON COLUMN funding.snapshot_history.funding_time IS 'When the rate was settled.';

COMMENT ON COLUMN funding.snapshot_history.next_funding_time IS 'When the next settlement is.';

COMMENT ON COLUMN funding.snapshot_history.rate IS 'The rate, fraction per interval.';

COMMENT ON COLUMN funding.snapshot_history.rate_8h IS 'The rate, fraction per 8 hours.';

COMMENT ON COLUMN funding.snapshot_history.rate_year IS 'The rate, fraction per year of 8760 hours.';

COMMENT ON COLUMN funding.snapshot_history.rate_min IS 'Least rate of all sources, fraction per interval.';

COMMENT ON COLUMN funding.snapshot_history.rate_max IS 'Greatest rate of all sources, fraction per interval.';

COMMENT ON COLUMN funding.snapshot_history.mark_price IS 'Mark price in the quote asset; null if no source said one.';

COMMENT ON COLUMN funding.snapshot_history.interval_hours IS 'Hours that the rate is for.';

COMMENT ON COLUMN funding.snapshot_history.source_count IS 'How many sources had told it.';

COMMENT ON COLUMN funding.snapshot_history.sources_disagree IS 'Whether they differ by more than the threshold.';

COMMENT ON COLUMN funding.snapshot_history.received_at IS 'When NEXUS received the rate.';

CREATE TABLE funding.symbols (
    first_funding_time timestamp with time zone NOT NULL,
    last_funding_time timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    exchange text NOT NULL,
    symbol text NOT NULL,
    CONSTRAINT first_settlement_is_not_after_the_last CHECK ((first_funding_time <= last_funding_time)),
    CONSTRAINT symbol_is_1_to_64_characters_without_space CHECK ((((length(symbol) >= 1) AND (length(symbol) <= 64)) AND (symbol !~ '[[:space:][:cntrl:]]'::text)))
)
WITH (fillfactor='70');

COMMENT ON TABLE funding.symbols IS 'A row is a symbol of an exchange of which rates are known. Its lock makes those who bring rates of it wait for one another, so that no disagreement is missed.';

COMMENT ON COLUMN funding.symbols.first_funding_time IS 'The first settlement of which a rate has come, or an earlier time.';

COMMENT ON COLUMN funding.symbols.last_funding_time IS 'The last settlement of which a rate has come.';

COMMENT ON COLUMN funding.symbols.created_at IS 'When the row was made, by the clock of the database.';

COMMENT ON COLUMN funding.symbols.exchange IS 'The exchange, see config.exchanges.';

COMMENT ON COLUMN funding.symbols.symbol IS 'What the exchange calls the instrument, 1 to 64 characters without space.';

CREATE TABLE maintenance.jobs (
    every interval NOT NULL,
    added_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    enabled boolean DEFAULT true NOT NULL,
    only_in_window boolean DEFAULT false NOT NULL,
    job text NOT NULL,
    schedule text NOT NULL,
    command text NOT NULL,
    description text NOT NULL,
    CONSTRAINT every_is_a_minute_or_more CHECK ((every >= '00:01:00'::interval)),
    CONSTRAINT job_is_plain CHECK (((job COLLATE "C") ~ '^[a-z][a-z0-9_]{0,47}$'::text)),
    CONSTRAINT schedule_has_five_fields CHECK ((schedule ~ '^[^ ]+( [^ ]+){4}$'::text))
);

COMMENT ON TABLE maintenance.jobs IS 'A row is a job: what is done again and again.';

COMMENT ON COLUMN maintenance.jobs.every IS 'How often it has to be done; a job that was not done for twice as long is missed.';

COMMENT ON COLUMN maintenance.jobs.added_at IS 'When the job was added: one that was never done is missed from twice `every` after that.';

COMMENT ON COLUMN maintenance.jobs.enabled IS 'Whether it is done.';

COMMENT ON COLUMN maintenance.jobs.only_in_window IS 'Whether it waits for a maintenance window; not for longer than seven times `every`.';

COMMENT ON COLUMN maintenance.jobs.job IS 'Name of the job, 1 to 48 characters of [a-z0-9_].';

COMMENT ON COLUMN maintenance.jobs.schedule IS 'When pg_cron does it: minute, hour, day, month, weekday, in UTC.';

COMMENT ON COLUMN maintenance.jobs.command IS 'The SQL that does it, with the rights of nexus_owner, who alone may change it.';

COMMENT ON COLUMN maintenance.jobs.description IS 'What it does.';

ALTER TABLE maintenance.runs ALTER COLUMN run_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME maintenance.runs_run_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE VIEW monitoring.bloat AS
 SELECT b.kind,
    b.object_name,
    b.table_name,
    b.row_count,
    b.size_bytes,
    b.expected_bytes,
    GREATEST((b.size_bytes - b.expected_bytes), (0)::bigint) AS bloat_bytes,
    (((GREATEST((b.size_bytes - b.expected_bytes), (0)::bigint))::numeric / (b.size_bytes)::numeric))::numeric(38,18) AS bloat_fraction,
    b.dead_rows,
    b.vacuumed_at,
    b.analyzed_at
   FROM monitoring.estimate_bloat() b(kind, object_name, table_name, row_count, size_bytes, expected_bytes, dead_rows, vacuumed_at, analyzed_at)
  ORDER BY GREATEST((b.size_bytes - b.expected_bytes), (0)::bigint) DESC NULLS LAST, b.object_name;

COMMENT ON VIEW monitoring.bloat IS 'Tables, partitions and B-tree indexes by the space that they take in vain, the most first: an estimate from the statistics of the last ANALYZE, some 20 % off, and for B-trees with many equal keys too low. GIN, BRIN and hash indexes and TOAST are not estimated.';

COMMENT ON COLUMN monitoring.bloat.kind IS 'table or index.';

COMMENT ON COLUMN monitoring.bloat.object_name IS 'Schema and name of the table or index.';

COMMENT ON COLUMN monitoring.bloat.table_name IS 'The table, or that of the index.';

COMMENT ON COLUMN monitoring.bloat.row_count IS 'Rows or entries, as the last VACUUM or ANALYZE counted.';

COMMENT ON COLUMN monitoring.bloat.size_bytes IS 'Size then, in bytes, without TOAST.';

COMMENT ON COLUMN monitoring.bloat.expected_bytes IS 'Size if it were written anew, in bytes; null before the first ANALYZE, and for a table that nexus_owner may not read.';

COMMENT ON COLUMN monitoring.bloat.bloat_bytes IS 'size_bytes - expected_bytes, in bytes, not below 0; null when that is.';

COMMENT ON COLUMN monitoring.bloat.bloat_fraction IS 'bloat_bytes over size_bytes, 0 to 1; null when that is.';

COMMENT ON COLUMN monitoring.bloat.dead_rows IS 'Rows that VACUUM has still to remove, an estimate; null for an index.';

COMMENT ON COLUMN monitoring.bloat.vacuumed_at IS 'When the table was vacuumed last, by hand or by itself; null if never.';

COMMENT ON COLUMN monitoring.bloat.analyzed_at IS 'When the table was analyzed last, by hand or by itself; null if never.';

CREATE VIEW monitoring.blocked_sessions AS
 SELECT a.pid,
    (a.usename)::text AS role,
    (a.datname)::text AS database,
    a.application_name,
    (clock_timestamp() - l.waitstart) AS waits_since,
    l.locktype AS lock_type,
    l.mode AS lock_mode,
        CASE
            WHEN (l.database = ( SELECT d.oid
               FROM pg_database d
              WHERE (d.datname = current_database()))) THEN ((l.relation)::regclass)::text
            ELSE NULL::text
        END AS table_name,
    pg_blocking_pids(a.pid) AS blocked_by,
    "left"(a.query, 1000) AS query,
    ( SELECT string_agg(format('%s (%s, %s): %s'::text, b.pid, b.usename, b.state, "left"(b.query, 200)), '
'::text ORDER BY b.pid) AS string_agg
           FROM pg_stat_activity b
          WHERE (b.pid = ANY (pg_blocking_pids(a.pid)))) AS blockers
   FROM (pg_locks l
     JOIN pg_stat_activity a ON ((a.pid = l.pid)))
  WHERE (NOT l.granted)
  ORDER BY (clock_timestamp() - l.waitstart) DESC NULLS LAST;

COMMENT ON VIEW monitoring.blocked_sessions IS 'Sessions of the server that wait for a lock, and those that they wait for, the longest first.';

COMMENT ON COLUMN monitoring.blocked_sessions.pid IS 'The process that waits.';

COMMENT ON COLUMN monitoring.blocked_sessions.role IS 'The role that logged in.';

COMMENT ON COLUMN monitoring.blocked_sessions.database IS 'The database.';

COMMENT ON COLUMN monitoring.blocked_sessions.application_name IS 'What the client calls itself.';

COMMENT ON COLUMN monitoring.blocked_sessions.waits_since IS 'How long it has been waiting; null in the first moment.';

COMMENT ON COLUMN monitoring.blocked_sessions.lock_type IS 'relation, tuple, transactionid, advisory …';

COMMENT ON COLUMN monitoring.blocked_sessions.lock_mode IS 'The mode that it wants.';

COMMENT ON COLUMN monitoring.blocked_sessions.table_name IS 'The table; null for other locks and in another database.';

COMMENT ON COLUMN monitoring.blocked_sessions.blocked_by IS 'The processes that it waits for, for pg_terminate_backend; 0 is a prepared transaction.';

COMMENT ON COLUMN monitoring.blocked_sessions.query IS 'The statement that waits, the first 1000 characters.';

COMMENT ON COLUMN monitoring.blocked_sessions.blockers IS 'Those that it waits for, a line each: process, role, state, the last statement.';

CREATE VIEW monitoring.connection_use AS
 SELECT (a.usename)::text AS role,
    (a.datname)::text AS database,
    a.state,
    count(*) AS connections,
    (sum(count(*)) OVER ())::bigint AS all_connections,
    m.connections_max,
    (((count(*))::numeric / (m.connections_max)::numeric))::numeric(38,18) AS share,
    ((sum(count(*)) OVER () / (m.connections_max)::numeric))::numeric(38,18) AS share_of_all,
    min(a.backend_start) AS oldest_at,
    GREATEST((clock_timestamp() - min(a.state_change)), '00:00:00'::interval) AS longest_in_state
   FROM (pg_stat_activity a
     CROSS JOIN ( SELECT (current_setting('max_connections'::text))::integer AS connections_max) m)
  WHERE ((a.usesysid IS NOT NULL) AND (COALESCE(a.backend_type, 'client backend'::text) = 'client backend'::text))
  GROUP BY a.usename, a.datname, a.state, m.connections_max
  ORDER BY (count(*)) DESC, ((a.usename)::text), ((a.datname)::text), a.state;

COMMENT ON VIEW monitoring.connection_use IS 'Connections to the server by role, database and state, the most first.';

COMMENT ON COLUMN monitoring.connection_use.role IS 'The role that logged in.';

COMMENT ON COLUMN monitoring.connection_use.database IS 'The database; the limit is that of the server.';

COMMENT ON COLUMN monitoring.connection_use.state IS 'active, idle, idle in transaction …; null for who may not see it.';

COMMENT ON COLUMN monitoring.connection_use.connections IS 'Number of connections of this row.';

COMMENT ON COLUMN monitoring.connection_use.all_connections IS 'Number of all connections.';

COMMENT ON COLUMN monitoring.connection_use.connections_max IS 'max_connections, of which superuser_reserved_connections are for superusers.';

COMMENT ON COLUMN monitoring.connection_use.share IS 'connections over connections_max, 0 to 1.';

COMMENT ON COLUMN monitoring.connection_use.share_of_all IS 'all_connections over connections_max, 0 to 1.';

COMMENT ON COLUMN monitoring.connection_use.oldest_at IS 'When the oldest of them connected; null for who may not see it.';

COMMENT ON COLUMN monitoring.connection_use.longest_in_state IS 'How long one of them is in its state at most; null for who may not see it.';

CREATE VIEW monitoring.job_failures AS
 SELECT r.run_id,
    r.job,
    r.started_at,
    r.ended_at,
    (r.ended_at - r.started_at) AS took,
    r.trigger,
    r.actor,
    r.error,
    d.done_at AS done_since
   FROM (maintenance.runs r
     LEFT JOIN LATERAL ( SELECT l.started_at
           FROM maintenance.runs l
          WHERE ((l.job = r.job) AND (l.started_at > r.started_at) AND (l.outcome = 'done'::text))
          ORDER BY l.started_at
         LIMIT 1) d(done_at) ON (true))
  WHERE (r.outcome = 'failed'::text)
  ORDER BY r.started_at DESC, r.run_id DESC;

COMMENT ON VIEW monitoring.job_failures IS 'Runs of jobs that failed, the latest first, as long as runs are kept (retention.maintenance.runs).';

COMMENT ON COLUMN monitoring.job_failures.run_id IS 'Number of the run.';

COMMENT ON COLUMN monitoring.job_failures.job IS 'The job, see maintenance.jobs.';

COMMENT ON COLUMN monitoring.job_failures.started_at IS 'When it began.';

COMMENT ON COLUMN monitoring.job_failures.ended_at IS 'When it ended.';

COMMENT ON COLUMN monitoring.job_failures.took IS 'How long it took.';

COMMENT ON COLUMN monitoring.job_failures.trigger IS 'What ran it: pg_cron, maintain (the command) or manual.';

COMMENT ON COLUMN monitoring.job_failures.actor IS 'Who ran it.';

COMMENT ON COLUMN monitoring.job_failures.error IS 'SQLSTATE and message.';

COMMENT ON COLUMN monitoring.job_failures.done_since IS 'When the job was begun next that was done; null while it has not been since.';

CREATE VIEW monitoring.job_health AS
 SELECT j.job,
    j.enabled,
    j.every,
    l.started_at AS last_run_at,
    (l.ended_at - l.started_at) AS last_took,
    d.started_at AS last_done_at,
    f.failures,
    COALESCE((l.outcome = 'failed'::text), false) AS is_failing,
    (j.enabled AND COALESCE((d.started_at < (now() - ((2)::double precision * j.every))), true)) AS is_missed,
        CASE
            WHEN (l.outcome = 'failed'::text) THEN l.error
            ELSE NULL::text
        END AS error
   FROM (((maintenance.jobs j
     LEFT JOIN LATERAL ( SELECT r.started_at,
            r.ended_at,
            r.outcome,
            r.error
           FROM maintenance.runs r
          WHERE (r.job = j.job)
          ORDER BY r.started_at DESC
         LIMIT 1) l ON (true))
     LEFT JOIN LATERAL ( SELECT r.started_at
           FROM maintenance.runs r
          WHERE ((r.job = j.job) AND (r.outcome = 'done'::text))
          ORDER BY r.started_at DESC
         LIMIT 1) d ON (true))
     CROSS JOIN LATERAL ( SELECT count(*) AS failures
           FROM maintenance.runs r
          WHERE ((r.job = j.job) AND (r.outcome = 'failed'::text) AND (r.started_at > (now() - '7 days'::interval)))) f)
  ORDER BY COALESCE((l.outcome = 'failed'::text), false) DESC, (j.enabled AND COALESCE((d.started_at < (now() - ((2)::double precision * j.every))), true)) DESC, j.job;

COMMENT ON VIEW monitoring.job_health IS 'A row is a job: those that fail first, then those that are missed.';

COMMENT ON COLUMN monitoring.job_health.job IS 'The job, see maintenance.jobs.';

COMMENT ON COLUMN monitoring.job_health.enabled IS 'Whether it is to be done.';

COMMENT ON COLUMN monitoring.job_health.every IS 'How often it has to be done.';

COMMENT ON COLUMN monitoring.job_health.last_run_at IS 'When it was begun last; null if never.';

COMMENT ON COLUMN monitoring.job_health.last_took IS 'How long that took.';

COMMENT ON COLUMN monitoring.job_health.last_done_at IS 'When it was begun last and then done; null if never.';

COMMENT ON COLUMN monitoring.job_health.failures IS 'Runs of the last 7 days that failed.';

COMMENT ON COLUMN monitoring.job_health.is_failing IS 'Whether its last run failed.';

COMMENT ON COLUMN monitoring.job_health.is_missed IS 'Whether it was not done for twice its time, or never, although it is enabled.';

COMMENT ON COLUMN monitoring.job_health.error IS 'Why its last run failed; null if it did not.';

CREATE VIEW monitoring.long_transactions AS
 SELECT a.pid,
    (a.usename)::text AS role,
    (a.datname)::text AS database,
    a.application_name,
    a.state,
    a.xact_start AS started_at,
    (clock_timestamp() - a.xact_start) AS open_for,
        CASE
            WHEN (a.state ~~ 'idle in transaction%'::text) THEN (clock_timestamp() - a.state_change)
            ELSE NULL::interval
        END AS idle_for,
    age(a.backend_xmin) AS holds_back,
    concat_ws(': '::text, a.wait_event_type, a.wait_event) AS waits_for,
    "left"(a.query, 1000) AS query
   FROM pg_stat_activity a
  WHERE ((a.xact_start < (clock_timestamp() - '00:01:00'::interval)) AND (a.backend_type <> 'walsender'::text) AND (a.pid <> pg_backend_pid()))
UNION ALL
 SELECT NULL::integer AS pid,
    (x.owner)::text AS role,
    (x.database)::text AS database,
    ('prepared transaction '::text || x.gid) AS application_name,
    'prepared'::text AS state,
    x.prepared AS started_at,
    (clock_timestamp() - x.prepared) AS open_for,
    (clock_timestamp() - x.prepared) AS idle_for,
    age(x.transaction) AS holds_back,
    NULL::text AS waits_for,
    NULL::text AS query
   FROM pg_prepared_xacts x
  WHERE (x.prepared < (clock_timestamp() - '00:01:00'::interval))
  ORDER BY 6;

COMMENT ON VIEW monitoring.long_transactions IS 'Transactions of the server that are open for more than a minute, the oldest first: while one is, VACUUM keeps what has died since. Autovacuum too; only members of pg_read_all_stats see those of others.';

COMMENT ON COLUMN monitoring.long_transactions.pid IS 'Its process, for pg_terminate_backend; null for a prepared one (ROLLBACK PREPARED).';

COMMENT ON COLUMN monitoring.long_transactions.role IS 'The role that logged in; null for autovacuum.';

COMMENT ON COLUMN monitoring.long_transactions.database IS 'The database.';

COMMENT ON COLUMN monitoring.long_transactions.application_name IS 'What the client calls itself.';

COMMENT ON COLUMN monitoring.long_transactions.state IS 'active, idle in transaction, idle in transaction (aborted) or prepared.';

COMMENT ON COLUMN monitoring.long_transactions.started_at IS 'When it began.';

COMMENT ON COLUMN monitoring.long_transactions.open_for IS 'How long it is open.';

COMMENT ON COLUMN monitoring.long_transactions.idle_for IS 'How long it has done nothing; null while it does something.';

COMMENT ON COLUMN monitoring.long_transactions.holds_back IS 'Transactions that have begun since the oldest that it can see; null if it holds none back.';

COMMENT ON COLUMN monitoring.long_transactions.waits_for IS 'What it waits for; empty for nothing.';

COMMENT ON COLUMN monitoring.long_transactions.query IS 'Its last statement, the first 1000 characters.';

CREATE VIEW monitoring.missing_indexes AS
 WITH parts AS (
         SELECT COALESCE((pg_partition_root((t.relid)::regclass))::oid, t.relid) AS table_id,
            t.seq_scan,
            t.seq_tup_read,
            COALESCE(t.idx_scan, (0)::bigint) AS idx_scan,
            t.n_live_tup
           FROM pg_stat_user_tables t
        ), tables AS (
         SELECT p.table_id,
            (sum(p.seq_scan))::bigint AS seq_scans,
            (sum(p.seq_tup_read))::bigint AS seq_rows,
            (sum(p.idx_scan))::bigint AS index_scans,
            (sum(p.n_live_tup))::bigint AS live_rows
           FROM parts p
          GROUP BY p.table_id
        )
 SELECT ((k.conrelid)::regclass)::text AS table_name,
    'foreign_key'::text AS reason,
    ( SELECT string_agg(((a.attname)::text COLLATE "default"), ', '::text ORDER BY u.place) AS string_agg
           FROM (unnest(k.conkey) WITH ORDINALITY u(attnum, place)
             JOIN pg_attribute a ON (((a.attrelid = k.conrelid) AND (a.attnum = u.attnum))))) AS columns,
    COALESCE(t.live_rows, (0)::bigint) AS live_rows,
    COALESCE(t.seq_scans, (0)::bigint) AS seq_scans,
    COALESCE(t.seq_rows, (0)::bigint) AS seq_rows,
    COALESCE(t.index_scans, (0)::bigint) AS index_scans,
    format('A change of a row of %s reads all of %s: make an index that leads with these columns.'::text, (k.confrelid)::regclass, (k.conrelid)::regclass) AS advice
   FROM (((pg_constraint k
     JOIN pg_class c ON ((c.oid = k.conrelid)))
     JOIN pg_namespace n ON ((n.oid = c.relnamespace)))
     LEFT JOIN tables t ON ((t.table_id = k.conrelid)))
  WHERE ((k.contype = 'f'::"char") AND (k.conparentid = (0)::oid) AND (n.nspname <> ALL (ARRAY['partman'::name, 'cron'::name])) AND (NOT (EXISTS ( SELECT
           FROM pg_index i
          WHERE ((i.indrelid = k.conrelid) AND i.indisvalid AND ((((i.indkey)::smallint[])[0:(cardinality(k.conkey) - 1)] @> k.conkey) OR (i.indisunique AND (i.indpred IS NULL) AND (k.conkey @> ((i.indkey)::smallint[])[0:(i.indnkeyatts - 1)]))) AND ((i.indpred IS NULL) OR (pg_get_expr(i.indpred, i.indrelid) ~ '^\((\w+ IS NOT NULL)\)$'::text)))))))
UNION ALL
 SELECT ((t.table_id)::regclass)::text AS table_name,
    'sequential_scans'::text AS reason,
    NULL::text AS columns,
    t.live_rows,
    t.seq_scans,
    t.seq_rows,
    t.index_scans,
    'Read again and again from end to end: look for its statements in monitoring.slow_queries.'::text AS advice
   FROM ((tables t
     JOIN pg_class c ON ((c.oid = t.table_id)))
     JOIN pg_namespace n ON ((n.oid = c.relnamespace)))
  WHERE ((t.live_rows >= 10000) AND (t.seq_scans >= 10) AND (t.seq_rows >= (10 * t.live_rows)) AND (n.nspname <> ALL (ARRAY['partman'::name, 'cron'::name])))
  ORDER BY 6 DESC, 1, 2, 3;

COMMENT ON VIEW monitoring.missing_indexes IS 'Foreign keys that no index leads with, and tables of 10000 rows or more that were read from end to end ten times or more since the statistics were reset. Partitions count together.';

COMMENT ON COLUMN monitoring.missing_indexes.table_name IS 'The table; the whole one where it is partitioned.';

COMMENT ON COLUMN monitoring.missing_indexes.reason IS 'foreign_key or sequential_scans.';

COMMENT ON COLUMN monitoring.missing_indexes.columns IS 'The columns that an index should lead with; null where the statistics do not tell.';

COMMENT ON COLUMN monitoring.missing_indexes.live_rows IS 'Rows of the table, an estimate.';

COMMENT ON COLUMN monitoring.missing_indexes.seq_scans IS 'Sequential scans since the statistics were reset, each partition counted.';

COMMENT ON COLUMN monitoring.missing_indexes.seq_rows IS 'Rows that these have read.';

COMMENT ON COLUMN monitoring.missing_indexes.index_scans IS 'Index scans in the same time.';

COMMENT ON COLUMN monitoring.missing_indexes.advice IS 'What to do.';

CREATE VIEW monitoring.partition_health AS
 WITH settings AS (
         SELECT d_1.key,
            (COALESCE(s.value, d_1.default_value))::integer AS ahead
           FROM (config.definitions d_1
             LEFT JOIN config.system_settings s ON ((s.key = d_1.key)))
          WHERE ((d_1.section = 'system_settings'::text) AND (d_1.key ~~ 'partitions.ahead\_%'::text))
        ), parents AS (
         SELECT c_1.oid,
            n.nspname,
            c_1.relname,
            a.attname,
            e.every,
            ((k.parent_table IS NOT NULL) OR ((n.nspname = 'positions'::name) AND (c_1.relname = 'events'::name))) AS is_kept,
            ( SELECT ((date_trunc(
                        CASE
                            WHEN (e.every >= '1 year'::interval) THEN 'year'::text
                            WHEN (e.every >= '1 mon'::interval) THEN 'month'::text
                            ELSE 'day'::text
                        END, (now() AT TIME ZONE 'UTC'::text)) + ((s.ahead)::double precision * e.every)) AT TIME ZONE 'UTC'::text) AS timezone
                   FROM settings s
                  WHERE (s.key =
                        CASE
                            WHEN (e.every >= '1 year'::interval) THEN 'partitions.ahead_years'::text
                            WHEN (e.every >= '1 mon'::interval) THEN 'partitions.ahead_months'::text
                            ELSE 'partitions.ahead_days'::text
                        END)) AS made_to
           FROM (((((pg_partitioned_table p_1
             JOIN pg_class c_1 ON ((c_1.oid = p_1.partrelid)))
             JOIN pg_namespace n ON ((n.oid = c_1.relnamespace)))
             JOIN pg_attribute a ON (((a.attrelid = c_1.oid) AND (a.attnum = p_1.partattrs[0]) AND (a.atttypid = ANY (ARRAY[('timestamp with time zone'::regtype)::oid, ('timestamp without time zone'::regtype)::oid, ('date'::regtype)::oid])))))
             LEFT JOIN partman.part_config k ON ((k.parent_table = format('%s.%s'::text, n.nspname, c_1.relname))))
             CROSS JOIN LATERAL ( SELECT COALESCE((k.partition_interval)::interval, '1 mon'::interval) AS "coalesce") e(every))
          WHERE ((p_1.partstrat = 'r'::"char") AND (NOT c_1.relispartition))
        ), parts AS (
         SELECT p_1.oid AS parent_id,
            c_1.oid,
            (pg_get_expr(c_1.relpartbound, c_1.oid) = 'DEFAULT'::text) AS is_default,
                CASE
                    WHEN (pg_get_expr(c_1.relpartbound, c_1.oid) ~ 'FROM \(MINVALUE\)'::text) THEN '-infinity'::timestamp with time zone
                    ELSE (b_1.bounds[1])::timestamp with time zone
                END AS from_at,
                CASE
                    WHEN (pg_get_expr(c_1.relpartbound, c_1.oid) ~ 'TO \(MAXVALUE\)'::text) THEN 'infinity'::timestamp with time zone
                    ELSE (t.bounds[1])::timestamp with time zone
                END AS to_at
           FROM ((((parents p_1
             JOIN pg_inherits i ON ((i.inhparent = p_1.oid)))
             JOIN pg_class c_1 ON ((c_1.oid = i.inhrelid)))
             LEFT JOIN LATERAL regexp_match(pg_get_expr(c_1.relpartbound, c_1.oid), 'FROM \(''([^'']+)''\)'::text) b_1(bounds) ON (true))
             LEFT JOIN LATERAL regexp_match(pg_get_expr(c_1.relpartbound, c_1.oid), 'TO \(''([^'']+)''\)'::text) t(bounds) ON (true))
        ), neighbours AS (
         SELECT r.parent_id,
            r.from_at,
            r.to_at,
            lead(r.from_at) OVER (PARTITION BY r.parent_id ORDER BY r.from_at) AS next_from
           FROM parts r
          WHERE (NOT r.is_default)
        ), bounds AS (
         SELECT b_1.parent_id,
            count(*) AS partitions,
            min(b_1.from_at) AS oldest_from,
            max(b_1.to_at) AS newest_to,
            count(*) FILTER (WHERE (b_1.next_from > b_1.to_at)) AS gaps,
            count(*) FILTER (WHERE ((b_1.next_from > b_1.to_at) AND (b_1.next_from > now()))) AS gaps_ahead,
            min(b_1.to_at) FILTER (WHERE ((b_1.next_from > b_1.to_at) AND (b_1.next_from > now()))) AS gap_from,
            COALESCE(bool_or(((b_1.from_at <= now()) AND (b_1.to_at > now()))), false) AS holds_now
           FROM neighbours b_1
          GROUP BY b_1.parent_id
        ), leftovers AS (
         SELECT p_1.oid AS parent_id,
            count(*) AS detached,
            (sum(pg_total_relation_size((c_1.oid)::regclass)))::bigint AS detached_bytes
           FROM ((parents p_1
             JOIN pg_namespace n ON ((n.nspname = p_1.nspname)))
             JOIN pg_class c_1 ON (((c_1.relnamespace = n.oid) AND (c_1.relkind = 'r'::"char") AND (NOT c_1.relispartition))))
          WHERE ((starts_with((c_1.relname)::text, (p_1.relname)::text) AND (substr((c_1.relname)::text, (length((p_1.relname)::text) + 1)) ~ '^(_p\d{4}|_y\d{4}m\d{2}$)'::text)) OR starts_with(obj_description(c_1.oid, 'pg_class'::name), format('Detached from %s.%s '::text, p_1.nspname, p_1.relname)))
          GROUP BY p_1.oid
        )
 SELECT format('%s.%s'::text, p.nspname, p.relname) AS table_name,
    (p.attname)::text AS by_column,
    p.every,
    COALESCE(b.partitions, (0)::bigint) AS partitions,
    b.oldest_from,
    b.newest_to,
        CASE
            WHEN isfinite(b.newest_to) THEN (b.newest_to - now())
            ELSE NULL::interval
        END AS ahead,
    COALESCE(b.gaps, (0)::bigint) AS gaps,
    COALESCE(b.gaps_ahead, (0)::bigint) AS gaps_ahead,
    COALESCE(l.detached, (0)::bigint) AS detached,
    COALESCE(l.detached_bytes, (0)::bigint) AS detached_bytes,
    d.has_default,
    (f.problem IS NULL) AS is_ok,
    f.problem
   FROM (((((parents p
     LEFT JOIN bounds b ON ((b.parent_id = p.oid)))
     LEFT JOIN leftovers l ON ((l.parent_id = p.oid)))
     CROSS JOIN LATERAL ( SELECT (EXISTS ( SELECT
                   FROM parts r
                  WHERE ((r.parent_id = p.oid) AND r.is_default))) AS has_default) d)
     CROSS JOIN LATERAL ( SELECT (
                CASE
                    WHEN p.is_kept THEN 'SELECT maintenance.make_partitions()'::text
                    ELSE format('SELECT maintenance.partition(''%s.%s'', ''%s'', 3), which keeps it'::text, p.nspname, p.relname, p.every)
                END COLLATE "default") AS cure) c)
     CROSS JOIN LATERAL ( SELECT NULLIF(concat_ws('; '::text,
                CASE
                    WHEN (b.holds_now IS NOT TRUE) THEN ('no partition holds the present: '::text || c.cure)
                    ELSE NULL::text
                END,
                CASE
                    WHEN (b.holds_now AND (b.newest_to < LEAST((now() + GREATEST(p.every, '2 days'::interval)), p.made_to))) THEN ('the last partition ends too soon: '::text || c.cure)
                    ELSE NULL::text
                END,
                CASE
                    WHEN (b.gap_from < p.made_to) THEN format('no partition from %s on: %s'::text, b.gap_from, c.cure)
                    ELSE NULL::text
                END,
                CASE
                    WHEN d.has_default THEN 'a DEFAULT partition hides what has no partition: move its rows, drop it'::text
                    ELSE NULL::text
                END), ''::text) AS problem) f)
  ORDER BY (format('%s.%s'::text, p.nspname, p.relname));

COMMENT ON VIEW monitoring.partition_health IS 'A row is a table that is partitioned by time: how far its partitions reach, and whether that will do.';

COMMENT ON COLUMN monitoring.partition_health.table_name IS 'Schema and name of the table.';

COMMENT ON COLUMN monitoring.partition_health.by_column IS 'The time that it is partitioned by.';

COMMENT ON COLUMN monitoring.partition_health.every IS 'Time that a partition holds.';

COMMENT ON COLUMN monitoring.partition_health.partitions IS 'Number of partitions, without a DEFAULT one.';

COMMENT ON COLUMN monitoring.partition_health.oldest_from IS 'From when on there are partitions; null without any.';

COMMENT ON COLUMN monitoring.partition_health.newest_to IS 'Where the last partition ends, itself no part of it; null without any.';

COMMENT ON COLUMN monitoring.partition_health.ahead IS 'How far that is ahead of now; negative if it is past, null without partitions or an end.';

COMMENT ON COLUMN monitoring.partition_health.gaps IS 'Times between two partitions that none holds. Past ones are harmless: partitions of the past are made for the facts that come.';

COMMENT ON COLUMN monitoring.partition_health.gaps_ahead IS 'Of these, those that reach beyond now. One that begins beyond what is made ahead (partitions.ahead_*) is no fault: partitions there were made for facts of that time.';

COMMENT ON COLUMN monitoring.partition_health.detached IS 'Tables that were partitions of it and still stand: by retention, or by hand.';

COMMENT ON COLUMN monitoring.partition_health.detached_bytes IS 'Size of these with their indexes, in bytes.';

COMMENT ON COLUMN monitoring.partition_health.has_default IS 'Whether there is a DEFAULT partition; there should be none.';

COMMENT ON COLUMN monitoring.partition_health.is_ok IS 'Whether nothing has to be done: the present and the next interval (2 days at least, and no more than is made ahead) are held, without DEFAULT and without a gap in what is made ahead.';

COMMENT ON COLUMN monitoring.partition_health.problem IS 'What is wrong and its cure; null if nothing is.';

CREATE TABLE positions.log_head (
    recorded_at timestamp with time zone,
    log_position bigint DEFAULT 0 NOT NULL,
    book_id integer NOT NULL,
    CONSTRAINT head_has_a_time_once_it_has_an_event CHECK (((log_position = 0) = (recorded_at IS NULL))),
    CONSTRAINT log_position_is_not_negative CHECK ((log_position >= 0))
)
WITH (fillfactor='10');

COMMENT ON TABLE positions.log_head IS 'Where each book''s log ends. An append locks the row first and updates it last.';

COMMENT ON COLUMN positions.log_head.recorded_at IS 'recorded_at of the last event of the book; null until the first one.';

COMMENT ON COLUMN positions.log_head.log_position IS 'Log position of the last event of the book; 0 means before the first.';

COMMENT ON COLUMN positions.log_head.book_id IS 'The book, see positions.books.';

CREATE TABLE positions.projection_checkpoints (
    log_position bigint DEFAULT 0 NOT NULL,
    epoch bigint DEFAULT 0 NOT NULL,
    updated_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    progressed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    book_id integer NOT NULL,
    logic_version integer NOT NULL,
    slot smallint NOT NULL,
    owner text NOT NULL,
    built_at timestamp with time zone,
    retired_at timestamp with time zone,
    rebuilding_to bigint,
    rebuilt_events bigint DEFAULT 0 NOT NULL,
    rebuilt_through uuid,
    logic_fingerprint text DEFAULT ''::text NOT NULL,
    CONSTRAINT epoch_is_not_negative CHECK ((epoch >= 0)),
    CONSTRAINT log_position_is_not_negative CHECK ((log_position >= 0)),
    CONSTRAINT logic_version_is_positive CHECK ((logic_version >= 1)),
    CONSTRAINT rebuild_ends_at_a_position CHECK ((rebuilding_to >= 0)),
    CONSTRAINT rebuilt_events_are_not_negative CHECK ((rebuilt_events >= 0)),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3])))
)
WITH (fillfactor='10');

COMMENT ON TABLE positions.projection_checkpoints IS 'How far a generation has folded the log; written in one transaction with its rows.';

COMMENT ON COLUMN positions.projection_checkpoints.log_position IS 'Every event up to this log position is in the rows of the slot; 0 before the first.';

COMMENT ON COLUMN positions.projection_checkpoints.epoch IS 'Fencing number: a new owner raises it, and a writer with an older one writes nothing.';

COMMENT ON COLUMN positions.projection_checkpoints.updated_at IS 'When the row was last written, by the clock of the database.';

COMMENT ON COLUMN positions.projection_checkpoints.progressed_at IS 'When log_position last rose, by the clock of the database.';

COMMENT ON COLUMN positions.projection_checkpoints.book_id IS 'The book, see positions.books.';

COMMENT ON COLUMN positions.projection_checkpoints.logic_version IS 'Version of the folds that write the slot; a worker writes only its own version.';

COMMENT ON COLUMN positions.projection_checkpoints.slot IS 'The slot of the generation: 1, 2 or 3.';

COMMENT ON COLUMN positions.projection_checkpoints.owner IS 'Who writes the slot, for people to read: host and process.';

COMMENT ON COLUMN positions.projection_checkpoints.built_at IS 'When a rebuild of the slot ended, by the clock of the database; null if the log filled it.';

COMMENT ON COLUMN positions.projection_checkpoints.retired_at IS 'When somebody began to empty the slot, by the clock of the database; null unless that is so.';

COMMENT ON COLUMN positions.projection_checkpoints.rebuilding_to IS 'The log position that the slot is being rebuilt to; null when it is not being rebuilt.';

COMMENT ON COLUMN positions.projection_checkpoints.rebuilt_events IS 'Events that the rebuild under way has folded; 0 before and after.';

COMMENT ON COLUMN positions.projection_checkpoints.rebuilt_through IS 'Positions up to this id are rebuilt, in the order of ids; null before the first.';

COMMENT ON COLUMN positions.projection_checkpoints.logic_fingerprint IS 'What the folds make of a sample, in hexadecimal: tells logics of one version apart; empty until a worker has been there.';

CREATE TABLE positions.quarantine (
    since timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    log_position bigint NOT NULL,
    position_id uuid NOT NULL,
    event_id uuid,
    book_id integer NOT NULL,
    slot smallint NOT NULL,
    reason text NOT NULL,
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3])))
);

COMMENT ON TABLE positions.quarantine IS 'Positions whose fold stopped: their rows are the longest prefix that folds, marked stale.';

COMMENT ON COLUMN positions.quarantine.since IS 'When the position was quarantined, by the clock of the database.';

COMMENT ON COLUMN positions.quarantine.log_position IS 'Log position of the first event that could not be folded.';

COMMENT ON COLUMN positions.quarantine.position_id IS 'The position.';

COMMENT ON COLUMN positions.quarantine.event_id IS 'That event; null when no single event is to blame.';

COMMENT ON COLUMN positions.quarantine.book_id IS 'The book, see positions.books.';

COMMENT ON COLUMN positions.quarantine.slot IS 'The slot of the generation: 1, 2 or 3.';

COMMENT ON COLUMN positions.quarantine.reason IS 'Why it could not be folded, for people to read.';

CREATE VIEW monitoring.projection_lag AS
 SELECT b.name AS book,
    b.book_id,
    l.slot,
    h.log_position AS head,
    COALESCE(c.log_position, (0)::bigint) AS folded,
    (h.log_position - COALESCE(c.log_position, (0)::bigint)) AS events_behind,
        CASE
            WHEN (h.log_position > COALESCE(c.log_position, (0)::bigint)) THEN GREATEST((clock_timestamp() - COALESCE(c.progressed_at, b.created_at)), '00:00:00'::interval)
            ELSE '00:00:00'::interval
        END AS stands_still_for,
    h.recorded_at AS last_event_at,
    c.owner,
    l.logic_version,
    ( SELECT count(*) AS count
           FROM positions.quarantine q
          WHERE ((q.book_id = b.book_id) AND (q.slot = l.slot))) AS quarantined
   FROM (((positions.books b
     JOIN positions.log_head h ON ((h.book_id = b.book_id)))
     JOIN positions.live_slot l ON ((l.book_id = b.book_id)))
     LEFT JOIN positions.projection_checkpoints c ON (((c.book_id = b.book_id) AND (c.slot = l.slot))))
  ORDER BY (h.log_position - COALESCE(c.log_position, (0)::bigint)) DESC, b.name;

COMMENT ON VIEW monitoring.projection_lag IS 'A row is a book: how far its live projections are behind its log.';

COMMENT ON COLUMN monitoring.projection_lag.book IS 'Name of the book, see positions.books.';

COMMENT ON COLUMN monitoring.projection_lag.book_id IS 'The book, see positions.books.';

COMMENT ON COLUMN monitoring.projection_lag.slot IS 'The slot that is live: 1, 2 or 3.';

COMMENT ON COLUMN monitoring.projection_lag.head IS 'Log position of the last event; 0 before the first.';

COMMENT ON COLUMN monitoring.projection_lag.folded IS 'Log position up to which the live slot is folded; 0 before the first.';

COMMENT ON COLUMN monitoring.projection_lag.events_behind IS 'head - folded: events that readers do not see yet.';

COMMENT ON COLUMN monitoring.projection_lag.stands_still_for IS 'How long nothing was folded while something was to be; 0 when nothing is.';

COMMENT ON COLUMN monitoring.projection_lag.last_event_at IS 'recorded_at of the last event; null before the first.';

COMMENT ON COLUMN monitoring.projection_lag.owner IS 'Who writes the slot; null if nobody has yet.';

COMMENT ON COLUMN monitoring.projection_lag.logic_version IS 'Version of the folds of the live generation.';

COMMENT ON COLUMN monitoring.projection_lag.quarantined IS 'Positions of it whose fold stopped, see positions.quarantine.';

CREATE VIEW monitoring.replica_lag AS
 SELECT 'replica'::text AS kind,
    r.application_name AS name,
    r.client_addr,
    r.state,
    r.sync_state,
    (pg_wal_lsn_diff(w.lsn, r.sent_lsn))::bigint AS unsent_bytes,
    (pg_wal_lsn_diff(w.lsn, r.flush_lsn))::bigint AS unflushed_bytes,
    (pg_wal_lsn_diff(w.lsn, r.replay_lsn))::bigint AS lag_bytes,
    r.replay_lag AS lag,
    NULL::bigint AS retained_bytes,
    true AS is_active
   FROM (pg_stat_replication r
     CROSS JOIN ( SELECT
                CASE
                    WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn()
                    ELSE pg_current_wal_lsn()
                END AS lsn) w)
UNION ALL
 SELECT 'slot'::text AS kind,
    (s.slot_name)::text AS name,
    NULL::inet AS client_addr,
    s.wal_status AS state,
    s.slot_type AS sync_state,
    NULL::bigint AS unsent_bytes,
    (pg_wal_lsn_diff(w.lsn, s.confirmed_flush_lsn))::bigint AS unflushed_bytes,
    NULL::bigint AS lag_bytes,
    NULL::interval AS lag,
    (pg_wal_lsn_diff(w.lsn, s.restart_lsn))::bigint AS retained_bytes,
    s.active AS is_active
   FROM (pg_replication_slots s
     CROSS JOIN ( SELECT
                CASE
                    WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
                    ELSE pg_current_wal_lsn()
                END AS lsn) w)
UNION ALL
 SELECT 'self'::text AS kind,
    current_setting('cluster_name'::text) AS name,
    NULL::inet AS client_addr,
    'recovery'::text AS state,
    NULL::text AS sync_state,
    NULL::bigint AS unsent_bytes,
    NULL::bigint AS unflushed_bytes,
    (pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()))::bigint AS lag_bytes,
        CASE
            WHEN (pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn()) THEN '00:00:00'::interval
            ELSE (clock_timestamp() - pg_last_xact_replay_timestamp())
        END AS lag,
    NULL::bigint AS retained_bytes,
    true AS is_active
  WHERE pg_is_in_recovery();

COMMENT ON VIEW monitoring.replica_lag IS 'Replicas that follow this server, replication slots that keep WAL for one, and, on a replica, its own lag. Empty on a server without any.';

COMMENT ON COLUMN monitoring.replica_lag.kind IS 'replica (follows this server), slot (keeps WAL for somebody) or self (this is a replica).';

COMMENT ON COLUMN monitoring.replica_lag.name IS 'application_name of the replica, name of the slot, or cluster_name.';

COMMENT ON COLUMN monitoring.replica_lag.client_addr IS 'Address of the replica; null for a socket and for other kinds.';

COMMENT ON COLUMN monitoring.replica_lag.state IS 'State of the replica (streaming is well), or of the slot''s WAL (lost is past help).';

COMMENT ON COLUMN monitoring.replica_lag.sync_state IS 'async, sync, quorum or potential; of a slot physical or logical.';

COMMENT ON COLUMN monitoring.replica_lag.unsent_bytes IS 'WAL that was not sent yet, in bytes.';

COMMENT ON COLUMN monitoring.replica_lag.unflushed_bytes IS 'WAL that is not on the replica''s disk yet, in bytes: what a failover could lose.';

COMMENT ON COLUMN monitoring.replica_lag.lag_bytes IS 'WAL that readers of the replica do not see yet, in bytes.';

COMMENT ON COLUMN monitoring.replica_lag.lag IS 'How long ago what they see was current; null when idle or not known.';

COMMENT ON COLUMN monitoring.replica_lag.retained_bytes IS 'WAL that the slot keeps on this disk, in bytes; null for other kinds.';

COMMENT ON COLUMN monitoring.replica_lag.is_active IS 'Whether somebody is connected; a slot without anybody fills the disk.';

CREATE VIEW monitoring.slow_queries AS
 SELECT s.query_id,
    COALESCE((r.rolname)::text, (s.role_id)::text) AS role,
    s.calls,
    (s.mean_ms)::numeric(38,18) AS mean_ms,
    (s.max_ms)::numeric(38,18) AS max_ms,
    (s.stddev_ms)::numeric(38,18) AS stddev_ms,
    (s.total_ms)::numeric(38,18) AS total_ms,
    ((s.total_ms / NULLIF(sum(s.total_ms) OVER (), (0)::double precision)))::numeric(38,18) AS share_of_time,
    s.row_count,
    s.blocks_hit,
    s.blocks_read,
    s.temp_blocks,
    (s.wal_bytes)::bigint AS wal_bytes,
    (s.mean_ms > (t.slow_ms)::double precision) AS is_slow,
    s.query
   FROM ((monitoring.statements() s(query_id, role_id, calls, total_ms, mean_ms, max_ms, stddev_ms, row_count, blocks_hit, blocks_read, temp_blocks, wal_bytes, query)
     CROSS JOIN ( SELECT monitoring.slow_statement_ms() AS slow_ms) t)
     LEFT JOIN pg_roles r ON ((r.oid = s.role_id)))
  ORDER BY s.total_ms DESC;

COMMENT ON VIEW monitoring.slow_queries IS 'Statements of this database by the time that they took in all, the most first; those whose mean is over monitoring.slow_statement_ms are marked. Empty where pg_stat_statements is not there or not preloaded, see monitoring.statements().';

COMMENT ON COLUMN monitoring.slow_queries.query_id IS 'Hash of the statement without its constants; null for who may not see it.';

COMMENT ON COLUMN monitoring.slow_queries.role IS 'The role that ran it.';

COMMENT ON COLUMN monitoring.slow_queries.calls IS 'How often it was run since the statistics were reset.';

COMMENT ON COLUMN monitoring.slow_queries.mean_ms IS 'Mean time of a run, in milliseconds.';

COMMENT ON COLUMN monitoring.slow_queries.max_ms IS 'Longest time of a run, in milliseconds.';

COMMENT ON COLUMN monitoring.slow_queries.stddev_ms IS 'Standard deviation of the time of a run, in milliseconds.';

COMMENT ON COLUMN monitoring.slow_queries.total_ms IS 'Time of all runs, in milliseconds.';

COMMENT ON COLUMN monitoring.slow_queries.share_of_time IS 'Its part of the time of all statements of this database, 0 to 1.';

COMMENT ON COLUMN monitoring.slow_queries.row_count IS 'Rows that it gave or changed, in all runs.';

COMMENT ON COLUMN monitoring.slow_queries.blocks_hit IS 'Blocks of 8 KiB found in shared buffers, in all runs.';

COMMENT ON COLUMN monitoring.slow_queries.blocks_read IS 'Blocks of 8 KiB that were read, in all runs.';

COMMENT ON COLUMN monitoring.slow_queries.temp_blocks IS 'Blocks of 8 KiB written to temporary files, in all runs: it lacked work_mem.';

COMMENT ON COLUMN monitoring.slow_queries.wal_bytes IS 'WAL that it made, in bytes, in all runs.';

COMMENT ON COLUMN monitoring.slow_queries.is_slow IS 'Whether the mean is over monitoring.slow_statement_ms.';

COMMENT ON COLUMN monitoring.slow_queries.query IS 'The statement, constants as $1 …; <insufficient privilege> for who may not see it.';

CREATE VIEW monitoring.unused_indexes AS
 WITH parts AS (
         SELECT COALESCE((pg_partition_root((x.indexrelid)::regclass))::oid, x.indexrelid) AS index_id,
            x.idx_scan AS scans,
            pg_relation_size((x.indexrelid)::regclass) AS size_bytes,
            COALESCE(((t.n_tup_ins + t.n_tup_upd) - t.n_tup_hot_upd), (0)::bigint) AS writes
           FROM (pg_stat_user_indexes x
             JOIN pg_stat_user_tables t ON ((t.relid = x.relid)))
        ), sums AS (
         SELECT p.index_id,
            count(*) AS parts,
            (sum(p.scans))::bigint AS scans,
            (sum(p.size_bytes))::bigint AS size_bytes,
            (sum(p.writes))::bigint AS writes
           FROM parts p
          GROUP BY p.index_id
        )
 SELECT format('%s.%s'::text, n.nspname, c.relname) AS index_name,
    ((i.indrelid)::regclass)::text AS table_name,
    (a.amname)::text AS method,
    s.parts,
    s.size_bytes,
    s.scans,
    s.writes,
    d.stats_reset AS counted_since,
    obj_description(c.oid, 'pg_class'::name) AS serves
   FROM (((((sums s
     JOIN pg_class c ON ((c.oid = s.index_id)))
     JOIN pg_namespace n ON ((n.oid = c.relnamespace)))
     JOIN pg_index i ON ((i.indexrelid = c.oid)))
     JOIN pg_am a ON ((a.oid = c.relam)))
     JOIN pg_stat_database d ON ((d.datname = current_database())))
  WHERE ((s.scans = 0) AND (NOT i.indisunique) AND (NOT i.indisexclusion) AND (n.nspname <> ALL (ARRAY['partman'::name, 'cron'::name])))
  ORDER BY s.size_bytes DESC, (format('%s.%s'::text, n.nspname, c.relname));

COMMENT ON VIEW monitoring.unused_indexes IS 'Indexes that keep no truth and that no query has used since the statistics were reset, here; replicas count for themselves. Partitions are counted together. Before dropping one, see sql/docs/indexes.md and the replicas.';

COMMENT ON COLUMN monitoring.unused_indexes.index_name IS 'Schema and name of the index; of the whole one where the table is partitioned.';

COMMENT ON COLUMN monitoring.unused_indexes.table_name IS 'The table, or the materialized view.';

COMMENT ON COLUMN monitoring.unused_indexes.method IS 'btree, hash, gin, gist or brin.';

COMMENT ON COLUMN monitoring.unused_indexes.parts IS 'Number of indexes of partitions that are counted together, 1 without partitions.';

COMMENT ON COLUMN monitoring.unused_indexes.size_bytes IS 'Size of all parts, in bytes.';

COMMENT ON COLUMN monitoring.unused_indexes.scans IS 'Scans since counted_since: 0.';

COMMENT ON COLUMN monitoring.unused_indexes.writes IS 'Rows inserted, and updated other than heap-only, since counted_since: each wrote the index.';

COMMENT ON COLUMN monitoring.unused_indexes.counted_since IS 'When the statistics of the database were reset; null if never.';

COMMENT ON COLUMN monitoring.unused_indexes.serves IS 'What the index was made for: its comment.';

CREATE TABLE opportunities.detected (
    opportunity_id uuid DEFAULT gen_random_uuid() NOT NULL,
    detected_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    status_changed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    expires_at timestamp with time zone,
    snapshot_at timestamp with time zone,
    score numeric(38,18) NOT NULL,
    spread numeric(38,18) NOT NULL,
    notional_max numeric(38,18),
    status text DEFAULT 'detected'::text NOT NULL,
    status_reason text,
    strategy text NOT NULL,
    asset text NOT NULL,
    long_exchange text NOT NULL,
    long_symbol text NOT NULL,
    short_exchange text NOT NULL,
    short_symbol text NOT NULL,
    components jsonb NOT NULL,
    CONSTRAINT asset_is_plain CHECK (((asset COLLATE "C") ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$'::text)),
    CONSTRAINT components_are_an_object CHECK ((jsonb_typeof(components) = 'object'::text)),
    CONSTRAINT expiry_is_after_detection CHECK ((expires_at > detected_at)),
    CONSTRAINT legs_are_two CHECK (((long_exchange <> short_exchange) OR (long_symbol <> short_symbol))),
    CONSTRAINT notional_max_is_positive CHECK (((notional_max > (0)::numeric) AND (notional_max <> 'NaN'::numeric))),
    CONSTRAINT score_is_0_to_100 CHECK (((score >= (0)::numeric) AND (score <= (100)::numeric))),
    CONSTRAINT snapshot_is_not_after_detection CHECK ((snapshot_at <= detected_at)),
    CONSTRAINT spread_is_a_fraction CHECK (((spread >= ('-2'::integer)::numeric) AND (spread <= (2)::numeric))),
    CONSTRAINT status_is_known CHECK ((status = ANY (ARRAY['detected'::text, 'qualified'::text, 'executing'::text, 'executed'::text, 'expired'::text, 'rejected'::text, 'failed'::text]))),
    CONSTRAINT status_reason_has_1_to_256_characters CHECK (((length(status_reason) >= 1) AND (length(status_reason) <= 256))),
    CONSTRAINT strategy_is_plain CHECK (((strategy COLLATE "C") ~ '^[a-z0-9][a-z0-9_.-]{0,63}$'::text)),
    CONSTRAINT symbols_have_1_to_64_characters_without_space CHECK ((((length(long_symbol) >= 1) AND (length(long_symbol) <= 64)) AND ((length(short_symbol) >= 1) AND (length(short_symbol) <= 64)) AND ((long_symbol || short_symbol) !~ '[[:space:][:cntrl:]]'::text)))
)
PARTITION BY RANGE (detected_at);

COMMENT ON TABLE opportunities.detected IS 'A row is an opportunity: to be long of one instrument and short of another. By month of detected_at, UTC. What was detected stays; its status moves on, see opportunities.guard.';

COMMENT ON COLUMN opportunities.detected.opportunity_id IS 'Identity of the opportunity.';

COMMENT ON COLUMN opportunities.detected.detected_at IS 'When it was detected.';

COMMENT ON COLUMN opportunities.detected.status_changed_at IS 'When its status changed last, by the clock of the database.';

COMMENT ON COLUMN opportunities.detected.expires_at IS 'When it ends by itself, mostly the next settlement; null if that is not known.';

COMMENT ON COLUMN opportunities.detected.snapshot_at IS 'The snapshot that it was found in, see funding.snapshots; null if in none.';

COMMENT ON COLUMN opportunities.detected.score IS 'UOS score, in points, 0 to 100.';

COMMENT ON COLUMN opportunities.detected.spread IS 'Rate of the short leg less that of the long one, fraction per 8 hours, -2 to 2.';

COMMENT ON COLUMN opportunities.detected.notional_max IS 'Greatest notional of one leg that the books bear, in USD; null if that is not known.';

COMMENT ON COLUMN opportunities.detected.status IS 'detected, qualified, executing, executed, expired, rejected or failed.';

COMMENT ON COLUMN opportunities.detected.status_reason IS 'Why it has its status, 1 to 256 characters; null if that needs no word.';

COMMENT ON COLUMN opportunities.detected.strategy IS 'The strategy, see config.strategy_parameters.';

COMMENT ON COLUMN opportunities.detected.asset IS 'The asset that both legs are of.';

COMMENT ON COLUMN opportunities.detected.long_exchange IS 'Exchange of the long leg, see config.exchanges.';

COMMENT ON COLUMN opportunities.detected.long_symbol IS 'What that exchange calls its instrument.';

COMMENT ON COLUMN opportunities.detected.short_exchange IS 'Exchange of the short leg, see config.exchanges.';

COMMENT ON COLUMN opportunities.detected.short_symbol IS 'What that exchange calls its instrument.';

COMMENT ON COLUMN opportunities.detected.components IS 'What the score is made of, an object: {funding, liquidity, stability, risk, …} in points.';

CREATE TABLE opportunities.executions (
    execution_id uuid DEFAULT gen_random_uuid() NOT NULL,
    opportunity_id uuid NOT NULL,
    position_id uuid,
    detected_at timestamp with time zone NOT NULL,
    started_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    first_fill_at timestamp with time zone,
    ended_at timestamp with time zone,
    quantity numeric(38,18),
    long_price_expected numeric(38,18) NOT NULL,
    long_price_actual numeric(38,18),
    short_price_expected numeric(38,18) NOT NULL,
    short_price_actual numeric(38,18),
    long_slippage numeric(38,18) GENERATED ALWAYS AS (round(((long_price_actual - long_price_expected) / long_price_expected), 18)) STORED,
    short_slippage numeric(38,18) GENERATED ALWAYS AS (round(((short_price_expected - short_price_actual) / short_price_expected), 18)) STORED,
    attempt integer DEFAULT 1 NOT NULL,
    status text DEFAULT 'running'::text NOT NULL,
    error text,
    CONSTRAINT attempt_is_positive CHECK ((attempt >= 1)),
    CONSTRAINT error_has_1_to_1024_characters CHECK (((length(error) >= 1) AND (length(error) <= 1024))),
    CONSTRAINT execution_has_an_end_unless_it_runs CHECK (((status = 'running'::text) = (ended_at IS NULL))),
    CONSTRAINT execution_has_an_error_if_it_failed CHECK (((status = 'failed'::text) = (error IS NOT NULL))),
    CONSTRAINT execution_is_filled_with_a_position_and_prices CHECK (((status <> 'filled'::text) OR (num_nulls(position_id, quantity, long_price_actual, short_price_actual) = 0))),
    CONSTRAINT execution_was_started_after_detection CHECK ((started_at >= detected_at)),
    CONSTRAINT prices_are_positive CHECK (((long_price_expected > (0)::numeric) AND (long_price_expected <> 'NaN'::numeric) AND (short_price_expected > (0)::numeric) AND (short_price_expected <> 'NaN'::numeric) AND (long_price_actual > (0)::numeric) AND (long_price_actual <> 'NaN'::numeric) AND (short_price_actual > (0)::numeric) AND (short_price_actual <> 'NaN'::numeric))),
    CONSTRAINT quantity_is_positive CHECK (((quantity > (0)::numeric) AND (quantity <> 'NaN'::numeric))),
    CONSTRAINT status_is_known CHECK ((status = ANY (ARRAY['running'::text, 'filled'::text, 'failed'::text]))),
    CONSTRAINT times_are_in_order CHECK (((first_fill_at >= started_at) AND (ended_at >= started_at)))
)
PARTITION BY RANGE (detected_at);

COMMENT ON TABLE opportunities.executions IS 'A row is an attempt to make a position of an opportunity. By month of detected_at, UTC.';

COMMENT ON COLUMN opportunities.executions.execution_id IS 'Identity of the execution.';

COMMENT ON COLUMN opportunities.executions.opportunity_id IS 'The opportunity, see opportunities.detected.';

COMMENT ON COLUMN opportunities.executions.position_id IS 'The position, see positions.streams; null until there is one. Without a foreign key: the events of a position may wait in an outbox. See opportunities.orphans.';

COMMENT ON COLUMN opportunities.executions.detected_at IS 'When the opportunity was detected.';

COMMENT ON COLUMN opportunities.executions.started_at IS 'When the first order was sent.';

COMMENT ON COLUMN opportunities.executions.first_fill_at IS 'When the first order was filled, in part or whole; null before.';

COMMENT ON COLUMN opportunities.executions.ended_at IS 'When both legs stood, or it was given up; null while it runs.';

COMMENT ON COLUMN opportunities.executions.quantity IS 'Quantity of one leg, in units of the asset; null before it is known.';

COMMENT ON COLUMN opportunities.executions.long_price_expected IS 'Price of the long leg when it was decided, in its quote asset.';

COMMENT ON COLUMN opportunities.executions.long_price_actual IS 'Average price of the long leg''s fills, in its quote asset; null before they are known.';

COMMENT ON COLUMN opportunities.executions.short_price_expected IS 'Price of the short leg when it was decided, in its quote asset.';

COMMENT ON COLUMN opportunities.executions.short_price_actual IS 'Average price of the short leg''s fills, in its quote asset; null before they are known.';

COMMENT ON COLUMN opportunities.executions.long_slippage IS 'What the long leg cost more than expected, fraction of the expected price; negative if less.';

COMMENT ON COLUMN opportunities.executions.short_slippage IS 'What the short leg brought less than expected, fraction of the expected price; negative if more.';

COMMENT ON COLUMN opportunities.executions.attempt IS 'Which attempt of the opportunity it is, from 1.';

COMMENT ON COLUMN opportunities.executions.status IS 'running, filled or failed.';

COMMENT ON COLUMN opportunities.executions.error IS 'What went wrong, 1 to 1024 characters, without secrets; null unless it failed.';

CREATE VIEW opportunities.execution_quality AS
 SELECT e.execution_id,
    e.opportunity_id,
    e.position_id,
    e.attempt,
    e.status,
    d.strategy,
    d.asset,
    d.long_exchange,
    d.short_exchange,
    e.detected_at,
    e.started_at,
    e.first_fill_at,
    e.ended_at,
    e.quantity,
    e.long_price_expected,
    e.long_price_actual,
    e.short_price_expected,
    e.short_price_actual,
    e.long_slippage,
    e.short_slippage,
    e.error
   FROM (opportunities.executions e
     JOIN opportunities.detected d ON (((d.opportunity_id = e.opportunity_id) AND (d.detected_at = e.detected_at))));

COMMENT ON VIEW opportunities.execution_quality IS 'Executions with what they were of, for every service.';

COMMENT ON COLUMN opportunities.execution_quality.execution_id IS 'Identity of the execution.';

COMMENT ON COLUMN opportunities.execution_quality.opportunity_id IS 'The opportunity.';

COMMENT ON COLUMN opportunities.execution_quality.position_id IS 'The position; null until there is one.';

COMMENT ON COLUMN opportunities.execution_quality.attempt IS 'Which attempt of the opportunity it is.';

COMMENT ON COLUMN opportunities.execution_quality.status IS 'running, filled or failed.';

COMMENT ON COLUMN opportunities.execution_quality.strategy IS 'The strategy.';

COMMENT ON COLUMN opportunities.execution_quality.asset IS 'The asset that both legs are of.';

COMMENT ON COLUMN opportunities.execution_quality.long_exchange IS 'Exchange of the long leg.';

COMMENT ON COLUMN opportunities.execution_quality.short_exchange IS 'Exchange of the short leg.';

COMMENT ON COLUMN opportunities.execution_quality.detected_at IS 'When the opportunity was detected.';

COMMENT ON COLUMN opportunities.execution_quality.started_at IS 'When the first order was sent.';

COMMENT ON COLUMN opportunities.execution_quality.first_fill_at IS 'When the first order was filled; null before.';

COMMENT ON COLUMN opportunities.execution_quality.ended_at IS 'When it ended; null while it runs.';

COMMENT ON COLUMN opportunities.execution_quality.quantity IS 'Quantity of one leg, in units of the asset.';

COMMENT ON COLUMN opportunities.execution_quality.long_price_expected IS 'Price of the long leg when it was decided, in its quote asset.';

COMMENT ON COLUMN opportunities.execution_quality.long_price_actual IS 'Average price of the long leg''s fills, in its quote asset.';

COMMENT ON COLUMN opportunities.execution_quality.short_price_expected IS 'Price of the short leg when it was decided, in its quote asset.';

COMMENT ON COLUMN opportunities.execution_quality.short_price_actual IS 'Average price of the short leg''s fills, in its quote asset.';

COMMENT ON COLUMN opportunities.execution_quality.long_slippage IS 'What the long leg cost more than expected, fraction of the expected price.';

COMMENT ON COLUMN opportunities.execution_quality.short_slippage IS 'What the short leg brought less than expected, fraction of the expected price.';

COMMENT ON COLUMN opportunities.execution_quality.error IS 'What went wrong; null unless it failed.';

CREATE VIEW opportunities.known AS
 SELECT d.opportunity_id,
    d.detected_at,
    d.strategy,
    d.asset,
    d.long_exchange,
    d.long_symbol,
    d.short_exchange,
    d.short_symbol,
    d.score,
    d.components,
    d.spread,
    d.notional_max,
    d.status,
    d.status_reason,
    d.status_changed_at,
    d.expires_at,
    d.snapshot_at
   FROM opportunities.detected d;

COMMENT ON VIEW opportunities.known IS 'All opportunities, for every service.';

COMMENT ON COLUMN opportunities.known.opportunity_id IS 'Identity of the opportunity.';

COMMENT ON COLUMN opportunities.known.detected_at IS 'When it was detected.';

COMMENT ON COLUMN opportunities.known.strategy IS 'The strategy.';

COMMENT ON COLUMN opportunities.known.asset IS 'The asset that both legs are of.';

COMMENT ON COLUMN opportunities.known.long_exchange IS 'Exchange of the long leg.';

COMMENT ON COLUMN opportunities.known.long_symbol IS 'What that exchange calls its instrument.';

COMMENT ON COLUMN opportunities.known.short_exchange IS 'Exchange of the short leg.';

COMMENT ON COLUMN opportunities.known.short_symbol IS 'What that exchange calls its instrument.';

COMMENT ON COLUMN opportunities.known.score IS 'UOS score, in points, 0 to 100.';

COMMENT ON COLUMN opportunities.known.components IS 'What the score is made of, in points.';

COMMENT ON COLUMN opportunities.known.spread IS 'Rate of the short leg less that of the long one, fraction per 8 hours.';

COMMENT ON COLUMN opportunities.known.notional_max IS 'Greatest notional of one leg, in USD; null if that is not known.';

COMMENT ON COLUMN opportunities.known.status IS 'State of its life.';

COMMENT ON COLUMN opportunities.known.status_reason IS 'Why it has its status; null if that needs no word.';

COMMENT ON COLUMN opportunities.known.status_changed_at IS 'When its status changed last.';

COMMENT ON COLUMN opportunities.known.expires_at IS 'When it ends by itself; null if that is not known.';

COMMENT ON COLUMN opportunities.known.snapshot_at IS 'The snapshot that it was found in; null if in none.';

CREATE VIEW opportunities.orphans AS
 SELECT e.position_id,
    e.execution_id,
    e.opportunity_id,
    e.detected_at,
    e.started_at,
    e.status
   FROM opportunities.executions e
  WHERE ((e.position_id IS NOT NULL) AND (NOT (EXISTS ( SELECT
           FROM (positions.books b
             JOIN positions.streams s ON ((s.book_id = b.book_id)))
          WHERE (s.position_id = e.position_id)))));

COMMENT ON VIEW opportunities.orphans IS 'Executions whose position the ledger does not know: its events wait in an outbox, or were never sent. For every service.';

COMMENT ON COLUMN opportunities.orphans.position_id IS 'The position that is not in positions.streams.';

COMMENT ON COLUMN opportunities.orphans.execution_id IS 'The execution.';

COMMENT ON COLUMN opportunities.orphans.opportunity_id IS 'The opportunity.';

COMMENT ON COLUMN opportunities.orphans.detected_at IS 'When the opportunity was detected.';

COMMENT ON COLUMN opportunities.orphans.started_at IS 'When the first order was sent.';

COMMENT ON COLUMN opportunities.orphans.status IS 'running, filled or failed.';

CREATE TABLE positions.active_rows (
    opened_at timestamp with time zone NOT NULL,
    oldest_mark_at timestamp with time zone,
    changed_at timestamp with time zone NOT NULL,
    version bigint NOT NULL,
    revision bigint NOT NULL,
    log_position bigint NOT NULL,
    position_id uuid NOT NULL,
    book_id integer NOT NULL,
    leg_count integer NOT NULL,
    slot smallint NOT NULL,
    base_delta numeric(38,18),
    realized numeric(38,18),
    fees numeric(38,18),
    funding numeric(38,18),
    adjustments numeric(38,18),
    net numeric(38,18),
    entry_basis numeric(38,18),
    worst_margin_ratio numeric(38,18),
    nearest_liquidation_distance numeric(38,18),
    unrealized numeric(38,18),
    strategy text NOT NULL,
    asset text NOT NULL,
    state text NOT NULL,
    settle text,
    stale_reason text,
    opportunity_id text,
    mode text,
    flags text[] NOT NULL,
    tags json,
    CONSTRAINT flags_are_known CHECK ((flags <@ ARRAY['UNHEDGED'::text, 'LIQUIDATED'::text, 'ADL'::text, 'PROVISIONAL'::text, 'OVERSHOT'::text, 'REOPENED_BY_CORRECTION'::text, 'RESTATED'::text])),
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT net_is_the_sum_of_its_parts CHECK ((net = (((realized - fees) + funding) + adjustments))),
    CONSTRAINT position_has_a_leg CHECK ((leg_count >= 1)),
    CONSTRAINT revision_is_not_negative CHECK ((revision >= 0)),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3]))),
    CONSTRAINT state_is_open CHECK ((state = ANY (ARRAY['PENDING'::text, 'OPENING'::text, 'OPEN'::text, 'CLOSING'::text]))),
    CONSTRAINT version_is_positive CHECK ((version >= 1))
)
PARTITION BY LIST (slot);

COMMENT ON TABLE positions.active_rows IS 'Positions that are neither CLOSED nor CANCELLED, of every generation; read positions.active.';

COMMENT ON COLUMN positions.active_rows.opened_at IS 'effective_at of position_opened.';

COMMENT ON COLUMN positions.active_rows.oldest_mark_at IS 'effective_at of the oldest of the legs'' last marks; null without marks.';

COMMENT ON COLUMN positions.active_rows.changed_at IS 'recorded_at of the last event that changed this row.';

COMMENT ON COLUMN positions.active_rows.version IS 'Version of the last event of the position that is folded in.';

COMMENT ON COLUMN positions.active_rows.revision IS 'How many late facts came after the position was closed; 0 before.';

COMMENT ON COLUMN positions.active_rows.log_position IS 'Log position of the last event that changed this row.';

COMMENT ON COLUMN positions.active_rows.position_id IS 'The position.';

COMMENT ON COLUMN positions.active_rows.book_id IS 'The book, see positions.books.';

COMMENT ON COLUMN positions.active_rows.leg_count IS 'Number of legs, from 1.';

COMMENT ON COLUMN positions.active_rows.slot IS 'The slot of the generation this row belongs to: 1, 2 or 3.';

COMMENT ON COLUMN positions.active_rows.base_delta IS 'Sum of the legs'' base quantities, + long, - short, in the base asset; 0 is hedged.';

COMMENT ON COLUMN positions.active_rows.realized IS 'Sum of the legs'' realized_price, in settle; null when they settle in several assets.';

COMMENT ON COLUMN positions.active_rows.fees IS 'Sum of the legs'' fees, + cost, in settle; null while one is not valued.';

COMMENT ON COLUMN positions.active_rows.funding IS 'Sum of the legs'' funding, + received, in settle; null while one is not valued.';

COMMENT ON COLUMN positions.active_rows.adjustments IS 'Sum of the legs'' cash adjustments, in settle; null with several settle assets.';

COMMENT ON COLUMN positions.active_rows.net IS 'realized - fees + funding + adjustments, in settle; null when one of them is.';

COMMENT ON COLUMN positions.active_rows.entry_basis IS 'Short minus long average entry, in quote; null but for one long and one short leg.';

COMMENT ON COLUMN positions.active_rows.worst_margin_ratio IS 'The legs'' worst margin ratio at their last marks, 1 = 100 %; null without.';

COMMENT ON COLUMN positions.active_rows.nearest_liquidation_distance IS 'Least distance of a leg''s mark to its liquidation price, 1 = 100 % of the mark; null without.';

COMMENT ON COLUMN positions.active_rows.unrealized IS 'Sum of the legs'' unrealised P&L at their last marks, in settle; null without marks.';

COMMENT ON COLUMN positions.active_rows.strategy IS 'Strategy of the position, as position_opened gave it.';

COMMENT ON COLUMN positions.active_rows.asset IS 'Asset that the position trades, as position_opened gave it.';

COMMENT ON COLUMN positions.active_rows.state IS 'PENDING, OPENING, OPEN or CLOSING.';

COMMENT ON COLUMN positions.active_rows.settle IS 'Settle asset, the unit of the money columns; null when the legs settle in several.';

COMMENT ON COLUMN positions.active_rows.stale_reason IS 'Why the row stopped following the log (quarantine); null while it follows.';

COMMENT ON COLUMN positions.active_rows.opportunity_id IS 'The opportunity it came from, as given; null when not given.';

COMMENT ON COLUMN positions.active_rows.mode IS 'Mode of trading, as given; null when not given.';

COMMENT ON COLUMN positions.active_rows.flags IS 'Flags that hold now, such as UNHEDGED or PROVISIONAL; empty when none does.';

COMMENT ON COLUMN positions.active_rows.tags IS 'Tags, as given; null when none were given.';

CREATE VIEW positions.active AS
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
    (now() - r.oldest_mark_at) AS mark_age,
    r.revision,
    r.stale_reason,
    r.opportunity_id,
    r.mode,
    r.tags,
    r.log_position,
    r.changed_at
   FROM ((positions.active_rows r
     JOIN positions.live_slot l ON (((l.book_id = r.book_id) AND (l.slot = r.slot))))
     JOIN positions.books b ON ((b.book_id = r.book_id)));

COMMENT ON VIEW positions.active IS 'A row is a position that is neither CLOSED nor CANCELLED, as the live generation of its book has it.';

COMMENT ON COLUMN positions.active.book IS 'Name of the book, see positions.books.';

COMMENT ON COLUMN positions.active.book_id IS 'The book, see positions.books.';

COMMENT ON COLUMN positions.active.position_id IS 'The position.';

COMMENT ON COLUMN positions.active.version IS 'Version of the last event of the position that is folded in.';

COMMENT ON COLUMN positions.active.strategy IS 'Strategy of the position, as position_opened gave it.';

COMMENT ON COLUMN positions.active.asset IS 'Asset that the position trades, as position_opened gave it.';

COMMENT ON COLUMN positions.active.state IS 'PENDING, OPENING, OPEN or CLOSING.';

COMMENT ON COLUMN positions.active.flags IS 'Flags that hold now, such as UNHEDGED or PROVISIONAL; empty when none does.';

COMMENT ON COLUMN positions.active.settle IS 'Settle asset, the unit of the money columns; null when the legs settle in several.';

COMMENT ON COLUMN positions.active.opened_at IS 'effective_at of position_opened.';

COMMENT ON COLUMN positions.active.leg_count IS 'Number of legs, from 1.';

COMMENT ON COLUMN positions.active.base_delta IS 'Sum of the legs'' base quantities, + long, - short, in the base asset; 0 is hedged.';

COMMENT ON COLUMN positions.active.realized IS 'Sum of the legs'' realized_price, in settle; null when they settle in several assets.';

COMMENT ON COLUMN positions.active.fees IS 'Sum of the legs'' fees, + cost, in settle; null while one is not valued.';

COMMENT ON COLUMN positions.active.funding IS 'Sum of the legs'' funding, + received, in settle; null while one is not valued.';

COMMENT ON COLUMN positions.active.adjustments IS 'Sum of the legs'' cash adjustments, in settle; null with several settle assets.';

COMMENT ON COLUMN positions.active.net IS 'realized - fees + funding + adjustments, in settle; null when one of them is.';

COMMENT ON COLUMN positions.active.entry_basis IS 'Short minus long average entry, in quote; null but for one long and one short leg.';

COMMENT ON COLUMN positions.active.worst_margin_ratio IS 'The legs'' worst margin ratio at their last marks, 1 = 100 %; null without.';

COMMENT ON COLUMN positions.active.nearest_liquidation_distance IS 'Least distance of a leg''s mark to its liquidation price, 1 = 100 % of the mark; null without.';

COMMENT ON COLUMN positions.active.unrealized IS 'Sum of the legs'' unrealised P&L at their last marks, in settle; null without marks.';

COMMENT ON COLUMN positions.active.oldest_mark_at IS 'effective_at of the oldest of the legs'' last marks; null without marks.';

COMMENT ON COLUMN positions.active.mark_age IS 'Age of oldest_mark_at at the start of the reader''s transaction; null without marks.';

COMMENT ON COLUMN positions.active.revision IS 'How many late facts came after the position was closed; 0 before.';

COMMENT ON COLUMN positions.active.stale_reason IS 'Why the row stopped following the log (quarantine); null while it follows.';

COMMENT ON COLUMN positions.active.opportunity_id IS 'The opportunity it came from, as given; null when not given.';

COMMENT ON COLUMN positions.active.mode IS 'Mode of trading, as given; null when not given.';

COMMENT ON COLUMN positions.active.tags IS 'Tags, as given; null when none were given.';

COMMENT ON COLUMN positions.active.log_position IS 'Log position of the last event that changed this row.';

COMMENT ON COLUMN positions.active.changed_at IS 'recorded_at of the last event that changed this row.';

CREATE TABLE positions.active_rows_1 (
    opened_at timestamp with time zone NOT NULL,
    oldest_mark_at timestamp with time zone,
    changed_at timestamp with time zone NOT NULL,
    version bigint NOT NULL,
    revision bigint NOT NULL,
    log_position bigint NOT NULL,
    position_id uuid NOT NULL,
    book_id integer NOT NULL,
    leg_count integer NOT NULL,
    slot smallint NOT NULL,
    base_delta numeric(38,18),
    realized numeric(38,18),
    fees numeric(38,18),
    funding numeric(38,18),
    adjustments numeric(38,18),
    net numeric(38,18),
    entry_basis numeric(38,18),
    worst_margin_ratio numeric(38,18),
    nearest_liquidation_distance numeric(38,18),
    unrealized numeric(38,18),
    strategy text NOT NULL,
    asset text NOT NULL,
    state text NOT NULL,
    settle text,
    stale_reason text,
    opportunity_id text,
    mode text,
    flags text[] NOT NULL,
    tags json,
    CONSTRAINT flags_are_known CHECK ((flags <@ ARRAY['UNHEDGED'::text, 'LIQUIDATED'::text, 'ADL'::text, 'PROVISIONAL'::text, 'OVERSHOT'::text, 'REOPENED_BY_CORRECTION'::text, 'RESTATED'::text])),
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT net_is_the_sum_of_its_parts CHECK ((net = (((realized - fees) + funding) + adjustments))),
    CONSTRAINT position_has_a_leg CHECK ((leg_count >= 1)),
    CONSTRAINT revision_is_not_negative CHECK ((revision >= 0)),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3]))),
    CONSTRAINT state_is_open CHECK ((state = ANY (ARRAY['PENDING'::text, 'OPENING'::text, 'OPEN'::text, 'CLOSING'::text]))),
    CONSTRAINT version_is_positive CHECK ((version >= 1))
)
WITH (fillfactor='80');

COMMENT ON TABLE positions.active_rows_1 IS 'Slot 1 of positions.active_rows.';

CREATE TABLE positions.active_rows_2 (
    opened_at timestamp with time zone NOT NULL,
    oldest_mark_at timestamp with time zone,
    changed_at timestamp with time zone NOT NULL,
    version bigint NOT NULL,
    revision bigint NOT NULL,
    log_position bigint NOT NULL,
    position_id uuid NOT NULL,
    book_id integer NOT NULL,
    leg_count integer NOT NULL,
    slot smallint NOT NULL,
    base_delta numeric(38,18),
    realized numeric(38,18),
    fees numeric(38,18),
    funding numeric(38,18),
    adjustments numeric(38,18),
    net numeric(38,18),
    entry_basis numeric(38,18),
    worst_margin_ratio numeric(38,18),
    nearest_liquidation_distance numeric(38,18),
    unrealized numeric(38,18),
    strategy text NOT NULL,
    asset text NOT NULL,
    state text NOT NULL,
    settle text,
    stale_reason text,
    opportunity_id text,
    mode text,
    flags text[] NOT NULL,
    tags json,
    CONSTRAINT flags_are_known CHECK ((flags <@ ARRAY['UNHEDGED'::text, 'LIQUIDATED'::text, 'ADL'::text, 'PROVISIONAL'::text, 'OVERSHOT'::text, 'REOPENED_BY_CORRECTION'::text, 'RESTATED'::text])),
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT net_is_the_sum_of_its_parts CHECK ((net = (((realized - fees) + funding) + adjustments))),
    CONSTRAINT position_has_a_leg CHECK ((leg_count >= 1)),
    CONSTRAINT revision_is_not_negative CHECK ((revision >= 0)),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3]))),
    CONSTRAINT state_is_open CHECK ((state = ANY (ARRAY['PENDING'::text, 'OPENING'::text, 'OPEN'::text, 'CLOSING'::text]))),
    CONSTRAINT version_is_positive CHECK ((version >= 1))
)
WITH (fillfactor='80');

COMMENT ON TABLE positions.active_rows_2 IS 'Slot 2 of positions.active_rows.';

CREATE TABLE positions.active_rows_3 (
    opened_at timestamp with time zone NOT NULL,
    oldest_mark_at timestamp with time zone,
    changed_at timestamp with time zone NOT NULL,
    version bigint NOT NULL,
    revision bigint NOT NULL,
    log_position bigint NOT NULL,
    position_id uuid NOT NULL,
    book_id integer NOT NULL,
    leg_count integer NOT NULL,
    slot smallint NOT NULL,
    base_delta numeric(38,18),
    realized numeric(38,18),
    fees numeric(38,18),
    funding numeric(38,18),
    adjustments numeric(38,18),
    net numeric(38,18),
    entry_basis numeric(38,18),
    worst_margin_ratio numeric(38,18),
    nearest_liquidation_distance numeric(38,18),
    unrealized numeric(38,18),
    strategy text NOT NULL,
    asset text NOT NULL,
    state text NOT NULL,
    settle text,
    stale_reason text,
    opportunity_id text,
    mode text,
    flags text[] NOT NULL,
    tags json,
    CONSTRAINT flags_are_known CHECK ((flags <@ ARRAY['UNHEDGED'::text, 'LIQUIDATED'::text, 'ADL'::text, 'PROVISIONAL'::text, 'OVERSHOT'::text, 'REOPENED_BY_CORRECTION'::text, 'RESTATED'::text])),
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT net_is_the_sum_of_its_parts CHECK ((net = (((realized - fees) + funding) + adjustments))),
    CONSTRAINT position_has_a_leg CHECK ((leg_count >= 1)),
    CONSTRAINT revision_is_not_negative CHECK ((revision >= 0)),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3]))),
    CONSTRAINT state_is_open CHECK ((state = ANY (ARRAY['PENDING'::text, 'OPENING'::text, 'OPEN'::text, 'CLOSING'::text]))),
    CONSTRAINT version_is_positive CHECK ((version >= 1))
)
WITH (fillfactor='80');

COMMENT ON TABLE positions.active_rows_3 IS 'Slot 3 of positions.active_rows.';

ALTER TABLE positions.books ALTER COLUMN book_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME positions.books_book_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE positions.comparisons (
    compared_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    log_position bigint NOT NULL,
    book_id integer NOT NULL,
    from_slot smallint NOT NULL,
    to_slot smallint NOT NULL,
    digest text NOT NULL,
    tables text[] NOT NULL,
    totals json NOT NULL,
    differences json,
    CONSTRAINT differences_are_an_array CHECK ((json_typeof(differences) = 'array'::text)),
    CONSTRAINT digest_is_a_sha256 CHECK ((digest ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT log_position_is_not_negative CHECK ((log_position >= 0)),
    CONSTRAINT slots_are_of_three CHECK (((from_slot = ANY (ARRAY[1, 2, 3])) AND (to_slot = ANY (ARRAY[1, 2, 3])))),
    CONSTRAINT totals_are_an_object CHECK ((json_typeof(totals) = 'object'::text))
);

COMMENT ON TABLE positions.comparisons IS 'A row is a comparison of two generations of a book, the newest 20 of each book.';

COMMENT ON COLUMN positions.comparisons.compared_at IS 'When it was made last, by the clock of the database.';

COMMENT ON COLUMN positions.comparisons.log_position IS 'Log position at which both generations were compared.';

COMMENT ON COLUMN positions.comparisons.book_id IS 'The book, see positions.books.';

COMMENT ON COLUMN positions.comparisons.from_slot IS 'The slot that was live.';

COMMENT ON COLUMN positions.comparisons.to_slot IS 'The slot that it was compared with.';

COMMENT ON COLUMN positions.comparisons.digest IS 'SHA-256 of the sorted differences, in hexadecimal.';

COMMENT ON COLUMN positions.comparisons.tables IS 'The tables that were compared, as their views are called.';

COMMENT ON COLUMN positions.comparisons.totals IS 'What differs, in sums: {table: {changed, only_before, only_after, columns}}.';

COMMENT ON COLUMN positions.comparisons.differences IS 'The differences, [[table, key, column, before, after], …]; null if there are too many.';

CREATE TABLE positions.deliveries (
    buffered_at timestamp with time zone,
    log_position bigint NOT NULL,
    last_position bigint NOT NULL,
    peer_uid bigint,
    outbox_sequence bigint,
    book_id integer NOT NULL,
    host text NOT NULL,
    CONSTRAINT buffered_request_has_time_and_sequence CHECK (((buffered_at IS NULL) = (outbox_sequence IS NULL))),
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT outbox_sequence_is_positive CHECK ((outbox_sequence >= 1)),
    CONSTRAINT peer_uid_is_a_user_id CHECK (((peer_uid >= 0) AND (peer_uid <= '4294967295'::bigint))),
    CONSTRAINT run_ends_at_or_after_its_start CHECK ((last_position >= log_position))
);

COMMENT ON TABLE positions.deliveries IS 'How events came in: a row is one contiguous run of one request. Append only.';

COMMENT ON COLUMN positions.deliveries.buffered_at IS 'When the outbox took the request; null when it went straight to PostgreSQL.';

COMMENT ON COLUMN positions.deliveries.log_position IS 'Log position of the first event of the run.';

COMMENT ON COLUMN positions.deliveries.last_position IS 'Log position of the last event of the run, inclusive.';

COMMENT ON COLUMN positions.deliveries.peer_uid IS 'User id of the process that sent it, as the socket told; null when there was no socket.';

COMMENT ON COLUMN positions.deliveries.outbox_sequence IS 'Its number in the outbox of that host, from 1; null when it was never buffered.';

COMMENT ON COLUMN positions.deliveries.book_id IS 'The book, see positions.books.';

COMMENT ON COLUMN positions.deliveries.host IS 'Name of the machine whose service appended it.';

CREATE TABLE positions.event_keys (
    recorded_at timestamp with time zone NOT NULL,
    log_position bigint NOT NULL,
    event_id uuid NOT NULL,
    book_id integer NOT NULL,
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1))
);

COMMENT ON TABLE positions.event_keys IS 'Which event ids a book knows and where they stand; never expires. Append only.';

COMMENT ON COLUMN positions.event_keys.recorded_at IS 'recorded_at of the event, so that a look-up goes to its month alone.';

COMMENT ON COLUMN positions.event_keys.log_position IS 'Log position of the event in its book.';

COMMENT ON COLUMN positions.event_keys.event_id IS 'Identity of the event; derived for fills, funding and voids, else the caller''s.';

COMMENT ON COLUMN positions.event_keys.book_id IS 'The book, see positions.books.';

CREATE TABLE positions.events (
    effective_at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    log_position bigint NOT NULL,
    version bigint NOT NULL,
    position_id uuid NOT NULL,
    event_id uuid NOT NULL,
    causation_id uuid,
    correlation_id uuid,
    book_id integer NOT NULL,
    schema_version integer NOT NULL,
    leaf_hash bytea NOT NULL,
    event_type text NOT NULL,
    source text NOT NULL,
    actor text,
    payload json NOT NULL,
    CONSTRAINT actor_is_named_where_a_person_decides CHECK (((actor IS NOT NULL) OR ((source <> 'manual'::text) AND (event_type <> ALL (ARRAY['event_voided'::text, 'adjustment_recorded'::text]))))),
    CONSTRAINT event_type_is_known CHECK ((event_type = ANY (ARRAY['position_opened'::text, 'leg_fill_recorded'::text, 'funding_recorded'::text, 'fee_recorded'::text, 'fee_valued'::text, 'mark_recorded'::text, 'adjustment_recorded'::text, 'close_requested'::text, 'position_closed'::text, 'position_cancelled'::text, 'event_voided'::text]))),
    CONSTRAINT leaf_hash_is_32_octets CHECK ((octet_length(leaf_hash) = 32)),
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT payload_is_an_object CHECK ((json_typeof(payload) = 'object'::text)),
    CONSTRAINT schema_version_is_positive CHECK ((schema_version >= 1)),
    CONSTRAINT source_is_known CHECK ((source = ANY (ARRAY['venue_ws'::text, 'venue_rest'::text, 'statement'::text, 'reconciliation'::text, 'manual'::text, 'migration'::text]))),
    CONSTRAINT times_are_finite CHECK ((isfinite(effective_at) AND isfinite(recorded_at))),
    CONSTRAINT version_is_positive CHECK ((version >= 1))
)
PARTITION BY RANGE (recorded_at);

COMMENT ON TABLE positions.events IS 'The log: a row is an event, kept for ever as it was hashed. Append only, see refuse_change.';

COMMENT ON COLUMN positions.events.effective_at IS 'When it happened at the venue, in microseconds; decides the UTC day it belongs to.';

COMMENT ON COLUMN positions.events.recorded_at IS 'When the ledger committed it; never falls along the log of a book; decides its month.';

COMMENT ON COLUMN positions.events.log_position IS 'Place in the log of the book: 1, 2, 3 … without gaps, in commit order.';

COMMENT ON COLUMN positions.events.version IS 'Place in the stream of the position: 1, 2, 3 … without gaps.';

COMMENT ON COLUMN positions.events.position_id IS 'The position, whose events are one stream.';

COMMENT ON COLUMN positions.events.event_id IS 'Identity of the event, unique in its book for ever (positions.event_keys).';

COMMENT ON COLUMN positions.events.causation_id IS 'The event or command that caused this one, as the caller gave it; null when not given.';

COMMENT ON COLUMN positions.events.correlation_id IS 'The conversation that this event is part of, as the caller gave it; null when not given.';

COMMENT ON COLUMN positions.events.book_id IS 'The book, see positions.books.';

COMMENT ON COLUMN positions.events.schema_version IS 'Version of the payload''s form for this event type, from 1.';

COMMENT ON COLUMN positions.events.leaf_hash IS 'SHA-256 over the event and its place, 32 octets; see the architecture for the bytes hashed.';

COMMENT ON COLUMN positions.events.event_type IS 'What happened: one of the eleven types of the accounting rules.';

COMMENT ON COLUMN positions.events.source IS 'Where the fact came from: a venue''s feed or API, a statement, a person, a migration …';

COMMENT ON COLUMN positions.events.actor IS 'Who decided it; required for source manual, for voids and for adjustments.';

COMMENT ON COLUMN positions.events.payload IS 'Canonical JSON (RFC 8785, decimals as strings) exactly as hashed; hence json, not jsonb.';

ALTER TABLE positions.generation_steps ALTER COLUMN step_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME positions.generation_steps_step_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE positions.history_rows (
    opened_at timestamp with time zone NOT NULL,
    closed_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    version bigint NOT NULL,
    revision bigint NOT NULL,
    fills bigint NOT NULL,
    maker_fills bigint NOT NULL,
    legging_delay_us bigint,
    log_position bigint NOT NULL,
    position_id uuid NOT NULL,
    book_id integer NOT NULL,
    leg_count integer NOT NULL,
    slot smallint NOT NULL,
    hold_seconds numeric(38,18),
    price_pnl numeric(38,18),
    funding numeric(38,18),
    fees numeric(38,18),
    adjustments numeric(38,18),
    net numeric(38,18),
    peak_notional numeric(38,18),
    return_on_peak_notional numeric(38,18),
    maker_share numeric(38,18),
    signalled_spread_bps numeric(38,18),
    captured_spread_bps numeric(38,18),
    strategy text NOT NULL,
    asset text NOT NULL,
    state text NOT NULL,
    settle text,
    close_reason text NOT NULL,
    stale_reason text,
    opportunity_id text,
    mode text,
    flags text[] NOT NULL,
    price_pnl_by_leg json NOT NULL,
    fees_by_category json NOT NULL,
    arrival_slippage_by_leg json NOT NULL,
    tags json,
    CONSTRAINT arrival_slippage_is_an_object CHECK ((json_typeof(arrival_slippage_by_leg) = 'object'::text)),
    CONSTRAINT close_reason_is_known_when_closed CHECK (((state <> 'CLOSED'::text) OR (close_reason = ANY (ARRAY['take_profit'::text, 'stop'::text, 'funding_flip'::text, 'liquidation'::text, 'adl'::text, 'manual'::text, 'failed'::text])))),
    CONSTRAINT fees_by_category_is_an_object CHECK ((json_typeof(fees_by_category) = 'object'::text)),
    CONSTRAINT flags_are_known CHECK ((flags <@ ARRAY['UNHEDGED'::text, 'LIQUIDATED'::text, 'ADL'::text, 'PROVISIONAL'::text, 'OVERSHOT'::text, 'REOPENED_BY_CORRECTION'::text, 'RESTATED'::text])),
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT maker_fills_are_some_of_the_fills CHECK (((maker_fills >= 0) AND (maker_fills <= fills))),
    CONSTRAINT maker_share_is_a_share CHECK (((maker_share >= (0)::numeric) AND (maker_share <= (1)::numeric))),
    CONSTRAINT net_is_the_sum_of_its_parts CHECK ((net = (((price_pnl - fees) + funding) + adjustments))),
    CONSTRAINT position_has_a_leg CHECK ((leg_count >= 1)),
    CONSTRAINT price_pnl_by_leg_is_an_object CHECK ((json_typeof(price_pnl_by_leg) = 'object'::text)),
    CONSTRAINT revision_is_not_negative CHECK ((revision >= 0)),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3]))),
    CONSTRAINT state_is_ended CHECK ((state = ANY (ARRAY['CLOSED'::text, 'CANCELLED'::text]))),
    CONSTRAINT version_is_positive CHECK ((version >= 1))
)
PARTITION BY LIST (slot);

COMMENT ON TABLE positions.history_rows IS 'Positions that are CLOSED or CANCELLED, of every generation; read positions.history.';

COMMENT ON COLUMN positions.history_rows.opened_at IS 'effective_at of position_opened.';

COMMENT ON COLUMN positions.history_rows.closed_at IS 'effective_at of position_closed or position_cancelled.';

COMMENT ON COLUMN positions.history_rows.changed_at IS 'recorded_at of the last event that changed this row.';

COMMENT ON COLUMN positions.history_rows.version IS 'Version of the last event of the position that is folded in.';

COMMENT ON COLUMN positions.history_rows.revision IS 'How many late facts came after the close; 0 when none did.';

COMMENT ON COLUMN positions.history_rows.fills IS 'Number of live fills.';

COMMENT ON COLUMN positions.history_rows.maker_fills IS 'Number of live fills with liquidity maker.';

COMMENT ON COLUMN positions.history_rows.legging_delay_us IS 'First fill of the first leg to first fill of the last, in microseconds; null without.';

COMMENT ON COLUMN positions.history_rows.log_position IS 'Log position of the last event that changed this row.';

COMMENT ON COLUMN positions.history_rows.position_id IS 'The position.';

COMMENT ON COLUMN positions.history_rows.book_id IS 'The book, see positions.books.';

COMMENT ON COLUMN positions.history_rows.leg_count IS 'Number of legs, from 1.';

COMMENT ON COLUMN positions.history_rows.slot IS 'The slot of the generation this row belongs to: 1, 2 or 3.';

COMMENT ON COLUMN positions.history_rows.hold_seconds IS 'Time held, in seconds with microseconds; null when nothing was held.';

COMMENT ON COLUMN positions.history_rows.price_pnl IS 'Sum of the legs'' P&L from prices, in settle; null with several settle assets.';

COMMENT ON COLUMN positions.history_rows.funding IS 'Sum of the legs'' funding, + received, in settle; null while one is not valued.';

COMMENT ON COLUMN positions.history_rows.fees IS 'Sum of the legs'' fees, + cost, in settle; null while one is not valued.';

COMMENT ON COLUMN positions.history_rows.adjustments IS 'Sum of the legs'' cash adjustments, in settle; null with several settle assets.';

COMMENT ON COLUMN positions.history_rows.net IS 'price_pnl - fees + funding + adjustments, in settle; null when one of them is.';

COMMENT ON COLUMN positions.history_rows.peak_notional IS 'Greatest notional ever held, in settle; null with several settle assets.';

COMMENT ON COLUMN positions.history_rows.return_on_peak_notional IS 'net over peak_notional, 1 = 100 %; null when either is, or it is 0.';

COMMENT ON COLUMN positions.history_rows.maker_share IS 'maker_fills over the fills whose liquidity is known, 1 = 100 %; null without.';

COMMENT ON COLUMN positions.history_rows.signalled_spread_bps IS 'Spread that the signal expected, in basis points; null without a signal.';

COMMENT ON COLUMN positions.history_rows.captured_spread_bps IS 'Spread that the entry fills captured, in basis points; null when it has none.';

COMMENT ON COLUMN positions.history_rows.strategy IS 'Strategy of the position, as position_opened gave it.';

COMMENT ON COLUMN positions.history_rows.asset IS 'Asset that the position trades, as position_opened gave it.';

COMMENT ON COLUMN positions.history_rows.state IS 'CLOSED or CANCELLED.';

COMMENT ON COLUMN positions.history_rows.settle IS 'Settle asset, the unit of the money columns; null when the legs settle in several.';

COMMENT ON COLUMN positions.history_rows.close_reason IS 'Reason of position_closed, or the free text of position_cancelled.';

COMMENT ON COLUMN positions.history_rows.stale_reason IS 'Why the row stopped following the log (quarantine); null while it follows.';

COMMENT ON COLUMN positions.history_rows.opportunity_id IS 'The opportunity it came from, as given; null when not given.';

COMMENT ON COLUMN positions.history_rows.mode IS 'Mode of trading, as given; null when not given.';

COMMENT ON COLUMN positions.history_rows.flags IS 'Flags that hold now, such as LIQUIDATED or RESTATED; empty when none does.';

COMMENT ON COLUMN positions.history_rows.price_pnl_by_leg IS 'P&L from prices by leg, {"LEG": "decimal"}, each in the settle asset of its leg.';

COMMENT ON COLUMN positions.history_rows.fees_by_category IS 'Fees by category, {"CATEGORY": "decimal" or null}, + cost, in settle.';

COMMENT ON COLUMN positions.history_rows.arrival_slippage_by_leg IS 'Cost against the price at decision by leg, {"LEG": "decimal" or null}, + is worse, in quote.';

COMMENT ON COLUMN positions.history_rows.tags IS 'Tags, as given; null when none were given.';

CREATE VIEW positions.history AS
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
   FROM ((positions.history_rows r
     JOIN positions.live_slot l ON (((l.book_id = r.book_id) AND (l.slot = r.slot))))
     JOIN positions.books b ON ((b.book_id = r.book_id)));

COMMENT ON VIEW positions.history IS 'A row is a position that is CLOSED or CANCELLED, as the live generation of its book has it.';

COMMENT ON COLUMN positions.history.book IS 'Name of the book, see positions.books.';

COMMENT ON COLUMN positions.history.book_id IS 'The book, see positions.books.';

COMMENT ON COLUMN positions.history.position_id IS 'The position.';

COMMENT ON COLUMN positions.history.version IS 'Version of the last event of the position that is folded in.';

COMMENT ON COLUMN positions.history.strategy IS 'Strategy of the position, as position_opened gave it.';

COMMENT ON COLUMN positions.history.asset IS 'Asset that the position trades, as position_opened gave it.';

COMMENT ON COLUMN positions.history.state IS 'CLOSED or CANCELLED.';

COMMENT ON COLUMN positions.history.flags IS 'Flags that hold now, such as LIQUIDATED or RESTATED; empty when none does.';

COMMENT ON COLUMN positions.history.settle IS 'Settle asset, the unit of the money columns; null when the legs settle in several.';

COMMENT ON COLUMN positions.history.opened_at IS 'effective_at of position_opened.';

COMMENT ON COLUMN positions.history.closed_at IS 'effective_at of position_closed or position_cancelled.';

COMMENT ON COLUMN positions.history.hold_seconds IS 'Time held, in seconds with microseconds; null when nothing was held.';

COMMENT ON COLUMN positions.history.close_reason IS 'Reason of position_closed, or the free text of position_cancelled.';

COMMENT ON COLUMN positions.history.revision IS 'How many late facts came after the close; 0 when none did.';

COMMENT ON COLUMN positions.history.leg_count IS 'Number of legs, from 1.';

COMMENT ON COLUMN positions.history.price_pnl_by_leg IS 'P&L from prices by leg, {"LEG": "decimal"}, each in the settle asset of its leg.';

COMMENT ON COLUMN positions.history.price_pnl IS 'Sum of the legs'' P&L from prices, in settle; null with several settle assets.';

COMMENT ON COLUMN positions.history.funding IS 'Sum of the legs'' funding, + received, in settle; null while one is not valued.';

COMMENT ON COLUMN positions.history.fees IS 'Sum of the legs'' fees, + cost, in settle; null while one is not valued.';

COMMENT ON COLUMN positions.history.fees_by_category IS 'Fees by category, {"CATEGORY": "decimal" or null}, + cost, in settle.';

COMMENT ON COLUMN positions.history.adjustments IS 'Sum of the legs'' cash adjustments, in settle; null with several settle assets.';

COMMENT ON COLUMN positions.history.net IS 'price_pnl - fees + funding + adjustments, in settle; null when one of them is.';

COMMENT ON COLUMN positions.history.peak_notional IS 'Greatest notional ever held, in settle; null with several settle assets.';

COMMENT ON COLUMN positions.history.return_on_peak_notional IS 'net over peak_notional, 1 = 100 %; null when either is, or it is 0.';

COMMENT ON COLUMN positions.history.fills IS 'Number of live fills.';

COMMENT ON COLUMN positions.history.maker_fills IS 'Number of live fills with liquidity maker.';

COMMENT ON COLUMN positions.history.maker_share IS 'maker_fills over the fills whose liquidity is known, 1 = 100 %; null without.';

COMMENT ON COLUMN positions.history.arrival_slippage_by_leg IS 'Cost against the price at decision by leg, {"LEG": "decimal" or null}, + is worse, in quote.';

COMMENT ON COLUMN positions.history.legging_delay_us IS 'First fill of the first leg to first fill of the last, in microseconds; null without.';

COMMENT ON COLUMN positions.history.signalled_spread_bps IS 'Spread that the signal expected, in basis points; null without a signal.';

COMMENT ON COLUMN positions.history.captured_spread_bps IS 'Spread that the entry fills captured, in basis points; null when it has none.';

COMMENT ON COLUMN positions.history.stale_reason IS 'Why the row stopped following the log (quarantine); null while it follows.';

COMMENT ON COLUMN positions.history.opportunity_id IS 'The opportunity it came from, as given; null when not given.';

COMMENT ON COLUMN positions.history.mode IS 'Mode of trading, as given; null when not given.';

COMMENT ON COLUMN positions.history.tags IS 'Tags, as given; null when none were given.';

COMMENT ON COLUMN positions.history.log_position IS 'Log position of the last event that changed this row.';

COMMENT ON COLUMN positions.history.changed_at IS 'recorded_at of the last event that changed this row.';

CREATE TABLE positions.history_rows_1 (
    opened_at timestamp with time zone NOT NULL,
    closed_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    version bigint NOT NULL,
    revision bigint NOT NULL,
    fills bigint NOT NULL,
    maker_fills bigint NOT NULL,
    legging_delay_us bigint,
    log_position bigint NOT NULL,
    position_id uuid NOT NULL,
    book_id integer NOT NULL,
    leg_count integer NOT NULL,
    slot smallint NOT NULL,
    hold_seconds numeric(38,18),
    price_pnl numeric(38,18),
    funding numeric(38,18),
    fees numeric(38,18),
    adjustments numeric(38,18),
    net numeric(38,18),
    peak_notional numeric(38,18),
    return_on_peak_notional numeric(38,18),
    maker_share numeric(38,18),
    signalled_spread_bps numeric(38,18),
    captured_spread_bps numeric(38,18),
    strategy text NOT NULL,
    asset text NOT NULL,
    state text NOT NULL,
    settle text,
    close_reason text NOT NULL,
    stale_reason text,
    opportunity_id text,
    mode text,
    flags text[] NOT NULL,
    price_pnl_by_leg json NOT NULL,
    fees_by_category json NOT NULL,
    arrival_slippage_by_leg json NOT NULL,
    tags json,
    CONSTRAINT arrival_slippage_is_an_object CHECK ((json_typeof(arrival_slippage_by_leg) = 'object'::text)),
    CONSTRAINT close_reason_is_known_when_closed CHECK (((state <> 'CLOSED'::text) OR (close_reason = ANY (ARRAY['take_profit'::text, 'stop'::text, 'funding_flip'::text, 'liquidation'::text, 'adl'::text, 'manual'::text, 'failed'::text])))),
    CONSTRAINT fees_by_category_is_an_object CHECK ((json_typeof(fees_by_category) = 'object'::text)),
    CONSTRAINT flags_are_known CHECK ((flags <@ ARRAY['UNHEDGED'::text, 'LIQUIDATED'::text, 'ADL'::text, 'PROVISIONAL'::text, 'OVERSHOT'::text, 'REOPENED_BY_CORRECTION'::text, 'RESTATED'::text])),
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT maker_fills_are_some_of_the_fills CHECK (((maker_fills >= 0) AND (maker_fills <= fills))),
    CONSTRAINT maker_share_is_a_share CHECK (((maker_share >= (0)::numeric) AND (maker_share <= (1)::numeric))),
    CONSTRAINT net_is_the_sum_of_its_parts CHECK ((net = (((price_pnl - fees) + funding) + adjustments))),
    CONSTRAINT position_has_a_leg CHECK ((leg_count >= 1)),
    CONSTRAINT price_pnl_by_leg_is_an_object CHECK ((json_typeof(price_pnl_by_leg) = 'object'::text)),
    CONSTRAINT revision_is_not_negative CHECK ((revision >= 0)),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3]))),
    CONSTRAINT state_is_ended CHECK ((state = ANY (ARRAY['CLOSED'::text, 'CANCELLED'::text]))),
    CONSTRAINT version_is_positive CHECK ((version >= 1))
)
WITH (fillfactor='80');

COMMENT ON TABLE positions.history_rows_1 IS 'Slot 1 of positions.history_rows.';

CREATE TABLE positions.history_rows_2 (
    opened_at timestamp with time zone NOT NULL,
    closed_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    version bigint NOT NULL,
    revision bigint NOT NULL,
    fills bigint NOT NULL,
    maker_fills bigint NOT NULL,
    legging_delay_us bigint,
    log_position bigint NOT NULL,
    position_id uuid NOT NULL,
    book_id integer NOT NULL,
    leg_count integer NOT NULL,
    slot smallint NOT NULL,
    hold_seconds numeric(38,18),
    price_pnl numeric(38,18),
    funding numeric(38,18),
    fees numeric(38,18),
    adjustments numeric(38,18),
    net numeric(38,18),
    peak_notional numeric(38,18),
    return_on_peak_notional numeric(38,18),
    maker_share numeric(38,18),
    signalled_spread_bps numeric(38,18),
    captured_spread_bps numeric(38,18),
    strategy text NOT NULL,
    asset text NOT NULL,
    state text NOT NULL,
    settle text,
    close_reason text NOT NULL,
    stale_reason text,
    opportunity_id text,
    mode text,
    flags text[] NOT NULL,
    price_pnl_by_leg json NOT NULL,
    fees_by_category json NOT NULL,
    arrival_slippage_by_leg json NOT NULL,
    tags json,
    CONSTRAINT arrival_slippage_is_an_object CHECK ((json_typeof(arrival_slippage_by_leg) = 'object'::text)),
    CONSTRAINT close_reason_is_known_when_closed CHECK (((state <> 'CLOSED'::text) OR (close_reason = ANY (ARRAY['take_profit'::text, 'stop'::text, 'funding_flip'::text, 'liquidation'::text, 'adl'::text, 'manual'::text, 'failed'::text])))),
    CONSTRAINT fees_by_category_is_an_object CHECK ((json_typeof(fees_by_category) = 'object'::text)),
    CONSTRAINT flags_are_known CHECK ((flags <@ ARRAY['UNHEDGED'::text, 'LIQUIDATED'::text, 'ADL'::text, 'PROVISIONAL'::text, 'OVERSHOT'::text, 'REOPENED_BY_CORRECTION'::text, 'RESTATED'::text])),
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT maker_fills_are_some_of_the_fills CHECK (((maker_fills >= 0) AND (maker_fills <= fills))),
    CONSTRAINT maker_share_is_a_share CHECK (((maker_share >= (0)::numeric) AND (maker_share <= (1)::numeric))),
    CONSTRAINT net_is_the_sum_of_its_parts CHECK ((net = (((price_pnl - fees) + funding) + adjustments))),
    CONSTRAINT position_has_a_leg CHECK ((leg_count >= 1)),
    CONSTRAINT price_pnl_by_leg_is_an_object CHECK ((json_typeof(price_pnl_by_leg) = 'object'::text)),
    CONSTRAINT revision_is_not_negative CHECK ((revision >= 0)),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3]))),
    CONSTRAINT state_is_ended CHECK ((state = ANY (ARRAY['CLOSED'::text, 'CANCELLED'::text]))),
    CONSTRAINT version_is_positive CHECK ((version >= 1))
)
WITH (fillfactor='80');

COMMENT ON TABLE positions.history_rows_2 IS 'Slot 2 of positions.history_rows.';

CREATE TABLE positions.history_rows_3 (
    opened_at timestamp with time zone NOT NULL,
    closed_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    version bigint NOT NULL,
    revision bigint NOT NULL,
    fills bigint NOT NULL,
    maker_fills bigint NOT NULL,
    legging_delay_us bigint,
    log_position bigint NOT NULL,
    position_id uuid NOT NULL,
    book_id integer NOT NULL,
    leg_count integer NOT NULL,
    slot smallint NOT NULL,
    hold_seconds numeric(38,18),
    price_pnl numeric(38,18),
    funding numeric(38,18),
    fees numeric(38,18),
    adjustments numeric(38,18),
    net numeric(38,18),
    peak_notional numeric(38,18),
    return_on_peak_notional numeric(38,18),
    maker_share numeric(38,18),
    signalled_spread_bps numeric(38,18),
    captured_spread_bps numeric(38,18),
    strategy text NOT NULL,
    asset text NOT NULL,
    state text NOT NULL,
    settle text,
    close_reason text NOT NULL,
    stale_reason text,
    opportunity_id text,
    mode text,
    flags text[] NOT NULL,
    price_pnl_by_leg json NOT NULL,
    fees_by_category json NOT NULL,
    arrival_slippage_by_leg json NOT NULL,
    tags json,
    CONSTRAINT arrival_slippage_is_an_object CHECK ((json_typeof(arrival_slippage_by_leg) = 'object'::text)),
    CONSTRAINT close_reason_is_known_when_closed CHECK (((state <> 'CLOSED'::text) OR (close_reason = ANY (ARRAY['take_profit'::text, 'stop'::text, 'funding_flip'::text, 'liquidation'::text, 'adl'::text, 'manual'::text, 'failed'::text])))),
    CONSTRAINT fees_by_category_is_an_object CHECK ((json_typeof(fees_by_category) = 'object'::text)),
    CONSTRAINT flags_are_known CHECK ((flags <@ ARRAY['UNHEDGED'::text, 'LIQUIDATED'::text, 'ADL'::text, 'PROVISIONAL'::text, 'OVERSHOT'::text, 'REOPENED_BY_CORRECTION'::text, 'RESTATED'::text])),
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT maker_fills_are_some_of_the_fills CHECK (((maker_fills >= 0) AND (maker_fills <= fills))),
    CONSTRAINT maker_share_is_a_share CHECK (((maker_share >= (0)::numeric) AND (maker_share <= (1)::numeric))),
    CONSTRAINT net_is_the_sum_of_its_parts CHECK ((net = (((price_pnl - fees) + funding) + adjustments))),
    CONSTRAINT position_has_a_leg CHECK ((leg_count >= 1)),
    CONSTRAINT price_pnl_by_leg_is_an_object CHECK ((json_typeof(price_pnl_by_leg) = 'object'::text)),
    CONSTRAINT revision_is_not_negative CHECK ((revision >= 0)),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3]))),
    CONSTRAINT state_is_ended CHECK ((state = ANY (ARRAY['CLOSED'::text, 'CANCELLED'::text]))),
    CONSTRAINT version_is_positive CHECK ((version >= 1))
)
WITH (fillfactor='80');

COMMENT ON TABLE positions.history_rows_3 IS 'Slot 3 of positions.history_rows.';

CREATE TABLE positions.legs_rows (
    mark_at timestamp with time zone,
    changed_at timestamp with time zone NOT NULL,
    log_position bigint NOT NULL,
    position_id uuid NOT NULL,
    book_id integer NOT NULL,
    leg_index integer NOT NULL,
    qty_scale integer NOT NULL,
    price_scale integer NOT NULL,
    settle_scale integer NOT NULL,
    funding_interval_s integer,
    slot smallint NOT NULL,
    multiplier numeric(38,18) NOT NULL,
    target_qty numeric(38,18) NOT NULL,
    qty numeric(38,18) NOT NULL,
    peak_qty numeric(38,18) NOT NULL,
    open_cost numeric(38,18) NOT NULL,
    avg_entry_px numeric(38,18),
    avg_exit_px numeric(38,18),
    realized_price numeric(38,18) NOT NULL,
    fee_value numeric(38,18),
    funding_value numeric(38,18),
    adjustments numeric(38,18) NOT NULL,
    net numeric(38,18),
    mark_px numeric(38,18),
    unrealized numeric(38,18),
    margin_ratio numeric(38,18),
    liquidation_px numeric(38,18),
    leg text NOT NULL,
    venue text NOT NULL,
    account text NOT NULL,
    instrument text NOT NULL,
    kind text NOT NULL,
    side text NOT NULL,
    base text NOT NULL,
    quote text NOT NULL,
    settle text NOT NULL,
    state text NOT NULL,
    flags text[] NOT NULL,
    fees json NOT NULL,
    funding json NOT NULL,
    CONSTRAINT fees_are_an_object CHECK ((json_typeof(fees) = 'object'::text)),
    CONSTRAINT flags_are_known CHECK ((flags <@ ARRAY['UNHEDGED'::text, 'LIQUIDATED'::text, 'ADL'::text, 'PROVISIONAL'::text, 'OVERSHOT'::text, 'REOPENED_BY_CORRECTION'::text, 'RESTATED'::text])),
    CONSTRAINT flat_leg_has_no_cost CHECK (((qty <> (0)::numeric) OR (open_cost = (0)::numeric))),
    CONSTRAINT funding_interval_is_positive CHECK ((funding_interval_s > 0)),
    CONSTRAINT funding_is_an_object CHECK ((json_typeof(funding) = 'object'::text)),
    CONSTRAINT kind_is_known CHECK ((kind = ANY (ARRAY['linear'::text, 'inverse'::text, 'spot'::text]))),
    CONSTRAINT leg_index_is_not_negative CHECK ((leg_index >= 0)),
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT mark_has_price_and_time CHECK (((mark_px IS NULL) = (mark_at IS NULL))),
    CONSTRAINT multiplier_is_positive CHECK ((multiplier > (0)::numeric)),
    CONSTRAINT net_is_the_sum_of_its_parts CHECK ((net = (((realized_price - fee_value) + funding_value) + adjustments))),
    CONSTRAINT open_cost_is_not_negative CHECK ((open_cost >= (0)::numeric)),
    CONSTRAINT peak_is_not_below_quantity CHECK ((peak_qty >= abs(qty))),
    CONSTRAINT price_scale_is_within_18_places CHECK (((price_scale >= 0) AND (price_scale <= 18))),
    CONSTRAINT qty_scale_is_within_18_places CHECK (((qty_scale >= 0) AND (qty_scale <= 18))),
    CONSTRAINT settle_scale_is_within_18_places CHECK (((settle_scale >= 0) AND (settle_scale <= 18))),
    CONSTRAINT side_is_known CHECK ((side = ANY (ARRAY['long'::text, 'short'::text]))),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3]))),
    CONSTRAINT state_is_known CHECK ((state = ANY (ARRAY['PLANNED'::text, 'BUILDING'::text, 'FILLED'::text, 'REDUCING'::text, 'FLAT'::text]))),
    CONSTRAINT target_is_positive CHECK ((target_qty > (0)::numeric))
)
PARTITION BY LIST (slot);

COMMENT ON TABLE positions.legs_rows IS 'Legs of all positions, closed ones too, of every generation; read positions.legs.';

COMMENT ON COLUMN positions.legs_rows.mark_at IS 'effective_at of the last mark; null before the first mark.';

COMMENT ON COLUMN positions.legs_rows.changed_at IS 'recorded_at of the last event that changed this row.';

COMMENT ON COLUMN positions.legs_rows.log_position IS 'Log position of the last event that changed this row.';

COMMENT ON COLUMN positions.legs_rows.position_id IS 'The position.';

COMMENT ON COLUMN positions.legs_rows.book_id IS 'The book, see positions.books.';

COMMENT ON COLUMN positions.legs_rows.leg_index IS 'Place of the leg in position_opened, from 0.';

COMMENT ON COLUMN positions.legs_rows.qty_scale IS 'Decimal places of a quantity at the venue.';

COMMENT ON COLUMN positions.legs_rows.price_scale IS 'Decimal places of a price at the venue.';

COMMENT ON COLUMN positions.legs_rows.settle_scale IS 'Decimal places of an amount in settle; inverse fills are rounded to it.';

COMMENT ON COLUMN positions.legs_rows.funding_interval_s IS 'Time between two settlements of funding, in seconds; null when not given.';

COMMENT ON COLUMN positions.legs_rows.slot IS 'The slot of the generation this row belongs to: 1, 2 or 3.';

COMMENT ON COLUMN positions.legs_rows.multiplier IS 'Base units a contract (inverse: quote units a contract), > 0.';

COMMENT ON COLUMN positions.legs_rows.target_qty IS 'Quantity to reach, in contracts (spot: base units), > 0.';

COMMENT ON COLUMN positions.legs_rows.qty IS 'Quantity held, + long, - short, in contracts (spot: base units).';

COMMENT ON COLUMN positions.legs_rows.peak_qty IS 'Greatest quantity ever held, without sign, in the unit of qty.';

COMMENT ON COLUMN positions.legs_rows.open_cost IS 'What the held quantity cost, >= 0, in settle; 0 when flat.';

COMMENT ON COLUMN positions.legs_rows.avg_entry_px IS 'Average entry price, in quote, for display only; null when flat.';

COMMENT ON COLUMN positions.legs_rows.avg_exit_px IS 'Average price of the quantity that left, in quote, for display only; null before.';

COMMENT ON COLUMN positions.legs_rows.realized_price IS 'Realised P&L from prices alone, in settle.';

COMMENT ON COLUMN positions.legs_rows.fee_value IS 'All fees valued in settle, + cost; null while one is not valued.';

COMMENT ON COLUMN positions.legs_rows.funding_value IS 'All funding valued in settle, + received; null while one is not valued.';

COMMENT ON COLUMN positions.legs_rows.adjustments IS 'Sum of the cash adjustments, in settle.';

COMMENT ON COLUMN positions.legs_rows.net IS 'realized_price - fee_value + funding_value + adjustments, in settle; null when one is.';

COMMENT ON COLUMN positions.legs_rows.mark_px IS 'Last mark price, in quote; null before the first mark.';

COMMENT ON COLUMN positions.legs_rows.unrealized IS 'Unrealised P&L at the last mark, in settle; null without a mark.';

COMMENT ON COLUMN positions.legs_rows.margin_ratio IS 'Margin ratio at the last mark, 1 = 100 %; null when not told.';

COMMENT ON COLUMN positions.legs_rows.liquidation_px IS 'Liquidation price at the last mark, in quote; null when not told.';

COMMENT ON COLUMN positions.legs_rows.leg IS 'Name of the leg in its position.';

COMMENT ON COLUMN positions.legs_rows.venue IS 'The exchange.';

COMMENT ON COLUMN positions.legs_rows.account IS 'Account at the venue.';

COMMENT ON COLUMN positions.legs_rows.instrument IS 'Instrument, as the venue calls it.';

COMMENT ON COLUMN positions.legs_rows.kind IS 'linear, inverse or spot; decides how a fill is valued.';

COMMENT ON COLUMN positions.legs_rows.side IS 'long or short: the side it is to take.';

COMMENT ON COLUMN positions.legs_rows.base IS 'Base asset of the instrument.';

COMMENT ON COLUMN positions.legs_rows.quote IS 'Quote asset, the unit of its prices.';

COMMENT ON COLUMN positions.legs_rows.settle IS 'Settle asset, the unit of its money columns.';

COMMENT ON COLUMN positions.legs_rows.state IS 'PLANNED, BUILDING, FILLED, REDUCING or FLAT.';

COMMENT ON COLUMN positions.legs_rows.flags IS 'Flags of the leg, such as OVERSHOT; empty when none holds.';

COMMENT ON COLUMN positions.legs_rows.fees IS 'Fees by asset, {"ASSET": "decimal"}, + cost, each in its own asset.';

COMMENT ON COLUMN positions.legs_rows.funding IS 'Funding by asset, {"ASSET": "decimal"}, + received, each in its own asset.';

CREATE VIEW positions.legs AS
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
   FROM ((positions.legs_rows r
     JOIN positions.live_slot l ON (((l.book_id = r.book_id) AND (l.slot = r.slot))))
     JOIN positions.books b ON ((b.book_id = r.book_id)));

COMMENT ON VIEW positions.legs IS 'A row is a leg of any position, closed ones too, as the live generation of its book has it.';

COMMENT ON COLUMN positions.legs.book IS 'Name of the book, see positions.books.';

COMMENT ON COLUMN positions.legs.book_id IS 'The book, see positions.books.';

COMMENT ON COLUMN positions.legs.position_id IS 'The position.';

COMMENT ON COLUMN positions.legs.leg IS 'Name of the leg in its position.';

COMMENT ON COLUMN positions.legs.leg_index IS 'Place of the leg in position_opened, from 0.';

COMMENT ON COLUMN positions.legs.venue IS 'The exchange.';

COMMENT ON COLUMN positions.legs.account IS 'Account at the venue.';

COMMENT ON COLUMN positions.legs.instrument IS 'Instrument, as the venue calls it.';

COMMENT ON COLUMN positions.legs.kind IS 'linear, inverse or spot; decides how a fill is valued.';

COMMENT ON COLUMN positions.legs.side IS 'long or short: the side it is to take.';

COMMENT ON COLUMN positions.legs.base IS 'Base asset of the instrument.';

COMMENT ON COLUMN positions.legs.quote IS 'Quote asset, the unit of its prices.';

COMMENT ON COLUMN positions.legs.settle IS 'Settle asset, the unit of its money columns.';

COMMENT ON COLUMN positions.legs.multiplier IS 'Base units a contract (inverse: quote units a contract), > 0.';

COMMENT ON COLUMN positions.legs.target_qty IS 'Quantity to reach, in contracts (spot: base units), > 0.';

COMMENT ON COLUMN positions.legs.qty_scale IS 'Decimal places of a quantity at the venue.';

COMMENT ON COLUMN positions.legs.price_scale IS 'Decimal places of a price at the venue.';

COMMENT ON COLUMN positions.legs.settle_scale IS 'Decimal places of an amount in settle; inverse fills are rounded to it.';

COMMENT ON COLUMN positions.legs.funding_interval_s IS 'Time between two settlements of funding, in seconds; null when not given.';

COMMENT ON COLUMN positions.legs.state IS 'PLANNED, BUILDING, FILLED, REDUCING or FLAT.';

COMMENT ON COLUMN positions.legs.flags IS 'Flags of the leg, such as OVERSHOT; empty when none holds.';

COMMENT ON COLUMN positions.legs.qty IS 'Quantity held, + long, - short, in contracts (spot: base units).';

COMMENT ON COLUMN positions.legs.peak_qty IS 'Greatest quantity ever held, without sign, in the unit of qty.';

COMMENT ON COLUMN positions.legs.open_cost IS 'What the held quantity cost, >= 0, in settle; 0 when flat.';

COMMENT ON COLUMN positions.legs.avg_entry_px IS 'Average entry price, in quote, for display only; null when flat.';

COMMENT ON COLUMN positions.legs.avg_exit_px IS 'Average price of the quantity that left, in quote, for display only; null before.';

COMMENT ON COLUMN positions.legs.realized_price IS 'Realised P&L from prices alone, in settle.';

COMMENT ON COLUMN positions.legs.fees IS 'Fees by asset, {"ASSET": "decimal"}, + cost, each in its own asset.';

COMMENT ON COLUMN positions.legs.fee_value IS 'All fees valued in settle, + cost; null while one is not valued.';

COMMENT ON COLUMN positions.legs.funding IS 'Funding by asset, {"ASSET": "decimal"}, + received, each in its own asset.';

COMMENT ON COLUMN positions.legs.funding_value IS 'All funding valued in settle, + received; null while one is not valued.';

COMMENT ON COLUMN positions.legs.adjustments IS 'Sum of the cash adjustments, in settle.';

COMMENT ON COLUMN positions.legs.net IS 'realized_price - fee_value + funding_value + adjustments, in settle; null when one is.';

COMMENT ON COLUMN positions.legs.mark_px IS 'Last mark price, in quote; null before the first mark.';

COMMENT ON COLUMN positions.legs.mark_at IS 'effective_at of the last mark; null before the first mark.';

COMMENT ON COLUMN positions.legs.unrealized IS 'Unrealised P&L at the last mark, in settle; null without a mark.';

COMMENT ON COLUMN positions.legs.margin_ratio IS 'Margin ratio at the last mark, 1 = 100 %; null when not told.';

COMMENT ON COLUMN positions.legs.liquidation_px IS 'Liquidation price at the last mark, in quote; null when not told.';

COMMENT ON COLUMN positions.legs.log_position IS 'Log position of the last event that changed this row.';

COMMENT ON COLUMN positions.legs.changed_at IS 'recorded_at of the last event that changed this row.';

CREATE TABLE positions.legs_rows_1 (
    mark_at timestamp with time zone,
    changed_at timestamp with time zone NOT NULL,
    log_position bigint NOT NULL,
    position_id uuid NOT NULL,
    book_id integer NOT NULL,
    leg_index integer NOT NULL,
    qty_scale integer NOT NULL,
    price_scale integer NOT NULL,
    settle_scale integer NOT NULL,
    funding_interval_s integer,
    slot smallint NOT NULL,
    multiplier numeric(38,18) NOT NULL,
    target_qty numeric(38,18) NOT NULL,
    qty numeric(38,18) NOT NULL,
    peak_qty numeric(38,18) NOT NULL,
    open_cost numeric(38,18) NOT NULL,
    avg_entry_px numeric(38,18),
    avg_exit_px numeric(38,18),
    realized_price numeric(38,18) NOT NULL,
    fee_value numeric(38,18),
    funding_value numeric(38,18),
    adjustments numeric(38,18) NOT NULL,
    net numeric(38,18),
    mark_px numeric(38,18),
    unrealized numeric(38,18),
    margin_ratio numeric(38,18),
    liquidation_px numeric(38,18),
    leg text NOT NULL,
    venue text NOT NULL,
    account text NOT NULL,
    instrument text NOT NULL,
    kind text NOT NULL,
    side text NOT NULL,
    base text NOT NULL,
    quote text NOT NULL,
    settle text NOT NULL,
    state text NOT NULL,
    flags text[] NOT NULL,
    fees json NOT NULL,
    funding json NOT NULL,
    CONSTRAINT fees_are_an_object CHECK ((json_typeof(fees) = 'object'::text)),
    CONSTRAINT flags_are_known CHECK ((flags <@ ARRAY['UNHEDGED'::text, 'LIQUIDATED'::text, 'ADL'::text, 'PROVISIONAL'::text, 'OVERSHOT'::text, 'REOPENED_BY_CORRECTION'::text, 'RESTATED'::text])),
    CONSTRAINT flat_leg_has_no_cost CHECK (((qty <> (0)::numeric) OR (open_cost = (0)::numeric))),
    CONSTRAINT funding_interval_is_positive CHECK ((funding_interval_s > 0)),
    CONSTRAINT funding_is_an_object CHECK ((json_typeof(funding) = 'object'::text)),
    CONSTRAINT kind_is_known CHECK ((kind = ANY (ARRAY['linear'::text, 'inverse'::text, 'spot'::text]))),
    CONSTRAINT leg_index_is_not_negative CHECK ((leg_index >= 0)),
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT mark_has_price_and_time CHECK (((mark_px IS NULL) = (mark_at IS NULL))),
    CONSTRAINT multiplier_is_positive CHECK ((multiplier > (0)::numeric)),
    CONSTRAINT net_is_the_sum_of_its_parts CHECK ((net = (((realized_price - fee_value) + funding_value) + adjustments))),
    CONSTRAINT open_cost_is_not_negative CHECK ((open_cost >= (0)::numeric)),
    CONSTRAINT peak_is_not_below_quantity CHECK ((peak_qty >= abs(qty))),
    CONSTRAINT price_scale_is_within_18_places CHECK (((price_scale >= 0) AND (price_scale <= 18))),
    CONSTRAINT qty_scale_is_within_18_places CHECK (((qty_scale >= 0) AND (qty_scale <= 18))),
    CONSTRAINT settle_scale_is_within_18_places CHECK (((settle_scale >= 0) AND (settle_scale <= 18))),
    CONSTRAINT side_is_known CHECK ((side = ANY (ARRAY['long'::text, 'short'::text]))),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3]))),
    CONSTRAINT state_is_known CHECK ((state = ANY (ARRAY['PLANNED'::text, 'BUILDING'::text, 'FILLED'::text, 'REDUCING'::text, 'FLAT'::text]))),
    CONSTRAINT target_is_positive CHECK ((target_qty > (0)::numeric))
)
WITH (fillfactor='80');

COMMENT ON TABLE positions.legs_rows_1 IS 'Slot 1 of positions.legs_rows.';

CREATE TABLE positions.legs_rows_2 (
    mark_at timestamp with time zone,
    changed_at timestamp with time zone NOT NULL,
    log_position bigint NOT NULL,
    position_id uuid NOT NULL,
    book_id integer NOT NULL,
    leg_index integer NOT NULL,
    qty_scale integer NOT NULL,
    price_scale integer NOT NULL,
    settle_scale integer NOT NULL,
    funding_interval_s integer,
    slot smallint NOT NULL,
    multiplier numeric(38,18) NOT NULL,
    target_qty numeric(38,18) NOT NULL,
    qty numeric(38,18) NOT NULL,
    peak_qty numeric(38,18) NOT NULL,
    open_cost numeric(38,18) NOT NULL,
    avg_entry_px numeric(38,18),
    avg_exit_px numeric(38,18),
    realized_price numeric(38,18) NOT NULL,
    fee_value numeric(38,18),
    funding_value numeric(38,18),
    adjustments numeric(38,18) NOT NULL,
    net numeric(38,18),
    mark_px numeric(38,18),
    unrealized numeric(38,18),
    margin_ratio numeric(38,18),
    liquidation_px numeric(38,18),
    leg text NOT NULL,
    venue text NOT NULL,
    account text NOT NULL,
    instrument text NOT NULL,
    kind text NOT NULL,
    side text NOT NULL,
    base text NOT NULL,
    quote text NOT NULL,
    settle text NOT NULL,
    state text NOT NULL,
    flags text[] NOT NULL,
    fees json NOT NULL,
    funding json NOT NULL,
    CONSTRAINT fees_are_an_object CHECK ((json_typeof(fees) = 'object'::text)),
    CONSTRAINT flags_are_known CHECK ((flags <@ ARRAY['UNHEDGED'::text, 'LIQUIDATED'::text, 'ADL'::text, 'PROVISIONAL'::text, 'OVERSHOT'::text, 'REOPENED_BY_CORRECTION'::text, 'RESTATED'::text])),
    CONSTRAINT flat_leg_has_no_cost CHECK (((qty <> (0)::numeric) OR (open_cost = (0)::numeric))),
    CONSTRAINT funding_interval_is_positive CHECK ((funding_interval_s > 0)),
    CONSTRAINT funding_is_an_object CHECK ((json_typeof(funding) = 'object'::text)),
    CONSTRAINT kind_is_known CHECK ((kind = ANY (ARRAY['linear'::text, 'inverse'::text, 'spot'::text]))),
    CONSTRAINT leg_index_is_not_negative CHECK ((leg_index >= 0)),
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT mark_has_price_and_time CHECK (((mark_px IS NULL) = (mark_at IS NULL))),
    CONSTRAINT multiplier_is_positive CHECK ((multiplier > (0)::numeric)),
    CONSTRAINT net_is_the_sum_of_its_parts CHECK ((net = (((realized_price - fee_value) + funding_value) + adjustments))),
    CONSTRAINT open_cost_is_not_negative CHECK ((open_cost >= (0)::numeric)),
    CONSTRAINT peak_is_not_below_quantity CHECK ((peak_qty >= abs(qty))),
    CONSTRAINT price_scale_is_within_18_places CHECK (((price_scale >= 0) AND (price_scale <= 18))),
    CONSTRAINT qty_scale_is_within_18_places CHECK (((qty_scale >= 0) AND (qty_scale <= 18))),
    CONSTRAINT settle_scale_is_within_18_places CHECK (((settle_scale >= 0) AND (settle_scale <= 18))),
    CONSTRAINT side_is_known CHECK ((side = ANY (ARRAY['long'::text, 'short'::text]))),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3]))),
    CONSTRAINT state_is_known CHECK ((state = ANY (ARRAY['PLANNED'::text, 'BUILDING'::text, 'FILLED'::text, 'REDUCING'::text, 'FLAT'::text]))),
    CONSTRAINT target_is_positive CHECK ((target_qty > (0)::numeric))
)
WITH (fillfactor='80');

COMMENT ON TABLE positions.legs_rows_2 IS 'Slot 2 of positions.legs_rows.';

CREATE TABLE positions.legs_rows_3 (
    mark_at timestamp with time zone,
    changed_at timestamp with time zone NOT NULL,
    log_position bigint NOT NULL,
    position_id uuid NOT NULL,
    book_id integer NOT NULL,
    leg_index integer NOT NULL,
    qty_scale integer NOT NULL,
    price_scale integer NOT NULL,
    settle_scale integer NOT NULL,
    funding_interval_s integer,
    slot smallint NOT NULL,
    multiplier numeric(38,18) NOT NULL,
    target_qty numeric(38,18) NOT NULL,
    qty numeric(38,18) NOT NULL,
    peak_qty numeric(38,18) NOT NULL,
    open_cost numeric(38,18) NOT NULL,
    avg_entry_px numeric(38,18),
    avg_exit_px numeric(38,18),
    realized_price numeric(38,18) NOT NULL,
    fee_value numeric(38,18),
    funding_value numeric(38,18),
    adjustments numeric(38,18) NOT NULL,
    net numeric(38,18),
    mark_px numeric(38,18),
    unrealized numeric(38,18),
    margin_ratio numeric(38,18),
    liquidation_px numeric(38,18),
    leg text NOT NULL,
    venue text NOT NULL,
    account text NOT NULL,
    instrument text NOT NULL,
    kind text NOT NULL,
    side text NOT NULL,
    base text NOT NULL,
    quote text NOT NULL,
    settle text NOT NULL,
    state text NOT NULL,
    flags text[] NOT NULL,
    fees json NOT NULL,
    funding json NOT NULL,
    CONSTRAINT fees_are_an_object CHECK ((json_typeof(fees) = 'object'::text)),
    CONSTRAINT flags_are_known CHECK ((flags <@ ARRAY['UNHEDGED'::text, 'LIQUIDATED'::text, 'ADL'::text, 'PROVISIONAL'::text, 'OVERSHOT'::text, 'REOPENED_BY_CORRECTION'::text, 'RESTATED'::text])),
    CONSTRAINT flat_leg_has_no_cost CHECK (((qty <> (0)::numeric) OR (open_cost = (0)::numeric))),
    CONSTRAINT funding_interval_is_positive CHECK ((funding_interval_s > 0)),
    CONSTRAINT funding_is_an_object CHECK ((json_typeof(funding) = 'object'::text)),
    CONSTRAINT kind_is_known CHECK ((kind = ANY (ARRAY['linear'::text, 'inverse'::text, 'spot'::text]))),
    CONSTRAINT leg_index_is_not_negative CHECK ((leg_index >= 0)),
    CONSTRAINT log_position_is_positive CHECK ((log_position >= 1)),
    CONSTRAINT mark_has_price_and_time CHECK (((mark_px IS NULL) = (mark_at IS NULL))),
    CONSTRAINT multiplier_is_positive CHECK ((multiplier > (0)::numeric)),
    CONSTRAINT net_is_the_sum_of_its_parts CHECK ((net = (((realized_price - fee_value) + funding_value) + adjustments))),
    CONSTRAINT open_cost_is_not_negative CHECK ((open_cost >= (0)::numeric)),
    CONSTRAINT peak_is_not_below_quantity CHECK ((peak_qty >= abs(qty))),
    CONSTRAINT price_scale_is_within_18_places CHECK (((price_scale >= 0) AND (price_scale <= 18))),
    CONSTRAINT qty_scale_is_within_18_places CHECK (((qty_scale >= 0) AND (qty_scale <= 18))),
    CONSTRAINT settle_scale_is_within_18_places CHECK (((settle_scale >= 0) AND (settle_scale <= 18))),
    CONSTRAINT side_is_known CHECK ((side = ANY (ARRAY['long'::text, 'short'::text]))),
    CONSTRAINT slot_is_one_of_three CHECK ((slot = ANY (ARRAY[1, 2, 3]))),
    CONSTRAINT state_is_known CHECK ((state = ANY (ARRAY['PLANNED'::text, 'BUILDING'::text, 'FILLED'::text, 'REDUCING'::text, 'FLAT'::text]))),
    CONSTRAINT target_is_positive CHECK ((target_qty > (0)::numeric))
)
WITH (fillfactor='80');

COMMENT ON TABLE positions.legs_rows_3 IS 'Slot 3 of positions.legs_rows.';

ALTER TABLE risk.alerts ALTER COLUMN alert_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME risk.alerts_alert_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE VIEW risk.exposures AS
 SELECT l.book,
    l.book_id,
    l.position_id,
    l.leg,
    l.venue,
    a.asset,
    a.strategy,
    l.qty,
    l.unrealized,
    (l.mark_px IS NULL) AS is_unmarked,
    (
        CASE
            WHEN (abs(round(n.usd, 18)) < '100000000000000000000'::numeric) THEN n.usd
            ELSE NULL::numeric
        END)::numeric(38,18) AS notional,
    (
        CASE
            WHEN (abs(round(u.usd, 18)) < '100000000000000000000'::numeric) THEN u.usd
            ELSE NULL::numeric
        END)::numeric(38,18) AS unrealized_usd
   FROM (((positions.legs l
     JOIN positions.active a ON (((a.book_id = l.book_id) AND (a.position_id = l.position_id))))
     CROSS JOIN LATERAL ( SELECT
                CASE
                    WHEN (NOT risk.is_usd(l.quote)) THEN NULL::numeric
                    WHEN (l.kind = 'inverse'::text) THEN (l.qty * l.multiplier)
                    ELSE ((l.qty * l.multiplier) * COALESCE(l.mark_px, l.avg_entry_px))
                END AS "case") n(usd))
     CROSS JOIN LATERAL ( SELECT
                CASE
                    WHEN risk.is_usd(l.settle) THEN l.unrealized
                    WHEN ((l.settle = l.base) AND risk.is_usd(l.quote)) THEN (l.unrealized * l.mark_px)
                    ELSE NULL::numeric
                END AS "case") u(usd))
  WHERE (l.qty <> (0)::numeric);

COMMENT ON VIEW risk.exposures IS 'A row is a leg that is held, with what it is worth now.';

COMMENT ON COLUMN risk.exposures.book IS 'Name of the book.';

COMMENT ON COLUMN risk.exposures.book_id IS 'The book, see positions.books.';

COMMENT ON COLUMN risk.exposures.position_id IS 'The position.';

COMMENT ON COLUMN risk.exposures.leg IS 'Name of the leg in its position.';

COMMENT ON COLUMN risk.exposures.venue IS 'The exchange.';

COMMENT ON COLUMN risk.exposures.asset IS 'Asset that the position trades.';

COMMENT ON COLUMN risk.exposures.strategy IS 'Strategy of the position.';

COMMENT ON COLUMN risk.exposures.qty IS 'Quantity held, + long, - short, in contracts (spot: base units).';

COMMENT ON COLUMN risk.exposures.unrealized IS 'Unrealised P&L at the last mark, in the leg''s settle asset; null without a mark.';

COMMENT ON COLUMN risk.exposures.is_unmarked IS 'Whether there is no mark, so that the average entry price stands in.';

COMMENT ON COLUMN risk.exposures.notional IS 'Linear and spot: quantity times multiplier times price; inverse: quantity times multiplier. + long, - short, in usd; null when it is not priced in usd, and from 10^20 on.';

COMMENT ON COLUMN risk.exposures.unrealized_usd IS 'Unrealised P&L at the last mark, in usd: as it is if it is in usd; times the mark if it is in the base asset of a leg that is priced in usd (inverse); else null, and without a mark.';

CREATE TABLE risk.snapshots (
    snapshot_id bigint NOT NULL,
    taken_at timestamp with time zone NOT NULL,
    log_position bigint NOT NULL,
    gross_exposure numeric(38,18) NOT NULL,
    net_exposure numeric(38,18) NOT NULL,
    unrealized numeric(38,18) NOT NULL,
    drawdown numeric(38,18),
    var numeric(38,18),
    var_confidence numeric(38,18) NOT NULL,
    var_window integer NOT NULL,
    var_days integer NOT NULL,
    positions integer NOT NULL,
    unmarked_legs integer NOT NULL,
    unpriced_legs integer NOT NULL,
    unvalued_legs integer DEFAULT 0 NOT NULL,
    book text NOT NULL,
    var_method text DEFAULT 'historical'::text NOT NULL,
    var_missing text,
    by_venue jsonb NOT NULL,
    by_asset jsonb NOT NULL,
    CONSTRAINT breakdowns_are_objects CHECK (((jsonb_typeof(by_venue) = 'object'::text) AND (jsonb_typeof(by_asset) = 'object'::text))),
    CONSTRAINT counts_are_not_negative CHECK (((var_days >= 0) AND (positions >= 0) AND (unmarked_legs >= 0) AND (unpriced_legs >= 0) AND (unvalued_legs >= 0))),
    CONSTRAINT drawdown_is_not_negative CHECK (((drawdown >= (0)::numeric) AND (drawdown <> 'NaN'::numeric))),
    CONSTRAINT gross_exposure_is_not_negative CHECK (((gross_exposure >= (0)::numeric) AND (gross_exposure <> 'NaN'::numeric))),
    CONSTRAINT net_exposure_is_at_most_gross CHECK (((abs(net_exposure) <= gross_exposure) AND (net_exposure <> 'NaN'::numeric))),
    CONSTRAINT var_is_not_negative CHECK (((var >= (0)::numeric) AND (var <> 'NaN'::numeric))),
    CONSTRAINT var_is_there_or_says_why_not CHECK (((var IS NULL) = (var_missing IS NOT NULL))),
    CONSTRAINT var_method_is_known CHECK ((var_method = 'historical'::text))
)
PARTITION BY RANGE (taken_at);

COMMENT ON TABLE risk.snapshots IS 'A row is the risk of a book at a moment, see risk.take_snapshot; by month of taken_at, UTC.';

COMMENT ON COLUMN risk.snapshots.snapshot_id IS 'Number of the snapshot, ascending.';

COMMENT ON COLUMN risk.snapshots.taken_at IS 'When.';

COMMENT ON COLUMN risk.snapshots.log_position IS 'Log position of the book at which the positions stood.';

COMMENT ON COLUMN risk.snapshots.gross_exposure IS 'Sum of the legs'' notionals without sign, in usd.';

COMMENT ON COLUMN risk.snapshots.net_exposure IS 'Sum of the legs'' notionals, + long, - short, in usd.';

COMMENT ON COLUMN risk.snapshots.unrealized IS 'Sum of the legs'' unrealised P&L at their last marks, in usd; without unvalued_legs.';

COMMENT ON COLUMN risk.snapshots.drawdown IS 'How far the sum of the days'' P&L is below its peak in the window, in usd; null when a day is not valued.';

COMMENT ON COLUMN risk.snapshots.var IS 'Value at risk of one day, a loss as a positive number, in usd; null if it cannot be told.';

COMMENT ON COLUMN risk.snapshots.var_confidence IS 'Confidence of the value at risk, 0.5 to 0.9999.';

COMMENT ON COLUMN risk.snapshots.var_window IS 'Days that it looks back at most.';

COMMENT ON COLUMN risk.snapshots.var_days IS 'Days that it could look at: those of the window from the book''s first day with P&L on.';

COMMENT ON COLUMN risk.snapshots.positions IS 'Number of open positions.';

COMMENT ON COLUMN risk.snapshots.unmarked_legs IS 'Legs without a mark price, which are valued at their average entry price.';

COMMENT ON COLUMN risk.snapshots.unpriced_legs IS 'Legs that are priced in something else than usd, or not at all; they are in no sum.';

COMMENT ON COLUMN risk.snapshots.unvalued_legs IS 'Legs that are not in unrealized: without a mark, or of a settle asset without a price here.';

COMMENT ON COLUMN risk.snapshots.book IS 'Name of the book.';

COMMENT ON COLUMN risk.snapshots.var_method IS 'historical: the loss that was exceeded on so many days.';

COMMENT ON COLUMN risk.snapshots.var_missing IS 'Why there is no value at risk; null if there is one.';

COMMENT ON COLUMN risk.snapshots.by_venue IS 'Exposure by venue, {venue: {"gross", "net"}}, in usd.';

COMMENT ON COLUMN risk.snapshots.by_asset IS 'Exposure by asset of the positions, {asset: {"gross", "net"}}, in usd.';

CREATE VIEW risk.latest_snapshot AS
 SELECT s.book,
    s.taken_at,
    s.gross_exposure,
    s.net_exposure,
    s.unrealized,
    s.drawdown,
    s.var,
    s.var_missing,
    s.by_venue,
    s.by_asset,
    s.unmarked_legs,
    s.unpriced_legs,
    s.unvalued_legs
   FROM (positions.books b
     CROSS JOIN LATERAL ( SELECT k.snapshot_id,
            k.taken_at,
            k.log_position,
            k.gross_exposure,
            k.net_exposure,
            k.unrealized,
            k.drawdown,
            k.var,
            k.var_confidence,
            k.var_window,
            k.var_days,
            k.positions,
            k.unmarked_legs,
            k.unpriced_legs,
            k.unvalued_legs,
            k.book,
            k.var_method,
            k.var_missing,
            k.by_venue,
            k.by_asset
           FROM risk.snapshots k
          WHERE (k.book = b.name)
          ORDER BY k.taken_at DESC
         LIMIT 1) s);

COMMENT ON VIEW risk.latest_snapshot IS 'The last snapshot of each book, for other services.';

COMMENT ON COLUMN risk.latest_snapshot.book IS 'Name of the book.';

COMMENT ON COLUMN risk.latest_snapshot.taken_at IS 'When.';

COMMENT ON COLUMN risk.latest_snapshot.gross_exposure IS 'Sum of the legs'' notionals without sign, in usd.';

COMMENT ON COLUMN risk.latest_snapshot.net_exposure IS 'Sum of the legs'' notionals, + long, - short, in usd.';

COMMENT ON COLUMN risk.latest_snapshot.unrealized IS 'Unrealised P&L, in usd.';

COMMENT ON COLUMN risk.latest_snapshot.drawdown IS 'Drawdown, in usd; null if it cannot be told.';

COMMENT ON COLUMN risk.latest_snapshot.var IS 'Value at risk of one day, in usd; null if it cannot be told.';

COMMENT ON COLUMN risk.latest_snapshot.var_missing IS 'Why there is no value at risk.';

COMMENT ON COLUMN risk.latest_snapshot.by_venue IS 'Exposure by venue, {venue: {"gross", "net"}}, in usd.';

COMMENT ON COLUMN risk.latest_snapshot.by_asset IS 'Exposure by asset, {asset: {"gross", "net"}}, in usd.';

COMMENT ON COLUMN risk.latest_snapshot.unmarked_legs IS 'Legs without a mark price, which are valued at their average entry price.';

COMMENT ON COLUMN risk.latest_snapshot.unpriced_legs IS 'Legs that are in no sum, since they are not priced in usd.';

COMMENT ON COLUMN risk.latest_snapshot.unvalued_legs IS 'Legs that are not in unrealized.';

CREATE TABLE risk.limit_breaches (
    breach_id bigint NOT NULL,
    alert_id bigint,
    opened_at timestamp with time zone NOT NULL,
    closed_at timestamp with time zone,
    limit_value numeric(38,18) NOT NULL,
    measured numeric(38,18) NOT NULL,
    worst numeric(38,18) NOT NULL,
    limit_id integer NOT NULL,
    book text NOT NULL,
    subject text NOT NULL,
    level text NOT NULL,
    response text,
    CONSTRAINT breach_ends_after_it_began CHECK ((closed_at >= opened_at)),
    CONSTRAINT level_is_known CHECK ((level = ANY (ARRAY['warning'::text, 'hard'::text]))),
    CONSTRAINT measured_is_over_the_limit_while_open CHECK (((closed_at IS NOT NULL) OR (measured > limit_value))),
    CONSTRAINT response_has_at_most_2048_characters CHECK ((length(response) <= 2048)),
    CONSTRAINT subject_of_a_breach_has_1_to_256_characters CHECK (((length(subject) >= 1) AND (length(subject) <= 256))),
    CONSTRAINT worst_is_at_least_what_is_measured CHECK (((worst >= measured) AND (worst <> 'NaN'::numeric)))
);

COMMENT ON TABLE risk.limit_breaches IS 'A row is a breach of one value of a limit, from the snapshot that found it to the one that did not. One that gets from warning to hard or back, or whose limit is set anew, ends there and goes on as another row with the same alert.';

COMMENT ON COLUMN risk.limit_breaches.breach_id IS 'Number of the breach, ascending.';

COMMENT ON COLUMN risk.limit_breaches.alert_id IS 'The alert that it raised.';

COMMENT ON COLUMN risk.limit_breaches.opened_at IS 'taken_at of the snapshot that found it.';

COMMENT ON COLUMN risk.limit_breaches.closed_at IS 'taken_at of the snapshot that did not find it any more; null while it stands. A snapshot that cannot tell the figure leaves it standing.';

COMMENT ON COLUMN risk.limit_breaches.limit_value IS 'The limit of its level at that time, in the limit''s unit.';

COMMENT ON COLUMN risk.limit_breaches.measured IS 'What was measured last, in the limit''s unit.';

COMMENT ON COLUMN risk.limit_breaches.worst IS 'The most that was measured, in the limit''s unit.';

COMMENT ON COLUMN risk.limit_breaches.limit_id IS 'The limit.';

COMMENT ON COLUMN risk.limit_breaches.book IS 'Name of the book.';

COMMENT ON COLUMN risk.limit_breaches.subject IS 'What exceeds it: a position, a venue, an asset, or portfolio.';

COMMENT ON COLUMN risk.limit_breaches.level IS 'warning or hard: which value of the limit was exceeded.';

COMMENT ON COLUMN risk.limit_breaches.response IS 'What was done about it; null if nobody said.';

ALTER TABLE risk.limit_breaches ALTER COLUMN breach_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME risk.limit_breaches_breach_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE risk.snapshots ALTER COLUMN snapshot_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME risk.snapshots_snapshot_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE VIEW risk.standing_alerts AS
 SELECT a.alert_id,
    a.severity,
    a.type,
    a.subject,
    a.message,
    a.raised_at,
    a.last_raised_at,
    a.repeats,
    a.is_held,
    a.acknowledged_at,
    a.acknowledged_by,
    a.note
   FROM risk.alerts a
  WHERE (a.resolved_at IS NULL);

COMMENT ON VIEW risk.standing_alerts IS 'The alerts that stand, for other services.';

COMMENT ON COLUMN risk.standing_alerts.alert_id IS 'Number of the alert.';

COMMENT ON COLUMN risk.standing_alerts.severity IS 'info, warning or critical.';

COMMENT ON COLUMN risk.standing_alerts.type IS 'What kind of alert.';

COMMENT ON COLUMN risk.standing_alerts.subject IS 'What it is about.';

COMMENT ON COLUMN risk.standing_alerts.message IS 'What happened.';

COMMENT ON COLUMN risk.standing_alerts.raised_at IS 'When it was raised first.';

COMMENT ON COLUMN risk.standing_alerts.last_raised_at IS 'When it was raised last.';

COMMENT ON COLUMN risk.standing_alerts.repeats IS 'How often it was raised again.';

COMMENT ON COLUMN risk.standing_alerts.is_held IS 'Whether it waits for the end of a maintenance window.';

COMMENT ON COLUMN risk.standing_alerts.acknowledged_at IS 'When somebody took it up; null before.';

COMMENT ON COLUMN risk.standing_alerts.acknowledged_by IS 'Who took it up; null before.';

COMMENT ON COLUMN risk.standing_alerts.note IS 'What they said.';

ALTER TABLE ONLY analytics.daily_pnl_rows ATTACH PARTITION analytics.daily_pnl_rows_1 FOR VALUES IN ('1');

ALTER TABLE ONLY analytics.daily_pnl_rows ATTACH PARTITION analytics.daily_pnl_rows_2 FOR VALUES IN ('2');

ALTER TABLE ONLY analytics.daily_pnl_rows ATTACH PARTITION analytics.daily_pnl_rows_3 FOR VALUES IN ('3');

ALTER TABLE ONLY analytics.funding_collected_rows ATTACH PARTITION analytics.funding_collected_rows_1 FOR VALUES IN ('1');

ALTER TABLE ONLY analytics.funding_collected_rows ATTACH PARTITION analytics.funding_collected_rows_2 FOR VALUES IN ('2');

ALTER TABLE ONLY analytics.funding_collected_rows ATTACH PARTITION analytics.funding_collected_rows_3 FOR VALUES IN ('3');

ALTER TABLE ONLY analytics.position_days_rows ATTACH PARTITION analytics.position_days_rows_1 FOR VALUES IN ('1');

ALTER TABLE ONLY analytics.position_days_rows ATTACH PARTITION analytics.position_days_rows_2 FOR VALUES IN ('2');

ALTER TABLE ONLY analytics.position_days_rows ATTACH PARTITION analytics.position_days_rows_3 FOR VALUES IN ('3');

ALTER TABLE ONLY analytics.trade_stats_rows ATTACH PARTITION analytics.trade_stats_rows_1 FOR VALUES IN ('1');

ALTER TABLE ONLY analytics.trade_stats_rows ATTACH PARTITION analytics.trade_stats_rows_2 FOR VALUES IN ('2');

ALTER TABLE ONLY analytics.trade_stats_rows ATTACH PARTITION analytics.trade_stats_rows_3 FOR VALUES IN ('3');

ALTER TABLE ONLY positions.active_rows ATTACH PARTITION positions.active_rows_1 FOR VALUES IN ('1');

ALTER TABLE ONLY positions.active_rows ATTACH PARTITION positions.active_rows_2 FOR VALUES IN ('2');

ALTER TABLE ONLY positions.active_rows ATTACH PARTITION positions.active_rows_3 FOR VALUES IN ('3');

ALTER TABLE ONLY positions.history_rows ATTACH PARTITION positions.history_rows_1 FOR VALUES IN ('1');

ALTER TABLE ONLY positions.history_rows ATTACH PARTITION positions.history_rows_2 FOR VALUES IN ('2');

ALTER TABLE ONLY positions.history_rows ATTACH PARTITION positions.history_rows_3 FOR VALUES IN ('3');

ALTER TABLE ONLY positions.legs_rows ATTACH PARTITION positions.legs_rows_1 FOR VALUES IN ('1');

ALTER TABLE ONLY positions.legs_rows ATTACH PARTITION positions.legs_rows_2 FOR VALUES IN ('2');

ALTER TABLE ONLY positions.legs_rows ATTACH PARTITION positions.legs_rows_3 FOR VALUES IN ('3');

ALTER TABLE ONLY analytics.daily_pnl_rows
    ADD CONSTRAINT key_has_one_row_a_day PRIMARY KEY (slot, book_id, day, strategy, asset, venue, settle);

ALTER TABLE ONLY analytics.daily_pnl_rows_1
    ADD CONSTRAINT key_has_one_row_a_day_1 PRIMARY KEY (slot, book_id, day, strategy, asset, venue, settle);

ALTER TABLE ONLY analytics.daily_pnl_rows_2
    ADD CONSTRAINT key_has_one_row_a_day_2 PRIMARY KEY (slot, book_id, day, strategy, asset, venue, settle);

ALTER TABLE ONLY analytics.daily_pnl_rows_3
    ADD CONSTRAINT key_has_one_row_a_day_3 PRIMARY KEY (slot, book_id, day, strategy, asset, venue, settle);

ALTER TABLE ONLY analytics.position_days_rows
    ADD CONSTRAINT leg_has_one_row_a_day PRIMARY KEY (book_id, position_id, leg, day, slot);

ALTER TABLE ONLY analytics.position_days_rows_1
    ADD CONSTRAINT leg_has_one_row_a_day_1 PRIMARY KEY (book_id, position_id, leg, day, slot);

ALTER TABLE ONLY analytics.position_days_rows_2
    ADD CONSTRAINT leg_has_one_row_a_day_2 PRIMARY KEY (book_id, position_id, leg, day, slot);

ALTER TABLE ONLY analytics.position_days_rows_3
    ADD CONSTRAINT leg_has_one_row_a_day_3 PRIMARY KEY (book_id, position_id, leg, day, slot);

ALTER TABLE ONLY analytics.funding_collected_rows
    ADD CONSTRAINT leg_has_one_row_a_month PRIMARY KEY (book_id, position_id, leg, month, slot);

ALTER TABLE ONLY analytics.funding_collected_rows_1
    ADD CONSTRAINT leg_has_one_row_a_month_1 PRIMARY KEY (book_id, position_id, leg, month, slot);

ALTER TABLE ONLY analytics.funding_collected_rows_2
    ADD CONSTRAINT leg_has_one_row_a_month_2 PRIMARY KEY (book_id, position_id, leg, month, slot);

ALTER TABLE ONLY analytics.funding_collected_rows_3
    ADD CONSTRAINT leg_has_one_row_a_month_3 PRIMARY KEY (book_id, position_id, leg, month, slot);

ALTER TABLE ONLY analytics.trade_stats_rows
    ADD CONSTRAINT strategy_and_asset_have_one_row PRIMARY KEY (slot, book_id, strategy, asset, settle);

ALTER TABLE ONLY analytics.trade_stats_rows_1
    ADD CONSTRAINT strategy_and_asset_have_one_row_1 PRIMARY KEY (slot, book_id, strategy, asset, settle);

ALTER TABLE ONLY analytics.trade_stats_rows_2
    ADD CONSTRAINT strategy_and_asset_have_one_row_2 PRIMARY KEY (slot, book_id, strategy, asset, settle);

ALTER TABLE ONLY analytics.trade_stats_rows_3
    ADD CONSTRAINT strategy_and_asset_have_one_row_3 PRIMARY KEY (slot, book_id, strategy, asset, settle);

ALTER TABLE ONLY audit.actions
    ADD CONSTRAINT action_has_one_place PRIMARY KEY (action_id, acted_at);

ALTER TABLE ONLY audit.api_calls
    ADD CONSTRAINT call_has_one_place PRIMARY KEY (call_id, called_at);

ALTER TABLE ONLY auth.service_accounts
    ADD CONSTRAINT account_is_unique PRIMARY KEY (account);

ALTER TABLE ONLY auth.user_roles
    ADD CONSTRAINT role_is_granted_once PRIMARY KEY (user_id, role);

ALTER TABLE ONLY auth.roles
    ADD CONSTRAINT role_is_unique PRIMARY KEY (role);

ALTER TABLE ONLY auth.sessions
    ADD CONSTRAINT session_id_is_unique PRIMARY KEY (session_id);

ALTER TABLE ONLY auth.sessions
    ADD CONSTRAINT session_token_hash_is_unique UNIQUE (token_hash);

ALTER TABLE ONLY auth.service_accounts
    ADD CONSTRAINT token_hash_is_unique UNIQUE (token_hash);

ALTER TABLE ONLY auth.users
    ADD CONSTRAINT user_id_is_unique PRIMARY KEY (user_id);

ALTER TABLE ONLY auth.users
    ADD CONSTRAINT user_name_is_unique UNIQUE (name);

ALTER TABLE ONLY capital.accounts
    ADD CONSTRAINT account_has_one_number PRIMARY KEY (account_id);

ALTER TABLE ONLY capital.accounts
    ADD CONSTRAINT account_is_unique UNIQUE (exchange, name, asset);

ALTER TABLE ONLY capital.allocations
    ADD CONSTRAINT allocation_is_made_once PRIMARY KEY (allocation_id);

ALTER TABLE ONLY capital.transfers
    ADD CONSTRAINT transfer_is_made_once PRIMARY KEY (transfer_id);

ALTER TABLE ONLY config.change_log
    ADD CONSTRAINT change_has_one_number PRIMARY KEY (change_id);

ALTER TABLE ONLY config.exchange_credentials
    ADD CONSTRAINT credential_has_one_version PRIMARY KEY (exchange, version);

ALTER TABLE ONLY config.exchanges
    ADD CONSTRAINT exchange_is_unique PRIMARY KEY (exchange);

ALTER TABLE ONLY config.definitions
    ADD CONSTRAINT key_is_defined_once PRIMARY KEY (section, key);

ALTER TABLE ONLY config.risk_limits
    ADD CONSTRAINT limit_has_one_number PRIMARY KEY (limit_id);

ALTER TABLE ONLY config.risk_limits
    ADD CONSTRAINT limit_is_unique_in_its_scope UNIQUE (kind, scope);

ALTER TABLE ONLY config.strategy_parameters
    ADD CONSTRAINT parameter_has_one_value PRIMARY KEY (strategy, key);

ALTER TABLE ONLY config.ui_preferences
    ADD CONSTRAINT preference_has_one_value PRIMARY KEY (user_name, key);

ALTER TABLE ONLY config.system_settings
    ADD CONSTRAINT setting_has_one_value PRIMARY KEY (key);

ALTER TABLE ONLY config.maintenance_windows
    ADD CONSTRAINT window_is_unique PRIMARY KEY (window_name);

ALTER TABLE ONLY data_collector.ingestion_gaps
    ADD CONSTRAINT gap_has_one_number PRIMARY KEY (gap_id);

ALTER TABLE ONLY data_collector.ingestion_gaps
    ADD CONSTRAINT gap_is_unique UNIQUE (source, exchange, symbol, dataset, expected_from, expected_to, found_at);

ALTER TABLE ONLY data_collector.instruments
    ADD CONSTRAINT instrument_has_one_number PRIMARY KEY (instrument_id);

ALTER TABLE ONLY data_collector.instruments
    ADD CONSTRAINT instrument_is_one_thing_at_a_time EXCLUDE USING gist (exchange WITH =, symbol WITH =, tstzrange(valid_from, valid_to) WITH &&);

ALTER TABLE ONLY data_collector.instruments
    ADD CONSTRAINT instrument_is_unique_in_time UNIQUE (exchange, symbol, valid_from);

ALTER TABLE ONLY data_collector.sources
    ADD CONSTRAINT priority_is_unique UNIQUE (priority);

ALTER TABLE ONLY data_collector.ingestion_runs
    ADD CONSTRAINT run_has_one_place PRIMARY KEY (run_id, started_at);

ALTER TABLE ONLY data_collector.ingestion_runs
    ADD CONSTRAINT run_is_unique_in_its_moment UNIQUE NULLS NOT DISTINCT (source, exchange, dataset, started_at);

ALTER TABLE ONLY data_collector.sources
    ADD CONSTRAINT source_is_unique PRIMARY KEY (source);

ALTER TABLE ONLY funding.discrepancies
    ADD CONSTRAINT discrepancy_has_one_number PRIMARY KEY (discrepancy_id);

ALTER TABLE ONLY funding.discrepancies
    ADD CONSTRAINT discrepancy_is_unique_in_its_episode UNIQUE (exchange, symbol, funding_time, source_a, source_b, episode);

ALTER TABLE ONLY funding.rates
    ADD CONSTRAINT rate_has_one_place PRIMARY KEY (source, exchange, symbol, funding_time);

ALTER TABLE ONLY funding.rate_revisions
    ADD CONSTRAINT revision_has_one_place PRIMARY KEY (source, exchange, symbol, funding_time, recorded_at);

ALTER TABLE ONLY funding.series
    ADD CONSTRAINT series_is_unique PRIMARY KEY (source, exchange, symbol);

ALTER TABLE ONLY funding.snapshots
    ADD CONSTRAINT snapshot_has_one_row_a_symbol PRIMARY KEY (snapshot_at, exchange, symbol);

ALTER TABLE ONLY funding.symbols
    ADD CONSTRAINT symbol_is_unique_on_its_exchange PRIMARY KEY (exchange, symbol);

ALTER TABLE ONLY maintenance.jobs
    ADD CONSTRAINT job_is_unique PRIMARY KEY (job);

ALTER TABLE ONLY maintenance.runs
    ADD CONSTRAINT run_has_one_number PRIMARY KEY (run_id);

ALTER TABLE ONLY opportunities.executions
    ADD CONSTRAINT execution_has_one_place PRIMARY KEY (execution_id, detected_at);

ALTER TABLE ONLY opportunities.executions
    ADD CONSTRAINT execution_is_one_attempt UNIQUE (opportunity_id, detected_at, attempt);

ALTER TABLE ONLY opportunities.detected
    ADD CONSTRAINT opportunity_has_one_place PRIMARY KEY (opportunity_id, detected_at);

ALTER TABLE ONLY opportunities.detected
    ADD CONSTRAINT opportunity_is_detected_once UNIQUE (long_exchange, long_symbol, short_exchange, short_symbol, strategy, detected_at);

ALTER TABLE ONLY positions.log_head
    ADD CONSTRAINT book_has_one_head PRIMARY KEY (book_id);

ALTER TABLE ONLY positions.live_slot
    ADD CONSTRAINT book_has_one_live_slot PRIMARY KEY (book_id);

ALTER TABLE ONLY positions.books
    ADD CONSTRAINT book_id_is_unique PRIMARY KEY (book_id);

ALTER TABLE ONLY positions.books
    ADD CONSTRAINT book_name_is_unique UNIQUE (name);

ALTER TABLE ONLY positions.comparisons
    ADD CONSTRAINT comparison_has_one_digest PRIMARY KEY (book_id, digest, from_slot, to_slot);

ALTER TABLE ONLY positions.history_rows
    ADD CONSTRAINT ended_position_has_one_row PRIMARY KEY (book_id, position_id, slot);

ALTER TABLE ONLY positions.history_rows_1
    ADD CONSTRAINT ended_position_has_one_row_1 PRIMARY KEY (book_id, position_id, slot);

ALTER TABLE ONLY positions.history_rows_2
    ADD CONSTRAINT ended_position_has_one_row_2 PRIMARY KEY (book_id, position_id, slot);

ALTER TABLE ONLY positions.history_rows_3
    ADD CONSTRAINT ended_position_has_one_row_3 PRIMARY KEY (book_id, position_id, slot);

ALTER TABLE ONLY positions.events
    ADD CONSTRAINT event_has_one_place PRIMARY KEY (book_id, log_position, recorded_at);

ALTER TABLE ONLY positions.event_keys
    ADD CONSTRAINT event_id_is_unique_in_its_book PRIMARY KEY (book_id, event_id);

ALTER TABLE ONLY positions.outbox_discards
    ADD CONSTRAINT event_is_discarded_once PRIMARY KEY (book_id, event_id);

ALTER TABLE ONLY positions.projection_checkpoints
    ADD CONSTRAINT generation_has_one_checkpoint PRIMARY KEY (book_id, slot);

ALTER TABLE ONLY positions.legs_rows
    ADD CONSTRAINT leg_has_one_row PRIMARY KEY (book_id, position_id, leg, slot);

ALTER TABLE ONLY positions.legs_rows_1
    ADD CONSTRAINT leg_has_one_row_1 PRIMARY KEY (book_id, position_id, leg, slot);

ALTER TABLE ONLY positions.legs_rows_2
    ADD CONSTRAINT leg_has_one_row_2 PRIMARY KEY (book_id, position_id, leg, slot);

ALTER TABLE ONLY positions.legs_rows_3
    ADD CONSTRAINT leg_has_one_row_3 PRIMARY KEY (book_id, position_id, leg, slot);

ALTER TABLE ONLY positions.active_rows
    ADD CONSTRAINT open_position_has_one_row PRIMARY KEY (book_id, position_id, slot);

ALTER TABLE ONLY positions.active_rows_1
    ADD CONSTRAINT open_position_has_one_row_1 PRIMARY KEY (book_id, position_id, slot);

ALTER TABLE ONLY positions.active_rows_2
    ADD CONSTRAINT open_position_has_one_row_2 PRIMARY KEY (book_id, position_id, slot);

ALTER TABLE ONLY positions.active_rows_3
    ADD CONSTRAINT open_position_has_one_row_3 PRIMARY KEY (book_id, position_id, slot);

ALTER TABLE ONLY positions.streams
    ADD CONSTRAINT position_has_one_stream PRIMARY KEY (book_id, position_id);

ALTER TABLE ONLY positions.quarantine
    ADD CONSTRAINT position_is_quarantined_once PRIMARY KEY (slot, book_id, position_id);

ALTER TABLE ONLY positions.deliveries
    ADD CONSTRAINT run_of_events_is_delivered_once PRIMARY KEY (book_id, log_position);

ALTER TABLE ONLY positions.generation_steps
    ADD CONSTRAINT step_has_one_number PRIMARY KEY (book_id, step_id);

ALTER TABLE ONLY risk.alerts
    ADD CONSTRAINT alert_has_one_number PRIMARY KEY (alert_id);

ALTER TABLE ONLY risk.limit_breaches
    ADD CONSTRAINT breach_has_one_number PRIMARY KEY (breach_id);

ALTER TABLE ONLY risk.snapshots
    ADD CONSTRAINT snapshot_has_one_place PRIMARY KEY (book, taken_at);

CREATE INDEX funding_collected_by_month ON ONLY analytics.funding_collected_rows USING btree (slot, book_id, month, strategy, asset);

COMMENT ON INDEX analytics.funding_collected_by_month IS 'The funding of a period, by strategy and asset.';

CREATE INDEX funding_collected_by_month_1 ON analytics.funding_collected_rows_1 USING btree (slot, book_id, month, strategy, asset);

CREATE INDEX funding_collected_by_month_2 ON analytics.funding_collected_rows_2 USING btree (slot, book_id, month, strategy, asset);

CREATE INDEX funding_collected_by_month_3 ON analytics.funding_collected_rows_3 USING btree (slot, book_id, month, strategy, asset);

CREATE UNIQUE INDEX monthly_pnl_has_one_row ON analytics.monthly_pnl USING btree (book_id, month, strategy, asset, venue, settle);

COMMENT ON INDEX analytics.monthly_pnl_has_one_row IS 'A book''s months; a refresh that lets readers go on needs it.';

CREATE INDEX position_days_by_asset ON ONLY analytics.position_days_rows USING btree (book_id, day, asset);

COMMENT ON INDEX analytics.position_days_by_asset IS 'The legs behind a figure of daily_pnl.';

CREATE INDEX position_days_by_asset_1 ON analytics.position_days_rows_1 USING btree (book_id, day, asset);

CREATE INDEX position_days_by_asset_2 ON analytics.position_days_rows_2 USING btree (book_id, day, asset);

CREATE INDEX position_days_by_asset_3 ON analytics.position_days_rows_3 USING btree (book_id, day, asset);

CREATE UNIQUE INDEX venue_month_funding_has_one_row ON analytics.venue_month_funding USING btree (book_id, month, venue, settle);

COMMENT ON INDEX analytics.venue_month_funding_has_one_row IS 'A book''s months; a refresh that lets readers go on needs it.';

CREATE INDEX actions_by_actor ON ONLY audit.actions USING btree (actor, acted_at);

COMMENT ON INDEX audit.actions_by_actor IS 'What somebody did in a period.';

CREATE INDEX actions_by_request ON ONLY audit.actions USING gin (request jsonb_path_ops);

COMMENT ON INDEX audit.actions_by_request IS 'Actions whose request contains something (request @> …).';

CREATE INDEX actions_by_subject ON ONLY audit.actions USING btree (subject, acted_at);

COMMENT ON INDEX audit.actions_by_subject IS 'What was done to something, the newest last.';

CREATE INDEX actions_by_time ON ONLY audit.actions USING brin (acted_at);

COMMENT ON INDEX audit.actions_by_time IS 'A period of a year''s actions: they come in the order of time, so a range of blocks is known by its least and greatest.';

CREATE INDEX api_calls_by_exchange ON ONLY audit.api_calls USING btree (exchange, called_at);

COMMENT ON INDEX audit.api_calls_by_exchange IS 'Response times and errors of one exchange in a period.';

CREATE INDEX api_calls_by_time ON ONLY audit.api_calls USING brin (called_at);

COMMENT ON INDEX audit.api_calls_by_time IS 'All calls of a period.';

CREATE INDEX api_calls_that_failed ON ONLY audit.api_calls USING btree (called_at) WHERE ((error IS NOT NULL) OR (status >= 400));

COMMENT ON INDEX audit.api_calls_that_failed IS 'The latest failures, which are few among all calls.';

CREATE INDEX sessions_by_account ON auth.sessions USING btree (account) WHERE (account IS NOT NULL);

COMMENT ON INDEX auth.sessions_by_account IS 'A service account''s sessions; the foreign key.';

CREATE INDEX sessions_by_end ON auth.sessions USING btree (expires_at);

COMMENT ON INDEX auth.sessions_by_end IS 'Sessions that ended long ago, which are removed.';

CREATE INDEX sessions_by_user ON auth.sessions USING btree (user_id, expires_at) WHERE (user_id IS NOT NULL);

COMMENT ON INDEX auth.sessions_by_user IS 'A user''s sessions: to list or to revoke them; the foreign key.';

CREATE INDEX user_roles_by_role ON auth.user_roles USING btree (role);

COMMENT ON INDEX auth.user_roles_by_role IS 'Who has a role; the foreign key to auth.roles.';

CREATE INDEX allocations_by_account ON capital.allocations USING btree (account_id, status, requested_at);

COMMENT ON INDEX capital.allocations_by_account IS 'What of an account is set aside for whom, the oldest first; the foreign key.';

CREATE INDEX allocations_by_position ON capital.allocations USING hash (position_id);

COMMENT ON INDEX capital.allocations_by_position IS 'A position''s capital: equality only.';

CREATE INDEX allocations_that_stand ON capital.allocations USING btree (strategy, requested_at) WHERE (status <> 'released'::text);

COMMENT ON INDEX capital.allocations_that_stand IS 'What a strategy has set aside now; released ones are most and left out.';

CREATE INDEX transfers_from_account ON capital.transfers USING btree (from_account, requested_at);

COMMENT ON INDEX capital.transfers_from_account IS 'What left an account; the foreign key.';

CREATE INDEX transfers_to_account ON capital.transfers USING btree (to_account, requested_at);

COMMENT ON INDEX capital.transfers_to_account IS 'What reached an account; the foreign key.';

CREATE INDEX transfers_under_way ON capital.transfers USING btree (status, requested_at) WHERE (status = ANY (ARRAY['requested'::text, 'sent'::text]));

COMMENT ON INDEX capital.transfers_under_way IS 'Transfers that have not ended, the oldest first.';

CREATE INDEX change_log_by_path ON config.change_log USING btree (path, change_id);

COMMENT ON INDEX config.change_log_by_path IS 'The history of an entry; its value at a moment.';

CREATE INDEX change_log_by_rollback ON config.change_log USING btree (rolls_back) WHERE (rolls_back IS NOT NULL);

COMMENT ON INDEX config.change_log_by_rollback IS 'Whether a change was taken back; the foreign key.';

CREATE INDEX change_log_by_user ON config.change_log USING btree (user_id) WHERE (user_id IS NOT NULL);

COMMENT ON INDEX config.change_log_by_user IS 'What a user changed; the foreign key.';

CREATE INDEX exchange_credentials_by_key ON config.exchange_credentials USING hash (key_id);

COMMENT ON INDEX config.exchange_credentials_by_key IS 'What a rotation has still to do: equality only.';

CREATE INDEX maintenance_windows_by_end ON config.maintenance_windows USING btree (ends_at, starts_at);

COMMENT ON INDEX config.maintenance_windows_by_end IS 'The windows that a moment is in: those that end after it.';

CREATE INDEX strategy_parameters_by_value ON config.strategy_parameters USING gin (value jsonb_path_ops);

COMMENT ON INDEX config.strategy_parameters_by_value IS 'Which strategies use a value (value @> …).';

CREATE INDEX ingestion_gaps_by_exchange ON data_collector.ingestion_gaps USING btree (exchange, symbol, expected_from);

COMMENT ON INDEX data_collector.ingestion_gaps_by_exchange IS 'What is missing of an instrument in a period; the foreign key.';

CREATE UNIQUE INDEX ingestion_gaps_that_are_open ON data_collector.ingestion_gaps USING btree (source, exchange, symbol, dataset, expected_from) WHERE (filled_at IS NULL);

COMMENT ON INDEX data_collector.ingestion_gaps_that_are_open IS 'What a collector has to bring still: the few that are not filled. A gap is open once.';

CREATE INDEX ingestion_runs_by_exchange ON ONLY data_collector.ingestion_runs USING btree (exchange, started_at);

COMMENT ON INDEX data_collector.ingestion_runs_by_exchange IS 'The latest runs of an exchange; the foreign key.';

CREATE INDEX ingestion_runs_by_status ON ONLY data_collector.ingestion_runs USING btree (status, started_at) WHERE (status <> 'succeeded'::text);

COMMENT ON INDEX data_collector.ingestion_runs_by_status IS 'Runs that have not ended, and those that failed: few among all.';

CREATE INDEX instruments_by_base ON data_collector.instruments USING btree (base, exchange) WHERE (valid_to IS NULL);

COMMENT ON INDEX data_collector.instruments_by_base IS 'Where an asset can be traded now; former terms are left out.';

CREATE INDEX discrepancies_by_source_a ON funding.discrepancies USING btree (source_a, opened_at);

COMMENT ON INDEX funding.discrepancies_by_source_a IS 'How often a source differed in a period, with the next index; the foreign key.';

CREATE INDEX discrepancies_by_source_b ON funding.discrepancies USING btree (source_b, opened_at);

COMMENT ON INDEX funding.discrepancies_by_source_b IS 'How often a source differed in a period, with the index before; the foreign key.';

CREATE INDEX discrepancies_by_status ON funding.discrepancies USING btree (status, opened_at);

COMMENT ON INDEX funding.discrepancies_by_status IS 'The latest discrepancies that are open or resolved.';

CREATE UNIQUE INDEX discrepancies_that_are_open ON funding.discrepancies USING btree (exchange, symbol, funding_time, source_a, source_b) WHERE (status = 'open'::text);

COMMENT ON INDEX funding.discrepancies_that_are_open IS 'What is not resolved: few among all. Two sources have one open at a settlement.';

CREATE INDEX rate_revisions_by_symbol ON ONLY funding.rate_revisions USING btree (exchange, symbol, funding_time);

COMMENT ON INDEX funding.rate_revisions_by_symbol IS 'How a symbol''s rates were corrected, by all sources.';

CREATE INDEX rates_by_receipt ON ONLY funding.rates USING brin (received_at) WITH (pages_per_range='32');

COMMENT ON INDEX funding.rates_by_receipt IS 'What came in a period: rows stand in the order in which they came.';

CREATE INDEX rates_by_symbol ON ONLY funding.rates USING btree (exchange, symbol, funding_time);

COMMENT ON INDEX funding.rates_by_symbol IS 'A symbol''s rates of all sources in a period or at a settlement.';

CREATE INDEX rates_that_were_revised ON ONLY funding.rates USING btree (received_at) WHERE (revision > 1);

COMMENT ON INDEX funding.rates_that_were_revised IS 'Which rates were corrected lately: few among all.';

CREATE INDEX series_by_symbol ON funding.series USING btree (exchange, symbol);

COMMENT ON INDEX funding.series_by_symbol IS 'Which sources tell of a symbol; the foreign key.';

CREATE INDEX snapshots_by_symbol ON ONLY funding.snapshots USING btree (exchange, symbol, snapshot_at);

COMMENT ON INDEX funding.snapshots_by_symbol IS 'One symbol through time; the foreign key.';

CREATE INDEX runs_by_job ON maintenance.runs USING btree (job, started_at);

COMMENT ON INDEX maintenance.runs_by_job IS 'The last run of a job; the foreign key.';

CREATE INDEX runs_that_failed ON maintenance.runs USING btree (started_at) WHERE (outcome = 'failed'::text);

COMMENT ON INDEX maintenance.runs_that_failed IS 'The latest failures.';

CREATE INDEX detected_by_components ON ONLY opportunities.detected USING gin (components jsonb_path_ops);

COMMENT ON INDEX opportunities.detected_by_components IS 'Opportunities whose score contains something (components @> …).';

CREATE INDEX detected_by_short_exchange ON ONLY opportunities.detected USING btree (short_exchange, detected_at);

COMMENT ON INDEX opportunities.detected_by_short_exchange IS 'Opportunities with their short leg at an exchange; the foreign key.';

CREATE INDEX detected_by_status ON ONLY opportunities.detected USING btree (status, detected_at);

COMMENT ON INDEX opportunities.detected_by_status IS 'The latest opportunities of a status.';

CREATE INDEX detected_that_are_open ON ONLY opportunities.detected USING btree (asset, detected_at) WHERE (status = ANY (ARRAY['detected'::text, 'qualified'::text, 'executing'::text]));

COMMENT ON INDEX opportunities.detected_that_are_open IS 'What can still become a position, of an asset or all: few among all.';

CREATE INDEX executions_by_position ON ONLY opportunities.executions USING hash (position_id);

COMMENT ON INDEX opportunities.executions_by_position IS 'Which opportunity a position came of: equality only.';

CREATE INDEX executions_by_start ON ONLY opportunities.executions USING btree (status, started_at);

COMMENT ON INDEX opportunities.executions_by_start IS 'Executions of a period for the analysis of slippage; those that run.';

CREATE UNIQUE INDEX executions_that_run ON ONLY opportunities.executions USING btree (opportunity_id, detected_at) WHERE (status = 'running'::text);

COMMENT ON INDEX opportunities.executions_that_run IS 'Of an opportunity one execution runs at a time; the one that does.';

CREATE INDEX active_by_opening ON ONLY positions.active_rows USING btree (slot, book_id, opened_at, position_id);

COMMENT ON INDEX positions.active_by_opening IS 'All open positions in pages, oldest first; position_id breaks ties.';

CREATE INDEX active_by_opening_1 ON positions.active_rows_1 USING btree (slot, book_id, opened_at, position_id);

CREATE INDEX active_by_opening_2 ON positions.active_rows_2 USING btree (slot, book_id, opened_at, position_id);

CREATE INDEX active_by_opening_3 ON positions.active_rows_3 USING btree (slot, book_id, opened_at, position_id);

CREATE INDEX active_by_state ON ONLY positions.active_rows USING btree (slot, book_id, state, opened_at);

COMMENT ON INDEX positions.active_by_state IS 'The open positions in a state, oldest first.';

CREATE INDEX active_by_state_1 ON positions.active_rows_1 USING btree (slot, book_id, state, opened_at);

CREATE INDEX active_by_state_2 ON positions.active_rows_2 USING btree (slot, book_id, state, opened_at);

CREATE INDEX active_by_state_3 ON positions.active_rows_3 USING btree (slot, book_id, state, opened_at);

CREATE INDEX active_by_strategy_and_asset ON ONLY positions.active_rows USING btree (slot, book_id, strategy, asset);

COMMENT ON INDEX positions.active_by_strategy_and_asset IS 'The open positions of a strategy, or of a strategy in an asset.';

CREATE INDEX active_by_strategy_and_asset_1 ON positions.active_rows_1 USING btree (slot, book_id, strategy, asset);

CREATE INDEX active_by_strategy_and_asset_2 ON positions.active_rows_2 USING btree (slot, book_id, strategy, asset);

CREATE INDEX active_by_strategy_and_asset_3 ON positions.active_rows_3 USING btree (slot, book_id, strategy, asset);

CREATE INDEX events_by_position_and_type ON ONLY positions.events USING btree (book_id, position_id, event_type);

COMMENT ON INDEX positions.events_by_position_and_type IS 'One position''s events of one type, such as its fills or its funding payments.';

CREATE INDEX history_by_close ON ONLY positions.history_rows USING btree (slot, book_id, closed_at, position_id);

COMMENT ON INDEX positions.history_by_close IS 'All ended positions in pages, and those of a period; position_id breaks ties.';

CREATE INDEX history_by_close_1 ON positions.history_rows_1 USING btree (slot, book_id, closed_at, position_id);

CREATE INDEX history_by_close_2 ON positions.history_rows_2 USING btree (slot, book_id, closed_at, position_id);

CREATE INDEX history_by_close_3 ON positions.history_rows_3 USING btree (slot, book_id, closed_at, position_id);

CREATE INDEX history_by_opening ON ONLY positions.history_rows USING btree (book_id, opened_at, position_id);

COMMENT ON INDEX positions.history_by_opening IS 'All ended positions in pages, newest opening first; position_id breaks ties.';

CREATE INDEX history_by_opening_1 ON positions.history_rows_1 USING btree (book_id, opened_at, position_id);

CREATE INDEX history_by_opening_2 ON positions.history_rows_2 USING btree (book_id, opened_at, position_id);

CREATE INDEX history_by_opening_3 ON positions.history_rows_3 USING btree (book_id, opened_at, position_id);

CREATE INDEX history_closed_by_net ON ONLY positions.history_rows USING btree (slot, book_id, strategy, asset, settle, net) WHERE (state = 'CLOSED'::text);

COMMENT ON INDEX positions.history_closed_by_net IS 'The closed positions of a strategy in an asset in the order of net: the median by OFFSET, best and worst at the ends, by index-only scans.';

CREATE INDEX history_closed_by_net_1 ON positions.history_rows_1 USING btree (slot, book_id, strategy, asset, settle, net) WHERE (state = 'CLOSED'::text);

CREATE INDEX history_closed_by_net_2 ON positions.history_rows_2 USING btree (slot, book_id, strategy, asset, settle, net) WHERE (state = 'CLOSED'::text);

CREATE INDEX history_closed_by_net_3 ON positions.history_rows_3 USING btree (slot, book_id, strategy, asset, settle, net) WHERE (state = 'CLOSED'::text);

CREATE INDEX legs_held_by_venue ON ONLY positions.legs_rows USING btree (slot, book_id, venue, instrument) WHERE (qty <> (0)::numeric);

COMMENT ON INDEX positions.legs_held_by_venue IS 'What is held at a venue, for exposure and for reconciling; flat legs are left out.';

CREATE INDEX legs_held_by_venue_1 ON positions.legs_rows_1 USING btree (slot, book_id, venue, instrument) WHERE (qty <> (0)::numeric);

CREATE INDEX legs_held_by_venue_2 ON positions.legs_rows_2 USING btree (slot, book_id, venue, instrument) WHERE (qty <> (0)::numeric);

CREATE INDEX legs_held_by_venue_3 ON positions.legs_rows_3 USING btree (slot, book_id, venue, instrument) WHERE (qty <> (0)::numeric);

CREATE INDEX quarantine_by_book ON positions.quarantine USING btree (book_id, position_id);

COMMENT ON INDEX positions.quarantine_by_book IS 'The quarantined positions of a book in all its slots; supports the foreign key.';

CREATE INDEX alerts_by_time ON risk.alerts USING btree (raised_at);

COMMENT ON INDEX risk.alerts_by_time IS 'The alerts of a period.';

CREATE INDEX alerts_not_acknowledged ON risk.alerts USING btree (severity, raised_at) WHERE ((acknowledged_at IS NULL) AND (resolved_at IS NULL));

COMMENT ON INDEX risk.alerts_not_acknowledged IS 'What nobody has taken up yet, the oldest of a severity first.';

CREATE INDEX limit_breaches_by_alert ON risk.limit_breaches USING btree (alert_id);

COMMENT ON INDEX risk.limit_breaches_by_alert IS 'The breach behind an alert; the foreign key.';

CREATE INDEX limit_breaches_by_limit ON risk.limit_breaches USING btree (limit_id, opened_at);

COMMENT ON INDEX risk.limit_breaches_by_limit IS 'The history of a limit; the foreign key.';

CREATE UNIQUE INDEX one_alert_stands_for_a_subject ON risk.alerts USING btree (type, subject) WHERE (resolved_at IS NULL);

COMMENT ON INDEX risk.one_alert_stands_for_a_subject IS 'Truth: one alert stands for a type and subject. Raising and resolving find it.';

CREATE UNIQUE INDEX one_breach_stands_for_a_limit ON risk.limit_breaches USING btree (limit_id, book, subject) WHERE (closed_at IS NULL);

COMMENT ON INDEX risk.one_breach_stands_for_a_limit IS 'Truth: one breach of a limit stands for a subject. Each snapshot finds it.';

CREATE INDEX snapshots_by_time ON ONLY risk.snapshots USING brin (taken_at);

COMMENT ON INDEX risk.snapshots_by_time IS 'All books'' snapshots of a period.';

CREATE INDEX snapshots_by_venue ON ONLY risk.snapshots USING gin (by_venue);

COMMENT ON INDEX risk.snapshots_by_venue IS 'When a venue was in use (by_venue ? …).';

ALTER INDEX analytics.funding_collected_by_month ATTACH PARTITION analytics.funding_collected_by_month_1;

ALTER INDEX analytics.funding_collected_by_month ATTACH PARTITION analytics.funding_collected_by_month_2;

ALTER INDEX analytics.funding_collected_by_month ATTACH PARTITION analytics.funding_collected_by_month_3;

ALTER INDEX analytics.key_has_one_row_a_day ATTACH PARTITION analytics.key_has_one_row_a_day_1;

ALTER INDEX analytics.key_has_one_row_a_day ATTACH PARTITION analytics.key_has_one_row_a_day_2;

ALTER INDEX analytics.key_has_one_row_a_day ATTACH PARTITION analytics.key_has_one_row_a_day_3;

ALTER INDEX analytics.leg_has_one_row_a_day ATTACH PARTITION analytics.leg_has_one_row_a_day_1;

ALTER INDEX analytics.leg_has_one_row_a_day ATTACH PARTITION analytics.leg_has_one_row_a_day_2;

ALTER INDEX analytics.leg_has_one_row_a_day ATTACH PARTITION analytics.leg_has_one_row_a_day_3;

ALTER INDEX analytics.leg_has_one_row_a_month ATTACH PARTITION analytics.leg_has_one_row_a_month_1;

ALTER INDEX analytics.leg_has_one_row_a_month ATTACH PARTITION analytics.leg_has_one_row_a_month_2;

ALTER INDEX analytics.leg_has_one_row_a_month ATTACH PARTITION analytics.leg_has_one_row_a_month_3;

ALTER INDEX analytics.position_days_by_asset ATTACH PARTITION analytics.position_days_by_asset_1;

ALTER INDEX analytics.position_days_by_asset ATTACH PARTITION analytics.position_days_by_asset_2;

ALTER INDEX analytics.position_days_by_asset ATTACH PARTITION analytics.position_days_by_asset_3;

ALTER INDEX analytics.strategy_and_asset_have_one_row ATTACH PARTITION analytics.strategy_and_asset_have_one_row_1;

ALTER INDEX analytics.strategy_and_asset_have_one_row ATTACH PARTITION analytics.strategy_and_asset_have_one_row_2;

ALTER INDEX analytics.strategy_and_asset_have_one_row ATTACH PARTITION analytics.strategy_and_asset_have_one_row_3;

ALTER INDEX positions.active_by_opening ATTACH PARTITION positions.active_by_opening_1;

ALTER INDEX positions.active_by_opening ATTACH PARTITION positions.active_by_opening_2;

ALTER INDEX positions.active_by_opening ATTACH PARTITION positions.active_by_opening_3;

ALTER INDEX positions.active_by_state ATTACH PARTITION positions.active_by_state_1;

ALTER INDEX positions.active_by_state ATTACH PARTITION positions.active_by_state_2;

ALTER INDEX positions.active_by_state ATTACH PARTITION positions.active_by_state_3;

ALTER INDEX positions.active_by_strategy_and_asset ATTACH PARTITION positions.active_by_strategy_and_asset_1;

ALTER INDEX positions.active_by_strategy_and_asset ATTACH PARTITION positions.active_by_strategy_and_asset_2;

ALTER INDEX positions.active_by_strategy_and_asset ATTACH PARTITION positions.active_by_strategy_and_asset_3;

ALTER INDEX positions.ended_position_has_one_row ATTACH PARTITION positions.ended_position_has_one_row_1;

ALTER INDEX positions.ended_position_has_one_row ATTACH PARTITION positions.ended_position_has_one_row_2;

ALTER INDEX positions.ended_position_has_one_row ATTACH PARTITION positions.ended_position_has_one_row_3;

ALTER INDEX positions.history_by_close ATTACH PARTITION positions.history_by_close_1;

ALTER INDEX positions.history_by_close ATTACH PARTITION positions.history_by_close_2;

ALTER INDEX positions.history_by_close ATTACH PARTITION positions.history_by_close_3;

ALTER INDEX positions.history_by_opening ATTACH PARTITION positions.history_by_opening_1;

ALTER INDEX positions.history_by_opening ATTACH PARTITION positions.history_by_opening_2;

ALTER INDEX positions.history_by_opening ATTACH PARTITION positions.history_by_opening_3;

ALTER INDEX positions.history_closed_by_net ATTACH PARTITION positions.history_closed_by_net_1;

ALTER INDEX positions.history_closed_by_net ATTACH PARTITION positions.history_closed_by_net_2;

ALTER INDEX positions.history_closed_by_net ATTACH PARTITION positions.history_closed_by_net_3;

ALTER INDEX positions.leg_has_one_row ATTACH PARTITION positions.leg_has_one_row_1;

ALTER INDEX positions.leg_has_one_row ATTACH PARTITION positions.leg_has_one_row_2;

ALTER INDEX positions.leg_has_one_row ATTACH PARTITION positions.leg_has_one_row_3;

ALTER INDEX positions.legs_held_by_venue ATTACH PARTITION positions.legs_held_by_venue_1;

ALTER INDEX positions.legs_held_by_venue ATTACH PARTITION positions.legs_held_by_venue_2;

ALTER INDEX positions.legs_held_by_venue ATTACH PARTITION positions.legs_held_by_venue_3;

ALTER INDEX positions.open_position_has_one_row ATTACH PARTITION positions.open_position_has_one_row_1;

ALTER INDEX positions.open_position_has_one_row ATTACH PARTITION positions.open_position_has_one_row_2;

ALTER INDEX positions.open_position_has_one_row ATTACH PARTITION positions.open_position_has_one_row_3;

CREATE TRIGGER actions_refuse_change BEFORE DELETE OR UPDATE OR TRUNCATE ON audit.actions FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();

COMMENT ON TRIGGER actions_refuse_change ON audit.actions IS 'Refuses a statement that would change or remove actions.';

CREATE TRIGGER actions_refuse_row_change BEFORE DELETE OR UPDATE ON audit.actions FOR EACH ROW EXECUTE FUNCTION audit.refuse_change();

COMMENT ON TRIGGER actions_refuse_row_change ON audit.actions IS 'Refuses a change of a row, also in a partition by its own name.';

CREATE TRIGGER api_calls_refuse_change BEFORE DELETE OR UPDATE OR TRUNCATE ON audit.api_calls FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();

COMMENT ON TRIGGER api_calls_refuse_change ON audit.api_calls IS 'Refuses a statement that would change or remove calls.';

CREATE TRIGGER api_calls_refuse_row_change BEFORE DELETE OR UPDATE ON audit.api_calls FOR EACH ROW EXECUTE FUNCTION audit.refuse_change();

COMMENT ON TRIGGER api_calls_refuse_row_change ON audit.api_calls IS 'Refuses a change of a row, also in a partition by its own name.';

CREATE TRIGGER service_accounts_are_audited AFTER INSERT OR DELETE OR UPDATE ON auth.service_accounts FOR EACH ROW EXECUTE FUNCTION auth.record_change();

COMMENT ON TRIGGER service_accounts_are_audited ON auth.service_accounts IS 'Who changed which account.';

CREATE TRIGGER service_accounts_keep_their_truths BEFORE INSERT OR UPDATE ON auth.service_accounts FOR EACH ROW EXECUTE FUNCTION maintenance.keep_truths();

COMMENT ON TRIGGER service_accounts_keep_their_truths ON auth.service_accounts IS 'Refuses what a constraint would, without the row in the error: it holds a token or its hash.';

CREATE TRIGGER sessions_keep_their_truths BEFORE INSERT OR UPDATE OF session_id, user_id, opened_at, expires_at, account, client, token_hash ON auth.sessions FOR EACH ROW EXECUTE FUNCTION maintenance.keep_truths();

COMMENT ON TRIGGER sessions_keep_their_truths ON auth.sessions IS 'Refuses what a constraint would, without the row in the error: it holds a token or its hash.';

CREATE TRIGGER user_roles_are_audited AFTER INSERT OR DELETE OR UPDATE ON auth.user_roles FOR EACH ROW EXECUTE FUNCTION auth.record_change();

COMMENT ON TRIGGER user_roles_are_audited ON auth.user_roles IS 'Who gave or took which right.';

CREATE TRIGGER users_are_audited AFTER INSERT OR DELETE OR UPDATE ON auth.users FOR EACH ROW EXECUTE FUNCTION auth.record_change();

COMMENT ON TRIGGER users_are_audited ON auth.users IS 'Who changed which user.';

CREATE TRIGGER users_keep_their_truths BEFORE INSERT OR UPDATE ON auth.users FOR EACH ROW EXECUTE FUNCTION maintenance.keep_truths();

COMMENT ON TRIGGER users_keep_their_truths ON auth.users IS 'Refuses what a constraint would, without the row in the error: it holds a password or its hash.';

CREATE TRIGGER allocations_are_guarded BEFORE UPDATE ON capital.allocations FOR EACH ROW EXECUTE FUNCTION capital.guard_allocation();

ALTER TABLE capital.allocations ENABLE ALWAYS TRIGGER allocations_are_guarded;

COMMENT ON TRIGGER allocations_are_guarded ON capital.allocations IS 'Keeps the order of states, and what an allocation is of.';

CREATE TRIGGER allocations_are_kept AFTER INSERT OR DELETE OR UPDATE ON capital.allocations FOR EACH ROW EXECUTE FUNCTION capital.keep_allocated();

ALTER TABLE capital.allocations ENABLE ALWAYS TRIGGER allocations_are_kept;

COMMENT ON TRIGGER allocations_are_kept ON capital.allocations IS 'Keeps what of the account is allocated.';

CREATE TRIGGER transfers_are_guarded BEFORE DELETE OR UPDATE ON capital.transfers FOR EACH ROW EXECUTE FUNCTION capital.guard_transfer();

ALTER TABLE capital.transfers ENABLE ALWAYS TRIGGER transfers_are_guarded;

COMMENT ON TRIGGER transfers_are_guarded ON capital.transfers IS 'Keeps the order of states, and what a transfer is of.';

CREATE TRIGGER transfers_are_kept AFTER INSERT OR UPDATE ON capital.transfers FOR EACH ROW EXECUTE FUNCTION capital.keep_transfer();

ALTER TABLE capital.transfers ENABLE ALWAYS TRIGGER transfers_are_kept;

COMMENT ON TRIGGER transfers_are_kept ON capital.transfers IS 'Keeps the balances of both accounts.';

CREATE TRIGGER change_log_refuses_change BEFORE DELETE OR UPDATE OR TRUNCATE ON config.change_log FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();

COMMENT ON TRIGGER change_log_refuses_change ON config.change_log IS 'Refuses a statement that would change or remove changes.';

CREATE TRIGGER exchange_credentials_keep_their_truths BEFORE INSERT OR UPDATE ON config.exchange_credentials FOR EACH ROW EXECUTE FUNCTION maintenance.keep_truths();

COMMENT ON TRIGGER exchange_credentials_keep_their_truths ON config.exchange_credentials IS 'Refuses what a constraint would, without the row in the error.';

CREATE TRIGGER exchanges_are_checked BEFORE INSERT OR UPDATE ON config.exchanges FOR EACH ROW EXECUTE FUNCTION config.check_entry();

COMMENT ON TRIGGER exchanges_are_checked ON config.exchanges IS 'Checks values against their definitions.';

CREATE TRIGGER exchanges_are_logged AFTER INSERT OR DELETE OR UPDATE ON config.exchanges FOR EACH ROW EXECUTE FUNCTION config.log_change();

COMMENT ON TRIGGER exchanges_are_logged ON config.exchanges IS 'Who changed what, and what it was before.';

CREATE TRIGGER exchanges_have_one_writer BEFORE INSERT OR DELETE OR UPDATE ON config.exchanges FOR EACH STATEMENT EXECUTE FUNCTION config.lock_writers();

COMMENT ON TRIGGER exchanges_have_one_writer ON config.exchanges IS 'One writer at a time.';

CREATE TRIGGER exchanges_keep_their_truths BEFORE INSERT OR UPDATE ON config.exchanges FOR EACH ROW EXECUTE FUNCTION maintenance.keep_truths();

COMMENT ON TRIGGER exchanges_keep_their_truths ON config.exchanges IS 'Refuses what a constraint would, without the row in the error.';

CREATE TRIGGER maintenance_windows_are_checked BEFORE INSERT OR UPDATE ON config.maintenance_windows FOR EACH ROW EXECUTE FUNCTION config.check_entry();

COMMENT ON TRIGGER maintenance_windows_are_checked ON config.maintenance_windows IS 'Checks values against their definitions.';

CREATE TRIGGER maintenance_windows_are_logged AFTER INSERT OR DELETE OR UPDATE ON config.maintenance_windows FOR EACH ROW EXECUTE FUNCTION config.log_change();

COMMENT ON TRIGGER maintenance_windows_are_logged ON config.maintenance_windows IS 'Who changed what, and what it was before.';

CREATE TRIGGER maintenance_windows_have_one_writer BEFORE INSERT OR DELETE OR UPDATE ON config.maintenance_windows FOR EACH STATEMENT EXECUTE FUNCTION config.lock_writers();

COMMENT ON TRIGGER maintenance_windows_have_one_writer ON config.maintenance_windows IS 'One writer at a time.';

CREATE TRIGGER maintenance_windows_keep_their_truths BEFORE INSERT OR UPDATE ON config.maintenance_windows FOR EACH ROW EXECUTE FUNCTION maintenance.keep_truths();

COMMENT ON TRIGGER maintenance_windows_keep_their_truths ON config.maintenance_windows IS 'Refuses what a constraint would, without the row in the error.';

CREATE TRIGGER risk_limits_are_checked BEFORE INSERT OR UPDATE ON config.risk_limits FOR EACH ROW EXECUTE FUNCTION config.check_entry();

COMMENT ON TRIGGER risk_limits_are_checked ON config.risk_limits IS 'Checks values against their definitions.';

CREATE TRIGGER risk_limits_are_logged AFTER INSERT OR DELETE OR UPDATE ON config.risk_limits FOR EACH ROW EXECUTE FUNCTION config.log_change();

COMMENT ON TRIGGER risk_limits_are_logged ON config.risk_limits IS 'Who changed what, and what it was before.';

CREATE TRIGGER risk_limits_have_one_writer BEFORE INSERT OR DELETE OR UPDATE ON config.risk_limits FOR EACH STATEMENT EXECUTE FUNCTION config.lock_writers();

COMMENT ON TRIGGER risk_limits_have_one_writer ON config.risk_limits IS 'One writer at a time.';

CREATE TRIGGER risk_limits_keep_their_truths BEFORE INSERT OR UPDATE ON config.risk_limits FOR EACH ROW EXECUTE FUNCTION maintenance.keep_truths();

COMMENT ON TRIGGER risk_limits_keep_their_truths ON config.risk_limits IS 'Refuses what a constraint would, without the row in the error.';

CREATE TRIGGER strategy_parameters_are_checked BEFORE INSERT OR UPDATE ON config.strategy_parameters FOR EACH ROW EXECUTE FUNCTION config.check_entry();

COMMENT ON TRIGGER strategy_parameters_are_checked ON config.strategy_parameters IS 'Checks values against their definitions.';

CREATE TRIGGER strategy_parameters_are_logged AFTER INSERT OR DELETE OR UPDATE ON config.strategy_parameters FOR EACH ROW EXECUTE FUNCTION config.log_change();

COMMENT ON TRIGGER strategy_parameters_are_logged ON config.strategy_parameters IS 'Who changed what, and what it was before.';

CREATE TRIGGER strategy_parameters_have_one_writer BEFORE INSERT OR DELETE OR UPDATE ON config.strategy_parameters FOR EACH STATEMENT EXECUTE FUNCTION config.lock_writers();

COMMENT ON TRIGGER strategy_parameters_have_one_writer ON config.strategy_parameters IS 'One writer at a time.';

CREATE TRIGGER strategy_parameters_keep_their_truths BEFORE INSERT OR UPDATE ON config.strategy_parameters FOR EACH ROW EXECUTE FUNCTION maintenance.keep_truths();

COMMENT ON TRIGGER strategy_parameters_keep_their_truths ON config.strategy_parameters IS 'Refuses what a constraint would, without the row in the error.';

CREATE TRIGGER system_settings_are_checked BEFORE INSERT OR UPDATE ON config.system_settings FOR EACH ROW EXECUTE FUNCTION config.check_entry();

COMMENT ON TRIGGER system_settings_are_checked ON config.system_settings IS 'Checks values against their definitions.';

CREATE TRIGGER system_settings_are_logged AFTER INSERT OR DELETE OR UPDATE ON config.system_settings FOR EACH ROW EXECUTE FUNCTION config.log_change();

COMMENT ON TRIGGER system_settings_are_logged ON config.system_settings IS 'Who changed what, and what it was before.';

CREATE TRIGGER system_settings_have_one_writer BEFORE INSERT OR DELETE OR UPDATE ON config.system_settings FOR EACH STATEMENT EXECUTE FUNCTION config.lock_writers();

COMMENT ON TRIGGER system_settings_have_one_writer ON config.system_settings IS 'One writer at a time.';

CREATE TRIGGER system_settings_keep_their_truths BEFORE INSERT OR UPDATE ON config.system_settings FOR EACH ROW EXECUTE FUNCTION maintenance.keep_truths();

COMMENT ON TRIGGER system_settings_keep_their_truths ON config.system_settings IS 'Refuses what a constraint would, without the row in the error.';

CREATE TRIGGER ui_preferences_are_checked BEFORE INSERT OR UPDATE ON config.ui_preferences FOR EACH ROW EXECUTE FUNCTION config.check_entry();

COMMENT ON TRIGGER ui_preferences_are_checked ON config.ui_preferences IS 'Checks values against their definitions.';

CREATE TRIGGER ui_preferences_are_logged AFTER INSERT OR DELETE OR UPDATE ON config.ui_preferences FOR EACH ROW EXECUTE FUNCTION config.log_change();

COMMENT ON TRIGGER ui_preferences_are_logged ON config.ui_preferences IS 'Who changed what, and what it was before.';

CREATE TRIGGER ui_preferences_have_one_writer BEFORE INSERT OR DELETE OR UPDATE ON config.ui_preferences FOR EACH STATEMENT EXECUTE FUNCTION config.lock_writers();

COMMENT ON TRIGGER ui_preferences_have_one_writer ON config.ui_preferences IS 'One writer at a time.';

CREATE TRIGGER ui_preferences_keep_their_truths BEFORE INSERT OR UPDATE ON config.ui_preferences FOR EACH ROW EXECUTE FUNCTION maintenance.keep_truths();

COMMENT ON TRIGGER ui_preferences_keep_their_truths ON config.ui_preferences IS 'Refuses what a constraint would, without the row in the error.';

CREATE TRIGGER rate_revisions_refuse_change BEFORE DELETE OR UPDATE OR TRUNCATE ON funding.rate_revisions FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();

COMMENT ON TRIGGER rate_revisions_refuse_change ON funding.rate_revisions IS 'Refuses a statement that would change or remove revisions.';

CREATE TRIGGER rate_revisions_refuse_row_change BEFORE DELETE OR UPDATE ON funding.rate_revisions FOR EACH ROW EXECUTE FUNCTION audit.refuse_change();

COMMENT ON TRIGGER rate_revisions_refuse_row_change ON funding.rate_revisions IS 'Refuses a change of a row, also in a partition by its own name.';

CREATE TRIGGER detected_is_guarded BEFORE INSERT OR UPDATE ON opportunities.detected FOR EACH ROW EXECUTE FUNCTION opportunities.guard();

COMMENT ON TRIGGER detected_is_guarded ON opportunities.detected IS 'Keeps the life cycle of opportunities.';

CREATE TRIGGER executions_are_guarded BEFORE INSERT OR UPDATE ON opportunities.executions FOR EACH ROW EXECUTE FUNCTION opportunities.guard_execution();

COMMENT ON TRIGGER executions_are_guarded ON opportunities.executions IS 'Keeps the life cycle of executions.';

CREATE TRIGGER deliveries_refuse_change BEFORE DELETE OR UPDATE OR TRUNCATE ON positions.deliveries FOR EACH STATEMENT EXECUTE FUNCTION positions.refuse_change();

ALTER TABLE positions.deliveries ENABLE ALWAYS TRIGGER deliveries_refuse_change;

COMMENT ON TRIGGER deliveries_refuse_change ON positions.deliveries IS 'Refuses a statement that would change deliveries, even one that matches no row.';

CREATE TRIGGER deliveries_refuse_row_change BEFORE DELETE OR UPDATE ON positions.deliveries FOR EACH ROW EXECUTE FUNCTION positions.refuse_change();

ALTER TABLE positions.deliveries ENABLE ALWAYS TRIGGER deliveries_refuse_row_change;

COMMENT ON TRIGGER deliveries_refuse_row_change ON positions.deliveries IS 'Refuses a change of a row, also by logical replication.';

CREATE TRIGGER event_keys_refuse_change BEFORE DELETE OR UPDATE OR TRUNCATE ON positions.event_keys FOR EACH STATEMENT EXECUTE FUNCTION positions.refuse_change();

ALTER TABLE positions.event_keys ENABLE ALWAYS TRIGGER event_keys_refuse_change;

COMMENT ON TRIGGER event_keys_refuse_change ON positions.event_keys IS 'Refuses a statement that would change the keys, even one that matches no row.';

CREATE TRIGGER event_keys_refuse_row_change BEFORE DELETE OR UPDATE ON positions.event_keys FOR EACH ROW EXECUTE FUNCTION positions.refuse_change();

ALTER TABLE positions.event_keys ENABLE ALWAYS TRIGGER event_keys_refuse_row_change;

COMMENT ON TRIGGER event_keys_refuse_row_change ON positions.event_keys IS 'Refuses a change of a row, also by logical replication.';

CREATE TRIGGER events_refuse_change BEFORE DELETE OR UPDATE OR TRUNCATE ON positions.events FOR EACH STATEMENT EXECUTE FUNCTION positions.refuse_change();

ALTER TABLE positions.events ENABLE ALWAYS TRIGGER events_refuse_change;

COMMENT ON TRIGGER events_refuse_change ON positions.events IS 'Refuses a statement that names the log, even one that matches no row.';

CREATE TRIGGER events_refuse_row_change BEFORE DELETE OR UPDATE ON positions.events FOR EACH ROW EXECUTE FUNCTION positions.refuse_change();

ALTER TABLE positions.events ENABLE ALWAYS TRIGGER events_refuse_row_change;

COMMENT ON TRIGGER events_refuse_row_change ON positions.events IS 'Refuses a change of a row; the months inherit it.';

CREATE TRIGGER generation_steps_refuse_change BEFORE DELETE OR UPDATE OR TRUNCATE ON positions.generation_steps FOR EACH STATEMENT EXECUTE FUNCTION positions.refuse_change();

ALTER TABLE positions.generation_steps ENABLE ALWAYS TRIGGER generation_steps_refuse_change;

COMMENT ON TRIGGER generation_steps_refuse_change ON positions.generation_steps IS 'Refuses a statement that would change steps, even one that matches no row.';

CREATE TRIGGER generation_steps_refuse_row_change BEFORE DELETE OR UPDATE ON positions.generation_steps FOR EACH ROW EXECUTE FUNCTION positions.refuse_change();

ALTER TABLE positions.generation_steps ENABLE ALWAYS TRIGGER generation_steps_refuse_row_change;

COMMENT ON TRIGGER generation_steps_refuse_row_change ON positions.generation_steps IS 'Refuses a change of a row, also by logical replication.';

CREATE TRIGGER outbox_discards_refuse_change BEFORE DELETE OR UPDATE OR TRUNCATE ON positions.outbox_discards FOR EACH STATEMENT EXECUTE FUNCTION positions.refuse_change();

ALTER TABLE positions.outbox_discards ENABLE ALWAYS TRIGGER outbox_discards_refuse_change;

COMMENT ON TRIGGER outbox_discards_refuse_change ON positions.outbox_discards IS 'Refuses a statement that would change discards, even one that matches no row.';

CREATE TRIGGER outbox_discards_refuse_row_change BEFORE DELETE OR UPDATE ON positions.outbox_discards FOR EACH ROW EXECUTE FUNCTION positions.refuse_change();

ALTER TABLE positions.outbox_discards ENABLE ALWAYS TRIGGER outbox_discards_refuse_row_change;

COMMENT ON TRIGGER outbox_discards_refuse_row_change ON positions.outbox_discards IS 'Refuses a change of a row, also by logical replication.';

ALTER TABLE ONLY auth.user_roles
    ADD CONSTRAINT grant_belongs_to_a_user FOREIGN KEY (user_id) REFERENCES auth.users(user_id);

ALTER TABLE ONLY auth.user_roles
    ADD CONSTRAINT grant_is_of_a_role FOREIGN KEY (role) REFERENCES auth.roles(role);

ALTER TABLE ONLY auth.sessions
    ADD CONSTRAINT session_belongs_to_a_user FOREIGN KEY (user_id) REFERENCES auth.users(user_id);

ALTER TABLE ONLY auth.sessions
    ADD CONSTRAINT session_belongs_to_an_account FOREIGN KEY (account) REFERENCES auth.service_accounts(account);

ALTER TABLE ONLY capital.accounts
    ADD CONSTRAINT account_belongs_to_an_exchange FOREIGN KEY (exchange) REFERENCES config.exchanges(exchange);

ALTER TABLE ONLY capital.allocations
    ADD CONSTRAINT allocation_is_of_an_account FOREIGN KEY (account_id) REFERENCES capital.accounts(account_id);

ALTER TABLE ONLY capital.transfers
    ADD CONSTRAINT transfer_is_from_an_account FOREIGN KEY (from_account) REFERENCES capital.accounts(account_id);

ALTER TABLE ONLY capital.transfers
    ADD CONSTRAINT transfer_is_to_an_account FOREIGN KEY (to_account) REFERENCES capital.accounts(account_id);

ALTER TABLE ONLY config.change_log
    ADD CONSTRAINT change_belongs_to_a_user FOREIGN KEY (user_id) REFERENCES auth.users(user_id);

ALTER TABLE ONLY config.exchange_credentials
    ADD CONSTRAINT credential_belongs_to_an_exchange FOREIGN KEY (exchange) REFERENCES config.exchanges(exchange);

ALTER TABLE ONLY config.exchanges
    ADD CONSTRAINT credential_is_stored FOREIGN KEY (exchange, credential_version) REFERENCES config.exchange_credentials(exchange, version);

ALTER TABLE ONLY config.change_log
    ADD CONSTRAINT rolled_back_change_is_known FOREIGN KEY (rolls_back) REFERENCES config.change_log(change_id);

ALTER TABLE ONLY data_collector.ingestion_gaps
    ADD CONSTRAINT gap_belongs_to_a_source FOREIGN KEY (source) REFERENCES data_collector.sources(source);

ALTER TABLE ONLY data_collector.ingestion_gaps
    ADD CONSTRAINT gap_belongs_to_an_exchange FOREIGN KEY (exchange) REFERENCES config.exchanges(exchange);

ALTER TABLE ONLY data_collector.instruments
    ADD CONSTRAINT instrument_belongs_to_an_exchange FOREIGN KEY (exchange) REFERENCES config.exchanges(exchange);

ALTER TABLE data_collector.ingestion_runs
    ADD CONSTRAINT run_belongs_to_a_source FOREIGN KEY (source) REFERENCES data_collector.sources(source);

ALTER TABLE data_collector.ingestion_runs
    ADD CONSTRAINT run_belongs_to_an_exchange FOREIGN KEY (exchange) REFERENCES config.exchanges(exchange);

ALTER TABLE ONLY funding.discrepancies
    ADD CONSTRAINT discrepancy_belongs_to_a_symbol FOREIGN KEY (exchange, symbol) REFERENCES funding.symbols(exchange, symbol);

ALTER TABLE ONLY funding.discrepancies
    ADD CONSTRAINT discrepancy_belongs_to_source_a FOREIGN KEY (source_a) REFERENCES data_collector.sources(source);

ALTER TABLE ONLY funding.discrepancies
    ADD CONSTRAINT discrepancy_belongs_to_source_b FOREIGN KEY (source_b) REFERENCES data_collector.sources(source);

ALTER TABLE funding.rates
    ADD CONSTRAINT rate_belongs_to_a_series FOREIGN KEY (source, exchange, symbol) REFERENCES funding.series(source, exchange, symbol);

ALTER TABLE funding.rate_revisions
    ADD CONSTRAINT revision_belongs_to_a_series FOREIGN KEY (source, exchange, symbol) REFERENCES funding.series(source, exchange, symbol);

ALTER TABLE ONLY funding.series
    ADD CONSTRAINT series_belongs_to_a_source FOREIGN KEY (source) REFERENCES data_collector.sources(source);

ALTER TABLE ONLY funding.series
    ADD CONSTRAINT series_belongs_to_a_symbol FOREIGN KEY (exchange, symbol) REFERENCES funding.symbols(exchange, symbol);

ALTER TABLE funding.snapshots
    ADD CONSTRAINT snapshot_belongs_to_a_symbol FOREIGN KEY (exchange, symbol) REFERENCES funding.symbols(exchange, symbol);

ALTER TABLE ONLY funding.symbols
    ADD CONSTRAINT symbol_belongs_to_an_exchange FOREIGN KEY (exchange) REFERENCES config.exchanges(exchange);

ALTER TABLE ONLY maintenance.runs
    ADD CONSTRAINT run_belongs_to_a_job FOREIGN KEY (job) REFERENCES maintenance.jobs(job);

ALTER TABLE opportunities.executions
    ADD CONSTRAINT execution_belongs_to_an_opportunity FOREIGN KEY (opportunity_id, detected_at) REFERENCES opportunities.detected(opportunity_id, detected_at);

ALTER TABLE opportunities.detected
    ADD CONSTRAINT long_leg_belongs_to_an_exchange FOREIGN KEY (long_exchange) REFERENCES config.exchanges(exchange);

ALTER TABLE opportunities.detected
    ADD CONSTRAINT short_leg_belongs_to_an_exchange FOREIGN KEY (short_exchange) REFERENCES config.exchanges(exchange);

ALTER TABLE ONLY positions.projection_checkpoints
    ADD CONSTRAINT checkpoint_belongs_to_a_book FOREIGN KEY (book_id) REFERENCES positions.books(book_id);

ALTER TABLE ONLY positions.comparisons
    ADD CONSTRAINT comparison_belongs_to_a_book FOREIGN KEY (book_id) REFERENCES positions.books(book_id);

ALTER TABLE ONLY positions.log_head
    ADD CONSTRAINT head_belongs_to_a_book FOREIGN KEY (book_id) REFERENCES positions.books(book_id);

ALTER TABLE ONLY positions.live_slot
    ADD CONSTRAINT live_slot_belongs_to_a_book FOREIGN KEY (book_id) REFERENCES positions.books(book_id);

ALTER TABLE ONLY positions.quarantine
    ADD CONSTRAINT quarantine_belongs_to_a_book FOREIGN KEY (book_id) REFERENCES positions.books(book_id);

ALTER TABLE ONLY positions.generation_steps
    ADD CONSTRAINT step_belongs_to_a_book FOREIGN KEY (book_id) REFERENCES positions.books(book_id);

ALTER TABLE ONLY risk.limit_breaches
    ADD CONSTRAINT breach_has_an_alert FOREIGN KEY (alert_id) REFERENCES risk.alerts(alert_id);

ALTER TABLE ONLY risk.limit_breaches
    ADD CONSTRAINT breach_is_of_a_limit FOREIGN KEY (limit_id) REFERENCES config.risk_limits(limit_id);
