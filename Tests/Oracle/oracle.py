#!/usr/bin/env python3
"""Reference fold of the position ledger, written from accounting.md alone.

    oracle.py [FILE|-]

Reads JSON lines of events, prints what §7 says `fold` prints. Exit 0; 3 when an event
was refused (named on standard error as `line N: reason`); 4 when only a fold failed.
Every number is an integer count of 10^-18. A section sign cites accounting.md.

Where the text leaves a choice, the fold takes one and adds a note to the position
(`Stream.notes`), so that a comparison can tell a bug from a difference of reading.
"""
import json
import re
import sys
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta

# ---------------------------------------------------------------- errors


class Refused(Exception):
    """Append would refuse this event (§2, §3)."""


class FoldError(Exception):
    """The fold of a position cannot go on (§1, §4); `event` is where it stopped."""

    def __init__(self, message, event=None):
        super().__init__(message)
        self.event = event


class AdjustmentError(FoldError):
    """An adjustment that §4 refuses."""


# ---------------------------------------------------------------- §1 numbers

ONE = 10**18
LIMIT = 10**38  # |x| < 10^20 in units of 10^-18
DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)


def decimal(value):
    """§1: a decimal string, no exponent, no '+', 18 places, |x| < 10^20."""
    if not isinstance(value, str) or not DECIMAL.fullmatch(value):
        raise Refused(f"not a decimal string: {value!r}")
    whole, _, places = value.lstrip("-").partition(".")
    if places[18:].strip("0"):
        raise Refused(f"a non-zero 19th place: {value}")
    units = int(whole) * ONE + int(places[:18].ljust(18, "0"))
    if units >= LIMIT:
        raise Refused(f"beyond the range: {value}")
    return -units if value.startswith("-") else units


def text_of(units):
    """§1 output: no trailing zeros, no '-0'; null stays null."""
    if units is None:
        return None
    whole, places = divmod(abs(units), ONE)
    tail = f".{places:018d}".rstrip("0").rstrip(".")
    return ("-" if units < 0 else "") + str(whole) + tail


def half_even(numerator, denominator):
    """§1: the integer nearest to a quotient, ties to even."""
    if denominator < 0:
        numerator, denominator = -numerator, -denominator
    floor, rest = divmod(numerator, denominator)
    twice = 2 * rest
    if twice > denominator or (twice == denominator and floor % 2):
        floor += 1
    return floor


def times(a, b):
    """A product rounded half-even to 18 places."""
    return half_even(a * b, ONE)


def share(amount, part, whole, scale=18):
    """half-even(amount·part/whole, scale)."""
    unit = 10 ** (18 - scale)
    return half_even(amount * part, whole * unit) * unit


def in_range(units, what):
    """§1: beyond the range is an error, never a wrap."""
    if abs(units) >= LIMIT:
        raise FoldError(f"{what} is beyond the range: {text_of(units)}")
    return units


def sign(x):
    return (x > 0) - (x < 0)


# ---------------------------------------------------------------- §2 time

EPOCH = datetime(1970, 1, 1)
TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?Z", re.ASCII)


def moment(value):
    """A UTC time in microseconds since 1970."""
    match = TIME.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise Refused(f"not a UTC time: {value!r}")
    try:
        seconds = datetime.strptime(match[1], "%Y-%m-%dT%H:%M:%S")
    except ValueError:
        raise Refused(f"not a UTC time: {value!r}") from None
    micros = int((match[2] or "").ljust(6, "0"))
    return (seconds - EPOCH) // timedelta(microseconds=1) + micros


def stamp(micros):
    """YYYY-MM-DDTHH:MM:SSZ, as in the id of a funding payment."""
    return (EPOCH + timedelta(microseconds=micros)).strftime("%Y-%m-%dT%H:%M:%SZ")


def day_of(micros):
    """§5: the UTC day; 00:00:00 belongs to the day it starts."""
    return (EPOCH + timedelta(microseconds=micros)).strftime("%Y-%m-%d")


# ---------------------------------------------------------------- §2 vocabulary


def text(value):
    if not isinstance(value, str) or not value:
        raise Refused(f"not a text: {value!r}")
    return value


def integer(value):
    if not isinstance(value, int) or isinstance(value, bool):
        raise Refused(f"not an integer: {value!r}")
    return value


def natural(value):
    if integer(value) < 0:
        raise Refused(f"negative: {value}")
    return value


def interval(value):
    if integer(value) <= 0:
        raise Refused(f"not an interval: {value}")
    return value


def scale(value):
    if not 0 <= integer(value) <= 18:
        raise Refused(f"not a scale: {value}")
    return value


