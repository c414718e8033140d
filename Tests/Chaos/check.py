"""Whether what the clients were told is what PostgreSQL has.

`Evidence` is all that is known at the end, `examine` says what is wrong with it and counts. Neither
asks anybody: test_check.py falsifies evidence and sees that it is found out. gather.py collects it.
"""
import collections
import dataclasses
import json
import sys
import typing
from decimal import Context, Decimal

import history
from history import CONTRARY, OWN, SHARED

#: Seconds after the last heal within which every client must be acknowledged again.
RESUME_MAX = 30
#: Sums of decimals of 38 digits are exact.
EXACTLY = Context(prec=120)


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


def content(book, position, kind, event_id, at_us, source, actor, payload):
    """A digest that is equal where an event is stored exactly as it was sent."""
    return hash((book, position, kind, event_id, at_us, source, actor, payload))


class Answer(typing.NamedTuple):
    """What a client was told about a request."""
    client: int
    number: int
    kind: str
    at: float
    #: "committed", "buffered", or the name of a gRPC status.
    outcome: str
    message: str
    is_final: bool
    #: An earlier request of the position was not taken, so this one could not be.
    follows: bool

    @property
    def is_acknowledgement(self):
        """Whether it is a promise."""
        return self.outcome in ("committed", "buffered")


@dataclasses.dataclass(slots=True)
class Sent:
    """One event of one request of one client."""
    client: int
    number: int
    order: int
    kind: str
    book: str
    position: str
    event_id: str
    content: int
    expected: int = None
    #: What it was told for good, in this order, each once: "committed", "buffered", "refused"; at
    #: which (log_position, version), and in which (ledger, sequence). Small, for there are many.
    told: tuple = ()
    places: tuple = ()
    sequences: tuple = ()

    def note(self, index, record):
        """An answer to the request of which this is the event `index`."""
        outcome = record["outcome"]
        if outcome == "refused" and not record["final"]:
            return
        self.told = added(self.told, outcome)
        if outcome == "committed":
            event_id, *place = record["places"][index]
            self.places = added(self.places, tuple(place))
            if event_id != self.event_id:
                self.places += ((event_id, *place),)
        elif outcome == "buffered":
            self.sequences = added(self.sequences, (record["ledger"], record["sequence"]))


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
    #: book → rows in the order of the log.
    log: dict = dataclasses.field(default_factory=dict)
    #: book → (log_head, number of event_keys), and book → position → version of its stream.
    heads: dict = dataclasses.field(default_factory=dict)
    streams: dict = dataclasses.field(default_factory=dict)
    #: marker → Sent
    sent: dict = dataclasses.field(default_factory=dict)
    #: Every Answer.
    answers: list = dataclasses.field(default_factory=list)
    #: Own positions for whose order no client stands any more.
    given_up: set = dataclasses.field(default_factory=set)
    #: None: this ledger cannot tell.
    parked: list = None
    drained: int = 0
    #: Ledgers whose outbox was not drained in time: what they buffered may still wait.
    waiting: set = dataclasses.field(default_factory=set)
    #: Seconds until the outboxes were empty.
    drained_after: float = 0.0
    #: Found while it was gathered: projections, processes, quiet.
    complaints: list = dataclasses.field(default_factory=list)
    #: When the faults ended, and which clients were there then.
    healed_at: float = None
    clients: int = 0

    def read_history(self, client, path):
        """What one client intended and was told."""
        requests, order = {}, 0
        for record in history.read(path):
            if "request" in record:
                request = record["request"]
                requests[request.number] = (request.kind, [f.marker for f in request.facts])
                for fact in request.facts:
                    order += 1
                    self.sent[fact.marker] = Sent(
                        client, request.number, order, request.kind, sys.intern(request.book),
                        sys.intern(fact.position), fact.event_id, content(
                            request.book, fact.position, fact.type, fact.event_id, fact.at_us,
                            fact.source, fact.actor, fact.payload), fact.expected)
            elif "given_up" in record:
                self.given_up.update(record["given_up"])
            elif "answer" in record:
                kind, markers = requests[record["answer"]]
                is_refused = record["outcome"] == "refused"
                self.answers.append(Answer(
                    client, record["answer"], kind, record["at"],
                    sys.intern(record["code"] if is_refused else record["outcome"]),
                    record.get("message", ""), record.get("final", True),
                    record.get("follows", False)))
                for index, marker in enumerate(markers):
                    self.sent[marker].note(index, record)


class Report:
    """What `examine` found."""

    def __init__(self):
        self.violations = collections.defaultdict(list)
        self.figures = {}

    def add(self, what, text):
        """One violation of a kind."""
        self.violations[what].append(text)


