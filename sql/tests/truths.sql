-- What the tables refuse: each constraint of the log and of the projections, by its name.
BEGIN;

CREATE EXTENSION IF NOT EXISTS pgtap;

SELECT no_plan();

SELECT positions.ensure_month('2150-01-15 00:00:00+00');

-- Runs the statement; returns the name of the constraint that refused it, null if none did.
CREATE FUNCTION pg_temp.refused_by(statement text)
    RETURNS text
    LANGUAGE plpgsql
AS $function$
DECLARE
    refused_by text;
BEGIN
    EXECUTE statement;
    RETURN NULL;
EXCEPTION
    WHEN integrity_constraint_violation THEN
        GET STACKED DIAGNOSTICS refused_by = CONSTRAINT_NAME;
        RETURN refused_by;
END
$function$;

-- A row with some members changed, as an INSERT. The members are JSON, null included.
CREATE FUNCTION pg_temp.insert(target text, sample jsonb, change jsonb)
    RETURNS text
    LANGUAGE sql
AS $function$
    SELECT format('INSERT INTO %1$s (%2$s) SELECT %2$s FROM json_populate_record(NULL::%1$s, %3$L)',
                  target, string_agg(quote_ident(m.key), ', '), (sample || change)::text)
      FROM jsonb_each(sample || change) AS m;
$function$;

CREATE TEMPORARY TABLE samples (target text, sample jsonb);

INSERT INTO samples
VALUES ('positions.events', '{"book_id": 1, "log_position": 1, "version": 1,
         "position_id": "00000000-0000-0000-0000-000000000001",
         "event_id": "00000000-0000-0000-0000-000000000002",
         "event_type": "mark_recorded", "schema_version": 1, "effective_at": "2150-01-15T00:00:00Z",
         "recorded_at": "2150-01-15T00:00:00Z", "source": "venue_ws", "payload": {},
         "leaf_hash": "\\x0000000000000000000000000000000000000000000000000000000000000000"}'),
       ('positions.streams', '{"book_id": 1, "version": 1, "state": "OPEN", "progress": {},
         "position_id": "00000000-0000-0000-0000-000000000001",
         "first_recorded_at": "2150-01-15T00:00:00Z", "last_recorded_at": "2150-01-15T00:00:00Z"}'),
       ('positions.deliveries', '{"book_id": 1, "log_position": 5, "last_position": 5,
         "host": "here"}'),
       ('positions.active_rows', '{"slot": 1, "book_id": 1, "version": 1, "strategy": "s",
         "position_id": "00000000-0000-0000-0000-000000000001", "asset": "BTC", "state": "OPEN",
         "flags": [], "opened_at": "2150-01-15T00:00:00Z", "leg_count": 2, "revision": 0,
         "log_position": 1, "changed_at": "2150-01-15T00:00:00Z", "realized": "3", "fees": "1",
         "funding": "2", "adjustments": "0", "net": "4"}'),
       ('positions.legs_rows', '{"slot": 1, "book_id": 1, "leg": "a", "leg_index": 0, "venue": "v",
         "position_id": "00000000-0000-0000-0000-000000000001", "account": "a", "instrument": "i",
         "kind": "linear", "side": "long", "base": "BTC", "quote": "USDT", "settle": "USDT",
         "multiplier": "1", "target_qty": "1", "qty_scale": 3, "price_scale": 1, "settle_scale": 2,
         "state": "FILLED", "flags": [], "qty": "1", "peak_qty": "1", "open_cost": "100",
         "realized_price": "0", "fees": {}, "funding": {}, "adjustments": "0", "log_position": 1,
         "changed_at": "2150-01-15T00:00:00Z"}'),
       ('positions.history_rows', '{"slot": 1, "book_id": 1, "version": 1, "strategy": "s",
         "position_id": "00000000-0000-0000-0000-000000000001", "asset": "BTC", "state": "CLOSED",
         "flags": [], "opened_at": "2150-01-15T00:00:00Z", "closed_at": "2150-01-15T00:00:00Z",
         "close_reason": "stop", "revision": 0, "leg_count": 2, "price_pnl_by_leg": {},
         "fees_by_category": {}, "fills": 4, "maker_fills": 1, "arrival_slippage_by_leg": {},
         "log_position": 1, "changed_at": "2150-01-15T00:00:00Z"}'),
       ('analytics.daily_pnl_rows', '{"slot": 1, "book_id": 1, "day": "2150-01-15",
         "strategy": "s", "asset": "BTC", "venue": "v", "settle": "USDT", "price_pnl": "0",
         "fees_known": "0", "funding_known": "0", "unvalued_fees": 0, "unvalued_funding": 0,
         "adjustments": "0", "fills": 1, "volume": "1", "positions": 1, "leg_days": 2,
         "log_position": 1, "changed_at": "2150-01-15T00:00:00Z"}'),
       ('analytics.trade_stats_rows', '{"slot": 1, "book_id": 1, "strategy": "s", "asset": "BTC",
         "settle": "USDT", "closed_positions": 3, "unvalued": 1, "wins": 2, "log_position": 1,
         "changed_at": "2150-01-15T00:00:00Z"}'),
       ('analytics.funding_collected_rows', '{"slot": 1, "book_id": 1, "leg": "a",
         "position_id": "00000000-0000-0000-0000-000000000001", "month": "2150-01-01",
         "strategy": "s", "asset": "BTC", "venue": "v", "settle": "USDT", "payments": 1,
         "received": "3", "paid": "1", "net": "2", "log_position": 1,
         "changed_at": "2150-01-15T00:00:00Z"}');

