"""What a run consists of: a private PostgreSQL, a ledger that serves, and commands."""
import asyncio
import contextlib
import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import sys
import types

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "Chaos"))
from cluster import HarnessError, Postgres, ended, send, spawn, until  # noqa: E402

BOOK = "main"
#: Exit code of a command that the ledger was not available for; attempts to append.
UNAVAILABLE, APPENDS_MAX = 1, 5
#: Characters of what is told of a violation.
TEXT_MAX = 1_000
#: Seconds: for a command; for the ledger to serve, and for its projections to reach the head.
COMMAND_MAX, SERVE_MAX, HEAD_MAX = 120, 60, 60
#: The account tables and the others of a generation, as their views are called.
VIEWS = ["positions.active", "positions.legs", "positions.history", "analytics.position_days",
         "analytics.funding_collected", "analytics.daily_pnl", "analytics.trade_stats"]
ROWS = [view + "_rows" for view in VIEWS] + ["positions.quarantine"]
LIVE = ("SELECT l.slot FROM positions.live_slot AS l JOIN positions.books AS b USING (book_id) "
        f"WHERE b.name = '{BOOK}'")


@dataclasses.dataclass
class Done:
    """A command that has ended."""
    command: str
    status: int
    out: str
    err: str

    @property
    def json(self):
        """Its last line."""
        return json.loads(self.out.strip().splitlines()[-1])

    @property
    def lines(self):
        """All its lines, but for one that a kill has cut."""
        found = []
        for line in self.out.splitlines():
            with contextlib.suppress(ValueError):
                found.append(json.loads(line))
        return found

    def __str__(self):
        said = " ".join(self.err.split()) or " ".join(self.out.split())
        return f"{self.command} ended with {self.status}: {said[:500]}"


class Refused(Exception):
    """A command that had to succeed did not."""


