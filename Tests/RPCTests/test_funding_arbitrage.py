"""Positions of real prices and funding rates over RPC: every invariant of accounting.md §6.

Each test appends its events to a book of its own and compares what the ledger answers with what
`fold` makes of the same lines, with sums of the events themselves, and with another book.
"""
import dataclasses
import json
import os
import random
import subprocess
import uuid
from collections import Counter, defaultdict
from fractions import Fraction

import grpc
import pytest
from google.protobuf.json_format import MessageToDict

import arbitrage
from arbitrage import Fact, half_even, text
from conftest import ROOT
from events import derived_id
from process import WAIT_SECONDS_MAX

TIMEOUT = {"timeout": WAIT_SECONDS_MAX}
SHARED = os.environ.get("NEXUS_SHARED") or str(ROOT.parent / "shared")
FILE = SHARED + "/data/funding_arbitrage/all_exchanges.csv"

pytestmark = pytest.mark.skipif(
    not os.access(FILE, os.R_OK),
    reason=f"the real prices are not there: {FILE}; NEXUS_SHARED names the folder `shared`")

#: What tells of the order and the place of arrival, not of the money (accounting.md §3).
ARRIVAL = {"version", "log_position", "revision"}
MONEY = ("realized_price", "fee_value", "funding_value", "adjustments", "net")
#: Of a row of daily P&L.
KEY = ("day", "strategy", "asset", "venue", "settle")


def number(decimal):
    """Exactly; None for what is null."""
    return Fraction(decimal) if decimal else None


def negated(decimal):
    """The same text with the other sign; null and zero have none."""
    if decimal in ("", "0"):
        return decimal
    return decimal[1:] if decimal.startswith("-") else "-" + decimal


# ---------------------------------------------------------------- books


class Book:
    """Events as they were appended over RPC to a book of their own, and the answers."""

    def __init__(self, ledger, pb, facts, per_request=100):
        self.ledger, self.pb, self.facts = ledger, pb, facts
        self.name = "carry-" + uuid.uuid4().hex[:12]
        self.head = 0
        self.places = self.append(facts, per_request)
        self.read()

    def append(self, facts, per_request):
        """Their places, appended in this order on one stream."""
        requests = (
            self.pb.AppendRequest(
                book=self.name, events=[f.message(self.pb) for f in facts[at:at + per_request]])
            for at in range(0, len(facts), per_request))
        places = []
        for answer in self.ledger.calls.AppendStream(requests, **TIMEOUT):
            assert answer.WhichOneof("outcome") == "committed", answer
            places += answer.committed.places
        self.head = max([self.head] + [p.log_position for p in places])
        return places

    def ask(self, call, request):
        """An answer of the projections that has seen every event so far."""
        request.at_least = self.head
        for _ in range(WAIT_SECONDS_MAX):
            try:
                return call(request, **TIMEOUT)
            except grpc.RpcError as error:
                # They are behind: the ledger has waited for them a while, and says so.
                if error.code() != grpc.StatusCode.UNAVAILABLE:
                    raise
        raise AssertionError(f"the projections of {self.name} do not reach {self.head}")

    def pages(self, call, request, items):
        """The items of all pages."""
        request.book = self.name
        found = []
        while True:
            answer = self.ask(call, request)
            found += getattr(answer, items)
            if not answer.next_page_token:
                return found
            request.page_token = answer.next_page_token

    def listed(self, filter_name="FILTER_ALL", **more):
        """Positions as ListPositions has them."""
        request = self.pb.ListPositionsRequest(
            filter=self.pb.ListPositionsRequest.Filter.Value(filter_name), page_size=17, **more)
        return self.pages(self.ledger.calls.ListPositions, request, "positions")

    def daily(self, **more):
        """Rows as GetDailyPnl has them."""
        request = self.pb.GetDailyPnlRequest(page_size=50, **more)
        return self.pages(self.ledger.calls.GetDailyPnl, request, "rows")

    def read(self):
        """Asks for everything, and checks what must hold of any book."""
        self.positions = {p.position_id: p for p in self.listed()}
        self.days = self.daily()
        for position in self.positions.values():
            assert not position.stale_reason, position
            flat_legs_have_no_cost(position)
            totals_are_sums_of_legs(position)
        days_are_sums_of_legs(self)

    def facts_of(self, position_id):
        """The events of a position, in the order of arrival."""
        return [fact for fact in self.facts if fact.position == position_id]

    def dump(self):
        """All of it, to compare with itself at another time."""
        return ({key: MessageToDict(p) for key, p in self.positions.items()},
                [MessageToDict(row) for row in self.days])

    def figures(self):
        """All of it but what tells of arrival, to compare with another book."""
        return ({key: figures(p) for key, p in self.positions.items()},
                [MessageToDict(row) for row in self.days])