def examine(evidence):
    """The report on all that can be decided from the evidence alone."""
    report = Report()
    for text in evidence.complaints:
        report.add("complaints", text)
    for book, rows in evidence.log.items():
        the_log_is_whole(report, evidence, book, rows)
        order_is_kept(report, evidence, book, rows)
        expectations_are_kept(report, evidence, book, rows)
    nothing_unsent(report, evidence)
    told_and_true(report, evidence)
    parked_is_accounted(report, evidence)
    refusals(report, evidence)
    progress(report, evidence)
    return report


def the_log_is_whole(report, evidence, book, rows):
    """Positions and versions without gaps, times that never fall, each event once."""
    head, keys = evidence.heads[book]
    if [row.log_position for row in rows] != list(range(1, len(rows) + 1)):
        wrong = next((r.log_position for n, r in enumerate(rows, 1) if r.log_position != n), None)
        report.add("gaps", f"{book}: log positions are not 1 to {len(rows)}, see {wrong}")
    if head != len(rows) or keys != len(rows):
        report.add("gaps", f"{book}: {len(rows)} events, head {head}, {keys} keys")
    versions, last = collections.Counter(), 0
    ids, markers = {}, {}
    for row in rows:
        versions[row.position] += 1
        if row.version != versions[row.position]:
            report.add("versions", f"{book} {row.log_position}: version {row.version} of "
                       f"{row.position}, not {versions[row.position]}")
        if row.recorded_us < last:
            report.add("times", f"{book} {row.log_position}: recorded before its predecessor")
        last = row.recorded_us
        for seen, key in ((ids, row.event_id), (markers, row.marker)):
            if key in seen:
                report.add("doubled", f"{book}: {key} at {seen[key]} and {row.log_position}")
                break
            seen[key] = row.log_position
    if evidence.streams[book] != dict(versions):
        wrong = set(evidence.streams[book].items()) ^ set(versions.items())
        report.add("versions", f"{book}: streams and events differ at {sorted(wrong)[:4]}")


def order_is_kept(report, evidence, book, rows):
    """Of each own position: the client's order."""
    last = {}
    for row in rows:
        sent = evidence.sent.get(row.marker)
        if sent and sent.kind == OWN and row.position not in evidence.given_up:
            before = last.get(row.position)
            if before and before.order > sent.order:
                report.add("order", f"{book} {row.log_position}: request {sent.number} of client "
                           f"{sent.client} after its request {before.number}")
            last[row.position] = sent


def expectations_are_kept(report, evidence, book, rows):
    """Where nobody else appends, an exact version holds to the digit, outbox or not."""
    for row in rows:
        sent = evidence.sent.get(row.marker)
        if sent and sent.kind == OWN and sent.expected not in (None, row.version - 1):
            report.add("versions", f"{book} {row.log_position}: request {sent.number} of client "
                       f"{sent.client} expected version {sent.expected}, it has {row.version}")


def nothing_unsent(report, evidence):
    """Every row is what a client has sent, as it has sent it."""
    for book, rows in evidence.log.items():
        for row in rows:
            sent = evidence.sent.get(row.marker)
            if sent is None:
                report.add("unsent", f"{book} {row.log_position}: no client sent {row.event_id}")
            elif sent.content != row.content:
                report.add("unsent", f"{book} {row.log_position}: client {sent.client} sent "
                           f"{row.event_id} with another content")
            elif sent.kind == CONTRARY:
                report.add("unsent", f"{book} {row.log_position}: contradicts a known event")


