"""The calls of the ledger, from another language than its own."""
import json
import os
import uuid

import grpc
import pytest

from events import DAY, DAY_ONE, MINUTE, Position
from process import WAIT_SECONDS_MAX

TIMEOUT = {"timeout": WAIT_SECONDS_MAX}


def append(ledger, pb, book, *events):
    """The places of the events of one request."""
    answer = ledger.calls.Append(pb.AppendRequest(book=book, events=events), **TIMEOUT)
    assert answer.WhichOneof("outcome") == "committed"
    return list(answer.committed.places)


def log(ledger, pb, book, **filters):
    """Every event of the book, or those that the filters let through."""
    request = pb.SubscribeRequest(book=book, until_head=True, **filters)
    answers = ledger.calls.Subscribe(request, **TIMEOUT)
    return [answer.event for answer in answers if answer.WhichOneof("item") == "event"]


def refusal(call, *arguments):
    """The error that a call must end with."""
    with pytest.raises(grpc.RpcError) as caught:
        call(*arguments, **TIMEOUT)
    return caught.value


def test_appended_events_are_read_back_as_they_were_sent(ledger, pb, book, position):
    sent = position.story()
    places = append(ledger, pb, book, *sent)
    assert [p.log_position for p in places] == [1, 2, 3, 4, 5]
    assert [p.version for p in places] == [1, 2, 3, 4, 5]
    assert not any(p.duplicate for p in places)
    assert places[1].event_id == position.fill_id("1", "buy")

    stored = log(ledger, pb, book)
    assert [e.log_position for e in stored] == [1, 2, 3, 4, 5]
    assert [e.event_id for e in stored] == [p.event_id for p in places]
    assert [e.recorded_at_us for e in stored] == [p.recorded_at_us for p in places]
    for one, two in zip(sent, stored):
        assert json.loads(one.payload) == json.loads(two.payload)
        assert (one.type, one.effective_at_us, one.source, one.position_id) == (
            two.type, two.effective_at_us, two.source, two.position_id)
        assert len(two.leaf_hash) == 32
        assert two.peer_uid == os.getuid()


def test_a_stored_payload_is_canonical_json(ledger, pb, book, position):
    loose = b' { "px" : "100.50","leg":"long", "trade_id":"\\u0031", "side":"buy", "qty":"1.0",' \
            b' "fee":"0.00","fee_asset":"USDT","liquidity":"taker" } '
    sent = position.event("leg_fill_recorded", DAY_ONE + MINUTE, loose)
    append(ledger, pb, book, position.opened(), sent)
    assert log(ledger, pb, book)[1].payload == (
        b'{"fee":"0","fee_asset":"USDT","leg":"long","liquidity":"taker","px":"100.5","qty":"1",'
        b'"side":"buy","trade_id":"1"}')


def test_a_position_is_what_its_events_make(ledger, pb, book, position):
    last = append(ledger, pb, book, *position.story())[-1].log_position
    answer = ledger.calls.GetPosition(
        pb.GetPositionRequest(book=book, position_id=position.id, at_least=last), **TIMEOUT)
    assert answer.as_of >= last
    found = answer.position
    assert (found.state, found.version, found.settle) == ("CLOSING", 5, "USDT")
    assert (found.realized, found.fees, found.funding, found.net) == ("15", "0.3", "0.5", "15.2")
    leg = {leg.leg: leg for leg in found.legs}["long"]
    assert (leg.qty, leg.open_cost, leg.avg_entry_px) == ("1", "105", "105")
    assert dict(leg.fees) == {"USDT": "0.3"}


def test_a_retry_is_answered_with_the_first_places(ledger, pb, book, position):
    sent = position.story()
    first = append(ledger, pb, book, *sent)
    again = append(ledger, pb, book, *sent)
    assert all(p.duplicate for p in again)
    assert [(p.event_id, p.log_position, p.version, p.recorded_at_us) for p in again] == [
        (p.event_id, p.log_position, p.version, p.recorded_at_us) for p in first]
    assert len(log(ledger, pb, book)) == len(sent)


