"""The pages of sql/docs, made from what the catalogue and the heads of queries say."""
import json
import re
from decimal import Decimal

GENERATED = "<!-- Made by ops/database-docs from {}. Do not edit. -->\n\n"
OF_CATALOGUE = GENERATED.format("the catalogue of a migrated database")
KINDS = {"r": "table", "p": "table", "v": "view", "m": "materialized view", "f": "foreign table"}
TYPES = {"timestamp with time zone": "timestamptz", "integer": "int", "character varying":
         "varchar"}
CONSTRAINTS = {"p": "PRIMARY KEY", "u": "UNIQUE", "f": "FOREIGN KEY", "c": "CHECK",
               "x": "EXCLUDE", "t": "CONSTRAINT TRIGGER"}
VOLATILITY = {"i": "immutable", "s": "stable", "v": "volatile"}
#: Columns of the matrix of roles: short enough for a page.
RIGHTS = [("r", "SELECT"), ("c", "SELECT, but for secret columns"), ("a", "INSERT"),
          ("w", "UPDATE"), ("d", "DELETE"), ("D", "TRUNCATE"), ("x", "REFERENCES"),
          ("t", "TRIGGER")]


def cell(text):
    """Text as it can stand in a cell of a table."""
    return re.sub(r"\s+", " ", text or "").replace("|", r"\|").strip()


def code(text):
    """Text in backquotes, in a cell of a table."""
    text = cell(text)
    if not text:
        return ""
    # Within code, a table needs its bars escaped all the same.
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def type_of(text):
    for long, short in TYPES.items():
        text = re.sub(rf"\b{long}\b", short, text)
    return text


def table(heads, rows):
    """A table of Markdown, with an empty line behind it."""
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n\n"


def default_of(column):
    if column["identity"]:
        return "identity, " + ("always" if column["identity"] == "a" else "by default")
    if column["generated"]:
        return "generated: " + code(column["default"])
    return code(type_of(column["default"] or ""))


def relations_of(catalogue, schema):
    return [r for r in catalogue["relations"] if r["schema"] == schema]


def index_form(definition):
    """What follows the table's name in CREATE INDEX."""
    return re.sub(r"^CREATE (UNIQUE )?INDEX \S+ ON (ONLY )?\S+ USING ", r"", definition)


def trigger_form(definition):
    return re.sub(r"^CREATE (CONSTRAINT )?TRIGGER \S+ ", "", definition)


# ---------------------------------------------------------------- a page for each schema


def relation(r):
    text = f"### {r['name']}\n\n"
    kind = KINDS[r["kind"]]
    text += {"table": "Table", "view": "View"}.get(kind, kind.capitalize())
    if r["partitioned"]:
        text += f", partitioned by {r['partitioned']}"
    text += f". {r['comment'] or ''}".rstrip() + "\n\n"
    if kind == "table":
        text += table(["column", "type", "null", "default", "meaning"], [
            [code(c["name"]), type_of(c["type"]), "" if c["not_null"] else "null", default_of(c),
             cell(c["comment"])] for c in r["columns"]])
    else:
        text += table(["column", "type", "meaning"], [
            [code(c["name"]), type_of(c["type"]), cell(c["comment"])] for c in r["columns"]])
    if r["constraints"]:
        text += table(["constraint", "kind", "definition"], [
            [code(k["name"]), CONSTRAINTS[k["kind"]],
             code(re.sub(rf"^{CONSTRAINTS[k['kind']]} ?", "", k["definition"]))]
            for k in r["constraints"]])
    indexes = [i for i in r["indexes"] if not i["constraint"]]
    if indexes:
        text += table(["index", "on", "serves"], [
            [code(i["name"]), code(index_form(i["definition"])), cell(i["comment"])]
            for i in indexes])
    if r["triggers"]:
        text += table(["trigger", "when", "why"], [
            [code(t["name"]), code(trigger_form(t["definition"])), cell(t["comment"])]
            for t in r["triggers"]])
    if r["definition"] and r["reads"]:
        text += "Reads " + ", ".join(f"`{name}`" for name in r["reads"]) + ".\n\n"
    return text


