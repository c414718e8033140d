"""Part 2: kill -9 at every stage, and part 4: a rebuild that is cancelled, throttled or has little
memory."""
import asyncio
import contextlib
import json
import random
import signal
import time

from readers import say
from stand import Done, Refused, ended, send

BUILDING = ("SELECT slot, rebuilt_events AS events FROM positions.projection_checkpoints "
            "WHERE rebuilding_to IS NOT NULL AND retired_at IS NULL")
#: What has all ranges and did not catch up: replay goes on with it, or the ledger did meanwhile.
BEHIND = ("SELECT slot FROM positions.projection_checkpoints "
          "WHERE rebuilding_to IS NULL AND rebuilt_events > 0 AND retired_at IS NULL")
#: Seconds that a rebuild should take at least, so that there are moments in it.
BUILD_SECONDS = 2.0
RATE_TOLERANCE = 0.2


class Watched:
    """A command whose lines are read as they come."""

    def __init__(self, stand, process, name):
        self.stand, self.process, self.name = stand, process, name
        #: (seconds since the start, document)
        self.lines = []
        self.begin = time.monotonic()
        self.news = asyncio.Event()
        self.task = asyncio.create_task(self.read())

    @classmethod
    async def start(cls, stand, *command):
        """Begins it."""
        return cls(stand, await stand.begin(*command), " ".join(command[:1]))

    async def read(self):
        """To its end; a line that a kill has cut is left out."""
        async for line in self.process.stdout:
            with contextlib.suppress(ValueError):
                self.lines.append((time.monotonic() - self.begin, json.loads(line)))
            self.news.set()
        self.news.set()

    async def until(self, is_it, seconds):
        """Waits for a line, the end, or so long; says whether there was such a line."""
        end = time.monotonic() + seconds
        while not any(is_it(line) for _, line in self.lines):
            self.news.clear()
            left = end - time.monotonic()
            if left <= 0 or self.task.done():
                return False
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self.news.wait()
        return True

    async def signal(self, number):
        """Sends it, and awaits the end."""
        send(self.process, number)
        return await self.end()

    async def end(self):
        """What has become of it."""
        err = (await self.process.stderr.read()).decode()
        await ended(self.process)
        await self.task
        out = "\n".join(json.dumps(line) for _, line in self.lines)
        return Done(self.name, self.process.returncode, out, err)


def never(_):
    """No line is waited for."""
    return False


