"""The service as a process: garbage, sockets, and a stop under load."""
import os
import random
import signal
import socket as sockets
import stat
import subprocess
import threading
from concurrent import futures

import grpc
import pytest

from events import DAY_ONE, MINUTE, Position
from process import WAIT_SECONDS_MAX

TIMEOUT = {"timeout": WAIT_SECONDS_MAX}
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def append(ledger, pb, *events):
    """The places of the events of one request."""
    return ledger.calls.Append(pb.AppendRequest(events=events), **TIMEOUT).committed.places


def stored(ledger, pb):
    """Every event of the book, by its id."""
    answers = ledger.calls.Subscribe(pb.SubscribeRequest(until_head=True), **TIMEOUT)
    events = [a.event for a in answers if a.WhichOneof("item") == "event"]
    assert [e.log_position for e in events] == list(range(1, len(events) + 1)), "no gaps"
    return {e.event_id: e for e in events}


def garbage():
    """Byte strings that are no gRPC, the same in each run."""
    chance = random.Random(2026)
    yield b""
    yield b"\0"
    yield b"GET / HTTP/1.1\r\nHost: ledger\r\n\r\n"
    yield PREFACE[:10]
    yield PREFACE
    yield PREFACE + b"\xff\xff\xff\x04\0\0\0\0\0"  # a frame of 16 MiB, announced
    yield PREFACE + b"\0\0\6\4\0\0\0\0\0" + b"\0\4\xff\xff\xff\xff"  # a window out of range
    for _ in range(20):
        yield chance.randbytes(chance.randrange(1, 4096))
        yield PREFACE + b"\0\0\0\4\0\0\0\0\0" + chance.randbytes(chance.randrange(1, 4096))


def test_garbage_on_the_socket_does_not_stop_the_service(make_ledger, pb, position):
    ledger = make_ledger().start()
    append(ledger, pb, position.opened())
    for number, noise in enumerate(garbage()):
        with sockets.socket(sockets.AF_UNIX) as raw:
            raw.settimeout(WAIT_SECONDS_MAX)
            raw.connect(ledger.socket)
            try:
                raw.sendall(noise)
                if number % 2:
                    raw.shutdown(sockets.SHUT_WR)
                    while raw.recv(4096):
                        pass
            except (BrokenPipeError, ConnectionResetError):
                pass  # it hung up: that is its right
    with ledger.connect() as channel:
        again = ledger.stubs.ledger_grpc.LedgerStub(channel)
        request = pb.AppendRequest(events=[position.fill("1", "buy", "1", "100")])
        assert again.Append(request, **TIMEOUT).committed.places[0].log_position == 2
    assert ledger.is_alive()


def test_a_message_that_is_no_protobuf_is_refused(make_ledger, pb, position):
    ledger = make_ledger().start()
    method = "/nexus.ledger.v1.Ledger/Append"
    call = ledger.channel.unary_unary(method)
    for noise in garbage():
        try:
            call(noise, **TIMEOUT)
        except grpc.RpcError as error:
            assert error.code() in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.INTERNAL)
        else:
            pytest.fail(f"taken: {noise[:40]!r}")
    assert append(ledger, pb, position.opened())[0].log_position == 1


def test_a_second_server_on_the_socket_is_refused(make_ledger, pb, position):
    first = make_ledger().start()
    second = make_ledger(database=first.database, socket=first.socket, outbox=True)
    done = subprocess.run(second.command(), stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=WAIT_SECONDS_MAX, check=False)
    assert done.returncode != 0
    said = done.stderr.decode()
    assert "another ledger serves" in said and first.socket in said
    assert str(first.process.pid) in said
    assert " error " not in said and "Signal" not in said, said
    assert append(first, pb, position.opened())[0].log_position == 1


def test_a_stale_socket_is_replaced(make_ledger, pb, position):
    killed = make_ledger().start()
    append(killed, pb, position.opened())
    killed.kill()
    assert stat.S_ISSOCK(os.stat(killed.socket).st_mode), "left behind"
    next_one = make_ledger(database=killed.database, socket=killed.socket).start()
    assert append(next_one, pb, position.fill("1", "buy", "1", "100"))[0].log_position == 2


def test_a_file_that_is_no_socket_is_left_alone(make_ledger):
    ledger = make_ledger()
    with open(ledger.socket, "w", encoding="utf-8") as file:
        file.write("precious")
    with pytest.raises(AssertionError, match="not a socket"):
        ledger.start()
    with open(ledger.socket, encoding="utf-8") as file:
        assert file.read() == "precious"


def test_the_socket_is_its_groups_and_goes_at_the_end(make_ledger):
    ledger = make_ledger().start()
    assert stat.S_IMODE(os.stat(ledger.socket).st_mode) == 0o660
    ledger.terminate()
    assert ledger.wait() == 0
    assert not os.path.exists(ledger.socket)


