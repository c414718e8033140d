"""The check of the chaos harness finds every lie that it is told."""
import dataclasses
import json
from decimal import Decimal

import pytest

import check
import history
from check import Evidence, Parked, Row, content, examine
from history import CONTRARY, EXACT, OWN, SHARED, STALE, Request
from story import DAY_ONE, Story, name_id

BOOK = "main"


def told(facts, kind=OWN, outcome="committed", first=1, number=0, ledger=0):
    """The records of one request, its only try and its answer."""
    places = [[fact.event_id, first + index, first + index, 0] for index, fact in enumerate(facts)]
    answer = dict(answer=number, at=1.0 + number, ledger=ledger, outcome=outcome, final=True,
                  sequence=7, places=places, code="ABORTED", message="")
    return [dict(request=Request(number, kind, BOOK, facts)),
            {"try": number, "ledger": ledger}, answer]


def again(records, **changes):
    """The last answer once more, with changes."""
    return records + [records[-1] | changes]


def mark(kind, expected=None):
    """A mark of the position with a version, its id its marker."""
    fact, = Story(1, name_id(0)).mark(DAY_ONE)
    return dataclasses.replace(fact, event_id=name_id(kind), marker=name_id(kind),
                               expected=expected)


def facts_of(client, count):
    """The first facts of a position, each with its marker."""
    story = Story(1, name_id(client))
    return [dataclasses.replace(fact, marker=name_id(client, index))
            for index, fact in enumerate(story.facts()) if index < count]


def row(fact, position, outbox=None):
    """As PostgreSQL has it when all is well."""
    return Row(BOOK, position, fact.position, position, fact.event_id, fact.marker,
               position, content(BOOK, fact.position, fact.type, fact.event_id, fact.at_us,
                                 fact.source, fact.actor, fact.payload), outbox)


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
            for record in told([fact], first=at + 1, number=at)]
        monkeypatch.setattr(history, "read", lambda _: map(dict, records))
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


def test_what_a_crash_took_from_the_log_is_found(made):
    evidence = made()
    evidence.gone.append("2 of 9 events")
    assert kinds(evidence) == {"gone"}


def test_a_doubled_event_is_found_by_its_id_and_by_its_marker(made, facts):
    rows = [row(fact, at) for at, fact in enumerate(facts, 1)]
    report = examine(made(rows=rows + [row(facts[4], 6)]))
    assert set(report.violations) == {"doubled"} and report.figures["doubled"] == 1
    strange = dataclasses.replace(facts[4], marker=name_id("another"))
    assert kinds(made(rows=rows + [row(strange, 6)])) == {"doubled", "unsent"}
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
    records = told(facts[:4]) + told(facts[4:], EXACT, "buffered", number=1)
    rows = [row(fact, at) for at, fact in enumerate(facts[:4], 1)]
    assert kinds(made(records, rows)) == {"lost"}
    evidence = made(records, rows)
    evidence.parked = [Parked(0, 7, "version conflict", 0, set())]
    report = examine(evidence)
    assert not report.violations and report.figures["parked"] == 1
    evidence = made(records, rows)
    evidence.parked = [Parked(0, 7, "version conflict", 0, set()),
                       Parked(0, 8, "of nobody", 0, set())]
    assert kinds(evidence) == {"parked"}
    evidence = made(records)
    evidence.parked = [Parked(0, 7, "and drained too", 0, set())]
    assert kinds(evidence) == {"parked"}


def test_a_parked_request_that_is_called_drained_is_lost(made, facts):
    contrary = dataclasses.replace(facts[4].changed(qty="7"), marker=name_id("contrary"))
    for kind, fact in ((STALE, mark(STALE, expected=2)), (EXACT, mark(EXACT, expected=5)),
                       (CONTRARY, contrary)):
        evidence = made(told(facts) + told([fact], kind, "buffered", number=1))
        assert kinds(evidence) == {"lost"}
        evidence = made(told(facts) + told([fact], kind, "buffered", number=1))
        evidence.parked = [Parked(0, 7, "it was refused", 0, set())]
        assert not kinds(evidence)


def test_a_parked_request_needs_a_reason(made, facts):
    evidence = made(told(facts) + told([mark(STALE, expected=2)], STALE, "buffered", number=1))
    evidence.parked = [Parked(0, 7, "", 0, set())]
    assert kinds(evidence) == {"parked"}


def test_what_no_client_was_told_is_found_by_the_ids_of_the_parked_request(made, facts):
    stale = mark(STALE, expected=2)
    evidence = made(told(facts) + told([stale], STALE, "refused", number=1))
    evidence.parked = [Parked(0, 9, "its answer came too late", 0, {stale.marker})]
    assert not kinds(evidence)


def test_a_passed_version_is_never_booked(made, facts):
    stale = mark(STALE, expected=2)
    rows = [row(fact, at) for at, fact in enumerate([*facts, stale], 1)]
    base = told(facts)
    assert kinds(made(base + told([stale], STALE, "buffered", number=1), rows)) == {"versions"}
    assert "versions" in kinds(made(base + told([stale], STALE, number=1, first=6)))
    refused = told([stale], STALE, "refused", number=1)
    assert not kinds(made(base + refused))
    assert kinds(made(base + refused[:2] + [refused[2] | dict(code="INTERNAL")])) == {"refusals"}