class Kills:
    """Random moments, the same for the same seed."""

    def __init__(self, stand, options):
        self.stand = stand
        self.chance = random.Random(f"{options.seed} kills")
        self.counts = {}

    def count(self, what):
        """For the summary."""
        self.counts[what] = self.counts.get(what, 0) + 1

    async def rate(self, seconds=BUILD_SECONDS):
        """With which a rebuild takes about so long."""
        head = int(await self.stand.sql("SELECT max(log_position) FROM positions.log_head"))
        return max(1, int(head / seconds))

    async def unfinished(self):
        """The rebuild that was begun, if any."""
        self.behind = [row["slot"] for row in await self.stand.rows(BEHIND)]
        rows = await self.stand.rows(BUILDING)
        return rows[0] if rows else None

    def check_resumed(self, before, lines):
        """It goes on where it was."""
        if not lines:
            return
        first = lines[0]
        if first["resumed"] and first["slot"] in self.behind:
            return
        self.stand.expect(first["resumed"] == (before is not None),
                          f"replay says resumed {first['resumed']}, and there was {before}")
        if before:
            self.stand.expect(first["slot"] == before["slot"]
                              and first["events"] >= before["events"],
                              f"{before} was there, and replay begins with slot {first['slot']} "
                              f"and {first['events']} events")

    # -- replay

    async def replays(self, count):
        """Killed again and again while it builds, and once while it catches up."""
        for _ in range(count):
            before = await self.unfinished()
            work = await Watched.start(
                self.stand, "replay", "--json", "--max-rate", str(await self.rate()),
                *self.stand.database)
            await work.until(never, self.chance.uniform(0.1, BUILD_SECONDS))
            done = await work.signal(signal.SIGKILL)
            self.check_resumed(before, done.lines)
            self.count("replay" if done.status < 0 else "replay, too late")
            if done.status == 0:
                await self.stand.clear()
        await self.finish()
        await self.catching_up()

    async def finish(self):
        """Runs it until it is ready: it must be what the live one is."""
        before = await self.unfinished()
        done = await self.stand.replay()
        self.check_resumed(before, done.lines)
        document = await self.stand.compare("--slot", str(done.json["slot"]))
        self.stand.nothing_differs(document, "a rebuild that was killed and resumed")
        await self.stand.clear()

    async def catching_up(self):
        """What was built is ready by then; whoever compares brings it on, and so does replay."""
        work = await Watched.start(
            self.stand, "replay", "--json", "--max-rate", str(await self.rate()),
            *self.stand.database)
        is_there = await work.until(lambda line: line["phase"] == "catching up", 30)
        await work.until(never, self.chance.uniform(0, 0.05))
        done = await work.signal(signal.SIGKILL)
        if not self.stand.expect(is_there and done.lines, f"replay does not catch up: {done}"):
            return
        self.count("replay catching up" if done.status < 0 else "replay catching up, too late")
        slot = done.lines[0]["slot"]
        if self.chance.random() < 0.5:
            before = await self.unfinished()
            again = await self.stand.replay()
            self.check_resumed(before, again.lines)
        document = await self.stand.compare("--slot", str(slot))
        self.stand.nothing_differs(document, "a rebuild that was killed while it caught up")
        await self.stand.clear()

    async def ledger(self):
        """The ledger itself rebuilds, and is killed."""
        work = await Watched.start(
            self.stand, "replay", "--json", "--max-rate", str(await self.rate()),
            *self.stand.over_rpc)
        await work.until(lambda line: line["phase"] == "building", 30)
        await work.until(never, self.chance.uniform(0, BUILD_SECONDS))
        await self.stand.kill_ledger()
        done = await work.end()
        ready = any(line["phase"] == "ready" for line in done.lines)
        self.stand.expect(done.status == (0 if ready else 1), f"the ledger was killed: {done}")
        before = await self.unfinished()
        await self.stand.serve()
        self.count("ledger that rebuilds" if before else "ledger that rebuilds, too late")
        done = await self.stand.replay(way=self.stand.over_rpc)
        self.check_resumed(before, done.lines)
        document = await self.stand.compare(
            "--slot", str(done.json["slot"]), way=self.stand.over_rpc)
        self.stand.nothing_differs(document, "a rebuild by a ledger that was killed")
        await self.stand.clear()

    # -- the other steps

    async def killed(self, longest, *command):
        """Kills a command at any moment of its life; whether it was killed indeed."""
        work = await Watched.start(self.stand, *command, *self.stand.database)
        await work.until(never, self.chance.uniform(0, longest))
        done = await work.signal(signal.SIGKILL)
        self.count(command[0] if done.status < 0 else f"{command[0]}, too late")
        return done

    async def live_is_one_of(self, slots, what):
        """The slot that is live."""
        live = await self.stand.live_slot()
        self.stand.expect(live in slots, f"slot {live} is live after {what} was killed")
        return live

    async def promotions(self, count):
        """Afterwards one of both is live; the same command again promotes it, or says that it is
        live."""
        slots = [await self.stand.live_slot(), (await self.stand.replay()).json["slot"]]
        longest = 1.0
        for _ in range(count):
            old, new = slots
            document = await self.stand.compare("--slot", str(new))
            self.stand.nothing_differs(document, "before a promotion")
            command = ["promote", "--json", "--expect", document["digest"], "--slot", str(new)]
            await self.killed(longest, *command)
            was_done = await self.live_is_one_of(slots, "promote") == new
            begin = time.monotonic()
            done = await self.stand.run(*command, *self.stand.database)
            longest = max(0.05, time.monotonic() - begin)
            if was_done:
                self.stand.expect(done.status != 0 and "live" in done.err,
                                  f"it was done when it was killed: {done}")
            else:
                self.stand.expect(done.status == 0, f"once more after a kill: {done}")
            self.stand.expect(await self.stand.live_slot() == new,
                              f"slot {new} is not live after a promotion was repeated")
            slots.reverse()

    async def reversions(self, count):
        """There is a former one. Twice is once: what was gone back from has to be promoted."""
        longest = 1.0
        for _ in range(count):
            rows = await self.stand.rows("SELECT slot, former_slot FROM positions.live_slot")
            old, new = rows[0]["slot"], rows[0]["former_slot"]
            await self.killed(longest, "revert", "--json")
            if await self.live_is_one_of([old, new], "revert") == old:
                begin = time.monotonic()
                await self.stand.revert()
                longest = max(0.05, time.monotonic() - begin)
            again = await self.stand.run("revert", "--json", *self.stand.database)
            self.stand.expect(again.status != 0 and "already" in again.err,
                              f"it went back twice: {again}")
            self.stand.expect(await self.stand.live_slot() == new,
                              f"slot {new} is not live after revert")
            document = await self.stand.compare("--slot", str(old))
            await self.stand.promote(document["digest"], old)

    async def retirements(self, count):
        """The slot is empty in the end, and can be filled."""
        longest = 1.0
        for _ in range(count):
            slot = int(await self.stand.sql(
                "SELECT min(slot) FROM positions.projection_checkpoints WHERE slot NOT IN "
                "(SELECT slot FROM positions.live_slot)") or (
                    await self.stand.replay()).json["slot"])
            live = await self.stand.live_slot()
            command = ["retire", "--json", "--slot", str(slot)]
            await self.killed(longest, *command)
            await self.live_is_one_of([live], "retire")
            begin = time.monotonic()
            done = await self.stand.run(*command, *self.stand.database)
            longest = max(0.05, time.monotonic() - begin)
            self.stand.expect(done.status == 0 or "is empty" in done.err,
                              f"once more after a kill: {done}")
            await self.stand.check_empty(slot)
        await self.stand.clear()


