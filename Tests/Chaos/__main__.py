"""`python Tests/Chaos`: see ops/chaos, which is the way to start it."""
import argparse
import asyncio
import collections
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROTOS = ROOT / "Sources/LedgerRPC/Protos"
#: Seconds that the clients go on after the last heal.
AFTERWARDS = 5
PROGRESS_SECONDS = 15
SHOWN_MAX = 10
#: Clients pause so long that a run has about so many events at most; it keeps some 850 octets of
#: each in memory, and PostgreSQL some 1,000 on its small disk. Events of a round, on average.
EVENTS_MAX, EVENTS_OF_A_ROUND = 2_000_000, 32
PAUSE_MIN = 0.1
#: Sabotage → kinds of violations of which one at least proves that it was found.
SABOTAGES = {
    "skip-id-check": {"doubled"},
    "ack-before-commit": {"lost", "places", "gone"},
    "drop-parked": {"lost"},
}
#: Folders that tell nothing after a run.
USELESS = ["stubs", "proxy", "postgres", "disk", "outbox-disk"]
#: What each kind of violation means.
KINDS = dict(
    lost="acknowledged and not there", doubled="there more than once",
    unsent="there, and no client sent it so", gaps="log positions with gaps or another head",
    versions="versions with gaps, or not the expected ones", times="recorded_at runs backwards",
    order="not in the client's order", places="not at the place that was told",
    parked="parked wrongly or not accounted for", refusals="refused wrongly",
    progress="no progress after the last heal", complaints="found at the end",
    gone="seen in the log and gone after a crash")


def arguments(words):
    """The command line; ops/chaos says what the options mean."""
    parser = argparse.ArgumentParser(prog="ops/chaos", add_help=False)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--ledgers", type=int, default=2)
    parser.add_argument("--books", type=int, default=2, choices=[1, 2, 3])
    parser.add_argument("--pause", type=float)
    parser.add_argument("--outbox-size", type=int, default=2_048)
    parser.add_argument("--falsify", action="store_true")
    parser.add_argument("--sabotage", choices=SABOTAGES)
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("--keep", type=pathlib.Path)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(words)
    if options.pause is None:
        rounds = EVENTS_MAX / EVENTS_OF_A_ROUND
        options.pause = max(PAUSE_MIN, options.clients * options.seconds / rounds)
    return options


def make_stubs(folder):
    """ledger_pb2 and ledger_pb2_grpc, for the clients."""
    from grpc_tools import protoc
    folder.mkdir()
    status = protoc.main(["protoc", f"-I{PROTOS}", f"--python_out={folder}",
                          f"--grpc_python_out={folder}", "ledger.proto"])
    if status:
        raise SystemExit(f"protoc could not read {PROTOS}/ledger.proto")