def positive(value):
    if decimal(value) <= 0:
        raise Refused(f"not positive: {value}")
    return decimal(value)


def not_negative(value):
    if decimal(value) < 0:
        raise Refused(f"negative: {value}")
    return decimal(value)


UUID_FORM = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def identifier(value):
    if not isinstance(value, str) or not UUID_FORM.fullmatch(value):
        raise Refused(f"not a UUID: {value!r}")
    return value.lower()


def anything(value):
    return value


def one_of(*names):
    def parse(value):
        if value not in names:
            raise Refused(f"not one of {', '.join(names)}: {value!r}")
        return value
    return parse


def members(required, optional=None):
    """§2: null is absent; an unknown member, or a required one that is absent, is refused."""
    known = {**required, **(optional or {})}

    def parse(value):
        if not isinstance(value, dict):
            raise Refused(f"not an object: {value!r}")
        present = {k: v for k, v in value.items() if v is not None}
        for name in value:
            if name not in known:
                raise Refused(f"unknown member {name}")
        for name in required:
            if name not in present:
                raise Refused(f"missing member {name}")
        return {k: known[k](v) for k, v in present.items()}
    return parse


LEG = members(
    dict(leg=text, venue=text, account=text, instrument=text,
         kind=one_of("linear", "inverse", "spot"), side=one_of("long", "short"),
         target_qty=not_negative, multiplier=positive, base=text, quote=text, settle=text,
         qty_scale=scale, price_scale=scale, settle_scale=scale),
    dict(funding_interval_s=interval))


def legs(value):
    if not isinstance(value, list) or not value:
        raise Refused("legs: at least one")
    parsed = [LEG(leg) for leg in value]
    if len({leg["leg"] for leg in parsed}) != len(parsed):
        raise Refused("two legs of one name")
    return parsed


def prices_by_leg(value):
    if not isinstance(value, dict):
        raise Refused(f"not an object: {value!r}")
    return {leg: decimal(px) for leg, px in value.items() if px is not None}


SIGNAL = members({}, dict(decided_at=moment, ref_px=prices_by_leg, expected_spread_bps=decimal))
FEE_CATEGORY = one_of("trading", "liquidation", "borrow", "withdrawal", "transfer", "other")
CLOSE_REASON = one_of("take_profit", "stop", "funding_flip", "liquidation", "adl", "manual",
                      "failed")

PAYLOAD = {
    "position_opened": members(
        dict(strategy=text, asset=text, legs=legs),
        dict(mode=text, report_currency=text, opportunity_id=text, signal=SIGNAL, tags=anything)),
    "leg_fill_recorded": members(
        dict(leg=text, trade_id=text, side=one_of("buy", "sell"), qty=positive, px=positive,
             fee=decimal, fee_asset=text, liquidity=one_of("maker", "taker", "unknown")),
        dict(part=natural, order_id=text, intent=one_of("open", "close", "rebalance"),
             cause=one_of("trade", "liquidation", "adl", "settlement"), venue_value=not_negative,
             venue_closed_pnl=decimal, ref_px=decimal, fee_rate=decimal, replaces=identifier)),
    "funding_recorded": members(
        dict(leg=text, funding_time=moment, amount=decimal, asset=text),
        dict(part=natural, rate=decimal, mark_px=decimal, qty=decimal, interval_s=interval,
             venue_txn_id=text, replaces=identifier)),
    "fee_recorded": members(
        dict(leg=text, amount=decimal, asset=text, category=FEE_CATEGORY),
        dict(trade_id=text, fee_rate=decimal)),
    "fee_valued": members(dict(target_event_id=identifier, rate=decimal, source=text)),
    "mark_recorded": members(
        dict(leg=text, px=decimal),
        dict(index_px=decimal, margin_ratio=decimal, liquidation_px=decimal)),
    "adjustment_recorded": members(
        dict(leg=text, category=text, reason=text),
        dict(qty_delta=decimal, cost_delta=decimal, cash_delta=decimal)),
    "close_requested": members(dict(reason=text)),
    "position_closed": members(dict(reason=CLOSE_REASON)),
    "position_cancelled": members(dict(reason=text)),
    "event_voided": members(dict(target_event_id=identifier, reason=text)),
}

FILL, FUNDING, FEE, VALUED, VOID, OPENED, ADJUSTMENT, CLOSED, MARK = (
    "leg_fill_recorded", "funding_recorded", "fee_recorded", "fee_valued", "event_voided",
    "position_opened", "adjustment_recorded", "position_closed", "mark_recorded")