def figures(position):
    """Every figure of a position but what tells of the order and the place of arrival."""
    found = MessageToDict(position, preserving_proto_field_name=True)
    found["flags"] = [flag for flag in found.get("flags", []) if flag != "RESTATED"]
    return {name: value for name, value in found.items() if name not in ARRIVAL}


def flat_legs_have_no_cost(position):
    """flat ⇒ open_cost = 0 and unrealised = 0."""
    for leg in position.legs:
        if leg.qty == "0":
            assert leg.open_cost == "0" and leg.avg_entry_px == "", leg
            assert leg.unrealized in ("", "0"), leg
        else:
            assert number(leg.open_cost) > 0, leg


def totals_are_sums_of_legs(position):
    """A total exists where all legs have one settle asset; net is what its parts make."""
    for leg in position.legs:
        assert number(leg.net) == (number(leg.realized_price) - number(leg.fee_value)
                                   + number(leg.funding_value) + number(leg.adjustments)), leg
    names = dict(realized="realized_price", fees="fee_value", funding="funding_value",
                 adjustments="adjustments", net="net")
    settles = {leg.settle for leg in position.legs}
    for total, part in names.items():
        if len(settles) == 1:
            sum_of_legs = sum(number(getattr(leg, part)) for leg in position.legs)
            assert number(getattr(position, total)) == sum_of_legs, position
        else:
            assert getattr(position, total) == "", position
    assert position.settle == (settles.pop() if len(settles) == 1 else "")


def days_are_sums_of_legs(book):
    """Σ days = position total and Σ venues = Σ legs, a strategy, asset, venue and settle asset."""
    days, legs = (defaultdict(lambda: [Fraction(0)] * 5) for _ in range(2))

    def add(table, key, row, names):
        table[key] = [old + number(getattr(row, name)) for old, name in zip(table[key], names)]

    for row in book.days:
        add(days, (row.strategy, row.asset, row.venue, row.settle), row,
            ("price_pnl", "fees", "funding", "adjustments", "net"))
    for position in book.positions.values():
        for leg in position.legs:
            key = (position.strategy, position.asset, leg.venue, leg.settle)
            add(legs, key, leg, MONEY)
    assert {key: sums for key, sums in days.items() if any(sums)} == {
        key: sums for key, sums in legs.items() if any(sums)}


# ---------------------------------------------------------------- input


@pytest.fixture(scope="module")
def positions():
    """The facts of every position."""
    return arbitrage.positions(FILE)


@pytest.fixture(scope="module")
def sample(positions):
    """The facts of every third position: of each kind and venue, closed and still open."""
    return positions[::3]


@pytest.fixture(scope="module")
def main(ledger, pb, positions):
    """Every position, in the order in which it all happened."""
    facts = sorted((f for facts in positions for f in facts), key=lambda f: (f.at_us, f.position))
    return Book(ledger, pb, facts, per_request=7)


@pytest.fixture(scope="module")
def plain(ledger, pb, sample):
    """The sample, position by position: what the changed ones are compared with."""
    return Book(ledger, pb, [fact for facts in sample for fact in facts])