def test_of_a_partly_known_request_the_new_events_are_appended(ledger, pb, book, position):
    known = [position.opened(), position.fill("1", "buy", "1", "100")]
    append(ledger, pb, book, *known)
    places = append(ledger, pb, book, *known, position.fill("2", "buy", "1", "110"))
    assert [(p.log_position, p.duplicate) for p in places] == [(1, True), (2, True), (3, False)]


def test_a_known_id_with_other_content_is_refused(ledger, pb, book, position):
    append(ledger, pb, book, position.opened(), position.fill("1", "buy", "1", "100"))
    other = pb.AppendRequest(book=book, events=[position.fill("1", "buy", "2", "100")])
    error = refusal(ledger.calls.Append, other)
    assert error.code() == grpc.StatusCode.ALREADY_EXISTS
    assert position.fill_id("1", "buy") in error.details()
    assert len(log(ledger, pb, book)) == 2


@pytest.mark.parametrize("expected", [0, 1, 3])
def test_a_version_conflict_is_aborted(ledger, pb, book, position, expected):
    append(ledger, pb, book, position.opened(), position.fill("1", "buy", "1", "100"))
    late = position.fill("2", "buy", "1", "110", expected_version=expected)
    error = refusal(ledger.calls.Append, pb.AppendRequest(book=book, events=[late]))
    assert error.code() == grpc.StatusCode.ABORTED
    assert "version 2" in error.details()
    assert len(log(ledger, pb, book)) == 2
    late.expected_version = 2
    assert append(ledger, pb, book, late)[0].version == 3


MALFORMED = [
    ("payload.qty", dict(payload=dict(qty=1))),
    ("payload.qty", dict(payload=dict(qty="0"))),
    ("payload.qty", dict(payload=dict(qty="-1"))),
    ("payload.qty", dict(payload=dict(qty="1e3"))),
    ("payload.qty", dict(payload=dict(qty="+1"))),
    ("payload.qty", dict(payload=dict(qty=""))),
    ("payload.qty", dict(payload=dict(qty="0.1234567890123456789"))),
    ("payload.qty", dict(payload=dict(qty="100000000000000000000"))),
    ("payload.px", dict(payload=dict(px=None))),
    ("payload.side", dict(payload=dict(side="bought"))),
    ("payload.leg", dict(payload=dict(leg="third"))),
    ("payload.colour", dict(payload=dict(colour="red"))),
    ("payload.part", dict(payload=dict(part="0"))),
    ("position_id", dict(position_id="1234")),
    ("type", dict(type="leg_filled")),
    ("source", dict(source="hearsay")),
    ("actor", dict(source="manual")),
    ("event_id", dict(event_id=str(uuid.UUID(int=7)))),
    ("schema_version", dict(schema_version=99)),
    ("expected_version", dict(expected_version=-1)),
]


@pytest.mark.parametrize("field, change", MALFORMED)
def test_a_malformed_event_is_refused_by_the_name_of_its_field(
        ledger, pb, book, position, field, change):
    append(ledger, pb, book, position.opened())
    bad = position.fill("2", "buy", "1", "100", **change)
    request = pb.AppendRequest(book=book, events=[position.fill("1", "buy", "1", "100"), bad])
    error = refusal(ledger.calls.Append, request)
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT, error.details()
    assert field in error.details()
    assert len(log(ledger, pb, book)) == 1, "a refused request appends nothing"


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"leg":"\xc3"}',
                                     b'{"leg":"long","leg":"long"}', b"[" * 100_000])
def test_a_payload_that_is_no_json_object_is_refused(ledger, pb, book, position, payload):
    bad = position.event("leg_fill_recorded", DAY_ONE, payload)
    request = pb.AppendRequest(book=book, events=[position.opened(), bad])
    error = refusal(ledger.calls.Append, request)
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "payload" in error.details()
    assert log(ledger, pb, book) == []


