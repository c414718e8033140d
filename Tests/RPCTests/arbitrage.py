"""Two-leg positions made of real prices and funding rates by a simple rule.

The file has a row for each market and eight hours: prices of the interval, and the rate that was
settled at its begin. Written apart from the ledger's own generator, so that the two share no
mistake. All numbers are fractions: nothing is rounded but what a venue rounds.
"""
import csv
import dataclasses
import datetime
import json
import uuid
from fractions import Fraction

from events import micros

INTERVAL_S = 28_800
SECOND_US = 1_000_000
#: Ids of what has no derived one: the same in each run.
NAMESPACE = uuid.UUID("6f0e3d0c-0d7c-5a8e-9b0b-4f5d6a1c2e33")
COINS = {"bitcoin": "BTC", "ethereum": "ETH"}
#: Size of a leg, in USD.
NOTIONAL = 10_000


def half_even(value, places):
    """Rounded as a venue does; Fraction.__round__ is half-even."""
    return Fraction(round(value * 10**places), 10**places)


def text(value):
    """The normal form of accounting.md §1."""
    units = value * 10**18
    assert units.denominator == 1, f"{value} has more than 18 places"
    whole, rest = divmod(abs(units.numerator), 10**18)
    tail = f".{rest:018d}".rstrip("0").rstrip(".")
    return ("-" if value < 0 else "") + str(whole) + tail


def moment(at_us, form="%Y-%m-%dT%H:%M:%S.%fZ"):
    """A time as JSON has it."""
    epoch = datetime.datetime(1970, 1, 1)
    return (epoch + datetime.timedelta(microseconds=at_us)).strftime(form)


# ---------------------------------------------------------------- the file


@dataclasses.dataclass(frozen=True)
class Market:
    """What is traded on one venue, and its terms."""
    venue: str
    pair: str
    coin: str
    kind: str

    @property
    def settle(self):
        """An inverse contract pays in its coin."""
        return self.coin if self.kind == "inverse" else "USDT"

    @property
    def multiplier(self):
        """Coin a contract; inverse: USD a contract."""
        if self.kind == "inverse":
            return Fraction(1 if self.venue == "bybit" else {"BTC": 100, "ETH": 10}[self.coin])
        if self.kind == "linear" and self.venue == "okx":
            return Fraction({"BTC": "0.01", "ETH": "0.1"}[self.coin])
        return Fraction(1)

    @property
    def qty_scale(self):
        """Places of a quantity."""
        return {"inverse": 0, "spot": 8}.get(self.kind, 0 if self.venue == "okx" else 3)

    def contracts(self, px):
        """About NOTIONAL; all linear and spot markets give the same in coin at one price."""
        if self.kind == "inverse":
            return NOTIONAL / self.multiplier
        step = Fraction({"BTC": "0.01", "ETH": "0.1"}[self.coin])
        return NOTIONAL / px // step * step / self.multiplier

    def value(self, qty, px):
        """What `qty` costs, in the settle asset (accounting.md §4)."""
        if self.kind == "inverse":
            return half_even(qty * self.multiplier / px, 8)
        return qty * self.multiplier * px


@dataclasses.dataclass(frozen=True)
class Quote:
    """A row; the rate is None for spot."""
    open: Fraction
    close: Fraction
    rate: Fraction