def is_closed(facts):
    """Whether it has come to its end."""
    return any(fact.kind == "position_closed" for fact in facts)


def legs_of(facts):
    """The terms of its legs by name."""
    return {leg["leg"]: leg for leg in facts[0].payload["legs"]}


def has_base_fee(facts):
    """Whether a venue took a fee from what was bought."""
    terms = legs_of(facts)
    return any(f.kind == "leg_fill_recorded" and f.payload["fee_asset"] != terms[
        f.payload["leg"]]["settle"] for f in facts)


def fold(binary, lines, status=0):
    """What `nexus-ledger fold` prints of the lines."""
    done = subprocess.run([binary, "fold", "-"], input="\n".join(lines) + "\n", text=True,
                          capture_output=True, timeout=WAIT_SECONDS_MAX, check=False)
    assert done.returncode == status, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folded(binary, main):
    """The accounts that `fold` makes of the lines of `main`, by position."""
    accounts = json.loads(fold(binary, [fact.line() for fact in main.facts]))
    return {account["position_id"]: account for account in accounts}


def test_the_file_gives_positions_of_every_kind(positions, sample):
    for some in (positions, sample):
        terms = [leg for facts in some for leg in facts[0].payload["legs"]]
        assert {leg["kind"] for leg in terms} == {"linear", "inverse", "spot"}
        assert len({leg["venue"] for leg in terms}) == 3
        assert len({(f[0].payload["strategy"], f[0].payload["asset"]) for f in some}) == 8
        assert any(has_base_fee(facts) for facts in some)
        assert {is_closed(facts) for facts in some} == {True, False}
        assert any(facts[-1].kind == "fee_recorded" for facts in some), "a fee that came late"
    assert len(positions) > 100 and len(sample) > 30


# ---------------------------------------------------------------- what the ledger answers


def test_all_events_stand_in_the_log_without_a_gap_under_the_ids_of_their_facts(main):
    assert [p.log_position for p in main.places] == list(range(1, len(main.facts) + 1))
    versions = Counter()
    for fact, place in zip(main.facts, main.places):
        versions[fact.position] += 1
        assert (place.version, place.duplicate) == (versions[fact.position], False)
        assert place.event_id == id_of(fact, legs_of(main.facts_of(fact.position)))


def id_of(fact, terms):
    """The id that the ledger must give it (accounting.md §2)."""
    if fact.event_id:
        return fact.event_id
    payload = fact.payload
    if fact.kind == "event_voided":
        return derived_id("void", payload["target_event_id"])
    leg = terms[payload["leg"]]
    key = [leg["venue"], leg["account"], leg["instrument"]]
    if fact.kind == "leg_fill_recorded":
        return derived_id("fill", *key, payload["trade_id"], payload["side"],
                          payload.get("part", 0))
    # It comes within a minute of the settlement.
    settled = fact.at_us - fact.at_us % (arbitrage.INTERVAL_S * arbitrage.SECOND_US)
    return derived_id("funding", *key, arbitrage.moment(settled, "%Y-%m-%dT%H:%M:%SZ"),
                      payload["part"])


def test_a_position_is_what_fold_makes_of_its_lines(main, pb, folded):
    assert set(main.positions) == set(folded)
    for position_id, account in folded.items():
        request = pb.GetPositionRequest(book=main.name, position_id=position_id)
        answer = main.ask(main.ledger.calls.GetPosition, request)
        assert answer.as_of == main.head
        assert answer.position == main.positions[position_id], "ListPositions says the same"
        assert answer.position.version == len(main.facts_of(position_id))
        assert account_of(answer.position) == {k: v for k, v in account.items() if k != "days"}