def test_a_request_without_events_and_a_bad_book_are_refused(ledger, pb, position):
    for request, word in [(pb.AppendRequest(), "events"),
                          (pb.AppendRequest(book="Ü b", events=[position.opened()]), "book")]:
        error = refusal(ledger.calls.Append, request)
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert word in error.details()


def test_a_close_while_a_leg_is_open_is_a_failed_precondition(ledger, pb, book, position):
    append(ledger, pb, book, position.opened(), position.fill("1", "buy", "1", "100"))
    closing = position.event("position_closed", DAY_ONE + DAY, dict(reason="manual"),
                             event_id=str(uuid.uuid4()))
    error = refusal(ledger.calls.Append, pb.AppendRequest(book=book, events=[closing]))
    assert error.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert len(log(ledger, pb, book)) == 2


def test_a_stream_is_answered_in_order_and_outlives_a_refusal(ledger, pb, book, position):
    good = [position.opened()] + [
        position.fill(str(n), "buy", "1", "100", at=DAY_ONE + n * MINUTE) for n in range(1, 100)]
    events = good[:50] + [position.fill("bad", "buy", "-1", "100")] + good[50:]
    requests = (pb.AppendRequest(book=book, events=[event]) for event in events)
    answers = list(ledger.calls.AppendStream(requests, **TIMEOUT))
    assert [a.WhichOneof("outcome") for a in answers] == (
        ["committed"] * 50 + ["refused"] + ["committed"] * 50)
    assert answers[50].refused.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    assert "qty" in answers[50].refused.message
    positions = [a.committed.places[0].log_position for a in answers if a.HasField("committed")]
    assert positions == list(range(1, 101))


def test_a_subscription_catches_up_and_then_follows(ledger, pb, book, position):
    story = position.story()
    append(ledger, pb, book, *story[:3])
    answers = ledger.calls.Subscribe(pb.SubscribeRequest(book=book, after=1), **TIMEOUT)
    assert [next(answers).event.log_position for _ in range(2)] == [2, 3]
    assert next(answers).caught_up == 3
    append(ledger, pb, book, *story[3:])
    assert [next(answers).event.log_position for _ in range(2)] == [4, 5]
    answers.cancel()


def test_a_subscription_sends_what_was_asked_for(ledger, pb, book):
    one, two = Position(pb), Position(pb)
    append(ledger, pb, book, *one.story(), *two.story())
    assert [e.log_position for e in log(ledger, pb, book, position_ids=[two.id])] == [
        6, 7, 8, 9, 10]
    found = log(ledger, pb, book, types=["funding_recorded"], after=5)
    assert [e.log_position for e in found] == [10]


def test_a_timeline_has_running_totals(ledger, pb, book, position):
    append(ledger, pb, book, *position.story())
    request = pb.GetTimelineRequest(book=book, position_id=position.id)
    entries = [e for m in ledger.calls.GetTimeline(request, **TIMEOUT) for e in m.entries]
    assert [entry.event.version for entry in entries] == [1, 2, 3, 4, 5]
    totals = [(e.running.qty, e.running.open_cost, e.running.realized_price, e.running.fee_value,
               e.running.funding, e.running.net, e.running.position_net) for e in entries[1:]]
    assert totals == [
        ("1", "100", "0", "0.1", "0", "-0.1", "-0.1"),
        ("2", "210", "0", "0.2", "0", "-0.2", "-0.2"),
        ("1", "105", "15", "0.3", "0", "14.7", "14.7"),
        ("1", "105", "15", "0.3", "0.5", "15.2", "15.2"),
    ]
    assert [e.running.state for e in entries] == [
        "PENDING", "OPENING", "OPENING", "CLOSING", "CLOSING"]