async def run(stand, options):
    """All stages."""
    kills = Kills(stand, options)
    count = options.kills
    for name, work in [
            ("replay", lambda: kills.replays(count)), ("ledger", kills.ledger),
            ("promote", lambda: kills.promotions(count)),
            ("revert", lambda: kills.reversions(count)),
            ("retire", lambda: kills.retirements(count))]:
        say(f"  kill -9: {name}")
        try:
            await work()
        except Refused as error:
            stand.found(f"after kill -9 of {name}: {error}")
    told = ", ".join(f"{what}: {number}" for what, number in sorted(kills.counts.items()))
    return f"kill -9 of {told}"


# ---------------------------------------------------------------- part 4


async def cancelled(stand, kills):
    """SIGINT ends it with 1, and it goes on later."""
    work = await Watched.start(
        stand, "replay", "--json", "--max-rate", str(await kills.rate(4)), *stand.database)
    await work.until(lambda line: line["events"] > 0, 10)
    done = await work.signal(signal.SIGINT)
    stand.expect(done.status == 1 and done.err.strip(), f"SIGINT: {done}")
    before = await kills.unfinished()
    stand.expect(before is not None and before["events"] > 0,
                 f"a cancelled rebuild keeps what it has; there is {before}")
    await kills.finish()


async def throttled(stand, kills, seconds):
    """So many events a second, measured over the whole."""
    rate = await kills.rate(seconds)
    work = await Watched.start(
        stand, "replay", "--json", "--max-rate", str(rate), *stand.database)
    done = await work.end()
    if not stand.expect(done.status == 0, str(done)):
        return ""
    begin = work.lines[0][0]
    end = next(at for at, line in work.lines if line["phase"] != "building")
    measured = work.lines[0][1]["events_total"] / (end - begin)
    stand.expect(abs(measured / rate - 1) <= RATE_TOLERANCE,
                 f"--max-rate {rate}: {measured:.0f} events a second")
    await stand.clear()
    return f"--max-rate {rate}: {measured:.0f} events/s"


async def memory(stand):
    """Little of it gives the same."""
    slots = []
    for size in ("32M", "512M"):
        slots.append((await stand.replay("--memory", size)).json["slot"])
        document = await stand.compare("--slot", str(slots[-1]))
        stand.nothing_differs(document, f"--memory {size}")
    stand.expect(slots[0] != slots[1], f"both rebuilds are in slot {slots[0]}")
    await stand.clear()


async def limits(stand, options):
    """Part 4."""
    kills = Kills(stand, options)
    say("  cancelled, throttled, with little memory")
    await cancelled(stand, kills)
    told = await throttled(stand, kills, 10 if options.full else 3)
    await memory(stand)
    return f"cancelled and resumed; {told}; --memory 32M and 512M the same"
