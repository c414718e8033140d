"""What a run consists of: PostgreSQL, a proxy, ledgers and clients, each a process of ours.

All of them are started from the main thread and end with it, also when it is killed; none of them
shares our terminal's process group, so that Ctrl-C reaches only us.
"""
import asyncio
import contextlib
import ctypes
import datetime
import json
import os
import pathlib
import pwd
import shutil
import signal
import struct
import subprocess
import sys
import time

import history

HERE = pathlib.Path(__file__).resolve().parent
PROGRAMS = pathlib.Path("/usr/lib/postgresql/15/bin")
PR_SET_PDEATHSIG, PR_CAPBSET_DROP = 1, 24
#: What lets root pass the mode bits of files, and what it needs to give that up.
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_SETPCAP = 1, 2, 8
#: What PostgreSQL says last when it lets somebody in.
READY = b"Z\0\0\0\5I"
DATABASE, ROLE, PASSWORD = "chaos", "nexus_positions", "right"
#: The variable in which a debug build of the ledger reads what it is to do wrong.
SABOTAGE = "NEXUS_SABOTAGE"
#: Connections: what is not reserved can be taken away from the ledgers, of which each has some.
RESERVED, OF_A_LEDGER = 10, 20
#: Seconds: for anything that should take well below one; for what a crash recovery may take.
SOON, RECOVERY = 10, 60
_LIBC = ctypes.CDLL(None)


class HarnessError(Exception):
    """The harness itself could not do its work; nothing is said about the ledger."""


class NotDone(Exception):
    """Something that failed this time, with the reason; a fault is then not made."""


async def spawn(*command, dies_with=signal.SIGKILL, is_bound_by_modes=False, **more):
    """A process of ours, in a session of its own; mode bits count for it, also if we are root."""
    def prepare():
        _LIBC.prctl(PR_SET_PDEATHSIG, dies_with)
        if is_bound_by_modes:
            _LIBC.prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE)
            _LIBC.prctl(PR_CAPBSET_DROP, CAP_DAC_READ_SEARCH)
    return await asyncio.create_subprocess_exec(
        *map(str, command), start_new_session=True, preexec_fn=prepare, **more)


def capabilities():
    """Ours, as bits."""
    with open("/proc/self/status", encoding="ascii") as file:
        return int(next(line for line in file if line.startswith("CapEff:")).split()[1], 16)


def can_be_bound_by_modes():
    """Whether mode bits count for what we spawn so."""
    ours = capabilities()
    passes = ours & (1 << CAP_DAC_OVERRIDE | 1 << CAP_DAC_READ_SEARCH)
    return not passes or bool(ours & 1 << CAP_SETPCAP)


async def until(attempt, seconds, what):
    """Calls `attempt` until it returns something true, and returns that."""
    end, why = time.monotonic() + seconds, ""
    while time.monotonic() < end:
        try:
            if found := await attempt():
                return found
        except (NotDone, OSError) as error:
            why = f": {error}"
        await asyncio.sleep(0.05)
    raise HarnessError(f"{what} (waited {seconds:.0f} s{why})")


async def ended(process):
    """Returns when it has ended, however that is brought about."""
    if process and process.returncode is None:
        await process.wait()


def send(process, number):
    """A signal to a process of ours, if it still runs."""
    if process and process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)


class SmallDisk:
    """A tmpfs that can be made as small as what is on it."""

    def __init__(self, path, megabytes):
        self.path, self.size = path, f"{megabytes}m"
        path.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={self.size}", "chaos", path],
                              capture_output=True, text=True, check=False)
        self.is_mounted = done.returncode == 0
        self.reason = done.stderr.strip().splitlines()[0] if done.stderr.strip() else ""

    def resize(self, size):
        """In place; what is on it stays."""
        done = subprocess.run(["mount", "-o", f"remount,size={size}", self.path],
                              capture_output=True, text=True, check=False)
        if done.returncode:
            raise NotDone(done.stderr.strip())

    def fill(self):
        """No block is free, or few are: it cannot become smaller than what is written meanwhile."""
        for spare in (4, 16, 64, 256):
            about = os.statvfs(self.path)
            try:
                return self.resize((about.f_blocks - about.f_bfree + spare) * about.f_frsize)
            except NotDone as error:
                reason = error
        raise reason

    def heal(self):
        """As at first."""
        if self.is_mounted:
            self.resize(self.size)

    def remove(self, copy=None):
        """Unmounts it; what is on it is copied before."""
        if copy and any(self.path.iterdir()):
            shutil.copytree(self.path, copy)
        if self.is_mounted:
            subprocess.run(["umount", "-l", self.path], check=False, capture_output=True)


