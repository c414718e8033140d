"""Expected differences of each bug, against cases worked out by hand."""
import json
from decimal import Decimal

import book
import expected
import pytest
from expected import Account, Event

DAY_US = 86_400 * 10**6
#: 2026-03-01T12:00:00Z
NOON = 1_772_366_400 * 10**6


class Stream:
    """Events of one position with one or two legs, in the order of the log."""

    def __init__(self, *legs):
        terms = [dict(leg=leg, multiplier="1", settle="USDT", venue=f"venue of {leg}")
                 for leg in legs or ["a"]]
        self.events = []
        self.add("position_opened", NOON, legs=terms, strategy="s", asset="BTC")

    def add(self, kind, at_us, **payload):
        """Any event; returns its id."""
        number = len(self.events) + 1
        self.events.append(Event("p", number, 10 * number, f"e{number}", kind, at_us, payload))
        return self.events[-1].id

    def fill(self, side, qty, px, fee="0", at_us=NOON + 1, leg="a", asset="USDT"):
        """leg_fill_recorded."""
        return self.add("leg_fill_recorded", at_us, leg=leg, side=side, qty=qty, px=px, fee=fee,
                        fee_asset=asset)

    def funding(self, time, amount, leg="a"):
        """funding_recorded."""
        return self.add("funding_recorded", NOON + 2, leg=leg, funding_time=time, amount=amount,
                        asset="USDT")

    def change(self, bug):
        """Of its only position; None if nothing changes."""
        return expected.changes({"p": self.events}, bug).get("p")


def test_a_correct_fold_takes_the_average_cost():
    stream = Stream()
    stream.fill("buy", "1", "100", "0.1")
    stream.fill("buy", "3", "120", "0.2")
    stream.fill("sell", "2", "130", "0.3")
    leg = Account(stream.events).legs["a"]
    # Cost 100 + 360 = 460, half of it leaves for 260.
    assert (leg.qty, leg.cost, leg.all.price) == (2, 230, 30)
    assert leg.all.net == Decimal("29.4")


def test_a_third_of_a_cost_is_rounded_half_even_to_18_places():
    stream = Stream()
    stream.fill("buy", "3", "100")
    stream.fill("buy", "0.000000000000000003", "1")
    stream.fill("sell", "1", "100")
    leg = Account(stream.events).legs["a"]
    # 300.000000000000000003 · 1 / 3.000000000000000003 = 99.99999999999999990100000000…
    assert leg.all.price == Decimal("0.000000000000000099")


def test_a_fill_beyond_zero_closes_and_opens_the_other_way():
    stream = Stream()
    stream.fill("buy", "2", "100")
    stream.fill("sell", "3", "110")
    leg = Account(stream.events).legs["a"]
    assert (leg.qty, leg.cost, leg.all.price) == (-1, 110, 20)


def test_a_late_fill_is_folded_in_the_order_of_its_time():
    stream = Stream()
    stream.fill("buy", "1", "100", at_us=NOON + 10)
    stream.fill("sell", "1", "150", at_us=NOON + 30)
    stream.fill("buy", "1", "120", at_us=NOON + 20)
    leg = Account(stream.events).legs["a"]
    assert (leg.cost, leg.all.price) == (110, 40)


def test_what_is_voided_never_was():
    stream = Stream()
    voided = stream.fill("buy", "1", "100", "5")
    stream.add("event_voided", NOON + 3, target_event_id=voided, reason="busted")
    leg = Account(stream.events).legs["a"]
    assert (leg.qty, leg.all.net, dict(leg.days)) == (0, 0, {})
    assert stream.change("fee-twice") is None
    # While it stood, both disagreed.
    assert expected.first_event(stream.events, "fee-twice").id == voided


def test_fee_twice_takes_each_fee_once_too_often():
    stream = Stream()
    stream.fill("buy", "1", "100", "0")
    second = stream.fill("sell", "1", "110", "0.2")
    stream.add("fee_recorded", NOON + DAY_US, leg="a", amount="0.5", asset="USDT")
    stream.add("position_closed", NOON + DAY_US + 1, reason="take_profit")
    change = stream.change("fee-twice")
    assert (change.before.net, change.after.net) == (Decimal("8.6"), Decimal("9.3"))
    assert change.net == Decimal("0.7")
    assert change.after.is_over
    assert expected.first_event(stream.events, "fee-twice").id == second
    assert expected.day_changes({"p": change}) == (
        set(), set(), {"fees": Decimal("-0.7"), "net": Decimal("0.7")})
    assert expected.daily_changes({"p": change}, {"p": stream.events}) == {
        ("2026-03-01", "s", "BTC", "venue of a", "USDT"): {"fees_known": Decimal("-0.2")},
        ("2026-03-02", "s", "BTC", "venue of a", "USDT"): {"fees_known": Decimal("-0.5")}}


