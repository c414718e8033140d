"""The change of sql/examples/zero_downtime, run whole with writers of both releases at work: none
of them fails, no row is lost, and a backfill that is killed goes on where it was.

Needs a PostgreSQL in libpq's variables, and the right to make a database there.
"""
import contextlib
import os
import pathlib
import queue
import random
import subprocess
import sys
import threading

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
STEPS = ROOT / "sql/examples/zero_downtime"
DATABASE = "nexus_zero_downtime"
#: Rows that stand before; what a batch of the slow backfill has, and how long it pauses.
ROWS, BATCH, PAUSE_MS = 2000, 100, 500
#: Seconds after which something that should have come will not.
WAIT_MAX = 30
BASES, QUOTES = ["BTC", "ETH", "SOL", "XRP", "DOGE"], ["USDT", "USDC", "USD"]

sys.path.insert(0, str(ROOT / "ops/tools"))
sys.dont_write_bytecode = True
import idempotence  # noqa: E402


def psql(text, check=True, database=DATABASE):
    """What a session of its own answers; a file is one simple query, as of a migration."""
    done = subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", text],
                          capture_output=True, text=True, timeout=WAIT_MAX)
    if check:
        assert done.returncode == 0, done.stderr
    return done.stdout.strip() if check else done


def step(name, timeout="1s"):
    """Applies a file; gives up on a lock and tries again, as an operator would."""
    text = (STEPS / f"{name}.sql").read_text()
    for _ in range(20):
        done = subprocess.run(
            ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", DATABASE, "-c", text],
            capture_output=True, text=True, timeout=WAIT_MAX,
            env=os.environ | {"PGOPTIONS": f"-c lock_timeout={timeout}"})
        if done.returncode == 0:
            return
        assert "lock timeout" in done.stderr, f"{name}: {done.stderr}"
    raise AssertionError(f"{name}: no lock in 20 attempts")


