"""Whether what the clients were told is what PostgreSQL has.

`Evidence` is all that is known at the end, `examine` says what is wrong with it and counts. Neither
asks anybody: test_check.py falsifies evidence and sees that it is found out. gather.py collects it.

An hour makes millions of events: of each, one `Sent` is kept, and the log is read once, row by row.
"""
import array
import collections
import dataclasses
import functools
import json
import sys
import typing
from decimal import Context, Decimal

import history
from history import CONTRARY, EXACT, OWN, SHARED, STALE

#: Seconds after the last heal within which every client must be acknowledged again.
RESUME_MAX = 30
#: Sums of decimals of 38 digits are exact.
EXACTLY = Context(prec=120)
#: Final refusals that are right, by kind of request.
RIGHT = dict(exact={"ABORTED", "FAILED_PRECONDITION"}, stale={"ABORTED", "FAILED_PRECONDITION"},
             contrary={"ALREADY_EXISTS"})


class Row(typing.NamedTuple):
    """An event as PostgreSQL has it."""
    book: str
    log_position: int
    position: str
    version: int
    event_id: str
    marker: str
    recorded_us: int
    #: Everything that the client had chosen, see `content`.
    content: int
    #: Its number in an outbox, where it begins what a request has brought from there.
    outbox: int | None = None


def content(book, position, kind, event_id, at_us, source, actor, payload):
    """A digest that is equal where an event is stored exactly as it was sent."""
    return hash((book, position, kind, event_id, at_us, source, actor, payload))


class Refused(typing.NamedTuple):
    """A client was told so."""
    client: int
    number: int
    kind: str
    #: The name of a gRPC status.
    code: str
    message: str
    is_final: bool
    #: An earlier request of the position was not taken, so this one could not be; or it repeats
    #: what is booked, which a ledger without its database does not know.
    is_excused: bool


@dataclasses.dataclass(slots=True)
class Sent:
    """One event of one request of one client."""
    client: int
    number: int
    #: Its place in the request.
    index: int
    kind: str
    book: str
    position: str
    event_id: str
    content: int
    expected: int | None = None
    #: What it was told for good, in this order, each once: "committed", "buffered", "refused"; at
    #: which (log_position, version), and in which (ledger, sequence). Small, for there are many.
    told: tuple = ()
    places: tuple = ()
    sequences: tuple = ()
    #: Answers that called it new.
    news: int = 0
    #: Ledgers that it was tried at, as bits.
    tried: int = 0
    #: The (log_position, version) that it has.
    place: tuple | None = None

    @property
    def name(self):
        """For people."""
        return (f"{self.book}: event {self.event_id} of request {self.number} of client "
                f"{self.client}")

    @property
    def order(self):
        """Of what the client has sent."""
        return self.number, self.index

    def note(self, record):
        """An answer to its request."""
        outcome = record["outcome"]
        if outcome == "refused" and not record["final"]:
            return
        self.told = same(added(self.told, outcome))
        if outcome == "committed":
            event_id, log_position, version, is_duplicate = record["places"][self.index]
            self.places = added(self.places, (log_position, version))
            self.news += not is_duplicate
            if event_id != self.event_id:
                self.places += ((event_id, log_position, version),)
        elif outcome == "buffered":
            key = (record["ledger"], record["sequence"])
            self.sequences = same(added(self.sequences, key))


@functools.lru_cache(64)
def same(value):
    """The object that is equal to the value: neighbours share it."""
    return value


def added(values, value):
    """The tuple with the value, once."""
    return values if value in values else values + (value,)


@dataclasses.dataclass
class Parked:
    """A request that a ledger's outbox could not deliver."""
    ledger: int
    sequence: int
    reason: str
    #: The request that it is parked behind; 0 if it was refused itself.
    behind: int
    #: Every UUID that it mentions: ids of events, positions and markers.
    ids: set


