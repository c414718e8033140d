"""The auditor's timeline: checks, hashes, what makes a figure, and the forms that it comes in."""
import csv
import io
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import grpc
import pytest

from events import DAY, DAY_ONE, MINUTE
from process import WAIT_SECONDS_MAX
from test_outbox import buffered, committed, wait_drained

TIMEOUT = {"timeout": WAIT_SECONDS_MAX}
CHECK = pathlib.Path(__file__).resolve().parents[1] / "Browser/check_timeline.py"
#: Exit code of the browser's check where there is no browser.
SKIPPED = 77
#: What callers may store; none of it may become part of a page.
HOSTILE = "<script>alert(1)</script>"
HOSTILE_ACTOR = '"><img src=http://evil.example/x onerror=alert(1)>'


def append(ledger, pb, book, *events):
    """The places of the events of one request."""
    answer = ledger.calls.Append(pb.AppendRequest(book=book, events=events), **TIMEOUT)
    assert answer.WhichOneof("outcome") == "committed"
    return list(answer.committed.places)


def entries(ledger, pb, book, position, **more):
    """The entries of a timeline."""
    request = pb.GetTimelineRequest(book=book, position_id=position.id, **more)
    answers = list(ledger.calls.GetTimeline(request, **TIMEOUT))
    assert all(answer.as_of for answer in answers)
    return [entry for answer in answers for entry in answer.entries]


def story(position):
    """A story with a void, a fill that comes late, and names that mean harm."""
    opened = position.opened()
    payload = json.loads(opened.payload) | dict(strategy=HOSTILE, asset='B&"T\'C')
    opened.payload = json.dumps(payload).encode()
    _, first, second, sell, funding = position.story()
    late = position.fill("late", "buy", "0.5", "104", at=DAY_ONE + 3 * MINUTE)
    void = position.event(
        "event_voided", DAY_ONE + DAY + 2 * MINUTE,
        dict(target_event_id=position.fill_id("2", "buy"), reason=HOSTILE + ', "busted"'),
        source="manual", actor=HOSTILE_ACTOR)
    return [opened, first, second, sell, funding, late, void]


def run(ledger, binary, book, *arguments, status=0):
    """What `timeline` writes; what it says where it fails, behind that."""
    done = subprocess.run(
        [binary, "timeline", "--socket", ledger.socket, "--book", book, *arguments],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=WAIT_SECONDS_MAX, check=False)
    said = done.stderr.decode()
    assert done.returncode == status, said
    return done.stdout.decode() + said


# ---------------------------------------------------------------- what must hold


def test_every_event_is_checked_and_all_holds(ledger, pb, book, position):
    append(ledger, pb, book, *story(position))
    found = entries(ledger, pb, book, position)
    assert [e.event.version for e in found] == [1, 2, 3, 6, 4, 5, 7], "in the order of folding"
    broken = [(e.event.version, i.rule, i.detail)
              for e in found for i in e.invariants if not i.holds]
    assert broken == []
    for entry in found:
        rules = [i.rule for i in entry.invariants]
        assert any("leaf hash" in rule for rule in rules)
        assert any("realized_price = cash" in rule for rule in rules)
        assert all(i.detail for i in entry.invariants)
        assert entry.event.leaf_hash.hex() in next(
            i.detail for i in entry.invariants if "leaf hash" in i.rule)
    # Void and target name each other.
    void, target = found[-1], found[2]
    assert (void.voids, target.voided_by) == (target.event.event_id, void.event.event_id)
    assert [e.voids for e in found[:-1]] == [""] * 6


def test_an_event_that_was_changed_in_the_table_is_found(make_ledger, pb, book, position):
    own = make_ledger().start()
    append(own, pb, book, *story(position))
    subprocess.run(
        ["psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-d", own.database, "-c",
         "ALTER TABLE positions.events DISABLE TRIGGER USER;"
         "UPDATE positions.events SET actor = 'somebody else' WHERE version = 7;"], check=True)
    broken = [(e.event.version, i.rule)
              for e in entries(own, pb, book, position) for i in e.invariants if not i.holds]
    assert broken == [(7, "leaf hash = SHA-256 of the event and its payload")]
    table = run(own, own.binary, book, position.id, status=1)
    assert "FAILS: version 7: leaf hash" in table
    assert re.search(r"^\d+ checks, 1 fails$", table, re.M)
    assert re.search(r"^error: \d+ checks, 1 fails: what is stored is not what was", table, re.M)
    run(own, own.binary, book, position.id, "--json", status=1)


# ---------------------------------------------------------------- what makes a figure


