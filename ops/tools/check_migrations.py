"""What ops/check-migrations does; run from the checkout, with the path of squawk in SQUAWK.

Each check yields problems as (path, line, what is wrong and its cure).
"""
import dataclasses
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tomllib

import idempotence
import statements

MIGRATIONS = pathlib.Path("sql/migrations")
DOCUMENTS = pathlib.Path("sql/docs/migrations")
QUERIES = pathlib.Path("sql/queries")
LIST = pathlib.Path("sql/migrations.list")
SQUAWK_TOML = pathlib.Path("sql/squawk.toml")
#: The first migration that comes with a document.
DOCUMENTED_FROM = 13
SECTIONS = ["Schema", "Index analysis", "Query examples", "Rollback procedure", "Zero downtime"]
NAME = re.compile(r"([0-9]{6})_([a-z][a-z0-9_]*)\.(up|down)\.sql")
HEAD = ["Why:", "Locks:", "Takes:"]
#: What a skeleton has where something is to be written.
UNWRITTEN = re.compile("[«»]")


@dataclasses.dataclass(frozen=True)
class Migration:
    """A pair of files."""
    number: int
    stem: str

    @property
    def up(self):
        return MIGRATIONS / f"{self.stem}.up.sql"

    @property
    def down(self):
        return MIGRATIONS / f"{self.stem}.down.sql"

    @property
    def document(self):
        return DOCUMENTS / f"{self.stem}.md"

    @property
    def digest(self):
        """SHA-256 of both files, in hexadecimal."""
        text = hashlib.sha256()
        for path in (self.up, self.down):
            text.update(path.read_bytes() if path.exists() else b"")
            text.update(b"\0")
        return text.hexdigest()


def find():
    """(migrations by number, problems of their names)."""
    found, problems = {}, []
    for path in sorted(MIGRATIONS.iterdir()):
        match = NAME.fullmatch(path.name)
        if not match:
            problems.append((path, 0, "is no NNNNNN_name.up.sql or .down.sql: rename or move it"))
            continue
        found.setdefault(path.name.split(".")[0], int(match[1]))
    migrations = sorted((Migration(number, stem) for stem, number in found.items()),
                        key=lambda m: (m.number, m.stem))
    for place, migration in enumerate(migrations):
        before = migrations[place - 1].number if place else 0
        if migration.number == before:
            problems.append((migration.up, 0, f"{before:06} is taken by "
                             f"{migrations[place - 1].stem}: take the next free number"))
        elif migration.number != before + 1:
            problems.append((migration.up, 0, f"comes after {before:06} with a gap: number it "
                             f"{before + 1:06}"))
    return migrations, problems


def check_files(migration):
    """Both files are there, say what they do, and do something."""
    for path in (migration.up, migration.down):
        if not path.exists():
            yield path, 0, "is missing: ops/new-migration makes both files"
            continue
        text = path.read_text()
        yield from check_written(path, text)
        head = re.match(r"(?:--.*\n)*", text)[0]
        for word in HEAD:
            if not re.search(rf"^-- {word}\s+\S", head, re.MULTILINE):
                yield path, 1, f"its head does not say `-- {word}`: say it"
        if not statements.split(text):
            yield path, 0, "has no statement: a direction that does nothing can not be tested"


def check_written(path, text):
    for number, line in enumerate(text.splitlines(), 1):
        if UNWRITTEN.search(line):
            yield path, number, "is still the skeleton's text («…»): write it"


def check_document(migration):
    """The sections of the specification's deliverables, each with something in it."""
    path = migration.document
    if migration.number < DOCUMENTED_FROM:
        return
    if not path.exists():
        yield path, 0, ("is missing: " + ", ".join(SECTIONS) + ", see ops/new-migration and "
                        "another one there")
        return
    text = path.read_text()
    yield from check_written(path, text)
    parts = re.split(r"^## +(.+?) *$", text, flags=re.MULTILINE)
    bodies = dict(zip(parts[1::2], parts[2::2]))
    for section in SECTIONS:
        body = bodies.get(section)
        if body is None:
            yield path, 0, f"has no section `## {section}`: write it"
        elif len(body.split()) < 4:
            yield path, 0, f"says nothing under `## {section}`: say it, also why there is nothing"
    examples = bodies.get("Query examples")
    if examples and not UNWRITTEN.search(examples):
        named = re.findall(r"sql/queries/[a-z0-9_]+\.sql|queries/[a-z0-9_]+\.sql", examples)
        for name in named:
            if not (QUERIES / pathlib.Path(name).name).exists():
                yield path, 0, f"names {name}, which does not exist: write it or name another"
        if not named and "```sql" not in examples:
            yield path, 0, "has no query under `## Query examples`: a block of SQL, or its file"