def environment():
    """Without what names another ledger or database."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("NEXUS_")}
    return clean | {"SWIFT_BACKTRACE": "enable=no", "NO_COLOR": "1"}


class Stand:
    """All processes of a run, in one folder."""

    def __init__(self, folder, binary, served=None):
        self.folder, self.binary, self.served = folder, binary, served or binary
        disk = types.SimpleNamespace(is_mounted=False, path=folder / "disk")
        self.postgres = Postgres(folder, disk, ledgers=2)
        self.socket, self.log_path = folder / "ledger.sock", folder / "ledger.log"
        self.process = None
        self.violations = []

    def found(self, text):
        """A violation; a reader may see the same one many times."""
        text = text[:TEXT_MAX]
        if text in self.violations:
            return
        self.violations.append(text)
        print(f"VIOLATION: {text}", file=sys.stderr, flush=True)

    def expect(self, is_so, text):
        """A violation unless it is so; says whether it is."""
        if not is_so:
            self.found(text)
        return bool(is_so)

    # -- processes

    async def start(self):
        """PostgreSQL, its schema, and the ledger."""
        await self.postgres.make()
        # Only processes of the ledger are killed here.
        await self.postgres.sql("ALTER SYSTEM SET fsync = off", "postgres")
        await self.postgres.sql("SELECT pg_reload_conf()", "postgres")
        await self.postgres.migrate(self.binary)
        await self.serve()

    async def serve(self):
        """Returns when clients can connect."""
        with open(self.log_path, "ab") as log:
            self.process = await spawn(
                self.served, "serve", "--database", self.postgres.conninfo(), "--socket",
                self.socket, "--no-outbox", "--drift-audit-rate", "0", stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=log, env=environment())
        try:
            async with asyncio.timeout(SERVE_MAX):
                async for line in self.process.stdout:
                    if line.startswith(b"ready"):
                        return
        except TimeoutError:
            pass
        raise HarnessError(f"the ledger does not serve, see {self.log_path}")

    async def kill_ledger(self):
        """kill -9."""
        send(self.process, signal.SIGKILL)
        await ended(self.process)

    async def stop(self):
        """All of it."""
        await self.kill_ledger()
        await self.postgres.stop()

    @property
    def database(self):
        """Options that go to the database, with the folds of the binary."""
        return ["--database", self.postgres.conninfo()]

    @property
    def over_rpc(self):
        """Options that go to the ledger."""
        return ["--socket", str(self.socket)]

    async def begin(self, *command, binary=None, given=None):
        """A process of a command."""
        return await spawn(
            binary or self.binary, *command, env=environment(), stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, stdin=subprocess.PIPE if given else subprocess.DEVNULL)

    async def run(self, *command, binary=None, given=None, seconds=COMMAND_MAX):
        """Runs a command to its end."""
        process = await self.begin(*command, binary=binary, given=given)
        name = " ".join(map(str, command[:2]))
        try:
            async with asyncio.timeout(seconds):
                out, err = await process.communicate(given and given.encode())
        except TimeoutError:
            return Done(name, -1, "", f"did not end within {seconds} s")
        finally:
            send(process, signal.SIGKILL)
            await ended(process)
        return Done(name, process.returncode, out.decode(), err.decode())

    async def must(self, *command, **more):
        """The same; it has to succeed."""
        done = await self.run(*command, **more)
        if done.status:
            raise Refused(str(done))
        return done

    # -- steps with generations, all of the database and as JSON

    async def replay(self, *options, way=None):
        """Until it is ready."""
        done = await self.must("replay", "--json", *options, *(way or self.database))
        self.expect(done.json["phase"] == "ready", f"replay ended in phase {done.json['phase']}")
        return done

    async def compare(self, *options, way=None):
        """The document."""
        return (await self.must("compare", "--json", *options, *(way or self.database))).json

    async def promote(self, digest, slot, way=None):
        """The document."""
        return (await self.must("promote", "--json", "--expect", digest, "--slot", str(slot),
                                *(way or self.database))).json

    async def revert(self, way=None):
        """The document."""
        return (await self.must("revert", "--json", *(way or self.database))).json

    async def retire(self, slot, way=None):
        """Empties a slot, and looks whether it is empty."""
        done = await self.must("retire", "--json", "--slot", str(slot), *(way or self.database))
        await self.check_empty(slot)
        return done.json

    async def check_empty(self, slot):
        """No row and no checkpoint is left."""
        counts = [f"(SELECT count(*) FROM {table} WHERE slot = {slot})" for table in
                  [*ROWS, "positions.projection_checkpoints"]]
        left = await self.sql(f"SELECT {' + '.join(counts)}")
        self.expect(left == "0", f"slot {slot} was retired and still has {left} rows")

    async def clear(self):
        """Retires whatever is not live."""
        for slot in (await self.sql(
                "SELECT slot FROM positions.projection_checkpoints WHERE slot <> "
                f"({LIVE}) ORDER BY slot")).split():
            await self.retire(slot)

    # -- what is there

    async def sql(self, text):
        """The answer of a statement, as the superuser."""
        async def answer():
            return [await self.postgres.sql(text, seconds=30)]
        return (await until(answer, 10, text))[0]

    async def rows(self, text):
        """Rows of a query, as objects."""
        answer = await self.sql(f"SELECT coalesce(json_agg(q), '[]') FROM ({text}) AS q")
        return json.loads(answer, parse_float=str)

    async def live_slot(self):
        """1, 2 or 3."""
        return int(await self.sql(LIVE))

    async def reach_head(self):
        """Waits until the live rows stand at the head."""
        async def is_there():
            return await self.sql(
                "SELECT c.log_position >= h.log_position FROM positions.log_head AS h "
                "JOIN positions.projection_checkpoints AS c USING (book_id) "
                f"WHERE c.slot = ({LIVE})") == "t"
        await until(is_there, HEAD_MAX, "the projections do not reach the head")

    async def append(self, lines):
        """In requests of some lines; again from the beginning if the machine is too busy for
        them, because known events are skipped."""
        given = "\n".join(lines) + "\n"
        for _ in range(APPENDS_MAX):
            done = await self.run("append", "--batch", "50", "-", *self.over_rpc, given=given)
            if done.status != UNAVAILABLE:
                break
        if done.status:
            raise HarnessError(str(done))

    def nothing_differs(self, document, what):
        """A comparison that must find nothing."""
        self.expect(document["rows_compared"] > 0, f"{what}: no row was compared")
        if document["rows"] or document["positions_changed"]:
            self.found(f"{what}: {differences(document)}")


def differences(document):
    """The first differences of a comparison, in words."""
    told = [f"{row['table']} {'/'.join(map(str, row['key'].values()))} {column['column']}: "
            f"{column['before']} → {column['after']}"
            for row in document["rows"] for column in row["columns"]]
    return f"{len(told)} figures differ: {'; '.join(told[:4])}"
