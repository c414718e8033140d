-- The state assertions hold in a sound database, and each finds the lie that is planted for it.
BEGIN;

\ir lib/assertions.sql

SELECT no_plan();

SELECT pg_temp.assert_state();

-- Something sound of everything: a book of two positions, money, a breach, a setting.
SELECT positions.ensure_book('assertions-test') AS book \gset
SELECT positions.ensure_month('2150-01-15 00:00:00+00') AS month \gset

CREATE TEMPORARY VIEW drafts AS
SELECT d.*
  FROM json_populate_recordset(NULL::positions.events, '[
        {"log_position": 1, "version": 1, "position_id": "00000000-0000-0000-0000-00000000000a",
         "event_id": "00000000-0000-0000-0000-000000000001", "event_type": "position_opened",
         "schema_version": 1, "effective_at": "2150-01-15T00:00:00.000001Z", "actor": "ann",
         "recorded_at": "2150-01-15T00:00:01Z", "source": "manual", "payload": {"a":"1"},
         "leaf_hash": "\\x00"},
        {"log_position": 2, "version": 1, "position_id": "00000000-0000-0000-0000-00000000000b",
         "event_id": "00000000-0000-0000-0000-000000000002", "event_type": "position_opened",
         "schema_version": 1, "effective_at": "2150-01-15T00:00:00Z",
         "recorded_at": "2150-01-15T00:00:02Z", "source": "venue_ws", "payload": {"b":"0.10"},
         "leaf_hash": "\\x00"},
        {"log_position": 3, "version": 2, "position_id": "00000000-0000-0000-0000-00000000000a",
         "event_id": "00000000-0000-0000-0000-000000000003", "event_type": "mark_recorded",
         "schema_version": 1, "effective_at": "2150-01-15T00:00:00Z",
         "recorded_at": "2150-01-15T00:00:02Z", "source": "venue_ws", "payload": {},
         "causation_id": "00000000-0000-0000-0000-000000000001", "leaf_hash": "\\x00"}]') AS d;

INSERT INTO positions.events
       (log_position, version, position_id, event_id, causation_id, event_type, schema_version,
        effective_at, recorded_at, source, actor, payload, book_id, leaf_hash)
SELECT d.log_position, d.version, d.position_id, d.event_id, d.causation_id, d.event_type,
       d.schema_version, d.effective_at, d.recorded_at, d.source, d.actor, d.payload, :book,
       pg_temp.leaf_hash('assertions-test', d::positions.events)
  FROM (SELECT (x.row).*
          FROM (SELECT json_populate_record(NULL::positions.events, to_json(t)) AS row
                  FROM drafts AS t) AS x) AS d;

INSERT INTO positions.event_keys (recorded_at, log_position, event_id, book_id)
SELECT e.recorded_at, e.log_position, e.event_id, e.book_id
  FROM positions.events AS e
 WHERE e.book_id = :book;

INSERT INTO positions.streams
       (first_recorded_at, last_recorded_at, version, position_id, book_id, state, progress)
SELECT min(e.recorded_at), max(e.recorded_at), count(*), e.position_id, e.book_id, 'OPEN', '{}'
  FROM positions.events AS e
 WHERE e.book_id = :book
 GROUP BY e.book_id, e.position_id;

UPDATE positions.log_head AS h
   SET log_position = 3,
       recorded_at = '2150-01-15 00:00:02+00'
 WHERE h.book_id = :book;

SELECT l.slot FROM positions.live_slot AS l WHERE l.book_id = :book \gset

INSERT INTO positions.projection_checkpoints (log_position, book_id, logic_version, slot, owner)
SELECT 3, l.book_id, l.logic_version, l.slot, 'test'
  FROM positions.live_slot AS l
 WHERE l.book_id = :book
    ON CONFLICT (book_id, slot) DO UPDATE
   SET log_position = 3;

