"""Holds plans to the heads of sql/queries, and indexes to their reasons. See ops/plan-check."""

import json
import pathlib
import re
import subprocess
import sys

QUERIES = pathlib.Path("sql/queries")
ANALYSIS = pathlib.Path("sql/docs/indexes.md")
KEYS = ("Query", "Index", "Buffers", "Example")
# From how many rows on a table must not be read from end to end.
ROWS_MAX = 10_000

INDEXES = r"""
SELECT format('%s.%s', n.nspname, regexp_replace(c.relname, '_y\d{4}m\d{2}$', '')),
       EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = c.oid)
  FROM pg_class AS c
  JOIN pg_namespace AS n
    ON n.oid = c.relnamespace
 WHERE c.relkind IN ('i', 'I')
   AND NOT c.relispartition
   AND n.nspname NOT IN ('pg_catalog', 'pg_toast', 'information_schema', 'partman', 'cron')
   AND NOT EXISTS (SELECT
                     FROM pg_depend AS d
                     JOIN pg_index AS i
                       ON i.indrelid = d.objid
                    WHERE d.deptype = 'e'
                      AND i.indexrelid = c.oid)
 ORDER BY 1
"""

# Of a partition, the index or table that it is part of. A truth of each month of the log is no part
# of an index of the log.
PARTS = r"""
SELECT format('%s.%s', n.nspname, c.relname),
       format('%s.%s', rn.nspname, regexp_replace(r.relname, '_y\d{4}m\d{2}$', '')),
       c.relkind,
       greatest(c.reltuples, 0)::bigint
  FROM pg_class AS c
  JOIN pg_namespace AS n
    ON n.oid = c.relnamespace
  JOIN pg_class AS r
    ON r.oid = coalesce(pg_partition_root(c.oid)::oid, c.oid)
  JOIN pg_namespace AS rn
    ON rn.oid = r.relnamespace
 WHERE c.relkind IN ('r', 'm', 'i')
   AND n.nspname NOT IN ('pg_toast', 'information_schema')
"""


class Wrong(Exception):
    """What is wrong with a query, and its cure."""


def psql(database, *commands):
    """The output of the commands, fields parted by tabs."""
    arguments = ["psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align",
                 "--field-separator=\t", "--set=ON_ERROR_STOP=1", f"--dbname={database}"]
    for command in commands:
        arguments += ["--command", command]
    done = subprocess.run(arguments, capture_output=True, text=True)
    if done.returncode:
        raise Wrong(done.stderr.strip())
    return done.stdout


def table(database, command):
    return [line.split("\t") for line in psql(database, command).splitlines()]


def head_of(text):
    """{key: value} of the comment that a query begins with; a value goes on in the next line."""
    facts, last = {}, None
    for line in re.match(r"(?:--.*\n)*", text)[0].splitlines():
        line = line.removeprefix("--").strip()
        fact = re.match(r"(Query|Index|Buffers|Example): +(.*)", line)
        if fact:
            last = fact[1]
            if last in facts:
                raise Wrong(f"says `{last}:` twice: say it once")
            facts[last] = fact[2]
        elif last is None:
            raise Wrong("begins with a line that is none of Query, Index, Buffers, Example")
        else:
            facts[last] += " " + line
    if tuple(facts) != KEYS:
        raise Wrong("has to begin with the lines `-- Query: …`, `-- Index: schema.name[, …]`, "
                    "`-- Buffers: at most N`, `-- Example: $1 = …`, in this order")
    return facts


class Query:
    def __init__(self, path):
        self.path = path
        text = path.read_text()
        facts = head_of(text)
        self.statement = re.sub(r"\A(?:--.*\n)*\s*", "", text).strip()
        if not re.fullmatch(r"(SELECT|WITH)\b[^;]*;", self.statement):
            raise Wrong("has to be one SELECT (or WITH … SELECT) that ends with the only `;`")
        self.statement = self.statement[:-1]
        self.indexes = [name.strip().rstrip(".") for name in facts["Index"].split(",")]
        for name in self.indexes:
            if not re.fullmatch(r"[a-z_]+\.[a-z0-9_]+", name):
                raise Wrong(f"names the index `{name}`: write schema.name, with commas between")
        buffers = re.fullmatch(r"at most (\d+)\.?", facts["Buffers"])
        if not buffers:
            raise Wrong("has to say `-- Buffers: at most N`, N a number of blocks of 8 KiB")
        self.buffers_max = int(buffers[1])
        self.arguments = self.example(facts["Example"])

    def example(self, text):
        wanted = max([0, *map(int, re.findall(r"\$(\d+)", self.statement))])
        if not wanted:
            if text != "none":
                raise Wrong("has no parameter: say `-- Example: none`")
            return []
        parts = re.split(r"(?:^|, *)\$(\d+) = ", text)
        numbers, values = list(map(int, parts[1::2])), parts[2::2]
        if parts[0] or numbers != list(range(1, wanted + 1)):
            raise Wrong(f"has the parameters $1 … ${wanted}: say `-- Example: $1 = …, …` with an "
                        "SQL expression for each, in order")
        return [value.strip() for value in values]

    def explain(self, database):
        setup = ["SET timezone = 'UTC'", "SET plan_cache_mode = force_custom_plan",
                 f"PREPARE query AS {self.statement}"]
        execute = "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE query"
        if self.arguments:
            # EXECUTE takes no subqueries.
            texts = ", ".join(f"quote_nullable(({value})::text)" for value in self.arguments)
            values = psql(database, setup[0], f"SELECT concat_ws(', ', {texts})")
            execute += f" ({values})"
        # The first run has caches of the catalogue to fill; the second is what callers see.
        output = psql(database, *setup, execute, "\\echo next", execute)
        return json.loads(output.split("next\n")[1])[0]


