"""A small run of the stand, as the role that the ledger has: what ops/replay-check builds on."""
import asyncio
import os
import pathlib
import shutil
import tempfile

import book
from stand import Stand

BINARY = os.environ.get(
    "NEXUS_LEDGER", str(pathlib.Path(__file__).parents[2] / ".build/debug/nexus-ledger"))


async def perform(stand):
    """A book is rebuilt, promoted, gone back from, and emptied."""
    try:
        await stand.start()
        await stand.append(book.settled(1, 6))
        await stand.reach_head()
        slot = (await stand.replay()).json["slot"]
        document = await stand.compare("--slot", str(slot))
        stand.nothing_differs(document, "a rebuild")
        await stand.promote(document["digest"], slot, stand.over_rpc)
        assert await stand.live_slot() == slot
        await stand.must("revert", *stand.database)
        await stand.retire(slot)
    finally:
        await stand.stop()
    assert stand.violations == []


def test_a_generation_goes_through_its_life_as_the_ledgers_role():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="nexus-stand.", dir="/tmp"))
    folder.chmod(0o711)
    try:
        asyncio.run(perform(Stand(folder, BINARY)))
    finally:
        shutil.rmtree(folder)
