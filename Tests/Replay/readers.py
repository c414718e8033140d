"""Readers that poll the views all the time, and must never see an error or a mix."""
import asyncio
import random
import subprocess
import sys
import time

from stand import BOOK, LIVE, VIEWS
from cluster import DATABASE, PROGRAMS, spawn

#: Seconds for one statement.
ANSWER_MAX = 20
#: Between two polls, so that readers leave some of a small machine to the others.
PAUSE = 0.005
POLLS = {
    view: f"SELECT count(*), coalesce(sum(log_position), 0) FROM {view} WHERE book = '{BOOK}'"
    for view in VIEWS} | {
    "funding_totals": f"SELECT count(*) FROM analytics.funding_totals WHERE book = '{BOOK}'"}


class ReadError(Exception):
    """PostgreSQL has answered with an error."""


class Session:
    """One connection: a psql that is told statements one by one."""

    def __init__(self, postgres):
        self.postgres, self.process, self.count = postgres, None, 0

    async def open(self):
        """Connects."""
        self.process = await spawn(
            PROGRAMS / "psql", "-XqtA", "-h", self.postgres.folder, "-U", "postgres", "-d",
            DATABASE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    async def ask(self, statement):
        """The lines of the answer."""
        self.count += 1
        mark = f"end of {self.count}"
        self.process.stdin.write(f"{statement};\nSELECT '{mark}';\n".encode())
        lines = []
        while True:
            async with asyncio.timeout(ANSWER_MAX):
                line = await self.process.stdout.readline()
            text = line.decode().rstrip("\n")
            if text == mark:
                break
            if not line or text.startswith(("ERROR", "FATAL", "psql:")):
                raise ReadError(f"{text or 'the connection is gone'}: {statement}")
            lines.append(text)
        return lines

    async def close(self):
        """Disconnects."""
        if self.process and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()


class Probe:
    """Figures that differ between two generations: statement → {slot: its answer}."""

    def __init__(self, answers):
        self.answers = answers
        self.slots = sorted({slot for each in answers.values() for slot in each})

    def seen(self, statement, answer):
        """The slots that have this answer."""
        return {slot for slot, known in self.answers[statement].items() if known == answer}


class Readers:
    """Two connections, one in READ COMMITTED and one in REPEATABLE READ."""

    def __init__(self, stand, seed):
        self.stand = stand
        self.chance = random.Random(f"{seed} readers")
        self.probe = None
        self.polls, self.slowest = 0, 0.0
        self.locks = [asyncio.Lock(), asyncio.Lock()]
        self.sessions, self.tasks, self.is_stopping = [], [], False
        #: Slots that the probes of one poll showed: how often each was seen.
        self.seen = {}

    async def start(self):
        """Both begin."""
        for lock, poll in zip(self.locks, (self.read_committed, self.repeatable_read)):
            session = Session(self.stand.postgres)
            await session.open()
            self.sessions.append(session)
            self.tasks.append(asyncio.create_task(self.keep(session, lock, poll)))

    async def stop(self):
        """Both end, with the poll that they are at."""
        self.is_stopping = True
        if self.tasks:
            await asyncio.wait(self.tasks)
        for session in self.sessions:
            await session.close()
        for task in self.tasks:
            if not task.cancelled() and task.exception():
                self.stand.found(f"a reader ended: {task.exception()!r}")

    async def expect(self, probe):
        """From now on, figures have to be those of one of the probe's slots; None: any. Returns
        when no poll goes on that expects something else."""
        async with self.locks[0], self.locks[1]:
            self.probe = probe

    async def keep(self, session, lock, poll):
        """Polls as long as the run."""
        while not self.is_stopping:
            async with lock:
                begin = time.monotonic()
                try:
                    await poll(session)
                except (ReadError, OSError, TimeoutError) as error:
                    self.stand.found(f"a reader in {poll.__name__}: {error!r}")
                    await session.close()
                    await session.open()
                self.polls += 1
                self.slowest = max(self.slowest, time.monotonic() - begin)
            await asyncio.sleep(PAUSE)

    async def read_committed(self, session):
        """Each statement is one snapshot: it must not mix."""
        name, statement = self.chance.choice(list(POLLS.items()))
        if not await session.ask(statement):
            self.stand.found(f"{name} gave no answer")
        if probe := self.probe:
            asked = list(probe.answers)
            together = ", ".join(f"({one})" for one in [f"{LIVE}", *asked])
            line, = await session.ask(f"SELECT concat_ws('|', {together})")
            slot, *answers = line.split("|")
            self.judge(probe, int(slot), dict(zip(asked, answers)), "a READ COMMITTED statement")

    async def repeatable_read(self, session):
        """A transaction is one snapshot, whatever happens meanwhile."""
        probe = self.probe
        asked = list(probe.answers) if probe else []
        others = self.chance.sample(list(POLLS.values()), 3)
        plan = [LIVE, *asked, *others, *asked]
        self.chance.shuffle(plan)
        await session.ask("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        slot, answers = None, {}
        for statement in plan:
            answer = "\n".join(await session.ask(statement))
            if statement == LIVE:
                slot = int(answer)
            elif statement in asked:
                if answers.setdefault(statement, answer) != answer:
                    self.stand.found(f"a REPEATABLE READ transaction saw {answers[statement]} "
                                     f"and then {answer}: {statement}")
            elif not answer:
                self.stand.found(f"no answer: {statement}")
        await session.ask("COMMIT")
        if probe:
            self.judge(probe, slot, answers, "a REPEATABLE READ transaction")

    def judge(self, probe, slot, answers, who):
        """All figures must be those of the slot that was live in the snapshot."""
        self.seen[slot] = self.seen.get(slot, 0) + 1
        for statement, answer in answers.items():
            if slot not in probe.seen(statement, answer):
                self.stand.found(f"{who} saw slot {slot} live, and {answer!r} instead of "
                                 f"{probe.answers[statement].get(slot)!r}: {statement}")

    def summary(self):
        """In words."""
        return f"{self.polls:,} polls of readers, the slowest {self.slowest * 1000:.0f} ms"


def say(text):
    """Progress."""
    print(text, file=sys.stderr, flush=True)