def nodes(plan):
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def check(query, database, parts):
    """(blocks, rows, milliseconds) of the plan; raises what is wrong with it."""
    explained = query.explain(database)
    top = explained["Plan"]
    used, problems = set(), []
    for node in nodes(top):
        name = node.get("Index Name")
        # What was planned and never run serves nothing.
        if name and node["Actual Loops"]:
            used |= {root for full, (root, kind, _) in parts.items()
                     if kind == "i" and full.partition(".")[2] == name}
        if node["Node Type"] == "Seq Scan" and node["Actual Loops"]:
            rows = sum(count for full, (_, kind, count) in parts.items()
                       if kind != "i" and full.partition(".")[2] == node["Relation Name"])
            if rows > ROWS_MAX:
                problems.append(f"reads {node['Relation Name']} ({rows} rows) from end to end: "
                                "make an index for it, or ask otherwise")
    for name in query.indexes:
        if name not in used:
            problems.append(f"does not use {name}, but {', '.join(sorted(used)) or 'none'}: "
                            "correct the head, or the index")
    blocks = top["Shared Hit Blocks"] + top["Shared Read Blocks"]
    if blocks > query.buffers_max:
        problems.append(f"touches {blocks} blocks, {query.buffers_max} are allowed")
    if not top["Actual Rows"]:
        problems.append("finds no row: give an example that the seeds of sql/plans hold")
    if problems:
        raise Wrong("; ".join(problems))
    return blocks, top["Actual Rows"], explained["Execution Time"]


def justify(database, named):
    """What is wrong with the reasons of indexes; named are those that queries' heads name."""
    known = {name: made == "t" for name, made in table(database, INDEXES)}
    text = ANALYSIS.read_text() if ANALYSIS.exists() else ""
    analysed = {}
    for line in text.splitlines():
        row = re.match(r"\| `([a-z_]+\.[a-z0-9_]+)` \| *(.*?) *\|$", line)
        if row:
            analysed[row[1]] = row[2]
    for name, is_made in known.items():
        if not is_made and name not in named and name not in analysed:
            yield (f"{name}: no query in sql/queries is served by it and {ANALYSIS} gives no "
                   "reason for it: write one of them, or drop the index")
    for name, reason in analysed.items():
        if name not in known:
            yield f"{ANALYSIS}: there is no index {name}: remove its line"
        elif len(reason.split()) < 3:
            yield f"{ANALYSIS}: {name} has no reason: say what it is for"


def main(arguments):
    only_reasons = arguments[0] == "--justify"
    database = arguments[-1]
    wrong, queries, named = [], [], set()
    for path in sorted(QUERIES.glob("*.sql")):
        try:
            queries.append(Query(path))
            named |= set(queries[-1].indexes)
        except Wrong as error:
            wrong.append(f"{path}: {error}")
    wrong += justify(database, named)
    passed = 0
    if not only_reasons:
        parts = {full: (root, kind, int(count))
                 for full, root, kind, count in table(database, PARTS)}
        print(f"{'blocks':>7} {'at most':>7} {'rows':>6} {'ms':>8}  query")
        for query in queries:
            try:
                blocks, rows, took = check(query, database, parts)
                print(f"{blocks:7} {query.buffers_max:7} {rows:6.0f} {took:8.2f}  "
                      f"{query.path.stem}")
                passed += 1
            except Wrong as error:
                wrong.append(f"{query.path}: {error}")
    for line in wrong:
        print(line, file=sys.stderr)
    if wrong:
        print(f"{len(wrong)} wrong")
    elif only_reasons:
        print("every index has its reason")
    else:
        print(f"{passed} plans are as their heads say, and every index has its reason")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