@dataclasses.dataclass
class Evidence:
    """See the module."""
    #: book → rows in the order of the log; they are read once.
    log: dict = dataclasses.field(default_factory=dict)
    #: book → (log_head, number of event_keys), and book → position → version of its stream.
    heads: dict = dataclasses.field(default_factory=dict)
    streams: dict = dataclasses.field(default_factory=dict)
    #: marker → Sent
    sent: dict = dataclasses.field(default_factory=dict)
    #: Every Refused; how often each answer was given; client → when it was acknowledged.
    refused: list = dataclasses.field(default_factory=list)
    answers: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    acknowledged: dict = dataclasses.field(default_factory=dict)
    #: Own positions for whose order no client stands any more.
    given_up: set = dataclasses.field(default_factory=set)
    parked: list = dataclasses.field(default_factory=list)
    drained: int = 0
    #: Ledgers whose outbox was not drained in time, or which do not tell: what they buffered may
    #: still wait.
    waiting: set = dataclasses.field(default_factory=set)
    #: (ledger, sequence) of what such an outbox calls drained: it does not wait.
    settled: set = dataclasses.field(default_factory=set)
    #: Seconds until the outboxes were empty.
    drained_after: float = 0.0
    #: Found while it was gathered: projections, processes, quiet.
    complaints: list = dataclasses.field(default_factory=list)
    #: What was seen in the log, and not after a crash.
    gone: list = dataclasses.field(default_factory=list)
    #: When the faults ended, and which clients were there then.
    healed_at: float = None
    clients: int = 0

    def read_history(self, client, path):
        """What one client intended and was told."""
        requests = {}
        moments = self.acknowledged.setdefault(client, array.array("d"))
        for record in history.read(path):
            if "request" in record:
                request = record["request"]
                requests[request.number] = (request.kind, [f.marker for f in request.facts])
                for index, fact in enumerate(request.facts):
                    self.sent[fact.marker] = Sent(
                        client, request.number, index, request.kind, sys.intern(request.book),
                        sys.intern(fact.position), fact.event_id, content(
                            request.book, fact.position, fact.type, fact.event_id, fact.at_us,
                            fact.source, fact.actor, fact.payload), fact.expected)
            elif "try" in record:
                for marker in requests[record["try"]][1]:
                    self.sent[marker].tried |= 1 << record["ledger"]
            elif "given_up" in record:
                self.given_up.update(map(sys.intern, record["given_up"]))
            elif "answer" in record:
                kind, markers = requests[record["answer"]]
                if record["outcome"] == "refused":
                    self.answers[record["code"]] += 1
                    self.refused.append(Refused(
                        client, record["answer"], kind, sys.intern(record["code"]),
                        record["message"], record["final"],
                        "follows" in record or "repeat" in record))
                else:
                    self.answers[record["outcome"]] += 1
                    moments.append(record["at"])
                for marker in markers:
                    self.sent[marker].note(record)


class Report:
    """What `examine` found."""

    def __init__(self):
        self.violations = collections.defaultdict(list)
        self.figures = {}

    def add(self, what, text):
        """One violation of a kind."""
        self.violations[what].append(text)


def examine(evidence):
    """The report on all that can be decided from the evidence alone, which is used up then."""
    report = Report()
    for text in evidence.complaints:
        report.add("complaints", text)
    for text in evidence.gone:
        report.add("gone", text)
    for book in evidence.log:
        Book(report, evidence, book).read()
    told_and_true(report, evidence)
    repeats(report, evidence)
    parked_is_accounted(report, evidence)
    refusals(report, evidence)
    progress(report, evidence)
    report.figures["doubled"] = len(report.violations.get("doubled", ()))
    return report


