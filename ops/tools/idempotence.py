"""Whether a migration can run twice, as far as the form of its statements tells.

What happens in a DO block or a function is not looked at: it asks for itself, and `ops/test` runs
every file twice.
"""
import re

import statements

#: What CREATE takes IF NOT EXISTS for, and what it takes OR REPLACE for.
_IF_NOT_EXISTS = ["TABLE", "UNLOGGED TABLE", "FOREIGN TABLE", "INDEX", "UNIQUE INDEX", "SCHEMA",
                  "EXTENSION", "SEQUENCE", "MATERIALIZED VIEW", "STATISTICS", "SERVER", "COLLATION",
                  "USER MAPPING"]
_OR_REPLACE = ["VIEW", "RECURSIVE VIEW", "FUNCTION", "PROCEDURE", "TRIGGER", "AGGREGATE", "RULE",
               "LANGUAGE", "TRANSFORM"]
#: What CREATE takes neither for: the file drops it before, or a DO block asks.
_NEITHER = ["TYPE", "DOMAIN", "ROLE", "USER", "POLICY", "PUBLICATION", "SUBSCRIPTION", "CAST",
            "OPERATOR", "OPERATOR CLASS", "OPERATOR FAMILY", "CONSTRAINT TRIGGER", "EVENT TRIGGER",
            "CONVERSION", "DATABASE", "TABLESPACE", "TEXT SEARCH CONFIGURATION",
            "FOREIGN DATA WRAPPER"]
_TRANSACTIONS = re.compile(r"(BEGIN|START TRANSACTION|COMMIT|ROLLBACK|END|SAVEPOINT|ABORT)\b")
_NAME = r'("(?:[^"]|"")*"|[A-Z0-9_$\x80-\uffff]+)'


def _kinds(kinds):
    return "|".join(sorted(kinds, key=len, reverse=True))


_CREATE = re.compile(rf"CREATE (OR REPLACE )?({_kinds(_IF_NOT_EXISTS + _OR_REPLACE + _NEITHER)}) "
                     r"(CONCURRENTLY )?(IF NOT EXISTS )?(.*)", re.DOTALL)


def _actions(text):
    """The actions of ALTER TABLE: split at commas outside of parentheses."""
    depth, part, parts = 0, "", []
    for character in text:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            parts.append(part.strip())
            part = ""
        else:
            part += character
    return parts + [part.strip()]


def _created(words, dropped):
    match = _CREATE.match(words)
    if not match:
        return None
    replace, kind, _, unless, rest = match.groups()
    if kind in _IF_NOT_EXISTS:
        return None if unless else f"say CREATE {kind} IF NOT EXISTS: a second run fails here"
    if kind in _OR_REPLACE:
        return None if replace else f"say CREATE OR REPLACE {kind}: a second run fails here"
    name = rest.split(" ")[0].split("(")[0]
    if (kind.split()[-1], name) in dropped:
        return None
    return f"CREATE {kind} fails in a second run: DROP … IF EXISTS before it, or ask within DO"


def _altered(words, dropped):
    """Problems of ALTER TABLE and ALTER TYPE."""
    if re.match(r"ALTER TYPE \S+ ADD VALUE (?!IF NOT EXISTS)", words):
        yield "say ADD VALUE IF NOT EXISTS: a second run fails here"
    if re.match(r"ALTER (TYPE|TABLE|VIEW|INDEX|SCHEMA|SEQUENCE|FUNCTION|MATERIALIZED VIEW)\b.*"
                r"\b(RENAME (TO|COLUMN|CONSTRAINT|VALUE|ATTRIBUTE)|RENAME \S+ TO|SET SCHEMA)\b",
                words):
        yield "a rename fails in a second run: ask within DO whether the old name stands"
        return
    table = re.match(rf"ALTER (?:FOREIGN )?TABLE (?:IF EXISTS )?(?:ONLY )?"
                     rf"((?:{_NAME}\.)?{_NAME}) (.*)", words)
    if not table:
        return
    for action in _actions(table[4]):
        if constraint := re.match(rf"DROP CONSTRAINT IF EXISTS {_NAME}", action):
            dropped.add((table[1], constraint[1]))
        constraint = re.match(rf"ADD CONSTRAINT {_NAME}", action)
        if constraint:
            if (table[1], constraint[1]) not in dropped:
                yield ("ADD CONSTRAINT fails in a second run: DROP CONSTRAINT IF EXISTS before "
                       "it, or ask within DO")
        elif re.match(r"ADD (CHECK|UNIQUE|PRIMARY|FOREIGN|EXCLUDE)\b", action):
            yield "give the constraint a name that says a truth, and make it only where it lacks"
        elif re.match(r"ADD (COLUMN )?(?!IF NOT EXISTS|COLUMN)", action):
            yield "say ADD COLUMN IF NOT EXISTS: a second run fails here"
        elif re.match(r"DROP (COLUMN |CONSTRAINT )?(?!IF EXISTS|COLUMN|CONSTRAINT)", action):
            yield "say DROP … IF EXISTS: a second run fails here"
        elif re.match(r"(ATTACH|DETACH) PARTITION\b", action):
            yield "ATTACH and DETACH fail in a second run: ask within DO"


def problems(text):
    """[(line, what is wrong and its cure)] of a file of migrations."""
    found = []
    parts = statements.split(text)
    dropped = set()
    for statement in parts:
        words = statement.words

        def report(cure, line=statement.line):
            found.append((line, cure))

        for number, line in enumerate(statement.text.split("\n")):
            if line.startswith("\\"):
                report("no command of psql: golang-migrate sends the file as it is")
                break
        if _TRANSACTIONS.match(words):
            report("no transactions of its own: a file is one simple query and so one transaction")
        if re.search(r"\bCONCURRENTLY\b", words) and len(parts) > 1:
            report("CONCURRENTLY can not run in a transaction: give it a migration of its own")
        if re.match(r"(VACUUM|CLUSTER|ALTER SYSTEM|CREATE DATABASE|DROP DATABASE)\b", words):
            report("can not run in a transaction, so in no migration")
        if re.match(r"SET (?!LOCAL )(?!CONSTRAINTS )", words):
            report("say SET LOCAL: another SET outlives the file")
        if cure := _created(words, dropped):
            report(cure)
        for cure in _altered(words, dropped):
            report(cure)
        drop = re.match(rf"DROP ({_kinds(_IF_NOT_EXISTS + _OR_REPLACE + _NEITHER)}) "
                        r"(CONCURRENTLY )?(IF EXISTS )?(\S+)", words)
        if drop and not drop[3]:
            report(f"say DROP {drop[1]} IF EXISTS: a second run fails here")
        if drop:
            dropped.add((drop[1].split()[-1], drop[4].rstrip(",")))
        if re.match(r"(WITH\b.*\b)?INSERT INTO\b", words) and not re.search(
                r"\bON CONFLICT\b|\bNOT EXISTS\b|\bEXCEPT\b", words):
            report("INSERT adds its rows twice in a second run: ON CONFLICT, or WHERE NOT EXISTS")
        if re.match(r"COPY\b", words):
            report("no COPY: INSERT … ON CONFLICT")
    return found
