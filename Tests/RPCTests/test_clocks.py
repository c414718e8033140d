"""Reads as of a log position or a time, and what later knowledge changed.

The events happen in March 2026, long before they are recorded: each fact restates its day.
"""
import datetime
import json
import subprocess
import time
import uuid

import grpc
import pytest

from events import DAY, DAY_ONE, MINUTE, Position, micros
from process import WAIT_SECONDS_MAX

TIMEOUT = {"timeout": WAIT_SECONDS_MAX}
BY_DAY_AND_VENUE = ["day", "venue"]


def append(ledger, pb, book, *events):
    """The places of the events of one request."""
    answer = ledger.calls.Append(pb.AppendRequest(book=book, events=events), **TIMEOUT)
    return list(answer.committed.places)


def refusal(call, *arguments):
    """The error that a call must end with."""
    with pytest.raises(grpc.RpcError) as caught:
        call(*arguments, **TIMEOUT)
    return caught.value


def closing(position, at):
    """position_closed."""
    return position.event("position_closed", at, dict(reason="manual"),
                          event_id=str(uuid.uuid4()))


def voiding(position, target, at):
    """event_voided."""
    payload = dict(target_event_id=target, reason="busted")
    return position.event("event_voided", at, payload, source="manual", actor="ops")


def turns(pb):
    """A position that is opened, traded, corrected and closed, and another beside it."""
    one, two = Position(pb), Position(pb)
    return one, two, [
        one.opened(),
        one.fill("1", "buy", "2", "100"),
        one.fill("2", "sell", "1", "120", at=DAY_ONE + DAY),
        two.opened(at=DAY_ONE + MINUTE),
        one.fill("late", "buy", "1", "94", at=DAY_ONE + 2 * MINUTE),
        two.fill("1", "sell", "1", "101", at=DAY_ONE + DAY, leg="short"),
        one.funding(DAY_ONE + DAY + MINUTE, "0.5"),
        voiding(one, one.fill_id("late", "buy"), DAY_ONE + 2 * DAY),
        one.fill("3", "sell", "1", "130", at=DAY_ONE + 2 * DAY),
        closing(one, DAY_ONE + 2 * DAY + MINUTE),
    ]


def everything(ledger, pb, book, positions, **how):
    """All that reads tell of the book: each position, the lists, the daily P&L."""
    found = []
    for one in positions:
        request = pb.GetPositionRequest(book=book, position_id=one.id, **how)
        try:
            found.append(ledger.calls.GetPosition(request, **TIMEOUT).position)
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.NOT_FOUND
            found.append(None)
    for kind in ["FILTER_OPEN", "FILTER_CLOSED", "FILTER_ALL"]:
        request = pb.ListPositionsRequest(book=book, filter=kind, **how)
        found.append(list(ledger.calls.ListPositions(request, **TIMEOUT).positions))
    for by in [[], BY_DAY_AND_VENUE, ["asset"]]:
        request = pb.GetDailyPnlRequest(book=book, by=by, **how)
        found.append(list(ledger.calls.GetDailyPnl(request, **TIMEOUT).rows))
    return found


def test_what_the_tables_showed_is_what_is_read_of_that_moment_later(ledger, pb, book):
    one, two, events = turns(pb)
    seen = []
    for event in events:
        place = append(ledger, pb, book, event)[0]
        at_least = place.log_position
        seen.append((place, everything(ledger, pb, book, [one, two], at_least=at_least)))
    for place, shown in seen:
        at = pb.Moment(at=place.log_position)
        assert everything(ledger, pb, book, [one, two], moment=at) == shown
        as_of = pb.Moment(as_of_us=place.recorded_at_us)
        assert everything(ledger, pb, book, [one, two], moment=as_of) == shown


def test_a_time_is_answered_with_its_log_position(ledger, pb, book, position):
    places = append(ledger, pb, book, *position.story()[:2])
    places += append(ledger, pb, book, *position.story()[2:])
    first, last = places[0].recorded_at_us, places[-1].recorded_at_us
    assert first < last
    for moment, expected in [(last, 5), (last - 1, 2), (first, 2)]:
        request = pb.GetPositionRequest(
            book=book, position_id=position.id, moment=pb.Moment(as_of_us=moment))
        answer = ledger.calls.GetPosition(request, **TIMEOUT)
        assert (answer.as_of, answer.position.version) == (expected, expected)
    request.moment.as_of_us = first - 1
    error = refusal(ledger.calls.GetPosition, request)
    assert error.code() == grpc.StatusCode.NOT_FOUND
    assert "had not begun" in error.details()


