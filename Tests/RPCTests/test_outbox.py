"""PostgreSQL goes away: events are buffered, said to be so, and arrive once and in order."""
import json
import os
import stat
import subprocess
import time
import types

import grpc
import pytest

from events import DAY_ONE, MINUTE, Position
from process import WAIT_SECONDS_MAX

TIMEOUT = {"timeout": WAIT_SECONDS_MAX}
#: Seconds for the first answer after PostgreSQL went; it has to be one, on a machine that is idle.
DIVERTED_SECONDS_MAX = 20


@pytest.fixture(scope="module")
def own(make_ledger, cluster):
    """A ledger of these tests' own, on the PostgreSQL that they stop."""
    return make_ledger(database=cluster.conninfo, outbox=True).start()


@pytest.fixture
def ledger(own, cluster):
    """It has nothing buffered before a test and after it."""
    cluster.start()
    if not own.is_alive():
        own.start()
    wait_drained(own)
    yield own
    cluster.start()
    if not own.is_alive():
        own.start()
    wait_drained(own)


def ask(ledger, book, *events):
    """The answer to one request."""
    messages = ledger.stubs.ledger
    return ledger.calls.Append(messages.AppendRequest(book=book, events=events), **TIMEOUT)


def committed(ledger, book, *events):
    """The places of a request that must be committed."""
    answer = ask(ledger, book, *events)
    assert answer.WhichOneof("outcome") == "committed", answer
    return list(answer.committed.places)


def buffered(ledger, book, *events):
    """The sequence of a request that must be buffered."""
    answer = ask(ledger, book, *events)
    assert answer.WhichOneof("outcome") == "buffered", answer
    assert answer.buffered.outbox_sequence > 0
    assert answer.buffered.reason
    return answer.buffered.outbox_sequence


def refusal(call, *arguments):
    """The error that a call must end with."""
    with pytest.raises(grpc.RpcError) as caught:
        call(*arguments, **TIMEOUT)
    return caught.value


def status(ledger):
    """GetStatus."""
    return ledger.operations.GetStatus(ledger.stubs.ledger.GetStatusRequest(), **TIMEOUT)


def wait_until(ledger, is_so):
    """The status, when it is so."""
    end = time.monotonic() + WAIT_SECONDS_MAX
    while True:
        found = status(ledger)
        if is_so(found):
            return found
        assert time.monotonic() < end, f"{found}, {ledger.errors()}"
        time.sleep(0.05)


def wait_drained(ledger):
    """Returns when PostgreSQL is there and nothing waits."""
    return wait_until(
        ledger, lambda found: found.database == "up" and found.outbox.waiting_requests == 0)


def log(ledger, book):
    """Every event of the book."""
    request = ledger.stubs.ledger.SubscribeRequest(book=book, until_head=True)
    answers = ledger.calls.Subscribe(request, **TIMEOUT)
    events = [a.event for a in answers if a.WhichOneof("item") == "event"]
    assert [e.log_position for e in events] == list(range(1, len(events) + 1)), "no gaps"
    return events


def trade_ids(events):
    """Of the fills, in the order of the log."""
    return [json.loads(e.payload)["trade_id"] for e in events if e.type == "leg_fill_recorded"]


def fill(position, number, **more):
    """A buy of 0.01, a minute after the one before."""
    at = DAY_ONE + (number + 1) * MINUTE
    return position.fill(str(number), "buy", "0.01", "100", at=at, **more)


def deliveries(cluster, book):
    """(first, last, outbox sequence, has buffered_at, has host) of each run of the book."""
    return cluster.query(
        "SELECT d.log_position, d.last_position, d.outbox_sequence, d.buffered_at IS NOT NULL,"
        "       d.host <> ''"
        "  FROM positions.deliveries AS d JOIN positions.books AS b ON b.book_id = d.book_id"
        f" WHERE b.name = '{book}' ORDER BY d.log_position")


# ---------------------------------------------------------------- divert and drain


