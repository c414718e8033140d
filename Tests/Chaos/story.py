"""What the clients append: facts that the ledger has to take, the same for the same seed."""
import dataclasses
import json
import pathlib
import random
import sys
import uuid
from fractions import Fraction

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "RPCTests"))
from arbitrage import text  # noqa: E402
from events import DAY, DAY_ONE, MINUTE, Position, derived_id, micros  # noqa: E402

NAMESPACE = uuid.UUID("a4bb0d9e-6d1c-5b0f-9d53-3c1f7c6e2f10")
HOUR = 60 * MINUTE
#: What happens to a position, and how often.
KINDS = dict(trade=60, funding=12, mark=10, charge=6, foreign_fee=4, correction=4, adjustment=4)
DERIVED = {"leg_fill_recorded", "funding_recorded", "event_voided"}
VENUES = dict(long="v1", short="v2")


def name_id(*parts):
    """An id that is the same in each run."""
    return str(uuid.uuid5(NAMESPACE, " ".join(map(str, parts))))


def canonical(payload):
    """RFC 8785 of what we send (ASCII, no floats): what the ledger must store, byte for byte."""
    return json.dumps(payload, sort_keys=True, separators=(",", ":"))


@dataclasses.dataclass
class Fact:
    """One event as it is sent. The marker, its correlation_id, is of this one sending alone: two
    clients that report the same fact have the same event_id and two markers."""
    position: str
    type: str
    at_us: int
    source: str
    actor: str
    payload: str
    event_id: str
    marker: str = ""
    #: expected_version: absent unless the client claims to know it.
    expected: int = None

    def message(self, pb):
        """For an AppendRequest. Half of the ids that the ledger derives are left out."""
        is_left_out = self.type in DERIVED and int(self.marker[-1], 16) % 2
        return pb.NewEvent(
            position_id=self.position, type=self.type, effective_at_us=self.at_us,
            source=self.source, actor=self.actor, payload=self.payload.encode(),
            event_id="" if is_left_out else self.event_id, correlation_id=self.marker,
            expected_version=self.expected)

    def changed(self, **members):
        """The same fact by its id, with another content."""
        payload = json.loads(self.payload) | members
        return dataclasses.replace(self, payload=canonical(payload), expected=None)