class Book:
    """Reads the log of one book, and leaves its place with each event that a client has sent."""

    def __init__(self, report, evidence, book):
        self.report, self.evidence, self.book = report, evidence, book
        self.count = self.recorded_us = 0
        self.versions = collections.Counter()
        #: event_id → log_position, and markers that no client knows.
        self.ids, self.strangers = {}, {}
        #: Own position → the last Sent, and contested position → [(version, Sent)].
        self.last, self.contested = {}, collections.defaultdict(list)
        #: event_id of a shared fact → ledgers that any client has tried it at, as bits.
        self.tried = collections.Counter()
        for sent in evidence.sent.values():
            if sent.kind == SHARED and sent.book == book:
                self.tried[sent.event_id] |= sent.tried

    def read(self):
        """Each row once."""
        for row in self.evidence.log[self.book]:
            self.count += 1
            sent = self.evidence.sent.get(row.marker)
            self.is_whole(row)
            self.is_there_once(row, sent)
            if sent is None:
                self.add("unsent", row, f"no client sent {row.event_id}")
                continue
            if sent.place is None:
                place = (row.log_position, row.version)
                sent.place = sent.places[0] if sent.places[:1] == (place,) else place
            self.was_sent(row, sent)
            if sent.kind == OWN:
                self.is_in_order(row, sent)
            else:
                self.contested[sent.position].append((row.version, sent))
                self.is_as_expected(row, sent)
        self.ends_well()
        self.shared_facts_are_one()

    def add(self, what, row, text):
        """A violation at a row."""
        self.report.add(what, f"{self.book} {row.log_position}: {text}")

    def is_whole(self, row):
        """Positions and versions without gaps, times that never fall."""
        if row.log_position != self.count and "gaps" not in self.report.violations:
            self.add("gaps", row, f"it is event {self.count} of the log")
        self.versions[row.position] += 1
        if row.version != self.versions[row.position]:
            self.add("versions", row, f"version {row.version} of {row.position}, not "
                     f"{self.versions[row.position]}")
        if row.recorded_us < self.recorded_us:
            self.add("times", row, "recorded before its predecessor")
        self.recorded_us = row.recorded_us

    def is_there_once(self, row, sent):
        """By its id and by its marker."""
        first = self.ids.get(row.event_id) or self.strangers.get(row.marker)
        if first is None and sent and sent.place:
            first = sent.place[0]
        if first:
            self.add("doubled", row, f"{row.event_id} is at {first} too")
        # The same object: the log's own text goes with its row.
        is_known = sent and sent.event_id == row.event_id
        self.ids[sent.event_id if is_known else row.event_id] = row.log_position
        if not sent:
            self.strangers[row.marker] = row.log_position

    def was_sent(self, row, sent):
        """It is what a client has sent, as it has sent it."""
        if sent.content != row.content:
            self.add("unsent", row, f"client {sent.client} sent {row.event_id} with another "
                     "content")
        elif sent.kind == CONTRARY:
            self.add("unsent", row, "contradicts a known event")
        elif sent.kind == STALE:
            self.add("versions", row, f"client {sent.client} expected version {sent.expected}, "
                     "which had been passed long before")

    def is_in_order(self, row, sent):
        """Of each own position: the client's order. Nobody else appends to it, so an exact version
        holds to the digit, outbox or not."""
        if sent.position not in self.evidence.given_up:
            before = self.last.get(sent.position)
            if before and before.order > sent.order:
                self.add("order", row, f"request {sent.number} of client {sent.client} after its "
                         f"request {before.number}")
            self.last[sent.position] = sent
        if sent.expected not in (None, row.version - 1):
            self.add("versions", row, f"request {sent.number} of client {sent.client} expected "
                     f"version {sent.expected}, it has {row.version}")

    def is_as_expected(self, row, sent):
        """On a contested position an exact version holds as long as nothing came between; through
        an outbox, nothing but what the same outbox had buffered before (architecture.md)."""
        if sent.kind != EXACT or sent.expected is None:
            return
        between = [one for version, one in self.contested[sent.position]
                   if sent.expected < version < row.version]
        foreign = [one for one in between if row.outbox is None or not sent.tried & (
            one.tried | self.tried[one.event_id])]
        if row.version <= sent.expected or foreign:
            self.add("versions", row, f"request {sent.number} of client {sent.client} expected "
                     f"version {sent.expected}, it has {row.version}" + (
                         f" after request {foreign[0].number} of client {foreign[0].client}"
                         if foreign else ""))

    def ends_well(self):
        """The head, the keys and the streams say the same."""
        head, keys = self.evidence.heads[self.book]
        if head != self.count or keys != self.count:
            self.report.add("gaps", f"{self.book}: {self.count} events, head {head}, {keys} keys")
        if self.evidence.streams[self.book] != dict(self.versions):
            wrong = set(self.evidence.streams[self.book].items()) ^ set(self.versions.items())
            self.report.add("versions", f"{self.book}: streams and events differ at "
                            f"{sorted(wrong)[:4]}")

    def shared_facts_are_one(self):
        """A fact that several clients have sent is at the place of the first."""
        places = {sent.event_id: sent.place for entries in self.contested.values()
                  for _, sent in entries if sent.kind == SHARED}
        for sent in self.evidence.sent.values():
            if sent.kind == SHARED and sent.book == self.book:
                sent.place = places.get(sent.event_id)