def test_what_is_appended_while_postgresql_is_away_is_buffered_and_arrives(
        ledger, cluster, book, position):
    committed(ledger, book, position.opened())
    cluster.stop()
    began = time.monotonic()
    first = buffered(ledger, book, fill(position, 1))
    assert time.monotonic() - began < DIVERTED_SECONDS_MAX
    second = buffered(ledger, book, fill(position, 2), fill(position, 3))
    assert second == first + 1
    assert buffered(ledger, book, fill(position, 1)) == first, "asked again: the same request"
    assert buffered(ledger, book, fill(position, 3)) == second

    found = status(ledger)
    assert found.database == "down"
    assert (found.outbox.waiting_requests, found.outbox.waiting_events) == (2, 3)
    assert found.outbox.parked_requests == 0
    assert found.outbox.outage and found.outbox.oldest_waiting_us > 0

    cluster.start()
    wait_drained(ledger)
    events = log(ledger, book)
    assert trade_ids(events) == ["1", "2", "3"]
    assert [e.version for e in events] == [1, 2, 3, 4]
    again = committed(ledger, book, fill(position, 2), fill(position, 3))
    assert [(p.log_position, p.version, p.duplicate) for p in again] == [(3, 3, True), (4, 4, True)]
    assert [p.recorded_at_us for p in again] == [e.recorded_at_us for e in events[2:]]
    assert deliveries(cluster, book) == [
        ["1", "1", "", "f", "t"], ["2", "2", str(first), "t", "t"],
        ["3", "4", str(second), "t", "t"]]
    assert committed(ledger, book, fill(position, 4))[0].log_position == 5


def test_a_timeline_says_when_and_where_an_event_was_buffered(
        ledger, cluster, pb, book, position):
    committed(ledger, book, position.opened())
    before = time.time_ns() // 1000
    cluster.stop()
    sequence = buffered(ledger, book, fill(position, 1))
    after = time.time_ns() // 1000
    cluster.start()
    wait_drained(ledger)
    request = pb.GetTimelineRequest(book=book, position_id=position.id)
    entries = [e for m in ledger.calls.GetTimeline(request, **TIMEOUT) for e in m.entries]
    assert [(e.buffered_at_us > 0, e.outbox_sequence) for e in entries] == [
        (False, 0), (True, sequence)]
    assert before <= entries[1].buffered_at_us <= after
    assert entries[1].event.recorded_at_us > entries[1].buffered_at_us
    assert entries[0].host and entries[0].host == entries[1].host
    assert entries[1].event.peer_uid == os.getuid()


def test_the_order_of_a_position_is_kept(ledger, cluster, book, position):
    committed(ledger, book, position.opened())
    outcomes = []
    for number in range(1, 151):
        if number == 50:
            cluster.stop()
        if number == 100:
            cluster.start()
        outcomes.append(ask(ledger, book, fill(position, number)).WhichOneof("outcome"))
    assert outcomes[:49] == ["committed"] * 49
    assert outcomes[49:99] == ["buffered"] * 50
    wait_drained(ledger)
    events = log(ledger, book)
    assert trade_ids(events) == [str(number) for number in range(1, 151)]
    assert [e.version for e in events] == list(range(1, 152))


def test_a_postgresql_that_hangs_is_one_that_is_away(ledger, cluster, book, position):
    committed(ledger, book, position.opened())
    cluster.pause()
    try:
        began = time.monotonic()
        buffered(ledger, book, fill(position, 1))
        assert time.monotonic() - began < DIVERTED_SECONDS_MAX
        buffered(ledger, book, fill(position, 2))
    finally:
        cluster.resume()
    wait_drained(ledger)
    assert trade_ids(log(ledger, book)) == ["1", "2"]


def test_a_ledger_starts_without_postgresql(make_ledger, cluster, pb, book, position):
    cluster.stop()
    cold = make_ledger(database=cluster.conninfo, outbox=True).start()
    buffered(cold, book, position.opened(), fill(position, 1))
    buffered(cold, book, fill(position, 2))
    other = Position(pb)
    buffered(cold, book, fill(other, 1))  # of a position that it knows nothing of
    cluster.start()
    wait_drained(cold)
    assert trade_ids(log(cold, book)) == ["1", "2"]
    parked = list(cold.outbox.ListParked(pb.ListParkedRequest(), **TIMEOUT).requests)
    assert [list(row.position_ids) for row in parked] == [[other.id]]
    assert parked[0].parked_reason