def test_a_fee_without_a_value_shows_nothing_until_it_is_valued():
    stream = Stream()
    fill = stream.fill("buy", "1", "100", "0.01", asset="BNB")
    assert stream.change("fee-twice") is None
    valued = stream.add("fee_valued", NOON + 5, target_event_id=fill, rate="500")
    change = stream.change("fee-twice")
    assert (change.before.net, change.after.net) == (-10, -5)
    assert expected.first_event(stream.events, "fee-twice").id == valued


def test_a_fee_without_a_value_hides_the_others_of_its_leg_and_day():
    stream = Stream()
    stream.fill("buy", "1", "100", "0.01", asset="BNB")
    stream.fill("buy", "1", "100", "1")
    assert stream.change("fee-twice") is None
    other = stream.fill("buy", "1", "100", "1", at_us=NOON + DAY_US)
    change = stream.change("fee-twice")
    assert change.after.net is None and change.net == 0
    assert expected.first_event(stream.events, "fee-twice").id == other


def test_funding_on_the_next_day_moves_days_and_no_total():
    stream = Stream("a", "b")
    stream.fill("buy", "1", "100")
    paid = stream.funding("2026-03-01T16:00:00Z", "0.5")
    stream.funding("2026-03-02T00:00:00Z", "-0.2", leg="b")
    change = stream.change("funding-next-day")
    assert change.before.net == change.after.net == Decimal("0.3")
    assert expected.first_event(stream.events, "funding-next-day").id == paid
    before, after, sums = expected.day_changes({"p": change})
    assert before == {("p", "a", "2026-03-02"), ("p", "b", "2026-03-03")}
    assert after == {("p", "b", "2026-03-02")}
    assert not sums
    assert expected.daily_changes({"p": change}, {"p": stream.events}) == {
        ("2026-03-01", "s", "BTC", "venue of a", "USDT"): {"funding_known": Decimal("0.5")},
        ("2026-03-02", "s", "BTC", "venue of a", "USDT"): {"funding_known": Decimal("-0.5")},
        ("2026-03-02", "s", "BTC", "venue of b", "USDT"): {"funding_known": Decimal("-0.2")},
        ("2026-03-03", "s", "BTC", "venue of b", "USDT"): {"funding_known": Decimal("0.2")}}


def test_average_price_weighs_no_quantity():
    stream = Stream()
    stream.fill("buy", "1", "100")
    stream.fill("buy", "3", "120")
    assert stream.change("average-price") is None
    sold = stream.fill("sell", "2", "130")
    change = stream.change("average-price")
    # 2 · (100 + 120) / 2 = 220 leave instead of 230: 40 are realised instead of 30.
    assert change.before.legs["a"].cost == 240
    assert change.net == -10
    assert expected.first_event(stream.events, "average-price").id == sold


def test_average_price_of_equal_quantities_is_right():
    stream = Stream()
    stream.fill("buy", "2", "100")
    stream.fill("buy", "2", "120")
    stream.fill("sell", "3", "130")
    assert stream.change("average-price") is None


def test_average_price_remembers_what_was_before_the_leg_was_flat():
    stream = Stream()
    stream.fill("buy", "1", "100")
    stream.fill("sell", "1", "100")
    stream.fill("buy", "2", "200")
    stream.fill("sell", "1", "200")
    # 150 leave instead of 200.
    assert stream.change("average-price").net == -50


def test_average_price_takes_no_more_than_there_is():
    stream = Stream()
    stream.fill("buy", "1", "100")
    stream.fill("sell", "1", "100")
    stream.fill("buy", "2", "1")
    stream.fill("sell", "1", "1")
    # 50.5 is more than 2.
    assert stream.change("average-price").before.legs["a"].cost == 0


def test_average_price_may_leave_only_the_peak_of_what_is_over():
    stream = Stream()
    stream.fill("buy", "1", "100")
    stream.fill("buy", "3", "120")
    stream.fill("sell", "2", "130")
    stream.fill("buy", "4", "110")
    stream.fill("sell", "6", "130")
    stream.add("position_closed", NOON + 9, reason="take_profit")
    change = stream.change("average-price")
    assert (change.before.peak, change.after.peak) == (680, 670)
    assert change.net == 0


@pytest.mark.parametrize("bug", expected.BUGS)
def test_stories_show_each_bug(bug):
    streams = {}
    for number, text in enumerate(book.settled(7, 10)):
        line = json.loads(text)
        events = streams.setdefault(line["position_id"], [])
        events.append(Event(line["position_id"], len(events) + 1, number + 1, line["event_id"],
                            line["type"], number, line["payload"]))
    found = expected.changes(streams, bug)
    assert found
    for position in found:
        assert expected.first_event(streams[position], bug)