ENVELOPE = members(
    dict(position_id=text, type=one_of(*PAYLOAD), effective_at=moment, payload=anything,
         source=one_of("venue_ws", "venue_rest", "statement", "reconciliation", "manual",
                       "migration")),
    dict(book=text, actor=text, event_id=identifier, expected_version=anything,
         schema_version=integer, recorded_at=anything, causation_id=text, correlation_id=text))


@dataclass
class Event:
    """One admitted event; `version` is its place in the stream."""
    book: str
    position: str
    type: str
    at: int
    source: str
    payload: dict
    actor: str = None
    id: str = None
    expected: object = None
    version: int = 0
    line: int = 0

    @property
    def order(self):
        """§4: position_opened, then (effective_at, version)."""
        return (self.type != OPENED, self.at, self.version)


def parse_event(value, line=0):
    """The envelope and the payload of one line; malformed is refused."""
    envelope = ENVELOPE(value)
    kind = envelope["type"]
    event = Event(envelope.get("book", "main"), envelope["position_id"], kind,
                  envelope["effective_at"], envelope["source"], PAYLOAD[kind](envelope["payload"]),
                  envelope.get("actor"), envelope.get("event_id"),
                  envelope.get("expected_version"), line=line)
    if event.actor is None and (event.source == "manual" or kind in (VOID, ADJUSTMENT)):
        raise Refused("an actor is required")
    return event


# ---------------------------------------------------------------- §2 identity

NAMESPACE = uuid.UUID("1caeaf2a-b721-50f8-915c-39b23b326d71")


def derived(*parts):
    """UUIDv5 of the RFC 8785 form of an array of strings and integers."""
    name = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
    return str(uuid.uuid5(NAMESPACE, name))


def funding_instant(terms, payload):
    """funding_time floored to interval_s, else to the leg's interval, else to the hour."""
    seconds = payload.get("interval_s") or terms.get("funding_interval_s") or 3600
    step = seconds * 1_000_000
    return payload["funding_time"] // step * step


def derived_id(event, terms):
    """The id of a fill, a funding payment or a void; None for other events."""
    payload = event.payload
    if event.type == VOID:
        return derived("void", payload["target_event_id"])
    if event.type == FILL:
        key = ["fill", terms["venue"], terms["account"], terms["instrument"],
               payload["trade_id"], payload["side"], payload.get("part", 0)]
    elif event.type == FUNDING:
        key = ["funding", terms["venue"], terms["account"], terms["instrument"],
               stamp(funding_instant(terms, payload)), payload.get("part", 0)]
    else:
        return None
    return derived(*key, *([payload["replaces"]] if "replaces" in payload else []))


def content(event):
    """What must be equal for the same id to be the same event."""
    payload = event.payload
    if event.type == FILL:
        names = ("side", "qty", "px", "fee", "fee_asset")
    elif event.type == FUNDING:
        names = ("amount", "asset")
    elif event.type == VOID:
        names = ()
    else:
        return event.type, event.position, event.at, payload
    return event.type, event.position, *(payload[name] for name in names)


# ---------------------------------------------------------------- streams and admission


@dataclass
class Stream:
    """One position: its admitted events and what admission must remember."""
    position: str
    terms: dict
    events: list = field(default_factory=list)
    voided: set = field(default_factory=set)
    replaced: set = field(default_factory=set)
    restated: bool = False
    notes: set = field(default_factory=set)

    def live(self, kind=None):
        """Live = not voided; a void and position_opened always are."""
        return [e for e in self.events
                if (kind is None or e.type == kind)
                and (e.id not in self.voided or e.type in (VOID, OPENED))]


