"""What is done to the processes, and in which order: drawn from the seed.

Two lanes run side by side, so that faults of both overlap: one does things to PostgreSQL and the
way to it, the other to ledgers and clients. A lane makes one fault after the other from a shuffled
deck, which gives each kind its turn. A fault is a coroutine that heals what it has done.
"""
import asyncio
import contextlib
import dataclasses
import json
import os
import random
import signal

from cluster import DATABASE, PASSWORD, ROLE, NotDone

#: lane → [coroutine], one several times if it is to come more often.
DECKS = dict(database=[], processes=[])
#: Whose renaming the appends cannot survive, and two of the projections.
TABLES = ["positions.events", "positions.event_keys", "positions.log_head", "positions.streams",
          "positions.deliveries", "positions.legs_rows", "analytics.daily_pnl_rows"]


@dataclasses.dataclass(frozen=True)
class Draw:
    """All that is drawn for one fault, before anything is known of the moment."""
    #: Seconds that it lasts, and until the next one.
    hold: float
    gap: float
    #: From 0 to below 1: which one, and how much.
    pick: float
    amount: float

    @classmethod
    def of(cls, chance):
        """Some shorter than the ledger's limits, some longer; now and then a calm."""
        bounds, = chance.choices([(0.1, 1.2), (1.2, 4), (5, 8)], [60, 33, 7])
        calm, = chance.choices([(0.2, 1.2), (3, 6)], [88, 12])
        return cls(chance.uniform(*bounds), chance.uniform(*calm), chance.random(),
                   chance.random())


def fault(lane, times=1):
    """Puts a coroutine into a deck. Its name and its docstring are what is printed."""
    def keep(function):
        DECKS[lane] += [function] * times
        return function
    return keep


def title(function):
    """As people read it."""
    return function.__name__.replace("_", " ")


# ---------------------------------------------------------------- PostgreSQL


@contextlib.asynccontextmanager
async def crash(cluster, seconds=2):
    """Within, PostgreSQL is made to crash and is started again: right after something was
    committed, if anything is in a while, for a crash can only take what is there. It must take
    nothing that was seen."""
    async def events():
        return int(await cluster.postgres.sql(
            "SELECT coalesce(sum(log_position), 0) FROM positions.log_head"))
    seen, end = None, cluster.now + seconds
    with contextlib.suppress(NotDone):
        before = seen = await events()
        while seen == before and cluster.now < end:
            await asyncio.sleep(0.02)
            seen = await events()
    yield
    with contextlib.suppress(NotDone):
        left = await events()
        if seen is not None and left < seen:
            cluster.gone.append(f"{seen - left} of {seen} events that were in the log are not "
                                f"there any more after a crash at {cluster.now:.1f} s")


@fault("database", times=2)
async def postmaster_killed(cluster, draw):
    """kill -9; started again after a while."""
    async with crash(cluster):
        await cluster.postgres.kill()
        await asyncio.sleep(draw.hold)
        await cluster.postgres.start()


@fault("database", times=2)
async def backend_killed(cluster, draw):
    """kill -9 of a ledger's backend: PostgreSQL ends all others and recovers."""
    async with crash(cluster):
        os.kill(cluster.postgres.backend(draw.pick), signal.SIGKILL)
        await asyncio.sleep(min(draw.hold, 1))
        await cluster.postgres.start()


@fault("database")
async def backend_terminated(cluster, draw):
    """As pg_terminate_backend does it."""
    os.kill(cluster.postgres.backend(draw.pick), signal.SIGTERM)


@fault("database", times=2)
async def postmaster_frozen(cluster, draw):
    """SIGSTOP of the postmaster and all its children: no answer at all."""
    cluster.postgres.signal_all(signal.SIGSTOP)
    await asyncio.sleep(draw.hold)
    cluster.postgres.signal_all(signal.SIGCONT)
    await cluster.postgres.start()


