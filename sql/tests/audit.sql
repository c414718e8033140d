-- All that was done stands in one view, which who reads the audit reads, without secrets.
BEGIN;

CREATE EXTENSION IF NOT EXISTS pgtap;

SET LOCAL search_path = public, pg_catalog;
SET LOCAL timezone = 'UTC';
SET LOCAL nexus.actor = 'ada';

SELECT plan(8);

SELECT positions.ensure_book('trail-test') AS book \gset

-- Something of each table.
INSERT INTO auth.users (name, password_hash) VALUES ('trail', '$2b$12$' || repeat('a', 53));
SELECT config.set('exchanges/trail', '{"name": "T"}', 'test'),
       config.set('exchanges/trail-2', '{"name": "T"}', 'test') \gset
CALL config.store_credential('trail', 'PLANTED', repeat('k', 40), NULL, NULL);
SELECT config.unset('exchanges/trail-2') \gset
SELECT config.rollback_change(max(l.change_id)) FROM config.change_log AS l \gset
INSERT INTO positions.generation_steps
       (log_position, book_id, from_slot, to_slot, from_logic, to_logic, step, actor)
VALUES (0, :book, 1, 2, 1, 1, 'promoted', 'ada');
INSERT INTO positions.outbox_discards
       (buffered_at, outbox_sequence, position_id, event_id, book_id, host, actor, reason, event)
VALUES (now(), 1, md5('p')::uuid, md5('e')::uuid, :book, 'host', 'ada', 'twice', '{}');
INSERT INTO maintenance.jobs (job, every, schedule, command, description)
VALUES ('trail_bad', '1 hour', '0 * * * *', 'SELECT 1 / 0', 'fails');
SELECT (maintenance.run_job('trail_bad')).outcome \gset
SELECT risk.acknowledge_alert(a.alert_id, 'seen')
  FROM risk.alerts AS a
 WHERE a.subject = 'trail_bad' \gset
INSERT INTO capital.accounts (exchange, asset, balance)
VALUES ('trail', 'USDT', 1000), ('trail-2', 'USDT', 0);
SELECT min(a.account_id) AS one, max(a.account_id) AS other
  FROM capital.accounts AS a
 WHERE a.exchange LIKE 'trail%' \gset
INSERT INTO capital.allocations (allocation_id, account_id, strategy, amount)
VALUES (md5('a')::uuid, :one, 'basis', 5.50);
UPDATE capital.allocations
   SET status = 'released',
       released_at = clock_timestamp()
 WHERE allocation_id = md5('a')::uuid;
INSERT INTO capital.transfers (transfer_id, from_account, to_account, amount)
VALUES (md5('t')::uuid, :one, :other, 7);

SELECT set_eq(
    $$SELECT t.source_table, t.action, t.actor
        FROM audit.trail AS t
       WHERE t.target IN ('trail', 'exchanges/trail', 'exchanges/trail-2', 'trail-test',
                          'trail_bad', md5('e')::uuid::text, md5('a')::uuid::text,
                          md5('t')::uuid::text)$$,
    $$VALUES ('audit.actions', 'auth.users.insert', 'ada'),
             ('audit.actions', 'credential_stored', 'ada'),
             ('config.change_log', 'config_set', 'ada'),
             ('config.change_log', 'config_unset', 'ada'),
             ('config.change_log', 'config_rolled_back', 'ada'),
             ('positions.generation_steps', 'generation_promoted', 'ada'),
             ('positions.outbox_discards', 'event_discarded', 'ada'),
             ('maintenance.runs', 'job_failed', 'ada'),
             ('risk.alerts', 'alert_acknowledged', 'ada'),
             ('capital.allocations', 'allocation_requested', 'ada'),
             ('capital.allocations', 'allocation_released', NULL),
             ('capital.transfers', 'transfer_requested', 'ada')$$,
    'whatever was done is in the trail, from its table');
SELECT is_empty($$SELECT FROM audit.trail AS t WHERE t.at IS NULL OR t.target IS NULL$$,
                'each row has its time and its target');
SELECT is(
    (SELECT count(*) FROM audit.trail AS t WHERE t.source_table = 'audit.actions'),
    (SELECT count(*) FROM audit.actions), 'each action is in it once');
SELECT is(t.detail ->> 'amount', '5.5', 'an amount is a text')
  FROM audit.trail AS t
 WHERE t.action = 'allocation_requested'
   AND t.target = md5('a')::uuid::text;
SELECT is_empty($$SELECT FROM audit.trail AS t WHERE t::text ~ 'PLANTED|[$]2b[$]'$$,
                'neither a credential nor a hash is');

SELECT is(has_table_privilege(r.role, 'audit.trail', 'SELECT'), r.may, r.role)
  FROM (VALUES ('nexus_auditor', true), ('nexus_risk', true), ('nexus_credential_reader', false))
       AS r (role, may);

SELECT * FROM finish();

ROLLBACK;