class Session:
    """A psql that is kept, and told statement after statement."""

    def __init__(self):
        self.process = subprocess.Popen(
            ["psql", "-XqAt", "-v", "VERBOSITY=verbose", "-d", DATABASE], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1)
        self.lines, self.errors = queue.Queue(), queue.Queue()
        for stream, lines in ((self.process.stdout, self.lines),
                              (self.process.stderr, self.errors)):
            threading.Thread(target=lambda s=stream, q=lines: [q.put(line.rstrip("\n"))
                                                               for line in s] and q.put(None),
                             daemon=True).start()

    def send(self, text):
        self.process.stdin.write(text + ";\n")
        self.process.stdin.flush()

    def ask(self, text):
        """The lines that a statement answers."""
        self.send(text)
        self.process.stdin.write("\\echo end of it\n")
        self.process.stdin.flush()
        answer = []
        while (line := self.lines.get(timeout=WAIT_MAX)) != "end of it":
            assert line is not None, f"the session ended: {list(self.errors.queue)}"
            answer.append(line)
        if not self.errors.empty():
            raise AssertionError(f"{text}: {self.errors.get()}")
        return answer

    def close(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait(timeout=WAIT_MAX)


class Writer(threading.Thread):
    """A service of one release. It knows what it was told is committed."""

    def __init__(self, name, release):
        super().__init__(daemon=True)
        self.label, self.release = name, release
        self.random = random.Random(name)
        #: What has been committed: {id: (exchange, base, quote, rate)}.
        self.rows = {}
        self.failure, self.done = None, 0
        self.asked, self.moved = threading.Event(), threading.Semaphore(0)

    def run(self):
        session = Session()
        try:
            while not self.asked.is_set():
                self.write(session)
                self.done += 1
                self.moved.release()
        except Exception as error:
            self.failure = error
            self.moved.release()
        finally:
            session.close()

    def parts(self, base, quote):
        """(columns, values) as the release writes them."""
        if self.release == "old":
            return "symbol", f"'{base}/{quote}'"
        if self.release == "both":
            return "symbol, base, quote", f"'{base}/{quote}', '{base}', '{quote}'"
        return "base, quote", f"'{base}', '{quote}'"

    def write(self, session):
        base, quote = self.random.choice(BASES), self.random.choice(QUOTES)
        rate = self.random.randrange(-10 ** 6, 10 ** 6)
        columns, values = self.parts(base, quote)
        if self.rows and self.random.random() < 0.5:
            key = self.random.choice(list(self.rows))
            session.ask(f"UPDATE example.rates SET ({columns}, rate) = ({values}, {rate}) "
                        f"WHERE rate_id = {key}")
            self.rows[key] = (self.label, base, quote, rate)
        else:
            at = f"to_timestamp({len(self.rows)})"
            key, = session.ask(
                f"INSERT INTO example.rates (exchange, {columns}, rate, funding_at) "
                f"VALUES ('{self.label}', {values}, {rate}, {at}) RETURNING rate_id")
            self.rows[int(key)] = (self.label, base, quote, rate)

    def moves(self, writes=5):
        """Waits until it has written so often again."""
        while self.moved.acquire(blocking=False):
            pass
        for _ in range(writes):
            assert self.moved.acquire(timeout=WAIT_MAX), f"{self.label} does not move"
            assert self.failure is None, f"{self.label}: {self.failure}"

    def stop(self):
        self.asked.set()
        self.join(timeout=WAIT_MAX)
        assert not self.is_alive() and self.failure is None, f"{self.label}: {self.failure}"


@pytest.fixture
def database():
    """A database with the table as it stands before, and its rows."""
    psql(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)", database="postgres")
    psql(f"CREATE DATABASE {DATABASE} TEMPLATE template0", database="postgres")
    try:
        psql((STEPS / "0_before.sql").read_text())
        psql(f"""INSERT INTO example.rates (exchange, symbol, rate, funding_at)
                 SELECT 'old', (ARRAY['BTC/USDT', 'ETH/USDC'])[1 + n % 2], n, to_timestamp(n)
                   FROM generate_series(1, {ROWS}) AS n (n)""")
        yield
    finally:
        psql(f"DROP DATABASE {DATABASE} WITH (FORCE)", database="postgres")


@pytest.fixture
def writers(database):
    """Starts writers by name and release; all of them have ended well in the end."""
    started = []

    def start(name, release):
        writer = Writer(name, release)
        started.append(writer)
        writer.start()
        writer.moves()
        return writer

    yield start
    for writer in started:
        writer.asked.set()
    for writer in started:
        writer.join(timeout=WAIT_MAX)


def standing():
    """{id: (exchange, base, quote, rate)} as the database has it."""
    rows = psql("SELECT rate_id, exchange, base, quote, trunc(rate) FROM example.rates")
    split = [line.split("|") for line in rows.splitlines()]
    return {int(key): (exchange, base, quote, int(rate))
            for key, exchange, base, quote, rate in split}


def constraints():
    return psql("""SELECT string_agg(format('%s: %s', k.conname, pg_get_constraintdef(k.oid)), '; '
                                     ORDER BY k.conname)
                     FROM pg_constraint AS k
                    WHERE k.conrelid = 'example.rates'::regclass""")


def dump():
    done = subprocess.run(["pg_dump", "-s", "-d", DATABASE], capture_output=True, text=True,
                          check=True)
    return [line for line in done.stdout.splitlines() if not line.startswith("\\")]


def started_backfill():
    """A slow backfill, as a process of its own, that has committed a batch."""
    process = subprocess.Popen(
        ["psql", "-XqAt", "-d", DATABASE, "-c", "CALL example.backfill_symbols("
         f"{BATCH}, interval '{PAUSE_MS} ms')"], stderr=subprocess.PIPE, text=True)
    for _ in range(3):
        assert "filled" in process.stderr.readline()
    return process


def progress():
    return [int(x) for x in psql("SELECT last_id, rows_filled, batches FROM example.backfills"
                                 ).split("|")]


def test_the_whole_change_with_writers_at_work(writers):
    before = {key: ("old", *(("ETH", "USDC") if key % 2 else ("BTC", "USDT")), key)
              for key in range(1, ROWS + 1)}
    old = [writers("old-1", "old"), writers("old-2", "old")]
    everybody = list(old)

    def all_move():
        for writer in everybody:
            writer.moves()

    # Who reads for long holds the change up, and only the change.
    reader = Session()
    reader.ask("BEGIN")
    reader.ask("SELECT count(*) FROM example.rates")
    blocked = psql("SET lock_timeout = '100ms'; " + (STEPS / "1_expand.up.sql").read_text(),
                   check=False)
    assert blocked.returncode and "lock timeout" in blocked.stderr
    all_move()
    reader.ask("COMMIT")
    reader.close()

    step("1_expand.up")
    all_move()
    step("2_dual_write.up")
    all_move()
    new = [writers("both-1", "both"), writers("new-1", "new")]
    everybody += new
    all_move()

    # Before the backfill is done, it can not be said that it is.
    too_early = psql((STEPS / "4_validate.up.sql").read_text(), check=False)
    assert too_early.returncode and "base_and_quote_are_given" in too_early.stderr

    step("3_backfill.up")
    process = started_backfill()
    again = psql("CALL example.backfill_symbols()", check=False)
    assert again.returncode and "the backfill runs already" in again.stderr
    process.kill()
    process.wait()
    psql("""SELECT pg_terminate_backend(a.pid, 10000)
              FROM pg_stat_activity AS a
             WHERE a.query LIKE 'CALL example.backfill_symbols%'
               AND a.pid <> pg_backend_pid()""")
    last_id, filled, batches = progress()
    assert BATCH <= last_id < ROWS and filled <= last_id and batches >= 3
    assert psql(f"SELECT count(*) FROM example.rates WHERE rate_id <= {last_id} AND base IS NULL"
                ) == "0", "what it has committed is done"
    assert int(psql("SELECT count(*) FROM example.rates WHERE base IS NULL")) > 0, \
        "and the rest is not"
    all_move()

    resumed = subprocess.run(
        ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", DATABASE, "-c",
         f"CALL example.backfill_symbols({BATCH}, interval '1 ms')"],
        capture_output=True, text=True, timeout=WAIT_MAX)
    assert resumed.returncode == 0, resumed.stderr
    assert f"rows after {last_id} to" in resumed.stderr.splitlines()[0], "it goes on, not anew"
    assert psql("SELECT count(*) FROM example.rates WHERE base IS NULL") == "0"
    assert psql("SELECT finished_at IS NOT NULL FROM example.backfills") == "t"
    all_move()

    step("4_validate.up")
    all_move()
    subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", DATABASE, "-f",
                    str(STEPS / "5_index.up.sql")], check=True, timeout=WAIT_MAX)
    assert psql("SELECT i.indisvalid FROM pg_index AS i WHERE i.indexrelid = "
                "'example.rate_has_one_place_by_parts'::regclass") == "t"
    all_move()

    # The old releases go, and the one that wrote both.
    for writer in [*old, new[0]]:
        writer.stop()
        everybody.remove(writer)
    step("6_contract.up")
    all_move()
    new[1].stop()

    expected = dict(before)
    for writer in [*old, *new]:
        assert writer.done >= 20, f"{writer.label} was at work all the time"
        expected |= writer.rows
    assert standing() == expected
    assert psql("SELECT count(*) FROM pg_attribute WHERE attrelid = 'example.rates'::regclass "
                "AND attname = 'symbol'") == "0"