SELECT is(pg_temp.refused_by(pg_temp.insert(s.target, s.sample, '{}')), NULL,
          format('the sample of %s is good', s.target))
  FROM samples AS s
 ORDER BY s.target;

SELECT is(pg_temp.refused_by(pg_temp.insert(s.target, s.sample, c.change::jsonb)), c.name,
          format('%s refuses %s', s.target, c.change))
  FROM (VALUES
    ('positions.events', '{"log_position": 0}', 'log_position_is_positive'),
    ('positions.events', '{"version": 0}', 'version_is_positive'),
    ('positions.events', '{"schema_version": 0}', 'schema_version_is_positive'),
    ('positions.events', '{"event_type": "position_moved"}', 'event_type_is_known'),
    ('positions.events', '{"source": "rumour"}', 'source_is_known'),
    ('positions.events', '{"source": "manual"}', 'actor_is_named_where_a_person_decides'),
    ('positions.events', '{"event_type": "event_voided"}', 'actor_is_named_where_a_person_decides'),
    ('positions.events', '{"effective_at": "infinity"}', 'times_are_finite'),
    ('positions.events', '{"leaf_hash": "\\x00"}', 'leaf_hash_is_32_octets'),
    ('positions.events', '{"payload": []}', 'payload_is_an_object'),
    ('positions.events', '{}', 'event_has_one_place_y2150m01'),
    ('positions.events', '{"recorded_at": "2150-01-16T00:00:00Z", "version": 2}',
     'log_position_is_taken_once_y2150m01'),
    ('positions.events', '{"log_position": 2}', 'version_is_taken_once_y2150m01'),
    ('positions.streams', '{"state": "LOST"}', 'state_is_known'),
    ('positions.streams', '{"first_recorded_at": "2150-01-16T00:00:00Z"}',
     'first_event_is_not_after_the_last'),
    ('positions.deliveries', '{"last_position": 4}', 'run_ends_at_or_after_its_start'),
    ('positions.deliveries', '{"peer_uid": -1}', 'peer_uid_is_a_user_id'),
    ('positions.deliveries', '{"outbox_sequence": 1}', 'buffered_request_has_time_and_sequence'),
    ('positions.active_rows', '{"state": "CLOSED"}', 'state_is_open'),
    ('positions.active_rows', '{"flags": ["LOST"]}', 'flags_are_known'),
    ('positions.active_rows', '{"net": "4.000000000000000001"}', 'net_is_the_sum_of_its_parts'),
    ('positions.active_rows', '{"log_position": 0}', 'log_position_is_positive'),
    ('positions.legs_rows', '{"kind": "quanto"}', 'kind_is_known'),
    ('positions.legs_rows', '{"side": "buy"}', 'side_is_known'),
    ('positions.legs_rows', '{"qty": "0"}', 'flat_leg_has_no_cost'),
    ('positions.legs_rows', '{"qty": "-2"}', 'peak_is_not_below_quantity'),
    ('positions.legs_rows', '{"open_cost": "-1"}', 'open_cost_is_not_negative'),
    ('positions.legs_rows', '{"qty_scale": 19}', 'qty_scale_is_within_18_places'),
    ('positions.legs_rows', '{"mark_px": "1"}', 'mark_has_price_and_time'),
    ('positions.history_rows', '{"state": "OPEN"}', 'state_is_ended'),
    ('positions.history_rows', '{"close_reason": "bored"}', 'close_reason_is_known_when_closed'),
    ('positions.history_rows', '{"maker_fills": 5}', 'maker_fills_are_some_of_the_fills'),
    ('analytics.daily_pnl_rows', '{"leg_days": 0}', 'row_has_a_position_and_a_leg_day'),
    ('analytics.daily_pnl_rows', '{"unvalued_fees": 3}', 'unvalued_fees_are_some_of_the_leg_days'),
    ('analytics.trade_stats_rows', '{"wins": 3}', 'wins_are_some_of_the_valued'),
    ('analytics.trade_stats_rows', '{"settle": "", "best": "1"}', 'money_has_one_settle_asset'),
    ('analytics.trade_stats_rows', '{"best": "1", "worst": "2"}', 'worst_is_not_above_best'),
    ('analytics.funding_collected_rows', '{"month": "2150-01-15"}', 'month_is_a_first_day'),
    ('analytics.funding_collected_rows', '{"net": "4"}', 'net_is_received_less_paid')
  ) AS c (target, change, name)
  JOIN samples AS s
    ON s.target = c.target;

SELECT is(pg_temp.refused_by(pg_temp.insert(s.target, s.sample, c.change::jsonb)), NULL,
          format('%s takes %s', s.target, c.change))
  FROM (VALUES
    ('positions.events', '{"log_position": 7, "version": 7, "source": "manual", "actor": "ann"}'),
    ('positions.history_rows', '{"position_id": "00000000-0000-0000-0000-000000000003",
      "state": "CANCELLED", "close_reason": "the signal went away"}'),
    ('analytics.trade_stats_rows', '{"settle": ""}'),
    ('positions.active_rows', '{"position_id": "00000000-0000-0000-0000-000000000003",
      "fees": null, "net": null}')
  ) AS c (target, change)
  JOIN samples AS s
    ON s.target = c.target;

SELECT is(e.payload::text, '{"b":"0.10",  "a":"1"}', 'a payload is kept to the byte')
  FROM (SELECT '{"b":"0.10",  "a":"1"}'::json) AS e (payload);

SELECT * FROM finish();

ROLLBACK;
