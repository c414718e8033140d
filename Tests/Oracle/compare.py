#!/usr/bin/env python3
"""Runs `BINARY fold -` and the oracle on the same input and reports differences.

    compare.py BINARY [--seeds 1-100] [--positions 6] [--events 14] [--ambiguous]
               [--mode valid|invalid|both] [--keep FILE]
    compare.py --vectors ../shared/vectors [BINARY]

Flags are compared as sets, the rest exactly; with refused events also the set of their
line numbers (`line N: …` on standard error) and the exit code. The first failing input
is shown with both accounts. Exit 1 when anything differs; the last line counts.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import uuid

sys.dont_write_bytecode = True
import generate  # noqa: E402
import oracle  # noqa: E402

REFUSED = re.compile(r"^\s*line (\d+):", re.MULTILINE)


# ---------------------------------------------------------------- the two sides


def of_oracle(lines):
    """(accounts, refused line numbers, exit code, notes by place, reasons by line)."""
    ledger, accounts, refused, code = oracle.run(lines)
    notes = [sorted(stream.notes) for stream in ledger.streams.values()]
    return accounts, {n for n, _ in refused}, code, notes, dict(refused)


def of_binary(binary, lines):
    """(accounts or None, refused line numbers, exit code, standard error)."""
    try:
        done = subprocess.run([binary, "fold", "-"], input="\n".join(lines) + "\n", timeout=120,
                              capture_output=True, encoding="utf-8", errors="replace")
    except subprocess.TimeoutExpired:
        return None, set(), None, "no answer in 120 s"
    try:
        accounts = json.loads(done.stdout)
    except ValueError:
        accounts = None
    lines = {int(n) for n in REFUSED.findall(done.stderr)}
    return accounts, lines, done.returncode, done.stderr


# ---------------------------------------------------------------- differences


def normal(value):
    """Flags become sorted lists, the text of an error does not count."""
    if isinstance(value, list):
        return [normal(v) for v in value]
    if not isinstance(value, dict):
        return value
    result = {k: normal(v) for k, v in value.items()}
    if isinstance(result.get("flags"), list):
        result["flags"] = sorted(result["flags"])
    if "error" in result:
        result["error"] = "…"
    return result


def first_difference(expected, actual):
    """The place of the first account that differs, or None."""
    for place in range(max(len(expected), len(actual))):
        if expected[place:place + 1] != actual[place:place + 1]:
            return place
    return None


def paths(expected, actual, path=""):
    """Every place inside two values where they differ."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        for key in sorted(expected.keys() | actual.keys()):
            one, two = expected.get(key, "absent"), actual.get(key, "absent")
            yield from paths(one, two, f"{path}.{key}")
    elif isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        for place, pair in enumerate(zip(expected, actual)):
            yield from paths(*pair, f"{path}[{place}]")
    elif expected != actual:
        yield f"{path}: oracle {json.dumps(expected)}, binary {json.dumps(actual)}"


def codes_agree(expected, actual, accounts):
    """§7 does not say which of 3 and 4 wins when both hold."""
    both = expected == 3 and any("error" in a for a in accounts)
    return actual == expected or (both and actual == 4)


def differences(binary, lines):
    """What differs on one input, as printable lines; empty when nothing does."""
    accounts, refused, code, notes, reasons = of_oracle(lines)
    theirs, their_refused, their_code, stderr = of_binary(binary, lines)
    found = []
    for number in sorted(refused ^ their_refused):
        side = "oracle" if number in refused else "binary"
        found.append(f"line {number} refused by the {side} only"
                     f" ({reasons.get(number, 'oracle takes it')}): {lines[number - 1]}")
    if not codes_agree(code, their_code, accounts):
        found.append(f"exit code: oracle {code}, binary {their_code}")
    if theirs is None:
        return found + ["binary printed no JSON; standard error:", stderr[-2000:]]
    ours, theirs = normal(accounts), normal(theirs)
    place = first_difference(ours, theirs)
    if place is not None:
        found += describe(ours, theirs, place, notes)
    return found


def describe(ours, theirs, place, notes):
    """Both accounts of the first differing position."""
    one = ours[place] if place < len(ours) else None
    two = theirs[place] if place < len(theirs) else None
    found = [f"account {place} differs"]
    found += [f"  {line}" for line in paths(one, two)][:40]
    if place < len(notes) and notes[place]:
        found.append(f"  where the text leaves a choice: {'; '.join(notes[place])}")
    return found + ["  oracle: " + json.dumps(one), "  binary: " + json.dumps(two)]


# ---------------------------------------------------------------- seeds


def run_seeds(options):
    """Each seed in each mode is one input."""
    first, _, last = options.seeds.partition("-")
    modes = {"valid": [False], "invalid": [True], "both": [False, True]}[options.mode]
    passed = failed = 0
    for seed in range(int(first), int(last or first) + 1):
        for invalid in modes:
            lines = generate.generate(seed, options.positions, options.events, invalid,
                                      options.ambiguous)
            found = differences(options.binary, lines)
            passed, failed = passed + (not found), failed + bool(found)
            if found:
                report(options, seed, invalid, lines, found, detailed=failed == 1)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


