"""The pages of sql/docs: what they are made of, and that their diagrams are ones for Mermaid."""
import pathlib
import re
import subprocess

import pytest

import diagrams
import pages

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCS = ROOT / "sql/docs"


def column(name, type="text", not_null=True, **facts):
    return dict(name=name, type=type, not_null=not_null, identity="", generated="", default=None,
                comment=f"The {name}.") | facts


def constraint(name, kind, columns, definition="", to=None):
    return dict(name=name, kind=kind, columns=columns, definition=definition, to=to, comment=None)


def relation(schema, name, columns, constraints=(), kind="r", **facts):
    return dict(schema=schema, name=name, kind=kind, comment="A row is one.", partitioned=None,
                definition=None, columns=columns, constraints=list(constraints), indexes=[],
                triggers=[], reads=[], rights={}, hidden=[]) | facts


@pytest.fixture
def catalogue():
    return dict(
        schemas=[dict(name="capital", comment="Money."), dict(name="positions", comment=None)],
        routines=[],
        roles=[],
        definitions=[],
        relations=[
            relation("capital", "accounts", [column("account_id", "bigint")],
                     [constraint("account_has_one_id", "p", ["account_id"])]),
            relation("capital", "allocations", [
                column("allocation_id", "bigint"), column("account_id", "bigint"),
                column("amount", "numeric(38,18)"),
                column("until", "timestamp with time zone", not_null=False),
                column("tags", "text[]"), column("position_id", "uuid", not_null=False)], [
                constraint("allocation_has_one_id", "p", ["allocation_id"]),
                constraint("allocation_belongs_to_an_account", "f", ["account_id"],
                           "FOREIGN KEY (account_id) REFERENCES capital.accounts(account_id)",
                           ["capital", "accounts"]),
                constraint("amount_is_positive", "c", ["amount"],
                           "CHECK ((amount > 0) OR (a || 'x|y' <> '`'))")]),
            relation("positions", "streams", [column("position_id", "uuid")],
                     [constraint("stream_has_one_id", "p", ["position_id"])]),
            relation("capital", "free", [column("account_id", "bigint", not_null=False)],
                     kind="v", definition="SELECT", reads=["capital.accounts"]),
        ])


# ---------------------------------------------------------------- diagrams


def test_a_diagram_has_tables_columns_keys_and_links(catalogue):
    text = diagrams.page(catalogue)
    (across, links), (boxes, inside), _ = diagrams.parse(text)
    assert across == {} and links == [("positions_streams", "capital_allocations")]
    assert "positions_streams |o..o{ capital_allocations : position_id\n" in text
    assert boxes["capital_allocations"] == ["allocation_id", "account_id", "amount", "until",
                                            "tags", "position_id"]
    assert inside == [("capital_accounts", "capital_allocations")]
    for line in ("bigint allocation_id PK", "bigint account_id FK", "numeric amount",
                 'timestamptz until "null"', "text[] tags", "capital_accounts ||--o{ "
                 "capital_allocations : allocation_belongs_to_an_account"):
        assert f"    {line}\n" in text
    assert "capital_free" not in text


@pytest.mark.parametrize("line", [
    "a.b ||--o{ c : d", "a ||--o{ c", "a ||--x{ c : d", "a ||--o{ c : d e", "a {}", "}",
    "1a ||--o{ c : d", "title ||--o{ c : d", "a --> b : c"])
def test_a_line_that_mermaid_would_not_take_is_found(line):
    with pytest.raises(ValueError, match="^3: "):
        diagrams.parse(f"```mermaid\nerDiagram\n    {line}\n```\n")


@pytest.mark.parametrize("line", [
    "numeric(38,18) amount", "bigint", "bigint id pk", "bigint id PK FK", "time stamp at PK",
    "bigint id PK null"])
def test_an_attribute_that_mermaid_would_not_take_is_found(line):
    with pytest.raises(ValueError, match="^4: no attribute"):
        diagrams.parse(f"```mermaid\nerDiagram\n    a {{\n        {line}\n    }}\n```\n")