def read(path):
    """The quotes by the time at which their interval begins, in order: {µs: {Market: Quote}}."""
    table = {}
    with open(path, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            at = micros(datetime.datetime.fromisoformat(row["time"] + "+00:00"))
            at -= at % (INTERVAL_S * SECOND_US)  # in summer its clock is an hour ahead
            kind = ("spot" if row["contract"] == "spot"
                    else "inverse" if row["pair"].endswith("USDCM") else "linear")
            market = Market(row["exchange"], row["pair"], COINS[row["crypto"]], kind)
            rate = Fraction(row["funding rate"]) if row["funding rate"] else None
            quote = Quote(Fraction(row["open"]), Fraction(row["close"]), rate)
            table.setdefault(at, {})[market] = quote
    return dict(sorted(table.items()))


# ---------------------------------------------------------------- events


@dataclasses.dataclass(frozen=True)
class Fact:
    """One event, as it is sent over RPC and as `fold` reads it."""
    position: str
    kind: str
    at_us: int
    payload: dict
    event_id: str = None

    @property
    def actor(self):
        """A void needs one."""
        return "tests" if self.kind == "event_voided" else None

    def message(self, pb):
        """For an AppendRequest."""
        return pb.NewEvent(
            position_id=self.position, type=self.kind, effective_at_us=self.at_us,
            source="venue_rest", actor=self.actor or "", event_id=self.event_id or "",
            payload=json.dumps(self.payload).encode())

    def line(self):
        """For a file of JSON lines."""
        return json.dumps(dict(
            position_id=self.position, type=self.kind, effective_at=moment(self.at_us),
            source="venue_rest", actor=self.actor, event_id=self.event_id, payload=self.payload))

    def changed(self, **members):
        """With other members of the payload."""
        return dataclasses.replace(self, payload=self.payload | members)


class Trade:
    """One position on its way: what it holds, and its events so far."""

    def __init__(self, lane, number, markets):
        self.lane, self.markets = lane, markets
        self.id = str(uuid.uuid5(NAMESPACE, f"{lane} {number}"))
        self.held = {leg: Fraction(0) for leg in markets}
        self.wanted = {}
        self.settlements = 0
        self.is_closing = False
        self.facts = []

    def add(self, kind, at_us, payload, has_id=True):
        """An event with an id of its own, or one whose id is derived."""
        own = str(uuid.uuid5(NAMESPACE, f"{self.id} {len(self.facts)}")) if has_id else None
        self.facts.append(Fact(self.id, kind, at_us, payload, own))

    def enter(self, at_us, quotes, spread):
        """position_opened, and a third of each leg."""
        legs, px = [], quotes[self.markets["long"]].close
        for leg, market in self.markets.items():
            self.wanted[leg] = market.contracts(px)
            terms = dict(
                leg=leg, venue=market.venue, account="desk", instrument=market.pair,
                kind=market.kind, side=leg, target_qty=text(self.wanted[leg]),
                multiplier=text(market.multiplier), base=market.coin,
                quote="USD" if market.kind == "inverse" else "USDT", settle=market.settle,
                qty_scale=market.qty_scale, price_scale=4, settle_scale=8)
            if market.kind != "spot":
                terms["funding_interval_s"] = INTERVAL_S
            legs.append(terms)
        refs = {leg: text(quotes[market].close) for leg, market in self.markets.items()}
        signal = dict(decided_at=moment(at_us), ref_px=refs,
                      expected_spread_bps=text(spread * 10_000))
        self.add("position_opened", at_us, dict(
            strategy=self.lane.strategy, asset=self.lane.coin, legs=legs, signal=signal))
        self.trade(at_us, Fraction(1, 3), quotes, "open", "close")

    def trade(self, at_us, share, quotes, intent, px):
        """A fill of each leg: `share` of what it wants to hold, or of what it holds."""
        for index, (leg, market) in enumerate(self.markets.items()):
            opens = intent == "open"
            if share == 1:
                qty = self.wanted[leg] - self.held[leg] if opens else self.held[leg]
            else:
                step = Fraction(1, 10**market.qty_scale)
                qty = (self.wanted[leg] if opens else self.held[leg]) * share // step * step
            self.fill(at_us + (1 + index) * 7 * SECOND_US, leg, market, qty,
                      getattr(quotes[market], px), intent)

    def fill(self, at_us, leg, market, qty, px, intent):
        """leg_fill_recorded; some venues take the fee of a spot purchase from what was bought."""
        is_maker = px.numerator % 2 == 0
        buys = (leg == "long") == (intent == "open")
        if market.kind == "spot" and buys and market.venue != "bybit":
            fee, asset = half_even(qty / 1_000, 8), market.coin
            taken = fee
        else:
            bps = Fraction(-1 if market.venue == "okx" else 2) if is_maker else Fraction(5)
            fee, asset, taken = (
                half_even(market.value(qty, px) * bps / 10_000, 8), market.settle, Fraction(0))
        self.held[leg] += (qty if intent == "open" else -qty) - taken
        if leg == "long" and intent == "open":
            self.wanted[leg] -= taken
        self.add("leg_fill_recorded", at_us, dict(
            leg=leg, trade_id=f"{self.id[:8]}-{len(self.facts)}", side="buy" if buys else "sell",
            qty=text(qty), px=text(px), fee=text(fee), fee_asset=asset, intent=intent,
            liquidity="maker" if is_maker else "taker"), has_id=False)

    def settle(self, at_us, quotes):
        """funding_recorded of each perpetual: long pays when the rate is positive."""
        self.settlements += 1
        for index, (leg, market) in enumerate(self.markets.items()):
            quote = quotes[market]
            if quote.rate is None or self.held[leg] == 0:
                continue
            qty = self.held[leg] * (1 if leg == "long" else -1)
            worth = (qty * market.multiplier / quote.open if market.kind == "inverse"
                     else qty * market.multiplier * quote.open)
            # The stamp comes a moment late; several positions share what one account is paid.
            stamp = at_us + (self.settlements % 3) * 17 * SECOND_US
            self.add("funding_recorded", at_us + (60 + index) * SECOND_US, dict(
                leg=leg, funding_time=moment(stamp), part=self.lane.number,
                amount=text(half_even(-worth * quote.rate, 8)), asset=market.settle,
                rate=text(quote.rate), mark_px=text(quote.open), qty=text(qty)), has_id=False)

    def mark(self, at_us, quotes):
        """mark_recorded of each leg."""
        for index, (leg, market) in enumerate(self.markets.items()):
            self.add("mark_recorded", at_us + (90 + index) * SECOND_US,
                     dict(leg=leg, px=text(quotes[market].open)))

    def exit(self, at_us, quotes, reason):
        """close_requested, and a third of each leg."""
        self.is_closing = True
        self.add("close_requested", at_us, dict(reason=reason))
        self.trade(at_us, Fraction(1, 3), quotes, "close", "close")

    def close(self, at_us, quotes):
        """The rest, position_closed, and sometimes a fee that is charged a day late."""
        self.trade(at_us, Fraction(1), quotes, "close", "open")
        self.add("position_closed", at_us + 30 * SECOND_US, dict(reason="funding_flip"))
        if self.lane.trades % 5 == 2:
            self.add("fee_recorded", at_us + 3 * INTERVAL_S * SECOND_US, dict(
                leg="short", amount="0.00012345", asset=self.markets["short"].settle,
                category="withdrawal"))


# ---------------------------------------------------------------- the rule


class Lane:
    """One position at a time of one coin and two kinds of market.

    flat ──the best spread of two venues ≥ ENTRY──▶ open in two fills ──spread ≤ 0, or
    SETTLEMENTS_MAX──▶ closed in two fills ──PAUSE intervals──▶ flat
    """
    ENTRY = Fraction("0.0001")
    SETTLEMENTS_MAX = 9
    PAUSE = 130

    def __init__(self, number, coin, long_kind, short_kind):
        self.number, self.coin = number, coin
        self.kinds = dict(long=long_kind, short=short_kind)
        self.strategy = f"{long_kind}-{short_kind}"
        self.trades, self.rest, self.done = 0, number * 3, []
        self.current = None

    def __str__(self):
        return f"{self.coin} {self.strategy}"

    @staticmethod
    def spread(markets, quotes):
        """What the pair is paid at a settlement, as a rate."""
        return (quotes[markets["short"]].rate or 0) - (quotes[markets["long"]].rate or 0)

    def best(self, quotes):
        """The pair of two venues with the widest spread."""
        sides = {side: [m for m in quotes if (m.coin, m.kind) == (self.coin, kind)]
                 for side, kind in self.kinds.items()}
        pairs = [dict(long=one, short=two) for one in sides["long"] for two in sides["short"]
                 if one.venue != two.venue]
        return max(pairs, key=lambda pair: self.spread(pair, quotes))

    def step(self, at_us, quotes, left):
        """One interval: the settlement and the trades at its begin, the decision at its end."""
        end_us = at_us + (INTERVAL_S - 600) * SECOND_US
        trade = self.current
        if trade is None:
            self.rest -= 1
            markets = self.best(quotes)
            spread = self.spread(markets, quotes)
            # At the end nobody rests, so that some positions are still open.
            if min(self.rest, left - 10) < 0 and spread >= self.ENTRY:
                self.current = Trade(self, self.trades, markets)
                self.current.enter(end_us, quotes, spread)
                self.trades += 1
            return
        trade.settle(at_us, quotes)
        if trade.settlements == 1:
            trade.mark(at_us, quotes)
            trade.trade(at_us + 300 * SECOND_US, Fraction(1), quotes, "open", "open")
        elif trade.is_closing:
            trade.mark(at_us, quotes)
            trade.close(at_us + 300 * SECOND_US, quotes)
            self.done.append(trade)
            self.current, self.rest = None, self.PAUSE
            return
        spread = self.spread(trade.markets, quotes)
        if spread <= 0 or trade.settlements >= self.SETTLEMENTS_MAX:
            reason = "the spread is gone" if spread <= 0 else "held long enough"
            trade.exit(end_us, quotes, reason)


def positions(path):
    """The facts of each position, in the order of their openings; some are still open."""
    kinds = [("linear", "linear"), ("spot", "linear"), ("inverse", "inverse"),
             ("inverse", "linear")]
    lanes = [Lane(2 * index + offset, coin, *pair) for index, pair in enumerate(kinds)
             for offset, coin in enumerate(COINS.values())]
    table = read(path)
    for left, at_us in zip(reversed(range(len(table))), table):
        for lane in lanes:
            lane.step(at_us, table[at_us], left)
    trades = [t for lane in lanes for t in lane.done + [lane.current] if t]
    return sorted((t.facts for t in trades), key=lambda facts: (facts[0].at_us, facts[0].position))