def check_orphans(migrations):
    stems = {migration.stem for migration in migrations}
    for path in sorted(DOCUMENTS.glob("*.md")) if DOCUMENTS.exists() else []:
        if path.stem not in stems and path.name != "README.md":
            yield path, 0, "belongs to no migration: rename or remove it"


# ---------------------------------------------------------------- order


def read_list(text):
    """[(stem, digest)] of sql/migrations.list."""
    lines = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    return [(line[0], line[1] if len(line) > 1 else "") for line in lines]


def git(*arguments):
    """What git says, or None."""
    done = subprocess.run(["git", *arguments], capture_output=True, text=True)
    return done.stdout if done.returncode == 0 else None


def published():
    """(the commit of main that is published, {stem: (bytes of up, bytes of down)}), or (None, {})
    where there is no such commit."""
    names = [os.environ["NEXUS_MAIN"]] if os.environ.get("NEXUS_MAIN") else ["origin/main"]
    for name in names:
        if git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}") is None:
            if os.environ.get("NEXUS_MAIN"):
                sys.exit(f"check-migrations: NEXUS_MAIN={name} is no commit here")
            continue
        listed = git("ls-tree", "-r", "--full-tree", name, "--", f"{MIGRATIONS}/") or ""
        blobs = {}
        for line in listed.splitlines():
            facts, path = line.split("\t")
            match = NAME.fullmatch(pathlib.Path(path).name)
            if match:
                stem = pathlib.Path(path).name.split(".")[0]
                blobs.setdefault(stem, {})[match[3]] = facts.split()[2]
        return name, blobs
    return None, {}


def check_published(migrations):
    """What main has stays as it is, and what is new comes behind it."""
    main, blobs = published()
    if not blobs:
        return
    highest = max(int(stem[:6]) for stem in blobs)
    for migration in migrations:
        if migration.stem in blobs:
            for way, path in (("up", migration.up), ("down", migration.down)):
                blob = (git("hash-object", "--", str(path)) or "").strip()
                if blob != blobs[migration.stem].get(way, ""):
                    yield path, 0, (f"is published on {main} and changed since: take the change "
                                    "back and write a new migration")
        elif migration.number <= highest:
            yield migration.up, 0, (f"comes late: {main} has {highest:06} already, and who has "
                                    f"migrated would skip it. Number it {highest + 1:06} or later")
    stems = {migration.stem for migration in migrations}
    for stem in sorted(blobs.keys() - stems):
        yield MIGRATIONS / f"{stem}.up.sql", 0, (f"is on {main} and not here: merge {main}, what "
                                                 "is published is never removed")


def check_list(migrations):
    """The list names all in order, with the digests that they have."""
    listed = read_list(LIST.read_text()) if LIST.exists() else []
    highest = 0
    for stem, _ in listed:
        if int(stem[:6]) <= highest:
            yield LIST, 0, (f"{stem} stands behind {highest:06}: it came late. Give it the next "
                            "number, its list is never sorted")
        highest = max(highest, int(stem[:6]))
    digests = dict(listed)
    for migration in migrations:
        if migration.stem not in digests:
            late = migration.number < highest
            yield LIST, 0, (f"lacks {migration.stem}: " + (
                f"it comes late, {highest:06} was before it. Give it the next number" if late
                else "ops/check-migrations --list"))
        elif digests[migration.stem] != migration.digest:
            yield LIST, 0, (f"has another digest of {migration.stem}: if it is published, take "
                            "the change back; else ops/check-migrations --list")
    stems = {migration.stem for migration in migrations}
    for stem in digests.keys() - stems:
        yield LIST, 0, f"names {stem}, which is not there: ops/check-migrations --list"


LIST_HEAD = """\
# The migrations in the order in which they came, each with the SHA-256 of its two files; written
# by ops/check-migrations --list. Two branches that take one number meet here as a conflict: the
# one that comes second takes the next number.
"""


def write_list(migrations):
    """Adds what is new; changes or removes only what main has not published."""
    _, blobs = published()
    listed = read_list(LIST.read_text()) if LIST.exists() else []
    current = {migration.stem: migration for migration in migrations}
    lines = []
    for stem, digest in listed:
        if stem in blobs:
            lines.append((stem, digest))
        elif stem in current:
            lines.append((stem, current[stem].digest))
    names = {stem for stem, _ in lines}
    highest = max([int(stem[:6]) for stem in names], default=0)
    for migration in migrations:
        if migration.stem not in names and migration.number > highest:
            lines.append((migration.stem, migration.digest))
    LIST.write_text(LIST_HEAD + "".join(f"{stem} {digest}\n" for stem, digest in lines))


