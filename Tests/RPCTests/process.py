"""A ledger as a process: started, awaited by its ready line, stopped, killed."""
import os
import queue
import subprocess
import threading

import grpc

#: Seconds for anything that should take well below one, on a machine that is busy.
WAIT_SECONDS_MAX = 60


class Ledger:
    """`nexus-ledger serve` on a database and a socket of its own."""

    def __init__(self, binary, stubs, database, socket):
        self.binary, self.stubs = binary, stubs
        self.database, self.socket = database, socket
        self.process = self.channel = None
        self._lines = queue.Queue()
        self._errors = socket + ".stderr"

    def command(self):
        """The command line that serves."""
        return [self.binary, "serve", "--database", self.database, "--socket", self.socket]

    def start(self):
        """Returns when the line "ready …" has come; else fails with what was said instead."""
        with open(self._errors, "wb") as errors:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors)
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


def environment(name):
    """An environment variable that ops/test sets; a test without it fails rather than passes."""
    value = os.environ.get(name)
    assert value, f"{name} is not set: run ops/test"
    return value