class Ledger:
    """Admission of events (§2, §3) for a whole input."""

    def __init__(self):
        self.streams = {}
        self.events = {}

    def admit(self, value, line=0):
        """Books one event; False for a repeat; raises Refused."""
        event = parse_event(value, line)
        stream = self.streams.get((event.book, event.position))
        self._identify(event, stream)
        known = self.events.get((event.book, event.id))
        if known:
            if content(known) != content(event):
                raise Refused(f"{event.id} is line {known.line} with other content")
            return False
        self._check_version(event, stream)
        if event.type == OPENED:
            stream = self._open(event, stream)
        else:
            getattr(self, f"_check_{event.type}", self._check_nothing)(event, stream)
            self._book(event, stream)
        self.events[event.book, event.id] = event
        return True

    def _identify(self, event, stream):
        """§2 identity, and the position and leg that it needs."""
        if event.type != OPENED and stream is None:
            if event.type in (FILL, FUNDING) or (event.book, event.id) not in self.events:
                raise Refused(f"position {event.position} is not opened")
        leg = event.payload.get("leg")
        terms = None
        if leg is not None and stream is not None:
            terms = stream.terms.get(leg)
            if terms is None:
                raise Refused(f"no leg {leg}")
        own = derived_id(event, terms)
        if own is None and event.id is None:
            raise Refused("event_id is required")
        if own is not None and event.id not in (None, own):
            raise Refused(f"event_id {event.id} is not the derived {own}")
        event.id = own or event.id

    def _check_version(self, event, stream):
        """expected_version: n = exact, 0 or no_stream, null = any."""
        expected = event.expected
        if expected in (None, "any"):
            return
        actual = len(stream.events) if stream else 0
        if expected == "no_stream":
            expected = 0
        if not isinstance(expected, int) or isinstance(expected, bool):
            raise Refused(f"expected_version: {expected!r}")
        if expected != actual:
            raise Refused(f"expected version {expected}, actual {actual}")

    def _open(self, event, stream):
        """Terms freeze in the one position_opened of a stream."""
        if stream is not None:
            raise Refused("the position is already opened")
        stream = Stream(event.position, {leg["leg"]: leg for leg in event.payload["legs"]})
        event.version = 1
        stream.events.append(event)
        self.streams[event.book, event.position] = stream
        return stream

    def _book(self, event, stream):
        """Appends, and keeps RESTATED (§3): it depends on arrival, and stays."""
        closed = state_of(stream) == "CLOSED"
        event.version = len(stream.events) + 1
        if closed and event.type != MARK:
            stream.restated = True
            if event.type not in (FILL, FUNDING, FEE, VALUED, VOID):
                stream.notes.add(f"{event.type} came after CLOSED")
        if event.id in stream.voided and event.type == VOID:
            stream.notes.add("a void was voided before it came")
        stream.events.append(event)
        target = event.payload.get("target_event_id")
        if event.type == VOID:
            stream.voided.add(target)
            if any(e.id == target for e in stream.events):
                stream.restated = True
        if "replaces" in event.payload:
            stream.replaced.add(event.payload["replaces"])
        if event.type == ADJUSTMENT:
            self._unbook_refused(event, stream)

    def _unbook_refused(self, event, stream):
        """§4: an adjustment that cannot stand at its place is refused."""
        restated = stream.restated
        try:
            Fold(stream)
        except AdjustmentError as error:
            if error.event is event:
                stream.events.pop()
                stream.restated = restated
                raise Refused(str(error)) from None
            stream.notes.add("a later event makes an admitted adjustment impossible")
        except FoldError:
            pass

    def _check_nothing(self, event, stream):
        pass

    def _check_leg_fill_recorded(self, event, stream):
        """§3: CLOSED takes no fill from after the close; §2: replaces."""
        self._check_replaces(event, stream)
        if state_of(stream) == "CLOSED":
            closes = [e.at for e in stream.live(CLOSED)]
            if len(set(closes)) > 1:
                stream.notes.add("more than one live position_closed")
            if event.at > max(closes):
                raise Refused("the position is CLOSED: open a new one")
            if event.at == max(closes):
                stream.notes.add("a fill at the very instant of the close")

    def _check_funding_recorded(self, event, stream):
        self._check_replaces(event, stream)

    def _check_replaces(self, event, stream):
        """`replaces`: of the same stream, void already, not replaced yet."""
        target = event.payload.get("replaces")
        if target is None:
            return
        if target not in stream.voided:
            raise Refused(f"replaces {target}, which is not void")
        if target in stream.replaced:
            raise Refused(f"{target} is replaced already")
        booked = [e for e in stream.events if e.id == target]
        if not booked:
            stream.notes.add("replaces a void event that has not come yet")
        elif booked[0].type != event.type:
            stream.notes.add("replaces an event of another type")

    def _check_event_voided(self, event, stream):
        """Refused: voiding a void, position_opened, or an event of another stream."""
        target = self._target(event, stream)
        if target and target.type in (VOID, OPENED):
            raise Refused(f"{target.type} cannot be voided")

    def _check_fee_valued(self, event, stream):
        """Its target is a fill, fee or funding in an asset other than the settle asset."""
        target = self._target(event, stream)
        if target and not can_be_valued(target, stream):
            raise Refused("the target is not a fee or funding in another asset")

    def _target(self, event, stream):
        target = self.events.get((event.book, event.payload["target_event_id"]))
        if target and target.position != event.position:
            raise Refused(f"the target is of position {target.position}")
        return target

    def _check_position_closed(self, event, stream):
        """§3: position_closed needs every leg flat."""
        try:
            fold = Fold(stream)
        except FoldError as error:
            stream.notes.add("position_closed while the fold fails")
            raise Refused(f"the position does not fold: {error}") from None
        if not fold.flat:
            raise Refused("a leg is not flat")

    def _check_position_cancelled(self, event, stream):
        """§3: position_cancelled needs no live fill."""
        if stream.live(FILL):
            raise Refused("the position has a live fill")