@fault("database", times=2)
async def backend_frozen(cluster, draw):
    """SIGSTOP of one backend, perhaps the one that holds a book."""
    pid = cluster.postgres.backend(draw.pick)
    os.kill(pid, signal.SIGSTOP)
    await asyncio.sleep(draw.hold)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


@fault("database", times=2)
async def disk_full(cluster, draw):
    """The tablespace of the log has no free block."""
    try:
        cluster.disk.fill()
        await asyncio.sleep(draw.hold + 1)
    finally:
        cluster.disk.heal()


disk_full.needs = lambda cluster: no_tmpfs(cluster.disk)


@fault("database")
async def read_only(cluster, draw):
    """As a demoted primary."""
    async def setting(change):
        await cluster.postgres.sql_at_last(f"ALTER SYSTEM {change}")
        await cluster.postgres.sql_at_last("SELECT pg_reload_conf()")
    await setting("SET default_transaction_read_only = on")
    await asyncio.sleep(draw.hold)
    await setting("RESET default_transaction_read_only")


async def changed(cluster, change, back, draw, ends_sessions=True):
    """SQL, and after a while SQL that undoes it. What only counts for new sessions ends the old."""
    try:
        await cluster.postgres.sql(change)
        if ends_sessions:
            await cluster.postgres.end_backends()
        await asyncio.sleep(draw.hold)
    finally:
        await cluster.postgres.sql_at_last(back)


@fault("database")
async def connect_revoked(cluster, draw):
    """The role may not connect any more."""
    await changed(cluster, f"REVOKE CONNECT ON DATABASE {DATABASE} FROM {ROLE}",
                  f"GRANT CONNECT ON DATABASE {DATABASE} TO {ROLE}", draw)


@fault("database")
async def password_wrong(cluster, draw):
    """It was changed and nobody told the ledgers."""
    await changed(cluster, f"ALTER ROLE {ROLE} PASSWORD 'other'",
                  f"ALTER ROLE {ROLE} PASSWORD '{PASSWORD}'", draw)


@fault("database")
async def refused_by_pg_hba(cluster, draw):
    """pg_hba.conf rejects the role."""
    cluster.postgres.write_access("reject")
    try:
        await cluster.postgres.sql("SELECT pg_reload_conf()")
        await cluster.postgres.end_backends()
        await asyncio.sleep(draw.hold)
    finally:
        cluster.postgres.write_access("scram-sha-256")
        await cluster.postgres.sql_at_last("SELECT pg_reload_conf()")


@fault("database")
async def connections_exhausted(cluster, draw):
    """Idle sessions have all that are not reserved."""
    sessions = []
    try:
        await cluster.postgres.end_backends()
        for _ in range(max(1, int(draw.hold / 0.1))):
            while session := await cluster.postgres.idle_session():
                sessions.append(session)
            await asyncio.sleep(0.1)
    finally:
        for session in sessions:
            session.close()


@fault("database")
async def partition_renamed(cluster, draw):
    """The month of the log that takes the events of now."""
    await renamed(cluster, f"positions.{cluster.month}", draw)


@fault("database")
async def partition_detached(cluster, draw):
    """The month of the log that takes the events of now stands beside the log. Attached again with
    its bounds; its CHECK of them spares the scan."""
    month = f"positions.{cluster.month}"
    bounds = await cluster.postgres.sql(
        "SELECT pg_get_expr(relpartbound, oid) FROM pg_class "
        f"WHERE oid = '{month}'::regclass AND relispartition")
    if not bounds:
        raise NotDone(f"{month} is not attached")
    attach = f"ALTER TABLE positions.events ATTACH PARTITION {month} {bounds}"
    await changed(
        cluster, f"ALTER TABLE positions.events DETACH PARTITION {month}",
        "DO $do$ BEGIN IF NOT (SELECT relispartition FROM pg_class "
        f"WHERE oid = '{month}'::regclass) THEN {attach}; END IF; END $do$", draw,
        ends_sessions=False)


@fault("database", times=2)
async def table_renamed(cluster, draw):
    """One that the appends or the projections need."""
    await renamed(cluster, TABLES[int(draw.pick * len(TABLES))], draw)