class Postgres:
    """A cluster with fsync on, on a Unix socket alone; the ledgers' role needs a password."""

    def __init__(self, folder, disk, ledgers):
        self.folder, self.disk = folder / "postgres", disk
        self.connections_max = RESERVED + OF_A_LEDGER * (1 + ledgers)
        self.data, self.log_path = self.folder / "data", folder / "postgres.log"
        self.process = None
        self.account = {}
        if os.geteuid() == 0:  # as whom PostgreSQL refuses to run
            user = pwd.getpwnam("postgres")
            self.account = dict(user=user.pw_uid, group=user.pw_gid, extra_groups=[])

    def conninfo(self, directory=None):
        """For a ledger; `directory` has the socket."""
        return (f"host={directory or self.folder} user={ROLE} password={PASSWORD} "
                f"dbname={DATABASE}")

    async def make(self):
        """initdb, start, database."""
        self.folder.mkdir(mode=0o755)
        spaces = [self.folder] + ([self.disk.path] if self.disk.is_mounted else [])
        for path in spaces if self.account else []:
            shutil.chown(path, self.account["user"], self.account["group"])
        done = await spawn(
            PROGRAMS / "initdb", "--pgdata", self.data, "--username=postgres", "--auth=trust",
            "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions",
            stdout=subprocess.DEVNULL, cwd="/", **self.account)
        if await done.wait():
            raise HarnessError("initdb failed, see above")
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as file:
            file.write(f"""
listen_addresses = ''
unix_socket_directories = '{self.folder}'
max_connections = {self.connections_max}
superuser_reserved_connections = {RESERVED}
shared_buffers = 256MB
fsync = on
wal_writer_delay = 10s  # what a commit has not flushed itself, nobody flushes for it
timezone = 'UTC'
jit = off
log_line_prefix = '%m [%p] %u '
""")
        self.write_access("scram-sha-256")
        await self.start()
        space = ""
        if self.disk.is_mounted:
            await self.sql(f"CREATE TABLESPACE small LOCATION '{self.disk.path}'", "postgres")
            space = "TABLESPACE small"
        for statement in ["CREATE ROLE idler LOGIN", f"CREATE DATABASE {DATABASE} {space}",
                          f"REVOKE CONNECT ON DATABASE {DATABASE} FROM PUBLIC"]:
            await self.sql(statement, "postgres")

    async def migrate(self, binary):
        """The schema, which a superuser makes, and the ledgers' role, which comes with it."""
        process = await spawn(
            binary, "migrate", "up", "--database",
            f"host={self.folder} user=postgres dbname={DATABASE}", stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        said, _ = await process.communicate()
        if process.returncode:
            raise HarnessError(f"migrate up: {said.decode().strip()}")
        for statement in [f"ALTER ROLE {ROLE} PASSWORD '{PASSWORD}'",
                          f"GRANT CONNECT ON DATABASE {DATABASE} TO {ROLE}"]:
            await self.sql(statement, "postgres")

    def write_access(self, method):
        """pg_hba.conf: how the ledgers are let in."""
        with open(self.data / "pg_hba.conf", "w", encoding="utf-8") as file:
            file.write(f"local all {ROLE} {method}\nlocal all all trust\n")

    async def start(self):
        """Returns when it takes connections; a start that fails is tried again."""
        async def is_up():
            if self.process is None or self.process.returncode is not None:
                with open(self.log_path, "ab") as log:
                    self.process = await spawn(
                        PROGRAMS / "postgres", "-D", self.data, dies_with=signal.SIGQUIT,
                        stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd="/",
                        **self.account)
            return await self.sql("SELECT 1", database="postgres", seconds=2) == "1"
        await until(is_up, RECOVERY, f"PostgreSQL does not start, see {self.log_path}")

    async def kill(self):
        """kill -9 of the postmaster."""
        send(self.process, signal.SIGKILL)
        await ended(self.process)

    def children(self, kind=""):
        """pid of the postmaster's children; `kind`: those whose title begins so."""
        found = []
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            with contextlib.suppress(OSError), open(f"/proc/{entry}/stat", encoding="utf-8") as s:
                parent = int(s.read().rsplit(")", 1)[1].split()[1])
                with open(f"/proc/{entry}/cmdline", encoding="utf-8") as file:
                    if parent == self.process.pid and file.read().startswith("postgres: " + kind):
                        found.append(int(entry))
        return sorted(found)

    def backend(self, pick):
        """One that serves a ledger."""
        found = self.children(f"{ROLE} {DATABASE}")
        if not found:
            raise NotDone("no ledger is connected")
        return found[int(pick * len(found))]

    def signal_all(self, number):
        """To the postmaster, and then to all its children."""
        send(self.process, number)
        for pid in self.children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    async def sql(self, text, database=DATABASE, seconds=SOON):
        """Runs statements as the superuser, in spite of most of what we do to PostgreSQL."""
        process = await spawn(
            PROGRAMS / "psql", "-XqtA", "-v", "ON_ERROR_STOP=1", "-h", self.folder, "-U",
            "postgres", "-d", database, "-c", text,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=os.environ | {"PGOPTIONS": "-c default_transaction_read_only=off "
                              f"-c lock_timeout=1s -c statement_timeout={seconds}s"})
        try:
            out, err = await asyncio.wait_for(process.communicate(), seconds + 1)
        except asyncio.TimeoutError:
            process.kill()
            raise NotDone(f"psql did not end: {text}") from None
        if process.returncode:
            raise NotDone(f"psql: {err.decode().strip()}")
        return out.decode().strip()

    async def sql_at_last(self, text):
        """The same, as often as it takes: to heal."""
        async def done():
            await self.sql(text)
            return True
        await until(done, RECOVERY, text)

    async def end_backends(self):
        """pg_terminate_backend of all that serve ledgers."""
        await self.sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                       f"WHERE usename = '{ROLE}'")

    async def idle_session(self):
        """Takes a connection and does nothing with it; None when none is left."""
        reader, writer = await asyncio.open_unix_connection(self.folder / ".s.PGSQL.5432")
        words = b"user\0idler\0database\0postgres\0\0"
        writer.write(struct.pack(">II", len(words) + 8, 196_608) + words)
        answer = b""
        while not answer.endswith(READY):
            piece = await reader.read(4_096)
            if not piece:
                writer.close()
                return None
            answer += piece
        return writer

    async def heal(self):
        """Whatever was done to it is undone."""
        if self.process.returncode is None:
            self.signal_all(signal.SIGCONT)
        self.folder.chmod(0o755)
        self.disk.heal()
        self.write_access("scram-sha-256")
        await self.start()
        await self.sql_at_last("ALTER SYSTEM RESET ALL")
        await self.sql_at_last("SELECT pg_reload_conf()")

    async def stop(self):
        """Immediate shutdown: nothing in it is worth a checkpoint."""
        if self.process and self.process.returncode is None:
            self.signal_all(signal.SIGCONT)
            send(self.process, signal.SIGQUIT)
            await ended(self.process)


