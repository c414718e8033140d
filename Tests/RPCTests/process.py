"""Processes: a ledger, awaited by its ready line, and a PostgreSQL that may go away."""
import os
import pathlib
import queue
import shutil
import signal
import subprocess
import tempfile
import threading

import grpc

#: Seconds for anything that should take well below one, on a machine that is busy.
WAIT_SECONDS_MAX = 60


class Ledger:
    """`nexus-ledger serve` on a database, a socket and, if it is named, an outbox."""

    def __init__(self, binary, stubs, database, socket, outbox_path):
        self.binary, self.stubs = binary, stubs
        self.database, self.socket, self.outbox_path = database, socket, outbox_path
        self.options = ["--outbox", outbox_path] if outbox_path else ["--no-outbox"]
        self.process = self.channel = self.starter = None
        self._lines = queue.Queue()
        self._errors = socket + ".stderr"

    def command(self):
        """The command line that serves."""
        return [self.binary, "serve", "--database", self.database, "--socket", self.socket,
                *self.options]

    def start(self):
        """Returns when the line "ready …" has come; else fails with what was said instead."""
        with open(self._errors, "wb") as errors:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors,
                preexec_fn=self.starter)
        self._lines = queue.Queue()
        threading.Thread(target=self._read, args=(self.process, self._lines), daemon=True).start()
        said = []
        while True:
            line = self._lines.get(timeout=WAIT_SECONDS_MAX)
            if line is None:
                raise AssertionError(f"no ledger: {said}, {self.errors()}")
            if line.startswith("ready"):
                self.channel = self.connect()
                return self
            said.append(line)

    @staticmethod
    def _read(process, lines):
        for line in process.stdout:
            lines.put(line.decode(errors="replace").rstrip())
        lines.put(None)

    def errors(self):
        """What it has said on standard error."""
        with open(self._errors, encoding="utf-8", errors="replace") as file:
            return file.read()

    def connect(self):
        """Another channel to it, with a connection of its own."""
        return grpc.insecure_channel(
            "unix:" + self.socket, options=[("grpc.use_local_subchannel_pool", 1)])

    @property
    def calls(self):
        """The service Ledger."""
        return self.stubs.ledger_grpc.LedgerStub(self.channel)

    @property
    def health(self):
        """The health service."""
        return self.stubs.health_grpc.HealthStub(self.channel)

    @property
    def operations(self):
        """The service Operations."""
        return self.stubs.ledger_grpc.OperationsStub(self.channel)

    @property
    def outbox(self):
        """The service Outbox."""
        return self.stubs.ledger_grpc.OutboxStub(self.channel)

    @property
    def config(self):
        """The calls about the configuration."""
        return self.stubs.config_grpc.ConfigStub(self.channel)

    def is_alive(self):
        """Whether the process runs."""
        return self.process.poll() is None

    def terminate(self):
        """Asks it to stop; see `wait`."""
        self.process.terminate()

    def wait(self):
        """The exit status, when it has ended."""
        return self.process.wait(timeout=WAIT_SECONDS_MAX)

    def kill(self):
        """As a crash would end it."""
        self.process.kill()
        self.process.wait()

    def close(self):
        """Ends it, if it still runs."""
        if self.channel:
            self.channel.close()
        if self.process and self.is_alive():
            self.terminate()
            try:
                self.wait()
            except subprocess.TimeoutExpired:
                self.kill()
                raise


class Cluster:
    """A PostgreSQL of its own, with an empty database "nexus"."""

    def __init__(self):
        programs = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
        assert programs, "PostgreSQL's programs are not there: run ops/test"
        self.programs = programs[0].parent
        self.folder = tempfile.mkdtemp(prefix="nexus-pg.", dir="/tmp")
        self.data = self.folder + "/data"
        os.chmod(self.folder, 0o755)
        # PostgreSQL refuses to run as root.
        self.account = {}
        if os.getuid() == 0:
            self.account = dict(user="postgres", group="postgres", extra_groups=[])
            shutil.chown(self.folder, "postgres", "postgres")
        self.run("initdb", "--pgdata", self.data, "--username=postgres", "--auth=trust",
                 "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions")
        with open(self.data + "/postgresql.conf", "a", encoding="utf-8") as file:
            file.write(f"listen_addresses = ''\nunix_socket_directories = '{self.folder}'\n"
                       "fsync = off\ntimezone = 'UTC'\njit = off\n"
                       # Ledgers of earlier tests are still there, each with its connections.
                       "max_connections = 300\n")
        self.start()
        self.run("createdb", "--host", self.folder, "--username=postgres",
                 "--template=template0", "nexus")

    @property
    def conninfo(self):
        """Of its database."""
        return f"host={self.folder} user=postgres dbname=nexus"

    def run(self, program, *arguments):
        """One of PostgreSQL's programs; what it says goes nowhere, as servers inherit it."""
        subprocess.run([str(self.programs / program), *arguments], check=True, cwd="/",
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, timeout=WAIT_SECONDS_MAX, **self.account)

    def is_running(self):
        """Whether it was started and not stopped."""
        return os.path.exists(self.data + "/postmaster.pid")

    def start(self):
        """Returns when it takes connections."""
        if not self.is_running():
            self.run("pg_ctl", "start", "--wait", "--pgdata", self.data,
                     "--log", self.folder + "/server.log")

    def stop(self):
        """At once, as if its machine had failed."""
        if self.is_running():
            self.run("pg_ctl", "stop", "--wait", "--mode=immediate", "--pgdata", self.data)

    def processes(self):
        """The postmaster and its children."""
        with open(self.data + "/postmaster.pid", encoding="utf-8") as file:
            first = int(file.readline())
        children = []
        for status in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                after_name = status.read_text(encoding="utf-8").rpartition(")")[2].split()
            except OSError:
                continue  # it has ended
            if int(after_name[1]) == first:
                children.append(int(status.parent.name))
        return [first, *children]

    def signal(self, number):
        """Sends a signal to each of its processes, the postmaster first."""
        for process in self.processes():
            try:
                os.kill(process, number)
            except ProcessLookupError:
                pass

    def pause(self):
        """It answers nothing from now on, and refuses nothing."""
        self.signal(signal.SIGSTOP)

    def resume(self):
        """It goes on."""
        self.signal(signal.SIGCONT)

    def query(self, sql):
        """The rows of a query, each a list of texts."""
        done = subprocess.run(
            [str(self.programs / "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", self.conninfo,
             "-c", sql], check=True, capture_output=True, timeout=WAIT_SECONDS_MAX)
        return [line.split("|") for line in done.stdout.decode().splitlines()]

    def close(self):
        """Ends it and removes what it wrote."""
        if self.is_running():
            self.resume()
            self.stop()
        shutil.rmtree(self.folder)


def environment(name):
    """An environment variable that ops/test sets; a test without it fails rather than passes."""
    value = os.environ.get(name)
    assert value, f"{name} is not set: run ops/test"
    return value