def test_a_figure_is_explained(ledger, pb, book, position):
    append(ledger, pb, book, *position.story())
    found = entries(ledger, pb, book, position, explain="realized_price")
    changes = [(e.event.version, c.leg, c.before, c.after, c.arithmetic)
               for e in found for c in e.changes]
    assert changes == [
        (4, "long", "0", "15",
         "value 1 · 1 · 120 = 120; released 210 · 1 / 2 = 105; 120 − 105 = 15")]
    costs = [c.arithmetic for e in entries(ledger, pb, book, position, explain="long.open_cost")
             for c in e.changes]
    assert costs == ["added 1 · 1 · 100 = 100", "added 1 · 1 · 110 = 110",
                     "released −(210 · 1 / 2) = -105"]
    assert not any(e.changes for e in entries(ledger, pb, book, position, explain="short.net"))


@pytest.mark.parametrize("figure", ["net", "long.net", "fee_value", "qty", "avg_entry_px"])
def test_the_changes_of_a_figure_are_a_chain_to_its_last_value(
        ledger, pb, book, position, figure):
    append(ledger, pb, book, *story(position))
    found = entries(ledger, pb, book, position, explain=figure)
    changes = [c for e in found for c in e.changes]
    assert [c.before for c in changes[1:]] == [c.after for c in changes[:-1]]
    assert changes[0].before == ("" if figure == "avg_entry_px" else "0")
    last = next(e.running for e in reversed(found) if e.running.leg)
    name = figure.rpartition(".")[2]
    assert changes[-1].after == getattr(last, name)
    assert not found[2].changes, "it is voided"


@pytest.mark.parametrize("figure", ["nett", "long.", ".net", "none.net", "net.long"])
def test_what_cannot_be_explained_is_refused_with_the_choices(
        ledger, pb, book, position, binary, figure):
    append(ledger, pb, book, *position.story())
    with pytest.raises(grpc.RpcError) as caught:
        entries(ledger, pb, book, position, explain=figure)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    choices = ["long", "short"] if figure == "none.net" else ["realized_price", "avg_entry_px"]
    assert all(choice in caught.value.details() for choice in choices)
    run(ledger, binary, book, position.id, "--explain", figure, status=2)


def test_explain_prints_the_arithmetic_and_what_it_comes_to(
        ledger, pb, book, position, binary):
    append(ledger, pb, book, *position.story())
    text = run(ledger, binary, book, position.id, "--explain", "net")
    assert "120 − 105 = 15" in text
    assert "net of long: 15.2" in text
    assert "net of the position: 15.2" in text


# ---------------------------------------------------------------- a moment


def test_a_timeline_at_a_log_position_has_what_was_known_then(ledger, pb, book, position):
    append(ledger, pb, book, *story(position))
    request = pb.GetTimelineRequest(
        book=book, position_id=position.id, moment=pb.Moment(at=4))
    answers = list(ledger.calls.GetTimeline(request, **TIMEOUT))
    found = [entry for answer in answers for entry in answer.entries]
    assert [e.event.version for e in found] == [1, 2, 3, 4]
    assert not any(e.voided_by for e in found), "the void was not known"
    assert {answer.as_of for answer in answers} == {4}
    assert all(i.holds for e in found for i in e.invariants)


# ---------------------------------------------------------------- the forms


def test_csv_has_every_event_exactly(ledger, pb, book, position, binary):
    append(ledger, pb, book, *story(position))
    text = run(ledger, binary, book, position.id, "--csv")
    assert text.count("\r\n") == 8, "a header and a record for each event"
    rows = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    found = entries(ledger, pb, book, position)
    assert len(rows) == len(found)
    for row, entry in zip(rows, found):
        assert None not in row and None not in row.values(), "as many fields as the header has"
        assert row["event_id"] == entry.event.event_id
        assert row["leaf_hash"] == entry.event.leaf_hash.hex()
        assert row["payload"] == entry.event.payload.decode()
        assert row["actor"] == entry.event.actor
        assert row["net"] == entry.running.net
        assert row["position_net"] == entry.running.position_net
        assert (row["voided_by"], row["voids"]) == (entry.voided_by, entry.voids)
        assert (int(row["checks"]), row["checks_failed"]) == (len(entry.invariants), "")


def test_what_explains_a_figure_is_had_as_csv(ledger, pb, book, position, binary):
    append(ledger, pb, book, *position.story())
    text = run(ledger, binary, book, position.id, "--csv", "--explain", "net")
    rows = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    assert [(row["version"], row["before"], row["change"], row["after"]) for row in rows] == [
        ("2", "0", "-0.1", "-0.1"), ("3", "-0.1", "-0.1", "-0.2"), ("4", "-0.2", "14.9", "14.7"),
        ("5", "14.7", "0.5", "15.2")]
    assert rows[-1]["arithmetic"] == "funding: booked 0.5 USDT = 0.5"