class Proxy:
    """The process of proxy.py."""

    def __init__(self, folder, postgres):
        self.folder, self.postgres = folder / "proxy", postgres
        self.process = None

    async def start(self):
        """Returns when it listens."""
        self.folder.mkdir()
        self.process = await spawn(
            sys.executable, HERE, "proxy", self.folder, self.postgres.folder / ".s.PGSQL.5432",
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        await self.process.stdout.readline()

    def tell(self, command):
        """See proxy.py."""
        self.process.stdin.write(command.encode() + b"\n")


class Ledger:
    """`nexus-ledger serve`, started again whenever it has ended, unless it is held."""

    def __init__(self, cluster, number, conninfo, outbox):
        self.cluster, self.number, self.conninfo = cluster, number, conninfo
        self.socket = cluster.folder / f"ledger-{number}.sock"
        self.log_path = cluster.folder / f"ledger-{number}.log"
        self.outbox = outbox
        self.process, self.keeper = None, None
        self.is_ready, self.allowed = asyncio.Event(), asyncio.Event()
        self.allowed.set()
        self.lock = asyncio.Lock()
        #: Our own signals that may have ended it, and ends that were not our doing.
        self.signalled, self.ends, self.failed_starts = False, [], 0
        self.may_fail = False

    def command(self):
        """The command line that serves."""
        command = [self.cluster.binary, "serve", "--database", self.conninfo, "--socket",
                   self.socket]
        if self.outbox:
            command += ["--outbox", self.outbox]
            if self.number == 0 and self.cluster.has_free_min:
                # So that a full disk is SQLite's to find, not the ledger's to avoid.
                command += ["--outbox-disk-free-min", "0"]
        return command

    async def keep(self):
        """Runs as long as the run."""
        environment = {name: value for name, value in os.environ.items() if name != SABOTAGE}
        environment["SWIFT_BACKTRACE"] = "enable=no"  # it outlives a ledger that is killed
        if self.cluster.options.sabotage:
            environment[SABOTAGE] = self.cluster.options.sabotage
        while True:
            await self.allowed.wait()
            self.signalled, self.may_fail = False, self.cluster.outbox_disk_is_full
            with open(self.log_path, "ab") as log:
                self.process = await spawn(
                    *self.command(), is_bound_by_modes=True, stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE, stderr=log, env=environment)
            async for line in self.process.stdout:
                if line.startswith(b"ready"):
                    self.is_ready.set()
            status = await self.process.wait()
            if not self.signalled:
                self.note_end(status)
            self.is_ready.clear()
            await asyncio.sleep(0.2)

    def note_end(self, status):
        """It has ended by itself. A start without PostgreSQL may fail where there is no outbox."""
        how = f"by signal {-status}" if status < 0 else f"with status {status}"
        if self.is_ready.is_set() or status < 0:
            self.ends.append(f"ledger {self.number} ended by itself {how}, "
                             f"see {self.log_path.name}")
        else:
            self.failed_starts += 1
            if self.outbox and not (self.may_fail or self.cluster.outbox_disk_is_full):
                self.ends.append(f"ledger {self.number} did not start: it ended {how}, "
                                 f"see {self.log_path.name}")

    async def kill(self, number=signal.SIGKILL):
        """Ends it by a signal of ours."""
        self.signalled = True
        send(self.process, number)
        try:
            await asyncio.wait_for(ended(self.process), 30)
        except asyncio.TimeoutError:
            self.ends.append(f"ledger {self.number} did not stop within 30 s of a SIGTERM")
            send(self.process, signal.SIGKILL)

    @contextlib.asynccontextmanager
    async def held(self):
        """It is not started again within."""
        self.allowed.clear()
        try:
            yield
        finally:
            self.allowed.set()

    def pause(self, number):
        """SIGSTOP or SIGCONT."""
        send(self.process, number)

    def says(self, word):
        """Whether the word is in its log."""
        return word in self.log_path.read_text(encoding="utf-8", errors="replace")

    async def ask(self, *command, seconds=60, output=subprocess.PIPE):
        """The output of a command that talks to it, or None if it goes to a file."""
        process = await spawn(self.cluster.binary, *command, "--socket", self.socket,
                              stdout=output, stderr=subprocess.PIPE)
        try:
            out, err = await asyncio.wait_for(process.communicate(), seconds)
        except asyncio.TimeoutError:
            process.kill()
            raise NotDone(f"{' '.join(command)} did not end") from None
        if process.returncode:
            raise NotDone(f"{' '.join(command)}: {err.decode().strip()}")
        return out


class Client:
    """The process of clients.py."""

    def __init__(self, cluster, number):
        self.cluster, self.number = cluster, number
        self.history = cluster.folder / f"client-{number}.jsonl"
        self.log_path = cluster.folder / f"client-{number}.log"
        self.process = None

    async def start(self):
        """A first or a further life."""
        options = json.dumps(self.cluster.client_options(self))
        with open(self.log_path, "ab") as log:
            self.process = await spawn(sys.executable, HERE, "client", options,
                                       stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    async def kill(self):
        """kill -9."""
        send(self.process, signal.SIGKILL)
        await ended(self.process)


class Cluster:
    """All of it, in one folder that is removed at the end."""

    def __init__(self, folder, binary, options):
        self.folder, self.binary, self.options = folder, binary, options
        self.begin = time.monotonic()
        self.books = ["main", "desk-2", "desk-3"][:max(1, options.books)]
        self.skipped = {}
        #: What a crash has taken.
        self.gone = []
        self.outbox_disk_is_full = False
        self.has_outbox = "--outbox " in self.help("serve")
        self.has_free_min = "--outbox-disk-free-min" in self.help("serve")
        self.can_be_bound_by_modes = can_be_bound_by_modes()
        self.has_outbox_command = any(
            line.split()[:1] == ["outbox"] for line in self.help().splitlines())
        self.disk = SmallDisk(folder / "disk", 4_096)
        self.outbox_disk = SmallDisk(folder / "outbox-disk", options.outbox_size)
        self.postgres = Postgres(folder, self.disk, options.ledgers)
        self.proxy = Proxy(folder, self.postgres)
        self.ledgers = [self.make_ledger(number) for number in range(options.ledgers)]
        self.clients = [Client(self, number) for number in range(options.clients)]

    def help(self, *command):
        """What --help says."""
        return subprocess.run([self.binary, *command, "--help"], check=True, capture_output=True,
                              text=True).stdout

    def make_ledger(self, number):
        """The even ones reach PostgreSQL through the proxy; the outbox of the first one is on a
        disk that can be filled."""
        conninfo = self.postgres.conninfo(None if number % 2 else self.proxy.folder)
        folder = self.outbox_disk.path if number == 0 else self.folder
        outbox = folder / f"outbox-{number}.sqlite" if self.has_outbox else None
        return Ledger(self, number, conninfo, outbox)

    def client_options(self, client):
        """What clients.py needs to know."""
        return dict(client=client.number, seed=self.options.seed, books=self.books,
                    sockets=[str(ledger.socket) for ledger in self.ledgers],
                    stubs=str(self.folder / "stubs"), history=str(client.history),
                    begin=self.begin, pause=self.options.pause)

    @property
    def now(self):
        """Seconds since the begin, as in the histories."""
        return time.monotonic() - self.begin

    async def start(self):
        """Everything, in its order."""
        await self.postgres.make()
        await self.postgres.migrate(self.binary)
        await self.proxy.start()
        for ledger in self.ledgers:
            ledger.keeper = asyncio.create_task(ledger.keep())
        await self.wait_ready()
        await self.check_sabotage()
        for client in self.clients:
            await client.start()

    async def check_sabotage(self):
        """A release build is not wrong when it is told to be, and a run would prove nothing."""
        async def is_obeyed():
            return all(ledger.says("sabotaged") for ledger in self.ledgers)
        if self.options.sabotage:
            await until(is_obeyed, 2, f"{self.binary} does not obey {SABOTAGE}: its log does not "
                        "say \"sabotaged\"; a debug build is needed")

    async def wait_ready(self):
        """Until every ledger serves."""
        for ledger in self.ledgers:
            try:
                await asyncio.wait_for(ledger.is_ready.wait(), RECOVERY)
            except asyncio.TimeoutError:
                raise HarnessError(f"ledger {ledger.number} does not serve, see "
                                   f"{ledger.log_path}") from None

    async def heal(self):
        """All faults are undone; what should run, runs."""
        self.proxy.tell("pass")
        self.proxy.folder.chmod(0o755)
        await self.postgres.heal()
        with contextlib.suppress(NotDone):
            self.outbox_disk.heal()
        for ledger in self.ledgers:
            ledger.allowed.set()
            ledger.pause(signal.SIGCONT)
        for client in self.clients:
            send(client.process, signal.SIGCONT)
            if client.process.returncode is not None:
                await client.start()

    async def stop(self):
        """Ends every process and takes the disks away. The folder stays."""
        for ledger in self.ledgers:
            if ledger.keeper:
                ledger.keeper.cancel()
        ours = [o.process for o in [*self.clients, *self.ledgers, self.proxy]]
        for process in ours:
            send(process, signal.SIGKILL)
        for process in ours:
            await ended(process)
        await self.postgres.stop()
        self.disk.remove()
        self.outbox_disk.remove(copy=self.folder / "outbox-0")

    @property
    def month(self):
        """The partition that takes the events of now."""
        return "events_" + datetime.datetime.now(datetime.timezone.utc).strftime("y%Ym%m")

    def crashed_clients(self):
        """Those that ended by themselves: a defect of the harness, with the reason."""
        found = []
        for client in self.clients:
            status = client.process.returncode
            done = status == 0 and any("done" in r for r in history.read(client.history))
            if status is not None and not done:
                tail = client.log_path.read_text(encoding="utf-8").strip().splitlines()[-1:]
                found.append(f"client {client.number} ended with {status}: {' '.join(tail)}")
        return found
