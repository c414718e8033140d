"""What a caller must not send, and callers that do not behave: a clear error, and it serves on."""
import itertools
import queue
import subprocess
import sys
import threading
import uuid

import grpc
import pytest

from events import DAY, DAY_ONE, MINUTE, Position
from process import WAIT_SECONDS_MAX

TIMEOUT = {"timeout": WAIT_SECONDS_MAX}
INT64_MIN, INT64_MAX = -2**63, 2**63 - 1
#: Of a name in a filter, in UTF-8.
NAME_BYTES_MAX = 128
#: Seconds within which a stop has to end, whatever clients do.
STOP_SECONDS_MAX = 15


@pytest.fixture(scope="module")
def own(make_ledger):
    """A ledger of these tests' own: a crash of it fails no other."""
    return make_ledger().start()


@pytest.fixture
def ledger(own, pb):
    """It runs before each test, and it must serve after it."""
    if not own.is_alive():
        own.start()
    yield own
    assert own.is_alive(), f"the service has ended: {own.errors()}"
    assert own.operations.GetStatus(pb.GetStatusRequest(), **TIMEOUT).database == "up"


@pytest.fixture
def story(ledger, pb, book, position):
    """A position of five events in `book`, the head of which is 5."""
    request = pb.AppendRequest(book=book, events=position.story())
    places = ledger.calls.Append(request, **TIMEOUT).committed.places
    ledger.calls.ListPositions(pb.ListPositionsRequest(
        book=book, at_least=places[-1].log_position), **TIMEOUT)
    return position


def refusal(call, request):
    """The error that a call must end with, be it a stream or not."""
    with pytest.raises(grpc.RpcError) as caught:
        answer = call(request, **TIMEOUT)
        if hasattr(answer, "__iter__"):
            list(answer)
    return caught.value


def expect_invalid(call, request, *fields):
    """INVALID_ARGUMENT that names the field, or one of them."""
    error = refusal(call, request)
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT, error.details()
    assert any(field in error.details() for field in fields), error.details()


# ---------------------------------------------------------------- fields of reads


@pytest.mark.parametrize("until_head", [True, False])
@pytest.mark.parametrize("after", [6, 1_000_000, INT64_MAX - 1, INT64_MAX, -1, INT64_MIN])
def test_a_subscription_after_what_is_not_there_is_refused(
        ledger, pb, book, story, after, until_head):
    request = pb.SubscribeRequest(book=book, after=after, until_head=until_head)
    expect_invalid(ledger.calls.Subscribe, request, "after")


@pytest.mark.parametrize("after", [1, INT64_MAX])
def test_a_subscription_beyond_the_begin_of_a_book_without_events_is_refused(
        ledger, pb, book, after):
    expect_invalid(ledger.calls.Subscribe, pb.SubscribeRequest(book=book, after=after), "after")


def test_a_subscription_after_the_head_is_caught_up_at_once(ledger, pb, book, story):
    request = pb.SubscribeRequest(book=book, after=5, until_head=True)
    assert [a.caught_up for a in ledger.calls.Subscribe(request, **TIMEOUT)] == [5]


NAMES = [("ListPositions", "strategy"), ("ListPositions", "asset"), ("GetDailyPnl", "strategy"),
         ("GetDailyPnl", "asset"), ("GetDailyPnl", "venue")]


def filtered(pb, method, book, field, name):
    """A request of the method with the name in one of its filters."""
    return getattr(pb, method + "Request")(book=book, **{field: name})