def test_a_postgresql_that_says_nothing_holds_up_neither_start_nor_end(make_ledger, pb, position,
                                                                    tmp_path):
    with sockets.socket(sockets.AF_UNIX) as silent:
        silent.bind(f"{tmp_path}/.s.PGSQL.5432")
        silent.listen(64)  # connections come about, and are not answered
        ledger = make_ledger(database=f"host={tmp_path} user=nobody dbname=none", outbox=True)
        ledger.options.append("--migrate")
        ledger.start()
        request = pb.AppendRequest(events=[position.opened()])
        assert ledger.calls.Append(request, **TIMEOUT).WhichOneof("outcome") == "buffered"
        ledger.terminate()
        assert ledger.wait() == 0


def test_the_end_of_the_terminal_that_nohup_ignores_is_ignored(make_ledger, pb, position):
    ledger = make_ledger()
    ledger.starter = lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)
    ledger.start()
    ledger.process.send_signal(signal.SIGHUP)
    assert append(ledger, pb, position.opened())[0].log_position == 1
    ledger.terminate()
    assert ledger.wait() == 0 and "stopping" in ledger.errors()

    ledger = make_ledger()
    ledger.starter = lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL)
    ledger.start()
    ledger.process.send_signal(signal.SIGHUP)
    assert ledger.wait() == 0


def requests(pb, limit=None):
    """Requests of one event each, of one position; without end unless there is a limit."""
    position = Position(pb)
    yield pb.AppendRequest(events=[position.opened()])
    number = 1
    while limit is None or number < limit:
        at = DAY_ONE + number * MINUTE
        fill = position.fill(str(number), "buy", "1", "100", at=at)
        yield pb.AppendRequest(events=[fill])
        number += 1


class Load:
    """Callers that append single events until they are told off, and what they were promised."""

    def __init__(self, ledger, pb):
        self.pb, self.lock = pb, threading.Lock()
        self.acknowledged, self.errors = {}, []
        self.enough = threading.Event()
        works = [self.stream] * 4 + [self.unary] * 4
        self.threads = [
            threading.Thread(target=self.guarded, args=(work, ledger)) for work in works]

    def took(self, places):
        """Notes a promise."""
        with self.lock:
            for place in places:
                self.acknowledged[place.event_id] = (place.log_position, place.version)
            if len(self.acknowledged) >= 500:
                self.enough.set()

    def guarded(self, work, ledger):
        """Ends with the connection."""
        with ledger.connect() as channel:
            try:
                work(ledger.stubs.ledger_grpc.LedgerStub(channel))
            except grpc.RpcError as error:
                with self.lock:
                    self.errors.append(error.code())

    def stream(self, calls):
        """With at most 64 unanswered: more would only fill buffers."""
        room = threading.Semaphore(64)

        def paced():
            for request in requests(self.pb):
                if not room.acquire(timeout=WAIT_SECONDS_MAX):
                    return
                yield request

        for answer in calls.AppendStream(paced(), **TIMEOUT):
            if answer.HasField("refused"):
                return
            self.took(answer.committed.places)
            room.release()

    def unary(self, calls):
        """One after the other."""
        for request in requests(self.pb):
            self.took(calls.Append(request, **TIMEOUT).committed.places)


def test_sigterm_under_load_loses_nothing_acknowledged(make_ledger, pb):
    ledger = make_ledger().start()
    load = Load(ledger, pb)
    for thread in load.threads:
        thread.start()
    assert load.enough.wait(WAIT_SECONDS_MAX), load.errors
    ledger.terminate()
    assert ledger.wait() == 0
    for thread in load.threads:
        thread.join(WAIT_SECONDS_MAX)
        assert not thread.is_alive(), "a call outlived its server"
    assert set(load.errors) <= {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}

    events = stored(make_ledger(database=ledger.database).start(), pb)
    kept = {key: (e.log_position, e.version) for key, e in events.items()}
    lost = {key: place for key, place in load.acknowledged.items() if kept.get(key) != place}
    assert not lost
    assert len(load.acknowledged) >= 500


def test_two_servers_share_one_log(make_ledger, pb):
    first = make_ledger().start()
    second = make_ledger(database=first.database).start()

    def work(ledgers):
        """Everything twice: the second time as a retry that goes to the other server."""
        promises = {}
        for request in requests(pb, limit=25):
            one, two = (ledger.calls.Append(request, **TIMEOUT).committed.places[0]
                        for ledger in ledgers)
            assert (two.log_position, two.duplicate) == (one.log_position, True)
            promises[one.event_id] = one.log_position
        return promises

    with futures.ThreadPoolExecutor(16) as pool:
        orders = [(first, second), (second, first)] * 8
        promises = {}
        for made in pool.map(work, orders):
            promises |= made
    assert {key: e.log_position for key, e in stored(first, pb).items()} == promises
    assert len(promises) == 16 * 25
