"""What a fold with a bug must change, worked out apart from the ledger: in Decimal, from events.

Knows what the stories of book.py have: linear legs that settle in one asset, fills, fees in that
asset or valued in it, funding, cash adjustments, marks, voids and corrections.
"""
import collections
import dataclasses
import datetime
import decimal
from decimal import Decimal

#: The bugs that bugs/*.patch introduce.
BUGS = ("fee-twice", "funding-next-day", "average-price")
EXACT = decimal.Context(prec=120, rounding=decimal.ROUND_HALF_EVEN)
decimal.setcontext(EXACT)  # sums of this thread too
UNIT = Decimal(1).scaleb(-18)
ZERO = Decimal(0)
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
DAY = datetime.timedelta(days=1)


def rounded(value):
    """Half-even to 18 places, as accounting.md §1 has it."""
    return value.quantize(UNIT, context=EXACT)


def product(*factors):
    """Rounded once."""
    whole = Decimal(1)
    for factor in factors:
        whole = EXACT.multiply(whole, factor)
    return rounded(whole)


def quotient(value, *divisors):
    """value ÷ all divisors, rounded once."""
    below = Decimal(1)
    for divisor in divisors:
        below = EXACT.multiply(below, divisor)
    return rounded(EXACT.divide(value, below))


def total(values):
    """Their sum, null as 0."""
    return sum((value for value in values if value is not None), ZERO)


@dataclasses.dataclass(frozen=True)
class Event:
    """An event of the log."""
    position: str
    version: int
    log_position: int
    id: str
    type: str
    at_us: int
    payload: dict

    @property
    def order(self):
        """accounting.md §4: position_opened, then (effective_at, version)."""
        return (self.type != "position_opened", self.at_us, self.version)


@dataclasses.dataclass
class Figures:
    """Of a leg, or of a day of it."""
    price: Decimal = ZERO
    fees_known: Decimal = ZERO
    unvalued: int = 0
    funding: Decimal = ZERO
    adjustments: Decimal = ZERO

    @property
    def fees(self):
        """None while one is not valued."""
        return None if self.unvalued else self.fees_known

    @property
    def net(self):
        """None while a fee is not valued."""
        if self.fees is None:
            return None
        return self.price - self.fees + self.funding + self.adjustments

    @property
    def seen(self):
        """What a row shows of it."""
        return (self.price, self.fees, self.funding, self.adjustments, self.net)


class Leg:
    """The fold of one leg."""

    def __init__(self, terms, bug):
        self.terms, self.bug = terms, bug
        self.multiplier = Decimal(terms["multiplier"])
        self.qty = self.cost = ZERO
        self.all = Figures()
        self.days = collections.defaultdict(Figures)
        #: For the average of prices: those of all fills that did not reduce.
        self.entries = []

    def fill(self, payload, day, rate):
        """leg_fill_recorded."""
        qty, px = Decimal(payload["qty"]), Decimal(payload["px"])
        side = 1 if payload["side"] == "buy" else -1
        if self.qty * side >= 0:
            self.entries.append(px)
        self.book(day, "price", self.trade(side, qty, product(qty, self.multiplier, px)))
        self.fee(day, Decimal(payload["fee"]), payload["fee_asset"],
                 rate or payload.get("fee_rate"))

    def trade(self, side, qty, value):
        """Returns what it realised."""
        held = abs(self.qty)
        if self.qty * side >= 0:
            self.increase(side, qty, value)
            return ZERO
        if qty <= held:
            return self.reduce(qty, held, value)
        closing = min(quotient(EXACT.multiply(value, held), qty), value)
        realized = self.reduce(held, held, closing)
        self.increase(side, qty - held, value - closing)
        return realized

    def increase(self, side, qty, value):
        """Opens, or adds."""
        self.qty += side * qty
        self.cost += value

    def reduce(self, qty, held, value):
        """Takes a part of the cost out, or all of it."""
        side = 1 if self.qty > 0 else -1
        released = self.released(qty, held)
        self.cost -= released
        self.qty -= side * qty
        return side * (value - released)

    def released(self, qty, held):
        """The cost that leaves with a part of what is held."""
        if qty == held:
            return self.cost
        if self.bug == "average-price" and self.entries:
            average = quotient(sum(self.entries, ZERO), Decimal(len(self.entries)))
            return min(product(qty, self.multiplier, average), self.cost)
        return quotient(EXACT.multiply(self.cost, qty), held)

    def fee(self, day, amount, asset, rate):
        """In the settle asset, or valued in it, or not valued."""
        if asset != self.terms["settle"] and amount:
            if rate is None:
                self.all.unvalued += 1
                self.days[day].unvalued += 1
                return
            amount = product(amount, Decimal(rate))
        self.book(day, "fees_known", amount * 2 if self.bug == "fee-twice" else amount)

    def pay(self, payload):
        """funding_recorded, on the day of its settlement."""
        assert payload["asset"] == self.terms["settle"], "funding in another asset"
        at = datetime.datetime.fromisoformat(payload["funding_time"].replace("Z", "+00:00"))
        day = (at + DAY if self.bug == "funding-next-day" else at).strftime("%Y-%m-%d")
        self.book(day, "funding", Decimal(payload["amount"]))

    def book(self, day, name, amount):
        """Adds to the leg and to its day, whose row is made if need be."""
        for figures in (self.all, self.days[day]):
            setattr(figures, name, getattr(figures, name) + amount)