def test_what_was_buffered_survives_a_crash(ledger, cluster, book, position):
    committed(ledger, book, position.opened())
    cluster.stop()
    sequences = [buffered(ledger, book, fill(position, number)) for number in range(1, 21)]
    ledger.kill()
    ledger.start()
    assert buffered(ledger, book, fill(position, 20)) == sequences[-1]
    assert status(ledger).outbox.waiting_requests == 20
    cluster.start()
    wait_drained(ledger)
    assert trade_ids(log(ledger, book)) == [str(number) for number in range(1, 21)]


# ---------------------------------------------------------------- the same errors


def test_an_expected_version_counts_what_is_buffered(ledger, cluster, book, position):
    committed(ledger, book, position.opened(), fill(position, 1))
    cluster.stop()
    buffered(ledger, book, fill(position, 2, expected_version=2))
    buffered(ledger, book, fill(position, 3, expected_version=3))
    request = ledger.stubs.ledger.AppendRequest(
        book=book, events=[fill(position, 4, expected_version=3)])
    error = refusal(ledger.calls.Append, request)
    assert error.code() == grpc.StatusCode.ABORTED, error.details()
    assert "version 4" in error.details()
    assert dict(error.trailing_metadata())["actual_version"] == "4"
    buffered(ledger, book, fill(position, 4, expected_version=4))
    cluster.start()
    wait_drained(ledger)
    events = log(ledger, book)
    assert trade_ids(events) == ["1", "2", "3", "4"]
    assert [e.version for e in events] == [1, 2, 3, 4, 5]
    assert status(ledger).outbox.parked_requests == 0


def test_what_was_committed_is_answered_with_its_places(ledger, cluster, book, position):
    opened = position.opened(expected_version=0)
    request = [fill(position, 1, expected_version=1), fill(position, 2)]
    committed(ledger, book, opened)
    places = committed(ledger, book, *request)
    cluster.stop()
    buffered(ledger, book, fill(position, 3, expected_version=3))
    for events, first in [([opened], 1), (request, 2)]:
        again = committed(ledger, book, *events)
        assert [place.version for place in again] == list(range(first, first + len(events)))
        assert all(place.duplicate for place in again)
    assert [p.log_position for p in again] == [p.log_position for p in places]
    cluster.start()
    wait_drained(ledger)
    assert trade_ids(log(ledger, book)) == ["1", "2", "3"]
    assert status(ledger).outbox.parked_requests == 0


def test_what_may_repeat_an_earlier_commit_is_not_refused(ledger, cluster, book, position):
    committed(ledger, book, position.opened())
    committed(ledger, book, fill(position, 1, expected_version=1))
    ledger.kill()
    ledger.start()
    committed(ledger, book, fill(position, 2, expected_version=2))
    cluster.stop()
    # This process knows the version, but not what stands below it.
    buffered(ledger, book, fill(position, 1, expected_version=1))
    request = ledger.stubs.ledger.AppendRequest(
        book=book, events=[fill(position, 9, expected_version=2)])
    buffered(ledger, book, fill(position, 3))
    cluster.start()
    wait_drained(ledger)
    error = refusal(ledger.calls.Append, request)
    assert error.code() == grpc.StatusCode.ABORTED, error.details()
    assert trade_ids(log(ledger, book)) == ["1", "2", "3"]
    assert status(ledger).outbox.parked_requests == 0