# ---------------------------------------------------------------- squawk


def check_reasons(text):
    """Every exclusion has a comment that says why, directly above it."""
    exclusions = re.search(r"^excluded_rules\s*=\s*\[(.*?)^\]", text, re.MULTILINE | re.DOTALL)
    first = text[:exclusions.start(1)].count("\n") + 1 if exclusions else 0
    blocks = [(exclusions[1], first, r'\s*"([a-z-]+)",?\s*(#.*)?$')] if exclusions else []
    table = re.search(r"^\[published\]\n(.*)", text, re.MULTILINE | re.DOTALL)
    if table:
        blocks.append((table[1], text[:table.start(1)].count("\n") + 1, r"(\S+)\s*=\s*\[.*$"))
    for block, line, pattern in blocks:
        reason = []
        for offset, content in enumerate(block.split("\n")):
            if content.strip().startswith("#"):
                reason += content.strip().lstrip("#").split()
            elif match := re.match(pattern, content):
                if len(reason) < 5:
                    yield SQUAWK_TOML, line + offset, (f"excludes {match[1]} and does not say "
                                                       "why: say it in a comment above it")
                reason = []


def check_squawk(migrations):
    """What squawk finds, but for what one published file is allowed."""
    text = SQUAWK_TOML.read_text()
    yield from check_reasons(text)
    settings = tomllib.loads(text)
    counted = len(re.findall(r"^\s*\"[a-z-]+\",?$", text, re.MULTILINE))
    if counted != len(settings.get("excluded_rules", [])):
        yield SQUAWK_TOML, 0, "excluded_rules has several in a line: give each its line and reason"
    if settings.get("excluded_paths"):
        yield SQUAWK_TOML, 0, "excludes paths: exclude rules, each with a reason"
    allowed = {stem: set(rules) for stem, rules in settings.get("published", {}).items()}
    needed = {stem: set() for stem in allowed}
    files = [str(migration.up) for migration in migrations if migration.up.exists()]
    if not files:
        return
    try:
        done = subprocess.run(
            [os.environ["SQUAWK"], "--config", str(SQUAWK_TOML), "--reporter", "json", *files],
            capture_output=True, text=True)
    except OSError as error:
        yield SQUAWK_TOML, 0, f"squawk can not be run: {error}"
        return
    try:
        found = json.loads(done.stdout)
    except ValueError:
        yield SQUAWK_TOML, 0, f"squawk did not answer: {(done.stderr or done.stdout).strip()[:500]}"
        return
    for problem in found:
        path = pathlib.Path(problem["file"])
        stem, rule = path.name.split(".")[0], problem["rule_name"]
        if rule in allowed.get(stem, ()):
            needed[stem].add(rule)
            continue
        cure = " ".join(filter(None, [problem["message"], problem.get("help")]))
        yield path, problem["line"] + 1, f"squawk {rule}: {cure}"
    for stem in allowed:
        for rule in sorted(allowed[stem] - needed[stem]):
            yield SQUAWK_TOML, 0, f"allows {stem} {rule}, which is not found there: remove it"
    for migration in migrations:
        if migration.up.exists():
            yield from check_ignored(migration.up)


def check_ignored(path):
    """A statement that squawk is to pass over has its reason in the comment above."""
    reason = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.startswith("--"):
            reason = []
        elif "squawk-ignore" not in line:
            reason += line.removeprefix("--").split()
        elif len(reason) < 5:
            yield path, number, ("ignores squawk and does not say why: say it in a comment above "
                                 "that line")


def main(arguments):
    migrations, problems = find()
    if arguments == ["--list"]:
        write_list(migrations)
    if not migrations:
        problems.append((MIGRATIONS, 0, "has no migration: is this the whole checkout?"))
    for migration in migrations:
        problems += check_files(migration)
        problems += check_document(migration)
        for path in (migration.up, migration.down):
            if path.exists():
                problems += ((path, line, cure) for line, cure in
                             idempotence.problems(path.read_text()))
    problems += check_orphans(migrations)
    problems += check_list(migrations)
    problems += check_published(migrations)
    problems += check_squawk(migrations)
    for path, line, cure in problems:
        print(f"{path}:{line}: {cure}")
    if problems:
        print(f"check-migrations: {len(problems)} to mend, see above", file=sys.stderr)
        return 1
    print(f"{len(migrations)} migrations: complete, in order, idempotent in form, squawk finds "
          "nothing")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
