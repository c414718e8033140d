"""Part 1: a row that was changed by hand is found, mended, and wrong again after going back."""
import dataclasses
import random
from decimal import Decimal

from book import OVER
from readers import Probe, say
from stand import BOOK, LIVE, differences

OF_OVER = (f"position_id IN (SELECT position_id FROM positions.history WHERE book = '{BOOK}' AND "
           f"strategy = '{OVER}')")


@dataclasses.dataclass(frozen=True)
class Kind:
    """A column that is changed: `value` is SQL, and satisfies the constraints of the table."""
    view: str
    column: str
    value: str
    keys: tuple
    where: str = f"strategy = '{OVER}'"

    def __str__(self):
        return f"{self.view}.{self.column}"


KINDS = [
    Kind("positions.legs", "peak_qty", "peak_qty + 1", ("position_id", "leg"), OF_OVER),
    Kind("analytics.position_days", "volume", "volume + 0.000000000000000001",
         ("position_id", "leg", "day")),
    Kind("analytics.funding_collected", "payments", "payments + 1",
         ("position_id", "leg", "month")),
    Kind("analytics.daily_pnl", "volume", "volume + 1000",
         ("day", "strategy", "asset", "venue", "settle")),
    Kind("positions.history", "fills", "fills + 1", ("position_id",)),
    Kind("analytics.trade_stats", "worst", "worst - 0.01", ("strategy", "asset", "settle")),
    Kind("analytics.trade_stats", "wins", "CASE WHEN wins > 0 THEN wins - 1 ELSE wins + 1 END",
         ("strategy", "asset", "settle")),
]


class Change:
    """One row of the live generation that is changed."""

    def __init__(self, stand, kind, key):
        self.stand, self.kind, self.key = stand, kind, key
        self.right = self.wrong = None

    @classmethod
    async def draw(cls, stand, kind, chance):
        """Any row that no writer touches."""
        keys = ", ".join(f"{key}::text" for key in kind.keys)
        rows = await stand.rows(
            f"SELECT {keys} FROM {kind.view} WHERE book = '{BOOK}' AND {kind.where} "
            f"ORDER BY {', '.join(kind.keys)}")
        return cls(stand, kind, chance.choice(rows))

    @property
    def is_it(self):
        """The row's condition."""
        return " AND ".join(f"{name}::text = '{value}'" for name, value in self.key.items())

    @property
    def look(self):
        """What a reader asks."""
        return (f"SELECT trim_scale({self.kind.column}::numeric) FROM {self.kind.view} "
                f"WHERE book = '{BOOK}' AND {self.is_it}")

    async def set(self, value):
        """Of the live generation."""
        await self.stand.sql(
            f"UPDATE {self.kind.view}_rows SET {self.kind.column} = {value} WHERE slot = ({LIVE})"
            f" AND book_id = (SELECT book_id FROM positions.books WHERE name = '{BOOK}')"
            f" AND {self.is_it}")

    async def make(self):
        """By hand."""
        self.right = await self.stand.sql(self.look)
        await self.set(self.kind.value)
        self.wrong = await self.stand.sql(self.look)

    async def shows(self, value, when):
        """Whether the view has it."""
        seen = await self.stand.sql(self.look)
        self.stand.expect(seen == value, f"{self.kind} shows {seen} instead of {value} {when}")

    def is_named(self, row):
        """Whether a row of a comparison is this one."""
        return (row["table"] == self.kind.view and row["kind"] == "changed"
                and row["key"] == self.key and len(row["columns"]) == 1
                and row["columns"][0]["column"] == self.kind.column
                and Decimal(row["columns"][0]["before"]) == Decimal(self.wrong)
                and Decimal(row["columns"][0]["after"]) == Decimal(self.right))