def test_a_buffered_event_with_other_content_is_refused(ledger, cluster, pb, book, position):
    committed(ledger, book, position.opened())
    cluster.stop()
    sequence = buffered(ledger, book, fill(position, 1))
    other = position.fill("1", "buy", "0.02", "100", at=DAY_ONE + 2 * MINUTE)
    error = refusal(ledger.calls.Append, pb.AppendRequest(book=book, events=[other]))
    assert error.code() == grpc.StatusCode.ALREADY_EXISTS, error.details()
    error = refusal(ledger.calls.Append, pb.AppendRequest(
        book=book, events=[fill(position, 2, payload=dict(leg="third"))]))
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT, error.details()
    assert buffered(ledger, book, fill(position, 1)) == sequence
    cluster.start()
    wait_drained(ledger)
    assert trade_ids(log(ledger, book)) == ["1"]


def test_a_read_says_what_it_cannot_know(ledger, cluster, pb, book, position):
    last = committed(ledger, book, position.opened())[-1].log_position
    request = pb.GetPositionRequest(book=book, position_id=position.id, at_least=last)
    answer = ledger.calls.GetPosition(request, **TIMEOUT)
    assert answer.position.HasField("buffered_events")
    assert answer.position.buffered_events == 0
    cluster.stop()
    buffered(ledger, book, fill(position, 1), fill(position, 2))
    error = refusal(
        ledger.calls.GetPosition, pb.GetPositionRequest(book=book, position_id=position.id))
    assert error.code() == grpc.StatusCode.UNAVAILABLE
    assert "2 events of it are in this ledger's outbox" in error.details()


# ---------------------------------------------------------------- parked


@pytest.fixture
def conflict(make_ledger, cluster, pb, book, position):
    """A ledger with a request that is parked and one behind it, and another ledger.

    What the first one buffered expects the version that was known then; the other ledger has
    appended since.
    """
    cluster.start()
    one = make_ledger(database=cluster.conninfo, outbox=True).start()
    committed(one, book, position.opened())
    cluster.stop()
    root = buffered(one, book, fill(position, 1, expected_version=1))
    behind = buffered(one, book, fill(position, 2))
    one.terminate()
    assert one.wait() == 0
    cluster.start()
    other = make_ledger(database=cluster.conninfo, outbox=True).start()
    assert committed(other, book, fill(position, 3))[0].version == 2
    one.start()
    wait_until(one, lambda found: found.outbox.parked_requests == 2)
    return types.SimpleNamespace(one=one, other=other, root=root, behind=behind)


def parked(ledger, pb):
    """The rows of ListParked, by their sequence."""
    rows = ledger.outbox.ListParked(pb.ListParkedRequest(), **TIMEOUT).requests
    return {row.outbox_sequence: row for row in rows}


def test_a_refused_request_is_parked_and_what_comes_later_behind_it(
        conflict, cluster, pb, book, position):
    one = conflict.one
    rows = parked(one, pb)
    assert list(rows) == [conflict.root, conflict.behind]
    root, behind = rows.values()
    assert (root.behind, behind.behind) == (0, conflict.root)
    assert "version" in root.parked_reason and behind.parked_reason
    for row in rows.values():
        assert (row.book, row.state, row.events) == (book, "parked", 1)
        assert list(row.position_ids) == [position.id] and row.positions == 1
        assert row.peer_uid == os.getuid()
        assert row.buffered_at_us > 0 and row.reason
    assert buffered(one, book, fill(position, 1, expected_version=1)) == conflict.root

    page = one.outbox.ListParked(pb.ListParkedRequest(limit=1), **TIMEOUT)
    assert [row.outbox_sequence for row in page.requests] == [conflict.root]
    assert page.parked_requests == 2
    page = one.outbox.ListParked(pb.ListParkedRequest(after=conflict.root), **TIMEOUT)
    assert [row.outbox_sequence for row in page.requests] == [conflict.behind]

    shown = one.outbox.ShowRequest(
        pb.ShowRequestRequest(outbox_sequence=conflict.root), **TIMEOUT)
    assert shown.request == root and shown.next_line == 0
    line = json.loads(shown.lines[0])
    assert (line["position_id"], line["expected_version"]) == (position.id, 1)
    assert line["payload"]["trade_id"] == "1"

    answer = one.calls.GetPosition(
        pb.GetPositionRequest(book=book, position_id=position.id, at_least=2), **TIMEOUT)
    assert (answer.position.version, answer.position.buffered_events) == (2, 2)
    listed = one.calls.ListPositions(pb.ListPositionsRequest(book=book), **TIMEOUT).positions
    assert [p.buffered_events for p in listed] == [2]
    assert any("2 requests are parked" in alert for alert in status(one).alerts)

    # What comes for the position now waits behind it; another position goes its own way.
    later = buffered(one, book, fill(position, 4))
    wait_until(one, lambda found: found.outbox.parked_requests == 3)
    assert parked(one, pb)[later].behind in (conflict.root, conflict.behind)
    committed(one, book, Position(pb).opened())


