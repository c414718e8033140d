"""Waits for quiet and collects the evidence: from the histories, PostgreSQL and the ledgers."""
import asyncio
import collections
import contextlib
import csv
import gc
import itertools
import json
import re
import signal
import subprocess
import time

from check import Parked, Row, compare_projections, content
from cluster import DATABASE, PROGRAMS, HarnessError, NotDone, ended, send, until
from history import OWN

#: Seconds: for what clients have open; for the outboxes, and for a request of them; for the
#: projections; for the events of a book.
CLIENTS_MAX, DRAIN_MAX, STALL_MAX, PROJECTIONS_MAX, TAIL_MAX = 60, 1_800, 30, 120, 1_800
PARKED_MAX, ASKED_MAX = "100000", 500
#: Events that are folded at one time, about: a fold holds them all.
FOLD_EVENTS = 200_000
#: The last digits of a line's position, by which it is given to a fold.
POSITION = re.compile(rb'"position_id":"[0-9a-f-]*([0-9a-f]{4})"')
UUID = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

EVENTS = """
    SELECT e.log_position, e.position_id, e.version, e.event_id, e.correlation_id,
           (extract(epoch FROM e.recorded_at) * 1000000)::bigint AS recorded_us,
           e.event_type, (extract(epoch FROM e.effective_at) * 1000000)::bigint AS at_us,
           e.source, e.actor, e.payload, d.outbox_sequence
      FROM positions.events AS e
      JOIN positions.books AS b USING (book_id)
      LEFT JOIN positions.deliveries AS d USING (book_id, log_position)
     WHERE b.name = '{book}'
     ORDER BY e.log_position
"""
HEAD = """
    SELECT h.log_position, (SELECT count(*) FROM positions.event_keys AS k
                             WHERE k.book_id = h.book_id) AS keys
      FROM positions.log_head AS h
      JOIN positions.books AS b USING (book_id)
     WHERE b.name = '{book}'
"""
STREAMS = """
    SELECT s.position_id, s.version
      FROM positions.streams AS s
      JOIN positions.books AS b USING (book_id)
     WHERE b.name = '{book}'
"""
CHECKPOINT = """
    SELECT c.log_position
      FROM positions.projection_checkpoints AS c
      JOIN positions.live_slot AS l USING (book_id, slot)
      JOIN positions.books AS b USING (book_id)
     WHERE b.name = '{book}'
"""
DRAINED = """
    SELECT coalesce(sum(last_position - log_position + 1), 0) AS events
      FROM positions.deliveries
     WHERE outbox_sequence IS NOT NULL
"""
QUARANTINE = """
    SELECT b.name, q.position_id, q.reason
      FROM positions.quarantine AS q
      JOIN positions.live_slot AS l USING (book_id, slot)
      JOIN positions.books AS b USING (book_id)
"""
#: Texts as they are; decimals in the normal form of accounting.md §1.
TABLES = dict(
    legs=("positions.legs", ["position_id", "leg", "fees", "funding", "to_json(flags) AS flags"],
          ["qty", "open_cost", "avg_entry_px", "realized_price", "fee_value", "adjustments",
           "net"]),
    active=("positions.active", ["position_id", "state", "to_json(flags) AS flags"],
            ["net", "fees", "adjustments"]),
    history=("positions.history", ["position_id", "state", "to_json(flags) AS flags"],
             ["net", "fees", "adjustments"]),
    daily_pnl=("analytics.daily_pnl", ["day", "venue", "settle"],
               ["price_pnl", "fees", "funding", "adjustments", "net"]))


def queries(book):
    """What is asked of one book, by name."""
    found = dict(events=EVENTS, head=HEAD, streams=STREAMS, checkpoint=CHECKPOINT)
    for name, (view, texts, decimals) in TABLES.items():
        columns = texts + [f"trim_scale({column}) AS {column}" for column in decimals]
        found[name] = f"SELECT {', '.join(columns)} FROM {view} WHERE book = '{{book}}'"
    return {name: sql.format(book=book) for name, sql in found.items()}


