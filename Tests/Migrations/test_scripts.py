"""ops/new-migration makes the deliverables, and ops/check-migrations refuses what lacks one."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SQUAWK = os.environ.get("SQUAWK", str(ROOT / ".build/venv/bin/squawk"))
#: The last migration that a checkout of a test has.
LAST = 12
#: How the last line ends when all is well.
GOOD = "squawk finds nothing\n"
GOOD_UP = """\
-- Why:   a test needs one.
-- Locks: none.
-- Takes: no time.

CREATE TABLE IF NOT EXISTS risk.thing (
    thing_id bigint NOT NULL,
    CONSTRAINT thing_has_one_id
        PRIMARY KEY (thing_id)
);
"""
GOOD_DOWN = """\
-- Why:   undoes it.
-- Locks: ACCESS EXCLUSIVE.
-- Takes: no time.

DROP TABLE IF EXISTS risk.thing;
"""
GOOD_DOCUMENT = """\
# It

## Schema

A table, risk.thing, for a test.

## Index analysis

The key serves reads by id.

## Query examples

```sql
SELECT t.thing_id FROM risk.thing AS t;
```

## Rollback procedure

Nothing is lost: migrate down.

## Zero downtime

New objects only, nobody waits.
"""


class Checkout:
    """A copy of what the scripts read, a repository of its own with a published main."""

    def __init__(self, folder):
        self.folder = folder
        self.next = LAST + 1

    def fill(self):
        """The scripts and the first migrations, which are published and never change."""
        shutil.copytree(ROOT / "ops", self.folder / "ops")
        (self.folder / "sql/migrations").mkdir(parents=True)
        (self.folder / "sql/docs/migrations").mkdir(parents=True)
        for path in sorted((ROOT / "sql/migrations").glob("0000*.sql")):
            if int(path.name[:6]) <= LAST:
                shutil.copy(path, self.folder / "sql/migrations")
        listed = (ROOT / "sql/migrations.list").read_text().splitlines(keepends=True)
        (self.folder / "sql/migrations.list").write_text("".join(
            line for line in listed if line.startswith("#") or int(line[:6]) <= LAST))
        shutil.copy(ROOT / "sql/squawk.toml", self.folder / "sql")
        self.git("init", "--quiet", "--initial-branch=main")
        self.commit("published")
        self.git("update-ref", "refs/remotes/origin/main", "HEAD")

    def run(self, *command, **variables):
        environment = os.environ | {"SQUAWK": SQUAWK, "NO_COLOR": "1"} | variables
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True,
                              text=True, timeout=60)

    def git(self, *arguments):
        done = self.run("git", "-c", "user.name=test", "-c", "user.email=test@invalid",
                        *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def commit(self, message):
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)

    def path(self, name):
        return self.folder / name

    def write(self, stem, up=GOOD_UP, down=GOOD_DOWN, document=GOOD_DOCUMENT):
        """A migration; None leaves a file out."""
        for name, text in ((f"sql/migrations/{stem}.up.sql", up),
                           (f"sql/migrations/{stem}.down.sql", down),
                           (f"sql/docs/migrations/{stem}.md", document)):
            if text is not None:
                # git leaves no empty folder.
                self.path(name).parent.mkdir(parents=True, exist_ok=True)
                self.path(name).write_text(text)

    def good(self, name="thing", **files):
        """The next migration, complete but for the given files; listed."""
        stem = f"{self.next:06}_{name}"
        self.write(stem, **files)
        self.run("ops/check-migrations", "--list")
        return stem

    def problems(self, **variables):
        done = self.run("ops/check-migrations", **variables)
        assert done.returncode == (0 if done.stdout.endswith(GOOD) else 1), done.stderr
        return done.stdout


@pytest.fixture(scope="session")
def filled(tmp_path_factory):
    """Made once, copied for each test."""
    folder = tmp_path_factory.mktemp("checkout")
    Checkout(folder).fill()
    return folder


@pytest.fixture
def checkout(filled, tmp_path):
    shutil.copytree(filled, tmp_path, dirs_exist_ok=True)
    return Checkout(tmp_path)


# ---------------------------------------------------------------- ops/new-migration


def test_the_five_deliverables_are_made_with_the_next_number(checkout):
    done = checkout.run("ops/new-migration", "spread_history")
    assert done.returncode == 0, done.stderr
    stem = f"{checkout.next:06}_spread_history"
    up = checkout.path(f"sql/migrations/{stem}.up.sql").read_text()
    down = checkout.path(f"sql/migrations/{stem}.down.sql").read_text()
    document = checkout.path(f"sql/docs/migrations/{stem}.md").read_text()
    assert re.match(r"-- Why:.*\n-- Locks:.*\n-- Takes:", up)
    assert down.startswith(f"-- Why:   undoes {stem}.")
    assert re.findall("^## (.*)$", document, re.MULTILINE) == [
        "Schema", "Index analysis", "Query examples", "Rollback procedure", "Zero downtime"]
    for name in (f"{stem}.up.sql", "ops/check-migrations", "ops/schema", "ops/database-docs"):
        assert name in done.stdout


@pytest.mark.parametrize("name", ["", "Spread", "1st", "a", "spread-history", "spread history",
                                  "../spread", "spread__history", "spread_", "s" * 61, "s;ls"])
def test_a_bad_name_is_refused(checkout, name):
    done = checkout.run("ops/new-migration", name)
    assert done.returncode == 1 and "new-migration: " in done.stderr
    assert checkout.git("status", "--porcelain") == ""


def test_a_name_that_exists_is_refused(checkout):
    done = checkout.run("ops/new-migration", "outbox_discards")
    assert done.returncode == 1
    assert "000011_outbox_discards.up.sql has that name already" in done.stderr
    assert checkout.git("status", "--porcelain") == ""


def test_what_is_left_of_a_document_is_not_written_over(checkout):
    left = checkout.path(f"sql/docs/migrations/{checkout.next:06}_spread.md")
    left.write_text("mine")
    done = checkout.run("ops/new-migration", "spread")
    assert done.returncode == 1 and "exists already" in done.stderr
    assert left.read_text() == "mine"


@pytest.mark.parametrize("script", ["new-migration", "check-migrations", "database-docs"])
def test_help_is_the_head_of_the_script(checkout, script):
    done = checkout.run(f"ops/{script}", "--help")
    assert done.returncode == 0 and f"ops/{script} --help" in done.stdout
    assert "#" not in done.stdout and "set -euo" not in done.stdout


# ---------------------------------------------------------------- ops/check-migrations


def test_the_first_migrations_pass_as_they_were_published(checkout):
    assert checkout.problems().endswith(GOOD)


def test_a_complete_migration_passes(checkout):
    checkout.good()
    assert checkout.problems().endswith(GOOD)


def test_a_skeleton_is_refused_in_all_its_files(checkout):
    checkout.run("ops/new-migration", "spread")
    checkout.run("ops/check-migrations", "--list")
    problems = checkout.problems()
    stem = f"{checkout.next:06}_spread"
    for name in (f"sql/migrations/{stem}.up.sql", f"sql/migrations/{stem}.down.sql",
                 f"sql/docs/migrations/{stem}.md"):
        assert re.search(rf"^{re.escape(name)}:\d+: is still the skeleton's text", problems,
                         re.MULTILINE)


@pytest.mark.parametrize("files, complaint", [
    (dict(down=None), "down.sql:0: is missing"),
    (dict(up=None), "up.sql:0: is missing"),
    (dict(document=None), ".md:0: is missing"),
    (dict(down=""), "down.sql:0: has no statement"),
    (dict(down=GOOD_DOWN.split("DROP")[0] + "/* later /* much */ */ ;\n"),
     "down.sql:0: has no statement"),
    (dict(up=GOOD_UP.replace("-- Locks: none.\n", "")), "does not say `-- Locks:`"),
    (dict(down=GOOD_DOWN.replace("Takes: no time.", "Takes:")), "does not say `-- Takes:`"),
    (dict(document=GOOD_DOCUMENT.replace("## Index analysis", "## Indexes")),
     "has no section `## Index analysis`"),
    (dict(document=GOOD_DOCUMENT.replace("Nothing is lost: migrate down.", "None.")),
     "says nothing under `## Rollback procedure`"),
    (dict(document=GOOD_DOCUMENT.replace("```sql", "```text")), "has no query"),
    (dict(document=GOOD_DOCUMENT.replace("```sql", "See sql/queries/lost_query.sql")),
     "names sql/queries/lost_query.sql, which does not exist"),
])
def test_a_deliverable_that_is_missing_is_named(checkout, files, complaint):
    checkout.good(**files)
    assert complaint in checkout.problems()


def test_an_older_migration_needs_no_document(checkout):
    assert not checkout.path("sql/docs/migrations/000012_generation_steps.md").exists()
    assert checkout.problems().endswith(GOOD)


def test_a_document_of_no_migration_is_refused(checkout):
    checkout.path("sql/docs/migrations/000099_gone.md").write_text(GOOD_DOCUMENT)
    assert "000099_gone.md:0: belongs to no migration" in checkout.problems()


def test_a_gap_is_refused(checkout):
    checkout.write(f"{checkout.next + 1:06}_thing")
    checkout.run("ops/check-migrations", "--list")
    assert f"with a gap: number it {checkout.next:06}" in checkout.problems()


def test_a_number_that_is_taken_is_refused(checkout):
    checkout.write("000012_late")
    checkout.run("ops/check-migrations", "--list")
    problems = checkout.problems()
    assert "000012 is taken by" in problems
    assert "000012_late.up.sql:0: comes late: origin/main has" in problems


def test_a_lower_number_than_main_has_by_now_is_refused(checkout):
    """Two branches took the same number; the other one was merged."""
    base = checkout.git("rev-parse", "HEAD").strip()
    checkout.good("theirs")
    checkout.commit("theirs")
    checkout.git("update-ref", "refs/remotes/origin/main", "HEAD")
    checkout.git("reset", "--quiet", "--hard", base)
    mine = checkout.good("mine")
    problems = checkout.problems()
    assert f"{mine}.up.sql:0: comes late: origin/main has {checkout.next:06} already" in problems
    assert "is on origin/main and not here: merge" in problems


def test_a_lower_late_number_is_refused_without_main_too(checkout):
    """The list alone tells which came first."""
    checkout.git("update-ref", "-d", "refs/remotes/origin/main")
    listed = checkout.path("sql/migrations.list")
    first, second = checkout.good("first"), f"{checkout.next + 1:06}_second"
    checkout.write(second)
    checkout.run("ops/check-migrations", "--list")
    assert checkout.problems().endswith(GOOD)
    lines = listed.read_text().splitlines()
    late = [line for line in lines if line.startswith(first)]
    kept = [line for line in lines if line not in late]
    listed.write_text("\n".join(kept) + "\n")
    assert f"lacks {first}: it comes late" in checkout.problems()
    checkout.run("ops/check-migrations", "--list")
    assert f"lacks {first}: it comes late" in checkout.problems()
    listed.write_text("\n".join(kept + late) + "\n")
    assert f"{first} stands behind" in checkout.problems()


def test_a_published_migration_that_changes_is_refused(checkout):
    path = checkout.path("sql/migrations/000011_outbox_discards.up.sql")
    path.write_text(path.read_text() + "-- mended\n")
    for _ in range(2):
        problems = checkout.problems()
        assert "000011_outbox_discards.up.sql:0: is published on origin/main and" in problems
        assert "has another digest of 000011_outbox_discards" in problems
        checkout.run("ops/check-migrations", "--list")
    checkout.git("update-ref", "-d", "refs/remotes/origin/main")
    assert "has another digest of 000011_outbox_discards" in checkout.problems()


def test_a_published_migration_that_is_gone_is_refused(checkout):
    last = sorted(checkout.path("sql/migrations").glob("*.up.sql"))[-1]
    stem = last.name.removesuffix(".up.sql")
    last.unlink()
    last.with_name(f"{stem}.down.sql").unlink()
    checkout.run("ops/check-migrations", "--list")
    problems = checkout.problems()
    assert f"{stem}.up.sql:0: is on origin/main and not here" in problems
    assert f"names {stem}, which is not there" in problems


def test_a_main_that_does_not_exist_is_told(checkout):
    done = checkout.run("ops/check-migrations", NEXUS_MAIN="nowhere")
    assert done.returncode == 1 and "NEXUS_MAIN=nowhere is no commit" in done.stderr


# ---------------------------------------------------------------- squawk


@pytest.mark.parametrize("statement, rule", [
    ("ALTER TABLE risk.alerts ALTER COLUMN detail TYPE text;", "changing-column-type"),
    ("ALTER TABLE risk.alerts DROP COLUMN IF EXISTS detail;", "ban-drop-column"),
    ("DROP TABLE IF EXISTS risk.alerts;", "ban-drop-table"),
    ("CREATE TABLE IF NOT EXISTS thing (a bigint);", "require-table-schema"),
    ("ALTER TABLE risk.alerts ALTER COLUMN detail SET NOT NULL;", "adding-not-nullable-field"),
])
def test_what_squawk_finds_is_refused(checkout, statement, rule):
    checkout.good(up=GOOD_UP + "\n" + statement + "\n")
    assert f"squawk {rule}: " in checkout.problems()


def test_an_exclusion_without_a_reason_is_refused(checkout):
    path = checkout.path("sql/squawk.toml")
    text = path.read_text()
    path.write_text(text.replace("excluded_rules = [", 'excluded_rules = [\n    "ban-drop-table",'))
    assert "excludes ban-drop-table and does not say why" in checkout.problems()
    path.write_text(text.replace("excluded_rules = [", 'excluded_rules = ["ban-drop-table",'))
    assert "several in a line" in checkout.problems()
    path.write_text(text + '\n000002_positions_log = ["ban-drop-table"]\n')
    problems = checkout.problems()
    assert "excludes 000002_positions_log and does not say why" in problems
    assert "allows 000002_positions_log ban-drop-table, which is not found there" in problems
    path.write_text('excluded_paths = ["sql/migrations/*"]\n' + text)
    assert "excludes paths" in checkout.problems()


def test_a_line_that_squawk_ignores_says_why(checkout):
    drop = "\n{}-- squawk-ignore ban-drop-table\nDROP TABLE IF EXISTS risk.alerts;\n"
    stem = checkout.good(up=GOOD_UP + drop.format(""))
    assert "ignores squawk and does not say why" in checkout.problems()
    checkout.write(stem, up=GOOD_UP + drop.format("-- Nobody reads it any more.\n"))
    checkout.run("ops/check-migrations", "--list")
    assert checkout.problems().endswith(GOOD)


def test_a_squawk_that_is_not_there_is_told(checkout):
    done = checkout.run("ops/check-migrations", SQUAWK="/nowhere/squawk")
    assert done.returncode == 1 and "/nowhere/squawk" in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