def resolve(ledger, pb, sequence, **resolution):
    """The sequences that wait again."""
    request = pb.ResolveRequest(outbox_sequence=sequence, **resolution)
    answer = ledger.outbox.Resolve(request, **TIMEOUT)
    assert answer.waiting_requests == len(answer.waiting_again)
    return list(answer.waiting_again)


def test_a_retry_is_refused_again_while_its_cause_is_there(conflict, pb, book, position):
    one = conflict.one
    error = refusal(one.outbox.Resolve, pb.ResolveRequest(
        outbox_sequence=conflict.behind, retry=pb.ResolveRequest.Retry()))
    assert error.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert dict(error.trailing_metadata())["resolve"] == str(conflict.root)
    freed = resolve(one, pb, conflict.root, retry=pb.ResolveRequest.Retry())
    assert freed == [conflict.root, conflict.behind]
    wait_until(one, lambda found: found.outbox.parked_requests == 2)
    assert trade_ids(log(one, book)) == ["3"]
    assert buffered(one, book, fill(position, 2)) == conflict.behind


def test_a_rebased_request_is_appended_and_then_those_behind_it(conflict, pb, book, position):
    one = conflict.one
    freed = resolve(one, pb, conflict.root, rebase=pb.ResolveRequest.Rebase())
    assert freed == [conflict.root, conflict.behind]
    wait_until(one, lambda found: found.outbox.parked_requests == 0
               and found.outbox.waiting_requests == 0)
    events = log(one, book)
    assert trade_ids(events) == ["3", "1", "2"]
    assert [e.version for e in events] == [1, 2, 3, 4]
    shown = one.outbox.ShowRequest(
        pb.ShowRequestRequest(outbox_sequence=conflict.root), **TIMEOUT).request
    assert shown.state == "drained" and shown.drained_at_us > 0
    assert committed(one, book, fill(position, 2))[0].duplicate
    error = refusal(one.outbox.Resolve, pb.ResolveRequest(
        outbox_sequence=conflict.root, retry=pb.ResolveRequest.Retry()))
    assert error.code() == grpc.StatusCode.FAILED_PRECONDITION


def test_a_discarded_event_is_refused_for_ever(conflict, pb, book, position):
    one = conflict.one
    for wrong, field in [(dict(reason="", actor="ada"), "reason"),
                         (dict(reason="sent twice", actor=""), "actor")]:
        error = refusal(one.outbox.Resolve, pb.ResolveRequest(
            outbox_sequence=conflict.root, discard=pb.ResolveRequest.Discard(**wrong)))
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert field in error.details()
    assert list(parked(one, pb)) == [conflict.root, conflict.behind]

    discard = pb.ResolveRequest.Discard(reason="sent twice", actor="ada")
    assert resolve(one, pb, conflict.root, discard=discard) == [conflict.behind]
    wait_until(one, lambda found: found.outbox.parked_requests == 0
               and found.outbox.waiting_requests == 0)
    assert trade_ids(log(one, book)) == ["3", "2"]
    shown = one.outbox.ShowRequest(
        pb.ShowRequestRequest(outbox_sequence=conflict.root), **TIMEOUT).request
    assert (shown.state, shown.discarded_by, shown.discard_reason) == (
        "discarded", "ada", "sent twice")
    assert shown.discarded_at_us > 0

    again = pb.AppendRequest(book=book, events=[fill(position, 1)])
    for ledger in [one, conflict.other]:
        error = refusal(ledger.calls.Append, again)
        assert error.code() == grpc.StatusCode.FAILED_PRECONDITION, error.details()
        assert "discarded" in error.details() and "ada" in error.details()
    assert trade_ids(log(one, book)) == ["3", "2"]