INSERT INTO positions.active_rows
       (slot, book_id, position_id, version, strategy, asset, state, flags, opened_at, leg_count,
        revision, log_position, changed_at)
SELECT :slot, s.book_id, s.position_id, s.version, 's', 'BTC', 'OPEN', '{}', s.first_recorded_at,
       2, 0, 3, s.last_recorded_at
  FROM positions.streams AS s
 WHERE s.book_id = :book;

INSERT INTO analytics.daily_pnl_rows
SELECT r.*
  FROM json_populate_record(NULL::analytics.daily_pnl_rows, json_build_object(
           'slot', :slot, 'book_id', :book, 'day', '2150-01-15', 'strategy', 's', 'asset', 'BTC',
           'venue', 'v', 'settle', 'USDT', 'price_pnl', 5, 'fees_known', 0, 'funding_known', 0,
           'unvalued_fees', 0, 'unvalued_funding', 0, 'adjustments', 0, 'fills', 1, 'volume', 1,
           'positions', 1, 'leg_days', 1, 'log_position', 3,
           'changed_at', '2150-01-15T00:00:00Z')) AS r;

INSERT INTO analytics.position_days_rows
       (slot, book_id, position_id, leg, day, strategy, asset, venue, settle, price_pnl,
        adjustments, fills, volume, log_position, changed_at)
VALUES (:slot, :book, '00000000-0000-0000-0000-00000000000a', 'a', '2150-01-15', 's', 'BTC', 'v',
        'USDT', 5, 0, 1, 1, 3, '2150-01-15 00:00:00+00');

SELECT config.set('exchanges/assertions-test', '{"name": "A test"}') AS exchange \gset
SELECT config.set('risk_limits/venue_exposure/assertions-test', '{"hard": 10}') AS hard \gset
SELECT config.set('system_settings/risk.var_window_days', '100') AS change \gset
SELECT config.set('system_settings/risk.var_window_days', '120') AS change \gset

INSERT INTO auth.users (user_id, name)
VALUES ('00000000-0000-0000-0000-00000000000c', 'assertions-test');
INSERT INTO auth.user_roles (user_id, role, granted_by)
VALUES ('00000000-0000-0000-0000-00000000000c', 'viewer', 'test');

INSERT INTO capital.accounts (exchange, name, asset, balance)
VALUES ('assertions-test', 'one', 'USDT', 100),
       ('assertions-test', 'two', 'USDT', 100),
       ('assertions-test', 'coins', 'BTC', 1);
SELECT (SELECT a.account_id
          FROM capital.accounts AS a
         WHERE a.exchange = 'assertions-test'
           AND a.name = 'one') AS one,
       (SELECT a.account_id
          FROM capital.accounts AS a
         WHERE a.exchange = 'assertions-test'
           AND a.name = 'two') AS two,
       (SELECT a.account_id
          FROM capital.accounts AS a
         WHERE a.exchange = 'assertions-test'
           AND a.name = 'coins') AS coins \gset
INSERT INTO capital.allocations (allocation_id, amount, account_id, strategy)
VALUES ('00000000-0000-0000-0000-00000000000d', 60, :one, 's');
INSERT INTO capital.transfers (transfer_id, amount, from_account, to_account)
VALUES ('00000000-0000-0000-0000-00000000000e', 30, :one, :two);

SELECT risk.raise_alert('warning', 'assertions_test', 'x', 'a message') AS alert \gset
INSERT INTO risk.limit_breaches
       (alert_id, opened_at, limit_value, measured, worst, limit_id, book, subject, level)
SELECT :alert, now(), 10, 11, 11, l.limit_id, 'assertions-test', 'assertions-test', 'hard'
  FROM config.risk_limits AS l
 WHERE l.kind = 'venue_exposure'
   AND l.scope = 'assertions-test';

SELECT pg_temp.assert_state();

