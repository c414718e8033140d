"""One client: a process of its own that appends until SIGTERM, and can be killed at any time.

It has a few positions of its own, each in an order that the ledger has to keep, and a part in
positions that all clients report. What was not answered for certain is sent again with the same
ids before anything new; so at most one round of requests is open at any time.
"""
import collections
import dataclasses
import importlib
import json
import os
import random
import signal
import sys
import time

import grpc

import history
from history import CONTRARY, EXACT, OWN, SHARED, STALE, Request
from story import DAY_ONE, Story, name_id, shared

SLOTS = 4
#: Requests of a round on one stream.
ROUND_MAX = 24
BATCH_MAX = 12
CHECKPOINT_ROUNDS = 50
#: The part of rounds that are not of own positions.
ALWAYS = 0.38
#: Above so many events in the outbox of its ledger a client makes no more of its own: a drain
#: that is slower than the clients would take longer than the run. It looks once in so many seconds.
BACKLOG_MAX, BACKLOG_LOOK = 5_000, 2
#: "The same again, later." The others are final, or prove a defect.
RETRIED = {"UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "RESOURCE_EXHAUSTED"}
#: What the transport says when a server dies in the middle; a ledger never says it.
TORN = ("RST_STREAM", "Stream removed", "Socket closed", "Connection reset", "GOAWAY")
#: A ledger without its database, or one that does not know what waits in the outbox of another,
#: may refuse for a moment what is right; that is counted, and is a defect after so many seconds.
DOUBTFUL, DOUBT_MAX = {"ABORTED", "FAILED_PRECONDITION"}, 20
#: What a ledger without its database may say to a request that is booked already: by what it
#: knows the version is passed, the state forbids it, or a contradiction came first.
UNKNOWING = {"ABORTED", "FAILED_PRECONDITION", "ALREADY_EXISTS"}
CHANNEL = [("grpc.use_local_subchannel_pool", 1), ("grpc.initial_reconnect_backoff_ms", 50),
           ("grpc.min_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 500)]


def load_stubs(folder):
    """ledger_pb2 and ledger_pb2_grpc, which the harness has made."""
    sys.path.insert(0, folder)
    return importlib.import_module("ledger_pb2"), importlib.import_module("ledger_pb2_grpc")


class Slot:
    """A place for one own position after the other, in one book."""

    def __init__(self, seed, client, number, books, generation):
        self.seed, self.client, self.number = seed, client, number
        self.book = books[(client + number) % len(books)]
        self.generation = generation - 1
        self.next()

    def next(self):
        """A new position."""
        self.generation += 1
        position = name_id(self.seed, self.client, self.number, self.generation)
        self.facts = list(Story(self.seed, position).facts())
        self.position, self.sent = position, 0

    def skip(self, sent, given_up):
        """Goes on where a former life of this client was; `sent`: facts by position."""
        while sent[self.position] == len(self.facts) or self.position in given_up:
            self.next()
        self.sent = sent[self.position]

    def take(self, count, exact):
        """The next facts of one position; `exact`: they claim its version."""
        if self.sent == len(self.facts):
            self.next()
        facts = [dataclasses.replace(f) for f in self.facts[self.sent:self.sent + count]]
        if exact:
            facts[0].expected = self.sent
        self.sent += len(facts)
        return facts


class Client:
    """See above. `options` are those of __main__'s `client_options`."""

    def __init__(self, options):
        self.pb, self.rpc = load_stubs(options["stubs"])
        self.seed, self.number, self.books = options["seed"], options["client"], options["books"]
        self.sockets, self.pause = options["sockets"], options["pause"]
        self.home = self.number % len(self.sockets)
        self.channels, self.stubs = {}, {}
        self.is_stopping = False
        path = options["history"]
        known = list(history.read(path, since_checkpoint=True)) if os.path.exists(path) else []
        past = known[0].get("checkpoint", {}) if known else {}
        self.log = history.Writer(path, options["begin"])
        #: Drawn anew in each life: what a life draws does not depend on how the last one ended.
        self.life = 1 + max([past.get("life", -1)] + [r["life"] for r in known if "life" in r])
        self.chance = random.Random(f"{self.seed} {self.number} {self.life}")
        generations = past.get("slots", [0] * SLOTS)
        self.slots = [Slot(self.seed, self.number, n, self.books, generations[n])
                      for n in range(SLOTS)]
        #: By book: generation and facts sent of the shared position, and its last known version.
        self.shared = past.get("shared", {book: [0, 0] for book in self.books})
        self.versions = past.get("versions", {})
        self.count = past.get("count", 0)
        self.pending, self.known = [], collections.deque(maxlen=200)
        #: request → when it was first refused though right.
        self.doubts = {}
        self.backlog, self.looked_at = 0, 0.0
        self.resume(known, collections.Counter(past.get("sent", {})))
        self.log.note(life=self.life, pid=os.getpid())

    def checkpoint(self):
        """So that a next life need not read all of the history; nothing is open now."""
        sent = {slot.position: slot.sent for slot in self.slots}
        sent |= {shared(self.seed, book, generation).id: count
                 for book, (generation, count) in self.shared.items()}
        self.log.note(checkpoint=dict(
            life=self.life, count=self.count, sent=sent, shared=self.shared,
            slots=[slot.generation for slot in self.slots], versions=self.versions))

    def forget(self):
        """The versions of shared positions that are full."""
        now = {shared(self.seed, book, generation).id
               for book, (generation, _) in self.shared.items()}
        self.versions = {one: self.versions[one] for one in now & self.versions.keys()}

    def resume(self, records, sent):
        """Takes up what a former life has left; `sent`: facts by position before."""
        open_requests, given_up = {}, set()
        for record in records:
            given_up.update(record.get("given_up", ()))
            if "request" in record:
                request = record["request"]
                open_requests[request.number] = request
                self.count = max(self.count, request.number + 1)
                sent.update(f.position for f in request.facts if request.kind in (OWN, SHARED))
            elif "answer" in record and history.is_settled(record):
                request = open_requests.pop(record["answer"], None)
                if request:
                    self.learn(request, record)
        for slot in self.slots:
            slot.skip(sent, given_up)
        for book, place in self.shared.items():
            while sent[shared(self.seed, book, place[0]).id] == len(self.shared_facts(book)):
                place[0] += 1
            place[1] = sent[shared(self.seed, book, place[0]).id]
        self.pending = [r for r in open_requests.values() if not r.positions & given_up]

    def shared_facts(self, book):
        """Of the position that the clients share now."""
        return list(shared(self.seed, book, self.shared[book][0]).facts())

    # ------------------------------------------------------------ what to send

    def request(self, kind, book, facts):
        """A new one; its intent is in the history when this returns."""
        request = Request(self.count, kind, book, facts)
        self.count += 1
        for index, fact in enumerate(facts):
            fact.marker = name_id(self.seed, self.number, request.number, index)
            if kind in (EXACT, STALE):
                fact.event_id = fact.marker
        self.log.send(request)
        return request

    def own_round(self):
        """Requests of own positions. A second one of a position on the same stream claims the
        version that the first leaves, so that it cannot overtake it."""
        touched, requests = set(), []
        for _ in range(self.chance.randrange(1, ROUND_MAX)):
            slots = [self.chance.choice(self.slots)]
            if self.chance.random() < 0.2:  # a request that touches several positions
                slots += [s for s in self.slots if s.book == slots[0].book and s != slots[0]]
            facts = []
            for slot in slots:
                single = self.chance.random() < 0.6
                count = 1 if single else self.chance.randrange(2, BATCH_MAX)
                exact = self.chance.random() < 0.3
                if slot.sent == len(slot.facts):
                    slot.next()
                facts += slot.take(count, exact or slot.position in touched)
            touched |= {slot.position for slot in slots}
            requests.append(self.request(OWN, slots[0].book, facts))
        return requests

    def shared_round(self):
        """Facts that every client reports."""
        book = self.chance.choice(self.books)
        facts = self.shared_facts(book)
        place = self.shared[book]
        if place[1] == len(facts):
            place[:] = [place[0] + 1, 0]
            facts = self.shared_facts(book)
        batch = facts[place[1]:place[1] + self.chance.randrange(1, 5)]
        place[1] += len(batch)
        return [self.request(SHARED, book, batch)]

    def exact_round(self):
        """A mark with the version that was last seen, which somebody may have moved on."""
        book = self.chance.choice(self.books)
        position = shared(self.seed, book, self.shared[book][0])
        if position.id not in self.versions:
            return []
        fact, = position.mark(DAY_ONE)
        fact.expected = self.versions[position.id]
        return [self.request(EXACT, book, [fact])]

    def contrary_round(self):
        """A known fill with another quantity, of a position that is over: without a database a
        ledger cannot know which of the two is right, and would refuse what comes later."""
        fills = [(request, fact) for request, _ in self.over("committed")
                 for fact in request.facts if fact.type == "leg_fill_recorded"]
        if not fills:
            return []
        request, fact = self.chance.choice(fills)
        return [self.request(CONTRARY, request.book, [fact.changed(qty="7")])]

    def stale_round(self):
        """A mark of a position that is over, with a version that it has passed. It goes to another
        ledger, which cannot know that while its database is away: it is to be parked then. (The
        ledger of the position may: nothing came between that is not of its own outbox.)"""
        over = self.over("committed")
        if not over or len(self.sockets) == 1:
            return []
        request, answer = self.chance.choice(over)
        fact, (_, _, version, _) = self.chance.choice(
            list(zip(request.facts, answer["places"])))
        if version == 1:
            return []
        stale, = Story(self.seed, fact.position).mark(DAY_ONE)
        stale.expected = self.chance.randrange(1, version)
        return [self.request(STALE, request.book, [stale])]

    def over(self, *outcomes):
        """Requests of positions of which all is sent, with their answers."""
        now = {slot.position for slot in self.slots}
        return [(request, answer) for request, answer in self.known
                if request.kind == OWN and answer["outcome"] in outcomes
                and not request.positions & now]

    # ------------------------------------------------------------ sending

    def stub(self, ledger, service="Ledger"):
        """Of one ledger; the channel finds a restarted one by itself."""
        if ledger not in self.channels:
            self.channels[ledger] = grpc.insecure_channel(
                "unix:" + self.sockets[ledger], options=CHANNEL)
        if (ledger, service) not in self.stubs:
            make = getattr(self.rpc, service + "Stub")
            self.stubs[ledger, service] = make(self.channels[ledger])
        return self.stubs[ledger, service]

    def ledger_for(self, request, is_retry):
        """Order holds within one outbox, so own positions stay with one ledger. A shared fact
        may be tried elsewhere."""
        if request.kind == SHARED and is_retry and self.chance.random() < 0.3:
            return self.chance.randrange(len(self.sockets))
        if request.kind == STALE:
            return (self.home + 1) % len(self.sockets)
        return self.home

    def timeout(self):
        """Mostly longer than the ledger's own limit of 5 s."""
        return self.chance.choice([0.5, 2, 8, 8, 8])

    def append(self, request, ledger, **more):
        """Unary. The answer as a record; `more` goes into it."""
        self.log.note(**{"try": request.number}, ledger=ledger)
        try:
            answer = self.stub(ledger).Append(request.message(self.pb), timeout=self.timeout())
        except grpc.RpcError as error:
            return self.refused(
                request, ledger, error.code().name, error.details() or "", **more)
        return self.told(request, ledger, answer, **more)

    def stream(self, requests):
        """All of them on one AppendStream; returns those that have to be sent again."""
        for request in requests:
            self.log.note(**{"try": request.number}, ledger=self.home)
        left, again = collections.deque(requests), []
        stuck, muddled = set(), set()
        messages = iter([request.message(self.pb) for request in requests])
        try:
            for answer in self.stub(self.home).AppendStream(messages, timeout=self.timeout()):
                request = left.popleft()
                if answer.WhichOneof("outcome") == "refused":
                    code = grpc_name(answer.refused.code)
                    record = self.refused(
                        request, self.home, code, answer.refused.message,
                        **(dict(follows=True) if stuck & request.positions else {}))
                else:
                    record = self.told(request, self.home, answer)
                    if stuck & request.positions:
                        muddled |= request.positions
                if not history.is_settled(record):
                    again.append(request)
                    stuck |= request.positions
        except grpc.RpcError as error:
            for request in left:
                self.refused(request, self.home, error.code().name, error.details() or "",
                             follows=True)
                if stuck & request.positions:  # It may have been taken all the same.
                    muddled |= request.positions
        return self.without(muddled, again + list(left))

    def told(self, request, ledger, answer, **more):
        """Notes an acknowledgement."""
        if answer.WhichOneof("outcome") == "committed":
            places = [[p.event_id, p.log_position, p.version, int(p.duplicate)]
                      for p in answer.committed.places]
            record = dict(answer=request.number, ledger=ledger, outcome="committed",
                          places=places)
        else:
            record = dict(answer=request.number, ledger=ledger, outcome="buffered",
                          sequence=answer.buffered.outbox_sequence,
                          reason=answer.buffered.reason)
        self.log.note(**record, **more)
        self.doubts.pop(request.number, None)
        if not more:
            self.learn(request, record)
        return record

    def refused(self, request, ledger, code, message, **more):
        """Notes a refusal. `follows` in `more`: an earlier request of the position was not taken,
        so this one could not be; `repeat`: it is booked, which an outbox need not know."""
        is_torn = any(word in message for word in TORN)
        is_excused = "follows" in more or ("repeat" in more and code in UNKNOWING)
        is_final = not (code in RETRIED or is_torn or is_excused
                        or self.is_doubtful(request, code))
        record = dict(answer=request.number, ledger=ledger, outcome="refused", code=code,
                      message=message[:300], final=is_final)
        self.log.note(**record, **more)
        return record

    def is_doubtful(self, request, code):
        """Whether a refusal may pass."""
        since = self.doubts.setdefault(request.number, time.monotonic())
        return (code in DOUBTFUL and request.kind in (OWN, SHARED)
                and time.monotonic() - since < DOUBT_MAX)

    def without(self, positions, requests):
        """The requests that remain when positions are given up, because a later request was
        taken and an earlier one not, or because one is refused for good: no order is claimed."""
        positions = set(positions)
        if not positions:
            return requests
        while more := [r for r in requests if r.positions & positions]:
            requests = [r for r in requests if not r.positions & positions]
            positions = positions.union(*(r.positions for r in more))
        self.log.note(given_up=sorted(positions))
        for slot in self.slots:
            if slot.position in positions:
                slot.next()
        return requests

    def learn(self, request, answer):
        """What an acknowledgement tells."""
        if answer["outcome"] == "refused":
            return
        self.known.append((request, answer))
        if answer["outcome"] == "committed" and request.kind in (SHARED, EXACT):
            for fact, (_, _, version, _) in zip(request.facts, answer["places"]):
                self.versions[fact.position] = max(version, self.versions.get(fact.position, 0))

    def send(self, requests, is_retry):
        """Returns those that have to be sent again."""
        if len(requests) > 1 and self.chance.random() < 0.6:
            return self.stream(requests)
        for index, request in enumerate(requests):
            record = self.append(request, self.ledger_for(request, is_retry))
            if not history.is_settled(record):
                return requests[index:]
            if record["outcome"] == "refused" and request.kind == OWN:
                return self.without(request.positions, requests[index + 1:])
        return []

    def ask_again(self):
        """A known request once more: it must be answered as before, which the check sees. Of own
        positions only when they are over: without a database a repeat may count in a version."""
        requests = [request for request, _ in self.known if request.kind == SHARED]
        over = [request for request, _ in self.over("committed", "buffered")]
        if requests or over:
            many = over if over and (not requests or self.chance.random() < 0.6) else requests
            self.append(self.chance.choice(many), self.home, repeat=True)

    def is_behind(self):
        """Whether too much waits in the outbox of its ledger, as far as it tells."""
        if time.monotonic() > self.looked_at + BACKLOG_LOOK:
            self.looked_at = time.monotonic()
            try:
                status = self.stub(self.home, "Outbox").GetOutboxStatus(
                    self.pb.GetOutboxStatusRequest(), timeout=1)
                self.backlog = status.waiting.events
            except grpc.RpcError:
                pass  # as it was
        return self.backlog > BACKLOG_MAX

    def round(self):
        """One turn."""
        draw = self.chance.random()
        if draw >= ALWAYS and self.is_behind():
            draw *= ALWAYS
        if draw < 0.08:
            self.ask_again()
            return
        make = (self.shared_round if draw < 0.20 else self.exact_round if draw < 0.26
                else self.contrary_round if draw < 0.32 else self.stale_round if draw < ALWAYS
                else self.own_round)
        self.pending = self.send(make(), False)

    def run(self):
        """Until SIGTERM, and then until nothing is open."""
        signal.signal(signal.SIGTERM, lambda *_: setattr(self, "is_stopping", True))
        backoff, rounds = 0.05, 0
        while self.pending or not self.is_stopping:
            if self.pending:
                before = len(self.pending)
                self.pending = self.send(self.pending, True)
                backoff = min(backoff * 2, 0.8) if len(self.pending) == before else 0.05
                if self.pending:
                    time.sleep(backoff * self.chance.random())
            else:
                self.round()
                rounds += 1
                if rounds % CHECKPOINT_ROUNDS == 0 and not self.pending:
                    self.forget()
                    self.checkpoint()
                time.sleep(2 * self.pause * self.chance.random())
        self.log.note(done=True)


def grpc_name(number):
    """The name of a status code."""
    return next(code.name for code in grpc.StatusCode if code.value[0] == number)


def main(options):
    """`python Tests/Chaos client OPTIONS`, with the options as JSON."""
    Client(json.loads(options)).run()
