#!/usr/bin/env python3
"""Random JSON lines of whole positions, over the whole vocabulary of accounting.md §2.

    generate.py --seed S --positions N [--events M] [--invalid] [--ambiguous]

Valid by construction: what the oracle refuses is dropped. With --invalid it is kept, and
more is added that append must refuse. Positions in which the oracle had to choose between
readings of the text (`Stream.notes`) are left out unless --ambiguous.
"""
import argparse
import copy
import json
import random
import sys
import uuid

sys.dont_write_bytecode = True
import oracle  # noqa: E402

SECOND, MINUTE, HOUR = 10**6, 60 * 10**6, 3600 * 10**6
START = oracle.moment("2026-01-30T20:00:00Z")
ONE = oracle.ONE
SOURCES = ("venue_ws", "venue_rest", "statement", "reconciliation", "migration")
FILL, FUNDING, FEE = oracle.FILL, oracle.FUNDING, oracle.FEE


# ---------------------------------------------------------------- random values


def new_id(rng):
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def time_text(rng, micros):
    """A UTC time with as many places as it needs, now and then with more."""
    base, places = oracle.stamp(micros)[:-1], f"{micros % SECOND:06d}"
    if rng.random() < 0.8:
        places = places.rstrip("0")
    return f"{base}.{places}Z" if places else f"{base}Z"


def written(rng, units):
    """A decimal string, now and then with trailing zeros."""
    result = oracle.text_of(units)
    if rng.random() < 0.05 and "." in result:
        result += "0"
    return result