def asset_of(event):
    return event.payload["fee_asset"] if event.type == FILL else event.payload["asset"]


def can_be_valued(event, stream):
    """§2: what a fee_valued may name."""
    return (event.type in (FILL, FEE, FUNDING)
            and asset_of(event) != stream.terms[event.payload["leg"]]["settle"])


# ---------------------------------------------------------------- §4 the leg fold


@dataclass
class Row:
    """§5: one day of one leg. `unvalued_*` makes the figure null."""
    price_pnl: int = 0
    fees: int = 0
    funding: int = 0
    adjustments: int = 0
    unvalued_fees: bool = False
    unvalued_funding: bool = False

    def add(self, other):
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)

    def figures(self):
        fees = None if self.unvalued_fees else self.fees
        funding = None if self.unvalued_funding else self.funding
        net = None
        if fees is not None and funding is not None:
            net = self.price_pnl - fees + funding + self.adjustments
        return dict(price_pnl=self.price_pnl, fees=fees, funding=funding,
                    adjustments=self.adjustments, net=net)


class Leg:
    """§4: the state of one leg and what each event does to it."""

    def __init__(self, terms, notes):
        self.terms, self.notes = terms, notes
        self.inverse = terms["kind"] == "inverse"
        self.multiplier = terms["multiplier"]
        self.qty = self.open_cost = self.realized = self.cash = 0
        self.fees, self.funding = {}, {}
        self.fee_value = self.funding_value = self.adjustments = 0
        self.unvalued_fees = self.unvalued_funding = self.overshot = False
        self.base_fees = self.base_fees_net = 0
        self.days = {}

    # -- trades

    def value_of(self, qty, px, venue_value=None):
        """v of a fill, rounded once."""
        if not self.inverse:
            return in_range(half_even(qty * self.multiplier * px, ONE * ONE), "the value of a fill")
        if venue_value is not None:
            return venue_value
        unit = 10 ** (18 - self.terms["settle_scale"])
        value = half_even(qty * self.multiplier, px * unit) * unit
        return in_range(value, "the value of a fill")

    def trade(self, side, qty, value, row, close_scale=18):
        """A fill, or a base fee sold or bought; says whether it reduced the leg."""
        held = abs(self.qty)
        if self.qty == 0 or sign(self.qty) == side:
            self._increase(side, qty, value)
            return False
        if qty <= held:
            self._reduce(qty, value, row)
            return True
        closing = share(value, held, qty, close_scale)
        if closing > value:
            self.notes.add("an overshoot whose closing value rounds above the whole")
        self._reduce(held, closing, row)
        self._increase(side, qty - held, value - closing)
        self.overshot = True
        return True

    def _increase(self, side, qty, value):
        self.open_cost = in_range(self.open_cost + value, "open_cost")
        self.qty = in_range(self.qty + side * qty, "qty")
        self._pay(side, value)

    def _reduce(self, qty, value, row):
        side, held = sign(self.qty), abs(self.qty)
        released = self.open_cost if qty == held else share(self.open_cost, qty, held)
        self._realise(side * (value - released), row)
        self.open_cost -= released
        self.qty -= side * qty
        self._pay(-side, value)

    def _pay(self, side, value):
        """cash = Σ(−s·v), s = +1 for a buy; inverse mirrored."""
        self.cash += (side if self.inverse else -side) * value

    def _realise(self, gain, row):
        """`gain` in the linear sense; an inverse leg gains the mirrored amount."""
        gain = -gain if self.inverse else gain
        self.realized = in_range(self.realized + gain, "realized_price")
        row.price_pnl += gain

    def check(self):
        """The invariant after every event."""
        mirrored = -1 if self.inverse else 1
        assert self.realized == self.cash + mirrored * sign(self.qty) * self.open_cost
        assert self.qty or not self.open_cost
        if abs(self.cash) >= LIMIT:
            self.notes.add("cash, which is never printed, is beyond the range")

    # -- events

    def row(self, day):
        return self.days.setdefault(day, Row())

    def fill(self, event, rate):
        """A fill and its fee; says whether it reduced the leg."""
        payload, row = event.payload, self.row(day_of(event.at))
        side = 1 if payload["side"] == "buy" else -1
        value = self.value_of(payload["qty"], payload["px"], payload.get("venue_value"))
        self._note_split_fee(payload, side, rate)
        close_scale = self.terms["settle_scale"] if self.inverse else 18
        reduced = self.trade(side, payload["qty"], value, row, close_scale)
        self.fee(payload["fee"], payload["fee_asset"], rate, payload["px"], row)
        return reduced

    def _note_split_fee(self, payload, side, rate):
        """An overshoot splits its fee: valuing the two parts can differ by rounding."""
        held = abs(self.qty)
        if not held or sign(self.qty) == side or payload["qty"] <= held or rate is None:
            return
        fee = payload["fee"]
        closing = share(fee, held, payload["qty"])
        if times(closing, rate) + times(fee - closing, rate) != times(fee, rate):
            self.notes.add("the two parts of an overshoot's fee, valued apart, round differently")

    def fee(self, amount, asset, rate, px, row):
        """`px`: of the trade, for a base fee of a spot leg; `rate`: of another asset."""
        self.fees[asset] = in_range(self.fees.get(asset, 0) + amount, "fees")
        if asset == self.terms["settle"]:
            self._cost(amount, row)
        elif self.terms["kind"] == "spot" and asset == self.terms["base"]:
            self._base_fee(amount, px if px is not None else rate, row)
        elif rate is not None:
            self._cost(times(amount, rate), row)
        elif amount:
            self.unvalued_fees = row.unvalued_fees = True

    def _cost(self, value, row):
        self.fee_value = in_range(self.fee_value + in_range(value, "a fee's value"), "fee_value")
        row.fees += value

    def _base_fee(self, amount, px, row):
        """|fee| is sold (a rebate: bought) at px, or leaves at cost without a price."""
        if amount == 0:
            return
        self.base_fees += max(amount, 0)
        self.base_fees_net += amount
        side, qty = -sign(amount), abs(amount)
        if px is None:
            self._leave_at_cost(side, qty, row)
            return
        if self.qty == 0:
            self.notes.add("a base fee opens a flat leg: overshoot or not")
        if self.multiplier != ONE:
            self.notes.add("a base fee of a spot leg with a multiplier")
        value = in_range(times(qty, px), "the value of a base fee")
        self.trade(side, qty, value, row)
        self._cost(-side * value, row)

    def _leave_at_cost(self, side, qty, row):
        """No price: the quantity leaves at cost; the fee is not valued, so it is null."""
        held = abs(self.qty)
        if side != -sign(self.qty) or qty > held:
            self.notes.add("an unpriced base fee that is not a plain reduction")
        self.notes.add("an unpriced base fee: fee_value is null, not the cost that left")
        value = share(self.open_cost, qty, held) if held else 0
        self.trade(side, qty, self.open_cost if qty == held else value, row)
        self.unvalued_fees = row.unvalued_fees = True

    def pay_funding(self, event, rate):
        """The venue's amount, on the day of its floored funding_time."""
        amount, asset = event.payload["amount"], event.payload["asset"]
        row = self.row(day_of(funding_instant(self.terms, event.payload)))
        self.funding[asset] = in_range(self.funding.get(asset, 0) + amount, "funding")
        if asset == self.terms["settle"]:
            value = amount
        elif rate is not None:
            value = in_range(times(amount, rate), "the value of funding")
        else:
            if amount == 0:
                self.notes.add("zero funding in another asset, not valued")
            self.unvalued_funding = row.unvalued_funding = True
            return
        self.funding_value = in_range(self.funding_value + value, "funding")
        row.funding += value

    def adjust(self, event):
        """qty_delta, cost_delta and cash_delta; what must not be is refused."""
        payload, row = event.payload, self.row(day_of(event.at))
        side, qty = sign(self.qty), self.qty + payload.get("qty_delta", 0)
        delta = payload.get("cost_delta", 0)
        cost = self.open_cost + delta
        if side * sign(qty) < 0:
            raise AdjustmentError("the adjustment changes the side", event)
        if side == 0 and qty == 0 and delta:
            raise AdjustmentError("the adjustment puts cost on a flat leg", event)
        if cost < 0:
            raise AdjustmentError("the adjustment makes open_cost negative", event)
        self._pay(side or sign(qty), delta)
        self.qty, self.open_cost = in_range(qty, "qty"), in_range(cost, "open_cost")
        if qty == 0 and cost:
            self._realise(-side * cost, row)
            self.open_cost = 0
        cash = payload.get("cash_delta", 0)
        self.adjustments = in_range(self.adjustments + cash, "adjustments")
        row.adjustments += cash

    # -- results

    @property
    def average(self):
        """For display: null when flat or without cost."""
        if self.qty == 0 or self.open_cost == 0:
            return None
        size = abs(self.qty) * self.multiplier  # in 10^-36
        if self.inverse:
            return half_even(size, self.open_cost)
        return half_even(self.open_cost * ONE * ONE, size)

    @property
    def net(self):
        if self.unvalued_fees or self.unvalued_funding:
            return None
        return self.realized - self.fee_value + self.funding_value + self.adjustments

    @property
    def on_side(self):
        """|qty| on the side of the leg."""
        side = 1 if self.terms["side"] == "long" else -1
        return max(side * self.qty, 0)

    @property
    def base(self):
        """§3 UNHEDGED, in 10^-36: qty·m; inverse sign·open_cost."""
        if self.inverse:
            return sign(self.qty) * self.open_cost * ONE
        return self.qty * self.multiplier

    @property
    def flags(self):
        return (["PROVISIONAL"] if self.unvalued_fees or self.unvalued_funding else []) + (
            ["OVERSHOT"] if self.overshot else [])