@pytest.mark.parametrize("name", [
    "\0", "carry\0", "\0carry", "a" * (NAME_BYTES_MAX + 1), "ü" * (NAME_BYTES_MAX // 2) + "a",
    "a" * 1_000_000], ids=["NUL", "NUL at the end", "NUL at the begin", "129 bytes",
                           "129 bytes in 65 characters", "a million bytes"])
@pytest.mark.parametrize("method, field", NAMES)
def test_a_filter_that_is_no_name_is_refused(ledger, pb, book, story, method, field, name):
    request = filtered(pb, method, book, field, name)
    expect_invalid(getattr(ledger.calls, method), request, field)


@pytest.mark.parametrize("name", ["a" * NAME_BYTES_MAX, "ü" * (NAME_BYTES_MAX // 2), "'; --", "%"])
@pytest.mark.parametrize("method, field", NAMES)
def test_a_filter_by_a_name_that_nothing_has_finds_nothing(
        ledger, pb, book, story, method, field, name):
    answer = getattr(ledger.calls, method)(filtered(pb, method, book, field, name), **TIMEOUT)
    assert not (answer.positions if method == "ListPositions" else answer.rows)
    assert answer.next_page_token == ""


TOKENS = [f"{INT64_MIN}_{uuid.UUID(int=1)}", f"{INT64_MAX + 1}_{uuid.UUID(int=1)}",
          f"0_{uuid.UUID(int=1)}x", "0_", "_", "0", "\0"]


@pytest.mark.parametrize("token", TOKENS)
def test_a_page_that_the_ledger_did_not_name_is_refused(ledger, pb, book, story, token):
    request = pb.ListPositionsRequest(book=book, page_token=token)
    expect_invalid(ledger.calls.ListPositions, request, "page_token")


@pytest.mark.parametrize("at_least", [-1, INT64_MIN])
@pytest.mark.parametrize("method", ["GetPosition", "ListPositions", "GetDailyPnl"])
def test_at_least_is_no_negative_number(ledger, pb, book, story, method, at_least):
    more = dict(position_id=story.id) if method == "GetPosition" else {}
    request = getattr(pb, method + "Request")(book=book, at_least=at_least, **more)
    expect_invalid(getattr(ledger.calls, method), request, "at_least")


@pytest.mark.parametrize("number", [3, 7, -1, 2**31 - 1])
def test_a_filter_that_no_enum_has_is_refused(ledger, pb, book, story, number):
    request = pb.ListPositionsRequest(book=book, filter=number)
    expect_invalid(ledger.calls.ListPositions, request, "filter")


@pytest.mark.parametrize("by", [[], ["asset"]])
def test_days_that_end_before_they_begin_are_refused(ledger, pb, book, story, by):
    request = pb.GetDailyPnlRequest(book=book, from_day="2026-03-02", to_day="2026-03-01", by=by)
    expect_invalid(ledger.calls.GetDailyPnl, request, "from_day", "to_day")
    request.to_day = request.from_day
    assert len(ledger.calls.GetDailyPnl(request, **TIMEOUT).rows) == 1


@pytest.mark.parametrize("name", ["Ü b", "MAIN", "a" * 65, "main ", "\0", "a/b"])
def test_the_status_of_what_is_no_name_of_a_book_is_refused(ledger, pb, name):
    expect_invalid(ledger.operations.GetStatus, pb.GetStatusRequest(book=name), "book")


def test_the_status_of_a_book_that_is_not_there_lists_none(ledger, pb, book):
    assert not ledger.operations.GetStatus(pb.GetStatusRequest(book=book), **TIMEOUT).books


# ---------------------------------------------------------------- a refused first request


def first_requests(pb):
    """Requests that an empty book refuses, each for another reason, and the status."""
    code = grpc.StatusCode
    one, two, three, four = (Position(pb) for _ in range(4))
    closed = two.event("position_closed", DAY_ONE + DAY, dict(reason="manual"),
                       event_id=str(uuid.uuid4()))
    return {
        "malformed": ([one.opened(), one.fill("1", "buy", "-1", "100")], code.INVALID_ARGUMENT),
        "closed while open": ([two.opened(), two.fill("1", "buy", "1", "100"), closed],
                              code.FAILED_PRECONDITION),
        "other version": ([three.opened(expected_version=3)], code.ABORTED),
        "a fill of nothing": ([four.fill("1", "buy", "1", "100")], None),
    }


REASONS = ["malformed", "closed while open", "other version", "a fill of nothing"]


@pytest.mark.parametrize("over_stream", [False, True], ids=["unary", "stream"])
@pytest.mark.parametrize("reason", REASONS)
def test_a_refused_first_request_makes_no_book(ledger, pb, book, reason, over_stream):
    events, code = first_requests(pb)[reason]
    request = pb.AppendRequest(book=book, events=events)
    if over_stream:
        answers = list(ledger.calls.AppendStream(iter([request]), **TIMEOUT))
        assert [answer.WhichOneof("outcome") for answer in answers] == ["refused"]
        found = answers[0].refused.code
        assert code is None or found == code.value[0], answers[0].refused.message
    else:
        error = refusal(ledger.calls.Append, request)
        assert code is None or error.code() == code, error.details()
    assert not ledger.operations.GetStatus(pb.GetStatusRequest(book=book), **TIMEOUT).books
    status = ledger.operations.GetStatus(pb.GetStatusRequest(), **TIMEOUT)
    assert book not in [found.book for found in status.books]
    # The name is as good as new.
    opened = pb.AppendRequest(book=book, events=[Position(pb).opened()])
    assert ledger.calls.Append(opened, **TIMEOUT).committed.places[0].log_position == 1


# ---------------------------------------------------------------- a client that reads nothing

#: Sends the requests that it is told on standard input and never reads an answer; hangs up when it
#: gets SIGTERM, but stays connected.
DEAF = """
import signal, sys, threading
# Before any thread is there: only sigwait takes it.
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
import grpc
requests = [bytes.fromhex(line) for line in sys.stdin]
def sent():
    yield from requests
    threading.Event().wait()
# A small window: the answers fill it, and the server has to wait.
channel = grpc.insecure_channel("unix:" + sys.argv[1], options=[
    ("grpc.http2.lookahead_bytes", 1024), ("grpc.http2.bdp_probe", 0)])
answers = channel.stream_stream("/nexus.ledger.v1.Ledger/AppendStream")(sent())
signal.sigwait({signal.SIGTERM})
answers.cancel()
print("cancelled", flush=True)
threading.Event().wait()
"""


def deaf_requests(pb, book, count):
    """Requests of one event each, of one position, as the wire has them."""
    position = Position(pb)
    events = itertools.chain([position.opened()], (
        position.fill(str(n), "buy", "1", "100", at=DAY_ONE + n * MINUTE)
        for n in range(1, count)))
    return [pb.AppendRequest(book=book, events=[event]).SerializeToString() for event in events]


@pytest.mark.parametrize("count, end", [
    (400, "killed"), (3_000, "killed"), (3_000, "cancelled"), (3_000, "still there")])
def test_a_client_that_reads_no_answer_holds_nobody_up(
        make_ledger, pb, book, position, count, end):
    ledger = make_ledger().start()
    requests = deaf_requests(pb, book, count)
    deaf = subprocess.Popen([sys.executable, "-c", DEAF, ledger.socket], text=True,
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        seen = follow(ledger, pb, book)
        deaf.stdin.write("".join(request.hex() + "\n" for request in requests))
        deaf.stdin.close()
        for expected in range(1, 301):
            assert seen.get(timeout=WAIT_SECONDS_MAX) == expected
        if end == "killed":
            deaf.kill()
            deaf.wait()
        elif end == "cancelled":
            deaf.terminate()
            assert deaf.stdout.readline() == "cancelled\n"
        request = pb.AppendRequest(book="other", events=position.story())
        places = ledger.calls.Append(request, **TIMEOUT).committed.places
        assert [place.log_position for place in places] == [1, 2, 3, 4, 5]
        answer = ledger.calls.GetPosition(pb.GetPositionRequest(
            book="other", position_id=position.id, at_least=5), **TIMEOUT)
        assert answer.position.net == "15.2"
        ledger.terminate()
        assert ledger.process.wait(timeout=STOP_SECONDS_MAX) == 0
    finally:
        deaf.kill()
        deaf.wait()
        deaf.stdout.close()
        if ledger.is_alive():
            ledger.kill()


def follow(ledger, pb, book):
    """The log positions of the book, as they come."""
    seen = queue.Queue()

    def read():
        try:
            for answer in ledger.calls.Subscribe(pb.SubscribeRequest(book=book), **TIMEOUT):
                if answer.WhichOneof("item") == "event":
                    seen.put(answer.event.log_position)
        except grpc.RpcError:
            pass  # the end of the ledger is the end of it

    threading.Thread(target=read, daemon=True).start()
    return seen