def test_a_json_line_has_every_member(ledger, pb, book, position, binary):
    append(ledger, pb, book, *story(position))
    lines = run(ledger, binary, book, position.id, "--json", "--explain", "net").splitlines()
    found = entries(ledger, pb, book, position, explain="net")
    assert len(lines) == len(found)
    for line, entry in zip(map(json.loads, lines), found):
        assert set(line) == {
            "buffered_at", "changes", "event", "fold_error", "host", "invariants",
            "outbox_sequence", "running", "voided_by", "voids"}
        assert [i["rule"] for i in line["invariants"]] == [i.rule for i in entry.invariants]
        assert all(i["holds"] is True for i in line["invariants"])
        assert [c["arithmetic"] for c in line["changes"]] == [
            c.arithmetic for c in entry.changes]


def test_the_table_says_how_many_checks_hold(ledger, pb, book, position, binary):
    append(ledger, pb, book, *story(position))
    text = run(ledger, binary, book, position.id)
    count = sum(len(e.invariants) for e in entries(ledger, pb, book, position))
    assert f"\n{count} checks, all hold\n" in text


def test_the_page_holds_in_a_browser(ledger, pb, book, position, binary, tmp_path):
    append(ledger, pb, book, *story(position))
    page, lines = tmp_path / "timeline.html", tmp_path / "timeline.jsonl"
    said = run(ledger, binary, book, position.id, "--html", str(page), "--explain", "long.net")
    assert said == ""
    text = page.read_text(encoding="utf-8")
    for harm in (HOSTILE, "<img", "http://evil.example/x onerror=alert(1)>"):
        assert harm not in text
    assert "checks, all hold" in text
    assert text == run(
        ledger, binary, book, position.id, "--html", "-", "--explain", "long.net")
    lines.write_text(run(ledger, binary, book, position.id, "--json"), encoding="utf-8")
    picture = os.environ.get("NEXUS_TIMELINE_SCREENSHOT")
    more = ["--screenshot", picture] if picture else []
    done = subprocess.run(
        [sys.executable, str(CHECK), str(page), "--json", str(lines), *more], check=False,
        stdin=subprocess.DEVNULL, capture_output=True, timeout=5 * WAIT_SECONDS_MAX)
    if done.returncode == SKIPPED:
        pytest.skip(done.stderr.decode().strip())
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.decode() == "ok: 7 events, 1 struck through\n"


def test_what_was_buffered_is_marked(make_ledger, cluster, pb, book, position, binary):
    cluster.start()
    own = make_ledger(database=cluster.conninfo, outbox=True).start()
    committed(own, book, position.opened())
    cluster.stop()
    sequence = buffered(own, book, position.fill("1", "buy", "1", "100"))
    cluster.start()
    wait_drained(own)
    entry = entries(own, pb, book, position)[1]
    assert all(i.holds for i in entry.invariants)
    words = f"on {entry.host} as {sequence}"
    assert words in run(own, binary, book, position.id)
    page = run(own, binary, book, position.id, "--html", "-")
    assert page.count('class="buffered"') == 1 and words in page
    rows = list(csv.DictReader(io.StringIO(run(own, binary, book, position.id, "--csv"))))
    assert [row["outbox_sequence"] for row in rows] == ["", str(sequence)]


@pytest.mark.skipif(not shutil.which("chromium"), reason="no browser: chromium is not installed")
@pytest.mark.parametrize("flaw", [
    '<img src="http://evil.example/x.png">', "<script>1</script>",
    '<p onclick="alert(1)">x</p>', '<a href="#nowhere">x</a>', "<p>",
    '<table><tbody><tr><th>x</th></tr></tbody></table>'])
def test_the_check_of_the_page_finds_flaws(
        ledger, pb, book, position, binary, tmp_path, flaw):
    append(ledger, pb, book, *story(position))
    page = tmp_path / "timeline.html"
    text = run(ledger, binary, book, position.id, "--html", "-")
    page.write_text(text.replace("<main>", "<main>" + flaw), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(CHECK), str(page)], check=False, stdin=subprocess.DEVNULL,
        capture_output=True, timeout=5 * WAIT_SECONDS_MAX)
    assert done.returncode == 1, done.stdout.decode()


def test_only_one_form_is_taken(ledger, position, book, binary):
    for forms in (["--json", "--csv"], ["--csv", "--html", "-"], ["--json", "--html", "x"]):
        run(ledger, binary, book, position.id, *forms, status=64)