def spread(rng, low, high, step):
    """Log-uniform between low and high (units of 10^-18), a multiple of step, never 0."""
    ratio = high / low
    return max(step, int(low * ratio ** rng.random()) // step * step)


def maybe(rng, chance, **values):
    """Optional members: the values, or nothing, or nulls."""
    roll = rng.random()
    if roll < chance:
        return values
    return {name: None for name in values} if roll > 0.95 else {}


# ---------------------------------------------------------------- legs


class Market:
    """One leg's terms and the sizes that its trades have."""

    def __init__(self, rng, name, instrument):
        self.rng, self.name = rng, name
        self.style = rng.choice(("normal",) * 6 + ("dust", "meme", "huge"))
        kind = rng.choice(("linear", "linear", "inverse", "spot", "spot"))
        self.multiplier = self._multiplier(kind)
        qty_scale = {"dust": 18, "meme": rng.choice((0, 2))}.get(self.style, rng.randint(0, 8))
        if kind == "inverse":
            qty_scale = 18 if self.style == "dust" else 0
        self.step = ONE // 10**qty_scale
        self._sizes(kind)
        quote = rng.choice(("USDT", "USDT", "USDC"))
        self.terms = dict(
            leg=name, venue=rng.choice(("binance", "bybit", "okx", "výměna")), account="acc",
            instrument=instrument, kind=kind, side=rng.choice(("long", "short")),
            target_qty=oracle.text_of(self.quantity()), multiplier=oracle.text_of(self.multiplier),
            base="BTC", quote=quote, settle="BTC" if kind == "inverse" else quote,
            qty_scale=qty_scale, price_scale=self.price_scale,
            settle_scale=rng.choice((2, 4, 8, 8, 8, 12, 18)), **maybe(
                rng, 0.5, funding_interval_s=rng.choice((3600, 14400, 28800))))

    def _multiplier(self, kind):
        if kind == "spot":
            return self.rng.choice((ONE,) * 9 + (ONE // 100,))
        if kind == "inverse":
            return self.rng.choice((ONE, 10 * ONE, 100 * ONE))
        return self.rng.choice((ONE // 1000, ONE // 100, ONE, ONE, 10 * ONE, 100 * ONE))

    def _sizes(self, kind):
        """Ranges of quantities and prices, by style."""
        self.low, self.high = max(self.step, ONE // 100), 5000 * ONE
        self.px = spread(self.rng, ONE // 10, 90000 * ONE, ONE // 1000)
        self.price_scale = self.rng.choice((1, 4, 8))
        if kind == "inverse":
            self.low, self.high = ONE, 100_000 * ONE
        if self.style == "dust":
            self.low, self.high, self.price_scale = 1, 60, 18
            self.px = spread(self.rng, ONE // 10**9, 10**6 * ONE, 1)
        elif self.style == "meme":
            self.low, self.high, self.price_scale = 10**6 * ONE, 10**15 * ONE, 14
            self.px = spread(self.rng, ONE // 10**13, ONE // 10**6, ONE // 10**14)
        elif self.style == "huge":
            self.low, self.high = 10**9 * ONE, 10**12 * ONE
            self.px = spread(self.rng, 10**3 * ONE, 10**7 * ONE, ONE) * ONE // self.multiplier
            self.px = max(self.px, ONE)

    def quantity(self):
        return spread(self.rng, self.low, self.high, self.step)

    def price(self):
        tick = ONE // 10**self.price_scale
        return max(tick, self.px * self.rng.randint(9000, 11000) // 10000 // tick * tick)

    def value(self, qty, px):
        """About the value of a trade, for the size of fees."""
        inverse = self.terms["kind"] == "inverse"
        value = qty * self.multiplier // px if inverse else qty * self.multiplier * px // ONE**2
        return min(value, oracle.LIMIT // 10)


def hedge_of(market, name, instrument):
    """The other side of the same base quantity on another venue."""
    other = copy.deepcopy(market)
    other.rng, other.name = market.rng, name
    other.terms |= dict(leg=name, instrument=instrument, venue="hyperliquid",
                        side="short" if market.terms["side"] == "long" else "long")
    return other


# ---------------------------------------------------------------- one position


class Maker:
    """Writes the life of one position, checked line by line by a ledger of its own."""

    def __init__(self, rng, options, previous=None):
        self.rng, self.options, self.previous = rng, options, previous
        self.ledger, self.lines, self.made = oracle.Ledger(), [], []
        self.position = new_id(rng)
        self.book = previous.book if previous else rng.choice((None, None, None, "main", "desk2"))
        self.now = START + rng.randrange(0, 72 * HOUR)
        self.last_at = self.now
        self.trades = 0
        self.calm = rng.random() < 0.4  # grows to its targets, reduces only to rebalance
        if previous:
            self.markets = copy.deepcopy(previous.markets)
            for market in self.markets.values():
                market.rng = rng
                market.terms["side"] = rng.choice(("long", "short"))
        else:
            names = ["a", "b", "c"][:rng.choice((1, 1, 2, 2, 2, 3))]
            self.markets = {n: Market(rng, n, f"{self.position[:8]}-{n}") for n in names}
            if len(names) == 2 and rng.random() < 0.5:
                self.markets["b"] = hedge_of(self.markets["a"], "b", f"{self.position[:8]}-b")

    # -- writing lines

    def at(self):
        """A time of the venue: mostly forward, sometimes late, sometimes the same."""
        roll = self.rng.random()
        if roll < 0.12:
            return self.last_at
        if roll < 0.25:
            return self.now - self.rng.randrange(0, 30 * HOUR)
        step = self.rng.choice((1, 1000, SECOND, MINUTE, HOUR, 5 * HOUR))
        self.now += step * self.rng.randint(1, 3)
        if self.rng.random() < 0.1:
            self.now = self.now // (24 * HOUR) * 24 * HOUR + 24 * HOUR
        self.last_at = self.now
        return self.now

    def event(self, kind, payload, at=None, **envelope):
        """A JSON line of this position; fills, fundings and voids bring no id."""
        derived = kind in (FILL, FUNDING, oracle.VOID)
        source = self.rng.choice(SOURCES)
        actor = "ops" if kind in (oracle.VOID, oracle.ADJUSTMENT) else None
        if self.rng.random() < 0.05:
            source, actor = "manual", "ops"
        line = dict(position_id=self.position, type=kind, source=source, payload=payload,
                    effective_at=time_text(self.rng, self.at() if at is None else at),
                    event_id=None if derived else new_id(self.rng), actor=actor)
        if self.book or self.rng.random() < 0.3:
            line["book"] = self.book
        if self.rng.random() < 0.05:
            line |= dict(schema_version=1, correlation_id=new_id(self.rng), expected_version=None)
        return line | envelope

    def emit(self, line):
        """Keeps a line that is taken, or a refused one in invalid mode; says if taken."""
        line = {k: v for k, v in line.items() if v is not None or self.rng.random() < 0.5}
        try:
            booked = self.ledger.admit(json.loads(json.dumps(line)))
        except oracle.Refused:
            if self.options.invalid:
                self.lines.append(line)
            return False
        self.lines.append(line)
        if booked:
            self.made.append(line)
        return True

    @property
    def stream(self):
        return self.ledger.streams[self.book or "main", self.position]

    def held(self, name):
        """The signed quantity of a leg now; 0 when the position does not fold."""
        try:
            return oracle.Fold(self.stream).legs[name].qty
        except oracle.FoldError:
            return 0

    def events_of(self, *kinds):
        return [e for e in self.stream.events if e.type in kinds]

    def id_of(self, line):
        """The derived id of a line that is not booked yet."""
        event = oracle.parse_event(json.loads(json.dumps(line)))
        return oracle.derived_id(event, self.stream.terms.get(event.payload.get("leg")))

    # -- the vocabulary

    def opened(self):
        payload = dict(strategy="carry", asset="BTC",
                       legs=[market.terms for market in self.markets.values()],
                       **maybe(self.rng, 0.3, opportunity_id=new_id(self.rng)),
                       **maybe(self.rng, 0.3, report_currency="USD"))
        return self.event(oracle.OPENED, payload, at=self.now + self.rng.choice((0, 0, 9 * HOUR)))

    def trade_id(self):
        self.trades += 1
        shape = self.rng.choice(("{p}{n}",) * 8 + ("é{p}{n}", "e\u0301{p}{n}", '"\\/{p}\t{n}🜁'))
        return shape.format(p=self.position[:4], n=self.trades)

    def fill_line(self, name, side, qty, at=None, **more):
        """A fill of `qty` on a side, with a fee in one asset or another."""
        rng, market = self.rng, self.markets[name]
        px = market.price()
        payload = dict(leg=name, trade_id=self.trade_id(), side="buy" if side > 0 else "sell",
                       qty=written(rng, qty), px=written(rng, px),
                       liquidity=rng.choice(("maker", "taker", "unknown")))
        payload |= self.fee_of(market, qty, px, "fee", "fee_asset")
        payload |= maybe(rng, 0.2, order_id=f"o{self.trades}")
        payload |= maybe(rng, 0.2, part=rng.choice((0, 0, 1)))
        payload |= maybe(rng, 0.15, ref_px=written(rng, market.price()))
        payload |= maybe(rng, 0.1, venue_closed_pnl="-1.5")
        if rng.random() < 0.05:
            payload["cause"] = rng.choice(("trade", "liquidation", "adl", "settlement"))
        if rng.random() < (0.3 if market.terms["kind"] == "inverse" else 0.03):
            unit = 10 ** (18 - market.terms["settle_scale"])
            near = market.value(qty, px) * rng.randint(999, 1001) // 1000
            payload["venue_value"] = oracle.text_of(near // unit * unit)
        return self.event(FILL, payload | more, at=at)

    def fee_of(self, market, qty, px, amount_name, asset_name):
        """A fee in the settle asset, the base or a third asset; sometimes a rebate or zero."""
        rng, terms = self.rng, market.terms
        where = rng.choice(("settle", "settle", "base", "third") + ("base",) * 3 * self.calm)
        rate = None
        if where == "base" and terms["kind"] == "spot" and market.multiplier == ONE:
            amount, asset = qty * rng.randint(1, 30) // 10_000, "BTC"
        elif where == "third" or (where == "base" and terms["kind"] == "linear"):
            asset = "BTC" if where == "base" else rng.choice(("BNB", "HYPE"))
            amount = spread(rng, ONE // 10**6, ONE, 1)
            if rng.random() < 0.5:
                rate = spread(rng, ONE // 100, 900 * ONE, 1)
        else:
            amount, asset = market.value(qty, px) * rng.randint(1, 10) // 10_000, terms["settle"]
        if rng.random() < 0.5:
            amount = amount // (ONE // 10**8) * (ONE // 10**8)
        amount = min(amount, oracle.LIMIT // 10) * rng.choice((1, 1, 1, 1, -1, 0))
        result = {amount_name: written(rng, amount), asset_name: asset}
        if rate is not None or rng.random() < 0.03:
            result["fee_rate"] = written(rng, rate or ONE)
        return result

    def open_fill(self):
        """Towards or beyond the target, in its side."""
        name = self.rng.choice(list(self.markets))
        market = self.markets[name]
        side = 1 if market.terms["side"] == "long" else -1
        target = oracle.decimal(market.terms["target_qty"])
        left = target - side * self.held(name)
        if left > 0 and self.rng.random() < (0.9 if self.calm else 0.5):
            qty = left + self.rng.choice((0, 0, 0, 0, 1, -1)) * market.step or left
        else:
            qty = market.quantity()
        if left > 0 and self.rng.random() < 0.3:
            qty = max(market.step, left // 3 // market.step * market.step)
        return self.fill_line(name, side, qty, **maybe(self.rng, 0.5, intent="open"))

    def reduce_fill(self):
        """A part of what is held, all of it, or more."""
        name = self.rng.choice(list(self.markets))
        held = self.held(name)
        size = abs(held)
        roll = self.rng.random()
        if not held or roll < 0.1:
            size += self.markets[name].quantity()
        elif roll < 0.7:
            size = max(1, size * self.rng.randint(1, 9) // 10)
        intent = self.rng.choice(("close", "rebalance", "rebalance", None))
        intent = "rebalance" if self.calm else intent
        return self.fill_line(name, -oracle.sign(held) or 1, size, intent=intent)

    def funding(self):
        """At the hour or every eight; stamps come late; sometimes in another asset."""
        rng = self.rng
        name = rng.choice(list(self.markets))
        market, at = self.markets[name], self.at()
        interval = rng.choice((None, None, 3600, 28800))
        seconds = interval or market.terms.get("funding_interval_s") or 3600
        late = rng.choice((0, 0, 0, rng.randint(1, 60))) * HOUR  # a statement that came late
        instant = (at - late) // (seconds * SECOND) * seconds * SECOND
        amount = spread(rng, ONE // 10**9, 50 * ONE, 1) * rng.choice((1, -1))
        instant += rng.choice((0, 0, 4_200_000, 59 * SECOND))
        payload = dict(
            leg=name, funding_time=time_text(rng, instant), amount=written(rng, amount),
            interval_s=interval,
            asset="BNB" if rng.random() < 0.12 else market.terms["settle"],
            **maybe(rng, 0.3, rate="0.0001", mark_px=written(rng, market.price())),
            **maybe(rng, 0.2, part=rng.choice((0, 1))), **maybe(rng, 0.2, venue_txn_id="x1"))
        return self.event(FUNDING, payload, at=at)

    def fee(self):
        """A fee of its own, or one more of a trade."""
        name = self.rng.choice(list(self.markets))
        market = self.markets[name]
        fills = [e for e in self.events_of(FILL) if e.payload["leg"] == name]
        category = self.rng.choice(("trading", "borrow", "withdrawal", "other"))
        payload = dict(leg=name, category=category)
        if fills and self.rng.random() < 0.6:
            payload["trade_id"] = self.rng.choice(fills).payload["trade_id"]
        qty = abs(self.held(name)) // 5 or market.step
        payload |= self.fee_of(market, qty, market.price(), "amount", "asset")
        return self.event(FEE, payload)

    def fee_valued(self):
        """Values something in another asset; now and then what never comes."""
        targets = [e for e in self.stream.events if oracle.can_be_valued(e, self.stream)]
        target = self.rng.choice(targets).id if targets else new_id(self.rng)
        return self.valuation(target)

    def valuation(self, target):
        rate = spread(self.rng, ONE // 1000, 90000 * ONE, 1)
        return self.event(oracle.VALUED, dict(
            target_event_id=target, rate=written(self.rng, rate), source="kline"))

    def mark(self):
        name = self.rng.choice(list(self.markets))
        return self.event(oracle.MARK, dict(
            leg=name, px=written(self.rng, self.markets[name].price()),
            **maybe(self.rng, 0.5, margin_ratio="0.25", liquidation_px="1")))

    def adjustment(self):
        name = self.rng.choice(list(self.markets))
        market, held = self.markets[name], self.held(name)
        payload = dict(leg=name, category="reconciliation", reason="statement differs")
        if self.rng.random() < 0.5:
            payload["cash_delta"] = written(self.rng, self.rng.randint(-10**20, 10**20))
        if self.rng.random() < 0.6 or "cash_delta" not in payload:
            part = self.rng.choice((abs(held), abs(held) // 2, market.step))
            delta = self.rng.choice((1, -1)) * part
            payload["qty_delta"] = written(self.rng, delta)
        if self.rng.random() < 0.5:
            cost = self.rng.choice((1, -1)) * market.value(abs(held) // 10, market.price())
            payload["cost_delta"] = written(self.rng, cost)
        return self.event(oracle.ADJUSTMENT, payload)

    def void(self):
        """Of anything but a void and position_opened; now and then of what never comes."""
        kinds = [k for k in oracle.PAYLOAD if k not in (oracle.VOID, oracle.OPENED)]
        targets = self.events_of(*kinds)
        if not targets or self.rng.random() < 0.05:
            return self.voiding(new_id(self.rng))
        return self.voiding(self.rng.choice(targets).id)

    def voiding(self, target):
        return self.event(oracle.VOID, dict(target_event_id=target, reason="busted"))

    def replacement(self):
        """A corrected version of a void fill or funding; None when there is none."""
        stream = self.stream
        free = [line for line in self.made if line["type"] in (FILL, FUNDING)
                and self.id_of(line) in stream.voided - stream.replaced]
        if not free:
            return None
        line = copy.deepcopy(self.rng.choice(free))
        line["payload"]["replaces"] = self.id_of(line)
        line["event_id"] = None
        amount = "px" if line["type"] == FILL else "amount"
        value = oracle.decimal(line["payload"][amount]) * self.rng.randint(98, 102) // 100
        line["payload"][amount] = oracle.text_of(value or 1)
        return line

    def repeat(self):
        """The same event again; what §2 ignores may differ."""
        line = copy.deepcopy(self.rng.choice(self.made))
        line["source"] = self.rng.choice(SOURCES)
        line["correlation_id"] = new_id(self.rng)
        payload = line["payload"]
        for name in ("qty", "px", "fee", "amount", "rate", "cash_delta", "qty_delta", "fee_rate"):
            if isinstance(payload.get(name), str) and self.rng.random() < 0.3:
                payload[name] += "0" if "." in payload[name] else ".0"
        if line["type"] in (FILL, FUNDING):
            line["effective_at"] = time_text(self.rng, self.last_at + self.rng.randrange(0, HOUR))
            line["event_id"] = self.rng.choice((None, self.id_of(line)))
            if line["type"] == FILL:
                payload |= dict(liquidity="unknown", order_id="other", fee_rate="3", intent="close",
                                venue_value="1", cause="adl")
            else:
                payload |= dict(rate="0.5", qty="3", venue_txn_id="other")
        return line

    def early(self):
        """A void or a fee_valued before its target."""
        target = self.rng.choice((self.open_fill, self.reduce_fill, self.funding, self.fee))()
        target_id = target["event_id"] or self.id_of(target)
        if self.rng.random() < 0.5:
            before = self.voiding(target_id)
        else:
            payload = target["payload"]
            asset = payload.get("fee_asset") or payload.get("asset")
            if asset == self.markets[payload["leg"]].terms["settle"]:
                return [target]
            before = self.valuation(target_id)
        return [before] + [self.mark()] * self.rng.randint(0, 1) + [target]

    def shared(self):
        """Another share of a trade of the position before on the same instruments (§2 `part`)."""
        fills = [line for line in self.previous.made if line["type"] == FILL
                 and "replaces" not in line["payload"]] if self.previous else []
        if not fills:
            return None
        line = copy.deepcopy(self.rng.choice(fills))
        line["position_id"] = self.position
        line["event_id"] = None
        if not self.options.invalid or self.rng.random() < 0.5:
            line["payload"]["part"] = (line["payload"].get("part") or 0) + 7
        return line

    def close_requested(self):
        return self.event("close_requested", dict(reason="spread gone"))

    # -- a life

    ACTIONS = [("open_fill", 22), ("reduce_fill", 16), ("funding", 14), ("fee", 10),
               ("fee_valued", 6), ("mark", 4), ("adjustment", 4), ("void", 6), ("replacement", 6),
               ("repeat", 7), ("early", 6), ("shared", 3), ("close_requested", 1)]
    LATE = [("funding", 5), ("fee", 4), ("fee_valued", 3), ("mark", 3), ("void", 3),
            ("replacement", 3), ("repeat", 3), ("open_fill", 2), ("reduce_fill", 2)]

    def act(self, actions):
        """One action, or in invalid mode now and then a spoiled one."""
        names, weights = zip(*actions)
        line = getattr(self, self.rng.choices(names, weights)[0])()
        lines = line if isinstance(line, list) else [line] if line else []
        for line in lines:
            self.emit(line)
        if self.options.invalid and self.rng.random() < 0.35:
            spoiler = Spoiler(self)
            rare = spoiler.bad_late_fill() or self.stream.replaced and spoiler.bad_replaces()
            self.emit(rare if rare and self.rng.random() < 0.3 else spoiler.line())

    def live(self):
        """position_opened, a body, and one of several ends."""
        rng = self.rng
        if self.options.invalid and rng.random() < 0.2:
            self.emit(self.mark())  # before the position is opened
        self.emit(self.opened())
        end = rng.choice(("close", "close", "close", "open", "open", "open", "cancel"))
        if end == "cancel":
            return self.cancel()
        steps = rng.randint(1, 2 * self.options.events)
        if self.calm and rng.random() < 0.5:
            self.enter()
            steps = rng.randint(0, 4)
        for _ in range(steps):
            self.act(self.ACTIONS)
        if end == "close":
            self.close()

    def enter(self):
        """Every leg exactly to its target, in one or two fills; spot pays its fee in base."""
        for name, market in self.markets.items():
            side = 1 if market.terms["side"] == "long" else -1
            target = oracle.decimal(market.terms["target_qty"])
            first = target // 2 // market.step * market.step
            for qty in (first, target - first) if first and self.rng.random() < 0.5 else (target,):
                line = self.fill_line(name, side, qty, intent="open")
                if market.terms["kind"] == "spot" and market.multiplier == ONE:
                    line["payload"] |= dict(fee=oracle.text_of(qty // 1000), fee_asset="BTC")
                self.emit(line)

    def cancel(self):
        """No live fill; now and then a fill after all, a fact that is taken."""
        for _ in range(self.rng.randint(0, 2)):
            self.emit(self.rng.choice((self.fee, self.mark, self.funding))())
        if self.rng.random() < 0.3:
            line = self.open_fill()
            self.emit(line)
            self.emit(self.voiding(self.id_of(line)))
        self.emit(self.event("position_cancelled", dict(reason="spread gone")))
        for _ in range(self.rng.choice((0, 0, 1, 3))):
            self.act(self.ACTIONS)

    def close(self):
        """Flattens every leg, closes, and lets late facts come."""
        for name in self.markets:
            for _ in range(3):
                held = self.held(name)
                if held:
                    self.now += MINUTE
                    self.emit(self.fill_line(name, -oracle.sign(held), abs(held), at=self.now))
        self.now += MINUTE
        reason = self.rng.choice(("take_profit", "stop", "funding_flip", "liquidation", "adl",
                                  "manual", "failed"))
        self.emit(self.event(oracle.CLOSED, dict(reason=reason), at=self.now))
        closed_at = self.now
        for _ in range(self.rng.choice((0, 0, 1, 2, 4))):
            if not self.options.invalid:  # most late fills are from before the close
                self.now = self.last_at = closed_at - self.rng.randrange(HOUR, 24 * HOUR)
            self.act(self.LATE)


# ---------------------------------------------------------------- what append refuses


class Spoiler:
    """One line that append should refuse, built on a maker's position."""

    def __init__(self, maker):
        self.maker, self.rng = maker, maker.rng

    def line(self):
        names = [n for n in dir(self) if n.startswith("bad_")]
        for _ in range(20):
            line = getattr(self, self.rng.choice(names))()
            if line:
                return line
        return self.bad_type()

    def _fill(self, **payload):
        line = self.maker.open_fill()
        line["payload"] |= payload
        return line

    def _booked(self, *kinds):
        lines = [line for line in self.maker.made if line["type"] in kinds]
        return copy.deepcopy(self.rng.choice(lines)) if lines else None

    def bad_number(self):
        """§1: not a decimal string, 19 places, out of range, not positive."""
        name = self.rng.choice(("qty", "px"))
        return self._fill(**{name: self.rng.choice((
            1, 1.5, "1e3", "+1", "", "abc", "0", "0.00", "-1", "0.0000000000000000001",
            "100000000000000000000", True, "1,5", " 1", "NaN"))})

    def bad_fee_number(self):
        return self._fill(fee=self.rng.choice((0, "1e-3", "0.0000000000000000015",
                                               "-100000000000000000000")))

    def bad_missing(self):
        line = self._fill()
        line["payload"].pop(self.rng.choice(("leg", "trade_id", "side", "qty", "px", "fee",
                                             "fee_asset", "liquidity")))
        return line

    def bad_envelope_missing(self):
        line = self._fill()
        line.pop(self.rng.choice(("type", "effective_at", "source", "payload", "position_id")))
        return line

    def bad_unknown_member(self):
        line = self.maker.mark()
        if self.rng.random() < 0.5:
            line["payload"]["colour"] = "red"
        else:
            line["colour"] = "red"
        return line

    def bad_word(self):
        name, value = self.rng.choice((("side", "up"), ("liquidity", "both"), ("intent", "hold"),
                                       ("cause", "luck"), ("leg", "nowhere"), ("part", "1"),
                                       ("part", -1)))
        return self._fill(**{name: value})

    def bad_type(self):
        return self.maker.mark() | dict(type="mark_invented")

    def bad_source(self):
        return self.maker.mark() | dict(source="rumour")

    def bad_time(self):
        return self.maker.mark() | dict(effective_at=self.rng.choice(
            ("yesterday", "2026-02-30T00:00:00Z", 1767225600, "2026-01-01")))

    def bad_id(self):
        """A given id that differs from the derived one."""
        return self._fill() | dict(event_id=new_id(self.rng))

    def bad_id_missing(self):
        line = self.rng.choice((self.maker.mark, self.maker.fee, self.maker.close_requested))()
        return line | dict(event_id=None)

    def bad_id_form(self):
        return self.maker.mark() | dict(event_id="not-a-uuid")

    def bad_actor(self):
        line = self.rng.choice((self.maker.void, self.maker.adjustment))()
        return line | dict(actor=None)

    def bad_manual(self):
        return self.maker.mark() | dict(source="manual", actor=None)

    def bad_conflict_of_fill(self):
        """The same id with other content names both."""
        line = self._booked(FILL)
        if line:
            name = self.rng.choice(("qty", "px", "fee", "fee_asset"))
            line["payload"][name] = "XRP" if name == "fee_asset" else "7.125"
        return line

    def bad_conflict_of_funding(self):
        line = self._booked(FUNDING)
        if line:
            line["payload"] |= self.rng.choice((dict(amount="7.125"), dict(asset="XRP")))
        return line

    def bad_conflict_of_other(self):
        line = self._booked(FEE, oracle.MARK, oracle.ADJUSTMENT)
        if line and self.rng.random() < 0.5:
            line["effective_at"] = time_text(self.rng, self.maker.now + 77)
        elif line:
            name = {FEE: "amount", oracle.MARK: "px"}.get(line["type"], "cash_delta")
            line["payload"][name] = "7.125"
        return line

    def bad_conflict_of_type(self):
        line = self._booked(FEE, oracle.ADJUSTMENT)
        return line and self.maker.mark() | dict(event_id=line["event_id"])

    def bad_void(self):
        """Voiding a void or position_opened."""
        voids = self.maker.events_of(oracle.VOID, oracle.OPENED) if self.maker.made else []
        return self.maker.voiding(self.rng.choice(voids).id) if voids else None

    def bad_valuation(self):
        """fee_valued of a settle asset, or of what has no asset."""
        stream = self.maker.stream
        targets = [e for e in stream.events if not oracle.can_be_valued(e, stream)]
        return self.maker.valuation(self.rng.choice(targets).id)

    def bad_open(self):
        return self.maker.opened()

    def bad_stranger(self):
        """An event of a position that was never opened."""
        return self.maker.mark() | dict(position_id=new_id(self.rng))

    def bad_close(self):
        """Refused while a leg is not flat."""
        if all(self.maker.held(name) == 0 for name in self.maker.markets):
            return None
        return self.maker.event(oracle.CLOSED, dict(reason="manual"))

    def bad_close_reason(self):
        return self.maker.event(oracle.CLOSED, dict(reason="boredom"))

    def bad_cancel(self):
        if not self.maker.stream.live(FILL):
            return None
        return self.maker.event("position_cancelled", dict(reason="too late"))

    def bad_late_fill(self):
        """From after the close."""
        closes = self.maker.stream.live(oracle.CLOSED)
        if not closes:
            return None
        line = self._fill()
        line["effective_at"] = time_text(self.rng, max(e.at for e in closes) + 1)
        return line

    def bad_replaces(self):
        """Of what is not void, or replaced already."""
        stream = self.maker.stream
        line = self._booked(FILL, FUNDING)
        if not line:
            return None
        targets = [e.id for e in self.maker.events_of(FILL, FUNDING) if e.id not in stream.voided]
        if stream.replaced and self.rng.random() < 0.7:
            targets = sorted(stream.replaced)
        targets = targets or [new_id(self.rng)]
        line["event_id"] = None
        line["payload"]["replaces"] = self.rng.choice(targets)
        if line["type"] == FILL:
            line["payload"]["trade_id"] = self.maker.trade_id()
        return line

    def bad_adjustment(self):
        """§4: a change of side, a negative cost, cost on a flat leg."""
        name = self.rng.choice(list(self.maker.markets))
        try:
            leg = oracle.Fold(self.maker.stream).legs[name]
        except oracle.FoldError:
            return None
        if leg.qty == 0:
            change = dict(cost_delta="5")
        elif self.rng.random() < 0.5:
            change = dict(qty_delta=oracle.text_of(-leg.qty - oracle.sign(leg.qty)))
        else:
            change = dict(cost_delta=oracle.text_of(-leg.open_cost - 1))
        at = max(e.at for e in self.maker.stream.events) + 1
        return self.maker.event(oracle.ADJUSTMENT, dict(
            leg=name, category="reconciliation", reason="wrong") | change, at=at)

    def bad_version(self):
        """The JSON form of expected_version is not written down: only --ambiguous."""
        if not self.maker.options.ambiguous:
            return None
        return self.maker.mark() | dict(expected_version=len(self.maker.stream.events) + 3)


# ---------------------------------------------------------------- whole inputs


def interleave(rng, makers):
    """One file: the lines of each position in their order, positions mixed or in turn."""
    if rng.random() < 0.3:
        return [line for maker in makers for line in maker.lines]
    queues = [list(maker.lines) for maker in makers]
    merged = []
    while any(queues):
        queue = rng.choice([q for q in queues if q])
        for _ in range(min(len(queue), rng.randint(1, 4))):
            merged.append(queue.pop(0))
    return merged


def cross(rng, lines, makers):
    """In invalid mode: voids, valuations and trades that belong to another position."""
    for _ in range(len(makers)):
        maker, place = rng.choice(makers), rng.randrange(len(lines))
        target = lines[place]
        same_book = (target.get("book") or "main") == (maker.book or "main")
        ours = target.get("position_id") == maker.position
        if ours or not same_book or target.get("type") not in (FEE, oracle.MARK):
            continue
        if not target.get("event_id"):
            continue
        try:
            uuid.UUID(target["event_id"])
        except ValueError:
            continue
        action = rng.choice((maker.voiding, maker.valuation))
        lines.append(action(target["event_id"]))


def settle(lines, options):
    """Drops what a ledger of the whole input refuses, and positions with notes."""
    while True:
        ledger, kept = oracle.Ledger(), []
        for number, line in enumerate(lines, 1):
            try:
                ledger.admit(json.loads(json.dumps(line)), number)
            except oracle.Refused:
                if not options.invalid:
                    continue
            kept.append(line)
        for stream in ledger.streams.values():
            oracle.account(stream)
        noted = {s.position for s in ledger.streams.values() if s.notes}
        if options.ambiguous or not noted:
            return kept
        lines = [line for line in kept if line.get("position_id") not in noted]


def make_position(rng, options, previous):
    """A position without notes, or the tenth try."""
    for _ in range(10):
        maker = Maker(rng, options, previous)
        maker.live()
        oracle.account(maker.stream)
        if options.ambiguous or not maker.stream.notes:
            break
    return maker


def generate(seed, positions, events=14, invalid=False, ambiguous=False):
    """JSON lines, always the same for the same arguments."""
    rng = random.Random(f"{seed} {positions} {events} {invalid} {ambiguous}")
    options = argparse.Namespace(events=events, invalid=invalid, ambiguous=ambiguous)
    makers = []
    for _ in range(positions):
        previous = makers[-1] if makers and rng.random() < 0.25 else None
        makers.append(make_position(rng, options, previous))
    lines = interleave(rng, makers)
    if invalid:
        cross(rng, lines, makers)
    plain = rng.random() < 0.5
    return [json.dumps(line, ensure_ascii=plain) for line in settle(lines, options)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--positions", type=int, required=True)
    parser.add_argument("--events", type=int, default=14)
    parser.add_argument("--invalid", action="store_true")
    parser.add_argument("--ambiguous", action="store_true")
    options = parser.parse_args()
    sys.stdout.reconfigure(encoding="utf-8")
    for line in generate(options.seed, options.positions, options.events, options.invalid,
                         options.ambiguous):
        print(line)


if __name__ == "__main__":
    main()