def told_and_true(report, evidence):
    """Acknowledged is there, or parked; at the place that was told. Refused is not there."""
    behind = {(entry.ledger, entry.sequence) for entry in evidence.parked if entry.behind}
    parked = parked_keys(evidence)
    unclaimed = {(sent.client, sent.number) for sent in evidence.sent.values()
                 if sent.position in evidence.given_up} if evidence.given_up else set()
    counts = collections.Counter(acknowledged=0, committed=0, buffered=0, parked=0, waiting=0,
                                 lost=0)
    for marker, sent in evidence.sent.items():
        if "committed" in sent.told or "buffered" in sent.told:
            counts["acknowledged"] += 1
            counts[next(one for one in sent.told if one != "refused")] += 1
            if not sent.place:
                is_parked = (not parked.isdisjoint(sent.sequences) or marker in parked
                             or (sent.kind != CONTRARY and sent.event_id in parked))
                if is_parked and "committed" not in sent.told:
                    counts["parked"] += 1
                    if (sent.kind == OWN and (sent.client, sent.number) not in unclaimed
                            and behind.isdisjoint(sent.sequences)):
                        report.add("parked", f"{sent.name} was parked, and nothing is wrong with "
                                   f"it: (ledger, sequence) {sent.sequences}")
                elif "committed" not in sent.told and any(
                        key[0] in evidence.waiting and key not in evidence.settled
                        for key in sent.sequences):
                    counts["waiting"] += 1
                else:
                    counts["lost"] += 1
                    report.add("lost", f"{sent.name} was answered "
                               f"{', '.join(sorted(sent.told))} and is neither in the log nor "
                               "parked")
        if sent.told == ("refused",) and sent.place and sent.kind != SHARED:
            report.add("refusals", f"{sent.name} was refused and is in the log")
        if sent.kind in (CONTRARY, STALE) and "committed" in sent.told:
            report.add("unsent" if sent.kind == CONTRARY else "versions",
                       f"{sent.name} cannot be right and was called committed")
        for place in sent.places if sent.place else ():
            if place != sent.place:
                report.add("places", f"{sent.name} was told {place}, it is at {sent.place[0]} "
                           f"with version {sent.place[1]}")
    report.figures |= counts
    report.figures |= dict(drained=evidence.drained,
                           drained_after_s=round(evidence.drained_after, 1))


def repeats(report, evidence):
    """Who asks again is told the same; an event is new once, whoever asks."""
    news = collections.Counter()
    for sent in evidence.sent.values():
        if sent.kind == SHARED:
            news[sent.book, sent.event_id] += sent.news
        elif sent.news > 1:
            report.add("places", f"{sent.name} was called new {sent.news} times")
        if sent.kind == OWN and len(sent.sequences) > len({one for one, _ in sent.sequences}):
            report.add("places", f"{sent.name} has several numbers in an outbox: (ledger, "
                       f"sequence) {sent.sequences}")
    for (book, event_id), count in news.items():
        if count > 1:
            report.add("places", f"{book}: the shared event {event_id} was called new {count} "
                       "times")


def parked_keys(evidence):
    """(ledger, sequence), and every id that a parked request mentions."""
    keys = set()
    for entry in evidence.parked:
        keys |= {(entry.ledger, entry.sequence)} | entry.ids
    return keys


def parked_is_accounted(report, evidence):
    """A parked request is one of a client, has a reason, and none of its events is in the log."""
    wanted = {(entry.ledger, entry.sequence) for entry in evidence.parked}
    sequences = collections.defaultdict(list)
    for marker, sent in evidence.sent.items():
        for key in sent.sequences:
            if key in wanted:
                sequences[key].append(marker)
    ids = set() if all(sequences[key] for key in wanted) else {
        sent.event_id for sent in evidence.sent.values()}
    for entry in evidence.parked:
        name = f"ledger {entry.ledger}: parked request {entry.sequence} ({entry.reason})"
        markers = sequences[entry.ledger, entry.sequence] or [
            m for m in entry.ids if m in evidence.sent]
        if not entry.reason:
            report.add("parked", f"{name} has no reason")
        if not markers and not entry.ids & ids:
            report.add("parked", f"{name} is of no client")
        for marker in markers:
            sent = evidence.sent[marker]
            # A shared fact may have been tried at another ledger too, and what is asked again
            # while nobody can know that it is booked may come to be parked.
            is_excused = sent.kind == SHARED or sent.told[:1] == ("committed",)
            if sent.place and not is_excused:
                report.add("parked", f"{name}: event {sent.event_id} is in the log all the same")
    report.figures["parked_requests"] = len(evidence.parked)