def account_of(position):
    """A position as `fold` prints it, but for its days."""
    names = ("leg", "qty", "open_cost", "realized_price", "adjustments")
    nullable = ("avg_entry_px", "fee_value", "net")
    legs = [{name: getattr(leg, name) for name in names}
            | {name: getattr(leg, name) or None for name in nullable}
            | dict(flags=list(leg.flags), fees=dict(leg.fees), funding=dict(leg.funding))
            for leg in position.legs]
    return dict(position_id=position.position_id, state=position.state,
                flags=list(position.flags), legs=legs)


def test_positions_are_listed_newest_first_and_are_open_or_closed(main, positions):
    listed = main.listed()
    assert len(listed) == len(positions)
    order = [(p.opened_at_us, uuid.UUID(p.position_id)) for p in listed]
    assert order == sorted(order, reverse=True)
    ended = {facts[0].position for facts in positions if is_closed(facts)}
    found = {}
    for filter_name in ("FILTER_OPEN", "FILTER_CLOSED"):
        found[filter_name] = main.listed(filter_name)
        assert found[filter_name] == [
            p for p in listed if (p.position_id in ended) == (filter_name == "FILTER_CLOSED")]
    assert found["FILTER_OPEN"] and found["FILTER_CLOSED"]
    for position in found["FILTER_CLOSED"]:
        close = [f for f in main.facts_of(position.position_id) if f.kind == "position_closed"]
        assert (position.state, position.close_reason, position.closed_at_us) == (
            "CLOSED", "funding_flip", close[0].at_us)
        assert all(leg.qty == "0" for leg in position.legs)
    for asset in ("BTC", "ETH"):
        assert main.listed(asset=asset) == [p for p in listed if p.asset == asset]
        assert main.listed(asset=asset, strategy="spot-linear") == [
            p for p in listed if (p.asset, p.strategy) == (asset, "spot-linear")]


def test_daily_pnl_is_the_sum_of_the_days_that_fold_prints(main, positions, folded):
    names = ("price_pnl", "fees", "funding", "adjustments", "net")
    expected = {}
    for facts in positions:
        opened = facts[0].payload
        for day in folded[facts[0].position]["days"]:
            key = (day["day"], opened["strategy"], opened["asset"], day["venue"], day["settle"])
            old = expected.get(key, [Fraction(0)] * len(names))
            expected[key] = [one + Fraction(day[name]) for one, name in zip(old, names)]
    found = [((row.day, row.strategy, row.asset, row.venue, row.settle),
              [getattr(row, name) for name in names]) for row in main.days]
    assert [key for key, _ in found] == sorted(expected)
    for key, row in found:
        assert row == [text(value) for value in expected[key]], key


def test_daily_pnl_counts_the_fills_and_positions_of_a_day(main, positions):
    fills, volumes, found = Counter(), Counter(), defaultdict(set)
    for facts in positions:
        opened, terms = facts[0].payload, legs_of(facts)
        for fact in facts:
            if fact.kind not in ("leg_fill_recorded", "funding_recorded", "fee_recorded"):
                continue
            leg = terms[fact.payload["leg"]]
            key = (arbitrage.moment(fact.at_us, "%Y-%m-%d"), opened["strategy"],
                   opened["asset"], leg["venue"], leg["settle"])
            found[key].add(fact.position)
            if fact.kind == "leg_fill_recorded":
                px = 1 if leg["kind"] == "inverse" else Fraction(fact.payload["px"])
                fills[key] += 1
                volumes[key] += Fraction(fact.payload["qty"]) * Fraction(leg["multiplier"]) * px
    rows = {(row.day, row.strategy, row.asset, row.venue, row.settle): (
        row.fills, number(row.volume), row.positions) for row in main.days}
    assert rows == {key: (fills[key], volumes[key], len(ids)) for key, ids in found.items()}


