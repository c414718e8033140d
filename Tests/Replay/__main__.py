"""`python Tests/Replay`: see ops/replay-check, which is the way to start it.

A build with a bug, for --buggy, is made of a copy of the project, in which the folds alone are
changed:

    git worktree add --detach ../nexus-buggy
    git -C ../nexus-buggy apply "$PWD"/Tests/Replay/bugs/fee-twice.patch
    (cd ../nexus-buggy && swift build --product nexus-ledger)
    NEXUS_LEDGER=.build/debug/nexus-ledger \\
        ops/replay-check --buggy ../nexus-buggy/.build/debug/nexus-ledger --bug fee-twice
    git worktree remove --force ../nexus-buggy

and in the same way with funding-next-day and average-price. None of them has another logicVersion:
that the folds are others is known by their fingerprint, as when somebody forgets to count up.
"""
import argparse
import asyncio
import json
import os
import pathlib
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "Chaos")]
ROOT = HERE.parents[1]
QUICK_POSITIONS, FULL_POSITIONS = 36, 400
QUICK_KILLS, KILLS_A_MINUTE = 2, 4
SHOWN_MAX = 10


def arguments(words):
    """The command line; ops/replay-check says what the options mean."""
    from expected import BUGS
    parser = argparse.ArgumentParser(prog="ops/replay-check", add_help=False)
    parser.add_argument("--seconds", type=int, default=0)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--positions", type=int)
    parser.add_argument("--writers", type=int, default=1)
    parser.add_argument("--buggy", type=pathlib.Path)
    parser.add_argument("--bug", choices=BUGS)
    parser.add_argument("--keep", type=pathlib.Path)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(words)
    if (options.buggy is None) != (options.bug is None):
        parser.error("--buggy and --bug go together")
    options.full = options.seconds > 0
    options.kills = max(QUICK_KILLS, options.seconds * KILLS_A_MINUTE // 60)
    if options.positions is None:
        options.positions = FULL_POSITIONS if options.full else QUICK_POSITIONS
    return options


async def perform(options, folder):
    """One run. Returns what was found, and what was done in words."""
    import book
    import changed
    import kills
    import logics
    from readers import Readers, say
    from stand import HarnessError, Refused, Stand
    from writers import Writers
    binary = os.environ.get("NEXUS_LEDGER", str(ROOT / ".build/debug/nexus-ledger"))
    for path in [binary] + ([options.buggy] if options.buggy else []):
        if not os.access(path, os.X_OK):
            raise HarnessError(f"{path} is not there: run ops/replay-check")
    stand = Stand(folder, binary, options.buggy)
    readers, writers, told = Readers(stand, options.seed), None, []
    begin = time.monotonic()
    try:
        await stand.start()
        await stand.append(book.settled(options.seed, options.positions))
        await stand.reach_head()
        await readers.start()
        writers = Writers(stand, options.seed, options.writers)
        if options.buggy:
            parts = [("two logics", logics.run, (stand, readers, options))]
        else:
            parts = [("rows changed by hand", changed.run, (stand, readers, options)),
                     ("kill -9", kills.run, (stand, options)),
                     ("limits", kills.limits, (stand, options))]
        for name, part, needs in parts:
            say(f"{time.monotonic() - begin:5.0f} s  {name}")
            try:
                told.append(await part(*needs))
            except Refused as error:
                stand.found(f"{name}: {error}")
        await readers.expect(None)
        await writers.stop()
        if not options.buggy:
            await last_comparison(stand)
    finally:
        if writers:
            await writers.cancel()
        await readers.stop()
        await stand.stop()
    told += [readers.summary(), writers.summary(), f"{time.monotonic() - begin:.0f} s"]
    return stand.violations, told


async def last_comparison(stand):
    """What is live in the end is what the log folds to."""
    await stand.clear()
    await stand.reach_head()
    slot = (await stand.replay()).json["slot"]
    stand.nothing_differs(await stand.compare("--slot", str(slot)), "in the end")


def report(options, violations, told, kept):
    """For people, or for programs."""
    if options.json:
        return json.dumps(dict(seed=options.seed, bug=options.bug, done=told,
                               violations=violations, kept=kept))
    lines = [f"seed {options.seed}", *told]
    if violations:
        lines.append(f"{len(violations)} VIOLATIONS")
        lines += [f"  {text}" for text in violations[:SHOWN_MAX]]
        if len(violations) > SHOWN_MAX:
            lines.append(f"  and {len(violations) - SHOWN_MAX} more")
    else:
        lines.append("no violation")
    if kept:
        lines.append(f"the logs are kept in {kept}")
    return "\n".join(lines)


async def until_told(work):
    """Awaits the work, which a signal ends with a clean-up."""
    task = asyncio.current_task()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    return await work


def main():
    """Exit 0: no violation. 1: some. 2: the harness could not do its work. 130: interrupted."""
    options = arguments(sys.argv[1:])
    folder = pathlib.Path(tempfile.mkdtemp(prefix="nexus-replay.", dir="/tmp"))
    folder.chmod(0o711)
    print(f"seed {options.seed}, files in {folder}", file=sys.stderr)
    status = 2
    try:
        violations, told = asyncio.run(until_told(perform(options, folder)))
        status = 1 if violations else 0
        kept = options.keep or (folder if status else None)
        print(report(options, violations, told, str(kept) if kept else None))
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("interrupted", file=sys.stderr)
        status = 130
    except Exception as error:  # 1 would say that there is a violation
        traceback.print_exc()
        print(f"the harness failed: {error}\nits files are kept in {options.keep or folder}",
              file=sys.stderr)
    shutil.rmtree(folder / "postgres", ignore_errors=True)
    if options.keep:
        shutil.copytree(folder, options.keep, dirs_exist_ok=True,
                        ignore=shutil.ignore_patterns("*.sock"))
    if options.keep or status in (0, 130):
        shutil.rmtree(folder)
    return status


if __name__ == "__main__":
    sys.exit(main())