def routine(p):
    kind = {"p": "procedure", "a": "aggregate", "w": "window function"}.get(p["kind"], "function")
    result = f" → {type_of(p['result'])}" if p["result"] else ""
    text = f"### {p['name']}\n\n```sql\n{p['schema']}.{p['name']}({type_of(p['arguments'])})"
    text += f"{result}\n```\n\n{(p['comment'] or '').strip()}\n\n"
    rights = "with its owner's rights" if p["definer"] else "with the caller's rights"
    by = ", ".join(f"`{name}`" for name in p["executed_by"]) or "nobody"
    return text + f"{VOLATILITY[p['volatility']].capitalize()} {kind}, {rights}. " \
                  f"Executed by {by}.\n\n"


def schema(catalogue, one):
    text = OF_CATALOGUE + f"# {one['name']}\n\n{one['comment'] or ''}\n\n"
    inside = relations_of(catalogue, one["name"])
    routines = [p for p in catalogue["routines"] if p["schema"] == one["name"]]
    for title, kinds in (("Tables", "rpf"), ("Views", "vm")):
        chosen = [r for r in inside if r["kind"] in kinds]
        if chosen:
            text += f"## {title}\n\n" + "".join(relation(r) for r in chosen)
    if routines:
        text += "## Functions\n\n" + "".join(routine(p) for p in routines)
    if not inside and not routines:
        text += "Nothing stands in it yet.\n\n"
    return text.rstrip() + "\n"


# ---------------------------------------------------------------- constraints


def constraints(catalogue):
    text = OF_CATALOGUE + """# What the tables refuse

Each constraint is named as the truth that it keeps; the name is what an error carries, unique in
its table. Primary keys, NOT NULL and comments: the pages of the schemas.

"""
    for kind, title, head in (("c", "CHECK", "holds"), ("u", "UNIQUE", "is unique"),
                              ("p", "PRIMARY KEY", "is unique and not null"),
                              ("f", "FOREIGN KEY", "refers to"), ("x", "EXCLUDE", "excludes")):
        rows = [[code(f"{r['schema']}.{r['name']}"), code(k["name"]),
                 code(re.sub(rf"^{CONSTRAINTS[kind]} ?", "", k["definition"]))]
                for r in catalogue["relations"] for k in r["constraints"] if k["kind"] == kind]
        if rows:
            text += f"## {title}\n\n" + table(["table", "truth", head], rows)
    return text.rstrip() + "\n"


# ---------------------------------------------------------------- roles


def roles(catalogue):
    names = [role["name"] for role in catalogue["roles"]]
    text = OF_CATALOGUE + """# Who may do what

What a role has by itself, by its memberships and by PUBLIC together, as PostgreSQL's
has_*_privilege tell. Rights on a schema: U USAGE, C CREATE. Rights on a table:

"""
    text += table(["", "right"], [[f"`{letter}`", right] for letter, right in RIGHTS])
    text += "## Roles\n\n" + table(["role", "logs in", "member of", "what for"], [
        [code(role["name"]), "yes" if role["login"] else "no",
         ", ".join(code(name) for name in role["member_of"]), cell(role["comment"])]
        for role in catalogue["roles"]])
    text += "## Schemas\n\n" + matrix(
        "schema", names, [(schema["name"], {role["name"]: role["schemas"][schema["name"]]
                                            for role in catalogue["roles"]})
                          for schema in catalogue["schemas"]])
    for one in catalogue["schemas"]:
        inside = relations_of(catalogue, one["name"])
        routines = [p for p in catalogue["routines"] if p["schema"] == one["name"]]
        if not inside and not routines:
            continue
        text += f"## {one['name']}\n\n"
        for kinds, title in (("rpf", "table"), ("vm", "view")):
            text += matrix(title, names, [(r["name"], r["rights"]) for r in inside
                                          if r["kind"] in kinds])
        hidden = [[code(r["name"]), ", ".join(code(name) for name in r["hidden"])]
                  for r in inside if r["hidden"]]
        if hidden:
            text += table(["table", "columns that `nexus_reader` does not see"], hidden)
        text += matrix("function", names, [
            (type_of(p['signature']),
             {name: "X" for name in p["executed_by"]}) for p in routines])
    return text.rstrip() + "\n"