class Counter:
    """Counts what the histories of the clients tell, as they grow."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.offsets = collections.Counter()
        self.committed = self.buffered = 0
        self.last = 0.0

    def update(self):
        """Reads on where it stopped."""
        for client in self.cluster.clients:
            with open(client.history, "rb") as file:
                file.seek(self.offsets[client.number])
                new = file.read()
            committed = new.count(b'"outcome":"committed"')
            buffered = new.count(b'"outcome":"buffered"')
            self.offsets[client.number] += len(new)
            self.committed += committed
            self.buffered += buffered
            if committed or buffered:
                self.last = self.cluster.now

    async def show(self, log):
        """A line a few times a minute."""
        while True:
            await asyncio.sleep(PROGRESS_SECONDS)
            self.update()
            print(f"{self.cluster.now:5.0f} s  {len(log.records):4} faults  "
                  f"{self.committed:8,} requests committed  {self.buffered:7,} buffered  "
                  f"{self.cluster.now - self.last:4.1f} s since the last", file=sys.stderr)


async def perform(options, folder):
    """One run: start, faults, heal, quiet, check. Returns the report and the log of faults."""
    import faults
    import gather
    import history
    from check import Evidence, examine
    from cluster import Cluster, HarnessError
    binary = os.environ.get("NEXUS_LEDGER", str(ROOT / ".build/release/nexus-ledger"))
    if not os.access(binary, os.X_OK):
        raise HarnessError(f"{binary} is not there: run ops/chaos")
    make_stubs(folder / "stubs")
    cluster = Cluster(folder, binary, options)
    try:
        await cluster.start()
        log = faults.Log(cluster)
        begin = cluster.now
        show = None
        if sys.stderr.isatty():
            show = asyncio.create_task(Counter(cluster).show(log))
        await faults.run(cluster, log, begin + options.seconds)
        await cluster.heal()
        evidence = Evidence(healed_at=cluster.now)
        await asyncio.sleep(AFTERWARDS)
        await gather.wait_quiet(cluster, evidence)
        if show:
            show.cancel()
        if options.falsify:
            history.falsify(cluster.clients[0].history, cluster.books[0], cluster.begin)
        report = examine(await gather.collect(cluster, evidence))
        report.figures["failed_starts"] = sum(one.failed_starts for one in cluster.ledgers)
        report.figures["lasted_s"] = round(cluster.now - begin, 1)
        report.figures["sabotage_found"] = options.sabotage and not SABOTAGES[
            options.sabotage].isdisjoint(report.violations)
        return report, log, cluster
    finally:
        await cluster.stop()


def faults_by_kind(log):
    """kind → [made, not done]"""
    found = collections.defaultdict(lambda: [0, 0])
    for record in log.records:
        found[record["kind"]]["not_done" in record] += 1
    return dict(sorted(found.items()))


def as_json(options, report, log, cluster, kept):
    """Everything, for programs."""
    return json.dumps(dict(
        seed=options.seed, seconds=options.seconds, clients=options.clients,
        ledgers=options.ledgers, sabotage=options.sabotage,
        faults={kind: made for kind, (made, _) in faults_by_kind(log).items()},
        not_done={kind: no for kind, (_, no) in faults_by_kind(log).items() if no},
        skipped=cluster.skipped, **report.figures,
        violations={kind: texts for kind, texts in report.violations.items()}, kept=kept))


def as_text(options, report, log, cluster, kept):
    """The same for people."""
    figures = report.figures
    lines = [f"seed {options.seed}: {options.seconds} s of faults, {options.clients} clients, "
             f"{options.ledgers} ledgers, {len(cluster.books)} books"
             + (f", sabotaged: {options.sabotage}" if options.sabotage else ""), ""]
    kinds = faults_by_kind(log)
    width = max([30, *map(len, kinds)])
    for kind, (made, not_done) in kinds.items():
        lines.append(f"{kind:{width}} {made:6}" + (f"  ({not_done} not done)" if not_done else ""))
    lines.append(f"{'faults':{width}} {sum(made for made, _ in kinds.values()):6}")
    for kind, reason in cluster.skipped.items():
        lines.append(f"skipped: {kind}: {reason}")
    lines.append("")
    for name, value in [
            ("events acknowledged", figures["acknowledged"]),
            ("  first as committed", figures["committed"]),
            ("  first as buffered", figures["buffered"]), ("drained", figures["drained"]),
            ("parked", figures["parked"]), ("lost", figures["lost"]),
            ("doubled", figures["doubled"])]:
        lines.append(f"{name:{width}} {value:8,}")
    if figures["waiting"]:
        lines.append(f"{'still waiting':{width}} {figures['waiting']:8,}")
    for name, value in [
            ("longest without acknowledgement", figures["longest_silence_s"]),
            ("all clients resumed after heal", figures["resumed_after_s"]),
            ("outboxes empty after clients", figures["drained_after_s"])]:
        lines.append(f"{name:{width}} {value:8.2f} s")
    lines.append("answers: " + ", ".join(
        f"{code} {count:,}" for code, count in figures["answers"].items()))
    if figures["refused_for_a_while"]:
        lines.append(f"refused for a while though right: {figures['refused_for_a_while']}")
    if figures["given_up"]:
        lines.append(f"positions whose order is not claimed any more: {figures['given_up']}")
    if figures["failed_starts"]:
        lines.append(f"starts of a ledger that failed while PostgreSQL was away: "
                     f"{figures['failed_starts']}")
    lines.append("")
    for kind, texts in report.violations.items():
        lines.append(f"VIOLATION, {KINDS[kind]}: {len(texts)}")
        lines += [f"  {text}" for text in texts[:SHOWN_MAX]]
        if len(texts) > SHOWN_MAX:
            lines.append(f"  and {len(texts) - SHOWN_MAX} more")
    if not report.violations:
        lines.append("no violation")
    if options.sabotage:
        lines.append("the sabotage was found" if figures["sabotage_found"]
                     else "THE SABOTAGE WAS NOT FOUND")
    if kept:
        lines.append(f"everything is kept in {kept}")
    return "\n".join(lines)


async def until_told(work):
    """Awaits the work, which SIGTERM ends as Ctrl-C does: with a clean-up."""
    task = asyncio.current_task()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    return await work


async def self_test(options):
    """A run of each sabotage, in a process of its own. Exit 0: all were found. 1: one was not. 2: a
    run could not be made."""
    from cluster import spawn
    statuses = []
    for name in SABOTAGES:
        command = [sys.executable, pathlib.Path(__file__).parent, "--json", "--sabotage", name]
        for option in ("seconds", "seed", "clients", "ledgers", "books", "outbox_size", "pause"):
            command += ["--" + option.replace("_", "-"), getattr(options, option)]
        if options.keep:
            command += ["--keep", options.keep / name]
        process = await spawn(*command, dies_with=signal.SIGTERM, stdout=subprocess.PIPE)
        try:
            out, _ = await process.communicate()
        except asyncio.CancelledError:
            process.terminate()
            await process.wait()  # it ends what it has started
            raise
        statuses.append(judged(options, name, process.returncode, out))
    return max(statuses)


def judged(options, name, status, out):
    """The exit code for one run of `self_test`, which it prints a line on."""
    if status not in (0, 1):
        print(f"{name}: the run ended with {status}, see above", flush=True)
        return 2
    report = json.loads(out)
    is_found, kept = report["sabotage_found"], report["kept"]
    found = ", ".join(f"{len(texts):,} {KINDS[kind]}"
                      for kind, texts in report["violations"].items())
    print(f"{name}: {'found' if is_found else 'NOT FOUND'} with "
          f"{sum(report['faults'].values())} faults: {found or 'no violation'}", flush=True)
    if kept and not options.keep:
        if is_found:
            shutil.rmtree(kept)
        else:
            print(f"everything is kept in {kept}", flush=True)
    return 0 if is_found else 1


def main():
    """Exit 0: no violation. 1: some. 2: the harness could not do its work. 130: interrupted."""
    from cluster import HarnessError
    options = arguments(sys.argv[1:])
    if options.self_test:
        try:
            return asyncio.run(until_told(self_test(options)))
        except (KeyboardInterrupt, asyncio.CancelledError):
            return 130
    folder = pathlib.Path(tempfile.mkdtemp(prefix="nexus-chaos.", dir="/tmp"))
    folder.chmod(0o711)
    print(f"seed {options.seed}, files in {folder}", file=sys.stderr)
    status = 2
    try:
        report, log, cluster = asyncio.run(until_told(perform(options, folder)))
        status = 1 if report.violations else 0
        kept = options.keep or (folder if status else None)
        form = as_json if options.json else as_text
        print(form(options, report, log, cluster, str(kept) if kept else None))
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("interrupted", file=sys.stderr)
        status = 130
    except Exception as error:  # 1 would say that there is a violation
        if not isinstance(error, HarnessError):
            traceback.print_exc()
        print(f"the harness failed: {error}\nits files are kept in {options.keep or folder}",
              file=sys.stderr)
    for useless in [*folder.glob("*.sock*"), *map(folder.joinpath, USELESS)]:
        if useless.is_dir():
            shutil.rmtree(useless)
        else:
            useless.unlink(missing_ok=True)
    if options.keep:
        shutil.copytree(folder, options.keep, dirs_exist_ok=True)
    if options.keep or status in (0, 130):
        shutil.rmtree(folder)
    return status


if __name__ == "__main__":
    role, *rest = sys.argv[1:] or [""]
    if role == "client":
        import clients
        clients.main(*rest)
    elif role == "proxy":
        import proxy
        asyncio.run(proxy.run(*rest))
    else:
        sys.exit(main())