# ---------------------------------------------------------------- §3, §4 the position fold


class Fold:
    """The fold of the live events of one stream; raises FoldError."""

    def __init__(self, stream):
        self.stream, self.notes = stream, stream.notes
        self.live = sorted(stream.live(), key=lambda e: e.order)
        self.legs = {name: Leg(terms, self.notes) for name, terms in stream.terms.items()}
        self.rates = self._valuations()
        self.prices = self._trade_prices()
        self.reduced = False
        self.reached = self.reached_net = False  # every leg at one moment
        self.reached_once = set()                # each leg at some moment
        for event in self.live:
            try:
                self._apply(event)
            except FoldError as error:
                error.event = event
                raise

    def _valuations(self):
        """§2: the last live fee_valued by (effective_at, version) wins."""
        return {e.payload["target_event_id"]: e.payload["rate"]
                for e in self.live if e.type == VALUED}

    def _trade_prices(self):
        """§4: a fee_recorded in base uses the px of its trade, if that is live."""
        prices = {}
        for event in self.live:
            if event.type == FILL:
                key = event.payload["leg"], event.payload["trade_id"]
                if prices.setdefault(key, event.payload["px"]) != event.payload["px"]:
                    self.notes.add("one trade_id, several live prices")
        return prices

    def _rate(self, event):
        """fee_valued wins over fee_rate; neither counts for the settle asset."""
        if not can_be_valued(event, self.stream):
            if event.id in self.rates:
                self.notes.add("fee_valued came before its target in the settle asset")
            return None
        return self.rates.get(event.id, event.payload.get("fee_rate"))

    def _apply(self, event):
        leg = self.legs.get(event.payload.get("leg"))
        if event.type == FILL:
            reduced = leg.fill(event, self._rate(event))
            if reduced and event.payload.get("intent") != "rebalance":
                self.reduced = True
        elif event.type == FUNDING:
            leg.pay_funding(event, self._rate(event))
        elif event.type == FEE:
            payload = event.payload
            px = self.prices.get((payload["leg"], payload.get("trade_id")))
            row = leg.row(day_of(event.at))
            leg.fee(payload["amount"], payload["asset"], self._rate(event), px, row)
        elif event.type == ADJUSTMENT:
            leg.adjust(event)
        else:
            return
        leg.check()
        self._look_at_targets()

    def _look_at_targets(self):
        """§3 OPEN: |qty| on its side plus fees taken in base ≥ target_qty, every leg."""
        at_target = {name for name, leg in self.legs.items()
                     if leg.on_side + leg.base_fees >= leg.terms["target_qty"]}
        self.reached_once |= at_target
        self.reached |= len(at_target) == len(self.legs)
        self.reached_net |= all(leg.on_side + leg.base_fees_net >= leg.terms["target_qty"]
                                for leg in self.legs.values())

    @property
    def flat(self):
        return all(leg.qty == 0 for leg in self.legs.values())

    def has(self, kind):
        return any(e.type == kind for e in self.live)

    @property
    def state(self):
        """§3: the first that holds."""
        if not self.has(FILL):
            return "CANCELLED" if self.has("position_cancelled") else "PENDING"
        if self.has(CLOSED) and self.flat:
            return "CLOSED"
        if self.has("close_requested") or self.has(CLOSED) or self.reduced:
            return "CLOSING"
        if self.reached != (len(self.reached_once) == len(self.legs)):
            self.notes.add("the legs reached their targets, but never all at one moment")
        if self.reached != self.reached_net:
            self.notes.add("target reached or not by whether base rebates count as fees taken")
        return "OPEN" if self.reached else "OPENING"

    @property
    def unhedged(self):
        """§3: two or more legs and |Σ base| > the coarsest leg's multiplier·10^−qty_scale."""
        if len(self.legs) < 2:
            return False
        total = abs(sum(leg.base for leg in self.legs.values()))
        steps = [(leg.multiplier * ONE, 10 ** leg.terms["qty_scale"]) for leg in self.legs.values()]
        exact = all(total * scale > step for step, scale in steps)
        rounded = abs(sum(half_even(leg.base, ONE) for leg in self.legs.values())) > max(
            half_even(step, ONE * scale) for step, scale in steps)
        if exact != rounded:
            self.notes.add("UNHEDGED by rounding of qty·m or of the coarsest step")
        return exact

    def caused(self, name):
        """§3: a live fill with that cause, or position_closed with that reason."""
        return any(e.payload.get("cause") == name for e in self.live if e.type == FILL) or any(
            e.payload["reason"] == name for e in self.live if e.type == CLOSED)

    @property
    def flags(self):
        legs = self.legs.values()
        tests = [
            ("UNHEDGED", self.unhedged),
            ("LIQUIDATED", self.caused("liquidation")),
            ("ADL", self.caused("adl")),
            ("PROVISIONAL", any("PROVISIONAL" in leg.flags for leg in legs)),
            ("OVERSHOT", any(leg.overshot for leg in legs)),
            ("REOPENED_BY_CORRECTION", self.has(CLOSED) and not self.flat),
            ("RESTATED", self.stream.restated)]
        return [name for name, holds in tests if holds]

    @property
    def days(self):
        """§5: days in the order day, venue, settle."""
        rows = {}
        for leg in self.legs.values():
            for day, row in leg.days.items():
                key = day, leg.terms["venue"], leg.terms["settle"]
                rows.setdefault(key, Row()).add(row)
        return [(key, rows[key].figures()) for key in sorted(rows)]