def report(options, seed, invalid, lines, found, detailed):
    """The first failure in full, with its input kept in a file; others in a line."""
    name = f"seed {seed}{' --invalid' * invalid}{' --ambiguous' * options.ambiguous}"
    if not detailed:
        print(f"FAIL {name}: {found[0][:200]}")
        return
    with open(options.keep, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    print(f"FAIL {name} --positions {options.positions} --events {options.events}"
          f" (input kept in {options.keep})")
    print("\n".join(found))


# ---------------------------------------------------------------- vectors


def leg_vector_lines(vector):
    """One vector of accounting.json as position_opened, fills and fundings."""
    pid = str(uuid.uuid5(uuid.NAMESPACE_URL, vector["name"]))
    leg = dict(leg="a", venue="v1", account="acc", instrument=vector["name"], kind="linear",
               side="long", target_qty="1", multiplier="1", base="BTC", quote="USDT",
               settle="USDT", qty_scale=8, price_scale=8, settle_scale=8) | vector["instrument"]

    def line(kind, minute, payload, event_id=None):
        at = f"2026-01-01T{minute // 60:02d}:{minute % 60:02d}:00Z"
        return json.dumps(dict(position_id=pid, type=kind, effective_at=at, source="venue_ws",
                               event_id=event_id, payload=payload))

    lines = [line("position_opened", 0, dict(strategy="s", asset="BTC", legs=[leg]), pid)]
    for n, fill in enumerate(vector["fills"]):
        lines.append(line("leg_fill_recorded", n + 1,
                          dict(leg="a", trade_id=f"t{n}", liquidity="taker") | fill))
    for n, amount in enumerate(vector["funding"]):
        lines.append(line("funding_recorded", 60 * n, dict(
            leg="a", funding_time=f"2026-01-01T{n:02d}:00:00Z", amount=amount,
            asset=leg["settle"])))
    return lines, leg["settle"]


def leg_vector_result(leg, settle):
    """A printed leg in the words of accounting.json."""
    return dict(qty=leg["qty"], open_cost=leg["open_cost"], avg_entry_px=leg["avg_entry_px"],
                realized_price_pnl=leg["realized_price"], fees=leg["fees"],
                fee_value_settle=leg["fee_value"], funding=leg["funding"].get(settle, "0"),
                net_realized=leg["net"])


def matches(expected, actual):
    """Missing members are not compared; lists are complete; flags are a set."""
    if isinstance(expected, dict):
        return isinstance(actual, dict) and all(
            sorted(v) == sorted(actual.get(k, [])) if k == "flags"
            else k in actual and matches(v, actual[k]) for k, v in expected.items())
    if isinstance(expected, list):
        return len(expected) == len(actual) and all(map(matches, expected, actual))
    return expected == actual


def run_vectors(folder, binary):
    """Both files of vectors on the oracle, and on the binary when one is given."""
    sides = {"oracle": lambda lines: of_oracle(lines)[0]}
    if binary:
        sides["binary"] = lambda lines: of_binary(binary, lines)[0]
    cases = []
    with open(os.path.join(folder, "accounting.json"), encoding="utf-8") as file:
        for vector in json.load(file):
            lines, settle = leg_vector_lines(vector)
            cases.append((vector["name"], lines, vector["expect"],
                          lambda a, settle=settle: leg_vector_result(a[0]["legs"][0], settle)))
    with open(os.path.join(folder, "events.json"), encoding="utf-8") as file:
        for case in json.load(file):
            lines = [json.dumps(event) for event in case["events"]]
            cases.append((case["name"], lines, case["expect"], lambda a: a))
    passed = failed = 0
    for side, fold in sides.items():
        for name, lines, expected, view in cases:
            actual = fold(lines)
            good = bool(actual) and matches(expected, view(actual))
            passed, failed = passed + good, failed + (not good)
            if not good:
                print(f"FAIL {side} {name}")
                print(f"  expect {json.dumps(expected)}\n  actual {json.dumps(actual)}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("binary", nargs="?", default=os.environ.get("NEXUS_LEDGER"))
    parser.add_argument("--seeds", default="1-100")
    parser.add_argument("--positions", type=int, default=6)
    parser.add_argument("--events", type=int, default=14)
    parser.add_argument("--mode", choices=("valid", "invalid", "both"), default="both")
    parser.add_argument("--ambiguous", action="store_true")
    parser.add_argument("--keep", default="/tmp/oracle-difference.jsonl")
    parser.add_argument("--vectors")
    options = parser.parse_args()
    if options.vectors:
        return run_vectors(options.vectors, options.binary)
    if not options.binary:
        parser.error("the path of nexus-ledger is required")
    return run_seeds(options)


if __name__ == "__main__":
    sys.exit(main())