def check_named(stand, document, changes, live, slot):
    """The comparison names these rows and columns and nothing else."""
    what = ", ".join(str(change.kind) for change in changes)
    stand.expect((document["before"]["slot"], document["after"]["slot"]) == (live, slot),
                 f"{what}: slots {document['before']['slot']} and {document['after']['slot']} "
                 f"were compared instead of {live} and {slot}")
    rows = list(document["rows"])
    for change in changes:
        named = [row for row in rows if change.is_named(row)]
        if stand.expect(len(named) == 1, f"{change.kind} of {change.key} was changed by hand from "
                        f"{change.right} to {change.wrong}; named: {differences(document)}"):
            rows.remove(named[0])
    stand.expect(not rows, f"{what}: named besides what was changed by hand: {rows[:3]}")
    wrong = {change.kind.view for change in changes}
    for table in document["tables"]:
        counts = [table["changed"], table["only_before"], table["only_after"]]
        count = sum(change.kind.view == table["table"] for change in changes)
        stand.expect(counts == [count, 0, 0],
                     f"{what}: {table['table']} has {counts} differences instead of {count}")
        columns = {column["column"] for column in table["columns"]}
        expected = {c.kind.column for c in changes if c.kind.view == table["table"]}
        stand.expect(columns == expected, f"{what}: {table['table']} names {columns}")
    stand.expect(wrong <= {table["table"] for table in document["tables"]},
                 f"{what}: not all tables were compared")
    positions = {c.key["position_id"] for c in changes if "position_id" in c.key}
    stand.expect(document["positions_changed"] == len(positions),
                 f"{what}: {document['positions_changed']} positions change instead of "
                 f"{len(positions)}")
    stand.expect(document["net_change"] == {}, f"{what}: net changes {document['net_change']}")


async def one_round(stand, readers, changes, is_last):
    """Change, rebuild, compare, promote, go back, retire. The last time the mended one stays."""
    old = await stand.live_slot()
    for change in changes:
        await change.make()
    slot = (await stand.replay()).json["slot"]
    await readers.expect(Probe(
        {change.look: {old: change.wrong, slot: change.right} for change in changes}))
    document = await stand.compare()
    check_named(stand, document, changes, old, slot)
    await stand.promote(document["digest"], slot)
    stand.expect(await stand.live_slot() == slot, "the promoted slot is not live")
    for change in changes:
        await change.shows(change.right, "after promote")
    await stand.revert()
    stand.expect(await stand.live_slot() == old, "the former slot is not live after revert")
    for change in changes:
        await change.shows(change.wrong, "after revert")
    if is_last:
        again = await stand.compare("--slot", str(slot))
        stand.expect(again["digest"] == document["digest"], "the same differences have the digest "
                     f"{again['digest']} after revert, and had {document['digest']}")
        await refused_promotion(stand, slot)
        await stand.promote(again["digest"], slot)
        old, slot = slot, old
    await readers.expect(None)
    await stand.retire(slot)
    for change in changes:
        if not is_last:
            await change.set(change.right)
        await change.shows(change.right, "at the end")


async def refused_promotion(stand, slot):
    """Nobody promotes what was not looked at."""
    live = await stand.live_slot()
    done = await stand.run("promote", "--expect", "0" * 64, "--slot", str(slot), *stand.database)
    stand.expect(done.status != 0 and done.err.strip(), f"a wrong digest: {done}")
    stand.expect(await stand.live_slot() == live, "a wrong digest was promoted")


async def run(stand, readers, options):
    """One kind in a quick run and each of them in a full one; then all at once."""
    chance = random.Random(f"{options.seed} changed")
    kinds = KINDS if options.full else [chance.choice(KINDS)]
    # Both columns of the sums stand in one row, and a row is changed once.
    left_out = chance.choice(["worst", "wins"])
    rounds = [[kind] for kind in kinds]
    rounds.append([kind for kind in KINDS if kind.column != left_out])
    before = await steps(stand)
    for number, some in enumerate(rounds):
        changes = [await Change.draw(stand, kind, chance) for kind in some]
        say(f"  changed by hand: {', '.join(str(change.kind) for change in changes)}")
        await one_round(stand, readers, changes, number == len(rounds) - 1)
    count = len(rounds)
    taken = {step: number - before.get(step, 0) for step, number in (await steps(stand)).items()}
    expected = dict(rebuilt=count, promoted=count + 1, reverted=count, retired=count)
    stand.expect(taken == expected, f"the audit records {taken} instead of {expected}")
    return f"{sum(map(len, rounds))} rows changed by hand, named, mended and gone back to"


async def steps(stand):
    """How often each step was taken so far."""
    rows = await stand.rows("SELECT step, count(*) AS count FROM positions.generation_steps "
                            "GROUP BY step")
    return {row["step"]: row["count"] for row in rows}