def test_a_moment_that_cannot_be_is_refused(ledger, pb, book, position):
    append(ledger, pb, book, *position.story())
    future = (time.time_ns() // 1000) + 3_600_000_000
    for moment, words in [(pb.Moment(at=6), ["at", "6", "5"]), (pb.Moment(at=-1), ["at", "-1"]),
                          (pb.Moment(as_of_us=future), ["as_of_us", "over"]),
                          (pb.Moment(effective_us=-1), ["effective_us"])]:
        for call, request in [
                (ledger.calls.GetPosition,
                 pb.GetPositionRequest(book=book, position_id=position.id, moment=moment)),
                (ledger.calls.ListPositions, pb.ListPositionsRequest(book=book, moment=moment)),
                (ledger.calls.GetDailyPnl, pb.GetDailyPnlRequest(book=book, moment=moment))]:
            error = refusal(call, request)
            assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
            assert all(word in error.details() for word in words), error.details()


def test_what_had_happened_is_told_from_what_was_known(ledger, pb, book):
    one, two, events = turns(pb)
    append(ledger, pb, book, *events)
    noon = micros(DAY_ONE + DAY - MINUTE)

    def shown(**moment):
        request = pb.GetPositionRequest(
            book=book, position_id=one.id, moment=pb.Moment(effective_us=noon, **moment))
        found = ledger.calls.GetPosition(request, **TIMEOUT).position
        leg = {leg.leg: leg for leg in found.legs}["long"]
        return found.state, leg.qty, leg.open_cost

    # The late fill is voided by now; between its place and the void's it was known.
    assert shown() == ("OPENING", "2", "200")
    assert shown(at=5) == ("OPENING", "3", "294")
    assert shown(at=4) == ("OPENING", "2", "200")
    request = pb.ListPositionsRequest(book=book, moment=pb.Moment(effective_us=noon))
    listed = ledger.calls.ListPositions(request, **TIMEOUT)
    assert [p.position_id for p in listed.positions] == [two.id, one.id]
    assert listed.as_of == len(events)
    request.moment.effective_us = micros(DAY_ONE)
    listed = ledger.calls.ListPositions(request, **TIMEOUT)
    assert [p.position_id for p in listed.positions] == [one.id]
    request = pb.GetDailyPnlRequest(book=book, moment=pb.Moment(effective_us=noon))
    rows = ledger.calls.GetDailyPnl(request, **TIMEOUT).rows
    assert [(r.day, r.venue, r.fees, r.fills) for r in rows] == [("2026-03-01", "v1", "0.1", 1)]


def test_positions_of_a_moment_come_a_page_at_a_time(ledger, pb, book):
    made = [Position(pb) for _ in range(7)]
    for minute, one in enumerate(made):
        last = append(ledger, pb, book, one.opened(at=DAY_ONE + minute * MINUTE))[0].log_position
    append(ledger, pb, book, Position(pb).opened(at=DAY_ONE - MINUTE))
    for limit in [1, 2, 3, 7, 8]:
        request = pb.ListPositionsRequest(
            book=book, page_size=limit, moment=pb.Moment(at=last))
        found = []
        while True:
            answer = ledger.calls.ListPositions(request, **TIMEOUT)
            assert len(answer.positions) <= limit
            found += [p.position_id for p in answer.positions]
            if not answer.next_page_token:
                break
            request.page_token = answer.next_page_token
        assert found == [one.id for one in reversed(made)]


@pytest.mark.parametrize("by", [[], ["day"], ["asset", "venue"]])
def test_daily_pnl_of_a_moment_comes_a_page_at_a_time(ledger, pb, book, by):
    _, _, events = turns(pb)
    last = append(ledger, pb, book, *events)[-1].log_position
    request = pb.GetDailyPnlRequest(book=book, by=by, moment=pb.Moment(at=last))
    whole = list(ledger.calls.GetDailyPnl(request, **TIMEOUT).rows)
    live = pb.GetDailyPnlRequest(book=book, by=by, at_least=last)
    assert whole == list(ledger.calls.GetDailyPnl(live, **TIMEOUT).rows)
    request.page_size, found = 1, []
    while True:
        answer = ledger.calls.GetDailyPnl(request, **TIMEOUT)
        found += answer.rows
        if not answer.next_page_token:
            break
        request.page_token = answer.next_page_token
    assert found == whole


def test_daily_pnl_of_a_moment_takes_filters(ledger, pb, book):
    _, _, events = turns(pb)
    last = append(ledger, pb, book, *events)[-1].log_position
    for filters in [dict(venue="v2"), dict(strategy="carry"), dict(strategy="other"),
                    dict(asset="BTC", from_day="2026-03-02"), dict(to_day="2026-03-01")]:
        live = pb.GetDailyPnlRequest(book=book, at_least=last, **filters)
        then = pb.GetDailyPnlRequest(book=book, moment=pb.Moment(at=last), **filters)
        assert (list(ledger.calls.GetDailyPnl(then, **TIMEOUT).rows)
                == list(ledger.calls.GetDailyPnl(live, **TIMEOUT).rows)), filters


def restatements(ledger, pb, book, **filters):
    """What was restated, and up to which log position that is known."""
    request = pb.ListRestatementsRequest(book=book, **filters)
    messages = list(ledger.calls.ListRestatements(request, **TIMEOUT))
    assert len({message.as_of for message in messages}) == 1
    return [one for message in messages for one in message.restatements], messages[0].as_of


def test_a_restatement_is_the_book_before_and_after_its_event(ledger, pb, book):
    _, _, events = turns(pb)
    places = append(ledger, pb, book, *events)
    found, as_of = restatements(ledger, pb, book)
    assert as_of == len(events)

    def days(position):
        request = pb.GetDailyPnlRequest(
            book=book, by=BY_DAY_AND_VENUE, moment=pb.Moment(at=position))
        rows = ledger.calls.GetDailyPnl(request, **TIMEOUT).rows
        return {(row.day, row.venue, row.settle): row for row in rows}

    expected = []
    before = {}
    for place in places:
        after = days(place.log_position)
        for key in sorted(before.keys() | after.keys()):
            if before.get(key) != after.get(key):
                expected.append((place.log_position, key, before.get(key), after[key]))
        before = after
    assert len(expected) >= 7
    assert [(r.event.log_position, (r.day, r.venue, r.settle), r.after) for r in found] == [
        (position, key, new) for position, key, _, new in expected]
    for one, (_, key, old, _) in zip(found, expected):
        if old is None:
            old = pb.DailyPnl(day=key[0], venue=key[1], settle=key[2], price_pnl="0", fees="0",
                              funding="0", adjustments="0", net="0", volume="0")
        assert one.before == old
    ids = {place.log_position: place.event_id for place in places}
    for one in found:
        assert one.event.event_id == ids[one.event.log_position]
        assert one.event.payload == b"" and len(one.event.leaf_hash) == 32
    # The void came last that changed the first two days.
    void = [r for r in found if r.event.type == "event_voided"]
    assert [r.day for r in void] == ["2026-03-01", "2026-03-02"]
    assert void[0].event.actor == "ops"


def test_restatements_are_chosen_by_day_and_venue(ledger, pb, book):
    _, _, events = turns(pb)
    append(ledger, pb, book, *events)
    found, _ = restatements(ledger, pb, book)
    for filters in [dict(from_day="2026-03-02"), dict(to_day="2026-03-01"), dict(venue="v2"),
                    dict(from_day="2026-03-02", to_day="2026-03-02", venue="v1")]:
        chosen, _ = restatements(ledger, pb, book, **filters)
        assert chosen == [
            one for one in found
            if one.day >= filters.get("from_day", "") and one.day <= filters.get("to_day", "9")
            and one.venue == filters.get("venue", one.venue)], filters
    error = refusal(lambda *_, **limits: list(ledger.calls.ListRestatements(
        pb.ListRestatementsRequest(book=book, from_day="2026-03-02", to_day="2026-03-01"),
        **limits)))
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT and "to_day" in error.details()


def test_what_comes_in_time_restates_nothing(ledger, pb, book, position):
    now = datetime.datetime.now(datetime.timezone.utc)
    # By tomorrow's days: midnight may pass while this runs.
    append(ledger, pb, book, position.opened(at=now + DAY),
           position.fill("1", "buy", "1", "100", at=now + DAY))
    assert restatements(ledger, pb, book) == ([], 2)
    assert restatements(ledger, pb, "rpc-no-such-book") == ([], 0)


def command(ledger, book, *words):
    """A finished `nexus-ledger`."""
    return subprocess.run(
        [ledger.binary, *words, "--socket", ledger.socket, "--book", book],
        capture_output=True, text=True, timeout=WAIT_SECONDS_MAX, check=False)


def test_the_commands_take_moments(ledger, pb, book):
    one, _, events = turns(pb)
    append(ledger, pb, book, *events)
    shown = command(ledger, book, "show", one.id, "--at", "2")
    assert shown.returncode == 0 and "as known at log position 2" in shown.stdout
    shown = command(ledger, book, "positions", "--effective", "2026-03-02")
    assert "as it was at 2026-03-02T00:00:00Z" in shown.stdout
    rows = json.loads(command(ledger, book, "pnl", "daily", "--at", "2", "--json").stdout)
    assert (rows["as_of"], [row["fills"] for row in rows["rows"]]) == (2, [1])
    assert command(ledger, book, "show", one.id, "--at", "11").returncode == 2
    assert command(ledger, book, "show", one.id, "--at", "0").returncode == 5
    for words in [["--at", "2", "--as-of", "2026-03-02"], ["--at", "2", "--at-least", "head"],
                  ["--as-of", "yesterday"], ["--at", "-1"]]:
        assert command(ledger, book, "show", one.id, *words).returncode == 64, words


def test_the_command_restatements_lists_them(ledger, pb, book):
    _, _, events = turns(pb)
    append(ledger, pb, book, *events)
    found, _ = restatements(ledger, pb, book)
    lines = command(ledger, book, "restatements", "--json").stdout.splitlines()
    assert [(line["day"], line["venue"], line["before"]["net"], line["after"]["net"],
             line["event"]["log_position"]) for line in map(json.loads, lines)] == [
        (r.day, r.venue, r.before.net, r.after.net, r.event.log_position) for r in found]
    table = command(ledger, book, "restatements", "--venue", "v2")
    assert "NET BEFORE" in table.stdout and "1 restatement, " in table.stdout
    nothing = command(ledger, book, "restatements", "--venue", "v9")
    assert nothing.returncode == 0 and "nothing was restated" in nothing.stdout
