"""The positions of a run: funding arbitrage of two legs, the same for the same seed."""
import datetime
import json
import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "Chaos"))
from expected import Event  # noqa: E402
from story import Story, name_id  # noqa: E402

#: Strategies, so that sums of what is over and sums of what goes on are different rows.
OVER, OPEN, BUSY = "over", "open", "busy"


class Life(Story):
    """A story of a strategy of its own."""

    def __init__(self, seed, position_id, strategy, closes):
        super().__init__(seed, position_id, closes=closes)
        self.strategy = strategy

    def opened(self):
        """With the strategy."""
        return super().opened().changed(strategy=self.strategy)


def moment(micros):
    """RFC 3339."""
    at = datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=micros)
    return at.isoformat() + "Z"


def line(fact):
    """A line for `append`."""
    members = dict(position_id=fact.position, type=fact.type, effective_at=moment(fact.at_us),
                   source=fact.source, event_id=fact.event_id, payload=json.loads(fact.payload))
    if fact.actor:
        members["actor"] = fact.actor
    return json.dumps(members)


def lines(seed, name, strategy, closes):
    """All lines of one position."""
    life = Life(seed, name_id(seed, "replay", name), strategy, closes)
    return [line(fact) for fact in life.facts()]


def settled(seed, count):
    """Lines of positions that no writer touches later: the most of them are closed."""
    found = []
    for number in range(count):
        is_open = number % 5 == 4
        found += lines(seed, f"settled {number}", OPEN if is_open else OVER, 0 if is_open else 1)
    return found


def event(row):
    """An event of the log from a row of JSON."""
    return Event(row["position_id"], row["version"], row["log_position"], row["event_id"],
                 row["event_type"], row["at_us"], row["payload"])