async def renamed(cluster, table, draw):
    """There and back."""
    name = table.split(".")[1]
    await changed(cluster, f"ALTER TABLE {table} RENAME TO {name}_away",
                  f"ALTER TABLE IF EXISTS {table}_away RENAME TO {name}", draw,
                  ends_sessions=False)


@fault("database")
async def socket_away(cluster, draw):
    """Nothing listens where PostgreSQL should, and the sessions are gone."""
    path = cluster.postgres.folder / ".s.PGSQL.5432"
    await cluster.postgres.end_backends()
    path.rename(path.with_suffix(".away"))
    try:
        end_sessions(cluster)
        await asyncio.sleep(draw.hold)
    finally:
        path.with_suffix(".away").rename(path)


@fault("database")
async def socket_directory_unreadable(cluster, draw):
    """The directory of PostgreSQL's socket, and of the proxy's, has no permission bits, and the
    sessions are gone."""
    folders = [cluster.postgres.folder, cluster.proxy.folder]
    await cluster.postgres.end_backends()
    try:
        for folder in folders:
            folder.chmod(0)
        end_sessions(cluster)
        await asyncio.sleep(draw.hold)
    finally:
        for folder in folders:
            folder.chmod(0o755)


socket_directory_unreadable.needs = lambda cluster: (
    None if cluster.can_be_bound_by_modes
    else "root passes mode bits, and may not give that up here (CAP_SETPCAP)")


def end_sessions(cluster):
    """Those of the ledgers that were quicker than what keeps new ones away."""
    for pid in cluster.postgres.children(f"{ROLE} {DATABASE}"):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


# ---------------------------------------------------------------- the way to it


async def proxied(cluster, command, seconds):
    """Tells the proxy, and after a while the opposite."""
    cluster.proxy.tell(command)
    await asyncio.sleep(seconds)
    cluster.proxy.tell("pass")


@fault("database", times=3)
async def commit_answer_lost(cluster, draw):
    """COMMIT is done, the answer never comes."""
    await proxied(cluster, f"lose {1 + int(draw.amount * 6)}", max(0.5, draw.hold / 2))


@fault("database")
async def network_slow(cluster, draw):
    """Each piece takes its time."""
    await proxied(cluster, f"latency {0.005 + draw.amount * 0.1:.3f}", draw.hold)


@fault("database")
async def network_stalled(cluster, draw):
    """Connections stand and nothing passes."""
    await proxied(cluster, "stall", draw.hold)


@fault("database")
async def network_cut(cluster, draw):
    """Connections are closed, and new ones too."""
    await proxied(cluster, "cut", draw.hold)


@fault("database", times=2)
async def drain_interrupted(cluster, draw):
    """An outage, and a kill -9 of a ledger when it has just ended."""
    cluster.postgres.signal_all(signal.SIGSTOP)
    await asyncio.sleep(draw.hold)
    cluster.postgres.signal_all(signal.SIGCONT)
    await cluster.postgres.start()
    await asyncio.sleep(draw.amount * 0.5)
    await ledger_killed(cluster, dataclasses.replace(draw, hold=0))


# ---------------------------------------------------------------- ledgers and clients


def chosen(many, draw):
    """One of them."""
    return many[int(draw.pick * len(many))]


@fault("processes", times=4)
async def ledger_killed(cluster, draw):
    """kill -9; started again after a while."""
    ledger = chosen(cluster.ledgers, draw)
    async with ledger.lock, ledger.held():
        await ledger.kill()
        await asyncio.sleep(draw.hold / 2)


@fault("processes", times=2)
async def ledger_restarted(cluster, draw):
    """SIGTERM: it finishes what it has taken."""
    ledger = chosen(cluster.ledgers, draw)
    async with ledger.lock, ledger.held():
        await ledger.kill(signal.SIGTERM)