@pytest.mark.parametrize("by", [["venue"], ["strategy", "asset"], ["day"]])
def test_daily_pnl_by_some_is_the_sum_over_the_others(main, by):
    names = ("price_pnl", "fees", "funding", "adjustments", "net", "volume")
    expected = {}
    for row in main.days:
        key = tuple(getattr(row, name) for name in by) + (row.settle,)
        old = expected.get(key, [Fraction(0)] * len(names))
        expected[key] = [one + number(getattr(row, name)) for one, name in zip(old, names)]
    grouped = main.daily(by=by)
    assert {tuple(getattr(row, name) for name in by) + (row.settle,): [
        number(getattr(row, name)) for name in names] for row in grouped} == expected
    assert len(grouped) == len(expected)


def test_a_venues_rows_are_the_rows_of_that_venue(main):
    for venue in ("binance", "bybit", "okx"):
        assert main.daily(venue=venue) == [row for row in main.days if row.venue == venue]


def test_a_timeline_has_every_event_in_its_order_and_ends_at_its_position(main, pb):
    for position_id, position in main.positions.items():
        facts = main.facts_of(position_id)
        request = pb.GetTimelineRequest(book=main.name, position_id=position_id)
        answers = main.ledger.calls.GetTimeline(request, **TIMEOUT)
        entries = [entry for answer in answers for entry in answer.entries]
        assert [e.event.effective_at_us for e in entries] == sorted(f.at_us for f in facts)
        assert sorted(e.event.version for e in entries) == list(range(1, len(facts) + 1))
        for fact, entry in zip(facts, sorted(entries, key=lambda e: e.event.version)):
            assert (entry.event.type, json.loads(entry.event.payload)) == (
                fact.kind, normal(fact.payload))
        legs = {}
        for entry in entries:
            assert not entry.voided_by and not entry.fold_error
            if entry.running.leg:
                legs[entry.running.leg] = entry.running
            nets = [running.net for running in legs.values()]
            assert number(entry.running.position_net) == (
                sum(map(number, nets)) if position.settle else None)
        assert entries[-1].running.state == position.state
        for leg in position.legs:
            last = legs[leg.leg]
            assert (last.qty, last.open_cost, last.avg_entry_px, last.realized_price,
                    last.fee_value, last.funding, last.adjustments, last.net) == (
                leg.qty, leg.open_cost, leg.avg_entry_px, leg.realized_price, leg.fee_value,
                leg.funding_value, leg.adjustments, leg.net)


def normal(payload):
    """As it is stored: without a part 0, and a time has no more places than it needs."""
    changed = {name: value for name, value in payload.items() if (name, value) != ("part", 0)}
    if "funding_time" in changed:
        changed["funding_time"] = changed["funding_time"].replace(".000000Z", "Z")
    if "signal" in changed:
        at = changed["signal"]["decided_at"].replace(".000000Z", "Z")
        changed["signal"] = changed["signal"] | dict(decided_at=at)
    return changed


# ---------------------------------------------------------------- sums of the events themselves


def test_a_leg_has_the_cash_fees_and_funding_of_its_events(main, positions):
    for facts in positions:
        for leg in main.positions[facts[0].position].legs:
            qty, cash, fees, fee_value, paid = sums_of(facts, leg.leg)
            assert number(leg.qty) == qty
            sign = (qty > 0) - (qty < 0)
            cost = number(leg.open_cost) * (-sign if leg.kind == "inverse" else sign)
            assert number(leg.realized_price) == cash + cost, "exact, whatever closes rounded"
            assert {asset: Fraction(fee) for asset, fee in leg.fees.items()} == fees
            assert number(leg.fee_value) == fee_value
            assert number(leg.funding_value) == paid