def test_a_backfill_that_is_cancelled_leaves_no_half_batch(database):
    for name in ("1_expand.up", "2_dual_write.up", "3_backfill.up"):
        step(name)
    process = started_backfill()
    psql("""SELECT pg_cancel_backend(a.pid)
              FROM pg_stat_activity AS a
             WHERE a.query LIKE 'CALL example.backfill_symbols%'
               AND a.pid <> pg_backend_pid()""")
    _, errors = process.communicate(timeout=WAIT_MAX)
    assert "canceling statement due to user request" in errors
    last_id, filled, batches = progress()
    assert (last_id, filled) == (batches * BATCH, batches * BATCH)
    assert psql("SELECT count(*) FROM example.rates WHERE base IS NOT NULL") == str(filled)
    # The lock goes with the session, which ends a moment after its client.
    psql("""SELECT pg_terminate_backend(a.pid, 10000)
              FROM pg_stat_activity AS a
              JOIN pg_locks AS l
                ON l.pid = a.pid
             WHERE l.locktype = 'advisory'""")
    psql("CALL example.backfill_symbols(1000, interval '0')")
    assert progress()[:2] == [ROWS, ROWS]
    psql("CALL example.backfill_symbols()")
    assert progress()[:2] == [ROWS, ROWS]


def test_both_forms_that_differ_are_refused(database):
    step("1_expand.up")
    step("2_dual_write.up")
    done = psql("INSERT INTO example.rates (exchange, symbol, base, quote, rate, funding_at) "
                "VALUES ('x', 'BTC/USDT', 'ETH', 'USDT', 1, now())", check=False)
    assert done.returncode and "symbol BTC/USDT is not base ETH and quote USDT" in done.stderr
    # A row from before that is written for another reason is filled, too.
    psql("UPDATE example.rates SET rate = 5 WHERE rate_id = 1")
    assert psql("SELECT base, quote FROM example.rates WHERE rate_id = 1") == "ETH|USDC"


def test_each_step_runs_twice_and_can_be_taken_back(database):
    def apply(name):
        # CONCURRENTLY is no part of a transaction, neither is a call.
        psql((STEPS / f"{name}.sql").read_text())

    dumps = [dump()]
    names = ["1_expand", "2_dual_write", "3_backfill", "4_validate", "5_index"]
    for name in names:
        apply(f"{name}.up")
        once = dump()
        apply(f"{name}.up")
        assert dump() == once, f"{name} changes something when it is run twice"
        if name == "3_backfill":
            psql("CALL example.backfill_symbols(1000, interval '0')")
        dumps.append(once)
    told = constraints()
    apply("6_contract.up")
    once = dump()
    apply("6_contract.up")
    assert dump() == once
    for name in ("6_contract.down", "2_dual_write.up", "3_backfill.up"):
        apply(name)
    assert constraints() == told
    assert psql("SELECT count(*) FROM example.rates WHERE symbol = base || '/' || quote") == \
        str(ROWS)
    for place in reversed(range(len(names))):
        apply(f"{names[place]}.down")
        apply(f"{names[place]}.down")
        # The order of the columns is another since symbol was taken back.
        assert sorted(line.rstrip(",") for line in dump()) == \
            sorted(line.rstrip(",") for line in dumps[place]), names[place]


@pytest.mark.parametrize("path", sorted(STEPS.glob("[1-9]*.sql")), ids=lambda path: path.name)
def test_each_file_has_the_form_of_a_migration(path):
    text = path.read_text()
    assert idempotence.problems(text) == []
    for word in ("Why", "Locks", "Takes"):
        assert f"-- {word}: " in text