def dump(cluster):
    """Writes all that PostgreSQL has to files, as of one moment."""
    asked = {f"{name}-{book}": sql for book in cluster.books
             for name, sql in queries(book).items()}
    asked |= dict(drained=DRAINED, quarantine=QUARANTINE)
    script = ["BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY;"]
    script += [f"\\copy ({' '.join(sql.split())}) TO '{cluster.folder}/{name}.csv' csv header"
               for name, sql in asked.items()]
    done = subprocess.run(
        [PROGRAMS / "psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-h", cluster.postgres.folder, "-U",
         "postgres", "-d", DATABASE], input="\n".join(script), encoding="utf-8", check=False)
    if done.returncode:
        raise HarnessError("psql failed, see above")


def rows(cluster, name):
    """Those of one file."""
    with open(cluster.folder / f"{name}.csv", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


async def wait_quiet(cluster, evidence):
    """Clients are done, outboxes empty, projections at the head, each within a bound."""
    await complain(evidence, cluster.wait_ready())
    evidence.complaints += cluster.crashed_clients()
    for client in cluster.clients:
        send(client.process, signal.SIGTERM)
    end = time.monotonic() + CLIENTS_MAX
    for client in cluster.clients:
        try:
            await asyncio.wait_for(ended(client.process), max(0.1, end - time.monotonic()))
        except asyncio.TimeoutError:
            evidence.complaints.append(
                f"client {client.number} is not done {CLIENTS_MAX} s after it was asked to stop, "
                f"see the end of {client.history.name}")
            await client.kill()
    begin = time.monotonic()
    for ledger in cluster.ledgers if cluster.has_outbox_command else ():
        if not await complain(evidence, drained(ledger, begin + DRAIN_MAX)):
            evidence.waiting.add(ledger.number)
    evidence.drained_after = time.monotonic() - begin
    await complain(evidence, until(lambda: is_caught_up(cluster), PROJECTIONS_MAX,
                                   "the projections do not reach the head"))


async def complain(evidence, work):
    """What is not done within its bound is a violation, and the check goes on."""
    try:
        return await work
    except (HarnessError, NotDone) as error:
        evidence.complaints.append(str(error))
        return None


async def drained(ledger, end):
    """Returns when nothing waits in its outbox, however long it takes as long as it becomes less;
    what is parked does not wait."""
    least, since = None, time.monotonic()
    while True:
        status = json.loads(await ledger.ask("outbox", "status", "--json"))
        requests, events = (int(status["waiting"][name]) for name in ("requests", "events"))
        if requests == 0:
            return True
        if least is None or requests < least:
            least, since = requests, time.monotonic()
        if time.monotonic() > min(end, since + STALL_MAX):
            raise NotDone(f"the outbox of ledger {ledger.number} is not drained: {requests} "
                          f"requests with {events} events wait, the last one left "
                          f"{time.monotonic() - since:.0f} s ago")
        await asyncio.sleep(0.2)


async def is_caught_up(cluster):
    """Whether the tables of all books stand at the head."""
    status = json.loads(await cluster.ledgers[0].ask("status", "--json"))
    books = {book["book"]: book for book in status["books"]}
    return set(books) >= set(cluster.books) and all(
        int(projection["lag_events"]) == 0 and int(projection["log_position"]) == int(book["head"])
        for book in books.values() for projection in book["projections"])


async def parked(cluster, ledger, known):
    """What the outbox of a ledger could not deliver. `known`: the (ledger, sequence) that clients
    were told; of others the events are looked up."""
    told = await ledger.ask("outbox", "parked", "--json", "--limit", PARKED_MAX)
    (cluster.folder / f"parked-{ledger.number}.json").write_bytes(told)
    document = json.loads(told)
    if document["more"]:
        raise HarnessError(f"ledger {ledger.number} has parked more than {PARKED_MAX} requests")
    entries = []
    for entry in document["requests"]:
        sequence = int(entry["outbox_sequence"])
        ids = set()
        if (ledger.number, sequence) not in known:
            shown = await ledger.ask("outbox", "show", str(sequence), "--json")
            ids = set(UUID.findall(shown.decode()))
        entries.append(Parked(ledger.number, sequence, entry["parked_reason"],
                              int(entry["behind"] or 0), ids))
    return entries


async def settled(ledger, evidence):
    """Notes what an outbox calls drained though others still wait: of the requests that it may have
    to park, at most `ASKED_MAX`."""
    sequences = {sequence for sent in evidence.sent.values() if sent.kind != OWN
                 for number, sequence in sent.sequences if number == ledger.number}
    for sequence in sorted(sequences)[:ASKED_MAX]:
        shown = json.loads(await ledger.ask("outbox", "show", str(sequence), "--json"))
        if shown["drained_at"]:
            evidence.settled.add((ledger.number, sequence))


async def collect(cluster, evidence):
    """Everything that `examine` needs, and complaints about what it does not see."""
    gc.disable()  # millions of objects that stay, and no cycles
    evidence.gone += cluster.gone
    for ledger in cluster.ledgers:
        evidence.complaints += [f"{end}, {count} times" if count > 1 else end
                                for end, count in collections.Counter(ledger.ends).items()]
    for client in cluster.clients:
        evidence.read_history(client.number, client.history)
    evidence.clients = len(cluster.clients)
    known = {key for sent in evidence.sent.values() for key in sent.sequences}
    evidence.parked = []
    for ledger in cluster.ledgers if cluster.has_outbox_command else ():
        entries = await complain(evidence, parked(cluster, ledger, known))
        evidence.parked += entries or []
        if entries is None:
            evidence.waiting.add(ledger.number)
        elif ledger.number in evidence.waiting:
            await complain(evidence, settled(ledger, evidence))
    del known
    dump(cluster)
    for book in cluster.books:
        evidence.log[book] = events(cluster, book)
        evidence.heads[book] = (0, 0)
        for row in rows(cluster, f"head-{book}"):
            evidence.heads[book] = (int(row["log_position"]), int(row["keys"]))
        evidence.streams[book] = {
            row["position_id"]: int(row["version"]) for row in rows(cluster, f"streams-{book}")}
        if any(True for _ in rows(cluster, f"events-{book}")):
            evidence.complaints += await projections(cluster, book)
    evidence.drained = sum(int(row["events"]) for row in rows(cluster, "drained"))
    for row in rows(cluster, "quarantine"):
        evidence.complaints.append("{name}: position {position_id} is in quarantine: {reason}"
                                   .format(**row))
    return evidence


def events(cluster, book):
    """The log of a book, read as it is asked for."""
    for row in rows(cluster, f"events-{book}"):
        yield Row(
            book, int(row["log_position"]), row["position_id"], int(row["version"]),
            row["event_id"], row["correlation_id"], int(row["recorded_us"]), content(
                book, row["position_id"], row["event_type"], row["event_id"],
                int(row["at_us"]), row["source"], row["actor"], row["payload"]),
            int(row["outbox_sequence"]) if row["outbox_sequence"] else None)


async def projections(cluster, book):
    """Complaints where the tables are not the fold of the log up to where they stand."""
    lines = cluster.folder / f"log-{book}.jsonl"
    try:
        with open(lines, "wb") as file:
            await cluster.ledgers[0].ask("tail", "--lines", "--until-head", "--book", book,
                                         output=file, seconds=TAIL_MAX)
    except NotDone as error:
        return [f"{book}: {error}"]
    count = sum(int(row["log_position"]) for row in rows(cluster, f"checkpoint-{book}"))
    parts = [cluster.folder / f"fold-{book}-{part}.jsonl"
             for part in range(1 + count // FOLD_EVENTS)]
    told = divide(lines, count, parts)
    if told < count:
        return [f"{book}: the tables stand at {count}, tail tells {told} events"]
    tables = {name: list(rows(cluster, f"{name}-{book}")) for name in TABLES}
    try:
        return compare_projections(book, folded(cluster, parts), tables)
    except NotDone as error:
        return [f"{book}: {error}"]


def divide(lines, count, parts):
    """Writes the first `count` lines to files, each position's to one; returns how many there
    were."""
    told = 0
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(open(part, "wb")) for part in parts]
        with open(lines, "rb") as file:
            for line in itertools.islice(file, count):
                position = POSITION.search(line)
                files[int(position[1], 16) % len(files) if position else 0].write(line)
                told += 1
    return told


def folded(cluster, parts):
    """The accounts of all parts, one after the other, which are removed."""
    for part in parts:
        done = subprocess.run([cluster.binary, "fold", part], capture_output=True, check=False)
        if done.returncode not in (0, 4):
            raise NotDone(f"fold ended with {done.returncode}: "
                          f"{done.stderr.decode().strip()[:500]}")
        part.unlink()
        yield from json.loads(done.stdout)