def sums_of(facts, name):
    """Quantity, Σ(−s·v), fees, their value and funding of a leg; inverse: Σ(s·v)."""
    terms = legs_of(facts)[name]
    market = arbitrage.Market(terms["venue"], terms["instrument"], terms["base"], terms["kind"])
    qty, cash, value, paid, fees = Fraction(0), Fraction(0), Fraction(0), Fraction(0), Counter()
    for fact in facts:
        payload = fact.payload
        if payload.get("leg") != name:
            continue
        if fact.kind == "leg_fill_recorded":
            sign = 1 if payload["side"] == "buy" else -1
            traded, px, fee = (Fraction(payload[key]) for key in ("qty", "px", "fee"))
            qty += sign * traded
            worth = sign * market.value(traded, px)
            cash += worth if market.kind == "inverse" else -worth
            fees[payload["fee_asset"]] += fee
            if payload["fee_asset"] != market.settle:  # what is taken in base is sold
                qty -= fee
                fee = half_even(fee * px, 18)
                cash += fee
            value += fee
        elif fact.kind == "fee_recorded":
            fees[payload["asset"]] += Fraction(payload["amount"])
            value += Fraction(payload["amount"])
        elif fact.kind == "funding_recorded":
            paid += Fraction(payload["amount"])
    return qty, cash, dict(fees), value, paid


def test_unrealised_is_what_the_last_mark_makes_of_an_open_leg(main):
    count = 0
    for position in main.positions.values():
        for leg in position.legs:
            if leg.qty == "0" or not leg.mark_px:
                continue
            qty, px = number(leg.qty), number(leg.mark_px)
            sign = 1 if qty > 0 else -1
            worth = abs(qty) * number(leg.multiplier)
            worth = half_even(worth / px if leg.kind == "inverse" else worth * px, 18)
            gain = sign * (worth - number(leg.open_cost))
            assert number(leg.unrealized) == (-gain if leg.kind == "inverse" else gain), leg
            count += 1
    assert count


def test_two_flat_legs_of_equal_size_earn_the_change_of_the_basis(main, positions):
    count = 0
    for facts in positions:
        kinds = {leg["kind"] for leg in facts[0].payload["legs"]}
        if "inverse" in kinds or has_base_fee(facts) or not is_closed(facts):
            continue
        sizes, basis = set(), {}
        for intent, name in [("open", "in"), ("close", "out")]:
            px = {}
            for leg, terms in legs_of(facts).items():
                fills = [f.payload for f in facts if f.kind == "leg_fill_recorded"
                         and (f.payload["leg"], f.payload["intent"]) == (leg, intent)]
                qty = sum(Fraction(fill["qty"]) for fill in fills)
                px[leg] = sum(Fraction(fill["qty"]) * Fraction(fill["px"]) for fill in fills) / qty
                sizes.add(qty * Fraction(terms["multiplier"]))
            basis[name] = px["short"] - px["long"]
        assert len(sizes) == 1
        position = main.positions[facts[0].position]
        assert number(position.realized) == sizes.pop() * (basis["in"] - basis["out"])
        count += 1
    assert count > 25


# ---------------------------------------------------------------- the same events otherwise


def test_repeats_change_nothing(main, binary):
    before, lines = main.dump(), [fact.line() for fact in main.facts]
    backwards = list(zip(main.facts, main.places))[::-1]
    places = main.append([fact for fact, _ in backwards], per_request=250)
    for (_, first), again in zip(backwards, places):
        assert again.duplicate
        assert (again.event_id, again.log_position, again.version, again.recorded_at_us) == (
            first.event_id, first.log_position, first.version, first.recorded_at_us)
    assert main.head == len(main.facts)
    main.read()
    assert main.dump() == before
    opened = sum(fact.kind == "position_opened" for fact in main.facts)
    assert fold(binary, lines + lines[::-1]) == fold(binary, lines)
    assert len(before[0]) == opened


@pytest.mark.parametrize("seed", [1, 2])
def test_any_order_of_arrival_gives_the_same_accounts(ledger, pb, plain, sample, binary, seed):
    facts = arrivals(sample, random.Random(seed))
    assert sorted(facts, key=id) == sorted(plain.facts, key=id) and facts != plain.facts
    book = Book(ledger, pb, facts, per_request=11)
    assert book.figures() == plain.figures(), f"seed {seed}"
    accounts = json.loads(fold(binary, [fact.line() for fact in facts]))
    assert {a["position_id"]: {k: v for k, v in a.items() if k != "days"} for a in accounts} == {
        key: account_of(position) for key, position in book.positions.items()}, f"seed {seed}"


