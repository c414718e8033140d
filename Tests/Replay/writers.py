"""Writers that append stories all the time, whatever is done to the ledger."""
import asyncio
import random
import time

from book import BUSY, lines
from stand import UNAVAILABLE

#: Seconds: pause between two stories, at most; without an acknowledgement.
PAUSE_MAX, SILENCE_MAX = 0.5, 60


class Writers:
    """Each appends one story after the other, with a process a story."""

    def __init__(self, stand, seed, count):
        self.stand, self.seed = stand, seed
        self.chance = random.Random(f"{seed} writers")
        self.is_stopping = False
        self.stories = self.events = self.again = 0
        self.tasks = [asyncio.create_task(self.keep(number)) for number in range(count)]

    async def keep(self, number):
        """Until told to stop; then the story is told to its end."""
        while not self.is_stopping:
            self.stories += 1
            closes = self.chance.random() < 0.7
            await self.tell(lines(self.seed, f"busy {number} {self.stories}", BUSY, closes))
            await asyncio.sleep(PAUSE_MAX * self.chance.random())

    async def tell(self, story):
        """One story."""
        end = time.monotonic() + SILENCE_MAX
        while True:
            done = await self.stand.run(
                "append", "-", *self.stand.over_rpc, given="\n".join(story) + "\n")
            if done.status == 0:
                self.events += len(story)
                return
            if done.status != UNAVAILABLE or time.monotonic() > end:
                self.stand.found(f"a writer: {done}")
                return
            self.again += 1  # known events are skipped
            await asyncio.sleep(0.1)

    async def stop(self):
        """Returns when nothing is open."""
        self.is_stopping = True
        await asyncio.gather(*self.tasks)

    async def cancel(self):
        """At once, also in the midst of a story."""
        for task in self.tasks:
            task.cancel()
        if self.tasks:
            await asyncio.wait(self.tasks)

    def summary(self):
        """In words."""
        return (f"writers appended {self.events:,} events of {self.stories} positions"
                + (f", {self.again} times again" if self.again else ""))
