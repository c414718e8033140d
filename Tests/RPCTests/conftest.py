"""Stubs made at run time, fresh databases, and ledgers that serve on them."""
import importlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import types
import uuid

import pytest
from grpc_tools import protoc

from events import Position
from process import Cluster, Ledger, environment

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROTOS = ROOT / "Sources/LedgerRPC/Protos"


@pytest.fixture(scope="session")
def binary():
    """The path of nexus-ledger."""
    path = os.environ.get("NEXUS_LEDGER", str(ROOT / ".build/debug/nexus-ledger"))
    assert os.access(path, os.X_OK), f"{path} is not built: run ops/test"
    return path


@pytest.fixture(scope="session")
def stubs():
    """The generated modules of each proto: NAME and NAME_grpc."""
    with tempfile.TemporaryDirectory() as folder:
        names = [proto.name for proto in sorted(PROTOS.glob("*.proto"))]
        status = protoc.main(["protoc", f"-I{PROTOS}", f"--python_out={folder}",
                              f"--grpc_python_out={folder}", *names])
        assert status == 0, f"protoc could not read {names}"
        sys.path.insert(0, folder)
        modules = {short: importlib.import_module(long) for short, long in [
            ("ledger", "ledger_pb2"), ("ledger_grpc", "ledger_pb2_grpc"),
            ("health", "health_pb2"), ("health_grpc", "health_pb2_grpc"),
            ("config", "config_pb2"), ("config_grpc", "config_pb2_grpc")]}
        sys.path.remove(folder)
    return types.SimpleNamespace(**modules)


@pytest.fixture(scope="session")
def pb(stubs):
    """The messages of ledger.proto."""
    return stubs.ledger


def psql(sql):
    """Runs a statement in the cluster of the tests."""
    subprocess.run(["psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-d",
                    environment("NEXUS_TEST_DATABASE"), "-c", sql], check=True)


@pytest.fixture(scope="session")
def make_database(binary):
    """Makes a migrated database and gives its connection string."""
    names = []

    def make():
        name = "t_" + uuid.uuid4().hex
        psql(f"CREATE DATABASE {name} TEMPLATE template0")
        names.append(name)
        conninfo = f"{environment('NEXUS_TEST_DATABASE')} dbname={name}"
        subprocess.run([binary, "migrate", "up", "--database", conninfo], check=True,
                       stdout=subprocess.DEVNULL)
        return conninfo

    yield make
    for name in names:
        psql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def make_ledger(binary, stubs, make_database):
    """Makes ledgers, not started yet: on a database and a socket, or new ones.

    Without an outbox, which would take what a busy machine does not commit within 0.8 s; one has
    it by its path, or by True.
    """
    # Short: a socket's path has 107 bytes.
    folder = tempfile.mkdtemp(prefix="nexus-rpc.", dir="/tmp")
    ledgers = []

    def make(database=None, socket=None, outbox=None):
        socket = socket or f"{folder}/{len(ledgers)}.sock"
        outbox = f"{folder}/{len(ledgers)}.outbox" if outbox is True else outbox
        ledger = Ledger(binary, stubs, database or make_database(), socket, outbox)
        ledgers.append(ledger)
        return ledger

    yield make
    try:
        for ledger in ledgers:
            ledger.close()
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def cluster(binary):
    """A migrated PostgreSQL that tests may stop and start."""
    made = Cluster()
    try:
        subprocess.run([binary, "migrate", "up", "--database", made.conninfo], check=True,
                       stdout=subprocess.DEVNULL)
        yield made
    finally:
        made.close()


@pytest.fixture(scope="session")
def ledger(make_ledger):
    """One that the tests share which only call; each has a book of its own."""
    return make_ledger().start()


@pytest.fixture
def book():
    """A book that no other test uses: its log begins at 1."""
    return "rpc-" + uuid.uuid4().hex[:12]


@pytest.fixture
def position(pb):
    """Makes the events of a position."""
    return Position(pb)