def arrivals(sample, chance):
    """Events of many positions in any order that append takes.

    A position's opening comes first, and its close when all its fills are there.
    """
    queues = []
    for facts in sample:
        rest = [f for f in facts[1:] if f.kind != "position_closed"]
        chance.shuffle(rest)
        last = max(n for n, f in enumerate(rest) if f.kind == "leg_fill_recorded")
        close = [f for f in facts if f.kind == "position_closed"]
        queues.append([facts[0]] + rest[:last + 1] + close + rest[last + 1:])
    found = []
    while queues:
        queue = chance.choice(queues)
        found.append(queue.pop(0))
        if not queue:
            queues.remove(queue)
    return found


def test_what_was_voided_is_as_if_it_had_never_been(ledger, pb, sample, binary):
    chance = random.Random(3)
    voided, never = [], []
    for number_of, facts in enumerate(sample):
        is_fill = number_of % 2 == 0
        kind = "leg_fill_recorded" if is_fill else "funding_recorded"
        target = chance.choice([f for f in facts if f.kind == kind])
        if is_fill:  # without it the position would not be flat
            facts = [f for f in facts if f.kind != "position_closed"]
        void = Fact(target.position, "event_voided", facts[-1].at_us + 1, dict(
            target_event_id=id_of(target, legs_of(facts)), reason="busted"))
        never += [f for f in facts if f is not target]
        # Before its target, or after everything.
        voided += [facts[0], void] + facts[1:] if number_of % 4 > 1 else facts + [void]
    one, two = Book(ledger, pb, voided), Book(ledger, pb, never)
    assert one.figures() == two.figures()
    assert len(one.places) == len(two.places) + 2 * len(sample)
    flags = [("RESTATED" in p.flags) for p in one.positions.values()]
    assert any(flags) and not all(flags), "a void that came first has restated nothing"
    accounts = json.loads(fold(binary, [fact.line() for fact in voided]))
    assert {a["position_id"]: {k: v for k, v in a.items() if k != "days"} for a in accounts} == {
        key: account_of(position) for key, position in one.positions.items()}


def test_mirrored_events_give_mirrored_price_pnl_and_funding(ledger, pb, plain, sample):
    # What a venue takes in base is sold on both sides: it has no mirror.
    book = Book(ledger, pb, [
        mirrored(fact) for facts in sample if not has_base_fee(facts) for fact in facts])
    count = 0
    for position_id, mirror in book.positions.items():
        position = plain.positions[position_id]
        assert (mirror.state, mirror.flags) == (position.state, position.flags)
        for leg, other in zip(position.legs, mirror.legs):
            for name in ("qty", "realized_price", "funding_value", "unrealized"):
                assert getattr(other, name) == negated(getattr(leg, name)), (leg, other)
            for name in ("open_cost", "avg_entry_px", "avg_exit_px", "peak_qty", "fees",
                         "fee_value", "mark_px", "state", "flags"):
                assert getattr(other, name) == getattr(leg, name), (leg, other)
            count += 1
    assert count > 30
    days = {tuple(getattr(row, name) for name in KEY): row for row in book.days}
    for row in plain.days:
        if row.strategy == "spot-linear":  # of these some have no mirror
            continue
        mirror = days[tuple(getattr(row, name) for name in KEY)]
        assert (mirror.price_pnl, mirror.funding) == (negated(row.price_pnl), negated(row.funding))
        assert (mirror.fees, mirror.fills, mirror.volume) == (row.fees, row.fills, row.volume)


