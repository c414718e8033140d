"""Diagrams of the tables for Mermaid (erDiagram), and the rules of its grammar that we need."""
import re

import pages

INTRODUCTION = pages.OF_CATALOGUE + """# Schema diagrams

For Mermaid, which GitHub, GitLab and many editors draw. Partitions and slots are left out. A line
is a foreign key, named as the truth that it keeps; a dotted one is a `position_id`
without one, since a buffered position is not there yet.

"""


def entity(schema, name):
    """As Mermaid takes it without quotes."""
    return f"{schema}_{name}"


def short_type(text):
    """A type in the letters that an attribute's type may have."""
    text = re.sub(r"\(.*?\)", "", pages.type_of(text))
    return re.sub(r"[^A-Za-z0-9_\[\]]+", "_", text).strip("_")


def tables(catalogue, schema=None):
    return [r for r in catalogue["relations"]
            if r["kind"] in "rpf" and schema in (None, r["schema"])]


def links(catalogue):
    """[(from (schema, name), to, many, optional, label, firm)] of all foreign keys, and of the
    positions that are named without one."""
    names = {(r["schema"], r["name"]) for r in tables(catalogue)}
    found = []
    for r in tables(catalogue):
        here = (r["schema"], r["name"])
        nullable = {c["name"] for c in r["columns"] if not c["not_null"]}
        unique = [set(k["columns"]) for k in r["constraints"] if k["kind"] in "pu"]
        bound = set()
        for k in r["constraints"]:
            if k["kind"] != "f" or tuple(k["to"]) not in names:
                continue
            columns = set(k["columns"])
            bound |= columns
            found.append((here, tuple(k["to"]), columns not in unique, bool(columns & nullable),
                          k["name"], True))
        if here[0] != "positions" and ("positions", "streams") in names:
            if any(c["name"] == "position_id" for c in r["columns"]) and "position_id" not in bound:
                found.append((here, ("positions", "streams"), {"position_id"} not in unique,
                              "position_id" in nullable, "position_id", False))
    return found


def line(link):
    here, there, many, optional, label, firm = link
    left = "|o" if optional else "||"
    right = "o{" if many else "o|"
    return (f"    {entity(*there)} {left}{'--' if firm else '..'}{right} {entity(*here)} : "
            f"{label}\n")


def box(r):
    """An entity with its columns."""
    keys = {}
    for k in r["constraints"]:
        mark = {"p": "PK", "f": "FK", "u": "UK"}.get(k["kind"])
        for column in (k["columns"] or []) if mark else []:
            if mark not in keys.setdefault(column, []):
                keys[column].append(mark)
    text = f"    {entity(r['schema'], r['name'])} {{\n"
    for c in r["columns"]:
        marks = " " + ", ".join(keys[c["name"]]) if c["name"] in keys else ""
        null = "" if c["not_null"] else ' "null"'
        text += f"        {short_type(c['type'])} {c['name']}{marks}{null}\n"
    return text + "    }\n"


def fence(body):
    return f"```mermaid\nerDiagram\n{body}```\n\n"


def page(catalogue):
    """The whole page."""
    all_links = links(catalogue)
    text = INTRODUCTION + "## Between the schemas\n\n"
    across = [link for link in all_links if link[0][0] != link[1][0]]
    text += (fence("".join(line(link) for link in across)) if across
             else "Nothing links them yet.\n\n")
    views = sorted({(r["schema"], source.split(".")[0]) for r in catalogue["relations"]
                    for source in r["reads"] if source.split(".")[0] != r["schema"]})
    if views:
        text += "Views read besides:\n\n" + pages.table(
            ["schema", "whose views read", "tables and views of"],
            [[f"`{here}`", ", ".join(f"`{r['name']}`" for r in catalogue["relations"]
                                     if r["schema"] == here and any(
                                         source.startswith(there + ".") for source in r["reads"])),
              f"`{there}`"] for here, there in views])
    for schema in catalogue["schemas"]:
        name = schema["name"]
        inside = tables(catalogue, name)
        if not inside:
            continue
        text += f"## {name}\n\n{schema['comment'] or ''}\n\n"
        text += fence("".join(box(r) for r in inside) + "".join(
            line(link) for link in all_links if link[0][0] == link[1][0] == name))
    return text.rstrip() + "\n"


# ---------------------------------------------------------------- reading them

_NAME = r"[A-Za-z_][A-Za-z0-9_-]*"
_ENTITY = re.compile(rf"({_NAME})(?: \{{)?")
_LINK = re.compile(rf"({_NAME}) (\|o|\|\||\}}o|\}}\|)(--|\.\.)(o\||\|\||o\{{|\|\{{) ({_NAME}) : "
                   rf"({_NAME})")
_ATTRIBUTE = re.compile(rf"({_NAME}(?:\[\])*) ({_NAME})((?: |, )?(?:PK|FK|UK)"
                        rf"(?:, (?:PK|FK|UK))*)?( \"[^\"]*\")?")
_WORDS = {"title", "accTitle", "accDescr", "direction", "style", "classDef", "class", "one", "only",
          "many", "zero", "to", "optionally"}


def parse(text):
    """[({entity: [column]}, [(from, to)])] of the diagrams of a page of Markdown. Raises ValueError
    with the line that Mermaid's grammar of erDiagram does not take."""
    found = []
    boxes = linked = current = None
    for number, content in enumerate(text.splitlines(), 1):
        if content == "```mermaid":
            boxes, linked, current = {}, [], None
            first = True
            continue
        if boxes is None:
            continue
        words = content.strip()
        if content == "```":
            if current is not None:
                raise ValueError(f"{number}: {current} is not closed")
            found.append((boxes, linked))
            boxes = None
        elif first:
            if words != "erDiagram":
                raise ValueError(f"{number}: a diagram begins with erDiagram")
            first = False
        elif current is not None:
            match = _ATTRIBUTE.fullmatch(words)
            if words == "}":
                current = None
            elif match:
                boxes[current].append(match[2])
            else:
                raise ValueError(f"{number}: no attribute: {words}")
        elif match := _LINK.fullmatch(words):
            for name in (match[1], match[5]):
                if name in _WORDS:
                    raise ValueError(f"{number}: {name} is a word of Mermaid")
            linked.append((match[1], match[5]))
        elif words.endswith("{") and (match := _ENTITY.fullmatch(words)):
            current = match[1]
            if current in boxes or current in _WORDS:
                raise ValueError(f"{number}: {current} can not be an entity here")
            boxes[current] = []
        else:
            raise ValueError(f"{number}: neither entity nor link: {words}")
    if boxes is not None:
        raise ValueError("the last diagram is not closed")
    return found