def told_and_true(report, evidence):
    """Acknowledged is there, or parked; at the place that was told. Refused is not there."""
    behind = {(entry.ledger, entry.sequence) for entry in evidence.parked or () if entry.behind}
    rows = {(row.book, row.event_id): row for book in evidence.log.values() for row in book}
    by_marker = {row.marker: row for row in rows.values()}
    parked = parked_keys(evidence)
    unclaimed = {(sent.client, sent.number) for sent in evidence.sent.values()
                 if sent.position in evidence.given_up}
    counts = collections.Counter(acknowledged=0, committed=0, buffered=0, parked=0, waiting=0,
                                 lost=0)
    for marker, sent in evidence.sent.items():
        acknowledged = "committed" in sent.told or "buffered" in sent.told
        row = (by_marker.get(marker) if sent.kind == CONTRARY
               else rows.get((sent.book, sent.event_id)))
        name = (f"{sent.book}: event {sent.event_id} of request {sent.number} of client "
                f"{sent.client}")
        if acknowledged:
            counts["acknowledged"] += 1
            counts[next(one for one in sent.told if one != "refused")] += 1
        if acknowledged and not row:
            is_parked = (not parked.isdisjoint(sent.sequences) or marker in parked
                         or (sent.kind != CONTRARY and sent.event_id in parked))
            if is_parked and "committed" not in sent.told:
                counts["parked"] += 1
                if (sent.kind == OWN and (sent.client, sent.number) not in unclaimed
                        and behind.isdisjoint(sent.sequences)):
                    report.add("parked", f"{name} was parked, and nothing is wrong with it: "
                               f"(ledger, sequence) {sent.sequences}")
            elif "committed" not in sent.told and any(
                    ledger in evidence.waiting for ledger, _ in sent.sequences):
                counts["waiting"] += 1
            else:
                counts["lost"] += 1
                report.add("lost", f"{name} was answered {', '.join(sorted(sent.told))} and is "
                           "neither in the log nor parked")
        if sent.told == ("refused",) and marker in by_marker:
            report.add("refusals", f"{name} was refused and is in the log")
        if sent.kind == CONTRARY and "committed" in sent.told:
            report.add("unsent", f"{name} contradicts a known event and was called committed")
        for place in sent.places if row else ():
            if place != (row.log_position, row.version):
                report.add("places", f"{name} was told {place}, it is at {row.log_position} with "
                           f"version {row.version}")
    report.figures |= counts
    report.figures["doubled"] = len(report.violations.get("doubled", ()))
    report.figures |= dict(drained=evidence.drained,
                           drained_after_s=round(evidence.drained_after, 1))


def parked_keys(evidence):
    """(ledger, sequence), and every id that a parked request mentions."""
    keys = set()
    for entry in evidence.parked or ():
        keys |= {(entry.ledger, entry.sequence)} | entry.ids
    return keys


def parked_is_accounted(report, evidence):
    """A parked request is one of a client, and none of its events is in the log."""
    sequences = collections.defaultdict(list)
    for marker, sent in evidence.sent.items():
        for key in sent.sequences:
            sequences[key].append(marker)
    ids = {sent.event_id for sent in evidence.sent.values()}
    in_log = {row.marker for book in evidence.log.values() for row in book}
    for entry in evidence.parked or ():
        name = f"ledger {entry.ledger}: parked request {entry.sequence} ({entry.reason})"
        markers = sequences[entry.ledger, entry.sequence] or [
            m for m in entry.ids if m in evidence.sent]
        if not markers and not entry.ids & ids:
            report.add("parked", f"{name} is of no client")
        for marker in markers:
            # A shared fact may have been tried at another ledger too.
            if marker in in_log and evidence.sent[marker].kind != SHARED:
                report.add("parked", f"{name}: event {evidence.sent[marker].event_id} is in the "
                           "log all the same")
    report.figures["parked_requests"] = len(evidence.parked or ())


def refusals(report, evidence):
    """Final ones are right for what was meant to be refused, and for nothing else."""
    right = dict(exact={"ABORTED", "FAILED_PRECONDITION"}, contrary={"ALREADY_EXISTS"})
    codes = collections.Counter(answer.outcome for answer in evidence.answers)
    doubtful = 0
    for answer in evidence.answers:
        if answer.is_acknowledgement:
            continue
        if answer.is_final and answer.outcome not in right.get(answer.kind, ()):
            report.add("refusals", f"client {answer.client}: its {answer.kind} request "
                       f"{answer.number} was answered {answer.outcome}: {answer.message}")
        doubtful += (not answer.is_final and not answer.follows
                     and answer.outcome in ("ABORTED", "FAILED_PRECONDITION"))
    report.figures |= dict(answers=dict(codes.most_common()), refused_for_a_while=doubtful,
                           given_up=len(evidence.given_up))


def progress(report, evidence):
    """The longest time without an acknowledgement, and the time to the first one afterwards."""
    times = sorted((a.at, a.client) for a in evidence.answers if a.is_acknowledgement)
    moments = [at for at, _ in times]
    gaps = [(two - one, one) for one, two in zip(moments, moments[1:])]
    longest, since = max(gaps, default=(0.0, 0.0))
    report.figures |= dict(longest_silence_s=round(longest, 3), silent_since_s=round(since, 3))
    if evidence.healed_at is None:
        return
    first = {}
    for at, client in times:
        if at > evidence.healed_at:
            first.setdefault(client, at - evidence.healed_at)
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
    """Complaints about the tables of a book; `accounts` is what `fold` printed, `tables` the rows
    by name as `psql --csv` has them, with decimals in normal form and "" for null."""
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