@fault("processes", times=2)
async def ledger_frozen(cluster, draw):
    """SIGSTOP, perhaps while it holds a book."""
    ledger = chosen(cluster.ledgers, draw)
    async with ledger.lock:
        ledger.pause(signal.SIGSTOP)
        await asyncio.sleep(draw.hold)
        ledger.pause(signal.SIGCONT)


@fault("processes", times=4)
async def client_killed(cluster, draw):
    """kill -9; it goes on from its history."""
    client = chosen(cluster.clients, draw)
    await client.kill()
    await asyncio.sleep(draw.hold / 2)
    await client.start()


@fault("processes")
async def client_frozen(cluster, draw):
    """SIGSTOP: it reads no answers."""
    client = chosen(cluster.clients, draw)
    client.process.send_signal(signal.SIGSTOP)
    await asyncio.sleep(draw.hold)
    client.process.send_signal(signal.SIGCONT)


@fault("processes", times=2)
async def outbox_disk_full(cluster, draw):
    """No free block where the outbox of the first ledger is."""
    cluster.outbox_disk_is_full = True
    try:
        cluster.outbox_disk.fill()
        await asyncio.sleep(draw.hold + 1)
    finally:
        cluster.outbox_disk.heal()
        cluster.outbox_disk_is_full = False


outbox_disk_full.needs = lambda cluster: (
    None if cluster.has_outbox else "this ledger has no outbox") or no_tmpfs(cluster.outbox_disk)


# ---------------------------------------------------------------- lanes


def impossible(function, cluster):
    """Why this kind cannot be made here; None if it can."""
    return getattr(function, "needs", lambda _: None)(cluster)


#: Sabotage → the faults that bring it to light.
FAVOURED = {
    "skip-id-check": [commit_answer_lost, network_cut],
    "ack-before-commit": [postmaster_killed, backend_killed],
    "drop-parked": [postmaster_frozen, network_cut, read_only, socket_away],
}


def shuffled(lane, chance, sabotage=None):
    """The deck of a lane, drawn from its end. Of a sabotaged run, three faults of four are those
    that bring the sabotage to light."""
    deck = list(DECKS[lane])
    chance.shuffle(deck)
    favoured = [one for one in FAVOURED.get(sabotage, ()) if one in deck]
    if favoured:
        deck = [one for card in deck for one in (card, *chance.choices(favoured, k=3))]
    return deck


def no_tmpfs(disk):
    """Why a disk cannot be filled; None if it can."""
    return None if disk.is_mounted else f"no tmpfs could be mounted: {disk.reason}"


class Log:
    """Every fault with its time, in a file and in memory."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.records = []
        self.file = open(cluster.folder / "faults.jsonl", "w", encoding="utf-8")  # noqa: SIM115

    @contextlib.contextmanager
    def fault(self, lane, function, draw):
        """Notes one when it is over."""
        drawn = {name: round(value, 4) for name, value in dataclasses.asdict(draw).items()}
        record = dict(kind=title(function), lane=lane, begin=round(self.cluster.now, 3), **drawn)
        try:
            yield
        except (NotDone, ProcessLookupError) as error:
            record["not_done"] = str(error)
        record["end"] = round(self.cluster.now, 3)
        self.records.append(record)
        print(json.dumps(record), file=self.file, flush=True)


async def run_lane(cluster, lane, log, end):
    """Fault after fault until `end`."""
    chance = random.Random(f"{cluster.options.seed} {lane}")
    deck = []
    while cluster.now < end:
        if not deck:
            deck = shuffled(lane, chance, cluster.options.sabotage)
        function, draw = deck.pop(), Draw.of(chance)
        if reason := impossible(function, cluster):
            cluster.skipped[title(function)] = reason
            continue
        left = max(0.1, end - cluster.now)
        with log.fault(lane, function, draw):
            await function(cluster, dataclasses.replace(draw, hold=min(draw.hold, left)))
        await asyncio.sleep(min(draw.gap, left))


async def run(cluster, log, end):
    """Both lanes."""
    await asyncio.gather(*(run_lane(cluster, lane, log, end) for lane in DECKS))