class Account:
    """The fold of the events of one position, or of its first ones."""

    def __init__(self, events, bug=None):
        voided = {e.payload["target_event_id"] for e in events if e.type == "event_voided"}
        live = sorted((e for e in events if e.id not in voided), key=lambda e: e.order)
        self.rates = {e.payload["target_event_id"]: e.payload["rate"]
                      for e in live if e.type == "fee_valued"}
        self.legs = {leg["leg"]: Leg(leg, bug) for leg in live[0].payload["legs"]}
        self.peak = ZERO
        self.has_closed = False
        for event in live:
            self.apply(event)
            self.peak = max(self.peak, sum((leg.cost for leg in self.legs.values()), ZERO))

    def apply(self, event):
        """One event."""
        payload, leg = event.payload, self.legs.get(event.payload.get("leg"))
        day = (EPOCH + datetime.timedelta(microseconds=event.at_us)).strftime("%Y-%m-%d")
        if event.type == "leg_fill_recorded":
            leg.fill(payload, day, self.rates.get(event.id))
        elif event.type == "funding_recorded":
            leg.pay(payload)
        elif event.type == "fee_recorded":
            leg.fee(day, Decimal(payload["amount"]), payload["asset"],
                    self.rates.get(event.id, payload.get("fee_rate")))
        elif event.type == "adjustment_recorded":
            assert not payload.get("qty_delta") and not payload.get("cost_delta"), event.id
            leg.book(day, "adjustments", Decimal(payload.get("cash_delta") or 0))
        elif event.type == "position_closed":
            self.has_closed = True

    @property
    def is_over(self):
        """Whether it stands in positions.history."""
        return self.has_closed and not any(leg.qty for leg in self.legs.values())

    @property
    def net(self):
        """None while a part is not valued."""
        nets = [leg.all.net for leg in self.legs.values()]
        return None if None in nets else sum(nets, ZERO)

    @property
    def days(self):
        """(leg, day) → figures."""
        return {(name, day): figures for name, leg in self.legs.items()
                for day, figures in leg.days.items()}

    @property
    def seen(self):
        """What its rows show, as far as a bug may change it."""
        legs = {name: (leg.qty, leg.cost, leg.all.seen) for name, leg in self.legs.items()}
        days = {key: figures.seen for key, figures in self.days.items()}
        return legs, days, self.peak if self.is_over else None


@dataclasses.dataclass
class Change:
    """What mending the bug changes of one position."""
    before: Account
    after: Account

    @property
    def net(self):
        """after − before, null as 0, as a comparison sums it."""
        return total([self.after.net]) - total([self.before.net])


def changes(streams, bug):
    """position → Change, of those that the bug makes wrong. `streams`: position → its events."""
    found = {}
    for position, events in streams.items():
        change = Change(Account(events, bug), Account(events))
        if change.before.seen != change.after.seen:
            found[position] = change
    return found


def first_event(events, bug):
    """The first event, in the order of the log, after which both logics disagree."""
    events = sorted(events, key=lambda e: e.log_position)
    for count in range(1, len(events) + 1):
        if Account(events[:count], bug).seen != Account(events[:count]).seen:
            return events[count - 1]
    return None


def day_changes(found):
    """Of position_days: (position, leg, day) only before and only after; column → Σ of changes."""
    only_before, only_after = set(), set()
    sums = collections.Counter()
    columns = dict(price_pnl="price", fees="fees", funding="funding", net="net")
    for position, change in found.items():
        before, after = change.before.days, change.after.days
        only_before |= {(position, *key) for key in before.keys() - after.keys()}
        only_after |= {(position, *key) for key in after.keys() - before.keys()}
        for column, name in columns.items():
            sums[column] += (total(getattr(f, name) for f in after.values())
                             - total(getattr(f, name) for f in before.values()))
    return only_before, only_after, {column: value for column, value in sums.items() if value}


def daily_changes(found, streams):
    """Of daily_pnl: (day, strategy, asset, venue, settle) → column → change; zeros left out."""
    sums = collections.defaultdict(collections.Counter)
    columns = dict(price_pnl="price", fees_known="fees_known", funding_known="funding")
    for position, change in found.items():
        opened = min(streams[position], key=lambda e: e.order).payload
        terms = {leg["leg"]: leg for leg in opened["legs"]}
        for sign, account in ((-1, change.before), (1, change.after)):
            for (leg, day), figures in account.days.items():
                key = (day, opened["strategy"], opened["asset"], terms[leg]["venue"],
                       terms[leg]["settle"])
                for column, name in columns.items():
                    sums[key][column] += sign * getattr(figures, name)
    changed = {key: {c: v for c, v in some.items() if v} for key, some in sums.items()}
    return {key: some for key, some in changed.items() if some}
