"""A PostgreSQL of its own that logs as much as it can, and a migrated database in it."""

import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile
import time

import pytest

PROGRAMS = pathlib.Path("/usr/lib/postgresql/15/bin")
FAKETIME = pathlib.Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
LEDGER = os.environ.get("NEXUS_LEDGER", "")

# All that could write a statement or its parameters down, on at once.
CHATTY = """
listen_addresses = ''
fsync = off
timezone = 'UTC'
jit = off
max_connections = 60
shared_preload_libraries = 'pg_cron,pg_stat_statements,pgaudit,auto_explain'
cron.database_name = 'nexus'
cron.use_background_workers = on
max_worker_processes = 20
log_statement = 'all'
log_min_duration_statement = 0
log_parameter_max_length = -1
log_duration = on
log_lock_waits = on
log_min_messages = debug1
log_min_error_statement = error
log_error_verbosity = verbose
auto_explain.log_min_duration = 0
auto_explain.log_nested_statements = on
auto_explain.log_verbose = on
auto_explain.log_analyze = on
pgaudit.log = 'all'
pgaudit.log_parameter = on
pg_stat_statements.track = all
track_activities = on
track_functions = all
"""


def as_postgres(command, **options):
    """PostgreSQL does not run as root."""
    if os.geteuid() == 0:
        user = pwd.getpwnam("postgres")
        options |= {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [user.pw_gid]}
    return subprocess.run(
        [str(part) for part in command], check=True, capture_output=True, text=True, cwd="/",
        **options)


class Cluster:
    """A private cluster in a folder of its own, on a Unix socket there."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.data = self.folder / "data"
        self.log = self.folder / "server.log"

    def make(self):
        as_postgres([PROGRAMS / "initdb", "-D", self.data, "-U", "postgres", "--auth=trust",
                     "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"])
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as file:
            file.write(CHATTY + f"unix_socket_directories = '{self.folder}'\n")

    def start(self, clock=None):
        """Starts it, under another clock where one is given, such as '+32d'."""
        environment = dict(os.environ)
        if clock:
            environment |= {"LD_PRELOAD": str(FAKETIME), "FAKETIME": clock,
                            "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        as_postgres([PROGRAMS / "pg_ctl", "start", "-w", "-s", "-D", self.data, "-l", self.log],
                    env=environment)

    def stop(self):
        as_postgres([PROGRAMS / "pg_ctl", "stop", "-w", "-s", "-m", "fast", "-D", self.data])

    def conninfo(self, user="postgres", database="nexus"):
        return f"host={self.folder} user={user} dbname={database}"

    def sql(self, text, user="postgres", database="nexus", check=True):
        """What psql prints of one session; the error instead where it fails and may."""
        found = subprocess.run(
            [PROGRAMS / "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d",
             self.conninfo(user, database), "-f", "-"],
            input=text, capture_output=True, text=True, check=False)
        if check:
            assert found.returncode == 0, found.stderr
            return found.stdout.strip()
        return found.stdout.strip() + found.stderr.strip()

    def ledger(self, *arguments, user="postgres", check=True, environment=None, stdin=""):
        """Runs nexus-ledger against the database."""
        found = subprocess.run(
            [LEDGER, *arguments, "--database", self.conninfo(user)],
            input=stdin, capture_output=True, text=True, check=False,
            env=dict(os.environ) | (environment or {}))
        if check:
            assert found.returncode == 0, f"{arguments}: {found.stdout}{found.stderr}"
        return found

    def log_text(self):
        return self.log.read_text(encoding="utf-8", errors="replace")


@pytest.fixture(scope="module")
def cluster():
    """A migrated cluster, stopped and removed at the end."""
    if not LEDGER:
        pytest.skip("NEXUS_LEDGER names no executable")
    folder = tempfile.mkdtemp(prefix="nexus-database-", dir="/tmp")
    if os.geteuid() == 0:
        user = pwd.getpwnam("postgres")
        os.chown(folder, user.pw_uid, user.pw_gid)
    os.chmod(folder, 0o755)
    made = Cluster(folder)
    try:
        made.make()
        made.start()
        as_postgres([PROGRAMS / "createdb", "-h", folder, "-U", "postgres", "nexus"])
        made.ledger("migrate", "up")
        # The migrations have DDL and roles audited; here it is everything that the tests do.
        for role in ("postgres", "nexus_config", "nexus_positions"):
            made.sql(f"ALTER ROLE {role} SET pgaudit.log = 'all'")
        yield made
    finally:
        subprocess.run([PROGRAMS / "pg_ctl", "status", "-D", made.data], check=False,
                       capture_output=True)
        try:
            made.stop()
        except subprocess.CalledProcessError:
            pass
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def pooler(cluster):
    """PgBouncer in transaction mode before the cluster; its conninfo."""
    program = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
    if not os.path.exists(program):
        pytest.skip("pgbouncer is not installed")
    folder = cluster.folder / "pooler"
    folder.mkdir(exist_ok=True)
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        f"[databases]\nnexus = host={cluster.folder} dbname=nexus user=postgres\n[pgbouncer]\n"
        f"unix_socket_dir = {folder}\nlisten_port = 6432\nauth_type = any\n"
        "pool_mode = transaction\nmax_client_conn = 50\ndefault_pool_size = 5\n"
        "ignore_startup_parameters = extra_float_digits,options\n"
        f"pidfile = {folder}/pid\nlogfile = {folder}/log\n", encoding="utf-8")
    if os.geteuid() == 0:
        user = pwd.getpwnam("postgres")
        os.chown(folder, user.pw_uid, user.pw_gid)
        os.chown(settings, user.pw_uid, user.pw_gid)
    process = as_popen([program, str(settings)])
    try:
        deadline = time.monotonic() + 30
        while not (folder / ".s.PGSQL.6432").exists():
            assert process.poll() is None and time.monotonic() < deadline, "pgbouncer is not up"
            time.sleep(0.05)
        yield f"host={folder} port=6432 user=postgres dbname=nexus"
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=30)


def as_popen(command):
    options = {}
    if os.geteuid() == 0:
        user = pwd.getpwnam("postgres")
        options = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [user.pw_gid]}
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                            cwd="/", **options)