class Story(Position):
    """The life of one two-leg position; `facts` is drawn from the seed and the position's id."""

    def __init__(self, seed, position_id, kinds=None, length=None, closes=0.7):
        super().__init__(None, position_id)
        self.chance = random.Random(f"{seed} {position_id}")
        self.kinds = KINDS if kinds is None else kinds
        self.length = length or self.chance.randrange(15, 120)
        self.closes = closes
        self.held = dict(long=Fraction(0), short=Fraction(0))
        self.made = self.trades = 0
        self.hours = dict(long=0, short=0)
        #: (id, arguments of `traded`) of fills that may still be corrected.
        self.fills = []

    def event(self, kind, at, payload, **more):
        """A fact instead of a message; its id is the one that the ledger must give it."""
        self.made += 1
        venue = VENUES.get(payload.get("leg"))
        if kind == "leg_fill_recorded":
            parts = [payload["trade_id"], payload["side"], 0]
            parts += [payload["replaces"]] if "replaces" in payload else []
            event_id = derived_id("fill", venue, "acc", self.instrument(payload["leg"]), *parts)
        elif kind == "funding_recorded":
            event_id = derived_id("funding", venue, "acc", self.instrument(payload["leg"]),
                                  payload["funding_time"], 0)
        elif kind == "event_voided":
            event_id = derived_id("void", payload["target_event_id"])
        else:
            event_id = name_id(self.id, self.made)
        return Fact(self.id, kind, micros(at), more.get("source", "venue_ws"),
                    more.get("actor", ""), canonical(payload), event_id)

    def facts(self):
        """In the order in which they have to be appended."""
        yield self.opened()
        for step in range(self.length):
            at = DAY_ONE + (step + 1) * MINUTE
            if self.chance.random() < 0.05:  # a late fact: the stream is folded afresh
                at -= self.chance.randrange(step + 1) * MINUTE
            kind, = self.chance.choices(list(self.kinds), self.kinds.values())
            yield from getattr(self, kind)(at)
        if self.chance.random() < self.closes:
            yield from self.ending()

    def leg_name(self):
        """Either leg."""
        return self.chance.choice(["long", "short"])

    def amount(self, low, high, places):
        """A decimal."""
        unit = 10**places
        return Fraction(self.chance.randrange(low * unit, high * unit) + 1, unit)

    def trade(self, at):
        """A fill that opens or closes a part."""
        leg = self.leg_name()
        held = self.held[leg]
        shrinks = held > 0 and self.chance.random() < 0.4
        qty = min(held, self.amount(0, 2, 3)) if shrinks else self.amount(0, 2, 3)
        yield self.traded(at, leg, qty, shrinks)

    def traded(self, at, leg, qty, shrinks, trade_id=None, **members):
        """One fill."""
        self.held[leg] += -qty if shrinks else qty
        self.trades += 1
        trade_id = trade_id or str(self.trades)
        side = "buy" if (leg == "long") != shrinks else "sell"
        fact = self.fill(trade_id, side, text(qty), text(self.amount(90, 110, 2)), at=at, leg=leg,
                         payload=dict(fee=text(self.amount(0, 1, 6))) | members)
        self.fills.append((fact.event_id, (at, leg, qty, shrinks, trade_id)))
        return fact

    def foreign_fee(self, at):
        """A fill whose fee is in a third asset, and what that is worth."""
        fact = self.traded(at, self.leg_name(), self.amount(0, 1, 3), False, fee_asset="BNB")
        yield fact
        yield self.event("fee_valued", at, dict(
            target_event_id=fact.event_id, rate=text(self.amount(500, 600, 2)), source="chaos"))

    def correction(self, at):
        """A fill is voided and replaced by one with another price."""
        if not self.fills:
            return
        event_id, (then, leg, qty, shrinks, trade_id) = self.fills.pop(
            self.chance.randrange(len(self.fills)))
        self.held[leg] -= -qty if shrinks else qty
        yield self.event("event_voided", at, dict(target_event_id=event_id, reason="busted"),
                         source="manual", actor="chaos")
        yield self.traded(then, leg, qty, shrinks, trade_id, replaces=event_id)

    def funding(self, at, amount=None, leg=None):
        """A payment; each of a leg is of another hour."""
        if leg is not None:  # as Position has it
            return super().funding(at, amount, leg)
        return [self.paid(self.leg_name())]

    def paid(self, leg):
        """The payment of the leg's next hour."""
        self.hours[leg] += 1
        return super().funding(DAY_ONE + self.hours[leg] * HOUR,
                               text(self.amount(0, 3, 4) - 1), leg)

    def mark(self, at):
        """mark_recorded."""
        yield self.event("mark_recorded", at, dict(
            leg=self.leg_name(), px=text(self.amount(90, 110, 2))))

    def charge(self, at):
        """fee_recorded."""
        yield self.event("fee_recorded", at, dict(
            leg=self.leg_name(), amount=text(self.amount(0, 1, 4)), asset="USDT",
            category="other"))

    def adjustment(self, at):
        """adjustment_recorded: cash alone, which no fold refuses."""
        yield self.event("adjustment_recorded", at, dict(
            leg=self.leg_name(), category="chaos", reason="drawn",
            cash_delta=text(self.amount(0, 2, 2) - 1)), source="manual", actor="chaos")

    def ending(self):
        """All legs flat, position_closed, and a payment that comes late."""
        at = DAY_ONE + 3 * DAY
        yield self.event("close_requested", at, dict(reason="drawn"))
        for leg, held in self.held.items():
            if held > 0:
                yield self.traded(at + MINUTE, leg, held, True)
        yield self.event("position_closed", at + 2 * MINUTE, dict(reason="take_profit"))
        yield self.paid("short")


def shared(seed, book, generation):
    """A position that all clients report, each of them every fact."""
    return Story(seed, name_id(seed, "shared", book, generation), kinds=dict(trade=1), length=60,
                 closes=0)