def test_a_timeline_says_what_was_voided(ledger, pb, book, position):
    void = position.event("event_voided", DAY_ONE + DAY, dict(
        target_event_id=position.fill_id("2", "buy"), reason="busted"),
        source="manual", actor="ops")
    void_id = append(ledger, pb, book, *position.story()[:3], void)[-1].event_id
    request = pb.GetTimelineRequest(book=book, position_id=position.id)
    entries = [e for m in ledger.calls.GetTimeline(request, **TIMEOUT) for e in m.entries]
    assert [e.voided_by for e in entries] == ["", "", void_id, ""]
    assert entries[-1].running.qty in ("", "1"), "a void is of no leg, or its total counts it"


def test_daily_pnl_puts_money_on_its_days(ledger, pb, book, position):
    last = append(ledger, pb, book, *position.story())[-1].log_position
    request = pb.GetDailyPnlRequest(book=book, at_least=last)
    rows = ledger.calls.GetDailyPnl(request, **TIMEOUT).rows
    found = [(r.day, r.venue, r.settle, r.price_pnl, r.fees, r.funding, r.net, r.fills, r.volume)
             for r in sorted(rows, key=lambda r: r.day)]
    assert found == [
        ("2026-03-01", "v1", "USDT", "0", "0.2", "0", "-0.2", 2, "210"),
        ("2026-03-02", "v1", "USDT", "15", "0.1", "0.5", "15.4", 1, "120"),
    ]
    request.by.append("asset")
    rows = ledger.calls.GetDailyPnl(request, **TIMEOUT).rows
    assert [(r.day, r.asset, r.net, r.fills) for r in rows] == [("", "BTC", "15.2", 3)]


@pytest.mark.parametrize("by", [[], ["day"], ["asset", "venue"]])
def test_daily_pnl_comes_a_page_at_a_time(ledger, pb, book, by):
    for day in range(4):
        one = Position(pb)
        at = DAY_ONE + day * DAY
        last = append(ledger, pb, book, one.opened(at=at),
                      one.fill("1", "buy", "1", "100", at=at))[-1].log_position
    request = pb.GetDailyPnlRequest(book=book, at_least=last, by=by)
    whole = list(ledger.calls.GetDailyPnl(request, **TIMEOUT).rows)
    assert len(whole) == (1 if by == ["asset", "venue"] else 4)
    request.page_size = 1
    found = []
    while True:
        answer = ledger.calls.GetDailyPnl(request, **TIMEOUT)
        found += answer.rows
        if not answer.next_page_token:
            break
        request.page_token = answer.next_page_token
    assert found == whole
    request.page_token = "['2026-01-01']"
    error = refusal(ledger.calls.GetDailyPnl, request)
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT and "page_token" in error.details()


def test_positions_are_listed_a_page_at_a_time_newest_first(ledger, pb, book):
    made = [Position(pb) for _ in range(5)]
    for minute, one in enumerate(made):
        last = append(ledger, pb, book, one.opened(at=DAY_ONE + minute * MINUTE))[0].log_position
    request = pb.ListPositionsRequest(book=book, page_size=2, at_least=last)
    found, pages = [], 0
    while True:
        answer = ledger.calls.ListPositions(request, **TIMEOUT)
        found += [p.position_id for p in answer.positions]
        pages += 1
        if not answer.next_page_token:
            break
        request.page_token = answer.next_page_token
    assert found == [one.id for one in reversed(made)]
    assert pages == 3


def test_health_and_status_say_that_it_serves(ledger, pb, stubs, book, position):
    answer = ledger.health.Check(stubs.health.HealthCheckRequest(), **TIMEOUT)
    assert answer.status == stubs.health.HealthCheckResponse.SERVING
    error = refusal(ledger.health.Check, stubs.health.HealthCheckRequest(service="no.Such"))
    assert error.code() == grpc.StatusCode.NOT_FOUND
    append(ledger, pb, book, position.opened())
    status = ledger.operations.GetStatus(pb.GetStatusRequest(book=book), **TIMEOUT)
    assert [(b.book, b.head) for b in status.books] == [(book, 1)]
    assert status.database == "up"