def mirrored(fact):
    """Bought for sold, long for short, received for paid."""
    payload = fact.payload
    if fact.kind == "position_opened":
        other = dict(long="short", short="long")
        return fact.changed(legs=[
            leg | dict(side=other[leg["side"]]) for leg in payload["legs"]])
    if fact.kind == "leg_fill_recorded":
        return fact.changed(side="sell" if payload["side"] == "buy" else "buy")
    if fact.kind == "funding_recorded":
        return fact.changed(amount=negated(payload["amount"]), qty=negated(payload["qty"]))
    return fact


@pytest.mark.parametrize("factor", [Fraction(3), Fraction(1, 2)])
def test_a_multiple_of_every_quantity_makes_the_multiple_of_the_money(
        ledger, pb, plain, sample, factor):
    book = Book(ledger, pb, [scaled(fact, factor) for facts in sample for fact in facts])
    for position_id, position in plain.positions.items():
        large = book.positions[position_id]
        assert (large.state, large.close_reason) == (position.state, position.close_reason)
        for leg, other in zip(position.legs, large.legs):
            slack = rounded(plain, leg, position_id) * (1 + factor) / 2
            for name in MONEY + ("open_cost",):
                difference = number(getattr(other, name)) - factor * number(getattr(leg, name))
                assert abs(difference) <= slack, (name, leg, other)
            for name in ("qty", "peak_qty", "fee_value", "funding_value"):
                assert number(getattr(other, name)) == factor * number(getattr(leg, name))


def scaled(fact, factor):
    """Every quantity and amount `factor` times."""
    def times(*names):
        return fact.changed(**{name: text(Fraction(fact.payload[name]) * factor)
                               for name in names})

    if fact.kind == "position_opened":
        return fact.changed(legs=[
            leg | dict(target_qty=text(Fraction(leg["target_qty"]) * factor))
            for leg in fact.payload["legs"]])
    names = dict(leg_fill_recorded=("qty", "fee"), funding_recorded=("amount", "qty"),
                 fee_recorded=("amount",))
    return times(*names.get(fact.kind, ()))


def rounded(book, leg, position_id):
    """A unit of its place for each rounding in the money of a leg.

    A fill of an inverse leg has a value of 8 places. A reduction releases cost with 18 places,
    which is all back when the leg is flat.
    """
    fills = sum(f.kind == "leg_fill_recorded" and f.payload["leg"] == leg.leg
                for f in book.facts_of(position_id))
    values = Fraction(fills, 10**8) if leg.kind == "inverse" else 0
    return values + (0 if leg.qty == "0" else Fraction(fills, 10**18))


def test_a_fill_in_two_halves_conserves_quantity_value_and_fee(ledger, pb, plain, sample):
    book = Book(ledger, pb, [half for facts in sample for fact in facts for half in split(fact)])
    assert len(book.facts) > len(plain.facts) + 5 * len(sample)
    for position_id, position in plain.positions.items():
        parts = book.positions[position_id]
        assert parts.state == position.state
        for leg, other in zip(position.legs, parts.legs):
            # Two roundings in place of one: at most three halves of a unit apart.
            slack = rounded(plain, leg, position_id) * 3 / 2
            for name in ("open_cost", "realized_price", "net"):
                difference = number(getattr(other, name)) - number(getattr(leg, name))
                assert abs(difference) <= slack, (name, leg, other)
            for name in ("qty", "fees", "fee_value", "funding_value", "state"):
                assert getattr(other, name) == getattr(leg, name), (leg, other)
    for row, other in zip(plain.days, book.days, strict=True):
        assert [getattr(row, name) for name in KEY] == [getattr(other, name) for name in KEY]
        assert (other.fees, other.funding, other.volume, other.positions, other.fills) == (
            row.fees, row.funding, row.volume, row.positions, 2 * row.fills)


def split(fact):
    """A fill as two parts of one venue trade, at its price."""
    if fact.kind != "leg_fill_recorded":
        return [fact]
    half = {name: text(Fraction(fact.payload[name]) / 2) for name in ("qty", "fee")}
    return [fact.changed(**half), fact.changed(part=1, **half)]