def matrix(head, names, rows):
    """A table of rights; a role without any of them has no column."""
    shown = [name for name in names if any(rights.get(name) for _, rights in rows)]
    if not rows:
        return ""
    if not shown:
        return "".join(f"`{name}`: nobody.\n\n" for name, _ in rows)
    return table([head, *(name.removeprefix("nexus_") for name in shown)], [
        [code(name), *(f"`{rights[role]}`" if rights.get(role) else "" for role in shown)]
        for name, rights in rows])


# ---------------------------------------------------------------- config


def config(catalogue):
    text = OF_CATALOGUE + """# Configuration tables

All configuration lives in the schema `config`: changed at run time, validated, logged, taken back
by its log. Functions and rights: `schemas/config.md`, `roles.md`.

"""
    for r in relations_of(catalogue, "config"):
        if r["kind"] not in "rp":
            continue
        text += f"## config.{r['name']}\n\n{r['comment'] or ''}\n\n"
        text += table(["column", "type", "null", "default", "meaning"], [
            [code(c["name"]), type_of(c["type"]), "" if c["not_null"] else "null", default_of(c),
             cell(c["comment"])] for c in r["columns"]])
        truths = [k for k in r["constraints"] if k["kind"] in "cufp"]
        if truths:
            text += table(["truth", "definition"],
                          [[code(k["name"]), code(k["definition"])] for k in truths])
    sections = {}
    for definition in catalogue["definitions"]:
        sections.setdefault(definition["section"], []).append(definition)
    for section, entries in sections.items():
        text += f"## Keys of {section}\n\n" + table(
            ["key", "kind", "range", "unit", "default", "decides"],
            [[code(d["key"]), d["kind"], bounds(d), cell(d["unit"]), default_value(d),
              cell(d["description"])] for d in entries])
    return text.rstrip() + "\n"


def number(value):
    """A number of numeric(38,18) without what says nothing."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def bounds(definition):
    low, high = definition["minimum"], definition["maximum"]
    if definition.get("allowed"):
        return ", ".join(code(word) for word in definition["allowed"])
    if definition.get("shortest") or definition.get("longest"):
        ends = f"{definition.get('shortest') or ''} … {definition.get('longest') or ''}".strip()
        return ends + (", null" if definition.get("takes_null") else "")
    if low is None and high is None:
        return ""
    return f"{'' if low is None else number(low)} … {'' if high is None else number(high)}".strip()


def default_value(definition):
    value = definition["default_value"]
    if value is None:
        return "null"
    if isinstance(value, bool):
        return code(str(value).lower())
    if isinstance(value, (int, Decimal)):
        return code(number(value))
    return code(value if isinstance(value, str)
                else json.dumps(value, ensure_ascii=False, default=float))


# ---------------------------------------------------------------- queries


def head_of(text):
    """(sentences, [(key, value)]) of the comment that a query begins with."""
    lines = re.match(r"(?:--.*\n)*", text)[0].splitlines()
    said, facts = [], []
    for line in lines:
        line = line.removeprefix("--").strip()
        fact = re.match(r"([A-Z][a-z ]{1,20}): +(.*)", line)
        if fact and fact[1] == "Query":
            said.append(fact[2])
        elif fact:
            facts.append([fact[1], fact[2]])
        elif facts and line:
            facts[-1][1] += " " + line
        elif line:
            said.append(line)
    return " ".join(said), facts


def queries(folder):
    text = GENERATED.format("the heads of sql/queries") + """# Query patterns

A query in `sql/queries` says in its head what it answers, and which index it is served by; a test
holds its plan to that.

"""
    files = sorted(folder.glob("*.sql")) if folder.exists() else []
    for path in files:
        content = path.read_text()
        said, facts = head_of(content)
        body = re.sub(r"\A(?:--.*\n)*\s*", "", content).rstrip()
        text += f"## {path.stem}\n\n{said}\n\n"
        text += "".join(f"- {key}: {value}\n" for key, value in facts)
        text += "\n" if facts else ""
        text += f"```sql\n{body}\n```\n\n"
    return text.rstrip() + "\n"