def test_an_exact_version_holds_on_a_contested_position(made, facts):
    other, exact = mark("other"), mark(EXACT, expected=5)

    def found(between, outbox, number=0):
        rows = [row(fact, at) for at, fact in enumerate([*facts, *between], 1)]
        rows.append(row(exact, len(rows) + 1, outbox))
        records = told(facts, SHARED)
        if between:
            records += told(between, SHARED, "buffered", number=1, ledger=number)
        return kinds(made(records + told([exact], EXACT, "buffered", number=2), rows))

    assert not found([], None)
    assert found([other], None) == {"versions"}
    assert not found([other], 8)  # both of one outbox
    assert found([other], 8, number=1) == {"versions"}
    exact.expected = 7
    assert found([other], 8) == {"versions"}


def test_a_fact_that_the_outbox_had_too_is_no_foreign_one(made, facts):
    other, exact = mark("other"), mark(EXACT, expected=5)
    same = dataclasses.replace(other, marker=name_id("the same"))
    rows = [row(fact, at) for at, fact in enumerate([*facts, other], 1)] + [row(exact, 7, 8)]
    records = (told(facts, SHARED) + told([other], SHARED, "buffered", number=1, ledger=1)
               + told([exact], EXACT, "buffered", number=2))
    assert kinds(made(records, rows)) == {"versions"}
    assert not kinds(made(records + told([same], SHARED, "buffered", number=3), rows))


def test_who_asks_again_is_told_the_same(made, facts):
    records = told(facts)
    known = [place[:3] + [1] for place in records[-1]["places"]]
    assert not kinds(made(again(records, places=known, repeat=True)))
    moved = [[event_id, at + 1, version, 1] for event_id, at, version, _ in known]
    assert kinds(made(again(records, places=moved, repeat=True))) == {"places"}
    assert kinds(made(again(records, repeat=True))) == {"places"}


def test_a_shared_fact_is_new_to_one_client_only(made, facts):
    others = [dataclasses.replace(fact, marker=name_id("other", fact.marker)) for fact in facts]
    records = told(facts, SHARED) + told(others, SHARED, number=1)
    assert kinds(made(records)) == {"places"}
    records[-1]["places"] = [place[:3] + [1] for place in records[-1]["places"]]
    assert not kinds(made(records))


def test_a_request_has_one_number_in_an_outbox(made, facts):
    records = told(facts, OWN, "buffered")
    assert not kinds(made(again(records, repeat=True)))
    assert not kinds(made(again(records, sequence=8, ledger=1)))
    assert kinds(made(again(records, sequence=8))) == {"places"}


def test_a_repeat_may_be_parked_though_it_is_booked(made, facts):
    records = again(told(facts), outcome="buffered", repeat=True)
    evidence = made(records)
    evidence.parked = [Parked(0, 7, "behind request 3, which is parked", 3, set())]
    assert not kinds(evidence)
    evidence = made(told(facts, OWN, "buffered"))
    evidence.parked = [Parked(0, 7, "and drained too", 3, set())]
    assert kinds(evidence) == {"parked"}


def test_a_refused_repeat_is_excused_where_it_is_not_final(made, facts):
    refused = dict(outcome="refused", code="FAILED_PRECONDITION", final=False, repeat=True)
    report = examine(made(again(told(facts), **refused)))
    assert not report.violations and report.figures["refused_for_a_while"] == 0
    assert kinds(made(again(told(facts), **refused | dict(code="INTERNAL", final=True)))) == {
        "refusals"}


def test_what_still_waits_is_not_lost(made, facts):
    evidence = made(told(facts[:4]) + told(facts[4:], OWN, "buffered", number=1),
                    [row(fact, at) for at, fact in enumerate(facts[:4], 1)])
    evidence.waiting = {0}
    report = examine(evidence)
    assert not report.violations and report.figures["waiting"] == 1


def test_what_is_called_drained_does_not_wait(made, facts):
    evidence = made(told(facts) + told([mark(STALE, expected=2)], STALE, "buffered", number=1))
    evidence.waiting, evidence.settled = {0}, {(0, 7)}
    assert kinds(evidence) == {"lost"}


def test_an_own_event_is_not_parked(made, facts):
    evidence = made(told(facts[:4]) + told(facts[4:], OWN, "buffered", number=1),
                    [row(fact, at) for at, fact in enumerate(facts[:4], 1)])
    evidence.parked = [Parked(0, 7, "why?", 0, set())]
    assert kinds(evidence) == {"parked"}


def test_a_contradiction_is_never_booked(made, facts):
    contrary = dataclasses.replace(facts[4].changed(qty="7"), marker=name_id("contrary"))
    base = told(facts, SHARED)
    refused = told([contrary], CONTRARY, "refused", number=1)
    refused[-1]["code"] = "ALREADY_EXISTS"
    assert not kinds(made(base + refused))
    assert kinds(made(base + told([contrary], CONTRARY, "buffered", number=1))) == {"lost"}
    assert "unsent" in kinds(made(base + told([contrary], CONTRARY, number=1)))


def test_a_wrong_refusal_is_found(made, facts):
    assert "refusals" in kinds(made(told(facts, OWN, "refused")))
    assert "refusals" in kinds(made(told(facts, EXACT, "refused")))  # and there all the same


def test_a_client_that_is_not_acknowledged_after_the_heal_is_found(made):
    evidence = made()
    evidence.healed_at = 100.0
    report = examine(evidence)
    assert set(report.violations) == {"progress"}
    assert report.figures["longest_silence_s"] == 1.0


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