def refusals(report, evidence):
    """Final ones are right for what was meant to be refused, and for nothing else."""
    doubtful = 0
    for refused in evidence.refused:
        if refused.is_final and refused.code not in RIGHT.get(refused.kind, ()):
            report.add("refusals", f"client {refused.client}: its {refused.kind} request "
                       f"{refused.number} was answered {refused.code}: {refused.message}")
        doubtful += (not refused.is_final and not refused.is_excused
                     and refused.code in ("ABORTED", "FAILED_PRECONDITION"))
    report.figures |= dict(answers=dict(evidence.answers.most_common()),
                           refused_for_a_while=doubtful, given_up=len(evidence.given_up))


def progress(report, evidence):
    """The longest time without an acknowledgement, and the time to the first one afterwards."""
    moments = array.array("d")
    for some in evidence.acknowledged.values():
        moments.extend(some)
    moments = array.array("d", sorted(moments))
    longest, since = max(((two - one, one) for one, two in zip(moments, moments[1:])),
                         default=(0.0, 0.0))
    report.figures |= dict(longest_silence_s=round(longest, 3), silent_since_s=round(since, 3))
    if evidence.healed_at is None:
        return
    first = {}
    for client, some in evidence.acknowledged.items():
        later = [at for at in some if at > evidence.healed_at]
        if later:
            first[client] = min(later) - evidence.healed_at
    report.figures["resumed_after_s"] = round(max(first.values(), default=0.0), 3)
    for client in range(evidence.clients):
        if first.get(client, RESUME_MAX + 1) > RESUME_MAX:
            report.add("progress", f"client {client} was not acknowledged within {RESUME_MAX} s "
                       "of the last heal")


# ---------------------------------------------------------------- projections


def total(legs, name):
    """Exactly; None where a leg's is not known."""
    values = [leg[name] for leg in legs]
    if None in values:
        return None
    found = Decimal(0)
    for value in values:
        found = EXACTLY.add(found, Decimal(value))
    return plain(found)


def plain(number):
    """The normal form of a decimal."""
    digits = f"{number:f}"
    if "." in digits:
        digits = digits.rstrip("0").rstrip(".")
    return digits if number else "0"


def compare_projections(book, accounts, tables):
    """Complaints about the tables of a book; `accounts` is what `fold` printed and is read once,
    `tables` are the rows by name as `psql --csv` has them, with decimals in normal form and "" for
    null."""
    found = []

    def differ(what, key, expected, actual):
        if expected != actual:
            found.append(f"{book}: {what} {key}: the fold has {expected}, the table {actual}")

    legs = {(row["position_id"], row["leg"]): row for row in tables["legs"]}
    states = {row["position_id"]: row for row in tables["active"] + tables["history"]}
    days = collections.defaultdict(list)
    for account in accounts:
        if "error" in account:
            found.append(f"{book}: position {account['position_id']} does not fold: "
                         f"{account['error']}")
            continue
        position = account["position_id"]
        row = states.pop(position, None) or {}
        differ("state of", position, [account["state"], account["flags"]],
               [row.get("state"), json.loads(row.get("flags") or "null")])
        for table_name, leg_name in (("net", "net"), ("fees", "fee_value"),
                                     ("adjustments", "adjustments")):
            differ(f"{table_name} of", position, total(account["legs"], leg_name),
                   row.get(table_name) or None)
        for leg in account["legs"]:
            key = (position, leg["leg"])
            row = legs.pop(key, None) or {}
            for name in ("qty", "open_cost", "avg_entry_px", "realized_price", "fee_value",
                         "adjustments", "net"):
                differ(f"{name} of leg", key, leg[name], row.get(name) or None)
            for name in ("fees", "funding", "flags"):
                differ(f"{name} of leg", key, leg[name], json.loads(row.get(name) or "null"))
        for day in account["days"]:
            days[day["day"], day["venue"], day["settle"]].append(day)
    for name, rest in (("positions", states), ("legs", legs)):
        if rest:
            found.append(f"{book}: {name} that the fold does not have: {list(rest)[:4]}")
    daily = {(row["day"], row["venue"], row["settle"]): row for row in tables["daily_pnl"]}
    for key in days.keys() | daily.keys():
        for name in ("price_pnl", "fees", "funding", "adjustments", "net"):
            differ(f"daily {name} of", key, total(days[key], name),
                   daily.get(key, {}).get(name) or None)
    return found