def test_nothing_is_discarded_while_there_is_nobody_to_keep_the_record(
        conflict, cluster, pb):
    one = conflict.one
    discard = pb.ResolveRequest.Discard(reason="sent twice", actor="ada")
    cluster.stop()
    error = refusal(one.outbox.Resolve, pb.ResolveRequest(
        outbox_sequence=conflict.root, discard=discard))
    assert error.code() == grpc.StatusCode.UNAVAILABLE, error.details()
    assert list(parked(one, pb)) == [conflict.root, conflict.behind]
    cluster.start()


# ---------------------------------------------------------------- the calls and the file


@pytest.mark.parametrize("sequence, code", [
    (0, grpc.StatusCode.INVALID_ARGUMENT), (-1, grpc.StatusCode.INVALID_ARGUMENT),
    (10**12, grpc.StatusCode.NOT_FOUND)])
def test_a_request_that_is_not_there(ledger, pb, sequence, code):
    for call, request in [
            (ledger.outbox.ShowRequest, pb.ShowRequestRequest(outbox_sequence=sequence)),
            (ledger.outbox.Resolve, pb.ResolveRequest(
                outbox_sequence=sequence, retry=pb.ResolveRequest.Retry())),
            (ledger.outbox.Resolve, pb.ResolveRequest(
                outbox_sequence=sequence,
                discard=pb.ResolveRequest.Discard(reason="a", actor="b")))]:
        assert refusal(call, request).code() == code


@pytest.mark.parametrize("request_of, field", [
    (lambda pb: ("ListParked", pb.ListParkedRequest(limit=1001)), "limit"),
    (lambda pb: ("ListParked", pb.ListParkedRequest(limit=-1)), "limit"),
    (lambda pb: ("ListParked", pb.ListParkedRequest(after=-1)), "after"),
    (lambda pb: ("Resolve", pb.ResolveRequest(outbox_sequence=1)), "resolution")])
def test_a_malformed_call_is_refused_by_the_name_of_its_field(ledger, pb, request_of, field):
    name, request = request_of(pb)
    error = refusal(getattr(ledger.outbox, name), request)
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert field in error.details()


def test_the_status_of_the_outbox(ledger, cluster, pb, book, position):
    committed(ledger, book, position.opened())
    request = pb.GetOutboxStatusRequest()
    before = ledger.outbox.GetOutboxStatus(request, **TIMEOUT)
    assert before.path == ledger.outbox_path
    assert before.waiting == pb.OutboxTally() and before.oldest_waiting_us == 0
    assert 0 < before.file_bytes < before.file_bytes_max
    assert before.disk_free_bytes > before.disk_free_bytes_min > 0
    assert before.outage == ""
    cluster.stop()
    buffered(ledger, book, fill(position, 1), fill(position, 2))
    found = ledger.outbox.GetOutboxStatus(request, **TIMEOUT)
    assert (found.waiting.requests, found.waiting.events) == (1, 2)
    assert found.oldest_waiting_us > 0 and found.outage
    cluster.start()
    wait_drained(ledger)
    after = ledger.outbox.GetOutboxStatus(request, **TIMEOUT)
    assert after.waiting == pb.OutboxTally()
    assert after.drained.events == before.drained.events + 2


