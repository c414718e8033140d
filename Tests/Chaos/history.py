"""What a client intended and what it was told: a file of JSON lines that a kill -9 cannot take.

    {"send": 7, "at": 1.2, "kind": "own", "book": "main", "facts": [...]}      before it is sent
    {"try": 7, "at": 1.2, "ledger": 0}                                         each time
    {"answer": 7, "at": 1.3, "ledger": 0, "outcome": "committed",
     "places": [[event_id, log_position, version, is_duplicate], ...]}
    {"answer": 7, "at": 1.3, "ledger": 0, "outcome": "buffered", "sequence": 3, "reason": "…"}
    {"answer": 7, "at": 1.3, "ledger": 0, "outcome": "refused", "code": "ABORTED",
     "message": "…", "final": false}             not final: the client sends it again
    an answer may say "follows": true (refused behind an earlier one of its stream), and
    "repeat": true (the client had its answer already, and asks again)
    {"given_up": ["…"], "at": 1.3}                 positions whose order is not claimed any more
    {"checkpoint": {...}, "at": 9.9}               all that a next life of the client needs
"""
import dataclasses
import json
import mmap
import os
import time

from story import Fact

#: What a request is: of positions that the client owns and keeps in order; a fact that others
#: report too; a mark with an exact version on a position that others change; and two that no ledger
#: may book, though one without its database takes them, and parks them afterwards: a known fact
#: with another content, and a mark with a version that was passed long before.
OWN, SHARED, EXACT, CONTRARY, STALE = "own", "shared", "exact", "contrary", "stale"

#: How a checkpoint's line begins.
CHECKPOINT = b'\n{"checkpoint":'


@dataclasses.dataclass
class Request:
    """Sent as often as it takes, with the same ids."""
    number: int
    kind: str
    book: str
    facts: list

    @property
    def positions(self):
        """Their ids."""
        return {fact.position for fact in self.facts}

    def message(self, pb):
        """For Append and AppendStream."""
        return pb.AppendRequest(book=self.book, events=[f.message(pb) for f in self.facts])


class Writer:
    """Appends a line with one write(2): what the kernel has taken, a kill -9 leaves."""

    def __init__(self, path, begin):
        self.begin = begin
        self.file = open(path, "ab", buffering=0)  # noqa: SIM115: it lives as long as we do
        if os.path.getsize(path):
            self.file.write(b"\n")  # the line before may be torn

    def note(self, **record):
        """One record, with the time."""
        record["at"] = round(time.monotonic() - self.begin, 6)
        self.file.write(json.dumps(record, separators=(",", ":")).encode() + b"\n")

    def send(self, request):
        """The intent."""
        facts = [list(vars(fact).values()) for fact in request.facts]
        self.note(send=request.number, kind=request.kind, book=request.book, facts=facts)


def read(path, since_checkpoint=False):
    """The records; a line that a kill tore is skipped: it was not sent, or not acted upon."""
    with open(path, "rb") as file:
        if since_checkpoint and os.path.getsize(path):
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
                file.seek(max(0, whole.rfind(CHECKPOINT)))
        for line in file:
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if "send" in record:
                record["request"] = Request(record["send"], record["kind"], record["book"],
                                            [Fact(*fact) for fact in record.pop("facts")])
            yield record


def is_settled(answer):
    """Whether the client goes on to the next request after this answer."""
    return answer["outcome"] != "refused" or answer["final"]


def falsify(path, book, begin):
    """Adds an acknowledged event that was never sent: to see that the check sees it."""
    fact = Fact("00000000-0000-4000-8000-000000000001", "close_requested", 0, "manual", "chaos",
                '{"reason":"never sent"}', "00000000-0000-4000-8000-000000000002",
                "00000000-0000-4000-8000-000000000003")
    writer = Writer(path, begin)
    writer.send(Request(10**9, OWN, book, [fact]))
    writer.note(answer=10**9, ledger=0, outcome="committed", places=[[fact.event_id, 1, 1, 0]])
