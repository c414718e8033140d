"""Part 3: the live rows were made by a fold with a bug; the fold without it is compared with them,
and promoted."""
import collections
import random
from decimal import Decimal

import book
import expected
from readers import Probe, say
from stand import BOOK, Done

EVENTS = ("SELECT position_id, version, log_position, event_id, event_type, payload, "
          "(extract(epoch FROM effective_at) * 1000000)::bigint AS at_us "
          "FROM positions.events JOIN positions.books USING (book_id) "
          f"WHERE name = '{BOOK}' AND log_position <= {{}} ORDER BY log_position")
SETTLE = "USDT"
#: Positions that are explained, and that readers look at.
EXPLAINED, PROBED = 5, 2
TOTALS = ("positions.active", "positions.history")


async def streams_of(stand, log_position):
    """position → its events, up to a log position."""
    streams = collections.defaultdict(list)
    for row in await stand.rows(EVENTS.format(log_position)):
        streams[row["position_id"]].append(book.event(row))
    return streams


class Check:
    """A comparison of the live rows, which have the bug, with those that have it not."""

    def __init__(self, stand, document, streams, bug):
        self.stand, self.document = stand, document
        self.bug, self.streams = bug, streams
        self.found = expected.changes(streams, bug)
        #: table → rows that differ
        self.rows = collections.defaultdict(list)
        for row in document["rows"]:
            self.rows[row["table"]].append(row)

    def run(self):
        """All of it."""
        self.stand.expect(self.found, f"the stories show nothing of the bug {self.bug}")
        self.positions()
        self.nets()
        self.days()
        self.daily()

    def positions(self):
        """The right ones, each of them and no other."""
        named = {row["key"]["position_id"] for row in self.document["rows"]
                 if "position_id" in row["key"]}
        for what, some in (("not named", self.found.keys() - named),
                           ("named though nothing changes", named - self.found.keys())):
            self.stand.expect(not some, f"{self.bug}: {len(some)} positions {what}, such as "
                              f"{sorted(some)[:2]}")
        self.stand.expect(self.document["positions_changed"] == len(self.found),
                          f"{self.bug}: {self.document['positions_changed']} positions change "
                          f"instead of {len(self.found)}")

    def nets(self):
        """The net of each position before and after, and the sum of the changes."""
        told = {}
        for table in TOTALS:
            for row in self.rows[table]:
                for column in row["columns"]:
                    if column["column"] == "net":
                        told[row["key"]["position_id"]] = (table, column)
        for position, change in self.found.items():
            nets = change.before.net, change.after.net
            table, column = told.pop(position, (None, dict(before=None, after=None)))
            if nets[0] == nets[1]:
                self.stand.expect(table is None, f"{self.bug}: {position} keeps its net "
                                  f"{nets[0]}, and is told with {column}")
                continue
            seen = tuple(text and Decimal(text) for text in (column["before"], column["after"]))
            home = TOTALS[change.after.is_over]
            self.stand.expect((table, seen) == (home, nets), f"{self.bug}: net of {position} is "
                              f"told as {seen} in {table} instead of {nets} in {home}")
        self.stand.expect(not told, f"{self.bug}: net of others changes too: {list(told)[:3]}")
        whole = sum((change.net for change in self.found.values()), expected.ZERO)
        sums = {SETTLE: whole} if whole else {}
        told = {asset: Decimal(text) for asset, text in self.document["net_change"].items()}
        self.stand.expect(told == sums, f"{self.bug}: net changes by {told} instead of {sums}")

    def days(self):
        """Rows of position_days that come and go, and sums of its columns."""
        before, after, sums = expected.day_changes(self.found)
        for kind, keys in (("only before", before), ("only after", after)):
            told = {(row["key"]["position_id"], row["key"]["leg"], row["key"]["day"])
                    for row in self.rows["analytics.position_days"] if row["kind"] == kind}
            self.stand.expect(told == keys, f"{self.bug}: rows of position_days that are {kind}: "
                              f"{len(told - keys)} too many, {len(keys - told)} missing")
        table = next(table for table in self.document["tables"]
                     if table["table"] == "analytics.position_days")
        told = {column["column"]: Decimal(column["change"][SETTLE])
                for column in table["columns"] if column["change"].get(SETTLE)}
        self.stand.expect(told == sums,
                          f"{self.bug}: position_days change by {told} instead of {sums}")

    def daily(self):
        """Each row of daily_pnl."""
        known = expected.daily_changes(self.found, self.streams)
        told = {}
        for row in self.rows["analytics.daily_pnl"]:
            key = tuple(row["key"][n] for n in ("day", "strategy", "asset", "venue", "settle"))
            some = {column["column"]: (Decimal(column["after"] or 0)
                                       - Decimal(column["before"] or 0))
                    for column in row["columns"]
                    if column["column"] in ("price_pnl", "fees_known", "funding_known")}
            if some := {name: value for name, value in some.items() if value}:
                told[key] = some
        self.stand.expect(told == known, f"{self.bug}: daily_pnl changes by {told} instead of "
                          f"{known}"[:2_000])

    @property
    def settled(self):
        """Positions that change and that no writer touches."""
        return sorted(position for position in self.found
                      if self.streams[position][0].payload["strategy"] != book.BUSY)

    async def explain(self, positions):
        """The first event of each."""
        for position in positions:
            first = expected.first_event(self.streams[position], self.bug)
            done = await self.stand.run("compare", "--json", "--explain", position,
                                        *self.stand.database, *self.stand.over_rpc)
            told = self.told(done)
            self.stand.expect(told == first.id, f"{self.bug}: {position} differs from event "
                              f"{first.id} ({first.type}) on, and explain names {told}: {done}")

    @staticmethod
    def told(done: Done):
        """The event that was named."""
        if done.status:
            return None
        event = done.json["event"]
        return event and event["event_id"]

    def probe(self, positions, live, slot):
        """What readers see of some positions in either generation: in two tables."""
        answers = {}
        for position in positions:
            change = self.found[position]
            sides = {live: change.before, slot: change.after}
            answers[DAYS.format(position)] = {s: days_text(a) for s, a in sides.items()}
            if change.after.is_over:
                answers[NET.format(position)] = {s: plain(a.net) for s, a in sides.items()}
        return Probe(answers)


