"""The check of the chaos harness finds every lie that it is told."""
import dataclasses
import json
from decimal import Decimal

import pytest

import check
import history
from check import Evidence, Parked, Row, content, examine
from history import CONTRARY, EXACT, OWN, SHARED, Request
from story import Story, name_id

BOOK = "main"


def told(client, facts, kind=OWN, outcome="committed", first=1, number=0, **more):
    """The records of one request and its answer."""
    places = [[fact.event_id, first + index, first + index] for index, fact in enumerate(facts)]
    answer = dict(answer=number, at=1.0 + number, ledger=0, outcome=outcome, final=True,
                  sequence=7, places=places, code="ABORTED", message="", **more)
    return [dict(request=Request(number, kind, BOOK, facts)), answer]


def facts_of(client, count):
    """The first facts of a position, each with its marker."""
    story = Story(1, name_id(client))
    return [dataclasses.replace(fact, marker=name_id(client, index))
            for index, fact in enumerate(story.facts()) if index < count]


def row(fact, position, version=None):
    """As PostgreSQL has it when all is well."""
    return Row(BOOK, position, fact.position, version or position, fact.event_id, fact.marker,
               position, content(BOOK, fact.position, fact.type, fact.event_id, fact.at_us,
                                 fact.source, fact.actor, fact.payload))


@pytest.fixture
def facts():
    """Five of one position."""
    return facts_of(0, 5)


@pytest.fixture
def made(monkeypatch, facts):
    """Evidence of one client and five events, and nothing wrong with it; `made(records)` has
    other records."""
    def make(records=None, rows=None):
        rows = [row(fact, at) for at, fact in enumerate(facts, 1)] if rows is None else rows
        records = records or [
            record for at, fact in enumerate(facts)
            for record in told(0, [fact], first=at + 1, number=at)]
        monkeypatch.setattr(history, "read", lambda _: iter(records))
        evidence = Evidence(parked=[], healed_at=0.5, clients=1)
        evidence.read_history(0, "client-0.jsonl")
        evidence.log[BOOK] = rows
        evidence.heads[BOOK] = (len(rows), len(rows))
        streams = {}
        for one in rows:
            streams[one.position] = max(one.version, streams.get(one.position, 0))
        evidence.streams[BOOK] = streams
        return evidence
    return make


def kinds(evidence):
    """What was found."""
    return set(examine(evidence).violations)


def test_nothing_is_found_where_nothing_is_wrong(made):
    report = examine(made())
    assert not report.violations
    assert (report.figures["acknowledged"], report.figures["lost"]) == (5, 0)


def test_a_lost_event_is_found(made, facts):
    evidence = made(rows=[row(fact, at) for at, fact in enumerate(facts[:4], 1)])
    report = examine(evidence)
    assert set(report.violations) == {"lost"} and report.figures["lost"] == 1


def test_a_doubled_event_is_found_by_its_id_and_by_its_marker(made, facts):
    rows = [row(fact, at) for at, fact in enumerate(facts, 1)]
    assert kinds(made(rows=rows + [row(facts[4], 6)])) == {"doubled", "places"}
    other = dataclasses.replace(facts[4], event_id=name_id("another"))
    assert "doubled" in kinds(made(rows=rows + [row(other, 6)]))


def test_an_event_that_nobody_sent_so_is_found(made, facts):
    rows = [row(fact, at) for at, fact in enumerate(facts, 1)]
    strange = dataclasses.replace(facts[4], event_id=name_id("x"), marker=name_id("y"))
    assert kinds(made(rows=rows + [row(strange, 6)])) == {"unsent"}
    rows[2] = row(dataclasses.replace(facts[2], payload="{}"), 3)
    assert kinds(made(rows=rows)) == {"unsent"}


def test_gaps_versions_and_times_are_found(made, facts):
    rows = [row(fact, at) for at, fact in enumerate(facts, 1)]
    assert "gaps" in kinds(made(rows=rows[:4] + [rows[4]._replace(log_position=6)]))
    assert "versions" in kinds(made(rows=rows[:4] + [rows[4]._replace(version=6)]))
    assert kinds(made(rows=rows[:4] + [rows[4]._replace(recorded_us=0)])) == {"times"}
    evidence = made()
    evidence.heads[BOOK] = (6, 5)
    assert kinds(evidence) == {"gaps"}
    evidence = made()
    evidence.streams[BOOK] = {}
    assert kinds(evidence) == {"versions"}


def test_a_version_that_was_not_expected_is_found(made, facts):
    facts[4].expected = 4
    assert not kinds(made())
    facts[4].expected = 9
    assert kinds(made()) == {"versions"}