-- A lie is told where no trigger and no foreign key is in its way, and taken back.
CREATE FUNCTION pg_temp.is_found(named text, lie text)
    RETURNS boolean
    LANGUAGE plpgsql
AS $function$
DECLARE
    relation regclass;
    is_found boolean;
BEGIN
    -- What is deferred would be in the way of ALTER TABLE.
    SET CONSTRAINTS ALL IMMEDIATE;
    FOR relation IN
        SELECT c.oid::regclass
          FROM pg_class AS c
          JOIN pg_namespace AS n
            ON n.oid = c.relnamespace
         WHERE n.nspname IN ('positions', 'analytics', 'config', 'risk', 'capital', 'auth')
           AND c.relkind IN ('r', 'p')
           AND c.relhastriggers
    LOOP
        EXECUTE format('ALTER TABLE %s DISABLE TRIGGER ALL', relation);
    END LOOP;
    EXECUTE lie;
    is_found := NOT pg_temp.holds(named);
    RAISE EXCEPTION USING ERRCODE = 'NXLIE', MESSAGE = is_found;
EXCEPTION
    WHEN SQLSTATE 'NXLIE' THEN
        RETURN sqlerrm::boolean;
END
$function$;

SELECT ok(pg_temp.is_found(l.named, format(l.lie, :book, :one, :coins)),
          format('found: %s', l.what))
  FROM (VALUES
    ('positions: the log has no gaps%', 'an event that is not there',
     $$DELETE FROM positions.events AS e WHERE e.book_id = %1$s AND e.log_position = 2$$),
    ('positions: the log has no gaps%', 'a head that is ahead of its events',
     $$UPDATE positions.log_head AS h SET log_position = 4 WHERE h.book_id = %1$s$$),
    ('positions: no event was recorded before%', 'an event of an earlier time',
     $$UPDATE positions.events AS e SET recorded_at = '2150-01-15 00:00:00+00'
        WHERE e.book_id = %1$s AND e.log_position = 2$$),
    ('positions: every event has its key%', 'an event without its key',
     $$DELETE FROM positions.event_keys AS k WHERE k.book_id = %1$s AND k.log_position = 2$$),
    ('positions: every event has its key%', 'a key of another place',
     $$UPDATE positions.event_keys AS k SET log_position = 9
        WHERE k.book_id = %1$s AND k.log_position = 2$$),
    ('positions: a stream has%', 'a stream of another version',
     $$UPDATE positions.streams AS s SET version = s.version + 1 WHERE s.book_id = %1$s$$),
    ('positions: every event has the hash%', 'a payload of the same value and other octets',
     $$UPDATE positions.events AS e SET payload = '{"a": "1"}'
        WHERE e.book_id = %1$s AND e.log_position = 1$$),
    ('positions: every event has the hash%', 'another actor',
     $$UPDATE positions.events AS e SET actor = 'bob'
        WHERE e.book_id = %1$s AND e.log_position = 1$$),
    ('positions: every event has the hash%', 'no cause',
     $$UPDATE positions.events AS e SET causation_id = NULL
        WHERE e.book_id = %1$s AND e.log_position = 3$$),
    ('positions: every event has the hash%', 'a time that differs by a microsecond',
     $$UPDATE positions.events AS e SET effective_at = e.effective_at + interval '1 us'
        WHERE e.book_id = %1$s AND e.log_position = 3$$),
    ('positions: no checkpoint%', 'a checkpoint ahead of the log',
     $$UPDATE positions.projection_checkpoints AS c SET log_position = 4
        WHERE c.book_id = %1$s$$),
    ('positions: what is live%', 'a live slot of another logic',
     $$UPDATE positions.projection_checkpoints AS c SET logic_version = c.logic_version + 1
        WHERE c.book_id = %1$s$$),
    ('positions: every position is active%', 'a position that was not folded',
     $$DELETE FROM positions.active_rows AS a WHERE a.book_id = %1$s$$),
    ('analytics: a day%', 'a day of another sum',
     $$UPDATE analytics.daily_pnl_rows AS d SET price_pnl = 6 WHERE d.book_id = %1$s$$),
    ('analytics: a day%', 'a leg of no day',
     $$DELETE FROM analytics.daily_pnl_rows AS d WHERE d.book_id = %1$s$$),
    ('config: what is set%', 'a setting without a change',
     $$UPDATE config.system_settings AS s SET value = '121'
        WHERE s.key = 'risk.var_window_days'$$),
    ('config: what is set%', 'a setting that is gone',
     $$DELETE FROM config.system_settings AS s WHERE s.key = 'risk.var_window_days'$$),
    ('config: a change begins%', 'a change that is gone from between',
     $$DELETE FROM config.change_log AS l
        WHERE l.path = 'system_settings/risk.var_window_days' AND l.current = '100'$$),
    ('config: times never fall%', 'a change of an earlier time',
     $$UPDATE config.change_log AS l SET changed_at = l.changed_at - interval '1 day'
        WHERE l.current = '120'$$),
    ('config: every key%', 'a key that is not defined',
     $$INSERT INTO config.system_settings (key, value) VALUES ('no.such', '1')$$),
    ('risk: no breach is open%', 'an alert that was resolved',
     $$UPDATE risk.alerts AS a SET resolved_at = clock_timestamp()
        WHERE a.type = 'assertions_test'$$),
    ('risk: no breach is open%', 'a breach without an alert',
     $$UPDATE risk.limit_breaches AS b SET alert_id = NULL WHERE b.book = 'assertions-test'$$),
    ('risk: no snapshot%', 'a snapshot of a later log',
     $$INSERT INTO risk.snapshots
              (taken_at, log_position, gross_exposure, net_exposure, unrealized, var_confidence,
               var_window, var_days, var_missing, positions, unmarked_legs, unpriced_legs, book,
               by_venue, by_asset)
       VALUES (now(), 4, 0, 0, 0, 0.99, 250, 0, 'no days', 0, 0, 0, 'assertions-test', '{}',
               '{}')$$),
    ('capital: no account%', 'more allocated than there is',
     $$ALTER TABLE capital.accounts DROP CONSTRAINT allocated_is_within_the_balance;
       UPDATE capital.accounts AS a SET allocated = 101 WHERE a.account_id = %2$s$$),
    ('capital: what is allocated%', 'an allocation that is not counted',
     $$UPDATE capital.accounts AS a SET allocated = 30 WHERE a.account_id = %2$s$$),
    ('capital: what is allocated%', 'a transfer that is not counted',
     $$DELETE FROM capital.transfers AS t WHERE t.from_account = %2$s$$),
    ('capital: a transfer%', 'a transfer of another asset',
     $$UPDATE capital.transfers AS t SET to_account = %3$s WHERE t.from_account = %2$s$$),
    ('auth: a right%', 'a right that nobody gave',
     $$INSERT INTO auth.user_roles (user_id, role, granted_by)
       VALUES ('00000000-0000-0000-0000-00000000000c', 'administrator', 'test')$$),
    ('partitions: every table%', 'a table without a partition for now',
     $$UPDATE partman.part_config SET parent_table = 'audit.no_such'
        WHERE parent_table = 'audit.actions'$$),
    ('partitions: no table%', 'a default partition',
     $$CREATE TABLE audit.actions_default PARTITION OF audit.actions DEFAULT$$),
    ('catalogue: %', 'a constraint that was not validated',
     $$ALTER TABLE auth.users ADD CONSTRAINT name_is_short CHECK (length(name) < 99) NOT VALID$$)
  ) AS l (named, what, lie);

SELECT ok(NOT pg_temp.is_found('capital: what is allocated%', 'SELECT'),
          'where there is no lie, none is found');

SELECT * FROM finish();

ROLLBACK;
