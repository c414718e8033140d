"""SQL in statements: as much of PostgreSQL's lexical rules as migrations need."""
import dataclasses
import re

_TOKEN = re.compile(
    r"""(?P<line>--[^\n]*)
      | (?P<open>/\*)
      | (?P<escaped>\b[eE]'(?:[^'\\]|''|\\.)*')
      | (?P<string>'(?:[^']|'')*')
      | (?P<name>"(?:[^"]|"")*")
      | (?P<dollar>\$(?:[A-Za-z_\x80-\uffff][A-Za-z0-9_\x80-\uffff]*)?\$)
      | (?P<end>;)""",
    re.VERBOSE | re.DOTALL)


@dataclasses.dataclass(frozen=True)
class Statement:
    """One statement without its comments; text in quotes and dollars is left empty ('')."""
    text: str
    #: Of its first word, from 1.
    line: int
    #: What stood in the dollar quotes, in order.
    bodies: tuple = ()

    @property
    def words(self):
        """In upper case, with single spaces; what stands in double quotes is kept."""
        parts = re.split(r'("(?:[^"]|"")*")', self.text)
        return " ".join("".join(part if part.startswith('"') else part.upper()
                                for part in parts).split())


def _comment_end(text, place):
    """Behind a comment that began at place; they nest."""
    depth = 0
    for match in re.finditer(r"/\*|\*/", text[place:]):
        depth += 1 if match[0] == "/*" else -1
        if depth == 0:
            return place + match.end()
    return len(text)


def split(text):
    """The statements of a text; those without a word are none."""
    found, parts, bodies = [], [], []
    place = 0

    def finish():
        whole = "".join(kept for _, kept in parts)
        if whole.strip():
            offset = next(at + len(kept) - len(kept.lstrip())
                          for at, kept in parts if kept.strip())
            found.append(Statement(whole.strip(), text.count("\n", 0, offset) + 1, tuple(bodies)))
        parts.clear()
        bodies.clear()

    while match := _TOKEN.search(text, place):
        parts.append((place, text[place:match.start()]))
        place = match.end()
        if match["open"]:
            place = _comment_end(text, match.start())
            parts.append((match.start(), " "))
        elif match["dollar"]:
            end = text.find(match[0], place)
            end = len(text) if end < 0 else end
            bodies.append(text[place:end])
            place = end + len(match[0])
            parts.append((match.start(), "''"))
        elif match["string"] or match["escaped"]:
            parts.append((match.start(), "''"))
        elif match["name"]:
            parts.append((match.start(), match[0]))
        elif match["end"]:
            finish()
    parts.append((place, text[place:]))
    finish()
    return found