def test_another_order_is_found(made, facts):
    facts[3], facts[2] = facts[2], facts[3]
    swapped = [row(fact, at) for at, fact in enumerate(facts, 1)]
    facts[3], facts[2] = facts[2], facts[3]
    assert kinds(made(rows=swapped)) == {"order", "places"}


def test_what_is_parked_is_not_lost_but_has_to_be_listed(made, facts):
    records = told(0, facts[:4]) + told(0, facts[4:], EXACT, "buffered", number=1)
    rows = [row(fact, at) for at, fact in enumerate(facts[:4], 1)]
    evidence = made(records, rows)
    assert kinds(evidence) == {"lost"}
    evidence.parked = [Parked(0, 7, "version conflict", 0, set())]
    report = examine(evidence)
    assert not report.violations and report.figures["parked"] == 1
    evidence.parked.append(Parked(0, 8, "of nobody", 0, set()))
    assert kinds(evidence) == {"parked"}
    evidence = made(records)
    evidence.parked = [Parked(0, 7, "and drained too", 0, set())]
    assert kinds(evidence) == {"parked"}


def test_what_still_waits_is_not_lost(made, facts):
    evidence = made(told(0, facts[:4]) + told(0, facts[4:], OWN, "buffered", number=1),
                    [row(fact, at) for at, fact in enumerate(facts[:4], 1)])
    evidence.waiting = {0}
    report = examine(evidence)
    assert not report.violations and report.figures["waiting"] == 1


def test_an_own_event_is_not_parked(made, facts):
    evidence = made(told(0, facts[:4]) + told(0, facts[4:], OWN, "buffered", number=1),
                    [row(fact, at) for at, fact in enumerate(facts[:4], 1)])
    evidence.parked = [Parked(0, 7, "why?", 0, set())]
    assert kinds(evidence) == {"parked"}


def test_a_contradiction_is_never_booked(made, facts):
    contrary = dataclasses.replace(facts[4].changed(qty="7"), marker=name_id("contrary"))
    base = told(0, facts, SHARED)
    refused = told(0, [contrary], CONTRARY, "refused", number=1)
    refused[1]["code"] = "ALREADY_EXISTS"
    assert not kinds(made(base + refused))
    assert kinds(made(base + told(0, [contrary], CONTRARY, "buffered", number=1))) == {"lost"}
    assert "unsent" in kinds(made(base + told(0, [contrary], CONTRARY, number=1)))


def test_a_wrong_refusal_is_found(made, facts):
    assert "refusals" in kinds(made(told(0, facts, OWN, "refused")))
    assert "refusals" in kinds(made(told(0, facts, EXACT, "refused")))  # and there all the same


def test_a_client_that_is_not_acknowledged_after_the_heal_is_found(made):
    evidence = made()
    evidence.healed_at = 100.0
    assert kinds(evidence) == {"progress"}
    assert examine(evidence).figures["longest_silence_s"] == 1.0


def test_tables_that_are_not_the_fold_are_found():
    leg = dict(leg="long", flags=[], qty="1", open_cost="100.5", avg_entry_px="100.5",
               realized_price="0", fees={"USDT": "0.1"}, fee_value="0.1", funding={},
               adjustments="0", net="-0.1")
    day = dict(day="2026-03-01", venue="v1", settle="USDT", price_pnl="0", fees="0.1",
               funding="0", adjustments="0", net="-0.1")
    accounts = [dict(position_id="p", state="OPEN", flags=["UNHEDGED"], legs=[leg], days=[day])]
    as_row = {name: json.dumps(value) if isinstance(value, (dict, list)) else value
              for name, value in leg.items()}
    tables = dict(legs=[as_row | dict(position_id="p")], history=[], daily_pnl=[day],
                  active=[dict(position_id="p", state="OPEN", flags='["UNHEDGED"]', net="-0.1",
                               fees="0.1", adjustments="0")])
    assert not check.compare_projections(BOOK, accounts, tables)
    for name, column in [("legs", "qty"), ("active", "net"), ("daily_pnl", "fees")]:
        broken = tables | {name: [tables[name][0] | {column: "0.1000000000000000001"}]}
        assert len(check.compare_projections(BOOK, accounts, broken)) == 1
        assert check.compare_projections(BOOK, accounts, tables | {name: []})
    assert check.compare_projections(BOOK, [], tables)


def test_sums_are_exact_and_in_normal_form():
    legs = [dict(net=text) for text in ("99999999999999999999.000000000000000001", "-0.1")]
    assert check.total(legs, "net") == "99999999999999999998.900000000000000001"
    assert check.total([dict(net="1"), dict(net=None)], "net") is None
    assert check.plain(Decimal("-0.00")) == "0" and check.plain(Decimal("100")) == "100"