@pytest.mark.parametrize("text", [
    "```mermaid\ngraph TD\n```\n", "```mermaid\nerDiagram\n", "```mermaid\nerDiagram\n  a {\n```\n",
    "```mermaid\nerDiagram\n  a {\n  }\n  a {\n  }\n```\n"])
def test_a_diagram_that_is_none_is_found(text):
    with pytest.raises(ValueError):
        diagrams.parse(text)


def test_the_committed_diagrams_are_ones_for_mermaid_and_have_every_table():
    text = (DOCS / "schema-diagrams.md").read_text()
    found = diagrams.parse(text)
    boxes = set().union(*(boxes for boxes, _ in found))
    linked = {name for _, links in found for link in links for name in link}
    assert linked <= boxes
    for page in (DOCS / "schemas").glob("*.md"):
        tables = re.search(r"^## Tables\n(.*?)(?=^## |\Z)", page.read_text(), re.M | re.S)
        for name in re.findall(r"^### (\w+)", tables[1] if tables else "", re.M):
            assert diagrams.entity(page.stem, name) in boxes


# ---------------------------------------------------------------- pages


def test_a_bar_or_a_backquote_does_not_end_a_cell(catalogue):
    text = pages.constraints(catalogue)
    row, = [line for line in text.splitlines() if "amount_is_positive" in line]
    assert r"`` ((amount > 0) OR (a \|\| 'x\|y' <> '`')) ``" in row
    assert len(re.split(r"(?<!\\)\|", row)) == 5


def test_a_page_of_a_schema_has_tables_and_views(catalogue):
    text = pages.schema(catalogue, catalogue["schemas"][0])
    assert "| `until` | timestamptz | null |  | The until. |" in text
    assert "| `amount_is_positive` | CHECK |" in text
    assert "### free\n\nView. A row is one." in text
    assert "Reads `capital.accounts`." in text
    assert "### streams" not in text


def test_the_head_of_a_query_says_what_it_is_for(tmp_path):
    (tmp_path / "open_breaches.sql").write_text(
        "-- Breaches that stand,\n-- the oldest first.\n--\n-- Index: risk.breaches_open\n"
        "--   (partial)\n-- Called by: the desk\n\nSELECT 1;\n")
    text = pages.queries(tmp_path)
    assert "## open_breaches\n\nBreaches that stand, the oldest first.\n\n" \
           "- Index: risk.breaches_open (partial)\n- Called by: the desk\n\n" \
           "```sql\nSELECT 1;\n```\n" in text


def test_every_committed_query_says_what_it_answers():
    for path in sorted((ROOT / "sql/queries").glob("*.sql")):
        said, _ = pages.head_of(path.read_text())
        assert len(said.split()) >= 3, f"{path} does not say in its head what it answers"


@pytest.mark.parametrize("value, shown", [
    (None, "null"), (True, "`true`"), (5, "`5`"), ("10 minutes", "`10 minutes`"),
    (["log"], '`["log"]`'), ({}, "`{}`")])
def test_a_default_is_shown_as_json(value, shown):
    assert pages.default_value(dict(default_value=value)) == shown


def test_the_pages_name_no_partition_no_slot_and_no_date():
    for path in [*DOCS.glob("schemas/*.md"), DOCS / "roles.md", DOCS / "schema-diagrams.md"]:
        text = path.read_text()
        assert not re.search(r"_p20\d\d|_y20\d\dm\d\d|_rows_[123]\b", text), path
        assert text.startswith("<!-- Made by ops/database-docs")


def test_without_a_database_the_script_says_what_it_needs(monkeypatch):
    monkeypatch.delenv("PGDATABASE", raising=False)
    done = subprocess.run([ROOT / "ops/database-docs"], capture_output=True, text=True)
    assert done.returncode == 1 and "Name a migrated one in PGDATABASE" in done.stderr