def state_of(stream):
    """The state now, or None when the position does not fold."""
    if not stream.live(CLOSED):
        return None  # only CLOSED matters to admission
    try:
        return Fold(stream).state
    except FoldError:
        return None


# ---------------------------------------------------------------- §7 output


def decimals(values):
    return {asset: text_of(values[asset]) for asset in sorted(values)}


def shown(units, what):
    """A printed figure; beyond the range is an error."""
    return text_of(in_range(units, what)) if units is not None else None


def leg_account(name, leg):
    return dict(
        leg=name, flags=leg.flags, qty=text_of(leg.qty), open_cost=text_of(leg.open_cost),
        avg_entry_px=shown(leg.average, "avg_entry_px"), realized_price=text_of(leg.realized),
        fees=decimals(leg.fees), fee_value=None if leg.unvalued_fees else text_of(leg.fee_value),
        funding=decimals(leg.funding), adjustments=text_of(leg.adjustments),
        net=shown(leg.net, "net"))


def account(stream):
    """The account of one position, or its error (§7)."""
    try:
        fold = Fold(stream)
        return dict(
            position_id=stream.position, state=fold.state, flags=fold.flags,
            legs=[leg_account(name, leg) for name, leg in fold.legs.items()],
            days=[dict(zip(("day", "venue", "settle"), key),
                       **{name: shown(v, name) for name, v in figures.items()})
                  for key, figures in fold.days])
    except FoldError as error:
        if isinstance(error, AdjustmentError):
            stream.notes.add("a later event makes an admitted adjustment impossible")
        return dict(position_id=stream.position, error=str(error))


def read_line(ledger, line, number):
    """Admits one line of text; raises Refused."""
    try:
        value = json.loads(line)
    except ValueError as error:
        raise Refused(f"not JSON: {error}") from None
    return ledger.admit(value, number)


def run(lines):
    """Folds lines of text: (ledger, accounts, [(line number, reason)], exit code)."""
    ledger, refused = Ledger(), []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            read_line(ledger, line, number)
        except Refused as reason:
            refused.append((number, str(reason)))
    accounts = [account(stream) for stream in ledger.streams.values()]
    failed = any("error" in a for a in accounts)
    return ledger, accounts, refused, 3 if refused else 4 if failed else 0


def main(arguments):
    name = arguments[0] if arguments else "-"
    if name == "-":
        source = sys.stdin.buffer.read()
    else:
        with open(name, "rb") as file:
            source = file.read()
    _, accounts, refused, code = run(source.decode("utf-8").split("\n"))
    for number, reason in refused:
        print(f"line {number}: {reason}", file=sys.stderr)
    print(json.dumps(accounts, ensure_ascii=False, indent=1))
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