NET = ("SELECT coalesce(trim_scale(net)::text, 'null') FROM positions.history "
       "WHERE position_id = '{}'")
DAYS = ("SELECT string_agg(concat_ws(' ', leg, day, trim_scale(price_pnl), "
        "coalesce(trim_scale(fees)::text, 'null'), trim_scale(funding)), ',' "
        "ORDER BY leg COLLATE \"C\", day) "
        "FROM analytics.position_days WHERE position_id = '{}'")


def plain(value):
    """As PostgreSQL writes it without trailing zeros."""
    if value is None:
        return "null"
    text = f"{value:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def days_text(account):
    """As DAYS answers."""
    return ",".join(
        f"{leg} {day} {plain(f.price)} {plain(f.fees)} {plain(f.funding)}"
        for (leg, day), f in sorted(account.days.items()))


async def compared(stand, slot, bug):
    """A comparison, checked."""
    document = await stand.compare("--slot", str(slot), "--rows", "100000")
    check = Check(stand, document, await streams_of(stand, document["log_position"]), bug)
    check.run()
    return document, check


async def run(stand, readers, options):
    """Rebuild by the fixed build beside the ledger with the bug, which goes on."""
    chance = random.Random(f"{options.seed} logics")
    live = await stand.live_slot()
    slot = (await stand.replay()).json["slot"]
    say("  compared and explained")
    document, check = await compared(stand, slot, options.bug)
    stand.expect(document["before"]["slot"] == live, f"slot {live} is live, and "
                 f"{document['before']} was compared")
    settled = check.settled
    await check.explain(chance.sample(settled, min(EXPLAINED, len(settled))))
    await readers.expect(check.probe(
        chance.sample(settled, min(PROBED, len(settled))), live, slot))
    say("  promoted, gone back to, and promoted again")
    for is_last in (False, True):
        promoted = await stand.must(
            "promote", "--json", "--expect", document["digest"], "--slot", str(slot),
            "--allow-newer", *stand.database)
        stand.expect(await stand.live_slot() == slot, f"slot {slot} is not live: {promoted}")
        if is_last:
            break
        # The former one is of the other logic: it may be behind, and only its ledger folds it.
        await stand.must("revert", "--json", "--stale", *stand.database)
        stand.expect(await stand.live_slot() == live, f"slot {live} is not live after revert")
        await stand.reach_head()
        document, _ = await compared(stand, slot, options.bug)
    say("  served by the fixed build")
    await stand.kill_ledger()
    stand.served = stand.binary
    await stand.serve()
    await stand.reach_head()
    await readers.expect(None)
    await stand.clear()
    fresh = (await stand.replay()).json["slot"]
    stand.nothing_differs(await stand.compare("--slot", str(fresh)),
                          "after the promotion and a ledger of the fixed build")
    net = plain(sum((change.net for change in check.found.values()), expected.ZERO))
    return (f"{options.bug}: {len(check.found)} positions change, net by {net} {SETTLE}; "
            f"{min(EXPLAINED, len(settled))} explained")