def test_without_an_option_the_outbox_lies_beside_the_socket(
        make_ledger, cluster, pb, book, position):
    cluster.start()
    ledger = make_ledger(database=cluster.conninfo, outbox=True)
    ledger.options = []
    ledger.start()
    path = ledger.socket.removesuffix(".sock") + ".outbox.sqlite"
    assert ledger.outbox.GetOutboxStatus(pb.GetOutboxStatusRequest(), **TIMEOUT).path == path
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    ledger.terminate()
    assert ledger.wait() == 0

    ledger.options = ["--outbox-size-max", "3", "--outbox-disk-free-min", "2"]
    ledger.start()
    found = ledger.outbox.GetOutboxStatus(pb.GetOutboxStatusRequest(), **TIMEOUT)
    assert (found.file_bytes_max, found.disk_free_bytes_min) == (3 << 20, 2 << 20)
    ledger.terminate()
    assert ledger.wait() == 0

    ledger.options = ["--no-outbox"]
    ledger.start()
    cluster.stop()
    error = refusal(ledger.calls.Append, pb.AppendRequest(book=book, events=[position.opened()]))
    assert error.code() == grpc.StatusCode.UNAVAILABLE, error.details()
    cluster.start()


def test_the_file_is_its_owners_and_of_one_ledger(ledger, make_ledger):
    for name in [ledger.outbox_path, ledger.outbox_path + "-wal", ledger.outbox_path + "-shm"]:
        assert stat.S_IMODE(os.stat(name).st_mode) == 0o600, name
    second = make_ledger(database=ledger.database, outbox=ledger.outbox_path)
    done = subprocess.run(second.command(), stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=WAIT_SECONDS_MAX, check=False)
    assert done.returncode != 0
    said = done.stderr.decode()
    assert ledger.outbox_path in said and str(ledger.process.pid) in said
    assert ledger.is_alive()


def test_the_commands_show_and_resolve(conflict, binary):
    def run(*words):
        done = subprocess.run([binary, "outbox", *words, "--socket", conflict.one.socket],
                              stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=WAIT_SECONDS_MAX, check=False)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    root, behind = str(conflict.root), str(conflict.behind)
    code, said, _ = run("parked", "--json")
    assert code == 0
    assert [row["outbox_sequence"] for row in json.loads(said)["requests"]] == [
        conflict.root, conflict.behind]
    code, said, _ = run("parked")
    assert code == 0 and "BEHIND" in said
    code, said, _ = run("show", root)
    assert code == 0 and "PARKED" in said and "buy 0.01 @ 100" in said
    code, said, _ = run("show", root, "--lines")
    assert code == 0 and json.loads(said)["expected_version"] == 1
    code, said, _ = run("status", "--json")
    assert code == 0 and json.loads(said)["parked"] == {"requests": 2, "events": 2}
    assert run("show", "1000000")[0] == 5
    assert run("retry", behind)[0] == 2
    assert run("show", "none")[0] == 64
    code, said, _ = run("discard", root, "--reason", "sent twice", "--actor", "ada")
    assert code == 0 and "is discarded" in said
    wait_until(conflict.one, lambda found: found.outbox.parked_requests == 0
               and found.outbox.waiting_requests == 0)


def test_a_salvage_writes_what_append_takes(make_ledger, cluster, binary, tmp_path, book, position):
    cluster.start()
    one = make_ledger(database=cluster.conninfo, outbox=True).start()
    committed(one, book, position.opened())
    cluster.stop()
    for number in range(1, 6):
        buffered(one, book, fill(position, number))
    command = [binary, "outbox", "salvage", "--file", one.outbox_path, "--output"]
    output = str(tmp_path / "rescued.jsonl")
    used = subprocess.run([*command, output], capture_output=True, check=False)
    assert used.returncode == 1 and str(one.process.pid) in used.stderr.decode()
    assert not os.path.exists(output)
    one.kill()
    done = subprocess.run([*command, output], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert "5 waiting" in done.stderr.decode()
    with open(output, encoding="utf-8") as file:
        assert [json.loads(line)["payload"]["trade_id"] for line in file] == list("12345")
    assert stat.S_IMODE(os.stat(output).st_mode) == 0o600

    cluster.start()
    other = make_ledger(database=cluster.conninfo, outbox=True).start()
    for _ in range(2):
        done = subprocess.run([binary, "append", output, "--socket", other.socket],
                              capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
    one.start()
    wait_drained(one)
    assert trade_ids(log(other, book)) == list("12345"), "each once, whoever brought it"
